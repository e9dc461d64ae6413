/* The folders are watched, not the files: most programs replace a configuration by renaming a new
 * file over it, and a watch of the old one would be silent from then on. For a symbolic link both
 * the link's folder and that of its target are watched. Other files of these folders change too, so
 * what counts is whether the stamp of one of ours is another. */
#include "net/file-watch.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/log.h"
#include "net/loop-priv.h"
#include "net/timer.h"

/* Between the first sign of a change and the look at the files. */
#define SETTLE_MS 200
/* A link that leads to a link …, as mounted secrets have them. */
#define MAX_LINKS 8

/* embeddable: what stat() says of a file that changes when it does. */
typedef struct {
    bool exists;
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec modified;
    struct timespec changed;
} Stamp;

typedef struct {
    KftFileWatch *owner; /* NULL once it is closed */
    KftLoop *loop;
    uv_fs_event_t handle;
} Folder;

struct KftFileWatch {
    KftLoop *loop;
    void (*on_change)(void *user_data);
    void *user_data;
    GHashTable *files;   /* path → Stamp */
    GHashTable *folders; /* path → Folder */
    KftTimer *settle;
};

static void read_stamp(const char *path, Stamp *ret_stamp)
{
    struct stat status;
    *ret_stamp = (Stamp){0};
    if (stat(path, &status) != 0)
        return;
    ret_stamp->exists = true;
    ret_stamp->device = status.st_dev;
    ret_stamp->inode = status.st_ino;
    ret_stamp->size = status.st_size;
    ret_stamp->modified = status.st_mtim;
    ret_stamp->changed = status.st_ctim;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const Stamp *a, const Stamp *b)
{
    return a->exists == b->exists && a->device == b->device && a->inode == b->inode &&
           a->size == b->size && is_same_time(&a->modified, &b->modified) &&
           is_same_time(&a->changed, &b->changed);
}

/* --- folders --- */

static void on_folder_closed(uv_handle_t *handle)
{
    Folder *folder = handle->data;
    kft_loop_object_closed(folder->loop);
    g_free(folder);
}

static void folder_free(void *data)
{
    Folder *folder = data;
    folder->owner = NULL;
    uv_close((uv_handle_t *)&folder->handle, on_folder_closed);
}

/* libuv reads events until there are none, without an end in a folder that is written to all the
 * time; and nothing more is to be learned before the look. */
static void stop_listening(KftFileWatch *self)
{
    GHashTableIter iter;
    gpointer folder = NULL;
    g_hash_table_iter_init(&iter, self->folders);
    while (g_hash_table_iter_next(&iter, NULL, &folder))
        (void)uv_fs_event_stop(&((Folder *)folder)->handle);
}

static void on_folder_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    const Folder *folder = handle->data;
    (void)name;
    (void)events;
    (void)status;
    if (folder->owner == NULL)
        return;
    stop_listening(folder->owner);
    if (!kft_timer_is_active(folder->owner->settle))
        kft_timer_start(folder->owner->settle, SETTLE_MS);
}

static bool start_listening(Folder *folder, const char *path)
{
    int status = KFT_FAULT("uv_fs_event_start")
                     ? UV_ENOSPC
                     : uv_fs_event_start(&folder->handle, on_folder_event, path, 0);
    if (status != 0)
        kft_log(KFT_LOG_NET, KFT_LEVEL_INFO, "cannot watch folder %s: %s", path,
                uv_strerror(status));
    return status == 0;
}

/* A folder that is gone is given up until some file changes, as the ones in it have. */
static void resume_listening(KftFileWatch *self)
{
    GHashTableIter iter;
    gpointer path = NULL;
    gpointer value = NULL;
    g_hash_table_iter_init(&iter, self->folders);
    while (g_hash_table_iter_next(&iter, &path, &value)) {
        Folder *folder = value;
        if (uv_is_active((uv_handle_t *)&folder->handle) == 0 && !start_listening(folder, path))
            g_hash_table_iter_remove(&iter);
    }
}

static void watch_folder(KftFileWatch *self, const char *file)
{
    g_autofree char *path = g_path_get_dirname(file);
    if (g_hash_table_contains(self->folders, path))
        return;
    Folder *folder = g_new0(Folder, 1);
    folder->owner = self;
    folder->loop = self->loop;
    int status = uv_fs_event_init(kft_loop_get_uv(self->loop), &folder->handle);
    g_assert(status == 0);
    folder->handle.data = folder;
    kft_loop_object_opened(self->loop);
    if (!start_listening(folder, path)) {
        folder_free(folder);
        return;
    }
    g_hash_table_insert(self->folders, g_steal_pointer(&path), folder);
}

/* Watches where the name stands and, along its links, where what it leads to stands. */
static void watch_file(KftFileWatch *self, const char *path)
{
    g_autofree char *at = g_strdup(path);
    for (unsigned i = 0; i < MAX_LINKS; i++) {
        watch_folder(self, at);
        g_autofree char *target = g_file_read_link(at, NULL);
        if (target == NULL)
            break;
        g_autofree char *folder = g_path_get_dirname(at);
        char *next = g_canonicalize_filename(target, folder);
        g_free(at);
        at = next;
    }
}

static void watch_folders(KftFileWatch *self)
{
    GHashTableIter iter;
    gpointer path = NULL;

    g_hash_table_remove_all(self->folders);
    g_hash_table_iter_init(&iter, self->files);
    while (g_hash_table_iter_next(&iter, &path, NULL))
        watch_file(self, path);
}

/* --- changes --- */

static bool update_stamps(KftFileWatch *self)
{
    GHashTableIter iter;
    gpointer path = NULL;
    gpointer value = NULL;
    bool has_changed = false;

    g_hash_table_iter_init(&iter, self->files);
    while (g_hash_table_iter_next(&iter, &path, &value)) {
        Stamp *known = value;
        Stamp now;
        read_stamp(path, &now);
        if (is_same(known, &now))
            continue;
        kft_log(KFT_LOG_NET, KFT_LEVEL_DEBUG, "%s has changed", (const char *)path);
        *known = now;
        has_changed = true;
    }
    return has_changed;
}

static void on_settled(void *user_data)
{
    KftFileWatch *self = user_data;
    resume_listening(self); /* before the look: what changes after it is heard */
    if (!update_stamps(self))
        return;
    /* Links may lead elsewhere, and folders be new. */
    watch_folders(self);
    self->on_change(self->user_data);
}

void kft_file_watch_check(KftFileWatch *self)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    kft_timer_start(self->settle, 0);
}

void kft_file_watch_set(KftFileWatch *self, const char *const *paths)
{
    KFT_ASSERT_LOOP_THREAD(self->loop);
    g_autoptr(GHashTable) old = g_steal_pointer(&self->files);
    self->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (size_t i = 0; paths[i] != NULL; i++) {
        const Stamp *known = g_hash_table_lookup(old, paths[i]);
        Stamp *stamp = g_new0(Stamp, 1);
        /* A change that is not told yet stays one. */
        if (known != NULL)
            *stamp = *known;
        else
            read_stamp(paths[i], stamp);
        g_hash_table_replace(self->files, g_strdup(paths[i]), stamp);
    }
    watch_folders(self);
}

/* --- life --- */

KftFileWatch *kft_file_watch_new(KftLoop *loop, void (*on_change)(void *user_data), void *user_data)
{
    KFT_ASSERT_LOOP_THREAD(loop);
    KftFileWatch *self = g_new0(KftFileWatch, 1);
    self->loop = loop;
    self->on_change = on_change;
    self->user_data = user_data;
    self->files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->folders = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, folder_free);
    self->settle = kft_timer_new(loop, on_settled, self);
    return self;
}

void kft_file_watch_free(KftFileWatch *self)
{
    if (self == NULL)
        return;
    KFT_ASSERT_LOOP_THREAD(self->loop);
    kft_timer_free(self->settle);
    g_hash_table_unref(self->folders);
    g_hash_table_unref(self->files);
    g_free(self);
}
