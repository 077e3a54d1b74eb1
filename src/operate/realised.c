/* The arithmetic: two sides of a comparison → what was saved, or why nobody knows. */
#include "operate/realised.h"

#include <math.h>

const int gw_realised_days[GW_REALISED_CHECKS] = {1, 7, 30};

#define MONTH_MS ((int64_t)(GW_MONTH_HOURS * 3600000.0))

/* Money of so many hours as money of one, rounded half away from zero. */
static gw_micro rate(gw_micro sum, uint32_t hours)
{
    gw_micro half = hours / 2;
    return (sum + (sum < 0 ? -half : half)) / (gw_micro)hours;
}

static bool hours_known(const gw_realised_side *s, const char *which, gw_realised *r)
{
    if (s->expected > 0 && s->hours > 0 && (double)s->hours >= GW_REALISED_HOURS_LEAST * (double)s->expected)
        return true;
    snprintf(r->note, sizeof(r->note), "%" PRIu32 " of %" PRIu32 " hours %s are not in the store",
             s->expected - GW_MIN(s->hours, s->expected), s->expected, which);
    return false;
}

static bool priced(const gw_realised_side *s, const char *which, gw_realised *r)
{
    int64_t ms = GW_MAX(0, s->held.unpriced_ms) + GW_MAX(0, s->rest.unpriced_ms);
    if (ms == 0)
        return true;
    snprintf(r->note, sizeof(r->note), "%.1f GPU-hours of its scope %s have no price", gw_measures_hours(ms),
             which);
    return false;
}

static bool use_known(const gw_realised_side *s, const char *which, gw_realised *r)
{
    double unknown = gw_measures_unknown_share(&s->held);
    if (unknown <= 1 - GW_REALISED_KNOWN_LEAST) /* negative: nothing was held */
        return true;
    snprintf(r->note, sizeof(r->note), "no use was measured of %.0f %% of the time that pods held %s",
             100 * unknown, which);
    return false;
}

/* How much more, or less, the scope worked. */
static void set_factor(const gw_realised_side *b, const gw_realised_side *a, gw_realised *r)
{
    double before = (double)b->held.used_ms / b->hours, after = (double)a->held.used_ms / a->hours;
    r->demand_factor = 1;
    if (b->held.allocated_ms <= 0) {
        snprintf(r->note, sizeof(r->note), "no pod held its GPUs before, so demand does not enter");
        return;
    }
    if (before <= 0) {
        snprintf(r->note, sizeof(r->note), "nothing was used before, so demand is not corrected for");
        return;
    }
    double factor = after / before;
    r->demand_factor = GW_MIN(GW_MAX(factor, GW_REALISED_FACTOR_MIN), GW_REALISED_FACTOR_MAX);
    r->bounded = r->demand_factor != factor;
    if (r->bounded)
        snprintf(r->note, sizeof(r->note), "use changed by a factor of %.2f; %.1f was applied", factor,
                 r->demand_factor);
}

void gw_realised_compare(const gw_realised_side *before, const gw_realised_side *after, gw_realised *ret)
{
    gw_realised r = {.baseline = GW_MICRO_UNKNOWN,
                     .actual = GW_MICRO_UNKNOWN,
                     .expected = GW_MICRO_UNKNOWN,
                     .monthly = GW_MICRO_UNKNOWN,
                     .monthly_plain = GW_MICRO_UNKNOWN,
                     .demand_factor = -1};
    if (hours_known(before, "before it was accepted", &r) &&
        hours_known(after, "since it was accepted", &r) && priced(before, "before", &r) &&
        priced(after, "since", &r) && use_known(before, "before", &r) && use_known(after, "since", &r)) {
        gw_micro held = rate(before->held.bill, before->hours), rest = rate(before->rest.bill, before->hours);
        r.known = true;
        set_factor(before, after, &r);
        r.baseline = held + rest;
        r.actual = rate(after->held.bill, after->hours) + rate(after->rest.bill, after->hours);
        r.expected = (gw_micro)llround((double)held * r.demand_factor) + rest;
        r.monthly = gw_micro_for(r.expected - r.actual, MONTH_MS);
        r.monthly_plain = gw_micro_for(r.baseline - r.actual, MONTH_MS);
    }
    *ret = r;
}
