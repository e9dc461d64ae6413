#ifndef KFTRAY_ERROR_H
#define KFTRAY_ERROR_H

#include <glib.h>
#include <stdbool.h>

/* The error domain of everything above the parsers. A code says what the caller can do about the
 * error, the message says in one English line what is wrong; a message never holds a secret.
 * Thread: any. */
#define KFT_ERROR (kft_error_quark())

/* Code, retry without the user's help may succeed, only the user can mend it. */
#define KFT_ERROR_CODES(X)                                                                         \
    X(BAD_CONFIG, false, true)  /* kubeconfig, arguments or a stored value are wrong */            \
    X(AUTH, false, true)        /* credentials missing, refused, or without the right */           \
    X(PROXY_AUTH, false, true)  /* a proxy wants a login, or another one */                        \
    X(NOT_FOUND, true, false)   /* no such object, port or endpoint (yet) */                       \
    X(REFUSED, true, false)     /* the peer answered and said no */                                \
    X(UNREACHABLE, true, false) /* no connection to the peer */                                    \
    X(TIMEOUT, true, false)     /* the peer did not answer in time */                              \
    X(PROTOCOL, true, false)    /* the peer answered something that makes no sense */              \
    X(LIMIT, false, true)       /* a limit of ours was reached */                                  \
    X(PORT_IN_USE, false, true) /* the local address is taken or not ours */                       \
    X(CANCELLED, false, false)  /* ended on request */                                             \
    X(STORAGE, false, true)     /* a local file could not be read or written */                    \
    X(INTERNAL, false, false)   /* a defect of this program */

typedef enum {
#define KFT_ERROR_ENUM(name, retry, user) KFT_ERROR_##name,
    KFT_ERROR_CODES(KFT_ERROR_ENUM)
#undef KFT_ERROR_ENUM
} KftErrorCode;

/* Thread: any. */
GQuark kft_error_quark(void);

/* The code's name in lower case with dashes ("bad-config"), for logs and JSON. Thread: any. */
const char *kft_error_code_name(KftErrorCode code);

/* Whether a later try may succeed without the user's help; false for foreign domains.
 * @error: (transfer none) (nullable). Thread: any. */
bool kft_error_is_retryable(const GError *error);

/* Whether only the user can mend it (configuration, rights, a port). Thread: any. */
bool kft_error_needs_user(const GError *error);

#endif
