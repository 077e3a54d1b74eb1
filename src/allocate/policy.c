/* What holds for a pod: the rules that match it, then what its labels say, then the defaults. */
#include "allocate/policy_rules.h"

#include <strings.h>

#define OWNER_DEPTH_MAX 8 /* as gw_fleet_resolve_owners follows them */
#define LEVELS_MAX      (1 + OWNER_DEPTH_MAX + 1 + 1)
#define ALL_FORMS       (1u << GW_FORM_WHOLE | 1u << GW_FORM_MIG | 1u << GW_FORM_MPS | 1u << GW_FORM_TIME_SLICE)
#define TENANT_LABEL    "tenant"

const char *gw_tier_name(gw_tier t)
{
    static const char *const name[GW_N_TIERS] = {"standard", "p99", "best-effort"};
    return (unsigned)t < GW_N_TIERS ? name[t] : NULL;
}

int gw_policy_new(gw_policy **ret, gw_error *e)
{
    gw_policy *p = gw_calloc(1, sizeof(*p));
    if (!p)
        return gw_fail_memory(e);
    gw_arena_init(&p->arena, 0); /* each text that comes in is bounded */
    gw_map_init(&p->labels);
    *ret = p;
    return 0;
}

void gw_policy_free(gw_policy *p)
{
    if (!p)
        return;
    gw_free(p->rules);
    gw_map_free(&p->labels);
    gw_arena_free(&p->arena);
    gw_free(p);
}

/* ---- what policy_read.c needs, too ---- */

void policy_set_over(policy_set *into, const policy_set *from)
{
    unsigned n = from->named;
    into->named |= n;
    if (n & POLICY_COMPUTE)
        into->compute_p95 = from->compute_p95;
    if (n & POLICY_MEMORY)
        into->memory_peak = from->memory_peak;
    if (n & POLICY_PRODUCTION)
        into->production = from->production;
    if (n & POLICY_SURVIVE)
        into->survive_node_loss = from->survive_node_loss;
    if (n & POLICY_TIER)
        into->tier = from->tier;
    if (n & POLICY_PARTS)
        into->max_parts = from->max_parts;
    if (n & POLICY_TENANT)
        into->tenant = from->tenant;
    if (n & POLICY_EXCLUDE) {
        into->exclude = from->exclude;
        into->why_excluded = from->why_excluded;
    }
    if (n & POLICY_PIN) {
        into->pin = from->pin;
        into->why_pinned = from->why_pinned;
    }
    if (n & POLICY_FORMS) {
        into->forms = from->forms;
        into->why_dedicated = from->why_dedicated;
    }
}

int policy_set_explain(gw_policy *p, policy_set *s, const char *who, gw_error *e)
{
    s->why_excluded = gw_arena_printf(&p->arena, "excluded by %s", who);
    s->why_pinned = gw_arena_printf(&p->arena, "pinned to its node by %s", who);
    s->why_dedicated = gw_arena_printf(&p->arena, "kept dedicated by %s", who);
    return s->why_excluded && s->why_pinned && s->why_dedicated ? 0 : gw_fail_memory(e);
}

/* Numbers the labels that the rules ask for. Names that stay behind after a failure do no harm. */
static int number_labels(gw_policy *p, const policy_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const gw_selector *s = &rules[i].selector;
        for (uint32_t k = 0; k < s->n; k++) {
            gw_str name = gw_str_of(s->requirements[k].name);
            if (gw_map_get(&p->labels, name) == GW_NONE &&
                gw_map_set(&p->labels, name, (uint32_t)p->labels.n))
                return GW_ENOMEM;
        }
    }
    return 0;
}

int policy_add_rules(gw_policy *p, const policy_rule *rules, size_t n, gw_error *e)
{
    int rc = gw_grow((void **)&p->rules, &p->cap_rules, p->n_rules + n, sizeof(*rules), GW_POLICY_RULES_MAX);
    if (rc == GW_ELIMIT)
        return gw_fail(e, rc, "a policy has at most %d rules; join some with patterns or selectors",
                       GW_POLICY_RULES_MAX);
    if (rc || number_labels(p, rules, n))
        return gw_fail_memory(e);
    if (n)
        memcpy(&p->rules[p->n_rules], rules, n * sizeof(*rules));
    p->n_rules += n;
    return 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(char a, char b, bool fold)
{
    return a == b || (fold && lower(a) == lower(b));
}

bool policy_matches(const char *pattern, const char *text, bool fold)
{
    /* only the last star is ever gone back to: what stands before it has matched as early as it can */
    const char *after_star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            after_star = ++pattern;
            resume = text;
        } else if (*pattern && (*pattern == '?' || same(*pattern, *text, fold))) {
            pattern++;
            text++;
        } else if (after_star) {
            pattern = after_star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

/* ---- the command line's rules ---- */

int gw_policy_add_selector(gw_policy *p, const char *selector, bool exclude, bool pin, gw_error *e)
{
    policy_rule r = {.set = {.exclude = exclude, .pin = pin}};
    r.set.named = (exclude ? POLICY_EXCLUDE : 0u) | (pin ? POLICY_PIN : 0u);
    gw_str text = gw_str_of(selector);
    if (text.n > GW_POLICY_TEXT_MAX)
        return gw_fail(e, GW_EUSAGE, "label selector: longer than %d bytes", GW_POLICY_TEXT_MAX);
    int rc = gw_selector_parse(text, &p->arena, &r.selector, e);
    if (rc)
        return rc;
    if (!r.selector.n)
        return gw_fail(e, GW_EUSAGE,
                       "label selector: empty, which would mean every pod; write one like app=chat");
    const char *who = gw_arena_printf(&p->arena, "the selector %s", selector);
    if (!who)
        return gw_fail_memory(e);
    rc = policy_set_explain(p, &r.set, who, e);
    return rc ? rc : policy_add_rules(p, &r, 1, e);
}

static int check_headroom(const char *what, double v, gw_error *e)
{
    if (v < 0 || (v >= GW_POLICY_HEADROOM_MIN && v <= 1))
        return 0;
    return gw_fail(e, GW_EUSAGE, "%s headroom: %g must be from %g to 1, the share that may be used", what, v,
                   GW_POLICY_HEADROOM_MIN);
}

int gw_policy_set_headroom(gw_policy *p, double compute_p95, double memory_peak, gw_error *e)
{
    int rc = check_headroom("compute", compute_p95, e);
    if (!rc)
        rc = check_headroom("memory", memory_peak, e);
    if (rc)
        return rc;
    policy_set s = {.compute_p95 = compute_p95, .memory_peak = memory_peak};
    s.named = (compute_p95 < 0 ? 0u : POLICY_COMPUTE) | (memory_peak < 0 ? 0u : POLICY_MEMORY);
    policy_set_over(&p->defaults, &s);
    return 0;
}

/* ---- the labels of one pod ---- */

/* Where to look for labels, found when the first is asked for; and what was found, by the policy's numbers.
 */
typedef struct look {
    const gw_policy *policy;
    const gw_fleet *fleet;
    const gw_pod *pod;
    const gw_labels *level[LEVELS_MAX];
    size_t n_levels;
    const char *value[GW_POLICY_LABELS_REMEMBER];
    uint64_t asked; /* bit i: value[i] holds the answer */
} look;

_Static_assert(GW_POLICY_LABELS_REMEMBER <= 64, "look.asked has 64 bits");

/* The pod, its controllers nearest first, the top of the chain in case a link is missing, the namespace. */
static void find_levels(look *l)
{
    const gw_pod *p = l->pod;
    const char *kind = p->owner_kind, *name = p->owner_name;
    gw_str ns = gw_str_of(p->ns);
    l->level[l->n_levels++] = &p->labels;
    for (int depth = 0; depth < OWNER_DEPTH_MAX && kind && name; depth++) {
        uint32_t i = gw_fleet_find_owner(l->fleet, ns, gw_str_of(kind), gw_str_of(name));
        if (i == GW_NONE)
            break;
        l->level[l->n_levels++] = &l->fleet->owners[i].labels;
        kind = l->fleet->owners[i].owner_kind;
        name = l->fleet->owners[i].owner_name;
    }
    uint32_t top = GW_NONE;
    if (p->workload_kind && p->workload_name)
        top = gw_fleet_find_owner(l->fleet, ns, gw_str_of(p->workload_kind), gw_str_of(p->workload_name));
    if (top != GW_NONE)
        l->level[l->n_levels++] = &l->fleet->owners[top].labels;
    uint32_t of_ns = gw_map_get(&l->fleet->by_ns, ns);
    if (of_ns != GW_NONE)
        l->level[l->n_levels++] = &l->fleet->ns_labels[of_ns];
}

static const char *find_label(look *l, const char *name)
{
    const char *v = NULL;
    if (!l->n_levels)
        find_levels(l);
    for (size_t i = 0; i < l->n_levels && !v; i++)
        v = gw_labels_get(l->level[i], name);
    return v;
}

/* For gw_selector_matches_with. */
static const char *label_of(void *ctx, const char *name)
{
    look *l = ctx;
    uint32_t i = gw_map_get(&l->policy->labels, gw_str_of(name));
    if (i >= GW_POLICY_LABELS_REMEMBER)
        return find_label(l, name);
    if (!(l->asked >> i & 1)) {
        l->value[i] = find_label(l, name);
        l->asked |= UINT64_C(1) << i;
    }
    return l->value[i];
}

/* ---- what labels say ---- */

static bool is_word(char c)
{
    c = lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool has_word_with(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    for (const char *p = text; *p; p++)
        if ((p == text || !is_word(p[-1])) && strncasecmp(p, prefix, n) == 0)
            return true;
    return false;
}

typedef enum answer { SAYS_NOTHING, SAYS_NO, SAYS_YES } answer;

static answer production_of(const char *environment)
{
    static const char *const others[] = {"dev", "development", "test",    "testing", "staging", "stage",
                                         "qa",  "sandbox",     "preview", "ci",      "demo"};
    if (!environment)
        return SAYS_NOTHING;
    if (has_word_with(environment, "prod"))
        return SAYS_YES;
    size_t n = 0;
    while (is_word(environment[n]))
        n++;
    while (n && environment[n - 1] >= '0' && environment[n - 1] <= '9')
        n--;
    for (size_t i = 0; i < GW_COUNT(others); i++)
        if (strlen(others[i]) == n && strncasecmp(environment, others[i], n) == 0)
            return SAYS_NO;
    return SAYS_NOTHING;
}

/* GW_N_TIERS where the label is missing or not understood. */
static gw_tier tier_of(const char *sla)
{
    static const struct {
        const char *word;
        gw_tier tier;
    } words[] = {
        {"p99", GW_TIER_P99},
        {"gold", GW_TIER_P99},
        {"platinum", GW_TIER_P99},
        {"premium", GW_TIER_P99},
        {"critical", GW_TIER_P99},
        {"realtime", GW_TIER_P99},
        {"real-time", GW_TIER_P99},
        {"silver", GW_TIER_STANDARD},
        {"standard", GW_TIER_STANDARD},
        {"bronze", GW_TIER_BEST_EFFORT},
        {"best-effort", GW_TIER_BEST_EFFORT},
        {"besteffort", GW_TIER_BEST_EFFORT},
        {"batch", GW_TIER_BEST_EFFORT},
        {"spot", GW_TIER_BEST_EFFORT},
    };
    for (size_t i = 0; sla && i < GW_COUNT(words); i++)
        if (strcasecmp(sla, words[i].word) == 0)
            return words[i].tier;
    return GW_N_TIERS;
}

static void fill_production(gw_headroom *h, const policy_set *defaults, const char *environment)
{
    answer a = production_of(environment);
    h->production = a != SAYS_NOTHING                     ? a == SAYS_YES
                    : defaults->named & POLICY_PRODUCTION ? defaults->production
                                                          : true;
}

static void fill_tier(gw_headroom *h, const policy_set *defaults, const char *sla, gw_workload_class class)
{
    h->tier = tier_of(sla);
    if (h->tier != GW_N_TIERS)
        return;
    if (defaults->named & POLICY_TIER)
        h->tier = defaults->tier;
    else if (!sla && (class == GW_CLASS_NOTEBOOK || class == GW_CLASS_BATCH))
        h->tier = GW_TIER_BEST_EFFORT;
    else
        h->tier = GW_TIER_STANDARD;
}

static void fill_tenant(gw_headroom *h, const policy_set *defaults, look *l)
{
    const char *v = find_label(l, TENANT_LABEL);
    h->tenant_named = true;
    if (v && *v) {
        h->tenant = v;
    } else if (defaults->named & POLICY_TENANT) {
        h->tenant = defaults->tenant;
    } else {
        h->tenant = l->pod->ns;
        h->tenant_named = false;
    }
}

/* ---- asking ---- */

static bool matches(const policy_rule *r, look *l)
{
    const gw_pod *p = l->pod;
    bool bare = !p->workload_kind || !p->workload_name;
    if (r->ns && !policy_matches(r->ns, p->ns, false))
        return false;
    if (r->kind && !policy_matches(r->kind, bare ? "Pod" : p->workload_kind, true))
        return false;
    if (r->name && !policy_matches(r->name, bare ? p->name : p->workload_name, false))
        return false;
    return !r->selector.n || gw_selector_matches_with(&r->selector, label_of, l);
}

gw_headroom gw_policy_of(const gw_policy *p, const gw_fleet *f, const gw_ownership *o, uint32_t pod,
                         gw_workload_class class)
{
    if (pod >= f->n_pods)
        return (gw_headroom){.production = true,
                             .survive_node_loss = true,
                             .exclude = true,
                             .forms = 1u << GW_FORM_WHOLE,
                             .tenant = "",
                             .why = "excluded: there is no such pod"};
    look l = {.policy = p, .fleet = f, .pod = &f->pods[pod]};
    policy_set by_rules = {0};
    for (size_t i = 0; i < p->n_rules; i++)
        if (matches(&p->rules[i], &l))
            policy_set_over(&by_rules, &p->rules[i].set);
    policy_set s = {.compute_p95 = GW_POLICY_HEADROOM,
                    .memory_peak = GW_POLICY_HEADROOM,
                    .survive_node_loss = true,
                    .forms = ALL_FORMS};
    policy_set_over(&s, &p->defaults);
    policy_set_over(&s, &by_rules);
    gw_headroom h = {.compute_p95 = s.compute_p95,
                     .memory_peak = s.memory_peak,
                     .production = s.production,
                     .survive_node_loss = s.survive_node_loss,
                     .tier = s.tier,
                     .exclude = s.exclude,
                     .pin = s.pin,
                     .forms = s.forms | 1u << GW_FORM_WHOLE,
                     .max_parts = s.max_parts,
                     .tenant = s.tenant,
                     .tenant_named = true};
    /* labels stand between the defaults and the rules */
    if (!(by_rules.named & POLICY_PRODUCTION))
        fill_production(&h, &p->defaults, o ? gw_owner_of(f, o, pod, GW_OWNER_ENVIRONMENT) : NULL);
    if (!(by_rules.named & POLICY_TIER))
        fill_tier(&h, &p->defaults, o ? gw_owner_of(f, o, pod, GW_OWNER_SLA_TIER) : NULL, class);
    if (!(by_rules.named & POLICY_TENANT))
        fill_tenant(&h, &p->defaults, &l);
    h.why = h.exclude                        ? s.why_excluded
            : h.pin                          ? s.why_pinned
            : h.forms == 1u << GW_FORM_WHOLE ? s.why_dedicated
                                             : NULL;
    return h;
}

static int strictness(gw_tier t)
{
    return t == GW_TIER_P99 ? 2 : t == GW_TIER_STANDARD ? 1 : 0;
}

void gw_headroom_tighten(gw_headroom *h, const gw_headroom *also)
{
    bool one_tenant = h->tenant_named == also->tenant_named && gw_eq(h->tenant, also->tenant);
    if (also->why && (!h->why || (also->exclude && !h->exclude)))
        h->why = also->why;
    h->compute_p95 = GW_MIN(h->compute_p95, also->compute_p95);
    h->memory_peak = GW_MIN(h->memory_peak, also->memory_peak);
    h->production |= also->production;
    h->survive_node_loss |= also->survive_node_loss;
    h->exclude |= also->exclude;
    h->pin |= also->pin;
    h->forms &= also->forms;
    if (!one_tenant)
        h->forms &= 1u << GW_FORM_WHOLE | 1u << GW_FORM_MIG;
    if (strictness(also->tier) > strictness(h->tier))
        h->tier = also->tier;
    if (also->max_parts && (!h->max_parts || also->max_parts < h->max_parts))
        h->max_parts = also->max_parts;
}
