/* README.md of an action: what a person wants to know before, while and after it is done. */
#include "act/export_internal.h"

void gw_act_put_money(gw_buf *b, gw_micro m)
{
    char text[GW_MICRO_TEXT_MAX];
    if (gw_micro_known(m))
        gw_buf_printf(b, "%s$%s", m < 0 ? "−" : "", gw_micro_format_human(m < 0 ? -m : m, text));
    else
        gw_buf_puts(b, "unknown");
}

static void put_range(gw_buf *b, const gw_saving *s)
{
    if (!gw_micro_known(s->high)) {
        gw_buf_puts(b, "unknown: nothing that it touches has a price");
        return;
    }
    gw_act_put_money(b, s->low);
    gw_buf_puts(b, " to ");
    gw_act_put_money(b, s->high);
    gw_buf_puts(b, " a month");
}

static void put_row(gw_buf *b, const char *name, const char *value)
{
    if (!value)
        return;
    gw_buf_printf(b, "| %s | ", name);
    gw_act_prose(b, value);
    gw_buf_puts(b, " |\n");
}

static void put_saving(gw_act *a, gw_buf *b)
{
    const gw_action *t = a->action;
    gw_buf_puts(b, "| saves | ");
    if (t->chosen) {
        put_range(b, &t->share);
        gw_buf_puts(b, " within the plan");
        if (gw_micro_known(t->alone.high) && t->alone.high != t->share.high) {
            gw_buf_puts(b, "; alone ");
            put_range(b, &t->alone);
        }
    } else {
        put_range(b, &t->alone);
        gw_buf_puts(b, " alone; not part of the plan");
        if (t->why_not) {
            gw_buf_puts(b, ": ");
            gw_act_prose(b, t->why_not);
        }
    }
    gw_buf_puts(b, " |\n");
}

static void put_blast(gw_act *a, gw_buf *b)
{
    const gw_blast *s = &a->action->blast;
    gw_buf_puts(b, "| touches | ");
    gw_act_put_count(b, s->nodes, "node", "nodes");
    gw_buf_puts(b, "; ");
    gw_act_put_count(b, s->pods, "pod", "pods");
    gw_buf_puts(b, " of ");
    gw_act_put_count(b, s->workloads, "workload", "workloads");
    gw_buf_printf(b, " restart, %" PRIu32 " of them in production", s->production);
    if (s->pods) {
        gw_buf_puts(b, "; GPU time lost by restarting, once: ");
        gw_act_put_money(b, s->restart_cost);
    }
    gw_buf_puts(b, " |\n");
}

static void put_window(gw_act *a, gw_buf *b)
{
    char start[GW_TIME_TEXT_MAX], end[GW_TIME_TEXT_MAX], length[GW_TIME_TEXT_MAX];
    gw_interval w = a->x->plan->window;
    gw_buf_printf(b, "| rests on | the %s from %s to %s; a month is %.1f h at the window's rate |\n",
                  gw_duration_format(gw_interval_ms(w), length), gw_time_format(w.start_ms, start),
                  gw_time_format(w.end_ms, end), GW_MONTH_HOURS);
}

static void put_head(gw_act *a, gw_buf *b)
{
    const gw_action *t = a->action;
    gw_buf_puts(b, "# ");
    gw_act_prose(b, t->id);
    gw_buf_puts(b, "\n\n");
    if (t->text) {
        gw_act_prose(b, t->text);
        gw_buf_puts(b, "\n\n");
    }
    gw_buf_puts(b, "| | |\n|---|---|\n");
    put_row(b, "what", gw_action_kind_name(t->kind));
    put_row(b, "subject", t->subject);
    put_row(b, "is", t->is);
    put_row(b, "should be", t->should);
    put_saving(a, b);
    gw_buf_printf(b, "| confidence | %.0f %% |\n", t->confidence * 100);
    gw_buf_printf(b, "| risk | %s", gw_risk_name(t->risk));
    if (t->risk_why) {
        gw_buf_puts(b, ": ");
        gw_act_prose(b, t->risk_why);
    }
    gw_buf_puts(b, " |\n");
    put_blast(a, b);
    put_window(a, b);
    put_row(b, "rule", t->rule);
}

/* ---- prices ---- */

typedef struct price_row {
    const char *what, *name;
    uint32_t n;
    gw_capacity capacity;
    gw_micro hourly;
    const char *source, *as_of; /* NULL unknown */
    const char *why_unknown;    /* of the price; NULL: nobody said */
} price_row;

static void put_price(gw_buf *b, const price_row *r)
{
    bool unknown = r->capacity == GW_CAPACITY_UNKNOWN;
    gw_buf_printf(b, "| %s | %" PRIu32 " × ", r->what, r->n);
    gw_act_prose(b, r->name);
    gw_buf_printf(b, " | %s | ", unknown ? "not known" : gw_capacity_name(r->capacity));
    if (gw_micro_known(r->hourly)) {
        gw_act_put_money(b, r->hourly);
        gw_buf_puts(b, " | ");
        gw_act_prose(b, r->source ? r->source : "source not known");
        if (r->as_of) {
            gw_buf_puts(b, ", ");
            gw_act_prose(b, r->as_of);
        }
    } else {
        gw_buf_puts(b, "not known | ");
        gw_act_prose(b, r->why_unknown ? r->why_unknown : "no price list has this type there");
    }
    gw_buf_puts(b, " |\n");
}

#define PRICE_ROWS_MAX 200

static void put_prices(gw_act *a, gw_buf *b)
{
    const gw_change *c = &a->action->change;
    const gw_price_book *p = a->x->prices;
    size_t released = p ? GW_MIN(c->n_released, (size_t)PRICE_ROWS_MAX) : 0;
    if (released == 0 && a->n_hires == 0)
        return;
    gw_buf_puts(
        b, "\n## Prices\n\n| | node | capacity | an hour of one | price from |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < released; i++) {
        uint32_t n = c->released[i];
        if (n >= p->n_nodes || n >= a->fleet->n_nodes)
            continue;
        const gw_node_price *price = &p->nodes[n];
        put_price(b, &(price_row){"ends", a->fleet->nodes[n].name, 1, a->fleet->nodes[n].capacity,
                                  price->hourly, price->source, price->as_of, price->why_unknown});
    }
    for (size_t i = 0; i < a->n_hires; i++) {
        const gw_hire *h = a->hires[i].like;
        put_price(b, &(price_row){"begins", h->instance_type ? h->instance_type : "a node of unknown type",
                                  a->hires[i].n, h->capacity, h->hourly, "the price list", NULL, NULL});
    }
    if (p && c->n_released > PRICE_ROWS_MAX)
        gw_buf_printf(b, "\n%zu more end; action.json names them.\n", c->n_released - PRICE_ROWS_MAX);
}

/* ---- before ---- */

static void put_item(gw_buf *b, const char *text)
{
    gw_buf_puts(b, "- ");
    gw_act_prose(b, text);
    gw_buf_putc(b, '\n');
}

static void put_other_actions(gw_act *a, gw_buf *b, const char *head, const uint32_t *ids, size_t n)
{
    const gw_plan *p = a->x->plan;
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= p->n_actions)
            continue;
        gw_buf_printf(b, "- %s ", head);
        gw_act_prose(b, p->actions[ids[i]].id);
        gw_buf_putc(b, '\n');
    }
}

static void put_before(gw_act *a, gw_buf *b)
{
    const gw_action *t = a->action;
    if (a->n_cautions) {
        gw_buf_puts(b, "\n## Read this first\n\n");
        for (size_t i = 0; i < a->n_cautions; i++)
            put_item(b, a->cautions[i]);
    }
    if (t->n_prerequisites == 0 && t->n_after == 0 && t->n_conflicts == 0)
        return;
    gw_buf_puts(b, "\n## Before you begin\n\n");
    for (size_t i = 0; i < t->n_prerequisites; i++)
        put_item(b, t->prerequisites[i]);
    put_other_actions(a, b, "This comes after", t->after, t->n_after);
    put_other_actions(a, b, "This cannot be done together with", t->conflicts, t->n_conflicts);
}

static void put_evidence(gw_act *a, gw_buf *b)
{
    const gw_action *t = a->action;
    char text[GW_DECIMAL_TEXT_MAX];
    if (t->n_evidence == 0)
        return;
    gw_buf_puts(b, "\n## Evidence\n\n| | |\n|---|---|\n");
    for (size_t i = 0; i < t->n_evidence; i++) {
        const gw_evidence *v = &t->evidence[i];
        put_row(b, v->name,
                v->kind == GW_EVIDENCE_NUMBER ? gw_decimal_format(v->number, 4, true, text)
                : v->kind == GW_EVIDENCE_TEXT ? v->text
                                              : "unknown");
    }
}

/* ---- files ---- */

static const char *purpose_of(const char *path)
{
    static const char *const heads[][2] = {
        {"action.json", "the action for programs; the change in it can be read back"},
        {"kustomization.yaml", "what `kubectl apply -k .` creates: everything in manifests/"},
        {"manifests/mig-parted", "named MIG configurations for mig-manager"},
        {"manifests/device-plugin", "named sharing configurations for the device plugin"},
        {"manifests/nodepool", "a Karpenter NodePool"},
        {"manifests/vpa", "a VerticalPodAutoscaler that recommends and changes nothing"},
        {"nodes/", "patch of a node's labels"},
        {"workloads/kustomization", "the patches below as a kustomize Component"},
        {"workloads/", "patch of a workload"},
        {"hints/descheduler", "a Descheduler policy that empties the nodes, in place of the drain commands"},
        {"hints/cluster-autoscaler", "priorities for the cluster autoscaler's expander"},
        {"back/", "the reverse"},
    };
    for (size_t i = 0; i < GW_COUNT(heads); i++) {
        if (gw_has_prefix(path, heads[i][0]))
            return heads[i][1];
    }
    return "";
}

static void put_files(gw_act *a, gw_buf *b)
{
    gw_buf_puts(b, "\n## Files\n\n| file | what |\n|---|---|\n");
    for (size_t i = 0; i < a->files->n; i++)
        gw_buf_printf(b, "| `%s` | %s |\n", a->files->items[i].path, purpose_of(a->files->items[i].path));
}

int gw_act_write_readme(gw_act *a, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    put_head(a, &b);
    put_before(a, &b);
    gw_act_put_steps(a, &b);
    gw_act_put_checks(a, &b);
    gw_act_put_back(a, &b);
    put_prices(a, &b);
    put_evidence(a, &b);
    put_files(a, &b);
    gw_buf_puts(&b, "\nMade by ");
    gw_act_prose(&b, a->x->product);
    gw_buf_puts(&b, ".\n");
    int rc = gw_act_add(a, "README.md", &b, e);
    gw_buf_free(&b);
    return rc;
}
