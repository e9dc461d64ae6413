#include "live-text.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "output.h"

#define NO_WRAPPING "\033[?7l"
#define WRAPPING "\033[?7h"
#define CLEAR_SCREEN "\033[H\033[2J"
#define CLEAR_REST_OF_LINE "\033[K"
#define CLEAR_REST_OF_SCREEN "\033[J"

void kft_live_text_draw(KftLiveText *self, const char *above, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GString) out = g_string_new(NO_WRAPPING);

    if (self->must_clear)
        g_string_append(out, CLEAR_SCREEN);
    else if (self->n_drawn > 0)
        g_string_append_printf(out, "\033[%uA\r", self->n_drawn);
    if (above != NULL)
        g_string_append(out, above);
    self->n_drawn = 0;
    for (char **line = lines; *line != NULL && **line != '\0'; line++) {
        g_string_append_printf(out, "%s" CLEAR_REST_OF_LINE "\n", *line);
        self->n_drawn++;
    }
    g_string_append(out, CLEAR_REST_OF_SCREEN WRAPPING);
    kft_print_text(out->str);
    self->must_clear = false;
}

guint kft_live_text_max_rows(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0)
        return G_MAXUINT;
    return size.ws_row > 4 ? size.ws_row - 3U : 1;
}
