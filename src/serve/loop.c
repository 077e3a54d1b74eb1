/*
 * One turn: read what is new, judge it, close hours, look at the money. A turn that fails leaves what the
 * last good one made; what went wrong is in the status until a turn goes well.
 */
#include <time.h>

#include "serve/daemon_internal.h"

const double gw_turn_cpu_bounds[7] = {0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2};

/* ---- time ---------------------------------------------------------------------------------------------- */

static double thread_cpu(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t apart(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/*
 * What time it is. A clock that jumped against the monotonic one is believed where that brings it nearer to
 * the newest sample (it was set right), and not where it leads away from it: an hour must not be closed
 * because somebody set the clock to next year.
 */
static int64_t turn_time(gw_daemon *d, int64_t *ret_jump_ms)
{
    int64_t wall = d->env.clock(d->env.clock_ctx) + d->skew_ms, mono = gw_clock_monotonic(NULL), now = wall;
    if (d->last_mono_ms && !d->recording) {
        int64_t expected = d->last_ms + (mono - d->last_mono_ms), newest = gw_watch_newest(d->watch);
        if (apart(wall, expected) > GW_JUMP_MS && newest != INT64_MIN &&
            apart(wall, newest) > apart(expected, newest)) {
            now = expected;
        }
    }
    *ret_jump_ms = now - wall;
    d->last_ms = now;
    d->last_mono_ms = mono;
    return now;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static int list_objects(gw_daemon *d, int64_t now_ms, gw_error *e)
{
    if (d->objects_ms && apart(now_ms, d->objects_ms) < GW_OBJECTS_MS)
        return 0;
    if (d->recording && d->objects_ms && !d->base.kube)
        return 0;
    int rc = d->base.source.objects ? gw_watch_objects(d->watch, &d->base.source, e) : 0;
    if (rc == 0 && d->base.kube) {
        gw_error why = {0};
        int failed = gw_watch_objects(d->watch, &d->kube, &why);
        if (failed == GW_ENOMEM)
            return gw_fail_memory(e);
        if (failed) /* the books stand without it; the view says what it lacks */
            snprintf(d->kube_failure, sizeof(d->kube_failure), "%.*s", GW_REASON_MAX - 1, why.message);
    }
    if (rc == 0)
        d->objects_ms = now_ms;
    return rc;
}

/* Judged is what has settled, and never what lies beyond the newest sample: a source that is silent closes no
 * hour. */
static int64_t settled(const gw_daemon *d, int64_t now_ms)
{
    int64_t newest = gw_watch_newest(d->watch);
    if (d->recording && d->read_ms >= d->span.end_ms)
        return d->span.end_ms;
    if (newest == INT64_MIN)
        return d->span.start_ms;
    return GW_MIN(GW_MIN(now_ms - GW_SETTLE_MS, newest + GW_HOLD_MAX_MS), d->span.end_ms);
}

/* What is cached is of an older state from now on. */
void gw_daemon_renew(gw_daemon *d)
{
    pthread_mutex_lock(&d->state);
    d->generation++;
    pthread_mutex_unlock(&d->state);
}

/* Reads up to `to`, and judges it. The watch is locked meanwhile. */
static int read_to(gw_daemon *d, int64_t to, int64_t now_ms, bool *ret_new, gw_error *e)
{
    pthread_mutex_lock(&d->observed);
    uint64_t samples = gw_watch_samples(d->watch);
    int64_t objects = d->objects_ms;
    int rc = gw_watch_read(d->watch, &d->base.source, to, e);
    if (rc == 0) {
        d->read_ms = to;
        rc = list_objects(d, now_ms, e);
    }
    int64_t until = settled(d, GW_MIN(now_ms, to)) / GW_WINDOW_MS * GW_WINDOW_MS;
    if (d->recording && d->read_ms >= d->span.end_ms)
        until = d->span.end_ms;
    bool fresh = gw_watch_samples(d->watch) != samples || d->objects_ms != objects;
    /* closing a slice, or forgetting hours, takes the last judgement with it: what was known is judged again,
     * also where the reading failed after that */
    bool gone = gw_watch_hours(d->watch) == 0 && until > d->span.start_ms;
    if (gone || (rc == 0 && (until > gw_watch_judged(d->watch) || d->objects_ms != objects))) {
        int judged = gw_watch_judge(d->watch, gone ? GW_MAX(until, d->judged_ms) : until, rc ? NULL : e);
        rc = rc ? rc : judged;
        if (judged == 0) {
            d->judged_ms = gw_watch_judged(d->watch);
            *ret_new |= fresh;
            if (fresh)
                gw_daemon_renew(d);
        }
    }
    pthread_mutex_unlock(&d->observed);
    return rc;
}

static bool is_stopping(gw_daemon *d)
{
    pthread_mutex_lock(&d->state);
    bool stopping = d->stopping;
    pthread_mutex_unlock(&d->state);
    return stopping;
}

static int close_hours(gw_daemon *d, int64_t now_ms, uint64_t *ret_new, bool *ret_store_failed, gw_error *e)
{
    pthread_mutex_lock(&d->observed);
    int rc = gw_daemon_close_hours(d, now_ms, ret_new, e);
    pthread_mutex_unlock(&d->observed);
    *ret_store_failed = rc != 0;
    return rc;
}

/* All there is to read, a day at a time while there is much: hours are closed on the way. */
static int catch_up(gw_daemon *d, int64_t now_ms, uint64_t *ret_closed, bool *ret_store_failed, gw_error *e)
{
    gw_error store_error = {0};
    int rc = 0;
    bool more = true, fresh = false;
    while (more && rc == 0 && !is_stopping(d)) {
        int64_t from = GW_MAX(d->read_ms, d->span.start_ms);
        int64_t goal = d->recording ? d->span.end_ms : now_ms;
        int64_t to = GW_MIN(goal, from + GW_READ_STEP_MS);
        more = to < goal;
        rc = read_to(d, d->recording && !more ? GW_MAX(now_ms, to) : to, now_ms, &fresh, e);
        d->catching_up = more;
        if (rc == 0 && !*ret_store_failed)
            close_hours(d, more ? to : now_ms, ret_closed, ret_store_failed, &store_error);
        d->catching_up = false;
    }
    if (rc == 0 && *ret_store_failed) {
        rc = store_error.code;
        if (e)
            *e = store_error;
    }
    return rc;
}

/* ---- prices -------------------------------------------------------------------------------------------- */

/* Price files are read anew; a mistake in them leaves the old ones. */
static int renew_prices(gw_daemon *d, gw_error *e)
{
    pthread_mutex_lock(&d->state);
    bool again = d->prices_again;
    d->prices_again = false;
    pthread_mutex_unlock(&d->state);
    if (!again) { /* a mistake stays told until it is mended */
        if (e)
            *e = d->price_error;
        return d->price_error.code;
    }
    gw_price_list *list = NULL;
    d->price_error = (gw_error){0};
    int rc =
        d->n_retired == GW_PRICES_RETIRED_MAX
            ? gw_fail(&d->price_error, GW_ELIMIT,
                      "prices were read anew %d times; restart to read them again", GW_PRICES_RETIRED_MAX)
            : gw_price_list_open(&d->config->options, &list, &d->price_error);
    if (rc) {
        if (e)
            *e = d->price_error;
        return rc;
    }
    pthread_mutex_lock(&d->observed);
    d->retired[d->n_retired++] = d->base.prices;
    d->base.prices = list;
    d->prices++;
    gw_daemon_renew(d);
    pthread_mutex_unlock(&d->observed);
    return 0;
}

/* ---- status -------------------------------------------------------------------------------------------- */

static void add_reason(gw_daemon_status *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_reason(gw_daemon_status *s, const char *format, ...)
{
    va_list args;
    if (s->n_reasons == GW_REASONS_MAX)
        return;
    va_start(args, format);
    vsnprintf(s->reasons[s->n_reasons++], GW_REASON_MAX, format, args);
    va_end(args);
}

/* What one turn came to. */
typedef struct outcome {
    int64_t now_ms;
    int64_t jump_ms; /* how far the clock is off; 0: it is right */
    int rc;
    bool store_failed, source_failed;
    gw_error error, price_error;
    double cpu;
    int64_t wall_ms;
} outcome;

static void judge_state(gw_daemon *d, gw_daemon_status *s, const outcome *o)
{
    char age[GW_TIME_TEXT_MAX];
    s->n_reasons = 0;
    bool stale = !d->recording && s->data_age_ms > GW_STALE_MS;
    if (o->source_failed)
        add_reason(s, "the source cannot be read: %s", o->error.message);
    if (o->store_failed)
        add_reason(s, "the store does not take hours: %s; %" PRIu64 " wait in memory", o->error.message,
                   s->hours_waiting);
    if (o->rc && !o->source_failed && !o->store_failed)
        add_reason(s, "%s", o->error.message);
    if (stale)
        add_reason(s,
                   "the newest sample is %s old: is Prometheus scraping, and is this machine's clock right?",
                   gw_duration_format(s->data_age_ms, age));
    if (o->jump_ms)
        add_reason(s, "this machine's clock jumped; going on by the time that passed since");
    if (o->price_error.code)
        add_reason(s, "the price list is the old one: %s", o->price_error.message);
    if (s->window.end_ms <= s->window.start_ms)
        s->state = o->rc ? GW_DAEMON_FAILING : GW_DAEMON_STARTING;
    else if (o->store_failed || (o->rc && !stale))
        s->state = GW_DAEMON_FAILING;
    else
        s->state = stale ? GW_DAEMON_STALE : GW_DAEMON_READY;
    if (s->state == GW_DAEMON_STARTING && s->n_reasons == 0)
        add_reason(s, "the source is being read for the first time");
}

static void count_cpu(gw_daemon_status *s, double cpu)
{
    size_t i = 0;
    while (i < GW_COUNT(gw_turn_cpu_bounds) && cpu > gw_turn_cpu_bounds[i])
        i++;
    s->turn_cpu_buckets[i]++;
    s->turn_cpu_seconds = cpu;
    s->turn_cpu_total_seconds += cpu;
}

static void publish(gw_daemon *d, const outcome *o)
{
    pthread_mutex_lock(&d->observed);
    int64_t newest = gw_watch_newest(d->watch);
    size_t n = gw_watch_hours(d->watch);
    gw_interval held = {0, 0};
    if (n)
        held = (gw_interval){gw_watch_hour_at(d->watch, 0).when.start_ms, gw_watch_judged(d->watch)};
    uint64_t waiting = gw_daemon_hours_waiting(d, o->now_ms);
    const char *source = d->base.source.describe ? d->base.source.describe(d->base.source.self) : "";
    pthread_mutex_lock(&d->state);
    gw_daemon_status *s = &d->status;
    d->jump_ms = o->jump_ms;
    snprintf(s->source, sizeof(s->source), "%s", source ? source : "");
    s->source_ok = !o->source_failed;
    s->store_ok = !o->store_failed;
    s->window = held;
    s->newest_ms = newest == INT64_MIN ? 0 : newest;
    s->data_age_ms = newest == INT64_MIN ? -1 : GW_MAX(0, o->now_ms - newest);
    s->hours_waiting = waiting;
    if (s->turns++ == 0)
        s->first_wall_ms = o->wall_ms;
    s->turns_failed += o->rc != 0;
    s->turn_at_ms = o->now_ms;
    s->turn_ok = o->rc == 0;
    snprintf(s->turn_message, sizeof(s->turn_message), "%.*s", GW_REASON_MAX - 1,
             o->rc ? o->error.message : "");
    count_cpu(s, o->cpu);
    gw_daemon_state before = s->state;
    judge_state(d, s, o);
    d->generation +=
        s->state != before; /* advice that is cached must not outlive the state that allowed it */
    pthread_mutex_unlock(&d->state);
    pthread_mutex_unlock(&d->observed);
}

/* ---- the turn ------------------------------------------------------------------------------------------ */

/* What is no longer asked for in memory; the store has it. */
static void trim(gw_daemon *d, int64_t now_ms)
{
    if (d->span.end_ms != INT64_MAX || apart(now_ms, d->trim_ms) < GW_TRIM_MS || !d->judged_ms)
        return;
    d->trim_ms = now_ms;
    int64_t keep = d->config->options.window_ms ? d->config->options.window_ms : GW_SERVE_WINDOW_MS;
    if (d->config->options.from) /* what was asked for, but no more than a year */
        keep = GW_MAX(keep, GW_MIN(now_ms - d->span.start_ms, 365 * GW_DAY_MS));
    pthread_mutex_lock(&d->observed);
    int64_t before = (now_ms - keep) / GW_DAY_MS * GW_DAY_MS;
    gw_watch_trim(d->watch, before);
    gw_daemon_forget_hours(d, before - GW_HOUR_MS);
    pthread_mutex_unlock(&d->observed);
    uint64_t gone;
    gw_error ignored;
    /* what could not be deleted now is next hour */
    gw_store_trim(d->store, &d->config->retention, now_ms, &gone, &ignored);
}

void gw_daemon_turn(gw_daemon *d)
{
    outcome o = {0};
    uint64_t closed = 0;
    double before = thread_cpu();
    int64_t start_ms = gw_clock_monotonic(NULL);
    o.now_ms = turn_time(d, &o.jump_ms);
    renew_prices(d, &o.price_error);
    trim(d, o.now_ms);
    o.rc = catch_up(d, o.now_ms, &closed, &o.store_failed, &o.error);
    o.source_failed = o.rc && !o.store_failed;
    d->money_due |= closed > 0;
    bool judging = d->money_due;
    if (o.rc == 0) {
        o.rc = gw_daemon_judge_money(d, o.now_ms, d->money_due, &o.error);
        o.store_failed = o.rc != 0;
        d->money_due &= o.rc != 0;
    }
    if (judging) /* history, budgets and anomalies are others now */
        gw_daemon_renew(d);
    o.cpu = thread_cpu() - before;
    o.wall_ms = gw_clock_monotonic(NULL) - start_ms;
    publish(d, &o);
    gw_daemon_say_state(d, o.now_ms);
    gw_daemon_renew_plan(d);
}

/* Waits for the next turn; false: it is time to stop. */
static bool wait(gw_daemon *d)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until); /* as gw_daemon_new made the condition: clocks are set */
    int64_t ms = d->config->turn_ms;
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&d->state);
    int rc = 0;
    while (!d->stopping && !d->nudged && rc == 0)
        rc = pthread_cond_timedwait(&d->wake, &d->state, &until);
    d->nudged = false;
    bool go = !d->stopping;
    pthread_mutex_unlock(&d->state);
    return go;
}

void *gw_daemon_loop(void *daemon)
{
    gw_daemon *d = daemon;
    do
        gw_daemon_turn(d);
    while (wait(d));
    return NULL;
}
