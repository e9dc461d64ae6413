#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kftray/error.h"

#include "child.h"
#include "relay/journal.h"

typedef struct {
    char *dir;
} Fixture;

static void set_up(Fixture *self, gconstpointer data)
{
    (void)data;
    self->dir = g_dir_make_tmp(NULL, NULL);
}

static void tear_down(Fixture *self, gconstpointer data)
{
    (void)data;
    kft_test_remove_folder(self->dir);
    g_free(self->dir);
}

static KftJournal *open_journal(const Fixture *self)
{
    g_autoptr(GError) error = NULL;
    KftJournal *journal = kft_journal_open(self->dir, &error);
    g_assert_no_error(error);
    return journal;
}

static void add(KftJournal *journal, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(kft_journal_add(journal, "/k", "ctx", "ns", name, &error));
    g_assert_no_error(error);
}

static void test_installation(Fixture *self, gconstpointer data)
{
    (void)data;
    g_autoptr(KftJournal) one = open_journal(self);
    g_autoptr(KftJournal) two = open_journal(self);
    g_autofree char *read = kft_journal_dup_installation(self->dir);
    g_assert_cmpstr(kft_journal_get_installation(one), ==, kft_journal_get_installation(two));
    g_assert_cmpstr(kft_journal_get_installation(one), ==, read);
    g_assert_cmpstr(kft_journal_get_session(one), !=, kft_journal_get_session(two));
}

/* What lives is not taken over, and what was deleted leaves no file. */
static void test_alive(Fixture *self, gconstpointer data)
{
    (void)data;
    KftJournal *one = open_journal(self);
    g_autofree char *session = g_strdup(kft_journal_get_session(one));
    add(one, "a");
    g_assert_true(kft_journal_is_alive(self->dir, session));
    g_assert_false(kft_journal_has_leftovers(self->dir));
    g_autoptr(KftJournal) two = open_journal(self);
    g_autoptr(GPtrArray) nothing = kft_journal_adopt(two);
    g_assert_cmpuint(nothing->len, ==, 0);
    kft_journal_remove(one, "a");
    kft_journal_close(one);
    g_assert_false(kft_journal_is_alive(self->dir, session));
    g_autofree char *path = g_strdup_printf("%s/relays/%s.json", self->dir, session);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_false(kft_journal_is_alive(self->dir, "../installation"));
}

static void test_adopts(Fixture *self, gconstpointer data)
{
    (void)data;
    KftJournal *one = open_journal(self);
    g_autofree char *session = g_strdup(kft_journal_get_session(one));
    add(one, "a");
    add(one, "b");
    kft_journal_close(one);
    g_assert_true(kft_journal_has_leftovers(self->dir));

    KftJournal *two = open_journal(self);
    add(two, "c");
    g_autoptr(GPtrArray) adopted = kft_journal_adopt(two);
    g_assert_cmpuint(adopted->len, ==, 2);
    const KftJournalEntry *first = g_ptr_array_index(adopted, 0);
    g_assert_cmpstr(first->session, ==, session);
    g_assert_cmpstr(first->kubeconfig, ==, "/k");
    g_assert_cmpstr(first->context, ==, "ctx");
    g_assert_cmpstr(first->namespace_, ==, "ns");
    g_assert_cmpstr(first->name, ==, "a");
    /* What could not be deleted is there for the next one. */
    kft_journal_remove(two, "a");
    kft_journal_remove(two, "c");
    kft_journal_close(two);
    g_autoptr(KftJournal) three = open_journal(self);
    g_autoptr(GPtrArray) rest = kft_journal_adopt(three);
    g_assert_cmpuint(rest->len, ==, 1);
    g_assert_cmpstr(((KftJournalEntry *)g_ptr_array_index(rest, 0))->name, ==, "b");
}

/* SIGKILL: nothing of the process has a chance to do anything. */
static void test_killed(Fixture *self, gconstpointer data)
{
    (void)data;
    int fds[2];
    g_assert_cmpint(pipe(fds), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        KftJournal *journal = kft_journal_open(self->dir, NULL);
        bool is_added = kft_journal_add(journal, NULL, NULL, "ns", "a", NULL);
        (void)!write(fds[1], is_added ? "y" : "n", 1);
        for (;;)
            (void)pause();
    }
    char byte = 0;
    g_assert_cmpint(read(fds[0], &byte, 1), ==, 1);
    g_assert_cmpint(byte, ==, 'y');
    g_assert_false(kft_journal_has_leftovers(self->dir));
    g_assert_cmpint(kill(child, SIGKILL), ==, 0);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    g_assert_true(kft_journal_has_leftovers(self->dir));
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void test_rubbish(Fixture *self, gconstpointer data)
{
    (void)data;
    kft_journal_close(open_journal(self));
    static const char *const texts[] = {"", "{", "[1, null, {}]", "[{\"name\": \"a\"}]"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *path = g_strdup_printf("%s/relays/00000000%02zx.json", self->dir, i);
        g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
    }
    g_assert_false(kft_journal_has_leftovers(self->dir));

    g_autoptr(GError) error = NULL;
    g_autofree char *installation = g_build_filename(self->dir, "relays", "installation", NULL);
    g_assert_true(g_file_set_contents(installation, "not a name", -1, NULL));
    g_assert_null(kft_journal_open(self->dir, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_STORAGE);
    g_assert_nonnull(strstr(error->message, "remove it"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/relay/journal/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("installation", test_installation);
    ADD("alive", test_alive);
    ADD("adopts", test_adopts);
    ADD("killed", test_killed);
    ADD("rubbish", test_rubbish);
    return g_test_run();
}
