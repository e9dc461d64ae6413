/* News of forwards are collected for a moment: when a network goes away, all that run over it are
 * lost at once, and a person wants to hear that in one sentence. */
#include "notify.h"

#include <glib/gi18n.h>

#include "text.h"

#define COLLECT_MS 1500
/* More news of one kind than these become one notification. */
#define MAX_SINGLE 3
/* Names in such a notification. */
#define MAX_NAMES 5

typedef enum {
    NEWS_FAILED,
    NEWS_LOST,
    NEWS_RECOVERED,
    N_NEWS
} News;

typedef struct {
    KftCore *core;             /* borrowed: it owns this */
    GApplication *application; /* outlives the core */
    bool (*is_watching)(void);
    GPtrArray *pending[N_NEWS]; /* of KftForwardItem */
    unsigned source;
} Notify;

static void notify_free(gpointer data)
{
    Notify *self = data;
    g_clear_handle_id(&self->source, g_source_remove);
    for (size_t i = 0; i < N_NEWS; i++)
        g_ptr_array_unref(self->pending[i]);
    g_free(self);
}

/* --- one forward --- */

static char *make_id(KftForwardItem *item)
{
    return g_strdup_printf("forward-%" G_GINT64_FORMAT, kft_forward_item_get_id(item));
}

/* What was told is old as soon as the user starts or stops the forward. */
static void on_item_changed(KftForwardItem *item, unsigned what, Notify *self)
{
    KftItemState state = kft_forward_item_get_status(item)->state;

    if ((what & KFT_ITEM_STATUS) == 0 || (state != KFT_ITEM_STARTING && state != KFT_ITEM_STOPPED))
        return;
    g_autofree char *id = make_id(item);
    g_signal_handlers_disconnect_by_data(item, self);
    g_application_withdraw_notification(self->application, id);
}

static char *make_title(News news, const char *alias)
{
    switch (news) {
    case NEWS_FAILED:
        return g_strdup_printf(_("%s failed"), alias);
    case NEWS_LOST:
        return g_strdup_printf(_("%s is being reconnected"), alias);
    case NEWS_RECOVERED:
        return g_strdup_printf(_("%s works again"), alias);
    case N_NEWS:
        break;
    }
    g_assert_not_reached();
}

/* Which program has the port is worth more than that there is one. */
static const char *describe_failure(const KftItemStatus *status)
{
    if (status->error_code == KFT_ERROR_PORT_IN_USE && status->error != NULL)
        return status->error;
    return kft_error_sentence(status->error_code);
}

static char *make_body(News news, KftForwardItem *item)
{
    const KftItemStatus *status = kft_forward_item_get_status(item);
    KftErrorCode code = status->error_code;

    switch (news) {
    case NEWS_FAILED:
        return g_strdup_printf("%s. %s", describe_failure(status), kft_error_hint(code));
    case NEWS_LOST:
        return g_strdup(kft_error_sentence(code));
    case NEWS_RECOVERED:
        return g_strdup(kft_forward_item_get_address(item));
    case N_NEWS:
        break;
    }
    g_assert_not_reached();
}

/* A newer notification of a forward replaces the older one. */
static void tell_one(Notify *self, News news, KftForwardItem *item)
{
    g_autofree char *id = make_id(item);
    g_autofree char *title = make_title(news, kft_forward_item_get_config(item)->alias);
    g_autofree char *body = make_body(news, item);
    g_autoptr(GNotification) notification = g_notification_new(title);

    g_notification_set_body(notification, body);
    g_notification_set_default_action_and_target(notification, "app.reveal", "x",
                                                 kft_forward_item_get_id(item));
    g_application_send_notification(self->application, id, notification);
    g_signal_handlers_disconnect_by_data(item, self);
    g_signal_connect(item, "changed", G_CALLBACK(on_item_changed), self);
}

/* --- many --- */

static char *make_title_of_many(News news, unsigned n)
{
    switch (news) {
    case NEWS_FAILED:
        return g_strdup_printf(ngettext("%u forward failed", "%u forwards failed", n), n);
    case NEWS_LOST:
        return g_strdup_printf(
            ngettext("%u forward is being reconnected", "%u forwards are being reconnected", n), n);
    case NEWS_RECOVERED:
        return g_strdup_printf(ngettext("%u forward works again", "%u forwards work again", n), n);
    case N_NEWS:
        break;
    }
    g_assert_not_reached();
}

static void tell_many(Notify *self, News news, const GPtrArray *items)
{
    g_autofree char *title = make_title_of_many(news, items->len);
    g_autoptr(GString) body = g_string_new(NULL);

    for (unsigned i = 0; i < items->len && i < MAX_NAMES; i++)
        g_string_append_printf(body, "%s%s", i == 0 ? "" : ", ",
                               kft_forward_item_get_config(items->pdata[i])->alias);
    if (items->len > MAX_NAMES)
        g_string_append(body, ", …");
    g_autoptr(GNotification) notification = g_notification_new(title);
    g_notification_set_body(notification, body->str);
    g_notification_set_default_action(notification, "app.show");
    /* That they work again replaces that they were lost. */
    g_application_send_notification(
        self->application, news == NEWS_FAILED ? "forwards-failed" : "forwards-lost", notification);
}

/* --- collecting --- */

/* What changed meanwhile, by the user or by itself, is no news any more. */
static void drop_old_news(GPtrArray *items, News news)
{
    static const KftItemState expected[N_NEWS] = {
        [NEWS_FAILED] = KFT_ITEM_FAILED,
        [NEWS_LOST] = KFT_ITEM_RECONNECTING,
        [NEWS_RECOVERED] = KFT_ITEM_RUNNING,
    };
    for (unsigned i = items->len; i-- > 0;) {
        if (kft_forward_item_get_status(items->pdata[i])->state != expected[news])
            g_ptr_array_remove_index(items, i);
    }
}

static gboolean on_collected(gpointer user_data)
{
    Notify *self = user_data;

    self->source = 0;
    for (unsigned news = 0; news < N_NEWS; news++) {
        GPtrArray *items = self->pending[news];
        drop_old_news(items, (News)news);
        for (unsigned i = 0; i < items->len && items->len <= MAX_SINGLE; i++)
            tell_one(self, (News)news, items->pdata[i]);
        if (items->len > MAX_SINGLE)
            tell_many(self, (News)news, items);
        g_ptr_array_set_size(items, 0);
    }
    return G_SOURCE_REMOVE;
}

static void add(Notify *self, News news, KftForwardItem *item)
{
    /* Lost and found within a moment: that is not worth a word. */
    if (news == NEWS_RECOVERED && g_ptr_array_remove(self->pending[NEWS_LOST], item))
        return;
    if (!kft_core_get_bool(self->core, KFT_SETTING_NOTIFY) || self->is_watching())
        return;
    for (size_t i = 0; i < N_NEWS; i++)
        (void)g_ptr_array_remove(self->pending[i], item);
    g_ptr_array_add(self->pending[news], g_object_ref(item));
    if (self->source == 0)
        self->source = g_timeout_add(COLLECT_MS, on_collected, self);
}

static void on_failed(KftCore *core, KftForwardItem *item, Notify *self)
{
    (void)core;
    add(self, NEWS_FAILED, item);
}

static void on_lost(KftCore *core, KftForwardItem *item, Notify *self)
{
    (void)core;
    add(self, NEWS_LOST, item);
}

static void on_recovered(KftCore *core, KftForwardItem *item, Notify *self)
{
    (void)core;
    add(self, NEWS_RECOVERED, item);
}

void kft_notify_attach(KftCore *core, GApplication *application, bool (*is_watching)(void))
{
    Notify *self = g_new0(Notify, 1);

    self->core = core;
    self->application = application;
    self->is_watching = is_watching;
    for (size_t i = 0; i < N_NEWS; i++)
        self->pending[i] = g_ptr_array_new_with_free_func(g_object_unref);
    g_object_set_data_full(G_OBJECT(core), "kft-notify", self, notify_free);
    g_signal_connect(core, "item-failed", G_CALLBACK(on_failed), self);
    g_signal_connect(core, "item-lost", G_CALLBACK(on_lost), self);
    g_signal_connect(core, "item-recovered", G_CALLBACK(on_recovered), self);
}
