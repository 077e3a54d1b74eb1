#include "base/time.h"

#include "base/number.h"

int64_t gw_clock_system(void *unused)
{
    GW_UNUSED(unused);
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t gw_clock_monotonic(void *unused)
{
    GW_UNUSED(unused);
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Days since 1970-01-01 of a civil date: Howard Hinnant, "chrono-compatible low-level date algorithms". */
static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_of(int64_t days, int64_t *y, int *m, int *d)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *d = (int)(doy - (153 * mp + 2) / 5 + 1);
    *m = (int)(mp < 10 ? mp + 3 : mp - 9);
    *y = yoe + era * 400 + (*m <= 2);
}

static bool digits(const char **s, int n, int *ret)
{
    int v = 0;
    for (int i = 0; i < n; i++) {
        if ((*s)[i] < '0' || (*s)[i] > '9')
            return false;
        v = v * 10 + ((*s)[i] - '0');
    }
    *s += n;
    *ret = v;
    return true;
}

static int month_days(int y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return days[m - 1] + (m == 2 && leap);
}

static bool parse_clock(const char **s, int64_t *ms)
{
    int h, mi, sec = 0;
    if (!digits(s, 2, &h) || **s != ':' || (++*s, !digits(s, 2, &mi)))
        return false;
    bool has_seconds = **s == ':';
    if (has_seconds && (++*s, !digits(s, 2, &sec)))
        return false;
    if (h > 24 || mi > 59 || sec > 60 || (h == 24 && (mi || sec)))
        return false;
    *ms = ((h * 60 + mi) * (int64_t)60 + sec) * 1000;
    if (has_seconds && **s == '.') {
        int64_t unit = 100;
        if ((*s)[1] < '0' || (*s)[1] > '9')
            return false;
        for (++*s; **s >= '0' && **s <= '9'; ++*s, unit /= 10)
            *ms += (**s - '0') * unit;
    }
    return true;
}

/* Behind the sign of an offset: "05:30". */
static bool parse_offset(const char **s, int64_t *ms)
{
    int h, m;
    if (!digits(s, 2, &h) || *(*s)++ != ':' || !digits(s, 2, &m) || h > 23 || m > 59)
        return false;
    *ms = (h * 60 + m) * GW_MINUTE_MS;
    return true;
}

static bool parse_rfc3339(const char *s, int64_t *ret)
{
    int y, mo, d;
    if (!digits(&s, 4, &y) || *s++ != '-' || !digits(&s, 2, &mo) || *s++ != '-' || !digits(&s, 2, &d))
        return false;
    if (mo < 1 || mo > 12 || d < 1 || d > month_days(y, mo))
        return false;
    int64_t ms = days_of(y, mo, d) * GW_DAY_MS, clock = 0, offset = 0;
    if (*s == 'T' || *s == 't' || *s == ' ') {
        s++;
        if (!parse_clock(&s, &clock))
            return false;
        if (*s == 'Z' || *s == 'z') {
            s++;
        } else if (*s == '+' || *s == '-') {
            int sign = *s++ == '-' ? -1 : 1;
            if (!parse_offset(&s, &offset))
                return false;
            offset *= sign;
        }
    }
    if (*s)
        return false;
    *ret = ms + clock - offset;
    return true;
}

int gw_duration_parse(const char *text, int64_t *ret_ms, gw_error *e)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1},        {"s", GW_SECOND_MS},  {"m", GW_MINUTE_MS},   {"h", GW_HOUR_MS},
                 {"d", GW_DAY_MS}, {"w", 7 * GW_DAY_MS}, {"y", 365 * GW_DAY_MS}};
    int64_t total = 0, before = INT64_MAX;
    const char *s = text;
    while (*s >= '0' && *s <= '9') {
        int64_t v = 0;
        for (; *s >= '0' && *s <= '9' && v < 100000000000; s++)
            v = v * 10 + (*s - '0');
        size_t n = 0;
        while (s[n] >= 'a' && s[n] <= 'z')
            n++;
        int64_t unit = 0;
        for (size_t i = 0; i < GW_COUNT(units); i++) {
            if (gw_str_is((gw_str){s, n}, units[i].unit))
                unit = units[i].ms;
        }
        if (unit == 0 || unit >= before || v > INT64_MAX / 4 / unit - total / unit) {
            total = 0; /* a number that no unit follows is a mistake as well */
            break;
        }
        total += v * unit;
        before = unit;
        s += n;
    }
    if (*s || total <= 0)
        return gw_fail(e, GW_EUSAGE, "'%s' is not a duration; write for example 90s, 5m, 24h, 7d or 1h30m",
                       text);
    *ret_ms = total;
    return 0;
}

int gw_time_parse(const char *text, int64_t now_ms, int64_t *ret_ms, gw_error *e)
{
    int64_t ms;
    double seconds;
    if (strcmp(text, "now") == 0) {
        *ret_ms = now_ms;
        return 0;
    }
    if (gw_has_prefix(text, "now-")) {
        if (gw_duration_parse(text + 4, &ms, e))
            return e ? e->code : GW_EUSAGE;
        *ret_ms = now_ms - ms;
        return 0;
    }
    if (parse_rfc3339(text, &ms)) {
        *ret_ms = ms;
        return 0;
    }
    if (strlen(text) > 4 && gw_parse_double(gw_str_of(text), &seconds) && seconds >= 0 && seconds < 1e11) {
        *ret_ms = (int64_t)(seconds * 1000 + 0.5);
        return 0;
    }
    return gw_fail(
        e, GW_EUSAGE,
        "'%s' is not a time; write for example 2026-11-01T00:00:00Z, 2026-11-01, now-24h or unix seconds",
        text);
}

const char *gw_time_format(int64_t ms, char out[GW_TIME_TEXT_MAX])
{
    /* not ms - days * GW_DAY_MS, which the earliest times would overflow */
    int64_t days = ms / GW_DAY_MS - (ms % GW_DAY_MS < 0), rest = ms % GW_DAY_MS, y;
    rest += rest < 0 ? GW_DAY_MS : 0;
    int mo, d, h = (int)(rest / GW_HOUR_MS), mi = (int)(rest / GW_MINUTE_MS % 60);
    int s = (int)(rest / 1000 % 60), milli = (int)(rest % 1000);
    civil_of(days, &y, &mo, &d);
    if (y < 0 || y > 9999)
        snprintf(out, GW_TIME_TEXT_MAX, "out of range");
    else if (milli)
        snprintf(out, GW_TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)y, mo, d, h, mi, s,
                 milli);
    else
        snprintf(out, GW_TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ", (int)y, mo, d, h, mi, s);
    return out;
}

const char *gw_duration_format(int64_t ms, char out[GW_TIME_TEXT_MAX])
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"d", GW_DAY_MS}, {"h", GW_HOUR_MS}, {"m", GW_MINUTE_MS}, {"s", GW_SECOND_MS}, {"ms", 1}};
    size_t n = 0, shown = 0;
    out[0] = '\0';
    for (size_t i = 0; i < GW_COUNT(units) && shown < 3 && ms > 0; i++) {
        if (ms < units[i].ms)
            continue;
        n +=
            (size_t)snprintf(out + n, GW_TIME_TEXT_MAX - n, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
        ms %= units[i].ms;
        shown++;
    }
    if (shown == 0)
        snprintf(out, GW_TIME_TEXT_MAX, "0s");
    return out;
}
