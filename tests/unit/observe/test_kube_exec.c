#include "gw_test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "observe/kube_exec.h"

#define V1 "client.authentication.k8s.io/v1"

static gw_arena arena;
static gw_error error;
static char dir[64], script[128];

static int setup(void **state)
{
    GW_UNUSED(state);
    gw_arena_init(&arena, 0);
    error = (gw_error){0};
    snprintf(dir, sizeof(dir), "/tmp/gw-exec-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(script, sizeof(script), "%s/plugin", dir);
    return 0;
}

static int teardown(void **state)
{
    GW_UNUSED(state);
    static const char *const names[] = {"plugin", "out", "grandchild", "injected"};
    gw_arena_free(&arena);
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        char path[160];
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        unlink(path);
    }
    rmdir(dir);
    return 0;
}

/* The plugin of a test: a shell script with this body. */
static gw_kube_exec plugin(const char *body)
{
    FILE *f = fopen(script, "w");
    assert_non_null(f);
    fprintf(f, "#!/bin/sh\n%s\n", body);
    fclose(f);
    assert_int_equal(chmod(script, 0700), 0);
    return (gw_kube_exec){
        .where = "kubeconfig:7:5", .api_version = V1, .command = script, .exec_info = "{\"i\":1}"};
}

static int run_for(const gw_kube_exec *x, int64_t timeout_ms, gw_kube_credential *c)
{
    error = (gw_error){0};
    return gw_kube_exec_run(&arena, x, timeout_ms, c, &error);
}

static void fails(const char *body, int code, const char *part)
{
    gw_kube_exec x = plugin(body);
    gw_kube_credential c = {.expires_ms = 77};
    x.install_hint = "see the manual";
    assert_int_equal(run_for(&x, 5000, &c), code);
    assert_int_equal(c.expires_ms, 77); /* outputs are untouched on failure */
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not hold \"%s\"", error.message, part);
    assert_non_null(strstr(error.message, "kubeconfig:7:5"));
}

#define REPLY(status) "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "\",\"status\":" status "}'"

static void gives_a_token(void **state)
{
    GW_UNUSED(state);
    gw_kube_exec x = plugin(REPLY("{\"token\":\"abc\",\"expirationTimestamp\":\"1970-01-01T00:01:00Z\"}"));
    gw_kube_credential c = {0};
    if (run_for(&x, 0, &c))
        fail_msg("%s", error.message);
    assert_string_equal(c.token, "abc");
    assert_int_equal(c.expires_ms, 60000);
    assert_int_equal(c.cert_data.n, 0);
}

static void gives_a_certificate(void **state)
{
    GW_UNUSED(state);
    gw_kube_exec x = plugin(REPLY("{\"clientCertificateData\":\"CERT\",\"clientKeyData\":\"KEY\"}"));
    gw_kube_credential c = {0};
    assert_int_equal(run_for(&x, 0, &c), 0);
    assert_null(c.token);
    assert_true(gw_str_is(c.cert_data, "CERT"));
    assert_true(gw_str_is(c.key_data, "KEY"));
    assert_int_equal(c.expires_ms, 0);
}

static void sees_arguments_and_environment(void **state)
{
    GW_UNUSED(state);
    char body[1024];
    snprintf(
        body, sizeof(body),
        "{ for a in \"$@\"; do echo \"arg=$a\"; done; echo \"info=$KUBERNETES_EXEC_INFO\"; echo \"A=$A\";\n"
        "echo \"B=$B\"; if read line; then echo input; else echo no-input; fi; } > %s/out\n%s",
        dir, REPLY("{\"token\":\"t\"}"));
    gw_kube_exec x = plugin(body);
    char injection[160];
    snprintf(injection, sizeof(injection), "$(touch %s/injected)", dir);
    const char *const args[] = {"one two", injection, NULL};
    const char *const env[] = {"A=new; value", NULL};
    x.args = args;
    x.env = env;
    setenv("A", "old", 1);
    setenv("B", "kept", 1);
    setenv("KUBERNETES_EXEC_INFO", "stale", 1);
    gw_kube_credential c = {0};
    int r = run_for(&x, 0, &c);
    unsetenv("A");
    unsetenv("B");
    unsetenv("KUBERNETES_EXEC_INFO");
    if (r)
        fail_msg("%s", error.message);
    char expected[1024], got[1024] = "", out[160];
    snprintf(expected, sizeof(expected),
             "arg=one two\narg=%s\ninfo={\"i\":1}\nA=new; value\nB=kept\nno-input\n", injection);
    snprintf(out, sizeof(out), "%s/out", dir);
    FILE *f = fopen(out, "r");
    assert_non_null(f);
    assert_true(fread(got, 1, sizeof(got) - 1, f) > 0);
    fclose(f);
    assert_string_equal(got, expected);
    snprintf(out, sizeof(out), "%s/injected", dir); /* no shell has looked at the arguments */
    assert_int_not_equal(access(out, F_OK), 0);
}

static void failures(void **state)
{
    GW_UNUSED(state);
    fails("echo 'please log in' >&2; exit 3", GW_EAUTH,
          "failed with exit code 3: please log in. see the manual");
    fails("kill -9 $$", GW_EAUTH, "was ended by signal 9");
    fails("exit 0", GW_ECORRUPT, "it printed nothing");
    fails("echo '{'", GW_ECORRUPT, "is no JSON");
    fails("echo '[]'", GW_ECORRUPT, "is no ExecCredential");
    fails("echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"" V1 "beta1\"}'", GW_ECORRUPT,
          "make them agree");
    fails(REPLY("null"), GW_ECORRUPT, "has no status");
    fails(REPLY("{}"), GW_ECORRUPT, "neither a token nor a client certificate");
    fails(REPLY("{\"token\":7}"), GW_ECORRUPT, "neither a token nor a client certificate");
    fails(REPLY("{\"clientKeyData\":\"k\"}"), GW_ECORRUPT, "key without certificate");
    fails(REPLY("{\"token\":\"t\",\"expirationTimestamp\":\"soon\"}"), GW_ECORRUPT, "is no time");
    fails(REPLY("{\"token\":\"a\\\\r\\\\nX: y\"}"), GW_ECORRUPT, "line break");
    fails("head -c 3000000 /dev/zero", GW_ELIMIT, "prints more than");
}

static void secrets_are_not_shown(void **state)
{
    GW_UNUSED(state);
    fails("echo 'SECRET'; echo oops >&2; exit 1", GW_EAUTH, "oops");
    assert_null(strstr(error.message, "SECRET"));
    fails("echo 'SECRET'", GW_ECORRUPT, "is no JSON");
    assert_null(strstr(error.message, "SECRET"));
}

static void much_on_standard_error_does_no_harm(void **state)
{
    GW_UNUSED(state);
    gw_kube_exec x = plugin("head -c 400000 /dev/zero | tr '\\0' x >&2\n" REPLY("{\"token\":\"t\"}"));
    gw_kube_credential c = {0};
    assert_int_equal(run_for(&x, 10000, &c), 0);
    fails("head -c 400000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 1", GW_EAUTH, "xxxthe end");
}

static void a_missing_program(void **state)
{
    GW_UNUSED(state);
    gw_kube_exec x = {.where = "k:1:1",
                      .api_version = V1,
                      .command = "gw-no-such-plugin",
                      .exec_info = "{}",
                      .install_hint = "get it from the shop"};
    gw_kube_credential c = {0};
    assert_int_equal(run_for(&x, 0, &c), GW_EAUTH);
    assert_string_equal(error.message,
                        "k:1:1: the credential plugin \"gw-no-such-plugin\" cannot be started: No such "
                        "file or directory. get it from the shop");
    x.command = "/tmp"; /* a directory */
    x.install_hint = NULL;
    assert_int_equal(run_for(&x, 0, &c), GW_EAUTH);
    /* a text without "#!" is no program: no shell is tried */
    FILE *f = fopen(script, "w");
    assert_non_null(f);
    fputs("echo hello\n", f);
    fclose(f);
    assert_int_equal(chmod(script, 0700), 0);
    x.command = script;
    assert_int_equal(run_for(&x, 0, &c), GW_EAUTH);
    assert_non_null(strstr(error.message, "cannot be started"));
}

/* A bare name is looked up in the absolute directories of PATH, not in the working directory. */
static void programs_come_from_path(void **state)
{
    GW_UNUSED(state);
    char path[256], cwd[1024], *old = gw_strdup(getenv("PATH") ? getenv("PATH") : "");
    gw_kube_exec x = plugin(REPLY("{\"token\":\"t\"}"));
    gw_kube_credential c = {0};
    assert_non_null(old);
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    x.command = "plugin";
    assert_int_equal(chdir(dir), 0);
    snprintf(path, sizeof(path), ".::%s", "/usr/bin:/bin");
    setenv("PATH", path, 1);
    int here = run_for(&x, 0, &c);
    snprintf(path, sizeof(path), "/nonexistent:%s:/usr/bin:/bin", dir);
    setenv("PATH", path, 1);
    int there = run_for(&x, 0, &c);
    setenv("PATH", old, 1);
    gw_free(old);
    assert_int_equal(chdir(cwd), 0);
    assert_int_equal(here, GW_EAUTH);
    assert_int_equal(there, 0);
}

static void time_is_bounded(void **state)
{
    GW_UNUSED(state);
    char body[256];
    snprintf(body, sizeof(body), "echo 'open http://login' >&2\nsleep 100 &\necho $! > %s/grandchild\nwait",
             dir);
    gw_kube_exec x = plugin(body);
    gw_kube_credential c = {0};
    int64_t start = gw_clock_monotonic(NULL);
    assert_int_equal(run_for(&x, 500, &c), GW_ETIMEOUT);
    assert_true(gw_clock_monotonic(NULL) - start < 5000);
    assert_non_null(strstr(error.message, "did not end in time: open http://login"));
    /* what it started is gone as well */
    char path[160];
    int pid = 0;
    snprintf(path, sizeof(path), "%s/grandchild", dir);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    for (int i = 0; i < 100 && kill(pid, 0) == 0; i++) {
        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        char text[256] = "";
        int fd = open(path, O_RDONLY);
        if (fd >= 0) {
            ssize_t n = read(fd, text, sizeof(text) - 1);
            close(fd);
            if (n > 0 && strstr(text, ") Z ")) /* dead, and nobody has asked for it yet */
                return;
        }
        usleep(20000);
    }
    assert_int_not_equal(kill(pid, 0), 0);
}

/* A plugin that leaves a helper behind which holds the pipe open has still ended. */
static void a_lingering_child_does_not_block(void **state)
{
    GW_UNUSED(state);
    gw_kube_exec x = plugin("sleep 3 &\n" REPLY("{\"token\":\"t\"}"));
    gw_kube_credential c = {0};
    int64_t start = gw_clock_monotonic(NULL);
    assert_int_equal(run_for(&x, 10000, &c), 0);
    assert_true(gw_clock_monotonic(NULL) - start < 2500);
    assert_string_equal(c.token, "t");
}

static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    const char *const env[] = {"A=b", NULL};
    gw_kube_exec x = plugin(REPLY("{\"token\":\"t\"}"));
    x.env = x.args = env;
    int r = -1;
    uint64_t at = 0;
    while (r && at < 200) {
        gw_kube_credential c = {0};
        gw_arena_free(&arena);
        gw_mem_fail_at(++at);
        r = run_for(&x, 0, &c);
        gw_mem_fail_at(0);
        if (r) {
            assert_int_equal(r, GW_ENOMEM);
            assert_null(c.token);
        }
    }
    assert_int_equal(r, 0);
    assert_true(at > 5);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(gives_a_token),
        T(gives_a_certificate),
        T(sees_arguments_and_environment),
        T(failures),
        T(secrets_are_not_shown),
        T(much_on_standard_error_does_no_harm),
        T(a_missing_program),
        T(programs_come_from_path),
        T(time_is_bounded),
        T(a_lingering_child_does_not_block),
        T(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("kube_exec", tests, NULL, NULL);
}
