#include "fleet/ledger.h"

#define OWNER_DEPTH_MAX 8 /* as gw_fleet_resolve_owners follows them */

const char *gw_owner_field_name(gw_owner_field f)
{
    static const char *const names[GW_N_OWNER_FIELDS] = {"team",       "project",      "environment",
                                                         "model",      "modelVersion", "workloadType",
                                                         "costCenter", "slaTier",      "optimizationLevel"};
    return (unsigned)f < GW_N_OWNER_FIELDS ? names[f] : NULL;
}

const char *gw_class_name(gw_workload_class c)
{
    static const char *const names[] = {
        [GW_CLASS_UNKNOWN] = "unknown", [GW_CLASS_INFERENCE] = "inference", [GW_CLASS_TRAINING] = "training",
        [GW_CLASS_BATCH] = "batch",     [GW_CLASS_NOTEBOOK] = "notebook",   [GW_CLASS_MIXED] = "mixed",
        [GW_CLASS_NONE] = NULL};
    return (unsigned)c < GW_COUNT(names) ? names[c] : NULL;
}

/*
 * Names are compared with every byte outside [A-Za-z0-9_] as '_', so "cost-center" stands for "cost_center"
 * too. The plain name comes first: whoever sets it means it for this purpose; then the vendors' spellings.
 * Names that commonly mean something else ("tier: backend", "version" of a chart) are left to a mapping of
 * the user's own.
 */
void gw_ownership_defaults(gw_ownership *o)
{
    static const gw_ownership defaults = {{
        [GW_OWNER_TEAM] = {"team", "app.kubernetes.io/team", "tags.datadoghq.com/team", "team-name",
                           "owning-team", "squad", "owner", "app.kubernetes.io/owner"},
        [GW_OWNER_PROJECT] = {"project", "app.kubernetes.io/part-of", "project-name", "project-id",
                              "tags.datadoghq.com/project"},
        [GW_OWNER_ENVIRONMENT] = {"environment", "env", "tags.datadoghq.com/env",
                                  "app.kubernetes.io/environment", "stage", "deployment-environment"},
        [GW_OWNER_MODEL] = {"model-name", "model", "app.kubernetes.io/model", "ai.model/name", "modelName",
                            "llm-d.ai/model", "serving.kserve.io/inferenceservice"},
        [GW_OWNER_MODEL_VERSION] = {"model-version", "modelVersion", "app.kubernetes.io/model-version",
                                    "model-revision"},
        [GW_OWNER_WORKLOAD_TYPE] = {"workload-type", "workload-class", "workloadType", "job-type"},
        [GW_OWNER_COST_CENTER] = {"cost-center", "cost-centre", "costCenter", "costcenter",
                                  "app.kubernetes.io/cost-center", "billing-code", "charge-code"},
        [GW_OWNER_SLA_TIER] = {"sla-tier", "sla", "slaTier", "slo-tier", "service-tier"},
        [GW_OWNER_OPTIMIZATION_LEVEL] = {"optimization-level", "optimizationLevel", "optimisation-level",
                                         "optimization"},
    }};
    *o = defaults;
}

static const char *field_in(const gw_labels *l, const gw_ownership *o, gw_owner_field field)
{
    for (size_t i = 0; i < GW_OWNER_LABELS_MAX && o->labels[field][i]; i++) {
        const char *v = gw_labels_get(l, o->labels[field][i]);
        if (v && *v) /* an empty value is how a template says "not set" */
            return v;
    }
    return NULL;
}

/* The pod's controllers, nearest first, then the top of the chain in case a link of it is missing. */
static const char *field_of_owners(const gw_fleet *f, const gw_ownership *o, const gw_pod *p,
                                   gw_owner_field field)
{
    const char *kind = p->owner_kind, *name = p->owner_name, *v;
    gw_str ns = gw_str_of(p->ns);
    for (int depth = 0; depth < OWNER_DEPTH_MAX && kind && name; depth++) {
        uint32_t i = gw_fleet_find_owner(f, ns, gw_str_of(kind), gw_str_of(name));
        if (i == GW_NONE)
            break;
        if ((v = field_in(&f->owners[i].labels, o, field)))
            return v;
        kind = f->owners[i].owner_kind;
        name = f->owners[i].owner_name;
    }
    if (!p->workload_kind || !p->workload_name)
        return NULL;
    uint32_t top = gw_fleet_find_owner(f, ns, gw_str_of(p->workload_kind), gw_str_of(p->workload_name));
    return top == GW_NONE ? NULL : field_in(&f->owners[top].labels, o, field);
}

const char *gw_owner_of(const gw_fleet *f, const gw_ownership *o, uint32_t pod, gw_owner_field field)
{
    if (pod >= f->n_pods || (unsigned)field >= GW_N_OWNER_FIELDS)
        return NULL;
    const gw_pod *p = &f->pods[pod];
    const char *v = field_in(&p->labels, o, field);
    if (!v)
        v = field_of_owners(f, o, p, field);
    if (v)
        return v;
    uint32_t ns = gw_map_get(&f->by_ns, gw_str_of(p->ns));
    return ns == GW_NONE ? NULL : field_in(&f->ns_labels[ns], o, field);
}
