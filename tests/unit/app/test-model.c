/* What the engine told in a run that had a bit of everything, given to the model again step by
 * step: after each one the row, the tray's entry, its first line and its icon are looked at. */
#include <locale.h>
#include <string.h>

#include "model.h"
#include "text.h"

typedef enum {
    BEGIN,
    EVENT,
    FAILED, /* as the core does it: the event, then the end of the run */
    STOPPING,
    STOPPED,
    ELSEWHERE,
    ENDED_ELSEWHERE
} Deed;

typedef struct {
    const char *name;
    Deed deed;
    int64_t id;
    KftEvent event;
    const char *row;
    const char *tray; /* after alias and address */
    const char *summary;
    const char *icon;
    bool is_news; /* the counts are others */
} Step;

#define STATUS(...)                                                                                \
    {                                                                                              \
        .type = KFT_EVENT_FORWARD_STATUS, .status = { __VA_ARGS__ }                                \
    }
#define TEXT(text) ((char[]){text})
#define RESET TEXT("pod web-0: the connection was reset")

static Step steps[] = {
    {"a start is asked for",
     BEGIN,
     1,
     {0},
     "Starting",
     "   … Starting",
     "0 of 2 running, 1 starting",
     "active",
     true},
    {"it listens",
     EVENT,
     1,
     {.type = KFT_EVENT_FORWARD_LISTENING, .listening = {TEXT("127.0.0.1:8080"), 80}},
     "Starting",
     "   … Starting",
     "0 of 2 running, 1 starting",
     "active",
     false},
    {"no pod yet", EVENT, 1,
     STATUS(.state = KFT_FORWARD_STATE_RESOLVING, .waiting_for = TEXT("no pod is ready")),
     "Starting: no pod is ready", "   … Starting", "0 of 2 running, 1 starting", "active", false},
    {"a pod", EVENT, 1, STATUS(.state = KFT_FORWARD_STATE_CONNECTING, .pod = TEXT("web-0")),
     "Starting", "   … Starting", "0 of 2 running, 1 starting", "active", false},
    {"ready", EVENT, 1,
     STATUS(.state = KFT_FORWARD_STATE_READY,
            .pod = TEXT("web-0"),
            .transport = KFT_TRANSPORT_TUNNEL),
     "Running · web-0", "", "1 of 2 running", "active", true},
    {"traffic",
     EVENT,
     1,
     {.type = KFT_EVENT_FORWARD_STATISTICS,
      .statistics =
          {.bytes_up = 10, .bytes_down = 3000, .n_connections = 4, .health = {.n_open = 2}}},
     "Running · web-0",
     "",
     "1 of 2 running",
     "active",
     false},
    {"a connection fails",
     EVENT,
     1,
     {.type = KFT_EVENT_FORWARD_CONNECTION_ERROR, .connection = {8080, 80, TEXT("refused")}},
     "Running · web-0",
     "",
     "1 of 2 running",
     "active",
     false},
    {"lost", EVENT, 1,
     STATUS(.state = KFT_FORWARD_STATE_BACKOFF,
            .error = RESET,
            .error_code = KFT_ERROR_UNREACHABLE,
            .attempt = 1),
     "Reconnecting, attempt 1: pod web-0: the connection was reset",
     "   ⚠ Reconnecting: The cluster cannot be reached", "0 of 2 running, 1 reconnecting",
     "reconnecting", true},
    {"between two tries nothing flickers", EVENT, 1,
     STATUS(.state = KFT_FORWARD_STATE_RESOLVING, .attempt = 1),
     "Reconnecting, attempt 1: pod web-0: the connection was reset",
     "   ⚠ Reconnecting: The cluster cannot be reached", "0 of 2 running, 1 reconnecting",
     "reconnecting", false},
    {"it waits for a pod", EVENT, 1,
     STATUS(.state = KFT_FORWARD_STATE_RESOLVING,
            .attempt = 2,
            .waiting_for = TEXT("no pod is ready")),
     "Reconnecting, attempt 2: no pod is ready", "   ⚠ Reconnecting: no pod is ready",
     "0 of 2 running, 1 reconnecting", "reconnecting", false},
    {"another one starts meanwhile",
     BEGIN,
     2,
     {0},
     "Starting",
     "   … Starting",
     "0 of 2 running, 1 starting, 1 reconnecting",
     "reconnecting",
     true},
    {"and may not", FAILED, 2,
     STATUS(.state = KFT_FORWARD_STATE_FAILED,
            .error = TEXT("forbidden"),
            .error_code = KFT_ERROR_AUTH),
     "Failed: The cluster gives no access (forbidden)", "   ✗ Failed: The cluster gives no access",
     "0 of 2 running, 1 reconnecting, 1 failed", "failed", true},
    {"found again, in another pod", EVENT, 1,
     STATUS(.state = KFT_FORWARD_STATE_READY,
            .pod = TEXT("web-1"),
            .transport = KFT_TRANSPORT_TUNNEL),
     "Running · web-1", "", "1 of 2 running, 1 failed", "failed", true},
    {"the failure was seen", STOPPED, 2, {0}, "Stopped", "", "1 of 2 running", "active", true},
    {"a stop is asked for", STOPPING, 1, {0}, "Stopping", "", "0 of 2 running", "idle", true},
    {"stopped", STOPPED, 1, {0}, "Stopped", "", "0 of 2 running", "idle", true},
    {"the command line runs it",
     ELSEWHERE,
     2,
     {0},
     "Running elsewhere, process 4711",
     "",
     "1 of 2 running",
     "active",
     true},
    {"and ends", ENDED_ELSEWHERE, 2, {0}, "Stopped", "", "0 of 2 running", "idle", true},
};

static void add_config(GPtrArray *configs, int64_t id, const char *alias, uint16_t port)
{
    KftConfig *config = kft_config_new();
    config->id.v = id;
    config->alias = g_strdup(alias);
    config->namespace_ = g_strdup("shop");
    config->service = g_strdup(alias);
    config->remote_port = 80;
    config->local_port = port;
    g_ptr_array_add(configs, config);
}

static KftModel *make_model(void)
{
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    KftModel *model = kft_model_new();

    add_config(configs, 1, "web", 8080);
    add_config(configs, 2, "db", 5432);
    kft_model_set_configs(model, configs);
    return model;
}

static void do_step(KftForwardItem *item, const Step *step)
{
    switch (step->deed) {
    case BEGIN:
        kft_forward_item_begin(item);
        return;
    case EVENT:
        kft_forward_item_take_event(item, &step->event);
        return;
    case FAILED:
        kft_forward_item_take_event(item, &step->event);
        kft_forward_item_set_failed(item, step->event.status.error_code, step->event.status.error);
        return;
    case STOPPING:
        kft_forward_item_set_stopping(item);
        return;
    case STOPPED:
        kft_forward_item_set_stopped(item);
        return;
    case ELSEWHERE:
        kft_forward_item_set_elsewhere(item, 4711, "127.0.0.1:5432");
        return;
    case ENDED_ELSEWHERE:
        kft_forward_item_set_elsewhere(item, 0, NULL);
        return;
    }
}

static void check_step(KftModel *model, KftForwardItem *item, const Step *step)
{
    KftSummary summary = kft_model_get_summary(model);
    g_autofree char *row = kft_text_status(item);
    g_autofree char *tray = kft_text_tray_label(item);
    g_autofree char *first = kft_text_summary(&summary);
    g_autofree char *expected = g_strdup_printf(
        "%s%s", kft_forward_item_get_id(item) == 1 ? "web   127.0.0.1:8080" : "db   127.0.0.1:5432",
        step->tray);
    g_autofree char *icon = g_strdup_printf("kftray-tray-%s-symbolic", step->icon);

    g_assert_cmpstr(row, ==, step->row);
    g_assert_cmpstr(tray, ==, expected);
    g_assert_cmpstr(first, ==, step->summary);
    g_assert_cmpstr(kft_text_tray_icon(&summary), ==, icon);
}

static void on_summary_changed(KftModel *model, unsigned *n_news)
{
    (void)model;
    (*n_news)++;
}

static void test_replay(void)
{
    g_autoptr(KftModel) model = make_model();
    KftForwardItem *web = kft_model_find(model, 1);
    unsigned n_news = 0;

    g_signal_connect(model, "summary-changed", G_CALLBACK(on_summary_changed), &n_news);
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++) {
        KftForwardItem *item = kft_model_find(model, steps[i].id);
        g_test_message("%s", steps[i].name);
        n_news = 0;
        do_step(item, &steps[i]);
        /* Each is work for the window and a message to the panel. */
        g_assert_cmpuint(n_news > 0, ==, steps[i].is_news);
        check_step(model, item, &steps[i]);
        if (strcmp(steps[i].name, "found again, in another pod") == 0)
            g_assert_cmpuint(kft_forward_item_get_status(web)->n_reconnects, ==, 1);
    }
    /* What was carried went to the totals, once. */
    const KftItemTraffic *traffic = kft_forward_item_get_traffic(web);
    g_assert_cmpuint(traffic->bytes_down, ==, 0);
    g_assert_cmpuint(traffic->stored.bytes_down, ==, 3000);
    g_assert_cmpuint(traffic->stored.n_connections, ==, 4);
    const KftLogLine *last_error = NULL;
    for (GList *link = kft_forward_item_get_log(web)->head; link != NULL; link = link->next)
        last_error = ((KftLogLine *)link->data)->is_error ? link->data : last_error;
    g_assert_nonnull(last_error);
    g_assert_cmpstr(last_error->text, ==, "pod web-0: the connection was reset");
}

/* A forward that is refused all night does not push out what happened before. */
static void test_log_repeats(void)
{
    static const char *const wanted[] = {"started", "refused",
                                         "the same 2 more times, the last at ", "stopped"};
    g_autoptr(KftModel) model = make_model();
    KftForwardItem *web = kft_model_find(model, 1);
    unsigned i = 0;

    kft_forward_item_begin(web);
    for (unsigned n = 0; n < 3; n++)
        kft_forward_item_log(web, /* is_error */ true, "refused");
    kft_forward_item_log(web, /* is_error */ false, "stopped");
    GQueue *log = kft_forward_item_get_log(web);
    g_assert_cmpuint(g_queue_get_length(log), ==, G_N_ELEMENTS(wanted));
    for (GList *link = log->head; link != NULL; link = link->next, i++) {
        const KftLogLine *line = link->data;
        g_assert_true(g_str_has_prefix(line->text, wanted[i]));
        g_assert_cmpint(line->is_error, ==, i == 1 || i == 2);
    }
}

/* The same objects stay when the store is read again; who left the list leaves the counts. */
static void test_configs_change(void)
{
    g_autoptr(KftModel) model = make_model();
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    KftForwardItem *db = kft_model_find(model, 2);

    kft_forward_item_begin(kft_model_find(model, 1));
    add_config(configs, 3, "new", 9000);
    add_config(configs, 2, "db", 5433);
    kft_model_set_configs(model, configs);
    KftSummary summary = kft_model_get_summary(model);
    g_assert_cmpuint(summary.n_total, ==, 2);
    g_assert_cmpuint(kft_summary_count_active(&summary), ==, 0);
    g_assert_true(kft_model_find(model, 2) == db);
    g_assert_cmpstr(kft_forward_item_get_address(db), ==, "127.0.0.1:5433");
    g_autoptr(KftForwardItem) first = g_list_model_get_item(kft_model_get_list(model), 0);
    g_assert_cmpstr(kft_forward_item_get_config(first)->alias, ==, "new");
    g_assert_true(kft_model_find_port(model, NULL, 5433, 0) == db);
    g_assert_null(kft_model_find_port(model, NULL, 5433, 2));
}

/* After a rest no rate comes of what was carried meanwhile, and nothing ticks for ever. */
static void test_rest(void)
{
    g_autoptr(KftModel) model = make_model();
    KftForwardItem *web = kft_model_find(model, 1);
    const KftItemTraffic *traffic = kft_forward_item_get_traffic(web);
    KftEvent event = {
        .type = KFT_EVENT_FORWARD_STATISTICS,
        .statistics = {.bytes_down = 1000000, .n_connections = 1, .health = {.n_open = 1}}};

    kft_forward_item_begin(web);
    g_assert_false(kft_forward_item_tick(web));
    kft_forward_item_take_event(web, &event);
    g_assert_true(kft_forward_item_tick(web));
    g_assert_cmpfloat(traffic->rate_down, >, 0);
    event.statistics.bytes_down *= 2;
    kft_forward_item_take_event(web, &event);
    kft_forward_item_rest(web);
    for (size_t i = 0; i < KFT_ITEM_N_RATES; i++)
        g_assert_cmpfloat(kft_forward_item_get_rates(web)[i], ==, 0);
    g_assert_cmpfloat(traffic->rate_down, ==, 0);
    g_assert_cmpuint(traffic->bytes_down, ==, 2000000);
    g_assert_true(kft_forward_item_is_moving(web));
}

static void tell_closing(KftForwardItem *item, uint32_t in_ms, bool is_at_time)
{
    KftEvent event = {.type = KFT_EVENT_FORWARD_CLOSING, .closing = {in_ms, is_at_time}};
    kft_forward_item_take_event(item, &event);
}

/* Of two ends that are near the first one is shown; traffic puts off only one of them. */
static void test_ends(void)
{
    g_autoptr(KftModel) model = make_model();
    KftForwardItem *item = kft_model_find(model, 1);
    const KftItemStatus *status = kft_forward_item_get_status(item);
    kft_forward_item_begin(item);
    g_assert_cmpint(kft_forward_item_get_end_us(item), ==, 0);
    tell_closing(item, 50000000, /* is_at_time */ false);
    g_assert_cmpint(kft_forward_item_get_end_us(item), ==, status->idle_end_us);
    g_autofree char *text = kft_text_status(item);
    g_assert_nonnull(strstr(text, " · ends in "));
    tell_closing(item, 40000000, /* is_at_time */ true);
    g_assert_cmpint(kft_forward_item_get_end_us(item), ==, status->time_end_us);
    tell_closing(item, 0, /* is_at_time */ false);
    g_assert_cmpint(kft_forward_item_get_end_us(item), ==, status->time_end_us);
    kft_forward_item_set_stopping(item);
    g_assert_cmpint(kft_forward_item_get_end_us(item), ==, 0);
}

int main(int argc, char **argv)
{
    (void)setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/app/model/replay", test_replay);
    g_test_add_func("/app/model/log-repeats", test_log_repeats);
    g_test_add_func("/app/model/configs", test_configs_change);
    g_test_add_func("/app/model/rest", test_rest);
    g_test_add_func("/app/model/ends", test_ends);
    return g_test_run();
}
