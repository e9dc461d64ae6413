/* Configs in the store: all fields, order, ids, what is filled in, many at once. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/field.h"
#include "scene.h"
#include "store/free-port.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define N_MANY 5000

typedef struct {
    char *folder;
    char *path;
    KftStore *store;
} Scene;

static void set_up(Scene *scene, gconstpointer data)
{
    (void)data;
    scene->folder = kft_test_folder_new();
    scene->path = kft_test_folder_dup_path(scene->folder);
    scene->store = kft_test_store_open(scene->folder);
}

static void tear_down(Scene *scene, gconstpointer data)
{
    (void)data;
    kft_store_close(scene->store);
    g_free(scene->path);
    kft_test_folder_free(scene->folder);
}

static void reopen(Scene *scene)
{
    kft_store_close(scene->store);
    scene->store = kft_test_store_open(scene->folder);
}

static void expect_aliases(Scene *scene, const char *expected)
{
    g_autofree char *aliases = kft_test_store_dup_aliases(scene->store);
    g_assert_cmpstr(aliases, ==, expected);
}

/* --- fields --- */

/* The columns are the fields: one that is forgotten in a migration fails here. */
static void test_columns(Scene *scene, gconstpointer data)
{
    (void)data;
    for (size_t i = 0; i < kft_n_fields; i++) {
        g_autofree char *sql =
            g_strdup_printf("SELECT count(*) FROM pragma_table_info('configs') WHERE name = '%s'",
                            kft_fields[i].name);
        if (kft_test_sql_number(scene->path, sql) != 1)
            g_error("configs has no column %s", kft_fields[i].name);
    }
    g_assert_cmpint(
        kft_test_sql_number(scene->path, "SELECT count(*) FROM pragma_table_info('configs')"), ==,
        (int64_t)kft_n_fields + 3); /* id, position, extra */
}

static const struct {
    KftWorkloadType workload;
    const char *pairs; /* "key=value", one per line */
} full_configs[] = {
    {KFT_WORKLOAD_TYPE_SERVICE,
     "alias=web\ngroup=team a\nnote= two\\nlines \ncontext=prod\nkubeconfig=/a:/b\nnamespace=shop\n"
     "service=web\nremote_port=80\nlocal_port=8080\nlocal_address=127.0.0.9\n"
     "auto_loopback_address=true\ntransport=spdy\nbalance=round-robin\n"
     "disconnect_timeout_minutes=0\nstop_at=18:30\ndomain_enabled=true\nhttp_"
     "logs_enabled=true\n"
     "http_logs_max_file_size=1000\nhttp_logs_retention_days=30\nhttp_logs_auto_cleanup=false"},
    {KFT_WORKLOAD_TYPE_POD, "alias=p\ntarget=app=web,tier!=x\nremote_port=81\nlocal_port=8081"},
    {KFT_WORKLOAD_TYPE_POD, "alias=o\nobject=deploy/web\nremote_port=81\nlocal_port=8082"},
    {KFT_WORKLOAD_TYPE_PROXY,
     "alias=db\nprotocol=udp\nremote_address=db.example.com\nremote_port=5432\nlocal_port=5432"},
    {KFT_WORKLOAD_TYPE_EXPOSE,
     "alias=me.example.com\nlocal_port=3000\nlocal_address=localhost\nexposure_type=public\n"
     "cert_manager_enabled=true\ncert_issuer=le\ncert_issuer_kind=Issuer\ningress_class=nginx\n"
     "ingress_annotations={\"a\":\"b\"}"},
};

static KftConfig *make_full(size_t index)
{
    g_autoptr(GError) error = NULL;
    KftConfig *config = kft_config_new();
    config->workload_type = full_configs[index].workload;
    g_auto(GStrv) pairs = g_strsplit(full_configs[index].pairs, "\n", -1);
    for (size_t i = 0; pairs[i] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(pairs[i], "=", 2);
        g_autofree char *value = g_strcompress(parts[1]);
        (void)kft_config_set(config, parts[0], value, &error);
        g_assert_no_error(error);
    }
    config->extra = g_strdup("{\"theirs\":[1,\"\\u00fc\"]}");
    return config;
}

static void test_all_fields(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(full_configs); i++) {
        g_autoptr(KftConfig) config = make_full(i);
        (void)kft_store_add_config(scene->store, config, &error);
        g_assert_no_error(error);
    }
    reopen(scene);
    g_autoptr(GPtrArray) stored = kft_store_list_configs(scene->store, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(stored->len, ==, G_N_ELEMENTS(full_configs));
    for (size_t i = 0; i < stored->len; i++) {
        g_autoptr(KftConfig) config = make_full(i);
        g_auto(GStrv) differing = kft_config_diff(config, stored->pdata[i]);
        g_assert_cmpstr(differing[0], ==, NULL);
        g_assert_cmpint(((const KftConfig *)stored->pdata[i])->id.v, >, 0);
    }
}

static void test_update(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftConfig) config = make_full(0);
    (void)data;
    g_assert_true(kft_store_add_config(scene->store, config, &error));
    g_autoptr(KftConfig) plain = kft_test_config_new("plain", 9000);
    plain->id = config->id;
    g_assert_true(kft_store_update_config(scene->store, plain, &error));
    g_autoptr(KftConfig) stored = kft_store_get_config(scene->store, config->id, &error);
    g_assert_no_error(error);
    g_assert_true(kft_config_equal(stored, plain));
    g_assert_null(stored->extra);
    g_assert_null(stored->note);

    plain->id.v += 1;
    g_assert_false(kft_store_update_config(scene->store, plain, &error));
    kft_test_take_error(&error, KFT_ERROR_NOT_FOUND, "2", "no config");
    plain->id.v = 0;
    g_assert_false(kft_store_update_config(scene->store, plain, &error));
    kft_test_take_error(&error, KFT_ERROR_NOT_FOUND, "0", "no config");
    g_assert_null(kft_store_get_config(scene->store, (KftConfigId){77}, &error));
    kft_test_take_error(&error, KFT_ERROR_NOT_FOUND, "77", "no config");
}

static void test_invalid(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftConfig) good = kft_test_config_new("good", 0);
    g_autoptr(KftConfig) bad = kft_test_config_new("bad", 0);
    KftConfig *both[] = {good, bad};
    (void)data;
    g_clear_pointer(&bad->service, g_free);
    g_assert_false(kft_store_add_config(scene->store, bad, &error));
    kft_test_take_error(&error, KFT_ERROR_BAD_CONFIG, "service", "missing");
    g_assert_false(kft_store_put_configs(scene->store, both, 2, &error));
    kft_test_take_error(&error, KFT_ERROR_BAD_CONFIG, "config 2 (\"bad\")", "service");
    /* A config that is gone, after one that is new: neither is stored, nor is anything filled in.
     */
    g_free(bad->service);
    bad->service = g_strdup("web");
    bad->id.v = 99;
    g_clear_pointer(&good->alias, g_free);
    g_assert_false(kft_store_put_configs(scene->store, both, 2, &error));
    kft_test_take_error(&error, KFT_ERROR_NOT_FOUND, "99", "no config");
    g_assert_cmpint(good->id.v, ==, 0);
    g_assert_cmpint(good->local_port, ==, 0);
    g_assert_null(good->alias);
    expect_aliases(scene, "");
}

/* A value that only another program can have written. */
static void test_strange_row(Scene *scene, gconstpointer data)
{
    static const struct {
        const char *sql;
        const char *field;
    } rows[] = {
        {"UPDATE configs SET workload_type = 'teleport'", "workload_type"},
        {"UPDATE configs SET remote_port = 70000", "remote_port"},
        {"UPDATE configs SET domain_enabled = 2", "domain_enabled"},
        {"UPDATE configs SET note = cast(x'ff' AS TEXT)", "note"},
    };
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        KftConfigId id = kft_test_store_add(scene->store, "web", 8080);
        kft_test_sql(scene->path, rows[i].sql);
        g_assert_null(kft_store_list_configs(scene->store, &error));
        kft_test_take_error(&error, KFT_ERROR_STORAGE, scene->path, rows[i].field);
        (void)kft_store_remove_configs(scene->store, &id, 1, &error);
        g_assert_no_error(error);
    }
}

/* --- ids and order --- */

static void test_ids_are_not_reused(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    KftConfigId ids[] = {kft_test_store_add(scene->store, "a", 8001),
                         kft_test_store_add(scene->store, "b", 8002)};
    (void)data;
    g_assert_cmpint(ids[1].v, >, ids[0].v);
    g_assert_true(kft_store_remove_configs(scene->store, ids, 2, &error));
    /* Gone already: no error. */
    g_assert_true(kft_store_remove_configs(scene->store, ids, 2, &error));
    reopen(scene);
    g_assert_cmpint(kft_test_store_add(scene->store, "c", 8003).v, >, ids[1].v);
    expect_aliases(scene, "c");
}

static void move(Scene *scene, const char *aliases, const char *before, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = kft_store_list_configs(scene->store, &error);
    g_auto(GStrv) names = g_strsplit(aliases, " ", -1);
    KftConfigId ids[8] = {{0}};
    KftConfigId target = {0};
    size_t n_ids = 0;
    for (size_t i = 0; names[i] != NULL; i++) {
        for (size_t k = 0; k < configs->len; k++) {
            const KftConfig *config = configs->pdata[k];
            if (strcmp(config->alias, names[i]) == 0)
                ids[n_ids++] = config->id;
            if (before != NULL && strcmp(config->alias, before) == 0)
                target = config->id;
        }
    }
    (void)kft_store_move_configs(scene->store, ids, n_ids, target, &error);
    g_assert_no_error(error);
    expect_aliases(scene, expected);
}

static void test_order(Scene *scene, gconstpointer data)
{
    static const char *const aliases[] = {"a", "b", "c", "d", "e"};
    g_autoptr(GError) error = NULL;
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
        (void)kft_test_store_add(scene->store, aliases[i], 8080);
    expect_aliases(scene, "a b c d e");
    move(scene, "e", "a", "e a b c d");
    move(scene, "d a", "c", "e b d a c");
    move(scene, "e", NULL, "b d a c e");
    move(scene, "c", "c", "b d a c e");
    move(scene, "d a", "a", "b d a c e");
    move(scene, "b b", NULL, "d a c e b");
    reopen(scene);
    expect_aliases(scene, "d a c e b");
    (void)kft_test_store_add(scene->store, "f", 8080);
    expect_aliases(scene, "d a c e b f");
    /* One that is gone is skipped; a place that is gone is told. */
    g_assert_true(kft_store_move_configs(scene->store, (KftConfigId[]){{99}, {6}}, 2,
                                         (KftConfigId){4}, &error));
    expect_aliases(scene, "f d a c e b");
    g_assert_false(
        kft_store_move_configs(scene->store, (KftConfigId[]){{6}}, 1, (KftConfigId){99}, &error));
    kft_test_take_error(&error, KFT_ERROR_NOT_FOUND, "99", "no config");
}

/* --- what is filled in --- */

static void test_filling_in(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftConfig) first = kft_test_config_new(NULL, 0);
    g_autoptr(KftConfig) second = kft_test_config_new(NULL, 0);
    (void)data;
    g_assert_true(kft_store_add_config(scene->store, first, &error));
    g_assert_true(kft_store_add_config(scene->store, second, &error));
    g_assert_no_error(error);
    g_assert_nonnull(first->alias);
    g_assert_cmpint(first->local_port, >=, 1024);
    g_assert_cmpint(first->local_port, !=, second->local_port);
    /* Kept from then on. */
    g_autoptr(KftConfig) stored = kft_store_get_config(scene->store, first->id, &error);
    g_assert_true(kft_config_equal(stored, first));
    /* Asked for again. */
    uint16_t old = first->local_port;
    first->local_port = 0;
    g_assert_true(kft_store_update_config(scene->store, first, &error));
    g_assert_cmpint(first->local_port, !=, 0);
    g_assert_cmpint(first->local_port, !=, old);
    /* What is stored is what the caller has: without what a service has no use for. */
    first->target = g_strdup("app=web");
    g_assert_true(kft_store_update_config(scene->store, first, &error));
    g_assert_null(first->target);
}

/* Binds as a server does; the port is in @port. */
static int occupy(int type, uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    g_assert_cmpint(fd, >=, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, size), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &size), ==, 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* The chooser is made to have one port left, which is then occupied. */
static void test_occupied_port(gconstpointer data)
{
    KftProtocol protocol = *(const KftProtocol *)data;
    uint16_t port = 0;
    int fd = occupy(protocol == KFT_PROTOCOL_UDP ? SOCK_DGRAM : SOCK_STREAM, &port);
    g_autoptr(KftPortChooser) chooser = kft_port_chooser_new();
    for (unsigned i = 1; i <= UINT16_MAX; i++) {
        if (i != port)
            kft_port_chooser_take(chooser, (uint16_t)i);
    }
    g_assert_cmpuint(kft_port_chooser_choose(chooser, NULL, protocol), ==, 0);
    g_assert_cmpuint(kft_port_chooser_choose(chooser, "localhost", protocol), ==, 0);
    (void)close(fd);
    g_assert_cmpuint(kft_port_chooser_choose(chooser, NULL, protocol), ==, port);
    /* Taken now. */
    g_assert_cmpuint(kft_port_chooser_choose(chooser, NULL, protocol), ==, 0);
}

/* An address that is not this machine's is no reason to refuse a config. */
static void test_absent_address(void)
{
    g_autoptr(KftPortChooser) chooser = kft_port_chooser_new();
    g_assert_cmpuint(kft_port_chooser_choose(chooser, "192.0.2.1", KFT_PROTOCOL_TCP), !=, 0);
    g_assert_cmpuint(kft_port_chooser_choose(chooser, "2001:db8::1", KFT_PROTOCOL_TCP), !=, 0);
}

/* --- many --- */

static void test_many(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    g_autoptr(GHashTable) ports = g_hash_table_new(NULL, NULL);
    g_autoptr(GTimer) timer = g_timer_new();
    (void)data;
    for (size_t i = 0; i < N_MANY; i++)
        g_ptr_array_add(configs, kft_test_config_new(NULL, 0));
    g_timer_start(timer);
    g_assert_true(
        kft_store_put_configs(scene->store, (KftConfig **)configs->pdata, configs->len, &error));
    g_test_message("%d configs added in %.0f ms", N_MANY, g_timer_elapsed(timer, NULL) * 1000);
    reopen(scene);
    g_timer_start(timer);
    g_autoptr(GPtrArray) stored = kft_store_list_configs(scene->store, &error);
    g_test_message("and listed in %.0f ms", g_timer_elapsed(timer, NULL) * 1000);
    g_assert_no_error(error);
    g_assert_cmpuint(stored->len, ==, N_MANY);
    for (size_t i = 0; i < stored->len; i++) {
        const KftConfig *config = stored->pdata[i];
        g_assert_true(kft_config_equal(config, configs->pdata[i]));
        g_assert_true(g_hash_table_add(ports, GUINT_TO_POINTER((unsigned)config->local_port)));
    }
    KftConfigId last = ((const KftConfig *)stored->pdata[N_MANY - 1])->id;
    KftConfigId first = ((const KftConfig *)stored->pdata[0])->id;
    g_timer_start(timer);
    g_assert_true(kft_store_move_configs(scene->store, &last, 1, first, &error));
    g_test_message("last one moved to the front in %.0f ms", g_timer_elapsed(timer, NULL) * 1000);
    g_timer_start(timer);
    reopen(scene);
    g_test_message("opened in %.0f ms", g_timer_elapsed(timer, NULL) * 1000);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    static const KftProtocol tcp = KFT_PROTOCOL_TCP;
    static const KftProtocol udp = KFT_PROTOCOL_UDP;
    static const struct {
        const char *path;
        void (*func)(Scene *, gconstpointer);
    } tests[] = {
        {"/store/config/columns", test_columns},
        {"/store/config/all-fields", test_all_fields},
        {"/store/config/update", test_update},
        {"/store/config/invalid", test_invalid},
        {"/store/config/strange-row", test_strange_row},
        {"/store/config/ids-are-not-reused", test_ids_are_not_reused},
        {"/store/config/order", test_order},
        {"/store/config/filling-in", test_filling_in},
        {"/store/config/many", test_many},
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Scene, NULL, set_up, tests[i].func, tear_down);
    g_test_add_data_func("/store/config/occupied-port/tcp", &tcp, test_occupied_port);
    g_test_add_data_func("/store/config/occupied-port/udp", &udp, test_occupied_port);
    g_test_add_func("/store/config/absent-address", test_absent_address);
    return g_test_run();
}
