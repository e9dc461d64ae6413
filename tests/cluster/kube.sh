#!/bin/bash
# The project's own Kubernetes: a real single-node 1.20 cluster (etcd, kube-apiserver,
# kube-controller-manager, kube-scheduler, containerd, kubelet, kube-proxy, dnsmasq) made
# from Debian 12 packages and Debian's kubernetes source package alone. Nothing is pulled: the images
# are made here.
# Everything listens on 127.0.0.1; pods sit on a private bridge without a default route.
#
#   kube.sh up       install packages, build (first time), start, create the sample workloads
#   kube.sh down     stop exactly what `up` started, unmount, undo changes of the machine
#   kube.sh status   what runs
#   kube.sh restart DAEMON [SECONDS]   SIGKILL for kube-apiserver, kubelet or containerd, and its
#                    new start so many seconds later; returns when it answers. With - for the seconds it
#                    says "killed" and starts it when the standard input ends
#   kube.sh build    only packages, binaries and images
#   kube.sh apply    (re)create the sample workloads of workloads.yaml
#   kube.sh image NAME   the name of one of the images of lib/images.sh, with its tag
#   kube.sh relay-image   make and import the image of kftray-server; prints its name
#   kube.sh wipe     down, and remove the cluster's state (binaries and images stay cached)
#   kube.sh env      print KUBECONFIG=… lines for the users that the cluster has
#
# KFT_TEST_CACHE  binaries and images (default ${XDG_CACHE_HOME:-~/.cache}/kftray-tests)
# K8S_DIR         state of this run (default /tmp/kftray-k8s): keys, kubeconfigs, etcd, logs
#
# Needs root. The first build takes 4 to 8 minutes on two cores, a warm `up` about 15 s.
# shellcheck source-path=SCRIPTDIR
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:$PATH
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY no_proxy NO_PROXY GOFLAGS

# shellcheck source=lib/settings.sh
. "$HERE/lib/settings.sh"
# shellcheck source=lib/common.sh
. "$HERE/lib/common.sh"
# shellcheck source=lib/packages.sh
. "$HERE/lib/packages.sh"
# shellcheck source=lib/build.sh
. "$HERE/lib/build.sh"
# shellcheck source=lib/images.sh
. "$HERE/lib/images.sh"
# shellcheck source=lib/pki.sh
. "$HERE/lib/pki.sh"
# shellcheck source=lib/config.sh
. "$HERE/lib/config.sh"
# shellcheck source=lib/host.sh
. "$HERE/lib/host.sh"
# shellcheck source=lib/daemons.sh
. "$HERE/lib/daemons.sh"
# shellcheck source=lib/services.sh
. "$HERE/lib/services.sh"
# shellcheck source=lib/workloads.sh
. "$HERE/lib/workloads.sh"

build() {
    packages_runtime
    binaries_build
    images_build
}

up() {
    local t0 fresh=1
    build
    t0=$(now)
    pki
    config
    host_prepare
    alive kubelet && fresh=
    daemons_start
    workloads_apply
    wait_for "service addresses and names" 60 services_ok
    # A kubelet restarted over running pods first reports them ready, then not, then ready again.
    [ -z "$fresh" ] || { sleep 2; wait_for "sample pods, again," 180 workloads_ready; }
    say "up after $(since "$t0") s (without building); export KUBECONFIG=$K/admin.kubeconfig"
}

down() {
    local t0
    t0=$(now)
    daemons_stop
    host_restore
    say "down after $(since "$t0") s"
}

wipe() {
    down
    rm -rf "${K:?}"/{etcd,containerd,kubelet,pki,etc,cni} "$K"/*.kubeconfig "$K"/run/imported
}

print_env() {
    local f
    echo "K8S_DIR=$K"
    echo "KUBECONFIG=$K/admin.kubeconfig"
    for f in "$K"/*.kubeconfig; do
        [ -e "$f" ] || continue
        printf 'KUBECONFIG_%s=%s\n' "$(basename "$f" .kubeconfig | tr 'a-z-' 'A-Z_')" "$f"
    done
}

# The lock is for changes of the cluster as a whole; this is a fault in one that runs.
restart() { # daemon [seconds]
    local p
    alive "$1" || { say "$1 does not run"; return 1; }
    read -r p _ <"$K/run/$1.pid"
    kill -KILL "$p"
    if [ "${2:-0}" = - ]; then
        echo killed
        cat >/dev/null
    else
        sleep "${2:-0}"
    fi
    case $1 in
    kube-apiserver) apiserver_start && wait_for kube-apiserver 180 api_ok ;;
    kubelet) kubelet_start ;;
    containerd) start containerd containerd --config "$K/etc/containerd.toml" && wait_for containerd 180 ctrk version ;;
    *) usage ;;
    esac
}

usage() {
    sed -n '2,24s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
}

main() {
    case ${1:-} in
    up | down | build | apply | wipe) need_root; one_at_a_time ;;
    status | env | restart | image | relay-image) need_root ;;
    *) usage ;;
    esac
    mkdir -p "$K/run" "$K/logs"
    case $1 in
    env) print_env ;;
    apply) workloads_apply ;;
    image) image_ref "$2" ;;
    relay-image) relay_image_import ;;
    *) "$@" ;;
    esac
}

main "$@"
