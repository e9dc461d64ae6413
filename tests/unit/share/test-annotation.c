/* What services say of themselves. */
#include <string.h>

#include "kftray/share.h"

static const KftSharePort ports[] = {
    {.name = "http", .port = 80, .target_port = 8080, .protocol = KFT_PROTOCOL_TCP},
    {.name = "http-web", .port = 81, .target_name = "web-9", .protocol = KFT_PROTOCOL_TCP},
    {.name = "dns", .port = 53, .target_port = 5353, .protocol = KFT_PROTOCOL_UDP},
    {.name = "odd", .port = 8081, .target_port = 80, .protocol = KFT_PROTOCOL_TCP},
};

static KftConfig *make_origin(void)
{
    KftConfig *origin = kft_config_new();
    origin->id.v = 4;
    origin->service = g_strdup("shop");
    origin->namespace_ = g_strdup("front");
    origin->context = g_strdup("dev");
    return origin;
}

/* "alias local>remote protocol; …", then what was skipped after " / ". */
static char *read_all(const char *annotation, size_t n_ports)
{
    g_autoptr(KftConfig) origin = make_origin();
    g_autoptr(GPtrArray) skipped = NULL;
    g_autoptr(GPtrArray) configs =
        kft_share_configs_from_annotation(annotation, origin, ports, n_ports, &skipped);
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < configs->len; i++) {
        const KftConfig *config = g_ptr_array_index(configs, i);
        g_string_append_printf(out, "%s%s %u>%u %s", i > 0 ? "; " : "", config->alias,
                               config->local_port, config->remote_port,
                               kft_protocol_name(config->protocol));
        g_assert_cmpstr(config->service, ==, "shop");
        g_assert_cmpstr(config->namespace_, ==, "front");
        g_assert_cmpstr(config->context, ==, "dev");
        g_assert_cmpint(config->id.v, ==, 0);
    }
    for (guint i = 0; i < skipped->len; i++)
        g_string_append_printf(out, " / %s", (const char *)g_ptr_array_index(skipped, i));
    return g_strdup(out->str);
}

static void test_annotations(void)
{
    static const struct {
        const char *annotation;
        const char *result;
    } rows[] = {
        {"web-8080-80", "web 8080>80 tcp"},
        {"web-8080-http", "web 8080>8080 tcp"},
        {"web-8080-http, dns-5300-dns ,", "web 8080>8080 tcp; dns 5300>5353 udp"},
        {"my-web-app-8080-http", "my-web-app 8080>8080 tcp"},
        {"web-9000-http-web", "web 9000>81 tcp"},
        {"web-9000-web-9", "web 9000>81 tcp"},
        {"db-5432-3306-3306", "db-5432 3306>3306 tcp"},
        {"web-0-http", "web 0>8080 tcp"},
        {"q-53-53", "q 53>53 udp"},
        /* The container's port is another port of the service: that would be taken for it. */
        {"odd-1-odd", "odd 1>8081 tcp"},
        {"web-8080", " / \"web-8080\": is not of the form alias-localPort-target"},
        {"-8080-80", " / \"-8080-80\": is not of the form alias-localPort-target"},
        {"web-x-80", " / \"web-x-80\": is not of the form alias-localPort-target"},
        {"web-70000-80", " / \"web-70000-80\": is not of the form alias-localPort-target"},
        {"web", " / \"web\": is not of the form alias-localPort-target"},
        {"web-80-grpc,a-1-2",
         "a 1>2 tcp / \"web-80-grpc\": \"grpc\" is neither a port number nor a port of the "
         "service"},
        {"web-80-", " / \"web-80-\": \"\" is neither a port number nor a port of the service"},
        {"a-1-b\nc", " / \"a-1-b c\": \"b c\" is neither a port number nor a port of the service"},
        {"", " / \"\": names no forward"},
        {" , ", " / \",\": names no forward"},
        {"a\nb-1-2", " / \"a b-1-2\": alias is \"a b\", control characters and line breaks are "
                     "not allowed"},
        {NULL, "shop-http 8080>8080 tcp; shop-http-web 0>81 tcp; shop-dns 5353>5353 udp; "
               "shop-odd 8081>8081 tcp"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *result = read_all(rows[i].annotation, G_N_ELEMENTS(ports));
        g_assert_cmpstr(result, ==, rows[i].result);
    }
}

static void test_one_port(void)
{
    g_autofree char *one = read_all(NULL, 1);
    g_autofree char *none = read_all(NULL, 0);
    g_assert_cmpstr(one, ==, "shop 8080>8080 tcp");
    g_assert_cmpstr(none, ==, "");
}

static void test_long(void)
{
    g_autofree char *dashes = g_strnfill(200000, '-');
    g_autofree char *result = read_all(dashes, G_N_ELEMENTS(ports));
    g_assert_nonnull(strstr(result, "is too long"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/share/annotation/annotations", test_annotations);
    g_test_add_func("/share/annotation/one-port", test_one_port);
    g_test_add_func("/share/annotation/long", test_long);
    return g_test_run();
}
