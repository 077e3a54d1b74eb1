#include "gw_test.h"

#include <float.h>
#include <math.h>

#include "base/mem.h"
#include "format/om.h"

#define EVERYTHING ((gw_interval){INT64_MIN, INT64_MAX})

/* A sink that writes down what it is told: "S name a=b c=d\n" and "P time value\n", value as its bits. */
typedef struct notes {
    gw_buf text;
    gw_om_reader *reader;
    gw_om_at at[64]; /* of the first calls, series() and samples() alike */
    size_t n_at;
    const char *skip; /* metric whose samples nobody wants */
    int fail_after;   /* samples() calls until it fails; 0 = never */
} notes;

static void note_at(notes *n)
{
    if (n->reader && n->n_at < GW_COUNT(n->at))
        n->at[n->n_at++] = gw_om_reader_at(n->reader);
}

static int by_name(const void *a, const void *b)
{
    const gw_label *x = a, *y = b;
    int c = memcmp(x->name.p, y->name.p, GW_MIN(x->name.n, y->name.n));
    return c ? c : (x->name.n > y->name.n) - (x->name.n < y->name.n);
}

static int on_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    notes *k = ctx;
    gw_label sorted[GW_SERIES_MAX_LABELS];
    GW_UNUSED(e);
    memcpy(sorted, labels, n * sizeof(*labels));
    qsort(sorted, n, sizeof(*sorted), by_name);
    note_at(k);
    bool skip = false;
    gw_buf_puts(&k->text, "S");
    for (size_t i = 0; i < n; i++) {
        gw_buf_printf(&k->text, " %.*s=%.*s", GW_STR_ARG(sorted[i].name), GW_STR_ARG(sorted[i].value));
        skip |= k->skip && gw_str_is(sorted[i].value, k->skip);
    }
    gw_buf_puts(&k->text, "\n");
    *ret = skip ? GW_SERIES_SKIP : k;
    return 0;
}

static int on_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    notes *k = ctx;
    assert_ptr_equal(series, k);
    note_at(k);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &v[i], sizeof(bits));
        gw_buf_printf(&k->text, "P %" PRId64 " %016" PRIx64 "\n", t[i], bits);
    }
    if (k->fail_after && --k->fail_after == 0)
        return gw_fail(e, GW_ELIMIT, "the sink is full");
    return 0;
}

static void notes_init(notes *k)
{
    *k = (notes){0};
    gw_buf_init(&k->text, (size_t)1 << 28);
}

static int read_pieces(notes *k, const char *text, size_t len, size_t piece, gw_interval range,
                       const char *const *names, gw_error *e)
{
    gw_series_sink sink = {k, on_series, on_samples};
    gw_om_reader *r = gw_om_reader_new(&sink, range);
    if (!r)
        return gw_fail_memory(e);
    k->reader = r;
    gw_om_reader_families(r, names);
    int rc = 0;
    for (size_t at = 0; at < len && rc == 0; at += piece) {
        /* a copy of exactly that size, so that ASan sees a read beyond the piece */
        size_t n = GW_MIN(piece, len - at);
        char *copy = malloc(n);
        memcpy(copy, text + at, n);
        rc = gw_om_reader_feed(r, copy, n, e);
        free(copy);
    }
    if (rc == 0)
        rc = gw_om_reader_finish(r, e);
    else
        assert_int_equal(gw_om_reader_feed(r, "x", 1, NULL), rc);
    gw_om_reader_free(r);
    k->reader = NULL;
    return rc;
}

static void expect(const char *text, const char *want)
{
    notes k;
    gw_error e = {0};
    notes_init(&k);
    int rc = read_pieces(&k, text, strlen(text), SIZE_MAX / 2, EVERYTHING, NULL, &e);
    if (rc)
        fail_msg("%s\nin: %s", e.message, text);
    assert_string_equal(k.text.data ? k.text.data : "", want);
    gw_buf_free(&k.text);
}

/* IEEE 754 by hand: 1 = 3ff0…, 2 = 4000…, 0.5 = 3fe0…, -2.5 = c004…, 100 = 4059…, 1e10 = 4202a05f20000000 */
#define ONE   "3ff0000000000000"
#define TWO   "4000000000000000"
#define HALF  "3fe0000000000000"
#define STALE "7ff0000000000002"

static void reads_what_the_format_has(void **state)
{
    GW_UNUSED(state);
    expect("# HELP up Whether it is.\n# TYPE up gauge\n# UNIT up x\n"
           "up{job=\"a\"} 1 100\nup{job=\"a\"} 2 100.5\nup{job=\"a\"} 0.5 101.25\n"
           "up{job=\"b\"} -2.5 100\nbare 1e10 7\nbare 1.0E+2 8\n# EOF\n",
           "S __name__=up job=a\nP 100000 " ONE "\nP 100500 " TWO "\nP 101250 " HALF "\n"
           "S __name__=up job=b\nP 100000 c004000000000000\n"
           "S __name__=bare\nP 7000 4202a05f20000000\nP 8000 4059000000000000\n");
    /* nothing at all is a valid text */
    expect("# EOF\n", "");
    expect("# EOF", "");
    /* infinities and NaN in every spelling that the format allows; NaN is the stale marker */
    expect("a +Inf 1\na -Inf 2\na Inf 3\na NaN 4\na nan 5\n# EOF\n",
           "S __name__=a\nP 1000 7ff0000000000000\nP 2000 fff0000000000000\nP 3000 7ff0000000000000\n"
           "P 4000 " STALE "\nP 5000 " STALE "\n");
    /* escapes: \\ \" \n are what they say, any other backslash is itself */
    expect("a{p=\"C:\\\\x\",q=\"say \\\"hi\\\"\",r=\"two\\nlines\",s=\"\\d+\"} 1 1\n# EOF\n",
           "S __name__=a p=C:\\x q=say \"hi\" r=two\nlines s=\\d+\nP 1000 " ONE "\n");
    /* text that looks like syntax inside quotes */
    expect("a{p=\"} 9 9 # {,=\"} 1 1\n# EOF\n", "S __name__=a p=} 9 9 # {,=\nP 1000 " ONE "\n");
    /* CRLF, empty lines, blanks, a comma at the end, an empty pair of braces, an empty label */
    expect("a{p=\"x\",} 1 1\r\n\r\n\na{ p = \"x\" , }  1\t2 \r\nb{} 1 1\r\nc{q=\"\"} 1 1\n# EOF\r\n",
           "S __name__=a p=x\nP 1000 " ONE "\nS __name__=a p=x\nP 2000 " ONE "\nS __name__=b\nP 1000 " ONE
           "\nS __name__=c\nP 1000 " ONE "\n");
    /* exemplars are passed over, wherever the sample has a time of its own */
    expect("a_bucket{le=\"1\"} 1 1 # {trace_id=\"x\"} 0.5 1.5\na_bucket{le=\"1\"} 2 2 # {} 7\n# EOF\n",
           "S __name__=a_bucket le=1\nP 1000 " ONE "\nP 2000 " TWO "\n");
    /* names in quotes */
    expect("{\"my.metric\",\"a.b\"=\"x\",c=\"y\"} 1 1\n# EOF\n",
           "S __name__=my.metric a.b=x c=y\nP 1000 " ONE "\n");
    /* times before 1970, with more than three decimals, with an exponent */
    expect("a 1 -1.5\na 1 1.0004\na 1 2.0006\na 1 1e3\n# EOF\n",
           "S __name__=a\nP -1500 " ONE "\nP 1000 " ONE "\nP 2001 " ONE "\nP 1000000 " ONE "\n");
    /* the same series again later is announced again */
    expect("a 1 1\nb 1 1\na 1 2\n# EOF\n",
           "S __name__=a\nP 1000 " ONE "\nS __name__=b\nP 1000 " ONE "\nS __name__=a\nP 2000 " ONE "\n");
}

static void created_samples_are_left_out(void **state)
{
    GW_UNUSED(state);
    expect("# TYPE a counter\na_total 1 1\na_created 5 1\na_total 2 2\n"
           "# TYPE kube_pod_created gauge\nkube_pod_created 1 1\n"
           "# TYPE b gauge\nb_created 1 1\n# EOF\n",
           "S __name__=a_total\nP 1000 " ONE "\nS __name__=a_total\nP 2000 " TWO "\n"
           "S __name__=kube_pod_created\nP 1000 " ONE "\nS __name__=b_created\nP 1000 " ONE "\n");
}

static void says_what_is_wrong_and_where(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"a 1 1\na 1\n# EOF\n", "line 2: a sample without a timestamp"},
        {"a 1 # {x=\"y\"} 1 1\n# EOF\n", "line 1: a sample without a timestamp"},
        {"a 1 1662858720000\n", "line 1: a timestamp that is not in seconds"},
        {"a 1 NaN\n", "line 1: a timestamp that is not a number"},
        {"a 1 12x\n", "line 1: a timestamp that is not a number"},
        {"a x 1\n", "line 1: a value that is not a number"},
        {"a 0x10 1\n", "line 1: a value that is not a number"},
        {"a 1_000 1\n", "line 1: a value that is not a number"},
        {"a  \n", "line 1: a value that is not a number"},
        {"a\n", "line 1: no value"},
        {"a{b=\"c\"}\n", "line 1: a value that is not a number"},
        {"a 1 1 1\n", "line 1: text behind the timestamp"},
        {"{b=\"c\"} 1 1\n", "line 1: no metric name"},
        {"9a 1 1\n", "line 1: no metric name"},
        {"a{b=\"c} 1 1\n", "line 1: a label value without its closing quote"},
        {"a{b=\"c\\\"} 1 1\n", "line 1: a label value without its closing quote"},
        {"a{b=\"c\\\n# EOF\n", "line 1: a label value without its closing quote"},
        {"a{b=c} 1 1\n", "line 1: a label value that is not in quotes"},
        {"a{=\"c\"} 1 1\n", "line 1: a label without name"},
        {"a{b} 1 1\n", "line 1: a label without name or '='"},
        {"a{b=\"c\" 1 1\n", "line 1: labels without a comma"},
        {"a{b=\"c\",\n", "line 1: labels without their closing brace"},
        {"a{b=\"c\",b=\"d\"} 1 1\n", "line 1: a label twice"},
        {"a{b=\"\xff\"} 1 1\n", "line 1: a label value that is not UTF-8"},
        {"a{b=\"\xc0\xaf\"} 1 1\n", "line 1: a label value that is not UTF-8"},
        {"# EOF\na 1 1\n", "line 2: text behind # EOF"},
        {"a 1 1\n# EOF\n# EOF\n", "line 3: text behind # EOF"},
        {"", "cut off at line 1"},
        {"a 1 1\n", "cut off at line 2"},
        {"a 1 1\na 1 16628", "cut off at line 2"},
        {"\x1f\x8b\x08\x01garbage\n", "line 1: no metric name"},
    };
    GW_UNUSED(state);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        for (size_t piece = 1; piece < 64; piece += 31) {
            notes k;
            gw_error e = {0};
            notes_init(&k);
            int rc = read_pieces(&k, cases[i].text, strlen(cases[i].text), piece, EVERYTHING, NULL, &e);
            if (rc != GW_ECORRUPT || !gw_has_prefix(e.message, cases[i].says))
                fail_msg("case %zu: %d \"%s\", wanted \"%s\"", i, rc, e.message, cases[i].says);
            gw_buf_free(&k.text);
        }
    }
}

static void long_lines_are_bounded(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_error e;
    gw_buf_init(&b, GW_OM_LINE_MAX * 3);
    for (int over = 0; over < 2; over++) {
        gw_buf_clear(&b);
        gw_buf_puts(&b, "a 1 1\nb{l=\"");
        while (b.len - 6 < GW_OM_LINE_MAX - 6 + (size_t)over)
            gw_buf_putc(&b, 'x');
        gw_buf_puts(&b, "\"} 1 1"); /* the line is now GW_OM_LINE_MAX + over bytes long */
        assert_int_equal(b.len - 6, GW_OM_LINE_MAX + (size_t)over);
        gw_buf_puts(&b, "\r\n# EOF\n");
        const size_t pieces[] = {1000, SIZE_MAX / 2};
        for (size_t p = 0; p < 2; p++) {
            notes k;
            notes_init(&k);
            int rc = read_pieces(&k, b.data, b.len, pieces[p], EVERYTHING, NULL, &e);
            assert_int_equal(rc, over ? GW_ECORRUPT : 0);
            if (over)
                assert_memory_equal(e.message, "line 2: longer", 14);
            gw_buf_free(&k.text);
        }
    }
    gw_buf_free(&b);
}

static void too_many_labels_are_refused(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_error e;
    for (int n = GW_SERIES_MAX_LABELS - 1; n <= GW_SERIES_MAX_LABELS; n++) {
        notes k;
        notes_init(&k);
        gw_buf_init(&b, 1 << 20);
        gw_buf_puts(&b, "a{");
        for (int i = 0; i < n; i++)
            gw_buf_printf(&b, "l%d=\"x\",", i);
        gw_buf_puts(&b, "} 1 1\n# EOF\n");
        /* __name__ is one of them */
        assert_int_equal(read_pieces(&k, b.data, b.len, 4096, EVERYTHING, NULL, &e),
                         n == GW_SERIES_MAX_LABELS ? GW_ECORRUPT : 0);
        gw_buf_free(&k.text);
        gw_buf_free(&b);
    }
}

static void times_are_put_in_order(void **state)
{
    GW_UNUSED(state);
    /* backwards, with one time twice: the first line of the two counts */
    expect("a 2 3\na 1 2\na 0.5 1\na 1 3\n# EOF\n",
           "S __name__=a\nP 1000 " HALF "\nP 2000 " ONE "\nP 3000 " TWO "\n");
    gw_buf b;
    gw_error e;
    gw_buf_init(&b, 1 << 20);
    for (int i = 0; i < GW_OM_BATCH; i++)
        gw_buf_printf(&b, "a 1 %d\n", 1000 + i);
    size_t full = b.len;
    /* the newest time again right behind a full batch is a duplicate, an older one cannot be put in order */
    for (int i = 0; i < 2; i++) {
        notes k;
        notes_init(&k);
        b.len = full;
        gw_buf_printf(&b, "a 1 %d\na 1 9000\n# EOF\n", 1000 + GW_OM_BATCH - 1 - i);
        int rc = read_pieces(&k, b.data, b.len, 4096, EVERYTHING, NULL, &e);
        assert_int_equal(rc, i ? GW_ECORRUPT : 0);
        if (i)
            assert_non_null(strstr(e.message, "go back from 1970-01-01T01:24:55Z to 1970-01-01T01:24:54Z"));
        gw_buf_free(&k.text);
    }
    gw_buf_free(&b);
}

static void a_step_back_in_time_is_told(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text;
        uint64_t line;
        int64_t from_ms, to_ms;
    } cases[] = {
        {"a 1 1\na 1 2\na 1 3\n# EOF\n", 0, 0, 0},
        {"a 1 9\nb 1 1\n# EOF\n", 0, 0, 0}, /* another series begins where it likes */
        {"a 1 1\na 1 1\n# EOF\n", 0, 0, 0}, /* twice is not back */
        /* the largest of three, and only those within a series */
        {"a 1 5\na 1 4\nb 1 90\nb 1 60\nb 1 50\nc 1 2\n# EOF\n", 4, 90000, 60000},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        notes k;
        gw_error e;
        notes_init(&k);
        gw_series_sink sink = {&k, on_series, on_samples};
        gw_om_reader *r = gw_om_reader_new(&sink, EVERYTHING);
        assert_int_equal(gw_om_reader_feed(r, cases[i].text, strlen(cases[i].text), &e), 0);
        assert_int_equal(gw_om_reader_finish(r, &e), 0);
        const gw_om_back *back = gw_om_reader_back(r);
        assert_int_equal(back ? back->line : 0, cases[i].line);
        assert_int_equal(back ? back->from_ms : 0, cases[i].from_ms);
        assert_int_equal(back ? back->to_ms : 0, cases[i].to_ms);
        gw_om_reader_free(r);
        gw_buf_free(&k.text);
    }
}

static void range_and_families_select(void **state)
{
    static const char text[] = "a 1 1\na 1 2\na 1 3\nb{x=\"1\"} 1 1\nb{x=\"1\"} 2 9\nc{broken 1 1\n"
                               "ab 1 2\nc 1 2\n# EOF\n";
    static const char *const names[] = {"a", "b", NULL};
    GW_UNUSED(state);
    for (size_t piece = 1; piece < sizeof(text); piece++) {
        notes k;
        gw_error e;
        notes_init(&k);
        assert_int_equal(read_pieces(&k, text, sizeof(text) - 1, piece, (gw_interval){2000, 3000}, names, &e),
                         0);
        /* b has nothing in [2 s, 3 s) and is not announced */
        assert_string_equal(k.text.data, "S __name__=a\nP 2000 " ONE "\n");
        gw_buf_free(&k.text);
    }
}

static void sink_can_skip_and_fail(void **state)
{
    static const char text[] = "a 1 1\na 1 2\nb 1 1\nb 1 2\nc 1 1\n# EOF\n";
    GW_UNUSED(state);
    notes k;
    gw_error e;
    notes_init(&k);
    k.skip = "b";
    assert_int_equal(read_pieces(&k, text, sizeof(text) - 1, 1000, EVERYTHING, NULL, &e), 0);
    assert_string_equal(k.text.data, "S __name__=a\nP 1000 " ONE "\nP 2000 " ONE "\nS __name__=b\n"
                                     "S __name__=c\nP 1000 " ONE "\n");
    gw_buf_free(&k.text);
    notes_init(&k);
    k.fail_after = 1;
    assert_int_equal(read_pieces(&k, text, sizeof(text) - 1, 1000, EVERYTHING, NULL, &e), GW_ELIMIT);
    assert_string_equal(e.message, "the sink is full");
    gw_buf_free(&k.text);
}

/* ---- writing ---- */

static void writes_lines(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 1 << 16);
    const gw_label labels[] = {{gw_str_of("l"), gw_str_of("a\\b\"c\nd")},
                               {gw_str_of("__name__"), gw_str_of("m")},
                               {gw_str_of("k"), gw_str_of("")}};
    gw_om_write_sample(&b, labels, 3, 1662858720000, 0.1);
    gw_om_write_sample(&b, labels + 1, 1, 1662858720050, 48);
    gw_om_write_point(&b, -1500, -0.0);
    gw_om_write_point(&b, 0, INFINITY);
    gw_om_write_point(&b, 1, NAN);
    gw_om_write_type(&b, gw_str_of("m"));
    gw_om_write_type(&b, gw_str_of("container_cpu_usage_seconds_total"));
    const gw_label odd[] = {{gw_str_of("__name__"), gw_str_of("a.b")}, {gw_str_of("c/d"), gw_str_of("e")}};
    gw_om_write_series(&b, odd, 2);
    gw_om_write_eof(&b);
    assert_int_equal(gw_buf_check(&b, "test", NULL), 0);
    assert_string_equal(b.data, "m{l=\"a\\\\b\\\"c\\nd\",k=\"\"} 0.1 1662858720\n"
                                "m 48 1662858720.050\n"
                                "-0 -1.500\n+Inf 0\nNaN 0.001\n"
                                "# TYPE m gauge\n# TYPE container_cpu_usage_seconds counter\n"
                                "{\"a.b\",\"c/d\"=\"e\"} # EOF\n");
    gw_buf_free(&b);
}

static uint64_t rnd(uint64_t *s)
{
    *s += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    uint64_t z = *s;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double random_value(uint64_t *s)
{
    double v;
    uint64_t bits = rnd(s);
    switch (rnd(s) % 6) {
    case 0:
        return (double)(rnd(s) % 101);
    case 1:
        return (double)(int64_t)rnd(s);
    case 2:
        return (double)(rnd(s) % 1000000) / 1000;
    case 3:
        return rnd(s) % 2 ? INFINITY : -INFINITY;
    case 4:
        return rnd(s) % 2 ? DBL_MIN / 3 : -0.0;
    default:
        memcpy(&v, &bits, sizeof(v)); /* any bits at all */
        return isnan(v) ? 0.1 : v;
    }
}

static void random_text(uint64_t *s, char *out, size_t n)
{
    static const char *const parts[] = {"a", "B", "9", "-", "\\",       "\"",           "\n", " ",  "{",
                                        "}", ",", "=", "#", "\xc3\xa4", "\xe2\x82\xac", "\r", "\\n"};
    size_t len = 0;
    for (uint64_t k = 1 + rnd(s) % 6; k > 0 && len + 3 < n; k--) {
        const char *p = parts[rnd(s) % GW_COUNT(parts)];
        memcpy(out + len, p, strlen(p));
        len += strlen(p);
    }
    out[len] = '\0';
}

/* A random set of series: what the sink should hear goes to `want`, the text to `b`. */
static void random_set(uint64_t seed, gw_buf *b, notes *want)
{
    uint64_t s = seed;
    gw_error e;
    for (uint64_t i = 0, n = 1 + rnd(&s) % 8; i < n; i++) {
        char name[5][16], value[5][48];
        gw_label labels[5];
        size_t n_labels = 1 + rnd(&s) % 5;
        for (size_t k = 0; k < n_labels; k++) {
            snprintf(name[k], sizeof(name[k]), k ? "l%zu" : "__name__", k);
            if (k)
                random_text(&s, value[k], sizeof(value[k]));
            else
                snprintf(value[k], sizeof(value[k]), "m%" PRIu64, i); /* differs from its neighbour's */
            labels[k] = (gw_label){gw_str_of(name[k]), gw_str_of(value[k])};
        }
        void *series;
        assert_int_equal(on_series(want, labels, n_labels, &series, &e), 0);
        int64_t t = (int64_t)(rnd(&s) % 1000000000000) - 1000;
        for (uint64_t k = 0, m = 1 + rnd(&s) % 50; k < m; k++) {
            double v = random_value(&s);
            gw_om_write_sample(b, labels, n_labels, t, v);
            assert_int_equal(on_samples(want, series, &t, &v, 1, &e), 0);
            t += 1 + (int64_t)(rnd(&s) % 60000);
        }
    }
    gw_om_write_eof(b);
}

static void what_is_written_reads_back(void **state)
{
    GW_UNUSED(state);
    for (uint64_t seed = 1; seed <= 300; seed++) {
        notes want, got;
        gw_buf b;
        gw_error e = {0};
        notes_init(&want);
        notes_init(&got);
        gw_buf_init(&b, 1 << 22);
        random_set(seed, &b, &want);
        assert_int_equal(b.failed, 0);
        size_t piece = seed % 3 == 0 ? 1 + seed % 17 : seed % 3 == 1 ? 200 + seed : SIZE_MAX / 2;
        int rc = read_pieces(&got, b.data, b.len, piece, EVERYTHING, NULL, &e);
        if (rc)
            fail_msg("seed %" PRIu64 ": %s", seed, e.message);
        assert_string_equal(got.text.data, want.text.data);
        gw_buf_free(&want.text);
        gw_buf_free(&got.text);
        gw_buf_free(&b);
    }
}

static void every_piece_size_reads_the_same(void **state)
{
    GW_UNUSED(state);
    notes want;
    gw_buf b;
    gw_error e;
    notes_init(&want);
    gw_buf_init(&b, 1 << 20);
    random_set(7, &b, &want);
    size_t len = GW_MIN(b.len, 3000); /* cut in the middle, so that the end differs as well */
    notes whole;
    notes_init(&whole);
    assert_int_equal(read_pieces(&whole, b.data, len, len, EVERYTHING, NULL, &e), GW_ECORRUPT);
    assert_memory_equal(whole.text.data, want.text.data, whole.text.len);
    for (size_t piece = 1; piece <= 600; piece++) {
        notes k;
        notes_init(&k);
        assert_int_equal(read_pieces(&k, b.data, len, piece, EVERYTHING, NULL, &e), GW_ECORRUPT);
        assert_string_equal(k.text.data, whole.text.data);
        gw_buf_free(&k.text);
    }
    gw_buf_free(&whole.text);
    gw_buf_free(&want.text);
    gw_buf_free(&b);
}

/* Cut anywhere: an error, and what was delivered is the beginning of the whole, never a changed number. */
static void every_cut_is_noticed(void **state)
{
    static const char text[] =
        "# TYPE a gauge\na{x=\"1\"} 10 1000\na{x=\"1\"} 12 1057\na{x=\"2\"} 0.125 1000\n"
        "a{x=\"2\"} 3e2 1057.250\n# EOF\n";
    GW_UNUSED(state);
    notes whole;
    gw_error e;
    notes_init(&whole);
    assert_int_equal(read_pieces(&whole, text, sizeof(text) - 1, 5, EVERYTHING, NULL, &e), 0);
    for (size_t len = 0; len < sizeof(text) - 2; len++) {
        notes k;
        notes_init(&k);
        assert_int_equal(read_pieces(&k, text, len, 5, EVERYTHING, NULL, &e), GW_ECORRUPT);
        if (k.text.len)
            assert_memory_equal(k.text.data, whole.text.data, k.text.len);
        gw_buf_free(&k.text);
    }
    gw_buf_free(&whole.text);
}

/* The fast way and strtod agree to the bit on numbers of every form. */
static void numbers_are_exact(void **state)
{
    GW_UNUSED(state);
    uint64_t s = 42;
    for (int i = 0; i < 20000; i++) {
        char value[64], line[400], want[64];
        int digits = (int)(rnd(&s) % 20), exponent = (int)(rnd(&s) % 60) - 30;
        double m = (double)(rnd(&s) >> (rnd(&s) % 63)) / (rnd(&s) % 2 ? 1 : 1000);
        switch (rnd(&s) % 4) {
        case 0:
            snprintf(value, sizeof(value), "%.*f", digits % 8, m / 1e6);
            break;
        case 1:
            snprintf(value, sizeof(value), "%s%.*e", rnd(&s) % 2 ? "-" : "", digits, m);
            break;
        case 2:
            snprintf(value, sizeof(value), "%" PRIu64 "e%d", rnd(&s) >> (rnd(&s) % 60), exponent);
            break;
        default:
            snprintf(value, sizeof(value), "%" PRIu64 ".%05" PRIu64, rnd(&s) % 1000000000, rnd(&s) % 100000);
        }
        double v = strtod(value, NULL);
        uint64_t bits;
        memcpy(&bits, &v, sizeof(bits));
        snprintf(want, sizeof(want), "P 2000 %016" PRIx64 "\n", bits);
        /* the line of interest stands in the middle, where the fast way applies */
        snprintf(line, sizeof(line), "a 1 1\na %s 2\na 1 3\n#%200s\n# EOF\n", value, "");
        notes k;
        gw_error e = {0};
        notes_init(&k);
        assert_int_equal(read_pieces(&k, line, strlen(line), 1000, EVERYTHING, NULL, &e), 0);
        if (!strstr(k.text.data, want))
            fail_msg("%s: wanted %s in %s", value, want, k.text.data);
        gw_buf_free(&k.text);
    }
}

/* Positions heard in the callbacks cut the text into parts that read as the whole does. */
static void parts_can_be_read_by_position(void **state)
{
    static const char text[] =
        "# TYPE a gauge\na{x=\"1\"} 1 1\na{x=\"1\"} 1 2\n# HELP b\nb 1 1\nb 1 2\n# EOF\n";
    GW_UNUSED(state);
    notes whole, parts;
    gw_error e;
    notes_init(&whole);
    notes_init(&parts);
    assert_int_equal(read_pieces(&whole, text, sizeof(text) - 1, 7, EVERYTHING, NULL, &e), 0);
    /* series a, its samples, series b, its samples */
    assert_int_equal(whole.n_at, 4);
    const gw_om_at want[] = {{15, 2}, {50, 5}, {50, 5}, {68, 8}};
    /* 15 bytes of TYPE, twice 13 of a, 9 of HELP: b starts at 50; twice 6 of b and 6 of EOF: the end is 68 */
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(whole.at[i].offset, want[i].offset);
        assert_int_equal(whole.at[i].line, want[i].line);
    }
    gw_series_sink sink = {&parts, on_series, on_samples};
    gw_om_reader *r = gw_om_reader_new(&sink, EVERYTHING);
    for (size_t i = 0; i < 4; i += 2) {
        gw_om_reader_jump(r, want[i].offset, want[i].line);
        assert_int_equal(gw_om_reader_feed(r, text + want[i].offset, want[i + 1].offset - want[i].offset, &e),
                         0);
        assert_int_equal(gw_om_reader_part(r, &e), 0);
    }
    assert_string_equal(parts.text.data, whole.text.data);
    gw_om_reader_jump(r, 15, 2);
    assert_int_equal(gw_om_reader_feed(r, text + 15, 10, &e), 0);
    assert_int_equal(gw_om_reader_part(r, &e), GW_ECORRUPT); /* a part ends at the end of a line */
    gw_om_reader_free(r);
    gw_buf_free(&whole.text);
    gw_buf_free(&parts.text);
}

static int count_series(void *ctx, const gw_label *labels, size_t n, void **ret, gw_error *e)
{
    GW_UNUSED(labels);
    GW_UNUSED(n);
    GW_UNUSED(e);
    *ret = ctx;
    return 0;
}

static int count_samples(void *ctx, void *series, const int64_t *t, const double *v, size_t n, gw_error *e)
{
    GW_UNUSED(series);
    GW_UNUSED(t);
    GW_UNUSED(v);
    GW_UNUSED(e);
    *(size_t *)ctx += n;
    return 0;
}

static void every_allocation_may_fail(void **state)
{
    static const char text[] = "# TYPE a counter\na{x=\"\\\\1\"} 1 2\na{x=\"\\\\1\"} 1 1\nb 1 1\n# EOF\n";
    GW_UNUSED(state);
    int rc = GW_ENOMEM;
    for (uint64_t n = 1; rc; n++) {
        size_t samples = 0;
        gw_error e = {0};
        gw_series_sink sink = {&samples, count_series, count_samples};
        gw_mem_fail_at(n);
        gw_om_reader *r = gw_om_reader_new(&sink, EVERYTHING);
        rc = r ? 0 : GW_ENOMEM;
        for (size_t i = 0; r && i < sizeof(text) - 1 && rc == 0; i++)
            rc = gw_om_reader_feed(r, text + i, 1, &e);
        if (r && rc == 0)
            rc = gw_om_reader_finish(r, &e);
        gw_mem_fail_at(0);
        gw_om_reader_free(r);
        if (rc)
            assert_int_equal(rc, GW_ENOMEM);
        else
            assert_int_equal(samples, 3);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_the_format_has),     cmocka_unit_test(created_samples_are_left_out),
        cmocka_unit_test(says_what_is_wrong_and_where),  cmocka_unit_test(long_lines_are_bounded),
        cmocka_unit_test(too_many_labels_are_refused),   cmocka_unit_test(times_are_put_in_order),
        cmocka_unit_test(a_step_back_in_time_is_told),   cmocka_unit_test(range_and_families_select),
        cmocka_unit_test(sink_can_skip_and_fail),        cmocka_unit_test(writes_lines),
        cmocka_unit_test(what_is_written_reads_back),    cmocka_unit_test(every_piece_size_reads_the_same),
        cmocka_unit_test(every_cut_is_noticed),          cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(parts_can_be_read_by_position), cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("om", tests, NULL, NULL);
}
