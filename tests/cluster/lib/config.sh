# shellcheck shell=bash
# Configuration files of containerd, the CNI bridge and the kubelet.

config() {
    mkdir -p "$K"/{etc,cni,run,logs,etcd,kubelet}
    : >"$K/etc/resolv.conf"
    config_containerd
    config_registries
    config_cni
    config_kubelet
}

config_containerd() {
    cat >"$K/etc/containerd.toml" <<T
version = 2
root = "$K/containerd/root"
state = "$K/containerd/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
    "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.internal.v1.opt"]
[grpc]
  address = "$SOCK"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$(image_ref pause)"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$K/cni"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "$K/etc/registries"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "$SNAPSHOTTER"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "/usr/sbin/runc"
        Root = "$K/run/runc"
        SystemdCgroup = false
T
}

# Nothing is ever pulled: every registry name leads to a closed port on loopback.
config_registries() {
    mkdir -p "$K/etc/registries/_default" "$K/run/home"
    cat >"$K/etc/registries/_default/hosts.toml" <<'T'
server = "http://127.0.0.1:1"
[host."http://127.0.0.1:1"]
  capabilities = ["pull", "resolve"]
T
}

# isGateway would switch net.ipv4.ip_forward on; host.sh gives the bridge its address instead.
config_cni() {
    cat >"$K/cni/10-kftray.conflist" <<J
{"cniVersion": "0.4.0", "name": "kftray", "plugins": [
  {"type": "bridge", "bridge": "$BRIDGE", "isGateway": false, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$K/run/cni-ipam",
            "ranges": [[{"subnet": "$POD_NET.0/24", "rangeStart": "$POD_NET.10", "gateway": "$POD_NET.1"}]],
            "routes": [{"dst": "$SVC_CIDR", "gw": "$POD_NET.2"}]}}]}
J
}

config_kubelet() {
    cat >"$K/etc/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 127.0.0.1
port: $KUBELET_PORT
readOnlyPort: 0
healthzBindAddress: 127.0.0.1
healthzPort: $KUBELET_HEALTHZ
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $K/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $K/pki/kubelet-server.crt
tlsPrivateKeyFile: $K/pki/kubelet-server.key
cgroupDriver: cgroupfs
failSwapOn: false
makeIPTablesUtilChains: false
enforceNodeAllocatable: [pods]
resolvConf: $K/etc/resolv.conf
volumePluginDir: $K/kubelet/volumeplugins
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
imageMinimumGCAge: 720h
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
maxOpenFiles: 20000
oomScoreAdj: 0
syncFrequency: 10s
nodeStatusUpdateFrequency: 2s
nodeStatusReportFrequency: 1m
clusterDNS: [$DNS_ADDR]
clusterDomain: cluster.local
serializeImagePulls: false
registryPullQPS: 0
eventRecordQPS: 0
maxPods: 200
Y
}
