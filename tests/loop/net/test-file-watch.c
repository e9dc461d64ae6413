/* What happens to files, as editors and tools do it, and what is told of it. */
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "net/file-watch.h"
#include "test-loop.h"

#define QUIET_MS 500

typedef struct {
    KftTestLoop test;
    KftFileWatch *watch;
    char *folder;
    unsigned n_changes;
    bool has_changed;
} Fixture;

static char *dup_path(const Fixture *self, const char *name)
{
    return g_build_filename(self->folder, name, NULL);
}

static void put(const Fixture *self, const char *name, const char *text)
{
    g_autofree char *path = dup_path(self, name);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void on_change(void *user_data)
{
    Fixture *self = user_data;
    self->n_changes++;
    self->has_changed = true;
}

static void watch(Fixture *self, const char *name, const char *other)
{
    g_autofree char *path = dup_path(self, name);
    g_autofree char *second = other == NULL ? NULL : dup_path(self, other);
    const char *const paths[] = {path, second, NULL};
    kft_file_watch_set(self->watch, paths);
}

static void set_up(Fixture *self, gconstpointer data)
{
    (void)data;
    self->folder = g_dir_make_tmp(NULL, NULL);
    kft_test_loop_init(&self->test);
    self->watch = kft_file_watch_new(self->test.loop, on_change, self);
}

static void tear_down(Fixture *self, gconstpointer data)
{
    (void)data;
    kft_file_watch_free(self->watch);
    kft_test_loop_clear(&self->test);
    kft_test_remove_folder(self->folder);
    g_free(self->folder);
}

static void await_change(Fixture *self)
{
    self->has_changed = false;
    kft_test_loop_run_until_true(&self->test, &self->has_changed);
}

static void test_written(Fixture *self, gconstpointer data)
{
    (void)data;
    put(self, "config", "one");
    watch(self, "config", NULL);
    g_autofree char *path = dup_path(self, "config");
    FILE *file = g_fopen(path, "a");
    g_assert_nonnull(file);
    g_assert_cmpint(fputs("two", file), >=, 0);
    g_assert_cmpint(fclose(file), ==, 0);
    await_change(self);
}

/* Removed, made again, replaced by a rename: each is a change. */
static void test_replaced(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autofree char *path = dup_path(self, "config");
    put(self, "config", "one");
    watch(self, "config", "other");
    g_assert_cmpint(g_unlink(path), ==, 0);
    await_change(self);
    put(self, "config", "one"); /* by a file beside it and a rename */
    await_change(self);
    put(self, "other", "now there");
    await_change(self);
    put(self, "config", "two");
    await_change(self);
}

static void test_others(Fixture *self, gconstpointer data)
{
    (void)data;
    put(self, "config", "one");
    watch(self, "config", NULL);
    put(self, "neighbour", "one");
    put(self, "neighbour", "two");
    kft_test_loop_run_for(&self->test, QUIET_MS);
    g_assert_cmpuint(self->n_changes, ==, 0);
    put(self, "config", "two");
    await_change(self);
    kft_test_loop_run_for(&self->test, QUIET_MS);
    g_assert_cmpuint(self->n_changes, ==, 1);
}

/* What the kernel watches for this process. */
static unsigned count_watched(void)
{
    g_autoptr(GDir) folder = g_dir_open("/proc/self/fdinfo", 0, NULL);
    unsigned n_watched = 0;
    for (const char *name = NULL; (name = g_dir_read_name(folder)) != NULL;) {
        g_autofree char *path = g_build_filename("/proc/self/fdinfo", name, NULL);
        g_autofree char *text = NULL;
        if (!g_file_get_contents(path, &text, NULL, NULL))
            continue;
        for (const char *at = text; (at = strstr(at, "inotify wd:")) != NULL; at++)
            n_watched++;
    }
    return n_watched;
}

static bool is_deaf(void *user_data)
{
    (void)user_data;
    return count_watched() == 0;
}

static bool is_listening(void *user_data)
{
    (void)user_data;
    return count_watched() == 1;
}

/* A neighbour that is written to all the time costs a look now and then, not one for each event. */
static void test_restless(Fixture *self, gconstpointer data)
{
    (void)data;
    put(self, "config", "one");
    watch(self, "config", NULL);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_true(is_listening(NULL));
        put(self, "neighbour", "again");
        kft_test_loop_poll_until(&self->test, is_deaf, NULL);
        put(self, "neighbour", "and again");
        kft_test_loop_poll_until(&self->test, is_listening, NULL);
    }
    g_assert_cmpuint(self->n_changes, ==, 0);
    put(self, "neighbour", "again");
    kft_test_loop_poll_until(&self->test, is_deaf, NULL);
    put(self, "config", "two"); /* while nothing is heard */
    await_change(self);
}

/* As a mounted Kubernetes secret: token -> ..data/token, ..data -> a folder that is exchanged. */
static void test_links(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autofree char *first = dup_path(self, "first");
    g_autofree char *second = dup_path(self, "second");
    g_autofree char *mount = dup_path(self, "mount");
    g_autofree char *link = dup_path(self, "mount/..data");
    g_autofree char *next = dup_path(self, "mount/..next");
    g_autofree char *token = dup_path(self, "mount/token");
    g_assert_cmpint(g_mkdir(first, 0700) | g_mkdir(second, 0700) | g_mkdir(mount, 0700), ==, 0);
    put(self, "first/token", "one");
    put(self, "second/token", "two");
    g_assert_cmpint(symlink("../first", link) | symlink("..data/token", token), ==, 0);
    watch(self, "mount/token", NULL);
    g_assert_cmpint(symlink("../second", next) | g_rename(next, link), ==, 0);
    await_change(self);
    put(self, "second/token", "three");
    await_change(self);
    g_autofree char *named = dup_path(self, "named");
    g_assert_cmpint(symlink("second/token", named), ==, 0);
    watch(self, "named", NULL);
    put(self, "second/token", "four");
    await_change(self);
}

/* A folder that did not exist cannot be watched: a look finds out. */
static void test_check(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autofree char *later = dup_path(self, "later");
    watch(self, "later/config", NULL);
    kft_file_watch_check(self->watch);
    kft_test_loop_run_for(&self->test, QUIET_MS);
    g_assert_cmpuint(self->n_changes, ==, 0);
    g_assert_cmpint(g_mkdir(later, 0700), ==, 0);
    put(self, "later/config", "one");
    kft_file_watch_check(self->watch);
    await_change(self);
    put(self, "later/config", "two");
    await_change(self);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)
    ADD("/net/file-watch/written", test_written);
    ADD("/net/file-watch/replaced", test_replaced);
    ADD("/net/file-watch/others", test_others);
    ADD("/net/file-watch/restless", test_restless);
    ADD("/net/file-watch/links", test_links);
    ADD("/net/file-watch/check", test_check);
    return g_test_run();
}
