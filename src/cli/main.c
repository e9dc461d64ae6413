/* kftrayctl: kftray without a screen. This file only finds the subcommand. */
#include <glib.h>
#include <kftray/text.h>
#include <locale.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "output.h"

const KftCliCommand *const kft_cli_commands[] = {
    &kft_cli_list,     &kft_cli_status,  &kft_cli_show,
    &kft_cli_add,      &kft_cli_edit,    &kft_cli_remove,
    &kft_cli_import,   &kft_cli_export,  &kft_cli_contexts,
    &kft_cli_discover, &kft_cli_relays,  &kft_cli_settings,
    &kft_cli_run,      &kft_cli_start,   &kft_cli_stop,
    &kft_cli_toggle,   &kft_cli_forward, &kft_cli_diagnose,
    &kft_cli_complete, &kft_cli_version, NULL,
};

const KftCliCommand *kft_cli_find_command(const char *name)
{
    for (const KftCliCommand *const *command = kft_cli_commands; *command != NULL; command++) {
        if (strcmp(name, (*command)->name) == 0)
            return *command;
    }
    return NULL;
}

static void print_help(void)
{
    kft_print_line("kftrayctl keeps Kubernetes port-forwards alive.\n"
                   "\n"
                   "Usage:\n"
                   "  kftrayctl COMMAND [ARGUMENTS]\n"
                   "\n"
                   "Commands:");
    for (const KftCliCommand *const *command = kft_cli_commands; *command != NULL; command++) {
        if (!(*command)->is_hidden)
            kft_print_line("  %-10s %s", (*command)->name, (*command)->summary);
    }
    kft_print_line("\n"
                   "Use \"kftrayctl COMMAND --help\" for the options and examples of a command.");
}

static const char *find_close(const char *name)
{
    const char *names[G_N_ELEMENTS(kft_cli_commands)] = {NULL};
    size_t n = 0;

    for (const KftCliCommand *const *command = kft_cli_commands; *command != NULL; command++) {
        if (!(*command)->is_hidden)
            names[n++] = (*command)->name;
    }
    return kft_text_closest(name, names);
}

static int run_command(const char *name, int argc, char **argv)
{
    const KftCliCommand *command = kft_cli_find_command(name);
    if (command != NULL)
        return command->run(argc, argv);
    const char *close = find_close(name);
    if (close != NULL)
        kft_print_error("unknown command \"%s\"; did you mean \"%s\"?", name, close);
    else
        kft_print_error("unknown command \"%s\"; see \"kftrayctl --help\"", name);
    return KFT_EXIT_FAILURE;
}

/* "help" alone, or "help COMMAND", which is the same as "COMMAND --help". */
static int help(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        print_help();
        return KFT_EXIT_OK;
    }
    char option[] = "--help";
    char *words[] = {argv[1], option, NULL};
    return run_command(argv[1], 2, words);
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
    if (is_help(argv[1]))
        return help(argc - 1, argv + 1);
    if (strcmp(argv[1], "--version") == 0)
        return kft_cli_version.run(1, argv + 1);
    return run_command(argv[1], argc - 1, argv + 1);
}
