/* kftrayctl contexts: what a kubeconfig has, and whether it can be reached. */
#include <string.h>

#include "command.h"
#include "inquiry.h"
#include "json-output.h"
#include "output.h"
#include "table.h"

typedef struct {
    KftCliArguments common;
    char *kubeconfig;
    char *timeout;
    gboolean is_unprobed;
} Arguments;

/* What a probe told; all zero while it told nothing. */
typedef struct {
    bool is_answered;
    char *error; /* nullable */
    char *note;  /* nullable */
    char *version;
    uint32_t latency_ms;
} Probe;

typedef struct {
    KftInquiry *inquiry;
    GPtrArray *contexts; /* KftFoundContext; nullable */
    Probe *probes;       /* as many */
    GHashTable *row_of;  /* id of a query → index */
    char *error;         /* why there are no contexts */
} State;

static void state_clear(State *self)
{
    kft_inquiry_free(self->inquiry);
    for (guint i = 0; self->contexts != NULL && i < self->contexts->len; i++) {
        g_free(self->probes[i].error);
        g_free(self->probes[i].note);
        g_free(self->probes[i].version);
    }
    g_free(self->probes);
    g_clear_pointer(&self->contexts, g_ptr_array_unref);
    g_clear_pointer(&self->row_of, g_hash_table_unref);
    g_free(self->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(State, state_clear)

/* --- asking --- */

static void take_contexts(State *state, const KftAnswer *answer)
{
    if (answer->error != NULL) {
        state->error = g_strdup(answer->error);
        return;
    }
    state->contexts = g_ptr_array_ref(answer->items);
    state->probes = g_new0(Probe, MAX(answer->items->len, 1));
}

static void on_answer(const KftAnswer *answer, void *user_data)
{
    State *state = user_data;

    if (answer->type == KFT_QUERY_CONTEXTS) {
        take_contexts(state, answer);
        return;
    }
    gpointer row = g_hash_table_lookup(state->row_of, GUINT_TO_POINTER(answer->id.v));
    state->probes[GPOINTER_TO_UINT(row)] = (Probe){
        .is_answered = true,
        .error = g_strdup(answer->error),
        .note = g_strdup(answer->note),
        .version = g_strdup(answer->version),
        .latency_ms = answer->latency_ms,
    };
}

/* All at once; those that cannot be used at all are not asked. */
static void post_probes(State *state, const Arguments *args, uint32_t timeout_ms)
{
    for (guint i = 0; i < state->contexts->len; i++) {
        const KftFoundContext *context = g_ptr_array_index(state->contexts, i);
        if (context->error != NULL)
            continue;
        KftQuery *query = kft_query_new((KftQueryId){0}, KFT_QUERY_PROBE);
        query->kubeconfig = g_strdup(args->kubeconfig);
        query->context = g_strdup(context->name);
        query->timeout_ms = timeout_ms;
        KftQueryId id = kft_inquiry_post(state->inquiry, query);
        g_hash_table_insert(state->row_of, GUINT_TO_POINTER(id.v), GUINT_TO_POINTER(i));
    }
}

/* --- showing --- */

static char *describe_status(const KftFoundContext *context, const Probe *probe)
{
    const char *error = context->error != NULL ? context->error : probe->error;

    if (error != NULL)
        return g_strdup(error);
    if (!probe->is_answered)
        return NULL;
    if (probe->note != NULL)
        return g_strdup_printf("answers in %u ms, but: %s", probe->latency_ms, probe->note);
    return g_strdup_printf("%s, %u ms", probe->version != NULL ? probe->version : "no version",
                           probe->latency_ms);
}

static KftStyle status_style(const KftFoundContext *context, const Probe *probe)
{
    if (context->error != NULL || probe->error != NULL)
        return KFT_STYLE_BAD;
    if (!probe->is_answered)
        return KFT_STYLE_DIM;
    return probe->note != NULL ? KFT_STYLE_BUSY : KFT_STYLE_GOOD;
}

static void print_table(const State *state)
{
    static const KftTableColumn columns[] = {{.heading = "CURRENT"},
                                             {.heading = "NAME", .is_flexible = true},
                                             {.heading = "CLUSTER", .is_flexible = true},
                                             {.heading = "USER", .is_flexible = true},
                                             {.heading = "NAMESPACE", .is_flexible = true},
                                             {.heading = "STATUS", .is_flexible = true}};
    g_autoptr(KftTable) table = kft_table_new(columns, G_N_ELEMENTS(columns));

    for (guint i = 0; i < state->contexts->len; i++) {
        const KftFoundContext *context = g_ptr_array_index(state->contexts, i);
        const Probe *probe = &state->probes[i];
        g_autofree char *status = describe_status(context, probe);
        kft_table_add(table, context->is_current ? "*" : " ", KFT_STYLE_PLAIN);
        kft_table_add(table, context->name, KFT_STYLE_PLAIN);
        kft_table_add(table, context->cluster, KFT_STYLE_PLAIN);
        kft_table_add(table, context->user, KFT_STYLE_PLAIN);
        kft_table_add(table, context->namespace_, KFT_STYLE_PLAIN);
        kft_table_add(table, status, status_style(context, probe));
    }
    kft_table_print(table);
}

static void write_context(KftJsonOutput *json, const KftFoundContext *context, const Probe *probe)
{
    kft_json_output_begin_object(json, NULL);
    kft_json_output_text(json, "name", context->name);
    kft_json_output_bool(json, "current", context->is_current);
    kft_json_output_text(json, "cluster", context->cluster);
    kft_json_output_text(json, "server", context->server);
    kft_json_output_text(json, "user", context->user);
    kft_json_output_text(json, "namespace", context->namespace_);
    kft_json_output_text(json, "error", context->error);
    if (probe->is_answered) {
        kft_json_output_begin_object(json, "probe");
        kft_json_output_bool(json, "reachable", probe->error == NULL);
        kft_json_output_text(json, "version", probe->version);
        if (probe->error == NULL)
            kft_json_output_uint(json, "latency_ms", probe->latency_ms);
        kft_json_output_text(json, "note", probe->note);
        kft_json_output_text(json, "error", probe->error);
        kft_json_output_end(json);
    }
    kft_json_output_end(json);
}

static void print_json(const State *state)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ false);

    kft_json_output_begin_array(json, NULL);
    for (guint i = 0; i < state->contexts->len; i++)
        write_context(json, g_ptr_array_index(state->contexts, i), &state->probes[i]);
    kft_json_output_end(json);
    kft_json_output_print(json);
}

/* --- the command --- */

static bool show_contexts(const Arguments *args)
{
    g_auto(State) state = {.row_of = g_hash_table_new(g_direct_hash, g_direct_equal)};
    uint32_t timeout_ms = KFT_DEFAULT_PROBE_MS;

    if (!kft_options_check_words(&kft_cli_contexts, &args->common, 0) ||
        !kft_inquiry_take_timeout(args->timeout, &timeout_ms))
        return false;
    state.inquiry = kft_inquiry_new(on_answer, &state);
    if (state.inquiry == NULL)
        return false;
    kft_inquiry_find_logins(state.inquiry);
    KftQuery *query = kft_query_new((KftQueryId){0}, KFT_QUERY_CONTEXTS);
    query->kubeconfig = g_strdup(args->kubeconfig);
    (void)kft_inquiry_post(state.inquiry, query);
    if (!kft_inquiry_wait(state.inquiry))
        return false;
    if (state.error != NULL) {
        kft_print_error("%s", state.error);
        return false;
    }
    if (!args->is_unprobed)
        post_probes(&state, args, timeout_ms);
    if (!kft_inquiry_wait(state.inquiry))
        return false;
    if (args->common.is_json)
        print_json(&state);
    else if (state.contexts->len > 0)
        print_table(&state);
    else
        kft_print_note("The kubeconfig has no contexts");
    return true;
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_contexts, argc, argv, &args.common, &status))
        return status;
    if (show_contexts(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_contexts, &args.common);
    return status;
}

static const KftCliOption options[] = {
    {"kubeconfig", 0, KFT_OPTION_FILE, offsetof(Arguments, kubeconfig),
     "kubeconfig file, or several joined by \":\" (default: $KUBECONFIG, ~/.kube/config)", "FILE",
     KFT_VALUE_FILE},
    {"no-probe", 0, KFT_OPTION_FLAG, offsetof(Arguments, is_unprobed),
     "Do not ask the clusters: read the files only", NULL, KFT_VALUE_NONE},
    {"timeout", 0, KFT_OPTION_TEXT, offsetof(Arguments, timeout),
     "How long each cluster has to answer (default: 5s)", "TIME", KFT_VALUE_NONE},
    KFT_OPTION_JSON,
    {0},
};

static const char description[] =
    "Lists the contexts of the kubeconfig with cluster, user and namespace, and asks all\n"
    "clusters at once for their version, with the credential of the context. An entry that\n"
    "cannot be used is listed with the reason; a cluster that does not answer delays no other.";

const KftCliCommand kft_cli_contexts = {
    .name = "contexts",
    .summary = "List the contexts of a kubeconfig, and whether they can be reached",
    .description = description,
    .examples = "  kftrayctl contexts\n"
                "\n"
                "  # Another file, without asking the clusters\n"
                "  kftrayctl contexts --kubeconfig ~/staging.yaml --no-probe\n"
                "\n"
                "  # Names of those that answer within two seconds\n"
                "  kftrayctl contexts --timeout 2s --json | jq -r '.[] | "
                "select(.probe.reachable).name'",
    .options = options,
    .run = run,
};
