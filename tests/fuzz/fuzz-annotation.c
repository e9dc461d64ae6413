/* A service's annotation, behind a line with the names of its ports: each part gives a valid config
 * or a sentence. */
#include <glib.h>
#include <string.h>

#include "kftray/share.h"

#include "fuzz.h"

#define MAX_PORTS 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    char *annotation = strchr(valid, '\n');
    KftSharePort ports[MAX_PORTS] = {{0}};
    size_t n_ports = 0;

    if (annotation != NULL)
        *annotation++ = '\0';
    g_auto(GStrv) names = g_strsplit(valid, " ", MAX_PORTS);
    for (; names[n_ports] != NULL; n_ports++) {
        ports[n_ports].name = names[n_ports];
        ports[n_ports].port = (uint16_t)(80 + n_ports);
        ports[n_ports].target_port = n_ports % 2 == 0 ? (uint16_t)(8080 + n_ports) : 0;
        ports[n_ports].target_name = n_ports % 2 == 0 ? NULL : "web-80";
        ports[n_ports].protocol = n_ports % 3 == 2 ? KFT_PROTOCOL_UDP : KFT_PROTOCOL_TCP;
    }
    g_autoptr(KftConfig) origin = kft_config_new();
    g_autoptr(GPtrArray) skipped = NULL;
    origin->service = g_strdup("web");
    g_autoptr(GPtrArray) configs =
        kft_share_configs_from_annotation(annotation, origin, ports, n_ports, &skipped);
    for (guint i = 0; i < configs->len; i++)
        g_assert_true(kft_config_validate(g_ptr_array_index(configs, i), NULL));
    for (guint i = 0; i < skipped->len; i++)
        g_assert_null(strpbrk(g_ptr_array_index(skipped, i), "\r\n"));
    if (annotation == NULL)
        g_assert_cmpuint(configs->len + skipped->len, ==, n_ports);
    else
        g_assert_cmpuint(configs->len + skipped->len, >, 0);
    return 0;
}
