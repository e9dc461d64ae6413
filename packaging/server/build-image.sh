#!/usr/bin/env bash
# Makes the image of kftray-server as a file, without Docker:
#
#   packaging/server/build-image.sh [--binary FILE] [--output FILE] [NAME[:TAG]]
#
# NAME   as the image will be called (default ghcr.io/kftray/kftray-server), your own registry for example
# TAG    default: the version of the program
#
# The file is an OCI archive that also has Docker's manifest: `ctr -n k8s.io images import FILE`,
# `docker load -i FILE`, `podman load -i FILE` and `skopeo copy oci-archive:FILE docker://…` all take it.
# The same program makes the same file, byte for byte.
#
# --binary  a static kftray-server (default: is built in build/image)
# --output  default: build/kftray-server-TAG.tar
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

binary="" output="" reference=""
while [ $# -gt 0 ]; do
  case $1 in
  --binary | --output)
    [ $# -ge 2 ] || { echo "error: $1 needs a file" >&2; exit 2; }
    printf -v "${1#--}" %s "$2"
    shift 2
    ;;
  -*)
    sed -n '2,16s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
  *)
    reference=$1
    shift
    ;;
  esac
done

build_program() {
  # shellcheck source=packaging/packages.sh
  . "$top/packaging/packages.sh"
  # shellcheck disable=SC2086 # one word per package
  install_packages $packages_build
  cmake -S "$top" -B "$top/build/image" -G Ninja -DKFT_BUILD_UI=OFF -DKFT_BUILD_TESTS=OFF \
    -DCMAKE_BUILD_TYPE=Release >/dev/null
  cmake --build "$top/build/image" --target kftray-server-static >&2
  binary=$top/build/image/static/kftray-server
}

sha256() { sha256sum "$1" | cut -d' ' -f1; }

# blob FILE MEDIA-TYPE: moves the file to its place; prints its descriptor.
blob() {
  local sum size
  sum=$(sha256 "$1")
  size=$(stat -c %s "$1")
  mv "$1" "$image/blobs/sha256/$sum"
  printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$2" "$sum" "$size"
}

# The same input gives the same archive: order, times, owners and format are fixed.
pack() { tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "$@"; }

architecture() {
  case $(uname -m) in
  x86_64) echo amd64 ;;
  aarch64) echo arm64 ;;
  *) uname -m ;;
  esac
}

[ -n "$binary" ] || build_program
if readelf -lW "$binary" | grep -q INTERP; then
  echo "error: $binary is linked dynamically: it cannot run in an empty image" >&2
  exit 1
fi
version=$("$binary" --version | cut -d' ' -f2)
[ -n "$reference" ] || reference=ghcr.io/kftray/kftray-server
# A colon behind the last slash begins the tag; one before it belongs to a registry's port.
[[ ${reference##*/} == *:* ]] || reference=$reference:$version
tag=${reference##*:}
[ -n "$output" ] || output=$top/build/kftray-server-$tag.tar

image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT
mkdir -p "$image/root" "$image/blobs/sha256" "$(dirname "$output")"
install -m 755 "$binary" "$image/root/kftray-server"
pack -C "$image/root" -cf "$image/layer" kftray-server
rm -r "$image/root"
layer_sum=$(sha256 "$image/layer")
layer=$(blob "$image/layer" application/vnd.oci.image.layer.v1.tar)
cat >"$image/config" <<JSON
{"architecture":"$(architecture)","os":"linux","config":{"User":"65532:65532","ExposedPorts":{"8080/tcp":{},"8090/tcp":{}},"Entrypoint":["/kftray-server"],"Labels":{"org.opencontainers.image.title":"kftray-server","org.opencontainers.image.version":"$version","org.opencontainers.image.licenses":"Apache-2.0"}},"rootfs":{"type":"layers","diff_ids":["sha256:$layer_sum"]}}
JSON
config_sum=$(sha256 "$image/config")
config=$(blob "$image/config" application/vnd.oci.image.config.v1+json)
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
  "$config" "$layer" >"$image/oci"
manifest=$(blob "$image/oci" application/vnd.oci.image.manifest.v1+json)
printf '{"schemaVersion":2,"manifests":[%s,"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}]}' \
  "${manifest%\}}" "$reference" "$tag" >"$image/index.json"
printf '{"imageLayoutVersion":"1.0.0"}' >"$image/oci-layout"
printf '[{"Config":"blobs/sha256/%s","RepoTags":["%s"],"Layers":["blobs/sha256/%s"]}]' \
  "$config_sum" "$reference" "$layer_sum" >"$image/manifest.json"
pack -C "$image" -cf "$output.new" blobs index.json manifest.json oci-layout
mv "$output.new" "$output"
echo "$output: $reference, $(stat -c %s "$output") bytes"
