#include "inquiry.h"

#include "output.h"
#include "runner.h"

struct KftInquiry {
    KftRunner *runner;
    void (*on_answer)(const KftAnswer *answer, void *user_data);
    void *user_data;
    uint32_t last_id;
    GHashTable *open; /* id → Posted, not answered */
    bool is_over;     /* what is answered from now on was cancelled */
};

typedef struct {
    KftQuery *query;
    unsigned n_logins; /* that were found when it was posted */
} Posted;

static void posted_free(gpointer data)
{
    Posted *posted = data;
    kft_query_free(posted->query);
    g_free(posted);
}

static void post(KftInquiry *self, Posted *posted)
{
    posted->n_logins = kft_runner_count_logins(self->runner);
    kft_runner_start_query(self->runner, kft_query_copy(posted->query));
}

static void on_event(const KftEvent *event, void *user_data)
{
    KftInquiry *self = user_data;

    if (event->type != KFT_EVENT_ANSWER || self->is_over)
        return;
    gpointer id = GUINT_TO_POINTER(event->answer->id.v);
    Posted *posted = g_hash_table_lookup(self->open, id);
    if (event->answer->error != NULL && kft_runner_count_logins(self->runner) > posted->n_logins) {
        post(self, posted);
        return;
    }
    (void)g_hash_table_remove(self->open, id);
    self->on_answer(event->answer, self->user_data);
}

KftInquiry *kft_inquiry_new(void (*on_answer)(const KftAnswer *answer, void *user_data),
                            void *user_data)
{
    g_autoptr(GError) error = NULL;
    KftInquiry *self = g_new0(KftInquiry, 1);

    self->on_answer = on_answer;
    self->user_data = user_data;
    self->open = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, posted_free);
    self->runner = kft_runner_new(on_event, self, &error);
    if (self->runner == NULL) {
        kft_print_error("%s", error->message);
        g_hash_table_unref(self->open);
        g_clear_pointer(&self, g_free);
    }
    return self;
}

void kft_inquiry_find_logins(KftInquiry *self)
{
    kft_runner_find_logins(self->runner);
}

KftQueryId kft_inquiry_post(KftInquiry *self, KftQuery *query)
{
    Posted *posted = g_new0(Posted, 1);
    query->id.v = ++self->last_id;
    posted->query = query;
    g_hash_table_insert(self->open, GUINT_TO_POINTER(self->last_id), posted);
    post(self, posted);
    return (KftQueryId){self->last_id};
}

bool kft_inquiry_wait(KftInquiry *self)
{
    while (g_hash_table_size(self->open) > 0) {
        unsigned wake = kft_runner_wait(self->runner, /* fd */ -1, /* timeout_ms */ -1);
        if ((wake & (KFT_WAKE_SIGNAL | KFT_WAKE_BROKEN)) != 0)
            return false;
    }
    return true;
}

void kft_inquiry_free(KftInquiry *self)
{
    if (self == NULL)
        return;
    self->is_over = true;
    kft_runner_free(self->runner);
    g_hash_table_unref(self->open);
    g_free(self);
}

bool kft_inquiry_take_timeout(const char *text, uint32_t *timeout_ms)
{
    if (text == NULL || (kft_duration_parse(text, timeout_ms) && *timeout_ms > 0))
        return true;
    kft_print_error("--timeout: \"%s\" is not a time like 5s, 500ms or 1m", text);
    return false;
}
