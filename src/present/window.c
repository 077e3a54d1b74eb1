#include "present/pipeline.h"

/* "2026-11-01T00:00:00Z to …" for messages. */
#define SPAN_TEXT_MAX (2 * GW_TIME_TEXT_MAX + 8)
static const char *span_format(gw_interval i, char out[SPAN_TEXT_MAX])
{
    char a[GW_TIME_TEXT_MAX], b[GW_TIME_TEXT_MAX];
    snprintf(out, SPAN_TEXT_MAX, "%s to %s", gw_time_format(i.start_ms, a), gw_time_format(i.end_ms, b));
    return out;
}

static int check_extent(gw_interval w, gw_interval extent, gw_error *e)
{
    char a[SPAN_TEXT_MAX], b[SPAN_TEXT_MAX];
    if (gw_interval_ms(gw_interval_cut(w, extent)) > 0)
        return 0;
    return gw_fail(e, GW_EWINDOW,
                   "the window %s lies outside of what the source holds, %s: leave --from and --to "
                   "out to take all of it",
                   span_format(w, a), span_format(extent, b));
}

static int check_live(gw_interval *w, int64_t now_ms, gw_error *e)
{
    char a[GW_TIME_TEXT_MAX], b[GW_TIME_TEXT_MAX];
    if (w->start_ms > now_ms)
        return gw_fail(e, GW_EWINDOW,
                       "the window starts at %s, which is in the future (it is %s now): give an "
                       "earlier --from, or set this machine's clock",
                       gw_time_format(w->start_ms, a), gw_time_format(now_ms, b));
    w->end_ms = GW_MIN(w->end_ms, now_ms);
    return 0;
}

int gw_window_choose(const gw_options *o, gw_interval extent, int64_t now_ms, gw_interval *ret, gw_error *e)
{
    bool live = extent.end_ms <= extent.start_ms;
    gw_interval w = {0, live ? now_ms : extent.end_ms};
    char a[GW_TIME_TEXT_MAX], b[GW_TIME_TEXT_MAX];
    if (o->window_ms && o->from && o->to)
        return gw_fail(e, GW_EUSAGE, "--window, --from and --to together say too much: give two of them");
    if (o->to && gw_time_parse(o->to, now_ms, &w.end_ms, e))
        return gw_error_prefix(e, "--to");
    if (o->from && gw_time_parse(o->from, now_ms, &w.start_ms, e))
        return gw_error_prefix(e, "--from");
    if (o->from && o->window_ms)
        w.end_ms = w.start_ms + o->window_ms;
    else if (!o->from && o->window_ms)
        w.start_ms = w.end_ms - o->window_ms;
    else if (!o->from)
        w.start_ms = live ? w.end_ms - GW_WINDOW_DEFAULT_MS : extent.start_ms;
    /* before the next check: of a --from in the future, the end that was chosen for it is not what is wrong
     */
    if (live && check_live(&w, now_ms, e))
        return GW_EWINDOW;
    if (w.end_ms <= w.start_ms)
        return gw_fail(e, GW_EWINDOW,
                       "the window is empty: it starts at %s and ends at %s%s; --from must be before --to",
                       gw_time_format(w.start_ms, a), gw_time_format(w.end_ms, b),
                       o->to || live ? "" : ", where the source's data end");
    if (!live && check_extent(w, extent, e))
        return GW_EWINDOW;
    if (gw_interval_ms(w) > GW_WINDOW_MAX_MS)
        return gw_fail(e, GW_EWINDOW,
                       "the window, %s to %s, is longer than 5 years, the most that one report takes: give a "
                       "later --from, an earlier --to or a shorter --window",
                       gw_time_format(w.start_ms, a), gw_time_format(w.end_ms, b));
    *ret = w;
    return 0;
}
