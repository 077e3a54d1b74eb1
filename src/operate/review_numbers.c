#include "operate/review_numbers.h"

#define HOUR_DECIMALS 6

bool gw_measures_priced(const gw_measures *m)
{
    return gw_micro_known(m->bill) && (m->unpriced_ms <= 0 || m->unpriced_ms < m->paid_ms);
}

gw_micro gw_measures_money(const gw_measures *m, gw_micro amount)
{
    return gw_measures_priced(m) ? amount : GW_MICRO_UNKNOWN;
}

double gw_measures_utilisation(const gw_measures *m)
{
    int64_t known = GW_MIN(m->known_ms, m->allocated_ms);
    return known > 0 && m->used_ms >= 0 ? (double)m->used_ms / (double)known : -1;
}

double gw_measures_unknown_share(const gw_measures *m)
{
    if (m->allocated_ms <= 0 || m->known_ms < 0)
        return -1;
    return (double)(m->allocated_ms - GW_MIN(m->known_ms, m->allocated_ms)) / (double)m->allocated_ms;
}

double gw_measures_state_share(const gw_measures *m, gw_state s)
{
    int64_t known = 0;
    for (size_t i = 0; i < GW_N_STATES; i++)
        known += i == GW_STATE_UNKNOWN ? 0 : GW_MAX(0, m->state_ms[i]);
    return known > 0 ? (double)GW_MAX(0, m->state_ms[s]) / (double)known : -1;
}

/* Micro-dollars for one of `ms` milliseconds' hours, rounded half away from zero. */
static gw_micro per_hour(gw_micro money, int64_t ms)
{
    __int128 v = (__int128)money * GW_HOUR_MS;
    v = (v + (v < 0 ? -(ms / 2) : ms / 2)) / ms;
    return v > INT64_MAX || v < -INT64_MAX ? GW_MICRO_UNKNOWN : (gw_micro)v;
}

gw_micro gw_measures_per_paid(const gw_measures *m)
{
    int64_t priced = m->paid_ms - GW_MAX(0, m->unpriced_ms);
    return gw_measures_priced(m) && m->paid_ms > 0 && priced > 0 ? per_hour(m->bill, priced)
                                                                 : GW_MICRO_UNKNOWN;
}

gw_micro gw_measures_per_used(const gw_measures *m)
{
    return gw_micro_known(m->bill) && m->unpriced_ms == 0 && m->used_ms > 0
               ? per_hour(m->bill - m->unknown, m->used_ms)
               : GW_MICRO_UNKNOWN;
}

double gw_measures_hours(int64_t gpu_ms)
{
    return gpu_ms < 0 ? -1 : (double)gpu_ms / (double)GW_HOUR_MS;
}

static void put_hours(gw_doc *d, const char *key, int64_t ms)
{
    if (ms < 0)
        gw_doc_null(d, key);
    else
        gw_doc_fixed(d, key, gw_measures_hours(ms), HOUR_DECIMALS);
}

void gw_measures_write(gw_doc *d, const gw_measures *m)
{
    const struct {
        const char *key;
        gw_micro v;
    } money[] = {
        {"bill", m->bill}, {"used", m->used},       {"wasted", m->wasted},    {"reclaimable", m->reclaimable},
        {"idle", m->idle}, {"unknown", m->unknown}, {"overhead", m->overhead}};
    const struct {
        const char *key;
        int64_t ms;
    } times[] = {{"paid", m->paid_ms}, {"allocated", m->allocated_ms}, {"used", m->used_ms},
                 {"idle", m->idle_ms}, {"unknown", m->unknown_ms},     {"unpriced", m->unpriced_ms}};
    gw_doc_object(d, "cost");
    for (size_t i = 0; i < GW_COUNT(money); i++)
        gw_doc_money(d, money[i].key, gw_measures_money(m, money[i].v));
    gw_doc_end(d);
    gw_doc_object(d, "gpuHours");
    for (size_t i = 0; i < GW_COUNT(times); i++)
        put_hours(d, times[i].key, times[i].ms);
    gw_doc_end(d);
}

void gw_interval_write(gw_doc *d, const char *key, gw_interval i)
{
    char text[GW_TIME_TEXT_MAX];
    gw_doc_object(d, key);
    gw_doc_text(d, "start", gw_time_format(i.start_ms, text));
    gw_doc_text(d, "end", gw_time_format(i.end_ms, text));
    gw_doc_end(d);
}

bool gw_is_shared_namespace(const char *ns)
{
    return gw_eq(ns, GW_KEY_IDLE) || gw_eq(ns, GW_KEY_OVERHEAD);
}

bool gw_is_nobody(const char *key)
{
    return !key || !*key || strcmp(key, GW_KEY_UNALLOCATED) == 0;
}
