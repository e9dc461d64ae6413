#ifndef KFT_FORWARD_CONNECTION_H
#define KFT_FORWARD_CONNECTION_H

#include "forward/via.h"
#include "net/socket.h"

/* One local connection and its pair: moves bytes both ways, applies the half-close policy (wire
 * protocols, 5.6). It waits unread until it is attached to a pool. Thread: loop. */
typedef struct KftConnection KftConnection;

typedef struct {
    uint32_t hold_ms; /* how long it may wait for a pod */
    uint32_t
        half_close_ms; /* after the local end of data: silence of the pod before the pod is told */
} KftConnectionLimits;

typedef struct {
    KftPairEnd end;
    const char *text;  /* why, nullable for CLEAN */
    uint64_t bytes_up; /* local to pod */
    uint64_t bytes_down;
} KftConnectionReport;

typedef struct {
    /* Bytes of the pod came, the first of this connection. */
    void (*on_answer)(KftConnection *connection, void *user_data);
    /* The pod refused the pair: whether to wait for another one, or for the same one once more,
     * which on_waiting then asks for. The callee limits how often. */
    bool (*may_wait)(KftConnection *connection, void *user_data);
    /* The pair failed before a byte was taken from the local peer: attach it again, now or later.
     */
    void (*on_waiting)(KftConnection *connection,
                       KftPairEnd why,
                       const char *text,
                       void *user_data);
    /* Once; the connection frees itself when this returns. */
    void (*on_closed)(KftConnection *connection,
                      const KftConnectionReport *report,
                      void *user_data);
} KftConnectionFuncs;

/* @socket: (transfer full). */
KftConnection *kft_connection_new(KftLoop *loop,
                                  KftSocket *socket,
                                  const KftConnectionLimits *limits,
                                  const KftConnectionFuncs *funcs,
                                  void *user_data);
/* Opens a pair to @port on @pool; false if the pool cannot now. The pool must outlive the pair, see
 * kft_pool_get_n_pairs(). @via: see kft_via_open_pair(). */
bool kft_connection_attach(KftConnection *self, KftPool *pool, uint16_t port, const KftVia *via);
bool kft_connection_is_waiting(const KftConnection *self);
uint64_t kft_connection_get_bytes_up(const KftConnection *self);
uint64_t kft_connection_get_bytes_down(const KftConnection *self);
/* When bytes last came from either side, or when it was accepted; loop time. */
uint64_t kft_connection_get_last_traffic_ms(const KftConnection *self);
/* Resets both sides; no callback follows. NULL is allowed. */
void kft_connection_free(KftConnection *self);

#endif
