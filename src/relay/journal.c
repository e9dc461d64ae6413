/* Files of a few lines, written as a whole: a session's file is rewritten in place under its lock,
 * since the lock belongs to the file and not to its name. A torn write leaves a file that cannot be
 * read; then the relays of that session end by their own deadline. */
#include "relay/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "kftray/error.h"

#include "base/json.h"
#include "base/log.h"
#include "base/random.h"

#define PRIVATE_FOLDER_MODE 0700
#define PRIVATE_FILE_MODE 0600
#define SUFFIX ".json"
#define INSTALLATION_BYTES 10
#define SESSION_BYTES 5
/* Of one session's file; an engine has no more relays than forwards. */
#define MAX_FILE_BYTES ((size_t)4 << 20)

struct KftJournal {
    char *folder;
    char *installation;
    char *session;
    int fd;
    GPtrArray *entries; /* KftJournalEntry */
};

void kft_journal_entry_free(KftJournalEntry *self)
{
    if (self == NULL)
        return;
    g_free(self->session);
    g_free(self->kubeconfig);
    g_free(self->context);
    g_free(self->namespace_);
    g_free(self->name);
    g_free(self);
}

static void free_entry(void *entry)
{
    kft_journal_entry_free(entry);
}

static KftJournalEntry *entry_new(const char *session,
                                  const char *kubeconfig,
                                  const char *context,
                                  const char *namespace_,
                                  const char *name)
{
    KftJournalEntry *self = g_new0(KftJournalEntry, 1);
    self->session = g_strdup(session);
    self->kubeconfig = g_strdup(kubeconfig);
    self->context = g_strdup(context);
    self->namespace_ = g_strdup(namespace_);
    self->name = g_strdup(name);
    return self;
}

/* --- names and places --- */

static bool is_random_name(const char *text)
{
    size_t length = strspn(text, "0123456789abcdef");
    return length >= 2 * (size_t)SESSION_BYTES && length <= 32 && text[length] == '\0';
}

static char *folder_of(const char *state_dir)
{
    return g_build_filename(state_dir, "relays", NULL);
}

static bool set_errno_error(GError **error, const char *path)
{
    g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                "%s: %s: without it relays that a crash leaves behind could not be found", path,
                g_strerror(errno));
    return false;
}

char *kft_journal_dup_installation(const char *state_dir)
{
    g_autofree char *folder = folder_of(state_dir);
    g_autofree char *path = g_build_filename(folder, "installation", NULL);
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    if (is_random_name(g_strchomp(text)))
        return text;
    g_free(text);
    return NULL;
}

static bool need_folder(const KftJournal *self, GError **error)
{
    return g_mkdir_with_parents(self->folder, PRIVATE_FOLDER_MODE) == 0 ||
           set_errno_error(error, self->folder);
}

/* Two that start at once agree on the one that linked its file first. */
static bool need_installation(KftJournal *self, const char *state_dir, GError **error)
{
    g_autofree char *path = g_build_filename(self->folder, "installation", NULL);
    g_autofree char *mine = kft_random_dup_name(INSTALLATION_BYTES);
    g_autofree char *own_path = g_strdup_printf("%s.%s", path, mine);

    self->installation = kft_journal_dup_installation(state_dir);
    if (self->installation != NULL)
        return true;
    if (!g_file_set_contents_full(own_path, mine, -1, G_FILE_SET_CONTENTS_DURABLE,
                                  PRIVATE_FILE_MODE, NULL))
        return set_errno_error(error, own_path);
    bool is_linked = link(own_path, path) == 0;
    (void)g_unlink(own_path);
    self->installation = is_linked ? g_strdup(mine) : kft_journal_dup_installation(state_dir);
    if (self->installation != NULL)
        return true;
    g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                "%s holds no name of an installation: remove it", path);
    return false;
}

/* --- files of sessions --- */

static void add_text(json_object *object, const char *key, const char *text)
{
    if (text != NULL)
        (void)json_object_object_add(object, key, json_object_new_string(text));
}

static char *write_entries(const KftJournal *self)
{
    g_autoptr(json_object) list = json_object_new_array();
    for (guint i = 0; i < self->entries->len; i++) {
        const KftJournalEntry *entry = g_ptr_array_index(self->entries, i);
        json_object *item = json_object_new_object();
        add_text(item, "session", entry->session);
        add_text(item, "kubeconfig", entry->kubeconfig);
        add_text(item, "context", entry->context);
        add_text(item, "namespace", entry->namespace_);
        add_text(item, "name", entry->name);
        (void)json_object_array_add(list, item);
    }
    return g_strdup(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY));
}

static bool save(const KftJournal *self, GError **error)
{
    g_autofree char *text = write_entries(self);
    size_t size = strlen(text);
    bool is_written = ftruncate(self->fd, 0) == 0 &&
                      pwrite(self->fd, text, size, 0) == (ssize_t)size && fdatasync(self->fd) == 0;
    return is_written || set_errno_error(error, self->folder);
}

/* Of the file behind @fd; a file that is no journal has none. */
static void read_entries(int fd, GPtrArray *entries)
{
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0 || (size_t)size > MAX_FILE_BYTES)
        return;
    g_autofree char *text = g_malloc((size_t)size);
    if (pread(fd, text, (size_t)size, 0) != (ssize_t)size)
        return;
    g_autoptr(json_object) list = kft_json_parse(text, (size_t)size, NULL);
    if (json_object_get_type(list) != json_type_array)
        return;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object *object = json_object_array_get_idx(list, i);
        const char *session = kft_json_string(object, "session");
        const char *namespace_ = kft_json_string(object, "namespace");
        const char *name = kft_json_string(object, "name");
        if (session == NULL || namespace_ == NULL || name == NULL)
            continue;
        g_ptr_array_add(entries, entry_new(session, kft_json_string(object, "kubeconfig"),
                                           kft_json_string(object, "context"), namespace_, name));
    }
}

/* Opens the file of a session that is over and locks it; -1 if there is none, or it lives. */
static int open_dead(const char *folder, const char *file)
{
    g_autofree char *path = g_build_filename(folder, file, NULL);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

static char *session_of_file(const char *file)
{
    if (!g_str_has_suffix(file, SUFFIX))
        return NULL;
    char *session = g_strndup(file, strlen(file) - strlen(SUFFIX));
    if (is_random_name(session))
        return session;
    g_free(session);
    return NULL;
}

/* Calls @func with the locked file of each session that is over. */
static void foreach_dead(const char *folder,
                         void (*func)(int fd, const char *path, void *user_data),
                         void *user_data)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *file = NULL;

    while (dir != NULL && (file = g_dir_read_name(dir)) != NULL) {
        g_autofree char *session = session_of_file(file);
        int fd = session == NULL ? -1 : open_dead(folder, file);
        if (fd < 0)
            continue;
        g_autofree char *path = g_build_filename(folder, file, NULL);
        func(fd, path, user_data);
        (void)close(fd);
    }
}

bool kft_journal_is_alive(const char *state_dir, const char *session)
{
    if (!is_random_name(session))
        return false;
    g_autofree char *folder = folder_of(state_dir);
    g_autofree char *file = g_strconcat(session, SUFFIX, NULL);
    g_autofree char *path = g_build_filename(folder, file, NULL);
    int fd = open_dead(folder, file);
    if (fd < 0)
        return g_file_test(path, G_FILE_TEST_EXISTS);
    (void)close(fd);
    return false;
}

static void collect_dead(int fd, const char *path, void *user_data)
{
    (void)path;
    read_entries(fd, user_data);
}

bool kft_journal_has_leftovers(const char *state_dir)
{
    g_autofree char *folder = folder_of(state_dir);
    g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(free_entry);
    foreach_dead(folder, collect_dead, entries);
    return entries->len > 0;
}

/* The entries are in our file before the other one goes: a crash between the two leaves them in
 * both, which does no harm. */
static void adopt_dead(int fd, const char *path, void *user_data)
{
    KftJournal *self = user_data;
    g_autoptr(GError) error = NULL;

    read_entries(fd, self->entries);
    if (save(self, &error))
        (void)g_unlink(path);
    else
        kft_log(KFT_LOG_KUBE, KFT_LEVEL_WARNING, "%s", error->message);
}

GPtrArray *kft_journal_adopt(KftJournal *self)
{
    GPtrArray *adopted = g_ptr_array_new_with_free_func(free_entry);
    guint n_own = self->entries->len;

    foreach_dead(self->folder, adopt_dead, self);
    for (guint i = n_own; i < self->entries->len; i++) {
        const KftJournalEntry *entry = g_ptr_array_index(self->entries, i);
        g_ptr_array_add(adopted, entry_new(entry->session, entry->kubeconfig, entry->context,
                                           entry->namespace_, entry->name));
    }
    return adopted;
}

/* --- the session --- */

/* Locked before anybody could find it unlocked: made under another name. */
static bool open_session(KftJournal *self, GError **error)
{
    g_autofree char *path = g_strdup_printf("%s/%s" SUFFIX, self->folder, self->session);
    g_autofree char *new_path = g_strdup_printf("%s.new", path);

    self->fd = open(new_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, PRIVATE_FILE_MODE);
    if (self->fd < 0)
        return set_errno_error(error, new_path);
    if (flock(self->fd, LOCK_EX | LOCK_NB) == 0 && g_rename(new_path, path) == 0)
        return save(self, error);
    set_errno_error(error, new_path);
    (void)g_unlink(new_path);
    return false;
}

KftJournal *kft_journal_open(const char *state_dir, GError **error)
{
    KftJournal *self = g_new0(KftJournal, 1);

    self->folder = folder_of(state_dir);
    self->fd = -1;
    self->entries = g_ptr_array_new_with_free_func(free_entry);
    self->session = kft_random_dup_name(SESSION_BYTES);
    bool is_open = need_folder(self, error) && need_installation(self, state_dir, error) &&
                   open_session(self, error);
    if (!is_open)
        g_clear_pointer(&self, kft_journal_close);
    return self;
}

void kft_journal_close(KftJournal *self)
{
    if (self == NULL)
        return;
    g_autofree char *path = g_strdup_printf("%s/%s" SUFFIX, self->folder, self->session);
    if (self->fd >= 0 && self->entries->len == 0)
        (void)g_unlink(path);
    if (self->fd >= 0)
        (void)close(self->fd);
    g_ptr_array_unref(self->entries);
    g_free(self->folder);
    g_free(self->installation);
    g_free(self->session);
    g_free(self);
}

const char *kft_journal_get_installation(const KftJournal *self)
{
    return self->installation;
}

const char *kft_journal_get_session(const KftJournal *self)
{
    return self->session;
}

bool kft_journal_add(KftJournal *self,
                     const char *kubeconfig,
                     const char *context,
                     const char *namespace_,
                     const char *name,
                     GError **error)
{
    g_ptr_array_add(self->entries, entry_new(self->session, kubeconfig, context, namespace_, name));
    return save(self, error);
}

void kft_journal_remove(KftJournal *self, const char *name)
{
    g_autoptr(GError) error = NULL;

    for (guint i = self->entries->len; i-- > 0;) {
        const KftJournalEntry *entry = g_ptr_array_index(self->entries, i);
        if (strcmp(entry->name, name) == 0)
            (void)g_ptr_array_remove_index(self->entries, i);
    }
    if (!save(self, &error))
        kft_log(KFT_LOG_KUBE, KFT_LEVEL_WARNING, "%s", error->message);
}
