/* The steps that touch boards and the pods on them: evictions, and cutting. */
#include "act/export_internal.h"
#include "allocate/mig.h"
#include "fleet/rules.h"

/* ---- evictions ---- */

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

static gw_act_eviction eviction_of(const gw_act *a, size_t move)
{
    const gw_move *m = &a->action->change.moves[move];
    if (a->target_of_move[move] == GW_NONE || !m->restarts)
        return GW_ACT_EVICT_NEVER;
    const gw_act_target *t = &a->targets[a->target_of_move[move]];
    bool patched = t->ask_patch || t->note_patch;
    if (t->reseats && !patched)
        return GW_ACT_EVICT_NEVER;
    bool rolls = patched && t->info->rolls;
    if (!sits_on_cut(a, m->to, m->n_units))
        return rolls ? GW_ACT_EVICT_NEVER : GW_ACT_EVICT_TO_MOVE;
    if (sits_on_cut(a, m->was, m->n_units))
        return GW_ACT_EVICT_BEFORE_CUT;
    return rolls ? GW_ACT_EVICT_NEVER : GW_ACT_EVICT_AFTER_CUT;
}

static void put_eviction(gw_act_steps *s, const gw_pod *p)
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

static void put_budgets(gw_act_steps *s)
{
    const gw_fleet *f = s->a->fleet;
    const gw_change *c = &s->a->action->change;
    size_t n = 0;
    if (!f->budgets_known) {
        gw_buf_puts(s->b,
                    "Which PodDisruptionBudgets there are is not known here; the server holds to them.\n\n");
        return;
    }
    for (size_t i = 0; i < f->n_budgets && n < GW_ACT_LIST_MAX; i++) {
        bool covers = false;
        for (size_t k = 0; k < c->n_moves && k < GW_ACT_LIST_MAX && !covers; k++)
            covers = eviction_of(s->a, k) != GW_ACT_EVICT_NEVER &&
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

void gw_act_put_evictions(gw_act_steps *s, gw_act_eviction when, const char *title, const char *text)
{
    const gw_change *c = &s->a->action->change;
    size_t n = 0, done = 0;
    for (size_t i = 0; i < c->n_moves; i++)
        n += eviction_of(s->a, i) == when;
    if (n == 0)
        return;
    gw_act_begin_step(s, title);
    gw_buf_printf(s->b,
                  "%s \"Too many requests\" (429) means that a PodDisruptionBudget wants you to wait. "
                  "`--dry-run` has no "
                  "effect on these commands: they evict.\n\n",
                  text);
    put_budgets(s);
    gw_act_begin_code(s);
    for (size_t i = 0; i < c->n_moves && done < GW_ACT_LIST_MAX; i++) {
        if (eviction_of(s->a, i) != when)
            continue;
        gw_act_put_cluster(s, gw_act_cluster_of(s->a, c->moves[i].from));
        gw_buf_puts(s->b, "# from ");
        gw_act_shell(s->b, gw_act_node_name(s->a, c->moves[i].from));
        gw_buf_puts(s->b, " to ");
        gw_act_shell(s->b, gw_act_node_name(s->a, c->moves[i].node));
        gw_buf_putc(s->b, '\n');
        put_eviction(s, &s->a->fleet->pods[c->moves[i].pod]);
        done++;
    }
    gw_act_end_code(s, n - done);
}

bool gw_act_evicts(const gw_act *a)
{
    for (size_t i = 0; i < a->action->change.n_moves; i++) {
        if (eviction_of(a, i) != GW_ACT_EVICT_NEVER)
            return true;
    }
    return false;
}

void gw_act_put_bundles(gw_act_steps *s)
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
static void put_mig_by_hand(gw_act_steps *s, const gw_cut *cut)
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

static void put_cut_commands(gw_act_steps *s, const gw_act_setting *t)
{
    gw_act_put_cluster(s, gw_act_cluster_of(s->a, t->node));
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
        gw_act_put_node_command(
            s,
            "kubectl wait --timeout=20m "
            "--for=jsonpath='{.metadata.labels.nvidia\\.com/mig\\.config\\.state}'=success ",
            t->node, "\n");
    else if (t->form != GW_FORM_WHOLE)
        gw_act_put_node_command(
            s, "kubectl get -o jsonpath='{.status.allocatable.nvidia\\.com/gpu\\.shared}' ", t->node, "\n");
    gw_act_put_node_command(s, "kubectl uncordon ", t->node, "\n");
}

void gw_act_put_cuts(gw_act_steps *s)
{
    size_t done = 0, n = 0;
    bool mig = false;
    for (size_t i = 0; i < s->a->n_settings; i++)
        n += !(s->a->settings[i].node & GW_HIRED);
    if (n == 0)
        return;
    gw_act_begin_step(s, "Cut the boards");
    for (size_t i = 0; i < s->a->n_settings; i++)
        mig |= s->a->settings[i].mig;
    if (mig)
        gw_buf_puts(
            s->b, "The label sets mig-manager to work: `nvidia.com/mig.config.state` goes from `pending` to "
                  "`success`, or to `failed` where something still runs on the board. It pauses the GPU "
                  "components of the node meanwhile, and some boards and providers want a reboot.\n\n");
    gw_act_begin_code(s);
    for (size_t i = 0; i < s->a->n_settings && done < GW_ACT_LIST_MAX; i++) {
        if (s->a->settings[i].node & GW_HIRED)
            continue;
        put_cut_commands(s, &s->a->settings[i]);
        done++;
    }
    gw_act_end_code(s, n - done);
    for (size_t i = 0; i < s->a->n_settings && i < GW_ACT_LIST_MAX; i++) {
        for (size_t k = 0; s->a->settings[i].mig && k < s->a->settings[i].n_cuts; k++)
            put_mig_by_hand(s, s->a->settings[i].cuts[k]);
    }
}
