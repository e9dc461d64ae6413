#include "dialogs.h"

#include <glib/gi18n.h>

void kft_dialogs_edit(KftCore *core, GtkWindow *parent, const KftConfig *config) { (void)core; (void)parent; (void)config; }
void kft_dialogs_import_kubeconfig(KftCore *core, GtkWindow *parent, const char *kubeconfig) { (void)core; (void)parent; (void)kubeconfig; }
void kft_dialogs_import_file(KftCore *core, GtkWindow *parent) { (void)core; (void)parent; }
void kft_dialogs_import_path(KftCore *core, GtkWindow *parent, const char *path) { (void)core; (void)parent; (void)path; }
void kft_dialogs_import_upstream(KftCore *core, GtkWindow *parent) { (void)core; (void)parent; }
void kft_dialogs_export(KftCore *core, GtkWindow *parent, const GPtrArray *items) { (void)core; (void)parent; (void)items; }
void kft_dialogs_set_group(KftCore *core, GtkWindow *parent, const GPtrArray *items) { (void)core; (void)parent; (void)items; }
void kft_dialogs_settings(KftCore *core, GtkWindow *parent) { (void)core; (void)parent; }
void kft_dialogs_about(GtkWindow *parent) { (void)parent; }
void kft_dialogs_quit(GtkWindow *parent, unsigned n_active, void (*done)(KftQuitAnswer answer, gpointer user_data), gpointer user_data) { (void)parent; (void)n_active; done(KFT_QUIT_KEEP, user_data); }
