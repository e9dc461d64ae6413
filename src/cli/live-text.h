#ifndef KFT_CLI_LIVE_TEXT_H
#define KFT_CLI_LIVE_TEXT_H

#include <glib.h>
#include <stdbool.h>

/* Lines at the end of a terminal that are drawn over their older selves: up as many lines as there
 * were, then each line anew, in one write. Lines wider than the terminal are cut by it, as
 * otherwise the count of lines would be wrong. */
typedef struct {
    guint n_drawn;   /* lines on the terminal */
    bool must_clear; /* they are not where they were */
} KftLiveText;

/* @above: whole lines that stay, NULL = none. @text: whole lines. */
void kft_live_text_draw(KftLiveText *self, const char *above, const char *text);
/* How many lines may be drawn, below a heading and above the cursor, so that the first one stays on
 * the terminal; G_MAXUINT if its height is not known. */
guint kft_live_text_max_rows(void);

#endif
