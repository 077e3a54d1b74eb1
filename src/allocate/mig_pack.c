/*
 * Many boards: greedy packing, a proven lower bound, and a search where the two do not meet.
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
    size_t nodes;
    size_t chosen[GW_MIG_SLICES_MAX]; /* pattern of each board */
    int failed;
} packer;

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

/* Board after board, each with the pattern that takes the most weight, then the most slots. */
static size_t pack_greedily(const packer *k, const gw_mig_weights *w, gw_mig_set left, size_t *chosen)
{
    size_t n = 0;
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
    if (boards == 0 || k->failed || k->nodes >= GW_MIG_NODES_MAX)
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
    if (k->nodes < GW_MIG_NODES_MAX && !k->failed)
        known_dead(k, left, boards, true);
    return false;
}

/* From the bound upwards: the first number of boards that works is the least. Returns how many, at most
 * `upper`; *exact: nothing was given up. */
static size_t search_fewer(packer *k, const gw_mig_set *want, size_t lower, size_t upper, bool *exact)
{
    *exact = true;
    for (size_t n = lower; n < upper; n++) {
        if (pack_on(k, want, n, 0))
            return n;
        *exact = k->nodes < GW_MIG_NODES_MAX;
        if (!*exact || k->failed)
            return upper;
    }
    return upper;
}

static int lay_out(const packer *k, const gw_mig_set *want, const size_t *chosen, size_t n, gw_arena *a,
                   gw_mig_layout **ret)
{
    gw_mig_set left = *want;
    gw_mig_layout *l = GW_NEW_ARRAY(a, gw_mig_layout, GW_MAX(n, (size_t)1));
    if (!l)
        return GW_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        gw_mig_set before = left, mine;
        take(&left, &k->patterns.sets[chosen[i]]);
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
    size_t lower = 0, greedy[GW_MIG_SLICES_MAX];
    int rc = gw_mig_weights_dual(&k->patterns, want, a, &k->weights[0], e);
    if (rc)
        return rc;
    gw_mig_weights_init(&k->patterns, &k->weights[1], GW_MIG_BY_COMPUTE);
    gw_mig_weights_init(&k->patterns, &k->weights[2], GW_MIG_BY_SLOTS);
    size_t upper = SIZE_MAX;
    for (size_t i = 0; i < GW_COUNT(k->weights); i++) {
        lower = GW_MAX(lower, gw_mig_weights_bound(&k->weights[i], want));
        size_t n = pack_greedily(k, &k->weights[i], *want, greedy);
        if (n < upper) {
            upper = n;
            memcpy(k->chosen, greedy, n * sizeof(*greedy));
        }
    }
    bool exact = true;
    size_t best = upper;
    memcpy(greedy, k->chosen, upper * sizeof(*greedy));
    if (lower < upper)
        best = search_fewer(k, want, lower, upper, &exact);
    if (k->failed)
        return gw_fail_memory(e);
    gw_mig_packing packing = {.n = best, .lower = exact ? best : lower, .exact = exact};
    rc = lay_out(k, want, best < upper ? k->chosen : greedy, best, a, &packing.boards);
    if (rc)
        return gw_fail(e, rc,
                       rc == GW_ENOMEM ? "out of memory" : "a packing of MIG slices does not hold; a bug");
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
