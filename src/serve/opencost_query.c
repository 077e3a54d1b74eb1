/* What an OpenCost client may ask, and how: its parameters, its filter language as far as its own UI uses it.
 */
#include "base/number.h"
#include "serve/opencost.h"
#include "serve/window_words.h"

const char *const gw_oc_allocation_params[] = {"window",
                                               "aggregate",
                                               "step",
                                               "resolution",
                                               "accumulate",
                                               "accumulateBy",
                                               "includeIdle",
                                               "idle",
                                               "shareIdle",
                                               "idleByNode",
                                               "filter",
                                               "filterClusters",
                                               "filterNodes",
                                               "filterNamespaces",
                                               "filterPods",
                                               "filterControllers",
                                               "filterControllerKinds",
                                               "filterLabels",
                                               "includeAggregatedMetadata",
                                               "includeProportionalAssetResourceCosts",
                                               "sharelb",
                                               "format",
                                               NULL};

const char *const gw_oc_asset_params[] = {"window", "aggregate", "accumulate", "step", "format", NULL};

/* ---- properties ---------------------------------------------------------------------------------------- */

static const struct {
    const char *name; /* small letters */
    gw_oc_property property;
    const char *label; /* OpenCost's aliases are labels */
} properties[] = {
    {"cluster", GW_OC_CLUSTER, NULL},
    {"node", GW_OC_NODE, NULL},
    {"namespace", GW_OC_NAMESPACE, NULL},
    {"controllerkind", GW_OC_CONTROLLER_KIND, NULL},
    {"controller", GW_OC_CONTROLLER, NULL},
    {"controllername", GW_OC_CONTROLLER, NULL},
    {"deployment", GW_OC_DEPLOYMENT, NULL},
    {"statefulset", GW_OC_STATEFULSET, NULL},
    {"daemonset", GW_OC_DAEMONSET, NULL},
    {"job", GW_OC_JOB, NULL},
    {"service", GW_OC_SERVICE, NULL},
    {"services", GW_OC_SERVICE, NULL},
    {"pod", GW_OC_POD, NULL},
    {"container", GW_OC_CONTAINER, NULL},
    {"providerid", GW_OC_PROVIDER_ID, NULL},
    {"team", GW_OC_TEAM, NULL},
    {"environment", GW_OC_ENVIRONMENT, NULL},
    {"owner", GW_OC_LABEL, "owner"},
    {"department", GW_OC_LABEL, "department"},
    {"product", GW_OC_LABEL, "app"},
};

static gw_str trim(gw_str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (gw_str){s.p + 1, s.n - 1};
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static bool equal_small(gw_str s, const char *small)
{
    size_t i = 0;
    for (; i < s.n && small[i]; i++) {
        char c = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] + 32) : s.p[i];
        if (c != small[i])
            return false;
    }
    return i == s.n && !small[i];
}

static int keep_text(gw_arena *arena, gw_str s, const char **ret, gw_error *e)
{
    *ret = gw_arena_strndup(arena, s.p, s.n);
    return *ret ? 0 : gw_fail_memory(e);
}

int gw_oc_property_read(gw_str text, gw_arena *arena, gw_oc_by *ret, gw_error *e)
{
    static const char label[] = "label:";
    text = trim(text);
    for (size_t i = 0; i < GW_COUNT(properties); i++) {
        if (equal_small(text, properties[i].name)) {
            *ret = (gw_oc_by){properties[i].property, properties[i].label};
            return 0;
        }
    }
    if (text.n > sizeof(label) - 1 && memcmp(text.p, label, sizeof(label) - 1) == 0) {
        gw_str name = {text.p + sizeof(label) - 1, text.n - (sizeof(label) - 1)};
        *ret = (gw_oc_by){GW_OC_LABEL, NULL};
        return keep_text(arena, trim(name), &ret->label, e);
    }
    return gw_fail(e, GW_EUSAGE,
                   "'%.*s' is no property: there are cluster, node, namespace, controllerKind, controller, "
                   "deployment, statefulset, daemonset, job, service, pod, container, providerID, team, "
                   "environment, owner, department, product and label:NAME",
                   (int)GW_MIN(text.n, (size_t)100), text.p);
}

static int read_by(const char *text, gw_arena *arena, gw_oc_query *q, gw_error *e)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ",");
        if (q->n_by == GW_OC_BY_MAX)
            return gw_fail(e, GW_EUSAGE, "aggregate: at most %d properties", GW_OC_BY_MAX);
        gw_str one = {p, n};
        if (trim(one).n) {
            int rc = gw_oc_property_read(one, arena, &q->by[q->n_by], e);
            if (rc)
                return gw_error_prefix(e, "aggregate");
            q->n_by++;
        }
        p += n + (p[n] == ',');
    }
    return 0;
}

/* ---- filters ------------------------------------------------------------------------------------------- */

static int add_term(gw_oc_query *q, gw_oc_by by, gw_oc_term **ret, gw_error *e)
{
    if (q->n_terms == GW_OC_TERMS_MAX)
        return gw_fail(e, GW_EUSAGE, "filter: at most %d terms", GW_OC_TERMS_MAX);
    *ret = &q->terms[q->n_terms++];
    (*ret)->by = by;
    return 0;
}

static int add_value(gw_oc_term *t, gw_str value, gw_arena *arena, gw_error *e)
{
    if (t->n_values == GW_OC_VALUES_MAX)
        return gw_fail(e, GW_EUSAGE, "filter: at most %d values of one property", GW_OC_VALUES_MAX);
    return keep_text(arena, value, &t->values[t->n_values++], e);
}

/* "a,b": one of them; a '*' at the end is any beginning, as in Kubecost's older parameters. */
static int read_list(gw_oc_query *q, gw_oc_by by, const char *text, gw_arena *arena, gw_error *e)
{
    gw_oc_term *t = NULL;
    int rc = add_term(q, by, &t, e);
    for (const char *p = text; rc == 0 && *p;) {
        size_t n = strcspn(p, ",");
        gw_str one = trim((gw_str){p, n});
        if (one.n && one.p[one.n - 1] == '*') {
            t->prefix = true;
            one.n--;
        }
        rc = add_value(t, one, arena, e);
        p += n + (p[n] == ',');
    }
    return rc;
}

/* "app:chat,tier:web": each a label and its value. */
static int read_labels(gw_oc_query *q, const char *text, gw_arena *arena, gw_error *e)
{
    int rc = 0;
    for (const char *p = text; rc == 0 && *p;) {
        size_t n = strcspn(p, ","), name = 0;
        while (name < n && p[name] != ':')
            name++;
        if (name == 0 || name == n)
            return gw_fail(e, GW_EUSAGE, "filterLabels: write NAME:VALUE, with commas between several");
        gw_oc_by by = {GW_OC_LABEL, NULL};
        gw_oc_term *t = NULL;
        rc = keep_text(arena, trim((gw_str){p, name}), &by.label, e);
        if (rc == 0)
            rc = add_term(q, by, &t, e);
        if (rc == 0)
            rc = add_value(t, trim((gw_str){p + name + 1, n - name - 1}), arena, e);
        p += n + (p[n] == ',');
    }
    return rc;
}

static int fail_filter(const char *at, gw_error *e)
{
    return gw_fail(
        e, GW_EUSAGE,
        "filter: cannot read '%.60s'; write property:\"value\",\"other\" with + between terms, for "
        "example namespace:\"nlp\"+cluster:\"prod\"; != is written !:, a beginning <~:, a label "
        "label[app]:\"chat\"",
        at);
}

/* A property's name before the operator: "namespace", "label[app]". Moves *p behind it. */
static int read_term_property(const char **p, gw_arena *arena, gw_oc_by *ret, gw_error *e)
{
    size_t n = strcspn(*p, ":!<[");
    gw_str name = trim((gw_str){*p, n});
    const char *at = *p + n;
    if (*at == '[') {
        size_t len = strcspn(at + 1, "]");
        if (!equal_small(name, "label") || len == 0 || at[1 + len] != ']')
            return fail_filter(*p, e);
        *ret = (gw_oc_by){GW_OC_LABEL, NULL};
        int rc = keep_text(arena, (gw_str){at + 1, len}, &ret->label, e);
        *p = at + len + 2;
        return rc;
    }
    *p = at;
    return gw_oc_property_read(name, arena, ret, e);
}

static bool read_operator(const char **p, gw_oc_term *t)
{
    static const struct {
        const char *text;
        bool not, prefix;
    } operators[] = {{"!:", true, false}, {"!<~:", true, true}, {"<~:", false, true}, {":", false, false}};
    for (size_t i = 0; i < GW_COUNT(operators); i++) {
        if (gw_has_prefix(*p, operators[i].text)) {
            t->not = operators[i].not ;
            t->prefix = operators[i].prefix;
            *p += strlen(operators[i].text);
            return true;
        }
    }
    return false;
}

/* One value, in quotes (with \" and \\ inside) or bare up to the next separator. Moves *p behind it. */
static int read_value(const char **p, gw_oc_term *t, gw_arena *arena, gw_error *e)
{
    if (**p != '"') {
        size_t n = strcspn(*p, ",+ ");
        gw_str bare = {*p, n};
        *p += n;
        return n ? add_value(t, bare, arena, e) : fail_filter(*p, e);
    }
    const char *from = ++*p;
    char *out = gw_arena_alloc(arena, strlen(from) + 1);
    size_t n = 0;
    if (!out)
        return gw_fail_memory(e);
    for (; **p && **p != '"'; ++*p) {
        if (**p == '\\' && (*p)[1])
            ++*p;
        out[n++] = **p;
    }
    if (**p != '"')
        return fail_filter(from, e);
    ++*p;
    return add_value(t, (gw_str){out, n}, arena, e);
}

/* https://opencost.io/docs/integrations/api-examples: terms with '+' between them, which a query may have
 * turned into a blank. */
static int read_filter(gw_oc_query *q, const char *text, gw_arena *arena, gw_error *e)
{
    int rc = 0;
    for (const char *p = text; rc == 0;) {
        p += strspn(p, "+ ");
        if (!*p)
            return 0;
        const char *start = p;
        gw_oc_by by;
        gw_oc_term *t = NULL;
        rc = read_term_property(&p, arena, &by, e);
        if (rc == 0)
            rc = add_term(q, by, &t, e);
        if (rc == 0 && !read_operator(&p, t))
            rc = fail_filter(start, e);
        for (bool more = rc == 0; more;) {
            rc = read_value(&p, t, arena, e);
            more = rc == 0 && *p == ',';
            p += more;
        }
        if (rc == 0 && *p && *p != '+' && *p != ' ')
            rc = fail_filter(start, e);
    }
    return rc;
}

/* ---- the rest ------------------------------------------------------------------------------------------ */

static int read_bool(const gw_oc_param *p, bool *ret, gw_error *e)
{
    static const char *const yes[] = {"true", "1", "t", "yes"}, *const no[] = {"false", "0", "f", "no", ""};
    for (size_t i = 0; i < GW_COUNT(yes); i++) {
        if (strcmp(p->value, yes[i]) == 0) {
            *ret = true;
            return 0;
        }
    }
    for (size_t i = 0; i < GW_COUNT(no); i++) {
        if (strcmp(p->value, no[i]) == 0) {
            *ret = false;
            return 0;
        }
    }
    return gw_fail(e, GW_EUSAGE, "%s: '%.40s' is neither true nor false", p->name, p->value);
}

/* Kubecost's newer spelling of the two: show, hide, share. */
static int read_idle(const gw_oc_param *p, gw_oc_query *q, gw_error *e)
{
    if (strcmp(p->value, "share") == 0) {
        q->share_idle = true;
        return 0;
    }
    if (strcmp(p->value, "show") == 0 || strcmp(p->value, "separate") == 0 || strcmp(p->value, "hide") == 0) {
        q->include_idle = strcmp(p->value, "hide") != 0;
        return 0;
    }
    return read_bool(p, &q->include_idle, e);
}

static int read_accumulate(const gw_oc_param *p, gw_oc_query *q, gw_error *e)
{
    static const struct {
        const char *name;
        gw_oc_accumulate how;
    } words[] = {{"all", GW_OC_ALL},  {"none", GW_OC_STEPS}, {"hour", GW_OC_HOURS},
                 {"day", GW_OC_DAYS}, {"week", GW_OC_WEEKS}, {"month", GW_OC_MONTHS}};
    bool all = false;
    for (size_t i = 0; i < GW_COUNT(words); i++) {
        if (strcmp(p->value, words[i].name) == 0) {
            q->accumulate = words[i].how;
            return 0;
        }
    }
    if (read_bool(p, &all, e))
        return gw_fail(e, GW_EUSAGE, "%s: '%.40s' is none of true, false, hour, day, week, month", p->name,
                       p->value);
    q->accumulate = all ? GW_OC_ALL : GW_OC_STEPS;
    return 0;
}

static int read_step(const gw_oc_param *p, gw_oc_query *q, gw_error *e)
{
    int64_t ms;
    gw_error why;
    if (gw_duration_parse(p->value, &ms, &why))
        return gw_fail(e, GW_EUSAGE, "%s: '%.40s' is no length of time; write for example 1d", p->name,
                       p->value);
    /* the books are kept by the hour */
    q->step_ms = (ms + GW_HOUR_MS - 1) / GW_HOUR_MS * GW_HOUR_MS;
    return 0;
}

static int read_param(const gw_oc_param *p, int64_t now_ms, gw_arena *arena, gw_oc_query *q, gw_error *e)
{
    static const struct {
        const char *name;
        gw_oc_property property;
    } lists[] = {{"filterClusters", GW_OC_CLUSTER},       {"filterNodes", GW_OC_NODE},
                 {"filterNamespaces", GW_OC_NAMESPACE},   {"filterPods", GW_OC_POD},
                 {"filterControllers", GW_OC_CONTROLLER}, {"filterControllerKinds", GW_OC_CONTROLLER_KIND}};
    static const struct {
        const char *name;
        size_t at;
    } flags[] = {{"includeIdle", offsetof(gw_oc_query, include_idle)},
                 {"shareIdle", offsetof(gw_oc_query, share_idle)},
                 {"idleByNode", offsetof(gw_oc_query, idle_by_node)}};
    if (strcmp(p->name, "window") == 0)
        return gw_window_words_parse(p->value, GW_WINDOW_WORDS_OPENCOST, now_ms, &q->window, e);
    if (strcmp(p->name, "aggregate") == 0)
        return read_by(p->value, arena, q, e);
    if (strcmp(p->name, "step") == 0)
        return read_step(p, q, e);
    if (gw_has_prefix(p->name, "accumulate"))
        return read_accumulate(p, q, e);
    if (strcmp(p->name, "idle") == 0)
        return read_idle(p, q, e);
    if (strcmp(p->name, "filter") == 0)
        return read_filter(q, p->value, arena, e);
    if (strcmp(p->name, "filterLabels") == 0)
        return read_labels(q, p->value, arena, e);
    for (size_t i = 0; i < GW_COUNT(flags); i++) {
        if (strcmp(p->name, flags[i].name) == 0)
            return read_bool(p, (bool *)((char *)q + flags[i].at), e);
    }
    for (size_t i = 0; i < GW_COUNT(lists); i++) {
        if (strcmp(p->name, lists[i].name) == 0)
            return *p->value ? read_list(q, (gw_oc_by){lists[i].property, NULL}, p->value, arena, e) : 0;
    }
    return 0; /* resolution and the like: nothing here depends on them */
}

int gw_oc_query_read(const gw_oc_param *params, size_t n, int64_t now_ms, gw_arena *arena, gw_oc_query *ret,
                     gw_error *e)
{
    gw_oc_query *q = GW_NEW(arena, gw_oc_query); /* large, for a worker's stack */
    if (!q)
        return gw_fail_memory(e);
    for (size_t i = 0; i < n; i++) {
        int rc = read_param(&params[i], now_ms, arena, q, e);
        if (rc)
            return rc;
    }
    if (q->window.end_ms == 0)
        return gw_fail(e, GW_EUSAGE, "window: is missing; write for example window=7d");
    *ret = *q;
    return 0;
}

bool gw_oc_query_needs_fleet(const gw_oc_query *q)
{
    for (size_t i = 0; i < q->n_by; i++) {
        if (q->by[i].property == GW_OC_LABEL || q->by[i].property == GW_OC_CONTAINER)
            return true;
    }
    for (size_t i = 0; i < q->n_terms; i++) {
        if (q->terms[i].by.property == GW_OC_LABEL || q->terms[i].by.property == GW_OC_CONTAINER)
            return true;
    }
    return false;
}

/* ---- spans --------------------------------------------------------------------------------------------- */

/* The end of the span that begins at `start`; end: of the last one. */
static int64_t span_end(const gw_oc_query *q, int64_t start, int64_t end)
{
    switch (q->accumulate) {
    case GW_OC_ALL:
        return end;
    case GW_OC_HOURS:
        return start + GW_HOUR_MS;
    case GW_OC_DAYS:
        return gw_day_start(start) + GW_DAY_MS;
    case GW_OC_WEEKS:
        return gw_week_start(start, GW_WINDOW_WORDS_OPENCOST) + 7 * GW_DAY_MS;
    case GW_OC_MONTHS:
        return gw_month_start(start, 1);
    default:
        return q->step_ms && q->step_ms < end - start ? start + q->step_ms : end;
    }
}

int gw_oc_spans(const gw_oc_query *q, gw_arena *arena, gw_interval **ret, size_t *ret_n, gw_error *e)
{
    int64_t start = q->window.start_ms / GW_HOUR_MS * GW_HOUR_MS;
    int64_t end = (q->window.end_ms + GW_HOUR_MS - 1) / GW_HOUR_MS * GW_HOUR_MS;
    size_t n = 0;
    for (int64_t at = start; at < end && n <= GW_OC_SETS_MAX; n++)
        at = span_end(q, at, end);
    if (n > GW_OC_SETS_MAX)
        return gw_fail(e, GW_ELIMIT, "step: the window has more than %d of these; ask for a longer step",
                       GW_OC_SETS_MAX);
    gw_interval *spans = GW_NEW_ARRAY(arena, gw_interval, n + 1);
    if (!spans)
        return gw_fail_memory(e);
    for (size_t i = 0; i < n; i++) {
        int64_t next = GW_MIN(span_end(q, start, end), end);
        spans[i] = (gw_interval){start, next};
        start = next;
    }
    *ret = spans;
    *ret_n = n;
    return 0;
}
