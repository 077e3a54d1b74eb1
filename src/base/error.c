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
    char old[GW_ERROR_MESSAGE_MAX];
    memcpy(old, e->message, sizeof(old));
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(e->message, sizeof(e->message), format, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(e->message))
        snprintf(e->message + n, sizeof(e->message) - (size_t)n, ": %s", old);
    return e->code;
}
