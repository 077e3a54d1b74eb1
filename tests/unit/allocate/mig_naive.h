/*
 * The rules of MIG once more, as plainly as they can be written: slots are an array of bytes, every slice is
 * tried at every start on every board, one after the other, and nothing is remembered or skipped. What the
 * product finds by bit masks, bounds and memory is compared with this.
 */
#ifndef GW_TESTS_MIG_NAIVE_H
#define GW_TESTS_MIG_NAIVE_H

#include "allocate/mig.h"

#define NAIVE_BOARDS_MAX 8
#define NAIVE_ITEMS_MAX  16

typedef struct naive {
    const gw_mig_board *b;
    int item[NAIVE_ITEMS_MAX], n;
    char slot[NAIVE_BOARDS_MAX][GW_MIG_SLOTS_MAX];
    int count[NAIVE_BOARDS_MAX][GW_MIG_PROFILES_MAX];
} naive;

static inline bool naive_put(naive *k, int board, const gw_mig_profile *p, int start, char what)
{
    for (int s = start; what && s < start + p->size; s++)
        if (s >= k->b->slots || k->slot[board][s])
            return false;
    for (int s = start; s < start + p->size; s++)
        k->slot[board][s] = what;
    return true;
}

static inline bool naive_place(naive *k, int i, int boards)
{
    if (i == k->n)
        return true;
    const gw_mig_profile *p = &k->b->profiles[k->item[i]];
    for (int board = 0; board < boards; board++) {
        if (k->count[board][k->item[i]] == p->max)
            continue;
        for (int start = 0; start < k->b->slots; start++) {
            if (!(p->starts & 1u << start) || !naive_put(k, board, p, start, 1))
                continue;
            k->count[board][k->item[i]]++;
            bool found = naive_place(k, i + 1, boards);
            k->count[board][k->item[i]]--;
            naive_put(k, board, p, start, 0);
            if (found)
                return true;
        }
    }
    return false;
}

static inline bool naive_fits(const gw_mig_board *b, const gw_mig_set *set, int boards)
{
    static naive k;
    memset(&k, 0, sizeof(k));
    k.b = b;
    for (int p = 0; p < (int)b->n_profiles; p++)
        for (int i = 0; i < set->n[p]; i++)
            k.item[k.n++] = p;
    return naive_place(&k, 0, boards);
}

/* The fewest boards; the set must have at most NAIVE_ITEMS_MAX slices and need at most NAIVE_BOARDS_MAX. */
static inline int naive_boards(const gw_mig_board *b, const gw_mig_set *set)
{
    int boards = 0;
    while (!naive_fits(b, set, boards))
        boards++;
    return boards;
}

/* Fails the test where a layout breaks a rule. */
static inline void check_layout(const gw_mig_board *b, const gw_mig_layout *l)
{
    naive k = {.b = b};
    for (size_t i = 0; i < l->n; i++) {
        const gw_mig_instance *at = &l->at[i];
        assert_in_range(at->profile, 0, b->n_profiles - 1);
        const gw_mig_profile *p = &b->profiles[at->profile];
        assert_true(p->starts & 1u << at->start);
        assert_true(naive_put(&k, 0, p, at->start, 1));
        assert_true(++k.count[0][at->profile] <= p->max);
        assert_true(i == 0 || l->at[i - 1].start < at->start);
    }
}

/* A generator of its own, so that every run tests the same. */
static inline uint32_t naive_random(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33) % below;
}

#endif
