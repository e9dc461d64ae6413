# shellcheck shell=bash
# What the cluster changes on the machine, and how each of these changes is undone: cgroup
# mounts, sysctls that the kubelet sets, the bridge, mounts and shared folders.

TUNABLES="vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes"
SHARED_DIRS="/var/lib/kubelet /var/log/pods /var/log/containers /run/containerd /var/lib/cni /opt/cni"

# Mounts the cgroup v1 controllers where a machine has no cgroups mounted at all.
cgroups_mount() {
    local c
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] && [ ! -d /sys/fs/cgroup/cpu ] || return 0
    if ! mountpoint -q /sys/fs/cgroup; then
        mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
        echo /sys/fs/cgroup >>"$K/run/mounted"
    fi
    for c in cpu cpuacct cpuset memory devices freezer blkio pids; do
        mkdir -p "/sys/fs/cgroup/$c"
        mount -t cgroup -o "$c" cgroup "/sys/fs/cgroup/$c" &&
            echo "/sys/fs/cgroup/$c" >>"$K/run/mounted"
    done
}

host_remember() {
    local t
    [ ! -e "$K/run/sysctl.saved" ] || return 0
    for t in $TUNABLES; do
        [ ! -e "/proc/sys/$t" ] || echo "$t $(cat "/proc/sys/$t")"
    done >"$K/run/sysctl.saved"
    for t in $SHARED_DIRS; do
        [ -e "$t" ] || echo "$t"
    done >"$K/run/newdirs"
}

host_prepare() {
    cgroups_mount
    host_remember
    if ! ip link show "$BRIDGE" >/dev/null 2>&1; then
        ip link add "$BRIDGE" type bridge
        ip addr add "$POD_NET.1/24" dev "$BRIDGE"
        ip link set "$BRIDGE" up
    fi
    services_prepare
    # Memory-backed and secret volumes are mounts: they must be seen inside the containers.
    if ! findmnt -n -o PROPAGATION -M "$K/kubelet" >/dev/null 2>&1; then
        mount --bind "$K/kubelet" "$K/kubelet"
        mount --make-rshared "$K/kubelet"
    fi
}

unmount_state() { # everything mounted below $K, deepest first
    local d
    for _ in 1 2 3; do
        findmnt -rn -o TARGET | sed 's/\\x20/ /g' | awk -v k="$K/" 'index($0, k) == 1' | sort -r |
            while read -r d; do umount "$d" 2>/dev/null || umount -l "$d"; done
    done
}

sysctls_restore() {
    local d v
    [ -e "$K/run/sysctl.saved" ] || return 0
    while read -r d v; do
        [ "$(cat "/proc/sys/$d")" = "$v" ] || echo "$v" >"/proc/sys/$d"
    done <"$K/run/sysctl.saved"
    rm -f "$K/run/sysctl.saved"
}

shared_remove() {
    local d
    find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -type d -name kubepods 2>/dev/null |
        while read -r d; do find "$d" -depth -type d -exec rmdir {} \; 2>/dev/null; done
    [ -e "$K/run/newdirs" ] || return 0
    while read -r d; do rm -rf "$d"; done <"$K/run/newdirs"
    rm -f "$K/run/newdirs"
}

host_restore() {
    local d
    set +e
    unmount_state
    rm -rf "$K/containerd/state" "$K/run/runc" "$K/run/cni-ipam" "$K/kubelet/pods"
    services_restore
    ip link del "$BRIDGE" 2>/dev/null
    # What a second kubelet or containerd of this machine would share stays while one runs.
    if pgrep -x -r D,R,S,T kubelet >/dev/null || pgrep -x -r D,R,S,T containerd >/dev/null; then
        say "another kubelet or containerd runs: sysctls, cgroups and shared folders are left"
    else
        sysctls_restore
        shared_remove
    fi
    if [ -e "$K/run/mounted" ]; then
        tac "$K/run/mounted" | while read -r d; do umount "$d"; done
        rm -f "$K/run/mounted"
    fi
    rm -f "$SOCK" "$SOCK.ttrpc"
    set -e
}
