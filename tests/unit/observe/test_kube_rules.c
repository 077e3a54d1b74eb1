/*
 * What constrains pods, nodes and budgets, read from objects as the API gives them: every field that is read,
 * every form that is wrong, and what holds a pod. Expectations are worked out by hand from the objects above
 * them.
 */
#include "gw_test.h"

#include "base/mem.h"
#include "fleet/rules.h"
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

/* ' stands for ", so that the objects can be read. */
static json_t *json_of(const char *text)
{
    json_error_t je;
    char copy[8192];
    size_t n = strlen(text);
    assert_true(n < sizeof(copy));
    for (size_t i = 0; i <= n; i++)
        copy[i] = text[i] == '\'' ? '"' : text[i];
    json_t *j = json_loads(copy, 0, &je);
    if (!j)
        fail_msg("the test's own JSON is wrong: %s at %d in %s", je.text, je.position, copy);
    return j;
}

static int add(const char *text, const char *kind)
{
    json_t *j = json_of(text);
    int r = gw_kube_add_list(&fleet, j, kind, &error);
    json_decref(j);
    return r;
}

static void must_add(const char *text)
{
    if (add(text, NULL))
        fail_msg("%s", error.message);
}

static const gw_pod_rules *rules_of(const char *name)
{
    uint32_t i = gw_fleet_find_pod(&fleet, gw_str_of("ml"), gw_str_of(name));
    assert_int_not_equal(i, GW_NONE);
    assert_int_not_equal(fleet.pods[i].rules, GW_NONE);
    return &fleet.rules[fleet.pods[i].rules];
}

#define OWNED "'ownerReferences':[{'kind':'ReplicaSet','name':'r','controller':true}]"

/* A pod of a ReplicaSet with this in its metadata (beginning with a comma, or nothing) and this spec. */
static int add_pod(const char *meta, const char *spec)
{
    char text[6000];
    gw_fleet_free(&fleet);
    gw_fleet_init(&fleet);
    snprintf(text, sizeof(text), "{'kind':'Pod','metadata':{'namespace':'ml','name':'p'%s},'spec':%s}", meta,
             spec);
    return add(text, NULL);
}

static const gw_pod_rules *pod_rules(const char *meta, const char *spec)
{
    if (add_pod(meta, spec))
        fail_msg("%s", error.message);
    return rules_of("p");
}

/* What a ReplicaSet's pod with this spec is held by; NULL = nothing. */
static const char *held(const char *annotations, const char *spec)
{
    char meta[1024];
    snprintf(meta, sizeof(meta), "," OWNED ",'annotations':{%s}", annotations);
    return pod_rules(meta, spec)->stays;
}

static void refuses(const char *spec, const char *message)
{
    error = (gw_error){0};
    assert_int_equal(add_pod("", spec), GW_ECORRUPT);
    assert_string_equal(error.message, message);
}

/* ---- where ---- */

static void a_pod_says_where_it_may_run(void **state)
{
    GW_UNUSED(state);
    const gw_pod_rules *r = pod_rules(
        "," OWNED,
        "{'nodeSelector':{'gpu':'a100','pool':'x'},'priority':-5,'runtimeClassName':'nvidia','schedulerName':"
        "'volcano',"
        "'affinity':{'nodeAffinity':{'preferredDuringSchedulingIgnoredDuringExecution':[{'weight':1}],"
        "'requiredDuringSchedulingIgnoredDuringExecution':{'nodeSelectorTerms':["
        "{'matchExpressions':[{'key':'zone','operator':'NotIn','values':['a','b']},{'key':'disks','operator':"
        "'Gt',"
        "'values':['3']}],'matchFields':[{'key':'metadata.name','operator':'In','values':['n1']}]},{},"
        "{'matchExpressions':[{'key':'k','operator':'Exists'}]},{'matchExpressions':[{'key':'k','operator':"
        "'DoesNotExist'},{'key':'k','operator':'Lt','values':['1']}]}]}}},"
        "'tolerations':[{'key':'nvidia.com/"
        "gpu','operator':'Exists','effect':'NoSchedule'},{'operator':'Exists'},"
        "{'key':'dedicated','value':'ml','effect':'NoExecute','tolerationSeconds':300},{'key':'k','operator':"
        "'Lt'},"
        "{'key':'k','effect':'Sometimes'}]}");
    assert_int_equal(r->node_selector.n, 2);
    assert_string_equal(r->node_selector.all[0].key, "gpu");
    assert_string_equal(r->node_selector.all[0].values[0], "a100");
    assert_int_equal(r->n_node_affinity, 1);
    const gw_match_alternatives *a = &r->node_affinity[0];
    assert_int_equal(a->n, 4);
    assert_int_equal(a->any[0].n, 3);
    assert_int_equal(a->any[0].all[0].op, GW_MATCH_NOT_IN);
    assert_int_equal(a->any[0].all[0].n, 2);
    assert_string_equal(a->any[0].all[0].values[1], "b");
    assert_int_equal(a->any[0].all[1].op, GW_MATCH_GT);
    assert_false(a->any[0].all[1].field);
    assert_true(a->any[0].all[2].field);
    assert_true(a->any[1].nothing); /* an empty term matches no node */
    assert_int_equal(a->any[2].all[0].op, GW_MATCH_EXISTS);
    assert_int_equal(a->any[3].all[0].op, GW_MATCH_MISSING);
    assert_int_equal(a->any[3].all[1].op, GW_MATCH_LT);
    /* the last two tolerations are of no form that is known, and tolerate nothing */
    assert_int_equal(r->n_tolerations, 3);
    assert_null(r->tolerations[0].value);
    assert_false(r->tolerations[0].any_effect);
    assert_int_equal(r->tolerations[0].effect, GW_TAINT_NO_SCHEDULE);
    assert_null(r->tolerations[1].key);
    assert_true(r->tolerations[1].any_effect);
    assert_string_equal(r->tolerations[2].value, "ml");
    assert_int_equal(r->tolerations[2].effect, GW_TAINT_NO_EXECUTE);
    assert_true(r->tolerations[2].limited);
    assert_int_equal(r->priority, -5);
    assert_string_equal(r->runtime_class, "nvidia");
    assert_string_equal(r->scheduler, "volcano");
    assert_null(r->stays);
    assert_false(r->daemon);
    assert_null(r->gang);
}

static void a_pod_without_rules_may_run_anywhere(void **state)
{
    GW_UNUSED(state);
    const gw_pod_rules *r = pod_rules("," OWNED, "{'containers':[{}],'affinity':{},'tolerations':null}");
    assert_int_equal(r->node_selector.n, 0);
    assert_false(r->node_selector.nothing);
    assert_int_equal(r->n_node_affinity, 0);
    assert_int_equal(r->n_tolerations, 0);
    assert_int_equal(r->priority, 0);
    assert_string_equal(r->scheduler, "default-scheduler");
    assert_null(r->stays);
    /* a required affinity without terms is not the same as none: it matches no node */
    r = pod_rules("," OWNED,
                  "{'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{}}}}");
    assert_int_equal(r->n_node_affinity, 1);
    assert_int_equal(r->node_affinity[0].n, 0);
}

static void what_the_api_did_not_show_is_not_known(void **state)
{
    GW_UNUSED(state);
    must_add("{'kind':'Pod','metadata':{'namespace':'ml','name':'p'}}"); /* no spec */
    assert_int_equal(fleet.pods[0].rules, GW_NONE);
    /* a later pod of the name that metrics knew another pod by */
    uint32_t i = gw_fleet_pod(&fleet, gw_str_of("ml"), gw_str_of("q"), NULL);
    fleet.pods[i].uid = "u1";
    must_add("{'kind':'Pod','metadata':{'namespace':'ml','name':'q','uid':'u2'},'spec':{}}");
    assert_int_equal(fleet.pods[i].rules, GW_NONE);
    i = gw_fleet_node(&fleet, gw_str_of("n"), NULL);
    assert_false(fleet.nodes[i].rules_known);
    assert_false(fleet.budgets_known || fleet.volumes_known || fleet.claims_known || fleet.namespaces_known);
}

/* ---- next to whom ---- */

#define REQUIRED "'requiredDuringSchedulingIgnoredDuringExecution':"

static void a_pod_says_next_to_whom(void **state)
{
    GW_UNUSED(state);
    const gw_pod_rules *r = pod_rules(
        "," OWNED ",'labels':{'app':'web','hash':'h1'}",
        "{'affinity':{'podAffinity':{" REQUIRED
        "[{'labelSelector':{'matchLabels':{'app':'db'}},'topologyKey':'zone',"
        "'namespaces':['a','b']},{'labelSelector':{},'topologyKey':'zone','namespaceSelector':{}}]},"
        "'podAntiAffinity':{" REQUIRED "[{'labelSelector':{'matchLabels':{'app':'web'}},"
        "'topologyKey':'kubernetes.io/"
        "hostname'},{'topologyKey':'zone','namespaceSelector':{'matchLabels':{'t':'x'}}}]}},"
        "'topologySpreadConstraints':[{'maxSkew':2,'topologyKey':'zone','whenUnsatisfiable':'DoNotSchedule',"
        "'labelSelector':{'matchLabels':{'app':'web'}},'matchLabelKeys':['hash','absent'],'minDomains':3,"
        "'nodeAffinityPolicy':'Ignore','nodeTaintsPolicy':'Honor'},{'maxSkew':1,'topologyKey':'zone',"
        "'whenUnsatisfiable':'ScheduleAnyway'},{'maxSkew':1,'topologyKey':'k','whenUnsatisfiable':'"
        "DoNotSchedule'}]}");
    assert_int_equal(r->n_affinity, 2);
    assert_int_equal(r->affinity[0].n_namespaces, 2);
    assert_string_equal(r->affinity[0].namespaces[1], "b");
    assert_false(r->affinity[0].all_namespaces);
    assert_true(r->affinity[1].all_namespaces); /* an empty selector is every namespace */
    assert_int_equal(r->affinity[1].n_namespaces, 0);
    assert_false(r->affinity[1].selector.nothing); /* and an empty one of pods every pod */
    assert_int_equal(r->n_anti_affinity, 2);
    assert_string_equal(r->anti_affinity[0].topology_key, "kubernetes.io/hostname");
    assert_int_equal(r->anti_affinity[0].n_namespaces, 1); /* its own where none is named */
    assert_string_equal(r->anti_affinity[0].namespaces[0], "ml");
    assert_true(r->anti_affinity[1].selector.nothing); /* an absent one is none */
    assert_int_equal(r->anti_affinity[1].n_namespaces, 0);
    assert_int_equal(r->n_ns_terms, 1);
    assert_true(r->ns_terms[0].anti);
    assert_int_equal(r->ns_terms[0].term, 1);
    assert_int_equal(r->n_spreads, 2); /* a spread that may be broken is none */
    const gw_spread *s = &r->spreads[0];
    assert_int_equal(s->max_skew, 2);
    assert_int_equal(s->min_domains, 3);
    assert_false(s->honour_affinity);
    assert_true(s->honour_taints);
    assert_int_equal(s->selector.n, 2); /* app=web, and hash as this pod has it */
    assert_string_equal(s->selector.all[1].key, "hash");
    assert_string_equal(s->selector.all[1].values[0], "h1");
    assert_true(r->spreads[1].honour_affinity); /* what holds where nothing is said */
    assert_false(r->spreads[1].honour_taints);
    assert_int_equal(r->spreads[1].min_domains, 1);
    assert_true(r->spreads[1].selector.nothing);
    assert_null(r->stays);
}

static void what_is_not_understood_holds_the_pod(void **state)
{
    GW_UNUSED(state);
    static const char reason[] = "its scheduling rules have a form that gpuwise does not know";
    assert_string_equal(held("", "{'affinity':{'nodeAffinity':{" REQUIRED
                                 "{'nodeSelectorTerms':[{'matchExpressions':"
                                 "[{'key':'k','operator':'Resembles','values':['x']}]}]}}}}"),
                        reason);
    assert_true(rules_of("p")->node_affinity[0].any[0].nothing);
    assert_string_equal(held("", "{'affinity':{'podAntiAffinity':{" REQUIRED
                                 "[{'topologyKey':'z','labelSelector':"
                                 "{'matchExpressions':[{'key':'k','operator':'Resembles'}]}}]}}}"),
                        reason);
    /* others keep off as if it kept off everything */
    assert_false(rules_of("p")->anti_affinity[0].selector.nothing);
    assert_int_equal(rules_of("p")->anti_affinity[0].selector.n, 0);
    assert_string_equal(held("", "{'affinity':{'podAffinity':{" REQUIRED "[{'labelSelector':{}}]}}}"),
                        reason);
    /* more than the bound: GW_RULES_MAX_ITEMS + 1 tolerations */
    json_t *pod = json_of("{'kind':'Pod','metadata':{'namespace':'ml','name':'many'," OWNED "},'spec':{}}");
    json_t *list = json_array();
    for (int i = 0; i <= GW_RULES_MAX_ITEMS; i++)
        json_array_append_new(list, json_pack("{s:s}", "operator", "Exists"));
    json_object_set_new(json_object_get(pod, "spec"), "tolerations", list);
    assert_int_equal(gw_kube_add_list(&fleet, pod, NULL, &error), 0);
    json_decref(pod);
    assert_string_equal(rules_of("many")->stays, reason);
    assert_int_equal(rules_of("many")->n_tolerations, 0);
}

/* ---- what holds it ---- */

static void annotations_hold_a_pod(void **state)
{
    GW_UNUSED(state);
    static const char ca[] = "'cluster-autoscaler.kubernetes.io/safe-to-evict':",
                      karpenter[] = "'karpenter.sh/do-not-disrupt':";
    char text[256];
    assert_null(held("", "{}"));
    snprintf(text, sizeof(text), "%s'true'", karpenter);
    assert_string_equal(held(text, "{}"), "it has the annotation karpenter.sh/do-not-disrupt: true");
    snprintf(text, sizeof(text), "%s'15m'", karpenter);
    assert_string_equal(held(text, "{}"), "it has the annotation karpenter.sh/do-not-disrupt: 15m");
    snprintf(text, sizeof(text), "%s'false'", karpenter);
    assert_null(held(text, "{}"));
    snprintf(text, sizeof(text), "%s'false'", ca);
    assert_string_equal(held(text, "{}"),
                        "it has the annotation cluster-autoscaler.kubernetes.io/safe-to-evict: false");
    snprintf(text, sizeof(text), "%s'true'", ca);
    assert_null(held(text, "{}"));
    /* safe to evict, but nobody would make another */
    snprintf(text, sizeof(text), ",'annotations':{%s'true'}", ca);
    assert_string_equal(pod_rules(text, "{}")->stays, "nothing would create it again: it has no controller");
}

static void local_volumes_hold_a_pod(void **state)
{
    GW_UNUSED(state);
    static const char host[] = "{'volumes':[{'name':'data','hostPath':{'path':'/d'}}]}";
    static const char reason[] = "it uses a directory of its node, the hostPath volume data";
    static const char listed[] = "'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes':";
    char text[256];
    assert_string_equal(held("", host), reason);
    assert_null(held("'cluster-autoscaler.kubernetes.io/safe-to-evict':'true'", host));
    snprintf(text, sizeof(text), "%s'tmp, data,x'", listed);
    assert_null(held(text, host));
    snprintf(text, sizeof(text), "%s'datas,dat'", listed);
    assert_string_equal(held(text, host), reason);
    assert_null(
        held("", "{'volumes':[{'name':'a','emptyDir':{}},{'name':'b','emptyDir':{'medium':'Memory'}},"
                 "{'name':'c','configMap':{'name':'x'}},{'name':'d','projected':{'sources':[]}},"
                 "{'name':'e','csi':{'driver':'d'}},{'name':'f','ephemeral':{}},{'name':'g','nfs':{}}]}"));
    assert_string_equal(held("", "{'volumes':[{'name':'a','iscsi':{}}]}"),
                        "it mounts a kind of volume that gpuwise does not follow: iscsi");
    /* claims are looked up when everything is read; one that is mounted twice is one */
    assert_null(held("", "{'volumes':[{'name':'a','persistentVolumeClaim':{'claimName':'c1'}},"
                         "{'name':'b','persistentVolumeClaim':{'claimName':'c1'}},"
                         "{'name':'c','persistentVolumeClaim':{'claimName':'c2'}}]}"));
    assert_int_equal(rules_of("p")->n_claims, 2);
    assert_string_equal(rules_of("p")->claims[1], "c2");
}

static void ports_devices_and_other_resources_hold_a_pod(void **state)
{
    GW_UNUSED(state);
    assert_null(held(
        "",
        "{'containers':[{'ports':[{'containerPort':80}],'resources':{'requests':{'cpu':'1','memory':'1Gi',"
        "'ephemeral-storage':'1Gi','nvidia.com/gpu':'1','vendor.com/x':'0'}}}]}"));
    assert_string_equal(held("", "{'containers':[{},{'ports':[{'containerPort':80,'hostPort':80}]}]}"),
                        "it takes a port of its node (hostPort)");
    assert_string_equal(held("", "{'initContainers':[{'resources':{'limits':{'rdma/hca':1}}}]}"),
                        "it requests a resource that gpuwise does not count: rdma/hca");
    assert_string_equal(held("", "{'resources':{'requests':{'hugepages-2Mi':'4Mi'}}}"),
                        "it requests a resource that gpuwise does not count: hugepages-2Mi");
    assert_string_equal(held("", "{'resourceClaims':[{'name':'gpu'}]}"),
                        "it has ResourceClaims, which gpuwise does not follow");
    /* the first reason is told */
    assert_string_equal(held("'karpenter.sh/do-not-disrupt':'true'", "{'resourceClaims':[{'name':'gpu'}]}"),
                        "it has the annotation karpenter.sh/do-not-disrupt: true");
}

static void daemons_go_with_their_node(void **state)
{
    GW_UNUSED(state);
    static const char host[] =
        "{'volumes':[{'name':'data','hostPath':{}}],'containers':[{'ports':[{'hostPort':1}]}]}";
    const gw_pod_rules *r =
        pod_rules(",'ownerReferences':[{'kind':'DaemonSet','name':'d','controller':true}]", host);
    assert_true(r->daemon);
    assert_null(r->stays);
    r = pod_rules(",'ownerReferences':[{'kind':'Node','name':'n','controller':true}]", host);
    assert_true(r->daemon);
    r = pod_rules(",'annotations':{'kubernetes.io/config.mirror':'0123'}", host);
    assert_true(r->daemon);
    assert_null(r->stays);
    r = pod_rules(",'ownerReferences':[{'kind':'DaemonSet','name':'d'}],'annotations':{'karpenter.sh/"
                  "do-not-disrupt':'true'}",
                  "{}");
    assert_true(r->daemon);
    assert_non_null(r->stays);
}

static void gangs_are_known_by_their_marks(void **state)
{
    GW_UNUSED(state);
    static const char *const labels[] = {"scheduling.x-k8s.io/pod-group",
                                         "pod-group.scheduling.sigs.k8s.io/name",
                                         "pod-group.scheduling.sigs.k8s.io",
                                         "scheduling.k8s.io/group-name",
                                         "kueue.x-k8s.io/pod-group-name",
                                         "leaderworkerset.sigs.k8s.io/group-key",
                                         "jobset.sigs.k8s.io/jobset-name",
                                         "training.kubeflow.org/job-name",
                                         "ray.io/cluster"};
    char text[256];
    for (size_t i = 0; i < GW_COUNT(labels); i++) {
        snprintf(text, sizeof(text), "," OWNED ",'labels':{'%s':'g1'}", labels[i]);
        const gw_pod_rules *r = pod_rules(text, "{}");
        if (!r->gang || strcmp(r->gang, "ml/g1") != 0)
            fail_msg("%s makes no gang", labels[i]);
    }
    assert_string_equal(
        pod_rules("," OWNED ",'annotations':{'scheduling.k8s.io/group-name':'pg'}", "{}")->gang, "ml/pg");
    assert_null(pod_rules("," OWNED ",'labels':{'batch.kubernetes.io/job-name':'j','app':'x'}", "{}")->gang);
}

static void kai_and_ephemeral_storage_are_read(void **state)
{
    GW_UNUSED(state);
    pod_rules("," OWNED ",'annotations':{'gpu-fraction':'0.25','gpu-memory':'8192'}",
              "{'containers':[{'resources':{'requests':{'ephemeral-storage':'2Gi'}}},"
              "{'resources':{'limits':{'ephemeral-storage':'512Mi'}}}]}");
    assert_int_equal(fleet.pods[0].kai_fraction_milli, 250);
    assert_int_equal(fleet.pods[0].kai_memory_mib, 8192);
    assert_int_equal(fleet.pods[0].ephemeral_request_mib, 2048 + 512);
    pod_rules("," OWNED ",'annotations':{'gpu-fraction':'much','gpu-memory':'-1'}", "{}");
    assert_int_equal(fleet.pods[0].kai_fraction_milli, GW_UNKNOWN_COUNT);
    assert_int_equal(fleet.pods[0].kai_memory_mib, GW_UNKNOWN_COUNT);
    pod_rules("," OWNED ",'annotations':{'gpu-fraction':'1.5'}", "{}");
    assert_int_equal(fleet.pods[0].kai_fraction_milli, GW_UNKNOWN_COUNT);
}

/* ---- nodes ---- */

static void nodes_have_taints_and_reasons_to_be_kept(void **state)
{
    GW_UNUSED(state);
    must_add("{'kind':'List','items':[{'kind':'Node','metadata':{'name':'n1','annotations':"
             "{'cluster-autoscaler.kubernetes.io/"
             "scale-down-disabled':'true'}},'spec':{'taints':[{'key':'nvidia.com/gpu',"
             "'value':'present','effect':'NoSchedule'},{'key':'a','effect':'NoExecute'},{'key':'b','effect':"
             "'PreferNoSchedule'},{'key':'c','effect':'Sometimes'}]},'status':{'allocatable':{'pods':'58',"
             "'ephemeral-storage':'100Gi'}}},{'kind':'Node','metadata':{'name':'n2','annotations':"
             "{'karpenter.sh/"
             "do-not-disrupt':'true'}},'spec':{}},{'kind':'Node','metadata':{'name':'n3','annotations':"
             "{'karpenter.sh/do-not-disrupt':'no'}}}]}");
    const gw_node *n = &fleet.nodes[0];
    assert_true(n->rules_known);
    assert_int_equal(n->n_taints, 4);
    assert_string_equal(n->taints[0].key, "nvidia.com/gpu");
    assert_string_equal(n->taints[0].value, "present");
    assert_int_equal(n->taints[0].effect, GW_TAINT_NO_SCHEDULE);
    assert_string_equal(n->taints[1].value, "");
    assert_int_equal(n->taints[1].effect, GW_TAINT_NO_EXECUTE);
    assert_int_equal(n->taints[2].effect, GW_TAINT_PREFER_NO_SCHEDULE);
    assert_int_equal(n->taints[3].effect, GW_TAINT_NO_SCHEDULE); /* what is not known keeps off */
    assert_string_equal(n->keep,
                        "it has the annotation cluster-autoscaler.kubernetes.io/scale-down-disabled: true");
    assert_int_equal(n->max_pods, 58);
    assert_int_equal(n->ephemeral_mib, 100 * 1024);
    assert_string_equal(fleet.nodes[1].keep, "it has the annotation karpenter.sh/do-not-disrupt: true");
    assert_int_equal(fleet.nodes[1].n_taints, 0);
    assert_true(fleet.nodes[1].rules_known);
    assert_null(fleet.nodes[2].keep);
    assert_int_equal(fleet.nodes[2].max_pods, GW_UNKNOWN_COUNT);
    /* said again: the later taints count */
    must_add("{'kind':'Node','metadata':{'name':'n1'},'spec':{}}");
    assert_int_equal(fleet.nodes[0].n_taints, 0);
    assert_null(fleet.nodes[0].keep);
}

/* ---- budgets and volumes ---- */

static void budgets_are_read(void **state)
{
    GW_UNUSED(state);
    must_add(
        "{'kind':'PodDisruptionBudgetList','items':["
        "{'metadata':{'namespace':'ml','name':'b1','generation':2},'spec':{'minAvailable':'50%','selector':"
        "{'matchLabels':{'app':'web'}}},'status':{'disruptionsAllowed':1,'currentHealthy':3,'desiredHealthy':"
        "2,"
        "'expectedPods':3,'observedGeneration':2}},"
        "{'metadata':{'namespace':'ml','name':'b2','generation':3},'spec':{'maxUnavailable':0,'selector':{}},"
        "'status':{'disruptionsAllowed':4,'observedGeneration':2}},"
        "{'metadata':{'namespace':'ml','name':'b3'},'spec':{}},"
        "{'metadata':{'namespace':'ml','name':'b4'},'spec':{'selector':{'matchExpressions':[{'key':'k','"
        "operator':"
        "'Resembles'}]}},'status':{'disruptionsAllowed':9}}]}");
    assert_int_equal(fleet.n_budgets, 4);
    const gw_budget *b = fleet.budgets;
    assert_string_equal(b[0].min_available, "50%");
    assert_null(b[0].max_unavailable);
    assert_int_equal(b[0].disruptions_allowed, 1);
    assert_int_equal(b[0].current_healthy, 3);
    assert_int_equal(b[0].desired_healthy, 2);
    assert_int_equal(b[0].expected_pods, 3);
    assert_int_equal(b[0].selector.n, 1);
    assert_string_equal(b[1].max_unavailable, "0");
    assert_int_equal(b[1].disruptions_allowed, GW_UNKNOWN_COUNT); /* the status is of an earlier generation */
    assert_false(b[1].selector.nothing);
    assert_int_equal(b[2].disruptions_allowed, GW_UNKNOWN_COUNT);
    assert_true(b[2].selector.nothing);
    assert_int_equal(b[3].disruptions_allowed,
                     GW_UNKNOWN_COUNT); /* nobody knows whose it is: perhaps everybody's */
    assert_int_equal(b[3].selector.n, 0);
    assert_false(b[3].selector.nothing);
}

/* In policy/v1beta1 an empty selector was nobody's; the version stands at the list where the items have none.
 */
static void an_empty_selector_meant_something_else_once(void **state)
{
    GW_UNUSED(state);
    static const char *const versions[] = {"policy/v1", "policy/v1beta1"};
    char text[512];
    for (size_t i = 0; i < GW_COUNT(versions); i++) {
        snprintf(text, sizeof(text),
                 "{'kind':'PodDisruptionBudgetList','apiVersion':'%s','items':[{'metadata':{'namespace':'ml',"
                 "'name':"
                 "'b'},'spec':{'selector':{}}}]}",
                 versions[i]);
        must_add(text);
        assert_int_equal(fleet.budgets[0].selector.nothing, i == 1);
        snprintf(text, sizeof(text),
                 "{'kind':'List','apiVersion':'v1','items':[{'kind':'PodDisruptionBudget','apiVersion':'%s',"
                 "'metadata':{'namespace':'ml','name':'b'},'spec':{'selector':{}}}]}",
                 versions[i]);
        must_add(text);
        assert_int_equal(fleet.budgets[0].selector.nothing, i == 1);
    }
}

static void volumes_and_claims_are_read(void **state)
{
    GW_UNUSED(state);
    must_add(
        "{'kind':'List','items':[{'kind':'PersistentVolume','metadata':{'name':'v1','labels':"
        "{'topology.kubernetes.io/"
        "zone':'a__b'}},'spec':{'accessModes':['ReadWriteOnce'],'nodeAffinity':{'required':"
        "{'nodeSelectorTerms':[{'matchExpressions':[{'key':'rack','operator':'In','values':['r1']}]}]}}}},"
        "{'kind':'PersistentVolume','metadata':{'name':'v2'},'spec':{'local':{'path':'/d'},'accessModes':"
        "['ReadWriteMany']}},{'kind':'PersistentVolume','metadata':{'name':'v3','labels':"
        "{'topology.kubernetes.io/region':'r'}},'spec':{}},"
        "{'kind':'PersistentVolumeClaim','metadata':{'namespace':'ml','name':'c1'},'spec':{'volumeName':'v1'}"
        "},"
        "{'kind':'PersistentVolumeClaim','metadata':{'namespace':'ml','name':'c2'},'spec':{}}]}");
    assert_int_equal(fleet.n_volumes, 3);
    const gw_volume *v = fleet.volumes;
    assert_false(v[0].anywhere || v[0].local || v[0].shared);
    assert_int_equal(v[0].nodes.n, 1);
    assert_int_equal(v[0].nodes.any[0].n, 2); /* the rack, and one of the zones */
    assert_string_equal(v[0].nodes.any[0].all[0].key, "rack");
    assert_int_equal(v[0].nodes.any[0].all[1].n, 2);
    assert_string_equal(v[0].nodes.any[0].all[1].values[1], "b");
    assert_true(v[1].anywhere && v[1].local && v[1].shared);
    assert_false(v[2].anywhere);
    assert_int_equal(v[2].nodes.n, 1);
    assert_string_equal(v[2].nodes.any[0].all[0].values[0], "r");
    assert_int_equal(fleet.n_claims, 2);
    assert_string_equal(fleet.claims[0].volume, "v1");
    assert_null(fleet.claims[1].volume);
}

static void sets_make_lists_known(void **state)
{
    GW_UNUSED(state);
    json_t *empty = json_of("{'kind':'List','items':[]}");
    assert_int_equal(gw_kube_add_set(&fleet, "poddisruptionbudgets", empty, NULL), 0);
    assert_true(fleet.budgets_known);
    assert_false(fleet.volumes_known || fleet.claims_known || fleet.namespaces_known);
    assert_int_equal(gw_kube_add_set(&fleet, "persistentvolumes", empty, NULL), 0);
    assert_int_equal(gw_kube_add_set(&fleet, "persistentvolumeclaims", empty, NULL), 0);
    assert_int_equal(gw_kube_add_set(&fleet, "namespaces", empty, NULL), 0);
    assert_int_equal(gw_kube_add_set(&fleet, "workloads", empty, NULL), 0);
    assert_true(fleet.volumes_known && fleet.claims_known && fleet.namespaces_known);
    json_decref(empty);
    /* a list that is damaged is not known */
    gw_fleet_free(&fleet);
    gw_fleet_init(&fleet);
    json_t *bad = json_of("{'kind':'List','items':[{'metadata':{'name':'b','namespace':'ml'},'spec':[]}]}");
    assert_int_equal(gw_kube_add_set(&fleet, "poddisruptionbudgets", bad, NULL), GW_ECORRUPT);
    assert_false(fleet.budgets_known);
    json_decref(bad);
}

/* ---- wrong objects ---- */

static void wrong_types_are_told(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *spec, *message;
    } cases[] = {
        {"{'nodeSelector':[]}", "nodeSelector must be an object"},
        {"{'nodeSelector':{'a':1}}", "a selector must be a map of texts"},
        {"{'affinity':1}", "affinity must be an object"},
        {"{'affinity':{'nodeAffinity':1}}", "nodeAffinity must be an object"},
        {"{'affinity':{'nodeAffinity':{" REQUIRED "[]}}}",
         "requiredDuringSchedulingIgnoredDuringExecution must be an object"},
        {"{'affinity':{'nodeAffinity':{" REQUIRED "{'nodeSelectorTerms':{}}}}}",
         "nodeSelectorTerms must be a list"},
        {"{'affinity':{'nodeAffinity':{" REQUIRED "{'nodeSelectorTerms':[1]}}}}",
         "nodeSelectorTerms must be a list of objects"},
        {"{'affinity':{'nodeAffinity':{" REQUIRED "{'nodeSelectorTerms':[{'matchExpressions':[1]}]}}}}",
         "matchExpressions must be a list of objects"},
        {"{'affinity':{'nodeAffinity':{" REQUIRED
         "{'nodeSelectorTerms':[{'matchExpressions':[{'key':'k','operator':'In',"
         "'values':[1]}]}]}}}}",
         "values must be a list of texts"},
        {"{'affinity':{'podAffinity':{" REQUIRED "{}}}}",
         "requiredDuringSchedulingIgnoredDuringExecution must be a list"},
        {"{'affinity':{'podAntiAffinity':{" REQUIRED "[[]]}}}",
         "requiredDuringSchedulingIgnoredDuringExecution must be a list of objects"},
        {"{'affinity':{'podAntiAffinity':{" REQUIRED "[{'namespaces':[1]}]}}}",
         "namespaces must be a list of texts"},
        {"{'affinity':{'podAntiAffinity':{" REQUIRED "[{'labelSelector':[]}]}}}",
         "labelSelector must be an object"},
        {"{'tolerations':[1]}", "tolerations must be a list of objects"},
        {"{'tolerations':[{'key':1}]}", "key must be text"},
        {"{'topologySpreadConstraints':[{'maxSkew':'1','topologyKey':'z','whenUnsatisfiable':'DoNotSchedule'}"
         "]}",
         "maxSkew must be a whole number"},
        {"{'topologySpreadConstraints':{}}", "topologySpreadConstraints must be a list"},
        {"{'priority':'high'}", "priority must be a whole number"},
        {"{'schedulerName':1}", "schedulerName must be text"},
        {"{'volumes':{}}", "volumes must be a list"},
        {"{'volumes':['x']}", "volumes must be a list of objects"},
        {"{'volumes':[{'name':'a','persistentVolumeClaim':{}}]}", "claimName must be text"},
        {"{'containers':[{'ports':[{'hostPort':'80'}]}]}", "hostPort must be a whole number"},
    };
    char message[512];
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        snprintf(message, sizeof(message), "item 0, Pod ml/p: %s; get the objects again", cases[i].message);
        refuses(cases[i].spec, message);
    }
    static const char *const others[] = {
        "{'kind':'Node','metadata':{'name':'n'},'spec':{'taints':{}}}",
        "{'kind':'Node','metadata':{'name':'n'},'spec':{'taints':[1]}}",
        "{'kind':'Node','metadata':{'name':'n','annotations':[]}}",
        "{'kind':'Pod','metadata':{'namespace':'ml','name':'p','annotations':1},'spec':{}}",
        "{'kind':'PodDisruptionBudget','metadata':{'name':'b'},'spec':{'selector':1}}",
        "{'kind':'PodDisruptionBudget','metadata':{'name':'b'},'spec':{'minAvailable':{}}}",
        "{'kind':'PodDisruptionBudget','metadata':{'name':'b'},'status':{'disruptionsAllowed':'1'}}",
        "{'kind':'PersistentVolume','metadata':{'name':'v'},'spec':{'accessModes':1}}",
        "{'kind':'PersistentVolume','metadata':{'name':'v'},'spec':{'nodeAffinity':{'required':1}}}",
        "{'kind':'PersistentVolumeClaim','metadata':{'name':'c'},'spec':{'volumeName':1}}"};
    for (size_t i = 0; i < GW_COUNT(others); i++) {
        if (add(others[i], NULL) != GW_ECORRUPT)
            fail_msg("%s was taken", others[i]);
    }
}

/* ---- many pods, and memory ---- */

static void pods_of_a_template_share_their_rules(void **state)
{
    GW_UNUSED(state);
    json_t *items = json_array();
    for (int i = 0; i < 10000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "p-%d", i);
        json_array_append_new(
            items,
            json_pack("{s:s, s:{s:s, s:s, s:{s:s}, s:[{s:s, s:s}]}, s:{s:{s:s}, s:[{s:s, s:s}]}}", "kind",
                      "Pod", "metadata", "namespace", i % 3 ? "a" : "b", "name", name, "labels", "app", "x",
                      "ownerReferences", "kind", "ReplicaSet", "name", "r", "spec", "nodeSelector", "gpu",
                      i % 2 ? "a100" : "h100", "tolerations", "key", "nvidia.com/gpu", "operator", "Exists"));
    }
    json_t *list = json_pack("{s:s, s:o}", "kind", "List", "items", items);
    int64_t start = gw_clock_monotonic(NULL);
    assert_int_equal(gw_kube_add_list(&fleet, list, NULL, &error), 0);
    print_message("# 10000 pods read in %d ms\n", (int)(gw_clock_monotonic(NULL) - start));
    json_decref(list);
    assert_int_equal(fleet.n_pods, 10000);
    assert_int_equal(fleet.n_rules, 2); /* two node selectors; nothing else in them speaks of the namespace */
}

static json_t *everything(void)
{
    static const char text[] =
        "{'kind':'List','items':[{'kind':'Node','metadata':{'name':'n','annotations':{'karpenter.sh/"
        "do-not-disrupt':'true'}},"
        "'spec':{'taints':[{'key':'k','effect':'NoExecute'}]}},"
        "{'kind':'Pod','metadata':{'namespace':'ml','name':'p','labels':{'ray.io/cluster':'c','h':'1'}," OWNED
        ","
        "'annotations':{'karpenter.sh/"
        "do-not-disrupt':'5m'}},'spec':{'nodeSelector':{'a':'b'},'affinity':{'nodeAffinity':{" REQUIRED
        "{'nodeSelectorTerms':[{'matchExpressions':[{'key':'zone','operator':'In','values':['a']}]}]}},"
        "'podAntiAffinity':{" REQUIRED
        "[{'topologyKey':'z','labelSelector':{'matchLabels':{'a':'b'}},'namespaceSelector':"
        "{'matchLabels':{'t':'x'}}}]}},'tolerations':[{'operator':'Exists'}],'topologySpreadConstraints':[{'"
        "maxSkew':1,"
        "'topologyKey':'z','whenUnsatisfiable':'DoNotSchedule','labelSelector':{},'matchLabelKeys':['h']}],"
        "'volumes':[{'name':'a','persistentVolumeClaim':{'claimName':'c'}}],'containers':[{'resources':{'"
        "requests':"
        "{'rdma/hca':'1'}}}]}},"
        "{'kind':'PodDisruptionBudget','metadata':{'namespace':'ml','name':'b'},'spec':{'minAvailable':1,'"
        "selector':"
        "{'matchLabels':{'a':'b'}}}},"
        "{'kind':'PersistentVolume','metadata':{'name':'v','labels':{'topology.kubernetes.io/"
        "zone':'a__b'}},'spec':{}},"
        "{'kind':'PersistentVolumeClaim','metadata':{'namespace':'ml','name':'c'},'spec':{'volumeName':'v'}}]"
        "}";
    return json_of(text);
}

static void memory_may_run_out_anywhere(void **state)
{
    GW_UNUSED(state);
    json_t *list = everything();
    int rc = GW_ENOMEM;
    uint64_t at;
    for (at = 1; rc && at < 2000; at++) {
        gw_fleet_free(&fleet);
        gw_fleet_init(&fleet);
        int64_t live = gw_mem_live();
        gw_mem_fail_at(at);
        rc = gw_kube_add_list(&fleet, list, NULL, &error);
        gw_mem_fail_at(0);
        assert_true(rc == 0 || rc == GW_ENOMEM);
        if (rc) {
            gw_fleet_free(&fleet);
            gw_fleet_init(&fleet);
            assert_int_equal(gw_mem_live(), live);
        }
    }
    json_decref(list);
    assert_int_equal(rc, 0);
    assert_true(at > 20);
    assert_int_equal(fleet.n_budgets, 1);
    assert_int_equal(fleet.n_volumes, 1);
    assert_int_equal(fleet.n_claims, 1);
    assert_int_equal(rules_of("p")->n_ns_terms, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pod_says_where_it_may_run, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pod_without_rules_may_run_anywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(what_the_api_did_not_show_is_not_known, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pod_says_next_to_whom, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_understood_holds_the_pod, setup, teardown),
        cmocka_unit_test_setup_teardown(annotations_hold_a_pod, setup, teardown),
        cmocka_unit_test_setup_teardown(local_volumes_hold_a_pod, setup, teardown),
        cmocka_unit_test_setup_teardown(ports_devices_and_other_resources_hold_a_pod, setup, teardown),
        cmocka_unit_test_setup_teardown(daemons_go_with_their_node, setup, teardown),
        cmocka_unit_test_setup_teardown(gangs_are_known_by_their_marks, setup, teardown),
        cmocka_unit_test_setup_teardown(kai_and_ephemeral_storage_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(nodes_have_taints_and_reasons_to_be_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(budgets_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(an_empty_selector_meant_something_else_once, setup, teardown),
        cmocka_unit_test_setup_teardown(volumes_and_claims_are_read, setup, teardown),
        cmocka_unit_test_setup_teardown(sets_make_lists_known, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_types_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(pods_of_a_template_share_their_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(memory_may_run_out_anywhere, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
