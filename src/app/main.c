/* kftray, the desktop program. */
#include <glib/gi18n.h>
#include <locale.h>
#include <signal.h>

#include "application.h"
#include "frame-log.h"
#include "paths.h"

int main(int argc, char **argv)
{
    kft_frame_log_open();
    g_autofree char *locale_dir = kft_paths_dup_data("locale");

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread exists */
    (void)setlocale(LC_ALL, "");
    (void)bindtextdomain(GETTEXT_PACKAGE, locale_dir);
    (void)bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    (void)textdomain(GETTEXT_PACKAGE);
    (void)sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    g_set_application_name("kftray");
    g_autoptr(KftApplication) application = kft_application_new();
    return g_application_run(G_APPLICATION(application), argc, argv);
}
