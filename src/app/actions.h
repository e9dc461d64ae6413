#ifndef KFT_APP_ACTIONS_H
#define KFT_APP_ACTIONS_H

#include <gtk/gtk.h>
#include <stdbool.h>

#include "forward-item.h"

/* The one table of what a user can do: its label, icon, keys, and when it is possible. Menus, tray,
 * shortcuts window, D-Bus and notifications all name these actions; application.c ("app.") and
 * window-actions.c ("win.") hold what they do. Thread: ui. */

#define KFT_ACTION_SECTIONS(X)                                                                     \
    X(GENERAL, N_("General"))                                                                      \
    X(LIST, N_("List"))                                                                            \
    X(SELECTION, N_("Selected forwards"))

typedef enum {
#define KFT_ACTION_SECTION_ENUM(name, title) KFT_ACTION_SECTION_##name,
    KFT_ACTION_SECTIONS(KFT_ACTION_SECTION_ENUM)
#undef KFT_ACTION_SECTION_ENUM
    KFT_N_ACTION_SECTIONS
} KftActionSection;

/* How many forwards must be selected. */
typedef enum {
    KFT_ACTION_ALWAYS,
    KFT_ACTION_ONE,
    KFT_ACTION_SOME,
} KftActionNeed;

typedef struct {
    const char *name;  /* "app.quit" */
    const char *label; /* untranslated, with a mnemonic */
    const char *icon;  /* nullable */
    const char *keys;  /* accelerators, separated by spaces; nullable */
    KftActionSection section;
    KftActionNeed need;
} KftActionInfo;

/* @ret_n: how many there are. (transfer none). */
const KftActionInfo *kft_actions_list(size_t *ret_n);
/* The entry of @name, which must exist. */
const KftActionInfo *kft_actions_find(const char *name);
/* Translated, with its mnemonic. */
const char *kft_action_get_label(const KftActionInfo *self);
/* Gives the keys of the table to the application. */
void kft_actions_set_keys(GtkApplication *application);
/* Activates "app.run-forward", whose parameter is (xb): which forward, and whether it shall run. */
void kft_actions_run_forward(KftForwardItem *item, bool shall_run);
/* The window that shows all keys. Returns: (transfer floating). */
GtkWidget *kft_actions_make_shortcuts_window(void);

#endif
