#!/usr/bin/env bash
# Installs what the tests need, builds, and passes everything, or a part:
#
#   tests/run.sh [all]       everything below
#   tests/run.sh checks      layering, banned calls, lengths, format, headers, docs
#   tests/run.sh unit        parsers and small pieces
#   tests/run.sh loop        network and Kubernetes modules against loopback fakes
#   tests/run.sh engine      the engine by its public headers
#   tests/run.sh fuzz        replays of the fuzz corpora
#   tests/run.sh cli         kftrayctl's commands: configs, files, run, terminals, completion
#   tests/run.sh cases       kftrayctl forward against the scripted API server
#   tests/run.sh server      kftray-server against clients, targets and name servers
#   tests/run.sh kubectl     the scripted API server against somebody else's client
#   tests/run.sh ui          the desktop program in X servers of its own, plain and under the sanitizers
#   tests/run.sh network     kftrayctl over a link that is slow, lossy, down or a black hole
#   tests/run.sh diagnose    kftrayctl diagnose over broken set-ups; no secret in any debug log
#   tests/run.sh proxies     requests and forwards through real proxies and gateways
#   tests/run.sh cluster     kftrayctl and the desktop program against a real Kubernetes
#   tests/run.sh soak        two minutes of random faults, from a seed
#   tests/run.sh torture     each fallible call failing in turn, under the sanitizers
#   tests/run.sh asan        unit to cases and the soak again, under AddressSanitizer and UBSan (clang)
#   tests/run.sh tsan        unit, loop and engine again, under ThreadSanitizer (clang)
#   tests/run.sh tidy        clang-tidy; what was clean and is unchanged is not looked at again
#
# Builds live in build/tests, build/asan and build/tsan. What the cluster needs is cached outside the
# checkout, see tests/cluster/kube.sh.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top"
# shellcheck source=packaging/packages.sh
. packaging/packages.sh

jobs=$(nproc)
# Most tests wait more than they compute: for answers that are late on purpose, for the next try.
waiting=$((jobs * 2))

packages_tests="$packages_build $packages_demo clang-14 clang-format-14 clang-tidy-14 libclang-rt-14-dev
  llvm-14 libwslay-dev zlib1g-dev git procps iproute2 curl python3-websockets mandoc zsh fish
  dbus dbus-daemon gnome-keyring python3-gi gir1.2-glib-2.0 softhsm2 libengine-pkcs11-openssl"
packages_proxies="tinyproxy-bin squid-openssl microsocks dante-server mitmproxy nginx-light dnsmasq-base
  iproute2 util-linux krb5-kdc krb5-admin-server krb5-user"

packages_ui_tests="$packages_ui xvfb xauth xdotool xfwm4 xfce4-panel dbus dbus-daemon at-spi2-core gir1.2-atspi-2.0
  python3-gi gir1.2-glib-2.0 desktop-file-utils libxml2-utils fonts-cantarell imagemagick gsettings-desktop-schemas python3-dbusmock"

install_test_packages() {
  # shellcheck disable=SC2086 # one word per package
  install_packages $packages_tests
  command -v kubectl >/dev/null || install_packages kubernetes-client
}

# build NAME CMAKE-ARGUMENT…
build() {
  local name=$1
  shift
  [ -z "${KFT_BUILT:-}" ] || return 0
  echo "== build: $name"
  cmake -S . -B "build/$name" -G Ninja -DKFT_BUILD_UI="${ui:-OFF}" -DKFT_WERROR=ON "$@" >/dev/null
  cmake --build "build/$name" -- --quiet
}

build_tests() { build tests -DCMAKE_C_COMPILER=gcc; }
build_asan() {
  build asan -DCMAKE_C_COMPILER=clang-14 -DCMAKE_BUILD_TYPE=Debug -DKFT_FAULTS=ON \
    -DKFT_SANITIZE=address,undefined
}
build_ui() {
  # shellcheck disable=SC2086 # one word per package
  install_packages $packages_ui_tests
  ui=ON build ui -DCMAKE_C_COMPILER=gcc
}
build_ui_asan() {
  ui=ON build ui-asan -DCMAKE_C_COMPILER=clang-14 -DCMAKE_BUILD_TYPE=Debug -DKFT_SANITIZE=address,undefined
}
build_tsan() { build tsan -DCMAKE_C_COMPILER=clang-14 -DCMAKE_BUILD_TYPE=Debug -DKFT_SANITIZE=thread; }

# run_ctest BUILD LABEL-REGEX [CTEST-ARGUMENT…]
run_ctest() {
  local name=$1 labels=$2
  shift 2
  echo "== tests: $name, $labels"
  ctest --test-dir "build/$name" -L "^($labels)\$" --output-on-failure --no-tests=error "$@"
}

run_asan() {
  run_ctest asan "unit|loop|engine|fuzz" -j "$waiting"
  run_ctest asan "cli|cases|server|soak" -j 3
}

run_ui_asan() {
  build_ui_asan
  run_ctest ui-asan ui
}

run_part() {
  case $1 in
  checks) build_tests && run_ctest tests checks -j "$jobs" ;;
  unit | loop | fuzz) build_tests && run_ctest tests "$1" -j "$waiting" ;;
  engine | cli | cases | diagnose | kubectl | server | soak) build_tests && run_ctest tests "$1" ;;
  proxies)
    # shellcheck disable=SC2086 # one word per package
    install_packages $packages_proxies
    build_tests
    run_ctest tests proxies
    ;;
  ui)
    build_ui
    run_ctest ui ui
    run_ui_asan
    ;;
  network | cluster)
    build_tests
    if [ "$1" = cluster ]; then
      # The desktop program's tests run against the real cluster, too.
      build_ui
      export KFTRAY=$top/build/ui/bin/kftray
    fi
    # Namespaces, mounts and containers: root's work.
    if [ "$(id -u)" -ne 0 ]; then
      sudo -E "$top/tests/run.sh" "$1"
    else
      run_ctest tests "$1" -j 3
    fi
    ;;
  torture) build_asan && run_ctest asan torture ;;
  asan)
    build_asan
    run_asan
    run_part torture
    ;;
  # The keyring has no thread of ours; those of GDBus are not instrumented and look like races.
  tsan) build_tsan && run_ctest tsan "unit|loop|engine" -E "^remote-keyring" -j "$waiting" ;;
  tidy)
    # clang's builds: it does not know all of gcc's flags. That without the desktop has the fault points.
    # shellcheck disable=SC2086
    install_packages $packages_ui
    build_asan
    build_ui_asan
    find src -name '*.c' ! -path 'src/app/*' -print0 | xargs -0 .ci/checks/tidy build/asan
    .ci/checks/tidy build/ui-asan src/app/*.c
    ;;
  all)
    # The longest beside others: they wait more than they compute. The cluster's is the longest of all and
    # begins when the network's ends. The windows under the sanitizers compute most: they have only the
    # cluster's beside them.
    build_tests
    run_ctest tests "checks|unit|loop|fuzz" -j "$waiting"
    begin_part network
    run_ctest tests "engine|cli|cases|diagnose|kubectl|server|soak" -j "$waiting"
    run_part proxies
    build_asan
    begin_part torture
    build_ui
    run_ctest ui ui
    end_part network
    begin_part cluster
    run_asan
    run_part tsan
    run_part tidy
    end_part torture
    run_ui_asan
    end_part cluster
    ;;
  *)
    sed -n '2,24s/^# \{0,1\}//p' "$top/tests/run.sh" >&2
    exit 2
    ;;
  esac
}

# Runs a part, whose build is there, beside others; its output comes with end_part.
begin_part() {
  mkdir -p build
  KFT_BUILT=1 setsid "$top/tests/run.sh" "$1" >"build/part-$1.log" 2>&1 &
  beside[$1]=$!
}

end_part() {
  local status=0
  wait "${beside[$1]}" || status=$?
  unset "beside[$1]"
  cat "build/part-$1.log"
  return "$status"
}

stop_parts() {
  local pid
  for pid in "${beside[@]}"; do
    kill -- -"$pid" 2>/dev/null || true
  done
}

declare -A beside
trap stop_parts EXIT
install_test_packages
for part in "${@:-all}"; do
  run_part "$part"
done
