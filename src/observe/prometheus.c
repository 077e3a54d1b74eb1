#include "observe/prometheus.h"

#include "observe/prom_pull.h"

#define STEP_DEFAULT_MS   (30 * GW_SECOND_MS)
#define POINTS_MAX        11000 /* of a series in one query_range: Prometheus refuses more */
#define SLICE_FIRST_MS    (6 * GW_HOUR_MS)
#define SLICE_MIN_MS      (15 * GW_MINUTE_MS)
#define SLICE_MAX_MS      (2 * GW_DAY_MS)
#define SLICE_ENOUGH      1000000 /* samples in a reply; below it the next slice is longer */
#define CONCURRENCY       4       /* gw_http_options' default */
#define WARNING_LINES_MAX ((size_t)64 << 10)

typedef struct prom {
    gw_http *http;
    gw_arena arena;
    gw_matcher extra[GW_MATCHERS_MAX];
    size_t n_extra;
    gw_prom_mode asked, way;
    bool proven; /* this way has worked once */
    size_t concurrency;
    int64_t step_ms;
    int64_t slice_ms, slice_max_ms; /* slice_ms 0: not chosen yet */
    uint64_t budget;
    gw_chunk_space *space;
    gw_source_stats stats;
    bool plain;         /* remote read gives plain samples */
    char refusals[300]; /* the ways that were refused, and how */
    gw_buf warnings;
    uint64_t unknown_chunks;
    bool warned_unknown, warned_server;
    char description[768];
} prom;

/* What became of the requests of one part. */
typedef enum outcome {
    DONE,
    FAILED,
    REFUSED,  /* the server does not speak this way */
    TOO_MUCH, /* it does, but not for so much at once */
} outcome;

static const char *way_name(gw_prom_mode way)
{
    return way == GW_PROM_REMOTE_READ ? "remote read"
           : way == GW_PROM_QUERY     ? "raw samples by query"
                                      : "query_range";
}

static void warn(prom *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void warn(prom *s, const char *format, ...)
{
    char line[512];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    for (int i = 0; i < n && i < (int)sizeof(line) - 1; i++)
        if (line[i] == '\n')
            line[i] = ' ';
    gw_buf_printf(&s->warnings, "%s%s", s->warnings.len ? "\n" : "", line);
}

/* ---- one part of a read: the same range from all metrics of a group ---- */

static bool says_refused(gw_prom_mode way, const gw_http_request *r, const gw_pull *p)
{
    if (p->refused)
        return true;
    switch (r->status) {
    case 400:
    case 404:
    case 405:
    case 406:
    case 415:
    case 501:
        return r->result != 0;
    case 403: /* a gateway that lets queries pass */
        return r->result != 0 && way == GW_PROM_REMOTE_READ;
    default:
        return way == GW_PROM_REMOTE_READ && r->result != 0 && gw_pull_stats_of(p).unknown_chunks > 0;
    }
}

static void note_refusal(prom *s, gw_prom_mode way, const gw_http_request *r, bool by_message)
{
    size_t n = strlen(s->refusals);
    int k = snprintf(s->refusals + n, sizeof(s->refusals) - n, "; %s refused: ", way_name(way));
    n += k > 0 ? GW_MIN((size_t)k, sizeof(s->refusals) - n - 1) : 0;
    if (by_message)
        snprintf(s->refusals + n, sizeof(s->refusals) - n, "%.150s", r->error.message);
    else
        snprintf(s->refusals + n, sizeof(s->refusals) - n, "status %d", r->status);
}

static outcome judge(prom *s, gw_prom_mode way, const gw_http_request *r, const gw_pull *p, size_t n)
{
    outcome o = DONE;
    for (size_t i = 0; i < n; i++) {
        if (r[i].result == 0)
            continue;
        bool new_chunks = gw_pull_stats_of(&p[i]).unknown_chunks > 0;
        if (says_refused(way, &r[i], &p[i]) && (!s->proven || new_chunks)) {
            note_refusal(s, way, &r[i], new_chunks || p[i].refused);
            return REFUSED;
        }
        if (r[i].status == 413 || r[i].status == 422 ||
            (r[i].result == GW_ELIMIT && p[i].form == GW_REPLY_SAMPLES))
            o = TOO_MUCH;
        else if (o == DONE)
            o = FAILED;
    }
    return o;
}

/* Takes what the pulls have counted; the largest reply's samples in *ret_most. */
static void count(prom *s, const gw_http_request *r, const gw_pull *p, size_t n, uint64_t *ret_most)
{
    for (size_t i = 0; i < n; i++) {
        gw_pull_stats c = gw_pull_stats_of(&p[i]);
        s->stats.retries += (uint64_t)r[i].retries;
        s->stats.bytes += r[i].bytes;
        s->stats.series += c.series;
        s->stats.samples += c.samples;
        s->unknown_chunks += c.unknown_chunks;
        s->plain |= p[i].form == GW_REPLY_SAMPLES;
        *ret_most = GW_MAX(*ret_most, c.samples);
        if (c.unknown_chunks && p[i].common->skip_unknown && !s->warned_unknown) {
            warn(s,
                 "%s: the server streams chunks in an encoding that this version of gpuwise cannot read; "
                 "their samples "
                 "are missing: leave the choice of the way to gpuwise, or update it",
                 p[i].first_name);
            s->warned_unknown = true;
        }
        if (c.warnings && !s->warned_server) {
            warn(s, "%s: the server warns: %s", p[i].first_name, c.warning);
            s->warned_server = true;
        }
    }
}

static int check_budget(prom *s, size_t n, gw_error *e)
{
    if (s->budget == 0 || s->stats.requests + n <= s->budget)
        return 0;
    return gw_fail(
        e, GW_ELIMIT,
        "the query budget of %" PRIu64 " requests does not suffice: %" PRIu64
        " are made and %zu more are due; allow more with --query-budget, or ask for a shorter window",
        s->budget, s->stats.requests, n);
}

static int perform(prom *s, gw_pull *p, gw_http_request *r, size_t n, gw_error *e)
{
    int rc = gw_http_perform(s->http, r, n, true, e);
    for (size_t i = 0; i < n && rc; i++)
        if (p[i].over_budget && r[i].result == rc)
            return gw_fail(e, GW_ELIMIT,
                           "the query budget of %" PRIu64
                           " requests is used up, and another try was due because of: %.500s",
                           s->budget, r[i].error.message);
    return rc;
}

/* Asks for `part` in the way at hand. *ret_most: samples in the largest reply. */
static int read_part(prom *s, const char *const *names, gw_interval part, const gw_series_sink *sink,
                     outcome *ret, uint64_t *ret_most, gw_error *e)
{
    size_t n_names = 0;
    while (names[n_names])
        n_names++;
    bool remote = s->way == GW_PROM_REMOTE_READ;
    size_t n = remote ? GW_MIN(n_names, s->concurrency) : n_names;
    const gw_pull_common common = {
        .way = s->way,
        .range = part,
        .sink = sink,
        .extra = s->extra,
        .n_extra = s->n_extra,
        .space = s->space,
        .skip_unknown = s->asked == GW_PROM_REMOTE_READ,
        .step_ms = s->step_ms,
        .budget = s->budget,
        .used = &s->stats.requests,
    };
    *ret = DONE;
    if (!gw_pull_worthwhile(&common))
        return 0;
    int rc = check_budget(s, n, e);
    if (rc)
        return rc;
    gw_pull *pulls = gw_calloc(n, sizeof(*pulls));
    gw_http_request *requests = gw_calloc(n, sizeof(*requests));
    size_t made = 0;
    rc = pulls && requests ? 0 : gw_fail_memory(e);
    for (; made < n && !rc; made++)
        rc = gw_pull_init(&pulls[made], &common, names, n_names, made, n, &requests[made], e);
    if (!rc) {
        s->stats.requests += n;
        rc = perform(s, pulls, requests, n, e);
        count(s, requests, pulls, n, ret_most);
        *ret = judge(s, s->way, requests, pulls, n);
    }
    for (size_t i = 0; i < made; i++)
        gw_pull_free(&pulls[i]);
    gw_free(requests);
    gw_free(pulls);
    return rc;
}

/* ---- the way and the slices ---- */

/* The way that comes after the one that was refused; false where there is none left that may be taken. */
static bool next_way(prom *s)
{
    if (s->way == GW_PROM_REMOTE_READ && s->asked == GW_PROM_AUTO)
        s->way = GW_PROM_QUERY;
    else if (s->way == GW_PROM_QUERY && s->asked != GW_PROM_QUERY_RANGE)
        s->way = GW_PROM_QUERY_RANGE;
    else
        return false;
    s->proven = false;
    return true;
}

/* How much time to ask for at once. Streamed chunks need no slices: neither side ever holds them whole. */
static int64_t slice_of(const prom *s)
{
    bool streamed = s->way == GW_PROM_REMOTE_READ && !s->plain;
    int64_t ms = s->slice_ms ? s->slice_ms : streamed ? INT64_MAX : SLICE_FIRST_MS;
    return s->way == GW_PROM_QUERY_RANGE ? GW_MIN(ms, s->step_ms * (POINTS_MAX - 1)) : ms;
}

/* After a slice that went well. A short last part says nothing about what would have fitted. */
static void lengthen(prom *s, int64_t slice, gw_interval part, uint64_t most)
{
    if (slice != INT64_MAX && gw_interval_ms(part) == slice && most < SLICE_ENOUGH)
        s->slice_ms = GW_MIN(slice * 2, s->slice_max_ms);
}

/* After one that was too much: half of it, and never more again. False where it is too short for that. */
static bool shorten(prom *s, gw_interval part)
{
    if (gw_interval_ms(part) <= SLICE_MIN_MS)
        return false;
    s->slice_ms = s->slice_max_ms = GW_MAX(gw_interval_ms(part) / 2, SLICE_MIN_MS);
    return true;
}

static int read_range(prom *s, const char *const *names, gw_interval range, const gw_series_sink *sink,
                      gw_error *e)
{
    for (int64_t at = range.start_ms; at < range.end_ms;) {
        int64_t slice = slice_of(s);
        gw_interval part = {at, slice < range.end_ms - at ? at + slice : range.end_ms};
        uint64_t most = 0;
        outcome o;
        int rc = read_part(s, names, part, sink, &o, &most, e);
        if (!rc) {
            s->proven = true;
            lengthen(s, slice, part, most);
            at = part.end_ms;
            continue;
        }
        if (o == TOO_MUCH && shorten(s, part))
            continue;
        bool stuck = o == TOO_MUCH && s->way == GW_PROM_QUERY && !s->proven;
        if ((o == REFUSED || stuck) && next_way(s))
            continue;
        return rc;
    }
    return 0;
}

static int prom_read(void *self, gw_family_group group, gw_interval range, const gw_series_sink *sink,
                     gw_error *e)
{
    prom *s = self;
    int64_t started = gw_clock_monotonic(NULL);
    int rc = read_range(s, gw_family_names(group), range, sink, e);
    s->stats.wall_ms += gw_clock_monotonic(NULL) - started;
    /* what was found wrong in a reply does not know whose it is */
    if (rc == GW_EQUERY && e && !strstr(e->message, gw_http_url(s->http)))
        gw_error_prefix(e, "Prometheus at %s", gw_http_url(s->http));
    /* what containers used is evidence for one rule; a report without it is still a report */
    bool spared = rc == GW_EQUERY || rc == GW_ESERVER || rc == GW_ETIMEOUT || rc == GW_ECORRUPT;
    if (group == GW_FAMILIES_CADVISOR && spared && e) {
        warn(s, "container CPU and memory usage (cAdvisor) could not be read: %s", e->message);
        return 0;
    }
    return rc;
}

/* ---- the source ---- */

static const char *prom_describe(void *self)
{
    prom *s = self;
    bool plain = s->way == GW_PROM_REMOTE_READ && s->plain;
    snprintf(s->description, sizeof(s->description), "Prometheus %.300s (%s%s%s)", gw_http_url(s->http),
             way_name(s->way),
             plain                           ? ", plain samples"
             : s->way == GW_PROM_QUERY_RANGE ? ", one sample a step"
                                             : "",
             s->refusals);
    return s->description;
}

static const char *prom_warnings(void *self)
{
    prom *s = self;
    return s->warnings.len ? s->warnings.data : NULL;
}

static void prom_stats(void *self, gw_source_stats *ret)
{
    const prom *s = self;
    *ret = s->stats;
}

static void prom_free(void *self)
{
    prom *s = self;
    if (!s)
        return;
    gw_http_free(s->http);
    gw_arena_free(&s->arena);
    gw_buf_free(&s->warnings);
    gw_free(s->space);
    gw_free(s);
}

int gw_prom_open(const gw_prom_options *o, gw_source *ret, gw_error *e)
{
    prom *s = gw_calloc(1, sizeof(*s));
    if (!s)
        return gw_fail_memory(e);
    gw_arena_init(&s->arena, 0);
    gw_buf_init(&s->warnings, WARNING_LINES_MAX);
    s->asked = o->mode;
    s->way = o->mode == GW_PROM_AUTO ? GW_PROM_REMOTE_READ : o->mode;
    s->budget = o->query_budget;
    s->step_ms = o->step_ms > 0 ? o->step_ms : STEP_DEFAULT_MS;
    s->slice_max_ms = SLICE_MAX_MS;
    s->concurrency = o->http.max_concurrency > 0 ? (size_t)o->http.max_concurrency : CONCURRENCY;
    gw_http_options http = o->http;
    if (!http.what)
        http.what = "Prometheus";
    int rc = 0;
    if (o->extra_matchers)
        rc = gw_matchers_parse(o->extra_matchers, &s->arena, s->extra, GW_MATCHERS_MAX, &s->n_extra, e);
    if (!rc && !(s->space = gw_malloc(sizeof(*s->space))))
        rc = gw_fail_memory(e);
    if (!rc)
        rc = gw_http_new(&http, &s->http, e);
    if (rc) {
        prom_free(s);
        return rc;
    }
    *ret = (gw_source){
        .self = s,
        .read = prom_read,
        .describe = prom_describe,
        .stats = prom_stats,
        .free = prom_free,
        .warnings = prom_warnings,
    };
    return 0;
}

gw_prom_mode gw_prom_mode_taken(const gw_source *source)
{
    const prom *s = source->self;
    return s->way;
}
