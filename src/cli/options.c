/* GOption parses. The help is our own: wrapped by the width that words take on a terminal, with
 * styles and examples. */
#include "options.h"

#include <unistd.h>

#include "command.h"
#include "output.h"
#include "style.h"

const KftCliOption kft_options_common[] = {
    {"color", 0, KFT_OPTION_TEXT, offsetof(KftCliArguments, color),
     "Colours: auto (on a terminal), always or never", "WHEN", KFT_VALUE_COLOR},
    {"help", 'h', KFT_OPTION_FLAG, offsetof(KftCliArguments, wants_help), "Show this help", NULL,
     KFT_VALUE_NONE},
    {0},
};

/* All texts are taken as bytes: conversion from the locale would refuse UTF-8 where LC_ALL is C. */
static const GOptionArg arg_types[] = {
    [KFT_OPTION_FLAG] = G_OPTION_ARG_NONE,
    [KFT_OPTION_TEXT] = G_OPTION_ARG_FILENAME,
    [KFT_OPTION_FILE] = G_OPTION_ARG_FILENAME,
    [KFT_OPTION_TEXTS] = G_OPTION_ARG_FILENAME_ARRAY,
    [KFT_OPTION_FILES] = G_OPTION_ARG_FILENAME_ARRAY,
};

static void *variable_of(const KftCliOption *option, KftCliArguments *args)
{
    return (char *)args + option->offset;
}

/* --- help --- */

/* Columns of a line. */
#define HELP_WIDTH 96

/* Appends @text, broken between words, as a paragraph that is indented but for its first line. */
static void append_wrapped(GString *out, const char *text, size_t indent)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    size_t column = indent;

    for (char **word = words; *word != NULL; word++) {
        size_t width = kft_text_width(*word);
        if (column > indent && column + 1 + width > HELP_WIDTH) {
            g_string_append_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            g_string_append_c(out, ' ');
            column++;
        }
        g_string_append(out, *word);
        column += width;
    }
    g_string_append_c(out, '\n');
}

/* "  -n, --namespace NS". Returns: (transfer full). */
static char *format_option(const KftCliOption *option)
{
    GString *out = g_string_new("  ");

    if (option->letter != 0)
        g_string_append_printf(out, "-%c, ", option->letter);
    else
        g_string_append(out, "    ");
    g_string_append_printf(out, "--%s", option->name);
    if (option->value_name != NULL)
        g_string_append_printf(out, " %s", option->value_name);
    return g_string_free(out, /* free_segment */ FALSE);
}

/* Where the summaries begin. */
static size_t measure_options(const KftCliOption *options)
{
    size_t width = 0;

    for (const KftCliOption *option = options; option != NULL && option->name != NULL; option++) {
        g_autofree char *text = format_option(option);
        width = MAX(width, kft_text_width(text) + 2);
    }
    return width;
}

static void append_options_help(GString *out, const KftCliOption *options, size_t indent)
{
    for (const KftCliOption *option = options; option != NULL && option->name != NULL; option++) {
        g_autofree char *text = format_option(option);
        g_string_append_printf(out, "%s%*s", text, (int)(indent - kft_text_width(text)), "");
        append_wrapped(out, option->summary, indent);
    }
}

static void print_help(const KftCliCommand *command)
{
    const char *bold = kft_style_begin(KFT_STYLE_HEADING, STDOUT_FILENO);
    const char *plain = kft_style_end(KFT_STYLE_HEADING, STDOUT_FILENO);
    size_t indent = MAX(measure_options(command->options), measure_options(kft_options_common));
    g_autoptr(GString) out = g_string_new(NULL);

    g_string_append_printf(out, "%s.\n\n%sUsage:%s\n  kftrayctl %s [OPTION…]%s%s\n",
                           command->summary, bold, plain, command->name,
                           command->usage == NULL ? "" : " ",
                           command->usage == NULL ? "" : command->usage);
    if (command->description != NULL)
        g_string_append_printf(out, "\n%s\n", command->description);
    g_string_append_printf(out, "\n%sOptions:%s\n", bold, plain);
    append_options_help(out, command->options, indent);
    append_options_help(out, kft_options_common, indent);
    if (command->examples != NULL)
        g_string_append_printf(out, "\n%sExamples:%s\n%s\n", bold, plain, command->examples);
    kft_print_text(out->str);
}

/* --- parsing --- */

static void append_entries(GArray *entries, const KftCliOption *options, KftCliArguments *args)
{
    for (const KftCliOption *option = options; option != NULL && option->name != NULL; option++) {
        GOptionEntry entry = {
            .long_name = option->name,
            .short_name = option->letter,
            .arg = arg_types[option->type],
            .arg_data = variable_of(option, args),
        };
        g_array_append_val(entries, entry);
    }
}

static bool
parse(const KftCliCommand *command, int argc, char **argv, KftCliArguments *args, GError **error)
{
    g_autoptr(GArray) entries =
        g_array_new(/* zero_terminated */ TRUE, /* clear */ TRUE, sizeof(GOptionEntry));
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    GOptionEntry words = {
        .long_name = G_OPTION_REMAINING,
        .arg = G_OPTION_ARG_FILENAME_ARRAY,
        .arg_data = &args->words,
    };

    append_entries(entries, command->options, args);
    append_entries(entries, kft_options_common, args);
    g_array_append_val(entries, words);
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, (const GOptionEntry *)(void *)entries->data, NULL);
    if (!g_option_context_parse(context, &argc, &argv, error))
        return false;
    if (args->words == NULL)
        args->words = g_new0(char *, 1);
    return true;
}

static bool check_text(const char *what, const char *text)
{
    if (text == NULL || g_utf8_validate(text, -1, NULL))
        return true;
    g_autofree char *shown = g_utf8_make_valid(text, -1);
    kft_print_error("%s: \"%s\" is not UTF-8", what, shown);
    return false;
}

static bool check_texts(const char *what, char **texts)
{
    for (char **text = texts; text != NULL && *text != NULL; text++) {
        if (!check_text(what, *text))
            return false;
    }
    return true;
}

static bool check_utf8(const KftCliCommand *command, KftCliArguments *args)
{
    for (const KftCliOption *option = command->options; option != NULL && option->name != NULL;
         option++) {
        if (option->type == KFT_OPTION_TEXT &&
            !check_text(option->name, *(char **)variable_of(option, args)))
            return false;
        if (option->type == KFT_OPTION_TEXTS &&
            !check_texts(option->name, *(char ***)variable_of(option, args)))
            return false;
    }
    return command->words == KFT_VALUE_FILE || check_texts("argument", args->words);
}

static bool apply_color(const char *when)
{
    if (when == NULL || kft_style_set_color(when))
        return true;
    kft_print_error("--color: \"%s\" is not one of auto, always, never", when);
    return false;
}

bool kft_options_parse(
    const KftCliCommand *command, int argc, char **argv, KftCliArguments *args, int *ret_status)
{
    g_autoptr(GError) error = NULL;
    bool is_good = false;

    if (!parse(command, argc, argv, args, &error))
        kft_print_error("%s; see \"kftrayctl %s --help\"", error->message, command->name);
    else
        is_good = apply_color(args->color) && check_utf8(command, args);
    if (is_good && !args->wants_help)
        return true;
    if (is_good)
        print_help(command);
    *ret_status = is_good ? KFT_EXIT_OK : KFT_EXIT_FAILURE;
    kft_options_clear(command, args);
    return false;
}

static void clear_values(const KftCliOption *options, KftCliArguments *args)
{
    for (const KftCliOption *option = options; option != NULL && option->name != NULL; option++) {
        switch (option->type) {
        case KFT_OPTION_FLAG:
            break;
        case KFT_OPTION_TEXT:
        case KFT_OPTION_FILE:
            g_clear_pointer((char **)variable_of(option, args), g_free);
            break;
        case KFT_OPTION_TEXTS:
        case KFT_OPTION_FILES:
            g_clear_pointer((char ***)variable_of(option, args), g_strfreev);
            break;
        }
    }
}

void kft_options_clear(const KftCliCommand *command, KftCliArguments *args)
{
    clear_values(command->options, args);
    clear_values(kft_options_common, args);
    g_clear_pointer(&args->words, g_strfreev);
}

bool kft_options_check_words(const KftCliCommand *command, const KftCliArguments *args, size_t max)
{
    if (g_strv_length(args->words) <= max)
        return true;
    kft_print_error("unexpected argument \"%s\"; see \"kftrayctl %s --help\"", args->words[max],
                    command->name);
    return false;
}
