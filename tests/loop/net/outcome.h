#ifndef KFT_TEST_OUTCOME_H
#define KFT_TEST_OUTCOME_H

#include "child.h"
#include "net/http.h"
#include "test-loop.h"

/* One request and what came of it. */
typedef struct {
    KftHttpCall *call;
    bool is_done;
    unsigned n_done;
    unsigned status;
    uint32_t retry_after_s;
    char *content_type;
    GString *body;
    GError *error;
} KftOutcome;

void kft_outcome_clear(KftOutcome *self);
void kft_outcome_on_done(const KftHttpResponse *response, const GError *error, void *user_data);
/* Sends one request and waits for its end. @request: NULL = GET @path. */
void kft_outcome_fetch(KftOutcome *self,
                       KftTestLoop *test,
                       KftEndpoint *endpoint,
                       const KftHttpRequest *request,
                       const char *path);
/* The request failed with @code and a message that matches @pattern (glob). */
void kft_outcome_assert_error(const KftOutcome *self, int code, const char *pattern);

KftEndpoint *kft_test_endpoint(const char *scheme, const KftTestChild *server);
void kft_test_server_start(KftTestChild *self, const char *const *arguments);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KftOutcome, kft_outcome_clear)

#endif
