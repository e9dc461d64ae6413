#ifndef KFT_DIAGNOSE_ADVICE_H
#define KFT_DIAGNOSE_ADVICE_H

#include "kftray/diagnose.h"

/* Initializers of a KftDiagnoseAdvice: words for every reader, and for each. xgettext knows these
 * names (.ci/checks/po). */
#define ADVICE(words)                                                                              \
    {                                                                                              \
        .terminal = (words), .window = (words)                                                     \
    }
#define ADVICE_EACH(terminal_words, window_words)                                                  \
    {                                                                                              \
        .terminal = (terminal_words), .window = (window_words)                                     \
    }

/* What to do about a failure of @step with @text; NULL if there is nothing to say beyond it.
 * (transfer none), static. */
const KftDiagnoseAdvice *kft_diagnose_advice(KftDiagnoseStep step, const char *text);

#endif
