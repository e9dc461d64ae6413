/* The plan is made from the model and not from the store, so that another choice about taken ports
 * shows at once. */
#include "plan-dialog.h"

#include <glib/gi18n.h>

struct _KftPlanDialog {
    GtkDialog parent;
    KftCore *core;
    GPtrArray *incoming;
    KftImportPlan *plan;
    GtkLabel *summary;
    GtkListStore *rows;
    GtkToggleButton *free_ports;
    GtkWidget *skipped_expander;
    GtkLabel *skipped;
    GtkWidget *problem_bar;
    GtkLabel *problem;
};

G_DEFINE_FINAL_TYPE(KftPlanDialog, kft_plan_dialog, GTK_TYPE_DIALOG)

enum {
    COLUMN_ACTION,
    COLUMN_ALIAS,
    COLUMN_TARGET,
    COLUMN_LOCAL,
    COLUMN_DETAIL
};

static const char *get_action_text(KftImportAction action)
{
    switch (action) {
    case KFT_IMPORT_NEW:
        return _("New");
    case KFT_IMPORT_CHANGED:
        return _("Changed");
    case KFT_IMPORT_SAME:
        return _("The same");
    case KFT_IMPORT_CONFLICT:
        return _("Conflict");
    }
    g_assert_not_reached();
}

static char *describe(const KftImportItem *item)
{
    if (item->action == KFT_IMPORT_CHANGED)
        return g_strjoinv(", ", item->changed);
    if (item->action == KFT_IMPORT_CONFLICT && item->opponent != NULL)
        return g_strdup_printf(_("the local port belongs to “%s”"), item->opponent->alias);
    return g_strdup("");
}

static void add_row(KftPlanDialog *self, const KftImportItem *item)
{
    g_autofree char *target = kft_config_describe_target(item->config);
    g_autofree char *local = kft_config_describe_local(item->config);
    g_autofree char *alias = kft_config_make_alias(item->config);
    g_autofree char *detail = describe(item);

    gtk_list_store_insert_with_values(
        self->rows, NULL, -1, COLUMN_ACTION, get_action_text(item->action), COLUMN_ALIAS,
        item->config->alias != NULL ? item->config->alias : alias, COLUMN_TARGET, target,
        COLUMN_LOCAL, local, COLUMN_DETAIL, detail, -1);
}

static void make_plan(KftPlanDialog *self)
{
    GListModel *list = kft_model_get_list(kft_core_get_model(self->core));
    g_autoptr(GPtrArray) stored = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    unsigned n = g_list_model_get_n_items(list);

    for (unsigned i = 0; i < n; i++) {
        g_autoptr(KftForwardItem) item = g_list_model_get_item(list, i);
        g_ptr_array_add(stored, kft_config_copy(kft_forward_item_get_config(item)));
    }
    kft_import_plan_free(self->plan);
    self->plan = kft_import_plan_new(self->incoming, stored);
    if (gtk_toggle_button_get_active(self->free_ports))
        kft_import_plan_use_free_ports(self->plan);
}

static void show_plan(KftPlanDialog *self)
{
    g_autofree char *summary = g_strdup_printf(
        /* Translators: what an import would do; all four are numbers of forwards. */
        _("%zu new, %zu changed, %zu the same, %zu with a local port that is taken"),
        self->plan->n_new, self->plan->n_changed, self->plan->n_same, self->plan->n_conflicts);
    bool has_changes = self->plan->n_new + self->plan->n_changed + self->plan->n_conflicts > 0;

    gtk_label_set_text(self->summary, summary);
    gtk_list_store_clear(self->rows);
    for (unsigned i = 0; i < self->plan->items->len; i++)
        add_row(self, self->plan->items->pdata[i]);
    gtk_widget_set_visible(GTK_WIDGET(self->free_ports), self->plan->n_conflicts > 0);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_OK, has_changes);
}

static void on_free_ports_toggled(KftPlanDialog *self)
{
    make_plan(self);
    show_plan(self);
}

static void on_stored(GObject *owner, const GError *error)
{
    KftPlanDialog *self = KFT_PLAN_DIALOG(owner);

    if (error == NULL) {
        gtk_widget_destroy(GTK_WIDGET(self));
        return;
    }
    gtk_label_set_text(self->problem, error->message);
    gtk_widget_show(self->problem_bar);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_OK, TRUE);
}

static void kft_plan_dialog_response(GtkDialog *dialog, int response)
{
    KftPlanDialog *self = KFT_PLAN_DIALOG(dialog);

    if (response != GTK_RESPONSE_OK) {
        gtk_widget_destroy(GTK_WIDGET(dialog));
        return;
    }
    g_autoptr(GPtrArray) changes = kft_import_plan_list_changes(self->plan);
    GPtrArray *configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    for (unsigned i = 0; i < changes->len; i++)
        g_ptr_array_add(configs, kft_config_copy(changes->pdata[i]));
    gtk_dialog_set_response_sensitive(dialog, GTK_RESPONSE_OK, FALSE);
    kft_core_put_configs(self->core, configs, on_stored, G_OBJECT(self));
}

static void kft_plan_dialog_finalize(GObject *object)
{
    KftPlanDialog *self = KFT_PLAN_DIALOG(object);
    g_object_unref(self->core);
    g_ptr_array_unref(self->incoming);
    kft_import_plan_free(self->plan);
    G_OBJECT_CLASS(kft_plan_dialog_parent_class)->finalize(object);
}

static void kft_plan_dialog_class_init(KftPlanDialogClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->finalize = kft_plan_dialog_finalize;
    GTK_DIALOG_CLASS(class)->response = kft_plan_dialog_response;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/plan-dialog.ui");
#define BIND(child) gtk_widget_class_bind_template_child(widget_class, KftPlanDialog, child)
    BIND(summary);
    BIND(rows);
    BIND(free_ports);
    BIND(skipped_expander);
    BIND(skipped);
    BIND(problem_bar);
    BIND(problem);
#undef BIND
    gtk_widget_class_bind_template_callback(widget_class, on_free_ports_toggled);
}

static void kft_plan_dialog_init(KftPlanDialog *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

static void show_skipped(KftPlanDialog *self, const GPtrArray *skipped)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned i = 0; skipped != NULL && i < skipped->len; i++)
        g_string_append_printf(text, "%s\n", (const char *)skipped->pdata[i]);
    gtk_label_set_text(self->skipped, text->str);
    gtk_widget_set_visible(self->skipped_expander, text->len > 0);
}

GtkWidget *kft_plan_dialog_new(KftCore *core,
                               GtkWindow *parent,
                               const GPtrArray *incoming,
                               const char *source,
                               const GPtrArray *skipped)
{
    /* Translators: title of a window; %s is the name of a file. */
    g_autofree char *title = g_strdup_printf(_("Import %s"), source);
    KftPlanDialog *self = g_object_new(KFT_TYPE_PLAN_DIALOG, "use-header-bar", 1, "transient-for",
                                       parent, "title", title, NULL);

    self->core = g_object_ref(core);
    self->incoming = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    for (unsigned i = 0; i < incoming->len; i++)
        g_ptr_array_add(self->incoming, kft_config_copy(incoming->pdata[i]));
    gtk_dialog_set_default_response(GTK_DIALOG(self), GTK_RESPONSE_OK);
    make_plan(self);
    show_plan(self);
    show_skipped(self, skipped);
    return GTK_WIDGET(self);
}
