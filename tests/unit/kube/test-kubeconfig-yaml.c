/* The YAML tree: places, limits, JSON. */
#include <string.h>

#include "kftray/error.h"

#include "kube/yaml-node.h"

static KftYamlDocument *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    KftYamlDocument *document = kft_yaml_parse(text, strlen(text), "f", &error);
    g_assert_no_error(error);
    return document;
}

static void assert_fails(const char *text, int code, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(kft_yaml_parse(text, strlen(text), "f", &error));
    g_assert_error(error, KFT_ERROR, code);
    if (strstr(error->message, expected) == NULL)
        g_error("\"%s\" is not in \"%s\"", expected, error->message);
}

static void assert_source(const char *text, const KftYamlNode *node, const char *expected)
{
    g_autofree char *source = g_strndup(text + node->start, node->end - node->start);
    g_assert_cmpstr(source, ==, expected);
}

/* Byte offsets must hold behind characters of several bytes: values are replaced by them. */
static void test_offsets(void)
{
    static const char text[] = "\xEF\xBB\xBF# \xC3\xBC\xE2\x82\xAC\r\na: \"\xF0\x9F\x98\x80\"\r\n"
                               "b:  plain text \xC3\xA4 # c\n\nc: [x, 'y''z']\n";
    g_autoptr(KftYamlDocument) document = parse(text);
    const KftYamlNode *root = kft_yaml_get_root(document);
    const KftYamlNode *a = kft_yaml_get(root, "a");
    const KftYamlNode *b = kft_yaml_get(root, "b");
    const KftYamlNode *c = kft_yaml_get(root, "c");
    assert_source(text, a, "\"\xF0\x9F\x98\x80\"");
    assert_source(text, b, "plain text \xC3\xA4");
    assert_source(text, c, "[x, 'y''z']");
    const KftYamlNode *second = g_ptr_array_index(c->children, 1);
    g_assert_cmpstr(second->text, ==, "y'z");
    g_assert_cmpuint(second->line, ==, 5);
    g_assert_cmpuint(second->column, ==, 8);
    g_assert_null(kft_yaml_get(root, "d"));
    g_assert_null(kft_yaml_get(c, "d"));
    g_assert_null(kft_yaml_get(NULL, "d"));
}

static void test_empty(void)
{
    static const char *const texts[] = {"", "\n\n", "# only this\n", "---\n", "---\n...\n", "~"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(KftYamlDocument) document = parse(texts[i]);
        g_assert_true(kft_yaml_is_null(kft_yaml_get_root(document)));
    }
}

static void test_json(void)
{
    static const char *const cases[][2] = {
        {"[1, -2, 1.5e3, 01, +1, .5, 1., 1e, '1', 0x1]",
         "[1,-2,1.5e3,\"01\",\"+1\",\".5\",\"1.\",\"1e\",\"1\",\"0x1\"]"},
        {"[true, False, 'true', null, ~, yes]", "[true,false,\"true\",null,null,\"yes\"]"},
        {"x: |\n  a\n  \"b\"\n\"k\\\\\": {}\n", "{\"x\":\"a\\n\\\"b\\\"\\n\",\"k\\\\\":{}}"},
        {"{1: a, true: b}", "{\"1\":\"a\",\"true\":\"b\"}"},
        {"!!str 5", "\"5\""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(KftYamlDocument) document = parse(cases[i][0]);
        g_autofree char *json = kft_yaml_dup_json(kft_yaml_get_root(document));
        g_assert_cmpstr(json, ==, cases[i][1]);
    }
}

static void test_alias_bomb(void)
{
    GString *text = g_string_new("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (unsigned i = 1; i < 12; i++) {
        g_string_append_printf(text, "l%u: &l%u [", i, i);
        for (unsigned j = 0; j < 10; j++)
            g_string_append_printf(text, "%s*l%u", j == 0 ? "" : ", ", i - 1);
        g_string_append(text, "]\n");
    }
    assert_fails(text->str, KFT_ERROR_LIMIT, "more than 100000 values, those repeated by aliases");
    g_string_free(text, TRUE);
}

static void test_deep(void)
{
    static const char *const brackets[][2] = {{"[", "]"}, {"{a: ", "}"}, {"- ", ""}};
    for (size_t i = 0; i < G_N_ELEMENTS(brackets); i++) {
        GString *text = g_string_new(NULL);
        for (unsigned j = 0; j < 70; j++)
            g_string_append(text, brackets[i][0]);
        for (unsigned j = 0; j < 70; j++)
            g_string_append(text, brackets[i][1]);
        assert_fails(text->str, KFT_ERROR_LIMIT, "nested more than 64 levels deep");
        g_string_free(text, TRUE);
    }
    /* Depth by aliases: each level refers to the one before. */
    GString *text = g_string_new("a0: &a0 x\n");
    for (unsigned i = 1; i < 70; i++)
        g_string_append_printf(text, "a%u: &a%u [*a%u]\n", i, i, i - 1);
    assert_fails(text->str, KFT_ERROR_LIMIT, "nested more than 64 levels deep");
    g_string_free(text, TRUE);
}

static void test_large(void)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < 100001; i++)
        g_string_append(text, "- a\n");
    assert_fails(text->str, KFT_ERROR_LIMIT, "f:100000:3: more than 100000 values");
    g_string_free(text, TRUE);

    g_autoptr(GError) error = NULL;
    char *big = g_malloc0(KFT_YAML_MAX_TEXT_BYTES + 1);
    g_assert_null(kft_yaml_parse(big, KFT_YAML_MAX_TEXT_BYTES + 1, "f", &error));
    g_assert_error(error, KFT_ERROR, KFT_ERROR_LIMIT);
    g_free(big);
}

static void test_bytes(void)
{
    assert_fails("a: \xFF\n", KFT_ERROR_BAD_CONFIG, "f:1:4: not YAML: ");
    assert_fails("x: 1\na: \xC3\xA4 \xC3(\n", KFT_ERROR_BAD_CONFIG, "f:2:7: not YAML: ");
    assert_fails("a:\n  b: 1\n \t c: 2\n", KFT_ERROR_BAD_CONFIG, "indented with a tab");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/yaml/offsets", test_offsets);
    g_test_add_func("/yaml/empty", test_empty);
    g_test_add_func("/yaml/json", test_json);
    g_test_add_func("/yaml/alias-bomb", test_alias_bomb);
    g_test_add_func("/yaml/deep", test_deep);
    g_test_add_func("/yaml/large", test_large);
    g_test_add_func("/yaml/bytes", test_bytes);
    return g_test_run();
}
