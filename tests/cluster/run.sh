#!/bin/bash
# Runs the cluster tests: brings the real Kubernetes and the tunnelling gateway up (they are left
# up if they were), then forwards through them. TAP on stdout, status 1 if a test failed.
#
#   run.sh [NAME…]     only the tests whose name contains one of the words
#   run.sh --list      names
#
# KFTRAYCTL   the program under test (default build/bin/kftrayctl of this checkout)
# KFTRAY      the desktop program; without it the tests of that are skipped
# PF_CMD      another forwarder instead, as `PF_CMD='kubectl port-forward' run.sh`; what it is
#             known not to do is skipped
# KEEP=1      leave cluster and gateway running at the end
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
export K8S_DIR=${K8S_DIR:-/tmp/kftray-k8s}
export KFTRAYCTL=${KFTRAYCTL:-$ROOT/build/bin/kftrayctl}
export KFT_TEST_CACHE=${KFT_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kftray-tests}
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY KUBECONFIG

if [ "${1:-}" = --list ]; then
    exec python3 "$HERE/suite.py" --list
fi

if [ -z "${PF_CMD:-}" ] && [ ! -x "$KFTRAYCTL" ]; then
    echo "Bail out! no program at $KFTRAYCTL"
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "1..0 # SKIP the cluster needs root"
    exit 77
fi

# Two runs on one cluster would delete each other's pods. Daemons get no copy of the lock.
mkdir -p "$K8S_DIR"
exec 8>"$K8S_DIR/suite.lock"
flock 8

gateway=$ROOT/tests/support/gateway/gateway.sh
was_up=""
gateway_was_up=""
"$gateway" status && gateway_was_up=1
"$HERE/kube.sh" status >/dev/null 2>&1 && was_up=1

cleanup() {
    [ -n "$gateway_was_up${KEEP:-}" ] || "$gateway" down
    [ -n "$was_up${KEEP:-}" ] || "$HERE/kube.sh" down >&2
}
trap cleanup EXIT

"$HERE/kube.sh" up >&2 8>&-
"$gateway" up >&2 8>&-
python3 "$HERE/suite.py" "$@"
