/* Sample objects for tests. */
#include "sample.h"

#include <string.h>

#include "child.h"

json_object *kft_test_load_sample(const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *relative = g_build_filename("tests/data/kube", name, NULL);
    g_autofree char *path = kft_test_source_path(relative);
    g_autofree char *text = NULL;
    gsize size = 0;

    g_assert_true(g_file_get_contents(path, &text, &size, &error));
    json_object *object = kft_json_parse(text, size, &error);
    g_assert_no_error(error);
    return object;
}

json_object *kft_test_parse_quoted(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *json = g_strdelimit(g_strdup(text), "'", '"');
    json_object *object = kft_json_parse(json, strlen(json), &error);

    g_assert_no_error(error);
    return object;
}
