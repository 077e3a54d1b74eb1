/*
 * The windows that the HTTP API takes in one parameter: words, lengths, and pairs of times.
 *
 *     today yesterday week lastweek month lastmonth      calendar, UTC
 *     24h 7d 90m 2w                                      the last so much
 *     2026-01-05T00:00:00Z,2026-01-06T00:00:00Z          RFC 3339, or anything that gw_time_parse takes
 *     1767571200,1767657600 1767571200-1767657600        unix seconds
 *
 * The same word means two things. In gpuwise "7d" is the seven days that end now and a week begins on Monday,
 * as in `gpuwise report --window 7d` and in the store. In OpenCost's API "7d" is today and the six whole days
 * before it, "24h" this hour and the 23 before it, and a week begins on Sunday:
 * https://opencost.io/docs/integrations/api and core/pkg/opencost/window.go of that project.
 */
#ifndef GW_SERVE_WINDOW_WORDS_H
#define GW_SERVE_WINDOW_WORDS_H

#include "base/time.h"

typedef enum gw_window_words {
    GW_WINDOW_WORDS_OURS,
    GW_WINDOW_WORDS_OPENCOST,
} gw_window_words;

#define GW_WINDOW_WORDS_TEXT_MAX 128

/*
 * now_ms is the end of what there is: of a recording its last instant. A word that rounds takes the last
 * millisecond before it, so that a recording that ends at midnight has a "today". The end may lie after now
 * (OpenCost's "today" ends at midnight): whoever reads data cuts it.
 *
 * GW_EUSAGE for a text that is no window, with those there are; GW_EWINDOW for one that is empty or longer
 * than five years. *ret is untouched then.
 */
int gw_window_words_parse(const char *text, gw_window_words as, int64_t now_ms, gw_interval *ret,
                          gw_error *e);

/* Starts of the day, the week (from Monday or Sunday) and the month that an instant lies in, UTC; the start
 * of the month that is `months` later (or earlier, where negative). */
int64_t gw_day_start(int64_t ms);
int64_t gw_week_start(int64_t ms, gw_window_words as);
int64_t gw_month_start(int64_t ms, int months);

#endif
