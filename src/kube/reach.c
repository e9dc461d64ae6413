/* Up: turns are given out while fewer than MAX_GRANTED are. The first exchange that cannot reach
 * the server makes it away; then a probe goes out at once, and further ones while anybody waits, at
 * intervals that grow with the outage, so that its end is noticed late by a sixtieth of it, but at
 * most by half a minute. Who cannot wait for so long asks for one in between: the plan stays, and
 * those who watch hear of it only if it is good. A failed probe answers all turns that wait; a good
 * one lets them go.
 *
 * All that others are told is told by pump(), in a turn of the loop of its own: exchanges end
 * inside curl's callbacks, where nothing may be begun. */
#include "kube/reach.h"

#include <string.h>

#include "kftray/error.h"

#include "base/backoff.h"
#include "base/log.h"
#include "net/http.h"
#include "net/route.h"
#include "net/timer.h"

#define MAX_GRANTED 12
#define PROBE_PATH "/version"
#define PROBE_TIMEOUT_MS 10000
/* A younger probe is not given up for another: changes of the network come in bursts. */
#define PROBE_YOUNG_MS 1000
/* Between the beginnings of probes that are asked for, however many ask. One that is under way is
 * waited for longer, so that a slow way is not given up before an answer can come: the kernel has
 * sent its first packet three times by then. */
#define ASKED_GAP_MS 1000
#define ASKED_PATIENCE_MS 4000

struct KftTurn {
    KftReach *reach;
    KftTurnFunc on_turn;
    void *user_data;
    GQueue *queue; /* that it is in; NULL = it was given out */
};

struct KftReachWatch {
    KftReach *reach;
    KftReachFunc on_news;
    void *user_data;
    unsigned told; /* the last news that it got */
};

struct KftReach {
    KftLoop *loop;
    KftEndpoint *endpoint;
    GQueue waiting; /* KftTurn */
    GQueue failing; /* KftTurn that get `why` */
    unsigned n_granted;
    bool is_away;
    GError *why;
    uint64_t answered_ms; /* 0 = never */
    uint64_t away_since_ms;
    unsigned n_probes; /* since then, or since the network changed */
    KftHttpCall *probe;
    uint64_t probe_since_ms;
    KftTimer *next_probe;
    uint64_t planned_ms; /* when the next one is due by itself; 0 = none is */
    bool is_asked;       /* one is wanted before that */
    uint32_t next_ms;
    GQueue watches; /* KftReachWatch */
    unsigned news;
    KftDeferred *pump;
    bool *ret_is_freed; /* set while others are told */
    char *peer;         /* nullable */
    char *route;        /* "" = none; nullable */
};

static void schedule_pump(KftReach *self);
static void start_probe(KftReach *self);

/* --- probes --- */

static bool is_awaited(const KftReach *self)
{
    return self->watches.length > 0 || self->waiting.length > 0;
}

static uint32_t choose_delay_ms(const KftReach *self)
{
    uint64_t away_ms = kft_loop_now_ms(self->loop) - self->away_since_ms;
    return kft_backoff_outage_ms(away_ms, self->n_probes);
}

static uint64_t find_due_ms(const KftReach *self)
{
    bool is_under_way = self->probe != NULL;
    uint64_t asked_ms = self->probe_since_ms + (is_under_way ? ASKED_PATIENCE_MS : ASKED_GAP_MS);

    if (!self->is_asked)
        return self->planned_ms;
    return is_under_way || self->planned_ms == 0 ? asked_ms : MIN(self->planned_ms, asked_ms);
}

static void start_timer(KftReach *self)
{
    uint64_t now = kft_loop_now_ms(self->loop);
    uint64_t due_ms = find_due_ms(self);
    kft_timer_start(self->next_probe, due_ms > now ? due_ms - now : 0);
}

static void plan_probe(KftReach *self, uint32_t delay_ms)
{
    self->next_ms = delay_ms;
    self->planned_ms = kft_loop_now_ms(self->loop) + delay_ms;
    start_timer(self);
}

static void schedule_probe(KftReach *self, uint32_t delay_ms)
{
    bool is_coming = self->probe != NULL || kft_timer_is_active(self->next_probe);
    if (self->is_away && !is_coming && is_awaited(self))
        plan_probe(self, delay_ms);
}

static void come_back(KftReach *self)
{
    self->answered_ms = kft_loop_now_ms(self->loop);
    if (!self->is_away)
        return;
    kft_log(KFT_LOG_KUBE, KFT_LEVEL_INFO, "%s answers again", self->endpoint->url);
    self->is_away = false;
    self->is_asked = false;
    self->planned_ms = 0;
    g_clear_error(&self->why);
    kft_timer_stop(self->next_probe);
    self->news++;
    schedule_pump(self);
}

static void go_away(KftReach *self, const GError *error)
{
    if (self->is_away)
        return;
    kft_log(KFT_LOG_KUBE, KFT_LEVEL_INFO, "%s is away: %s", self->endpoint->url, error->message);
    self->is_away = true;
    self->why = g_error_copy(error);
    self->away_since_ms = kft_loop_now_ms(self->loop);
    self->n_probes = 0;
    schedule_probe(self, 0);
    self->news++;
    schedule_pump(self);
}

/* @error: (transfer full). */
static void stay_away(KftReach *self, GError *error)
{
    g_clear_error(&self->why);
    self->why = error;
    self->n_probes++;
    while (!g_queue_is_empty(&self->waiting)) {
        KftTurn *turn = g_queue_pop_head(&self->waiting);
        turn->queue = &self->failing;
        g_queue_push_tail(&self->failing, turn);
    }
    schedule_pump(self);
    if (self->planned_ms > kft_loop_now_ms(self->loop)) {
        start_timer(self);
        return;
    }
    self->news++;
    plan_probe(self, choose_delay_ms(self));
}

/* Whether the server gave no answer at all. A connection that breaks in the middle of something, as
 * that to a server that is just starting, is PROTOCOL. */
static bool is_no_answer(const GError *error)
{
    return g_error_matches(error, KFT_ERROR, KFT_ERROR_UNREACHABLE) ||
           g_error_matches(error, KFT_ERROR, KFT_ERROR_TIMEOUT) ||
           g_error_matches(error, KFT_ERROR, KFT_ERROR_PROTOCOL);
}

/* @error: (transfer full). */
static void handle_no_answer(KftReach *self, GError *error)
{
    g_autoptr(GError) why = error;

    if (self->is_away)
        stay_away(self, g_steal_pointer(&why));
    else if (self->answered_ms <= self->probe_since_ms) /* nor anybody else meanwhile */
        go_away(self, why);
}

static void on_probe_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftReach *self = user_data;
    bool is_gateway = response != NULL && response->status >= 502 && response->status <= 504;
    if (response != NULL)
        kft_reach_note_peer(self, response->peer);
    GError *why = NULL;
    if (is_gateway)
        why = g_error_new(KFT_ERROR, KFT_ERROR_UNREACHABLE,
                          "the API server does not answer: what stands before it says %u",
                          response->status);
    else if (is_no_answer(error))
        why = g_error_copy(error);
    g_clear_pointer(&self->probe, kft_http_call_free);
    if (why != NULL)
        handle_no_answer(self, why);
    else /* what else there may be to say, others will hear */
        come_back(self);
}

static void start_probe(KftReach *self)
{
    const KftHttpRequest request = {
        .path = PROBE_PATH,
        .connect_timeout_ms = PROBE_TIMEOUT_MS,
        .timeout_ms = PROBE_TIMEOUT_MS,
        .is_fresh = true,
    };
    kft_timer_stop(self->next_probe);
    g_clear_pointer(&self->probe, kft_http_call_free);
    self->is_asked = false;
    self->probe_since_ms = kft_loop_now_ms(self->loop);
    self->probe =
        kft_http_call_start(self->loop, self->endpoint, &request, NULL, on_probe_done, self);
}

static void on_next_probe(void *user_data)
{
    KftReach *self = user_data;
    if (self->is_asked || is_awaited(self))
        start_probe(self);
    else
        self->planned_ms = 0;
}

/* As if the outage had just begun. */
static void restart_plan(KftReach *self)
{
    self->away_since_ms = kft_loop_now_ms(self->loop);
    self->n_probes = 0;
    self->planned_ms = 0;
}

void kft_reach_probe_now(KftReach *self)
{
    if (!self->is_away)
        return;
    uint64_t age_ms = kft_loop_now_ms(self->loop) - self->probe_since_ms;
    bool is_young = self->probe != NULL && age_ms < PROBE_YOUNG_MS;
    restart_plan(self);
    /* An older one may have been sent into the void. Whether anybody waits or not: what was found
     * when the network went must not be the last that is known when it is back. */
    if (!is_young)
        start_probe(self);
}

void kft_reach_probe_for_connection(KftReach *self)
{
    if (!self->is_away)
        return;
    self->is_asked = true;
    start_timer(self);
}

void kft_reach_probe_for_user(KftReach *self)
{
    if (!self->is_away)
        return;
    restart_plan(self);
    kft_reach_probe_for_connection(self);
}

void kft_reach_doubt(KftReach *self)
{
    if (!self->is_away && self->probe == NULL)
        start_probe(self);
}

uint64_t kft_reach_get_answered_ms(const KftReach *self)
{
    return self->answered_ms;
}

bool kft_reach_is_away(const KftReach *self)
{
    return self->is_away;
}

const GError *kft_reach_get_error(const KftReach *self)
{
    return self->why;
}

/* --- telling --- */

/* Each returns false once there is nothing more to tell. */
static bool answer_turn(KftReach *self)
{
    bool may_go = !self->is_away && self->n_granted < MAX_GRANTED;
    bool is_failure = !g_queue_is_empty(&self->failing);
    KftTurn *turn = NULL;

    if (is_failure)
        turn = g_queue_pop_head(&self->failing);
    else if (may_go)
        turn = g_queue_pop_head(&self->waiting);
    if (turn == NULL)
        return false;
    KftTurnFunc on_turn = turn->on_turn;
    void *user_data = turn->user_data;
    if (!is_failure) {
        turn->queue = NULL;
        self->n_granted++;
        on_turn(NULL, user_data);
        return true;
    }
    g_autoptr(GError) why =
        self->why != NULL ? g_error_copy(self->why)
                          : g_error_new_literal(KFT_ERROR, KFT_ERROR_UNREACHABLE,
                                                "the server could not be reached a moment ago");
    g_free(turn);
    on_turn(why, user_data);
    return true;
}

static bool tell_watch(KftReach *self)
{
    for (GList *at = self->watches.head; at != NULL; at = at->next) {
        KftReachWatch *watch = at->data;
        if (watch->told == self->news)
            continue;
        watch->told = self->news;
        g_autoptr(GError) why = self->is_away ? g_error_copy(self->why) : NULL;
        watch->on_news(why, self->next_ms, watch->user_data);
        return true;
    }
    return false;
}

static void on_pump(void *user_data)
{
    KftReach *self = user_data;
    bool is_freed = false;

    self->pump = NULL;
    self->ret_is_freed = &is_freed;
    while (answer_turn(self) && !is_freed)
        continue;
    while (!is_freed && tell_watch(self))
        continue;
    if (!is_freed)
        self->ret_is_freed = NULL;
}

static void schedule_pump(KftReach *self)
{
    if (self->pump == NULL)
        self->pump = kft_loop_defer(self->loop, on_pump, self);
}

/* --- turns --- */

KftTurn *kft_reach_enter(KftReach *self, KftTurnFunc on_turn, void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    KftTurn *turn = g_new0(KftTurn, 1);
    turn->reach = self;
    turn->on_turn = on_turn;
    turn->user_data = user_data;
    turn->queue = &self->waiting;
    g_queue_push_tail(&self->waiting, turn);
    schedule_probe(self, choose_delay_ms(self));
    schedule_pump(self);
    return turn;
}

void kft_turn_cancel(KftTurn *turn)
{
    if (turn == NULL)
        return;
    KftReach *self = turn->reach;
    if (turn->queue != NULL) {
        (void)g_queue_remove(turn->queue, turn);
    } else {
        g_assert(self->n_granted > 0);
        self->n_granted--;
        schedule_pump(self);
    }
    g_free(turn);
}

void kft_turn_end_answered(KftTurn *turn)
{
    if (turn == NULL)
        return;
    come_back(turn->reach);
    kft_turn_cancel(turn);
}

void kft_turn_end_failed(KftTurn *turn, const GError *error)
{
    if (turn == NULL)
        return;
    if (is_no_answer(error))
        go_away(turn->reach, error);
    kft_turn_cancel(turn);
}

/* --- watches --- */

KftReachWatch *kft_reach_watch_new(KftReach *self, KftReachFunc on_news, void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    KftReachWatch *watch = g_new0(KftReachWatch, 1);
    watch->reach = self;
    watch->on_news = on_news;
    watch->user_data = user_data;
    watch->told = self->news;
    g_queue_push_tail(&self->watches, watch);
    schedule_probe(self, self->n_probes == 0 ? 0 : choose_delay_ms(self));
    return watch;
}

void kft_reach_watch_free(KftReachWatch *watch)
{
    if (watch == NULL)
        return;
    (void)g_queue_remove(&watch->reach->watches, watch);
    g_free(watch);
}

/* --- the way to the server --- */

void kft_reach_note_peer(KftReach *self, const char *peer)
{
    if (peer == NULL || *peer == '\0')
        return;
    if (g_strcmp0(self->peer, peer) != 0) {
        g_free(self->peer);
        self->peer = g_strdup(peer);
    }
    g_free(self->route);
    self->route = kft_route_dup_source(peer);
}

KftRouteNews kft_reach_check_route(KftReach *self)
{
    if (self->peer == NULL)
        return KFT_ROUTE_CHANGED;
    g_autofree char *route = kft_route_dup_source(self->peer);
    bool is_same = g_strcmp0(route, self->route) == 0;
    if (!is_same)
        kft_log(KFT_LOG_KUBE, KFT_LEVEL_INFO, "the way to %s: from %s, was %s", self->peer,
                *route == '\0' ? "nowhere" : route, self->route);
    g_free(self->route);
    self->route = g_steal_pointer(&route);
    if (is_same)
        return KFT_ROUTE_SAME;
    return *self->route == '\0' ? KFT_ROUTE_GONE : KFT_ROUTE_CHANGED;
}

/* --- life --- */

KftReach *kft_reach_new(KftLoop *loop, KftEndpoint *endpoint)
{
    KftReach *self = g_new0(KftReach, 1);
    self->loop = loop;
    self->endpoint = kft_endpoint_ref(endpoint);
    self->next_probe = kft_timer_new(loop, on_next_probe, self);
    return self;
}

void kft_reach_set_endpoint(KftReach *self, KftEndpoint *endpoint, bool is_other)
{
    kft_endpoint_unref(self->endpoint);
    self->endpoint = kft_endpoint_ref(endpoint);
    if (!is_other)
        return;
    g_clear_pointer(&self->peer, g_free);
    g_clear_pointer(&self->route, g_free);
    g_clear_pointer(&self->probe, kft_http_call_free);
    come_back(self);
    self->answered_ms = 0;
}

void kft_reach_free(KftReach *self)
{
    if (self == NULL)
        return;
    g_assert(self->waiting.length == 0 && self->failing.length == 0 && self->watches.length == 0);
    if (self->ret_is_freed != NULL)
        *self->ret_is_freed = true;
    if (self->pump != NULL)
        kft_deferred_cancel(self->pump);
    kft_http_call_free(self->probe);
    kft_timer_free(self->next_probe);
    kft_endpoint_unref(self->endpoint);
    g_clear_error(&self->why);
    g_free(self->peer);
    g_free(self->route);
    g_free(self);
}
