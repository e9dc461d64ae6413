#ifndef KFT_RELAY_JOURNAL_H
#define KFT_RELAY_JOURNAL_H

#include <glib.h>
#include <stdbool.h>

/* Which relays this machine's user has in clusters, on disk before they are asked for, so that what
 * a killed program leaves behind is found by the next one. In the folder "relays" of the state
 * directory:
 *
 *   installation     a random name of this user on this machine; on each relay as a label
 *   SESSION.json     one per running engine, locked (flock) as long as it lives: its relays
 *
 * A session whose lock can be taken is over, however it ended. Thread: any, one at a time. */
typedef struct KftJournal KftJournal;

typedef struct {
    char *session;    /* whose it was */
    char *kubeconfig; /* nullable: the default one */
    char *context;    /* nullable: the current one */
    char *namespace_;
    char *name; /* of the pod */
} KftJournalEntry;

void kft_journal_entry_free(KftJournalEntry *self);

/* Opens a session; makes what is missing. Errors: STORAGE. */
KftJournal *kft_journal_open(const char *state_dir, GError **error);
/* Ends the session; its file goes if no relay is left in it. NULL is allowed. */
void kft_journal_close(KftJournal *self);
/* The installation of that state directory, if it has one. Returns: (transfer full). */
char *kft_journal_dup_installation(const char *state_dir);

const char *kft_journal_get_installation(const KftJournal *self);
const char *kft_journal_get_session(const KftJournal *self);

/* It is on disk when this returns. @kubeconfig, @context: nullable. Errors: STORAGE. */
bool kft_journal_add(KftJournal *self,
                     const char *kubeconfig,
                     const char *context,
                     const char *namespace_,
                     const char *name,
                     GError **error);
/* @name: of the pod. */
void kft_journal_remove(KftJournal *self, const char *name);

/* Takes over what sessions that are over have left: from now on it is noted in this one. Returns:
 * (transfer full) KftJournalEntry. */
GPtrArray *kft_journal_adopt(KftJournal *self);
/* Whether any session that is over has left something in @state_dir. */
bool kft_journal_has_leftovers(const char *state_dir);
/* Whether that session's engine runs on this machine. */
bool kft_journal_is_alive(const char *state_dir, const char *session);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftJournal, kft_journal_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftJournalEntry, kft_journal_entry_free)

#endif
