#include "base/buf.h"

#include "base/mem.h"

void gw_buf_init(gw_buf *b, size_t max)
{
    *b = (gw_buf){.max = max};
}

void gw_buf_free(gw_buf *b)
{
    gw_free(b->data);
    gw_buf_init(b, b->max);
}

void gw_buf_clear(gw_buf *b)
{
    b->len = 0;
    b->failed = 0;
    if (b->data)
        b->data[0] = '\0';
}

static bool reserve(gw_buf *b, size_t n)
{
    if (b->failed)
        return false;
    if (n > b->max - GW_MIN(b->len, b->max)) {
        b->failed = GW_ELIMIT;
        return false;
    }
    void *p = b->data;
    b->failed = gw_grow(&p, &b->cap, b->len + n + 1, 1, b->max + 1);
    b->data = p;
    return b->failed == 0;
}

void gw_buf_add(gw_buf *b, const void *p, size_t n)
{
    if (n == 0 || !reserve(b, n))
        return;
    memcpy(b->data + b->len, p, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void gw_buf_puts(gw_buf *b, const char *s)
{
    gw_buf_add(b, s, strlen(s));
}

void gw_buf_putc(gw_buf *b, char c)
{
    gw_buf_add(b, &c, 1);
}

void gw_buf_printf(gw_buf *b, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    va_end(ap);
    if (n < 0 && !b->failed)
        b->failed =
            GW_ELIMIT; /* longer than an int can say, or a character that the locale has no bytes for */
    if (n > 0 && reserve(b, (size_t)n)) {
        vsnprintf(b->data + b->len, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void gw_buf_drop(gw_buf *b, size_t n)
{
    n = GW_MIN(n, b->len);
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

int gw_buf_check(const gw_buf *b, const char *what, gw_error *e)
{
    if (b->failed == GW_ENOMEM)
        return gw_fail_memory(e);
    if (b->failed)
        return gw_fail(e, b->failed, "%s is larger than %zu bytes, the most that gpuwise takes", what,
                       b->max);
    return 0;
}
