#!/usr/bin/env bash
# Installs what is needed, builds into build/, and runs kftray, the desktop program.
#
#   packaging/run.sh                               the desktop program
#   packaging/run.sh --hidden                      the same, in the tray only
#   packaging/run.sh forward svc/web 18080:8080    with arguments: those of kftrayctl, which needs no desktop
#   packaging/run.sh --demo                        without a desktop: a demo API server on loopback and a forward to
#                                                  it (the desktop program offers a demo on its first page)
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=packaging/packages.sh
. "$top/packaging/packages.sh"

# build UI TARGET…: with the desktop program (ON) or without GTK (OFF).
build() {
  local ui=$1 log
  shift
  # shellcheck disable=SC2086 # one word per package
  install_packages $packages_build
  # shellcheck disable=SC2086
  [ "$ui" = OFF ] || install_packages $packages_ui
  log=$(mktemp)
  echo "Building into build/ …" >&2
  if ! { cmake -S "$top" -B "$top/build" -G Ninja -DKFT_BUILD_TESTS=OFF -DKFT_BUILD_UI="$ui" &&
    cmake --build "$top/build" --target "$@"; } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
  fi
  rm -f "$log"
}

desktop() {
  if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; then
    echo "There is no display for kftray. kftrayctl does its work without one:" >&2
    build OFF kftrayctl
    exec "$top/build/bin/kftrayctl" --help
  fi
  # shellcheck disable=SC2086
  install_packages $packages_demo
  build ON kftray kftrayctl
  exec "$top/build/bin/kftray" "$@"
}

demo() {
  # shellcheck disable=SC2086
  install_packages $packages_demo
  local dir server port=${KFT_DEMO_PORT:-18080}
  dir=$(mktemp -d)
  /usr/bin/python3 "$top/tests/fakes/apiserver.py" --demo --dir "$dir" --ready "$dir/ready" >"$dir/log" 2>&1 &
  server=$!
  # shellcheck disable=SC2064 # the values of now
  trap "kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf '$dir'" EXIT
  # It makes the file when it can be used, and ends if it cannot start.
  until [ -s "$dir/ready" ]; do
    kill -0 "$server" 2>/dev/null || {
      echo "error: the demo API server did not start:" >&2
      cat "$dir/log" >&2
      exit 1
    }
    sleep 0.1
  done
  local line forward
  exec {lines}< <(exec "$top/build/bin/kftrayctl" forward --kubeconfig "$dir/kubeconfig" \
    svc/web "$port:8080")
  forward=$!
  # shellcheck disable=SC2064
  trap "kill $forward $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf '$dir'" EXIT
  trap 'exit 0' INT TERM
  while IFS= read -r line <&"$lines"; do
    echo "$line"
    [[ $line == "Forwarding from 127.0.0.1:"* ]] || continue
    # The line for IPv6, where there is one, comes right behind it.
    IFS= read -r -t 1 line <&"$lines" && echo "$line"
    cat >&2 <<TEXT

A demo cluster runs on this machine, and port $port leads to a pod in it. Open

    http://127.0.0.1:$port/

or run "curl http://127.0.0.1:$port/". kubectl can look at the demo cluster, too:
"kubectl --kubeconfig $dir/kubeconfig get pods". Ctrl-C ends it.

TEXT
  done
  wait "$forward"
}

case ${1:-} in
"" | --hidden)
  desktop "$@"
  ;;
--demo)
  build OFF kftrayctl
  demo
  ;;
*)
  build OFF kftrayctl
  exec "$top/build/bin/kftrayctl" "$@"
  ;;
esac
