# shellcheck shell=bash disable=SC2034
# Names, ports and folders of the test cluster, in one place. All can be set from outside.

K8S_VERSION=1.20.2
CACHE=${KFT_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kftray-tests}
C=$CACHE/kube-$K8S_VERSION-r3        # binaries and images; the number grows with lib/build.sh
K=${K8S_DIR:-/tmp/kftray-k8s}        # everything that belongs to one run

API_PORT=${API_PORT:-16443}          # kube-apiserver
ETCD_PORT=${ETCD_PORT:-12379}
ETCD_PEER=${ETCD_PEER:-12380}
KUBELET_PORT=${KUBELET_PORT:-10250}
KUBELET_HEALTHZ=${KUBELET_HEALTHZ:-10248}
KCM_PORT=${KCM_PORT:-10257}
SCHED_PORT=${SCHED_PORT:-10259}
NODE=127.0.0.1                       # node name, and the address that the API server dials
BRIDGE=${BRIDGE:-kftbr0}
POD_NET=${POD_NET:-10.120.0}         # /24; .1 is the bridge, which is this machine
SVC_CIDR=10.121.0.0/24
DNS_ADDR=${SVC_CIDR%.*}.10          # cluster DNS
SVC_NS=kft-services                  # network namespace of kube-proxy and DNS: $POD_NET.2
SVC_LINK=kftsvc0                     # its end at the bridge
LINK_ADDR=10.120.1.2                 # where the link emulator shows the API server
SNAPSHOTTER=${SNAPSHOTTER:-overlayfs}

BINARIES="kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy"
DAEMONS="containerd etcd kube-apiserver kube-controller-manager kube-scheduler kubelet
    api-socket api-relay kube-proxy dns-records dnsmasq"
NICE="nice -n 10"
SOCK=$K/run/containerd.sock
