#include "proxy-login.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A terminal in canonical mode gives no longer lines. */
#define MAX_LINE_BYTES 4096

static int open_terminal(void)
{
    if (isatty(STDIN_FILENO) != 1)
        return -1;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0 && tcgetpgrp(fd) != getpgrp()) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void say(int fd, const char *text)
{
    (void)!write(fd, text, strlen(text));
}

/* One line without its end; NULL at an end of file, or when @signal_fd became readable. */
static char *read_line(int fd, int signal_fd)
{
    struct pollfd fds[] = {{.fd = signal_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    char line[MAX_LINE_BYTES + 1];

    if (poll(fds, G_N_ELEMENTS(fds), -1) < 0 || fds[0].revents != 0)
        return NULL;
    ssize_t n = read(fd, line, sizeof line - 1);
    line[MAX(n, 0)] = '\0';
    char *copy = n <= 0 ? NULL : g_strndup(line, strcspn(line, "\r\n"));
    explicit_bzero(line, sizeof line);
    return copy;
}

static char *ask_password(int fd, int signal_fd, const char *user)
{
    struct termios before;
    g_autofree char *text = g_strdup_printf("Password of %s: ", user);

    if (tcgetattr(fd, &before) != 0)
        return NULL;
    struct termios silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(fd, TCSAFLUSH, &silent) != 0)
        return NULL;
    say(fd, text);
    char *password = read_line(fd, signal_fd);
    (void)tcsetattr(fd, TCSAFLUSH, &before);
    say(fd, "\n");
    return password;
}

static bool ask(const KftProxyLoginQuestion *question, int signal_fd, KftLogin *login)
{
    int fd = open_terminal();
    if (fd < 0)
        return false;
    g_autofree char *text = g_strdup_printf(
        "The proxy %s %s.\n%s%s%s", question->proxy,
        question->is_refused ? "refused the login" : "wants a login", "User name",
        question->user == NULL ? "" : " ", question->user == NULL ? "" : question->user);
    say(fd, text);
    say(fd, question->user == NULL ? ": " : " (Enter to keep): ");
    login->user = read_line(fd, signal_fd);
    if (login->user != NULL && login->user[0] == '\0' && question->user != NULL) {
        g_free(login->user);
        login->user = g_strdup(question->user);
    }
    if (login->user != NULL && login->user[0] != '\0')
        login->password = ask_password(fd, signal_fd, login->user);
    (void)close(fd);
    if (login->password == NULL)
        kft_login_clear(login);
    return login->password != NULL;
}

bool kft_proxy_login_find(const KftProxyLoginQuestion *question,
                          const char *not_password,
                          int signal_fd,
                          KftLogin *ret_login)
{
    return kft_keyring_find(question->proxy, question->user, not_password, /* may_unlock */ false,
                            ret_login, NULL) ||
           ask(question, signal_fd, ret_login);
}
