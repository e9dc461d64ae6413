/* The engine's complaints name the keys of a file. Here the same rules are asked about one field at
 * a time, in a config that is right otherwise, to say it in the user's words. */
#include "field-check.h"

#include <glib/gi18n.h>
#include <kftray/config.h>
#include <string.h>

static const struct {
    const char *key;
    const char *sentence;
} fields[] = {
    {"namespace", N_("A namespace has lower case letters, digits and “-” only.")},
    {"service", N_("The name of a service has lower case letters, digits and “-” only.")},
    {"target", N_("Labels are written as in app=web,tier=front.")},
    {"object", N_("A workload is written as in deploy/web, a pod as in web-0.")},
    {"remote_address", N_("A host is a name or an IP address.")},
    {"remote_port", N_("A port is a number from 1 to 65535.")},
    {"local_port", N_("The local port is a number from 1 to 65535, or empty for a free one.")},
    {"local_address", N_("The local address is an IP address of this computer, or localhost.")},
    {"disconnect_timeout_minutes",
     N_("The minutes are a number from 0 (never) to 10080 (a week).")},
    {"stop_at", N_("A time of day is written as in 18:30.")},
};

static bool is_allowed(const char *workload, const char *key, const char *value)
{
    const char *const right[][2] = {
        {"workload_type", workload},
        {"service", "web"},
        {"target", strcmp(key, "object") == 0 ? "" : "app=web"},
        {"remote_address", "web"},
        {"remote_port", "1"},
        {key, value},
    };
    g_autoptr(KftConfig) config = kft_config_new();

    for (size_t i = 0; i < G_N_ELEMENTS(right); i++) {
        if (!kft_config_set(config, right[i][0], right[i][1], NULL))
            return false;
    }
    return kft_config_validate(config, NULL);
}

const char *kft_field_check(const char *workload, const char *key, const char *value)
{
    if (value == NULL || is_allowed(workload, key, value))
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (strcmp(fields[i].key, key) == 0)
            return _(fields[i].sentence);
    }
    return NULL;
}
