#ifndef KFT_APP_CLUSTER_DIALOG_H
#define KFT_APP_CLUSTER_DIALOG_H

#include <gtk/gtk.h>

#include "core.h"

/* Import from clusters: contexts of a kubeconfig, their namespaces and services with check boxes,
 * and what would be added. A cluster is asked when its row is opened. Thread: ui. */
#define KFT_TYPE_CLUSTER_DIALOG (kft_cluster_dialog_get_type())
G_DECLARE_FINAL_TYPE(KftClusterDialog, kft_cluster_dialog, KFT, CLUSTER_DIALOG, GtkDialog)

/* @kubeconfig: NULL = the default one. */
GtkWidget *kft_cluster_dialog_new(KftCore *core, GtkWindow *parent, const char *kubeconfig);

#endif
