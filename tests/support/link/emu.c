/* Delay, jitter, loss, rate limit and black hole of one direction. */
#include "emu.h"

#include <stdlib.h>
#include <string.h>

enum {
    HELD_MAX = 64 * 1024 * 1024
}; /* a flood over a long delay must not eat the machine */

static uint64_t next_random(struct emu *e)
{
    uint64_t z = e->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* In [0, 1). */
static double next_fraction(struct emu *e)
{
    return (double)(next_random(e) >> 11) / 9007199254740992.0;
}

void emu_init(struct emu *e, uint64_t seed)
{
    *e = (struct emu){.random = seed, .set = {.queue_ns = 200000000}};
}

void emu_put(struct emu *e, const void *data, size_t len, uint64_t now_ns)
{
    /* Drawn always, so that a change of one setting does not shift the others' sequence. */
    double lottery = next_fraction(e);
    double shift = 2 * next_fraction(e) - 1;
    e->stats.packets++;
    e->stats.bytes += len;
    if (e->set.blackhole || lottery < e->set.loss) {
        e->stats.lost++;
        return;
    }
    uint64_t start = now_ns;
    if (e->set.rate_bps > 0) {
        if (e->free_at_ns > start)
            start = e->free_at_ns;
        if (start - now_ns > e->set.queue_ns) {
            e->stats.dropped++;
            return;
        }
        start += (uint64_t)len * 8 * 1000000000 / e->set.rate_bps;
    }
    struct emu_packet *p = NULL;
    if (e->held_bytes + len <= HELD_MAX)
        p = malloc(sizeof *p + len);
    if (!p) {
        e->stats.dropped++;
        return;
    }
    e->free_at_ns = start;
    double due = (double)e->set.delay_ns + shift * (double)e->set.jitter_ns;
    p->due_ns = start + (due > 0 ? (uint64_t)due : 0);
    /* A line does not overtake itself. */
    if (p->due_ns < e->last_due_ns && e->first)
        p->due_ns = e->last_due_ns;
    e->last_due_ns = p->due_ns;
    p->next = NULL;
    p->len = len;
    memcpy(p->data, data, len);
    if (e->first)
        e->last->next = p;
    else
        e->first = p;
    e->last = p;
    e->held_bytes += len;
}

uint64_t emu_next_due(const struct emu *e)
{
    return e->first ? e->first->due_ns : UINT64_MAX;
}

struct emu_packet *emu_take(struct emu *e, uint64_t now_ns)
{
    struct emu_packet *p = e->first;
    if (!p || p->due_ns > now_ns)
        return NULL;
    e->first = p->next;
    if (!e->first)
        e->last = NULL;
    e->held_bytes -= p->len;
    return p;
}

/* A number with a unit of the list, scaled. The list ends with a NULL name. */
static bool scaled(const char *text, const char *const *units, const double *factors, double *ret)
{
    char *end;
    double v = strtod(text, &end);
    if (end == text || !(v >= 0))
        return false;
    for (size_t i = 0; units[i]; i++) {
        if (strcmp(end, units[i]) == 0) {
            *ret = v * factors[i];
            return *ret < 1e18;
        }
    }
    return false;
}

bool emu_configure(struct emu *e, const char *name, const char *value)
{
    static const char *const times[] = {"", "ms", "us", "s", NULL};
    static const double to_ns[] = {1e6, 1e6, 1e3, 1e9};
    static const char *const rates[] = {"", "kbit", "mbit", "gbit", NULL};
    static const double to_bps[] = {1, 1e3, 1e6, 1e9};
    static const char *const parts[] = {"", "%", NULL};
    static const double to_part[] = {1, 0.01};
    double v = 0;
    bool off = strcmp(value, "off") == 0;
    if (strcmp(name, "blackhole") == 0) {
        e->set.blackhole = strcmp(value, "on") == 0;
        return off || e->set.blackhole;
    }
    if (strcmp(name, "loss") == 0) {
        if (!off && (!scaled(value, parts, to_part, &v) || v > 1))
            return false;
        e->set.loss = v;
        return true;
    }
    if (strcmp(name, "rate") == 0) {
        if (!off && !scaled(value, rates, to_bps, &v))
            return false;
        e->set.rate_bps = (uint64_t)v;
        e->free_at_ns = 0;
        return true;
    }
    if (!off && !scaled(value, times, to_ns, &v))
        return false;
    if (strcmp(name, "delay") == 0)
        e->set.delay_ns = (uint64_t)v;
    else if (strcmp(name, "jitter") == 0)
        e->set.jitter_ns = (uint64_t)v;
    else if (strcmp(name, "queue") == 0)
        e->set.queue_ns = (uint64_t)v;
    else
        return false;
    return true;
}
