/* kft-link: a link between two network namespaces, with delay, jitter, loss, a rate limit and a
 * black hole that can be changed while it runs. Two tun devices, one in each namespace; what one
 * reads, the other writes later. The machine's own devices are not touched.
 *
 *   kft-link --a NETNS --b NETNS [--seed N] [--control PATH] [--relay ADDR:PORT=ADDR:PORT]…
 *            [--set "NAME VALUE [ab|ba]"]…
 *   kft-link --control PATH --send "COMMAND"
 *
 * NETNS is a file, as /run/netns/x. The devices are called kft0 in both. A relay listens in
 * namespace b and connects from the namespace in which the program was started.
 * Commands, by the control socket or as lines of stdin: delay T, jitter T, queue T (20ms, 1.5s,
 * 300us), loss 1%, rate 10mbit, blackhole on, each with `off` and with an optional direction
 * behind it; stats. The answer is one line, `ok …` or `error …`. Prints `ready`. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "emu.h"
#include "relay.h"

enum {
    SETS_MAX = 16,
    LINE_SIZE = 256
};

struct options {
    const char *a;
    const char *b;
    const char *control;
    const char *send;
    const char *relays[SETS_MAX];
    const char *sets[SETS_MAX];
    size_t n_relays;
    size_t n_sets;
    uint64_t seed;
};

struct link {
    int tun[2];
    struct emu emu[2]; /* [0]: a to b */
    int listener;
    int client;
    bool use_stdin;
    char line[LINE_SIZE];
    size_t line_len;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- set-up ---- */

static bool enter(const char *netns)
{
    int fd = open(netns, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

static int tun_open(void)
{
    struct ifreq r = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    memcpy(r.ifr_name, "kft0", 5);
    if (fd >= 0 && ioctl(fd, TUNSETIFF, &r) != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static bool set_up(struct link *l, const struct options *o)
{
    static const char home[] = "/proc/self/ns/net";
    int back = open(home, O_RDONLY | O_CLOEXEC);
    if (back < 0 || !enter(o->a) || (l->tun[0] = tun_open()) < 0)
        return false;
    if (setns(back, CLONE_NEWNET) != 0 || !enter(o->b) || (l->tun[1] = tun_open()) < 0)
        return false;
    for (size_t i = 0; i < o->n_relays; i++) {
        if (!relay_listen(o->relays[i]))
            return false;
    }
    bool ok = setns(back, CLONE_NEWNET) == 0;
    (void)close(back);
    return ok && relay_start();
}

static bool control_address(const char *path, struct sockaddr_un *ret)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof ret->sun_path)
        return false;
    memcpy(ret->sun_path, path, strlen(path));
    return true;
}

static int control_listen(const char *path)
{
    struct sockaddr_un a;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !control_address(path, &a))
        return -1;
    (void)unlink(path);
    return bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 8) == 0 ? fd : -1;
}

static int control_send(const char *path, const char *command)
{
    struct sockaddr_un a;
    char answer[512];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !control_address(path, &a) || connect(fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        dprintf(fd, "%s\n", command) < 0) {
        perror("kft-link: control");
        return 1;
    }
    ssize_t n = read(fd, answer, sizeof answer - 1);
    (void)close(fd);
    answer[n > 0 ? n : 0] = 0;
    (void)fputs(answer, stdout);
    return strncmp(answer, "ok", 2) != 0;
}

/* ---- commands ---- */

static bool command(struct link *l, const char *line, char *answer, size_t size)
{
    char name[32] = "";
    char value[32] = "";
    char way[8] = "";
    int n = sscanf(line, "%31s %31s %7s", name, value, way);
    if (n == 1 && strcmp(name, "stats") == 0) {
        size_t at = 0;
        for (int i = 0; i < 2; i++) {
            const struct emu_stats *s = &l->emu[i].stats;
            at += (size_t)snprintf(answer + at, size - at,
                                   "%s packets %llu bytes %llu lost %llu dropped %llu%s",
                                   i == 0 ? "ok ab" : "ba", (unsigned long long)s->packets,
                                   (unsigned long long)s->bytes, (unsigned long long)s->lost,
                                   (unsigned long long)s->dropped, i == 0 ? " " : "\n");
        }
        return true;
    }
    bool ok = n >= 2 && (n == 2 || strcmp(way, "ab") == 0 || strcmp(way, "ba") == 0);
    for (int i = 0; ok && i < 2; i++) {
        if (n == 2 || (way[0] == 'a') == (i == 0))
            ok = emu_configure(&l->emu[i], name, value);
    }
    (void)snprintf(answer, size, ok ? "ok\n" : "error not understood\n");
    return ok;
}

/* Reads what a client of the control socket, or stdin, has written and runs whole lines. */
static bool serve_control(struct link *l, int in, int out)
{
    char answer[512];
    ssize_t n = read(in, l->line + l->line_len, sizeof l->line - 1 - l->line_len);
    if (n <= 0)
        return false;
    l->line_len += (size_t)n;
    l->line[l->line_len] = 0;
    for (char *nl = strchr(l->line, '\n'); nl; nl = strchr(l->line, '\n')) {
        *nl = 0;
        (void)command(l, l->line, answer, sizeof answer);
        (void)dprintf(out, "%s", answer);
        l->line_len -= (size_t)(nl + 1 - l->line);
        memmove(l->line, nl + 1, l->line_len + 1);
    }
    return l->line_len < sizeof l->line - 1;
}

/* ---- packets ---- */

static void read_packets(struct link *l, int side)
{
    uint8_t buf[EMU_PACKET_MAX];
    for (int i = 0; i < 256; i++) {
        ssize_t n = read(l->tun[side], buf, sizeof buf);
        if (n <= 0)
            return;
        emu_put(&l->emu[side], buf, (size_t)n, now_ns());
    }
}

static void deliver(struct link *l)
{
    for (int side = 0; side < 2; side++) {
        struct emu_packet *p;
        while ((p = emu_take(&l->emu[side], now_ns()))) {
            /* A device that is down or full loses the packet, as a real one would. */
            if (write(l->tun[1 - side], p->data, p->len) < 0)
                l->emu[side].stats.dropped++;
            free(p);
        }
    }
}

static void wait_next(const struct link *l, struct pollfd *p, nfds_t n)
{
    uint64_t a = emu_next_due(&l->emu[0]);
    uint64_t b = emu_next_due(&l->emu[1]);
    uint64_t due = a < b ? a : b;
    uint64_t now = now_ns();
    uint64_t left = due > now ? due - now : 0;
    struct timespec t = {(time_t)(left / 1000000000), (long)(left % 1000000000)};
    (void)ppoll(p, n, due == UINT64_MAX ? NULL : &t, NULL);
}

static void run(struct link *l)
{
    for (;;) {
        int control = l->client >= 0 ? l->client : l->listener;
        struct pollfd p[4] = {{l->tun[0], POLLIN, 0},
                              {l->tun[1], POLLIN, 0},
                              {control, POLLIN, 0},
                              {l->use_stdin ? 0 : -1, POLLIN, 0}};
        wait_next(l, p, 4);
        read_packets(l, 0);
        read_packets(l, 1);
        deliver(l);
        if (p[2].revents && l->client < 0) {
            l->client = accept4(l->listener, NULL, NULL, SOCK_CLOEXEC);
            l->line_len = 0;
        } else if (p[2].revents && !serve_control(l, l->client, l->client)) {
            (void)close(l->client);
            l->client = -1;
        }
        if (p[3].revents)
            l->use_stdin = serve_control(l, 0, 1);
    }
}

static void on_stop(int sig)
{
    (void)sig;
    _exit(0);
}

static bool parse_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *name = argv[i];
        const char *v = argv[i + 1];
        if (strcmp(name, "--a") == 0)
            o->a = v;
        else if (strcmp(name, "--b") == 0)
            o->b = v;
        else if (strcmp(name, "--control") == 0)
            o->control = v;
        else if (strcmp(name, "--send") == 0)
            o->send = v;
        else if (strcmp(name, "--seed") == 0)
            o->seed = strtoull(v, NULL, 10);
        else if (strcmp(name, "--relay") == 0 && o->n_relays < SETS_MAX)
            o->relays[o->n_relays++] = v;
        else if (strcmp(name, "--set") == 0 && o->n_sets < SETS_MAX)
            o->sets[o->n_sets++] = v;
        else
            return false;
    }
    return argc % 2 == 1 && ((o->a && o->b) || (o->control && o->send));
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1};
    struct link l = {.tun = {-1, -1}, .listener = -1, .client = -1};
    char answer[512];
    if (!parse_options(argc, argv, &o)) {
        (void)fputs("usage: kft-link --a NETNS --b NETNS [--seed N] [--control PATH]\n"
                    "                [--relay ADDR:PORT=ADDR:PORT]... [--set SETTING]...\n"
                    "       kft-link --control PATH --send COMMAND\n",
                    stderr);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTERM, on_stop);
    (void)signal(SIGINT, on_stop);
    if (o.send)
        return control_send(o.control, o.send);
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    emu_init(&l.emu[0], o.seed);
    emu_init(&l.emu[1], o.seed ^ 0x5555555555555555u);
    for (size_t i = 0; i < o.n_sets; i++) {
        if (!command(&l, o.sets[i], answer, sizeof answer)) {
            (void)fprintf(stderr, "kft-link: not understood: %s\n", o.sets[i]);
            return 2;
        }
    }
    l.use_stdin = o.control == NULL;
    if (!set_up(&l, &o) || (o.control && (l.listener = control_listen(o.control)) < 0)) {
        perror("kft-link: set-up");
        return 1;
    }
    (void)puts("ready");
    (void)fflush(stdout);
    run(&l);
}
