#include "search-words.h"

#include <glib.h>
#include <string.h>

char **kft_search_words_split(const char *text)
{
    g_autofree char *lower = g_utf8_strdown(text, -1);
    g_auto(GStrv) parts = g_strsplit_set(lower, " \t", -1);
    GPtrArray *words = g_ptr_array_new();

    for (size_t i = 0; parts[i] != NULL; i++) {
        if (*parts[i] != '\0')
            g_ptr_array_add(words, g_strdup(parts[i]));
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

bool kft_search_words_occur(const char *const *words, const char *haystack)
{
    for (; *words != NULL; words++) {
        if (strstr(haystack, *words) == NULL)
            return false;
    }
    return true;
}
