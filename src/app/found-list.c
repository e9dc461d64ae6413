#include "found-list.h"

static void found_free(gpointer data)
{
    KftFound *self = data;
    g_free(self->text);
    g_ptr_array_unref(self->ports);
    g_free(self);
}

static KftFound *add(GPtrArray *list, const char *text)
{
    KftFound *found = g_new0(KftFound, 1);
    found->text = g_strdup(text);
    found->ports = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(list, found);
    return found;
}

static void add_ports(KftFound *found, const GPtrArray *ports)
{
    for (unsigned i = 0; i < ports->len; i++) {
        const KftFoundPort *port = ports->pdata[i];
        g_autofree char *text = port->name != NULL
                                    ? g_strdup_printf("%u (%s)", port->number, port->name)
                                    : g_strdup_printf("%u", port->number);
        if (!g_ptr_array_find_with_equal_func(found->ports, text, g_str_equal, NULL))
            g_ptr_array_add(found->ports, g_steal_pointer(&text));
        found->is_tcp = found->is_tcp || !port->is_udp;
    }
}

static bool is_selected(const KftFoundPod *pod, const KftFoundSelector *selector)
{
    g_auto(GStrv) labels = g_strsplit(selector->selector, ",", -1);

    if (g_strcmp0(pod->namespace_, selector->namespace_) != 0)
        return false;
    for (size_t i = 0; labels[i] != NULL; i++) {
        if (!g_strv_contains((const char *const *)pod->labels, labels[i]))
            return false;
    }
    return true;
}

static void add_selectors(GPtrArray *list, const KftAnswer *answer)
{
    for (unsigned i = 0; i < answer->selectors->len; i++) {
        const KftFoundSelector *selector = answer->selectors->pdata[i];
        KftFound *found = add(list, selector->selector);
        for (unsigned j = 0; j < answer->items->len; j++) {
            const KftFoundPod *pod = answer->items->pdata[j];
            if (is_selected(pod, selector))
                add_ports(found, pod->ports);
        }
    }
}

GPtrArray *kft_found_list_from_answer(const KftAnswer *answer)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(found_free);

    if (answer->type == KFT_QUERY_PODS && answer->selectors != NULL)
        add_selectors(list, answer);
    for (unsigned i = 0; i < answer->items->len; i++) {
        if (answer->type == KFT_QUERY_SERVICES) {
            const KftFoundService *service = answer->items->pdata[i];
            add_ports(add(list, service->name), service->ports);
        } else if (answer->type == KFT_QUERY_WORKLOADS) {
            const KftFoundWorkload *workload = answer->items->pdata[i];
            add_ports(add(list, workload->object), workload->ports);
        }
    }
    return list;
}

const KftFound *kft_found_list_find(const GPtrArray *list, const char *text)
{
    for (unsigned i = 0; list != NULL && i < list->len; i++) {
        const KftFound *found = list->pdata[i];
        if (g_strcmp0(found->text, text) == 0)
            return found;
    }
    return NULL;
}
