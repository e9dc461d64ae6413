/* Where the store is, opening it, and noticing what other processes did to it. */
#include <errno.h>
#include <glib/gstdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/schema.h"
#include "store/statement.h"
#include "store/store-priv.h"

#define PRIVATE_FOLDER_MODE 0700

char *kft_store_dup_default_dir(void)
{
    const char *own = g_getenv("KFTRAY_CONFIG");
    if (own != NULL && own[0] != '\0')
        return g_strdup(own);
    /* A relative path is to be ignored (XDG Base Directory Specification). */
    const char *xdg = g_getenv("XDG_CONFIG_HOME");
    if (xdg != NULL && g_path_is_absolute(xdg))
        return g_build_filename(xdg, "kftray", NULL);
    return g_build_filename(g_get_home_dir(), ".config", "kftray", NULL);
}

/* A folder that exists keeps its mode: it may hold other programs' files; ours are private anyway.
 */
static bool make_folder(const char *folder, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(folder);
    int result = g_mkdir_with_parents(parent, PRIVATE_FOLDER_MODE);
    if (result == 0) {
        result = g_mkdir(folder, PRIVATE_FOLDER_MODE);
        /* Whatever the umask was. */
        if (result == 0)
            result = g_chmod(folder, PRIVATE_FOLDER_MODE);
        else if (errno == EEXIST && g_file_test(folder, G_FILE_TEST_IS_DIR))
            result = 0;
    }
    if (result == 0)
        return true;
    const char *reason =
        errno == EEXIST || errno == ENOTDIR ? "there is a file in its place" : g_strerror(errno);
    g_set_error(error, KFT_ERROR, KFT_ERROR_STORAGE,
                "the directory %s cannot be made (%s): make it, or name another one in "
                "KFTRAY_CONFIG",
                folder, reason);
    return false;
}

/* The folder in which the file really is. */
static KftChange *watch(const char *path)
{
    char real[PATH_MAX];
    return kft_change_new(realpath(path, real) != NULL ? real : path);
}

static bool read_data_version(KftStore *self, int64_t *ret_version, GError **error)
{
    return kft_database_get_number(self->database, "PRAGMA data_version", ret_version, error);
}

static bool open_at(KftStore *self, const char *path, GError **error)
{
    self->database = kft_database_open(path, error);
    if (self->database == NULL ||
        !kft_schema_prepare(self->database, kft_migrations, kft_n_migrations, error))
        return false;
    self->owner = kft_owner_self();
    self->change = watch(path);
    return read_data_version(self, &self->data_version, error);
}

KftStore *kft_store_open(const char *dir, GError **error)
{
    g_autofree char *chosen = dir == NULL ? kft_store_dup_default_dir() : g_strdup(dir);
    g_autofree char *folder = g_canonicalize_filename(chosen, NULL);
    g_autofree char *path = g_build_filename(folder, KFT_STORE_FILE, NULL);
    if (!make_folder(folder, error))
        return NULL;
    KftStore *self = g_new0(KftStore, 1);
    if (open_at(self, path, error))
        return self;
    kft_store_close(self);
    return NULL;
}

void kft_store_close(KftStore *self)
{
    if (self == NULL)
        return;
    kft_change_free(self->change);
    kft_database_close(self->database);
    g_free(self);
}

const char *kft_store_get_path(const KftStore *self)
{
    return kft_database_get_path(self->database);
}

int kft_store_get_change_fd(const KftStore *self)
{
    return self->change == NULL ? -1 : kft_change_get_fd(self->change);
}

bool kft_store_has_changed(KftStore *self)
{
    int64_t version = 0;
    /* In this order: what comes between the two is seen now and wakes once more. */
    if (self->change != NULL)
        kft_change_drain(self->change);
    /* The next reading tells what is wrong. */
    if (!read_data_version(self, &version, NULL))
        return true;
    bool has_changed = version != self->data_version;
    self->data_version = version;
    return has_changed;
}

void kft_store_set_not_found(KftConfigId id, GError **error)
{
    g_set_error(error, KFT_ERROR, KFT_ERROR_NOT_FOUND,
                "there is no config with the id %" G_GINT64_FORMAT " (any more)", id.v);
}
