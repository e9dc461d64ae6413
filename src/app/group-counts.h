#ifndef KFT_APP_GROUP_COUNTS_H
#define KFT_APP_GROUP_COUNTS_H

#include "forward-item.h"

/* How many forwards each group has, and what they do. A change of one forward looks at that one
 * only. Thread: ui. */
typedef struct KftGroupCounts KftGroupCounts;

typedef struct KftGroupCount {
    char *key;
    unsigned n_total;
    unsigned n_active; /* run or are about to */
    unsigned n_running;
    unsigned n_matching; /* the search */
    bool is_changed;     /* since they were taken */
} KftGroupCount;

/* How a forward was counted; all zero before it was. Belongs to who counts it. */
typedef struct KftCounted {
    KftGroupCount *group; /* borrowed from the counts */
    bool is_active;
    bool is_running;
    bool is_matching;
} KftCounted;

KftGroupCounts *kft_group_counts_new(void);
void kft_group_counts_free(KftGroupCounts *self);
/* Counts @item in the group @key, and no longer as @counted says it was. */
void kft_group_counts_put(KftGroupCounts *self,
                          KftCounted *counted,
                          KftForwardItem *item,
                          const char *key,
                          bool is_matching);
void kft_group_counts_remove(KftGroupCounts *self, KftCounted *counted);
/* Of all groups. */
unsigned kft_group_counts_get_n_matching(KftGroupCounts *self);
/* Whether the search finds something in it; false for a group that is not known. */
bool kft_group_counts_has_matching(KftGroupCounts *self, const char *key);
/* Calls @func for each group whose numbers are others than at the last call. One that has become
 * empty is forgotten after that. */
void kft_group_counts_take_changed(KftGroupCounts *self,
                                   void (*func)(const KftGroupCount *count, gpointer user_data),
                                   gpointer user_data);

#endif
