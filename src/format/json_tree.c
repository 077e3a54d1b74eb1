#include "format/json_tree.h"

#include <math.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"

void gw_json_use_own_memory(void)
{
    json_set_alloc_funcs(gw_malloc, gw_free);
}

/* jansson refuses both bad UTF-8 and want of memory with NULL: this tells which it would be. */
static int check_text(gw_str s, gw_error *e)
{
    if (s.n && memchr(s.p, '\0', s.n))
        return gw_fail(e, GW_ECORRUPT, "a JSON text holds a NUL");
    for (size_t at = 0; at < s.n;) {
        size_t from = at;
        uint32_t c = gw_utf8_next(s, &at);
        if (c == GW_UTF8_REPLACEMENT && at - from == 1) /* a real U+FFFD takes three bytes */
            return gw_fail(e, GW_ECORRUPT, "a JSON text is no UTF-8");
    }
    return 0;
}

static bool must_skip(const gw_json_tree *t)
{
    const char *key = t->depth ? t->keys[t->depth - 1] : NULL;
    for (const char *const *s = t->skip; s && *s && key; s++)
        if (strcmp(*s, key) == 0)
            return true;
    return false;
}

static void drop_key(gw_json_tree *t)
{
    gw_free(t->keys[t->depth - 1]);
    t->keys[t->depth - 1] = NULL;
}

/* Puts a finished or just opened value where it belongs; takes the reference, NULL is want of memory. */
static int place(gw_json_tree *t, json_t *v, gw_error *e)
{
    if (v && ++t->values > GW_JSON_TREE_MAX_VALUES) {
        json_decref(v);
        return gw_fail(e, GW_ELIMIT, "more than %u values in one JSON document", GW_JSON_TREE_MAX_VALUES);
    }
    if (t->depth == 0) {
        t->root = v;
        return v ? 0 : gw_fail_memory(e);
    }
    json_t *in = t->open[t->depth - 1];
    int failed = json_is_object(in) ? json_object_set_new_nocheck(in, t->keys[t->depth - 1], v)
                                    : json_array_append_new(in, v);
    if (json_is_object(in))
        drop_key(t);
    return failed ? gw_fail_memory(e) : 0;
}

static int open_container(gw_json_tree *t, json_t *v, gw_error *e)
{
    int r = place(t, v, e);
    if (!r)
        t->open[t->depth++] = v;
    return r;
}

static int set_key(gw_json_tree *t, gw_str key, gw_error *e)
{
    int r = check_text(key, e);
    if (r)
        return r;
    char *copy = gw_malloc(key.n + 1);
    if (!copy)
        return gw_fail_memory(e);
    if (key.n)
        memcpy(copy, key.p, key.n);
    copy[key.n] = '\0';
    t->keys[t->depth - 1] = copy;
    return 0;
}

static int place_number(gw_json_tree *t, gw_str text, gw_error *e)
{
    int64_t whole;
    double v;
    if (gw_parse_int64(text, &whole))
        return place(t, json_integer(whole), e);
    if (!gw_parse_double(text, &v) || !isfinite(v))
        return gw_fail(e, GW_ECORRUPT, "\"%.*s\" is no number", (int)GW_MIN(text.n, (size_t)40), text.p);
    return place(t, json_real(v), e);
}

static int place_text(gw_json_tree *t, gw_str text, gw_error *e)
{
    int r = check_text(text, e);
    return r ? r : place(t, json_stringn_nocheck(text.n ? text.p : "", text.n), e);
}

/* Counts containers until the skipped one is closed. */
static int skip_token(gw_json_tree *t, gw_json_token token)
{
    if (token == GW_JSON_OBJECT_BEGIN || token == GW_JSON_ARRAY_BEGIN)
        t->skipping++;
    else if ((token == GW_JSON_OBJECT_END || token == GW_JSON_ARRAY_END) && --t->skipping == 0)
        drop_key(t);
    return 0;
}

static int on_token(void *ctx, gw_json_token token, gw_str text, gw_error *e)
{
    gw_json_tree *t = ctx;
    if (t->skipping)
        return skip_token(t, token);
    switch (token) {
    case GW_JSON_OBJECT_BEGIN:
    case GW_JSON_ARRAY_BEGIN:
        if (must_skip(t)) {
            t->skipping = 1;
            return 0;
        }
        return open_container(t, token == GW_JSON_OBJECT_BEGIN ? json_object() : json_array(), e);
    case GW_JSON_OBJECT_END:
    case GW_JSON_ARRAY_END:
        t->depth--;
        return 0;
    case GW_JSON_KEY:
        return set_key(t, text, e);
    case GW_JSON_STRING:
        return place_text(t, text, e);
    case GW_JSON_NUMBER:
        return place_number(t, text, e);
    case GW_JSON_TRUE:
        return place(t, json_true(), e);
    case GW_JSON_FALSE:
        return place(t, json_false(), e);
    case GW_JSON_NULL:
        return place(t, json_null(), e);
    }
    return gw_fail(e, GW_EINTERNAL, "an unknown JSON token");
}

void gw_json_tree_init(gw_json_tree *t, const char *const *skip)
{
    gw_json_use_own_memory();
    *t = (gw_json_tree){.skip = skip};
    gw_json_push_init(&t->push, on_token, t);
}

static void forget(gw_json_tree *t)
{
    for (size_t i = 0; i < GW_COUNT(t->keys); i++) {
        gw_free(t->keys[i]);
        t->keys[i] = NULL;
    }
    json_decref(t->root);
    t->root = NULL;
    t->depth = t->skipping = 0;
    t->values = 0;
}

void gw_json_tree_reset(gw_json_tree *t)
{
    forget(t);
    gw_json_push_reset(&t->push);
}

void gw_json_tree_free(gw_json_tree *t)
{
    forget(t);
    gw_json_push_free(&t->push);
}

int gw_json_tree_feed(gw_json_tree *t, const char *p, size_t n, gw_error *e)
{
    return gw_json_push_feed(&t->push, p, n, e);
}

int gw_json_tree_finish(gw_json_tree *t, json_t **ret, gw_error *e)
{
    int r = gw_json_push_finish(&t->push, e);
    if (r)
        return r;
    *ret = t->root;
    t->root = NULL;
    return 0;
}

int gw_json_tree_parse(gw_str text, json_t **ret, gw_error *e)
{
    gw_json_tree t;
    gw_json_tree_init(&t, NULL);
    int r = gw_json_tree_feed(&t, text.p, text.n, e);
    if (!r)
        r = gw_json_tree_finish(&t, ret, e);
    gw_json_tree_free(&t);
    return r == GW_ETIMEOUT ? gw_fail(e, GW_ECORRUPT, "the JSON text is cut off") : r;
}
