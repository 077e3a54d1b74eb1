/* Any bytes as a Kubernetes list: refused with a message, or in the fleet; and read as jansson reads it. */
#include "fleet/rules.h"
#include "format/json_tree.h"
#include "observe/kube_objects.h"
#include "observe/kube_slim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Asks everything that a plan would ask; of large inputs a part. */
static void decide(const gw_fleet *f)
{
    char text[GW_REFUSAL_TEXT_MAX];
    size_t n_pods = GW_MIN(f->n_pods, (size_t)8), n_nodes = GW_MIN(f->n_nodes, (size_t)8);
    for (size_t i = 0; i < n_pods; i++) {
        if (f->pods[i].rules == GW_NONE)
            continue;
        if (f->pods[i].rules >= f->n_rules)
            abort();
        const gw_pod_rules *r = &f->rules[f->pods[i].rules];
        if (r->n_claims || r->n_ns_terms || !r->scheduler)
            abort();
        for (size_t n = 0; n < n_nodes; n++) {
            gw_refusal why;
            if (gw_rules_allow_node(r, &f->nodes[n], &why) != (why.kind == GW_RULE_NONE) ||
                !*gw_refusal_phrase(&why, text))
                abort();
        }
        for (uint32_t k = 0; k < GW_MIN(r->n_affinity, 8u); k++)
            gw_pod_term_selects(&r->affinity[k], &f->pods[n_pods - 1]);
        for (uint32_t k = 0; k < GW_MIN(r->n_anti_affinity, 8u); k++)
            gw_pod_term_selects(&r->anti_affinity[k], &f->pods[n_pods - 1]);
        for (uint32_t k = 0; k < GW_MIN(r->n_spreads, 8u); k++)
            gw_spread_counts(&r->spreads[k], f->pods[i].ns, &f->pods[n_pods - 1]);
        for (size_t k = 0; k < GW_MIN(f->n_budgets, (size_t)8); k++)
            gw_budget_covers(&f->budgets[k], &f->pods[i]);
    }
}

static void add(const json_t *list, const char *kind)
{
    gw_fleet f;
    gw_error e = {0};
    gw_fleet_init(&f);
    int r = gw_kube_add_list(&f, list, kind, &e);
    if (r == GW_EINTERNAL || r == GW_ENOMEM || (r && (e.code != r || !e.message[0])))
        abort();
    gw_fleet_resolve_owners(&f);
    f.namespaces_known = f.claims_known = f.volumes_known = true;
    r = gw_fleet_resolve_rules(&f, &e);
    if (r && r != GW_ELIMIT)
        abort();
    if (r == 0)
        decide(&f);
    for (size_t i = 0; i < f.n_pods; i++) {
        const gw_pod *p = &f.pods[i];
        if (p->gpus < GW_UNKNOWN_COUNT || p->cpu_request_milli < GW_UNKNOWN_COUNT ||
            p->memory_request_mib < GW_UNKNOWN_COUNT || (p->node != GW_NONE && p->node >= f.n_nodes))
            abort();
    }
    gw_fleet_free(&f);
}

/* What a recording keeps of an object says the same as the object. */
static void slim(const json_t *object)
{
    json_t *less = gw_kube_slim(object, NULL, NULL);
    if (!less && json_is_object(object))
        abort();
    if (less && json_is_object(object)) {
        gw_fleet a, b;
        gw_fleet_init(&a);
        gw_fleet_init(&b);
        if (gw_kube_add_list(&a, object, NULL, NULL) == 0 && !json_object_get(object, "items")) {
            if (gw_kube_add_list(&b, less, NULL, NULL) || a.n_pods != b.n_pods || a.n_nodes != b.n_nodes)
                abort();
            for (size_t i = 0; i < a.n_pods; i++) {
                if (a.pods[i].gpus != b.pods[i].gpus ||
                    a.pods[i].cpu_request_milli != b.pods[i].cpu_request_milli)
                    abort();
                /* the same rules are the same entry; a spec with nothing in it is left out, and is unknown */
                if (b.pods[i].rules != GW_NONE &&
                    gw_fleet_rules(&a, &b.rules[b.pods[i].rules], NULL) != a.pods[i].rules)
                    abort();
            }
            if (a.n_budgets != b.n_budgets || a.n_volumes != b.n_volumes || a.n_claims != b.n_claims)
                abort();
        }
        gw_fleet_free(&a);
        gw_fleet_free(&b);
    }
    json_decref(less);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_error e = {0};
    json_t *j = NULL;
    int r = gw_json_tree_parse((gw_str){(const char *)data, size}, &j, &e);
    if (r && (j || !e.message[0]))
        abort();
    if (r)
        return 0;
    json_t *other = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
    if (other && !json_equal(other, j))
        abort();
    json_decref(other);
    add(j, NULL);
    add(j, "Pod");
    slim(j);
    json_decref(j);
    return 0;
}
