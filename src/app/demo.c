#include "demo.h"

#include <glib/gi18n.h>

#include "paths.h"

#define PYTHON "/usr/bin/python3"

typedef struct {
    KftCore *core;
    char *dir;
    char *ready;
    GFileMonitor *monitor;
} Demo;

static void demo_free(Demo *self)
{
    g_object_unref(self->core);
    g_clear_object(&self->monitor);
    g_free(self->dir);
    g_free(self->ready);
    g_free(self);
}

static char *dup_script(void)
{
    return kft_paths_dup_data("kftray/demo/apiserver.py");
}

bool kft_demo_is_available(void)
{
    g_autofree char *script = dup_script();
    return g_file_test(script, G_FILE_TEST_EXISTS) &&
           g_file_test(PYTHON, G_FILE_TEST_IS_EXECUTABLE);
}

static void add_config(
    GPtrArray *configs, const char *kubeconfig, const char *service, uint16_t port, uint16_t local)
{
    KftConfig *config = kft_config_new();

    config->alias = g_strdup_printf("demo-%s", service);
    config->group = g_strdup(_("Demo"));
    config->kubeconfig = g_strdup(kubeconfig);
    config->context = g_strdup("fake");
    config->namespace_ = g_strdup("default");
    config->service = g_strdup(service);
    config->remote_port = port;
    config->local_port = local;
    g_ptr_array_add(configs, config);
}

static void on_stored(GObject *owner, const GError *error)
{
    KftCore *core = KFT_CORE(owner);
    if (error != NULL)
        g_signal_emit_by_name(core, "error", _("The demo could not be set up"), error);
}

static void on_dir_changed(
    GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, Demo *self)
{
    g_autofree char *kubeconfig = g_build_filename(self->dir, "kubeconfig", NULL);
    GPtrArray *configs = NULL;

    (void)file;
    (void)other;
    (void)event;
    if (!g_file_test(self->ready, G_FILE_TEST_EXISTS))
        return;
    g_signal_handlers_disconnect_by_data(monitor, self);
    configs = g_ptr_array_new_with_free_func((GDestroyNotify)kft_config_free);
    add_config(configs, kubeconfig, "web", 8080, 18080);
    add_config(configs, kubeconfig, "headless", 80, 18081);
    add_config(configs, kubeconfig, "stuck", 80, 18082);
    kft_core_put_configs(self->core, configs, on_stored, G_OBJECT(self->core));
    demo_free(self);
}

void kft_demo_start(KftCore *core)
{
    g_autofree char *script = dup_script();
    g_autoptr(GError) error = NULL;
    Demo *self = g_new0(Demo, 1);

    self->core = g_object_ref(core);
    self->dir = g_build_filename(g_get_user_runtime_dir(), "kftray-demo", NULL);
    self->ready = g_build_filename(self->dir, "ready", NULL);
    (void)g_mkdir_with_parents(self->dir, 0700);
    g_autoptr(GFile) dir = g_file_new_for_path(self->dir);
    self->monitor = g_file_monitor_directory(dir, G_FILE_MONITOR_NONE, NULL, &error);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_strv_builder_add_many(builder, PYTHON, script, "--demo", "--dir", self->dir, "--ready",
                            self->ready, NULL);
    g_auto(GStrv) arguments = g_strv_builder_end(builder);
    if (self->monitor != NULL)
        g_signal_connect(self->monitor, "changed", G_CALLBACK(on_dir_changed), self);
    if (self->monitor == NULL ||
        !g_spawn_async(NULL, arguments, NULL,
                       G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
                       &error)) {
        g_signal_emit_by_name(core, "error", _("The demo could not be started"), error);
        demo_free(self);
    }
}
