#include "observe/kube_exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "format/json_tree.h"

#define MAX_STDERR_BYTES ((size_t)64 * 1024) /* what is kept; more is read and dropped */
#define SHOWN_STDERR     300                 /* of its end, in a message */
#define MAX_ENVIRONMENT  65536               /* variables */
#define POLL_MS          50  /* how often the end of the program is looked for while it is silent */
#define AFTER_EXIT_MS    100 /* a grandchild may hold the pipe: what is there by then is read */

extern char **environ;

/* A running plugin. */
typedef struct child {
    const gw_kube_exec *x;
    gw_error *e;
    pid_t pid;
    bool ended;
    int status;   /* of waitpid, once ended */
    int out, err; /* our ends of the pipes; -1 = closed */
    gw_buf said, complained;
} child;

/* ---- the reply ---- */

static const char *text_at(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s && *s ? s : NULL;
}

static int fail_reply(const gw_kube_exec *x, gw_error *e, const char *why)
{
    return gw_fail(e, GW_ECORRUPT, "%s: the plugin %s: %s; run it by hand to see its reply", x->where,
                   x->command, why);
}

static int copy_text(gw_arena *a, const char *text, gw_str *ret, gw_error *e)
{
    if (!text)
        return 0;
    char *copy = gw_arena_strdup(a, text);
    if (!copy)
        return gw_fail_memory(e);
    *ret = gw_str_of(copy);
    return 0;
}

static int read_status(gw_arena *a, const gw_kube_exec *x, const json_t *status, gw_kube_credential *ret,
                       gw_error *e)
{
    gw_kube_credential c = {0};
    gw_str token = {.n = 0};
    const char *expires = text_at(status, "expirationTimestamp");
    const char *cert = text_at(status, "clientCertificateData"), *key = text_at(status, "clientKeyData");
    if (!text_at(status, "token") && !cert && !key)
        return fail_reply(x, e, "its reply holds neither a token nor a client certificate");
    if (!cert != !key)
        return fail_reply(x, e,
                          "its reply holds a client certificate without key, or a key without certificate");
    if (expires && gw_time_parse(expires, 0, &c.expires_ms, NULL))
        return fail_reply(x, e, "its expirationTimestamp is no time");
    if (text_at(status, "token") && strpbrk(text_at(status, "token"), "\r\n"))
        return fail_reply(x, e, "its token holds a line break");
    int r = copy_text(a, text_at(status, "token"), &token, e);
    if (!r)
        r = copy_text(a, cert, &c.cert_data, e);
    if (!r)
        r = copy_text(a, key, &c.key_data, e);
    if (r)
        return r;
    c.token = token.p;
    *ret = c;
    return 0;
}

static int read_credential(gw_arena *a, const gw_kube_exec *x, const json_t *j, gw_kube_credential *ret,
                           gw_error *e)
{
    const char *kind = text_at(j, "kind"), *version = text_at(j, "apiVersion");
    const json_t *status = json_object_get(j, "status");
    if (!gw_eq(kind, "ExecCredential"))
        return fail_reply(x, e, "its reply is no ExecCredential");
    if (!gw_eq(version, x->api_version))
        return gw_fail(e, GW_ECORRUPT,
                       "%s: the kubeconfig says %s and the plugin %s answers in %.80s; make them agree",
                       x->where, x->api_version, x->command, version ? version : "no version");
    if (!json_is_object(status))
        return fail_reply(x, e, "its reply has no status");
    return read_status(a, x, status, ret, e);
}

int gw_kube_credential_parse(gw_arena *a, const gw_kube_exec *x, gw_str json, gw_kube_credential *ret,
                             gw_error *e)
{
    json_t *j = NULL;
    gw_error why;
    if (json.n == 0)
        return fail_reply(x, e, "it printed nothing");
    int failed = gw_json_tree_parse(json, &j, &why);
    if (failed == GW_ENOMEM)
        return gw_fail_memory(e);
    if (failed)
        return fail_reply(x, e, "its reply is no JSON"); /* without a word of it: it may hold a secret */
    int r = read_credential(a, x, j, ret, e);
    json_decref(j);
    return r;
}

/* ---- starting ---- */

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return strncmp(a, b, n) == 0 && b[n] == '=';
}

static bool overridden(const gw_kube_exec *x, const char *variable)
{
    for (const char *const *v = x->env; v && *v; v++)
        if (same_name(*v, variable))
            return true;
    return same_name("KUBERNETES_EXEC_INFO=", variable);
}

/* Our own environment, with the plugin's variables in place of those of the same name. Free with gw_free. */
static const char **make_environment(const gw_kube_exec *x, const char *info)
{
    size_t n = 0, own = 0, added = 0;
    while (environ && environ[own] && own < MAX_ENVIRONMENT)
        own++;
    while (x->env && x->env[added])
        added++;
    const char **list = gw_malloc((own + added + 2) * sizeof(*list));
    if (!list)
        return NULL;
    for (size_t i = 0; i < own; i++)
        if (!overridden(x, environ[i]))
            list[n++] = environ[i];
    for (size_t i = 0; i < added; i++)
        list[n++] = x->env[i];
    list[n++] = info;
    list[n] = NULL;
    return list;
}

static const char **make_arguments(const gw_kube_exec *x)
{
    size_t n = 0;
    while (x->args && x->args[n])
        n++;
    const char **list = gw_malloc((n + 2) * sizeof(*list));
    if (!list)
        return NULL;
    list[0] = x->command;
    for (size_t i = 0; i < n; i++)
        list[i + 1] = x->args[i];
    list[n + 1] = NULL;
    return list;
}

/* Standard input at its end, output and errors into the pipes, nothing else of ours open. */
static int plan_files(posix_spawn_file_actions_t *files, int out, int err)
{
    int r = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!r)
        r = posix_spawn_file_actions_adddup2(files, out, STDOUT_FILENO);
    if (!r)
        r = posix_spawn_file_actions_adddup2(files, err, STDERR_FILENO);
    return r ? r : posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
}

/* A process group of its own, so that the time limit ends its children too; signals as a shell would give. */
static int plan_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int r = posix_spawnattr_setflags(attr,
                                     POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!r)
        r = posix_spawnattr_setpgroup(attr, 0);
    if (!r)
        r = posix_spawnattr_setsigmask(attr, &none);
    return r ? r : posix_spawnattr_setsigdefault(attr, &all);
}

static int spawn(pid_t *pid, const char *program, const char **args, const char **env, int out, int err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    int r = posix_spawn_file_actions_init(&files);
    if (r)
        return r;
    r = posix_spawnattr_init(&attr);
    if (!r) {
        r = plan_files(&files, out, err);
        if (!r)
            r = plan_attributes(&attr);
        if (!r) /* the arrays are not written to: the prototype is older than const */
            r = posix_spawn(pid, program, &files, &attr, (char *const *)(uintptr_t)args,
                            (char *const *)(uintptr_t)env);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&files);
    return r;
}

/*
 * The program's path: a bare name is looked up in PATH, in its absolute directories only, so that nothing in
 * the working directory can stand in for a plugin. 0 or an errno.
 */
static int find_program(gw_arena *a, const char *command, const char **ret)
{
    struct stat st;
    const char *path = getenv("PATH");
    if (strchr(command, '/')) {
        *ret = command;
        return access(command, X_OK) ? errno : 0;
    }
    for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path;) {
        size_t n = strcspn(path, ":");
        const char *candidate =
            *path == '/' ? gw_arena_printf(a, "%.*s/%s", (int)GW_MIN(n, (size_t)4096), path, command) : "";
        if (!candidate)
            return ENOMEM;
        if (*candidate && stat(candidate, &st) == 0 && S_ISREG(st.st_mode) && access(candidate, X_OK) == 0) {
            *ret = candidate;
            return 0;
        }
        path += n + (path[n] == ':');
    }
    return ENOENT;
}

static int fail_start(const gw_kube_exec *x, gw_error *e, int why)
{
    const char *hint = x->install_hint ? x->install_hint : "";
    return gw_fail(e, GW_EAUTH, "%s: the credential plugin \"%s\" cannot be started: %s%s%.400s", x->where,
                   x->command, strerror(why), *hint ? ". " : "; install it, or correct the kubeconfig", hint);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int start(child *c)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, r = 0, why = 0;
    const char *program = NULL;
    gw_arena paths;
    gw_buf info;
    gw_arena_init(&paths, 0);
    gw_buf_init(&info, (size_t)8 << 20);
    gw_buf_printf(&info, "KUBERNETES_EXEC_INFO=%s", c->x->exec_info ? c->x->exec_info : "");
    const char **args = make_arguments(c->x), **env = info.failed ? NULL : make_environment(c->x, info.data);
    if (!args || !env)
        r = gw_fail_memory(c->e);
    else if ((why = find_program(&paths, c->x->command, &program)))
        r = why == ENOMEM ? gw_fail_memory(c->e) : 0;
    else if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
        why = errno;
    else
        why = spawn(&c->pid, program, args, env, out[1], err[1]);
    close_fd(&out[1]);
    close_fd(&err[1]);
    gw_free(args);
    gw_free(env);
    gw_buf_free(&info);
    gw_arena_free(&paths);
    if (r || why) {
        close_fd(&out[0]);
        close_fd(&err[0]);
        return r ? r : fail_start(c->x, c->e, why);
    }
    c->out = out[0];
    c->err = err[0];
    return 0;
}

/* ---- watching ---- */

/* Reads what is there. Standard output beyond its bound is an error, standard error beyond its is dropped. */
static int take(child *c, int *fd, gw_buf *into)
{
    char piece[4096];
    ssize_t n = read(*fd, piece, sizeof(piece));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (n <= 0) {
        close_fd(fd);
        return 0;
    }
    gw_buf_add(into, piece, (size_t)n);
    if (into->failed == GW_ENOMEM)
        return gw_fail_memory(c->e);
    if (into->failed && into == &c->said)
        return gw_fail(c->e, GW_ELIMIT,
                       "%s: the plugin %s prints more than %zu bytes; is it a credential plugin?",
                       c->x->where, c->x->command, GW_KUBE_EXEC_MAX_BYTES);
    if (into->failed) {
        gw_buf_clear(into);
        gw_buf_puts(into, "(…)");
    }
    return 0;
}

static void reap(child *c, int flags)
{
    pid_t got;
    while (!c->ended && (got = waitpid(c->pid, &c->status, flags)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            c->status = 0; /* somebody else has waited for it: judge by the reply */
        c->ended = true;
    }
}

/* Until the pipes are closed, or the program has ended and they have been silent for a moment. */
static int watch(child *c, int64_t deadline_ms)
{
    int64_t ended_ms = 0;
    while (c->out >= 0 || c->err >= 0 || !c->ended) {
        int64_t now = gw_clock_monotonic(NULL);
        reap(c, WNOHANG);
        if (c->ended && ended_ms == 0)
            ended_ms = now;
        if (c->ended && now - ended_ms > AFTER_EXIT_MS)
            return 0;
        if (now >= deadline_ms)
            return GW_ETIMEOUT;
        struct pollfd p[2] = {{.fd = c->out, .events = POLLIN}, {.fd = c->err, .events = POLLIN}};
        int n = poll(p, 2, (int)GW_MIN(deadline_ms - now, (int64_t)(c->out < 0 && c->err < 0 ? 5 : POLL_MS)));
        if (n <= 0)
            continue;
        int r = p[0].revents ? take(c, &c->out, &c->said) : 0;
        if (!r && p[1].revents)
            r = take(c, &c->err, &c->complained);
        if (r)
            return r;
    }
    return 0;
}

/* The end of what it wrote to standard error, on one line. */
static void last_words(const child *c, char out[SHOWN_STDERR + 8])
{
    size_t len = c->complained.len;
    const char *p = c->complained.data;
    while (len && (p[len - 1] == '\n' || p[len - 1] == ' '))
        len--;
    size_t from = len > SHOWN_STDERR ? len - SHOWN_STDERR : 0, n = 0;
    while (from && from < len && (p[from] & 0xc0) == 0x80) /* not in the middle of a character */
        from++;
    for (size_t i = from; i < len; i++)
        out[n++] = (unsigned char)p[i] < 0x20 || p[i] == 0x7f ? ' ' : p[i];
    out[n] = '\0';
}

static int fail_end(const child *c, int r)
{
    char words[SHOWN_STDERR + 8];
    last_words(c, words);
    const char *colon = *words ? ": " : "";
    const char *hint = c->x->install_hint ? c->x->install_hint : "", *stop = *hint ? ". " : "";
    if (r == GW_ETIMEOUT)
        return gw_fail(c->e, r,
                       "%s: the credential plugin \"%s\" did not end in time%s%s; log in with kubectl first",
                       c->x->where, c->x->command, colon, words);
    if (WEXITSTATUS(c->status) == 127 && !WIFSIGNALED(c->status) && !*words)
        return fail_start(c->x, c->e, ENOEXEC); /* what some systems make of a program that is none */
    if (WIFSIGNALED(c->status))
        return gw_fail(c->e, GW_EAUTH,
                       "%s: the credential plugin \"%s\" was ended by signal %d%s%s; run it by hand",
                       c->x->where, c->x->command, WTERMSIG(c->status), colon, words);
    return gw_fail(c->e, GW_EAUTH, "%s: the credential plugin \"%s\" failed with exit code %d%s%s%s%.200s",
                   c->x->where, c->x->command, WEXITSTATUS(c->status), colon, words, stop, hint);
}

static int finish(child *c, int r)
{
    if (!c->ended) {
        kill(-c->pid, SIGKILL);
        reap(c, 0);
    }
    close_fd(&c->out);
    close_fd(&c->err);
    if (r == GW_ETIMEOUT || (!r && c->status != 0))
        return fail_end(c, r);
    return r;
}

int gw_kube_exec_run(gw_arena *a, const gw_kube_exec *x, int64_t timeout_ms, gw_kube_credential *ret,
                     gw_error *e)
{
    child c = {.x = x, .e = e, .out = -1, .err = -1};
    gw_buf_init(&c.said, GW_KUBE_EXEC_MAX_BYTES);
    gw_buf_init(&c.complained, MAX_STDERR_BYTES);
    int r = start(&c);
    if (!r)
        r = finish(&c, watch(&c, gw_clock_monotonic(NULL) +
                                     (timeout_ms > 0 ? timeout_ms : GW_KUBE_EXEC_TIMEOUT_MS)));
    if (!r)
        r = gw_kube_credential_parse(a, x, (gw_str){c.said.data, c.said.len}, ret, e);
    /* what held a secret is not left in freed memory */
    if (c.said.data)
        explicit_bzero(c.said.data, c.said.cap);
    gw_buf_free(&c.said);
    gw_buf_free(&c.complained);
    return r;
}
