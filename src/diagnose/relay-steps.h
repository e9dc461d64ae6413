#ifndef KFT_DIAGNOSE_RELAY_STEPS_H
#define KFT_DIAGNOSE_RELAY_STEPS_H

#include "diagnose/diagnosis-priv.h"

/* The steps of a forward by way of a relay: the relay itself, its way to the target, and the
 * NetworkPolicies on that way. As all steps they run once. Thread: loop. */

/* relay-steps.c */
void kft_diagnose_relay(KftDiagnosis *self);
char *kft_diagnose_relay_limit(KftDiagnosis *self, const KftDiagnoseAdvice **ret_advice);
/* What the forward or the settings say; not AUTO unless both do. */
KftRelayUse kft_diagnosis_get_relay_use(const KftDiagnosis *self);
/* Where the relay is, or is going to be. */
const char *kft_diagnosis_get_relay_namespace(const KftDiagnosis *self);
/* Reads the end of the log of @pod into self->log, "" if that is not allowed. */
void kft_diagnose_read_log(KftDiagnosis *self, const KftPod *pod, void (*on_log)(KftDiagnosis *));
/* The newest line of it with @phrase; (transfer full), nullable. */
char *kft_diagnose_dup_log_line(const KftDiagnosis *self, const char *phrase);
/* reach-step.c */
void kft_diagnose_reach(KftDiagnosis *self);
char *kft_diagnose_reach_limit(KftDiagnosis *self, const KftDiagnoseAdvice **ret_advice);
/* The pair to the relay has brought something, or ended. */
void kft_diagnose_reach_pair(KftDiagnosis *self);
/* The verdict on the policies is there. */
void kft_diagnose_reach_judged(KftDiagnosis *self);
/* policy-step.c; what it judges by is read as soon as the relay is there. */
void kft_diagnose_begin_policies(KftDiagnosis *self);
void kft_diagnose_policies(KftDiagnosis *self);

#endif
