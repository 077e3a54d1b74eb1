/* The page: see hour.h. Its body is described at put_body(). */
#include "base/mem.h"
#include "store/leaves.h"

static const gw_pack_kind kind = {.magic = "GWPG", .what = "page of an hour", .version = 1, .deflated = true};

/*
 * cluster; start / an hour; observed, relative to the start; number of texts of the base; texts of its own;
 * number of leaves; kinds; for each dimension the texts' numbers (the base's come first) as differences down
 * the column; what the nodes cost an hour, as differences; the measures.
 */
static void put_body(const gw_hour *h, const gw_leaf_texts *t, const gw_texts *base, const uint32_t *number,
                     const gw_texts *own, gw_buf *b)
{
    gw_pack_text(b, gw_str_of(h->cluster));
    gw_varint_put(b, (uint64_t)(h->start_ms / GW_HOUR_MS));
    gw_varint_put(b, gw_zigzag((int64_t)((uint64_t)h->observed.start_ms - (uint64_t)h->start_ms)));
    gw_varint_put(b, gw_zigzag((int64_t)((uint64_t)h->observed.end_ms - (uint64_t)h->start_ms)));
    gw_varint_put(b, base ? gw_texts_n(base) : 0);
    gw_texts_put(own, 0, b);
    gw_writer w;
    w.b = b;
    w.n = 0;
    gw_write_varint(&w, t->n);
    for (size_t i = 0; i < t->n; i++)
        gw_write_varint(&w, (uint64_t)h->leaves[i].kind);
    for (size_t d = 0; d < GW_N_TEXT_DIMS; d++) {
        int64_t before = 0;
        for (size_t i = 0; i < t->n; i++) {
            int64_t id = number[t->ids[d * t->n + i]];
            gw_write_signed(&w, id - before);
            before = id;
        }
    }
    uint64_t before = 0;
    for (size_t i = 0; i < t->n; i++) {
        gw_write_signed(&w, (int64_t)((uint64_t)h->leaves[i].node_hourly - before));
        before = (uint64_t)h->leaves[i].node_hourly;
    }
    gw_writer_flush(&w);
    if (t->n)
        gw_measures_put(b, &h->leaves[0].m, sizeof(h->leaves[0]), t->n);
}

/* For each text of the hour its number in the page; those that the base lacks are added to `own`. */
static int number_texts(const gw_leaf_texts *t, const gw_texts *base, uint32_t *number, gw_texts *own,
                        gw_error *e)
{
    size_t n_base = base ? gw_texts_n(base) : 0;
    uint32_t near = 0;
    for (uint32_t i = 0; i < gw_texts_n(&t->texts); i++) {
        gw_str s = gw_texts_at(&t->texts, i);
        number[i] = base ? gw_texts_find(base, s, &near) : GW_NONE;
        if (number[i] != GW_NONE)
            continue;
        int rc = gw_texts_add(own, s, &number[i], e);
        if (rc)
            return rc;
        number[i] += (uint32_t)n_base;
    }
    return 0;
}

int gw_page_put(const gw_hour *h, const gw_leaf_texts *t, const gw_texts *base, uint32_t base_number,
                gw_buf *b, gw_error *e)
{
    gw_texts own;
    gw_buf body;
    uint32_t *number = gw_malloc(GW_MAX(gw_texts_n(&t->texts), (size_t)1) * sizeof(*number));
    if (!number)
        return gw_fail_memory(e);
    gw_texts_init(&own);
    gw_buf_init(&body, GW_PACK_BODY_MAX);
    int rc = number_texts(t, base, number, &own, e);
    if (rc == 0) {
        put_body(h, t, base, number, &own, &body);
        rc = gw_pack(&kind, &body, base_number, b, e);
    }
    gw_buf_free(&body);
    gw_texts_free(&own);
    gw_free(number);
    return rc;
}

int gw_page_write(const gw_hour *h, gw_buf *b, gw_error *e)
{
    gw_leaf_texts t;
    int rc = gw_leaf_texts_make(h, &t, e);
    if (rc)
        return rc;
    rc = gw_page_put(h, &t, NULL, 0, b, e);
    gw_leaf_texts_free(&t);
    return rc;
}

/* ---- reading ---- */

static int corrupt(gw_error *e, const char *what)
{
    return gw_fail(e, GW_ECORRUPT, "%s: %s", kind.what, what);
}

/* Texts of base and page, one behind the other, in the arena: a leaf outlives the base. */
static int get_texts(gw_cursor *c, const gw_texts *base, gw_arena *arena, const char ***ret, size_t *ret_n,
                     gw_error *e)
{
    uint64_t n_base = gw_varint(c), n_own = gw_varint(c);
    if (c->bad || n_base != (base ? gw_texts_n(base) : 0) || n_own > (uint64_t)(c->end - c->p))
        return corrupt(e, "the number of its texts is wrong");
    size_t n = (size_t)(n_base + n_own);
    const char **text = gw_arena_alloc(arena, n * sizeof(*text));
    if (!text)
        return gw_fail_memory(e);
    for (size_t i = 0; i < n; i++) {
        gw_str s = i < n_base ? gw_texts_at(base, (uint32_t)i) : gw_unpack_text(c);
        if (c->bad)
            return corrupt(e, "a text is cut off");
        text[i] = s.n ? gw_arena_strndup(arena, s.p, s.n) : "";
        if (!text[i])
            return gw_fail_memory(e);
    }
    *ret = text;
    *ret_n = n;
    return 0;
}

static int get_columns(gw_cursor *c, gw_hour *h, const char **text, size_t n_texts, gw_error *e)
{
    for (size_t i = 0; i < h->n_leaves; i++) {
        h->leaves[i].kind = c->p < c->end ? *c->p++ : GW_LEAF_OVERHEAD + 1;
        if (h->leaves[i].kind > GW_LEAF_OVERHEAD)
            return corrupt(e, "a leaf is of no kind that there is");
        h->leaves[i].dim[GW_DIM_CLUSTER] = h->cluster;
    }
    for (size_t d = 1; d < GW_N_LEAF_DIMS; d++) {
        uint64_t id = 0;
        for (size_t i = 0; i < h->n_leaves; i++) {
            id += (uint64_t)gw_signed(c);
            if (c->bad || id >= n_texts)
                return corrupt(e, "a leaf names a text that is not there");
            h->leaves[i].dim[d] = text[id];
        }
    }
    uint64_t hourly = 0;
    for (size_t i = 0; i < h->n_leaves; i++) {
        hourly += (uint64_t)gw_signed(c);
        h->leaves[i].node_hourly = (int64_t)hourly;
    }
    if (h->n_leaves)
        gw_measures_get(c, &h->leaves[0].m, sizeof(h->leaves[0]), h->n_leaves);
    return c->bad || c->p != c->end ? corrupt(e, "it is shorter or longer than its leaves") : 0;
}

/* Every number of a leaf takes a byte at least, which bounds what a page may state. */
#define LEAF_BYTES_MIN (1 + GW_N_TEXT_DIMS + 1 + GW_N_MEASURES)

static int get_body(gw_cursor *c, const gw_texts *base, gw_arena *arena, gw_hour *ret, gw_error *e)
{
    gw_hour h = {.arena = arena};
    const char **text = NULL;
    size_t n_texts = 0;
    gw_str cluster = gw_unpack_text(c);
    uint64_t hour = gw_varint(c);
    if (c->bad || cluster.n == 0 || cluster.n > GW_CLUSTER_BYTES_MAX || hour > INT64_MAX / GW_HOUR_MS)
        return corrupt(e, "it names no cluster or no hour");
    h.start_ms = (int64_t)hour * GW_HOUR_MS;
    h.observed.start_ms = (int64_t)((uint64_t)h.start_ms + (uint64_t)gw_signed(c));
    h.observed.end_ms = (int64_t)((uint64_t)h.start_ms + (uint64_t)gw_signed(c));
    h.cluster = gw_arena_strndup(arena, cluster.p, cluster.n);
    if (!h.cluster)
        return gw_fail_memory(e);
    int rc = get_texts(c, base, arena, &text, &n_texts, e);
    if (rc)
        return rc;
    uint64_t n = gw_varint(c);
    if (n > GW_HOUR_LEAVES_MAX || n > (uint64_t)(c->end - c->p) / LEAF_BYTES_MIN)
        return corrupt(e, "it states more leaves than it has bytes for");
    h.n_leaves = (size_t)n;
    h.leaves = GW_NEW_ARRAY(arena, gw_hour_leaf, h.n_leaves);
    if (!h.leaves)
        return gw_fail_memory(e);
    rc = get_columns(c, &h, text, n_texts, e);
    if (rc)
        return rc;
    h.total = gw_hour_sum(&h);
    *ret = h;
    return 0;
}

int gw_page_get(const void *bytes, size_t n, const gw_texts *base, uint32_t base_number, gw_arena *arena,
                gw_hour *ret, gw_error *e)
{
    gw_unpacked u;
    int rc = gw_unpack(&kind, bytes, n, &u, e);
    if (rc)
        return rc;
    gw_cursor c = {u.body, u.body + u.n, false};
    if (u.number != (base ? base_number : 0))
        rc = corrupt(e, "it was written with another list of texts than the one at hand");
    else
        rc = get_body(&c, base, arena, ret, e);
    gw_unpacked_free(&u);
    return rc;
}

int gw_page_read(const void *bytes, size_t n, gw_arena *arena, gw_hour *ret, gw_error *e)
{
    return gw_page_get(bytes, n, NULL, 0, arena, ret, e);
}
