/* The fleet: finding or adding things by name, names that are too long, growth, and memory that runs out. */
#include "gw_test.h"

#include "fleet/fleet.h"

#define S(text) gw_str_of(text)

static void things_are_added_once_and_empty(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_fleet_init(&f);
    uint32_t n = gw_fleet_node(&f, S("n1"), NULL);
    assert_int_equal(n, 0);
    assert_int_equal(gw_fleet_node(&f, S("n2"), NULL), 1);
    assert_int_equal(gw_fleet_node(&f, (gw_str){"n1-and-more", 2}, NULL), 0);
    assert_int_equal(f.n_nodes, 2);
    /* everything unknown, nothing zero that could be taken for a measurement */
    const gw_node *node = &f.nodes[n];
    assert_string_equal(node->name, "n1");
    assert_null(node->instance_type);
    assert_int_equal(node->gpu_count, GW_UNKNOWN_COUNT);
    assert_int_equal(node->gpu_memory_mib, GW_UNKNOWN_COUNT);
    assert_int_equal(node->allocatable_gpus, GW_UNKNOWN_COUNT);
    assert_int_equal(node->cpu_milli, GW_UNKNOWN_COUNT);
    assert_int_equal(node->memory_mib, GW_UNKNOWN_COUNT);
    assert_int_equal(node->replicas, 1);
    assert_int_equal(node->capacity, GW_CAPACITY_UNKNOWN);
    assert_int_equal(node->provider, GW_PROVIDER_UNKNOWN);
    assert_true(node->schedulable);
    assert_false(node->in_api);

    uint32_t g = gw_fleet_gpu(&f, S("GPU-1"), NULL);
    assert_int_equal(gw_fleet_gpu(&f, S("GPU-1"), NULL), g);
    assert_int_equal(f.gpus[g].node, GW_NONE);
    assert_int_equal(f.gpus[g].index, -1);
    assert_int_equal(f.gpus[g].memory_mib, GW_UNKNOWN_COUNT);

    uint32_t p = gw_fleet_pod(&f, S("ml"), S("a"), NULL);
    assert_int_equal(gw_fleet_pod(&f, S("ml"), S("a"), NULL), p);
    assert_int_not_equal(gw_fleet_pod(&f, S("ml2"), S("a"), NULL), p);
    const gw_pod *pod = &f.pods[p];
    assert_string_equal(pod->ns, "ml");
    assert_string_equal(pod->name, "a");
    assert_int_equal(pod->node, GW_NONE);
    assert_int_equal(pod->gpus, GW_UNKNOWN_COUNT);
    assert_int_equal(pod->cpu_request_milli, GW_UNKNOWN_COUNT);
    assert_int_equal(pod->memory_request_mib, GW_UNKNOWN_COUNT);
    assert_true(pod->cpu_used_max_milli < 0 && pod->memory_used_max_mib < 0 && pod->cpu_used_mean_milli < 0);
    assert_int_equal(pod->phase, GW_PHASE_UNKNOWN);
    assert_null(pod->uid);
    assert_null(pod->workload_kind);

    uint32_t o = gw_fleet_owner(&f, S("ml"), S("Job"), S("x"), NULL);
    assert_int_equal(gw_fleet_owner(&f, S("ml"), S("Job"), S("x"), NULL), o);
    assert_null(f.owners[o].owner_kind);
    uint32_t ns = gw_fleet_namespace(&f, S("ml"), NULL);
    assert_int_equal(gw_fleet_namespace(&f, S("ml"), NULL), ns);
    assert_string_equal(f.ns_names[ns], "ml");
    assert_int_equal(f.ns_labels[ns].n, 0);

    assert_int_equal(gw_fleet_find_node(&f, S("n2")), 1);
    assert_int_equal(gw_fleet_find_node(&f, S("n3")), GW_NONE);
    assert_int_equal(gw_fleet_find_pod(&f, S("ml"), S("a")), p);
    assert_int_equal(gw_fleet_find_pod(&f, S("ml"), S("b")), GW_NONE);
    assert_int_equal(gw_fleet_find_owner(&f, S("ml"), S("Job"), S("x")), o);
    assert_int_equal(gw_fleet_find_owner(&f, S("ml"), S("CronJob"), S("x")), GW_NONE);
    assert_int_equal(f.n_pods, 2);
    assert_int_equal(f.n_owners, 1); /* looking up added nothing */
    gw_fleet_free(&f);
}

/* Parts of a compound name stay apart: "a" + "bc" is not "ab" + "c". */
static void compound_names_do_not_run_together(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_fleet_init(&f);
    assert_int_not_equal(gw_fleet_pod(&f, S("a"), S("bc"), NULL), gw_fleet_pod(&f, S("ab"), S("c"), NULL));
    assert_int_not_equal(gw_fleet_pod(&f, S(""), S("x"), NULL), gw_fleet_pod(&f, S("x"), S(""), NULL));
    assert_int_not_equal(gw_fleet_owner(&f, S("a"), S("b"), S("c"), NULL),
                         gw_fleet_owner(&f, S("a"), S("bc"), S(""), NULL));
    assert_int_equal(f.n_pods, 4);
    assert_int_equal(f.n_owners, 2);
    gw_fleet_free(&f);
}

static void units_are_gpus_or_instances_of_them(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_fleet_init(&f);
    uint32_t n = gw_fleet_node(&f, S("n"), NULL), m = gw_fleet_node(&f, S("m"), NULL);
    uint32_t a = gw_fleet_gpu(&f, S("GPU-a"), NULL), b = gw_fleet_gpu(&f, S("GPU-b"), NULL);
    f.gpus[a].model = "NVIDIA A30";
    uint32_t whole = gw_fleet_unit(&f, a, n, S(""), S(""), NULL);
    uint32_t one = gw_fleet_unit(&f, a, n, S("1g.6gb"), S("3"), NULL);
    uint32_t two = gw_fleet_unit(&f, a, n, S("1g.6gb"), S("4"), NULL);
    uint32_t large = gw_fleet_unit(&f, b, n, S("3g.40gb"), S("3"), NULL);
    uint32_t odd = gw_fleet_unit(&f, b, n, S("whatever"), S("5"), NULL);
    uint32_t unseen = gw_fleet_unit(&f, GW_NONE, n, S(""), S(""), NULL);
    uint32_t unseen2 = gw_fleet_unit(&f, GW_NONE, m, S(""), S(""), NULL);
    assert_int_equal(f.n_units, 7);
    assert_int_equal(gw_fleet_unit(&f, a, GW_NONE, S(""), S(""), NULL), whole); /* the GPU says which */
    assert_int_equal(gw_fleet_unit(&f, a, n, S("1g.6gb"), S("4"), NULL), two);
    assert_int_equal(gw_fleet_unit(&f, GW_NONE, m, S(""), S(""), NULL), unseen2);
    assert_int_equal(f.n_units, 7);
    assert_true(f.units[whole].weight == 1);
    assert_null(f.units[whole].mig_profile);
    assert_int_equal(f.units[whole].memory_mib, GW_UNKNOWN_COUNT);
    assert_true(f.units[one].weight == 0.25); /* 1 of an A30's 4 slices */
    assert_int_equal(f.units[one].memory_mib, 6 * 1024);
    assert_string_equal(f.units[one].mig_id, "3");
    assert_true(f.units[large].weight == 3.0 / 7);
    assert_true(f.units[odd].weight == 0); /* not known, and so nothing that could be billed */
    assert_int_equal(f.units[odd].memory_mib, GW_UNKNOWN_COUNT);
    assert_int_equal(f.units[unseen].gpu, GW_NONE);
    assert_int_equal(f.units[unseen].node, n);
    gw_fleet_free(&f);
}

static char long_text[4096];

/* A slice with nothing behind it that one could read by mistake: its own block of exactly that size. */
static gw_str exactly(const char *text)
{
    gw_str s = {gw_malloc(strlen(text)), strlen(text)};
    memcpy((char *)s.p, text, s.n);
    return s;
}

static void names_that_are_too_long_are_refused(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_error e = {0};
    gw_fleet_init(&f);
    memset(long_text, 'x', sizeof(long_text));
    gw_str longest = {long_text, 1023}, longer = {long_text, 1024}, whole = {long_text, sizeof(long_text)};
    gw_str small = exactly("p");

    assert_int_equal(gw_fleet_node(&f, longest, &e), 0);
    assert_int_equal(gw_fleet_node(&f, longer, &e), GW_NONE);
    assert_int_equal(e.code, GW_ECORRUPT);
    assert_non_null(strstr(e.message, "node name too long: 1024 bytes"));
    assert_int_equal(gw_fleet_gpu(&f, longer, &e), GW_NONE);
    assert_non_null(strstr(e.message, "GPU name too long"));
    assert_int_equal(gw_fleet_namespace(&f, longer, &e), GW_NONE);
    assert_non_null(strstr(e.message, "namespace name too long"));

    /* 1021 bytes, the NUL between them and 1 more make 1023; the message shows the part that is to blame, and
     * does not read behind the other */
    assert_int_not_equal(gw_fleet_pod(&f, (gw_str){long_text, 1021}, small, &e), GW_NONE);
    assert_int_equal(gw_fleet_pod(&f, (gw_str){long_text, 1022}, small, &e), GW_NONE);
    assert_int_equal(gw_fleet_pod(&f, longest, small, &e), GW_NONE);
    assert_non_null(strstr(e.message, "pod name too long: 1023 bytes"));
    assert_int_equal(gw_fleet_pod(&f, small, whole, &e), GW_NONE);
    assert_non_null(strstr(e.message, "pod name too long: 4096 bytes"));
    assert_int_equal(gw_fleet_owner(&f, small, whole, small, &e), GW_NONE);
    assert_non_null(strstr(e.message, "owner name too long: 4096 bytes"));
    assert_int_equal(gw_fleet_unit(&f, 0, 0, small, whole, &e), GW_NONE);
    assert_non_null(strstr(e.message, "MIG instance name too long: 4096 bytes"));
    /* no single part is too long, together they are */
    gw_str half = {long_text, 512};
    assert_int_equal(gw_fleet_pod(&f, half, half, &e), GW_NONE);
    assert_non_null(strstr(e.message, "512 bytes"));

    assert_int_equal(gw_fleet_node(&f, longer, NULL), GW_NONE); /* nobody asks why */
    assert_int_equal(gw_fleet_find_node(&f, whole), GW_NONE);
    assert_int_equal(gw_fleet_find_pod(&f, whole, small), GW_NONE);
    assert_int_equal(gw_fleet_find_owner(&f, small, small, whole), GW_NONE);
    assert_int_equal(f.n_nodes, 1);
    assert_int_equal(f.n_gpus + f.n_owners + f.n_ns + f.n_units, 0);
    assert_int_equal(f.n_pods, 1);
    gw_free((char *)small.p);
    gw_fleet_free(&f);
}

static void many_things_keep_their_index(void **state)
{
    GW_UNUSED(state);
    enum { N = 20000 };
    char text[32];
    gw_fleet f;
    gw_fleet_init(&f);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < N; i++) {
            gw_str name = {text, (size_t)snprintf(text, sizeof(text), "thing-%" PRIu32, i)};
            assert_int_equal(gw_fleet_node(&f, name, NULL), i);
            assert_int_equal(gw_fleet_gpu(&f, name, NULL), i);
            assert_int_equal(gw_fleet_pod(&f, S("ns"), name, NULL), i);
            assert_int_equal(gw_fleet_owner(&f, S("ns"), S("Job"), name, NULL), i);
            assert_int_equal(gw_fleet_namespace(&f, name, NULL), i);
            assert_int_equal(gw_fleet_unit(&f, i, i, S("1g.5gb"), S("1"), NULL), i);
        }
    }
    for (uint32_t i = 0; i < N; i++) {
        snprintf(text, sizeof(text), "thing-%" PRIu32, i);
        assert_string_equal(f.nodes[i].name, text);
        assert_string_equal(f.gpus[i].uuid, text);
        assert_string_equal(f.pods[i].name, text);
        assert_string_equal(f.owners[i].name, text);
        assert_string_equal(f.ns_names[i], text);
        assert_ptr_equal(f.nodes[i].name, f.pods[i].name); /* one copy of a text */
    }
    gw_fleet_free(&f);
}

static void there_are_bounds(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_error e = {0};
    char text[32];
    gw_fleet_init(&f);
    for (uint32_t i = 0; i < GW_FLEET_MAX_NODES; i++) {
        gw_str name = {text, (size_t)snprintf(text, sizeof(text), "n%" PRIu32, i)};
        assert_int_equal(gw_fleet_node(&f, name, &e), i);
    }
    assert_int_equal(gw_fleet_node(&f, S("one-more"), &e), GW_NONE);
    assert_int_equal(e.code, GW_ELIMIT);
    assert_non_null(strstr(e.message, "100000 nodes"));
    assert_int_equal(gw_fleet_node(&f, S("n77"), &e), 77); /* what is there is still found */
    assert_int_equal(gw_fleet_find_node(&f, S("one-more")), GW_NONE);
    gw_fleet_free(&f);
}

static void intervals_are_covered(void **state)
{
    GW_UNUSED(state);
    gw_interval seen = {0, 0};
    gw_interval_cover(&seen, 100, 200);
    assert_true(seen.start_ms == 100 && seen.end_ms == 200);
    gw_interval_cover(&seen, 150, 160);
    assert_true(seen.start_ms == 100 && seen.end_ms == 200);
    gw_interval_cover(&seen, 50, 60);
    assert_true(seen.start_ms == 50 && seen.end_ms == 200);
    gw_interval_cover(&seen, 300, 400);
    assert_true(seen.start_ms == 50 && seen.end_ms == 400);
    gw_interval_cover(&seen, -10, 0);
    assert_true(seen.start_ms == -10 && seen.end_ms == 400);
}

/* --- memory that runs out --- */

#define STEPS 300

/* One step of building a fleet. Indices are those that come out where nothing fails. */
static bool step(gw_fleet *f, uint32_t i, gw_error *e)
{
    char text[32];
    uint32_t at = i / 6;
    gw_str name = {text, (size_t)snprintf(text, sizeof(text), "%c-%" PRIu32, (char)('a' + i % 6), at)};
    switch (i % 6) {
    case 0:
        return gw_fleet_node(f, name, e) == at &&
               gw_fleet_label(f, &f->nodes[at].labels, name, S("v"), true) == 0;
    case 1:
        return gw_fleet_gpu(f, name, e) == at;
    case 2:
        return gw_fleet_unit(f, at, at, S("2g.10gb"), name, e) == at;
    case 3:
        return gw_fleet_pod(f, S("ns"), name, e) == at &&
               gw_fleet_label(f, &f->pods[at].labels, name, S("w"), true) == 0;
    case 4:
        return gw_fleet_owner(f, S("ns"), S("Kind"), name, e) == at;
    default:
        return gw_fleet_namespace(f, name, e) == at;
    }
}

static size_t things(const gw_fleet *f)
{
    return f->n_nodes + f->n_gpus + f->n_units + f->n_pods + f->n_owners + f->n_ns;
}

/* Whatever allocation fails, the step says so, nothing half-made can be found, and the step can be done
 * again. */
static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    int64_t live = gw_mem_live();
    uint64_t failed = 0;
    for (uint64_t n = 1;; n++) {
        gw_fleet f;
        bool reached = false;
        gw_fleet_init(&f);
        gw_mem_fail_at(n);
        for (uint32_t i = 0; i < STEPS; i++) {
            gw_error e = {0};
            bool ok = step(&f, i, &e);
            if (!ok) {
                reached = true;
                assert_true(e.code == GW_ENOMEM || e.code == 0); /* a label says it by its result */
                assert_true(things(&f) == i || things(&f) == i + 1);
                assert_true(step(&f, i, &e));
            }
            assert_int_equal(things(&f), i + 1);
        }
        gw_mem_fail_at(0);
        for (uint32_t i = 0; i < STEPS / 6; i++) {
            char text[32];
            snprintf(text, sizeof(text), "a-%" PRIu32, i);
            assert_string_equal(f.nodes[i].name, text);
            assert_int_equal(gw_fleet_find_node(&f, S(text)), i);
            assert_string_equal(gw_labels_get(&f.nodes[i].labels, text), "v");
            text[0] = 'd';
            assert_string_equal(f.pods[i].name, text);
            assert_int_equal(gw_fleet_find_pod(&f, S("ns"), S(text)), i);
            assert_string_equal(gw_labels_get(&f.pods[i].labels, text), "w");
            text[0] = 'c';
            assert_string_equal(f.units[i].mig_id, text);
            text[0] = 'f';
            assert_string_equal(f.ns_names[i], text);
        }
        gw_fleet_free(&f);
        assert_int_equal(gw_mem_live(), live);
        failed += reached;
        if (!reached)
            break;
    }
    assert_true(failed > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(things_are_added_once_and_empty),
        cmocka_unit_test(compound_names_do_not_run_together),
        cmocka_unit_test(units_are_gpus_or_instances_of_them),
        cmocka_unit_test(names_that_are_too_long_are_refused),
        cmocka_unit_test(many_things_keep_their_index),
        cmocka_unit_test(there_are_bounds),
        cmocka_unit_test(intervals_are_covered),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("fleet", tests, NULL, NULL);
}
