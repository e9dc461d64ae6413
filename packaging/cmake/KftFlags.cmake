# Compiler and linker flags of the whole project, as the interface target kft-flags.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

add_library(kft-flags INTERFACE)
target_compile_definitions(kft-flags INTERFACE
  _GNU_SOURCE
  KFT_VERSION="${PROJECT_VERSION}"
  GLIB_VERSION_MIN_REQUIRED=GLIB_VERSION_2_74
  GLIB_VERSION_MAX_ALLOWED=GLIB_VERSION_2_74
  $<$<BOOL:${KFT_FAULTS}>:KFT_FAULTS=1>)
target_compile_options(kft-flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes
  -Wmissing-prototypes -Wmissing-declarations -Wold-style-definition -Wpointer-arith -Wcast-align
  -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough -Wnull-dereference
  -Wdouble-promotion -Wredundant-decls -Wdate-time
  -fno-common -fno-strict-aliasing -fvisibility=hidden)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(kft-flags INTERFACE
    -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init -Walloc-zero
    -Wformat-truncation=2 -Wstringop-overflow=4 -Warith-conversion -Wtrampolines)
else()
  target_compile_options(kft-flags INTERFACE
    -Wcomma -Wshorten-64-to-32 -Wconditional-uninitialized -Wunreachable-code -Wextra-semi-stmt)
endif()
if(KFT_WERROR)
  target_compile_options(kft-flags INTERFACE -Werror)
endif()

if(KFT_SANITIZE)
  # One undefined operation ends the test: a report that scrolls by is no failure.
  target_compile_options(kft-flags INTERFACE
    -fsanitize=${KFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(kft-flags INTERFACE -fsanitize=${KFT_SANITIZE})
elseif(KFT_HARDEN)
  target_compile_options(kft-flags INTERFACE
    -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # clang 14 refuses the flag.
    target_compile_options(kft-flags INTERFACE -ftrivial-auto-var-init=zero)
  endif()
  target_link_options(kft-flags INTERFACE
    -Wl,-z,relro,-z,now,-z,noexecstack,-z,defs -Wl,--as-needed)
endif()

include(CheckPIESupported)
check_pie_supported()
