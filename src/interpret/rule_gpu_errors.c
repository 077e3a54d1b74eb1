/*
 * gpu-errors: XID codes that the driver reported. What a program caused is one finding per workload and code,
 * everything else one per node and code. Where the GPU must be reset or replaced, the cost is that of the
 * GPUs which cannot be relied on; elsewhere there is no amount to name.
 */
#include "interpret/judge.h"
#include "interpret/xid.h"

/* By how often NVIDIA's catalog names another cause for the code. */
#define SURE_HARDWARE    0.9
#define SURE_APPLICATION 0.8
#define SURE_UNLISTED    0.5

typedef struct event {
    uint32_t at; /* index into usage->xids */
    int32_t code;
    bool of_workload;
    uint32_t subject; /* workload, or node (GW_NONE: unknown) */
} event;

static int by_subject(const void *a, const void *b)
{
    const event *x = a, *y = b;
    if (x->of_workload != y->of_workload)
        return x->of_workload ? 1 : -1;
    if (x->subject != y->subject)
        return x->subject < y->subject ? -1 : 1;
    if (x->code != y->code)
        return x->code < y->code ? -1 : 1;
    return x->at < y->at ? -1 : 1; /* no two are equal: the order is total */
}

static event event_of(const gw_judge *j, uint32_t at)
{
    const gw_xid *x = &j->usage->xids[at];
    const gw_xid_meaning *m = gw_xid_look_up(x->code);
    uint32_t slot = x->pod < j->fleet->n_pods ? j->slot[x->pod] : GW_NONE;
    if (slot != GW_NONE && (m->cause == GW_XID_APPLICATION || x->code == 45))
        return (event){at, x->code, true, j->pods[slot].workload};
    uint32_t node = x->unit < j->fleet->n_units ? j->fleet->units[x->unit].node : GW_NONE;
    return (event){at, x->code, false, node};
}

/* A GPU, for the slices of which events are counted once. */
typedef struct board {
    gw_cost cost;  /* all that was booked on it, held or not */
    uint32_t mark; /* the group that counted it last */
} board;

typedef struct group {
    uint32_t n_gpus, times;
    uint32_t gpu; /* the first */
    int64_t first_ms, last_ms;
    gw_cost cost;
} group;

static group gather(const gw_judge *j, const event *ev, size_t n, board *boards, uint32_t mark)
{
    group g = {.gpu = GW_NONE, .first_ms = INT64_MAX, .last_ms = INT64_MIN};
    for (size_t i = 0; i < n; i++) {
        const gw_xid *x = &j->usage->xids[ev[i].at];
        g.times += x->times;
        g.first_ms = GW_MIN(g.first_ms, x->first_ms);
        g.last_ms = GW_MAX(g.last_ms, x->last_ms);
        uint32_t gpu = x->unit < j->fleet->n_units ? j->fleet->units[x->unit].gpu : GW_NONE;
        if (gpu >= j->fleet->n_gpus || boards[gpu].mark == mark)
            continue;
        boards[gpu].mark = mark;
        if (g.n_gpus++ == 0)
            g.gpu = gpu;
        gw_cost_add(&g.cost, &boards[gpu].cost);
    }
    return g;
}

static double sureness(const gw_xid_meaning *m)
{
    return m->cause == GW_XID_UNLISTED      ? SURE_UNLISTED
           : m->cause == GW_XID_APPLICATION ? SURE_APPLICATION
                                            : SURE_HARDWARE;
}

static int tell(gw_judge *j, const event *ev, size_t n, board *boards, uint32_t mark)
{
    const gw_xid_meaning *m = gw_xid_look_up(ev->code);
    group g = gather(j, ev, n, boards, mark);
    bool at_risk = !ev->of_workload && m->severity == GW_SEVERITY_HIGH;
    gw_micro monthly = gw_judge_monthly(j, g.cost.bill, at_risk && g.cost.priced);
    char first[GW_TIME_TEXT_MAX], last[GW_TIME_TEXT_MAX], where[GW_JUDGE_WHO_MAX];
    const char *first_text = gw_judge_text(j, "%s", gw_time_format(g.first_ms, first));
    const char *last_text = gw_judge_text(j, "%s", gw_time_format(g.last_ms, last));
    gw_finding *f;
    if (!first_text || !last_text)
        return gw_fail_memory(j->e);
    int rc = gw_judge_finding(j, GW_RULE_GPU_ERRORS, monthly, sureness(m), &f);
    if (rc)
        return rc;
    f->severity = m->severity;
    if (ev->of_workload) {
        const gw_judge_workload *w = &j->workloads[ev->subject];
        gw_judge_subject(f, w);
        gw_judge_name(w, where);
    } else {
        const char *node = ev->subject < j->fleet->n_nodes ? j->fleet->nodes[ev->subject].name : "unknown";
        gw_finding_subject(f, "node", node);
        snprintf(where, sizeof(where), "node %s", node);
    }
    if (g.n_gpus == 1)
        gw_finding_subject(f, "gpu", j->fleet->gpus[g.gpu].uuid);
    gw_finding_number(f, "xid", ev->code);
    gw_finding_text(f, "meaning", m->what);
    gw_finding_text(f, "cause", gw_xid_cause_name(m->cause));
    gw_finding_number(f, "times", g.times);
    gw_finding_number(f, "gpus", g.n_gpus);
    gw_finding_text(f, "firstSeen", first_text);
    gw_finding_text(f, "lastSeen", last_text);
    return gw_judge_say(j, f, "%s: XID %d (%s) %" PRIu32 " time%s on %" PRIu32 " GPU%s, last at %s; %s",
                        where, (int)ev->code, m->what, g.times, gw_plural(g.times), g.n_gpus,
                        gw_plural(g.n_gpus), last_text, m->act);
}

static board *boards_of(gw_judge *j)
{
    board *boards = GW_NEW_ARRAY(&j->arena, board, j->fleet->n_gpus + 1);
    const gw_ledger *l = j->in->ledger;
    for (size_t i = 0; boards && i < l->n_leaves; i++) {
        uint32_t unit = l->leaves[i].unit;
        uint32_t gpu = unit < j->fleet->n_units ? j->fleet->units[unit].gpu : GW_NONE;
        if (gpu < j->fleet->n_gpus)
            gw_cost_add(&boards[gpu].cost, &l->leaves[i].cost);
    }
    return boards;
}

int gw_rule_gpu_errors(gw_judge *j)
{
    size_t n = 0;
    uint32_t mark = 0;
    if (j->usage->n_xids == 0)
        return 0;
    event *ev = GW_NEW_ARRAY(&j->arena, event, j->usage->n_xids);
    board *boards = boards_of(j);
    if (!ev || !boards)
        return gw_fail_memory(j->e);
    for (uint32_t i = 0; i < j->usage->n_xids; i++) {
        if (j->usage->xids[i].code > 0) /* 0: no error yet */
            ev[n++] = event_of(j, i);
    }
    qsort(ev, n, sizeof(*ev), by_subject);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && ev[end].of_workload == ev[i].of_workload &&
                          ev[end].subject == ev[i].subject && ev[end].code == ev[i].code;)
            end++;
        int rc = tell(j, ev + i, end - i, boards, ++mark);
        if (rc)
            return rc;
    }
    return 0;
}
