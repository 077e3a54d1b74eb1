/*
 * Hours of closed slices, in little room. A histogram has 400 bins, of which the 12 windows of an hour fill a
 * few; a heat map has 168 columns, of which an hour uses 12. What is filled is kept as a list.
 */
#include "observe/watch_internal.h"

#define PACKED_MAX ((size_t)1 << 30)

static size_t count_bins(const gw_hist *h)
{
    size_t n = 0;
    for (size_t i = 0; h && i < GW_HIST_BINS; i++)
        n += h->bin[i] > 0;
    return n;
}

/* Moves what the histogram has behind the list, which has room. */
static void move_hist(packed_hour *p, gw_hist **h, uint32_t of, bool memory)
{
    for (uint32_t i = 0; *h && i < GW_HIST_BINS; i++) {
        if ((*h)->bin[i] > 0)
            p->bins[p->n_bins++] =
                (packed_bin){of, (uint16_t)(i | (memory ? PACKED_MEMORY : 0)), (*h)->bin[i]};
    }
    gw_free(*h);
    *h = NULL;
}

/* Holds are numbered first, then the units. */
static int pack_hists(closed_hour *h)
{
    gw_usage *u = &h->sums;
    packed_hour *p = &h->packed;
    size_t n = p->n_bins;
    for (size_t i = 0; i < u->n_holds + u->n_units; i++) {
        const gw_stats *s = i < u->n_holds ? &u->holds[i].stats : &u->units[i - u->n_holds].idle;
        n += count_bins(s->compute_hist) + count_bins(s->memory_hist);
    }
    if (n == p->n_bins)
        return 0;
    if (gw_grow((void **)&p->bins, &p->cap_bins, n, sizeof(*p->bins), PACKED_MAX))
        return GW_ENOMEM;
    for (size_t i = 0; i < u->n_holds + u->n_units; i++) {
        bool hold = i < u->n_holds;
        gw_stats *s = hold ? &u->holds[i].stats : &u->units[i - u->n_holds].idle;
        uint32_t of = hold ? (uint32_t)i : (uint32_t)(i - u->n_holds) | PACKED_UNIT;
        move_hist(p, &s->compute_hist, of, false);
        move_hist(p, &s->memory_hist, of, true);
    }
    return 0;
}

static int pack_heat(closed_hour *h)
{
    gw_usage *u = &h->sums;
    packed_hour *p = &h->packed;
    size_t n = p->n_heat;
    for (size_t g = 0; g < u->n_heat; g++) {
        for (int c = 0; c < GW_HEAT_COLUMNS; c++)
            n += u->heat[g][c].known > 0;
    }
    if (n > p->n_heat && gw_grow((void **)&p->heat, &p->cap_heat, n, sizeof(*p->heat), PACKED_MAX))
        return GW_ENOMEM;
    for (uint32_t g = 0; g < u->n_heat; g++) {
        for (uint32_t c = 0; c < GW_HEAT_COLUMNS; c++) {
            if (u->heat[g][c].known > 0)
                p->heat[p->n_heat++] = (packed_heat){g, c, u->heat[g][c]};
        }
    }
    gw_free(u->heat);
    u->heat = NULL;
    u->n_heat = u->cap_heat = 0;
    return 0;
}

void gw_watch_pack(closed_hour *h)
{
    /* without memory it stays as large as it is */
    if (pack_hists(h) == 0)
        pack_heat(h);
}

void gw_closed_hour_free(closed_hour *h)
{
    gw_free(h->packed.bins);
    gw_free(h->packed.heat);
    gw_usage_free(&h->sums);
    *h = (closed_hour){0};
}

static int add_bin(gw_stats *to, const packed_bin *b)
{
    gw_hist **h = b->bin & PACKED_MEMORY ? &to->memory_hist : &to->compute_hist;
    if (!*h && !(*h = gw_calloc(1, sizeof(**h))))
        return GW_ENOMEM;
    (*h)->bin[b->bin & ~PACKED_MEMORY] += b->weight;
    return 0;
}

int gw_watch_unpack(gw_usage *into, const closed_hour *h)
{
    const packed_hour *p = &h->packed;
    uint32_t last = GW_NONE;
    gw_stats *to = NULL;
    for (size_t i = 0; i < p->n_bins; i++) {
        const packed_bin *b = &p->bins[i];
        if (!to || b->of != last) {
            last = b->of;
            const gw_hold *x = last & PACKED_UNIT ? NULL : &h->sums.holds[last];
            uint32_t at = x ? gw_usage_hold(into, x->unit, x->pod) : 0;
            if (at == GW_NONE)
                return GW_ENOMEM;
            to = x ? &into->holds[at].stats : &into->units[last & ~PACKED_UNIT].idle;
        }
        if (add_bin(to, b))
            return GW_ENOMEM;
    }
    for (size_t i = 0; i < p->n_heat; i++) {
        const packed_heat *x = &p->heat[i];
        gw_usage_add_heat(into, x->gpu, h->sums.window, x->column, x->heat);
    }
    return 0;
}
