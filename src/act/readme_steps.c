/*
 * The steps of an action, with the commands. In this order, because:
 *   1. configuration first: it does nothing until a node or a workload refers to it
 *   2. nodes that are cut or released take no new pods
 *   3. workloads ask for their new seats while the old pods still run; the new ones wait where the seats are
 *      not there yet, instead of landing on another whole GPU
 *   4. what is moved only is evicted pod by pod in the order of the change, which never overcommits a node;
 * the eviction API honours PodDisruptionBudgets
 *   5. boards are cut when nothing runs on them
 *   6. nodes are drained of the rest and released
 */
#include "act/export_internal.h"
#include "allocate/mig.h"
#include "fleet/rules.h"

#define LIST_MAX 500 /* commands of one step; the rest is in action.json */

typedef struct steps {
    gw_act *a;
    gw_buf *b;
    int n;
} steps;

static void begin_step(steps *s, const char *title)
{
    gw_buf_printf(s->b, "\n### %d. %s\n\n", ++s->n, title);
}

static void begin_code(steps *s)
{
    gw_buf_puts(s->b, "```sh\n");
}

static void end_code(steps *s, size_t left_out)
{
    gw_buf_puts(s->b, "```\n");
    if (left_out)
        gw_buf_printf(s->b, "\n… and so on for %zu more; action.json has them in their order.\n", left_out);
}

static void put_node_command(steps *s, const char *before, uint32_t node, const char *after)
{
    gw_buf_puts(s->b, before);
    gw_act_shell_of(s->b, "node", gw_act_node_name(s->a, node));
    gw_buf_puts(s->b, after);
}

/* ---- configuration ---- */

static void put_configuration(steps *s)
{
    if (!gw_act_has(s->a, "manifests/"))
        return;
    begin_step(s, "Create the configuration");
    gw_buf_puts(s->b, "It changes nothing until something refers to it");
    gw_buf_puts(s->b, s->a->n_hires ? ", but for NodePools, which Karpenter uses for pods that wait.\n\n"
                                    : ".\n\n");
    begin_code(s);
    gw_buf_puts(s->b, "kubectl apply -k .\n");
    end_code(s, 0);
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

static void put_operator(steps *s)
{
    bool mig = has_setting(s->a, true), plugin = has_setting(s->a, false);
    if (!mig && !plugin)
        return;
    begin_step(s, "Point NVIDIA's operator at it");
    gw_buf_printf(
        s->b,
        "Where its components have a ConfigMap of your own already, add the entries to that one instead: "
        "each reads one map only. The namespace %s is %s.\n\n",
        s->a->operator_ns,
        s->a->operator_ns_guessed ? "the operator's usual one; nothing showed where yours runs"
                                  : "where its pods run");
    begin_code(s);
    if (mig)
        gw_buf_puts(s->b,
                    "kubectl patch clusterpolicies.nvidia.com/cluster-policy --type=merge \\\n"
                    "  -p '{\"spec\":{\"migManager\":{\"config\":{\"name\":\"" GW_ACT_MIG_MAP "\"}}}}'\n");
    if (plugin)
        gw_buf_puts(s->b, "kubectl patch clusterpolicies.nvidia.com/cluster-policy --type=merge \\\n"
                          "  -p '{\"spec\":{\"devicePlugin\":{\"config\":{\"name\":\"" GW_ACT_PLUGIN_MAP
                          "\"}}}}'\n");
    end_code(s, 0);
    if (plugin)
        gw_buf_puts(s->b,
                    "\nThe device plugin from its own Helm chart: `--set config.name=" GW_ACT_PLUGIN_MAP
                    "`. Shared boards are offered as `nvidia.com/gpu.shared` (renameByDefault), so that no "
                    "pod that asks for a whole `nvidia.com/gpu` lands on a part of one, and asking for two "
                    "parts is refused (failRequestsGreaterThanOne), since it gives no more than one.\n");
}

/* ---- cordon ---- */

static void put_cordon(steps *s)
{
    const gw_change *c = &s->a->action->change;
    size_t n = 0;
    if (c->n_released == 0 && s->a->n_settings == 0)
        return;
    for (size_t i = 0; i < s->a->n_settings; i++)
        n += !(s->a->settings[i].node & GW_HIRED);
    if (c->n_released + n == 0)
        return;
    begin_step(s, "Let no new pods onto the nodes");
    begin_code(s);
    size_t done = 0;
    for (size_t i = 0; i < c->n_released && done < LIST_MAX; i++, done++)
        put_node_command(s, "kubectl cordon ", c->released[i], "\n");
    for (size_t i = 0; i < s->a->n_settings && done < LIST_MAX; i++) {
        const gw_act_setting *t = &s->a->settings[i];
        if (t->node & GW_HIRED || gw_act_setting_of(s->a, t->node, !t->mig) > t)
            continue;
        put_node_command(s, "kubectl cordon ", t->node, "\n");
        done++;
    }
    end_code(s, c->n_released + n > LIST_MAX ? c->n_released + n - LIST_MAX : 0);
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

static void put_target_commands(steps *s, const gw_act_target *t)
{
    int patches = (t->ask_patch != NULL) + (t->note_patch != NULL) + (t->size_patch != NULL);
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

static void put_asks(steps *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->a->n_targets && n < LIST_MAX; i++) {
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

static void put_workloads(steps *s)
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
    begin_step(s, "Change what the workloads ask for");
    put_asks(s);
    gw_buf_puts(
        s->b,
        "Where a tool such as Argo CD, Flux or Helm owns the workload, it would put these changes back: "
        "add `workloads/` to the `components` of its kustomization, or make the change there.\n\n");
    begin_code(s);
    size_t done = 0;
    for (size_t i = 0; i < s->a->n_targets && done < LIST_MAX; i++) {
        if (!is_patched(&s->a->targets[i]))
            continue;
        put_target_commands(s, &s->a->targets[i]);
        done++;
    }
    end_code(s, n - done);
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

/* ---- evictions ---- */

/* When a pod of a move is evicted. */
typedef enum eviction {
    EVICT_NEVER,   /* a rollout replaces it; or it must ask for something else and no patch makes it, so that
                      it would come back as it was: that is left to whoever does it by hand */
    EVICT_TO_MOVE, /* it runs elsewhere at once */
    EVICT_BEFORE_CUT, /* its board must be free: its rollout would wait for the new seat, and that for the
                         board */
    EVICT_AFTER_CUT,  /* its new seat is there then */
} eviction;

static bool is_cut(const gw_act *a, uint32_t gpu)
{
    const gw_change *c = &a->action->change;
    for (size_t i = 0; i < c->n_cuts; i++) {
        if (c->cuts[i].gpu == gpu)
            return true;
    }
    return false;
}

static bool sits_on_cut(const gw_act *a, const gw_seat *seats, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (is_cut(a, seats[i].gpu))
            return true;
    }
    return false;
}

static eviction eviction_of(const gw_act *a, size_t move)
{
    const gw_move *m = &a->action->change.moves[move];
    if (a->target_of_move[move] == GW_NONE || !m->restarts)
        return EVICT_NEVER;
    const gw_act_target *t = &a->targets[a->target_of_move[move]];
    bool patched = t->ask_patch || t->note_patch;
    if (t->reseats && !patched)
        return EVICT_NEVER;
    bool rolls = patched && t->info->rolls;
    if (!sits_on_cut(a, m->to, m->n_units))
        return rolls ? EVICT_NEVER : EVICT_TO_MOVE;
    if (sits_on_cut(a, m->was, m->n_units))
        return EVICT_BEFORE_CUT;
    return rolls ? EVICT_NEVER : EVICT_AFTER_CUT;
}

static void put_eviction(steps *s, const gw_pod *p)
{
    gw_buf body, name;
    gw_doc d;
    gw_buf_init(&body, 8192);
    gw_buf_init(&name, 8192);
    gw_doc_init(&d, GW_DOC_JSON, &name);
    gw_doc_text(&d, NULL, p->name);
    gw_buf_puts(&body, "{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{\"name\":");
    gw_buf_puts(&body, name.data ? name.data : "\"\"");
    gw_buf_clear(&name);
    gw_doc_init(&d, GW_DOC_JSON, &name);
    gw_doc_text(&d, NULL, p->ns);
    gw_buf_printf(&body, ",\"namespace\":%s}}", name.data ? name.data : "\"\"");
    gw_buf_puts(s->b, "printf %s ");
    gw_act_shell(s->b, body.data);
    gw_buf_puts(s->b, " |\n  kubectl create --raw /api/v1/namespaces/");
    gw_act_url(s->b, p->ns);
    gw_buf_puts(s->b, "/pods/");
    gw_act_url(s->b, p->name);
    gw_buf_puts(s->b, "/eviction -f -\n");
    if (body.failed || name.failed)
        s->b->failed = body.failed ? body.failed : name.failed;
    gw_buf_free(&name);
    gw_buf_free(&body);
}

static void put_budgets(steps *s)
{
    const gw_fleet *f = s->a->fleet;
    const gw_change *c = &s->a->action->change;
    size_t n = 0;
    if (!f->budgets_known) {
        gw_buf_puts(s->b,
                    "Which PodDisruptionBudgets there are is not known here; the server holds to them.\n\n");
        return;
    }
    for (size_t i = 0; i < f->n_budgets && n < LIST_MAX; i++) {
        bool covers = false;
        for (size_t k = 0; k < c->n_moves && k < LIST_MAX && !covers; k++)
            covers = eviction_of(s->a, k) != EVICT_NEVER &&
                     gw_budget_covers(&f->budgets[i], &f->pods[c->moves[k].pod]);
        if (!covers)
            continue;
        gw_buf_puts(s->b, n++ ? "- " : "Budgets that cover these pods:\n\n- ");
        gw_act_prose(s->b, f->budgets[i].ns);
        gw_buf_putc(s->b, '/');
        gw_act_prose(s->b, f->budgets[i].name);
        if (f->budgets[i].disruptions_allowed == GW_UNKNOWN_COUNT)
            gw_buf_puts(s->b, ": how many evictions it allows is not known\n");
        else
            gw_buf_printf(s->b, ": allows %" PRId64 " evictions at a time\n",
                          f->budgets[i].disruptions_allowed);
    }
    if (n)
        gw_buf_putc(s->b, '\n');
}

static void put_evictions(steps *s, eviction when, const char *title, const char *text)
{
    const gw_change *c = &s->a->action->change;
    size_t n = 0, done = 0;
    for (size_t i = 0; i < c->n_moves; i++)
        n += eviction_of(s->a, i) == when;
    if (n == 0)
        return;
    begin_step(s, title);
    gw_buf_printf(
        s->b, "%s \"Too many requests\" (429) means that a PodDisruptionBudget wants you to wait.\n\n", text);
    put_budgets(s);
    begin_code(s);
    for (size_t i = 0; i < c->n_moves && done < LIST_MAX; i++) {
        if (eviction_of(s->a, i) != when)
            continue;
        gw_buf_puts(s->b, "# from ");
        gw_act_shell(s->b, gw_act_node_name(s->a, c->moves[i].from));
        gw_buf_puts(s->b, " to ");
        gw_act_shell(s->b, gw_act_node_name(s->a, c->moves[i].node));
        gw_buf_putc(s->b, '\n');
        put_eviction(s, &s->a->fleet->pods[c->moves[i].pod]);
        done++;
    }
    end_code(s, n - done);
}

static void put_bundles(steps *s)
{
    const gw_change *c = &s->a->action->change;
    size_t n = 0;
    for (size_t i = 0; i < c->n_moves; i++)
        n += c->moves[i].pod == GW_NONE;
    if (n == 0)
        return;
    gw_buf_putc(s->b, '\n');
    gw_act_put_count(s->b, (int64_t)n, "tenant has", "tenants have");
    gw_buf_puts(
        s->b, " ended since: nothing is to be moved there, and what starts in such a place must fit the new "
              "seat.\n");
}

/* ---- cuts ---- */

/* Marks in a layout what the moves of this action say to sit there. */
static void mark_running(const gw_act *a, const gw_mig_board *board, uint32_t gpu, gw_mig_layout *l)
{
    const gw_change *c = &a->action->change;
    for (size_t i = 0; i < c->n_moves; i++) {
        for (uint32_t k = 0; k < c->moves[i].n_units; k++) {
            const gw_seat *seat = &c->moves[i].was[k];
            bool found = seat->gpu != gpu || seat->form != GW_FORM_MIG || !seat->profile;
            int profile = found ? GW_MIG_NONE : gw_mig_profile_find(board, gw_str_of(seat->profile));
            for (size_t n = 0; n < l->n && !found; n++) {
                found = l->at[n].profile == profile && !l->at[n].running &&
                        (seat->start < 0 || seat->start == l->at[n].start);
                l->at[n].running |= found;
            }
        }
    }
}

static void put_mig_step(gw_buf *b, const gw_mig_board *board, const gw_mig_step *t, int n)
{
    static const char *const verb[] = {"empty", "destroy", "create"};
    gw_buf_printf(b, "   %d. %s %s at slot %d", n, verb[t->kind], board->profiles[t->profile].name, t->start);
    if (t->kind == GW_MIG_DRAIN && t->move_to != GW_MIG_NONE)
        gw_buf_printf(b, "; its work can restart at slot %d", t->move_to);
    gw_buf_putc(b, '\n');
}

/* The way by hand, board by board, which leaves alone what stays; mig-manager clears each board it changes.
 */
static void put_mig_by_hand(steps *s, const gw_cut *cut)
{
    const gw_mig_board *board;
    const gw_gpu *g = cut->gpu < s->a->fleet->n_gpus ? &s->a->fleet->gpus[cut->gpu] : NULL;
    gw_mig_layout from, to;
    gw_mig_change change;
    if (!g || !cut->was_layout || !cut->layout || !g->model ||
        gw_mig_board_find(g->model, g->memory_mib, &board, NULL) ||
        gw_mig_layout_parse(board, cut->was_layout, &from, NULL) ||
        gw_mig_layout_parse(board, cut->layout, &to, NULL))
        return;
    mark_running(s->a, board, cut->gpu, &from);
    gw_mig_set want = gw_mig_set_of(&to);
    if (gw_mig_repartition(board, &from, &want, &change, NULL) || change.n_steps == 0)
        return;
    gw_buf_printf(
        s->b, "\nBy hand on board %" PRId32 " (`nvidia-smi mig`), which disturbs %d of its instances:\n\n",
        g->index, change.drained);
    for (size_t i = 0; i < change.n_steps; i++)
        put_mig_step(s->b, board, &change.steps[i], (int)i + 1);
}

static void put_label_command(gw_act *a, gw_buf *b, uint32_t node, const char *label, const char *value)
{
    gw_buf_puts(b, "kubectl label ");
    gw_act_shell_of(b, "node", gw_act_node_name(a, node));
    if (value) {
        gw_buf_printf(b, " %s=", label);
        gw_act_shell(b, value);
        gw_buf_puts(b, " --overwrite\n");
    } else {
        gw_buf_printf(b, " %s-\n", label);
    }
}

static void put_cut_commands(steps *s, const gw_act_setting *t)
{
    gw_buf_puts(s->b, "# what still runs there; pods on the boards that are cut must be gone\n"
                      "kubectl get pods --all-namespaces --field-selector=");
    gw_buf field;
    gw_buf_init(&field, 4096);
    gw_buf_printf(&field, "spec.nodeName=%s", gw_act_node_name(s->a, t->node));
    gw_act_shell(s->b, field.data);
    gw_buf_free(&field);
    gw_buf_puts(s->b, " -o wide\n");
    put_label_command(s->a, s->b, t->node, t->mig ? GW_ACT_MIG_LABEL : GW_ACT_PLUGIN_LABEL, t->value);
    if (t->mig)
        put_node_command(s,
                         "kubectl wait --timeout=20m "
                         "--for=jsonpath='{.metadata.labels.nvidia\\.com/mig\\.config\\.state}'=success ",
                         t->node, "\n");
    else if (t->form != GW_FORM_WHOLE)
        put_node_command(s, "kubectl get -o jsonpath='{.status.allocatable.nvidia\\.com/gpu\\.shared}' ",
                         t->node, "\n");
    put_node_command(s, "kubectl uncordon ", t->node, "\n");
}

static void put_cuts(steps *s)
{
    size_t done = 0, n = 0;
    bool mig = false;
    for (size_t i = 0; i < s->a->n_settings; i++)
        n += !(s->a->settings[i].node & GW_HIRED);
    if (n == 0)
        return;
    begin_step(s, "Cut the boards");
    for (size_t i = 0; i < s->a->n_settings; i++)
        mig |= s->a->settings[i].mig;
    if (mig)
        gw_buf_puts(
            s->b, "The label sets mig-manager to work: `nvidia.com/mig.config.state` goes from `pending` to "
                  "`success`, or to `failed` where something still runs on the board. It pauses the GPU "
                  "components of the node meanwhile, and some boards and providers want a reboot.\n\n");
    begin_code(s);
    for (size_t i = 0; i < s->a->n_settings && done < LIST_MAX; i++) {
        if (s->a->settings[i].node & GW_HIRED)
            continue;
        put_cut_commands(s, &s->a->settings[i]);
        done++;
    }
    end_code(s, n - done);
    for (size_t i = 0; i < s->a->n_settings && i < LIST_MAX; i++) {
        for (size_t k = 0; s->a->settings[i].mig && k < s->a->settings[i].n_cuts; k++)
            put_mig_by_hand(s, s->a->settings[i].cuts[k]);
    }
}

/* ---- release ---- */

static void put_aws(steps *s, const gw_node *n)
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

static void put_release_of(steps *s, uint32_t node)
{
    const gw_node *n = node < s->a->fleet->n_nodes ? &s->a->fleet->nodes[node] : NULL;
    put_node_command(s, "kubectl drain ", node, " --ignore-daemonsets --timeout=30m\n");
    if (n && gw_labels_get(&n->labels, "karpenter.sh/nodepool"))
        put_node_command(s, "kubectl delete ", node, "  # Karpenter ends the instance\n");
    else if (n && n->provider_id && gw_has_prefix(n->provider_id, "aws://"))
        put_aws(s, n);
    else
        put_node_command(s, "kubectl delete ", node, "  # and take the machine out of its group\n");
}

/* `kubectl taint` does not take node/NAME; after -- no name is an option ("--all"). */
static void put_taint_command(steps *s, uint32_t node)
{
    gw_buf_puts(s->b, "kubectl taint nodes --overwrite -- ");
    gw_act_shell(s->b, gw_act_node_name(s->a, node));
    gw_buf_puts(s->b, " " GW_ACT_RELEASE_TAINT "=true:NoSchedule\n");
}

static void put_release(steps *s)
{
    const gw_change *c = &s->a->action->change;
    size_t n = GW_MIN(c->n_released, (size_t)LIST_MAX);
    if (n == 0)
        return;
    begin_step(s, "Drain and release the nodes");
    gw_buf_puts(s->b,
                "`kubectl drain` evicts within PodDisruptionBudgets, and stops at pods without a controller "
                "(`--force` deletes them for good) and at pods with emptyDir volumes "
                "(`--delete-emptydir-data`, once nothing in them is needed).\n\n");
    begin_code(s);
    for (size_t i = 0; i < n; i++)
        put_release_of(s, c->released[i]);
    end_code(s, c->n_released - n);
    gw_buf_puts(
        s->b,
        "\nWith the cluster autoscaler, leave the last command out: it removes a node that stays empty for "
        "`--scale-down-unneeded-time` (10 minutes unless set), however `--scale-down-utilization-threshold` "
        "and `--scale-down-gpu-utilization-threshold` stand. The annotation "
        "`cluster-autoscaler.kubernetes.io/scale-down-disabled` on a node keeps it from that:\n\n");
    begin_code(s);
    for (size_t i = 0; i < n; i++)
        put_node_command(s, "kubectl annotate ", c->released[i],
                         " cluster-autoscaler.kubernetes.io/scale-down-disabled-\n");
    end_code(s, c->n_released - n);
    gw_buf_puts(s->b,
                "\nInstead of draining by hand, the Descheduler can empty the nodes over time "
                "(`hints/descheduler-policy.yaml`, its `policy.yaml`) once they have the taint that it looks "
                "for:\n\n");
    begin_code(s);
    for (size_t i = 0; i < n; i++)
        put_taint_command(s, c->released[i]);
    end_code(s, c->n_released - n);
}

void gw_act_put_steps(gw_act *a, gw_buf *b)
{
    steps s = {.a = a, .b = b};
    gw_buf_puts(b,
                "\n## Steps\n\nCommands are for a shell in this folder. To see what a command would do, add "
                "`--dry-run=server`.\n");
    put_configuration(&s);
    put_operator(&s);
    put_cordon(&s);
    put_workloads(&s);
    put_evictions(
        &s, EVICT_TO_MOVE, "Move the pods, one after the other",
        "Wait after each until its successor runs: in this order no node gets more than it has room for.");
    put_evictions(
        &s, EVICT_BEFORE_CUT, "Clear the boards",
        "What is left of the old pods goes; a successor of the old form may wait, or start on another "
        "whole board for a while, until the new one runs.");
    put_cuts(&s);
    put_evictions(&s, EVICT_AFTER_CUT, "Let the pods take their new seats",
                  "Wait after each until its successor runs.");
    put_bundles(&s);
    put_release(&s);
    if (s.n == 0)
        gw_buf_puts(b, "\nNothing here can be done by a command.\n");
}

void gw_act_put_checks(gw_act *a, gw_buf *b)
{
    steps s = {.a = a, .b = b};
    size_t done = 0;
    gw_buf_puts(b, "\n## How to see that it worked\n\n");
    begin_code(&s);
    for (size_t i = 0; i < a->n_targets && done < LIST_MAX; i++) {
        const gw_act_target *t = &a->targets[i];
        if (!t->info || !t->info->rolls || !is_patched(t) || t->info->custom)
            continue;
        gw_buf_puts(b, "kubectl rollout status ");
        put_target(b, t);
        gw_buf_puts(b, " --timeout=30m\n");
        done++;
    }
    gw_buf_puts(b, "kubectl get pods --all-namespaces --field-selector=status.phase=Pending\n");
    for (size_t i = 0; i < a->n_hires; i++) {
        if (a->hires[i].name)
            gw_buf_printf(b, "kubectl get nodes -l karpenter.sh/nodepool=%s\n", a->hires[i].name);
    }
    end_code(&s, 0);
    if (a->x->command) {
        gw_buf_puts(b, "\nAfter a day, make the plan again: this action is not in it any more.\n\n");
        begin_code(&s);
        gw_buf_printf(b, "%s\n", a->x->command);
        end_code(&s, 0);
    }
}
