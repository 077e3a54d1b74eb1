/*
 * The plan: covers of all services that together need the fewest boards.
 *
 * 1. Weights for the profiles give a lower bound and, with it, covers that are light by those weights. Local
 *    search over the weights improves the bound; the covers of good weights are packed, and the best packing
 *    is kept.
 * 2. Where that packing has more boards than the bound, a search through all minimal covers, service after
 *    service, pruned by several weights at once, finds one on fewer boards or proves that there is none.
 */
#include "allocate/mig_plan.h"

#include "allocate/mig_cover.h"
#include "base/map.h"

#define COVERS_MAX  4096 /* minimal covers of a service in step 2 */
#define NODES_MAX   300000
#define ROUNDS_MAX  60 /* of the local search */
#define PACKS_MAX   96 /* packings tried in step 1 */
#define BOUNDS_KEPT 6  /* weights that prune step 2 */
#define WEIGHT_MAX  24 /* of a profile in the local search; finer weights never gave a better bound */

typedef struct covers {
    gw_mig_set *sets;
    size_t n;
} covers;

typedef struct planner {
    const gw_mig_board *b;
    size_t n;
    gw_mig_demand *demands;
    const gw_mig_point *(*points)[GW_MIG_PROFILES_MAX];
    gw_mig_patterns patterns;
    gw_mig_cover_table table;
    gw_mig_set *picks, *best; /* [service]: the cover being looked at, and the best so far */
    size_t best_boards;
    int best_compute, best_slices;
    size_t lower;
    size_t packs;
    gw_arena *scratch;
    /* step 2 */
    covers *covers;
    gw_mig_weights bounds[BOUNDS_KEPT];
    size_t n_bounds;
    int64_t (*rest)[BOUNDS_KEPT]; /* [i][k]: the least that services i.. weigh by bounds[k] */
    size_t boards;                /* that the search is to meet */
    size_t nodes;
    bool unsure; /* a packing was given up before it was proven */
    gw_map dead;
} planner;

int gw_mig_profile_of_size(const gw_mig_board *b, int compute)
{
    int best = GW_MIG_NONE;
    for (size_t p = 0; p < b->n_profiles; p++) {
        const gw_mig_profile *q = &b->profiles[p];
        if (!gw_mig_is_variant(q) && q->compute == compute &&
            (best == GW_MIG_NONE || q->size < b->profiles[best].size))
            best = (int)p;
    }
    return best;
}

/* ---- what each slice gives ---- */

static bool is_better(const gw_mig_point *a, const gw_mig_point *b)
{
    if (!b || a->rate != b->rate)
        return !b || a->rate > b->rate;
    return a->latency_s < b->latency_s;
}

static int read_service(planner *k, size_t i, const gw_mig_service *s, double latency_share, gw_error *e)
{
    bool any = false;
    if (!(s->rate > 0) || !(s->latency_limit_s > 0) || s->rate > 1e12)
        return gw_fail(e, GW_EUSAGE, "%s: the request rate and the latency limit must be greater than 0",
                       s->name);
    for (size_t j = 0; j < s->curve.n; j++) {
        const gw_mig_point *p = &s->curve.points[j];
        int profile = gw_mig_profile_of_size(k->b, p->compute);
        if (profile == GW_MIG_NONE || !(p->latency_s < latency_share * s->latency_limit_s) || !(p->rate > 0))
            continue;
        any = true;
        if (is_better(p, k->points[i][profile])) {
            k->points[i][profile] = p;
            k->demands[i].gives[profile] = p->rate;
        }
    }
    k->demands[i].rate = s->rate;
    if (!any)
        return gw_fail(
            e, GW_ENOTFOUND,
            "%s: no measured slice of a %s answers within %.3g of %.4g ms; allow more time, or serve it "
            "with something else",
            s->name, k->b->name, latency_share, s->latency_limit_s * 1000);
    return 0;
}

/* ---- step 1 ---- */

static gw_mig_set sum_of(const gw_mig_set *sets, size_t n)
{
    gw_mig_set sum = {{0}};
    for (size_t i = 0; i < n; i++)
        for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++)
            sum.n[p] += sets[i].n[p];
    return sum;
}

/* Packs the covers in k->picks and keeps them where they are the best so far. GW_ELIMIT is no failure here:
 * other covers may have fewer slices. */
static int try_picks(planner *k, gw_error *e)
{
    gw_mig_packing packing;
    gw_mig_set all = sum_of(k->picks, k->n);
    int compute = gw_mig_set_compute(k->b, &all), slices = gw_mig_set_count(&all);
    if (slices > GW_MIG_SLICES_MAX)
        return 0;
    gw_arena_reset(k->scratch);
    int rc = gw_mig_pack(k->b, &all, k->scratch, &packing, e);
    if (rc)
        return rc;
    k->unsure |= !packing.exact;
    if (packing.n < k->best_boards ||
        (packing.n == k->best_boards &&
         (compute < k->best_compute || (compute == k->best_compute && slices < k->best_slices)))) {
        k->best_boards = packing.n;
        k->best_compute = compute;
        k->best_slices = slices;
        memcpy(k->best, k->picks, k->n * sizeof(*k->picks));
    }
    return 0;
}

/* What all services weigh at least; their lightest covers are in k->picks. -1: more slices than there may be.
 */
static int64_t weigh(planner *k, const gw_mig_weights *w)
{
    int64_t sum = 0;
    for (size_t i = 0; i < k->n; i++) {
        int64_t one = gw_mig_cover_lightest(w, &k->demands[i], &k->table, &k->picks[i]);
        if (one < 0)
            return -1;
        sum += one;
    }
    return sum;
}

typedef struct rated {
    gw_mig_weights w;
    int64_t sum;
} rated;

/* sum / most, compared without division */
static bool bounds_more(const rated *a, const rated *b)
{
    return a->sum * b->w.most > b->sum * a->w.most;
}

static void keep_bound(planner *k, const rated *r)
{
    for (size_t i = 0; i < k->n_bounds; i++)
        if (memcmp(k->bounds[i].of, r->w.of, sizeof(r->w.of)) == 0)
            return;
    if (k->n_bounds < BOUNDS_KEPT)
        k->n_bounds++;
    k->bounds[k->n_bounds - 1] = r->w; /* the newest are the best */
}

/* Rates weights, raises the lower bound, and packs their covers where they promise something. */
static int consider(planner *k, rated *r, const rated *best, bool always, gw_error *e)
{
    gw_mig_weights_measure(&k->patterns, &r->w);
    r->sum = r->w.most > 0 ? weigh(k, &r->w) : 0;
    if (r->sum < 0)
        return gw_fail(e, GW_ELIMIT, "more than %d slices would be needed; plan the services in parts",
                       GW_MIG_SLICES_MAX);
    if (r->w.most == 0)
        return 0;
    k->lower = GW_MAX(k->lower, (size_t)((r->sum + r->w.most - 1) / r->w.most));
    bool more = !best || bounds_more(r, best);
    if (more)
        keep_bound(k, r);
    if ((!more && !always) || k->packs++ >= PACKS_MAX)
        return 0;
    return try_picks(k, e);
}

/* Raises or lowers one weight as long as the bound grows by it. */
static int improve(planner *k, rated *best, unsigned of, gw_error *e)
{
    static const int64_t steps[] = {1, -1, 2, -2, 4, -4};
    bool better = true;
    for (int round = 0; better && round < ROUNDS_MAX; round++) {
        better = false;
        for (size_t p = 0; p < k->b->n_profiles; p++) {
            for (size_t s = 0; s < GW_COUNT(steps) && (of >> p & 1u); s++) {
                rated next = *best;
                next.w.of[p] += steps[s];
                if (next.w.of[p] < 0 || next.w.of[p] > WEIGHT_MAX)
                    continue;
                int rc = consider(k, &next, best, false, e);
                if (rc)
                    return rc;
                if (next.w.most > 0 && bounds_more(&next, best)) {
                    *best = next;
                    better = true;
                }
            }
        }
    }
    return 0;
}

static int search_weights(planner *k, unsigned of, gw_error *e)
{
    /* starts: compute slices, slots, and multiples of them for finer steps */
    for (int start = 0; start < 4; start++) {
        rated r;
        gw_mig_weights_init(&k->patterns, &r.w, start % 2 ? GW_MIG_BY_SLOTS : GW_MIG_BY_COMPUTE);
        for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++)
            r.w.of[p] = of >> p & 1u ? r.w.of[p] * (start < 2 ? 1 : 2) : 0;
        int rc = consider(k, &r, NULL, true, e);
        if (rc == 0)
            rc = improve(k, &r, of, e);
        if (rc)
            return rc;
        if (k->best_boards <= k->lower)
            break;
    }
    if (k->best_boards == SIZE_MAX)
        return gw_fail(e, GW_ELIMIT, "more than %d slices would be needed; plan the services in parts",
                       GW_MIG_SLICES_MAX);
    return 0;
}

/* ---- step 2 ---- */

/* False where a service has too many covers for a search. */
static int list_covers(planner *k, gw_arena *a, bool *ok, gw_error *e)
{
    k->covers = GW_NEW_ARRAY(a, covers, k->n);
    k->rest = gw_arena_alloc(a, (k->n + 1) * sizeof(*k->rest));
    gw_mig_set *sets = GW_NEW_ARRAY(a, gw_mig_set, COVERS_MAX);
    if (!k->covers || !k->rest || !sets)
        return gw_fail_memory(e);
    *ok = true;
    for (size_t i = 0; i < k->n; i++) {
        size_t n = gw_mig_covers_minimal(&k->demands[i], sets, COVERS_MAX);
        *ok = n <= COVERS_MAX;
        if (!*ok)
            return 0;
        k->covers[i] = (covers){GW_NEW_ARRAY(a, gw_mig_set, n), n};
        if (!k->covers[i].sets)
            return gw_fail_memory(e);
        memcpy(k->covers[i].sets, sets, n * sizeof(*sets));
    }
    for (size_t i = k->n; i-- > 0;) {
        for (size_t j = 0; j < k->n_bounds; j++) {
            int64_t least = INT64_MAX;
            for (size_t c = 0; c < k->covers[i].n; c++)
                least = GW_MIN(least, gw_mig_weight_of(&k->bounds[j], &k->covers[i].sets[c]));
            k->rest[i][j] = k->rest[i + 1][j] + least;
        }
    }
    return 0;
}

static gw_str dead_key(size_t i, const gw_mig_set *all, char out[sizeof(gw_mig_set) + sizeof(uint64_t)])
{
    uint64_t service = i;
    memcpy(out, all, sizeof(*all));
    memcpy(out + sizeof(*all), &service, sizeof(service));
    return (gw_str){out, sizeof(*all) + sizeof(service)};
}

/* 1: services i.. can be covered so that all fits on k->boards; 0: not, or given up; negative: an error. */
static int search_from(planner *k, size_t i, const gw_mig_set *all, gw_error *e)
{
    char key[sizeof(gw_mig_set) + sizeof(uint64_t)];
    for (size_t j = 0; j < k->n_bounds; j++) {
        if (gw_mig_weight_of(&k->bounds[j], all) + k->rest[i][j] > k->bounds[j].most * (int64_t)k->boards)
            return 0;
    }
    if (k->nodes >= NODES_MAX || gw_map_get(&k->dead, dead_key(i, all, key)) != GW_NONE)
        return 0;
    k->nodes++;
    if (i == k->n) {
        int rc = try_picks(k, e);
        if (rc)
            return rc;
        if (k->best_boards <= k->boards)
            return 1;
    }
    for (size_t c = 0; i < k->n && c < k->covers[i].n; c++) {
        gw_mig_set more = *all;
        for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++)
            more.n[p] += k->covers[i].sets[c].n[p];
        k->picks[i] = k->covers[i].sets[c];
        int rc = search_from(k, i + 1, &more, e);
        if (rc)
            return rc;
    }
    if (k->nodes < NODES_MAX && gw_map_set(&k->dead, dead_key(i, all, key), 0))
        return gw_fail_memory(e);
    return 0;
}

static int search_covers(planner *k, gw_arena *a, bool *exact, gw_error *e)
{
    gw_mig_set none = {{0}};
    bool ok = false;
    int rc = list_covers(k, a, &ok, e);
    if (rc || !ok)
        return rc;
    for (k->boards = k->lower; k->boards < k->best_boards; k->boards++) {
        gw_map_free(&k->dead);
        gw_map_init(&k->dead);
        k->unsure = false;
        rc = search_from(k, 0, &none, e);
        if (rc < 0)
            return rc;
        if (rc == 0 && (k->nodes >= NODES_MAX || k->unsure))
            return 0;
        if (rc == 0)
            k->lower = k->boards + 1;
    }
    *exact = true;
    return 0;
}

/* ---- the answer ---- */

static int write_plan(planner *k, gw_arena *a, bool exact, gw_mig_plan *ret, gw_error *e)
{
    gw_mig_packing packing;
    gw_mig_set all = sum_of(k->best, k->n);
    int rc = gw_mig_pack(k->b, &all, a, &packing, e);
    if (rc)
        return rc;
    gw_mig_plan plan = {.n_boards = packing.n, .lower = exact ? packing.n : k->lower, .exact = exact};
    plan.segments = GW_NEW_ARRAY(a, gw_mig_segment, (size_t)gw_mig_set_count(&all) + 1);
    if (!plan.segments)
        return gw_fail_memory(e);
    for (size_t board = 0; board < packing.n; board++) {
        for (size_t j = 0; j < packing.boards[board].n; j++) {
            const gw_mig_instance *at = &packing.boards[board].at[j];
            size_t i = 0;
            while (k->best[i].n[at->profile] == 0) /* the packing has exactly the slices of the covers */
                i++;
            k->best[i].n[at->profile]--;
            plan.segments[plan.n_segments++] =
                (gw_mig_segment){i, board, at->profile, at->start, k->points[i][at->profile]};
        }
    }
    *ret = plan;
    return 0;
}

static int find(planner *k, const gw_mig_service *services, double latency_share, gw_arena *a,
                gw_mig_plan *ret, gw_error *e)
{
    unsigned of = 0;
    bool exact = false;
    int rc = 0;
    for (size_t i = 0; i < k->n && rc == 0; i++)
        rc = read_service(k, i, &services[i], latency_share, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < k->n; i++)
        for (size_t p = 0; p < k->b->n_profiles; p++)
            of |= k->demands[i].gives[p] > 0 ? 1u << p : 0;
    rc = gw_mig_patterns_of(k->b, of, a, &k->patterns, e);
    if (rc == 0)
        rc = gw_mig_cover_table_new(a, &k->table, e);
    if (rc == 0)
        rc = search_weights(k, of, e);
    if (rc)
        return rc;
    exact = k->best_boards <= k->lower;
    if (!exact)
        rc = search_covers(k, a, &exact, e);
    return rc ? rc : write_plan(k, a, exact, ret, e);
}

int gw_mig_plan_find(const gw_mig_board *b, const gw_mig_service *services, size_t n, double latency_share,
                     gw_arena *a, gw_mig_plan *ret, gw_error *e)
{
    gw_arena scratch;
    planner k = {.b = b, .n = n, .best_boards = SIZE_MAX, .scratch = &scratch};
    if (n == 0 || n > GW_MIG_SERVICES_MAX)
        return gw_fail(e, n ? GW_ELIMIT : GW_EUSAGE, "a plan is for 1 to %d services, not %zu",
                       GW_MIG_SERVICES_MAX, n);
    k.demands = GW_NEW_ARRAY(a, gw_mig_demand, n);
    k.points = gw_arena_alloc(a, n * sizeof(*k.points));
    k.picks = GW_NEW_ARRAY(a, gw_mig_set, n);
    k.best = GW_NEW_ARRAY(a, gw_mig_set, n);
    if (!k.demands || !k.points || !k.picks || !k.best)
        return gw_fail_memory(e);
    gw_arena_init(&scratch, 0);
    gw_map_init(&k.dead);
    int rc = find(&k, services, latency_share, a, ret, e);
    gw_map_free(&k.dead);
    gw_arena_free(&scratch);
    return rc;
}
