#include "base/text.h"

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

char *kft_text_join_or(const char *const *words)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (i > 0)
            g_string_append(out, words[i + 1] == NULL ? " or " : ", ");
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
