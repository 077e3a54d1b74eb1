#include "format/om.h"

#include <math.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"

/*
 * Nearly every line of a large file differs from the line before only in value and time. So a reader holds
 * the text of the current series up to its value (the prefix), and compares, instead of parsing, as long as
 * lines agree with it: see run_wanted(). Everything else, and everything odd, goes through sample_line().
 */

#define FAST_TAIL_MAX                                                                                        \
    96                    /* what run_wanted() may look at behind the prefix: number, blank, time, line end  \
                           */
#define FAST_DIGITS    18 /* fit a uint64_t */
#define EXACT_MANTISSA (UINT64_C(1) << 53)
#define EXACT_POW10    22 /* 10^22 is the last power of ten that a double holds exactly */

typedef enum mode {
    MODE_NONE,   /* no current series: the next line is parsed */
    MODE_WANTED, /* the prefix is a series whose samples are taken */
    MODE_SKIPPED /* lines with this prefix are passed over */
} mode;

typedef struct point {
    int64_t t_ms;
    uint32_t order; /* of arrival: the first of two at one time stays */
    double value;
} point;

struct gw_om_reader {
    gw_series_sink sink;
    gw_interval range;
    const char *const *names;

    mode mode;
    char *prefix;
    size_t prefix_len, prefix_cap;
    bool announced;
    void *handle;
    int64_t delivered_ms; /* the newest sample delivered of the current series */
    bool any_delivered;

    int64_t t_ms[GW_OM_BATCH];
    double value[GW_OM_BATCH];
    size_t n;
    bool disordered;
    gw_om_back back; /* line 0: none */

    gw_om_at at;
    gw_buf carry; /* the beginning of a line whose end is in the next piece */
    bool eof;
    int failed;

    gw_label labels[GW_SERIES_MAX_LABELS];
    size_t n_labels;
    char *unescaped; /* label values that needed unescaping; never longer than the line */
    size_t unescaped_cap, unescaped_len;
    char *typed; /* the family of the last TYPE line that can have _created samples; "" = none */
    size_t typed_cap;
    uint64_t samples, series, lines;
};

gw_om_reader *gw_om_reader_new(const gw_series_sink *sink, gw_interval range)
{
    gw_om_reader *r = gw_calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->sink = *sink;
    r->range = range;
    r->at.line = 1;
    gw_buf_init(&r->carry, GW_OM_LINE_MAX + 2); /* "\r\n" does not count */
    return r;
}

void gw_om_reader_free(gw_om_reader *r)
{
    if (!r)
        return;
    gw_buf_free(&r->carry);
    gw_free(r->prefix);
    gw_free(r->unescaped);
    gw_free(r->typed);
    gw_free(r);
}

void gw_om_reader_families(gw_om_reader *r, const char *const *names)
{
    r->names = names;
}

uint64_t gw_om_reader_samples(const gw_om_reader *r)
{
    return r->samples;
}

uint64_t gw_om_reader_series(const gw_om_reader *r)
{
    return r->series;
}

uint64_t gw_om_reader_lines(const gw_om_reader *r)
{
    return r->lines;
}

gw_om_at gw_om_reader_at(const gw_om_reader *r)
{
    return r->at;
}

const gw_om_back *gw_om_reader_back(const gw_om_reader *r)
{
    return r->back.line ? &r->back : NULL;
}

static int bad(const gw_om_reader *r, gw_error *e, const char *what)
{
    return gw_fail(e, GW_ECORRUPT,
                   "line %" PRIu64
                   ": %s; a sample is written as name{label=\"value\"} 1.5 1662858720 (unix seconds)",
                   r->at.line, what);
}

/* ---- batches ---- */

static int by_time(const void *a, const void *b)
{
    const point *x = a, *y = b;
    if (x->t_ms != y->t_ms)
        return x->t_ms < y->t_ms ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int sort_batch(gw_om_reader *r, gw_error *e)
{
    point *p = gw_malloc(r->n * sizeof(*p));
    if (!p)
        return gw_fail_memory(e);
    for (size_t i = 0; i < r->n; i++)
        p[i] = (point){r->t_ms[i], (uint32_t)i, r->value[i]};
    qsort(p, r->n, sizeof(*p), by_time);
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (n > 0 && p[i].t_ms == r->t_ms[n - 1])
            continue;
        r->t_ms[n] = p[i].t_ms;
        r->value[n++] = p[i].value;
    }
    gw_free(p);
    r->n = n;
    return 0;
}

static int goes_back(const gw_om_reader *r, int64_t t_ms, gw_error *e)
{
    char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    return gw_fail(e, GW_ECORRUPT,
                   "line %" PRIu64 ": the times of one series go back from %s to %s; OpenMetrics wants them "
                   "ascending: sort the lines of each series by time",
                   r->at.line, gw_time_format(r->delivered_ms, from), gw_time_format(t_ms, to));
}

/* Delivers what is held. */
static int flush(gw_om_reader *r, gw_error *e)
{
    if (r->n == 0)
        return 0;
    int rc = r->disordered ? sort_batch(r, e) : 0;
    r->disordered = false;
    if (rc)
        return r->n = 0, rc;
    size_t from = 0;
    if (r->any_delivered) {
        while (from < r->n && r->t_ms[from] == r->delivered_ms)
            from++;
        if (from < r->n && r->t_ms[from] < r->delivered_ms) {
            rc = goes_back(r, r->t_ms[from], e);
            r->n = 0;
            return rc;
        }
    }
    size_t n = r->n - from;
    r->n = 0;
    if (n == 0)
        return 0;
    r->delivered_ms = r->t_ms[from + n - 1];
    r->any_delivered = true;
    r->samples += n;
    return r->sink.samples(r->sink.ctx, r->handle, r->t_ms + from, r->value + from, n, e);
}

/* ---- labels ---- */

typedef struct scan {
    const char *p, *end;
} scan;

static void skip_blanks(scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
        s->p++;
}

static gw_str take_name(scan *s)
{
    const char *from = s->p;
    while (s->p < s->end && ((*s->p >= 'a' && *s->p <= 'z') || (*s->p >= 'A' && *s->p <= 'Z') ||
                             *s->p == '_' || *s->p == ':' || (*s->p >= '0' && *s->p <= '9')))
        s->p++;
    if (s->p > from && *from >= '0' && *from <= '9')
        s->p = from; /* a name that starts with a digit is none */
    return (gw_str){from, (size_t)(s->p - from)};
}

static bool is_utf8(gw_str s)
{
    size_t i = 0;
    while (i < s.n) {
        if ((unsigned char)s.p[i] < 0x80) {
            if (s.p[i++] == '\0')
                return false; /* no text holds NUL; a binary file does */
            continue;
        }
        size_t before = i;
        if (gw_utf8_next(s, &i) == GW_UTF8_REPLACEMENT && i == before + 1)
            return false;
    }
    return true;
}

/* The text in quotes that starts at s->p; NULL, or what is wrong. */
static const char *take_quoted(gw_om_reader *r, scan *s, gw_str *ret)
{
    const char *from = ++s->p;
    bool escaped = false;
    while (s->p < s->end && *s->p != '"') {
        if (*s->p == '\\') {
            escaped = true;
            s->p++;
        }
        s->p++;
    }
    if (s->p >= s->end)
        return "a label value without its closing quote";
    *ret = (gw_str){from, (size_t)(s->p++ - from)};
    if (!is_utf8(*ret))
        return "a label value that is not UTF-8 text";
    if (!escaped)
        return NULL;
    char *out = r->unescaped + r->unescaped_len;
    size_t n = 0;
    for (size_t i = 0; i < ret->n; i++) {
        char c = ret->p[i], next = i + 1 < ret->n ? ret->p[i + 1] : '\0';
        if (c == '\\' && (next == '\\' || next == '"' || next == 'n')) {
            c = next == 'n' ? '\n' : next;
            i++;
        }
        out[n++] = c;
    }
    r->unescaped_len += n;
    *ret = (gw_str){out, n};
    return NULL;
}

static const char *add_label(gw_om_reader *r, gw_str name, gw_str value)
{
    for (size_t i = 0; i < r->n_labels; i++) {
        if (gw_str_eq(r->labels[i].name, name))
            return "a label twice in one series";
    }
    if (value.n == 0)
        return NULL;
    if (r->n_labels == GW_SERIES_MAX_LABELS)
        return "more labels than any series has";
    r->labels[r->n_labels++] = (gw_label){name, value};
    return NULL;
}

/* One of `name="value"`, `"name"="value"`, and `"metric name"`. */
static const char *take_label(gw_om_reader *r, scan *s)
{
    gw_str name, value;
    const char *wrong;
    bool quoted = *s->p == '"';
    if (quoted) {
        if ((wrong = take_quoted(r, s, &name)))
            return wrong;
    } else {
        name = take_name(s);
    }
    skip_blanks(s);
    if (quoted && s->p < s->end && (*s->p == ',' || *s->p == '}'))
        return add_label(r, gw_str_of("__name__"), name);
    if (name.n == 0 || s->p >= s->end || *s->p != '=')
        return "a label without name or '='";
    s->p++;
    skip_blanks(s);
    if (s->p >= s->end || *s->p != '"')
        return "a label value that is not in quotes";
    if ((wrong = take_quoted(r, s, &value)))
        return wrong;
    return add_label(r, name, value);
}

static const char *take_labels(gw_om_reader *r, scan *s)
{
    s->p++; /* the brace */
    for (;;) {
        skip_blanks(s);
        if (s->p < s->end && *s->p == '}')
            break;
        if (s->p >= s->end)
            return "labels without their closing brace";
        const char *wrong = take_label(r, s);
        if (wrong)
            return wrong;
        skip_blanks(s);
        if (s->p < s->end && *s->p == ',')
            s->p++;
        else if (s->p >= s->end || *s->p != '}')
            return "labels without a comma between them or their closing brace";
    }
    s->p++;
    return NULL;
}

/* Reads `name{…} ` into r->labels, which then point into the text or into r->unescaped. */
static int parse_series(gw_om_reader *r, gw_str text, size_t *ret_len, gw_error *e)
{
    void *p = r->unescaped;
    if (gw_grow(&p, &r->unescaped_cap, text.n + 1, 1, 2 * GW_OM_LINE_MAX))
        return gw_fail_memory(e);
    r->unescaped = p;
    r->unescaped_len = 0;
    r->n_labels = 0;
    scan s = {text.p, text.p + text.n};
    gw_str name = take_name(&s);
    if (name.n)
        add_label(r, gw_str_of("__name__"), name);
    skip_blanks(&s);
    const char *wrong = NULL;
    bool braces = s.p < s.end && *s.p == '{';
    if (braces)
        wrong = take_labels(r, &s);
    if (!wrong && (r->n_labels == 0 || !gw_str_is(r->labels[0].name, "__name__")))
        wrong = "no metric name at its start";
    if (!wrong && !braces && s.p == name.p + name.n)
        wrong = "no value";
    if (wrong)
        return bad(r, e, wrong);
    if (braces && s.p < s.end && (*s.p == ' ' || *s.p == '\t'))
        s.p++;
    *ret_len = (size_t)(s.p - text.p);
    return 0;
}

/* ---- samples ---- */

static int set_text(char **text, size_t *cap, gw_str s, gw_error *e)
{
    void *p = *text;
    if (gw_grow(&p, cap, s.n + 1, 1, GW_OM_LINE_MAX + 1))
        return gw_fail_memory(e);
    *text = p;
    memcpy(*text, s.p, s.n);
    (*text)[s.n] = '\0';
    return 0;
}

static int start_series(gw_om_reader *r, mode m, gw_str prefix, gw_error *e)
{
    r->mode = MODE_NONE;
    int rc = set_text(&r->prefix, &r->prefix_cap, prefix, e);
    if (rc)
        return rc;
    r->prefix_len = prefix.n;
    r->mode = m;
    r->announced = false;
    r->any_delivered = false;
    return 0;
}

static int announce(gw_om_reader *r, gw_error *e)
{
    size_t len;
    int rc = parse_series(r, (gw_str){r->prefix, r->prefix_len}, &len, e);
    if (rc)
        return rc;
    r->announced = true;
    r->handle = GW_SERIES_SKIP;
    rc = r->sink.series(r->sink.ctx, r->labels, r->n_labels, &r->handle, e);
    if (rc)
        return rc;
    r->series++;
    if (r->handle == GW_SERIES_SKIP)
        r->mode = MODE_SKIPPED;
    return 0;
}

static void note_back(gw_om_reader *r, int64_t t_ms)
{
    int64_t last_ms = r->t_ms[r->n - 1];
    r->disordered = true;
    if (last_ms - t_ms > r->back.from_ms - r->back.to_ms)
        r->back = (gw_om_back){r->at.line, last_ms, t_ms};
}

/* Takes one sample of the current series, whose line is the one at r->at. */
static inline int take(gw_om_reader *r, int64_t t_ms, double value, gw_error *e)
{
    if (t_ms < r->range.start_ms || t_ms >= r->range.end_ms)
        return 0;
    if (!r->announced) {
        int rc = announce(r, e);
        if (rc || r->mode == MODE_SKIPPED)
            return rc;
    }
    if (r->n == GW_OM_BATCH) {
        int rc = flush(r, e);
        if (rc)
            return rc;
    }
    if (r->n > 0 && t_ms <= r->t_ms[r->n - 1])
        note_back(r, t_ms);
    r->t_ms[r->n] = t_ms;
    r->value[r->n++] = value;
    return 0;
}

static double stale_marker(void)
{
    uint64_t bits = GW_STALE_NAN_BITS;
    double v;
    memcpy(&v, &bits, sizeof(v));
    return v;
}

static gw_str take_word(scan *s)
{
    skip_blanks(s);
    const char *from = s->p;
    while (s->p < s->end && *s->p != ' ' && *s->p != '\t')
        s->p++;
    return (gw_str){from, (size_t)(s->p - from)};
}

/* `value time`, and perhaps an exemplar, behind the prefix. */
static int take_rest(gw_om_reader *r, gw_str text, gw_error *e)
{
    scan s = {text.p, text.p + text.n};
    gw_str value = take_word(&s), time = take_word(&s);
    double v, t;
    if (!gw_parse_double(value, &v))
        return bad(r, e, "a value that is not a number");
    if (time.n == 0 || *time.p == '#')
        return bad(r, e, "a sample without a timestamp");
    if (!gw_parse_double(time, &t) || !isfinite(t))
        return bad(r, e, "a timestamp that is not a number");
    if (fabs(t) > GW_OM_TIME_MAX_S)
        return bad(r, e, "a timestamp that is not in seconds but, it seems, in milliseconds");
    skip_blanks(&s);
    if (s.p < s.end && *s.p != '#')
        return bad(r, e, "text behind the timestamp");
    return take(r, llround(t * 1000), isnan(v) ? stale_marker() : v, e);
}

static bool wanted(const gw_om_reader *r, gw_str name)
{
    for (size_t i = 0; r->names && r->names[i]; i++) {
        if (gw_str_is(name, r->names[i]))
            return true;
    }
    return !r->names;
}

static bool is_created(const gw_om_reader *r, gw_str name)
{
    static const char suffix[] = "_created";
    size_t n = sizeof(suffix) - 1;
    return r->typed && *r->typed && name.n > n && memcmp(name.p + name.n - n, suffix, n) == 0 &&
           gw_str_is((gw_str){name.p, name.n - n}, r->typed);
}

static int sample_line(gw_om_reader *r, gw_str text, gw_error *e)
{
    if (r->mode != MODE_NONE && text.n > r->prefix_len && memcmp(text.p, r->prefix, r->prefix_len) == 0) {
        gw_str rest = {text.p + r->prefix_len, text.n - r->prefix_len};
        return r->mode == MODE_SKIPPED ? 0 : take_rest(r, rest, e);
    }
    int rc = flush(r, e);
    if (rc)
        return rc;
    scan s = {text.p, text.p + text.n};
    gw_str name = take_name(&s);
    bool ends = s.p < s.end && (*s.p == '{' || *s.p == ' ' || *s.p == '\t');
    if (name.n && ends && (!wanted(r, name) || is_created(r, name)))
        return start_series(r, MODE_SKIPPED, (gw_str){text.p, name.n + 1}, e);
    size_t len = 0;
    rc = parse_series(r, text, &len, e);
    if (rc)
        return rc;
    bool skip = name.n == 0 && !wanted(r, r->labels[0].value); /* a name in quotes */
    rc = start_series(r, skip ? MODE_SKIPPED : MODE_WANTED, (gw_str){text.p, len}, e);
    if (rc || skip)
        return rc;
    return take_rest(r, (gw_str){text.p + len, text.n - len}, e);
}

static int comment_line(gw_om_reader *r, gw_str text, gw_error *e)
{
    if (gw_str_is(text, "# EOF")) {
        r->eof = true;
        return 0;
    }
    scan s = {text.p, text.p + text.n};
    take_word(&s);
    if (!gw_str_is(take_word(&s), "TYPE"))
        return 0;
    gw_str name = take_word(&s), type = take_word(&s);
    bool created = gw_str_is(type, "counter") || gw_str_is(type, "histogram") || gw_str_is(type, "summary");
    return set_text(&r->typed, &r->typed_cap, created ? name : (gw_str){"", 0}, e);
}

/* One whole line without its end. */
static int one_line(gw_om_reader *r, gw_str text, gw_error *e)
{
    if (text.n && text.p[text.n - 1] == '\r')
        text.n--;
    if (text.n > GW_OM_LINE_MAX)
        return bad(r, e, "longer than a mebibyte");
    if (text.n == 0)
        return 0;
    if (r->eof)
        return bad(r, e, "text behind # EOF, which must be the last line");
    return *text.p == '#' ? comment_line(r, text, e) : sample_line(r, text, e);
}

/* ---- the fast way ---- */

static const double pow10_exact[EXACT_POW10 + 1] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/*
 * A plain decimal at *p, which has FAST_TAIL_MAX readable bytes: exact, since a mantissa below 2^53 and a
 * power of ten up to 10^22 are both exact doubles, so that their product or quotient is rounded once (W.
 * Clinger, "How to read floating point numbers accurately", 1990). False where that does not hold.
 */
static inline bool fast_number(const char **p, double *ret)
{
    const char *s = *p;
    bool negative = *s == '-';
    s += negative;
    const char *from = s, *limit = s + FAST_DIGITS;
    uint64_t m = 0;
    unsigned d;
    while (s < limit && (d = (unsigned)(*s - '0')) <= 9) {
        m = m * 10 + d;
        s++;
    }
    int digits = (int)(s - from), exponent = 0;
    if (*s == '.') {
        from = ++s;
        while (s < limit && (d = (unsigned)(*s - '0')) <= 9) {
            m = m * 10 + d;
            s++;
        }
        exponent = -(int)(s - from);
        digits -= exponent;
    }
    if (*s == 'e' || *s == 'E') {
        int sign = s[1] == '-' ? -1 : 1, power = 0;
        s += s[1] == '-' || s[1] == '+' ? 2 : 1;
        from = s;
        while (s < from + 3 && (d = (unsigned)(*s - '0')) <= 9)
            power = power * 10 + (int)d, s++;
        if (s == from)
            return false;
        exponent += sign * power;
    }
    if (digits == 0 || m > EXACT_MANTISSA || exponent > EXACT_POW10 || exponent < -EXACT_POW10)
        return false;
    double v = exponent < 0 ? (double)m / pow10_exact[-exponent] : (double)m * pow10_exact[exponent];
    *ret = negative ? -v : v;
    *p = s;
    return true;
}

/* Seconds with up to three decimals, not negative. */
static inline bool fast_time(const char **p, int64_t *ret_ms)
{
    const char *s = *p, *from = s;
    int64_t t = 0;
    unsigned d;
    while (s < from + 11 && (d = (unsigned)(*s - '0')) <= 9)
        t = t * 10 + d, s++;
    if (s == from)
        return false;
    t *= 1000;
    if (*s == '.') {
        s++;
        for (int unit = 100; unit && (d = (unsigned)(*s - '0')) <= 9; unit /= 10)
            t += (int64_t)d * unit, s++;
    }
    *ret_ms = t;
    *p = s;
    return true;
}

/* Takes lines of the current series from [p, end) as long as they are plain; returns the first other one. */
static const char *run_wanted(gw_om_reader *r, const char *p, const char *end, int *rc, gw_error *e)
{
    size_t len = r->prefix_len;
    while ((size_t)(end - p) >= len + FAST_TAIL_MAX && memcmp(p, r->prefix, len) == 0) {
        const char *s = p + len;
        double value;
        int64_t t_ms;
        if (!fast_number(&s, &value) || *s++ != ' ' || !fast_time(&s, &t_ms) || *s++ != '\n')
            break;
        if ((*rc = take(r, t_ms, value, e)))
            break;
        r->lines++;
        r->at.line++;
        r->at.offset += (uint64_t)(s - p);
        p = s;
        if (r->mode != MODE_WANTED)
            break;
    }
    return p;
}

static const char *run_skipped(gw_om_reader *r, const char *p, const char *end)
{
    size_t len = r->prefix_len;
    while ((size_t)(end - p) > len && memcmp(p, r->prefix, len) == 0) {
        const char *s = memchr(p + len, '\n', (size_t)(end - p) - len);
        if (!s || (size_t)(s - p) > GW_OM_LINE_MAX)
            break;
        r->lines++;
        r->at.line++;
        r->at.offset += (uint64_t)(s + 1 - p);
        p = s + 1;
    }
    return p;
}

/* ---- pieces ---- */

static int line_then_next(gw_om_reader *r, const char *p, size_t n, gw_error *e)
{
    int rc = one_line(r, (gw_str){p, n}, e);
    if (rc)
        return rc;
    r->lines++;
    r->at.line++;
    r->at.offset += n + 1;
    return 0;
}

static int keep(gw_om_reader *r, const char *p, size_t n, gw_error *e)
{
    gw_buf_add(&r->carry, p, n);
    if (r->carry.failed == GW_ELIMIT)
        return bad(r, e, "longer than a mebibyte");
    return r->carry.failed ? gw_fail_memory(e) : 0;
}

static int feed(gw_om_reader *r, const char *p, size_t n, gw_error *e)
{
    const char *end = p + n;
    int rc = 0;
    if (r->carry.len) {
        const char *s = memchr(p, '\n', n);
        rc = keep(r, p, s ? (size_t)(s - p) : n, e);
        if (rc || !s)
            return rc;
        rc = line_then_next(r, r->carry.data, r->carry.len, e);
        gw_buf_clear(&r->carry);
        p = s + 1;
    }
    while (rc == 0 && p < end) {
        if (r->mode == MODE_WANTED && !r->eof)
            p = run_wanted(r, p, end, &rc, e);
        else if (r->mode == MODE_SKIPPED && !r->eof)
            p = run_skipped(r, p, end);
        if (rc || p == end)
            break;
        const char *s = memchr(p, '\n', (size_t)(end - p));
        if (!s)
            return keep(r, p, (size_t)(end - p), e);
        rc = line_then_next(r, p, (size_t)(s - p), e);
        p = s + 1;
    }
    return rc;
}

/* Delivers what came before a failure; the failure stays the one that is reported. */
static int fail(gw_om_reader *r, int rc)
{
    gw_error ignored;
    if (!r->failed && rc == GW_ECORRUPT)
        flush(r, &ignored);
    r->failed = rc;
    return rc;
}

static int failed_before(const gw_om_reader *r, gw_error *e)
{
    return gw_fail(e, r->failed, "line %" PRIu64 ": reading ended here", r->at.line);
}

int gw_om_reader_feed(gw_om_reader *r, const char *p, size_t n, gw_error *e)
{
    if (r->failed)
        return failed_before(r, e);
    int rc = n ? feed(r, p, n, e) : 0;
    return rc ? fail(r, rc) : 0;
}

static int cut_off(const gw_om_reader *r, gw_error *e)
{
    return gw_fail(e, GW_ECORRUPT,
                   "cut off at line %" PRIu64
                   ": the text does not end with '# EOF'; copy it again, or record it again",
                   r->at.line);
}

int gw_om_reader_part(gw_om_reader *r, gw_error *e)
{
    if (r->failed)
        return failed_before(r, e);
    int rc = flush(r, e);
    r->mode = MODE_NONE;
    if (rc == 0 && r->carry.len)
        rc = cut_off(r, e);
    gw_buf_clear(&r->carry);
    return rc ? fail(r, rc) : 0;
}

int gw_om_reader_finish(gw_om_reader *r, gw_error *e)
{
    if (r->failed)
        return failed_before(r, e);
    gw_str last = {r->carry.data, r->carry.len};
    if (last.n && last.p[last.n - 1] == '\r')
        last.n--;
    if (!r->eof && gw_str_is(last, "# EOF")) { /* the end of the last line may be missing */
        r->lines++;
        r->eof = true;
        gw_buf_clear(&r->carry);
    }
    int rc = gw_om_reader_part(r, e);
    if (rc == 0 && !r->eof)
        rc = fail(r, cut_off(r, e));
    return rc;
}

void gw_om_reader_jump(gw_om_reader *r, uint64_t offset, uint64_t line)
{
    r->at = (gw_om_at){offset, line};
    r->mode = MODE_NONE;
    r->eof = false;
    gw_buf_clear(&r->carry);
}
