#ifndef KFT_ENGINE_MAILBOX_H
#define KFT_ENGINE_MAILBOX_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* The only hand-off between two threads: a queue of messages that belong to the queue, then to who
 * takes them. A pthread mutex guards it, which ThreadSanitizer can see.
 *
 * The wake-up runs under the lock and only while the mailbox is open, so it never runs after
 * kft_mailbox_close() returned; and only when the queue was empty. embeddable in the engine. */
typedef struct KftMailbox KftMailbox;

/* @wake: tells the receiver; called with the lock held. @free_message: for messages nobody takes.
 */
KftMailbox *
kft_mailbox_new(void (*wake)(void *user_data), void *user_data, GDestroyNotify free_message);
/* @merge: nullable; called with the lock held for the newest message first; if it returns true,
 * @message was merged into (or replaced the content of) that one, and is freed. */
bool kft_mailbox_post(KftMailbox *self, void *message, bool (*merge)(void *queued, void *message));
/* How many messages wait. */
size_t kft_mailbox_get_length(KftMailbox *self);
/* Takes all messages in order; empty if there are none. (transfer full) */
void kft_mailbox_take_all(KftMailbox *self, GQueue *ret_messages);
/* From now on messages are refused. */
void kft_mailbox_close(KftMailbox *self);
void kft_mailbox_free(KftMailbox *self);

#endif
