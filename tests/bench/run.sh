#!/bin/bash
# Measures kftrayctl and kubectl in turns, on the real cluster, and the desktop program in an X server
# of its own. Writes the tables into docs/performance.md (between its two markers) and the plots into
# docs/images; --print only prints.
#
#   run.sh [--print] [--rounds N] [--quick]     everything, anew
#   run.sh --only WORKLOAD,… [--contenders WORD,…]   repeats some of it; --help lists the workloads
#   run.sh --udp       only prints: UDP through a relay pod, see udp.py
#   run.sh --where     only prints: what the servers take of connections and echoes, see where.py
#
# Each number goes to build/bench.json as it comes (--json FILE; build/bench-quick.json with --quick).
# `report.py FILE` prints the tables from it. What fails is tried again once; if that fails as well the
# others go on, the tables name it, and the exit status is 1.
#
# KFTRAYCTL, KFTRAY  the programs to measure, built optimised (default: build/release/bin/…, which are
#                    built)
# KEEP=1             leave cluster, gateway and link running
#
# Needs root: the cluster and the link emulator make namespaces. About 27 minutes for 3 rounds.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
export K8S_DIR=${K8S_DIR:-/tmp/kftray-k8s}
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY KUBECONFIG

# shellcheck source=packaging/packages.sh
. "$ROOT/packaging/packages.sh"
packages_window="xvfb xdotool xfwm4 xfce4-panel dbus dbus-daemon python3-gi gir1.2-glib-2.0 fonts-cantarell"
# shellcheck disable=SC2086 # one word per package
install_packages $packages_build $packages_ui $packages_window socat gnuplot-nox python3
case "${1:-}" in
--udp) ;;
--where) install_packages tcpdump ;;
*)
    bench=(python3 "$HERE/bench.py" --json "$ROOT/build/bench.json" --document "$ROOT/docs/performance.md"
        --plots "$ROOT/docs/images" "$@")
    case " $* " in
    *" --help "* | *" -h "*) exec "${bench[@]}" ;;
    esac
    "${bench[@]}" --check # before anything is brought up
    ;;
esac
command -v kubectl >/dev/null || install_packages kubernetes-client
if [ -z "${KFTRAYCTL:-}" ] || [ -z "${KFTRAY:-}" ]; then
    cmake -S "$ROOT" -B "$ROOT/build/release" -G Ninja -DCMAKE_BUILD_TYPE=Release -DKFT_BUILD_UI=ON >&2
    cmake --build "$ROOT/build/release" --target kftrayctl kftray >&2
fi
export KFTRAYCTL=${KFTRAYCTL:-$ROOT/build/release/bin/kftrayctl}
export KFTRAY=${KFTRAY:-$ROOT/build/release/bin/kftray}

kube=$ROOT/tests/cluster/kube.sh
gateway=$ROOT/tests/support/gateway/gateway.sh
export LINK=$ROOT/tests/support/link/link.sh

# Not beside the cluster tests, which use the same things. Daemons get no copy of the lock.
mkdir -p "$K8S_DIR"
exec 8>"$K8S_DIR/suite.lock"
flock 8

kube_was_up=""
gateway_was_up=""
"$kube" status >/dev/null 2>&1 && kube_was_up=1
"$gateway" status && gateway_was_up=1

cleanup() {
    [ -n "${KEEP:-}" ] || "$LINK" down
    [ -n "$gateway_was_up${KEEP:-}" ] || "$gateway" down
    [ -n "$kube_was_up${KEEP:-}" ] || "$kube" down >&2
}
trap cleanup EXIT

"$kube" up >&2 8>&-
if [ "${1:-}" = --udp ]; then
    shift
    python3 "$HERE/udp.py" "$@"
    exit
fi
"$gateway" up >&2 8>&-
if [ "${1:-}" = --where ]; then
    shift
    python3 "$HERE/where.py" "$@"
    exit
fi
"$LINK" up "delay 20ms" 8>&-
"${bench[@]}"
