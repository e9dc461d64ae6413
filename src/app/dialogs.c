#include "dialogs.h"

#include <glib/gi18n.h>
#include <kftray/share.h>
#include <string.h>

#include "application.h"
#include "cluster-dialog.h"
#include "diagnose-dialog.h"
#include "editor-dialog.h"
#include "log-window.h"
#include "plan-dialog.h"
#include "relays-dialog.h"
#include "settings-window.h"
#include "text.h"

static void present(GtkWidget *dialog)
{
    gtk_window_present(GTK_WINDOW(dialog));
}

static void show_error(KftCore *core, const char *title, const GError *error)
{
    g_signal_emit_by_name(core, "error", title, error);
}

void kft_dialogs_edit(KftCore *core, GtkWindow *parent, const KftConfig *config)
{
    present(kft_editor_dialog_new(core, parent, config));
}

void kft_dialogs_import_kubeconfig(KftCore *core, GtkWindow *parent, const char *kubeconfig)
{
    present(kft_cluster_dialog_new(core, parent, kubeconfig));
}

void kft_dialogs_diagnose(KftCore *core, GtkWindow *parent, KftForwardItem *item)
{
    present(kft_diagnose_dialog_new(core, parent, item));
}

void kft_dialogs_relays(KftCore *core, GtkWindow *parent)
{
    present(kft_relays_dialog_new(core, parent));
}

void kft_dialogs_log(GtkApplication *application, KftCore *core, KftForwardItem *item)
{
    for (GList *link = gtk_application_get_windows(application); link != NULL; link = link->next) {
        if (KFT_IS_LOG_WINDOW(link->data) &&
            kft_log_window_get_item(KFT_LOG_WINDOW(link->data)) == item) {
            present(link->data);
            return;
        }
    }
    present(kft_log_window_new(application, kft_core_get_model(core), item));
}

void kft_dialogs_settings(KftCore *core, GtkWindow *parent)
{
    present(kft_settings_window_new(core, parent));
}

void kft_dialogs_about(GtkWindow *parent)
{
    gtk_show_about_dialog(parent, "program-name", "kftray", "version", KFT_VERSION, "comments",
                          _("Keeps Kubernetes port-forwards alive"), "logo-icon-name",
                          KFT_APPLICATION_ID, "license-type", GTK_LICENSE_APACHE_2_0,
                          /* Translators: your names, one a line. */
                          "translator-credits", _("translator-credits"), NULL);
}

/* --- import --- */

typedef struct {
    KftCore *core;
    GtkWindow *parent; /* weak */
} FileJob;

static FileJob *file_job_new(KftCore *core, GtkWindow *parent)
{
    FileJob *self = g_new0(FileJob, 1);
    self->core = g_object_ref(core);
    g_set_weak_pointer(&self->parent, parent);
    return self;
}

static void file_job_free(FileJob *self)
{
    g_clear_weak_pointer(&self->parent);
    g_object_unref(self->core);
    g_free(self);
}

static bool looks_like_json(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!g_ascii_isspace(text[i]))
            return text[i] == '{' || text[i] == '[';
    }
    return false;
}

static void import_text(FileJob *job, GFile *file, const char *text, size_t size)
{
    g_autofree char *name = g_file_get_basename(file);
    g_autofree char *path = g_file_get_path(file);
    g_autoptr(GError) error = NULL;

    if (!looks_like_json(text, size)) {
        kft_dialogs_import_kubeconfig(job->core, job->parent, path);
        return;
    }
    g_autoptr(GPtrArray) configs = kft_share_parse(text, size, name, &error);
    if (configs == NULL)
        show_error(job->core, _("The file cannot be imported"), error);
    else
        present(kft_plan_dialog_new(job->core, job->parent, configs, name, NULL));
}

static void on_file_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    FileJob *job = user_data;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    gsize size = 0;

    if (g_file_load_contents_finish(G_FILE(source), result, &text, &size, NULL, &error))
        import_text(job, G_FILE(source), text, size);
    else
        show_error(job->core, _("The file cannot be read"), error);
    file_job_free(job);
}

void kft_dialogs_import_path(KftCore *core, GtkWindow *parent, const char *path)
{
    g_autoptr(GFile) file = g_file_new_for_path(path);
    g_file_load_contents_async(file, NULL, on_file_read, file_job_new(core, parent));
}

static void on_import_chosen(GtkNativeDialog *chooser, int response, FileJob *job)
{
    if (response == GTK_RESPONSE_ACCEPT) {
        g_autofree char *path = gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(chooser));
        kft_dialogs_import_path(job->core, job->parent, path);
    }
    file_job_free(job);
    gtk_native_dialog_destroy(chooser);
    g_object_unref(chooser);
}

void kft_dialogs_import_file(KftCore *core, GtkWindow *parent)
{
    GtkFileChooserNative *chooser = gtk_file_chooser_native_new(
        _("Import Forwards"), parent, GTK_FILE_CHOOSER_ACTION_OPEN, _("_Open"), _("_Cancel"));
    g_signal_connect(chooser, "response", G_CALLBACK(on_import_chosen), file_job_new(core, parent));
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

void kft_dialogs_import_upstream(KftCore *core, GtkWindow *parent)
{
    g_autoptr(GPtrArray) skipped = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) configs = kft_upstream_read_configs(NULL, &skipped, &error);

    if (configs == NULL)
        show_error(core, _("There is nothing to import from another kftray"), error);
    else
        present(kft_plan_dialog_new(core, parent, configs, "~/.kftray", skipped));
}

/* --- export --- */

typedef struct {
    KftCore *core;
    char *text;
} Export;

static void export_free(Export *self)
{
    g_object_unref(self->core);
    g_free(self->text);
    g_free(self);
}

static void on_exported(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Export *self = user_data;
    g_autoptr(GError) error = NULL;

    if (!g_file_replace_contents_finish(G_FILE(source), result, NULL, &error))
        show_error(self->core, _("The file cannot be written"), error);
    export_free(self);
}

static void on_export_chosen(GtkNativeDialog *chooser, int response, Export *self)
{
    if (response == GTK_RESPONSE_ACCEPT) {
        g_autoptr(GFile) file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(chooser));
        g_file_replace_contents_async(file, self->text, strlen(self->text), NULL, FALSE,
                                      G_FILE_CREATE_NONE, NULL, on_exported, self);
    } else {
        export_free(self);
    }
    gtk_native_dialog_destroy(chooser);
    g_object_unref(chooser);
}

void kft_dialogs_export(KftCore *core, GtkWindow *parent, const GPtrArray *items)
{
    GListModel *list = kft_model_get_list(kft_core_get_model(core));
    g_autoptr(GPtrArray) configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    unsigned n = items != NULL ? items->len : g_list_model_get_n_items(list);
    Export *self = g_new0(Export, 1);

    for (unsigned i = 0; i < n; i++) {
        g_autoptr(KftForwardItem) item =
            items != NULL ? g_object_ref(items->pdata[i]) : g_list_model_get_item(list, i);
        g_ptr_array_add(configs, kft_config_copy(kft_forward_item_get_config(item)));
    }
    self->core = g_object_ref(core);
    self->text = kft_share_format(configs);
    GtkFileChooserNative *chooser = gtk_file_chooser_native_new(
        _("Export Forwards"), parent, GTK_FILE_CHOOSER_ACTION_SAVE, _("_Save"), _("_Cancel"));
    gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(chooser), "kftray.json");
    gtk_file_chooser_set_do_overwrite_confirmation(GTK_FILE_CHOOSER(chooser), TRUE);
    g_signal_connect(chooser, "response", G_CALLBACK(on_export_chosen), self);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

/* --- group --- */

typedef struct {
    KftCore *core;
    GPtrArray *items;
    GtkEntry *entry;
} GroupJob;

static void group_job_free(GroupJob *self)
{
    g_object_unref(self->core);
    g_ptr_array_unref(self->items);
    g_free(self);
}

static void on_group_response(GtkDialog *dialog, int response, GroupJob *self)
{
    if (response == GTK_RESPONSE_OK) {
        g_autofree char *group = g_strstrip(g_strdup(gtk_entry_get_text(self->entry)));
        GPtrArray *configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
        for (unsigned i = 0; i < self->items->len; i++) {
            KftConfig *config = kft_config_copy(kft_forward_item_get_config(self->items->pdata[i]));
            (void)kft_config_set(config, "group", group, NULL);
            g_ptr_array_add(configs, config);
        }
        kft_core_put_configs(self->core, configs, NULL, G_OBJECT(self->core));
    }
    gtk_widget_destroy(GTK_WIDGET(dialog));
    group_job_free(self);
}

static GtkWidget *make_group_combo(KftCore *core)
{
    GListModel *list = kft_model_get_list(kft_core_get_model(core));
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GtkWidget *combo = gtk_combo_box_text_new_with_entry();
    unsigned n = g_list_model_get_n_items(list);

    for (unsigned i = 0; i < n; i++) {
        g_autoptr(KftForwardItem) item = g_list_model_get_item(list, i);
        const char *group = kft_forward_item_get_config(item)->group;
        if (group != NULL && g_hash_table_add(seen, g_strdup(group)))
            gtk_combo_box_text_append_text(GTK_COMBO_BOX_TEXT(combo), group);
    }
    return combo;
}

/* That all of them have; "" if there is none. */
static const char *find_common_group(const GPtrArray *items)
{
    const char *group = kft_forward_item_get_config(items->pdata[0])->group;

    for (unsigned i = 1; i < items->len; i++) {
        if (g_strcmp0(kft_forward_item_get_config(items->pdata[i])->group, group) != 0)
            return "";
    }
    return group == NULL ? "" : group;
}

void kft_dialogs_set_group(KftCore *core, GtkWindow *parent, const GPtrArray *items)
{
    GtkWidget *dialog =
        gtk_message_dialog_new(parent, GTK_DIALOG_MODAL | GTK_DIALOG_DESTROY_WITH_PARENT,
                               GTK_MESSAGE_OTHER, GTK_BUTTONS_NONE, "%s", _("Set Group"));
    GtkWidget *area = gtk_message_dialog_get_message_area(GTK_MESSAGE_DIALOG(dialog));
    GtkWidget *combo = make_group_combo(core);
    GroupJob *self = g_new0(GroupJob, 1);

    gtk_message_dialog_format_secondary_text(
        GTK_MESSAGE_DIALOG(dialog), "%s",
        _("Choose a group or type the name of a new one. Nothing means no group."));
    self->core = g_object_ref(core);
    self->items = g_ptr_array_new_with_free_func(g_object_unref);
    for (unsigned i = 0; i < items->len; i++)
        g_ptr_array_add(self->items, g_object_ref(items->pdata[i]));
    self->entry = GTK_ENTRY(gtk_bin_get_child(GTK_BIN(combo)));
    gtk_entry_set_text(self->entry, find_common_group(items));
    gtk_entry_set_activates_default(self->entry, TRUE);
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self->entry)), _("Group"));
    atk_object_set_name(gtk_widget_get_accessible(combo), _("Group"));
    gtk_container_add(GTK_CONTAINER(area), combo);
    gtk_widget_show(combo);
    gtk_dialog_add_buttons(GTK_DIALOG(dialog), _("_Cancel"), GTK_RESPONSE_CANCEL, _("_Set Group"),
                           GTK_RESPONSE_OK, NULL);
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_OK);
    g_signal_connect(dialog, "response", G_CALLBACK(on_group_response), self);
    present(dialog);
}

/* --- quit --- */

typedef struct {
    void (*done)(KftQuitAnswer answer, gpointer user_data);
    gpointer user_data;
} QuitJob;

static void on_quit_response(GtkDialog *dialog, int response, QuitJob *self)
{
    KftQuitAnswer answer = response == GTK_RESPONSE_YES  ? KFT_QUIT_KEEP
                           : response == GTK_RESPONSE_NO ? KFT_QUIT_STOP_ALL
                                                         : KFT_QUIT_CANCEL;
    gtk_widget_destroy(GTK_WIDGET(dialog));
    self->done(answer, self->user_data);
    g_free(self);
}

void kft_dialogs_quit(GtkWindow *parent,
                      unsigned n_active,
                      void (*done)(KftQuitAnswer answer, gpointer user_data),
                      gpointer user_data)
{
    QuitJob *self = g_new0(QuitJob, 1);
    GtkWidget *dialog = gtk_message_dialog_new(
        parent, GTK_DIALOG_MODAL, GTK_MESSAGE_OTHER, GTK_BUTTONS_NONE,
        ngettext("Quit with %u forward running?", "Quit with %u forwards running?", n_active),
        n_active);

    gtk_message_dialog_format_secondary_text(
        GTK_MESSAGE_DIALOG(dialog), "%s",
        ngettext("Its connections end. If you keep it, it starts again by itself the next time.",
                 "Their connections end. If you keep them, they start again by themselves the next "
                 "time.",
                 n_active));
    gtk_dialog_add_buttons(GTK_DIALOG(dialog), _("_Cancel"), GTK_RESPONSE_CANCEL, _("S_top All"),
                           GTK_RESPONSE_NO, _("_Keep for Next Start"), GTK_RESPONSE_YES, NULL);
    gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_YES);
    self->done = done;
    self->user_data = user_data;
    g_signal_connect(dialog, "response", G_CALLBACK(on_quit_response), self);
    present(dialog);
}
