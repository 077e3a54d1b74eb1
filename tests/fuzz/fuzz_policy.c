/*
 * A policy file, asked for the pods of a small fleet. Whatever the text: an error has a place and leaves the
 * policy as it was, what holds for a pod is within its bounds, and no pod that it excludes gets a share.
 */
#include "allocate/sharing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

static void add_pod(gw_fleet *f, const char *ns, const char *name, const char *workload, const char *app)
{
    uint32_t p = gw_fleet_pod(f, gw_str_of(ns), gw_str_of(name), NULL);
    if (workload) {
        f->pods[p].workload_kind = "Deployment";
        f->pods[p].workload_name = workload;
    }
    CHECK(gw_fleet_label(f, &f->pods[p].labels, gw_str_of("app"), gw_str_of(app), true) == 0);
}

static void check_headroom(const gw_headroom *h)
{
    CHECK(h->compute_p95 >= GW_POLICY_HEADROOM_MIN && h->compute_p95 <= 1);
    CHECK(h->memory_peak >= GW_POLICY_HEADROOM_MIN && h->memory_peak <= 1);
    CHECK(gw_tier_name(h->tier) && h->tenant && h->tenant[0]);
    CHECK(h->forms & 1u << GW_FORM_WHOLE && h->forms < 1u << (GW_FORM_TIME_SLICE + 1));
    CHECK(h->max_parts == 0 || (h->max_parts >= 2 && h->max_parts <= GW_PLAN_PARTS_MAX));
    CHECK(!(h->exclude || h->pin) || h->why);
}

static void check_share(const gw_headroom *h)
{
    gw_share_facts facts = {.model = "A100-80GB",
                            .board_mib = 81920,
                            .gpus = 1,
                            .compute_p95 = 0.05,
                            .compute_peak = 0.4,
                            .memory_peak_mib = 5000,
                            .known = 1,
                            .hours = 24,
                            .class = GW_CLASS_INFERENCE,
                            .headroom = *h};
    gw_share_choice c;
    gw_share_choose(&facts, &c);
    CHECK(c.rule && memchr(c.why, '\0', sizeof(c.why)) && c.why[0]);
    CHECK(!h->exclude || c.n == 0);
    for (size_t i = 0; i < c.n; i++) {
        CHECK(h->forms >> c.ways[i].form & 1);
        CHECK(c.ways[i].form == GW_FORM_MIG ? c.ways[i].profile->memory_mib >= facts.memory_peak_mib
                                            : facts.board_mib / c.ways[i].max_parts >= facts.memory_peak_mib);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_policy *p;
    gw_fleet f;
    gw_ownership o;
    gw_error e = {0};
    if (size > 65536)
        return 0;
    gw_fleet_init(&f);
    gw_ownership_defaults(&o);
    add_pod(&f, "ml-prod", "chat-5d8f-x2x", "chat", "chat");
    add_pod(&f, "lab", "probe", NULL, "");
    CHECK(gw_policy_new(&p, NULL) == 0);
    int rc = gw_policy_add_text(p, "fuzz", (gw_str){(const char *)data, size}, &e);
    CHECK(rc == 0 || (rc == e.code && gw_has_prefix(e.message, "fuzz")));
    for (uint32_t i = 0; i < f.n_pods; i++) {
        gw_headroom h = gw_policy_of(p, &f, &o, i, GW_CLASS_INFERENCE);
        check_headroom(&h);
        check_share(&h);
        if (rc) /* as it was: the defaults */
            CHECK(!h.why && h.compute_p95 == GW_POLICY_HEADROOM && h.memory_peak == GW_POLICY_HEADROOM);
    }
    gw_policy_free(p);
    gw_fleet_free(&f);
    return 0;
}
