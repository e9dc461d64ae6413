/* Makes each widget of the program once, without a cluster, and looks at all of it: whoever cannot
 * see the screen must be told what a control is for. And tables that must be whole: each error code
 * has a text, each action of the table exists and has its label. */
#include <actions.h>
#include <application.h>
#include <cluster-dialog.h>
#include <details-pane.h>
#include <diagnose-dialog.h>
#include <dialogs.h>
#include <editor-dialog.h>
#include <field-check.h>
#include <folded-groups.h>
#include <forward-card.h>
#include <glib/gstdio.h>
#include <group-row.h>
#include <locale.h>
#include <log-window.h>
#include <login-dialog.h>
#include <plan-dialog.h>
#include <relays-dialog.h>
#include <settings-window.h>
#include <string.h>
#include <text.h>
#include <welcome-page.h>
#include <window.h>

static KftCore *core;

/* --- the walk --- */

static bool is_interactive(GtkWidget *widget)
{
    return GTK_IS_BUTTON(widget) || GTK_IS_ENTRY(widget) || GTK_IS_SWITCH(widget) ||
           GTK_IS_COMBO_BOX(widget) || GTK_IS_TREE_VIEW(widget) || GTK_IS_LIST_BOX(widget) ||
           GTK_IS_LIST_BOX_ROW(widget) || GTK_IS_TEXT_VIEW(widget) || GTK_IS_EXPANDER(widget);
}

static bool has_name(GtkWidget *widget)
{
    AtkObject *accessible = gtk_widget_get_accessible(widget);
    const char *name = atk_object_get_name(accessible);
    g_autoptr(GList) labels = gtk_widget_list_mnemonic_labels(widget);
    AtkRelationSet *relations = atk_object_ref_relation_set(accessible);
    bool is_labelled = atk_relation_set_contains(relations, ATK_RELATION_LABELLED_BY);

    g_object_unref(relations);
    return (name != NULL && *name != '\0') || labels != NULL || is_labelled;
}

/* Parts that GTK made itself and shows in no such way: the list button of a combo box, heads of
 * columns, the close button of a bar without one. */
static bool is_inner(GtkWidget *widget)
{
    if (GTK_IS_COMBO_BOX(widget) || GTK_IS_TREE_VIEW(widget))
        return false;
    return gtk_widget_get_ancestor(widget, GTK_TYPE_COMBO_BOX) != NULL ||
           gtk_widget_get_ancestor(widget, GTK_TYPE_TREE_VIEW) != NULL ||
           ((gtk_widget_get_ancestor(widget, GTK_TYPE_INFO_BAR) != NULL ||
             gtk_widget_get_ancestor(widget, GTK_TYPE_SEARCH_BAR) != NULL) &&
            !gtk_widget_get_visible(widget));
}

static void check_names(GtkWidget *widget, gpointer user_data)
{
    GString *where = user_data;

    if (is_interactive(widget) && !is_inner(widget) && !has_name(widget)) {
        g_test_message("%s: %s \"%s\" has no accessible name", where->str,
                       G_OBJECT_TYPE_NAME(widget), gtk_buildable_get_name(GTK_BUILDABLE(widget)));
        g_test_fail();
    }
    if (GTK_IS_CONTAINER(widget))
        gtk_container_forall(GTK_CONTAINER(widget), check_names, user_data);
}

static void walk_and_destroy(GtkWidget *widget, const char *name)
{
    g_autoptr(GString) where = g_string_new(name);

    g_object_ref_sink(widget);
    check_names(widget, where);
    gtk_widget_destroy(widget);
    g_object_unref(widget);
}

/* --- parts --- */

static KftConfig *make_config(void)
{
    KftConfig *config = kft_config_new();
    config->id.v = 1;
    config->alias = g_strdup("web");
    config->context = g_strdup("here");
    config->namespace_ = g_strdup("shop");
    config->service = g_strdup("web");
    config->remote_port = 80;
    config->local_port = 8080;
    return config;
}

static void test_names(void)
{
    g_autoptr(KftForwardItem) item = kft_forward_item_new(make_config());
    g_autoptr(GPtrArray) incoming = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    GtkApplication *application = GTK_APPLICATION(g_application_get_default());
    GtkWidget *details = g_object_new(KFT_TYPE_DETAILS_PANE, NULL);

    g_ptr_array_add(incoming, make_config());
    kft_details_pane_set_item(KFT_DETAILS_PANE(details), item);
    walk_and_destroy(details, "details-pane");
    walk_and_destroy(kft_forward_card_new(item), "forward-card");
    walk_and_destroy(kft_group_row_new("here", "here"), "group-row");
    walk_and_destroy(g_object_new(KFT_TYPE_WELCOME_PAGE, NULL), "welcome-page");
    walk_and_destroy(kft_editor_dialog_new(core, NULL, NULL), "editor-dialog");
    walk_and_destroy(kft_cluster_dialog_new(core, NULL, NULL), "cluster-dialog");
    walk_and_destroy(kft_plan_dialog_new(core, NULL, incoming, "x.json", NULL), "plan-dialog");
    walk_and_destroy(kft_diagnose_dialog_new(core, NULL, item), "diagnose-dialog");
    walk_and_destroy(kft_relays_dialog_new(core, NULL), "relays-dialog");
    walk_and_destroy(kft_login_dialog_new(NULL, "proxy:3128", "ann", true), "login-dialog");
    walk_and_destroy(kft_log_window_new(application, kft_core_get_model(core), item), "log-window");
    walk_and_destroy(kft_log_window_new(application, kft_core_get_model(core), NULL),
                     "log-window of all");
    walk_and_destroy(kft_settings_window_new(core, NULL), "settings-window");
    walk_and_destroy(GTK_WIDGET(kft_window_new(application, core)), "window");
}

static void test_actions_exist(void)
{
    GtkApplication *application = GTK_APPLICATION(g_application_get_default());
    KftWindow *window = kft_window_new(application, core);
    size_t n = 0;
    const KftActionInfo *actions = kft_actions_list(&n);

    for (size_t i = 0; i < n; i++) {
        g_assert_nonnull(strchr(kft_action_get_label(&actions[i]), '_'));
        if (g_str_has_prefix(actions[i].name, "win."))
            g_assert_true(g_action_group_has_action(G_ACTION_GROUP(window), actions[i].name + 4));
    }
    gtk_widget_destroy(GTK_WIDGET(window));
}

/* Two actions on one key would hide one of them. */
static void test_keys_differ(void)
{
    GtkWidget *window = kft_actions_make_shortcuts_window();
    size_t n = 0;
    const KftActionInfo *actions = kft_actions_list(&n);

    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; actions[i].keys != NULL && j < n; j++)
            g_assert_cmpstr(actions[i].keys, !=, actions[j].keys);
    }
    gtk_widget_destroy(window);
}

static void test_error_texts(void)
{
    static const KftErrorCode codes[] = {
#define CODE(name, retry, user) KFT_ERROR_##name,
        KFT_ERROR_CODES(CODE)
#undef CODE
    };
    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        g_assert_cmpstr(kft_error_sentence(codes[i]), !=, "");
        g_assert_nonnull(kft_error_sentence(codes[i]));
        g_assert_nonnull(kft_error_hint(codes[i]));
    }
}

/* Each value that the engine refuses is told of, and no other. */
static void test_field_texts(void)
{
    static const struct {
        const char *workload;
        const char *key;
        const char *right;
        const char *wrong;
    } fields[] = {
        {"service", "namespace", "shop", "Shop"},
        {"service", "service", "web", "web_1"},
        {"pod", "target", "app=web,tier!=test", "=web"},
        {"pod", "object", "deploy/web", "deploy/"},
        {"proxy", "remote_address", "db.example.com", "a b"},
        {"service", "remote_port", "65535", "65536"},
        {"pod", "local_port", "8080", "x"},
        {"proxy", "local_address", "::1", "here"},
        {"service", "disconnect_timeout_minutes", "0", "-1"},
        {"service", "stop_at", "18:30", "24:00"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        const char *workload = fields[i].workload;
        g_assert_null(kft_field_check(workload, fields[i].key, NULL));
        g_assert_cmpstr(kft_field_check(workload, fields[i].key, fields[i].right), ==, NULL);
        g_assert_nonnull(kft_field_check(workload, fields[i].key, fields[i].wrong));
    }
}

static void test_folded_groups(void)
{
    KftFoldedGroups *groups = kft_folded_groups_new();
    KftFoldedGroups *copy = kft_folded_groups_new();

    g_assert_null(kft_folded_groups_dup_text(groups));
    kft_folded_groups_set(groups, "a \"b\" \\ \n é", true);
    kft_folded_groups_set(groups, "", true);
    kft_folded_groups_set(groups, "gone", true);
    kft_folded_groups_set(groups, "gone", false);
    g_autofree char *text = kft_folded_groups_dup_text(groups);
    kft_folded_groups_read(copy, text);
    g_assert_true(kft_folded_groups_contains(copy, "a \"b\" \\ \n é"));
    g_assert_true(kft_folded_groups_contains(copy, ""));
    g_assert_false(kft_folded_groups_contains(copy, "gone"));
    kft_folded_groups_read(copy, "{\"no\": \"array\"}");
    g_assert_null(kft_folded_groups_dup_text(copy));
    kft_folded_groups_free(groups);
    kft_folded_groups_free(copy);
}

static void on_stopped(KftCore *self, gpointer user_data)
{
    bool *has_stopped = user_data;
    (void)self;
    *has_stopped = true;
}

int main(int argc, char **argv)
{
    g_autofree char *dir = g_dir_make_tmp("kftray-templates-XXXXXX", NULL);
    bool has_stopped = false;

    (void)g_setenv("KFTRAY_CONFIG", dir, TRUE);
    (void)g_setenv("KUBECONFIG", "/nonexistent", TRUE);
    (void)setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    gtk_init(&argc, &argv);
    g_autoptr(GtkApplication) application =
        gtk_application_new("io.github.kftray.Test", G_APPLICATION_NON_UNIQUE);
    g_application_set_default(G_APPLICATION(application));
    g_assert_true(g_application_register(G_APPLICATION(application), NULL, NULL));
    core = kft_core_new(dir, NULL);
    g_assert_nonnull(core);
    g_signal_connect(core, "stopped", G_CALLBACK(on_stopped), &has_stopped);
    g_test_add_func("/ui/names", test_names);
    g_test_add_func("/ui/actions", test_actions_exist);
    g_test_add_func("/ui/keys", test_keys_differ);
    g_test_add_func("/ui/errors", test_error_texts);
    g_test_add_func("/ui/fields", test_field_texts);
    g_test_add_func("/ui/folded-groups", test_folded_groups);
    int status = g_test_run();
    kft_core_shut_down(core, false);
    while (!has_stopped)
        (void)g_main_context_iteration(NULL, TRUE);
    g_clear_object(&core);
    return status;
}
