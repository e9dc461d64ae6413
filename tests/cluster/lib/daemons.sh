# shellcheck shell=bash
# Starts, checks and stops the cluster's processes.

etcd_ok() { curl -fsS --noproxy '*' -m 2 "http://127.0.0.1:$ETCD_PORT/health" | grep -q true; }
api_ok() {
    curl -fsS --noproxy '*' -m 2 --cacert "$K/pki/ca.crt" "https://127.0.0.1:$API_PORT/readyz"
}
node_ok() {
    [ "$(kc get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}
account_ok() { kc -n default get serviceaccount default; }

etcd_start() {
    start etcd etcd --name kftray --data-dir "$K/etcd/data" \
        --listen-client-urls "http://127.0.0.1:$ETCD_PORT" \
        --advertise-client-urls "http://127.0.0.1:$ETCD_PORT" \
        --listen-peer-urls "http://127.0.0.1:$ETCD_PEER" \
        --initial-advertise-peer-urls "http://127.0.0.1:$ETCD_PEER" \
        --initial-cluster "kftray=http://127.0.0.1:$ETCD_PEER" \
        --unsafe-no-fsync --log-level warn --logger zap
}

apiserver_start() {
    local p=$K/pki
    start kube-apiserver "$C/bin/kube-apiserver" --etcd-servers="http://127.0.0.1:$ETCD_PORT" \
        --bind-address=127.0.0.1 --secure-port="$API_PORT" --insecure-port=0 \
        --advertise-address="$POD_NET.1" --endpoint-reconciler-type=none \
        --tls-cert-file="$p/apiserver.crt" --tls-private-key-file="$p/apiserver.key" \
        --client-ca-file="$p/ca.crt" --token-auth-file="$p/tokens.csv" \
        --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
        --service-cluster-ip-range="$SVC_CIDR" \
        --service-account-issuer=https://kubernetes.default.svc \
        --service-account-key-file="$p/sa.pub" --service-account-signing-key-file="$p/sa.key" \
        --kubelet-client-certificate="$p/apiserver-kubelet.crt" \
        --kubelet-client-key="$p/apiserver-kubelet.key" \
        --kubelet-certificate-authority="$p/ca.crt" \
        --kubelet-preferred-address-types=Hostname --allow-privileged=true
}

controllers_start() {
    start kube-controller-manager "$C/bin/kube-controller-manager" \
        --kubeconfig="$K/pki/kcm.kubeconfig" --leader-elect=false --bind-address=127.0.0.1 \
        --secure-port="$KCM_PORT" --port=0 --cert-dir="$K/run/kcm-certs" \
        --root-ca-file="$K/pki/ca.crt" --service-account-private-key-file="$K/pki/sa.key" \
        --use-service-account-credentials=true --cluster-name=kftray-test \
        --node-monitor-grace-period=40s --pod-eviction-timeout=5m
    start kube-scheduler "$C/bin/kube-scheduler" --kubeconfig="$K/pki/sched.kubeconfig" \
        --leader-elect=false --bind-address=127.0.0.1 --secure-port="$SCHED_PORT" --port=0 \
        --cert-dir="$K/run/sched-certs"
}

# An empty environment: the stock kubelet looks for cloud registry credentials at its start.
# The build leaves that provider out, and this switches it off as well.
kubelet_start() {
    start kubelet env -i PATH="$PATH" HOME="$K/run/home" AWS_EC2_METADATA_DISABLED=true \
        "$C/bin/kubelet" --config="$K/etc/kubelet.yaml" --kubeconfig="$K/pki/kubelet.kubeconfig" \
        --root-dir="$K/kubelet" --cert-dir="$K/kubelet/pki" --hostname-override="$NODE" \
        --node-ip="$POD_NET.1" --container-runtime=remote \
        --container-runtime-endpoint="unix://$SOCK" --pod-infra-container-image="$(image_ref pause)"
}

daemons_start() {
    start containerd containerd --config "$K/etc/containerd.toml"
    etcd_start
    wait_for etcd 180 etcd_ok
    apiserver_start
    wait_for containerd 180 ctrk version
    images_import
    wait_for kube-apiserver 180 api_ok
    controllers_start
    kubelet_start
    wait_for node 180 node_ok
    services_start
    wait_for serviceaccount 180 account_ok
}

# Pids of the shims that serve our containerd's socket, and nobody else's.
our_shims() {
    local d
    for d in /proc/[0-9]*; do
        { tr '\0' '\n' <"$d/cmdline"; } 2>/dev/null | awk -v s="$SOCK" '
            NR == 1 { ok = ($0 ~ /containerd-shim-runc-v2$/) }
            p == "-address" && $0 == s { hit = 1 }
            { p = $0 }
            END { exit !(ok && hit) }' && echo "${d#/proc/}"
    done
    return 0
}

containers_stop() { # through containerd itself, so that it works with a dead API server too
    local c
    alive containerd || return 0
    for c in $(ctrk tasks ls -q 2>/dev/null); do
        ctrk tasks kill -s KILL "$c" >/dev/null 2>&1
    done
    for _ in $(seq 600); do
        ctrk tasks ls 2>/dev/null | grep -q RUNNING || break
        sleep 0.1
    done
    for c in $(ctrk tasks ls -q 2>/dev/null); do ctrk tasks rm -f "$c" >/dev/null 2>&1; done
    for c in $(ctrk containers ls -q 2>/dev/null); do ctrk containers rm "$c" >/dev/null 2>&1; done
}

daemons_stop() {
    local p d
    set +e
    for d in dnsmasq dns-records kube-proxy api-relay api-socket; do stop "$d"; done
    stop kubelet
    stop kube-scheduler
    stop kube-controller-manager
    containers_stop
    stop kube-apiserver
    stop etcd
    stop containerd
    for p in $(our_shims); do
        say "left-over shim $p"
        kill -KILL "$p"
    done
    # Containers whose shim or containerd was gone already: runc's own state knows their pids.
    for d in "$K"/run/runc/k8s.io/*/; do
        [ -d "$d" ] && runc --root "$K/run/runc/k8s.io" delete --force "$(basename "$d")" 2>/dev/null
    done
    set -e
}

status() {
    local n p rss rc=0
    for n in $DAEMONS; do
        if alive "$n"; then
            read -r p _ <"$K/run/$n.pid"
            rss=$(awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$p/status")
            printf '%-26s pid %-8s rss %5d MiB\n' "$n" "$p" "$rss"
        else
            printf '%-26s down\n' "$n"
            rc=1
        fi
    done
    if [ $rc = 0 ]; then
        kc get nodes -o wide
        kc get pods -A -o wide
    fi
    return $rc
}
