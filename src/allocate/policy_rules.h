/* Inside a policy: the rules as they are kept. Shared by policy.c, which asks them, and policy_read.c, which
 * reads them; not for others. */
#ifndef GW_ALLOCATE_POLICY_RULES_H
#define GW_ALLOCATE_POLICY_RULES_H

#include "allocate/policy.h"
#include "fleet/selector.h"

/* Fields that a rule or the defaults name. */
enum {
    POLICY_COMPUTE = 1 << 0,
    POLICY_MEMORY = 1 << 1,
    POLICY_PRODUCTION = 1 << 2,
    POLICY_SURVIVE = 1 << 3,
    POLICY_TIER = 1 << 4,
    POLICY_EXCLUDE = 1 << 5,
    POLICY_PIN = 1 << 6,
    POLICY_FORMS = 1 << 7,
    POLICY_PARTS = 1 << 8,
    POLICY_TENANT = 1 << 9,
};

/* Values of the fields that are named; the others mean nothing. */
typedef struct policy_set {
    unsigned named;
    double compute_p95, memory_peak;
    bool production, survive_node_loss, exclude, pin;
    gw_tier tier;
    unsigned forms;
    int max_parts;
    const char *tenant;
    /* what gw_headroom.why says where exclude, pin or forms of this set decided */
    const char *why_excluded, *why_pinned, *why_dedicated;
} policy_set;

typedef struct policy_rule {
    const char *ns, *kind, *name; /* patterns; NULL: any */
    gw_selector selector;
    policy_set set;
} policy_rule;

struct gw_policy {
    gw_arena arena; /* texts and selectors */
    gw_map labels;  /* names that selectors ask for, numbered from 0 */
    policy_set defaults;
    policy_rule *rules;
    size_t n_rules, cap_rules;
};

/* The fields that `from` names, over those of `into`. */
void policy_set_over(policy_set *into, const policy_set *from);
/* Writes the reasons: "excluded by `who`". GW_ENOMEM. */
int policy_set_explain(gw_policy *p, policy_set *s, const char *who, gw_error *e);
/* Adds rules, all or none. GW_ELIMIT, GW_ENOMEM. */
int policy_add_rules(gw_policy *p, const policy_rule *rules, size_t n, gw_error *e);
/* Whether the pattern, with * and ?, matches the whole text; ASCII letter case aside where `fold`. */
bool policy_matches(const char *pattern, const char *text, bool fold);

#endif
