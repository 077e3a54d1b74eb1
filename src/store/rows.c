#include "store/rows.h"

#include "base/mem.h"

/* Stored and not deflated: blocks are read by the thousand for a monthly report, and deflate would save a
 * third of what is a tenth of the store. */
static const gw_pack_kind kind = {.magic = "GWRW", .what = "block of sums", .version = 1, .deflated = false};

void gw_rows_free(gw_rows *r)
{
    gw_free(r->rows);
    *r = (gw_rows){0};
}

gw_group_row *gw_rows_add(gw_rows *r)
{
    void *p = r->rows;
    if (gw_grow(&p, &r->cap, r->n + 1, sizeof(*r->rows), GW_ROWS_MAX))
        return NULL;
    r->rows = p;
    r->rows[r->n] = (gw_group_row){0};
    return &r->rows[r->n++];
}

static int by_group(const void *a, const void *b)
{
    uint32_t x = ((const gw_group_row *)a)->group, y = ((const gw_group_row *)b)->group;
    return (x > y) - (x < y);
}

void gw_rows_sort(gw_rows *r)
{
    if (r->n > 1)
        qsort(r->rows, r->n, sizeof(*r->rows), by_group);
}

int gw_rows_merge(gw_rows *into, const gw_rows *from, gw_error *e)
{
    gw_rows sum = {0};
    int rc = 0;
    size_t i = 0, k = 0;
    while (rc == 0 && (i < into->n || k < from->n)) {
        gw_group_row *row = gw_rows_add(&sum);
        bool left = i < into->n && (k >= from->n || into->rows[i].group <= from->rows[k].group);
        bool right = k < from->n && (i >= into->n || from->rows[k].group <= into->rows[i].group);
        if (!row) {
            rc = sum.n >= GW_ROWS_MAX ? gw_fail(e, GW_ELIMIT, "more than %zu groups in a day", GW_ROWS_MAX)
                                      : gw_fail_memory(e);
            break;
        }
        *row = left ? into->rows[i] : from->rows[k];
        if (left && right) {
            row->hours |= from->rows[k].hours;
            if (!gw_measures_add_to(&row->m, &from->rows[k].m))
                rc = gw_fail(e, GW_ELIMIT, "a sum of a day is larger than 64 bits hold");
        }
        i += left;
        k += right;
    }
    if (rc) {
        gw_rows_free(&sum);
        return rc;
    }
    gw_rows_free(into);
    *into = sum;
    return 0;
}

int gw_rows_write(const gw_rows *r, gw_buf *b, gw_error *e)
{
    gw_buf body;
    gw_buf_init(&body, GW_PACK_BODY_MAX);
    gw_varint_put(&body, r->n);
    uint32_t before = 0;
    for (size_t i = 0; i < r->n; i++) {
        gw_varint_put(&body, r->rows[i].group - before);
        before = r->rows[i].group;
    }
    for (size_t i = 0; i < r->n; i++)
        gw_varint_put(&body, r->rows[i].hours);
    if (r->n)
        gw_measures_put(&body, &r->rows[0].m, sizeof(r->rows[0]), r->n);
    int rc = gw_pack(&kind, &body, 0, b, e);
    gw_buf_free(&body);
    return rc;
}

static int get_rows(gw_cursor *c, gw_rows *r, gw_error *e)
{
    uint64_t n = gw_varint(c);
    if (n > GW_ROWS_MAX || n > (uint64_t)(c->end - c->p))
        return gw_fail(e, GW_ECORRUPT, "%s: it states more rows than it has bytes for", kind.what);
    r->rows = gw_calloc((size_t)n, sizeof(*r->rows));
    if (!r->rows)
        return gw_fail_memory(e);
    r->n = r->cap = (size_t)n;
    uint64_t group = 0;
    for (size_t i = 0; i < r->n; i++) {
        uint64_t step = gw_varint(c);
        group += step;
        if (step == 0 || step > UINT32_MAX || group > UINT32_MAX)
            c->bad = true;
        r->rows[i].group = (uint32_t)group;
    }
    for (size_t i = 0; i < r->n; i++)
        r->rows[i].hours = (uint32_t)gw_varint(c);
    if (r->n)
        gw_measures_get(c, &r->rows[0].m, sizeof(r->rows[0]), r->n);
    return c->bad || c->p != c->end ? gw_fail(e, GW_ECORRUPT, "%s: does not hold what it states", kind.what)
                                    : 0;
}

int gw_rows_read(const void *bytes, size_t n, gw_rows *ret, gw_error *e)
{
    gw_unpacked u;
    gw_rows r = {0};
    int rc = gw_unpack(&kind, bytes, n, &u, e);
    if (rc)
        return rc;
    gw_cursor c = {u.body, u.body + u.n, false};
    rc = get_rows(&c, &r, e);
    gw_unpacked_free(&u);
    if (rc)
        gw_rows_free(&r);
    else
        *ret = r;
    return rc;
}
