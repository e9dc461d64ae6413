#include "command.h"
#include "output.h"

int kft_cli_version(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        kft_print_error("version takes no arguments");
        return KFT_EXIT_FAILURE;
    }
    kft_print_line("kftrayctl " KFT_VERSION);
    return KFT_EXIT_OK;
}
