/* kftrayctl status: what runs now and how well, once or on each change. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "catalog.h"
#include "command.h"
#include "live-text.h"
#include "output.h"
#include "table.h"

/* How often is looked at what no change of the store tells: uptimes, and processes that died. */
#define LOOK_MS 2000
/* A burst of changes is drawn as one. */
#define DRAW_MS 100

typedef struct {
    KftCliArguments common;
    char *output;
    gboolean must_watch;
    bool is_wide;
} Arguments;

static const KftTableColumn columns[] = {
    {.heading = "ID", .is_right = true},
    {.heading = "ALIAS", .is_flexible = true},
    {.heading = "LOCAL"},
    {.heading = "TARGET", .is_flexible = true},
    {.heading = "STATUS"},
    {.heading = "UPTIME", .is_right = true},
    {.heading = "OPEN", .is_right = true},
    {.heading = "PING", .is_right = true},
    {.heading = "RECONNECTS", .is_right = true},
    {.heading = "POD OR ERROR", .is_flexible = true},
    /* -o wide */
    {.heading = "CONTEXT", .is_flexible = true},
    {.heading = "PID", .is_right = true},
    {.heading = "HANDSHAKE", .is_right = true},
    {.heading = "CONNECTIONS", .is_right = true},
    {.heading = "SENT", .is_right = true},
    {.heading = "RECEIVED", .is_right = true},
};

#define N_NARROW 10

/* --- table --- */

static char *describe_uptime(const KftRunState *state)
{
    int64_t since_ms = state->health.ready_since_ms;

    if (state->state != KFT_FORWARD_STATE_READY || since_ms == 0)
        return NULL;
    return kft_format_age(g_get_real_time() / G_USEC_PER_SEC - since_ms / 1000);
}

static char *describe_ping(const KftForwardHealth *health)
{
    return health->round_trip_us == 0 ? NULL
                                      : g_strdup_printf("%.1f ms", health->round_trip_us / 1e3);
}

static void add_narrow(KftTable *table, const KftConfig *config, const KftRunState *state)
{
    g_autofree char *target = kft_config_describe_target(config);
    g_autofree char *local = kft_config_describe_local(config);
    g_autofree char *uptime = describe_uptime(state);
    g_autofree char *open = g_strdup_printf("%u", state->health.n_open);
    g_autofree char *ping = describe_ping(&state->health);
    g_autofree char *reconnects = g_strdup_printf("%u", state->health.n_reconnects);
    g_autofree char *end = kft_describe_end(&state->health);
    g_autofree char *pod = end == NULL || state->pod == NULL
                               ? g_strdup(state->pod)
                               : g_strdup_printf("%s, %s", state->pod, end);
    KftStyle style = kft_state_style(state->state);

    kft_table_add_number(table, config->id.v);
    kft_table_add(table, config->alias, KFT_STYLE_PLAIN);
    kft_table_add(table, state->address == NULL ? local : state->address, KFT_STYLE_PLAIN);
    kft_table_add(table, target, KFT_STYLE_PLAIN);
    kft_table_add(table, kft_forward_state_name(state->state), style);
    kft_table_add(table, uptime, KFT_STYLE_PLAIN);
    kft_table_add(table, open, KFT_STYLE_PLAIN);
    kft_table_add(table, ping, KFT_STYLE_PLAIN);
    kft_table_add(table, reconnects, KFT_STYLE_PLAIN);
    kft_table_add(table, state->error == NULL ? pod : state->error,
                  state->error == NULL ? KFT_STYLE_PLAIN : style);
}

static void add_wide(KftTable *table,
                     const KftConfig *config,
                     const KftRunState *state,
                     const KftTraffic *traffic)
{
    const KftForwardHealth *health = &state->health;
    g_autofree char *handshake =
        health->connected_ms == 0 ? NULL : g_strdup_printf("%u ms", health->handshake_ms);

    kft_table_add(table, config->context, KFT_STYLE_PLAIN);
    kft_table_add_number(table, state->owner_pid);
    kft_table_add(table, handshake, KFT_STYLE_PLAIN);
    kft_table_add_number(table, traffic == NULL ? 0 : (int64_t)traffic->n_connections);
    kft_table_add_bytes(table, traffic == NULL ? 0 : traffic->bytes_up);
    kft_table_add_bytes(table, traffic == NULL ? 0 : traffic->bytes_down);
}

static KftTable *
make_table(const KftCatalog *catalog, const GPtrArray *found, guint n_rows, bool is_wide)
{
    KftTable *table = kft_table_new(columns, is_wide ? G_N_ELEMENTS(columns) : N_NARROW);

    for (guint i = 0; i < n_rows; i++) {
        const KftConfig *config = found->pdata[i];
        const KftRunState *state = kft_catalog_get_state(catalog, config->id);
        add_narrow(table, config, state);
        if (is_wide)
            add_wide(table, config, state, kft_catalog_get_traffic(catalog, config->id));
    }
    return table;
}

static char *describe_nothing(const KftCatalog *catalog, const Arguments *args)
{
    return g_strdup_printf("None of %u configs %s", catalog->configs->len,
                           *args->common.words == NULL ? "runs" : "that run fits");
}

static void print_once(const KftCatalog *catalog, const GPtrArray *found, const Arguments *args)
{
    if (args->common.is_json) {
        kft_catalog_print_json_list(catalog, found);
    } else if (found->len == 0) {
        g_autofree char *text = describe_nothing(catalog, args);
        kft_print_note("%s", text);
    } else {
        g_autoptr(KftTable) table = make_table(catalog, found, found->len, args->is_wide);
        kft_table_print(table);
    }
}

/* --- watching --- */

typedef struct {
    const Arguments *args;
    KftCatalog *catalog;
    bool is_terminal;
    KftLiveText live;
    GHashTable *last; /* config's id → what was printed of it last */
    char *drawn;
} Watch;

static void draw(Watch *self, const GPtrArray *found)
{
    guint n_shown = MIN(found->len, kft_live_text_max_rows());
    g_autoptr(KftTable) table = make_table(self->catalog, found, n_shown, self->args->is_wide);
    g_autofree char *rows =
        kft_table_format(table, kft_terminal_width(), kft_style_has_color(STDOUT_FILENO));
    g_autofree char *nothing = describe_nothing(self->catalog, self->args);
    g_autofree char *text = found->len == 0 ? g_strconcat(nothing, "\n", NULL)
                            : n_shown < found->len
                                ? g_strdup_printf("%s… and %u more\n", rows, found->len - n_shown)
                                : g_steal_pointer(&rows);

    if (g_strcmp0(text, self->drawn) == 0)
        return;
    kft_live_text_draw(&self->live, NULL, text);
    g_free(self->drawn);
    self->drawn = g_steal_pointer(&text);
}

static char *describe_line(const KftRunState *state)
{
    KftForwardState now = state == NULL ? KFT_FORWARD_STATE_IDLE : state->state;
    const char *name = kft_forward_state_name(now);

    if (state != NULL && state->error != NULL)
        return g_strdup_printf("%s: %s", name, state->error);
    if (state == NULL || now != KFT_FORWARD_STATE_READY)
        return g_strdup(name);
    g_autofree char *end = kft_describe_end(&state->health);
    return g_strdup_printf(
        "%s at %s (pod %s)%s%s", name, state->address == NULL ? "?" : state->address,
        state->pod == NULL ? "?" : state->pod, end == NULL ? "" : ", ", end == NULL ? "" : end);
}

/* All that a line of JSON can show. */
static char *describe_all(const KftCatalog *catalog, const KftConfig *config)
{
    static const KftRunState never = {.state = KFT_FORWARD_STATE_IDLE};
    static const KftTraffic none = {.bytes_up = 0};
    const KftRunState *state = kft_catalog_get_state(catalog, config->id);
    const KftTraffic *traffic = kft_catalog_get_traffic(catalog, config->id);

    state = state == NULL ? &never : state;
    traffic = traffic == NULL ? &none : traffic;
    g_autofree char *line = describe_line(state);
    return g_strdup_printf(
        "%s %u %u %u %" G_GINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, line,
        state->health.n_open, state->health.n_reconnects, state->health.round_trip_us,
        state->health.closes_ms, traffic->bytes_up, traffic->bytes_down);
}

static void print_if_new(Watch *self, const KftConfig *config)
{
    bool is_json = self->args->common.is_json;
    g_autofree char *text = is_json
                                ? describe_all(self->catalog, config)
                                : describe_line(kft_catalog_get_state(self->catalog, config->id));
    int64_t *id = g_new(int64_t, 1);
    *id = config->id.v;

    if (g_strcmp0(text, g_hash_table_lookup(self->last, id)) == 0) {
        g_free(id);
        return;
    }
    if (is_json) {
        kft_catalog_print_json_line(self->catalog, config);
    } else {
        g_autofree char *alias = kft_text_printable(config->alias);
        g_autofree char *shown = kft_text_printable(text);
        kft_print_line("%s: %s", alias, shown);
    }
    g_hash_table_replace(self->last, id, g_steal_pointer(&text));
}

/* What ran and does not any more is told once; what never ran, not at all. */
static void print_changes(Watch *self, GPtrArray *found)
{
    g_autoptr(GPtrArray) all =
        kft_catalog_filter(self->catalog, self->args->common.words, /* only_running */ false);

    for (guint i = 0; i < all->len; i++) {
        const KftConfig *config = all->pdata[i];
        if (g_ptr_array_find(found, config, NULL) ||
            g_hash_table_contains(self->last, &config->id.v))
            print_if_new(self, config);
    }
}

static void show(Watch *self)
{
    g_autoptr(GPtrArray) found =
        kft_catalog_filter(self->catalog, self->args->common.words, /* only_running */ true);

    if (self->is_terminal)
        draw(self, found);
    else
        print_changes(self, found);
}

/* False if the reader of the output has gone. */
static bool wait_for_change(const Watch *self)
{
    struct pollfd fds[] = {
        {.fd = kft_store_get_change_fd(self->catalog->store), .events = POLLIN},
        {.fd = STDOUT_FILENO, .events = 0},
    };

    if (poll(fds, G_N_ELEMENTS(fds), LOOK_MS) > 0 && fds[0].revents != 0)
        g_usleep(DRAW_MS * G_TIME_SPAN_MILLISECOND);
    (void)kft_store_has_changed(self->catalog->store);
    return (fds[1].revents & (POLLERR | POLLHUP)) == 0;
}

/* Until a signal ends the program, or its output is closed. */
static bool watch(Watch *self)
{
    bool is_dumb = g_strcmp0(g_getenv("TERM"), "dumb") == 0;

    self->is_terminal = isatty(STDOUT_FILENO) == 1 && !is_dumb && !self->args->common.is_json;
    self->last = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    bool is_good = true;
    do {
        show(self);
    } while (wait_for_change(self) && (is_good = kft_catalog_reload(self->catalog)));
    g_hash_table_unref(self->last);
    g_free(self->drawn);
    return is_good;
}

/* --- the command --- */

static bool take_output(Arguments *args)
{
    args->is_wide = g_strcmp0(args->output, "wide") == 0;
    if (g_strcmp0(args->output, "json") == 0)
        args->common.is_json = TRUE;
    if (args->output == NULL || args->is_wide || args->common.is_json)
        return true;
    kft_print_error("--output: \"%s\" is not one of wide, json", args->output);
    return false;
}

static bool status(Arguments *args)
{
    if (!take_output(args))
        return false;
    g_autoptr(KftCatalog) catalog = kft_catalog_open();
    if (catalog == NULL)
        return false;
    if (args->must_watch)
        return watch(&(Watch){.args = args, .catalog = catalog});
    g_autoptr(GPtrArray) found =
        kft_catalog_filter(catalog, args->common.words, /* only_running */ true);
    print_once(catalog, found, args);
    return true;
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int result = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_status, argc, argv, &args.common, &result))
        return result;
    if (status(&args))
        result = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_status, &args.common);
    return result;
}

static const KftCliOption options[] = {
    {"output", 'o', KFT_OPTION_TEXT, offsetof(Arguments, output),
     "wide (more columns) or json (as --json)", "FORMAT", KFT_VALUE_OUTPUT},
    {"watch", 'w', KFT_OPTION_FLAG, offsetof(Arguments, must_watch),
     "Go on and show each change, until Ctrl-C", NULL, KFT_VALUE_NONE},
    KFT_OPTION_JSON,
    {0},
};

static const char description[] =
    "Words narrow the list, as in \"kftrayctl list\". UPTIME is since it became ready last, OPEN "
    "counts\n"
    "connections, PING is the round trip to the API server. Numbers are some seconds old.\n"
    "With --watch a terminal shows a table that follows; elsewhere each change of state is a line, "
    "with\n"
    "--json each change of anything an object on a line.";

const KftCliCommand kft_cli_status = {
    .name = "status",
    .summary = "Show what runs now and how well",
    .usage = "[WORD…]",
    .description = description,
    .examples = "  kftrayctl status\n"
                "  kftrayctl status -o wide\n"
                "\n"
                "  # Follow what happens to everything in namespace shop\n"
                "  kftrayctl status --watch shop\n"
                "\n"
                "  # Wait until web is ready, in a script\n"
                "  kftrayctl status -w --json web | jq -n 'first(inputs | select(.state == "
                "\"ready\"))'",
    .options = options,
    .words = KFT_VALUE_CONFIG,
    .run = run,
};
