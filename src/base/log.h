#ifndef KFT_BASE_LOG_H
#define KFT_BASE_LOG_H

#include <glib.h>
#include <stdbool.h>

/* Components of the log, as named in KFT_TRACE. */
#define KFT_LOG_COMPONENTS(X)                                                                      \
    X(ENGINE, "engine")                                                                            \
    X(NET, "net")                                                                                  \
    X(HTTP, "http")                                                                                \
    X(KUBE, "kube")                                                                                \
    X(AUTH, "auth")                                                                                \
    X(FORWARD, "forward")                                                                          \
    X(TUNNEL, "tunnel")                                                                            \
    X(CONN, "conn")

typedef enum {
#define KFT_LOG_ENUM(name, text) KFT_LOG_##name,
    KFT_LOG_COMPONENTS(KFT_LOG_ENUM)
#undef KFT_LOG_ENUM
    KFT_LOG_N_COMPONENTS
} KftLogComponent;

typedef enum {
    KFT_LEVEL_ERROR,
    KFT_LEVEL_WARNING,
    KFT_LEVEL_INFO,
    KFT_LEVEL_DEBUG,
} KftLogLevel;

/* Sets the highest level written, for all components. Call before threads start. */
void kft_log_set_level(KftLogLevel level);
/* Reads "KFT_TRACE=forward,tunnel:debug" or "all:info"; a name without a level means debug. Unknown
 * names are reported on stderr and skipped. Call before threads start. */
void kft_log_configure(const char *trace);
bool kft_log_is_enabled(KftLogComponent component, KftLogLevel level);
/* Writes one line "time level component text" to stderr. Thread: any. */
void kft_log_write(KftLogComponent component, KftLogLevel level, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/* Arguments are evaluated only if the component is enabled. Never pass what may hold a secret. */
#define kft_log(component, level, ...)                                                             \
    G_STMT_START                                                                                   \
    {                                                                                              \
        if (kft_log_is_enabled((component), (level)))                                              \
            kft_log_write((component), (level), __VA_ARGS__);                                      \
    }                                                                                              \
    G_STMT_END

#endif
