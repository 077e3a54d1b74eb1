/*
 * Prints what the Kubernetes source sees, one JSON object a line, for tests/integration/test_kubernetes.py.
 *
 *   kube_dump [--kubeconfig F] [--context C] [--namespace N] [--page-items N] [--in-cluster DIR] [--export]
 *             [--twice] [--wait-ms N] [--torture STEP] [--no-rules]
 *
 * --export prints the lists of a recording instead; --twice reads everything two times with the same client,
 * with a pause of N ms between. On failure: {"error": code, "message": "..."} and the code's absolute value
 * as exit code.
 */
#include <jansson.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/number.h"
#include "fleet/rules.h"
#include "observe/kube_objects.h"
#include "observe/kubernetes.h"

static void print(const char *what, json_t *value)
{
    json_t *o = json_pack("{s:o}", what, value);
    char *text = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (text)
        puts(text);
    gw_free(text);
    json_decref(o);
}

static json_t *text_or_null(const char *s)
{
    return s ? json_string(s) : json_null();
}

static json_t *count_or_null(int64_t n)
{
    return n == GW_UNKNOWN_COUNT ? json_null() : json_integer(n);
}

static json_t *labels_json(const gw_labels *l)
{
    json_t *o = json_object();
    for (uint32_t i = 0; i < l->n; i++)
        json_object_set_new(o, l->kv[i].name, json_string(l->kv[i].value));
    return o;
}

static json_t *taints_json(const gw_node *n)
{
    json_t *list = json_array();
    char text[256];
    for (uint32_t i = 0; i < n->n_taints; i++) {
        snprintf(text, sizeof(text), "%s=%s:%s", n->taints[i].key, n->taints[i].value,
                 gw_taint_effect_name(n->taints[i].effect));
        json_array_append_new(list, json_string(text));
    }
    return list;
}

static void print_node(const gw_node *n)
{
    print("node",
          json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:o, s:I}", "taints", taints_json(n),
                    "keep", text_or_null(n->keep), "name", n->name, "instanceType",
                    text_or_null(n->instance_type), "providerId", text_or_null(n->provider_id), "gpus",
                    count_or_null(n->allocatable_gpus), "cpuMilli", count_or_null(n->cpu_milli), "memoryMib",
                    count_or_null(n->memory_mib), "schedulable", n->schedulable, "inApi", n->in_api, "labels",
                    labels_json(&n->labels), "createdMs", (json_int_t)n->created_ms));
}

/* Of each node, why the pod may not run there, or null. */
static json_t *nodes_json(const gw_fleet *f, const gw_pod_rules *r)
{
    json_t *o = json_object();
    for (size_t i = 0; i < f->n_nodes; i++) {
        char text[GW_REFUSAL_TEXT_MAX];
        gw_refusal why;
        bool allowed = gw_rules_allow_node(r, &f->nodes[i], &why);
        json_object_set_new(o, f->nodes[i].name,
                            text_or_null(allowed ? NULL : gw_refusal_phrase(&why, text)));
    }
    return o;
}

static void add_rules(const gw_fleet *f, const gw_pod *p, json_t *o)
{
    if (p->rules == GW_NONE)
        return;
    const gw_pod_rules *r = &f->rules[p->rules];
    json_t *more = json_pack("{s:o, s:o, s:I, s:I, s:o}", "stays", text_or_null(r->stays), "gang",
                             text_or_null(r->gang), "antiAffinity", (json_int_t)r->n_anti_affinity, "spreads",
                             (json_int_t)r->n_spreads, "nodes", nodes_json(f, r));
    json_object_update(o, more);
    json_decref(more);
}

static void print_budget(const gw_fleet *f, const gw_budget *b)
{
    json_t *covers = json_array();
    for (size_t i = 0; i < f->n_pods; i++)
        if (gw_budget_covers(b, &f->pods[i]))
            json_array_append_new(covers, json_string(f->pods[i].name));
    print("budget", json_pack("{s:s, s:s, s:o, s:o, s:o}", "ns", b->ns, "name", b->name, "allowed",
                              count_or_null(b->disruptions_allowed), "minAvailable",
                              text_or_null(b->min_available), "covers", covers));
}

static void print_pod(const gw_fleet *f, const gw_pod *p)
{
    static const char *const phases[] = {"Unknown", "Pending", "Running", "Succeeded", "Failed"};
    static const char *const resources[] = {"none", "gpu", "shared", "mig"};
    json_t *o =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "ns", p->ns,
                  "name", p->name, "uid", text_or_null(p->uid), "node",
                  text_or_null(p->node == GW_NONE ? NULL : f->nodes[p->node].name), "owner",
                  text_or_null(p->owner_name), "workloadKind", text_or_null(p->workload_kind), "workload",
                  text_or_null(p->workload_name), "phase", phases[p->phase], "resource",
                  resources[p->resource], "mig", text_or_null(p->mig_resource), "gpus",
                  count_or_null(p->gpus), "cpuMilli", count_or_null(p->cpu_request_milli), "memoryMib",
                  count_or_null(p->memory_request_mib), "labels", labels_json(&p->labels));
    add_rules(f, p, o);
    print("pod", o);
}

static void print_owner(const gw_owner *o)
{
    print("owner", json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "ns", o->ns, "kind", o->kind, "name", o->name,
                             "ownerKind", text_or_null(o->owner_kind), "ownerName",
                             text_or_null(o->owner_name), "labels", labels_json(&o->labels)));
}

static void print_fleet(gw_fleet *f)
{
    gw_fleet_resolve_owners(f);
    gw_fleet_resolve_rules(f, NULL);
    print("known", json_pack("{s:b, s:b, s:b, s:b}", "budgets", f->budgets_known, "volumes", f->volumes_known,
                             "claims", f->claims_known, "namespaces", f->namespaces_known));
    for (size_t i = 0; i < f->n_budgets; i++)
        print_budget(f, &f->budgets[i]);
    for (size_t i = 0; i < f->n_nodes; i++)
        print_node(&f->nodes[i]);
    for (size_t i = 0; i < f->n_pods; i++)
        print_pod(f, &f->pods[i]);
    for (size_t i = 0; i < f->n_owners; i++)
        print_owner(&f->owners[i]);
    for (size_t i = 0; i < f->n_ns; i++)
        print("namespace",
              json_pack("{s:s, s:o}", "name", f->ns_names[i], "labels", labels_json(&f->ns_labels[i])));
}

static int print_list(void *ctx, const char *name, json_t *list, gw_error *e)
{
    GW_UNUSED(ctx);
    GW_UNUSED(e);
    print(name, json_incref(list));
    return 0;
}

static int read_once(gw_kube *k, bool export, gw_error *e)
{
    gw_fleet f;
    const char *missing = NULL;
    if (export)
        return gw_kube_export(k, print_list, NULL, e);
    gw_fleet_init(&f);
    int r = gw_kube_objects(k, &f, &missing, e);
    if (!r) {
        print_fleet(&f);
        print("missing", text_or_null(missing));
    }
    gw_fleet_free(&f);
    return r;
}

static int quiet_list(void *ctx, const char *name, json_t *list, gw_error *e)
{
    GW_UNUSED(ctx);
    GW_UNUSED(name);
    GW_UNUSED(list);
    GW_UNUSED(e);
    return 0;
}

/* Opens and reads with one allocation failing. */
static int read_short_of_memory(const gw_kube_options *o, uint64_t at, bool export, bool *ret_hit,
                                gw_error *e)
{
    gw_kube *k = NULL;
    gw_fleet f;
    const char *missing;
    gw_fleet_init(&f);
    gw_mem_fail_at(at);
    int r = gw_kube_open(o, &k, e);
    if (!r)
        r = export ? gw_kube_export(k, quiet_list, NULL, e) : gw_kube_objects(k, &f, &missing, e);
    *ret_hit = gw_mem_count() >= at;
    gw_mem_fail_at(0);
    gw_fleet_free(&f);
    gw_kube_free(k);
    return r;
}

static int torture(const gw_kube_options *o, uint64_t step, bool export, gw_error *e)
{
    uint64_t at = 1, failed = 0;
    for (;; at += step) {
        bool hit;
        int r = read_short_of_memory(o, at, export, &hit, e);
        if (!hit) {
            print("torture",
                  json_pack("{s:I, s:I}", "allocations", (json_int_t)at, "failed", (json_int_t)failed));
            return r;
        }
        failed += r != 0;
        if (r != 0 && r != GW_ENOMEM)
            return gw_fail(e, GW_EINTERNAL, "allocation %" PRIu64 " gives code %d", at, r);
    }
}

static int64_t number(const char *text)
{
    int64_t v = 0;
    return gw_parse_int64(gw_str_of(text), &v) ? v : 0;
}

int main(int argc, char **argv)
{
    gw_kube_options o = {0};
    gw_kube *k = NULL;
    gw_error e = {0};
    bool export = false, twice = false;
    o.rules = true;
    int64_t wait_ms = 0, step = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--export") == 0 || strcmp(argv[i], "--twice") == 0) {
            *(argv[i][2] == 'e' ? &export : &twice) = true;
            continue;
        }
        if (strcmp(argv[i], "--no-rules") == 0) {
            o.rules = false;
            continue;
        }
        if (strcmp(argv[i], "--kubeconfig") == 0)
            o.kubeconfig = value;
        else if (strcmp(argv[i], "--context") == 0)
            o.context = value;
        else if (strcmp(argv[i], "--namespace") == 0)
            o.ns = value;
        else if (strcmp(argv[i], "--in-cluster") == 0)
            o.in_cluster_dir = value;
        else if (strcmp(argv[i], "--page-items") == 0)
            o.page_items = (int)number(value);
        else if (strcmp(argv[i], "--torture") == 0)
            step = number(value);
        else if (strcmp(argv[i], "--wait-ms") == 0)
            wait_ms = number(value);
        else
            return 2;
        i++;
    }
    int r = step ? torture(&o, (uint64_t)step, export, &e) : gw_kube_open(&o, &k, &e);
    if (k)
        print("describe", json_string(gw_kube_describe(k)));
    if (!r && k)
        r = read_once(k, export, &e);
    if (!r && k && twice) {
        usleep((useconds_t)(wait_ms * 1000));
        r = read_once(k, export, &e);
    }
    if (r)
        print("error", json_pack("{s:i, s:s}", "code", r, "message", e.message));
    gw_kube_free(k);
    return -r;
}
