/* Messages: filled, prefixed, and cut where they are too long, never inside a character. */
#include "gw_test.h"

#define MOST (GW_ERROR_MESSAGE_MAX - 1)

static void is_filled(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    assert_int_equal(gw_fail(&e, GW_EIO, "%s: %d", "file", 7), GW_EIO);
    assert_int_equal(e.code, GW_EIO);
    assert_string_equal(e.message, "file: 7");
    assert_int_equal(gw_fail(NULL, GW_ETLS, "x"), GW_ETLS);
    assert_int_equal(gw_fail_memory(&e), GW_ENOMEM);
    assert_int_equal(e.code, GW_ENOMEM);
    assert_non_null(strstr(e.message, "memory"));
    assert_int_equal(gw_fail_memory(NULL), GW_ENOMEM);
}

static void gets_a_prefix(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_fail(&e, GW_ECORRUPT, "byte 7 is wrong");
    assert_int_equal(gw_error_prefix(&e, "%s/%s", "dir", "f"), GW_ECORRUPT);
    assert_int_equal(gw_error_prefix(&e, "snapshot"), GW_ECORRUPT);
    assert_string_equal(e.message, "snapshot: dir/f: byte 7 is wrong");
    assert_int_equal(gw_error_prefix(&e, "%s", e.message), GW_ECORRUPT); /* of itself */
    assert_string_equal(e.message, "snapshot: dir/f: byte 7 is wrong: snapshot: dir/f: byte 7 is wrong");
    e.message[0] = '\0';
    gw_error_prefix(&e, "p");
    assert_string_equal(e.message, "p: ");
    assert_int_equal(gw_error_prefix(NULL, "p"), GW_EINTERNAL);
}

static void fill(char *text, size_t n, const char *unit)
{
    size_t u = strlen(unit);
    for (size_t i = 0; i < n; i++)
        text[i] = unit[i % u];
    text[n] = '\0';
}

static void long_text_is_cut(void **state)
{
    GW_UNUSED(state);
    char text[2000];
    gw_error e = {0};
    fill(text, MOST, "abc");
    gw_fail(&e, GW_EIO, "%s", text);
    assert_string_equal(e.message, text); /* just fits */
    fill(text, 1999, "abc");
    gw_fail(&e, GW_EIO, "%s", text);
    assert_int_equal(strlen(e.message), MOST);
    /* a prefix pushes the end out */
    gw_error_prefix(&e, "0123456789");
    assert_int_equal(strlen(e.message), MOST);
    assert_memory_equal(e.message, "0123456789: abcabc", 18);
    /* a prefix longer than everything leaves nothing of the message */
    fill(text, 1999, "p");
    gw_error_prefix(&e, "%s", text);
    assert_int_equal(strlen(e.message), MOST);
    assert_string_equal(e.message + MOST - 3, "p: ");
    assert_int_equal(e.code, GW_EIO);
    /* and one that leaves room for a single byte */
    gw_fail(&e, GW_EIO, "xyz");
    fill(text, MOST - 3, "p");
    gw_error_prefix(&e, "%s", text);
    assert_string_equal(e.message + MOST - 4, "p: x");
}

static void is_never_cut_inside_a_character(void **state)
{
    GW_UNUSED(state);
    /* 2, 3 and 4 bytes: whatever the start, the cut falls on each of their borders */
    static const char *const letters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    char text[2000];
    gw_error e = {0};
    for (size_t k = 0; k < GW_COUNT(letters); k++) {
        size_t size = strlen(letters[k]);
        for (size_t start = 0; start < 8; start++) {
            fill(text, start, "a");
            fill(text + start, 1600, letters[k]);
            size_t want = start + (MOST - start) / size * size; /* whole characters that fit */
            gw_fail(&e, GW_EIO, "%s", text);
            assert_int_equal(strlen(e.message), want);
            assert_memory_equal(e.message, text, want);
            /* behind a prefix of start + 2 bytes */
            fill(text, start, "a");
            fill(text + start, 700 / size * size, letters[k]);
            gw_fail(&e, GW_EIO, "%s", text + start);
            gw_error_prefix(&e, "%.*s%s", (int)start, text,
                            "0123456789012345678901234567890123456789"
                            "0123456789012345678901234567890123456789");
            size_t before = start + 80 + 2;
            assert_int_equal(strlen(e.message), before + (MOST - before) / size * size);
        }
    }
    /* what is no UTF-8 loses at most the last bytes, and is not read beyond */
    fill(text, 1999, "\x80");
    gw_fail(&e, GW_EIO, "%s", text);
    assert_int_equal(strlen(e.message), MOST);
    fill(text, 1999, "\xff");
    gw_fail(&e, GW_EIO, "%s", text);
    assert_int_equal(strlen(e.message), MOST - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_filled),
        cmocka_unit_test(gets_a_prefix),
        cmocka_unit_test(long_text_is_cut),
        cmocka_unit_test(is_never_cut_inside_a_character),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
