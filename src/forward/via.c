/* A pair around a pair: greeting and request leave in one write, before the gateway has said
 * anything, and what the local program sends follows at once. Only what comes back is held up until
 * the gateway's two answers were read. */
#include "forward/via.h"

#include <arpa/inet.h>
#include <string.h>

#include "proto/socks5.h"

typedef struct {
    KftPair base;
    KftPair *inner;
    char *target; /* for messages */
    uint8_t hello[KFT_SOCKS5_GREETING_BYTES + KFT_SOCKS5_MAX_BYTES];
    size_t hello_size;
    size_t hello_written;
    KftSocks5Decoder decoder;
    bool has_choice;
    bool is_open; /* the gateway consented */
} ViaPair;

static void release(ViaPair *pair)
{
    g_free(pair->target);
    g_free(pair);
}

/* Frees the pair. */
static void fail(ViaPair *pair, KftPairEnd end, const char *why)
{
    g_autofree char *text =
        g_strdup_printf("the gateway did not connect to %s: %s", pair->target, why);
    KftPair *inner = g_steal_pointer(&pair->inner);

    pair->base.funcs.on_end(end, text, pair->base.user_data);
    kft_pair_free(inner);
    release(pair);
}

/* --- to the gateway --- */

/* Returns whether all of it was written. */
static bool write_hello(ViaPair *pair)
{
    while (pair->hello_written < pair->hello_size) {
        size_t room = 0;
        uint8_t *to = kft_pair_reserve(pair->inner, &room);
        if (to == NULL)
            return false;
        size_t size = MIN(room, pair->hello_size - pair->hello_written);
        memcpy(to, pair->hello + pair->hello_written, size);
        pair->hello_written += size;
        kft_pair_commit(pair->inner, size);
    }
    return true;
}

static void make_hello(ViaPair *pair, const KftVia *via)
{
    KftSocks5Address address = {.port = via->port};

    if (inet_pton(AF_INET, via->host, address.bytes) == 1) {
        address.type = KFT_SOCKS5_IPV4;
    } else if (inet_pton(AF_INET6, via->host, address.bytes) == 1) {
        address.type = KFT_SOCKS5_IPV6;
    } else {
        address.type = KFT_SOCKS5_NAME;
        (void)g_strlcpy(address.name, via->host, sizeof address.name);
    }
    kft_socks5_write_greeting(pair->hello);
    pair->hello_size =
        KFT_SOCKS5_GREETING_BYTES +
        kft_socks5_write_message(pair->hello + KFT_SOCKS5_GREETING_BYTES, via->command, &address);
}

static uint8_t *via_reserve(KftPair *base, size_t *ret_size)
{
    ViaPair *pair = (ViaPair *)base;
    return write_hello(pair) ? kft_pair_reserve(pair->inner, ret_size) : NULL;
}

static void via_commit(KftPair *base, size_t size)
{
    kft_pair_commit(((ViaPair *)base)->inner, size);
}

static void via_finish(KftPair *base)
{
    kft_pair_finish(((ViaPair *)base)->inner);
}

static void via_report_queued(KftPair *base, size_t queued_bytes)
{
    kft_pair_report_queued(((ViaPair *)base)->inner, queued_bytes);
}

static void via_free(KftPair *base)
{
    ViaPair *pair = (ViaPair *)base;
    kft_pair_free(pair->inner);
    release(pair);
}

/* --- from the gateway --- */

static void on_inner_writable(void *user_data)
{
    ViaPair *pair = user_data;
    if (write_hello(pair))
        pair->base.funcs.on_writable(pair->base.user_data);
}

/* Reads one message; NULL when it is whole and says yes. *ret_is_whole: false if more is to come.
 */
static const char *
read_message(ViaPair *pair, const uint8_t *data, size_t size, size_t *at, bool *ret_is_whole)
{
    size_t n_consumed = 0;
    KftResult result = kft_socks5_decoder_feed(&pair->decoder, data + *at, size - *at, &n_consumed);

    *at += n_consumed;
    *ret_is_whole = result == KFT_R_OK;
    if (result == KFT_R_AGAIN)
        return NULL;
    if (result != KFT_R_OK)
        return "what listens there speaks no SOCKS 5";
    uint8_t code = kft_socks5_decoder_get_code(&pair->decoder);
    if (!pair->has_choice)
        return code == KFT_SOCKS5_METHOD_NONE ? NULL : "it wants a login";
    return code == KFT_SOCKS5_SUCCEEDED ? NULL : kft_socks5_reply_name(code);
}

/* Returns false if the pair is gone. */
static bool read_consent(ViaPair *pair, const uint8_t *data, size_t size, size_t *at)
{
    while (!pair->is_open && *at < size) {
        bool is_whole = false;
        const char *refusal = read_message(pair, data, size, at, &is_whole);
        if (refusal != NULL) {
            fail(pair, KFT_PAIR_END_ERROR, refusal);
            return false;
        }
        if (!is_whole)
            return true;
        pair->is_open = pair->has_choice;
        pair->has_choice = true;
        kft_socks5_decoder_init(&pair->decoder, KFT_SOCKS5_REPLY);
    }
    return true;
}

static void on_inner_data(const uint8_t *data, size_t size, void *user_data)
{
    ViaPair *pair = user_data;
    size_t at = 0;

    if (!read_consent(pair, data, size, &at))
        return;
    if (at < size)
        pair->base.funcs.on_data(data + at, size - at, pair->base.user_data);
}

static void on_inner_data_end(void *user_data)
{
    const ViaPair *pair = user_data;
    if (pair->base.funcs.on_data_end != NULL)
        pair->base.funcs.on_data_end(pair->base.user_data);
}

static void on_inner_end(KftPairEnd end, const char *text, void *user_data)
{
    ViaPair *pair = user_data;

    pair->inner = NULL;
    if (!pair->is_open && end == KFT_PAIR_END_CLEAN) {
        /* Without a word, as it has too many or is about to end: another one may have room. */
        fail(pair, pair->has_choice ? KFT_PAIR_END_ERROR : KFT_PAIR_END_REFUSED,
             "it closed the connection");
        return;
    }
    pair->base.funcs.on_end(end, text, pair->base.user_data);
    release(pair);
}

KftPair *kft_via_wrap_pair(const KftVia *via,
                           KftViaOpener open,
                           void *opener_data,
                           const KftPairFuncs *funcs,
                           void *user_data)
{
    static const KftPairOps ops = {
        .reserve = via_reserve,
        .commit = via_commit,
        .finish = via_finish,
        .report_queued = via_report_queued,
        .free = via_free,
    };
    const KftPairFuncs inner_funcs = {
        .on_data = on_inner_data,
        .on_data_end = on_inner_data_end,
        .on_writable = on_inner_writable,
        .on_end = on_inner_end,
        .is_impatient = funcs->is_impatient,
    };
    ViaPair *pair = g_new0(ViaPair, 1);
    pair->base = (KftPair){.ops = &ops, .funcs = *funcs, .user_data = user_data};
    pair->inner = open(&inner_funcs, pair, opener_data);
    if (pair->inner == NULL) {
        g_free(pair);
        return NULL;
    }
    pair->target = g_strdup_printf("%s port %u", via->host, via->port);
    make_hello(pair, via);
    kft_socks5_decoder_init(&pair->decoder, KFT_SOCKS5_CHOICE);
    (void)write_hello(pair);
    return &pair->base;
}

typedef struct {
    KftPool *pool;
    uint16_t port;
} PoolPort;

static KftPair *open_in_pool(const KftPairFuncs *funcs, void *user_data, void *opener_data)
{
    const PoolPort *place = opener_data;
    return kft_pool_open_pair(place->pool, place->port, funcs, user_data);
}

KftPair *kft_via_open_pair(
    KftPool *pool, uint16_t port, const KftVia *via, const KftPairFuncs *funcs, void *user_data)
{
    PoolPort place = {.pool = pool, .port = port};
    return via == NULL ? kft_pool_open_pair(pool, port, funcs, user_data)
                       : kft_via_wrap_pair(via, open_in_pool, &place, funcs, user_data);
}
