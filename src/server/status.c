/* As much HTTP as probes and Prometheus need: a head is read to its empty line, only its first line
 * is looked at, the answer closes the connection. Heads, connections and time are limited. */
#include "server/status.h"

#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "server/listener.h"

#define MAX_HEAD_BYTES ((size_t)8 * 1024)
#define MAX_REQUESTS 64
#define REQUEST_MS 5000

struct KftStatus {
    KftContext *context;
    KftStatusKeepaliveFunc on_keepalive;
    void *user_data;
    uv_tcp_t listener;
    KftHandles handles;
    char *name;
    GQueue requests;
    bool is_closed;
};

typedef struct {
    KftStatus *status;
    GList link;
    uv_tcp_t stream;
    uv_timer_t timer;
    KftHandles handles;
    KftBuf head;
    GString *answer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    bool is_answered;
    bool is_closed;
} Request;

static void on_request_closed(void *user_data)
{
    Request *self = user_data;
    KftStatus *status = self->status;

    kft_buf_clear(&self->head);
    if (self->answer != NULL)
        (void)g_string_free(self->answer, TRUE);
    g_free(self);
    kft_handles_closed(&status->handles);
}

static void on_handle_closed(uv_handle_t *handle)
{
    Request *self = handle->data;
    kft_handles_closed(&self->handles);
}

static void close_request(Request *self)
{
    if (self->is_closed)
        return;
    self->is_closed = true;
    g_queue_unlink(&self->status->requests, &self->link);
    uv_close((uv_handle_t *)&self->stream, on_handle_closed);
    uv_close((uv_handle_t *)&self->timer, on_handle_closed);
}

static void on_timer(uv_timer_t *timer)
{
    close_request(timer->data);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    /* The client closes next, or the timer does. */
    if (status != 0)
        close_request(request->data);
}

static void on_written(uv_write_t *request, int status)
{
    Request *self = request->data;
    self->shutdown.data = self;
    if (self->is_closed)
        return;
    if (status != 0 || uv_shutdown(&self->shutdown, (uv_stream_t *)&self->stream, on_shutdown) != 0)
        close_request(self);
}

static void answer(Request *self, const char *code, const char *type, const char *body)
{
    self->is_answered = true;
    self->answer = g_string_new(NULL);
    g_string_printf(self->answer,
                    "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                    "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
                    code, type, strlen(body), body);
    uv_buf_t buffer = {.base = self->answer->str, .len = self->answer->len};
    self->write.data = self;
    if (KFT_FAULT("uv_write") ||
        uv_write(&self->write, (uv_stream_t *)&self->stream, &buffer, 1, on_written) != 0)
        close_request(self);
}

static void answer_path(Request *self, const char *path)
{
    KftStatus *status = self->status;
    KftContext *context = status->context;

    if (strcmp(path, "/healthz") == 0) {
        if (context->metrics.is_draining != 0)
            answer(self, "503 Service Unavailable", "text/plain", "draining\n");
        else
            answer(self, "200 OK", "text/plain", "ok\n");
    } else if (strcmp(path, "/metrics") == 0) {
        g_autofree char *text =
            kft_metrics_format(&context->metrics, kft_server_mode_name(context->config->mode));
        answer(self, "200 OK", "text/plain; version=0.0.4", text);
    } else if (strcmp(path, "/keepalive") == 0) {
        status->on_keepalive(status->user_data);
        answer(self, "200 OK", "text/plain", "ok\n");
    } else {
        answer(self, "404 Not Found", "text/plain", "try /healthz, /metrics or /keepalive\n");
    }
}

/* The head is whole, and ends in a zero byte. */
static void take_head(Request *self, const char *head)
{
    g_autofree char *line = g_strndup(head, strcspn(head, "\r\n"));
    g_auto(GStrv) words = g_strsplit(line, " ", 3);

    if (g_strv_length(words) != 3 || !g_str_has_prefix(words[2], "HTTP/1.")) {
        answer(self, "400 Bad Request", "text/plain", "this is no HTTP/1 request\n");
    } else if (strcmp(words[0], "GET") != 0) {
        answer(self, "405 Method Not Allowed", "text/plain", "only GET\n");
    } else {
        words[1][strcspn(words[1], "?")] = '\0';
        answer_path(self, words[1]);
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested_size, uv_buf_t *buffer)
{
    Request *self = handle->data;
    (void)suggested_size;
    *buffer = uv_buf_init((char *)self->status->context->scratch, MAX_HEAD_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t n_bytes, const uv_buf_t *buffer)
{
    Request *self = stream->data;

    if (n_bytes < 0) {
        close_request(self);
        return;
    }
    if (n_bytes == 0 || self->is_answered)
        return;
    if (kft_buf_append(&self->head, buffer->base, (size_t)n_bytes) != KFT_R_OK) {
        answer(self, "431 Request Header Fields Too Large", "text/plain", "too long\n");
        return;
    }
    const char *head = (const char *)kft_buf_data(&self->head);
    size_t size = kft_buf_size(&self->head);
    if (memmem(head, size, "\r\n\r\n", 4) == NULL && memmem(head, size, "\n\n", 2) == NULL)
        return;
    g_autofree char *text = g_strndup(head, size);
    take_head(self, text);
}

static void on_connection(uv_stream_t *listener, int status)
{
    KftStatus *owner = listener->data;

    if (status != 0 || owner->is_closed)
        return;
    Request *self = g_new0(Request, 1);
    self->status = owner;
    self->link.data = self;
    self->handles.on_all_closed = on_request_closed;
    self->handles.user_data = self;
    kft_buf_init(&self->head, MAX_HEAD_BYTES);
    (void)uv_tcp_init(owner->context->loop, &self->stream);
    (void)uv_timer_init(owner->context->loop, &self->timer);
    self->stream.data = self;
    self->timer.data = self;
    kft_handles_opened(&self->handles);
    kft_handles_opened(&self->handles);
    kft_handles_opened(&owner->handles);
    g_queue_push_tail_link(&owner->requests, &self->link);
    if (uv_accept(listener, (uv_stream_t *)&self->stream) != 0 ||
        owner->requests.length > MAX_REQUESTS ||
        uv_read_start((uv_stream_t *)&self->stream, on_alloc, on_read) != 0)
        close_request(self);
    else
        (void)uv_timer_start(&self->timer, on_timer, REQUEST_MS, 0);
}

static void on_all_closed(void *user_data)
{
    KftStatus *self = user_data;
    g_free(self->name);
    g_free(self);
}

static void on_listener_closed(uv_handle_t *handle)
{
    KftStatus *self = handle->data;
    kft_handles_closed(&self->handles);
}

KftStatus *kft_status_new(KftContext *context,
                          KftStatusKeepaliveFunc on_keepalive,
                          void *user_data,
                          GError **error)
{
    const KftServerConfig *config = context->config;
    KftStatus *self = g_new0(KftStatus, 1);
    self->context = context;
    self->on_keepalive = on_keepalive;
    self->user_data = user_data;
    self->handles.on_all_closed = on_all_closed;
    self->handles.user_data = self;
    kft_handles_opened(&self->handles);
    bool is_open = kft_listener_open(context->loop, &self->listener, config->status_address,
                                     config->status_port, on_connection, &self->name, error);
    self->listener.data = self;
    if (!is_open) {
        kft_status_free(self);
        return NULL;
    }
    return self;
}

const char *kft_status_get_name(const KftStatus *self)
{
    return self->name;
}

void kft_status_free(KftStatus *self)
{
    GList *link = NULL;

    if (self == NULL)
        return;
    self->is_closed = true;
    while ((link = self->requests.head) != NULL)
        close_request(link->data);
    uv_close((uv_handle_t *)&self->listener, on_listener_closed);
}
