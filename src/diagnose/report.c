/* The whole diagnosis as text for people and as JSON, in a terminal's words, as its commands are
 * meant for one. Each text was redacted when its step ended. */
#include <string.h>
#include <sys/utsname.h>

#include "base/json.h"
#include "base/text.h"
#include "diagnose/diagnosis-priv.h"

/* Wide enough for the longest name of a step. */
#define NAME_COLUMNS 11

char *kft_diagnose_hide_home(const char *text)
{
    const char *home = g_get_home_dir();
    if (home == NULL || strlen(home) < 2)
        return g_strdup(text);
    GString *out = g_string_new(text);
    (void)g_string_replace(out, home, "~", 0);
    return g_string_free(out, FALSE);
}

static char *dup_subject(const KftDiagnosis *self)
{
    const KftForwardOptions *options = self->options;
    const char *context = self->context.name != NULL ? self->context.name : self->context_name;
    GString *out = g_string_new(options->label != NULL ? options->label : "the cluster");

    for (size_t i = 0; i < options->n_ports; i++)
        g_string_append_printf(out, "%s%s", i == 0 ? ", port " : ", ", options->ports[i].remote);
    if (self->namespace_ != NULL && options->target != NULL)
        g_string_append_printf(out, ", namespace \"%s\"", self->namespace_);
    if (context != NULL)
        g_string_append_printf(out, ", context \"%s\"", context);
    return g_string_free(out, FALSE);
}

static void append_step(GString *out, const KftDiagnoseResult *result)
{
    bool is_failed = result->state == KFT_DIAGNOSE_STATE_FAILED;
    g_string_append_printf(out, "%-8s %-*s",
                           is_failed ? "FAILED" : kft_diagnose_state_name(result->state),
                           NAME_COLUMNS, kft_diagnose_step_name(result->step));
    if (result->state == KFT_DIAGNOSE_STATE_SKIPPED)
        g_string_append_printf(out, "%9s", "");
    else
        g_string_append_printf(out, "%6u ms", result->duration_ms);
    g_string_append_printf(out, "  %s\n", result->text);
    if (result->advice != NULL)
        g_string_append_printf(out, "%*s-> %s\n", 8 + 1 + NAME_COLUMNS + 9 + 2, "",
                               result->advice->terminal);
}

/* Commands of the failed steps and of those that ran, without repetition. */
static void append_commands(GString *out, const KftDiagnosis *self)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (size_t i = 0; i < KFT_DIAGNOSE_N_STEPS; i++) {
        const KftDiagnoseResult *result = &self->results[i];
        if (result->command == NULL || !g_hash_table_add(seen, result->command))
            continue;
        g_string_append_printf(out, "  %-*s %s\n", NAME_COLUMNS,
                               kft_diagnose_step_name(result->step), result->command);
    }
}

char *kft_diagnosis_dup_report(const KftDiagnosis *self, bool is_ok)
{
    struct utsname system = {0};
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *subject = dup_subject(self);
    g_autofree char *date = kft_text_dup_date(self->begun_s);

    (void)uname(&system);
    g_string_append_printf(out, "Diagnosis of %s\nkftray " KFT_VERSION ", %s %s %s, %s\n\n",
                           subject, system.sysname, system.release, system.machine, date);
    for (size_t i = 0; i < KFT_DIAGNOSE_N_STEPS; i++)
        append_step(out, &self->results[i]);
    g_string_append(out, is_ok ? "\nAll is well.\n" : "\nSomething is wrong, see above.\n");
    g_string_append(out, "\nThe same by hand:\n");
    append_commands(out, self);
    return kft_diagnose_hide_home(out->str);
}

static void add_text(json_object *object, const char *name, const char *text)
{
    if (text == NULL)
        return;
    g_autofree char *hidden = kft_diagnose_hide_home(text);
    (void)json_object_object_add(object, name, json_object_new_string(hidden));
}

static json_object *new_step(const KftDiagnoseResult *result)
{
    json_object *step = json_object_new_object();
    add_text(step, "step", kft_diagnose_step_name(result->step));
    add_text(step, "title", kft_diagnose_step_title(result->step));
    add_text(step, "state", kft_diagnose_state_name(result->state));
    (void)json_object_object_add(step, "duration_ms", json_object_new_int64(result->duration_ms));
    add_text(step, "text", result->text);
    add_text(step, "advice", result->advice != NULL ? result->advice->terminal : NULL);
    add_text(step, "command", result->command);
    return step;
}

char *kft_diagnosis_dup_json(const KftDiagnosis *self, bool is_ok)
{
    g_autoptr(json_object) root = json_object_new_object();
    json_object *steps = json_object_new_array();
    g_autofree char *subject = dup_subject(self);

    add_text(root, "subject", subject);
    add_text(root, "version", KFT_VERSION);
    (void)json_object_object_add(root, "ok", json_object_new_boolean(is_ok));
    (void)json_object_object_add(root, "steps", steps);
    for (size_t i = 0; i < KFT_DIAGNOSE_N_STEPS; i++)
        (void)json_object_array_add(steps, new_step(&self->results[i]));
    return g_strdup(json_object_to_json_string_ext(
        root, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE));
}
