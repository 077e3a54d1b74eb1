/*
 * Findings: what is wrong, with evidence. A judge (one file of interpret/ a rule) reads fleet, usage, ledger
 * and prices and appends.
 */
#ifndef GW_FLEET_FINDING_H
#define GW_FLEET_FINDING_H

#include "fleet/ledger.h"

typedef enum gw_severity {
    GW_SEVERITY_INFO,
    GW_SEVERITY_LOW,
    GW_SEVERITY_MEDIUM,
    GW_SEVERITY_HIGH
} gw_severity;

/* "info", "low", "medium", "high" */
const char *gw_severity_name(gw_severity s);

#define GW_EVIDENCE_MAX 12
typedef struct gw_evidence {
    const char *name; /* camelCase JSON key, ending in its unit: "peakCompute", "idleHours" */
    enum { GW_EVIDENCE_NUMBER, GW_EVIDENCE_TEXT, GW_EVIDENCE_UNKNOWN } kind;
    double number; /* finite */
    const char *text;
} gw_evidence;

#define GW_SUBJECT_MAX 5
typedef struct gw_finding {
    const char *rule; /* kebab-case name, documented in docs/guide/findings.md */
    gw_severity severity;
    struct {
        const char *name, *value; /* "namespace"/"avatar", "pod"/"x", "node", "gpu", "workload" */
    } subject[GW_SUBJECT_MAX];
    size_t n_subject;
    gw_micro monthly;  /* what it costs a month (730.5 h) at the window's rate; GW_MICRO_UNKNOWN */
    double confidence; /* 0..1, by the rule's own documented formula */
    gw_evidence evidence[GW_EVIDENCE_MAX];
    size_t n_evidence;
    const char *text; /* one sentence for people, with numbers */
} gw_finding;

typedef struct gw_findings {
    gw_finding *items;
    size_t n, cap;
    gw_arena arena; /* texts */
} gw_findings;

void gw_findings_init(gw_findings *f);
void gw_findings_free(gw_findings *f);
/* An empty finding of this rule to fill, or NULL when memory is exhausted. Valid until the next add. */
gw_finding *gw_findings_add(gw_findings *f, const char *rule, gw_severity severity);
void gw_finding_subject(gw_finding *f, const char *name, const char *value);
void gw_finding_number(gw_finding *f, const char *name, double value); /* not finite: recorded as unknown */
void gw_finding_text(gw_finding *f, const char *name, const char *value);

#endif
