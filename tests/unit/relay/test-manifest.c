#include <json-c/json.h>
#include <string.h>

#include "kftray/error.h"
#include "kftray/relay.h"

#include "base/json.h"
#include "relay/manifest.h"

static const KftManifestValues plain_values = {
    .namespace_ = "shop",
    .name = "kftray-forward-me-tcp-1-abcdef",
    .image = "registry.invalid:5000/relay:1",
    .remote_address = "db.example.com",
    .remote_port = 5432,
    .local_port = 8080,
    .protocol = KFT_PROTOCOL_TCP,
    .installation = "00112233445566778899",
    .session = "0011223344",
    .relay = "aabbccddee",
    .owner = "me",
    .host = "desk",
    .purpose = "db.example.com:5432",
};

static json_object *fill(const char *text,
                         const KftManifestValues *values,
                         KftManifestKeepalive *keepalive,
                         GError **error)
{
    g_autoptr(KftManifest) manifest = kft_manifest_parse(text, strlen(text), "test", error);
    if (manifest == NULL)
        return NULL;
    g_autofree char *json = kft_manifest_fill(manifest, values, keepalive, error);
    if (json == NULL)
        return NULL;
    json_object *pod = kft_json_parse(json, strlen(json), error);
    g_assert_nonnull(pod);
    return pod;
}

static const char *get_env(json_object *pod, const char *name)
{
    json_object *container = kft_json_at(pod, "spec.containers", 0);
    for (size_t i = 0; i < kft_json_length(container, "env"); i++) {
        json_object *variable = kft_json_at(container, "env", i);
        if (g_strcmp0(kft_json_string(variable, "name"), name) == 0)
            return kft_json_string(variable, "value");
    }
    return NULL;
}

static const char *get_member(json_object *pod, const char *path, const char *key)
{
    json_object *value = NULL;
    (void)json_object_object_get_ex(kft_json_get(pod, path), key, &value);
    return json_object_get_string(value);
}

/* The fields that Pod Security "restricted" looks at (kubernetes.io, Pod Security Standards, of
 * v1.32), besides those that a pod must not have. */
static void test_restricted(void)
{
    g_autoptr(GError) error = NULL;
    KftManifestKeepalive keepalive = {0};
    g_autoptr(json_object) pod = fill(kft_relay_get_template(), &plain_values, &keepalive, &error);
    g_assert_no_error(error);

    json_object *spec = kft_json_get(pod, "spec");
    json_object *container = kft_json_at(pod, "spec.containers", 0);
    static const char *const forbidden[] = {"hostNetwork", "hostPID",        "hostIPC",
                                            "volumes",     "initContainers", "ephemeralContainers"};
    for (size_t i = 0; i < G_N_ELEMENTS(forbidden); i++)
        g_assert_null(kft_json_get(spec, forbidden[i]));
    g_assert_cmpuint(kft_json_length(pod, "spec.containers"), ==, 1);
    g_assert_true(kft_json_bool(spec, "securityContext.runAsNonRoot", false));
    g_assert_cmpint(kft_json_int(spec, "securityContext.runAsUser", 0), ==, 65532);
    g_assert_cmpstr(kft_json_string(spec, "securityContext.seccompProfile.type"), ==,
                    "RuntimeDefault");
    g_assert_false(kft_json_bool(container, "securityContext.allowPrivilegeEscalation", true));
    g_assert_true(kft_json_bool(container, "securityContext.readOnlyRootFilesystem", false));
    json_object *dropped = kft_json_get(container, "securityContext.capabilities.drop");
    g_assert_cmpuint(json_object_array_length(dropped), ==, 1);
    g_assert_cmpstr(json_object_get_string(json_object_array_get_idx(dropped, 0)), ==, "ALL");
    g_assert_null(kft_json_get(container, "securityContext.capabilities.add"));
    g_assert_null(kft_json_get(container, "securityContext.privileged"));
    g_assert_null(kft_json_get(container, "ports.hostPort"));
    g_assert_false(kft_json_bool(spec, "automountServiceAccountToken", true));
    g_assert_nonnull(kft_json_get(container, "resources.limits.memory"));
    g_assert_nonnull(kft_json_get(container, "readinessProbe.httpGet"));
}

static void test_built_in(void)
{
    g_autoptr(GError) error = NULL;
    KftManifestKeepalive keepalive = {0};
    g_autoptr(json_object) pod = fill(kft_relay_get_template(), &plain_values, &keepalive, &error);
    g_assert_no_error(error);

    g_assert_cmpstr(kft_json_string(pod, "metadata.name"), ==, plain_values.name);
    g_assert_cmpstr(kft_json_string(pod, "metadata.namespace"), ==, "shop");
    g_assert_cmpstr(kft_json_string(pod, "metadata.labels.app"), ==, plain_values.name);
    g_assert_cmpstr(kft_json_string(pod, "metadata.labels.config_id"), ==, "aabbccddee");
    g_assert_cmpstr(get_member(pod, "metadata.labels", KFT_RELAY_LABEL_INSTALLATION), ==,
                    plain_values.installation);
    g_assert_cmpstr(get_member(pod, "metadata.labels", KFT_RELAY_LABEL_SESSION), ==, "0011223344");
    g_assert_cmpstr(get_member(pod, "metadata.annotations", KFT_RELAY_ANNOTATION_HOST), ==, "desk");
    g_assert_cmpstr(get_env(pod, "REMOTE_ADDRESS"), ==, "db.example.com");
    g_assert_cmpstr(get_env(pod, "REMOTE_PORT"), ==, "5432");
    g_assert_cmpstr(get_env(pod, "LOCAL_PORT"), ==, "8080");
    g_assert_cmpstr(get_env(pod, "PROXY_TYPE"), ==, "tcp");
    g_assert_cmpstr(kft_json_string(kft_json_at(pod, "spec.containers", 0), "image"), ==,
                    plain_values.image);
    g_assert_cmpuint(keepalive.port, ==, 8090);
    g_assert_cmpuint(keepalive.interval_ms, ==, 150000);
}

/* Whatever a value holds, the pod has the same shape and the value comes out as it is. */
static void test_hostile(void)
{
    static const char *const values[] = {
        "x\", \"privileged\": true, \"y\": \"",
        "x\n    hostNetwork: true",
        "{hashed_name}{config_id}",
        "*anchor &x !!binary |",
        "\\u0022}]}",
        "'; DROP TABLE pods; --",
    };
    g_autoptr(GError) error = NULL;
    KftManifestKeepalive keepalive = {0};
    g_autoptr(json_object) plain =
        fill(kft_relay_get_template(), &plain_values, &keepalive, &error);

    for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
        KftManifestValues hostile = plain_values;
        hostile.remote_address = values[i];
        hostile.purpose = values[i];
        hostile.owner = values[i];
        g_autoptr(json_object) pod = fill(kft_relay_get_template(), &hostile, &keepalive, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(get_env(pod, "REMOTE_ADDRESS"), ==, values[i]);
        json_object *container = kft_json_at(pod, "spec.containers", 0);
        json_object *plain_container = kft_json_at(plain, "spec.containers", 0);
        g_assert_cmpint(json_object_object_length(container), ==,
                        json_object_object_length(plain_container));
        g_assert_cmpint(json_object_object_length(kft_json_get(pod, "spec")), ==,
                        json_object_object_length(kft_json_get(plain, "spec")));
    }
}

/* Kubernetes would put another variable in its place. */
static void test_expansion(void)
{
    g_autoptr(GError) error = NULL;
    KftManifestKeepalive keepalive = {0};
    KftManifestValues values = plain_values;
    values.remote_address = "$(REMOTE_PORT)";
    g_autoptr(json_object) pod = fill(kft_relay_get_template(), &values, &keepalive, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(get_env(pod, "REMOTE_ADDRESS"), ==, "$$(REMOTE_PORT)");
}

/* Upstream's template, as its users have edited it: JSON, Deployment-free, with all placeholders.
 */
static void test_upstream(void)
{
    static const char text[] =
        "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"{hashed_name}\","
        " \"labels\": {\"app\": \"{hashed_name}\", \"config_id\": \"{config_id}\"}}, \"spec\": {"
        " \"containers\": [{\"name\": \"{hashed_name}\", \"image\": \"ghcr.io/x/server:1\","
        " \"ports\": [{\"containerPort\": {local_port}}, {\"containerPort\": \"{remote_port}\"}],"
        " \"env\": [{\"name\": \"LOCAL_PORT\", \"value\": \"{local_port}\"},"
        " {\"name\": \"REMOTE_PORT\", \"value\": \"{remote_port}\"},"
        " {\"name\": \"REMOTE_ADDRESS\", \"value\": \"{remote_address}\"},"
        " {\"name\": \"NOTE\", \"value\": \"for {service_name}: {\\\"a\\\": 1} {}\"},"
        " {\"name\": \"PROXY_TYPE\", \"value\": \"{protocol}\"}]}]}}";
    g_autoptr(GError) error = NULL;
    KftManifestKeepalive keepalive = {.port = 1};
    KftManifestValues values = plain_values;
    values.service_name = "web";
    values.protocol = KFT_PROTOCOL_UDP;
    g_autoptr(json_object) pod = fill(text, &values, &keepalive, &error);
    g_assert_no_error(error);

    json_object *container = kft_json_at(pod, "spec.containers", 0);
    g_assert_cmpint(kft_json_int(kft_json_at(container, "ports", 0), "containerPort", 0), ==, 8080);
    g_assert_cmpint(kft_json_int(kft_json_at(container, "ports", 1), "containerPort", 0), ==, 5432);
    g_assert_cmpstr(get_env(pod, "NOTE"), ==, "for web: {\"a\": 1} {}");
    g_assert_cmpstr(get_env(pod, "PROXY_TYPE"), ==, "udp");
    g_assert_cmpuint(keepalive.port, ==, 0);
}

#define CONTAINER "spec: {containers: [{name: a, image: b, env: [{name: REMOTE_ADDRESS, value: c}"

static void test_faults(void)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"[]", "*test: a pod is a mapping*"},
        {"", "*test: a pod is a mapping*"},
        {"a: [", "test:2:*"},
        {"apiVersion: v1\nkind: Pod\nspec: {}", "template test: *has no container*"},
        {"apiVersion: v1\nkind: Job\n" CONTAINER "]}]}", "*kind Pod, not v1 Job"},
        {"apiVersion: v1\nkind: Pod\n" CONTAINER ", {name: X, value: 1}]}]}",
         "*variable X is no text: put it in quotes"},
        {"apiVersion: v1\nkind: Pod\n" CONTAINER ", {name: X, value: \"{local_prot}\"}]}]}",
         "*{local_prot} is none of the placeholders*"},
        {"apiVersion: v1\nkind: Pod\n" CONTAINER ", {name: UNUSED_TIMEOUT, value: 10m}]}]}",
         "*restartPolicy Always*"},
        {"apiVersion: v1\nkind: Pod\n" CONTAINER ", {name: UNUSED_TIMEOUT, value: soon}]}]}",
         "*\"soon\" is no time*"},
        {"apiVersion: v1\nkind: Pod\nmetadata: {labels: {a: 1}}\n" CONTAINER "]}]}",
         "*label a: \"1\" is not*"},
        {"apiVersion: v1\nkind: Pod\nmetadata: {labels: {a: b c}}\n" CONTAINER "]}]}",
         "*label a: \"b c\" is not*"},
        {"apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}",
         "*container \"a\" has no image; no container has the variable REMOTE_ADDRESS*"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        KftManifestKeepalive keepalive = {0};
        g_assert_null(fill(cases[i].text, &plain_values, &keepalive, &error));
        g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
        if (!g_pattern_match_simple(cases[i].words, error->message))
            g_error("\"%s\" does not fit \"%s\"", error->message, cases[i].words);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/relay/manifest/restricted", test_restricted);
    g_test_add_func("/relay/manifest/built-in", test_built_in);
    g_test_add_func("/relay/manifest/hostile", test_hostile);
    g_test_add_func("/relay/manifest/expansion", test_expansion);
    g_test_add_func("/relay/manifest/upstream", test_upstream);
    g_test_add_func("/relay/manifest/faults", test_faults);
    return g_test_run();
}
