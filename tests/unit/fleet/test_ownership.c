#include "gw_test.h"

#include "fleet/ledger.h"

static void set(gw_fleet *f, gw_labels *l, const char *name, const char *value)
{
    assert_int_equal(gw_fleet_label(f, l, gw_str_of(name), gw_str_of(value), true), 0);
}

static uint32_t owner(gw_fleet *f, const char *kind, const char *name)
{
    uint32_t i = gw_fleet_owner(f, gw_str_of("ml"), gw_str_of(kind), gw_str_of(name), NULL);
    assert_int_not_equal(i, GW_NONE);
    return i;
}

static void every_field_has_spellings(void **state)
{
    /* one custom spelling a field, as Prometheus writes it */
    static const char *const spelling[GW_N_OWNER_FIELDS] = {"app_kubernetes_io_team",
                                                            "app_kubernetes_io_part_of",
                                                            "env",
                                                            "model_name",
                                                            "model_version",
                                                            "workload_type",
                                                            "cost_center",
                                                            "sla_tier",
                                                            "optimization_level"};
    GW_UNUSED(state);
    gw_fleet f;
    gw_ownership o;
    gw_fleet_init(&f);
    gw_ownership_defaults(&o);
    uint32_t p = gw_fleet_pod(&f, gw_str_of("ml"), gw_str_of("x"), NULL);
    for (int i = 0; i < GW_N_OWNER_FIELDS; i++) {
        assert_non_null(gw_owner_field_name((gw_owner_field)i));
        assert_non_null(o.labels[i][1]); /* several */
        assert_null(gw_owner_of(&f, &o, p, (gw_owner_field)i));
        set(&f, &f.pods[p].labels, spelling[i], "v");
        assert_string_equal(gw_owner_of(&f, &o, p, (gw_owner_field)i), "v");
    }
    gw_fleet_free(&f);
}

static void the_nearest_level_wins(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_ownership o;
    gw_fleet_init(&f);
    gw_ownership_defaults(&o);
    uint32_t p = gw_fleet_pod(&f, gw_str_of("ml"), gw_str_of("x-1"), NULL);
    f.pods[p].owner_kind = "ReplicaSet";
    f.pods[p].owner_name = "x-abc";
    f.pods[p].workload_kind = "Deployment";
    f.pods[p].workload_name = "x";
    uint32_t ns = gw_fleet_namespace(&f, gw_str_of("ml"), NULL);
    set(&f, &f.ns_labels[ns], "team", "of-namespace");
    assert_string_equal(gw_owner_of(&f, &o, p, GW_OWNER_TEAM), "of-namespace");
    /* the ReplicaSet is not known: the top of the chain answers all the same */
    uint32_t top = owner(&f, "Deployment", "x");
    set(&f, &f.owners[top].labels, "owner", "of-deployment");
    assert_string_equal(gw_owner_of(&f, &o, p, GW_OWNER_TEAM), "of-deployment");
    uint32_t rs = owner(&f, "ReplicaSet", "x-abc");
    f.owners[rs].owner_kind = "Deployment";
    f.owners[rs].owner_name = "x";
    assert_string_equal(gw_owner_of(&f, &o, p, GW_OWNER_TEAM), "of-deployment");
    set(&f, &f.owners[rs].labels, "team", "of-replicaset");
    assert_string_equal(gw_owner_of(&f, &o, p, GW_OWNER_TEAM), "of-replicaset");
    set(&f, &f.pods[p].labels, "owner", "of-pod"); /* a later spelling, but nearer */
    assert_string_equal(gw_owner_of(&f, &o, p, GW_OWNER_TEAM), "of-pod");
    set(&f, &f.pods[p].labels, "team", "");
    assert_string_equal(gw_owner_of(&f, &o, p, GW_OWNER_TEAM), "of-pod"); /* empty says nothing */
    set(&f, &f.pods[p].labels, "team", "named");
    assert_string_equal(gw_owner_of(&f, &o, p, GW_OWNER_TEAM), "named");
    gw_fleet_free(&f);
}

static void loops_and_strangers(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_ownership o;
    gw_fleet_init(&f);
    gw_ownership_defaults(&o);
    uint32_t p = gw_fleet_pod(&f, gw_str_of("ml"), gw_str_of("x"), NULL);
    f.pods[p].owner_kind = "A";
    f.pods[p].owner_name = "a";
    uint32_t a = owner(&f, "A", "a"), b = owner(&f, "B", "b");
    f.owners[a].owner_kind = "B";
    f.owners[a].owner_name = "b";
    f.owners[b].owner_kind = "A";
    f.owners[b].owner_name = "a";
    assert_null(gw_owner_of(&f, &o, p, GW_OWNER_TEAM)); /* ends */
    assert_null(gw_owner_of(&f, &o, GW_NONE, GW_OWNER_TEAM));
    assert_null(gw_owner_of(&f, &o, p, GW_N_OWNER_FIELDS));
    assert_null(gw_owner_field_name(GW_N_OWNER_FIELDS));
    gw_fleet_free(&f);
}

static void classes_have_names(void **state)
{
    GW_UNUSED(state);
    assert_string_equal(gw_class_name(GW_CLASS_UNKNOWN), "unknown");
    assert_string_equal(gw_class_name(GW_CLASS_INFERENCE), "inference");
    assert_string_equal(gw_class_name(GW_CLASS_MIXED), "mixed");
    assert_null(gw_class_name(GW_CLASS_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_spellings),
        cmocka_unit_test(the_nearest_level_wins),
        cmocka_unit_test(loops_and_strangers),
        cmocka_unit_test(classes_have_names),
    };
    return cmocka_run_group_tests_name("ownership", tests, NULL, NULL);
}
