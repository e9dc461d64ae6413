/* The tunnel of kft-gateway: WebSocket messages of the client become the upstream's bytes and
 * back, as an API server's tunnelling handler does it (wire notes 3.1). Message boundaries mean
 * nothing. Towards the client, messages are cut as Go's gorilla library cuts them on a hijacked
 * connection, because clients must cope with exactly that. */
#include <stdlib.h>
#include <string.h>

#include "gateway.h"

enum {
    GORILLA_BUF = 4096,            /* write buffer of a hijacked connection */
    GORILLA_ROOM = 4096 - 14,      /* less room for the longest frame header */
    CONTROL_ROOM = 16 * (125 + 2), /* pongs that may wait behind a full buffer */
    CONTROL_MAX = 125,
    OUT_MAX = 2 * GW_BULK + CONTROL_ROOM,
};

enum opcode {
    OP_CONTINUATION = 0,
    OP_TEXT = 1,
    OP_BINARY = 2,
    OP_CLOSE = 8,
    OP_PING = 9,
    OP_PONG = 10,
};

/* Bytes on their way to one side; those before `sent` are gone. */
struct out {
    size_t sent;
    size_t len;
    size_t size;
    uint8_t *data;
};

struct decoder {
    uint8_t head[14];
    size_t head_len;
    uint64_t left; /* of the current frame's payload */
    uint8_t key[4];
    size_t key_at;
    uint8_t opcode;
    bool in_payload;
    bool in_message;
    uint8_t control[CONTROL_MAX];
    size_t control_len;
};

struct tunnel {
    struct gw_side *client;
    struct gw_side *upstream;
    struct decoder dec;
    struct out up;   /* plain bytes for the upstream */
    struct out down; /* whole frames for the client */
    bool plain;      /* no WebSocket: bytes are copied as they are */
    bool ended;
    uint16_t status; /* of our Close frame */
    uint8_t up_data[GW_BULK];
    uint8_t down_data[OUT_MAX];
    uint8_t in[GW_BULK];
};

static size_t out_room(struct out *o)
{
    if (o->sent == o->len)
        o->sent = o->len = 0;
    return o->size - o->len;
}

static void out_put(struct out *o, const void *data, size_t n)
{
    if (n > 0)
        memcpy(o->data + o->len, data, n);
    o->len += n;
}

/* Unmasks in place, eight bytes at a step, which compilers turn into vector code. */
static void unmask(uint8_t *p, size_t n, const uint8_t key[4], size_t at)
{
    uint8_t rolled[8];
    uint64_t wide;
    for (size_t i = 0; i < 8; i++)
        rolled[i] = key[(at + i) % 4];
    memcpy(&wide, rolled, 8);
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t v;
        memcpy(&v, p + i, 8);
        v ^= wide;
        memcpy(p + i, &v, 8);
    }
    for (; i < n; i++)
        p[i] ^= rolled[i % 8];
}

static size_t frame_head(uint8_t out[10], bool fin, enum opcode opcode, size_t n)
{
    out[0] = (uint8_t)((fin ? 0x80u : 0u) | (unsigned)opcode);
    if (n < 126) {
        out[1] = (uint8_t)n;
        return 2;
    }
    if (n < 65536) {
        out[1] = 126;
        out[2] = (uint8_t)(n >> 8);
        out[3] = (uint8_t)n;
        return 4;
    }
    out[1] = 127;
    for (unsigned i = 0; i < 8; i++)
        out[2 + i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
    return 10;
}

static void put_frame(struct out *o, bool fin, enum opcode opcode, const uint8_t *p, size_t n)
{
    uint8_t head[10];
    out_put(o, head, frame_head(head, fin, opcode, n));
    out_put(o, p, n);
}

/* A write above twice the buffer goes out as it is, unfinished, with an empty final frame behind
 * it; a smaller one is cut to the buffer's size. */
static void put_message(struct out *o, const uint8_t *p, size_t n)
{
    enum opcode op = OP_BINARY;
    if (n > (size_t)2 * GORILLA_BUF) {
        put_frame(o, false, op, p, n);
        put_frame(o, true, OP_CONTINUATION, NULL, 0);
        return;
    }
    for (; n > GORILLA_ROOM; p += GORILLA_ROOM, n -= GORILLA_ROOM) {
        put_frame(o, false, op, p, GORILLA_ROOM);
        op = OP_CONTINUATION;
    }
    put_frame(o, true, op, p, n);
}

static void end_with(struct tunnel *t, uint16_t status)
{
    if (!t->ended)
        t->status = status;
    t->ended = true;
}

/* A whole frame header is in dec->head. */
static void frame_begins(struct tunnel *t)
{
    struct decoder *d = &t->dec;
    unsigned len7 = d->head[1] & 0x7fu;
    size_t at = 2;
    d->opcode = d->head[0] & 0x0f;
    bool fin = d->head[0] & 0x80;
    bool control = d->opcode >= OP_CLOSE;
    d->left = len7;
    if (len7 >= 126) {
        size_t bytes = len7 == 126 ? 2 : 8;
        d->left = 0;
        while (bytes-- > 0)
            d->left = d->left << 8 | d->head[at++];
    }
    memcpy(d->key, d->head + at, 4);
    d->key_at = 0;
    d->control_len = 0;
    d->in_payload = true;
    d->head_len = 0;
    bool known = d->opcode <= OP_BINARY || (d->opcode >= OP_CLOSE && d->opcode <= OP_PONG);
    bool in_order = control || (d->opcode == OP_CONTINUATION) == d->in_message;
    if (!known || !in_order || (d->head[0] & 0x70) || (control && (!fin || d->left > CONTROL_MAX)))
        end_with(t, 1002);
    else if (d->opcode == OP_TEXT)
        end_with(t, 1000);
    if (!control)
        d->in_message = !fin;
}

static void frame_ends(struct tunnel *t)
{
    struct decoder *d = &t->dec;
    d->in_payload = false;
    if (d->opcode == OP_CLOSE)
        end_with(t, d->control_len >= 2 ? (uint16_t)(d->control[0] << 8 | d->control[1]) : 1000);
    /* A client that floods pings without reading loses pongs, not memory. */
    if (d->opcode == OP_PING && out_room(&t->down) > CONTROL_MAX + 2)
        put_frame(&t->down, true, OP_PONG, d->control, d->control_len);
}

static size_t take_head(struct tunnel *t, const uint8_t *p, size_t n)
{
    struct decoder *d = &t->dec;
    size_t used = 0;
    while (used < n && !d->in_payload && !t->ended) {
        d->head[d->head_len++] = p[used++];
        if (d->head_len < 2)
            continue;
        if (!(d->head[1] & 0x80)) {
            end_with(t, 1002);
            break;
        }
        unsigned len7 = d->head[1] & 0x7fu;
        size_t want = 6 + (len7 == 126 ? 2u : len7 == 127 ? 8u : 0u);
        if (d->head_len == want) {
            frame_begins(t);
            if (!t->ended && d->left == 0)
                frame_ends(t);
        }
    }
    return used;
}

/* Takes what the client sent; payload of binary messages is appended to t->up, whose room is at
 * least @n because it is empty whenever the client is read. */
static void decode(struct tunnel *t, uint8_t *p, size_t n)
{
    struct decoder *d = &t->dec;
    while (n > 0 && !t->ended) {
        if (!d->in_payload) {
            size_t used = take_head(t, p, n);
            p += used;
            n -= used;
            continue;
        }
        size_t k = d->left < n ? (size_t)d->left : n;
        unmask(p, k, d->key, d->key_at);
        d->key_at = (d->key_at + k) % 4;
        if (d->opcode >= OP_CLOSE) {
            memcpy(d->control + d->control_len, p, k);
            d->control_len += k;
        } else {
            out_put(&t->up, p, k);
        }
        p += k;
        n -= k;
        d->left -= k;
        if (d->left == 0)
            frame_ends(t);
    }
}

/* Returns whether bytes moved. */
static bool flush(struct gw_side *side, struct out *o)
{
    bool moved = false;
    while (o->sent < o->len) {
        ptrdiff_t n = gw_write(side, o->data + o->sent, o->len - o->sent);
        if (n < 0) {
            side->eof = true;
            o->sent = o->len;
        }
        if (n <= 0)
            break;
        o->sent += (size_t)n;
        moved = true;
    }
    return moved;
}

static bool pump_up(struct tunnel *t)
{
    bool moved = false;
    if (!t->ended && out_room(&t->up) == t->up.size) {
        ptrdiff_t n = gw_read(t->client, t->in, sizeof t->in);
        if (n > 0 && t->plain)
            out_put(&t->up, t->in, (size_t)n);
        else if (n > 0)
            decode(t, t->in, (size_t)n);
        moved = n > 0;
    }
    return flush(t->upstream, &t->up) || moved;
}

/* Collects several TLS records before it writes: one system call for up to 64 KiB. */
static bool pump_down(struct tunnel *t)
{
    bool moved = false;
    while (out_room(&t->down) >= GW_BULK + CONTROL_ROOM) {
        ptrdiff_t n = gw_read(t->upstream, t->in, GW_RECORD);
        if (n <= 0)
            break;
        if (t->plain)
            out_put(&t->down, t->in, (size_t)n);
        else
            put_message(&t->down, t->in, (size_t)n);
        moved = true;
    }
    return flush(t->client, &t->down) || moved;
}

static void pump(struct tunnel *t)
{
    while (!t->client->eof && !(t->ended && t->up.sent == t->up.len)) {
        bool moved = pump_up(t);
        moved = pump_down(t) || moved;
        bool up_waits = t->up.sent < t->up.len;
        bool down_waits = t->down.sent < t->down.len;
        if (t->upstream->eof && !down_waits)
            return;
        if (!moved)
            (void)gw_wait(t->client, !up_waits, down_waits, t->upstream, !down_waits, up_waits, -1);
    }
}

static struct tunnel *tunnel_new(struct gw_side *client, struct gw_side *upstream)
{
    struct tunnel *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->client = client;
    t->upstream = upstream;
    t->status = 1000;
    t->up = (struct out){.data = t->up_data, .size = sizeof t->up_data};
    t->down = (struct out){.data = t->down_data, .size = sizeof t->down_data};
    return t;
}

void gw_copy_run(struct gw_side *client,
                 const uint8_t *early,
                 size_t n_early,
                 struct gw_side *upstream)
{
    struct tunnel *t = tunnel_new(client, upstream);
    if (!t)
        return;
    t->plain = true;
    out_put(&t->up, early, n_early);
    pump(t);
    free(t);
}

void gw_tunnel_run(struct gw_side *client,
                   const uint8_t *early_client,
                   size_t n_client,
                   struct gw_side *upstream,
                   const uint8_t *early_upstream,
                   size_t n_upstream)
{
    struct tunnel *t = tunnel_new(client, upstream);
    if (!t)
        return;
    memcpy(t->in, early_client, n_client);
    decode(t, t->in, n_client);
    for (; n_upstream > 0;) {
        size_t k = n_upstream < GORILLA_BUF ? n_upstream : GORILLA_BUF;
        put_message(&t->down, early_upstream, k);
        early_upstream += k;
        n_upstream -= k;
    }
    pump(t);
    if (!client->eof) {
        uint8_t status[2] = {(uint8_t)(t->status >> 8), (uint8_t)t->status};
        uint8_t frame[4] = {0x80 | OP_CLOSE, 2, status[0], status[1]};
        (void)(gw_write_all(client, t->down.data + t->down.sent, t->down.len - t->down.sent) &&
               gw_write_all(client, frame, sizeof frame));
    }
    free(t);
}
