/* Reading upstream's database: what its rows become, in which states the file may be, and that
 * nothing is left beside it. */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"
#include "store/database.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

typedef struct {
    char *folder;
    char *path;
} Scene;

static void set_up(Scene *scene, gconstpointer data)
{
    (void)data;
    scene->folder = kft_test_folder_new();
    scene->path = g_build_filename(scene->folder, "configs.db", NULL);
}

static void tear_down(Scene *scene, gconstpointer data)
{
    (void)data;
    g_free(scene->path);
    kft_test_folder_free(scene->folder);
}

/* The schema of upstream 0.27, as far as it matters here, and three rows. */
static const char schema[] =
    "CREATE TABLE configs (id INTEGER PRIMARY KEY, data TEXT NOT NULL);"
    "CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "INSERT INTO configs VALUES"
    " (3, '{\"id\":3,\"service\":\"web\",\"namespace\":\"shop\",\"local_port\":8080,"
    "\"remote_port\":80,\"context\":\"current-context\",\"workload_type\":\"service\","
    "\"protocol\":\"tcp\",\"remote_address\":\"default-remote-address\","
    "\"local_address\":\"127.0.0.1\",\"auto_loopback_address\":false,\"alias\":\"web\","
    "\"domain_enabled\":\"false\",\"kubeconfig\":\"default\",\"target\":\"default-target\","
    "\"http_logs_enabled\":null,\"later\":{\"b\":[1]}}'),"
    " (7, '{\"service\":\"default-service\",\"namespace\":\"shop\",\"remote_port\":5432,"
    "\"local_port\":5432,\"context\":\"prod\",\"workload_type\":\"proxy\",\"protocol\":\"tcp\","
    "\"remote_address\":\"db.example.com\",\"alias\":\"db\"}'),"
    " (9, '{\"service\":\"dns\",\"namespace\":\"kube-system\",\"remote_port\":53,"
    "\"local_port\":5353,\"workload_type\":\"service\",\"protocol\":\"udp\"}');";

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Name and size of all files, and the time of the last change. */
static char *describe_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    const char *name = NULL;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(folder, name, NULL);
        GStatBuf info;
        g_assert_cmpint(g_stat(file, &info), ==, 0);
        g_ptr_array_add(lines, g_strdup_printf("%s %d %d.%ld\n", name, (int)info.st_size,
                                               (int)info.st_mtim.tv_sec, info.st_mtim.tv_nsec));
    }
    g_ptr_array_sort(lines, compare_lines);
    g_ptr_array_add(lines, NULL);
    return g_strjoinv("", (char **)lines->pdata);
}

static GPtrArray *read_all(Scene *scene, GPtrArray **ret_skipped)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *before = describe_folder(scene->folder);
    GPtrArray *configs = kft_upstream_read_configs(scene->path, ret_skipped, &error);
    g_assert_no_error(error);
    g_autofree char *after = describe_folder(scene->folder);
    g_assert_cmpstr(before, ==, after);
    return configs;
}

static void expect_three(Scene *scene)
{
    g_autoptr(GPtrArray) skipped = NULL;
    g_autoptr(GPtrArray) configs = read_all(scene, &skipped);
    g_assert_cmpuint(skipped->len, ==, 0);
    g_assert_cmpuint(configs->len, ==, 3);
    g_assert_cmpstr(((const KftConfig *)configs->pdata[2])->service, ==, "dns");
}

static void test_rows(Scene *scene, gconstpointer data)
{
    g_autoptr(GPtrArray) skipped = NULL;
    (void)data;
    kft_test_sql(scene->path, schema);
    g_autoptr(GPtrArray) configs = read_all(scene, &skipped);
    g_assert_cmpuint(configs->len, ==, 3);
    g_assert_cmpuint(skipped->len, ==, 0);
    const KftConfig *web = configs->pdata[0];
    g_autoptr(KftConfig) expected = kft_test_config_new("web", 8080);
    expected->extra = g_strdup("{\"later\":{\"b\":[1]}}");
    g_auto(GStrv) differing = kft_config_diff(web, expected);
    g_assert_cmpstr(differing[0], ==, NULL);
    g_assert_cmpint(web->id.v, ==, 0);
    const KftConfig *db = configs->pdata[1];
    g_assert_cmpint(db->workload_type, ==, KFT_WORKLOAD_TYPE_PROXY);
    g_assert_cmpstr(db->remote_address, ==, "db.example.com");
    g_assert_cmpstr(db->context, ==, "prod");
    g_assert_null(db->service);
    const KftConfig *dns = configs->pdata[2];
    g_assert_cmpint(dns->protocol, ==, KFT_PROTOCOL_UDP);
    g_assert_null(dns->alias);
    g_assert_null(dns->extra);
}

static void test_bad_rows(Scene *scene, gconstpointer data)
{
    g_autoptr(GPtrArray) skipped = NULL;
    (void)data;
    kft_test_sql(scene->path, schema);
    kft_test_sql(scene->path, "INSERT INTO configs VALUES (20, 'no JSON'), (21, '[]'), (22, x'ff'),"
                              " (23, '{\"namespace\":\"x\"}'), (24, '{\"local_port\":70000}'),"
                              " (25, 'null'), (26, 5), (27, '')");
    g_autoptr(GPtrArray) configs = read_all(scene, &skipped);
    g_assert_cmpuint(configs->len, ==, 3);
    g_assert_cmpuint(skipped->len, ==, 8);
    for (unsigned i = 0; i < skipped->len; i++) {
        const char *sentence = skipped->pdata[i];
        g_autofree char *start = g_strdup_printf("config %u: ", 20 + i);
        g_test_message("%s", sentence);
        g_assert_true(g_str_has_prefix(sentence, start));
        g_assert_null(strpbrk(sentence, "\r\n"));
    }
}

/* --- states of the file --- */

static void test_log_without_users(Scene *scene, gconstpointer data)
{
    (void)data;
    kft_test_sql(scene->path, "PRAGMA journal_mode = WAL");
    kft_test_sql(scene->path, schema);
    /* Our own connection leaves its log: a file as after a crash. */
    expect_three(scene);
    /* Without the index. */
    g_autofree char *shm = g_strconcat(scene->path, "-shm", NULL);
    g_assert_cmpint(g_unlink(shm), ==, 0);
    expect_three(scene);
    /* Closed in an orderly way: no log. */
    g_autoptr(GError) error = NULL;
    KftDatabase *database = kft_database_open(scene->path, &error);
    g_assert_true(kft_database_use_wal(database, &error));
    kft_database_close(database);
    g_assert_false(g_file_test(shm, G_FILE_TEST_EXISTS));
    expect_three(scene);
}

/* While another connection has it open and has written to it. */
static void expect_three_while_used(Scene *scene, const char *mode)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftDatabase) database = kft_database_open(scene->path, &error);
    g_assert_true(kft_database_exec(database, mode, &error));
    g_assert_true(kft_database_exec(database, schema, &error));
    expect_three(scene);
    /* In the middle of a transaction: the state before it. */
    g_assert_true(kft_database_exec(database, "BEGIN IMMEDIATE; DELETE FROM configs", &error));
    expect_three(scene);
    g_assert_true(kft_database_exec(database, "COMMIT", &error));
}

static void test_used_log(Scene *scene, gconstpointer data)
{
    (void)data;
    expect_three_while_used(scene, "PRAGMA journal_mode = WAL");
}

static void test_used_journal(Scene *scene, gconstpointer data)
{
    (void)data;
    expect_three_while_used(scene, "PRAGMA journal_mode = DELETE");
}

/* A process that dies after it wrote into the file and before its commit: the file is only good
 * together with its journal. */
static void test_hot_journal(Scene *scene, gconstpointer data)
{
    (void)data;
    kft_test_sql(scene->path, schema);
    pid_t pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        KftDatabase *database = kft_database_open(scene->path, NULL);
        /* A cache of one page: what is changed is written at once. */
        bool is_done =
            kft_database_exec(database,
                              "PRAGMA cache_size = 1; BEGIN; DELETE FROM configs;"
                              "CREATE TABLE big (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"
                              " SELECT i + 1 FROM n WHERE i < 200)"
                              " INSERT INTO big SELECT randomblob(2000) FROM n",
                              NULL);
        _exit(is_done ? 0 : 1);
    }
    int status = -1;
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    g_autofree char *journal = g_strconcat(scene->path, "-journal", NULL);
    g_assert_true(g_file_test(journal, G_FILE_TEST_EXISTS));
    expect_three(scene);
    g_assert_true(g_file_test(journal, G_FILE_TEST_EXISTS));
}

/* --- files that are none --- */

static void expect_error(Scene *scene, KftErrorCode code, const char *words)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *skipped = NULL;
    g_assert_null(kft_upstream_read_configs(scene->path, &skipped, &error));
    g_assert_null(skipped);
    kft_test_take_error(&error, code, scene->path, words);
}

static void test_refused(Scene *scene, gconstpointer data)
{
    (void)data;
    expect_error(scene, KFT_ERROR_NOT_FOUND, "does not exist");
    g_assert_true(g_file_set_contents(scene->path, "no database at all", -1, NULL));
    expect_error(scene, KFT_ERROR_STORAGE, "not a database");
    g_assert_cmpint(g_unlink(scene->path), ==, 0);
    kft_test_sql(scene->path, "CREATE TABLE configs (id INTEGER)");
    expect_error(scene, KFT_ERROR_STORAGE, "no table");
    /* What never ends. */
    kft_test_sql(scene->path, "DROP TABLE configs; CREATE VIEW configs AS WITH RECURSIVE n (i) AS"
                              " (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                              " SELECT i AS id, 'x' AS data FROM n WHERE i < 0");
    expect_error(scene, KFT_ERROR_STORAGE, "cannot be read: interrupted");
}

/* "?", "#", "%" and letters beyond ASCII mean something in a URI. */
static void test_strange_name(Scene *scene, gconstpointer data)
{
    (void)data;
    g_free(scene->path);
    scene->path = g_build_filename(scene->folder, "a?mode=rw#%41 \xc3\xbc.db", NULL);
    kft_test_sql(scene->path, schema);
    expect_three(scene);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Scene *, gconstpointer);
    } tests[] = {
        {"/store/upstream/rows", test_rows},
        {"/store/upstream/bad-rows", test_bad_rows},
        {"/store/upstream/log-without-users", test_log_without_users},
        {"/store/upstream/used-log", test_used_log},
        {"/store/upstream/used-journal", test_used_journal},
        {"/store/upstream/hot-journal", test_hot_journal},
        {"/store/upstream/refused", test_refused},
        {"/store/upstream/strange-name", test_strange_name},
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Scene, NULL, set_up, tests[i].func, tear_down);
    return g_test_run();
}
