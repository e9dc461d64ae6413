/* The form and the config are kept in step in one direction each: fill_form() once at the start,
 * read_form() at each change. What the clusters answer only fills lists. */
#include "editor-dialog.h"

#include <glib/gi18n.h>
#include <string.h>

#include "field-check.h"
#include "found-list.h"
#include "local-port.h"
#include "text.h"

/* After the last key, before a cluster is asked. */
#define ASK_DELAY_MS 350

typedef enum {
    ASK_CONTEXTS = 1 << 0,
    ASK_NAMESPACES = 1 << 1,
    ASK_TARGETS = 1 << 2,
} Ask;

/* One list of the form and the question that fills it. */
typedef struct {
    GtkSpinner *spinner;
    GtkLabel *hint;
    uint32_t question; /* 0 = none is open */
    char *error;       /* of the last answer, as do those below; NULL = it came */
    KftErrorCode error_code;
    char *note; /* nullable */
} Source;

struct _KftEditorDialog {
    GtkDialog parent;
    KftCore *core;
    KftConfig *original; /* fields that the form does not show are kept */
    GPtrArray *found;    /* KftFound: what the target list shows */
    Source contexts;
    Source namespaces;
    Source targets;
    unsigned to_ask;
    unsigned ask_source;
    bool is_filling;      /* changes come from this program */
    bool has_own_port;    /* the user chose the local port */
    bool has_own_context; /* or the context; else it is the current one */
    GtkComboBoxText *context;
    GtkComboBoxText *namespace_;
    GtkComboBoxText *workload;
    GtkComboBoxText *target;
    GtkLabel *target_label;
    GtkComboBoxText *remote_port;
    GtkComboBoxText *protocol;
    GtkEntry *local_port;
    GtkLabel *local_port_hint;
    GtkEntry *local_address;
    GtkLabel *local_address_hint;
    GtkEntry *alias;
    GtkComboBoxText *group;
    GtkEntry *note;
    GtkComboBoxText *transport;
    GtkComboBoxText *balance;
    GtkEntry *disconnect_timeout;
    GtkEntry *stop_at;
    GtkEntry *kubeconfig;
    GtkWidget *problem_bar;
    GtkLabel *problem;
};

G_DEFINE_FINAL_TYPE(KftEditorDialog, kft_editor_dialog, GTK_TYPE_DIALOG)

/* --- small things --- */

static GtkEntry *get_entry(GtkComboBoxText *combo)
{
    return GTK_ENTRY(gtk_bin_get_child(GTK_BIN(combo)));
}

/* Without spaces around; NULL if empty. (transfer full) */
static char *dup_text(GtkEntry *entry)
{
    char *text = g_strstrip(g_strdup(gtk_entry_get_text(entry)));
    if (*text != '\0')
        return text;
    g_free(text);
    return NULL;
}

static void set_text(GtkEntry *entry, const char *text)
{
    gtk_entry_set_text(entry, text == NULL ? "" : text);
}

static void set_style(GtkLabel *label, const char *style_class)
{
    GtkStyleContext *style = gtk_widget_get_style_context(GTK_WIDGET(label));

    gtk_style_context_remove_class(style, "kft-failed");
    gtk_style_context_remove_class(style, "kft-reconnecting");
    gtk_style_context_remove_class(style, "dim-label");
    gtk_style_context_add_class(style, style_class);
}

static void set_hint(GtkLabel *label, const char *style_class, const char *text)
{
    gtk_widget_set_visible(GTK_WIDGET(label), text != NULL);
    gtk_label_set_text(label, text == NULL ? "" : text);
    set_style(label, style_class);
}

/* What a forward can lead to, and how the form asks for it. */
typedef struct {
    const char *id;
    const char *workload;
    const char *key;
    const char *label;
    const char *example;
    const char *question; /* while it is empty */
} Kind;

static const Kind kinds[] = {
    {"service", "service", "service", N_("Ser_vice"), "web",
     N_("Choose a service, or type its name.")},
    {"pod", "pod", "target", N_("La_bels"), "app=web,tier=front",
     N_("Choose a label of the pods, or type it.")},
    {"object", "pod", "object", N_("_Workload"), "deploy/web",
     N_("Choose a workload, or type its kind and name.")},
    {"proxy", "proxy", "remote_address", N_("Host nam_e"), "db.example.com",
     N_("Type the name or address of a host that the cluster can reach.")},
};

static const Kind *get_kind(KftEditorDialog *self)
{
    const char *id = gtk_combo_box_get_active_id(GTK_COMBO_BOX(self->workload));

    for (size_t i = 1; i < G_N_ELEMENTS(kinds); i++) {
        if (g_strcmp0(kinds[i].id, id) == 0)
            return &kinds[i];
    }
    return &kinds[0];
}

static bool is_kind(KftEditorDialog *self, const char *id)
{
    return g_str_equal(get_kind(self)->id, id);
}

/* --- form → config --- */

/* "8080 (http)" → "8080" */
static char *dup_port(GtkEntry *entry)
{
    char *text = dup_text(entry);
    char *space = text == NULL ? NULL : strchr(text, ' ');
    if (space != NULL)
        *space = '\0';
    return text;
}

static bool set_key(KftConfig *config, const char *key, const char *value, GError **error)
{
    return kft_config_set(config, key, value == NULL ? "" : value, error);
}

static bool read_target(KftEditorDialog *self, KftConfig *config, GError **error)
{
    const Kind *kind = get_kind(self);
    g_autofree char *target = dup_text(get_entry(self->target));

    if (!set_key(config, "workload_type", kind->workload, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (!set_key(config, kinds[i].key, &kinds[i] == kind ? target : NULL, error))
            return false;
    }
    return true;
}

static KftConfig *read_form(KftEditorDialog *self, GError **error)
{
    g_autoptr(KftConfig) config = kft_config_copy(self->original);
    g_autofree char *context = dup_text(get_entry(self->context));
    g_autofree char *namespace_ = dup_text(get_entry(self->namespace_));
    g_autofree char *remote_port = dup_port(get_entry(self->remote_port));
    g_autofree char *local_port = dup_port(self->local_port);
    g_autofree char *local_address = dup_text(self->local_address);
    g_autofree char *alias = dup_text(self->alias);
    g_autofree char *group = dup_text(get_entry(self->group));
    g_autofree char *note = dup_text(self->note);
    g_autofree char *kubeconfig = dup_text(self->kubeconfig);
    g_autofree char *disconnect_timeout = dup_text(self->disconnect_timeout);
    g_autofree char *stop_at = dup_text(self->stop_at);
    const struct {
        const char *key;
        const char *value;
    } fields[] = {
        {"context", context},
        {"namespace", namespace_},
        {"remote_port", remote_port},
        {"local_port", local_port},
        {"local_address", local_address},
        {"alias", alias},
        {"group", group},
        {"note", note},
        {"kubeconfig", kubeconfig},
        {"disconnect_timeout_minutes", disconnect_timeout},
        {"stop_at", stop_at},
        {"protocol", gtk_combo_box_get_active_id(GTK_COMBO_BOX(self->protocol))},
        {"transport", gtk_combo_box_get_active_id(GTK_COMBO_BOX(self->transport))},
        {"balance", gtk_combo_box_get_active_id(GTK_COMBO_BOX(self->balance))},
    };

    if (!read_target(self, config, error))
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (!set_key(config, fields[i].key, fields[i].value, error))
            return NULL;
    }
    return g_steal_pointer(&config);
}

/* --- config → form --- */

static void fill_target(KftEditorDialog *self, const KftConfig *config)
{
    const char *kind = kft_workload_type_name(config->workload_type);
    const char *target = NULL;

    switch (config->workload_type) {
    case KFT_WORKLOAD_TYPE_SERVICE:
    case KFT_WORKLOAD_TYPE_EXPOSE:
        kind = "service";
        target = config->service;
        break;
    case KFT_WORKLOAD_TYPE_POD:
        kind = config->object != NULL ? "object" : "pod";
        target = config->object != NULL ? config->object : config->target;
        break;
    case KFT_WORKLOAD_TYPE_PROXY:
        target = config->remote_address;
        break;
    }
    gtk_combo_box_set_active_id(GTK_COMBO_BOX(self->workload), kind);
    set_text(get_entry(self->target), target);
}

static void set_port(GtkEntry *entry, uint16_t port)
{
    g_autofree char *text = port == 0 ? NULL : g_strdup_printf("%u", port);
    set_text(entry, text);
}

static void fill_groups(KftEditorDialog *self)
{
    GListModel *list = kft_model_get_list(kft_core_get_model(self->core));
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    unsigned n = g_list_model_get_n_items(list);

    for (unsigned i = 0; i < n; i++) {
        g_autoptr(KftForwardItem) item = g_list_model_get_item(list, i);
        const char *group = kft_forward_item_get_config(item)->group;
        if (group != NULL && g_hash_table_add(seen, g_strdup(group)))
            gtk_combo_box_text_append_text(self->group, group);
    }
}

static void fill_form(KftEditorDialog *self)
{
    const KftConfig *config = self->original;
    g_autofree char *disconnect_timeout = kft_config_dup(config, "disconnect_timeout_minutes");

    self->is_filling = true;
    set_text(get_entry(self->context), config->context);
    set_text(get_entry(self->namespace_), config->namespace_);
    fill_target(self, config);
    set_port(get_entry(self->remote_port), config->remote_port);
    set_port(self->local_port, config->local_port);
    set_text(self->local_address, config->local_address);
    set_text(self->alias, config->alias);
    set_text(get_entry(self->group), config->group);
    set_text(self->note, config->note);
    set_text(self->kubeconfig, config->kubeconfig);
    set_text(self->disconnect_timeout, disconnect_timeout);
    set_text(self->stop_at, config->stop_at);
    gtk_combo_box_set_active_id(GTK_COMBO_BOX(self->protocol), kft_protocol_name(config->protocol));
    gtk_combo_box_set_active_id(GTK_COMBO_BOX(self->transport),
                                kft_transport_name(config->transport));
    gtk_combo_box_set_active_id(GTK_COMBO_BOX(self->balance), kft_balance_name(config->balance));
    fill_groups(self);
    self->is_filling = false;
}

/* --- advice as the user types --- */

static void show_local_port(KftEditorDialog *self, const KftConfig *config)
{
    KftModel *model = kft_core_get_model(self->core);
    KftForwardItem *other =
        kft_model_find_port(model, config->local_address, config->local_port, self->original->id.v);
    KftForwardItem *own = kft_model_find(model, self->original->id.v);
    bool is_own = own != NULL && kft_forward_item_is_active(own) &&
                  kft_forward_item_get_config(own)->local_port == config->local_port;

    if (other != NULL) {
        g_autofree char *text = g_strdup_printf(_("“%s” has this port already; only one of them "
                                                  "can run at a time"),
                                                kft_forward_item_get_config(other)->alias);
        set_hint(self->local_port_hint, "kft-reconnecting", text);
    } else if (config->local_port != 0 && !is_own &&
               !kft_local_port_is_free(config->local_address, config->local_port)) {
        set_hint(self->local_port_hint, "kft-reconnecting",
                 config->local_port < 1024
                     ? _("In use, or reserved for the system: ports below 1024 need special rights")
                     : _("Another program uses this port now"));
    } else {
        set_hint(self->local_port_hint, "dim-label",
                 config->local_port == 0 ? _("A free one is chosen") : NULL);
    }
}

static void show_local_address(KftEditorDialog *self, const KftConfig *config)
{
    const char *address = config->local_address;
    bool is_local = address == NULL || g_str_has_prefix(address, "127.") ||
                    g_strcmp0(address, "::1") == 0 || g_strcmp0(address, "localhost") == 0;

    set_hint(self->local_address_hint, "kft-reconnecting",
             is_local ? NULL
                      : _("Other computers in your network can use this forward, without any "
                          "password"));
}

static void propose_local_port(KftEditorDialog *self)
{
    g_autofree char *text = dup_port(get_entry(self->remote_port));
    g_autofree char *address = dup_text(self->local_address);
    guint64 port = text == NULL ? 0 : g_ascii_strtoull(text, NULL, 10);

    if (self->has_own_port || port == 0 || port > UINT16_MAX)
        return;
    self->is_filling = true;
    set_port(self->local_port, kft_local_port_propose(kft_core_get_model(self->core), address,
                                                      (uint16_t)port, self->original->id.v));
    self->is_filling = false;
}

static void mark(GtkEntry *entry, bool is_wrong)
{
    GtkStyleContext *style = gtk_widget_get_style_context(GTK_WIDGET(entry));

    if (is_wrong)
        gtk_style_context_add_class(style, "error");
    else
        gtk_style_context_remove_class(style, "error");
}

/* Marks the fields with a value that cannot be. Returns: what to say of the first one; nullable. */
static const char *check_fields(KftEditorDialog *self)
{
    const Kind *kind = get_kind(self);
    const struct {
        GtkEntry *entry;
        const char *key;
    } fields[] = {
        {get_entry(self->namespace_), "namespace"},
        {get_entry(self->target), kind->key},
        {get_entry(self->remote_port), "remote_port"},
        {self->local_port, "local_port"},
        {self->local_address, "local_address"},
        {self->disconnect_timeout, "disconnect_timeout_minutes"},
        {self->stop_at, "stop_at"},
    };
    const char *first = NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        g_autofree char *value = g_str_has_suffix(fields[i].key, "_port")
                                     ? dup_port(fields[i].entry)
                                     : dup_text(fields[i].entry);
        const char *fault = kft_field_check(kind->workload, fields[i].key, value);
        mark(fields[i].entry, fault != NULL);
        first = first != NULL ? first : fault;
    }
    return first;
}

/* What the form still lacks; nullable. */
static const char *find_question(KftEditorDialog *self)
{
    if (gtk_entry_get_text_length(get_entry(self->target)) == 0)
        return _(get_kind(self)->question);
    if (gtk_entry_get_text_length(get_entry(self->remote_port)) == 0)
        return _("Choose a port, or type its number.");
    return NULL;
}

/* Reads the form, shows what is wrong with it, and whether it can be stored. */
static void check(KftEditorDialog *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftConfig) config = read_form(self, &error);
    const char *problem = check_fields(self);
    bool is_untouched =
        gtk_entry_get_text_length(get_entry(self->target)) == 0 && self->original->id.v == 0;

    if (config != NULL) {
        g_autofree char *alias = kft_config_make_alias(config);
        gtk_entry_set_placeholder_text(self->alias, is_untouched ? NULL : alias);
        show_local_port(self, config);
        show_local_address(self, config);
    }
    bool is_valid = config != NULL && kft_config_validate(config, &error);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_OK, is_valid);
    /* An empty form is no mistake. */
    gtk_widget_set_visible(self->problem_bar, problem != NULL || (!is_valid && !is_untouched));
    if (problem == NULL)
        problem = find_question(self);
    if (!is_valid)
        gtk_label_set_text(self->problem, problem != NULL ? problem : error->message);
}

/* --- lists from the cluster --- */

static void fill_combo(KftEditorDialog *self, GtkComboBoxText *combo, const GPtrArray *texts)
{
    self->is_filling = true;
    gtk_combo_box_text_remove_all(combo);
    for (unsigned i = 0; i < texts->len; i++)
        gtk_combo_box_text_append_text(combo, texts->pdata[i]);
    self->is_filling = false;
}

static void show_answer(Source *source, const char *error, KftErrorCode code)
{
    if (error == NULL) {
        set_hint(source->hint, "dim-label", source->note);
        return;
    }
    g_autofree char *text = g_strdup_printf("%s: %s", kft_error_sentence(code), error);
    set_hint(source->hint, "kft-failed", text);
}

static bool is_known_context(KftEditorDialog *self)
{
    GtkTreeModel *model = gtk_combo_box_get_model(GTK_COMBO_BOX(self->context));
    g_autofree char *wanted = dup_text(get_entry(self->context));
    GtkTreeIter iter;
    bool is_row = gtk_tree_model_get_iter_first(model, &iter);

    while (wanted != NULL && is_row) {
        g_autofree char *name = NULL;
        gtk_tree_model_get(model, &iter, 0, &name, -1);
        if (g_str_equal(name, wanted))
            return true;
        is_row = gtk_tree_model_iter_next(model, &iter);
    }
    return wanted == NULL;
}

/* What is wrong with the cluster fails each question to it, and is told once, where the cluster is
 * chosen. */
static void show_answers(KftEditorDialog *self)
{
    Source *failed = self->contexts.error != NULL ? &self->contexts : &self->namespaces;
    bool is_told = self->namespaces.error != NULL && self->targets.error != NULL &&
                   self->namespaces.error_code == self->targets.error_code;

    if (self->contexts.question == 0 && self->namespaces.question == 0) {
        show_answer(&self->contexts, failed->error, failed->error_code);
        /* The engine's sentence lists all that there are; so does the field. */
        if (failed == &self->namespaces && !is_known_context(self))
            set_hint(self->contexts.hint, "kft-failed", _("The kubeconfig has no such context"));
    }
    if (self->namespaces.question == 0)
        show_answer(&self->namespaces, NULL, 0);
    if (self->targets.question == 0 &&
        (self->targets.error == NULL || self->namespaces.question == 0))
        show_answer(&self->targets, is_told ? NULL : self->targets.error, self->targets.error_code);
}

static void clear_answer(Source *source)
{
    g_clear_pointer(&source->error, g_free);
    g_clear_pointer(&source->note, g_free);
}

static void
finish_source(KftEditorDialog *self, Source *source, const KftAnswer *answer, const char *nothing)
{
    const char *note = answer->error == NULL && answer->items->len == 0 ? nothing : NULL;

    source->question = 0;
    gtk_spinner_stop(source->spinner);
    source->error = g_strdup(answer->error);
    source->error_code = answer->error_code;
    source->note = g_strdup(answer->note != NULL ? answer->note : note);
    show_answers(self);
}

/* By its name: what is the current one may be another one tomorrow. */
static void fill_context(KftEditorDialog *self, const char *name)
{
    GtkEntry *entry = get_entry(self->context);

    self->is_filling = true;
    set_text(entry, name);
    self->is_filling = false;
    if (gtk_widget_has_focus(GTK_WIDGET(entry)))
        gtk_editable_select_region(GTK_EDITABLE(entry), 0, -1);
}

static void on_contexts(GObject *owner, const KftAnswer *answer)
{
    KftEditorDialog *self = KFT_EDITOR_DIALOG(owner);
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *current = NULL;

    finish_source(self, &self->contexts, answer, _("This kubeconfig has no contexts"));
    for (unsigned i = 0; i < answer->items->len; i++) {
        const KftFoundContext *context = answer->items->pdata[i];
        g_ptr_array_add(names, context->name);
        if (context->is_current)
            current = context->name;
    }
    fill_combo(self, self->context, names);
    gtk_entry_set_placeholder_text(get_entry(self->context), current);
    if (!self->has_own_context)
        fill_context(self, current);
}

static void on_namespaces(GObject *owner, const KftAnswer *answer)
{
    KftEditorDialog *self = KFT_EDITOR_DIALOG(owner);

    finish_source(self, &self->namespaces, answer, NULL);
    fill_combo(self, self->namespace_, answer->items);
    gtk_entry_set_placeholder_text(get_entry(self->namespace_), answer->namespace_);
}

static void fill_ports(KftEditorDialog *self)
{
    g_autofree char *target = dup_text(get_entry(self->target));
    const KftFound *found = kft_found_list_find(self->found, target);

    if (found == NULL)
        return;
    fill_combo(self, self->remote_port, found->ports);
    g_autofree char *port = dup_text(get_entry(self->remote_port));
    if (port != NULL || found->ports->len == 0)
        return;
    /* Nothing was typed: the first one is as good as any, and often the only one. */
    self->is_filling = true;
    set_text(get_entry(self->remote_port), found->ports->pdata[0]);
    self->is_filling = false;
    propose_local_port(self);
}

static void on_targets(GObject *owner, const KftAnswer *answer)
{
    KftEditorDialog *self = KFT_EDITOR_DIALOG(owner);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    finish_source(self, &self->targets, answer, _("There is none in this namespace"));
    g_clear_pointer(&self->found, g_ptr_array_unref);
    self->found = kft_found_list_from_answer(answer);
    for (unsigned i = 0; i < self->found->len; i++)
        g_ptr_array_add(names, ((KftFound *)self->found->pdata[i])->text);
    fill_combo(self, self->target, names);
    fill_ports(self);
    check(self);
}

static void ask(KftEditorDialog *self, Source *source, KftQueryType type, KftAnswerFunc done)
{
    KftQuery *query = kft_query_new((KftQueryId){1}, type);

    kft_core_cancel(self->core, source->question);
    query->kubeconfig = dup_text(self->kubeconfig);
    if (type != KFT_QUERY_CONTEXTS && self->has_own_context)
        query->context = dup_text(get_entry(self->context));
    if (type != KFT_QUERY_CONTEXTS && type != KFT_QUERY_NAMESPACES)
        query->namespace_ = dup_text(get_entry(self->namespace_));
    gtk_spinner_start(source->spinner);
    /* What it said before stays, so that nothing moves at each letter; but not of another context.
     */
    clear_answer(source);
    set_style(source->hint, "dim-label");
    if (source == &self->namespaces && is_known_context(self))
        set_hint(self->contexts.hint, "dim-label", NULL);
    source->question = kft_core_ask(self->core, query, done, G_OBJECT(self));
}

static void ask_targets(KftEditorDialog *self)
{
    if (is_kind(self, "service"))
        ask(self, &self->targets, KFT_QUERY_SERVICES, on_targets);
    else if (is_kind(self, "pod"))
        ask(self, &self->targets, KFT_QUERY_PODS, on_targets);
    else if (is_kind(self, "object"))
        ask(self, &self->targets, KFT_QUERY_WORKLOADS, on_targets);
}

static gboolean on_ask(gpointer user_data)
{
    KftEditorDialog *self = user_data;
    unsigned what = self->to_ask;

    self->ask_source = 0;
    self->to_ask = 0;
    if ((what & ASK_CONTEXTS) != 0)
        ask(self, &self->contexts, KFT_QUERY_CONTEXTS, on_contexts);
    if ((what & ASK_NAMESPACES) != 0)
        ask(self, &self->namespaces, KFT_QUERY_NAMESPACES, on_namespaces);
    if ((what & ASK_TARGETS) != 0)
        ask_targets(self);
    return G_SOURCE_REMOVE;
}

static void ask_soon(KftEditorDialog *self, unsigned what)
{
    self->to_ask |= what;
    g_clear_handle_id(&self->ask_source, g_source_remove);
    self->ask_source = g_timeout_add(ASK_DELAY_MS, on_ask, self);
}

/* --- input --- */

static void on_field_changed(KftEditorDialog *self, GtkWidget *field)
{
    if (self->is_filling)
        return;
    if (field == GTK_WIDGET(self->local_port))
        self->has_own_port = gtk_entry_get_text_length(self->local_port) > 0;
    check(self);
}

static void on_kubeconfig_changed(KftEditorDialog *self)
{
    if (self->is_filling)
        return;
    ask_soon(self, ASK_CONTEXTS | ASK_NAMESPACES | ASK_TARGETS);
    check(self);
}

static void on_context_changed(KftEditorDialog *self)
{
    if (self->is_filling)
        return;
    self->has_own_context = true;
    ask_soon(self, ASK_NAMESPACES | ASK_TARGETS);
    check(self);
}

static void on_namespace_changed(KftEditorDialog *self)
{
    if (self->is_filling)
        return;
    ask_soon(self, ASK_TARGETS);
    check(self);
}

static void show_kind(KftEditorDialog *self)
{
    const Kind *kind = get_kind(self);
    g_autofree char *name = kft_text_strip_mnemonic(_(kind->label));
    /* Translators: in an empty field; %s is what one could type there. */
    g_autofree char *example = g_strdup_printf(_("for example %s"), kind->example);

    gtk_label_set_text_with_mnemonic(self->target_label, _(kind->label));
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(get_entry(self->target))), name);
    gtk_entry_set_placeholder_text(get_entry(self->target), example);
    clear_answer(&self->targets);
    set_hint(self->targets.hint, "dim-label", NULL);
}

static void on_workload_changed(KftEditorDialog *self)
{
    show_kind(self);
    if (self->is_filling)
        return;
    kft_core_cancel(self->core, self->targets.question);
    self->targets.question = 0;
    gtk_spinner_stop(self->targets.spinner);
    g_clear_pointer(&self->found, g_ptr_array_unref);
    self->is_filling = true;
    gtk_combo_box_text_remove_all(self->target);
    set_text(get_entry(self->target), NULL);
    self->is_filling = false;
    ask_soon(self, ASK_TARGETS);
    check(self);
}

static void on_target_changed(KftEditorDialog *self)
{
    if (self->is_filling)
        return;
    fill_ports(self);
    check(self);
}

static void on_remote_port_changed(KftEditorDialog *self)
{
    if (self->is_filling)
        return;
    propose_local_port(self);
    check(self);
}

static void on_kubeconfig_chosen(GtkNativeDialog *chooser, int response, KftEditorDialog *self)
{
    if (response == GTK_RESPONSE_ACCEPT) {
        g_autofree char *path = gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(chooser));
        set_text(self->kubeconfig, path);
    }
    gtk_native_dialog_destroy(chooser);
    g_object_unref(chooser);
}

static void on_kubeconfig_clicked(KftEditorDialog *self)
{
    GtkFileChooserNative *chooser =
        gtk_file_chooser_native_new(_("Choose a Kubeconfig"), GTK_WINDOW(self),
                                    GTK_FILE_CHOOSER_ACTION_OPEN, _("_Open"), _("_Cancel"));
    g_signal_connect(chooser, "response", G_CALLBACK(on_kubeconfig_chosen), self);
    gtk_native_dialog_show(GTK_NATIVE_DIALOG(chooser));
}

static void on_stored(GObject *owner, const GError *error)
{
    KftEditorDialog *self = KFT_EDITOR_DIALOG(owner);

    if (error == NULL) {
        gtk_widget_destroy(GTK_WIDGET(self));
        return;
    }
    gtk_widget_show(self->problem_bar);
    gtk_label_set_text(self->problem, error->message);
    gtk_dialog_set_response_sensitive(GTK_DIALOG(self), GTK_RESPONSE_OK, TRUE);
}

static void kft_editor_dialog_response(GtkDialog *dialog, int response)
{
    KftEditorDialog *self = KFT_EDITOR_DIALOG(dialog);

    if (response != GTK_RESPONSE_OK) {
        gtk_widget_destroy(GTK_WIDGET(dialog));
        return;
    }
    KftConfig *config = read_form(self, NULL);
    if (config == NULL)
        return;
    GPtrArray *configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    g_ptr_array_add(configs, config);
    /* Until the store answers; it may say no. */
    gtk_dialog_set_response_sensitive(dialog, GTK_RESPONSE_OK, FALSE);
    kft_core_put_configs(self->core, configs, on_stored, G_OBJECT(self));
}

/* --- object --- */

static void kft_editor_dialog_dispose(GObject *object)
{
    KftEditorDialog *self = KFT_EDITOR_DIALOG(object);

    g_clear_handle_id(&self->ask_source, g_source_remove);
    if (self->core != NULL) {
        kft_core_cancel(self->core, self->contexts.question);
        kft_core_cancel(self->core, self->namespaces.question);
        kft_core_cancel(self->core, self->targets.question);
    }
    g_clear_object(&self->core);
    G_OBJECT_CLASS(kft_editor_dialog_parent_class)->dispose(object);
}

static void kft_editor_dialog_finalize(GObject *object)
{
    KftEditorDialog *self = KFT_EDITOR_DIALOG(object);
    kft_config_free(self->original);
    clear_answer(&self->contexts);
    clear_answer(&self->namespaces);
    clear_answer(&self->targets);
    g_clear_pointer(&self->found, g_ptr_array_unref);
    G_OBJECT_CLASS(kft_editor_dialog_parent_class)->finalize(object);
}

static void bind_template(GtkWidgetClass *class)
{
#define BIND(child) gtk_widget_class_bind_template_child(class, KftEditorDialog, child)
#define BIND_TO(name, field)                                                                       \
    gtk_widget_class_bind_template_child_full(class, name, FALSE,                                  \
                                              G_STRUCT_OFFSET(KftEditorDialog, field))
    BIND(context);
    BIND(namespace_);
    BIND(workload);
    BIND(target);
    BIND(target_label);
    BIND(remote_port);
    BIND(protocol);
    BIND(local_port);
    BIND(local_port_hint);
    BIND(local_address);
    BIND(local_address_hint);
    BIND(alias);
    BIND(group);
    BIND(note);
    BIND(transport);
    BIND(balance);
    BIND(disconnect_timeout);
    BIND(stop_at);
    BIND(kubeconfig);
    BIND(problem_bar);
    BIND(problem);
    BIND_TO("context_spinner", contexts.spinner);
    BIND_TO("context_hint", contexts.hint);
    BIND_TO("namespace_spinner", namespaces.spinner);
    BIND_TO("namespace_hint", namespaces.hint);
    BIND_TO("target_spinner", targets.spinner);
    BIND_TO("target_hint", targets.hint);
#undef BIND
#undef BIND_TO
}

static void kft_editor_dialog_class_init(KftEditorDialogClass *class)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

    G_OBJECT_CLASS(class)->dispose = kft_editor_dialog_dispose;
    G_OBJECT_CLASS(class)->finalize = kft_editor_dialog_finalize;
    GTK_DIALOG_CLASS(class)->response = kft_editor_dialog_response;
    gtk_widget_class_set_template_from_resource(widget_class,
                                                "/io/github/kftray/Kftray/editor-dialog.ui");
    bind_template(widget_class);
    gtk_widget_class_bind_template_callback(widget_class, on_field_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_kubeconfig_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_context_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_namespace_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_workload_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_target_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_remote_port_changed);
    gtk_widget_class_bind_template_callback(widget_class, on_kubeconfig_clicked);
}

static void add_completion(GtkComboBoxText *combo)
{
    g_autoptr(GtkEntryCompletion) completion = gtk_entry_completion_new();
    gtk_entry_completion_set_model(completion, gtk_combo_box_get_model(GTK_COMBO_BOX(combo)));
    gtk_entry_completion_set_text_column(completion, 0);
    gtk_entry_set_completion(get_entry(combo), completion);
}

static void kft_editor_dialog_init(KftEditorDialog *self)
{
    gtk_widget_init_template(GTK_WIDGET(self));
    add_completion(self->context);
    add_completion(self->namespace_);
    add_completion(self->target);
    add_completion(self->group);
}

static KftConfig *make_new_config(KftCore *core)
{
    KftConfig *config = kft_config_new();
    (void)kft_config_set(config, "local_address",
                         kft_core_get_setting(core, KFT_SETTING_DEFAULT_LOCAL_ADDRESS), NULL);
    (void)kft_config_set(config, "transport",
                         kft_core_get_setting(core, KFT_SETTING_DEFAULT_TRANSPORT), NULL);
    return config;
}

GtkWidget *kft_editor_dialog_new(KftCore *core, GtkWindow *parent, const KftConfig *config)
{
    bool is_new = config == NULL || config->id.v == 0;
    KftEditorDialog *self =
        g_object_new(KFT_TYPE_EDITOR_DIALOG, "use-header-bar", 1, "transient-for", parent, "title",
                     is_new ? _("Add Forward") : _("Edit Forward"), NULL);

    self->core = g_object_ref(core);
    self->original = config != NULL ? kft_config_copy(config) : make_new_config(core);
    self->has_own_port = self->original->local_port != 0;
    self->has_own_context = !is_new || self->original->context != NULL;
    gtk_dialog_set_default_response(GTK_DIALOG(self), GTK_RESPONSE_OK);
    fill_form(self);
    show_kind(self);
    check(self);
    self->to_ask = ASK_CONTEXTS | ASK_NAMESPACES | ASK_TARGETS;
    (void)on_ask(self);
    return GTK_WIDGET(self);
}
