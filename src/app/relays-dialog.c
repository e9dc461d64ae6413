/* One context at a time; a question that is not answered yet is dropped when another one is chosen.
 * Only relays of this installation that no program uses are deleted, as the engine sees to. */
#include "relays-dialog.h"

#include <glib/gi18n.h>
#include <string.h>

#include "text.h"

struct _KftRelaysDialog {
    GtkDialog parent;
    KftCore *core;
    GHashTable *questions; /* ids that are not answered */
    GPtrArray *orphans;    /* KftFoundRelay, of what is shown */
    GPtrArray *found;      /* what @orphans and the rows borrow from; nullable */
    GPtrArray *doomed;     /* of KftQuery: what is deleted if the answer to the question is yes */
    GtkComboBoxText *context;
    GtkSpinner *spinner;
    GtkListStore *rows;
    GtkTreeSelection *selection;
    GtkWidget *delete_button; /* what is selected */
    GtkLabel *summary;
    GtkWidget *problem_bar;
    GtkLabel *problem;
};

G_DEFINE_FINAL_TYPE(KftRelaysDialog, kft_relays_dialog, GTK_TYPE_DIALOG)

enum {
    COLUMN_ICON,
    COLUMN_USE,
    COLUMN_NAME,
    COLUMN_NAMESPACE,
    COLUMN_OWNER,
    COLUMN_PURPOSE,
    COLUMN_AGE,
    COLUMN_RELAY, /* KftFoundRelay, borrowed */
};

/* --- questions --- */

static void show_problem(KftRelaysDialog *self, const char *text)
{
    gtk_widget_set_visible(self->problem_bar, text != NULL);
    gtk_label_set_text(self->problem, text != NULL ? text : "");
}

static void show_busy(KftRelaysDialog *self)
{
    if (g_hash_table_size(self->questions) > 0)
        gtk_spinner_start(self->spinner);
    else
        gtk_spinner_stop(self->spinner);
}

static void ask(KftRelaysDialog *self, KftQuery *query, KftAnswerFunc done)
{
    uint32_t id = kft_core_ask(self->core, query, done, G_OBJECT(self));
    g_hash_table_add(self->questions, GUINT_TO_POINTER(id));
    show_busy(self);
}

/* False: it was dropped, or there is no answer, which is shown. */
static bool take_answer(KftRelaysDialog *self, const KftAnswer *answer)
{
    if (!g_hash_table_remove(self->questions, GUINT_TO_POINTER(answer->id.v)))
        return false;
    show_busy(self);
    if (answer->error != NULL)
        show_problem(self, answer->error);
    return answer->error == NULL;
}

static void drop_questions(KftRelaysDialog *self)
{
    GHashTableIter iter;
    gpointer id = NULL;

    g_hash_table_iter_init(&iter, self->questions);
    while (g_hash_table_iter_next(&iter, &id, NULL))
        kft_core_cancel(self->core, GPOINTER_TO_UINT(id));
    g_hash_table_remove_all(self->questions);
    show_busy(self);
}

/* --- what there is --- */

static bool is_orphaned(const KftFoundRelay *relay)
{
    return relay->is_own && !relay->is_active;
}

static char *describe_owner(const KftFoundRelay *relay)
{
    if (relay->owner == NULL)
        return g_strdup(relay->installation);
    return relay->host == NULL ? g_strdup(relay->owner)
                               : g_strdup_printf("%s@%s", relay->owner, relay->host);
}

static void add_row(KftRelaysDialog *self, KftFoundRelay *relay)
{
    gint64 age = MAX(g_get_real_time() / G_USEC_PER_SEC - relay->created, 0);
    g_autofree char *age_text = relay->created == 0 ? g_strdup("") : kft_text_duration(age);
    g_autofree char *owner = describe_owner(relay);
    /* Translators: what becomes of a relay pod; of another user or machine. */
    const char *use = !relay->is_own     ? _("Others’")
                      : relay->is_active ? _("In use")
                                         : _("Orphaned");
    const char *icon = !relay->is_own     ? "kftray-stopped-symbolic"
                       : relay->is_active ? "kftray-running-symbolic"
                                          : "kftray-failed-symbolic";

    gtk_list_store_insert_with_values(self->rows, NULL, -1, COLUMN_ICON, icon, COLUMN_USE, use,
                                      COLUMN_NAME, relay->name, COLUMN_NAMESPACE, relay->namespace_,
                                      COLUMN_OWNER, owner, COLUMN_PURPOSE, relay->purpose,
                                      COLUMN_AGE, age_text, COLUMN_RELAY, relay, -1);
}

static void clear_list(KftRelaysDialog *self)
{
    gtk_list_store_clear(self->rows);
    g_ptr_array_set_size(self->orphans, 0);
    g_clear_pointer(&self->found, g_ptr_array_unref);
    gtk_label_set_text(self->summary, "");
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_APPLY, FALSE);
}

static void show_summary(KftRelaysDialog *self, unsigned n_relays)
{
    g_autofree char *all =
        g_strdup_printf(ngettext("%u relay pod", "%u relay pods", n_relays), n_relays);
    g_autofree char *orphaned =
        g_strdup_printf(ngettext("%u of them orphaned", "%u of them orphaned", self->orphans->len),
                        self->orphans->len);
    g_autofree char *text = self->orphans->len == 0 ? g_strdup(all)
                                                    /* Translators: "5 relay pods, 2 of them
                                                       orphaned" */
                                                    : g_strdup_printf(_("%s, %s"), all, orphaned);

    gtk_label_set_text(self->summary,
                       n_relays == 0 ? _("There are no relay pods in this cluster.") : text);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_APPLY, self->orphans->len > 0);
}

static void on_relays(GObject *owner, const KftAnswer *answer)
{
    KftRelaysDialog *self = KFT_RELAYS_DIALOG(owner);

    if (!take_answer(self, answer))
        return;
    clear_list(self);
    self->found = g_ptr_array_ref(answer->items);
    for (unsigned i = 0; i < self->found->len; i++) {
        KftFoundRelay *relay = self->found->pdata[i];
        add_row(self, relay);
        if (is_orphaned(relay))
            g_ptr_array_add(self->orphans, relay);
    }
    show_summary(self, self->found->len);
    if (answer->note != NULL)
        show_problem(self, answer->note);
}

static KftQuery *new_query(KftRelaysDialog *self, KftQueryType type)
{
    KftQuery *query = kft_query_new((KftQueryId){0}, type);
    query->context = gtk_combo_box_text_get_active_text(self->context);
    return query;
}

static void ask_relays(KftRelaysDialog *self)
{
    KftQuery *query = new_query(self, KFT_QUERY_RELAYS);
    query->all_namespaces = true;
    ask(self, query, on_relays);
}

/* --- which cluster --- */

static void on_refresh(KftRelaysDialog *self)
{
    drop_questions(self);
    show_problem(self, NULL);
    if (gtk_combo_box_get_active(GTK_COMBO_BOX(self->context)) >= 0)
        ask_relays(self);
}

static void on_context_changed(KftRelaysDialog *self)
{
    clear_list(self);
    on_refresh(self);
}

static void on_contexts(GObject *owner, const KftAnswer *answer)
{
    KftRelaysDialog *self = KFT_RELAYS_DIALOG(owner);
    int current = 0;

    if (!take_answer(self, answer))
        return;
    for (unsigned i = 0; i < answer->items->len; i++) {
        const KftFoundContext *context = answer->items->pdata[i];
        gtk_combo_box_text_append_text(self->context, context->name);
        if (context->is_current)
            current = (int)i;
    }
    if (answer->items->len == 0)
        gtk_label_set_text(self->summary, _("This kubeconfig has no contexts"));
    else
        gtk_combo_box_set_active(GTK_COMBO_BOX(self->context), current);
}

/* --- deleting --- */

static void on_deleted(GObject *owner, const KftAnswer *answer)
{
    KftRelaysDialog *self = KFT_RELAYS_DIALOG(owner);

    (void)take_answer(self, answer);
    if (g_hash_table_size(self->questions) == 0)
        ask_relays(self);
}

static void delete_doomed(KftRelaysDialog *self)
{
    g_autoptr(GPtrArray) queries = g_steal_pointer(&self->doomed);

    show_problem(self, NULL);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_APPLY, FALSE);
    gtk_widget_set_sensitive(self->delete_button, FALSE);
    g_ptr_array_set_free_func(queries, NULL);
    for (unsigned i = 0; i < queries->len; i++)
        ask(self, queries->pdata[i], on_deleted);
}

static void on_confirmed(GtkDialog *dialog, int response, KftRelaysDialog *self)
{
    gtk_widget_destroy(GTK_WIDGET(dialog));
    if (response == GTK_RESPONSE_YES)
        delete_doomed(self);
    g_clear_pointer(&self->doomed, g_ptr_array_unref);
}

/* Names are taken now: another answer may come while the question is open. */
static void doom(KftRelaysDialog *self, const GPtrArray *relays)
{
    g_clear_pointer(&self->doomed, g_ptr_array_unref);
    self->doomed = g_ptr_array_new_with_free_func((GDestroyNotify)kft_query_free);
    for (unsigned i = 0; i < relays->len; i++) {
        const KftFoundRelay *relay = relays->pdata[i];
        KftQuery *query = new_query(self, KFT_QUERY_DELETE_RELAY);
        query->namespace_ = g_strdup(relay->namespace_);
        query->name = g_strdup(relay->name);
        g_ptr_array_add(self->doomed, query);
    }
}

/* @relays: KftFoundRelay, orphaned ones. */
static void confirm(KftRelaysDialog *self, const GPtrArray *relays)
{
    unsigned n = relays->len;
    const KftFoundRelay *first = relays->pdata[0];
    g_autofree char *one = g_strdup_printf(_("Delete the orphaned relay pod %s?"), first->name);
    g_autofree char *many = g_strdup_printf(
        ngettext("Delete %u orphaned relay pod?", "Delete %u orphaned relay pods?", n), n);
    GtkWidget *dialog =
        gtk_message_dialog_new(GTK_WINDOW(self), GTK_DIALOG_MODAL | GTK_DIALOG_DESTROY_WITH_PARENT,
                               GTK_MESSAGE_OTHER, GTK_BUTTONS_NONE, "%s", n == 1 ? one : many);

    doom(self, relays);
    gtk_message_dialog_format_secondary_text(
        GTK_MESSAGE_DIALOG(dialog), "%s",
        ngettext("No program on this computer uses it. Those of other users and machines stay.",
                 "No program on this computer uses them. Those of other users and machines stay.",
                 n));
    gtk_dialog_add_buttons(GTK_DIALOG(dialog), _("_Cancel"), GTK_RESPONSE_CANCEL, _("_Delete"),
                           GTK_RESPONSE_YES, NULL);
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_CANCEL);
    g_signal_connect_object(dialog, "response", G_CALLBACK(on_confirmed), self, 0);
    gtk_window_present(GTK_WINDOW(dialog));
}

/* --- one of them --- */

/* KftFoundRelay, what is selected. */
static GPtrArray *get_selected(KftRelaysDialog *self)
{
    GPtrArray *relays = g_ptr_array_new();
    GtkTreeModel *model = NULL;
    GList *paths = gtk_tree_selection_get_selected_rows(self->selection, &model);

    for (GList *link = paths; link != NULL; link = link->next) {
        GtkTreeIter iter;
        gpointer relay = NULL;
        (void)gtk_tree_model_get_iter(model, &iter, link->data);
        gtk_tree_model_get(model, &iter, COLUMN_RELAY, &relay, -1);
        g_ptr_array_add(relays, relay);
    }
    g_list_free_full(paths, (GDestroyNotify)gtk_tree_path_free);
    return relays;
}

/* Only orphaned ones can be deleted, so nothing happens to a selection with others in it. */
static bool can_delete(const GPtrArray *relays)
{
    for (unsigned i = 0; i < relays->len; i++) {
        if (!is_orphaned(relays->pdata[i]))
            return false;
    }
    return relays->len > 0;
}

static void on_selection_changed(KftRelaysDialog *self)
{
    g_autoptr(GPtrArray) relays = get_selected(self);
    gtk_widget_set_sensitive(self->delete_button, can_delete(relays));
}

static void on_delete_clicked(KftRelaysDialog *self)
{
    g_autoptr(GPtrArray) relays = get_selected(self);
    if (can_delete(relays))
        confirm(self, relays);
}

static gboolean on_key_press(KftRelaysDialog *self, GdkEventKey *event)
{
    if (event->keyval != GDK_KEY_Delete && event->keyval != GDK_KEY_KP_Delete)
        return GDK_EVENT_PROPAGATE;
    on_delete_clicked(self);
    return GDK_EVENT_STOP;
}

/* --- object --- */

static void kft_relays_dialog_response(GtkDialog *dialog, int response)
{
    if (response == GTK_RESPONSE_APPLY)
        confirm(KFT_RELAYS_DIALOG(dialog), KFT_RELAYS_DIALOG(dialog)->orphans);
    else
        gtk_widget_destroy(GTK_WIDGET(dialog));
}

static void kft_relays_dialog_dispose(GObject *object)
{
    KftRelaysDialog *self = KFT_RELAYS_DIALOG(object);

    if (self->core != NULL)
        drop_questions(self);
    g_clear_object(&self->core);
    g_clear_pointer(&self->questions, g_hash_table_unref);
    g_clear_pointer(&self->orphans, g_ptr_array_unref);
    g_clear_pointer(&self->doomed, g_ptr_array_unref);
    g_clear_pointer(&self->found, g_ptr_array_unref);
    G_OBJECT_CLASS(kft_relays_dialog_parent_class)->dispose(object);
}

static void kft_relays_dialog_class_init(KftRelaysDialogClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = kft_relays_dialog_dispose;
    GTK_DIALOG_CLASS(class)->response = kft_relays_dialog_response;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/relays-dialog.ui");
    gtk_widget_class_bind_template_child(widget_class, KftRelaysDialog, context);
    gtk_widget_class_bind_template_child(widget_class, KftRelaysDialog, spinner);
    gtk_widget_class_bind_template_child(widget_class, KftRelaysDialog, rows);
    gtk_widget_class_bind_template_child(widget_class, KftRelaysDialog, selection);
    gtk_widget_class_bind_template_child(widget_class, KftRelaysDialog, delete_button);
    gtk_widget_class_bind_template_child(widget_class, KftRelaysDialog, summary);
    gtk_widget_class_bind_template_child(widget_class, KftRelaysDialog, problem_bar);
    gtk_widget_class_bind_template_child(widget_class, KftRelaysDialog, problem);
    gtk_widget_class_bind_template_callback(widget_class, on_context_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_refresh);
    gtk_widget_class_bind_template_callback(widget_class, on_selection_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_delete_clicked);
    gtk_widget_class_bind_template_callback(widget_class, on_key_press);
}

static void kft_relays_dialog_init(KftRelaysDialog *self)
{
    self->questions = g_hash_table_new(g_direct_hash, g_direct_equal);
    self->orphans = g_ptr_array_new();
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *kft_relays_dialog_new(KftCore *core, GtkWindow *parent)
{
    KftRelaysDialog *self = g_object_new(KFT_TYPE_RELAYS_DIALOG, "use-header-bar", 1,
                                         "transient-for", parent, "title", _("Relays"), NULL);

    self->core = g_object_ref(core);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_APPLY, FALSE);
    ask(self, kft_query_new((KftQueryId){0}, KFT_QUERY_CONTEXTS), on_contexts);
    return GTK_WIDGET(self);
}
