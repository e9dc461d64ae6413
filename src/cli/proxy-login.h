#ifndef KFT_CLI_PROXY_LOGIN_H
#define KFT_CLI_PROXY_LOGIN_H

#include <kftray/keyring.h>

/* What a proxy wants. */
typedef struct {
    const char *proxy; /* "host:port" */
    const char *user;  /* nullable */
    bool is_refused;
} KftProxyLoginQuestion;

/* The login from the keyring, else from the user, who is asked on the terminal if standard input is
 * one and this process is in its foreground; the password is not echoed. @not_password: the last
 * one that came from here and is refused; nullable. @signal_fd: becomes readable when the question
 * is to be given up. Returns: false if there is none. */
bool kft_proxy_login_find(const KftProxyLoginQuestion *question,
                          const char *not_password,
                          int signal_fd,
                          KftLogin *ret_login);

#endif
