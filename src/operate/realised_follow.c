/* Accepting, checking, stopping, listing. */
#include "operate/realised_internal.h"

static int64_t hour_up(int64_t ms)
{
    return (ms + GW_HOUR_MS - 1) / GW_HOUR_MS * GW_HOUR_MS;
}

/* ---- accepting ----------------------------------------------------------------------------------------- */

static const char *in_list(const char *name, const char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (gw_eq(names[i], name))
            return names[i];
    return NULL;
}

/*
 * Whose books are looked at: those of the one cluster that the plan names; where it names none, or one that
 * has no books of its own, those of `cluster`; all of them where it names several, or neither has books.
 */
static int find_cluster(gw_store *s, const realised_names *named, const char *cluster, gw_arena *arena,
                        const char **ret, gw_error *e)
{
    const char **names = NULL;
    size_t n = 0;
    int rc = gw_store_clusters(s, arena, &names, &n, e);
    if (rc)
        return rc;
    *ret = named->n == 1 ? in_list(named->items[0], names, n) : NULL;
    if (!*ret && named->n < 2)
        *ret = in_list(cluster, names, n);
    return 0;
}

/* The hours before `now` that the store can have: seven days, or since its first. */
static int find_baseline(gw_store *s, realised_action *a, gw_arena *arena, gw_error *e)
{
    int64_t end = a->accepted_ms / GW_HOUR_MS * GW_HOUR_MS, first = INT64_MAX;
    const char **names = NULL;
    size_t n = 0;
    int rc = gw_store_clusters(s, arena, &names, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        gw_interval extent;
        if (a->cluster && !gw_eq(a->cluster, names[i]))
            continue;
        rc = gw_store_extent(s, names[i], &extent, e);
        if (rc == 0 && extent.end_ms > extent.start_ms)
            first = GW_MIN(first, extent.start_ms);
    }
    if (rc)
        return rc;
    a->baseline = (gw_interval){GW_MAX(first, end - GW_REALISED_BASELINE_MS), end};
    if (first == INT64_MAX || gw_interval_ms(a->baseline) < GW_REALISED_BASELINE_LEAST)
        return gw_fail(e, GW_ENODATA,
                       "the history has less than %d hours before now, too little to hold a saving "
                       "against; accept the action a day after `gpuwise serve` began",
                       (int)(GW_REALISED_BASELINE_LEAST / GW_HOUR_MS));
    return 0;
}

static void init_checks(realised_action *a)
{
    for (size_t i = 0; i < GW_REALISED_CHECKS; i++)
        a->checks[i] = (realised_check){.days = gw_realised_days[i],
                                        .due_ms = a->accepted_ms + gw_realised_days[i] * GW_DAY_MS,
                                        .state = REALISED_PENDING,
                                        .monthly = GW_MICRO_UNKNOWN,
                                        .monthly_plain = GW_MICRO_UNKNOWN,
                                        .baseline = GW_MICRO_UNKNOWN,
                                        .actual = GW_MICRO_UNKNOWN,
                                        .demand_factor = -1,
                                        .note = ""};
}

/* GW_EUSAGE where it is followed; 0 where it never was, or was stopped. */
static int check_new(gw_store *s, const char *id, gw_arena *arena, gw_error *e)
{
    gw_document doc;
    realised_action old;
    char text[GW_TIME_TEXT_MAX];
    gw_error missing;
    int rc = gw_store_document_get(s, GW_ACTION_DOCUMENT, id, arena, &doc, &missing);
    if (rc == GW_ENOTFOUND)
        return 0;
    if (rc) {
        if (e)
            *e = missing;
        return rc;
    }
    rc = realised_read(id, doc.body, arena, &old, e);
    if (rc == GW_ECORRUPT)
        return 0; /* nothing of it can be used: accepting anew is the way out */
    if (rc || old.stopped_ms)
        return rc;
    return gw_fail(e, GW_EUSAGE, "action '%s' is followed since %s; stop that first", id,
                   gw_time_format(old.accepted_ms, text));
}

static int accept(gw_store *s, gw_str plan, const char *id, const char *cluster, const char *who,
                  int64_t now_ms, gw_arena *arena, gw_error *e)
{
    realised_action a = {.accepted_ms = now_ms, .accepted_by = who ? who : "unknown"};
    realised_wanted wanted = {0};
    realised_sums sums;
    int rc = check_new(s, id, arena, e);
    rc = rc ? rc : realised_read_plan(plan, id, arena, &a, &wanted, e);
    rc = rc ? rc : find_cluster(s, &wanted.clusters, cluster, arena, &a.cluster, e);
    rc = rc ? rc : find_baseline(s, &a, arena, e);
    rc = rc ? rc : realised_resolve(s, &a, &wanted, arena, e);
    if (rc == 0 && a.nodes.n + a.workloads.n + a.hired.n == 0)
        rc = gw_fail(e, GW_EUSAGE,
                     "action '%s' names no node and no workload that the history knows, so nothing of it "
                     "can be followed",
                     id);
    rc = rc ? rc : realised_sum(s, &a, a.baseline, arena, &sums, e);
    if (rc)
        return rc;
    if (sums.side.held.paid_ms + sums.side.rest.paid_ms == 0 &&
        sums.side.held.bill + sums.side.rest.bill == 0)
        return gw_fail(e, GW_ENODATA,
                       "the history has no charge of what action '%s' is about in the %" PRIu32
                       " hours before now, so there is nothing to hold a saving against",
                       id, sums.side.hours);
    a.before = sums.side;
    a.rows = sums.rows;
    a.n_rows = sums.n_rows;
    init_checks(&a);
    return realised_save(s, &a, e);
}

int gw_action_accept(gw_store *s, gw_str plan, const char *id, const char *cluster, const char *who,
                     int64_t now_ms, gw_error *e)
{
    gw_arena arena;
    gw_arena_init(&arena, 0);
    int rc = accept(s, plan, id, cluster, who, now_ms, &arena, e);
    gw_arena_free(&arena);
    return rc;
}

/* ---- stopping ------------------------------------------------------------------------------------------ */

static int load(gw_store *s, const char *id, gw_arena *arena, realised_action *ret, gw_error *e)
{
    gw_document doc;
    int rc = gw_store_document_get(s, GW_ACTION_DOCUMENT, id, arena, &doc, e);
    if (rc == GW_ENOTFOUND)
        return gw_fail(e, rc, "no action '%s' is followed", id);
    return rc ? rc : realised_read(id, doc.body, arena, ret, e);
}

int gw_action_stop(gw_store *s, const char *id, int64_t now_ms, gw_error *e)
{
    gw_arena arena;
    realised_action a;
    char text[GW_TIME_TEXT_MAX];
    bool deleted;
    gw_arena_init(&arena, 0);
    int rc = load(s, id, &arena, &a, e);
    if (rc == GW_ECORRUPT) /* as its message says, this is the way out */
        rc = gw_store_document_delete(s, GW_ACTION_DOCUMENT, id, &deleted, e);
    else if (rc == 0 && a.stopped_ms)
        rc = gw_fail(e, GW_EUSAGE, "following action '%s' was stopped at %s", id,
                     gw_time_format(a.stopped_ms, text));
    else if (rc == 0) {
        a.stopped_ms = now_ms;
        rc = realised_save(s, &a, e);
    }
    gw_arena_free(&arena);
    return rc;
}

/* ---- checking ------------------------------------------------------------------------------------------ */

static bool shares_nodes(const realised_action *a, const realised_action *b)
{
    for (size_t i = 0; i < a->nodes.n; i++)
        for (size_t k = 0; k < b->nodes.n; k++)
            if (strcmp(a->nodes.items[i], b->nodes.items[k]) == 0)
                return true;
    return false;
}

/* Another followed action with a node in common, accepted before the check: what both see is the same money.
 */
static int find_overlap(gw_store *s, const realised_action *a, int64_t until_ms, gw_arena *arena,
                        const char **ret, gw_error *e)
{
    gw_document *docs = NULL;
    size_t n = 0;
    int rc = gw_store_documents(s, GW_ACTION_DOCUMENT, arena, &docs, &n, e);
    *ret = NULL;
    for (size_t i = 0; i < n && rc == 0 && !*ret; i++) {
        realised_action other;
        gw_error unread;
        if (strcmp(docs[i].id, a->id) == 0)
            continue;
        rc = realised_read(docs[i].id, docs[i].body, arena, &other, &unread);
        if (rc == GW_ECORRUPT)
            rc = 0;
        else if (rc == 0 && other.accepted_ms < until_ms &&
                 (!other.stopped_ms || other.stopped_ms > a->accepted_ms) && shares_nodes(a, &other))
            *ret = other.id;
        else if (rc && e)
            *e = unread;
    }
    return rc;
}

/* Joins the parts of a note that there are. */
static const char *note_of(const gw_realised *r, bool undone, const char *overlap, gw_arena *arena)
{
    return gw_arena_printf(
        arena, "%s%s%s%s%s%s", r->note, undone ? (*r->note ? "; " : "") : "",
        undone ? "on the last day it saved less than a quarter of that: it may have been undone" : "",
        overlap ? (*r->note || undone ? "; " : "") : "",
        overlap ? "shares nodes, and their saving, with " : "", overlap ? overlap : "");
}

static int check_one(gw_store *s, realised_action *a, realised_check *c, int64_t now_ms, gw_arena *arena,
                     gw_error *e)
{
    gw_interval when = {hour_up(a->accepted_ms), 0};
    realised_sums sums;
    gw_realised r, last;
    const char *overlap = NULL;
    when.end_ms = when.start_ms + c->days * GW_DAY_MS;
    int rc = realised_sum(s, a, when, arena, &sums, e);
    rc = rc ? rc : find_overlap(s, a, when.end_ms, arena, &overlap, e);
    if (rc)
        return rc;
    gw_realised_compare(&a->before, &sums.side, &r);
    gw_realised_compare(&a->before, &sums.last_day, &last);
    bool undone = c->days > 1 && r.known && last.known && r.monthly > 0 && last.monthly < r.monthly / 4;
    c->note = note_of(&r, undone, overlap, arena);
    if (!c->note)
        return gw_fail_memory(e);
    c->state = r.known ? REALISED_DONE : REALISED_UNKNOWN;
    c->checked_ms = now_ms;
    c->hours = sums.side.hours;
    c->expected = sums.side.expected;
    c->monthly = r.monthly;
    c->monthly_plain = r.monthly_plain;
    c->baseline = r.baseline;
    c->actual = r.actual;
    c->demand_factor = r.demand_factor;
    return 0;
}

/* The last hour that the store has of these books; 0: none. */
static int last_closed(gw_store *s, const char *cluster, gw_arena *arena, int64_t *ret, gw_error *e)
{
    const char **names = NULL;
    size_t n = 0;
    int rc = gw_store_clusters(s, arena, &names, &n, e);
    *ret = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        gw_interval extent;
        if (cluster && !gw_eq(cluster, names[i]))
            continue;
        rc = gw_store_extent(s, names[i], &extent, e);
        if (rc == 0)
            *ret = GW_MAX(*ret, extent.end_ms);
    }
    return rc;
}

static int check(gw_store *s, const char *id, int64_t now_ms, size_t *ret_n, gw_arena *arena, gw_error *e)
{
    realised_action a;
    int64_t closed;
    size_t n = 0;
    int rc = load(s, id, arena, &a, e);
    if (rc || a.stopped_ms)
        return rc;
    rc = last_closed(s, a.cluster, arena, &closed, e);
    for (size_t i = 0; i < GW_REALISED_CHECKS && rc == 0; i++) {
        realised_check *c = &a.checks[i];
        int64_t end = hour_up(a.accepted_ms) + c->days * GW_DAY_MS;
        if (c->state != REALISED_PENDING || now_ms < c->due_ms ||
            (closed < end && now_ms < end + GW_REALISED_GRACE_MS))
            continue;
        rc = check_one(s, &a, c, now_ms, arena, e);
        n += rc == 0;
    }
    if (rc == 0 && n)
        rc = realised_save(s, &a, e);
    if (rc == 0 && ret_n)
        *ret_n += n;
    return rc;
}

int gw_realised_check(gw_store *s, const char *id, int64_t now_ms, size_t *ret_n, gw_error *e)
{
    gw_arena arena;
    size_t n = 0;
    gw_arena_init(&arena, 0);
    int rc = check(s, id, now_ms, &n, &arena, e);
    gw_arena_free(&arena);
    if (rc == 0 && ret_n)
        *ret_n = n;
    return rc;
}

int gw_realised_check_all(gw_store *s, int64_t now_ms, size_t *ret_n, gw_error *e)
{
    gw_arena arena;
    gw_document *docs = NULL;
    size_t n = 0, done = 0;
    int failed = 0;
    gw_arena_init(&arena, 0);
    int rc = gw_store_documents(s, GW_ACTION_DOCUMENT, &arena, &docs, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        gw_error one;
        size_t made = 0;
        int r = gw_realised_check(s, docs[i].id, now_ms, &made, &one);
        done += made;
        if (r && !failed) {
            failed = r;
            if (e)
                *e = one;
        }
    }
    gw_arena_free(&arena);
    if (ret_n)
        *ret_n = done;
    return rc ? rc : failed;
}

/* ---- listing ------------------------------------------------------------------------------------------- */

static int newest_first(const void *a, const void *b)
{
    const realised_action *x = a, *y = b;
    if (x->accepted_ms != y->accepted_ms)
        return x->accepted_ms > y->accepted_ms ? -1 : 1;
    return strcmp(x->id, y->id);
}

static int read_all(gw_store *s, gw_arena *arena, realised_action **ret, size_t *ret_n, gw_error *e)
{
    gw_document *docs = NULL;
    size_t n = 0;
    int rc = gw_store_documents(s, GW_ACTION_DOCUMENT, arena, &docs, &n, e);
    if (rc)
        return rc;
    if (n > GW_REALISED_FOLLOWED_MAX)
        return gw_fail(e, GW_ELIMIT, "more than %d actions are followed", GW_REALISED_FOLLOWED_MAX);
    *ret = GW_NEW_ARRAY(arena, realised_action, n + 1);
    if (!*ret)
        return gw_fail_memory(e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = realised_read(docs[i].id, docs[i].body, arena, &(*ret)[*ret_n], e);
        *ret_n += rc == 0;
        rc = rc == GW_ECORRUPT ? 0 : rc; /* one that cannot be read does not hide the others */
    }
    return rc;
}

int gw_actions_write(gw_store *s, gw_doc *d, gw_error *e)
{
    gw_arena arena;
    realised_action *all = NULL;
    size_t n = 0;
    gw_arena_init(&arena, 0);
    int rc = read_all(s, &arena, &all, &n, e);
    if (rc == 0) {
        qsort(all, n, sizeof(*all), newest_first);
        gw_doc_array(d, "actions");
        for (size_t i = 0; i < n; i++)
            realised_show(d, &all[i]);
        gw_doc_end(d);
    }
    gw_arena_free(&arena);
    return rc;
}
