/* c-ares on libuv: it says which of its sockets to watch for what, and how long it can wait. Each
 * socket gets a poll handle of its own, freed when c-ares has closed the socket.
 *
 * Answers that are there at once (numeric, hosts file) are delivered by the timer all the same, so
 * that nobody is called back from inside his own call. */
#include "server/dns.h"

#include <ares.h>
#include <kftray/error.h>
#include <netdb.h>
#include <string.h>

#include "base/fault.h"

/* Per try and server; c-ares doubles it. All in all 10 s with one server. */
#define TRY_MS 1500
#define N_TRIES 3

typedef struct {
    uv_poll_t handle;
    KftDns *dns;
    ares_socket_t fd;
    GList link;
} Watch;

struct KftDns {
    uv_loop_t *loop;
    ares_channel channel;
    uv_timer_t timer; /* c-ares' next deadline, or now if answers wait */
    GQueue watches;
    GQueue answered; /* lookups to deliver */
    unsigned n_asking;
    unsigned n_open_handles;
    bool is_closed;
};

struct KftLookup {
    KftDns *dns;
    KftLookupFunc func; /* NULL: cancelled */
    void *user_data;
    GList link;
    uint16_t port;
    KftAddressList addresses;
    const char *problem; /* static; nullable */
};

static void on_timer(uv_timer_t *timer);

static void free_when_closed(KftDns *self)
{
    g_assert(self->n_open_handles > 0);
    if (--self->n_open_handles == 0 && self->is_closed)
        g_free(self);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free_when_closed(handle->data);
}

static void on_watch_closed(uv_handle_t *handle)
{
    Watch *watch = handle->data;
    KftDns *dns = watch->dns;
    g_free(watch);
    free_when_closed(dns);
}

/* The timer is set anew after whatever may have changed what is waited for. */
static void set_timer(KftDns *self)
{
    struct timeval left;

    if (self->is_closed)
        return;
    if (!g_queue_is_empty(&self->answered)) {
        (void)uv_timer_start(&self->timer, on_timer, 0, 0);
    } else if (self->n_asking > 0 && ares_timeout(self->channel, NULL, &left) != NULL) {
        uint64_t left_ms = (uint64_t)left.tv_sec * 1000 + (uint64_t)left.tv_usec / 1000 + 1;
        (void)uv_timer_start(&self->timer, on_timer, left_ms, 0);
    } else {
        (void)uv_timer_stop(&self->timer);
    }
}

static void deliver(KftDns *self)
{
    /* Only those that are here now: a callback may ask for more. */
    for (guint n = self->answered.length; n > 0; n--) {
        KftLookup *lookup = g_queue_pop_head_link(&self->answered)->data;
        KftLookupFunc func = lookup->func;
        if (func != NULL && lookup->addresses.n_items > 0)
            func(&lookup->addresses, NULL, lookup->user_data);
        else if (func != NULL)
            func(NULL, lookup->problem, lookup->user_data);
        g_free(lookup);
    }
}

static void on_timer(uv_timer_t *timer)
{
    KftDns *self = timer->data;

    ares_process_fd(self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    deliver(self);
    set_timer(self);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    Watch *watch = handle->data;
    KftDns *self = watch->dns;
    /* An error shows when c-ares reads. */
    bool is_readable = status != 0 || (events & UV_READABLE) != 0;
    bool is_writable = status != 0 || (events & UV_WRITABLE) != 0;

    ares_process_fd(self->channel, is_readable ? watch->fd : ARES_SOCKET_BAD,
                    is_writable ? watch->fd : ARES_SOCKET_BAD);
    set_timer(self);
}

static Watch *find_watch(KftDns *self, ares_socket_t fd)
{
    for (GList *at = self->watches.head; at != NULL; at = at->next) {
        Watch *watch = at->data;
        if (watch->fd == fd)
            return watch;
    }
    return NULL;
}

static Watch *add_watch(KftDns *self, ares_socket_t fd)
{
    Watch *watch = g_new0(Watch, 1);
    watch->dns = self;
    watch->fd = fd;
    watch->link.data = watch;
    watch->handle.data = watch;
    if (KFT_FAULT("uv_poll_init") || uv_poll_init(self->loop, &watch->handle, fd) != 0) {
        g_free(watch);
        return NULL;
    }
    self->n_open_handles++;
    g_queue_push_tail_link(&self->watches, &watch->link);
    return watch;
}

static void on_ares_socket(void *user_data, ares_socket_t fd, int is_read, int is_write)
{
    KftDns *self = user_data;
    Watch *watch = find_watch(self, fd);
    int events = (is_read != 0 ? UV_READABLE : 0) | (is_write != 0 ? UV_WRITABLE : 0);

    if (watch == NULL && events != 0)
        watch = add_watch(self, fd);
    if (watch == NULL)
        return; /* without a watch the query times out, which is the right answer */
    if (events != 0) {
        (void)uv_poll_start(&watch->handle, events, on_poll);
        return;
    }
    g_queue_unlink(&self->watches, &watch->link);
    uv_close((uv_handle_t *)&watch->handle, on_watch_closed);
}

KftDns *kft_dns_new(uv_loop_t *loop, GError **error)
{
    KftDns *self = g_new0(KftDns, 1);
    struct ares_options options = {
        .timeout = TRY_MS,
        .tries = N_TRIES,
        .sock_state_cb = on_ares_socket,
        .sock_state_cb_data = self,
    };
    self->loop = loop;
    int status =
        KFT_FAULT("ares_library_init") ? ARES_ENOMEM : ares_library_init(ARES_LIB_INIT_ALL);
    if (status == ARES_SUCCESS)
        status = ares_init_options(&self->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
        g_set_error(error, KFT_ERROR, KFT_ERROR_INTERNAL, "cannot set up the resolver: %s",
                    ares_strerror(status));
        g_free(self);
        return NULL;
    }
    (void)uv_timer_init(loop, &self->timer);
    self->timer.data = self;
    self->n_open_handles = 1;
    return self;
}

void kft_dns_free(KftDns *self)
{
    if (self == NULL)
        return;
    self->is_closed = true;
    /* Ends the queries of cancelled lookups, and closes the sockets. */
    ares_destroy(self->channel);
    deliver(self);
    ares_library_cleanup();
    uv_close((uv_handle_t *)&self->timer, on_timer_closed);
}

static void answer(KftLookup *lookup, const char *problem)
{
    lookup->problem = problem;
    kft_address_list_interleave(&lookup->addresses);
    g_queue_push_tail_link(&lookup->dns->answered, &lookup->link);
}

static void add_address(KftLookup *lookup, const struct ares_addrinfo_node *node)
{
    KftAddressList *list = &lookup->addresses;
    KftAddress *address = &list->items[list->n_items];
    bool is_ip = (node->ai_family == AF_INET && node->ai_addrlen >= sizeof address->v4) ||
                 (node->ai_family == AF_INET6 && node->ai_addrlen >= sizeof address->v6);

    if (!is_ip || list->n_items == KFT_MAX_ADDRESSES)
        return;
    memset(address, 0, sizeof *address);
    memcpy(address, node->ai_addr,
           node->ai_family == AF_INET ? sizeof address->v4 : sizeof address->v6);
    kft_address_set_port(address, lookup->port);
    list->n_items++;
}

static void on_addrinfo(void *user_data, int status, int timeouts, struct ares_addrinfo *result)
{
    KftLookup *lookup = user_data;
    (void)timeouts;

    lookup->dns->n_asking--;
    if (status == ARES_SUCCESS) {
        for (struct ares_addrinfo_node *node = result->nodes; node != NULL; node = node->ai_next)
            add_address(lookup, node);
        ares_freeaddrinfo(result);
    }
    answer(lookup, status == ARES_SUCCESS ? "the name has no address" : ares_strerror(status));
    set_timer(lookup->dns);
}

KftLookup *
kft_dns_lookup(KftDns *self, const char *host, uint16_t port, KftLookupFunc func, void *user_data)
{
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    KftLookup *lookup = g_new0(KftLookup, 1);
    lookup->dns = self;
    lookup->func = func;
    lookup->user_data = user_data;
    lookup->port = port;
    lookup->link.data = lookup;
    if (kft_address_parse(host, port, &lookup->addresses.items[0])) {
        lookup->addresses.n_items = 1;
        answer(lookup, NULL);
    } else {
        self->n_asking++;
        ares_getaddrinfo(self->channel, host, NULL, &hints, on_addrinfo, lookup);
    }
    set_timer(self);
    return lookup;
}

void kft_lookup_cancel(KftLookup *self)
{
    /* c-ares cannot end one query; its answer is thrown away. */
    self->func = NULL;
}
