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

int gw_store_trim(gw_store *s, const gw_retention *r, int64_t now_ms, uint64_t *ret_n, gw_error *e)
{
    int64_t pages = cut_at(r->detail_days, now_ms), hours = cut_at(r->hour_days, now_ms);
    /* a day outlives its hours: sums over whole days would lose it otherwise */
    int64_t days = cut_at(r->day_days, now_ms);
    days = r->hour_days > 0 ? GW_MIN(days, hours) : 0;
    uint64_t n = 0, beside = 0;
    int rc = gw_store_begin(s, true, e);
    if (rc)
        return rc;
    rc = drop(s, "UPDATE gw_hour SET page = NULL, texts = NULL WHERE hour_ms < $1 AND page IS NOT NULL",
              pages, &n, e);
    rc = rc ? rc
            : drop(s, "UPDATE gw_hour SET sums = NULL WHERE hour_ms < $1 AND sums IS NOT NULL", hours, &n, e);
    rc = rc ? rc : drop(s, "DELETE FROM gw_day WHERE day_ms < $1", days, &n, e);
    rc = rc ? rc : drop(s, "DELETE FROM gw_hour WHERE hour_ms < $1 AND page IS NULL", days, &beside, e);
    rc = rc ? rc : drop(s, "DELETE FROM gw_correction WHERE hour_ms < $1", days, &beside, e);
    /* the newest list of a cluster stays: the next hour uses it */
    if (rc == 0 && n)
        rc = gw_store_run(
            s,
            "DELETE FROM gw_texts WHERE NOT EXISTS (SELECT 1 FROM gw_hour h WHERE h.cluster = "
            "gw_texts.cluster AND h.texts = gw_texts.id) AND id < (SELECT max(id) FROM gw_texts t "
            "WHERE t.cluster = gw_texts.cluster)",
            NULL, 0, NULL, NULL, e);
    rc = gw_store_end(s, rc, e);
    if (rc == 0 && s->g->ops->tidy)
        s->g->ops->tidy(s->g);
    if (rc == 0 && ret_n)
        *ret_n = n;
    return rc;
}
