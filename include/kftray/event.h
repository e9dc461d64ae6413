#ifndef KFTRAY_EVENT_H
#define KFTRAY_EVENT_H

#include "kftray/diagnose.h"
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
    KFT_EVENT_FORWARD_CLOSING,          /* it will end by itself soon */
    KFT_EVENT_DIAGNOSE_STEP,            /* a step of a diagnosis began or ended */
    KFT_EVENT_DIAGNOSE_DONE,
    KFT_EVENT_PROXY_LOGIN, /* a proxy wants a login; kft_command_new_set_proxy_login() gives it */
    KFT_EVENT_ANSWER,      /* of a query */
    KFT_EVENT_STOPPED,     /* the last one, after SHUTDOWN */
} KftEventType;

/* Each change of a forward's state. The engine keeps no history: who wants one collects these, as
 * KftHistory does (kftray/history.h). */
typedef struct {
    KftForwardState state;
    int64_t time_ms; /* unix */
    char *error;     /* why BACKOFF or FAILED, one sentence without a final dot; nullable */
    KftErrorCode error_code;
    char *waiting_for;    /* RESOLVING: why there is no pod yet; nullable */
    unsigned attempt;     /* failures in a row */
    uint32_t next_try_ms; /* BACKOFF: until the next try */
    /* BACKOFF: nothing but a new login, another kubeconfig or right, or RETRY is likely to help; it
     * is looked for from time to time only. */
    bool waits_for_user;
    char *pod;              /* nullable; of several, one */
    uint32_t n_pods;        /* that can take connections */
    KftTransport transport; /* AUTO while it is not known */
    char *detour; /* why it is SPDY by POST although WebSockets would do: what does not let them
                     through, a few words; nullable */
} KftForwardStatusEvent;

typedef struct {
    uint64_t bytes_up; /* from local programs to pods; of UDP what datagrams hold */
    uint64_t bytes_down;
    uint64_t packets_up; /* of UDP, as the next two */
    uint64_t packets_down;
    uint64_t packets_dropped; /* in this program, either way */
    uint64_t n_connections;   /* since the start; of UDP local peers */
    KftForwardHealth health;
} KftForwardStatisticsEvent;

typedef struct {
    KftEventType type;
    KftForwardId
        forward; /* 0 for PROXY_LOGIN, ANSWER and STOPPED; the caller's id for DIAGNOSE_… */
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
        struct {
            uint32_t in_ms;  /* 0: no longer so */
            bool is_at_time; /* at its time, with or without traffic; else for want of traffic */
        } closing;
        KftDiagnoseResult diagnose_step;
        struct {
            bool is_ok;   /* no step failed */
            char *error;  /* the spec is wrong: nothing was looked at; else NULL */
            char *report; /* text to copy, redacted; NULL with an error */
            char *json;   /* the same as JSON */
        } diagnosis;
        struct {
            char *proxy;     /* "host:port" */
            char *user;      /* the name that is known; nullable */
            bool is_refused; /* the login that was tried was wrong; else there was none */
        } proxy_login;       /* once, until a login comes, the settings change, a forward
                                is started, or RETRY_ALL */
        KftAnswer *answer;   /* set to NULL to keep it */
    };
} KftEvent;

/* NULL is allowed. Thread: any. */
void kft_event_free(KftEvent *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftEvent, kft_event_free)

#endif
