/* kubeconfig text: whatever it is, it gives a configuration or one clean sentence; contexts can be
 * listed and chosen; and tokens written into it change nothing else. */
#include <glib.h>
#include <string.h>

#include "fuzz.h"
#include "kube/kubeconfig-priv.h"

#define ID_TOKEN "eyJhbGciOiJub25lIn0.fuzz.id"
#define REFRESH_TOKEN "1//\"fuzz\" \\ refresh"

static void check_error(const GError *error)
{
    g_assert_nonnull(error);
    g_assert_null(strpbrk(error->message, "\r\n"));
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void choose_all(const KftKubeconfig *config)
{
    g_autofree const char **names = kft_kubeconfig_list_contexts(config);
    KftKubeContext context = {0};

    for (size_t i = 0; names[i] != NULL; i++) {
        g_autoptr(GError) error = NULL;
        if (!kft_kubeconfig_select(config, names[i], &context, &error)) {
            check_error(error);
            continue;
        }
        g_assert_true(g_str_has_prefix(context.cluster->server, "http"));
        g_assert_false(g_str_has_suffix(context.cluster->server, "/"));
        if (context.user->exec != NULL)
            g_assert_nonnull(context.user->exec->command);
    }
}

/* Tokens may only be written where a user with an auth provider is, and then the text still parses.
 */
static void write_tokens(const char *text, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftSecret) id_token = kft_secret_new(ID_TOKEN);
    g_autoptr(KftSecret) refresh_token = kft_secret_new(REFRESH_TOKEN);
    g_autofree char *edited =
        kft_kubeconfig_edit_tokens(text, size, "u", id_token, refresh_token, &error);

    if (edited == NULL) {
        check_error(error);
        return;
    }
    g_assert_nonnull(strstr(edited, ID_TOKEN));
    g_autofree char *again =
        kft_kubeconfig_edit_tokens(edited, strlen(edited), "u", id_token, refresh_token, &error);
    g_assert_cmpstr(edited, ==, again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strndup((const char *)data, size);

    /* The parsers take the size from the caller, so the terminator is not theirs to see. */
    g_autoptr(KftKubeconfig) config =
        kft_kubeconfig_parse((const char *)data, size, "f", "/fuzz", &error);
    if (config == NULL)
        check_error(error);
    else
        choose_all(config);
    write_tokens(text, strlen(text));
    return 0;
}
