#include "price/control_plane.h"

#include "base/buf.h"

/*
 * EKS $0.10 a cluster-hour (https://aws.amazon.com/eks/pricing/, standard support), GKE $0.10 in Standard and
 * Autopilot mode alike (https://cloud.google.com/kubernetes-engine/pricing; its monthly free credit for one
 * cluster is a matter of the bill), AKS free tier 0
 * (https://azure.microsoft.com/pricing/details/kubernetes-service/).
 */
static const struct {
    gw_provider provider;
    gw_micro hourly;
    const char *name;
} published[] = {{GW_PROVIDER_AWS, 100000, "EKS $0.10/h"},
                 {GW_PROVIDER_GCP, 100000, "GKE $0.10/h"},
                 {GW_PROVIDER_AZURE, 0, "AKS free tier"}};

static void describe(const gw_price_list *l, const bool managed[PRICE_PROVIDERS], gw_price_book *b,
                     gw_buf *text)
{
    for (size_t i = 0; i < GW_COUNT(published); i++) {
        gw_provider k = published[i].provider;
        if (!managed[k])
            continue;
        bool own = gw_micro_known(l->control_plane[k]);
        b->control_plane_hourly += own ? l->control_plane[k] : published[i].hourly;
        gw_buf_printf(text, "%s%s", text->len ? ", " : "",
                      own ? l->control_plane_source[k] : published[i].name);
    }
}

int price_control_plane(const gw_price_list *l, const gw_fleet *f, gw_price_book *b, gw_error *e)
{
    bool managed[PRICE_PROVIDERS] = {false};
    gw_buf text;
    gw_buf_init(&text, 4096);
    for (size_t i = 0; i < f->n_nodes; i++)
        managed[f->nodes[i].provider] |= f->nodes[i].managed_control_plane;
    if (gw_micro_known(l->o.control_plane_hourly)) {
        b->control_plane_hourly = l->o.control_plane_hourly;
        gw_buf_puts(&text, "as given");
    } else {
        describe(l, managed, b, &text);
    }
    bool failed = text.failed == GW_ENOMEM;
    if (text.len && !failed) {
        b->control_plane_source = gw_arena_strdup(&b->arena, text.data);
        failed = !b->control_plane_source;
    }
    gw_buf_free(&text);
    return failed ? gw_fail_memory(e) : 0;
}
