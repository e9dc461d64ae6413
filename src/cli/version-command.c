#include "command.h"
#include "json-output.h"
#include "output.h"

static void print_json(void)
{
    g_autoptr(KftJsonOutput) json = kft_json_output_new(/* is_one_line */ false);
    kft_json_output_begin_object(json, NULL);
    kft_json_output_text(json, "version", KFT_VERSION);
    kft_json_output_end(json);
    kft_json_output_print(json);
}

static int run(int argc, char **argv)
{
    KftCliArguments args = {0};
    int status = KFT_EXIT_FAILURE;

    if (!kft_options_parse(&kft_cli_version, argc, argv, &args, &status))
        return status;
    if (kft_options_check_words(&kft_cli_version, &args, 0)) {
        status = KFT_EXIT_OK;
        if (args.is_json)
            print_json();
        else
            kft_print_line("kftrayctl " KFT_VERSION);
    }
    kft_options_clear(&kft_cli_version, &args);
    return status;
}

static const KftCliOption options[] = {KFT_OPTION_JSON, {0}};

const KftCliCommand kft_cli_version = {
    .name = "version",
    .summary = "Print the version",
    .examples = "  kftrayctl version --json",
    .options = options,
    .run = run,
};
