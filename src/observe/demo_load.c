#include "observe/demo_load.h"

/* How many people are about, by hour of the day in UTC; mean 0.55. */
static const double day_profile[25] = {0.18, 0.14, 0.12, 0.11, 0.12, 0.16, 0.25, 0.40, 0.58,
                                       0.72, 0.80, 0.84, 0.86, 0.84, 0.82, 0.80, 0.80, 0.82,
                                       0.86, 0.88, 0.80, 0.62, 0.42, 0.27, 0.18};
#define WEEKEND_FACTOR 0.7

static bool is_weekend(int64_t t_ms)
{
    int64_t weekday = (t_ms / GW_DAY_MS + 4) % 7; /* day 0 of the epoch was a Thursday; 0 = Sunday */
    return weekday == 0 || weekday == 6;
}

static double day_at(int64_t t_ms)
{
    double hour = (double)(t_ms % GW_DAY_MS) / (double)GW_HOUR_MS;
    int h = (int)hour;
    double v = day_profile[h] + (day_profile[h + 1] - day_profile[h]) * (hour - h);
    return is_weekend(t_ms) ? v * WEEKEND_FACTOR : v;
}

/* Noise that wanders: a draw at every multiple of cell_ms, straight lines between. Mean 1/2. */
static double wander(uint64_t seed, int64_t t_ms, int64_t cell_ms)
{
    int64_t cell = t_ms / cell_ms;
    double a = demo_share(seed, (uint64_t)cell), b = demo_share(seed, (uint64_t)cell + 1);
    return a + (b - a) * (double)(t_ms % cell_ms) / (double)cell_ms;
}

static double cut(double v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

static double training_at(const demo_load *l, uint64_t seed, int64_t since_ms, int64_t t_ms)
{
    if ((t_ms - since_ms) % (2 * GW_HOUR_MS) < 2 * GW_MINUTE_MS)
        return 0.04;
    return cut(l->level + 0.06 * (demo_share(seed, (uint64_t)t_ms) - 0.5));
}

static double pulse_at(const demo_load *l, uint64_t seed, int64_t t_ms)
{
    int64_t hour = t_ms / GW_HOUR_MS;
    int64_t begin = (int64_t)(demo_draw(seed, (uint64_t)hour) % 57) * GW_MINUTE_MS;
    int64_t into = t_ms % GW_HOUR_MS - begin;
    if (into >= 0 && into < DEMO_PULSE_MS)
        return cut(l->level + 0.02 * (demo_share(seed, (uint64_t)t_ms) - 0.5));
    return 0.012;
}

static double notebook_at(const demo_load *l, uint64_t seed, int64_t t_ms)
{
    int64_t hour = t_ms % GW_DAY_MS / GW_HOUR_MS;
    if (is_weekend(t_ms) || hour < 8 || hour >= 19)
        return 0;
    if (demo_share(seed, (uint64_t)(t_ms / (20 * GW_MINUTE_MS))) > 0.4) /* reading, typing, lunch */
        return 0;
    return cut(l->level * (0.3 + 0.7 * demo_share(seed ^ 1, (uint64_t)(t_ms / GW_MINUTE_MS))));
}

double demo_load_at(const demo_load *l, uint64_t seed, int64_t since_ms, int64_t t_ms)
{
    switch (l->shape) {
    case DEMO_SILENT:
        return 0;
    case DEMO_CONSTANT:
        return l->level;
    case DEMO_TRAINING:
        return training_at(l, seed, since_ms, t_ms);
    case DEMO_BATCH:
        return cut(l->level * (0.7 + 0.6 * wander(seed, t_ms, 5 * GW_MINUTE_MS)));
    case DEMO_SERVING:
        return cut(l->level * (0.5 + 0.9 * day_at(t_ms)) *
                   (0.7 + 0.6 * wander(seed, t_ms, 10 * GW_MINUTE_MS)));
    case DEMO_RHYTHM:
        return cut(l->level * day_at(t_ms) * (0.5 + wander(seed, t_ms, 4 * GW_MINUTE_MS)));
    case DEMO_PULSE:
        return pulse_at(l, seed, t_ms);
    case DEMO_NOTEBOOK:
        return notebook_at(l, seed, t_ms);
    }
    return 0;
}
