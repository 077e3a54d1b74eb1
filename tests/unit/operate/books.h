/* Hours for tests of what judges the store: leaves of a namespace and a team with a bill, put one after the
 * other. */
#ifndef GW_TESTS_OPERATE_BOOKS_H
#define GW_TESTS_OPERATE_BOOKS_H

#include "base/time.h"
#include "store/store.h"

typedef struct book_leaf {
    const char *ns, *team;
    gw_micro bill;
    int64_t unpriced_ms;
    int64_t allocated_ms, used_ms, known_ms;
} book_leaf;

#define BOOK_LEAVES_MAX 8

static inline gw_store *books_open(void)
{
    gw_store *s = NULL;
    gw_error e = {0};
    if (gw_store_open(&(gw_store_options){.url = "sqlite::memory:"}, &s, &e))
        fail_msg("%s", e.message);
    return s;
}

static inline void books_put(gw_store *s, const char *cluster, int64_t start_ms, const book_leaf *leaves,
                             size_t n)
{
    gw_hour_leaf l[BOOK_LEAVES_MAX] = {0};
    gw_hour h = {.cluster = cluster,
                 .start_ms = start_ms,
                 .observed = {start_ms, start_ms + GW_HOUR_MS},
                 .leaves = l,
                 .n_leaves = n};
    gw_put_result result;
    gw_error e = {0};
    assert_true(n <= BOOK_LEAVES_MAX);
    for (size_t i = 0; i < n; i++) {
        for (size_t d = 0; d < GW_N_LEAF_DIMS; d++)
            l[i].dim[d] = "";
        l[i].kind = GW_LEAF_HELD;
        l[i].dim[GW_DIM_CLUSTER] = cluster;
        l[i].dim[GW_DIM_NAMESPACE] = leaves[i].ns;
        l[i].dim[GW_DIM_TEAM] = leaves[i].team;
        l[i].m.bill = l[i].m.used = leaves[i].bill;
        l[i].m.unpriced_ms = leaves[i].unpriced_ms;
        l[i].m.paid_ms = l[i].m.allocated_ms = leaves[i].allocated_ms;
        l[i].m.used_ms = leaves[i].used_ms;
        l[i].m.known_ms = leaves[i].known_ms;
    }
    h.total = gw_hour_sum(&h);
    if (gw_store_put_hour(s, &h, NULL, &result, &e))
        fail_msg("%s", e.message);
}

#endif
