/* What the options say of a plan: policies, kinds, limits; read before minutes of telemetry. */
#include <errno.h>

#include "present/plan.h"

#define POLICY_BYTES_MAX ((size_t)16 << 20)

static int read_file(const char *path, gw_buf *b, gw_error *e)
{
    char block[16384];
    size_t n;
    FILE *f = fopen(path, "re");
    if (!f)
        return gw_fail(e, GW_EIO, "--policy: cannot read '%s': %s", path, strerror(errno));
    errno = 0;
    while (!b->failed && (n = fread(block, 1, sizeof(block), f)) > 0)
        gw_buf_add(b, block, n);
    int rc = ferror(f) ? gw_fail(e, GW_EIO, "--policy: cannot read '%s': %s", path, strerror(errno))
                       : gw_buf_check(b, path, e);
    fclose(f);
    return rc;
}

static int add_policy(gw_policy *p, const char *path, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, POLICY_BYTES_MAX);
    int rc = read_file(path, &b, e);
    if (rc == 0)
        rc = gw_policy_add_text(p, path, (gw_str){b.data ? b.data : "", b.len}, e);
    gw_buf_free(&b);
    return rc;
}

static int fail_kind(gw_str given, gw_error *e)
{
    char list[256];
    size_t n = 0;
    for (int k = 0; k < GW_N_ACTION_KINDS && n < sizeof(list); k++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", k ? ", " : "",
                              gw_action_kind_name((gw_action_kind)k));
    return gw_fail(e, GW_EUSAGE, "--only: '%.*s' is none of %s", (int)GW_MIN(given.n, (size_t)100), given.p,
                   list);
}

static int parse_kinds(const gw_option_list *only, unsigned *ret, gw_error *e)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < only->n; i++) {
        for (const char *s = only->items[i];;) {
            gw_str one = {s, strcspn(s, ",")};
            gw_action_kind k = gw_action_kind_find(one);
            if (k == GW_N_ACTION_KINDS)
                return fail_kind(one, e);
            kinds |= 1u << k;
            if (!s[one.n])
                break;
            s += one.n + 1;
        }
    }
    *ret = kinds;
    return 0;
}

static int fill_policy(gw_policy *p, const gw_options *o, gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->policies.n; i++)
        rc = add_policy(p, o->policies.items[i], e);
    for (size_t i = 0; rc == 0 && i < o->exclude.n; i++) {
        rc = gw_policy_add_selector(p, o->exclude.items[i], true, false, e);
        if (rc)
            gw_error_prefix(e, "--exclude");
    }
    for (size_t i = 0; rc == 0 && i < o->pin.n; i++) {
        rc = gw_policy_add_selector(p, o->pin.items[i], false, true, e);
        if (rc)
            gw_error_prefix(e, "--pin");
    }
    return rc ? rc : gw_policy_set_headroom(p, o->compute_headroom, o->memory_headroom, e);
}

int gw_plan_setup_open(const gw_options *o, gw_plan_setup *ret, gw_error *e)
{
    gw_plan_setup s = {.options = {.min_saving = o->min_saving,
                                   .max_risk = (gw_risk)o->max_risk,
                                   .max_risk_set = true,
                                   .mix_budget_ms = o->mix_seconds * GW_SECOND_MS}};
    int rc = parse_kinds(&o->only, &s.options.kinds, e);
    if (rc == 0)
        rc = gw_policy_new(&s.policy, e);
    if (rc)
        return rc;
    rc = fill_policy(s.policy, o, e);
    if (rc)
        gw_plan_setup_free(&s);
    else
        *ret = s;
    return rc;
}

void gw_plan_setup_free(gw_plan_setup *s)
{
    gw_policy_free(s->policy);
    *s = (gw_plan_setup){0};
}

int gw_plan_setup_make(const gw_plan_setup *s, const gw_pipeline *p, gw_plan *ret, gw_error *e)
{
    const gw_planner_input in = {.fleet = &p->fleet,
                                 .usage = &p->usage,
                                 .prices = p->prices,
                                 .book = &p->book,
                                 .ledger = &p->ledger,
                                 .ownership = &p->ownership,
                                 .policy = s->policy,
                                 .pod_class = p->pod_class};
    return gw_plan_make(&in, &s->options, ret, e);
}

/* ---- which action is meant ----------------------------------------------------------------------------- */

bool gw_plan_subject(const char *subject, const char **ret, bool *ret_sure)
{
    static const char word[] = "action/";
    const char *slash = strchr(subject, '/');
    bool sure = gw_has_prefix(subject, word);
    if (!slash || !slash[1])
        return false;
    if (!sure && gw_action_kind_find((gw_str){subject, (size_t)(slash - subject)}) == GW_N_ACTION_KINDS)
        return false;
    *ret = sure ? subject + strlen(word) : subject;
    *ret_sure = sure;
    return true;
}

int gw_plan_locate(const gw_plan *p, const char *id, uint32_t *ret, gw_error *e)
{
    uint32_t i = gw_plan_find(p, id);
    if (i != GW_NONE) {
        *ret = i;
        return 0;
    }
    const char **ids = gw_calloc(p->n_actions + 1, sizeof(*ids));
    if (!ids)
        return gw_fail_memory(e);
    for (size_t k = 0; k < p->n_actions; k++)
        ids[k] = p->actions[k].id;
    const char *nearest = gw_nearest(id, ids);
    gw_free(ids);
    return gw_fail(e, GW_ENOTFOUND,
                   "the plan has no action '%.100s'%s%.100s%s; 'plan' with the same options lists them", id,
                   nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}
