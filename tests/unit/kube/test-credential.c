/* Credentials with real plugins (small shell scripts) and files, and a clock of the test's own:
 * what a request gets, when a plugin runs, and what is said when it fails. */
#include <glib/gstdio.h>
#include <string.h>

#include "kftray/error.h"

#include "base/log.h"
#include "credential-fixture.h"
#include "kube/exec-plugin.h"
#include "net/timer.h"

#define V1 "client.authentication.k8s.io/v1"
/* Split, so that no scanner takes it for a key. */
#define KEY                                                                                        \
    "-----BEGIN "                                                                                  \
    "PRIVATE KEY-----\\nsEcReTkey\\n-----END "                                                     \
    "PRIVATE KEY-----\\n"
#define CERT(n) "-----BEGIN CERTIFICATE-----\\ncert-" n "\\n-----END CERTIFICATE-----\\n"

/* A plugin "./plugin" that counts its runs and then does @body. */
static void write_plugin(const Fixture *self, const char *body)
{
    g_autofree char *script =
        g_strdup_printf("#!/bin/sh\nd=$(dirname \"$0\")\necho run >>\"$d/runs\"\n%s\n", body);
    g_autofree char *path = g_build_filename(self->dir, "plugin", NULL);
    fixture_write_file(self, "plugin", script);
    g_assert_cmpint(g_chmod(path, 0755), ==, 0);
}

#define ANSWER(status)                                                                             \
    "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":{" status "}}'"
#define EXEC "exec: {apiVersion: " V1 ", interactiveMode: Never, command: ./plugin}"

static unsigned count_runs(const Fixture *self)
{
    g_autofree char *path = g_build_filename(self->dir, "runs", NULL);
    g_autofree char *text = NULL;
    unsigned n = 0;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return 0;
    for (const char *at = strchr(text, '\n'); at != NULL; at = strchr(at + 1, '\n'))
        n++;
    return n;
}

/* --- static --- */

static void test_static(void)
{
    Fixture fixture;
    Answer answer = {0};
    fixture_init(&fixture);

    fixture_use(&fixture, HTTPS, "token: sEcReT1");
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    fixture_ask(&fixture, &answer);
    g_assert_false(kft_credential_reject(fixture.credential, answer.auth));
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");

    fixture_use(&fixture, HTTPS, "username: admin, password: sEcReT2");
    fixture_assert_authorization(&fixture, "Basic YWRtaW46c0VjUmVUMg==");

    /* Nothing goes to a server that is not https, not even a plugin is run. */
    fixture_use(&fixture, "server: 'http://127.0.0.1:1'", "token: sEcReT1, as: jane");
    fixture_ask(&fixture, &answer);
    g_assert_null(answer.auth->authorization);
    g_assert_cmpstr(answer.auth->headers[0], ==, "Impersonate-User: jane");
    fixture_use(&fixture, "server: 'http://127.0.0.1:1'", EXEC);
    fixture_assert_authorization(&fixture, NULL);
    g_assert_cmpuint(count_runs(&fixture), ==, 0);

    /* Static credentials make the plugin superfluous. */
    write_plugin(&fixture, "exit 1");
    fixture_use(&fixture, HTTPS, EXEC ", token: sEcReT3");
    fixture_assert_authorization(&fixture, "Bearer sEcReT3");
    fixture_use(&fixture, HTTPS, EXEC ", client-certificate: plugin, client-key: plugin");
    fixture_ask(&fixture, &answer);
    g_assert_null(answer.auth->authorization);
    g_assert_true(g_str_has_suffix(answer.auth->endpoint->cert_file, "/plugin"));
    g_assert_cmpuint(count_runs(&fixture), ==, 0);
    answer_clear(&answer);
    fixture_clear(&fixture);
}

static void test_lines(void)
{
    static const char *const expected[] = {
        "Impersonate-User: jane doe",
        "Impersonate-Uid: 42",
        "Impersonate-Group: dev",
        "Impersonate-Group: ops",
        "Impersonate-Extra-example.com%2Fscope%25: read, all",
        "Impersonate-Extra-x: ",
        "Authorization: Bearer sEcReT1",
    };
    Fixture fixture;
    Answer answer = {0};
    fixture_init(&fixture);
    fixture_use(&fixture, HTTPS ", tls-server-name: inner, insecure-skip-tls-verify: true",
                "token: sEcReT1, as: jane doe, as-uid: 42, as-groups: [dev, ops], "
                "as-user-extra: {example.com/scope%: ['read, all'], x: ['']}");
    fixture_ask(&fixture, &answer);
    g_assert_cmpstr(answer.auth->endpoint->server_name, ==, "inner");
    g_assert_true(answer.auth->endpoint->is_insecure);
    char **lines = kft_auth_dup_lines(answer.auth);
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
        g_assert_cmpstr(lines[i], ==, expected[i]);
    g_assert_null(lines[G_N_ELEMENTS(expected)]);
    kft_auth_free_lines(lines);
    answer_clear(&answer);
    fixture_clear(&fixture);
}

/* --- token files --- */

static void test_token_file(void)
{
    Fixture fixture;
    Answer answer = {0};
    fixture_init(&fixture);
    fixture_use(&fixture, HTTPS, "tokenFile: token");
    fixture_assert_error(&fixture, KFT_ERROR_BAD_CONFIG, "user \"me\": tokenFile ");
    fixture_write_file(&fixture, "token", " \n");
    fixture_assert_error(&fixture, KFT_ERROR_BAD_CONFIG, "/token is empty");
    fixture_write_file(&fixture, "token", "sEcReT1\nsEcReT2\n");
    fixture_assert_error(&fixture, KFT_ERROR_BAD_CONFIG, "more than one line");

    fixture_write_file(&fixture, "token", "sEcReT1\n");
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    fixture_write_file(&fixture, "token", "sEcReT2\n");
    fixture.now_s += 49;
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    fixture.now_s += 1;
    fixture_assert_authorization(&fixture, "Bearer sEcReT2");
    /* A later error keeps the token; a clock set back does not. */
    fixture_write_file(&fixture, "token", "");
    fixture.now_s += 50;
    fixture_assert_authorization(&fixture, "Bearer sEcReT2");
    fixture_write_file(&fixture, "token", "sEcReT3");
    fixture.now_s -= 1000;
    fixture_assert_authorization(&fixture, "Bearer sEcReT3");

    fixture_ask(&fixture, &answer);
    g_assert_false(kft_credential_reject(fixture.credential, answer.auth));
    fixture_write_file(&fixture, "token", "sEcReT4");
    g_assert_true(kft_credential_reject(fixture.credential, answer.auth));
    fixture_assert_authorization(&fixture, "Bearer sEcReT4");

    fixture_use(&fixture, HTTPS, "tokenFile: gone, token: sEcReT5");
    fixture_assert_authorization(&fixture, "Bearer sEcReT5");
    fixture_write_file(&fixture, "gone", "sEcReT6");
    fixture.now_s += 10;
    fixture_assert_authorization(&fixture, "Bearer sEcReT6");
    answer_clear(&answer);
    fixture_clear(&fixture);
}

/* --- plugins --- */

static void test_plugin(void)
{
    Fixture fixture;
    Answer answers[10] = {0};
    fixture_init(&fixture);
    write_plugin(&fixture, "sleep 0.1\n" ANSWER("\"token\":\"sEcReT1\""));
    fixture_use(&fixture, HTTPS, EXEC);

    /* Ten at once share one run, and later ones its result; one that is cancelled gets nothing. */
    Answer cancelled = {0};
    KftCredentialRequest *request =
        kft_credential_get(fixture.credential, answer_on_credential, &cancelled);
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++)
        (void)kft_credential_get(fixture.credential, answer_on_credential, &answers[i]);
    kft_credential_request_cancel(request);
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        kft_test_loop_run_until_true(&fixture.loop, &answers[i].is_done);
        g_assert_cmpstr(kft_secret_reveal(answers[i].auth->authorization), ==, "Bearer sEcReT1");
    }
    g_assert_false(cancelled.is_done);
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    fixture.now_s += 1000000;
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    g_assert_cmpuint(count_runs(&fixture), ==, 1);

    /* Ten callers get a 401 to the same credential: one more run. */
    write_plugin(&fixture, ANSWER("\"token\":\"sEcReT2\""));
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        g_assert_true(kft_credential_reject(fixture.credential, answers[i].auth));
        KftAuth *old = answers[i].auth;
        answers[i] = (Answer){0};
        (void)kft_credential_get(fixture.credential, answer_on_credential, &answers[i]);
        kft_auth_unref(old);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        kft_test_loop_run_until_true(&fixture.loop, &answers[i].is_done);
        g_assert_cmpstr(kft_secret_reveal(answers[i].auth->authorization), ==, "Bearer sEcReT2");
        answer_clear(&answers[i]);
    }
    g_assert_cmpuint(count_runs(&fixture), ==, 2);
    fixture_clear(&fixture);
}

/* An old 401 that comes late does not throw away what was obtained since. */
static void test_late_reject(void)
{
    Fixture fixture;
    Answer first = {0};
    Answer second = {0};
    fixture_init(&fixture);
    write_plugin(&fixture, ANSWER("\"token\":\"sEcReT'$$'\""));
    fixture_use(&fixture, HTTPS, EXEC);
    fixture_ask(&fixture, &first);
    g_assert_true(kft_credential_reject(fixture.credential, first.auth));
    fixture_ask(&fixture, &second);
    g_assert_true(first.auth != second.auth);
    g_assert_true(kft_credential_reject(fixture.credential, first.auth));
    answer_clear(&first);
    fixture_ask(&fixture, &first);
    g_assert_true(first.auth == second.auth);
    g_assert_cmpuint(count_runs(&fixture), ==, 2);
    answer_clear(&first);
    answer_clear(&second);
    fixture_clear(&fixture);
}

typedef struct {
    const Fixture *fixture;
    unsigned n_runs;
    unsigned n_idle_fds; /* 0 = its end is not awaited */
} Runs;

/* A plugin has ended when its pipes are closed, which is when its result is taken, too. */
static bool are_runs(void *user_data)
{
    const Runs *runs = user_data;
    return count_runs(runs->fixture) >= runs->n_runs &&
           (runs->n_idle_fds == 0 || kft_test_count_fds() == runs->n_idle_fds);
}

static void wait_for(Fixture *fixture, unsigned n_runs, unsigned n_idle_fds)
{
    Runs runs = {.fixture = fixture, .n_runs = n_runs, .n_idle_fds = n_idle_fds};
    kft_test_loop_poll_until(&fixture->loop, are_runs, &runs);
    g_assert_cmpuint(count_runs(fixture), ==, n_runs);
}

#define EXPIRING(token, time)                                                                      \
    ANSWER("\"token\":\"" token "\",\"expirationTimestamp\":\"2026-11-23T" time "Z\"")

static void test_expiry(void)
{
    Fixture fixture;
    fixture_init(&fixture);
    write_plugin(&fixture, EXPIRING("sEcReT1", "10:10:00"));
    fixture_use(&fixture, HTTPS, EXEC);
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    unsigned n_idle_fds = kft_test_count_fds();
    fixture.now_s = START_S + 539;
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    wait_for(&fixture, 1, n_idle_fds);

    /* In the last minute it is renewed behind the caller's back. A failure then harms nobody. */
    write_plugin(&fixture, "exit 3");
    fixture.now_s = START_S + 540;
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    wait_for(&fixture, 2, n_idle_fds);
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    wait_for(&fixture, 2, n_idle_fds);
    write_plugin(&fixture, EXPIRING("sEcReT2", "10:10:10"));
    fixture.now_s = START_S + 560;
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    wait_for(&fixture, 3, n_idle_fds);

    /* What holds for less than a minute is used to its end, never longer. */
    fixture.now_s = START_S + 609;
    fixture_assert_authorization(&fixture, "Bearer sEcReT2");
    wait_for(&fixture, 3, n_idle_fds);
    write_plugin(&fixture, EXPIRING("sEcReT3", "10:00:00"));
    fixture.now_s = START_S + 610;
    fixture_assert_authorization(&fixture, "Bearer sEcReT3");
    /* That one had ended already when it came (clocks differ): used, but not kept. */
    fixture_assert_authorization(&fixture, "Bearer sEcReT3");
    g_assert_cmpuint(count_runs(&fixture), ==, 5);

    /* After a plugin has worked, its failure is worth another try. */
    write_plugin(&fixture, "exit 3");
    fixture_assert_error(&fixture, KFT_ERROR_REFUSED, "failed: ");
    fixture_clear(&fixture);
}

static void on_time(void *user_data)
{
    *(bool *)user_data = true;
}

/* Who uses it never waits for its renewal; what nobody uses is left alone. */
static void test_early_renewal(void)
{
    Fixture fixture;
    bool is_due = false;
    fixture_init(&fixture);
    write_plugin(&fixture, EXPIRING("sEcReT1", "10:01:01"));
    fixture_use(&fixture, HTTPS, EXEC);
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    unsigned n_idle_fds = kft_test_count_fds();
    fixture.now_s = START_S + 1;
    /* Timers fire in the order in which they are due. */
    KftTimer *timer = kft_timer_new(fixture.loop.loop, on_time, &is_due);
    kft_timer_start(timer, 1000);
    kft_test_loop_run_until_true(&fixture.loop, &is_due);
    kft_timer_free(timer);
    wait_for(&fixture, 1, n_idle_fds);

    fixture.now_s = START_S;
    fixture_use(&fixture, HTTPS, EXEC);
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    write_plugin(&fixture, EXPIRING("sEcReT2", "10:10:00"));
    fixture.now_s = START_S + 1;
    wait_for(&fixture, 3, n_idle_fds);
    fixture_assert_authorization(&fixture, "Bearer sEcReT2");
    wait_for(&fixture, 3, n_idle_fds);
    fixture_clear(&fixture);
}

static void test_certificate(void)
{
    Fixture fixture;
    Answer first = {0};
    Answer second = {0};
    fixture_init(&fixture);
    write_plugin(&fixture, ANSWER("\"token\":\"sEcReT1\",\"clientCertificateData\":\"" CERT(
                               "1") "\",\"clientKeyData\":\"" KEY "\""));
    fixture_use(&fixture, HTTPS, EXEC);
    fixture_ask(&fixture, &first);
    g_assert_no_error(first.error);
    g_assert_nonnull(first.auth->authorization);
    const char *cert = g_bytes_get_data(first.auth->endpoint->cert_data, NULL);
    g_assert_nonnull(strstr(cert, "\ncert-1\n"));
    g_assert_nonnull(first.auth->endpoint->key_data);

    write_plugin(&fixture, ANSWER("\"clientCertificateData\":\"" CERT(
                               "2") "\",\"clientKeyData\":\"" KEY "\""));
    g_assert_true(kft_credential_reject(fixture.credential, first.auth));
    fixture_ask(&fixture, &second);
    g_assert_null(second.auth->authorization);
    g_assert_true(second.auth->endpoint != first.auth->endpoint);
    answer_clear(&first);
    answer_clear(&second);
    fixture_clear(&fixture);
}

static void test_failures(void)
{
    static const struct {
        const char *body;
        KftErrorCode code;
        const char *message;
    } cases[] = {
        {"echo 'no profile sEcReTnot >&2' >/dev/null\necho \"please log in\" >&2\nexit 255",
         KFT_ERROR_AUTH, "with status 255: please log in; run it in a terminal to see why"},
        {"echo 'Authorization: Bearer sEcReT1' >&2\nexit 1", KFT_ERROR_AUTH, "<redacted>"},
        {"kill -9 $$", KFT_ERROR_AUTH, "was ended by signal 9"},
        {"echo 'sEcReT1'", KFT_ERROR_AUTH, "user \"me\": the credential plugin \"/"},
        {"echo 'sEcReT1'", KFT_ERROR_AUTH,
         "/plugin\" printed something that is not JSON; update the plugin or correct its "
         "arguments"},
        {"true", KFT_ERROR_AUTH, "printed nothing"},
        {"yes sEcReT1", KFT_ERROR_AUTH, "printed more than 1 MiB"},
        {ANSWER("\"clientKeyData\":\"" KEY "\""), KFT_ERROR_AUTH,
         "gave a client key without its certificate"},
        {"sleep 60", KFT_ERROR_TIMEOUT, "did not end within 0.4 seconds; run it in a terminal"},
        {"trap '' TERM\nsleep 60", KFT_ERROR_TIMEOUT, "did not end within 0.4 seconds"},
    };
    Fixture fixture;
    fixture_init(&fixture);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        fixture.hooks.plugin_timeout_ms = cases[i].code == KFT_ERROR_TIMEOUT ? 400 : 60000;
        write_plugin(&fixture, cases[i].body);
        fixture_use(&fixture, HTTPS, EXEC);
        fixture_assert_error(&fixture, (int)cases[i].code, cases[i].message);
    }
    /* After a failure the next request runs it again. */
    fixture.hooks.plugin_timeout_ms = 60000;
    write_plugin(&fixture, "exit 1");
    fixture_use(&fixture, HTTPS, EXEC);
    fixture_assert_error(&fixture, KFT_ERROR_AUTH, "with status 1");
    write_plugin(&fixture, ANSWER("\"token\":\"sEcReT1\""));
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    fixture_clear(&fixture);
}

#define EXEC_OF(command, more)                                                                     \
    "exec: {apiVersion: " V1 ", interactiveMode: Never, command: " command more "}"

static void test_missing(void)
{
    Fixture fixture;
    fixture_init(&fixture);
    fixture_use(&fixture, HTTPS, EXEC_OF("kft-no-such-plugin", ""));
    fixture_assert_error(
        &fixture, KFT_ERROR_BAD_CONFIG,
        "user \"me\": the credential plugin \"kft-no-such-plugin\" was not found in "
        "PATH; install it, or correct the command in the kubeconfig");
    fixture_use(&fixture, HTTPS,
                EXEC_OF("kft-no-such-plugin",
                        ", installHint: \"Install\\e[31m it:\\n\\n  apt install x\\r\\n.\""));
    fixture_assert_error(&fixture, KFT_ERROR_BAD_CONFIG,
                         "was not found in PATH; Install [31m it: apt install x");
    fixture_use(&fixture, HTTPS, EXEC_OF("./gone", ""));
    fixture_assert_error(&fixture, KFT_ERROR_BAD_CONFIG, "/gone\" does not exist; install it");
    fixture_write_file(&fixture, "text", "no program");
    fixture_use(&fixture, HTTPS, EXEC_OF("./text", ""));
    fixture_assert_error(&fixture, KFT_ERROR_BAD_CONFIG, "cannot be started: ");
    fixture_clear(&fixture);
}

static void test_interactive(void)
{
    Fixture fixture;
    fixture_init(&fixture);
    write_plugin(&fixture, ANSWER("\"token\":\"sEcReT1\""));
    fixture_use(&fixture, HTTPS,
                "exec: {apiVersion: " V1 ", interactiveMode: Always, command: ./plugin}");
    fixture_assert_error(&fixture, KFT_ERROR_BAD_CONFIG,
                         "needs a terminal to ask on (interactiveMode: Always)");
    g_assert_cmpuint(count_runs(&fixture), ==, 0);
    fixture.is_terminal = true;
    fixture_assert_authorization(&fixture, "Bearer sEcReT1");
    fixture_clear(&fixture);
}

/* The plugin says in its token what it got. */
static void test_environment(void)
{
    Fixture fixture;
    fixture_init(&fixture);
    g_assert_true(g_setenv("KFT_TEST_INHERITED", "from-parent", TRUE));
    g_assert_true(g_setenv("KFT_TEST_CHANGED", "from-parent", TRUE));
    write_plugin(&fixture, "printf %s \"$KUBERNETES_EXEC_INFO\" >\"$d/info\"\n"
                           "if read -r line; then exit 9; fi\n" ANSWER(
                               "\"token\":\"'$KFT_TEST_INHERITED,$KFT_TEST_CHANGED,$1,$2'\""));
    fixture_use(&fixture, HTTPS,
                "exec: {apiVersion: " V1 ", interactiveMode: IfAvailable, command: ./plugin, "
                "args: ['a b', c], env: [{name: KFT_TEST_CHANGED, value: from-config}]}");
    fixture_assert_authorization(&fixture, "Bearer from-parent,from-config,a b,c");
    g_autofree char *path = g_build_filename(fixture.dir, "info", NULL);
    g_autofree char *info = NULL;
    g_assert_true(g_file_get_contents(path, &info, NULL, NULL));
    g_assert_cmpstr(info, ==,
                    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1
                    "\",\"spec\":{\"interactive\":false}}");
    fixture_clear(&fixture);
}

static void test_cluster_info(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;
    fixture_init(&fixture);
    fixture_write_file(&fixture, "ca.crt", "PEM");
    fixture_use(&fixture,
                HTTPS
                ", certificate-authority: ca.crt, tls-server-name: inner, disable-compression: "
                "true, proxy-url: 'http://u:sEcReT@proxy', extensions: [{name: "
                "client.authentication.k8s.io/exec, extension: {audience: a}}]",
                "exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./plugin, "
                "provideClusterInfo: true}");
    g_autofree char *info = kft_exec_plugin_dup_info(&fixture.context, true, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(info, ==,
                    "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/"
                    "v1beta1\",\"spec\":{\"interactive\":true,\"cluster\":{\"server\":"
                    "\"https://api.example\",\"tls-server-name\":\"inner\",\"proxy-url\":"
                    "\"http://u:sEcReT@proxy\",\"disable-compression\":true,\"config\":"
                    "{\"audience\":\"a\"},\"certificate-authority-data\":\"UEVN\"}}}");
    g_autofree char *ca = g_build_filename(fixture.dir, "ca.crt", NULL);
    g_assert_cmpint(g_remove(ca), ==, 0);
    fixture_assert_error(&fixture, KFT_ERROR_BAD_CONFIG, "cannot be asked: certificate-authority ");

    fixture_use(&fixture, HTTPS ", insecure-skip-tls-verify: true",
                "exec: {apiVersion: " V1 ", interactiveMode: Never, command: ./plugin, "
                "provideClusterInfo: true}");
    g_autofree char *insecure = kft_exec_plugin_dup_info(&fixture.context, false, &error);
    g_assert_nonnull(strstr(insecure, "\"insecure-skip-tls-verify\":true}}}"));
    fixture_clear(&fixture);
}

/* --- life --- */

static void test_freeing(void)
{
    Fixture fixture;
    Answer first = {0};
    Answer second = {0};
    fixture_init(&fixture);
    write_plugin(&fixture, "exec sleep 600");
    fixture_use(&fixture, HTTPS, EXEC);

    /* Before it was looked at, and while the plugin runs. */
    (void)kft_credential_get(fixture.credential, answer_on_credential, &first);
    g_clear_pointer(&fixture.credential, kft_credential_free);
    fixture_use(&fixture, HTTPS, EXEC);
    (void)kft_credential_get(fixture.credential, answer_on_credential, &first);
    wait_for(&fixture, 1, /* n_idle_fds */ 0);
    g_clear_pointer(&fixture.credential, kft_credential_free);
    g_assert_false(first.is_done);

    /* Inside an answer; the others then get none. */
    write_plugin(&fixture, "exit 1");
    fixture_use(&fixture, HTTPS, EXEC);
    first.free_credential = &fixture.credential;
    (void)kft_credential_get(fixture.credential, answer_on_credential, &first);
    (void)kft_credential_get(fixture.credential, answer_on_credential, &second);
    kft_test_loop_run_until_true(&fixture.loop, &first.is_done);
    kft_test_loop_run_for(&fixture.loop, 20);
    g_assert_false(second.is_done);
    answer_clear(&first);
    fixture_clear(&fixture);
}

/* --- logs --- */

/* All of the above with the log at its fullest: none of the secrets may be in it. The plugins' own
 * stderr, which goes to the user as it is, is not part of that, so the test that prints a secret
 * there is left out. */
static void test_log_subprocess(void)
{
    kft_log_set_level(KFT_LEVEL_DEBUG);
    test_static();
    test_lines();
    test_token_file();
    test_plugin();
    test_late_reject();
    test_expiry();
    test_certificate();
    test_missing();
    test_environment();
    test_cluster_info();
}

static void test_log(void)
{
    g_test_trap_subprocess("/credential/log/subprocess", 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*auth: plugin=*");
    g_test_trap_assert_stderr_unmatched("*" SECRET "*");
    g_test_trap_assert_stderr_unmatched("*c0VjUmVU*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/credential/static", test_static);
    g_test_add_func("/credential/lines", test_lines);
    g_test_add_func("/credential/token-file", test_token_file);
    g_test_add_func("/credential/plugin", test_plugin);
    g_test_add_func("/credential/late-reject", test_late_reject);
    g_test_add_func("/credential/expiry", test_expiry);
    g_test_add_func("/credential/early-renewal", test_early_renewal);
    g_test_add_func("/credential/certificate", test_certificate);
    g_test_add_func("/credential/failures", test_failures);
    g_test_add_func("/credential/missing", test_missing);
    g_test_add_func("/credential/interactive", test_interactive);
    g_test_add_func("/credential/environment", test_environment);
    g_test_add_func("/credential/cluster-info", test_cluster_info);
    g_test_add_func("/credential/freeing", test_freeing);
    g_test_add_func("/credential/log/subprocess", test_log_subprocess);
    g_test_add_func("/credential/log", test_log);
    return g_test_run();
}
