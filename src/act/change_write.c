#include "act/change.h"

static void put_count(gw_doc *d, const char *key, int64_t n)
{
    if (n == GW_UNKNOWN_COUNT)
        gw_doc_null(d, key);
    else
        gw_doc_int(d, key, n);
}

static void put_node(gw_doc *d, const char *key, const gw_fleet *f, uint32_t node)
{
    if (node == GW_NONE || (!(node & GW_HIRED) && node >= f->n_nodes)) {
        gw_doc_null(d, key);
        return;
    }
    gw_doc_object(d, key);
    if (node & GW_HIRED) {
        gw_doc_int(d, "hire", node & ~GW_HIRED);
    } else {
        gw_doc_text(d, "name", f->nodes[node].name);
        if (f->nodes[node].cluster)
            gw_doc_text(d, "cluster", f->nodes[node].cluster);
    }
    gw_doc_end(d);
}

static void put_gpu(gw_doc *d, const char *key, const gw_fleet *f, uint32_t gpu)
{
    if (gpu == GW_NONE || (!(gpu & GW_HIRED) && gpu >= f->n_gpus)) {
        gw_doc_null(d, key);
        return;
    }
    gw_doc_object(d, key);
    if (gpu & GW_HIRED) {
        gw_doc_int(d, "hire", (gpu & ~GW_HIRED) >> 8);
        gw_doc_int(d, "board", gpu & 0xff);
    } else {
        gw_doc_text(d, "uuid", f->gpus[gpu].uuid);
    }
    gw_doc_end(d);
}

static void put_hires(gw_doc *d, const gw_change *c)
{
    gw_doc_array(d, "hires");
    for (size_t i = 0; i < c->n_hires; i++) {
        const gw_hire *h = &c->hires[i];
        gw_doc_object(d, NULL);
        gw_doc_text(d, "instanceType", h->instance_type);
        gw_doc_text(d, "region", h->region);
        gw_doc_text(d, "zone", h->zone);
        gw_doc_text(d, "provider", gw_provider_name(h->provider));
        gw_doc_text(d, "capacity", gw_capacity_name(h->capacity));
        gw_doc_money(d, "hourlyUsd", h->hourly);
        gw_doc_text(d, "gpu", h->gpu);
        gw_doc_text(d, "like", h->like);
        put_count(d, "gpus", h->gpus);
        put_count(d, "gpuMemoryMib", h->gpu_memory_mib);
        put_count(d, "cpuMilli", h->cpu_milli);
        put_count(d, "memoryMib", h->memory_mib);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void put_cuts(gw_doc *d, const gw_fleet *f, const gw_change *c)
{
    gw_doc_array(d, "cuts");
    for (size_t i = 0; i < c->n_cuts; i++) {
        const gw_cut *u = &c->cuts[i];
        gw_doc_object(d, NULL);
        put_gpu(d, "gpu", f, u->gpu);
        gw_doc_text(d, "form", gw_form_name(u->form));
        gw_doc_text(d, "via", gw_via_name(u->via));
        gw_doc_int(d, "parts", u->parts);
        gw_doc_text(d, "layout", u->layout);
        gw_doc_text(d, "wasLayout", u->was_layout);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void put_pair(gw_doc *d, const char *key, const int64_t pair[2])
{
    gw_doc_array(d, key);
    put_count(d, NULL, pair[0]);
    put_count(d, NULL, pair[1]);
    gw_doc_end(d);
}

static void put_resizes(gw_doc *d, const gw_change *c)
{
    gw_doc_array(d, "resizes");
    for (size_t i = 0; i < c->n_resizes; i++) {
        const gw_resize *r = &c->resizes[i];
        gw_doc_object(d, NULL);
        gw_doc_text(d, "namespace", r->ns);
        gw_doc_text(d, "kind", r->kind);
        gw_doc_text(d, "name", r->name);
        gw_doc_int(d, "pods", r->pods);
        put_pair(d, "cpuMilli", r->cpu_milli);
        put_pair(d, "memoryMib", r->memory_mib);
        put_pair(d, "ephemeralMib", r->ephemeral_mib);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void put_pod(gw_doc *d, const gw_fleet *f, uint32_t pod)
{
    if (pod >= f->n_pods) { /* GW_NONE as well: a bundle */
        gw_doc_null(d, "pod");
        return;
    }
    const gw_pod *p = &f->pods[pod];
    gw_doc_object(d, "pod");
    gw_doc_text(d, "namespace", p->ns);
    gw_doc_text(d, "name", p->name);
    if (p->cluster)
        gw_doc_text(d, "cluster", p->cluster);
    gw_doc_end(d);
}

static void put_unit(gw_doc *d, const gw_fleet *f, uint32_t unit)
{
    if (unit >= f->n_units) {
        gw_doc_null(d, "unit");
        return;
    }
    const gw_unit *u = &f->units[unit];
    gw_doc_object(d, "unit");
    if (u->gpu == GW_NONE) {
        put_node(d, "node", f, u->node);
    } else {
        gw_doc_text(d, "uuid", f->gpus[u->gpu].uuid);
        if (u->mig_profile) {
            gw_doc_text(d, "profile", u->mig_profile);
            gw_doc_text(d, "instance", u->mig_id);
        }
    }
    gw_doc_end(d);
}

static void put_seat(gw_doc *d, const char *key, const gw_fleet *f, const gw_seat *s)
{
    gw_doc_object(d, key);
    put_gpu(d, "gpu", f, s->gpu);
    gw_doc_text(d, "form", gw_form_name(s->form));
    gw_doc_int(d, "parts", s->parts);
    gw_doc_text(d, "profile", s->profile);
    put_count(d, "start", s->start);
    gw_doc_number(d, "share", s->share, 6);
    put_count(d, "memoryMib", s->memory_mib);
    gw_doc_end(d);
}

static void put_moves(gw_doc *d, const gw_fleet *f, const gw_change *c)
{
    gw_doc_array(d, "moves");
    for (size_t i = 0; i < c->n_moves; i++) {
        const gw_move *m = &c->moves[i];
        gw_doc_object(d, NULL);
        put_pod(d, f, m->pod);
        put_node(d, "from", f, m->from);
        put_node(d, "node", f, m->node);
        gw_doc_bool(d, "restarts", m->restarts);
        gw_doc_array(d, "seats");
        for (uint32_t k = 0; k < m->n_units; k++) {
            gw_doc_object(d, NULL);
            put_unit(d, f, m->units[k]);
            put_seat(d, "was", f, &m->was[k]);
            put_seat(d, "to", f, &m->to[k]);
            gw_doc_end(d);
        }
        gw_doc_end(d);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

void gw_change_write(gw_doc *d, const char *key, const gw_fleet *f, const gw_change *c)
{
    gw_doc_object(d, key);
    put_hires(d, c);
    put_cuts(d, f, c);
    put_resizes(d, c);
    put_moves(d, f, c);
    gw_doc_array(d, "releases");
    for (size_t i = 0; i < c->n_released; i++)
        put_node(d, NULL, f, c->released[i]);
    gw_doc_end(d);
    gw_doc_end(d);
}
