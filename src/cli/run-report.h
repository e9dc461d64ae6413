#ifndef KFT_CLI_RUN_REPORT_H
#define KFT_CLI_RUN_REPORT_H

#include "run-set.h"

/* What "kftrayctl run" shows. */
typedef enum {
    KFT_RUN_REPORT_LINES, /* a line for each change of a state */
    KFT_RUN_REPORT_TABLE, /* a table on the terminal, drawn again in its place */
    KFT_RUN_REPORT_JSON,  /* the lines as JSON objects */
} KftRunReportMode;

typedef struct KftRunReport KftRunReport;

/* TABLE changes the terminal (what is typed is not shown), until the report is freed. */
KftRunReport *kft_run_report_new(KftRunReportMode mode);
/* NULL is allowed. */
void kft_run_report_free(KftRunReport *self);
/* For kft_run_set_new(), with the report as user data. */
extern const KftRunSetFuncs kft_run_report_funcs;

/* The terminal has another size. */
void kft_run_report_resize(KftRunReport *self);
/* Draws the table if something changed and the last time was long enough ago. */
void kft_run_report_update(KftRunReport *self, const KftRunSet *set);
/* The last drawing; what comes afterwards stands below. */
void kft_run_report_finish(KftRunReport *self, const KftRunSet *set);
/* When kft_run_report_update() should be called next: milliseconds, -1 = when something happens. */
int kft_run_report_get_timeout(const KftRunReport *self, const KftRunSet *set);

#endif
