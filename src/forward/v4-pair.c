/* One pair on a WebSocket of its own. This transport has no half-close: finishing means closing,
 * and the only sign of the pod's end is the server's Close, about a second later (wire
 * protocols, 2.6). */
#include "forward/v4-pair.h"

#include "kftray/error.h"

#include "forward/negotiation.h"
#include "forward/vigil.h"
#include "forward/wire.h"
#include "proto/channel.h"

#define MAX_MESSAGE_BYTES (KFT_CHANNEL_MAX_DATA_BYTES + 1)
#define MIN_DATA_BYTES 512
#define PAUSE_QUEUE_BYTES ((size_t)256 * 1024)
#define RESUME_QUEUE_BYTES ((size_t)64 * 1024)
/* Pings do not restart the runtime's idle timer of 4 h, empty frames do (2.7). */
#define KEEPALIVE_FRAME_MS (UINT64_C(5) * 60 * 1000)

typedef struct {
    KftPair base;
    KftLoop *loop;
    KftCluster *cluster;
    char *node; /* nullable */
    KftV4Owner owner;
    KftNegotiation *negotiation; /* until the WebSocket is open */
    KftWire *wire;               /* from then on */
    KftChannelDecoder decoder;
    GString *error_text; /* nullable */
    KftVigil *vigil;     /* with the wire, until it is finished */
    KftDeferred *finish; /* its end by us is owed */
    uint64_t last_output_ms;
    size_t up_since_down;
    bool has_received;
    bool owes_data_end;
    bool is_finished;
    bool is_paused;
    bool is_ending;
} V4Pair;

static void leave_siblings(V4Pair *pair)
{
    if (pair->owner.siblings == NULL)
        return;
    (void)g_hash_table_remove(pair->owner.siblings, pair);
    g_clear_pointer(&pair->owner.siblings, g_hash_table_unref);
}

static void release(V4Pair *pair)
{
    leave_siblings(pair);
    kft_vigil_free(pair->vigil);
    if (pair->finish != NULL)
        kft_deferred_cancel(pair->finish);
    kft_negotiation_free(pair->negotiation);
    if (pair->wire != NULL)
        kft_wire_close(pair->wire);
    if (pair->error_text != NULL)
        g_string_free(pair->error_text, TRUE);
    kft_cluster_unref(pair->cluster);
    g_free(pair->node);
    g_free(pair);
}

static void end_data(V4Pair *pair)
{
    if (pair->owes_data_end && pair->base.funcs.on_data_end != NULL)
        pair->base.funcs.on_data_end(pair->base.user_data);
    pair->owes_data_end = false;
}

static void end_pair(V4Pair *pair, KftPairEnd end, const char *text)
{
    if (pair->is_ending)
        return;
    end_data(pair);
    pair->is_ending = true;
    leave_siblings(pair);
    pair->base.funcs.on_end(end, text, pair->base.user_data);
    release(pair);
}

/* A WebSocket frame begins with one channel byte, whatever number of commits it is made of: the
 * byte is due when the message is still empty. */
static uint8_t *pair_reserve(KftPair *base, size_t *ret_size)
{
    V4Pair *pair = (V4Pair *)base;

    if (pair->is_finished || pair->wire == NULL)
        return NULL;
    size_t room_bytes = kft_wire_get_room(pair->wire);
    bool starts_frame = room_bytes == MAX_MESSAGE_BYTES;
    size_t head = starts_frame ? 1 : 0;
    uint8_t *room = room_bytes >= MIN_DATA_BYTES ? kft_wire_reserve(pair->wire, room_bytes) : NULL;
    if (room == NULL) {
        (void)kft_wire_reserve(pair->wire, SIZE_MAX / 2);
        return NULL;
    }
    *ret_size = room_bytes - head;
    return room + head;
}

static void pair_commit(KftPair *base, size_t size)
{
    V4Pair *pair = (V4Pair *)base;
    size_t head = kft_wire_get_room(pair->wire) == MAX_MESSAGE_BYTES ? 1 : 0;
    uint8_t *room = kft_wire_reserve(pair->wire, head + size);

    g_assert(room != NULL);
    if (head == 1)
        room[0] = KFT_CHANNEL_DATA;
    kft_wire_commit(pair->wire, head + size);
    pair->up_since_down += size;
    pair->last_output_ms = kft_loop_now_ms(pair->loop);
}

static void on_finish_deferred(void *user_data)
{
    V4Pair *pair = user_data;
    pair->finish = NULL;
    end_pair(pair, KFT_PAIR_END_CLEAN, NULL);
}

static void pair_finish(KftPair *base)
{
    V4Pair *pair = (V4Pair *)base;
    if (pair->is_finished || pair->is_ending)
        return;
    pair->is_finished = true;
    /* Closing is all that can be done; the owner hears of the end as it would from the pod. */
    g_clear_pointer(&pair->vigil, kft_vigil_free);
    pair->finish = kft_loop_defer(pair->loop, on_finish_deferred, pair);
}

static void pair_report_queued(KftPair *base, size_t queued_bytes)
{
    V4Pair *pair = (V4Pair *)base;
    bool was_paused = pair->is_paused;

    if (queued_bytes > PAUSE_QUEUE_BYTES)
        pair->is_paused = true;
    else if (queued_bytes <= RESUME_QUEUE_BYTES)
        pair->is_paused = false;
    if (was_paused != pair->is_paused && pair->wire != NULL)
        kft_wire_set_reading(pair->wire, !pair->is_paused);
}

static void pair_free(KftPair *base)
{
    V4Pair *pair = (V4Pair *)base;
    if (!pair->is_ending)
        release(pair);
}

static const KftPairOps pair_ops = {
    .reserve = pair_reserve,
    .commit = pair_commit,
    .finish = pair_finish,
    .report_queued = pair_report_queued,
    .free = pair_free,
};

static KftResult on_wire_input(const KftWsEvent *input, void *user_data)
{
    V4Pair *pair = user_data;
    KftChannelEvent event;

    KftResult result = kft_channel_decoder_feed(&pair->decoder, input, &event);
    if (result != KFT_R_OK)
        return result;
    switch (event.type) {
    case KFT_CHANNEL_EVENT_NONE:
        return KFT_R_OK;
    case KFT_CHANNEL_EVENT_DATA:
        pair->has_received = true;
        pair->up_since_down = 0;
        pair->owes_data_end = true;
        pair->base.funcs.on_data(event.data, event.size, pair->base.user_data);
        return KFT_R_OK;
    case KFT_CHANNEL_EVENT_ERROR:
        kft_pair_append_text(&pair->error_text, event.data, event.size);
        return KFT_R_OK;
    }
    g_assert_not_reached();
}

static void on_wire_input_end(void *user_data)
{
    end_data(user_data);
}

static void on_wire_drained(void *user_data)
{
    V4Pair *pair = user_data;
    pair->base.funcs.on_writable(pair->base.user_data);
}

static void on_wire_closed(const char *reason, bool is_orderly, void *user_data)
{
    V4Pair *pair = user_data;

    if (pair->error_text != NULL) {
        KftPairEnd end = kft_pair_classify_text(pair->error_text, pair->has_received);
        end_pair(pair, end, pair->error_text->str);
    } else if (is_orderly) {
        end_pair(pair, KFT_PAIR_END_CLEAN, NULL);
    } else {
        bool is_unsent = kft_wire_get_begun(pair->wire) == 0;
        end_pair(pair, is_unsent ? KFT_PAIR_END_UNSENT : KFT_PAIR_END_LOST, reason);
    }
}

static void describe(KftLivenessInput *input, void *user_data)
{
    const V4Pair *pair = user_data;
    input->is_paused = pair->is_paused;
    input->is_mute_upload = pair->up_since_down > KFT_MUTE_UPLOAD_BYTES;
}

static void send_ping(void *user_data)
{
    V4Pair *pair = user_data;
    kft_wire_ping(pair->wire);
}

static void on_tick(uint64_t now_ms, void *user_data)
{
    V4Pair *pair = user_data;
    if (now_ms - pair->last_output_ms < KEEPALIVE_FRAME_MS)
        return;
    kft_wire_send_empty_frame(pair->wire);
    pair->last_output_ms = now_ms;
}

static void on_held(const char *reason, void *user_data)
{
    V4Pair *pair = user_data;
    if (pair->base.funcs.is_impatient)
        end_pair(pair, KFT_PAIR_END_LOST, reason);
}

static void on_server_away(void *user_data)
{
    const V4Pair *pair = user_data;
    if (pair->owner.siblings != NULL)
        pair->owner.on_server_away(pair->owner.user_data);
}

static void on_dead(const char *reason, void *user_data)
{
    end_pair(user_data, KFT_PAIR_END_LOST, reason);
}

void kft_v4_pair_verify(KftPair *self, uint32_t limit_ms)
{
    V4Pair *pair = (V4Pair *)self;
    if (pair->vigil != NULL && !pair->is_ending)
        kft_vigil_verify(pair->vigil, limit_ms);
}

/* A kubelet that has just been started knows of no pods yet: what it says then is not about them.
 */
static bool is_fault_of_node(const V4Pair *pair)
{
    const KftNodes *nodes = kft_cluster_get_nodes(pair->cluster);
    unsigned status = kft_negotiation_get_status(pair->negotiation);
    return pair->node != NULL &&
           (status >= 500 || (status == 404 && kft_nodes_is_bad(nodes, pair->node)));
}

static void handle_failure(V4Pair *pair, const GError *error)
{
    if (is_fault_of_node(pair)) {
        kft_nodes_note_bad(kft_cluster_get_nodes(pair->cluster), pair->node);
        end_pair(pair, KFT_PAIR_END_NODE, error->message);
        return;
    }
    bool no_pod = g_error_matches(error, KFT_ERROR, KFT_ERROR_NOT_FOUND);
    end_pair(pair, no_pod ? KFT_PAIR_END_NO_POD : KFT_PAIR_END_UNSENT, error->message);
}

static void on_negotiated(const KftNegotiated *result, const GError *error, void *user_data)
{
    static const KftWireFuncs wire_funcs = {
        .on_input = on_wire_input,
        .on_input_end = on_wire_input_end,
        .on_drained = on_wire_drained,
        .on_closed = on_wire_closed,
    };
    static const KftVigilFuncs vigil_funcs = {
        .describe = describe,
        .send_ping = send_ping,
        .on_tick = on_tick,
        .on_held = on_held,
        .on_server_away = on_server_away,
        .on_dead = on_dead,
    };
    V4Pair *pair = user_data;

    if (error != NULL) {
        handle_failure(pair, error);
        return;
    }
    kft_nodes_note_good(kft_cluster_get_nodes(pair->cluster), pair->node);
    g_clear_pointer(&pair->negotiation, kft_negotiation_free);
    pair->wire = kft_wire_new(pair->loop, result->stream, /* is_websocket= */ true,
                              MAX_MESSAGE_BYTES, result->early, &wire_funcs, pair);
    pair->vigil = kft_vigil_new(pair->loop, kft_cluster_get_reach(pair->cluster), pair->owner.held,
                                pair->wire, &vigil_funcs, pair);
    pair->base.funcs.on_writable(pair->base.user_data);
}

KftPair *kft_v4_pair_new(KftCluster *cluster,
                         const KftPod *pod,
                         uint16_t port,
                         const KftV4Owner *owner,
                         const KftPairFuncs *funcs,
                         void *user_data)
{
    static const KftOffer offer = {.websocket = true};
    V4Pair *pair = g_new0(V4Pair, 1);
    pair->base = (KftPair){.ops = &pair_ops, .funcs = *funcs, .user_data = user_data};
    pair->loop = kft_cluster_get_loop(cluster);
    pair->cluster = kft_cluster_ref(cluster);
    pair->node = g_strdup(pod->node);
    if (owner != NULL) {
        pair->owner = *owner;
        (void)g_hash_table_add(g_hash_table_ref(owner->siblings), pair);
    }
    pair->last_output_ms = kft_loop_now_ms(pair->loop);
    kft_channel_decoder_init(&pair->decoder, port);
    pair->negotiation = kft_negotiation_start(cluster, pod->namespace_, pod->name, port, offer,
                                              on_negotiated, pair);
    return &pair->base;
}
