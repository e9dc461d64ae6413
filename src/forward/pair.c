/* What the error texts of the container runtimes mean. */
#include "forward/pair.h"

#include <string.h>

#include "base/redact.h"

#define MAX_TEXT_CHARS 300
/* Of one error text; the longest seen are a few hundred bytes. */
#define MAX_ERROR_TEXT_BYTES 4096

const char *kft_pair_end_name(KftPairEnd end)
{
    static const char *const names[] = {
#define KFT_PAIR_END_NAME(name, text) [KFT_PAIR_END_##name] = (text),
        KFT_PAIR_ENDS(KFT_PAIR_END_NAME)
#undef KFT_PAIR_END_NAME
    };
    return names[end];
}

gboolean kft_pair_text_means_no_pod(const char *text)
{
    /* Wire protocols, 3.7 rule 3: containerd's and cri-o's ways to say it. */
    static const char *const signs[] = {
        "failed to find sandbox",
        "could not find sandbox",
        "PodSandbox with ID starting with",
        "is not running",
    };
    if (strstr(text, "network namespace for sandbox") != NULL && strstr(text, "is closed") != NULL)
        return TRUE;
    for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
        if (strstr(text, signs[i]) != NULL)
            return TRUE;
    }
    return FALSE;
}

char *kft_pair_text_simplify(const char *text, uint16_t port)
{
    if (strstr(text, "connection refused") != NULL)
        return g_strdup_printf("nothing listens on port %u in the pod (connection refused)", port);
    if (strstr(text, "connection reset by peer") != NULL || strstr(text, "broken pipe") != NULL)
        return g_strdup("the pod reset the connection");
    if (kft_pair_text_means_no_pod(text))
        return g_strdup("the pod is gone");
    return kft_one_line(text, MAX_TEXT_CHARS);
}

void kft_pair_append_text(GString **text, const uint8_t *data, size_t size)
{
    if (*text == NULL)
        *text = g_string_new(NULL);
    size_t room = MAX_ERROR_TEXT_BYTES - MIN((*text)->len, MAX_ERROR_TEXT_BYTES);
    g_string_append_len(*text, (const char *)data, (gssize)MIN(size, room));
}

KftPairEnd kft_pair_classify_text(const GString *text, gboolean has_received)
{
    if (text != NULL && kft_pair_text_means_no_pod(text->str))
        return KFT_PAIR_END_NO_POD;
    gboolean is_refused = text != NULL && strstr(text->str, "connection refused") != NULL;
    return is_refused && !has_received ? KFT_PAIR_END_REFUSED : KFT_PAIR_END_ERROR;
}
