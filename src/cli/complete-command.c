/* kftrayctl __complete WORD…: what the last word may become, one candidate a line, with a tab and
 * an explanation behind. The shells' scripts in packaging/completion only pass words on and show
 * what comes back; everything that is known about the command line is known here. "__files" alone
 * in the output leaves it to the shell, which knows more about files. Nothing here may disturb a
 * prompt: errors are silent, clusters are asked for at most two seconds. */
#include <kftray/store.h>
#include <string.h>

#include "assign.h"
#include "command.h"
#include "inquiry.h"
#include "output.h"

#define CLUSTER_MS 2000

typedef struct {
    const char *prefix; /* stands before each candidate: "--context=" */
    const char *begun;  /* what the candidate must begin with */
    /* From the words before, nullable, borrowed. */
    const char *kubeconfig;
    const char *context;
    const char *namespace_;
} Request;

static void offer(const Request *request, const char *word, const char *explanation)
{
    if (!g_str_has_prefix(word, request->begun) || strpbrk(word, "\n\t") != NULL)
        return;
    kft_print_line("%s%s\t%s", request->prefix, word, explanation == NULL ? "" : explanation);
}

static void offer_words(const Request *request, const char *const *words)
{
    for (const char *const *word = words; *word != NULL; word++)
        offer(request, *word, NULL);
}

/* --- what is stored --- */

static void offer_configs(const Request *request)
{
    g_autoptr(KftStore) store = kft_store_open(/* dir */ NULL, NULL);
    g_autoptr(GPtrArray) configs = store == NULL ? NULL : kft_store_list_configs(store, NULL);

    for (guint i = 0; configs != NULL && i < configs->len; i++) {
        const KftConfig *config = configs->pdata[i];
        g_autofree char *target = kft_config_describe_target(config);
        g_autofree char *id = g_strdup_printf("%" G_GINT64_FORMAT, config->id.v);
        offer(request, config->alias, target);
        if (*request->begun != '\0')
            offer(request, id, config->alias);
    }
}

static void offer_settings(const Request *request)
{
    for (int i = 0; i < KFT_N_SETTINGS; i++) {
        const KftSettingInfo *info = kft_setting_info((KftSetting)i);
        offer(request, info->name, info->summary);
    }
}

static void offer_setting_values(const Request *request, const char *name)
{
    static const char *const switches[] = {"true", "false", NULL};
    KftSetting setting = KFT_SETTING_GROUP_BY;

    if (!kft_setting_find(name, &setting))
        return;
    const KftSettingInfo *info = kft_setting_info(setting);
    if (info->words != NULL)
        offer_words(request, info->words);
    else if (info->type == KFT_SETTING_TYPE_BOOL)
        offer_words(request, switches);
    else
        offer(request, info->default_value, "default");
}

/* --- what clusters and kubeconfigs hold --- */

static void on_answer(const KftAnswer *answer, void *user_data)
{
    const Request *request = user_data;

    for (guint i = 0; i < answer->items->len; i++) {
        const void *item = answer->items->pdata[i];
        if (answer->type == KFT_QUERY_CONTEXTS) {
            const KftFoundContext *context = item;
            offer(request, context->name, context->cluster);
        } else if (answer->type == KFT_QUERY_NAMESPACES) {
            offer(request, item, NULL);
        } else if (answer->type == KFT_QUERY_SERVICES) {
            g_autofree char *target =
                g_strconcat("svc/", ((const KftFoundService *)item)->name, NULL);
            offer(request, target, NULL);
        } else if (answer->type == KFT_QUERY_WORKLOADS) {
            offer(request, ((const KftFoundWorkload *)item)->object, NULL);
        }
    }
}

static void ask(const Request *request, const KftQueryType *types, size_t n_types)
{
    Request copy = *request;
    g_autoptr(KftInquiry) inquiry = kft_inquiry_new(on_answer, &copy);

    if (inquiry == NULL)
        return;
    for (size_t i = 0; i < n_types; i++) {
        KftQuery *query = kft_query_new((KftQueryId){1}, types[i]);
        query->kubeconfig = g_strdup(request->kubeconfig);
        query->context = g_strdup(request->context);
        query->namespace_ = g_strdup(request->namespace_);
        query->timeout_ms = CLUSTER_MS;
        (void)kft_inquiry_post(inquiry, query);
    }
    (void)kft_inquiry_wait(inquiry);
}

static void ask_one(const Request *request, KftQueryType type)
{
    ask(request, &type, 1);
}

static void offer_targets(const Request *request)
{
    static const KftQueryType types[] = {KFT_QUERY_SERVICES, KFT_QUERY_WORKLOADS};

    ask(request, types, G_N_ELEMENTS(types));
}

/* --- values --- */

static void offer_transports(const Request *request)
{
    static const char *const words[] = {
#define TRANSPORT_WORD(name, text) (text),
        KFT_TRANSPORTS(TRANSPORT_WORD)
#undef TRANSPORT_WORD
            NULL};
    offer_words(request, words);
}

/* Of KEY=VALUE, by the key. */
static void offer_field_values(const Request *request, const char *key)
{
    static const char *const workloads[] = {
#define WORKLOAD_WORD(name, text) (text),
        KFT_WORKLOAD_TYPES(WORKLOAD_WORD)
#undef WORKLOAD_WORD
            NULL};
    static const char *const protocols[] = {
#define PROTOCOL_WORD(name, text) (text),
        KFT_PROTOCOLS(PROTOCOL_WORD)
#undef PROTOCOL_WORD
            NULL};
    static const char *const balances[] = {
#define BALANCE_WORD(name, text) (text),
        KFT_BALANCES(BALANCE_WORD)
#undef BALANCE_WORD
            NULL};
    static const char *const switches[] = {"true", "false", NULL};

    if (strcmp(key, "workload_type") == 0)
        offer_words(request, workloads);
    else if (strcmp(key, "protocol") == 0)
        offer_words(request, protocols);
    else if (strcmp(key, "transport") == 0)
        offer_transports(request);
    else if (strcmp(key, "balance") == 0)
        offer_words(request, balances);
    else if (strcmp(key, "context") == 0)
        ask_one(request, KFT_QUERY_CONTEXTS);
    else if (strcmp(key, "namespace") == 0)
        ask_one(request, KFT_QUERY_NAMESPACES);
    else if (g_str_has_suffix(key, "_enabled") || g_str_has_prefix(key, "auto_"))
        offer_words(request, switches);
}

static void offer_assignments(const Request *request)
{
    if (kft_assign_is_one(request->begun)) {
        const char *value = strchr(request->begun, '=') + 1;
        g_autofree char *prefix = g_strndup(request->begun, (gsize)(value - request->begun));
        g_autofree char *key = g_strndup(prefix, strlen(prefix) - 1);
        Request inner = *request;
        inner.prefix = prefix;
        inner.begun = value;
        offer_field_values(&inner, key);
        return;
    }
    for (const char *const *key = kft_config_keys(); *key != NULL; key++) {
        g_autofree char *word = g_strconcat(*key, "=", NULL);
        offer(request, word, NULL);
    }
}

static void offer_commands(const Request *request)
{
    for (const KftCliCommand *const *command = kft_cli_commands; *command != NULL; command++) {
        if (!(*command)->is_hidden)
            offer(request, (*command)->name, (*command)->summary);
    }
}

/* @first: the command's first word that is no option, NULL if it is the one to be completed. */
static void offer_values(const Request *request, KftCliValue value, const char *first)
{
    static const char *const colors[] = {"auto", "always", "never", NULL};
    static const char *const outputs[] = {"wide", "json", NULL};
    static const char *const run_outputs[] = {"table", "lines", "json", NULL};

    switch (value) {
    case KFT_VALUE_NONE:
        return;
    case KFT_VALUE_FILE:
        if (first == NULL)
            kft_print_line("__files");
        else
            offer_configs(request); /* export FILE NAME… */
        return;
    case KFT_VALUE_CONFIG:
        offer_configs(request);
        return;
    case KFT_VALUE_ASSIGNMENT:
        offer_assignments(request);
        if (first == NULL && !kft_assign_is_one(request->begun))
            offer_targets(request);
        return;
    case KFT_VALUE_CONFIG_ASSIGNMENT:
        if (first == NULL)
            offer_configs(request);
        else
            offer_assignments(request);
        return;
    case KFT_VALUE_SETTING:
        if (first == NULL)
            offer_settings(request);
        else
            offer_setting_values(request, first);
        return;
    case KFT_VALUE_CONTEXT:
        ask_one(request, KFT_QUERY_CONTEXTS);
        return;
    case KFT_VALUE_NAMESPACE:
        ask_one(request, KFT_QUERY_NAMESPACES);
        return;
    case KFT_VALUE_TARGET:
        if (first == NULL)
            offer_targets(request);
        return;
    case KFT_VALUE_TRANSPORT:
        offer_transports(request);
        return;
    case KFT_VALUE_COLOR:
        offer_words(request, colors);
        return;
    case KFT_VALUE_OUTPUT:
        offer_words(request, outputs);
        return;
    case KFT_VALUE_RUN_OUTPUT:
        offer_words(request, run_outputs);
        return;
    }
}

/* --- the command line --- */

/* Whether @word is @option, as "--name", "--name=…", "-n" or "-n…". *@ret_value: what is behind it
 * in the same word, else NULL. */
static bool is_option(const KftCliOption *option, const char *word, const char **ret_value)
{
    size_t length = strlen(option->name);

    *ret_value = NULL;
    if (g_str_has_prefix(word, "--") && strncmp(word + 2, option->name, length) == 0 &&
        (word[2 + length] == '\0' || word[2 + length] == '=')) {
        if (word[2 + length] == '=')
            *ret_value = word + 2 + length + 1;
        return true;
    }
    if (option->letter == 0 || word[0] != '-' || word[1] != option->letter)
        return false;
    if (word[2] != '\0')
        *ret_value = word + 2;
    return true;
}

static const KftCliOption *
find_in(const KftCliOption *options, const char *word, const char **ret_value)
{
    for (const KftCliOption *option = options; option != NULL && option->name != NULL; option++) {
        if (is_option(option, word, ret_value))
            return option;
    }
    return NULL;
}

static const KftCliOption *
find_option(const KftCliCommand *command, const char *word, const char **ret_value)
{
    const KftCliOption *option = find_in(command->options, word, ret_value);
    return option != NULL ? option : find_in(kft_options_common, word, ret_value);
}

static void note_option(Request *request, const KftCliOption *option, const char *value)
{
    if (strcmp(option->name, "kubeconfig") == 0)
        request->kubeconfig = value;
    else if (option->value == KFT_VALUE_CONTEXT)
        request->context = value;
    else if (option->value == KFT_VALUE_NAMESPACE)
        request->namespace_ = value;
}

static void offer_options(const Request *request, const KftCliOption *options)
{
    for (const KftCliOption *option = options; option != NULL && option->name != NULL; option++) {
        g_autofree char *word = g_strconcat("--", option->name, NULL);
        offer(request, word, option->summary);
    }
}

/* @words: of the command, the last one is to be completed. */
static void complete_command(const KftCliCommand *command, int n_words, char **words)
{
    Request request = {.prefix = "", .begun = words[n_words - 1]};
    const KftCliOption *open = NULL; /* whose value comes next */
    const char *first = NULL;
    const char *value = NULL;

    for (int i = 0; i + 1 < n_words; i++) {
        if (open != NULL) {
            note_option(&request, open, words[i]);
            open = NULL;
            continue;
        }
        const KftCliOption *option = find_option(command, words[i], &value);
        if (option == NULL && words[i][0] != '-' && first == NULL)
            first = words[i];
        if (option == NULL || option->type == KFT_OPTION_FLAG)
            continue;
        if (value != NULL)
            note_option(&request, option, value);
        else
            open = option;
    }
    if (open != NULL) {
        offer_values(&request, open->value, NULL);
        return;
    }
    const KftCliOption *option = find_option(command, request.begun, &value);
    if (option != NULL && value != NULL && g_str_has_prefix(request.begun, "--")) {
        g_autofree char *prefix = g_strndup(request.begun, (gsize)(value - request.begun));
        request.prefix = prefix;
        request.begun = value;
        offer_values(&request, option->value, NULL);
    } else if (request.begun[0] == '-') {
        offer_options(&request, command->options);
        offer_options(&request, kft_options_common);
    } else {
        offer_values(&request, command->words, first);
    }
}

static int run(int argc, char **argv)
{
    static const char *const others[] = {"help", "--help", "--version", NULL};
    Request request = {.prefix = "", .begun = argc < 2 ? "" : argv[1]};

    if (argc <= 2) {
        offer_commands(&request);
        offer_words(&request, others);
        return KFT_EXIT_OK;
    }
    const KftCliCommand *command = kft_cli_find_command(argv[1]);
    if (command != NULL) {
        complete_command(command, argc - 2, argv + 2);
    } else if (strcmp(argv[1], "help") == 0 && argc == 3) {
        request.begun = argv[2];
        offer_commands(&request);
    }
    return KFT_EXIT_OK;
}

const KftCliCommand kft_cli_complete = {
    .name = "__complete",
    .summary = "What the last word may become, for the shells' completion",
    .usage = "WORD…",
    .is_hidden = true,
    .run = run,
};
