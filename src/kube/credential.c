/* Decides when a credential is obtained and who gets it. Each user has one source (wire
 * protocols, 6.4): something static, a token file, a plugin, or the legacy oidc provider.
 *
 * Invariants: at most one plugin or refresh runs; requests that wait share its result. What is
 * cached is given out until it expires, so a renewal that begins early costs nobody time and, if it
 * fails, nothing before the expiry. A timer renews what is in use, so that the next request finds
 * it renewed; what nobody asked for since it came is left alone: a plugin may bother the user.
 * Answers are given in a turn of the loop of their own, never inside a call from outside. */
#include "kube/credential.h"

#include <string.h>
#include <unistd.h>

#include "kftray/error.h"

#include "base/log.h"
#include "kube/credential-priv.h"
#include "kube/exec-plugin.h"
#include "kube/id-token.h"
#include "kube/oidc.h"
#include "kube/token-file.h"
#include "net/timer.h"

#define PLUGIN_TIMEOUT_MS 60000
/* A token that ends on its way to the server costs a failed request: renew earlier. */
#define EARLY_S 60
#define EARLY_RETRY_S 15
/* The clock may be set meanwhile, and the machine may sleep: look again at least so often. */
#define MAX_LOOK_S 3600

typedef enum {
    SOURCE_STATIC,
    SOURCE_TOKEN_FILE,
    SOURCE_EXEC,
    SOURCE_OIDC,
} Source;

struct KftCredentialRequest {
    KftCredential *owner;
    KftCredentialFunc on_done;
    void *user_data;
};

struct KftCredential {
    KftLoop *loop;
    KftKubeconfig *config;
    KftKubeContext context;
    KftCredentialHooks hooks;
    Source source;
    KftEndpoint *endpoint; /* with what is static of the user */
    char **headers;
    KftAuth *auth; /* what is cached; nullable */
    int64_t expires_s;
    int64_t renew_s;       /* when a renewal may begin in the background */
    KftTimer *early;       /* until then */
    bool is_used;          /* somebody asked since @auth came */
    GQueue waiting;        /* KftCredentialRequest */
    GQueue answering;      /* those that get the present answer */
    KftDeferred *deferred; /* looks at the waiting ones; nullable */
    KftTokenFile *token_file;
    KftExecPlugin *plugin; /* runs; nullable */
    KftOidc *oidc;
    bool is_refreshing; /* oidc */
    bool has_worked;    /* a plugin gave a credential before */
    bool *ret_is_freed; /* set while requests are answered */
};

static void on_early(void *user_data);

/* --- choosing --- */

static int64_t now_by_clock(void *user_data)
{
    (void)user_data;
    return g_get_real_time() / G_USEC_PER_SEC;
}

static bool is_stdin_terminal(void *user_data)
{
    (void)user_data;
    return isatty(STDIN_FILENO) == 1;
}

static int64_t now_s(const KftCredential *self)
{
    return self->hooks.now_s(self->hooks.user_data);
}

/* Only plugins and oidc; what they gave without an end, or for a moment, needs no timer. */
static void await_renewal(KftCredential *self)
{
    int64_t left_s = self->renew_s - now_s(self);
    bool can_renew = self->source == SOURCE_EXEC || self->source == SOURCE_OIDC;

    if (can_renew && self->renew_s < self->expires_s)
        kft_timer_start(self->early, (uint64_t)CLAMP(left_s, 0, MAX_LOOK_S) * 1000);
    else
        kft_timer_stop(self->early);
}

static void keep(KftCredential *self, KftAuth *auth, int64_t expires_s)
{
    kft_auth_unref(self->auth);
    self->auth = auth;
    auth->expires_s = expires_s;
    self->expires_s = expires_s;
    bool is_long = expires_s != INT64_MAX && expires_s - now_s(self) > EARLY_S;
    self->renew_s = is_long ? expires_s - EARLY_S : expires_s;
    self->is_used = false;
    await_renewal(self);
}

/* A token that nothing here can renew is used to its end and beyond: the server judges. */
static void note_expiry(KftCredential *self, const KftSecret *token)
{
    int64_t expires_s = 0;
    if (kft_id_token_get_expiry(token, &expires_s))
        self->auth->expires_s = expires_s;
}

/* Static tokens, passwords and client certificates make a plugin superfluous (wire protocols, 6.4).
 */
static void choose_source(KftCredential *self)
{
    const KftKubeUser *user = self->context.user;
    KftSecret *authorization = NULL;
    bool has_cert = user->cert_file != NULL || user->cert_data != NULL;

    self->source = SOURCE_STATIC;
    if (!g_str_has_prefix(self->context.cluster->server, "https://")) {
        kft_log(KFT_LOG_AUTH, KFT_LEVEL_INFO,
                "cluster=\"%s\" is not https, so no credentials are sent to it",
                self->context.cluster->name);
    } else if (user->token_file != NULL) {
        self->source = SOURCE_TOKEN_FILE;
        self->token_file = kft_token_file_new(user->token_file, user->token);
    } else if (user->token != NULL) {
        authorization = kft_auth_new_bearer(user->token);
    } else if (user->username != NULL || user->password != NULL) {
        authorization =
            kft_auth_new_basic(user->username == NULL ? "" : user->username,
                               user->password == NULL ? "" : kft_secret_reveal(user->password));
    } else if (user->exec != NULL && !has_cert) {
        self->source = SOURCE_EXEC;
    } else if (user->oidc != NULL) {
        self->source = SOURCE_OIDC;
        self->oidc = kft_oidc_new(self->loop, user);
    }
    if (self->source == SOURCE_STATIC)
        keep(self, kft_auth_new(self->endpoint, authorization, self->headers), INT64_MAX);
    if (authorization != NULL && user->token != NULL)
        note_expiry(self, user->token);
}

KftCredential *kft_credential_new_with_hooks(KftLoop *loop,
                                             KftKubeconfig *config,
                                             const KftKubeContext *context,
                                             const KftCredentialHooks *hooks)
{
    KftCredential *self = g_new0(KftCredential, 1);
    self->loop = loop;
    self->config = kft_kubeconfig_ref(config);
    self->context = *context;
    self->hooks = *hooks;
    g_queue_init(&self->waiting);
    g_queue_init(&self->answering);
    self->endpoint = kft_auth_new_endpoint(context);
    self->headers = kft_auth_dup_impersonation(context->user);
    self->early = kft_timer_new(loop, on_early, self);
    choose_source(self);
    return self;
}

KftCredential *
kft_credential_new(KftLoop *loop, KftKubeconfig *config, const KftKubeContext *context)
{
    KftCredentialHooks hooks = {
        .now_s = now_by_clock,
        .is_terminal = is_stdin_terminal,
        .plugin_timeout_ms = PLUGIN_TIMEOUT_MS,
    };
    return kft_credential_new_with_hooks(loop, config, context, &hooks);
}

void kft_credential_free(KftCredential *self)
{
    if (self == NULL)
        return;
    if (self->ret_is_freed != NULL)
        *self->ret_is_freed = true;
    if (self->deferred != NULL)
        kft_deferred_cancel(self->deferred);
    g_queue_clear_full(&self->waiting, g_free);
    g_queue_clear_full(&self->answering, g_free);
    kft_timer_free(self->early);
    kft_exec_plugin_free(self->plugin);
    kft_oidc_free(self->oidc);
    kft_token_file_free(self->token_file);
    kft_auth_unref(self->auth);
    kft_endpoint_unref(self->endpoint);
    g_strfreev(self->headers);
    kft_kubeconfig_unref(self->config);
    g_free(self);
}

/* --- answering --- */

/* Gives all that wait @auth or @error. May free self; the last thing that a caller does. */
static void answer(KftCredential *self, KftAuth *auth, const GError *error)
{
    bool is_freed = false;

    while (!g_queue_is_empty(&self->waiting))
        g_queue_push_tail(&self->answering, g_queue_pop_head(&self->waiting));
    if (auth != NULL)
        (void)kft_auth_ref(auth);
    self->ret_is_freed = &is_freed;
    while (!is_freed && !g_queue_is_empty(&self->answering)) {
        KftCredentialRequest *request = g_queue_pop_head(&self->answering);
        KftCredentialFunc on_done = request->on_done;
        void *user_data = request->user_data;
        g_free(request);
        on_done(auth, error, user_data);
    }
    if (!is_freed)
        self->ret_is_freed = NULL;
    kft_auth_unref(auth);
}

/* The new auth of @token and the certificate, nullable both. An endpoint that stays the same keeps
 * its connections. */
static KftAuth *
new_auth(const KftCredential *self, const KftSecret *token, GBytes *cert_data, GBytes *key_data)
{
    KftSecret *authorization = token == NULL ? NULL : kft_auth_new_bearer(token);
    if (cert_data == NULL)
        return kft_auth_new(self->endpoint, authorization, self->headers);
    const KftEndpoint *old = self->auth == NULL ? NULL : self->auth->endpoint;
    if (old != NULL && old->cert_data != NULL && old->key_data != NULL &&
        g_bytes_equal(old->cert_data, cert_data) && g_bytes_equal(old->key_data, key_data))
        return kft_auth_new(self->auth->endpoint, authorization, self->headers);
    g_autoptr(KftEndpoint) endpoint = kft_endpoint_copy(self->endpoint);
    endpoint->cert_data = g_bytes_ref(cert_data);
    endpoint->key_data = g_bytes_ref(key_data);
    return kft_auth_new(endpoint, authorization, self->headers);
}

static bool is_usable(const KftCredential *self)
{
    return self->auth != NULL && now_s(self) < self->expires_s;
}

/* A renewal failed. What still holds stays in use; nobody waits for it then. */
static void answer_failure(KftCredential *self, const GError *error)
{
    if (is_usable(self)) {
        kft_log(KFT_LOG_AUTH, KFT_LEVEL_WARNING, "%s; the earlier credential is used until it ends",
                error->message);
        self->renew_s = now_s(self) + EARLY_RETRY_S;
        await_renewal(self);
        answer(self, self->auth, NULL);
        return;
    }
    answer(self, NULL, error);
}

/* --- sources --- */

static void on_plugin_done(KftExecCredential *credential, const GError *error, void *user_data)
{
    KftCredential *self = user_data;
    g_clear_pointer(&self->plugin, kft_exec_plugin_free);
    if (error != NULL) {
        g_autoptr(GError) copy = g_error_copy(error);
        /* A plugin that has worked here and fails now mostly misses the network or a new login,
         * which may come without a change of the configuration: worth another try. */
        if (self->has_worked && g_error_matches(copy, KFT_ERROR, KFT_ERROR_AUTH))
            copy->code = KFT_ERROR_REFUSED;
        answer_failure(self, copy);
        return;
    }
    self->has_worked = true;
    keep(self, new_auth(self, credential->token, credential->cert_data, credential->key_data),
         credential->expires_s);
    if (credential->expires_s == INT64_MAX)
        kft_log(KFT_LOG_AUTH, KFT_LEVEL_DEBUG, "user=\"%s\" has a credential without an end",
                self->context.user->name);
    else
        kft_log(KFT_LOG_AUTH, KFT_LEVEL_DEBUG,
                "user=\"%s\" has a credential for %" G_GINT64_FORMAT " s", self->context.user->name,
                (gint64)(credential->expires_s - now_s(self)));
    answer(self, self->auth, NULL);
}

static void
on_oidc_done(const KftSecret *id_token, int64_t expires_s, const GError *error, void *user_data)
{
    KftCredential *self = user_data;

    self->is_refreshing = false;
    if (error != NULL) {
        answer_failure(self, error);
        return;
    }
    /* Without a readable end it is used once and refreshed for the next request. */
    keep(self, new_auth(self, id_token, NULL, NULL), expires_s);
    answer(self, self->auth, NULL);
}

static void read_token_file(KftCredential *self)
{
    g_autoptr(GError) error = NULL;
    const KftSecret *token = kft_token_file_get(self->token_file, now_s(self), &error);
    if (token == NULL) {
        g_prefix_error(&error, "user \"%s\": ", self->context.user->name);
        answer(self, NULL, error);
        return;
    }
    g_autoptr(KftSecret) authorization = kft_auth_new_bearer(token);
    if (self->auth == NULL || !kft_secret_equal(self->auth->authorization, authorization))
        keep(self, new_auth(self, token, NULL, NULL), INT64_MAX);
    note_expiry(self, token);
    answer(self, self->auth, NULL);
}

/* Begins a renewal unless one runs. */
static void renew(KftCredential *self)
{
    if (self->source == SOURCE_EXEC && self->plugin == NULL)
        self->plugin =
            kft_exec_plugin_start(self->loop, &self->context, &self->hooks, on_plugin_done, self);
    if (self->source == SOURCE_OIDC && !self->is_refreshing) {
        self->is_refreshing = true;
        kft_oidc_refresh(self->oidc, on_oidc_done, self);
    }
}

/* Whether the tokens at hand, which another program may have renewed, will do. */
static void look_for_id_token(KftCredential *self)
{
    int64_t expires_s = 0;
    if (self->source != SOURCE_OIDC || self->is_refreshing || now_s(self) < self->renew_s)
        return;
    const KftSecret *token = kft_oidc_peek(self->oidc, now_s(self), &expires_s);
    if (token == NULL)
        return;
    if (self->auth == NULL || expires_s != self->expires_s)
        keep(self, new_auth(self, token, NULL, NULL), expires_s);
}

static void on_early(void *user_data)
{
    KftCredential *self = user_data;

    if (!self->is_used || !is_usable(self))
        return;
    look_for_id_token(self);
    if (now_s(self) >= self->renew_s)
        renew(self);
    else
        await_renewal(self);
}

static void on_deferred_look(void *user_data)
{
    KftCredential *self = user_data;
    self->deferred = NULL;
    if (self->source == SOURCE_TOKEN_FILE) {
        read_token_file(self);
        return;
    }
    look_for_id_token(self);
    if (!is_usable(self)) {
        renew(self);
        return;
    }
    if (now_s(self) >= self->renew_s)
        renew(self);
    answer(self, self->auth, NULL);
}

/* --- requests --- */

KftCredentialRequest *
kft_credential_get(KftCredential *self, KftCredentialFunc on_done, void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    KftCredentialRequest *request = g_new0(KftCredentialRequest, 1);
    request->owner = self;
    request->on_done = on_done;
    request->user_data = user_data;
    self->is_used = true;
    g_queue_push_tail(&self->waiting, request);
    if (self->deferred == NULL)
        self->deferred = kft_loop_defer(self->loop, on_deferred_look, self);
    return request;
}

void kft_credential_request_cancel(KftCredentialRequest *request)
{
    KFT_ASSERT_LOOP_THREAD(request->owner->loop);
    if (!g_queue_remove(&request->owner->waiting, request))
        (void)g_queue_remove(&request->owner->answering, request);
    g_free(request);
}

void kft_credential_hand_over(KftCredential *self, KftCredential *next)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    g_assert(g_queue_is_empty(&self->answering));
    KftCredentialRequest *request = NULL;
    while ((request = g_queue_pop_head(&self->waiting)) != NULL) {
        request->owner = next;
        g_queue_push_tail(&next->waiting, request);
    }
    if (!g_queue_is_empty(&next->waiting) && next->deferred == NULL)
        next->deferred = kft_loop_defer(next->loop, on_deferred_look, next);
}

void kft_credential_expire_files(KftCredential *self)
{
    if (self->token_file != NULL)
        kft_token_file_expire(self->token_file);
}

/* --- rejection --- */

static bool reject_token_file(KftCredential *self, const KftAuth *auth)
{
    kft_token_file_expire(self->token_file);
    const KftSecret *token = kft_token_file_get(self->token_file, now_s(self), NULL);
    if (token == NULL)
        return false;
    g_autoptr(KftSecret) authorization = kft_auth_new_bearer(token);
    return !kft_secret_equal(authorization, auth->authorization);
}

/* What is cached is dropped if it is @auth; if not, there is something newer already. */
static bool drop(KftCredential *self, const KftAuth *auth)
{
    bool is_current = self->auth == auth;
    kft_log(KFT_LOG_AUTH, KFT_LEVEL_DEBUG, "user=\"%s\": the server did not take the credential%s",
            self->context.user->name, is_current ? "" : ", but there is a newer one");
    if (is_current)
        g_clear_pointer(&self->auth, kft_auth_unref);
    return is_current;
}

bool kft_credential_reject(KftCredential *self, const KftAuth *auth)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    switch (self->source) {
    case SOURCE_STATIC:
        return self->auth != auth;
    case SOURCE_TOKEN_FILE:
        return reject_token_file(self, auth);
    case SOURCE_EXEC:
        (void)drop(self, auth);
        return true;
    case SOURCE_OIDC:
        if (!drop(self, auth))
            return true;
        self->renew_s = 0;
        return kft_oidc_reject(self->oidc);
    }
    g_assert_not_reached();
}
