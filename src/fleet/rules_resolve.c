/* Claims to volumes, and selectors of namespaces to namespaces, when everything has been read. */
#include "fleet/rules.h"

typedef struct resolver {
    gw_fleet *f;
    uint32_t *users; /* of each claim: pods that have not ended */
    gw_arena scratch;
    gw_error *e;
} resolver;

static uint32_t claim_of(const gw_fleet *f, const char *ns, const char *name)
{
    char key[1024];
    int n = snprintf(key, sizeof(key), "%s%c%s", ns, '\0', name);
    if (n < 0 || (size_t)n >= sizeof(key))
        return GW_NONE;
    return gw_map_get(&f->by_claim, (gw_str){key, (size_t)n});
}

static bool has_ended(const gw_pod *p)
{
    return p->phase == GW_PHASE_SUCCEEDED || p->phase == GW_PHASE_FAILED;
}

static void count_users(resolver *v)
{
    for (size_t i = 0; i < v->f->n_pods; i++) {
        const gw_pod *p = &v->f->pods[i];
        const gw_pod_rules *r = p->rules != GW_NONE ? &v->f->rules[p->rules] : NULL;
        for (uint32_t k = 0; r && !has_ended(p) && k < r->n_claims; k++) {
            uint32_t c = claim_of(v->f, p->ns, r->claims[k]);
            if (c != GW_NONE)
                v->users[c]++;
        }
    }
}

static void hold(gw_pod_rules *r, const char *why)
{
    if (!r->stays)
        r->stays = why;
}

/* What one claim means: the volume's nodes, or that the pod stays. */
static void take_claim(const resolver *v, const char *ns, const char *name, gw_pod_rules *r,
                       gw_match_alternatives *volumes)
{
    const gw_fleet *f = v->f;
    uint32_t c = claim_of(f, ns, name);
    if (!f->claims_known || c == GW_NONE) {
        hold(r, "one of its PersistentVolumeClaims could not be read");
        return;
    }
    if (!f->claims[c].volume) {
        hold(r, "one of its PersistentVolumeClaims is not bound to a volume yet");
        return;
    }
    uint32_t at = gw_map_get(&f->by_volume, gw_str_of(f->claims[c].volume));
    if (!f->volumes_known || at == GW_NONE) {
        hold(r, "one of its PersistentVolumes could not be read");
        return;
    }
    const gw_volume *volume = &f->volumes[at];
    if (volume->local)
        hold(r, "one of its PersistentVolumes is on the disk of its node");
    if (!volume->shared && v->users[c] > 1)
        hold(r, "another pod mounts one of its PersistentVolumes, which only one node may");
    if (!volume->anywhere)
        volumes[r->n_volumes++] = volume->nodes;
}

static int take_claims(resolver *v, const gw_pod *p, gw_pod_rules *r)
{
    gw_match_alternatives *volumes =
        GW_NEW_ARRAY(&v->scratch, gw_match_alternatives, (size_t)r->n_volumes + r->n_claims);
    if (!volumes)
        return gw_fail_memory(v->e);
    if (r->n_volumes)
        memcpy(volumes, r->volumes, r->n_volumes * sizeof(*volumes));
    r->volumes = volumes;
    for (uint32_t i = 0; i < r->n_claims; i++)
        take_claim(v, p->ns, r->claims[i], r, volumes);
    r->claims = NULL;
    r->n_claims = 0;
    return 0;
}

/* ---- namespaces ---- */

/* The term's namespaces and those that the selector matches. */
static int widen(resolver *v, const gw_ns_term *s, gw_pod_term *t)
{
    const gw_fleet *f = v->f;
    const char **all = GW_NEW_ARRAY(&v->scratch, const char *, t->n_namespaces + f->n_ns);
    if (!all)
        return gw_fail_memory(v->e);
    uint32_t n = t->n_namespaces;
    if (n)
        memcpy(all, t->namespaces, n * sizeof(*all));
    for (size_t i = 0; i < f->n_ns; i++) {
        bool in = !gw_match_labels(&s->selector, &f->ns_labels[i], f->ns_names[i]);
        for (uint32_t k = 0; k < t->n_namespaces && !in; k++)
            in = gw_eq(t->namespaces[k], f->ns_names[i]);
        if (!in)
            all[n++] = f->ns_names[i];
    }
    t->namespaces = all;
    t->n_namespaces = n;
    return 0;
}

static int copy_terms(resolver *v, const gw_pod_term **terms, uint32_t n)
{
    gw_pod_term *copy = GW_NEW_ARRAY(&v->scratch, gw_pod_term, n);
    if (!copy)
        return gw_fail_memory(v->e);
    if (n)
        memcpy(copy, *terms, n * sizeof(*copy));
    *terms = copy;
    return 0;
}

/*
 * Where the namespaces' labels are not known, a pod may keep off pods of any of them, and stays. The term
 * then speaks of all namespaces, so that others keep off it too.
 */
static int take_namespaces(resolver *v, gw_pod_rules *r)
{
    int rc = copy_terms(v, &r->affinity, r->n_affinity);
    if (rc == 0)
        rc = copy_terms(v, &r->anti_affinity, r->n_anti_affinity);
    if (!v->f->namespaces_known)
        hold(r, "its pod affinity selects namespaces by labels that could not be read");
    for (uint32_t i = 0; i < r->n_ns_terms && rc == 0; i++) {
        const gw_ns_term *s = &r->ns_terms[i];
        gw_pod_term *t =
            (gw_pod_term *)(uintptr_t)(s->anti ? &r->anti_affinity[s->term] : &r->affinity[s->term]);
        if (v->f->namespaces_known)
            rc = widen(v, s, t);
        else
            t->all_namespaces = true;
    }
    r->ns_terms = NULL;
    r->n_ns_terms = 0;
    return rc;
}

static int resolve_pod(resolver *v, gw_pod *p)
{
    if (p->rules == GW_NONE)
        return 0;
    gw_pod_rules r = v->f->rules[p->rules];
    if (r.n_claims == 0 && r.n_ns_terms == 0)
        return 0;
    int rc = r.n_claims ? take_claims(v, p, &r) : 0;
    if (rc == 0 && r.n_ns_terms)
        rc = take_namespaces(v, &r);
    if (rc)
        return rc;
    gw_error own = {0};
    uint32_t at = gw_fleet_rules(v->f, &r, &own);
    gw_arena_reset(&v->scratch);
    if (at == GW_NONE)
        return gw_fail(v->e, own.code, "%s", own.message);
    p->rules = at;
    return 0;
}

int gw_fleet_resolve_rules(gw_fleet *f, gw_error *e)
{
    resolver v = {.f = f, .e = e, .users = gw_calloc(f->n_claims + 1, sizeof(*v.users))};
    gw_arena_init(&v.scratch, 0);
    int rc = v.users ? 0 : gw_fail_memory(e);
    if (rc == 0)
        count_users(&v);
    for (size_t i = 0; i < f->n_pods && rc == 0; i++)
        rc = resolve_pod(&v, &f->pods[i]);
    gw_arena_free(&v.scratch);
    gw_free(v.users);
    return rc;
}
