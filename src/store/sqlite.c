/*
 * SQLite: one file in WAL mode, so that readers go on while an hour is written. synchronous=FULL: once an
 * hour a commit waits for the disk, and what was said to be closed survives a power cut.
 */
#include <fcntl.h>
#include <sqlite3.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/engine.h"

#define APPLICATION_ID 0x67707577 /* "gpuw" */
#define PROGRESS_STEPS 100000     /* virtual machine steps between two looks at the clock */
#define TIDY_PAGES     "2000"

typedef struct sqlite_engine {
    gw_engine base;
    sqlite3 *db;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } kept[GW_SQL_STATEMENTS_MAX];
    size_t n_kept;
    int64_t timeout_ms, deadline_ms;
    char name[256];
} sqlite_engine;

static sqlite_engine *of(gw_engine *g)
{
    return (sqlite_engine *)(void *)g;
}

/* What went wrong, and what to do about it. */
static int fail(const sqlite_engine *q, int code, gw_error *e)
{
    const char *why = q->db ? sqlite3_errmsg(q->db) : sqlite3_errstr(code);
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return gw_fail_memory(e);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return gw_fail(e, GW_ETIMEOUT, "%s: locked by another program for %" PRId64 " ms; try again", q->name,
                       q->timeout_ms);
    case SQLITE_INTERRUPT:
        return gw_fail(e, GW_ETIMEOUT, "%s: no answer within %" PRId64 " ms; ask for less at a time", q->name,
                       q->timeout_ms);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return gw_fail(e, GW_ECORRUPT, "%s: %s; move the file away and import a backup, or begin a new one",
                       q->name, why);
    case SQLITE_FULL:
        return gw_fail(e, GW_EIO, "%s: the disk is full; make room, and it goes on (%s)", q->name, why);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return gw_fail(e, GW_EIO, "%s: %s; check that the folder exists and the file may be written", q->name,
                       why);
    case SQLITE_IOERR:
        return gw_fail(e, GW_EIO, "%s: %s; check the disk and the room on it", q->name, why);
    case SQLITE_TOOBIG:
        return gw_fail(e, GW_ELIMIT, "%s: %s", q->name, why);
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        return gw_fail(e, GW_ECORRUPT, "%s: it holds what cannot be (%s); import a backup", q->name, why);
    default:
        return gw_fail(e, GW_EINTERNAL, "%s: %s (code %d): please report this", q->name, why, code);
    }
}

static int late(void *ctx)
{
    sqlite_engine *q = ctx;
    return gw_clock_monotonic(NULL) > q->deadline_ms;
}

static void sqlite_close_engine(gw_engine *g)
{
    sqlite_engine *q = of(g);
    for (size_t i = 0; i < q->n_kept; i++)
        sqlite3_finalize(q->kept[i].statement);
    sqlite3_close(q->db);
    gw_free(q);
}

static int script(gw_engine *g, const char *sql, gw_error *e)
{
    sqlite_engine *q = of(g);
    q->deadline_ms = gw_clock_monotonic(NULL) + q->timeout_ms;
    int code = sqlite3_exec(q->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : fail(q, code, e);
}

static int begin(gw_engine *g, bool write, gw_error *e)
{
    return script(g, write ? "BEGIN IMMEDIATE" : "BEGIN", e);
}

static void rollback(gw_engine *g)
{
    /* an error may have ended the transaction already */
    if (!sqlite3_get_autocommit(of(g)->db))
        script(g, "ROLLBACK", NULL);
}

static int commit(gw_engine *g, gw_error *e)
{
    int rc = script(g, "COMMIT", e);
    if (rc)
        rollback(g);
    return rc;
}

/* The statement with $1 as ?1: SQLite numbers "$1" in the order of appearance. */
static int prepare(sqlite_engine *q, const char *sql, sqlite3_stmt **ret, gw_error *e)
{
    for (size_t i = 0; i < q->n_kept; i++)
        if (q->kept[i].sql == sql) {
            *ret = q->kept[i].statement;
            return 0;
        }
    if (q->n_kept == GW_SQL_STATEMENTS_MAX)
        return gw_fail(e, GW_EINTERNAL, "%s: more statements than planned: please report this", q->name);
    char *own = gw_strdup(sql);
    if (!own)
        return gw_fail_memory(e);
    for (char *p = own; *p; p++)
        if (*p == '$')
            *p = '?';
    int code = sqlite3_prepare_v3(q->db, own, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    gw_free(own);
    if (code != SQLITE_OK)
        return fail(q, code, e);
    q->kept[q->n_kept].sql = sql;
    q->kept[q->n_kept++].statement = *ret;
    return 0;
}

static int bind(sqlite3_stmt *st, int at, const gw_sql_value *v)
{
    switch (v->type) {
    case GW_SQL_INT:
        return sqlite3_bind_int64(st, at, v->i);
    case GW_SQL_TEXT:
        return sqlite3_bind_text64(st, at, v->s.p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
    case GW_SQL_BLOB:
        return sqlite3_bind_blob64(st, at, v->s.n ? v->s.p : "", v->s.n, SQLITE_STATIC);
    case GW_SQL_NULL:
        break;
    }
    return sqlite3_bind_null(st, at);
}

static void column(sqlite3_stmt *st, int at, gw_sql_value *v)
{
    *v = (gw_sql_value){.s = {"", 0}};
    switch (sqlite3_column_type(st, at)) {
    case SQLITE_INTEGER:
        v->type = GW_SQL_INT;
        v->i = sqlite3_column_int64(st, at);
        break;
    case SQLITE_TEXT:
        v->type = GW_SQL_TEXT;
        v->s.p = (const char *)sqlite3_column_text(st, at);
        v->s.n = (size_t)sqlite3_column_bytes(st, at);
        break;
    case SQLITE_BLOB:
        v->type = GW_SQL_BLOB;
        v->s.p = sqlite3_column_blob(st, at);
        v->s.n = (size_t)sqlite3_column_bytes(st, at);
        break;
    default:
        v->type = GW_SQL_NULL;
    }
    if (!v->s.p)
        v->s = (gw_str){"", 0};
}

static int step_all(sqlite_engine *q, sqlite3_stmt *st, gw_sql_row each, void *ctx, gw_error *e)
{
    gw_sql_value v[GW_SQL_ARGS_MAX];
    int n = GW_MIN(sqlite3_column_count(st), GW_SQL_ARGS_MAX);
    int rc = 0, code;
    while (rc == 0 && (code = sqlite3_step(st)) != SQLITE_DONE) {
        if (code != SQLITE_ROW)
            return fail(q, code, e);
        for (int i = 0; i < n; i++)
            column(st, i, &v[i]);
        rc = each ? each(ctx, v, (size_t)n, e) : 0;
    }
    return rc;
}

static int run(gw_engine *g, const char *sql, const gw_sql_value *args, size_t n, gw_sql_row each, void *ctx,
               uint64_t *changed, gw_error *e)
{
    sqlite_engine *q = of(g);
    sqlite3_stmt *st = NULL;
    q->deadline_ms = gw_clock_monotonic(NULL) + q->timeout_ms;
    int rc = prepare(q, sql, &st, e);
    if (rc)
        return rc;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        int code = bind(st, (int)i + 1, &args[i]);
        rc = code == SQLITE_OK ? 0 : fail(q, code, e);
    }
    int64_t before = sqlite3_total_changes64(q->db);
    if (rc == 0)
        rc = step_all(q, st, each, ctx, e);
    if (rc == 0 && changed)
        *changed = (uint64_t)(sqlite3_total_changes64(q->db) - before);
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    return rc;
}

static int bulk(gw_engine *g, const char *table, const char *columns, size_t n_columns, gw_sql_next next,
                void *ctx, gw_error *e)
{
    sqlite_engine *q = of(g);
    gw_sql_value v[GW_SQL_ARGS_MAX];
    gw_buf sql;
    gw_buf_init(&sql, 4096);
    gw_buf_printf(&sql, "INSERT INTO %s (%s) VALUES (", table, columns);
    for (size_t i = 0; i < n_columns; i++)
        gw_buf_puts(&sql, i ? ",?" : "?");
    gw_buf_puts(&sql, ")");
    int rc = gw_buf_check(&sql, "a statement", e);
    sqlite3_stmt *st = NULL;
    int code = rc ? SQLITE_OK : sqlite3_prepare_v2(q->db, sql.data, -1, &st, NULL);
    gw_buf_free(&sql);
    if (rc)
        return rc;
    q->deadline_ms = gw_clock_monotonic(NULL) + q->timeout_ms;
    while (code == SQLITE_OK && next(ctx, v)) {
        for (size_t i = 0; code == SQLITE_OK && i < n_columns; i++)
            code = bind(st, (int)i + 1, &v[i]);
        if (code == SQLITE_OK && (code = sqlite3_step(st)) == SQLITE_DONE)
            code = sqlite3_reset(st);
    }
    rc = code == SQLITE_OK ? 0 : fail(q, code, e);
    sqlite3_finalize(st);
    return rc;
}

static int one_int(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    GW_UNUSED(e);
    if (n)
        *(int64_t *)ctx = v[0].i;
    return 0;
}

static int version(gw_engine *g, int *ret, gw_error *e)
{
    int64_t id = 0, v = 0, tables = 0;
    int rc = run(g, "PRAGMA application_id", NULL, 0, one_int, &id, NULL, e);
    rc = rc ? rc : run(g, "PRAGMA user_version", NULL, 0, one_int, &v, NULL, e);
    rc = rc ? rc : run(g, "SELECT count(*) FROM sqlite_schema", NULL, 0, one_int, &tables, NULL, e);
    if (rc)
        return rc;
    if (tables && id != APPLICATION_ID)
        return gw_fail(e, GW_ECONFIG, "%s: another program's database; give another --store", g->name);
    *ret = tables ? (int)v : 0;
    return 0;
}

static int ping(gw_engine *g, gw_error *e)
{
    int rc = begin(g, !g->read_only, e);
    if (rc == 0)
        rollback(g);
    return rc;
}

static void tidy(gw_engine *g)
{
    script(g, "PRAGMA incremental_vacuum(" TIDY_PAGES ")", NULL);
    script(g, "PRAGMA wal_checkpoint(PASSIVE)", NULL);
}

static const gw_engine_ops ops = {
    .kind = "sqlite",
    .lock_cluster = "SELECT id FROM gw_cluster WHERE name = $1",
    .close = sqlite_close_engine,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .run = run,
    .bulk = bulk,
    .version = version,
    .script = script,
    .ping = ping,
    .tidy = tidy,
};

/* A new file gets its marks before its first table; of an old one, nothing is changed before it is known to
 * be ours. */
static int set_up(sqlite_engine *q, gw_error *e)
{
    gw_engine *g = &q->base;
    int64_t tables = 0;
    int rc =
        script(g, "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY", e);
    rc = rc ? rc : run(g, "SELECT count(*) FROM sqlite_schema", NULL, 0, one_int, &tables, NULL, e);
    if (rc || g->read_only)
        return rc;
    if (tables == 0)
        rc = script(g, "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = 1735423351", e);
    return rc ? rc : script(g, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", e);
}
_Static_assert(APPLICATION_ID == 1735423351, "the number in the PRAGMA");

int gw_engine_sqlite(const gw_store_options *o, const char *path, gw_engine **ret, gw_error *e)
{
    if (!path[0])
        return gw_fail(e, GW_ECONFIG, "--store sqlite: names no file; as in sqlite:gpuwise.db");
    sqlite_engine *q = gw_calloc(1, sizeof(*q));
    if (!q)
        return gw_fail_memory(e);
    q->timeout_ms = o->timeout_ms > 0 ? GW_MIN(o->timeout_ms, INT32_MAX) : GW_STORE_TIMEOUT_MS;
    q->deadline_ms = gw_clock_monotonic(NULL) + q->timeout_ms;
    snprintf(q->name, sizeof(q->name), "SQLite %s", path);
    q->base = (gw_engine){.ops = &ops, .name = q->name, .read_only = o->read_only};
    int flags = o->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    int code = sqlite3_open_v2(path, &q->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    int rc = code == SQLITE_OK ? 0 : fail(q, code, e);
    if (rc == 0) {
        sqlite3_busy_timeout(q->db, (int)q->timeout_ms);
        sqlite3_progress_handler(q->db, PROGRESS_STEPS, late, q);
        rc = set_up(q, e);
    }
    if (rc)
        sqlite_close_engine(&q->base);
    else
        *ret = &q->base;
    return rc;
}
