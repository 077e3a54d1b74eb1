/*
 * One request to Prometheus and the reading of its reply, whichever way is taken. Internal to prometheus.c.
 */
#ifndef GW_OBSERVE_PROM_PULL_H
#define GW_OBSERVE_PROM_PULL_H

#include "observe/chunked_reply.h"
#include "observe/matchers.h"
#include "observe/prom_json.h"
#include "observe/prometheus.h"

/* What all requests of a read have in common. */
typedef struct gw_pull_common {
    gw_prom_mode way;
    gw_interval range;
    const gw_series_sink *sink;
    const gw_matcher *extra;
    size_t n_extra;
    gw_chunk_space *space;
    bool skip_unknown; /* chunks in an unknown encoding: there is no other way */
    int64_t step_ms;
    uint64_t budget; /* requests that may be made; 0 = any number */
    uint64_t *used;  /* requests made */
} gw_pull_common;

typedef enum gw_reply_form { GW_REPLY_NONE, GW_REPLY_STREAM, GW_REPLY_SAMPLES, GW_REPLY_JSON } gw_reply_form;

typedef struct gw_pull {
    const gw_pull_common *common;
    const char *first_name; /* of the metrics asked for */
    gw_reply_form form;
    bool refused;     /* the server does not speak this way, whatever its status says */
    bool over_budget; /* a retry was due and not allowed */
    gw_chunked_reply *chunks;
    gw_buf plain;
    uint64_t plain_series, plain_samples;
    gw_prom_json *json;
    char *body, *path;
} gw_pull;

/*
 * Makes the request for the metrics names[first], names[first + stride], …; ways 2 and 3 take one name. *p
 * must stay where it is, and be given to gw_pull_free whether or not this succeeds.
 */
int gw_pull_init(gw_pull *p, const gw_pull_common *c, const char *const *names, size_t n, size_t first,
                 size_t stride, gw_http_request *ret, gw_error *e);
void gw_pull_free(gw_pull *p);
/* False where there is nothing to ask: a range between two instants of the grid. */
bool gw_pull_worthwhile(const gw_pull_common *c);

typedef struct gw_pull_stats {
    uint64_t series, samples, unknown_chunks, histograms, warnings;
    const char *warning;
} gw_pull_stats;
gw_pull_stats gw_pull_stats_of(const gw_pull *p);

#endif
