/* One set of allocations: leaves summed by name, idle money shared, and the set as JSON. */
#include "serve/opencost.h"

/* Rows of the books as OpenCost names them. */
#define OC_IDLE        "__idle__"
#define OC_UNALLOCATED "__unallocated__"
#define OC_OVERHEAD    "__overhead__"

struct gw_oc_allocation {
    const char *name;
    gw_leaf_kind kind;
    gw_oc_leaf first; /* of the leaves in it: what they all share is its properties */
    bool same_cluster, same_node, same_ns, same_controller, same_pod, same_container;
    gw_micro bill;   /* of its own leaves */
    gw_micro shared; /* idle money that it was given */
    double unpriced_ms, priced_ms;
    double gpu_ms, used_ms, known_ms, unknown_ms;
    double cpu_core_ms, cpu_used_core_ms, ram_byte_ms; /* < 0: unknown for one of its pods */
    gw_interval active;
};

void gw_oc_set_init(gw_oc_set *s, const gw_oc_query *q, gw_interval window)
{
    *s = (gw_oc_set){.query = q, .window = window, .held_only = q->n_terms > 0};
    gw_map_init(&s->by_name);
    gw_map_init(&s->idle_clusters);
    gw_arena_init(&s->arena, 0);
    gw_buf_init(&s->key, (size_t)1 << 16);
}

void gw_oc_set_free(gw_oc_set *s)
{
    gw_free(s->items);
    gw_free(s->idle);
    gw_map_free(&s->by_name);
    gw_map_free(&s->idle_clusters);
    gw_arena_free(&s->arena);
    gw_buf_free(&s->key);
}

/* ---- what a leaf is called ----------------------------------------------------------------------------- */

static bool is_kind(const gw_oc_leaf *x, const char *kind)
{
    return x->controller_kind && strcasecmp(x->controller_kind, kind) == 0;
}

static bool controlled(const gw_oc_leaf *x)
{
    return x->controller && *x->controller && x->controller_kind && *x->controller_kind && !is_kind(x, "Pod");
}

static const char *controller_of(const gw_oc_leaf *x, const char *kind)
{
    return controlled(x) && is_kind(x, kind) ? x->controller : NULL;
}

/* The value of a property; NULL or "" where there is none. small: letters to be made small. */
static const char *value_of(const gw_oc_leaf *x, const gw_oc_by *by, bool *small)
{
    *small = false;
    switch (by->property) {
    case GW_OC_CLUSTER:
        return x->cluster;
    case GW_OC_NODE:
        return x->node;
    case GW_OC_NAMESPACE:
        return x->ns;
    case GW_OC_CONTROLLER_KIND:
        *small = true;
        return controlled(x) ? x->controller_kind : NULL;
    case GW_OC_CONTROLLER:
        return controlled(x) ? x->controller : NULL;
    case GW_OC_DEPLOYMENT:
        return controller_of(x, "Deployment");
    case GW_OC_STATEFULSET:
        return controller_of(x, "StatefulSet");
    case GW_OC_DAEMONSET:
        return controller_of(x, "DaemonSet");
    case GW_OC_JOB:
        return controller_of(x, "Job");
    case GW_OC_POD:
        return x->pod;
    case GW_OC_CONTAINER:
        return x->container;
    case GW_OC_PROVIDER_ID:
        return x->provider_id;
    case GW_OC_TEAM:
        return x->team;
    case GW_OC_ENVIRONMENT:
        return x->environment;
    case GW_OC_LABEL:
        return x->label ? x->label(x, by->label) : NULL;
    default:
        return NULL;
    }
}

static void put_value(gw_buf *b, const char *v, bool small)
{
    if (!v || !*v)
        v = OC_UNALLOCATED;
    for (; *v; v++)
        gw_buf_putc(b, small && *v >= 'A' && *v <= 'Z' ? (char)(*v + 32) : *v);
}

static void put_part(gw_buf *b, const gw_oc_leaf *x, const gw_oc_by *by)
{
    bool small;
    const char *v = value_of(x, by, &small);
    if (by->property == GW_OC_CONTROLLER && v) {
        put_value(b, x->controller_kind, true);
        gw_buf_putc(b, ':');
    }
    put_value(b, v, small);
}

/* The name into s->key: what it is aggregated by, with '/' between. */
static void put_name(gw_oc_set *s, const gw_oc_leaf *x)
{
    static const gw_oc_by each[] = {
        {GW_OC_CLUSTER, NULL}, {GW_OC_NODE, NULL}, {GW_OC_NAMESPACE, NULL}, {GW_OC_POD, NULL}};
    const gw_oc_by *by = s->query->n_by ? s->query->by : each;
    size_t n = s->query->n_by ? s->query->n_by : GW_COUNT(each);
    gw_buf_clear(&s->key);
    if (x->kind == GW_LEAF_OVERHEAD) {
        gw_buf_puts(&s->key, OC_OVERHEAD);
        return;
    }
    if (x->kind == GW_LEAF_IDLE) {
        if (s->query->idle_by_node) {
            put_value(&s->key, x->node, false);
            gw_buf_putc(&s->key, '/');
        }
        gw_buf_puts(&s->key, OC_IDLE);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (i)
            gw_buf_putc(&s->key, '/');
        put_part(&s->key, x, &by[i]);
    }
    if (!s->query->n_by && x->container && *x->container) {
        gw_buf_putc(&s->key, '/');
        gw_buf_puts(&s->key, x->container);
    }
}

/* ---- filters ------------------------------------------------------------------------------------------- */

static bool equal(const char *value, const char *wanted, bool prefix, bool small)
{
    size_t n = strlen(wanted);
    int differs = small ? strncasecmp(value, wanted, n) : strncmp(value, wanted, n);
    return differs == 0 && (prefix || value[n] == '\0');
}

static bool term_passes(const gw_oc_term *t, const gw_oc_leaf *x)
{
    bool small, found = false;
    const char *v = value_of(x, &t->by, &small);
    if (!v || !*v)
        v = OC_UNALLOCATED;
    for (size_t i = 0; i < t->n_values && !found; i++) {
        const char *wanted = t->values[i], *colon = strchr(wanted, ':');
        /* "deployment:chat" names a controller with its kind */
        if (t->by.property == GW_OC_CONTROLLER && colon && x->controller_kind)
            found = strlen(x->controller_kind) == (size_t)(colon - wanted) &&
                    strncasecmp(x->controller_kind, wanted, (size_t)(colon - wanted)) == 0 &&
                    equal(v, colon + 1, t->prefix, false);
        found |= equal(v, wanted, t->prefix, small);
    }
    return found != t->not ;
}

static bool passes(const gw_oc_set *s, const gw_oc_leaf *x)
{
    if (x->kind != GW_LEAF_HELD)
        return !s->held_only && (s->query->include_idle || s->query->share_idle);
    for (size_t i = 0; i < s->query->n_terms; i++) {
        if (!term_passes(&s->query->terms[i], x))
            return false;
    }
    return true;
}

/* ---- sums ---------------------------------------------------------------------------------------------- */

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static bool same(const char *a, const char *b)
{
    return strcmp(or_empty(a), or_empty(b)) == 0;
}

/* The leaf may go; what an allocation says of itself stays. */
static int keep_texts(gw_oc_set *s, gw_oc_leaf *x)
{
    const char **const texts[] = {&x->cluster, &x->node,       &x->provider_id,     &x->ns,
                                  &x->pod,     &x->container,  &x->controller_kind, &x->controller,
                                  &x->team,    &x->environment};
    for (size_t i = 0; i < GW_COUNT(texts); i++) {
        if (*texts[i] && !(*texts[i] = gw_arena_strdup(&s->arena, *texts[i])))
            return GW_ENOMEM;
    }
    return 0;
}

static uint32_t find_or_add(gw_oc_set *s, const gw_oc_leaf *x, gw_error *e)
{
    put_name(s, x);
    int rc = gw_buf_check(&s->key, "the name of an allocation", e);
    gw_str name = {s->key.data, s->key.len};
    uint32_t i = rc ? GW_NONE : gw_map_get(&s->by_name, name);
    if (rc || i != GW_NONE)
        return i;
    if (gw_grow((void **)&s->items, &s->cap, s->n + 1, sizeof(*s->items), GW_OC_NAMES_MAX)) {
        if (s->n >= GW_OC_NAMES_MAX)
            gw_fail(e, GW_ELIMIT, "more than %d allocations: aggregate by fewer properties", GW_OC_NAMES_MAX);
        else
            gw_fail_memory(e);
        return GW_NONE;
    }
    gw_oc_allocation a = {.name = gw_arena_strndup(&s->arena, name.p, name.n), .first = *x};
    if (!a.name || keep_texts(s, &a.first) || gw_map_set(&s->by_name, name, (uint32_t)s->n)) {
        gw_fail_memory(e);
        return GW_NONE;
    }
    s->items[s->n] = (gw_oc_allocation){.name = a.name,
                                        .kind = x->kind,
                                        .first = a.first,
                                        .same_cluster = true,
                                        .same_node = true,
                                        .same_ns = true,
                                        .same_controller = true,
                                        .same_pod = true,
                                        .same_container = true,
                                        .active = x->active};
    return (uint32_t)s->n++;
}

static void add_quantity(double *into, double more)
{
    *into = *into < 0 || more < 0 ? -1 : *into + more;
}

static void compare(gw_oc_allocation *a, const gw_oc_leaf *x)
{
    a->same_cluster &= same(a->first.cluster, x->cluster);
    a->same_node &= same(a->first.node, x->node);
    a->same_ns &= same(a->first.ns, x->ns);
    a->same_controller &= same(a->first.controller, x->controller) &&
                          same(a->first.controller_kind, x->controller_kind) && a->same_ns;
    a->same_pod &= same(a->first.pod, x->pod) && a->same_ns;
    a->same_container &= same(a->first.container, x->container) && a->same_pod;
}

static void add_leaf(gw_oc_allocation *a, const gw_oc_leaf *x, gw_interval window)
{
    gw_interval active = gw_interval_cut(gw_interval_ms(x->active) ? x->active : window, window);
    a->bill += x->bill;
    a->unpriced_ms += x->unpriced_ms;
    a->priced_ms += GW_MAX(0, x->gpu_ms - x->unpriced_ms);
    a->gpu_ms += x->gpu_ms;
    a->used_ms += x->used_ms;
    a->known_ms += x->known_ms;
    a->unknown_ms += x->unknown_ms;
    add_quantity(&a->cpu_core_ms, x->cpu_core_ms);
    add_quantity(&a->cpu_used_core_ms, x->cpu_used_core_ms);
    add_quantity(&a->ram_byte_ms, x->ram_byte_ms);
    a->active.start_ms = GW_MIN(a->active.start_ms, active.start_ms);
    a->active.end_ms = GW_MAX(a->active.end_ms, active.end_ms);
    compare(a, x);
}

/* Idle money of a cluster, to be shared when all leaves are there. */
static int add_idle(gw_oc_set *s, const gw_oc_leaf *x, gw_error *e)
{
    gw_str cluster = gw_str_of(or_empty(x->cluster));
    uint32_t i = gw_map_get(&s->idle_clusters, cluster);
    if (i == GW_NONE) {
        i = (uint32_t)s->idle_clusters.n;
        if (gw_grow((void **)&s->idle, &s->cap_idle, i + 1, sizeof(*s->idle), GW_OC_NAMES_MAX))
            return gw_fail_memory(e);
        s->idle[i] = 0;
        if (gw_map_set(&s->idle_clusters, cluster, i))
            return gw_fail_memory(e);
    }
    s->idle[i] += x->bill;
    return 0;
}

int gw_oc_set_add(gw_oc_set *s, const gw_oc_leaf *x, gw_error *e)
{
    gw_oc_leaf first = *x;
    if (!passes(s, x))
        return 0;
    if (x->kind == GW_LEAF_IDLE && s->query->share_idle)
        return add_idle(s, x, e);
    first.active = gw_interval_cut(gw_interval_ms(x->active) ? x->active : s->window, s->window);
    uint32_t i = find_or_add(s, &first, e);
    if (i == GW_NONE)
        return e ? e->code : GW_ENOMEM;
    add_leaf(&s->items[i], x, s->window);
    return 0;
}

/* ---- sharing idle money -------------------------------------------------------------------------------- */

/* Shares one cluster's idle money over its allocations by what their GPUs cost; with nobody to share it it
 * stays idle. An allocation over several clusters counts to the one that it was seen in first. */
static int share_one(gw_oc_set *s, const char *cluster, gw_micro idle, gw_error *e)
{
    double *weight = gw_calloc(s->n + 1, sizeof(*weight));
    gw_micro *part = gw_calloc(s->n + 1, sizeof(*part));
    double all = 0;
    int rc = weight && part ? 0 : gw_fail_memory(e);
    for (size_t i = 0; i < s->n && rc == 0; i++) {
        const gw_oc_allocation *a = &s->items[i];
        if (a->kind == GW_LEAF_HELD && same(a->first.cluster, cluster) && a->bill > 0)
            weight[i] = (double)a->bill;
        all += weight[i];
    }
    if (rc == 0 && all > 0) {
        rc = gw_apportion(idle, weight, s->n, part) ? gw_fail_memory(e) : 0;
        for (size_t i = 0; i < s->n && rc == 0; i++)
            s->items[i].shared += part[i];
    } else if (rc == 0) {
        gw_oc_leaf left = {.kind = GW_LEAF_IDLE, .cluster = cluster, .bill = idle, .active = s->window};
        uint32_t i = find_or_add(s, &left, e);
        rc = i == GW_NONE ? GW_ENOMEM : 0;
        if (rc == 0)
            add_leaf(&s->items[i], &left, s->window);
    }
    gw_free(weight);
    gw_free(part);
    return rc;
}

int gw_oc_set_finish(gw_oc_set *s, gw_error *e)
{
    for (size_t i = 0; i < s->idle_clusters.n; i++) {
        const gw_map_entry *x = &s->idle_clusters.entries[i];
        int rc = s->idle[x->value] ? share_one(s, x->key, s->idle[x->value], e) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

gw_micro gw_oc_set_total(const gw_oc_set *s)
{
    gw_micro total = 0;
    for (size_t i = 0; i < s->n; i++)
        total += s->items[i].bill + s->items[i].shared;
    return total;
}

/* ---- JSON ---------------------------------------------------------------------------------------------- */

static void put_text(gw_doc *d, const char *key, const char *v, bool shown)
{
    if (shown && v && *v)
        gw_doc_text(d, key, v);
}

static void write_properties(const gw_oc_allocation *a, gw_doc *d)
{
    const gw_oc_leaf *x = &a->first;
    char kind[64];
    gw_doc_object(d, "properties");
    put_text(d, "cluster", x->cluster, a->same_cluster);
    if (a->kind == GW_LEAF_HELD) {
        put_text(d, "node", x->node, a->same_node);
        put_text(d, "container", x->container, a->same_container);
        if (a->same_controller && controlled(x)) {
            snprintf(kind, sizeof(kind), "%s", x->controller_kind);
            for (char *c = kind; *c; c++)
                *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
            gw_doc_text(d, "controller", x->controller);
            gw_doc_text(d, "controllerKind", kind);
        }
        put_text(d, "namespace", x->ns, a->same_ns);
        put_text(d, "pod", x->pod, a->same_pod);
        put_text(d, "providerID", x->provider_id, a->same_node);
    }
    gw_doc_end(d);
}

static void write_window(gw_doc *d, gw_interval w)
{
    char t[GW_TIME_TEXT_MAX];
    gw_doc_object(d, "window");
    gw_doc_text(d, "start", gw_time_format(w.start_ms, t));
    gw_doc_text(d, "end", gw_time_format(w.end_ms, t));
    gw_doc_end(d);
}

/* A quantity per hour of the allocation's life; null where it is unknown. */
static void put_rate(gw_doc *d, const char *key, double unit_ms, double ms)
{
    if (unit_ms < 0 || ms <= 0)
        gw_doc_null(d, key);
    else
        gw_doc_number(d, key, unit_ms / ms, 6);
}

static void put_hours(gw_doc *d, const char *key, double unit_ms)
{
    if (unit_ms < 0)
        gw_doc_null(d, key);
    else
        gw_doc_number(d, key, unit_ms / (double)GW_HOUR_MS, 6);
}

/* What idle time and overhead have none of. */
static double of_pods(const gw_oc_allocation *a, double v)
{
    return a->kind == GW_LEAF_HELD ? v : -1;
}

static void write_cpu(const gw_oc_allocation *a, double ms, gw_doc *d)
{
    double cores = of_pods(a, a->cpu_core_ms);
    double used = of_pods(a, a->cpu_used_core_ms);
    put_rate(d, "cpuCores", cores, ms);
    put_rate(d, "cpuCoreRequestAverage", cores, ms);
    gw_doc_null(d, "cpuCoreLimitAverage");
    put_rate(d, "cpuCoreUsageAverage", used, ms);
    put_hours(d, "cpuCoreHours", cores);
    gw_doc_money(d, "cpuCost", 0);
    gw_doc_money(d, "cpuCostAdjustment", 0);
    gw_doc_money(d, "cpuCostIdle", 0);
    if (cores > 0 && used >= 0)
        gw_doc_number(d, "cpuEfficiency", used / cores, 6);
    else
        gw_doc_null(d, "cpuEfficiency");
}

/* Whether any of its GPU time has a price (overhead has none, and money all the same). */
static bool priced(const gw_oc_allocation *a)
{
    return a->bill != 0 || a->shared != 0 || a->priced_ms > 0 || a->unpriced_ms <= 0;
}

static void put_efficiency(const gw_oc_allocation *a, const char *key, gw_doc *d)
{
    if (a->kind == GW_LEAF_HELD && a->known_ms > 0)
        gw_doc_number(d, key, a->used_ms / a->known_ms, 6);
    else if (a->kind == GW_LEAF_IDLE && a->unknown_ms <= 0)
        gw_doc_number(d, key, 0, 6);
    else
        gw_doc_null(d, key);
}

static void write_gpu(const gw_oc_allocation *a, double ms, gw_doc *d)
{
    gw_micro own = a->kind == GW_LEAF_OVERHEAD ? 0 : a->bill + a->shared;
    put_rate(d, "gpuCount", a->gpu_ms, ms);
    put_hours(d, "gpuHours", a->gpu_ms);
    gw_doc_money(d, "gpuCost", priced(a) ? own : GW_MICRO_UNKNOWN);
    gw_doc_money(d, "gpuCostAdjustment", 0);
    gw_doc_money(d, "gpuCostIdle", a->shared);
    put_efficiency(a, "gpuEfficiency", d);
}

static void write_ram(const gw_oc_allocation *a, double ms, gw_doc *d)
{
    double bytes = of_pods(a, a->ram_byte_ms);
    put_rate(d, "ramBytes", bytes, ms);
    put_rate(d, "ramByteRequestAverage", bytes, ms);
    gw_doc_null(d, "ramByteLimitAverage");
    gw_doc_null(d, "ramByteUsageAverage");
    put_hours(d, "ramByteHours", bytes);
    gw_doc_money(d, "ramCost", 0);
    gw_doc_money(d, "ramCostAdjustment", 0);
    gw_doc_money(d, "ramCostIdle", 0);
    gw_doc_null(d, "ramEfficiency");
}

/* What gpuwise neither measures nor bills: quantities are null, amounts 0, since the bill has none of them.
 */
static void write_others(gw_doc *d)
{
    static const char *const amounts[] = {
        "networkCost",           "networkCrossZoneCost", "networkCrossRegionCost",     "networkInternetCost",
        "networkCostAdjustment", "loadBalancerCost",     "loadBalancerCostAdjustment", "pvCost",
        "pvCostAdjustment"};
    static const char *const quantities[] = {
        "networkTransferBytes", "networkReceiveBytes", "pvBytes", "pvByteHours", "pvs",
        "lbAllocations",        "gpuAllocation"};
    for (size_t i = 0; i < GW_COUNT(amounts); i++)
        gw_doc_money(d, amounts[i], 0);
    for (size_t i = 0; i < GW_COUNT(quantities); i++)
        gw_doc_null(d, quantities[i]);
}

static void write_allocation(const gw_oc_set *s, const gw_oc_allocation *a, gw_doc *d)
{
    char t[GW_TIME_TEXT_MAX];
    double ms = (double)gw_interval_ms(a->active);
    gw_doc_object(d, a->name);
    gw_doc_text(d, "name", a->name);
    write_properties(a, d);
    write_window(d, s->window);
    gw_doc_text(d, "start", gw_time_format(a->active.start_ms, t));
    gw_doc_text(d, "end", gw_time_format(a->active.end_ms, t));
    gw_doc_number(d, "minutes", ms / (double)GW_MINUTE_MS, 3);
    write_cpu(a, ms, d);
    write_gpu(a, ms, d);
    write_ram(a, ms, d);
    write_others(d);
    gw_doc_money(d, "externalCost", 0);
    gw_doc_money(d, "sharedCost", a->kind == GW_LEAF_OVERHEAD ? a->bill : 0);
    gw_doc_money(d, "totalCost", priced(a) ? a->bill + a->shared : GW_MICRO_UNKNOWN);
    put_efficiency(a, "totalEfficiency", d);
    gw_doc_end(d);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const gw_oc_allocation *)a)->name, ((const gw_oc_allocation *)b)->name);
}

int gw_oc_set_write(gw_oc_set *s, gw_doc *d, gw_error *e)
{
    /* the map's indices are of no use after this */
    if (s->n)
        qsort(s->items, s->n, sizeof(*s->items), by_name);
    gw_doc_object(d, NULL);
    for (size_t i = 0; i < s->n; i++)
        write_allocation(s, &s->items[i], d);
    gw_doc_end(d);
    return gw_buf_check(d->out, "allocations", e);
}
