/* The growing buffer: what it holds, where it stops, and that a failure sticks. */
#include "gw_test.h"

#include <wchar.h>

#include "base/buf.h"
#include "base/mem.h"

static void collects_text(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 1000);
    assert_null(b.data);
    gw_buf_puts(&b, "");
    assert_null(b.data); /* nothing was added yet */
    gw_buf_puts(&b, "one");
    gw_buf_putc(&b, ' ');
    gw_buf_add(&b, "two\0x", 5);
    gw_buf_printf(&b, "%d%s", 3, "!");
    gw_buf_printf(&b, "%s", "");
    assert_int_equal(b.len, 11);
    assert_memory_equal(b.data, "one two\0x3!", 12);
    assert_int_equal(gw_buf_check(&b, "x", NULL), 0);
    gw_buf_free(&b);
    assert_null(b.data);
    assert_int_equal(b.max, 1000);
}

static void stops_at_its_maximum(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_buf b;
    gw_buf_init(&b, 5);
    gw_buf_puts(&b, "12345");
    assert_int_equal(b.failed, 0);
    gw_buf_puts(&b, "");
    assert_int_equal(b.failed, 0);
    gw_buf_putc(&b, '6');
    assert_int_equal(b.failed, GW_ELIMIT);
    assert_string_equal(b.data, "12345");
    assert_int_equal(gw_buf_check(&b, "the reply", &e), GW_ELIMIT);
    assert_string_equal(e.message, "the reply is larger than 5 bytes, the most that gpuwise takes");
    gw_buf_drop(&b, 5);
    gw_buf_putc(&b, 'x'); /* there is room again, but the text would have a hole */
    assert_int_equal(b.len, 0);
    gw_buf_clear(&b);
    gw_buf_printf(&b, "%d", 99999);
    assert_string_equal(b.data, "99999");
    gw_buf_clear(&b);
    gw_buf_printf(&b, "%d", 100000);
    assert_int_equal(b.failed, GW_ELIMIT);
    assert_int_equal(b.len, 0);
    gw_buf_free(&b);

    gw_buf_init(&b, 0); /* holds nothing */
    gw_buf_putc(&b, 'x');
    assert_int_equal(b.failed, GW_ELIMIT);
    gw_buf_free(&b);

    /* a maximum lowered under what is there already */
    gw_buf_init(&b, 10);
    gw_buf_puts(&b, "123456");
    b.max = 3;
    gw_buf_putc(&b, '7');
    assert_int_equal(b.failed, GW_ELIMIT);
    gw_buf_free(&b);
}

static void drops_from_the_front(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 100);
    gw_buf_drop(&b, 3); /* of nothing */
    assert_int_equal(b.len, 0);
    gw_buf_puts(&b, "abcdef");
    gw_buf_drop(&b, 0);
    assert_string_equal(b.data, "abcdef");
    gw_buf_drop(&b, 2);
    assert_string_equal(b.data, "cdef");
    gw_buf_drop(&b, 100);
    assert_string_equal(b.data, "");
    assert_int_equal(b.len, 0);
    gw_buf_puts(&b, "again");
    assert_string_equal(b.data, "again");
    gw_buf_free(&b);
}

static void text_that_cannot_be_formatted_fails(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_buf_init(&b, 100);
    gw_buf_puts(&b, "a");
    gw_buf_printf(&b, "%lc", (wint_t)0x100); /* the C locale has no such character: vsnprintf says -1 */
    assert_int_equal(b.failed, GW_ELIMIT);
    gw_buf_puts(&b, "b");
    assert_string_equal(b.data, "a");
    gw_buf_free(&b);
}

static void memory_runs_out(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_buf b;
    int64_t live = gw_mem_live();
    gw_buf_init(&b, 1000);
    gw_buf_puts(&b, "1234567"); /* 8 bytes with the NUL: the next one needs memory */
    gw_mem_fail_at(1);
    gw_buf_putc(&b, '8');
    gw_mem_fail_at(0);
    assert_int_equal(b.failed, GW_ENOMEM);
    assert_string_equal(b.data, "1234567");
    assert_int_equal(gw_buf_check(&b, "x", &e), GW_ENOMEM);
    assert_int_equal(e.code, GW_ENOMEM);
    gw_buf_putc(&b, '9'); /* sticks */
    assert_string_equal(b.data, "1234567");
    gw_buf_clear(&b);
    for (int i = 0; i < 1000; i++)
        gw_buf_putc(&b, (char)('0' + i % 10));
    assert_int_equal(b.failed, 0);
    assert_int_equal(b.len, 1000);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(b.data[i], '0' + (int)(i % 10));
    gw_buf_free(&b);
    gw_buf_free(&b);
    assert_int_equal(gw_mem_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collects_text),        cmocka_unit_test(stops_at_its_maximum),
        cmocka_unit_test(drops_from_the_front), cmocka_unit_test(text_that_cannot_be_formatted_fails),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
