# shellcheck shell=bash
# Messages, waiting, and processes that are stopped by pid. A pid file holds "pid starttime",
# so that a pid which the kernel has given to somebody else meanwhile is never signalled.

say() { printf '[%s] %s\n' "$(date +%T)" "$*"; }
die() {
    printf 'kube.sh: %s\n' "$*" >&2
    exit 1
}
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }

kc() { kubectl --kubeconfig "$K/admin.kubeconfig" "$@"; }
ctrk() { ctr -a "$SOCK" -n k8s.io "$@"; }

need_root() { [ "$(id -u)" = 0 ] || die "needs root"; }

# Two runs must not build or start the same cluster at once. Children get no copy of the lock.
one_at_a_time() {
    mkdir -p "$CACHE" "$K"
    exec 9>"$CACHE/lock"
    flock 9
}

starttime() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

alive() { # name
    local p s
    [ -s "$K/run/$1.pid" ] || return 1
    read -r p s <"$K/run/$1.pid" || true
    [ -n "$p" ] && [ -n "$s" ] && [ "$(starttime "$p")" = "$s" ] &&
        ! grep -q '^State:.Z' "/proc/$p/status" 2>/dev/null
}

start() { # name command...
    local name=$1
    shift
    if alive "$name"; then
        say "$name already runs"
        return
    fi
    rm -f "$K/run/$name.pid"
    # shellcheck disable=SC2016 # expanded by the inner shell, which becomes the daemon
    setsid bash -c '
        p=$$
        printf "%s %s\n" $p "$(sed "s/.*) //" /proc/$p/stat | cut -d" " -f20)" >"$0.tmp"
        mv "$0.tmp" "$0"
        exec "$@"' "$K/run/$name.pid" "$@" >>"$K/logs/$name.log" 2>&1 </dev/null 9>&- &
    for _ in $(seq 3000); do
        [ -s "$K/run/$name.pid" ] && break
        sleep 0.02
    done
}

stop() { # name
    local p
    alive "$1" || {
        rm -f "$K/run/$1.pid"
        return 0
    }
    read -r p _ <"$K/run/$1.pid"
    kill -TERM "$p" 2>/dev/null || true
    for _ in $(seq 600); do
        alive "$1" || break
        sleep 0.1
    done
    if alive "$1"; then
        say "$1 ignores TERM: KILL"
        kill -KILL "$p" 2>/dev/null || true
        sleep 0.3
    fi
    rm -f "$K/run/$1.pid"
    say "stopped $1 ($p)"
}

wait_for() { # what seconds command...
    local what=$1 n=$2 t
    shift 2
    t=$(now)
    while awk -v s="$(since "$t")" -v n="$n" 'BEGIN { exit !(s < n) }'; do
        if "$@" >/dev/null 2>&1; then
            say "$what ready after $(since "$t") s"
            return
        fi
        sleep 0.2
    done
    die "$what not ready after $n s; see $K/logs"
}
