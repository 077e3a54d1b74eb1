/* A change's parts in their order; how boards are handed out, and requests. Hires and moves have their own
 * files. */
#include "allocate/after_internal.h"

#include <strings.h>

/* ---- what indexes mean ---- */

int after_find_node(after *a, uint32_t x, uint32_t *ret)
{
    uint32_t k = x & ~GW_HIRED;
    if (x != GW_NONE && (x & GW_HIRED) && k < a->c->n_hires)
        *ret = a->hired[k];
    else if (x < a->f->n_nodes)
        *ret = x;
    else
        return after_refuse(a,
                            "there is no node of index %" PRIu32 "; what another change hired cannot be "
                            "used",
                            x);
    return 0;
}

int after_find_gpu(after *a, uint32_t x, uint32_t *ret)
{
    uint32_t k = (x & ~GW_HIRED) >> 8, j = x & 0xff;
    if (x != GW_NONE && (x & GW_HIRED) && k < a->c->n_hires && j < (uint32_t)a->c->hires[k].gpus)
        *ret = a->hired_gpus[k] + j;
    else if (x < a->f->n_gpus && a->f->gpus[x].node < a->f->n_nodes)
        *ret = x;
    else
        return after_refuse(a,
                            "there is no GPU of index %" PRIu32 " on a node; what another change hired "
                            "cannot be used",
                            x);
    return 0;
}

/* ---- cuts ---- */

static int cut_mig(after *a, const gw_cut *x, uint32_t gpu)
{
    const gw_gpu *g = &a->ret->fleet.gpus[gpu];
    const char *model = g->model ? g->model : a->ret->fleet.nodes[g->node].gpu_product;
    gw_error why = {0};
    if (!x->layout)
        return after_refuse(a, "MIG without a layout");
    if (!model)
        return after_refuse(a, "the model of GPU %s is not known, so nobody can say how MIG cuts it",
                            g->uuid);
    after_cut *m = GW_NEW(&a->arena, after_cut);
    if (!m)
        return gw_fail_memory(a->e);
    int rc = gw_mig_board_find(model, after_board_mib(&a->ret->fleet, gpu), &m->mig, &why);
    rc = rc ? rc : gw_mig_layout_parse(m->mig, x->layout, &m->layout, &why);
    if (rc == GW_ENOMEM)
        return gw_fail_memory(a->e);
    if (rc)
        return after_refuse(a, "GPU %s: %s", g->uuid, why.message);
    memset(m->unit, 0xff, sizeof(m->unit));
    a->boards[gpu].mig = m;
    return 0;
}

static int cut(after *a, size_t i)
{
    const gw_cut *x = &a->c->cuts[i];
    uint32_t gpu;
    snprintf(a->where, sizeof(a->where), "cut %zu", i + 1);
    int rc = after_find_gpu(a, x->gpu, &gpu);
    if (rc)
        return rc;
    const gw_fleet *f = &a->ret->fleet;
    after_board *b = &a->boards[gpu];
    if (a->nodes[f->gpus[gpu].node].released)
        return after_refuse(a, "GPU %s is on node %s, which was released", f->gpus[gpu].uuid,
                            f->nodes[f->gpus[gpu].node].name);
    if (b->cut == a->now)
        return after_refuse(a, "GPU %s is cut twice in one change", f->gpus[gpu].uuid);
    if (after_form_shared(x->form) && (x->parts < 2 || x->parts > GW_PLAN_PARTS_MAX))
        return after_refuse(a, "GPU %s in %d parts by %s: 2 to %d can be", f->gpus[gpu].uuid, x->parts,
                            gw_form_name(x->form), GW_PLAN_PARTS_MAX);
    b->form = x->form;
    b->parts = after_form_shared(x->form) ? x->parts : 1;
    b->cut = a->now;
    b->mig = NULL;
    return x->form == GW_FORM_MIG ? cut_mig(a, x, gpu) : 0;
}

/* ---- resizes ---- */

static bool is_of_workload(const gw_pod *p, const gw_resize *r)
{
    if (!gw_eq(p->ns, r->ns))
        return false;
    if (p->workload_name)
        return gw_eq(p->workload_kind, r->kind) && gw_eq(p->workload_name, r->name);
    return (!r->kind || strcasecmp(r->kind, "Pod") == 0) && gw_eq(p->name, r->name);
}

static void resize_field(int64_t *field, const int64_t is_should[2])
{
    if (is_should[1] >= 0 && is_should[1] != is_should[0])
        *field = is_should[1];
}

static int resize(after *a, size_t i)
{
    const gw_resize *r = &a->c->resizes[i];
    gw_fleet *f = &a->ret->fleet;
    size_t n = 0;
    for (uint32_t p = 0; p < f->n_pods; p++) {
        if (!is_of_workload(&f->pods[p], r))
            continue;
        after_load(a, p, -1);
        resize_field(&f->pods[p].cpu_request_milli, r->cpu_milli);
        resize_field(&f->pods[p].memory_request_mib, r->memory_mib);
        resize_field(&f->pods[p].ephemeral_request_mib, r->ephemeral_mib);
        after_load(a, p, 1);
        n++;
    }
    snprintf(a->where, sizeof(a->where), "resize %zu", i + 1);
    return n ? 0
             : after_refuse(a, "there is no pod of %.60s %.100s/%.100s", r->kind ? r->kind : "Pod",
                            r->ns ? r->ns : "", r->name ? r->name : "");
}

/* ---- releases ---- */

static int release(after *a, size_t i)
{
    uint32_t x = a->c->released[i];
    snprintf(a->where, sizeof(a->where), "release %zu", i + 1);
    if (x >= a->f->n_nodes)
        return after_refuse(a, "there is no node of index %" PRIu32, x);
    if (a->nodes[x].released)
        return after_refuse(a, "node %s was released before", a->f->nodes[x].name);
    a->nodes[x].released = a->now;
    return 0;
}

int after_apply(after *a)
{
    const gw_change *c = a->c;
    a->where[0] = '\0';
    int rc = after_hire(a);
    for (size_t i = 0; i < a->ret->fleet.n_nodes && !rc; i++) {
        a->nodes[i].cpu_before = a->nodes[i].cpu;
        a->nodes[i].mem_before = a->nodes[i].memory;
    }
    for (size_t i = 0; i < c->n_cuts && !rc; i++)
        rc = cut(a, i);
    for (size_t i = 0; i < c->n_resizes && !rc; i++)
        rc = resize(a, i);
    rc = rc ? rc : after_move(a);
    for (size_t i = 0; i < c->n_released && !rc; i++)
        rc = release(a, i);
    return rc;
}
