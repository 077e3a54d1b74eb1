/* Namespaces and workloads of a review: sums of both periods, joined by their names. */
#include "operate/review_internal.h"
#include "operate/review_numbers.h"

#define KEY_MAX 1536 /* of up to four names of Kubernetes objects */

void gw_review_add_total(gw_review *r, const gw_measures *m, const char *ns, bool before)
{
    gw_measures_add(before ? &r->total_before : &r->total, m);
    if (!gw_is_shared_namespace(ns))
        gw_measures_add(before ? &r->held_before : &r->held, m);
}

/* The first n keys of a sum as one text. Names that are longer than any Kubernetes takes are cut, and then
 * fall together with others that begin alike. */
static gw_str joined(const gw_sum *x, size_t n, char out[KEY_MAX])
{
    size_t at = 0;
    for (size_t k = 0; k < n && at < KEY_MAX; k++) {
        int wrote = snprintf(out + at, KEY_MAX - at, "%s\x1f", x->key[k] ? x->key[k] : "");
        at += wrote > 0 ? (size_t)wrote : 0;
    }
    return (gw_str){out, GW_MIN(at, (size_t)KEY_MAX - 1)};
}

/* ---- namespaces ---------------------------------------------------------------------------------------- */

enum { NS_CLUSTER, NS_NAMESPACE, NS_TEAM };

static void add_owner(gw_review_namespace *x, const char *team)
{
    if (gw_is_nobody(team)) {
        x->unowned = true;
        return;
    }
    if (x->n_owners < GW_REVIEW_OWNERS_MAX)
        x->owners[x->n_owners] = team;
    x->n_owners++;
}

static int take_namespace(gw_review *r, gw_map *by_name, const gw_sum *s, bool before, gw_error *e)
{
    char text[KEY_MAX];
    gw_str key = joined(s, NS_TEAM, text);
    gw_review_add_total(r, &s->m, s->key[NS_NAMESPACE], before);
    if (gw_is_shared_namespace(s->key[NS_NAMESPACE]))
        return 0;
    uint32_t at = gw_map_get(by_name, key);
    if (at == GW_NONE && before)
        return 0; /* gone since: in the totals of the period before */
    if (at == GW_NONE) {
        at = (uint32_t)r->n_namespaces;
        int rc = gw_review_add((void **)&r->namespaces, &r->n_namespaces, sizeof(*r->namespaces),
                               GW_REVIEW_ROWS_MAX, e);
        if (rc)
            return rc;
        r->namespaces[at] = (gw_review_namespace){.cluster = s->key[NS_CLUSTER], .ns = s->key[NS_NAMESPACE]};
        if (gw_map_set(by_name, key, at))
            return gw_fail_memory(e);
    }
    gw_review_namespace *x = &r->namespaces[at];
    gw_measures_add(before ? &x->before : &x->m, &s->m);
    x->seen_before |= before;
    if (!before)
        add_owner(x, s->key[NS_TEAM]); /* sums come dearest first, so owners do too */
    return 0;
}

static int compare_names(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

static int by_bill_of_namespace(const void *a, const void *b)
{
    const gw_review_namespace *x = a, *y = b;
    if (x->m.bill != y->m.bill)
        return x->m.bill > y->m.bill ? -1 : 1;
    int c = compare_names(x->cluster, y->cluster);
    return c ? c : compare_names(x->ns, y->ns);
}

int gw_review_take_namespaces(gw_review *r, const gw_sums *now, const gw_sums *before, gw_error *e)
{
    gw_map by_name;
    int rc = 0;
    gw_map_init(&by_name);
    for (size_t i = 0; i < now->n && rc == 0; i++)
        rc = take_namespace(r, &by_name, &now->rows[i], false, e);
    for (size_t i = 0; i < before->n && rc == 0; i++)
        rc = take_namespace(r, &by_name, &before->rows[i], true, e);
    gw_map_free(&by_name);
    for (size_t i = 0; i < r->n_namespaces; i++)
        r->namespaces[i].verdict = gw_review_judge(&r->namespaces[i].m);
    if (rc == 0 && r->n_namespaces)
        qsort(r->namespaces, r->n_namespaces, sizeof(*r->namespaces), by_bill_of_namespace);
    return rc;
}

/* ---- workloads ----------------------------------------------------------------------------------------- */

enum { W_CLUSTER, W_NAMESPACE, W_WORKLOAD, W_KIND, W_TEAM, W_CLASS };

static int take_workload(gw_review *r, gw_map *by_name, const gw_sum *s, bool before, gw_error *e)
{
    char text[KEY_MAX];
    gw_str key = joined(s, W_TEAM, text);
    gw_review_add_total(r, &s->m, s->key[W_NAMESPACE], before);
    if (gw_is_shared_namespace(s->key[W_NAMESPACE]))
        return 0;
    uint32_t at = gw_map_get(by_name, key);
    if (at == GW_NONE && before)
        return 0;
    if (at == GW_NONE) {
        at = (uint32_t)r->n_workloads;
        int rc = gw_review_add((void **)&r->workloads, &r->n_workloads, sizeof(*r->workloads),
                               GW_REVIEW_ROWS_MAX, e);
        if (rc)
            return rc;
        /* its labels may have changed within the period: team and class of its dearest part */
        r->workloads[at] =
            (gw_review_workload){.cluster = s->key[W_CLUSTER],
                                 .ns = s->key[W_NAMESPACE],
                                 .workload = s->key[W_WORKLOAD],
                                 .kind = s->key[W_KIND],
                                 .team = gw_is_nobody(s->key[W_TEAM]) ? NULL : s->key[W_TEAM],
                                 .class = gw_is_nobody(s->key[W_CLASS]) ? NULL : s->key[W_CLASS],
                                 .why_none = "there is no plan in the store"};
        if (gw_map_set(by_name, key, at))
            return gw_fail_memory(e);
    }
    gw_measures_add(before ? &r->workloads[at].before : &r->workloads[at].m, &s->m);
    r->workloads[at].seen_before |= before;
    return 0;
}

static int by_bill_of_workload(const void *a, const void *b)
{
    const gw_review_workload *x = a, *y = b;
    if (x->m.bill != y->m.bill)
        return x->m.bill > y->m.bill ? -1 : 1;
    int c = compare_names(x->cluster, y->cluster);
    c = c ? c : compare_names(x->ns, y->ns);
    c = c ? c : compare_names(x->workload, y->workload);
    return c ? c : compare_names(x->kind, y->kind);
}

int gw_review_take_workloads(gw_review *r, const gw_sums *now, const gw_sums *before, gw_error *e)
{
    gw_map by_name;
    int rc = 0;
    gw_map_init(&by_name);
    for (size_t i = 0; i < now->n && rc == 0; i++)
        rc = take_workload(r, &by_name, &now->rows[i], false, e);
    for (size_t i = 0; i < before->n && rc == 0; i++)
        rc = take_workload(r, &by_name, &before->rows[i], true, e);
    gw_map_free(&by_name);
    if (rc == 0 && r->n_workloads)
        qsort(r->workloads, r->n_workloads, sizeof(*r->workloads), by_bill_of_workload);
    r->workloads_seen = r->n_workloads;
    r->n_workloads = GW_MIN(r->n_workloads, (size_t)GW_REVIEW_WORKLOADS);
    return rc;
}
