#ifndef KFT_CLI_CATALOG_H
#define KFT_CLI_CATALOG_H

#include <kftray/store.h>

#include "style.h"

/* The store's configs together with what is known about their running. */
typedef struct {
    KftStore *store;
    GPtrArray *configs; /* KftConfig, in the user's order */
    GPtrArray *states;  /* KftRunState */
    GArray *traffic;    /* KftTraffic */
    GHashTable *state_of;
    GHashTable *traffic_of;
} KftCatalog;

/* Opens the default store and reads it. Prints what is wrong and returns NULL. */
KftCatalog *kft_catalog_open(void);
/* NULL is allowed. */
void kft_catalog_free(KftCatalog *self);

/* Reads it anew. Prints what is wrong and returns false; then what was read before still holds. */
bool kft_catalog_reload(KftCatalog *self);

/* Those of which each of @words (NULL ended) occurs in the alias, namespace, target, context or
 * group, or is one of the ports. @only_running: which run now. Returns: (transfer container)
 * GPtrArray of KftConfig. */
GPtrArray *kft_catalog_filter(const KftCatalog *self, char *const *words, bool only_running);

/* (transfer none), NULL if it never ran. */
const KftRunState *kft_catalog_get_state(const KftCatalog *self, KftConfigId id);
/* (transfer none), NULL if it was never used. */
const KftTraffic *kft_catalog_get_traffic(const KftCatalog *self, KftConfigId id);

/* A config and what is known about it, its history too, as a JSON object on standard output. */
void kft_catalog_print_json(const KftCatalog *self, const KftConfig *config);
/* The same without the history, on one line. */
void kft_catalog_print_json_line(const KftCatalog *self, const KftConfig *config);
/* An array of such objects. @configs: of KftConfig. */
void kft_catalog_print_json_list(const KftCatalog *self, const GPtrArray *configs);

/* How a state is shown. */
KftStyle kft_state_style(KftForwardState state);
/* Whether it is on its way or there: all but idle and failed. */
bool kft_state_is_running(KftForwardState state);
/* "12.3 MiB". Returns: (transfer full). */
char *kft_format_bytes(uint64_t n_bytes);
/* "2d3h", "5m12s", as kubectl writes ages. Returns: (transfer full). */
char *kft_format_age(int64_t seconds);
/* "2026-11-28 07:05:01", in local time. Returns: (transfer full), NULL if @unix_s is 0. */
char *kft_format_time(int64_t unix_s);
/* "ends at 17:30:05" if it was announced that it ends by itself, else NULL. */
char *kft_describe_end(const KftForwardHealth *health);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftCatalog, kft_catalog_free)

#endif
