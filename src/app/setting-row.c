/* One row for all settings: the type of the setting chooses the control. Values go both ways, as
 * other programs change settings, too; is_filling keeps a value that is shown from being stored
 * again, and one that is typed from being overwritten. */
#include "setting-row.h"

#include <glib/gi18n.h>

/* After the last letter. */
#define COMMIT_MS 700

struct _KftSettingRow {
    GtkListBoxRow parent;
    KftCore *core;
    KftSetting setting;
    const KftSettingWord *words;
    GtkWidget *control;
    bool is_filling;
    unsigned commit_source; /* an entry's text is stored soon */
    GtkLabel *title;
    GtkLabel *text;
    GtkBox *box;
};

G_DEFINE_FINAL_TYPE(KftSettingRow, kft_setting_row, GTK_TYPE_LIST_BOX_ROW)

/* --- value → control --- */

static void show_value(KftSettingRow *self)
{
    const char *value = kft_core_get_setting(self->core, self->setting);

    self->is_filling = true;
    if (GTK_IS_SWITCH(self->control))
        gtk_switch_set_active(GTK_SWITCH(self->control), g_strcmp0(value, "true") == 0);
    else if (GTK_IS_SPIN_BUTTON(self->control))
        gtk_spin_button_set_value(GTK_SPIN_BUTTON(self->control), g_ascii_strtod(value, NULL));
    else if (GTK_IS_COMBO_BOX(self->control))
        gtk_combo_box_set_active_id(GTK_COMBO_BOX(self->control), value);
    else if (g_strcmp0(gtk_entry_get_text(GTK_ENTRY(self->control)), value) != 0)
        gtk_entry_set_text(GTK_ENTRY(self->control), value);
    self->is_filling = false;
}

static void on_setting_changed(KftCore *core, unsigned setting, KftSettingRow *self)
{
    (void)core;
    if (setting == self->setting && !self->is_filling)
        show_value(self);
}

/* --- control → value --- */

static void on_switch(KftSettingRow *self)
{
    if (!self->is_filling)
        kft_core_set_setting(self->core, self->setting,
                             gtk_switch_get_active(GTK_SWITCH(self->control)) ? "true" : "false");
}

static void on_spin(KftSettingRow *self)
{
    g_autofree char *value =
        g_strdup_printf("%d", gtk_spin_button_get_value_as_int(GTK_SPIN_BUTTON(self->control)));
    if (!self->is_filling)
        kft_core_set_setting(self->core, self->setting, value);
}

static void on_combo(KftSettingRow *self)
{
    const char *value = gtk_combo_box_get_active_id(GTK_COMBO_BOX(self->control));
    if (!self->is_filling && value != NULL)
        kft_core_set_setting(self->core, self->setting, value);
}

/* A text that is not allowed is marked and not stored. */
static bool check_entry(KftSettingRow *self)
{
    GtkStyleContext *style = gtk_widget_get_style_context(self->control);
    g_autoptr(GError) error = NULL;
    bool is_allowed =
        kft_setting_check(self->setting, gtk_entry_get_text(GTK_ENTRY(self->control)), &error);

    if (is_allowed)
        gtk_style_context_remove_class(style, "error");
    else
        gtk_style_context_add_class(style, "error");
    gtk_widget_set_tooltip_text(self->control, error == NULL ? NULL : error->message);
    return is_allowed;
}

static void commit_entry(KftSettingRow *self)
{
    g_clear_handle_id(&self->commit_source, g_source_remove);
    if (!check_entry(self))
        return;
    self->is_filling = true;
    kft_core_set_setting(self->core, self->setting, gtk_entry_get_text(GTK_ENTRY(self->control)));
    self->is_filling = false;
}

static gboolean on_commit(gpointer user_data)
{
    KftSettingRow *self = user_data;
    self->commit_source = 0;
    commit_entry(self);
    return G_SOURCE_REMOVE;
}

/* Half a word may be allowed, too: it counts when nobody has typed for a moment. */
static void on_entry(KftSettingRow *self)
{
    g_clear_handle_id(&self->commit_source, g_source_remove);
    if (!self->is_filling && check_entry(self))
        self->commit_source = g_timeout_add(COMMIT_MS, on_commit, self);
}

/* --- object --- */

static GtkWidget *make_combo(const KftSettingWord *words)
{
    GtkWidget *combo = gtk_combo_box_text_new();
    for (; words->value != NULL; words++)
        gtk_combo_box_text_append(GTK_COMBO_BOX_TEXT(combo), words->value, _(words->label));
    return combo;
}

static void make_control(KftSettingRow *self, const KftSettingInfo *info)
{
    switch (info->type) {
    case KFT_SETTING_TYPE_BOOL:
        self->control = gtk_switch_new();
        g_signal_connect_swapped(self->control, "notify::active", G_CALLBACK(on_switch), self);
        break;
    case KFT_SETTING_TYPE_UINT:
        self->control = gtk_spin_button_new_with_range((double)info->min, (double)info->max, 1);
        g_signal_connect_swapped(self->control, "value-changed", G_CALLBACK(on_spin), self);
        break;
    case KFT_SETTING_TYPE_ENUM:
        self->control = make_combo(self->words);
        g_signal_connect_swapped(self->control, "changed", G_CALLBACK(on_combo), self);
        break;
    case KFT_SETTING_TYPE_TEXT:
        self->control = gtk_entry_new();
        gtk_entry_set_width_chars(GTK_ENTRY(self->control), 18);
        g_signal_connect_swapped(self->control, "changed", G_CALLBACK(on_entry), self);
        g_signal_connect_swapped(self->control, "activate", G_CALLBACK(commit_entry), self);
        break;
    }
    gtk_widget_set_valign(self->control, GTK_ALIGN_CENTER);
    gtk_widget_show(self->control);
    gtk_box_pack_end(self->box, self->control, FALSE, FALSE, 0);
    gtk_label_set_mnemonic_widget(self->title, self->control);
}

static const char *get_default_text(KftSettingRow *self, const KftSettingInfo *info)
{
    if (info->type == KFT_SETTING_TYPE_BOOL)
        return g_strcmp0(info->default_value, "true") == 0 ? _("on") : _("off");
    for (const KftSettingWord *word = self->words; word != NULL && word->value != NULL; word++) {
        if (g_strcmp0(word->value, info->default_value) == 0)
            return _(word->label);
    }
    return info->default_value;
}

static void kft_setting_row_dispose(GObject *object)
{
    KftSettingRow *self = KFT_SETTING_ROW(object);
    if (self->commit_source != 0)
        commit_entry(self);
    if (self->core != NULL)
        g_signal_handlers_disconnect_by_data(self->core, self);
    g_clear_object(&self->core);
    G_OBJECT_CLASS(kft_setting_row_parent_class)->dispose(object);
}

static void kft_setting_row_class_init(KftSettingRowClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = kft_setting_row_dispose;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/setting-row.ui");
    gtk_widget_class_bind_template_child(widget_class, KftSettingRow, title);
    gtk_widget_class_bind_template_child(widget_class, KftSettingRow, text);
    gtk_widget_class_bind_template_child(widget_class, KftSettingRow, box);
}

static void kft_setting_row_init(KftSettingRow *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
}

GtkWidget *kft_setting_row_new(KftCore *core,
                               KftSetting setting,
                               const char *title,
                               const KftSettingWord *words)
{
    KftSettingRow *self = g_object_new(KFT_TYPE_SETTING_ROW, NULL);
    const KftSettingInfo *info = kft_setting_info(setting);

    self->core = g_object_ref(core);
    self->setting = setting;
    self->words = words;
    const char *default_text = get_default_text(self, info);
    /* Translators: under a setting: what it does, then its default value. */
    g_autofree char *text =
        default_text[0] == '\0'
            ? g_strconcat(_(info->summary), ".", NULL)
            : g_strdup_printf(_("%s. Default: %s"), _(info->summary), default_text);
    gtk_label_set_text(self->title, title);
    gtk_label_set_text(self->text, text);
    make_control(self, info);
    atk_object_set_name(gtk_widget_get_accessible(self->control), title);
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)), title);
    show_value(self);
    g_signal_connect(core, "setting-changed", G_CALLBACK(on_setting_changed), self);
    return GTK_WIDGET(self);
}
