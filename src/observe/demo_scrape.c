#include "observe/demo_scrape.h"

#define JITTER_MS   50
#define LOST_ONE_IN 2500 /* scrapes that fail for no reason */
#define MAX_SCRAPES ((size_t)2 * GW_DEMO_MAX_POINTS)
#define MAX_RUNS    MAX_SCRAPES

void demo_label(demo_labels *l, const char *name, const char *value)
{
    if (value && *value && l->n < DEMO_MAX_LABELS)
        l->label[l->n++] = (gw_label){gw_str_of(name), gw_str_of(value)};
}

void demo_reader_init(demo_reader *r, const demo_fleet *f, gw_interval range, const gw_series_sink *sink,
                      gw_error *e)
{
    *r = (demo_reader){.f = f, .range = gw_interval_cut(range, f->extent), .sink = sink, .e = e};
}

void demo_reader_free(demo_reader *r)
{
    gw_free(r->scrapes.t);
    gw_free(r->scrapes.state);
    gw_free(r->runs.run);
    gw_free(r->values);
}

static int64_t scrape_time(const demo_target *t, int64_t interval_ms, int64_t index)
{
    int64_t at = index * interval_ms + (int64_t)(demo_mix(t->seed) % (uint64_t)interval_ms);
    return t->jitter ? at + (int64_t)(demo_draw(t->seed ^ 0x71, (uint64_t)index) % JITTER_MS) : at;
}

static demo_scraped scrape_state(const demo_target *t, int64_t interval_ms, int64_t index, int64_t at)
{
    if (demo_in(t->gap, at))
        return DEMO_SCRAPED_NOT;
    if (!demo_in(t->life, at)) {
        bool just_ended = demo_in(t->life, scrape_time(t, interval_ms, index - 1));
        return at >= t->life.end_ms && just_ended ? DEMO_SCRAPED_FAILED : DEMO_SCRAPED_NOT;
    }
    if (demo_in(t->outage, at) || demo_draw(t->seed ^ 0x1057, (uint64_t)index) % LOST_ONE_IN == 0)
        return DEMO_SCRAPED_FAILED;
    return DEMO_SCRAPED_OK;
}

/* Room for n scrapes in every array; they grow together. */
static int make_room(demo_reader *r, size_t n)
{
    demo_scrapes *s = &r->scrapes;
    if (n <= s->cap)
        return 0;
    size_t cap_t = s->cap, cap_state = s->cap, cap_values = r->cap_values;
    if (gw_grow((void **)&s->t, &cap_t, n, sizeof(*s->t), MAX_SCRAPES) ||
        gw_grow((void **)&s->state, &cap_state, n, sizeof(*s->state), MAX_SCRAPES) ||
        gw_grow((void **)&r->values, &cap_values, n, DEMO_VALUES * sizeof(*r->values), MAX_SCRAPES))
        return gw_fail_memory(r->e);
    s->cap = GW_MIN(cap_t, cap_state);
    r->cap_values = cap_values;
    return 0;
}

int demo_scrape(demo_reader *r, const demo_target *t)
{
    demo_scrapes *s = &r->scrapes;
    s->n = s->first = 0;
    int64_t step = r->f->o.interval_ms;
    gw_interval range = r->range;
    if (gw_interval_ms(range) == 0)
        return 0;
    /* two before the range: the offset and jitter may push a scrape over its edge */
    int64_t index = range.start_ms / step - 2, last = range.end_ms / step;
    int rc = make_room(r, (size_t)(last - index + 1));
    if (rc)
        return rc;
    s->first_index = index;
    for (; index <= last; index++) {
        int64_t at = scrape_time(t, step, index);
        if (at >= range.end_ms)
            break;
        s->first += at < range.start_ms;
        s->t[s->n] = at;
        s->state[s->n++] = (uint8_t)scrape_state(t, step, index, at);
    }
    return 0;
}

double *demo_values(demo_reader *r, size_t i)
{
    return r->values + i * r->cap_values;
}

size_t demo_scrape_at(const demo_scrapes *s, int64_t t_ms)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->t[mid] < t_ms)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static int add_run(demo_reader *r, size_t a, size_t b)
{
    demo_runs *u = &r->runs;
    if (gw_grow((void **)&u->run, &u->cap, u->n + 1, sizeof(*u->run), MAX_RUNS))
        return gw_fail_memory(r->e);
    /* the run before ends with a marker unless this one goes on at the very next scrape */
    if (u->n && u->run[u->n - 1].b == a) {
        u->run[u->n - 1].b = b;
        return 0;
    }
    u->run[u->n++] = (demo_run){a, b, false};
    return 0;
}

int demo_runs_of(demo_reader *r, const gw_interval *spans, size_t n)
{
    const demo_scrapes *s = &r->scrapes;
    r->runs.n = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = demo_scrape_at(s, spans[i].start_ms), end = demo_scrape_at(s, spans[i].end_ms);
        while (at < end) {
            size_t begin = at;
            while (at < end && s->state[at] == DEMO_SCRAPED_OK)
                at++;
            int rc = at > begin ? add_run(r, begin, at) : 0;
            if (rc)
                return rc;
            while (at < end && s->state[at] != DEMO_SCRAPED_OK)
                at++;
        }
    }
    for (size_t i = 0; i < r->runs.n; i++) {
        demo_run *u = &r->runs.run[i];
        u->marker = u->b < s->n && s->state[u->b] != DEMO_SCRAPED_NOT;
    }
    return 0;
}

/* A series on its way out: announced with its first samples. */
typedef struct outlet {
    demo_reader *r;
    const demo_labels *labels;
    bool announced;
    void *series;
} outlet;

static int push(outlet *o, const int64_t *t, const double *values, size_t n)
{
    demo_reader *r = o->r;
    const gw_series_sink *k = r->sink;
    if (!o->announced) {
        int rc = k->series(k->ctx, o->labels->label, o->labels->n, &o->series, r->e);
        if (rc)
            return rc;
        o->announced = true;
        r->n_series++;
    }
    if (o->series == GW_SERIES_SKIP)
        return 0;
    r->n_samples += n;
    return k->samples(k->ctx, o->series, t, values, n, r->e);
}

static int push_marker(outlet *o, const int64_t *t)
{
    uint64_t bits = GW_STALE_NAN_BITS;
    double marker;
    memcpy(&marker, &bits, sizeof(bits));
    return push(o, t, &marker, 1);
}

int demo_emit(demo_reader *r, const demo_labels *labels, size_t from, size_t to, const double *values)
{
    const demo_scrapes *s = &r->scrapes;
    outlet out = {.r = r, .labels = labels, .series = GW_SERIES_SKIP};
    to = GW_MIN(to, s->n);
    for (size_t i = 0; i < r->runs.n; i++) {
        demo_run u = r->runs.run[i];
        if (u.b > to) { /* cut short: the scrape at `to` is a good one, without this series */
            u.b = to;
            u.marker = to < s->n;
        }
        u.a = GW_MAX(u.a, from);
        if (u.a >= u.b)
            continue;
        size_t a = GW_MAX(u.a, s->first);
        int rc = a < u.b ? push(&out, s->t + a, values + a, u.b - a) : 0;
        if (rc == 0 && u.marker && u.b >= s->first)
            rc = push_marker(&out, s->t + u.b);
        if (rc)
            return rc;
        if (out.announced && out.series == GW_SERIES_SKIP)
            return 0;
    }
    return 0;
}

void demo_target_labels(demo_labels *l, uint32_t cluster, int prometheus, const char *job,
                        const char *instance)
{
    const demo_cluster *c = &demo_clusters[cluster];
    l->n = 0;
    demo_label(l, "cluster", c->name);
    if (c->prometheis > 1)
        demo_label(l, "prometheus_replica", prometheus ? "prometheus-k8s-1" : "prometheus-k8s-0");
    demo_label(l, "job", job);
    demo_label(l, "instance", instance);
}

gw_interval demo_cluster_gap(const demo_fleet *f, uint32_t cluster)
{
    const demo_cluster *c = &demo_clusters[cluster];
    if (c->gap_to <= c->gap_from)
        return (gw_interval){0, 0};
    return (gw_interval){demo_at(&f->o, c->gap_from), demo_at(&f->o, c->gap_to)};
}
