/*
 * Two real databases for the tests of the store: SQLite files in a directory of their own, and a private
 * PostgreSQL on a socket in that directory, started as an unprivileged user and gone with the test. Every
 * fresh_store() is an empty one.
 */
#ifndef GW_TESTS_STORE_ENV_H
#define GW_TESTS_STORE_ENV_H

#include <ftw.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "store/store.h"

#define PG_BIN          "/usr/lib/postgresql/15/bin"
#define PG_READY_MS     60000
#define TEST_TIMEOUT_MS 20000

typedef struct env {
    bool pg;
    char dir[64];
    char url[320]; /* of the store that was made last */
    char path[256];
    int n;
    pid_t server;
    const char *more; /* further settings of the server, as "-c name=value" words; may be NULL */
} env;

static const char *pg_bin(void)
{
    const char *dir = getenv("GW_PG_BIN");
    return dir ? dir : PG_BIN;
}

static bool pg_there(void)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/initdb", pg_bin());
    return access(path, X_OK) == 0;
}

/* PostgreSQL refuses to run as root. */
static void become_nobody(void)
{
    const struct passwd *p = getpwnam("postgres");
    p = p ? p : getpwnam("nobody");
    if (geteuid() != 0 || !p)
        return;
    if (setgroups(0, NULL) || setgid(p->pw_gid) || setuid(p->pw_uid))
        _exit(126);
}

static pid_t pg_spawn(env *v, const char *command)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    become_nobody();
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* after setuid, which clears it; an immediate shutdown */
    if (chdir(v->dir))
        _exit(126);
    unsetenv("LD_PRELOAD");
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

static bool pg_start_server(env *v)
{
    char command[1024], url[128];
    snprintf(command, sizeof(command),
             "exec %s/postgres -D %s/data -k %s -h '' -c fsync=off -c max_connections=40 -c "
             "shared_buffers=16MB %s "
             ">>%s/server.log 2>&1",
             pg_bin(), v->dir, v->dir, v->more ? v->more : "", v->dir);
    v->server = pg_spawn(v, command);
    snprintf(url, sizeof(url), "postgresql://gw@/postgres?host=%s", v->dir);
    for (int waited = 0; waited < PG_READY_MS; waited += 50) {
        if (PQping(url) == PQPING_OK)
            return true;
        usleep(50000);
    }
    return false;
}

/* SIGINT: fast shutdown; SIGQUIT: at once, as a crash. */
static void pg_stop_server(env *v, int how)
{
    int status;
    if (v->server > 0 && kill(v->server, how) == 0)
        waitpid(v->server, &status, 0);
    v->server = 0;
}

static bool env_open(env *v, bool pg)
{
    const char *tmp = getenv("TMPDIR");
    memset(v, 0, sizeof(*v));
    v->pg = pg;
    snprintf(v->dir, sizeof(v->dir), "%.40s/gw-store-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(v->dir) || chmod(v->dir, 0777))
        return false;
    if (!pg)
        return true;
    char command[512];
    int status = 1;
    snprintf(command, sizeof(command),
             "exec %s/initdb -D %s/data -U gw -A trust -E UTF8 --locale=C --no-sync --wal-segsize=1 "
             ">%s/initdb.log 2>&1",
             pg_bin(), v->dir, v->dir);
    pid_t pid = pg_spawn(v, command);
    return waitpid(pid, &status, 0) == pid && status == 0 && pg_start_server(v);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
    GW_UNUSED(s);
    GW_UNUSED(type);
    GW_UNUSED(at);
    return remove(path);
}

static void env_close(env *v)
{
    if (v->pg)
        pg_stop_server(v, SIGINT);
    nftw(v->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- plain SQL, without the store ---- */

static void sql_run(const env *v, const char *url, const char *sql, int64_t *ret)
{
    if (!v->pg) {
        sqlite3 *db;
        sqlite3_stmt *st = NULL;
        assert_int_equal(sqlite3_open(v->path, &db), SQLITE_OK);
        sqlite3_busy_timeout(db, TEST_TIMEOUT_MS);
        if (!ret) {
            char *why = NULL;
            if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
                fail_msg("%s: %s", sql, why);
        } else {
            assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
            *ret = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
            sqlite3_finalize(st);
        }
        sqlite3_close(db);
        return;
    }
    PGconn *c = PQconnectdb(url);
    PGresult *r = PQexec(c, sql);
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    if (ret)
        *ret = PQntuples(r) ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : -1;
    PQclear(r);
    PQfinish(c);
}

static void sql_do(const env *v, const char *sql)
{
    sql_run(v, v->url, sql, NULL);
}

static int64_t sql_int(const env *v, const char *sql)
{
    int64_t n = 0;
    sql_run(v, v->url, sql, &n);
    return n;
}

/* The address of a new, empty store: v->url. */
static void fresh_store(env *v)
{
    char sql[64], admin[128];
    v->n++;
    snprintf(v->path, sizeof(v->path), "%s/%d.db", v->dir, v->n);
    if (!v->pg) {
        snprintf(v->url, sizeof(v->url), "sqlite:%s", v->path);
        return;
    }
    snprintf(sql, sizeof(sql), "CREATE DATABASE t%d", v->n);
    snprintf(admin, sizeof(admin), "postgresql://gw@/postgres?host=%s", v->dir);
    sql_run(v, admin, sql, NULL);
    snprintf(v->url, sizeof(v->url), "postgresql://gw@/t%d?host=%s", v->n, v->dir);
}

/* ---- opening ---- */

static int64_t test_clock(void *ctx)
{
    return *(int64_t *)ctx;
}

static int64_t test_now = INT64_C(1700000000000);

static gw_store *open_url(const char *url)
{
    gw_error e = {0};
    gw_store *s = NULL;
    gw_store_options o = {
        .url = url, .timeout_ms = TEST_TIMEOUT_MS, .clock = test_clock, .clock_ctx = &test_now};
    if (gw_store_open(&o, &s, &e))
        fail_msg("%s: %s", url, e.message);
    return s;
}

static gw_store *open_fresh(env *v)
{
    fresh_store(v);
    return open_url(v->url);
}

/* ---- whole stores compared ---- */

static int append(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf_add(ctx, p, n);
    return gw_buf_check(ctx, "an export", e);
}

static void export_all(gw_store *s, gw_buf *b)
{
    gw_error e = {0};
    gw_buf_init(b, (size_t)1 << 30);
    if (gw_store_export(s, append, b, &e))
        fail_msg("%s", e.message);
}

typedef struct line_reader {
    const char *p, *end;
} line_reader;

static inline int next_line(void *ctx, gw_str *ret, gw_error *e)
{
    line_reader *r = ctx;
    GW_UNUSED(e);
    const char *nl = r->p < r->end ? memchr(r->p, '\n', (size_t)(r->end - r->p)) : NULL;
    if (r->p >= r->end)
        return 0;
    *ret = (gw_str){r->p, (size_t)((nl ? nl : r->end) - r->p)};
    r->p = nl ? nl + 1 : r->end;
    return 0;
}

#endif
