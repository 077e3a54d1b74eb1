#include "operate/statement.h"

#include "operate/review_numbers.h"

enum { BY_CLUSTER, BY_NAMESPACE, BY_WORKLOAD, BY_TEAM, N_BY };

const char gw_statement_rule[] =
    "own = what the team's pods held; idle GPUs, time that nobody knows the holder of, and overhead are "
    "shared in "
    "proportion to own paid GPU-hours (largest remainder), so that the statements add up to the bill";

gw_query gw_statements_query(gw_interval when, const char *cluster)
{
    gw_query q = {.when = when,
                  .step = GW_STEP_NONE,
                  .by = {[BY_CLUSTER] = GW_DIM_CLUSTER,
                         [BY_NAMESPACE] = GW_DIM_NAMESPACE,
                         [BY_WORKLOAD] = GW_DIM_WORKLOAD,
                         [BY_TEAM] = GW_DIM_TEAM},
                  .n_by = N_BY};
    if (cluster) {
        q.where[0].dim = GW_DIM_CLUSTER;
        q.where[0].value = cluster;
        q.n_where = 1;
    }
    return q;
}

/* What the making needs besides the result. */
typedef struct maker {
    gw_arena *arena;
    gw_map by_team;     /* team -> item */
    gw_map by_workload; /* cluster \x1f namespace \x1f workload -> item */
    gw_statements out;
    size_t cap;
} maker;

static gw_statement *find_or_add(maker *k, const char *team, uint32_t *ret)
{
    gw_str key = gw_str_of(gw_is_nobody(team) ? "" : team);
    uint32_t at = gw_map_get(&k->by_team, key);
    if (at == GW_NONE) {
        at = (uint32_t)k->out.n;
        if (gw_grow((void **)&k->out.items, &k->cap, k->out.n + 1, sizeof(*k->out.items),
                    GW_STATEMENTS_MAX) ||
            gw_map_set(&k->by_team, key, at))
            return NULL;
        k->out.items[k->out.n++] = (gw_statement){.team = key.n ? team : NULL, .budget = GW_MICRO_UNKNOWN};
    }
    *ret = at;
    return &k->out.items[at];
}

/* The key of a workload in by_workload; false where it does not fit. */
static bool workload_key(char *out, size_t size, const char *cluster, const char *ns, const char *workload)
{
    int n =
        snprintf(out, size, "%s\x1f%s\x1f%s", cluster ? cluster : "", ns ? ns : "", workload ? workload : "");
    return n >= 0 && (size_t)n < size;
}

#define KEY_MAX 1024 /* names of Kubernetes objects have at most 253 bytes */

static int gather(maker *k, const gw_sums *s, gw_error *e)
{
    char key[KEY_MAX];
    for (size_t i = 0; i < s->n; i++) {
        const gw_sum *x = &s->rows[i];
        uint32_t at;
        if (gw_is_shared_namespace(x->key[BY_NAMESPACE])) {
            gw_measures_add(&k->out.shared, &x->m);
            continue;
        }
        gw_statement *t = find_or_add(k, x->key[BY_TEAM], &at);
        if (!t)
            return k->out.n >= GW_STATEMENTS_MAX
                       ? gw_fail(e, GW_ELIMIT,
                                 "more than %zu teams in the statements; choose a shorter period or a "
                                 "cluster",
                                 GW_STATEMENTS_MAX)
                       : gw_fail_memory(e);
        gw_measures_add(&t->own, &x->m);
        gw_measures_add(&k->out.own, &x->m);
        if (workload_key(key, sizeof(key), x->key[BY_CLUSTER], x->key[BY_NAMESPACE], x->key[BY_WORKLOAD]) &&
            gw_map_set(&k->by_workload, gw_str_of(key), at))
            return gw_fail_memory(e);
    }
    uint32_t nobody;
    if (k->out.n == 0 && !find_or_add(k, "", &nobody))
        return gw_fail_memory(e);
    return 0;
}

/* One pot over all statements, by own paid time. */
static int share(maker *k, gw_micro whole, size_t field, double *weight, gw_micro *part, gw_error *e)
{
    size_t n = k->out.n;
    for (size_t i = 0; i < n; i++)
        weight[i] = (double)GW_MAX(0, k->out.items[i].own.paid_ms);
    if (gw_apportion(GW_MAX(0, whole), weight, n, part))
        return gw_fail_memory(e);
    for (size_t i = 0; i < n; i++)
        *(gw_micro *)(void *)((char *)&k->out.items[i] + field) = part[i];
    return 0;
}

static int share_all(maker *k, gw_error *e)
{
    double *weight = gw_malloc(k->out.n * sizeof(*weight));
    gw_micro *part = gw_malloc(k->out.n * sizeof(*part));
    const gw_measures *pot = &k->out.shared;
    int rc = weight && part ? 0 : gw_fail_memory(e);
    rc = rc ? rc : share(k, pot->idle, offsetof(gw_statement, idle), weight, part, e);
    rc = rc ? rc : share(k, pot->unknown, offsetof(gw_statement, unknown), weight, part, e);
    rc = rc ? rc : share(k, pot->overhead, offsetof(gw_statement, overhead), weight, part, e);
    gw_free(weight);
    gw_free(part);
    k->out.bill = k->out.own.bill + pot->bill;
    for (size_t i = 0; i < k->out.n && rc == 0; i++) {
        gw_statement *t = &k->out.items[i];
        t->total =
            gw_measures_priced(&t->own) ? t->own.bill + t->idle + t->unknown + t->overhead : GW_MICRO_UNKNOWN;
    }
    return rc;
}

static int take_corrections(maker *k, const gw_correction *c, size_t n, gw_error *e)
{
    char key[KEY_MAX];
    k->out.lines = GW_NEW_ARRAY(k->arena, gw_statement_line, n + 1);
    if (!k->out.lines)
        return gw_fail_memory(e);
    for (size_t i = 0; i < n; i++) {
        uint32_t at = GW_NONE;
        if (workload_key(key, sizeof(key), c[i].cluster, c[i].ns, c[i].workload))
            at = gw_map_get(&k->by_workload, gw_str_of(key));
        k->out.lines[k->out.n_lines++] = (gw_statement_line){&c[i], at == GW_NONE ? SIZE_MAX : at};
        if (at == GW_NONE)
            continue;
        k->out.items[at].n_corrections++;
        k->out.items[at].corrected += c[i].after.bill - c[i].before.bill;
    }
    return 0;
}

static int by_total(const void *a, const void *b)
{
    const gw_statement *x = a, *y = b;
    if (!x->team != !y->team)
        return x->team ? -1 : 1;
    if (x->total != y->total) /* unknown is the least: last */
        return x->total > y->total ? -1 : 1;
    return x->team ? strcmp(x->team, y->team) : 0;
}

/* Sorts, and takes the lines' indexes along. */
static int sort(maker *k, gw_error *e)
{
    size_t *now = gw_malloc(k->out.n * sizeof(*now));
    gw_statement *items = GW_NEW_ARRAY(k->arena, gw_statement, k->out.n);
    if (!now || !items) {
        gw_free(now);
        return gw_fail_memory(e);
    }
    memcpy(items, k->out.items, k->out.n * sizeof(*items));
    qsort(items, k->out.n, sizeof(*items), by_total);
    for (size_t i = 0; i < k->out.n; i++)
        now[gw_map_get(&k->by_team, gw_str_of(items[i].team))] = i;
    for (size_t i = 0; i < k->out.n_lines; i++) {
        size_t *at = &k->out.lines[i].statement;
        *at = *at == SIZE_MAX ? SIZE_MAX : now[*at];
    }
    gw_free(now);
    gw_free(k->out.items);
    k->out.items = items;
    return 0;
}

int gw_statements_make(const gw_sums *s, const gw_correction *c, size_t n_c,
                       const gw_statement_budget *budgets, size_t n_budgets, gw_arena *arena,
                       gw_statements *ret, gw_error *e)
{
    maker k = {.arena = arena};
    gw_map_init(&k.by_team);
    gw_map_init(&k.by_workload);
    int rc = gather(&k, s, e);
    rc = rc ? rc : share_all(&k, e);
    for (size_t i = 0; i < n_budgets && rc == 0; i++) {
        uint32_t at = budgets[i].team ? gw_map_get(&k.by_team, gw_str_of(budgets[i].team)) : GW_NONE;
        if (at != GW_NONE)
            k.out.items[at].budget = budgets[i].amount;
    }
    rc = rc ? rc : take_corrections(&k, c, n_c, e);
    bool sorted = rc == 0 && (rc = sort(&k, e)) == 0;
    gw_map_free(&k.by_team);
    gw_map_free(&k.by_workload);
    if (!sorted) {
        gw_free(k.out.items);
        return rc;
    }
    *ret = k.out;
    return 0;
}

static void put_line(gw_doc *d, const gw_statement_line *l)
{
    char text[GW_TIME_TEXT_MAX];
    const gw_correction *c = l->c;
    gw_doc_object(d, NULL);
    gw_doc_text(d, "at", gw_time_format(c->at_ms, text));
    gw_doc_text(d, "hour", gw_time_format(c->hour_ms, text));
    gw_doc_text(d, "cluster", c->cluster);
    gw_doc_text(d, "namespace", c->ns);
    gw_doc_text(d, "workload", c->workload);
    gw_doc_text(d, "reason", c->reason);
    gw_doc_money(d, "change", c->after.bill - c->before.bill);
    gw_doc_end(d);
}

/* any: false where there is no such line, which spares the search. */
static void put_lines(gw_doc *d, const gw_statements *s, size_t statement, bool any)
{
    gw_doc_array(d, "corrections");
    for (size_t i = 0; any && i < s->n_lines; i++)
        if (s->lines[i].statement == statement)
            put_line(d, &s->lines[i]);
    gw_doc_end(d);
}

void gw_statements_write(gw_doc *d, const gw_statements *s)
{
    gw_doc_text(d, "rule", gw_statement_rule);
    gw_doc_money(d, "bill", s->bill);
    gw_doc_object(d, "shared");
    gw_measures_write(d, &s->shared);
    put_lines(d, s, SIZE_MAX, true);
    gw_doc_end(d);
    gw_doc_array(d, "statements");
    for (size_t i = 0; i < s->n; i++) {
        const gw_statement *t = &s->items[i];
        gw_doc_object(d, NULL);
        gw_doc_text(d, "team", t->team);
        gw_doc_object(d, "own");
        gw_measures_write(d, &t->own);
        gw_doc_end(d);
        gw_doc_object(d, "share");
        gw_doc_money(d, "idle", t->idle);
        gw_doc_money(d, "unknown", t->unknown);
        gw_doc_money(d, "overhead", t->overhead);
        gw_doc_end(d);
        gw_doc_money(d, "total", t->total);
        gw_doc_money(d, "budget", t->budget);
        if (t->n_corrections)
            gw_doc_money(d, "corrected", t->corrected);
        put_lines(d, s, i, t->n_corrections > 0);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}
