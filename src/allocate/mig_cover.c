#include "allocate/mig_cover.h"

/* Rates are sums of products of decimals with three places. */
#define ROUNDING 1e-9

static bool enough(double given, double rate)
{
    return given >= rate - ROUNDING * rate;
}

static double given_by(const gw_mig_demand *d, const gw_mig_set *s)
{
    double sum = 0;
    for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++)
        sum += s->n[p] * d->gives[p];
    return sum;
}

bool gw_mig_covers(const gw_mig_demand *d, const gw_mig_set *s)
{
    return enough(given_by(d, s), d->rate);
}

int gw_mig_cover_table_new(gw_arena *a, gw_mig_cover_table *ret, gw_error *e)
{
    gw_mig_cover_table t = {.cap = (size_t)GW_MIG_SLICES_MAX * GW_MIG_COVER_WEIGHT_MAX + 1};
    t.best = GW_NEW_ARRAY(a, double, t.cap);
    t.profile = GW_NEW_ARRAY(a, int8_t, t.cap);
    if (!t.best || !t.profile)
        return gw_fail_memory(e);
    *ret = t;
    return 0;
}

/* Takes away or makes smaller what the cover does not need, the largest slices first. */
static void trim(const gw_mig_weights *w, const gw_mig_demand *d, gw_mig_set *s)
{
    for (size_t p = GW_MIG_PROFILES_MAX; p-- > 0;) {
        while (s->n[p] > 0) {
            s->n[p]--;
            if (gw_mig_covers(d, s))
                continue;
            size_t q = 0; /* tables list smaller slices first */
            for (; q < p; q++) {
                if (d->gives[q] <= 0 || w->of[q] > w->of[p])
                    continue;
                s->n[q]++;
                if (gw_mig_covers(d, s))
                    break;
                s->n[q]--;
            }
            if (q == p) {
                s->n[p]++;
                break;
            }
        }
    }
}

/* A slice that weighs nothing covers for nothing. */
static bool cover_free(const gw_mig_weights *w, const gw_mig_demand *d, gw_mig_set *ret)
{
    for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++) {
        if (d->gives[p] <= 0 || w->of[p] != 0)
            continue;
        double n = d->rate / d->gives[p];
        if (n > GW_MIG_SLICES_MAX)
            continue;
        memset(ret, 0, sizeof(*ret));
        while (!gw_mig_covers(d, ret))
            ret->n[p]++;
        return true;
    }
    return false;
}

int64_t gw_mig_cover_lightest(const gw_mig_weights *w, const gw_mig_demand *d, gw_mig_cover_table *t,
                              gw_mig_set *ret)
{
    if (cover_free(w, d, ret))
        return 0;
    t->best[0] = 0;
    size_t at = 0;
    while (!enough(t->best[at], d->rate)) {
        if (++at == t->cap)
            return -1;
        t->best[at] = t->best[at - 1];
        t->profile[at] = GW_MIG_NONE;
        for (size_t p = GW_MIG_PROFILES_MAX; p-- > 0;) {
            if (d->gives[p] <= 0 || w->of[p] <= 0 || (size_t)w->of[p] > at)
                continue;
            double sum = t->best[at - (size_t)w->of[p]] + d->gives[p];
            if (sum > t->best[at]) {
                t->best[at] = sum;
                t->profile[at] = (int8_t)p;
            }
        }
    }
    memset(ret, 0, sizeof(*ret));
    int slices = 0;
    for (size_t i = at; i > 0;) {
        int p = t->profile[i];
        if (p == GW_MIG_NONE) {
            i--;
            continue;
        }
        ret->n[p]++;
        i -= (size_t)w->of[p];
        if (++slices > GW_MIG_SLICES_MAX)
            return -1;
    }
    trim(w, d, ret);
    return (int64_t)at;
}

/* ---- all minimal covers ---- */

typedef struct enumeration {
    const gw_mig_demand *d;
    gw_mig_set *out;
    size_t cap, n, visited;
} enumeration;

#define VISITS_PER_COVER 64 /* so that looking for few covers among very many sets comes to an end */

static bool is_minimal(const gw_mig_demand *d, gw_mig_set *s)
{
    for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++) {
        if (s->n[p] == 0)
            continue;
        s->n[p]--;
        bool without = gw_mig_covers(d, s);
        s->n[p]++;
        if (without)
            return false;
    }
    return true;
}

static void enumerate(enumeration *k, size_t p, gw_mig_set *s)
{
    if (k->visited++ > k->cap * VISITS_PER_COVER)
        k->n = k->cap + 1;
    if (k->n > k->cap)
        return;
    if (gw_mig_covers(k->d, s)) {
        if (!is_minimal(k->d, s))
            return;
        if (k->n < k->cap)
            k->out[k->n] = *s;
        k->n++;
        return;
    }
    while (p < GW_MIG_PROFILES_MAX && k->d->gives[p] <= 0)
        p++;
    if (p == GW_MIG_PROFILES_MAX)
        return;
    int slices = gw_mig_set_count(s);
    for (int n = 0; n + slices <= GW_MIG_SLICES_MAX; n++) {
        s->n[p] = n;
        enumerate(k, p + 1, s);
        if (gw_mig_covers(k->d, s) || k->n > k->cap)
            break;
    }
    s->n[p] = 0;
}

size_t gw_mig_covers_minimal(const gw_mig_demand *d, gw_mig_set *out, size_t cap)
{
    enumeration k = {d, out, cap, 0, 0};
    gw_mig_set s = {{0}};
    enumerate(&k, 0, &s);
    return k.n;
}
