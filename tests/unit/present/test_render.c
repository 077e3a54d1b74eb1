/* Renderers on a report made by hand: the JSON's exact fields, tables that fit, CSV and HTML that hold. */
#include "gw_test.h"

#include <jansson.h>

#include "base/utf8.h"
#include "present/render.h"
#include "sample_report.h"

static const gw_render how = {.program = "gpuwise", .source_flags = "--demo", .banner = "SAMPLE"};

static char *render(const sample *s, gw_output output)
{
    gw_buf b;
    gw_error e = {0};
    gw_buf_init(&b, (size_t)1 << 24);
    if (gw_render_report(&s->r, output, &how, &b, &e))
        fail_msg("%s", e.message);
    return b.data;
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

/* The members of an object are exactly these, in this order. */
static void has_keys(json_t *o, const char *list)
{
    char text[512] = "";
    size_t n = 0;
    const char *key;
    json_t *value;
    assert_true(json_is_object(o));
    json_object_foreach(o, key, value) n +=
        (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n ? " " : "", key);
    assert_string_equal(text, list);
}

static json_t *at(json_t *o, const char *path)
{
    char part[64];
    while (*path) {
        size_t n = strcspn(path, ".");
        snprintf(part, sizeof(part), "%.*s", (int)n, path);
        o = json_object_get(o, part);
        if (!o)
            fail_msg("no member %s", part);
        path += n + (path[n] == '.');
    }
    return o;
}

static void has_numbers(json_t *o)
{
    has_keys(at(o, "cost"), "bill used wasted reclaimable idle unknown overhead");
    has_keys(at(o, "gpuHours"), "paid allocated used idle unknown");
    has_keys(at(o, "compute"), "mean p95 peak");
    has_keys(at(o, "memory"), "mean p95 peak");
}

static void all_null(json_t *o)
{
    const char *key;
    json_t *value;
    json_object_foreach(o, key, value)
    {
        if (!json_is_null(value))
            fail_msg("%s is not null", key);
    }
}

static void test_json_fields(void **state)
{
    GW_UNUSED(state);
    sample s;
    json_error_t je;
    size_t i;
    json_t *row, *finding;
    sample_init(&s);
    char *text = render(&s, GW_OUTPUT_JSON);
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &je);
    if (!root)
        fail_msg("line %d: %s", je.line, je.text);
    has_keys(root, "apiVersion kind window currency total by rows findings prices unknowns");
    has_keys(at(root, "window"), "start end hours");
    has_keys(at(root, "total"), "cost gpuHours compute memory");
    has_numbers(at(root, "total"));
    assert_string_equal(json_string_value(at(root, "apiVersion")), "gpuwise/v1");
    assert_string_equal(json_string_value(at(root, "kind")), "Report");
    assert_string_equal(json_string_value(at(root, "currency")), "USD");
    assert_string_equal(json_string_value(at(root, "window.start")), "2022-09-11T01:12:00Z");
    assert_string_equal(json_string_value(at(root, "window.end")), "2022-09-12T00:00:57Z");
    assert_string_equal(json_string_value(json_array_get(at(root, "by"), 0)), "namespace");
    assert_int_equal(json_array_size(at(root, "rows")), 4);
    json_array_foreach(at(root, "rows"), i, row)
    {
        has_keys(row, "key owner class signal cost gpuHours compute memory states");
        has_keys(at(row, "key"), "namespace");
        has_keys(at(row, "states"), "highHigh lowHigh highLow lowLow unknown");
        has_numbers(row);
    }
    assert_int_equal(json_array_size(at(root, "findings")), 6);
    json_array_foreach(at(root, "findings"), i, finding)
    {
        has_keys(finding, "rule severity subject monthlyCost confidence evidence text");
        has_keys(at(finding, "subject"), "namespace");
        has_keys(at(finding, "evidence"), "idleHours reason peakCompute");
        assert_true(json_is_null(at(finding, "evidence.peakCompute")));
    }
    has_keys(json_array_get(at(root, "prices"), 0),
             "instanceType region capacity hourly gpuHourly source asOf");
    has_keys(json_array_get(at(root, "unknowns"), 0), "what gpuHours why");
    assert_true(json_is_null(at(json_array_get(at(root, "findings"), 5), "monthlyCost")));
    assert_true(json_is_null(at(json_array_get(at(root, "unknowns"), 1), "gpuHours")));
    json_decref(root);
    gw_free(text);
    sample_free(&s);
}

static void test_json_unknown(void **state)
{
    GW_UNUSED(state);
    sample s;
    json_error_t je;
    sample_init(&s);
    char *text = render(&s, GW_OUTPUT_JSON);
    json_t *root = json_loads(text, 0, &je), *rows = at(root, "rows");
    json_t *priced = json_array_get(rows, 0), *dark = json_array_get(rows, 1),
           *idle = json_array_get(rows, 2);
    has_keys(at(priced, "owner"), "team");
    assert_string_equal(json_string_value(at(priced, "class")), "inference");
    assert_string_equal(json_string_value(at(priced, "signal")), "DCGM_FI_DEV_GPU_UTIL");
    /* without a price every amount is null, and GPU-hours are known all the same */
    all_null(at(dark, "cost"));
    all_null(at(dark, "compute"));
    all_null(at(dark, "memory"));
    assert_true(json_is_null(at(dark, "signal")));
    assert_string_equal(json_string_value(at(dark, "class")), "unknown");
    assert_true(json_number_value(at(dark, "gpuHours.unknown")) == 4);
    assert_true(json_number_value(at(dark, "states.unknown")) == 1);
    has_keys(at(dark, "owner"), "");
    /* nobody holds it: no class; nothing was held, so no state has a share; no waste, so nothing to reclaim
     */
    assert_true(json_is_null(at(idle, "class")));
    all_null(at(idle, "states"));
    assert_true(json_number_value(at(idle, "cost.reclaimable")) == 0);
    assert_true(json_number_value(at(idle, "compute.mean")) == 0);
    json_t *unpriced = json_array_get(at(root, "prices"), 1);
    assert_true(json_is_null(at(unpriced, "hourly")) && json_is_null(at(unpriced, "capacity")));
    json_decref(root);
    /* the texts: six decimals of money and hours, shares as short as they are. 82137 s / 3600 = 22.815833… */
    assert_non_null(strstr(text, "\"bill\": 30.131180,"));
    assert_non_null(strstr(text, "\"idle\": 0.000010,"));
    assert_non_null(strstr(text, "\"hours\": 22.815833"));
    assert_non_null(strstr(text, "\"paid\": 8.000000,"));
    assert_non_null(strstr(text, "\"mean\": 0.058,"));
    assert_non_null(strstr(text, "\"lowHigh\": 0.75,"));
    gw_free(text);
    sample_free(&s);
}

/* A report of what would be says so, to programs as well. */
static void test_as_if(void **state)
{
    GW_UNUSED(state);
    sample s;
    gw_buf b;
    gw_error e = {0};
    json_error_t je;
    gw_render what_if = how;
    what_if.as_if = NASTY;
    what_if.as_if_actions = 3;
    sample_init(&s);
    gw_buf_init(&b, (size_t)1 << 24);
    assert_int_equal(gw_render_report(&s.r, GW_OUTPUT_JSON, &what_if, &b, &e), 0);
    json_t *root = json_loads(b.data, 0, &je);
    has_keys(root, "apiVersion kind window currency asIf total by rows findings prices unknowns");
    has_keys(at(root, "asIf"), "actions from");
    assert_int_equal(json_integer_value(at(root, "asIf.actions")), 3);
    json_decref(root);
    gw_buf_free(&b);
    sample_free(&s);
}

static void test_wasted_without_memory(void **state)
{
    GW_UNUSED(state);
    gw_cost c = {.bill = 5, .wasted = 5, .priced = true};
    gw_micro list[GW_N_COSTS];
    gw_cost_list(&c, list);
    assert_true(list[GW_COST_WASTED] == 5 && list[GW_COST_USED] == 0);
    assert_true(list[GW_COST_RECLAIMABLE] == GW_MICRO_UNKNOWN); /* waste, and no memory reading */
}

/* ---- tables -------------------------------------------------------------------------------------------- */

static void check_lines(const char *text, size_t max)
{
    for (const char *s = text; *s; s += strcspn(s, "\n") + 1) {
        gw_str line = {s, strcspn(s, "\n")};
        if (gw_text_width(line) > max)
            fail_msg("%zu columns: %.*s", gw_text_width(line), GW_STR_ARG(line));
        if (line.n && line.p[line.n - 1] == ' ')
            fail_msg("ends in a blank: '%.*s'", GW_STR_ARG(line));
    }
}

static void test_table_fits(void **state)
{
    GW_UNUSED(state);
    sample s;
    sample_init(&s);
    for (size_t n = 1; n <= GW_MAX_BY; n++) {
        s.r.n_by = n;
        s.r.by[n - 1].name = n == 2 ? "label:" LONGEST : "namespace";
        for (size_t i = 0; i < s.r.n_rows; i++)
            s.rows[i].key[n - 1] = (i + n) % 3 ? LONGEST : NASTY;
        char *text = render(&s, GW_OUTPUT_TABLE);
        check_lines(text, GW_TABLE_WIDTH);
        assert_null(strchr(text, '\033')); /* no colour asked for, and none smuggled in */
        gw_free(text);
    }
    sample_free(&s);
}

static void test_table_says(void **state)
{
    GW_UNUSED(state);
    sample s;
    sample_init(&s);
    char *text = render(&s, GW_OUTPUT_TABLE);
    assert_non_null(strstr(text, "SAMPLE\n"));
    assert_non_null(strstr(text, "NOT KNOWN\n"));
    assert_non_null(strstr(text, "price of instance type rke2, 4.0 GPU hours"));
    assert_non_null(strstr(text, "1 more findings")); /* six, five shown */
    assert_non_null(strstr(text, "  gpuwise explain idle-gpu --demo\n"));
    assert_non_null(strstr(text, "\n  Prices       aws list of 2026-07-20 (1 node), none for 1 node\n"));
    /* 2.000000 of 30.131180 is 6.6 % */
    const char *used = strstr(text, "\n  used ");
    assert_non_null(used);
    assert_non_null(strstr(used, " 2.00 "));
    assert_non_null(strstr(used, " 6.6 "));
    gw_free(text);
    /* nothing has a price: dashes, never 0.00 */
    s.r.total.cost = (gw_cost){.unpriced_ms = 1};
    s.r.n_rows = 2;
    s.rows[0] = sample_dark();
    text = render(&s, GW_OUTPUT_TABLE);
    assert_null(strstr(text, "0.00"));
    assert_non_null(strstr(text, "--prices FILE"));
    gw_free(text);
    sample_free(&s);
}

static void test_wide(void **state)
{
    GW_UNUSED(state);
    sample s;
    sample_init(&s);
    char *text = render(&s, GW_OUTPUT_WIDE);
    static const char *const titles[] = {"IDLE $",     "OVERHEAD $", "UTIL P95 %",
                                         "LOW-HIGH %", "SIGNAL",     "PODS"};
    for (size_t i = 0; i < GW_COUNT(titles); i++)
        assert_non_null(strstr(text, titles[i]));
    assert_non_null(strstr(text, LONGEST)); /* nothing is cut */
    gw_free(text);
    sample_free(&s);
}

/* ---- CSV ----------------------------------------------------------------------------------------------- */

/* A reader of RFC 4180, apart from the writer. Counts fields of each record and keeps those of one. */
static size_t csv_record(const char **s, char field[64][512])
{
    size_t n = 0, len = 0;
    bool quoted = false;
    for (;; ++*s) {
        char c = **s;
        if (quoted && c == '"' && (*s)[1] == '"') {
            field[n][len++] = '"';
            ++*s;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == ',' || c == '\n' || c == '\0')) {
            field[n++][len] = '\0';
            len = 0;
            if (c != ',') {
                *s += c == '\n';
                return n;
            }
        } else {
            assert_true(c != '\0' && len < 510);
            field[n][len++] = c;
        }
    }
}

static void test_csv(void **state)
{
    GW_UNUSED(state);
    static char head[64][512], field[64][512];
    sample s;
    sample_init(&s);
    char *text = render(&s, GW_OUTPUT_CSV);
    const char *p = text;
    size_t n = csv_record(&p, head), records = 0, bill = 0, mean = 0, team = 0, class = 0;
    for (size_t i = 0; i < n; i++) {
        bill = strcmp(head[i], "bill_usd") == 0 ? i : bill;
        mean = strcmp(head[i], "compute_mean") == 0 ? i : mean;
        team = strcmp(head[i], "owner_team") == 0 ? i : team;
        class = strcmp(head[i], "class") == 0 ? i : class;
    }
    assert_true(bill && mean && team && class);
    for (; *p; records++) {
        assert_int_equal(csv_record(&p, field), n);
        if (records == 0) {
            assert_string_equal(field[0], "avatar");
            assert_string_equal(field[bill], "30.131180");
            assert_string_equal(field[mean], "0.058");
            assert_string_equal(field[team], "social");
        } else if (records == 1) { /* the name survives, and unknown is empty */
            assert_string_equal(field[0], NASTY);
            assert_string_equal(field[bill], "");
            assert_string_equal(field[mean], "");
        } else if (records == 2) {
            assert_string_equal(field[class], "");
        }
    }
    assert_int_equal(records, 4);
    gw_free(text);
    sample_free(&s);
}

/* ---- HTML ---------------------------------------------------------------------------------------------- */

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *s = text; (s = strstr(s, what)) != NULL; s++)
        n++;
    return n;
}

static void test_html(void **state)
{
    GW_UNUSED(state);
    sample s;
    sample_init(&s);
    char *text = render(&s, GW_OUTPUT_HTML);
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "http://"));
    assert_null(strstr(text, "https://"));
    assert_null(strstr(text, "style=")); /* the policy would not let it through */
    assert_null(strchr(text, '\033'));
    assert_non_null(strstr(text, "default-src 'none'; style-src 'sha256-"));
    assert_non_null(strstr(text, "prefers-color-scheme:dark"));
    assert_non_null(strstr(text, "&lt;script&gt;"));
    assert_int_equal(count(text, "<svg "), 4); /* the pattern and three plots */
    assert_int_equal(count(text, "role=\"img\""), 3);
    assert_int_equal(count(text, "<desc "), 3);
    /* the heatmap: half of the first GPU and all of the second are one hatched path of two runs */
    const char *heat = strstr(text, "id=\"heat-title\"");
    assert_non_null(heat);
    assert_int_equal(count(heat, "<path class=\"unknown\""), 1);
    const char *unknown = strstr(heat, "<path class=\"unknown\"");
    size_t runs = 0;
    for (const char *c = unknown; *c && *c != '>'; c++)
        runs += *c == 'M';
    assert_int_equal(runs, 2);
    gw_free(text);
    sample_free(&s);
}

/* ---- what renderers share ------------------------------------------------------------------------------ */

static void test_cells(void **state)
{
    GW_UNUSED(state);
    char out[GW_CELL_MAX], signals[GW_SIGNALS_TEXT_MAX];
    assert_string_equal(gw_cell_hours(1234.56, out), "1,234.6");
    assert_string_equal(gw_cell_hours(0, out), "0.0");
    assert_string_equal(gw_cell_hours(-1, out), "–");
    assert_string_equal(gw_cell_share(-1, out), "–");
    assert_string_equal(gw_cell_share(0.058, out), "5.8");
    assert_string_equal(gw_cell_percent(1, 0, out), "–");
    assert_string_equal(gw_cell_percent(GW_MICRO_UNKNOWN, 5, out), "–");
    assert_string_equal(gw_cell_money(GW_MICRO_UNKNOWN, out), "–");
    assert_null(gw_signals_text(0, signals));
    assert_string_equal(gw_signals_text(3, signals), "DCGM_FI_PROF_SM_ACTIVE,DCGM_FI_PROF_GR_ENGINE_ACTIVE");
    /* $1 in one hour is $730.50 in a month of 730.5 h */
    assert_true(gw_monthly_of(GW_USD, (gw_interval){0, GW_HOUR_MS}) == 730500000);
    assert_true(gw_monthly_of(GW_MICRO_UNKNOWN, (gw_interval){0, GW_HOUR_MS}) == GW_MICRO_UNKNOWN);
}

static void test_price_lines(void **state)
{
    GW_UNUSED(state);
    sample s;
    gw_price_line *lines;
    size_t n;
    gw_error e;
    sample_init(&s);
    assert_int_equal(gw_price_lines(&s.r, &lines, &n, &e), 0);
    assert_int_equal(n, 2);
    gw_free(lines);
    s.prices[1] = s.prices[0];
    assert_int_equal(gw_price_lines(&s.r, &lines, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(lines[0].nodes, 2);
    gw_free(lines);
    sample_free(&s);
}

/* Whatever allocation fails, a renderer says so and leaks nothing. */
static void test_allocations(void **state)
{
    GW_UNUSED(state);
    sample s;
    sample_init(&s);
    for (int output = GW_OUTPUT_TABLE; output <= GW_OUTPUT_HTML; output++) {
        for (uint64_t n = 1;; n++) {
            gw_buf b;
            gw_error e = {0};
            gw_buf_init(&b, (size_t)1 << 24);
            gw_mem_fail_at(n);
            int rc = gw_render_report(&s.r, (gw_output)output, &how, &b, &e);
            bool failed = gw_mem_count() >= n;
            gw_mem_fail_at(0);
            gw_buf_free(&b);
            if (rc != (failed ? GW_ENOMEM : 0))
                fail_msg("output %d, allocation %d: %d", output, (int)n, rc);
            if (!failed)
                break;
        }
    }
    sample_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_fields), cmocka_unit_test(test_json_unknown),
        cmocka_unit_test(test_as_if),       cmocka_unit_test(test_wasted_without_memory),
        cmocka_unit_test(test_table_fits),  cmocka_unit_test(test_table_says),
        cmocka_unit_test(test_wide),        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_html),        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_price_lines), cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
