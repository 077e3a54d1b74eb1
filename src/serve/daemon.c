#include "serve/daemon.h"

#include <signal.h>
#include <time.h>

#include "serve/daemon_internal.h"

const char *gw_daemon_state_name(gw_daemon_state s)
{
    static const char *const names[] = {"starting", "ready", "stale", "failing"};
    return names[s];
}

/* ---- life cycle ---------------------------------------------------------------------------------------- */

/* The Kubernetes API as the watch takes objects. What it does not show is missing, not an error. */
static int kube_objects(void *self, gw_fleet *fleet, gw_error *e)
{
    gw_daemon *d = self;
    const char *missing = NULL;
    int rc = gw_kube_objects(d->base.kube, fleet, &missing, e);
    snprintf(d->kube_failure, sizeof(d->kube_failure), "%s", rc == 0 && missing ? missing : "");
    return rc;
}

/*
 * What the watch is to hold. A recording, or a window with both ends given, ends; a live one begins at a
 * midnight, so that its days are those of a report on whole days.
 */
static int choose_span(gw_daemon *d, gw_error *e)
{
    const gw_options *o = &d->config->options;
    gw_interval extent = {0, 0};
    int rc = d->base.source.extent ? d->base.source.extent(d->base.source.self, &extent, e) : 0;
    if (rc)
        return rc;
    d->span = d->base.window;
    d->recording = gw_interval_ms(extent) > 0 || o->to;
    if (!d->recording) {
        if (!o->from)
            d->span.start_ms = d->span.start_ms / GW_DAY_MS * GW_DAY_MS;
        d->span.end_ms = INT64_MAX;
    }
    return 0;
}

static int open_watch(gw_daemon *d, gw_error *e)
{
    const gw_watch_options wo = {
        .start_ms = d->span.start_ms, .end_ms = d->span.end_ms, .policy = d->config->options.policy};
    return gw_watch_new(&wo, &d->watch, e);
}

static int open_store(gw_daemon *d, gw_store **ret, gw_error *e)
{
    const gw_store_options so = {.url = d->config->store};
    return gw_store_open(&so, ret, e);
}

static int open_all(gw_daemon *d, gw_error *e)
{
    gw_pipeline_env env = d->env;
    int64_t now_ms = d->env.clock(d->env.clock_ctx);
    env.rules = true;
    d->skew_ms = d->config->as_of_ms ? d->config->as_of_ms - now_ms : 0;
    gw_options o = d->config->options;
    char as_of[GW_TIME_TEXT_MAX];
    if (d->skew_ms &&
        !o.to) { /* the pipeline's window would end now; ours ends at the time that is pretended */
        o.to = gw_time_format(d->config->as_of_ms, as_of);
    }
    int rc = gw_pipeline_open(&d->base, &o, &env, e);
    if (rc == 0)
        rc = gw_pipeline_prepare(&d->base, &d->config->options, e);
    if (rc == 0)
        rc = choose_span(d, e);
    if (rc == 0)
        rc = open_watch(d, e);
    if (rc == 0)
        rc = open_store(d, &d->store, e);
    if (rc == 0)
        rc = gw_daemon_open_money(d, e);
    d->prices = 1;
    d->money_due = true;
    if (d->base.kube)
        d->kube = (gw_source){.self = d, .objects = kube_objects};
    if (d->base.kube_failure)
        snprintf(d->kube_failure, sizeof(d->kube_failure), "%s", d->base.kube_failure);
    return rc;
}

/* What is said before the first turn. */
static int first_status(gw_daemon *d, gw_error *e)
{
    gw_daemon_status *s = &d->status;
    gw_interval extent;
    int rc = gw_store_extent(d->store, d->config->cluster, &extent, e);
    if (rc)
        return rc;
    s->cluster = d->config->cluster;
    s->store_kind = gw_store_kind(d->store);
    s->last_closed_ms = extent.end_ms;
    s->store_ok = s->source_ok = true;
    s->data_age_ms = -1;
    s->first_wall_ms = -1;
    snprintf(s->store, sizeof(s->store), "%s", gw_store_describe(d->store));
    snprintf(s->kubernetes, sizeof(s->kubernetes), "%s", d->base.kube ? gw_kube_describe(d->base.kube) : "");
    snprintf(s->reasons[0], GW_REASON_MAX, "the source is being read for the first time");
    s->n_reasons = 1;
    return 0;
}

int gw_daemon_new(const gw_serve_config *c, const gw_pipeline_env *env, gw_daemon **ret, gw_error *e)
{
    gw_daemon *d = gw_calloc(1, sizeof(*d));
    if (!d)
        return gw_fail_memory(e);
    d->config = c;
    d->env = *env;
    gw_pipeline_init(&d->base);
    pthread_mutex_init(&d->observed, NULL);
    pthread_mutex_init(&d->state, NULL);
    pthread_condattr_t monotonic; /* so that setting the clock makes nobody wait */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&d->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int rc = open_all(d, e);
    if (rc == 0)
        rc = first_status(d, e);
    if (rc)
        gw_daemon_free(d);
    else
        *ret = d;
    return rc;
}

void gw_daemon_free(gw_daemon *d)
{
    if (!d)
        return;
    gw_daemon_stop(d);
    gw_daemon_drop_views(d);
    for (size_t i = 0; i < GW_DAEMON_STORES; i++)
        gw_store_free(d->stores[i]);
    gw_store_free(d->store);
    gw_daemon_free_money(d);
    gw_free(d->booked);
    gw_watch_free(d->watch);
    for (size_t i = 0; i < d->n_retired; i++)
        gw_price_list_free(d->retired[i]);
    gw_pipeline_free(&d->base);
    pthread_cond_destroy(&d->wake);
    pthread_mutex_destroy(&d->state);
    pthread_mutex_destroy(&d->observed);
    gw_free(d);
}

int gw_daemon_start(gw_daemon *d, gw_error *e)
{
    sigset_t all, old;
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&d->thread, NULL, gw_daemon_loop, d);
    d->started = failed == 0;
    int rc = failed ? gw_fail(e, GW_EIO, "cannot start the observing thread: %s", strerror(failed))
                    : gw_daemon_start_telling(d, e);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

void gw_daemon_stop(gw_daemon *d)
{
    pthread_mutex_lock(&d->state);
    d->stopping = true;
    pthread_cond_broadcast(&d->wake);
    pthread_mutex_unlock(&d->state);
    if (d->started)
        pthread_join(d->thread, NULL);
    d->started = false;
    gw_daemon_stop_telling(d);
}

void gw_daemon_nudge(gw_daemon *d)
{
    pthread_mutex_lock(&d->state);
    d->nudged = d->prices_again = true;
    pthread_cond_broadcast(&d->wake);
    pthread_mutex_unlock(&d->state);
}

/* ---- what others ask ----------------------------------------------------------------------------------- */

const gw_serve_config *gw_daemon_config(const gw_daemon *d)
{
    return d->config;
}

void gw_daemon_status_get(gw_daemon *d, gw_daemon_status *ret)
{
    pthread_mutex_lock(&d->state);
    *ret = d->status;
    ret->generation = d->generation;
    ret->recording = d->recording;
    ret->now_ms = d->env.clock(d->env.clock_ctx) + d->skew_ms + d->jump_ms;
    pthread_mutex_unlock(&d->state);
    /* between turns data age too */
    if (ret->newest_ms && !d->recording)
        ret->data_age_ms = GW_MAX(0, ret->now_ms - ret->newest_ms);
    /* a turn that hangs publishes nothing */
    if (ret->state == GW_DAEMON_READY && !d->recording &&
        ret->data_age_ms > GW_STALE_MS + d->config->turn_ms) {
        ret->state = GW_DAEMON_STALE;
        snprintf(ret->reasons[0], GW_REASON_MAX, "no turn has brought a new sample since the data grew old");
        ret->n_reasons = GW_MAX(ret->n_reasons, 1);
    }
}

uint64_t gw_daemon_generation(const gw_daemon *d)
{
    gw_daemon *own = (gw_daemon *)(uintptr_t)d;
    pthread_mutex_lock(&own->state);
    uint64_t g = d->generation;
    pthread_mutex_unlock(&own->state);
    return g;
}

int gw_daemon_store(gw_daemon *d, int slot, gw_store **ret, gw_error *e)
{
    if (slot < 0 || slot >= GW_DAEMON_STORES)
        return gw_fail(e, GW_EINTERNAL, "there is no store handle %d", slot);
    /* one worker has one slot, so only its opening is shared */
    if (!d->stores[slot]) {
        int rc = open_store(d, &d->stores[slot], e);
        if (rc)
            return rc;
    }
    *ret = d->stores[slot];
    return 0;
}
