#include "gw_test.h"

#include "base/mem.h"
#include "format/csv.h"

static gw_str str(const char *s)
{
    return gw_str_of(s);
}

static gw_csv csv;

/* Reads everything and joins it: fields with '|', records with '/'. */
static const char *joined(gw_str text, gw_error *e)
{
    static char out[4096];
    size_t at = 0;
    int r;
    gw_csv_init(&csv, "t.csv", text);
    out[0] = '\0';
    while ((r = gw_csv_next(&csv, e)) > 0) {
        for (size_t i = 0; i < csv.n; i++)
            at += (size_t)snprintf(out + at, sizeof(out) - at, "%s%.*s", i ? "|" : "",
                                   GW_STR_ARG(csv.field[i].value));
        at += (size_t)snprintf(out + at, sizeof(out) - at, "/");
    }
    gw_csv_free(&csv);
    return r ? NULL : out;
}

static void reads_rfc_4180(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"a,b\n1,2\n", "a|b/1|2/"},
        {"a,b\r\n1,2", "a|b/1|2/"}, /* CRLF, and no line break at the end */
        {"a\rb\r", "a/b/"},         /* old line ends */
        {"\xef\xbb\xbf"
         "a,b\n",
         "a|b/"},                              /* byte-order mark */
        {"\"a\"\"b\",\"c,d\"\n", "a\"b|c,d/"}, /* doubled quote, comma inside */
        {"\"x\r\ny\",z\n", "x\r\ny|z/"},       /* line break inside, kept as it is */
        {",\n\"\"\n", "|//"},                  /* empty fields; a quoted empty one is a record */
        {"\n\n  \na\n\n", "a/"},               /* empty lines are skipped */
        {"a,\n", "a|/"},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        const char *got = joined(str(cases[i].text), &e);
        assert_non_null(got);
        assert_string_equal(got, cases[i].want);
    }
}

static void says_where_it_is_wrong(void **state)
{
    GW_UNUSED(state);
    const struct {
        gw_str text;
        const char *place;
    } cases[] = {
        {str("a,b\n1,\"2"), "t.csv:2:3: this quote is never closed"},
        {str("a\n\"1\"x\n"), "t.csv:2:4: text after a closing quote"},
        {str("a\nx\"y\n"), "t.csv:2:2: a quote inside"},
        {{"a\nb\0c\n", 6}, "t.csv:2:2: a NUL byte"},
        {{"a\n\"b\0\"\n", 7}, "t.csv:2:3: a NUL byte"},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_error e = {0};
        assert_null(joined(cases[i].text, &e));
        assert_int_equal(e.code, GW_ECORRUPT);
        assert_memory_equal(e.message, cases[i].place, strlen(cases[i].place));
    }
}

static void knows_lines_and_columns(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_csv_init(&csv, "t.csv", str("Name, Price \n\"two\nlines\",3\nx"));
    assert_int_equal(gw_csv_next(&csv, &e), 1);
    assert_int_equal(gw_csv_find(&csv, "price"), 1);
    assert_true(gw_csv_find(&csv, "cost") == SIZE_MAX);
    assert_int_equal(gw_csv_next(&csv, &e), 1);
    assert_int_equal(csv.field[0].line, 2);
    /* the second field starts behind the line break inside the first: on line 3, after lines", */
    assert_int_equal(csv.field[1].line, 3);
    assert_int_equal(csv.field[1].column, 8);
    assert_int_equal(gw_csv_fail(&csv, 1, &e, GW_ECONFIG, "no"), GW_ECONFIG);
    assert_string_equal(e.message, "t.csv:3:8: no");
    assert_int_equal(gw_csv_next(&csv, &e), 1);
    assert_int_equal(gw_csv_get(&csv, 1).n, 0); /* a short record has empty fields */
    gw_csv_free(&csv);
}

static void bounds_the_fields(void **state)
{
    GW_UNUSED(state);
    char text[GW_CSV_MAX_FIELDS + 8];
    gw_error e = {0};
    memset(text, ',', sizeof(text));
    /* n commas part n + 1 fields: the most that is taken, and one more */
    gw_csv_init(&csv, "t.csv", (gw_str){text, GW_CSV_MAX_FIELDS - 1});
    assert_int_equal(gw_csv_next(&csv, &e), 1);
    assert_int_equal(csv.n, GW_CSV_MAX_FIELDS);
    gw_csv_free(&csv);
    gw_csv_init(&csv, "t.csv", (gw_str){text, GW_CSV_MAX_FIELDS});
    assert_int_equal(gw_csv_next(&csv, &e), GW_ELIMIT);
    gw_csv_free(&csv);
}

static void skips_comments_when_asked(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_csv_init(&csv, "t.csv", str("# \"made by hand\n a,b\r\n#\n1,2"));
    csv.comments = true;
    assert_int_equal(gw_csv_next(&csv, &e), 1);
    assert_true(gw_str_is(gw_csv_get(&csv, 0), "a"));
    assert_int_equal(gw_csv_next(&csv, &e), 1);
    assert_int_equal(csv.field[0].line, 4);
    assert_int_equal(gw_csv_next(&csv, &e), 0);
    gw_csv_free(&csv);
}

static void writes_what_it_reads(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    const char *row[] = {"plain", "a,b", "say \"hi\"", "two\nlines", " blanks ", ""};
    gw_buf b;
    gw_buf_init(&b, 4096);
    gw_csv_write_row(&b, row, GW_COUNT(row), false);
    gw_csv_write_row(&b, (const char *[]){""}, 1, false);
    assert_string_equal(b.data, "plain,\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\" blanks \",\n\"\"\n");
    gw_csv_init(&csv, "t.csv", (gw_str){b.data, b.len});
    assert_int_equal(gw_csv_next(&csv, &e), 1);
    assert_int_equal(csv.n, GW_COUNT(row));
    for (size_t i = 0; i < GW_COUNT(row); i++)
        assert_true(gw_str_is(csv.field[i].value, row[i]));
    assert_int_equal(gw_csv_next(&csv, &e), 1);
    assert_int_equal(csv.n, 1);
    gw_csv_free(&csv);
    gw_buf_free(&b);
}

static void disarms_formulas(void **state)
{
    GW_UNUSED(state);
    const struct {
        const char *value, *want;
    } cases[] = {
        {"=1+1", "'=1+1"},
        {"+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"},
        {"@SUM(A1)", "'@SUM(A1)"},
        {"-x", "'-x"},
        {"-1.5", "-1.5"},                    /* a number is no formula */
        {"\tx", "\"'\tx\""},                 /* a blank at the end is quoted as well */
        {"\xef\xbc\x9dx", "'\xef\xbc\x9dx"}, /* the full-width = */
        {"=\"a\"", "\"'=\"\"a\"\"\""},
        {"a=b", "a=b"},
        {"", ""},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_buf b;
        gw_buf_init(&b, 256);
        gw_buf_puts(&b, "");
        gw_csv_write_field(&b, str(cases[i].value), true);
        gw_buf_putc(&b, ';');
        b.data[b.len - 1] = '\0';
        assert_string_equal(b.data, cases[i].want);
        gw_buf_free(&b);
    }
}

static void survives_want_of_memory(void **state)
{
    GW_UNUSED(state);
    for (uint64_t n = 1;; n++) {
        gw_error e = {0};
        gw_csv_init(&csv, "t.csv", str("\"some text\",\"and more of it\"\n"));
        gw_mem_fail_at(n);
        int r = gw_csv_next(&csv, &e);
        bool done = gw_mem_count() < n;
        gw_mem_fail_at(0);
        gw_csv_free(&csv);
        if (done) {
            assert_int_equal(r, 1);
            assert_true(n > 1); /* something was asked for at all */
            break;
        }
        assert_int_equal(r, GW_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_rfc_4180),
        cmocka_unit_test(says_where_it_is_wrong),
        cmocka_unit_test(knows_lines_and_columns),
        cmocka_unit_test(bounds_the_fields),
        cmocka_unit_test(skips_comments_when_asked),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(disarms_formulas),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
