/* Runs a credential plugin once: environment, standard input, and a sentence for each way in which
 * it can fail. What it printed is parsed in exec-credential.c; when it is run is decided in
 * credential.c. */
#include "kube/exec-plugin.h"

#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/log.h"
#include "base/redact.h"
#include "kube/small-file.h"
#include "net/process.h"

/* An answer is a few kilobytes; more is a mistake. */
#define MAX_OUTPUT_BYTES ((size_t)1 << 20)
#define MAX_CA_BYTES ((size_t)1 << 20)
#define MAX_HINT_CHARS 500
/* Somebody may be logging in; but nothing runs for ever. */
#define INTERACTIVE_TIMEOUT_MS 600000

struct KftExecPlugin {
    KftLoop *loop;
    const KftKubeContext *context;
    KftExecPluginFunc on_done;
    void *user_data;
    KftProcess *process;   /* nullable */
    KftDeferred *deferred; /* reports @error; nullable */
    GError *error;
    uint64_t started_ms;
};

/* --- KUBERNETES_EXEC_INFO --- */

static void add_text(json_object *map, const char *key, const char *value)
{
    if (value != NULL)
        (void)json_object_object_add(map, key, json_object_new_string(value));
}

static bool add_ca(json_object *map, const KftKubeCluster *cluster, GError **error)
{
    size_t size = 0;
    char *file = NULL;
    const void *data = NULL;

    if (cluster->ca_data != NULL) {
        data = g_bytes_get_data(cluster->ca_data, &size);
    } else if (cluster->ca_file != NULL) {
        file = kft_small_file_read(cluster->ca_file, MAX_CA_BYTES, &size, error);
        if (file == NULL) {
            g_prefix_error(error, "certificate-authority ");
            (*error)->code = KFT_ERROR_BAD_CONFIG;
            return false;
        }
        data = file;
    } else {
        return true;
    }
    g_autofree char *base64 = g_base64_encode(data, size);
    add_text(map, "certificate-authority-data", base64);
    kft_small_file_free(file, size);
    return true;
}

static bool add_cluster(json_object *spec, const KftKubeCluster *cluster, GError **error)
{
    json_object *map = json_object_new_object();
    (void)json_object_object_add(spec, "cluster", map);
    add_text(map, "server", cluster->server);
    add_text(map, "tls-server-name", cluster->tls_server_name);
    if (cluster->is_insecure)
        (void)json_object_object_add(map, "insecure-skip-tls-verify", json_object_new_boolean(1));
    if (cluster->proxy_url != NULL)
        add_text(map, "proxy-url", kft_secret_reveal(cluster->proxy_url));
    if (cluster->disable_compression)
        (void)json_object_object_add(map, "disable-compression", json_object_new_boolean(1));
    if (cluster->exec_config_json != NULL) {
        /* Made from YAML by kft_yaml_dup_json(), so it parses. */
        const char *text = cluster->exec_config_json;
        (void)json_object_object_add(map, "config", kft_json_parse(text, strlen(text), NULL));
    }
    return add_ca(map, cluster, error);
}

char *kft_exec_plugin_dup_info(const KftKubeContext *context, bool is_interactive, GError **error)
{
    const KftKubeExec *exec = context->user->exec;
    GError *local = NULL;
    char *text = NULL;

    json_object *root = json_object_new_object();
    json_object *spec = json_object_new_object();
    add_text(root, "kind", "ExecCredential");
    add_text(root, "apiVersion", exec->api_version);
    (void)json_object_object_add(root, "spec", spec);
    (void)json_object_object_add(spec, "interactive", json_object_new_boolean(is_interactive));
    if (!exec->provide_cluster_info || add_cluster(spec, context->cluster, &local))
        text = g_strdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE));
    else
        g_propagate_error(error, local);
    kft_json_put(root);
    return text;
}

/* Ours, then the entries of the kubeconfig, then the question. */
static char **dup_environment(const KftKubeExec *exec, const char *info)
{
    char **environment = g_get_environ();
    for (size_t i = 0; exec->env[i] != NULL; i++) {
        const char *sign = strchr(exec->env[i], '=');
        g_autofree char *name = g_strndup(exec->env[i], (gsize)(sign - exec->env[i]));
        environment = g_environ_setenv(environment, name, sign + 1, TRUE);
    }
    return g_environ_setenv(environment, "KUBERNETES_EXEC_INFO", info, TRUE);
}

static void free_environment(char **environment)
{
    for (size_t i = 0; environment[i] != NULL; i++)
        kft_secret_wipe_string(environment[i]);
    g_free(environment);
}

/* --- errors --- */

/* "user "x": the credential plugin "aws" …" */
static GError *new_error(const KftExecPlugin *self, KftErrorCode code, const char *what)
{
    const KftKubeUser *user = self->context->user;
    g_autofree char *text = g_strdup_printf("user \"%s\": the credential plugin \"%s\" %s",
                                            user->name, user->exec->command, what);
    g_autofree char *line = kft_one_line(text, 1500);
    return g_error_new_literal(KFT_ERROR, (int)code, line);
}

static GError *new_missing_error(const KftExecPlugin *self)
{
    const KftKubeExec *exec = self->context->user->exec;
    const char *where =
        strchr(exec->command, '/') == NULL ? "was not found in PATH" : "does not exist";
    g_autofree char *hint =
        exec->install_hint == NULL ? NULL : kft_one_line(exec->install_hint, MAX_HINT_CHARS);
    bool has_hint = hint != NULL && *hint != '\0';
    size_t length = has_hint ? strlen(hint) : 0;
    if (has_hint && hint[length - 1] == '.')
        hint[length - 1] = '\0';
    g_autofree char *what = g_strdup_printf(
        "%s; %s", where, has_hint ? hint : "install it, or correct the command in the kubeconfig");
    return new_error(self, KFT_ERROR_BAD_CONFIG, what);
}

static GError *new_process_error(const KftExecPlugin *self, const GError *error)
{
    g_autofree char *what = NULL;
    switch ((KftErrorCode)error->code) {
    case KFT_ERROR_NOT_FOUND:
        return new_missing_error(self);
    case KFT_ERROR_BAD_CONFIG:
        what = g_strdup_printf("cannot be started: %s", error->message);
        return new_error(self, KFT_ERROR_BAD_CONFIG, what);
    case KFT_ERROR_TIMEOUT:
        what = g_strdup_printf("gave no answer: %s; run it in a terminal to see what it waits for",
                               error->message);
        return new_error(self, KFT_ERROR_TIMEOUT, what);
    case KFT_ERROR_LIMIT:
        return new_error(self, KFT_ERROR_AUTH, "printed more than 1 MiB, which is no credential");
    case KFT_ERROR_AUTH:
    case KFT_ERROR_PROXY_AUTH:
    case KFT_ERROR_REFUSED:
    case KFT_ERROR_UNREACHABLE:
    case KFT_ERROR_PROTOCOL:
    case KFT_ERROR_PORT_IN_USE:
    case KFT_ERROR_CANCELLED:
    case KFT_ERROR_STORAGE:
    case KFT_ERROR_INTERNAL:
        break;
    }
    what = g_strdup_printf("failed: %s; run it in a terminal to see why", error->message);
    return new_error(self, KFT_ERROR_AUTH, what);
}

static GError *new_answer_error(const KftExecPlugin *self, const GError *error)
{
    g_autofree char *what = g_strdup_printf(
        "%s; update the plugin or correct its arguments in the kubeconfig", error->message);
    return new_error(self, KFT_ERROR_AUTH, what);
}

/* --- running --- */

static void on_process_done(const char *output, size_t size, const GError *error, void *user_data)
{
    KftExecPlugin *self = user_data;
    KftExecCredential credential = {0};
    g_autoptr(GError) local = NULL;

    kft_log(KFT_LOG_AUTH, KFT_LEVEL_DEBUG, "plugin=%s ended after %u ms: %s",
            self->context->user->exec->command,
            (unsigned)(kft_loop_now_ms(self->loop) - self->started_ms),
            error == NULL ? "ok" : kft_error_code_name((KftErrorCode)error->code));
    if (error != NULL) {
        local = new_process_error(self, error);
    } else if (!kft_exec_credential_parse(output, size, self->context->user->exec->api_version,
                                          &credential, &local)) {
        GError *full = new_answer_error(self, local);
        g_error_free(local);
        local = full;
    }
    /* May free self. */
    self->on_done(local == NULL ? &credential : NULL, local, self->user_data);
    kft_exec_credential_clear(&credential);
}

static void on_deferred_error(void *user_data)
{
    KftExecPlugin *self = user_data;
    g_autoptr(GError) error = g_steal_pointer(&self->error);
    self->deferred = NULL;
    self->on_done(NULL, error, self->user_data);
}

static bool
choose_interactive(const KftExecPlugin *self, const KftCredentialHooks *hooks, GError **error)
{
    switch (self->context->user->exec->interactive) {
    case KFT_EXEC_INTERACTIVE_NEVER:
        return false;
    case KFT_EXEC_INTERACTIVE_IF_AVAILABLE:
        return hooks->is_terminal(hooks->user_data);
    case KFT_EXEC_INTERACTIVE_ALWAYS:
        if (hooks->is_terminal(hooks->user_data))
            return true;
        g_propagate_error(error, new_error(self, KFT_ERROR_BAD_CONFIG,
                                           "needs a terminal to ask on (interactiveMode: Always); "
                                           "log in with it in a terminal, or start this program "
                                           "from one"));
        return false;
    }
    g_assert_not_reached();
}

static void start_process(KftExecPlugin *self, const KftCredentialHooks *hooks, bool is_interactive)
{
    const KftKubeExec *exec = self->context->user->exec;
    GError *local = NULL;

    char *info = kft_exec_plugin_dup_info(self->context, is_interactive, &local);
    if (local != NULL) {
        g_autofree char *what = g_strdup_printf("cannot be asked: %s", local->message);
        self->error = new_error(self, KFT_ERROR_BAD_CONFIG, what);
        g_error_free(local);
        return;
    }
    char **environment = dup_environment(exec, info);
    /* The proxy's URL may hold a password. */
    kft_secret_wipe_string(info);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_ptr_array_add(argv, exec->command);
    for (size_t i = 0; exec->args[i] != NULL; i++)
        g_ptr_array_add(argv, exec->args[i]);
    g_ptr_array_add(argv, NULL);
    KftProcessSpec spec = {
        .argv = (const char *const *)argv->pdata,
        .environment = (const char *const *)environment,
        .inherit_stdin = is_interactive,
        .timeout_ms = is_interactive ? INTERACTIVE_TIMEOUT_MS : hooks->plugin_timeout_ms,
        .max_output_bytes = MAX_OUTPUT_BYTES,
    };
    /* The arguments may hold secrets and are not logged. */
    kft_log(KFT_LOG_AUTH, KFT_LEVEL_DEBUG, "plugin=%s starts, interactive=%d", exec->command,
            is_interactive);
    self->started_ms = kft_loop_now_ms(self->loop);
    self->process = kft_process_start(self->loop, &spec, on_process_done, self);
    free_environment(environment);
}

KftExecPlugin *kft_exec_plugin_start(KftLoop *loop,
                                     const KftKubeContext *context,
                                     const KftCredentialHooks *hooks,
                                     KftExecPluginFunc on_done,
                                     void *user_data)
{
    KftExecPlugin *self = g_new0(KftExecPlugin, 1);
    self->loop = loop;
    self->context = context;
    self->on_done = on_done;
    self->user_data = user_data;
    bool is_interactive = choose_interactive(self, hooks, &self->error);
    if (self->error == NULL)
        start_process(self, hooks, is_interactive);
    if (self->error != NULL)
        self->deferred = kft_loop_defer(loop, on_deferred_error, self);
    return self;
}

void kft_exec_plugin_free(KftExecPlugin *self)
{
    if (self == NULL)
        return;
    if (self->process != NULL)
        kft_process_free(self->process);
    if (self->deferred != NULL)
        kft_deferred_cancel(self->deferred);
    g_clear_error(&self->error);
    g_free(self);
}
