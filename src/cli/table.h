#ifndef KFT_CLI_TABLE_H
#define KFT_CLI_TABLE_H

#include <stdint.h>

#include "style.h"

/* Rows in aligned columns, by the width that characters take on a terminal. On a terminal flexible
 * columns are cut so that a row fits on a line; in a pipe nothing is cut. No trailing blanks. */
typedef struct KftTable KftTable;

typedef struct {
    const char *heading;
    bool is_right;    /* numbers */
    bool is_flexible; /* may be cut, with "…" at its end */
} KftTableColumn;

/* @columns: kept, not copied. */
KftTable *kft_table_new(const KftTableColumn *columns, size_t n_columns);
/* NULL is allowed. */
void kft_table_free(KftTable *self);
/* The next cell, row by row; NULL and "" show as "-". */
void kft_table_add(KftTable *self, const char *text, KftStyle style);
/* Shows as "-" if it is 0. */
void kft_table_add_number(KftTable *self, int64_t number);
/* "12.3 MiB"; "-" if there are none. */
void kft_table_add_bytes(KftTable *self, uint64_t n_bytes);
size_t kft_table_count_rows(const KftTable *self);
/* Lines with their ends, the headings first. @width: 0 = without limit. Returns: (transfer full).
 */
char *kft_table_format(const KftTable *self, unsigned width, bool has_color);
/* To standard output. */
void kft_table_print(const KftTable *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftTable, kft_table_free)

#endif
