#ifndef KFT_APP_FORWARD_ITEM_H
#define KFT_APP_FORWARD_ITEM_H

#include <glib-object.h>
#include <kftray/config.h>
#include <kftray/event.h>
#include <kftray/store.h>

/* The view model of one stored forward: its config, and what the engine told about it. Lives as
 * long as the config does and is updated in place. Thread: ui.
 *
 * Signals: "changed" (unsigned: what, KftItemChange bits), inside the call that changed it. */
#define KFT_TYPE_FORWARD_ITEM (kft_forward_item_get_type())
G_DECLARE_FINAL_TYPE(KftForwardItem, kft_forward_item, KFT, FORWARD_ITEM, GObject)

typedef enum {
    KFT_ITEM_CONFIG = 1 << 0,
    KFT_ITEM_STATUS = 1 << 1,
    KFT_ITEM_TRAFFIC = 1 << 2, /* totals, rates, open connections */
    KFT_ITEM_LOG = 1 << 3,
} KftItemChange;

/* What people see; more than one state of the engine can be the same for them. */
typedef enum {
    KFT_ITEM_STOPPED,
    KFT_ITEM_STARTING,
    KFT_ITEM_RUNNING,
    KFT_ITEM_RECONNECTING,
    KFT_ITEM_FAILED,
    KFT_ITEM_STOPPING,
    KFT_ITEM_ELSEWHERE, /* another process runs it */
} KftItemState;
#define KFT_ITEM_N_STATES (KFT_ITEM_ELSEWHERE + 1)

typedef struct {
    KftItemState state;
    KftErrorCode error_code; /* with @error */
    char *error;             /* RECONNECTING, FAILED: technical, English; nullable */
    char *waiting_for;       /* STARTING, RECONNECTING: why there is no pod yet; nullable */
    unsigned attempt;        /* failures in a row */
    gint64 next_try_us;      /* monotonic time, 0 = no try is planned */
    gint64 idle_end_us;      /* monotonic time when it ends for want of traffic; 0 = not soon */
    gint64 time_end_us;      /* the same at its time of day */
    char *pod;               /* nullable */
    char *address;           /* open local address, nullable */
    KftTransport transport;
    char *detour;          /* of SPDY: what does not let WebSockets through, English; nullable */
    gint64 ready_since_us; /* monotonic time, 0 = not ready */
    unsigned n_reconnects; /* since the start */
    int64_t other_pid;     /* ELSEWHERE */
} KftItemStatus;

typedef struct {
    uint64_t bytes_up; /* since the start */
    uint64_t bytes_down;
    uint64_t n_connections;
    unsigned n_open;
    double rate_up; /* bytes per second */
    double rate_down;
    KftTraffic stored; /* totals of earlier runs, without the numbers above */
} KftItemTraffic;

/* One rate per second, the newest last; enough for the small curve of a row. */
#define KFT_ITEM_N_RATES 48
/* Lines of a forward's log that are kept. */
#define KFT_ITEM_MAX_LOG 500

typedef struct {
    gint64 time_s; /* unix time */
    bool is_error;
    char *text;
} KftLogLine;

/* @config: (transfer full). */
KftForwardItem *kft_forward_item_new(KftConfig *config);
/* (transfer none) */
const KftConfig *kft_forward_item_get_config(KftForwardItem *self);
/* @config: (transfer full). */
void kft_forward_item_set_config(KftForwardItem *self, KftConfig *config);
int64_t kft_forward_item_get_id(KftForwardItem *self);
/* (transfer none), valid until the next change. */
const KftItemStatus *kft_forward_item_get_status(KftForwardItem *self);
const KftItemTraffic *kft_forward_item_get_traffic(KftForwardItem *self);
/* (element-type KftLogLine), oldest first. */
GQueue *kft_forward_item_get_log(KftForwardItem *self);
/* Bytes per second both ways, oldest first. */
const float *kft_forward_item_get_rates(KftForwardItem *self);
/* "shop/web:80", (transfer none). */
const char *kft_forward_item_get_target(KftForwardItem *self);
/* Where a program connects: the open address, else the configured one. (transfer none). */
const char *kft_forward_item_get_address(KftForwardItem *self);
/* The context, or the group: what lists are grouped by. (transfer none), "" for none. */
const char *kft_forward_item_get_group(KftForwardItem *self, bool by_group);
/* Whether all words of @words, in lower case, occur in alias, context, namespace, target, group,
 * note, pod or ports. */
bool kft_forward_item_matches(KftForwardItem *self, const char *const *words);
/* Starting, running or reconnecting in this process. */
bool kft_forward_item_is_active(KftForwardItem *self);
/* Active, or run by another process: its switch is on. */
bool kft_forward_item_is_on(KftForwardItem *self);
/* Connections are carried, here or by another process. */
bool kft_forward_item_is_running(KftForwardItem *self);
/* When it ends by itself, if that is soon: monotonic time, else 0. */
gint64 kft_forward_item_get_end_us(KftForwardItem *self);
/* Bytes moved within the last rates, or connections are open. */
bool kft_forward_item_is_moving(KftForwardItem *self);
/* Unix seconds, 0 = never. */
int64_t kft_forward_item_get_last_used_s(KftForwardItem *self);

/* --- what the core tells --- */

/* A start was asked for: STARTING, counters at zero. */
void kft_forward_item_begin(KftForwardItem *self);
/* An event about it, but for the end of a stop. */
void kft_forward_item_take_event(KftForwardItem *self, const KftEvent *event);
void kft_forward_item_set_stopping(KftForwardItem *self);
/* It ended, by request. What it carried goes to the stored totals. */
void kft_forward_item_set_stopped(KftForwardItem *self);
void kft_forward_item_set_failed(KftForwardItem *self, KftErrorCode code, const char *text);
/* @pid: of another process that runs it, 0 = none does. */
void kft_forward_item_set_elsewhere(KftForwardItem *self, int64_t pid, const char *address);
void kft_forward_item_set_stored_traffic(KftForwardItem *self, const KftTraffic *traffic);
/* Rates and curve begin anew: what was carried since the last tick belongs to no second. */
void kft_forward_item_rest(KftForwardItem *self);
/* Once a second while there is something to see. False once nothing moves any more. */
bool kft_forward_item_tick(KftForwardItem *self);
/* A line that repeats the last one is counted; how often is told before the next other one. */
void kft_forward_item_log(KftForwardItem *self, bool is_error, const char *text);

#endif
