/* Trust, names, client certificates and the sentences about what is wrong with them. */
#include <kftray/error.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "net/stream.h"
#include "net/trust.h"
#include "outcome.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

typedef struct {
    KftTestLoop test;
    KftTestChild server;
    KftEndpoint *endpoint;
} Fixture;

/* Made once for all tests. */
static char *certificates;

static char *file_of(const char *name)
{
    return g_build_filename(certificates, name, NULL);
}

static GBytes *bytes_of(const char *name)
{
    g_autofree char *file = file_of(name);
    g_autoptr(GError) error = NULL;
    char *text = NULL;
    gsize size = 0;
    (void)g_file_get_contents(file, &text, &size, &error);
    g_assert_no_error(error);
    return g_bytes_new_take(text, size);
}

/* @data: the name of the server's certificate, with a "+" in front if it wants one from the client.
 */
static void set_up(Fixture *fixture, gconstpointer data)
{
    const char *name = data;
    bool wants_client = name[0] == '+';
    kft_test_server_start(&fixture->server,
                          (const char *const[]){"http", certificates, name + (wants_client ? 1 : 0),
                                                wants_client ? "client-ca" : NULL, NULL});
    kft_test_loop_init(&fixture->test);
    fixture->endpoint = kft_test_endpoint("https", &fixture->server);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_endpoint_unref(fixture->endpoint);
    kft_test_loop_clear(&fixture->test);
    g_free(kft_test_child_stop(&fixture->server));
}

static void assert_reached(Fixture *fixture, const char *expected)
{
    g_auto(KftOutcome) outcome = {0};
    kft_outcome_fetch(&outcome, &fixture->test, fixture->endpoint, NULL, "/echo");
    g_assert_no_error(outcome.error);
    if (strstr(outcome.body->str, expected) == NULL)
        g_error("\"%s\" is not in \"%s\"", expected, outcome.body->str);
}

static void assert_fails(Fixture *fixture, int code, const char *pattern)
{
    g_auto(KftOutcome) outcome = {0};
    kft_outcome_fetch(&outcome, &fixture->test, fixture->endpoint, NULL, "/echo");
    kft_outcome_assert_error(&outcome, code, pattern);
}

static void test_ca_file(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    assert_reached(fixture, "GET /echo");
}

static void test_ca_data(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_data = bytes_of("ca.crt");
    fixture->endpoint->ca_file = file_of("missing.crt"); /* the data win */
    assert_reached(fixture, "GET /echo");
    assert_reached(fixture, "GET /echo");
}

/* curl must not wait for the socket while records lie decrypted or read ahead inside OpenSSL. */
static void test_many_records(Fixture *fixture, gconstpointer data)
{
    static const char *const paths[] = {"/chunks", "/big/20000", "/big/500000"};
    (void)data;
    fixture->endpoint->ca_data = bytes_of("ca.crt");
    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_auto(KftOutcome) outcome = {0};
        KftHttpRequest request = {.path = paths[i], .timeout_ms = 10000};
        kft_outcome_fetch(&outcome, &fixture->test, fixture->endpoint, &request, NULL);
        g_assert_no_error(outcome.error);
    }
}

static void test_no_ca(Fixture *fixture, gconstpointer data)
{
    (void)data;
    assert_fails(
        fixture, KFT_ERROR_AUTH,
        "the certificate of 127.0.0.1:* is not trusted: it was issued by \"CN = kftray test "
        "authority\", which is not among the trusted authorities");
}

static void test_wrong_ca(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("other-ca.crt");
    assert_fails(fixture, KFT_ERROR_AUTH, "*is not trusted: it was issued by \"CN = kftray test *");
}

static void test_only_given_ca_counts(Fixture *fixture, gconstpointer data)
{
    g_autofree char *ca = file_of("ca.crt");
    (void)data;
    /* Stands for the system's set, which OpenSSL takes from here. */
    (void)g_setenv("SSL_CERT_FILE", ca, TRUE);
    fixture->endpoint->ca_data = bytes_of("other-ca.crt");
    assert_fails(fixture, KFT_ERROR_AUTH, "*is not trusted*");
    g_unsetenv("SSL_CERT_FILE");
}

/* What is named is trusted, a root or not: a kubeconfig may have an intermediate authority, or the
 * server's own certificate. */
static void test_no_root(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_data = bytes_of("server.crt");
    assert_reached(fixture, "GET /echo");
}

/* Neither the connection that is still open, nor its TLS session, is used by who trusts others. */
static void test_other_ca_after(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_data = bytes_of("ca.crt");
    assert_reached(fixture, "GET /echo");
    g_clear_pointer(&fixture->endpoint->ca_data, g_bytes_unref);
    fixture->endpoint->ca_data = bytes_of("other-ca.crt");
    assert_fails(fixture, KFT_ERROR_AUTH, "*is not trusted*");
    g_clear_pointer(&fixture->endpoint->ca_data, g_bytes_unref);
    assert_fails(fixture, KFT_ERROR_AUTH, "*is not trusted*");
}

/* A file of the same name with other authorities counts at once. */
static void test_ca_file_replaced(Fixture *fixture, gconstpointer data)
{
    static const char *const names[] = {"ca.crt", "other-ca.crt", "ca.crt"};
    (void)data;
    fixture->endpoint->ca_file = file_of("replaced-ca.crt");
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GBytes) pem = bytes_of(names[i]);
        g_autoptr(GError) error = NULL;
        (void)g_file_set_contents(fixture->endpoint->ca_file, g_bytes_get_data(pem, NULL),
                                  (gssize)g_bytes_get_size(pem), &error);
        g_assert_no_error(error);
        if (i == 1)
            assert_fails(fixture, KFT_ERROR_AUTH, "*is not trusted*");
        else
            assert_reached(fixture, "GET /echo");
    }
}

/* The same authorities are one set, any others are another. */
static void test_trust_sets(void)
{
    g_autoptr(GBytes) own = bytes_of("ca.crt");
    g_autoptr(GBytes) copy = bytes_of("ca.crt");
    g_autoptr(GBytes) other = bytes_of("other-ca.crt");
    g_autoptr(GBytes) rubbish = g_bytes_new_static("rubbish", 7);
    KftTrust trust = {0};
    const KftTrustSet *set = kft_trust_get_set(&trust, own, NULL, false);
    const KftTrustSet *others[] = {
        kft_trust_get_set(&trust, other, NULL, false), kft_trust_get_set(&trust, own, other, false),
        kft_trust_get_set(&trust, NULL, own, false),   kft_trust_get_set(&trust, NULL, own, true),
        kft_trust_get_set(&trust, NULL, NULL, true),
    };
    g_assert_nonnull(set);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        g_assert_nonnull(others[i]);
        g_assert_true(others[i] != set && others[i]->store != set->store);
        g_assert_cmpstr(others[i]->name, !=, set->name);
    }
    g_assert_true(kft_trust_get_set(&trust, copy, NULL, false) == set);
    g_assert_null(kft_trust_get_set(&trust, rubbish, NULL, false));
    g_assert_null(kft_trust_get_set(&trust, own, rubbish, false));
    kft_trust_clear(&trust);
}

/* Those that were not asked for in a long time are forgotten, others are not. */
static void test_trust_limit(void)
{
    g_autoptr(GBytes) own = bytes_of("ca.crt");
    KftTrust trust = {0};
    const KftTrustSet *set = kft_trust_get_set(&trust, own, NULL, false);
    for (int i = 0; i < 100; i++) {
        g_autofree char *text =
            g_strdup_printf("%d\n%s", i, (const char *)g_bytes_get_data(own, NULL));
        g_autoptr(GBytes) pem = g_bytes_new(text, strlen(text));
        g_assert_nonnull(kft_trust_get_set(&trust, pem, NULL, false));
        g_assert_true(kft_trust_get_set(&trust, own, NULL, false) == set);
    }
    g_assert_cmpuint(g_queue_get_length(&trust.sets), <=, 16);
    kft_trust_clear(&trust);
}

static void test_insecure(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->is_insecure = true;
    assert_reached(fixture, "GET /echo");
}

static void test_expired(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    assert_fails(fixture, KFT_ERROR_AUTH,
                 "the certificate of 127.0.0.1:* expired on 2020-01-01 00:00 UTC, * days ago by "
                 "this computer's clock");
}

static void test_wrong_name(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    assert_fails(
        fixture, KFT_ERROR_AUTH,
        "the certificate of 127.0.0.1:* is for another name: it is valid for elsewhere.test");
}

static void test_server_name(Fixture *fixture, gconstpointer data)
{
    g_autofree char *host = kft_endpoint_dup_authority(fixture->endpoint);
    g_autofree char *field = g_strdup_printf("\r\nHost: %s\r\n", host);
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    fixture->endpoint->server_name = g_strdup("elsewhere.test");
    assert_reached(fixture, field);
}

static void test_wrong_server_name(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    fixture->endpoint->server_name = g_strdup("api.test");
    assert_fails(fixture, KFT_ERROR_AUTH,
                 "*is for another name: it is valid for localhost, 127.0.0.1, ::1, not for "
                 "\"api.test\"");
}

static void test_client_certificates(Fixture *fixture, gconstpointer data)
{
    static const char *const kinds[] = {"ec", "rsa", "ed25519"};
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        for (unsigned with_files = 0; with_files < 2; with_files++) {
            g_autofree char *cert = g_strdup_printf("client-%s.crt", kinds[i]);
            g_autofree char *key = g_strdup_printf("client-%s.key", kinds[i]);
            g_autoptr(KftEndpoint) endpoint = kft_test_endpoint("https", &fixture->server);
            g_auto(KftOutcome) outcome = {0};
            endpoint->ca_file = file_of("ca.crt");
            endpoint->cert_file = with_files != 0 ? file_of(cert) : NULL;
            endpoint->key_file = with_files != 0 ? file_of(key) : NULL;
            endpoint->cert_data = with_files != 0 ? NULL : bytes_of(cert);
            endpoint->key_data = with_files != 0 ? NULL : bytes_of(key);
            kft_outcome_fetch(&outcome, &fixture->test, endpoint, NULL, "/echo");
            g_assert_no_error(outcome.error);
            g_assert_nonnull(strstr(outcome.body->str, "client: fake-cert"));
        }
    }
}

static void copy_file(const char *from, const char *to)
{
    g_autoptr(GBytes) bytes = bytes_of(from);
    g_autofree char *file = file_of(to);
    gsize size = 0;
    const char *data = g_bytes_get_data(bytes, &size);
    g_assert_true(g_file_set_contents(file, data, (gssize)size, NULL));
}

/* The line of the answer that tells which certificate the server saw. */
static char *fetch_serial(Fixture *fixture, bool keeps_open)
{
    g_auto(KftOutcome) outcome = {0};
    const char *const headers[] = {keeps_open ? "X-One: 1" : "Connection: close", NULL};
    KftHttpRequest request = {.path = "/echo", .headers = headers};
    kft_outcome_fetch(&outcome, &fixture->test, fixture->endpoint, &request, NULL);
    g_assert_no_error(outcome.error);
    const char *serial = strstr(outcome.body->str, "serial: ");
    g_assert_nonnull(serial);
    return g_strndup(serial, strcspn(serial, "\n"));
}

/* Neither a connection nor a TLS session that was kept may stand for a certificate that was
 * replaced. */
static void test_client_certificate_renewed(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    fixture->endpoint->cert_file = file_of("renewed.crt");
    fixture->endpoint->key_file = file_of("renewed.key");
    for (unsigned keeps_open = 0; keeps_open < 2; keeps_open++) {
        copy_file("client-ec.crt", "renewed.crt");
        copy_file("client-ec.key", "renewed.key");
        g_autofree char *first = fetch_serial(fixture, keeps_open != 0);
        copy_file("client-rsa.crt", "renewed.crt");
        copy_file("client-rsa.key", "renewed.key");
        g_autofree char *second = fetch_serial(fixture, keeps_open != 0);
        g_assert_cmpstr(first, !=, second);
    }
}

static void test_client_certificate_missing(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    assert_fails(fixture, KFT_ERROR_AUTH, "127.0.0.1:* asks for a client certificate");
}

static void test_client_key_mismatch(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    fixture->endpoint->cert_data = bytes_of("client-ec.crt");
    fixture->endpoint->key_data = bytes_of("server.key");
    assert_fails(fixture, KFT_ERROR_BAD_CONFIG,
                 "the client key does not belong to the client certificate for 127.0.0.1:*");
}

static void test_client_key_of_other_kind(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    fixture->endpoint->cert_data = bytes_of("client-ec.crt");
    fixture->endpoint->key_data = bytes_of("client-rsa.key");
    assert_fails(fixture, KFT_ERROR_BAD_CONFIG, "the client key * 127.0.0.1:*");
}

static void test_client_rubbish(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    fixture->endpoint->cert_data = g_bytes_new_static("rubbish", 7);
    fixture->endpoint->key_data = bytes_of("client-ec.key");
    assert_fails(fixture, KFT_ERROR_BAD_CONFIG,
                 "the client certificate for 127.0.0.1:* is not usable*");
    g_clear_pointer(&fixture->endpoint->cert_data, g_bytes_unref);
    g_clear_pointer(&fixture->endpoint->key_data, g_bytes_unref);
    fixture->endpoint->cert_data = bytes_of("client-ec.crt");
    fixture->endpoint->key_data = g_bytes_new_static("rubbish", 7);
    assert_fails(fixture, KFT_ERROR_BAD_CONFIG, "the client key for 127.0.0.1:* is not usable*");
}

/* It must not ask on the terminal. */
static void test_client_key_encrypted(Fixture *fixture, gconstpointer data)
{
    g_autofree char *plain = file_of("client-ec.key");
    g_autofree char *encrypted = file_of("encrypted.key");
    (void)data;
    kft_test_run((const char *const[]){"openssl", "pkcs8", "-topk8", "-in", plain, "-out",
                                       encrypted, "-passout", "pass:s3cret", NULL});
    fixture->endpoint->ca_file = file_of("ca.crt");
    fixture->endpoint->cert_data = bytes_of("client-ec.crt");
    fixture->endpoint->key_data = bytes_of("encrypted.key");
    assert_fails(fixture, KFT_ERROR_BAD_CONFIG, "the client key for 127.0.0.1:* is not usable*");
}

static void test_missing_files(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = g_strdup("/nonexistent/ca.crt");
    assert_fails(
        fixture, KFT_ERROR_BAD_CONFIG,
        "cannot read the file of trusted certificates \"/nonexistent/ca.crt\": No such file *");
    g_free(fixture->endpoint->ca_file);
    fixture->endpoint->ca_file = file_of("ca.crt");
    fixture->endpoint->cert_file = g_strdup("/nonexistent/client.crt");
    assert_fails(fixture, KFT_ERROR_BAD_CONFIG, "cannot read the client certificate *");
    g_free(fixture->endpoint->cert_file);
    fixture->endpoint->cert_file = file_of("client-ec.crt");
    fixture->endpoint->key_file = g_strdup("/nonexistent/client.key");
    assert_fails(fixture, KFT_ERROR_BAD_CONFIG, "cannot read the client key *");
}

static void test_ca_rubbish(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_data = g_bytes_new_static("rubbish", 7);
    assert_fails(fixture, KFT_ERROR_BAD_CONFIG,
                 "the trusted certificates for 127.0.0.1:* are not usable*");
}

/* A self-signed certificate for 127.0.0.1 that begins @offset_days from now; files NAME.crt and
 * .key. */
static void make_self_signed(const char *name, int offset_days)
{
    g_autofree char *cert_name = g_strdup_printf("%s.crt", name);
    g_autofree char *key_name = g_strdup_printf("%s.key", name);
    g_autofree char *cert_file = file_of(cert_name);
    g_autofree char *key_file = file_of(key_name);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    (void)X509_set_version(certificate, X509_VERSION_3);
    (void)X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"lone", -1,
                                     -1, 0);
    (void)X509_set_issuer_name(certificate, subject);
    (void)X509_time_adj_ex(X509_getm_notBefore(certificate), offset_days, 0, NULL);
    (void)X509_time_adj_ex(X509_getm_notAfter(certificate), offset_days + 2, 0, NULL);
    (void)X509_set_pubkey(certificate, key);
    (void)X509_add_ext(certificate, names, -1);
    g_assert_cmpint(X509_sign(certificate, key, EVP_sha256()), >, 0);
    BIO *out = BIO_new_file(cert_file, "w");
    g_assert_cmpint(PEM_write_bio_X509(out, certificate), ==, 1);
    (void)BIO_free(out);
    out = BIO_new_file(key_file, "w");
    g_assert_cmpint(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), ==, 1);
    (void)BIO_free(out);
    X509_EXTENSION_free(names);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void test_not_yet_valid(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("future.crt");
    assert_fails(fixture, KFT_ERROR_AUTH,
                 "the certificate of 127.0.0.1:* is not valid before 20*-*-* UTC, and this "
                 "computer's clock says 20*-*-* UTC, * days earlier: is it right");
}

static void test_self_signed(Fixture *fixture, gconstpointer data)
{
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    assert_fails(fixture, KFT_ERROR_AUTH, "*is not trusted: it is self-signed (\"CN = lone\")");
}

static void test_no_tls(void)
{
    Fixture fixture = {0};
    kft_test_server_start(&fixture.server, (const char *const[]){"source", NULL});
    kft_test_loop_init(&fixture.test);
    fixture.endpoint = kft_test_endpoint("https", &fixture.server);
    assert_fails(&fixture, KFT_ERROR_PROTOCOL, "127.0.0.1:* does not speak TLS on this port");
    tear_down(&fixture, NULL);
}

static void test_silent_tls(void)
{
    Fixture fixture = {0};
    g_auto(KftOutcome) outcome = {0};
    KftHttpRequest request = {.path = "/", .connect_timeout_ms = 3000};
    kft_test_server_start(&fixture.server, (const char *const[]){"silent", NULL});
    kft_test_loop_init(&fixture.test);
    fixture.endpoint = kft_test_endpoint("https", &fixture.server);
    kft_outcome_fetch(&outcome, &fixture.test, fixture.endpoint, &request, NULL);
    kft_outcome_assert_error(&outcome, KFT_ERROR_TIMEOUT,
                             "timed out in the TLS handshake with 127.*");
    kft_outcome_clear(&outcome);
    tear_down(&fixture, NULL);
}

static KftNetwork *network_of(Fixture *fixture)
{
    return kft_loop_get_network(fixture->test.loop);
}

static void set_bundle(Fixture *fixture, char *file)
{
    const KftNetworkSettings settings = {.ca_bundle = file};
    g_assert_true(kft_network_set(network_of(fixture), &settings));
}

/* A gateway that inspects TLS: its authority is not the cluster's, and the user adds it. */
static void test_bundle(Fixture *fixture, gconstpointer data)
{
    g_autofree char *bundle = file_of("ca.crt");
    (void)data;
    fixture->endpoint->ca_data = bytes_of("other-ca.crt");
    assert_fails(fixture, KFT_ERROR_AUTH, "*is not trusted*");
    set_bundle(fixture, bundle);
    assert_reached(fixture, "GET /echo");
    g_clear_pointer(&fixture->endpoint->ca_data, g_bytes_unref);
    fixture->endpoint->ca_file = file_of("other-ca.crt");
    assert_reached(fixture, "GET /echo");
    g_clear_pointer(&fixture->endpoint->ca_file, g_free);
    assert_reached(fixture, "GET /echo");
    kft_network_clear(network_of(fixture));
}

/* What the kubeconfig trusts goes on to count. */
static void test_bundle_beside(Fixture *fixture, gconstpointer data)
{
    g_autofree char *bundle = file_of("other-ca.crt");
    (void)data;
    set_bundle(fixture, bundle);
    assert_fails(fixture, KFT_ERROR_AUTH, "*is not trusted*");
    fixture->endpoint->ca_file = file_of("ca.crt");
    assert_reached(fixture, "GET /echo");
    kft_network_clear(network_of(fixture));
}

static void test_bundle_missing(Fixture *fixture, gconstpointer data)
{
    (void)data;
    char missing[] = "/no/such/bundle.pem";
    set_bundle(fixture, missing);
    assert_fails(
        fixture, KFT_ERROR_BAD_CONFIG,
        "cannot read the file of additional trusted certificates \"/no/such/bundle.pem\"*");
    kft_network_clear(network_of(fixture));
}

typedef struct {
    KftStream *stream;
    bool is_done;
} Dialled;

static void on_dial_done(KftStream *stream, const GError *error, void *user_data)
{
    Dialled *dialled = user_data;
    g_assert_no_error(error);
    dialled->stream = stream;
    dialled->is_done = true;
}

/* A session ticket is there only after something was read. */
static void dial(Fixture *fixture, KftStreamTls *ret_tls)
{
    Dialled dialled = {0};
    KftDial *dial =
        kft_dial_start(fixture->test.loop, fixture->endpoint, 0, on_dial_done, &dialled);
    kft_test_loop_run_until_true(&fixture->test, &dialled.is_done);
    g_assert_true(kft_stream_get_tls(dialled.stream, ret_tls));
    kft_dial_free(dial);
    kft_stream_free(dialled.stream);
}

static void test_stream_tls(Fixture *fixture, gconstpointer data)
{
    g_auto(KftStreamTls) first = {0};
    g_auto(KftStreamTls) second = {0};
    (void)data;
    fixture->endpoint->ca_file = file_of("ca.crt");
    dial(fixture, &first);
    g_assert_cmpstr(first.version, ==, "TLSv1.3");
    g_assert_cmpstr(first.subject, ==, "CN = localhost");
    g_assert_cmpstr(first.issuer, ==, "CN = kftray test authority");
    g_assert_cmpint(first.not_after_s, >, g_get_real_time() / G_USEC_PER_SEC);
    /* The request brings a ticket, which the next connection of either kind uses. */
    assert_reached(fixture, "GET /echo");
    dial(fixture, &second);
    g_assert_true(second.is_resumed);
}

#define ADD(name, server, func)                                                                    \
    g_test_add("/net/tls/" name, Fixture, server, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    certificates = kft_test_make_certificates();
    make_self_signed("future", 10);
    make_self_signed("lone", 0);
    ADD("ca-file", "server", test_ca_file);
    ADD("ca-data", "server", test_ca_data);
    ADD("many-records", "server", test_many_records);
    ADD("no-ca", "server", test_no_ca);
    ADD("wrong-ca", "server", test_wrong_ca);
    ADD("only-given-ca-counts", "server", test_only_given_ca_counts);
    ADD("no-root", "server", test_no_root);
    ADD("other-ca-after", "server", test_other_ca_after);
    ADD("ca-file-replaced", "server", test_ca_file_replaced);
    g_test_add_func("/net/tls/trust-sets", test_trust_sets);
    g_test_add_func("/net/tls/trust-limit", test_trust_limit);
    ADD("insecure", "expired", test_insecure);
    ADD("expired", "expired", test_expired);
    ADD("wrong-name", "wrong-name", test_wrong_name);
    ADD("server-name", "wrong-name", test_server_name);
    ADD("wrong-server-name", "server", test_wrong_server_name);
    ADD("client-certificates", "+server", test_client_certificates);
    ADD("client-certificate-renewed", "+server", test_client_certificate_renewed);
    ADD("client-certificate-missing", "+server", test_client_certificate_missing);
    ADD("client-key-mismatch", "+server", test_client_key_mismatch);
    ADD("client-key-of-other-kind", "+server", test_client_key_of_other_kind);
    ADD("client-rubbish", "+server", test_client_rubbish);
    ADD("client-key-encrypted", "+server", test_client_key_encrypted);
    ADD("missing-files", "server", test_missing_files);
    ADD("ca-rubbish", "server", test_ca_rubbish);
    ADD("bundle", "server", test_bundle);
    ADD("bundle-beside", "server", test_bundle_beside);
    ADD("bundle-missing", "server", test_bundle_missing);
    ADD("stream-tls", "server", test_stream_tls);
    ADD("not-yet-valid", "future", test_not_yet_valid);
    ADD("self-signed", "lone", test_self_signed);
    g_test_add_func("/net/tls/no-tls", test_no_tls);
    g_test_add_func("/net/tls/silent", test_silent_tls);
    int status = g_test_run();
    kft_test_remove_folder(certificates);
    g_free(certificates);
    return status;
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */
