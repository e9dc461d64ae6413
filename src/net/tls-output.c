/* A BIO below TLS. Between begin and flush records are gathered in memory that all connections of
 * the thread share; only what the socket does not take is copied into the connection's own.
 *
 * Invariant: nothing overtakes `unsent`. While there is some, nothing is gathered, and what TLS
 * writes of its own accord (an alert, a key update) is refused until the rest is sent. */
#include "net/tls-output.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/fault.h"

/* RFC 5246 6.2.3: the most that protection may add to a record, with its head. */
#define MAX_RECORD_EXTRA_BYTES ((size_t)2048 + 5)
#define PLAIN_BYTES_PER_RECORD ((size_t)16 * 1024)
#define MAX_RECORDS (KFT_TLS_OUTPUT_MAX_PLAIN_BYTES / PLAIN_BYTES_PER_RECORD)
/* One more: a key update or an alert may come in between. */
#define GATHER_BYTES ((MAX_RECORDS + 1) * (PLAIN_BYTES_PER_RECORD + MAX_RECORD_EXTRA_BYTES))

struct KftTlsOutput {
    int fd;
    bool is_gathering;
    KftBuf unsent;
};

static _Thread_local uint8_t gathered[GATHER_BYTES];
static _Thread_local size_t n_gathered;

/* Sends as much as the socket takes. KFT_R_OK: all of it. */
static KftResult send_bytes(int fd, const uint8_t *data, size_t size, size_t *ret_sent)
{
    *ret_sent = 0;
    while (*ret_sent < size) {
        size_t n_offered = kft_fault_clip_write(size - *ret_sent);
        ssize_t n_sent = -1;
        if (KFT_FAULT("tls_send"))
            errno = EPIPE;
        else
            n_sent = send(fd, data + *ret_sent, n_offered, MSG_NOSIGNAL);
        if (n_sent < 0 && errno == EINTR)
            continue;
        if (n_sent < 0)
            return errno == EAGAIN ? KFT_R_AGAIN : KFT_R_IO;
        *ret_sent += (size_t)n_sent;
    }
    return KFT_R_OK;
}

static KftResult send_unsent(KftTlsOutput *self)
{
    size_t n_sent = 0;
    KftResult result =
        send_bytes(self->fd, kft_buf_data(&self->unsent), kft_buf_size(&self->unsent), &n_sent);
    kft_buf_consume(&self->unsent, n_sent);
    if (result == KFT_R_OK)
        kft_buf_clear(&self->unsent);
    return result;
}

static int gather(BIO *bio, const char *data, size_t size)
{
    if (size > sizeof gathered - n_gathered) {
        BIO_set_retry_write(bio);
        return -1;
    }
    memcpy(gathered + n_gathered, data, size);
    n_gathered += size;
    return (int)size;
}

static int on_bio_write(BIO *bio, const char *data, int size)
{
    KftTlsOutput *self = BIO_get_data(bio);
    size_t n_sent = 0;

    BIO_clear_retry_flags(bio);
    if (size <= 0)
        return 0;
    if (self->is_gathering)
        return gather(bio, data, (size_t)size);
    KftResult result = send_unsent(self);
    if (result == KFT_R_OK)
        result = send_bytes(self->fd, (const uint8_t *)data, (size_t)size, &n_sent);
    if (n_sent > 0)
        return (int)n_sent;
    if (result == KFT_R_AGAIN)
        BIO_set_retry_write(bio);
    return -1;
}

static long on_bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    /* OpenSSL takes the answer 0 to a flush as a failed write; other questions are answered so. */
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static int on_bio_destroy(BIO *bio)
{
    KftTlsOutput *self = BIO_get_data(bio);
    if (self != NULL)
        kft_buf_clear(&self->unsent);
    g_free(self);
    return 1;
}

/* For the whole life of the program; NULL if there is no memory. */
static const BIO_METHOD *get_method(void)
{
    static gsize ready;
    static BIO_METHOD *method;
    if (g_once_init_enter(&ready)) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "kftray TLS output");
        if (method != NULL) {
            (void)BIO_meth_set_write(method, on_bio_write);
            (void)BIO_meth_set_ctrl(method, on_bio_control);
            (void)BIO_meth_set_destroy(method, on_bio_destroy);
        }
        g_once_init_leave(&ready, 1);
    }
    return method;
}

KftTlsOutput *kft_tls_output_install(SSL *ssl, int fd)
{
    const BIO_METHOD *method = get_method();
    BIO *bio = method == NULL ? NULL : BIO_new(method);
    if (bio == NULL)
        return NULL;
    KftTlsOutput *self = g_new0(KftTlsOutput, 1);
    self->fd = fd;
    kft_buf_init(&self->unsent, GATHER_BYTES);
    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    SSL_set0_wbio(ssl, bio);
    return self;
}

void kft_tls_output_begin(KftTlsOutput *self)
{
    g_assert(!self->is_gathering && n_gathered == 0 && kft_buf_size(&self->unsent) == 0);
    self->is_gathering = true;
}

KftResult kft_tls_output_flush(KftTlsOutput *self)
{
    size_t n_sent = 0;

    if (!self->is_gathering)
        return send_unsent(self);
    self->is_gathering = false;
    KftResult result = send_bytes(self->fd, gathered, n_gathered, &n_sent);
    size_t n_rest = n_gathered - n_sent;
    n_gathered = 0;
    if (result != KFT_R_AGAIN)
        return result;
    if (kft_buf_append(&self->unsent, gathered + n_sent, n_rest) != KFT_R_OK) {
        errno = ENOMEM;
        return KFT_R_IO;
    }
    return KFT_R_AGAIN;
}
