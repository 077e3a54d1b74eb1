/* A review for people: Markdown and HTML from the same calls. */
#include "operate/review_internal.h"
#include "operate/review_numbers.h"
#include "operate/review_page.h"
#include "operate/review_period.h"

#define NAMES_MAX  512 /* of a list of names in a cell */
#define GAPS_SHOWN 5

static const char *const titles[GW_N_REVIEW_KINDS] = {"GPU review of the week", "GPU right-sizing review",
                                                      "GPU review of the month"};

static gw_micro difference(gw_micro now, gw_micro before)
{
    return gw_micro_known(now) && gw_micro_known(before) ? now - before : GW_MICRO_UNKNOWN;
}

static gw_micro bill_of(const gw_measures *m)
{
    return gw_measures_money(m, m->bill);
}

static gw_micro waste_of(const gw_measures *m)
{
    return gw_measures_money(m, m->wasted);
}

/* What was not there before is new only where it is known what was. */
static const char *new_since(const gw_review *r)
{
    return r->comparable ? "new" : "unknown";
}

/* "+3.2 points", "unknown" */
static void cell_points(gw_page *p, double now, double before)
{
    if (now < 0 || before < 0)
        gw_page_cell(p, "unknown");
    else
        gw_page_cellf(p, "%+.1f points", 100 * (now - before));
}

/* ---- what is missing ----------------------------------------------------------------------------------- */

static void put_gaps(gw_page *p, const gw_review_cluster *c)
{
    char text[1024], from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    size_t at = 0, shown = GW_MIN(c->n_missing, (size_t)GAPS_SHOWN);
    text[0] = '\0';
    for (size_t i = 0; i < shown && at < sizeof(text); i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s to %s", i ? "; " : "",
                               gw_time_format(c->missing[i].start_ms, from),
                               gw_time_format(c->missing[i].end_ms, to));
    if (c->n_missing > shown && at < sizeof(text))
        snprintf(text + at, sizeof(text) - at, "; and %zu more gaps", c->n_missing - shown);
    gw_page_note(p,
                 "%" PRIu32 " of %" PRIu32
                 " hours of cluster %s are not in the store: %s. All sums are of the %" PRIu32
                 " hours that are.",
                 c->expected - c->closed, c->expected, c->name, text, c->closed);
}

static void put_coverage(gw_page *p, const gw_review *r)
{
    char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    gw_page_text(p, "%s to %s (UTC), %s.", gw_time_format(r->when.start_ms, from),
                 gw_time_format(r->when.end_ms, to), r->only_cluster ? r->only_cluster : "all clusters");
    if (r->closed == r->expected)
        gw_page_text(p, "All %" PRIu32 " hours are in the store.", r->expected);
    for (size_t i = 0; i < r->n_clusters; i++)
        if (r->clusters[i].closed < r->clusters[i].expected)
            put_gaps(p, &r->clusters[i]);
    if (!r->comparable)
        gw_page_note(
            p,
            "Dollars are not compared with the period before: one of the two lacks more than %.0f %% of its "
            "hours.",
            100 * (1 - GW_REVIEW_HOURS_LEAST));
}

/* ---- in all -------------------------------------------------------------------------------------------- */

static void put_amount(gw_page *p, const gw_review *r, const char *name, size_t field)
{
    gw_micro now =
        gw_measures_money(&r->total, *(const gw_micro *)(const void *)((const char *)&r->total + field));
    gw_micro before = gw_measures_money(
        &r->total_before, *(const gw_micro *)(const void *)((const char *)&r->total_before + field));
    bool there = r->total_before.paid_ms > 0 || r->total_before.bill > 0;
    before = there ? before : GW_MICRO_UNKNOWN;
    gw_page_cell(p, name);
    gw_page_cell_money(p, now);
    gw_page_cell_money(p, before);
    gw_page_cell_change(p, r->comparable ? difference(now, before) : GW_MICRO_UNKNOWN);
}

static void put_total(gw_page *p, const gw_review *r)
{
    static const char *const columns[] = {"", ">This period", ">The one before", ">Change"};
    static const struct {
        const char *name;
        size_t field;
    } rows[] = {{"Bill $", offsetof(gw_measures, bill)},
                {"… used", offsetof(gw_measures, used)},
                {"… wasted: held and not used", offsetof(gw_measures, wasted)},
                {"… idle: held by nobody", offsetof(gw_measures, idle)},
                {"… unknown: not measured", offsetof(gw_measures, unknown)},
                {"… overhead", offsetof(gw_measures, overhead)}};
    gw_page_heading(p, 2, "In all");
    gw_page_table(p, "The bill and where it went", columns, GW_COUNT(columns));
    for (size_t i = 0; i < GW_COUNT(rows); i++)
        put_amount(p, r, rows[i].name, rows[i].field);
    double now = gw_measures_utilisation(&r->held), before = gw_measures_utilisation(&r->held_before);
    gw_page_cell(p, "GPU utilisation of held time");
    gw_page_cell_share(p, now);
    gw_page_cell_share(p, before);
    cell_points(p, now, before);
    now = gw_measures_unknown_share(&r->held);
    before = gw_measures_unknown_share(&r->held_before);
    gw_page_cell(p, "… of which not measured");
    gw_page_cell_share(p, now);
    gw_page_cell_share(p, before);
    cell_points(p, now, before);
    gw_page_table_end(p);
    if (r->total.unpriced_ms > 0)
        gw_page_note(p, "%.1f GPU-hours have no price and are in no amount.",
                     gw_measures_hours(r->total.unpriced_ms));
}

/* ---- weekly -------------------------------------------------------------------------------------------- */

static const char *owners_of(const gw_review_namespace *x, char out[NAMES_MAX])
{
    size_t at = 0, shown = GW_MIN(x->n_owners, (size_t)GW_REVIEW_OWNERS_MAX);
    out[0] = '\0';
    for (size_t i = 0; i < shown && at < NAMES_MAX; i++)
        at += (size_t)snprintf(out + at, NAMES_MAX - at, "%s%s", i ? ", " : "", x->owners[i]);
    if (x->n_owners > shown && at < NAMES_MAX)
        at += (size_t)snprintf(out + at, NAMES_MAX - at, " and %zu more", x->n_owners - shown);
    if (x->unowned && at < NAMES_MAX)
        snprintf(out + at, NAMES_MAX - at, "%sno team label", at ? "; " : "");
    return out;
}

static void put_namespace(gw_page *p, const gw_review *r, const gw_review_namespace *x)
{
    char names[NAMES_MAX];
    double now = gw_measures_utilisation(&x->m);
    gw_page_cell(p, x->cluster);
    gw_page_cell(p, x->ns);
    gw_page_cell(p, owners_of(x, names));
    gw_page_cell_share(p, now);
    if (x->seen_before)
        cell_points(p, now, gw_measures_utilisation(&x->before));
    else
        gw_page_cell(p, new_since(r));
    gw_page_cell_share(p, gw_measures_unknown_share(&x->m));
    gw_page_cell_hours(p, gw_measures_hours(x->m.paid_ms));
    gw_page_cell_money(p, bill_of(&x->m));
    gw_page_cell_money(p, waste_of(&x->m));
    if (x->seen_before)
        gw_page_cell_change(p, r->comparable ? difference(bill_of(&x->m), bill_of(&x->before))
                                             : GW_MICRO_UNKNOWN);
    else
        gw_page_cell(p, new_since(r));
    gw_page_cell(p, gw_review_verdict_name(x->verdict));
}

static const char *const namespace_columns[] = {"Cluster",   "Namespace", "Owner",      ">Utilisation",
                                                ">Change",   ">Unknown",  ">GPU-hours", ">Cost $",
                                                ">Wasted $", ">Change $", "Verdict"};

static void put_weekly(gw_page *p, const gw_review *r)
{
    size_t n_low = 0;
    gw_micro wasted = 0;
    for (size_t i = 0; i < r->n_namespaces; i++) {
        n_low += r->namespaces[i].verdict == GW_VERDICT_LOW;
        wasted += r->namespaces[i].verdict == GW_VERDICT_LOW ? r->namespaces[i].m.wasted : 0;
    }
    char text[GW_MICRO_TEXT_MAX];
    gw_page_heading(p, 2, "Namespaces under 25 %");
    if (n_low == 0)
        gw_page_text(p, "None of the namespaces that can be judged is under %.0f %%.", 100 * GW_REVIEW_LOW);
    else {
        gw_page_text(p,
                     "%zu namespace%s used less than %.0f %% of the GPU time they held; what they did not "
                     "use cost $%s.",
                     n_low, n_low == 1 ? "" : "s", 100 * GW_REVIEW_LOW, gw_micro_format_human(wasted, text));
        gw_page_table(p, "Namespaces under 25 % and their owners", namespace_columns,
                      GW_COUNT(namespace_columns));
        for (size_t i = 0; i < r->n_namespaces; i++)
            if (r->namespaces[i].verdict == GW_VERDICT_LOW)
                put_namespace(p, r, &r->namespaces[i]);
        gw_page_table_end(p);
    }
    gw_page_heading(p, 2, "All namespaces");
    gw_page_table(p, "GPU utilisation by namespace", namespace_columns, GW_COUNT(namespace_columns));
    for (size_t i = 0; i < r->n_namespaces; i++)
        put_namespace(p, r, &r->namespaces[i]);
    gw_page_table_end(p);
    gw_page_text(
        p,
        "Utilisation: used GPU time over held GPU time that was measured, averaged over the week. Unknown: "
        "held time that was not measured. Targets: 70 to 85 %%; under 50 %% is overpaying, over 90 %% is "
        "queueing; where less than half of the time was measured, nothing is judged.");
}

/* ---- biweekly ------------------------------------------------------------------------------------------ */

static void put_proposals(gw_page *p, const gw_review_workload *x)
{
    char low[GW_MICRO_TEXT_MAX], high[GW_MICRO_TEXT_MAX];
    for (size_t i = 0; i < GW_MIN(x->n_proposals, (size_t)GW_REVIEW_PROPOSALS_MAX); i++) {
        const gw_review_proposal *q = &x->proposals[i];
        const char *standing = q->chosen ? "" : "Alternative, not in the plan: ";
        if (gw_micro_known(q->monthly_low) && gw_micro_known(q->monthly_high))
            gw_page_text(p, "%s%s: %s Saves $%s to $%s a month (%s)", standing, q->kind, q->text,
                         gw_micro_format_human(q->monthly_low, low),
                         gw_micro_format_human(q->monthly_high, high), q->action);
        else
            gw_page_text(p, "%s%s: %s What it saves is not known (%s)", standing, q->kind, q->text,
                         q->action);
    }
    if (x->n_proposals > GW_REVIEW_PROPOSALS_MAX)
        gw_page_text(p, "And %zu more.", x->n_proposals - GW_REVIEW_PROPOSALS_MAX);
}

/* The workloads that the plan leaves as they are, and what it says of why. */
static void put_nothing(gw_page *p, const gw_review *r)
{
    static const char *const columns[] = {"Cluster", "Workload", "Why"},
                             *const reasons[] = {"What the plan leaves as it is, in all", ">GPUs",
                                                 ">$ a month"};
    gw_page_heading(p, 3, "Nothing proposed");
    gw_page_table(p, "Workloads for which nothing is proposed", columns, GW_COUNT(columns));
    for (size_t i = 0; i < r->n_workloads; i++) {
        const gw_review_workload *x = &r->workloads[i];
        if (x->n_proposals)
            continue;
        gw_page_cell(p, x->cluster);
        gw_page_cellf(p, "%s/%s", x->ns, x->workload);
        gw_page_cell(p, x->why_none);
    }
    gw_page_table_end(p);
    if (r->n_held_back == 0)
        return;
    gw_page_table(p, "What holds the plan back", reasons, GW_COUNT(reasons));
    for (size_t i = 0; i < r->n_held_back; i++) {
        gw_page_cell(p, r->held_back[i].why);
        gw_page_cell_hours(p, r->held_back[i].gpus);
        gw_page_cell_money(p, r->held_back[i].monthly);
    }
    gw_page_table_end(p);
}

static void put_biweekly(gw_page *p, const gw_review *r)
{
    static const char *const columns[] = {"Cluster",
                                          "Namespace",
                                          "Workload",
                                          "Team",
                                          "Class",
                                          ">Cost $",
                                          ">Change $",
                                          ">Wasted $",
                                          ">Utilisation",
                                          ">Unknown",
                                          ">Memory held, compute low"};
    gw_page_heading(p, 2, "The dearest workloads");
    gw_page_text(p, "%zu of %zu workloads.", r->n_workloads, r->workloads_seen);
    gw_page_table(p, "The dearest workloads", columns, GW_COUNT(columns));
    for (size_t i = 0; i < r->n_workloads; i++) {
        const gw_review_workload *x = &r->workloads[i];
        gw_page_cell(p, x->cluster);
        gw_page_cell(p, x->ns);
        gw_page_cellf(p, "%s%s%s", x->kind ? x->kind : "", x->kind && *x->kind ? "/" : "", x->workload);
        gw_page_cell(p, x->team);
        gw_page_cell(p, x->class);
        gw_page_cell_money(p, bill_of(&x->m));
        if (x->seen_before)
            gw_page_cell_change(p, r->comparable ? difference(bill_of(&x->m), bill_of(&x->before))
                                                 : GW_MICRO_UNKNOWN);
        else
            gw_page_cell(p, new_since(r));
        gw_page_cell_money(p, waste_of(&x->m));
        gw_page_cell_share(p, gw_measures_utilisation(&x->m));
        gw_page_cell_share(p, gw_measures_unknown_share(&x->m));
        gw_page_cell_share(p, gw_measures_state_share(&x->m, GW_STATE_LOW_HIGH));
    }
    gw_page_table_end(p);
    gw_page_text(
        p,
        "Memory held, compute low: share of the time in which the GPU's memory was more than half full and "
        "its compute less than half busy, of the time for which both are known.");
    gw_page_heading(p, 2, "What the plan proposes");
    if (r->plan_made)
        gw_page_text(
            p, "The plan is of %s. A saving is of the whole action, which may be about other workloads too.",
            r->plan_made);
    else
        gw_page_note(
            p, "There is no plan in the store, so nothing is proposed here: gpuwise serve puts one there.");
    size_t without = 0;
    for (size_t i = 0; i < r->n_workloads && r->plan_made; i++) {
        const gw_review_workload *x = &r->workloads[i];
        char name[NAMES_MAX];
        without += x->n_proposals == 0;
        if (x->n_proposals == 0)
            continue;
        snprintf(name, sizeof(name), "%s/%s of %s", x->ns, x->workload, x->cluster);
        gw_page_heading(p, 3, name);
        put_proposals(p, x);
    }
    if (without)
        put_nothing(p, r);
}

/* ---- monthly ------------------------------------------------------------------------------------------- */

static void put_spot(gw_page *p, const gw_review *r)
{
    static const char *const columns[] = {"Class",    ">Spot",     ">On demand", ">Reserved",
                                          ">Unknown", ">Coverage", ">Target",    ">Hours lacking"};
    gw_page_heading(p, 2, "Spot coverage");
    if (r->spot.n_rows == 0) {
        gw_page_text(p, "No pod held a GPU.");
        return;
    }
    gw_page_table(p, "Spot coverage by class, in held GPU-hours", columns, GW_COUNT(columns));
    for (size_t i = 0; i < r->spot.n_rows; i++) {
        const gw_spot_row *x = &r->spot.rows[i];
        int64_t lack = gw_spot_lack(x);
        gw_page_cell(p, x->class);
        gw_page_cell_hours(p, gw_measures_hours(x->spot_ms));
        gw_page_cell_hours(p, gw_measures_hours(x->on_demand_ms));
        gw_page_cell_hours(p, gw_measures_hours(x->reserved_ms));
        gw_page_cell_hours(p, gw_measures_hours(x->unknown_ms));
        gw_page_cell_share(p, x->coverage);
        if (x->target >= 0)
            gw_page_cell_share(p, x->target);
        else
            gw_page_cell(p, NULL);
        if (x->target < 0)
            gw_page_cell(p, NULL);
        else
            gw_page_cell_hours(p, gw_measures_hours(lack));
    }
    gw_page_table_end(p);
    gw_page_text(
        p, "GPU-hours held by pods. Coverage: spot over spot, on demand and reserved; hours on nodes whose "
           "capacity type no label tells are in neither.");
}

static void put_months(gw_page *p, const gw_review *r)
{
    static const char *const columns[] = {"Month",
                                          ">Hours in the store",
                                          ">Bill $",
                                          ">$ per paid GPU-hour",
                                          ">$ per used GPU-hour",
                                          ">GPU-hours without a price"};
    char name[GW_TIME_TEXT_MAX];
    gw_page_heading(p, 2, "Unit costs");
    gw_page_table(p, "Unit costs by month", columns, GW_COUNT(columns));
    for (size_t i = 0; i < r->n_months; i++) {
        const gw_review_month *m = &r->months[i];
        gw_page_cell(p, gw_period_month_name(m->when.start_ms, name));
        gw_page_cellf(p, "%" PRIu32 " of %" PRIu32, m->closed, m->expected);
        gw_page_cell_money(p, m->closed ? bill_of(&m->m) : GW_MICRO_UNKNOWN);
        gw_page_cell_money(p, gw_measures_per_paid(&m->m));
        gw_page_cell_money(p, gw_measures_per_used(&m->m));
        gw_page_cell_hours(p, m->closed ? gw_measures_hours(m->unpriced_ms) : -1);
    }
    gw_page_table_end(p);
    gw_page_text(p, "Per used GPU-hour: the bill without what nobody measured, over used GPU-hours. What has "
                    "no price is in "
                    "neither. Teams and models "
                    "below: what their own pods held.");
}

static void put_units(gw_page *p, const gw_review *r, gw_dim by, const char *title, const char *caption)
{
    const char *columns[GW_REVIEW_MONTHS + 1] = {title};
    char names[GW_REVIEW_MONTHS][GW_TIME_TEXT_MAX + 1];
    bool any = false;
    for (size_t i = 0; i < r->n_units; i++)
        any |= r->units[i].by == by;
    if (!any)
        return;
    for (size_t k = 0; k < r->n_months; k++) {
        names[k][0] = '>';
        gw_period_month_name(r->months[k].when.start_ms, names[k] + 1);
        columns[k + 1] = names[k];
    }
    gw_page_heading(p, 3, caption);
    gw_page_table(p, caption, columns, r->n_months + 1);
    for (size_t i = 0; i < r->n_units; i++) {
        const gw_review_unit *u = &r->units[i];
        if (u->by != by)
            continue;
        gw_page_cell(p, u->key ? u->key : "(none)");
        for (size_t k = 0; k < r->n_months; k++) {
            if (u->seen[k])
                gw_page_cell_money(p, gw_measures_per_used(&u->m[k]));
            else
                gw_page_cell(p, NULL);
        }
    }
    gw_page_table_end(p);
}

static void put_corrections(gw_page *p, const gw_statements *s)
{
    static const char *const columns[] = {"Corrected at", "Hour", "Cluster", "Namespace",
                                          "Workload",     "Team", "Why",     ">Change $"};
    char at[GW_TIME_TEXT_MAX], hour[GW_TIME_TEXT_MAX];
    gw_page_heading(p, 3, "Corrections");
    if (s->n_lines == 0) {
        gw_page_text(p, "No closed hour of the month was corrected.");
        return;
    }
    gw_page_table(p, "Corrections of hours of this month", columns, GW_COUNT(columns));
    for (size_t i = 0; i < s->n_lines; i++) {
        const gw_correction *c = s->lines[i].c;
        size_t whose = s->lines[i].statement;
        gw_page_cell(p, gw_time_format(c->at_ms, at));
        gw_page_cell(p, gw_time_format(c->hour_ms, hour));
        gw_page_cell(p, c->cluster);
        gw_page_cell(p, c->ns);
        gw_page_cell(p, c->workload);
        gw_page_cell(p, whose == SIZE_MAX      ? "(shared)"
                        : s->items[whose].team ? s->items[whose].team
                                               : "(none)");
        gw_page_cell(p, c->reason);
        gw_page_cell_change(p, c->after.bill - c->before.bill);
    }
    gw_page_table_end(p);
}

static void put_statements(gw_page *p, const gw_review *r)
{
    static const char *const columns[] = {"Team",
                                          ">GPU-hours",
                                          ">Used $",
                                          ">Wasted $",
                                          ">Not measured $",
                                          ">Share of idle $",
                                          ">Share of unknown $",
                                          ">Share of overhead $",
                                          ">Total $",
                                          ">Budget $",
                                          ">Of it"};
    const gw_statements *s = &r->statements;
    gw_page_heading(p, 2, "Statements by team");
    gw_page_table(p, "Statements by team", columns, GW_COUNT(columns));
    for (size_t i = 0; i < s->n; i++) {
        const gw_statement *t = &s->items[i];
        gw_page_cell(p, t->team ? t->team : "(no team)");
        gw_page_cell_hours(p, gw_measures_hours(t->own.paid_ms));
        gw_page_cell_money(p, gw_measures_money(&t->own, t->own.used));
        gw_page_cell_money(p, gw_measures_money(&t->own, t->own.wasted));
        gw_page_cell_money(p, gw_measures_money(&t->own, t->own.unknown));
        gw_page_cell_money(p, t->idle);
        gw_page_cell_money(p, t->unknown);
        gw_page_cell_money(p, t->overhead);
        gw_page_cell_money(p, t->total);
        if (!gw_micro_known(t->budget)) {
            gw_page_cell(p, NULL);
            gw_page_cell(p, NULL);
            continue;
        }
        gw_page_cell_money(p, t->budget);
        gw_page_cell_share(p, gw_micro_known(t->total) && t->budget > 0 ? (double)t->total / (double)t->budget
                                                                        : -1);
    }
    gw_page_table_end(p);
    char text[GW_MICRO_TEXT_MAX];
    gw_page_text(p, "The statements add up to the bill of $%s, to the micro-dollar. Rule: %s.",
                 gw_micro_format(s->bill, text), gw_statement_rule);
    put_corrections(p, s);
}

static void put_monthly(gw_page *p, const gw_review *r)
{
    put_spot(p, r);
    put_months(p, r);
    put_units(p, r, GW_DIM_TEAM, "Team", "Dollars per used GPU-hour by team");
    put_units(p, r, GW_DIM_MODEL, "Model", "Dollars per used GPU-hour by model");
    put_statements(p, r);
}

int gw_review_render(const gw_review *r, bool html, gw_buf *b, gw_error *e)
{
    char title[128], from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    gw_page p;
    /* the last day that is in it, for that is how people say it */
    snprintf(title, sizeof(title), "%s: %s to %s", titles[r->kind],
             gw_period_day_name(r->when.start_ms, from), gw_period_day_name(r->when.end_ms - 1, to));
    gw_page_begin(&p, html, b, title);
    put_coverage(&p, r);
    put_total(&p, r);
    if (r->kind == GW_REVIEW_WEEKLY)
        put_weekly(&p, r);
    else if (r->kind == GW_REVIEW_BIWEEKLY)
        put_biweekly(&p, r);
    else
        put_monthly(&p, r);
    gw_page_end(&p);
    return gw_buf_check(b, "the review", e);
}
