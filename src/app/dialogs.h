#ifndef KFT_APP_DIALOGS_H
#define KFT_APP_DIALOGS_H

#include <gtk/gtk.h>

#include "core.h"

/* Opens the dialogs; each lives until it is closed. @parent: nullable. Thread: ui. */

/* @config: (transfer none), the one to edit; with id 0 or NULL a new one. */
void kft_dialogs_edit(KftCore *core, GtkWindow *parent, const KftConfig *config);
/* @kubeconfig: NULL = the default one. */
void kft_dialogs_import_kubeconfig(KftCore *core, GtkWindow *parent, const char *kubeconfig);
/* Asks for a JSON file, then shows what would change. */
void kft_dialogs_import_file(KftCore *core, GtkWindow *parent);
/* A file that was dropped: JSON or a kubeconfig. */
void kft_dialogs_import_path(KftCore *core, GtkWindow *parent, const char *path);
/* The configs of upstream's database. */
void kft_dialogs_import_upstream(KftCore *core, GtkWindow *parent);
/* @items: of KftForwardItem; NULL = all. */
void kft_dialogs_export(KftCore *core, GtkWindow *parent, const GPtrArray *items);
void kft_dialogs_set_group(KftCore *core, GtkWindow *parent, const GPtrArray *items);
/* @item: NULL = the one that most probably needs it. */
void kft_dialogs_diagnose(KftCore *core, GtkWindow *parent, KftForwardItem *item);
/* The relay pods of a cluster. */
void kft_dialogs_relays(KftCore *core, GtkWindow *parent);
/* One window for each forward, and one for all. @item: NULL = all. */
void kft_dialogs_log(GtkApplication *application, KftCore *core, KftForwardItem *item);
void kft_dialogs_settings(KftCore *core, GtkWindow *parent);
void kft_dialogs_about(GtkWindow *parent);

typedef enum {
    KFT_QUIT_CANCEL,
    KFT_QUIT_STOP_ALL,
    KFT_QUIT_KEEP, /* what runs shall run again at the next start */
} KftQuitAnswer;

/* Asks what shall become of @n_active forwards. @done runs once. */
void kft_dialogs_quit(GtkWindow *parent,
                      unsigned n_active,
                      void (*done)(KftQuitAnswer answer, gpointer user_data),
                      gpointer user_data);

#endif
