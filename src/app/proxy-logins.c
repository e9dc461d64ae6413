/* The keyring's calls block, also for as long as the user takes to unlock one: they are made in a
 * thread of GTask's pool, on copies. */
#include "proxy-logins.h"

#include <glib/gi18n.h>
#include <kftray/keyring.h>
#include <string.h>

#include "login-dialog.h"

struct _KftProxyLogins {
    GObject parent;
    KftCore *core;     /* NULL after the dispose */
    GtkWidget *dialog; /* nullable */
    GQueue wishes;     /* Wish: other proxies, asked for when the dialog is closed */
    KftLogin last;     /* that was told; one that is refused is not taken from the keyring again */
};

G_DEFINE_FINAL_TYPE(KftProxyLogins, kft_proxy_logins, G_TYPE_OBJECT)

typedef struct {
    char *proxy;
    char *user; /* nullable */
    bool is_refused;
} Wish;

static void wish_free(gpointer data)
{
    Wish *wish = data;
    g_free(wish->proxy);
    g_free(wish->user);
    g_free(wish);
}

/* One call of the keyring. */
typedef struct {
    char *proxy;
    char *user; /* nullable */
    char *not_password;
    bool is_refused;
    KftLogin login; /* found, or to be stored */
} Job;

static void job_free(gpointer data)
{
    Job *job = data;
    if (job->not_password != NULL)
        explicit_bzero(job->not_password, strlen(job->not_password));
    g_free(job->not_password);
    g_free(job->proxy);
    g_free(job->user);
    kft_login_clear(&job->login);
    g_free(job);
}

static void copy_login(const KftLogin *from, KftLogin *ret_copy)
{
    ret_copy->user = g_strdup(from->user);
    ret_copy->password = g_strdup(from->password);
}

static void tell_login(KftProxyLogins *self, const char *proxy, const KftLogin *login)
{
    kft_login_clear(&self->last);
    copy_login(login, &self->last);
    kft_core_set_proxy_login(self->core, proxy, login);
}

/* --- storing --- */

static void store_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const Job *job = data;
    GError *error = NULL;

    (void)source;
    (void)cancellable;
    if (kft_keyring_store(job->proxy, &job->login, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void on_stored(GObject *source, GAsyncResult *result, gpointer user_data)
{
    KftProxyLogins *self = KFT_PROXY_LOGINS(source);
    g_autoptr(GError) error = NULL;

    (void)user_data;
    if (!g_task_propagate_boolean(G_TASK(result), &error) && self->core != NULL)
        g_signal_emit_by_name(self->core, "error", _("The password was not stored"), error);
}

static void store(KftProxyLogins *self, const char *proxy, const KftLogin *login)
{
    g_autoptr(GTask) task = g_task_new(self, NULL, on_stored, NULL);
    Job *job = g_new0(Job, 1);

    job->proxy = g_strdup(proxy);
    copy_login(login, &job->login);
    g_task_set_task_data(task, job, job_free);
    g_task_run_in_thread(task, store_in_thread);
}

/* --- the dialog --- */

static void show_next(KftProxyLogins *self);

static void on_response(KftLoginDialog *dialog, int response, KftProxyLogins *self)
{
    g_auto(KftLogin) login = {0};
    const char *proxy = kft_login_dialog_get_proxy(dialog);

    if (response == GTK_RESPONSE_OK) {
        kft_login_dialog_get_login(dialog, &login);
        tell_login(self, proxy, &login);
        if (kft_login_dialog_must_remember(dialog))
            store(self, proxy, &login);
    }
    self->dialog = NULL;
    gtk_widget_destroy(GTK_WIDGET(dialog));
    show_next(self);
}

static void show_next(KftProxyLogins *self)
{
    GtkApplication *application = GTK_APPLICATION(g_application_get_default());
    Wish *wish = g_queue_pop_head(&self->wishes);

    if (wish == NULL)
        return;
    self->dialog = kft_login_dialog_new(gtk_application_get_active_window(application), wish->proxy,
                                        wish->user, wish->is_refused);
    g_signal_connect(self->dialog, "response", G_CALLBACK(on_response), self);
    gtk_window_present(GTK_WINDOW(self->dialog));
    wish_free(wish);
}

static int compare_proxies(gconstpointer wish, gconstpointer proxy)
{
    return strcmp(((const Wish *)wish)->proxy, proxy);
}

/* What was asked for is told once more when another login came. */
static bool is_asked_for(KftProxyLogins *self, const char *proxy)
{
    KftLoginDialog *dialog = self->dialog == NULL ? NULL : KFT_LOGIN_DIALOG(self->dialog);

    return (dialog != NULL && strcmp(kft_login_dialog_get_proxy(dialog), proxy) == 0) ||
           g_queue_find_custom(&self->wishes, proxy, compare_proxies) != NULL;
}

static void ask(KftProxyLogins *self, const Job *job)
{
    if (is_asked_for(self, job->proxy))
        return;
    Wish *wish = g_new0(Wish, 1);
    wish->proxy = g_strdup(job->proxy);
    wish->user = g_strdup(job->user);
    wish->is_refused = job->is_refused;
    g_queue_push_tail(&self->wishes, wish);
    if (self->dialog == NULL)
        show_next(self);
}

/* --- the keyring first --- */

static void find_in_thread(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    Job *job = data;

    (void)source;
    (void)cancellable;
    /* Without a keyring the user is asked: its error helps nobody. */
    g_task_return_boolean(task, kft_keyring_find(job->proxy, job->user, job->not_password,
                                                 /* may_unlock */ true, &job->login, NULL));
}

static void on_found(GObject *source, GAsyncResult *result, gpointer user_data)
{
    KftProxyLogins *self = KFT_PROXY_LOGINS(source);
    const Job *job = g_task_get_task_data(G_TASK(result));

    (void)user_data;
    if (self->core == NULL)
        return;
    if (g_task_propagate_boolean(G_TASK(result), NULL))
        tell_login(self, job->proxy, &job->login);
    else
        ask(self, job);
}

static void on_login_wanted(KftCore *core, const KftEvent *event, KftProxyLogins *self)
{
    g_autoptr(GTask) task = g_task_new(self, NULL, on_found, NULL);
    Job *job = g_new0(Job, 1);

    (void)core;
    job->proxy = g_strdup(event->proxy_login.proxy);
    job->user = g_strdup(event->proxy_login.user);
    job->is_refused = event->proxy_login.is_refused;
    job->not_password = job->is_refused ? g_strdup(self->last.password) : NULL;
    g_task_set_task_data(task, job, job_free);
    g_task_run_in_thread(task, find_in_thread);
}

/* --- life --- */

static void kft_proxy_logins_dispose(GObject *object)
{
    KftProxyLogins *self = KFT_PROXY_LOGINS(object);

    if (self->core != NULL)
        g_signal_handlers_disconnect_by_data(self->core, self);
    g_clear_pointer(&self->dialog, gtk_widget_destroy);
    g_queue_clear_full(&self->wishes, wish_free);
    g_clear_object(&self->core);
    kft_login_clear(&self->last);
    G_OBJECT_CLASS(kft_proxy_logins_parent_class)->dispose(object);
}

static void kft_proxy_logins_class_init(KftProxyLoginsClass *class)
{
    G_OBJECT_CLASS(class)->dispose = kft_proxy_logins_dispose;
}

static void kft_proxy_logins_init(KftProxyLogins *self)
{
    g_queue_init(&self->wishes);
}

KftProxyLogins *kft_proxy_logins_new(KftCore *core)
{
    KftProxyLogins *self = g_object_new(KFT_TYPE_PROXY_LOGINS, NULL);

    self->core = g_object_ref(core);
    g_signal_connect(core, "proxy-login", G_CALLBACK(on_login_wanted), self);
    return self;
}
