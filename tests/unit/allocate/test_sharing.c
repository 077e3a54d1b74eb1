/* Which form a pod may take: cases worked by hand, and promises that hold for any facts. */
#include "gw_test.h"

#include <math.h>

#include "allocate/sharing.h"
#include "price/gpu.h"

#define ALL (1u << GW_FORM_WHOLE | 1u << GW_FORM_MIG | 1u << GW_FORM_MPS | 1u << GW_FORM_TIME_SLICE)

/* A well-watched inference pod of a production tenant, on one board. */
static gw_share_facts facts(const char *model, int64_t board_mib, int64_t peak_mib, double compute_p95)
{
    return (gw_share_facts){
        .model = model,
        .board_mib = board_mib,
        .gpus = 1,
        .form = GW_FORM_WHOLE,
        .compute_p95 = compute_p95,
        .compute_peak = GW_MIN(1, 3 * compute_p95),
        .memory_peak_mib = peak_mib,
        .known = 0.9,
        .hours = 100,
        .class = GW_CLASS_INFERENCE,
        .headroom = {.compute_p95 = 0.85,
                     .memory_peak = 0.85,
                     .production = true,
                     .survive_node_loss = true,
                     .tier = GW_TIER_STANDARD,
                     .forms = ALL,
                     .tenant = "ml"},
    };
}

static gw_share_choice choose(const gw_share_facts *f)
{
    gw_share_choice c;
    memset(&c, 0xa5, sizeof(c)); /* whatever was there before must not matter */
    gw_share_choose(f, &c);
    assert_non_null(c.rule);
    assert_true(memchr(c.why, '\0', sizeof(c.why)) && c.why[0]);
    return c;
}

/* "mig 1g.20gb, mps 6, time-slicing 4"; "" */
static void ways_text(const gw_share_choice *c, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < c->n && n < size; i++) {
        const gw_share_way *w = &c->ways[i];
        if (w->form == GW_FORM_MIG)
            n += (size_t)snprintf(out + n, size - n, "%smig %s", i ? ", " : "", w->profile->name);
        else
            n += (size_t)snprintf(out + n, size - n, "%s%s %d", i ? ", " : "", gw_form_name(w->form),
                                  w->max_parts);
    }
}

static void expect_at(int line, const gw_share_facts *f, const char *rule, const char *ways)
{
    char got[200];
    gw_share_choice c = choose(f);
    ways_text(&c, got, sizeof(got));
    if (strcmp(c.rule, rule) != 0 || strcmp(got, ways) != 0)
        fail_msg("line %d: %s: %s\n%s", line, c.rule, got, c.why);
}
#define expect(f, rule, ways) expect_at(__LINE__, f, rule, ways)

/* ---- MIG ---- */

static void sizes_a_slice_by_memory_and_compute(void **state)
{
    GW_UNUSED(state);
    /* An A100-80GB has 108 SMs; 1g.10gb 9728 MiB and 1g.20gb 19968 MiB with 14 of them, 2g.20gb 28 of them,
     * 3g.40gb 42 and 4g.40gb 56 with 40192 MiB. */
    gw_share_facts f = facts("A100-80GB", 81920, 10035, 0.11);
    f.headroom.tier = GW_TIER_P99;
    /* memory 10035 / 0.85 = 11806 > 9728; compute 0.11 / 0.85 = 0.1294 <= 14 / 108 = 0.1296 */
    expect(&f, "hard-p99-mig", "mig 1g.20gb");
    f.compute_p95 = 0.111; /* 0.1306 */
    expect(&f, "hard-p99-mig", "mig 2g.20gb");
    f.memory_peak_mib = 8268; /* 0.85 * 9728 = 8268.8 */
    f.compute_p95 = 0.11;
    expect(&f, "hard-p99-mig", "mig 1g.10gb");
    f.memory_peak_mib = 8269;
    expect(&f, "hard-p99-mig", "mig 1g.20gb");
    f.memory_peak_mib = 34163; /* 0.85 * 40192 = 34163.2 */
    expect(&f, "hard-p99-mig", "mig 3g.40gb");
    f.memory_peak_mib = 34164;
    expect(&f, "working-set", "");
    f.memory_peak_mib = 1000;
    f.compute_p95 = 0.44; /* 0.44 / 0.85 = 0.5176 <= 56 / 108 = 0.5185 */
    expect(&f, "hard-p99-mig", "mig 4g.40gb");
    f.compute_p95 = 0.441; /* 0.5188: only the whole board, which is no part */
    expect(&f, "no-part", "");
    /* the headrooms are looked at apart */
    f.compute_p95 = 0.441;
    f.headroom.compute_p95 = 0.9; /* 0.49 */
    expect(&f, "hard-p99-mig", "mig 4g.40gb");
    f.headroom.memory_peak = 0.02; /* 50000 */
    expect(&f, "working-set", "");
}

static void finds_the_board_by_its_memory(void **state)
{
    GW_UNUSED(state);
    gw_share_facts f = facts("A100", 40960, 3000, 0.05); /* 3000 / 0.85 = 3530 <= 4864; 0.059 <= 0.1296 */
    f.headroom.tier = GW_TIER_P99;
    expect(&f, "hard-p99-mig", "mig 1g.5gb");
    f.board_mib = 81920;
    expect(&f, "hard-p99-mig", "mig 1g.10gb");
    f.board_mib = 60000; /* no A100 has that */
    expect(&f, "unknown-board", "");
    f.model = "GH200";
    f.board_mib = 97871;
    expect(&f, "hard-p99-mig", "mig 1g.12gb");
    f.model = "A30"; /* 4 slices: 1g.6gb 5952 MiB, 14 of 56 SMs */
    f.board_mib = 24258;
    expect(&f, "hard-p99-mig", "mig 1g.6gb");
    f.memory_peak_mib = 10173; /* 0.85 * 11968 = 10172.8 */
    expect(&f, "working-set", "");
    f.memory_peak_mib = 10172;
    expect(&f, "hard-p99-mig", "mig 2g.12gb");
}

/* ---- MPS and time-slicing ---- */

static void mps_parts_memory_and_threads(void **state)
{
    GW_UNUSED(state);
    /* An L4 has no MIG. Memory: 23034 / 6 = 3839, of it 85 % are 3263; 23034 / 7 = 3290 and 2796. Threads: a
     * sixth is 16 %, of it 85 % are 13.6 %. */
    gw_share_facts f = facts("L4", 23034, 3000, 0.10);
    expect(&f, "tenant-mps", "mps 6");
    f.memory_peak_mib = 1000;
    /* memory would allow 19; threads: 100 / 8 = 12 %, of it 85 % are 10.2 %; 100 / 9 = 11 % and 9.35 % */
    expect(&f, "tenant-mps", "mps 8");
    f.compute_p95 = 0.281; /* 33 % of threads carry 28.05 %, 50 % carry 42.5 % */
    expect(&f, "tenant-mps", "mps 2");
    f.compute_p95 = 0.28;
    expect(&f, "tenant-mps", "mps 3");
    f.compute_p95 = 0.426;
    expect(&f, "no-part", "");
    f.compute_p95 = 0.851;
    expect(&f, "compute-bound", "");
    f.compute_p95 = 0.1;
    f.memory_peak_mib = 9789; /* half of 23034 is 11517, of it 85 % are 9789.45 */
    expect(&f, "tenant-mps", "mps 2");
    f.memory_peak_mib = 9790;
    expect(&f, "working-set", "");
}

static void clients_are_bounded(void **state)
{
    GW_UNUSED(state);
    gw_share_facts f = facts("L4", 23034, 100, 0.01); /* 100 / 48 = 2 %, of it 85 % are 1.7 % */
    expect(&f, "tenant-mps", "mps 48");
    f = facts("V100-32GB", 32510, 100, 0.01); /* before 7.5 the device plugin allows 16 */
    expect(&f, "tenant-mps", "mps 16");
    f.headroom.max_parts = 4;
    expect(&f, "tenant-mps", "mps 4");
    f.headroom.max_parts = 20; /* what the driver does not do the policy cannot allow */
    expect(&f, "tenant-mps", "mps 16");
    f = facts("T4", 15360, 100, 0.01);
    f.headroom.tier = GW_TIER_BEST_EFFORT;
    expect(&f, "best-effort-time-slicing", "time-slicing 8, mps 48");
    f.headroom.max_parts = 20; /* but the limit on turns is ours */
    expect(&f, "best-effort-time-slicing", "time-slicing 20, mps 20");
    f.headroom.max_parts = 3;
    expect(&f, "best-effort-time-slicing", "time-slicing 3, mps 3");
    f.headroom.max_parts = 1; /* no part of one: nothing is left but the board */
    assert_int_equal(choose(&f).n, 0);
}

static void turns_share_the_whole_compute(void **state)
{
    GW_UNUSED(state);
    /* T4, 15360 MiB: a sixth is 2560, of it 85 % are 2176; a seventh 2194 and 1864. In its turn each has the
     * whole board, so a P95 of 30 % is no obstacle; under MPS half the threads carry it and a third does not
     */
    gw_share_facts f = facts("T4", 15360, 2000, 0.30);
    f.class = GW_CLASS_NOTEBOOK;
    f.headroom.tier = GW_TIER_BEST_EFFORT;
    expect(&f, "best-effort-time-slicing", "time-slicing 6, mps 2");
    f.compute_p95 = 0.85;
    expect(&f, "best-effort-time-slicing", "time-slicing 6");
    f.compute_p95 = 0.8501;
    expect(&f, "compute-bound", "");
    f.model = "P100-16GB"; /* Pascal: MPS does not keep clients' memory apart */
    f.board_mib = 16280;
    f.compute_p95 = 0.1;
    expect(&f, "best-effort-time-slicing", "time-slicing 6"); /* 2713 × 0.85 = 2306; 2325 × 0.85 = 1976 */
}

/* ---- the order of ways ---- */

static void tiers_order_the_ways(void **state)
{
    GW_UNUSED(state);
    gw_share_facts f = facts("A100-80GB", 81920, 5000, 0.05);
    /* memory: 81920 / 13 = 6301 × 0.85 = 5356, / 14 = 5851 and 4973; threads: 100 / 13 = 7 % × 0.85 = 5.95 %
     */
    f.headroom.tier = GW_TIER_P99;
    expect(&f, "hard-p99-mig", "mig 1g.10gb");
    f.headroom.tier = GW_TIER_STANDARD;
    expect(&f, "standard-mig", "mig 1g.10gb, mps 13");
    f.headroom.production = false;
    expect(&f, "standard-mig", "mig 1g.10gb, mps 13, time-slicing 8");
    f.headroom.tier = GW_TIER_BEST_EFFORT;
    expect(&f, "best-effort-time-slicing", "time-slicing 8, mig 1g.10gb, mps 13");
    f.headroom.production = true; /* it said that it may wait */
    expect(&f, "best-effort-time-slicing", "time-slicing 8, mig 1g.10gb, mps 13");
    f.headroom.forms = ALL & ~(1u << GW_FORM_TIME_SLICE);
    expect(&f, "best-effort-mig", "mig 1g.10gb, mps 13");
    f.headroom.forms = 1u << GW_FORM_WHOLE | 1u << GW_FORM_MPS;
    expect(&f, "best-effort-mps", "mps 13");
    f.headroom.tier = GW_TIER_STANDARD;
    expect(&f, "tenant-mps", "mps 13");
    f.headroom.production = false;
    f.headroom.forms = 1u << GW_FORM_WHOLE | 1u << GW_FORM_TIME_SLICE;
    expect(&f, "development-time-slicing", "time-slicing 8");
    f.headroom.production = true;
    expect(&f, "no-form-left", "");
    f.headroom.tier = GW_TIER_P99;
    expect(&f, "hard-p99-no-mig", "");
}

static void training_does_not_share_faults(void **state)
{
    GW_UNUSED(state);
    static const struct {
        gw_workload_class class;
        bool mps;
    } cases[] = {{GW_CLASS_INFERENCE, true}, {GW_CLASS_BATCH, true},    {GW_CLASS_NOTEBOOK, true},
                 {GW_CLASS_TRAINING, false}, {GW_CLASS_UNKNOWN, false}, {GW_CLASS_MIXED, false},
                 {GW_CLASS_NONE, false}};
    gw_share_facts f = facts("L40S", 46068, 4000, 0.2);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        f.class = cases[i].class;
        f.headroom.production = true;
        /* threads: 100 / 4 = 25 % × 0.85 = 21.25 %; a fifth is 17 % */
        expect(&f, cases[i].mps ? "tenant-mps" : "no-form-left", cases[i].mps ? "mps 4" : "");
        f.headroom.production = false; /* memory: 46068 / 8 = 5758, of it 85 % are 4894 */
        expect(&f, "tenant-mps", "mps 4, time-slicing 8");
    }
}

/* ---- what keeps it dedicated ---- */

static void reasons_to_stay_in_their_order(void **state)
{
    GW_UNUSED(state);
    /* everything is wrong at once; put right one by one, the next reason comes to light */
    gw_share_facts f = facts(NULL, GW_UNKNOWN_COUNT, GW_UNKNOWN_COUNT, -1);
    f.gpus = 2;
    f.known = 0.4;
    f.headroom.exclude = true;
    f.headroom.why = "excluded by rule 3 (policy.yaml:12)";
    f.headroom.forms = 1u << GW_FORM_WHOLE;
    f.headroom.tier = GW_TIER_P99;
    expect(&f, "excluded", "");
    assert_non_null(strstr(choose(&f).why, f.headroom.why));
    f.headroom.exclude = false;
    expect(&f, "no-form-allowed", "");
    f.headroom.forms = ALL;
    expect(&f, "multi-gpu", "");
    f.gpus = GW_UNKNOWN_COUNT;
    expect(&f, "unknown-board", "");
    f.gpus = 0;
    expect(&f, "unknown-board", "");
    f.gpus = 1;
    expect(&f, "unknown-board", "");
    f.model = "Voodoo-3"; /* no model of the table */
    expect(&f, "unknown-board", "");
    f.model = "MI300X";
    expect(&f, "unknown-board", "");
    f.board_mib = 192 * 1024;
    expect(&f, "not-nvidia", "");
    f.model = "A10G";
    expect(&f, "unknown-board", ""); /* 192 GiB are not an A10G's */
    f.board_mib = 23028;
    expect(&f, "unknown-memory", "");
    f.memory_peak_mib = 40000;
    expect(&f, "unknown-compute", "");
    f.compute_p95 = NAN;
    expect(&f, "unknown-compute", "");
    f.compute_p95 = 0.95;
    expect(&f, "too-little-known", ""); /* 40 % of its time */
    f.known = 0.5;
    f.hours = 1.9;
    expect(&f, "too-little-known", ""); /* 0.95 h */
    f.hours = NAN;
    expect(&f, "too-little-known", "");
    f.hours = 2;
    expect(&f, "hard-p99-no-mig", "");
    f.headroom.tier = GW_TIER_STANDARD;
    f.headroom.forms = 1u << GW_FORM_WHOLE | 1u << GW_FORM_MIG;
    expect(&f, "no-form-left", "");
    f.headroom.forms = ALL;
    expect(&f, "compute-bound", "");
    f.compute_p95 = 0.5;
    expect(&f, "working-set", "");
    f.memory_peak_mib = 4000;
    expect(&f, "no-part", ""); /* half the threads carry 42.5 % */
    f.compute_p95 = 0.4;
    expect(&f, "tenant-mps", "mps 2");
}

static void virtual_gpus_are_not_cut(void **state)
{
    GW_UNUSED(state);
    gw_share_facts f = facts("L4", 3072, 500, 0.1); /* what an L4-3Q reports */
    expect(&f, "unknown-board", "");
    f = facts("A100-80GB", 40960, 500, 0.1); /* the exporter and the label disagree */
    expect(&f, "unknown-board", "");
    f = facts("H100-80GB", 81559, 500, 0.1); /* what a driver reports of a whole one */
    assert_string_equal(choose(&f).rule, "standard-mig");
}

static void impossible_headrooms_allow_nothing(void **state)
{
    GW_UNUSED(state);
    static const double wrong[] = {0, -1, 1.5, NAN, INFINITY};
    for (size_t i = 0; i < GW_COUNT(wrong); i++) {
        gw_share_facts f = facts("A100-80GB", 81920, 5000, 0.05);
        f.headroom.memory_peak = wrong[i];
        assert_int_equal(choose(&f).n, 0);
        f.headroom.memory_peak = 1;
        f.headroom.compute_p95 = wrong[i];
        assert_int_equal(choose(&f).n, 0);
    }
}

static void sentences_have_the_numbers(void **state)
{
    GW_UNUSED(state);
    gw_share_facts f = facts("A100-80GB", 81920, 10035, 0.11);
    assert_string_equal(choose(&f).why,
                        "memory peak 9.8 GiB and compute P95 11 % of its A100-80GB fit 1g.20gb "
                        "(19.5 GiB, 14 of 108 SMs) at 85 % headroom");
    f.headroom.tier = GW_TIER_P99;
    f.compute_peak = 0.714;
    assert_string_equal(choose(&f).why,
                        "memory peak 9.8 GiB and compute P95 11 % of its A100-80GB fit 1g.20gb "
                        "(19.5 GiB, 14 of 108 SMs) at 85 % headroom; its tier is p99, its largest "
                        "sample 71 %");
    f = facts("L4", 23034, 3000, 0.1);
    f.headroom.compute_p95 = 0.9;
    assert_string_equal(choose(&f).why,
                        "memory peak 2.9 GiB and compute P95 10 % of its L4 fit one of up to 6 parts "
                        "under MPS (3.7 GiB each) at 90 % compute and 85 % memory headroom");
    f.memory_peak_mib = 12000;
    assert_string_equal(choose(&f).why,
                        "memory peak 11.7 GiB is more than 85 % of the largest part of its L4 that it "
                        "may take (11.2 GiB)");
}

static void long_reasons_are_cut_between_characters(void **state)
{
    GW_UNUSED(state);
    gw_share_facts f = facts("L4", 23034, 3000, 0.1);
    char why[400] = "xx";
    for (size_t i = 0; i < 120; i++)
        memcpy(why + 2 + 3 * i, "\xe2\x82\xac", 3); /* the euro sign */
    f.headroom.exclude = true;
    for (size_t from = 0; from < 3; from++) { /* so that the cut comes before, in and after a sign */
        f.headroom.why = why + from;
        gw_share_choice c = choose(&f);
        size_t n = strlen(c.why);
        assert_true(n > GW_SHARE_WHY_MAX - 4);
        assert_memory_equal(c.why + n - 3, "\xe2\x82\xac", 3);
    }
}

/* ---- together ---- */

static void who_may_share_a_board(void **state)
{
    GW_UNUSED(state);
    gw_headroom a = {.forms = ALL, .tenant = "ml", .production = true}, b = a;
    assert_true(gw_share_together(GW_FORM_MPS, &a, &b));
    assert_true(gw_share_together(GW_FORM_TIME_SLICE, &a, &b));
    assert_true(gw_share_together(GW_FORM_MIG, &a, &b));
    assert_false(gw_share_together(GW_FORM_WHOLE, &a, &b));

    b.production = false; /* faults are shared under MPS only */
    assert_false(gw_share_together(GW_FORM_MPS, &a, &b));
    assert_true(gw_share_together(GW_FORM_TIME_SLICE, &a, &b));
    b = a;
    b.tier = GW_TIER_BEST_EFFORT;
    assert_false(gw_share_together(GW_FORM_MPS, &a, &b));
    assert_true(gw_share_together(GW_FORM_TIME_SLICE, &b, &a));

    gw_headroom strangers[6] = {a, a, a, a, a, a};
    strangers[0].tenant = "other";
    strangers[1].tenant_named = true; /* a tenant "ml" is not the namespace "ml" */
    strangers[2].tenant = NULL;
    strangers[3].tier = GW_TIER_P99;
    strangers[4].exclude = true;
    strangers[5].forms = 1u << GW_FORM_WHOLE;
    for (size_t i = 0; i < GW_COUNT(strangers); i++) {
        for (gw_form form = GW_FORM_MPS; form <= GW_FORM_TIME_SLICE; form++) {
            assert_false(gw_share_together(form, &a, &strangers[i]));
            assert_false(gw_share_together(form, &strangers[i], &a));
            assert_true(i == 0 || i == 1 || !gw_share_together(form, &strangers[i], &strangers[i]));
        }
        assert_true(gw_share_together(GW_FORM_MIG, &a, &strangers[i])); /* hardware keeps them apart */
    }
}

/* ---- hardware ---- */

static void every_nvidia_board_has_a_capability(void **state)
{
    GW_UNUSED(state);
    for (size_t i = 0; gw_gpu_name_at(i); i++) {
        const char *name = gw_gpu_name_at(i);
        bool amd = gw_has_prefix(name, "MI") || gw_has_prefix(name, "Radeon");
        int c = gw_share_capability(name);
        if (amd ? c != 0 : c < 30 || c > 130)
            fail_msg("%s: %d", name, c);
    }
    assert_int_equal(gw_share_capability(NULL), 0);
    assert_int_equal(gw_share_capability("Voodoo-3"), 0);
    assert_int_equal(gw_share_capability("V100-16GB"), 70);
    assert_int_equal(gw_share_capability("T4"), 75);
}

/* ---- any facts ---- */

static uint64_t seed;
static uint64_t next(uint64_t n) /* 0 .. n - 1; Knuth's MMIX constants, high bits */
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (seed >> 33) % n;
}
static double unit(void)
{
    return (double)next(100001) / 100000;
}

static gw_share_facts random_facts(void)
{
    static const char *const models[] = {
        "A100-80GB", "A100-40GB", "A100", "H100-80GB", "H200",      "A30", "B200", "GH200", "RTX-PRO-6000",
        "L4",        "T4",        "L40S", "V100-16GB", "P100-16GB", "K80", "B300", "MI300X"};
    static const int64_t gib[] = {80, 40, 80, 80, 141, 24, 180, 96, 96, 24, 16, 48, 16, 16, 12, 268, 192};
    size_t m = next(GW_COUNT(models));
    gw_share_facts f = facts(models[m], gib[m] * (1024 - (int64_t)next(60)), 0, 0);
    f.memory_peak_mib = (int64_t)(unit() * unit() * 1.1 * (double)f.board_mib);
    f.compute_p95 = unit() * unit();
    f.known = 0.4 + 0.6 * unit();
    f.hours = 1 + unit() * 10;
    f.class = (gw_workload_class)next(GW_CLASS_NONE + 1);
    f.headroom.compute_p95 = next(5) ? 0.5 + unit() / 2 : 1;
    f.headroom.memory_peak = next(5) ? 0.5 + unit() / 2 : 1;
    f.headroom.production = next(2);
    f.headroom.tier = (gw_tier)next(GW_N_TIERS);
    f.headroom.max_parts = next(4) ? 0 : 2 + (int)next(47);
    if (next(4) == 0)
        f.headroom.forms = 1u << GW_FORM_WHOLE | (unsigned)next(16);
    switch (next(24)) {
    case 0:
        f.model = NULL;
        break;
    case 1:
        f.board_mib = GW_UNKNOWN_COUNT;
        break;
    case 2:
        f.memory_peak_mib = GW_UNKNOWN_COUNT;
        break;
    case 3:
        f.compute_p95 = next(2) ? -1 : NAN;
        break;
    case 4:
        f.gpus = (int64_t)next(4) - 1;
        break;
    case 5:
        f.headroom.exclude = true;
        break;
    case 6:
        f.board_mib = (int64_t)next(300000);
        break;
    case 7:
        f.memory_peak_mib = INT64_MAX - (int64_t)next(3);
        break;
    case 8:
        f.known = NAN;
        break;
    default:
        break;
    }
    return f;
}

static bool is_pre_volta(const char *model)
{
    return gw_gpu_is(model, "P100") || gw_gpu_is(model, "K80");
}

/* Whether a part has room, from its definition and by other arithmetic than the product's: in whole MiB and
 * thousandths, with a hair of slack for the rounding of a product of doubles. */
static bool has_room(const gw_share_facts *f, double part_mib, double part_compute)
{
    return (double)f->memory_peak_mib / part_mib <= f->headroom.memory_peak + 1e-9 &&
           f->compute_p95 / part_compute <= f->headroom.compute_p95 + 1e-9;
}
static bool lacks_room(const gw_share_facts *f, double part_mib, double part_compute)
{
    return (double)f->memory_peak_mib / part_mib > f->headroom.memory_peak - 1e-9 ||
           f->compute_p95 / part_compute > f->headroom.compute_p95 - 1e-9;
}

static double compute_of(const gw_share_way *w)
{
    return gw_mig_compute_share(w->mig, w->profile);
}

static void check_mig(const gw_share_facts *f, const gw_share_way *w)
{
    bool listed = false, its = false;
    for (size_t i = 0; gw_mig_board_at(i); i++)
        listed |= gw_mig_board_at(i) == w->mig;
    assert_true(listed);
    for (size_t i = 0; i < w->mig->n_profiles; i++)
        its |= &w->mig->profiles[i] == w->profile;
    assert_true(its);
    assert_false(gw_mig_is_variant(w->profile));
    /* two of the board's instances can be there: it is a part */
    assert_true(w->profile->memory_mib < f->board_mib && w->profile->size < w->mig->slots);
    assert_true(w->profile->memory_mib >= f->memory_peak_mib);
    assert_true(has_room(f, (double)w->profile->memory_mib, compute_of(w)));
    /* the board's own total is about what its name says, so that the profile's memory is real */
    double whole = (double)w->mig->profiles[w->mig->n_profiles - 1].memory_gb * 1024;
    assert_true((double)f->board_mib > 0.84 * whole && (double)f->board_mib < 1.06 * whole);
    for (size_t i = 0; i < w->mig->n_profiles; i++) {
        const gw_mig_profile *p = &w->mig->profiles[i];
        if (!gw_mig_is_variant(p) && p->size < w->profile->size)
            assert_true(lacks_room(f, (double)p->memory_mib, gw_mig_compute_share(w->mig, p)));
    }
}

static void check_parts(const gw_share_facts *f, const gw_share_way *w)
{
    int n = w->max_parts, cap = GW_PLAN_PARTS_MAX;
    bool mps = w->form == GW_FORM_MPS;
    assert_true(n >= 2 && n <= cap);
    assert_true(f->board_mib / n >= f->memory_peak_mib);
    assert_true(has_room(f, (double)(f->board_mib / n), mps ? (double)(100 / n) / 100 : 1));
    if (mps) {
        assert_false(is_pre_volta(f->model));
        cap = gw_gpu_is(f->model, "V100") ? 16 : 48;
        cap = f->headroom.max_parts ? GW_MIN(cap, f->headroom.max_parts) : cap;
    } else {
        cap = f->headroom.max_parts ? f->headroom.max_parts : 8;
    }
    assert_true(n <= cap);
    if (n < cap)
        assert_true(lacks_room(f, (double)(f->board_mib / (n + 1)), mps ? (double)(100 / (n + 1)) / 100 : 1));
}

static void check_choice(const gw_share_facts *f, const gw_share_choice *c)
{
    const gw_headroom *h = &f->headroom;
    bool seen[GW_FORM_TIME_SLICE + 1] = {false};
    if (f->gpus != 1 || !f->model || f->board_mib <= 0 || f->memory_peak_mib < 0 || !(f->compute_p95 >= 0) ||
        !(f->known >= 0.5) || !(f->known * f->hours >= 1) || h->exclude || gw_has_prefix(f->model, "MI"))
        assert_int_equal(c->n, 0);
    assert_true(c->n <= GW_SHARE_WAYS_MAX);
    for (size_t i = 0; i < c->n; i++) {
        const gw_share_way *w = &c->ways[i];
        assert_true(w->form != GW_FORM_WHOLE && !seen[w->form]);
        seen[w->form] = true;
        assert_true(h->forms >> w->form & 1);
        assert_true(h->tier != GW_TIER_P99 || w->form == GW_FORM_MIG);
        assert_false(w->form == GW_FORM_TIME_SLICE && h->production && h->tier != GW_TIER_BEST_EFFORT);
        assert_false(w->form == GW_FORM_MPS && h->production && h->tier != GW_TIER_BEST_EFFORT &&
                     f->class == GW_CLASS_TRAINING);
        if (w->form == GW_FORM_MIG)
            check_mig(f, w);
        else
            check_parts(f, w);
    }
}

static void promises_hold_for_any_facts(void **state)
{
    GW_UNUSED(state);
    size_t rules = 0, seen[64] = {0};
    const char *const *names = gw_share_rule_names();
    while (names[rules])
        rules++;
    assert_true(rules < GW_COUNT(seen));
    seed = 20261121;
    for (int i = 0; i < 100000; i++) {
        gw_share_facts f = random_facts();
        gw_share_choice c = choose(&f);
        check_choice(&f, &c);
        size_t k = 0;
        while (k < rules && strcmp(names[k], c.rule) != 0)
            k++;
        assert_true(k < rules);
        seen[k]++;
    }
    for (size_t k = 0; k < rules; k++) /* no rule that nothing ever comes to */
        if (!seen[k])
            fail_msg("rule %s never applied", names[k]);
}

/* The guide's section explains every rule, in the order in which they are asked. */
static void the_guide_has_every_rule(void **state)
{
    GW_UNUSED(state);
    static char text[1 << 17];
    FILE *guide = fopen("docs/guide/sharing.md", "r"); /* tests run in the source root */
    assert_non_null(guide);
    text[fread(text, 1, sizeof(text) - 1, guide)] = '\0';
    fclose(guide);
    const char *at = strstr(text, "\n## Which form, and why\n");
    assert_non_null(at);
    for (const char *const *name = gw_share_rule_names(); *name; name++) {
        char cell[64];
        snprintf(cell, sizeof(cell), "| `%s` |", *name);
        const char *next_at = strstr(at, cell);
        if (!next_at)
            fail_msg("docs/guide/sharing.md has no %s in its place", *name);
        at = next_at;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_a_slice_by_memory_and_compute),
        cmocka_unit_test(finds_the_board_by_its_memory),
        cmocka_unit_test(mps_parts_memory_and_threads),
        cmocka_unit_test(clients_are_bounded),
        cmocka_unit_test(turns_share_the_whole_compute),
        cmocka_unit_test(tiers_order_the_ways),
        cmocka_unit_test(training_does_not_share_faults),
        cmocka_unit_test(reasons_to_stay_in_their_order),
        cmocka_unit_test(virtual_gpus_are_not_cut),
        cmocka_unit_test(impossible_headrooms_allow_nothing),
        cmocka_unit_test(sentences_have_the_numbers),
        cmocka_unit_test(long_reasons_are_cut_between_characters),
        cmocka_unit_test(who_may_share_a_board),
        cmocka_unit_test(every_nvidia_board_has_a_capability),
        cmocka_unit_test(promises_hold_for_any_facts),
        cmocka_unit_test(the_guide_has_every_rule),
    };
    return cmocka_run_group_tests_name("sharing", tests, NULL, NULL);
}
