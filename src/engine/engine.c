/* The engine's thread and its two mailboxes. Commands wake the loop by uv_async_send(), events wake
 * the program by an eventfd; both under the mailbox's lock, so none comes after the other side has
 * closed.
 *
 * Order at the end: SHUTDOWN stops the forwards, then the session, the command mailbox and the
 * loop's objects are closed, the loop runs out, STOPPED is posted, the thread ends. */
#include "kftray/engine.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/command-priv.h"
#include "engine/mailbox.h"
#include "engine/session.h"
#include "net/loop.h"

/* A program that does not look at its events does not fill the memory with them. */
#define MAX_WAITING_EVENTS 10000

struct KftEngine {
    uv_thread_t thread;
    KftLoop *loop;
    uv_async_t async;
    KftSession *session;
    KftMailbox *commands;
    KftMailbox *events;
    int event_fd;
    GQueue taken; /* events that were taken from the mailbox; ui thread */
};

static void run_command(KftEngine *self, const KftCommand *command)
{
    switch (command->type) {
    case KFT_COMMAND_START_FORWARD:
        kft_session_start_forward(self->session, command->forward, command->spec);
        return;
    case KFT_COMMAND_STOP_FORWARD:
        kft_session_stop_forward(self->session, command->forward);
        return;
    case KFT_COMMAND_DIAGNOSE:
        kft_session_diagnose(self->session, command->forward, command->spec);
        return;
    case KFT_COMMAND_STOP_DIAGNOSIS:
        kft_session_stop_diagnosis(self->session, command->forward);
        return;
    case KFT_COMMAND_SET_NETWORK:
        kft_session_set_network(self->session, &command->network);
        return;
    case KFT_COMMAND_SET_PROXY_LOGIN:
        kft_session_set_proxy_login(self->session, command->proxy, command->user,
                                    kft_secret_reveal(command->password));
        return;
    case KFT_COMMAND_SET_RELAYS:
        kft_session_set_relays(self->session, &command->relays);
        return;
    case KFT_COMMAND_QUERY:
        kft_session_start_query(self->session, command->query);
        return;
    case KFT_COMMAND_CANCEL_QUERY:
        kft_session_cancel_query(self->session, command->query_id);
        return;
    case KFT_COMMAND_RETRY_FORWARD:
        kft_session_retry_forward(self->session, command->forward);
        return;
    case KFT_COMMAND_RETRY_ALL:
        kft_session_retry_all(self->session);
        return;
    case KFT_COMMAND_NETWORK_CHANGED:
        kft_session_network_changed(self->session);
        return;
    case KFT_COMMAND_SLEEP:
        kft_session_sleep(self->session);
        return;
    case KFT_COMMAND_WAKE:
        kft_session_wake(self->session);
        return;
    case KFT_COMMAND_SHUTDOWN:
        kft_session_shutdown(self->session);
        return;
    }
    g_assert_not_reached();
}

static void on_async(uv_async_t *async)
{
    KftEngine *self = async->data;
    GQueue commands;
    KftCommand *command = NULL;

    kft_mailbox_take_all(self->commands, &commands);
    while ((command = g_queue_pop_head(&commands)) != NULL) {
        if (self->session != NULL)
            run_command(self, command);
        kft_command_free(command);
    }
}

/* The last forward is gone: lets the loop run out. */
static void on_session_stopped(void *user_data)
{
    KftEngine *self = user_data;
    kft_session_free(g_steal_pointer(&self->session));
    kft_mailbox_close(self->commands);
    uv_close((uv_handle_t *)&self->async, NULL);
}

/* Statistics that nobody has taken yet are replaced, so a program that is slow to look gets only
 * the newest. */
static bool merge_event(void *queued, void *message)
{
    KftEvent *old = queued;
    const KftEvent *new = message;

    if (new->type != KFT_EVENT_FORWARD_STATISTICS || old->type != new->type ||
        old->forward.v != new->forward.v)
        return false;
    old->statistics = new->statistics;
    return true;
}

/* These only tell of single connections, and nothing follows from one that is missing. */
static bool is_expendable(KftEventType type)
{
    return type == KFT_EVENT_FORWARD_CONNECTION || type == KFT_EVENT_FORWARD_CONNECTION_ERROR ||
           type == KFT_EVENT_FORWARD_NOTICE;
}

static void post_event(KftEvent *event, void *user_data)
{
    KftEngine *self = user_data;
    bool may_merge = event->type == KFT_EVENT_FORWARD_STATISTICS;

    if (is_expendable(event->type) && kft_mailbox_get_length(self->events) >= MAX_WAITING_EVENTS) {
        kft_event_free(event);
        return;
    }
    (void)kft_mailbox_post(self->events, event, may_merge ? merge_event : NULL);
}

static void run_thread(void *user_data)
{
    KftEngine *self = user_data;

    kft_loop_run(self->loop);
    if (!kft_loop_free(g_steal_pointer(&self->loop)))
        kft_log_write(KFT_LOG_ENGINE, KFT_LEVEL_ERROR, "handles were still open at the end");
    KftEvent *event = g_new0(KftEvent, 1);
    event->type = KFT_EVENT_STOPPED;
    post_event(event, self);
}

static void wake_loop(void *user_data)
{
    KftEngine *self = user_data;
    (void)uv_async_send(&self->async);
}

static void wake_program(void *user_data)
{
    KftEngine *self = user_data;
    (void)eventfd_write(self->event_fd, 1);
}

static void free_event(void *event)
{
    kft_event_free(event);
}

static void free_command(void *command)
{
    kft_command_free(command);
}

static void configure_log_once(void)
{
    static gsize done;
    if (!g_once_init_enter(&done))
        return;
    const char *trace = g_getenv("KFT_TRACE");
    if (trace != NULL)
        kft_log_configure(trace);
    g_once_init_leave(&done, 1);
}

KftEngine *kft_engine_start(GError **error)
{
    configure_log_once();
    KftLoop *loop = kft_loop_new(error);
    if (loop == NULL)
        return NULL;
    int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event_fd < 0) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_INTERNAL, "eventfd: %s", g_strerror(errno));
        (void)kft_loop_free(loop);
        return NULL;
    }
    KftEngine *self = g_new0(KftEngine, 1);
    self->loop = loop;
    self->event_fd = event_fd;
    self->commands = kft_mailbox_new(wake_loop, self, free_command);
    self->events = kft_mailbox_new(wake_program, self, free_event);
    g_queue_init(&self->taken);
    int result = uv_async_init(kft_loop_get_uv(loop), &self->async, on_async);
    g_assert(result == 0);
    self->async.data = self;
    self->session = kft_session_new(loop, post_event, on_session_stopped, self);
    result = uv_thread_create(&self->thread, run_thread, self);
    g_assert(result == 0);
    return self;
}

bool kft_engine_post(KftEngine *self, KftCommand *command)
{
    g_return_val_if_fail(command != NULL, false);
    return kft_mailbox_post(self->commands, command, NULL);
}

int kft_engine_get_event_fd(const KftEngine *self)
{
    return self->event_fd;
}

/* The descriptor stays readable while events wait here or in the mailbox. */
KftEvent *kft_engine_take_event(KftEngine *self)
{
    if (g_queue_is_empty(&self->taken)) {
        eventfd_t count = 0;
        (void)eventfd_read(self->event_fd, &count);
        kft_mailbox_take_all(self->events, &self->taken);
        if (g_queue_get_length(&self->taken) > 1)
            (void)eventfd_write(self->event_fd, 1);
    }
    return g_queue_pop_head(&self->taken);
}

/* A signal, be it the SIGCHLD of a credential plugin, is no reason to end the wait. */
bool kft_engine_wait(KftEngine *self, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = self->event_fd, .events = POLLIN};
    int64_t end_ms = g_get_monotonic_time() / 1000 + timeout_ms;
    int n = 0;

    while ((n = poll(&poll_fd, 1, timeout_ms)) < 0 && errno == EINTR) {
        if (timeout_ms > 0)
            timeout_ms = (int)MAX(end_ms - g_get_monotonic_time() / 1000, 0);
    }
    return n == 1;
}

void kft_engine_free(KftEngine *self)
{
    if (self == NULL)
        return;
    (void)uv_thread_join(&self->thread);
    g_queue_clear_full(&self->taken, free_event);
    kft_mailbox_free(self->commands);
    kft_mailbox_free(self->events);
    (void)close(self->event_fd);
    g_free(self);
}
