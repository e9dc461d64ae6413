#include "autostart.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "application.h"
#include "paths.h"

static bool write_entry(const char *path, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(path);
    g_autofree char *program = kft_paths_dup_program();
    g_autofree char *command = g_strdup_printf("\"%s\" --hidden", program);
    g_autoptr(GKeyFile) entry = g_key_file_new();

    (void)g_mkdir_with_parents(dir, 0700);
    g_key_file_set_string(entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_TYPE,
                          G_KEY_FILE_DESKTOP_TYPE_APPLICATION);
    g_key_file_set_string(entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_NAME, "kftray");
    g_key_file_set_string(entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_EXEC, command);
    g_key_file_set_string(entry, G_KEY_FILE_DESKTOP_GROUP, G_KEY_FILE_DESKTOP_KEY_ICON,
                          KFT_APPLICATION_ID);
    return g_key_file_save_to_file(entry, path, error);
}

bool kft_autostart_set(bool is_on, GError **error)
{
    g_autofree char *path =
        g_build_filename(g_get_user_config_dir(), "autostart", KFT_APPLICATION_ID ".desktop", NULL);

    if (is_on)
        return write_entry(path, error);
    if (g_unlink(path) == 0 || errno == ENOENT)
        return true;
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno), "%s: %s", path,
                g_strerror(errno));
    return false;
}
