/*
 * What an action's cuts mean for the configuration of nodes. Both of NVIDIA's configurations are named
 * entries of one ConfigMap, and a node's label says which entry is its own: nvidia.com/mig.config mig-parted:
 * boards by index, instances by profile and count nvidia.com/device-plugin.config  device plugin: all boards
 * of the node are shared alike
 *
 * A MIG entry lists the boards that its action cuts and no others, so that several actions on one node can
 * follow each other; its name is a hash of its text, so that another content is another label, which is what
 * mig-manager acts upon.
 */
#include "act/export_internal.h"
#include "allocate/mig.h"

#define BOARDS_MAX   GW_CHANGE_BOARDS_MAX /* of one node */
#define ENTRY_MAX    ((size_t)1 << 20)
#define SETTINGS_MAX ((size_t)200000)
#define PROFILES_MAX GW_MIG_SLOTS_MAX

/* ---- layouts ---- */

typedef struct profile_count {
    char name[32];
    int n;
} profile_count;

/* A layout's instances, counted: mig-parted chooses their places itself. */
typedef struct board_want {
    int64_t index; /* -1: nobody knows */
    bool enabled;
    profile_count count[PROFILES_MAX];
    size_t n;
} board_want;

static int by_profile(const void *a, const void *b)
{
    return strcmp(((const profile_count *)a)->name, ((const profile_count *)b)->name);
}

static bool count_profile(board_want *w, const char *name, size_t n)
{
    size_t i = 0;
    char text[sizeof(w->count[0].name)];
    if (n == 0 || n >= sizeof(text))
        return false;
    snprintf(text, sizeof(text), "%.*s", (int)n, name);
    char *variant = strstr(text, "gb."); /* Kubernetes writes 1g.10gb.me */
    if (variant)
        variant[2] = '+';
    while (i < w->n && strcmp(w->count[i].name, text) != 0)
        i++;
    if (i == PROFILES_MAX)
        return false;
    if (i == w->n)
        snprintf(w->count[w->n++].name, sizeof(text), "%s", text);
    w->count[i].n++;
    return true;
}

/* "3g.40gb@0*,1g.10gb@4"; NULL or empty: MIG is off. False for what is no layout. */
static bool want_layout(board_want *w, const char *layout)
{
    w->enabled = layout && *layout;
    for (const char *item = w->enabled ? layout : ""; *item;) {
        size_t n = strcspn(item, ",");
        if (!count_profile(w, item, strcspn(item, "@,*")))
            return false;
        item += n + (item[n] == ',');
    }
    qsort(w->count, w->n, sizeof(w->count[0]), by_profile);
    return true;
}

static bool same_want(const board_want *a, const board_want *b)
{
    if (a->enabled != b->enabled || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (a->count[i].n != b->count[i].n || strcmp(a->count[i].name, b->count[i].name) != 0)
            return false;
    }
    return true;
}

static int by_index(const void *a, const void *b)
{
    const board_want *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

/* Ends the document and moves its text into the arena. */
static int keep_entry(gw_doc *d, gw_arena *arena, const char **ret, gw_error *e)
{
    int rc = gw_doc_finish(d, e);
    *ret = rc ? NULL : gw_arena_strndup(arena, d->out->data, d->out->len);
    gw_buf_free(d->out);
    return rc || *ret ? rc : gw_fail_memory(e);
}

/* One entry of mig-configs: boards that are cut alike share a member. */
static int mig_entry(gw_arena *arena, board_want *w, size_t n, bool all, const char **ret, gw_error *e)
{
    gw_buf b;
    gw_doc d;
    bool done[BOARDS_MAX] = {false};
    qsort(w, n, sizeof(*w), by_index);
    gw_buf_init(&b, ENTRY_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_doc_array(&d, NULL);
    for (size_t i = 0; i < n; i++) {
        if (done[i])
            continue;
        gw_doc_object(&d, NULL);
        if (all) {
            gw_doc_text(&d, "devices", "all");
        } else {
            gw_doc_array(&d, "devices");
            for (size_t k = i; k < n; k++) {
                if (done[k] || !same_want(&w[i], &w[k]))
                    continue;
                gw_doc_int(&d, NULL, w[k].index);
                done[k] = true;
            }
            gw_doc_end(&d);
        }
        gw_doc_bool(&d, "mig-enabled", w[i].enabled);
        if (w[i].enabled) {
            gw_doc_object(&d, "mig-devices");
            for (size_t k = 0; k < w[i].n; k++)
                gw_doc_int(&d, w[i].count[k].name, w[i].count[k].n);
            gw_doc_end(&d);
        }
        gw_doc_end(&d);
        if (all)
            break;
    }
    gw_doc_end(&d);
    return keep_entry(&d, arena, ret, e);
}

/* ---- settings ---- */

typedef struct builder {
    const gw_act *a;
    const gw_action *action;
    gw_act_setting *items;
    size_t n, cap;
    gw_map by_node; /* node and label -> index into items */
} builder;

static const gw_node *node_at(const gw_act *a, uint32_t node)
{
    return node != GW_NONE && !(node & GW_HIRED) && node < a->fleet->n_nodes ? &a->fleet->nodes[node] : NULL;
}

static int add_setting(builder *x, gw_str key, const gw_cut *cut, uint32_t node, bool mig, gw_error *e)
{
    if (x->n == SETTINGS_MAX)
        return gw_fail(e, GW_ELIMIT, "%s cuts boards of more than %zu nodes", x->action->id, SETTINGS_MAX);
    if (x->n == x->cap) {
        x->cap = x->cap ? 2 * x->cap : 8;
        gw_act_setting *items = GW_NEW_ARRAY(x->a->arena, gw_act_setting, x->cap);
        if (!items)
            return gw_fail_memory(e);
        if (x->n)
            memcpy(items, x->items, x->n * sizeof(*items));
        x->items = items;
    }
    if (gw_map_set(&x->by_node, key, (uint32_t)x->n))
        return gw_fail_memory(e);
    x->items[x->n++] = (gw_act_setting){.node = node, .mig = mig, .form = cut->form, .parts = cut->parts};
    return 0;
}

/* Room for one cut more: the array doubles when it is full, which is when its length is a power of two. */
static int grow_cuts(gw_arena *arena, gw_act_setting *s)
{
    if (s->n_cuts & (s->n_cuts - 1))
        return 0;
    const gw_cut **cuts = GW_NEW_ARRAY(arena, const gw_cut *, s->n_cuts ? 2 * s->n_cuts : 1);
    if (!cuts)
        return GW_ENOMEM;
    if (s->n_cuts)
        memcpy(cuts, s->cuts, s->n_cuts * sizeof(const gw_cut *));
    s->cuts = cuts;
    return 0;
}

static int add_cut(builder *x, const gw_cut *cut, uint32_t node, bool mig, gw_error *e)
{
    const uint32_t parts[] = {node, mig};
    const gw_str key = {(const char *)parts, sizeof(parts)};
    uint32_t at = gw_map_get(&x->by_node, key);
    int rc = at == GW_NONE ? add_setting(x, key, cut, node, mig, e) : 0;
    if (rc)
        return rc;
    gw_act_setting *s = &x->items[at == GW_NONE ? x->n - 1 : at];
    if (s->n_cuts == BOARDS_MAX)
        return gw_fail(e, GW_ELIMIT, "%s cuts more than %d boards of the node %s", x->action->id, BOARDS_MAX,
                       gw_act_node_name(x->a, node));
    if (!mig && (s->form != cut->form || s->parts != cut->parts))
        return gw_fail(
            e, GW_EUSAGE,
            "%s: the device plugin shares all boards of a node alike, and the boards of %s would be "
            "shared by %s in %d parts and by %s in %d",
            x->action->id, gw_act_node_name(x->a, node), gw_form_name(s->form), s->parts,
            gw_form_name(cut->form), cut->parts);
    if (grow_cuts(x->a->arena, s))
        return gw_fail_memory(e);
    s->cuts[s->n_cuts++] = cut;
    return 0;
}

static int collect(builder *x, gw_error *e)
{
    const gw_change *c = &x->action->change;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < c->n_cuts; i++) {
        const gw_cut *cut = &c->cuts[i];
        uint32_t node = gw_act_node_of(x->a->fleet, cut->gpu);
        if (cut->via != GW_VIA_DEVICE_PLUGIN || node == GW_NONE)
            continue; /* KAI and HAMi share by what pods ask for */
        const gw_node *n = node_at(x->a, node);
        bool mig = cut->form == GW_FORM_MIG || (cut->form == GW_FORM_WHOLE && cut->was_layout);
        bool unshared = cut->form == GW_FORM_WHOLE && !mig && n && n->sharing != GW_SHARING_NONE;
        if (mig || unshared || cut->form == GW_FORM_MPS || cut->form == GW_FORM_TIME_SLICE)
            rc = add_cut(x, cut, node, mig, e);
    }
    return rc;
}

static int64_t board_index(const gw_fleet *f, uint32_t gpu)
{
    return gpu & GW_HIRED ? (int64_t)(gpu & 0xff) : f->gpus[gpu].index;
}

/* How many boards the node has; GW_UNKNOWN_COUNT. */
static int64_t boards_of(const gw_act *a, const gw_action *action, uint32_t node)
{
    const gw_node *n = node_at(a, node);
    uint32_t k = node & ~GW_HIRED;
    if (n)
        return n->gpu_count_guessed ? GW_UNKNOWN_COUNT : n->gpu_count;
    return node != GW_NONE && k < action->change.n_hires ? action->change.hires[k].gpus : GW_UNKNOWN_COUNT;
}

static const char *name_of_entry(gw_arena *arena, const char *entry)
{
    return gw_arena_printf(arena, "gpuwise-%08" PRIx32, (uint32_t)gw_hash(entry, strlen(entry)));
}

/* One side of a MIG setting: what should be, or what was. */
static int name_mig(builder *x, gw_act_setting *s, bool was, gw_error *e)
{
    const gw_act *a = x->a;
    board_want *w = GW_NEW_ARRAY(a->arena, board_want, s->n_cuts);
    bool all = false;
    if (!w)
        return gw_fail_memory(e);
    for (size_t i = 0; i < s->n_cuts; i++) {
        const gw_cut *cut = s->cuts[i];
        const char *layout = was ? cut->was_layout : cut->form == GW_FORM_MIG ? cut->layout : NULL;
        w[i].index = board_index(a->fleet, cut->gpu);
        all |= w[i].index < 0;
        if (!want_layout(&w[i], layout))
            return gw_fail(e, GW_EUSAGE, "%s: \"%.120s\" is no MIG layout", x->action->id, layout);
    }
    /* boards without an index can be meant only all at once */
    for (size_t i = 0; all && i < s->n_cuts; i++) {
        if ((int64_t)s->n_cuts != boards_of(a, x->action, s->node) || !same_want(&w[0], &w[i]))
            return gw_fail(e, GW_EUSAGE,
                           "%s: no exporter gave the index of a board of %s, without which mig-parted cannot "
                           "be told which one to cut",
                           x->action->id, gw_act_node_name(a, s->node));
    }
    const char *entry;
    int rc = mig_entry(a->arena, w, s->n_cuts, all, &entry, e);
    const char *name = rc == 0 ? name_of_entry(a->arena, entry) : NULL;
    if (!name)
        return rc ? rc : gw_fail_memory(e);
    *(was ? &s->back_entry : &s->entry) = entry;
    *(was ? &s->back : &s->value) = name;
    return 0;
}

/* The label that the node had. Without one: what every map has where MIG was off, else an entry of ours. */
static int name_mig_back(builder *x, gw_act_setting *s, gw_error *e)
{
    bool cut = false;
    for (size_t i = 0; i < s->n_cuts; i++)
        cut |= s->cuts[i]->was_layout && *s->cuts[i]->was_layout;
    if (!s->was && cut)
        return name_mig(x, s, true, e);
    s->back = s->was ? s->was : GW_ACT_MIG_OFF;
    return 0;
}

static int plugin_entry(gw_arena *arena, const gw_act_setting *s, const char **ret, gw_error *e)
{
    gw_buf b;
    gw_doc d;
    gw_buf_init(&b, ENTRY_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "version", "v1");
    if (s->form != GW_FORM_WHOLE) {
        gw_doc_object(&d, "sharing");
        gw_doc_object(&d, s->form == GW_FORM_MPS ? "mps" : "timeSlicing");
        gw_doc_bool(&d, "renameByDefault", true);
        gw_doc_bool(&d, "failRequestsGreaterThanOne", true);
        gw_doc_array(&d, "resources");
        gw_doc_object(&d, NULL);
        gw_doc_text(&d, "name", "nvidia.com/gpu");
        gw_doc_int(&d, "replicas", s->parts);
        gw_doc_end(&d);
        gw_doc_end(&d);
        gw_doc_end(&d);
        gw_doc_end(&d);
    }
    gw_doc_end(&d);
    return keep_entry(&d, arena, ret, e);
}

static int name_plugin(builder *x, gw_act_setting *s, gw_error *e)
{
    gw_arena *arena = x->a->arena;
    int rc = plugin_entry(arena, s, &s->entry, e);
    if (rc)
        return rc;
    s->value = s->form == GW_FORM_WHOLE
                   ? "default"
                   : gw_arena_printf(arena, "gpuwise-%s-%d", gw_form_name(s->form), s->parts);
    s->back = s->was; /* the old label, or none */
    return s->value ? 0 : gw_fail_memory(e);
}

int gw_act_settings_of(const gw_act *a, const gw_action *action, gw_act_setting **ret, size_t *n, gw_error *e)
{
    builder x = {.a = a, .action = action};
    gw_map_init(&x.by_node);
    int rc = collect(&x, e);
    gw_map_free(&x.by_node);
    for (size_t i = 0; rc == 0 && i < x.n; i++) {
        gw_act_setting *s = &x.items[i];
        const gw_node *node = node_at(a, s->node);
        s->was = node ? gw_labels_get(&node->labels, s->mig ? GW_ACT_MIG_LABEL : GW_ACT_PLUGIN_LABEL) : NULL;
        rc = s->mig ? name_mig(&x, s, false, e) : name_plugin(&x, s, e);
        if (rc == 0 && s->mig)
            rc = name_mig_back(&x, s, e);
    }
    *ret = x.items;
    *n = x.n;
    return rc;
}

const gw_act_setting *gw_act_setting_of(const gw_act *a, uint32_t node, bool mig)
{
    for (size_t i = 0; i < a->n_settings; i++) {
        if (a->settings[i].node == node && a->settings[i].mig == mig)
            return &a->settings[i];
    }
    return NULL;
}

/* ---- the entries of a ConfigMap ---- */

typedef struct entry_list {
    gw_act_entry *items;
    size_t n, cap;
    gw_map seen;
} entry_list;

static int add_entry(entry_list *l, gw_arena *arena, const char *name, const char *text, gw_error *e)
{
    if (!name || !text || gw_map_get(&l->seen, gw_str_of(name)) != GW_NONE)
        return 0;
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 8;
        gw_act_entry *items = GW_NEW_ARRAY(arena, gw_act_entry, l->cap);
        if (!items)
            return gw_fail_memory(e);
        if (l->n)
            memcpy(items, l->items, l->n * sizeof(*items));
        l->items = items;
    }
    l->items[l->n] = (gw_act_entry){name, text};
    return gw_map_set(&l->seen, gw_str_of(name), (uint32_t)l->n++) ? gw_fail_memory(e) : 0;
}

static int add_entries(entry_list *l, gw_arena *arena, const gw_act_setting *s, size_t n, bool mig,
                       gw_error *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (s[i].mig != mig)
            continue;
        rc = add_entry(l, arena, s[i].value, s[i].entry, e);
        if (rc == 0)
            rc = add_entry(l, arena, s[i].back, s[i].back_entry, e);
    }
    return rc;
}

static int by_entry_name(const void *a, const void *b)
{
    return strcmp(((const gw_act_entry *)a)->name, ((const gw_act_entry *)b)->name);
}

int gw_act_entries(gw_act *a, bool mig, gw_act_entry **ret, size_t *n, gw_error *e)
{
    const gw_plan *plan = a->x->plan;
    entry_list l = {.items = NULL};
    gw_map_init(&l.seen);
    int rc = add_entries(&l, a->arena, a->settings, a->n_settings, mig, e);
    for (size_t i = 0; rc == 0 && l.n && i < plan->n_actions && plan->actions[i].chosen; i++) {
        gw_act_setting *s;
        size_t n_settings;
        rc = gw_act_settings_of(a, &plan->actions[i], &s, &n_settings, e);
        if (rc == 0)
            rc = add_entries(&l, a->arena, s, n_settings, mig, e);
    }
    gw_map_free(&l.seen);
    if (l.n)
        qsort(l.items, l.n, sizeof(*l.items), by_entry_name);
    *ret = l.items;
    *n = l.n;
    return rc;
}

/* ---- what is odd ---- */

/* Boards of the node that are shared so already, or that an earlier or later action of the plan shares so. */
static int64_t shared_elsewhere(const gw_act *a, const gw_act_setting *s)
{
    const gw_plan *plan = a->x->plan;
    int64_t n = 0;
    for (size_t i = 0; i < plan->n_actions && plan->actions[i].chosen; i++) {
        const gw_change *c = &plan->actions[i].change;
        for (size_t k = 0; k < c->n_cuts && &plan->actions[i] != a->action; k++)
            n += c->cuts[k].form == s->form && c->cuts[k].parts == s->parts &&
                 c->cuts[k].via == GW_VIA_DEVICE_PLUGIN &&
                 gw_act_node_of(a->fleet, c->cuts[k].gpu) == s->node;
    }
    return n;
}

static int warn_of_sharing(gw_act *a, const gw_act_setting *s, gw_error *e)
{
    const gw_node *node = node_at(a, s->node);
    gw_sharing now = s->form == GW_FORM_MPS ? GW_SHARING_MPS : GW_SHARING_TIME_SLICING;
    int64_t boards = boards_of(a, a->action, s->node), cut = (int64_t)s->n_cuts + shared_elsewhere(a, s);
    if (s->form == GW_FORM_WHOLE || (node && node->sharing == now && node->replicas == s->parts))
        return 0;
    if (boards == GW_UNKNOWN_COUNT)
        return gw_act_caution(
            a, e,
            "How many boards %s has is not known. The device plugin shares all of them alike: "
            "with this label none is left to be asked for whole.",
            gw_act_node_name(a, s->node));
    if (cut >= boards)
        return 0;
    return gw_act_caution(a, e,
                          "%s has %" PRId64 " boards and the plan shares %" PRId64
                          " of them. The device plugin shares all boards of a node alike: pods that ask for "
                          "whole boards there run on, and find none there when they restart.",
                          gw_act_node_name(a, s->node), boards, cut);
}

static int warn_of_mig(gw_act *a, const gw_act_setting *s, gw_error *e)
{
    const gw_node *node = node_at(a, s->node);
    const char *strategy = node ? gw_labels_get(&node->labels, "nvidia.com/mig.strategy") : NULL;
    if (!strategy || strcmp(strategy, "mixed") == 0)
        return 0;
    return gw_act_caution(a, e,
                          "%s has nvidia.com/mig.strategy=%s; the requests of this action are those of the "
                          "strategy mixed, where each profile is a resource of its own.",
                          gw_act_node_name(a, s->node), strategy);
}

int gw_act_find_settings(gw_act *a, gw_error *e)
{
    int rc = gw_act_settings_of(a, a->action, &a->settings, &a->n_settings, e);
    for (size_t i = 0; rc == 0 && i < a->n_settings; i++)
        rc = a->settings[i].mig ? warn_of_mig(a, &a->settings[i], e) : warn_of_sharing(a, &a->settings[i], e);
    return rc;
}
