/* A process that writes is killed with SIGKILL at a random moment, again and again. After each time
 * the file opens, is sound, and holds exactly what it held before or after the operation that was
 * going on: the child announces each one before it begins, and says when it is done. Operations
 * follow from a seed, so that the parent knows what each would lead to.
 *
 * KFT_TEST_KILLS: how many times, 300 by default. The seed is GLib's (--seed), and printed. */
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "scene.h"
#include "store/schema.h"
#include "store/statement.h"
#include "store/store-priv.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define MAX_CONFIGS 60
#define MAX_NOTE_BYTES 3000
#define MAX_DELAY_US 4000

static unsigned n_kills = 300;

/* --- what should be in the store --- */

typedef struct {
    int64_t id;
    uint32_t serial; /* alias and note are made from it */
    bool is_wanted;
    uint64_t n_connections;
} Entry;

typedef struct {
    GArray *entries; /* of Entry, in order */
    int64_t next_id;
    unsigned width; /* a setting */
    GRand *random;
} Model;

static void model_init(Model *self, uint32_t seed)
{
    self->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
    self->next_id = 1;
    self->width = 960;
    self->random = g_rand_new_with_seed(seed);
}

static void model_clear(Model *self)
{
    g_array_free(self->entries, TRUE);
    g_rand_free(self->random);
}

static unsigned below(Model *self, unsigned bound)
{
    return (unsigned)g_rand_int_range(self->random, 0, (gint32)bound);
}

static char *make_note(uint32_t serial)
{
    size_t size = 1 + serial % MAX_NOTE_BYTES;
    char *note = g_strnfill(size, (char)('a' + serial % 26));
    return note;
}

static KftConfig *make_config(const Entry *entry)
{
    g_autofree char *alias = g_strdup_printf("c%u", entry->serial);
    KftConfig *config = kft_test_config_new(alias, 8080);
    config->note = make_note(entry->serial);
    config->id.v = entry->id;
    return config;
}

static void append_entry(GString *out, const Entry *entry)
{
    g_autofree char *note = make_note(entry->serial);
    g_string_append_printf(out, "%" G_GINT64_FORMAT " c%u %s %d %" G_GUINT64_FORMAT "\n", entry->id,
                           entry->serial, note, entry->is_wanted, entry->n_connections);
}

static char *model_print(const Model *self)
{
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "%u\n", self->width);
    for (size_t i = 0; i < self->entries->len; i++)
        append_entry(out, &g_array_index(self->entries, Entry, i));
    return g_string_free(out, FALSE);
}

/* --- operations: each is done to the model, and, if there is one, to the store --- */

static void check(bool result, const GError *error)
{
    if (!result)
        g_error("the child: %s", error == NULL ? "no error" : error->message);
}

static KftConfigId id_at(const Model *model, unsigned index)
{
    return (KftConfigId){g_array_index(model->entries, Entry, index).id};
}

static void add_some(Model *model, KftStore *store)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    unsigned n_configs = 1 + below(model, 20);
    for (unsigned i = 0; i < n_configs; i++) {
        Entry entry = {.serial = g_rand_int(model->random)};
        g_ptr_array_add(configs, make_config(&entry));
        entry.id = model->next_id++;
        g_array_append_val(model->entries, entry);
    }
    if (store != NULL)
        check(kft_store_put_configs(store, (KftConfig **)configs->pdata, n_configs, &error), error);
}

static void update_one(Model *model, KftStore *store)
{
    g_autoptr(GError) error = NULL;
    Entry *entry = &g_array_index(model->entries, Entry, below(model, model->entries->len));
    entry->serial = g_rand_int(model->random);
    g_autoptr(KftConfig) config = make_config(entry);
    if (store != NULL)
        check(kft_store_update_config(store, config, &error), error);
}

static void remove_some(Model *model, KftStore *store)
{
    g_autoptr(GError) error = NULL;
    KftConfigId ids[8];
    size_t n_ids = 0;
    for (unsigned i = below(model, G_N_ELEMENTS(ids)); i > 0 && model->entries->len > 0; i--) {
        unsigned index = below(model, model->entries->len);
        ids[n_ids++] = id_at(model, index);
        g_array_remove_index(model->entries, index);
    }
    if (store != NULL)
        check(kft_store_remove_configs(store, ids, n_ids, &error), error);
}

static void move_one(Model *model, KftStore *store)
{
    g_autoptr(GError) error = NULL;
    unsigned from = below(model, model->entries->len);
    unsigned to = below(model, model->entries->len);
    Entry entry = g_array_index(model->entries, Entry, from);
    KftConfigId id = {entry.id};
    g_array_remove_index(model->entries, from);
    KftConfigId before = to < model->entries->len ? id_at(model, to) : (KftConfigId){0};
    g_array_insert_val(model->entries, to, entry);
    if (store != NULL)
        check(kft_store_move_configs(store, &id, 1, before, &error), error);
}

static void set_width(Model *model, KftStore *store)
{
    g_autoptr(GError) error = NULL;
    model->width = 1 + below(model, 30000);
    g_autofree char *text = g_strdup_printf("%u", model->width);
    if (store != NULL)
        check(kft_store_set_setting(store, KFT_SETTING_WINDOW_WIDTH, text, &error), error);
}

static void claim_one(Model *model, KftStore *store)
{
    g_autoptr(GError) error = NULL;
    Entry *entry = &g_array_index(model->entries, Entry, below(model, model->entries->len));
    entry->is_wanted = true;
    if (store != NULL)
        check(kft_store_claim(store, (KftConfigId){entry->id}, &error), error);
}

static void count_one(Model *model, KftStore *store)
{
    g_autoptr(GError) error = NULL;
    Entry *entry = &g_array_index(model->entries, Entry, below(model, model->entries->len));
    KftTraffic delta = {.config = {entry->id}, .n_connections = 1 + below(model, 9)};
    entry->n_connections += delta.n_connections;
    if (store != NULL)
        check(kft_store_add_traffic(store, &delta, &error), error);
}

/* @store: NULL = only the model. */
static void operate(Model *model, KftStore *store)
{
    static void (*const operations[])(Model *, KftStore *) = {
        add_some, update_one, remove_some, move_one, set_width, claim_one, count_one};
    unsigned choice = below(model, G_N_ELEMENTS(operations));
    if (model->entries->len == 0)
        choice = 0;
    else if (model->entries->len > MAX_CONFIGS)
        choice = 2;
    operations[choice](model, store);
}

/* --- what is in the store --- */

static Entry *find_entry(GArray *entries, int64_t id)
{
    for (size_t i = 0; i < entries->len; i++) {
        if (g_array_index(entries, Entry, i).id == id)
            return &g_array_index(entries, Entry, i);
    }
    g_error("something belongs to the config %d, which is not there", (int)id);
}

static void read_entries(KftStore *store, GArray *entries)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = kft_store_list_configs(store, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) states = kft_store_list_run_states(store, &error);
    g_assert_no_error(error);
    g_autoptr(GArray) totals = kft_store_list_traffic(store, &error);
    g_assert_no_error(error);
    for (size_t i = 0; i < configs->len; i++) {
        const KftConfig *config = configs->pdata[i];
        uint64_t serial = 0;
        g_assert_true(kft_parse_uint(config->alias + 1, 0, UINT32_MAX, &serial));
        Entry entry = {.id = config->id.v, .serial = (uint32_t)serial};
        g_autofree char *note = make_note(entry.serial);
        g_assert_cmpstr(config->note, ==, note);
        g_array_append_val(entries, entry);
    }
    for (size_t i = 0; i < states->len; i++) {
        const KftRunState *state = states->pdata[i];
        g_assert_cmpint(state->owner_pid, ==, 0); /* it was killed */
        find_entry(entries, state->config.v)->is_wanted = state->is_wanted;
    }
    for (size_t i = 0; i < totals->len; i++) {
        KftTraffic total = g_array_index(totals, KftTraffic, i);
        find_entry(entries, total.config.v)->n_connections = total.n_connections;
    }
}

static void check_integrity(KftStore *store)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftStatement) statement =
        kft_statement_new(store->database, "PRAGMA integrity_check");
    g_assert_true(kft_statement_next(statement));
    g_assert_cmpstr(kft_statement_text(statement, 0), ==, "ok");
    (void)kft_statement_finish(statement, &error);
    g_assert_no_error(error);
}

static char *store_print(const char *folder)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftStore) store = kft_test_store_open(folder);
    check_integrity(store);
    Model found = {.entries = g_array_new(FALSE, FALSE, sizeof(Entry))};
    read_entries(store, found.entries);
    g_autofree char *width = kft_store_get_setting(store, KFT_SETTING_WINDOW_WIDTH, &error);
    uint64_t number = 0;
    g_assert_true(kft_parse_uint(width, 0, UINT32_MAX, &number));
    found.width = (unsigned)number;
    char *text = model_print(&found);
    g_array_free(found.entries, TRUE);
    return text;
}

/* --- the child and its end --- */

static void wait_us(unsigned us)
{
    struct timespec rest = {.tv_nsec = us * 1000L};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        continue;
}

static void say(int fd, char byte)
{
    if (write(fd, &byte, 1) != 1)
        _exit(1);
}

/* Checkpoints, which otherwise come every thousand pages, come often. */
G_NORETURN static void run_child(const char *folder, Model *model, int fd)
{
    g_autoptr(GError) error = NULL;
    KftStore *store = kft_store_open(folder, &error);
    check(store != NULL, error);
    check(kft_database_exec(store->database, "PRAGMA wal_autocheckpoint = 20", &error), error);
    for (;;) {
        say(fd, 'b');
        operate(model, store);
        say(fd, 'e');
    }
}

typedef struct {
    pid_t pid;
    int fd;
} Child;

static void child_start(Child *self, const char *folder, Model *model)
{
    int ends[2];
    g_assert_cmpint(pipe(ends), ==, 0);
    self->pid = fork();
    g_assert_cmpint(self->pid, >=, 0);
    if (self->pid == 0) {
        (void)close(ends[0]);
        run_child(folder, model, ends[1]);
    }
    (void)close(ends[1]);
    self->fd = ends[0];
}

static void child_kill(const Child *self)
{
    int status = 0;
    g_assert_cmpint(kill(self->pid, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(self->pid, &status, 0), ==, self->pid);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* Waits until @n_begun operations have begun (0 = not even for the opening), and a little more;
 * counts how many were begun and ended by then. */
static void child_end(const Child *self, unsigned n_begun, unsigned delay_us, unsigned counts[2])
{
    char byte = 0;
    counts[0] = counts[1] = 0;
    while (counts[0] < n_begun && read(self->fd, &byte, 1) == 1)
        counts[byte == 'e']++;
    g_assert_cmpuint(counts[0], ==, n_begun);
    wait_us(delay_us);
    child_kill(self);
    while (read(self->fd, &byte, 1) == 1)
        counts[byte == 'e']++;
    (void)close(self->fd);
}

static void kill_once(const char *folder, Model *model, unsigned round)
{
    Child child;
    unsigned counts[2];
    child_start(&child, folder, model);
    child_end(&child, (unsigned)g_test_rand_int_range(0, 6),
              (unsigned)g_test_rand_int_range(0, MAX_DELAY_US), counts);
    for (unsigned i = 0; i < counts[1]; i++)
        operate(model, NULL);
    g_autofree char *found = store_print(folder);
    g_autofree char *before = model_print(model);
    if (strcmp(found, before) == 0 && counts[0] == counts[1])
        return;
    if (strcmp(found, before) == 0) {
        /* The one that was cut off did not happen; the next child begins with another. */
        g_rand_set_seed(model->random, g_rand_int(model->random) + round);
        return;
    }
    g_assert_cmpuint(counts[0], ==, counts[1] + 1);
    operate(model, NULL);
    g_autofree char *after = model_print(model);
    if (strcmp(found, after) != 0)
        g_error("round %u: neither the old nor the new state\n--- found\n%s--- old\n%s--- new\n%s",
                round, found, before, after);
}

static void test_operations(void)
{
    char *folder = kft_test_folder_new();
    Model model;
    model_init(&model, (uint32_t)g_test_rand_int());
    for (unsigned round = 0; round < n_kills; round++)
        kill_once(folder, &model, round);
    g_test_message("%u kills, %" G_GINT64_FORMAT " configs made", n_kills, model.next_id - 1);
    model_clear(&model);
    kft_test_folder_free(folder);
}

/* --- killed while the file is made, or migrated --- */

static void test_creation(void)
{
    for (unsigned round = 0; round < n_kills / 5; round++) {
        char *folder = kft_test_folder_new();
        Child child;
        unsigned counts[2];
        Model model;
        model_init(&model, round);
        child_start(&child, folder, &model);
        child_end(&child, 0, (unsigned)g_test_rand_int_range(0, 3 * MAX_DELAY_US), counts);
        g_autofree char *found = store_print(folder);
        if (counts[0] == 0)
            g_assert_cmpstr(found, ==, "960\n");
        model_clear(&model);
        kft_test_folder_free(folder);
    }
}

static const char *const steps[] = {
    "CREATE TABLE a (x TEXT NOT NULL) STRICT;",
    "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 5; UPDATE a SET x = x || '!';",
};

static pid_t start_migration(const char *path)
{
    pid_t pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        g_autoptr(GError) error = NULL;
        KftDatabase *database = kft_database_open(path, &error);
        check(database != NULL, error);
        check(kft_schema_prepare(database, steps, 2, &error), error);
        for (;;)
            (void)pause();
    }
    return pid;
}

static void test_migration(void)
{
    static const char sum[] = "SELECT count(*) FROM a WHERE x LIKE 'row %!'";
    static const char count[] = "SELECT count(*) FROM a WHERE x LIKE 'row %'";
    unsigned n_migrated = 0;
    for (unsigned round = 0; round < n_kills / 5; round++) {
        char *folder = kft_test_folder_new();
        g_autofree char *path = kft_test_folder_dup_path(folder);
        g_autofree char *backup = g_strconcat(path, ".v1-backup", NULL);
        kft_test_sql(path, "PRAGMA application_id = 0x4b465452; PRAGMA user_version = 1;"
                           "CREATE TABLE a (x TEXT NOT NULL) STRICT;"
                           "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                           " WHERE i < 2000) INSERT INTO a SELECT 'row ' || i FROM n");
        Child child = {.pid = start_migration(path)};
        wait_us((unsigned)g_test_rand_int_range(0, 12 * MAX_DELAY_US));
        child_kill(&child);
        int64_t version = kft_test_sql_number(path, "PRAGMA user_version");
        g_assert_true(version == 1 || version == 2);
        g_assert_cmpint(kft_test_sql_number(path, count), ==, 2000);
        g_assert_cmpint(kft_test_sql_number(path, sum), ==, version == 1 ? 0 : 2000);
        /* A copy is there before anything changes, and is whole if it is there. */
        g_assert_true(version == 1 || g_file_test(backup, G_FILE_TEST_EXISTS));
        if (g_file_test(backup, G_FILE_TEST_EXISTS))
            g_assert_cmpint(kft_test_sql_number(backup, count), ==, 2000);
        n_migrated += version == 2;
        /* What was interrupted is done by the next one. */
        g_autoptr(GError) error = NULL;
        g_autoptr(KftDatabase) database = kft_database_open(path, &error);
        (void)kft_schema_prepare(database, steps, 2, &error);
        g_assert_no_error(error);
        g_clear_pointer(&database, kft_database_close);
        g_assert_cmpint(kft_test_sql_number(path, sum), ==, 2000);
        kft_test_folder_free(folder);
    }
    g_test_message("%u of %u were migrated before the kill", n_migrated, n_kills / 5);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    uint64_t number = 0;
    g_test_init(&argc, &argv, NULL);
    if (kft_parse_uint(g_getenv("KFT_TEST_KILLS") == NULL ? "" : g_getenv("KFT_TEST_KILLS"), 1,
                       1000000, &number))
        n_kills = (unsigned)number;
    g_test_add_func("/store/kill/operations", test_operations);
    g_test_add_func("/store/kill/creation", test_creation);
    g_test_add_func("/store/kill/migration", test_migration);
    return g_test_run();
}
