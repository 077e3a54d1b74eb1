#include "gw_test.h"

#include "base/mem.h"
#include "format/json_tree.h"
#include "observe/kube_objects.h"

static gw_fleet fleet;
static gw_error error;

static int setup(void **state)
{
    GW_UNUSED(state);
    gw_json_use_own_memory();
    gw_fleet_init(&fleet);
    error = (gw_error){0};
    return 0;
}

static int teardown(void **state)
{
    GW_UNUSED(state);
    gw_fleet_free(&fleet);
    return 0;
}

static int add(const char *text, const char *kind)
{
    json_error_t je;
    json_t *j = json_loads(text, JSON_DECODE_ANY, &je);
    if (!j)
        fail_msg("the test's own JSON is wrong: %s", je.text);
    int r = gw_kube_add_list(&fleet, j, kind, &error);
    json_decref(j);
    return r;
}

static void must_add(const char *text, const char *kind)
{
    if (add(text, kind))
        fail_msg("%s", error.message);
}

static void refuses(const char *text, const char *message)
{
    error = (gw_error){0};
    assert_int_equal(add(text, NULL), GW_ECORRUPT);
    assert_string_equal(error.message, message);
}

static const gw_pod *pod(const char *ns, const char *name)
{
    uint32_t i = gw_fleet_find_pod(&fleet, gw_str_of(ns), gw_str_of(name));
    assert_int_not_equal(i, GW_NONE);
    return &fleet.pods[i];
}

/* A pod whose spec is this text, with the fields that tests look at. */
static const gw_pod *pod_of_spec(const char *spec)
{
    char text[4096];
    gw_fleet_free(&fleet);
    gw_fleet_init(&fleet);
    snprintf(text, sizeof(text),
             "{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"a\",\"name\":\"p\"},\"spec\":%s}", spec);
    must_add(text, NULL);
    return pod("a", "p");
}

static void nodes(void **state)
{
    GW_UNUSED(state);
    must_add("{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"n1\","
             "\"creationTimestamp\":\"2026-11-01T00:00:00Z\",\"labels\":{"
             "\"node.kubernetes.io/instance-type\":\"p4d.24xlarge\",\"topology.kubernetes.io/"
             "region\":\"us-east-1\","
             "\"karpenter.sh/capacity-type\":\"spot\",\"nvidia.com/gpu.count\":\"8\"}},"
             "\"spec\":{\"providerID\":\"aws:///us-east-1a/i-1\",\"unschedulable\":true},"
             "\"status\":{\"capacity\":{\"cpu\":\"96\",\"memory\":\"1152Gi\",\"nvidia.com/gpu\":\"8\"},"
             "\"allocatable\":{\"cpu\":\"95690m\",\"memory\":\"1150Gi\",\"nvidia.com/gpu\":\"7\"}}},"
             "{\"metadata\":{\"name\":\"n2\"},\"spec\":{},\"status\":{\"allocatable\":{\"cpu\":\"4\","
             "\"memory\":\"16Gi\"}}},"
             "{\"metadata\":{\"name\":\"n3\"},\"spec\":{}},"
             "{\"metadata\":{\"name\":\"n4\"},\"status\":{\"allocatable\":{\"nvidia.com/gpu\":\"0\","
             "\"nvidia.com/gpu.shared\":\"32\"}}}]}",
             NULL);
    assert_int_equal(fleet.n_nodes, 4);
    const gw_node *n = &fleet.nodes[0];
    assert_string_equal(n->name, "n1");
    assert_string_equal(n->instance_type, "p4d.24xlarge");
    assert_string_equal(n->region, "us-east-1");
    assert_string_equal(n->provider_id, "aws:///us-east-1a/i-1");
    assert_int_equal(n->capacity, GW_CAPACITY_SPOT);
    assert_int_equal(n->gpu_count, 8);
    assert_int_equal(n->allocatable_gpus, 7);
    assert_int_equal(n->cpu_milli, 95690);
    assert_int_equal(n->memory_mib, 1150 * 1024);
    assert_int_equal(n->created_ms, INT64_C(1793491200000)); /* date -u -d 2026-11-01 +%s */
    assert_false(n->schedulable);
    assert_true(n->in_api);
    /* a CPU node reports no nvidia.com/gpu: it offers none */
    assert_int_equal(fleet.nodes[1].allocatable_gpus, 0);
    assert_true(fleet.nodes[1].schedulable);
    /* a node that reports nothing yet: unknown, not zero */
    assert_int_equal(fleet.nodes[2].allocatable_gpus, GW_UNKNOWN_COUNT);
    assert_int_equal(fleet.nodes[2].cpu_milli, GW_UNKNOWN_COUNT);
    assert_int_equal(fleet.nodes[3].allocatable_gpus, 32);
    assert_int_equal(fleet.nodes[3].sharing, GW_SHARING_TIME_SLICING);
}

static void pods(void **state)
{
    GW_UNUSED(state);
    must_add(
        "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"kind\":\"Pod\",\"metadata\":{"
        "\"namespace\":\"avatar\",\"name\":\"lora-1\",\"uid\":\"u1\",\"labels\":{\"team\":\"social\"},"
        "\"creationTimestamp\":\"1970-01-01T00:00:01Z\","
        "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Other\",\"name\":\"x\"},"
        "{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"lora-abc\",\"controller\":true}]},"
        "\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"16\","
        "\"memory\":\"64Gi\",\"nvidia.com/gpu\":\"1\"}}}]},"
        "\"status\":{\"phase\":\"Running\",\"startTime\":\"1970-01-01T00:00:02Z\"}},"
        "{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"avatar\",\"name\":\"waits\"},"
        "\"spec\":{\"containers\":[{}]},\"status\":{\"phase\":\"Pending\"}}]}",
        NULL);
    const gw_pod *p = pod("avatar", "lora-1");
    assert_string_equal(p->uid, "u1");
    assert_string_equal(p->owner_kind, "ReplicaSet"); /* the controller, not the first */
    assert_string_equal(p->owner_name, "lora-abc");
    assert_string_equal(fleet.nodes[p->node].name, "n1");
    assert_string_equal(gw_labels_get(&p->labels, "team"), "social");
    assert_int_equal(p->phase, GW_PHASE_RUNNING);
    assert_int_equal(p->resource, GW_RESOURCE_GPU);
    assert_int_equal(p->gpus, 1);
    assert_int_equal(p->cpu_request_milli, 16000);
    assert_int_equal(p->memory_request_mib, 65536);
    assert_int_equal(p->created_ms, 1000);
    assert_int_equal(p->started_ms, 2000);
    assert_true(p->in_api);
    const gw_pod *waits = pod("avatar", "waits");
    assert_int_equal(waits->node, GW_NONE);
    assert_int_equal(waits->phase, GW_PHASE_PENDING);
    assert_int_equal(waits->resource, GW_RESOURCE_NONE);
    assert_int_equal(waits->gpus, 0); /* known: it asks for none */
    assert_int_equal(waits->cpu_request_milli, 0);
}

/* The figures follow the scheduler's rule by hand; see kube_objects.h. */
static void requests_as_the_scheduler_counts(void **state)
{
    GW_UNUSED(state);
    /* containers 1 + 2 = 3 cores; init container 5 alone: 5. Memory 1Gi + 1Gi against init 1Gi: 2Gi */
    const gw_pod *p =
        pod_of_spec("{\"initContainers\":[{\"resources\":{\"requests\":{\"cpu\":\"5\",\"memory\":\"1Gi\"}}}],"
                    "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\",\"memory\":\"1Gi\",\"nvidia."
                    "com/gpu\":2}}},"
                    "{\"resources\":{\"requests\":{\"cpu\":\"2000m\",\"memory\":\"1Gi\"},\"limits\":{"
                    "\"nvidia.com/gpu\":\"1\"}}}]}");
    assert_int_equal(p->cpu_request_milli, 5000);
    assert_int_equal(p->memory_request_mib, 2048);
    assert_int_equal(p->gpus, 3); /* 2 requested + 1 by its limit */
    /* sidecar 1 stays: init 2 runs beside it (3); containers 1 + sidecar 1 = 2; so 3; overhead 0.25 on top */
    p = pod_of_spec("{\"overhead\":{\"cpu\":\"250m\"},\"initContainers\":["
                    "{\"restartPolicy\":\"Always\",\"resources\":{\"requests\":{\"cpu\":\"1\"}}},"
                    "{\"resources\":{\"requests\":{\"cpu\":\"2\"}}}],"
                    "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\"}}}]}");
    assert_int_equal(p->cpu_request_milli, 3250);
    /* a sidecar started after the init container does not run beside it: max(2, 1 + 1) = 2 */
    p = pod_of_spec("{\"initContainers\":[{\"resources\":{\"requests\":{\"cpu\":\"2\"}}},"
                    "{\"restartPolicy\":\"Always\",\"resources\":{\"requests\":{\"cpu\":\"1\"}}}],"
                    "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\"}}}]}");
    assert_int_equal(p->cpu_request_milli, 2000);
    /* a request wins over the limit; resources of the pod win over those of its containers */
    p = pod_of_spec("{\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\"},\"limits\":{\"cpu\":\"4\","
                    "\"memory\":\"8Gi\"}}}]}");
    assert_int_equal(p->cpu_request_milli, 1000);
    assert_int_equal(p->memory_request_mib, 8192);
    p = pod_of_spec("{\"resources\":{\"requests\":{\"cpu\":\"7\"}},\"containers\":[{\"resources\":{"
                    "\"requests\":{\"cpu\":\"1\",\"memory\":\"1Gi\"}}}]}");
    assert_int_equal(p->cpu_request_milli, 7000);
    assert_int_equal(p->memory_request_mib, 1024);
    /* nonsense that would overflow saturates */
    p = pod_of_spec("{\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"9000000P\"}}},"
                    "{\"resources\":{\"requests\":{\"cpu\":\"9000000P\"}}}]}");
    assert_true(p->cpu_request_milli == INT64_MAX);
}

static void gpu_resources(void **state)
{
    GW_UNUSED(state);
    const gw_pod *p =
        pod_of_spec("{\"containers\":[{\"resources\":{\"limits\":{\"nvidia.com/mig-1g.10gb\":\"2\"}}}]}");
    assert_int_equal(p->resource, GW_RESOURCE_MIG);
    assert_string_equal(p->mig_resource, "1g.10gb");
    assert_int_equal(p->gpus, 2);
    p = pod_of_spec("{\"containers\":[{\"resources\":{\"limits\":{\"nvidia.com/mig-1g.10gb.me\":\"1\"}}}]}");
    assert_string_equal(p->mig_resource, "1g.10gb+me");
    p = pod_of_spec("{\"containers\":[{\"resources\":{\"limits\":{\"nvidia.com/gpu.shared\":\"1\"}}}]}");
    assert_int_equal(p->resource, GW_RESOURCE_GPU_SHARED);
    assert_int_equal(p->gpus, 1);
    p = pod_of_spec(
        "{\"containers\":[{\"resources\":{\"limits\":{\"nvidia.com/gpu\":\"0\",\"amd.com/gpu\":1}}}]}");
    assert_int_equal(p->resource, GW_RESOURCE_NONE);
    assert_int_equal(p->gpus, 0);
}

static const gw_owner *owner(const char *kind, const char *name)
{
    uint32_t i = gw_fleet_find_owner(&fleet, gw_str_of("a"), gw_str_of(kind), gw_str_of(name));
    assert_int_not_equal(i, GW_NONE);
    return &fleet.owners[i];
}

static void owners(void **state)
{
    GW_UNUSED(state);
    must_add(
        "{\"kind\":\"List\",\"items\":["
        "{\"kind\":\"Deployment\",\"metadata\":{\"namespace\":\"a\",\"name\":\"d\",\"labels\":{\"x\":"
        "\"object\"}},"
        "\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"x\":\"template\",\"model-name\":\"m\"}}}}},"
        "{\"kind\":\"CronJob\",\"metadata\":{\"namespace\":\"a\",\"name\":\"c\"},\"spec\":{\"jobTemplate\":"
        "{\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"team\":\"t\"}}}}}}},"
        "{\"kind\":\"Job\",\"metadata\":{\"namespace\":\"a\",\"name\":\"j\",\"ownerReferences\":"
        "[{\"kind\":\"CronJob\",\"name\":\"c\",\"controller\":true}]}},"
        "{\"kind\":\"PyTorchJob\",\"metadata\":{\"namespace\":\"a\",\"name\":\"pt\",\"ownerReferences\":"
        "[{\"apiVersion\":\"k/v1\",\"kind\":\"Workflow\",\"name\":\"w\"}]},\"spec\":[1]},"
        "{\"kind\":\"ConfigMap\",\"metadata\":{\"namespace\":\"a\",\"name\":\"cm\"}},"
        "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"a\",\"labels\":{\"cost-center\":\"42\"}}}]}",
        NULL);
    assert_int_equal(fleet.n_owners, 4); /* not the ConfigMap */
    const gw_owner *d = owner("Deployment", "d");
    assert_string_equal(gw_labels_get(&d->labels, "x"), "object"); /* the object's own label wins */
    assert_string_equal(gw_labels_get(&d->labels, "model-name"), "m");
    assert_null(d->owner_kind);
    assert_string_equal(gw_labels_get(&owner("CronJob", "c")->labels, "team"), "t");
    assert_string_equal(owner("Job", "j")->owner_kind, "CronJob");
    assert_string_equal(owner("PyTorchJob", "pt")->owner_name, "w");
    assert_int_equal(fleet.n_ns, 1);
    assert_string_equal(gw_labels_get(&fleet.ns_labels[0], "cost-center"), "42");
    /* one object of a kind that the caller names */
    must_add("{\"metadata\":{\"namespace\":\"a\",\"name\":\"w\",\"labels\":{\"l\":\"1\"}}}", "Workflow");
    assert_string_equal(gw_labels_get(&owner("Workflow", "w")->labels, "l"), "1");
}

static void keeps_what_is_known(void **state)
{
    GW_UNUSED(state);
    uint32_t i = gw_fleet_pod(&fleet, gw_str_of("a"), gw_str_of("p"), &error);
    fleet.pods[i].uid = gw_fleet_intern(&fleet, gw_str_of("old"));
    i = gw_fleet_pod(&fleet, gw_str_of("a"), gw_str_of("q"), &error);
    fleet.pods[i].node = gw_fleet_node(&fleet, gw_str_of("n1"), &error);
    fleet.pods[i].gpus = 4;
    fleet.pods[i].resource = GW_RESOURCE_GPU;
    fleet.pods[i].phase = GW_PHASE_RUNNING;
    assert_int_equal(
        gw_fleet_label(&fleet, &fleet.pods[i].labels, gw_str_of("model_name"), gw_str_of("m"), true), 0);
    must_add(
        "{\"kind\":\"PodList\",\"items\":[{\"metadata\":{\"namespace\":\"a\",\"name\":\"p\",\"uid\":\"new\"},"
        "\"spec\":{\"nodeName\":\"n2\",\"containers\":[{\"resources\":{\"limits\":{\"nvidia.com/"
        "gpu\":1}}}]}},"
        "{\"metadata\":{\"namespace\":\"a\",\"name\":\"q\",\"labels\":{\"model-name\":\"m\"}},\"spec\":"
        "{\"nodeName\":\"n2\",\"containers\":[]},\"status\":{\"phase\":\"Succeeded\"}}]}",
        NULL);
    const gw_pod *p = pod("a", "p");
    assert_string_equal(p->uid, "old"); /* another pod of the same name: its facts are not this one's */
    assert_int_equal(p->gpus, GW_UNKNOWN_COUNT);
    assert_int_equal(p->node, GW_NONE);
    assert_true(p->in_api);
    const gw_pod *q = pod("a", "q");
    assert_string_equal(fleet.nodes[q->node].name, "n1");
    assert_int_equal(q->gpus, 4);
    assert_int_equal(q->phase, GW_PHASE_RUNNING);
    assert_int_equal(q->labels.n, 1);
    assert_string_equal(q->labels.kv[0].name, "model-name"); /* the API's spelling */
}

static void empty_lists(void **state)
{
    GW_UNUSED(state);
    must_add("{\"kind\":\"PodList\",\"items\":null}", NULL); /* how Go writes an empty list */
    must_add("{\"kind\":\"List\",\"items\":[]}", "Node");
    must_add("{\"items\":[]}", "Node");
    assert_int_equal(fleet.n_pods + fleet.n_nodes, 0);
}

static void wrong_input_says_where(void **state)
{
    GW_UNUSED(state);
    refuses("[]", "a Kubernetes list or object is wanted, and this is none");
    refuses("{\"kind\":\"PodList\",\"items\":{}}",
            "the items of this PodList are no list; get the objects again");
    refuses("{\"kind\":\"PodList\",\"items\":[{\"metadata\":{\"name\":\"x\"}},7]}",
            "item 1 is no object; get the objects again");
    refuses("{\"kind\":\"PodList\",\"items\":[{\"metadata\":{}}]}",
            "item 0, Pod ?: metadata.name must be text; get the objects again");
    refuses("{\"kind\":\"NodeList\",\"items\":[{\"metadata\":{\"name\":\"n\",\"labels\":{\"a\":1}}}]}",
            "item 0, Node n: labels must be a map of texts; get the objects again");
    refuses("{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"a\",\"name\":\"p\"},\"spec\":{\"containers\":"
            "[{\"resources\":{\"requests\":{\"cpu\":\"many\"}}}]}}",
            "item 0, Pod a/p: cpu must be a quantity such as 500m, 4 or 64Gi; get the objects again");
    refuses("{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"a\",\"name\":\"p2\",\"creationTimestamp\":"
            "\"soon\"}}",
            "item 0, Pod a/p2: creationTimestamp must be a time; get the objects again");
    static const char *const others[] = {
        "{\"kind\":7,\"metadata\":{\"name\":\"x\"}}",
        "{\"kind\":\"Pod\",\"metadata\":[]}",
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"},\"spec\":\"\"}",
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"},\"spec\":{\"containers\":[1]}}",
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"},\"spec\":{\"initContainers\":[1]}}",
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"},\"spec\":{\"overhead\":{\"cpu\":\"-1\"}}}",
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"x\"},\"status\":[]}",
        "{\"kind\":\"Node\",\"metadata\":{\"name\":\"x\"},\"status\":{\"allocatable\":{\"cpu\":[]}}}",
    };
    for (size_t i = 0; i < GW_COUNT(others); i++)
        assert_int_equal(add(others[i], NULL), GW_ECORRUPT);
}

static const char everything[] =
    "{\"kind\":\"List\",\"items\":["
    "{\"kind\":\"Node\",\"metadata\":{\"name\":\"n\",\"labels\":{\"a\":\"b\"}},\"spec\":{\"providerID\":"
    "\"x\"}},"
    "{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"a\",\"labels\":{\"c\":\"d\"}}},"
    "{\"kind\":\"Job\",\"metadata\":{\"namespace\":\"a\",\"name\":\"j\",\"labels\":{\"e\":\"f\"},"
    "\"ownerReferences\":"
    "[{\"kind\":\"K\",\"name\":\"k\"}]}},"
    "{\"kind\":\"Pod\",\"metadata\":{\"namespace\":\"a\",\"name\":\"p\",\"uid\":\"u\",\"labels\":{\"g\":"
    "\"h\"},"
    "\"ownerReferences\":[{\"kind\":\"Job\",\"name\":\"j\"}]},\"spec\":{\"nodeName\":\"m\",\"containers\":[{"
    "\"resources\":{\"limits\":{\"nvidia.com/mig-1g.5gb\":1}}}]}}]}";

static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    json_t *j = json_loads(everything, 0, NULL);
    assert_non_null(j);
    int r = -1;
    uint64_t at = 0;
    while (r && at < 10000) {
        gw_fleet_free(&fleet);
        gw_fleet_init(&fleet);
        gw_mem_fail_at(++at);
        r = gw_kube_add_list(&fleet, j, NULL, &error);
        gw_mem_fail_at(0);
        if (r)
            assert_int_equal(r, GW_ENOMEM);
    }
    assert_int_equal(r, 0);
    assert_true(at > 10);
    assert_int_equal(pod("a", "p")->resource, GW_RESOURCE_MIG);
    json_decref(j);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(nodes),
        T(pods),
        T(owners),
        T(requests_as_the_scheduler_counts),
        T(empty_lists),
        T(gpu_resources),
        T(keeps_what_is_known),
        T(wrong_input_says_where),
        T(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("kube_objects", tests, NULL, NULL);
}
