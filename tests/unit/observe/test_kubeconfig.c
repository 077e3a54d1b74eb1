#include "gw_test.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/mem.h"
#include "observe/kubeconfig.h"

static gw_arena arena;
static gw_error error;
static char dir[64];
static gw_kube_access access_; /* the last that was read */

static const char *path_of(const char *name)
{
    static char out[4][256];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(out[turn], sizeof(out[turn]), "%s/%s", dir, name);
    return out[turn];
}

static const char *put(const char *name, const char *text)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    fclose(f);
    return path;
}

static int setup(void **state)
{
    GW_UNUSED(state);
    gw_arena_init(&arena, 0);
    error = (gw_error){0};
    access_ = (gw_kube_access){0};
    snprintf(dir, sizeof(dir), "/tmp/gw-kubeconfig-XXXXXX");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static void remove_all(const char *path)
{
    DIR *d = opendir(path);
    for (struct dirent *n; d && (n = readdir(d));) {
        char child[512];
        if (strcmp(n->d_name, ".") == 0 || strcmp(n->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof(child), "%s/%s", path, n->d_name);
        if (unlink(child))
            remove_all(child);
    }
    if (d)
        closedir(d);
    rmdir(path);
}

static int teardown(void **state)
{
    GW_UNUSED(state);
    gw_arena_free(&arena);
    remove_all(dir);
    return 0;
}

static int load(const gw_kubeconfig_options *o, bool *found)
{
    gw_arena_free(&arena);
    access_ = (gw_kube_access){0};
    *found = false;
    return gw_kubeconfig_load(&arena, o, &access_, found, &error);
}

static void must_load(const char *file, const char *context)
{
    bool found;
    if (load(&(gw_kubeconfig_options){.file = file, .context = context}, &found))
        fail_msg("%s", error.message);
    assert_true(found);
}

/* A kubeconfig with these cluster and user fields (flow maps) is refused with a message that holds `part`. */
static void refuses_fields(const char *cluster, const char *user, const char *part)
{
    char text[2048];
    bool found;
    snprintf(text, sizeof(text),
             "current-context: c\n"
             "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
             "clusters: [{name: k, cluster: %s}]\n"
             "users: [{name: u, user: %s}]\n",
             cluster, user);
    const char *file = put("bad", text);
    error = (gw_error){0};
    int r = load(&(gw_kubeconfig_options){.file = file}, &found);
    assert_int_equal(r, GW_ECONFIG);
    if (!strstr(error.message, part))
        fail_msg("\"%s\" does not hold \"%s\"", error.message, part);
    if (!strstr(error.message, file))
        fail_msg("\"%s\" does not name the file", error.message);
}

static void every_field(void **state)
{
    GW_UNUSED(state);
    /* "Y2E=" is base64 of "ca", "Y2VydA==" of "cert", "a2V5" of "key" (RFC 4648) */
    const char *file =
        put("config", "apiVersion: v1\nkind: Config\npreferences: {colors: true}\nunknown: [1, {a: b}]\n"
                      "current-context: c\n"
                      "contexts: [{name: c, context: {cluster: k, user: u, namespace: team, x: 1}}]\n"
                      "clusters:\n- name: k\n  cluster:\n    server: https://h:6443/\n"
                      "    tls-server-name: inner\n    proxy-url: socks5://p:1080\n"
                      "    certificate-authority: sub/ca.pem\n    certificate-authority-data: Y2E=\n"
                      "    disable-compression: true\n"
                      "users:\n- name: u\n  user:\n    tokenFile: /abs/token\n    token: abc\n"
                      "    client-certificate: c.pem\n    client-key: ../k.pem\n"
                      "    client-certificate-data: Y2VydA==\n    client-key-data: a2V5\n"
                      "    as: boss\n    as-uid: '7'\n    as-groups: [g1, g2]\n"
                      "    as-user-extra: {Scopes/x: [a]}\n");
    must_load(file, NULL);
    assert_string_equal(access_.context, "c");
    assert_string_equal(access_.user, "u");
    assert_string_equal(access_.ns, "team");
    assert_string_equal(access_.server, "https://h:6443");
    assert_string_equal(access_.tls_server_name, "inner");
    assert_string_equal(access_.proxy_url, "socks5://p:1080");
    assert_string_equal(access_.ca_file, path_of("sub/ca.pem"));
    assert_true(gw_str_is(access_.ca_data, "ca"));
    assert_true(access_.disable_compression);
    assert_false(access_.insecure);
    assert_string_equal(access_.token, "abc");
    assert_string_equal(access_.token_file, "/abs/token");
    assert_string_equal(access_.cert_file, path_of("c.pem"));
    assert_string_equal(access_.key_file, path_of("../k.pem"));
    assert_true(gw_str_is(access_.cert_data, "cert"));
    assert_true(gw_str_is(access_.key_data, "key"));
    static const char *const headers[] = {"Impersonate-User: boss", "Impersonate-Uid: 7",
                                          "Impersonate-Group: g1", "Impersonate-Group: g2",
                                          "Impersonate-Extra-scopes%2Fx: a"};
    for (size_t i = 0; i < GW_COUNT(headers); i++)
        assert_string_equal(access_.headers[i], headers[i]);
    assert_null(access_.headers[GW_COUNT(headers)]);
    assert_null(access_.exec);
}

static void scheme_is_guessed_as_kubectl_does(void **state)
{
    GW_UNUSED(state);
    must_load(put("a", "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
                       "clusters: [{name: k, cluster: {server: 'h:8080'}}]\n"),
              NULL);
    assert_string_equal(access_.server, "http://h:8080");
    must_load(put("a", "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
                       "clusters: [{name: k, cluster: {server: 'h://'}}]\n"),
              NULL);
    assert_string_equal(access_.server, "http://h:"); /* nonsense, for the URL reader to refuse */
    must_load(put("a",
                  "current-context: c\ncontexts: [{name: c, context: {cluster: k}}]\n"
                  "clusters: [{name: k, cluster: {server: 'h:6443', insecure-skip-tls-verify: true}}]\n"),
              NULL);
    assert_string_equal(access_.server, "https://h:6443");
    assert_true(access_.insecure);
}

static const char first[] =
    "current-context: one\n"
    "contexts: [{name: one, context: {cluster: shared, user: red}}]\n"
    "clusters: [{name: shared, cluster: {server: 'https://first', certificate-authority: ca}}]\n"
    "users: [{name: red, user: {username: only-name}}]\n";
static const char second[] =
    "current-context: two\n"
    "contexts: [{name: one, context: {cluster: x, user: y}}, {name: two, context: {cluster: shared, user: "
    "blue}}]\n"
    "clusters: [{name: shared, cluster: {server: 'https://second', insecure-skip-tls-verify: true}}]\n"
    "users: [{name: red, user: {password: leaks}}, {name: blue, user: {token: t, tokenFile: tok}}]\n";

/* What kubectl's documentation of merging says, case by case. */
static void merges_a_list(void **state)
{
    GW_UNUSED(state);
    char list[512];
    bool found;
    assert_int_equal(mkdir(path_of("d1"), 0700), 0);
    assert_int_equal(mkdir(path_of("d2"), 0700), 0);
    put("d1/a", first);
    put("d2/b", second);
    snprintf(list, sizeof(list), ":%s::%s:%s:%s", path_of("missing"), path_of("d1/a"), path_of("d2/b"),
             path_of("d1/a"));
    gw_kubeconfig_options o = {.list = list, .home = dir};
    assert_int_equal(load(&o, &found), 0);
    assert_true(found);
    assert_string_equal(access_.context, "one"); /* the first file to set current-context */
    assert_string_equal(access_.server, "https://first");
    assert_string_equal(access_.username, "only-name");
    assert_null(access_.password); /* "red" of the second file is discarded whole */
    assert_string_equal(access_.ca_file, path_of("d1/ca"));
    assert_false(access_.insecure);

    o.context = "two"; /* from the second file, with the cluster of the first */
    assert_int_equal(load(&o, &found), 0);
    assert_string_equal(access_.server, "https://first");
    assert_string_equal(access_.token, "t");
    assert_string_equal(access_.token_file, path_of("d2/tok")); /* relative to the file it stands in */

    snprintf(list, sizeof(list), "%s:%s", path_of("d2/b"), path_of("d1/a"));
    o.context = NULL;
    assert_int_equal(load(&o, &found), 0);
    assert_string_equal(access_.context, "two");
    assert_string_equal(access_.server, "https://second");
    assert_true(access_.insecure);

    o.file = path_of("d1/a"); /* --kubeconfig: that file alone */
    assert_int_equal(load(&o, &found), 0);
    assert_string_equal(access_.server, "https://first");
    o.context = "two";
    assert_int_equal(load(&o, &found), GW_ECONFIG);
    assert_non_null(strstr(error.message, "there is no context \"two\"; there are: one"));
}

static void where_it_looks(void **state)
{
    GW_UNUSED(state);
    bool found;
    char list[256];
    gw_kubeconfig_options o = {.home = dir};
    assert_int_equal(load(&o, &found), 0);
    assert_false(found); /* no ~/.kube/config */
    assert_int_equal(mkdir(path_of(".kube"), 0700), 0);
    put(".kube/config", first);
    assert_int_equal(load(&o, &found), 0);
    assert_true(found);
    o.list = ""; /* as if it were not set */
    assert_int_equal(load(&o, &found), 0);
    assert_true(found);
    snprintf(list, sizeof(list), "%s", path_of("missing")); /* set, so ~/.kube/config does not count */
    o.list = list;
    assert_int_equal(load(&o, &found), 0);
    assert_false(found);
    o.context = "one";
    assert_int_equal(load(&o, &found), GW_ECONFIG);
    o = (gw_kubeconfig_options){.file = path_of("missing")};
    assert_int_equal(load(&o, &found), GW_EIO);
    assert_non_null(strstr(error.message, "missing"));
    o.file = put("empty", "apiVersion: v1\nkind: Config\nclusters: []\nusers: null\n");
    assert_int_equal(load(&o, &found), GW_ECONFIG);
    o = (gw_kubeconfig_options){.list = path_of("empty")};
    assert_int_equal(load(&o, &found), 0);
    assert_false(found);
    o.file = put("pod", "apiVersion: v1\nkind: Pod\n");
    assert_int_equal(load(&o, &found), GW_ECONFIG);
    assert_non_null(strstr(error.message, "not a kubeconfig"));
}

static void relative_paths_from_a_relative_file(void **state)
{
    GW_UNUSED(state);
    char cwd[1024];
    assert_non_null(getcwd(cwd, sizeof(cwd)));
    put("rel", first);
    assert_int_equal(chdir(dir), 0);
    must_load("rel", NULL);
    assert_int_equal(chdir(cwd), 0);
    assert_string_equal(access_.ca_file, path_of("ca"));
}

static void refusals(void **state)
{
    GW_UNUSED(state);
    static const char ok[] = "{server: 'https://h'}";
    refuses_fields("{}", "{}", ":3:12: this cluster has no \"server\"");
    refuses_fields("{server: '//'}", "{}", "this cluster has no \"server\"");
    refuses_fields("{server: 12}", "{}", ":3:40: \"server\" must be text");
    refuses_fields("[]", "{}", "\"cluster\" must be a map, and is a list");
    refuses_fields("{server: 'https://h', insecure-skip-tls-verify: 'no'}", "{}", "must be true or false");
    refuses_fields("{server: 'https://h', insecure-skip-tls-verify: true, certificate-authority: x}", "{}",
                   "exclude each other");
    refuses_fields("{server: 'https://h', certificate-authority-data: '%%%'}", "{}", "is no base64");
    refuses_fields(ok, "{token: 12}", ":4:33: \"token\" must be text (put it in quotes), and is a number");
    refuses_fields(ok, "{token: [a]}", "\"token\" must be text, and is a list");
    refuses_fields(ok, "{token: a, username: b}", "a token and a username exclude each other");
    refuses_fields(ok, "{client-certificate: a}", "the client key is missing");
    refuses_fields(ok, "{client-key-data: a2V5}", "the client certificate is missing");
    refuses_fields(ok, "{as-groups: [a]}", "need \"as\"");
    refuses_fields(ok, "{as: \"a\\r\\nX: y\"}", "a line break cannot be sent");
    refuses_fields(ok, "{auth-provider: {name: gcp}}", "auth-provider gcp was removed from kubectl");
    refuses_fields(ok, "{exec: {command: x}}", "exec needs \"apiVersion\"");
    refuses_fields(ok, "{exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}}",
                   "not supported");
    refuses_fields(ok, "{exec: {apiVersion: client.authentication.k8s.io/v1}}", "exec needs a \"command\"");
    refuses_fields(
        ok, "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always}}",
        "no terminal");
    refuses_fields(
        ok, "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Maybe}}",
        "interactiveMode is");
    refuses_fields(ok, "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, args: [1]}}",
                   "put it in");
    refuses_fields(ok, "{exec: {apiVersion: client.authentication.k8s.io/v1, command: x, env: [{value: a}]}}",
                   "needs a \"name\"");
    refuses_fields(ok, "{token: a, exec: {apiVersion: client.authentication.k8s.io/v1, command: x}}",
                   "an exec plugin and a token exclude each other");
    static const struct {
        const char *text, *part;
    } whole[] = {
        {"contexts: [{name: a, context: {}}, {name: b}]\n", "give --context, one of: a, b"},
        {"current-context: x\ncontexts: [{name: a, context: {}}]\n",
         "there is no context \"x\"; there are: a"},
        {"current-context: a\ncontexts: [{name: a, context: {user: u}}]\n", "names no \"cluster\""},
        {"current-context: a\ncontexts: [{name: a, context: {cluster: k}}]\n", "there is no cluster \"k\""},
        {"current-context: a\ncontexts: [{name: a, context: {cluster: k, user: u}}]\n"
         "clusters: [{name: k, cluster: {server: 'https://h'}}]\n",
         "there is no user \"u\""},
        {"current-context: a\ncontexts: {a: b}\n", ":2:11: \"contexts\" must be a list, and is a map"},
        {"current-context: a\ncontexts: [a]\n", "a map is wanted here"},
        {"current-context: [a]\n", "must be text"},
        {"current-context: a\ncontexts: [{name: a, context: {cluster: k}}, {name: a}]\n", "is given twice"},
        {"[1, 2]\n", "a map is wanted here"},
    };
    for (size_t i = 0; i < GW_COUNT(whole); i++) {
        bool found;
        const char *file = put("whole", whole[i].text);
        assert_int_equal(load(&(gw_kubeconfig_options){.file = file}, &found), GW_ECONFIG);
        if (!strstr(error.message, whole[i].part) || !strstr(error.message, file))
            fail_msg("\"%s\" does not hold \"%s\"", error.message, whole[i].part);
    }
}

static void exec_plugins(void **state)
{
    GW_UNUSED(state);
    put("ca.pem", "PEM");
    const char *file = put(
        "config",
        "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "clusters:\n- name: k\n  cluster:\n    server: https://h\n    certificate-authority: ca.pem\n"
        "    tls-server-name: t\n    extensions:\n    - {name: other, extension: {x: 1}}\n"
        "    - {name: client.authentication.k8s.io/exec, extension: {aud: api, n: [1, true, null, '2']}}\n"
        "users:\n- name: u\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n"
        "      command: ./bin/plugin\n      args: [get, '--x=1']\n      env: [{name: A, value: b}, {name: "
        "E}]\n"
        "      installHint: install it\n      provideClusterInfo: true\n      interactiveMode: Never\n");
    must_load(file, NULL);
    const gw_kube_exec *x = access_.exec;
    assert_non_null(x);
    assert_string_equal(x->command, path_of("./bin/plugin"));
    assert_string_equal(x->args[0], "get");
    assert_string_equal(x->args[1], "--x=1");
    assert_null(x->args[2]);
    assert_string_equal(x->env[0], "A=b");
    assert_string_equal(x->env[1], "E=");
    assert_null(x->env[2]);
    assert_string_equal(x->install_hint, "install it");
    assert_non_null(strstr(x->where, "config:16:"));
    json_t *got = json_loads(x->exec_info, 0, NULL);
    /* "UEVN" is base64 of "PEM" */
    json_t *expected = json_loads(
        "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"spec\":{"
        "\"interactive\":false,\"cluster\":{\"server\":\"https://h\",\"tls-server-name\":\"t\","
        "\"certificate-authority-data\":\"UEVN\",\"config\":{\"aud\":\"api\",\"n\":[1,true,null,\"2\"]}}}}",
        0, NULL);
    assert_non_null(expected);
    if (!json_equal(got, expected))
        fail_msg("%s", x->exec_info);
    json_decref(got);
    json_decref(expected);
    /* a bare name is left to PATH; without provideClusterInfo nothing is said of the cluster */
    must_load(put("config", "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
                            "clusters: [{name: k, cluster: {server: 'https://h'}}]\n"
                            "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, "
                            "command: plug}}}]\n"),
              NULL);
    assert_string_equal(access_.exec->command, "plug");
    assert_null(strstr(access_.exec->exec_info, "cluster"));
}

static void in_cluster(void **state)
{
    GW_UNUSED(state);
    bool found = true;
    assert_int_equal(gw_kube_in_cluster(&arena, dir, "10.0.0.1", "443", &access_, &found, &error), 0);
    assert_false(found); /* no token */
    put("token", "t");
    put("ca.crt", "c");
    assert_int_equal(gw_kube_in_cluster(&arena, dir, "10.0.0.1", "443", &access_, &found, &error), 0);
    assert_true(found);
    assert_string_equal(access_.server, "https://10.0.0.1:443");
    assert_string_equal(access_.token_file, path_of("token"));
    assert_string_equal(access_.ca_file, path_of("ca.crt"));
    assert_int_equal(gw_kube_in_cluster(&arena, dir, "fd00::1", "443", &access_, &found, &error), 0);
    assert_string_equal(access_.server, "https://[fd00::1]:443");
    assert_int_equal(gw_kube_in_cluster(&arena, dir, NULL, "443", &access_, &found, &error), 0);
    assert_false(found);
}

static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    put("ca.pem", "PEM");
    const char *file =
        put("config", "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
                      "clusters: [{name: k, cluster: {server: h, certificate-authority: ca.pem}}]\n"
                      "users: [{name: u, user: {as: x, as-groups: [g], exec: {apiVersion: "
                      "client.authentication.k8s.io/v1,\n"
                      "  command: ./p, args: [a], env: [{name: A}], provideClusterInfo: true}}}]\n");
    gw_kubeconfig_options o = {.file = file};
    int r = -1;
    uint64_t at = 0;
    while (r && at < 2000) {
        bool found = false;
        gw_arena_free(&arena);
        access_ = (gw_kube_access){0};
        gw_mem_fail_at(++at);
        r = gw_kubeconfig_load(&arena, &o, &access_, &found, &error);
        gw_mem_fail_at(0);
        if (r) {
            assert_int_equal(r, GW_ENOMEM);
            assert_false(found);
            assert_null(access_.server);
        }
    }
    assert_int_equal(r, 0);
    assert_true(at > 20);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(every_field),
        T(scheme_is_guessed_as_kubectl_does),
        T(merges_a_list),
        T(where_it_looks),
        T(relative_paths_from_a_relative_file),
        T(refusals),
        T(exec_plugins),
        T(in_cluster),
        T(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("kubeconfig", tests, NULL, NULL);
}
