/* What "run" shows. */
#include "run-report.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "catalog.h"
#include "json-output.h"
#include "live-text.h"
#include "output.h"
#include "style.h"
#include "table.h"

/* The table is drawn at most so often. */
#define DRAW_MS 250
/* How often rates are looked at while bytes move. */
#define RATE_MS 1000

struct KftRunReport {
    KftRunReportMode mode;
    GHashTable *last;  /* KftRunEntry → line that was printed last for it */
    GString *above;    /* TABLE: lines to print above the table */
    KftLiveText table; /* TABLE */
    bool is_changed;   /* TABLE: to be drawn again */
    gint64 drawn_us;   /* TABLE: when it was drawn last */
    bool is_finished;  /* the table stands as it is */
    bool has_terminal; /* TABLE: @before is to be restored */
    struct termios before;
};

/* --- lines --- */

static const char stopped[] = "stopped";

static char *describe_backoff(const KftRunEntry *entry)
{
    if (entry->attempt <= 1)
        return g_strdup_printf("%s; trying again", entry->error);
    return g_strdup_printf("%s; next try in %.1f s (attempt %u)", entry->error,
                           entry->next_try_ms / 1e3, entry->attempt);
}

static char *describe_ready(const KftRunEntry *entry)
{
    g_autofree char *target = kft_config_describe_target(entry->config);
    return g_strdup_printf("ready at %s -> %s (pod %s)",
                           entry->address == NULL ? "?" : entry->address, target, entry->pod);
}

/* One line about the state, NULL if it says nothing new to a reader. */
static char *describe(const KftRunEntry *entry)
{
    switch (entry->state) {
    case KFT_FORWARD_STATE_IDLE:
        return g_strdup(stopped);
    case KFT_FORWARD_STATE_RESOLVING:
        return entry->waiting_for == NULL ? g_strdup("looking for a pod")
                                          : g_strdup_printf("waiting: %s", entry->waiting_for);
    case KFT_FORWARD_STATE_CONNECTING:
        return g_strdup_printf("connecting to pod %s", entry->pod);
    case KFT_FORWARD_STATE_READY:
        return describe_ready(entry);
    case KFT_FORWARD_STATE_BACKOFF:
        return describe_backoff(entry);
    case KFT_FORWARD_STATE_STOPPING:
        return NULL;
    case KFT_FORWARD_STATE_FAILED:
        return g_strdup_printf("failed: %s", entry->error);
    }
    g_assert_not_reached();
}

static void print_state(const KftRunEntry *entry, const char *text)
{
    g_autofree char *alias = kft_text_printable(entry->config->alias);
    g_autofree char *shown = kft_text_printable(text);

    if (entry->state == KFT_FORWARD_STATE_FAILED) {
        kft_print_error("%s: %s", alias, shown);
        return;
    }
    KftStyle style = kft_state_style(entry->state);
    kft_print_line("%s: %s%s%s", alias, kft_style_begin(style, STDOUT_FILENO), shown,
                   kft_style_end(style, STDOUT_FILENO));
}

static void begin_json(KftJsonOutput *json, const KftRunEntry *entry)
{
    kft_json_output_begin_object(json, NULL);
    kft_json_output_int(json, "time", g_get_real_time() / G_USEC_PER_SEC);
    kft_json_output_int(json, "id", entry->config->id.v);
    kft_json_output_text(json, "alias", entry->config->alias);
}

static void print_json_state(const KftRunEntry *entry)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ true);

    begin_json(json, entry);
    kft_json_output_text(json, "state", kft_forward_state_name(entry->state));
    kft_json_output_text(json, "address", entry->address);
    kft_json_output_text(json, "pod", entry->pod);
    kft_json_output_text(json, "error", entry->error);
    kft_json_output_text(json, "error_code",
                         entry->error == NULL ? NULL : kft_error_code_name(entry->error_code));
    kft_json_output_text(json, "waiting_for", entry->waiting_for);
    kft_json_output_uint(json, "attempt", entry->attempt);
    kft_json_output_end(json);
    kft_json_output_print(json);
}

static void print_json_note(const KftRunEntry *entry, const char *text)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ true);

    begin_json(json, entry);
    kft_json_output_text(json, "notice", text);
    kft_json_output_end(json);
    kft_json_output_print(json);
}

/* Whether a line would tell a reader something. A cluster that is away for days is no reason for a
 * line every few seconds; in JSON everything is told. */
static bool is_news(const KftRunReport *self, const KftRunEntry *entry, const char *text)
{
    const char *last = g_hash_table_lookup(self->last, entry);

    if (g_strcmp0(text, last) == 0)
        return false;
    if (self->mode == KFT_RUN_REPORT_JSON)
        return true;
    switch (entry->state) {
    case KFT_FORWARD_STATE_CONNECTING:
        return false;
    case KFT_FORWARD_STATE_RESOLVING:
        return entry->waiting_for != NULL || last == NULL || strcmp(last, stopped) == 0;
    case KFT_FORWARD_STATE_BACKOFF:
        return (entry->attempt & (entry->attempt - 1)) == 0 || last == NULL ||
               !g_str_has_prefix(last, entry->error);
    case KFT_FORWARD_STATE_IDLE:
    case KFT_FORWARD_STATE_READY:
    case KFT_FORWARD_STATE_STOPPING:
    case KFT_FORWARD_STATE_FAILED:
        return true;
    }
    g_assert_not_reached();
}

static void report_line(KftRunReport *self, const KftRunEntry *entry)
{
    g_autofree char *text = describe(entry);

    if (text == NULL || !is_news(self, entry, text))
        return;
    if (self->mode == KFT_RUN_REPORT_JSON)
        print_json_state(entry);
    else
        print_state(entry, text);
    g_hash_table_insert(self->last, (void *)(uintptr_t)entry, g_steal_pointer(&text));
}

static void on_change(const KftRunEntry *entry, void *user_data)
{
    KftRunReport *self = user_data;

    if (self->mode == KFT_RUN_REPORT_TABLE)
        self->is_changed = true;
    else
        report_line(self, entry);
}

static void on_note(const KftRunEntry *entry, const char *text, void *user_data)
{
    KftRunReport *self = user_data;
    g_autofree char *alias = kft_text_printable(entry->config->alias);
    g_autofree char *shown = kft_text_printable(text);

    if (self->is_finished && self->mode == KFT_RUN_REPORT_TABLE) {
        kft_print_note("%s: %s", alias, shown);
        return;
    }
    switch (self->mode) {
    case KFT_RUN_REPORT_LINES:
        kft_print_note("%s: %s", alias, shown);
        return;
    case KFT_RUN_REPORT_TABLE:
        g_string_append_printf(self->above, "%s: %s\033[K\n", alias, shown);
        self->is_changed = true;
        return;
    case KFT_RUN_REPORT_JSON:
        print_json_note(entry, text);
        return;
    }
}

const KftRunSetFuncs kft_run_report_funcs = {.on_change = on_change, .on_note = on_note};

/* --- table --- */

static char *describe_details(const KftRunEntry *entry)
{
    if (entry->error != NULL)
        return g_strdup(entry->error);
    return g_strdup(entry->waiting_for != NULL ? entry->waiting_for : entry->pod);
}

static char *describe_rate(const KftRunEntry *entry)
{
    if (entry->bytes_per_second == 0)
        return NULL;
    g_autofree char *bytes = kft_format_bytes(entry->bytes_per_second);
    return g_strconcat(bytes, "/s", NULL);
}

static void add_row(KftTable *table, const KftRunEntry *entry)
{
    g_autofree char *target = kft_config_describe_target(entry->config);
    g_autofree char *local = kft_config_describe_local(entry->config);
    g_autofree char *open = g_strdup_printf("%u", entry->health.n_open);
    g_autofree char *total = g_strdup_printf("%" G_GUINT64_FORMAT, entry->traffic.n_connections);
    g_autofree char *rate = describe_rate(entry);
    g_autofree char *details = describe_details(entry);
    KftStyle style = kft_state_style(entry->state);

    kft_table_add(table, entry->config->alias, KFT_STYLE_PLAIN);
    kft_table_add(table, entry->address != NULL ? entry->address : local, KFT_STYLE_PLAIN);
    kft_table_add(table, target, KFT_STYLE_PLAIN);
    kft_table_add(table, kft_forward_state_name(entry->state), style);
    kft_table_add(table, open, KFT_STYLE_PLAIN);
    kft_table_add(table, total, KFT_STYLE_PLAIN);
    kft_table_add(table, rate, KFT_STYLE_PLAIN);
    kft_table_add(table, details,
                  entry->error == NULL ? KFT_STYLE_PLAIN : kft_state_style(entry->state));
}

static char *make_table(const KftRunSet *set)
{
    static const KftTableColumn columns[] = {
        {.heading = "ALIAS", .is_flexible = true},
        {.heading = "LOCAL"},
        {.heading = "TARGET", .is_flexible = true},
        {.heading = "STATUS"},
        {.heading = "OPEN", .is_right = true},
        {.heading = "TOTAL", .is_right = true},
        {.heading = "RATE", .is_right = true},
        {.heading = "POD OR ERROR", .is_flexible = true},
    };
    const GPtrArray *entries = kft_run_set_get_entries(set);
    g_autoptr(KftTable) table = kft_table_new(columns, G_N_ELEMENTS(columns));
    guint n_shown = MIN(entries->len, kft_live_text_max_rows());

    for (guint i = 0; i < n_shown; i++)
        add_row(table, entries->pdata[i]);
    g_autofree char *text =
        kft_table_format(table, kft_terminal_width(), kft_style_has_color(STDOUT_FILENO));
    return n_shown == entries->len
               ? g_steal_pointer(&text)
               : g_strdup_printf("%s… and %u more\n", text, entries->len - n_shown);
}

static void draw(KftRunReport *self, const KftRunSet *set)
{
    g_autofree char *text = make_table(set);

    kft_live_text_draw(&self->table, self->above->str, text);
    g_string_truncate(self->above, 0);
    self->is_changed = false;
    self->drawn_us = g_get_monotonic_time();
}

static int get_draw_delay(const KftRunReport *self)
{
    gint64 passed_ms = (g_get_monotonic_time() - self->drawn_us) / G_TIME_SPAN_MILLISECOND;
    return self->drawn_us == 0 || passed_ms >= DRAW_MS ? 0 : (int)(DRAW_MS - passed_ms);
}

void kft_run_report_update(KftRunReport *self, const KftRunSet *set)
{
    if (self->mode == KFT_RUN_REPORT_TABLE && self->is_changed && get_draw_delay(self) == 0)
        draw(self, set);
}

void kft_run_report_finish(KftRunReport *self, const KftRunSet *set)
{
    const GPtrArray *entries = kft_run_set_get_entries(set);

    self->is_finished = true;
    if (self->mode != KFT_RUN_REPORT_TABLE)
        return;
    draw(self, set);
    /* In full: the table may have cut them. */
    for (guint i = 0; i < entries->len; i++) {
        const KftRunEntry *entry = entries->pdata[i];
        g_autofree char *text = describe(entry);
        if (entry->state == KFT_FORWARD_STATE_FAILED)
            print_state(entry, text);
    }
}

int kft_run_report_get_timeout(const KftRunReport *self, const KftRunSet *set)
{
    if (self->mode != KFT_RUN_REPORT_TABLE)
        return -1;
    if (self->is_changed)
        return get_draw_delay(self);
    return kft_run_set_is_moving(set) ? RATE_MS : -1;
}

void kft_run_report_resize(KftRunReport *self)
{
    self->table.must_clear = true;
    self->is_changed = true;
}

/* --- life --- */

/* A background job that changes the terminal's settings is stopped for it. */
static bool is_in_foreground(void)
{
    return tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* What is typed would push the table down. */
static void hide_typing(KftRunReport *self)
{
    if (!is_in_foreground() || tcgetattr(STDIN_FILENO, &self->before) != 0)
        return;
    struct termios quiet = self->before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    self->has_terminal = tcsetattr(STDIN_FILENO, TCSANOW, &quiet) == 0;
}

KftRunReport *kft_run_report_new(KftRunReportMode mode)
{
    KftRunReport *self = g_new0(KftRunReport, 1);
    self->mode = mode;
    self->last = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    self->above = g_string_new(NULL);
    if (mode == KFT_RUN_REPORT_TABLE)
        hide_typing(self);
    return self;
}

void kft_run_report_free(KftRunReport *self)
{
    if (self == NULL)
        return;
    if (self->has_terminal && is_in_foreground())
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &self->before);
    g_hash_table_unref(self->last);
    (void)g_string_free(self->above, /* free_segment */ TRUE);
    g_free(self);
}
