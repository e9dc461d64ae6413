#ifndef KFT_APP_AUTOSTART_H
#define KFT_APP_AUTOSTART_H

#include <glib.h>
#include <stdbool.h>

/* Whether the desktop starts the program at login: a file in the autostart folder of the user's
 * configuration. Writes it or takes it away. Errors: G_FILE_ERROR. Thread: any. */
bool kft_autostart_set(bool is_on, GError **error);

#endif
