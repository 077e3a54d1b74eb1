/*
 * The proof. Give every pod a value such that no node of any type can hold more value than it costs: then all
 * pods together are worth no more than any set of nodes that holds them (weak duality; the values of the
 * linear program's dual are the best). Two corrections make that hold for values of any origin:
 *
 * Where a type may hold U > cost, all values are multiplied by the least cost / U (Farley, 1990).
 *
 * Where a type is limited to m nodes, it may hold more than it costs, if what it holds beyond that is taken
 * off the bound m times: every plan pays cost >= value - (U - cost) for each of at most m such nodes.
 *
 * With the factor p / q the bound is (p S - sum of m (p U - q cost)) / q, S the value of all pods, in
 * integers of 128 bits: p, q, cost < 2^41, m <= pods <= 2^20, U <= 2^62, S <= 2^61. U rests on mix_price.c.
 */
#include "allocate/mix_internal.h"

static bool limited(const gw_mix_shape *s)
{
    return s->max_nodes != GW_MIX_NO_LIMIT;
}

int64_t gw_mix_bound(const gw_mix_model *m, const int64_t *value, const int64_t *upper)
{
    int64_t p = 1, q = 1, pods = 0;
    __int128 sum = 0;
    for (size_t t = 0; t < m->n_shapes; t++) {
        const gw_mix_shape *s = &m->shapes[t];
        /* cost / upper < p / q; by cross-multiplication */
        if (!limited(s) && upper[t] > s->cost && (__int128)s->cost * q < (__int128)p * upper[t]) {
            p = s->cost;
            q = upper[t];
        }
    }
    for (size_t k = 0; k < m->n_kinds; k++) {
        sum += (__int128)value[k] * m->kinds[k].demand;
        pods += m->kinds[k].demand;
    }
    sum *= p;
    for (size_t t = 0; t < m->n_shapes; t++) {
        const gw_mix_shape *s = &m->shapes[t];
        __int128 beyond = (__int128)p * upper[t] - (__int128)q * s->cost;
        if (limited(s) && beyond > 0)
            sum -= beyond * GW_MIN(s->max_nodes, pods);
    }
    return sum > 0 ? (int64_t)(sum / q) : 0;
}

gw_micro gw_mix_bound_micro(const gw_mix_model *m, int64_t units)
{
    gw_micro divisor = 0;
    for (size_t t = 0; t < m->n_shapes; t++) {
        gw_micro a = divisor, b = m->shapes[t].cost >> m->unit_shift;
        while (b) {
            gw_micro rest = a % b;
            a = b;
            b = rest;
        }
        divisor = a;
    }
    if (divisor == 0)
        return 0;
    gw_micro least = (units >> m->unit_shift) + ((units & ((INT64_C(1) << m->unit_shift) - 1)) != 0);
    return (least + divisor - 1) / divisor * divisor;
}
