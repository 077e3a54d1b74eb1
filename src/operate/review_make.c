/* A review from the store: what is asked of it, for each kind. */
#include "operate/review_internal.h"
#include "operate/review_numbers.h"
#include "operate/review_period.h"

static int take_hours(gw_review *r, gw_store *s, const char *cluster, gw_error *e)
{
    gw_arena scratch;
    int64_t *now, *before;
    size_t n_now, n_before;
    gw_arena_init(&scratch, 0);
    int rc = gw_store_closed(s, cluster, r->when, &scratch, &now, &n_now, e);
    if (rc == 0)
        rc = gw_store_closed(s, cluster, r->before, &scratch, &before, &n_before, e);
    if (rc == 0)
        rc = gw_review_take_cluster(r, cluster, now, n_now, before, n_before, e);
    gw_arena_free(&scratch);
    return rc;
}

/* The clusters whose books are kept. Rows may tell of more: one gpuwise can watch several, and then the hours
 * of all of them are those of its own books. */
static int take_clusters(gw_review *r, gw_store *s, const char *only, gw_error *e)
{
    gw_arena scratch;
    const char **names;
    size_t n;
    bool known = false;
    gw_arena_init(&scratch, 0);
    int rc = gw_store_clusters(s, &scratch, &names, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++)
        known |= gw_eq(names[i], only);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (!only || !known || gw_eq(names[i], only))
            rc = take_hours(r, s, names[i], e);
    gw_arena_free(&scratch);
    return rc;
}

static int ask_for(gw_review *r, gw_store *s, const gw_query *q, gw_sums **ret, gw_error *e)
{
    if (r->n_sums == GW_COUNT(r->sums))
        return gw_fail(e, GW_EINTERNAL, "a review asks for more than %zu sums", GW_COUNT(r->sums));
    int rc = gw_store_sum(s, q, &r->sums[r->n_sums], e);
    if (rc)
        return rc;
    *ret = &r->sums[r->n_sums++];
    return 0;
}

/* A query over `when` by n dimensions. */
static gw_query query(const gw_review *r, gw_interval when, gw_step step, const gw_dim *by, size_t n)
{
    gw_query q = {.when = when, .step = step, .n_by = n};
    for (size_t i = 0; i < n; i++)
        q.by[i] = by[i];
    if (r->only_cluster) {
        q.where[0].dim = GW_DIM_CLUSTER;
        q.where[0].value = r->only_cluster;
        q.n_where = 1;
    }
    return q;
}

typedef int (*take_fn)(gw_review *r, const gw_sums *now, const gw_sums *before, gw_error *e);

static int ask_both(gw_review *r, gw_store *s, const gw_dim *by, size_t n, take_fn take, gw_error *e)
{
    gw_sums *now = NULL, *before = NULL;
    gw_query q = query(r, r->when, GW_STEP_NONE, by, n), b = query(r, r->before, GW_STEP_NONE, by, n);
    int rc = ask_for(r, s, &q, &now, e);
    if (rc == 0)
        rc = ask_for(r, s, &b, &before, e);
    return rc ? rc : take(r, now, before, e);
}

static int make_weekly(gw_review *r, gw_store *s, gw_error *e)
{
    static const gw_dim by[] = {GW_DIM_CLUSTER, GW_DIM_NAMESPACE, GW_DIM_TEAM};
    return ask_both(r, s, by, GW_COUNT(by), gw_review_take_namespaces, e);
}

static int make_biweekly(gw_review *r, gw_store *s, gw_error *e)
{
    static const gw_dim by[] = {GW_DIM_CLUSTER,       GW_DIM_NAMESPACE, GW_DIM_WORKLOAD,
                                GW_DIM_WORKLOAD_KIND, GW_DIM_TEAM,      GW_DIM_CLASS};
    gw_document *plans = NULL;
    size_t n = 0;
    int rc = ask_both(r, s, by, GW_COUNT(by), gw_review_take_workloads, e);
    if (rc == 0)
        rc = gw_store_documents(s, "plan", &r->arena, &plans, &n, e); /* one of each daemon */
    for (size_t i = 0; i < n && !rc; i++)
        rc = gw_review_take_plan(r, plans[i].body, e);
    return rc;
}

/* The dimensions after the key part nodes that have a price from those that have none: a price is of an
 * instance type, and that has one GPU model and capacity. */
static int make_trend(gw_review *r, gw_store *s, gw_error *e)
{
    static const gw_dim parted[] = {GW_DIM_GPU_MODEL, GW_DIM_CAPACITY, GW_DIM_CLUSTER},
                        by_team[] = {GW_DIM_TEAM, GW_DIM_NAMESPACE, GW_DIM_GPU_MODEL, GW_DIM_CAPACITY,
                                     GW_DIM_CLUSTER},
                        by_model[] = {GW_DIM_MODEL, GW_DIM_NAMESPACE, GW_DIM_GPU_MODEL, GW_DIM_CAPACITY,
                                      GW_DIM_CLUSTER};
    gw_interval months = {gw_period_month(r->when.end_ms - 1, 1 - GW_REVIEW_MONTHS), r->when.end_ms};
    gw_sums *hours = NULL, *sums = NULL;
    gw_query q = query(r, months, GW_STEP_MONTH, NULL, 0);
    int rc = ask_for(r, s, &q, &hours, e);
    q = query(r, months, GW_STEP_MONTH, parted, GW_COUNT(parted));
    rc = rc ? rc : ask_for(r, s, &q, &sums, e);
    rc = rc ? rc : gw_review_take_months(r, hours, sums, e);
    q = query(r, months, GW_STEP_MONTH, by_team, GW_COUNT(by_team));
    rc = rc ? rc : ask_for(r, s, &q, &sums, e);
    rc = rc ? rc : gw_review_take_units(r, sums, GW_DIM_TEAM, e);
    q = query(r, months, GW_STEP_MONTH, by_model, GW_COUNT(by_model));
    rc = rc ? rc : ask_for(r, s, &q, &sums, e);
    return rc ? rc : gw_review_take_units(r, sums, GW_DIM_MODEL, e);
}

static int make_monthly(gw_review *r, gw_store *s, const gw_review_options *o, gw_error *e)
{
    gw_sums *sums = NULL;
    gw_correction *c = NULL;
    size_t n_c = 0;
    gw_query q = gw_spot_query(r->when, r->only_cluster);
    int rc = make_weekly(r, s, e);
    if (rc == 0)
        rc = ask_for(r, s, &q, &sums, e);
    if (rc)
        return rc;
    gw_spot_make(sums, o->spot, &r->spot);
    rc = make_trend(r, s, e);
    q = gw_statements_query(r->when, r->only_cluster);
    if (rc == 0)
        rc = ask_for(r, s, &q, &sums, e);
    if (rc == 0)
        rc = gw_store_corrections(s, r->only_cluster, r->when, GW_CORRECTIONS_MAX, &r->arena, &c, &n_c, e);
    /* a budget is of a calendar month */
    bool whole = r->when.start_ms == gw_period_month(r->when.start_ms, 0) &&
                 r->when.end_ms == gw_period_month(r->when.start_ms, 1);
    return rc ? rc
              : gw_statements_make(sums, c, n_c, o->budgets, whole ? o->n_budgets : 0, &r->arena,
                                   &r->statements, e);
}

static int check_period(gw_interval when, gw_error *e)
{
    char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    if (gw_interval_ms(when) <= 0 || when.start_ms % GW_HOUR_MS || when.end_ms % GW_HOUR_MS)
        return gw_fail(e, GW_EWINDOW, "a review is of whole hours, and %s to %s is not; write full hours",
                       gw_time_format(when.start_ms, from), gw_time_format(when.end_ms, to));
    if (gw_interval_ms(when) > GW_REVIEW_PERIOD_MAX_MS)
        return gw_fail(e, GW_EWINDOW, "a review is of at most %d days, and %s to %s is longer",
                       (int)(GW_REVIEW_PERIOD_MAX_MS / GW_DAY_MS), gw_time_format(when.start_ms, from),
                       gw_time_format(when.end_ms, to));
    return 0;
}

static int fill(gw_review *r, gw_store *s, const gw_review_options *o, gw_error *e)
{
    char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    if (o->cluster && !(r->only_cluster = gw_arena_strdup(&r->arena, o->cluster)))
        return gw_fail_memory(e);
    int rc = take_clusters(r, s, o->cluster, e);
    if (rc)
        return rc;
    if (r->closed == 0)
        return gw_fail(
            e, GW_ENODATA,
            "no hour from %s to %s is in %s; run `gpuwise serve` with that store, or choose another period "
            "with --from and --to",
            gw_time_format(r->when.start_ms, from), gw_time_format(r->when.end_ms, to), gw_store_describe(s));
    switch (r->kind) {
    case GW_REVIEW_WEEKLY:
        return make_weekly(r, s, e);
    case GW_REVIEW_BIWEEKLY:
        return make_biweekly(r, s, e);
    default:
        return make_monthly(r, s, o, e);
    }
}

int gw_review_make(gw_store *s, const gw_review_options *o, gw_review *ret, gw_error *e)
{
    gw_review r;
    gw_interval when = o->when;
    if (when.start_ms == 0 && when.end_ms == 0)
        when = gw_review_period(o->kind, o->now_ms);
    int rc = check_period(when, e);
    if (rc)
        return rc;
    gw_review_init(&r, o->kind, when);
    rc = fill(&r, s, o, e);
    if (rc) {
        gw_review_free(&r);
        return rc;
    }
    *ret = r;
    return 0;
}
