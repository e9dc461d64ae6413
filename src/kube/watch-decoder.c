/* Cuts the body of a watch into lines and the lines into events. A line that lies whole in what was
 * fed is parsed where it is; only the rest of a line that goes on in a later piece is kept, up to
 * the limit of one event. Invariant: what is kept holds no line end. */
#include "kube/watch-decoder.h"

#include <string.h>

#include "kftray/error.h"

#include "base/buf.h"

struct KftWatchDecoder {
    KftBuf rest; /* the begin of a line */
    const char *at;
    size_t size; /* of what was fed and not read yet */
};

KftWatchDecoder *kft_watch_decoder_new(void)
{
    KftWatchDecoder *self = g_new0(KftWatchDecoder, 1);
    kft_buf_init(&self->rest, KFT_WATCH_MAX_EVENT_BYTES);
    return self;
}

void kft_watch_decoder_free(KftWatchDecoder *self)
{
    if (self == NULL)
        return;
    kft_buf_clear(&self->rest);
    g_free(self);
}

void kft_watch_decoder_feed(KftWatchDecoder *self, const void *data, size_t size)
{
    g_assert(self->size == 0);
    self->at = data;
    self->size = size;
}

static bool parse_type(const char *name, KftWatchType *ret_type)
{
    static const char *const names[] = {
        [KFT_WATCH_ADDED] = "ADDED",     [KFT_WATCH_MODIFIED] = "MODIFIED",
        [KFT_WATCH_DELETED] = "DELETED", [KFT_WATCH_BOOKMARK] = "BOOKMARK",
        [KFT_WATCH_ERROR] = "ERROR",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            *ret_type = (KftWatchType)i;
            return true;
        }
    }
    return false;
}

/* NULL without an error: an event that means nothing to us. */
static json_object *
parse_line(const char *text, size_t size, KftWatchType *ret_type, GError **error)
{
    while (size > 0 && strchr(" \t\r", text[size - 1]) != NULL && text[size - 1] != '\0')
        size--;
    if (size == 0)
        return NULL;
    g_autoptr(json_object) event = kft_json_parse(text, size, error);
    if (event == NULL) {
        g_prefix_error(error, "watch event: ");
        return NULL;
    }
    const char *type = kft_json_string(event, "type");
    json_object *object = kft_json_get(event, "object");
    if (type == NULL || !json_object_is_type(object, json_type_object)) {
        g_set_error_literal(error, KFT_ERROR, KFT_ERROR_PROTOCOL,
                            "watch event: neither type nor object");
        return NULL;
    }
    return parse_type(type, ret_type) ? json_object_get(object) : NULL;
}

/* The next line that is complete; false if there is none or it is too long. */
static bool
take_line(KftWatchDecoder *self, const char **ret_text, size_t *ret_size, GError **error)
{
    if (self->size == 0)
        return false;
    const char *end = memchr(self->at, '\n', self->size);
    size_t piece = end != NULL ? (size_t)(end - self->at) : self->size;
    bool has_rest = kft_buf_size(&self->rest) > 0;

    if (end == NULL || has_rest || piece > KFT_WATCH_MAX_EVENT_BYTES) {
        if (kft_buf_append(&self->rest, self->at, piece) != KFT_R_OK) {
            g_set_error_literal(error, KFT_ERROR, KFT_ERROR_LIMIT, "watch event: too long");
            self->size = 0;
            return false;
        }
        *ret_text = (const char *)kft_buf_data(&self->rest);
        *ret_size = kft_buf_size(&self->rest);
    } else {
        *ret_text = self->at;
        *ret_size = piece;
    }
    size_t used = piece + (end != NULL ? 1 : 0);
    self->at += used;
    self->size -= used;
    return end != NULL;
}

json_object *kft_watch_decoder_next(KftWatchDecoder *self, KftWatchType *ret_type, GError **error)
{
    g_autoptr(GError) failure = NULL;
    const char *text = NULL;
    size_t size = 0;

    while (take_line(self, &text, &size, &failure)) {
        json_object *object = parse_line(text, size, ret_type, &failure);
        kft_buf_consume(&self->rest, kft_buf_size(&self->rest));
        if (object != NULL)
            return object;
        if (failure != NULL)
            break;
    }
    if (failure != NULL) {
        self->size = 0;
        g_propagate_error(error, g_steal_pointer(&failure));
    }
    return NULL;
}
