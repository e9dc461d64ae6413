#!/bin/bash
# Two network namespaces with an emulated link between them. What runs in the near one reaches
# the test cluster's API server and gateway only over that link, at 10.120.1.2.
#
#   link.sh up [SETTING…]    make the namespaces and start; settings as "delay 20ms" (one way)
#   link.sh set SETTING…     change it while it runs: "blackhole on", "loss 1% ab", "rate off"
#   link.sh stats            packets that passed and that were lost
#   link.sh exec COMMAND…    run a command in the near namespace
#   link.sh down             stop, remove the namespaces
#   link.sh status           0 if it runs
#   link.sh check            measure that delay, rate, loss and black hole are what was set
#                            (with Debian's busybox and socat)
#
# `up` writes $K8S_DIR/link-USER.kubeconfig and link-tunnel-USER.kubeconfig where the cluster,
# and the gateway, are there. KFT_LINK names a kft-link that is built already; LINK_DIR, LINK_NEAR,
# LINK_FAR and API_PORT make it another link beside this one. Needs root.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
K=${K8S_DIR:-/tmp/kftray-k8s}
RUN=${LINK_DIR:-$K/run/link}
API_PORT=${API_PORT:-16443}
GATEWAY_PORT=${GATEWAY_PORT:-16543}
NEAR=${LINK_NEAR:-kft-near}
FAR=${LINK_FAR:-kft-far}
NEAR_ADDR=10.120.1.1
FAR_ADDR=10.120.1.2

starttime() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

running() {
    local p s
    [ -s "$RUN/pid" ] && read -r p s <"$RUN/pid" && [ -n "$s" ] && [ "$(starttime "$p")" = "$s" ]
}

program() {
    local out=$RUN/kft-link
    if [ -n "${KFT_LINK:-}" ]; then
        echo "$KFT_LINK"
        return
    fi
    if [ ! -x "$out" ] || [ -n "$(find "$HERE" -name '*.[ch]' -newer "$out")" ]; then
        gcc -std=gnu11 -D_GNU_SOURCE -O2 -pthread -o "$out" "$HERE"/*.c
    fi
    echo "$out"
}

kubeconfigs() {
    local f
    umask 077
    for f in "$K"/*.kubeconfig; do
        case ${f##*/} in
        link-* | '*'*) ;;
        *) sed "s#https://127.0.0.1:#https://$FAR_ADDR:#" "$f" >"$K/link-${f##*/}" ;;
        esac
    done
}

namespaces() {
    local n
    for n in $NEAR $FAR; do
        [ -e "/run/netns/$n" ] || ip netns add "$n"
        ip -n "$n" link set lo up
    done
}

addresses() {
    ip -n $NEAR addr add $NEAR_ADDR/30 dev kft0
    ip -n $FAR addr add $FAR_ADDR/30 dev kft0
    ip -n $NEAR link set kft0 up
    ip -n $FAR link set kft0 up
}

up() {
    local exe pid s args=()
    mkdir -p "$RUN"
    if running; then
        set_all "$@"
        return
    fi
    exe=$(program)
    namespaces
    for s in "$@"; do args+=(--set "$s"); done
    : >"$RUN/log" # a `ready` of the last time must not be taken for this one's
    setsid "$exe" --a /run/netns/$NEAR --b /run/netns/$FAR --control "$RUN/control" \
        --relay "$FAR_ADDR:$API_PORT=127.0.0.1:$API_PORT" \
        --relay "$FAR_ADDR:$GATEWAY_PORT=127.0.0.1:$GATEWAY_PORT" \
        "${args[@]}" >"$RUN/log" 2>&1 </dev/null &
    pid=$!
    for _ in $(seq 1200); do
        grep -q ready "$RUN/log" && break
        kill -0 $pid 2>/dev/null || break
        sleep 0.05
    done
    if ! grep -q ready "$RUN/log"; then
        cat "$RUN/log" >&2
        kill "$pid" 2>/dev/null || true
        down
        exit 1
    fi
    echo "$pid $(starttime $pid)" >"$RUN/pid"
    addresses
    kubeconfigs
}

set_all() {
    local s
    for s in "$@"; do "$(program)" --control "$RUN/control" --send "$s" >/dev/null; done
}

down() {
    local p n
    if running; then
        read -r p _ <"$RUN/pid"
        kill "$p"
    fi
    rm -f "$RUN/pid" "$RUN/control"
    for n in $NEAR $FAR; do
        [ ! -e "/run/netns/$n" ] || ip netns del "$n"
    done
    return 0
}

near() { ip netns exec $NEAR "$@"; }

pings() { near busybox ping -q -W 1 "$@" $FAR_ADDR; }
rtt_ms() { pings -c 20 -i 0.05 | sed -n 's#^round-trip.* = \([0-9.]*\)/.*#\1#p'; } # the least
received() { pings "$@" | awk '/received/ { print $4 }'; }

within() { # name value least most
    if awk -v v="$2" -v a="$3" -v b="$4" 'BEGIN { exit !(v != "" && v >= a && v <= b) }'; then
        echo "ok - $1: $2"
    else
        echo "not ok - $1: $2, want $3 to $4"
        return 1
    fi
}

seconds() { # command...: how long it takes
    local a b
    a=$(date +%s.%N)
    "$@" >/dev/null 2>&1 || true
    b=$(date +%s.%N)
    awk -v a="$a" -v b="$b" 'BEGIN { printf "%.2f", b - a }'
}

# 5 MB from the far namespace to the near one, over TCP.
transfer() {
    ip netns exec $FAR socat -u OPEN:/dev/zero,readbytes=5000000 TCP-LISTEN:9,bind=$FAR_ADDR,reuseaddr &
    sleep 0.3
    near socat -u TCP:$FAR_ADDR:9 OPEN:/dev/null
    wait $!
}

# The lower bounds are what was asked for; the upper ones only tell the settings apart, since a busy
# machine may add anything.
check() {
    local failed=0
    up "delay 20ms"
    within "round trip with 20 ms each way, ms" "$(rtt_ms)" 40 200 || failed=1
    set_all "delay 1ms"
    within "round trip with 1 ms each way, ms" "$(rtt_ms)" 2 30 || failed=1
    set_all "rate 40mbit"
    within "5 MB at 40 Mbit/s, s" "$(seconds transfer)" 1.2 20 || failed=1
    set_all "rate off" "loss 50%"
    within "of 40 pings with 50 % loss each way" "$(received -c 40 -i 0.02)" 3 18 || failed=1
    set_all "loss off" "blackhole on"
    within "of 3 pings into the black hole" "$(received -c 3 -i 0.1)" 0 0 || failed=1
    set_all "blackhole off"
    within "round trip afterwards, ms" "$(rtt_ms)" 2 30 || failed=1
    down
    return $failed
}

case ${1:-} in
up | down | check) "$@" ;;
set) shift; set_all "$@" ;;
stats) "$(program)" --control "$RUN/control" --send stats ;;
exec) shift; exec ip netns exec $NEAR "$@" ;; # the command gets this process's pid
status) running ;;
*)
    sed -n '2,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
    ;;
esac
