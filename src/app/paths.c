#include "paths.h"

char *kft_paths_dup_program(void)
{
    char *path = g_file_read_link("/proc/self/exe", NULL);
    return path != NULL ? path : g_strdup("/usr/bin/kftray");
}

char *kft_paths_dup_data(const char *name)
{
    g_autofree char *program = kft_paths_dup_program();
    g_autofree char *bin = g_path_get_dirname(program);
    g_autofree char *prefix = g_path_get_dirname(bin);
    return g_build_filename(prefix, "share", name, NULL);
}
