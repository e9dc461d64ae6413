#include "random-config.h"

#include <string.h>

static bool flip(GRand *rand)
{
    return g_rand_boolean(rand) != 0;
}

static uint32_t below(GRand *rand, uint32_t limit)
{
    return (uint32_t)g_rand_int_range(rand, 0, (gint32)limit);
}

/* Words of @letters; the ends are letters or digits. */
static char *random_word(GRand *rand, const char *inner, uint32_t max_length)
{
    static const char ends[] = "abcxyz0189";
    uint32_t length = 1 + below(rand, max_length);
    GString *out = g_string_new(NULL);

    for (uint32_t i = 0; i < length; i++) {
        bool is_end = i == 0 || i + 1 == length;
        const char *set = is_end ? ends : inner;
        g_string_append_c(out, set[below(rand, (uint32_t)strlen(set))]);
    }
    return g_string_free(out, FALSE);
}

/* Any characters that a one-line text may have. */
static char *random_text(GRand *rand, bool has_breaks)
{
    static const char *const pieces[] = {"a",
                                         "Z",
                                         "7",
                                         "\"",
                                         "\\",
                                         "/",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "{}",
                                         "[]",
                                         "'",
                                         "=",
                                         ":",
                                         ",",
                                         "<",
                                         "&",
                                         "$",
                                         "%s"};
    GString *out = g_string_new(NULL);
    uint32_t length = 1 + below(rand, 12);

    for (uint32_t i = 0; i < length; i++) {
        g_string_append(out, pieces[below(rand, G_N_ELEMENTS(pieces))]);
        if (i + 1 < length && below(rand, 4) == 0)
            g_string_append_c(out, ' ');
        if (has_breaks && below(rand, 4) == 0)
            g_string_append(out, below(rand, 2) == 0 ? "\n" : "\t\r\x01 ");
    }
    return g_string_free(out, FALSE);
}

static char *random_selector(GRand *rand)
{
    static const char *const forms[] = {"app=%s", "a.b/c!=%s", "tier in (x,%s)", "x notin (%s)",
                                        "!%s",    "%s",        "k==%s",          "e="};
    g_autoptr(GString) out = g_string_new(NULL);
    uint32_t n = 1 + below(rand, 3);

    for (uint32_t i = 0; i < n; i++) {
        g_autofree char *word = random_word(rand, "aB0-_.", 20);
        g_auto(GStrv) halves = g_strsplit(forms[below(rand, G_N_ELEMENTS(forms))], "%s", 2);
        g_string_append_printf(out, "%s%s%s%s", i > 0 ? "," : "", halves[0],
                               halves[1] == NULL ? "" : word, halves[1] == NULL ? "" : halves[1]);
    }
    return g_strdup(out->str);
}

static char *random_extra(GRand *rand)
{
    static const char *const values[] = {"null",
                                         "true",
                                         "-17",
                                         "2.50",
                                         "1e5",
                                         "[]",
                                         "{}",
                                         "[1,{\"b\":[2],\"a\":\"\\u0001\\\"\"}]",
                                         "\"\xe2\x82\xac\\n\"",
                                         "18446744073709551615"};
    static const char *const keys[] = {"Aaa", "a new key", "b\\\"c", "mmm", "zzz", "\xc3\xa9"};
    g_autoptr(GString) out = g_string_new("{");
    bool has_any = false;

    /* In the order that the program keeps them in. */
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (flip(rand))
            continue;
        g_string_append_printf(out, "%s\"%s\":%s", has_any ? "," : "", keys[i],
                               values[below(rand, G_N_ELEMENTS(values))]);
        has_any = true;
    }
    g_string_append_c(out, '}');
    return has_any ? g_strdup(out->str) : NULL;
}

static char *maybe(GRand *rand, char *text)
{
    if (flip(rand))
        return text;
    g_free(text);
    return NULL;
}

static void fill_expose(GRand *rand, KftConfig *config)
{
    static const char *const types[] = {NULL, "public", "cluster", "internal"};
    static const char *const kinds[] = {NULL, "Issuer", "ClusterIssuer"};

    config->alias = random_word(rand, "ab-A_", 30);
    config->local_port = (uint16_t)(1 + below(rand, 65535));
    config->local_address = maybe(rand, random_word(rand, "ab-", 30));
    config->exposure_type = g_strdup(types[below(rand, G_N_ELEMENTS(types))]);
    config->cert_manager_enabled = flip(rand);
    config->cert_issuer = config->cert_manager_enabled ? random_text(rand, false)
                                                       : maybe(rand, random_text(rand, false));
    config->cert_issuer_kind = g_strdup(kinds[below(rand, G_N_ELEMENTS(kinds))]);
    config->ingress_class = maybe(rand, random_text(rand, false));
    config->ingress_annotations = maybe(rand, g_strdup(" {\"a/b\": \"c\\\"\"}\n"));
}

static void fill_target(GRand *rand, KftConfig *config)
{
    static const char *const objects[] = {"deploy/", "sts/", "", "deployments.apps/"};
    g_autofree char *word = random_word(rand, "ab-", 40);

    switch (config->workload_type) {
    case KFT_WORKLOAD_TYPE_SERVICE:
        config->service = g_steal_pointer(&word);
        break;
    case KFT_WORKLOAD_TYPE_POD:
        if (flip(rand))
            config->target = random_selector(rand);
        else
            config->object = g_strconcat(objects[below(rand, 4)], word, NULL);
        break;
    case KFT_WORKLOAD_TYPE_PROXY:
        config->remote_address =
            flip(rand) ? g_strconcat("https://", word, ":1/x?y", NULL) : g_steal_pointer(&word);
        break;
    case KFT_WORKLOAD_TYPE_EXPOSE:
        fill_expose(rand, config);
        return;
    }
    static const char *const addresses[] = {NULL, "127.0.0.2", "::1", "localhost", "0.0.0.0"};
    config->local_address = g_strdup(addresses[below(rand, G_N_ELEMENTS(addresses))]);
    config->remote_port = (uint16_t)(1 + below(rand, 65535));
    config->balance = (KftBalance)below(rand, 3);
    config->local_port = flip(rand) ? 0 : (uint16_t)(1 + below(rand, 65535));
    config->domain_enabled = flip(rand);
    config->alias = maybe(rand, config->domain_enabled ? random_word(rand, "ab-", 20)
                                                       : random_text(rand, false));
}

KftConfig *random_config(GRand *rand)
{
    KftConfig *config = kft_config_new();

    config->workload_type = (KftWorkloadType)below(rand, 4);
    config->protocol = (KftProtocol)below(rand, 2);
    config->transport = (KftTransport)below(rand, 4);
    if (flip(rand))
        config->disconnect_timeout_minutes = below(rand, 10081);
    if (flip(rand))
        config->stop_at = g_strdup_printf("%02u:%02u", below(rand, 24), below(rand, 60));
    fill_target(rand, config);
    config->context = maybe(rand, random_text(rand, false));
    config->kubeconfig = maybe(rand, random_text(rand, false));
    config->namespace_ = maybe(rand, random_word(rand, "ab-", 60));
    config->group = maybe(rand, random_text(rand, false));
    config->note = maybe(rand, random_text(rand, true));
    config->auto_loopback_address = flip(rand);
    config->http_logs_enabled = flip(rand);
    config->http_logs_auto_cleanup = flip(rand);
    if (flip(rand))
        config->http_logs_max_file_size = 1 + below(rand, 104857600);
    if (flip(rand))
        config->http_logs_retention_days = 1 + below(rand, 365);
    config->extra = maybe(rand, random_extra(rand));
    return config;
}

static void replace(char **text, const char *with)
{
    g_free(*text);
    *text = g_strdup(with);
}

const char *random_spoil(GRand *rand, KftConfig *config)
{
    switch (below(rand, 10)) {
    case 0:
        replace(&config->namespace_, "Not A Namespace");
        return "namespace";
    case 1:
        replace(&config->alias, "two\nlines");
        return "alias";
    case 2:
        replace(&config->local_address, "not an address");
        return "local_address";
    case 3:
        config->http_logs_retention_days = 366 + below(rand, 1000);
        return "http_logs_retention_days";
    case 4:
        config->http_logs_max_file_size = 104857601;
        return "http_logs_max_file_size";
    case 5:
        replace(&config->context, "tab\there");
        return "context";
    case 6:
        g_free(config->kubeconfig);
        config->kubeconfig = g_strnfill(20000, 'x');
        return "kubeconfig";
    default:
        break;
    }
    switch (config->workload_type) {
    case KFT_WORKLOAD_TYPE_SERVICE:
        replace(&config->service, flip(rand) ? NULL : "no_service");
        return "service";
    case KFT_WORKLOAD_TYPE_POD:
        g_clear_pointer(&config->object, g_free);
        replace(&config->target, flip(rand) ? NULL : "a=b=c");
        return "target";
    case KFT_WORKLOAD_TYPE_PROXY:
        replace(&config->remote_address, flip(rand) ? NULL : "host:80");
        return "remote_address";
    case KFT_WORKLOAD_TYPE_EXPOSE:
        config->local_port = 0;
        return "local_port";
    }
    g_assert_not_reached();
}
