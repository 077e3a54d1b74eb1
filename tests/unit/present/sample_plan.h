/*
 * A plan put together by hand, for the renderers' tests. A week (168 h) comes to 730.5 / 168 = 4.348214…
 * weeks a month, and all amounts are multiples of $0.25 an hour, so that months can be worked out at sight:
 *
 *                        window      month, high   month, low (× confidence)
 *   bill before        1,680.00       7,305.00
 *   1 release-node       168.00         730.50       584.400 (0.8)
 *   2 time-slicing        84.00         365.25       182.625 (0.5)
 *   saving               252.00       1,095.75       767.025
 *   bill after         1,428.00       6,209.25
 *   bound              1,400.00       6,087.50
 *   3 mig, alternative    42.00         182.625       91.3125 (0.5)
 */
#ifndef GW_TESTS_UNIT_CLI_SAMPLE_PLAN_H
#define GW_TESTS_UNIT_CLI_SAMPLE_PLAN_H

#include "present/plan.h"

#define NASTY "a,\"b\"<script>&'\n\033[31m日本語\xff"

typedef struct sample_plan {
    gw_fleet fleet;
    gw_usage usage;
    gw_report report;
    gw_plan plan;
    gw_seat was, to;
    uint32_t unit;
    gw_move move;
    gw_cut cut;
    gw_hire hire;
    gw_resize resize;
    uint32_t released, first;
    const char *prerequisite;
    gw_unknown unknown;
    gw_plan_view view;
} sample_plan;

static gw_action *sample_action(sample_plan *s, gw_action_kind kind, const char *id)
{
    gw_action *a = NULL;
    gw_error e = {0};
    if (gw_plan_add(&s->plan, kind, &a, &e))
        fail_msg("%s", e.message);
    a->id = id;
    a->rule = "the first rule that applies";
    a->text = "A sentence with numbers.";
    a->risk_why = "nothing restarts";
    return a;
}

static void sample_release(sample_plan *s)
{
    gw_action *a = sample_action(s, GW_ACTION_RELEASE_NODE, "release-node/gpu-7");
    a->subject = "node gpu-7";
    a->is = "8 of 8 GPUs idle";
    a->should = "released";
    a->chosen = true;
    a->confidence = 0.8;
    a->alone = a->share = (gw_saving){168 * GW_USD, 584400000, 730500000};
    a->change = (gw_change){.released = &s->released, .n_released = 1};
    a->blast.nodes = 1;
    a->evidence[0] = (gw_evidence){.name = "idleHours", .kind = GW_EVIDENCE_NUMBER, .number = 167.5};
    a->evidence[1] = (gw_evidence){.name = "lastHolder", .kind = GW_EVIDENCE_UNKNOWN};
    a->n_evidence = 2;
}

static void sample_share(sample_plan *s)
{
    gw_action *a = sample_action(s, GW_ACTION_TIME_SLICE, "time-slicing/gpu-2");
    a->subject = "Deployment ml/chat on gpu-2";
    a->is = "1 pod has a whole GPU";
    a->should = "a quarter of it";
    a->chosen = true;
    a->confidence = 0.5;
    a->share = (gw_saving){84 * GW_USD, 182625000, 365250000};
    a->risk = GW_RISK_MEDIUM;
    a->risk_why = "one pod restarts";
    a->blast = (gw_blast){.pods = 3, .workloads = 2, .nodes = 2, .production = 1, .restart_cost = 2500000};
    a->after = &s->first;
    a->n_after = 1;
    a->prerequisites = &s->prerequisite;
    a->n_prerequisites = 1;
    a->change = (gw_change){.hires = &s->hire,
                            .n_hires = 1,
                            .cuts = &s->cut,
                            .n_cuts = 1,
                            .resizes = &s->resize,
                            .n_resizes = 1,
                            .moves = &s->move,
                            .n_moves = 1,
                            .released = &s->released,
                            .n_released = 1};
}

static void sample_alternative(sample_plan *s)
{
    gw_action *a = sample_action(s, GW_ACTION_MIG, "mig/gpu-2");
    a->subject = "Deployment ml/chat on gpu-2";
    a->is = "1 pod has a whole GPU";
    a->should = "1g.10gb";
    a->confidence = 0.5;
    a->alone = (gw_saving){42 * GW_USD, 91312500, 182625000};
    a->risk = GW_RISK_HIGH;
    a->why_not = "its risk is higher than --max-risk allows";
}

static void sample_parts(sample_plan *s)
{
    gw_error e;
    uint32_t node7 = gw_fleet_node(&s->fleet, gw_str_of("gpu-7"), &e);
    uint32_t node2 = gw_fleet_node(&s->fleet, gw_str_of("gpu-2"), &e);
    uint32_t gpu = gw_fleet_gpu(&s->fleet, gw_str_of("GPU-2222"), &e);
    uint32_t pod = gw_fleet_pod(&s->fleet, gw_str_of("ml"), gw_str_of("chat-0"), &e);
    s->fleet.gpus[gpu].node = node2;
    s->fleet.gpus[gpu].index = 3;
    s->unit = gw_fleet_unit(&s->fleet, gpu, node2, (gw_str){0}, (gw_str){0}, &e);
    s->released = node7;
    s->was = (gw_seat){.gpu = gpu, .parts = 1, .start = -1, .share = 1, .memory_mib = 24576};
    s->to = (gw_seat){.gpu = GW_HIRED_GPU(0, 1),
                      .form = GW_FORM_TIME_SLICE,
                      .parts = 4,
                      .start = -1,
                      .share = 0.25,
                      .memory_mib = 6144};
    s->move = (gw_move){.pod = pod,
                        .units = &s->unit,
                        .n_units = 1,
                        .was = &s->was,
                        .to = &s->to,
                        .from = node2,
                        .node = GW_HIRED_NODE(0),
                        .restarts = true};
    s->cut = (gw_cut){.gpu = GW_HIRED_GPU(0, 1), .form = GW_FORM_TIME_SLICE, .parts = 4};
    s->hire = (gw_hire){.instance_type = "g6.xlarge",
                        .region = "us-east-1",
                        .provider = GW_PROVIDER_AWS,
                        .capacity = GW_CAPACITY_ON_DEMAND,
                        .hourly = 804800,
                        .gpu = "L4",
                        .gpus = 2,
                        .gpu_memory_mib = 23034,
                        .cpu_milli = GW_UNKNOWN_COUNT,
                        .memory_mib = GW_UNKNOWN_COUNT};
    s->resize = (gw_resize){.ns = "ml",
                            .kind = "Deployment",
                            .name = "chat",
                            .cpu_milli = {8000, 500},
                            .memory_mib = {GW_UNKNOWN_COUNT, 2048},
                            .ephemeral_mib = {GW_UNKNOWN_COUNT, GW_UNKNOWN_COUNT},
                            .pods = 1};
}

static void sample_plan_init(sample_plan *s)
{
    gw_error e = {0};
    *s = (sample_plan){0};
    gw_fleet_init(&s->fleet);
    gw_interval week = {1662854400000, 1662854400000 + 168 * GW_HOUR_MS}; /* from 2022-09-11 on */
    gw_usage_init(&s->usage, week, GW_STATE_POLICY_DEFAULT);
    sample_parts(s);
    s->unknown = (gw_unknown){"objects of the Kubernetes API", "nobody asked", -1};
    s->report = (gw_report){.fleet = &s->fleet,
                            .usage = &s->usage,
                            .window = week,
                            .source = "snapshot x",
                            .unknowns = &s->unknown,
                            .n_unknowns = 1};
    s->prerequisite = "the budget of ml/chat allows an eviction";
    gw_plan_init(&s->plan);
    s->plan.window = week;
    sample_release(s);
    sample_share(s);
    sample_alternative(s);
    s->plan.before =
        (gw_cost){.bill = 1680 * GW_USD, .used = 1000 * GW_USD, .idle = 680 * GW_USD, .priced = true};
    s->plan.after =
        (gw_cost){.bill = 1428 * GW_USD, .used = 1000 * GW_USD, .idle = 428 * GW_USD, .priced = true};
    s->plan.time_before.paid = 2000.0 * GW_HOUR_MS;
    s->plan.time_after.paid = 656.0 * GW_HOUR_MS;
    s->plan.saving = (gw_saving){252 * GW_USD, 767025000, 1095750000};
    s->plan.bound = 1400 * GW_USD;
    s->plan.bound_how = "by a linear program";
    if (gw_plan_hold(&s->plan, "its memory peak needs more than half of the board", 12, 0, 12, 5000 * GW_USD,
                     &e) ||
        gw_plan_hold(&s->plan, "nobody knows its price", 0, 2, 2.5, GW_MICRO_UNKNOWN, &e) ||
        gw_plan_note(&s->plan, "Spot nodes were not considered.", &e))
        fail_msg("%s", e.message);
    s->view = (gw_plan_view){.plan = &s->plan,
                             .report = &s->report,
                             .program = "gpuwise",
                             .flags = "--demo --only mig",
                             .source_flags = "--demo"};
}

static void sample_plan_free(sample_plan *s)
{
    gw_plan_free(&s->plan);
    gw_usage_free(&s->usage);
    gw_fleet_free(&s->fleet);
}

#endif
