/* The message of a mail: addresses, header fields, the body. Sending is tests/integration's. */
#include "gw_test.h"

#include "net/mail.h"

#define T0 ((int64_t)1700000000000) /* Tue, 14 Nov 2023 22:13:20 UTC (python3's email.utils.formatdate) */

static const char *const to[] = {"a@example.org", "B <b.c+d@mail.example.org>"};

static gw_mail sample(void)
{
    return (gw_mail){.from = "gpuwise@example.org",
                     .to = to,
                     .n_to = 2,
                     .subject = "80 % spent",
                     .body = gw_str_of("one\n.\ntwo\n"),
                     .date_ms = T0 + 999,
                     .message_id = "ab-12",
                     .auto_submitted = "auto-generated"};
}

static void test_addresses(void **state)
{
    GW_UNUSED(state);
    static const char *const good[] = {"a@b", "first.last+tag@mail.example.org", "o'neil@x-y.example",
                                       "Name <a@b>", "\"Odd, \\\"Name\\\"\" <a@b>"};
    static const char *const bad[] = {
        "",         "a",     "@b",      "a@",        "a@b@c",     "a b@c",
        "a@b c",    "a@-b",  "a@b-",    "a@.b",      "a@b.",      "a@b\r\nBcc: x@y",
        "<a@b",     "a@b>",  "<a@b> x", "\"a b\"@c", "a@[1.2.3]", "ä@b",
        "a@bü.org", "a\t@b", "<>",      "a@b,c@d",   "a<b@c",     "a@b\x7f"};
    for (size_t i = 0; i < GW_COUNT(good); i++)
        assert_non_null(gw_mail_address(good[i]).p);
    for (size_t i = 0; i < GW_COUNT(bad); i++)
        if (gw_mail_address(bad[i]).p)
            fail_msg("'%s' is taken for an address", bad[i]);
    gw_str s = gw_mail_address("Name <a@b>");
    assert_true(gw_str_is(s, "a@b"));
}

static void test_message(void **state)
{
    GW_UNUSED(state);
    gw_buf b;
    gw_error e = {0};
    gw_mail m = sample();
    gw_buf_init(&b, GW_MAIL_BYTES_MAX);
    assert_int_equal(gw_mail_write(&m, &b, &e), 0);
    /* printf 'one\r\n.\r\ntwo\r\n' | base64 */
    assert_string_equal(b.data, "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n"
                                "From: <gpuwise@example.org>\r\n"
                                "To: <a@example.org>,\r\n <b.c+d@mail.example.org>\r\n"
                                "Subject: 80 % spent\r\n"
                                "Message-ID: <ab-12@example.org>\r\n"
                                "Auto-Submitted: auto-generated\r\n"
                                "MIME-Version: 1.0\r\n"
                                "Content-Type: text/plain; charset=utf-8\r\n"
                                "Content-Transfer-Encoding: base64\r\n"
                                "\r\n"
                                "b25lDQouDQp0d28NCg==\r\n");
    gw_buf_free(&b);
}

/* Each line, and the whole: no bare CR or LF, at most 78 columns, one header of each kind. */
static void check_shape(const gw_buf *b)
{
    size_t column = 0;
    for (size_t i = 0; i < b->len; i++) {
        unsigned char c = (unsigned char)b->data[i];
        assert_true(c >= 0x20 || c == '\r' || c == '\n');
        assert_true(c < 0x7f);
        if (c == '\n')
            assert_true(i > 0 && b->data[i - 1] == '\r');
        if (c == '\r')
            assert_true(b->data[i + 1] == '\n');
        column = c == '\n' ? 0 : column + 1;
        assert_true(column <= 79);
    }
    assert_null(strstr(b->data, "\nBcc"));
    assert_null(strstr(strstr(b->data, "\r\nSubject:") + 2, "\r\nSubject:"));
}

static void test_nothing_gets_in(void **state)
{
    GW_UNUSED(state);
    static const char *const subjects[] = {
        "x\r\nBcc: all@example.org",
        "x\nBcc: a@b\n\nbody",
        "x\rBcc: a@b",
        "=?UTF-8?Q?=0ABcc:_a@b?=",
        "",
        "\xff\xfe broken",
        "naïve — 80 % of nlp’s budget is spent, and a good deal more than was planned for the month",
        "a\0b",
        "\x1b[31mred"};
    gw_error e = {0};
    for (size_t i = 0; i < GW_COUNT(subjects); i++) {
        gw_buf b;
        gw_mail m = sample();
        m.subject = subjects[i];
        m.from = "Bad \r\nBcc: x@y \"name\" <gpuwise@example.org>";
        gw_buf_init(&b, GW_MAIL_BYTES_MAX);
        assert_int_equal(gw_mail_write(&m, &b, &e), 0);
        check_shape(&b);
        gw_buf_free(&b);
    }
}

static void test_long_subject(void **state)
{
    GW_UNUSED(state);
    char subject[4096];
    gw_error e = {0};
    gw_buf b;
    gw_mail m = sample();
    memset(subject, 0, sizeof(subject));
    for (size_t i = 0; i + 3 < sizeof(subject); i += 3)
        memcpy(subject + i, "€", 3);
    m.subject = subject;
    gw_buf_init(&b, GW_MAIL_BYTES_MAX);
    assert_int_equal(gw_mail_write(&m, &b, &e), 0);
    check_shape(&b);
    /* 13 euro signs an encoded word: printf '€€€€€€€€€€€€€' | base64 -w0 */
    assert_non_null(strstr(b.data,
                           "Subject: =?UTF-8?B?4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs?=\r\n"
                           " =?UTF-8?B?4oKs"));
    gw_buf_free(&b);
}

static void test_refused(void **state)
{
    GW_UNUSED(state);
    static const char *const bad_to[] = {"a@example.org", "b@example.org\r\nDATA"};
    gw_error e = {0};
    gw_buf b;
    gw_buf_init(&b, 4096);
    gw_mail m = sample();
    m.to = bad_to;
    assert_int_equal(gw_mail_write(&m, &b, &e), GW_ECONFIG);
    m = sample();
    m.n_to = 0;
    assert_int_equal(gw_mail_write(&m, &b, &e), GW_ECONFIG);
    m = sample();
    m.from = "nobody";
    assert_int_equal(gw_mail_write(&m, &b, &e), GW_ECONFIG);
    m = sample();
    m.message_id = "a>\r\nBcc: x";
    assert_int_equal(gw_mail_write(&m, &b, &e), GW_EINTERNAL);
    assert_int_equal(b.len, 0);
    gw_buf_free(&b);
    gw_buf_init(&b, 100); /* a bound that is reached */
    m = sample();
    assert_int_equal(gw_mail_write(&m, &b, &e), GW_ELIMIT);
    gw_buf_free(&b);
}

static void test_servers(void **state)
{
    GW_UNUSED(state);
    gw_error e = {0};
    gw_mail m = sample();
    int code = 7;
    gw_mail_server s = {.url = "http://127.0.0.1:1"};
    assert_int_equal(gw_mail_send(&s, &m, &code, &e), GW_ECONFIG);
    s.url = "smtp://127.0.0.1:1"; /* tcpmux: nobody is there */
    s.password = "hunter2pass";
    s.username = "u";
    assert_int_equal(gw_mail_send(&s, &m, &code, &e), GW_ECONNECT);
    assert_int_equal(code, 0);
    assert_non_null(strstr(e.message, "127.0.0.1:1"));
    assert_null(strstr(e.message, "hunter2pass"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),       cmocka_unit_test(test_message),
        cmocka_unit_test(test_nothing_gets_in), cmocka_unit_test(test_long_subject),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
