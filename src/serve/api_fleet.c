/* The map: every GPU with its units, and what each did by the hour. */
#include "present/render.h"
#include "serve/api_internal.h"

#define SHARE_DECIMALS 4

typedef struct map {
    const gw_view *v;
    const char *cluster;
    gw_doc *d;
    uint32_t *holders; /* scratch: pods of one unit, in order of their first hour */
    size_t n_holders;
    /* units by node, as a list: first[node], then next[unit] */
    uint32_t *first, *next;
} map;

static const gw_cell *cells_of(const map *m, uint32_t unit)
{
    return &m->v->cells[(size_t)unit * m->v->n_hours];
}

/* ---- a unit -------------------------------------------------------------------------------------------- */

static uint32_t holder_index(const map *m, uint32_t pod)
{
    for (uint32_t i = 0; i < m->n_holders; i++) {
        if (m->holders[i] == pod)
            return i;
    }
    return GW_NONE;
}

static void find_holders(map *m, uint32_t unit)
{
    const gw_cell *cells = cells_of(m, unit);
    m->n_holders = 0;
    for (size_t h = 0; h < m->v->n_hours; h++) {
        if (cells[h].pod != GW_NONE && holder_index(m, cells[h].pod) == GW_NONE)
            m->holders[m->n_holders++] = cells[h].pod;
    }
}

static void write_holders(const map *m)
{
    const gw_pipeline *p = &m->v->p;
    gw_doc_array(m->d, "holders");
    for (size_t i = 0; i < m->n_holders; i++) {
        const gw_pod *pod = &p->fleet.pods[m->holders[i]];
        gw_doc_object(m->d, NULL);
        gw_doc_text(m->d, "namespace", pod->ns);
        gw_doc_text(m->d, "pod", pod->name);
        gw_doc_text(m->d, "workload", pod->workload_name ? pod->workload_name : pod->name);
        gw_doc_text(m->d, "team", gw_owner_of(&p->fleet, &p->ownership, m->holders[i], GW_OWNER_TEAM));
        gw_doc_end(m->d);
    }
    gw_doc_end(m->d);
}

static void put_share(gw_doc *d, double share)
{
    if (share >= 0)
        gw_doc_number(d, NULL, share, SHARE_DECIMALS);
    else
        gw_doc_null(d, NULL);
}

/* Null in every list where the unit was not there. */
static void write_hours(const map *m, uint32_t unit)
{
    const gw_cell *cells = cells_of(m, unit);
    gw_doc *d = m->d;
    gw_doc_array(d, "compute");
    for (size_t h = 0; h < m->v->n_hours; h++)
        put_share(d, (double)cells[h].compute);
    gw_doc_end(d);
    gw_doc_array(d, "memory");
    for (size_t h = 0; h < m->v->n_hours; h++)
        put_share(d, (double)cells[h].memory);
    gw_doc_end(d);
    gw_doc_array(d, "cost");
    for (size_t h = 0; h < m->v->n_hours; h++)
        gw_doc_money(d, NULL, cells[h].there ? cells[h].cost : GW_MICRO_UNKNOWN);
    gw_doc_end(d);
    gw_doc_array(d, "state");
    for (size_t h = 0; h < m->v->n_hours; h++)
        gw_doc_text(d, NULL, cells[h].there ? gw_state_names[cells[h].state] : NULL);
    gw_doc_end(d);
    gw_doc_array(d, "holder");
    for (size_t h = 0; h < m->v->n_hours; h++) {
        uint32_t i = cells[h].pod == GW_NONE ? GW_NONE : holder_index(m, cells[h].pod);
        if (i == GW_NONE)
            gw_doc_null(d, NULL);
        else
            gw_doc_int(d, NULL, i);
    }
    gw_doc_end(d);
    gw_doc_array(d, "shared");
    for (size_t h = 0; h < m->v->n_hours; h++)
        gw_doc_bool(d, NULL, cells[h].shared);
    gw_doc_end(d);
}

static void write_unit(map *m, const gw_node *n, uint32_t index)
{
    static const char *const sharings[] = {"none", "time-slicing", "mps"};
    const gw_unit *u = &m->v->p.fleet.units[index];
    gw_doc *d = m->d;
    find_holders(m, index);
    gw_doc_object(d, NULL);
    gw_doc_text(d, "id", u->mig_id ? u->mig_id : "0");
    gw_doc_text(d, "profile", u->mig_profile);
    gw_doc_number(d, "weight", u->weight, 6);
    gw_doc_text(d, "sharing", n ? sharings[n->sharing] : NULL);
    if (u->memory_mib >= 0)
        gw_doc_int(d, "memoryMib", u->memory_mib);
    else
        gw_doc_null(d, "memoryMib");
    write_holders(m);
    write_hours(m, index);
    gw_doc_end(d);
}

/* ---- a GPU, a node ------------------------------------------------------------------------------------- */

static void put_count(gw_doc *d, const char *key, int64_t v)
{
    if (v >= 0)
        gw_doc_int(d, key, v);
    else
        gw_doc_null(d, key);
}

/* gpu GW_NONE: those of the node that no exporter reports. */
static void write_gpu(map *m, const gw_node *n, uint32_t node, uint32_t gpu)
{
    const gw_gpu *g = gpu == GW_NONE ? NULL : &m->v->p.fleet.gpus[gpu];
    gw_doc *d = m->d;
    gw_doc_object(d, NULL);
    gw_doc_text(d, "uuid", g ? g->uuid : NULL);
    put_count(d, "index", g ? g->index : -1);
    gw_doc_text(d, "model", g && g->model ? g->model : n ? n->gpu_product : NULL);
    put_count(d, "memoryMib", g ? g->memory_mib : -1);
    gw_doc_array(d, "units");
    for (uint32_t u = m->first[node]; u != GW_NONE; u = m->next[u]) {
        if (m->v->p.fleet.units[u].gpu == gpu)
            write_unit(m, n, u);
    }
    gw_doc_end(d);
    gw_doc_end(d);
}

static void write_gpus(map *m, const gw_node *n, uint32_t node)
{
    uint32_t before = GW_NONE;
    bool unobserved = false;
    gw_doc_array(m->d, "gpus");
    /* units of one GPU follow each other: the list is sorted by GPU */
    for (uint32_t u = m->first[node]; u != GW_NONE; u = m->next[u]) {
        uint32_t gpu = m->v->p.fleet.units[u].gpu;
        unobserved |= gpu == GW_NONE;
        if (gpu != GW_NONE && gpu != before)
            write_gpu(m, n, node, gpu);
        before = gpu;
    }
    if (unobserved)
        write_gpu(m, n, node, GW_NONE);
    gw_doc_end(m->d);
}

/* node: n_nodes for units of which nobody knows where they are. */
static void write_node(map *m, uint32_t node)
{
    const gw_pipeline *p = &m->v->p;
    const gw_node *n = node < p->fleet.n_nodes ? &p->fleet.nodes[node] : NULL;
    gw_doc *d = m->d;
    gw_doc_object(d, NULL);
    gw_doc_text(d, "name", n ? n->name : NULL);
    gw_doc_text(d, "cluster", n && n->cluster && *n->cluster ? n->cluster : m->cluster);
    gw_doc_text(d, "instanceType", n ? n->instance_type : NULL);
    gw_doc_text(d, "region", n ? n->region : NULL);
    gw_doc_text(d, "capacity",
                n && n->capacity != GW_CAPACITY_UNKNOWN ? gw_capacity_name(n->capacity) : NULL);
    gw_doc_money(d, "hourly", n && node < p->book.n_nodes ? p->book.nodes[node].hourly : GW_MICRO_UNKNOWN);
    write_gpus(m, n, node);
    gw_doc_end(d);
}

/* ---- all of it ----------------------------------------------------------------------------------------- */

/* By node, then by the GPU's index; what no exporter reports last. */
static int by_gpu(const void *a, const void *b, void *fleet)
{
    const gw_fleet *f = fleet;
    const gw_unit *x = &f->units[*(const uint32_t *)a], *y = &f->units[*(const uint32_t *)b];
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    if (x->gpu == y->gpu)
        return x < y ? -1 : x > y;
    if (x->gpu == GW_NONE || y->gpu == GW_NONE)
        return x->gpu == GW_NONE ? 1 : -1;
    const gw_gpu *p = &f->gpus[x->gpu], *q = &f->gpus[y->gpu];
    return p->index != q->index ? (p->index < q->index ? -1 : 1) : strcmp(p->uuid, q->uuid);
}

/* Whether it was paid for in any hour: units that came and went before the window are not in it. */
static bool is_there(const map *m, uint32_t unit)
{
    const gw_cell *cells = cells_of(m, unit);
    for (size_t h = 0; h < m->v->n_hours; h++) {
        if (cells[h].there)
            return true;
    }
    return false;
}

static int link_units(map *m, gw_arena *arena, gw_error *e)
{
    const gw_fleet *f = &m->v->p.fleet;
    uint32_t *order = GW_NEW_ARRAY(arena, uint32_t, f->n_units + 1);
    m->first = GW_NEW_ARRAY(arena, uint32_t, f->n_nodes + 1);
    m->next = GW_NEW_ARRAY(arena, uint32_t, f->n_units + 1);
    m->holders = GW_NEW_ARRAY(arena, uint32_t, m->v->n_hours + 1);
    if (!order || !m->first || !m->next || !m->holders)
        return gw_fail_memory(e);
    memset(m->first, 0xff, (f->n_nodes + 1) * sizeof(*m->first));
    for (uint32_t i = 0; i < f->n_units; i++)
        order[i] = i;
    if (f->n_units)
        qsort_r(order, f->n_units, sizeof(*order), by_gpu, (void *)(uintptr_t)f);
    for (size_t i = f->n_units; i-- > 0;) {
        uint32_t unit = order[i], node = f->units[unit].node;
        uint32_t *at = &m->first[node == GW_NONE ? f->n_nodes : node];
        if (!is_there(m, unit))
            continue;
        m->next[unit] = *at;
        *at = unit;
    }
    return 0;
}

static int write_map(gw_api_call *c, const gw_view *v, gw_buf *b, gw_error *e)
{
    const char *only = gw_api_param(c, "node");
    char t[GW_TIME_TEXT_MAX];
    gw_doc d;
    map m = {.v = v, .cluster = gw_daemon_config(c->daemon)->cluster, .d = &d};
    int rc = link_units(&m, &c->arena, e);
    if (rc)
        return rc;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "gpuwise/v1");
    gw_doc_text(&d, "kind", "Fleet");
    gw_doc_window(&d, v->window);
    gw_doc_array(&d, "hours");
    for (size_t h = 0; h < v->n_hours; h++)
        gw_doc_text(&d, NULL, gw_time_format(v->hours[h].start_ms, t));
    gw_doc_end(&d);
    gw_doc_array(&d, "nodes");
    for (uint32_t n = 0; n <= v->p.fleet.n_nodes; n++) {
        bool wanted = !only || (n < v->p.fleet.n_nodes && strcmp(v->p.fleet.nodes[n].name, only) == 0);
        if (m.first[n] != GW_NONE && wanted)
            write_node(&m, n);
    }
    gw_doc_end(&d);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

/* Reads only what never changes of the view: no lock. */
int gw_api_make_fleet(gw_api_call *c, gw_buf *b, gw_error *e)
{
    gw_view *v;
    int rc = gw_api_view(c, true, &v, e);
    if (rc)
        return rc;
    rc = write_map(c, v, b, e);
    gw_view_release(v);
    return rc;
}
