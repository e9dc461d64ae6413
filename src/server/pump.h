#ifndef KFT_SERVER_PUMP_H
#define KFT_SERVER_PUMP_H

#include "base/buf.h"
#include "server/context.h"

/* Carries bytes between two TCP connections, each way by itself: the end of one way is passed on as
 * a FIN while the other goes on. A side is read only while the other one takes what it gets.
 * Thread: the loop's. */

typedef void (*KftPumpFunc)(KftEnding ending, void *user_data);

typedef struct KftPump KftPump;

/* One way. */
typedef struct {
    KftPump *pump;
    uv_tcp_t *from;
    uv_tcp_t *to;
    KftBuf rest; /* what the kernel did not take at once; is being written, never moves */
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool is_writing;
    bool has_eof;
    bool is_done; /* the FIN is on its way */
} KftPumpWay;

/* embeddable. */
struct KftPump {
    KftTraffic *traffic;
    KftPumpWay to_target;
    KftPumpWay to_client;
    KftPumpFunc on_end;
    void *user_data;
    bool is_ended;
};

/* @client, @target: connected; they stay the caller's, but their `data` is the pump's until the
 * caller closes them. @on_end runs once. DONE: both ways ended in an orderly way; else the caller
 * should reset what is left, for bytes were lost. */
void kft_pump_init(KftPump *self,
                   KftTraffic *traffic,
                   uv_tcp_t *client,
                   uv_tcp_t *target,
                   KftPumpFunc on_end,
                   void *user_data);
/* @early: bytes that the client sent already, copied; at most KFT_SCRATCH_BYTES. May end the pump.
 */
void kft_pump_start(KftPump *self, const uint8_t *early, size_t size);
/* No callback and nothing read from here on; for the caller to close the handles. */
void kft_pump_stop(KftPump *self);
/* After the handles are closed. */
void kft_pump_clear(KftPump *self);
/* Whether one way has ended. */
bool kft_pump_is_half_closed(const KftPump *self);

#endif
