/* Child processes of tests. */
#include "child.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/number.h"

char *kft_test_source_path(const char *relative)
{
    const char *root = g_getenv("KFT_SOURCE_DIR");
    g_assert_nonnull(root);
    return g_build_filename(root, relative, NULL);
}

static char **full_arguments(const char *const *argv)
{
    GPtrArray *arguments = g_ptr_array_new();
    if (g_str_has_suffix(argv[0], ".py"))
        g_ptr_array_add(arguments, g_strdup("/usr/bin/python3"));
    else if (g_str_has_suffix(argv[0], ".sh"))
        g_ptr_array_add(arguments, g_strdup("/bin/sh"));
    for (size_t i = 0; argv[i] != NULL; i++)
        g_ptr_array_add(arguments, g_strdup(argv[i]));
    g_ptr_array_add(arguments, NULL);
    return (char **)g_ptr_array_free(arguments, FALSE);
}

/* Runs in the child. A test that aborts must leave no server behind, which would hold the output
 * that ctest waits for. */
static void die_with_parent(void *user_data)
{
    const pid_t *parent = user_data;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != *parent)
        (void)raise(SIGKILL);
}

char *kft_test_child_read_line(KftTestChild *self)
{
    GString *line = g_string_new(NULL);
    char c = '\0';
    while (read(self->fd, &c, 1) == 1 && c != '\n')
        g_string_append_c(line, c);
    return g_string_free(line, FALSE);
}

void kft_test_child_start(KftTestChild *self, const char *const *argv)
{
    g_auto(GStrv) arguments = full_arguments(argv);
    g_autoptr(GError) error = NULL;
    pid_t parent = getpid();
    uint64_t port = 0;
    (void)g_spawn_async_with_pipes(NULL, arguments, NULL,
                                   G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, die_with_parent,
                                   &parent, &self->pid, NULL, &self->fd, NULL, &error);
    g_assert_no_error(error);
    g_autofree char *line = kft_test_child_read_line(self);
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    for (size_t i = 0; words[i] != NULL; i++) {
        if (g_str_has_prefix(words[i], "port="))
            g_assert_true(kft_parse_uint(words[i] + 5, 1, 65535, &port));
    }
    if (port == 0)
        g_error("%s is not ready: \"%s\"", argv[0], line);
    self->port = (uint16_t)port;
}

char *kft_test_child_stop(KftTestChild *self)
{
    GString *out = g_string_new(NULL);
    char chunk[1024];
    ssize_t n_bytes = 0;
    g_assert_cmpint(kill(self->pid, SIGTERM), ==, 0);
    while ((n_bytes = read(self->fd, chunk, sizeof chunk)) > 0)
        g_string_append_len(out, chunk, n_bytes);
    g_assert_cmpint(waitpid(self->pid, NULL, 0), ==, self->pid);
    (void)close(self->fd);
    return g_string_free(out, FALSE);
}

void kft_test_run(const char *const *argv)
{
    g_auto(GStrv) arguments = full_arguments(argv);
    g_autoptr(GError) error = NULL;
    pid_t parent = getpid();
    int status = -1;
    (void)g_spawn_sync(NULL, arguments, NULL, G_SPAWN_SEARCH_PATH, die_with_parent, &parent, NULL,
                       NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
}

char *kft_test_make_certificates(void)
{
    g_autoptr(GError) error = NULL;
    char *folder = g_dir_make_tmp("kft-test-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *script = kft_test_source_path("tests/support/certs.sh");
    kft_test_run((const char *const[]){script, folder, NULL});
    return folder;
}

void kft_test_remove_folder(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name = NULL;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *file = g_build_filename(folder, name, NULL);
        bool is_link = g_file_test(file, G_FILE_TEST_IS_SYMLINK);
        if (!is_link && g_file_test(file, G_FILE_TEST_IS_DIR))
            kft_test_remove_folder(file);
        else
            g_assert_cmpint(g_remove(file), ==, 0);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}
