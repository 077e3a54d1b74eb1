/* The fleet as the Kubernetes API would list it at the window's end. */
#include "observe/demo_scrape.h"

static int add_labels(gw_fleet *fleet, gw_labels *l, const demo_kv *kv, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int rc = gw_fleet_label(fleet, l, gw_str_of(kv[i].name), gw_str_of(kv[i].value), true);
        if (rc)
            return rc;
    }
    return 0;
}

/* What nvidia.com/gpu says: replicas count, MIG instances and renamed shares do not. */
static int64_t allocatable_gpus(const demo_fleet *f, const demo_node *n)
{
    if (n->row->flags & DEMO_NODE_RENAMED)
        return 0;
    int64_t count = 0;
    for (uint32_t i = 0; i < n->n_units; i++) {
        const demo_unit *u = &f->units[n->first_unit + i];
        count += !u->mig_profile && !u->dies;
    }
    return count * n->row->replicas;
}

static int add_node(const demo_fleet *f, const demo_node *n, gw_fleet *fleet, gw_error *e)
{
    uint32_t i = gw_fleet_node(fleet, gw_str_of(n->name), e);
    if (i == GW_NONE)
        return e->code;
    gw_node *to = &fleet->nodes[i];
    to->provider_id = gw_fleet_intern(fleet, gw_str_of(n->provider_id));
    if (!to->provider_id || add_labels(fleet, &to->labels, n->labels, n->n_labels))
        return gw_fail_memory(e);
    to->cpu_milli = (int64_t)n->machine->cpu * 1000;
    to->memory_mib = n->machine->memory_gib * 1024;
    to->allocatable_gpus = allocatable_gpus(f, n);
    to->created_ms = n->life.start_ms;
    to->schedulable = true;
    to->in_api = true;
    gw_node_read_labels(fleet, to);
    return 0;
}

static void fill_resource(gw_fleet *fleet, const demo_pod *p, gw_pod *to)
{
    static const char mig[] = "nvidia.com/mig-";
    to->gpus = p->gpus;
    if (!p->gpus)
        return;
    to->resource = GW_RESOURCE_GPU;
    if (strcmp(p->resource, "nvidia.com/gpu.shared") == 0)
        to->resource = GW_RESOURCE_GPU_SHARED;
    if (gw_has_prefix(p->resource, mig)) {
        to->resource = GW_RESOURCE_MIG;
        to->mig_resource = gw_fleet_intern(fleet, gw_str_of(p->resource + sizeof(mig) - 1));
    }
}

static gw_phase phase_at(const demo_pod *p, int64_t t_ms)
{
    if (p->node == GW_NONE || t_ms < p->life.start_ms)
        return GW_PHASE_PENDING;
    if (t_ms < p->life.end_ms)
        return GW_PHASE_RUNNING;
    return p->failed ? GW_PHASE_FAILED : GW_PHASE_SUCCEEDED;
}

static int add_pod(const demo_fleet *f, const demo_pod *p, gw_fleet *fleet, gw_error *e)
{
    uint32_t node = GW_NONE;
    if (p->node != GW_NONE && (node = gw_fleet_node(fleet, gw_str_of(f->nodes[p->node].name), e)) == GW_NONE)
        return e->code;
    uint32_t i = gw_fleet_pod(fleet, gw_str_of(p->work->ns), gw_str_of(p->name), e);
    if (i == GW_NONE)
        return e->code;
    gw_pod *to = &fleet->pods[i];
    to->node = node;
    to->uid = gw_fleet_intern(fleet, gw_str_of(p->uid));
    if (p->owner_kind) {
        to->owner_kind = gw_fleet_intern(fleet, gw_str_of(p->owner_kind));
        to->owner_name = gw_fleet_intern(fleet, gw_str_of(p->owner_name));
    }
    to->phase = phase_at(p, f->o.window.end_ms - 1);
    fill_resource(fleet, p, to);
    to->cpu_request_milli = (int64_t)(p->work->cpu * 1000 + 0.5);
    to->memory_request_mib = (int64_t)(p->work->ram_gib * 1024 + 0.5);
    to->in_api = true;
    bool texts = to->uid && (!p->owner_kind || (to->owner_kind && to->owner_name)) &&
                 (to->resource != GW_RESOURCE_MIG || to->mig_resource);
    if (!texts || add_labels(fleet, &to->labels, p->labels, p->n_labels))
        return gw_fail_memory(e);
    return 0;
}

static int add_owner(const demo_fleet *f, const demo_owner *o, gw_fleet *fleet, gw_error *e)
{
    uint32_t i = gw_fleet_owner(fleet, gw_str_of(o->ns), gw_str_of(o->kind), gw_str_of(o->name), e);
    if (i == GW_NONE)
        return e->code;
    gw_owner *to = &fleet->owners[i];
    if (o->owner_kind) {
        to->owner_kind = gw_fleet_intern(fleet, gw_str_of(o->owner_kind));
        to->owner_name = gw_fleet_intern(fleet, gw_str_of(o->owner_name));
        if (!to->owner_kind || !to->owner_name)
            return gw_fail_memory(e);
    }
    const demo_pod *p = &f->pods[o->pod];
    return add_labels(fleet, &to->labels, p->labels, p->n_labels) ? gw_fail_memory(e) : 0;
}

static int add_namespace(const demo_ns_row *row, gw_fleet *fleet, gw_error *e)
{
    uint32_t i = gw_fleet_namespace(fleet, gw_str_of(row->ns), e);
    if (i == GW_NONE)
        return e->code;
    const demo_kv all[] = {{"kubernetes.io/metadata.name", row->ns},
                           {"team", row->team},
                           {"cost-center", row->cost_center},
                           {"environment", row->environment}};
    for (size_t k = 0; k < GW_COUNT(all); k++) {
        if (all[k].value && add_labels(fleet, &fleet->ns_labels[i], &all[k], 1))
            return gw_fail_memory(e);
    }
    return 0;
}

int demo_objects(const demo_fleet *f, gw_fleet *fleet, gw_error *e)
{
    gw_error own;
    e = e ? e : &own;
    int64_t now = f->o.window.end_ms - 1;
    int rc = 0;
    for (size_t i = 0; i < demo_n_ns_rows && rc == 0; i++)
        rc = add_namespace(&demo_ns_rows[i], fleet, e);
    for (size_t i = 0; i < f->n_nodes && rc == 0; i++) {
        if (demo_in(f->nodes[i].life, now))
            rc = add_node(f, &f->nodes[i], fleet, e);
    }
    for (size_t i = 0; i < f->n_pods && rc == 0; i++) {
        const demo_pod *p = &f->pods[i];
        if (now >= p->created_ms && now < p->gone_ms && !(p->place->flags & DEMO_PLACE_NO_STATE))
            rc = add_pod(f, p, fleet, e);
    }
    for (size_t i = 0; i < f->n_owners && rc == 0; i++) {
        if (demo_in(f->owners[i].life, now))
            rc = add_owner(f, &f->owners[i], fleet, e);
    }
    return rc;
}
