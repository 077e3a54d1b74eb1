#include "base/base.h"

int gw_fail(gw_error *e, int code, const char *format, ...)
{
    if (!e)
        return code;
    e->code = code;
    va_list ap;
    va_start(ap, format);
    vsnprintf(e->message, sizeof(e->message), format, ap);
    va_end(ap);
    return code;
}

int gw_fail_memory(gw_error *e)
{
    return gw_fail(e, GW_ENOMEM, "out of memory: give the process more, or a shorter --window");
}

int gw_error_prefix(gw_error *e, const char *format, ...)
{
    if (!e)
        return GW_EINTERNAL;
    char prefix[GW_ERROR_MESSAGE_MAX];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(prefix, sizeof(prefix), format, ap);
    va_end(ap);
    size_t most = sizeof(e->message) - 1, before = n < 0 ? 0 : GW_MIN((size_t)n, most - 2);
    size_t after = GW_MIN(strlen(e->message), most - before - 2);
    memmove(e->message + before + 2, e->message, after);
    memcpy(e->message, prefix, before);
    memcpy(e->message + before, ": ", 2);
    e->message[before + 2 + after] = '\0';
    return e->code;
}
