/* Which form a pod may take: the rules of sharing.h, one after the other. */
#include "allocate/sharing.h"

#include <math.h>

#include "price/gpu.h"

#define CAPABILITY_VOLTA   70 /* MPS keeps clients' memory apart from here on */
#define CAPABILITY_CLIENTS 75 /* the device plugin allows 48 clients from here on */
#define PARTS_MIN          2

/* Memory that a board reports, by its model's: less for ECC and firmware, 7.5 % on an A10G; a driver that
 * counts GB and not GiB comes to 93 %. A virtual GPU has half or less. */
#define MEMORY_LEAST 0.85
#define MEMORY_MOST  1.05

#define BIT(form) (1u << (form))

static const char *const RULES[] = {"excluded",
                                    "no-form-allowed",
                                    "multi-gpu",
                                    "unknown-board",
                                    "not-nvidia",
                                    "unknown-memory",
                                    "unknown-compute",
                                    "too-little-known",
                                    "hard-p99-no-mig",
                                    "no-form-left",
                                    "compute-bound",
                                    "working-set",
                                    "no-part",
                                    "hard-p99-mig",
                                    "standard-mig",
                                    "tenant-mps",
                                    "development-time-slicing",
                                    "best-effort-time-slicing",
                                    "best-effort-mig",
                                    "best-effort-mps",
                                    NULL};

const char *const *gw_share_rule_names(void)
{
    return RULES;
}

/* What the rules look at, worked out once. */
typedef struct subject {
    const gw_share_facts *facts;
    gw_share_choice *out;
    const char *model;       /* canonical, with its size where the memory tells it; NULL unknown */
    const gw_mig_board *mig; /* NULL: it has no MIG */
    int capability;          /* 0: not NVIDIA, or not known */
    double compute, memory;  /* headroom, cut to 0..1: an impossible one lets nothing fit */
    unsigned forms;          /* that are left */
} subject;

/* ---- sentences ---- */

static void decide(subject *s, const char *rule, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void decide(subject *s, const char *rule, const char *format, ...)
{
    char *why = s->out->why;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(why, GW_SHARE_WHY_MAX, format, args);
    va_end(args);
    s->out->rule = rule;
    if (n < GW_SHARE_WHY_MAX)
        return;
    /* cut: what is left of a character that was cut with it goes, too */
    size_t end = GW_SHARE_WHY_MAX - 1, lead = end;
    while (lead && ((unsigned char)why[lead - 1] & 0xc0) == 0x80)
        lead--;
    if (lead) {
        unsigned char c = (unsigned char)why[lead - 1];
        size_t bytes = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        if (lead - 1 + bytes > end)
            why[lead - 1] = '\0';
    }
}

static double gib(int64_t mib)
{
    return (double)mib / 1024;
}

static double percent(double share)
{
    return share * 100;
}

#define HEADROOM_TEXT_MAX 64
/* "85 % headroom", or "85 % compute and 90 % memory headroom". */
static const char *headroom_text(const subject *s, char out[HEADROOM_TEXT_MAX])
{
    if (s->compute == s->memory)
        snprintf(out, HEADROOM_TEXT_MAX, "%.3g %% headroom", percent(s->compute));
    else
        snprintf(out, HEADROOM_TEXT_MAX, "%.3g %% compute and %.3g %% memory headroom", percent(s->compute),
                 percent(s->memory));
    return out;
}

/* ---- dedicated: policy, knowledge ---- */

static bool by_policy(subject *s)
{
    const gw_headroom *h = &s->facts->headroom;
    if (h->exclude)
        decide(s, "excluded", "the policy leaves it as it is: %s", h->why ? h->why : "excluded");
    else if (!(h->forms & ~BIT(GW_FORM_WHOLE)))
        decide(s, "no-form-allowed", "the policy allows it no part of a board: %s",
               h->why && !h->pin ? h->why : "sharing is empty");
    return s->out->rule;
}

/* Whether the memory is what a board of that model reports. *nominal: what it has by the data sheet, or
 * unknown where it is none of the sizes in which that model is sold. */
static bool memory_is_its(const subject *s, int64_t *nominal)
{
    double mib = (double)s->facts->board_mib;
    *nominal = gw_gpu_memory_mib(s->model);
    if (*nominal == GW_UNKNOWN_COUNT && s->mig)
        *nominal = (int64_t)s->mig->profiles[s->mig->n_profiles - 1].memory_gb * 1024;
    return *nominal != GW_UNKNOWN_COUNT && mib >= MEMORY_LEAST * (double)*nominal &&
           mib <= MEMORY_MOST * (double)*nominal;
}

static bool by_board(subject *s)
{
    const gw_share_facts *f = s->facts;
    int64_t nominal = GW_UNKNOWN_COUNT;
    if (f->gpus > 1)
        decide(s, "multi-gpu",
               "it holds %" PRId64 " boards, and what spans several is not put on a part of one", f->gpus);
    else if (f->gpus < 1)
        decide(s, "unknown-board", "how many boards it holds is unknown");
    else if (!s->model)
        decide(s, "unknown-board", "the model of its board is unknown");
    else if (f->board_mib <= 0)
        decide(s, "unknown-board", "the memory of its %s is unknown", s->model);
    else if (!memory_is_its(s, &nominal) && nominal == GW_UNKNOWN_COUNT)
        decide(s, "unknown-board", "its %s reports %.1f GiB, a size that is not known of that model",
               s->model, gib(f->board_mib));
    else if (!memory_is_its(s, &nominal))
        decide(s, "unknown-board",
               "its %s reports %.1f GiB where that board has %.0f GiB: a virtual GPU, or another board",
               s->model, gib(f->board_mib), gib(nominal));
    else if (!s->capability)
        decide(s, "not-nvidia", "NVIDIA's device plugin cannot share its %s", s->model);
    return s->out->rule;
}

static bool by_knowledge(subject *s)
{
    const gw_share_facts *f = s->facts;
    double hours = f->known * f->hours;
    if (f->memory_peak_mib < 0)
        decide(s, "unknown-memory",
               "no memory peak was recorded for it, so no part is known to be large enough");
    else if (!(f->compute_p95 >= 0))
        decide(s, "unknown-compute", "no P95 of compute was recorded for it");
    else if (!(f->known >= GW_SHARE_KNOWN_MIN))
        decide(s, "too-little-known", "compute is known for %.0f %% of its time, and %.0f %% is the least",
               isfinite(f->known) ? percent(GW_MAX(f->known, 0)) : 0, percent(GW_SHARE_KNOWN_MIN));
    else if (!(hours >= GW_SHARE_HOURS_MIN))
        decide(s, "too-little-known", "compute is known for %.1f h, and %.0f h is the least",
               isfinite(hours) ? GW_MAX(hours, 0) : 0, GW_SHARE_HOURS_MIN);
    return s->out->rule;
}

/* ---- dedicated: no form ---- */

/* See (a) of sharing.h. */
static bool bears_faults(const gw_share_facts *f)
{
    return !f->headroom.production || f->headroom.tier == GW_TIER_BEST_EFFORT ||
           f->class == GW_CLASS_INFERENCE || f->class == GW_CLASS_BATCH || f->class == GW_CLASS_NOTEBOOK;
}

static unsigned forms_of_hardware(const subject *s)
{
    return (s->mig ? BIT(GW_FORM_MIG) : 0u) | (s->capability >= CAPABILITY_VOLTA ? BIT(GW_FORM_MPS) : 0u) |
           BIT(GW_FORM_TIME_SLICE);
}

static unsigned forms_of_work(const gw_share_facts *f)
{
    unsigned forms = BIT(GW_FORM_MIG);
    if (f->headroom.tier == GW_TIER_P99)
        return forms;
    if (bears_faults(f))
        forms |= BIT(GW_FORM_MPS);
    if (!f->headroom.production || f->headroom.tier == GW_TIER_BEST_EFFORT)
        forms |= BIT(GW_FORM_TIME_SLICE);
    return forms;
}

#define FORMS_TEXT_MAX 64
/* "MIG, MPS"; "nothing". */
static const char *forms_text(unsigned forms, char out[FORMS_TEXT_MAX])
{
    static const char *const names[] = {
        [GW_FORM_MIG] = "MIG", [GW_FORM_MPS] = "MPS", [GW_FORM_TIME_SLICE] = "time-slicing"};
    size_t n = 0;
    snprintf(out, FORMS_TEXT_MAX, "nothing");
    for (unsigned f = GW_FORM_MIG; f <= GW_FORM_TIME_SLICE; f++)
        if (forms & BIT(f))
            n += (size_t)snprintf(out + n, FORMS_TEXT_MAX - n, "%s%s", n ? ", " : "", names[f]);
    return out;
}

static bool by_form(subject *s)
{
    const gw_headroom *h = &s->facts->headroom;
    unsigned hardware = forms_of_hardware(s), work = forms_of_work(s->facts);
    char a[FORMS_TEXT_MAX], b[FORMS_TEXT_MAX], c[FORMS_TEXT_MAX];
    s->forms = hardware & work & h->forms;
    if (s->forms)
        return false;
    if (h->tier == GW_TIER_P99)
        decide(s, "hard-p99-no-mig", "its tier is p99, which only MIG may serve in parts, and %s",
               s->mig ? "the policy does not allow it MIG" : "its board has no MIG");
    else
        decide(s, "no-form-left", "the %s can do %s; %s work of class %s may take %s; the policy allows %s",
               s->model, forms_text(hardware, a), h->production ? "production" : "other",
               gw_class_name(s->facts->class) ? gw_class_name(s->facts->class) : "unknown",
               forms_text(work, b), forms_text(h->forms, c));
    return true;
}

/* ---- ways ---- */

static bool memory_fits(const subject *s, int64_t part_mib)
{
    return (double)s->facts->memory_peak_mib <= s->memory * (double)part_mib;
}

/* The share of threads of one client among n. */
static double mps_share(int n)
{
    return (double)(100 / n) / 100;
}

/* Most parts that the form allows at all. */
static int parts_cap(const subject *s, gw_form form)
{
    int cap = form == GW_FORM_TIME_SLICE           ? GW_SHARE_TURNS_MAX
              : s->capability < CAPABILITY_CLIENTS ? GW_SHARE_CLIENTS_MAX_OLD
                                                   : GW_SHARE_CLIENTS_MAX;
    int asked = s->facts->headroom.max_parts;
    if (asked <= 0)
        return cap;
    /* the limit on turns is ours, and a user may know better; the limit on clients is the driver's */
    return form == GW_FORM_TIME_SLICE ? GW_MIN(asked, GW_PLAN_PARTS_MAX) : GW_MIN(asked, cap);
}

/* 0 or 1: not even half a board suffices. */
static int most_parts(const subject *s, gw_form form)
{
    int n = parts_cap(s, form);
    for (; n >= PARTS_MIN; n--) {
        double share = form == GW_FORM_MPS ? mps_share(n) : 1;
        if (memory_fits(s, s->facts->board_mib / n) && s->facts->compute_p95 <= s->compute * share)
            return n;
    }
    return 0;
}

/* The smallest instance that suffices and is not the whole board: that is served better with MIG off. */
static const gw_mig_profile *smallest_profile(const subject *s)
{
    const gw_share_facts *f = s->facts;
    if (!(s->compute > 0) || !(s->memory > 0))
        return NULL;
    double memory = ceil((double)f->memory_peak_mib / s->memory);
    if (memory > (double)f->board_mib)
        return NULL;
    const gw_mig_profile *p = gw_mig_smallest_for(s->mig, f->compute_p95 / s->compute, (int64_t)memory);
    return p && p->compute < s->mig->compute && memory_fits(s, p->memory_mib) && p->memory_mib < f->board_mib
               ? p
               : NULL;
}

static void add_way(subject *s, gw_form form)
{
    gw_share_way w = {.form = form};
    if (!(s->forms & BIT(form)))
        return;
    if (form == GW_FORM_MIG) {
        w.mig = s->mig;
        w.profile = smallest_profile(s);
    } else {
        w.max_parts = most_parts(s, form);
    }
    if (w.profile || w.max_parts)
        s->out->ways[s->out->n++] = w;
}

static void add_ways(subject *s)
{
    static const gw_form apart_first[] = {GW_FORM_MIG, GW_FORM_MPS, GW_FORM_TIME_SLICE};
    static const gw_form turns_first[] = {GW_FORM_TIME_SLICE, GW_FORM_MIG, GW_FORM_MPS};
    const gw_form *order = s->facts->headroom.tier == GW_TIER_BEST_EFFORT ? turns_first : apart_first;
    for (size_t i = 0; i < GW_COUNT(apart_first); i++)
        add_way(s, order[i]);
}

/* ---- dedicated: too large for any part ---- */

/* Memory of the largest part that the forms left have to offer. */
static int64_t largest_part(const subject *s)
{
    int64_t most = s->forms & ~BIT(GW_FORM_MIG) ? s->facts->board_mib / PARTS_MIN : 0;
    for (size_t i = 0; s->forms & BIT(GW_FORM_MIG) && i < s->mig->n_profiles; i++)
        if (s->mig->profiles[i].compute < s->mig->compute)
            most = GW_MAX(most, s->mig->profiles[i].memory_mib);
    return most;
}

static void by_size(subject *s)
{
    const gw_share_facts *f = s->facts;
    int64_t most = largest_part(s);
    char headroom[HEADROOM_TEXT_MAX];
    if (!memory_fits(s, most))
        decide(s, "working-set",
               "memory peak %.1f GiB is more than %.3g %% of the largest part of its %s that it may take "
               "(%.1f GiB)",
               gib(f->memory_peak_mib), percent(s->memory), s->model, gib(most));
    else
        decide(s, "no-part",
               "no part of its %s that it may take has both the memory for a peak of %.1f GiB and the "
               "compute for "
               "a P95 of %.3g %% at %s",
               s->model, gib(f->memory_peak_mib), percent(f->compute_p95), headroom_text(s, headroom));
}

static bool by_compute(subject *s)
{
    if (s->facts->compute_p95 <= s->compute)
        return false;
    decide(s, "compute-bound",
           "compute P95 %.0f %% of its %s is over the %.3g %% that may be used of a whole one",
           percent(s->facts->compute_p95), s->model, percent(s->compute));
    return true;
}

/* ---- shared ---- */

static const char *rule_of(gw_tier tier, gw_form first)
{
    static const char *const names[GW_N_TIERS][GW_FORM_TIME_SLICE + 1] = {
        [GW_TIER_P99] = {[GW_FORM_MIG] = "hard-p99-mig"},
        [GW_TIER_STANDARD] = {[GW_FORM_MIG] = "standard-mig",
                              [GW_FORM_MPS] = "tenant-mps",
                              [GW_FORM_TIME_SLICE] = "development-time-slicing"},
        [GW_TIER_BEST_EFFORT] = {[GW_FORM_MIG] = "best-effort-mig",
                                 [GW_FORM_MPS] = "best-effort-mps",
                                 [GW_FORM_TIME_SLICE] = "best-effort-time-slicing"},
    };
    return names[tier][first];
}

#define ROOM_TEXT_MAX 96
/* "1g.20gb (19.5 GiB, 14 of 108 SMs)"; "one of up to 6 parts under MPS (3.7 GiB each)". */
static const char *room_text(const subject *s, const gw_share_way *w, char out[ROOM_TEXT_MAX])
{
    int64_t part = w->form == GW_FORM_MIG ? 0 : s->facts->board_mib / w->max_parts;
    if (w->form != GW_FORM_MIG)
        snprintf(out, ROOM_TEXT_MAX, "one of up to %d parts %s (%.1f GiB each)", w->max_parts,
                 w->form == GW_FORM_MPS ? "under MPS" : "by time-slicing", gib(part));
    else if (w->profile->sms != GW_MIG_NONE && w->mig->sms != GW_MIG_NONE)
        snprintf(out, ROOM_TEXT_MAX, "%s (%.1f GiB, %d of %d SMs)", w->profile->name,
                 gib(w->profile->memory_mib), w->profile->sms, w->mig->sms);
    else
        snprintf(out, ROOM_TEXT_MAX, "%s (%.1f GiB, %d of %d compute slices)", w->profile->name,
                 gib(w->profile->memory_mib), w->profile->compute, w->mig->compute);
    return out;
}

static void say_ways(subject *s)
{
    const gw_share_facts *f = s->facts;
    const gw_share_way *first = &s->out->ways[0];
    char room[ROOM_TEXT_MAX], headroom[HEADROOM_TEXT_MAX], peak[64] = "";
    if (f->headroom.tier == GW_TIER_P99 && f->compute_peak >= 0 && f->compute_peak <= 1)
        snprintf(peak, sizeof(peak), "; its tier is p99, its largest sample %.0f %%",
                 percent(f->compute_peak));
    decide(s, rule_of(f->headroom.tier, first->form),
           "memory peak %.1f GiB and compute P95 %.3g %% of its %s fit %s at %s%s", gib(f->memory_peak_mib),
           percent(f->compute_p95), s->model, room_text(s, first, room), headroom_text(s, headroom), peak);
}

static double sane(double v)
{
    return v >= 0 && v <= 1 ? v : 0;
}

void gw_share_choose(const gw_share_facts *facts, gw_share_choice *ret)
{
    *ret = (gw_share_choice){.n = 0};
    subject s = {.facts = facts,
                 .out = ret,
                 .model = gw_gpu_sized(gw_gpu_canonical(facts->model), facts->board_mib),
                 .compute = sane(facts->headroom.compute_p95),
                 .memory = sane(facts->headroom.memory_peak)};
    if (s.model && gw_mig_board_find(s.model, facts->board_mib, &s.mig, NULL))
        s.mig = NULL;
    s.capability = gw_share_capability(s.model);
    if (by_policy(&s) || by_board(&s) || by_knowledge(&s) || by_form(&s) || by_compute(&s))
        return;
    add_ways(&s);
    if (ret->n)
        say_ways(&s);
    else
        by_size(&s);
}

bool gw_share_together(gw_form form, const gw_headroom *a, const gw_headroom *b)
{
    if (form == GW_FORM_MIG)
        return true;
    if (form == GW_FORM_WHOLE || a->exclude || b->exclude || !(a->forms & b->forms & BIT(form)) ||
        a->tier == GW_TIER_P99 || b->tier == GW_TIER_P99)
        return false;
    if (!a->tenant || !b->tenant || a->tenant_named != b->tenant_named || strcmp(a->tenant, b->tenant) != 0)
        return false;
    return form != GW_FORM_MPS || (a->tier == b->tier && a->production == b->production);
}

const char *gw_share_rule_phrase(const char *rule)
{
    static const struct {
        const char *rule, *phrase;
    } list[] = {
        {"excluded", "the policy leaves it out"},
        {"no-form-allowed", "the policy allows it no form of sharing"},
        {"multi-gpu", "it holds several GPUs"},
        {"unknown-board", "which board it is on, or its memory, is not known"},
        {"not-nvidia", "the device plugin cannot share such a board"},
        {"unknown-memory", "its memory peak was not recorded"},
        {"unknown-compute", "its use of compute was not recorded"},
        {"too-little-known", "too little of its time was recorded"},
        {"hard-p99-no-mig", "its tier is p99, and there is no MIG to keep it apart"},
        {"no-form-left", "what the board can do and what such work may take have nothing in common"},
        {"compute-bound", "its compute leaves no headroom"},
        {"working-set", "its memory peak leaves no headroom in the largest part of a board"},
        {"no-part", "no part of a board has both the memory and the compute that it needs"},
    };
    for (size_t i = 0; i < GW_COUNT(list); i++) {
        if (gw_eq(list[i].rule, rule))
            return list[i].phrase;
    }
    return NULL;
}
