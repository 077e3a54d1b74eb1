/*
 * The way back, as far as there is one. Not the steps in reverse: nodes come back and boards are whole again
 * before requests are put back, since a rollout of one replica starts its new pod while the old one runs, and
 * would wait for ever for a board that is not there.
 */
#include "act/export_internal.h"

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

static void put_workloads(gw_act_steps *s)
{
    gw_act *a = s->a;
    size_t n = 0, done = 0;
    for (size_t i = 0; i < a->n_targets; i++)
        n += a->targets[i].ask_patch || a->targets[i].note_patch || a->targets[i].size_patch;
    if (n == 0)
        return;
    gw_act_begin_step(s, "Put the requests back");
    gw_buf_puts(s->b, "Or take `workloads/` out of the components of your kustomization.\n\n");
    gw_act_begin_code(s);
    for (size_t i = 0; i < a->n_targets && done < GW_ACT_LIST_MAX; i++) {
        const gw_act_target *t = &a->targets[i];
        if (!t->ask_patch && !t->note_patch && !t->size_patch)
            continue;
        gw_act_put_cluster(s, t->cluster);
        put_patch(s->b, t, "json", t->ask_patch);
        put_patch(s->b, t, "merge", t->note_patch);
        put_patch(s->b, t, "json", t->size_patch);
        done++;
    }
    gw_act_end_code(s, n - done);
    for (size_t i = 0; i < a->n_targets; i++) {
        if (a->targets[i].note_patch && a->targets[i].ask_patch && a->targets[i].to.n == 0) {
            gw_buf_puts(
                s->b,
                "\nWhere the server says that a path is not there, the container has no limits left: set "
                "`nvidia.com/gpu` by hand.\n");
            break;
        }
    }
}

/* ---- boards ---- */

static bool is_here(const gw_act_setting *t)
{
    return !(t->node & GW_HIRED);
}

static size_t count_settings(const gw_act *a, bool mig)
{
    size_t n = 0;
    for (size_t i = 0; i < a->n_settings; i++)
        n += is_here(&a->settings[i]) && a->settings[i].mig == mig;
    return n;
}

/* A label that the node had names an entry of the old map, which must be there first. */
static bool needs_old_map(const gw_act *a)
{
    for (size_t i = 0; i < a->n_settings; i++) {
        if (is_here(&a->settings[i]) && a->settings[i].was)
            return true;
    }
    return false;
}

static bool needs_our_entries(const gw_act *a)
{
    for (size_t i = 0; i < a->n_settings; i++) {
        if (is_here(&a->settings[i]) && a->settings[i].mig && a->settings[i].back_entry)
            return true;
    }
    return false;
}

static void put_operator(gw_act_steps *s)
{
    bool mig = count_settings(s->a, true), plugin = count_settings(s->a, false);
    if (!mig && !plugin)
        return;
    gw_act_begin_step(s, "Give the operator its own configuration back");
    gw_buf_puts(
        s->b,
        "Put the name that you read before you began in the place of each `OLD-NAME`; where there was none, "
        "write `null` without quotes. If another action of the plan still stands, name a copy of the old "
        "map that has the entries of `manifests/` too.");
    if (needs_old_map(s->a) && needs_our_entries(s->a))
        gw_buf_puts(s->b, " So do here: the next step has labels from both.");
    gw_buf_puts(s->b, "\n\n");
    gw_act_begin_code_everywhere(s);
    if (mig)
        gw_buf_puts(s->b, "kubectl patch clusterpolicies.nvidia.com/cluster-policy --type=merge \\\n"
                          "  -p '{\"spec\":{\"migManager\":{\"config\":{\"name\":\"OLD-NAME\"}}}}'\n");
    if (plugin)
        gw_buf_puts(s->b, "kubectl patch clusterpolicies.nvidia.com/cluster-policy --type=merge \\\n"
                          "  -p '{\"spec\":{\"devicePlugin\":{\"config\":{\"name\":\"OLD-NAME\"}}}}'\n");
    gw_act_end_code(s, 0);
}

/* What the label of a board was worth cannot be told from it: the layouts stand beside it. */
static void put_layouts(gw_act_steps *s, const gw_act_setting *t)
{
    for (size_t i = 0; t->mig && i < t->n_cuts; i++) {
        const gw_cut *cut = t->cuts[i];
        gw_buf_printf(s->b, "# board %" PRId32 " was ", s->a->fleet->gpus[cut->gpu].index);
        if (cut->was_layout)
            gw_act_shell(s->b, cut->was_layout);
        else
            gw_buf_puts(s->b, "whole, with MIG off");
        gw_buf_putc(s->b, '\n');
    }
}

static void put_label(gw_act_steps *s, const gw_act_setting *t)
{
    const char *label = t->mig ? GW_ACT_MIG_LABEL : GW_ACT_PLUGIN_LABEL;
    gw_act_put_node_command(s, "kubectl label ", t->node, "");
    if (t->back) {
        gw_buf_printf(s->b, " %s=", label);
        gw_act_shell(s->b, t->back);
        gw_buf_puts(s->b, " --overwrite\n");
    } else {
        gw_buf_printf(s->b, " %s-\n", label);
    }
    if (!t->mig)
        return;
    gw_act_put_node_command(s,
                            "kubectl wait --timeout=20m "
                            "--for=jsonpath='{.metadata.labels.nvidia\\.com/mig\\.config\\.state}'=success ",
                            t->node, "\n");
    if (!t->was) {
        gw_act_put_node_command(s, "kubectl label ", t->node, "");
        gw_buf_printf(s->b, " %s-\n", label);
    }
}

static void put_setting(gw_act_steps *s, const gw_act_setting *t)
{
    bool second = gw_act_setting_of(s->a, t->node, true) && !t->mig; /* emptied for the other label */
    if (!second) {
        gw_act_put_node_command(s, "kubectl cordon ", t->node, "\n");
        gw_act_put_node_command(s, "kubectl drain ", t->node, " --ignore-daemonsets --timeout=30m\n");
    }
    put_layouts(s, t);
    put_label(s, t);
}

static void put_settings(gw_act_steps *s)
{
    gw_act *a = s->a;
    size_t mig = count_settings(a, true), n = mig + count_settings(a, false), done = 0;
    if (n == 0)
        return;
    gw_act_begin_step(s, "Put the boards back");
    gw_buf_puts(
        s->b,
        "No new pods may come, and the pods that sit on parts of the boards must be gone, before the label "
        "changes. `kubectl drain` evicts all pods of the node, within PodDisruptionBudgets; those that "
        "ask for `nvidia.com/mig-…` or `nvidia.com/gpu.shared` are the ones that must go. They wait "
        "until their requests are put back.");
    if (mig)
        gw_buf_puts(
            s->b,
            " Go on when mig-manager says `success`. It may still say so of the last change: see that it "
            "has said `pending` since. A label that the node did not have is removed at last: mig-manager "
            "leaves the boards alone then, and it names no configuration that goes with our map.");
    gw_buf_puts(s->b, "\n\n");
    gw_act_begin_code(s);
    for (size_t i = 0; i < a->n_settings && done < GW_ACT_LIST_MAX; i++) {
        if (!is_here(&a->settings[i]))
            continue;
        put_setting(s, &a->settings[i]);
        done++;
    }
    gw_act_end_code(s, n - done);
}

static void put_uncordon(gw_act_steps *s)
{
    gw_act *a = s->a;
    size_t n = 0, done = 0;
    for (size_t i = 0; i < a->n_settings; i++)
        n += is_here(&a->settings[i]) &&
             gw_act_setting_of(a, a->settings[i].node, !a->settings[i].mig) <= &a->settings[i];
    if (n == 0)
        return;
    gw_act_begin_step(s, "Let pods onto the nodes again");
    gw_act_begin_code(s);
    for (size_t i = 0; i < a->n_settings && done < GW_ACT_LIST_MAX; i++) {
        const gw_act_setting *t = &a->settings[i];
        if (!is_here(t) || gw_act_setting_of(a, t->node, !t->mig) > t)
            continue;
        gw_act_put_node_command(s, "kubectl uncordon ", t->node, "\n");
        done++;
    }
    gw_act_end_code(s, n - done);
}

/* ---- nodes ---- */

static void put_gone(gw_act_steps *s, const gw_node *node)
{
    gw_buf_puts(s->b, "- ");
    gw_act_prose(s->b, node->name);
    gw_buf_puts(s->b, ": ");
    gw_act_prose(s->b, node->instance_type ? node->instance_type : "its type is not known");
    if (node->zone || node->region) {
        gw_buf_puts(s->b, " in ");
        gw_act_prose(s->b, node->zone ? node->zone : node->region);
    }
    if (node->capacity != GW_CAPACITY_UNKNOWN)
        gw_buf_printf(s->b, ", %s", gw_capacity_name(node->capacity));
    if (node->cluster && s->a->n_clusters > 1) {
        gw_buf_puts(s->b, ", in cluster ");
        gw_act_prose(s->b, node->cluster);
    }
    gw_buf_putc(s->b, '\n');
}

/* Before any request is put back: a rollout of one replica starts its new pod before it ends the old one, and
 * would wait for a board for ever. */
static void put_released(gw_act_steps *s)
{
    const gw_change *c = &s->a->action->change;
    size_t n = GW_MIN(c->n_released, (size_t)GW_ACT_LIST_MAX);
    if (n == 0)
        return;
    gw_act_begin_step(s, "Bring the nodes back");
    gw_buf_puts(
        s->b, "This comes before the requests, so that what asks for boards of them finds them. One that is "
              "gone comes back by adding one to its group or pool:\n\n");
    for (size_t i = 0; i < n; i++) {
        if (c->released[i] < s->a->fleet->n_nodes)
            put_gone(s, &s->a->fleet->nodes[c->released[i]]);
    }
    gw_buf_puts(s->b, "\nOne that is still there takes pods again:\n\n");
    gw_act_begin_code(s);
    for (size_t i = 0; i < n; i++)
        gw_act_put_node_command(s, "kubectl uncordon ", c->released[i], "\n");
    gw_act_end_code(s, c->n_released - n);
    gw_buf_puts(
        s->b,
        "\nWhere you gave it the taint for the Descheduler, take that away (\"not found\" means that it has "
        "none), and stop the Descheduler's policy:\n\n");
    gw_act_begin_code(s);
    for (size_t i = 0; i < n; i++)
        gw_act_put_taint_command(s, c->released[i], "=true:NoSchedule-");
    gw_act_end_code(s, c->n_released - n);
}

static void put_pools(gw_act_steps *s)
{
    if (!gw_act_has(s->a, "manifests/nodepool"))
        return;
    gw_act_begin_step(s, "Let the new nodes go");
    gw_buf_puts(s->b, "They go when their pool does. Do this once the pods have room elsewhere.\n\n");
    gw_act_begin_code(s);
    for (size_t i = 0; i < s->a->n_hires; i++) {
        if (!s->a->hires[i].name)
            continue;
        gw_act_put_cluster(s, gw_act_cluster_of(s->a, GW_HIRED_NODE(s->a->hires[i].first)));
        gw_buf_printf(s->b, "kubectl delete nodepools.karpenter.sh/%s\n", s->a->hires[i].name);
    }
    gw_act_end_code(s, 0);
}

void gw_act_put_back(gw_act *a, gw_buf *b)
{
    gw_act_steps s = {.a = a, .b = b};
    gw_buf_puts(b, "\n## The way back\n");
    bool old_map_first = needs_old_map(a);
    put_released(&s);
    if (old_map_first)
        put_operator(&s);
    put_settings(&s);
    if (!old_map_first)
        put_operator(&s);
    put_workloads(&s);
    put_uncordon(&s);
    put_pools(&s);
    if (s.n == 0)
        gw_buf_puts(b, "\nNothing was changed that would have to be put back by a command.\n");
}
