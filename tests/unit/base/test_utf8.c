/* UTF-8: against a decoder that does the other way round, over every character and every pair of bytes. */
#include "gw_test.h"

#include "base/utf8.h"

static bool is_character(uint32_t c)
{
    return c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF);
}

static void every_character_survives(void **state)
{
    GW_UNUSED(state);
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char bytes[5];
        if (!is_character(c))
            continue;
        size_t n = gw_utf8_put(c, bytes), at = 0;
        assert_int_equal(n, c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4); /* RFC 3629 §3 */
        if (gw_utf8_next((gw_str){bytes, n}, &at) != c || at != n)
            fail_msg("U+%04" PRIX32, c);
        /* cut off, it is nothing, and one byte of it is taken */
        for (size_t cut = 1; cut < n; cut++) {
            at = 0;
            assert_int_equal(gw_utf8_next((gw_str){bytes, cut}, &at), GW_UTF8_REPLACEMENT);
            assert_int_equal(at, 1);
        }
    }
}

static void what_is_ill_formed_is_replaced(void **state)
{
    GW_UNUSED(state);
    /* overlong, surrogates, beyond U+10FFFF, lone continuations, bytes that UTF-8 never has */
    static const char *const bad[] = {"\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x80\x80",
                                      "\xE0\x9F\xBF",
                                      "\xF0\x80\x80\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xED\xA0\x80",
                                      "\xED\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xFF",
                                      "\xFE",
                                      "\x80",
                                      "\xBF",
                                      "\xC3(",
                                      "\xE2\x82(",
                                      "\xF0\x9F\x98(",
                                      "\xF8\x88\x80\x80\x80"};
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        size_t at = 0;
        assert_int_equal(gw_utf8_next(gw_str_of(bad[i]), &at), GW_UTF8_REPLACEMENT);
        assert_int_equal(at, 1);
    }
    /* every pair of bytes: decoded exactly where some character is spelled like that */
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            char bytes[2] = {(char)a, (char)b};
            size_t at = 0;
            uint32_t c = gw_utf8_next((gw_str){bytes, 2}, &at);
            bool two = a >= 0xC2 && a <= 0xDF && b >= 0x80 && b <= 0xBF;
            assert_int_equal(at, two ? 2 : 1);
            assert_int_equal(c, a < 0x80 ? a : two ? (a - 0xC0) * 64 + (b - 0x80) : GW_UTF8_REPLACEMENT);
        }
    }
}

static void widths(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(gw_utf8_width('a'), 1);
    assert_int_equal(gw_utf8_width(0xE9), 1);    /* e with acute */
    assert_int_equal(gw_utf8_width(0x301), 0);   /* combining acute */
    assert_int_equal(gw_utf8_width(0x4E2D), 2);  /* a Han character */
    assert_int_equal(gw_utf8_width(0xFF21), 2);  /* fullwidth A */
    assert_int_equal(gw_utf8_width(0x1F600), 2); /* a face */
    assert_int_equal(gw_utf8_width(0x200D), 0);  /* zero-width joiner */
    assert_int_equal(gw_text_width(gw_str_of("gpu-\xe4\xb8\xad")), 6);
    assert_int_equal(gw_text_width(gw_str_of("e\xcc\x81")), 1);
    assert_int_equal(gw_text_width(gw_str_of("a\x1b[0m")), 5); /* the escape is drawn as one replacement */
    assert_int_equal(gw_text_width(gw_str_of("\xff\xff")), 2);
    assert_int_equal(gw_text_width((gw_str){NULL, 0}), 0);
}

static void controls(void **state)
{
    GW_UNUSED(state);
    static const uint32_t yes[] = {0,      0x1B,   0x1F,   0x7F,   0x85,   0x9F,  0x061C,
                                   0x200E, 0x200F, 0x2028, 0x202E, 0x2066, 0x2069};
    static const uint32_t no[] = {0x20, 0x7E, 0xA0, 0xE9, 0x200D, 0x2010, 0x2027, 0x202F, 0x4E2D, 0x1F600};
    for (size_t i = 0; i < GW_COUNT(yes); i++)
        assert_true(gw_utf8_is_control(yes[i]));
    for (size_t i = 0; i < GW_COUNT(no); i++)
        assert_false(gw_utf8_is_control(no[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_survives),
        cmocka_unit_test(what_is_ill_formed_is_replaced),
        cmocka_unit_test(widths),
        cmocka_unit_test(controls),
    };
    return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
