/* A plain main for a fuzz target: runs it over files, or all files of folders, so that the corpora
 * and every crash once found are tests with any compiler. */
#include <glib.h>
#include <stdlib.h>

#include "fuzz.h"

static unsigned n_replayed;

static void replay_file(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    gsize size = 0;

    if (!g_file_get_contents(path, &text, &size, &error))
        g_error("%s", error->message);
    /* A block of the exact size, so that AddressSanitizer sees reads beyond it. */
    g_autofree uint8_t *data = g_memdup2(text, size);
    g_print("# %s\n", path);
    (void)LLVMFuzzerTestOneInput(data, size);
    n_replayed++;
}

static void replay_folder(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) folder = g_dir_open(path, 0, &error);

    if (folder == NULL)
        g_error("%s", error->message);
    for (const char *name = g_dir_read_name(folder); name != NULL; name = g_dir_read_name(folder)) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        replay_file(file);
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (g_file_test(argv[i], G_FILE_TEST_IS_DIR))
            replay_folder(argv[i]);
        else
            replay_file(argv[i]);
    }
    g_print("%u inputs replayed\n", n_replayed);
    return n_replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
