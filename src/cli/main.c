/* kftrayctl: kftray without a screen. This file only finds the subcommand. */
#include <glib.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "output.h"

static const KftCliCommand commands[] = {
    {"forward", "Forward local ports to a pod, service or workload", kft_cli_forward},
    {"diagnose", "Find out what is wrong on the way to a target", kft_cli_diagnose},
    {"version", "Print the version", kft_cli_version},
};

static void print_help(void)
{
    kft_print_line("kftrayctl keeps Kubernetes port-forwards alive.\n"
                   "\n"
                   "Usage:\n"
                   "  kftrayctl COMMAND [ARGUMENTS]\n"
                   "\n"
                   "Commands:");
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        kft_print_line("  %-10s %s", commands[i].name, commands[i].summary);
    kft_print_line("\n"
                   "Use \"kftrayctl COMMAND --help\" for the options and examples of a command.");
}

static bool is_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int main(int argc, char **argv)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread exists */
    (void)setlocale(LC_ALL, "");
    (void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    if (argc < 2) {
        print_help();
        return KFT_EXIT_FAILURE;
    }
    if (is_help(argv[1])) {
        print_help();
        return KFT_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0)
        return kft_cli_version(1, argv + 1);
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    kft_print_error("unknown command \"%s\"; see \"kftrayctl --help\"", argv[1]);
    return KFT_EXIT_FAILURE;
}
