/* The option parser: what kubectl's users type, what they mistype, and where values come from. */
#include "gw_test.h"

#include "base/money.h"
#include "base/option.h"

typedef struct values {
    bool strict, all;
    const char *ns, *url, *dir;
    gw_option_list headers;
    int output;
    int64_t budget, window_ms;
    double low, discount, ratio;
    gw_micro fee;
} values;

static const char *const outputs[] = {"table", "json", "yaml", NULL};
static const gw_option source[] = {
    {"prometheus", 0, GW_OPTION_TEXT, offsetof(values, url), "URL", "The server", NULL, "T_URL", "source"},
    {"snapshot", 0, GW_OPTION_TEXT, offsetof(values, dir), "DIR", "A recording", NULL, "T_DIR", "source"},
    {"header", 0, GW_OPTION_LIST, offsetof(values, headers), "'N: V'", "A header", NULL, "T_HEADER"},
    {0}};
static const gw_option rest[] = {
    {"strict", 0, GW_OPTION_FLAG, offsetof(values, strict), NULL, "Fail when partial", NULL, "T_STRICT"},
    {"all-namespaces", 'A', GW_OPTION_FLAG, offsetof(values, all), NULL, "All"},
    {"namespace", 'n', GW_OPTION_TEXT, offsetof(values, ns), "NS", "One namespace"},
    {"output", 'o', GW_OPTION_CHOICE, offsetof(values, output), "FORMAT", "table, json or yaml", "table",
     "T_OUTPUT", NULL, outputs},
    {"query-budget", 0, GW_OPTION_INT, offsetof(values, budget), "N", "Most requests", "7", NULL, NULL, NULL,
     NULL, 1, 100},
    {"window", 0, GW_OPTION_DURATION, offsetof(values, window_ms), "D", "How long", "24h"},
    {"low", 0, GW_OPTION_SHARE, offsetof(values, low), "SHARE", "Low", "0.25"},
    {"discount", 0, GW_OPTION_PERCENT, offsetof(values, discount), "PCT", "Off list", "0"},
    {"ratio", 0, GW_OPTION_NUMBER, offsetof(values, ratio), "X", "A ratio", "2", NULL, NULL, NULL, NULL, 1,
     9},
    {"fee", 0, GW_OPTION_MONEY, offsetof(values, fee), "USD", "An hour"},
    {0}};
static const gw_option no[] = {{.name = "selector",
                                .letter = 'l',
                                .kind = GW_OPTION_TEXT,
                                .offset = offsetof(values, ns),
                                .value = "X",
                                .help = "",
                                .refused = "it would be of no use"},
                               {0}};
static const gw_option_group source_group = {"Source", source}, rest_group = {"Rest", rest},
                             no_group = {"", no};
static const gw_option_group *const groups[] = {&source_group, &no_group, &rest_group, NULL};
static const gw_command command = {"test", "A test", "[THING]", 0, 1, NULL, NULL, "test --strict", groups};

typedef struct variable {
    const char *name, *value;
} variable;

static const char *fake_env(void *ctx, const char *name)
{
    for (const variable *v = ctx; v && v->name; v++) {
        if (strcmp(v->name, name) == 0)
            return v->value;
    }
    return NULL;
}

#define ARGS_MAX 80
static int parse_in(const variable *env, const char *line, values *v, gw_operands *o, gw_error *e)
{
    static char copy[2048];
    char *argv[ARGS_MAX], *save = NULL;
    int argc = 0;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *w = strtok_r(copy, " ", &save); w && argc < ARGS_MAX; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    *v = (values){.fee = GW_MICRO_UNKNOWN};
    return gw_options_parse(&command, "gpuwise", argc, argv, fake_env, (void *)(uintptr_t)env, v, o, e);
}

static values ok(const char *line)
{
    values v;
    gw_operands o;
    gw_error e = {0};
    int rc = parse_in(NULL, line, &v, &o, &e);
    if (rc)
        fail_msg("'%s': %s", line, e.message);
    return v;
}

static void bad(const char *line, const char *part)
{
    values v;
    gw_operands o;
    gw_error e = {0};
    assert_int_equal(parse_in(NULL, line, &v, &o, &e), GW_EUSAGE);
    assert_int_equal(e.code, GW_EUSAGE);
    if (!strstr(e.message, part))
        fail_msg("'%s' gave \"%s\", which does not say \"%s\"", line, e.message, part);
}

static void test_defaults(void **state)
{
    GW_UNUSED(state);
    values v = ok("");
    assert_false(v.strict);
    assert_null(v.url);
    assert_int_equal(v.output, 0);
    assert_int_equal(v.budget, 7);
    assert_int_equal(v.window_ms, 86400000);
    assert_true(v.low == 0.25 && v.discount == 0 && v.ratio == 2);
    assert_true(v.fee == GW_MICRO_UNKNOWN);
}

static void test_spellings(void **state)
{
    GW_UNUSED(state);
    static const char *const json[] = {"-o json",       "-o=json",  "-ojson",       "--output json",
                                       "--output=json", "-Ao json", "-A -o json x", "x -o json"};
    for (size_t i = 0; i < GW_COUNT(json); i++)
        assert_int_equal(ok(json[i]).output, 1);
    assert_true(ok("-Ao json").all);
    assert_true(ok("--strict").strict);
    assert_true(ok("--strict=true").strict);
    assert_false(ok("--strict=false").strict);
    assert_string_equal(ok("-n=a").ns, "a");
    assert_string_equal(ok("--namespace=").ns, "");
    assert_true(ok("--low 25%").low == 0.25 && ok("--low=0.5").low == 0.5 && ok("--low 1").low == 1);
    assert_true(ok("--discount 25").discount == 0.25 && ok("--discount 25%").discount == 0.25);
    assert_true(ok("--fee 0.10").fee == 100000);
    assert_int_equal(ok("--window 1h30m").window_ms, 5400000);
    values v = ok("--header a --header=b");
    assert_int_equal(v.headers.n, 2);
    assert_string_equal(v.headers.items[0], "a");
    assert_string_equal(v.headers.items[1], "b");
    assert_null(v.headers.items[2]);
}

static void test_operands(void **state)
{
    GW_UNUSED(state);
    values v;
    gw_operands o;
    gw_error e;
    assert_int_equal(parse_in(NULL, "--strict -- --strict", &v, &o, &e), 0);
    assert_int_equal(o.n, 1);
    assert_string_equal(o.items[0], "--strict");
    assert_int_equal(parse_in(NULL, "-", &v, &o, &e), 0);
    assert_string_equal(o.items[0], "-");
    bad("a b", "takes no operand 'b'");
    /* help wins over what comes after it, and over missing operands */
    assert_int_equal(parse_in(NULL, "--help --nonsense", &v, &o, &e), 0);
    assert_true(o.help);
    assert_int_equal(parse_in(NULL, "-Ah", &v, &o, &e), 0);
    assert_true(o.help);
}

static void test_errors(void **state)
{
    GW_UNUSED(state);
    bad("--promethues x", "unknown option '--promethues', did you mean '--prometheus'?");
    bad("--all", "did you mean '--all-namespaces'?");
    bad("--qqqqqq", "unknown option '--qqqqqq'; see 'gpuwise test --help'");
    bad("-x", "unknown option '-x'");
    bad("-Ax", "unknown option '-x'");
    bad("--output", "--output wants FORMAT");
    bad("-o", "-o wants FORMAT");
    bad("-o xml", "--output: 'xml' is not one of table, json, yaml");
    bad("--query-budget 0", "'0' is not a whole number from 1 to 100");
    bad("--query-budget 101", "whole number from 1 to 100");
    bad("--query-budget 5x", "whole number");
    bad("--query-budget 99999999999999999999", "whole number");
    bad("--window nope", "--window: 'nope' is not a duration");
    bad("--window -5m", "not a duration");
    bad("--low 1.5", "share from 0 to 1");
    bad("--low nan", "share from 0 to 1");
    bad("--discount 101", "percentage from 0 to 100");
    bad("--discount -1", "percentage from 0 to 100");
    /* a share where a percentage is wanted: 15 % would have become 0.15 % */
    bad("--discount 0.15", "write 15 for 15 %, or '0.15%'");
    bad("--ratio inf", "a number from 1 to 9");
    bad("--selector=x", "'gpuwise test' takes no --selector: it would be of no use");
    bad("-lx", "takes no --selector");
    bad("--fee -1", "an amount of dollars");
    bad("--strict=maybe", "'maybe' is not true or false");
    bad("--prometheus a --snapshot b", "give either --prometheus or --snapshot, not both");
}

static void test_list_bound(void **state)
{
    GW_UNUSED(state);
    char line[1024] = "";
    size_t n = 0;
    for (int i = 0; i < GW_OPTION_LIST_MAX; i++)
        n += (size_t)snprintf(line + n, sizeof(line) - n, "--header=x ");
    assert_int_equal(ok(line).headers.n, GW_OPTION_LIST_MAX);
    snprintf(line + n, sizeof(line) - n, "--header=x");
    bad(line, "more than 64 times");
}

static void test_environment(void **state)
{
    GW_UNUSED(state);
    static const variable env[] = {{"T_URL", "http://env"}, {"T_DIR", "/env"},    {"T_OUTPUT", "yaml"},
                                   {"T_STRICT", "1"},       {"T_HEADER", "X: 1"}, {NULL, NULL}};
    values v;
    gw_operands o;
    gw_error e;
    assert_int_equal(parse_in(env, "", &v, &o, &e), 0);
    assert_string_equal(v.url, "http://env");
    assert_null(v.dir); /* of one tag only the first that is set */
    assert_int_equal(v.output, 2);
    assert_true(v.strict);
    assert_int_equal(v.headers.n, 1);
    /* the command line wins, and silences the environment of its alternatives */
    assert_int_equal(parse_in(env, "--snapshot here -o json --strict=false --header=a", &v, &o, &e), 0);
    assert_null(v.url);
    assert_string_equal(v.dir, "here");
    assert_int_equal(v.output, 1);
    assert_false(v.strict);
    assert_int_equal(v.headers.n, 1);
    static const variable wrong[] = {{"T_OUTPUT", "xml"}, {NULL, NULL}}, empty[] = {{"T_OUTPUT", ""}, {0}};
    assert_int_equal(parse_in(wrong, "", &v, &o, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "T_OUTPUT: 'xml'"));
    assert_int_equal(parse_in(empty, "", &v, &o, &e), 0);
    assert_int_equal(v.output, 0);
}

static void test_help_width(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 1 << 16);
    gw_options_help(&command, "kubectl gpuwise", &b);
    assert_int_equal(b.failed, 0);
    for (const char *s = b.data; *s; s += strcspn(s, "\n") + 1)
        assert_in_range(strcspn(s, "\n"), 0, GW_HELP_COLUMNS);
    assert_non_null(strstr(b.data, "Usage: kubectl gpuwise test [THING] [options]"));
    assert_non_null(strstr(b.data, "  -n, --namespace NS"));
    assert_non_null(strstr(b.data, "(default 24h)"));
    assert_non_null(strstr(b.data, "[$T_URL]"));
    gw_buf_free(&b);
}

static void test_nearest(void **state)
{
    GW_UNUSED(state);
    static const char *const words[] = {"report", "explain", "price", "record", "demo", NULL};
    assert_string_equal(gw_nearest("reprot", words), "report"); /* a swap is one edit */
    assert_string_equal(gw_nearest("explian", words), "explain");
    assert_string_equal(gw_nearest("pric", words), "price");
    assert_string_equal(gw_nearest("exp", words), "explain"); /* a beginning */
    assert_null(gw_nearest("zzz", words));
    assert_null(gw_nearest("", words));
    assert_null(gw_nearest("a-word-that-is-longer-than-every-bound-that-there-is-for-a-suggestion", words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),   cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_operands),   cmocka_unit_test(test_errors),
        cmocka_unit_test(test_list_bound), cmocka_unit_test(test_environment),
        cmocka_unit_test(test_help_width), cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
