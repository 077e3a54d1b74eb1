/* Whose pods an action touches: the workloads at the top of the owners, since a pod's requests stand in their
 * templates. */
#include "act/export_internal.h"

#define KEY_MAX 1024

static const gw_act_kind kinds[] = {
    {"Deployment", "apps", "v1", "deployment", {"spec", "template"}, true, false},
    {"StatefulSet", "apps", "v1", "statefulset", {"spec", "template"}, true, false},
    {"DaemonSet", "apps", "v1", "daemonset", {"spec", "template"}, true, false},
    {"ReplicaSet", "apps", "v1", "replicaset", {"spec", "template"}, false, false},
    {"ReplicationController", "", "v1", "replicationcontroller", {"spec", "template"}, false, false},
    {"CronJob", "batch", "v1", "cronjob", {"spec", "jobTemplate", "spec", "template"}, false, false},
    {"Job", "batch", "v1", "job", {NULL}, false, false}, /* its template cannot be changed */
    {"Rollout", "argoproj.io", "v1alpha1", "rollouts.argoproj.io", {"spec", "template"}, true, true},
};

const gw_act_kind *gw_act_kind_find(const char *kind)
{
    for (size_t i = 0; kind && i < GW_COUNT(kinds); i++) {
        if (strcmp(kinds[i].kind, kind) == 0)
            return &kinds[i];
    }
    return NULL;
}

/* ---- finding ---- */

typedef struct finder {
    gw_act *a;
    gw_map map; /* namespace, kind, name -> index into targets */
    size_t cap;
} finder;

static bool key_of(char out[KEY_MAX], const char *ns, const char *kind, const char *name)
{
    int n = snprintf(out, KEY_MAX, "%s/%s/%s", ns, kind ? kind : "Pod", name);
    return n > 0 && n < KEY_MAX;
}

static int add_target(finder *x, const char *ns, const char *kind, const char *name, const char *key,
                      gw_error *e)
{
    gw_act *a = x->a;
    if (a->n_targets == GW_ACT_TARGETS_MAX)
        return gw_fail(e, GW_ELIMIT, "%s touches more than %zu workloads", a->action->id, GW_ACT_TARGETS_MAX);
    if (a->n_targets == x->cap) {
        x->cap = x->cap ? 2 * x->cap : 16;
        gw_act_target *t = GW_NEW_ARRAY(a->arena, gw_act_target, x->cap);
        if (!t)
            return gw_fail_memory(e);
        if (a->n_targets)
            memcpy(t, a->targets, a->n_targets * sizeof(*t));
        a->targets = t;
    }
    const char *lower = gw_act_lower(a->arena, kind ? kind : "Pod");
    const char *whole = lower ? gw_arena_printf(a->arena, "%s/%s/%s", lower, ns, name) : NULL;
    const char *stem = whole ? gw_act_slug(a->arena, whole) : NULL;
    /* "a-b" in "c" and "b" in "c-a" would come to one file name. A stem has no '/', so that both fit one map
     */
    if (stem && gw_map_get(&x->map, gw_str_of(stem)) != GW_NONE)
        stem = gw_arena_printf(a->arena, "%s-%08" PRIx32, stem, (uint32_t)gw_hash(whole, strlen(whole)));
    if (!stem || gw_map_set(&x->map, gw_str_of(stem), 0) ||
        gw_map_set(&x->map, gw_str_of(key), (uint32_t)a->n_targets))
        return gw_fail_memory(e);
    a->targets[a->n_targets++] = (gw_act_target){.ns = ns,
                                                 .kind = kind,
                                                 .name = name,
                                                 .info = gw_act_kind_find(kind),
                                                 .stem = stem,
                                                 .was = {.fraction_milli = -1, .memory_mib = -1},
                                                 .to = {.fraction_milli = -1, .memory_mib = -1}};
    return 0;
}

static int find_target(finder *x, const char *ns, const char *kind, const char *name, gw_act_target **ret,
                       gw_error *e)
{
    char key[KEY_MAX];
    if (!key_of(key, ns, kind, name))
        return gw_fail(e, GW_EUSAGE, "a workload has a name longer than Kubernetes allows: '%.60s…'", name);
    uint32_t i = gw_map_get(&x->map, gw_str_of(key));
    int rc = i == GW_NONE ? add_target(x, ns, kind, name, key, e) : 0;
    if (rc == 0)
        *ret = &x->a->targets[i == GW_NONE ? x->a->n_targets - 1 : i];
    return rc;
}

static bool has_workload(const gw_pod *p)
{
    return p->workload_kind && p->workload_name;
}

static void note_cluster(const gw_fleet *f, gw_act_target *t, const gw_pod *p)
{
    const char *cluster = p->cluster ? p->cluster : p->node < f->n_nodes ? f->nodes[p->node].cluster : NULL;
    if (!t->cluster)
        t->cluster = cluster;
    else if (cluster && !gw_eq(t->cluster, cluster))
        t->clusters = true;
}

/* A move that changes where the pod is, and not what it is given. */
static bool is_same_form(const gw_move *m)
{
    for (uint32_t i = 0; i < m->n_units; i++) {
        if (m->was[i].form != m->to[i].form || m->was[i].parts != m->to[i].parts ||
            !gw_eq(m->was[i].profile, m->to[i].profile))
            return false;
    }
    return true;
}

static int add_move(finder *x, size_t i, gw_error *e)
{
    const gw_move *m = &x->a->action->change.moves[i];
    x->a->target_of_move[i] = GW_NONE;
    if (m->pod >= x->a->fleet->n_pods)
        return 0; /* a bundle: its pods have ended */
    const gw_pod *p = &x->a->fleet->pods[m->pod];
    gw_act_target *t;
    int rc = find_target(x, p->ns, has_workload(p) ? p->workload_kind : NULL,
                         has_workload(p) ? p->workload_name : p->name, &t, e);
    if (rc)
        return rc;
    x->a->target_of_move[i] = (uint32_t)(t - x->a->targets);
    gw_act_ask was = gw_act_ask_now(x->a, m->pod, m->was, m->n_units);
    gw_act_ask to = gw_act_ask_of(x->a, m->pod, m->to, m->n_units);
    if (is_same_form(m))
        to = was; /* however that is said today */
    if (t->moved && (!gw_act_ask_eq(&t->to, &to) || !gw_act_ask_eq(&t->was, &was)))
        t->differ = true;
    if (!t->moved) {
        t->was = was;
        t->to = to;
    }
    note_cluster(x->a->fleet, t, p);
    t->moves = true;
    t->moved++;
    t->reseats |= !gw_act_ask_eq(&was, &to);
    return 0;
}

static int add_resize(finder *x, const gw_resize *z, gw_error *e)
{
    gw_act_target *t;
    bool bare = !z->kind || strcmp(z->kind, "Pod") == 0;
    int rc = find_target(x, z->ns, bare ? NULL : z->kind, z->name, &t, e);
    if (rc == 0)
        t->resize = z;
    return rc;
}

static void count_running(finder *x)
{
    const gw_fleet *f = x->a->fleet;
    char key[KEY_MAX];
    for (size_t i = 0; i < f->n_pods; i++) {
        const gw_pod *p = &f->pods[i];
        bool owned = has_workload(p);
        if (p->phase != GW_PHASE_RUNNING ||
            !key_of(key, p->ns, owned ? p->workload_kind : NULL, owned ? p->workload_name : p->name))
            continue;
        uint32_t t = gw_map_get(&x->map, gw_str_of(key));
        if (t == GW_NONE)
            continue;
        x->a->targets[t].running++;
        note_cluster(f, &x->a->targets[t], p);
    }
}

/* ---- what is odd ---- */

static int warn_of_reseat(gw_act *a, const gw_act_target *t, const char *what, gw_error *e)
{
    if (t->differ)
        return gw_act_caution(a, e,
                              "The pods of %s get different seats, and one template can ask for one only: "
                              "split the workload in two before this action, or leave it out.",
                              what);
    if (t->to.impossible)
        return gw_act_caution(a, e, "No request of a pod of %s brings the seats of this action.", what);
    if (!t->kind)
        return gw_act_caution(a, e,
                              "%s has no controller: it ends when it is evicted, and somebody must create it "
                              "again with the new requests.",
                              what);
    if (!t->info)
        return gw_act_caution(a, e,
                              "Where a %s keeps its pod template is not known here: change the requests of "
                              "%s by hand.",
                              t->kind, what);
    if (!t->info->template[0])
        return gw_act_caution(a, e,
                              "The template of %s cannot be changed while it exists: change the requests "
                              "where it is made, and create it again.",
                              what);
    if (t->running > t->moved)
        return gw_act_caution(a, e,
                              "%s runs %" PRIu32 " pods and this action gives other seats to %" PRIu32
                              " of them; its template, and so the patch, is for all of them.",
                              what, t->running, t->moved);
    return 0;
}

static int warn(gw_act *a, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < a->n_targets; i++) {
        const gw_act_target *t = &a->targets[i];
        const char *what = gw_arena_printf(a->arena, "%s %s/%s", t->kind ? t->kind : "Pod", t->ns, t->name);
        if (!what)
            return gw_fail_memory(e);
        if (t->reseats || t->differ)
            rc = warn_of_reseat(a, t, what, e);
        else if (t->moves && !t->kind)
            rc = gw_act_caution(a, e,
                                "%s has no controller: it ends when it is evicted, and somebody must create "
                                "it again.",
                                what);
        if (rc == 0 && t->clusters)
            rc = gw_act_caution(a, e,
                                "%s runs in several clusters, and its commands stand here once, for %s: see "
                                "in which of them the pods are that this action means.",
                                what, t->cluster);
        if (rc == 0 && t->resize && (!t->info || !t->info->template[0]))
            rc = gw_act_caution(
                a, e, "The requests of %s cannot be changed by a patch: change them where it is made.", what);
    }
    return rc;
}

int gw_act_find_targets(gw_act *a, gw_error *e)
{
    const gw_change *c = &a->action->change;
    finder x = {.a = a};
    int rc = 0;
    a->target_of_move = c->n_moves ? GW_NEW_ARRAY(a->arena, uint32_t, c->n_moves) : NULL;
    if (c->n_moves && !a->target_of_move)
        return gw_fail_memory(e);
    gw_map_init(&x.map);
    for (size_t i = 0; rc == 0 && i < c->n_moves; i++)
        rc = add_move(&x, i, e);
    for (size_t i = 0; rc == 0 && i < c->n_resizes; i++)
        rc = add_resize(&x, &c->resizes[i], e);
    if (rc == 0)
        count_running(&x);
    gw_map_free(&x.map);
    return rc ? rc : warn(a, e);
}
