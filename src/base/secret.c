#include "base/secret.h"

#include <string.h>

struct KftSecret {
    char *text;
};

KftSecret *kft_secret_new(const char *text)
{
    KftSecret *self = g_new(KftSecret, 1);
    self->text = g_strdup(text);
    return self;
}

KftSecret *kft_secret_copy(const KftSecret *self)
{
    return self == NULL ? NULL : kft_secret_new(self->text);
}

void kft_secret_wipe_string(char *text)
{
    if (text == NULL)
        return;
    explicit_bzero(text, strlen(text));
    g_free(text);
}

void kft_secret_free(KftSecret *self)
{
    if (self == NULL)
        return;
    kft_secret_wipe_string(self->text);
    g_free(self);
}

const char *kft_secret_reveal(const KftSecret *self)
{
    return self->text;
}

gboolean kft_secret_equal(const KftSecret *a, const KftSecret *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return strcmp(a->text, b->text) == 0;
}
