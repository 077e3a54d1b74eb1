/* The document writer: what it writes is read back by independent readers (jansson, libfyaml). */
#include "gw_test.h"

#include <jansson.h>
#include <libfyaml.h>
#include <math.h>

#include "base/mem.h"
#include "format/doc.h"

static const char *const texts[] = {"avatar",
                                    "",
                                    " ",
                                    "true",
                                    "No",
                                    "null",
                                    "~",
                                    "123",
                                    "1e5",
                                    "-",
                                    "- a",
                                    "a: b",
                                    "a #b",
                                    "#",
                                    "{}",
                                    "[x]",
                                    "\"",
                                    "\\",
                                    "line\nbreak",
                                    "tab\there",
                                    "\x01\x1f\x7f",
                                    "nvidia.com/gpu",
                                    "2022-09-11",
                                    "0x1F",
                                    ".5",
                                    "é",
                                    "日本語",
                                    "😀",
                                    "'",
                                    "%a",
                                    "@a",
                                    "`",
                                    "|",
                                    ">",
                                    "!t",
                                    "&a",
                                    "*a",
                                    "?",
                                    ": ",
                                    "a:",
                                    "--- x",
                                    "\xc2\x85",
                                    "\xe2\x80\xa8",
                                    "=",
                                    "<<",
                                    "y"};

static void fill(gw_doc *d)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "kind", "Report");
    gw_doc_array(d, "texts");
    for (size_t i = 0; i < GW_COUNT(texts); i++)
        gw_doc_text(d, NULL, texts[i]);
    gw_doc_end(d);
    gw_doc_object(d, "keys");
    for (size_t i = 0; i < GW_COUNT(texts); i++)
        gw_doc_int(d, texts[i], (int64_t)i);
    gw_doc_end(d);
    gw_doc_object(d, "emptyObject");
    gw_doc_end(d);
    gw_doc_array(d, "emptyArray");
    gw_doc_end(d);
    gw_doc_array(d, "rows");
    gw_doc_object(d, NULL);
    gw_doc_object(d, "key");
    gw_doc_text(d, "namespace", "a");
    gw_doc_end(d);
    gw_doc_null(d, "class");
    gw_doc_end(d);
    gw_doc_object(d, NULL);
    gw_doc_end(d);
    gw_doc_array(d, NULL);
    gw_doc_int(d, NULL, 1);
    gw_doc_array(d, NULL);
    gw_doc_end(d);
    gw_doc_bool(d, NULL, true);
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_money(d, "bill", 30131180);
    gw_doc_money(d, "small", -1);
    gw_doc_money(d, "unknownMoney", GW_MICRO_UNKNOWN);
    gw_doc_number(d, "share", 0.058, 6);
    gw_doc_number(d, "nan", NAN, 6);
    gw_doc_fixed(d, "hours", 22.815833333, 6);
    gw_doc_int(d, "least", INT64_MIN);
    gw_doc_end(d);
}

static void write_doc(gw_doc_format format, gw_buf *b)
{
    gw_doc d;
    gw_error e;
    gw_buf_init(b, 1 << 20);
    gw_doc_init(&d, format, b);
    fill(&d);
    assert_int_equal(gw_doc_finish(&d, &e), 0);
}

static void test_json_reads_back(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    json_error_t je;
    write_doc(GW_DOC_JSON, &b);
    json_t *root = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &je);
    if (!root)
        fail_msg("line %d: %s", je.line, je.text);
    json_t *list = json_object_get(root, "texts"), *keys = json_object_get(root, "keys");
    assert_int_equal(json_array_size(list), GW_COUNT(texts));
    assert_int_equal(json_object_size(keys), GW_COUNT(texts));
    for (size_t i = 0; i < GW_COUNT(texts); i++) {
        assert_string_equal(json_string_value(json_array_get(list, i)), texts[i]);
        assert_int_equal(json_integer_value(json_object_get(keys, texts[i])), i);
    }
    assert_true(json_is_null(json_object_get(root, "nan")));
    assert_true(json_is_null(json_object_get(root, "unknownMoney")));
    assert_int_equal(json_integer_value(json_object_get(root, "least")), INT64_MIN);
    assert_int_equal(json_object_size(json_object_get(root, "emptyObject")), 0);
    assert_int_equal(json_array_size(json_object_get(root, "emptyArray")), 0);
    /* exactly six decimals of money, at most six of a share, as text */
    assert_non_null(strstr(b.data, "\"bill\": 30.131180,"));
    assert_non_null(strstr(b.data, "\"small\": -0.000001,"));
    assert_non_null(strstr(b.data, "\"share\": 0.058,"));
    assert_non_null(strstr(b.data, "\"hours\": 22.815833,"));
    json_decref(root);
    gw_buf_free(&b);
}

/* libfyaml gives every scalar as text with its style; plain ones are resolved by YAML 1.2's core schema. */
static json_t *json_of(struct fy_node *n)
{
    size_t len;
    void *it = NULL;
    if (fy_node_get_type(n) == FYNT_SEQUENCE) {
        json_t *a = json_array();
        for (struct fy_node *c; (c = fy_node_sequence_iterate(n, &it)) != NULL;)
            json_array_append_new(a, json_of(c));
        return a;
    }
    if (fy_node_get_type(n) == FYNT_MAPPING) {
        json_t *o = json_object();
        for (struct fy_node_pair *p; (p = fy_node_mapping_iterate(n, &it)) != NULL;) {
            const char *key = fy_node_get_scalar(fy_node_pair_key(p), &len);
            json_object_setn_new_nocheck(o, key ? key : "", key ? len : 0, json_of(fy_node_pair_value(p)));
        }
        return o;
    }
    const char *s = fy_node_get_scalar(n, &len);
    json_error_t je;
    if (s && fy_node_get_style(n) == FYNS_PLAIN) {
        json_t *v = json_loadb(s, len, JSON_DECODE_ANY, &je);
        if (v)
            return v;
    }
    return json_stringn(s ? s : "", s ? len : 0);
}

static void test_yaml_equals_json(void **state)
{
    GW_UNUSED(state);
    gw_buf y, j;
    json_error_t je;
    write_doc(GW_DOC_YAML, &y);
    write_doc(GW_DOC_JSON, &j);
    struct fy_parse_cfg cfg = {.flags = FYPCF_DEFAULT_DOC};
    struct fy_document *doc = fy_document_build_from_string(&cfg, y.data, y.len);
    if (!doc)
        fail_msg("libfyaml does not take:\n%s", y.data);
    json_t *from_yaml = json_of(fy_document_root(doc));
    json_t *from_json = json_loadb(j.data, j.len, 0, &je);
    assert_non_null(from_json);
    if (!json_equal(from_yaml, from_json))
        fail_msg("%s\nis not\n%s", json_dumps(from_yaml, JSON_INDENT(1)), y.data);
    json_decref(from_yaml);
    json_decref(from_json);
    fy_document_destroy(doc);
    gw_buf_free(&y);
    gw_buf_free(&j);
}

static void test_yaml_layout(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_doc d;
    gw_error e;
    gw_buf_init(&b, 4096);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_doc_object(&d, NULL);
    gw_doc_array(&d, "rows");
    gw_doc_object(&d, NULL);
    gw_doc_object(&d, "key");
    gw_doc_text(&d, "team", "on");
    gw_doc_end(&d);
    gw_doc_int(&d, "pods", 1);
    gw_doc_end(&d);
    gw_doc_end(&d);
    gw_doc_end(&d);
    assert_int_equal(gw_doc_finish(&d, &e), 0);
    assert_string_equal(b.data, "rows:\n  - key:\n      team: \"on\"\n    pods: 1\n");
    gw_buf_free(&b);
}

static void test_broken_utf8(void **state)
{
    GW_UNUSED(state);
    /* a lone continuation, an overlong slash, a surrogate, beyond the end, a cut sequence */
    static const char *const bad[] = {"\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        gw_buf b;
        gw_doc d;
        gw_error e;
        json_error_t je;
        gw_buf_init(&b, 4096);
        gw_doc_init(&d, GW_DOC_JSON, &b);
        gw_doc_text(&d, NULL, bad[i]);
        assert_int_equal(gw_doc_finish(&d, &e), 0);
        json_t *v = json_loadb(b.data, b.len, JSON_DECODE_ANY, &je);
        assert_non_null(v); /* jansson refuses what is not UTF-8 */
        assert_non_null(strstr(json_string_value(v), "\xef\xbf\xbd"));
        json_decref(v);
        gw_buf_free(&b);
    }
}

static void test_decimals(void **state)
{
    GW_UNUSED(state);
    char t[GW_DECIMAL_TEXT_MAX];
    assert_string_equal(gw_decimal_format(0.5, 6, true, t), "0.5");
    assert_string_equal(gw_decimal_format(1, 6, true, t), "1");
    assert_string_equal(gw_decimal_format(100, 0, true, t), "100");
    assert_string_equal(gw_decimal_format(-0.0000001, 6, true, t), "0");
    assert_string_equal(gw_decimal_format(-0.0000001, 6, false, t), "0.000000");
    assert_string_equal(gw_decimal_format(-0.25, 6, true, t), "-0.25");
    assert_int_equal(strlen(gw_decimal_format(1.7976931348623157e308, 6, false, t)), 309 + 7);
}

static void test_misuse(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_doc d;
    gw_error e;
    gw_buf_init(&b, 4096);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    gw_doc_object(&d, NULL);
    assert_int_equal(gw_doc_finish(&d, &e), GW_EINTERNAL); /* still open */
    gw_doc_end(&d);
    gw_doc_end(&d);
    assert_int_equal(gw_doc_finish(&d, &e), GW_EINTERNAL); /* ended twice */
    gw_doc_init(&d, GW_DOC_JSON, &b);
    for (int i = 0; i < GW_DOC_DEPTH_MAX + 1; i++)
        gw_doc_array(&d, NULL);
    assert_true(d.misused);
    gw_buf_free(&b);
    gw_buf_init(&b, 8); /* too small */
    gw_doc_init(&d, GW_DOC_JSON, &b);
    gw_doc_text(&d, NULL, "a longer text");
    assert_int_equal(gw_doc_finish(&d, &e), GW_ELIMIT);
    gw_buf_free(&b);
}

static void test_allocations(void **state)
{
    GW_UNUSED(state);
    for (uint64_t n = 1;; n++) {
        gw_buf b;
        gw_doc d;
        gw_error e;
        gw_buf_init(&b, 1 << 20);
        gw_mem_fail_at(n);
        gw_doc_init(&d, GW_DOC_YAML, &b);
        fill(&d);
        int rc = gw_doc_finish(&d, &e);
        bool failed = gw_mem_count() >= n;
        gw_mem_fail_at(0);
        gw_buf_free(&b);
        assert_int_equal(rc, failed ? GW_ENOMEM : 0);
        if (!failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_reads_back), cmocka_unit_test(test_yaml_equals_json),
        cmocka_unit_test(test_yaml_layout),     cmocka_unit_test(test_broken_utf8),
        cmocka_unit_test(test_decimals),        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
