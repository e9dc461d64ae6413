/* The error domain's code table. Which codes exist and what they mean is said in kftray/error.h. */
#include "kftray/error.h"

static const struct {
    const char *name;
    bool is_retryable;
    bool needs_user;
} codes[] = {
#define KFT_ERROR_ROW(name, retry, user) [KFT_ERROR_##name] = {#name, retry, user},
    KFT_ERROR_CODES(KFT_ERROR_ROW)
#undef KFT_ERROR_ROW
};

G_DEFINE_QUARK(kft - error - quark, kft_error)

const char *kft_error_code_name(KftErrorCode code)
{
    static char names[G_N_ELEMENTS(codes)][16];
    static gsize ready;

    g_assert((size_t)code < G_N_ELEMENTS(codes));
    if (g_once_init_enter(&ready)) {
        for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
            g_strlcpy(names[i], codes[i].name, sizeof names[i]);
            for (char *p = names[i]; *p != '\0'; p++)
                *p = (char)(*p == '_' ? '-' : g_ascii_tolower(*p));
        }
        g_once_init_leave(&ready, 1);
    }
    return names[code];
}

bool kft_error_is_retryable(const GError *error)
{
    return error != NULL && error->domain == KFT_ERROR && codes[error->code].is_retryable;
}

bool kft_error_needs_user(const GError *error)
{
    return error != NULL && error->domain == KFT_ERROR && codes[error->code].needs_user;
}
