#include "fleet/vpa.h"

#include <math.h>

#include "base/mem.h"

#define GROWTH 0.05 /* each bucket is wider than the one before by this share */

#define TARGET_PERCENTILE 0.90
#define LOWER_PERCENTILE  0.50
#define UPPER_PERCENTILE  0.95
#define SAFETY_MARGIN     0.15
#define LOWER_MULTIPLIER  0.001
#define LOWER_EXPONENT    (-2.0)

#define SAMPLES_A_DAY 1440.0

#define OOM_BUMP_RATIO   1.2
#define OOM_BUMP_MIN_MIB 100.0

/* A float holds 2^127: with this many half-lives ahead of the reference there is room for 2^67 samples. */
#define EXPONENT_MAX 60

double gw_vpa_after_oom(double used_mib)
{
    return GW_MAX(used_mib + OOM_BUMP_MIN_MIB, used_mib * OOM_BUMP_RATIO);
}

int gw_vpa_bucket(double value, double first)
{
    if (!(value >= first))
        return 0;
    double n = log(value / first * GROWTH + 1) / log(1 + GROWTH);
    return n >= GW_VPA_BUCKETS - 1 ? GW_VPA_BUCKETS - 1 : (int)n;
}

double gw_vpa_bucket_start(int bucket, double first)
{
    return first * (pow(1 + GROWTH, bucket) - 1) / GROWTH;
}

void gw_vpa_hist_init(gw_vpa_hist *h)
{
    *h = (gw_vpa_hist){.peak = -1};
}

void gw_vpa_hist_free(gw_vpa_hist *h)
{
    gw_free(h->weight);
    gw_vpa_hist_init(h);
}

static int64_t reference_of(int64_t t_ms)
{
    int64_t past = t_ms % GW_VPA_HALF_LIFE_MS;
    return t_ms - (past < 0 ? past + GW_VPA_HALF_LIFE_MS : past);
}

/* References are multiples of the half-life, so that moving one is a multiplication by a power of two. */
static void move_reference(gw_vpa_hist *h, int64_t ref_ms)
{
    int64_t by = (h->ref_ms - ref_ms) / GW_VPA_HALF_LIFE_MS;
    for (int i = 0; i < GW_VPA_BUCKETS && by; i++)
        h->weight[i] = ldexpf(h->weight[i], (int)GW_MAX(by, -1000));
    h->ref_ms = ref_ms;
}

static bool is_empty(const gw_vpa_hist *h)
{
    return h->peak < 0;
}

static int make_room(gw_vpa_hist *h)
{
    if (!h->weight)
        h->weight = gw_calloc(GW_VPA_BUCKETS, sizeof(*h->weight));
    return h->weight ? 0 : GW_ENOMEM;
}

int gw_vpa_hist_add(gw_vpa_hist *h, double first, double value, double weight, int64_t t_ms)
{
    if (make_room(h))
        return GW_ENOMEM;
    if (is_empty(h))
        h->ref_ms = reference_of(t_ms);
    else if (t_ms - h->ref_ms > EXPONENT_MAX * GW_VPA_HALF_LIFE_MS)
        move_reference(h, reference_of(t_ms));
    double decay = exp2((double)(t_ms - h->ref_ms) / (double)GW_VPA_HALF_LIFE_MS);
    h->weight[gw_vpa_bucket(value, first)] += (float)(weight * decay);
    h->peak = GW_MAX(h->peak, value);
    return 0;
}

int gw_vpa_hist_merge(gw_vpa_hist *into, const gw_vpa_hist *from)
{
    if (is_empty(from))
        return 0;
    if (make_room(into))
        return GW_ENOMEM;
    if (is_empty(into))
        into->ref_ms = from->ref_ms;
    else if (from->ref_ms > into->ref_ms)
        move_reference(into, from->ref_ms);
    int64_t by = (from->ref_ms - into->ref_ms) / GW_VPA_HALF_LIFE_MS; /* <= 0 */
    for (int i = 0; i < GW_VPA_BUCKETS; i++)
        into->weight[i] += ldexpf(from->weight[i], (int)GW_MAX(by, -1000));
    into->peak = GW_MAX(into->peak, from->peak);
    return 0;
}

double gw_vpa_hist_percentile(const gw_vpa_hist *h, double first, double q)
{
    double total = 0, sum = 0;
    int last = -1;
    for (int i = 0; i < GW_VPA_BUCKETS && !is_empty(h); i++) {
        total += (double)h->weight[i];
        last = h->weight[i] > 0 ? i : last;
    }
    if (last < 0)
        return -1;
    int at = 0;
    for (; at < last; at++) {
        sum += (double)h->weight[at];
        if (sum > 0 && sum >= q * total)
            break;
    }
    return gw_vpa_bucket_start(GW_MIN(at + 1, GW_VPA_BUCKETS - 1), first);
}

void gw_vpa_peaks_init(gw_vpa_peaks *p)
{
    *p = (gw_vpa_peaks){.open = -1};
    gw_vpa_hist_init(&p->ended);
}

void gw_vpa_peaks_free(gw_vpa_peaks *p)
{
    gw_vpa_hist_free(&p->ended);
    gw_vpa_peaks_init(p);
}

int gw_vpa_peaks_add(gw_vpa_peaks *p, double first, double value, int64_t end_ms)
{
    if (end_ms == p->end_ms) {
        p->open = GW_MAX(p->open, value);
        return 0;
    }
    if (end_ms < p->end_ms)
        return gw_vpa_hist_add(&p->ended, first, value, 1, end_ms);
    if (p->end_ms > 0 && gw_vpa_hist_add(&p->ended, first, p->open, 1, p->end_ms))
        return GW_ENOMEM;
    p->end_ms = end_ms;
    p->open = value;
    return 0;
}

int gw_vpa_peaks_into(gw_vpa_hist *into, const gw_vpa_peaks *p, double first)
{
    int rc = gw_vpa_hist_merge(into, &p->ended);
    if (!rc && p->end_ms > 0)
        rc = gw_vpa_hist_add(into, first, p->open, 1, p->end_ms);
    return rc;
}

bool gw_vpa_peaks_known(const gw_vpa_peaks *p)
{
    return p->end_ms > 0;
}

double gw_vpa_peaks_max(const gw_vpa_peaks *p)
{
    return GW_MAX(p->open, p->ended.peak);
}

void gw_vpa_use_init(gw_vpa_use *u)
{
    *u = (gw_vpa_use){0};
    gw_vpa_hist_init(&u->cpu);
    gw_vpa_peaks_init(&u->memory);
    gw_vpa_peaks_init(&u->disk);
}

void gw_vpa_use_free(gw_vpa_use *u)
{
    gw_vpa_hist_free(&u->cpu);
    gw_vpa_peaks_free(&u->memory);
    gw_vpa_peaks_free(&u->disk);
    gw_vpa_use_init(u);
}

double gw_vpa_confidence(int64_t first_ms, int64_t last_ms, double samples)
{
    double days = (double)(last_ms - first_ms) / (double)GW_DAY_MS;
    return GW_MAX(0, GW_MIN(days, samples / SAMPLES_A_DAY));
}

gw_vpa_range gw_vpa_estimate(const gw_vpa_hist *h, double first, double confidence, double floor)
{
    double target = gw_vpa_hist_percentile(h, first, TARGET_PERCENTILE);
    if (target < 0)
        return (gw_vpa_range){-1, -1, -1};
    const double margin = 1 + SAFETY_MARGIN;
    double lower = gw_vpa_hist_percentile(h, first, LOWER_PERCENTILE) * margin,
           upper = gw_vpa_hist_percentile(h, first, UPPER_PERCENTILE) * margin;
    lower *= confidence > 0 ? pow(1 + LOWER_MULTIPLIER / confidence, LOWER_EXPONENT) : 0;
    upper = confidence > 0 ? upper * (1 + 1 / confidence) : (double)INFINITY;
    return (gw_vpa_range){GW_MAX(target * margin, floor), GW_MAX(lower, floor), GW_MAX(upper, floor)};
}
