#ifndef KFT_CLI_INQUIRY_H
#define KFT_CLI_INQUIRY_H

#include <kftray/engine.h>

/* Questions to the engine for commands that end with the answers. */
typedef struct KftInquiry KftInquiry;

/* @on_answer: runs inside kft_inquiry_wait(), in the order in which answers come; may post more.
 * Prints what is wrong and returns NULL if there can be no engine. */
KftInquiry *kft_inquiry_new(void (*on_answer)(const KftAnswer *answer, void *user_data),
                            void *user_data);
/* From now on a login that a proxy wants is looked for, in the keyring and on the terminal; what
 * failed for want of it is asked once more. */
void kft_inquiry_find_logins(KftInquiry *self);
/* @query: (transfer full); it gets an id of its own. Returns: that id. */
KftQueryId kft_inquiry_post(KftInquiry *self, KftQuery *query);
/* Waits for the answers to all that was posted; false if a signal came first. */
bool kft_inquiry_wait(KftInquiry *self);
/* NULL is allowed. */
void kft_inquiry_free(KftInquiry *self);

/* An option that is a time, NULL = not given. Prints what is wrong and returns false. */
bool kft_inquiry_take_timeout(const char *text, uint32_t *timeout_ms);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftInquiry, kft_inquiry_free)

#endif
