/* The pump of one connection.
 *
 *   WAITING ── attach ──► OPEN ── pod ended ──► FLUSHING ── local side took all ──► closed
 *      ▲                   │
 *      └─ pair failed, ────┘
 *         nothing taken
 *
 * Bytes of the local peer are read straight into the pair's output; bytes of the pod are written
 * straight to the local socket, all that came together at once, and only what the kernel does not
 * take is copied. Reading stops when the other side is full.
 *
 * The end of local data is not passed on at once: the container runtimes answer it by cutting the
 * pod's answer off after a second (wire protocols, 3.7). The pod is told when it was silent for
 * half_close_ms, or at once when the local peer is gone altogether, so that nobody could read an
 * answer. */
#include "forward/connection.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "net/timer.h"

/* How long local input is still taken in (and dropped) after the pod finished: closing with unread
 * input would reset the connection and could destroy what the peer has not read yet. */
#define DISCARD_MS 2000
/* When to look again whether the local peer closed for good after it ended its data. */
#define PEER_CHECK_FIRST_MS 20
#define PEER_CHECK_MAX_MS 2000
#define DISCARD_BYTES 4096
/* First bytes that are kept until the pod has answered something, so that they can be sent again
 * when it turns out that no pod got them. */
#define MAX_REPLAY_BYTES ((size_t)16 * 1024)
/* Between the failure of one attempt and the end of the connection's patience there is always room
 * for another attempt. */
#define MIN_HOLD_MS 2000
#define MAX_ATTEMPTS 3

typedef enum {
    STATE_WAITING,
    STATE_OPEN,
    STATE_FLUSHING
} State;

struct KftConnection {
    KftLoop *loop;
    KftSocket *socket;
    KftPool *pool;
    KftPair *pair;
    KftConnectionLimits limits;
    KftConnectionFuncs funcs;
    void *user_data;
    State state;
    unsigned n_attempts;
    KftBuf replay;     /* what was taken from the local peer, all of it while keeps_replay */
    size_t n_replayed; /* of it, on the present pair */
    bool keeps_replay;
    bool local_ended;
    bool aborts; /* FLUSHING: end with a reset, data is missing */
    uint64_t bytes_up;
    uint64_t bytes_down;
    uint64_t hold_until_ms;
    uint64_t last_down_ms;
    uint64_t last_up_ms;
    uint64_t local_end_ms;
    uint32_t peer_check_ms;
    KftTimer *timer; /* WAITING: hold; OPEN: half-close; FLUSHING: discard */
    KftPairEnd end;
    char *text;
};

static uint8_t discarded[DISCARD_BYTES];

static void release(KftConnection *self)
{
    KftPool *pool = self->pool;
    KftPair *pair = g_steal_pointer(&self->pair);

    kft_timer_free(self->timer);
    kft_buf_clear(&self->replay);
    if (self->socket != NULL)
        kft_socket_abort(self->socket);
    g_free(self->text);
    /* Each of the two may free a pool that is being drained: a v4 pair counts for the first, one on
     * a tunnel for the second, and neither is touched by the other call. */
    if (pair != NULL)
        kft_pool_pair_gone(pool);
    kft_pair_free(pair);
    g_free(self);
}

void kft_connection_free(KftConnection *self)
{
    if (self != NULL)
        release(self);
}

/* The local side is done or broken: tells the owner and frees everything. */
static void close_now(KftConnection *self)
{
    const KftConnectionReport report = {
        .end = self->end,
        .text = self->text,
        .bytes_up = self->bytes_up,
        .bytes_down = self->bytes_down,
    };
    KftSocket *socket = g_steal_pointer(&self->socket);

    if (self->aborts)
        kft_socket_abort(socket);
    else
        kft_socket_free(socket);
    self->funcs.on_closed(self, &report, self->user_data);
    release(self);
}

static void set_end(KftConnection *self, KftPairEnd end, const char *text)
{
    self->end = end;
    g_free(self->text);
    self->text = g_strdup(text);
}

/* --- the pod's side --- */

static void on_pair_data(const uint8_t *data, size_t size, void *user_data)
{
    KftConnection *self = user_data;

    if (self->bytes_down == 0)
        kft_log(KFT_LOG_CONN, KFT_LEVEL_DEBUG, "%s: first bytes",
                kft_socket_get_peer(self->socket));
    if (self->keeps_replay) {
        self->keeps_replay = false;
        kft_buf_clear(&self->replay);
    }
    if (self->bytes_down == 0)
        self->funcs.on_answer(self, self->user_data);
    self->bytes_down += size;
    self->last_down_ms = kft_loop_now_ms(self->loop);
    KftResult result = kft_socket_lend(self->socket, data, size);
    if (result == KFT_R_LIMIT) {
        set_end(self, KFT_PAIR_END_ERROR, "the local program does not read and the queue is full");
        self->aborts = true;
        close_now(self);
    }
}

static void on_pair_data_end(void *user_data)
{
    KftConnection *self = user_data;

    (void)kft_socket_flush(self->socket);
    size_t queued = kft_socket_get_queued(self->socket);
    if (queued > 0)
        kft_pair_report_queued(self->pair, queued);
}

static bool is_replaying(const KftConnection *self)
{
    return self->keeps_replay && self->n_replayed < kft_buf_size(&self->replay);
}

/* Sends again what an earlier pair took; more is read when that is done. */
static void send_replay(KftConnection *self)
{
    while (is_replaying(self)) {
        size_t room = 0;
        uint8_t *to = kft_pair_reserve(self->pair, &room);
        if (to == NULL)
            return;
        size_t size = MIN(room, kft_buf_size(&self->replay) - self->n_replayed);
        memcpy(to, kft_buf_data(&self->replay) + self->n_replayed, size);
        self->n_replayed += size;
        kft_pair_commit(self->pair, size);
    }
    if (!self->local_ended)
        kft_socket_set_reading(self->socket, true);
}

static void on_pair_writable(void *user_data)
{
    send_replay(user_data);
}

/* Whether the local peer need not notice that the pair failed. A lost tunnel may have carried its
 * bytes to the application; a pod without a sandbox, or where nobody listens, cannot have. */
static bool may_wait_again(KftConnection *self, KftPairEnd end)
{
    if (self->bytes_down > 0)
        return false;
    /* Who waits for the node tries in turn; the end of the hold time is limit enough. */
    if (end == KFT_PAIR_END_NODE)
        return self->keeps_replay && kft_loop_now_ms(self->loop) < self->hold_until_ms;
    if (end == KFT_PAIR_END_REFUSED)
        return self->keeps_replay && self->funcs.may_wait(self, self->user_data);
    if (self->n_attempts >= MAX_ATTEMPTS)
        return false;
    if (end == KFT_PAIR_END_NO_POD || end == KFT_PAIR_END_UNSENT)
        return self->keeps_replay;
    return end == KFT_PAIR_END_LOST && self->bytes_up == 0 && !self->local_ended;
}

static void start_flushing(KftConnection *self)
{
    self->state = STATE_FLUSHING;
    self->aborts = self->end != KFT_PAIR_END_CLEAN;
    kft_timer_stop(self->timer);
    if (self->aborts && kft_socket_get_queued(self->socket) == 0) {
        close_now(self);
        return;
    }
    kft_socket_set_reading(self->socket, !self->local_ended);
    /* A FIN before the reset would make what came look complete. */
    if (!self->aborts)
        kft_socket_shutdown(self->socket);
}

/* The time for which it may be held counts from its arrival, however often it is attached. */
static void start_hold_timer(KftConnection *self)
{
    uint64_t now = kft_loop_now_ms(self->loop);
    uint64_t left = self->hold_until_ms > now ? self->hold_until_ms - now : 0;
    kft_timer_start(self->timer, self->n_attempts > 0 ? MAX(left, MIN_HOLD_MS) : left);
}

static void on_pair_end(KftPairEnd end, const char *text, void *user_data)
{
    KftConnection *self = user_data;
    KftPool *pool = self->pool;
    bool waits = may_wait_again(self, end);

    /* Tests prove by this which connections had something under way. */
    kft_log(KFT_LOG_CONN, KFT_LEVEL_DEBUG,
            "%s: ended by pod=%s, %s, %" G_GUINT64_FORMAT " bytes up, %" G_GUINT64_FORMAT
            " down%s%s%s",
            kft_socket_get_peer(self->socket), kft_pool_get_pod(pool)->name, kft_pair_end_name(end),
            self->bytes_up, self->bytes_down, waits ? ", waits for another" : "",
            text == NULL ? "" : ": ", text == NULL ? "" : text);

    self->pair = NULL;
    set_end(self, end, text);
    if (waits) {
        self->state = STATE_WAITING;
        if (end == KFT_PAIR_END_NODE)
            self->n_attempts--;
        kft_socket_set_reading(self->socket, false);
        start_hold_timer(self);
        self->funcs.on_waiting(self, end, text, self->user_data);
    } else {
        start_flushing(self);
    }
    kft_pool_pair_gone(pool);
}

/* --- the local side --- */

static void on_socket_alloc(uint8_t **ret_data, size_t *ret_size, void *user_data)
{
    KftConnection *self = user_data;

    if (self->state == STATE_FLUSHING) {
        *ret_data = discarded;
        *ret_size = sizeof discarded;
        return;
    }
    bool can_take = self->pair != NULL && !is_replaying(self);
    *ret_data = can_take ? kft_pair_reserve(self->pair, ret_size) : NULL;
    if (*ret_data == NULL)
        *ret_size = 0;
}

/* The bytes lie where the pair reserved room for them. */
static void keep_for_replay(KftConnection *self, size_t size)
{
    if (!self->keeps_replay)
        return;
    size_t room = 0;
    const uint8_t *data = kft_pair_reserve(self->pair, &room);
    if (data != NULL && room >= size && kft_buf_append(&self->replay, data, size) == KFT_R_OK) {
        self->n_replayed += size;
        return;
    }
    self->keeps_replay = false;
    kft_buf_clear(&self->replay);
}

static void on_socket_read(size_t size, void *user_data)
{
    KftConnection *self = user_data;

    if (self->state == STATE_FLUSHING)
        return;
    self->bytes_up += size;
    self->last_up_ms = kft_loop_now_ms(self->loop);
    keep_for_replay(self, size);
    kft_pair_commit(self->pair, size);
}

/* Tells the pod of the local end if it has been silent for long, or if the local peer is gone: then
 * what the pod still sends is of no use. */
static void check_peer(KftConnection *self)
{
    uint64_t now = kft_loop_now_ms(self->loop);

    if (kft_socket_is_peer_closed(self->socket)) {
        kft_pair_finish(self->pair);
        return;
    }
    uint64_t silent_since = MAX(self->local_end_ms, self->last_down_ms);
    uint64_t silence = now - silent_since;
    if (silence >= self->limits.half_close_ms) {
        kft_pair_finish(self->pair);
        return;
    }
    uint64_t delay = MIN(self->peer_check_ms, self->limits.half_close_ms - silence);
    self->peer_check_ms = MIN(self->peer_check_ms * 2, PEER_CHECK_MAX_MS);
    kft_timer_start(self->timer, delay);
}

static void on_socket_eof(void *user_data)
{
    KftConnection *self = user_data;

    self->local_ended = true;
    self->local_end_ms = kft_loop_now_ms(self->loop);
    if (self->state == STATE_OPEN) {
        self->peer_check_ms = PEER_CHECK_FIRST_MS;
        check_peer(self);
    } else if (self->state == STATE_FLUSHING && kft_socket_get_queued(self->socket) == 0) {
        close_now(self);
    }
}

static void on_socket_error(void *user_data)
{
    KftConnection *self = user_data;

    if (self->state != STATE_FLUSHING)
        set_end(self, KFT_PAIR_END_CLEAN, NULL);
    close_now(self);
}

static void on_socket_drained(void *user_data)
{
    KftConnection *self = user_data;
    if (self->pair != NULL)
        kft_pair_report_queued(self->pair, kft_socket_get_queued(self->socket));
}

static void on_socket_flushed(void *user_data)
{
    KftConnection *self = user_data;

    if (self->state != STATE_FLUSHING)
        return;
    if (self->aborts || self->local_ended)
        close_now(self);
    else
        kft_timer_start(self->timer, DISCARD_MS);
}

static void on_timer(void *user_data)
{
    KftConnection *self = user_data;

    switch (self->state) {
    case STATE_WAITING:
        if (self->text == NULL)
            set_end(self, KFT_PAIR_END_LOST, "no pod was ready in time");
        self->aborts = true;
        close_now(self);
        return;
    case STATE_OPEN:
        check_peer(self);
        return;
    case STATE_FLUSHING:
        close_now(self);
        return;
    }
    g_assert_not_reached();
}

/* --- life --- */

KftConnection *kft_connection_new(KftLoop *loop,
                                  KftSocket *socket,
                                  const KftConnectionLimits *limits,
                                  const KftConnectionFuncs *funcs,
                                  void *user_data)
{
    static const KftSocketFuncs socket_funcs = {
        .on_alloc = on_socket_alloc,
        .on_read = on_socket_read,
        .on_eof = on_socket_eof,
        .on_error = on_socket_error,
        .on_drained = on_socket_drained,
        .on_flushed = on_socket_flushed,
    };
    KftConnection *self = g_new0(KftConnection, 1);
    self->loop = loop;
    self->socket = socket;
    self->limits = *limits;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->timer = kft_timer_new(loop, on_timer, self);
    self->keeps_replay = true;
    kft_buf_init(&self->replay, MAX_REPLAY_BYTES);
    self->last_up_ms = kft_loop_now_ms(loop);
    self->hold_until_ms = self->last_up_ms + limits->hold_ms;
    start_hold_timer(self);
    kft_socket_set_funcs(socket, &socket_funcs, self);
    kft_log(KFT_LOG_CONN, KFT_LEVEL_DEBUG, "%s: accepted", kft_socket_get_peer(socket));
    return self;
}

bool kft_connection_attach(KftConnection *self, KftPool *pool, uint16_t port, const KftVia *via)
{
    static const KftPairFuncs pair_funcs = {
        .on_data = on_pair_data,
        .on_data_end = on_pair_data_end,
        .on_writable = on_pair_writable,
        .on_end = on_pair_end,
    };
    g_assert(self->state == STATE_WAITING);
    KftPair *pair = kft_via_open_pair(pool, port, via, &pair_funcs, self);
    if (pair == NULL)
        return false;
    self->pool = pool;
    self->pair = pair;
    self->state = STATE_OPEN;
    self->n_attempts++;
    self->n_replayed = 0;
    kft_log(KFT_LOG_CONN, KFT_LEVEL_DEBUG, "%s: to pod=%s, try %u",
            kft_socket_get_peer(self->socket), kft_pool_get_pod(pool)->name, self->n_attempts);
    kft_timer_stop(self->timer);
    send_replay(self);
    if (self->local_ended)
        on_socket_eof(self);
    return true;
}

bool kft_connection_is_waiting(const KftConnection *self)
{
    return self->state == STATE_WAITING;
}

uint64_t kft_connection_get_bytes_up(const KftConnection *self)
{
    return self->bytes_up;
}

uint64_t kft_connection_get_bytes_down(const KftConnection *self)
{
    return self->bytes_down;
}

uint64_t kft_connection_get_last_traffic_ms(const KftConnection *self)
{
    return MAX(self->last_up_ms, self->last_down_ms);
}
