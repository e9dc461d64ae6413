/* The fake API server as a fixture. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

static char *unquote(const char *text)
{
    return text != NULL ? g_strdelimit(g_strdup(text), "'", '"') : NULL;
}

static void write_file(const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents(path, text, -1, &error));
}

static json_object *read_ready(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize size = 0;

    g_assert_true(g_file_get_contents(path, &text, &size, &error));
    json_object *object = kft_json_parse(text, size, &error);
    g_assert_no_error(error);
    return object;
}

void world_use(World *self, const char *context)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&self->cluster, kft_cluster_unref);
    g_assert_true(kft_kubeconfig_select(self->config, context, &self->context, &error));
    self->cluster = kft_cluster_new(self->loop.loop, self->config, &self->context);
}

/* Keys take seconds to make; one set serves all servers of a test program. */
static char *certificates;

static void remove_certificates(void)
{
    kft_test_remove_folder(certificates);
    g_clear_pointer(&certificates, g_free);
}

static const char *get_certificates(void)
{
    if (certificates == NULL) {
        certificates = kft_test_make_certificates();
        g_assert_cmpint(atexit(remove_certificates), ==, 0);
    }
    return certificates;
}

void world_init(World *self, const char *world, const char *context)
{
    g_autoptr(GError) error = NULL;
    *self = (World){.dir = g_dir_make_tmp(NULL, NULL)};
    g_autofree char *script = kft_test_source_path("tests/fakes/apiserver.py");
    g_autofree char *kubeconfig = g_build_filename(self->dir, "kubeconfig", NULL);
    g_autofree char *ready = g_build_filename(self->dir, "ready", NULL);
    g_autofree char *world_file = g_build_filename(self->dir, "world.json", NULL);
    g_autofree char *json = unquote(world != NULL ? world : "{}");

    write_file(world_file, json);
    const char *argv[] = {script,    "--certs", get_certificates(), "--kubeconfig-out", kubeconfig,
                          "--ready", ready,     "--world",          world_file,         "--control",
                          NULL};
    kft_test_child_start(&self->server, argv);
    g_autoptr(json_object) facts = read_ready(ready);
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", kft_json_port(facts, "control"));
    self->control = kft_endpoint_new(url);
    self->config = kft_kubeconfig_load(kubeconfig, &error);
    g_assert_no_error(error);
    kft_test_loop_init(&self->loop);
    world_use(self, context);
}

void world_clear(World *self)
{
    kft_cluster_unref(self->cluster);
    kft_kubeconfig_unref(self->config);
    kft_endpoint_unref(self->control);
    kft_test_loop_clear(&self->loop);
    g_free(kft_test_child_stop(&self->server));
    kft_test_remove_folder(self->dir);
    g_free(self->dir);
}

char *world_use_token_file(World *self)
{
    g_autoptr(GError) error = NULL;
    gsize size = 0;
    gconstpointer pem = g_bytes_get_data(self->context.cluster->ca_data, &size);
    g_autofree char *ca = g_base64_encode(pem, size);
    char *file = g_build_filename(self->dir, "token", NULL);

    write_file(file, kft_secret_reveal(self->context.user->token));
    g_autofree char *text = g_strdup_printf(
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: me}}]\n"
        "clusters: [{name: c, cluster: {server: '%s', certificate-authority-data: %s}}]\n"
        "users: [{name: me, user: {tokenFile: '%s'}}]\n",
        self->context.cluster->server, ca, file);
    g_clear_pointer(&self->cluster, kft_cluster_unref);
    kft_kubeconfig_unref(self->config);
    self->config = kft_kubeconfig_parse(text, strlen(text), "test", self->dir, &error);
    g_assert_no_error(error);
    world_use(self, NULL);
    return file;
}

/* --- control --- */

typedef struct {
    bool is_done;
    char *body;
} Answer;

static void on_control_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    Answer *answer = user_data;

    g_assert_no_error(error);
    if (response->status / 100 != 2)
        g_error("control: HTTP %u: %s", response->status, response->body);
    answer->body = g_strdup(response->body);
    answer->is_done = true;
}

char *world_control(World *self, const char *method, const char *path, const char *body)
{
    g_autofree char *json = unquote(body);
    Answer answer = {0};
    KftHttpRequest request = {
        .method = method,
        .path = path,
        .body = json,
        .body_size = json != NULL ? strlen(json) : 0,
    };
    KftHttpCall *call = kft_http_call_start(self->loop.loop, self->control, &request, NULL,
                                            on_control_done, &answer);
    kft_test_loop_run_until_true(&self->loop, &answer.is_done);
    kft_http_call_free(call);
    return answer.body;
}

void world_put_pod(World *self, const char *name, const char *labels)
{
    g_autofree char *body =
        g_strdup_printf("{'pods':[{'name':'%s','labels':{%s},'ports':{'http':80}}]}", name, labels);
    g_free(world_control(self, "POST", "/objects", body));
}

void world_delete_pod(World *self, const char *name)
{
    g_autofree char *path = g_strdup_printf("/objects/Pod/default/%s", name);
    g_free(world_control(self, "DELETE", path, NULL));
}

/* --- observing a resolver --- */

static void add_line(Observer *self, char *line)
{
    g_test_message("%s", line);
    g_ptr_array_add(self->lines, line);
    if (self->free_after == self->lines->len)
        g_clear_pointer(&self->resolver, kft_resolver_free);
}

static void on_change(const KftResolution *resolution, void *user_data)
{
    Observer *self = user_data;
    GString *line = g_string_new(NULL);

    g_assert_true((resolution->n_candidates == 0) == (resolution->waiting_reason != NULL));
    g_assert_cmpuint(resolution->n_candidates, <=, resolution->n_pods);
    if (resolution->waiting_reason != NULL)
        g_string_append_printf(line, "wait: %s", resolution->waiting_reason);
    for (size_t i = 0; i < resolution->n_candidates; i++) {
        const KftCandidate *candidate = &resolution->candidates[i];
        g_assert_cmpuint(candidate->ports[0], !=, 0);
        g_string_append_printf(line, "%s%s=%u", i > 0 ? " " : "", candidate->pod->name,
                               candidate->ports[0]);
    }
    add_line(self, g_string_free(line, FALSE));
}

static void on_error(const GError *error, bool is_final, void *user_data)
{
    Observer *self = user_data;

    g_assert_null(strchr(error->message, '\n'));
    g_assert_false(g_str_has_suffix(error->message, "."));
    add_line(self, g_strdup_printf("%s: %s", is_final ? "final" : "error", error->message));
}

void observer_init(
    Observer *self, World *world, const char *target, const char *namespace_, const char *ports)
{
    static const KftResolverFuncs funcs = {.on_change = on_change, .on_error = on_error};
    bool is_selector = g_str_has_prefix(target, "-l ");
    g_autoptr(KftTarget) parsed =
        kft_target_parse(is_selector ? NULL : target, is_selector ? target + 3 : NULL, NULL);
    g_auto(GStrv) texts = g_strsplit(ports, " ", -1);
    guint n_ports = g_strv_length(texts);
    g_autofree KftPortSpec *specs = g_new0(KftPortSpec, n_ports);
    bool from_remote = false;

    for (guint i = 0; i < n_ports; i++)
        g_assert_true(kft_port_spec_parse(texts[i], &specs[i], &from_remote, NULL));
    *self = (Observer){.world = world, .lines = g_ptr_array_new_with_free_func(g_free)};
    self->resolver =
        kft_resolver_new(world->cluster, parsed, namespace_, specs, n_ports, &funcs, self);
    g_assert_cmpuint(self->lines->len, ==, 0);
    for (guint i = 0; i < n_ports; i++)
        kft_port_spec_clear(&specs[i]);
}

void observer_clear(Observer *self)
{
    kft_resolver_free(self->resolver);
    g_ptr_array_unref(self->lines);
}

typedef struct {
    Observer *observer;
    const char *pattern;
    guint n_lines;
} Wait;

static bool is_last_line(void *user_data)
{
    const Wait *wait = user_data;
    const GPtrArray *lines = wait->observer->lines;

    return lines->len > wait->n_lines &&
           g_pattern_match_simple(wait->pattern, g_ptr_array_index(lines, lines->len - 1));
}

void observer_wait(Observer *self, const char *pattern)
{
    observer_wait_new(self, 0, pattern);
}

void observer_wait_new(Observer *self, guint n_lines, const char *pattern)
{
    Wait wait = {.observer = self, .pattern = pattern, .n_lines = n_lines};
    g_test_message("waiting for %s", pattern);
    kft_test_loop_run_until(&self->world->loop, is_last_line, &wait);
}

static bool has_lines(void *user_data)
{
    const Wait *wait = user_data;
    return wait->observer->lines->len >= wait->n_lines;
}

void observer_wait_lines(Observer *self, guint n_lines)
{
    Wait wait = {.observer = self, .n_lines = n_lines};
    kft_test_loop_run_until(&self->world->loop, has_lines, &wait);
    kft_test_loop_run_for(&self->world->loop, 100);
    g_assert_cmpuint(self->lines->len, ==, n_lines);
}

static bool has_line(void *user_data)
{
    return ((const Observer *)user_data)->lines->len > 0;
}

void observer_check_first(World *world, const char *target, const char *ports, const char *pattern)
{
    g_auto(Observer) observer = {0};
    observer_init(&observer, world, target, "default", ports);
    kft_test_loop_run_until(&world->loop, has_line, &observer);
    const char *line = g_ptr_array_index(observer.lines, 0);
    if (!g_pattern_match_simple(pattern, line))
        g_error("%s %s: \"%s\" does not match \"%s\"", target, ports, line, pattern);
}
