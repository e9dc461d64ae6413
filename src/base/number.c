#include "base/number.h"

#include <glib.h>
#include <string.h>

#define MAX_DURATION_MS (UINT64_C(3650) * 24 * 3600 * 1000)

bool kft_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
    if (!g_ascii_isdigit(text[0]))
        return false;
    guint64 value = 0;
    if (!g_ascii_string_to_unsigned(text, 10, min, max, &value, NULL))
        return false;
    *ret_value = value;
    return true;
}

bool kft_parse_port(const char *text, uint16_t min, uint16_t *ret_port)
{
    uint64_t value = 0;
    if (!kft_parse_uint(text, min, UINT16_MAX, &value))
        return false;
    *ret_port = (uint16_t)value;
    return true;
}

static double unit_ms(const char *text, size_t *ret_length)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {
        {"ns", 1e-6},        {"us", 1e-3}, {"\xc2\xb5s", 1e-3}, /* U+00B5, which Go writes */
        {"\xce\xbcs", 1e-3},                                    /* U+03BC, which it reads as well */
        {"ms", 1},           {"s", 1e3},   {"m", 60e3},         {"h", 3600e3},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (g_str_has_prefix(text, units[i].name)) {
            *ret_length = strlen(units[i].name);
            return units[i].ms;
        }
    }
    return 0;
}

bool kft_parse_duration_ms(const char *text, uint64_t *ret_ms)
{
    double total_ms = 0;

    if (strcmp(text, "0") == 0) {
        *ret_ms = 0;
        return true;
    }
    if (*text == '\0')
        return false;
    while (*text != '\0') {
        if (!g_ascii_isdigit(*text) && *text != '.')
            return false;
        /* Only digits and one point: strtod also takes exponents, "inf" and hexadecimal. */
        size_t digits = strspn(text, "0123456789.");
        if (digits > 18 || (digits == 1 && *text == '.'))
            return false;
        char *end = NULL;
        double value = g_ascii_strtod(text, &end);
        if (end != text + digits)
            return false;
        size_t unit_length = 0;
        double factor = unit_ms(end, &unit_length);
        if (unit_length == 0)
            return false;
        total_ms += value * factor;
        if (total_ms > (double)MAX_DURATION_MS)
            return false;
        text = end + unit_length;
    }
    *ret_ms = (uint64_t)(total_ms + 0.5);
    return true;
}

/* Goes past what has the form of @pattern, where "d" is a digit; NULL if it has not. */
static const char *skip_pattern(const char *text, const char *pattern)
{
    for (; *pattern != '\0'; pattern++, text++) {
        if (*pattern == 'd' ? !g_ascii_isdigit(*text) : *text != *pattern)
            return NULL;
    }
    return text;
}

/* RFC 3339 5.6, in capitals. GLib reads all of ISO 8601: week dates, dates without separators, and
 * times without an offset as local ones. */
static bool is_rfc3339(const char *text)
{
    text = skip_pattern(text, "dddd-dd-ddTdd:dd:dd");
    if (text == NULL)
        return false;
    if (*text == '.') {
        size_t digits = strspn(text + 1, "0123456789");
        if (digits == 0)
            return false;
        text += 1 + digits;
    }
    if (strcmp(text, "Z") == 0)
        return true;
    if (*text != '+' && *text != '-')
        return false;
    const char *end = skip_pattern(text + 1, "dd:dd");
    return end != NULL && *end == '\0' && strncmp(text + 1, "24", 2) < 0 && end[-2] < '6';
}

bool kft_parse_rfc3339(const char *text, int64_t *ret_unix_s)
{
    g_autofree char *upper = g_ascii_strup(text, -1);
    if (!is_rfc3339(upper))
        return false;
    g_autoptr(GDateTime) date = g_date_time_new_from_iso8601(upper, NULL);
    if (date == NULL)
        return false;
    *ret_unix_s = g_date_time_to_unix(date);
    return true;
}
