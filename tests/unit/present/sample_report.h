/*
 * A report put together by hand, for the renderers' tests: one priced row with everything known, one row with
 * no price and nothing measured, one that no pod holds, and names that try to break out of every format.
 */
#ifndef GW_TESTS_UNIT_CLI_SAMPLE_REPORT_H
#define GW_TESTS_UNIT_CLI_SAMPLE_REPORT_H

#include "attribute/report.h"
#include "base/mem.h"

#define NASTY "a,\"b\"<script>&'\n\033[31m日本語\xff"
#define LONGEST                                                                                              \
    "a-name-as-long-as-kubernetes-takes-"                                                                    \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"        \
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

typedef struct sample {
    gw_fleet fleet;
    gw_usage usage;
    gw_price_book book;
    gw_node_price prices[2];
    gw_finding findings[6];
    gw_findings list;
    gw_row rows[4];
    gw_unknown unknowns[2];
    gw_report r;
} sample;

static gw_row sample_priced(void)
{
    /* 30.131180 = 2.000000 + 20.131180 + 0 + 8.000000 + 0 */
    gw_row row = {.key = {"avatar"},
                  .class = GW_CLASS_INFERENCE,
                  .signals = 1u << GW_SIGNAL_GPU_UTIL,
                  .held = true,
                  .n_pods = 2,
                  .n_gpus = 2};
    row.owner[GW_OWNER_TEAM] = "social";
    row.cost = (gw_cost){.bill = 30131180,
                         .used = 2000000,
                         .wasted = 20131180,
                         .unknown = 8000000,
                         .reclaimable = 5000000,
                         .priced = true,
                         .reclaimable_known = true};
    row.time = (gw_gpu_time){.paid = 8.0 * GW_HOUR_MS,
                             .allocated = 8.0 * GW_HOUR_MS,
                             .used = 0.5 * GW_HOUR_MS,
                             .unknown = 2.0 * GW_HOUR_MS};
    row.stats.allocated = 8.0 * GW_HOUR_MS;
    row.stats.states[GW_STATE_LOW_HIGH] = 6.0 * GW_HOUR_MS;
    row.stats.states[GW_STATE_UNKNOWN] = 2.0 * GW_HOUR_MS;
    row.stats.by_signal[GW_SIGNAL_GPU_UTIL] = 6.0 * GW_HOUR_MS;
    row.compute = (gw_profile){0.058, 0.23, 1};
    row.memory = (gw_profile){0.81, 0.9, 0.95};
    return row;
}

/* Nobody knows its price, and no sample speaks of it. */
static gw_row sample_dark(void)
{
    gw_row row = {.key = {NASTY}, .class = GW_CLASS_UNKNOWN, .held = true, .n_pods = 1};
    row.cost.unpriced_ms = 4.0 * GW_HOUR_MS;
    row.time =
        (gw_gpu_time){.paid = 4.0 * GW_HOUR_MS, .allocated = 4.0 * GW_HOUR_MS, .unknown = 4.0 * GW_HOUR_MS};
    row.stats.allocated = 4.0 * GW_HOUR_MS;
    row.stats.states[GW_STATE_UNKNOWN] = 4.0 * GW_HOUR_MS;
    row.compute = row.memory = (gw_profile){-1, -1, -1};
    return row;
}

static gw_row sample_idle(void)
{
    gw_row row = {.key = {GW_KEY_IDLE}, .class = GW_CLASS_NONE, .n_gpus = 1};
    row.cost = (gw_cost){.bill = 10, .idle = 10, .priced = true};
    row.time = (gw_gpu_time){.paid = 1.0 * GW_HOUR_MS, .idle = 1.0 * GW_HOUR_MS};
    row.compute = row.memory = (gw_profile){0, 0, 0};
    return row;
}

static void sample_fleet(sample *s)
{
    gw_error e;
    gw_fleet_init(&s->fleet);
    for (int i = 0; i < 2; i++) {
        uint32_t node = gw_fleet_node(&s->fleet, gw_str_of(i ? NASTY : "node-a"), &e);
        uint32_t gpu = gw_fleet_gpu(&s->fleet, gw_str_of(i ? "GPU-bbbb" : "GPU-aaaa"), &e);
        s->fleet.gpus[gpu].node = node;
        s->fleet.gpus[gpu].model = "NVIDIA L40S";
        gw_fleet_unit(&s->fleet, gpu, node, (gw_str){0}, (gw_str){0}, &e);
    }
    gw_usage_init(&s->usage, s->r.window, GW_STATE_POLICY_DEFAULT);
    gw_usage_fit(&s->usage, &s->fleet);
    for (int c = 0; c < GW_HEAT_COLUMNS / 2; c++) /* the second GPU and half of the first: unknown */
        s->usage.heat[0][c] = (gw_heat){.integral = (float)c, .known = 100};
    s->prices[0] = (gw_node_price){.hourly = 30131180,
                                   .gpu_hourly = 3766398,
                                   .capacity = GW_CAPACITY_ON_DEMAND,
                                   .region = "us-east-1",
                                   .instance_type = "g6e.48xlarge",
                                   .source = "aws list",
                                   .as_of = "2026-07-20"};
    s->prices[1] = (gw_node_price){.hourly = GW_MICRO_UNKNOWN,
                                   .gpu_hourly = GW_MICRO_UNKNOWN,
                                   .instance_type = "rke2",
                                   .why_unknown = "no price list knows rke2"};
    s->book = (gw_price_book){.nodes = s->prices, .n_nodes = 2};
}

static void sample_findings(sample *s)
{
    for (size_t i = 0; i < GW_COUNT(s->findings); i++) {
        gw_finding *f = &s->findings[i];
        *f = (gw_finding){.rule = "idle-gpu",
                          .severity = (gw_severity)(i % 4),
                          .monthly = i == 5 ? GW_MICRO_UNKNOWN : 1234560000,
                          .confidence = 0.5,
                          .text = i ? "A sentence with numbers, which is long enough not to fit into one "
                                      "line of a table that is a hundred columns wide."
                                    : NASTY};
        f->subject[0].name = "namespace";
        f->subject[0].value = i ? LONGEST : NASTY;
        f->n_subject = 1;
        f->evidence[0] = (gw_evidence){.name = "idleHours", .kind = GW_EVIDENCE_NUMBER, .number = 1.5};
        f->evidence[1] = (gw_evidence){.name = "reason", .kind = GW_EVIDENCE_TEXT, .text = NASTY};
        f->evidence[2] = (gw_evidence){.name = "peakCompute", .kind = GW_EVIDENCE_UNKNOWN};
        f->n_evidence = 3;
    }
    s->list = (gw_findings){.items = s->findings, .n = GW_COUNT(s->findings)};
}

static void sample_init(sample *s)
{
    *s = (sample){0};
    s->r.window = (gw_interval){1662858720000, 1662940857000}; /* 2022-09-11T01:12:00Z + 22 h 48 min 57 s */
    sample_fleet(s);
    sample_findings(s);
    s->rows[0] = sample_priced();
    s->rows[1] = sample_dark();
    s->rows[2] = sample_idle();
    s->rows[3] = sample_dark();
    s->rows[3].key[0] = LONGEST;
    s->unknowns[0] = (gw_unknown){"price of instance type rke2", NASTY, 4.0 * GW_HOUR_MS};
    s->unknowns[1] = (gw_unknown){"objects of the Kubernetes API", LONGEST, -1};
    s->r.fleet = &s->fleet;
    s->r.usage = &s->usage;
    s->r.prices = &s->book;
    s->r.findings = &s->list;
    s->r.by[0] = (gw_by){.dimension = GW_BY_NAMESPACE, .name = "namespace"};
    s->r.n_by = 1;
    s->r.total = sample_priced();
    s->r.total.key[0] = NULL;
    s->r.rows = s->rows;
    s->r.n_rows = 4;
    s->r.unknowns = s->unknowns;
    s->r.n_unknowns = 2;
    s->r.source = "snapshot " NASTY;
}

static void sample_free(sample *s)
{
    gw_usage_free(&s->usage);
    gw_fleet_free(&s->fleet);
}

#endif
