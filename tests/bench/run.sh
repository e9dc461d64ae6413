#!/bin/bash
# Measures kftrayctl and kubectl in turns, on the real cluster, and writes the tables into
# docs/performance.md (between its two markers) and the plots into docs/images; --print only prints.
#
#   run.sh [--print] [--rounds N] [--quick] [--only NAME,…]
#   run.sh --udp       only prints: UDP through a relay pod, see udp.py
#
# KFTRAYCTL  the program to measure, built optimised (default: build/release/bin/kftrayctl, which
#            is built)
# KEEP=1     leave cluster, gateway and link running
#
# Needs root: the cluster and the link emulator make namespaces. Builds Release if KFTRAYCTL is not
# given. About 20 minutes for 3 rounds.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
export K8S_DIR=${K8S_DIR:-/tmp/kftray-k8s}
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY KUBECONFIG

# shellcheck source=packaging/packages.sh
. "$ROOT/packaging/packages.sh"
# shellcheck disable=SC2086 # one word per package
install_packages $packages_build socat gnuplot-nox python3
command -v kubectl >/dev/null || install_packages kubernetes-client
if [ -z "${KFTRAYCTL:-}" ]; then
    cmake -S "$ROOT" -B "$ROOT/build/release" -G Ninja -DCMAKE_BUILD_TYPE=Release -DKFT_BUILD_UI=OFF >&2
    cmake --build "$ROOT/build/release" --target kftrayctl >&2
    KFTRAYCTL=$ROOT/build/release/bin/kftrayctl
fi
export KFTRAYCTL

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
"$LINK" up "delay 20ms" 8>&-
python3 "$HERE/bench.py" --document "$ROOT/docs/performance.md" --plots "$ROOT/docs/images" "$@"
