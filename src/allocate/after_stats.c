/* The numbers of a hold in a seat of another size. after.h has the rules. */
#include "allocate/after_internal.h"

#include <math.h>

/*
 * Bins are read by their upper edge, so that is what moves; the edge of a bin that lands on an edge
 * up to rounding is that edge's.
 */
static gw_hist *hist_scale(const gw_hist *from, double weight, double value)
{
    gw_hist *to = gw_calloc(1, sizeof(*to));
    for (int i = 0; to && i < GW_HIST_BINS; i++) {
        if (from->bin[i] <= 0)
            continue;
        double edge = (double)(i + 1) * value;
        int bin = i == 0 ? 0 : (int)ceil(GW_MIN(edge, (double)GW_HIST_BINS) - 1e-6) - 1;
        to->bin[GW_MAX(0, bin)] += (float)((double)from->bin[i] * weight);
    }
    return to;
}

/* A share of the unit: integral is conserved, as far as the time allows. */
static void share_scale(gw_quantity *q, double weight, double value)
{
    q->known *= weight;
    q->integral = GW_MIN(q->integral * weight * value, q->known);
    q->peak = q->peak < 0 ? q->peak : GW_MIN(1, q->peak * value);
}

static void plain_scale(gw_quantity *q, double weight)
{
    q->known *= weight;
    q->integral *= weight;
}

static void times_scale(gw_stats *s, double weight)
{
    s->allocated *= weight;
    s->known *= weight;
    for (int i = 0; i < GW_N_COMPUTE_SIGNALS; i++)
        s->by_signal[i] *= weight;
    for (int i = 0; i < GW_N_STATES; i++)
        s->states[i] *= weight;
    s->memory_bound *= weight;
    s->memory_bound_known *= weight;
}

/* Gives `to` the histograms of `from` with their weights and values scaled; value 0: none. */
static int hists_scale(gw_stats *to, const gw_stats *from, double weight, double compute, double memory)
{
    bool has_c = from->compute_hist && compute > 0, has_m = from->memory_hist && memory > 0;
    gw_hist *c = has_c ? hist_scale(from->compute_hist, weight, compute) : NULL;
    gw_hist *m = has_m ? hist_scale(from->memory_hist, weight, memory) : NULL;
    if ((has_c && !c) || (has_m && !m)) {
        gw_free(c);
        gw_free(m);
        return GW_ENOMEM;
    }
    to->compute_hist = c;
    to->memory_hist = m;
    to->borrows = false;
    return 0;
}

int after_stats_scale(gw_stats *to, const gw_stats *from, const after_scale *s)
{
    double w = s->share, busier = 1 / s->share;
    if (w == 1 && s->memory == 1)
        return 0;
    if (hists_scale(to, from, w, busier, s->memory))
        return GW_ENOMEM;
    times_scale(to, w);
    to->used = GW_MIN(to->used, to->known);
    gw_quantity *shares[] = {&to->compute, &to->dram, &to->copy, &to->tensor};
    for (size_t i = 0; i < GW_COUNT(shares); i++)
        share_scale(shares[i], w, busier);
    if (s->memory > 0)
        share_scale(&to->memory, w, s->memory);
    else
        to->memory = (gw_quantity){.peak = -1};
    plain_scale(&to->memory_mib, w);
    plain_scale(&to->power_watts, w);
    if (to->window_mean_max > 0)
        to->window_mean_max = GW_MIN(1, to->window_mean_max * busier);
    return 0;
}

int after_stats_idle(gw_stats *to, const gw_stats *from, double allocated)
{
    double w = from->allocated > 0 ? allocated / from->allocated : 1;
    if (w >= 1) {
        double more = allocated - from->allocated;
        to->allocated = allocated;
        to->states[GW_STATE_UNKNOWN] += more;
        return 0;
    }
    if (hists_scale(to, from, w, w > 0, w > 0))
        return GW_ENOMEM;
    times_scale(to, w);
    to->used *= w;
    gw_quantity *all[] = {&to->compute, &to->dram,       &to->copy,       &to->tensor,
                          &to->memory,  &to->memory_mib, &to->power_watts};
    for (size_t i = 0; i < GW_COUNT(all); i++)
        plain_scale(all[i], w);
    return 0;
}
