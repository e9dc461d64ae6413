/* Strict accessors, and parsing whole and in pieces. */
#include <string.h>

#include "kftray/error.h"

#include "sample.h"

/* NOLINTBEGIN(readability-function-size,readability-function-cognitive-complexity): each assertion
 * is a macro of several branches. */

static void test_types(void)
{
    g_autoptr(json_object) o =
        kft_test_parse_quoted("{'s':'text','n':12,'big':99999,'d':1.5,'b':true,'z':null,'a':[1,'x']"
                              ",'e':{'f':{'g':'deep'}},"
                              "'nul':'a\\u0000b','t':'2026-11-23T04:48:16Z'}");

    g_assert_cmpstr(kft_json_string(o, "s"), ==, "text");
    g_assert_cmpstr(kft_json_string(o, "e.f.g"), ==, "deep");
    g_assert_null(kft_json_string(o, "n"));
    g_assert_null(kft_json_string(o, "nul"));
    g_assert_null(kft_json_string(o, "s.x"));
    g_assert_null(kft_json_string(o, "missing.x"));
    g_assert_null(kft_json_string(o, ""));
    g_assert_null(kft_json_string(NULL, "s"));
    g_assert_cmpint(kft_json_int(o, "n", -1), ==, 12);
    g_assert_cmpint(kft_json_int(o, "s", -1), ==, -1);
    g_assert_cmpint(kft_json_int(o, "d", -1), ==, -1);
    g_assert_cmpuint(kft_json_port(o, "n"), ==, 12);
    g_assert_cmpuint(kft_json_port(o, "big"), ==, 0);
    g_assert_true(kft_json_bool(o, "b", false));
    g_assert_false(kft_json_bool(o, "n", false));
    g_assert_true(kft_json_bool(o, "z", true));
    g_assert_cmpuint(kft_json_length(o, "a"), ==, 2);
    g_assert_cmpuint(kft_json_length(o, "e"), ==, 0);
    g_assert_null(kft_json_at(o, "a", 2));
    g_assert_null(kft_json_at(o, "s", 0));
    g_assert_cmpint(kft_json_time(o, "t"), ==, 1795409296);
    g_assert_cmpint(kft_json_time(o, "s"), ==, 0);
}

static void test_refused(void)
{
    static const char *const texts[] = {
        "", "{", "{'a':1,}", "{'a':1} x", "[1 2]", "nul", "null", "/* c */ {}", "{a:1}",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *json = g_strdelimit(g_strdup(texts[i]), "'", '"');
        g_test_message("%s", json);
        g_assert_null(kft_json_parse(json, strlen(json), &error));
        g_assert_error(error, KFT_ERROR, KFT_ERROR_PROTOCOL);
    }
}

static void test_depth(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *deep = g_strnfill(100000, '[');
    g_assert_null(kft_json_parse(deep, strlen(deep), &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_PROTOCOL);
}

/* Cut at every place, multi-byte characters included. */
static void test_pieces(void)
{
    static const char text[] =
        "{\"name\":\"w\303\244b\",\"list\":[1,2.5,\"\\u00e4\"],\"n\":42}\n \n";

    for (size_t cut = 0; cut <= strlen(text); cut++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(KftJsonReader) reader = kft_json_reader_new(1000);
        kft_json_reader_feed(reader, text, cut);
        kft_json_reader_feed(reader, text + cut, strlen(text) - cut);
        g_autoptr(json_object) object = kft_json_reader_finish(reader, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(kft_json_string(object, "name"), ==, "w\303\244b");
        g_assert_cmpint(kft_json_int(object, "n", 0), ==, 42);
    }
}

static void test_limit(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftJsonReader) reader = kft_json_reader_new(8);
    kft_json_reader_feed(reader, "{\"a\":", 5);
    kft_json_reader_feed(reader, "\"long\"}", 7);
    g_assert_null(kft_json_reader_finish(reader, &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_LIMIT);
}

static void test_bad_utf8(void)
{
    static const char text[] = "{\"a\":\"x\377y\",\"b\":\"ok\"}";
    g_autoptr(json_object) object = kft_json_parse(text, strlen(text), NULL);
    g_assert_null(kft_json_string(object, "a"));
}

/* NOLINTEND(readability-function-size,readability-function-cognitive-complexity) */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/json/types", test_types);
    g_test_add_func("/base/json/refused", test_refused);
    g_test_add_func("/base/json/depth", test_depth);
    g_test_add_func("/base/json/pieces", test_pieces);
    g_test_add_func("/base/json/limit", test_limit);
    g_test_add_func("/base/json/bad-utf8", test_bad_utf8);
    return g_test_run();
}
