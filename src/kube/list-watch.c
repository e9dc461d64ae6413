/* List and watch as one state machine with one call and one timer. The timer is the deadline of a
 * watch's silence or of the wait between two tries. A GET and a list end by the limit of their
 * exchange, which does not count the time in which somebody logs in. So no state is without a way
 * out. Models are replaced as a whole when a list is complete and one by one by watch events;
 * between a failed watch and the next list the old ones stay, since old knowledge is better than
 * none. Callbacks to the owner come last in every function: they may free the object. */
#include "kube/list-watch.h"

#include <string.h>

#include "kftray/error.h"

#include "base/backoff.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "kube/api-path.h"
#include "kube/status.h"
#include "kube/watch-decoder.h"
#include "net/timer.h"

#define CHUNK_OBJECTS 500
/* A chunk of 500 objects of 1.5 MB each would be more, but no cluster's pods look like that. */
#define MAX_CHUNK_BYTES ((size_t)64 * 1024 * 1024)
#define LIST_TIMEOUT_MS 60000
/* Servers end a watch at this time; random, so that not all come back at once (as client-go). */
#define WATCH_MIN_S 300
#define WATCH_SPREAD_S 301
#define WATCH_GRACE_MS 30000
/* Bookmarks come once a minute: three missed ones mean that the connection is dead. */
#define WATCH_SILENCE_MS 180000
/* A watch that ends sooner than this did not work; opening the next at once could become a busy
 * loop. */
#define WATCH_SHORT_MS 5000
#define REFRESH_SILENCE_MS 2000
#define BACKOFF_BASE_MS 800
#define BACKOFF_CAP_MS 30000
#define BACKOFF_RESET_MS 120000
/* Longer is not waited, whatever the server asks for: a date by a wrong clock may be years away. */
#define MAX_RETRY_AFTER_MS UINT64_C(300000)

#define LIST_WATCH_STATES(X)                                                                       \
    X(GETTING)  /* one object by GET */                                                            \
    X(LISTING)  /* chunks of a list arrive */                                                      \
    X(WATCHING) /* a watch is open, or opening */                                                  \
    X(WAITING)  /* for the timer, then next_step */                                                \
    X(IDLE)     /* read, but nothing watches */                                                    \
    X(FAILED)   /* a final error was given out */

typedef enum {
#define STATE_ENUM(name) STATE_##name,
    LIST_WATCH_STATES(STATE_ENUM)
#undef STATE_ENUM
} State;

struct KftListWatch {
    KftCluster *cluster;
    char *base_path; /* of the collection */
    char *name;
    char *query; /* selectors, "" or "&…" */
    char *resource;
    char *namespace_;
    bool may_watch;
    KftListWatchFuncs funcs;
    void *user_data;
    State state;
    State next_step; /* of WAITING */
    KftApiCall *call;
    KftTimer *timer;
    KftBackoff backoff;
    GHashTable *models;   /* name → model */
    GHashTable *incoming; /* of a list that is not complete */
    KftJsonReader *reader;
    KftWatchDecoder *decoder;
    char *resource_version;
    char *continue_token;
    uint64_t opened_ms; /* when the watch was opened */
    uint64_t heard_ms;  /* when it last gave something */
    bool is_synced;
    bool has_bookmarks;
    bool is_full_list; /* without chunks: a continuation had expired */
};

static void start_get(KftListWatch *self);
static void start_list(KftListWatch *self);
static void start_watch(KftListWatch *self);

static uint64_t now_ms(const KftListWatch *self)
{
    return kft_loop_now_ms(kft_cluster_get_loop(self->cluster));
}

static void set_state(KftListWatch *self, State next)
{
    static const char *const names[] = {
#define STATE_NAME(name) #name,
        LIST_WATCH_STATES(STATE_NAME)
#undef STATE_NAME
    };
    kft_log(KFT_LOG_KUBE, KFT_LEVEL_DEBUG, "%s %s: %s -> %s", self->resource,
            self->name != NULL ? self->name : "*", names[self->state], names[next]);
    self->state = next;
}

static GHashTable *new_models(const KftListWatch *self)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, self->funcs.model_free);
}

static void put_model(KftListWatch *self, GHashTable *models, json_object *object)
{
    const char *name = kft_json_string(object, "metadata.name");
    void *model = name != NULL ? self->funcs.model_new(object) : NULL;

    if (model != NULL)
        g_hash_table_replace(models, g_strdup(name), model);
}

static void drop_call(KftListWatch *self)
{
    kft_timer_stop(self->timer);
    g_clear_pointer(&self->call, kft_api_call_free);
    g_clear_pointer(&self->reader, kft_json_reader_free);
    g_clear_pointer(&self->decoder, kft_watch_decoder_free);
}

static void run_step(KftListWatch *self, State step)
{
    if (step == STATE_WATCHING && self->resource_version != NULL)
        start_watch(self);
    else if (self->name != NULL && (!self->is_synced || !self->may_watch))
        start_get(self);
    else
        start_list(self);
}

static void wait_for(KftListWatch *self, State next_step, uint64_t delay_ms)
{
    drop_call(self);
    self->next_step = next_step;
    set_state(self, STATE_WAITING);
    kft_timer_start(self->timer, delay_ms);
}

static void idle(KftListWatch *self)
{
    drop_call(self);
    self->may_watch = false;
    set_state(self, STATE_IDLE);
}

/* --- errors --- */

/* Whether asking again the same way cannot give another answer. */
static bool is_hopeless(const GError *error, unsigned status)
{
    if (status != 0)
        return status >= 400 && status < 500 && status != 408 && status != 409 && status != 410 &&
               status != 429;
    return error->domain == KFT_ERROR &&
           (error->code == KFT_ERROR_AUTH || error->code == KFT_ERROR_BAD_CONFIG);
}

/* Gives out @error, which is taken, and tries again after a while unless that is useless. Once
 * objects were read, nothing is final: servers are known to refuse good credentials while they
 * restart. */
static void
fail(KftListWatch *self, GError *error, const KftHttpResponse *response, State next_step)
{
    unsigned status = response != NULL ? response->status : 0;
    bool is_final = !self->is_synced && is_hopeless(error, status);
    uint64_t delay_ms = kft_backoff_next_ms(&self->backoff);
    KftListWatchFuncs funcs = self->funcs;
    void *user_data = self->user_data;
    g_autoptr(GError) owned = error;

    if (response != NULL)
        delay_ms = MAX(delay_ms, MIN((uint64_t)response->retry_after_s * 1000, MAX_RETRY_AFTER_MS));
    if (is_final) {
        drop_call(self);
        set_state(self, STATE_FAILED);
    } else {
        wait_for(self, next_step, delay_ms);
    }
    funcs.on_error(owned, status, is_final, user_data);
}

/* --- one object --- */

static void accept_object(KftListWatch *self, const KftHttpResponse *response)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_object) object = kft_json_parse(response->body, response->body_size, &error);

    if (object == NULL) {
        g_prefix_error(&error, "get %s \"%s\": ", self->resource, self->name);
        fail(self, g_steal_pointer(&error), NULL, STATE_GETTING);
        return;
    }
    g_hash_table_remove_all(self->models);
    put_model(self, self->models, object);
    self->is_synced = true;
    drop_call(self);
    if (self->may_watch)
        start_list(self);
    else
        idle(self);
    self->funcs.on_change(self->user_data);
}

static void on_get_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftListWatch *self = user_data;

    if (error == NULL) {
        accept_object(self, response);
    } else if (self->is_synced && response != NULL && response->status == 404) {
        g_hash_table_remove_all(self->models);
        idle(self);
        self->funcs.on_change(self->user_data);
    } else {
        fail(self, g_error_copy(error), response, STATE_GETTING);
    }
}

static void start_get(KftListWatch *self)
{
    g_autofree char *path = kft_api_path_build(self->base_path, self->name, NULL);
    g_autofree char *what =
        g_strdup_printf("get %.*s \"%s\" in namespace \"%s\"", (int)(strlen(self->resource) - 1),
                        self->resource, self->name, self->namespace_);
    KftApiRequest request = {.path = path, .what = what};

    drop_call(self);
    set_state(self, STATE_GETTING);
    self->call = kft_cluster_request(self->cluster, &request, NULL, on_get_done, self);
}

/* --- lists --- */

static void on_list_body(const uint8_t *data, size_t size, void *user_data)
{
    KftListWatch *self = user_data;
    kft_json_reader_feed(self->reader, data, size);
}

static void complete_list(KftListWatch *self, json_object *list)
{
    const char *version = kft_json_string(list, "metadata.resourceVersion");

    g_hash_table_unref(self->models);
    self->models = g_steal_pointer(&self->incoming);
    g_free(self->resource_version);
    self->resource_version = g_strdup(version);
    self->is_synced = true;
    self->is_full_list = false;
    drop_call(self);
    if (self->may_watch && version != NULL)
        start_watch(self);
    else
        idle(self);
    self->funcs.on_change(self->user_data);
}

static void accept_chunk(KftListWatch *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_object) list = kft_json_reader_finish(self->reader, &error);

    if (list != NULL && kft_json_get(list, "metadata") == NULL)
        error = g_error_new_literal(KFT_ERROR, KFT_ERROR_PROTOCOL, "the answer is no list");
    if (error != NULL) {
        g_prefix_error(&error, "list %s in namespace \"%s\": ", self->resource, self->namespace_);
        fail(self, g_steal_pointer(&error), NULL, STATE_LISTING);
        return;
    }
    for (size_t i = 0; i < kft_json_length(list, "items"); i++)
        put_model(self, self->incoming, kft_json_at(list, "items", i));
    const char *token = kft_json_string(list, "metadata.continue");
    g_free(self->continue_token);
    self->continue_token = token != NULL && token[0] != '\0' ? g_strdup(token) : NULL;
    if (self->continue_token != NULL)
        start_list(self);
    else
        complete_list(self, list);
}

static void on_list_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftListWatch *self = user_data;
    unsigned status = response != NULL ? response->status : 0;

    if (error == NULL) {
        accept_chunk(self);
        return;
    }
    bool was_continued = self->continue_token != NULL;
    g_clear_pointer(&self->continue_token, g_free);
    if (status == 410 && was_continued && !self->is_full_list) {
        self->is_full_list = true;
        start_list(self);
    } else if (self->name != NULL && self->is_synced && is_hopeless(error, status)) {
        /* The GET was allowed and gave the object; without more rights, that is all there is. */
        idle(self);
        self->funcs.on_change(self->user_data);
    } else {
        fail(self, g_error_copy(error), response, STATE_LISTING);
    }
}

/* The first chunk, or the next one if there is a continue token. */
static void start_list(KftListWatch *self)
{
    g_autoptr(GString) path = g_string_new(self->base_path);
    g_autofree char *what =
        g_strdup_printf("list %s in namespace \"%s\"", self->resource, self->namespace_);

    if (self->continue_token == NULL) {
        g_clear_pointer(&self->incoming, g_hash_table_unref);
        self->incoming = new_models(self);
    }
    if (self->is_full_list)
        g_string_append(path, "?resourceVersion=");
    else
        g_string_append_printf(path, "?limit=%d", CHUNK_OBJECTS);
    g_string_append(path, self->query);
    if (self->continue_token != NULL) {
        g_string_append(path, "&continue=");
        kft_text_append_percent_encoded(path, self->continue_token);
    }
    drop_call(self);
    set_state(self, STATE_LISTING);
    KftApiRequest request = {.path = path->str, .what = what, .timeout_ms = LIST_TIMEOUT_MS};
    self->reader = kft_json_reader_new(MAX_CHUNK_BYTES);
    self->call = kft_cluster_request(self->cluster, &request, on_list_body, on_list_done, self);
}

/* --- watches --- */

/* The watch is over, for whatever reason; @error: nullable, taken, given out if the next one has to
 * wait. */
static void
end_watch(KftListWatch *self, GError *error, const KftHttpResponse *response, State next_step)
{
    uint64_t lasted_ms = now_ms(self) - self->opened_ms;
    g_autoptr(GError) owned = error;

    if (lasted_ms >= BACKOFF_RESET_MS)
        kft_backoff_reset(&self->backoff);
    if (owned != NULL)
        kft_log(KFT_LOG_KUBE, KFT_LEVEL_DEBUG, "watch %s: %s", self->resource, owned->message);
    if (lasted_ms >= WATCH_SHORT_MS) {
        drop_call(self);
        run_step(self, next_step);
    } else if (owned != NULL && !kft_status_is_gone(owned)) {
        fail(self, g_steal_pointer(&owned), response, next_step);
    } else {
        wait_for(self, next_step, kft_backoff_next_ms(&self->backoff));
    }
}

/* What follows a watch that was refused or failed with @status (0 = no answer). */
static State step_after(unsigned status)
{
    return status == 0 || status == 429 || status >= 500 ? STATE_WATCHING : STATE_LISTING;
}

static void on_watch_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftListWatch *self = user_data;
    unsigned status = response != NULL ? response->status : 0;

    if (error == NULL) {
        end_watch(self, NULL, response, STATE_WATCHING);
    } else if (status == 403 || status == 405) {
        idle(self);
        /* The owner took it that changes come by themselves. */
        self->funcs.on_change(self->user_data);
    } else {
        end_watch(self, g_error_copy(error), response, step_after(status));
    }
}

/* Returns false if the event ends the watch. */
static bool apply_event(KftListWatch *self, KftWatchType type, json_object *object)
{
    const char *name = kft_json_string(object, "metadata.name");
    const char *version = kft_json_string(object, "metadata.resourceVersion");

    switch (type) {
    case KFT_WATCH_ADDED:
    case KFT_WATCH_MODIFIED:
        put_model(self, self->models, object);
        break;
    case KFT_WATCH_DELETED:
        if (name != NULL)
            g_hash_table_remove(self->models, name);
        break;
    case KFT_WATCH_BOOKMARK:
        self->has_bookmarks = true;
        break;
    case KFT_WATCH_ERROR:
        return false;
    }
    if (version != NULL && version[0] != '\0') {
        g_free(self->resource_version);
        self->resource_version = g_strdup(version);
    }
    return true;
}

static GError *event_to_error(json_object *status)
{
    const char *text = json_object_to_json_string_ext(status, JSON_C_TO_STRING_PLAIN);
    return kft_status_to_error(200, "application/json", text, strlen(text), "watch");
}

static void on_watch_body(const uint8_t *data, size_t size, void *user_data)
{
    KftListWatch *self = user_data;
    KftWatchType type = KFT_WATCH_BOOKMARK;
    g_autoptr(GError) error = NULL;
    bool is_changed = false;

    self->heard_ms = now_ms(self);
    kft_watch_decoder_feed(self->decoder, data, size);
    while (error == NULL) {
        g_autoptr(json_object) object = kft_watch_decoder_next(self->decoder, &type, &error);
        if (object == NULL)
            break;
        if (!apply_event(self, type, object))
            error = event_to_error(object);
        else
            is_changed |= type != KFT_WATCH_BOOKMARK;
    }
    if (error != NULL) {
        /* The list that follows gives out what has changed. */
        end_watch(self, g_steal_pointer(&error), NULL, STATE_LISTING);
        return;
    }
    if (self->has_bookmarks)
        kft_timer_start(self->timer, WATCH_SILENCE_MS);
    if (is_changed)
        self->funcs.on_change(self->user_data);
}

static void start_watch(KftListWatch *self)
{
    unsigned timeout_s = WATCH_MIN_S + kft_random_below(WATCH_SPREAD_S);
    g_autoptr(GString) path = g_string_new(self->base_path);
    g_autofree char *what =
        g_strdup_printf("watch %s in namespace \"%s\"", self->resource, self->namespace_);

    drop_call(self);
    set_state(self, STATE_WATCHING);
    g_string_append(path, "?watch=1&resourceVersion=");
    kft_text_append_percent_encoded(path, self->resource_version);
    g_string_append_printf(path, "&allowWatchBookmarks=true&timeoutSeconds=%u%s", timeout_s,
                           self->query);
    KftApiRequest request = {.path = path->str, .what = what};
    self->decoder = kft_watch_decoder_new();
    self->opened_ms = now_ms(self);
    self->heard_ms = self->opened_ms;
    self->call = kft_cluster_request(self->cluster, &request, on_watch_body, on_watch_done, self);
    kft_timer_start(self->timer, self->has_bookmarks ? WATCH_SILENCE_MS
                                                     : timeout_s * UINT64_C(1000) + WATCH_GRACE_MS);
}

/* --- the object --- */

static void on_timer(void *user_data)
{
    KftListWatch *self = user_data;

    switch (self->state) {
    case STATE_WAITING:
        run_step(self, self->next_step);
        break;
    case STATE_WATCHING:
        end_watch(self, NULL, NULL, STATE_WATCHING);
        break;
    case STATE_GETTING:
    case STATE_LISTING:
    case STATE_IDLE:
    case STATE_FAILED:
        break;
    }
}

static char *build_query(const KftListWatchSpec *spec)
{
    GString *out = g_string_new(NULL);

    if (spec->name != NULL) {
        g_string_append(out, "&fieldSelector=metadata.name%3D");
        kft_text_append_percent_encoded(out, spec->name);
    }
    if (spec->label_selector != NULL) {
        g_string_append(out, "&labelSelector=");
        kft_text_append_percent_encoded(out, spec->label_selector);
    }
    return g_string_free(out, FALSE);
}

KftListWatch *kft_list_watch_new(KftCluster *cluster,
                                 const KftListWatchSpec *spec,
                                 const KftListWatchFuncs *funcs,
                                 void *user_data)
{
    KftLoop *loop = kft_cluster_get_loop(cluster);
    KFT_ASSERT_LOOP_THREAD(loop);
    KftListWatch *self = g_new0(KftListWatch, 1);
    self->cluster = kft_cluster_ref(cluster);
    self->base_path =
        kft_api_path_build(spec->prefix, "namespaces", spec->namespace_, spec->resource, NULL);
    self->name = g_strdup(spec->name);
    self->query = build_query(spec);
    self->resource = g_strdup(spec->resource);
    self->namespace_ = g_strdup(spec->namespace_);
    self->may_watch = !spec->is_polled;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->models = new_models(self);
    self->timer = kft_timer_new(loop, on_timer, self);
    kft_backoff_init(&self->backoff, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    run_step(self, STATE_LISTING);
    return self;
}

void kft_list_watch_free(KftListWatch *self)
{
    if (self == NULL)
        return;
    drop_call(self);
    kft_timer_free(self->timer);
    g_hash_table_unref(self->models);
    g_clear_pointer(&self->incoming, g_hash_table_unref);
    kft_cluster_unref(self->cluster);
    g_free(self->base_path);
    g_free(self->name);
    g_free(self->query);
    g_free(self->resource);
    g_free(self->namespace_);
    g_free(self->resource_version);
    g_free(self->continue_token);
    g_free(self);
}

void kft_list_watch_refresh(KftListWatch *self)
{
    switch (self->state) {
    case STATE_WAITING:
        run_step(self, self->next_step);
        break;
    case STATE_IDLE:
    case STATE_FAILED:
        run_step(self, STATE_LISTING);
        break;
    case STATE_WATCHING:
        if (now_ms(self) - self->heard_ms >= REFRESH_SILENCE_MS)
            start_watch(self);
        break;
    case STATE_GETTING:
    case STATE_LISTING:
        break;
    }
}

bool kft_list_watch_is_synced(const KftListWatch *self)
{
    return self->is_synced;
}

bool kft_list_watch_is_reading(const KftListWatch *self)
{
    return self->state == STATE_GETTING || self->state == STATE_LISTING;
}

bool kft_list_watch_is_watched(const KftListWatch *self)
{
    return self->may_watch;
}

GHashTable *kft_list_watch_get_models(const KftListWatch *self)
{
    return self->models;
}

void *kft_list_watch_get_model(const KftListWatch *self)
{
    GHashTableIter iter;
    void *model = NULL;

    g_hash_table_iter_init(&iter, self->models);
    (void)g_hash_table_iter_next(&iter, NULL, &model);
    return model;
}
