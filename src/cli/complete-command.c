#include "command.h"
static int run(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 0;
}
const KftCliCommand kft_cli_complete = {
    .name = "__complete", .summary = "", .is_hidden = true, .run = run};
