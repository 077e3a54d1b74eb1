/*
 * What every file of gpuwise may rely on: the libc headers, the banned functions, errors, text slices.
 */
#ifndef GW_BASE_BASE_H
#define GW_BASE_BASE_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"
#include "base/error.h"

#define GW_COUNT(a)  (sizeof(a) / sizeof((a)[0]))
#define GW_MIN(a, b) ((a) < (b) ? (a) : (b))
#define GW_MAX(a, b) ((a) > (b) ? (a) : (b))
#define GW_UNUSED(x) ((void)(x))

/* A slice of text that somebody else owns; not NUL-terminated. */
typedef struct gw_str {
    const char *p;
    size_t n;
} gw_str;

/* "%.*s" arguments of a slice. */
#define GW_STR_ARG(s) (int)(s).n, (s).p

static inline gw_str gw_str_of(const char *s)
{
    return (gw_str){s, s ? strlen(s) : 0};
}

static inline bool gw_str_eq(gw_str a, gw_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool gw_str_is(gw_str a, const char *b)
{
    return gw_str_eq(a, gw_str_of(b));
}

/* NULL-safe equality of C strings; two NULLs are equal. */
static inline bool gw_eq(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static inline bool gw_has_prefix(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

#endif
