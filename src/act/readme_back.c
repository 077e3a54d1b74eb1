/* The way back: the steps in reverse, as far as there is one. */
#include "act/export_internal.h"

static void put_left_out(gw_buf *b, size_t n, size_t done)
{
    gw_buf_puts(b, "```\n");
    if (n > done)
        gw_buf_printf(b, "\n… and so on for %zu more.\n", n - done);
}

static void put_patch(gw_buf *b, const gw_act_target *t, const char *type, const char *path)
{
    if (!path)
        return;
    gw_buf_puts(b, "kubectl patch ");
    gw_act_shell_of(b, t->info->argument, t->name);
    gw_buf_puts(b, " --namespace=");
    gw_act_shell(b, t->ns);
    gw_buf_printf(b, " --type=%s --patch-file=back/%s\n", type, path);
}

static void put_workloads(gw_act *a, gw_buf *b)
{
    size_t n = 0, done = 0;
    for (size_t i = 0; i < a->n_targets; i++)
        n += a->targets[i].ask_patch || a->targets[i].note_patch || a->targets[i].size_patch;
    if (n == 0)
        return;
    gw_buf_puts(
        b,
        "\nThe requests as they were (or take `workloads/` out of the components of your kustomization):\n\n"
        "```sh\n");
    for (size_t i = 0; i < a->n_targets && done < GW_ACT_LIST_MAX; i++) {
        const gw_act_target *t = &a->targets[i];
        if (!t->ask_patch && !t->note_patch && !t->size_patch)
            continue;
        put_patch(b, t, "json", t->ask_patch);
        put_patch(b, t, "merge", t->note_patch);
        put_patch(b, t, "json", t->size_patch);
        done++;
    }
    put_left_out(b, n, done);
    for (size_t i = 0; i < a->n_targets; i++) {
        if (a->targets[i].note_patch && a->targets[i].ask_patch && a->targets[i].to.n == 0) {
            gw_buf_puts(
                b, "\nWhere the server says that a path is not there, the container has no limits left: set "
                   "`nvidia.com/gpu` by hand.\n");
            break;
        }
    }
}

static void put_settings(gw_act *a, gw_buf *b)
{
    size_t n = 0, done = 0;
    for (size_t i = 0; i < a->n_settings; i++)
        n += !(a->settings[i].node & GW_HIRED);
    if (n == 0)
        return;
    gw_buf_puts(b, "\nThe boards as they were, when the pods on them are gone:\n\n```sh\n");
    for (size_t i = 0; i < a->n_settings && done < GW_ACT_LIST_MAX; i++) {
        const gw_act_setting *s = &a->settings[i];
        const char *label = s->mig ? GW_ACT_MIG_LABEL : GW_ACT_PLUGIN_LABEL;
        if (s->node & GW_HIRED)
            continue;
        gw_buf_puts(b, "kubectl label ");
        gw_act_shell_of(b, "node", gw_act_node_name(a, s->node));
        if (s->back) {
            gw_buf_printf(b, " %s=", label);
            gw_act_shell(b, s->back);
            gw_buf_puts(b, " --overwrite");
        } else {
            gw_buf_printf(b, " %s-", label);
        }
        if (s->mig && s->was) {
            gw_buf_puts(b, "  # it was ");
            gw_act_shell(b, s->was);
            gw_buf_puts(b, ", an entry of your own ConfigMap");
        }
        gw_buf_putc(b, '\n');
        done++;
    }
    put_left_out(b, n, done);
    gw_buf_puts(b, "\nThen give the operator its old ConfigMap back, if it had one.\n");
}

static void put_nodes(gw_act *a, gw_buf *b)
{
    const gw_change *c = &a->action->change;
    size_t n = GW_MIN(c->n_released, (size_t)GW_ACT_LIST_MAX);
    if (n) {
        gw_buf_puts(b, "\nA node that is still there takes pods again:\n\n```sh\n");
        for (size_t i = 0; i < n; i++) {
            gw_buf_puts(b, "kubectl uncordon ");
            gw_act_shell_of(b, "node", gw_act_node_name(a, c->released[i]));
            gw_buf_putc(b, '\n');
        }
        put_left_out(b, c->n_released, n);
        gw_buf_puts(b, "\nOne that is gone comes back by adding one to its group or pool:\n\n");
        for (size_t i = 0; i < n; i++) {
            const gw_node *node =
                c->released[i] < a->fleet->n_nodes ? &a->fleet->nodes[c->released[i]] : NULL;
            if (!node)
                continue;
            gw_buf_puts(b, "- ");
            gw_act_prose(b, node->name);
            gw_buf_puts(b, ": ");
            gw_act_prose(b, node->instance_type ? node->instance_type : "its type is not known");
            if (node->zone || node->region) {
                gw_buf_puts(b, " in ");
                gw_act_prose(b, node->zone ? node->zone : node->region);
            }
            gw_buf_printf(b, ", %s\n", gw_capacity_name(node->capacity));
        }
    }
    if (!gw_act_has(a, "manifests/nodepool"))
        return;
    gw_buf_puts(b, "\nNew nodes go when their pool does, once the pods have room elsewhere:\n\n```sh\n");
    for (size_t i = 0; i < a->n_hires; i++) {
        if (a->hires[i].name)
            gw_buf_printf(b, "kubectl delete nodepools.karpenter.sh/%s\n", a->hires[i].name);
    }
    gw_buf_puts(b, "```\n");
}

void gw_act_put_back(gw_act *a, gw_buf *b)
{
    gw_buf_puts(b, "\n## The way back\n");
    put_workloads(a, b);
    put_settings(a, b);
    put_nodes(a, b);
    if (a->n_targets == 0 && a->n_settings == 0 && a->action->change.n_released == 0 && a->n_hires == 0)
        gw_buf_puts(b, "\nNothing was changed that would have to be put back.\n");
}
