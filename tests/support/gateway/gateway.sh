#!/bin/bash
# Runs kft-gateway in front of the test cluster, and writes kubeconfigs whose server is the
# gateway: there the port-forward tunnel of API servers 1.31 to 1.35 is spoken.
#
#   gateway.sh up      build if needed, start, write $K8S_DIR/tunnel-USER.kubeconfig
#   gateway.sh down    stop it
#   gateway.sh status  0 if it runs
#
# K8S_DIR       the cluster's state (default /tmp/kftray-k8s), as for tests/cluster/kube.sh
# KFT_GATEWAY   a kft-gateway that is built already
# GATEWAY_PORT  default 16543
# TUNNEL_METHOD POST (default): the user needs `create` on pods/portforward; GET: `get`
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
K=${K8S_DIR:-/tmp/kftray-k8s}
API_PORT=${API_PORT:-16443}
PORT=${GATEWAY_PORT:-16543}
PIDFILE=$K/run/gateway.pid

starttime() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

running() {
    local p s
    [ -s "$PIDFILE" ] && read -r p s <"$PIDFILE" && [ -n "$s" ] && [ "$(starttime "$p")" = "$s" ]
}

program() {
    if [ -n "${KFT_GATEWAY:-}" ]; then
        echo "$KFT_GATEWAY"
        return
    fi
    local out=$K/run/kft-gateway
    if [ ! -x "$out" ] || [ -n "$(find "$HERE" -name '*.[ch]' -newer "$out")" ]; then
        gcc -std=gnu11 -D_GNU_SOURCE -O2 -pthread -o "$out" "$HERE"/*.c -lssl -lcrypto
    fi
    echo "$out"
}

up() {
    local exe pid u
    exe=$(program)
    if ! running; then
        : >"$K/logs/gateway.log" # what the last one said must not be taken for this one's
        setsid "$exe" --listen "127.0.0.1:$PORT" --upstream "127.0.0.1:$API_PORT" \
            --ca "$K/pki/ca.crt" --cert "$K/pki/apiserver.crt" --key "$K/pki/apiserver.key" \
            --tunnel-method "${TUNNEL_METHOD:-POST}" >"$K/logs/gateway.log" 2>&1 </dev/null &
        pid=$!
        for _ in $(seq 1200); do
            grep -q '^listening' "$K/logs/gateway.log" && break
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.05
        done
        if ! grep -q '^listening' "$K/logs/gateway.log"; then
            cat "$K/logs/gateway.log" >&2
            kill "$pid" 2>/dev/null || true
            exit 1
        fi
        echo "$pid $(starttime "$pid")" >"$PIDFILE"
    fi
    umask 077
    for u in "$K"/*.kubeconfig; do
        case ${u##*/} in
        tunnel-* | link-* | admin.kubeconfig) ;; # a client certificate cannot pass
        *) sed "s#127.0.0.1:$API_PORT#127.0.0.1:$PORT#" "$u" >"$K/tunnel-${u##*/}" ;;
        esac
    done
    echo "gateway on 127.0.0.1:$PORT; KUBECONFIG=$K/tunnel-admin-token.kubeconfig"
}

down() {
    local p
    if running; then
        read -r p _ <"$PIDFILE"
        kill "$p"
    fi
    rm -f "$PIDFILE"
}

case ${1:-} in
up | down) "$1" ;;
status) running ;;
*)
    sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
