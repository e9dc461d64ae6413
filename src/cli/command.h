#ifndef KFT_CLI_COMMAND_H
#define KFT_CLI_COMMAND_H

/* A subcommand of kftrayctl: @argv[0] is its name. Returns the exit status. */
typedef struct {
    const char *name;
    const char *summary; /* for the list in --help */
    int (*run)(int argc, char **argv);
} KftCliCommand;

#define KFT_EXIT_OK 0
/* As kubectl: errors of use and failures alike. */
#define KFT_EXIT_FAILURE 1

int kft_cli_diagnose(int argc, char **argv);
int kft_cli_forward(int argc, char **argv);
int kft_cli_version(int argc, char **argv);

#endif
