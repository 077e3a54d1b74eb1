/*
 * Many boards: packings from the linear program and by greed, a proven lower bound, and a search where they
 * do not meet.
 *
 * A "pattern" is a maximal set of one board. Every packing can be made of patterns of which some slices stay
 * unused, so patterns are all that a packing needs to choose from.
 */
#include "allocate/mig.h"
#include "allocate/mig_weights.h"
#include "base/map.h"

typedef struct packer {
    const gw_mig_board *b;
    gw_mig_patterns patterns;
    gw_mig_weights weights[3]; /* the dual of this set, compute slices, slots */
    gw_map dead;               /* (what is left, boards left) that have no packing */
    size_t nodes, nodes_max;
    size_t chosen[GW_MIG_SLICES_MAX]; /* pattern of each board, as the search goes */
    size_t best[GW_MIG_SLICES_MAX];   /* the best so far */
    size_t n_best;
    int failed;
} packer;

#define TAIL_NODES_MAX 20000 /* for what rounding leaves */

static int64_t value(const gw_mig_weights *w, const gw_mig_set *pattern, const gw_mig_set *left)
{
    int64_t v = 0;
    for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++)
        v += w->of[p] * GW_MIN(pattern->n[p], left->n[p]);
    return v;
}

static void take(gw_mig_set *left, const gw_mig_set *pattern)
{
    for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++)
        left->n[p] -= GW_MIN(pattern->n[p], left->n[p]);
}

static void keep_best(packer *k, const size_t *chosen, size_t n)
{
    if (n >= k->n_best)
        return;
    k->n_best = n;
    memcpy(k->best, chosen, n * sizeof(*chosen));
}

/* Board after board, each with the pattern that takes the most weight, then the most slots. They follow the n
 * that are chosen already. */
static size_t pack_greedily(const packer *k, const gw_mig_weights *w, gw_mig_set left, size_t *chosen,
                            size_t n)
{
    while (gw_mig_set_count(&left) > 0) {
        size_t best = 0;
        int64_t most = -1;
        for (size_t i = 0; i < k->patterns.n; i++) {
            const gw_mig_set *s = &k->patterns.sets[i];
            int64_t v = value(w, s, &left) * 4096 + value(&k->weights[2], s, &left);
            if (v > most) {
                most = v;
                best = i;
            }
        }
        take(&left, &k->patterns.sets[best]);
        chosen[n++] = best; /* every pattern that is chosen takes a slice, so that n stays in bounds */
    }
    return n;
}

/* The slice that is hardest to place: the largest, then the one a board holds fewest of. */
static int hardest(const gw_mig_board *b, const gw_mig_set *left)
{
    int best = GW_MIG_NONE;
    for (int p = 0; p < (int)b->n_profiles; p++) {
        if (left->n[p] == 0)
            continue;
        const gw_mig_profile *a = &b->profiles[p], *c = best == GW_MIG_NONE ? NULL : &b->profiles[best];
        if (!c || a->size > c->size || (a->size == c->size && a->max < c->max))
            best = p;
    }
    return best;
}

static bool known_dead(packer *k, const gw_mig_set *left, size_t boards, bool remember)
{
    struct {
        gw_mig_set left;
        uint64_t boards;
    } key;
    memset(&key, 0, sizeof(key));
    key.left = *left;
    key.boards = boards;
    gw_str text = {(const char *)&key, sizeof(key)};
    if (!remember)
        return gw_map_get(&k->dead, text) != GW_NONE;
    int rc = gw_map_set(&k->dead, text, 0);
    if (rc)
        k->failed = rc;
    return true;
}

/* Whether `left` can be packed on that many boards. Each board that is chosen takes the hardest slice, which
 * some board must take. depth: boards chosen before. */
static bool pack_on(packer *k, const gw_mig_set *left, size_t boards, size_t depth)
{
    int p = hardest(k->b, left);
    if (p == GW_MIG_NONE)
        return true;
    if (boards == 0 || k->failed || k->nodes >= k->nodes_max)
        return false;
    for (size_t i = 0; i < GW_COUNT(k->weights); i++) {
        if (gw_mig_weight_of(&k->weights[i], left) > k->weights[i].most * (int64_t)boards)
            return false;
    }
    if (known_dead(k, left, boards, false))
        return false;
    k->nodes++;
    /* patterns in falling order of what they take, found one after the other */
    int64_t last = INT64_MAX;
    size_t last_at = 0;
    for (;;) {
        size_t best = SIZE_MAX;
        int64_t most = -1;
        for (size_t i = 0; i < k->patterns.n; i++) {
            const gw_mig_set *s = &k->patterns.sets[i];
            if (s->n[p] == 0)
                continue;
            int64_t v = value(&k->weights[0], s, left) * 4096 + value(&k->weights[2], s, left);
            if (v > most && (v < last || (v == last && i > last_at))) {
                most = v;
                best = i;
            }
        }
        if (best == SIZE_MAX)
            break;
        gw_mig_set rest = *left;
        take(&rest, &k->patterns.sets[best]);
        k->chosen[depth] = best;
        if (pack_on(k, &rest, boards - 1, depth + 1))
            return true;
        last = most;
        last_at = best;
    }
    if (k->nodes < k->nodes_max && !k->failed)
        known_dead(k, left, boards, true);
    return false;
}

/* How many of the patterns in k->chosen from number n on the set takes. */
static size_t used_by(const packer *k, gw_mig_set left, size_t n)
{
    size_t used = 0;
    for (; gw_mig_set_count(&left) > 0; used++)
        take(&left, &k->patterns.sets[k->chosen[n + used]]);
    return used;
}

/*
 * The linear program's boards, rounded down, and what is left packed by itself: at most a board for each
 * profile, about, so that a search does it. Seldom is that more than one board above the bound.
 */
static void pack_rounded(packer *k, const gw_mig_set *want, const double *use, size_t lower)
{
    gw_mig_set left = *want;
    size_t n = 0;
    for (size_t i = 0; i < k->patterns.n; i++) {
        for (double u = use[i] + 1e-6; u >= 1; u--) {
            gw_mig_set before = left;
            take(&left, &k->patterns.sets[i]);
            if (!gw_mig_set_eq(&before, &left))
                k->chosen[n++] = i;
        }
    }
    for (size_t w = 0; w < GW_COUNT(k->weights); w++)
        keep_best(k, k->chosen, pack_greedily(k, &k->weights[w], left, k->chosen, n));
    k->nodes_max = TAIL_NODES_MAX;
    for (size_t boards = GW_MAX(lower, n); boards < k->n_best && k->nodes < k->nodes_max; boards++) {
        if (pack_on(k, &left, boards - n, n))
            keep_best(k, k->chosen, n + used_by(k, left, n));
    }
}

/* From the bound upwards: the first number of boards that works is the least. *lower rises with every number
 * that is proven not to work. */
static void search_fewer(packer *k, const gw_mig_set *want, size_t *lower)
{
    k->nodes = 0;
    k->nodes_max = GW_MIG_NODES_MAX;
    while (*lower < k->n_best) {
        if (pack_on(k, want, *lower, 0))
            keep_best(k, k->chosen, used_by(k, *want, 0));
        if (k->nodes >= k->nodes_max || k->failed)
            return;
        if (*lower < k->n_best)
            ++*lower;
    }
}

static int lay_out(const packer *k, const gw_mig_set *want, gw_arena *a, gw_mig_layout **ret)
{
    gw_mig_set left = *want;
    gw_mig_layout *l = GW_NEW_ARRAY(a, gw_mig_layout, GW_MAX(k->n_best, (size_t)1));
    if (!l)
        return GW_ENOMEM;
    for (size_t i = 0; i < k->n_best; i++) {
        gw_mig_set before = left, mine;
        take(&left, &k->patterns.sets[k->best[i]]);
        for (size_t p = 0; p < GW_MIG_PROFILES_MAX; p++)
            mine.n[p] = before.n[p] - left.n[p];
        if (!gw_mig_fit(k->b, &mine, &l[i]))
            return GW_EINTERNAL;
    }
    *ret = l;
    return 0;
}

static int pack(packer *k, const gw_mig_set *want, gw_arena *a, gw_mig_packing *ret, gw_error *e)
{
    size_t lower = 0;
    double *use = NULL;
    int rc = gw_mig_weights_dual(&k->patterns, want, a, &k->weights[0], &use, e);
    if (rc)
        return rc;
    gw_mig_weights_init(&k->patterns, &k->weights[1], GW_MIG_BY_COMPUTE);
    gw_mig_weights_init(&k->patterns, &k->weights[2], GW_MIG_BY_SLOTS);
    k->n_best = SIZE_MAX;
    for (size_t i = 0; i < GW_COUNT(k->weights); i++) {
        lower = GW_MAX(lower, gw_mig_weights_bound(&k->weights[i], want));
        keep_best(k, k->chosen, pack_greedily(k, &k->weights[i], *want, k->chosen, 0));
    }
    if (lower < k->n_best)
        pack_rounded(k, want, use, lower);
    if (lower < k->n_best && !k->failed)
        search_fewer(k, want, &lower);
    if (k->failed)
        return gw_fail_memory(e);
    gw_mig_packing packing = {.n = k->n_best, .lower = lower, .exact = lower == k->n_best};
    rc = lay_out(k, want, a, &packing.boards);
    if (rc == GW_ENOMEM)
        return gw_fail_memory(e);
    if (rc)
        return gw_fail(e, rc, "a packing of MIG slices does not hold; this is a bug, please report it");
    *ret = packing;
    return 0;
}

int gw_mig_pack(const gw_mig_board *b, const gw_mig_set *want, gw_arena *a, gw_mig_packing *ret, gw_error *e)
{
    unsigned of = 0;
    if (gw_mig_set_count(want) > GW_MIG_SLICES_MAX)
        return gw_fail(e, GW_ELIMIT, "more than %d slices to pack at once; pack them in parts",
                       GW_MIG_SLICES_MAX);
    for (size_t p = 0; p < b->n_profiles; p++)
        of |= want->n[p] > 0 ? 1u << p : 0;
    packer *k = gw_calloc(1, sizeof(*k));
    if (!k)
        return gw_fail_memory(e);
    k->b = b;
    gw_map_init(&k->dead);
    int rc = gw_mig_patterns_of(b, of, a, &k->patterns, e);
    if (rc == 0)
        rc = pack(k, want, a, ret, e);
    gw_map_free(&k->dead);
    gw_free(k);
    return rc;
}
