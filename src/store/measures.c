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
    uint64_t product;
    if (of <= 0 || part <= 0 || whole <= 0)
        return 0;
    if (part == of)
        return whole;
    if (!__builtin_mul_overflow((uint64_t)whole, (uint64_t)part, &product) &&
        !__builtin_add_overflow(product, (uint64_t)of / 2, &product))
        return (int64_t)(product / (uint64_t)of); /* four times as fast as the other, which gives the same */
    return (int64_t)(uint64_t)(((unsigned __int128)whole * (uint64_t)part + (uint64_t)of / 2) / (uint64_t)of);
}

static int64_t but_overhead(const gw_measures *m)
{
    return minus(m->bill, m->overhead);
}

static int64_t rest_of_states(const gw_measures *m)
{
    int64_t rest = m->allocated_ms;
    for (int s = 0; s < GW_STATE_UNKNOWN; s++)
        rest = minus(rest, m->state_ms[s]);
    return rest;
}

/*
 * The fields, and what each is guessed to be from those before it in this list and from `up`, the row above.
 * One field of all rows at a time; the order and the guesses are the format of version 1 of pages and blocks.
 */
#define FIELDS(EACH)                                                                                         \
    EACH(paid_ms, up->paid_ms)                                                                               \
    EACH(allocated_ms, up->allocated_ms == up->paid_ms ? m->paid_ms : 0)                                     \
    EACH(idle_ms, minus(m->paid_ms, m->allocated_ms))                                                        \
    EACH(unknown_ms, 0)                                                                                      \
    EACH(known_ms, minus(plus(m->allocated_ms, m->idle_ms), m->unknown_ms))                                  \
    EACH(used_ms, 0)                                                                                         \
    EACH(memory_known_ms, m->known_ms)                                                                       \
    EACH(memory_ms, 0)                                                                                       \
    EACH(state_ms[GW_STATE_HIGH_HIGH], 0)                                                                    \
    EACH(state_ms[GW_STATE_LOW_HIGH], 0)                                                                     \
    EACH(state_ms[GW_STATE_HIGH_LOW], 0)                                                                     \
    EACH(state_ms[GW_STATE_LOW_LOW], 0)                                                                      \
    EACH(state_ms[GW_STATE_UNKNOWN], rest_of_states(m))                                                      \
    EACH(unpriced_ms, 0)                                                                                     \
    EACH(bill, share(up->bill, m->paid_ms, up->paid_ms))                                                     \
    EACH(overhead, m->paid_ms == 0 ? m->bill : 0)                                                            \
    EACH(used, share(but_overhead(m), m->used_ms, m->paid_ms))                                               \
    EACH(idle, share(but_overhead(m), m->idle_ms, m->paid_ms))                                               \
    EACH(unknown, share(but_overhead(m), m->unknown_ms, m->paid_ms))                                         \
    EACH(wasted, minus(minus(minus(minus(m->bill, m->used), m->idle), m->unknown), m->overhead))             \
    EACH(reclaimable, 0)

#define COUNT(field, guess) +1
_Static_assert(0 FIELDS(COUNT) == GW_N_MEASURES, "a measure is not written");

static const gw_measures none; /* above the first row */

#define ROW(at) ((gw_measures *)(void *)((char *)(uintptr_t)first + (at)*stride))

void gw_measures_put(gw_buf *b, const gw_measures *first, size_t stride, size_t n)
{
    gw_writer w;
    w.b = b;
    w.n = 0;
#define PUT(field, guess)                                                                                    \
    for (size_t i = 0; i < n; i++) {                                                                         \
        const gw_measures *m = ROW(i), *up = i ? ROW(i - 1) : &none;                                         \
        GW_UNUSED(up);                                                                                       \
        gw_write_signed(&w, minus(m->field, guess));                                                         \
    }
    FIELDS(PUT)
    gw_writer_flush(&w);
}

void gw_measures_get(gw_cursor *c, gw_measures *first, size_t stride, size_t n)
{
#define GET(field, guess)                                                                                    \
    for (size_t i = 0; i < n; i++) {                                                                         \
        gw_measures *m = ROW(i);                                                                             \
        const gw_measures *up = i ? ROW(i - 1) : &none;                                                      \
        GW_UNUSED(up);                                                                                       \
        m->field = plus(gw_signed(c), guess);                                                                \
    }
    FIELDS(GET)
}
