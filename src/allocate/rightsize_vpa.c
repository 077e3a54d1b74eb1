/* The VerticalPodAutoscaler object of a row: https://github.com/kubernetes/autoscaler,
 * vertical-pod-autoscaler/docs/api.md */
#include "allocate/rightsize.h"
#include "base/map.h"

#define NAME_MAX_BYTES 253 /* of a Kubernetes object */
#define QUANTITY_MAX   32

/* Controllers that VPA knows how to follow to their pods. */
static const struct {
    const char *kind, *api;
} targets[] = {
    {"Deployment", "apps/v1"},       {"StatefulSet", "apps/v1"}, {"DaemonSet", "apps/v1"},
    {"ReplicaSet", "apps/v1"},       {"Job", "batch/v1"},        {"CronJob", "batch/v1"},
    {"ReplicationController", "v1"},
};

static const char *api_of(const gw_rightsize_row *r)
{
    for (size_t i = 0; i < GW_COUNT(targets); i++) {
        if (strcmp(targets[i].kind, r->kind) == 0)
            return targets[i].api;
    }
    return NULL;
}

bool gw_rightsize_has_vpa(const gw_rightsize_row *r)
{
    return api_of(r) != NULL;
}

/* "gpuwise-deployment-chat"; a name that gets too long ends in a hash of it. */
static void write_name(gw_doc *d, const gw_rightsize_row *r)
{
    char name[2 * NAME_MAX_BYTES + 64];
    int n = snprintf(name, sizeof(name), "gpuwise-%.64s-%.253s", r->kind, r->name);
    for (char *p = name; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    if (n > NAME_MAX_BYTES) {
        uint64_t hash = gw_hash(name, (size_t)n);
        snprintf(name + NAME_MAX_BYTES - 17, 18, "-%016" PRIx64, hash);
    }
    gw_doc_text(d, "name", name);
}

typedef struct bounds {
    int64_t cpu_milli, memory_mib; /* GW_UNKNOWN_COUNT */
} bounds;

static int64_t least(int64_t a, int64_t b)
{
    return a == GW_UNKNOWN_COUNT ? b : GW_MIN(a, b);
}

/* One policy for every container: not below what the smallest needs, not above what the largest may. */
static void find_bounds(const gw_rightsize_row *r, bounds *min, bounds *max)
{
    *min = (bounds){GW_UNKNOWN_COUNT, GW_UNKNOWN_COUNT};
    *max = (bounds){0, 0};
    for (uint32_t i = 0; i < r->n_containers; i++) {
        const gw_rightsize_field *cpu = &r->containers[i].of[GW_RIGHTSIZE_CPU],
                                 *memory = &r->containers[i].of[GW_RIGHTSIZE_MEMORY];
        if (cpu->target != GW_UNKNOWN_COUNT)
            min->cpu_milli = least(min->cpu_milli, cpu->lower);
        if (memory->target != GW_UNKNOWN_COUNT)
            min->memory_mib = least(min->memory_mib, GW_MAX(memory->lower, memory->peak));
        bool bounded = cpu->upper != GW_UNKNOWN_COUNT && max->cpu_milli != GW_UNKNOWN_COUNT;
        max->cpu_milli = bounded ? GW_MAX(max->cpu_milli, cpu->upper) : GW_UNKNOWN_COUNT;
        bounded = memory->upper != GW_UNKNOWN_COUNT && max->memory_mib != GW_UNKNOWN_COUNT;
        max->memory_mib =
            bounded ? GW_MAX(max->memory_mib, GW_MAX(memory->upper, memory->peak)) : GW_UNKNOWN_COUNT;
    }
}

static void write_bounds(gw_doc *d, const char *key, bounds b)
{
    char text[QUANTITY_MAX];
    if (b.cpu_milli <= 0 && b.memory_mib <= 0)
        return;
    gw_doc_object(d, key);
    if (b.cpu_milli > 0) {
        snprintf(text, sizeof(text), "%" PRId64 "m", b.cpu_milli);
        gw_doc_text(d, "cpu", text);
    }
    if (b.memory_mib > 0) {
        snprintf(text, sizeof(text), "%" PRId64 "Mi", b.memory_mib);
        gw_doc_text(d, "memory", text);
    }
    gw_doc_end(d);
}

static void write_policy(gw_doc *d, const gw_rightsize_row *r)
{
    bounds min, max;
    find_bounds(r, &min, &max);
    gw_doc_object(d, "resourcePolicy");
    gw_doc_array(d, "containerPolicies");
    gw_doc_object(d, NULL);
    gw_doc_text(d, "containerName", "*");
    gw_doc_array(d, "controlledResources");
    gw_doc_text(d, NULL, "cpu");
    gw_doc_text(d, NULL, "memory");
    gw_doc_end(d);
    /* should somebody switch it on: a limit that shrinks with its request kills at the next peak */
    gw_doc_text(d, "controlledValues", "RequestsOnly");
    write_bounds(d, "minAllowed", min);
    write_bounds(d, "maxAllowed", max);
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_end(d);
}

int gw_rightsize_write_vpa(gw_doc *d, const gw_rightsize_row *r, gw_error *e)
{
    const char *api = api_of(r);
    if (!api)
        return gw_fail(e, GW_EINTERNAL, "a VerticalPodAutoscaler for %s %s/%s, which VPA cannot follow",
                       r->kind, r->ns, r->name);
    gw_doc_object(d, NULL);
    gw_doc_text(d, "apiVersion", "autoscaling.k8s.io/v1");
    gw_doc_text(d, "kind", "VerticalPodAutoscaler");
    gw_doc_object(d, "metadata");
    write_name(d, r);
    gw_doc_text(d, "namespace", r->ns);
    gw_doc_object(d, "labels");
    gw_doc_text(d, "app.kubernetes.io/managed-by", "gpuwise");
    gw_doc_end(d);
    gw_doc_end(d);
    gw_doc_object(d, "spec");
    gw_doc_object(d, "targetRef");
    gw_doc_text(d, "apiVersion", api);
    gw_doc_text(d, "kind", r->kind);
    gw_doc_text(d, "name", r->name);
    gw_doc_end(d);
    gw_doc_object(d, "updatePolicy");
    gw_doc_text(d, "updateMode", "Off");
    gw_doc_end(d);
    write_policy(d, r);
    gw_doc_end(d);
    gw_doc_end(d);
    return 0;
}
