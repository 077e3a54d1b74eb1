/*
 * What the rules share: the holds sorted by workload and pod, what each cost, selection of the parts of a
 * workload that a rule speaks of, and the wording of subjects and money. Private to interpret/.
 */
#ifndef GW_INTERPRET_JUDGE_H
#define GW_INTERPRET_JUDGE_H

#include "interpret/interpret.h"

typedef struct gw_judge_pod {
    uint32_t pod, workload;
    uint32_t first, n; /* its holds: judge->holds[first .. first + n) */
} gw_judge_pod;

/*
 * The pods of one controller that hold GPUs in the window; or one pod that has none. The notebooks of a
 * namespace are one workload: each user has a controller of their own, and all are run by the same policy.
 */
typedef struct gw_judge_workload {
    const char *ns, *kind, *name; /* of the first controller; kind NULL: a bare pod, and name is the pod's */
    uint32_t n_controllers;       /* more than one: notebooks */
    uint32_t first, n;            /* its pods: judge->pods[first .. first + n) */
} gw_judge_workload;

typedef struct gw_judge {
    const gw_judge_input *in;
    const gw_fleet *fleet;
    const gw_usage *usage;
    const gw_thresholds *t;
    gw_findings *out;
    gw_error *e;
    gw_arena arena; /* scratch of this run */
    gw_judge_workload *workloads;
    size_t n_workloads;
    gw_judge_pod *pods;
    size_t n_pods;
    uint32_t *holds;
    uint32_t *slot; /* of a fleet pod in pods[]; GW_NONE: holds nothing */
    /* leaves of a hold, of a unit that nobody holds: linked lists through leaf_next, GW_NONE ends */
    uint32_t *hold_leaf, *unit_leaf, *leaf_next;
    uint32_t *unit_mark, mark; /* units counted already, see gw_judge_mark */
} gw_judge;

/* On failure there is nothing to free. */
int gw_judge_open(gw_judge *j, const gw_judge_input *in, gw_findings *out, gw_error *e);
void gw_judge_close(gw_judge *j);

/* One rule: appends its findings. 0, GW_ENOMEM, GW_ELIMIT. */
typedef int (*gw_rule)(gw_judge *j);
int gw_rule_idle_gpu(gw_judge *j);
int gw_rule_never_used(gw_judge *j);
int gw_rule_memory_reserved(gw_judge *j);
int gw_rule_peak_hides(gw_judge *j);
int gw_rule_namespace_low(gw_judge *j);
int gw_rule_over_cpu(gw_judge *j);
int gw_rule_over_memory(gw_judge *j);
int gw_rule_missing_labels(gw_judge *j);
int gw_rule_gpu_errors(gw_judge *j);
int gw_rule_fragmented(gw_judge *j);
int gw_rule_small_model(gw_judge *j);
int gw_rule_memory_bound(gw_judge *j);
int gw_rule_unobserved(gw_judge *j);
int gw_rule_unknown_price(gw_judge *j);

/* What a rule's test looks at: one hold, or a pod with the merge of its holds. */
typedef struct gw_judge_part {
    uint32_t pod;
    uint32_t first, n;     /* judge->holds[first .. first + n) */
    const gw_stats *stats; /* of all of them */
    bool shared;           /* another pod held one of the units at the same time */
} gw_judge_part;

typedef bool (*gw_judge_test)(const gw_judge *j, const gw_judge_part *part);

/* The parts of a workload that passed a test, merged. */
typedef struct gw_judge_pick {
    const gw_judge_workload *workload;
    gw_stats stats;
    gw_cost cost;
    uint32_t n_pods, n_gpus; /* pods that passed; distinct GPUs or MIG slices they held */
    uint32_t n_others;       /* GPUs of those pods that did not pass, where holds are tested */
    uint32_t pod;            /* the first of them */
} gw_judge_pick;

typedef enum gw_judge_grain { GW_JUDGE_PODS, GW_JUDGE_HOLDS } gw_judge_grain;

/*
 * Puts each pod (or hold) of the workload to the test. n_pods is 0 where none passed. Free the pick in any
 * case but failure.
 */
int gw_judge_select(gw_judge *j, const gw_judge_workload *w, gw_judge_grain grain, gw_judge_test test,
                    gw_judge_pick *ret);
void gw_judge_pick_free(gw_judge_pick *p);

/* Selects from every workload in turn, and lets `tell` make a finding of each pick that is not empty. */
int gw_judge_each(gw_judge *j, gw_judge_grain grain, gw_judge_test test,
                  int (*tell)(gw_judge *j, const gw_judge_pick *p));

/* Shared tests. Never used: see rule_never_used.c; memory bound: see rule_memory_bound.c. */
bool gw_judge_never_used(const gw_judge *j, const gw_judge_part *part);
bool gw_judge_memory_bound(const gw_judge *j, const gw_judge_part *part);

/* Known share of the time; 0 where none was allocated. */
double gw_judge_coverage(const gw_stats *s);
/* Wall hours between the first and the last that was seen of it, within the window. */
double gw_judge_hours(const gw_judge *j, const gw_stats *s);
/* Enough of the compute signal is known to speak of behaviour. */
bool gw_judge_known(const gw_judge *j, const gw_stats *s);
/* ... and of another signal. */
bool gw_judge_quantity_known(const gw_judge *j, const gw_stats *s, const gw_quantity *q);
/* Mean compute of the known time; < 0 unknown. */
double gw_judge_mean(const gw_stats *s);

/* Starts to count distinct units afresh; gw_judge_mark is true the first time it sees a unit since. */
void gw_judge_unmark(gw_judge *j);
bool gw_judge_mark(gw_judge *j, uint32_t unit);

void gw_judge_add_hold_cost(const gw_judge *j, uint32_t hold, gw_cost *into);
void gw_judge_add_idle_cost(const gw_judge *j, uint32_t unit, gw_cost *into);
/* An amount of the window as a month's; unknown where it is unknown or not priced. */
gw_micro gw_judge_monthly(const gw_judge *j, gw_micro amount, bool known);

/* A new finding with cost, severity by cost, and confidence. */
int gw_judge_finding(gw_judge *j, const char *rule, gw_micro monthly, double confidence, gw_finding **ret);
void gw_judge_subject(gw_finding *f, const gw_judge_workload *w);
/* pods, podsOfWorkload, pod (where it is one), gpus, gpuHours, and unpricedGpuHours where there are any. */
void gw_judge_evidence(const gw_judge *j, gw_finding *f, const gw_judge_pick *p);
/* The finding's sentence. 0 or GW_ENOMEM. */
int gw_judge_say(gw_judge *j, gw_finding *f, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Text in the findings' arena; NULL only when memory is exhausted. */
char *gw_judge_text(gw_judge *j, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define GW_JUDGE_WHO_MAX 640 /* two Kubernetes names of 253 bytes, a kind and a count */
/* "Deployment ml/chat", "pod ml/probe", "notebook use in namespace lab". Returns out. */
const char *gw_judge_name(const gw_judge_workload *w, char out[GW_JUDGE_WHO_MAX]);
/* The same with "(2 of 5 pods)". Returns out. */
const char *gw_judge_who(const gw_judge_pick *p, char out[GW_JUDGE_WHO_MAX]);
#define GW_JUDGE_MONEY_MAX 96
/* "$1,234.57 a month", or "price unknown". Returns out. */
const char *gw_judge_money(gw_micro monthly, char out[GW_JUDGE_MONEY_MAX]);
/* The same of waste: "$1,234.57 a month held and not computed on", or "price unknown". Returns out. */
const char *gw_judge_waste(gw_micro monthly, char out[GW_JUDGE_MONEY_MAX]);
/* "s" unless n is 1. */
const char *gw_plural(double n);

static inline double gw_hours(double ms)
{
    return ms / (double)GW_HOUR_MS;
}

#endif
