#include "operate/review_period.h"

#include "base/number.h"

#define WEEK_MS (7 * GW_DAY_MS)
/* 1970-01-01 was a Thursday: three days after a Monday. */
#define TO_MONDAY (3 * GW_DAY_MS)

int64_t gw_period_week(int64_t ms)
{
    int64_t since = ms + TO_MONDAY;
    int64_t weeks = since / WEEK_MS - (since % WEEK_MS < 0);
    return weeks * WEEK_MS - TO_MONDAY;
}

/* The year and the month (0..11) of an instant, read off its RFC 3339 text. */
static void month_of(int64_t ms, int64_t *year, int64_t *month)
{
    char text[GW_TIME_TEXT_MAX];
    gw_time_format(ms, text);
    if (!gw_parse_int64((gw_str){text, 4}, year) || !gw_parse_int64((gw_str){text + 5, 2}, month)) {
        *year = 1970; /* "out of range": nobody keeps books of then */
        *month = 1;
    }
    --*month;
}

int64_t gw_period_month(int64_t ms, int months)
{
    int64_t year, month, ret = 0;
    char text[64];
    month_of(ms, &year, &month);
    month += year * 12 + months;
    snprintf(text, sizeof(text), "%04" PRId64 "-%02" PRId64 "-01", month / 12, month % 12 + 1);
    return gw_time_parse(text, 0, &ret, NULL) ? 0 : ret;
}

const char *gw_period_month_name(int64_t ms, char out[GW_TIME_TEXT_MAX])
{
    gw_time_format(ms, out);
    out[7] = '\0';
    return out;
}

const char *gw_period_day_name(int64_t ms, char out[GW_TIME_TEXT_MAX])
{
    gw_time_format(ms, out);
    out[10] = '\0';
    return out;
}

uint32_t gw_period_gaps(gw_interval when, const int64_t *closed, size_t n_closed, gw_interval *ret,
                        size_t max, size_t *ret_n)
{
    uint32_t there = 0;
    size_t at = 0, n = 0;
    bool open = false; /* the last hour was missing as well */
    for (int64_t hour = when.start_ms; hour < when.end_ms; hour += GW_HOUR_MS) {
        while (at < n_closed && closed[at] < hour)
            at++;
        if (at < n_closed && closed[at] == hour) {
            there++;
            open = false;
            continue;
        }
        if (!open && n++ < max)
            ret[n - 1] = (gw_interval){hour, hour};
        if (n <= max && n)
            ret[n - 1].end_ms = hour + GW_HOUR_MS;
        open = true;
    }
    *ret_n = n;
    return there;
}
