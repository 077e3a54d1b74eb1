#include "observe/prom_json.h"

#include <math.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/number.h"
#include "format/json_push.h"

#define BATCH           2048
#define LABEL_BYTES_MAX ((size_t)1 << 20) /* of one series */

/* The container that the next token stands in. */
typedef enum place {
    TOP,
    ROOT,     /* {"status", "data", …} */
    WARNINGS, /* ["…"] */
    DATA,     /* {"resultType", "result"} */
    RESULT,   /* [series] */
    SERIES,   /* {"metric", "values"} */
    METRIC,   /* {label: value} */
    VALUES,   /* [pair] */
    PAIR,     /* [time, value] */
} place;

/* What the value of the key read last will be. */
typedef enum role {
    OTHER,
    STATUS,
    ERROR_TYPE,
    ERROR_TEXT,
    WARNING_LIST,
    PARTIAL,
    DATA_OBJECT,
    RESULT_TYPE,
    RESULT_LIST,
    METRIC_OBJECT,
    VALUE_LIST,
} role;

typedef struct span {
    size_t at, n;
} span;

struct gw_prom_json {
    gw_json_push json;
    const gw_series_sink *sink;
    gw_interval range;
    const char *metric;
    place place;
    role role;
    unsigned skipping; /* depth inside a container that nobody wants */
    bool have_metric, succeeded, failed, have_result;
    char error_type[GW_PROM_JSON_TEXT_MAX], error_text[GW_PROM_JSON_TEXT_MAX], warning[GW_PROM_JSON_TEXT_MAX];
    gw_buf text; /* names and values of the labels in hand */
    span labels[2 * GW_SERIES_MAX_LABELS];
    size_t n_spans;
    gw_label label[GW_SERIES_MAX_LABELS];
    void *series;
    unsigned pair_at;
    int64_t pair_t, last_t;
    size_t n;
    int64_t t_ms[BATCH];
    double value[BATCH];
    gw_prom_json_stats stats;
};

static int strange(gw_error *e, const char *what)
{
    return gw_fail(e, GW_ECORRUPT,
                   "the reply is JSON, but not that of a Prometheus query: %s; check that the URL is "
                   "Prometheus' own, with its path prefix",
                   what);
}

static void keep(char out[GW_PROM_JSON_TEXT_MAX], gw_str s)
{
    snprintf(out, GW_PROM_JSON_TEXT_MAX, "%.*s", (int)GW_MIN(s.n, GW_PROM_JSON_TEXT_MAX), s.p);
}

static void warn(gw_prom_json *r, gw_str text)
{
    if (r->stats.warnings++ == 0)
        keep(r->warning, text);
}

bool gw_prom_time_parse(gw_str s, int64_t *ret_ms)
{
    int64_t ms = 0;
    size_t i = 0, whole, decimals;
    for (; i < s.n && i < 12 && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        ms = ms * 10 + (s.p[i] - '0');
    whole = i;
    decimals = i < s.n && s.p[i] == '.' ? s.n - i - 1 : 0;
    if (whole > 0 && decimals <= 3 && (decimals > 0 || i == s.n)) {
        for (size_t k = 1; k <= 3; k++) {
            char c = k <= decimals ? s.p[i + k] : '0';
            if (c < '0' || c > '9')
                return false;
            ms = ms * 10 + (c - '0');
        }
        *ret_ms = ms;
        return true;
    }
    double seconds;
    if (!gw_parse_double(s, &seconds) || !(fabs(seconds) < 1e12))
        return false;
    *ret_ms = llround(seconds * 1000);
    return true;
}

static int flush(gw_prom_json *r, gw_error *e)
{
    size_t n = r->n;
    r->n = 0;
    r->stats.samples += n;
    return n ? r->sink->samples(r->sink->ctx, r->series, r->t_ms, r->value, n, e) : 0;
}

/* The labels are complete: tells the sink. */
static int announce(gw_prom_json *r, gw_error *e)
{
    if (!r->have_metric)
        return strange(e, "values come before their metric");
    size_t n = 0;
    bool named = false;
    for (size_t i = 0; i + 1 < r->n_spans; i += 2) {
        gw_label *l = &r->label[n++];
        l->name = (gw_str){r->text.data + r->labels[i].at, r->labels[i].n};
        l->value = (gw_str){r->text.data + r->labels[i + 1].at, r->labels[i + 1].n};
        named |= gw_str_is(l->name, "__name__");
    }
    if (!named && r->metric && n < GW_SERIES_MAX_LABELS)
        r->label[n++] = (gw_label){gw_str_of("__name__"), gw_str_of(r->metric)};
    r->last_t = INT64_MIN;
    r->stats.series++;
    return r->sink->series(r->sink->ctx, r->label, n, &r->series, e);
}

static int add_label_part(gw_prom_json *r, gw_str s, gw_error *e)
{
    if (r->n_spans == GW_COUNT(r->labels))
        return gw_fail(e, GW_ELIMIT, "a series with more than %d labels", GW_SERIES_MAX_LABELS);
    r->labels[r->n_spans++] = (span){r->text.len, s.n};
    gw_buf_add(&r->text, s.p, s.n);
    if (r->text.len == 0) /* so that data is never NULL */
        gw_buf_putc(&r->text, ' ');
    return gw_buf_check(&r->text, "the labels of a series", e);
}

static int add_pair_part(gw_prom_json *r, gw_str s, gw_error *e)
{
    switch (r->pair_at++) {
    case 0:
        return gw_prom_time_parse(s, &r->pair_t) ? 0 : strange(e, "a time that is not a number");
    case 1: {
        double v;
        if (!gw_parse_double(s, &v))
            return strange(e, "a value that is not a number");
        if (r->series == GW_SERIES_SKIP || r->pair_t < r->range.start_ms || r->pair_t >= r->range.end_ms ||
            r->pair_t <= r->last_t)
            return 0;
        r->t_ms[r->n] = r->last_t = r->pair_t;
        r->value[r->n++] = v;
        return r->n == BATCH ? flush(r, e) : 0;
    }
    default:
        return strange(e, "a sample with more than a time and a value");
    }
}

static role role_of(place at, gw_str key)
{
    static const struct {
        place at;
        const char *key;
        role role;
    } known[] = {
        {SERIES, "metric", METRIC_OBJECT}, {SERIES, "values", VALUE_LIST},  {ROOT, "status", STATUS},
        {ROOT, "data", DATA_OBJECT},       {ROOT, "errorType", ERROR_TYPE}, {ROOT, "error", ERROR_TEXT},
        {ROOT, "warnings", WARNING_LIST},  {ROOT, "isPartial", PARTIAL},    {DATA, "resultType", RESULT_TYPE},
        {DATA, "result", RESULT_LIST},
    };
    for (size_t i = 0; i < GW_COUNT(known); i++)
        if (known[i].at == at && gw_str_is(key, known[i].key))
            return known[i].role;
    return OTHER;
}

/* A string, number or literal. */
static int on_scalar(gw_prom_json *r, gw_json_token token, gw_str s, gw_error *e)
{
    switch (r->place) {
    case PAIR:
        return add_pair_part(r, s, e);
    case METRIC:
        return token == GW_JSON_STRING ? add_label_part(r, s, e)
                                       : strange(e, "a label whose value is not a string");
    case WARNINGS:
        warn(r, s);
        return 0;
    case ROOT:
        if (r->role == STATUS) {
            r->succeeded = gw_str_is(s, "success");
            r->failed = gw_str_is(s, "error");
        } else if (r->role == ERROR_TYPE) {
            keep(r->error_type, s);
        } else if (r->role == ERROR_TEXT) {
            keep(r->error_text, s);
        } else if (r->role == PARTIAL && token == GW_JSON_TRUE) {
            warn(r, gw_str_of("the server says that its answer is partial"));
        }
        return 0;
    case DATA:
        if (r->role == RESULT_TYPE && !gw_str_is(s, "matrix"))
            return strange(e, "a result that is not a matrix");
        return 0;
    case SERIES:
        return 0;
    default:
        return strange(e, "a bare value where a list or an object belongs");
    }
}

/* The place inside a container that begins here; TOP where nobody wants it. */
static place place_inside(const gw_prom_json *r, bool object)
{
    switch (r->place) {
    case TOP:
        return object ? ROOT : TOP;
    case ROOT:
        return r->role == DATA_OBJECT && object ? DATA : r->role == WARNING_LIST && !object ? WARNINGS : TOP;
    case DATA:
        return r->role == RESULT_LIST && !object ? RESULT : TOP;
    case RESULT:
        return object ? SERIES : TOP;
    case SERIES:
        return r->role == METRIC_OBJECT && object ? METRIC : r->role == VALUE_LIST && !object ? VALUES : TOP;
    case VALUES:
        return object ? TOP : PAIR;
    default:
        return TOP;
    }
}

static int on_begin(gw_prom_json *r, bool object, gw_error *e)
{
    place inside = place_inside(r, object);
    if (inside == TOP) {
        if (r->place == PAIR || r->place == VALUES || r->place == METRIC || r->place == RESULT ||
            r->place == TOP)
            return strange(e, "lists and objects where they do not belong");
        r->skipping = 1;
        return 0;
    }
    r->place = inside;
    switch (inside) {
    case RESULT:
        r->have_result = true;
        return 0;
    case SERIES:
        r->have_metric = false;
        return 0;
    case METRIC:
        r->have_metric = true;
        r->n_spans = 0;
        gw_buf_clear(&r->text);
        return 0;
    case VALUES:
        return announce(r, e);
    case PAIR:
        r->pair_at = 0;
        return 0;
    default:
        return 0;
    }
}

static int on_end(gw_prom_json *r, gw_error *e)
{
    static const place outside[] = {
        [TOP] = TOP,       [ROOT] = TOP,      [WARNINGS] = ROOT, [DATA] = ROOT,   [RESULT] = DATA,
        [SERIES] = RESULT, [METRIC] = SERIES, [VALUES] = SERIES, [PAIR] = VALUES,
    };
    place was = r->place;
    r->place = outside[was];
    if (was == PAIR && r->pair_at != 2)
        return strange(e, "a sample without a time or a value");
    return was == VALUES ? flush(r, e) : 0;
}

static int on_token(void *ctx, gw_json_token token, gw_str text, gw_error *e)
{
    gw_prom_json *r = ctx;
    bool begins = token == GW_JSON_OBJECT_BEGIN || token == GW_JSON_ARRAY_BEGIN;
    bool ends = token == GW_JSON_OBJECT_END || token == GW_JSON_ARRAY_END;
    if (r->skipping) {
        r->skipping += begins;
        r->skipping -= ends;
        return 0;
    }
    if (begins)
        return on_begin(r, token == GW_JSON_OBJECT_BEGIN, e);
    if (ends)
        return on_end(r, e);
    if (token != GW_JSON_KEY)
        return on_scalar(r, token, text, e);
    r->role = role_of(r->place, text);
    return r->place == METRIC ? add_label_part(r, text, e) : 0;
}

gw_prom_json *gw_prom_json_new(const gw_series_sink *sink, gw_interval range, const char *metric)
{
    gw_prom_json *r = gw_calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->sink = sink;
    r->range = range;
    r->metric = metric;
    gw_json_push_init(&r->json, on_token, r);
    gw_buf_init(&r->text, LABEL_BYTES_MAX);
    return r;
}

void gw_prom_json_free(gw_prom_json *r)
{
    if (!r)
        return;
    gw_json_push_free(&r->json);
    gw_buf_free(&r->text);
    gw_free(r);
}

int gw_prom_json_feed(gw_prom_json *r, const char *p, size_t n, gw_error *e)
{
    return gw_json_push_feed(&r->json, p, n, e);
}

int gw_prom_json_finish(gw_prom_json *r, gw_error *e)
{
    gw_error own;
    int rc = gw_json_push_finish(&r->json, &own);
    if (rc == GW_ETIMEOUT)
        return gw_fail(e, rc, "%s; look for a timeout of the server, or of a proxy before it", own.message);
    if (rc)
        return gw_fail(e, rc, "%s", own.message);
    if (r->failed)
        return gw_fail(e, GW_EQUERY, "the server answered with an error%s%s: %s",
                       r->error_type[0] ? " of type " : "", r->error_type, r->error_text);
    if (!r->succeeded || !r->have_result)
        return strange(e, "\"status\" or \"data\" is missing");
    return 0;
}

void gw_prom_json_reset(gw_prom_json *r)
{
    gw_json_push_reset(&r->json);
    gw_buf_clear(&r->text);
    r->place = TOP;
    r->role = OTHER;
    r->skipping = 0;
    r->have_metric = r->succeeded = r->failed = r->have_result = false;
    r->error_type[0] = r->error_text[0] = '\0';
    r->n_spans = r->n = 0;
}

const gw_prom_json_stats *gw_prom_json_stats_of(const gw_prom_json *r)
{
    return &r->stats;
}

const char *gw_prom_json_warning(const gw_prom_json *r)
{
    return r->warning;
}
