#include "observe/record_store.h"

#include "base/map.h"
#include "base/mem.h"
#include "format/om.h"

#define OUT_BYTES  ((size_t)256 * 1024) /* handed on at once */
#define PIECE_MAX  32                   /* the longest encoding of one sample, with a repeat before it */
#define SERIES_MAX ((size_t)1 << 26)

/*
 * A series' samples as a row of tokens, each a varint u:
 *   u = 2n             n samples more, each with the same interval and the same value as the one before
 *   u = 4z + 2c + 1    one sample; z is the zigzagged change of the interval; c: the value changes, and
 *                      follows: a byte 16 l + k, then the k lowest bytes of (old XOR new) behind its l
 * leading zero bytes, the highest first; zero bytes at the end are left out
 */
typedef struct stored {
    uint8_t *data;
    size_t n, cap;
    int64_t t_ms, step_ms;
    uint64_t value;  /* bits */
    uint64_t repeat; /* samples of a repeat token that is not written yet */
    uint64_t count;
} stored;

struct gw_record_store {
    gw_series_sink sink;
    gw_anon *anon;
    gw_interval range;
    gw_map keys; /* `name{…} ` -> index into series */
    stored *series;
    size_t n_series, cap_series;
    size_t bytes, max_bytes;
    bool full;
    uint64_t samples;
    gw_buf text; /* of the series being announced */
    gw_label labels[GW_SERIES_MAX_LABELS];
};

/* ---- encoding ---- */

static size_t put_varint(uint8_t *p, uint64_t u)
{
    size_t n = 0;
    for (; u >= 0x80; u >>= 7)
        p[n++] = (uint8_t)(u | 0x80);
    p[n++] = (uint8_t)u;
    return n;
}

static size_t put_value(uint8_t *p, uint64_t x)
{
    unsigned lead = (unsigned)__builtin_clzll(x) / 8, trail = (unsigned)__builtin_ctzll(x) / 8;
    unsigned k = 8 - lead - trail;
    p[0] = (uint8_t)(lead << 4 | k);
    for (unsigned i = 0; i < k; i++)
        p[1 + i] = (uint8_t)(x >> (56 - 8 * (lead + i)));
    return 1 + k;
}

static int reserve(gw_record_store *s, stored *d, gw_error *e)
{
    size_t cap = d->cap;
    void *p = d->data;
    int rc = gw_grow(&p, &d->cap, d->n + PIECE_MAX, 1, s->max_bytes);
    d->data = p;
    if (rc == GW_ENOMEM)
        return gw_fail_memory(e);
    s->bytes += d->cap - cap;
    if (rc || s->bytes > s->max_bytes) {
        s->full = true;
        return gw_fail(e, GW_ELIMIT, "more than %zu bytes of samples in one slice", s->max_bytes);
    }
    return 0;
}

static int add_sample(gw_record_store *s, stored *d, int64_t t_ms, uint64_t value, gw_error *e)
{
    if (d->count && t_ms <= d->t_ms)
        return 0;
    int64_t step = t_ms - d->t_ms, change = step - d->step_ms;
    uint64_t x = value ^ d->value;
    if (d->count && change == 0 && x == 0) {
        d->repeat++;
    } else {
        int rc = reserve(s, d, e);
        if (rc)
            return rc;
        if (d->repeat)
            d->n += put_varint(d->data + d->n, d->repeat << 1);
        d->repeat = 0;
        uint64_t zigzag = (uint64_t)change << 1 ^ (uint64_t)(change >> 63);
        d->n += put_varint(d->data + d->n, zigzag << 2 | (x != 0) << 1 | 1);
        if (x)
            d->n += put_value(d->data + d->n, x);
    }
    d->t_ms = t_ms;
    d->step_ms = step;
    d->value = value;
    d->count++;
    s->samples++;
    return 0;
}

/* Decoding: the samples one by one. */
typedef struct cursor {
    const uint8_t *p;
    uint64_t left, repeat, tail; /* tail: the repeat that has no token yet */
    int64_t t_ms, step_ms;
    uint64_t value;
} cursor;

static uint64_t take_varint(const uint8_t **p)
{
    uint64_t u = 0;
    for (unsigned shift = 0;; shift += 7) {
        uint8_t b = *(*p)++;
        u |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return u;
    }
}

static bool next_sample(cursor *c, int64_t *t_ms, double *value)
{
    if (c->left == 0)
        return false;
    c->left--;
    if (c->repeat == 0 && c->left + 1 > c->tail) {
        uint64_t u = take_varint(&c->p);
        if (!(u & 1)) {
            c->repeat = u >> 1;
        } else {
            c->step_ms += (int64_t)(u >> 3) ^ -(int64_t)(u >> 2 & 1);
            if (u & 2) {
                unsigned lead = *c->p >> 4, k = *c->p & 15;
                c->p++;
                for (unsigned i = 0; i < k; i++)
                    c->value ^= (uint64_t)*c->p++ << (56 - 8 * (lead + i));
            }
        }
    }
    if (c->repeat)
        c->repeat--;
    c->t_ms += c->step_ms;
    *t_ms = c->t_ms;
    memcpy(value, &c->value, sizeof(*value));
    return true;
}

/* ---- the sink ---- */

static int by_name(const void *a, const void *b)
{
    const gw_label *x = a, *y = b;
    int c = memcmp(x->name.p, y->name.p, GW_MIN(x->name.n, y->name.n));
    return c ? c : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

/* The labels with values, replaced where names are, in order of their names: one text for one series. */
static int series_text(gw_record_store *s, const gw_label *labels, size_t n, gw_error *e)
{
    size_t kept = 0;
    if (n > GW_SERIES_MAX_LABELS)
        return gw_fail(e, GW_ELIMIT, "a series with more than %d labels", GW_SERIES_MAX_LABELS);
    for (size_t i = 0; i < n; i++) {
        if (labels[i].value.n)
            s->labels[kept++] = labels[i];
    }
    if (s->anon) {
        int rc = gw_anon_labels(s->anon, s->labels, kept, e);
        if (rc)
            return rc;
    }
    qsort(s->labels, kept, sizeof(*s->labels), by_name);
    gw_buf_clear(&s->text);
    gw_om_write_series(&s->text, s->labels, kept);
    return gw_buf_check(&s->text, "a series", e);
}

static int add_series(gw_record_store *s, gw_str key, gw_error *e)
{
    void *p = s->series;
    int rc = gw_grow(&p, &s->cap_series, s->n_series + 1, sizeof(*s->series), SERIES_MAX);
    s->series = p;
    if (rc == 0 && gw_map_set(&s->keys, key, (uint32_t)s->n_series))
        rc = GW_ENOMEM;
    if (rc == GW_ENOMEM)
        return gw_fail_memory(e);
    s->bytes += key.n + sizeof(stored) + sizeof(gw_map_entry);
    if (rc || s->bytes > s->max_bytes) {
        s->full = true;
        return gw_fail(e, GW_ELIMIT, "more than %zu bytes of series in one slice", s->max_bytes);
    }
    s->series[s->n_series++] = (stored){0};
    return 0;
}

static int on_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    gw_record_store *s = ctx;
    int rc = series_text(s, labels, n, e);
    if (rc)
        return rc;
    gw_str key = {s->text.data, s->text.len};
    uint32_t i = gw_map_get(&s->keys, key);
    if (i == GW_NONE) {
        i = (uint32_t)s->n_series;
        rc = add_series(s, key, e);
        if (rc)
            return rc;
    }
    *ret = (void *)((uintptr_t)i + 1); /* the array moves as it grows; 0 is GW_SERIES_SKIP */
    return 0;
}

static int on_samples(void *ctx, void *series, const int64_t *t_ms, const double *value, size_t n,
                      gw_error *e)
{
    gw_record_store *s = ctx;
    stored *d = &s->series[(uintptr_t)series - 1];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &value[i], sizeof(bits));
        if (t_ms[i] >= s->range.start_ms && t_ms[i] < s->range.end_ms)
            rc = add_sample(s, d, t_ms[i], bits, e);
    }
    return rc;
}

gw_record_store *gw_record_store_new(size_t max_bytes, gw_anon *anon)
{
    gw_record_store *s = gw_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->sink = (gw_series_sink){s, on_series, on_samples};
    s->anon = anon;
    s->max_bytes = max_bytes;
    gw_map_init(&s->keys);
    gw_buf_init(&s->text, GW_OM_LINE_MAX - 128); /* a sample's line must be readable again */
    return s;
}

void gw_record_store_begin(gw_record_store *s, gw_interval range)
{
    for (size_t i = 0; i < s->n_series; i++)
        gw_free(s->series[i].data);
    gw_free(s->series);
    s->series = NULL;
    s->n_series = s->cap_series = s->bytes = 0;
    s->full = false;
    s->samples = 0;
    gw_map_free(&s->keys);
    s->range = range;
}

void gw_record_store_free(gw_record_store *s)
{
    if (!s)
        return;
    gw_record_store_begin(s, (gw_interval){0, 0});
    gw_buf_free(&s->text);
    gw_free(s);
}

const gw_series_sink *gw_record_store_sink(const gw_record_store *s)
{
    return &s->sink;
}

bool gw_record_store_full(const gw_record_store *s)
{
    return s->full;
}

uint64_t gw_record_store_series(const gw_record_store *s)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_series; i++)
        n += s->series[i].count > 0;
    return n;
}

uint64_t gw_record_store_samples(const gw_record_store *s)
{
    return s->samples;
}

/* ---- writing ---- */

typedef struct ordered {
    size_t family; /* place in the list of families */
    gw_str text, name;
    const stored *series;
} ordered;

static int compare_text(gw_str a, gw_str b)
{
    int c = memcmp(a.p, b.p, GW_MIN(a.n, b.n));
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

static int by_family(const void *a, const void *b)
{
    const ordered *x = a, *y = b;
    if (x->family != y->family)
        return x->family < y->family ? -1 : 1;
    int c = compare_text(x->name, y->name);
    return c ? c : compare_text(x->text, y->text);
}

/* The metric's name in `name{…} `; a name in quotes stays as the text has it, for telling families apart. */
static gw_str name_of(gw_str text)
{
    const char *end = memchr(text.p, *text.p == '{' ? ',' : '{', text.n);
    size_t n = end ? (size_t)(end - text.p) : text.n - 1;
    return (gw_str){text.p, n};
}

static ordered *put_in_order(const gw_record_store *s, const char *const *families, size_t *ret_n)
{
    ordered *o = gw_malloc((s->n_series + 1) * sizeof(*o));
    size_t n = 0;
    for (size_t i = 0; o && i < s->n_series; i++) {
        if (s->series[i].count == 0)
            continue;
        gw_str text = {s->keys.entries[i].key, s->keys.entries[i].key_len}, name = name_of(text);
        size_t f = 0;
        while (families[f] && !gw_str_is(name, families[f]))
            f++;
        o[n++] = (ordered){f, text, name, &s->series[i]};
    }
    if (n)
        qsort(o, n, sizeof(*o), by_family);
    *ret_n = n;
    return o;
}

static int hand_on(gw_buf *b, size_t at_least, gw_bytes_fn out, void *ctx, gw_error *e)
{
    int rc = gw_buf_check(b, "a piece of the recording", e);
    if (rc || b->len < at_least)
        return rc;
    rc = out(ctx, b->data, b->len, e);
    gw_buf_clear(b);
    return rc;
}

static int write_series(const ordered *o, gw_buf *b, gw_bytes_fn out, void *ctx, gw_error *e)
{
    cursor c = {.p = o->series->data, .left = o->series->count, .tail = o->series->repeat};
    int64_t t_ms;
    double value;
    int rc = 0;
    while (rc == 0 && next_sample(&c, &t_ms, &value)) {
        gw_buf_add(b, o->text.p, o->text.n);
        gw_om_write_point(b, t_ms, value);
        rc = hand_on(b, OUT_BYTES, out, ctx, e);
    }
    return rc;
}

int gw_record_store_write(gw_record_store *s, const char *const *families, gw_bytes_fn out, void *ctx,
                          uint64_t *lines, gw_error *e)
{
    size_t n;
    ordered *o = put_in_order(s, families, &n);
    if (!o)
        return gw_fail_memory(e);
    gw_buf b;
    gw_buf_init(&b, OUT_BYTES + 2 * GW_OM_LINE_MAX);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if ((i == 0 || !gw_str_eq(o[i].name, o[i - 1].name)) && *o[i].name.p != '{') {
            gw_om_write_type(&b, o[i].name);
            ++*lines;
        }
        rc = write_series(&o[i], &b, out, ctx, e);
        *lines += o[i].series->count;
    }
    if (rc == 0 && b.len)
        rc = hand_on(&b, 0, out, ctx, e);
    gw_buf_free(&b);
    gw_free(o);
    return rc;
}
