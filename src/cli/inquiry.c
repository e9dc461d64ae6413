#include "inquiry.h"

#include "output.h"
#include "runner.h"

struct KftInquiry {
    KftRunner *runner;
    void (*on_answer)(const KftAnswer *answer, void *user_data);
    void *user_data;
    uint32_t last_id;
    unsigned n_open;
    bool is_over; /* what is answered from now on was cancelled */
};

static void on_event(const KftEvent *event, void *user_data)
{
    KftInquiry *self = user_data;

    if (event->type != KFT_EVENT_ANSWER || self->is_over)
        return;
    self->n_open--;
    self->on_answer(event->answer, self->user_data);
}

KftInquiry *kft_inquiry_new(void (*on_answer)(const KftAnswer *answer, void *user_data),
                            void *user_data)
{
    g_autoptr(GError) error = NULL;
    KftInquiry *self = g_new0(KftInquiry, 1);

    self->on_answer = on_answer;
    self->user_data = user_data;
    self->runner = kft_runner_new(on_event, self, &error);
    if (self->runner == NULL) {
        kft_print_error("%s", error->message);
        g_clear_pointer(&self, g_free);
    }
    return self;
}

KftQueryId kft_inquiry_post(KftInquiry *self, KftQuery *query)
{
    query->id.v = ++self->last_id;
    self->n_open++;
    kft_runner_start_query(self->runner, query);
    return (KftQueryId){self->last_id};
}

bool kft_inquiry_wait(KftInquiry *self)
{
    while (self->n_open > 0) {
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
    g_free(self);
}

bool kft_inquiry_take_timeout(const char *text, uint32_t *timeout_ms)
{
    if (text == NULL || (kft_duration_parse(text, timeout_ms) && *timeout_ms > 0))
        return true;
    kft_print_error("--timeout: \"%s\" is not a time like 5s, 500ms or 1m", text);
    return false;
}
