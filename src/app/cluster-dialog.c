/* A tree: contexts, below them namespaces, below them ports of services. A leaf holds the config it
 * would become; a branch's check box stands for all leaves below it. */
#include "cluster-dialog.h"

#include <glib/gi18n.h>
#include <kftray/share.h>

#include "local-port.h"
#include "text.h"

struct _KftClusterDialog {
    GtkDialog parent;
    KftCore *core;
    char *kubeconfig;
    GPtrArray *configs;    /* of all leaves; a leaf knows its index */
    GHashTable *questions; /* query id → name of the context */
    GHashTable *narrowed;  /* contexts that were asked for one namespace only */
    uint32_t contexts_question;
    GtkTreeView *tree;
    GtkTreeStore *rows;
    GtkCellRenderer *check;
    GtkLabel *preview;
    GtkLabel *file;
    GtkWidget *problem_bar;
    GtkLabel *problem;
};

G_DEFINE_FINAL_TYPE(KftClusterDialog, kft_cluster_dialog, GTK_TYPE_DIALOG)

enum {
    COLUMN_NAME,
    COLUMN_DETAIL,
    COLUMN_CHECKED,
    COLUMN_MIXED,
    COLUMN_HAS_CHECK,
    COLUMN_CONFIG, /* index, -1 for a branch */
    COLUMN_ASKED,  /* a context whose services were asked for */
};

/* --- what is chosen --- */

static KftConfig *get_config(KftClusterDialog *self, GtkTreeIter *iter)
{
    int index = -1;
    gtk_tree_model_get(GTK_TREE_MODEL(self->rows), iter, COLUMN_CONFIG, &index, -1);
    return index < 0 ? NULL : self->configs->pdata[index];
}

/* Local ports are given out in the order of the tree, so that they stay recognizable. */
static void give_port(KftClusterDialog *self, KftConfig *config, GHashTable *given)
{
    uint16_t port = config->local_port != 0 ? config->local_port : config->remote_port;

    for (unsigned tries = 0; tries < 20; tries++) {
        port =
            kft_local_port_propose(kft_core_get_model(self->core), config->local_address, port, 0);
        if (port == 0 || g_hash_table_add(given, GUINT_TO_POINTER(port)))
            break;
        port++;
    }
    config->local_port = port;
}

typedef struct {
    GPtrArray *chosen; /* KftConfig, borrowed */
    GHashTable *given;
} Choice;

static void show_leaf(KftClusterDialog *self, GtkTreeIter *iter, const KftConfig *config)
{
    g_autofree char *local = config == NULL ? NULL : kft_config_describe_local(config);
    g_autofree char *text = local == NULL ? g_strdup("") : g_strdup_printf("→ %s", local);
    gtk_tree_store_set(self->rows, iter, COLUMN_DETAIL, text, -1);
}

/* Returns how many of the leaves at and below @iter are checked; *@n_leaves counts all. */
static unsigned
collect(KftClusterDialog *self, GtkTreeIter *iter, Choice *choice, unsigned *n_leaves)
{
    GtkTreeModel *model = GTK_TREE_MODEL(self->rows);
    KftConfig *config = get_config(self, iter);
    GtkTreeIter child;
    gboolean is_checked = FALSE;
    unsigned n_checked = 0;
    unsigned n_below = 0;

    if (config != NULL) {
        gtk_tree_model_get(model, iter, COLUMN_CHECKED, &is_checked, -1);
        (*n_leaves)++;
        if (is_checked) {
            give_port(self, config, choice->given);
            g_ptr_array_add(choice->chosen, config);
        }
        show_leaf(self, iter, is_checked ? config : NULL);
        return is_checked ? 1 : 0;
    }
    for (gboolean has = gtk_tree_model_iter_children(model, &child, iter); has;
         has = gtk_tree_model_iter_next(model, &child))
        n_checked += collect(self, &child, choice, &n_below);
    gtk_tree_store_set(self->rows, iter, COLUMN_CHECKED, n_below > 0 && n_checked == n_below,
                       COLUMN_MIXED, n_checked > 0 && n_checked < n_below, -1);
    *n_leaves += n_below;
    return n_checked;
}

static GPtrArray *list_chosen(KftClusterDialog *self)
{
    GtkTreeModel *model = GTK_TREE_MODEL(self->rows);
    g_autoptr(GHashTable) given = g_hash_table_new(g_direct_hash, g_direct_equal);
    Choice choice = {g_ptr_array_new(), given};
    GtkTreeIter iter;
    unsigned n_leaves = 0;

    for (gboolean has = gtk_tree_model_get_iter_first(model, &iter); has;
         has = gtk_tree_model_iter_next(model, &iter))
        (void)collect(self, &iter, &choice, &n_leaves);
    return choice.chosen;
}

static void update(KftClusterDialog *self)
{
    g_autoptr(GPtrArray) chosen = list_chosen(self);
    g_autoptr(GString) names = g_string_new(NULL);

    for (unsigned i = 0; i < chosen->len && i < 6; i++) {
        const KftConfig *config = chosen->pdata[i];
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", config->alias);
    }
    if (chosen->len > 6)
        g_string_append(names, ", …");
    g_autofree char *text =
        chosen->len == 0 ? g_strdup(_("Open a context and check the services that you want."))
                         : g_strdup_printf(ngettext("%u forward will be added: %s",
                                                    "%u forwards will be added: %s", chosen->len),
                                           chosen->len, names->str);
    gtk_label_set_text(self->preview, text);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_OK, chosen->len > 0);
}

static void set_checked(KftClusterDialog *self, GtkTreeIter *iter, bool is_checked)
{
    GtkTreeIter child;
    gboolean has_check = FALSE;
    GtkTreeModel *model = GTK_TREE_MODEL(self->rows);

    gtk_tree_model_get(model, iter, COLUMN_HAS_CHECK, &has_check, -1);
    if (has_check)
        gtk_tree_store_set(self->rows, iter, COLUMN_CHECKED, is_checked, -1);
    for (gboolean has = gtk_tree_model_iter_children(model, &child, iter); has;
         has = gtk_tree_model_iter_next(model, &child))
        set_checked(self, &child, is_checked);
}

static void toggle_path(KftClusterDialog *self, const char *path)
{
    GtkTreeIter iter;
    gboolean is_checked = FALSE;

    if (!gtk_tree_model_get_iter_from_string(GTK_TREE_MODEL(self->rows), &iter, path))
        return;
    gtk_tree_model_get(GTK_TREE_MODEL(self->rows), &iter, COLUMN_CHECKED, &is_checked, -1);
    set_checked(self, &iter, !is_checked);
    update(self);
}

static void on_toggled(KftClusterDialog *self, const char *path)
{
    toggle_path(self, path);
}

/* Right opens a row, Left closes it, and goes to the one above when there is nothing to close. */
static gboolean on_tree_key(KftClusterDialog *self, GdkEventKey *event)
{
    bool is_rtl = gtk_widget_get_direction(GTK_WIDGET(self->tree)) == GTK_TEXT_DIR_RTL;
    bool is_opening = event->keyval == (is_rtl ? GDK_KEY_Left : GDK_KEY_Right);
    bool is_closing = event->keyval == (is_rtl ? GDK_KEY_Right : GDK_KEY_Left);
    GtkTreePath *path = NULL;

    if ((!is_opening && !is_closing) ||
        (event->state & gtk_accelerator_get_default_mod_mask()) != 0)
        return GDK_EVENT_PROPAGATE;
    gtk_tree_view_get_cursor(self->tree, &path, NULL);
    if (path == NULL)
        return GDK_EVENT_PROPAGATE;
    if (is_opening)
        (void)gtk_tree_view_expand_row(self->tree, path, FALSE);
    else if (!gtk_tree_view_collapse_row(self->tree, path) && gtk_tree_path_get_depth(path) > 1 &&
             gtk_tree_path_up(path))
        gtk_tree_view_set_cursor(self->tree, path, NULL, FALSE);
    gtk_tree_path_free(path);
    return GDK_EVENT_STOP;
}

/* Enter or a double click. */
static void on_row_activated(KftClusterDialog *self, GtkTreePath *path)
{
    g_autofree char *text = gtk_tree_path_to_string(path);
    GtkTreeIter iter;

    if (!gtk_tree_model_get_iter(GTK_TREE_MODEL(self->rows), &iter, path))
        return;
    if (get_config(self, &iter) != NULL)
        toggle_path(self, text);
    else if (gtk_tree_view_row_expanded(self->tree, path))
        (void)gtk_tree_view_collapse_row(self->tree, path);
    else
        (void)gtk_tree_view_expand_row(self->tree, path, FALSE);
}

/* --- services --- */

static void
add_message(KftClusterDialog *self, GtkTreeIter *parent, const char *text, const char *detail)
{
    gtk_tree_store_insert_with_values(self->rows, NULL, parent, -1, COLUMN_NAME, text,
                                      COLUMN_DETAIL, detail, COLUMN_CONFIG, -1, -1);
}

static void
add_leaf(KftClusterDialog *self, GtkTreeIter *parent, KftConfig *config, bool is_checked)
{
    g_autofree char *name =
        g_strdup_printf("%s   %s:%u", config->alias, config->service, config->remote_port);
    int index = (int)self->configs->len;

    g_ptr_array_add(self->configs, config);
    gtk_tree_store_insert_with_values(self->rows, NULL, parent, -1, COLUMN_NAME, name,
                                      COLUMN_CHECKED, is_checked, COLUMN_HAS_CHECK, TRUE,
                                      COLUMN_CONFIG, index, -1);
}

static KftConfig *
make_origin(KftClusterDialog *self, const char *context, const KftFoundService *service)
{
    KftConfig *config = kft_config_new();
    config->kubeconfig = g_strdup(self->kubeconfig);
    config->context = g_strdup(context);
    config->namespace_ = g_strdup(service->namespace_);
    config->service = g_strdup(service->name);
    return config;
}

/* A service that says itself how it wants to be forwarded (kftray.app/configs). */
static void add_annotated(KftClusterDialog *self,
                          GtkTreeIter *parent,
                          const KftConfig *origin,
                          const KftFoundService *service)
{
    g_autoptr(GArray) ports = g_array_new(FALSE, FALSE, sizeof(KftSharePort));
    g_autoptr(GPtrArray) skipped = NULL;

    for (unsigned i = 0; i < service->ports->len; i++) {
        const KftFoundPort *port = service->ports->pdata[i];
        KftSharePort copy = {
            .name = port->name,
            .port = port->number,
            .target_port = port->target_number,
            .target_name = port->target_name,
            .protocol = port->is_udp ? KFT_PROTOCOL_UDP : KFT_PROTOCOL_TCP,
        };
        g_array_append_val(ports, copy);
    }
    g_autoptr(GPtrArray) configs = kft_share_configs_from_annotation(
        service->configs, origin, (const KftSharePort *)(const void *)ports->data, ports->len,
        &skipped);
    for (unsigned i = 0; i < configs->len; i++) {
        KftConfig *config = kft_config_copy(configs->pdata[i]);
        if (config->alias == NULL)
            config->alias = kft_config_make_alias(config);
        add_leaf(self, parent, config, /* is_checked */ true);
    }
}

static void add_service(KftClusterDialog *self,
                        GtkTreeIter *parent,
                        const char *context,
                        const KftFoundService *service)
{
    g_autoptr(KftConfig) origin = make_origin(self, context, service);

    if (service->is_enabled) {
        add_annotated(self, parent, origin, service);
        return;
    }
    for (unsigned i = 0; i < service->ports->len; i++) {
        const KftFoundPort *port = service->ports->pdata[i];
        KftConfig *config = kft_config_copy(origin);
        config->remote_port = port->number;
        config->protocol = port->is_udp ? KFT_PROTOCOL_UDP : KFT_PROTOCOL_TCP;
        if (service->ports->len > 1 && port->name != NULL)
            config->alias = g_strdup_printf("%s-%s", service->name, port->name);
        else
            config->alias = g_strdup(service->name);
        add_leaf(self, parent, config, /* is_checked */ false);
    }
}

static bool find_context(KftClusterDialog *self, const char *name, GtkTreeIter *ret_iter)
{
    GtkTreeModel *model = GTK_TREE_MODEL(self->rows);

    for (gboolean has = gtk_tree_model_get_iter_first(model, ret_iter); has;
         has = gtk_tree_model_iter_next(model, ret_iter)) {
        g_autofree char *text = NULL;
        gtk_tree_model_get(model, ret_iter, COLUMN_NAME, &text, -1);
        if (g_strcmp0(text, name) == 0)
            return true;
    }
    return false;
}

/* The children that only said "asking". */
static void drop_children(KftClusterDialog *self, GtkTreeIter *parent)
{
    GtkTreeIter child;
    while (gtk_tree_model_iter_children(GTK_TREE_MODEL(self->rows), &child, parent))
        (void)gtk_tree_store_remove(self->rows, &child);
}

static void add_services(KftClusterDialog *self,
                         GtkTreeIter *context,
                         const char *context_name,
                         const KftAnswer *answer)
{
    const char *namespace_ = NULL;
    GtkTreeIter row;

    for (unsigned i = 0; i < answer->items->len; i++) {
        const KftFoundService *service = answer->items->pdata[i];
        if (g_strcmp0(service->namespace_, namespace_) != 0) {
            namespace_ = service->namespace_;
            gtk_tree_store_insert_with_values(self->rows, &row, context, -1, COLUMN_NAME,
                                              namespace_, COLUMN_HAS_CHECK, TRUE, COLUMN_CONFIG, -1,
                                              -1);
        }
        add_service(self, &row, context_name, service);
    }
    if (answer->items->len == 0)
        add_message(self, context, _("No services here"), "");
    if (answer->note != NULL)
        add_message(self, context, answer->note, "");
}

static void ask_services(KftClusterDialog *self, const char *context, bool all_namespaces);

static void on_services(GObject *owner, const KftAnswer *answer)
{
    KftClusterDialog *self = KFT_CLUSTER_DIALOG(owner);
    g_autofree char *context = NULL;
    gpointer value = NULL;
    GtkTreeIter row;

    (void)g_hash_table_steal_extended(self->questions, GUINT_TO_POINTER(answer->id.v), NULL,
                                      &value);
    context = value;
    if (context == NULL || !find_context(self, context, &row))
        return;
    /* Many may look into their own namespace only. */
    if (answer->error != NULL && answer->error_code == KFT_ERROR_AUTH &&
        g_hash_table_add(self->narrowed, g_strdup(context))) {
        ask_services(self, context, /* all_namespaces */ false);
        return;
    }
    drop_children(self, &row);
    if (answer->error != NULL)
        add_message(self, &row, kft_error_sentence(answer->error_code), answer->error);
    else
        add_services(self, &row, context, answer);
    g_autoptr(GtkTreePath) path = gtk_tree_model_get_path(GTK_TREE_MODEL(self->rows), &row);
    (void)gtk_tree_view_expand_row(self->tree, path, /* open_all */ answer->items->len < 40);
    update(self);
}

static void ask_services(KftClusterDialog *self, const char *context, bool all_namespaces)
{
    KftQuery *query = kft_query_new((KftQueryId){1}, KFT_QUERY_SERVICES);

    query->kubeconfig = g_strdup(self->kubeconfig);
    query->context = g_strdup(context);
    query->all_namespaces = all_namespaces;
    uint32_t id = kft_core_ask(self->core, query, on_services, G_OBJECT(self));
    g_hash_table_insert(self->questions, GUINT_TO_POINTER(id), g_strdup(context));
}

static void on_row_expanded(KftClusterDialog *self, GtkTreeIter *iter)
{
    g_autofree char *context = NULL;
    gboolean is_asked = FALSE;

    if (gtk_tree_store_iter_depth(self->rows, iter) != 0)
        return;
    gtk_tree_model_get(GTK_TREE_MODEL(self->rows), iter, COLUMN_NAME, &context, COLUMN_ASKED,
                       &is_asked, -1);
    if (is_asked)
        return;
    gtk_tree_store_set(self->rows, iter, COLUMN_ASKED, TRUE, -1);
    ask_services(self, context, /* all_namespaces */ true);
}

/* --- contexts --- */

static void on_contexts(GObject *owner, const KftAnswer *answer)
{
    KftClusterDialog *self = KFT_CLUSTER_DIALOG(owner);

    self->contexts_question = 0;
    gtk_widget_set_visible(self->problem_bar, answer->error != NULL);
    if (answer->error != NULL)
        gtk_label_set_text(self->problem, answer->error);
    for (unsigned i = 0; i < answer->items->len; i++) {
        const KftFoundContext *context = answer->items->pdata[i];
        GtkTreeIter row;
        gtk_tree_store_insert_with_values(
            self->rows, &row, NULL, -1, COLUMN_NAME, context->name, COLUMN_DETAIL,
            context->error != NULL ? context->error : context->server, COLUMN_HAS_CHECK,
            context->error == NULL, COLUMN_CONFIG, -1, -1);
        if (context->error != NULL)
            continue;
        add_message(self, &row, _("Asking the cluster…"), "");
        if (context->is_current) {
            g_autoptr(GtkTreePath) path = gtk_tree_model_get_path(GTK_TREE_MODEL(self->rows), &row);
            (void)gtk_tree_view_expand_row(self->tree, path, FALSE);
        }
    }
    update(self);
}

static void load(KftClusterDialog *self, const char *kubeconfig)
{
    KftQuery *query = kft_query_new((KftQueryId){1}, KFT_QUERY_CONTEXTS);

    kft_core_cancel(self->core, self->contexts_question);
    g_hash_table_remove_all(self->questions);
    g_hash_table_remove_all(self->narrowed);
    gtk_tree_store_clear(self->rows);
    g_ptr_array_set_size(self->configs, 0);
    g_free(self->kubeconfig);
    self->kubeconfig = g_strdup(kubeconfig);
    query->kubeconfig = g_strdup(kubeconfig);
    gtk_label_set_text(self->file, kubeconfig == NULL ? _("Default kubeconfig") : kubeconfig);
    self->contexts_question = kft_core_ask(self->core, query, on_contexts, G_OBJECT(self));
    update(self);
}

static void on_file_chosen(GtkNativeDialog *chooser, int response, KftClusterDialog *self)
{
    if (response == GTK_RESPONSE_ACCEPT) {
        g_autofree char *path = gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(chooser));
        load(self, path);
    }
    gtk_native_dialog_destroy(chooser);
    g_object_unref(chooser);
}

static void on_file_clicked(KftClusterDialog *self)
{
    GtkFileChooserNative *chooser =
        gtk_file_chooser_native_new(_("Choose a Kubeconfig"), GTK_WINDOW(self),
                                    GTK_FILE_CHOOSER_ACTION_OPEN, _("_Open"), _("_Cancel"));
    g_signal_connect(chooser, "response", G_CALLBACK(on_file_chosen), self);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

/* --- object --- */

static void on_stored(GObject *owner, const GError *error)
{
    KftClusterDialog *self = KFT_CLUSTER_DIALOG(owner);

    if (error == NULL) {
        gtk_widget_destroy(GTK_WIDGET(self));
        return;
    }
    gtk_label_set_text(self->problem, error->message);
    gtk_widget_show(self->problem_bar);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_OK, TRUE);
}

static void kft_cluster_dialog_response(GtkDialog *dialog, int response)
{
    KftClusterDialog *self = KFT_CLUSTER_DIALOG(dialog);

    if (response != GTK_RESPONSE_OK) {
        gtk_widget_destroy(GTK_WIDGET(dialog));
        return;
    }
    g_autoptr(GPtrArray) chosen = list_chosen(self);
    GPtrArray *configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    for (unsigned i = 0; i < chosen->len; i++)
        g_ptr_array_add(configs, kft_config_copy(chosen->pdata[i]));
    gtk_dialog_set_response_sensitive(dialog, GTK_RESPONSE_OK, FALSE);
    kft_core_put_configs(self->core, configs, on_stored, G_OBJECT(self));
}

static void kft_cluster_dialog_finalize(GObject *object)
{
    KftClusterDialog *self = KFT_CLUSTER_DIALOG(object);
    g_free(self->kubeconfig);
    g_ptr_array_unref(self->configs);
    g_hash_table_unref(self->questions);
    g_hash_table_unref(self->narrowed);
    g_object_unref(self->core);
    G_OBJECT_CLASS(kft_cluster_dialog_parent_class)->finalize(object);
}

static void kft_cluster_dialog_class_init(KftClusterDialogClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->finalize = kft_cluster_dialog_finalize;
    GTK_DIALOG_CLASS(class)->response = kft_cluster_dialog_response;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/cluster-dialog.ui");
#define BIND(child) gtk_widget_class_bind_template_child(widget_class, KftClusterDialog, child)
    BIND(tree);
    BIND(rows);
    BIND(check);
    BIND(preview);
    BIND(file);
    BIND(problem_bar);
    BIND(problem);
#undef BIND
    gtk_widget_class_bind_template_callback(widget_class, on_toggled);
    gtk_widget_class_bind_template_callback(widget_class, on_tree_key);
    gtk_widget_class_bind_template_callback(widget_class, on_row_activated);
    gtk_widget_class_bind_template_callback(widget_class, on_row_expanded);
    gtk_widget_class_bind_template_callback(widget_class, on_file_clicked);
}

static void kft_cluster_dialog_init(KftClusterDialog *self)
{
    self->configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    self->questions = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    self->narrowed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *kft_cluster_dialog_new(KftCore *core, GtkWindow *parent, const char *kubeconfig)
{
    KftClusterDialog *self =
        g_object_new(KFT_TYPE_CLUSTER_DIALOG, "use-header-bar", 1, "transient-for", parent, "title",
                     _("Import from Cluster"), NULL);

    self->core = g_object_ref(core);
    gtk_dialog_set_default_response(GTK_DIALOG(self), GTK_RESPONSE_OK);
    gtk_widget_grab_focus(GTK_WIDGET(self->tree));
    load(self, kubeconfig);
    return GTK_WIDGET(self);
}
