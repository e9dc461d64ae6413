#ifndef KFT_APP_WINDOW_PRIV_H
#define KFT_APP_WINDOW_PRIV_H

#include "details-pane.h"
#include "forward-list.h"
#include "window.h"

struct _KftWindow {
    GtkApplicationWindow parent;
    KftCore *core;
    bool shows_details; /* if one forward is selected */
    unsigned toast_source;
    GtkHeaderBar *header;
    GtkButton *menu_button;
    GtkWidget *list_buttons; /* that make sense with a list only */
    GtkInfoBar *tray_bar;
    GtkInfoBar *error_bar;
    GtkLabel *error_title;
    GtkLabel *error_text;
    GtkSearchBar *search_bar;
    GtkEntry *search_entry;
    GtkStack *stack;
    GtkSpinner *spinner;
    GtkWidget *welcome;
    KftForwardList *list;
    KftDetailsPane *details;
    GtkRevealer *selection_revealer;
    GtkLabel *selection_label;
    GtkRevealer *toast;
    GtkLabel *toast_label;
    GtkWidget *toast_undo;
    GMenuModel *row_menu;
};

/* Adds the "win." actions (window-actions.c). */
void kft_window_add_actions(KftWindow *self);
/* Which of them are possible with the selection of now. */
void kft_window_update_actions(KftWindow *self);
/* Shows or hides the details by selection and wish. */
void kft_window_update_details(KftWindow *self);

#endif
