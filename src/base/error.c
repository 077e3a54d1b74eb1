#include "base/base.h"
#include "base/utf8.h"

/* Where the message had to be cut inside a character, takes away the pieces of it. */
static void cut_at_character(char *message)
{
    size_t n = strlen(message), start = n;
    while (start > 0 && n - start < 3 && ((unsigned char)message[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)message[start - 1] < 0xC0)
        return;
    size_t at = start - 1;
    if (gw_utf8_next((gw_str){message, n}, &at) == GW_UTF8_REPLACEMENT)
        message[start - 1] = '\0';
}

int gw_fail(gw_error *e, int code, const char *format, ...)
{
    if (!e)
        return code;
    e->code = code;
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(e->message, sizeof(e->message), format, ap);
    va_end(ap);
    if (n >= (int)sizeof(e->message))
        cut_at_character(e->message);
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
    size_t old = strlen(e->message), after = GW_MIN(old, most - before - 2);
    memmove(e->message + before + 2, e->message, after);
    memcpy(e->message, prefix, before);
    memcpy(e->message + before, ": ", 2);
    e->message[before + 2 + after] = '\0';
    if (after < old)
        cut_at_character(e->message);
    return e->code;
}
