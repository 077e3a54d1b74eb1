/*
 * PostgreSQL through libpq: prepared statements, binary both ways, results row by row, COPY for bulk loads.
 *
 * Nothing waits for ever: the server ends statements (statement_timeout, lock_timeout), and where no word
 * comes from it for a while longer, the connection is given up. A lost connection is made anew when the next
 * transaction begins.
 */
#include <endian.h>
#include <libpq-fe.h>
#include <poll.h>

#include "base/mem.h"
#include "base/time.h"
#include "store/engine.h"

#define GRACE_MS   INT64_C(5000) /* that a word may be late behind the server's own timeout */
#define PIECE      ((size_t)256 * 1024)
#define IDLE_MS    INT64_C(300000) /* a writer that hangs in a transaction holds its cluster's lock so long */
#define SCHEMA_KEY "1735423351"    /* of the advisory lock that migrations take: "gpuw" */

/* Types by their numbers in pg_type, which never change. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25 };

typedef struct pg_engine {
    gw_engine base;
    PGconn *conn;
    char *url;
    const char *kept[GW_SQL_STATEMENTS_MAX]; /* prepared on this connection, as "gw0", "gw1", … */
    size_t n_kept;
    bool writing;
    int64_t timeout_ms;
    char name[256];
} pg_engine;

static pg_engine *of(gw_engine *g)
{
    return (pg_engine *)(void *)g;
}

/* ---- errors ---- */

#define REASON_MAX 512

/* libpq's messages end in a line break and may have some inside. */
static const char *one_line(const char *message, char out[REASON_MAX])
{
    size_t n = 0;
    for (const char *p = message; *p && n + 2 < REASON_MAX; p++) {
        if (*p != '\n')
            out[n++] = *p;
        else if (p[1]) {
            out[n++] = ';';
            out[n++] = ' ';
        }
    }
    out[n] = '\0';
    return out;
}

typedef struct meaning {
    const char *state; /* SQLSTATE, or its first two characters: the class */
    int code;
    const char *advice;
} meaning;

/* https://www.postgresql.org/docs/15/errcodes-appendix.html; the first that fits. */
static const meaning meanings[] = {
    {"57014", GW_ETIMEOUT, "ask for less at a time, or try again"},
    {"55P03", GW_ETIMEOUT, "another writer holds it; try again"},
    {"40", GW_ETIMEOUT, "another writer was faster; try again"},
    {"25P03", GW_ECONNECT, "try again"},
    {"25P02", GW_EINTERNAL, "please report this"},
    {"25006", GW_EIO, "it is a standby or read-only; give the primary's address"},
    {"57P", GW_ECONNECT, "try again when it runs"},
    {"08", GW_ECONNECT, "check that it runs and can be reached"},
    {"28", GW_EAUTH, "check user and password (or PGPASSFILE)"},
    {"42501", GW_EAUTH, "grant the user CREATE on the schema and its tables"},
    {"3D", GW_ECONFIG, "create the database, or correct the name in --store"},
    {"42P01", GW_ECONFIG, "its tables are gone; start gpuwise again to make them"},
    {"53300", GW_ECONNECT, "raise max_connections, or try again"},
    {"53", GW_EIO, "make room on its disk or memory, and it goes on"},
    {"58", GW_EIO, "check its disk"},
    {"XX001", GW_ECORRUPT, "restore the database from a backup"},
    {"XX002", GW_ECORRUPT, "REINDEX, or restore the database from a backup"},
    {"23", GW_ECORRUPT, "it holds what cannot be; import a backup"},
    {"54", GW_ELIMIT, "ask for less"},
    {"22", GW_EUSAGE, "please report this"},
};

static int lost(pg_engine *q, gw_error *e)
{
    char why[REASON_MAX];
    one_line(PQerrorMessage(q->conn), why);
    return gw_fail(e, GW_ECONNECT, "%s: %s; check that it runs and can be reached", q->name,
                   why[0] ? why : "the connection was lost");
}

static int fail(pg_engine *q, const PGresult *r, gw_error *e)
{
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    char why[REASON_MAX];
    if (!state || PQstatus(q->conn) != CONNECTION_OK) {
        /* the server's last word, where it had one, tells more than "connection lost" */
        if (!state)
            return lost(q, e);
        one_line(PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY), why);
        return gw_fail(e, GW_ECONNECT, "%s: %s; try again when it runs", q->name, why);
    }
    const char *primary = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    one_line(primary ? primary : "", why);
    for (size_t i = 0; i < GW_COUNT(meanings); i++)
        if (gw_has_prefix(state, meanings[i].state))
            return gw_fail(e, meanings[i].code, "%s: %s; %s", q->name, why, meanings[i].advice);
    return gw_fail(e, GW_EINTERNAL, "%s: %s (SQLSTATE %s): please report this", q->name, why, state);
}

/* ---- connecting ---- */

static void quiet(void *ctx, const char *message)
{
    GW_UNUSED(ctx);
    GW_UNUSED(message);
}

static void disconnect(pg_engine *q)
{
    PQfinish(q->conn);
    q->conn = NULL;
    q->n_kept = 0;
}

static int connect_failed(pg_engine *q, gw_error *e)
{
    char why[REASON_MAX];
    one_line(PQerrorMessage(q->conn), why);
    /* a connection that never stood has no SQLSTATE to go by */
    bool auth = PQconnectionNeedsPassword(q->conn) || strstr(why, "authentication failed");
    bool config = strstr(why, "database \"") && strstr(why, "does not exist");
    int code = auth ? GW_EAUTH : config ? GW_ECONFIG : GW_ECONNECT;
    gw_fail(e, code, "%s: %s; %s", q->name, why,
            auth     ? "check user and password (or PGPASSFILE)"
            : config ? "create the database, or correct the name in --store"
                     : "check that it runs and can be reached");
    disconnect(q);
    return code;
}

static int connect_now(pg_engine *q, gw_error *e)
{
    char seconds[24], milliseconds[24], set[512];
    const char *keys[] = {"dbname",
                          "connect_timeout",
                          "client_encoding",
                          "fallback_application_name",
                          "tcp_user_timeout",
                          "keepalives_idle",
                          NULL};
    const char *values[] = {q->url, seconds, "UTF8", "gpuwise", milliseconds, "30", NULL};
    snprintf(seconds, sizeof(seconds), "%" PRId64, GW_MAX(q->timeout_ms / 1000, 2));
    snprintf(milliseconds, sizeof(milliseconds), "%" PRId64, q->timeout_ms + GRACE_MS);
    disconnect(q);
    q->conn = PQconnectdbParams(keys, values, 1);
    if (!q->conn)
        return gw_fail_memory(e);
    if (PQstatus(q->conn) != CONNECTION_OK)
        return connect_failed(q, e);
    PQsetNoticeProcessor(q->conn, quiet, NULL);
    snprintf(set, sizeof(set),
             "SET statement_timeout = %" PRId64 "; SET lock_timeout = %" PRId64
             "; SET idle_in_transaction_session_timeout = %" PRId64 "; SET jit = off",
             q->timeout_ms, q->timeout_ms, IDLE_MS);
    PGresult *r = PQexec(q->conn, set);
    int rc = PQresultStatus(r) == PGRES_COMMAND_OK ? 0 : fail(q, r, e);
    PQclear(r);
    if (rc)
        disconnect(q);
    else
        q->base.generation++;
    return rc;
}

static void pg_close(gw_engine *g)
{
    pg_engine *q = of(g);
    PQfinish(q->conn);
    gw_free(q->url);
    gw_free(q);
}

/* ---- results ---- */

/* The next result, or NULL at the end; the connection is given up where none comes in time. */
static int next_result(pg_engine *q, PGresult **ret, gw_error *e)
{
    int64_t deadline = gw_clock_monotonic(NULL) + q->timeout_ms + GRACE_MS;
    while (PQisBusy(q->conn)) {
        int64_t left = deadline - gw_clock_monotonic(NULL);
        struct pollfd p = {.fd = PQsocket(q->conn), .events = POLLIN};
        int n = left > 0 ? poll(&p, 1, (int)GW_MIN(left, 60000)) : 0;
        if (left <= 0) {
            disconnect(q);
            return gw_fail(e, GW_ETIMEOUT, "%s: no word from it for %" PRId64 " ms; check the network",
                           q->name, q->timeout_ms + GRACE_MS);
        }
        if (n != 0 && !PQconsumeInput(q->conn))
            return lost(q, e);
    }
    *ret = PQgetResult(q->conn);
    return 0;
}

/* Reads what is left of a statement, so that the connection can take the next. */
static void drain(pg_engine *q, bool cancel)
{
    PGresult *r = NULL;
    PGcancel *c = cancel && q->conn ? PQgetCancel(q->conn) : NULL;
    char why[256];
    if (c)
        PQcancel(c, why, sizeof(why));
    PQfreeCancel(c);
    while (q->conn && next_result(q, &r, NULL) == 0 && r) {
        ExecStatusType status = PQresultStatus(r);
        PQclear(r);
        if (status == PGRES_COPY_IN)
            PQputCopyEnd(q->conn, "given up");
        r = NULL;
    }
}

static void column(const PGresult *r, int row, int at, gw_sql_value *v)
{
    const char *p = PQgetvalue(r, row, at);
    int n = PQgetlength(r, row, at);
    uint64_t wide;
    uint32_t half;
    uint16_t quarter;
    *v = (gw_sql_value){.s = {"", 0}};
    if (PQgetisnull(r, row, at))
        return;
    switch (PQftype(r, at)) {
    case OID_INT8:
        memcpy(&wide, p, sizeof(wide));
        v->i = (int64_t)be64toh(wide);
        break;
    case OID_INT4:
        memcpy(&half, p, sizeof(half));
        v->i = (int32_t)be32toh(half);
        break;
    case OID_INT2:
        memcpy(&quarter, p, sizeof(quarter));
        v->i = (int16_t)be16toh(quarter);
        break;
    case OID_BOOL:
        v->i = p[0] != 0;
        break;
    default:
        v->type = PQftype(r, at) == OID_BYTEA ? GW_SQL_BLOB : GW_SQL_TEXT;
        v->s = (gw_str){p, (size_t)n};
        return;
    }
    v->type = GW_SQL_INT;
}

static int hand_on(const PGresult *r, gw_sql_row each, void *ctx, gw_error *e)
{
    gw_sql_value v[GW_SQL_ARGS_MAX];
    int n = GW_MIN(PQnfields(r), GW_SQL_ARGS_MAX), rc = 0;
    for (int row = 0; rc == 0 && each && row < PQntuples(r); row++) {
        for (int i = 0; i < n; i++)
            column(r, row, i, &v[i]);
        rc = each(ctx, v, (size_t)n, e);
    }
    return rc;
}

static int count_of(const PGresult *r, uint64_t *changed)
{
    const char *text = PQcmdTuples((PGresult *)(uintptr_t)r);
    uint64_t n = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        n = n * 10 + (uint64_t)(*text - '0');
    if (changed)
        *changed = n;
    return 0;
}

/* All results of what was sent. */
static int take_results(pg_engine *q, gw_sql_row each, void *ctx, uint64_t *changed, gw_error *e)
{
    for (;;) {
        PGresult *r = NULL;
        int rc = next_result(q, &r, e);
        if (rc || !r)
            return rc;
        switch (PQresultStatus(r)) {
        case PGRES_SINGLE_TUPLE:
        case PGRES_TUPLES_OK:
            rc = hand_on(r, each, ctx, e);
            break;
        case PGRES_COMMAND_OK:
            rc = count_of(r, changed);
            break;
        default:
            rc = fail(q, r, e);
        }
        bool cancel = rc && PQresultStatus(r) == PGRES_SINGLE_TUPLE;
        PQclear(r);
        if (rc) {
            drain(q, cancel);
            return rc;
        }
    }
}

/* ---- statements ---- */

static int script(gw_engine *g, const char *sql, gw_error *e)
{
    pg_engine *q = of(g);
    if (!q->conn || !PQsendQuery(q->conn, sql))
        return lost(q, e);
    return take_results(q, NULL, NULL, NULL, e);
}

static int prepare(pg_engine *q, const char *sql, const Oid *types, size_t n, char name[16], gw_error *e)
{
    size_t at = 0;
    while (at < q->n_kept && q->kept[at] != sql)
        at++;
    snprintf(name, 16, "gw%zu", at);
    if (at < q->n_kept)
        return 0;
    if (at == GW_SQL_STATEMENTS_MAX)
        return gw_fail(e, GW_EINTERNAL, "%s: more statements than planned: please report this", q->name);
    if (!PQsendPrepare(q->conn, name, sql, (int)n, types))
        return lost(q, e);
    int rc = take_results(q, NULL, NULL, NULL, e);
    if (rc == 0)
        q->kept[q->n_kept++] = sql;
    return rc;
}

static int run(gw_engine *g, const char *sql, const gw_sql_value *args, size_t n, gw_sql_row each, void *ctx,
               uint64_t *changed, gw_error *e)
{
    pg_engine *q = of(g);
    static const Oid type_of[] = {0, OID_INT8, OID_TEXT, OID_BYTEA};
    Oid types[GW_SQL_ARGS_MAX];
    uint64_t wide[GW_SQL_ARGS_MAX];
    const char *value[GW_SQL_ARGS_MAX];
    int length[GW_SQL_ARGS_MAX], format[GW_SQL_ARGS_MAX];
    char name[16];
    if (!q->conn)
        return gw_fail(e, GW_ECONNECT, "%s: the connection was lost; try again", q->name);
    for (size_t i = 0; i < n; i++) {
        bool whole = args[i].type == GW_SQL_INT;
        wide[i] = htobe64((uint64_t)args[i].i);
        if (args[i].s.n > INT32_MAX)
            return gw_fail(e, GW_ELIMIT, "%s: a value of %zu bytes", q->name, args[i].s.n);
        types[i] = type_of[args[i].type];
        format[i] = 1;
        length[i] = whole ? (int)sizeof(wide[i]) : (int)args[i].s.n;
        value[i] = whole                         ? (const char *)&wide[i]
                   : args[i].type == GW_SQL_NULL ? NULL
                   : args[i].s.n                 ? args[i].s.p
                                                 : "";
    }
    int rc = prepare(q, sql, types, n, name, e);
    if (rc)
        return rc;
    if (!PQsendQueryPrepared(q->conn, name, (int)n, value, length, format, 1))
        return lost(q, e);
    PQsetSingleRowMode(q->conn);
    return take_results(q, each, ctx, changed, e);
}

/* ---- COPY: https://www.postgresql.org/docs/15/sql-copy.html, "Binary Format" ---- */

static void put16(gw_buf *b, size_t v)
{
    uint16_t be = htobe16((uint16_t)v);
    gw_buf_add(b, &be, sizeof(be));
}

static void put32(gw_buf *b, size_t v)
{
    uint32_t be = htobe32((uint32_t)v);
    gw_buf_add(b, &be, sizeof(be));
}

static void put_row(gw_buf *b, const gw_sql_value *v, size_t n)
{
    put16(b, n);
    for (size_t i = 0; i < n; i++) {
        uint64_t wide = htobe64((uint64_t)v[i].i);
        if (v[i].type == GW_SQL_NULL) {
            put32(b, UINT32_MAX);
        } else if (v[i].type == GW_SQL_INT) {
            put32(b, sizeof(wide));
            gw_buf_add(b, &wide, sizeof(wide));
        } else {
            put32(b, v[i].s.n);
            gw_buf_add(b, v[i].s.p, v[i].s.n);
        }
    }
}

static int send_rows(pg_engine *q, size_t n_columns, gw_sql_next next, void *ctx, gw_error *e)
{
    static const char head[] = "PGCOPY\n\377\r\n"; /* and its NUL */
    gw_sql_value v[GW_SQL_ARGS_MAX];
    gw_buf b;
    bool more = true;
    int rc = 0;
    gw_buf_init(&b, (size_t)64 << 20);
    gw_buf_add(&b, head, sizeof(head));
    put32(&b, 0);
    put32(&b, 0);
    while (rc == 0 && more) {
        more = next(ctx, v);
        if (more)
            put_row(&b, v, n_columns);
        else
            put16(&b, UINT16_MAX);
        if (more && b.len < PIECE)
            continue;
        rc = gw_buf_check(&b, "a bulk load", e);
        if (rc == 0 && PQputCopyData(q->conn, b.data, (int)b.len) != 1)
            rc = lost(q, e);
        gw_buf_clear(&b);
    }
    gw_buf_free(&b);
    return rc;
}

static int bulk(gw_engine *g, const char *table, const char *columns, size_t n_columns, gw_sql_next next,
                void *ctx, gw_error *e)
{
    pg_engine *q = of(g);
    char sql[1024];
    PGresult *r = NULL;
    snprintf(sql, sizeof(sql), "COPY %s (%s) FROM STDIN (FORMAT binary)", table, columns);
    if (!q->conn || !PQsendQuery(q->conn, sql))
        return lost(q, e);
    int rc = next_result(q, &r, e);
    if (rc)
        return rc;
    if (PQresultStatus(r) != PGRES_COPY_IN)
        rc = fail(q, r, e);
    PQclear(r);
    if (rc) {
        drain(q, false);
        return rc;
    }
    rc = send_rows(q, n_columns, next, ctx, e);
    if (q->conn && PQputCopyEnd(q->conn, rc ? "given up" : NULL) != 1 && rc == 0)
        rc = lost(q, e);
    if (rc) {
        drain(q, false);
        return rc;
    }
    return take_results(q, NULL, NULL, NULL, e);
}

/* ---- transactions ---- */

static int begin(gw_engine *g, bool write, gw_error *e)
{
    pg_engine *q = of(g);
    const char *sql = write ? "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
                            : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    q->writing = write;
    if (q->conn && PQstatus(q->conn) == CONNECTION_OK) {
        int rc = script(g, sql, e);
        /* a server that was restarted meanwhile says so only now */
        if (rc != GW_ECONNECT)
            return rc;
    }
    int rc = connect_now(q, e);
    return rc ? rc : script(g, sql, e);
}

static void rollback(gw_engine *g)
{
    pg_engine *q = of(g);
    if (q->conn && PQstatus(q->conn) == CONNECTION_OK && PQtransactionStatus(q->conn) != PQTRANS_IDLE &&
        script(g, "ROLLBACK", NULL))
        disconnect(q);
}

/* COMMIT of a transaction that an error has ended rolls back, and succeeds at that. */
static int commit(gw_engine *g, gw_error *e)
{
    pg_engine *q = of(g);
    if (q->conn && PQtransactionStatus(q->conn) == PQTRANS_INERROR) {
        rollback(g);
        return gw_fail(e, GW_EINTERNAL, "%s: commits what has failed: please report this", q->name);
    }
    return script(g, "COMMIT", e);
}

/* ---- schema ---- */

static int one_int(void *ctx, const gw_sql_value *v, size_t n, gw_error *e)
{
    GW_UNUSED(e);
    if (n)
        *(int64_t *)ctx = v[0].i;
    return 0;
}

static int version(gw_engine *g, int *ret, gw_error *e)
{
    int64_t there = 0, v = 0;
    int rc = 0;
    if (of(g)->writing) /* two replicas that start at a time: one migrates, the other waits */
        rc = script(g, "SELECT pg_advisory_xact_lock(" SCHEMA_KEY ")", e);
    /* not to_regclass(): while this waited for the lock, what it remembers of the catalogue may have aged */
    rc = rc ? rc
            : run(g,
                  "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = "
                  "c.relnamespace WHERE c.relname = 'gw_schema' AND n.nspname = ANY (current_schemas(false))",
                  NULL, 0, one_int, &there, NULL, e);
    if (rc == 0 && there)
        rc = run(g, "SELECT version FROM gw_schema", NULL, 0, one_int, &v, NULL, e);
    if (rc == 0)
        *ret = (int)v;
    return rc;
}

static int ping(gw_engine *g, gw_error *e)
{
    int64_t barred = 0;
    int rc = begin(g, false, e);
    if (rc)
        return rc;
    rc = run(g, "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'", NULL,
             0, one_int, &barred, NULL, e);
    rollback(g);
    if (rc == 0 && barred && !g->read_only)
        rc =
            gw_fail(e, GW_EIO,
                    "%s: takes no writes: it is a standby or read-only; give the primary's address", g->name);
    return rc;
}

static const gw_engine_ops ops = {
    .kind = "postgres",
    .lock_cluster = "SELECT id FROM gw_cluster WHERE name = $1 FOR UPDATE",
    .close = pg_close,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .run = run,
    .bulk = bulk,
    .version = version,
    .script = script,
    .ping = ping,
};

/* "PostgreSQL costs at db.internal". What libpq says about a URL that it cannot read may quote it, password
 * and all, so it is not handed on. */
static int name_it(pg_engine *q, gw_error *e)
{
    const char *db = NULL, *host = NULL, *user = NULL;
    PQconninfoOption *options = PQconninfoParse(q->url, NULL);
    if (!options)
        return gw_fail(
            e, GW_ECONFIG,
            "--store is not a PostgreSQL URL that can be read; as in postgres://USER@HOST:5432/DATABASE "
            "(characters like @ and / in a password are written %%40 and %%2F)");
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        db = strcmp(o->keyword, "dbname") == 0 ? o->val : db;
        host = strcmp(o->keyword, "host") == 0 ? o->val : host;
        user = strcmp(o->keyword, "user") == 0 ? o->val : user;
    }
    snprintf(q->name, sizeof(q->name), "PostgreSQL %s at %s",
             db     ? db
             : user ? user
                    : "(default)",
             host ? host : "this machine");
    PQconninfoFree(options);
    return 0;
}

int gw_engine_postgres(const gw_store_options *o, gw_engine **ret, gw_error *e)
{
    pg_engine *q = gw_calloc(1, sizeof(*q));
    if (!q)
        return gw_fail_memory(e);
    q->base = (gw_engine){.ops = &ops, .name = q->name, .read_only = o->read_only};
    q->timeout_ms = o->timeout_ms > 0 ? GW_MIN(o->timeout_ms, INT32_MAX / 2) : GW_STORE_TIMEOUT_MS;
    q->url = gw_strdup(o->url);
    int rc = q->url ? name_it(q, e) : gw_fail_memory(e);
    rc = rc ? rc : connect_now(q, e);
    if (rc)
        pg_close(&q->base);
    else
        *ret = &q->base;
    return rc;
}
