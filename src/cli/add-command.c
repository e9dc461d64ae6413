/* kftrayctl add: stores new configs, from KEY=VALUE words or from what "forward" takes. */
#include <kftray/store.h>
#include <string.h>

#include "assign.h"
#include "catalog.h"
#include "command.h"
#include "output.h"
#include "select.h"

typedef struct {
    KftCliArguments common;
    char *namespace_;
    char *context;
    char *kubeconfig;
    char *selector;
    char *address;
    char *transport;
    char *alias;
    char *group;
    gboolean is_forced;
} Arguments;

/* --- what the words say --- */

static bool set(KftConfig *config, const char *key, const char *value)
{
    g_autoptr(GError) error = NULL;

    if (value == NULL || kft_config_set(config, key, value, &error))
        return true;
    kft_print_error("%s", error->message);
    return false;
}

static bool set_default(KftConfig *config, KftStore *store, KftSetting setting, const char *key)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *value = kft_store_get_setting(store, setting, &error);

    if (value != NULL)
        return set(config, key, value);
    kft_print_error("%s", error->message);
    return false;
}

/* "svc/web" is a service, "deploy/web" and "web-0" are pods. */
static bool set_target(KftConfig *config, const char *target)
{
    static const char *const services[] = {"svc/", "service/", "services/"};

    for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
        if (g_str_has_prefix(target, services[i]))
            return set(config, "workload_type", "service") &&
                   set(config, "service", target + strlen(services[i]));
    }
    g_autofree char *object =
        strchr(target, '/') != NULL ? g_strdup(target) : g_strconcat("pod/", target, NULL);
    return set(config, "workload_type", "pod") && set(config, "object", object);
}

/* "[LOCAL:]REMOTE" as forward takes it, but a stored port is a number. */
static bool set_ports(KftConfig *config, const char *word)
{
    g_auto(GStrv) parts = g_strsplit(word, ":", 2);
    const char *local = parts[0];
    const char *remote = parts[1] == NULL ? parts[0] : parts[1];

    return set(config, "remote_port", remote) && set(config, "local_port", local);
}

static bool set_options(KftConfig *config, const Arguments *args)
{
    return set(config, "namespace", args->namespace_) && set(config, "context", args->context) &&
           set(config, "kubeconfig", args->kubeconfig) && set(config, "group", args->group) &&
           set(config, "local_address", args->address) &&
           set(config, "transport", args->transport) && set(config, "alias", args->alias);
}

/* All but the ports. */
static KftConfig *make_base(const Arguments *args, KftStore *store, const char *target)
{
    g_autoptr(KftConfig) config = kft_config_new();

    if (!set_default(config, store, KFT_SETTING_DEFAULT_LOCAL_ADDRESS, "local_address") ||
        !set_default(config, store, KFT_SETTING_DEFAULT_TRANSPORT, "transport") ||
        !set_options(config, args))
        return NULL;
    if (args->selector != NULL &&
        (!set(config, "workload_type", "pod") || !set(config, "target", args->selector)))
        return NULL;
    if (target != NULL && !set_target(config, target))
        return NULL;
    for (char **word = args->common.words; *word != NULL; word++) {
        if (kft_assign_is_one(*word) && !kft_assign(config, *word))
            return NULL;
    }
    return g_steal_pointer(&config);
}

/* Several configs of one command share the alias but for the port. */
static KftConfig *make_one(const KftConfig *base, const char *ports, bool is_one_of_several)
{
    g_autoptr(KftConfig) config = kft_config_copy(base);

    if (!set_ports(config, ports))
        return NULL;
    if (is_one_of_several && config->alias != NULL) {
        g_autofree char *alias = g_strdup_printf("%s-%u", config->alias, config->remote_port);
        if (!set(config, "alias", alias))
            return NULL;
    }
    return g_steal_pointer(&config);
}

/* Words that are no assignments: [TARGET] PORTS…. Returns: (transfer container), borrows. */
static GPtrArray *list_plain_words(const Arguments *args)
{
    GPtrArray *words = g_ptr_array_new();

    for (char **word = args->common.words; *word != NULL; word++) {
        if (!kft_assign_is_one(*word))
            g_ptr_array_add(words, *word);
    }
    return words;
}

static bool check_words(const Arguments *args, const GPtrArray *plain)
{
    guint n_targets = args->selector == NULL ? 1 : 0;

    if (*args->common.words == NULL && args->selector == NULL) {
        kft_print_error("say what to add: kftrayctl add TARGET [LOCAL:]REMOTE, or KEY=VALUE…; see "
                        "\"kftrayctl add --help\"");
        return false;
    }
    if (plain->len > 0 && plain->len < n_targets + 1) {
        kft_print_error("\"%s\" is not KEY=VALUE; if it is the target, say which port, too: "
                        "[LOCAL:]REMOTE",
                        (const char *)plain->pdata[0]);
        return false;
    }
    return true;
}

/* Returns: (transfer full). */
static GPtrArray *make_configs(const Arguments *args, KftStore *store)
{
    g_autoptr(GPtrArray) plain = list_plain_words(args);
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    guint n_targets = args->selector == NULL && plain->len > 0 ? 1 : 0;

    if (!check_words(args, plain))
        return NULL;
    KftConfig *base = make_base(args, store, n_targets == 1 ? plain->pdata[0] : NULL);
    if (base == NULL)
        return NULL;
    if (plain->len == 0) {
        g_ptr_array_add(configs, base);
        return g_steal_pointer(&configs);
    }
    for (guint i = n_targets; i < plain->len; i++) {
        KftConfig *config = make_one(base, plain->pdata[i], plain->len > n_targets + 1);
        if (config == NULL)
            break;
        g_ptr_array_add(configs, config);
    }
    kft_config_free(base);
    return configs->len == plain->len - n_targets ? g_steal_pointer(&configs) : NULL;
}

/* --- storing --- */

/* Each is checked against what is stored and against those before it. */
static bool check_configs(const GPtrArray *configs, const GPtrArray *stored)
{
    g_autoptr(GPtrArray) others = g_ptr_array_new();

    for (guint i = 0; i < stored->len; i++)
        g_ptr_array_add(others, stored->pdata[i]);
    for (guint i = 0; i < configs->len; i++) {
        if (!kft_assign_check(configs->pdata[i], others))
            return false;
        g_ptr_array_add(others, configs->pdata[i]);
    }
    return true;
}

static void print_added(gpointer data, gpointer user_data)
{
    const KftConfig *config = data;
    (void)user_data;
    g_autofree char *name = kft_select_describe(config);
    g_autofree char *local = kft_config_describe_local(config);
    g_autofree char *target = kft_config_describe_target(config);

    kft_print_line("Added %s: %s -> %s", name, local, target);
}

static bool add(const Arguments *args)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftCatalog) catalog = kft_catalog_open();
    if (catalog == NULL)
        return false;
    g_autoptr(GPtrArray) configs = make_configs(args, catalog->store);
    if (configs == NULL || (!args->is_forced && !check_configs(configs, catalog->configs)))
        return false;
    if (!kft_store_put_configs(catalog->store, (KftConfig *const *)configs->pdata, configs->len,
                               &error)) {
        kft_print_error("%s", error->message);
        return false;
    }
    if (args->common.is_json)
        kft_catalog_print_json_list(catalog, configs);
    else
        g_ptr_array_foreach(configs, print_added, NULL);
    return true;
}

static int run(int argc, char **argv)
{
    Arguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_add, argc, argv, &args.common, &status))
        return status;
    if (add(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_add, &args.common);
    return status;
}

static const char description[] =
    "TARGET and ports are as for \"kftrayctl forward\": svc/web, deploy/web, pod/web-0 or web-0. "
    "The "
    "keys\n"
    "are those of the JSON format; each port becomes a config of its own. Without a local port (or "
    "with\n"
    "local_port=0) a free one is chosen, and kept from then on.";

static const char examples[] =
    "  # Local 8080 to port 80 of a service\n"
    "  kftrayctl add svc/web 8080:80 -n shop --context staging --alias web\n"
    "\n"
    "  # The same, by keys\n"
    "  kftrayctl add service=web namespace=shop local_port=8080 remote_port=80\n"
    "\n"
    "  # A database that the cluster can reach, on any free local port\n"
    "  kftrayctl add workload_type=proxy remote_address=db.example.com remote_port=5432 "
    "namespace=shop\n"
    "\n"
    "  # The best pod with these labels, and a note\n"
    "  kftrayctl add -l app=web,tier=front 8080 note=\"the new front end\"";

static const KftCliOption options[] = {
    {"alias", 0, KFT_OPTION_TEXT, offsetof(Arguments, alias),
     "Name of the config (default: from the target)", "NAME", KFT_VALUE_NONE},
    {"namespace", 'n', KFT_OPTION_TEXT, offsetof(Arguments, namespace_),
     "Namespace (default: that of the context)", "NS", KFT_VALUE_NAMESPACE},
    {"context", 0, KFT_OPTION_TEXT, offsetof(Arguments, context),
     "kubeconfig context (default: the current one, at each start)", "NAME", KFT_VALUE_CONTEXT},
    {"kubeconfig", 0, KFT_OPTION_TEXT, offsetof(Arguments, kubeconfig),
     "kubeconfig file (default: $KUBECONFIG, ~/.kube/config)", "FILE", KFT_VALUE_FILE},
    {"selector", 'l', KFT_OPTION_TEXT, offsetof(Arguments, selector),
     "Label selector instead of TARGET", "LABELS", KFT_VALUE_NONE},
    {"address", 0, KFT_OPTION_TEXT, offsetof(Arguments, address),
     "Local address (default: the setting default_local_address)", "ADDRESS", KFT_VALUE_NONE},
    {"transport", 0, KFT_OPTION_TEXT, offsetof(Arguments, transport),
     "auto, tunnel, spdy or websocket (default: the setting default_transport)", "NAME",
     KFT_VALUE_TRANSPORT},
    {"group", 0, KFT_OPTION_TEXT, offsetof(Arguments, group), "Group for the list", "NAME",
     KFT_VALUE_NONE},
    {"force", 0, KFT_OPTION_FLAG, offsetof(Arguments, is_forced),
     "Store it even if its local address or the forward itself is there already", NULL,
     KFT_VALUE_NONE},
    KFT_OPTION_JSON,
    {0},
};

const KftCliCommand kft_cli_add = {
    .name = "add",
    .summary = "Store a new config",
    .usage = "{TARGET [LOCAL:]REMOTE… | KEY=VALUE…}",
    .description = description,
    .examples = examples,
    .options = options,
    .words = KFT_VALUE_ASSIGNMENT,
    .run = run,
};
