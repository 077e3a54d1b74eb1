/*
 * What kind of work a pod does. Whoever labelled it knows best; a controller made for one purpose comes next;
 * names of serving software or notebooks third; the telemetry last, and only where enough of it is known.
 * docs/guide/findings.md has the tables.
 */
#include <ctype.h>
#include <strings.h>

#include "base/buf.h"
#include "interpret/interpret.h"

/* Behaviour. Shares of the known time. */
#define SUSTAINED_MEAN   0.60 /* mean compute of work that keeps its GPU busy */
#define SUSTAINED_ACTIVE 0.80 /* windows with any compute */
#define BURST_RATIO      3.0  /* largest sample over the mean */
#define BURST_PEAK       0.20 /* a burst is not noise */
#define RESIDENT_MEMORY  0.20 /* mean memory of a model that stays loaded ... */
#define RESIDENT_STEADY  0.70 /* ... and mean over peak */
#define KNOWN_MIN_MS     GW_HOUR_MS
#define COVERAGE_MIN     0.50

#define KEY_MAX 4096 /* of namespace, kind and name */

/* What a kind of controller says. */
typedef enum nature {
    NATURE_UNKNOWN,
    NATURE_STAYS, /* restarts its pods for ever */
    NATURE_ENDS,  /* runs to completion: batch or training */
    NATURE_CLASS, /* made for one class of work */
} nature;

typedef struct controller_kind {
    const char *name;
    nature nature;
    gw_workload_class class;
} controller_kind;

static const controller_kind KINDS[] = {
    {"Notebook", NATURE_CLASS, GW_CLASS_NOTEBOOK},
    {"PyTorchJob", NATURE_CLASS, GW_CLASS_TRAINING},
    {"TFJob", NATURE_CLASS, GW_CLASS_TRAINING},
    {"MPIJob", NATURE_CLASS, GW_CLASS_TRAINING},
    {"XGBoostJob", NATURE_CLASS, GW_CLASS_TRAINING},
    {"PaddleJob", NATURE_CLASS, GW_CLASS_TRAINING},
    {"JAXJob", NATURE_CLASS, GW_CLASS_TRAINING},
    {"MXJob", NATURE_CLASS, GW_CLASS_TRAINING},
    {"TrainJob", NATURE_CLASS, GW_CLASS_TRAINING},
    {"InferenceService", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"LLMInferenceService", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"InferenceGraph", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"SeldonDeployment", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"RayService", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"LeaderWorkerSet", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"NIMService", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"BentoDeployment", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"DynamoGraphDeployment", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"Revision", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"CronJob", NATURE_CLASS, GW_CLASS_BATCH},
    {"CronWorkflow", NATURE_CLASS, GW_CLASS_BATCH},
    {"SparkApplication", NATURE_CLASS, GW_CLASS_BATCH},
    {"ScheduledSparkApplication", NATURE_CLASS, GW_CLASS_BATCH},
    {"Job", NATURE_ENDS, GW_CLASS_BATCH},
    {"JobSet", NATURE_ENDS, GW_CLASS_BATCH},
    {"RayJob", NATURE_ENDS, GW_CLASS_BATCH},
    {"Workflow", NATURE_ENDS, GW_CLASS_BATCH},
    {"Deployment", NATURE_STAYS, GW_CLASS_UNKNOWN},
    {"StatefulSet", NATURE_STAYS, GW_CLASS_UNKNOWN},
    {"DaemonSet", NATURE_STAYS, GW_CLASS_UNKNOWN},
    {"ReplicaSet", NATURE_STAYS, GW_CLASS_UNKNOWN},
    {"ReplicationController", NATURE_STAYS, GW_CLASS_UNKNOWN},
    {"Rollout", NATURE_STAYS, GW_CLASS_UNKNOWN},
    {"CloneSet", NATURE_STAYS, GW_CLASS_UNKNOWN},
};

/* Labels that operators set. value NULL: any. */
static const struct {
    const char *name, *value;
    nature nature;
    gw_workload_class class;
} LABELS[] = {
    {"hub.jupyter.org/username", NULL, NATURE_CLASS, GW_CLASS_NOTEBOOK},
    {"hub.jupyter.org/servername", NULL, NATURE_CLASS, GW_CLASS_NOTEBOOK},
    {"component", "singleuser-server", NATURE_CLASS, GW_CLASS_NOTEBOOK},
    {"app.kubernetes.io/component", "singleuser-server", NATURE_CLASS, GW_CLASS_NOTEBOOK},
    {"notebook-name", NULL, NATURE_CLASS, GW_CLASS_NOTEBOOK},
    {"training.kubeflow.org/job-name", NULL, NATURE_CLASS, GW_CLASS_TRAINING},
    {"training.kubeflow.org/replica-type", NULL, NATURE_CLASS, GW_CLASS_TRAINING},
    {"pytorch-job-name", NULL, NATURE_CLASS, GW_CLASS_TRAINING},
    {"tf-job-name", NULL, NATURE_CLASS, GW_CLASS_TRAINING},
    {"mpi-job-name", NULL, NATURE_CLASS, GW_CLASS_TRAINING},
    {"serving.kserve.io/inferenceservice", NULL, NATURE_CLASS, GW_CLASS_INFERENCE},
    {"serving.kubeflow.org/inferenceservice", NULL, NATURE_CLASS, GW_CLASS_INFERENCE},
    {"serving.knative.dev/service", NULL, NATURE_CLASS, GW_CLASS_INFERENCE},
    {"seldon-deployment-id", NULL, NATURE_CLASS, GW_CLASS_INFERENCE},
    {"llm-d.ai/inference-serving", "true", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"llm-d.ai/inferenceServing", "true", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"leaderworkerset.sigs.k8s.io/name", NULL, NATURE_CLASS, GW_CLASS_INFERENCE},
    {"ray.io/originated-from-crd", "RayService", NATURE_CLASS, GW_CLASS_INFERENCE},
    {"ray.io/originated-from-crd", "RayJob", NATURE_ENDS, GW_CLASS_BATCH},
    {"spark-role", NULL, NATURE_CLASS, GW_CLASS_BATCH},
    {"workflows.argoproj.io/workflow", NULL, NATURE_ENDS, GW_CLASS_BATCH},
};

/* Parts of what a workload-type label may say; the first that occurs decides, so "batch-inference" is batch.
 */
static const struct {
    const char *part;
    gw_workload_class class;
} WORDS[] = {
    {"notebook", GW_CLASS_NOTEBOOK}, {"jupyter", GW_CLASS_NOTEBOOK},   {"interactive", GW_CLASS_NOTEBOOK},
    {"batch", GW_CLASS_BATCH},       {"offline", GW_CLASS_BATCH},      {"etl", GW_CLASS_BATCH},
    {"train", GW_CLASS_TRAINING},    {"tuning", GW_CLASS_TRAINING},    {"finetune", GW_CLASS_TRAINING},
    {"infer", GW_CLASS_INFERENCE},   {"serv", GW_CLASS_INFERENCE},     {"predict", GW_CLASS_INFERENCE},
    {"online", GW_CLASS_INFERENCE},  {"realtime", GW_CLASS_INFERENCE}, {"real-time", GW_CLASS_INFERENCE},
};

/* Whole words of names: of serving software and of notebooks. */
static const char *const SERVING[] = {"vllm", "sglang",    "tgi",     "tei",   "triton",    "ollama",
                                      "nim",  "inference", "serving", "serve", "predictor", NULL};
static const char *const NOTEBOOKS[] = {"notebook", "notebooks", "jupyter", "jupyterlab", "jupyterhub", NULL};

/* What the telemetry of a workload comes to, over all that its pods held: its pods are of one class. */
typedef struct behaviour {
    double allocated, known, used, peak;
    double memory_integral, memory_known, memory_peak;
    double active_windows, known_windows;
    int64_t first_ms, end_ms;
    uint32_t n_holds;
    uint32_t n_units; /* of the pod that held most */
} behaviour;

typedef struct verdict {
    gw_workload_class class;
    const char *reason; /* NULL: no verdict yet */
} verdict;

typedef struct sorter {
    const gw_fleet *fleet;
    const gw_ownership *ownership;
    const gw_pod *pod;
    uint32_t at; /* the pod's index */
    const behaviour *b;
    bool facts_only; /* behaviour is not asked */
    gw_arena *arena;
    nature nature;
    const char *controller; /* that the nature is from: "Job", or a label's name */
} sorter;

#define VERDICT(s, class, ...) ((verdict){(class), gw_arena_printf((s)->arena, __VA_ARGS__)})

static bool contains(const char *text, const char *part)
{
    return strcasestr(text, part) != NULL;
}

/* True when one of the words stands in the name between bytes that are not letters or digits. */
static bool has_word(const char *name, const char *const *words)
{
    for (; *words; words++) {
        size_t n = strlen(*words);
        for (const char *p = name; (p = strcasestr(p, *words)); p++) {
            bool starts = p == name || !isalnum((unsigned char)p[-1]);
            if (starts && !isalnum((unsigned char)p[n]))
                return true;
        }
    }
    return false;
}

static const gw_labels *labels_of_owner(const sorter *s, const char *kind, const char *name)
{
    if (!kind || !name)
        return NULL;
    uint32_t i = gw_fleet_find_owner(s->fleet, gw_str_of(s->pod->ns), gw_str_of(kind), gw_str_of(name));
    return i == GW_NONE ? NULL : &s->fleet->owners[i].labels;
}

/* The label's value on the pod, its controller or its workload; NULL. */
static const char *label_of(const sorter *s, const char *name)
{
    const gw_labels *all[] = {&s->pod->labels, labels_of_owner(s, s->pod->owner_kind, s->pod->owner_name),
                              labels_of_owner(s, s->pod->workload_kind, s->pod->workload_name)};
    for (size_t i = 0; i < GW_COUNT(all); i++) {
        const char *v = all[i] ? gw_labels_get(all[i], name) : NULL;
        if (v)
            return v;
    }
    return NULL;
}

static verdict by_ownership(const sorter *s)
{
    const char *type = gw_owner_of(s->fleet, s->ownership, s->at, GW_OWNER_WORKLOAD_TYPE);
    for (size_t i = 0; type && i < GW_COUNT(WORDS); i++) {
        if (contains(type, WORDS[i].part))
            return VERDICT(s, WORDS[i].class, "Its workload-type label says \"%s\".", type);
    }
    return (verdict){0};
}

static verdict by_labels(sorter *s)
{
    for (size_t i = 0; i < GW_COUNT(LABELS); i++) {
        const char *v = label_of(s, LABELS[i].name);
        if (!v || (LABELS[i].value && strcmp(v, LABELS[i].value) != 0))
            continue;
        if (LABELS[i].nature == NATURE_CLASS)
            return VERDICT(s, LABELS[i].class, "It carries the label %s=%s.", LABELS[i].name, v);
        s->nature = LABELS[i].nature;
        s->controller = LABELS[i].value ? LABELS[i].value : "workflow";
    }
    return (verdict){0};
}

/* The nearest controller that is made for one class decides; else one that ends or stays is remembered. */
static verdict by_controller(sorter *s)
{
    const char *chain[] = {s->pod->owner_kind, s->pod->workload_kind};
    for (size_t c = 0; c < GW_COUNT(chain); c++) {
        for (size_t i = 0; chain[c] && i < GW_COUNT(KINDS); i++) {
            const controller_kind *k = &KINDS[i];
            if (strcmp(chain[c], k->name) != 0)
                continue;
            if (k->nature == NATURE_CLASS)
                return VERDICT(s, k->class, "Its controller is a %s.", k->name);
            if (s->nature == NATURE_UNKNOWN) {
                s->nature = k->nature;
                s->controller = k->name;
            }
        }
    }
    return (verdict){0};
}

/* "train" says as much on a Deployment as on a bare pod: little. Names are read where they are customary. */
static verdict by_name(const sorter *s)
{
    const char *names[] = {s->pod->workload_name, label_of(s, "app.kubernetes.io/name"), label_of(s, "app"),
                           label_of(s, "app.kubernetes.io/component"), s->pod->name};
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        if (!names[i] || s->nature == NATURE_ENDS)
            continue;
        if (has_word(names[i], NOTEBOOKS))
            return VERDICT(s, GW_CLASS_NOTEBOOK, "It is named \"%s\".", names[i]);
        if (s->nature == NATURE_STAYS && has_word(names[i], SERVING))
            return VERDICT(s, GW_CLASS_INFERENCE, "It is a %s named \"%s\".", s->controller, names[i]);
    }
    return (verdict){0};
}

static bool behaviour_known(const behaviour *b)
{
    int64_t wall_ms = b->end_ms - b->first_ms;
    return b->allocated > 0 && b->known >= COVERAGE_MIN * b->allocated && wall_ms >= KNOWN_MIN_MS &&
           b->known_windows > 0;
}

static bool is_sustained(const behaviour *b)
{
    return b->used >= SUSTAINED_MEAN * b->known && b->active_windows >= SUSTAINED_ACTIVE * b->known_windows;
}

static bool is_resident(const behaviour *b)
{
    if (b->memory_known < COVERAGE_MIN * b->allocated || b->memory_peak < 0)
        return false;
    double mean = b->memory_integral / b->memory_known;
    return mean >= RESIDENT_MEMORY && mean >= RESIDENT_STEADY * b->memory_peak;
}

static bool is_bursty(const behaviour *b)
{
    return b->peak >= BURST_PEAK && b->peak * b->known >= BURST_RATIO * b->used;
}

static verdict by_behaviour(const sorter *s)
{
    const behaviour *b = s->b;
    bool known = behaviour_known(b), sustained = known && is_sustained(b);
    bool ended = s->pod->phase == GW_PHASE_SUCCEEDED || s->pod->phase == GW_PHASE_FAILED;
    double mean = known ? 100 * b->used / b->known : -1;
    if (sustained && b->n_units >= 2 && s->nature != NATURE_STAYS)
        return VERDICT(s, GW_CLASS_TRAINING, "It keeps %" PRIu32 " GPUs busy (%.0f %% on average)%s%s.",
                       b->n_units, mean, s->controller ? " and is run by a " : "",
                       s->controller ? s->controller : "");
    if (s->nature == NATURE_ENDS)
        return VERDICT(s, GW_CLASS_BATCH, "It is run by a %s, which ends, and does not look like training.",
                       s->controller);
    if (!known)
        return VERDICT(s, GW_CLASS_UNKNOWN, "No label says, and too little of its use is known.");
    if (sustained && ended)
        return VERDICT(s, GW_CLASS_BATCH, "It kept one GPU busy (%.0f %% on average) and ended.", mean);
    if (s->nature == NATURE_STAYS && is_resident(b) && is_bursty(b))
        return VERDICT(
            s, GW_CLASS_INFERENCE,
            "It is a %s that keeps memory reserved and computes in bursts (%.0f %% on average, %.0f %% at "
            "most).",
            s->controller, mean, 100 * b->peak);
    return VERDICT(s, GW_CLASS_UNKNOWN, "No label says, and its use (%.0f %% on average) fits no class.",
                   mean);
}

static verdict classify(sorter *s)
{
    verdict (*const asks[])(sorter *) = {by_labels, by_controller};
    verdict v = by_ownership(s);
    for (size_t i = 0; v.class == GW_CLASS_UNKNOWN && i < GW_COUNT(asks); i++)
        v = asks[i](s);
    if (v.class == GW_CLASS_UNKNOWN)
        v = by_name(s);
    if (v.class != GW_CLASS_UNKNOWN)
        return v;
    return s->facts_only ? VERDICT(s, GW_CLASS_UNKNOWN, "No label, controller or name says.")
                         : by_behaviour(s);
}

static void take_hold(behaviour *b, const gw_stats *s)
{
    if (b->n_holds++ == 0)
        b->peak = b->memory_peak = -1;
    b->allocated += s->allocated;
    b->known += s->known;
    b->used += s->used;
    b->peak = GW_MAX(b->peak, s->compute.peak);
    b->memory_integral += s->memory.integral;
    b->memory_known += s->memory.known;
    b->memory_peak = GW_MAX(b->memory_peak, s->memory.peak);
    b->active_windows += s->active_windows;
    b->known_windows += s->known_windows;
    gw_interval seen = {b->first_ms, b->end_ms};
    if (s->end_ms > s->first_ms)
        gw_interval_cover(&seen, s->first_ms, s->end_ms);
    b->first_ms = seen.start_ms;
    b->end_ms = seen.end_ms;
}

/* Where each pod's behaviour is gathered: pods of one controller share one. */
typedef struct crowd {
    gw_map by_name;
    uint32_t *of_pod; /* index into all; GW_NONE: the pod holds nothing */
    uint32_t *units;  /* that the pod held */
    behaviour *all;
    uint32_t n;
} crowd;

static int join(crowd *c, const gw_pod *p, uint32_t pod)
{
    const char *kind = p->workload_kind ? p->workload_kind : p->owner_kind;
    const char *name = p->workload_name ? p->workload_name : p->owner_name;
    gw_buf key;
    gw_buf_init(&key, KEY_MAX);
    gw_buf_add(&key, p->ns, strlen(p->ns) + 1);
    gw_buf_add(&key, kind && name ? kind : "", kind && name ? strlen(kind) + 1 : 1);
    gw_buf_puts(&key, kind && name ? name : p->name);
    gw_str k = {key.data, key.len};
    int rc = key.failed;
    if (!rc && (c->of_pod[pod] = gw_map_get(&c->by_name, k)) == GW_NONE) {
        rc = gw_map_set(&c->by_name, k, c->n);
        c->of_pod[pod] = c->n++;
    }
    gw_buf_free(&key);
    return rc;
}

static int gather(crowd *c, const gw_fleet *f, const gw_usage *u)
{
    for (size_t i = 0; i < u->n_holds; i++) {
        uint32_t pod = u->holds[i].pod;
        if (pod >= f->n_pods)
            continue;
        if (c->units[pod]++ == 0) {
            int rc = join(c, &f->pods[pod], pod);
            if (rc)
                return rc;
        }
        behaviour *b = &c->all[c->of_pod[pod]];
        take_hold(b, &u->holds[i].stats);
        b->n_units = GW_MAX(b->n_units, c->units[pod]);
    }
    return 0;
}

static int crowd_open(crowd *c, const gw_fleet *f, const gw_usage *u, gw_error *e)
{
    *c = (crowd){0};
    gw_map_init(&c->by_name);
    c->of_pod = gw_calloc(f->n_pods + 1, sizeof(*c->of_pod));
    c->units = gw_calloc(f->n_pods + 1, sizeof(*c->units));
    c->all = gw_calloc(f->n_pods + 1, sizeof(*c->all));
    int rc = c->of_pod && c->units && c->all ? gather(c, f, u) : GW_ENOMEM;
    return rc == GW_ELIMIT
               ? gw_fail(e, rc, "a pod's namespace, controller and name are longer than %d bytes", KEY_MAX)
           : rc ? gw_fail_memory(e)
                : 0;
}

static void crowd_close(crowd *c)
{
    gw_map_free(&c->by_name);
    gw_free(c->of_pod);
    gw_free(c->units);
    gw_free(c->all);
}

/* Classes and reasons of the pods that held anything, in the arena. */
static int classify_all(const gw_fleet *f, const gw_usage *u, const gw_ownership *o, gw_arena *arena,
                        bool facts_only, gw_workload_class **ret_class, const char ***ret_reason, gw_error *e)
{
    crowd c;
    gw_workload_class *class = GW_NEW_ARRAY(arena, gw_workload_class, f->n_pods + 1);
    const char **reason = GW_NEW_ARRAY(arena, const char *, f->n_pods + 1);
    int rc = crowd_open(&c, f, u, e);
    if (!rc && (!class || !reason))
        rc = gw_fail_memory(e);
    for (uint32_t i = 0; !rc && i < f->n_pods; i++) {
        if (c.units[i] == 0)
            continue;
        sorter s = {.fleet = f,
                    .ownership = o,
                    .pod = &f->pods[i],
                    .at = i,
                    .b = &c.all[c.of_pod[i]],
                    .facts_only = facts_only,
                    .arena = arena};
        verdict v = classify(&s);
        if (!v.reason)
            rc = gw_fail_memory(e);
        class[i] = v.class;
        reason[i] = v.reason;
    }
    crowd_close(&c);
    if (rc)
        return rc;
    *ret_class = class;
    *ret_reason = reason;
    return 0;
}

int gw_classify(const gw_fleet *f, const gw_usage *u, const gw_ownership *o, gw_arena *arena,
                gw_workload_class **ret_class, const char ***ret_reason, gw_error *e)
{
    return classify_all(f, u, o, arena, false, ret_class, ret_reason, e);
}

int gw_classify_by_facts(const gw_fleet *f, const gw_usage *u, const gw_ownership *o, gw_arena *arena,
                         gw_workload_class **ret_class, gw_error *e)
{
    const char **reasons;
    return classify_all(f, u, o, arena, true, ret_class, &reasons, e);
}
