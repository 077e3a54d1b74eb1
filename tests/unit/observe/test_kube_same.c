/*
 * What a recording keeps of the objects, and what is left of them when the names are replaced, decides as the
 * objects did: where each pod may run, next to whom, what holds it, which budget covers it. Held against the
 * sample fleet and against objects that carry every form.
 */
#include "gw_test.h"

#include "base/buf.h"
#include "base/mem.h"
#include "fleet/rules.h"
#include "format/json_tree.h"
#include "observe/anonymize.h"
#include "observe/demo.h"
#include "observe/kube_objects.h"
#include "observe/kube_slim.h"

static const uint8_t key[GW_ANON_KEY_BYTES] = "not a secret key";

typedef struct copier {
    gw_fleet plain, slim, anonymous;
    gw_anon *anon;
    gw_buf text; /* all that the anonymous lists say */
} copier;

static void copier_init(copier *c)
{
    gw_fleet_init(&c->plain);
    gw_fleet_init(&c->slim);
    gw_fleet_init(&c->anonymous);
    c->anon = gw_anon_new(key, NULL);
    assert_non_null(c->anon);
    gw_buf_init(&c->text, (size_t)64 << 20);
}

static void copier_free(copier *c)
{
    gw_fleet_free(&c->plain);
    gw_fleet_free(&c->slim);
    gw_fleet_free(&c->anonymous);
    gw_anon_free(c->anon);
    gw_buf_free(&c->text);
}

static int add_text(const char *p, size_t n, void *ctx)
{
    gw_buf_add(ctx, p, n);
    return 0;
}

static void must(int rc, const gw_error *e)
{
    if (rc)
        fail_msg("%s", e->message);
}

static int take_list(void *ctx, const char *name, json_t *list, gw_error *unused)
{
    GW_UNUSED(unused);
    copier *c = ctx;
    gw_error e = {0};
    json_t *slim = json_array(), *anonymous = json_array();
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(list, "items"), i, item)
    {
        json_t *less = gw_kube_slim(item, NULL, NULL);
        assert_non_null(less);
        json_array_append_new(anonymous, gw_anon_object(c->anon, less));
        json_array_append_new(slim, less);
    }
    slim = json_pack("{s:s, s:o}", "kind", "List", "items", slim);
    anonymous = json_pack("{s:s, s:o}", "kind", "List", "items", anonymous);
    must(gw_kube_add_set(&c->plain, name, list, &e), &e);
    must(gw_kube_add_set(&c->slim, name, slim, &e), &e);
    must(gw_kube_add_set(&c->anonymous, name, anonymous, &e), &e);
    json_dump_callback(anonymous, add_text, &c->text, JSON_COMPACT);
    json_decref(slim);
    json_decref(anonymous);
    return 0;
}

static size_t count_terms(const gw_fleet *f, uint32_t rules, size_t pod, int which)
{
    const gw_pod_rules *r = &f->rules[rules];
    const gw_pod_term *t = which ? r->anti_affinity : r->affinity;
    size_t n = 0;
    for (uint32_t i = 0; i < (which ? r->n_anti_affinity : r->n_affinity); i++)
        n += gw_pod_term_selects(&t[i], &f->pods[pod]);
    return n;
}

/* The domains of a topology key: which nodes lie together with the first. */
static bool together(const gw_fleet *f, const char *topology, size_t a, size_t b)
{
    return gw_eq(gw_labels_exact(&f->nodes[a].labels, topology),
                 gw_labels_exact(&f->nodes[b].labels, topology));
}

static void same_of_pods(const gw_fleet *a, const gw_fleet *b, size_t i, size_t k)
{
    const gw_pod *p = &a->pods[i], *q = &b->pods[i];
    for (int which = 0; which < 2; which++)
        assert_int_equal(count_terms(a, p->rules, k, which), count_terms(b, q->rules, k, which));
    assert_int_equal(gw_eq(a->rules[p->rules].gang, a->rules[a->pods[k].rules].gang),
                     gw_eq(b->rules[q->rules].gang, b->rules[b->pods[k].rules].gang));
    for (uint32_t s = 0; s < a->rules[p->rules].n_spreads; s++)
        assert_int_equal(gw_spread_counts(&a->rules[p->rules].spreads[s], p->ns, &a->pods[k]),
                         gw_spread_counts(&b->rules[q->rules].spreads[s], q->ns, &b->pods[k]));
}

static void same_of_nodes(const gw_fleet *a, const gw_fleet *b, size_t i, size_t n)
{
    const gw_pod_rules *r = &a->rules[a->pods[i].rules], *s = &b->rules[b->pods[i].rules];
    gw_refusal x, y;
    gw_rules_allow_node(r, &a->nodes[n], &x);
    gw_rules_allow_node(s, &b->nodes[n], &y);
    if (x.kind != y.kind)
        fail_msg("%s on %s: %d, and then %d", a->pods[i].name, a->nodes[n].name, x.kind, y.kind);
    for (uint32_t k = 0; k < r->n_anti_affinity; k++)
        assert_int_equal(together(a, r->anti_affinity[k].topology_key, 0, n),
                         together(b, s->anti_affinity[k].topology_key, 0, n));
}

static void same_decisions(const gw_fleet *a, const gw_fleet *b)
{
    assert_int_equal(a->n_pods, b->n_pods);
    assert_int_equal(a->n_nodes, b->n_nodes);
    assert_int_equal(a->n_budgets, b->n_budgets);
    for (size_t i = 0; i < a->n_pods; i++) {
        const gw_pod *p = &a->pods[i], *q = &b->pods[i];
        assert_true(p->rules != GW_NONE && q->rules != GW_NONE);
        const gw_pod_rules *r = &a->rules[p->rules], *s = &b->rules[q->rules];
        if (!r->stays != !s->stays)
            fail_msg("%s: %s, and then %s", p->name, r->stays ? r->stays : "free",
                     s->stays ? s->stays : "free");
        assert_int_equal(r->daemon, s->daemon);
        assert_int_equal(r->priority, s->priority);
        assert_int_equal(p->ephemeral_request_mib, q->ephemeral_request_mib);
        assert_int_equal(p->kai_fraction_milli, q->kai_fraction_milli);
        assert_int_equal(p->kai_memory_mib, q->kai_memory_mib);
        for (size_t n = 0; n < a->n_nodes; n++)
            same_of_nodes(a, b, i, n);
        for (size_t k = 0; k < a->n_pods; k++)
            same_of_pods(a, b, i, k);
        for (size_t k = 0; k < a->n_budgets; k++)
            assert_int_equal(gw_budget_covers(&a->budgets[k], p), gw_budget_covers(&b->budgets[k], q));
    }
    for (size_t i = 0; i < a->n_nodes; i++) {
        assert_int_equal(!a->nodes[i].keep, !b->nodes[i].keep);
        assert_int_equal(a->nodes[i].n_taints, b->nodes[i].n_taints);
        assert_int_equal(a->nodes[i].max_pods, b->nodes[i].max_pods);
    }
    for (size_t i = 0; i < a->n_budgets; i++) {
        assert_int_equal(a->budgets[i].disruptions_allowed, b->budgets[i].disruptions_allowed);
        assert_true(gw_eq(a->budgets[i].min_available, b->budgets[i].min_available));
        assert_true(gw_eq(a->budgets[i].max_unavailable, b->budgets[i].max_unavailable));
    }
}

static void resolve_and_compare(copier *c)
{
    gw_error e = {0};
    must(gw_fleet_resolve_rules(&c->plain, &e), &e);
    must(gw_fleet_resolve_rules(&c->slim, &e), &e);
    must(gw_fleet_resolve_rules(&c->anonymous, &e), &e);
    assert_int_equal(c->plain.n_rules, c->slim.n_rules); /* not even a text is different */
    same_decisions(&c->plain, &c->slim);
    same_decisions(&c->plain, &c->anonymous);
}

static void the_sample_fleet_decides_the_same(void **state)
{
    GW_UNUSED(state);
    gw_demo_options o;
    gw_source s;
    gw_error e = {0};
    copier c;
    copier_init(&c);
    gw_demo_defaults(&o);
    o.interval_ms = 5 * GW_MINUTE_MS;
    must(gw_demo_open(&o, &s, &e), &e);
    must(s.lists(s.self, take_list, &c, &e), &e);
    resolve_and_compare(&c);
    assert_true(c.plain.n_pods > 60 && c.plain.n_budgets == 2);
    s.free(s.self);
    copier_free(&c);
}

/* ' stands for " */
static void take_text(copier *c, const char *name, const char *text)
{
    char copy[16384];
    json_error_t je;
    assert_true(strlen(text) < sizeof(copy));
    for (size_t i = 0; i <= strlen(text); i++)
        copy[i] = text[i] == '\'' ? '"' : text[i];
    json_t *list = json_loads(copy, 0, &je);
    if (!list)
        fail_msg("%s at %d", je.text, je.position);
    take_list(c, name, list, NULL);
    json_decref(list);
}

#define REQUIRED "'requiredDuringSchedulingIgnoredDuringExecution':"
#define POD(name, meta, spec)                                                                                \
    "{'kind':'Pod','metadata':{'namespace':'acme','name':'" name                                             \
    "','ownerReferences':[{'kind':'ReplicaSet',"                                                             \
    "'name':'acme-r','controller':true}]" meta "},'spec':{'containers':[{'env':[{'name':'PASSWORD','value':" \
    "'hunter2'}],'image':'acme/x'}]" spec "}}"

static const char nodes[] =
    "{'kind':'List','items':[{'kind':'Node','metadata':{'name':'acme-n1','labels':{'kubernetes.io/"
    "hostname':'acme-n1',"
    "'acme.com/rack':'acme-r1','topology.kubernetes.io/zone':'eu-1a','disks':'4'},'annotations':{'acme.com/"
    "owner':'jane',"
    "'karpenter.sh/do-not-disrupt':'true'}},'spec':{'taints':[{'key':'acme.com/"
    "dedicated','value':'acme-ml','effect':"
    "'NoSchedule'}]},'status':{'allocatable':{'pods':'58'}}},{'kind':'Node','metadata':{'name':'acme-n2','"
    "labels':"
    "{'kubernetes.io/hostname':'acme-n2','acme.com/rack':'acme-r2','topology.kubernetes.io/"
    "zone':'eu-1b','disks':'2'}},"
    "'spec':{'unschedulable':true}},{'kind':'Node','metadata':{'name':'acme-n3','labels':{'kubernetes.io/"
    "hostname':"
    "'acme-n3','acme.com/rack':'acme-r2','topology.kubernetes.io/zone':'eu-1b'}},'spec':{}}]}";

static const char
    pods[] =
        "{'kind':'List','items':[" POD(
            "p1", ",'labels':{'app':'acme-web','acme.com/tier':'acme-front','hash':'h1'}",
            ",'nodeSelector':{'acme.com/rack':'acme-r1'},'tolerations':[{'key':'acme.com/"
            "dedicated','value':'acme-ml'}]") "," POD("p2", ",'labels':{'app':'acme-web','hash':'h1'}",
                                                      ",'affinity':{'nodeAffinity':{" REQUIRED
                                                      "{'nodeSelectorTerms':[{'matchExpressions':[{'key':'"
                                                      "acme.com/rack',"
                                                      "'operator':'NotIn','values':['acme-r1']},{'key':'"
                                                      "disks','operator':'DoesNotExist'}]},{'matchFields':[{'"
                                                      "key':"
                                                      "'metadata.name','operator':'In','values':['acme-n1']}]"
                                                      "}]}}},'tolerations':[{'operator':'Exists'}]") "," POD("p3",
                                                                                                             ",'labels':{'app':'acme-db'}",
                                                                                                             ",'affinity':{'podAffinity':{" REQUIRED
                                                                                                             "[{'labelSelector':{'matchLabels':{'app':'acme-web'}},'topologyKey':"
                                                                                                             "'acme.com/rack','namespaces':['acme']}]},'podAntiAffinity':{" REQUIRED
                                                                                                             "[{'labelSelector':{'matchExpressions':"
                                                                                                             "[{'key':'acme.com/tier','operator':'Exists'}]},'topologyKey':'topology.kubernetes.io/zone','namespaceSelector':"
                                                                                                             "{'matchLabels':{'kubernetes.io/metadata.name':'acme'}}},{'labelSelector':{},'topologyKey':'acme.com/rack',"
                                                                                                             "'namespaceSelector':{'matchExpressions':[{'key':'acme.com/team','operator':'In','values':['acme-blue']}]}}]}},"
                                                                                                             "'topologySpreadConstraints':[{'maxSkew':1,'topologyKey':'acme.com/rack','whenUnsatisfiable':'DoNotSchedule',"
                                                                                                             "'labelSelector':{'matchLabels':{'app':'acme-web'}},'matchLabelKeys':['app']}]") "," POD("p4",
                                                                                                                                                                                                      ",'annotations':{'karpenter.sh/do-not-disrupt':'15m','acme.com/secret':'jane'}", ",'schedulerName':'kai-scheduler'") "," POD("p5", ",'annotations':{'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes':'acme-tmp, acme-data'}", ",'volumes':[{'name':'acme-data','hostPath':{'path':'/srv/acme'}},{'name':'s','secret':{'secretName':'acme-s'}}]") "," POD("p6",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                             ",'annotations':{'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes':'acme-tmp'}", ",'volumes':[{'name':'acme-data','hostPath':{'path':'/srv/acme'}}]") "," POD("p7", ",'labels':{'ray.io/cluster':'acme-ray'}", ",'volumes':[{'name':'v','persistentVolumeClaim':{'claimName':'acme-c1'}}]") "," POD("p8", ",'annotations':{'scheduling.k8s.io/group-name':'acme-ray'}", ",'volumes':[{'name':'v','persistentVolumeClaim':{'claimName':'acme-c2'}}],'priority':7") "," POD("p9",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                    ",'annotations':{'gpu-fraction':'0.5','gpu-memory':'40960','kubernetes.io/config.mirror':'acmehash'}", ",'resourceClaims':[{'name':'acme-gpu'}]") "," POD("p10",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              "",
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                              ",'initContainers':[{'ports':[{'hostPort':8080,'name':'acme'}]}],'volumes':[{'name':'q','iscsi':{'iqn':'acme'}}]") "]}";

static const char budgets[] =
    "{'kind':'List','items':[{'kind':'PodDisruptionBudget','metadata':{'namespace':'acme','name':'acme-b1','"
    "generation':1},"
    "'spec':{'minAvailable':'50%','selector':{'matchLabels':{'app':'acme-web'}}},'status':{'"
    "disruptionsAllowed':1,"
    "'observedGeneration':1}},{'kind':'PodDisruptionBudget','metadata':{'namespace':'acme','name':'acme-b2','"
    "generation':2},"
    "'spec':{'maxUnavailable':1,'selector':{}},'status':{'disruptionsAllowed':1,'observedGeneration':1}},"
    "{'kind':'PodDisruptionBudget','metadata':{'namespace':'acme','name':'acme-b3'},'spec':{}}]}";

static const char volumes[] =
    "{'kind':'List','items':[{'kind':'PersistentVolume','metadata':{'name':'acme-v1'},'spec':{'local':{'path'"
    ":'/acme'},"
    "'accessModes':['ReadWriteOnce'],'claimRef':{'name':'acme-c1'}}},{'kind':'PersistentVolume','metadata':{'"
    "name':'acme-v2'},"
    "'spec':{'accessModes':['ReadWriteMany'],'csi':{'volumeHandle':'acme-h'},'nodeAffinity':{'required':{'"
    "nodeSelectorTerms':"
    "[{'matchExpressions':[{'key':'acme.com/rack','operator':'In','values':['acme-r2']}]}]}}}}]}";

static void every_form_decides_the_same_and_names_nobody(void **state)
{
    GW_UNUSED(state);
    copier c;
    copier_init(&c);
    take_text(&c, "nodes", nodes);
    take_text(&c, "pods", pods);
    take_text(
        &c, "namespaces",
        "{'kind':'List','items':[{'kind':'Namespace','metadata':{'name':'acme','labels':{'kubernetes.io/"
        "metadata.name':"
        "'acme','acme.com/team':'acme-blue'}}},{'kind':'Namespace','metadata':{'name':'lab','labels':{}}}]}");
    take_text(&c, "poddisruptionbudgets", budgets);
    take_text(&c, "persistentvolumes", volumes);
    take_text(&c, "persistentvolumeclaims",
              "{'kind':'List','items':[{'kind':'PersistentVolumeClaim','metadata':{'namespace':'acme','name':"
              "'acme-c1'},'spec':"
              "{'volumeName':'acme-v1'}},{'kind':'PersistentVolumeClaim','metadata':{'namespace':'acme','"
              "name':'acme-c2'},'spec':"
              "{'volumeName':'acme-v2','storageClassName':'acme-s'}}]}");
    resolve_and_compare(&c);

    /* the decisions are those that the objects say, so that the comparison compares something */
    const gw_fleet *f = &c.anonymous;
    static const struct {
        const char *allowed; /* on n1, n2, n3 */
        bool stays;
    } want[] = {{"100", false}, {"101", false}, {"001", false}, {"001", true},  {"001", false},
                {"001", true},  {"001", true},  {"001", false}, {"001", false}, {"001", true}};
    assert_int_equal(f->n_pods, GW_COUNT(want));
    for (size_t i = 0; i < GW_COUNT(want); i++) {
        const gw_pod_rules *r = &f->rules[f->pods[i].rules];
        for (size_t n = 0; n < 3; n++)
            if (gw_rules_allow_node(r, &f->nodes[n], NULL) != (want[i].allowed[n] == '1'))
                fail_msg("pod %zu on node %zu", i + 1, n + 1);
        if (!r->stays == want[i].stays)
            fail_msg("pod %zu: %s", i + 1, r->stays ? r->stays : "free");
    }
    assert_true(gw_eq(f->rules[f->pods[6].rules].gang, f->rules[f->pods[7].rules].gang));
    assert_non_null(f->rules[f->pods[6].rules].gang);
    assert_int_equal(f->pods[8].kai_fraction_milli, 500);
    assert_int_equal(f->pods[8].kai_memory_mib, 40960);
    assert_string_equal(f->rules[f->pods[3].rules].scheduler, "kai-scheduler");
    assert_int_equal(f->rules[f->pods[2].rules].anti_affinity[1].n_namespaces, 1);

    static const char *const secrets[] = {"acme", "ACME", "jane", "hunter2", "/srv", "PASSWORD"};
    for (size_t i = 0; i < GW_COUNT(secrets); i++) {
        const char *at = memmem(c.text.data, c.text.len, secrets[i], strlen(secrets[i]));
        if (at)
            fail_msg("%s is told: %.80s", secrets[i], at);
    }
    copier_free(&c);
}

int main(void)
{
    gw_json_use_own_memory();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_fleet_decides_the_same),
        cmocka_unit_test(every_form_decides_the_same_and_names_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
