#ifndef KFTRAY_KEYRING_H
#define KFTRAY_KEYRING_H

#include <stdbool.h>

#include "kftray/error.h"

/* Logins of proxies in the session's keyring, by the Secret Service API 0.2 over the session bus
 * (specifications.freedesktop.org/secret-service): GNOME Keyring, KWallet, KeePassXC. Entries have
 * the attributes of org.gnome.keyring.NetworkPassword, as seahorse and others write them: server,
 * protocol "http", user, and mostly port. Secrets go over the bus in the session type "plain", as
 * all programs of the user can read them there anyway. All calls block: 3 s at most for an answer,
 * and as long as the user needs to unlock a keyring (2 minutes at most) where that is allowed. */

/* A user name and its password. */
typedef struct {
    char *user;
    char *password;
} KftLogin;

/* Overwrites the password. Thread: any. */
void kft_login_clear(KftLogin *self);
/* Looks for the login of @proxy, "host:port". @user: of that name only, nullable. @not_password:
 * one that the proxy refuses; nullable. @may_unlock: whether the user may be asked to unlock a
 * keyring, else only what is unlocked is looked at. Returns: false if there is none, with an error
 * if the keyring cannot be asked. Errors: UNREACHABLE (no bus, no keyring), TIMEOUT, INTERNAL.
 * Thread: any. */
bool kft_keyring_find(const char *proxy,
                      const char *user,
                      const char *not_password,
                      bool may_unlock,
                      KftLogin *ret_login,
                      GError **error);
/* Stores it in the default collection, in place of one with the same user. Errors as above, and
 * AUTH (the user did not unlock the keyring). Thread: any. */
bool kft_keyring_store(const char *proxy, const KftLogin *login, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KftLogin, kft_login_clear)

#endif
