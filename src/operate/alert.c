#include "operate/alert.h"

#include <pthread.h>

#include "base/map.h"
#include "net/reply_text.h"
#include "net/url.h"
#include "operate/alert_internal.h"

#define ID_MAX           1280 /* cluster (escaped), route, key */
#define BACKOFF_FIRST_MS (5 * GW_SECOND_MS)
#define BACKOFF_MAX_MS   (10 * GW_MINUTE_MS)
#define PATIENCE_MAX_MS  GW_HOUR_MS /* the most that Retry-After is listened to */
#define REFUSED_AGAIN_MS GW_HOUR_MS
#define CIRCUIT_FAILURES 5
#define SHELF_AGAIN_MS   (5 * GW_SECOND_MS)
#define SAY_AGAIN_MS     (5 * GW_MINUTE_MS) /* to Alertmanager */
#define VALID_MS         (4 * SAY_AGAIN_MS)

/* How much at a time, and how often, receivers like it. */
static const struct manner {
    size_t batch;    /* alerts of a message */
    int messages;    /* of a turn */
    int64_t gap_ms;  /* between messages */
    bool said_again; /* forgets what is not said again */
} manners[GW_N_ALERT_TYPES] = {
    [GW_ALERT_ALERTMANAGER] = {100, 50, 0, true},
    [GW_ALERT_SLACK] = {GW_ALERT_ROUTE_ENTRIES, 1, GW_SECOND_MS, false},
    [GW_ALERT_WEBHOOK] = {100, 50, 0, false},
    [GW_ALERT_PAGERDUTY] = {1, 1, GW_SECOND_MS / 2, false},
    [GW_ALERT_EMAIL] = {GW_ALERT_ROUTE_ENTRIES, 1, 10 * GW_SECOND_MS, false},
};

typedef struct route {
    const gw_alert_route *config;
    gw_alert_entry *entries; /* in the order they came */
    size_t n, cap;
    int failures;    /* in a row */
    int64_t next_ms; /* no message before */
    uint64_t sent, failed, dropped;
    int64_t last_sent_ms;
    char why[GW_ALERT_WHY_MAX];
} route;

struct gw_alerts {
    pthread_mutex_t lock; /* of all below, but not while a message is on its way */
    gw_arena arena;
    gw_alert_config config;
    gw_alert_send send;
    void *send_ctx;
    gw_clock clock;
    void *clock_ctx;
    uint64_t random;
    const char *prefix; /* of this cluster's documents */
    bool loaded;
    route routes[GW_ALERT_ROUTES_MAX];
};

/* What a thread at work needs: the engine, its own shelf, the time, and the first error of the shelf. */
typedef struct job {
    gw_alerts *a;
    const gw_alert_shelf *shelf;
    int64_t now_ms;
    int code;
    gw_error *e;
} job;

static int64_t now_of(const gw_alerts *a)
{
    return a->clock(a->clock_ctx);
}

/* The clock may jump either way; neither makes a thing wait for years. */
static int64_t apart(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* ---- the shelf ----------------------------------------------------------------------------------------- */

static void note(job *j, int code, const gw_error *why)
{
    if (code && !j->code) {
        j->code = code;
        if (j->e)
            *j->e = *why;
    }
}

static const char *id_of(const gw_alerts *a, const route *r, const gw_alert_entry *x, char out[ID_MAX])
{
    snprintf(out, ID_MAX, "%s%s/%s", a->prefix, r->config->name, x->event->dedup_key);
    return out;
}

static void save(job *j, const route *r, gw_alert_entry *x)
{
    char id[ID_MAX];
    gw_buf b;
    gw_error why = {0};
    int rc;
    if (x->gone) {
        rc = j->shelf->drop(j->shelf->ctx, id_of(j->a, r, x, id), &why);
    } else {
        gw_buf_init(&b, ALERT_DOCUMENT_BYTES_MAX);
        rc = gw_alert_entry_write(x, &b, &why);
        if (!rc)
            rc = j->shelf->put(j->shelf->ctx, id_of(j->a, r, x, id), (gw_str){b.data, b.len}, &why);
        gw_buf_free(&b);
    }
    x->unsaved = rc != 0;
    note(j, rc, &why);
}

static void erase(route *r, gw_alert_entry *x)
{
    gw_free(x->event);
    memmove(x, x + 1, (size_t)(r->entries + r->n - (x + 1)) * sizeof(*x));
    r->n--;
}

/* Takes an alert away. Where the shelf does not drop it, it stays as a mark that it must. */
static void take_away(job *j, route *r, gw_alert_entry *x)
{
    x->gone = true;
    x->pending = false;
    save(j, r, x);
    if (!x->unsaved)
        erase(r, x);
}

static gw_alert_entry *find(route *r, const char *key)
{
    uint64_t hash = gw_hash(key, strlen(key));
    for (size_t i = 0; i < r->n; i++)
        if (r->entries[i].hash == hash && strcmp(r->entries[i].event->dedup_key, key) == 0)
            return &r->entries[i];
    return NULL;
}

/* ---- taking events in ---------------------------------------------------------------------------------- */

static bool wants_kind(const gw_alert_route *c, const char *kind)
{
    if (!c->kinds)
        return true;
    for (const char *const *k = c->kinds; *k; k++) {
        size_t n = strlen(*k);
        if ((*k)[n - 1] == '*' ? strncmp(kind, *k, n - 1) == 0 : strcmp(kind, *k) == 0)
            return true;
    }
    return false;
}

/* Of two alerts, whether the first is the one to give up: told ones first, then the less severe, then the
 * older. */
static bool is_lesser(const gw_alert_entry *x, const gw_alert_entry *y)
{
    if (x->pending != y->pending)
        return !x->pending;
    if (x->event->severity != y->event->severity)
        return x->event->severity < y->event->severity;
    return x->queued_ms < y->queued_ms;
}

/* False where everything that waits is worth more than the newcomer. */
static bool make_room(job *j, route *r, const gw_event *ev)
{
    if (r->n < GW_ALERT_ROUTE_ENTRIES)
        return true;
    gw_alert_entry *worst = &r->entries[0];
    for (size_t i = 1; i < r->n; i++)
        if (is_lesser(&r->entries[i], worst))
            worst = &r->entries[i];
    r->dropped++;
    if (worst->pending && worst->event->severity > ev->severity)
        return false;
    worst->gone = true;
    save(j, r, worst); /* a document that stays for want of a shelf is read again at the next start */
    erase(r, worst);
    return true;
}

static int open_entry(job *j, route *r, gw_alert_entry *x, const gw_event *ev)
{
    if (ev->resolved || ev->severity < r->config->minimum || !wants_kind(r->config, ev->kind))
        return 0;
    if (!x && !make_room(j, r, ev))
        return 0;
    gw_event *copy = gw_alert_event_copy(ev, NULL);
    if (!copy ||
        (!x && gw_grow((void **)&r->entries, &r->cap, r->n + 1, sizeof(*x), GW_ALERT_ROUTE_ENTRIES))) {
        gw_free(copy);
        return GW_ENOMEM;
    }
    if (x)
        gw_free(x->event);
    else
        x = &r->entries[r->n++];
    *x = (gw_alert_entry){.event = copy,
                          .hash = gw_hash(copy->dedup_key, strlen(copy->dedup_key)),
                          .pending = true,
                          .told_severity = ev->severity,
                          .opened_ms = ev->at_ms,
                          .queued_ms = j->now_ms};
    save(j, r, x);
    return 0;
}

/* The newest word replaces the one before; labels stay. */
static int replace_event(gw_alert_entry *x, const gw_event *ev)
{
    gw_event *copy = gw_alert_event_copy(ev, x->event);
    if (!copy)
        return GW_ENOMEM;
    if (copy->resolved)
        copy->severity = x->told ? x->told_severity : x->event->severity;
    gw_free(x->event);
    x->event = copy;
    return 0;
}

static void queue(job *j, gw_alert_entry *x, bool pending)
{
    if (pending && !x->pending)
        x->queued_ms = j->now_ms;
    x->pending = pending;
    x->alone = false;
    x->not_before_ms = 0;
    x->version++;
}

static int take_event(job *j, route *r, const gw_event *ev)
{
    gw_alert_entry *x = find(r, ev->dedup_key);
    if (!x || x->gone)
        return open_entry(j, r, x, ev);
    bool was_resolved = x->event->resolved;
    bool risen = ev->severity > (x->told ? x->told_severity : x->event->severity);
    bool due = !x->pending && apart(j->now_ms, x->told_ms) >= r->config->repeat_ms;
    if (was_resolved && ev->resolved)
        return 0;
    if (!was_resolved && !ev->resolved && !x->pending && !risen && !due)
        return 0;
    if (replace_event(x, ev))
        return GW_ENOMEM;
    if (ev->resolved)
        queue(j, x, true);
    else if (was_resolved) /* it is back before its end was told: as if it had not ended */
        queue(j, x, !x->told || risen);
    else if (!x->pending || risen)
        queue(j, x, true);
    save(j, r, x);
    return 0;
}

/* ---- what the shelf holds ------------------------------------------------------------------------------ */

static route *route_of_id(gw_alerts *a, const char *id)
{
    const char *name = id + strlen(a->prefix);
    const char *slash = strchr(name, '/');
    for (size_t i = 0; slash && i < a->config.n_routes; i++)
        if (gw_str_is((gw_str){name, (size_t)(slash - name)}, a->routes[i].config->name))
            return &a->routes[i];
    return NULL;
}

/* An alert from the shelf meets what has come since the start: the latter is the newer word. */
static int merge(job *j, route *r, gw_alert_entry *stored)
{
    gw_alert_entry *x = find(r, stored->event->dedup_key);
    if (!x && r->n == GW_ALERT_ROUTE_ENTRIES) {
        gw_free(stored->event);
        return 0;
    }
    if (!x) {
        if (gw_grow((void **)&r->entries, &r->cap, r->n + 1, sizeof(*x), GW_ALERT_ROUTE_ENTRIES)) {
            gw_free(stored->event);
            return GW_ENOMEM;
        }
        r->entries[r->n++] = *stored;
        return 0;
    }
    if (x->gone || x->told || x->event->resolved) {
        gw_free(stored->event);
        return 0;
    }
    gw_event *newer = x->event;
    stored->unsaved = true;
    *x = *stored;
    int rc = take_event(j, r, newer);
    gw_free(newer);
    return rc;
}

static int load_one(void *ctx, const char *id, gw_str body, gw_error *e)
{
    job *j = ctx;
    gw_alert_entry x;
    int rc = gw_alert_entry_read(body, &x, e);
    if (rc == GW_ENOMEM)
        return rc;
    if (rc) /* perhaps a later version's: it stays where it is */
        return 0;
    route *r = route_of_id(j->a, id);
    if (r)
        return merge(j, r, &x) ? gw_fail_memory(e) : 0;
    /* its route is no longer configured; it may come back */
    bool old = apart(j->now_ms, GW_MAX(x.queued_ms, x.told_ms)) > GW_ALERT_KEEP_MS;
    gw_free(x.event);
    return old ? j->shelf->drop(j->shelf->ctx, id, e) : 0;
}

static void load(job *j)
{
    gw_error why = {0};
    if (j->a->loaded)
        return;
    int rc = j->shelf->each(j->shelf->ctx, j->a->prefix, load_one, j, &why);
    j->a->loaded = rc == 0;
    note(j, rc, &why);
}

static void save_all(job *j)
{
    for (size_t i = 0; i < j->a->config.n_routes; i++) {
        route *r = &j->a->routes[i];
        for (size_t k = r->n; k-- > 0 && !j->code;) {
            gw_alert_entry *x = &r->entries[k];
            if (!x->unsaved)
                continue;
            save(j, r, x);
            if (x->gone && !x->unsaved)
                erase(r, x);
        }
    }
}

static void expire(job *j, route *r)
{
    for (size_t k = r->n; k-- > 0;) {
        gw_alert_entry *x = &r->entries[k];
        bool untold = x->pending && j->now_ms - x->queued_ms > GW_ALERT_KEEP_MS;
        bool silent = !x->pending && !x->gone && j->now_ms - x->told_ms > GW_ALERT_FORGET_MS;
        r->dropped += untold;
        if (untold || silent)
            take_away(j, r, x);
    }
}

/* ---- sending ------------------------------------------------------------------------------------------- */

/* When the alert wants to be sent, its route willing; INT64_MAX: not as things are. */
static int64_t due_of(const route *r, const gw_alert_entry *x, int64_t now_ms)
{
    int64_t digest = r->config->digest_ms;
    if (x->gone)
        return INT64_MAX;
    if (!x->pending) {
        bool again = manners[r->config->type].said_again && x->told;
        return again ? (x->said_ms > now_ms ? now_ms : x->said_ms + SAY_AGAIN_MS) : INT64_MAX;
    }
    int64_t due = x->queued_ms;
    if (digest && x->event->severity < GW_EVENT_CRITICAL)
        due = (due / digest + 1) * digest;
    due = GW_MAX(due, x->not_before_ms);
    /* further away than any wait of ours: the clock was set back */
    return due - now_ms > GW_MAX(digest, REFUSED_AGAIN_MS) ? now_ms : due;
}

static int64_t next_of(const route *r, int64_t now_ms)
{
    int64_t most = r->failures ? PATIENCE_MAX_MS : manners[r->config->type].gap_ms;
    return r->next_ms - now_ms > most ? now_ms : r->next_ms; /* or the clock was set back */
}

/* A message under way: copies, since the entries may change meanwhile. */
typedef struct batch {
    gw_alert *alerts;
    struct batch_mark {
        gw_event *event;
        uint64_t version;
        uint32_t index;
        gw_event_severity severity;
        int64_t queued_ms;
    } * marks;
    size_t n;
} batch;

static void batch_free(batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        gw_free(b->marks[i].event);
    gw_free(b->marks);
    gw_free(b->alerts);
}

static int by_weight(const void *pa, const void *pb)
{
    const struct batch_mark *a = pa, *b = pb;
    if (a->severity != b->severity)
        return a->severity > b->severity ? -1 : 1;
    if (a->queued_ms != b->queued_ms)
        return a->queued_ms < b->queued_ms ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Marks what is due: all that may go together, or else one that must go alone. */
static size_t choose(const route *r, int64_t now_ms, struct batch_mark *marks)
{
    size_t n = 0, lone = r->n;
    for (size_t i = 0; i < r->n; i++) {
        const gw_alert_entry *x = &r->entries[i];
        if (due_of(r, x, now_ms) > now_ms)
            continue;
        if (x->alone) {
            lone = GW_MIN(lone, i);
            continue;
        }
        marks[n++] = (struct batch_mark){.index = (uint32_t)i,
                                         .version = x->version,
                                         .severity = x->event->severity,
                                         .queued_ms = x->queued_ms};
    }
    if (n == 0 && lone < r->n)
        marks[n++] = (struct batch_mark){.index = (uint32_t)lone, .version = r->entries[lone].version};
    qsort(marks, n, sizeof(*marks), by_weight);
    return GW_MIN(n, manners[r->config->type].batch);
}

/* What is due on the route now; b->n is 0 where nothing is. GW_ENOMEM. */
static int gather(const route *r, int64_t now_ms, batch *b)
{
    *b = (batch){0};
    if (r->n == 0 || next_of(r, now_ms) > now_ms)
        return 0;
    b->marks = gw_calloc(r->n, sizeof(*b->marks));
    size_t n = b->marks ? choose(r, now_ms, b->marks) : 0;
    b->alerts = gw_calloc(n + 1, sizeof(*b->alerts));
    if (!b->marks || !b->alerts) {
        batch_free(b);
        return GW_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const gw_alert_entry *x = &r->entries[b->marks[i].index];
        gw_event *copy = gw_alert_event_copy(x->event, NULL);
        if (!copy) {
            batch_free(b);
            return GW_ENOMEM;
        }
        b->marks[b->n++].event = copy;
        b->alerts[i] = (gw_alert){.event = copy,
                                  .opened_ms = x->opened_ms,
                                  .valid_until_ms = copy->resolved ? copy->at_ms : now_ms + VALID_MS};
    }
    return 0;
}

static void mark_told(job *j, route *r, const struct batch_mark *m)
{
    gw_alert_entry *x = find(r, m->event->dedup_key);
    if (!x || x->gone)
        return;
    bool same = x->version == m->version, was_pending = x->pending;
    if (m->event->resolved && same) {
        take_away(j, r, x);
        return;
    }
    x->said_ms = j->now_ms;
    if (m->event->resolved) { /* it came back while its end was on the way */
        x->told = false;
        queue(j, x, true);
    } else {
        x->told = true;
        x->told_severity = m->event->severity;
        if (was_pending)
            x->told_ms = j->now_ms;
        x->alone = false;
        x->pending = was_pending && !same;
    }
    if (was_pending)
        save(j, r, x);
}

static int64_t backoff_ms(gw_alerts *a, int failures)
{
    int64_t full = BACKOFF_FIRST_MS;
    for (int i = 1; i < failures && full < BACKOFF_MAX_MS; i++)
        full *= 2;
    full = GW_MIN(full, BACKOFF_MAX_MS);
    /* splitmix64: a jitter that a test can repeat */
    uint64_t z = (a->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return full - (int64_t)((z ^ (z >> 31)) % ((uint64_t)full / 2 + 1));
}

static void mark_failed(job *j, route *r, const batch *b, const gw_alert_reply *reply, const gw_error *why)
{
    r->failed++;
    gw_text_line(gw_str_of(why->message), r->why, sizeof(r->why));
    r->failures++;
    if (reply->refused && b->n > 1) {
        for (size_t i = 0; i < b->n; i++) {
            gw_alert_entry *x = find(r, b->marks[i].event->dedup_key);
            if (x)
                x->alone = true;
        }
        r->next_ms = j->now_ms + manners[r->config->type].gap_ms;
        return;
    }
    if (reply->refused) {
        gw_alert_entry *x = find(r, b->marks[0].event->dedup_key);
        if (x) {
            x->alone = true;
            x->not_before_ms = j->now_ms + REFUSED_AGAIN_MS;
        }
    }
    int64_t asked = GW_MIN(reply->retry_after_ms, PATIENCE_MAX_MS);
    r->next_ms = j->now_ms + GW_MAX(backoff_ms(j->a, r->failures), asked);
}

/* Sends one message of the route. True where it went through and there may be more. */
static bool send_one(job *j, route *r)
{
    gw_alerts *a = j->a;
    batch b;
    gw_alert_reply reply = {0};
    gw_error why = {0};
    if (gather(r, j->now_ms, &b)) {
        gw_fail_memory(&why);
        note(j, GW_ENOMEM, &why);
        return false;
    }
    if (b.n == 0) {
        batch_free(&b);
        return false;
    }
    pthread_mutex_unlock(&a->lock);
    int rc = a->send(a->send_ctx, (size_t)(r - a->routes), b.alerts, b.n, j->now_ms, &reply, &why);
    pthread_mutex_lock(&a->lock);
    j->now_ms = now_of(a);
    if (rc) {
        mark_failed(j, r, &b, &reply, &why);
    } else {
        r->failures = 0;
        r->why[0] = '\0';
        r->sent += b.n;
        r->last_sent_ms = j->now_ms;
        r->next_ms = j->now_ms + manners[r->config->type].gap_ms;
        for (size_t i = 0; i < b.n; i++)
            mark_told(j, r, &b.marks[i]);
    }
    batch_free(&b);
    return rc == 0;
}

/* ---- from outside -------------------------------------------------------------------------------------- */

static int make_prefix(gw_alerts *a, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, ID_MAX);
    gw_url_escape(&b, gw_str_of(a->config.cluster));
    gw_buf_putc(&b, '/');
    int rc = gw_buf_check(&b, "the alerts' documents", e);
    if (!rc && !(a->prefix = gw_arena_strdup(&a->arena, b.data)))
        rc = gw_fail_memory(e);
    gw_buf_free(&b);
    return rc;
}

int gw_alerts_new(const gw_alert_options *o, gw_alerts **ret, gw_error *e)
{
    int rc = gw_alert_config_check(&o->config, e);
    if (rc)
        return rc;
    gw_alerts *a = gw_calloc(1, sizeof(*a));
    if (!a)
        return gw_fail_memory(e);
    gw_arena_init(&a->arena, 0);
    pthread_mutex_init(&a->lock, NULL);
    a->send = o->send;
    a->send_ctx = o->send_ctx;
    a->clock = o->clock ? o->clock : gw_clock_system;
    a->clock_ctx = o->clock_ctx;
    a->random = o->seed;
    rc = gw_alert_config_copy(&o->config, &a->arena, &a->config, e);
    if (!rc)
        rc = make_prefix(a, e);
    if (rc) {
        gw_alerts_free(a);
        return rc;
    }
    for (size_t i = 0; i < a->config.n_routes; i++)
        a->routes[i].config = &a->config.routes[i];
    *ret = a;
    return 0;
}

void gw_alerts_free(gw_alerts *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < GW_ALERT_ROUTES_MAX; i++) {
        for (size_t k = 0; k < a->routes[i].n; k++)
            gw_free(a->routes[i].entries[k].event);
        gw_free(a->routes[i].entries);
    }
    pthread_mutex_destroy(&a->lock);
    gw_arena_free(&a->arena);
    gw_free(a);
}

static int check_event(const gw_event *ev, gw_error *e)
{
    if (!ev->dedup_key || !*ev->dedup_key || strlen(ev->dedup_key) > GW_EVENT_KEY_MAX)
        return gw_fail(e, GW_EINTERNAL, "an event without a key, or with one of more than %d bytes",
                       GW_EVENT_KEY_MAX);
    if (!ev->kind || !*ev->kind || !ev->summary || ev->severity >= GW_N_EVENT_SEVERITIES)
        return gw_fail(e, GW_EINTERNAL, "the event '%s' has no kind, summary or severity", ev->dedup_key);
    return 0;
}

int gw_alerts_take(gw_alerts *a, const gw_alert_shelf *shelf, const gw_event *events, size_t n, gw_error *e)
{
    gw_error why = {0};
    for (size_t i = 0; i < n; i++) {
        int rc = check_event(&events[i], e);
        if (rc)
            return rc;
    }
    pthread_mutex_lock(&a->lock);
    job j = {.a = a, .shelf = shelf, .now_ms = now_of(a), .e = e};
    load(&j);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < a->config.n_routes; k++) {
            if (take_event(&j, &a->routes[k], &events[i]) == 0)
                continue;
            j.code = 0; /* that it was not taken is worse than that it was not written */
            gw_fail_memory(&why);
            note(&j, GW_ENOMEM, &why);
            pthread_mutex_unlock(&a->lock);
            return GW_ENOMEM;
        }
    }
    pthread_mutex_unlock(&a->lock);
    return j.code;
}

int gw_alerts_turn(gw_alerts *a, const gw_alert_shelf *shelf, gw_error *e)
{
    pthread_mutex_lock(&a->lock);
    job j = {.a = a, .shelf = shelf, .now_ms = now_of(a), .e = e};
    load(&j);
    if (!j.code)
        save_all(&j);
    for (size_t i = 0; i < a->config.n_routes; i++) {
        route *r = &a->routes[i];
        int left = manners[r->config->type].messages;
        while (left-- > 0 && send_one(&j, r))
            ;
        expire(&j, r); /* after a try: the clock may have jumped ahead */
    }
    pthread_mutex_unlock(&a->lock);
    return j.code;
}

int64_t gw_alerts_due(gw_alerts *a)
{
    int64_t due = INT64_MAX;
    pthread_mutex_lock(&a->lock);
    int64_t now = now_of(a);
    for (size_t i = 0; i < a->config.n_routes; i++) {
        const route *r = &a->routes[i];
        for (size_t k = 0; k < r->n; k++) {
            int64_t at = due_of(r, &r->entries[k], now);
            if (at != INT64_MAX)
                due = GW_MIN(due, GW_MAX(at, next_of(r, now)));
            if (r->entries[k].unsaved)
                due = GW_MIN(due, now + SHELF_AGAIN_MS);
        }
    }
    if (!a->loaded)
        due = GW_MIN(due, now + SHELF_AGAIN_MS);
    pthread_mutex_unlock(&a->lock);
    return due;
}

static void fill_status(const route *r, int64_t now_ms, gw_alert_status *s)
{
    *s = (gw_alert_status){.type = r->config->type,
                           .health = r->failures == 0                 ? GW_ALERT_OK
                                     : r->failures < CIRCUIT_FAILURES ? GW_ALERT_RETRYING
                                                                      : GW_ALERT_OPEN,
                           .sent = r->sent,
                           .failed = r->failed,
                           .dropped = r->dropped,
                           .last_sent_ms = r->last_sent_ms,
                           .next_try_ms = r->failures && r->next_ms > now_ms ? r->next_ms : 0};
    snprintf(s->name, sizeof(s->name), "%s", r->config->name);
    snprintf(s->why, sizeof(s->why), "%s", r->why);
    for (size_t i = 0; i < r->n; i++) {
        const gw_alert_entry *x = &r->entries[i];
        s->unsaved += x->unsaved;
        s->open += x->told && !x->gone && !x->event->resolved;
        if (!x->pending)
            continue;
        s->queued++;
        if (!s->oldest_queued_ms || x->queued_ms < s->oldest_queued_ms)
            s->oldest_queued_ms = x->queued_ms;
    }
}

size_t gw_alerts_status(gw_alerts *a, gw_alert_status ret[GW_ALERT_ROUTES_MAX])
{
    pthread_mutex_lock(&a->lock);
    int64_t now = now_of(a);
    for (size_t i = 0; i < a->config.n_routes; i++)
        fill_status(&a->routes[i], now, &ret[i]);
    pthread_mutex_unlock(&a->lock);
    return a->config.n_routes;
}
