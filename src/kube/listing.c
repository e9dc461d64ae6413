/* GET of a collection with limit and continue (wire protocols, 7.1). A continue token may expire
 * while the list is read (410): then it is read once more from the start, in one piece. */
#include "kube/listing.h"

#include "kftray/error.h"

#include "base/text.h"
#include "kube/api-path.h"

#define CHUNK_OBJECTS 500
/* As for list-watch.c. */
#define MAX_CHUNK_BYTES ((size_t)64 * 1024 * 1024)
#define CHUNK_TIMEOUT_MS 60000

struct KftListing {
    KftCluster *cluster;
    char *base_path;
    char *selector; /* nullable */
    char *what;
    size_t max_objects;
    KftListingFuncs funcs;
    void *user_data;
    KftApiCall *call;
    KftJsonReader *reader;
    GPtrArray *models;
    char *continue_token;
    bool is_in_one_piece;
};

static void start_chunk(KftListing *self);

/* Nothing of @self may be touched afterwards: the callback may free it. */
static void finish(KftListing *self, bool is_cut, const GError *error, unsigned status)
{
    self->funcs.on_done(error == NULL ? self->models : NULL, is_cut, error, status,
                        self->user_data);
}

static void accept_chunk(KftListing *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_object) list = kft_json_reader_finish(self->reader, &error);
    bool has_all = true;

    if (list != NULL && kft_json_get(list, "metadata") == NULL)
        error = g_error_new_literal(KFT_ERROR, KFT_ERROR_PROTOCOL, "the answer is no list");
    if (error != NULL) {
        g_prefix_error(&error, "%s: ", self->what);
        finish(self, /* is_cut */ false, error, 0);
        return;
    }
    size_t n_objects = kft_json_length(list, "items");
    for (size_t i = 0; i < n_objects && has_all; i++) {
        has_all = self->models->len < self->max_objects;
        void *model =
            has_all ? self->funcs.model_new(kft_json_at(list, "items", i), self->user_data) : NULL;
        if (model != NULL)
            g_ptr_array_add(self->models, model);
    }
    const char *token = kft_json_string(list, "metadata.continue");
    g_free(self->continue_token);
    self->continue_token = token != NULL && token[0] != '\0' ? g_strdup(token) : NULL;
    /* A chunk without objects leads nowhere, whatever its token says. */
    if (has_all && self->continue_token != NULL && n_objects > 0)
        start_chunk(self);
    else
        finish(self, !has_all, NULL, 0);
}

static void on_call_body(const uint8_t *data, size_t size, void *user_data)
{
    KftListing *self = user_data;
    kft_json_reader_feed(self->reader, data, size);
}

static void on_call_done(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftListing *self = user_data;
    unsigned status = response != NULL ? response->status : 0;

    if (error == NULL) {
        accept_chunk(self);
    } else if (status == 410 && self->continue_token != NULL && !self->is_in_one_piece) {
        g_clear_pointer(&self->continue_token, g_free);
        g_ptr_array_set_size(self->models, 0);
        self->is_in_one_piece = true;
        start_chunk(self);
    } else {
        finish(self, /* is_cut */ false, error, status);
    }
}

/* The first chunk, or the next one if there is a continue token. */
static void start_chunk(KftListing *self)
{
    g_autoptr(GString) path = g_string_new(self->base_path);

    if (self->is_in_one_piece)
        g_string_append(path, "?resourceVersion=");
    else
        g_string_append_printf(path, "?limit=%d", CHUNK_OBJECTS);
    if (self->selector != NULL) {
        g_string_append(path, "&labelSelector=");
        kft_text_append_percent_encoded(path, self->selector);
    }
    if (self->continue_token != NULL) {
        g_string_append(path, "&continue=");
        kft_text_append_percent_encoded(path, self->continue_token);
    }
    KftApiRequest request = {.path = path->str, .what = self->what, .timeout_ms = CHUNK_TIMEOUT_MS};
    g_clear_pointer(&self->call, kft_api_call_free);
    kft_json_reader_free(self->reader);
    self->reader = kft_json_reader_new(MAX_CHUNK_BYTES);
    self->call = kft_cluster_request(self->cluster, &request, on_call_body, on_call_done, self);
}

KftListing *kft_listing_start(KftCluster *cluster,
                              const KftListingSpec *spec,
                              const KftListingFuncs *funcs,
                              void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(kft_cluster_get_loop(cluster));
    KftListing *self = g_new0(KftListing, 1);
    self->cluster = kft_cluster_ref(cluster);
    if (spec->namespace_ != NULL) {
        self->base_path =
            kft_api_path_build(spec->prefix, "namespaces", spec->namespace_, spec->resource, NULL);
        self->what =
            g_strdup_printf("list %s in namespace \"%s\"", spec->resource, spec->namespace_);
    } else {
        self->base_path = kft_api_path_build(spec->prefix, spec->resource, NULL);
        self->what = g_strdup_printf("list %s", spec->resource);
    }
    self->selector = g_strdup(spec->label_selector);
    self->max_objects = spec->max_objects;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->models = g_ptr_array_new_with_free_func(funcs->model_free);
    start_chunk(self);
    return self;
}

void kft_listing_free(KftListing *self)
{
    if (self == NULL)
        return;
    kft_api_call_free(self->call);
    kft_json_reader_free(self->reader);
    g_ptr_array_unref(self->models);
    kft_cluster_unref(self->cluster);
    g_free(self->base_path);
    g_free(self->selector);
    g_free(self->what);
    g_free(self->continue_token);
    g_free(self);
}
