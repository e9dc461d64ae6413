# shellcheck shell=bash
# Builds the Kubernetes binaries from Debian's source package into the cache. The source tree
# and Go's caches, 2 GB, are removed afterwards; what stays is 210 MB.

binaries_missing() {
    local b
    for b in $BINARIES; do
        [ -x "$C/bin/$b" ] || printf '%s ' "$b"
    done
}

# The one generated file that the tarball lacks.
openapi_generate() {
    local dirs t
    [ ! -s pkg/generated/openapi/zz_generated.openapi.go ] || return 0
    t=$(now)
    $NICE go build -o "$W/openapi-gen" k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen
    dirs=$(grep -rl --include='*.go' '+k8s:openapi-gen=' staging/src/k8s.io pkg cmd plugin |
        grep -v -e code-generator/ -e sample-apiserver/ -e _examples | xargs -n1 dirname | sort -u |
        sed 's#^staging/src/#vendor/#; s#^#k8s.io/kubernetes/#' | paste -sd,)
    $NICE "$W/openapi-gen" --logtostderr -i "$dirs" -p k8s.io/kubernetes/pkg/generated/openapi \
        -O zz_generated.openapi -h vendor/k8s.io/code-generator/hack/boilerplate.go.txt \
        -r "$W/openapi-violations" >"$K/logs/openapi-gen.log" 2>&1
    say "openapi: $(since "$t") s"
}

go_ldflags() {
    local p v=v$K8S_VERSION f="-s -w"
    for p in component-base/version client-go/pkg/version; do
        p=k8s.io/kubernetes/vendor/k8s.io/$p
        f="$f -X $p.gitVersion=$v -X $p.gitMajor=1 -X $p.gitMinor=20"
        f="$f -X $p.gitTreeState=archive -X $p.buildDate=2021-01-13T13:28:09Z"
    done
    echo "$f"
}

go_build() { # binary
    local t cgo=0
    t=$(now)
    say "building $1"
    [ "$1" != kubelet ] || cgo=1
    CGO_ENABLED=$cgo $NICE go build -tags 'providerless dockerless' -trimpath \
        -ldflags "$(go_ldflags)" -o "$C/bin/$1.new" "./cmd/$1" >"$K/logs/build-$1.log" 2>&1 ||
        die "build of $1 failed, see $K/logs/build-$1.log"
    mv "$C/bin/$1.new" "$C/bin/$1"
    say "$1: $(since "$t") s"
}

# The vendored reflect2 calls the runtime's mapiterinit as it was before Go 1.18, with one argument
# less; the iterator then lies wherever a register points to, and the API server dies of it under
# load. This is the change that reflect2 1.0.2 made.
reflect2_mend() { # folder of reflect2
    sed -i -e 's/^func mapiterinit(rtype unsafe.Pointer, m unsafe.Pointer) \*hiter$/func mapiterinit(rtype unsafe.Pointer, m unsafe.Pointer, it *hiter)/' \
        -e 's/^\t\/\/ rest fields are ignored$/\tt, h, buckets, bptr unsafe.Pointer\n\toverflow, oldoverflow *[]unsafe.Pointer\n\tstartBucket uintptr\n\toffset uint8\n\twrapped bool\n\tB, i uint8\n\tbucket, checkBucket uintptr/' \
        "$1/unsafe_link.go"
    sed -i -e 's/^\treturn &UnsafeMapIterator{$/\tit := new(hiter)\n\tmapiterinit(type2.rtype, *(*unsafe.Pointer)(obj), it)\n&/' \
        -e 's/^\t\thiter: .*mapiterinit.*$/\t\thiter: it,/' "$1/unsafe_map.go"
    if ! grep -q 'it \*hiter)' "$1/unsafe_link.go" || ! grep -q 'hiter: it,' "$1/unsafe_map.go"; then
        die "reflect2 is not the one that was expected"
    fi
}

source_unpack() {
    say "apt-get source kubernetes"
    (packages_source kubernetes "$W") || die "no kubernetes source, see $K/logs/apt.log"
    dpkg-source --no-check -x "$W"/kubernetes_*.dsc "$W/src" >"$K/logs/unpack.log" 2>&1
    # 1.20 builds with vendor/ in GOPATH mode only.
    mkdir -p "$W/gopath/src/k8s.io"
    ln -sfn "$W/src" "$W/gopath/src/k8s.io/kubernetes"
    reflect2_mend "$W/src/vendor/github.com/modern-go/reflect2"
    # This credential provider asks a cloud metadata address when the kubelet starts. Tests
    # send nothing outside of the machine, so it is left out.
    sed -i '/pkg\/credentialprovider\/aws"/d' "$W/src/cmd/kubelet/app/plugins.go"
}

binaries_build() {
    local b want t0
    want=$(binaries_missing)
    [ -n "$want" ] || return 0
    t0=$(now)
    # shellcheck disable=SC2086
    packages_install $BUILD_PACKAGES
    W=$CACHE/build-kubernetes
    rm -rf "$W"
    mkdir -p "$C/bin" "$W"
    source_unpack
    (
        export GOCACHE=$W/gocache GOPATH=$W/gopath GO111MODULE=off GOPROXY=off GOTOOLCHAIN=local
        cd "$W/gopath/src/k8s.io/kubernetes" || exit 1
        openapi_generate
        for b in $want; do go_build "$b"; done
    )
    [ -z "$(binaries_missing)" ] || die "not all binaries were built"
    chmod -R u+w "$W"
    rm -rf "$W"
    say "binaries done after $(since "$t0") s"
}
