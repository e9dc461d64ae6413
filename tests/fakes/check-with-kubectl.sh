#!/bin/bash
# Checks the fake API server with somebody else's client: the kubectl of this machine lists pods and port-forwards
# through it, over every transport that this kubectl speaks, with pages, checksums, a refused port and 40 parallel
# requests. TAP output; other versions of kubectl may be named as arguments.
set -u

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
count=0
failed=0
fake=
forward=

cleanup() {
    [ -z "$forward" ] || kill "$forward" 2>/dev/null
    [ -z "$fake" ] || { kill "$fake" 2>/dev/null && wait "$fake" 2>/dev/null; }
    rm -rf "$work"
}
trap cleanup EXIT

result() { # STATUS NAME
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        failed=$((failed + 1))
        echo "not ok $count - $2"
        sed 's/^/# /' "$work"/pf.out "$work"/pf.err 2>/dev/null
    fi
}

fetch() { # PATH-AND-QUERY [CURL ARGUMENTS]
    local path=$1
    shift
    curl --noproxy '*' -sS -m 60 "$@" "http://127.0.0.1:$local_port$path"
}

start_fake() { # ARGUMENTS
    rm -f "$work/ready"
    /usr/bin/python3 "$here/apiserver.py" --certs "$work/certs" --kubeconfig-out "$work/kubeconfig" \
        --ready "$work/ready" --control "$@" >"$work/fake.log" 2>&1 &
    fake=$!
    for _ in $(seq 600); do
        [ -e "$work/ready" ] && break
        kill -0 "$fake" 2>/dev/null || break
        sleep 0.1
    done
    [ -e "$work/ready" ] || { echo "Bail out! the fake does not start"; cat "$work/fake.log"; exit 1; }
    control=$(sed 's/.*"control": \([0-9]*\).*/\1/' "$work/ready")
}

stop_fake() {
    kill "$fake"
    wait "$fake"
    fake=
    grep -q Traceback "$work/fake.log"
    [ $? -ne 0 ] || { sed 's/^/# /' "$work/fake.log"; false; }
}

start_forward() { # ARGUMENTS of kubectl port-forward
    # The child may not have opened them yet when they are read, and then the last one's would be found.
    : >"$work/pf.out"
    : >"$work/pf.err"
    "$kubectl" --kubeconfig "$work/kubeconfig" port-forward "$@" >>"$work/pf.out" 2>>"$work/pf.err" &
    forward=$!
    for _ in $(seq 1200); do
        grep -q '^Forwarding from 127' "$work/pf.out" && break
        kill -0 "$forward" 2>/dev/null || return 1
        sleep 0.05
    done
    local_port=$(sed -n 's/^Forwarding from 127.0.0.1:\([0-9]*\) .*/\1/p' "$work/pf.out" | head -n 1)
    [ -n "$local_port" ]
}

stop_forward() {
    kill "$forward" 2>/dev/null
    wait "$forward" 2>/dev/null
    forward=
}

await_error() { # PATTERN: kubectl closes the connection before it says why
    for _ in $(seq 1200); do
        grep -q "$1" "$work/pf.err" && return
        sleep 0.05
    done
    return 1
}

counter() { # NAME
    curl --noproxy '*' -s "http://127.0.0.1:$control/counters" | sed -n "s/.*\"$1\": \\([0-9]*\\).*/\\1/p"
}

parallel_names() {
    local pids=() number bad=0
    for number in $(seq 40); do
        fetch /name >"$work/name.$number" &
        pids+=($!)
    done
    for number in "${pids[@]}"; do wait "$number" || bad=1; done
    [ "$bad" -eq 0 ] && [ "$(cat "$work"/name.* | sort -u | wc -l)" -eq 1 ]
}

check_forward() { # LABEL COUNTER
    local before
    before=$(counter "$2")
    start_forward svc/web :8080
    result $? "$1: svc/web"
    [ "$(fetch /name)" = web-0 ] && fetch / | grep -q 'Hello from web-0'
    result $? "$1: page names the pod"
    [ "$(fetch '/random?n=20000000&seed=3' | sha256sum | cut -d' ' -f1)" = "$(fetch '/sha256?n=20000000&seed=3')" ]
    result $? "$1: 20 MB down"
    [ "$(fetch /sink --data-binary "@$work/upload")" = "20000000 $(sha256sum <"$work/upload" | cut -d' ' -f1)" ]
    result $? "$1: 20 MB up"
    parallel_names
    result $? "$1: 40 in parallel"
    stop_forward
    [ "$(counter "$2")" -gt "${before:-0}" ]
    result $? "$1: transport is $2"
    start_forward pod/x :http && [ "$(fetch /name)" = x ]
    result $? "$1: pod/x with a named port"
    stop_forward
    start_forward deploy/web :80 && [ "$(fetch /name)" = web-0 ]
    result $? "$1: deploy/web"
    stop_forward
    start_forward pod/x :81 && ! fetch / 2>/dev/null && await_error 'connection refused'
    result $? "$1: refused port"
    stop_forward
}

check_lists() { # LABEL
    local all=$work/all columns
    cat >"$work/more.json" <<'END'
{"namespaces": ["shop"],
 "services": [{"name": "front", "namespace": "shop", "selector": {"app": "front"},
               "annotations": {"kftray.app/enabled": "true", "kftray.app/configs": "front-8080-http"},
               "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
              {"name": "far", "namespace": "shop", "type": "ExternalName", "externalName": "far.invalid"}],
 "workloads": [{"kind": "Deployment", "name": "front", "namespace": "shop", "selector": {"app": "front"},
                "ports": {"http": 8080}}]}
END
    curl --noproxy '*' -sf "http://127.0.0.1:$control/objects" --data-binary "@$work/more.json" >/dev/null
    result $? "$1: more objects"
    # Columns of our own: the fake makes no tables, and kubectl's own columns depend on its version.
    columns=NS:.metadata.namespace,KIND:.kind,NAME:.metadata.name,TYPE:.spec.type,PORT:.spec.ports[*].port
    "$kubectl" --kubeconfig "$work/kubeconfig" get ns,svc,deploy,sts,ds -A --chunk-size=3 \
        -o "custom-columns=$columns,PHASE:.status.phase,TO:.spec.externalName" >"$all" 2>"$work/pf.err" &&
        grep -Eq '^<none> +Namespace +shop +<none> +<none> +Active ' "$all" &&
        grep -Eq '^shop +Service +front +ClusterIP +80 ' "$all" &&
        grep -Eq '^shop +Service +far +ExternalName +<none> +<none> +far.invalid$' "$all" &&
        grep -Eq '^default +Service +web +ClusterIP ' "$all" &&
        grep -Eq '^shop +Deployment +front ' "$all" &&
        grep -Eq '^default +StatefulSet +db ' "$all" && grep -Eq '^default +DaemonSet +agent ' "$all"
    result $? "$1: get ns,svc,deploy,sts,ds -A in chunks"
    [ "$("$kubectl" --kubeconfig "$work/kubeconfig" -n shop get svc front \
        -o 'jsonpath={.metadata.annotations.kftray\.app/configs}')" = front-8080-http ]
    result $? "$1: annotation"
    [ "$("$kubectl" --kubeconfig "$work/kubeconfig" -n shop get deploy front \
        -o 'jsonpath={.spec.template.spec.containers[0].ports[0].containerPort}')" = 8080 ]
    result $? "$1: container port of a deployment"
    ! "$kubectl" --kubeconfig "$work/kubeconfig" --context fake-create-only get svc -A >"$all" 2>"$work/pf.err" &&
        grep -q 'cannot list resource "services" in API group "" at the cluster scope' "$work/pf.err" &&
        "$kubectl" --kubeconfig "$work/kubeconfig" --context fake-create-only get svc >"$all" 2>"$work/pf.err" &&
        grep -q '^web ' "$all"
    result $? "$1: one namespace only"
}

check_kubectl() { # KUBECTL
    kubectl=$1
    local minor
    minor=$("$kubectl" version --client 2>/dev/null | grep -o 'v1\.[0-9]*' | head -n 1)
    echo "# $kubectl is $minor"
    start_fake
    "$kubectl" --kubeconfig "$work/kubeconfig" get pods >"$work/pods" 2>"$work/pf.err" && grep -q '^web-1 ' "$work/pods"
    result $? "$minor: get pods"
    check_lists "$minor"
    export KUBECTL_PORT_FORWARD_WEBSOCKETS=false
    check_forward "$minor, SPDY" upgrades_spdy
    export KUBECTL_PORT_FORWARD_WEBSOCKETS=true
    if [ "${minor#v1.}" -ge 30 ]; then
        check_forward "$minor, tunnel" upgrades_tunnel
        stop_fake
        result $? "$minor: the fake ends cleanly"
        start_fake --server-version 1.20
        check_forward "$minor, tunnel refused by an old server" upgrades_spdy
    fi
    [ "$(curl --noproxy '*' -s "http://127.0.0.1:$control/violations")" = "[]" ]
    result $? "$minor: no violations"
    stop_fake
    result $? "$minor: the fake ends cleanly"
}

export HOME=$work NO_PROXY='*'
head -c 20000000 /dev/urandom >"$work/upload"
if [ $# -eq 0 ]; then
    set -- kubectl
fi
for program in "$@"; do
    check_kubectl "$program"
done
echo "1..$count"
[ "$failed" -eq 0 ]
