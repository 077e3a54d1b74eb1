/*
 * The cluster, and the scores it keeps. A score hangs on the kind of pod and on one node, so it is worked out
 * once and again only when that node has changed: every change is noted in a ring, and a kind of pod catches
 * up with the ring when its next pod comes. After that the choice is a walk over an array of numbers.
 */
#include "allocate/pack.h"

#include "allocate/pack_policy.h"
#include "base/map.h"
#include "base/mem.h"

#define NO_FIT INT32_MIN
#define NEVER  UINT64_MAX

/* The scores of one kind of pod. */
typedef struct kind {
    int32_t *score;     /* of each node; NO_FIT */
    uint32_t *seen;     /* the version of the node that the score is of; 0: none */
    uint16_t *gpus;     /* what the pod would take there */
    uint64_t caught_up; /* changes that it has seen; NEVER: it looks at each node */
} kind;

struct gw_pack {
    const gw_pack_policy *policy;
    void *state;
    gw_pack_mix mix;
    gw_pack_node *nodes, *born;
    uint32_t *version; /* from 1 */
    size_t n;
    uint32_t *ring; /* the nodes of the last n changes */
    uint64_t changes;
    gw_map index; /* pod to kinds */
    kind *kinds;
    size_t n_kinds, cap_kinds, max_kinds;
    kind spare; /* of pods beyond max_kinds */
};

/* ---- checks ---- */

static const char *pod_fault(const gw_pack_pod *p)
{
    if (p->cpu_milli < 0 || p->cpu_milli > GW_PACK_CPU_MAX)
        return "its CPU is out of range";
    if (p->memory_mib < 0 || p->memory_mib > GW_PACK_MEMORY_MAX)
        return "its memory is out of range";
    if (p->gpus < 0 || p->gpus > GW_PACK_GPUS_MAX)
        return "its number of GPUs is out of range";
    if (p->gpus == 0)
        return p->gpu_milli == 0 ? NULL : "it asks for a part of no GPU";
    if (p->gpu_milli < 1 || p->gpu_milli > GW_PACK_GPU_MILLI)
        return "its GPU milli are not 1..1000";
    if (p->gpus > 1 && p->gpu_milli < GW_PACK_GPU_MILLI)
        return "it asks for parts of several GPUs";
    return NULL;
}

static int check_nodes(const gw_pack_node *nodes, size_t n, gw_error *e)
{
    if (n == 0)
        return gw_fail(e, GW_EUSAGE, "there are no nodes to place pods on");
    if (n > GW_PACK_NODES_MAX)
        return gw_fail(e, GW_ELIMIT, "%zu nodes; at most %zu can be packed", n, GW_PACK_NODES_MAX);
    for (size_t i = 0; i < n; i++) {
        const gw_pack_node *c = &nodes[i];
        const char *fault = c->cpu_milli < 0 || c->cpu_milli > GW_PACK_CPU_MAX        ? "its CPU"
                            : c->memory_mib < 0 || c->memory_mib > GW_PACK_MEMORY_MAX ? "its memory"
                            : c->gpus < 0 || c->gpus > GW_PACK_GPUS_MAX               ? "its number of GPUs"
                            : c->model < 0 || c->model >= GW_PACK_MODELS_MAX          ? "its GPU model"
                                                                                      : NULL;
        if (fault)
            return gw_fail(e, GW_EUSAGE, "node %zu cannot be packed: %s is out of range", i, fault);
    }
    return 0;
}

static int check_mix(const gw_pack_mix *mix, gw_error *e)
{
    if (mix->n > GW_PACK_MIX_MAX)
        return gw_fail(e, GW_ELIMIT, "a typical mix of %zu kinds; at most %d", mix->n, GW_PACK_MIX_MAX);
    for (size_t i = 0; i < mix->n; i++) {
        const gw_pack_typical *m = &mix->kinds[i];
        const gw_pack_pod pod = {m->cpu_milli, 0, m->gpus, m->gpu_milli, m->models};
        const char *fault = pod_fault(&pod);
        if (!fault && !(m->share >= 0 && m->share <= 1))
            fault = "its share is not 0..1";
        if (fault)
            return gw_fail(e, GW_EUSAGE, "kind %zu of the typical mix: %s", i, fault);
    }
    return 0;
}

/* ---- birth and death ---- */

static void kind_free(kind *k)
{
    gw_free(k->score);
    gw_free(k->seen);
    gw_free(k->gpus);
    *k = (kind){0};
}

static int kind_init(kind *k, size_t n, gw_error *e)
{
    *k = (kind){.score = gw_calloc(n, sizeof(*k->score)),
                .seen = gw_calloc(n, sizeof(*k->seen)),
                .gpus = gw_calloc(n, sizeof(*k->gpus)),
                .caught_up = NEVER};
    if (k->score && k->seen && k->gpus)
        return 0;
    kind_free(k);
    return gw_fail_memory(e);
}

static void node_init(gw_pack_node *n)
{
    int32_t gpus = n->gpus;
    *n = (gw_pack_node){
        .cpu_milli = n->cpu_milli, .memory_mib = n->memory_mib, .gpus = gpus, .model = n->model};
    for (int i = 0; i < gpus; i++)
        n->free_milli[i] = GW_PACK_GPU_MILLI;
    n->free_total = gpus * GW_PACK_GPU_MILLI;
}

/* Notes that the node is another than before. */
static void changed(gw_pack *p, size_t i)
{
    if (p->policy->prepare)
        p->policy->prepare(p->state, &p->nodes[i]);
    p->version[i]++;
    p->ring[p->changes++ % p->n] = (uint32_t)i;
}

static int fill(gw_pack *p, const gw_pack_node *nodes, gw_error *e)
{
    p->nodes = gw_calloc(p->n, sizeof(*p->nodes));
    p->born = gw_calloc(p->n, sizeof(*p->born));
    p->version = gw_calloc(p->n, sizeof(*p->version));
    p->ring = gw_calloc(p->n, sizeof(*p->ring));
    if (!p->nodes || !p->born || !p->version || !p->ring)
        return gw_fail_memory(e);
    if (p->policy->open) {
        int rc = p->policy->open(&p->mix, &p->state, e);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < p->n; i++) {
        p->nodes[i] = nodes[i];
        node_init(&p->nodes[i]);
        p->born[i] = p->nodes[i];
        changed(p, i);
    }
    gw_pack_limit_cache(p, GW_PACK_CACHE_BYTES_MAX);
    return kind_init(&p->spare, p->n, e);
}

int gw_pack_new(const gw_pack_policy *policy, const gw_pack_node *nodes, size_t n, const gw_pack_mix *mix,
                gw_pack **ret, gw_error *e)
{
    int rc = check_nodes(nodes, n, e);
    if (rc == 0)
        rc = check_mix(mix, e);
    if (rc)
        return rc;
    gw_pack *p = gw_calloc(1, sizeof(*p));
    if (!p)
        return gw_fail_memory(e);
    p->policy = policy;
    p->mix = *mix;
    p->n = n;
    gw_map_init(&p->index);
    rc = fill(p, nodes, e);
    if (rc) {
        gw_pack_free(p);
        return rc;
    }
    *ret = p;
    return 0;
}

void gw_pack_free(gw_pack *p)
{
    if (!p)
        return;
    if (p->policy->close && p->state)
        p->policy->close(p->state);
    for (size_t i = 0; i < p->n_kinds; i++)
        kind_free(&p->kinds[i]);
    kind_free(&p->spare);
    gw_free(p->kinds);
    gw_map_free(&p->index);
    gw_free(p->nodes);
    gw_free(p->born);
    gw_free(p->version);
    gw_free(p->ring);
    gw_free(p);
}

void gw_pack_limit_cache(gw_pack *p, size_t bytes)
{
    p->max_kinds =
        bytes / (p->n * (sizeof(*p->spare.score) + sizeof(*p->spare.seen) + sizeof(*p->spare.gpus)));
}

size_t gw_pack_size(const gw_pack *p)
{
    return p->n;
}

const gw_pack_node *gw_pack_node_at(const gw_pack *p, size_t i)
{
    return &p->nodes[i];
}

/* ---- choosing ---- */

bool gw_pack_fits(const gw_pack_node *n, const gw_pack_pod *pod)
{
    if (pod->cpu_milli > n->cpu_milli || pod->memory_mib > n->memory_mib)
        return false;
    if (pod->gpus == 0)
        return true;
    return (pod->models >> n->model & 1) && gw_pack_count(n, pod->gpu_milli) >= pod->gpus;
}

static void rescore(gw_pack *p, kind *k, const gw_pack_pod *pod, size_t i)
{
    const gw_pack_node *n = &p->nodes[i];
    if (k->seen[i] == p->version[i])
        return;
    k->seen[i] = p->version[i];
    k->score[i] = NO_FIT;
    if (!n->closed && gw_pack_fits(n, pod)) {
        uint32_t gpus = 0;
        k->score[i] = p->policy->score(p->state, n, pod, &gpus);
        k->gpus[i] = (uint16_t)gpus;
    }
}

static void catch_up(gw_pack *p, kind *k, const gw_pack_pod *pod)
{
    if (k->caught_up == NEVER || p->changes - k->caught_up >= p->n)
        for (size_t i = 0; i < p->n; i++)
            rescore(p, k, pod, i);
    else
        for (uint64_t c = k->caught_up; c < p->changes; c++)
            rescore(p, k, pod, p->ring[c % p->n]);
    k->caught_up = p->changes;
}

/* The scores of this kind of pod: its own, or the spare ones, forgotten, when there are too many kinds. */
static int kind_of(gw_pack *p, const gw_pack_pod *pod, kind **ret, gw_error *e)
{
    const int64_t key[] = {pod->cpu_milli, pod->memory_mib, pod->gpus, pod->gpu_milli, (int64_t)pod->models};
    const gw_str k = {(const char *)key, sizeof(key)};
    uint32_t at = gw_map_get(&p->index, k);
    if (at != GW_NONE) {
        *ret = &p->kinds[at];
        return 0;
    }
    if (p->n_kinds >= p->max_kinds) {
        memset(p->spare.seen, 0, p->n * sizeof(*p->spare.seen));
        p->spare.caught_up = NEVER;
        *ret = &p->spare;
        return 0;
    }
    kind fresh;
    if (gw_grow((void **)&p->kinds, &p->cap_kinds, p->n_kinds + 1, sizeof(*p->kinds), p->max_kinds))
        return gw_fail_memory(e);
    int rc = kind_init(&fresh, p->n, e);
    if (rc)
        return rc;
    if (gw_map_set(&p->index, k, (uint32_t)p->n_kinds)) {
        kind_free(&fresh);
        return gw_fail_memory(e);
    }
    p->kinds[p->n_kinds] = fresh;
    *ret = &p->kinds[p->n_kinds++];
    return 0;
}

int gw_pack_find(gw_pack *p, const gw_pack_pod *pod, gw_pack_place *ret, gw_error *e)
{
    const char *fault = pod_fault(pod);
    if (fault)
        return gw_fail(e, GW_EUSAGE, "the pod cannot be placed: %s", fault);
    kind *k = NULL;
    int rc = kind_of(p, pod, &k, e);
    if (rc)
        return rc;
    catch_up(p, k, pod);
    int32_t best = NO_FIT;
    size_t at = 0;
    for (size_t i = 0; i < p->n; i++)
        if (k->score[i] > best) {
            best = k->score[i];
            at = i;
        }
    if (best == NO_FIT)
        return 0;
    *ret = (gw_pack_place){(uint32_t)at, k->gpus[at]};
    return 1;
}

/* ---- placing ---- */

static void put(gw_pack *p, const gw_pack_pod *pod, gw_pack_place at)
{
    gw_pack_node *n = &p->nodes[at.node];
    gw_pack_subtract(n, pod, at.gpus);
    if (pod->gpus > 0)
        n->held[gw_pack_affinity(pod)]++;
    changed(p, at.node);
}

int gw_pack_place_pod(gw_pack *p, const gw_pack_pod *pod, gw_pack_place *ret, gw_error *e)
{
    int rc = gw_pack_find(p, pod, ret, e);
    if (rc == 1)
        put(p, pod, *ret);
    return rc;
}

/* What is wrong with naming these GPUs of that node for the pod, whether they are free or not. */
static const char *place_fault(const gw_pack *p, const gw_pack_pod *pod, gw_pack_place at)
{
    const char *fault = pod_fault(pod);
    if (fault)
        return fault;
    if (at.node >= p->n)
        return "there is no such node";
    if (at.gpus >> p->nodes[at.node].gpus)
        return "the node has not so many GPUs";
    if (__builtin_popcount(at.gpus) != pod->gpus)
        return "it names another number of GPUs than the pod asks";
    return NULL;
}

int gw_pack_put(gw_pack *p, const gw_pack_pod *pod, gw_pack_place at, gw_error *e)
{
    const char *fault = place_fault(p, pod, at);
    if (!fault) {
        const gw_pack_node *n = &p->nodes[at.node];
        if (!gw_pack_fits(n, pod))
            fault = "it does not fit the node";
        for (int i = 0; !fault && i < n->gpus; i++)
            if ((at.gpus >> i & 1) && n->free_milli[i] < pod->gpu_milli)
                fault = "a GPU it names has too little free";
    }
    if (fault)
        return gw_fail(e, GW_EUSAGE, "the pod cannot be put on node %" PRIu32 ": %s", at.node, fault);
    put(p, pod, at);
    return 0;
}

int gw_pack_remove(gw_pack *p, const gw_pack_pod *pod, gw_pack_place at, gw_error *e)
{
    const char *fault = place_fault(p, pod, at);
    if (!fault) {
        const gw_pack_node *n = &p->nodes[at.node], *b = &p->born[at.node];
        bool held = n->cpu_milli + pod->cpu_milli <= b->cpu_milli &&
                    n->memory_mib + pod->memory_mib <= b->memory_mib &&
                    (pod->gpus == 0 || n->held[gw_pack_affinity(pod)] > 0);
        for (int i = 0; i < n->gpus; i++)
            held &= !(at.gpus >> i & 1) || n->free_milli[i] + pod->gpu_milli <= GW_PACK_GPU_MILLI;
        fault = held ? NULL : "the node does not hold it";
    }
    if (fault)
        return gw_fail(e, GW_EUSAGE, "the pod cannot be taken off node %" PRIu32 ": %s", at.node, fault);
    gw_pack_node *n = &p->nodes[at.node];
    const gw_pack_pod back = {-pod->cpu_milli, -pod->memory_mib, pod->gpus, -pod->gpu_milli, pod->models};
    gw_pack_subtract(n, &back, at.gpus);
    if (pod->gpus > 0)
        n->held[gw_pack_affinity(pod)]--;
    changed(p, at.node);
    return 0;
}

void gw_pack_close(gw_pack *p, size_t node, bool closed)
{
    if (p->nodes[node].closed == closed)
        return;
    p->nodes[node].closed = closed;
    changed(p, node);
}
