/*
 * What is true of the sample fleet, worked out from the definitions of its pods (lifetimes and load
 * functions) on the simplest path: no series, no scrapes, no fold. End-to-end tests compare reports with it.
 * Header-only: every test program is one file.
 */
#ifndef GW_TESTS_UNIT_OBSERVE_DEMO_TRUTH_H
#define GW_TESTS_UNIT_OBSERVE_DEMO_TRUTH_H

#include "fleet/usage.h"
#include "observe/demo_fleet.h"

typedef struct gw_demo_truth {
    size_t pods;           /* of the workload that live in the window and hold a GPU */
    double held_gpu_hours; /* within the window; MIG by compute slices / 7, shared GPUs by 1 / replicas */
    double used_gpu_hours; /* integral of the compute signal over that; < 0 where a unit is shared, since
                              which pod uses how much of a shared device is no fact of the telemetry */
    gw_signal signal;      /* the best one that its exporter gives for the whole window */
} gw_demo_truth;

#define TRUTH_STEP_MS (10 * GW_SECOND_MS) /* midpoint rule; the fastest thing in the loads lasts a minute */

static inline double truth_weight(const demo_unit *u)
{
    return u->mig_profile ? (u->mig_profile[0] - '0') / 7.0 : 1.0; /* A100: seven compute slices */
}

static inline double truth_ratio(const demo_fleet *f, const demo_pod *p, gw_signal *ret)
{
    unsigned flags = f->nodes[p->node].row->flags;
    *ret = flags & DEMO_NODE_SM_ACTIVE ? GW_SIGNAL_SM_ACTIVE
           : flags & DEMO_NODE_NO_PROF ? GW_SIGNAL_GPU_UTIL
                                       : GW_SIGNAL_GR_ENGINE_ACTIVE;
    return *ret == GW_SIGNAL_SM_ACTIVE  ? 1
           : *ret == GW_SIGNAL_GPU_UTIL ? p->work->load.util
                                        : p->work->load.gr;
}

/* Hours of signal × weight of one pod on one unit. */
static inline double truth_used(const demo_pod *p, const demo_unit *u, gw_interval held, double ratio)
{
    double sum = 0;
    for (int64_t t = held.start_ms; t < held.end_ms; t += TRUTH_STEP_MS) {
        int64_t step = GW_MIN(TRUTH_STEP_MS, held.end_ms - t), mid = t + step / 2;
        double v = mid < p->busy_until_ms
                       ? ratio * demo_load_at(&p->work->load, demo_pod_seed(p, u), p->life.start_ms, mid)
                       : 0;
        sum += GW_MIN(v, 1) * (double)step;
    }
    return sum / (double)GW_HOUR_MS * truth_weight(u);
}

/* Sums over the pods of one workload ("vit-pretrain" of "research"). 0, or what demo_fleet_init says. */
static inline int gw_demo_truth_of(const gw_demo_options *o, const char *ns, const char *workload,
                                   gw_demo_truth *ret, gw_error *e)
{
    demo_fleet f;
    int rc = demo_fleet_init(&f, o, e);
    if (rc)
        return rc;
    *ret = (gw_demo_truth){0};
    for (size_t i = 0; i < f.n_pods; i++) {
        const demo_pod *p = &f.pods[i];
        gw_interval held = gw_interval_cut(p->life, o->window);
        if (p->node == GW_NONE || !p->units || gw_interval_ms(held) == 0 || !gw_eq(p->work->ns, ns) ||
            !gw_eq(p->work->name, workload))
            continue;
        const demo_node *n = &f.nodes[p->node];
        double ratio = truth_ratio(&f, p, &ret->signal);
        ret->pods++;
        for (uint32_t k = 0; k < n->n_units; k++) {
            const demo_unit *u = &f.units[n->first_unit + k];
            if (!(p->units >> k & 1))
                continue;
            ret->held_gpu_hours +=
                (double)gw_interval_ms(held) / (double)GW_HOUR_MS * truth_weight(u) / n->row->replicas;
            if (n->row->replicas > 1)
                ret->used_gpu_hours = -1;
            else if (ret->used_gpu_hours >= 0)
                ret->used_gpu_hours += truth_used(p, u, held, ratio);
        }
    }
    demo_fleet_free(&f);
    return 0;
}

#endif
