#include "operate/focus.h"

#include "format/csv.h"
#include "operate/focus_internal.h"
#include "operate/review_numbers.h"

#define CHUNK_BYTES ((size_t)64 << 10)
#define OUT_MAX     ((size_t)4 << 20) /* a chunk and the longest row, with room to spare */
#define KEY_MAX     ((size_t)1 << 20)

struct gw_focus {
    gw_focus_options o;
    gw_focus_sink sink;
    void *ctx;
    gw_buf out;
    bool headed;
    gw_focus_stats stats;
    int64_t last_ms; /* start of the hour before, in another cluster perhaps */
    /* the day in the making */
    int64_t day_ms;
    focus_charge *charges;
    int64_t *charge_hour; /* the last hour that each had a part in */
    size_t n, cap, cap_hours;
    gw_map by_key;
    gw_pool texts;
    gw_buf key;
};

static int check_interval(const gw_focus_options *o, gw_error *e)
{
    int64_t step = o->daily ? GW_DAY_MS : GW_HOUR_MS;
    char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    if (gw_interval_ms(o->when) > 0 && o->when.start_ms % step == 0 && o->when.end_ms % step == 0)
        return 0;
    return gw_fail(e, GW_EWINDOW, "an export of %s is of whole %s (UTC), and %s to %s is not",
                   o->daily ? "days" : "hours", o->daily ? "days" : "hours",
                   gw_time_format(o->when.start_ms, from), gw_time_format(o->when.end_ms, to));
}

int gw_focus_open(const gw_focus_options *o, gw_focus_sink sink, void *ctx, gw_focus **ret, gw_error *e)
{
    int rc = check_interval(o, e);
    if (rc)
        return rc;
    gw_focus *f = gw_calloc(1, sizeof(*f));
    if (!f)
        return gw_fail_memory(e);
    f->o = *o;
    f->sink = sink;
    f->ctx = ctx;
    f->last_ms = f->day_ms = INT64_MIN;
    gw_buf_init(&f->out, OUT_MAX);
    gw_buf_init(&f->key, KEY_MAX);
    gw_map_init(&f->by_key);
    gw_pool_init(&f->texts);
    *ret = f;
    return 0;
}

void gw_focus_free(gw_focus *f)
{
    if (!f)
        return;
    gw_buf_free(&f->out);
    gw_buf_free(&f->key);
    gw_map_free(&f->by_key);
    gw_pool_free(&f->texts);
    gw_free(f->charges);
    gw_free(f->charge_hour);
    gw_free(f);
}

static int flush(gw_focus *f, size_t least, gw_error *e)
{
    int rc = gw_buf_check(&f->out, "a row of the FOCUS export", e);
    if (rc || f->out.len == 0 || f->out.len < least)
        return rc;
    rc = f->sink(f->ctx, f->out.data, f->out.len, e);
    gw_buf_clear(&f->out);
    return rc;
}

static int put_charge(gw_focus *f, const focus_charge *c, gw_error *e)
{
    if (!f->headed)
        gw_csv_write_row(&f->out, focus_columns, focus_n_columns, true);
    f->headed = true;
    focus_row_write(&f->out, &f->o, c);
    f->stats.rows++;
    if (c->correction) {
        f->stats.corrections++;
        f->stats.corrected += c->bill;
    } else {
        f->stats.billed += c->bill;
    }
    return flush(f, CHUNK_BYTES, e);
}

static focus_charge charge_of(const gw_hour *h, const gw_hour_leaf *l)
{
    const gw_measures *m = &l->m;
    focus_charge c = {.kind = l->kind,
                      .when = {h->start_ms, h->start_ms + GW_HOUR_MS},
                      .billed_ms = h->start_ms,
                      .hours_ms = GW_HOUR_MS,
                      .bill = m->bill,
                      .used = m->used,
                      .wasted = m->wasted,
                      .idle = m->idle,
                      .unknown = m->unknown,
                      .overhead = m->overhead,
                      .reclaimable = m->reclaimable,
                      .paid_ms = m->paid_ms,
                      .allocated_ms = m->allocated_ms,
                      .used_ms = m->used_ms,
                      /* idle time has samples too; this column is of held time */
                      .known_ms = GW_MIN(m->known_ms, m->allocated_ms)};
    for (size_t d = 0; d < GW_N_LEAF_DIMS; d++)
        c.dim[d] = l->dim[d] ? l->dim[d] : "";
    if (!*c.dim[GW_DIM_CLUSTER])
        c.dim[GW_DIM_CLUSTER] = h->cluster;
    return c;
}

/* ---- days ---------------------------------------------------------------------------------------------- */

static int flush_day(gw_focus *f, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; i < f->n && rc == 0; i++)
        rc = put_charge(f, &f->charges[i], e);
    f->n = 0;
    gw_map_free(&f->by_key);
    gw_pool_free(&f->texts);
    gw_map_init(&f->by_key);
    gw_pool_init(&f->texts);
    return rc;
}

static int add_charge(gw_focus *f, const focus_charge *c, int64_t hour_ms, gw_error *e)
{
    if (f->n == GW_FOCUS_DAY_ROWS_MAX)
        return gw_fail(e, GW_ELIMIT,
                       "a day has more than %zu charges; export by the hour, or one cluster at a time",
                       GW_FOCUS_DAY_ROWS_MAX);
    if (gw_grow((void **)&f->charges, &f->cap, f->n + 1, sizeof(*f->charges), GW_FOCUS_DAY_ROWS_MAX) ||
        gw_grow((void **)&f->charge_hour, &f->cap_hours, f->n + 1, sizeof(*f->charge_hour),
                GW_FOCUS_DAY_ROWS_MAX))
        return gw_fail_memory(e);
    focus_charge *x = &f->charges[f->n];
    *x = *c;
    x->when = (gw_interval){f->day_ms, f->day_ms + GW_DAY_MS};
    for (size_t d = 0; d < GW_N_LEAF_DIMS; d++) {
        x->dim[d] = gw_intern(&f->texts, gw_str_of(c->dim[d]));
        if (!x->dim[d])
            return gw_fail_memory(e);
    }
    if (gw_map_set(&f->by_key, (gw_str){f->key.data, f->key.len}, (uint32_t)f->n))
        return gw_fail_memory(e);
    f->charge_hour[f->n++] = hour_ms;
    return 0;
}

static void merge(focus_charge *into, const focus_charge *c)
{
    into->bill += c->bill;
    into->used += c->used;
    into->wasted += c->wasted;
    into->idle += c->idle;
    into->unknown += c->unknown;
    into->overhead += c->overhead;
    into->reclaimable += c->reclaimable;
    into->paid_ms += c->paid_ms;
    into->allocated_ms += c->allocated_ms;
    into->used_ms += c->used_ms;
    into->known_ms += c->known_ms;
}

/* Adds the charge of an hour to its day's. What has GPU time and what has none are priced in other units, and
 * stay apart. */
static int take_day(gw_focus *f, const focus_charge *c, int64_t hour_ms, gw_error *e)
{
    gw_buf_clear(&f->key);
    gw_buf_printf(&f->key, "%d%d", (int)c->kind, c->paid_ms > 0);
    for (size_t d = 0; d < GW_N_LEAF_DIMS; d++) {
        gw_buf_add(&f->key, c->dim[d], strlen(c->dim[d]) + 1);
    }
    int rc = gw_buf_check(&f->key, "the names of a charge", e);
    if (rc)
        return rc;
    uint32_t at = gw_map_get(&f->by_key, (gw_str){f->key.data, f->key.len});
    if (at == GW_NONE)
        return add_charge(f, c, hour_ms, e);
    merge(&f->charges[at], c);
    if (f->charge_hour[at] != hour_ms)
        f->charges[at].hours_ms += GW_HOUR_MS;
    f->charge_hour[at] = hour_ms;
    return 0;
}

/* ---- hours --------------------------------------------------------------------------------------------- */

static int take_leaf(gw_focus *f, const gw_hour *h, const gw_hour_leaf *l, gw_error *e)
{
    const gw_measures *m = &l->m;
    if (m->unpriced_ms > 0)
        f->stats.unpriced_ms += m->unpriced_ms;
    if (!gw_measures_priced(m)) {
        f->stats.unpriced_leaves++;
        return 0;
    }
    if (m->bill == 0 && m->paid_ms == 0)
        return 0;
    focus_charge c = charge_of(h, l);
    return f->o.daily ? take_day(f, &c, h->start_ms, e) : put_charge(f, &c, e);
}

int gw_focus_hour(gw_focus *f, const gw_hour *h, gw_error *e)
{
    char text[GW_TIME_TEXT_MAX];
    if (h->start_ms < f->last_ms)
        return gw_fail(e, GW_EINTERNAL, "the hour %s comes after a later one",
                       gw_time_format(h->start_ms, text));
    f->last_ms = h->start_ms;
    int64_t day = h->start_ms / GW_DAY_MS * GW_DAY_MS;
    int rc = f->o.daily && day != f->day_ms ? flush_day(f, e) : 0;
    f->day_ms = day;
    f->stats.hours++;
    for (size_t i = 0; i < h->n_leaves && rc == 0; i++)
        rc = take_leaf(f, h, &h->leaves[i], e);
    return rc;
}

int gw_focus_correction(gw_focus *f, const gw_correction *c, gw_error *e)
{
    const gw_measures *b = &c->before, *a = &c->after;
    focus_charge x = {.kind = gw_eq(c->ns, GW_KEY_IDLE)       ? GW_LEAF_IDLE
                              : gw_eq(c->ns, GW_KEY_OVERHEAD) ? GW_LEAF_OVERHEAD
                                                              : GW_LEAF_HELD,
                      .when = {c->hour_ms, c->hour_ms + GW_HOUR_MS},
                      .billed_ms = c->at_ms,
                      .bill = a->bill - b->bill,
                      .used = a->used - b->used,
                      .wasted = a->wasted - b->wasted,
                      .idle = a->idle - b->idle,
                      .unknown = a->unknown - b->unknown,
                      .overhead = a->overhead - b->overhead,
                      .reclaimable = a->reclaimable - b->reclaimable,
                      .paid_ms = a->paid_ms - b->paid_ms,
                      .allocated_ms = a->allocated_ms - b->allocated_ms,
                      .used_ms = a->used_ms - b->used_ms,
                      .known_ms = GW_MIN(a->known_ms, a->allocated_ms) - GW_MIN(b->known_ms, b->allocated_ms),
                      .correction = c->reason ? c->reason : "read again"};
    for (size_t d = 0; d < GW_N_LEAF_DIMS; d++)
        x.dim[d] = "";
    x.dim[GW_DIM_CLUSTER] = c->cluster ? c->cluster : "";
    x.dim[GW_DIM_NAMESPACE] = c->ns ? c->ns : "";
    x.dim[GW_DIM_WORKLOAD] = c->workload ? c->workload : "";
    /* of texts and samples that changed, and not of money: nothing to bill */
    return x.bill == 0 && x.paid_ms == 0 ? 0 : put_charge(f, &x, e);
}

int gw_focus_finish(gw_focus *f, gw_focus_stats *ret, gw_error *e)
{
    int rc = flush_day(f, e);
    if (rc == 0 && !f->headed) {
        gw_csv_write_row(&f->out, focus_columns, focus_n_columns, true);
        f->headed = true;
    }
    if (rc == 0)
        rc = flush(f, 0, e);
    if (rc == 0 && ret)
        *ret = f->stats;
    return rc;
}
