# shellcheck shell=bash
# The sample workloads and access rules: workloads.yaml, with the image names filled in, and
# the two services without a selector, whose endpoints need a pod's address.

SAMPLE_PODS=10 # how many pods carry the label sample=running

# Deletes what cannot be changed in place and was made from images of an older checkout: pods
# without a controller, the job, and controllers that do not replace running pods.
workloads_outdated() {
    local kind path='.spec.template.spec.containers[0].image'
    for kind in rs/solo rc/older job/batch; do
        kc get -n default "$kind" -o "jsonpath={.kind}/{.metadata.name} {$path}{\"\n\"}"
    done >"$K/run/old"
    kc get pods -n default -l bare -o \
        'jsonpath={range .items[*]}Pod/{.metadata.name} {.spec.containers[0].image}{"\n"}{end}' >>"$K/run/old"
    grep -v -e "$(image_ref busybox)\$" -e "$(image_ref podsrv)\$" -e /absent: "$K/run/old" |
        cut -d' ' -f1 | xargs -r kubectl --kubeconfig "$K/admin.kubeconfig" -n default delete --now
}

pod_field() { kc get pod -n default "$1" -o "jsonpath={$2}"; }

endpoints_apply() { # Endpoints for `pinned`, an EndpointSlice for `sliced`: both name pod x
    local ip uid
    ip=$(pod_field x .status.podIP)
    uid=$(pod_field x .metadata.uid)
    kc apply --validate=false -f - <<Y
apiVersion: v1
kind: Endpoints
metadata: {name: pinned, namespace: default}
subsets:
- addresses: [{ip: $ip, nodeName: "$NODE", targetRef: {kind: Pod, name: x, namespace: default, uid: $uid}}]
  ports: [{name: http, port: 80}]
---
apiVersion: discovery.k8s.io/v1beta1
kind: EndpointSlice
metadata: {name: sliced-1, namespace: default, labels: {kubernetes.io/service-name: sliced}}
addressType: IPv4
endpoints:
- {addresses: ["$ip"], conditions: {ready: true}, targetRef: {kind: Pod, name: x, namespace: default, uid: $uid}}
ports: [{name: http, port: 80, protocol: TCP}]
Y
}

# LABEL-SELECTOR: one line per pod, True when it is ready and not being deleted. A pod of the job that failed, because its
# container was gone after a restart, stays beside the one that took its place: it is not counted.
pods_status() {
    kc get pods -n default -l "$1" --field-selector 'status.phase!=Failed' \
        -o 'jsonpath={range .items[*]}{.metadata.deletionTimestamp}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}'
}

workloads_ready() { # the API's own words may date from before a restart: ask the pods as well
    local ip
    [ "$(pods_status sample=running | sort | uniq -c | tr -s ' ')" = " $SAMPLE_PODS True" ] || return 1
    kc exec -n default x -- true || return 1
    for ip in $(kc get pods -n default -l app=web -o 'jsonpath={.items[*].status.podIP}'); do
        curl -fsS --noproxy '*' -m 2 "http://$ip/" || return 1
    done
}

workloads_apply() {
    local log=$K/logs/apply.log
    workloads_outdated >"$log" 2>&1 || true
    sed -e "s#@BUSYBOX@#$(image_ref busybox)#" -e "s#@PODSRV@#$(image_ref podsrv)#" \
        "$HERE/workloads.yaml" >"$K/etc/workloads.yaml"
    kc apply --validate=false -f "$K/etc/workloads.yaml" >>"$log" 2>&1 || {
        cat "$log" >&2
        die "apply failed"
    }
    wait_for "sample pods" 180 workloads_ready
    endpoints_apply >>"$log" 2>&1 || die "endpoints not applied, see $log"
}
