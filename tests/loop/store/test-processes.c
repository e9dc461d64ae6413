/* Several processes with one store: all writes count, one claim wins, changes wake the others, and
 * a lock is waited for. KFT_TEST_SECONDS: how long the writers write, 5 by default. */
#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/number.h"
#include "namespaces.h"
#include "scene.h"
#include "store/store-priv.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

#define N_WRITERS 3
#define WAIT_MS 60000 /* for what must come */

static unsigned n_seconds = 5;

/* --- children --- */

typedef struct {
    pid_t pid;
    int to;   /* "g" lets it go on, "q" ends it */
    int from; /* what it has to say */
} Child;

typedef struct {
    const char *folder;
    unsigned index;
    int in;
    int out;
} Job;

static void child_start(Child *self, const char *folder, unsigned index, void (*func)(const Job *))
{
    int in[2];
    int out[2];
    g_assert_cmpint(pipe(in), ==, 0);
    g_assert_cmpint(pipe(out), ==, 0);
    self->pid = fork();
    g_assert_cmpint(self->pid, >=, 0);
    if (self->pid == 0) {
        (void)close(in[1]);
        (void)close(out[0]);
        func(&(Job){.folder = folder, .index = index, .in = in[0], .out = out[1]});
        _exit(0);
    }
    (void)close(in[0]);
    (void)close(out[1]);
    self->to = in[1];
    self->from = out[0];
}

static void child_join(const Child *self)
{
    int status = -1;
    /* Closing is no sign: its younger siblings have the descriptor, too. */
    if (write(self->to, "q", 1) != 1)
        g_test_message("child %d has ended already", (int)self->pid);
    g_assert_cmpint(waitpid(self->pid, &status, 0), ==, self->pid);
    g_assert_cmpint(status, ==, 0);
    (void)close(self->to);
    (void)close(self->from);
}

static void say(int fd, const void *data, size_t size)
{
    if (write(fd, data, size) != (ssize_t)size)
        g_error("write: %s", g_strerror(errno));
}

static void hear(int fd, void *data, size_t size)
{
    if (read(fd, data, size) != (ssize_t)size)
        g_error("a child has ended early");
}

/* Says that it is ready, waits until it may go on. False: it shall end. */
static bool meet(const Job *job)
{
    char byte = 'r';
    say(job->out, &byte, 1);
    return read(job->in, &byte, 1) == 1 && byte == 'g';
}

static void let_go(const Child *child)
{
    say(child->to, "g", 1);
}

static void await(const Child *child)
{
    char byte = 0;
    hear(child->from, &byte, 1);
}

/* --- writing at once --- */

typedef struct {
    uint64_t n_added;
    uint64_t n_counted;
    uint64_t n_removed;
} Tally;

static void write_once(const Job *job, KftStore *store, KftConfigId shared, Tally *tally)
{
    g_autoptr(GError) error = NULL;
    KftTraffic delta = {.config = shared, .bytes_up = 10, .n_connections = 1};
    g_autofree char *alias = g_strdup_printf("w%u-%" G_GUINT64_FORMAT, job->index, tally->n_added);
    g_autofree char *height = g_strdup_printf("%" G_GUINT64_FORMAT, 1 + tally->n_added % 30000);
    g_autoptr(KftConfig) kept = kft_test_config_new(alias, 8080);
    g_autoptr(KftConfig) passing = kft_test_config_new("passing", 0);
    while (kft_test_must_repeat(kft_store_add_config(store, kept, &error), &error))
        continue;
    tally->n_added++;
    while (kft_test_must_repeat(kft_store_add_traffic(store, &delta, &error), &error))
        continue;
    tally->n_counted++;
    while (kft_test_must_repeat(
        kft_store_set_setting(store, KFT_SETTING_WINDOW_HEIGHT, height, &error), &error))
        continue;
    while (kft_test_must_repeat(kft_store_add_config(store, passing, &error), &error))
        continue;
    while (kft_test_must_repeat(kft_store_claim(store, passing->id, &error), &error))
        continue;
    while (kft_test_must_repeat(kft_store_remove_configs(store, &passing->id, 1, &error), &error))
        continue;
    tally->n_removed++;
}

static void run_writer(const Job *job)
{
    g_autoptr(KftStore) store = kft_test_store_open(job->folder);
    Tally tally = {0};
    struct pollfd poll_in = {.fd = job->in, .events = POLLIN};
    if (!meet(job))
        return;
    do
        write_once(job, store, (KftConfigId){1}, &tally);
    while (poll(&poll_in, 1, 0) == 0);
    say(job->out, &tally, sizeof tally);
}

static void expect_all(KftStore *store, const Tally tallies[N_WRITERS])
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GHashTable) aliases = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) configs = kft_store_list_configs(store, &error);
    g_autoptr(GArray) totals = kft_store_list_traffic(store, &error);
    uint64_t n_counted = 0;
    int64_t last_id = 0;
    g_assert_no_error(error);
    for (size_t i = 0; i < configs->len; i++) {
        const KftConfig *config = configs->pdata[i];
        g_hash_table_add(aliases, config->alias);
        /* The order is the order of adding. */
        g_assert_cmpint(config->id.v, >, last_id);
        last_id = config->id.v;
    }
    uint64_t n_expected = 1;
    for (unsigned w = 0; w < N_WRITERS; w++) {
        for (uint64_t i = 0; i < tallies[w].n_added; i++) {
            g_autofree char *alias = g_strdup_printf("w%u-%" G_GUINT64_FORMAT, w, i);
            if (!g_hash_table_contains(aliases, alias))
                g_error("%s is lost", alias);
        }
        g_assert_cmpuint(tallies[w].n_added, >, 0);
        n_expected += tallies[w].n_added;
        n_counted += tallies[w].n_counted;
        g_test_message("writer %u: %" G_GUINT64_FORMAT " rounds", w, tallies[w].n_added);
    }
    g_assert_cmpuint(configs->len, ==, n_expected);
    g_assert_cmpuint(totals->len, ==, 1);
    g_assert_cmpuint(g_array_index(totals, KftTraffic, 0).n_connections, ==, n_counted);
    g_assert_cmpuint(g_array_index(totals, KftTraffic, 0).bytes_up, ==, n_counted * 10);
}

static void test_writers(void)
{
    char *folder = kft_test_folder_new();
    Child children[N_WRITERS];
    Tally tallies[N_WRITERS];
    {
        g_autoptr(KftStore) store = kft_test_store_open(folder);
        g_assert_cmpint(kft_test_store_add(store, "shared", 8080).v, ==, 1);
    }
    for (unsigned i = 0; i < N_WRITERS; i++)
        child_start(&children[i], folder, i, run_writer);
    for (unsigned i = 0; i < N_WRITERS; i++)
        await(&children[i]);
    for (unsigned i = 0; i < N_WRITERS; i++)
        let_go(&children[i]);
    (void)poll(NULL, 0, (int)n_seconds * 1000);
    for (unsigned i = 0; i < N_WRITERS; i++)
        let_go(&children[i]);
    for (unsigned i = 0; i < N_WRITERS; i++) {
        hear(children[i].from, &tallies[i], sizeof tallies[i]);
        child_join(&children[i]);
    }
    g_autoptr(KftStore) store = kft_test_store_open(folder);
    expect_all(store, tallies);
    kft_test_folder_free(folder);
}

/* --- starting at once --- */

static void run_opener(const Job *job)
{
    while (meet(job)) {
        g_autoptr(KftStore) store = kft_test_store_open(job->folder);
        (void)kft_test_store_add(store, "opened", 8080);
    }
}

static void remove_database(const char *folder)
{
    static const char *const names[] = {"kftray.db", "kftray.db-wal", "kftray.db-shm"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *file = g_build_filename(folder, names[i], NULL);
        (void)g_unlink(file);
    }
}

/* Several processes make the same new database. */
static void test_openers(void)
{
    char *folder = kft_test_folder_new();
    Child children[N_WRITERS];
    for (unsigned i = 0; i < N_WRITERS; i++)
        child_start(&children[i], folder, i, run_opener);
    for (unsigned i = 0; i < N_WRITERS; i++)
        await(&children[i]);
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < N_WRITERS; i++)
            let_go(&children[i]);
        for (unsigned i = 0; i < N_WRITERS; i++)
            await(&children[i]);
        {
            g_autoptr(KftStore) store = kft_test_store_open(folder);
            g_autofree char *aliases = kft_test_store_dup_aliases(store);
            g_assert_cmpstr(aliases, ==, "opened opened opened");
        }
        remove_database(folder);
    }
    for (unsigned i = 0; i < N_WRITERS; i++)
        child_join(&children[i]);
    kft_test_folder_free(folder);
}

/* --- claims --- */

static void run_claimer(const Job *job)
{
    g_autoptr(KftStore) store = kft_test_store_open(job->folder);
    for (int64_t id = 1; meet(job); id++) {
        g_autoptr(GError) error = NULL;
        bool is_mine = false;
        do
            is_mine = kft_store_claim(store, (KftConfigId){id}, &error);
        while (!g_error_matches(error, KFT_ERROR, KFT_ERROR_PORT_IN_USE) &&
               kft_test_must_repeat(is_mine, &error));
        say(job->out, &is_mine, sizeof is_mine);
    }
}

static void test_claims(void)
{
    char *folder = kft_test_folder_new();
    Child children[N_WRITERS];
    g_autoptr(KftStore) store = kft_test_store_open(folder);
    for (unsigned i = 0; i < N_WRITERS; i++)
        child_start(&children[i], folder, i, run_claimer);
    for (unsigned round = 0; round < 50; round++) {
        unsigned n_winners = 0;
        (void)kft_test_store_add(store, "web", 8080);
        for (unsigned i = 0; i < N_WRITERS; i++)
            await(&children[i]);
        for (unsigned i = 0; i < N_WRITERS; i++)
            let_go(&children[i]);
        for (unsigned i = 0; i < N_WRITERS; i++) {
            bool is_mine = false;
            hear(children[i].from, &is_mine, sizeof is_mine);
            n_winners += is_mine;
        }
        g_assert_cmpuint(n_winners, ==, 1);
    }
    for (unsigned i = 0; i < N_WRITERS; i++)
        child_join(&children[i]);
    /* They are gone, so all is free. */
    for (int64_t id = 1; id <= 50; id++)
        g_assert_true(kft_store_claim(store, (KftConfigId){id}, NULL));
    g_clear_pointer(&store, kft_store_close);
    kft_test_folder_free(folder);
}

/* --- changes --- */

static void run_changer(const Job *job)
{
    g_autoptr(KftStore) store = kft_test_store_open(job->folder);
    while (meet(job))
        (void)kft_test_store_add(store, "web", 8080);
}

/* Waits at the descriptor alone: a wake-up that comes too early, and none after it, hangs here. */
static void await_change(KftStore *store)
{
    struct pollfd poll_in = {.fd = kft_store_get_change_fd(store), .events = POLLIN};
    do {
        g_assert_cmpint(poll(&poll_in, 1, WAIT_MS), ==, 1);
    } while (!kft_store_has_changed(store));
}

static void test_changes(void)
{
    char *folder = kft_test_folder_new();
    Child child;
    g_autoptr(GError) error = NULL;
    g_autoptr(KftStore) store = kft_test_store_open(folder);
    child_start(&child, folder, 0, run_changer);
    await(&child);
    (void)kft_store_has_changed(store); /* its opening */
    for (unsigned round = 1; round <= 200; round++) {
        g_assert_false(kft_store_has_changed(store));
        let_go(&child);
        await_change(store);
        g_autoptr(GPtrArray) configs = kft_store_list_configs(store, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(configs->len, ==, 2 * round - 1);
        await(&child);
        /* Our own are no news. */
        (void)kft_test_store_add(store, "own", 8080);
        g_assert_false(kft_store_has_changed(store));
    }
    child_join(&child);
    g_clear_pointer(&store, kft_store_close);
    kft_test_folder_free(folder);
}

/* Another program's commit is seen when it closes the file, at the latest. */
static void test_other_program(void)
{
    char *folder = kft_test_folder_new();
    g_autofree char *path = kft_test_folder_dup_path(folder);
    g_autoptr(KftStore) store = kft_test_store_open(folder);
    g_assert_false(kft_store_has_changed(store));
    kft_test_sql(path, "INSERT INTO settings VALUES ('x', 'y')");
    await_change(store);
    g_clear_pointer(&store, kft_store_close);
    kft_test_folder_free(folder);
}

/* --- locks --- */

/* Holds the lock until it is told to let go. */
static void run_holder(const Job *job)
{
    g_autoptr(KftStore) store = kft_test_store_open(job->folder);
    g_autoptr(KftTransaction) transaction =
        kft_transaction_begin(store->database, KFT_DATABASE_DURABLE, NULL);
    g_assert_nonnull(transaction);
    (void)meet(job);
}

static void test_lock(void)
{
    char *folder = kft_test_folder_new();
    g_autofree char *path = kft_test_folder_dup_path(folder);
    g_autoptr(GError) error = NULL;
    g_autoptr(KftStore) store = kft_test_store_open(folder);
    g_autoptr(KftConfig) config = kft_test_config_new("web", 8080);
    Child child;
    child_start(&child, folder, 0, run_holder);
    await(&child);
    g_assert_false(kft_store_add_config(store, config, &error));
    kft_test_take_error(&error, KFT_ERROR_STORAGE, path, "is locked");
    /* Reading is possible all the while. */
    g_autofree char *aliases = kft_test_store_dup_aliases(store);
    g_assert_cmpstr(aliases, ==, "");
    child_join(&child);
    g_assert_true(kft_store_add_config(store, config, &error));
    g_clear_pointer(&store, kft_store_close);
    kft_test_folder_free(folder);
}

/* --- a full disk --- */

/* A small disk on @folder, in a mount namespace of this process. False: not possible here. */
static bool mount_disk(const char *folder)
{
    if (!kft_test_unshare(CLONE_NEWNS))
        return false;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("kft-test", folder, "tmpfs", 0, "size=512k") == 0;
}

static void run_on_full_disk(const Job *job)
{
    g_autoptr(GError) error = NULL;
    char verdict = 's';
    if (!mount_disk(job->folder)) {
        say(job->out, &verdict, 1);
        return;
    }
    g_autoptr(KftStore) store = kft_test_store_open(job->folder);
    (void)kft_test_store_add(store, "c0", 8080);
    g_autofree char *filler = g_build_filename(job->folder, "filler", NULL);
    g_autofree char *rubbish = g_strnfill(1024 * 1024, 'x');
    FILE *file = g_fopen(filler, "w");
    g_assert_nonnull(file);
    (void)fwrite(rubbish, 1, 1024 * 1024, file);
    (void)fclose(file);
    g_autoptr(KftConfig) config = kft_test_config_new("c1", 8080);
    config->note = g_strnfill(8000, 'n');
    bool is_added = kft_store_add_config(store, config, &error);
    g_assert_false(is_added);
    kft_test_take_error(&error, KFT_ERROR_STORAGE, kft_store_get_path(store), "full");
    g_autofree char *full = kft_test_store_dup_aliases(store);
    g_assert_cmpstr(full, ==, "c0");
    /* With room again it goes on, in the same process and in the next. */
    g_assert_cmpint(g_unlink(filler), ==, 0);
    g_assert_true(kft_store_add_config(store, config, &error));
    g_clear_pointer(&store, kft_store_close);
    store = kft_test_store_open(job->folder);
    g_autofree char *aliases = kft_test_store_dup_aliases(store);
    g_assert_cmpstr(aliases, ==, "c0 c1");
    verdict = 'o';
    say(job->out, &verdict, 1);
}

static void test_full_disk(void)
{
    char *folder = kft_test_folder_new();
    Child child;
    char verdict = 0;
    child_start(&child, folder, 0, run_on_full_disk);
    hear(child.from, &verdict, 1);
    child_join(&child);
    if (verdict == 's')
        g_test_skip("no mount namespaces here");
    kft_test_folder_free(folder);
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    const char *text = g_getenv("KFT_TEST_SECONDS");
    uint64_t number = 0;
    g_test_init(&argc, &argv, NULL);
    (void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    if (text != NULL && kft_parse_uint(text, 1, 3600, &number))
        n_seconds = (unsigned)number;
    g_test_add_func("/store/processes/writers", test_writers);
    g_test_add_func("/store/processes/openers", test_openers);
    g_test_add_func("/store/processes/claims", test_claims);
    g_test_add_func("/store/processes/changes", test_changes);
    g_test_add_func("/store/processes/other-program", test_other_program);
    g_test_add_func("/store/processes/lock", test_lock);
    g_test_add_func("/store/processes/full-disk", test_full_disk);
    return g_test_run();
}
