#ifndef KFT_FORWARD_PAIR_H
#define KFT_FORWARD_PAIR_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The remote end of one local connection: a SPDY stream pair on a shared tunnel, or a WebSocket of
 * its own (v4.channel.k8s.io). One interface for both, so that a connection need not know. Thread:
 * loop. */
typedef struct KftPair KftPair;

/* How a pair ended. */
#define KFT_PAIR_ENDS(X)                                                                           \
    X(CLEAN, "clean")     /* the pod finished in an orderly way */                                 \
    X(REFUSED, "refused") /* nobody listens: the application has seen nothing of the connection */ \
    X(ERROR, "error")     /* an error text came: reset, broken pipe */                             \
    X(LOST, "lost")       /* the connection to the API server went */                              \
    X(UNSENT, "unsent")   /* the same, but the application cannot have got a byte: none had left   \
                             this machine, or the server says that it has not looked at it */      \
    X(NO_POD, "no pod")   /* the error text says that the pod's sandbox is gone */                 \
    X(NODE, "node")       /* the pod's node takes no port-forwards for now: nothing was sent */

typedef enum {
#define KFT_PAIR_END_ENUM(name, text) KFT_PAIR_END_##name,
    KFT_PAIR_ENDS(KFT_PAIR_END_ENUM)
#undef KFT_PAIR_END_ENUM
} KftPairEnd;

/* "clean", "refused", … */
const char *kft_pair_end_name(KftPairEnd end);

/* Callbacks; each but on_data_end and on_end may free the pair. */
typedef struct {
    /* Bytes of the pod, valid until on_data_end. */
    void (*on_data)(const uint8_t *data, size_t size, void *user_data);
    /* Follows one or more on_data in the same turn, before on_end: what they brought is taken away.
     * May come without any. Nullable. */
    void (*on_data_end)(void *user_data);
    /* kft_pair_reserve() gave NULL before and may succeed now. */
    void (*on_writable)(void *user_data);
    /* Once, after the last on_data; @text: the peer's words or ours, NULL for CLEAN. The pair frees
     * itself when this returns: the owner forgets its pointer. */
    void (*on_end)(KftPairEnd end, const char *text, void *user_data);
    /* What is sent is of no use if it comes late: rather than wait for a server that went silent,
     * the pair ends with LOST, so that there can be another. */
    bool is_impatient;
} KftPairFuncs;

typedef struct {
    uint8_t *(*reserve)(KftPair *self, size_t *ret_size);
    void (*commit)(KftPair *self, size_t size);
    void (*finish)(KftPair *self);
    void (*report_queued)(KftPair *self, size_t queued_bytes);
    void (*free)(KftPair *self);
} KftPairOps;

/* embeddable: the first member of each implementation. */
struct KftPair {
    const KftPairOps *ops;
    KftPairFuncs funcs;
    void *user_data;
};

/* Where the next bytes for the pod go, *ret_size > 0 of them; NULL if the queue to the server is
 * full, then on_writable follows. Whatever else is called on this pair makes the memory invalid. */
static inline uint8_t *kft_pair_reserve(KftPair *self, size_t *ret_size)
{
    return self->ops->reserve(self, ret_size);
}

/* Sends @size bytes written behind the last reserve; several in one turn of the loop go out
 * together. */
static inline void kft_pair_commit(KftPair *self, size_t size)
{
    self->ops->commit(self, size);
}

/* Tells the pod's side that no more will come. The container runtimes then cut the other direction
 * after one second (wire protocols, 3.7), so only do this when no answer is awaited. Idempotent. */
static inline void kft_pair_finish(KftPair *self)
{
    self->ops->finish(self);
}

/* How many bytes of this pair wait for the local reader: the measure for congestion. Call when it
 * grows and when it has become small again. */
static inline void kft_pair_report_queued(KftPair *self, size_t queued_bytes)
{
    self->ops->report_queued(self, queued_bytes);
}

/* Ends the pair (resets it if the pod has not finished); no callback follows. NULL is allowed. */
static inline void kft_pair_free(KftPair *self)
{
    if (self != NULL)
        self->ops->free(self);
}

/* Whether an error text of a container runtime means that the pod's sandbox does not exist any
 * more, so that every further pair to it will fail (wire protocols, 3.7 rule 3). */
gboolean kft_pair_text_means_no_pod(const char *text);
/* Takes a piece of an error text, within a limit. *@text: NULL before the first; (transfer full).
 */
void kft_pair_append_text(GString **text, const uint8_t *data, size_t size);
/* How a pair ended that did not end clean: NO_POD or REFUSED by its text, else ERROR. @text:
 * nullable. */
KftPairEnd kft_pair_classify_text(const GString *text, gboolean has_received);
/* A runtime's error text as one short line for a person: "connection refused" instead of the whole
 * chain where it is that. Returns: (transfer full). */
char *kft_pair_text_simplify(const char *text, uint16_t port);

#endif
