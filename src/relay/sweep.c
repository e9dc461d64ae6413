#include "relay/sweep.h"

#include "kftray/error.h"

#include "base/log.h"
#include "relay/removal.h"

struct KftSweep {
    KftRelayHome *home;
    KftSweepFuncs funcs;
    void *user_data;
    GPtrArray *removals; /* KftRemoval, running */
    unsigned n_removed;
};

static void free_removal(void *removal)
{
    kft_removal_free(removal);
}

/* What could not be deleted stays in our journal, so the next program tries again. One that is not
 * ours any more is forgotten. */
static void on_removed(KftRemoval *removal, void *user_data)
{
    KftSweep *self = user_data;
    const GError *error = kft_removal_get_error(removal);
    bool is_foreign = g_error_matches(error, KFT_ERROR, KFT_ERROR_NOT_FOUND);

    if (error == NULL || is_foreign)
        kft_journal_remove(kft_relay_home_peek_journal(self->home), kft_removal_get_name(removal));
    self->n_removed += error == NULL ? 1 : 0;
    (void)g_ptr_array_remove_fast(self->removals, removal);
    if (self->removals->len > 0 || self->n_removed == 0)
        return;
    unsigned n_removed = self->n_removed;
    self->n_removed = 0;
    self->funcs.on_swept(n_removed, self->user_data);
}

static void sweep_entry(KftSweep *self, KftJournal *journal, const KftJournalEntry *entry)
{
    g_autoptr(GError) error = NULL;
    KftCluster *cluster =
        self->funcs.find_cluster(entry->kubeconfig, entry->context, &error, self->user_data);

    if (cluster == NULL) {
        /* The context is gone: nobody can delete it, and it ends by its own deadline. */
        kft_log(KFT_LOG_FORWARD, KFT_LEVEL_INFO, "relay %s is given up: %s", entry->name,
                error->message);
        kft_journal_remove(journal, entry->name);
        return;
    }
    g_ptr_array_add(self->removals,
                    kft_removal_start(cluster, entry->namespace_, entry->name,
                                      kft_journal_get_installation(journal), on_removed, self));
}

void kft_sweep_run(KftSweep *self)
{
    g_autoptr(GError) error = NULL;

    if (!kft_journal_has_leftovers(kft_relay_home_get_state_dir(self->home)))
        return;
    KftJournal *journal = kft_relay_home_need_journal(self->home, &error);
    if (journal == NULL) {
        kft_log(KFT_LOG_FORWARD, KFT_LEVEL_WARNING, "%s", error->message);
        return;
    }
    g_autoptr(GPtrArray) entries = kft_journal_adopt(journal);
    for (guint i = 0; i < entries->len; i++)
        sweep_entry(self, journal, g_ptr_array_index(entries, i));
}

KftSweep *kft_sweep_new(KftRelayHome *home, const KftSweepFuncs *funcs, void *user_data)
{
    KftSweep *self = g_new0(KftSweep, 1);
    self->home = home;
    self->funcs = *funcs;
    self->user_data = user_data;
    self->removals = g_ptr_array_new_with_free_func(free_removal);
    return self;
}

void kft_sweep_free(KftSweep *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->removals);
    g_free(self);
}
