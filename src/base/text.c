#include "base/text.h"

#include <stdbool.h>
#include <string.h>

void kft_text_append_percent_encoded(GString *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (g_ascii_isalnum(*at) || strchr("-._~", *at) != NULL)
            g_string_append_c(out, (char)*at);
        else
            g_string_append_printf(out, "%%%02X", *at);
    }
}

static char *join(const char *const *words, const char *last)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i > 0)
            g_string_append(out, words[i + 1] == NULL ? last : ", ");
        g_string_append(out, words[i]);
    }
    return g_string_free(out, FALSE);
}

char *kft_text_dup_span(gint64 seconds)
{
    static const struct {
        gint64 length_s;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    gint64 rest = ABS(seconds);

    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        gint64 n = rest / units[i].length_s;
        /* "47 hours" says more than "1 day". */
        if (n >= 2 || (n == 1 && units[i].length_s <= 60) || i + 1 == G_N_ELEMENTS(units))
            return g_strdup_printf("%" G_GINT64_FORMAT " %s%s", n, units[i].name,
                                   n == 1 ? "" : "s");
    }
    g_assert_not_reached();
}

char *kft_text_dup_date(gint64 unix_seconds)
{
    g_autoptr(GDateTime) time =
        unix_seconds == 0 ? NULL : g_date_time_new_from_unix_utc(unix_seconds);
    return time == NULL ? g_strdup("an unreadable date")
                        : g_date_time_format(time, "%Y-%m-%d %H:%M UTC");
}

char *kft_text_join_or(const char *const *words)
{
    return join(words, " or ");
}

char *kft_text_join_and(const char *const *words)
{
    return join(words, " and ");
}

/* Longer than any word could be meant; the comparison's time grows with it. */
#define MAX_TYPED_BYTES 64

/* Levenshtein's distance: how many characters must be added, removed or replaced. One row of the
 * table is enough, as each cell needs only its left, upper and upper left neighbours. @typed: at
 * most MAX_TYPED_BYTES. */
static size_t distance(const char *word, const char *typed)
{
    size_t row[MAX_TYPED_BYTES + 1];
    size_t length = strlen(typed);

    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; word[i] != '\0'; i++) {
        size_t upper_left = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t replaced = upper_left + (word[i] == g_ascii_tolower(typed[j]) ? 0 : 1);
            upper_left = row[j + 1];
            row[j + 1] = MIN(replaced, MIN(row[j], row[j + 1]) + 1);
        }
    }
    return row[length];
}

const char *kft_text_closest(const char *text, const char *const *words)
{
    size_t length = strlen(text);
    const char *closest = NULL;
    size_t best = 0;

    if (length > MAX_TYPED_BYTES)
        return NULL;
    for (size_t i = 0; words[i] != NULL; i++) {
        size_t n_edits = distance(words[i], text);
        bool is_close = n_edits <= MAX(length, strlen(words[i])) / 3 + 1 && n_edits < length;
        /* "port" is far from "local_port" by letters, but not for a reader. */
        if (length >= 3 && !is_close && strstr(words[i], text) != NULL)
            is_close = true;
        if (is_close && (closest == NULL || n_edits < best)) {
            closest = words[i];
            best = n_edits;
        }
    }
    return closest;
}
