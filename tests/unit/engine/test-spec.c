#include <string.h>

#include "kftray/error.h"

#include "engine/spec.h"

static KftForwardSpec *make_spec(const char *target, const char *ports, const char *addresses)
{
    KftForwardSpec *spec = kft_forward_spec_new();
    spec->target = g_strdup(target);
    spec->ports = g_strsplit(ports, " ", -1);
    spec->addresses = addresses == NULL ? NULL : g_strsplit(addresses, ",", -1);
    return spec;
}

static void assert_refused(KftForwardSpec *spec, const char *word)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(kft_spec_to_options(spec, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
    g_assert_nonnull(strstr(error->message, word));
    kft_forward_spec_free(spec);
}

static void test_refuses(void)
{
    assert_refused(make_spec("pod/x", "", NULL), "no port given");
    assert_refused(make_spec("pod/x", "80 :x:y", NULL), ":x:y");
    assert_refused(make_spec("pod/x", "70000", NULL), "70000");
    assert_refused(make_spec("nonsense/x", "80", NULL), "nonsense");
    assert_refused(make_spec("pod/x", "80", "localhost,example.org"), "example.org");
    g_autofree char *many = g_strnfill(KFT_SPEC_MAX_PORTS, ' ');
    g_assert_cmpuint(strlen(many), ==, KFT_SPEC_MAX_PORTS);
    assert_refused(make_spec("pod/x", many, NULL), "65 ports given");
}

static void test_accepts(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftForwardSpec) spec =
        make_spec("svc/web", "8080:80 :http 5432 http", "localhost,::1");
    KftForwardOptions *options = kft_spec_to_options(spec, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(options->n_ports, ==, 4);
    g_assert_cmpuint(options->ports[0].local, ==, 8080);
    g_assert_cmpuint(options->ports[1].local, ==, 0);
    g_assert_false(options->port_is_local_from_remote[1]);
    g_assert_cmpuint(options->ports[2].local, ==, 5432);
    g_assert_true(options->port_is_local_from_remote[3]);
    g_assert_cmpuint(options->limits.half_close_ms, ==, 30000);
    g_assert_cmpuint(options->limits.hold_ms, ==, 10000);
    kft_forward_options_free(options);
}

/* A diagnosis needs neither a port nor a target. */
static void test_diagnose(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftForwardSpec) bare = make_spec(NULL, "", NULL);
    g_autoptr(KftForwardSpec) bad = make_spec("nonsense/x", "", NULL);
    KftForwardOptions *options = kft_spec_to_diagnose_options(bare, &error);

    g_assert_no_error(error);
    g_assert_null(options->target);
    g_assert_cmpuint(options->n_ports, ==, 0);
    kft_forward_options_free(options);
    g_assert_null(kft_spec_to_diagnose_options(bad, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
}

static void test_duration(void)
{
    uint32_t ms = 0;
    g_assert_true(kft_duration_parse("1m30s", &ms));
    g_assert_cmpuint(ms, ==, 90000);
    g_assert_true(kft_duration_parse("0", &ms));
    g_assert_cmpuint(ms, ==, 0);
    g_assert_false(kft_duration_parse("90", &ms));
    g_assert_false(kft_duration_parse("-1s", &ms));
    g_assert_false(kft_duration_parse("9999h", &ms));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/spec/refuses", test_refuses);
    g_test_add_func("/spec/accepts", test_accepts);
    g_test_add_func("/spec/diagnose", test_diagnose);
    g_test_add_func("/spec/duration", test_duration);
    return g_test_run();
}
