#ifndef KFT_NET_HTTP_H
#define KFT_NET_HTTP_H

#include "net/endpoint.h"
#include "net/loop.h"

/* One HTTP request over libcurl, with the connection cache, DNS and TLS session share of the loop.
 * Thread: loop. */
typedef struct KftHttpCall KftHttpCall;

typedef struct {
    const char *method; /* NULL = GET */
    const char *path;   /* appended to the endpoint's URL, with query, already encoded */
    const char *const
        *headers;     /* "Name: value", NULL ended; nullable; values with CR or LF are refused */
    const char *body; /* nullable */
    size_t body_size;
    uint32_t connect_timeout_ms; /* name, TCP, proxy, TLS; 0 = 15000 */
    uint32_t timeout_ms;         /* the whole exchange; 0 = none (watches) */
    uint32_t idle_timeout_ms;    /* no byte received for so long after the head; 0 = none */
    size_t max_body_bytes;       /* of a collected body; 0 = 16 MiB; more is KFT_ERROR_LIMIT */
    bool is_fresh; /* on a connection of its own, to an address that is looked up anew */
    /* Once, when the head of the answer came: nothing may be started or freed in it. Nullable. */
    void (*on_head)(void *user_data);
} KftHttpRequest;

typedef struct {
    unsigned status;
    const char *content_type; /* nullable */
    uint32_t retry_after_s;   /* 0 = not given */
    const char *body; /* collected; "" if none or streamed; NUL terminated behind body_size */
    size_t body_size;
    const char *peer; /* numeric address that answered, of the server or a proxy; nullable */
} KftHttpResponse;

/* Streams the body of a 2xx answer as it arrives; others are collected. May call
 * kft_http_call_free(). */
typedef void (*KftHttpBodyFunc)(const uint8_t *data, size_t size, void *user_data);
/* Runs once. Exactly one of @response and @error is set; an answer of any status is a response.
 * Errors: UNREACHABLE, TIMEOUT, PROTOCOL, LIMIT, BAD_CONFIG (certificate or key unusable, proxy
 * URL), AUTH (server certificate not trusted, expired, for another name), with one sentence that
 * names host and cause. */
typedef void (*KftHttpDoneFunc)(const KftHttpResponse *response,
                                const GError *error,
                                void *user_data);

/* @endpoint: a reference is taken. @on_body: NULL collects. */
KftHttpCall *kft_http_call_start(KftLoop *loop,
                                 KftEndpoint *endpoint,
                                 const KftHttpRequest *request,
                                 KftHttpBodyFunc on_body,
                                 KftHttpDoneFunc on_done,
                                 void *user_data);
/* Cancels if not done. NULL is allowed. Must be called also after on_done (or inside it). */
void kft_http_call_free(KftHttpCall *self);

#endif
