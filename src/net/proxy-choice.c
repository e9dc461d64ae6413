/* Which proxy a connection takes. Decided here and not by curl, because the rules are those of the
 * Kubernetes clients: the cluster's proxy wins over the environment and ignores NO_PROXY; loopback
 * is never reached by a proxy of the environment; socks5 leaves names to the proxy; NO_PROXY knows
 * CIDR ranges and ports and looks at the real host, also when another name is checked in the
 * certificate. */
#include "net/proxy-choice.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <kftray/error.h>
#include <string.h>

#include "base/assignment.h"
#include "base/number.h"

typedef struct {
    int family; /* AF_UNSPEC = not an address */
    uint8_t bytes[16];
} Address;

static Address parse_address(const char *text)
{
    Address address = {.family = AF_UNSPEC};
    if (inet_pton(AF_INET, text, address.bytes) == 1)
        address.family = AF_INET;
    else if (inet_pton(AF_INET6, text, address.bytes) == 1)
        address.family = AF_INET6;
    return address;
}

static bool is_loopback(const char *host)
{
    Address address = parse_address(host);
    if (address.family == AF_INET)
        return address.bytes[0] == 127;
    if (address.family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)(const void *)address.bytes);
    return g_ascii_strcasecmp(host, "localhost") == 0 ||
           (strlen(host) > 10 && g_ascii_strcasecmp(host + strlen(host) - 10, ".localhost") == 0);
}

static bool range_contains(const char *range, const Address *address)
{
    g_auto(GStrv) parts = g_strsplit(range, "/", 2);
    Address base = parse_address(parts[0]);
    uint64_t n_bits = 0;
    if (base.family == AF_UNSPEC || base.family != address->family ||
        !kft_parse_uint(parts[1], 0, base.family == AF_INET ? 32 : 128, &n_bits))
        return false;
    size_t n_bytes = (size_t)n_bits / 8;
    uint8_t mask = (uint8_t)(0xff00u >> (n_bits % 8));
    return memcmp(base.bytes, address->bytes, n_bytes) == 0 &&
           (n_bits % 8 == 0 || ((base.bytes[n_bytes] ^ address->bytes[n_bytes]) & mask) == 0);
}

/* Without the dot that makes a name absolute. */
static size_t name_length(const char *name)
{
    size_t length = strlen(name);
    return length > 1 && name[length - 1] == '.' ? length - 1 : length;
}

static bool name_matches(const char *pattern, const char *host)
{
    bool is_suffix = pattern[0] == '.' || g_str_has_prefix(pattern, "*.");
    const char *suffix = pattern + (pattern[0] == '*' ? 1 : 0) + (is_suffix ? 1 : 0);
    size_t length = name_length(suffix);
    size_t host_length = name_length(host);
    if (length == 0 || length > host_length ||
        g_ascii_strncasecmp(host + host_length - length, suffix, length) != 0)
        return false;
    return length == host_length ? !is_suffix : host[host_length - length - 1] == '.';
}

/* Takes ":port" and brackets off @entry; false if the port is another one. */
static bool strip_port(char *entry, uint16_t port)
{
    char *colon = strrchr(entry, ':');
    uint16_t given = port;
    if (entry[0] == '[') {
        char *bracket = strchr(entry, ']');
        if (bracket == NULL || (bracket[1] != '\0' && bracket[1] != ':'))
            return false;
        if (bracket[1] == ':' && !kft_parse_port(bracket + 2, 1, &given))
            return false;
        memmove(entry, entry + 1, (size_t)(bracket - entry));
        bracket[-1] = '\0';
    } else if (colon != NULL && strchr(entry, ':') == colon) {
        if (!kft_parse_port(colon + 1, 1, &given))
            return false;
        *colon = '\0';
    }
    return given == port;
}

static bool entry_matches(char *entry, const char *host, uint16_t port)
{
    Address address = parse_address(host);
    if (strcmp(entry, "*") == 0)
        return true;
    if (strchr(entry, '/') != NULL)
        return address.family != AF_UNSPEC && range_contains(entry, &address);
    if (!strip_port(entry, port))
        return false;
    if (address.family == AF_UNSPEC)
        return name_matches(entry, host);
    Address other = parse_address(entry);
    return other.family == address.family &&
           memcmp(other.bytes, address.bytes, sizeof other.bytes) == 0;
}

bool kft_proxy_list_matches(const char *list, const char *host, uint16_t port)
{
    g_auto(GStrv) entries = g_strsplit_set(list, ", \t", -1);
    for (size_t i = 0; entries[i] != NULL; i++) {
        if (entries[i][0] != '\0' && entry_matches(entries[i], host, port))
            return true;
    }
    return false;
}

/* A proxy as text, and where it was found. */
typedef struct {
    const char *text; /* nullable, "" = none */
    const char *where;
} Found;

/* The first of the variables that has a value. Those in upper case come first, as in Go; in curl it
 * is the other way round. */
static Found from_environment(const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *value = g_getenv(names[i]);
        if (value != NULL && value[0] != '\0')
            return (Found){.text = value, .where = names[i]};
    }
    return (Found){0};
}

static Found environment_proxy(const char *scheme)
{
    static const char *const for_https[] = {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy",
                                            NULL};
    static const char *const for_http[] = {"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy",
                                           NULL};
    return from_environment(strcmp(scheme, "https") == 0 ? for_https : for_http);
}

static const char *or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

/* The settings' proxy of the endpoint's context, to which "none" is no proxy at all. False if there
 * is none. @ret_text: (transfer full). */
static bool
find_of_context(const KftEndpoint *endpoint, const KftNetworkSettings *settings, char **ret_text)
{
    if (endpoint->context == NULL || settings->context_proxies == NULL)
        return false;
    char *text = kft_assignment_find(settings->context_proxies, endpoint->context);
    if (text != NULL && strcmp(text, "none") == 0)
        text[0] = '\0';
    *ret_text = text;
    return text != NULL;
}

/* The desktop's proxy. */
static Found
find_of_desktop(const KftNetworkSettings *settings, const KftProxyServer *server, char **ret_reason)
{
    const char *text = or_null(strcmp(server->scheme, "https") == 0 ? settings->desktop_proxy
                                                                    : settings->desktop_http_proxy);
    if (text == NULL) {
        *ret_reason =
            g_strdup_printf("neither the kubeconfig nor the environment names a proxy%s%s",
                            or_null(settings->desktop_note) == NULL ? "" : "; ",
                            or_null(settings->desktop_note) == NULL ? "" : settings->desktop_note);
        return (Found){0};
    }
    if (settings->desktop_no_proxy != NULL &&
        kft_proxy_list_matches(settings->desktop_no_proxy, server->host, server->port)) {
        *ret_reason = g_strdup("the desktop has a proxy, but the server is one of its exceptions");
        return (Found){0};
    }
    *ret_reason = g_strdup("the desktop's settings say so");
    return (Found){text, "in the desktop's settings"};
}

/* What counts last: our settings, then the desktop's. */
static Found
find_of_user(const KftNetworkSettings *settings, const KftProxyServer *server, char **ret_reason)
{
    const char *text = or_null(settings->proxy);

    if (text == NULL)
        return find_of_desktop(settings, server, ret_reason);
    if (strcmp(text, "none") == 0) {
        *ret_reason = g_strdup("the settings say so");
        return (Found){0};
    }
    if (settings->no_proxy != NULL &&
        kft_proxy_list_matches(settings->no_proxy, server->host, server->port)) {
        *ret_reason =
            g_strdup("the settings name a proxy, but the server is one of its exceptions");
        return (Found){0};
    }
    *ret_reason = g_strdup("the settings say so");
    return (Found){text, "in the settings"};
}

/* @ret_reason: (transfer full). */
static Found find_proxy(const KftEndpoint *endpoint,
                        const KftNetworkSettings *settings,
                        const KftProxyServer *server,
                        char **ret_reason)
{
    static const char *const exceptions[] = {"NO_PROXY", "no_proxy", NULL};
    Found found = {0};

    if (endpoint->proxy_url != NULL) {
        found = (Found){kft_secret_reveal(endpoint->proxy_url), "of the cluster"};
        *ret_reason = g_strdup("the kubeconfig's proxy-url says so");
        return found;
    }
    if (is_loopback(server->host)) {
        *ret_reason = g_strdup("a server on this computer is reached directly");
        return found;
    }
    Found except = from_environment(exceptions);
    found = environment_proxy(server->scheme);
    if (found.text != NULL && except.text != NULL &&
        kft_proxy_list_matches(except.text, server->host, server->port)) {
        *ret_reason =
            g_strdup_printf("%s is set, but %s names the server", found.where, except.where);
        return (Found){0};
    }
    if (found.text != NULL) {
        *ret_reason = g_strdup_printf("%s is set in the environment", found.where);
        return (Found){found.text, "in the environment"};
    }
    return find_of_user(settings, server, ret_reason);
}

static const char *default_port(const char *scheme)
{
    if (strcmp(scheme, "https") == 0)
        return "443";
    return strcmp(scheme, "http") == 0 ? "80" : "1080";
}

static char *url_part(CURLU *url, CURLUPart what)
{
    char *part = NULL;
    if (curl_url_get(url, what, &part, 0) != CURLUE_OK)
        return NULL;
    char *copy = g_strdup(part);
    curl_free(part);
    return copy;
}

/* What a program told wins over what the URL has. @network: nullable. */
static void apply_login(CURLU *url, const KftNetwork *network, KftProxyChoice *choice)
{
    const KftProxyLogin *login =
        network == NULL ? NULL : kft_network_find_login(network, choice->name);
    char *user = NULL;

    if (login != NULL) {
        (void)curl_url_set(url, CURLUPART_USER, login->user, CURLU_URLENCODE);
        (void)curl_url_set(url, CURLUPART_PASSWORD, kft_secret_reveal(login->password),
                           CURLU_URLENCODE);
        choice->login_serial = login->serial;
    }
    if (curl_url_get(url, CURLUPART_USER, &user, CURLU_URLDECODE) == CURLUE_OK) {
        choice->user = g_strdup(user);
        curl_free(user);
    }
    choice->has_login = choice->user != NULL;
}

/* Fills in what may be left out. */
static bool complete_url(CURLU *url, const KftNetwork *network, KftProxyChoice *choice)
{
    g_autofree char *scheme = url_part(url, CURLUPART_SCHEME);
    g_autofree char *host = url_part(url, CURLUPART_HOST);
    g_autofree char *port = url_part(url, CURLUPART_PORT);
    if (scheme == NULL || host == NULL)
        return false;
    if (strcmp(scheme, "socks5") == 0 || strcmp(scheme, "socks5h") == 0)
        (void)curl_url_set(url, CURLUPART_SCHEME, "socks5h", CURLU_NON_SUPPORT_SCHEME);
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        return false;
    if (port == NULL) {
        port = g_strdup(default_port(scheme));
        (void)curl_url_set(url, CURLUPART_PORT, port, 0);
    }
    (void)curl_url_set(url, CURLUPART_PATH, NULL, 0);
    (void)curl_url_set(url, CURLUPART_QUERY, NULL, 0);
    (void)curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    choice->name = g_strdup_printf("%s:%s", host, port);
    apply_login(url, network, choice);
    char *text = url_part(url, CURLUPART_URL);
    if (text == NULL)
        return false;
    choice->url = kft_secret_new(text);
    choice->host = host[0] == '[' ? g_strndup(host + 1, strlen(host) - 2) : g_strdup(host);
    (void)kft_parse_port(port, 1, &choice->port);
    kft_secret_wipe_string(text);
    return true;
}

static bool parse_proxy(const char *text, const KftNetwork *network, KftProxyChoice *choice)
{
    CURLU *url = curl_url();
    const char *separator = strstr(text, "://");
    /* The environment's values are often "host:port" alone. */
    char *full = separator == NULL ? g_strconcat("http://", text, NULL) : g_strdup(text);
    bool is_valid = url != NULL &&
                    curl_url_set(url, CURLUPART_URL, full, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                    complete_url(url, network, choice);
    kft_secret_wipe_string(full);
    curl_url_cleanup(url);
    return is_valid;
}

bool kft_proxy_choose(const KftEndpoint *endpoint,
                      const KftNetwork *network,
                      const KftProxyServer *server,
                      KftProxyChoice *ret_choice,
                      GError **error)
{
    static const KftNetworkSettings no_settings;
    const KftNetworkSettings *settings = network == NULL ? &no_settings : &network->settings;
    KftProxyChoice choice = {0};
    Found found = {0};
    char *of_context = NULL;

    if (find_of_context(endpoint, settings, &of_context)) {
        found = (Found){of_context, "of the context in the settings"};
        choice.reason =
            g_strdup_printf("the settings say so for context \"%s\"", endpoint->context);
    } else {
        found = find_proxy(endpoint, settings, server, &choice.reason);
    }
    bool is_usable =
        found.text == NULL || found.text[0] == '\0' || parse_proxy(found.text, network, &choice);
    kft_secret_wipe_string(of_context);
    if (is_usable) {
        *ret_choice = choice;
        return true;
    }
    /* The text is not repeated: it may hold a password. */
    g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                "the proxy URL %s is not usable: it must be http://, https:// or socks5:// with a "
                "host",
                found.where);
    kft_proxy_choice_clear(&choice);
    return false;
}

void kft_proxy_choice_clear(KftProxyChoice *self)
{
    g_clear_pointer(&self->url, kft_secret_free);
    g_clear_pointer(&self->name, g_free);
    g_clear_pointer(&self->host, g_free);
    g_clear_pointer(&self->user, g_free);
    g_clear_pointer(&self->reason, g_free);
}
