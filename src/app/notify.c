#include "notify.h"

#include <glib/gi18n.h>

#include "text.h"

typedef struct {
    GApplication *application; /* outlives the core */
    bool (*is_watching)(void);
} Notify;

static char *make_id(KftForwardItem *item)
{
    return g_strdup_printf("forward-%" G_GINT64_FORMAT, kft_forward_item_get_id(item));
}

/* A newer notification of a forward replaces the older one. */
static void
send(Notify *self, KftCore *core, KftForwardItem *item, const char *title, const char *body)
{
    if (!kft_core_get_bool(core, KFT_SETTING_NOTIFY) || self->is_watching())
        return;
    g_autoptr(GNotification) notification = g_notification_new(title);
    g_autofree char *id = make_id(item);
    g_notification_set_body(notification, body);
    g_notification_set_default_action_and_target(notification, "app.reveal", "x",
                                                 kft_forward_item_get_id(item));
    g_application_send_notification(self->application, id, notification);
}

static void on_failed(KftCore *core, KftForwardItem *item, Notify *self)
{
    const KftItemStatus *status = kft_forward_item_get_status(item);
    g_autofree char *title =
        g_strdup_printf(_("%s failed"), kft_forward_item_get_config(item)->alias);
    g_autofree char *body = g_strdup_printf("%s. %s", kft_error_sentence(status->error_code),
                                            kft_error_hint(status->error_code));
    send(self, core, item, title, body);
}

static void on_lost(KftCore *core, KftForwardItem *item, Notify *self)
{
    const KftItemStatus *status = kft_forward_item_get_status(item);
    g_autofree char *title =
        g_strdup_printf(_("%s is being reconnected"), kft_forward_item_get_config(item)->alias);
    send(self, core, item, title, kft_error_sentence(status->error_code));
}

static void on_recovered(KftCore *core, KftForwardItem *item, Notify *self)
{
    g_autofree char *title =
        g_strdup_printf(_("%s works again"), kft_forward_item_get_config(item)->alias);
    send(self, core, item, title, kft_forward_item_get_address(item));
}

void kft_notify_attach(KftCore *core, GApplication *application, bool (*is_watching)(void))
{
    Notify *self = g_new0(Notify, 1);
    self->application = application;
    self->is_watching = is_watching;
    g_object_set_data_full(G_OBJECT(core), "kft-notify", self, g_free);
    g_signal_connect(core, "item-failed", G_CALLBACK(on_failed), self);
    g_signal_connect(core, "item-lost", G_CALLBACK(on_lost), self);
    g_signal_connect(core, "item-recovered", G_CALLBACK(on_recovered), self);
}
