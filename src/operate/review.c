#include "operate/review.h"

#include "operate/review_internal.h"
#include "operate/review_numbers.h"
#include "operate/review_period.h"

static const char *const kinds[GW_N_REVIEW_KINDS] = {"weekly", "biweekly", "monthly"};

const char *gw_review_kind_name(gw_review_kind k)
{
    return (unsigned)k < GW_N_REVIEW_KINDS ? kinds[k] : NULL;
}

gw_review_kind gw_review_kind_find(gw_str name)
{
    for (unsigned k = 0; k < GW_N_REVIEW_KINDS; k++)
        if (gw_str_is(name, kinds[k]))
            return (gw_review_kind)k;
    return gw_str_is(name, "fortnightly") ? GW_REVIEW_BIWEEKLY : GW_N_REVIEW_KINDS;
}

gw_interval gw_review_period(gw_review_kind k, int64_t now_ms)
{
    if (k == GW_REVIEW_MONTHLY)
        return (gw_interval){gw_period_month(now_ms, -1), gw_period_month(now_ms, 0)};
    int64_t end = gw_period_week(now_ms);
    return (gw_interval){end - (k == GW_REVIEW_WEEKLY ? 7 : 14) * GW_DAY_MS, end};
}

/* As long before; for a calendar month the month before, which is not as long. */
static gw_interval period_before(gw_review_kind k, gw_interval when)
{
    if (k == GW_REVIEW_MONTHLY && when.start_ms == gw_period_month(when.start_ms, 0) &&
        when.end_ms == gw_period_month(when.start_ms, 1))
        return (gw_interval){gw_period_month(when.start_ms, -1), when.start_ms};
    return (gw_interval){when.start_ms - gw_interval_ms(when), when.start_ms};
}

static const char *const verdicts[] = {
    [GW_VERDICT_UNKNOWN] = "unknown",       [GW_VERDICT_LOW] = "low",
    [GW_VERDICT_OVERPAYING] = "overpaying", [GW_VERDICT_BELOW] = "below-target",
    [GW_VERDICT_TARGET] = "on-target",      [GW_VERDICT_ABOVE] = "above-target",
    [GW_VERDICT_QUEUEING] = "queueing",
};

const char *gw_review_verdict_name(gw_review_verdict v)
{
    return (unsigned)v < GW_COUNT(verdicts) ? verdicts[v] : NULL;
}

gw_review_verdict gw_review_judge(const gw_measures *m)
{
    double use = gw_measures_utilisation(m), unknown = gw_measures_unknown_share(m);
    if (use < 0 || unknown < 0 || unknown > 1 - GW_REVIEW_KNOWN_LEAST)
        return GW_VERDICT_UNKNOWN;
    return use < GW_REVIEW_LOW ? GW_VERDICT_LOW
           : use < 0.50        ? GW_VERDICT_OVERPAYING
           : use < 0.70        ? GW_VERDICT_BELOW
           : use <= 0.85       ? GW_VERDICT_TARGET
           : use <= 0.90       ? GW_VERDICT_ABOVE
                               : GW_VERDICT_QUEUEING;
}

void gw_review_init(gw_review *r, gw_review_kind kind, gw_interval when)
{
    *r = (gw_review){.kind = kind, .when = when, .before = period_before(kind, when), .comparable = true};
    gw_arena_init(&r->arena, 0);
}

void gw_review_free(gw_review *r)
{
    for (size_t i = 0; i < r->n_sums; i++)
        gw_sums_free(&r->sums[i]);
    gw_free(r->clusters);
    gw_free(r->namespaces);
    gw_free(r->workloads);
    gw_free(r->units);
    gw_arena_free(&r->arena);
    *r = (gw_review){0};
}

int gw_review_add(void **items, size_t *n, size_t size, size_t max, gw_error *e)
{
    /* there is room up to the next power of two, so that no capacity needs to be kept beside the count */
    size_t cap = *n;
    if ((*n & (*n - 1)) == 0) {
        int rc = gw_grow(items, &cap, *n ? *n * 2 : 1, size, max);
        if (rc == GW_ELIMIT)
            return gw_fail(e, rc, "the review has more than %zu rows; choose a cluster or a shorter period",
                           max);
        if (rc)
            return gw_fail_memory(e);
    }
    ++*n;
    return 0;
}

static bool enough(uint32_t there, uint32_t expected)
{
    return expected > 0 && (double)there >= GW_REVIEW_HOURS_LEAST * (double)expected;
}

int gw_review_take_cluster(gw_review *r, const char *name, const int64_t *closed, size_t n,
                           const int64_t *before, size_t n_before, gw_error *e)
{
    gw_interval unused[1];
    size_t gaps_before;
    gw_review_cluster c = {.name = gw_arena_strdup(&r->arena, name),
                           .missing = GW_NEW_ARRAY(&r->arena, gw_interval, GW_REVIEW_GAPS_MAX),
                           .expected = (uint32_t)(gw_interval_ms(r->when) / GW_HOUR_MS),
                           .expected_before = (uint32_t)(gw_interval_ms(r->before) / GW_HOUR_MS)};
    if (!c.name || !c.missing)
        return gw_fail_memory(e);
    c.closed = gw_period_gaps(r->when, closed, n, c.missing, GW_REVIEW_GAPS_MAX, &c.n_missing);
    c.closed_before = gw_period_gaps(r->before, before, n_before, unused, 1, &gaps_before);
    int rc = gw_review_add((void **)&r->clusters, &r->n_clusters, sizeof(c), GW_REVIEW_ROWS_MAX, e);
    if (rc)
        return rc;
    r->clusters[r->n_clusters - 1] = c;
    r->expected += c.expected;
    r->closed += c.closed;
    r->comparable &= enough(c.closed, c.expected) && enough(c.closed_before, c.expected_before);
    return 0;
}
