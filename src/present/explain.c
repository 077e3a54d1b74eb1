/* What the subject of an explanation means, and who explains it. */
#include "present/explain.h"

#define CANDIDATES_MAX    64
#define UUID_PREFIX_LEAST 4

typedef enum kind {
    KIND_ANY,
    KIND_FINDING,
    KIND_POD,
    KIND_NODE,
    KIND_GPU,
    KIND_WORKLOAD,
    KIND_NAMESPACE
} kind;

static const struct {
    const char *word;
    kind kind;
} kinds[] = {{"finding", KIND_FINDING},
             {"rule", KIND_FINDING},
             {"pod", KIND_POD},
             {"po", KIND_POD},
             {"node", KIND_NODE},
             {"no", KIND_NODE},
             {"gpu", KIND_GPU},
             {"workload", KIND_WORKLOAD},
             {"deployment", KIND_WORKLOAD},
             {"deploy", KIND_WORKLOAD},
             {"statefulset", KIND_WORKLOAD},
             {"sts", KIND_WORKLOAD},
             {"daemonset", KIND_WORKLOAD},
             {"ds", KIND_WORKLOAD},
             {"job", KIND_WORKLOAD},
             {"namespace", KIND_NAMESPACE},
             {"ns", KIND_NAMESPACE}};

/* What the subject turned out to be. */
typedef struct target {
    kind kind;
    uint32_t index;        /* pod, node, GPU */
    const char *ns, *name; /* workload, namespace, rule */
    size_t matches;
} target;

static void meet(target *t, target found)
{
    size_t n = t->matches + 1;
    if (t->matches == 0)
        *t = found;
    t->matches = n;
}

/* "NS/NAME" or "NAME" against a namespace and a name. */
static bool names(gw_str s, const char *ns, const char *name)
{
    const char *slash = memchr(s.p, '/', s.n);
    if (!slash)
        return gw_str_is(s, name);
    size_t at = (size_t)(slash - s.p);
    return gw_str_is((gw_str){s.p, at}, ns) && gw_str_is((gw_str){slash + 1, s.n - at - 1}, name);
}

static void find_pod(const gw_pipeline *p, gw_str s, target *t)
{
    for (uint32_t i = 0; i < p->fleet.n_pods; i++) {
        if (names(s, p->fleet.pods[i].ns, p->fleet.pods[i].name))
            meet(t, (target){.kind = KIND_POD, .index = i});
    }
}

static void find_workload(const gw_pipeline *p, gw_str s, target *t)
{
    for (uint32_t i = 0; i < p->fleet.n_pods; i++) {
        const gw_pod *d = &p->fleet.pods[i];
        if (!d->workload_name || !names(s, d->ns, d->workload_name))
            continue;
        if (t->matches && t->kind == KIND_WORKLOAD && gw_eq(t->ns, d->ns) && gw_eq(t->name, d->workload_name))
            continue;
        meet(t, (target){.kind = KIND_WORKLOAD, .ns = d->ns, .name = d->workload_name});
    }
}

static void find_gpu(const gw_pipeline *p, gw_str s, target *t)
{
    for (uint32_t i = 0; i < p->fleet.n_gpus; i++) {
        const char *uuid = p->fleet.gpus[i].uuid;
        gw_str bare = s;
        if (gw_has_prefix(uuid, "GPU-") && !(s.n >= 4 && memcmp(s.p, "GPU-", 4) == 0))
            uuid += 4;
        if (bare.n >= UUID_PREFIX_LEAST && strlen(uuid) >= bare.n && memcmp(uuid, bare.p, bare.n) == 0)
            meet(t, (target){.kind = KIND_GPU, .index = i});
    }
}

static void find_other(const gw_pipeline *p, kind k, gw_str s, target *t)
{
    if (k == KIND_NODE) {
        for (uint32_t i = 0; i < p->fleet.n_nodes; i++) {
            if (gw_str_is(s, p->fleet.nodes[i].name))
                meet(t, (target){.kind = k, .index = i});
        }
    } else if (k == KIND_FINDING) {
        for (const char *const *r = gw_rule_names(); *r; r++) {
            if (gw_str_is(s, *r))
                meet(t, (target){.kind = k, .name = *r});
        }
    } else {
        for (uint32_t i = 0; i < p->fleet.n_pods && t->matches == 0; i++) {
            if (gw_str_is(s, p->fleet.pods[i].ns))
                meet(t, (target){.kind = k, .ns = p->fleet.pods[i].ns});
        }
    }
}

static void find(const gw_pipeline *p, kind k, gw_str s, target *t)
{
    switch (k) {
    case KIND_POD:
        find_pod(p, s, t);
        break;
    case KIND_WORKLOAD:
        find_workload(p, s, t);
        break;
    case KIND_GPU:
        find_gpu(p, s, t);
        break;
    default:
        find_other(p, k, s, t);
        break;
    }
}

static int fail_missing(const gw_pipeline *p, const char *subject, gw_error *e)
{
    const char *words[4096];
    size_t n = 0;
    for (const char *const *r = gw_rule_names(); *r && n < GW_COUNT(words) - 1; r++)
        words[n++] = *r;
    for (size_t i = 0; i < p->fleet.n_nodes && n < GW_COUNT(words) / 2; i++)
        words[n++] = p->fleet.nodes[i].name;
    for (size_t i = 0; i < p->fleet.n_pods && n < GW_COUNT(words) - 4; i++) {
        const gw_pod *d = &p->fleet.pods[i];
        words[n++] = d->name;
        words[n++] = d->ns;
        if (d->workload_name)
            words[n++] = d->workload_name;
    }
    words[n] = NULL;
    const char *nearest = gw_nearest(subject, words);
    return gw_fail(e, GW_ENOTFOUND,
                   "no pod, node, GPU, workload, namespace or finding '%.100s' in the window%s%s%s", subject,
                   nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static int locate(const gw_pipeline *p, const char *subject, target *t, gw_error *e)
{
    static const kind order[] = {KIND_FINDING, KIND_POD, KIND_NODE, KIND_GPU, KIND_WORKLOAD, KIND_NAMESPACE};
    const char *slash = strchr(subject, '/');
    *t = (target){0};
    if (strcmp(subject, GW_KEY_IDLE) == 0) /* a row of the report that somebody copied */
        subject = GW_RULE_IDLE_GPU;
    for (size_t i = 0; slash && i < GW_COUNT(kinds) && t->matches == 0; i++) {
        if (gw_str_is((gw_str){subject, (size_t)(slash - subject)}, kinds[i].word))
            find(p, kinds[i].kind, gw_str_of(slash + 1), t);
    }
    for (size_t i = 0; i < GW_COUNT(order) && t->matches == 0; i++)
        find(p, order[i], gw_str_of(subject), t);
    if (t->matches == 0)
        return fail_missing(p, subject, e);
    if (t->matches > 1 && t->kind == KIND_GPU)
        return gw_fail(e, GW_EUSAGE, "%zu GPUs begin with '%s'; give more of the UUID", t->matches, subject);
    if (t->matches > 1)
        return gw_fail(e, GW_EUSAGE, "'%s' is in %zu namespaces; write NAMESPACE/NAME", subject, t->matches);
    return 0;
}

static void describe(const gw_pipeline *p, const target *t, gw_explanation *x)
{
    switch (t->kind) {
    case KIND_POD:
        x->kind = "pod";
        x->name = gw_explain_text(x, "%s/%s", p->fleet.pods[t->index].ns, p->fleet.pods[t->index].name);
        gw_explain_pod(x, p, t->index);
        break;
    case KIND_NODE:
        x->kind = "node";
        x->name = p->fleet.nodes[t->index].name;
        gw_explain_node(x, p, t->index);
        break;
    case KIND_GPU:
        x->kind = "gpu";
        x->name = p->fleet.gpus[t->index].uuid;
        gw_explain_gpu(x, p, t->index);
        break;
    case KIND_WORKLOAD:
        x->kind = "workload";
        x->name = gw_explain_text(x, "%s/%s", t->ns, t->name);
        gw_explain_pods(x, p, t->ns, t->name);
        break;
    case KIND_NAMESPACE:
        x->kind = "namespace";
        x->name = t->ns;
        gw_explain_pods(x, p, t->ns, NULL);
        break;
    default:
        x->kind = "finding";
        x->name = t->name;
        gw_explain_rule(x, p, t->name);
        break;
    }
}

int gw_explain(const gw_pipeline *p, const char *subject, gw_explanation *x, gw_error *e)
{
    target t;
    int rc = locate(p, subject, &t, e);
    if (rc)
        return rc;
    describe(p, &t, x);
    if (x->failed == GW_ENOMEM)
        return gw_fail_memory(e);
    if (x->failed)
        return gw_fail(e, x->failed, "'%s' is too large to explain; name a pod of it", subject);
    return 0;
}

int gw_explain_find(const gw_pipeline *p, const char *subject, gw_error *e)
{
    target t;
    return locate(p, subject, &t, e);
}
