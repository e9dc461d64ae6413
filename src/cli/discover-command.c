/* kftrayctl discover: the services of a cluster that can be forwarded, and storing some of them. */
#include <kftray/share.h>
#include <kftray/store.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "discovery.h"
#include "input.h"
#include "inquiry.h"
#include "json-output.h"
#include "output.h"
#include "plan-view.h"
#include "select.h"
#include "table.h"

typedef struct {
    KftCliArguments common;
    char *kubeconfig;
    char *context;
    char *namespace_;
    char *timeout;
    gboolean is_everywhere;
    gboolean is_adding;
    gboolean is_dry;
    gboolean is_agreed;
} Arguments;

/* What the cluster said. */
typedef struct {
    const char *kubeconfig; /* as it is stored; nullable */
    char *context;
    char *note;  /* nullable */
    char *error; /* nullable; then there is nothing else */
    KftDiscovery *discovery;
} Found;

static void found_clear(Found *self)
{
    g_free(self->context);
    g_free(self->note);
    g_free(self->error);
    kft_discovery_free(self->discovery);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Found, found_clear)

/* --- asking --- */

static void on_answer(const KftAnswer *answer, void *user_data)
{
    Found *found = user_data;

    found->context = g_strdup(answer->context);
    found->note = g_strdup(answer->note);
    found->error = g_strdup(answer->error);
    if (answer->error == NULL)
        found->discovery = kft_discovery_new(answer, found->kubeconfig);
}

/* A stored config is used from any folder. */
static char *make_absolute(const char *kubeconfig)
{
    if (kubeconfig == NULL)
        return NULL;
    if (g_file_test(kubeconfig, G_FILE_TEST_EXISTS))
        return g_canonicalize_filename(kubeconfig, NULL);
    g_auto(GStrv) files = g_strsplit(kubeconfig, G_SEARCHPATH_SEPARATOR_S, -1);
    for (char **file = files; *file != NULL; file++) {
        char *absolute = **file != '\0' ? g_canonicalize_filename(*file, NULL) : g_strdup("");
        g_free(*file);
        *file = absolute;
    }
    return g_strjoinv(G_SEARCHPATH_SEPARATOR_S, files);
}

static bool ask(const Arguments *args, uint32_t timeout_ms, Found *found)
{
    g_autoptr(KftInquiry) inquiry = kft_inquiry_new(on_answer, found);
    KftQuery *query = NULL;

    if (inquiry == NULL)
        return false;
    kft_inquiry_find_logins(inquiry);
    query = kft_query_new((KftQueryId){0}, KFT_QUERY_SERVICES);
    query->kubeconfig = g_strdup(args->kubeconfig);
    query->context = g_strdup(args->context);
    query->namespace_ = g_strdup(args->namespace_);
    query->all_namespaces = args->is_everywhere;
    query->timeout_ms = timeout_ms;
    (void)kft_inquiry_post(inquiry, query);
    if (!kft_inquiry_wait(inquiry))
        return false;
    if (found->error != NULL)
        kft_print_error("%s", found->error);
    return found->error == NULL;
}

/* --- the list --- */

static char *describe_port(const KftDiscovered *item)
{
    const KftFoundPort *port = item->port;
    const char *protocol = item->config->protocol == KFT_PROTOCOL_UDP ? "/udp" : "";

    if (port == NULL)
        return g_strdup_printf("%u%s", item->config->remote_port, protocol);
    if (port->name == NULL)
        return g_strdup_printf("%u%s", port->number, protocol);
    return g_strdup_printf("%u%s (%s)", port->number, protocol, port->name);
}

static char *describe_port_target(const KftDiscovered *item)
{
    const KftFoundPort *port = item->port;

    if (port == NULL)
        return NULL;
    return port->target_name != NULL ? g_strdup(port->target_name)
                                     : g_strdup_printf("%u", port->target_number);
}

static void print_table(const KftDiscovery *discovery)
{
    static const KftTableColumn columns[] = {
        {.heading = "NAMESPACE", .is_flexible = true}, {.heading = "SERVICE", .is_flexible = true},
        {.heading = "PORT", .is_flexible = true},      {.heading = "TARGET", .is_flexible = true},
        {.heading = "ALIAS", .is_flexible = true},     {.heading = "ANNOTATED"},
        {.heading = "STORED", .is_flexible = true}};
    g_autoptr(KftTable) table = kft_table_new(columns, G_N_ELEMENTS(columns));

    for (guint i = 0; i < discovery->items->len; i++) {
        const KftDiscovered *item = g_ptr_array_index(discovery->items, i);
        g_autofree char *port = describe_port(item);
        g_autofree char *target = describe_port_target(item);
        g_autofree char *stored = item->stored != NULL ? kft_select_describe(item->stored) : NULL;
        kft_table_add(table, item->service->namespace_, KFT_STYLE_PLAIN);
        kft_table_add(table, item->service->name, KFT_STYLE_PLAIN);
        kft_table_add(table, port, KFT_STYLE_PLAIN);
        kft_table_add(table, target, KFT_STYLE_PLAIN);
        kft_table_add(table, item->config->alias, KFT_STYLE_PLAIN);
        kft_table_add(table, item->service->is_enabled ? "yes" : NULL, KFT_STYLE_PLAIN);
        kft_table_add(table, stored, KFT_STYLE_GOOD);
    }
    kft_table_print(table);
}

static void write_item(KftJsonOutput *json, const KftDiscovered *item)
{
    g_autofree char *target = describe_port_target(item);

    kft_json_output_begin_object(json, NULL);
    kft_json_output_text(json, "namespace", item->service->namespace_);
    kft_json_output_text(json, "service", item->service->name);
    kft_json_output_uint(json, "port",
                         item->port != NULL ? item->port->number : item->config->remote_port);
    kft_json_output_text(json, "port_name", item->port != NULL ? item->port->name : NULL);
    kft_json_output_text(json, "target", target);
    kft_json_output_text(json, "protocol", kft_protocol_name(item->config->protocol));
    kft_json_output_text(json, "alias", item->config->alias);
    kft_json_output_uint(json, "local_port", item->config->local_port);
    kft_json_output_bool(json, "annotated", item->service->is_enabled);
    if (item->stored != NULL)
        kft_json_output_int(json, "stored_id", item->stored->id.v);
    else
        kft_json_output_text(json, "stored_id", NULL);
    kft_json_output_end(json);
}

static void print_json(const Found *found)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ false);

    kft_json_output_begin_object(json, NULL);
    kft_json_output_text(json, "context", found->context);
    kft_json_output_text(json, "note", found->note);
    kft_json_output_begin_array(json, "items");
    for (guint i = 0; i < found->discovery->items->len; i++)
        write_item(json, g_ptr_array_index(found->discovery->items, i));
    kft_json_output_end(json);
    kft_json_output_end(json);
    kft_json_output_print(json);
}

static void print_list(const Arguments *args, const Found *found)
{
    if (args->common.is_json)
        print_json(found);
    else if (found->discovery->items->len > 0)
        print_table(found->discovery);
    else
        kft_print_note("There is no service that can be forwarded%s",
                       args->is_everywhere ? "" : " in this namespace; -A looks in all");
}

/* --- storing --- */

/* What is stored already stays as it is, unless the service's annotation says how it shall be. */
static GPtrArray *list_wanted(const KftDiscovery *discovery)
{
    GPtrArray *wanted = g_ptr_array_new();

    for (guint i = 0; i < discovery->items->len; i++) {
        KftDiscovered *item = g_ptr_array_index(discovery->items, i);
        if (item->stored != NULL && !item->service->is_enabled)
            kft_print_note("Stored already: %s/%s as \"%s\"", item->service->namespace_,
                           item->service->name, item->stored->alias);
        else
            g_ptr_array_add(wanted, item->config);
    }
    return wanted;
}

static bool is_agreed(const Arguments *args, const KftImportPlan *plan)
{
    bool has_terminal = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;

    if (args->is_agreed || (plan->n_changed == 0 && !has_terminal))
        return true;
    g_autofree char *summary = kft_plan_summarize(plan);
    g_autofree char *question = g_strdup_printf("Store this (%s)", summary);
    return kft_input_ask(question);
}

static bool put(KftStore *store, KftImportPlan *plan)
{
    g_autoptr(GError) error = NULL;

    kft_import_plan_use_free_ports(plan);
    g_autoptr(GPtrArray) changes = kft_import_plan_list_changes(plan);
    if (kft_store_put_configs(store, (KftConfig *const *)changes->pdata, changes->len, &error))
        return true;
    kft_print_error("%s", error->message);
    return false;
}

static bool add(const Arguments *args, const Found *found, KftStore *store, const GPtrArray *stored)
{
    g_autoptr(GPtrArray) wanted = list_wanted(found->discovery);
    g_autoptr(KftImportPlan) plan = kft_import_plan_new(wanted, stored);
    g_autofree char *summary = kft_plan_summarize(plan);
    bool has_changes = plan->n_new + plan->n_changed + plan->n_conflicts > 0;

    if (!args->common.is_json)
        kft_plan_print(plan, /* with_new */ true);
    if (!args->is_dry && has_changes && (!is_agreed(args, plan) || !put(store, plan)))
        return false;
    if (args->common.is_json)
        kft_plan_print_json(plan, /* is_stored */ !args->is_dry);
    else if (args->is_dry)
        kft_print_line("%s; nothing was stored", summary);
    else if (!has_changes)
        kft_print_line("There is nothing to store");
    else
        kft_print_line("Stored: %s%s", summary,
                       plan->n_conflicts > 0 ? ", solved by the free ports" : "");
    return true;
}

static bool select_for_adding(const Arguments *args, KftDiscovery *discovery)
{
    if (*args->common.words != NULL)
        return true;
    kft_discovery_select_annotated(discovery);
    if (discovery->items->len > 0)
        return true;
    kft_print_error("no service here has the annotation kftray.app/enabled; say which services to "
                    "add: kftrayctl discover --add NAME…, \"*\" for all");
    return false;
}

/* --- the command --- */

static bool show(const Arguments *args, const Found *found)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftStore) store = kft_store_open(/* dir */ NULL, &error);
    g_autoptr(GPtrArray) stored = store != NULL ? kft_store_list_configs(store, &error) : NULL;

    if (stored != NULL) {
        kft_discovery_compare(found->discovery, stored);
    } else if (args->is_adding) {
        kft_print_error("%s", error->message);
        return false;
    } else {
        kft_print_note("What is stored already is not known: %s", error->message);
    }
    if (args->is_adding)
        return add(args, found, store, stored);
    print_list(args, found);
    return true;
}

static bool check(const Arguments *args)
{
    if (args->is_everywhere && args->namespace_ != NULL) {
        kft_print_error("--namespace and --all-namespaces exclude each other");
        return false;
    }
    if (!args->is_adding && (args->is_dry || args->is_agreed)) {
        kft_print_error("--%s is for --add only", args->is_dry ? "dry-run" : "yes");
        return false;
    }
    return true;
}

static bool discover(const Arguments *args)
{
    g_autofree char *kubeconfig = make_absolute(args->kubeconfig);
    g_auto(Found) found = {.kubeconfig = kubeconfig};
    uint32_t timeout_ms = KFT_DEFAULT_QUERY_MS;

    if (!check(args) || !kft_inquiry_take_timeout(args->timeout, &timeout_ms) ||
        !ask(args, timeout_ms, &found))
        return false;
    if (found.note != NULL && !args->common.is_json)
        kft_print_note("Note: %s", found.note);
    for (guint i = 0; *args->common.words == NULL && i < found.discovery->skipped->len; i++)
        kft_print_note("Skipped: %s", (const char *)found.discovery->skipped->pdata[i]);
    if (*args->common.words != NULL && !kft_discovery_select(found.discovery, args->common.words))
        return false;
    if (args->is_adding && !select_for_adding(args, found.discovery))
        return false;
    return show(args, &found);
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_discover, argc, argv, &args.common, &status))
        return status;
    if (discover(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_discover, &args.common);
    return status;
}

static const KftCliOption options[] = {
    {"namespace", 'n', KFT_OPTION_TEXT, offsetof(Arguments, namespace_),
     "Namespace (default: that of the context)", "NS", KFT_VALUE_NAMESPACE},
    {"all-namespaces", 'A', KFT_OPTION_FLAG, offsetof(Arguments, is_everywhere),
     "All namespaces that may be seen", NULL, KFT_VALUE_NONE},
    {"context", 0, KFT_OPTION_TEXT, offsetof(Arguments, context),
     "kubeconfig context (default: the current one)", "NAME", KFT_VALUE_CONTEXT},
    {"kubeconfig", 0, KFT_OPTION_FILE, offsetof(Arguments, kubeconfig),
     "kubeconfig file, or several joined by \":\" (default: $KUBECONFIG, ~/.kube/config)", "FILE",
     KFT_VALUE_FILE},
    {"add", 0, KFT_OPTION_FLAG, offsetof(Arguments, is_adding),
     "Store forwards to the named services, or to all that are annotated", NULL, KFT_VALUE_NONE},
    {"dry-run", 0, KFT_OPTION_FLAG, offsetof(Arguments, is_dry),
     "With --add: show what would be stored, and store nothing", NULL, KFT_VALUE_NONE},
    {"yes", 'y', KFT_OPTION_FLAG, offsetof(Arguments, is_agreed), "With --add: do not ask", NULL,
     KFT_VALUE_NONE},
    {"timeout", 0, KFT_OPTION_TEXT, offsetof(Arguments, timeout),
     "How long the cluster has to answer (default: 30s)", "TIME", KFT_VALUE_NONE},
    KFT_OPTION_JSON,
    {0},
};

static const char description[] =
    "Lists the services of a cluster that can be forwarded, one line for each forward: what the\n"
    "service's annotations say (kftray.app/enabled, kftray.app/configs), else one for each of\n"
    "its ports. NAME is a service, with its namespace or a port if need be: web, shop/web,\n"
    "web:http, web:80; \"*\" stands for anything.\n"
    "\n"
    "With --add they are stored, after a preview; a local port that another config has is\n"
    "replaced by a free one. Without the right to list all namespaces, -A shows those that can\n"
    "be seen, and says so.";

const KftCliCommand kft_cli_discover = {
    .name = "discover",
    .summary = "List services of a cluster, and store forwards to them",
    .usage = "[NAME…]",
    .description = description,
    .examples = "  kftrayctl discover --context staging -n shop\n"
                "\n"
                "  # Store forwards to all annotated services of the cluster, without questions\n"
                "  kftrayctl discover -A --add --yes\n"
                "\n"
                "  # What would be stored for one port of one service\n"
                "  kftrayctl discover --add web:http --dry-run",
    .options = options,
    .run = run,
};
