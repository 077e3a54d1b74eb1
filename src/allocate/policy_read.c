/* The policy's YAML; docs/guide/policy.md describes every key. A key that is not known is an error: a
 * misspelt `exclude` must not silently permit what it was to forbid. */
#include <math.h>

#include "allocate/policy_rules.h"
#include "base/number.h"
#include "base/option.h"
#include "format/yaml.h"

#define WHERE_MAX 200 /* of the file's name in a reason */

typedef struct reader {
    gw_policy *p;
    gw_error *e;
    const char *file; /* its name, cut for reasons; in the policy's arena */
    policy_set defaults;
    policy_rule *rules;
    size_t n, cap;
} reader;

#define SETTABLE                                                                                             \
    "computeP95", "memoryPeak", "latencyTier", "production", "surviveNodeLoss", "exclude", "pin", "tenant",  \
        "sharing", "maxParts"

/* ---- messages that help ---- */

/* "X is no WHAT; did you mean Y? There are A, B, C" */
static int fail_word(reader *r, const gw_yaml *y, const char *word, const char *what,
                     const char *const *known)
{
    char list[400] = "", hint[80] = "";
    size_t n = 0;
    for (const char *const *k = known; *k && n < sizeof(list); k++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", *k);
    const char *nearest = gw_nearest(word, known);
    if (nearest)
        snprintf(hint, sizeof(hint), " (did you mean %s?)", nearest);
    return gw_yaml_fail(y, r->e, GW_ECONFIG, "\"%.80s\" is no %s%s; there are %s", word, what, hint, list);
}

static int expect_keys(reader *r, const gw_yaml *map, const char *const *known)
{
    int rc = gw_yaml_expect(map, GW_YAML_MAP, r->e);
    for (uint32_t i = 0; !rc && i < map->n; i++) {
        const char *const *k = known;
        while (*k && strcmp(*k, map->items[i]->key) != 0)
            k++;
        if (!*k)
            rc = fail_word(r, map->items[i], map->items[i]->key, "key here", known);
    }
    return rc;
}

/* ---- values ---- */

/* Text, kept in the policy's arena; NULL where the key is absent. Empty text is an error: it would match
 * nothing, or everything. */
static int get_text(reader *r, const gw_yaml *map, const char *key, const char **ret)
{
    const char *text = NULL;
    int rc = gw_yaml_read_text(map, key, &text, r->e);
    if (rc || !text)
        return rc;
    size_t n = strlen(text);
    if (!n || n > GW_POLICY_TEXT_MAX)
        return gw_yaml_fail(gw_yaml_get(map, key), r->e, GW_ECONFIG, "%s must have 1 to %d bytes", key,
                            GW_POLICY_TEXT_MAX);
    *ret = gw_arena_strndup(&r->p->arena, text, n);
    return *ret ? 0 : gw_fail_memory(r->e);
}

/* A share, 0.85 or "85%". */
static int get_headroom(reader *r, const gw_yaml *map, const char *key, unsigned bit, policy_set *s,
                        double *ret)
{
    const char *text = NULL;
    double v = NAN;
    int rc = gw_yaml_read_scalar(map, key, &text, r->e);
    if (rc || !text)
        return rc;
    gw_str t = gw_str_of(text);
    bool percent = t.n && t.p[t.n - 1] == '%';
    t.n -= percent;
    if (!gw_parse_double(t, &v))
        v = NAN;
    if (percent)
        v /= 100;
    if (!(v >= GW_POLICY_HEADROOM_MIN && v <= 1))
        return gw_yaml_fail(gw_yaml_get(map, key), r->e, GW_ECONFIG,
                            "%s is the share that may be used: from %g to 1, or a percentage like 85%%", key,
                            GW_POLICY_HEADROOM_MIN);
    *ret = v;
    s->named |= bit;
    return 0;
}

static int get_bool(reader *r, const gw_yaml *map, const char *key, unsigned bit, policy_set *s, bool *ret)
{
    const gw_yaml *y = gw_yaml_get(map, key);
    if (!y || y->kind == GW_YAML_NULL)
        return 0;
    s->named |= bit;
    return gw_yaml_bool(y, ret, r->e);
}

static int get_tier(reader *r, const gw_yaml *map, policy_set *s)
{
    static const char *const known[] = {"p99", "standard", "best-effort", NULL};
    const char *text = NULL;
    int rc = gw_yaml_read_text(map, "latencyTier", &text, r->e);
    if (rc || !text)
        return rc;
    for (gw_tier t = 0; t < GW_N_TIERS; t++) {
        if (strcmp(gw_tier_name(t), text) == 0) {
            s->tier = t;
            s->named |= POLICY_TIER;
            return 0;
        }
    }
    return fail_word(r, gw_yaml_get(map, "latencyTier"), text, "latency tier", known);
}

static int get_form(reader *r, const gw_yaml *y, unsigned *forms)
{
    static const char *const known[] = {"mig", "mps", "time-slicing", "dedicated", NULL};
    const char *text = NULL;
    int rc = gw_yaml_text(y, &text, r->e);
    if (rc)
        return rc;
    for (gw_form f = GW_FORM_WHOLE; f <= GW_FORM_TIME_SLICE; f++) {
        if (strcmp(gw_form_name(f), text) == 0) {
            *forms |= 1u << f;
            return 0;
        }
    }
    return fail_word(r, y, text, "form of sharing", known);
}

static int get_forms(reader *r, const gw_yaml *map, policy_set *s)
{
    const gw_yaml *list = NULL;
    int rc = gw_yaml_read_list(map, "sharing", &list, r->e);
    if (rc || !list)
        return rc;
    s->forms = 1u << GW_FORM_WHOLE;
    s->named |= POLICY_FORMS;
    for (uint32_t i = 0; !rc && i < list->n; i++)
        rc = get_form(r, list->items[i], &s->forms);
    return rc;
}

static int get_parts(reader *r, const gw_yaml *map, policy_set *s)
{
    int64_t v = 0;
    const gw_yaml *y = gw_yaml_get(map, "maxParts");
    int rc = gw_yaml_read_int64(map, "maxParts", &v, r->e);
    if (rc || !y || y->kind == GW_YAML_NULL)
        return rc;
    if (v < 2 || v > GW_PLAN_PARTS_MAX)
        return gw_yaml_fail(y, r->e, GW_ECONFIG,
                            "maxParts must be from 2 to %d; for none at all: sharing: []", GW_PLAN_PARTS_MAX);
    s->max_parts = (int)v;
    s->named |= POLICY_PARTS;
    return 0;
}

static int get_set(reader *r, const gw_yaml *map, policy_set *s)
{
    int rc;
    if ((rc = get_headroom(r, map, "computeP95", POLICY_COMPUTE, s, &s->compute_p95)) ||
        (rc = get_headroom(r, map, "memoryPeak", POLICY_MEMORY, s, &s->memory_peak)) ||
        (rc = get_tier(r, map, s)) ||
        (rc = get_bool(r, map, "production", POLICY_PRODUCTION, s, &s->production)) ||
        (rc = get_bool(r, map, "surviveNodeLoss", POLICY_SURVIVE, s, &s->survive_node_loss)) ||
        (rc = get_bool(r, map, "exclude", POLICY_EXCLUDE, s, &s->exclude)) ||
        (rc = get_bool(r, map, "pin", POLICY_PIN, s, &s->pin)) ||
        (rc = get_text(r, map, "tenant", &s->tenant)) || (rc = get_forms(r, map, s)) ||
        (rc = get_parts(r, map, s)))
        return rc;
    if (s->tenant)
        s->named |= POLICY_TENANT;
    return 0;
}

/* ---- rules ---- */

/* "Deployment/chat-*" or "chat-*". */
static int get_workload(reader *r, const gw_yaml *map, policy_rule *rule)
{
    const char *text = NULL;
    int rc = get_text(r, map, "workload", &text);
    if (rc || !text)
        return rc;
    const char *slash = strchr(text, '/');
    rule->name = slash ? slash + 1 : text;
    if (!slash)
        return 0;
    if (slash == text || !slash[1] || strchr(slash + 1, '/'))
        return gw_yaml_fail(
            gw_yaml_get(map, "workload"), r->e, GW_ECONFIG,
            "\"%.80s\" is no workload: write KIND/NAME or NAME, where * and ? may stand in each", text);
    rule->kind = gw_arena_strndup(&r->p->arena, text, (size_t)(slash - text));
    return rule->kind ? 0 : gw_fail_memory(r->e);
}

static int get_selector(reader *r, const gw_yaml *map, gw_selector *ret)
{
    const char *text = NULL;
    gw_error inner;
    int rc = get_text(r, map, "selector", &text);
    if (rc || !text)
        return rc;
    rc = gw_selector_parse(gw_str_of(text), &r->p->arena, ret, &inner);
    if (rc == GW_ENOMEM)
        return gw_fail_memory(r->e);
    if (!rc && !ret->n)
        return gw_yaml_fail(gw_yaml_get(map, "selector"), r->e, GW_ECONFIG,
                            "an empty selector; leave it out, or write one like \"app=chat\"");
    return rc ? gw_yaml_fail(gw_yaml_get(map, "selector"), r->e, GW_ECONFIG, "%s", inner.message) : 0;
}

static int add_rule(reader *r, const gw_yaml *y, const policy_rule *rule)
{
    int rc =
        gw_grow((void **)&r->rules, &r->cap, r->p->n_rules + r->n + 1, sizeof(*rule), GW_POLICY_RULES_MAX);
    if (rc == GW_ELIMIT)
        return gw_yaml_fail(y, r->e, rc,
                            "a policy has at most %d rules; join some with patterns or selectors",
                            GW_POLICY_RULES_MAX);
    if (rc)
        return gw_fail_memory(r->e);
    r->rules[r->n++] = *rule;
    return 0;
}

static int read_rule(reader *r, const gw_yaml *y)
{
    static const char *const keys[] = {"namespace", "workload", "selector", SETTABLE, NULL};
    policy_rule rule = {0};
    char who[WHERE_MAX + 64];
    int rc;
    if ((rc = expect_keys(r, y, keys)) || (rc = get_text(r, y, "namespace", &rule.ns)) ||
        (rc = get_workload(r, y, &rule)) || (rc = get_selector(r, y, &rule.selector)) ||
        (rc = get_set(r, y, &rule.set)))
        return rc;
    if (!rule.ns && !rule.name && !rule.selector.n)
        return gw_yaml_fail(y, r->e, GW_ECONFIG,
                            "a rule needs a namespace, workload or selector; what holds for every pod goes "
                            "under defaults");
    if (!rule.set.named)
        return gw_yaml_fail(y, r->e, GW_ECONFIG,
                            "a rule that sets nothing; it may set computeP95, memoryPeak, "
                            "latencyTier, production, surviveNodeLoss, exclude, pin, "
                            "tenant, sharing, maxParts");
    snprintf(who, sizeof(who), "rule %zu (%s:%" PRIu32 ")", r->n + 1, r->file, y->line);
    rc = policy_set_explain(r->p, &rule.set, who, r->e);
    return rc ? rc : add_rule(r, y, &rule);
}

static int read_rules(reader *r, const gw_yaml *root)
{
    const gw_yaml *list = NULL;
    int rc = gw_yaml_read_list(root, "rules", &list, r->e);
    for (uint32_t i = 0; !rc && list && i < list->n; i++)
        rc = read_rule(r, list->items[i]);
    return rc;
}

static int read_defaults(reader *r, const gw_yaml *root)
{
    static const char *const keys[] = {SETTABLE, NULL};
    const gw_yaml *map = NULL;
    char who[WHERE_MAX + 64];
    int rc = gw_yaml_read_map(root, "defaults", &map, r->e);
    if (rc || !map)
        return rc;
    if ((rc = expect_keys(r, map, keys)) || (rc = get_set(r, map, &r->defaults)))
        return rc;
    snprintf(who, sizeof(who), "the defaults of %s", r->file);
    return policy_set_explain(r->p, &r->defaults, who, r->e);
}

static int read_root(reader *r, const gw_yaml *root)
{
    static const char *const keys[] = {"apiVersion", "kind", "defaults", "rules", NULL};
    const char *kind = "Policy";
    int rc;
    if (root->kind == GW_YAML_NULL) /* a file in which everything is commented out says nothing */
        return 0;
    if ((rc = expect_keys(r, root, keys)) || (rc = gw_yaml_read_text(root, "kind", &kind, r->e)))
        return rc;
    if (strcmp(kind, "Policy") != 0)
        return gw_yaml_fail(gw_yaml_get(root, "kind"), r->e, GW_ECONFIG, "kind must be Policy");
    rc = read_defaults(r, root);
    return rc ? rc : read_rules(r, root);
}

/* A file's name as reasons give it; cut at a character's beginning. */
static const char *short_name(gw_arena *a, const char *name)
{
    size_t n = strlen(name);
    if (n > WHERE_MAX)
        for (n = WHERE_MAX; n && ((unsigned char)name[n] & 0xc0) == 0x80;)
            n--;
    return gw_arena_strndup(a, name, n);
}

int gw_policy_add_text(gw_policy *p, const char *name, gw_str text, gw_error *e)
{
    reader r = {.p = p, .e = e, .file = short_name(&p->arena, name)};
    gw_arena tree;
    const gw_yaml *root;
    if (!r.file)
        return gw_fail_memory(e);
    gw_arena_init(&tree, 0);
    int rc = gw_yaml_parse(&tree, name, text, &root, e);
    if (!rc)
        rc = read_root(&r, root);
    if (!rc)
        rc = policy_add_rules(p, r.rules, r.n, e);
    if (!rc)
        policy_set_over(&p->defaults, &r.defaults);
    gw_free(r.rules);
    gw_arena_free(&tree);
    return rc;
}
