#include "fleet/selector.h"

typedef struct parser {
    gw_str text;
    size_t at;
    gw_arena *arena;
    gw_error *e;
} parser;

static int fail(const parser *p, const char *what)
{
    return gw_fail(p->e, GW_EUSAGE,
                   "label selector \"%.*s\", character %zu: %s; write it as name=value, name!=value, "
                   "name in (a,b), name or !name, with commas between",
                   (int)GW_MIN(p->text.n, 200), p->text.p, p->at + 1, what);
}

static char peek(const parser *p)
{
    return p->at < p->text.n ? p->text.p[p->at] : '\0';
}

static void skip_blanks(parser *p)
{
    while (peek(p) == ' ' || peek(p) == '\t')
        p->at++;
}

static bool take(parser *p, char c)
{
    skip_blanks(p);
    if (p->at >= p->text.n || peek(p) != c)
        return false;
    p->at++;
    return true;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '/' || (c & 0x80);
}

static gw_str word(parser *p)
{
    skip_blanks(p);
    size_t from = p->at;
    while (p->at < p->text.n && is_word(peek(p)))
        p->at++;
    return (gw_str){p->text.p + from, p->at - from};
}

static int set_values(parser *p, gw_requirement *r, gw_selector_how how, const gw_str *values, uint32_t n)
{
    r->how = how;
    r->values = GW_NEW_ARRAY(p->arena, const char *, n);
    if (!r->values)
        return gw_fail_memory(p->e);
    for (uint32_t i = 0; i < n; i++) {
        r->values[i] = gw_arena_strndup(p->arena, values[i].p, values[i].n);
        if (!r->values[i])
            return gw_fail_memory(p->e);
    }
    r->n_values = n;
    return 0;
}

static int read_set(parser *p, gw_requirement *r, gw_selector_how how)
{
    gw_str values[GW_SELECTOR_MAX_VALUES];
    uint32_t n = 0;
    if (!take(p, '('))
        return fail(p, "a list in parentheses is missing here");
    do {
        if (n == GW_SELECTOR_MAX_VALUES)
            return gw_fail(p->e, GW_ELIMIT, "label selector: more than %d values for \"%s\"",
                           GW_SELECTOR_MAX_VALUES, r->name);
        values[n++] = word(p);
    } while (take(p, ','));
    if (!take(p, ')'))
        return fail(p, "\")\" is missing here");
    return set_values(p, r, how, values, n);
}

static int read_requirement(parser *p, gw_requirement *r)
{
    bool missing = take(p, '!');
    gw_str name = word(p);
    if (name.n == 0)
        return fail(p, "the name of a label is missing here");
    r->name = gw_arena_strndup(p->arena, name.p, name.n);
    if (!r->name)
        return gw_fail_memory(p->e);
    if (missing) {
        r->how = GW_SELECTOR_MISSING;
        return 0;
    }
    if (take(p, '!')) {
        if (peek(p) != '=')
            return fail(p, "\"=\" is missing behind \"!\"");
        p->at++;
        gw_str v = word(p);
        return set_values(p, r, GW_SELECTOR_NOT_IN, &v, 1);
    }
    if (take(p, '=')) {
        if (peek(p) == '=')
            p->at++;
        gw_str v = word(p);
        return set_values(p, r, GW_SELECTOR_IN, &v, 1);
    }
    gw_str how = word(p);
    if (gw_str_is(how, "in"))
        return read_set(p, r, GW_SELECTOR_IN);
    if (gw_str_is(how, "notin"))
        return read_set(p, r, GW_SELECTOR_NOT_IN);
    if (how.n)
        return fail(p, "neither \"in\" nor \"notin\" stands before this");
    r->how = GW_SELECTOR_EXISTS;
    return 0;
}

int gw_selector_parse(gw_str text, gw_arena *arena, gw_selector *ret, gw_error *e)
{
    gw_requirement found[GW_SELECTOR_MAX_REQUIREMENTS] = {0};
    parser p = {text, 0, arena, e};
    uint32_t n = 0;
    skip_blanks(&p);
    while (p.at < text.n || n) {
        if (n == GW_SELECTOR_MAX_REQUIREMENTS)
            return gw_fail(e, GW_ELIMIT, "label selector: more than %d requirements",
                           GW_SELECTOR_MAX_REQUIREMENTS);
        int r = read_requirement(&p, &found[n]);
        if (r)
            return r;
        n++;
        skip_blanks(&p);
        if (p.at == text.n)
            break;
        if (!take(&p, ','))
            return fail(&p, "a comma is missing here");
    }
    gw_requirement *kept = n ? GW_NEW_ARRAY(arena, gw_requirement, n) : NULL;
    if (n && !kept)
        return gw_fail_memory(e);
    if (n)
        memcpy(kept, found, n * sizeof(*kept));
    *ret = (gw_selector){kept, n};
    return 0;
}

static bool holds(const gw_requirement *r, const char *value)
{
    if (r->how == GW_SELECTOR_EXISTS || r->how == GW_SELECTOR_MISSING)
        return (value != NULL) == (r->how == GW_SELECTOR_EXISTS);
    bool listed = false;
    for (uint32_t i = 0; value && i < r->n_values && !listed; i++)
        listed = strcmp(value, r->values[i]) == 0;
    return listed == (r->how == GW_SELECTOR_IN);
}

bool gw_selector_matches_with(const gw_selector *s, const char *(*get)(void *ctx, const char *name),
                              void *ctx)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (!holds(&s->requirements[i], get(ctx, s->requirements[i].name)))
            return false;
    return true;
}

bool gw_selector_matches(const gw_selector *s, const gw_labels *labels)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (!holds(&s->requirements[i], gw_labels_get(labels, s->requirements[i].name)))
            return false;
    return true;
}
