/* Retention. */
#include "store/internal.h"

/* Whole days, so that a day is either all there by the hour or not at all. */
static int64_t cut_at(int days, int64_t now_ms)
{
    int64_t today = now_ms / GW_DAY_MS;
    return days > 0 && days <= today ? (today - days) * GW_DAY_MS : 0;
}

static int drop(gw_store *s, const char *sql, int64_t before_ms, uint64_t *n, gw_error *e)
{
    uint64_t gone = 0;
    gw_sql_value args[] = {gw_sql_int(before_ms)};
    if (before_ms <= 0)
        return 0;
    int rc = s->g->ops->run(s->g, sql, args, 1, NULL, NULL, &gone, e);
    *n += gone;
    return rc;
}

typedef struct cuts {
    int64_t pages, hours, days;
} cuts;

static cuts at_most(cuts c, int64_t ms)
{
    return (cuts){GW_MIN(c.pages, ms), GW_MIN(c.hours, ms), GW_MIN(c.days, ms)};
}

static int trim_before(gw_store *s, cuts c, uint64_t *n, gw_error *e)
{
    uint64_t gone = 0, beside = 0;
    int rc = gw_store_begin(s, true, e);
    if (rc)
        return rc;
    rc = drop(s, "UPDATE gw_hour SET page = NULL, texts = NULL WHERE hour_ms < $1 AND page IS NOT NULL",
              c.pages, &gone, e);
    rc = rc ? rc
            : drop(s, "UPDATE gw_hour SET sums = NULL WHERE hour_ms < $1 AND sums IS NOT NULL", c.hours,
                   &gone, e);
    rc = rc ? rc : drop(s, "DELETE FROM gw_day WHERE day_ms < $1", c.days, &gone, e);
    rc = rc ? rc : drop(s, "DELETE FROM gw_hour WHERE hour_ms < $1 AND page IS NULL", c.days, &beside, e);
    rc = rc ? rc : drop(s, "DELETE FROM gw_correction WHERE hour_ms < $1", c.days, &beside, e);
    rc = gw_store_end(s, rc, e);
    if (rc == 0)
        *n += gone;
    return rc;
}

/* Lists of texts that no page uses any more; the newest of a cluster stays, since the next hour uses it. */
static int trim_texts(gw_store *s, gw_error *e)
{
    int rc = gw_store_begin(s, true, e);
    if (rc)
        return rc;
    rc = gw_store_run(s,
                      "DELETE FROM gw_texts WHERE NOT EXISTS (SELECT 1 FROM gw_hour h WHERE h.cluster = "
                      "gw_texts.cluster AND h.texts = gw_texts.id) AND id < (SELECT max(id) FROM gw_texts t "
                      "WHERE t.cluster = gw_texts.cluster)",
                      NULL, 0, NULL, NULL, e);
    return gw_store_end(s, rc, e);
}

/* The oldest hour or day of which something is to go. INT64_MAX: nothing is. */
static int oldest(gw_store *s, cuts c, int64_t *ret, gw_error *e)
{
    int64_t page = INT64_MAX, hour = INT64_MAX, day = INT64_MAX;
    int rc = gw_store_begin(s, false, e);
    if (rc)
        return rc;
    rc = gw_store_int(s, "SELECT min(hour_ms) FROM gw_hour WHERE page IS NOT NULL", NULL, 0, INT64_MAX, &page,
                      e);
    rc = rc ? rc
            : gw_store_int(s, "SELECT min(hour_ms) FROM gw_hour WHERE sums IS NOT NULL", NULL, 0, INT64_MAX,
                           &hour, e);
    rc = rc ? rc : gw_store_int(s, "SELECT min(day_ms) FROM gw_day", NULL, 0, INT64_MAX, &day, e);
    *ret = GW_MIN(page < c.pages ? page : INT64_MAX,
                  GW_MIN(hour < c.hours ? hour : INT64_MAX, day < c.days ? day : INT64_MAX));
    return gw_store_end(s, rc, e);
}

/* A day of history a transaction, so that a store that was never trimmed holds up no writer and no timeout.
 */
int gw_store_trim(gw_store *s, const gw_retention *r, int64_t now_ms, uint64_t *ret_n, gw_error *e)
{
    cuts c = {cut_at(r->detail_days, now_ms), cut_at(r->hour_days, now_ms), cut_at(r->day_days, now_ms)};
    /* a day outlives its hours: sums over whole days would lose it otherwise */
    c.days = r->hour_days > 0 ? GW_MIN(c.days, c.hours) : 0;
    int64_t end = GW_MAX(c.pages, GW_MAX(c.hours, c.days)), from = 0;
    uint64_t n = 0;
    if (s->g->read_only)
        return gw_fail(e, GW_EUSAGE, "%s: was opened for reading only", s->g->name);
    int rc = oldest(s, c, &from, e);
    for (int64_t day = from / GW_DAY_MS * GW_DAY_MS; rc == 0 && day < end; day += GW_DAY_MS)
        rc = trim_before(s, at_most(c, day + GW_DAY_MS), &n, e);
    if (rc == 0 && n)
        rc = trim_texts(s, e);
    if (rc)
        return rc;
    if (n && s->g->ops->tidy)
        s->g->ops->tidy(s->g);
    if (ret_n)
        *ret_n = n;
    return 0;
}
