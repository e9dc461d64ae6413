#ifndef KFT_KUBE_KUBECONFIG_H
#define KFT_KUBE_KUBECONFIG_H

#include <glib.h>
#include <stdbool.h>

#include "base/secret.h"

/* kubeconfig files: loading, merging and picking a context (wire protocols, 6.1, 6.2). A loaded set
 * is immutable. An entry that is wrong is kept with its error and only spoils the contexts that use
 * it. Thread: any, one at a time. */
typedef struct KftKubeconfig KftKubeconfig;

typedef struct {
    char *name;
    char *server; /* normalised URL without a slash at the end (6.1) */
    char *tls_server_name;
    bool is_insecure;
    char *ca_file;   /* absolute */
    GBytes *ca_data; /* PEM, decoded */
    KftSecret *proxy_url;
    bool disable_compression;
    char *exec_config_json; /* the extension client.authentication.k8s.io/exec as JSON, nullable */
    GError *error;          /* why this entry cannot be used, nullable */
} KftKubeCluster;

typedef enum {
    KFT_EXEC_INTERACTIVE_NEVER,
    KFT_EXEC_INTERACTIVE_IF_AVAILABLE,
    KFT_EXEC_INTERACTIVE_ALWAYS,
} KftExecInteractive;

typedef struct {
    char *command; /* absolute, or a bare name for PATH */
    char **args;   /* never NULL */
    char **env;    /* "NAME=value", never NULL */
    char *api_version;
    char *install_hint; /* nullable */
    bool provide_cluster_info;
    KftExecInteractive interactive;
} KftKubeExec;

typedef struct {
    char *issuer_url;
    char *client_id;
    KftSecret *client_secret; /* nullable */
    char *ca_file;            /* nullable */
    GBytes *ca_data;          /* nullable */
    KftSecret *id_token;      /* nullable */
    KftSecret *refresh_token; /* nullable */
} KftKubeOidc;

typedef struct {
    char *name;
    char *file; /* that defines the entry: refreshed oidc tokens are written there */
    char *cert_file;
    char *key_file; /* or a PKCS#11 URI, which may hold a PIN: our extension */
    GBytes *cert_data;
    GBytes *key_data;
    KftSecret *token;
    char *token_file;
    char *username;
    KftSecret *password;
    KftKubeExec *exec; /* nullable */
    KftKubeOidc *oidc; /* nullable */
    char *impersonate_user;
    char *impersonate_uid;
    char **impersonate_groups; /* never NULL */
    char **impersonate_extra;  /* "key=value", repeated per value; never NULL */
    GError *error;             /* why this entry cannot be used, nullable */
} KftKubeUser;

/* A context with what it names; all borrowed from the kubeconfig. */
typedef struct {
    const char *name;
    const char *namespace_; /* "default" if the context has none */
    const KftKubeCluster *cluster;
    const KftKubeUser *user; /* an empty one if the context names none */
} KftKubeContext;

/* The same without asking whether it can be used; borrowed as well. */
typedef struct {
    const char *name;
    const char *cluster;    /* name; nullable */
    const char *server;     /* nullable */
    const char *user;       /* name; nullable */
    const char *namespace_; /* "default" if the context has none */
} KftKubeContextNames;

/* Loads @file, several joined by ":" (unless there is a file of that name), or if NULL what
 * $KUBECONFIG lists, or ~/.kube/config; merges. With none of them present and inside a pod, the
 * service account. Errors: BAD_CONFIG (with file, line and column for YAML; "no kubeconfig" says
 * which files were looked for), STORAGE (cannot be read), LIMIT. */
KftKubeconfig *kft_kubeconfig_load(const char *file, GError **error);
/* The same from @size bytes of text; @name stands for the file in messages, @dir for its folder. */
KftKubeconfig *kft_kubeconfig_parse(
    const char *text, size_t size, const char *name, const char *dir, GError **error);
KftKubeconfig *kft_kubeconfig_ref(KftKubeconfig *self);
void kft_kubeconfig_unref(KftKubeconfig *self);

/* Names of all contexts in file order. Returns: (transfer container) NULL ended. */
const char **kft_kubeconfig_list_contexts(const KftKubeconfig *self);
/* NULL if none is set. */
const char *kft_kubeconfig_get_current(const KftKubeconfig *self);
/* The files that were read (for watching them). (transfer none) NULL ended. */
const char *const *kft_kubeconfig_get_files(const KftKubeconfig *self);
/* Picks @name, or the current context if NULL. Errors: BAD_CONFIG: no such context (lists those
 * there are), none is current, its cluster or user is missing or wrong. @ret_context borrows from
 * @self. */
bool kft_kubeconfig_select(const KftKubeconfig *self,
                           const char *name,
                           KftKubeContext *ret_context,
                           GError **error);

/* What the entry @name says, usable or not. False if there is none. */
bool kft_kubeconfig_peek(const KftKubeconfig *self,
                         const char *name,
                         KftKubeContextNames *ret_names);
/* The namespaces that contexts with the cluster of @name have, that of @name first. Returns:
 * (transfer full) NULL ended. */
char **kft_kubeconfig_list_namespaces(const KftKubeconfig *self, const char *name);
/* Whether both lead to the same server in the same way, and present the same user to it. Names do
 * not count, nor do the tokens of the legacy oidc provider, which are renewed in the file. */
bool kft_kube_cluster_equal(const KftKubeCluster *a, const KftKubeCluster *b);
bool kft_kube_user_equal(const KftKubeUser *a, const KftKubeUser *b);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftKubeconfig, kft_kubeconfig_unref)

#endif
