/*
 * What the store asks of a database: statements with arguments, transactions, a bulk load. SQL is written
 * once, in what SQLite and PostgreSQL have in common; arguments are $1, $2, … in both. Internal to the store.
 *
 * Statements are literals: an engine prepares each once and finds it again by its address.
 */
#ifndef GW_STORE_ENGINE_H
#define GW_STORE_ENGINE_H

#include "store/store.h"

typedef enum gw_sql_type { GW_SQL_NULL, GW_SQL_INT, GW_SQL_TEXT, GW_SQL_BLOB } gw_sql_type;

typedef struct gw_sql_value {
    gw_sql_type type;
    int64_t i;
    gw_str s; /* of a text or blob */
} gw_sql_value;

#define GW_SQL_ARGS_MAX 16

static inline gw_sql_value gw_sql_int(int64_t i)
{
    return (gw_sql_value){.type = GW_SQL_INT, .i = i};
}

static inline gw_sql_value gw_sql_text(const char *s)
{
    return (gw_sql_value){.type = GW_SQL_TEXT, .s = gw_str_of(s)};
}

static inline gw_sql_value gw_sql_str(gw_str s)
{
    return (gw_sql_value){.type = GW_SQL_TEXT, .s = s};
}

static inline gw_sql_value gw_sql_blob(const void *p, size_t n)
{
    return (gw_sql_value){.type = GW_SQL_BLOB, .s = {p, n}};
}

static inline gw_sql_value gw_sql_null(void)
{
    return (gw_sql_value){.type = GW_SQL_NULL};
}

/* A row; what it points at lives until it returns. It runs no statement of the same engine. Non-zero ends the
 * statement with that error. */
typedef int (*gw_sql_row)(void *ctx, const gw_sql_value *v, size_t n, gw_error *e);
/* The next row of a bulk load; false: there is none. */
typedef bool (*gw_sql_next)(void *ctx, gw_sql_value *v);

typedef struct gw_engine gw_engine;

typedef struct gw_engine_ops {
    const char *kind;
    /* Gives cluster $1's id and keeps other writers of the cluster out until the transaction ends. */
    const char *lock_cluster;
    void (*close)(gw_engine *g);
    /* Connects again where the connection is gone; it may then be another database: g->generation changes. A
     * read transaction sees one state of the store throughout. */
    int (*begin)(gw_engine *g, bool write, gw_error *e);
    int (*commit)(gw_engine *g, gw_error *e);
    void (*rollback)(gw_engine *g);
    /* Within a transaction. each may be NULL; *changed (may be NULL): rows written. */
    int (*run)(gw_engine *g, const char *sql, const gw_sql_value *args, size_t n, gw_sql_row each, void *ctx,
               uint64_t *changed, gw_error *e);
    /* Rows into a table whose columns are given, "a, b, c". */
    int (*bulk)(gw_engine *g, const char *table, const char *columns, size_t n_columns, gw_sql_next next,
                void *ctx, gw_error *e);
    /* Schema: 0 where there is none. `script` runs several statements without arguments. */
    int (*version)(gw_engine *g, int *ret, gw_error *e);
    int (*script)(gw_engine *g, const char *sql, gw_error *e);
    /* Whether it takes writes; outside of a transaction. */
    int (*ping)(gw_engine *g, gw_error *e);
    /* Gives room back after a trim, as far as that is cheap; may be NULL. */
    void (*tidy)(gw_engine *g);
} gw_engine_ops;

struct gw_engine {
    const gw_engine_ops *ops;
    const char *name; /* "SQLite gpuwise.db"; for messages */
    uint64_t generation;
    bool read_only;
};

/* url without its scheme for SQLite, whole for PostgreSQL. */
int gw_engine_sqlite(const gw_store_options *o, const char *path, gw_engine **ret, gw_error *e);
int gw_engine_postgres(const gw_store_options *o, gw_engine **ret, gw_error *e);

#define GW_STORE_TIMEOUT_MS   INT64_C(10000)
#define GW_SQL_STATEMENTS_MAX 96 /* different ones that an engine keeps prepared */

/* Makes or migrates the schema; read_only: says what is missing. */
int gw_schema_bring_up(gw_engine *g, gw_error *e);
#define GW_SCHEMA_VERSION 2

#endif
