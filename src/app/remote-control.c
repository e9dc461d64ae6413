/* Calls are answered from the model. What it cannot answer yet waits for the store to be read: all
 * calls before it was loaded, and those that name a config which another program may just have
 * stored. */
#include "remote-control.h"

#include "text.h"

struct KftRemoteControl {
    GDBusConnection *bus;
    GDBusNodeInfo *node;
    unsigned registration;
    KftCore *core; /* NULL before the start and after the end */
    GQueue calls;  /* GDBusMethodInvocation that wait for the store */
};

static const char *const state_names[KFT_ITEM_N_STATES] = {
    [KFT_ITEM_STOPPED] = "stopped",     [KFT_ITEM_STARTING] = "starting",
    [KFT_ITEM_RUNNING] = "running",     [KFT_ITEM_RECONNECTING] = "reconnecting",
    [KFT_ITEM_FAILED] = "failed",       [KFT_ITEM_STOPPING] = "stopping",
    [KFT_ITEM_ELSEWHERE] = "elsewhere",
};

/* --- answers --- */

static GVariant *make_list(KftCore *core)
{
    GListModel *list = kft_model_get_list(kft_core_get_model(core));
    g_auto(GVariantBuilder) builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(xssss)"));
    unsigned n = g_list_model_get_n_items(list);

    for (unsigned i = 0; i < n; i++) {
        g_autoptr(KftForwardItem) item = g_list_model_get_item(list, i);
        const KftItemStatus *status = kft_forward_item_get_status(item);
        const char *reason = status->waiting_for != NULL ? status->waiting_for : status->error;
        g_variant_builder_add(&builder, "(xssss)", kft_forward_item_get_id(item),
                              kft_forward_item_get_config(item)->alias, state_names[status->state],
                              kft_forward_item_get_address(item), reason == NULL ? "" : reason);
    }
    return g_variant_new("(a(xssss))", &builder);
}

static GVariant *make_status(KftCore *core)
{
    KftSummary summary = kft_model_get_summary(kft_core_get_model(core));
    return g_variant_new("(uuuu)", summary.n_total,
                         summary.n[KFT_ITEM_RUNNING] + summary.n[KFT_ITEM_ELSEWHERE],
                         summary.n[KFT_ITEM_RECONNECTING], summary.n[KFT_ITEM_FAILED]);
}

/* False, with @ret_missing, if one is not in the model. */
static bool find_items(KftCore *core, GVariant *parameters, GPtrArray *items, int64_t *ret_missing)
{
    g_autoptr(GVariantIter) iter = NULL;
    gint64 id = 0;

    g_variant_get(parameters, "(ax)", &iter);
    while (g_variant_iter_next(iter, "x", &id)) {
        KftForwardItem *item = kft_model_find(kft_core_get_model(core), id);
        if (item == NULL) {
            *ret_missing = id;
            return false;
        }
        g_ptr_array_add(items, item);
    }
    return true;
}

static void set_running(KftCore *core, const GPtrArray *items, bool runs)
{
    if (items->len == 0 && runs)
        kft_core_start_all(core);
    else if (items->len == 0)
        kft_core_stop_all(core);
    for (unsigned i = 0; i < items->len; i++) {
        if (runs)
            kft_core_start(core, items->pdata[i]);
        else
            kft_core_stop(core, items->pdata[i]);
    }
}

static bool is_any_active(KftCore *core, const GPtrArray *items)
{
    KftSummary all = kft_model_get_summary(kft_core_get_model(core));

    if (items->len == 0)
        return kft_summary_count_active(&all) > 0;
    for (unsigned i = 0; i < items->len; i++)
        if (kft_forward_item_is_active(items->pdata[i]))
            return true;
    return false;
}

/* Returns false if the store has to be read first. @is_fresh: it was read just now. */
static bool answer(KftRemoteControl *self, GDBusMethodInvocation *call, bool is_fresh)
{
    const char *method = g_dbus_method_invocation_get_method_name(call);
    g_autoptr(GPtrArray) items = g_ptr_array_new();
    int64_t missing = 0;

    if (self->core == NULL || !kft_core_is_loaded(self->core))
        return false;
    if (g_strcmp0(method, "List") == 0) {
        g_dbus_method_invocation_return_value(call, make_list(self->core));
        return true;
    }
    if (g_strcmp0(method, "Status") == 0) {
        g_dbus_method_invocation_return_value(call, make_status(self->core));
        return true;
    }
    if (!find_items(self->core, g_dbus_method_invocation_get_parameters(call), items, &missing)) {
        /* Perhaps it was stored a moment ago. */
        if (!is_fresh)
            return false;
        g_dbus_method_invocation_return_error(call, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
                                              "there is no config %" G_GINT64_FORMAT, missing);
        return true;
    }
    bool runs = g_strcmp0(method, "Toggle") == 0 ? !is_any_active(self->core, items)
                                                 : g_strcmp0(method, "Start") == 0;
    set_running(self->core, items, runs);
    g_dbus_method_invocation_return_value(call, NULL);
    return true;
}

static void on_reloaded(KftCore *core, KftRemoteControl *self)
{
    GQueue calls = self->calls;
    GDBusMethodInvocation *call = NULL;

    (void)core;
    g_queue_init(&self->calls);
    while ((call = g_queue_pop_head(&calls)) != NULL) {
        if (!answer(self, call, /* is_fresh */ true))
            g_queue_push_tail(&self->calls, call);
    }
}

static void on_reload_failed(KftCore *core, const GError *error, KftRemoteControl *self)
{
    GQueue calls = self->calls;
    GDBusMethodInvocation *call = NULL;

    (void)core;
    g_queue_init(&self->calls);
    while ((call = g_queue_pop_head(&calls)) != NULL)
        g_dbus_method_invocation_return_error(call, G_DBUS_ERROR, G_DBUS_ERROR_FAILED,
                                              "the stored forwards cannot be read: %s",
                                              error->message);
}

/* GIO decides on the parameters. */
/* NOLINTNEXTLINE(readability-function-size) */
static void on_call(GDBusConnection *bus,
                    const char *sender,
                    const char *path,
                    const char *interface,
                    const char *method,
                    GVariant *parameters,
                    GDBusMethodInvocation *call,
                    gpointer user_data)
{
    KftRemoteControl *self = user_data;

    (void)bus;
    (void)sender;
    (void)path;
    (void)interface;
    (void)method;
    (void)parameters;
    if (answer(self, call, /* is_fresh */ false))
        return;
    g_queue_push_tail(&self->calls, call);
    if (self->core != NULL)
        kft_core_reload(self->core);
}

/* --- life --- */

KftRemoteControl *kft_remote_control_new(GDBusConnection *bus, const char *path, GError **error)
{
    static const GDBusInterfaceVTable table = {.method_call = on_call};
    g_autoptr(GBytes) xml =
        g_resources_lookup_data("/io/github/kftray/Kftray/io.github.kftray.Kftray1.xml",
                                G_RESOURCE_LOOKUP_FLAGS_NONE, error);
    if (xml == NULL)
        return NULL;
    GDBusNodeInfo *node = g_dbus_node_info_new_for_xml(g_bytes_get_data(xml, NULL), error);
    if (node == NULL)
        return NULL;
    KftRemoteControl *self = g_new0(KftRemoteControl, 1);
    self->bus = g_object_ref(bus);
    self->node = node;
    g_queue_init(&self->calls);
    self->registration = g_dbus_connection_register_object(bus, path, node->interfaces[0], &table,
                                                           self, NULL, error);
    if (self->registration == 0) {
        kft_remote_control_free(self);
        return NULL;
    }
    return self;
}

void kft_remote_control_set_core(KftRemoteControl *self, KftCore *core)
{
    if (self->core != NULL)
        g_signal_handlers_disconnect_by_data(self->core, self);
    self->core = core;
    if (core == NULL)
        return;
    g_signal_connect(core, "reloaded", G_CALLBACK(on_reloaded), self);
    g_signal_connect(core, "reload-failed", G_CALLBACK(on_reload_failed), self);
}

void kft_remote_control_free(KftRemoteControl *self)
{
    if (self == NULL)
        return;
    kft_remote_control_set_core(self, NULL);
    if (self->registration != 0)
        (void)g_dbus_connection_unregister_object(self->bus, self->registration);
    g_queue_clear_full(&self->calls, g_object_unref);
    g_dbus_node_info_unref(self->node);
    g_object_unref(self->bus);
    g_free(self);
}
