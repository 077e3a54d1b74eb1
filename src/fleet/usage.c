#include "fleet/usage.h"

#define HOLDS_MAX      ((size_t)16000000)
#define CONTAINERS_MAX ((size_t)16000000)
#define XIDS_MAX       ((size_t)1000000)
#define UNKNOWNS_MAX   ((size_t)100000)

const char *gw_signal_name(gw_signal s)
{
    static const char *const names[GW_N_COMPUTE_SIGNALS] = {
        "DCGM_FI_PROF_SM_ACTIVE", "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_GPU_UTIL"};
    return names[s];
}

void gw_stats_init(gw_stats *s)
{
    *s = (gw_stats){.window_mean_max = -1};
    gw_quantity *all[] = {&s->compute, &s->memory, &s->memory_mib, &s->dram,
                          &s->copy,    &s->tensor, &s->power_watts};
    for (size_t i = 0; i < GW_COUNT(all); i++)
        all[i]->peak = -1;
}

void gw_stats_free(gw_stats *s)
{
    if (!s->borrows) {
        gw_free(s->compute_hist);
        gw_free(s->memory_hist);
    }
    gw_stats_init(s);
}

static void quantity_merge(gw_quantity *into, const gw_quantity *from)
{
    into->integral += from->integral;
    into->known += from->known;
    into->peak = GW_MAX(into->peak, from->peak);
}

static void hist_merge(gw_hist *into, const gw_hist *from)
{
    for (size_t i = 0; from && i < GW_HIST_BINS; i++)
        into->bin[i] += from->bin[i];
}

/* Histograms of its own for `into` where it has none, or borrows them, and `from` has something to add. */
static int hists_own(gw_stats *into, const gw_stats *from)
{
    bool compute =
        into->borrows ? into->compute_hist || from->compute_hist : from->compute_hist && !into->compute_hist;
    bool memory =
        into->borrows ? into->memory_hist || from->memory_hist : from->memory_hist && !into->memory_hist;
    gw_hist *c = compute ? gw_calloc(1, sizeof(*c)) : NULL, *m = memory ? gw_calloc(1, sizeof(*m)) : NULL;
    if ((compute && !c) || (memory && !m)) {
        gw_free(c);
        gw_free(m);
        return GW_ENOMEM;
    }
    if (c)
        hist_merge(c, into->compute_hist);
    if (m)
        hist_merge(m, into->memory_hist);
    into->compute_hist = c ? c : into->compute_hist;
    into->memory_hist = m ? m : into->memory_hist;
    into->borrows = false;
    return 0;
}

int gw_stats_merge(gw_stats *into, const gw_stats *from)
{
    if (hists_own(into, from))
        return GW_ENOMEM;
    hist_merge(into->compute_hist, from->compute_hist);
    hist_merge(into->memory_hist, from->memory_hist);
    into->allocated += from->allocated;
    into->known += from->known;
    into->used += from->used;
    for (int i = 0; i < GW_N_COMPUTE_SIGNALS; i++)
        into->by_signal[i] += from->by_signal[i];
    for (int i = 0; i < GW_N_STATES; i++)
        into->states[i] += from->states[i];
    into->memory_bound += from->memory_bound;
    into->memory_bound_known += from->memory_bound_known;
    quantity_merge(&into->compute, &from->compute);
    quantity_merge(&into->memory, &from->memory);
    quantity_merge(&into->memory_mib, &from->memory_mib);
    quantity_merge(&into->dram, &from->dram);
    quantity_merge(&into->copy, &from->copy);
    quantity_merge(&into->tensor, &from->tensor);
    quantity_merge(&into->power_watts, &from->power_watts);
    into->window_mean_max = GW_MAX(into->window_mean_max, from->window_mean_max);
    into->active_windows += from->active_windows;
    into->known_windows += from->known_windows;
    into->samples += from->samples;
    if (from->end_ms > from->first_ms) {
        gw_interval seen = {into->first_ms, into->end_ms};
        gw_interval_cover(&seen, from->first_ms, from->end_ms);
        into->first_ms = seen.start_ms;
        into->end_ms = seen.end_ms;
    }
    return 0;
}

double gw_hist_quantile(const gw_hist *h, double q)
{
    double total = 0, sum = 0;
    if (!h)
        return -1;
    for (size_t i = 0; i < GW_HIST_BINS; i++)
        total += (double)h->bin[i];
    if (!(total > 0))
        return -1;
    for (size_t i = 0; i < GW_HIST_BINS; i++) {
        sum += (double)h->bin[i];
        /* bin 0 holds what is exactly idle as well: a fleet that does nothing has quantile 0, not a quarter
         * per cent */
        if (sum > 0 && sum >= q * total)
            return i == 0 ? 0 : (double)(i + 1) / GW_HIST_BINS;
    }
    return 1;
}

void gw_usage_init(gw_usage *u, gw_interval window, gw_state_policy policy)
{
    *u = (gw_usage){.window = window, .policy = policy};
    gw_map_init(&u->by_hold);
    gw_map_init(&u->by_container);
}

void gw_usage_free(gw_usage *u)
{
    for (size_t i = 0; i < u->n_holds; i++)
        gw_stats_free(&u->holds[i].stats);
    for (size_t i = 0; i < u->n_units; i++)
        gw_stats_free(&u->units[i].idle);
    for (size_t i = 0; i < u->n_containers; i++)
        gw_vpa_use_free(&u->containers[i].use);
    gw_free(u->holds);
    gw_free(u->containers);
    gw_free(u->units);
    gw_free(u->node_ms);
    gw_free(u->heat);
    gw_free(u->xids);
    gw_free(u->unknowns);
    gw_map_free(&u->by_hold);
    gw_map_free(&u->by_container);
    *u = (gw_usage){0};
}

uint32_t gw_usage_hold(gw_usage *u, uint32_t unit, uint32_t pod)
{
    uint32_t pair[2] = {unit, pod};
    gw_str key = {(const char *)pair, sizeof(pair)};
    uint32_t i = gw_map_get(&u->by_hold, key);
    if (i != GW_NONE)
        return i;
    if (gw_grow((void **)&u->holds, &u->cap_holds, u->n_holds + 1, sizeof(*u->holds), HOLDS_MAX) ||
        gw_map_set(&u->by_hold, key, (uint32_t)u->n_holds))
        return GW_NONE;
    gw_hold *h = &u->holds[u->n_holds];
    *h = (gw_hold){.unit = unit, .pod = pod};
    gw_stats_init(&h->stats);
    return (uint32_t)u->n_holds++;
}

uint32_t gw_usage_container(gw_usage *u, uint32_t pod, const char *name)
{
    const void *id[2] = {(const void *)(uintptr_t)pod, name};
    gw_str key = {(const char *)id, sizeof(id)};
    uint32_t i = gw_map_get(&u->by_container, key);
    if (i != GW_NONE)
        return i;
    if (gw_grow((void **)&u->containers, &u->cap_containers, u->n_containers + 1, sizeof(*u->containers),
                CONTAINERS_MAX) ||
        gw_map_set(&u->by_container, key, (uint32_t)u->n_containers))
        return GW_NONE;
    gw_container *c = &u->containers[u->n_containers];
    *c = (gw_container){.pod = pod,
                        .name = name,
                        .cpu_request_milli = GW_UNKNOWN_COUNT,
                        .memory_request_mib = GW_UNKNOWN_COUNT,
                        .ephemeral_request_mib = GW_UNKNOWN_COUNT};
    gw_vpa_use_init(&c->use);
    return (uint32_t)u->n_containers++;
}

int gw_usage_fit(gw_usage *u, const gw_fleet *f)
{
    if (gw_grow((void **)&u->units, &u->cap_units, f->n_units, sizeof(*u->units), GW_FLEET_MAX_UNITS) ||
        gw_grow((void **)&u->heat, &u->cap_heat, f->n_gpus, sizeof(*u->heat), GW_FLEET_MAX_GPUS))
        return GW_ENOMEM;
    for (; u->n_units < f->n_units; u->n_units++) {
        u->units[u->n_units] = (gw_unit_usage){0};
        gw_stats_init(&u->units[u->n_units].idle);
    }
    if (f->n_gpus > u->n_heat)
        memset(u->heat + u->n_heat, 0, (f->n_gpus - u->n_heat) * sizeof(*u->heat));
    u->n_heat = f->n_gpus;
    return 0;
}

int gw_usage_fit_nodes(gw_usage *u, const gw_fleet *f)
{
    if (gw_grow((void **)&u->node_ms, &u->cap_nodes, f->n_nodes, sizeof(*u->node_ms), GW_FLEET_MAX_NODES))
        return GW_ENOMEM;
    for (uint32_t i = (uint32_t)u->n_nodes; i < f->n_nodes; i++)
        u->node_ms[i] = gw_usage_node_ms(u, f, i);
    u->n_nodes = f->n_nodes;
    return 0;
}

/* ---- two usages of one fleet ---- */

static int merge_holds(gw_usage *into, const gw_usage *from)
{
    for (size_t i = 0; i < from->n_holds; i++) {
        const gw_hold *x = &from->holds[i];
        uint32_t h = gw_usage_hold(into, x->unit, x->pod);
        if (h == GW_NONE)
            return GW_ENOMEM;
        gw_hold *to = &into->holds[h];
        to->how = to->stats.allocated > 0 ? GW_MIN(to->how, x->how) : x->how;
        to->shared |= x->shared;
        if (gw_stats_merge(&to->stats, &x->stats))
            return GW_ENOMEM;
    }
    return 0;
}

static int merge_units(gw_usage *into, const gw_usage *from)
{
    for (size_t i = 0; i < from->n_units; i++) {
        const gw_unit_usage *x = &from->units[i];
        gw_unit_usage *to = &into->units[i];
        if (gw_stats_merge(&to->idle, &x->idle))
            return GW_ENOMEM;
        to->unknown += x->unknown;
        to->paid += x->paid;
    }
    return 0;
}

void gw_usage_add_heat(gw_usage *u, uint32_t gpu, gw_interval window, uint32_t column, gw_heat x)
{
    int64_t whole = gw_interval_ms(u->window);
    int64_t at = window.start_ms + (int64_t)column * gw_interval_ms(window) / GW_HEAT_COLUMNS;
    if (whole <= 0)
        return;
    int64_t to = (at - u->window.start_ms) * GW_HEAT_COLUMNS / whole;
    gw_heat *h = &u->heat[gpu][GW_MAX(0, GW_MIN(to, GW_HEAT_COLUMNS - 1))];
    h->integral += x.integral;
    h->known += x.known;
}

static void merge_heat(gw_usage *into, const gw_usage *from)
{
    for (uint32_t g = 0; g < from->n_heat; g++) {
        for (uint32_t c = 0; c < GW_HEAT_COLUMNS; c++) {
            if (from->heat[g][c].known > 0)
                gw_usage_add_heat(into, g, from->window, c, from->heat[g][c]);
        }
    }
}

static int merge_node_ms(gw_usage *into, const gw_usage *from)
{
    if (gw_grow((void **)&into->node_ms, &into->cap_nodes, from->n_nodes, sizeof(*into->node_ms),
                GW_FLEET_MAX_NODES))
        return GW_ENOMEM;
    for (; into->n_nodes < from->n_nodes; into->n_nodes++)
        into->node_ms[into->n_nodes] = 0;
    for (size_t i = 0; i < from->n_nodes; i++)
        into->node_ms[i] += from->node_ms[i];
    return 0;
}

static int merge_xid(gw_usage *into, const gw_xid *x)
{
    for (size_t i = 0; i < into->n_xids; i++) {
        gw_xid *to = &into->xids[i];
        if (to->unit != x->unit || to->code != x->code)
            continue;
        to->times += x->times;
        to->first_ms = GW_MIN(to->first_ms, x->first_ms);
        to->last_ms = GW_MAX(to->last_ms, x->last_ms);
        to->pod = to->pod == GW_NONE ? x->pod : to->pod;
        return 0;
    }
    if (gw_grow((void **)&into->xids, &into->cap_xids, into->n_xids + 1, sizeof(*into->xids), XIDS_MAX))
        return GW_ENOMEM;
    into->xids[into->n_xids++] = *x;
    return 0;
}

int gw_usage_merge(gw_usage *into, const gw_usage *from, const gw_fleet *f)
{
    int rc = gw_usage_fit(into, f);
    rc = rc ? rc : merge_holds(into, from);
    rc = rc ? rc : merge_units(into, from);
    rc = rc ? rc : merge_node_ms(into, from);
    for (size_t i = 0; i < from->n_xids && !rc; i++)
        rc = merge_xid(into, &from->xids[i]);
    if (rc)
        return GW_ENOMEM;
    merge_heat(into, from);
    into->samples_total += from->samples_total;
    into->series_total += from->series_total;
    into->has_kube_state |= from->has_kube_state;
    into->has_cadvisor |= from->has_cadvisor;
    into->has_dcgm |= from->has_dcgm;
    return 0;
}

int gw_usage_note_unknown(gw_usage *u, gw_fleet *f, double gpu_ms, const char *what, const char *why)
{
    const char *a = gw_fleet_intern(f, gw_str_of(what)), *b = gw_fleet_intern(f, gw_str_of(why));
    if (!a || !b ||
        gw_grow((void **)&u->unknowns, &u->cap_unknowns, u->n_unknowns + 1, sizeof(*u->unknowns),
                UNKNOWNS_MAX))
        return GW_ENOMEM;
    u->unknowns[u->n_unknowns++] = (gw_unknown){a, b, gpu_ms};
    return 0;
}
