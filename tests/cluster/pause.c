/* The process that holds a pod's namespaces open in the test cluster: sleeps, reaps orphans,
 * leaves on SIGINT and SIGTERM. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void on_stop(int sig)
{
    (void)sig;
    _exit(0);
}

static void on_child(int sig)
{
    (void)sig;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

int main(void)
{
    (void)signal(SIGINT, on_stop);
    (void)signal(SIGTERM, on_stop);
    (void)signal(SIGCHLD, on_child);
    for (;;)
        pause();
}
