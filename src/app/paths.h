#ifndef KFT_APP_PATHS_H
#define KFT_APP_PATHS_H

#include <glib.h>

/* Where the program's files are: beside the program itself, so that an installed copy and the build
 * tree (which is laid out alike) both find their own. Thread: any. */

/* "PREFIX/share/NAME". Returns: (transfer full). */
char *kft_paths_dup_data(const char *name);
/* The program's own file. Returns: (transfer full). */
char *kft_paths_dup_program(void);

#endif
