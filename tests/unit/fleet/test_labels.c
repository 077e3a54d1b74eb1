/*
 * Labels: names as kube-state-metrics spells them, and what the labels of the clouds, Karpenter and NVIDIA's
 * gpu-feature-discovery say of a node. Names and values are those that the vendors document.
 */
#include "gw_test.h"

#include "fleet/fleet.h"

#define S(text) gw_str_of(text)

static void names_are_compared_as_metrics_spell_them(void **state)
{
    GW_UNUSED(state);
    /* worked out with kube-state-metrics' two rules: what is no word becomes '_'; ([a-z0-9])([A-Z]) gets a
     * '_' between and all becomes small */
    static const char *const same[][2] = {
        {"team", "team"},
        {"model-name", "model_name"},
        {"app.kubernetes.io/name", "app_kubernetes_io_name"},
        {"eks.amazonaws.com/capacityType", "eks_amazonaws_com_capacity_type"},
        {"eks.amazonaws.com/capacityType", "eks.amazonaws.com/capacityType"},
        {"costCenter", "cost_center"},
        {"costCenter", "cost-center"},
        {"aB1CdEF", "a_b1_cd_ef"},
        {"Team", "team"},
        {"-A", "_a"},
        {"a-B", "a_b"}, /* the hyphen stands between already */
        {"", ""},
    };
    static const char *const different[][2] = {
        {"team", "teams"},      {"teams", "team"}, {"a", ""},        {"costcenter", "costCenter"},
        {"a__b", "a_b"},        {"aB", "a__b"},    {"ABC", "a_b_c"}, {"model.name", "modelname"},
        {"label_team", "team"}, {"a1b", "a1_b"},
    };
    for (size_t i = 0; i < GW_COUNT(same); i++) {
        if (!gw_label_name_eq(same[i][0], same[i][1]) || !gw_label_name_eq(same[i][1], same[i][0]))
            fail_msg("'%s' and '%s' are one label", same[i][0], same[i][1]);
    }
    for (size_t i = 0; i < GW_COUNT(different); i++) {
        if (gw_label_name_eq(different[i][0], different[i][1]) ||
            gw_label_name_eq(different[i][1], different[i][0]))
            fail_msg("'%s' and '%s' are two labels", different[i][0], different[i][1]);
    }
}

static void labels_are_set_once(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_labels l = {0};
    gw_fleet_init(&f);
    assert_null(gw_labels_get(&l, "team"));
    assert_int_equal(gw_fleet_label(&f, &l, S("cost_center"), S("from metrics"), false), 0);
    assert_int_equal(gw_fleet_label(&f, &l, S("cost_center"), S("again"), false), 0);
    assert_string_equal(gw_labels_get(&l, "costCenter"), "from metrics");
    assert_int_equal(gw_fleet_label(&f, &l, S("costCenter"), S("from the API"), true), 0);
    assert_string_equal(gw_labels_get(&l, "cost-center"), "from the API");
    assert_string_equal(l.kv[0].name, "costCenter"); /* the API's spelling wins */
    assert_int_equal(gw_fleet_label(&f, &l, S("empty"), S(""), true), 0);
    assert_string_equal(gw_labels_get(&l, "empty"), ""); /* an empty value is a value */
    assert_int_equal(l.n, 2);
    gw_free(l.kv);
    gw_fleet_free(&f);
}

static void the_first_512_labels_are_kept(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_labels l = {0};
    char name[16];
    gw_fleet_init(&f);
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "l%d", i);
        assert_int_equal(gw_fleet_label(&f, &l, S(name), S(name), true), 0);
    }
    assert_int_equal(l.n, 512);
    assert_string_equal(gw_labels_get(&l, "l511"), "l511");
    assert_null(gw_labels_get(&l, "l512"));
    assert_int_equal(gw_fleet_label(&f, &l, S("l7"), S("new"), true), 0); /* replaced where it is */
    assert_string_equal(gw_labels_get(&l, "l7"), "new");
    gw_free(l.kv);
    gw_fleet_free(&f);
}

static void a_label_may_lack_memory(void **state)
{
    GW_UNUSED(state);
    int64_t live = gw_mem_live();
    for (uint64_t n = 1;; n++) {
        gw_fleet f;
        gw_labels l = {0};
        gw_fleet_init(&f);
        gw_mem_fail_at(n);
        int rc = gw_fleet_label(&f, &l, S("name"), S("value"), true);
        gw_mem_fail_at(0);
        if (rc) {
            assert_int_equal(rc, GW_ENOMEM);
            assert_null(gw_labels_get(&l, "name"));
            assert_int_equal(gw_fleet_label(&f, &l, S("name"), S("value"), true), 0);
        }
        assert_string_equal(gw_labels_get(&l, "name"), "value");
        gw_free(l.kv);
        gw_fleet_free(&f);
        assert_int_equal(gw_mem_live(), live);
        if (rc == 0) {
            assert_true(n > 3); /* the pool's table, its texts, the array of labels */
            break;
        }
    }
}

/* --- nodes --- */

typedef struct named {
    const char *name, *value;
} named;

/* What a node with these labels (name NULL ends) and this provider id turns out to be. */
static gw_node read_node(gw_fleet *f, const char *provider_id, const named *labels)
{
    gw_fleet_init(f);
    uint32_t n = gw_fleet_node(f, S("n"), NULL);
    f->nodes[n].provider_id = provider_id;
    for (; labels->name; labels++)
        assert_int_equal(gw_fleet_label(f, &f->nodes[n].labels, S(labels->name), S(labels->value), true), 0);
    gw_node_read_labels(f, &f->nodes[n]);
    return f->nodes[n];
}

static void capacity_types(void **state)
{
    GW_UNUSED(state);
    static const struct {
        named label;
        gw_capacity want;
    } cases[] = {
        {{"karpenter.sh/capacity-type", "spot"}, GW_CAPACITY_SPOT},
        {{"karpenter.sh/capacity-type", "on-demand"}, GW_CAPACITY_ON_DEMAND},
        {{"karpenter.sh/capacity-type", "reserved"}, GW_CAPACITY_RESERVED},
        {{"karpenter_sh_capacity_type", "spot"}, GW_CAPACITY_SPOT},
        {{"eks.amazonaws.com/capacityType", "SPOT"}, GW_CAPACITY_SPOT},
        {{"eks.amazonaws.com/capacityType", "ON_DEMAND"}, GW_CAPACITY_ON_DEMAND},
        {{"eks.amazonaws.com/capacityType", "CAPACITY_BLOCK"}, GW_CAPACITY_RESERVED},
        {{"eks_amazonaws_com_capacity_type", "SPOT"}, GW_CAPACITY_SPOT}, /* as kube-state-metrics writes it */
        {{"kubernetes.azure.com/scalesetpriority", "spot"}, GW_CAPACITY_SPOT},
        {{"kubernetes.azure.com/scalesetpriority", "regular"}, GW_CAPACITY_ON_DEMAND},
        {{"cloud.google.com/gke-spot", "true"}, GW_CAPACITY_SPOT},
        {{"cloud.google.com/gke-spot", "false"}, GW_CAPACITY_UNKNOWN},
        {{"cloud.google.com/gke-preemptible", "true"}, GW_CAPACITY_SPOT},
        {{"cloud.google.com/gke-provisioning", "spot"}, GW_CAPACITY_SPOT},
        {{"cloud.google.com/gke-provisioning", "preemptible"}, GW_CAPACITY_SPOT},
        {{"cloud.google.com/gke-provisioning", "standard"}, GW_CAPACITY_ON_DEMAND},
        {{"cloud_google_com_gke_spot", "true"}, GW_CAPACITY_SPOT},
        {{"node.kubernetes.io/lifecycle", "normal"}, GW_CAPACITY_ON_DEMAND},
        {{"node.kubernetes.io/lifecycle", "spot"}, GW_CAPACITY_SPOT},
        {{"karpenter.sh/capacity-type", "something-new"}, GW_CAPACITY_UNKNOWN},
        {{"karpenter.sh/capacity-type", ""}, GW_CAPACITY_UNKNOWN},
        {{"capacity-type", "spot"}, GW_CAPACITY_UNKNOWN}, /* somebody's own label */
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_fleet f;
        gw_node n = read_node(&f, NULL, (named[]){cases[i].label, {NULL, NULL}});
        if (n.capacity != cases[i].want)
            fail_msg("%s=%s is %s, not %s", cases[i].label.name, cases[i].label.value,
                     gw_capacity_name(n.capacity), gw_capacity_name(cases[i].want));
        gw_fleet_free(&f);
    }
    /* Karpenter knows better than the node group; what it leaves empty, the next one says */
    gw_fleet f;
    assert_int_equal(read_node(&f, NULL,
                               (named[]){{"eks.amazonaws.com/capacityType", "ON_DEMAND"},
                                         {"karpenter.sh/capacity-type", "spot"},
                                         {NULL, NULL}})
                         .capacity,
                     GW_CAPACITY_SPOT);
    gw_fleet_free(&f);
    assert_int_equal(read_node(&f, NULL,
                               (named[]){{"karpenter.sh/capacity-type", ""},
                                         {"eks.amazonaws.com/capacityType", "ON_DEMAND"},
                                         {NULL, NULL}})
                         .capacity,
                     GW_CAPACITY_ON_DEMAND);
    gw_fleet_free(&f);
}

static void providers(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *id;
        named label;
        gw_provider want;
        bool managed;
    } cases[] = {
        {NULL, {NULL, NULL}, GW_PROVIDER_UNKNOWN, false},
        {"aws:///us-east-1a/i-0abc", {NULL, NULL}, GW_PROVIDER_AWS, false}, /* self-managed on EC2 */
        {"gce://project/zone/vm", {NULL, NULL}, GW_PROVIDER_GCP, false},
        {"azure:///subscriptions/x", {NULL, NULL}, GW_PROVIDER_AZURE, false},
        {"kind://docker/kind/worker", {NULL, NULL}, GW_PROVIDER_UNKNOWN, false},
        {"aws:///us-east-1a/i-0abc", {"eks.amazonaws.com/nodegroup", "gpu"}, GW_PROVIDER_AWS, true},
        {NULL, {"alpha.eksctl.io/cluster-name", "c"}, GW_PROVIDER_AWS, true},
        {NULL, {"eks_amazonaws_com_nodegroup", "gpu"}, GW_PROVIDER_AWS, true}, /* out of Prometheus */
        {NULL, {"cloud.google.com/gke-nodepool", "gpu"}, GW_PROVIDER_GCP, true},
        {NULL, {"cloud.google.com/other", "x"}, GW_PROVIDER_UNKNOWN, false},
        {NULL, {"kubernetes.azure.com/cluster", "c"}, GW_PROVIDER_AZURE, true},
        {NULL, {"node.kubernetes.io/instance-type", "Standard_ND96isr_H100_v5"}, GW_PROVIDER_AZURE, false},
        {NULL, {"node.kubernetes.io/instance-type", "g6e.48xlarge"}, GW_PROVIDER_AWS, false},
        {NULL, {"node.kubernetes.io/instance-type", "g4dn.metal"}, GW_PROVIDER_AWS, false},
        {NULL, {"node.kubernetes.io/instance-type", "a3-highgpu-8g"}, GW_PROVIDER_GCP, false},
        {NULL, {"beta.kubernetes.io/instance-type", "n1-standard-8"}, GW_PROVIDER_GCP, false},
        {NULL, {"node.kubernetes.io/instance-type", "our-dgx.rack7"}, GW_PROVIDER_UNKNOWN, false},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_fleet f;
        gw_node n = read_node(&f, cases[i].id, (named[]){cases[i].label, {NULL, NULL}});
        if (n.provider != cases[i].want || n.managed_control_plane != cases[i].managed)
            fail_msg("case %zu is %s", i, gw_provider_name(n.provider));
        gw_fleet_free(&f);
    }
}

static void sharing(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *replicas, *strategy;
        gw_sharing want;
        int64_t want_replicas;
    } cases[] = {
        {NULL, NULL, GW_SHARING_NONE, 1},
        {"1", "none", GW_SHARING_NONE, 1},
        {"0", NULL, GW_SHARING_NONE,
         1}, /* what gpu-feature-discovery writes where MIG hands out nothing whole */
        {"-3", NULL, GW_SHARING_NONE, 1},
        {"four", NULL, GW_SHARING_NONE, 1},
        {"4", "time-slicing", GW_SHARING_TIME_SLICING, 4},
        {"4", "mps", GW_SHARING_MPS, 4},
        {"4", NULL, GW_SHARING_TIME_SLICING, 4}, /* releases before the strategy's label had nothing else */
        {NULL, "mps", GW_SHARING_MPS, 1},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        named labels[3] = {{NULL, NULL}};
        size_t n_labels = 0;
        if (cases[i].replicas)
            labels[n_labels++] = (named){"nvidia.com/gpu.replicas", cases[i].replicas};
        if (cases[i].strategy)
            labels[n_labels++] = (named){"nvidia.com/gpu.sharing-strategy", cases[i].strategy};
        gw_fleet f;
        gw_node n = read_node(&f, NULL, labels);
        if (n.sharing != cases[i].want || n.replicas != cases[i].want_replicas)
            fail_msg("case %zu: %d, %" PRId64 " replicas", i, (int)n.sharing, n.replicas);
        gw_fleet_free(&f);
    }
}

static void places_and_gpus(void **state)
{
    GW_UNUSED(state);
    gw_fleet f;
    gw_node n = read_node(&f, NULL,
                          (named[]){{"failure-domain.beta.kubernetes.io/region", "old"},
                                    {"topology.kubernetes.io/region", "us-east-1"},
                                    {"failure-domain.beta.kubernetes.io/zone", "us-east-1a"},
                                    {"node_kubernetes_io_instance_type", "p5.48xlarge"},
                                    {"nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3"},
                                    {"cloud.google.com/gke-accelerator", "nvidia-h100"},
                                    {"nvidia.com/gpu.count", "8"},
                                    {"nvidia.com/gpu.memory", "81559"},
                                    {NULL, NULL}});
    assert_string_equal(n.region, "us-east-1");
    assert_string_equal(n.zone, "us-east-1a");
    assert_string_equal(n.instance_type, "p5.48xlarge");
    assert_string_equal(n.gpu_product, "NVIDIA-H100-80GB-HBM3");
    assert_int_equal(n.gpu_count, 8);
    assert_int_equal(n.gpu_memory_mib, 81559);
    /* a wrong number says nothing, and does not undo what was known */
    gw_node *again = &f.nodes[0];
    assert_int_equal(gw_fleet_label(&f, &again->labels, S("nvidia.com/gpu.count"), S("eight"), true), 0);
    assert_int_equal(gw_fleet_label(&f, &again->labels, S("nvidia.com/gpu.memory"), S("-1"), true), 0);
    gw_node_read_labels(&f, again);
    assert_int_equal(again->gpu_count, 8);
    assert_int_equal(again->gpu_memory_mib, 81559);
    gw_fleet_free(&f);
    n = read_node(&f, NULL, (named[]){{"cloud.google.com/gke-accelerator", "nvidia-l4"}, {NULL, NULL}});
    assert_string_equal(n.gpu_product, "nvidia-l4");
    assert_int_equal(n.gpu_count, GW_UNKNOWN_COUNT);
    gw_fleet_free(&f);
    n = read_node(&f, NULL, (named[]){{"nvidia.com/gpu.count", "0"}, {NULL, NULL}});
    assert_int_equal(n.gpu_count, 0); /* none is known to be there, which is not unknown */
    gw_fleet_free(&f);
}

static void enumerations_have_names(void **state)
{
    GW_UNUSED(state);
    assert_string_equal(gw_capacity_name(GW_CAPACITY_UNKNOWN), "unknown");
    assert_string_equal(gw_capacity_name(GW_CAPACITY_ON_DEMAND), "on-demand");
    assert_string_equal(gw_capacity_name(GW_CAPACITY_SPOT), "spot");
    assert_string_equal(gw_capacity_name(GW_CAPACITY_RESERVED), "reserved");
    assert_string_equal(gw_provider_name(GW_PROVIDER_UNKNOWN), "unknown");
    assert_string_equal(gw_provider_name(GW_PROVIDER_AWS), "aws");
    assert_string_equal(gw_provider_name(GW_PROVIDER_AZURE), "azure");
    assert_string_equal(gw_provider_name(GW_PROVIDER_GCP), "gcp");
    assert_string_equal(gw_provider_name(GW_PROVIDER_ON_PREM), "on-premises");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_compared_as_metrics_spell_them),
        cmocka_unit_test(labels_are_set_once),
        cmocka_unit_test(the_first_512_labels_are_kept),
        cmocka_unit_test(a_label_may_lack_memory),
        cmocka_unit_test(capacity_types),
        cmocka_unit_test(providers),
        cmocka_unit_test(sharing),
        cmocka_unit_test(places_and_gpus),
        cmocka_unit_test(enumerations_have_names),
    };
    return cmocka_run_group_tests_name("labels", tests, NULL, NULL);
}
