#include "engine/mailbox.h"

#include <uv.h>

struct KftMailbox {
    uv_mutex_t mutex;
    GQueue messages;
    bool is_closed;
    void (*wake)(void *user_data);
    void *user_data;
    GDestroyNotify free_message;
};

KftMailbox *
kft_mailbox_new(void (*wake)(void *user_data), void *user_data, GDestroyNotify free_message)
{
    KftMailbox *self = g_new0(KftMailbox, 1);
    int result = uv_mutex_init(&self->mutex);
    g_assert(result == 0);
    g_queue_init(&self->messages);
    self->wake = wake;
    self->user_data = user_data;
    self->free_message = free_message;
    return self;
}

static bool
merge_into_queue(KftMailbox *self, void *message, bool (*merge)(void *queued, void *message))
{
    for (GList *link = self->messages.tail; link != NULL; link = link->prev) {
        if (merge(link->data, message))
            return true;
    }
    return false;
}

bool kft_mailbox_post(KftMailbox *self, void *message, bool (*merge)(void *queued, void *message))
{
    bool is_queued = false;

    uv_mutex_lock(&self->mutex);
    bool is_open = !self->is_closed;
    if (is_open && (merge == NULL || !merge_into_queue(self, message, merge))) {
        bool was_empty = g_queue_is_empty(&self->messages);
        g_queue_push_tail(&self->messages, message);
        is_queued = true;
        if (was_empty)
            self->wake(self->user_data);
    }
    uv_mutex_unlock(&self->mutex);
    if (!is_queued)
        self->free_message(message);
    return is_open;
}

size_t kft_mailbox_get_length(KftMailbox *self)
{
    uv_mutex_lock(&self->mutex);
    size_t length = g_queue_get_length(&self->messages);
    uv_mutex_unlock(&self->mutex);
    return length;
}

void kft_mailbox_take_all(KftMailbox *self, GQueue *ret_messages)
{
    uv_mutex_lock(&self->mutex);
    *ret_messages = self->messages;
    g_queue_init(&self->messages);
    uv_mutex_unlock(&self->mutex);
}

void kft_mailbox_close(KftMailbox *self)
{
    uv_mutex_lock(&self->mutex);
    self->is_closed = true;
    uv_mutex_unlock(&self->mutex);
}

void kft_mailbox_free(KftMailbox *self)
{
    if (self == NULL)
        return;
    g_queue_clear_full(&self->messages, self->free_message);
    uv_mutex_destroy(&self->mutex);
    g_free(self);
}
