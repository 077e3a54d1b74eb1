/* A price for every GPU node of a fleet: what matched, what was done with it, and in words why. */
#include <math.h>
#include <strings.h>

#include "base/buf.h"
#include "price/match.h"
#include "price/onprem.h"

#define FORMULA_MAX ((size_t)4096) /* names of files, regions and types are cut to fit */

typedef struct pricer {
    const gw_price_list *l;
    price_index index;
    price_gpus *gpus; /* parallel to fleet->nodes */
    gw_arena *arena;
    gw_buf formula;
    gw_error *e;
} pricer;

/* A node on its way to a price. */
typedef struct job {
    price_subject s;
    const price_gpus *seen;
    price_match m;
    gw_micro hourly, gpu_hourly, overhead;
    int64_t gpus;
    double spot_discount; /* 0: the price that matched is for the node's own capacity */
    const char *why;
} job;

static const char *money(gw_micro m, char text[GW_MICRO_TEXT_MAX])
{
    return gw_micro_format(m, text);
}

/* A text that holds for as long as the book. NULL in, NULL out; on want of memory *failed is set. */
static const char *kept(pricer *p, const char *text, bool *failed)
{
    const char *copy = text ? gw_arena_strdup(p->arena, text) : NULL;
    *failed |= text && !copy;
    return copy;
}

static gw_micro share_of(gw_micro m, double share)
{
    return (gw_micro)llround((double)m * share);
}

/* How many GPUs the node's price is divided by: what the node says, else what its instance type has or the
 * price's row says, but never fewer than were seen on it. */
static int64_t count_gpus(const job *j, const gw_price *row)
{
    int64_t n = j->s.node->gpu_count;
    if (n <= 0 && row && row->gpus > 0)
        n = row->gpus;
    if (n <= 0 && j->s.instance)
        n = j->s.instance->gpus;
    if (n <= 0 || (j->s.node->gpu_count <= 0 && j->seen->seen > n))
        n = j->seen->seen;
    return n > 0 && n <= PRICE_MAX_GPUS ? n : GW_UNKNOWN_COUNT;
}

/* A price list's word is enough: a GPU instance without a driver is paid for like any other. */
static bool is_gpu_node(const pricer *p, const job *j)
{
    const gw_node *n = j->s.node;
    if (n->gpu_count > 0 || n->allocatable_gpus > 0 || n->gpu_product || j->seen->seen > 0 || j->s.instance)
        return true;
    uint32_t row = price_type_rows(&p->index, j->s.type);
    return row != GW_NONE && p->l->rows[row].gpus > 0;
}

static const char *region_like(const gw_price_list *l, const char *region)
{
    const char *like = NULL;
    uint64_t order = 0;
    for (size_t i = 0; region && i < l->n_regions; i++) {
        const price_region *r = &l->regions[i];
        if (strcmp(r->region, region) == 0 && price_order(r->file, r->line) >= order) {
            like = r->like;
            order = price_order(r->file, r->line);
        }
    }
    return like;
}

static bool search(const pricer *p, job *j, gw_capacity capacity)
{
    if (price_search(&p->index, &j->s, j->s.region, capacity, &j->m))
        return true;
    const char *like = region_like(p->l, j->s.region);
    return like && price_search(&p->index, &j->s, like, capacity, &j->m);
}

static bool rule_applies(const price_discount *d, const gw_price *row, const char *region,
                         gw_capacity capacity)
{
    size_t n = 0;
    const char *type = row->instance_type ? row->instance_type : "";
    const char *family = price_family(type, &n);
    bool for_it = d->capacity == GW_CAPACITY_UNKNOWN ? capacity != GW_CAPACITY_SPOT : d->capacity == capacity;
    return for_it && (d->provider == GW_PROVIDER_UNKNOWN || d->provider == row->provider) &&
           (!d->type || price_matches(d->type, type)) &&
           (!d->family || (strlen(d->family) == n && strncasecmp(d->family, family, n) == 0)) &&
           (!d->region || gw_eq(d->region, region));
}

/* The latest rule that applies; `otherwise` where none does. */
static double latest_rule(const price_discount *rules, size_t n, const gw_price *row, const char *region,
                          gw_capacity capacity, double otherwise)
{
    double discount = otherwise;
    uint64_t order = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t o = price_order(rules[i].file, rules[i].line);
        if (o >= order && rule_applies(&rules[i], row, region, capacity)) {
            discount = rules[i].discount;
            order = o;
        }
    }
    return discount;
}

/* The negotiated discount on a row: its own, else a rule's, else the option's. Rows for a node, a selector or
 * a GPU model say what is paid, so that only their own counts. */
static double discount_of(const pricer *p, const job *j)
{
    const gw_price *row = &p->l->rows[j->m.row];
    const price_note *note = &p->l->notes[j->m.row];
    gw_capacity c = j->s.capacity;
    if (note->discount >= 0)
        return note->discount;
    if (j->m.rank.tier != PRICE_TIER_TYPE && j->m.rank.tier != PRICE_TIER_CATALOGUE)
        return 0;
    return latest_rule(p->l->discounts, p->l->n_discounts, row, j->m.region, c,
                       c == GW_CAPACITY_SPOT ? 0 : p->l->o.discount);
}

/* Why nothing matched -------------------------------------------------------------------------------- */

/* The regions that have the type with this capacity: the first in *ret_first, and how many. */
static size_t regions_of(const pricer *p, const char *type, gw_capacity capacity, const char **ret_first)
{
    size_t n = 0;
    *ret_first = NULL;
    for (uint32_t row = price_type_rows(&p->index, type); row != GW_NONE; row = p->index.next[row]) {
        const gw_price *r = &p->l->rows[row];
        if (r->capacity != capacity || !r->region)
            continue;
        n++;
        if (!*ret_first || strcmp(r->region, *ret_first) < 0)
            *ret_first = r->region;
    }
    return n;
}

static const char *why_no_region(const pricer *p, const job *j)
{
    const char *first, *more = "";
    size_t n = regions_of(p, j->s.type, j->s.capacity, &first);
    if (n == 0)
        n = regions_of(p, j->s.type, GW_CAPACITY_ON_DEMAND, &first);
    if (n > 1)
        more = " and other regions";
    if (!first)
        return gw_arena_printf(p->arena,
                               "the price lists have %s, but not as %s: give its price with --prices",
                               j->s.type, gw_capacity_name(j->s.capacity));
    if (!j->s.region)
        return gw_arena_printf(p->arena,
                               "the price of %s depends on the region, and the node names none (label "
                               "topology.kubernetes.io/region): give --default-region",
                               j->s.type);
    return gw_arena_printf(
        p->arena,
        "no price list has %s in %s (they have it in %s%s): give its price with --prices, or "
        "say there under regions: whose prices hold in %s",
        j->s.type, j->s.region, first, more, j->s.region);
}

static const char *why_nothing(const pricer *p, const job *j)
{
    if (!j->s.type)
        return gw_arena_printf(
            p->arena,
            "the node names no instance type (label node.kubernetes.io/instance-type), and no "
            "row of --prices is for its name, labels or GPU (%s)",
            j->s.gpu ? j->s.gpu : "unknown");
    if (price_type_rows(&p->index, j->s.type) == GW_NONE)
        return gw_arena_printf(
            p->arena, "no price list knows the instance type %s: give its price with --prices", j->s.type);
    return why_no_region(p, j);
}

static const char *why_no_spot(const pricer *p, const job *j)
{
    char text[GW_MICRO_TEXT_MAX];
    bool known = gw_micro_known(j->m.hourly);
    return gw_arena_printf(p->arena,
                           "a spot node, and no price list has the spot price of %s%s%s%s%s%s: give it with "
                           "--prices, or --spot-discount off the on-demand price",
                           j->s.type ? j->s.type : "its type", j->m.region ? " in " : "",
                           j->m.region ? j->m.region : "", known ? " (on-demand it is $" : "",
                           known ? money(j->m.hourly, text) : "", known ? "/h)" : "");
}

/* Finds the row or class; false with j->why where there is none. */
static bool match(const pricer *p, job *j)
{
    gw_capacity c = j->s.capacity;
    if (search(p, j, c))
        return true;
    if (j->s.prepaid) {
        j->why =
            gw_arena_printf(p->arena,
                            "a capacity block, which is prepaid and has no list price: give the price paid "
                            "for %s with --prices",
                            j->s.type ? j->s.type : "the node");
        return false;
    }
    if (c == GW_CAPACITY_ON_DEMAND || !search(p, j, GW_CAPACITY_ON_DEMAND)) {
        j->why = why_nothing(p, j);
        return false;
    }
    if (c != GW_CAPACITY_SPOT)
        return true;
    j->spot_discount = j->m.class ? 0
                                  : latest_rule(p->l->spots, p->l->n_spots, &p->l->rows[j->m.row],
                                                j->m.region, GW_CAPACITY_ON_DEMAND,
                                                p->l->o.spot_discount > 0 ? p->l->o.spot_discount : -1);
    if (j->spot_discount < 0 || !gw_micro_known(j->m.hourly))
        j->why = why_no_spot(p, j);
    return !j->why;
}

/* From a row to money -------------------------------------------------------------------------------- */

static void say_row(pricer *p, const job *j)
{
    const gw_price *row = &p->l->rows[j->m.row];
    char text[GW_MICRO_TEXT_MAX];
    gw_buf *b = &p->formula;
    gw_buf_printf(b, "%s%s%s: ", row->source, row->as_of ? " of " : "", row->as_of ? row->as_of : "");
    if (row->instance_type)
        gw_buf_printf(b, "%s, ", row->instance_type);
    if (j->m.region && row->region)
        gw_buf_printf(b, "%s, ", j->m.region);
    gw_buf_printf(b, "%s", gw_capacity_name(j->m.capacity));
    if (gw_micro_known(j->m.hourly))
        gw_buf_printf(b, " $%s/h", money(j->m.hourly, text));
    if (j->m.zones)
        gw_buf_printf(b, " (mean over %" PRIu32 " zones)", j->m.zones);
    if (row->region && j->s.region_assumed)
        gw_buf_puts(b, " (the node names no region: the default one)");
    if (row->region && !gw_eq(j->m.region, j->s.region))
        gw_buf_printf(b, " (which --prices says to hold in %s)", j->s.region ? j->s.region : "unknown");
    if (j->s.node->capacity == GW_CAPACITY_UNKNOWN && row->capacity != GW_CAPACITY_UNKNOWN)
        gw_buf_puts(b, " (no label says spot)");
    if (j->s.capacity == GW_CAPACITY_RESERVED && row->capacity == GW_CAPACITY_ON_DEMAND)
        gw_buf_puts(b, " (a reservation costs the on-demand price)");
}

/* gpu_hourly × whole boards: an instance with an eighth of a GPU costs an eighth of a board's hour. */
static gw_micro by_gpu_hour(pricer *p, const job *j, gw_micro gpu_hourly)
{
    char text[GW_MICRO_TEXT_MAX];
    const price_instance *i = j->s.instance;
    bool part = i && i->gpus == 1 && i->gpu_milli > 0 && i->gpu_milli < 1000;
    double boards = part ? (double)i->gpu_milli / 1000 : (double)j->gpus;
    if (j->gpus == GW_UNKNOWN_COUNT)
        return GW_MICRO_UNKNOWN;
    gw_micro hourly = share_of(gpu_hourly, boards);
    gw_buf_printf(&p->formula, " $%s a GPU-hour × %g GPUs", money(gpu_hourly, text), boards);
    gw_buf_printf(&p->formula, " = $%s/h", money(hourly, text));
    return hourly;
}

static void add_to(pricer *p, gw_micro *hourly, gw_micro more, const char *what)
{
    char text[GW_MICRO_TEXT_MAX];
    *hourly += more;
    gw_buf_printf(&p->formula, " + $%s/h %s", money(more, text), what);
    gw_buf_printf(&p->formula, " = $%s/h", money(*hourly, text));
}

/* Prices that come on top of a node's row: attached accelerators of a host, OpenCost's GPU classes. */
static bool add_parts(pricer *p, job *j)
{
    const gw_price *row = &p->l->rows[j->m.row];
    const price_note *note = &p->l->notes[j->m.row];
    if (row->gpus == 0 && gw_micro_known(row->hourly)) {
        gw_micro more =
            j->gpus == GW_UNKNOWN_COUNT ? GW_MICRO_UNKNOWN : price_attached(&p->index, &j->s, &j->m, j->gpus);
        if (!gw_micro_known(more)) {
            j->why =
                gw_arena_printf(p->arena, "%s prices the host %s, and not the GPUs attached to it (%s)",
                                row->source, row->instance_type, j->s.gpu ? j->s.gpu : "of unknown model");
            return false;
        }
        add_to(p, &j->hourly, more, "for the attached GPUs");
    }
    const gw_price *added = note->added ? NULL : price_added(&p->index, &j->s, note->file);
    if (added && j->gpus != GW_UNKNOWN_COUNT)
        add_to(p, &j->hourly, added->gpu_hourly * j->gpus, "for its GPUs");
    return true;
}

static bool price_row(pricer *p, job *j)
{
    char text[GW_MICRO_TEXT_MAX];
    const gw_price *row = &p->l->rows[j->m.row];
    j->gpus = count_gpus(j, row);
    say_row(p, j);
    j->hourly = j->m.hourly;
    if (!gw_micro_known(j->hourly))
        j->hourly = by_gpu_hour(p, j, row->gpu_hourly);
    if (!gw_micro_known(j->hourly)) {
        j->why = gw_arena_printf(p->arena,
                                 "%s prices the GPU-hour, and how many GPUs the node has is not known (label "
                                 "nvidia.com/gpu.count)",
                                 row->source);
        return false;
    }
    if (!add_parts(p, j))
        return false;
    double discount = j->spot_discount > 0 ? j->spot_discount : discount_of(p, j);
    if (discount > 0) {
        j->hourly = share_of(j->hourly, 1 - discount);
        gw_buf_printf(&p->formula, " × (1 − %g %% %s) = $%s/h", discount * 100,
                      j->spot_discount > 0 ? "spot discount" : "negotiated discount", money(j->hourly, text));
    }
    return true;
}

static bool price_class_of(pricer *p, job *j)
{
    const price_class *c = j->m.class;
    j->gpus = count_gpus(j, NULL);
    double hourly = price_class_hourly(c, j->seen, j->gpus, &p->formula);
    if (isnan(hourly)) {
        j->why = gw_arena_printf(
            p->arena,
            "the on-premises class %s wants the node's power, no exporter reports it, and the "
            "class has no rated_watts",
            c->name);
        return false;
    }
    char text[GW_MICRO_TEXT_MAX];
    j->hourly = (gw_micro)llround(hourly * 1e6);
    gw_buf_printf(&p->formula, "; together $%s/h", money(j->hourly, text));
    return true;
}

/* The node's CPUs and memory: what its instance type has, since what Kubernetes can allocate is less. */
static int64_t hardware(int64_t of_type, int64_t of_node)
{
    return of_type > 0 ? of_type : of_node;
}

static int split(pricer *p, job *j)
{
    const price_instance *i = j->s.instance;
    const gw_node *n = j->s.node;
    const gw_price_ratio *r = &p->l->ratio;
    int64_t cpu = hardware(i ? i->vcpu_milli : -1, n->cpu_milli);
    int64_t ram = hardware(i ? i->memory_mib : -1, n->memory_mib);
    gw_micro part[3];
    char text[GW_MICRO_TEXT_MAX];
    if (j->gpus == GW_UNKNOWN_COUNT)
        return 0;
    if (cpu <= 0 || ram <= 0) {
        gw_buf_puts(&p->formula, "; not split, as its CPUs or memory are not known");
        return 0;
    }
    double weight[3] = {(double)j->gpus * r->gpu, (double)cpu / 1000 * r->cpu, (double)ram / 1024 * r->ram};
    if (gw_apportion(j->hourly, weight, 3, part))
        return gw_fail_memory(p->e);
    j->overhead = part[1] + part[2];
    gw_buf_printf(&p->formula, "; split %" PRId64 " GPUs × %g : %g vCPU × %g : %g GiB × %g: GPUs $%s/h",
                  j->gpus, r->gpu, (double)cpu / 1000, r->cpu, (double)ram / 1024, r->ram,
                  money(part[0], text));
    return 0;
}

static void divide(pricer *p, job *j)
{
    char text[GW_MICRO_TEXT_MAX];
    if (j->gpus == GW_UNKNOWN_COUNT) {
        j->why =
            gw_arena_printf(p->arena, "how many GPUs the node has is not known (label nvidia.com/gpu.count)");
        return;
    }
    gw_micro gpus = j->hourly - j->overhead;
    j->gpu_hourly = (gpus + j->gpus / 2) / j->gpus;
    gw_buf_printf(&p->formula, "; / %" PRId64 " %s = $%s a GPU-hour", j->gpus, j->gpus == 1 ? "GPU" : "GPUs",
                  money(j->gpu_hourly, text));
}

static int price_node(pricer *p, const gw_node *n, const price_gpus *seen, gw_node_price *ret)
{
    job j = {.s = price_subject_of(p->l, n, seen->model),
             .seen = seen,
             .hourly = GW_MICRO_UNKNOWN,
             .gpu_hourly = GW_MICRO_UNKNOWN,
             .gpus = GW_UNKNOWN_COUNT};
    *ret =
        (gw_node_price){.hourly = GW_MICRO_UNKNOWN, .gpu_hourly = GW_MICRO_UNKNOWN, .gpus = GW_UNKNOWN_COUNT};
    if (!is_gpu_node(p, &j))
        return 0;
    bool failed = false;
    gw_buf_clear(&p->formula);
    j.gpus = count_gpus(&j, NULL);
    bool priced = match(p, &j) && (j.m.class ? price_class_of(p, &j) : price_row(p, &j));
    if (priced && p->l->o.split && split(p, &j))
        return GW_ENOMEM;
    if (priced)
        divide(p, &j);
    else
        j.hourly = GW_MICRO_UNKNOWN;
    const gw_price *row = priced && !j.m.class ? &p->l->rows[j.m.row] : NULL;
    const char *source = row ? row->source : priced ? p->l->file[j.m.class->file] : NULL;
    ret->hourly = j.hourly;
    ret->gpu_hourly = j.gpu_hourly;
    ret->overhead_hourly = j.overhead;
    ret->gpus = j.gpus;
    ret->capacity = priced && j.m.class ? n->capacity : j.s.capacity;
    ret->region = kept(p, j.s.region, &failed);
    ret->instance_type = kept(p, j.s.type, &failed);
    ret->source = kept(p, source, &failed);
    ret->as_of = kept(p, row ? row->as_of : NULL, &failed);
    ret->formula = kept(p, priced ? p->formula.data : NULL, &failed);
    ret->why_unknown = j.why;
    /* a reason that could not be written for want of memory must not read as "not a GPU node" */
    failed |= (!priced || !gw_micro_known(j.gpu_hourly)) && !j.why;
    return failed || p->formula.failed == GW_ENOMEM ? gw_fail_memory(p->e) : 0;
}

/* The control plane ----------------------------------------------------------------------------------- */

/*
 * EKS $0.10 a cluster-hour (https://aws.amazon.com/eks/pricing/, standard support), GKE $0.10 in Standard and
 * Autopilot mode alike (https://cloud.google.com/kubernetes-engine/pricing; its monthly free credit for one
 * cluster is a matter of the bill), AKS free tier 0
 * (https://azure.microsoft.com/pricing/details/kubernetes-service/).
 */
static const struct {
    gw_provider provider;
    gw_micro hourly;
    const char *name;
} published[] = {{GW_PROVIDER_AWS, 100000, "EKS $0.10/h"},
                 {GW_PROVIDER_GCP, 100000, "GKE $0.10/h"},
                 {GW_PROVIDER_AZURE, 0, "AKS free tier"}};

/* One fee for each provider that runs a control plane in the fleet: a fleet over two clouds has two clusters.
 */
static int price_control_plane(pricer *p, const gw_fleet *f, gw_price_book *b)
{
    const gw_price_list *l = p->l;
    bool managed[PRICE_PROVIDERS] = {false};
    gw_buf_clear(&p->formula);
    for (size_t i = 0; i < f->n_nodes; i++)
        managed[f->nodes[i].provider] |= f->nodes[i].managed_control_plane;
    if (gw_micro_known(l->o.control_plane_hourly)) {
        b->control_plane_hourly = l->o.control_plane_hourly;
        gw_buf_puts(&p->formula, "as given");
    }
    for (size_t i = 0; !gw_micro_known(l->o.control_plane_hourly) && i < GW_COUNT(published); i++) {
        gw_provider k = published[i].provider;
        if (!managed[k])
            continue;
        bool own = gw_micro_known(l->control_plane[k]);
        b->control_plane_hourly += own ? l->control_plane[k] : published[i].hourly;
        gw_buf_printf(&p->formula, "%s%s", p->formula.len ? ", " : "",
                      own ? l->control_plane_source[k] : published[i].name);
    }
    if (p->formula.len) {
        b->control_plane_source = gw_arena_strdup(&b->arena, p->formula.data);
        if (!b->control_plane_source)
            return gw_fail_memory(p->e);
    }
    return p->formula.failed == GW_ENOMEM ? gw_fail_memory(p->e) : 0;
}

static int price_all(pricer *p, const gw_fleet *f, gw_price_book *b)
{
    b->nodes = gw_calloc(f->n_nodes, sizeof(*b->nodes));
    if (!b->nodes)
        return gw_fail_memory(p->e);
    b->n_nodes = f->n_nodes;
    for (size_t i = 0; i < f->n_nodes; i++) {
        int r = price_node(p, &f->nodes[i], &p->gpus[i], &b->nodes[i]);
        if (r)
            return r;
    }
    return price_control_plane(p, f, b);
}

int gw_price_fleet(const gw_price_list *l, const gw_fleet *f, const gw_usage *u, gw_price_book *ret,
                   gw_error *e)
{
    gw_price_book b;
    gw_price_book_init(&b);
    pricer p = {.l = l, .arena = &b.arena, .e = e};
    gw_buf_init(&p.formula, FORMULA_MAX);
    int r = price_index_init(&p.index, l, e);
    if (!r)
        r = price_gpus_of(f, u, &p.gpus, e);
    if (!r)
        r = price_all(&p, f, &b);
    gw_free(p.gpus);
    price_index_free(&p.index);
    gw_buf_free(&p.formula);
    if (r) {
        gw_price_book_free(&b);
        return r;
    }
    gw_price_book_free(ret);
    *ret = b;
    return 0;
}
