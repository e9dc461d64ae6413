#ifndef KFT_FORWARD_HELD_H
#define KFT_FORWARD_HELD_H

#include <glib.h>

/* So many tunnels and WebSockets of a forward are held at once (forward/hold.h): each keeps a
 * descriptor and its buffers. */
#define KFT_HELD_MAX 256

/* What is silent and kept nevertheless, the one that is silent for longest first. Embeddable,
 * starts as zeros. Thread: one at a time. */
typedef struct {
    GQueue items; /* KftHeldItem */
} KftHeldList;

/* One of them, embedded in what is held. Starts as zeros. */
typedef struct {
    GList link;
    KftHeldList *list; /* that it is in; NULL = in none */
    void (*on_too_many)(void *user_data);
    void *user_data;
} KftHeldItem;

/* As the last one; it must not be in a list. @list: outlives it there. @on_too_many: it is out of
 * the list again, in favour of others. */
void kft_held_add(KftHeldList *list,
                  KftHeldItem *item,
                  void (*on_too_many)(void *user_data),
                  void *user_data);
/* If it is in one. */
void kft_held_remove(KftHeldItem *item);
/* Has the first ones give way while there are too many. */
void kft_held_limit(KftHeldList *list);

#endif
