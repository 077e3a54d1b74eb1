/* Our YAML price file; docs/guide/prices.md describes every key. A key that is not known is an error: a
 * misspelt discount must not be silently none. */
#include <math.h>

#include "format/yaml.h"
#include "price/list.h"

typedef struct reader {
    gw_price_list *l;
    uint32_t file;
    gw_error *e;
    const char *source, *as_of; /* of the whole file; NULL */
} reader;

static int keep(reader *r, const char *text, const char **ret)
{
    return price_text(r->l, gw_str_of(text), ret) ? 0 : gw_fail_memory(r->e);
}

/* Text of a field, kept in the list's pool. Numbers count as text: an as_of of 2026 is one. */
static int get_text(reader *r, const gw_yaml *map, const char *key, const char **ret)
{
    const char *text = NULL;
    int rc = gw_yaml_read_scalar(map, key, &text, r->e);
    return rc || !text ? rc : keep(r, text, ret);
}

static int get_number(reader *r, const gw_yaml *map, const char *key, double min, double max, double *ret)
{
    double v = NAN;
    int rc = gw_yaml_read_double(map, key, &v, r->e);
    if (rc || isnan(v))
        return rc;
    if (v < min || v > max)
        return gw_yaml_fail(gw_yaml_get(map, key), r->e, GW_ECONFIG, "%s must be from %g to %g", key, min,
                            max);
    *ret = v;
    return 0;
}

/* A share, 0..1, also written as "15%". */
static int get_share(reader *r, const gw_yaml *map, const char *key, double *ret)
{
    const char *text = NULL;
    int rc = gw_yaml_read_scalar(map, key, &text, r->e);
    if (rc || !text)
        return rc;
    gw_micro v;
    gw_str s = gw_str_of(text);
    bool percent = s.n && s.p[s.n - 1] == '%';
    if (percent)
        s.n--;
    if (!gw_micro_parse(s, &v) || v < 0 || v > (percent ? 100 : 1) * GW_USD)
        return gw_yaml_fail(gw_yaml_get(map, key), r->e, GW_ECONFIG,
                            "%s must be a share from 0 to 1, or a percentage like 15%%", key);
    *ret = (double)v / (percent ? 1e8 : 1e6);
    return 0;
}

/* A price in USD an hour, exact to the micro-dollar. */
static int get_price(reader *r, const gw_yaml *map, const char *key, gw_micro *ret)
{
    const char *text = NULL;
    int rc = gw_yaml_read_scalar(map, key, &text, r->e);
    if (rc || !text)
        return rc;
    gw_micro v;
    if (!gw_micro_parse(gw_str_of(text), &v) || v < 0 || v > PRICE_MAX_HOURLY)
        return gw_yaml_fail(gw_yaml_get(map, key), r->e, GW_ECONFIG,
                            "%s must be a price in USD an hour from 0 to 1000000, like 3.25", key);
    *ret = v;
    return 0;
}

static int get_provider(reader *r, const gw_yaml *map, gw_provider *ret)
{
    const char *text = "";
    int rc = gw_yaml_read_text(map, "provider", &text, r->e);
    if (!rc && !price_provider_parse(gw_str_of(text), ret))
        rc = gw_yaml_fail(gw_yaml_get(map, "provider"), r->e, GW_ECONFIG,
                          "no provider; aws, azure, gcp, on-premises and other are");
    return rc;
}

static int get_capacity(reader *r, const gw_yaml *map, gw_capacity *ret)
{
    const char *text = "";
    int rc = gw_yaml_read_text(map, "capacity", &text, r->e);
    if (!rc && !price_capacity_parse(gw_str_of(text), ret))
        rc = gw_yaml_fail(gw_yaml_get(map, "capacity"), r->e, GW_ECONFIG,
                          "no capacity type; on-demand, spot, reserved and any are");
    return rc;
}

static int get_selector(reader *r, const gw_yaml *map, const gw_selector **ret)
{
    const char *text = NULL;
    int rc = gw_yaml_read_text(map, "selector", &text, r->e);
    if (rc || !text || !*text)
        return rc;
    gw_selector *s = GW_NEW(&r->l->arena, gw_selector);
    gw_error inner;
    if (!s)
        return gw_fail_memory(r->e);
    rc = gw_selector_parse(gw_str_of(text), &r->l->arena, s, &inner);
    if (rc == GW_ENOMEM)
        return gw_fail_memory(r->e);
    if (rc)
        return gw_yaml_fail(gw_yaml_get(map, "selector"), r->e, GW_ECONFIG, "%s", inner.message);
    *ret = s;
    return 0;
}

static int get_gpu(reader *r, const gw_yaml *map, const char **ret)
{
    const char *text = NULL;
    int rc = get_text(r, map, "gpu", &text);
    if (!rc && text)
        *ret = gw_gpu_canonical(text) ? gw_gpu_canonical(text) : text;
    return rc;
}

static int get_source(reader *r, const gw_yaml *map, const char **ret)
{
    *ret = r->source;
    int rc = get_text(r, map, "source", ret);
    if (rc || *ret)
        return rc;
    char text[512];
    snprintf(text, sizeof(text), "%s:%" PRIu32, r->l->file[r->file], map->line);
    return keep(r, text, ret);
}

/* Calls item() for each map of a list; the key may be absent. */
static int each(reader *r, const gw_yaml *root, const char *key, int (*item)(reader *r, const gw_yaml *y))
{
    const gw_yaml *list = NULL;
    int rc = gw_yaml_read_list(root, key, &list, r->e);
    for (uint32_t i = 0; !rc && list && i < list->n; i++) {
        rc = gw_yaml_expect(list->items[i], GW_YAML_MAP, r->e);
        if (!rc)
            rc = item(r, list->items[i]);
    }
    return rc;
}

static int read_price(reader *r, const gw_yaml *y)
{
    static const char *const keys[] = {
        "provider",       "instance_type", "region",   "zone",     "capacity", "gpu",   "gpus", "hourly_usd",
        "gpu_hourly_usd", "node",          "selector", "discount", "source",   "as_of", NULL};
    gw_price p = price_row_empty();
    price_note note = price_note_empty(r->file, y->line);
    double gpus = -1;
    int rc;
    p.as_of = r->as_of;
    if ((rc = gw_yaml_expect_keys(y, keys, r->e)) || (rc = get_provider(r, y, &p.provider)) ||
        (rc = get_text(r, y, "instance_type", &p.instance_type)) ||
        (rc = get_text(r, y, "region", &p.region)) || (rc = get_text(r, y, "zone", &p.zone)) ||
        (rc = get_capacity(r, y, &p.capacity)) || (rc = get_gpu(r, y, &p.gpu)) ||
        (rc = get_number(r, y, "gpus", 0, PRICE_MAX_GPUS, &gpus)) ||
        (rc = get_price(r, y, "hourly_usd", &p.hourly)) ||
        (rc = get_price(r, y, "gpu_hourly_usd", &p.gpu_hourly)) ||
        (rc = get_text(r, y, "node", &note.node)) || (rc = get_selector(r, y, &note.selector)) ||
        (rc = get_share(r, y, "discount", &note.discount)) || (rc = get_source(r, y, &p.source)) ||
        (rc = get_text(r, y, "as_of", &p.as_of)))
        return rc;
    p.gpus = gpus < 0 ? GW_UNKNOWN_COUNT : llround(gpus);
    if (gw_micro_known(p.hourly) == gw_micro_known(p.gpu_hourly))
        return gw_yaml_fail(y, r->e, GW_ECONFIG,
                            "needs a price: either hourly_usd (of the node) or gpu_hourly_usd (of one GPU)");
    if (!p.instance_type && !note.node && !note.selector && !p.gpu)
        return gw_yaml_fail(y, r->e, GW_ECONFIG,
                            "needs what it prices: instance_type, node, selector, or gpu");
    if (!p.instance_type && !note.node && !note.selector && !gw_micro_known(p.gpu_hourly))
        return gw_yaml_fail(y, r->e, GW_ECONFIG,
                            "a price for a GPU model is by the GPU-hour: use gpu_hourly_usd");
    return price_list_add_row(r->l, &p, &note, r->e);
}

static int add(reader *r, void **array, size_t *cap, size_t *n, size_t size, const void *item)
{
    int rc = gw_grow(array, cap, *n + 1, size, PRICE_MAX_RULES);
    if (rc == GW_ELIMIT)
        return gw_fail(r->e, rc, "%s: more than %d entries in one list", r->l->file[r->file],
                       PRICE_MAX_RULES);
    if (rc)
        return gw_fail_memory(r->e);
    memcpy((char *)*array + *n * size, item, size);
    ++*n;
    return 0;
}

static int get_discount(reader *r, const gw_yaml *y, price_discount *d)
{
    static const char *const keys[] = {
        "provider", "instance_type", "instance_family", "region", "capacity", "discount", NULL};
    int rc;
    *d = (price_discount){.file = r->file, .line = y->line, .discount = -1};
    if ((rc = gw_yaml_expect_keys(y, keys, r->e)) || (rc = get_provider(r, y, &d->provider)) ||
        (rc = get_capacity(r, y, &d->capacity)) || (rc = get_text(r, y, "instance_type", &d->type)) ||
        (rc = get_text(r, y, "instance_family", &d->family)) || (rc = get_text(r, y, "region", &d->region)) ||
        (rc = get_share(r, y, "discount", &d->discount)))
        return rc;
    return d->discount < 0 ? gw_yaml_fail(y, r->e, GW_ECONFIG, "discount is missing: a share like 0.15") : 0;
}

static int read_discount(reader *r, const gw_yaml *y)
{
    price_discount d;
    int rc = get_discount(r, y, &d);
    if (rc)
        return rc;
    void *p = r->l->discounts;
    rc = add(r, &p, &r->l->cap_discounts, &r->l->n_discounts, sizeof(d), &d);
    r->l->discounts = p;
    return rc;
}

static int read_spot(reader *r, const gw_yaml *y)
{
    price_discount d;
    int rc = get_discount(r, y, &d);
    if (rc)
        return rc;
    if (d.capacity != GW_CAPACITY_UNKNOWN)
        return gw_yaml_fail(y, r->e, GW_ECONFIG, "capacity means nothing under spot: it is spot");
    void *p = r->l->spots;
    rc = add(r, &p, &r->l->cap_spots, &r->l->n_spots, sizeof(d), &d);
    r->l->spots = p;
    return rc;
}

static int read_power(reader *r, const gw_yaml *y, price_class *c)
{
    static const char *const keys[] = {"usd_per_kwh", "pue", "rated_watts", "base_watts", "measured", NULL};
    const gw_yaml *power = NULL;
    int rc = gw_yaml_read_map(y, "power", &power, r->e);
    if (rc || !power)
        return rc;
    c->has_power = true;
    c->per_kwh = -1;
    if ((rc = gw_yaml_expect_keys(power, keys, r->e)) ||
        (rc = get_number(r, power, "usd_per_kwh", 0, 100, &c->per_kwh)) ||
        (rc = get_number(r, power, "pue", 1, 10, &c->pue)) ||
        (rc = get_number(r, power, "rated_watts", 0, 1e6, &c->rated_watts)) ||
        (rc = get_number(r, power, "base_watts", 0, 1e6, &c->base_watts)) ||
        (rc = gw_yaml_read_bool(power, "measured", &c->measured, r->e)))
        return rc;
    return c->per_kwh < 0 ? gw_yaml_fail(power, r->e, GW_ECONFIG, "usd_per_kwh is missing") : 0;
}

static int read_class(reader *r, const gw_yaml *y)
{
    static const char *const keys[] = {"name",  "node",  "selector",           "capital_usd", "residual_usd",
                                       "years", "power", "other_usd_per_year", NULL};
    price_class c = {.file = r->file,
                     .line = y->line,
                     .capital = -1,
                     .years = -1,
                     .pue = 1,
                     .rated_watts = -1,
                     .measured = true};
    int rc;
    if ((rc = gw_yaml_expect_keys(y, keys, r->e)) || (rc = get_text(r, y, "name", &c.name)) ||
        (rc = get_text(r, y, "node", &c.node)) || (rc = get_selector(r, y, &c.selector)) ||
        (rc = get_number(r, y, "capital_usd", 0, 1e9, &c.capital)) ||
        (rc = get_number(r, y, "residual_usd", 0, 1e9, &c.residual)) ||
        (rc = get_number(r, y, "years", 0.1, 100, &c.years)) ||
        (rc = get_number(r, y, "other_usd_per_year", 0, 1e9, &c.other_per_year)) ||
        (rc = read_power(r, y, &c)))
        return rc;
    if (!c.name)
        c.name = "on-premises";
    if (!c.node && !c.selector)
        return gw_yaml_fail(y, r->e, GW_ECONFIG,
                            "says of no node: give a selector (labels) or node (a name "
                            "or pattern)");
    if (c.capital < 0 || c.years < 0)
        return gw_yaml_fail(y, r->e, GW_ECONFIG, "capital_usd and years are needed (0 is a capital, too)");
    if (c.residual > c.capital)
        return gw_yaml_fail(gw_yaml_get(y, "residual_usd"), r->e, GW_ECONFIG,
                            "residual_usd is larger than capital_usd");
    void *p = r->l->classes;
    rc = add(r, &p, &r->l->cap_classes, &r->l->n_classes, sizeof(c), &c);
    r->l->classes = p;
    return rc;
}

static int read_control_plane(reader *r, const gw_yaml *root)
{
    static const char *const keys[] = {"aws", "azure", "gcp", NULL};
    static const gw_provider providers[] = {GW_PROVIDER_AWS, GW_PROVIDER_AZURE, GW_PROVIDER_GCP};
    const gw_yaml *fees = NULL;
    int rc = gw_yaml_read_map(root, "control_plane_hourly_usd", &fees, r->e);
    if (rc || !fees)
        return rc;
    rc = gw_yaml_expect_keys(fees, keys, r->e);
    for (size_t i = 0; !rc && i < GW_COUNT(providers); i++) {
        gw_provider p = providers[i];
        if (!gw_yaml_get(fees, keys[i]))
            continue;
        rc = get_price(r, fees, keys[i], &r->l->control_plane[p]);
        if (!rc)
            rc = get_source(r, fees, &r->l->control_plane_source[p]);
    }
    return rc;
}

static int read_ratio(reader *r, const gw_yaml *root)
{
    static const char *const keys[] = {"gpu_usd_per_hour", "cpu_usd_per_hour", "ram_usd_per_gib_hour", NULL};
    const gw_yaml *ratio = NULL;
    int rc = gw_yaml_read_map(root, "split", &ratio, r->e);
    if (rc || !ratio)
        return rc;
    if ((rc = gw_yaml_expect_keys(ratio, keys, r->e)) ||
        (rc = get_number(r, ratio, keys[0], 1e-6, 1e6, &r->l->ratio.gpu)) ||
        (rc = get_number(r, ratio, keys[1], 1e-6, 1e6, &r->l->ratio.cpu)))
        return rc;
    return get_number(r, ratio, keys[2], 1e-6, 1e6, &r->l->ratio.ram);
}

static int read_regions(reader *r, const gw_yaml *root)
{
    const gw_yaml *map = NULL;
    int rc = gw_yaml_read_map(root, "regions", &map, r->e);
    for (uint32_t i = 0; !rc && map && i < map->n; i++) {
        const gw_yaml *y = map->items[i];
        const char *like = NULL;
        price_region region = {.file = r->file, .line = y->line};
        if ((rc = gw_yaml_text(y, &like, r->e)) || (rc = keep(r, y->key, &region.region)) ||
            (rc = keep(r, like, &region.like)))
            return rc;
        if (!region.region || !region.like)
            return gw_yaml_fail(y, r->e, GW_ECONFIG,
                                "a region is written as REGION: REGION-WHOSE-PRICES-HOLD");
        void *p = r->l->regions;
        rc = add(r, &p, &r->l->cap_regions, &r->l->n_regions, sizeof(region), &region);
        r->l->regions = p;
    }
    return rc;
}

static int read_root(reader *r, const gw_yaml *root)
{
    static const char *const keys[] = {"apiVersion", "kind",        "currency",  "source",
                                       "as_of",      "prices",      "discounts", "spot",
                                       "regions",    "on_premises", "split",     "control_plane_hourly_usd",
                                       NULL};
    const char *currency = "USD", *kind = "Prices";
    int rc;
    if ((rc = gw_yaml_expect(root, GW_YAML_MAP, r->e)) || (rc = gw_yaml_expect_keys(root, keys, r->e)) ||
        (rc = gw_yaml_read_text(root, "currency", &currency, r->e)) ||
        (rc = gw_yaml_read_text(root, "kind", &kind, r->e)) ||
        (rc = get_text(r, root, "source", &r->source)) || (rc = get_text(r, root, "as_of", &r->as_of)))
        return rc;
    if (strcmp(currency, "USD") != 0)
        return gw_yaml_fail(gw_yaml_get(root, "currency"), r->e, GW_ECONFIG,
                            "only USD: convert the prices, so that every sum means one currency");
    if (strcmp(kind, "Prices") != 0)
        return gw_yaml_fail(gw_yaml_get(root, "kind"), r->e, GW_ECONFIG, "kind must be Prices");
    if ((rc = each(r, root, "prices", read_price)) || (rc = each(r, root, "discounts", read_discount)) ||
        (rc = each(r, root, "spot", read_spot)) || (rc = each(r, root, "on_premises", read_class)) ||
        (rc = read_regions(r, root)) || (rc = read_control_plane(r, root)))
        return rc;
    return read_ratio(r, root);
}

int price_read_yaml(gw_price_list *l, uint32_t file, gw_str text, gw_error *e)
{
    reader r = {.l = l, .file = file, .e = e};
    gw_arena tree;
    const gw_yaml *root;
    gw_arena_init(&tree, 0);
    int rc = gw_yaml_parse(&tree, l->file[file], text, &root, e);
    if (!rc)
        rc = read_root(&r, root);
    gw_arena_free(&tree);
    return rc;
}
