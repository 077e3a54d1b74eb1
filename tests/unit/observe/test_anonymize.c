#include "gw_test.h"

#include <ctype.h>

#include "base/mem.h"
#include "fleet/fleet.h"
#include "format/json_tree.h"
#include "observe/anonymize.h"

static const uint8_t key[GW_ANON_KEY_BYTES] = "not a secret key";
static const char suffix_alphabet[] = "bcdfghjklmnpqrstvwxz2456789";

static gw_anon *make(void)
{
    gw_anon *a = gw_anon_new(key, NULL);
    assert_non_null(a);
    return a;
}

static const char *name(gw_anon *a, const char *s)
{
    const char *p = gw_anon_name(a, gw_str_of(s));
    assert_non_null(p);
    return p;
}

static const char *value(gw_anon *a, const char *n, const char *v)
{
    return gw_anon_label_value(a, gw_str_of(n), gw_str_of(v));
}

static void same_name_same_pseudonym(void **state)
{
    GW_UNUSED(state);
    gw_anon *a = make(), *b = make(), *other = gw_anon_new((const uint8_t *)"another key 1234", NULL);
    const char *p = name(a, "avatar-lora");
    assert_ptr_equal(name(a, "avatar-lora"), p);
    assert_string_equal(name(b, "avatar-lora"), p); /* one key: one result */
    assert_string_not_equal(name(other, "avatar-lora"), p);
    assert_null(strstr(p, "avatar"));
    assert_null(strstr(p, "lora"));
    assert_string_equal(name(a, ""), "");
    gw_anon_free(a);
    gw_anon_free(b);
    gw_anon_free(other);
}

static void expect_begins(const char *longer, const char *shorter, const char *then)
{
    size_t n = strlen(shorter);
    if (strncmp(longer, shorter, n) != 0 || !strchr(then, longer[n]))
        fail_msg("'%s' does not begin with '%s'", longer, shorter);
}

static void beginnings_stay_beginnings(void **state)
{
    GW_UNUSED(state);
    gw_anon *a = make();
    const char *pod = name(a, "avatar-lora-6c9f7d5b8-x2x4z"), *rs = name(a, "avatar-lora-6c9f7d5b8"),
               *deployment = name(a, "avatar-lora");
    expect_begins(pod, rs, "-");
    expect_begins(rs, deployment, "-");
    /* what only ends alike has nothing in common */
    const char *other = name(a, "style-eval-6c9f7d5b8");
    assert_string_not_equal(strrchr(other, '-'), strrchr(rs, '-'));
    /* a path ends in the node's own pseudonym, an address keeps its port */
    const char *id = gw_anon_provider_id(a, gw_str_of("gce://acme-prod/us-central1-a/gpu-00"));
    assert_true(gw_has_prefix(id, "gce://"));
    assert_null(strstr(id, "acme"));
    assert_string_equal(strrchr(id, '/') + 1, name(a, "gpu-00"));
    expect_begins(name(a, "gpu-00:9400"), name(a, "gpu-00"), ":");
    assert_string_equal(strchr(name(a, "gpu-00:9400"), ':'), ":9400");
    expect_begins(name(a, "ip-10-1-2-3.ec2.internal"), name(a, "ip-10-1-2-3"), ".");
    assert_null(strstr(name(a, "ip-10-1-2-3.ec2.internal"), "10-1"));
    id = gw_anon_provider_id(a, gw_str_of("aws:///us-east-1a/i-0abc"));
    assert_true(gw_has_prefix(id, "aws:///us-east-1a/"));
    assert_null(strstr(id, "0abc"));
    gw_anon_free(a);
}

/* The fleet takes "x-HASH" of an unknown ReplicaSet for Deployment x: so must it be afterwards, no more, no
 * less. */
static void only_suffixes_look_like_suffixes(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *replicaset;
        bool guessed;
    } cases[] = {{"api-6c9f7d5b8", true}, {"api-7d9f8cbdz4", true}, {"api-x2x4z", true},   {"api-v2", false},
                 {"api-gateway", false},  {"api-bcdf", false},      {"api-canary", false}, {"a-b-c", false}};
    gw_anon *a = make();
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_fleet f;
        gw_error e;
        gw_fleet_init(&f);
        const char *rs = name(a, cases[i].replicaset);
        uint32_t p = gw_fleet_pod(&f, gw_str_of("n"), gw_str_of("p"), &e);
        f.pods[p].owner_kind = gw_fleet_intern(&f, gw_str_of("ReplicaSet"));
        f.pods[p].owner_name = gw_fleet_intern(&f, gw_str_of(rs));
        gw_fleet_resolve_owners(&f);
        assert_string_equal(f.pods[p].workload_kind, cases[i].guessed ? "Deployment" : "ReplicaSet");
        if (cases[i].guessed)
            assert_string_equal(f.pods[p].workload_name, name(a, "api"));
        gw_fleet_free(&f);
    }
    gw_anon_free(a);
}

static void no_two_names_become_one(void **state)
{
    GW_UNUSED(state);
    gw_anon *a = make();
    gw_map seen;
    gw_map_init(&seen);
    /* 20,000 pods of one ReplicaSet in 27^5 suffixes: 20000^2 / 2 / 27^5 = 14 collisions, were they not met
     */
    for (int i = 0; i < 20000; i++) {
        char text[64];
        unsigned h = (unsigned)i;
        int n = snprintf(text, sizeof(text), "api-6c9f7d5b8-");
        for (int k = 0; k < 5; k++, h /= 27)
            text[n++] = suffix_alphabet[h % 27];
        text[n] = '\0';
        const char *p = name(a, text);
        assert_int_equal(strlen(strrchr(p, '-')), 6); /* still five letters of that alphabet */
        assert_int_equal(strspn(strrchr(p, '-') + 1, suffix_alphabet), 5);
        assert_int_equal(gw_map_get(&seen, gw_str_of(p)), GW_NONE);
        assert_int_equal(gw_map_set(&seen, gw_str_of(p), 1), 0);
    }
    gw_map_free(&seen);
    gw_anon_free(a);
}

static void forms_stay(void **state)
{
    GW_UNUSED(state);
    static const char *const uuids[] = {"9e3779b1-0000-4000-8000-00000000abcd",
                                        "GPU-9e3779b1-0000-4000-8000-000000000000",
                                        "MIG-9e3779b1-0000-4000-8000-000000000000"};
    gw_anon *a = make();
    for (size_t i = 0; i < GW_COUNT(uuids); i++) {
        const char *p = name(a, uuids[i]), *u = uuids[i];
        size_t prefix = i ? 4 : 0;
        assert_int_equal(strlen(p), strlen(u));
        assert_memory_equal(p, u, prefix);
        assert_string_not_equal(p, u);
        for (size_t k = prefix; u[k]; k++)
            assert_true(u[k] == '-' ? p[k] == '-' : isxdigit((unsigned char)p[k]) != 0);
    }
    /* the bare UUID and the one behind "GPU-" are the same one */
    assert_string_equal(name(a, uuids[1]) + 4, name(a, uuids[1] + 4));
    unsigned b[4], port;
    assert_int_equal(sscanf(name(a, "192.168.17.4:9400"), "10.%u.%u.%u:%u", &b[1], &b[2], &b[3], &port), 4);
    assert_int_equal(port, 9400);
    expect_begins(name(a, "192.168.17.4:9400"), name(a, "192.168.17.4"), ":");
    assert_true(gw_has_prefix(name(a, "2001:db8::17"), "fd00::"));
    /* no address: 256 is no byte */
    assert_false(gw_has_prefix(name(a, "1.2.3.256"), "10."));
    /* an image: registry, path and tag, each piece replaced */
    const char *image = name(a, "registry.acme.com/ml/llama@sha256:0123abcd");
    assert_null(strstr(image, "acme"));
    assert_null(strstr(image, "llama"));
    assert_null(strstr(image, "0123abcd"));
    assert_non_null(strchr(image, '@'));
    gw_anon_free(a);
}

static void technical_values_stay(void **state)
{
    static const char *const stay[][2] = {{"node.kubernetes.io/instance-type", "p5.48xlarge"},
                                          {"node_kubernetes_io_instance_type", "p5.48xlarge"},
                                          {"topology.kubernetes.io/zone", "us-east-1a"},
                                          {"karpenter.sh/capacity-type", "spot"},
                                          {"nvidia.com/gpu.product", "NVIDIA-H100-80GB-HBM3"},
                                          {"nvidia.com/mig.config", "all-balanced"},
                                          {"cloud.google.com/gke-accelerator", "nvidia-tesla-t4"},
                                          {"anything", "true"},
                                          {"anything", "12"},
                                          {"anything", ""},
                                          {"workload-type", "inference"}};
    static const char *const go[][2] = {{"team", "creative-ml"},
                                        {"app", "vllm"},
                                        {"kubernetes.io/hostname", "gpu-00"},
                                        {"workload-type", "acme-batching"},
                                        {"unit", "payments"},
                                        {"anything", "1234"},
                                        {"eks.amazonaws.com/nodegroup", "acme-gpu"}};
    GW_UNUSED(state);
    gw_anon *a = make();
    for (size_t i = 0; i < GW_COUNT(stay); i++)
        assert_string_equal(value(a, stay[i][0], stay[i][1]), stay[i][1]);
    for (size_t i = 0; i < GW_COUNT(go); i++)
        assert_string_not_equal(value(a, go[i][0], go[i][1]), go[i][1]);
    gw_anon_free(a);
    static const char *const keep[] = {"environment", "cost-center", NULL};
    a = gw_anon_new(key, keep);
    assert_string_equal(value(a, "environment", "prod-eu"), "prod-eu");
    assert_string_equal(value(a, "cost_center", "4711"), "4711"); /* as Prometheus spells it */
    assert_string_not_equal(value(a, "team", "prod-eu"), "prod-eu");
    gw_anon_free(a);
}

static void label_names_of_people_go(void **state)
{
    GW_UNUSED(state);
    static const char *const stay[] = {"team",
                                       "app.kubernetes.io/name",
                                       "app_kubernetes_io_name",
                                       "cost-center",
                                       "model-name",
                                       "kueue.x-k8s.io/queue-name",
                                       "serving.kserve.io/inferenceservice"};
    gw_anon *a = make();
    for (size_t i = 0; i < GW_COUNT(stay); i++)
        assert_string_equal(gw_anon_label_name(a, gw_str_of(stay[i])), stay[i]);
    /* both spellings become one name, as they are one label */
    const char *p = gw_anon_label_name(a, gw_str_of("acme.com/cost-unit"));
    assert_null(strstr(p, "acme"));
    assert_string_equal(gw_anon_label_name(a, gw_str_of("acme_com_cost_unit")), p);
    gw_label labels[] = {{gw_str_of("__name__"), gw_str_of("kube_pod_labels")},
                         {gw_str_of("label_acme_com_cost_unit"), gw_str_of("4711")},
                         {gw_str_of("exported_pod"), gw_str_of("api-x")},
                         {gw_str_of("modelName"), gw_str_of("NVIDIA L40S")},
                         {gw_str_of("container"), gw_str_of("POD")},
                         {gw_str_of("label_reason"), gw_str_of("acme")}};
    gw_error e;
    assert_int_equal(gw_anon_labels(a, labels, GW_COUNT(labels), &e), 0);
    assert_true(gw_str_is(labels[0].value, "kube_pod_labels"));
    assert_int_equal(labels[1].name.n, strlen("label_") + strlen(p));
    assert_memory_equal(labels[1].name.p + 6, p, strlen(p));
    assert_string_equal(labels[2].value.p, name(a, "api-x"));
    assert_true(gw_str_is(labels[2].name, "exported_pod"));
    assert_true(gw_str_is(labels[3].value, "NVIDIA L40S"));
    assert_true(gw_str_is(labels[4].value, "POD"));
    /* "reason" is technical on a metric and anything at all on an object */
    assert_false(gw_str_is(labels[5].value, "acme"));
    gw_anon_free(a);
}

static const char object_text[] =
    "{\"apiVersion\":\"acme.com/"
    "v1\",\"kind\":\"Trainer\",\"secret\":\"acme\",\"metadata\":{\"name\":\"acme-job\","
    "\"namespace\":\"acme\",\"uid\":\"9e3779b1-0000-4000-8000-00000000abcd\",\"annotations\":{\"acme\":"
    "\"acme\"},"
    "\"labels\":{\"acme.com/x\":\"acme\",\"team\":\"acme\",\"topology.kubernetes.io/zone\":\"eu-1\"},"
    "\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"ownerReferences\":[{\"apiVersion\":\"batch/"
    "v1\",\"kind\":"
    "\"Job\",\"name\":\"acme-job\",\"uid\":\"acme\",\"controller\":true,\"acme\":1},7]},"
    "\"spec\":{\"nodeName\":\"acme-node\",\"providerID\":\"aws:///eu-1/"
    "i-acme\",\"affinity\":{\"acme\":\"acme\"},"
    "\"taints\":[{\"key\":\"acme.com/t\",\"value\":\"acme\",\"effect\":\"NoSchedule\"},"
    "{\"key\":\"nvidia.com/gpu\",\"value\":\"present\",\"effect\":\"NoSchedule\"}],"
    "\"nodeSelector\":{\"acme\":\"acme\"},\"containers\":[{\"name\":\"acme\",\"image\":\"acme\",\"env\":[{"
    "\"name\":"
    "\"A\",\"value\":\"acme\"}],\"resources\":{\"limits\":{\"cpu\":\"2\",\"nvidia.com/gpu\":1,\"acme.com/"
    "fpga\":"
    "\"1\",\"memory\":\"acme\"}}}],\"template\":{\"metadata\":{\"labels\":{\"app\":\"acme\"}}},"
    "\"jobTemplate\":"
    "{\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"app\":\"acme\"}}}}},\"replicas\":3},"
    "\"status\":{\"phase\":\"Running\",\"startTime\":\"acme says hi\",\"message\":\"acme\",\"allocatable\":"
    "{\"cpu\":\"64\"}}}";

static void objects_keep_their_shape(void **state)
{
    GW_UNUSED(state);
    json_t *in;
    gw_error e;
    gw_anon *a = make();
    assert_int_equal(gw_json_tree_parse(gw_str_of(object_text), &in, &e), 0);
    json_t *out = gw_anon_object(a, in);
    assert_non_null(out);
    char *text = json_dumps(out, JSON_COMPACT);
    assert_null(strcasestr(text, "acme"));
    assert_null(strstr(text, "image"));
    const char *ns, *pod, *owner, *node, *zone, *gpu, *phase, *kind, *created, *app, *inner;
    int replicas, n_gpu;
    json_t *taints, *refs;
    assert_int_equal(
        json_unpack(
            out,
            "{s:s, s:{s:s, s:s, s:s, s:o, s:{s:s}}, s:{s:s, s:i, s:o, s:[{s:{s:{s:i}}}], s:{s:{s:{s:s}}}, "
            "s:{s:{s:{s:{s:{s:s}}}}}}, s:{s:s}}",
            "kind", &kind, "metadata", "name", &pod, "namespace", &ns, "creationTimestamp", &created,
            "ownerReferences", &refs, "labels", "topology.kubernetes.io/zone", &zone, "spec", "nodeName",
            &node, "replicas", &replicas, "taints", &taints, "containers", "resources", "limits",
            "nvidia.com/gpu", &n_gpu, "template", "metadata", "labels", "app", &app, "jobTemplate", "spec",
            "template", "metadata", "labels", "app", &inner, "status", "phase", &phase),
        0);
    assert_string_equal(kind, "Trainer");
    assert_string_equal(pod, name(a, "acme-job"));
    assert_string_equal(ns, name(a, "acme"));
    assert_string_equal(node, name(a, "acme-node"));
    assert_string_equal(zone, "eu-1");
    assert_string_equal(phase, "Running");
    assert_string_equal(created, "2026-01-01T00:00:00Z");
    assert_string_equal(app, name(a, "acme"));
    assert_string_equal(inner, name(a, "acme"));
    assert_int_equal(replicas, 3);
    assert_int_equal(n_gpu, 1);
    assert_int_equal(json_array_size(taints), 2);
    gpu = json_string_value(json_object_get(json_array_get(taints, 1), "key"));
    assert_string_equal(gpu, "nvidia.com/gpu");
    assert_int_equal(json_array_size(refs), 1); /* 7 is no reference */
    owner = json_string_value(json_object_get(json_array_get(refs, 0), "name"));
    assert_string_equal(owner, pod);
    assert_true(json_is_true(json_object_get(json_array_get(refs, 0), "controller")));
    gw_free(text); /* jansson's memory is ours */
    json_decref(out);
    json_decref(in);
    gw_anon_free(a);
}

static void odd_objects_do_no_harm(void **state)
{
    static const char *const cases[] = {
        "[]",
        "1",
        "{}",
        "{\"metadata\":7,\"spec\":[],\"status\":\"x\"}",
        "{\"metadata\":{\"labels\":[],\"name\":{},\"ownerReferences\":{}}}",
        "{\"metadata\":{\"labels\":{\"a\":1}},\"spec\":{\"containers\":[1,[],{}]}}",
        "{\"apiVersion\":\"\",\"kind\":[]}"};
    GW_UNUSED(state);
    gw_anon *a = make();
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        json_t *in;
        gw_error e;
        assert_int_equal(gw_json_tree_parse(gw_str_of(cases[i]), &in, &e), 0);
        json_t *out = gw_anon_object(a, in);
        assert_non_null(out);
        json_decref(out);
        json_decref(in);
    }
    gw_anon_free(a);
}

static void every_allocation_may_fail(void **state)
{
    GW_UNUSED(state);
    json_t *in;
    gw_error e;
    assert_int_equal(gw_json_tree_parse(gw_str_of(object_text), &in, &e), 0);
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        gw_label labels[] = {{gw_str_of("label_x_y"), gw_str_of("10.0.0.1")},
                             {gw_str_of("pod"), gw_str_of("a-b-c")}};
        gw_mem_fail_at(n);
        gw_anon *a = gw_anon_new(key, NULL);
        json_t *out = a ? gw_anon_object(a, in) : NULL;
        int rc = out ? gw_anon_labels(a, labels, 2, &e) : GW_ENOMEM;
        gw_mem_fail_at(0);
        assert_true(rc == 0 || rc == GW_ENOMEM);
        if (rc == 0) {
            char *text = json_dumps(out, 0);
            assert_null(strcasestr(text, "acme"));
            gw_free(text);
        }
        done = rc == 0;
        json_decref(out);
        gw_anon_free(a);
        assert_true(n < 5000);
    }
    json_decref(in);
}

static void keys_are_random(void **state)
{
    GW_UNUSED(state);
    uint8_t a[GW_ANON_KEY_BYTES] = {0}, b[GW_ANON_KEY_BYTES] = {0};
    gw_error e;
    assert_int_equal(gw_anon_random_key(a, &e), 0);
    assert_int_equal(gw_anon_random_key(b, &e), 0);
    assert_memory_not_equal(a, b, sizeof(a)); /* fails once in 2^128 */
}

int main(void)
{
    gw_json_use_own_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_name_same_pseudonym),
        cmocka_unit_test(beginnings_stay_beginnings),
        cmocka_unit_test(only_suffixes_look_like_suffixes),
        cmocka_unit_test(no_two_names_become_one),
        cmocka_unit_test(forms_stay),
        cmocka_unit_test(technical_values_stay),
        cmocka_unit_test(label_names_of_people_go),
        cmocka_unit_test(objects_keep_their_shape),
        cmocka_unit_test(odd_objects_do_no_harm),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(keys_are_random),
    };
    return cmocka_run_group_tests_name("anonymize", tests, NULL, NULL);
}
