#ifndef KFT_CLI_OPTIONS_H
#define KFT_CLI_OPTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* Options of the commands, as constant tables over GOption. A command declares a struct for what is
 * given on the command line, whose first member is a KftCliArguments, and a table that says which
 * option goes where:
 *
 *     typedef struct {
 *         KftCliArguments common;
 *         char *namespace_;
 *     } Arguments;
 *
 *     static const KftCliOption options[] = {
 *         {"namespace", 'n', KFT_OPTION_TEXT, offsetof(Arguments, namespace_),
 *          "Namespace (default: that of the context)", "NS", KFT_VALUE_NAMESPACE},
 *         KFT_OPTION_JSON,
 *         {0},
 *     };
 *
 *     Arguments args = {0};
 *     int status = KFT_EXIT_FAILURE;
 *     if (!kft_options_parse(&kft_cli_list, argc, argv, &args.common, &status))
 *         return status;
 *     ...
 *     kft_options_clear(&kft_cli_list, &args.common);
 */

typedef struct KftCliCommand KftCliCommand;

typedef enum {
    KFT_OPTION_FLAG,  /* gboolean */
    KFT_OPTION_TEXT,  /* char * */
    KFT_OPTION_FILE,  /* char *, in the file system's encoding */
    KFT_OPTION_TEXTS, /* char **, NULL ended; may be given several times */
    KFT_OPTION_FILES, /* char **, in the file system's encoding */
} KftCliOptionType;

/* What a value or a word is, for completion. */
typedef enum {
    KFT_VALUE_NONE,
    KFT_VALUE_FILE,
    KFT_VALUE_CONFIG,            /* alias of a stored config */
    KFT_VALUE_ASSIGNMENT,        /* KEY=VALUE of a config */
    KFT_VALUE_CONFIG_ASSIGNMENT, /* a config first, then KEY=VALUE */
    KFT_VALUE_SETTING,           /* KEY first, then its value */
    KFT_VALUE_CONTEXT,
    KFT_VALUE_NAMESPACE,
    KFT_VALUE_TARGET, /* svc/web */
    KFT_VALUE_TRANSPORT,
    KFT_VALUE_COLOR,
    KFT_VALUE_OUTPUT,     /* wide, json */
    KFT_VALUE_RUN_OUTPUT, /* table, lines, json */
} KftCliValue;

typedef struct {
    const char *name;
    char letter; /* 0 = none */
    KftCliOptionType type;
    size_t offset;       /* of the variable in the command's struct */
    const char *summary; /* begins with a capital, no final dot */
    const char *value_name;
    KftCliValue value;
} KftCliOption;

/* What every command has. */
typedef struct {
    char **words;     /* what is no option; never NULL after parsing */
    gboolean is_json; /* --json, where the command has it */
    char *color;
    gboolean wants_help;
} KftCliArguments;

/* For the tables of commands that have a JSON form. */
#define KFT_OPTION_JSON                                                                            \
    {                                                                                              \
        "json", 0, KFT_OPTION_FLAG, offsetof(KftCliArguments, is_json),                            \
            "Print JSON instead of text", NULL, KFT_VALUE_NONE                                     \
    }

/* The options that every command has, ended by one without a name. */
extern const KftCliOption kft_options_common[];

/* Parses @argv into the struct that begins with @args and is all zero, and applies --color. False
 * if the command ends here with @ret_status: --help was printed, or what is wrong. */
bool kft_options_parse(
    const KftCliCommand *command, int argc, char **argv, KftCliArguments *args, int *ret_status);
/* Frees what parsing allocated. */
void kft_options_clear(const KftCliCommand *command, KftCliArguments *args);
/* False, with a message, if there are more than @max words. */
bool kft_options_check_words(const KftCliCommand *command, const KftCliArguments *args, size_t max);

#endif
