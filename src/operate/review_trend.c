/* The months of a review: what a used and a paid GPU-hour cost, in all and by team and model. */
#include "operate/review_internal.h"
#include "operate/review_numbers.h"
#include "operate/review_period.h"

enum { UNIT_KEY, UNIT_NAMESPACE };

/* A row without any price is in no unit cost: its hours have no dollars to be divided. */
static bool counts(const gw_measures *m)
{
    return gw_measures_priced(m);
}

static bool is_in(const gw_review_month *m, const gw_sum *s)
{
    return s->step_ms >= m->when.start_ms && s->step_ms < m->when.end_ms;
}

int gw_review_take_months(gw_review *r, const gw_sums *hours, const gw_sums *s, gw_error *e)
{
    GW_UNUSED(e);
    r->n_months = GW_REVIEW_MONTHS;
    for (size_t i = 0; i < GW_REVIEW_MONTHS; i++) {
        gw_review_month *m = &r->months[i];
        int back = (int)i - (GW_REVIEW_MONTHS - 1);
        *m = (gw_review_month){.when = {gw_period_month(r->when.end_ms - 1, back),
                                        gw_period_month(r->when.end_ms - 1, back + 1)}};
        m->when.end_ms = GW_MIN(m->when.end_ms, r->when.end_ms);
        m->expected = (uint32_t)(gw_interval_ms(m->when) / GW_HOUR_MS);
        for (size_t k = 0; k < hours->n; k++)
            if (is_in(m, &hours->rows[k]))
                m->closed = GW_MAX(m->closed, hours->rows[k].hours);
        for (size_t k = 0; k < s->n; k++) {
            if (!is_in(m, &s->rows[k]))
                continue;
            m->unpriced_ms += GW_MAX(0, s->rows[k].m.unpriced_ms);
            if (counts(&s->rows[k].m))
                gw_measures_add(&m->m, &s->rows[k].m);
        }
    }
    return 0;
}

static size_t month_of(const gw_review *r, int64_t ms)
{
    for (size_t i = 0; i < r->n_months; i++)
        if (ms >= r->months[i].when.start_ms && ms < r->months[i].when.end_ms)
            return i;
    return SIZE_MAX;
}

static gw_micro bill_of(const gw_review_unit *u)
{
    gw_micro sum = 0;
    for (size_t i = 0; i < GW_REVIEW_MONTHS; i++)
        sum += u->m[i].bill;
    return sum;
}

/* Dearest of the last month first, then of all months; those without a name last. */
static int by_bill(const void *a, const void *b)
{
    const gw_review_unit *x = a, *y = b;
    if (!x->key != !y->key)
        return x->key ? -1 : 1;
    gw_micro p = x->m[GW_REVIEW_MONTHS - 1].bill, q = y->m[GW_REVIEW_MONTHS - 1].bill;
    if (p == q) {
        p = bill_of(x);
        q = bill_of(y);
    }
    return p != q ? (p > q ? -1 : 1) : x->key ? strcmp(x->key, y->key) : 0;
}

static int find_or_add(gw_review *r, gw_map *by_key, const char *key, gw_dim by, size_t first,
                       gw_review_unit **ret, gw_error *e)
{
    gw_str name = gw_str_of(gw_is_nobody(key) ? "" : key);
    uint32_t at = gw_map_get(by_key, name);
    if (at == GW_NONE) {
        at = (uint32_t)(r->n_units - first);
        int rc = gw_review_add((void **)&r->units, &r->n_units, sizeof(*r->units), GW_REVIEW_ROWS_MAX, e);
        if (rc)
            return rc;
        r->units[first + at] = (gw_review_unit){.by = by, .key = name.n ? key : NULL};
        if (gw_map_set(by_key, name, at))
            return gw_fail_memory(e);
    }
    *ret = &r->units[first + at];
    return 0;
}

int gw_review_take_units(gw_review *r, const gw_sums *s, gw_dim by, gw_error *e)
{
    gw_map by_key;
    size_t first = r->n_units;
    int rc = 0;
    gw_map_init(&by_key);
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        const gw_sum *x = &s->rows[i];
        size_t month = month_of(r, x->step_ms);
        gw_review_unit *u = NULL;
        if (month == SIZE_MAX || gw_is_shared_namespace(x->key[UNIT_NAMESPACE]))
            continue;
        rc = find_or_add(r, &by_key, x->key[UNIT_KEY], by, first, &u, e);
        if (rc)
            break;
        if (counts(&x->m))
            gw_measures_add(&u->m[month], &x->m);
        u->seen[month] = true;
    }
    gw_map_free(&by_key);
    if (rc)
        return rc;
    if (r->n_units > first)
        qsort(r->units + first, r->n_units - first, sizeof(*r->units), by_bill);
    r->n_units = GW_MIN(r->n_units, first + GW_REVIEW_UNITS_MAX);
    return 0;
}
