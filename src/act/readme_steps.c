/*
 * The steps of an action, with the commands. In this order, because:
 *   1. configuration first: it does nothing until a node or a workload refers to it
 *   2. nodes that are cut or released take no new pods
 *   3. workloads ask for their new seats while the old pods still run; the new ones wait where the seats are
 *      not there yet, instead of landing on another whole GPU
 *   4. what no rollout replaces is evicted pod by pod in the order of the change, which never overcommits a
 *      node; the eviction API honours PodDisruptionBudgets
 *   5. boards are cleared, and cut when nothing runs on them
 *   6. nodes are drained of the rest and released
 */
#include "act/export_internal.h"

void gw_act_begin_step(gw_act_steps *s, const char *title)
{
    gw_buf_printf(s->b, "\n### %d. %s\n\n", ++s->n, title);
}

void gw_act_end_code(gw_act_steps *s, size_t left_out)
{
    gw_buf_puts(s->b, "```\n");
    if (left_out)
        gw_buf_printf(s->b, "\n… and so on for %zu more; action.json has them in their order.\n", left_out);
}

void gw_act_put_node_command(gw_act_steps *s, const char *before, uint32_t node, const char *after)
{
    gw_act_put_cluster(s, gw_act_cluster_of(s->a, node));
    gw_buf_puts(s->b, before);
    gw_act_shell_of(s->b, "node", gw_act_node_name(s->a, node));
    gw_buf_puts(s->b, after);
}

/* ---- configuration ---- */

#define DEFAULT_MIG_MAP "default-mig-parted-config"

static void put_configuration(gw_act_steps *s)
{
    if (!gw_act_has(s->a, "manifests/"))
        return;
    gw_act_begin_step(s, "Create the configuration");
    gw_buf_puts(s->b, "It changes nothing until something refers to it");
    gw_buf_puts(s->b, s->a->n_hires ? ", but for NodePools, which Karpenter uses for pods that wait.\n\n"
                                    : ".\n\n");
    gw_act_begin_code_everywhere(s);
    gw_buf_puts(s->b, "kubectl apply -k .\n");
    gw_act_end_code(s, 0);
    if (gw_act_has(s->a, "manifests/nodepool"))
        gw_buf_puts(s->b, "\nThe node class that each pool names under `nodeClassRef` must exist.\n");
    if (gw_act_has(s->a, "hints/cluster-autoscaler"))
        gw_buf_puts(
            s->b,
            "\nWithout Karpenter: add a node group for each of these types to the cluster autoscaler. "
            "`hints/cluster-autoscaler-priorities.yaml` makes it grow them first (`--expander=priority`) "
            "where their names contain the type. It replaces the priorities that you have: merge them.\n");
}

static bool has_setting(const gw_act *a, bool mig)
{
    for (size_t i = 0; i < a->n_settings; i++) {
        if (a->settings[i].mig == mig)
            return true;
    }
    return false;
}

/* What the operator reads today, before anything takes its place. */
static void put_current(gw_act_steps *s, bool mig, bool plugin)
{
    gw_buf_printf(
        s->b,
        "**Each component reads one ConfigMap for the whole cluster.** Naming ours takes the configurations "
        "of the "
        "map that it reads now%s from every node whose label names one of them. First see which map that is, "
        "and "
        "write its name down for the way back; an empty name is the operator's default. If any node uses it, "
        "merge "
        "the entries of `manifests/` into a copy of it, and name the copy below. The namespace %s is %s.\n\n",
        mig ? " (often `" DEFAULT_MIG_MAP "`)" : "", s->a->operator_ns,
        s->a->operator_ns_guessed ? "the operator's usual one; nothing showed where yours runs"
                                  : "where its pods run");
    gw_act_begin_code_everywhere(s);
    if (mig) {
        gw_buf_puts(s->b,
                    "kubectl get clusterpolicies.nvidia.com/cluster-policy -o "
                    "jsonpath='{.spec.migManager.config.name}{\"\\n\"}'\n"
                    "kubectl get configmap " DEFAULT_MIG_MAP " --ignore-not-found -o yaml --namespace=");
        gw_act_shell(s->b, s->a->operator_ns);
        gw_buf_puts(s->b, "\nkubectl get nodes -L " GW_ACT_MIG_LABEL ",nvidia.com/mig.strategy\n"
                          "kubectl get clusterpolicies.nvidia.com/cluster-policy -o "
                          "jsonpath='{.spec.mig.strategy}{\"\\n\"}'\n");
    }
    if (plugin)
        gw_buf_puts(s->b, "kubectl get clusterpolicies.nvidia.com/cluster-policy -o "
                          "jsonpath='{.spec.devicePlugin.config.name}{\"\\n\"}'\n"
                          "kubectl get nodes -L " GW_ACT_PLUGIN_LABEL "\n");
    gw_act_end_code(s, 0);
    if (mig)
        gw_buf_puts(
            s->b,
            "\nThe last `mig.strategy` must be `mixed`: only then is each profile a resource of its own, "
            "`nvidia.com/mig-…`, as the requests of this action have it. **It is one setting for the "
            "cluster.** Changing it from `single` renames what all nodes with MIG offer, and pods there that "
            "ask for `nvidia.com/gpu` find none when they restart.\n");
    gw_buf_puts(s->b, "\nThen:\n\n");
}

static void put_operator(gw_act_steps *s)
{
    bool mig = has_setting(s->a, true), plugin = has_setting(s->a, false);
    if (!mig && !plugin)
        return;
    gw_act_begin_step(s, "Point NVIDIA's operator at it");
    put_current(s, mig, plugin);
    gw_act_begin_code_everywhere(s);
    if (mig)
        gw_buf_puts(s->b,
                    "kubectl patch clusterpolicies.nvidia.com/cluster-policy --type=merge \\\n"
                    "  -p '{\"spec\":{\"migManager\":{\"config\":{\"name\":\"" GW_ACT_MIG_MAP "\"}}}}'\n");
    if (plugin)
        gw_buf_puts(s->b, "kubectl patch clusterpolicies.nvidia.com/cluster-policy --type=merge \\\n"
                          "  -p '{\"spec\":{\"devicePlugin\":{\"config\":{\"name\":\"" GW_ACT_PLUGIN_MAP
                          "\"}}}}'\n");
    gw_act_end_code(s, 0);
    if (plugin)
        gw_buf_puts(s->b,
                    "\nThe device plugin from its own Helm chart: `--set config.name=" GW_ACT_PLUGIN_MAP
                    "`. Shared boards are offered as `nvidia.com/gpu.shared` (renameByDefault), so that no "
                    "pod that asks for a whole `nvidia.com/gpu` lands on a part of one, and asking for two "
                    "parts is refused (failRequestsGreaterThanOne), since it gives no more than one.\n");
}

/* ---- cordon ---- */

static void put_cordon(gw_act_steps *s)
{
    const gw_change *c = &s->a->action->change;
    size_t n = 0;
    if (c->n_released == 0 && s->a->n_settings == 0)
        return;
    for (size_t i = 0; i < s->a->n_settings; i++)
        n += !(s->a->settings[i].node & GW_HIRED);
    if (c->n_released + n == 0)
        return;
    gw_act_begin_step(s, "Let no new pods onto the nodes");
    gw_act_begin_code(s);
    size_t done = 0;
    for (size_t i = 0; i < c->n_released && done < GW_ACT_LIST_MAX; i++, done++)
        gw_act_put_node_command(s, "kubectl cordon ", c->released[i], "\n");
    for (size_t i = 0; i < s->a->n_settings && done < GW_ACT_LIST_MAX; i++) {
        const gw_act_setting *t = &s->a->settings[i];
        if (t->node & GW_HIRED || gw_act_setting_of(s->a, t->node, !t->mig) > t)
            continue;
        gw_act_put_node_command(s, "kubectl cordon ", t->node, "\n");
        done++;
    }
    gw_act_end_code(s, c->n_released + n > GW_ACT_LIST_MAX ? c->n_released + n - GW_ACT_LIST_MAX : 0);
}

/* ---- workloads ---- */

static void put_target(gw_buf *b, const gw_act_target *t)
{
    gw_act_shell_of(b, t->info->argument, t->name);
    gw_buf_puts(b, " --namespace=");
    gw_act_shell(b, t->ns);
}

static void put_patch(gw_buf *b, const gw_act_target *t, const char *type, const char *path)
{
    if (!path)
        return;
    gw_buf_puts(b, "kubectl patch ");
    put_target(b, t);
    gw_buf_printf(b, " --type=%s --patch-file=%s\n", type, path);
}

static bool is_patched(const gw_act_target *t)
{
    return t->ask_patch || t->note_patch || t->size_patch;
}

static void put_target_commands(gw_act_steps *s, const gw_act_target *t)
{
    int patches = (t->ask_patch != NULL) + (t->note_patch != NULL) + (t->size_patch != NULL);
    gw_act_put_cluster(s, t->cluster);
    bool pause = patches > 1 && strcmp(t->info->kind, "Deployment") == 0;
    if (pause) { /* one rollout, not two */
        gw_buf_puts(s->b, "kubectl rollout pause ");
        put_target(s->b, t);
        gw_buf_putc(s->b, '\n');
    }
    put_patch(s->b, t, "merge", t->note_patch); /* null takes away what may not be there: RFC 7396 */
    put_patch(s->b, t, "json", t->ask_patch);
    put_patch(s->b, t, "json", t->size_patch);
    if (pause) {
        gw_buf_puts(s->b, "kubectl rollout resume ");
        put_target(s->b, t);
        gw_buf_putc(s->b, '\n');
    }
}

static void put_asks(gw_act_steps *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->a->n_targets && n < GW_ACT_LIST_MAX; i++) {
        const gw_act_target *t = &s->a->targets[i];
        if (!t->reseats || t->differ || t->to.impossible)
            continue;
        if (n++ == 0)
            gw_buf_puts(s->b, "| workload | asks for | and should ask for |\n|---|---|---|\n");
        gw_buf_printf(s->b, "| %s ", t->kind ? t->kind : "Pod");
        gw_act_prose(s->b, t->ns);
        gw_buf_putc(s->b, '/');
        gw_act_prose(s->b, t->name);
        gw_buf_puts(s->b, " | ");
        gw_act_ask_write(s->b, &t->was);
        gw_buf_puts(s->b, " | ");
        gw_act_ask_write(s->b, &t->to);
        gw_buf_puts(s->b, " |\n");
    }
    if (n)
        gw_buf_putc(s->b, '\n');
}

static void put_workloads(gw_act_steps *s)
{
    size_t n = 0, asks = 0, sizes = 0, slow = 0;
    for (size_t i = 0; i < s->a->n_targets; i++) {
        const gw_act_target *t = &s->a->targets[i];
        n += is_patched(t);
        asks += t->ask_patch != NULL;
        sizes += t->size_patch != NULL;
        slow += is_patched(t) && !t->info->rolls;
    }
    if (n == 0)
        return;
    gw_act_begin_step(s, "Change what the workloads ask for");
    put_asks(s);
    gw_buf_puts(
        s->b,
        "Where a tool such as Argo CD, Flux or Helm owns the workload, it would put these changes back: "
        "add `workloads/` to the `components` of its kustomization, or make the change there.\n\n");
    gw_act_begin_code(s);
    size_t done = 0;
    for (size_t i = 0; i < s->a->n_targets && done < GW_ACT_LIST_MAX; i++) {
        if (!is_patched(&s->a->targets[i]))
            continue;
        put_target_commands(s, &s->a->targets[i]);
        done++;
    }
    gw_act_end_code(s, n - done);
    gw_buf_puts(
        s->b,
        "\nThe patches speak of the first container, and are refused whole where it is not the one that "
        "has these requests; then make the same change at the right one.");
    if (asks)
        gw_buf_puts(
            s->b, " Where the server refuses a patch because the request of a GPU and its limit differ, the "
                  "template names it in both: use the file that ends in `.requests.yaml` instead.");
    if (sizes)
        gw_buf_puts(s->b, " A request cannot be larger than the container's limit.");
    if (slow)
        gw_buf_puts(
            s->b, " A ReplicaSet or ReplicationController gives new pods the new requests and leaves the old "
                  "ones alone; a CronJob takes them with its next run.");
    gw_buf_putc(s->b, '\n');
}

/* ---- release ---- */

static void put_aws(gw_act_steps *s, const gw_node *n)
{
    const char *id = strrchr(n->provider_id, '/');
    gw_buf_puts(
        s->b, "aws autoscaling terminate-instance-in-auto-scaling-group --should-decrement-desired-capacity "
              "--instance-id ");
    gw_act_shell(s->b, id ? id + 1 : n->provider_id);
    if (n->region) {
        gw_buf_puts(s->b, " --region ");
        gw_act_shell(s->b, n->region);
    }
    gw_buf_putc(s->b, '\n');
}

static void put_release_of(gw_act_steps *s, uint32_t node)
{
    const gw_node *n = node < s->a->fleet->n_nodes ? &s->a->fleet->nodes[node] : NULL;
    gw_act_put_node_command(s, "kubectl drain ", node, " --ignore-daemonsets --timeout=30m\n");
    if (n && gw_labels_get(&n->labels, "karpenter.sh/nodepool"))
        gw_act_put_node_command(s, "kubectl delete ", node, "  # Karpenter ends the instance\n");
    else if (n && n->provider_id && gw_has_prefix(n->provider_id, "aws://"))
        put_aws(s, n);
    else
        gw_act_put_node_command(s, "kubectl delete ", node, "  # and take the machine out of its group\n");
}

/* `kubectl taint` does not take node/NAME; after -- no name is an option ("--all"). */
void gw_act_put_taint_command(gw_act_steps *s, uint32_t node, const char *rest)
{
    gw_act_put_cluster(s, gw_act_cluster_of(s->a, node));
    gw_buf_puts(s->b, "kubectl taint nodes --overwrite -- ");
    gw_act_shell(s->b, gw_act_node_name(s->a, node));
    gw_buf_puts(s->b, " " GW_ACT_RELEASE_TAINT);
    gw_buf_puts(s->b, rest);
    gw_buf_putc(s->b, '\n');
}

static void put_release(gw_act_steps *s)
{
    const gw_change *c = &s->a->action->change;
    size_t n = GW_MIN(c->n_released, (size_t)GW_ACT_LIST_MAX);
    if (n == 0)
        return;
    gw_act_begin_step(s, "Drain and release the nodes");
    gw_buf_puts(s->b,
                "`kubectl drain` evicts within PodDisruptionBudgets, and stops at pods without a controller "
                "(`--force` deletes them for good) and at pods with emptyDir volumes "
                "(`--delete-emptydir-data`, once nothing in them is needed).\n\n");
    gw_act_begin_code(s);
    for (size_t i = 0; i < n; i++)
        put_release_of(s, c->released[i]);
    gw_act_end_code(s, c->n_released - n);
    gw_buf_puts(
        s->b,
        "\nWith the cluster autoscaler, leave the last command out: it removes a node that stays empty for "
        "`--scale-down-unneeded-time` (10 minutes unless set), however `--scale-down-utilization-threshold` "
        "and `--scale-down-gpu-utilization-threshold` stand. The annotation "
        "`cluster-autoscaler.kubernetes.io/scale-down-disabled` on a node keeps it from that:\n\n");
    gw_act_begin_code(s);
    for (size_t i = 0; i < n; i++)
        gw_act_put_node_command(s, "kubectl annotate ", c->released[i],
                                " cluster-autoscaler.kubernetes.io/scale-down-disabled-\n");
    gw_act_end_code(s, c->n_released - n);
    gw_buf_puts(s->b,
                "\nInstead of draining by hand, the Descheduler can empty the nodes over time "
                "(`hints/descheduler-policy.yaml`, its `policy.yaml`) once they have the taint that it looks "
                "for. ");
    gw_buf_puts(s->b,
                gw_act_room_is_there(s->a)
                    ? "It evicts only what fits on another node (`nodeFit: true`).\n\n"
                    : "It evicts whether or not a node has room (`nodeFit: false`), since the room comes "
                      "only with this action: do the steps above first.\n\n");
    gw_act_begin_code(s);
    for (size_t i = 0; i < n; i++)
        gw_act_put_taint_command(s, c->released[i], "=true:NoSchedule");
    gw_act_end_code(s, c->n_released - n);
}

void gw_act_put_steps(gw_act *a, gw_buf *b)
{
    gw_act_steps s = {.a = a, .b = b};
    gw_buf_puts(
        b, "\n## Steps\n\nCommands are for a shell in this folder. `kubectl apply`, `patch`, `label`, "
           "`annotate`, "
           "`taint`, `cordon`, `uncordon`, `drain` and `delete` take `--dry-run=server`, which shows what "
           "they would do.");
    if (gw_act_evicts(a))
        gw_buf_puts(
            b, " **Evictions do not**: `kubectl create --raw` ignores that option and evicts. Try one "
               "by putting `?dryRun=All` behind its path, in quotes: `'/api/v1/…/eviction?dryRun=All'`.");
    gw_buf_puts(b, " The other commands have no dry run.\n");
    gw_act_put_clusters(a, b);
    put_configuration(&s);
    put_operator(&s);
    put_cordon(&s);
    put_workloads(&s);
    gw_act_put_evictions(
        &s, GW_ACT_EVICT_TO_MOVE, "Move the pods, one after the other",
        "Wait after each until its successor runs: in this order no node gets more than it has room for.");
    gw_act_put_evictions(
        &s, GW_ACT_EVICT_BEFORE_CUT, "Clear the boards",
        "What is left of the old pods goes; a successor of the old form may wait, or start on another "
        "whole board for a while, until the new one runs.");
    gw_act_put_cuts(&s);
    gw_act_put_evictions(&s, GW_ACT_EVICT_AFTER_CUT, "Let the pods take their new seats",
                         "Wait after each until its successor runs.");
    gw_act_put_bundles(&s);
    put_release(&s);
    if (s.n == 0)
        gw_buf_puts(b, "\nNothing here can be done by a command.\n");
}

void gw_act_put_checks(gw_act *a, gw_buf *b)
{
    gw_act_steps s = {.a = a, .b = b};
    size_t done = 0;
    gw_buf_puts(b, "\n## How to see that it worked\n\n");
    gw_act_begin_code(&s);
    for (size_t i = 0; i < a->n_targets && done < GW_ACT_LIST_MAX; i++) {
        const gw_act_target *t = &a->targets[i];
        if (!t->info || !t->info->rolls || !is_patched(t) || t->info->custom)
            continue;
        gw_act_put_cluster(&s, t->cluster);
        gw_buf_puts(b, "kubectl rollout status ");
        put_target(b, t);
        gw_buf_puts(b, " --timeout=30m\n");
        done++;
    }
    gw_buf_puts(b, a->n_clusters > 1 ? "# in each of the clusters\n" : "");
    gw_buf_puts(b, "kubectl get pods --all-namespaces --field-selector=status.phase=Pending\n");
    for (size_t i = 0; i < a->n_hires; i++) {
        if (a->hires[i].name)
            gw_buf_printf(b, "kubectl get nodes -l karpenter.sh/nodepool=%s\n", a->hires[i].name);
    }
    gw_act_end_code(&s, 0);
    if (a->x->command) {
        gw_buf_puts(b, "\nAfter a day, make the plan again: this action is not in it any more.\n\n");
        gw_buf_printf(b, "```sh\n%s\n```\n", a->x->command);
    }
}
