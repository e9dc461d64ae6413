/* Refreshes ID tokens: discovery, then the refresh_token grant (OpenID Connect Discovery 1.0,
 * section 4; RFC 6749, section 6). Tokens live here while the program runs; the kubeconfig file is
 * only where they are found at first and kept for later. Invariant: at most one of call and
 * deferred is there, and then a refresh runs. */
#include "kube/oidc.h"

#include <string.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/log.h"
#include "base/redact.h"
#include "base/text.h"
#include "kube/id-token.h"
#include "kube/kubeconfig-priv.h"
#include "net/http.h"

#define LEEWAY_S 10
#define TIMEOUT_MS 30000
#define MAX_ANSWER_BYTES ((size_t)1 << 20)
#define DISCOVERY_PATH "/.well-known/openid-configuration"

struct KftOidc {
    KftLoop *loop;
    const KftKubeUser *user;
    KftSecret *id_token;      /* nullable */
    KftSecret *refresh_token; /* nullable */
    /* What the file held when it was last read, nullable. */
    KftSecret *seen_id_token;
    KftSecret *seen_refresh_token;
    KftSecret *rejected; /* an ID token that the server did not take, nullable */
    /* The refresh that runs. */
    KftOidcFunc on_done; /* NULL: none */
    void *user_data;
    KftHttpCall *call;
    KftDeferred *deferred; /* reports @error */
    GError *error;
    char *token_url;
    bool is_secret_in_body;
};

KftOidc *kft_oidc_new(KftLoop *loop, const KftKubeUser *user)
{
    KftOidc *self = g_new0(KftOidc, 1);
    self->loop = loop;
    self->user = user;
    self->id_token = kft_secret_copy(user->oidc->id_token);
    self->refresh_token = kft_secret_copy(user->oidc->refresh_token);
    self->seen_id_token = kft_secret_copy(user->oidc->id_token);
    self->seen_refresh_token = kft_secret_copy(user->oidc->refresh_token);
    return self;
}

void kft_oidc_free(KftOidc *self)
{
    if (self == NULL)
        return;
    kft_http_call_free(self->call);
    if (self->deferred != NULL)
        kft_deferred_cancel(self->deferred);
    g_clear_error(&self->error);
    g_free(self->token_url);
    kft_secret_free(self->id_token);
    kft_secret_free(self->refresh_token);
    kft_secret_free(self->seen_id_token);
    kft_secret_free(self->seen_refresh_token);
    kft_secret_free(self->rejected);
    g_free(self);
}

/* --- tokens at hand --- */

/* Until when @token may be used; false if it says nothing. */
static bool get_end(const KftSecret *token, int64_t *ret_expires_s)
{
    int64_t expires_s = 0;
    if (!kft_id_token_get_expiry(token, &expires_s))
        return false;
    *ret_expires_s = expires_s - LEEWAY_S;
    return true;
}

static bool
is_good(const KftOidc *self, const KftSecret *token, int64_t now_s, int64_t *ret_expires_s)
{
    return token != NULL && !kft_secret_equal(token, self->rejected) &&
           get_end(token, ret_expires_s) && now_s < *ret_expires_s;
}

static void replace(KftSecret **slot, KftSecret *value)
{
    kft_secret_free(*slot);
    *slot = value;
}

/* Takes what is new in the file. What is there as before is not news: ours may be newer and could
 * not be saved. */
static void take_news(KftSecret **slot, KftSecret **seen, KftSecret *found)
{
    if (found != NULL && !kft_secret_equal(found, *seen))
        replace(slot, kft_secret_copy(found));
    replace(seen, found);
}

/* Issuers may allow a refresh token only once, so the newest one is in the file if kubectl
 * refreshed. */
static void read_file(KftOidc *self)
{
    g_autoptr(GError) error = NULL;
    KftSecret *id_token = NULL;
    KftSecret *refresh_token = NULL;
    if (self->user->file == NULL)
        return;
    if (!kft_kubeconfig_read_tokens(self->user->file, self->user->name, &id_token, &refresh_token,
                                    &error)) {
        kft_log(KFT_LOG_AUTH, KFT_LEVEL_DEBUG, "tokens are not read again: %s", error->message);
        return;
    }
    take_news(&self->id_token, &self->seen_id_token, id_token);
    take_news(&self->refresh_token, &self->seen_refresh_token, refresh_token);
}

const KftSecret *kft_oidc_peek(KftOidc *self, int64_t now_s, int64_t *ret_expires_s)
{
    if (is_good(self, self->id_token, now_s, ret_expires_s))
        return self->id_token;
    read_file(self);
    return is_good(self, self->id_token, now_s, ret_expires_s) ? self->id_token : NULL;
}

bool kft_oidc_reject(KftOidc *self)
{
    if (self->id_token != NULL)
        replace(&self->rejected, kft_secret_copy(self->id_token));
    return self->refresh_token != NULL;
}

/* --- ending --- */

/* May free self. */
static void finish(KftOidc *self, const KftSecret *id_token, const GError *error)
{
    KftOidcFunc on_done = self->on_done;
    int64_t expires_s = 0;
    if (id_token != NULL)
        (void)get_end(id_token, &expires_s);
    g_clear_pointer(&self->call, kft_http_call_free);
    g_clear_pointer(&self->token_url, g_free);
    self->on_done = NULL;
    on_done(id_token, expires_s, error, self->user_data);
}

static GError *new_error(const KftOidc *self, KftErrorCode code, const char *what)
{
    g_autofree char *text = g_strdup_printf("user \"%s\": %s", self->user->name, what);
    g_autofree char *redacted = kft_redact(text);
    g_autofree char *line = kft_one_line(redacted, 1000);
    return g_error_new_literal(KFT_ERROR, (int)code, line);
}

static void fail(KftOidc *self, KftErrorCode code, const char *what)
{
    g_autoptr(GError) error = new_error(self, code, what);
    finish(self, NULL, error);
}

static void on_deferred_error(void *user_data)
{
    KftOidc *self = user_data;
    g_autoptr(GError) error = g_steal_pointer(&self->error);
    self->deferred = NULL;
    finish(self, NULL, error);
}

static void fail_later(KftOidc *self, GError *error)
{
    self->error = error;
    self->deferred = kft_loop_defer(self->loop, on_deferred_error, self);
}

/* The answer itself failed. */
static void fail_transfer(KftOidc *self, const GError *error)
{
    g_autofree char *what = g_strdup_printf("the OpenID Connect issuer %s cannot be asked: %s",
                                            self->user->oidc->issuer_url, error->message);
    fail(self, (KftErrorCode)error->code, what);
}

/* --- requests --- */

/* Tokens and client secrets go only where nobody can listen. */
static bool is_private_url(const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    if (uri == NULL || g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0')
        return false;
    static const char *const loopback[] = {"localhost", "127.0.0.1", "::1", NULL};
    const char *scheme = g_uri_get_scheme(uri);
    return strcmp(scheme, "https") == 0 ||
           (strcmp(scheme, "http") == 0 && g_strv_contains(loopback, g_uri_get_host(uri)));
}

/* Splits "https://host/path?query" before the path. */
static KftEndpoint *new_endpoint(const KftOidc *self, const char *url, const char **ret_path)
{
    const char *authority = strstr(url, "://") + strlen("://");
    size_t length = strcspn(authority, "/?#");
    g_autofree char *base = g_strndup(url, (gsize)(authority - url) + length);
    KftEndpoint *endpoint = kft_endpoint_new(base);
    endpoint->ca_file = g_strdup(self->user->oidc->ca_file);
    if (self->user->oidc->ca_data != NULL)
        endpoint->ca_data = g_bytes_ref(self->user->oidc->ca_data);
    *ret_path = authority[length] == '/' ? authority + length : "/";
    return endpoint;
}

static void on_tokens(const KftHttpResponse *response, const GError *error, void *user_data);

/* application/x-www-form-urlencoded, as RFC 6749 2.3.1 wants it for the Basic field too. */
static void append_form(GString *out, const char *key, const char *value)
{
    g_string_append_printf(out, "%s%s=", out->len == 0 ? "" : "&", key);
    kft_text_append_percent_encoded(out, value);
}

static char *dup_basic_line(const KftKubeOidc *oidc)
{
    g_autoptr(GString) pair = g_string_new(NULL);
    kft_text_append_percent_encoded(pair, oidc->client_id);
    g_string_append_c(pair, ':');
    kft_text_append_percent_encoded(pair, kft_secret_reveal(oidc->client_secret));
    char *base64 = g_base64_encode((const guchar *)pair->str, pair->len);
    char *line = g_strconcat("Authorization: Basic ", base64, NULL);
    explicit_bzero(pair->str, pair->len);
    kft_secret_wipe_string(base64);
    return line;
}

static void post_refresh(KftOidc *self)
{
    const KftKubeOidc *oidc = self->user->oidc;
    const char *path = NULL;
    bool has_basic = oidc->client_secret != NULL && !self->is_secret_in_body;
    char *basic = has_basic ? dup_basic_line(oidc) : NULL;
    const char *headers[] = {"Content-Type: application/x-www-form-urlencoded",
                             "Accept: application/json", basic, NULL};
    /* A reallocated GString would leave copies of the secrets behind. */
    GString *body = g_string_sized_new(3 * strlen(kft_secret_reveal(self->refresh_token)) + 4096);
    append_form(body, "grant_type", "refresh_token");
    append_form(body, "refresh_token", kft_secret_reveal(self->refresh_token));
    if (!has_basic) {
        append_form(body, "client_id", oidc->client_id);
        if (oidc->client_secret != NULL)
            append_form(body, "client_secret", kft_secret_reveal(oidc->client_secret));
    }
    g_autoptr(KftEndpoint) endpoint = new_endpoint(self, self->token_url, &path);
    KftHttpRequest request = {
        .method = "POST",
        .path = path,
        .headers = headers,
        .body = body->str,
        .body_size = body->len,
        .timeout_ms = TIMEOUT_MS,
        .max_body_bytes = MAX_ANSWER_BYTES,
    };
    kft_http_call_free(self->call);
    self->call = kft_http_call_start(self->loop, endpoint, &request, NULL, on_tokens, self);
    explicit_bzero(body->str, body->len);
    g_string_free(body, TRUE);
    kft_secret_wipe_string(basic);
}

/* --- answers --- */

static void store(KftOidc *self, const char *id_token, const char *refresh_token)
{
    g_autoptr(GError) error = NULL;
    replace(&self->id_token, kft_secret_new(id_token));
    if (refresh_token != NULL && *refresh_token != '\0')
        replace(&self->refresh_token, kft_secret_new(refresh_token));
    if (self->user->file != NULL &&
        !kft_kubeconfig_write_tokens(self->user->file, self->user->name, self->id_token,
                                     self->refresh_token, &error))
        kft_log(KFT_LOG_AUTH, KFT_LEVEL_WARNING,
                "user=\"%s\" has new tokens, but they cannot be saved: %s", self->user->name,
                error->message);
}

/* RFC 6749 5.2. */
static void fail_refused(KftOidc *self, unsigned status, json_object *root)
{
    const char *reason = kft_json_string(root, "error");
    const char *description = kft_json_string(root, "error_description");
    g_autofree char *detail =
        g_strdup_printf("%s%s%s", reason == NULL ? "no reason given" : reason,
                        description == NULL ? "" : ": ", description == NULL ? "" : description);
    g_autofree char *line = kft_one_line(detail, 300);
    g_autofree char *what = g_strdup_printf(
        "the OpenID Connect issuer %s did not refresh the token (HTTP %u, %s)%s",
        self->user->oidc->issuer_url, status, line, status < 500 ? "; log in again" : "");
    fail(self, status >= 500 || status == 429 ? KFT_ERROR_REFUSED : KFT_ERROR_AUTH, what);
}

/* Some issuers want the secret in the body; a spent refresh token is not one of their reasons. */
static bool should_try_body(const KftOidc *self, unsigned status, json_object *root)
{
    return self->user->oidc->client_secret != NULL && !self->is_secret_in_body &&
           (status == 401 ||
            (status == 400 && g_strcmp0(kft_json_string(root, "error"), "invalid_grant") != 0));
}

static void on_tokens(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftOidc *self = user_data;
    if (error != NULL) {
        fail_transfer(self, error);
        return;
    }
    g_autoptr(json_object) root = kft_json_parse(response->body, response->body_size, NULL);
    if (response->status < 200 || response->status > 299) {
        if (should_try_body(self, response->status, root)) {
            self->is_secret_in_body = true;
            post_refresh(self);
            return;
        }
        fail_refused(self, response->status, root);
        return;
    }
    const char *id_token = kft_json_string(root, "id_token");
    if (id_token == NULL || *id_token == '\0' || strpbrk(id_token, " \r\n") != NULL) {
        fail(self, KFT_ERROR_AUTH,
             "the OpenID Connect issuer gave no id_token; log in again with the scope openid");
        return;
    }
    store(self, id_token, kft_json_string(root, "refresh_token"));
    finish(self, self->id_token, NULL);
}

static void on_discovery(const KftHttpResponse *response, const GError *error, void *user_data)
{
    KftOidc *self = user_data;
    if (error != NULL) {
        fail_transfer(self, error);
        return;
    }
    g_autoptr(json_object) root = kft_json_parse(response->body, response->body_size, NULL);
    const char *url = kft_json_string(root, "token_endpoint");
    if (response->status != 200 || url == NULL) {
        g_autofree char *what = g_strdup_printf(
            "the OpenID Connect issuer %s has no usable %s (HTTP %u); check idp-issuer-url",
            self->user->oidc->issuer_url, DISCOVERY_PATH, response->status);
        fail(self, response->status >= 500 ? KFT_ERROR_REFUSED : KFT_ERROR_BAD_CONFIG, what);
        return;
    }
    if (!is_private_url(url)) {
        fail(self, KFT_ERROR_AUTH,
             "the OpenID Connect issuer names a token_endpoint that is not https");
        return;
    }
    self->token_url = g_strdup(url);
    post_refresh(self);
}

void kft_oidc_refresh(KftOidc *self, KftOidcFunc on_done, void *user_data)
{
    const char *path = NULL;

    g_assert(self->on_done == NULL);
    self->on_done = on_done;
    self->user_data = user_data;
    read_file(self);
    if (self->refresh_token == NULL) {
        fail_later(self, new_error(self, KFT_ERROR_AUTH,
                                   "the id-token has ended and there is no refresh-token; "
                                   "log in again"));
        return;
    }
    if (!is_private_url(self->user->oidc->issuer_url)) {
        fail_later(self, new_error(self, KFT_ERROR_BAD_CONFIG, "idp-issuer-url must be https"));
        return;
    }
    g_autofree char *url = g_strdup(self->user->oidc->issuer_url);
    for (size_t length = strlen(url); length > 0 && url[length - 1] == '/'; length--)
        url[length - 1] = '\0';
    g_autofree char *full = g_strconcat(url, DISCOVERY_PATH, NULL);
    g_autoptr(KftEndpoint) endpoint = new_endpoint(self, full, &path);
    const char *headers[] = {"Accept: application/json", NULL};
    KftHttpRequest request = {
        .path = path,
        .headers = headers,
        .timeout_ms = TIMEOUT_MS,
        .max_body_bytes = MAX_ANSWER_BYTES,
    };
    kft_log(KFT_LOG_AUTH, KFT_LEVEL_DEBUG, "user=\"%s\" refreshes its token", self->user->name);
    self->call = kft_http_call_start(self->loop, endpoint, &request, NULL, on_discovery, self);
}
