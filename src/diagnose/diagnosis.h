#ifndef KFT_DIAGNOSE_DIAGNOSIS_H
#define KFT_DIAGNOSE_DIAGNOSIS_H

#include "kftray/diagnose.h"

#include "forward/forward.h"

/* One run of the doctor: all steps of docs/diagnose.md for one target, with a cluster object of its
 * own, so that what it finds is what is there now and nothing of a running forward is disturbed.
 * Thread: loop. */
typedef struct KftDiagnosis KftDiagnosis;

/* What is looked at. Strings are copied. */
typedef struct {
    const char *kubeconfig; /* file; NULL = the default ones */
    const char *context;    /* NULL = the current one */
    /* (transfer full). @target may be NULL, then only the way to the cluster is looked at; no
     * ports: one that the pod declares is tried. namespace_ NULL: the context's. */
    KftForwardOptions *options;
} KftDiagnosisSpec;

typedef struct {
    /* A step began or ended. @result: (transfer none). */
    void (*on_step)(const KftDiagnoseResult *result, void *user_data);
    /* Once, when all steps have ended, after at most KFT_DIAGNOSE_LIMIT_MS, and what was deployed
     * is deleted, which takes 1.5 s at most. @is_ok: none failed.
     * @report: text for a bug report; @json: the same for programs; both redacted. */
    void (*on_done)(bool is_ok, const char *report, const char *json, void *user_data);
} KftDiagnosisFuncs;

/* Starts in the next turn. */
KftDiagnosis *kft_diagnosis_new(KftLoop *loop,
                                const KftDiagnosisSpec *spec,
                                const KftDiagnosisFuncs *funcs,
                                void *user_data);
/* Ends early: what is not known by now is skipped, what was deployed is deleted, and on_done comes.
 * False: there is nothing to delete, and nothing happened. */
bool kft_diagnosis_stop(KftDiagnosis *self);
/* Cancels if not done, and leaves a relay that was deployed to the journal; also after (or inside)
 * on_done. NULL is allowed. */
void kft_diagnosis_free(KftDiagnosis *self);

#endif
