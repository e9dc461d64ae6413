/* Identity, aliases and descriptions. */
#include "kftray/config.h"

#include "config/identity.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

/* "key=value;key=value". */
static KftConfig *make(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ";", -1);
    KftConfig *config = kft_config_new();

    for (size_t i = 0; parts[i] != NULL; i++) {
        g_autoptr(GError) error = NULL;
        g_auto(GStrv) pair = g_strsplit(parts[i], "=", 2);
        (void)kft_config_set(config, pair[0], pair[1], &error);
        g_assert_no_error(error);
    }
    return config;
}

static void test_identity(void)
{
    static const struct {
        const char *a;
        const char *b;
        bool is_same;
    } rows[] = {
        {"service=web;remote_port=80", "service=web;remote_port=80", true},
        {"service=web;remote_port=80", "service=web;remote_port=81", false},
        {"service=web;remote_port=80", "service=db;remote_port=80", false},
        {"service=web", "service=web;alias=x;note=y;local_address=127.0.0.2;group=g", true},
        {"service=web;local_port=1", "service=web;local_port=2", false},
        {"service=web;local_port=1", "service=web;local_port=1", true},
        {"service=web;local_port=1", "service=web", true},
        {"service=web;context=a", "service=web;context=b", false},
        {"service=web;context=a", "service=web", false},
        {"service=web;context=current-context", "service=web", true},
        {"service=web;kubeconfig=/a", "service=web", false},
        {"service=web;namespace=a", "service=web", false},
        {"service=web;protocol=udp", "service=web", false},
        {"workload_type=pod;target=app=a", "workload_type=pod;target=app=b", false},
        {"workload_type=pod;target=app", "workload_type=pod;object=app", false},
        {"workload_type=pod;target=app;service=x", "workload_type=pod;target=app", true},
        {"workload_type=proxy;remote_address=a", "workload_type=proxy;remote_address=b", false},
        {"workload_type=proxy;remote_address=a;remote_port=1",
         "workload_type=proxy;remote_address=a;remote_port=2", false},
        {"workload_type=expose;alias=a;local_port=1", "workload_type=expose;alias=b;local_port=1",
         false},
        {"workload_type=expose;alias=a;local_port=1", "workload_type=expose;alias=a;local_port=2",
         false},
        {"workload_type=expose;alias=a;local_port=1;remote_port=5",
         "workload_type=expose;alias=a;local_port=1", true},
        /* Texts of neighbouring fields do not run into each other. */
        {"service=web;context=a;kubeconfig=b", "service=web;context=ab", false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(KftConfig) a = make(rows[i].a);
        g_autoptr(KftConfig) b = make(rows[i].b);
        if (kft_config_same_identity(a, b) != rows[i].is_same ||
            kft_config_same_identity(b, a) != rows[i].is_same)
            g_error("\"%s\" and \"%s\"", rows[i].a, rows[i].b);
    }
}

static void test_texts(void)
{
    static const struct {
        const char *config;
        const char *alias;
        const char *target;
        const char *local;
    } rows[] = {
        {"service=web;namespace=shop;remote_port=80;local_port=8080", "web", "shop/web:80",
         "127.0.0.1:8080"},
        {"service=web;remote_port=80;local_address=::1;local_port=1", "web", "web:80", "[::1]:1"},
        {"service=web;local_address=localhost;local_port=1", "web", "web", "localhost:1"},
        {"workload_type=pod;target=tier=x,app = web;namespace=shop;remote_port=80", "web",
         "shop/tier=x,app = web:80", "127.0.0.1:0"},
        {"workload_type=pod;target=app!=web;local_port=5", "pod-tcp-5", "app!=web", "127.0.0.1:5"},
        {"workload_type=pod;target=app.kubernetes.io/name==a,app=b;remote_port=1", "a",
         "app.kubernetes.io/name==a,app=b:1", "127.0.0.1:0"},
        {"workload_type=pod;object=sts/db-0;namespace=n;remote_port=1", "db-0", "n/sts/db-0:1",
         "127.0.0.1:0"},
        {"workload_type=pod;object=db-0;remote_port=1", "db-0", "db-0:1", "127.0.0.1:0"},
        {"workload_type=proxy;remote_address=db.example.com;namespace=shop;remote_port=5432", "db",
         "shop/db.example.com:5432", "127.0.0.1:0"},
        {"workload_type=proxy;remote_address=10.0.0.1;remote_port=1", "10.0.0.1", "10.0.0.1:1",
         "127.0.0.1:0"},
        {"workload_type=proxy;remote_address=fd00::1;remote_port=1", "fd00::1", "[fd00::1]:1",
         "127.0.0.1:0"},
        {"workload_type=proxy;remote_address=https://u@api.example.com:1/x;remote_port=1", "api",
         "https://u@api.example.com:1/x:1", "127.0.0.1:0"},
        {"workload_type=expose;alias=api;namespace=n;local_port=3000;local_address=host.lan",
         "expose-tcp-3000", "n/api", "host.lan:3000"},
        {"protocol=udp;local_port=53", "service-udp-53", "", "127.0.0.1:53"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(KftConfig) config = make(rows[i].config);
        g_autofree char *alias = kft_config_make_alias(config);
        g_autofree char *target = kft_config_describe_target(config);
        g_autofree char *local = kft_config_describe_local(config);
        g_assert_cmpstr(alias, ==, rows[i].alias);
        g_assert_cmpstr(target, ==, rows[i].target);
        g_assert_cmpstr(local, ==, rows[i].local);
    }
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/identity", test_identity);
    g_test_add_func("/config/texts", test_texts);
    return g_test_run();
}
