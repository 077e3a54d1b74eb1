#include "price/match.h"

#include <strings.h>

#define KEY_MAX 320 /* a node name is at most 253 bytes; what is longer matches nothing by name */

/* The key of a chain: a letter for what it is, then the text; names and IDs in lower case, as OpenCost
 * compares them. Empty where the text is too long. */
static gw_str key_of(char kind, const char *text, char out[KEY_MAX])
{
    size_t n = strlen(text);
    if (n + 1 > KEY_MAX)
        return (gw_str){out, 0};
    out[0] = kind;
    for (size_t i = 0; i < n; i++)
        out[i + 1] = kind != 't' && text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
    return (gw_str){out, n + 1};
}

static uint32_t head(const price_index *x, char kind, const char *text)
{
    char space[KEY_MAX];
    gw_str key = text ? key_of(kind, text, space) : (gw_str){NULL, 0};
    return key.n ? gw_map_get(&x->heads, key) : GW_NONE;
}

static int push(price_index *x, char kind, const char *text, uint32_t row)
{
    char space[KEY_MAX];
    gw_str key = key_of(kind, text, space);
    if (key.n == 0)
        return 0;
    x->next[row] = gw_map_get(&x->heads, key);
    return gw_map_set(&x->heads, key, row);
}

static void chain(price_index *x, uint32_t *first, uint32_t row)
{
    x->next[row] = *first;
    *first = row;
}

static int index_row(price_index *x, uint32_t i)
{
    const gw_price *p = &x->list->rows[i];
    const price_note *n = &x->list->notes[i];
    if (n->added)
        chain(x, &x->added, i);
    else if (n->attached)
        chain(x, &x->attached, i);
    else if (n->node && !price_is_pattern(n->node))
        return push(x, 'n', n->node, i);
    else if (n->provider_id)
        return push(x, 'i', n->provider_id, i);
    else if (n->node || n->selector)
        chain(x, &x->rules, i);
    else if (p->instance_type)
        return push(x, 't', p->instance_type, i);
    else
        chain(x, &x->gpus, i);
    return 0;
}

int price_index_init(price_index *x, const gw_price_list *l, gw_error *e)
{
    *x = (price_index){.list = l, .rules = GW_NONE, .gpus = GW_NONE, .added = GW_NONE, .attached = GW_NONE};
    gw_map_init(&x->heads);
    x->next = gw_malloc(GW_MAX(l->n_rows, 1) * sizeof(*x->next));
    int r = x->next ? 0 : GW_ENOMEM;
    for (size_t i = 0; !r && i < l->n_rows; i++)
        r = index_row(x, (uint32_t)i);
    if (!r)
        return 0;
    price_index_free(x);
    return gw_fail_memory(e);
}

void price_index_free(price_index *x)
{
    gw_map_free(&x->heads);
    gw_free(x->next);
    x->next = NULL;
}

uint32_t price_type_rows(const price_index *x, const char *type)
{
    return head(x, 't', type);
}

static bool is_prepaid(const gw_node *n)
{
    const char *karpenter = gw_labels_get(&n->labels, "karpenter.k8s.aws/capacity-reservation-type");
    const char *eks = gw_labels_get(&n->labels, "eks.amazonaws.com/capacityType");
    return (karpenter && strcasecmp(karpenter, "capacity-block") == 0) ||
           (eks && strcasecmp(eks, "CAPACITY_BLOCK") == 0);
}

price_subject price_subject_of(const gw_price_list *l, const gw_node *n, const char *model)
{
    price_subject s = {.node = n, .type = n->instance_type, .region = n->region, .zone = n->zone};
    if (!s.region && l->o.default_region) {
        s.region = l->o.default_region;
        s.region_assumed = true;
    }
    s.capacity = n->capacity == GW_CAPACITY_UNKNOWN ? GW_CAPACITY_ON_DEMAND : n->capacity;
    s.prepaid = n->capacity == GW_CAPACITY_RESERVED && is_prepaid(n);
    s.instance = price_instance_of(l, s.type);
    /* the exporter's name says the memory, which a cloud's node label may leave out */
    const char *product = model ? model : n->gpu_product;
    const char *name = gw_gpu_sized(gw_gpu_canonical(product), n->gpu_memory_mib);
    if (!name && model && n->gpu_product)
        name = gw_gpu_sized(gw_gpu_canonical(n->gpu_product), n->gpu_memory_mib);
    if (s.instance && s.instance->gpu && (!product || (name && gw_gpu_is(s.instance->gpu, name))))
        name = s.instance->gpu;
    s.gpu = name ? name : product;
    return s;
}

/* OpenCost's files name AWS machines by the last part of the provider ID: i-0abc of aws:///us-east-1a/i-0abc.
 */
static const char *aws_machine(const gw_node *n)
{
    const char *slash =
        n->provider_id && gw_has_prefix(n->provider_id, "aws:") ? strrchr(n->provider_id, '/') : NULL;
    return slash ? slash + 1 : NULL;
}

static bool same_id(const char *id, const char *other)
{
    return other && strcasecmp(id, other) == 0;
}

static bool is_gpu(const char *have, const char *wanted)
{
    return have && (gw_gpu_is(have, wanted) || strcasecmp(have, wanted) == 0);
}

static bool applies(const price_subject *s, const gw_price *p, const price_note *n, const char *region,
                    gw_capacity capacity)
{
    const gw_node *node = s->node;
    bool by_type = p->instance_type != NULL;
    if (n->node && !price_matches(n->node, node->name))
        return false;
    if (n->provider_id && !same_id(n->provider_id, node->provider_id) &&
        !same_id(n->provider_id, aws_machine(node)))
        return false;
    if (n->selector && !gw_selector_matches(n->selector, &node->labels))
        return false;
    if (by_type && !gw_eq(p->instance_type, s->type))
        return false;
    if (p->provider != GW_PROVIDER_UNKNOWN && node->provider != GW_PROVIDER_UNKNOWN &&
        p->provider != node->provider)
        return false;
    if (p->region && !gw_eq(p->region, region))
        return false;
    if (p->capacity != GW_CAPACITY_UNKNOWN && p->capacity != capacity)
        return false;
    /* a type's GPU is what the table says of it; in a row without a type it is what the row is about */
    return by_type || !p->gpu || is_gpu(s->gpu, p->gpu);
}

static price_tier tier_of(const gw_price *p, const price_note *n)
{
    if (n->provider_id || (n->node && !price_is_pattern(n->node)))
        return PRICE_TIER_NAME;
    if (n->node)
        return PRICE_TIER_PATTERN;
    if (n->selector)
        return PRICE_TIER_SELECTOR;
    if (n->file == PRICE_CATALOGUE_FILE)
        return PRICE_TIER_CATALOGUE;
    return p->instance_type ? PRICE_TIER_TYPE : PRICE_TIER_GPU;
}

/* Region counts most, then capacity, then zone: the node's own before none, and another zone last. */
static int specific(const price_subject *s, const gw_price *p)
{
    int zone = !p->zone ? 1 : gw_eq(p->zone, s->zone) ? 2 : 0;
    return (p->region ? 8 : 0) + (p->capacity != GW_CAPACITY_UNKNOWN ? 4 : 0) + zone;
}

static bool better(const price_rank *a, const price_rank *b)
{
    if (a->tier != b->tier)
        return a->tier > b->tier;
    bool counts = a->tier == PRICE_TIER_TYPE || a->tier == PRICE_TIER_GPU || a->tier == PRICE_TIER_CATALOGUE;
    if (counts && a->specific != b->specific)
        return a->specific > b->specific;
    return a->order >= b->order;
}

static void try_chain(const price_index *x, const price_subject *s, uint32_t row, price_match *m)
{
    for (; row != GW_NONE; row = x->next[row]) {
        const gw_price *p = &x->list->rows[row];
        const price_note *n = &x->list->notes[row];
        if (!applies(s, p, n, m->region, m->capacity))
            continue;
        price_rank rank = {tier_of(p, n), specific(s, p), price_order(n->file, n->line)};
        if (better(&rank, &m->rank)) {
            m->rank = rank;
            m->row = row;
        }
    }
}

static void try_classes(const price_index *x, const price_subject *s, price_match *m)
{
    for (size_t i = 0; i < x->list->n_classes; i++) {
        const price_class *c = &x->list->classes[i];
        if ((c->node && !price_matches(c->node, s->node->name)) ||
            (c->selector && !gw_selector_matches(c->selector, &s->node->labels)))
            continue;
        price_tier tier = !c->node                    ? PRICE_TIER_SELECTOR
                          : price_is_pattern(c->node) ? PRICE_TIER_PATTERN
                                                      : PRICE_TIER_NAME;
        price_rank rank = {tier, 0, price_order(c->file, c->line)};
        if (better(&rank, &m->rank)) {
            m->rank = rank;
            m->class = c;
        }
    }
}

/* Spot prices differ by zone, and clouds name zones in two ways (us-east-1a, use1-az1): where the node's zone
 * is not in the list, the mean over the zones that are. */
static void take_mean(const price_index *x, price_match *m)
{
    const gw_price *best = &x->list->rows[m->row];
    const price_note *note = &x->list->notes[m->row];
    __int128 sum = 0;
    for (uint32_t row = price_type_rows(x, best->instance_type); row != GW_NONE; row = x->next[row]) {
        const gw_price *p = &x->list->rows[row];
        if (p->zone && x->list->notes[row].file == note->file && p->capacity == best->capacity &&
            p->provider == best->provider && gw_eq(p->region, best->region) && gw_micro_known(p->hourly)) {
            sum += p->hourly;
            m->zones++;
        }
    }
    if (m->zones)
        m->hourly = (gw_micro)(sum / m->zones);
}

bool price_search(const price_index *x, const price_subject *s, const char *region, gw_capacity capacity,
                  price_match *ret)
{
    price_match m = {.region = region, .capacity = capacity};
    try_chain(x, s, head(x, 'n', s->node->name), &m);
    try_chain(x, s, head(x, 'i', s->node->provider_id), &m);
    try_chain(x, s, head(x, 'i', aws_machine(s->node)), &m);
    try_chain(x, s, x->rules, &m);
    try_chain(x, s, price_type_rows(x, s->type), &m);
    try_chain(x, s, x->gpus, &m);
    try_classes(x, s, &m);
    /* a GPU class of OpenCost's comes on top of its node prices; alone it is a price by the GPU-hour */
    if (m.rank.tier <= PRICE_TIER_CATALOGUE && !m.class)
        try_chain(x, s, x->added, &m);
    if (m.rank.tier == PRICE_TIER_NONE)
        return false;
    if (!m.class) {
        const gw_price *p = &x->list->rows[m.row];
        m.hourly = p->hourly;
        if (p->zone && !gw_eq(p->zone, s->zone) && p->instance_type)
            take_mean(x, &m);
    }
    *ret = m;
    return true;
}

const gw_price *price_added(const price_index *x, const price_subject *s, uint32_t file)
{
    const gw_price *best = NULL;
    uint32_t line = 0;
    for (uint32_t row = x->added; row != GW_NONE; row = x->next[row]) {
        const gw_price *p = &x->list->rows[row];
        const price_note *n = &x->list->notes[row];
        if (n->file == file && n->line >= line && applies(s, p, n, s->region, s->capacity)) {
            best = p;
            line = n->line;
        }
    }
    return best;
}

gw_micro price_attached(const price_index *x, const price_subject *s, const price_match *m, int64_t gpus)
{
    gw_micro one = GW_MICRO_UNKNOWN;
    for (uint32_t row = x->attached; row != GW_NONE; row = x->next[row]) {
        const gw_price *p = &x->list->rows[row];
        const price_note *n = &x->list->notes[row];
        if (n->file != x->list->notes[m->row].file || !applies(s, p, n, m->region, m->capacity))
            continue;
        if (p->gpus == gpus)
            return p->hourly;
        if (p->gpus == 1)
            one = p->hourly;
    }
    return gw_micro_known(one) ? one * gpus : GW_MICRO_UNKNOWN;
}
