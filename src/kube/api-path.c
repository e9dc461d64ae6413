/* Paths of API requests. Names come from users and servers, so each part is encoded on its own: a
 * name can never become two segments or a query. */
#include "kube/api-path.h"

#include <stdarg.h>

#include "base/text.h"

char *kft_api_path_build(const char *prefix, ...)
{
    GString *out = g_string_new(prefix);
    va_list segments;

    va_start(segments, prefix);
    for (const char *segment = va_arg(segments, const char *); segment != NULL;
         segment = va_arg(segments, const char *)) {
        g_string_append_c(out, '/');
        kft_text_append_percent_encoded(out, segment);
    }
    va_end(segments);
    return g_string_free(out, FALSE);
}
