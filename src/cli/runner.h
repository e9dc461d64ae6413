#ifndef KFT_CLI_RUNNER_H
#define KFT_CLI_RUNNER_H

#include <kftray/engine.h>

/* An engine for a command that stays in the foreground until a signal ends it: SIGINT, SIGTERM or
 * SIGHUP, which are blocked from the making of the runner on. */
typedef struct KftRunner KftRunner;

/* Why kft_runner_wait() came back; several may be set, none after the time was up. */
typedef enum {
    KFT_WAKE_SIGNAL = 1 << 0, /* end */
    KFT_WAKE_RESIZE = 1 << 1, /* the terminal has another size, or something else is on it */
    KFT_WAKE_FD = 1 << 2,     /* the caller's descriptor is readable */
    KFT_WAKE_BROKEN = 1 << 3, /* cannot wait any more: end */
} KftWake;

/* The stored settings of the network count, and are followed. @on_event: runs inside
 * kft_runner_wait() and kft_runner_free(). Errors: INTERNAL. */
KftRunner *kft_runner_new(void (*on_event)(const KftEvent *event, void *user_data),
                          void *user_data,
                          GError **error);
/* Stops all forwards, gives their last events to @on_event, and frees. An engine that does not stop
 * within 8 s ends the program. NULL is allowed. */
void kft_runner_free(KftRunner *self);
/* @spec: (transfer full). */
void kft_runner_start_forward(KftRunner *self, KftForwardId id, KftForwardSpec *spec);
/* Its last event is the state IDLE. */
void kft_runner_stop_forward(KftRunner *self, KftForwardId id);
/* @query: (transfer full). Its answer is an event. */
void kft_runner_start_query(KftRunner *self, KftQuery *query);
/* Further trusted authorities, for what is started from now on, instead of those of the settings;
 * NULL = those. */
void kft_runner_set_ca_bundle(KftRunner *self, const char *file);
/* For relays that are deployed from now on; those that a killed program left are deleted. */
void kft_runner_set_relays(KftRunner *self, const KftRelaySettings *settings);
/* @spec: (transfer full). */
void kft_runner_start_diagnosis(KftRunner *self, KftForwardId id, KftForwardSpec *spec);
/* Logins that proxies want are looked for, in the keyring and on the terminal, and told to the
 * engine. Without this they are not. */
void kft_runner_find_logins(KftRunner *self);
/* How many were found. */
unsigned kft_runner_count_logins(const KftRunner *self);
/* Waits for something to happen, at most @timeout_ms (-1 = without limit), and handles events.
 * @fd: one more descriptor to watch, -1 = none. Returns: KftWake flags. */
unsigned kft_runner_wait(KftRunner *self, int fd, int timeout_ms);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(KftRunner, kft_runner_free)

#endif
