#include "interpret/interpret.h"

#include "interpret/judge.h"

/* In the order of docs/guide/findings.md. */
#define RULES(X)                                                                                             \
    X(GW_RULE_IDLE_GPU, gw_rule_idle_gpu)                                                                    \
    X(GW_RULE_NEVER_USED, gw_rule_never_used)                                                                \
    X(GW_RULE_MEMORY_RESERVED, gw_rule_memory_reserved)                                                      \
    X(GW_RULE_MEMORY_BOUND, gw_rule_memory_bound)                                                            \
    X(GW_RULE_SMALL_MODEL, gw_rule_small_model)                                                              \
    X(GW_RULE_PEAK_HIDES, gw_rule_peak_hides)                                                                \
    X(GW_RULE_NAMESPACE_LOW, gw_rule_namespace_low)                                                          \
    X(GW_RULE_OVER_CPU, gw_rule_over_cpu)                                                                    \
    X(GW_RULE_OVER_MEMORY, gw_rule_over_memory)                                                              \
    X(GW_RULE_FRAGMENTED, gw_rule_fragmented)                                                                \
    X(GW_RULE_GPU_ERRORS, gw_rule_gpu_errors)                                                                \
    X(GW_RULE_MISSING_LABELS, gw_rule_missing_labels)                                                        \
    X(GW_RULE_UNOBSERVED, gw_rule_unobserved)                                                                \
    X(GW_RULE_UNKNOWN_PRICE, gw_rule_unknown_price)

#define NAME_OF(name, judge)  name,
#define JUDGE_OF(name, judge) judge,

static const gw_rule JUDGES[] = {RULES(JUDGE_OF)};

const char *const *gw_rule_names(void)
{
    static const char *const names[] = {RULES(NAME_OF) NULL};
    return names;
}

void gw_thresholds_defaults(gw_thresholds *t)
{
    *t = (gw_thresholds){
        .min_coverage = 0.50,
        .min_known_ms = GW_HOUR_MS,
        .namespace_low = 0.25,
        .idle_share = 0.50,
        .never_used_compute = 0.01,
        .never_used_min_ms = GW_HOUR_MS,
        .never_used_copy = 0.05,
        .reserved_memory = 0.50,
        .reserved_compute = 0.25,
        .reserved_share = 0.50,
        .peak_high = 0.80,
        .peak_mean_low = 0.25,
        .over_request = 2.0,
        .request_margin = 1.15,
        .cpu_floor_milli = 25,
        .memory_floor_mib = 250,
        .cpu_excess_milli = 1000,
        .memory_excess_mib = 1024,
        .small_model_memory = 0.25,
        .small_model_gpu_mib = 40000,
        .small_model_compute = 0.50,
        .memory_bound_share = 0.50,
        .median_min_pods = 3,
        .required_owner = 1u << GW_OWNER_TEAM,
        .required_model = 1u << GW_OWNER_MODEL,
        .severity_high = 10000 * GW_USD,
        .severity_medium = 1000 * GW_USD,
        .severity_low = 100 * GW_USD,
    };
}

int gw_interpret(const gw_judge_input *in, gw_findings *ret, gw_error *e)
{
    gw_judge j;
    size_t before = ret->n;
    int rc = gw_judge_open(&j, in, ret, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < GW_COUNT(JUDGES) && !rc; i++)
        rc = JUDGES[i](&j);
    gw_judge_close(&j);
    if (rc)
        ret->n = before;
    else
        gw_findings_sort(ret);
    return rc;
}
