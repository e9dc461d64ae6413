/* What connections hold while they are idle. libcurl and OpenSSL are given an allocator that
 * counts: it sees their buffers alone, and works with sanitizers, too. */
#include <curl/curl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <string.h>

#include "net/stream.h"
#include "outcome.h"

#define N_CONNECTIONS 50
/* They all shake hands at once. */
#define CONNECT_MS 120000
/* Of one connection, most of it TLS: 39 to 42 KiB were seen, and 55 where one of the buffers stays
 * that are given back. */
#define MAX_WATCH_BYTES ((size_t)48 * 1024)
/* 47 to 54 were seen, and 184 where OpenSSL keeps the room for several records. */
#define MAX_STREAM_BYTES ((size_t)62 * 1024)

static size_t n_held; /* bytes, atomic */
static char *certificates;

/* --- the allocator --- */

static void *count_in(void *memory)
{
    (void)__atomic_add_fetch(&n_held, malloc_usable_size(memory), __ATOMIC_RELAXED);
    return memory;
}

static void *count_out(void *memory)
{
    (void)__atomic_sub_fetch(&n_held, malloc_usable_size(memory), __ATOMIC_RELAXED);
    return memory;
}

static void *on_curl_malloc(size_t size)
{
    return count_in(g_malloc(size));
}

static void *on_curl_calloc(size_t n, size_t size)
{
    return count_in(g_malloc0_n(n, size));
}

static void *on_curl_realloc(void *memory, size_t size)
{
    return count_in(g_realloc(count_out(memory), size));
}

static char *on_curl_strdup(const char *text)
{
    return count_in(g_strdup(text));
}

static void on_curl_free(void *memory)
{
    g_free(count_out(memory));
}

static void *on_openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return on_curl_malloc(size);
}

static void *on_openssl_realloc(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return on_curl_realloc(memory, size);
}

static void on_openssl_free(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    on_curl_free(memory);
}

/* Before either has allocated anything. */
static void count_libraries(void)
{
    g_assert_cmpint(
        CRYPTO_set_mem_functions(on_openssl_malloc, on_openssl_realloc, on_openssl_free), ==, 1);
    g_assert_cmpint(curl_global_init_mem(CURL_GLOBAL_DEFAULT, on_curl_malloc, on_curl_free,
                                         on_curl_realloc, on_curl_strdup, on_curl_calloc),
                    ==, CURLE_OK);
}

/* --- connections --- */

typedef struct {
    KftTestLoop test;
    KftTestChild server;
    KftEndpoint *endpoint;
    unsigned n_begun;
    unsigned n_wanted;
} Fixture;

/* @data: the kind of server. */
static void set_up(Fixture *fixture, gconstpointer data)
{
    kft_test_server_start(&fixture->server,
                          (const char *const[]){data, certificates, "server", NULL});
    kft_test_loop_init(&fixture->test);
    fixture->endpoint = kft_test_endpoint("https", &fixture->server);
    fixture->endpoint->ca_file = g_build_filename(certificates, "ca.crt", NULL);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    (void)data;
    kft_endpoint_unref(fixture->endpoint);
    kft_test_loop_clear(&fixture->test);
    g_free(kft_test_child_stop(&fixture->server));
}

static bool have_all_begun(void *user_data)
{
    const Fixture *fixture = user_data;
    return fixture->n_begun == fixture->n_wanted;
}

static void await_begun(Fixture *fixture, unsigned n)
{
    fixture->n_wanted = n;
    kft_test_loop_run_until(&fixture->test, have_all_begun, fixture);
}

static size_t get_held(void)
{
    return __atomic_load_n(&n_held, __ATOMIC_RELAXED);
}

static void check_each(size_t before, size_t limit)
{
    size_t each = (get_held() - before) / N_CONNECTIONS;
    g_test_message("%zu bytes each", each);
    g_assert_cmpuint(each, <=, limit);
}

/* --- watches --- */

static void on_first_piece(const uint8_t *data, size_t size, void *user_data)
{
    Fixture *fixture = user_data;
    (void)data;
    g_assert_cmpuint(size, ==, strlen("first"));
    fixture->n_begun++;
}

static void on_end(const KftHttpResponse *response, const GError *error, void *user_data)
{
    (void)response;
    (void)user_data;
    g_error("a watch has ended: %s", error == NULL ? "" : error->message);
}

static KftHttpCall *watch(Fixture *fixture)
{
    const KftHttpRequest request = {.path = "/stall", .connect_timeout_ms = CONNECT_MS};
    return kft_http_call_start(fixture->test.loop, fixture->endpoint, &request, on_first_piece,
                               on_end, fixture);
}

/* Neither the room in which curl sent the request, nor that in which OpenSSL would write. */
static void test_watches(Fixture *fixture, gconstpointer data)
{
    KftHttpCall *calls[N_CONNECTIONS + 1];
    (void)data;
    /* The first has what all share. */
    calls[0] = watch(fixture);
    await_begun(fixture, 1);
    size_t before = get_held();
    for (size_t i = 1; i < G_N_ELEMENTS(calls); i++)
        calls[i] = watch(fixture);
    await_begun(fixture, G_N_ELEMENTS(calls));
    check_each(before, MAX_WATCH_BYTES);
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++)
        kft_http_call_free(calls[i]);
}

/* --- streams --- */

typedef struct {
    Fixture *fixture;
    KftDial *dial;
    KftStream *stream;
} Line;

static void on_byte_back(void *user_data)
{
    Line *line = user_data;
    uint8_t data[16];
    size_t size = 0;
    while (kft_stream_read(line->stream, data, sizeof data, &size) == KFT_R_OK)
        line->fixture->n_begun += (unsigned)size;
}

static void on_dial_done(KftStream *stream, const GError *error, void *user_data)
{
    static const KftStreamFuncs funcs = {.on_readable = on_byte_back};
    Line *line = user_data;
    size_t n_written = 0;
    g_assert_no_error(error);
    line->stream = stream;
    kft_stream_set_funcs(stream, &funcs, line);
    kft_stream_set_interest(stream, /* read */ true, /* write */ false);
    g_assert_cmpint(kft_stream_write(stream, (const uint8_t *)"x", 1, &n_written), ==, KFT_R_OK);
}

static void dial(Line *line, Fixture *fixture)
{
    line->fixture = fixture;
    line->dial =
        kft_dial_start(fixture->test.loop, fixture->endpoint, CONNECT_MS, on_dial_done, line);
}

/* Neither room for reading nor for writing a TLS record. */
static void test_streams(Fixture *fixture, gconstpointer data)
{
    Line lines[N_CONNECTIONS + 1] = {0};
    (void)data;
    dial(&lines[0], fixture);
    await_begun(fixture, 1);
    size_t before = get_held();
    for (size_t i = 1; i < G_N_ELEMENTS(lines); i++)
        dial(&lines[i], fixture);
    await_begun(fixture, G_N_ELEMENTS(lines));
    check_each(before, MAX_STREAM_BYTES);
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        kft_dial_free(lines[i].dial);
        kft_stream_free(lines[i].stream);
    }
}

int main(int argc, char **argv)
{
    count_libraries();
    g_test_init(&argc, &argv, NULL);
    certificates = kft_test_make_certificates();
    g_test_add("/net/memory/watches", Fixture, "http", set_up, test_watches, tear_down);
    g_test_add("/net/memory/streams", Fixture, "echo", set_up, test_streams, tear_down);
    int status = g_test_run();
    kft_test_remove_folder(certificates);
    g_free(certificates);
    return status;
}
