/* The legacy oidc provider against an issuer on loopback: when it refreshes, how it says who it is,
 * what it writes back, and what it says when it cannot. */
#include <string.h>

#include "kftray/error.h"

#include "base/log.h"
#include "child.h"
#include "credential-fixture.h"
#include "kube/id-token.h"
#include "kube/kubeconfig-priv.h"

#define FIRST_REFRESH "refresh-sEcReT-1"

static KftTestChild issuer;

static char *dup_jwt(int64_t expires_s)
{
    g_autofree char *payload = g_strdup_printf("{\"exp\":%" G_GINT64_FORMAT "}", expires_s);
    g_autofree char *base64 = g_base64_encode((const guchar *)payload, strlen(payload));
    base64[strcspn(base64, "=")] = '\0';
    return g_strdup_printf("e30.%s.sEcReT", base64);
}

/* @more: further fields of the provider's configuration, each with a comma in front. */
static void write_config(const Fixture *fixture, const char *issuer_url, const char *more)
{
    g_autofree char *text = g_strdup_printf(
        "# mine\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: c, user: me}}]\n"
        "clusters: [{name: c, cluster: {" HTTPS "}}]\n"
        "users: [{name: me, user: {auth-provider: {name: oidc, config: {idp-issuer-url: '%s', "
        "client-id: client id%s}}}}]\n",
        issuer_url, more);
    fixture_write_file(fixture, "config", text);
}

static void use_manner(Fixture *fixture, const char *manner, const char *more)
{
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/%s/", issuer.port, manner);
    write_config(fixture, url, more);
    fixture_load(fixture);
}

/* Asks, and checks when the ID token ends that comes. */
static void assert_token_ends(Fixture *fixture, int64_t expected_s)
{
    Answer answer = {0};
    int64_t expires_s = 0;
    fixture_ask(fixture, &answer);
    g_assert_no_error(answer.error);
    const char *value = kft_secret_reveal(answer.auth->authorization);
    g_assert_true(g_str_has_prefix(value, "Bearer "));
    g_autoptr(KftSecret) token = kft_secret_new(value + strlen("Bearer "));
    g_assert_true(kft_id_token_get_expiry(token, &expires_s));
    g_assert_cmpint(expires_s, ==, expected_s);
    answer_clear(&answer);
}

static void assert_saved_refresh(const Fixture *fixture, const char *expected)
{
    KftSecret *id_token = NULL;
    KftSecret *refresh_token = NULL;
    g_autofree char *path = g_build_filename(fixture->dir, "config", NULL);
    g_assert_true(kft_kubeconfig_read_tokens(path, "me", &id_token, &refresh_token, NULL));
    g_assert_cmpstr(kft_secret_reveal(refresh_token), ==, expected);
    kft_secret_free(id_token);
    kft_secret_free(refresh_token);
}

static void start_issuer(void)
{
    g_autofree char *script = kft_test_source_path("tests/unit/kube/oidc-issuer.py");
    g_autofree char *start = g_strdup_printf("%d", START_S);
    kft_test_child_start(&issuer, (const char *const[]){script, start, NULL});
}

static void stop_issuer(const char *expected_log)
{
    g_autofree char *log = kft_test_child_stop(&issuer);
    if (expected_log != NULL)
        g_assert_cmpstr(log, ==, expected_log);
}

static void test_refresh(void)
{
    Fixture fixture;
    Answer answer = {0};
    start_issuer();
    fixture_init(&fixture);
    g_autofree char *good = dup_jwt(START_S + 500);
    g_autofree char *more = g_strdup_printf(
        ", client-secret: 'sEcReT:1', id-token: %s, refresh-token: " FIRST_REFRESH, good);
    use_manner(&fixture, "basic", more);

    /* While the ID token holds nothing is refreshed, up to 10 s before its end, the minute before
     * in the background only. */
    assert_token_ends(&fixture, START_S + 500);
    assert_token_ends(&fixture, START_S + 500);
    fixture.now_s = START_S + 429;
    assert_token_ends(&fixture, START_S + 500);
    assert_saved_refresh(&fixture, FIRST_REFRESH);
    fixture.now_s = START_S + 430;
    assert_token_ends(&fixture, START_S + 500);
    fixture.now_s = START_S + 490;
    assert_token_ends(&fixture, START_S + 1000);
    assert_saved_refresh(&fixture, "refresh-sEcReT-2");

    /* A 401 forces a refresh, with the refresh token of before. */
    fixture_ask(&fixture, &answer);
    g_assert_true(kft_credential_reject(fixture.credential, answer.auth));
    assert_token_ends(&fixture, START_S + 2000);
    assert_saved_refresh(&fixture, "refresh-sEcReT-3");
    answer_clear(&answer);

    /* Another start of the program finds the tokens in the file. */
    fixture_load(&fixture);
    assert_token_ends(&fixture, START_S + 2000);
    fixture_clear(&fixture);
    stop_issuer("POST /basic/token\nPOST /basic/token\n");
}

static void test_client(void)
{
    Fixture fixture;
    start_issuer();
    fixture_init(&fixture);
    use_manner(&fixture, "body", ", client-secret: 'sEcReT:1', refresh-token: " FIRST_REFRESH);
    assert_token_ends(&fixture, START_S + 1000);
    fixture.now_s = START_S + 1000;
    assert_token_ends(&fixture, START_S + 2000);
    use_manner(&fixture, "public", ", id-token: nonsense, refresh-token: " FIRST_REFRESH);
    fixture.now_s = START_S;
    assert_token_ends(&fixture, START_S + 1000);
    fixture_clear(&fixture);
    stop_issuer("POST /body/token\nPOST /body/token\nPOST /body/token\nPOST /public/token\n");
}

/* kubectl refreshed meanwhile: its tokens are taken from the file, as ours are spent. */
static void test_other_program(void)
{
    Fixture fixture;
    start_issuer();
    fixture_init(&fixture);
    use_manner(&fixture, "public", ", refresh-token: spent");
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u/public", issuer.port);
    g_autofree char *theirs = dup_jwt(START_S + 300);
    g_autofree char *more =
        g_strdup_printf(", id-token: %s, refresh-token: " FIRST_REFRESH, theirs);
    write_config(&fixture, url, more);
    assert_token_ends(&fixture, START_S + 300);
    fixture.now_s = START_S + 300;
    assert_token_ends(&fixture, START_S + 1000);

    /* The file cannot be written: what is in memory goes on, and the old one is not taken back. */
    fixture_write_file(&fixture, "config.lock", "");
    fixture.now_s = START_S + 1000;
    assert_token_ends(&fixture, START_S + 2000);
    assert_saved_refresh(&fixture, "refresh-sEcReT-2");
    fixture.now_s = START_S + 2000;
    assert_token_ends(&fixture, START_S + 3000);
    fixture_clear(&fixture);
    stop_issuer(NULL);
}

static void test_failures(void)
{
    static const struct {
        const char *manner;
        KftErrorCode code;
        const char *message;
    } cases[] = {
        {"revoked", KFT_ERROR_AUTH,
         "did not refresh the token (HTTP 400, invalid_grant: Token is not active); log in again"},
        {"down", KFT_ERROR_REFUSED, "did not refresh the token (HTTP 503, no reason given)"},
        {"silent", KFT_ERROR_AUTH, "gave no id_token; log in again with the scope openid"},
        {"rubbish", KFT_ERROR_BAD_CONFIG, "(HTTP 200); check idp-issuer-url"},
        {"leak", KFT_ERROR_AUTH, "names a token_endpoint that is not https"},
        {"gone/x", KFT_ERROR_BAD_CONFIG, "(HTTP 404); check idp-issuer-url"},
    };
    Fixture fixture;
    start_issuer();
    fixture_init(&fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        use_manner(&fixture, cases[i].manner,
                   ", client-secret: 'sEcReT:1', refresh-token: " FIRST_REFRESH);
        fixture_assert_error(&fixture, (int)cases[i].code, cases[i].message);
    }
    use_manner(&fixture, "basic", "");
    fixture_assert_error(&fixture, KFT_ERROR_AUTH,
                         "user \"me\": the id-token has ended and there is no refresh-token");
    write_config(&fixture, "http://192.0.2.1/x", ", refresh-token: " FIRST_REFRESH);
    fixture_load(&fixture);
    fixture_assert_error(&fixture, KFT_ERROR_BAD_CONFIG, "idp-issuer-url must be https");
    /* Freed while it refreshes. */
    use_manner(&fixture, "stuck", ", client-secret: 'sEcReT:1', refresh-token: " FIRST_REFRESH);
    Answer answer = {0};
    (void)kft_credential_get(fixture.credential, answer_on_credential, &answer);
    kft_test_loop_run_until_line(&fixture.loop, &issuer, "POST /stuck/token");
    g_clear_pointer(&fixture.credential, kft_credential_free);
    g_assert_false(answer.is_done);
    fixture_clear(&fixture);
    stop_issuer(NULL);

    fixture_init(&fixture);
    use_manner(&fixture, "basic", ", refresh-token: " FIRST_REFRESH);
    fixture_assert_error(&fixture, KFT_ERROR_UNREACHABLE,
                         "user \"me\": the OpenID Connect issuer http://127.0.0.1:");
    fixture_clear(&fixture);
}

/* Over TLS, with an authority of its own. */
static void test_tls(void)
{
    Fixture fixture;
    Answer answer = {0};
    g_autofree char *certs = kft_test_make_certificates();
    g_autofree char *script = kft_test_source_path("tests/fakes/oidc.py");
    kft_test_child_start(&issuer, (const char *const[]){script, "--certs", certs, NULL});
    g_autofree char *url = g_strdup_printf("https://localhost:%u", issuer.port);
    g_autofree char *more =
        g_strdup_printf(", idp-certificate-authority: %s/ca.crt, refresh-token: refresh-1", certs);

    fixture_init(&fixture);
    write_config(&fixture, url, more);
    fixture_load(&fixture);
    fixture_ask(&fixture, &answer);
    g_assert_no_error(answer.error);
    g_assert_nonnull(answer.auth->authorization);
    answer_clear(&answer);
    write_config(&fixture, url, ", refresh-token: refresh-1");
    fixture_load(&fixture);
    fixture_assert_error(&fixture, KFT_ERROR_AUTH, "the OpenID Connect issuer https://localhost:");
    fixture_clear(&fixture);
    stop_issuer(NULL);
    kft_test_remove_folder(certs);
}

static void test_log_subprocess(void)
{
    kft_log_set_level(KFT_LEVEL_DEBUG);
    test_refresh();
    test_client();
    test_other_program();
    test_failures();
}

static void test_log(void)
{
    g_test_trap_subprocess("/oidc/log/subprocess", 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*auth: user=*");
    g_test_trap_assert_stderr_unmatched("*" SECRET "*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/oidc/refresh", test_refresh);
    g_test_add_func("/oidc/client", test_client);
    g_test_add_func("/oidc/other-program", test_other_program);
    g_test_add_func("/oidc/failures", test_failures);
    g_test_add_func("/oidc/tls", test_tls);
    g_test_add_func("/oidc/log/subprocess", test_log_subprocess);
    g_test_add_func("/oidc/log", test_log);
    return g_test_run();
}
