#include "base/redact.h"

#include <string.h>

#define REDACTED "<redacted>"

/* Length of the secret that starts at @at: up to a space, quote or separator. */
static size_t secret_length(const char *at)
{
    return strcspn(at, " \t\r\n\"',;&");
}

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* "Bearer xyz": returns where the secret is, or NULL. */
static const char *skip_scheme(const char *at)
{
    static const char *const schemes[] = {"Bearer", "Basic"};
    for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++) {
        size_t length = strlen(schemes[i]);
        if (g_ascii_strncasecmp(at, schemes[i], length) != 0)
            continue;
        const char *secret = skip_blanks(at + length);
        if (secret > at + length && secret_length(secret) > 0)
            return secret;
    }
    return NULL;
}

/* "Authorization: xyz" of a scheme that we do not know: returns where the value is, or NULL. */
static const char *skip_header(const char *at)
{
    static const char name[] = "Authorization:";
    if (g_ascii_strncasecmp(at, name, strlen(name)) != 0)
        return NULL;
    const char *value = skip_blanks(at + strlen(name));
    return skip_scheme(value) == NULL && strcspn(value, "\r\n") > 0 ? value : NULL;
}

/* "scheme://user:password@host": returns the end of the user part, or NULL. */
static const char *url_user_end(const char *at)
{
    if (strncmp(at, "://", 3) != 0)
        return NULL;
    const char *authority = at + 3;
    const char *end = authority + strcspn(authority, "/?# \t\r\n\"'");
    const char *sign = memrchr(authority, '@', (size_t)(end - authority));
    return sign;
}

char *kft_redact(const char *text)
{
    GString *out = g_string_new(NULL);

    for (const char *at = text; *at != '\0';) {
        const char *secret = skip_scheme(at);
        const char *header = skip_header(at);
        const char *user_end = url_user_end(at);
        if (header != NULL) {
            g_string_append_len(out, at, header - at);
            g_string_append(out, REDACTED);
            at = header + strcspn(header, "\r\n");
        } else if (secret != NULL) {
            g_string_append_len(out, at, secret - at);
            g_string_append(out, REDACTED);
            at = secret + secret_length(secret);
        } else if (user_end != NULL) {
            g_string_append(out, "://" REDACTED);
            at = user_end;
        } else {
            g_string_append_c(out, *at++);
        }
    }
    return g_string_free(out, FALSE);
}

char *kft_one_line(const char *text, gsize max_chars)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);

    for (char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (g_unichar_iscntrl(c) || g_unichar_isspace(c)) {
            if (out->len > 0 && out->str[out->len - 1] != ' ')
                g_string_append_c(out, ' ');
        } else {
            g_string_append_unichar(out, c);
        }
        if (out->len > max_chars)
            break;
    }
    if (out->len > max_chars) {
        const char *cut = g_utf8_find_prev_char(out->str, out->str + max_chars - 2);
        g_string_truncate(out, cut == NULL ? 0 : (gsize)(cut - out->str));
        g_string_append(out, "…");
    }
    while (out->len > 0 && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
    return g_string_free(out, FALSE);
}
