/* Which clusters an action is for, and the word before each group of commands. */
#include "act/export_internal.h"

const char *gw_act_cluster_of(const gw_act *a, uint32_t node)
{
    if (node != GW_NONE && node & GW_HIRED) {
        uint32_t k = node & ~GW_HIRED;
        const char *like = k < a->action->change.n_hires ? a->action->change.hires[k].like : NULL;
        node = like ? gw_fleet_find_node(a->fleet, gw_str_of(like)) : GW_NONE;
    }
    return node < a->fleet->n_nodes ? a->fleet->nodes[node].cluster : NULL;
}

static void add_cluster(gw_act *a, const char *cluster)
{
    for (size_t i = 0; i < a->n_clusters; i++) {
        if (gw_eq(a->clusters[i], cluster))
            return;
    }
    if (cluster && a->n_clusters < GW_COUNT(a->clusters))
        a->clusters[a->n_clusters++] = cluster;
}

int gw_act_find_clusters(gw_act *a, gw_error *e)
{
    const gw_change *c = &a->action->change;
    GW_UNUSED(e);
    for (size_t i = 0; i < a->n_targets; i++)
        add_cluster(a, a->targets[i].cluster);
    for (size_t i = 0; i < a->n_settings; i++)
        add_cluster(a, gw_act_cluster_of(a, a->settings[i].node));
    for (size_t i = 0; i < c->n_released; i++)
        add_cluster(a, gw_act_cluster_of(a, c->released[i]));
    for (uint32_t i = 0; i < a->n_hires; i++)
        add_cluster(a, gw_act_cluster_of(a, GW_HIRED_NODE(a->hires[i].first)));
    return 0;
}

void gw_act_put_clusters(const gw_act *a, gw_buf *b)
{
    if (a->n_clusters == 0)
        return;
    gw_buf_puts(b,
                a->n_clusters == 1 ? "\nAll of this is in cluster **" : "\nThis is in several clusters: **");
    for (size_t i = 0; i < a->n_clusters; i++) {
        gw_buf_puts(b, i ? "**, **" : "");
        gw_act_prose(b, a->clusters[i]);
    }
    gw_buf_puts(b, a->n_clusters == GW_COUNT(a->clusters) ? "** and perhaps more." : "**.");
    gw_buf_puts(b,
                a->n_clusters == 1 ? " Choose it first" : " Choose the one that stands before the commands");
    gw_buf_puts(b, ", with `kubectl config use-context CONTEXT`, or give every `kubectl` the option "
                   "`--context=CONTEXT`. `kubectl config get-contexts` lists yours; their names need not be "
                   "the clusters'.\n");
}

void gw_act_begin_code(gw_act_steps *s)
{
    s->cluster = NULL;
    if (s->a->n_clusters == 1) {
        gw_buf_puts(s->b, "In cluster ");
        gw_act_prose(s->b, s->a->clusters[0]);
        gw_buf_puts(s->b, ":\n\n");
    }
    gw_buf_puts(s->b, "```sh\n");
}

void gw_act_begin_code_everywhere(gw_act_steps *s)
{
    if (s->a->n_clusters > 1)
        gw_buf_puts(s->b, "In each of the clusters:\n\n");
    gw_act_begin_code(s);
}

void gw_act_put_cluster(gw_act_steps *s, const char *cluster)
{
    if (s->a->n_clusters < 2 || gw_eq(s->cluster, cluster))
        return;
    s->cluster = cluster;
    gw_buf_puts(s->b, "# in cluster ");
    gw_act_shell(s->b, cluster ? cluster : "?");
    gw_buf_putc(s->b, '\n');
}
