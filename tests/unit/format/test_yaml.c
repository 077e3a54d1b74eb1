#include "gw_test.h"

#include <math.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "format/yaml.h"

static gw_arena arena;
static gw_error error;

static int setup(void **state)
{
    GW_UNUSED(state);
    gw_arena_init(&arena, 0);
    error = (gw_error){0};
    return 0;
}

static int teardown(void **state)
{
    GW_UNUSED(state);
    gw_arena_free(&arena);
    return 0;
}

static int parse(const char *text, const gw_yaml **ret)
{
    return gw_yaml_parse(&arena, "f.yaml", gw_str_of(text), ret, &error);
}

static const gw_yaml *must_parse(const char *text)
{
    const gw_yaml *y = NULL;
    if (parse(text, &y))
        fail_msg("%s", error.message);
    return y;
}

/* The text is refused with this code and a message that holds this part. */
static void refuses(const char *text, int code, const char *part)
{
    const gw_yaml *y = (const gw_yaml *)&arena;
    error = (gw_error){0};
    assert_int_equal(parse(text, &y), code);
    assert_ptr_equal(y, &arena); /* outputs are untouched on failure */
    assert_int_equal(error.code, code);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not hold \"%s\"", error.message, part);
}

static void builds_the_tree(void **state)
{
    GW_UNUSED(state);
    const gw_yaml *y = must_parse("a: 1\n"
                                  "b:\n"
                                  "  - x\n"
                                  "  - {c: 'two words', d: ~}\n"
                                  "e:\n");
    assert_int_equal(y->kind, GW_YAML_MAP);
    assert_int_equal(y->n, 3);
    const gw_yaml *b = gw_yaml_get(y, "b");
    assert_int_equal(b->kind, GW_YAML_LIST);
    assert_int_equal(b->n, 2);
    assert_string_equal(b->key, "b");
    assert_int_equal(b->line, 3); /* where the list itself starts */
    assert_int_equal(b->column, 3);
    const gw_yaml *c = gw_yaml_get(b->items[1], "c");
    assert_true(gw_str_is(c->text, "two words"));
    assert_false(c->plain);
    assert_int_equal(c->line, 4);
    assert_int_equal(c->column, 9);
    assert_int_equal(gw_yaml_get(b->items[1], "d")->kind, GW_YAML_NULL);
    const gw_yaml *e = gw_yaml_get(y, "e"); /* a value that is not there stands where its key does */
    assert_int_equal(e->kind, GW_YAML_NULL);
    assert_int_equal(e->line, 5);
    assert_null(gw_yaml_get(y, "nope"));
    assert_null(gw_yaml_get(NULL, "a"));
    assert_null(gw_yaml_get(b, "a"));
}

static void reads_json_too(void **state)
{
    GW_UNUSED(state);
    const gw_yaml *y = must_parse("{\n\t\"a\": [1, true, null],\r\n\t\"t\": \"x\\u0041\\n\\/\"\n}\n");
    const gw_yaml *a = gw_yaml_get(y, "a");
    assert_int_equal(a->n, 3);
    assert_int_equal(a->items[2]->kind, GW_YAML_NULL);
    const char *t = NULL;
    assert_int_equal(gw_yaml_read_text(y, "t", &t, &error), 0);
    assert_string_equal(t, "xA\n/");
    assert_int_equal(gw_yaml_get(y, "t")->line, 3);
}

/* Expected texts follow YAML 1.2.2, sections 7.3 (quotes and folding) and 8.1 (blocks). */
static void texts(void **state)
{
    GW_UNUSED(state);
    static const char *const cases[][2] = {
        {"a: 'it''s'", "it's"},
        {"a: 'x''y''''z'''", "x'y''z'"},
        {"a: ''", ""},
        {"a: ''''", "'"},
        {"\xef\xbb\xbf"
         "a: '\xc3\xa9''b'",
         "\xc3\xa9'b"}, /* behind a byte order mark */
        {"a: 'one\n  two\n\n  three'", "one two\nthree"},
        {"a: \"x\\ty\\u00e9\\\n  z\"", "x\ty\xc3\xa9z"},
        {"a: one\n  two", "one two"},
        {"a: |\n  one\n    two\n\n", "one\n  two\n"},
        {"a: |-\n  one\n", "one"},
        {"a: >\n  one\n  two\n\n  three\n", "one two\nthree\n"},
        /* more chunks than libfyaml keeps on its stack */
        {"a: \"\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\\t-\"",
         "\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-"},
        {"a: |\n  1\n  2\n  3\n  4\n  5\n  6\n  7\n  8\n  9\n  10\n  11\n  12\n  13\n  14\n  15\n  16\n  "
         "17\n  18\n",
         "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n"},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        const gw_yaml *a = gw_yaml_get(must_parse(cases[i][0]), "a");
        assert_string_equal(a->text.p, cases[i][1]);
        assert_int_equal(a->text.n, strlen(cases[i][1]));
    }
}

static void empty_text_is_nothing(void **state)
{
    GW_UNUSED(state);
    static const char *const nothing[] = {"",  "\n",     "# only a comment\n", "---\n...\n",
                                          "~", "null\n", "\xef\xbb\xbf"};
    for (size_t i = 0; i < GW_COUNT(nothing); i++) {
        const gw_yaml *y = must_parse(nothing[i]);
        assert_int_equal(y->kind, GW_YAML_NULL);
        assert_true(y->line >= 1 && y->column >= 1);
    }
}

static void one_document_only(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(must_parse("a: 1\n---\n")->kind, GW_YAML_MAP);
    assert_int_equal(must_parse("---\na: 1\n...\n")->kind, GW_YAML_MAP);
    refuses("a: 1\n---\nb: 2\n", GW_ECONFIG, "f.yaml:3: a second document");
}

static void typed_fields(void **state)
{
    GW_UNUSED(state);
    const gw_yaml *y =
        must_parse("text: abc\nquoted: '12'\nint: -12\nfloat: 0.5\nyes: yes\nno: false\nlist: []\n"
                   "map: {}\nnone: ~\ntagged: !!str 12\n");
    const char *t = "default";
    bool flag = true;
    int64_t i = 0;
    double d = 0;
    const gw_yaml *child = NULL;
    assert_int_equal(gw_yaml_read_text(y, "text", &t, &error), 0);
    assert_string_equal(t, "abc");
    assert_int_equal(gw_yaml_read_text(y, "quoted", &t, &error), 0);
    assert_string_equal(t, "12");
    assert_int_equal(gw_yaml_read_text(y, "tagged", &t, &error), 0);
    assert_string_equal(t, "12");
    assert_int_equal(gw_yaml_read_scalar(y, "float", &t, &error), 0);
    assert_string_equal(t, "0.5");
    t = "default";
    assert_int_equal(gw_yaml_read_text(y, "none", &t, &error), 0);
    assert_int_equal(gw_yaml_read_text(y, "absent", &t, &error), 0);
    assert_int_equal(gw_yaml_read_text(NULL, "absent", &t, &error), 0);
    assert_string_equal(t, "default");
    assert_int_equal(gw_yaml_read_bool(y, "no", &flag, &error), 0);
    assert_false(flag);
    assert_int_equal(gw_yaml_read_bool(y, "yes", &flag, &error), 0);
    assert_true(flag);
    assert_int_equal(gw_yaml_read_int64(y, "int", &i, &error), 0);
    assert_int_equal(i, -12);
    assert_int_equal(gw_yaml_read_double(y, "float", &d, &error), 0);
    assert_true(d == 0.5);
    assert_int_equal(gw_yaml_read_list(y, "list", &child, &error), 0);
    assert_int_equal(child->kind, GW_YAML_LIST);
    assert_int_equal(gw_yaml_read_map(y, "map", &child, &error), 0);
    assert_int_equal(child->kind, GW_YAML_MAP);
}

static void wrong_types_say_where(void **state)
{
    GW_UNUSED(state);
    const gw_yaml *y =
        must_parse("token: 12\nflag: 'true'\nn: 1.5\nlist: {}\nmap: [1]\ninf: .inf\nnul: \"a\\0b\"\n");
    const char *t = NULL;
    bool flag = false;
    int64_t i = 7;
    double d = 7;
    const gw_yaml *child = NULL;
    assert_int_equal(gw_yaml_read_text(y, "token", &t, &error), GW_ECONFIG);
    assert_string_equal(error.message,
                        "f.yaml:1:8: \"token\" must be text (put it in quotes), and is a number");
    assert_int_equal(gw_yaml_read_bool(y, "flag", &flag, &error), GW_ECONFIG);
    assert_string_equal(error.message, "f.yaml:2:7: \"flag\" must be true or false, and is text");
    assert_int_equal(gw_yaml_read_int64(y, "n", &i, &error), GW_ECONFIG);
    assert_int_equal(i, 7);
    assert_int_equal(gw_yaml_read_list(y, "list", &child, &error), GW_ECONFIG);
    assert_string_equal(error.message, "f.yaml:4:7: \"list\" must be a list, and is a map");
    assert_int_equal(gw_yaml_read_map(y, "map", &child, &error), GW_ECONFIG);
    assert_int_equal(gw_yaml_read_double(y, "inf", &d, &error), GW_ECONFIG);
    assert_int_equal(gw_yaml_read_text(y, "nul", &t, &error), GW_ECONFIG);
    assert_null(child);
    assert_null(t);
    static const char *const known[] = {"token", "flag", NULL};
    assert_int_equal(gw_yaml_expect_keys(y, known, &error), GW_ECONFIG);
    assert_string_equal(error.message, "f.yaml:3:4: \"n\" is no field here");
}

static void syntax_errors_say_where(void **state)
{
    GW_UNUSED(state);
    refuses("a: b\nc: d: e\n", GW_ECONFIG, "f.yaml:2:5: ");
    refuses("a: [1, 2\n", GW_ECONFIG, "f.yaml:");
    refuses("{\"a\": ", GW_ECONFIG, "f.yaml:");
    refuses("a: 'x\n", GW_ECONFIG, "f.yaml:");
    refuses("a: 1\nb: 2\na: 3\n", GW_ECONFIG, "f.yaml:3:4: \"a\" is given twice, first in line 1");
    refuses("? [k]\n: v\n", GW_ECONFIG, "cannot be a key");
    refuses("a: !ruby/object x\n", GW_ECONFIG, "f.yaml:1:");
    refuses("a: 1\nb: \x01\n", GW_ECONFIG, "f.yaml:2: the byte 0x01");
    refuses("a: 1\n\nb: \xff\n", GW_ECONFIG, "f.yaml:3: the byte 0xff");
    refuses("%\xfe\xff\xff\xf7"
            "c",
            GW_ECONFIG, "f.yaml:1: the byte 0xfe"); /* libfyaml would never return */
}

/* Above 16 entries another way of finding duplicates is taken. */
static void duplicates_in_large_maps(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 1 << 20);
    for (int i = 0; i < 100; i++)
        gw_buf_printf(&b, "k%d: %d\n", i, i);
    assert_int_equal(must_parse(b.data)->n, 100);
    gw_buf_puts(&b, "k41: 1\n");
    refuses(b.data, GW_ECONFIG, "f.yaml:101:6: \"k41\" is given twice, first in line 42");
    gw_buf_free(&b);
}

static void aliases_and_merges(void **state)
{
    GW_UNUSED(state);
    const gw_yaml *y = must_parse("base: &b {x: 1, y: 2}\n"
                                  "more: &m {y: 3, z: 4}\n"
                                  "one: {<<: *b, x: 9}\n"
                                  "two: {<<: [*m, *b]}\n"
                                  "same: *b\n");
    const gw_yaml *one = gw_yaml_get(y, "one"), *two = gw_yaml_get(y, "two"), *same = gw_yaml_get(y, "same");
    assert_int_equal(one->n, 2);
    assert_true(gw_str_is(gw_yaml_get(one, "x")->text, "9"));
    assert_true(gw_str_is(gw_yaml_get(one, "y")->text, "2"));
    assert_int_equal(two->n, 3);
    assert_true(gw_str_is(gw_yaml_get(two, "y")->text, "3"));
    assert_true(gw_str_is(gw_yaml_get(two, "x")->text, "1"));
    assert_string_equal(same->key, "same");
    assert_string_equal(gw_yaml_get(y, "base")->key, "base");
    refuses("a: *nope\n", GW_ECONFIG, "f.yaml:1:4: no anchor \"&nope\"");
    refuses("a: &a [*a]\n", GW_ECONFIG, "no anchor"); /* a tree cannot hold itself */
    refuses("a: {<<: 3}\n", GW_ECONFIG, "\"<<\" takes a map");
}

static void billion_laughs(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 1 << 20);
    gw_buf_puts(&b, "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
    /* level n stands for more than 10^(n + 1) values: the sixth passes the bound of a million */
    for (int i = 1; i <= 9; i++) {
        gw_buf_printf(&b, "l%d: &l%d [", i, i);
        for (int k = 0; k < 10; k++)
            gw_buf_printf(&b, "%s*l%d", k ? ", " : "", i - 1);
        gw_buf_puts(&b, "]\n");
    }
    refuses(b.data, GW_ELIMIT, "aliases expanded");
    gw_buf_free(&b);
}

static void depth_is_bounded(void **state)
{
    GW_UNUSED(state);
    char text[512];
    for (int depth = GW_YAML_MAX_DEPTH; depth <= GW_YAML_MAX_DEPTH + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        if (depth == GW_YAML_MAX_DEPTH)
            must_parse(text);
        else
            refuses(text, GW_ELIMIT, "deeper than");
    }
    /* 20 levels in an anchor, used 15 levels down */
    gw_buf b;
    gw_buf_init(&b, 4096);
    gw_buf_puts(&b, "a: &a ");
    for (int i = 0; i < 20; i++)
        gw_buf_putc(&b, '[');
    for (int i = 0; i < 20; i++)
        gw_buf_putc(&b, ']');
    gw_buf_puts(&b, "\nb: ");
    for (int i = 0; i < 15; i++)
        gw_buf_putc(&b, '[');
    gw_buf_puts(&b, "*a");
    for (int i = 0; i < 15; i++)
        gw_buf_putc(&b, ']');
    refuses(b.data, GW_ELIMIT, "f.yaml:2:19: nested deeper than");
    gw_buf_free(&b);
    /* very deep input ends early, whatever the parser below makes of it */
    char *deep = gw_malloc(100001);
    assert_non_null(deep);
    memset(deep, '[', 100000);
    deep[100000] = '\0';
    refuses(deep, GW_ELIMIT, "deeper than");
    gw_free(deep);
}

static void size_is_bounded(void **state)
{
    GW_UNUSED(state);
    const gw_yaml *y = NULL;
    assert_int_equal(gw_yaml_parse(&arena, "f", (gw_str){"", GW_YAML_MAX_BYTES + 1}, &y, &error), GW_ELIMIT);
    gw_arena_free(&arena);
    gw_arena_init(&arena, 100); /* an arena that is too small is no crash */
    assert_int_equal(parse("a: [1, 2, 3]", &y), GW_ENOMEM);
}

static void loads_files(void **state)
{
    GW_UNUSED(state);
    char path[] = "/tmp/gw-yaml-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a: 5\n", 5), 5);
    close(fd);
    const gw_yaml *y = NULL;
    assert_int_equal(gw_yaml_load(&arena, path, &y, &error), 0);
    int64_t a = 0;
    assert_int_equal(gw_yaml_read_int64(y, "a", &a, &error), 0);
    assert_int_equal(a, 5);
    unlink(path);
    assert_int_equal(gw_yaml_load(&arena, path, &y, &error), GW_EIO);
    assert_non_null(strstr(error.message, path));
    assert_int_equal(gw_yaml_load(&arena, "/tmp", &y, &error), GW_EIO); /* a directory */
}

static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    static const char text[] =
        "a: &a {b: [1, 2], c: 'x'}\nd: {<<: *a, q: *a}\ne: 1\nf: 1\ng: 1\nh: 1\ni: 1\nj: 1\n"
        "k: 1\nl: 1\nm: 1\nn: 1\no: 1\np: 1\nq: 1\nr: 1\ns: 1\nt: 1\n";
    int r = -1;
    uint64_t at = 0;
    while (r && at < 1000) {
        const gw_yaml *y = NULL;
        gw_arena_free(&arena);
        gw_mem_fail_at(++at);
        r = parse(text, &y);
        gw_mem_fail_at(0);
        if (r) {
            assert_int_equal(r, GW_ENOMEM);
            assert_null(y);
        } else {
            assert_int_equal(y->n, 18);
        }
    }
    assert_int_equal(r, 0);
    assert_true(at > 5); /* it did allocate */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(builds_the_tree),
        T(texts),
        T(reads_json_too),
        T(empty_text_is_nothing),
        T(one_document_only),
        T(typed_fields),
        T(wrong_types_say_where),
        T(syntax_errors_say_where),
        T(aliases_and_merges),
        T(billion_laughs),
        T(duplicates_in_large_maps),
        T(depth_is_bounded),
        T(size_is_bounded),
        T(loads_files),
        T(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
