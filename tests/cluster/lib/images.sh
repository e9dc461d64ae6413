# shellcheck shell=bash
# The container images, made by hand as docker archives: pause, busybox, podsrv, tools. Their tag is
# a hash of what they are made from, so that a changed server rolls out by itself.

IMAGES="pause busybox podsrv tools"
# What the image tools holds: other people's servers for UDP, and the relay in lock-step.
TOOLS="/usr/sbin/dnsmasq /usr/bin/iperf3 /usr/bin/openssl /usr/bin/python3"
LOCKSTEP=$HERE/../fakes/lockstep-relay.py
CFLAGS_STATIC="-std=gnu11 -D_GNU_SOURCE -O2 -static -s -pthread -Wall -Wextra"

image_tag() { # name
    # shellcheck disable=SC2086 # one word per program
    case $1 in
    busybox) sha256sum /bin/busybox ;;
    tools) cat $TOOLS "$LOCKSTEP" "$HERE/lib/images.sh" | sha256sum ;;
    *) sha256sum "$HERE/$1.c" ;;
    esac | cut -c1-12
}
image_ref() { echo "localhost/kftray/$1:$(image_tag "$1")"; }
image_file() { echo "$C/images/$1-$(image_tag "$1").tar"; }

image_pack() { # name rootfs config-json-fragment
    local name=$1 root=$2 cfg=$3 d out
    d=$root.image
    out=$(image_file "$name")
    mkdir -p "$d"
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -cf "$d/layer.tar" .
    printf '{"architecture":"%s","os":"linux","config":{%s},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
        "$(dpkg --print-architecture)" "$cfg" "$(sha256sum <"$d/layer.tar" | cut -d' ' -f1)" >"$d/config.json"
    printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' \
        "$(image_ref "$name")" >"$d/manifest.json"
    rm -f "$C/images/$name"-*.tar
    tar -C "$d" -cf "$out.new" manifest.json config.json layer.tar
    mv "$out.new" "$out"
}

image_root_compiled() { # name root
    # shellcheck disable=SC2086
    gcc $CFLAGS_STATIC -o "$2/$1" "$HERE/$1.c" || die "cannot compile $1.c"
}

image_root_busybox() { # root
    local a
    mkdir -p "$1"/{bin,sbin,etc,tmp,www,root,proc,sys,dev}
    chmod 1777 "$1/tmp"
    cp /bin/busybox "$1/bin/busybox"
    for a in $(/bin/busybox --list); do
        [ "$a" = busybox ] || ln -s busybox "$1/bin/$a"
    done
    echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
    echo 'hello from busybox httpd' >"$1/www/index.html"
}

# Programs with the libraries that they name, and Python's own modules.
image_root_tools() { # root
    local f python
    mkdir -p "$1"/{etc,tmp,usr/bin,usr/sbin,usr/lib/ssl,lib64}
    chmod 1777 "$1/tmp"
    for f in $TOOLS; do
        cp -L "$f" "$1$f"
        ldd "$f" | grep -o '/[^ ]*'
    done | sort -u | while read -r f; do
        mkdir -p "$1$(dirname "$f")"
        cp -L "$f" "$1$f"
    done
    python=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
    mkdir -p "$1$python"
    tar -C "$python" --exclude=__pycache__ --exclude=test --exclude='config-*' --exclude=lib-dynload \
        --exclude=dist-packages -cf - . | tar -C "$1$python" -xf -
    cp "$LOCKSTEP" "$1/lockstep-relay.py"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=tools \
        -keyout "$1/etc/key.pem" -out "$1/etc/cert.pem" 2>/dev/null
    chmod 644 "$1/etc/key.pem"
    : >"$1/usr/lib/ssl/openssl.cnf"
    echo 'root:x:0:0:root:/:/bin/false' >"$1/etc/passwd"
    echo 'root:x:0:' >"$1/etc/group"
}

images_build() {
    local i root
    # shellcheck disable=SC2086
    packages_install $IMAGE_PACKAGES
    mkdir -p "$C/images"
    rm -rf "$C"/images/tmp.* # of a run that was killed
    for i in $IMAGES; do
        [ ! -s "$(image_file "$i")" ] || continue
        say "making image $(image_ref "$i")"
        root=$(mktemp -d -p "$C/images")
        chmod 755 "$root"
        case $i in
        busybox)
            image_root_busybox "$root"
            image_pack "$i" "$root" '"Env":["PATH=/bin"],"Cmd":["sh"]'
            ;;
        tools)
            image_root_tools "$root"
            image_pack "$i" "$root" '"Env":["PATH=/usr/sbin:/usr/bin"]'
            ;;
        *)
            image_root_compiled "$i" "$root"
            image_pack "$i" "$root" "\"Entrypoint\":[\"/$i\"]"
            cp "$root/$i" "$C/bin/$i"
            ;;
        esac
        rm -rf "$root" "$root.image"
    done
}

images_import() {
    local i ref
    mkdir -p "$K/run/imported"
    for i in $IMAGES; do
        ref=$(image_ref "$i")
        ctrk images ls -q | grep -qxF "$ref" && continue
        ctrk images import --snapshotter "$SNAPSHOTTER" "$(image_file "$i")" >/dev/null
    done
}

# The image of kftray-server of this checkout, as packaging/server makes it; prints its name. The tag is
# the program's checksum: what is there already is not imported again. KFTRAY_SERVER: a static program.
relay_image_import() {
    local top=$HERE/../.. binary=${KFTRAY_SERVER:-} ref
    if [ -z "$binary" ]; then
        cmake -S "$top" -B "$top/build/image" -G Ninja -DKFT_BUILD_UI=OFF -DKFT_BUILD_TESTS=OFF \
            -DCMAKE_BUILD_TYPE=Release >/dev/null
        cmake --build "$top/build/image" --target kftray-server-static >/dev/null
        binary=$top/build/image/static/kftray-server
    fi
    ref=localhost/kftray/kftray-server:$(sha256sum "$binary" | cut -c1-12)
    if ! ctrk images ls -q | grep -qxF "$ref"; then
        "$top/packaging/server/build-image.sh" --binary "$binary" --output "$K/run/relay.tar" "$ref" >/dev/null
        ctrk images import --snapshotter "$SNAPSHOTTER" "$K/run/relay.tar" >/dev/null
        rm "$K/run/relay.tar"
    fi
    echo "$ref"
}
