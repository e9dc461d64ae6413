/* Reads the token again when what is known is 50 s old: kubelets renew these files long before the
 * old token ends, so that is often enough, and every request may ask. A file that is broken later
 * does not take away the token that worked. */
#include "kube/token-file.h"

#include <string.h>

#include "kftray/error.h"

#include "base/log.h"
#include "kube/small-file.h"

#define REREAD_S 50
#define REREAD_AFTER_ERROR_S 10
#define MAX_TOKEN_BYTES ((size_t)1 << 20)

struct KftTokenFile {
    char *path;
    KftSecret *token; /* nullable */
    int64_t read_s;   /* when it was read */
    int64_t next_s;   /* when it is to be read again; 0 = now */
};

KftTokenFile *kft_token_file_new(const char *path, const KftSecret *fallback)
{
    KftTokenFile *self = g_new0(KftTokenFile, 1);
    self->path = g_strdup(path);
    self->token = kft_secret_copy(fallback);
    return self;
}

void kft_token_file_free(KftTokenFile *self)
{
    if (self == NULL)
        return;
    g_free(self->path);
    kft_secret_free(self->token);
    g_free(self);
}

static KftSecret *read_token(const char *path, GError **error)
{
    size_t size = 0;
    char *text = kft_small_file_read(path, MAX_TOKEN_BYTES, &size, error);
    if (text == NULL) {
        g_prefix_error(error, "tokenFile ");
        return NULL;
    }
    KftSecret *token = NULL;
    bool is_binary = strlen(text) != size;
    g_strstrip(text);
    for (const char *at = text; *at != '\0'; at++)
        is_binary = is_binary || g_ascii_iscntrl(*at);
    if (*text == '\0')
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG, "tokenFile %s is empty", path);
    else if (is_binary)
        g_set_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG,
                    "tokenFile %s holds more than one line or binary data", path);
    else
        token = kft_secret_new(text);
    kft_small_file_free(text, size);
    return token;
}

const KftSecret *kft_token_file_get(KftTokenFile *self, int64_t now_s, GError **error)
{
    GError *local = NULL;

    /* A clock that was set back must not keep the old token. */
    if (self->token != NULL && self->next_s != 0 && now_s < self->next_s && now_s >= self->read_s)
        return self->token;
    KftSecret *token = read_token(self->path, &local);
    self->read_s = now_s;
    if (token != NULL) {
        kft_secret_free(self->token);
        self->token = token;
        self->next_s = now_s + REREAD_S;
        return self->token;
    }
    if (self->token != NULL) {
        kft_log(KFT_LOG_AUTH, KFT_LEVEL_WARNING, "%s; the earlier token is used", local->message);
        g_error_free(local);
        self->next_s = now_s + REREAD_AFTER_ERROR_S;
        return self->token;
    }
    local->code = KFT_ERROR_BAD_CONFIG;
    g_propagate_error(error, local);
    return NULL;
}

void kft_token_file_expire(KftTokenFile *self)
{
    self->next_s = 0;
}
