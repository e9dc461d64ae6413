# shellcheck shell=bash disable=SC2034
# Debian packages: what the cluster needs to run, and what only its build needs.

RUNTIME_PACKAGES="etcd-server containerd runc containernetworking-plugins openssl iproute2
    iptables ethtool conntrack socat curl procps util-linux
    dnsmasq-base bind9-dnsutils python3"
IMAGE_PACKAGES="gcc libc6-dev busybox-static iperf3"
BUILD_PACKAGES="golang-go gcc libc6-dev dpkg-dev"

apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 "$@" 9>&-
}

# Installs those of the packages that are missing. No daemon may start from a maintainer
# script, so a policy-rc.d that refuses is there for the while, unless the machine has its own.
packages_install() { # package...
    local p missing="" policy="" log=$K/logs/apt.log
    for p in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed ||
            missing="$missing $p"
    done
    [ -n "$missing" ] || return 0
    say "apt-get install$missing"
    mkdir -p "$K/logs"
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        policy=1
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
    fi
    # shellcheck disable=SC2086 # a list of names
    if ! apt_get install -y --no-install-recommends $missing >"$log" 2>&1; then
        apt_get update >>"$log" 2>&1 || true
        apt_get install -y --no-install-recommends $missing >>"$log" 2>&1 || {
            [ -z "$policy" ] || rm -f /usr/sbin/policy-rc.d
            die "apt-get install failed, see $log"
        }
    fi
    [ -z "$policy" ] || rm -f /usr/sbin/policy-rc.d
}

packages_runtime() {
    # shellcheck disable=SC2086
    packages_install $RUNTIME_PACKAGES
    command -v kubectl >/dev/null || packages_install kubernetes-client
}

packages_source() { # name folder: fetch a source package, also where deb-src is not enabled
    local name=$1 dir=$2 log=$K/logs/apt.log f o
    cd "$dir" || return 1
    apt_get source -qq --download-only "$name" >>"$log" 2>&1 && return 0
    # A private copy of the machine's own sources, with deb-src switched on.
    mkdir -p apt/sources.list.d apt/lists/partial
    for f in /etc/apt/sources.list.d/*.sources; do
        [ -e "$f" ] && sed 's/^Types:.*/Types: deb-src/' "$f" >"apt/sources.list.d/${f##*/}"
    done
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$f" ] && sed -n 's/^deb /deb-src /p' "$f" \
            >"apt/sources.list.d/$(basename "$f" .list).list"
    done
    o="-o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=$dir/apt/sources.list.d"
    o="$o -o Dir::State::Lists=$dir/apt/lists"
    # shellcheck disable=SC2086
    apt_get $o update >>"$log" 2>&1 && apt_get $o source -qq --download-only "$name" >>"$log" 2>&1
}
