#ifndef KFT_NET_SOCKET_H
#define KFT_NET_SOCKET_H

#include "base/result.h"
#include "net/loop.h"

/* A local TCP connection that a listener accepted. Bytes are read straight into memory that the
 * owner gives, and written without a copy as long as the kernel takes them. TCP_NODELAY is set.
 * Thread: loop. */
typedef struct KftSocket KftSocket;

#define KFT_SOCKET_MAX_QUEUE_BYTES ((size_t)8 * 1024 * 1024)
#define KFT_SOCKET_DRAINED_BYTES ((size_t)256 * 1024)

typedef struct {
    /* Where the next bytes go; *ret_size 0 stops reading until kft_socket_set_reading() is called
     * again. on_read follows at once, or the memory is left untouched. */
    void (*on_alloc)(uint8_t **ret_data, size_t *ret_size, void *user_data);
    void (*on_read)(size_t size, void *user_data);
    void (*on_eof)(void *user_data);
    /* Connection reset or broken, at reading or at writing. Runs once; only freeing is left to do.
     */
    void (*on_error)(void *user_data);
    /* The queue fell to KFT_SOCKET_DRAINED_BYTES or less after it had been above, or became empty.
     */
    void (*on_drained)(void *user_data);
    /* All queued bytes, and the shutdown if there is one, went to the kernel. A write that the
     * kernel took at once is not reported. */
    void (*on_flushed)(void *user_data);
} KftSocketFuncs;

void kft_socket_set_funcs(KftSocket *self, const KftSocketFuncs *funcs, void *user_data);
void kft_socket_set_reading(KftSocket *self, bool reading);
/* Writes at once what the kernel takes and queues a copy of the rest, at most
 * KFT_SOCKET_MAX_QUEUE_BYTES. KFT_R_OK, KFT_R_LIMIT (nothing was written), KFT_R_IO (on_error
 * follows in a later turn). Not after kft_socket_shutdown(). */
KftResult kft_socket_write(KftSocket *self, const uint8_t *data, size_t size);
/* The same for many pieces, that leave in one system call: only notes where the bytes are, which
 * must stay there until kft_socket_flush(), and that is owed in the same turn. KFT_R_LIMIT: this
 * piece was not taken. */
KftResult kft_socket_lend(KftSocket *self, const uint8_t *data, size_t size);
/* Writes what was lent, and queues a copy of what the kernel does not take. KFT_R_OK also without
 * any; KFT_R_IO. */
KftResult kft_socket_flush(KftSocket *self);
/* Lent bytes count. */
size_t kft_socket_get_queued(const KftSocket *self);
/* Sends a FIN behind the queued bytes; reading goes on. */
void kft_socket_shutdown(KftSocket *self);
/* After on_eof: whether the peer closed altogether and will not read either; see net/peer.h. */
bool kft_socket_is_peer_closed(const KftSocket *self);
/* "127.0.0.1:40312", for logs. (transfer none). */
const char *kft_socket_get_peer(const KftSocket *self);
/* Closes with a RST instead of a FIN, so that the peer learns that data is missing; frees. */
void kft_socket_abort(KftSocket *self);
/* Closes and frees; queued bytes are dropped. NULL is allowed. */
void kft_socket_free(KftSocket *self);

#endif
