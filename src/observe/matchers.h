/*
 * Label matchers: what a query selects. Read from the text that PromQL writes between braces, written as
 * PromQL, and put into remote-read queries.
 */
#ifndef GW_OBSERVE_MATCHERS_H
#define GW_OBSERVE_MATCHERS_H

#include "base/buf.h"
#include "base/mem.h"

#define GW_MATCHERS_MAX 64

/* The numbers are those of prometheus.LabelMatcher.Type. */
typedef enum gw_match_type {
    GW_MATCH_EQ = 0,
    GW_MATCH_NE = 1,
    GW_MATCH_RE = 2,
    GW_MATCH_NRE = 3
} gw_match_type;

typedef struct gw_matcher {
    gw_match_type type;
    const char *name, *value; /* value unescaped */
} gw_matcher;

/*
 * Reads `cluster="a",prometheus=~"x|y"` (a comma at the end and braces around it are fine; single quotes,
 * too; escapes
 * \\ \" \' \n \t). At most max matchers go to ret; texts go to the arena. GW_EUSAGE with the position.
 */
int gw_matchers_parse(const char *text, gw_arena *a, gw_matcher *ret, size_t max, size_t *ret_n, gw_error *e);

/* Appends `name="value",…` without braces. */
void gw_matchers_write(gw_buf *b, const gw_matcher *m, size_t n);

#endif
