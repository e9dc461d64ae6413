/* One direction of an emulated link: packets go in, and come out later, or not at all. No I/O and
 * no clock of its own, so that a seed and a list of arrival times always give the same result. */
#ifndef KFT_LINK_EMU_H
#define KFT_LINK_EMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EMU_PACKET_MAX = 2048
};

struct emu_settings {
    uint64_t delay_ns;  /* one way */
    uint64_t jitter_ns; /* added or taken away at random, order is kept */
    uint64_t rate_bps;  /* bits per second, 0: no limit */
    uint64_t queue_ns;  /* with a rate: how long a packet may wait to be sent */
    double loss;        /* 0 to 1 */
    bool blackhole;     /* nothing passes */
};

struct emu_stats {
    uint64_t packets;
    uint64_t bytes;
    uint64_t lost;    /* by loss and by the black hole */
    uint64_t dropped; /* by a full queue */
};

struct emu_packet {
    struct emu_packet *next;
    uint64_t due_ns;
    size_t len;
    uint8_t data[];
};

struct emu {
    struct emu_settings set;
    struct emu_stats stats;
    struct emu_packet *first;
    struct emu_packet *last;
    size_t held_bytes;
    uint64_t free_at_ns; /* when the line can send again */
    uint64_t last_due_ns;
    uint64_t random;
};

void emu_init(struct emu *e, uint64_t seed);

/* Takes a copy of a packet that arrived at @now_ns. */
void emu_put(struct emu *e, const void *data, size_t len, uint64_t now_ns);

/* When the next packet leaves, UINT64_MAX if none is held. */
uint64_t emu_next_due(const struct emu *e);

/* The next packet whose time has come, or NULL; (transfer full), free() it. */
struct emu_packet *emu_take(struct emu *e, uint64_t now_ns);

/* Runs one setting, as "delay 20ms". Returns false if it is not understood. */
bool emu_configure(struct emu *e, const char *name, const char *value);

#endif
