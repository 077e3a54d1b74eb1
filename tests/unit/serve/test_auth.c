/* Who asks: tokens from files, what Kubernetes says of a token, and where to listen without either. */
#include "gw_test.h"

#include <unistd.h>

#include "base/mem.h"
#include "serve/auth.h"

static char dir[] = "/tmp/gw-auth-XXXXXX";

static const char *file(const char *name, const char *text)
{
    static char paths[8][64];
    static int n;
    char *path = paths[n++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static int64_t now;

static int64_t held_clock(void *ctx)
{
    GW_UNUSED(ctx);
    return now;
}

static gw_auth *open_auth(gw_auth_options o)
{
    gw_auth *a = NULL;
    gw_error e = {0};
    o.clock = held_clock;
    if (gw_auth_new(&o, &a, &e))
        fail_msg("%s", e.message);
    return a;
}

static void check(gw_auth *a, const char *header, gw_auth_answer answer, gw_role role)
{
    gw_auth_who who = {.role = GW_ROLE_ADMIN};
    gw_auth_answer got = gw_auth_check(a, header, &who);
    if (got != answer || who.role != role)
        fail_msg("%s: %d as %d", header ? header : "(none)", (int)got, (int)who.role);
}

static void test_nobody_logs_in(void **state)
{
    GW_UNUSED(state);
    gw_auth *a = open_auth((gw_auth_options){.n_tokens = 0});
    gw_auth_who who;
    assert_false(gw_auth_required(a));
    check(a, NULL, GW_AUTH_KNOWN, GW_ROLE_ADMIN);
    assert_int_equal(gw_auth_check(a, "Bearer x", &who), GW_AUTH_KNOWN);
    assert_string_equal(who.name, "anonymous");
    gw_auth_free(a);
}

static void test_tokens(void **state)
{
    GW_UNUSED(state);
    const gw_config_token tokens[] = {{"ci", file("ci", "r3ad\n"), GW_ROLE_READ},
                                      {"root", file("root", "adm1n \r\n"), GW_ROLE_ADMIN},
                                      {"twice", file("twice", "r3ad2"), GW_ROLE_READ},
                                      {"twice-more", file("more", "r3ad2"), GW_ROLE_ADMIN}};
    gw_auth *a = open_auth((gw_auth_options){.tokens = tokens, .n_tokens = GW_COUNT(tokens)});
    assert_true(gw_auth_required(a));
    check(a, "Bearer r3ad", GW_AUTH_KNOWN, GW_ROLE_READ);
    check(a, "bEARER   r3ad  ", GW_AUTH_KNOWN, GW_ROLE_READ);
    check(a, "Bearer adm1n", GW_AUTH_KNOWN, GW_ROLE_ADMIN);
    check(a, "Bearer r3ad2", GW_AUTH_KNOWN, GW_ROLE_ADMIN); /* the better of the two */
    static const char *const wrong[] = {NULL,           "",           "Bearer",       "Bearer ",
                                        "Bearer\tr3ad", "Bearerr3ad", "Bearer r3ad3", "Bearer r",
                                        "Basic r3ad",   "r3ad",       "Bearer  ",     "Bearer r3ad x",
                                        "Beare",        "B",          "Bearer R3AD"};
    for (size_t i = 0; i < GW_COUNT(wrong); i++)
        check(a, wrong[i], GW_AUTH_MISSING, GW_ROLE_NONE);
    char longest[GW_AUTH_TOKEN_MAX + 32];
    memset(longest, 'x', sizeof(longest) - 1);
    memcpy(longest, "Bearer ", 7);
    longest[sizeof(longest) - 1] = '\0';
    check(a, longest, GW_AUTH_MISSING, GW_ROLE_NONE);
    gw_auth_who who;
    gw_auth_check(a, "Bearer adm1n", &who);
    assert_string_equal(who.name, "root");
    gw_auth_free(a);
}

static void test_token_files(void **state)
{
    GW_UNUSED(state);
    static char longest[GW_AUTH_TOKEN_MAX + 2];
    memset(longest, 'x', sizeof(longest) - 1);
    const struct {
        const char *path;
        int code;
        const char *part;
    } cases[] = {{"/nonexistent/token", GW_EIO, "'ci'"},
                 {dir, GW_EIO, "'ci'"},
                 {file("empty", ""), GW_ECONFIG, "must hold one token"},
                 {file("blank", "\n \n"), GW_ECONFIG, "must hold one token"},
                 {file("two", "one two"), GW_ECONFIG, "holds blanks"},
                 {file("lines", "one\ntwo\n"), GW_ECONFIG, "holds blanks"},
                 {file("letters", "t\xc3\xb6ken"), GW_ECONFIG, "no header can carry"},
                 {file("long", longest), GW_ECONFIG, "must hold one token"}};
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        const gw_config_token t = {"ci", cases[i].path, GW_ROLE_READ};
        const gw_auth_options o = {.tokens = &t, .n_tokens = 1};
        gw_auth *a = NULL;
        gw_error e = {0};
        int64_t before = gw_mem_live();
        int rc = gw_auth_new(&o, &a, &e);
        if (rc != cases[i].code || !strstr(e.message, cases[i].part) || a)
            fail_msg("%s: %d \"%s\"", cases[i].path, rc, e.message);
        assert_int_equal(gw_mem_live(), before);
    }
}

/* ---- TokenReview ----------------------------------------------------------------------------------------
 */

static const char *const admins[] = {"finops-admins", "user:alice"}, *const readers[] = {"finops",
                                                                                         "user:bob"};

typedef struct kubernetes {
    int asked;
    char body[512];
    const char *reply;
    int fails;
} kubernetes;

static int post(void *ctx, gw_str body, gw_buf *b, gw_error *e)
{
    kubernetes *k = ctx;
    k->asked++;
    snprintf(k->body, sizeof(k->body), "%.*s", GW_STR_ARG(body));
    if (k->fails)
        return gw_fail(e, k->fails, "down");
    gw_buf_puts(b, k->reply);
    return 0;
}

static gw_auth_options reviewing(kubernetes *k)
{
    return (gw_auth_options){.token_review = true,
                             .post_review = post,
                             .post_ctx = k,
                             .admin_groups = admins,
                             .n_admin_groups = GW_COUNT(admins),
                             .read_groups = readers,
                             .n_read_groups = GW_COUNT(readers)};
}

#define STATUS(s) "{\"kind\":\"TokenReview\",\"status\":{" s "}}"

static void test_review_read(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *json;
        bool authenticated;
        gw_role role;
    } cases[] = {
        {STATUS("\"authenticated\":true,\"user\":{\"username\":\"x\",\"groups\":[\"finops-admins\"]}"), true,
         GW_ROLE_ADMIN},
        {STATUS("\"authenticated\":true,\"user\":{\"username\":\"x\",\"groups\":[\"a\",\"finops\"]}"), true,
         GW_ROLE_READ},
        {STATUS("\"authenticated\":true,\"user\":{\"username\":\"x\",\"groups\":[\"finops\",\"finops-"
                "admins\"]}"),
         true, GW_ROLE_ADMIN},
        {STATUS("\"authenticated\":true,\"user\":{\"username\":\"alice\"}"), true, GW_ROLE_ADMIN},
        {STATUS("\"authenticated\":true,\"user\":{\"username\":\"bob\",\"groups\":[]}"), true, GW_ROLE_READ},
        /* a group of that name is no user of that name */
        {STATUS(
             "\"authenticated\":true,\"user\":{\"username\":\"x\",\"groups\":[\"alice\",\"user:alices\"]}"),
         true, GW_ROLE_NONE},
        {STATUS("\"authenticated\":true,\"user\":{\"username\":\"finops\"}"), true, GW_ROLE_NONE},
        {STATUS("\"authenticated\":true"), true, GW_ROLE_NONE},
        {STATUS("\"authenticated\":false,\"user\":{\"username\":\"alice\",\"groups\":[\"finops-admins\"]}"),
         false, GW_ROLE_NONE},
        {STATUS("\"user\":{\"username\":\"alice\"}"), false, GW_ROLE_NONE},
        {STATUS("\"authenticated\":\"true\",\"user\":{\"username\":\"alice\"}"), false, GW_ROLE_NONE},
        {STATUS("\"authenticated\":true,\"user\":{\"groups\":[1,null,{},\"finops\"]}"), true, GW_ROLE_READ},
        {STATUS("\"authenticated\":true,\"user\":[]"), true, GW_ROLE_NONE},
    };
    gw_auth_options o = reviewing(NULL);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_auth_review_reply r;
        gw_error e = {0};
        assert_int_equal(gw_auth_review_read(&o, gw_str_of(cases[i].json), &r, &e), 0);
        if (r.authenticated != cases[i].authenticated || r.who.role != cases[i].role)
            fail_msg("%s: %d as %d", cases[i].json, r.authenticated, (int)r.who.role);
    }
    static const char *const broken[] = {"", "{", "[]", "{}", "{\"status\":true}", "null", "\xff"};
    for (size_t i = 0; i < GW_COUNT(broken); i++) {
        gw_auth_review_reply r;
        gw_error e = {0};
        assert_int_equal(gw_auth_review_read(&o, gw_str_of(broken[i]), &r, &e), GW_ECORRUPT);
    }
}

static void review(gw_auth *a, const char *header, gw_auth_answer answer, gw_role role)
{
    gw_auth_who who;
    gw_auth_answer got;
    gw_error e = {0};
    if (gw_auth_review(a, header, &got, &who, &e))
        fail_msg("%s", e.message);
    assert_int_equal(got, answer);
    assert_int_equal(who.role, role);
}

static void test_review_is_kept(void **state)
{
    GW_UNUSED(state);
    kubernetes k = {.reply = STATUS("\"authenticated\":true,\"user\":{\"username\":\"alice\"}")};
    gw_auth *a = open_auth(reviewing(&k));
    now = 1000;
    check(a, "Bearer t1", GW_AUTH_ASK, GW_ROLE_NONE);
    check(a, NULL, GW_AUTH_MISSING, GW_ROLE_NONE);
    assert_int_equal(k.asked, 0);
    review(a, "Bearer t1", GW_AUTH_KNOWN, GW_ROLE_ADMIN);
    assert_string_equal(
        k.body,
        "{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenReview\",\"spec\":{\"token\":\"t1\"}}");
    check(a, "Bearer t1", GW_AUTH_KNOWN, GW_ROLE_ADMIN);
    review(a, "Bearer t1", GW_AUTH_KNOWN, GW_ROLE_ADMIN);
    assert_int_equal(k.asked, 1);
    now += GW_AUTH_REVIEW_MS - 1;
    check(a, "Bearer t1", GW_AUTH_KNOWN, GW_ROLE_ADMIN);
    now += 1; /* a minute: it may have been revoked */
    check(a, "Bearer t1", GW_AUTH_ASK, GW_ROLE_NONE);
    k.reply = STATUS("\"authenticated\":false");
    review(a, "Bearer t1", GW_AUTH_MISSING, GW_ROLE_NONE);
    check(a, "Bearer t1", GW_AUTH_MISSING, GW_ROLE_NONE);
    now += GW_AUTH_REFUSED_MS;
    check(a, "Bearer t1", GW_AUTH_ASK, GW_ROLE_NONE);
    gw_auth_free(a);
}

static void test_review_bounds(void **state)
{
    GW_UNUSED(state);
    kubernetes k = {.reply = STATUS("\"authenticated\":false")};
    gw_auth *a = open_auth(reviewing(&k));
    char header[64];
    now = 1000;
    for (int i = 0; i < GW_AUTH_REVIEWS + 10; i++) {
        snprintf(header, sizeof(header), "Bearer token-%d", i);
        review(a, header, GW_AUTH_MISSING, GW_ROLE_NONE);
    }
    check(a, "Bearer token-5", GW_AUTH_ASK, GW_ROLE_NONE); /* the oldest went */
    check(a, "Bearer token-10", GW_AUTH_MISSING, GW_ROLE_NONE);
    /* what cannot be asked is an error each time, and nothing is kept of it */
    k.fails = GW_ECONNECT;
    gw_auth_who who;
    gw_auth_answer got;
    gw_error e = {0};
    assert_int_equal(gw_auth_review(a, "Bearer other", &got, &who, &e), GW_ECONNECT);
    check(a, "Bearer other", GW_AUTH_ASK, GW_ROLE_NONE);
    k.fails = 0;
    k.reply = "<html>";
    assert_int_equal(gw_auth_review(a, "Bearer other", &got, &who, &e), GW_ECORRUPT);
    /* quotes do not end the text; bytes that no token has are not sent */
    k.reply = STATUS("\"authenticated\":false");
    review(a, "Bearer a\"b\\c", GW_AUTH_MISSING, GW_ROLE_NONE);
    assert_non_null(strstr(k.body, "\"token\":\"a\\\"b\\\\c\"}}"));
    int asked = k.asked;
    review(a, "Bearer t\xc3\xb6ken", GW_AUTH_MISSING, GW_ROLE_NONE);
    assert_int_equal(k.asked, asked);
    gw_auth_free(a);
}

static void test_review_memory(void **state)
{
    GW_UNUSED(state);
    kubernetes k = {
        .reply = STATUS("\"authenticated\":true,\"user\":{\"username\":\"bob\",\"groups\":[\"finops\"]}")};
    int64_t before = gw_mem_live();
    for (uint64_t n = 1;; n++) {
        const gw_config_token t = {"ci", file("ci", "r3ad"), GW_ROLE_READ};
        gw_auth_options o = reviewing(&k);
        gw_auth *a = NULL;
        gw_auth_who who;
        gw_auth_answer got;
        gw_error e = {0};
        o.tokens = &t;
        o.n_tokens = 1;
        gw_mem_fail_at(n);
        int rc = gw_auth_new(&o, &a, &e);
        if (rc == 0)
            rc = gw_auth_review(a, "Bearer t1", &got, &who, &e);
        uint64_t asked = gw_mem_count();
        gw_mem_fail_at(0);
        gw_auth_free(a);
        assert_int_equal(gw_mem_live(), before);
        if (asked < n) {
            assert_int_equal(rc, 0);
            break;
        }
        assert_int_equal(rc, GW_ENOMEM);
    }
}

/* ---- where to listen ------------------------------------------------------------------------------------
 */

static void test_listen(void **state)
{
    GW_UNUSED(state);
    static const char *const own[] = {"127.0.0.1:9797", "127.1.2.3:0", "localhost:80",
                                      "[::1]:80",       "127.0.0.1",   "localhost"};
    static const char *const others[] = {"0.0.0.0:9797",
                                         ":9797",
                                         "[::]:80",
                                         "10.0.0.1:80",
                                         "127.evil.example:80",
                                         "127.0.0.1.evil.example:80",
                                         "128.0.0.1:1",
                                         "",
                                         "localhost.example:80",
                                         "[::1]x:80",
                                         "1127.0.0.1:80"};
    gw_error e = {0};
    for (size_t i = 0; i < GW_COUNT(own); i++) {
        if (!gw_listen_is_loopback(own[i]))
            fail_msg("%s", own[i]);
        assert_int_equal(gw_auth_check_listen(own[i], false, &e), 0);
    }
    for (size_t i = 0; i < GW_COUNT(others); i++) {
        if (gw_listen_is_loopback(others[i]))
            fail_msg("%s", others[i]);
        assert_int_equal(gw_auth_check_listen(others[i], false, &e), GW_ECONFIG);
        assert_non_null(strstr(e.message, "auth.tokens"));
        assert_int_equal(gw_auth_check_listen(others[i], true, &e), 0);
    }
}

static int make_dir(void **state)
{
    GW_UNUSED(state);
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[64];
    GW_UNUSED(state);
    snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_logs_in), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_token_files),    cmocka_unit_test(test_review_read),
        cmocka_unit_test(test_review_is_kept), cmocka_unit_test(test_review_bounds),
        cmocka_unit_test(test_review_memory),  cmocka_unit_test(test_listen),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
