#ifndef KFT_CLI_PLAN_VIEW_H
#define KFT_CLI_PLAN_VIEW_H

#include <kftray/share.h>

/* What an import would do, shown. */

/* A table of what changes, on standard output. @with_new: those that are only added, too: a long
 * list of what is as it should be hides the rest. */
void kft_plan_print(const KftImportPlan *plan, bool with_new);
/* The same and everything else as JSON. */
void kft_plan_print_json(const KftImportPlan *plan, bool is_stored);
/* "1 new, 0 changed, 2 the same, 0 conflicts". Returns: (transfer full). */
char *kft_plan_summarize(const KftImportPlan *plan);

#endif
