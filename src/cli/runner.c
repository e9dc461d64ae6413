/* The engine under one poll(), without a main loop: its events, signals by a signalfd, the settings
 * of the network, and one descriptor of the caller's. */
#include "runner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "command.h"
#include "network.h"
#include "output.h"
#include "proxy-login.h"

/* How long the orderly end may take. */
#define SHUTDOWN_MS 8000

struct KftRunner {
    KftEngine *engine;
    void (*on_event)(const KftEvent *event, void *user_data);
    void *user_data;
    int signal_fd;
    KftCliNetwork *network;
    bool finds_logins;
    unsigned n_logins;
    char *last_password; /* of the last login that was found; nullable */
    bool is_ending;
    bool has_stopped;
};

/* Before the engine's thread exists, which inherits the mask. */
static int block_signals(GError **error)
{
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigaddset(&signals, SIGWINCH);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        g_set_error(error, KFT_ERROR, KFT_ERROR_INTERNAL, "signalfd: %s", g_strerror(errno));
    return fd;
}

/* A forward needs some three descriptors and each connection one: the usual soft limit of 1024,
 * which is there for programs that use select(), is soon reached. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void post_network(KftRunner *self)
{
    const KftNetworkSettings *settings = kft_cli_network_get(self->network);
    (void)kft_engine_post(self->engine, kft_command_new_set_network(settings));
}

KftRunner *kft_runner_new(void (*on_event)(const KftEvent *event, void *user_data),
                          void *user_data,
                          GError **error)
{
    int signal_fd = block_signals(error);
    if (signal_fd < 0)
        return NULL;
    raise_descriptor_limit();
    KftEngine *engine = kft_engine_start(error);
    if (engine == NULL) {
        (void)close(signal_fd);
        return NULL;
    }
    KftRunner *self = g_new0(KftRunner, 1);
    self->engine = engine;
    self->on_event = on_event;
    self->user_data = user_data;
    self->signal_fd = signal_fd;
    self->network = kft_cli_network_new();
    post_network(self);
    return self;
}

void kft_runner_find_logins(KftRunner *self)
{
    self->finds_logins = true;
}

unsigned kft_runner_count_logins(const KftRunner *self)
{
    return self->n_logins;
}

static void forget_password(KftRunner *self)
{
    if (self->last_password != NULL)
        explicit_bzero(self->last_password, strlen(self->last_password));
    g_clear_pointer(&self->last_password, g_free);
}

static void find_login(KftRunner *self, const KftEvent *event)
{
    const KftProxyLoginQuestion question = {
        .proxy = event->proxy_login.proxy,
        .user = event->proxy_login.user,
        .is_refused = event->proxy_login.is_refused,
    };
    g_auto(KftLogin) login = {0};

    if (!self->finds_logins || self->is_ending ||
        !kft_proxy_login_find(&question, self->last_password, self->signal_fd, &login))
        return;
    (void)kft_engine_post(
        self->engine, kft_command_new_set_proxy_login(question.proxy, login.user, login.password));
    forget_password(self);
    self->last_password = g_strdup(login.password);
    self->n_logins++;
}

static void drain_events(KftRunner *self)
{
    KftEvent *event = NULL;

    while ((event = kft_engine_take_event(self->engine)) != NULL) {
        if (event->type == KFT_EVENT_STOPPED)
            self->has_stopped = true;
        else if (event->type == KFT_EVENT_PROXY_LOGIN)
            find_login(self, event);
        else
            self->on_event(event, self->user_data);
        kft_event_free(event);
    }
}

void kft_runner_free(KftRunner *self)
{
    if (self == NULL)
        return;
    self->is_ending = true;
    (void)kft_engine_post(self->engine, kft_command_new(KFT_COMMAND_SHUTDOWN));
    while (!self->has_stopped && kft_engine_wait(self->engine, SHUTDOWN_MS))
        drain_events(self);
    if (!self->has_stopped) {
        kft_print_error("the engine did not stop within %d s", SHUTDOWN_MS / 1000);
        _exit(KFT_EXIT_FAILURE);
    }
    kft_engine_free(self->engine);
    kft_cli_network_free(self->network);
    forget_password(self);
    (void)close(self->signal_fd);
    g_free(self);
}

void kft_runner_start_forward(KftRunner *self, KftForwardId id, KftForwardSpec *spec)
{
    (void)kft_engine_post(self->engine, kft_command_new_start_forward(id, spec));
}

void kft_runner_stop_forward(KftRunner *self, KftForwardId id)
{
    (void)kft_engine_post(self->engine, kft_command_new_stop_forward(id));
}

void kft_runner_start_query(KftRunner *self, KftQuery *query)
{
    (void)kft_engine_post(self->engine, kft_command_new_query(query));
}

static unsigned read_signals(const KftRunner *self)
{
    struct signalfd_siginfo info;
    unsigned wake = 0;

    while (read(self->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        wake |= info.ssi_signo == SIGWINCH ? KFT_WAKE_RESIZE : KFT_WAKE_SIGNAL;
    return wake;
}

void kft_runner_set_ca_bundle(KftRunner *self, const char *file)
{
    kft_cli_network_set_ca_bundle(self->network, file);
    post_network(self);
}

void kft_runner_set_relays(KftRunner *self, const KftRelaySettings *settings)
{
    (void)kft_engine_post(self->engine, kft_command_new_set_relays(settings));
}

void kft_runner_start_diagnosis(KftRunner *self, KftForwardId id, KftForwardSpec *spec)
{
    (void)kft_engine_post(self->engine, kft_command_new_diagnose(id, spec));
}

unsigned kft_runner_wait(KftRunner *self, int fd, int timeout_ms)
{
    struct pollfd fds[] = {
        {.fd = kft_engine_get_event_fd(self->engine), .events = POLLIN},
        {.fd = self->signal_fd, .events = POLLIN},
        {.fd = fd, .events = POLLIN}, /* poll() passes over -1 */
        {.fd = kft_cli_network_get_fd(self->network), .events = POLLIN},
    };
    if (poll(fds, G_N_ELEMENTS(fds), timeout_ms) < 0)
        return errno == EINTR ? 0 : KFT_WAKE_BROKEN;
    if (fds[3].revents != 0 && kft_cli_network_look(self->network))
        post_network(self);
    unsigned n_logins = self->n_logins;
    drain_events(self);
    return (fds[1].revents != 0 ? read_signals(self) : 0) |
           (self->n_logins != n_logins ? (unsigned)KFT_WAKE_RESIZE : 0) |
           (fds[2].revents != 0 ? KFT_WAKE_FD : 0);
}
