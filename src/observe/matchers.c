#include "observe/matchers.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static const char *skip_blanks(const char *p)
{
    while (is_blank(*p))
        p++;
    return p;
}

static bool is_name(char c, bool first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (!first && c >= '0' && c <= '9');
}

static bool take_type(const char **p, gw_match_type *ret)
{
    static const struct {
        const char *text;
        gw_match_type type;
    } types[] = {{"=~", GW_MATCH_RE}, {"!~", GW_MATCH_NRE}, {"!=", GW_MATCH_NE}, {"=", GW_MATCH_EQ}};
    for (size_t i = 0; i < GW_COUNT(types); i++) {
        if (gw_has_prefix(*p, types[i].text)) {
            *p += strlen(types[i].text);
            *ret = types[i].type;
            return true;
        }
    }
    return false;
}

/* A quoted string at *p, unescaped into out (which has room for the rest of the text). */
static bool take_string(const char **p, char *out)
{
    char quote = **p;
    if (quote != '"' && quote != '\'')
        return false;
    const char *s = *p + 1;
    for (; *s && *s != quote; s++) {
        char c = *s;
        if (c == '\\') {
            static const char from[] = "\\\"'nt", to[] = "\\\"'\n\t";
            s++;
            const char *known = *s ? strchr(from, *s) : NULL;
            if (!known)
                return false;
            c = to[known - from];
        }
        *out++ = c;
    }
    *out = '\0';
    if (!*s)
        return false;
    *p = s + 1;
    return true;
}

static int wrong(gw_error *e, const char *text, const char *at, const char *expected)
{
    return gw_fail(
        e, GW_EUSAGE,
        "matchers '%s': %s expected at character %zu; write them as in PromQL: cluster=\"a\",job=~\"x|y\"",
        text, expected, (size_t)(at - text) + 1);
}

int gw_matchers_parse(const char *text, gw_arena *a, gw_matcher *ret, size_t max, size_t *ret_n, gw_error *e)
{
    const char *p = skip_blanks(text);
    bool braces = *p == '{';
    if (braces)
        p = skip_blanks(p + 1);
    size_t n = 0;
    while (*p && *p != '}') {
        const char *name = p;
        while (is_name(*p, p == name))
            p++;
        if (p == name)
            return wrong(e, text, p, "a label name");
        if (n == max)
            return gw_fail(e, GW_EUSAGE, "matchers '%s': more than %zu", text, max);
        gw_matcher m = {0};
        m.name = gw_arena_strndup(a, name, (size_t)(p - name));
        char *value = gw_arena_alloc(a, strlen(p) + 1);
        if (!m.name || !value)
            return gw_fail_memory(e);
        p = skip_blanks(p);
        if (!take_type(&p, &m.type))
            return wrong(e, text, p, "=, !=, =~ or !~");
        p = skip_blanks(p);
        if (!take_string(&p, value))
            return wrong(e, text, p, "a quoted value");
        m.value = value;
        ret[n++] = m;
        p = skip_blanks(p);
        if (*p == ',')
            p = skip_blanks(p + 1);
        else if (*p && *p != '}')
            return wrong(e, text, p, "a comma");
    }
    if (braces != (*p == '}') || (braces && *skip_blanks(p + 1)))
        return wrong(e, text, p, braces ? "} at the end" : "no }");
    *ret_n = n;
    return 0;
}

void gw_matchers_write(gw_buf *b, const gw_matcher *m, size_t n)
{
    static const char *const types[] = {"=", "!=", "=~", "!~"};
    for (size_t i = 0; i < n; i++) {
        gw_buf_puts(b, i ? "," : "");
        gw_buf_puts(b, m[i].name);
        gw_buf_puts(b, types[m[i].type]);
        gw_buf_putc(b, '"');
        for (const char *s = m[i].value; *s; s++) {
            if (*s == '"' || *s == '\\')
                gw_buf_putc(b, '\\');
            gw_buf_puts(b, *s == '\n' ? "\\n" : (char[]){*s, '\0'});
        }
        gw_buf_putc(b, '"');
    }
}
