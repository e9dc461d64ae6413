#ifndef KFT_BASE_RESULT_H
#define KFT_BASE_RESULT_H

#include <stdbool.h>

/* Result of parsers and hot paths: no allocation, and the code carries the severity. Codes below
 * KFT_R_FATAL mean that the connection cannot be used any further; the others concern one stream or
 * one call. Thread: any. */
typedef enum {
    KFT_R_OK = 0,
    KFT_R_AGAIN = -1,      /* more input (or room) is needed; not an error */
    KFT_R_EOF = -2,        /* the peer's data ended in an orderly way */
    KFT_R_INVALID = -3,    /* an argument or a value is not allowed */
    KFT_R_CLOSED = -4,     /* the stream is gone */
    KFT_R_FATAL = -100,    /* border: everything below ends the connection */
    KFT_R_PROTOCOL = -101, /* the peer broke the protocol */
    KFT_R_LIMIT = -102,    /* the peer exceeded a limit of ours */
    KFT_R_IO = -103,       /* the transport failed */
} KftResult;

static inline bool kft_result_is_fatal(KftResult result)
{
    return result < KFT_R_FATAL;
}

/* A short English name ("protocol error"), for logs. Thread: any. */
const char *kft_result_name(KftResult result);

#endif
