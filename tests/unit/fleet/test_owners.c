/* From a pod to the workload that people know it by: chains of owners, missing links, loops, and guesses. */
#include "gw_test.h"

#include "fleet/fleet.h"

#define S(text) gw_str_of(text)

static uint32_t pod(gw_fleet *f, const char *name, const char *kind, const char *owner)
{
    uint32_t i = gw_fleet_pod(f, S("ml"), S(name), NULL);
    f->pods[i].owner_kind = kind;
    f->pods[i].owner_name = owner;
    return i;
}

static void owns(gw_fleet *f, const char *ns, const char *kind, const char *name, const char *by_kind,
                 const char *by_name)
{
    uint32_t i = gw_fleet_owner(f, S(ns), S(kind), S(name), NULL);
    f->owners[i].owner_kind = by_kind;
    f->owners[i].owner_name = by_name;
}

static void assert_workload(const gw_fleet *f, uint32_t pod, const char *kind, const char *name)
{
    if (!gw_eq(f->pods[pod].workload_kind, kind) || !gw_eq(f->pods[pod].workload_name, name))
        fail_msg("%s belongs to %s %s", f->pods[pod].name, f->pods[pod].workload_kind,
                 f->pods[pod].workload_name);
}

static void chains_are_followed_to_the_top(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_fleet_init(&f);
    uint32_t bare = pod(&f, "bare", NULL, NULL), half = pod(&f, "half", "Job", NULL);
    uint32_t rs = pod(&f, "web-1", "ReplicaSet", "web-5d4f8c7b9d"),
             job = pod(&f, "nightly-1-x", "Job", "nightly-1");
    uint32_t ray = pod(&f, "ray-w", "RayCluster", "r-1"), unknown = pod(&f, "odd", "Frob", "f"),
             set = pod(&f, "db-0", "StatefulSet", "db");
    owns(&f, "ml", "ReplicaSet", "web-5d4f8c7b9d", "Deployment", "web");
    owns(&f, "ml", "Deployment", "web", NULL, NULL);
    owns(&f, "ml", "Job", "nightly-1", "CronJob", "nightly");
    owns(&f, "ml", "RayCluster", "r-1", "RayService", "r");  /* whose own owner nobody lists */
    owns(&f, "other", "StatefulSet", "db", "Operator", "o"); /* of another namespace: not this one's */
    assert_int_equal(gw_fleet_resolve_owners(&f), 0);
    assert_workload(&f, bare, NULL, NULL);
    assert_workload(&f, half, NULL, NULL);
    assert_workload(&f, rs, "Deployment", "web");
    assert_workload(&f, job, "CronJob", "nightly");
    assert_workload(&f, ray, "RayService", "r");
    assert_workload(&f, unknown, "Frob", "f");
    assert_workload(&f, set, "StatefulSet", "db");
    gw_fleet_free(&f);
}

static void loops_end(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_fleet_init(&f);
    uint32_t p = pod(&f, "p", "A", "a"), self = pod(&f, "q", "S", "s");
    owns(&f, "ml", "A", "a", "B", "b");
    owns(&f, "ml", "B", "b", "A", "a");
    owns(&f, "ml", "S", "s", "S", "s");
    assert_int_equal(gw_fleet_resolve_owners(&f), 0);
    /* it ends, and with one of those in the loop */
    assert_true(gw_eq(f.pods[p].workload_name, "a") || gw_eq(f.pods[p].workload_name, "b"));
    assert_workload(&f, self, "S", "s");
    gw_fleet_free(&f);
}

static void depth_is_bounded(void **state)
{
    GW_UNUSED(state);
    static const char *const names[] = {"o0", "o1", "o2", "o3", "o4", "o5", "o6", "o7", "o8", "o9", "o10"};
    gw_fleet f;
    gw_fleet_init(&f);
    uint32_t p = pod(&f, "p", "K", names[0]);
    for (size_t i = 0; i + 1 < 9; i++)
        owns(&f, "ml", "K", names[i], "K", names[i + 1]);
    assert_int_equal(gw_fleet_resolve_owners(&f), 0);
    assert_workload(&f, p, "K", "o8"); /* eight links above the first owner */
    owns(&f, "ml", "K", "o8", "K", "o9");
    owns(&f, "ml", "K", "o9", "K", "o10");
    assert_int_equal(gw_fleet_resolve_owners(&f), 0);
    assert_workload(&f, p, "K", "o8"); /* and not further */
    gw_fleet_free(&f);
}

static void unknown_replicasets_are_guessed_by_their_hash(void **state)
{
    GW_UNUSED(state);
    /* the alphabet of Kubernetes' SafeEncodeString: bcdfghjklmnpqrstvwxz2456789 */
    static const struct {
        const char *replicaset, *deployment; /* NULL: taken as it is */
    } cases[] = {
        {"sdxl-serve-6c9f7d5b8", "sdxl-serve"},
        {"web-5d4f8c7b9d", "web"},
        {"a-b-c-bcdfg", "a-b-c"},
        {"web-bcdf", NULL},        /* too short */
        {"web-bcdfghjklmn", NULL}, /* too long */
        {"web-5d4f8c7b9a", NULL},  /* a vowel */
        {"web-5d4f8c7b91", NULL},  /* a digit that the alphabet lacks */
        {"web-5D4F8C7B9D", NULL},
        {"web", NULL},
        {"web-", NULL},
        {"-5d4f8c7b9d", NULL}, /* nothing before it */
        {"5d4f8c7b9d", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_fleet f;
        gw_fleet_init(&f);
        uint32_t p = pod(&f, "p", "ReplicaSet", cases[i].replicaset),
                 other = pod(&f, "q", "Job", cases[i].replicaset);
        assert_int_equal(gw_fleet_resolve_owners(&f), 0);
        if (cases[i].deployment)
            assert_workload(&f, p, "Deployment", cases[i].deployment);
        else
            assert_workload(&f, p, "ReplicaSet", cases[i].replicaset);
        assert_workload(&f, other, "Job", cases[i].replicaset); /* only ReplicaSets are guessed */
        gw_fleet_free(&f);
    }
}

static void a_bare_replicaset_is_no_deployment(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_fleet_init(&f);
    uint32_t bare = pod(&f, "p", "ReplicaSet", "mine-bcdfg"), top = pod(&f, "q", "Wrapper", "w");
    owns(&f, "ml", "ReplicaSet", "mine-bcdfg", NULL, NULL);       /* listed, and owned by none */
    owns(&f, "ml", "Wrapper", "w", "ReplicaSet", "theirs-bcdfg"); /* the ReplicaSet itself is not listed */
    assert_int_equal(gw_fleet_resolve_owners(&f), 0);
    assert_workload(&f, bare, "ReplicaSet", "mine-bcdfg");
    assert_workload(&f, top, "Deployment", "theirs");
    gw_fleet_free(&f);
}

static void want_of_memory_is_told(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    char text[16];
    gw_fleet_init(&f);
    uint32_t p = pod(&f, "p", "ReplicaSet", "web-5d4f8c7b9d");
    /* 12 of 16 slots: the next new text makes the pool grow */
    while (f.pool.map.n < 12) {
        snprintf(text, sizeof(text), "t%zu", f.pool.map.n);
        assert_non_null(gw_fleet_intern(&f, S(text)));
    }
    gw_mem_fail_at(1);
    assert_int_equal(gw_fleet_resolve_owners(&f), GW_ENOMEM);
    gw_mem_fail_at(0);
    assert_workload(&f, p, NULL, NULL);
    assert_int_equal(gw_fleet_resolve_owners(&f), 0);
    assert_workload(&f, p, "Deployment", "web");
    gw_fleet_free(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_are_followed_to_the_top),
        cmocka_unit_test(loops_end),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(unknown_replicasets_are_guessed_by_their_hash),
        cmocka_unit_test(a_bare_replicaset_is_no_deployment),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests_name("owners", tests, NULL, NULL);
}
