#include "kftray/diagnose.h"

const char *kft_diagnose_step_name(KftDiagnoseStep step)
{
    static const char *const names[] = {
#define KFT_DIAGNOSE_NAME(name, text, title) text,
        KFT_DIAGNOSE_STEPS(KFT_DIAGNOSE_NAME)
#undef KFT_DIAGNOSE_NAME
    };
    return names[step];
}

const char *kft_diagnose_step_title(KftDiagnoseStep step)
{
    static const char *const titles[] = {
#define KFT_DIAGNOSE_TITLE(name, text, title) title,
        KFT_DIAGNOSE_STEPS(KFT_DIAGNOSE_TITLE)
#undef KFT_DIAGNOSE_TITLE
    };
    return titles[step];
}

const char *kft_diagnose_state_name(KftDiagnoseState state)
{
    switch (state) {
    case KFT_DIAGNOSE_STATE_WAITING:
        return "waiting";
    case KFT_DIAGNOSE_STATE_RUNNING:
        return "running";
    case KFT_DIAGNOSE_STATE_OK:
        return "ok";
    case KFT_DIAGNOSE_STATE_FAILED:
        return "failed";
    case KFT_DIAGNOSE_STATE_SKIPPED:
        return "skipped";
    }
    g_assert_not_reached();
}

void kft_diagnose_result_clear(KftDiagnoseResult *self)
{
    g_clear_pointer(&self->text, g_free);
    g_clear_pointer(&self->command, g_free);
}
