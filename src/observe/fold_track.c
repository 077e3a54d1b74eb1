/*
 * Samples of one series → windows. The hot loop of gpuwise: it runs once a sample.
 *
 * A sample speaks from its time to the next sample of its series, at most GW_HOLD_MAX_MS. An invalid value
 * (outside its physical range, NaN) ends the one before and itself covers nothing: that time is unknown.
 */
#include "observe/fold_internal.h"

static int add_span(gw_fold *f, track *k, int64_t start, int64_t end, gw_error *e)
{
    if (k->n_spans && k->spans[k->n_spans - 1].end_ms >= start) {
        if (end > k->spans[k->n_spans - 1].end_ms)
            k->spans[k->n_spans - 1].end_ms = end;
        return 0;
    }
    if (k->n_spans == k->cap_spans) {
        uint32_t cap = k->cap_spans ? k->cap_spans * 2 : 2;
        span *grown = GW_NEW_ARRAY(&f->arena, span, cap);
        if (!grown)
            return gw_fold_no_room(f, e);
        if (k->n_spans)
            memcpy(grown, k->spans, k->n_spans * sizeof(span));
        k->spans = grown;
        k->cap_spans = cap;
    }
    k->spans[k->n_spans++] = (span){start, end};
    return 0;
}

static window *window_at(gw_fold *f, track *k, uint32_t w)
{
    window **b = &k->blocks[w / BLOCK_WINDOWS];
    if (!*b) {
        *b = GW_NEW_ARRAY(&f->arena, window, BLOCK_WINDOWS);
        if (!*b)
            return NULL;
        for (int i = 0; i < BLOCK_WINDOWS; i++)
            (*b)[i].max = -1;
    }
    return &(*b)[w % BLOCK_WINDOWS];
}

/* Enters a value that holds over [start, end), cut to the slice and split at window borders. */
static bool enter(gw_fold *f, track *k, int64_t start, int64_t end, double value)
{
    start = GW_MAX(start, f->slice.start_ms);
    end = GW_MIN(end, f->slice.end_ms);
    while (start < end) {
        uint32_t w = (uint32_t)((start - f->base_ms) / GW_WINDOW_MS);
        int64_t border = GW_MIN(end, f->base_ms + (int64_t)(w + 1) * GW_WINDOW_MS);
        window *x = window_at(f, k, w);
        if (!x)
            return false;
        x->sum += value * (double)(border - start);
        x->ms += (uint32_t)(border - start);
        x->max = GW_MAX(x->max, (float)value);
        start = border;
    }
    return true;
}

/*
 * The median interval of a whole series from a bounded number of them: every stride-th is kept, and when the
 * room is full every second one is dropped and the stride doubled. What is kept is spread evenly over the
 * series, so that a stretch of gaps does not decide.
 */
static void keep_interval(track *k, int64_t d)
{
    if (d <= 0 || d > GW_HOUR_MS)
        return;
    if (k->n_intervals == INTERVALS_KEPT) {
        for (size_t i = 0; i < INTERVALS_KEPT / 2; i++)
            k->intervals[i] = k->intervals[2 * i];
        k->n_intervals = INTERVALS_KEPT / 2;
        k->stride *= 2;
        k->until_next = k->stride - 1;
    }
    k->intervals[k->n_intervals++] = (uint32_t)d;
}

static void keep_intervals(track *k, const int64_t *t_ms, size_t n)
{
    if (k->last_ms != INT64_MIN && k->until_next-- == 0) {
        k->until_next = k->stride - 1;
        keep_interval(k, t_ms[0] - k->last_ms);
    }
    size_t i = 1;
    while (i < n) {
        size_t skip = GW_MIN(k->until_next, n - i);
        i += skip;
        k->until_next -= (uint32_t)skip;
        if (i < n) {
            k->until_next = k->stride - 1;
            keep_interval(k, t_ms[i] - t_ms[i - 1]);
            i++;
        }
    }
}

/* The window that samples are being added to. border is its end; INT64_MIN while there is none. */
typedef struct current {
    double sum, max;
    int64_t border;
    uint32_t ms, w;
} current;

static inline bool flush(gw_fold *f, track *k, current *c)
{
    if (c->ms) {
        window *x = window_at(f, k, c->w);
        if (!x)
            return false;
        x->sum += c->sum;
        x->ms += c->ms;
        x->max = GW_MAX(x->max, (float)c->max);
        c->sum = 0;
        c->ms = 0;
        c->max = -1;
    }
    return true;
}

/*
 * A value held over [from, to) that does not lie within the current window. Most often it crosses into the
 * next one; the rest (a gap, the first sample, the slice's borders) goes the long way round and makes the
 * window of `to` the current one.
 */
static bool cross(gw_fold *f, track *k, current *c, int64_t from, int64_t to, double v)
{
    int64_t next = GW_MIN(c->border + GW_WINDOW_MS, f->slice.end_ms);
    if (c->border != INT64_MIN && from <= c->border && to <= next) {
        c->sum += v * (double)(c->border - from);
        c->ms += (uint32_t)(c->border - from);
        if (from < c->border) /* a sample on the border is of the next window alone */
            c->max = v > c->max ? v : c->max;
        if (!flush(f, k, c))
            return false;
        c->sum = v * (double)(to - c->border);
        c->ms = (uint32_t)(to - c->border);
        c->max = v;
        c->border = next;
        c->w++;
        return true;
    }
    if (!flush(f, k, c) || !enter(f, k, from, to, v))
        return false;
    c->border = INT64_MIN;
    if (to >= f->slice.start_ms && to < f->slice.end_ms) {
        c->w = (uint32_t)((to - f->base_ms) / GW_WINDOW_MS);
        c->border = GW_MIN(f->slice.end_ms, f->base_ms + (int64_t)(c->w + 1) * GW_WINDOW_MS);
    }
    return true;
}

/*
 * Gauges of a GPU. The inner loop takes samples while nothing happens: each is valid, follows the one before
 * within the hold, and lies in the current window; then one costs three comparisons and a multiply-add.
 */
static int gauge_samples(gw_fold *f, track *k, const int64_t *t_ms, const double *value, size_t n,
                         gw_error *e)
{
    const double low = k->low, high = k->high;
    int64_t last = k->last_ms, span_start = last;
    double v = k->last_value;
    bool open = k->open, valid = k->last_valid;
    current c = {.max = -1, .border = INT64_MIN};
    for (size_t i = 0; i < n; i++) {
        if (open && valid) {
            int64_t from = last;
            double sum = c.sum, max = c.max;
            for (; i < n; i++) {
                int64_t held = t_ms[i] - last;
                if ((uint64_t)held - 1 >= (uint64_t)GW_HOLD_MAX_MS || t_ms[i] > c.border)
                    break;
                sum += v * (double)held;
                max = v > max ? v : max;
                last = t_ms[i];
                v = value[i];
                if (!(v >= low && v <= high)) {
                    valid = false;
                    k->invalid++;
                    i++;
                    break;
                }
            }
            c.sum = sum;
            c.max = max;
            c.ms += (uint32_t)(last - from);
            if (!valid && gw_is_stale_marker(v)) {
                if (span_start < last && add_span(f, k, span_start, last, e))
                    return e->code;
                open = false;
            }
            if (i == n)
                break;
        }
        const int64_t t = t_ms[i];
        if (t <= last)
            continue; /* a source that repeats or reorders: the first reading of an instant counts */
        if (open) {
            int64_t held = GW_MIN(t - last, GW_HOLD_MAX_MS);
            if (valid && !cross(f, k, &c, last, last + held, v))
                return gw_fold_no_room(f, e);
            if (t - last > GW_HOLD_MAX_MS) {
                if (add_span(f, k, span_start, last + held, e))
                    return e->code;
                span_start = t;
            }
        } else {
            span_start = t;
        }
        v = value[i];
        valid = v >= low && v <= high;
        open = valid || !gw_is_stale_marker(v);
        k->invalid += !valid;
        if (!open && span_start < t && add_span(f, k, span_start, t, e))
            return e->code;
        last = t;
    }
    if (!flush(f, k, &c))
        return gw_fold_no_room(f, e);
    if (open && span_start < last && add_span(f, k, span_start, last, e))
        return e->code;
    k->last_ms = last;
    k->last_value = v;
    k->last_valid = valid;
    k->open = open;
    return 0;
}

#define XIDS_MAX ((size_t)1000000) /* in one slice */

/* The exporter repeats the last XID code: an event is a change to a code other than 0. */
static int xid_samples(gw_fold *f, track *k, const int64_t *t_ms, const double *value, size_t n, gw_error *e)
{
    for (size_t i = 0; i < n; i++) {
        double v = value[i];
        if (!(v >= k->low && v <= k->high))
            continue;
        bool first = !k->open;
        bool in_slice = t_ms[i] >= f->slice.start_ms && t_ms[i] < f->slice.end_ms;
        if (in_slice && v > 0 && (first || v != k->last_value)) {
            if (gw_grow((void **)&f->xids, &f->cap_xids, f->n_xids + 1, sizeof(*f->xids), XIDS_MAX))
                return gw_fail_memory(e);
            f->xids[f->n_xids++] = (gw_xid){k->order, GW_NONE, (int32_t)v, first ? 0u : 1u, t_ms[i], t_ms[i]};
        }
        k->open = true;
        k->last_value = v;
    }
    k->last_ms = t_ms[n - 1];
    return 0;
}

/* Facts: only the last value, and when the series lived. A phase counts while its value is 1. */
static int fact_samples(gw_fold *f, track *k, const int64_t *t_ms, const double *value, size_t n, gw_error *e)
{
    for (size_t i = 0; i < n; i++) {
        double v = value[i];
        bool on = k->what == M_POD_PHASE ? v >= 0.5 : v >= k->low && v <= k->high;
        if (k->open) {
            int64_t end = GW_MIN(t_ms[i], k->last_ms + GW_HOLD_MAX_MS);
            if (add_span(f, k, k->last_ms, end, e))
                return e->code;
        }
        k->open = on; /* NaN, and with it a stale marker, compares false */
        if (on)
            k->fact = v;
        k->last_ms = t_ms[i];
    }
    return 0;
}

/* cAdvisor. CPU: the rate of a counter over at least two minutes, resets taken as a restart from zero. */
static int container_samples(gw_fold *f, track *k, const int64_t *t_ms, const double *value, size_t n,
                             gw_error *e)
{
    for (size_t i = 0; i < n; i++) {
        double v = value[i];
        if (!(v >= k->low && v <= k->high)) {
            k->open = false;
            continue;
        }
        if (k->what != M_CPU_SECONDS) {
            k->rate_max = GW_MAX(k->rate_max, v / 1048576.0);
            if (k->part)
                container_level(f, k->part, t_ms[i], v / 1048576.0);
        } else if (!k->open || v < k->last_value || t_ms[i] - k->last_ms > GW_HOLD_MAX_MS) {
            k->anchor_ms = t_ms[i];
            k->anchor_value = v;
        } else if (t_ms[i] - k->anchor_ms >= 2 * GW_MINUTE_MS) {
            double ms = (double)(t_ms[i] - k->anchor_ms), rate = (v - k->anchor_value) * 1e6 / ms;
            k->rate_max = GW_MAX(k->rate_max, rate);
            k->rate_sum += rate * ms;
            k->rate_ms += ms;
            if (k->part && gw_fold_container_rate(f, k, k->anchor_ms, t_ms[i], rate, e))
                return e ? e->code : GW_ENOMEM;
            k->anchor_ms = t_ms[i];
            k->anchor_value = v;
        }
        k->open = true;
        k->last_value = v;
        k->last_ms = t_ms[i];
    }
    return 0;
}

int gw_fold_track_samples(gw_fold *f, track *k, const int64_t *t_ms, const double *value, size_t n,
                          gw_error *e)
{
    /* what a repeated read or a second chunk brings again is dropped here */
    size_t from = 0;
    while (from < n && t_ms[from] <= k->last_ms)
        from++;
    t_ms += from;
    value += from;
    n -= from;
    if (n == 0)
        return 0;
    f->slice_samples += n;
    keep_intervals(k, t_ms, n);
    size_t before = 0, after = n;
    while (before < n && t_ms[before] < f->slice.start_ms)
        before++;
    while (after > before && t_ms[after - 1] >= f->slice.end_ms)
        after--;
    k->samples += after - before;
    if (k->what == M_XID)
        return xid_samples(f, k, t_ms, value, n, e);
    if (k->what < N_GPU_MEASURES)
        return gauge_samples(f, k, t_ms, value, n, e);
    if (k->what >= M_CPU_SECONDS && k->subject == GW_NONE) {
        /* of no pod that is known; should it turn up, this is where its samples began */
        k->anchor_ms = k->open ? k->anchor_ms : t_ms[0];
        k->open = true;
        k->last_ms = t_ms[n - 1];
        return 0;
    }
    if (k->what >= M_CPU_SECONDS)
        return container_samples(f, k, t_ms, value, n, e);
    return fact_samples(f, k, t_ms, value, n, e);
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int64_t gw_fold_track_interval(track *k)
{
    uint32_t sorted[INTERVALS_KEPT];
    size_t n = GW_MIN(k->n_intervals, INTERVALS_KEPT);
    /* n_intervals is at most INTERVALS_KEPT: of every number and stride there is one set */
    uint32_t of = k->n_intervals + k->stride * (INTERVALS_KEPT + 1);
    if (n == 0)
        return 0;
    if (k->median_of == of)
        return k->median_ms;
    memcpy(sorted, k->intervals, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_value);
    k->median_of = of;
    k->median_ms = n % 2 ? sorted[n / 2] : ((int64_t)sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    return k->median_ms;
}

int gw_fold_track_close(gw_fold *f, track *k, gw_error *e)
{
    if (!k->open || k->what == M_XID || k->what >= M_CPU_SECONDS)
        return 0;
    int64_t hold = gw_fold_track_interval(k);
    hold = GW_MIN(hold ? hold : f->typical_ms, GW_HOLD_MAX_MS);
    if (add_span(f, k, k->last_ms, k->last_ms + hold, e))
        return e->code;
    if (k->blocks && k->last_valid && !enter(f, k, k->last_ms, k->last_ms + hold, k->last_value))
        return gw_fold_no_room(f, e);
    k->open = false;
    return 0;
}
