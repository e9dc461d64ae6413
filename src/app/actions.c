#include "actions.h"

#include <glib/gi18n.h>
#include <string.h>

#include "text.h"

static const KftActionInfo actions[] = {
    {"app.show", N_("_Open kftray"), NULL, NULL, KFT_ACTION_SECTION_GENERAL, KFT_ACTION_ALWAYS},
    {"app.add", N_("_Add Forward…"), "list-add-symbolic", "<Primary>n", KFT_ACTION_SECTION_GENERAL,
     KFT_ACTION_ALWAYS},
    {"app.import-kubeconfig", N_("Import from _Cluster…"), NULL, "<Primary>k",
     KFT_ACTION_SECTION_GENERAL, KFT_ACTION_ALWAYS},
    {"app.import-file", N_("Import from _File…"), NULL, "<Primary>o", KFT_ACTION_SECTION_GENERAL,
     KFT_ACTION_ALWAYS},
    {"app.import-upstream", N_("Import from Other _kftray…"), NULL, NULL,
     KFT_ACTION_SECTION_GENERAL, KFT_ACTION_ALWAYS},
    {"app.export", N_("_Export…"), NULL, "<Primary>e", KFT_ACTION_SECTION_GENERAL,
     KFT_ACTION_ALWAYS},
    {"app.start-all", N_("_Start All"), NULL, "<Primary><Shift>Return", KFT_ACTION_SECTION_GENERAL,
     KFT_ACTION_ALWAYS},
    {"app.stop-all", N_("S_top All"), NULL, "<Primary><Shift>BackSpace", KFT_ACTION_SECTION_GENERAL,
     KFT_ACTION_ALWAYS},
    {"app.diagnose", N_("D_iagnose…"), NULL, NULL, KFT_ACTION_SECTION_GENERAL, KFT_ACTION_ALWAYS},
    {"app.log", N_("_Log"), NULL, "<Primary><Shift>l", KFT_ACTION_SECTION_GENERAL,
     KFT_ACTION_ALWAYS},
    {"app.relays", N_("_Relays…"), NULL, NULL, KFT_ACTION_SECTION_GENERAL, KFT_ACTION_ALWAYS},
    {"app.settings", N_("S_ettings"), NULL, "<Primary>comma", KFT_ACTION_SECTION_GENERAL,
     KFT_ACTION_ALWAYS},
    {"app.shortcuts", N_("_Keyboard Shortcuts"), NULL, "<Primary>question",
     KFT_ACTION_SECTION_GENERAL, KFT_ACTION_ALWAYS},
    {"app.about", N_("_About kftray"), NULL, NULL, KFT_ACTION_SECTION_GENERAL, KFT_ACTION_ALWAYS},
    {"win.menu", N_("_Main Menu"), "open-menu-symbolic", "F10", KFT_ACTION_SECTION_GENERAL,
     KFT_ACTION_ALWAYS},
    {"win.close", N_("_Close Window"), NULL, "<Primary>w", KFT_ACTION_SECTION_GENERAL,
     KFT_ACTION_ALWAYS},
    {"app.quit", N_("_Quit"), NULL, "<Primary>q", KFT_ACTION_SECTION_GENERAL, KFT_ACTION_ALWAYS},

    {"win.search", N_("_Search"), "edit-find-symbolic", "<Primary>f", KFT_ACTION_SECTION_LIST,
     KFT_ACTION_ALWAYS},
    {"win.details", N_("Show _Details"), "view-dual-symbolic", "F9", KFT_ACTION_SECTION_LIST,
     KFT_ACTION_ALWAYS},
    {"win.select-all", N_("Select _All"), NULL, "<Primary>a", KFT_ACTION_SECTION_LIST,
     KFT_ACTION_ALWAYS},
    {"win.expand-all", N_("E_xpand All Groups"), NULL, "<Primary>plus", KFT_ACTION_SECTION_LIST,
     KFT_ACTION_ALWAYS},
    {"win.collapse-all", N_("C_ollapse All Groups"), NULL, "<Primary>minus",
     KFT_ACTION_SECTION_LIST, KFT_ACTION_ALWAYS},
    {"win.group-by", N_("_Group By"), NULL, NULL, KFT_ACTION_SECTION_LIST, KFT_ACTION_ALWAYS},
    {"win.undo", N_("_Undo Delete"), NULL, "<Primary>z", KFT_ACTION_SECTION_LIST,
     KFT_ACTION_ALWAYS},

    {"win.start", N_("_Start"), "media-playback-start-symbolic", "<Primary>Return",
     KFT_ACTION_SECTION_SELECTION, KFT_ACTION_SOME},
    {"win.stop", N_("S_top"), "media-playback-stop-symbolic", "<Primary>BackSpace",
     KFT_ACTION_SECTION_SELECTION, KFT_ACTION_SOME},
    {"win.edit", N_("_Edit…"), "document-edit-symbolic", "F2", KFT_ACTION_SECTION_SELECTION,
     KFT_ACTION_ONE},
    {"win.duplicate", N_("_Duplicate"), "edit-copy-symbolic", "<Primary>d",
     KFT_ACTION_SECTION_SELECTION, KFT_ACTION_SOME},
    {"win.set-group", N_("Set _Group…"), NULL, "<Primary>g", KFT_ACTION_SECTION_SELECTION,
     KFT_ACTION_SOME},
    {"win.diagnose", N_("D_iagnose…"), NULL, "<Primary><Shift>d", KFT_ACTION_SECTION_SELECTION,
     KFT_ACTION_ONE},
    {"win.log", N_("Sho_w Log"), NULL, "<Primary>l", KFT_ACTION_SECTION_SELECTION, KFT_ACTION_ONE},
    {"win.remove", N_("De_lete"), "user-trash-symbolic", "Delete", KFT_ACTION_SECTION_SELECTION,
     KFT_ACTION_SOME},
    {"win.open", N_("Open in _Browser"), NULL, "<Primary>b", KFT_ACTION_SECTION_SELECTION,
     KFT_ACTION_ONE},
    {"win.copy-address", N_("_Copy Address"), NULL, "<Primary>c", KFT_ACTION_SECTION_SELECTION,
     KFT_ACTION_ONE},
    {"win.copy-connection", N_("Copy Connection Stri_ng"), NULL, "<Primary><Shift>c",
     KFT_ACTION_SECTION_SELECTION, KFT_ACTION_ONE},
    {"win.copy-kubectl", N_("Copy as _kubectl Command"), NULL, "<Primary><Shift>k",
     KFT_ACTION_SECTION_SELECTION, KFT_ACTION_ONE},
};

static const char *const section_titles[KFT_N_ACTION_SECTIONS] = {
#define KFT_ACTION_SECTION_TITLE(name, title) title,
    KFT_ACTION_SECTIONS(KFT_ACTION_SECTION_TITLE)
#undef KFT_ACTION_SECTION_TITLE
};

const KftActionInfo *kft_actions_list(size_t *ret_n)
{
    *ret_n = G_N_ELEMENTS(actions);
    return actions;
}

const KftActionInfo *kft_actions_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    }
    g_error("no action \"%s\"", name);
}

const char *kft_action_get_label(const KftActionInfo *self)
{
    return _(self->label);
}

void kft_actions_set_keys(GtkApplication *application)
{
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (actions[i].keys == NULL)
            continue;
        g_auto(GStrv) keys = g_strsplit(actions[i].keys, " ", -1);
        gtk_application_set_accels_for_action(application, actions[i].name,
                                              (const char *const *)keys);
    }
}

void kft_actions_run_forward(KftForwardItem *item, bool shall_run)
{
    gint64 id = kft_forward_item_get_id(item);
    g_action_group_activate_action(G_ACTION_GROUP(g_application_get_default()), "run-forward",
                                   g_variant_new("(xb)", id, shall_run));
}

/* --- the window of keys --- */

static char *make_title(const char *label)
{
    char *plain = kft_text_strip_mnemonic(label);
    if (g_str_has_suffix(plain, "…"))
        plain[strlen(plain) - strlen("…")] = '\0';
    return plain;
}

static GtkWidget *make_group(KftActionSection section)
{
    GtkWidget *group = g_object_new(GTK_TYPE_SHORTCUTS_GROUP, "title", _(section_titles[section]),
                                    "visible", TRUE, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (actions[i].section != section || actions[i].keys == NULL)
            continue;
        g_autofree char *title = make_title(_(actions[i].label));
        GtkWidget *shortcut = g_object_new(GTK_TYPE_SHORTCUTS_SHORTCUT, "title", title,
                                           "accelerator", actions[i].keys, "visible", TRUE, NULL);
        gtk_container_add(GTK_CONTAINER(group), shortcut);
    }
    return group;
}

GtkWidget *kft_actions_make_shortcuts_window(void)
{
    GtkWidget *window =
        g_object_new(GTK_TYPE_SHORTCUTS_WINDOW, "modal", TRUE, "section-name", "all", NULL);
    GtkWidget *all = g_object_new(GTK_TYPE_SHORTCUTS_SECTION, "section-name", "all", "max-height",
                                  14, "visible", TRUE, NULL);

    for (unsigned i = 0; i < KFT_N_ACTION_SECTIONS; i++)
        gtk_container_add(GTK_CONTAINER(all), make_group((KftActionSection)i));
    gtk_container_add(GTK_CONTAINER(window), all);
    /* As high as a small screen, but not before it has its keys. */
    gtk_window_set_position(GTK_WINDOW(window), GTK_WIN_POS_CENTER_ALWAYS);
    return window;
}
