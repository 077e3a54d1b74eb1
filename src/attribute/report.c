#include "attribute/report.h"

#include "base/buf.h"

#include "fleet/selector.h"

#define ROWS_MAX     ((size_t)4000000)
#define KEY_TEXT_MAX ((size_t)1 << 20) /* of one row or name: Kubernetes' own names end long before */
#define AMBIGUOUS    (GW_NONE - 1)     /* in builder.names: several namespaces have it */

static const struct {
    const char *name, *alias;
    gw_dimension dimension;
} dimensions[] = {
    {"namespace", "ns", GW_BY_NAMESPACE}, {"node", "nodes", GW_BY_NODE},
    {"gpu", "gpus", GW_BY_GPU},           {"pod", "pods", GW_BY_POD},
    {"workload", "wl", GW_BY_WORKLOAD},   {"cluster", "total", GW_BY_CLUSTER},
};

static int by_one(gw_str word, gw_arena *arena, gw_by *ret, gw_error *e)
{
    char *text = gw_arena_strndup(arena, word.p, word.n);
    if (!text)
        return gw_fail_memory(e);
    for (size_t i = 0; i < GW_COUNT(dimensions); i++) {
        if (strcmp(text, dimensions[i].name) == 0 || strcmp(text, dimensions[i].alias) == 0) {
            *ret = (gw_by){.dimension = dimensions[i].dimension, .name = dimensions[i].name};
            return 0;
        }
    }
    for (uint32_t i = 0; i < GW_N_OWNER_FIELDS; i++) {
        if (strcmp(text, gw_owner_field_name((gw_owner_field)i)) == 0) {
            *ret = (gw_by){.dimension = GW_BY_OWNERSHIP, .name = text, .ownership = i};
            return 0;
        }
    }
    if (gw_has_prefix(text, "label:") && text[6]) {
        *ret = (gw_by){.dimension = GW_BY_LABEL, .name = text, .label = text + 6};
        return 0;
    }
    gw_buf names;
    gw_buf_init(&names, 512);
    for (size_t i = 0; i < GW_COUNT(dimensions); i++)
        gw_buf_printf(&names, "%s, ", dimensions[i].name);
    for (uint32_t i = 0; i < GW_N_OWNER_FIELDS; i++)
        gw_buf_printf(&names, "%s, ", gw_owner_field_name((gw_owner_field)i));
    gw_fail(e, GW_EUSAGE, "cannot group by '%s': there are %slabel:NAME", text, names.data ? names.data : "");
    gw_buf_free(&names);
    return GW_EUSAGE;
}

int gw_by_parse(const char *text, gw_arena *arena, gw_by by[GW_MAX_BY], size_t *ret_n, gw_error *e)
{
    gw_by out[GW_MAX_BY];
    size_t n = 0;
    for (const char *p = text;;) {
        size_t len = strcspn(p, ",");
        if (len == 0)
            return gw_fail(e, GW_EUSAGE,
                           "'--by %s' has an empty name in it; write for example --by team,model", text);
        if (n == GW_MAX_BY)
            return gw_fail(e, GW_EUSAGE, "--by takes at most %d names", GW_MAX_BY);
        int rc = by_one((gw_str){p, len}, arena, &out[n], e);
        if (rc)
            return rc;
        for (size_t i = 0; i < n; i++) {
            if (strcmp(out[i].name, out[n].name) == 0)
                return gw_fail(e, GW_EUSAGE, "--by names '%s' twice: once is enough", out[n].name);
        }
        n++;
        if (!p[len])
            break;
        p += len + 1;
    }
    memcpy(by, out, n * sizeof(*by));
    *ret_n = n;
    return 0;
}

/* --- keys --- */

typedef struct builder {
    gw_report *r;
    const gw_report_options *o;
    gw_ownership ownership;
    gw_selector selector;
    gw_map rows, pairs; /* row keys; (row, pod or gpu) seen */
    gw_map names;       /* pod and workload names → the first pod that has one, or AMBIGUOUS */
    gw_buf key;         /* scratch for the keys of the maps */
} builder;

/* A label of a pod: its own, then its workload's, then its namespace's. An empty value is one: selectors see
 * it. */
static const char *label_of(const gw_fleet *f, uint32_t pod, const char *label)
{
    const gw_pod *p = &f->pods[pod];
    const char *v = gw_labels_get(&p->labels, label);
    if (!v && p->workload_kind) {
        uint32_t o = gw_fleet_find_owner(f, gw_str_of(p->ns), gw_str_of(p->workload_kind),
                                         gw_str_of(p->workload_name));
        v = o == GW_NONE ? NULL : gw_labels_get(&f->owners[o].labels, label);
    }
    uint32_t ns = v ? GW_NONE : gw_map_get(&f->by_ns, gw_str_of(p->ns));
    if (ns != GW_NONE)
        v = gw_labels_get(&f->ns_labels[ns], label);
    return v;
}

static const char *workload_name(const gw_pod *p)
{
    return p->workload_name ? p->workload_name : p->name;
}

/* Puts kind and name into the scratch key. */
static int name_key(builder *b, char kind, const char *name, gw_str *ret)
{
    gw_buf_clear(&b->key);
    gw_buf_putc(&b->key, kind);
    gw_buf_puts(&b->key, name);
    *ret = (gw_str){b->key.data, b->key.len};
    return b->key.failed;
}

/* A name alone where it is unique in the fleet, else with its namespace: two pods never share a row by
 * accident. NULL for want of memory. */
static const char *unique_name(builder *b, char kind, const char *ns, const char *name)
{
    gw_str key;
    if (name_key(b, kind, name, &key))
        return NULL;
    return gw_map_get(&b->names, key) == AMBIGUOUS ? gw_arena_printf(&b->r->arena, "%s/%s", ns, name) : name;
}

/* Enters a name of a pod; the second namespace that has it makes it ambiguous. */
static int enter_name(builder *b, char kind, uint32_t pod, const char *name)
{
    const gw_pod *pods = b->r->fleet->pods;
    gw_str key;
    int rc = name_key(b, kind, name, &key);
    if (rc)
        return rc;
    uint32_t first = gw_map_get(&b->names, key);
    if (first == AMBIGUOUS || (first != GW_NONE && gw_eq(pods[first].ns, pods[pod].ns)))
        return 0;
    return gw_map_set(&b->names, key, first == GW_NONE ? pod : AMBIGUOUS);
}

static const char *gpu_key(builder *b, const gw_leaf *x)
{
    const gw_fleet *f = b->r->fleet;
    uint32_t gpu = x->unit == GW_NONE ? GW_NONE : f->units[x->unit].gpu;
    if (gpu != GW_NONE)
        return f->gpus[gpu].uuid;
    return gw_arena_printf(&b->r->arena, "%s/unobserved", f->nodes[x->node].name);
}

static const char *key_of(builder *b, const gw_by *by, const gw_leaf *x)
{
    const gw_fleet *f = b->r->fleet;
    uint32_t pod = x->hold == GW_NONE ? GW_NONE : b->r->usage->holds[x->hold].pod;
    const char *v = NULL;
    if (by->dimension == GW_BY_CLUSTER)
        return x->node != GW_NONE && f->nodes[x->node].cluster ? f->nodes[x->node].cluster
                                                               : GW_CLUSTER_UNNAMED;
    if (by->dimension == GW_BY_NODE && x->node != GW_NONE)
        return f->nodes[x->node].name;
    if (x->unit == GW_NONE && !(x->time.paid > 0))
        return GW_KEY_OVERHEAD;
    if (by->dimension == GW_BY_GPU)
        return gpu_key(b, x);
    if (pod == GW_NONE)
        return GW_KEY_IDLE;
    const gw_pod *p = &f->pods[pod];
    switch (by->dimension) {
    case GW_BY_NAMESPACE:
        v = p->ns;
        break;
    case GW_BY_POD:
        v = unique_name(b, 'p', p->ns, p->name);
        break;
    case GW_BY_WORKLOAD:
        v = unique_name(b, 'w', p->ns, workload_name(p));
        break;
    case GW_BY_LABEL:
        v = label_of(f, pod, by->label);
        break;
    case GW_BY_OWNERSHIP:
        v = gw_owner_of(f, &b->ownership, pod, (gw_owner_field)by->ownership);
        break;
    default:
        break;
    }
    return v && *v ? v : GW_KEY_UNALLOCATED;
}

/* --- rows --- */

static void row_init(gw_row *row)
{
    *row = (gw_row){.class = GW_CLASS_NONE};
    gw_stats_init(&row->stats);
}

static uint32_t row_for(builder *b, const gw_leaf *x, gw_error *e)
{
    gw_report *r = b->r;
    const char *key[GW_MAX_BY];
    for (size_t i = 0; i < r->n_by; i++) {
        if (!(key[i] = key_of(b, &r->by[i], x))) {
            gw_fail_memory(e);
            return GW_NONE;
        }
    }
    gw_buf_clear(&b->key);
    for (size_t i = 0; i < r->n_by; i++)
        gw_buf_add(&b->key, key[i], strlen(key[i]) + 1);
    if (gw_buf_check(&b->key, "the key of a row", e))
        return GW_NONE;
    gw_str text = {b->key.data, b->key.len};
    uint32_t at = gw_map_get(&b->rows, text);
    if (at != GW_NONE)
        return at;
    if (gw_grow((void **)&r->rows, &r->cap_rows, r->n_rows + 1, sizeof(*r->rows), ROWS_MAX) ||
        gw_map_set(&b->rows, text, (uint32_t)r->n_rows)) {
        gw_fail_memory(e);
        return GW_NONE;
    }
    gw_row *row = &r->rows[r->n_rows];
    row_init(row);
    memcpy(row->key, key, r->n_by * sizeof(*key));
    return (uint32_t)r->n_rows++;
}

/* Counts a thing once a row. */
static int count_once(builder *b, uint32_t row, char kind, uint32_t thing, uint32_t *count)
{
    uint32_t k[3] = {row, (uint32_t)kind, thing};
    gw_str key = {(const char *)k, sizeof(k)};
    if (gw_map_get(&b->pairs, key) != GW_NONE)
        return 0;
    ++*count;
    return gw_map_set(&b->pairs, key, 1);
}

static void add_class(gw_row *row, gw_workload_class c, const char *reason)
{
    if (row->class == GW_CLASS_NONE) {
        row->class = c;
        row->class_reason = reason;
    } else if (row->class != c) {
        row->class = GW_CLASS_MIXED;
        row->class_reason = NULL;
    }
}

/* A field stays where all pods of the row agree. */
static void add_owner(builder *b, gw_row *row, uint32_t pod, bool first)
{
    for (int i = 0; i < GW_N_OWNER_FIELDS; i++) {
        const char *v = gw_owner_of(b->r->fleet, &b->ownership, pod, (gw_owner_field)i);
        if (first)
            row->owner[i] = v;
        else if (!gw_eq(row->owner[i], v))
            row->owner[i] = NULL;
    }
}

static int add_leaf(builder *b, gw_row *row, uint32_t row_id, const gw_leaf *x)
{
    gw_report *r = b->r;
    const gw_usage *u = r->usage;
    gw_cost_add(&row->cost, &x->cost);
    gw_gpu_time_add(&row->time, &x->time);
    if (x->unit == GW_NONE)
        return 0;
    uint32_t gpu = r->fleet->units[x->unit].gpu;
    if (gpu != GW_NONE && count_once(b, row_id, 'g', gpu, &row->n_gpus))
        return GW_ENOMEM;
    if (x->hold == GW_NONE) {
        /* states are those of time that somebody holds; a row that nobody holds has none but unknown */
        gw_stats idle = u->units[x->unit].idle;
        memset(idle.states, 0, sizeof(idle.states));
        return gw_stats_merge(&row->stats, &idle);
    }
    uint32_t pod = u->holds[x->hold].pod, before = row->n_pods;
    if (count_once(b, row_id, 'p', pod, &row->n_pods))
        return GW_ENOMEM;
    if (row->n_pods != before) {
        add_owner(b, row, pod, !row->held);
        if (r->pod_class)
            add_class(row, r->pod_class[pod], r->pod_class_reason ? r->pod_class_reason[pod] : NULL);
        else
            add_class(row, GW_CLASS_UNKNOWN, NULL);
    }
    row->held = true;
    return gw_stats_merge(&row->stats, &u->holds[x->hold].stats);
}

static gw_profile profile_of(const gw_quantity *q, const gw_hist *h)
{
    return (gw_profile){gw_quantity_mean(q), gw_hist_quantile(h, 0.95), q->known > 0 ? q->peak : -1};
}

static void finish_row(gw_row *row)
{
    row->compute = profile_of(&row->stats.compute, row->stats.compute_hist);
    row->memory = profile_of(&row->stats.memory, row->stats.memory_hist);
    /* a histogram answers with a bin's edge: never beyond the largest sample */
    if (row->compute.peak >= 0)
        row->compute.p95 = GW_MIN(row->compute.p95, row->compute.peak);
    if (row->memory.peak >= 0)
        row->memory.p95 = GW_MIN(row->memory.p95, row->memory.peak);
    for (int i = 0; i < GW_N_COMPUTE_SIGNALS; i++) {
        if (row->stats.by_signal[i] > 0)
            row->signals |= 1u << i;
    }
}

static const char *selector_label(void *ctx, const char *name)
{
    const void *const *p = ctx;
    return label_of(p[0], (uint32_t)(uintptr_t)p[1], name);
}

static bool wanted(builder *b, const gw_leaf *x)
{
    const gw_filter *filter = &b->o->filter;
    if (!filter->ns && !b->selector.n)
        return true;
    if (x->hold == GW_NONE)
        return false; /* idle time and overhead belong to nobody */
    uint32_t pod = b->r->usage->holds[x->hold].pod;
    const void *ctx[2] = {b->r->fleet, (const void *)(uintptr_t)pod};
    return (!filter->ns || strcmp(b->r->fleet->pods[pod].ns, filter->ns) == 0) &&
           (!b->selector.n || gw_selector_matches_with(&b->selector, selector_label, ctx));
}

/* --- order --- */

static double hours(double ms)
{
    return ms / (double)GW_HOUR_MS;
}

static double sort_value(const gw_row *x, const char *column)
{
    const struct {
        const char *name;
        double value;
    } all[] = {
        {"bill", (double)x->cost.bill},
        {"cost", (double)x->cost.bill},
        {"used", (double)x->cost.used},
        {"wasted", (double)x->cost.wasted},
        {"reclaimable", (double)x->cost.reclaimable},
        {"idle", (double)x->cost.idle},
        {"unknown", (double)x->cost.unknown},
        {"overhead", (double)x->cost.overhead},
        {"gpu-hours", hours(x->time.paid)},
        {"allocated", hours(x->time.allocated)},
        {"compute", x->compute.mean},
        {"compute-p95", x->compute.p95},
        {"compute-peak", x->compute.peak},
        {"memory", x->memory.mean},
        {"memory-peak", x->memory.peak},
        {"pods", x->n_pods},
        {"gpus", x->n_gpus},
    };
    for (size_t i = 0; i < GW_COUNT(all); i++) {
        if (strcmp(all[i].name, column) == 0)
            return all[i].value;
    }
    return -2; /* "name" and nothing else: checked before */
}

static int check_sort(const char *column, gw_error *e)
{
    gw_row none;
    row_init(&none);
    none.compute.mean = none.compute.p95 = none.compute.peak = none.memory.mean = none.memory.peak = -1;
    if (strcmp(column, "name") == 0 || sort_value(&none, column) > -2)
        return 0;
    return gw_fail(e, GW_EUSAGE,
                   "cannot sort by '%s': there are name, bill, used, wasted, reclaimable, idle, unknown, "
                   "overhead, gpu-hours, "
                   "allocated, compute, compute-p95, compute-peak, memory, memory-peak, pods, gpus",
                   column);
}

static int by_column(const void *a, const void *b, void *column)
{
    const gw_row *x = a, *y = b;
    if (strcmp(column, "name") != 0) {
        double u = sort_value(x, column), v = sort_value(y, column);
        if (u != v)
            return u > v ? -1 : 1;
        if (x->time.paid != y->time.paid)
            return x->time.paid > y->time.paid ? -1 : 1;
    }
    for (size_t i = 0; i < GW_MAX_BY && x->key[i] && y->key[i]; i++) {
        int c = strcmp(x->key[i], y->key[i]);
        if (c)
            return c;
    }
    return 0;
}

/* --- what is not known --- */

static int note(gw_report *r, double gpu_ms, const char *what, const char *why)
{
    if (gw_grow((void **)&r->unknowns, &r->cap_unknowns, r->n_unknowns + 1, sizeof(*r->unknowns), ROWS_MAX))
        return GW_ENOMEM;
    r->unknowns[r->n_unknowns++] = (gw_unknown){what, why, gpu_ms};
    return what && why ? 0 : GW_ENOMEM;
}

static int note_unpriced(builder *b)
{
    gw_report *r = b->r;
    gw_map types;
    gw_map_init(&types);
    int rc = 0;
    size_t first = r->n_unknowns;
    for (size_t i = 0; i < r->ledger->n_leaves && !rc; i++) {
        const gw_leaf *x = &r->ledger->leaves[i];
        if (!(x->cost.unpriced_ms > 0) || x->node == GW_NONE || !wanted(b, x))
            continue;
        const gw_node *n = &r->fleet->nodes[x->node];
        const gw_node_price *p = x->node < r->prices->n_nodes ? &r->prices->nodes[x->node] : NULL;
        const char *type = n->instance_type ? n->instance_type : n->name;
        uint32_t at = gw_map_get(&types, gw_str_of(type));
        if (at == GW_NONE) {
            at = (uint32_t)(r->n_unknowns - first);
            rc = gw_map_set(&types, gw_str_of(type), at);
            const char *what = gw_arena_printf(&r->arena, "price of %s %s",
                                               n->instance_type ? "instance type" : "node", type);
            if (!rc)
                rc = note(r, 0, what,
                          p && p->why_unknown ? p->why_unknown : "no price list has it; add --prices FILE");
        }
        if (!rc)
            r->unknowns[first + at].gpu_ms += x->cost.unpriced_ms;
    }
    gw_map_free(&types);
    return rc;
}

static int note_unknowns(builder *b)
{
    gw_report *r = b->r;
    double never = 0, gaps = 0, unheld = 0, no_memory = 0, unseen = 0;
    for (size_t i = 0; i < r->ledger->n_leaves; i++) {
        const gw_leaf *x = &r->ledger->leaves[i];
        if (!wanted(b, x))
            continue;
        if (x->unit == GW_NONE) {
            unseen += x->time.unknown;
            continue;
        }
        bool unobserved = r->fleet->units[x->unit].gpu == GW_NONE;
        if (x->hold == GW_NONE) {
            unheld += unobserved ? 0 : x->time.unknown;
            continue;
        }
        const gw_stats *s = &r->usage->holds[x->hold].stats;
        if (!(s->known > 0))
            never += x->time.unknown;
        else
            gaps += x->time.unknown;
        if (!(s->memory.known > 0) && s->known > 0)
            no_memory += s->known;
    }
    int rc = note_unpriced(b);
    if (!rc && never > 0)
        rc = note(r, never, "compute use of GPUs that pods hold",
                  "no valid SM_ACTIVE, GR_ENGINE_ACTIVE or GPU_UTIL sample names them");
    if (!rc && gaps > 0)
        rc = note(r, gaps, "compute use while samples were missing",
                  "gaps longer than 5 minutes in the exporter's series");
    if (!rc && unheld > 0)
        rc = note(r, unheld, "who held GPUs while nothing was reported",
                  "gaps in the exporter's series between two holders");
    if (!rc && unseen > 0)
        rc = note(
            r, unseen, "GPUs that an instance type has and nobody reports",
            "the price list gives the instance more GPUs than its exporter and kube-state-metrics tell of");
    if (!rc && no_memory > 0)
        rc = note(
            r, no_memory, "what could be reclaimed from GPUs without a memory reading",
            "DCGM_FI_DEV_FB_USED with FB_FREE is missing, so a full memory cannot be told from an empty one");
    for (size_t i = 0; i < r->usage->n_unknowns && !rc && !b->o->filter.ns && !b->selector.n; i++)
        rc = note(r, r->usage->unknowns[i].gpu_ms, r->usage->unknowns[i].what, r->usage->unknowns[i].why);
    return rc;
}

static int group(builder *b, gw_error *e)
{
    gw_report *r = b->r;
    for (size_t i = 0; i < r->fleet->n_pods; i++) {
        const gw_pod *p = &r->fleet->pods[i];
        if (enter_name(b, 'p', (uint32_t)i, p->name) || enter_name(b, 'w', (uint32_t)i, workload_name(p)))
            return b->key.failed ? gw_buf_check(&b->key, "a name", e) : gw_fail_memory(e);
    }
    for (size_t i = 0; i < r->ledger->n_leaves; i++) {
        const gw_leaf *x = &r->ledger->leaves[i];
        if (!wanted(b, x))
            continue;
        uint32_t at = row_for(b, x, e);
        if (at == GW_NONE)
            return b->key.failed ? b->key.failed : GW_ENOMEM;
        if (add_leaf(b, &r->rows[at], at, x) || add_leaf(b, &r->total, GW_NONE, x))
            return gw_fail_memory(e);
    }
    for (size_t i = 0; i < r->n_rows; i++)
        finish_row(&r->rows[i]);
    finish_row(&r->total);
    return note_unknowns(b) ? gw_fail_memory(e) : 0;
}

int gw_report_build(gw_report *r, const gw_report_options *o, gw_error *e)
{
    builder b = {.r = r, .o = o};
    if (o->ownership)
        b.ownership = *o->ownership;
    else
        gw_ownership_defaults(&b.ownership);
    r->rows = NULL;
    r->unknowns = NULL;
    r->n_rows = r->cap_rows = r->n_unknowns = r->cap_unknowns = 0;
    row_init(&r->total);
    gw_arena_init(&r->arena, 0);
    memcpy(r->by, o->by, sizeof(r->by));
    r->n_by = o->n_by;
    gw_map_init(&b.rows);
    gw_map_init(&b.pairs);
    gw_map_init(&b.names);
    gw_buf_init(&b.key, KEY_TEXT_MAX);
    const char *column = o->sort_by ? o->sort_by : "bill";
    int rc = check_sort(column, e);
    if (!rc && o->filter.selector)
        rc = gw_selector_parse(gw_str_of(o->filter.selector), &r->arena, &b.selector, e);
    if (!rc)
        rc = group(&b, e);
    if (!rc && r->n_rows)
        qsort_r(r->rows, r->n_rows, sizeof(*r->rows), by_column, (void *)(uintptr_t)column);
    gw_map_free(&b.rows);
    gw_map_free(&b.pairs);
    gw_map_free(&b.names);
    gw_buf_free(&b.key);
    if (rc)
        gw_report_free(r);
    return rc;
}

void gw_report_free(gw_report *r)
{
    for (size_t i = 0; i < r->n_rows; i++)
        gw_stats_free(&r->rows[i].stats);
    gw_stats_free(&r->total.stats);
    gw_free(r->rows);
    gw_free(r->unknowns);
    r->rows = NULL;
    r->unknowns = NULL;
    r->n_rows = r->cap_rows = r->n_unknowns = r->cap_unknowns = 0;
    gw_arena_free(&r->arena);
}
