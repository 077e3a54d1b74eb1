#include "store/measures.h"

/* Arithmetic that wraps: a guess may be wild where a row is unknown or hostile, as long as reader and writer
 * make the same. */
static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

/* whole × part / of, rounded to the nearest; 0 where that says nothing. */
static int64_t share(int64_t whole, int64_t part, int64_t of)
{
    if (of <= 0 || part <= 0 || whole <= 0)
        return 0;
    if (part == of)
        return whole;
    __int128 v = ((__int128)whole * part + of / 2) / of;
    return (int64_t)(uint64_t)v;
}

/*
 * One field at a time in this order, so that each guess rests on fields that the reader has by then. `up` is
 * the row above.
 */
typedef int64_t (*guess_fn)(const gw_measures *m, const gw_measures *up);

static int64_t guess_paid(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(m);
    return up->paid_ms;
}

static int64_t guess_allocated(const gw_measures *m, const gw_measures *up)
{
    return up->allocated_ms == up->paid_ms ? m->paid_ms : 0;
}

static int64_t guess_none(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(m);
    GW_UNUSED(up);
    return 0;
}

static int64_t guess_idle_ms(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(up);
    return minus(m->paid_ms, m->allocated_ms);
}

static int64_t guess_known(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(up);
    return minus(plus(m->allocated_ms, m->idle_ms), m->unknown_ms);
}

static int64_t guess_memory_known(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(up);
    return m->known_ms;
}

static int64_t guess_state_unknown(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(up);
    int64_t rest = m->allocated_ms;
    for (int s = 0; s < GW_STATE_UNKNOWN; s++)
        rest = minus(rest, m->state_ms[s]);
    return rest;
}

static int64_t guess_bill(const gw_measures *m, const gw_measures *up)
{
    return share(up->bill, m->paid_ms, up->paid_ms);
}

static int64_t guess_overhead(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(up);
    return m->paid_ms == 0 ? m->bill : 0;
}

static int64_t guess_used(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(up);
    return share(minus(m->bill, m->overhead), m->used_ms, m->paid_ms);
}

static int64_t guess_idle(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(up);
    return share(minus(m->bill, m->overhead), m->idle_ms, m->paid_ms);
}

static int64_t guess_unknown(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(up);
    return share(minus(m->bill, m->overhead), m->unknown_ms, m->paid_ms);
}

static int64_t guess_wasted(const gw_measures *m, const gw_measures *up)
{
    GW_UNUSED(up);
    return minus(minus(minus(minus(m->bill, m->used), m->idle), m->unknown), m->overhead);
}

#define FIELD(name, guess)                                                                                   \
    {                                                                                                        \
        offsetof(gw_measures, name), guess                                                                   \
    }
static const struct {
    size_t offset;
    guess_fn guess;
} fields[] = {
    FIELD(paid_ms, guess_paid),
    FIELD(allocated_ms, guess_allocated),
    FIELD(idle_ms, guess_idle_ms),
    FIELD(unknown_ms, guess_none),
    FIELD(known_ms, guess_known),
    FIELD(used_ms, guess_none),
    FIELD(memory_known_ms, guess_memory_known),
    FIELD(memory_ms, guess_none),
    FIELD(state_ms[GW_STATE_HIGH_HIGH], guess_none),
    FIELD(state_ms[GW_STATE_LOW_HIGH], guess_none),
    FIELD(state_ms[GW_STATE_HIGH_LOW], guess_none),
    FIELD(state_ms[GW_STATE_LOW_LOW], guess_none),
    FIELD(state_ms[GW_STATE_UNKNOWN], guess_state_unknown),
    FIELD(unpriced_ms, guess_none),
    FIELD(bill, guess_bill),
    FIELD(overhead, guess_overhead),
    FIELD(used, guess_used),
    FIELD(idle, guess_idle),
    FIELD(unknown, guess_unknown),
    FIELD(wasted, guess_wasted),
    FIELD(reclaimable, guess_none),
};
#undef FIELD
_Static_assert(GW_COUNT(fields) == GW_N_MEASURES, "a measure is not written");

static const gw_measures *row(const gw_measures *first, size_t stride, size_t i)
{
    return (const gw_measures *)(const void *)((const char *)first + i * stride);
}

void gw_measures_put(gw_buf *b, const gw_measures *first, size_t stride, size_t n)
{
    static const gw_measures none;
    gw_writer w;
    w.b = b;
    w.n = 0;
    for (size_t f = 0; f < GW_COUNT(fields); f++)
        for (size_t i = 0; i < n; i++) {
            const gw_measures *m = row(first, stride, i), *up = i ? row(first, stride, i - 1) : &none;
            int64_t v = *(const int64_t *)(const void *)((const char *)m + fields[f].offset);
            gw_write_signed(&w, minus(v, fields[f].guess(m, up)));
        }
    gw_writer_flush(&w);
}

void gw_measures_get(gw_cursor *c, gw_measures *first, size_t stride, size_t n)
{
    static const gw_measures none;
    for (size_t f = 0; f < GW_COUNT(fields); f++)
        for (size_t i = 0; i < n && !c->bad; i++) {
            gw_measures *m = (gw_measures *)(void *)((char *)first + i * stride);
            const gw_measures *up = i ? row(first, stride, i - 1) : &none;
            *(int64_t *)(void *)((char *)m + fields[f].offset) = plus(gw_signed(c), fields[f].guess(m, up));
        }
}
