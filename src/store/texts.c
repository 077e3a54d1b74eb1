#include "store/texts.h"

#include "base/utf8.h"
#include "store/pack.h"

static const gw_pack_kind kind = {.magic = "GWTX", .what = "list of texts", .version = 1, .deflated = true};

void gw_texts_init(gw_texts *t)
{
    gw_map_init(&t->map);
    t->bytes = 0;
}

void gw_texts_free(gw_texts *t)
{
    gw_map_free(&t->map);
    t->bytes = 0;
}

static bool is_ascii(gw_str s)
{
    unsigned char all = 0;
    for (size_t i = 0; i < s.n; i++)
        all |= (unsigned char)s.p[i];
    return all < 0x80;
}

/* The text with U+FFFD where bytes are no character. A text that holds none keeps its bytes. */
static void clean(gw_str s, gw_buf *b)
{
    for (size_t at = 0; at < s.n;) {
        char c[4];
        gw_buf_add(b, c, gw_utf8_put(gw_utf8_next(s, &at), c));
    }
}

static int add_clean(gw_texts *t, gw_str s, uint32_t *ret_id, gw_error *e)
{
    uint32_t id = gw_map_get(&t->map, s);
    if (id == GW_NONE) {
        if (t->map.n >= GW_TEXTS_MAX)
            return gw_fail(e, GW_ELIMIT, "more than %zu different texts in one hour", GW_TEXTS_MAX);
        id = (uint32_t)t->map.n;
        if (gw_map_set(&t->map, s, id))
            return gw_fail_memory(e);
        t->bytes += s.n;
    }
    *ret_id = id;
    return 0;
}

int gw_texts_add(gw_texts *t, gw_str s, uint32_t *ret_id, gw_error *e)
{
    if (s.n > GW_TEXT_BYTES_MAX)
        return gw_fail(e, GW_ELIMIT, "a name of %zu bytes; the store takes %zu", s.n, GW_TEXT_BYTES_MAX);
    if (is_ascii(s))
        return add_clean(t, s, ret_id, e);
    gw_buf b;
    gw_buf_init(&b, 3 * GW_TEXT_BYTES_MAX);
    clean(s, &b);
    int rc = gw_buf_check(&b, "a name", e);
    if (rc == 0)
        rc = add_clean(t, (gw_str){b.data, b.len}, ret_id, e);
    gw_buf_free(&b);
    return rc;
}

uint32_t gw_texts_find(const gw_texts *t, gw_str s, uint32_t *near)
{
    uint32_t id = *near;
    if (id >= t->map.n || !gw_str_eq(gw_texts_at(t, id), s))
        id = gw_map_get(&t->map, s);
    /* after one that is not there, the next is most likely behind the one that stood in its place */
    *near = id == GW_NONE ? *near + 1 : id + 1;
    return id;
}

void gw_texts_put(const gw_texts *t, size_t from, gw_buf *b)
{
    gw_varint_put(b, t->map.n - from);
    for (size_t i = from; i < t->map.n; i++)
        gw_pack_text(b, gw_texts_at(t, (uint32_t)i));
}

int gw_texts_write(const gw_texts *t, gw_buf *b, gw_error *e)
{
    gw_buf body;
    gw_buf_init(&body, GW_PACK_BODY_MAX);
    gw_texts_put(t, 0, &body);
    int rc = gw_pack(&kind, &body, 0, b, e);
    gw_buf_free(&body);
    return rc;
}

int gw_texts_read(const void *bytes, size_t n, gw_texts *ret, gw_error *e)
{
    gw_unpacked u;
    gw_texts t;
    int rc = gw_unpack(&kind, bytes, n, &u, e);
    if (rc)
        return rc;
    gw_cursor c = {u.body, u.body + u.n, false};
    gw_texts_init(&t);
    uint64_t count = gw_varint(&c);
    for (uint64_t i = 0; rc == 0 && i < count && !c.bad; i++) {
        gw_str s = gw_unpack_text(&c);
        uint32_t id = 0;
        if (!c.bad)
            rc = add_clean(&t, s, &id, e);
        if (rc == 0 && !c.bad && id != i)
            rc = gw_fail(e, GW_ECORRUPT, "%s: a text stands there twice", kind.what);
    }
    if (rc == 0 && (c.bad || c.p != c.end))
        rc = gw_fail(e, GW_ECORRUPT, "%s: does not hold what it states", kind.what);
    gw_unpacked_free(&u);
    if (rc)
        gw_texts_free(&t);
    else
        *ret = t;
    return rc;
}
