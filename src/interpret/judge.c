#include "interpret/judge.h"

#include <math.h>

#include "base/buf.h"

#define KEY_MAX 4096 /* of namespace, kind and name: Kubernetes allows 63, 63 and 253 bytes */

/* 730.5 h, exactly. */
#define MONTH_MS ((int64_t)2629800000)

/* Where each pod's workload is, while the holds are being sorted. */
typedef struct sorter {
    gw_map by_name;
    uint32_t *workload; /* of a fleet pod; GW_NONE: holds nothing */
    uint32_t *n_holds;  /* of a fleet pod */
} sorter;

static uint32_t *indexes(gw_arena *a, size_t n, uint32_t fill)
{
    uint32_t *p = GW_NEW_ARRAY(a, uint32_t, n + 1);
    for (size_t i = 0; p && i < n; i++)
        p[i] = fill;
    return p;
}

/* ns, kind and name of the pod's controller; kind "" for a bare pod. */
static int key_of(gw_buf *key, const char *ns, const char *kind, const char *name, gw_error *e)
{
    gw_buf_clear(key);
    gw_buf_add(key, ns, strlen(ns) + 1);
    gw_buf_add(key, kind, strlen(kind) + 1);
    gw_buf_puts(key, name);
    return gw_buf_check(key, "workload name", e);
}

static bool is_notebook(const gw_judge *j, uint32_t pod)
{
    return j->in->pod_class && j->in->pod_class[pod] == GW_CLASS_NOTEBOOK;
}

/* The workload under that key, made if there is none. */
static int find_or_add(gw_judge *j, sorter *s, const gw_buf *key, gw_judge_workload fresh, uint32_t *ret)
{
    gw_str k = {key->data, key->len};
    *ret = gw_map_get(&s->by_name, k);
    if (*ret != GW_NONE)
        return 0;
    if (gw_map_set(&s->by_name, k, (uint32_t)j->n_workloads))
        return gw_fail_memory(j->e);
    *ret = (uint32_t)j->n_workloads;
    j->workloads[j->n_workloads++] = fresh;
    return 0;
}

static int workload_of(gw_judge *j, sorter *s, uint32_t pod, uint32_t *ret)
{
    const gw_pod *p = &j->fleet->pods[pod];
    gw_judge_workload fresh = {.ns = p->ns, .kind = p->workload_kind, .name = p->workload_name};
    if (!fresh.kind || !fresh.name) {
        fresh.kind = p->owner_kind;
        fresh.name = p->owner_name;
    }
    if (!fresh.kind || !fresh.name) {
        fresh.kind = NULL;
        fresh.name = p->name;
    }
    gw_buf key;
    gw_buf_init(&key, KEY_MAX);
    int rc = key_of(&key, p->ns, fresh.kind ? fresh.kind : "", fresh.name, j->e);
    *ret = rc ? GW_NONE : gw_map_get(&s->by_name, (gw_str){key.data, key.len});
    if (!rc && *ret == GW_NONE && is_notebook(j, pod)) {
        gw_buf group;
        gw_buf_init(&group, KEY_MAX);
        rc = key_of(&group, p->ns, "/", "notebooks", j->e); /* no kind is called "/" */
        if (!rc)
            rc = find_or_add(j, s, &group, fresh, ret);
        if (!rc && gw_map_set(&s->by_name, (gw_str){key.data, key.len}, *ret))
            rc = gw_fail_memory(j->e);
        if (!rc)
            j->workloads[*ret].n_controllers++;
        gw_buf_free(&group);
    } else if (!rc && *ret == GW_NONE) {
        fresh.n_controllers = 1;
        rc = find_or_add(j, s, &key, fresh, ret);
    }
    gw_buf_free(&key);
    return rc;
}

/* Counting sort: holds by pod, pods by workload, workloads in the order of their first pod in the fleet. */
static int sort_holds(gw_judge *j, sorter *s)
{
    const gw_usage *u = j->usage;
    size_t n_fleet_pods = j->fleet->n_pods;
    for (size_t i = 0; i < u->n_holds; i++) {
        if (u->holds[i].pod < n_fleet_pods)
            j->n_pods += s->n_holds[u->holds[i].pod]++ == 0;
    }
    j->pods = GW_NEW_ARRAY(&j->arena, gw_judge_pod, j->n_pods + 1);
    j->workloads = GW_NEW_ARRAY(&j->arena, gw_judge_workload, j->n_pods + 1);
    if (!j->pods || !j->workloads)
        return gw_fail_memory(j->e);
    for (uint32_t p = 0; p < n_fleet_pods; p++) {
        if (s->n_holds[p] == 0)
            continue;
        int rc = workload_of(j, s, p, &s->workload[p]);
        if (rc)
            return rc;
        j->workloads[s->workload[p]].n++;
    }
    uint32_t at = 0;
    for (size_t w = 0; w < j->n_workloads; w++) {
        j->workloads[w].first = at;
        at += j->workloads[w].n;
        j->workloads[w].n = 0;
    }
    for (uint32_t p = 0; p < n_fleet_pods; p++) {
        if (s->n_holds[p] == 0)
            continue;
        gw_judge_workload *w = &j->workloads[s->workload[p]];
        j->slot[p] = w->first + w->n++;
        j->pods[j->slot[p]] = (gw_judge_pod){.pod = p, .workload = s->workload[p], .n = s->n_holds[p]};
    }
    at = 0;
    for (size_t p = 0; p < j->n_pods; p++) {
        j->pods[p].first = at;
        at += j->pods[p].n;
        j->pods[p].n = 0;
    }
    for (uint32_t i = 0; i < u->n_holds; i++) {
        if (u->holds[i].pod >= n_fleet_pods)
            continue;
        gw_judge_pod *p = &j->pods[j->slot[u->holds[i].pod]];
        j->holds[p->first + p->n++] = i;
    }
    return 0;
}

/* Lists keep the ledger's order: walked backwards, each leaf goes in front. */
static void chain_leaves(gw_judge *j)
{
    const gw_ledger *l = j->in->ledger;
    for (size_t i = l->n_leaves; i-- > 0;) {
        const gw_leaf *leaf = &l->leaves[i];
        uint32_t *head = leaf->hold < j->usage->n_holds   ? &j->hold_leaf[leaf->hold]
                         : leaf->unit < j->fleet->n_units ? &j->unit_leaf[leaf->unit]
                                                          : NULL;
        if (!head)
            continue;
        j->leaf_next[i] = *head;
        *head = (uint32_t)i;
    }
}

int gw_judge_open(gw_judge *j, const gw_judge_input *in, gw_findings *out, gw_error *e)
{
    *j =
        (gw_judge){.in = in, .fleet = in->fleet, .usage = in->usage, .t = in->thresholds, .out = out, .e = e};
    gw_arena_init(&j->arena, 0);
    sorter s;
    gw_map_init(&s.by_name);
    s.workload = indexes(&j->arena, in->fleet->n_pods, GW_NONE);
    s.n_holds = indexes(&j->arena, in->fleet->n_pods, 0);
    j->slot = indexes(&j->arena, in->fleet->n_pods, GW_NONE);
    j->holds = indexes(&j->arena, in->usage->n_holds, GW_NONE);
    j->hold_leaf = indexes(&j->arena, in->usage->n_holds, GW_NONE);
    j->unit_leaf = indexes(&j->arena, in->fleet->n_units, GW_NONE);
    j->unit_mark = indexes(&j->arena, in->fleet->n_units, 0);
    j->leaf_next = indexes(&j->arena, in->ledger->n_leaves, GW_NONE);
    int rc = !s.workload || !s.n_holds || !j->slot || !j->holds || !j->hold_leaf || !j->unit_leaf ||
                     !j->unit_mark || !j->leaf_next
                 ? gw_fail_memory(e)
                 : sort_holds(j, &s);
    gw_map_free(&s.by_name);
    if (rc)
        gw_judge_close(j);
    else
        chain_leaves(j);
    return rc;
}

void gw_judge_close(gw_judge *j)
{
    gw_arena_free(&j->arena);
}

void gw_judge_unmark(gw_judge *j)
{
    j->mark++;
}

bool gw_judge_mark(gw_judge *j, uint32_t unit)
{
    if (unit >= j->fleet->n_units || j->unit_mark[unit] == j->mark)
        return false;
    j->unit_mark[unit] = j->mark;
    return true;
}

static void add_costs(const gw_judge *j, uint32_t leaf, gw_cost *into)
{
    for (; leaf != GW_NONE; leaf = j->leaf_next[leaf])
        gw_cost_add(into, &j->in->ledger->leaves[leaf].cost);
}

void gw_judge_add_hold_cost(const gw_judge *j, uint32_t hold, gw_cost *into)
{
    add_costs(j, j->hold_leaf[hold], into);
}

void gw_judge_add_idle_cost(const gw_judge *j, uint32_t unit, gw_cost *into)
{
    add_costs(j, j->unit_leaf[unit], into);
}

gw_micro gw_judge_monthly(const gw_judge *j, gw_micro amount, bool known)
{
    int64_t window = gw_interval_ms(gw_usage_observed(j->usage));
    if (!known || !gw_micro_known(amount) || window <= 0)
        return GW_MICRO_UNKNOWN;
    __int128 month = (__int128)amount * MONTH_MS, half = window / 2;
    month = (month + (month < 0 ? -half : half)) / window;
    return month > INT64_MAX ? INT64_MAX : month < -INT64_MAX ? -INT64_MAX : (gw_micro)month;
}

double gw_judge_coverage(const gw_stats *s)
{
    return s->allocated > 0 ? GW_MIN(1.0, s->known / s->allocated) : 0;
}

double gw_judge_hours(const gw_judge *j, const gw_stats *s)
{
    gw_interval seen = {s->first_ms, s->end_ms};
    return gw_hours((double)gw_interval_ms(gw_interval_cut(seen, j->usage->window)));
}

/* GPU time of a slice is a fraction of wall time and that of eight GPUs a multiple, so the least known time
 * is measured in wall time. */
static bool enough(const gw_judge *j, const gw_stats *s, double known)
{
    if (!(s->allocated > 0) || known < j->t->min_coverage * s->allocated)
        return false;
    double wall_ms = gw_judge_hours(j, s) * (double)GW_HOUR_MS;
    return wall_ms * GW_MIN(1.0, known / s->allocated) >= (double)j->t->min_known_ms;
}

bool gw_judge_known(const gw_judge *j, const gw_stats *s)
{
    return enough(j, s, s->known);
}

bool gw_judge_quantity_known(const gw_judge *j, const gw_stats *s, const gw_quantity *q)
{
    return q->peak >= 0 && enough(j, s, q->known);
}

double gw_judge_mean(const gw_stats *s)
{
    return s->known > 0 ? s->used / s->known : -1;
}

static int take(gw_judge *j, gw_judge_pick *pick, const gw_judge_part *part)
{
    if (gw_stats_merge(&pick->stats, part->stats))
        return gw_fail_memory(j->e);
    for (uint32_t i = part->first; i < part->first + part->n; i++) {
        gw_judge_add_hold_cost(j, j->holds[i], &pick->cost);
        pick->n_gpus += gw_judge_mark(j, j->usage->holds[j->holds[i]].unit);
    }
    return 0;
}

/* The part's stats: of its one hold, or merged into scratch. */
static int view(const gw_judge *j, gw_judge_part *part, gw_stats *scratch)
{
    const gw_hold *holds = j->usage->holds;
    part->stats = &holds[j->holds[part->first]].stats;
    part->shared = false;
    for (uint32_t i = part->first; i < part->first + part->n; i++) {
        const gw_hold *h = &holds[j->holds[i]];
        part->shared |= h->shared;
        if (part->n > 1 && gw_stats_merge(scratch, &h->stats))
            return gw_fail_memory(j->e);
    }
    if (part->n > 1)
        part->stats = scratch;
    return 0;
}

static int put_to_test(gw_judge *j, gw_judge_part *part, gw_judge_test test, gw_judge_pick *pick, bool *hit)
{
    gw_stats scratch;
    gw_stats_init(&scratch);
    int rc = view(j, part, &scratch);
    if (!rc && test(j, part)) {
        rc = take(j, pick, part);
        *hit = true;
    }
    gw_stats_free(&scratch);
    return rc;
}

int gw_judge_select(gw_judge *j, const gw_judge_workload *w, gw_judge_grain grain, gw_judge_test test,
                    gw_judge_pick *ret)
{
    *ret = (gw_judge_pick){.workload = w, .pod = GW_NONE};
    gw_stats_init(&ret->stats);
    gw_judge_unmark(j);
    int rc = 0;
    for (uint32_t i = w->first; i < w->first + w->n && !rc; i++) {
        const gw_judge_pod *p = &j->pods[i];
        uint32_t step = grain == GW_JUDGE_HOLDS ? 1 : p->n;
        uint32_t passed = 0;
        for (uint32_t h = 0; h < p->n && !rc; h += step) {
            gw_judge_part part = {.pod = p->pod, .first = p->first + h, .n = step};
            bool hit = false;
            rc = put_to_test(j, &part, test, ret, &hit);
            passed += hit ? step : 0;
        }
        if (passed == 0)
            continue;
        if (ret->n_pods++ == 0)
            ret->pod = p->pod;
        ret->n_others += p->n - passed;
    }
    if (rc)
        gw_judge_pick_free(ret);
    return rc;
}

void gw_judge_pick_free(gw_judge_pick *p)
{
    gw_stats_free(&p->stats);
}

int gw_judge_each(gw_judge *j, gw_judge_grain grain, gw_judge_test test,
                  int (*tell)(gw_judge *j, const gw_judge_pick *p))
{
    for (size_t i = 0; i < j->n_workloads; i++) {
        gw_judge_pick pick;
        int rc = gw_judge_select(j, &j->workloads[i], grain, test, &pick);
        if (rc)
            return rc;
        if (pick.n_pods)
            rc = tell(j, &pick);
        gw_judge_pick_free(&pick);
        if (rc)
            return rc;
    }
    return 0;
}

static gw_severity severity_of(const gw_thresholds *t, gw_micro monthly)
{
    if (!gw_micro_known(monthly)) /* an unknown price is no reason to look away */
        return GW_SEVERITY_MEDIUM;
    return monthly >= t->severity_high     ? GW_SEVERITY_HIGH
           : monthly >= t->severity_medium ? GW_SEVERITY_MEDIUM
           : monthly >= t->severity_low    ? GW_SEVERITY_LOW
                                           : GW_SEVERITY_INFO;
}

int gw_judge_finding(gw_judge *j, const char *rule, gw_micro monthly, double confidence, gw_finding **ret)
{
    int rc = gw_findings_add(j->out, rule, severity_of(j->t, monthly), ret, j->e);
    if (rc)
        return rc;
    (*ret)->monthly = monthly;
    (*ret)->confidence = confidence;
    return 0;
}

void gw_judge_subject(gw_finding *f, const gw_judge_workload *w)
{
    gw_finding_subject(f, "namespace", w->ns);
    if (w->n_controllers > 1) {
        gw_finding_subject(f, "class", gw_class_name(GW_CLASS_NOTEBOOK));
        return;
    }
    gw_finding_subject(f, "kind", w->kind);
    gw_finding_subject(f, w->kind ? "workload" : "pod", w->name);
}

void gw_judge_evidence(const gw_judge *j, gw_finding *f, const gw_judge_pick *p)
{
    gw_finding_number(f, "pods", p->n_pods);
    gw_finding_number(f, "podsOfWorkload", p->workload->n);
    if (p->workload->n_controllers > 1)
        gw_finding_number(f, "controllers", p->workload->n_controllers);
    if (p->n_pods == 1 && p->workload->kind)
        gw_finding_text(f, "pod", j->fleet->pods[p->pod].name);
    gw_finding_number(f, "gpus", p->n_gpus);
    gw_finding_number(f, "gpuHours", gw_hours(p->stats.allocated));
    if (p->cost.unpriced_ms > 0)
        gw_finding_number(f, "unpricedGpuHours", gw_hours(p->cost.unpriced_ms));
}

char *gw_judge_text(gw_judge *j, const char *format, ...)
{
    char line[2048];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    return gw_arena_strdup(&j->out->arena, line);
}

int gw_judge_say(gw_judge *j, gw_finding *f, const char *format, ...)
{
    char line[2048];
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    f->text = gw_arena_strdup(&j->out->arena, line);
    if (f->text)
        return 0;
    f->text = "";
    return gw_fail_memory(j->e);
}

const char *gw_judge_name(const gw_judge_workload *w, char out[GW_JUDGE_WHO_MAX])
{
    if (w->n_controllers > 1)
        snprintf(out, GW_JUDGE_WHO_MAX, "notebook use in namespace %s", w->ns);
    else
        snprintf(out, GW_JUDGE_WHO_MAX, "%s %s/%s", w->kind ? w->kind : "pod", w->ns, w->name);
    return out;
}

const char *gw_judge_who(const gw_judge_pick *p, char out[GW_JUDGE_WHO_MAX])
{
    const gw_judge_workload *w = p->workload;
    gw_judge_name(w, out);
    size_t at = strlen(out);
    if (!w->kind && w->n_controllers < 2)
        return out;
    if (p->n_pods == w->n)
        snprintf(out + at, GW_JUDGE_WHO_MAX - at, " (%" PRIu32 " pod%s)", w->n, gw_plural(w->n));
    else
        snprintf(out + at, GW_JUDGE_WHO_MAX - at, " (%" PRIu32 " of %" PRIu32 " pods)", p->n_pods, w->n);
    return out;
}

const char *gw_judge_money(gw_micro monthly, char out[GW_JUDGE_MONEY_MAX])
{
    char amount[GW_MICRO_TEXT_MAX];
    if (gw_micro_known(monthly))
        snprintf(out, GW_JUDGE_MONEY_MAX, "$%s a month", gw_micro_format_human(monthly, amount));
    else
        snprintf(out, GW_JUDGE_MONEY_MAX, "price unknown");
    return out;
}

const char *gw_judge_waste(gw_micro monthly, char out[GW_JUDGE_MONEY_MAX])
{
    char amount[GW_MICRO_TEXT_MAX];
    if (gw_micro_known(monthly))
        snprintf(out, GW_JUDGE_MONEY_MAX, "$%s a month held and not computed on",
                 gw_micro_format_human(monthly, amount));
    else
        snprintf(out, GW_JUDGE_MONEY_MAX, "price unknown");
    return out;
}

const char *gw_plural(double n)
{
    return n == 1 ? "" : "s";
}

static double cut(double v)
{
    return v > 0 ? GW_MIN(v, 1.0) : 0; /* NaN: 0 */
}

double gw_confidence(double coverage, double hours, double m)
{
    double duration = hours > 0 ? 1 - exp2(-hours / 24) : 0;
    return cut(coverage) * duration * (0.5 + 0.5 * cut(m));
}

double gw_margin_under(double value, double threshold)
{
    return threshold > 0 ? cut((threshold - value) / threshold) : 0;
}

double gw_margin_over(double value, double threshold)
{
    return threshold < 1 ? cut((value - threshold) / (1 - threshold)) : 1;
}

double gw_margin_ratio(double value, double threshold)
{
    return value > 0 ? cut(1 - threshold / value) : 0;
}
