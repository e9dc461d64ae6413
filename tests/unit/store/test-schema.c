/* Which files are opened, migrated or refused, and with which rights. */
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"
#include "store/schema.h"
#include "store/store-priv.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define NOBODY 65534

typedef struct {
    char *folder;
    char *path;
} Scene;

static void set_up(Scene *scene, gconstpointer data)
{
    (void)data;
    scene->folder = kft_test_folder_new();
    scene->path = kft_test_folder_dup_path(scene->folder);
}

static void tear_down(Scene *scene, gconstpointer data)
{
    (void)data;
    g_free(scene->path);
    kft_test_folder_free(scene->folder);
}

static void write_file(const char *path, const char *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    (void)g_file_set_contents(path, data, (gssize)size, &error);
    g_assert_no_error(error);
}

static GBytes *read_file(const char *path)
{
    g_autoptr(GError) error = NULL;
    char *data = NULL;
    gsize size = 0;
    (void)g_file_get_contents(path, &data, &size, &error);
    g_assert_no_error(error);
    return g_bytes_new_take(data, size);
}

/* The store refuses the file, and not a byte of it changes. */
static void expect_refused(Scene *scene, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) before = read_file(scene->path);
    g_assert_null(kft_store_open(scene->folder, &error));
    kft_test_take_error(&error, KFT_ERROR_STORAGE, scene->path, words);
    g_autoptr(GBytes) after = read_file(scene->path);
    g_assert_true(g_bytes_equal(before, after));
}

static void fill(Scene *scene, size_t n_configs)
{
    g_autoptr(KftStore) store = kft_test_store_open(scene->folder);
    for (size_t i = 0; i < n_configs; i++) {
        g_autofree char *alias = g_strdup_printf("c%zu", i);
        (void)kft_test_store_add(store, alias, 8080);
    }
}

/* --- rights --- */

static unsigned mode_of(const char *path)
{
    struct stat info;
    g_assert_cmpint(stat(path, &info), ==, 0);
    return info.st_mode & 07777;
}

static void expect_private(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name = NULL;
    unsigned n_files = 0;
    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(folder, name, NULL);
        if (mode_of(file) != 0600)
            g_error("%s has mode %o", file, mode_of(file));
        n_files++;
    }
    g_assert_cmpuint(n_files, ==, 3); /* the log and its index, too */
}

static void test_rights(Scene *scene, gconstpointer data)
{
    static const mode_t masks[] = {0, 022, 077, 0277, 0777};
    (void)data;
    for (size_t i = 0; i < G_N_ELEMENTS(masks); i++) {
        g_autofree char *folder = g_strdup_printf("%s/made-%zu", scene->folder, i);
        mode_t old = umask(masks[i]);
        g_autoptr(KftStore) store = kft_test_store_open(folder);
        (void)kft_test_store_add(store, "web", 8080);
        (void)umask(old);
        g_assert_cmpuint(mode_of(folder), ==, 0700);
        expect_private(folder);
    }
}

/* A file that was made readable becomes private again; a folder that exists is not ours to change.
 */
static void test_rights_are_mended(Scene *scene, gconstpointer data)
{
    (void)data;
    fill(scene, 1);
    g_assert_cmpint(g_chmod(scene->path, 0644), ==, 0);
    g_assert_cmpint(g_chmod(scene->folder, 0755), ==, 0);
    g_autoptr(KftStore) store = kft_test_store_open(scene->folder);
    (void)kft_test_store_add(store, "web", 8080);
    expect_private(scene->folder);
    g_assert_cmpuint(mode_of(scene->folder), ==, 0755);
}

static void test_default_folder(Scene *scene, gconstpointer data)
{
    (void)data;
    g_autofree char *expected = g_build_filename(scene->folder, "kftray", NULL);
    g_setenv("KFTRAY_CONFIG", "", TRUE);
    g_setenv("XDG_CONFIG_HOME", scene->folder, TRUE);
    g_autofree char *by_xdg = kft_store_dup_default_dir();
    g_assert_cmpstr(by_xdg, ==, expected);
    g_setenv("XDG_CONFIG_HOME", "relative", TRUE);
    g_autofree char *by_home = kft_store_dup_default_dir();
    g_assert_true(g_str_has_suffix(by_home, "/.config/kftray"));
    g_setenv("KFTRAY_CONFIG", scene->folder, TRUE);
    g_autofree char *by_own = kft_store_dup_default_dir();
    g_assert_cmpstr(by_own, ==, scene->folder);
    g_autoptr(KftStore) store = kft_test_store_open(NULL);
    g_assert_cmpstr(kft_store_get_path(store), ==, scene->path);
    g_unsetenv("KFTRAY_CONFIG");
}

static void test_no_folder(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    (void)data;
    write_file(scene->path, "", 0);
    g_assert_null(kft_store_open(scene->path, &error));
    kft_test_take_error(&error, KFT_ERROR_STORAGE, scene->path, "cannot be made");
    /* A folder where the file should be. */
    g_autofree char *folder = g_build_filename(scene->folder, "other", NULL);
    g_autofree char *file = kft_test_folder_dup_path(folder);
    g_assert_cmpint(g_mkdir_with_parents(file, 0700), ==, 0);
    g_assert_null(kft_store_open(folder, &error));
    kft_test_take_error(&error, KFT_ERROR_STORAGE, file, "cannot be opened");
}

/* Rights do not bind root, so it becomes somebody else first, in a child. */
static void run_as_nobody(Scene *scene, void (*func)(Scene *))
{
    if (getuid() == 0)
        g_assert_cmpint(chown(scene->folder, NOBODY, NOBODY), ==, 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
            _exit(1);
        func(scene);
        _exit(0);
    }
    int status = -1;
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
}

static void check_read_only(Scene *scene)
{
    g_autoptr(GError) error = NULL;
    /* No file yet. */
    g_assert_cmpint(g_chmod(scene->folder, 0500), ==, 0);
    g_assert_null(kft_store_open(scene->folder, &error));
    kft_test_take_error(&error, KFT_ERROR_STORAGE, scene->path, "writable");
    /* A folder in which no log can be made. */
    g_assert_cmpint(g_chmod(scene->folder, 0700), ==, 0);
    fill(scene, 1);
    g_assert_cmpint(g_chmod(scene->folder, 0500), ==, 0);
    expect_refused(scene, "writable");
    /* A file that cannot be written. */
    g_assert_cmpint(g_chmod(scene->folder, 0700), ==, 0);
    g_assert_cmpint(g_chmod(scene->path, 0400), ==, 0);
    expect_refused(scene, "writable");
    g_assert_cmpint(g_chmod(scene->path, 0600), ==, 0);
    g_autoptr(KftStore) store = kft_test_store_open(scene->folder);
    g_autofree char *aliases = kft_test_store_dup_aliases(store);
    g_assert_cmpstr(aliases, ==, "c0");
}

static void test_read_only(Scene *scene, gconstpointer data)
{
    (void)data;
    run_as_nobody(scene, check_read_only);
}

/* --- files that are refused --- */

static void test_damaged(Scene *scene, gconstpointer data)
{
    static const char text[] = "These are not the configs that you are looking for.\n";
    (void)data;
    write_file(scene->path, text, sizeof text - 1);
    expect_refused(scene, "damaged");
    g_assert_cmpint(g_unlink(scene->path), ==, 0);

    fill(scene, 200);
    g_autoptr(GBytes) good = read_file(scene->path);
    size_t size = g_bytes_get_size(good);
    g_assert_cmpuint(size, >, 8 * 4096);
    /* Whole pages of rubbish, at every page behind the first. */
    for (size_t page = 1; page < size / 4096; page++) {
        g_autofree char *bad = g_memdup2(g_bytes_get_data(good, NULL), size);
        memset(bad + page * 4096, 0xa5, 4096);
        write_file(scene->path, bad, size);
        expect_refused(scene, "damaged");
    }
    /* Cut off. */
    write_file(scene->path, g_bytes_get_data(good, NULL), size / 2);
    expect_refused(scene, "damaged");
    write_file(scene->path, g_bytes_get_data(good, NULL), size);
    kft_store_close(kft_test_store_open(scene->folder));
}

static void test_newer(Scene *scene, gconstpointer data)
{
    (void)data;
    fill(scene, 1);
    kft_test_sql(scene->path, "PRAGMA user_version = 1000");
    expect_refused(scene, "newer kftray (format 1000");
}

static void test_foreign(Scene *scene, gconstpointer data)
{
    (void)data;
    kft_test_sql(scene->path, "CREATE TABLE configs (id INTEGER PRIMARY KEY, data TEXT NOT NULL);"
                              "INSERT INTO configs (data) VALUES ('{}')");
    expect_refused(scene, "another program");
    kft_test_sql(scene->path, "PRAGMA application_id = 42; PRAGMA user_version = 1");
    expect_refused(scene, "another program");
}

static void test_empty_file(Scene *scene, gconstpointer data)
{
    (void)data;
    write_file(scene->path, "", 0);
    kft_store_close(kft_test_store_open(scene->folder));
    g_assert_cmpint(kft_test_sql_number(scene->path, "PRAGMA application_id"), ==,
                    KFT_SCHEMA_APPLICATION_ID);
    g_assert_cmpint(kft_test_sql_number(scene->path, "PRAGMA user_version"), ==,
                    (int64_t)kft_n_migrations);
}

/* --- migrations --- */

/* A history of three steps. */
static const char *const steps[] = {
    "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT NOT NULL) STRICT;"
    "CREATE TABLE b (a INTEGER NOT NULL REFERENCES a (id) ON DELETE CASCADE) STRICT;",
    "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 5;",
    /* Rebuilds a table that others refer to. */
    "CREATE TABLE c (id INTEGER PRIMARY KEY, x TEXT NOT NULL, y INTEGER) STRICT;"
    "INSERT INTO c SELECT id, x || '!', y FROM a; DROP TABLE a; ALTER TABLE c RENAME TO a;",
};

static const char old_file[] = "PRAGMA journal_mode = WAL; PRAGMA application_id = 0x4b465452;"
                               "PRAGMA user_version = 1;"
                               "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT NOT NULL) STRICT;"
                               "CREATE TABLE b (a INTEGER NOT NULL REFERENCES a (id)"
                               " ON DELETE CASCADE) STRICT;"
                               "INSERT INTO a VALUES (1, 'one'), (2, 'two');"
                               "INSERT INTO b VALUES (2), (2);";

static void prepare(const char *path, size_t n_steps, GError **error)
{
    g_autoptr(KftDatabase) database = kft_database_open(path, error);
    g_assert_nonnull(database);
    (void)kft_schema_prepare(database, steps, n_steps, error);
}

static void test_migration(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *backup = g_strconcat(scene->path, ".v1-backup", NULL);
    g_autofree char *log = g_strconcat(backup, "-wal", NULL);
    (void)data;
    kft_test_sql(scene->path, old_file);
    prepare(scene->path, 3, &error);
    g_assert_no_error(error);
    g_assert_cmpint(kft_test_sql_number(scene->path, "PRAGMA user_version"), ==, 3);
    g_assert_cmpint(kft_test_sql_number(scene->path, "SELECT sum(y) FROM a WHERE x LIKE '%!'"), ==,
                    10);
    g_assert_cmpint(kft_test_sql_number(scene->path, "SELECT count(*) FROM b"), ==, 2);
    /* The copy is complete, private, and of the old format. */
    g_assert_cmpuint(mode_of(backup), ==, 0600);
    g_assert_false(g_file_test(log, G_FILE_TEST_EXISTS));
    g_assert_cmpint(kft_test_sql_number(backup, "PRAGMA user_version"), ==, 1);
    g_assert_cmpint(kft_test_sql_number(backup, "PRAGMA application_id"), ==,
                    KFT_SCHEMA_APPLICATION_ID);
    g_assert_cmpint(kft_test_sql_number(backup, "SELECT count(*) FROM a JOIN b ON a = id"), ==, 2);
    /* Nothing more is done the next time, nor is a copy ever replaced. */
    g_autoptr(GBytes) before = read_file(backup);
    prepare(scene->path, 3, &error);
    g_assert_no_error(error);
    kft_test_sql(scene->path, "PRAGMA user_version = 1; ALTER TABLE a DROP COLUMN y");
    prepare(scene->path, 3, &error);
    g_assert_no_error(error);
    g_autoptr(GBytes) after = read_file(backup);
    g_assert_true(g_bytes_equal(before, after));
    g_autofree char *second = g_strconcat(backup, "-2", NULL);
    g_assert_cmpint(kft_test_sql_number(second, "PRAGMA user_version"), ==, 1);
}

/* A step that fails: the file is as before, and no copy is left. */
static void test_failed_migration(Scene *scene, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    (void)data;
    kft_test_sql(scene->path, old_file);
    kft_test_sql(scene->path, "CREATE TABLE c (id INTEGER)");
    prepare(scene->path, 3, &error);
    kft_test_take_error(&error, KFT_ERROR_STORAGE, scene->path, "update to format 3");
    g_assert_cmpint(kft_test_sql_number(scene->path, "PRAGMA user_version"), ==, 1);
    g_assert_cmpint(kft_test_sql_number(scene->path, "SELECT count(*) FROM pragma_table_info('a')"),
                    ==, 2);
    g_autofree char *backup = g_strconcat(scene->path, ".v1-backup", NULL);
    g_assert_false(g_file_test(backup, G_FILE_TEST_EXISTS));
    /* Rows that refer to nothing must not survive a migration. */
    kft_test_sql(scene->path, "DROP TABLE c; INSERT INTO b VALUES (77)");
    prepare(scene->path, 3, &error);
    kft_test_take_error(&error, KFT_ERROR_STORAGE, scene->path, "do not exist");
    g_assert_cmpint(kft_test_sql_number(scene->path, "PRAGMA user_version"), ==, 1);
}

/* --- no room --- */

static void expect_no_room(KftStore *store)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftConfig) big = kft_test_config_new("big", 8080);
    g_autoptr(GString) rubbish = g_string_new("{\"x\":\"");
    for (size_t i = 0; i < 60000; i++)
        g_string_append_c(rubbish, (char)('a' + i % 26));
    g_string_append(rubbish, "\"}");
    big->extra = g_strdup(rubbish->str);
    bool is_added = true;
    for (unsigned i = 0; i < 200 && is_added; i++) {
        big->id.v = 0;
        is_added = kft_store_add_config(store, big, &error);
    }
    g_assert_false(is_added);
    kft_test_take_error(&error, KFT_ERROR_STORAGE, kft_store_get_path(store), "full");
    g_assert_cmpint(big->id.v, ==, 0);
}

/* After the failure what was there is there, and small things work again when there is room. */
static void expect_usable(Scene *scene)
{
    g_autoptr(KftStore) store = kft_test_store_open(scene->folder);
    g_autofree char *aliases = kft_test_store_dup_aliases(store);
    g_assert_true(g_str_has_prefix(aliases, "c0 c1 c2"));
    (void)kft_test_store_add(store, "after", 8080);
}

static void test_page_limit(Scene *scene, gconstpointer data)
{
    (void)data;
    fill(scene, 3);
    KftStore *store = kft_test_store_open(scene->folder);
    (void)kft_database_exec(store->database, "PRAGMA max_page_count = 40", NULL);
    expect_no_room(store);
    (void)kft_test_store_add(store, "small", 8080);
    kft_store_close(store);
    expect_usable(scene);
}

static void check_file_limit(Scene *scene)
{
    struct rlimit limit = {400 * 1024, 400 * 1024};
    g_assert_cmpint(g_chmod(scene->folder, 0700), ==, 0);
    fill(scene, 3);
    (void)sigaction(SIGXFSZ, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &limit), ==, 0);
    g_autoptr(KftStore) store = kft_test_store_open(scene->folder);
    expect_no_room(store);
}

static void test_file_limit(Scene *scene, gconstpointer data)
{
    (void)data;
    run_as_nobody(scene, check_file_limit);
    expect_usable(scene);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Scene *, gconstpointer);
    } tests[] = {
        {"/store/schema/rights", test_rights},
        {"/store/schema/rights-are-mended", test_rights_are_mended},
        {"/store/schema/default-folder", test_default_folder},
        {"/store/schema/no-folder", test_no_folder},
        {"/store/schema/read-only", test_read_only},
        {"/store/schema/damaged", test_damaged},
        {"/store/schema/newer", test_newer},
        {"/store/schema/foreign", test_foreign},
        {"/store/schema/empty-file", test_empty_file},
        {"/store/schema/migration", test_migration},
        {"/store/schema/failed-migration", test_failed_migration},
        {"/store/schema/page-limit", test_page_limit},
        {"/store/schema/file-limit", test_file_limit},
    };
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Scene, NULL, set_up, tests[i].func, tear_down);
    return g_test_run();
}
