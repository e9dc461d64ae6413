/* What is said of JSON text that is none, and where. */
#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "config/json-check.h"

static void test_right(void)
{
    static const char *const rows[] = {
        "0",
        "-0",
        "-1.5e+10",
        "true",
        "null",
        "\"\"",
        "[]",
        "{}",
        " [ 1 , 2 ] \r\n\t",
        "{\"a\":{\"b\":[{}]},\"c\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}",
        "18446744073709551615",
        "-9223372036854775808",
        "\"\x7f\xc3\xa9\"",
        "{\"a\":{\"a\":1}}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        /* A block of the exact size: nothing behind the end may be read. */
        g_autofree char *text = g_memdup2(rows[i], strlen(rows[i]));
        (void)kft_json_check(text, strlen(rows[i]), &error);
        g_assert_no_error(error);
        g_autoptr(json_object) value = kft_json_parse(text, strlen(rows[i]), NULL);
        g_assert_true(value != NULL || strcmp(rows[i], "null") == 0);
    }
}

static void test_wrong(void)
{
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"", "line 1, column 1: the text ends too early*"},
        {"[1,\n  2", "line 2, column 4: the text ends too early*"},
        {"[1\n,\n]", "line 2, column 1: the \",\" before \"]\" is too many"},
        {"{\"a\":1,}", "line 1, column 7: the \",\" before \"}\" is too many"},
        {"[1 2]", "line 1, column 4: \",\" or \"]\" is missing before 2"},
        {"{\"a\":1 \"b\":2}", "line 1, column 8: \",\" or \"}\" is missing before \""},
        {"{\"a\" 1}", "line 1, column 6: \":\" is missing before 1"},
        {"{a:1}", "line 1, column 2: a key in quotes is missing before a"},
        {"{'a':1}", "line 1, column 2: a key in quotes is missing before '"},
        {"[tru]", "line 1, column 2: a value is missing before tru"},
        {"[NaN]", "line 1, column 2: a value is missing before NaN"},
        {"[,1]", "line 1, column 2: a value is missing before ,"},
        {"// c\n1", "line 1, column 1: a value is missing before /"},
        {"[1] x", "line 1, column 5: there is more text behind the end*"},
        {"[01]", "line 1, column 2: a number that is none in JSON"},
        {"[1.]", "line 1, column 2: a number that is none in JSON"},
        {"[-]", "line 1, column 2: a number that is none in JSON"},
        {"[1e]", "line 1, column 2: a number that is none in JSON"},
        {"[18446744073709551616]", "line 1, column 2: a number that is too large"},
        {"[-9223372036854775809]", "line 1, column 2: a number that is too large"},
        {"[1e999]", "line 1, column 2: a number that is too large"},
        {"[\"\xc3\xa9\", \"a\nb\"]", "line 1, column 7: the closing quote of this text is missing"},
        {"[\"abc", "line 1, column 2: the closing quote of this text is missing"},
        {"[\"a\tb\"]", "line 1, column 4: a control character inside a text*"},
        {"[\"\\q\"]", "line 1, column 3: an unknown escape in a text*"},
        {"[\"\\", "line 1, column 3: the text ends too early*"},
        {"[\"\\u12\"]", "line 1, column 3: \\u without four*"},
        {"[\"\\u0000\"]", "line 1, column 3: a NUL character*"},
        {"[\"\\ud800\"]", "line 1, column 3: half of a surrogate pair*"},
        {"[\"\\udc00\"]", "line 1, column 3: half of a surrogate pair*"},
        {"[\"\\ud800\\u0041\"]", "line 1, column 3: half of a surrogate pair*"},
        {"[\"\xff\"]", "line 1, column 3: bytes that are not UTF-8"},
        {"{\"a\":1,\n \"\\u0061\":2}", "line 2, column 2: the key \"a\" stands here twice"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *copy = g_memdup2(rows[i].text, strlen(rows[i].text));
        const char *text = copy == NULL ? "" : copy;
        if (kft_json_check(text, strlen(rows[i].text), &error))
            g_error("\"%s\" is taken", rows[i].text);
        g_assert_error(error, KFT_ERROR, KFT_ERROR_BAD_CONFIG);
        if (!g_pattern_match_simple(rows[i].message, error->message))
            g_error("\"%s\" does not match \"%s\"", error->message, rows[i].message);
    }
}

static void test_nul(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) second = NULL;

    g_assert_false(kft_json_check("[\"a\0b\"]", 7, &error));
    g_assert_cmpstr(error->message, ==, "line 1, column 4: a NUL byte is not allowed");
    g_assert_false(kft_json_check("[\0]", 3, &second));
}

static void test_depth(void)
{
    for (unsigned depth = KFT_JSON_CHECK_MAX_DEPTH; depth < 100000; depth += 49984) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GString) text = g_string_new(NULL);
        for (unsigned i = 0; i < depth; i++)
            g_string_append_c(text, '[');
        for (unsigned i = 0; i < depth; i++)
            g_string_append_c(text, ']');
        bool is_right = kft_json_check(text->str, text->len, &error);
        g_assert_cmpint(is_right, ==, depth <= KFT_JSON_CHECK_MAX_DEPTH);
        if (!is_right)
            g_assert_cmpstr(error->message, ==, "line 1, column 33: nested deeper than 32 levels");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/share/json-check/right", test_right);
    g_test_add_func("/share/json-check/wrong", test_wrong);
    g_test_add_func("/share/json-check/nul", test_nul);
    g_test_add_func("/share/json-check/depth", test_depth);
    return g_test_run();
}
