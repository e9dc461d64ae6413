/* kftrayctl relays: what was deployed in a cluster, whose it is, and getting rid of what is left
 * over. */
#include <string.h>

#include "command.h"
#include "inquiry.h"
#include "json-output.h"
#include "output.h"
#include "table.h"

typedef struct {
    KftCliArguments common;
    char *kubeconfig;
    char *context;
    char *namespace_;
    char **names; /* to be deleted */
    gboolean cleans;
    gboolean prints_template;
} Arguments;

typedef struct {
    KftInquiry *inquiry;
    GPtrArray *relays; /* KftFoundRelay; nullable */
    char *context;
    GHashTable *deletions; /* id of a query → KftFoundRelay */
    bool has_failed;
} State;

static void state_clear(State *self)
{
    kft_inquiry_free(self->inquiry);
    g_clear_pointer(&self->relays, g_ptr_array_unref);
    g_clear_pointer(&self->deletions, g_hash_table_unref);
    g_free(self->context);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(State, state_clear)

/* --- asking --- */

static void take_deletion(State *self, const KftAnswer *answer)
{
    const KftFoundRelay *relay =
        g_hash_table_lookup(self->deletions, GUINT_TO_POINTER(answer->id.v));

    if (answer->error == NULL) {
        kft_print_line("Deleted %s in namespace %s", relay->name, relay->namespace_);
        return;
    }
    kft_print_error("%s", answer->error);
    self->has_failed = true;
}

static void on_answer(const KftAnswer *answer, void *user_data)
{
    State *self = user_data;

    if (answer->type == KFT_QUERY_DELETE_RELAY) {
        take_deletion(self, answer);
        return;
    }
    if (answer->error != NULL) {
        kft_print_error("%s", answer->error);
        self->has_failed = true;
        return;
    }
    if (answer->note != NULL)
        kft_print_note("Note: %s", answer->note);
    self->relays = g_ptr_array_ref(answer->items);
    self->context = g_strdup(answer->context);
}

static KftQuery *new_query(const Arguments *args, KftQueryType type)
{
    KftQuery *query = kft_query_new((KftQueryId){0}, type);
    query->kubeconfig = g_strdup(args->kubeconfig);
    query->context = g_strdup(args->context);
    return query;
}

static bool ask_relays(State *self, const Arguments *args)
{
    KftQuery *query = new_query(args, KFT_QUERY_RELAYS);
    query->namespace_ = g_strdup(args->namespace_);
    query->all_namespaces = args->namespace_ == NULL;
    (void)kft_inquiry_post(self->inquiry, query);
    return kft_inquiry_wait(self->inquiry) && !self->has_failed;
}

/* --- deleting --- */

static void post_deletion(State *self, const Arguments *args, KftFoundRelay *relay)
{
    KftQuery *query = new_query(args, KFT_QUERY_DELETE_RELAY);
    query->namespace_ = g_strdup(relay->namespace_);
    query->name = g_strdup(relay->name);
    KftQueryId id = kft_inquiry_post(self->inquiry, query);
    g_hash_table_insert(self->deletions, GUINT_TO_POINTER(id.v), relay);
}

static KftFoundRelay *find_relay(const State *self, const char *name)
{
    for (guint i = 0; i < self->relays->len; i++) {
        KftFoundRelay *relay = g_ptr_array_index(self->relays, i);
        if (strcmp(relay->name, name) == 0)
            return relay;
    }
    return NULL;
}

static void delete_named(State *self, const Arguments *args)
{
    for (char **name = args->names; *name != NULL; name++) {
        KftFoundRelay *relay = find_relay(self, *name);
        if (relay != NULL) {
            post_deletion(self, args, relay);
            continue;
        }
        kft_print_error("there is no relay \"%s\"", *name);
        self->has_failed = true;
    }
}

static void delete_orphaned(State *self, const Arguments *args)
{
    for (guint i = 0; i < self->relays->len; i++) {
        KftFoundRelay *relay = g_ptr_array_index(self->relays, i);
        if (relay->is_own && !relay->is_active)
            post_deletion(self, args, relay);
    }
    if (g_hash_table_size(self->deletions) == 0)
        kft_print_note("No relay of this installation is orphaned");
}

/* --- showing --- */

static const char *describe_use(const KftFoundRelay *relay)
{
    if (!relay->is_own)
        return "other";
    return relay->is_active ? "active" : "orphaned";
}

static char *describe_owner(const KftFoundRelay *relay)
{
    if (relay->owner == NULL)
        return g_strdup(relay->installation);
    return g_strdup_printf("%s%s%s", relay->owner, relay->host != NULL ? "@" : "",
                           relay->host != NULL ? relay->host : "");
}

/* As kubectl shows it, in the largest unit: "40s", "12m", "3h", "5d". */
static char *describe_age(const KftFoundRelay *relay)
{
    static const struct {
        gint64 seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    gint64 age = MAX(g_get_real_time() / G_USEC_PER_SEC - relay->created, 0);
    size_t i = 0;

    if (relay->created == 0)
        return NULL;
    while (i + 1 < G_N_ELEMENTS(units) && age < 2 * units[i].seconds)
        i++;
    return g_strdup_printf("%" G_GINT64_FORMAT "%c", age / units[i].seconds, units[i].unit);
}

static void print_table(const State *self)
{
    static const KftTableColumn columns[] = {{.heading = "NAMESPACE", .is_flexible = true},
                                             {.heading = "POD", .is_flexible = true},
                                             {.heading = "USE"},
                                             {.heading = "PHASE"},
                                             {.heading = "WHOSE", .is_flexible = true},
                                             {.heading = "FOR", .is_flexible = true},
                                             {.heading = "AGE", .is_flexible = true}};
    g_autoptr(KftTable) table = kft_table_new(columns, G_N_ELEMENTS(columns));

    for (guint i = 0; i < self->relays->len; i++) {
        const KftFoundRelay *relay = g_ptr_array_index(self->relays, i);
        bool is_orphaned = relay->is_own && !relay->is_active;
        g_autofree char *owner = describe_owner(relay);
        g_autofree char *age = describe_age(relay);
        kft_table_add(table, relay->namespace_, KFT_STYLE_PLAIN);
        kft_table_add(table, relay->name, KFT_STYLE_PLAIN);
        KftStyle other = relay->is_active ? KFT_STYLE_GOOD : KFT_STYLE_DIM;
        kft_table_add(table, describe_use(relay), is_orphaned ? KFT_STYLE_BAD : other);
        kft_table_add(table, relay->phase, KFT_STYLE_PLAIN);
        kft_table_add(table, owner, KFT_STYLE_PLAIN);
        kft_table_add(table, relay->purpose, KFT_STYLE_PLAIN);
        kft_table_add(table, age, KFT_STYLE_PLAIN);
    }
    kft_table_print(table);
}

static void print_json(const State *self)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ false);

    kft_json_output_begin_array(json, NULL);
    for (guint i = 0; i < self->relays->len; i++) {
        const KftFoundRelay *relay = g_ptr_array_index(self->relays, i);
        kft_json_output_begin_object(json, NULL);
        kft_json_output_text(json, "context", self->context);
        kft_json_output_text(json, "namespace", relay->namespace_);
        kft_json_output_text(json, "pod", relay->name);
        kft_json_output_text(json, "use", describe_use(relay));
        kft_json_output_text(json, "phase", relay->phase);
        kft_json_output_text(json, "installation", relay->installation);
        kft_json_output_text(json, "owner", relay->owner);
        kft_json_output_text(json, "host", relay->host);
        kft_json_output_text(json, "for", relay->purpose);
        kft_json_output_int(json, "created", relay->created);
        kft_json_output_end(json);
    }
    kft_json_output_end(json);
    kft_json_output_print(json);
}

static void show_relays(const State *self, bool is_json)
{
    if (is_json)
        print_json(self);
    else if (self->relays->len > 0)
        print_table(self);
    else
        kft_print_note("No relays");
}

/* --- the command --- */

static bool run_relays(const Arguments *args)
{
    g_auto(State) self = {.deletions = g_hash_table_new(g_direct_hash, g_direct_equal)};

    if (!kft_options_check_words(&kft_cli_relays, &args->common, 0))
        return false;
    if (args->prints_template) {
        kft_print_text(kft_relay_get_template());
        return true;
    }
    self.inquiry = kft_inquiry_new(on_answer, &self);
    if (self.inquiry == NULL)
        return false;
    kft_inquiry_find_logins(self.inquiry);
    if (!ask_relays(&self, args))
        return false;
    if (args->names != NULL)
        delete_named(&self, args);
    else if (args->cleans)
        delete_orphaned(&self, args);
    else
        show_relays(&self, args->common.is_json);
    return kft_inquiry_wait(self.inquiry) && !self.has_failed;
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_relays, argc, argv, &args.common, &status))
        return status;
    if (run_relays(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_relays, &args.common);
    return status;
}

static const KftCliOption options[] = {
    {"context", 0, KFT_OPTION_TEXT, offsetof(Arguments, context),
     "kubeconfig context (default: the current one)", "NAME", KFT_VALUE_CONTEXT},
    {"kubeconfig", 0, KFT_OPTION_FILE, offsetof(Arguments, kubeconfig),
     "kubeconfig file (default: $KUBECONFIG, ~/.kube/config)", "FILE", KFT_VALUE_FILE},
    {"namespace", 'n', KFT_OPTION_TEXT, offsetof(Arguments, namespace_),
     "Only this namespace (default: all that may be listed)", "NS", KFT_VALUE_NAMESPACE},
    {"delete", 0, KFT_OPTION_TEXTS, offsetof(Arguments, names),
     "Delete this one, whether it is in use or not; only those of this installation", "POD",
     KFT_VALUE_NONE},
    {"clean", 0, KFT_OPTION_FLAG, offsetof(Arguments, cleans),
     "Delete those of this installation that no program uses any more", NULL, KFT_VALUE_NONE},
    {"template", 0, KFT_OPTION_FLAG, offsetof(Arguments, prints_template),
     "Print the built-in template of the pods, to begin an own one with", NULL, KFT_VALUE_NONE},
    KFT_OPTION_JSON,
    {0},
};

static const char description[] =
    "Lists the relay pods of a cluster, which carry UDP and addresses beyond the cluster: active\n"
    "are those of programs that run here, orphaned those that a crash left, other those of other\n"
    "users or machines, which are never touched.";

const KftCliCommand kft_cli_relays = {
    .name = "relays",
    .summary = "List relay pods in a cluster, and delete what is left over",
    .description = description,
    .examples = "  kftrayctl relays --context staging\n"
                "\n"
                "  # Delete what crashed programs left\n"
                "  kftrayctl relays --clean\n"
                "\n"
                "  # Pods of your own kind from now on\n"
                "  kftrayctl relays --template > ~/.config/kftray/relay-pod.yaml",
    .options = options,
    .run = run,
};
