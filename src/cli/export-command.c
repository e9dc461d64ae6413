/* kftrayctl export: configs as a JSON file that upstream kftray reads, too. */
#include <kftray/share.h>
#include <string.h>

#include "catalog.h"
#include "command.h"
#include "output.h"
#include "select.h"

/* "export web" would write a file of that name where a config was meant. */
static bool is_file(const GPtrArray *configs, const char *word)
{
    if (strchr(word, '.') != NULL || strchr(word, '/') != NULL)
        return true;
    for (guint i = 0; i < configs->len; i++) {
        if (strcmp(word, ((const KftConfig *)configs->pdata[i])->alias) != 0)
            continue;
        kft_print_error(
            "the first word is the file, and \"%s\" is a config: say \"kftrayctl export "
            "- %s\" for standard output, or \"./%s\" for a file",
            word, word, word);
        return false;
    }
    return true;
}

static bool write_file(const char *path, const char *text, guint n_configs)
{
    g_autoptr(GError) error = NULL;

    /* Written beside the old file, then renamed. 0600: contexts and paths are nobody else's. */
    if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error)) {
        kft_print_error("%s", error->message);
        return false;
    }
    kft_print_note("%s: %u config%s", path, n_configs, n_configs == 1 ? "" : "s");
    return true;
}

static bool export(const KftCliArguments *args)
{
    char *const *words = args->words;
    const char *path = words[0] == NULL ? "-" : words[0];
    g_autoptr(KftCatalog) catalog = kft_catalog_open();

    if (catalog == NULL || !is_file(catalog->configs, path))
        return false;
    g_autoptr(GPtrArray) selected =
        kft_select_all(catalog->configs, words[0] == NULL ? words : words + 1);
    if (selected == NULL)
        return false;
    g_autofree char *text = kft_share_format(selected);
    if (strcmp(path, "-") != 0)
        return write_file(path, text, selected->len);
    kft_print_text(text);
    return true;
}

static int run(int argc, char **argv)
{
    KftCliArguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_export, argc, argv, &args, &status))
        return status;
    if (export(&args))
        status = KFT_EXIT_OK;
    kft_options_clear(&kft_cli_export, &args);
    return status;
}

static const KftCliOption options[] = {{0}};

const KftCliCommand kft_cli_export = {
    .name = "export",
    .summary = "Write configs as JSON that can be shared",
    .usage = "[FILE|- [NAME…]]",
    .description =
        "Without FILE, or with \"-\", to standard output; without NAMEs all configs. FILE "
        "is replaced at\n"
        "once or not at all, and only its owner can read it.",
    .examples = "  kftrayctl export team.json\n"
                "\n"
                "  # Two configs, to another machine\n"
                "  kftrayctl export - web db | ssh host kftrayctl import - --yes",
    .options = options,
    .words = KFT_VALUE_FILE,
    .run = run,
};
