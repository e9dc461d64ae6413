/* Cells are kept until the end, as no column's width is known before its last row. */
#include "table.h"

#include <stdio.h>
#include <unistd.h>

#include "output.h"

#define GAP 2
/* A flexible column is not made narrower than this. */
#define MIN_WIDTH 8

typedef struct {
    char *text;
    size_t width;
    KftStyle style;
} Cell;

struct KftTable {
    const KftTableColumn *columns;
    size_t n_columns;
    GArray *cells; /* of Cell, row by row */
};

static void cell_clear(void *data)
{
    g_free(((Cell *)data)->text);
}

KftTable *kft_table_new(const KftTableColumn *columns, size_t n_columns)
{
    KftTable *self = g_new0(KftTable, 1);
    self->columns = columns;
    self->n_columns = n_columns;
    self->cells = g_array_new(/* zero_terminated */ FALSE, /* clear */ FALSE, sizeof(Cell));
    g_array_set_clear_func(self->cells, cell_clear);
    return self;
}

void kft_table_free(KftTable *self)
{
    if (self == NULL)
        return;
    g_array_unref(self->cells);
    g_free(self);
}

void kft_table_add(KftTable *self, const char *text, KftStyle style)
{
    Cell cell = {.style = style};

    cell.text = kft_text_printable(text == NULL || *text == '\0' ? "-" : text);
    cell.width = kft_text_width(cell.text);
    g_array_append_val(self->cells, cell);
}

void kft_table_add_number(KftTable *self, int64_t number)
{
    g_autofree char *text = number == 0 ? NULL : g_strdup_printf("%" G_GINT64_FORMAT, number);
    kft_table_add(self, text, KFT_STYLE_PLAIN);
}

void kft_table_add_bytes(KftTable *self, uint64_t n_bytes)
{
    g_autofree char *text =
        n_bytes == 0 ? NULL : g_format_size_full(n_bytes, G_FORMAT_SIZE_IEC_UNITS);
    kft_table_add(self, text, KFT_STYLE_PLAIN);
}

size_t kft_table_count_rows(const KftTable *self)
{
    return self->cells->len / self->n_columns;
}

static const Cell *cell_at(const KftTable *self, size_t row, size_t column)
{
    return &g_array_index(self->cells, Cell, row * self->n_columns + column);
}

/* Takes columns of the widest flexible column until a row fits or nothing more can give. */
static void shrink(const KftTable *self, size_t *widths, size_t limit)
{
    size_t total = GAP * (self->n_columns - 1);

    for (size_t i = 0; i < self->n_columns; i++)
        total += widths[i];
    while (total > limit) {
        size_t *widest = NULL;
        for (size_t i = 0; i < self->n_columns; i++) {
            size_t least = MAX(MIN_WIDTH, kft_text_width(self->columns[i].heading));
            if (self->columns[i].is_flexible && widths[i] > least &&
                (widest == NULL || widths[i] > *widest))
                widest = &widths[i];
        }
        if (widest == NULL)
            return;
        (*widest)--;
        total--;
    }
}

static size_t *measure(const KftTable *self, unsigned limit)
{
    size_t *widths = g_new(size_t, self->n_columns);

    for (size_t i = 0; i < self->n_columns; i++) {
        widths[i] = kft_text_width(self->columns[i].heading);
        for (size_t row = 0; row < kft_table_count_rows(self); row++)
            widths[i] = MAX(widths[i], cell_at(self, row, i)->width);
    }
    if (limit > 0)
        shrink(self, widths, limit);
    return widths;
}

/* The longest beginning of @text that leaves room for "…". */
static char *cut(const char *text, size_t width)
{
    GString *out = g_string_new(NULL);
    size_t used = 0;

    for (const char *p = text; *p != '\0'; p += g_utf8_skip[(guchar)*p]) {
        gunichar c = g_utf8_get_char(p);
        size_t own = g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
        if (used + own > width - 1)
            break;
        g_string_append_unichar(out, c);
        used += own;
    }
    g_string_append(out, "…");
    return g_string_free(out, /* free_segment */ FALSE);
}

typedef struct {
    GString *out;
    size_t n_blanks; /* written only when something follows */
    bool has_color;
} Line;

static void append_blanks(GString *out, size_t n)
{
    g_string_append_printf(out, "%*s", (int)n, "");
}

static void append_cell(Line *line, const char *text, KftStyle style, size_t width, bool is_right)
{
    size_t own = kft_text_width(text);
    g_autofree char *shorter = own > width ? cut(text, width) : NULL;
    if (shorter != NULL) {
        text = shorter;
        own = kft_text_width(shorter);
    }
    append_blanks(line->out, line->n_blanks + (is_right ? width - own : 0));
    if (line->has_color && style != KFT_STYLE_PLAIN)
        g_string_append_printf(line->out, "%s%s\033[0m", kft_style_sequence(style), text);
    else
        g_string_append(line->out, text);
    line->n_blanks = GAP + (is_right ? 0 : width - own);
}

char *kft_table_format(const KftTable *self, unsigned width, bool has_color)
{
    size_t *widths = measure(self, width);
    GString *out = g_string_new(NULL);
    Line line = {.out = out, .has_color = has_color};

    for (size_t i = 0; i < self->n_columns; i++)
        append_cell(&line, self->columns[i].heading, KFT_STYLE_HEADING, widths[i],
                    self->columns[i].is_right);
    g_string_append_c(out, '\n');
    for (size_t row = 0; row < kft_table_count_rows(self); row++) {
        line.n_blanks = 0;
        for (size_t i = 0; i < self->n_columns; i++) {
            const Cell *cell = cell_at(self, row, i);
            append_cell(&line, cell->text, cell->style, widths[i], self->columns[i].is_right);
        }
        g_string_append_c(out, '\n');
    }
    g_free(widths);
    return g_string_free(out, /* free_segment */ FALSE);
}

void kft_table_print(const KftTable *self)
{
    g_autofree char *text =
        kft_table_format(self, kft_terminal_width(), kft_style_has_color(STDOUT_FILENO));
    kft_print_text(text);
}
