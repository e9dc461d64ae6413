# shellcheck shell=bash
# Service addresses and names inside pods: kube-proxy and a DNS server, in a network namespace of their
# own on the pods' bridge. Pods reach the service network through it; this machine has no rule and no route more.
#
#   pod ── bridge ── 10.120.0.2 in $SVC_NS: kube-proxy's rules ── bridge ── pod
#                    dnsmasq, behind the service kube-dns
#
# The API server listens on this machine's loopback only: a UNIX socket leads there.

in_services() { ip netns exec "$SVC_NS" "$@"; }

services_prepare() {
    ip netns list | grep -q "^$SVC_NS\b" && return 0
    ip netns add "$SVC_NS"
    ip link add "$SVC_LINK" type veth peer name eth0 netns "$SVC_NS"
    ip link set "$SVC_LINK" master "$BRIDGE" up
    ip -n "$SVC_NS" link set lo up
    ip -n "$SVC_NS" link set eth0 up
    ip -n "$SVC_NS" addr add "$POD_NET.2/24" dev eth0
    # Packets leave where they came in: no redirects for that.
    in_services sh -c 'cd /proc/sys/net/ipv4 && echo 1 >ip_forward &&
        echo 0 >conf/all/send_redirects && echo 0 >conf/eth0/send_redirects'
}

services_restore() {
    ip netns del "$SVC_NS" 2>/dev/null
    ip link del "$SVC_LINK" 2>/dev/null
    return 0
}

# The DNS server's own service, without a selector: it is no pod.
dns_apply() {
    kc apply --validate=false -f - <<Y
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  clusterIP: $DNS_ADDR
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: kube-dns, namespace: kube-system}
subsets:
- addresses: [{ip: $POD_NET.2}]
  ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53, protocol: TCP}]
Y
}

# Zero: connection tracking's limits are the whole machine's and stay as they are.
proxy_start() {
    start api-socket socat "UNIX-LISTEN:$K/run/api.sock,fork,unlink-early" "TCP:127.0.0.1:$API_PORT"
    start api-relay ip netns exec "$SVC_NS" socat "TCP-LISTEN:$API_PORT,bind=127.0.0.1,fork,reuseaddr" \
        "UNIX-CONNECT:$K/run/api.sock"
    start kube-proxy ip netns exec "$SVC_NS" "$C/bin/kube-proxy" --kubeconfig="$K/pki/proxy.kubeconfig" \
        --hostname-override="$NODE" --proxy-mode=iptables --masquerade-all --iptables-min-sync-period=0s \
        --healthz-bind-address=127.0.0.1:10256 --metrics-bind-address=127.0.0.1:10249 \
        --conntrack-max-per-core=0 --conntrack-min=0 --conntrack-tcp-timeout-established=0 \
        --conntrack-tcp-timeout-close-wait=0
}

services_start() {
    mkdir -p "$K/run/dns"
    proxy_start
    start dns-records env KUBECONFIG="$K/admin.kubeconfig" python3 "$HERE/dns.py" "$K/run/dns/records"
    start dnsmasq ip netns exec "$SVC_NS" dnsmasq --keep-in-foreground --user=root --conf-file=/dev/null \
        --pid-file= --no-hosts --no-resolv --hostsdir="$K/run/dns" --local=/cluster.local/ --cache-size=0 \
        --dns-forward-max=1000 --listen-address="$POD_NET.2" --bind-interfaces --log-facility=-
    dns_apply >>"$K/logs/apply.log" 2>&1 ||
        die "no service kube-dns, see $K/logs/apply.log (an address taken before it had its own: kube.sh wipe)"
}

# All of it at once: a pod's question to the service's address, its rules, the records, the answer.
services_ok() {
    kc exec -n default x -- nslookup web.default.svc.cluster.local "$DNS_ADDR" |
        grep -q "^Address.*${SVC_CIDR%.*}\.[0-9]*\$"
}
