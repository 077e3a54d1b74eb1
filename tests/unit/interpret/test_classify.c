/* Classes: labels before controllers, controllers before names, names before behaviour; unknown where none
 * says. */
#include "world.h"

/* One pod on one GPU, classified. */
static gw_workload_class class_of(world *w, uint32_t pod, const char **ret_reason)
{
    gw_arena a;
    gw_workload_class *class;
    const char **reason;
    static char kept[512];
    gw_arena_init(&a, 0);
    assert_int_equal(gw_classify(&w->f, &w->u, &w->o, &a, &class, &reason, NULL), 0);
    gw_workload_class c = class[pod];
    assert_non_null(reason[pod]);
    snprintf(kept, sizeof(kept), "%s", reason[pod]);
    if (ret_reason)
        *ret_reason = kept;
    gw_arena_free(&a);
    return c;
}

static void label(world *w, uint32_t pod, const char *name, const char *value)
{
    assert_int_equal(gw_fleet_label(&w->f, &w->f.pods[pod].labels, gw_str_of(name), gw_str_of(value), true),
                     0);
}

/* A bare pod whose telemetry is unknown. */
static uint32_t dark_pod(world *w, const char *name, const char *kind, const char *owner)
{
    static int next;
    char uuid[32];
    snprintf(uuid, sizeof(uuid), "GPU-%d", next++);
    uint32_t u = world_gpu(w, world_node(w, "n1", 8), uuid, 0), p = world_pod(w, "ml", name, kind, owner);
    world_hold(w, u, p, 168, 0, 0, -1);
    return p;
}

WORLD_TEST(workload_type_labels)
{
    static const struct {
        const char *value;
        gw_workload_class class;
    } known[] = {
        {"inference", GW_CLASS_INFERENCE},   {"Online-Serving", GW_CLASS_INFERENCE},
        {"batch-inference", GW_CLASS_BATCH}, {"training", GW_CLASS_TRAINING},
        {"fine-tuning", GW_CLASS_TRAINING},  {"Jupyter", GW_CLASS_NOTEBOOK},
        {"offline", GW_CLASS_BATCH},         {"purple", GW_CLASS_UNKNOWN},
    };
    uint32_t p = dark_pod(w, "x", NULL, NULL);
    for (size_t i = 0; i < GW_COUNT(known); i++) {
        label(w, p, "workload_type", known[i].value); /* as Prometheus spells it */
        assert_int_equal(class_of(w, p, NULL), known[i].class);
    }
}

WORLD_TEST(the_users_label_comes_before_the_operators)
{
    const char *why;
    uint32_t p = dark_pod(w, "x", "PyTorchJob", "x");
    label(w, p, "training.kubeflow.org/job-name", "x");
    label(w, p, "workload-type", "batch");
    assert_int_equal(class_of(w, p, &why), GW_CLASS_BATCH);
    assert_string_equal(why, "Its workload-type label says \"batch\".");
}

WORLD_TEST(operators_labels)
{
    const char *why;
    static const struct {
        const char *name, *value;
        gw_workload_class class;
    } known[] = {
        {"serving_kserve_io_inferenceservice", "llama", GW_CLASS_INFERENCE},
        {"training.kubeflow.org/job-name", "bert", GW_CLASS_TRAINING},
        {"component", "singleuser-server", GW_CLASS_NOTEBOOK},
        {"hub.jupyter.org/username", "ann", GW_CLASS_NOTEBOOK},
        {"spark-role", "executor", GW_CLASS_BATCH},
        {"ray.io/originated-from-crd", "RayService", GW_CLASS_INFERENCE},
        {"component", "api", GW_CLASS_UNKNOWN},
    };
    for (size_t i = 0; i < GW_COUNT(known); i++) {
        char name[16];
        snprintf(name, sizeof(name), "x%zu", i);
        uint32_t p = dark_pod(w, name, NULL, NULL);
        label(w, p, known[i].name, known[i].value);
        assert_int_equal(class_of(w, p, &why), known[i].class);
    }
}

WORLD_TEST(controllers)
{
    static const struct {
        const char *owner, *top;
        gw_workload_class class;
    } known[] = {
        {"Notebook", "Notebook", GW_CLASS_NOTEBOOK}, {"PyTorchJob", "Workflow", GW_CLASS_TRAINING},
        {"MPIJob", "MPIJob", GW_CLASS_TRAINING},     {"ReplicaSet", "InferenceService", GW_CLASS_INFERENCE},
        {"Job", "CronJob", GW_CLASS_BATCH},          {"Job", "Job", GW_CLASS_BATCH},
        {"RayJob", "RayJob", GW_CLASS_BATCH},        {"ReplicaSet", "Deployment", GW_CLASS_UNKNOWN},
        {"Mystery", "Mystery", GW_CLASS_UNKNOWN},
    };
    for (size_t i = 0; i < GW_COUNT(known); i++) {
        char name[16];
        snprintf(name, sizeof(name), "x%zu", i);
        uint32_t p = dark_pod(w, name, known[i].owner, "thing");
        w->f.pods[p].workload_kind = known[i].top;
        assert_int_equal(class_of(w, p, NULL), known[i].class);
    }
}

WORLD_TEST(names_of_software)
{
    assert_int_equal(class_of(w, dark_pod(w, "a", "Deployment", "llama-vllm"), NULL), GW_CLASS_INFERENCE);
    assert_int_equal(class_of(w, dark_pod(w, "b", "StatefulSet", "sdxl-serve"), NULL), GW_CLASS_INFERENCE);
    assert_int_equal(class_of(w, dark_pod(w, "c", "StatefulSet", "jupyter-ann"), NULL), GW_CLASS_NOTEBOOK);
    /* part of a word is no word; neither a Job nor a bare pod is a service for its name */
    assert_int_equal(class_of(w, dark_pod(w, "d", "Deployment", "observer-animator"), NULL),
                     GW_CLASS_UNKNOWN);
    assert_int_equal(class_of(w, dark_pod(w, "e", "Job", "vllm-bench"), NULL), GW_CLASS_BATCH);
    assert_int_equal(class_of(w, dark_pod(w, "vllm-try", NULL, NULL), NULL), GW_CLASS_UNKNOWN);
}

WORLD_TEST(a_job_that_keeps_several_gpus_busy_trains)
{
    const char *why;
    uint32_t n = world_node(w, "n1", 8), p = world_pod(w, "ml", "run", "Job", "run");
    world_hold(w, world_gpu(w, n, "GPU-a", 0), p, 100, 100, 0.9, 1);
    world_hold(w, world_gpu(w, n, "GPU-b", 1), p, 100, 100, 0.7, 1);
    assert_int_equal(class_of(w, p, &why), GW_CLASS_TRAINING);
    assert_string_equal(why, "It keeps 2 GPUs busy (80 % on average) and is run by a Job.");
}

WORLD_TEST(a_job_with_one_gpu_is_batch)
{
    uint32_t n = world_node(w, "n1", 8), p = world_pod(w, "ml", "run", "Job", "run");
    world_hold(w, world_gpu(w, n, "GPU-a", 0), p, 100, 100, 0.9, 1);
    assert_int_equal(class_of(w, p, NULL), GW_CLASS_BATCH);
}

WORLD_TEST(a_deployment_that_bursts_with_its_memory_full_serves)
{
    uint32_t n = world_node(w, "n1", 8), p = world_pod(w, "ml", "x", "Deployment", "x");
    world_memory(w, world_hold(w, world_gpu(w, n, "GPU-a", 0), p, 168, 168, 0.06, 0.95), 0.7, 0.75);
    assert_int_equal(class_of(w, p, NULL), GW_CLASS_INFERENCE);
}

WORLD_TEST(pods_of_a_workload_are_of_one_class)
{
    /* the second pod alone never bursts; together they do: 0.95 over a mean of 0.055 */
    uint32_t n = world_node(w, "n1", 8);
    uint32_t p = world_pod(w, "ml", "x-1", "Deployment", "x"),
             q = world_pod(w, "ml", "x-2", "Deployment", "x");
    world_memory(w, world_hold(w, world_gpu(w, n, "GPU-a", 0), p, 168, 168, 0.06, 0.95), 0.7, 0.75);
    world_memory(w, world_hold(w, world_gpu(w, n, "GPU-b", 1), q, 168, 168, 0.05, 0.10), 0.7, 0.75);
    assert_int_equal(class_of(w, p, NULL), GW_CLASS_INFERENCE);
    assert_int_equal(class_of(w, q, NULL), GW_CLASS_INFERENCE);
}

WORLD_TEST(pods_of_a_workload_are_not_gpus_of_one_pod)
{
    uint32_t n = world_node(w, "n1", 8);
    uint32_t p = world_pod(w, "ml", "x-1", "Job", "x"), q = world_pod(w, "ml", "x-2", "Job", "x");
    world_hold(w, world_gpu(w, n, "GPU-a", 0), p, 168, 168, 0.9, 1);
    world_hold(w, world_gpu(w, n, "GPU-b", 1), q, 168, 168, 0.9, 1);
    assert_int_equal(class_of(w, p, NULL), GW_CLASS_BATCH);
}

WORLD_TEST(a_deployment_without_memory_or_bursts_is_unknown)
{
    uint32_t n = world_node(w, "n1", 8);
    uint32_t p = world_pod(w, "ml", "x", "Deployment", "x"), q = world_pod(w, "ml", "y", "Deployment", "y");
    world_hold(w, world_gpu(w, n, "GPU-a", 0), p, 168, 168, 0.06, 0.95); /* memory unknown */
    world_memory(w, world_hold(w, world_gpu(w, n, "GPU-b", 1), q, 168, 168, 0.06, 0.10), 0.7, 0.75);
    assert_int_equal(class_of(w, p, NULL), GW_CLASS_UNKNOWN);
    assert_int_equal(class_of(w, q, NULL), GW_CLASS_UNKNOWN);
}

WORLD_TEST(little_known_time_says_nothing)
{
    uint32_t n = world_node(w, "n1", 8), p = world_pod(w, "ml", "x", "Deployment", "x");
    world_memory(w, world_hold(w, world_gpu(w, n, "GPU-a", 0), p, 168, 80, 0.06, 0.95), 0.7, 0.75);
    assert_int_equal(class_of(w, p, NULL), GW_CLASS_UNKNOWN);
}

WORLD_TEST(pods_without_a_gpu_have_no_reason)
{
    gw_arena a;
    gw_workload_class *class;
    const char **reason;
    uint32_t p = world_pod(w, "ml", "x", "PyTorchJob", "x");
    gw_arena_init(&a, 0);
    assert_int_equal(gw_classify(&w->f, &w->u, &w->o, &a, &class, &reason, NULL), 0);
    assert_int_equal(class[p], GW_CLASS_UNKNOWN);
    assert_null(reason[p]);
    gw_arena_free(&a);
}

WORLD_TEST(every_allocation_may_fail)
{
    dark_pod(w, "a", "Job", "a");
    dark_pod(w, "b", "Deployment", "vllm");
    label(w, dark_pod(w, "c", NULL, NULL), "workload-type", "batch");
    for (uint64_t n = 1;; n++) {
        gw_arena a;
        gw_workload_class *class = NULL;
        const char **reason = NULL;
        gw_error e = {0};
        gw_arena_init(&a, 0);
        gw_mem_fail_at(n);
        int rc = gw_classify(&w->f, &w->u, &w->o, &a, &class, &reason, &e);
        gw_mem_fail_at(0);
        gw_arena_free(&a);
        if (rc == 0) {
            assert_true(n > 1);
            break;
        }
        assert_int_equal(rc, GW_ENOMEM);
        assert_int_equal(e.code, GW_ENOMEM);
        assert_null(class); /* untouched */
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workload_type_labels),
        cmocka_unit_test(the_users_label_comes_before_the_operators),
        cmocka_unit_test(operators_labels),
        cmocka_unit_test(controllers),
        cmocka_unit_test(names_of_software),
        cmocka_unit_test(a_job_that_keeps_several_gpus_busy_trains),
        cmocka_unit_test(a_job_with_one_gpu_is_batch),
        cmocka_unit_test(a_deployment_that_bursts_with_its_memory_full_serves),
        cmocka_unit_test(pods_of_a_workload_are_of_one_class),
        cmocka_unit_test(pods_of_a_workload_are_not_gpus_of_one_pod),
        cmocka_unit_test(a_deployment_without_memory_or_bursts_is_unknown),
        cmocka_unit_test(little_known_time_says_nothing),
        cmocka_unit_test(pods_without_a_gpu_have_no_reason),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests_name("classify", tests, NULL, NULL);
}
