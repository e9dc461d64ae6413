#ifndef KFT_APP_FOLDED_GROUPS_H
#define KFT_APP_FOLDED_GROUPS_H

#include <glib.h>
#include <stdbool.h>

/* The keys of the groups that are folded in the list, as a setting keeps them: a JSON array of
 * texts. Thread: ui. */
typedef struct KftFoldedGroups KftFoldedGroups;

KftFoldedGroups *kft_folded_groups_new(void);
/* NULL is allowed. */
void kft_folded_groups_free(KftFoldedGroups *self);
bool kft_folded_groups_contains(const KftFoldedGroups *self, const char *key);
void kft_folded_groups_set(KftFoldedGroups *self, const char *key, bool is_folded);
/* What is no array of texts is an empty one. */
void kft_folded_groups_read(KftFoldedGroups *self, const char *text);
/* (transfer full); NULL if none is folded. */
char *kft_folded_groups_dup_text(const KftFoldedGroups *self);

#endif
