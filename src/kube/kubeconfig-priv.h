#ifndef KFT_KUBE_KUBECONFIG_PRIV_H
#define KFT_KUBE_KUBECONFIG_PRIV_H

#include "kube/kubeconfig.h"
#include "kube/yaml-node.h"

/* What the files of the kubeconfig half share. Thread: any, one at a time. */

typedef struct {
    char *name;
    char *cluster; /* NULL if not given */
    char *user;    /* NULL if not given */
    char *namespace_;
    GError *error; /* why this entry cannot be used, nullable */
} KftContextEntry;

/* The entries are owned by the arrays and borrowed by the tables, which have the names as keys. */
struct KftKubeconfig {
    GPtrArray *clusters; /* KftKubeCluster */
    GPtrArray *users;    /* KftKubeUser */
    GPtrArray *contexts; /* KftContextEntry */
    GHashTable *cluster_by_name;
    GHashTable *user_by_name;
    GHashTable *context_by_name;
    char *current;
    GPtrArray *files; /* char*, NULL ended */
    char *label;      /* the files in one text, for messages */
    KftKubeUser *nobody;
    int ref_count;
};

KftKubeconfig *kft_kubeconfig_new(void);
void kft_kube_cluster_free(KftKubeCluster *cluster);
KftKubeUser *kft_kube_user_new(const char *name, const char *file);
void kft_kube_user_free(KftKubeUser *user);
void kft_context_entry_free(KftContextEntry *entry);
/* Each takes @entry over if its name is new and returns true; else leaves it to the caller. */
bool kft_kubeconfig_add_cluster(KftKubeconfig *self, KftKubeCluster *entry);
bool kft_kubeconfig_add_user(KftKubeconfig *self, KftKubeUser *entry);
bool kft_kubeconfig_add_context(KftKubeconfig *self, KftContextEntry *entry);

/* --- kubeconfig-fields.c: typed reading of YAML --- */

/* Reads the fields of one entry; the first thing that is wrong is kept, and reading goes on. */
typedef struct {
    const char *file;         /* for messages */
    const char *dir;          /* absolute: what relative paths are relative to */
    const char *entry;        /* "user \"x\"", nullable */
    const KftYamlNode *place; /* of the entry, where nothing closer is known; nullable */
    GError *error;
} KftFields;

void kft_fields_fail(KftFields *self, const KftYamlNode *at, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
/* NULL if missing, null or empty. */
char *kft_fields_dup_text(KftFields *self, const KftYamlNode *map, const char *key);
KftSecret *kft_fields_dup_secret(KftFields *self, const KftYamlNode *map, const char *key);
/* As above, without spaces and line ends around it; it goes into a header, so the rest must be
 * printable. */
char *kft_fields_dup_header_text(KftFields *self, const KftYamlNode *map, const char *key);
/* Absolute. */
char *kft_fields_dup_path(KftFields *self, const KftYamlNode *map, const char *key);
/* The same, or a PKCS#11 URI as it stands. */
char *kft_fields_dup_key(KftFields *self, const KftYamlNode *map, const char *key);
/* PEM as base64; @what: "CERTIFICATE" or "PRIVATE KEY", must occur in its first line. */
GBytes *
kft_fields_dup_pem(KftFields *self, const KftYamlNode *map, const char *key, const char *what);
bool kft_fields_get_bool(KftFields *self, const KftYamlNode *map, const char *key);
/* NULL if missing, null or of another kind (then an error is kept). */
const KftYamlNode *kft_fields_get_map(KftFields *self, const KftYamlNode *map, const char *key);
const KftYamlNode *kft_fields_get_list(KftFields *self, const KftYamlNode *map, const char *key);
/* The texts of a list; never NULL. */
char **kft_fields_dup_texts(KftFields *self, const KftYamlNode *map, const char *key);

/* --- kubeconfig-cluster.c, kubeconfig-user.c: entries; never NULL, errors are in the entry --- */

/* @item: the mapping with name and cluster (user). */
KftKubeCluster *
kft_kube_cluster_read(const char *name, const KftYamlNode *item, const char *file, const char *dir);
/* A server without scheme gets https if it is used with TLS options (wire protocols, 6.1), which
 * for the client certificate is known only with its users: then called once more with @is_tls. */
void kft_kube_cluster_set_scheme(KftKubeCluster *cluster, bool is_tls);
KftKubeUser *
kft_kube_user_read(const char *name, const KftYamlNode *item, const char *file, const char *dir);

/* --- kubeconfig-merge.c: files --- */

/* Where the configuration comes from; tests put their own values in. */
typedef struct {
    const char *kubeconfig; /* $KUBECONFIG, nullable */
    const char *home;
    const char *service_host; /* $KUBERNETES_SERVICE_HOST and _PORT, nullable */
    const char *service_port;
    const char *pod_namespace;       /* $POD_NAMESPACE, nullable */
    const char *service_account_dir; /* with token, ca.crt and namespace */
} KftKubeconfigSources;

KftKubeconfig *
kft_kubeconfig_load_from(const char *file, const KftKubeconfigSources *sources, GError **error);
/* Entries of @part that @self does not have yet move to @self. */
void kft_kubeconfig_absorb(KftKubeconfig *self, KftKubeconfig *part);

/* --- kubeconfig-write.c: tokens of the legacy oidc provider --- */

/* What the file holds now. @ret_id_token, @ret_refresh_token: (transfer full), may become NULL. */
bool kft_kubeconfig_read_tokens(const char *file,
                                const char *user,
                                KftSecret **ret_id_token,
                                KftSecret **ret_refresh_token,
                                GError **error);
/* Changes only the values of the two tokens; @refresh_token: NULL leaves it. Errors: STORAGE,
 * BAD_CONFIG (the file has changed so that the user is not in it as before). */
bool kft_kubeconfig_write_tokens(const char *file,
                                 const char *user,
                                 const KftSecret *id_token,
                                 const KftSecret *refresh_token,
                                 GError **error);

/* The same in memory, for tests. Returns: (transfer full). */
char *kft_kubeconfig_edit_tokens(const char *text,
                                 size_t size,
                                 const char *user,
                                 const KftSecret *id_token,
                                 const KftSecret *refresh_token,
                                 GError **error);

#endif
