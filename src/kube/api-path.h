#ifndef KFT_KUBE_API_PATH_H
#define KFT_KUBE_API_PATH_H

#include <glib.h>

/* Builds a path: @prefix as it is, then "/" and each further argument percent-encoded; ended by
 * NULL. Returns: (transfer full). Thread: any. */
char *kft_api_path_build(const char *prefix, ...) G_GNUC_NULL_TERMINATED;

#endif
