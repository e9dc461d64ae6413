#ifndef KFTRAY_EVENT_H
#define KFTRAY_EVENT_H

#include "kftray/error.h"
#include "kftray/query.h"
#include "kftray/types.h"

/* What the engine tells. Strings belong to the event. When 10,000 events wait unseen, further
 * notices and events about single connections are dropped. */
typedef enum {
    KFT_EVENT_FORWARD_STATUS,
    KFT_EVENT_FORWARD_LISTENING,        /* a local address is open */
    KFT_EVENT_FORWARD_NOTICE,           /* something worth telling that is no failure */
    KFT_EVENT_FORWARD_CONNECTION,       /* a local connection was accepted */
    KFT_EVENT_FORWARD_CONNECTION_ERROR, /* a local connection ended with an error */
    KFT_EVENT_FORWARD_STATISTICS,       /* at most 4 a second, only when something changed */
    KFT_EVENT_ANSWER,                   /* of a query */
    KFT_EVENT_STOPPED,                  /* the last one, after SHUTDOWN */
} KftEventType;

typedef struct {
    KftForwardState state;
    char *error; /* why BACKOFF or FAILED, one sentence without a final dot; nullable */
    KftErrorCode error_code;
    char *waiting_for;      /* RESOLVING: why there is no pod yet; nullable */
    unsigned attempt;       /* failures in a row */
    uint32_t next_try_ms;   /* BACKOFF: until the next try */
    char *pod;              /* nullable */
    KftTransport transport; /* AUTO while it is not known */
} KftForwardStatusEvent;

typedef struct {
    uint64_t bytes_up; /* from local programs to pods */
    uint64_t bytes_down;
    uint64_t n_connections; /* since the start */
    uint32_t n_open;
} KftForwardStatisticsEvent;

typedef struct {
    KftEventType type;
    KftForwardId forward; /* 0 for ANSWER and STOPPED */
    union {
        KftForwardStatusEvent status;
        struct {
            char *address; /* "127.0.0.1:8080" */
            uint16_t remote_port;
        } listening;
        struct {
            char *text;
        } notice;
        struct {
            uint16_t local_port;
            uint16_t remote_port; /* CONNECTION_ERROR only */
            char *text;           /* CONNECTION_ERROR only */
        } connection;
        KftForwardStatisticsEvent statistics;
        KftAnswer *answer; /* set to NULL to keep it */
    };
} KftEvent;

/* NULL is allowed. Thread: any. */
void kft_event_free(KftEvent *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftEvent, kft_event_free)

#endif
