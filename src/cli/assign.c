#include "assign.h"

#include <kftray/share.h>
#include <string.h>

#include "output.h"
#include "select.h"

static size_t key_length(const char *word)
{
    return strspn(word, "abcdefghijklmnopqrstuvwxyz_");
}

bool kft_assign_is_one(const char *word)
{
    size_t n = key_length(word);
    return n > 0 && word[n] == '=';
}

bool kft_assign(KftConfig *config, const char *word)
{
    g_autoptr(GError) error = NULL;

    if (!kft_assign_is_one(word)) {
        g_autofree char *keys = g_strjoinv(", ", (char **)(uintptr_t)kft_config_keys());
        kft_print_error("\"%s\" is not KEY=VALUE; the keys are: %s", word, keys);
        return false;
    }
    g_autofree char *key = g_strndup(word, key_length(word));
    if (kft_config_set(config, key, strchr(word, '=') + 1, &error))
        return true;
    kft_print_error("%s", error->message);
    return false;
}

/* Returns: (transfer container). */
static GPtrArray *list_others(const KftConfig *config, const GPtrArray *stored)
{
    GPtrArray *others = g_ptr_array_new();

    for (guint i = 0; i < stored->len; i++) {
        const KftConfig *other = stored->pdata[i];
        if (config->id.v == 0 || other->id.v != config->id.v)
            g_ptr_array_add(others, stored->pdata[i]);
    }
    return others;
}

static void print_same(const KftConfig *config, const GPtrArray *others)
{
    for (guint i = 0; i < others->len; i++) {
        if (!kft_config_same_identity(config, others->pdata[i]))
            continue;
        g_autofree char *other = kft_select_describe(others->pdata[i]);
        kft_print_error("%s is this forward already; --force stores it all the same", other);
        return;
    }
}

static void print_conflict(const KftImportItem *item)
{
    g_autofree char *local = kft_config_describe_local(item->config);
    g_autofree char *other = kft_select_describe(item->opponent);

    if (item->free_port != 0)
        kft_print_error("%s is taken by %s; local_port=%u is free, or --force stores it all the "
                        "same, but then only one of them can run at a time",
                        local, other, item->free_port);
    else
        kft_print_error("%s is taken by %s, and no free port was found; --force stores it all the "
                        "same",
                        local, other);
}

bool kft_assign_check(const KftConfig *config, const GPtrArray *stored)
{
    g_autoptr(KftConfig) copy = kft_config_copy(config);
    g_autoptr(GPtrArray) incoming = g_ptr_array_new();
    g_autoptr(GPtrArray) others = list_others(config, stored);

    copy->id.v = 0;
    g_ptr_array_add(incoming, copy);
    g_autoptr(KftImportPlan) plan = kft_import_plan_new(incoming, others);
    const KftImportItem *item = plan->items->pdata[0];
    switch (item->action) {
    case KFT_IMPORT_NEW:
        return true;
    case KFT_IMPORT_CHANGED:
    case KFT_IMPORT_SAME:
        print_same(config, others);
        return false;
    case KFT_IMPORT_CONFLICT:
        print_conflict(item);
        return false;
    }
    g_assert_not_reached();
}
