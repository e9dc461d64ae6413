#ifndef KFT_CLI_COMMAND_H
#define KFT_CLI_COMMAND_H

#include "options.h"

/* A subcommand of kftrayctl. The same table entry makes its --help, its completion and its part of
 * the man page, so it is constant: what was given on the command line goes into a struct of the
 * command's own (options.h). */
struct KftCliCommand {
    const char *name;
    const char *summary;         /* one line for the list in --help */
    const char *usage;           /* what follows the options: "NAME…"; NULL = nothing */
    const char *description;     /* for --help, lines of at most 90 columns; nullable */
    const char *examples;        /* lines as they are printed, without the heading; nullable */
    const KftCliOption *options; /* ended by one without a name; nullable */
    KftCliValue words;           /* what completion offers for words that are no options */
    bool is_hidden;              /* in no list */
    /* @argv[0] is the command's name. Returns the exit status. */
    int (*run)(int argc, char **argv);
};

#define KFT_EXIT_OK 0
/* As kubectl: errors of use and failures alike. */
#define KFT_EXIT_FAILURE 1

extern const KftCliCommand kft_cli_add;
extern const KftCliCommand kft_cli_complete;
extern const KftCliCommand kft_cli_contexts;
extern const KftCliCommand kft_cli_relays;
extern const KftCliCommand kft_cli_diagnose;
extern const KftCliCommand kft_cli_discover;
extern const KftCliCommand kft_cli_edit;
extern const KftCliCommand kft_cli_export;
extern const KftCliCommand kft_cli_forward;
extern const KftCliCommand kft_cli_import;
extern const KftCliCommand kft_cli_list;
extern const KftCliCommand kft_cli_remove;
extern const KftCliCommand kft_cli_run;
extern const KftCliCommand kft_cli_settings;
extern const KftCliCommand kft_cli_show;
extern const KftCliCommand kft_cli_start;
extern const KftCliCommand kft_cli_status;
extern const KftCliCommand kft_cli_stop;
extern const KftCliCommand kft_cli_toggle;
extern const KftCliCommand kft_cli_version;

/* All commands in the order of --help, NULL ended. */
extern const KftCliCommand *const kft_cli_commands[];
/* NULL if there is none of that name. */
const KftCliCommand *kft_cli_find_command(const char *name);

#endif
