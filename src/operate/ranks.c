#include "operate/ranks.h"

#include <math.h>

#define PRIOR_N    3.0
#define PRIOR_MEAN 0.3 /* of log(x/u): moments of order 1/0.3 exist, as costs and loads have them */
#define EXCEED_MIN 5
#define P_MIN      1e-300

size_t gw_ranks_below(const gw_ranks *r, float x)
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (r->v[mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void gw_ranks_insert(gw_ranks *r, float x)
{
    size_t at = gw_ranks_below(r, x);
    memmove(r->v + at + 1, r->v + at, (r->n - at) * sizeof(*r->v));
    r->v[at] = x;
    r->n++;
}

void gw_ranks_remove(gw_ranks *r, float x)
{
    size_t at = gw_ranks_below(r, x);
    if (at == r->n)
        return;
    r->n--;
    memmove(r->v + at, r->v + at + 1, (r->n - at) * sizeof(*r->v));
}

double gw_ranks_quantile(const gw_ranks *r, double q)
{
    if (r->n == 0)
        return NAN;
    double place = q * (double)(r->n - 1);
    size_t low = (size_t)place, high = GW_MIN(low + 1, r->n - 1);
    double a = (double)r->v[low], b = (double)r->v[high];
    return a + (b - a) * (place - (double)low);
}

double gw_ranks_tail(const gw_ranks *r, double x)
{
    size_t exceed = (size_t)ceil(GW_RANKS_TAIL * (double)r->n);
    exceed = GW_MIN(GW_MAX(exceed, (size_t)EXCEED_MIN), r->n);
    if (exceed == 0)
        return 1;
    double n1 = (double)r->n + 1, u = (double)r->v[r->n - exceed];
    if (x <= u || u <= 0)
        return (double)(r->n - gw_ranks_below(r, (float)x) + 1) / n1;
    double sum = PRIOR_N * PRIOR_MEAN;
    for (size_t i = r->n - exceed; i < r->n; i++)
        sum += log((double)r->v[i] / u);
    double exponent = ((double)exceed + PRIOR_N) / sum;
    return GW_MAX((double)(exceed + 1) / n1 * pow(x / u, -exponent), P_MIN);
}
