# kft_add_module(NAME SOURCES … [MODULES …] [LIBRARIES …] [PRIVATE_LIBRARIES …])
#
# One static library per module. A module's headers are included as "<module>/<noun>.h"; only modules
# named in MODULES are on its include path, so an include that the layering forbids does not compile.

function(kft_add_module name)
  cmake_parse_arguments(arg "" "" "SOURCES;MODULES;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  add_library(kft-${name} STATIC ${arg_SOURCES})
  # The folder with a link of the module's own name in it: "<module>/<noun>.h" and nothing beside.
  set(view "${CMAKE_BINARY_DIR}/include-${name}")
  file(MAKE_DIRECTORY "${view}")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${view}/${name}" SYMBOLIC)
  target_include_directories(kft-${name}
    PUBLIC "${CMAKE_SOURCE_DIR}/include"
    INTERFACE "${view}"
    PRIVATE "${view}")
  target_link_libraries(kft-${name} PUBLIC PkgConfig::GLIB ${arg_LIBRARIES}
                                    PRIVATE kft-flags ${arg_PRIVATE_LIBRARIES})
  foreach(module IN LISTS arg_MODULES)
    target_link_libraries(kft-${name} PUBLIC kft-${module})
  endforeach()
endfunction()

# kft_add_test(NAME LABEL label SOURCES … LIBRARIES … [TIMEOUT seconds] [ENVIRONMENT …])
# A GLib test program, run by ctest with TAP output.
function(kft_add_test name)
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "SOURCES;LIBRARIES;ENVIRONMENT" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 900)
  endif()
  add_executable(test-${name} ${arg_SOURCES})
  target_link_libraries(test-${name} PRIVATE kft-flags ${arg_LIBRARIES} PkgConfig::GLIB)
  add_test(NAME ${name} COMMAND test-${name} --tap)
  set_tests_properties(${name} PROPERTIES
    LABELS "${arg_LABEL}" TIMEOUT ${arg_TIMEOUT}
    ENVIRONMENT "G_SLICE=always-malloc;G_DEBUG=gc-friendly,fatal-criticals;KFT_SOURCE_DIR=${CMAKE_SOURCE_DIR};${arg_ENVIRONMENT}")
endfunction()
