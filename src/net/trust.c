/* A few OpenSSL stores, found by the text of the certificates that are in them: so what one
 * kubeconfig trusts is kept apart from what another does, also if both name the same file. libcurl
 * would read and keep the authorities for each connection anew; a bundle of a hundred takes 2 MB
 * and some 10 ms. */
#include "net/trust.h"

#include <curl/curl.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdint.h>
#include <sys/stat.h>

/* Those of the contexts that are in use at a time; one that was dropped is only made again, and
 * connections keep theirs. */
#define MAX_SETS 16

static void free_set(gpointer data)
{
    KftTrustSet *set = data;
    g_clear_pointer(&set->own, g_bytes_unref);
    g_clear_pointer(&set->further, g_bytes_unref);
    g_free(set->system);
    g_free(set->name);
    X509_STORE_free(set->store);
    g_free(set);
}

static bool add_certificates(X509_STORE *store, GBytes *pem)
{
    gsize size = 0;
    const void *data = g_bytes_get_data(pem, &size);
    BIO *bio = BIO_new_mem_buf(data, (int)MIN(size, INT32_MAX));
    STACK_OF(X509_INFO) *infos = PEM_X509_INFO_read_bio(bio, NULL, NULL, NULL);
    bool has_some = false;
    for (int i = 0; i < sk_X509_INFO_num(infos); i++) {
        X509 *certificate = sk_X509_INFO_value(infos, i)->x509;
        has_some |= certificate != NULL && X509_STORE_add_cert(store, certificate) == 1;
    }
    sk_X509_INFO_pop_free(infos, X509_INFO_free);
    (void)BIO_free(bio);
    return has_some;
}

/* libcurl says where this distribution has them. */
static bool add_system(X509_STORE *store)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);
    bool has_file = curl->cainfo != NULL && X509_STORE_load_file(store, curl->cainfo) == 1;
    bool has_folder = curl->capath != NULL && X509_STORE_load_path(store, curl->capath) == 1;
    return has_file || has_folder;
}

/* Another text once they were changed. (transfer full). */
static char *describe_system(void)
{
    const char *file = curl_version_info(CURLVERSION_NOW)->cainfo;
    struct stat facts = {0};
    if (file != NULL)
        (void)stat(file, &facts);
    return g_strdup_printf("%ju %jd %jd.%09ld", (uintmax_t)facts.st_ino, (intmax_t)facts.st_size,
                           (intmax_t)facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
}

static bool is_same(GBytes *a, GBytes *b)
{
    return a == b || (a != NULL && b != NULL && g_bytes_equal(a, b));
}

static GList *find(const KftTrust *self, GBytes *own, GBytes *further, const char *system)
{
    for (GList *link = self->sets.head; link != NULL; link = link->next) {
        const KftTrustSet *set = link->data;
        if (is_same(set->own, own) && is_same(set->further, further) &&
            g_strcmp0(set->system, system) == 0)
            return link;
    }
    return NULL;
}

/* NULL if something of what is wanted cannot be used. */
static KftTrustSet *read_set(KftTrust *self, GBytes *own, GBytes *further, const char *system)
{
    KftTrustSet *set = g_new0(KftTrustSet, 1);
    set->store = X509_STORE_new();
    /* As libcurl sets for its own stores, and as Go verifies: what is named is trusted, a root or
     * not. */
    X509_STORE_set_flags(set->store, X509_V_FLAG_PARTIAL_CHAIN);
    set->name = g_strdup_printf("/dev/null/kftray-%u", ++self->last_serial);
    set->own = own != NULL ? g_bytes_ref(own) : NULL;
    set->further = further != NULL ? g_bytes_ref(further) : NULL;
    set->system = g_strdup(system);
    bool is_usable = (own == NULL || add_certificates(set->store, own)) &&
                     (further == NULL || add_certificates(set->store, further)) &&
                     (system == NULL || add_system(set->store));
    if (is_usable)
        return set;
    free_set(set);
    return NULL;
}

const KftTrustSet *kft_trust_get_set(KftTrust *self, GBytes *own, GBytes *further, bool has_system)
{
    g_autofree char *system = has_system ? describe_system() : NULL;
    GList *link = find(self, own, further, system);
    if (link != NULL)
        g_queue_unlink(&self->sets, link);
    else
        link = g_list_append(NULL, read_set(self, own, further, system));
    if (link->data == NULL) {
        g_list_free(link);
        return NULL;
    }
    g_queue_push_head_link(&self->sets, link);
    if (g_queue_get_length(&self->sets) > MAX_SETS)
        free_set(g_queue_pop_tail(&self->sets));
    return link->data;
}

void kft_trust_clear(KftTrust *self)
{
    g_queue_clear_full(&self->sets, free_set);
}
