#include "base/assignment.h"

#include <glib.h>
#include <string.h>

#include "base/secret.h"

#define BLANKS " \t\r\n"

bool kft_assignment_next(const char **text, char **ret_name, char **ret_value)
{
    const char *start = *text + strspn(*text, BLANKS);
    const char *end = start + strcspn(start, BLANKS);
    const char *sign = memchr(start, '=', (size_t)(end - start));

    *text = end;
    if (start == end)
        return false;
    *ret_name = sign == NULL || sign == start ? NULL : g_uri_unescape_segment(start, sign, NULL);
    const char *value = sign == NULL ? end : sign + 1;
    *ret_value = g_strndup(value, (size_t)(end - value));
    return true;
}

char *kft_assignment_find(const char *text, const char *name)
{
    char *found = NULL;
    char *word = NULL;
    char *value = NULL;

    while (kft_assignment_next(&text, &word, &value)) {
        if (g_strcmp0(word, name) == 0) {
            kft_secret_wipe_string(found);
            found = g_steal_pointer(&value);
        }
        kft_secret_wipe_string(value);
        g_free(word);
    }
    return found;
}
