#ifndef KFT_TEST_CREDENTIAL_FIXTURE_H
#define KFT_TEST_CREDENTIAL_FIXTURE_H

#include "kube/credential-priv.h"
#include "test-loop.h"

/* A credential with a clock of the test's own, in a loop and a folder of its own. Thread: one. */

#define START_S 1795428000 /* 2026-11-23T10:00:00Z */
/* Part of each secret that tests use; never in a message. */
#define SECRET "sEcReT"
#define HTTPS "server: 'https://api.example'"

typedef struct {
    KftTestLoop loop;
    char *dir;
    KftKubeconfig *config;
    KftKubeContext context;
    KftCredential *credential;
    KftCredentialHooks hooks;
    int64_t now_s;
    bool is_terminal;
} Fixture;

typedef struct {
    bool is_done;
    KftAuth *auth;
    GError *error;
    KftCredential **free_credential; /* nullable: freed inside the answer */
} Answer;

void fixture_init(Fixture *self);
void fixture_clear(Fixture *self);
/* Makes a new credential. @server, @user: the fields of the cluster and of the user, as flow YAML.
 */
void fixture_use(Fixture *self, const char *server, const char *user);
/* The same from the kubeconfig file "config" in the folder. */
void fixture_load(Fixture *self);
void fixture_write_file(const Fixture *self, const char *name, const char *text);

/* A KftCredentialFunc; @user_data: an Answer. */
void answer_on_credential(KftAuth *auth, const GError *error, void *user_data);
void answer_clear(Answer *answer);
/* Asks and waits. */
void fixture_ask(Fixture *self, Answer *answer);
/* @expected: NULL = no Authorization. */
void fixture_assert_authorization(Fixture *self, const char *expected);
/* @expected: a part of the message. */
void fixture_assert_error(Fixture *self, int code, const char *expected);

#endif
