#include "base/result.h"

#include <glib.h>

const char *kft_result_name(KftResult result)
{
    switch (result) {
    case KFT_R_OK:
        return "ok";
    case KFT_R_AGAIN:
        return "would block";
    case KFT_R_EOF:
        return "end of data";
    case KFT_R_INVALID:
        return "invalid value";
    case KFT_R_CLOSED:
        return "closed";
    case KFT_R_FATAL:
        break;
    case KFT_R_PROTOCOL:
        return "protocol error";
    case KFT_R_LIMIT:
        return "limit exceeded";
    case KFT_R_IO:
        return "transport error";
    }
    g_assert_not_reached();
}
