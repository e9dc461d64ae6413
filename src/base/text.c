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
