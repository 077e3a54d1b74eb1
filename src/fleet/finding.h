/*
 * Findings: what is wrong, with evidence. A judge (one file of interpret/ a rule) reads fleet, usage, ledger
 * and prices and appends.
 *
 * Texts of a finding are not copied: they are string constants, interned in the fleet's pool, or allocated in
 * gw_findings.arena; so findings live no longer than the fleet they speak of.
 */
#ifndef GW_FLEET_FINDING_H
#define GW_FLEET_FINDING_H

#include "fleet/ledger.h"

/* Most findings of one report; beyond is GW_ELIMIT. */
#define GW_FINDINGS_MAX ((size_t)1000000)

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
    const char
        *name; /* camelCase JSON key, ending in its unit where it has one: "peakCompute", "idleHours" */
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
/*
 * *ret: an empty finding of this rule to fill (monthly unknown, confidence 0, text ""), valid until the next
 * add. 0, GW_ENOMEM or GW_ELIMIT.
 */
int gw_findings_add(gw_findings *f, const char *rule, gw_severity severity, gw_finding **ret, gw_error *e);

/* Each appends; what goes beyond the bound (a NULL value of a subject as well) is left out. */
void gw_finding_subject(gw_finding *f, const char *name, const char *value);
void gw_finding_number(gw_finding *f, const char *name, double value); /* not finite: recorded as unknown */
void gw_finding_text(gw_finding *f, const char *name, const char *value); /* NULL: recorded as unknown */
void gw_finding_unknown(gw_finding *f, const char *name);
/* A number that says "unknown" by being negative, as the shares and counts of fleet and usage do. */
void gw_finding_measure(gw_finding *f, const char *name, double value);

/* The value of a subject or evidence entry; NULL where there is none of that name. */
const char *gw_finding_subject_of(const gw_finding *f, const char *name);
const gw_evidence *gw_finding_evidence_of(const gw_finding *f, const char *name);

/* The order of reports: dearest first, unknown cost last; then rule, then subject. Total over distinct
 * findings, so that the order does not depend on how they were found. */
int gw_finding_compare(const gw_finding *a, const gw_finding *b);
void gw_findings_sort(gw_findings *f);

#endif
