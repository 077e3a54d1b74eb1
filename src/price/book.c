/* A price for every GPU node of a fleet: what matched, what was done with it, and in words why. */
#include <math.h>

#include "base/buf.h"
#include "price/control_plane.h"
#include "price/match.h"
#include "price/onprem.h"
#include "price/rules.h"
#include "price/why.h"

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

static bool search(const pricer *p, job *j, gw_capacity capacity)
{
    if (price_search(&p->index, &j->s, j->s.region, capacity, &j->m))
        return true;
    const char *like = price_region_like(p->l, j->s.region);
    return like && price_search(&p->index, &j->s, like, capacity, &j->m);
}

static price_deal deal_of(const job *j, const gw_price *row, gw_capacity capacity)
{
    gw_provider p = row->provider == GW_PROVIDER_UNKNOWN ? j->s.node->provider : row->provider;
    return (price_deal){p, capacity, row->instance_type, j->m.region};
}

/* How much spot is off the on-demand price that matched; < 0 where nobody says. */
static double spot_discount_of(const pricer *p, const job *j)
{
    if (j->m.class)
        return 0;
    price_deal deal = deal_of(j, &p->l->rows[j->m.row], GW_CAPACITY_ON_DEMAND);
    return price_rule_discount(p->l->spots, p->l->n_spots, &deal,
                               p->l->o.spot_discount > 0 ? p->l->o.spot_discount : -1);
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
    price_deal deal = deal_of(j, row, c);
    return price_rule_discount(p->l->discounts, p->l->n_discounts, &deal,
                               c == GW_CAPACITY_SPOT ? 0 : p->l->o.discount);
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
        j->why = price_why_nothing(&p->index, &j->s, p->arena);
        return false;
    }
    if (c != GW_CAPACITY_SPOT)
        return true;
    j->spot_discount = spot_discount_of(p, j);
    if (j->spot_discount < 0 || !gw_micro_known(j->m.hourly))
        j->why = price_why_no_spot(&j->s, &j->m, p->arena);
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
    return price_control_plane(p->l, f, b, p->e);
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
