/* The store's insides, shared by its files. */
#ifndef GW_STORE_INTERNAL_H
#define GW_STORE_INTERNAL_H

#include "store/engine.h"
#include "store/leaves.h"
#include "store/rows.h"

/* Groups of a cluster as far as this handle has seen them. They are numbered without gaps under the cluster's
 * lock and never deleted, so that what is cached stays true, whoever writes. */
typedef struct gw_groups {
    int64_t cluster;
    const char *name;                    /* of the cluster; in the texts */
    const char *(*dim)[GW_N_GROUP_DIMS]; /* dim[group - 1]; in the texts */
    size_t n, cap;
    gw_map by_key; /* the dimensions, as gw_group_key() joins them -> group */
    gw_pool texts;
    bool whole; /* nothing was added that is not committed */
} gw_groups;

#define GW_CLUSTERS_MAX ((size_t)100000)

struct gw_store {
    gw_engine *g;
    gw_clock clock;
    void *clock_ctx;
    uint64_t generation; /* of the engine, that the caches below are of */
    gw_groups **groups;
    size_t n_groups, cap_groups;
    /* the list of texts that was used last */
    int64_t base_cluster, base_id; /* 0: none */
    uint32_t base_number;
    gw_texts base;
};

/* ---- transactions (store.c) ---- */

int gw_store_begin(gw_store *s, bool write, gw_error *e);
/* Commits where rc is 0, else rolls back; returns rc or what the commit says. */
int gw_store_end(gw_store *s, int rc, gw_error *e);
int gw_store_run(gw_store *s, const char *sql, const gw_sql_value *args, size_t n, gw_sql_row each, void *ctx,
                 gw_error *e);
/* The first column of the first row, an integer; `none` where there is no row or it is NULL. */
int gw_store_int(gw_store *s, const char *sql, const gw_sql_value *args, size_t n, int64_t none, int64_t *ret,
                 gw_error *e);
/* The first column of the first row, appended; *ret_found false where there is no row or it is NULL. */
int gw_store_blob(gw_store *s, const char *sql, const gw_sql_value *args, size_t n, gw_buf *b,
                  bool *ret_found, gw_error *e);
/* 0: no such cluster. */
int gw_store_cluster_id(gw_store *s, const char *name, int64_t *ret, gw_error *e);

/* ---- groups (groups.c) ---- */

/* The cache of a cluster, brought up to date. */
int gw_groups_of(gw_store *s, int64_t cluster, gw_groups **ret, gw_error *e);
void gw_groups_forget(gw_store *s); /* all of them */
/* After a rollback: those with groups that were never committed. */
void gw_groups_forget_new(gw_store *s);
/* Sums the leaves into rows, groups that are new written to the database. hours: for each leaf the bits of
 * the hours that it is of; NULL: all are of the hour. */
int gw_groups_sum(gw_store *s, gw_groups *c, const gw_hour *h, const gw_leaf_texts *t, const uint32_t *hours,
                  gw_rows *ret, gw_error *e);

/* ---- lists of texts that pages share (base.c) ---- */

/* The list of that number; kept in the handle until another is asked for. */
int gw_base_load(gw_store *s, int64_t cluster, int64_t id, gw_error *e);
/* The newest list of the cluster, or a new one where that lacks too much of the hour. */
int gw_base_for(gw_store *s, int64_t cluster, const gw_leaf_texts *t, gw_error *e);
void gw_base_forget(gw_store *s);

/* ---- hours (hours.c) ---- */

typedef struct gw_put {
    const char *reason;
    bool refuse;           /* an hour that is there with other numbers: GW_EUSAGE */
    const uint8_t *digest; /* of an hour whose leaves are gone: what h->leaves holds are groups, and no page
                              is written. NULL: made from the leaves */
} gw_put;
/* gw_store_put_hour within a transaction. */
int gw_hour_put(gw_store *s, const gw_hour *h, const gw_put *how, gw_put_result *ret, gw_error *e);
/* The cluster's number, which is made where it is new; other writers of the cluster wait from here on. */
int gw_cluster_lock(gw_store *s, const char *name, int64_t *ret, gw_error *e);
/* One hour's page; *ret_found false where there is none. */
int gw_hour_page(gw_store *s, int64_t cluster, int64_t hour_ms, gw_arena *arena, gw_hour *ret,
                 bool *ret_found, gw_error *e);
/* The hours that have a page, by (hour, name of the cluster); cluster 0: all. */
typedef struct gw_hour_key {
    int64_t hour_ms, cluster;
    uint32_t rank; /* of the cluster by its name */
} gw_hour_key;
#define GW_HOURS_MAX ((size_t)100000000)
int gw_hour_keys(gw_store *s, int64_t cluster, gw_interval when, gw_hour_key **ret, size_t *ret_n,
                 gw_error *e);
/* The same of a statement whose first two columns are hour or day and cluster. */
int gw_hour_keys_of(gw_store *s, const char *sql, const gw_sql_value *args, size_t n, gw_hour_key **ret,
                    size_t *ret_n, gw_error *e);
/* The day's rows in the database. */
int gw_day_write(gw_store *s, int64_t cluster, int64_t day_ms, const gw_rows *rows, gw_error *e);
int gw_day_read(gw_store *s, int64_t cluster, int64_t day_ms, gw_rows *ret, bool *ret_found, gw_error *e);

#endif
