/* From the books to OpenCost's shapes: a finished pipeline, an hour of the store, nodes as assets. */
#include "present/pipeline.h"
#include "serve/opencost.h"

#define MIB ((double)(1 << 20))

/* What one CPU and one GiB cost beside each other where a node's non-GPU part is split: see price/price.h. */
#define CPU_WEIGHT 0.031611
#define GIB_WEIGHT 0.004237

/* ---- a pipeline ---------------------------------------------------------------------------------------- */

typedef struct books {
    const gw_pipeline *p;
    const char *cluster;
    uint32_t *container; /* by pod: its one container; GW_NONE: none known; GW_NONE - 1: several */
    bool *counted;       /* by pod: a leaf has carried its CPU and memory */
} books;

static int books_open(books *b, const gw_pipeline *p, const char *cluster, gw_error *e)
{
    size_t n = p->fleet.n_pods + 1;
    *b = (books){p, cluster, gw_malloc(n * sizeof(*b->container)), gw_calloc(n, sizeof(*b->counted))};
    if (!b->container || !b->counted)
        return gw_fail_memory(e);
    memset(b->container, 0xff, n * sizeof(*b->container));
    for (uint32_t i = 0; i < p->usage.n_containers; i++) {
        uint32_t *c = &b->container[p->usage.containers[i].pod];
        *c = *c == GW_NONE ? i : GW_NONE - 1;
    }
    return 0;
}

static void books_close(books *b)
{
    gw_free(b->container);
    gw_free(b->counted);
}

/* A label of a pod, then of its workload, then of its namespace; "environment" as kube-state-metrics writes
 * it is found too. */
static const char *label_of(const gw_oc_leaf *leaf, const char *name)
{
    const books *b = leaf->label_ctx;
    const gw_fleet *f = &b->p->fleet;
    const gw_pod *pod = &f->pods[leaf->label_pod];
    const char *v = gw_labels_get(&pod->labels, name);
    if (!v && pod->workload_kind) {
        uint32_t o = gw_fleet_find_owner(f, gw_str_of(pod->ns), gw_str_of(pod->workload_kind),
                                         gw_str_of(pod->workload_name));
        v = o == GW_NONE ? NULL : gw_labels_get(&f->owners[o].labels, name);
    }
    uint32_t ns = v ? GW_NONE : gw_map_get(&f->by_ns, gw_str_of(pod->ns));
    return ns == GW_NONE ? v : gw_labels_get(&f->ns_labels[ns], name);
}

static double times(int64_t quantity, double scale, double ms)
{
    return quantity < 0 ? -1 : (double)quantity * scale * ms;
}

static void describe_pod(books *b, uint32_t index, gw_oc_leaf *x)
{
    const gw_pipeline *p = b->p;
    const gw_pod *pod = &p->fleet.pods[index];
    x->kind = GW_LEAF_HELD;
    x->ns = pod->ns;
    x->pod = pod->name;
    x->controller = pod->workload_name;
    x->controller_kind = pod->workload_kind;
    x->team = gw_owner_of(&p->fleet, &p->ownership, index, GW_OWNER_TEAM);
    x->environment = gw_owner_of(&p->fleet, &p->ownership, index, GW_OWNER_ENVIRONMENT);
    x->container = b->container[index] < GW_NONE - 1 ? p->usage.containers[b->container[index]].name : NULL;
    x->label = label_of;
    x->label_ctx = b;
    x->label_pod = index;
    x->active = gw_interval_cut(pod->active, p->window);
    if (b->counted[index])
        return;
    double ms = (double)gw_interval_ms(gw_interval_ms(x->active) ? x->active : p->window);
    b->counted[index] = true;
    x->cpu_core_ms = times(pod->cpu_request_milli, 0.001, ms);
    x->cpu_used_core_ms = pod->cpu_used_mean_milli < 0 ? -1 : pod->cpu_used_mean_milli * 0.001 * ms;
    x->ram_byte_ms = times(pod->memory_request_mib, MIB, ms);
}

/* The same leaves are idle and overhead as in the report. */
static void read_leaf(books *b, const gw_leaf *l, gw_oc_leaf *x)
{
    const gw_pipeline *p = b->p;
    const gw_node *node = l->node == GW_NONE ? NULL : &p->fleet.nodes[l->node];
    *x = (gw_oc_leaf){.kind = l->unit == GW_NONE && !(l->time.paid > 0) ? GW_LEAF_OVERHEAD : GW_LEAF_IDLE,
                      .cluster = node && node->cluster && *node->cluster ? node->cluster : b->cluster,
                      .node = node ? node->name : NULL,
                      .provider_id = node ? node->provider_id : NULL,
                      .bill = l->cost.priced && gw_micro_known(l->cost.bill) ? l->cost.bill : 0,
                      .unpriced_ms = l->cost.unpriced_ms,
                      .gpu_ms = l->time.paid,
                      .used_ms = l->time.used,
                      .unknown_ms = l->time.unknown,
                      .active = node ? gw_interval_cut(node->seen, p->window) : p->window};
    if (l->hold == GW_NONE)
        return;
    const gw_hold *h = &p->usage.holds[l->hold];
    x->gpu_ms = l->time.allocated;
    x->known_ms = h->stats.known;
    if (h->pod != GW_NONE)
        describe_pod(b, h->pod, x);
}

int gw_oc_set_add_pipeline(gw_oc_set *s, const struct gw_pipeline *p, const char *cluster, gw_error *e)
{
    books b;
    int rc = books_open(&b, p, cluster, e);
    for (size_t i = 0; i < p->ledger.n_leaves && rc == 0; i++) {
        gw_oc_leaf x;
        read_leaf(&b, &p->ledger.leaves[i], &x);
        rc = gw_oc_set_add(s, &x, e);
    }
    books_close(&b);
    return rc;
}

/* ---- an hour of the store ------------------------------------------------------------------------------ */

int gw_oc_set_add_hour(gw_oc_set *s, const gw_hour *h, gw_error *e)
{
    gw_interval hour = {h->start_ms, h->start_ms + GW_HOUR_MS};
    gw_interval active = gw_interval_ms(h->observed) ? gw_interval_cut(h->observed, hour) : hour;
    int rc = 0;
    for (size_t i = 0; i < h->n_leaves && rc == 0; i++) {
        const gw_hour_leaf *l = &h->leaves[i];
        bool held = l->kind == GW_LEAF_HELD;
        gw_oc_leaf x = {.kind = l->kind,
                        .cluster = l->dim[GW_DIM_CLUSTER],
                        .node = l->dim[GW_DIM_NODE],
                        .ns = l->dim[GW_DIM_NAMESPACE],
                        .pod = l->dim[GW_DIM_POD],
                        .controller_kind = l->dim[GW_DIM_WORKLOAD_KIND],
                        .controller = l->dim[GW_DIM_WORKLOAD],
                        .team = l->dim[GW_DIM_TEAM],
                        .environment = l->dim[GW_DIM_ENVIRONMENT],
                        .bill = l->m.bill,
                        .unpriced_ms = (double)l->m.unpriced_ms,
                        .gpu_ms = (double)(held ? l->m.allocated_ms : l->m.paid_ms),
                        .used_ms = (double)l->m.used_ms,
                        .known_ms = held ? (double)l->m.known_ms : 0,
                        .unknown_ms = (double)l->m.unknown_ms,
                        .cpu_core_ms = -1,
                        .cpu_used_core_ms = -1,
                        .ram_byte_ms = -1,
                        .active = active};
        rc = gw_oc_set_add(s, &x, e);
    }
    return rc;
}

/* ---- assets -------------------------------------------------------------------------------------------- */

typedef struct asset_sums {
    gw_micro gpu, overhead;
    double gpu_ms;
    bool priced;
} asset_sums;

static void write_span(gw_doc *d, gw_interval window, gw_interval seen)
{
    char t[GW_TIME_TEXT_MAX];
    gw_doc_object(d, "window");
    gw_doc_text(d, "start", gw_time_format(window.start_ms, t));
    gw_doc_text(d, "end", gw_time_format(window.end_ms, t));
    gw_doc_end(d);
    gw_doc_text(d, "start", gw_time_format(seen.start_ms, t));
    gw_doc_text(d, "end", gw_time_format(seen.end_ms, t));
    gw_doc_number(d, "minutes", (double)gw_interval_ms(seen) / (double)GW_MINUTE_MS, 3);
}

/* OpenCost's names of providers. */
static const char *provider_of(gw_provider p)
{
    static const char *const names[] = {[GW_PROVIDER_AWS] = "AWS",
                                        [GW_PROVIDER_AZURE] = "Azure",
                                        [GW_PROVIDER_GCP] = "GCP",
                                        [GW_PROVIDER_ON_PREM] = "Custom"};
    return p < GW_COUNT(names) ? names[p] : NULL;
}

static void write_asset_properties(gw_doc *d, const char *category, const char *cluster, const char *name,
                                   const gw_node *n)
{
    const char *provider = n ? provider_of(n->provider) : NULL;
    gw_doc_object(d, "properties");
    gw_doc_text(d, "category", category);
    if (provider)
        gw_doc_text(d, "provider", provider);
    gw_doc_text(d, "service", "Kubernetes");
    gw_doc_text(d, "cluster", cluster);
    gw_doc_text(d, "name", name);
    if (n && n->provider_id)
        gw_doc_text(d, "providerID", n->provider_id);
    gw_doc_end(d);
}

static void put_known(gw_doc *d, const char *key, int64_t quantity, double scale)
{
    if (quantity < 0)
        gw_doc_null(d, key);
    else
        gw_doc_number(d, key, (double)quantity * scale, 6);
}

static void write_labels(gw_doc *d, const gw_node *n)
{
    gw_doc_object(d, "labels");
    if (n->instance_type)
        gw_doc_text(d, "instance", n->instance_type);
    if (n->region)
        gw_doc_text(d, "region", n->region);
    if (n->zone)
        gw_doc_text(d, "zone", n->zone);
    if (n->gpu_product)
        gw_doc_text(d, "gpu", n->gpu_product);
    gw_doc_end(d);
}

/* The node's part that is not GPU, as CPU and memory by what they cost beside each other. */
static void write_overhead(gw_doc *d, const gw_node *n, gw_micro overhead)
{
    double cpu = n->cpu_milli > 0 ? (double)n->cpu_milli / 1000 * CPU_WEIGHT : 0;
    double ram = n->memory_mib > 0 ? (double)n->memory_mib / 1024 * GIB_WEIGHT : 0;
    gw_micro of_cpu = cpu + ram > 0 ? (gw_micro)((double)overhead * cpu / (cpu + ram)) : overhead;
    gw_doc_money(d, "cpuCost", of_cpu);
    gw_doc_money(d, "ramCost", overhead - of_cpu);
}

static void write_breakdown(gw_doc *d, const char *key)
{
    gw_doc_object(d, key);
    gw_doc_number(d, "idle", 0, 0);
    gw_doc_number(d, "other", 0, 0);
    gw_doc_number(d, "system", 0, 0);
    gw_doc_number(d, "user", 0, 0);
    gw_doc_end(d);
}

static void write_node(const gw_pipeline *p, const gw_node *n, const asset_sums *sums, const char *cluster,
                       gw_buf *key, gw_doc *d)
{
    gw_interval seen = gw_interval_cut(n->seen, p->window);
    double hours = (double)gw_interval_ms(seen) / (double)GW_HOUR_MS;
    gw_buf_clear(key);
    gw_buf_printf(key, "%s/Node/%s", cluster, n->name);
    if (key->failed)
        return;
    gw_doc_object(d, key->data);
    gw_doc_text(d, "type", "Node");
    write_asset_properties(d, "Compute", cluster, n->name, n);
    write_labels(d, n);
    write_span(d, p->window, seen);
    gw_doc_text(d, "nodeType", n->instance_type ? n->instance_type : "");
    put_known(d, "cpuCores", n->cpu_milli, 0.001);
    put_known(d, "ramBytes", n->memory_mib, MIB);
    put_known(d, "cpuCoreHours", n->cpu_milli, 0.001 * hours);
    put_known(d, "ramByteHours", n->memory_mib, MIB * hours);
    gw_doc_number(d, "GPUHours", sums->gpu_ms / (double)GW_HOUR_MS, 6);
    write_breakdown(d, "cpuBreakdown");
    write_breakdown(d, "ramBreakdown");
    if (n->capacity == GW_CAPACITY_UNKNOWN)
        gw_doc_null(d, "preemptible");
    else
        gw_doc_int(d, "preemptible", n->capacity == GW_CAPACITY_SPOT);
    gw_doc_number(d, "discount", 0, 0);
    write_overhead(d, n, sums->overhead);
    gw_doc_money(d, "gpuCost", sums->priced ? sums->gpu : GW_MICRO_UNKNOWN);
    put_known(d, "gpuCount", n->gpu_count, 1);
    gw_doc_money(d, "adjustment", 0);
    gw_doc_money(d, "totalCost", sums->priced ? sums->gpu + sums->overhead : GW_MICRO_UNKNOWN);
    gw_doc_end(d);
}

static void write_management(const gw_pipeline *p, gw_micro cost, const char *cluster, gw_buf *key, gw_doc *d)
{
    gw_buf_clear(key);
    gw_buf_printf(key, "%s/ClusterManagement/%s", cluster, cluster);
    if (key->failed)
        return;
    gw_doc_object(d, key->data);
    gw_doc_text(d, "type", "ClusterManagement");
    write_asset_properties(d, "Management", cluster, cluster, NULL);
    gw_doc_object(d, "labels");
    gw_doc_end(d);
    write_span(d, p->window, p->window);
    gw_doc_money(d, "totalCost", cost);
    gw_doc_end(d);
}

/* Sums by node; those of what is on no node come last. */
static void sum_leaves(const gw_pipeline *p, asset_sums *sums)
{
    for (size_t i = 0; i < p->ledger.n_leaves; i++) {
        const gw_leaf *l = &p->ledger.leaves[i];
        asset_sums *s = &sums[l->node == GW_NONE ? p->fleet.n_nodes : l->node];
        gw_micro bill = l->cost.priced && gw_micro_known(l->cost.bill) ? l->cost.bill : 0;
        *(l->unit == GW_NONE && !(l->time.paid > 0) ? &s->overhead : &s->gpu) += bill;
        s->gpu_ms += l->time.paid;
        s->priced |= l->cost.priced;
    }
}

int gw_oc_assets_write(const struct gw_pipeline *p, const char *cluster, const char *member, gw_doc *d,
                       gw_error *e)
{
    asset_sums *sums = gw_calloc(p->fleet.n_nodes + 1, sizeof(*sums));
    gw_buf key;
    if (!sums)
        return gw_fail_memory(e);
    gw_buf_init(&key, 4096);
    sum_leaves(p, sums);
    gw_doc_object(d, member);
    for (size_t i = 0; i < p->fleet.n_nodes; i++) {
        const gw_node *n = &p->fleet.nodes[i];
        if (sums[i].gpu_ms > 0 || sums[i].gpu || sums[i].overhead)
            write_node(p, n, &sums[i], n->cluster && *n->cluster ? n->cluster : cluster, &key, d);
    }
    const asset_sums *rest = &sums[p->fleet.n_nodes];
    if (rest->gpu + rest->overhead)
        write_management(p, rest->gpu + rest->overhead, cluster, &key, d);
    gw_doc_end(d);
    gw_free(sums);
    int rc = key.failed ? gw_buf_check(&key, "the name of an asset", e) : gw_buf_check(d->out, "assets", e);
    gw_buf_free(&key);
    return rc;
}
