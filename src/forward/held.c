#include "forward/held.h"

void kft_held_add(KftHeldList *list,
                  KftHeldItem *item,
                  void (*on_too_many)(void *user_data),
                  void *user_data)
{
    g_assert(item->list == NULL);
    *item = (KftHeldItem){
        .link = {.data = item},
        .list = list,
        .on_too_many = on_too_many,
        .user_data = user_data,
    };
    g_queue_push_tail_link(&list->items, &item->link);
}

void kft_held_remove(KftHeldItem *item)
{
    if (item->list == NULL)
        return;
    g_queue_unlink(&item->list->items, &item->link);
    item->list = NULL;
}

void kft_held_limit(KftHeldList *list)
{
    while (list->items.length > KFT_HELD_MAX) {
        KftHeldItem *first = g_queue_peek_head(&list->items);
        kft_held_remove(first);
        first->on_too_many(first->user_data);
    }
}
