/*
 * What a pod asks for to be given its seats.
 *
 * Whole boards are nvidia.com/gpu, MIG instances nvidia.com/mig-PROFILE (the plugin's strategy "mixed"),
 * shared boards nvidia.com/gpu.shared (renameByDefault). KAI reads the annotations gpu-fraction (two
 * decimals, rounded down so that n parts of 1/n fit) or gpu-memory, never both; HAMi the limits
 * nvidia.com/gpumem (MiB) and nvidia.com/gpucores (%) beside nvidia.com/gpu.
 *   https://github.com/NVIDIA/k8s-device-plugin  https://github.com/NVIDIA/KAI-Scheduler
 *   https://github.com/Project-HAMi/HAMi
 */
#include "act/export_internal.h"

#define GPU    "nvidia.com/gpu"
#define SHARED "nvidia.com/gpu.shared"
#define MEMORY "nvidia.com/gpumem"
#define CORES  "nvidia.com/gpucores"

bool gw_act_ask_eq(const gw_act_ask *a, const gw_act_ask *b)
{
    if (a->n != b->n || a->fraction_milli != b->fraction_milli || a->memory_mib != b->memory_mib ||
        a->impossible != b->impossible)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (a->items[i].n != b->items[i].n || strcmp(a->items[i].resource, b->items[i].resource) != 0)
            return false;
    }
    return true;
}

bool gw_act_ask_by_annotation(const gw_act_ask *a)
{
    return a->fraction_milli != GW_UNKNOWN_COUNT || a->memory_mib != GW_UNKNOWN_COUNT;
}

void gw_act_ask_write(gw_buf *b, const gw_act_ask *a)
{
    char text[GW_DECIMAL_TEXT_MAX];
    const char *comma = "";
    for (size_t i = 0; i < a->n; i++, comma = ", ")
        gw_buf_printf(b, "%s%s: %" PRId64, comma, a->items[i].resource, a->items[i].n);
    if (a->fraction_milli != GW_UNKNOWN_COUNT)
        gw_buf_printf(b, "%sthe annotation gpu-fraction: %s", comma,
                      gw_decimal_format((double)a->fraction_milli / 1000, 3, true, text));
    else if (a->memory_mib != GW_UNKNOWN_COUNT)
        gw_buf_printf(b, "%sthe annotation gpu-memory: %" PRId64, comma, a->memory_mib);
    else if (a->n == 0)
        gw_buf_puts(b, "no GPU");
}

static void add(gw_act_ask *a, const char *resource, int64_t n)
{
    size_t at = 0;
    while (at < a->n && strcmp(a->items[at].resource, resource) < 0)
        at++;
    if (at < a->n && strcmp(a->items[at].resource, resource) == 0) {
        a->items[at].n += n;
        return;
    }
    if (a->n == GW_ACT_ASK_MAX || strlen(resource) >= sizeof(a->items[0].resource)) {
        a->impossible = true;
        return;
    }
    memmove(&a->items[at + 1], &a->items[at], (a->n - at) * sizeof(a->items[0]));
    a->items[at].n = n;
    snprintf(a->items[at].resource, sizeof(a->items[at].resource), "%s", resource);
    a->n++;
}

/* "1g.10gb+me" is nvidia.com/mig-1g.10gb.me */
static void add_mig(gw_act_ask *a, const char *profile, int64_t n)
{
    char resource[128];
    snprintf(resource, sizeof(resource), "nvidia.com/mig-%.96s", profile ? profile : "");
    for (char *p = resource; *p; p++)
        *p = *p == '+' ? '.' : *p;
    add(a, resource, n);
}

static const gw_cut *cut_of(const gw_action *action, uint32_t gpu)
{
    for (size_t i = 0; i < action->change.n_cuts; i++) {
        if (action->change.cuts[i].gpu == gpu)
            return &action->change.cuts[i];
    }
    return NULL;
}

/* What brings a share of this board: what this action says, an earlier one of the plan, or else how the pod
 * has its share today. */
static gw_via via_of(const gw_act *a, uint32_t pod, uint32_t gpu)
{
    const gw_cut *cut = cut_of(a->action, gpu);
    const gw_plan *plan = a->x->plan;
    for (size_t i = 0; !cut && !(gpu & GW_HIRED) && i < plan->n_actions && plan->actions[i].chosen; i++)
        cut = cut_of(&plan->actions[i], gpu);
    if (cut)
        return cut->via;
    const gw_pod *p = pod < a->fleet->n_pods ? &a->fleet->pods[pod] : NULL;
    bool kai = p && (p->kai_fraction_milli != GW_UNKNOWN_COUNT || p->kai_memory_mib != GW_UNKNOWN_COUNT);
    return kai ? GW_VIA_KAI : GW_VIA_DEVICE_PLUGIN;
}

static void add_kai(const gw_act *a, uint32_t pod, const gw_seat *s, gw_act_ask *ask)
{
    const gw_pod *p = pod < a->fleet->n_pods ? &a->fleet->pods[pod] : NULL;
    if (gw_act_ask_by_annotation(ask)) {
        ask->impossible = true; /* the annotations speak of one board */
        return;
    }
    if (p && p->kai_memory_mib != GW_UNKNOWN_COUNT && s->memory_mib != GW_UNKNOWN_COUNT)
        ask->memory_mib = s->memory_mib;
    else
        ask->fraction_milli = (int64_t)(s->share * 100 + 1e-9) * 10;
}

static void add_hami(const gw_seat *s, gw_act_ask *ask)
{
    add(ask, GPU, 1);
    if (s->memory_mib != GW_UNKNOWN_COUNT)
        add(ask, MEMORY, s->memory_mib);
    add(ask, CORES, (int64_t)(s->share * 100 + 1e-9));
    /* gpumem and gpucores are of each board: they add up to nothing */
    ask->impossible |= ask->n > 0 && ask->items[0].n > 1;
}

gw_act_ask gw_act_ask_of(const gw_act *a, uint32_t pod, const gw_seat *seats, uint32_t n)
{
    gw_act_ask ask = {.fraction_milli = GW_UNKNOWN_COUNT, .memory_mib = GW_UNKNOWN_COUNT};
    for (uint32_t i = 0; i < n; i++) {
        const gw_seat *s = &seats[i];
        gw_via via = via_of(a, pod, s->gpu);
        if (s->form == GW_FORM_WHOLE)
            add(&ask, GPU, 1);
        else if (s->form == GW_FORM_MIG)
            add_mig(&ask, s->profile, 1);
        else if (via == GW_VIA_KAI)
            add_kai(a, pod, s, &ask);
        else if (via == GW_VIA_HAMI)
            add_hami(s, &ask);
        else
            add(&ask, SHARED, 1);
    }
    /* the plugin refuses more than one share of a board to a pod (failRequestsGreaterThanOne) */
    for (size_t i = 0; i < ask.n; i++)
        ask.impossible |= strcmp(ask.items[i].resource, SHARED) == 0 && ask.items[i].n > 1;
    return ask;
}

/* What it asks for today: as the API said it, else as its seats are usually asked for. */
gw_act_ask gw_act_ask_now(const gw_act *a, uint32_t pod, const gw_seat *seats, uint32_t n)
{
    const gw_pod *p = &a->fleet->pods[pod];
    gw_act_ask ask = {.fraction_milli = p->kai_fraction_milli, .memory_mib = p->kai_memory_mib};
    if (gw_act_ask_by_annotation(&ask)) {
        if (ask.fraction_milli != GW_UNKNOWN_COUNT)
            ask.memory_mib = GW_UNKNOWN_COUNT;
        return ask;
    }
    if (p->gpus <= 0 || p->resource == GW_RESOURCE_NONE)
        return gw_act_ask_of(a, pod, seats, n);
    if (p->resource == GW_RESOURCE_MIG)
        add_mig(&ask, p->mig_resource, p->gpus);
    else
        add(&ask, p->resource == GW_RESOURCE_GPU ? GPU : SHARED, p->gpus);
    return ask;
}
