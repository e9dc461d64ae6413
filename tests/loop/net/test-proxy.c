/* Proxies: which one is taken, what goes through it, and what is said when it refuses. */
#include <kftray/error.h>
#include <string.h>

#include "net/proxy-choice.h"
#include "net/stream.h"
#include "outcome.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

typedef struct {
    KftTestLoop test;
    KftTestChild server; /* HTTPS */
    KftTestChild proxy;
    KftEndpoint *endpoint;
    char *proxy_log;
    KftStream *stream;
    GError *error;
    bool is_done;
} Fixture;

static char *certificates;

static const char *const variables[] = {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY",
                                        "no_proxy",   "NO_PROXY",   "all_proxy",   "ALL_PROXY"};

static void clear_environment(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++)
        g_unsetenv(variables[i]);
}

/* @data: the fake's script and its options, separated by spaces; CERTS stands for the folder. */
static void set_up(Fixture *fixture, gconstpointer data)
{
    g_auto(GStrv) words = g_strsplit(data, " ", -1);
    g_autofree char *relative = g_strdup_printf("tests/fakes/%s", words[0]);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i == 0 || strcmp(words[i], "CERTS") == 0) {
            g_free(words[i]);
            words[i] = i == 0 ? kft_test_source_path(relative) : g_strdup(certificates);
        }
    }
    clear_environment();
    kft_test_server_start(&fixture->server,
                          (const char *const[]){"http", certificates, "server", NULL});
    kft_test_child_start(&fixture->proxy, (const char *const *)words);
    kft_test_loop_init(&fixture->test);
    fixture->endpoint = kft_test_endpoint("https", &fixture->server);
    fixture->endpoint->ca_file = g_build_filename(certificates, "ca.crt", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    clear_environment();
    kft_endpoint_unref(fixture->endpoint);
    kft_stream_free(fixture->stream);
    g_clear_error(&fixture->error);
    kft_test_loop_clear(&fixture->test);
    g_free(kft_test_child_stop(&fixture->server));
    if (fixture->proxy.pid != 0)
        g_free(kft_test_child_stop(&fixture->proxy));
    g_free(fixture->proxy_log);
}

static void stop_proxy(Fixture *fixture)
{
    fixture->proxy_log = kft_test_child_stop(&fixture->proxy);
    fixture->proxy.pid = 0;
    fixture->test.n_fds--; /* the pipe from the proxy */
    g_test_message("%s", fixture->proxy_log);
}

/* @prefix: "http://", "socks5://user:password@", … */
static char *proxy_url(const Fixture *fixture, const char *prefix)
{
    return g_strdup_printf("%s127.0.0.1:%u", prefix, fixture->proxy.port);
}

static void use_proxy(Fixture *fixture, const char *prefix)
{
    g_autofree char *url = proxy_url(fixture, prefix);
    kft_secret_free(fixture->endpoint->proxy_url);
    fixture->endpoint->proxy_url = kft_secret_new(url);
}

static void fetch(Fixture *fixture, KftOutcome *outcome)
{
    kft_outcome_fetch(outcome, &fixture->test, fixture->endpoint, NULL, "/echo");
}

static void on_dial_done(KftStream *stream, const GError *error, void *user_data)
{
    Fixture *fixture = user_data;
    fixture->stream = stream;
    fixture->error = error == NULL ? NULL : g_error_copy(error);
    fixture->is_done = true;
}

typedef struct {
    Fixture *fixture;
    GString *answer;
    bool is_done;
} Exchange;

static void on_stream_readable(void *user_data)
{
    Exchange *exchange = user_data;
    char data[1024];
    KftResult result = KFT_R_OK;
    while (result == KFT_R_OK) {
        size_t size = 0;
        result = kft_stream_read(exchange->fixture->stream, (uint8_t *)data, sizeof data, &size);
        g_string_append_len(exchange->answer, data, (gssize)size);
    }
    g_assert_cmpint(result, ==, KFT_R_AGAIN);
    exchange->is_done = exchange->answer->len > 100000;
}

/* Sends a request by hand and reads an answer of many TLS records. */
static void use_stream(Fixture *fixture)
{
    static const char request[] = "GET /big/100000 HTTP/1.1\r\nHost: x\r\n\r\n";
    KftStreamFuncs funcs = {.on_readable = on_stream_readable};
    Exchange exchange = {.fixture = fixture, .answer = g_string_new(NULL)};
    size_t n_written = 0;
    KftDial *dial = kft_dial_start(fixture->test.loop, fixture->endpoint, 0, on_dial_done, fixture);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    kft_dial_free(dial);
    g_assert_no_error(fixture->error);
    kft_stream_set_funcs(fixture->stream, &funcs, &exchange);
    kft_stream_set_interest(fixture->stream, /* read */ true, /* write */ false);
    g_assert_cmpint(
        kft_stream_write(fixture->stream, (const uint8_t *)request, sizeof request - 1, &n_written),
        ==, KFT_R_OK);
    g_assert_cmpuint(n_written, ==, sizeof request - 1);
    kft_test_loop_run_until_true(&fixture->test, &exchange.is_done);
    g_assert_true(g_str_has_prefix(exchange.answer->str, "HTTP/1.1 200 OK\r\n"));
    (void)g_string_free(exchange.answer, TRUE);
    kft_stream_free(g_steal_pointer(&fixture->stream));
}

/* A request and a stream go through, and the fake's log has @log. */
static void assert_works(Fixture *fixture, const char *prefix, const char *log)
{
    g_auto(KftOutcome) outcome = {0};
    use_proxy(fixture, prefix);
    fetch(fixture, &outcome);
    g_assert_no_error(outcome.error);
    g_assert_nonnull(strstr(outcome.body->str, "GET /echo"));
    g_assert_null(strstr(outcome.body->str, "Proxy-"));
    use_stream(fixture);
    kft_outcome_clear(&outcome);
    stop_proxy(fixture);
    g_assert_nonnull(strstr(fixture->proxy_log, log));
}

static void test_http(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_works(fixture, "http://", "CONNECT 127.0.0.1:");
}

static void test_http_login(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_works(fixture, "http://user:s3cret@", "CONNECT 127.0.0.1:");
}

static void test_https(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_works(fixture, "https://user:s3cret@", "CONNECT 127.0.0.1:");
}

static void test_socks5(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_works(fixture, "socks5://", "connect ");
}

static void test_socks5_login(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_works(fixture, "socks5://user:s3cret@", "connect ");
}

/* The name exists only for the proxy; its certificate has another one. */
static void resolve_by_proxy(Fixture *fixture, const char *prefix, const char *log)
{
    g_auto(KftOutcome) outcome = {0};
    g_free(fixture->endpoint->url);
    fixture->endpoint->url = g_strdup_printf("https://cluster.invalid:%u", fixture->server.port);
    fixture->endpoint->server_name = g_strdup("localhost");
    use_proxy(fixture, prefix);
    fetch(fixture, &outcome);
    g_assert_no_error(outcome.error);
    g_assert_nonnull(strstr(outcome.body->str, "Host: cluster.invalid:"));
    use_stream(fixture);
    stop_proxy(fixture);
    g_assert_nonnull(strstr(fixture->proxy_log, log));
}

static void test_http_resolves(Fixture *fixture, gconstpointer data)
{
    (void)data;
    resolve_by_proxy(fixture, "http://", "CONNECT cluster.invalid:");
}

static void test_socks5_resolves(Fixture *fixture, gconstpointer data)
{
    (void)data;
    resolve_by_proxy(fixture, "socks5://", "connect name cluster.invalid");
}

static void assert_refused(Fixture *fixture, const char *prefix, int code, const char *pattern)
{
    g_auto(KftOutcome) outcome = {0};
    use_proxy(fixture, prefix);
    fetch(fixture, &outcome);
    kft_outcome_assert_error(&outcome, code, pattern);
    g_assert_null(strstr(outcome.error->message, "s3cret"));
    KftDial *dial = kft_dial_start(fixture->test.loop, fixture->endpoint, 0, on_dial_done, fixture);
    kft_test_loop_run_until_true(&fixture->test, &fixture->is_done);
    g_assert_error(fixture->error, KFT_ERROR, code);
    g_assert_cmpstr(fixture->error->message, ==, outcome.error->message);
    kft_dial_free(dial);
}

static void test_http_needs_login(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_refused(fixture, "http://", KFT_ERROR_PROXY_AUTH,
                   "the proxy 127.0.0.1:* needs authentication, or refused *(status 407)");
}

static void test_http_wrong_login(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_refused(fixture, "http://other:s3cret@", KFT_ERROR_PROXY_AUTH,
                   "the proxy 127.0.0.1:* needs authentication, or refused *(status 407)");
}

static void test_http_refuses(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_refused(fixture, "http://", KFT_ERROR_REFUSED,
                   "the proxy 127.0.0.1:* refused the connection to 127.0.0.1:* with status 403");
}

static void test_https_not_trusted(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_clear_pointer(&fixture->endpoint->ca_file, g_free);
    assert_refused(fixture, "https://", KFT_ERROR_AUTH,
                   "the certificate of the proxy 127.0.0.1:* is not trusted: *");
}

static void test_socks5_needs_login(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_refused(fixture, "socks5://", KFT_ERROR_PROXY_AUTH,
                   "the SOCKS proxy 127.0.0.1:* needs auth*");
}

static void test_socks5_wrong_login(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_refused(fixture, "socks5://user:wrong-s3cret@", KFT_ERROR_PROXY_AUTH,
                   "the SOCKS proxy 127.0.0.1:* needs auth*");
}

static void test_socks5_cannot_connect(Fixture *fixture, gconstpointer data)
{
    (void)data;
    g_free(fixture->endpoint->url);
    fixture->endpoint->url = g_strdup("https://127.0.0.1:1");
    assert_refused(fixture, "socks5://", KFT_ERROR_UNREACHABLE,
                   "the SOCKS proxy 127.0.0.1:* cannot connect to 127.0.0.1:1: connection refused");
}

static void test_proxy_is_gone(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) outcome = {0};
    (void)data;
    fixture->endpoint->proxy_url = kft_secret_new("http://user:s3cret@127.0.0.1:1");
    fetch(fixture, &outcome);
    kft_outcome_assert_error(&outcome, KFT_ERROR_UNREACHABLE,
                             "cannot connect to the proxy 127.0.0.1:1: connection refused");
}

static void test_bad_proxy_urls(Fixture *fixture, gconstpointer data)
{
    static const char *const urls[] = {"ftp://user:s3cret@proxy.test", "http://",
                                       "socks4://proxy.test",
                                       "http://user:s3cret@proxy.test:99999"};
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_auto(KftOutcome) outcome = {0};
        kft_secret_free(fixture->endpoint->proxy_url);
        fixture->endpoint->proxy_url = kft_secret_new(urls[i]);
        fetch(fixture, &outcome);
        kft_outcome_assert_error(&outcome, KFT_ERROR_BAD_CONFIG,
                                 "the proxy URL of the cluster is not *");
        g_assert_null(strstr(outcome.error->message, "s3cret"));
    }
}

static void test_environment(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) direct = {0};
    g_auto(KftOutcome) proxied = {0};
    g_autofree char *url = proxy_url(fixture, "");
    (void)data;
    /* Loopback goes direct, whatever the environment says. */
    (void)g_setenv("HTTPS_PROXY", "http://127.0.0.1:1", TRUE);
    fetch(fixture, &direct);
    g_assert_no_error(direct.error);
    (void)g_setenv("HTTPS_PROXY", url, TRUE);
    g_free(fixture->endpoint->url);
    fixture->endpoint->url = g_strdup_printf("https://cluster.invalid:%u", fixture->server.port);
    fixture->endpoint->server_name = g_strdup("localhost");
    fetch(fixture, &proxied);
    g_assert_no_error(proxied.error);
    stop_proxy(fixture);
    g_assert_nonnull(strstr(fixture->proxy_log, "CONNECT cluster.invalid:"));
}

static void test_cluster_wins(Fixture *fixture, gconstpointer data)
{
    g_auto(KftOutcome) proxied = {0};
    g_auto(KftOutcome) direct = {0};
    (void)data;
    (void)g_setenv("https_proxy", "http://127.0.0.1:1", TRUE);
    (void)g_setenv("no_proxy", "*", TRUE);
    use_proxy(fixture, "http://");
    fetch(fixture, &proxied);
    g_assert_no_error(proxied.error);
    kft_secret_free(fixture->endpoint->proxy_url);
    fixture->endpoint->proxy_url = kft_secret_new("");
    g_unsetenv("no_proxy");
    fetch(fixture, &direct);
    g_assert_no_error(direct.error);
    stop_proxy(fixture);
    g_assert_nonnull(strstr(fixture->proxy_log, "CONNECT 127.0.0.1:"));
}

typedef struct {
    const char *list;
    const char *host;
    uint16_t port;
    bool matches;
} ListCase;

static void test_lists(void)
{
    static const ListCase cases[] = {
        {"", "a.test", 443, false},
        {"*", "a.test", 443, true},
        {"a.test", "a.test", 443, true},
        {"A.Test", "a.tEST", 443, true},
        {"a.test", "b.a.test", 443, true},
        {"a.test", "ba.test", 443, false},
        {"a.test", "test", 443, false},
        {".a.test", "a.test", 443, false},
        {".a.test", "b.a.test", 443, true},
        {"*.a.test", "b.a.test", 443, true},
        {"*.a.test", "a.test", 443, false},
        {"x, a.test ,y", "a.test", 443, true},
        {"a.test:443", "a.test", 443, true},
        {"a.test:8443", "a.test", 443, false},
        {"a.test:x", "a.test", 443, false},
        {"10.0.0.1", "10.0.0.1", 443, true},
        {"10.0.0.1:443", "10.0.0.1", 443, true},
        {"10.0.0.1:80", "10.0.0.1", 443, false},
        {"10.0.0.0/8", "10.200.3.4", 443, true},
        {"10.0.0.0/8", "11.0.0.1", 443, false},
        {"10.0.0.0/8", "name.test", 443, false},
        {"10.128.0.0/9", "10.127.0.1", 443, false},
        {"10.128.0.0/9", "10.128.0.1", 443, true},
        {"0.0.0.0/0", "1.2.3.4", 443, true},
        {"1.2.3.4/32", "1.2.3.4", 443, true},
        {"10.0.0.0/33", "10.0.0.1", 443, false},
        {"10.0.0.0/", "10.0.0.1", 443, false},
        {"fd00::/8", "fd12::1", 443, true},
        {"fd00::/8", "fe80::1", 443, false},
        {"fd00::1", "fd00:0::1", 443, true},
        {"[fd00::1]:443", "fd00::1", 443, true},
        {"[fd00::1]:80", "fd00::1", 443, false},
        {"[fd00::1", "fd00::1", 443, false},
        {"0.0.1", "10.0.0.1", 443, false},
        {".", "a.test", 443, false},
        {"a.test.", "a.test", 443, true},
        {"a.test", "b.a.test.", 443, true},
        {".test", "a.test.", 443, true},
        {",, ,", "a.test", 443, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        if (kft_proxy_list_matches(cases[i].list, cases[i].host, cases[i].port) != cases[i].matches)
            g_error("\"%s\" and %s:%u", cases[i].list, cases[i].host, cases[i].port);
    }
}

static void assert_choice(const char *proxy, const char *scheme, const char *url, const char *name)
{
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_new("https://a.test");
    g_autoptr(GError) error = NULL;
    KftProxyChoice choice = {0};
    const KftProxyServer server = {scheme, "a.test", 443};
    endpoint->proxy_url = proxy == NULL ? NULL : kft_secret_new(proxy);
    g_assert_true(kft_proxy_choose(endpoint, /* network */ NULL, &server, &choice, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(choice.url == NULL ? NULL : kft_secret_reveal(choice.url), ==, url);
    g_assert_cmpstr(choice.name, ==, name);
    kft_proxy_choice_clear(&choice);
}

static void test_choices(void)
{
    clear_environment();
    assert_choice(NULL, "https", NULL, NULL);
    assert_choice("", "https", NULL, NULL);
    assert_choice("http://p", "https", "http://p:80/", "p:80");
    assert_choice("https://u:x@p/", "https", "https://u:x@p:443/", "p:443");
    assert_choice("socks5://p", "https", "socks5h://p:1080/", "p:1080");
    assert_choice("socks5h://p:9", "https", "socks5h://p:9/", "p:9");
    assert_choice("http://[::1]:9", "https", "http://[::1]:9/", "[::1]:9");
    (void)g_setenv("http_proxy", "one:1", TRUE);
    (void)g_setenv("https_proxy", "two:2", TRUE);
    (void)g_setenv("HTTPS_PROXY", "", TRUE);
    assert_choice(NULL, "https", "http://two:2/", "two:2");
    assert_choice(NULL, "http", "http://one:1/", "one:1");
    (void)g_setenv("HTTPS_PROXY", "three:3", TRUE);
    assert_choice(NULL, "https", "http://three:3/", "three:3");
    (void)g_setenv("no_proxy", "b.test", TRUE);
    (void)g_setenv("NO_PROXY", "a.test:443", TRUE);
    assert_choice(NULL, "https", NULL, NULL);
    assert_choice("http://p", "https", "http://p:80/", "p:80");
    clear_environment();
    (void)g_setenv("all_proxy", "socks5://four", TRUE);
    assert_choice(NULL, "https", "socks5h://four:1080/", "four:1080");
    assert_choice(NULL, "http", "socks5h://four:1080/", "four:1080");
    (void)g_setenv("ALL_PROXY", "five:5", TRUE);
    assert_choice(NULL, "https", "http://five:5/", "five:5");
    (void)g_setenv("https_proxy", "two:2", TRUE);
    assert_choice(NULL, "https", "http://two:2/", "two:2");
    assert_choice(NULL, "http", "http://five:5/", "five:5");
    clear_environment();
}

typedef struct {
    const char *cluster;     /* the kubeconfig's; nullable */
    const char *environment; /* HTTPS_PROXY; nullable */
    const char *no_proxy;
    const char *settings; /* nullable */
    const char *settings_except;
    const char *host;
    const char *name;    /* of the proxy; nullable */
    const char *reason;  /* pattern */
    const char *desktop; /* nullable */
    const char *desktop_except;
    const char *of_contexts; /* the settings', nullable */
} SourceCase;

/* Who wins, and what is said about it. */
static void test_sources(void)
{
    static const SourceCase cases[] = {
        {NULL, NULL, NULL, NULL, NULL, "a.test", NULL, "neither *; by a script", NULL, NULL, NULL},
        {NULL, NULL, NULL, NULL, NULL, "a.test", "d:4", "the desktop's settings say so", "d:4",
         NULL, NULL},
        {NULL, NULL, NULL, NULL, NULL, "a.test", NULL, "the desktop*exceptions", "d:4", "*.test",
         NULL},
        {NULL, NULL, NULL, NULL, NULL, "127.0.0.1", NULL, "*on this computer*", "d:4", NULL, NULL},
        {NULL, NULL, NULL, "s:1", "a.test", "a.test", NULL, "*exceptions", "d:4", NULL, NULL},
        {NULL, NULL, NULL, "none", NULL, "a.test", NULL, "the settings say so", "d:4", NULL, NULL},
        {NULL, "e:2", NULL, "s:1", NULL, "a.test", "e:2", "HTTPS_PROXY is set*", "d:4", NULL, NULL},
        {"c:3", "e:2", "*", "s:1", NULL, "localhost", "o:5", "*for context \"prod x\"", "d:4", NULL,
         "prod=p:9 prod%20x=o:5"},
        {"c:3", "e:2", NULL, "s:1", NULL, "a.test", NULL, "*for context \"prod x\"", "d:4", NULL,
         "prod%20x=none"},
        {"c:3", NULL, NULL, NULL, NULL, "a.test", "c:3", "the kubeconfig's*", NULL, NULL, "x=none"},
        {NULL, NULL, NULL, "s:1", NULL, "a.test", "s:1", "the settings say so", NULL, NULL, NULL},
        {NULL, NULL, NULL, "s:1", ".test", "a.test", NULL, "*exceptions", NULL, NULL, NULL},
        {NULL, NULL, NULL, "s:1", NULL, "127.3.4.5", NULL, "*on this computer*", NULL, NULL, NULL},
        {NULL, NULL, NULL, "s:1", NULL, "a.localhost", NULL, "*on this computer*", NULL, NULL,
         NULL},
        {NULL, NULL, NULL, "s:1", NULL, "::1", NULL, "*on this computer*", NULL, NULL, NULL},
        {NULL, "e:2", NULL, "s:1", NULL, "a.test", "e:2", "HTTPS_PROXY is set*", NULL, NULL, NULL},
        {NULL, "e:2", "a.test", "s:1", NULL, "a.test", NULL, "*but NO_PROXY names the server", NULL,
         NULL, NULL},
        {NULL, "e:2", "a.test", "s:1", NULL, "a.test.", NULL, "*but NO_PROXY names the server",
         NULL, NULL, NULL},
        {NULL, "e:2", NULL, NULL, NULL, "localhost", NULL, "*on this computer*", NULL, NULL, NULL},
        {"c:3", "e:2", "*", "s:1", "*", "localhost", "c:3", "the kubeconfig's proxy-url*", NULL,
         NULL, NULL},
        {"", "e:2", NULL, "s:1", NULL, "a.test", NULL, "the kubeconfig's proxy-url*", NULL, NULL,
         NULL},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(KftEndpoint) endpoint = kft_endpoint_new("https://unused.test");
        g_autoptr(GError) error = NULL;
        const KftProxyServer server = {"https", cases[i].host, 443};
        KftProxyChoice choice = {0};
        KftNetwork network = {0};
        clear_environment();
        if (cases[i].environment != NULL)
            (void)g_setenv("HTTPS_PROXY", cases[i].environment, TRUE);
        if (cases[i].no_proxy != NULL)
            (void)g_setenv("NO_PROXY", cases[i].no_proxy, TRUE);
        endpoint->proxy_url = cases[i].cluster == NULL ? NULL : kft_secret_new(cases[i].cluster);
        network.settings.context_proxies = g_strdup(cases[i].of_contexts);
        network.settings.proxy = g_strdup(cases[i].settings);
        network.settings.no_proxy = g_strdup(cases[i].settings_except);
        network.settings.desktop_proxy = g_strdup(cases[i].desktop);
        network.settings.desktop_no_proxy = g_strdup(cases[i].desktop_except);
        network.settings.desktop_note = g_strdup("by a script");
        endpoint->context = g_strdup("prod x");
        g_assert_true(kft_proxy_choose(endpoint, &network, &server, &choice, &error));
        g_assert_cmpstr(choice.name, ==, cases[i].name);
        if (!g_pattern_match_simple(cases[i].reason, choice.reason))
            g_error("row %zu: \"%s\"", i, choice.reason);
        kft_proxy_choice_clear(&choice);
        kft_network_clear(&network);
    }
    clear_environment();
}

#define ADD(name, fake, func) g_test_add("/net/proxy/" name, Fixture, fake, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    certificates = kft_test_make_certificates();
    ADD("http", "httpproxy.py", test_http);
    ADD("http-login", "httpproxy.py --login user:s3cret", test_http_login);
    ADD("https", "httpproxy.py --login user:s3cret --tls CERTS", test_https);
    ADD("socks5", "socks5.py", test_socks5);
    ADD("socks5-login", "socks5.py --login user:s3cret", test_socks5_login);
    ADD("http-resolves", "httpproxy.py", test_http_resolves);
    ADD("socks5-resolves", "socks5.py", test_socks5_resolves);
    ADD("http-needs-login", "httpproxy.py --login user:s3cret", test_http_needs_login);
    ADD("http-wrong-login", "httpproxy.py --login user:s3cret", test_http_wrong_login);
    ADD("http-refuses", "httpproxy.py --refuse 403", test_http_refuses);
    ADD("https-not-trusted", "httpproxy.py --tls CERTS", test_https_not_trusted);
    ADD("socks5-needs-login", "socks5.py --login user:s3cret", test_socks5_needs_login);
    ADD("socks5-wrong-login", "socks5.py --login user:s3cret", test_socks5_wrong_login);
    ADD("socks5-cannot-connect", "socks5.py", test_socks5_cannot_connect);
    ADD("proxy-is-gone", "httpproxy.py", test_proxy_is_gone);
    ADD("bad-proxy-urls", "httpproxy.py", test_bad_proxy_urls);
    ADD("environment", "httpproxy.py", test_environment);
    ADD("cluster-wins", "httpproxy.py", test_cluster_wins);
    g_test_add_func("/net/proxy/lists", test_lists);
    g_test_add_func("/net/proxy/choices", test_choices);
    g_test_add_func("/net/proxy/sources", test_sources);
    int status = g_test_run();
    kft_test_remove_folder(certificates);
    g_free(certificates);
    return status;
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
