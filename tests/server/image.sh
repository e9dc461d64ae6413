#!/usr/bin/env bash
# The image: the same twice, and a containerd of its own takes it and runs it. Ends with 77 where there
# is no containerd or no root.
#
#   image.sh STATIC-PROGRAM
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=$(mktemp -d)
name=localhost:5000/test/kftray-server:t1
daemon=""

finish() {
  if [ -n "$daemon" ]; then
    ctr -a "$dir/socket" task rm --force relay >/dev/null 2>&1 || true
    ctr -a "$dir/socket" container rm relay >/dev/null 2>&1 || true
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
  fi
  rm -rf "$dir"
}
trap finish EXIT

await() { # what command...
  local what=$1
  shift
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "$what: not within 30 s" >&2
  cat "$dir/log" >&2
  return 1
}

build() { "$top/packaging/server/build-image.sh" --binary "$1" --output "$2" "$name"; }
build "$1" "$dir/one.tar"
build "$1" "$dir/two.tar"
cmp "$dir/one.tar" "$dir/two.tar"
echo "ok: the same twice"

for tool in containerd ctr runc nsenter curl; do
  if ! command -v "$tool" >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "no $tool, or not root: the image is not run" >&2
    exit 77
  fi
done
printf 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n' >"$dir/config.toml"
containerd -c "$dir/config.toml" --root "$dir/root" --state "$dir/state" -a "$dir/socket" >"$dir/log" 2>&1 &
daemon=$!
await containerd ctr -a "$dir/socket" version
ctr -a "$dir/socket" images import --snapshotter native "$dir/one.tar"
ctr -a "$dir/socket" images ls -q | grep -qxF "$name"
echo "ok: imported as $name"

mountpoint -q /sys/fs/cgroup || {
  echo "no cgroups here: the image is not run" >&2
  exit 77
}
# Its own network namespace: no port of the machine is taken.
ctr -a "$dir/socket" run -d --snapshotter native --read-only --env PROXY_TYPE=gateway \
  --env 'GATEWAY_ALLOW=10.0.0.0/8' "$name" relay >"$dir/out" 2>&1 || { cat "$dir/out" >&2; exit 1; }
pid=$(ctr -a "$dir/socket" task ls | awk '$1 == "relay" { print $2 }')
grep -q '^Uid:[[:space:]]*65532' "/proc/$pid/status"
nsenter -t "$pid" -n ip link set lo up
await healthz nsenter -t "$pid" -n curl -fsS http://127.0.0.1:8090/healthz
echo "ok: runs as 65532 and is healthy"
ctr -a "$dir/socket" task kill -s TERM relay
await "the end" sh -c "! test -d /proc/$pid"
echo "ok: ends at SIGTERM"
