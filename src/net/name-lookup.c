/* The thread and the loop share one box under a mutex of pthread's. Whoever comes last frees it:
 * the thread when it is done after the look-up was given up, else the loop. The async handle is
 * only signalled under the mutex and while the look-up still wants it, so never after it was
 * closed. */
#include "net/name-lookup.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <kftray/error.h>
#include <net/if.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "net/loop-priv.h"

/* More than one host has is of no use, and DNS answers come from outside. */
#define MAX_ADDRESSES 16
#define MAX_LINE_BYTES 1024
/* A hosts file that blocks advertisements may have many lines; this is for a message only. */
#define MAX_HOSTS_LINES 100000

typedef struct {
    pthread_mutex_t mutex;
    uv_async_t *async; /* NULL once nobody waits */
    bool is_done;
    int status; /* of getaddrinfo() */
    char *host;
    uint16_t port;
    struct sockaddr_storage addresses[MAX_ADDRESSES];
    size_t n_addresses;
} Box;

struct KftNameLookup {
    KftLoop *loop;
    uv_async_t async;
    Box *box;
    KftNameLookupFunc on_done; /* NULL once it ran */
    void *user_data;
    KftDeferred *failure; /* no thread could be made; nullable */
};

static void box_free(Box *box)
{
    (void)pthread_mutex_destroy(&box->mutex);
    g_free(box->host);
    g_free(box);
}

static void take_addresses(Box *box, const struct addrinfo *list)
{
    for (const struct addrinfo *at = list; at != NULL && box->n_addresses < MAX_ADDRESSES;
         at = at->ai_next) {
        struct sockaddr_storage *address = &box->addresses[box->n_addresses];
        if (at->ai_addrlen > sizeof *address)
            continue;
        memcpy(address, at->ai_addr, at->ai_addrlen);
        if (at->ai_family == AF_INET)
            ((struct sockaddr_in *)address)->sin_port = htons(box->port);
        else if (at->ai_family == AF_INET6)
            ((struct sockaddr_in6 *)address)->sin6_port = htons(box->port);
        else
            continue;
        box->n_addresses++;
    }
}

static void *run_lookup(void *user_data)
{
    Box *box = user_data;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int status = getaddrinfo(box->host, NULL, &hints, &list);

    (void)pthread_mutex_lock(&box->mutex);
    box->status = status;
    if (status == 0)
        take_addresses(box, list);
    box->is_done = true;
    bool is_abandoned = box->async == NULL;
    if (!is_abandoned)
        (void)uv_async_send(box->async);
    (void)pthread_mutex_unlock(&box->mutex);
    if (status == 0)
        freeaddrinfo(list);
    if (is_abandoned)
        box_free(box);
    return NULL;
}

/* --- who is asked --- */

static bool hosts_line_has(char *line, const char *host)
{
    char *rest = NULL;
    line[strcspn(line, "#")] = '\0';
    (void)strtok_r(line, " \t\r\n", &rest); /* the address */
    for (char *word = NULL; (word = strtok_r(NULL, " \t\r\n", &rest)) != NULL;) {
        if (g_ascii_strcasecmp(word, host) == 0)
            return true;
    }
    return false;
}

static bool is_in_hosts_file(const char *host)
{
    char line[MAX_LINE_BYTES];
    bool is_found = false;
    FILE *file = fopen("/etc/hosts", "re");
    if (file == NULL)
        return false;
    for (int i = 0; !is_found && i < MAX_HOSTS_LINES && fgets(line, sizeof line, file) != NULL; i++)
        is_found = hosts_line_has(line, host);
    (void)fclose(file);
    return is_found;
}

/* The "nameserver" lines; resolv.conf(5) allows three. */
static GPtrArray *read_name_servers(void)
{
    GPtrArray *servers = g_ptr_array_new_with_free_func(g_free);
    char line[MAX_LINE_BYTES];
    FILE *file = fopen("/etc/resolv.conf", "re");
    while (file != NULL && servers->len < 3 && fgets(line, sizeof line, file) != NULL) {
        char *rest = NULL;
        const char *word = strtok_r(line, " \t\r\n", &rest);
        if (word == NULL || strcmp(word, "nameserver") != 0)
            continue;
        const char *address = strtok_r(NULL, " \t\r\n", &rest);
        if (address != NULL)
            g_ptr_array_add(servers, g_strdup(address));
    }
    if (file != NULL)
        (void)fclose(file);
    return servers;
}

char *kft_name_lookup_dup_resolver(const char *host)
{
    if (is_in_hosts_file(host))
        return g_strdup("/etc/hosts");
    g_autoptr(GPtrArray) servers = read_name_servers();
    if (servers->len == 0)
        return g_strdup("no name server (/etc/resolv.conf names none)");
    if (servers->len == 1 && strcmp(g_ptr_array_index(servers, 0), "127.0.0.53") == 0)
        return g_strdup("systemd-resolved");
    bool is_one = servers->len == 1;
    g_ptr_array_add(servers, NULL);
    g_autofree char *list = g_strjoinv(", ", (char **)servers->pdata);
    return g_strdup_printf("the name server%s %s", is_one ? "" : "s", list);
}

char *kft_name_lookup_dup_vpns(void)
{
    static const char *const prefixes[] = {"tun",   "tap",       "wg",  "ppp",
                                           "ipsec", "tailscale", "vpn", "utun"};
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    struct ifaddrs *list = NULL;
    if (getifaddrs(&list) != 0)
        return NULL;
    for (const struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
        bool is_vpn = false;
        for (size_t i = 0; i < G_N_ELEMENTS(prefixes); i++)
            is_vpn = is_vpn || g_str_has_prefix(at->ifa_name, prefixes[i]);
        if (is_vpn && (at->ifa_flags & IFF_UP) != 0 &&
            !g_ptr_array_find_with_equal_func(names, at->ifa_name, g_str_equal, NULL))
            g_ptr_array_add(names, g_strdup(at->ifa_name));
    }
    freeifaddrs(list);
    if (names->len == 0)
        return NULL;
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

/* --- the loop's side --- */

static GError *new_error(const Box *box)
{
    g_autofree char *resolver = kft_name_lookup_dup_resolver(box->host);
    if (box->status == EAI_NONAME || box->status == EAI_NODATA)
        return g_error_new(KFT_ERROR, KFT_ERROR_UNREACHABLE,
                           "the name \"%s\" does not exist: asked was %s", box->host, resolver);
    if (box->status == EAI_AGAIN)
        return g_error_new(KFT_ERROR, KFT_ERROR_UNREACHABLE,
                           "no answer for the name \"%s\": asked was %s", box->host, resolver);
    return g_error_new(KFT_ERROR, KFT_ERROR_UNREACHABLE, "the name \"%s\" cannot be resolved: %s",
                       box->host, gai_strerror(box->status));
}

static void on_async_done(uv_async_t *async)
{
    KftNameLookup *self = async->data;
    g_autoptr(GError) error = NULL;

    /* What the thread wrote is visible once the mutex was ours. */
    (void)pthread_mutex_lock(&self->box->mutex);
    bool is_done = self->box->is_done;
    (void)pthread_mutex_unlock(&self->box->mutex);
    KftNameLookupFunc on_done = self->on_done;
    if (!is_done || on_done == NULL)
        return;
    self->on_done = NULL;
    if (self->box->status == 0 && self->box->n_addresses == 0)
        self->box->status = EAI_NODATA;
    if (self->box->status != 0)
        error = new_error(self->box);
    on_done(error == NULL ? self->box->addresses : NULL, self->box->n_addresses, error,
            self->user_data);
}

static void on_deferred_fail(void *user_data)
{
    KftNameLookup *self = user_data;
    g_autoptr(GError) error = g_error_new_literal(KFT_ERROR, KFT_ERROR_INTERNAL,
                                                  "cannot start a thread for a name look-up");
    self->failure = NULL;
    KftNameLookupFunc on_done = self->on_done;
    self->on_done = NULL;
    on_done(NULL, 0, error, self->user_data);
}

static bool start_thread(Box *box)
{
    pthread_t thread;
    if (KFT_FAULT("pthread_create") || pthread_create(&thread, NULL, run_lookup, box) != 0)
        return false;
    (void)pthread_detach(thread);
    return true;
}

KftNameLookup *kft_name_lookup_start(
    KftLoop *loop, const char *host, uint16_t port, KftNameLookupFunc on_done, void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(loop);
    KftNameLookup *self = g_new0(KftNameLookup, 1);
    Box *box = g_new0(Box, 1);
    int status = uv_async_init(kft_loop_get_uv(loop), &self->async, on_async_done);
    g_assert(status == 0); /* the loop has its descriptor for asyncs already */
    self->async.data = self;
    self->loop = loop;
    self->on_done = on_done;
    self->user_data = user_data;
    self->box = box;
    (void)pthread_mutex_init(&box->mutex, NULL);
    box->async = &self->async;
    box->host = g_strdup(host);
    box->port = port;
    kft_loop_object_opened(loop);
    if (!start_thread(box)) {
        box->is_done = true;
        self->failure = kft_loop_defer(loop, on_deferred_fail, self);
    }
    return self;
}

static void on_async_closed(uv_handle_t *handle)
{
    KftNameLookup *self = handle->data;
    kft_loop_object_closed(self->loop);
    g_free(self);
}

void kft_name_lookup_free(KftNameLookup *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    self->on_done = NULL;
    if (self->failure != NULL)
        kft_deferred_cancel(self->failure);
    self->failure = NULL;
    Box *box = g_steal_pointer(&self->box);
    (void)pthread_mutex_lock(&box->mutex);
    box->async = NULL;
    bool is_done = box->is_done;
    (void)pthread_mutex_unlock(&box->mutex);
    /* Freed inside on_done, the addresses that were given are not looked at any more. */
    if (is_done)
        box_free(box);
    uv_close((uv_handle_t *)&self->async, on_async_closed);
}
