/*
 * How the store fares with many clusters: what an hour's write takes, what a monthly report by team takes,
 * what it weighs on disk. The fleet is made up here: --clusters clusters of --pods pods in 800 workloads of
 * 60 teams, one GPU a pod, pods that live for 100 hours.
 *
 *   1. history: --days days, hour by hour, through the store's own put. In every --every'th hour a put of all
 * leaves, page included; in the others of the groups alone (as an import of a trimmed hour does), which is
 * most of the rows and little of the bytes. --every 1: all of it.
 *   2. --runs further hours of all clusters, every leaf, one put after the other, then --threads at a time;
 * each cluster on a handle of its own, as each has a daemon of its own, that has put an hour before. Timed
 *      without making up the leaves
 *   3. the same bytes by bare COPY into a table without an index (PostgreSQL), for what the machine can do
 *   4. the sum by team over all clusters of those days, step month; with a new handle and with one that has
 * the groups
 *
 *     store-scale --store URL [--clusters N] [--pods N] [--days N] [--every N] [--runs N] [--threads N]
 * [--loaded]
 */
#include <getopt.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/time.h"
#include "store/internal.h"

#define START_MS     INT64_C(1672531200000) /* 2023-01-01 */
#define WORKLOADS    800
#define TEAMS        60
#define GPUS_A_NODE  8
#define LIFE_HOURS   100
#define IDLE_SHARE   40 /* one idle GPU for so many pods */
#define RUNS_MAX     99
#define GPU_HOURLY   INT64_C(3928000)
#define THREADS_MAX  64
#define CLUSTERS_MAX 1000

typedef struct settings {
    const char *url;
    int clusters, pods, days, every, runs, threads;
    bool loaded; /* the history is there from a run before */
} settings;

/* ---- the fleet ---- */

static uint64_t hash3(uint64_t a, uint64_t b, uint64_t c)
{
    /* splitmix64 over a mixture */
    uint64_t z = a * UINT64_C(0x9e3779b97f4a7c15) + b * UINT64_C(0xbf58476d1ce4e5b9) +
                 c * UINT64_C(0x94d049bb133111eb);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

typedef struct fleet {
    int number, pods, idle;
    char cluster[32];
    gw_arena arena; /* of what does not change */
    gw_hour_leaf *leaves;
    char (*pod)[64];
    gw_hour_leaf *groups;
} fleet;

static void *checked(void *p)
{
    if (!p) {
        fprintf(stderr, "store-scale: out of memory\n");
        exit(1);
    }
    return p;
}

#define NAME(f, ...) checked(gw_arena_printf(&(f)->arena, __VA_ARGS__))

/* Everything of a workload that its pods share. */
static void fill_workload(fleet *f, gw_hour_leaf *l, uint64_t w)
{
    uint64_t h = hash3((uint64_t)f->number, w, 1), team = h % TEAMS;
    static const char *const kinds[] = {"Deployment", "StatefulSet", "Job", "PyTorchJob"};
    static const char *const classes[] = {"inference", "inference", "batch", "training"};
    for (size_t d = 0; d < GW_N_LEAF_DIMS; d++)
        l->dim[d] = "";
    l->dim[GW_DIM_CLUSTER] = f->cluster;
    l->dim[GW_DIM_NAMESPACE] = NAME(f, "team-%02" PRIu64 "-%" PRIu64, team, h >> 8 & 3);
    l->dim[GW_DIM_WORKLOAD] = NAME(f, "llm-serving-%03" PRIu64 "-%" PRIx64, w, h >> 16 & 0xfff);
    l->dim[GW_DIM_WORKLOAD_KIND] = kinds[w % 4];
    l->dim[GW_DIM_TEAM] = NAME(f, "team-%02" PRIu64, team);
    l->dim[GW_DIM_PROJECT] = NAME(f, "project-%" PRIu64, h >> 12 & 127);
    l->dim[GW_DIM_ENVIRONMENT] = h >> 20 & 3 ? "production" : "staging";
    l->dim[GW_DIM_MODEL] = NAME(f, "model-%" PRIu64 "b", h >> 24 & 63);
    l->dim[GW_DIM_MODEL_VERSION] = NAME(f, "v%" PRIu64, h >> 32 & 7);
    l->dim[GW_DIM_COST_CENTER] = NAME(f, "cc-%04" PRIu64, team * 37);
    l->dim[GW_DIM_CLASS] = classes[w % 4];
    l->dim[GW_DIM_GPU_MODEL] = "NVIDIA H100 80GB HBM3";
    l->dim[GW_DIM_CAPACITY] = w % 5 ? "on-demand" : "spot";
}

static void fill_place(fleet *f, gw_hour_leaf *l, int i)
{
    uint64_t a = hash3((uint64_t)f->number, (uint64_t)i, 2), b = hash3((uint64_t)f->number, (uint64_t)i, 3);
    char uuid[64];
    l->dim[GW_DIM_NODE] = NAME(f, "ip-10-%" PRIu64 "-%" PRIu64 ".ec2.internal",
                               (uint64_t)(i / GPUS_A_NODE / 200), (uint64_t)(i / GPUS_A_NODE % 200));
    l->dim[GW_DIM_INSTANCE_TYPE] = "p5.48xlarge";
    l->dim[GW_DIM_REGION] = "us-east-1";
    snprintf(uuid, sizeof(uuid), "GPU-%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
             a >> 32, a >> 16 & 0xffff, a & 0xffff, b >> 48, b & UINT64_C(0xffffffffffff));
    l->dim[GW_DIM_GPU] = checked(gw_arena_strdup(&f->arena, uuid));
    l->node_hourly = GPUS_A_NODE * GPU_HOURLY;
}

static void fleet_make(fleet *f, int number, int pods)
{
    *f = (fleet){.number = number, .pods = pods, .idle = pods / IDLE_SHARE};
    gw_arena_init(&f->arena, 0);
    snprintf(f->cluster, sizeof(f->cluster), "cluster-%03d", number);
    size_t n = (size_t)(pods + f->idle);
    f->leaves = checked(GW_NEW_ARRAY(&f->arena, gw_hour_leaf, n));
    f->pod = checked(gw_arena_alloc(&f->arena, n * sizeof(*f->pod)));
    f->groups = checked(GW_NEW_ARRAY(&f->arena, gw_hour_leaf, WORKLOADS + 1));
    for (int w = 0; w < WORKLOADS; w++)
        fill_workload(f, &f->groups[w], (uint64_t)w);
    f->groups[WORKLOADS] = f->groups[0];
    for (size_t d = 1; d < GW_N_DIMS; d++)
        f->groups[WORKLOADS].dim[d] = "";
    f->groups[WORKLOADS].dim[GW_DIM_NAMESPACE] = GW_KEY_IDLE;
    for (size_t i = 0; i < n; i++) {
        bool idle = i >= (size_t)pods;
        f->leaves[i] = f->groups[idle ? WORKLOADS : i * WORKLOADS / (size_t)pods];
        f->leaves[i].kind = idle ? GW_LEAF_IDLE : GW_LEAF_HELD;
        fill_place(f, &f->leaves[i], (int)i);
    }
}

/* An hour of one GPU: work, memory and states as 120 samples of 30 s make them. */
static void measure(gw_measures *m, uint64_t r, bool idle)
{
    *m = (gw_measures){.paid_ms = GW_HOUR_MS, .bill = GPU_HOURLY};
    if (idle) {
        m->idle_ms = GW_HOUR_MS;
        m->known_ms = GW_HOUR_MS;
        m->idle = GPU_HOURLY;
        return;
    }
    m->allocated_ms = GW_HOUR_MS;
    m->unknown_ms = r % 20 ? 0 : (int64_t)(r >> 8 & 63) * 30000;
    m->known_ms = GW_HOUR_MS - m->unknown_ms;
    m->used_ms = m->known_ms * (int64_t)(r >> 16 & 0xffff) / 65536;
    m->memory_known_ms = m->known_ms;
    m->memory_ms = m->known_ms * (int64_t)(r >> 32 & 0xffff) / 65536;
    for (int w = 0; w < 12; w++)
        m->state_ms[(r >> (40 + w)) % 4] += 5 * GW_MINUTE_MS;
    m->used = gw_micro_for(GPU_HOURLY, m->used_ms);
    m->unknown = gw_micro_for(GPU_HOURLY, m->unknown_ms);
    m->wasted = m->bill - m->used - m->unknown;
    m->reclaimable = m->wasted * (int64_t)(r >> 52 & 0xff) / 256;
}

static gw_hour whole_hour(fleet *f, int hour)
{
    for (int i = 0; i < f->pods + f->idle; i++) {
        gw_hour_leaf *l = &f->leaves[i];
        measure(&l->m, hash3((uint64_t)f->number << 32 | (uint64_t)i, (uint64_t)hour, 4), i >= f->pods);
        uint64_t life = ((uint64_t)hour + hash3((uint64_t)i, 5, 5) % LIFE_HOURS) / LIFE_HOURS;
        uint64_t r = hash3((uint64_t)f->number << 32 | (uint64_t)i, life, 6);
        if (i < f->pods) {
            snprintf(f->pod[i], sizeof(f->pod[i]), "%.40s-%05" PRIx64, l->dim[GW_DIM_WORKLOAD], r & 0xfffff);
            l->dim[GW_DIM_POD] = f->pod[i];
        }
    }
    int64_t start = START_MS + hour * GW_HOUR_MS;
    return (gw_hour){.cluster = f->cluster,
                     .start_ms = start,
                     .observed = {start, start + GW_HOUR_MS},
                     .leaves = f->leaves,
                     .n_leaves = (size_t)(f->pods + f->idle)};
}

/* The same in size, for hours that are loaded without leaves: as many pods as a workload has, all alike. */
static gw_hour grouped_hour(fleet *f, int hour)
{
    int64_t a_group[] = {f->pods / WORKLOADS, f->idle};
    for (int w = 0; w <= WORKLOADS; w++) {
        gw_measures *m = &f->groups[w].m;
        measure(m, hash3((uint64_t)f->number << 32 | (uint64_t)w, (uint64_t)hour, 7), w == WORKLOADS);
        for (size_t c = 0; c < GW_N_MEASURES; c++)
            *gw_measure_at(m, c) *= GW_MAX(a_group[w == WORKLOADS], 1);
    }
    int64_t start = START_MS + hour * GW_HOUR_MS;
    return (gw_hour){.cluster = f->cluster,
                     .start_ms = start,
                     .observed = {start, start + GW_HOUR_MS},
                     .leaves = f->groups,
                     .n_leaves = WORKLOADS + 1};
}

/* ---- doing it ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Processor time of this thread: what it takes of a machine that has other work, too. */
static double own_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const gw_error *e)
{
    fprintf(stderr, "store-scale: %s\n", e->message);
    exit(1);
}

static gw_store *open_store(const settings *o)
{
    gw_error e;
    gw_store *s = NULL;
    gw_store_options so = {.url = o->url, .timeout_ms = 60000};
    if (gw_store_open(&so, &s, &e))
        die(&e);
    return s;
}

/* Within a transaction, as an import does: without a page where the hour is of groups. */
static void put_inside(gw_store *s, const gw_hour *h, bool whole)
{
    gw_error e;
    gw_put_result got;
    uint8_t digest[GW_DIGEST_BYTES] = {0};
    gw_put how = {.digest = whole ? NULL : digest, .reason = "loaded"};
    memcpy(digest, &h->start_ms, sizeof(h->start_ms));
    if (gw_hour_put(s, h, &how, &got, &e))
        die(&e);
}

static void put_whole(gw_store *s, const gw_hour *h)
{
    gw_error e;
    gw_put_result got;
    if (gw_store_put_hour(s, h, NULL, &got, &e))
        die(&e);
    if (got != GW_PUT_NEW) {
        fprintf(stderr, "store-scale: the store is not empty\n");
        exit(1);
    }
}

typedef struct loader {
    const settings *o;
    int first;
    pthread_t thread;
    long whole, grouped;
} loader;

static void *load(void *ctx)
{
    loader *l = ctx;
    gw_store *s = open_store(l->o);
    for (int c = l->first; c < l->o->clusters; c += l->o->threads) {
        fleet f;
        fleet_make(&f, c, l->o->pods);
        for (int hour = 0; hour < l->o->days * 24; hour++) {
            gw_error e;
            bool whole = hour % l->o->every == l->o->every - 1;
            gw_hour h = whole ? whole_hour(&f, hour) : grouped_hour(&f, hour);
            if (hour % 24 == 0 && gw_store_begin(s, true, &e))
                die(&e);
            put_inside(s, &h, whole);
            if (hour % 24 == 23 && gw_store_end(s, 0, &e))
                die(&e);
            l->whole += whole;
            l->grouped += !whole;
        }
        gw_arena_free(&f.arena);
    }
    gw_store_free(s);
    return NULL;
}

static void load_all(const settings *o)
{
    loader l[THREADS_MAX];
    long whole = 0, grouped = 0;
    double began = seconds();
    for (int t = 0; t < o->threads; t++) {
        l[t] = (loader){.o = o, .first = t};
        if (pthread_create(&l[t].thread, NULL, load, &l[t]))
            exit(1);
    }
    for (int t = 0; t < o->threads; t++) {
        pthread_join(l[t].thread, NULL);
        whole += l[t].whole;
        grouped += l[t].grouped;
    }
    printf("history: %d days of %d clusters in %.0f s: %ld hours with every leaf, %ld by group alone\n",
           o->days, o->clusters, seconds() - began, whole, grouped);
    fflush(stdout);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *what, double *t, int n)
{
    qsort(t, (size_t)n, sizeof(*t), by_value);
    printf("%s: median %.3f s, %.3f to %.3f s, %d runs\n", what, t[n / 2], t[0], t[n - 1], n);
    fflush(stdout);
}

/* The first that is not there, of all clusters. */
static int next_hour(gw_store *s)
{
    gw_error e;
    gw_interval there;
    if (gw_store_extent(s, "cluster-000", &there, &e))
        die(&e);
    return there.end_ms ? (int)((there.end_ms - START_MS) / GW_HOUR_MS) : 0;
}

/* Processor time of the server's processes for our connections, where it runs on this machine. */
static double server_seconds(const settings *o);

typedef struct writer {
    const settings *o;
    int first, step;
    gw_store **stores;
    gw_hour *hours;
    double own;
    pthread_t thread;
} writer;

static void *write_some(void *ctx)
{
    writer *w = ctx;
    double began = own_seconds();
    for (int c = w->first; c < w->o->clusters; c += w->step)
        put_whole(w->stores[c], &w->hours[c]);
    w->own = own_seconds() - began;
    return NULL;
}

/* An hour of all clusters; wall time, and the threads' processor time. */
static double write_hour(const settings *o, int threads, gw_store **stores, gw_hour *hours, double *own)
{
    writer w[THREADS_MAX];
    double began = seconds();
    *own = 0;
    for (int t = 0; t < threads; t++) {
        w[t] = (writer){.o = o, .first = t, .step = threads, .stores = stores, .hours = hours};
        if (pthread_create(&w[t].thread, NULL, write_some, &w[t]))
            exit(1);
    }
    for (int t = 0; t < threads; t++) {
        pthread_join(w[t].thread, NULL);
        *own += w[t].own;
    }
    return seconds() - began;
}

static void write_hours(const settings *o, int threads)
{
    static gw_store *stores[CLUSTERS_MAX];
    static fleet fleets[CLUSTERS_MAX];
    static gw_hour hours[CLUSTERS_MAX];
    double t[RUNS_MAX], own[RUNS_MAX], server[RUNS_MAX];
    for (int c = 0; c < o->clusters; c++) {
        stores[c] = open_store(o);
        fleet_make(&fleets[c], c, o->pods);
    }
    int next = next_hour(stores[0]);
    for (int run = -1; run < o->runs; run++) { /* the first is not counted: the hour before */
        int r = GW_MAX(run, 0);
        for (int c = 0; c < o->clusters; c++)
            hours[c] = whole_hour(&fleets[c], next + run + 1);
        server[r] = server_seconds(o);
        t[r] = write_hour(o, threads, stores, hours, &own[r]);
        server[r] = server_seconds(o) - server[r];
    }
    char what[128];
    snprintf(what, sizeof(what), "an hour's write: %d clusters, %zu leaves, %d at a time", o->clusters,
             (size_t)o->clusters * hours[0].n_leaves, threads);
    for (int c = 0; c < o->clusters; c++) {
        gw_store_free(stores[c]);
        gw_arena_free(&fleets[c].arena);
    }
    print_times(what, t, o->runs);
    print_times("  of it processor time of gpuwise", own, o->runs);
    print_times("  of it processor time of the server", server, o->runs);
}

/* ---- PostgreSQL's own figures ---- */

static PGconn *plain_connection(const settings *o)
{
    PGconn *c = PQconnectdb(o->url);
    if (PQstatus(c) != CONNECTION_OK) {
        fprintf(stderr, "store-scale: %s", PQerrorMessage(c));
        exit(1);
    }
    return c;
}

static PGresult *ask(PGconn *c, const char *sql, bool binary)
{
    PGresult *r = PQexecParams(c, sql, 0, NULL, NULL, NULL, NULL, binary);
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_TUPLES_OK && s != PGRES_COMMAND_OK && s != PGRES_COPY_IN) {
        fprintf(stderr, "store-scale: %s: %s", sql, PQerrorMessage(c));
        exit(1);
    }
    return r;
}

static double server_seconds(const settings *o)
{
    double sum = 0;
    if (!gw_has_prefix(o->url, "postgres"))
        return 0;
    PGconn *c = plain_connection(o);
    PGresult *r = ask(c, "SELECT pid FROM pg_stat_activity WHERE application_name = 'gpuwise'", false);
    for (int i = 0; i < PQntuples(r); i++) {
        char path[64], line[1024], *p;
        unsigned long user = 0, system = 0;
        snprintf(path, sizeof(path), "/proc/%s/stat", PQgetvalue(r, i, 0));
        FILE *f = fopen(path, "r");
        if (f && fgets(line, sizeof(line), f) && (p = strrchr(line, ')')) != NULL &&
            sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2)
            sum += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
        if (f)
            fclose(f);
    }
    PQclear(r);
    PQfinish(c);
    return sum;
}

static void silent(void *ctx, const char *message)
{
    GW_UNUSED(ctx);
    GW_UNUSED(message);
}

static double copy_once(PGconn *c, const PGresult *blobs)
{
    static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* 11 bytes, flags, no extension */
    static const char end[] = {'\377', '\377'};
    int rows = PQntuples(blobs), columns = PQnfields(blobs);
    PQsetNoticeProcessor(c, silent, NULL);
    PQclear(ask(c, "DROP TABLE IF EXISTS raw_copy", false));
    PQclear(ask(c, "CREATE TABLE raw_copy (page BYTEA, sums BYTEA, day BYTEA)", false));
    PQclear(ask(c,
                "ALTER TABLE raw_copy ALTER page SET STORAGE EXTERNAL, ALTER sums SET STORAGE EXTERNAL, "
                "ALTER day SET "
                "STORAGE EXTERNAL",
                false));
    double began = seconds();
    PQclear(ask(c, "COPY raw_copy FROM STDIN (FORMAT binary)", false));
    PQputCopyData(c, head, 19);
    for (int i = 0; i < rows; i++) {
        char count[] = {0, (char)columns};
        PQputCopyData(c, count, 2);
        for (int k = 0; k < columns; k++) {
            uint32_t n = (uint32_t)PQgetlength(blobs, i, k);
            char length[] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
            PQputCopyData(c, length, 4);
            PQputCopyData(c, PQgetvalue(blobs, i, k), (int)n);
        }
    }
    PQputCopyData(c, end, 2);
    PQputCopyEnd(c, NULL);
    for (PGresult *r; (r = PQgetResult(c)) != NULL; PQclear(r))
        if (PQresultStatus(r) != PGRES_COMMAND_OK)
            fprintf(stderr, "store-scale: %s", PQerrorMessage(c));
    return seconds() - began;
}

static void raw_copy(const settings *o)
{
    double t[RUNS_MAX], bytes = 0;
    PGconn *c = plain_connection(o);
    char sql[512];
    gw_store *s = open_store(o);
    int64_t hour = START_MS + (next_hour(s) - 1) * GW_HOUR_MS;
    gw_store_free(s);
    snprintf(sql, sizeof(sql),
             "SELECT h.page, h.sums, d.sums FROM gw_hour h JOIN gw_day d ON d.cluster = h.cluster AND "
             "d.day_ms = %" PRId64 " WHERE h.hour_ms = %" PRId64,
             hour / GW_DAY_MS * GW_DAY_MS, hour);
    PGresult *r = ask(c, sql, true);
    for (int i = 0; i < PQntuples(r); i++)
        for (int k = 0; k < PQnfields(r); k++)
            bytes += PQgetlength(r, i, k);
    for (int run = 0; run < o->runs; run++)
        t[run] = copy_once(c, r);
    PQclear(r);
    PQclear(ask(c, "DROP TABLE raw_copy", false));
    PQfinish(c);
    char what[128];
    snprintf(what, sizeof(what), "the same %.1f MB by bare COPY", bytes / 1e6);
    print_times(what, t, o->runs);
}

static void sizes(const settings *o)
{
    PGconn *c = plain_connection(o);
    PGresult *r =
        ask(c,
            "SELECT relname, pg_total_relation_size(oid), (SELECT count(*) FROM gw_hour), (SELECT "
            "coalesce(avg(length(page)), 0)::bigint FROM gw_hour), (SELECT avg(length(sums))::bigint FROM "
            "gw_hour), (SELECT avg(length(sums))::bigint FROM gw_day), (SELECT count(page) FROM gw_hour) "
            "FROM pg_class WHERE relkind = 'r' AND relname LIKE 'gw\\_%' ORDER BY 2 DESC",
            false);
    printf("disk:");
    for (int i = 0; i < PQntuples(r); i++)
        printf(" %s %.1f MB%s", PQgetvalue(r, i, 0), strtod(PQgetvalue(r, i, 1), NULL) / 1e6,
               i + 1 < PQntuples(r) ? "," : "\n");
    if (PQntuples(r)) {
        double page = strtod(PQgetvalue(r, 0, 3), NULL), sums = strtod(PQgetvalue(r, 0, 4), NULL);
        printf("bytes: a page %.0f (%s of %s hours have one), %.1f a leaf; hour sums %.0f, day sums %.0f\n",
               page, PQgetvalue(r, 0, 6), PQgetvalue(r, 0, 2), page / (o->pods + o->pods / IDLE_SHARE), sums,
               strtod(PQgetvalue(r, 0, 5), NULL));
        printf("30 days with every page: %.1f GB of pages, %.1f GB of sums by the hour\n",
               page * 720 * o->clusters / 1e9, sums * 720 * o->clusters / 1e9);
    }
    PQclear(r);
    PQfinish(c);
}

/* ---- the report ---- */

static void reports(const settings *o)
{
    double cold[RUNS_MAX], warm[RUNS_MAX], own[RUNS_MAX];
    gw_error e;
    gw_sums sums = {0};
    gw_query q = {.when = {START_MS, START_MS + o->days * GW_DAY_MS},
                  .step = GW_STEP_MONTH,
                  .by = {GW_DIM_TEAM},
                  .n_by = 1};
    for (int run = 0; run < o->runs; run++) {
        gw_store *s = open_store(o);
        for (int again = 0; again < 2; again++) {
            double began = seconds(), own_began = own_seconds();
            if (gw_store_sum(s, &q, &sums, &e))
                die(&e);
            (again ? warm : cold)[run] = seconds() - began;
            own[run] = own_seconds() - own_began;
            if (run == 0 && again == 0 && sums.n)
                printf("by team: %zu rows; the dearest \"%s\": $%.2f over %u hours\n", sums.n,
                       sums.rows[0].key[0], (double)sums.rows[0].m.bill / 1e6, sums.rows[0].hours);
            gw_sums_free(&sums);
        }
        gw_store_free(s);
    }
    print_times("monthly report by team, new handle", cold, o->runs);
    print_times("monthly report by team, again", warm, o->runs);
    print_times("  of it processor time of gpuwise", own, o->runs);
}

int main(int argc, char **argv)
{
    settings o = {.clusters = 5, .pods = 2000, .days = 7, .every = 24, .runs = 3, .threads = 1};
    static const struct option names[] = {{"store", required_argument, NULL, 's'},
                                          {"clusters", required_argument, NULL, 'c'},
                                          {"pods", required_argument, NULL, 'p'},
                                          {"days", required_argument, NULL, 'd'},
                                          {"every", required_argument, NULL, 'e'},
                                          {"runs", required_argument, NULL, 'r'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"loaded", no_argument, NULL, 'l'},
                                          {NULL, 0, NULL, 0}};
    static const char letters[] = "cpdert";
    int *fields[] = {&o.clusters, &o.pods, &o.days, &o.every, &o.runs, &o.threads};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        const char *at = c == '?' ? NULL : strchr(letters, c);
        int64_t v = 0;
        if (c == 's')
            o.url = optarg;
        else if (c == 'l')
            o.loaded = true;
        else if (!at || !gw_parse_int64(gw_str_of(optarg), &v) || v < 1 || v > 1000000)
            return 2;
        else
            *fields[at - letters] = (int)v;
    }
    if (!o.url || o.runs > RUNS_MAX || o.threads > THREADS_MAX || o.clusters > CLUSTERS_MAX ||
        o.pods < WORKLOADS) {
        fprintf(stderr,
                "usage: store-scale --store URL [--clusters N] [--pods N] [--days N] [--every N] [--runs N] "
                "[--threads N] [--loaded]\n");
        return 2;
    }
    bool pg = gw_has_prefix(o.url, "postgres");
    if (!o.loaded)
        load_all(&o);
    write_hours(&o, 1);
    if (o.threads > 1)
        write_hours(&o, o.threads);
    if (pg) {
        raw_copy(&o);
        sizes(&o);
    }
    reports(&o);
    return 0;
}
