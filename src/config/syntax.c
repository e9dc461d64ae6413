/* Names, addresses and label selectors, checked as Kubernetes checks them, so that a typing mistake
 * is found when the config is written and not when it is started. */
#include "config/syntax.h"

#include <arpa/inet.h>
#include <glib.h>
#include <string.h>

#define MAX_NAME_CHARS 253
#define MAX_LABEL_CHARS 63

static bool is_label(const char *text, size_t length, const char *inner, bool has_capitals)
{
    if (length == 0 || length > MAX_LABEL_CHARS)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool is_inner = i > 0 && i + 1 < length;
        bool is_letter = g_ascii_islower(text[i]) || (has_capitals && g_ascii_isupper(text[i]));
        if (!is_letter && !g_ascii_isdigit(text[i]) &&
            !(is_inner && strchr(inner, text[i]) != NULL))
            return false;
    }
    return true;
}

static bool is_name(const char *text, size_t length, const char *inner, bool has_capitals)
{
    const char *end = text + length;

    if (length > MAX_NAME_CHARS)
        return false;
    while (true) {
        const char *dot = memchr(text, '.', (size_t)(end - text));
        if (!is_label(text, (size_t)((dot == NULL ? end : dot) - text), inner, has_capitals))
            return false;
        if (dot == NULL)
            return true;
        text = dot + 1;
    }
}

bool kft_syntax_is_dns_label(const char *text)
{
    return is_label(text, strlen(text), "-", /* has_capitals */ false);
}

bool kft_syntax_is_dns_name(const char *text)
{
    return is_name(text, strlen(text), "-", /* has_capitals */ false);
}

bool kft_syntax_is_host_name(const char *text)
{
    return is_name(text, strlen(text), "-_", /* has_capitals */ true);
}

bool kft_syntax_is_ip_address(const char *text)
{
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

char *kft_syntax_dup_remote_host(const char *text)
{
    const char *scheme_end = strstr(text, "://");
    g_autofree char *host = NULL;

    if (scheme_end == NULL) {
        host = g_strdup(text);
    } else {
        const char *authority = scheme_end + 3;
        authority += strcspn(authority, "@/?#") < strcspn(authority, "/?#")
                         ? strcspn(authority, "@") + 1
                         : 0;
        if (*authority == '[')
            host = g_strndup(authority + 1, strcspn(authority + 1, "]"));
        else
            host = g_strndup(authority, strcspn(authority, ":/?#"));
    }
    if (!kft_syntax_is_ip_address(host) && !kft_syntax_is_host_name(host))
        return NULL;
    return g_steal_pointer(&host);
}

/* --- proxies --- */

static bool is_proxy_scheme(const char *scheme)
{
    static const char *const schemes[] = {"http", "https", "socks5", "socks5h", NULL};
    g_autofree char *lower = g_ascii_strdown(scheme, -1);
    return g_strv_contains(schemes, lower);
}

/* The user part is looked at first: nothing of it may come up in an error of GLib's. */
const char *kft_syntax_find_proxy_fault(const char *text)
{
    g_autofree char *full =
        strstr(text, "://") == NULL ? g_strconcat("http://", text, NULL) : g_strdup(text);
    const char *authority = strstr(full, "://") + 3;
    size_t length = strcspn(authority, "/?#");
    const char *at = memrchr(authority, '@', length);
    g_autofree char *scheme = NULL;
    g_autofree char *host = NULL;

    if (at != NULL && memchr(authority, ':', (size_t)(at - authority)) != NULL)
        return "passwords do not belong here: kftray asks for it, or finds it in the keyring";
    if (!g_uri_split_network(full, G_URI_FLAGS_NONE, &scheme, &host, NULL, NULL) ||
        host[0] == '\0' || strpbrk(host, " ,") != NULL || !is_proxy_scheme(scheme))
        return "it must be http://, https:// or socks5:// with a host";
    return NULL;
}

/* --- label selectors --- */

static const char *skip_spaces(const char *at)
{
    return at + strspn(at, " \t");
}

/* The part of a key behind its "/", or a value. */
static bool is_label_text(const char *text, size_t length)
{
    return is_label(text, length, "-_.", /* has_capitals */ true);
}

static bool is_key(const char *text, size_t length)
{
    const char *slash = memchr(text, '/', length);
    if (slash == NULL)
        return is_label_text(text, length);
    size_t prefix = (size_t)(slash - text);
    return is_name(text, prefix, "-", /* has_capitals */ false) &&
           is_label_text(slash + 1, length - prefix - 1);
}

/* Moves behind "(a,b)". NULL or the fault. */
static const char *read_set(const char **at)
{
    const char *here = skip_spaces(*at);

    if (*here != '(')
        return "\"(\" is missing after \"in\" or \"notin\"";
    do {
        here = skip_spaces(here + 1);
        size_t length = strcspn(here, " \t,()");
        if (length > 0 && !is_label_text(here, length))
            return "a value is none that a label can have";
        here = skip_spaces(here + length);
    } while (*here == ',');
    if (*here != ')')
        return "\")\" is missing";
    *at = here + 1;
    return NULL;
}

/* Moves behind the operator and what it compares with. NULL or the fault. */
static const char *read_comparison(const char **at)
{
    const char *here = *at;

    if (g_str_has_prefix(here, "notin") || g_str_has_prefix(here, "in")) {
        *at = here + (*here == 'n' ? 5 : 2);
        return read_set(at);
    }
    if (*here == '!' && here[1] != '=')
        return "\"!\" without \"=\" stands before a key only";
    here += *here == '!' || here[1] == '=' ? 2 : 1;
    here = skip_spaces(here);
    size_t length = strcspn(here, " \t,=!()");
    if (length > 0 && !is_label_text(here, length))
        return "a value is none that a label can have";
    *at = here + length;
    return NULL;
}

/* Moves behind one requirement. NULL or the fault. */
static const char *read_requirement(const char **at)
{
    bool is_negated = **at == '!';
    const char *key = skip_spaces(is_negated ? *at + 1 : *at);
    size_t length = strcspn(key, " \t,=!()");

    if (length == 0)
        return "a key is missing";
    if (!is_key(key, length))
        return "a key is none that a label can have";
    *at = skip_spaces(key + length);
    if (is_negated || **at == '\0' || **at == ',')
        return NULL;
    if (strchr("=!", **at) != NULL || g_str_has_prefix(*at, "in") || g_str_has_prefix(*at, "notin"))
        return read_comparison(at);
    return "an operator is missing: =, !=, in or notin";
}

const char *kft_syntax_find_selector_fault(const char *text)
{
    while (true) {
        text = skip_spaces(text);
        const char *fault = read_requirement(&text);
        if (fault != NULL)
            return fault;
        text = skip_spaces(text);
        if (*text == '\0')
            return NULL;
        if (*text != ',')
            return "\",\" is missing between two requirements";
        text++;
    }
}

bool kft_syntax_is_time_of_day(const char *text)
{
    return strlen(text) == 5 && g_ascii_isdigit(text[0]) && g_ascii_isdigit(text[1]) &&
           text[2] == ':' && text[3] >= '0' && text[3] < '6' && g_ascii_isdigit(text[4]) &&
           (text[0] - '0') * 10 + text[1] - '0' < 24;
}
