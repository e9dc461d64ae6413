/* kftray-server: settings from the environment, then the loop until the server has ended. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "server/log.h"
#include "server/server.h"

/* Per connection one socket to each side. */
#define DESCRIPTORS_BESIDE_CONNECTIONS 160

static const char help_text[] =
    "Usage: kftray-server [--help | --version]\n"
    "\n"
    "Relays TCP or UDP to an address that a cluster can reach. Settings are environment "
    "variables:\n"
    "\n"
    "  PROXY_TYPE              tcp (default), udp or gateway\n"
    "  REMOTE_ADDRESS          tcp, udp: host name, IP address or URL (127.0.0.1)\n"
    "  REMOTE_PORT             tcp, udp: port there (8080)\n"
    "  GATEWAY_ALLOW           gateway: what may be reached, \"10.0.0.0/8 *.example.com:443\"\n"
    "  GATEWAY_ALLOW_RESERVED  gateway: loopback, link-local and such networks to reach all the "
    "same\n"
    "  LISTEN_ADDRESS          where to listen (all addresses; gateway: 127.0.0.1)\n"
    "  LOCAL_PORT              port to listen on (8080)\n"
    "  STATUS_ADDRESS          where /healthz, /metrics and /keepalive are (all addresses)\n"
    "  STATUS_PORT             their port (8090), or off\n"
    "  MAX_CONNECTIONS         1024\n"
    "  CONNECT_TIMEOUT         to look up and reach the target (10s)\n"
    "  IDLE_TIMEOUT            after which a resting connection ends (0: never; gateway: 4h)\n"
    "  UNUSED_TIMEOUT          after which the server ends if nobody uses it (0: never)\n"
    "  DRAIN_TIMEOUT           after SIGTERM, for connections to finish (25s)\n"
    "  UDP_QUEUE_BYTES         per connection, for a client that reads slowly (262144)\n"
    "  LOG_LEVEL               error, warning, info (default) or debug\n";

static const char *get_variable(const char *name, void *user_data)
{
    (void)user_data;
    return g_getenv(name);
}

static void ignore_sigpipe(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

static void set_log_level(void)
{
    const char *level = g_getenv("LOG_LEVEL");
    /* What kftray's own manifests set; it may also hold filters that mean nothing here. */
    const char *rust_level = g_getenv("RUST_LOG");

    if (level != NULL && !kft_server_log_set_level(level))
        kft_server_log(KFT_LOG_WARNING, "ignored", "variable", "LOG_LEVEL", "value", level, NULL);
    else if (level == NULL && rust_level != NULL)
        (void)kft_server_log_set_level(rust_level);
}

static void raise_descriptors(const KftServerConfig *config)
{
    rlim_t wanted = (rlim_t)config->max_connections * 2 + DESCRIPTORS_BESIDE_CONNECTIONS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = MIN(wanted, limit.rlim_max);
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted)
        kft_server_log(KFT_LOG_WARNING, "few-descriptors", "problem",
                       "the limit of open files is too low for MAX_CONNECTIONS", NULL);
}

static int fail(const GError *error)
{
    kft_server_log(KFT_LOG_ERROR, "cannot-start", "problem", error->message, NULL);
    return EXIT_FAILURE;
}

static int serve(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KftServerConfig) config = kft_server_config_new(get_variable, NULL, &error);
    uv_loop_t loop;

    if (config == NULL)
        return fail(error);
    raise_descriptors(config);
    if (uv_loop_init(&loop) != 0) {
        kft_server_log(KFT_LOG_ERROR, "cannot-start", "problem", "no event loop", NULL);
        return EXIT_FAILURE;
    }
    KftServer *server = kft_server_new(&loop, config, &error);
    if (server != NULL)
        (void)uv_run(&loop, UV_RUN_DEFAULT);
    kft_server_free(server);
    if (uv_loop_close(&loop) != 0)
        kft_server_log(KFT_LOG_ERROR, "defect", "problem", "handles are open at the end", NULL);
    return server == NULL ? fail(error) : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        (void)puts("kftray-server " KFT_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc > 1) {
        bool is_help = strcmp(argv[1], "--help") == 0;
        (void)fputs(help_text, is_help ? stdout : stderr);
        return is_help ? EXIT_SUCCESS : 2;
    }
    ignore_sigpipe();
    set_log_level();
    return serve();
}
