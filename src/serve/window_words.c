#include "serve/window_words.h"

#include "base/number.h"

#define WINDOW_MAX_MS (5 * 366 * GW_DAY_MS)
#define WEEK_MS       (7 * GW_DAY_MS)

static int64_t floor_to(int64_t ms, int64_t unit)
{
    int64_t rest = ms % unit;
    return ms - (rest < 0 ? rest + unit : rest);
}

int64_t gw_day_start(int64_t ms)
{
    return floor_to(ms, GW_DAY_MS);
}

/* 1970-01-01 was a Thursday: the Monday before it lies three days earlier, the Sunday four. */
int64_t gw_week_start(int64_t ms, gw_window_words as)
{
    int64_t shift = (as == GW_WINDOW_WORDS_OPENCOST ? 4 : 3) * GW_DAY_MS;
    return floor_to(ms + shift, WEEK_MS) - shift;
}

int64_t gw_month_start(int64_t ms, int months)
{
    time_t seconds = (time_t)(floor_to(ms, GW_DAY_MS) / GW_SECOND_MS);
    struct tm t;
    if (!gmtime_r(&seconds, &t))
        return floor_to(ms, GW_DAY_MS);
    int month = t.tm_mon + months;
    struct tm first = {.tm_year = t.tm_year + month / 12, .tm_mon = month % 12, .tm_mday = 1};
    return (int64_t)timegm(&first) * GW_SECOND_MS; /* which takes a month below 0 as one of the year before */
}

/* ---- words --------------------------------------------------------------------------------------------- */

static bool read_word(gw_str text, gw_window_words as, int64_t now_ms, gw_interval *ret)
{
    int64_t last = now_ms - 1, day = gw_day_start(last), week = gw_week_start(last, as);
    int64_t month = gw_month_start(last, 0);
    if (gw_str_is(text, "today"))
        *ret = (gw_interval){day, as == GW_WINDOW_WORDS_OPENCOST ? day + GW_DAY_MS : now_ms};
    else if (gw_str_is(text, "yesterday"))
        *ret = (gw_interval){day - GW_DAY_MS, day};
    else if (gw_str_is(text, "week"))
        *ret = (gw_interval){week, now_ms};
    else if (gw_str_is(text, "lastweek"))
        *ret = (gw_interval){week - WEEK_MS, week};
    else if (gw_str_is(text, "month"))
        *ret = (gw_interval){month, now_ms};
    else if (gw_str_is(text, "lastmonth"))
        *ret = (gw_interval){gw_month_start(last, -1), month};
    else
        return false;
    return true;
}

/* ---- lengths ------------------------------------------------------------------------------------------- */

/* "7d" as OpenCost reads it: so many whole units, the one that now lies in among them; weeks end today. */
static int read_whole_units(const char *text, int64_t now_ms, gw_interval *ret)
{
    static const struct {
        char letter;
        int64_t length, rounds_to;
    } units[] = {{'m', GW_MINUTE_MS, GW_MINUTE_MS},
                 {'h', GW_HOUR_MS, GW_HOUR_MS},
                 {'d', GW_DAY_MS, GW_DAY_MS},
                 {'w', WEEK_MS, GW_DAY_MS}};
    size_t n = strlen(text);
    int64_t count;
    if (n < 2 || !gw_parse_int64((gw_str){text, n - 1}, &count))
        return GW_EUSAGE;
    for (size_t i = 0; i < GW_COUNT(units); i++) {
        if (units[i].letter != text[n - 1])
            continue;
        if (count <= 0 || count > WINDOW_MAX_MS / units[i].length)
            return GW_EWINDOW;
        int64_t end = floor_to(now_ms - 1, units[i].rounds_to) + units[i].rounds_to;
        *ret = (gw_interval){end - count * units[i].length, end};
        return 0;
    }
    return GW_EUSAGE;
}

static int read_length(const char *text, gw_window_words as, int64_t now_ms, gw_interval *ret)
{
    int64_t length;
    gw_error ignored;
    if (as == GW_WINDOW_WORDS_OPENCOST)
        return read_whole_units(text, now_ms, ret);
    if (gw_duration_parse(text, &length, &ignored))
        return GW_EUSAGE;
    if (length > WINDOW_MAX_MS)
        return GW_EWINDOW;
    *ret = (gw_interval){now_ms - length, now_ms};
    return 0;
}

/* ---- pairs --------------------------------------------------------------------------------------------- */

static bool all_digits(gw_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    }
    return s.n > 0;
}

static int read_time(gw_str s, int64_t now_ms, int64_t *ret, gw_error *e)
{
    char text[GW_WINDOW_WORDS_TEXT_MAX];
    snprintf(text, sizeof(text), "%.*s", GW_STR_ARG(s));
    return gw_time_parse(text, now_ms, ret, e);
}

/* Splits at the comma, or at the '-' between two numbers. */
static bool split(gw_str text, gw_str *from, gw_str *to)
{
    const char *at = memchr(text.p, ',', text.n);
    if (!at) {
        at = memchr(text.p, '-', text.n);
        if (!at || !all_digits((gw_str){text.p, (size_t)(at - text.p)}) ||
            !all_digits((gw_str){at + 1, text.n - (size_t)(at - text.p) - 1}))
            return false;
    }
    *from = (gw_str){text.p, (size_t)(at - text.p)};
    *to = (gw_str){at + 1, text.n - from->n - 1};
    return true;
}

int gw_window_words_parse(const char *text, gw_window_words as, int64_t now_ms, gw_interval *ret, gw_error *e)
{
    gw_interval w = {0, 0};
    gw_str all = gw_str_of(text), from, to;
    if (all.n == 0 || all.n >= GW_WINDOW_WORDS_TEXT_MAX)
        return gw_fail(e, GW_EUSAGE, "window: a text of 1 to %d bytes is wanted, such as 24h, 7d or today",
                       GW_WINDOW_WORDS_TEXT_MAX - 1);
    int rc = 0;
    if (!read_word(all, as, now_ms, &w)) {
        if (split(all, &from, &to)) {
            rc = read_time(from, now_ms, &w.start_ms, e);
            if (rc == 0)
                rc = read_time(to, now_ms, &w.end_ms, e);
            if (rc)
                return gw_error_prefix(e, "window");
        } else {
            rc = read_length(text, as, now_ms, &w);
        }
    }
    if (rc == GW_EUSAGE)
        return gw_fail(e, GW_EUSAGE,
                       "window: '%s' is none: write a length (24h, 7d), a word (today, yesterday, week, "
                       "lastweek, month, lastmonth), or two times with a comma between them "
                       "(2026-01-05T00:00:00Z,2026-01-06T00:00:00Z)",
                       text);
    if (rc == 0 && w.end_ms <= w.start_ms)
        return gw_fail(e, GW_EWINDOW, "window: '%s' is empty: it must end after it begins", text);
    if (rc == GW_EWINDOW || (uint64_t)w.end_ms - (uint64_t)w.start_ms > (uint64_t)WINDOW_MAX_MS)
        return gw_fail(e, GW_EWINDOW, "window: '%s' is empty or longer than five years", text);
    *ret = w;
    return 0;
}
