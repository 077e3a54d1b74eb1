/* Price files that are tables: ours, OpenCost's, SkyPilot's; and the table of instance types in the binary.
 */
#include <math.h>

#include "base/number.h"
#include "format/csv.h"
#include "price/list.h"

#define ABSENT SIZE_MAX

typedef struct reader {
    gw_price_list *l;
    gw_csv csv;
    uint32_t file;
    gw_error *e;
} reader;

/* The CSV reader speaks of corrupt bytes; in a price file that is a wrong configuration. */
static int next(reader *r)
{
    int found = gw_csv_next(&r->csv, r->e);
    if (found == GW_ECORRUPT && r->e)
        r->e->code = GW_ECONFIG;
    return found == GW_ECORRUPT ? GW_ECONFIG : found;
}

static int get_text(reader *r, size_t column, const char **ret)
{
    return price_text(r->l, gw_csv_get(&r->csv, column), ret) ? 0 : gw_fail_memory(r->e);
}

static int get_number(reader *r, size_t column, const char *what, double max, double *ret)
{
    gw_str s = gw_csv_get(&r->csv, column);
    double v;
    if (s.n == 0)
        return 0;
    if (!gw_parse_double(s, &v) || !isfinite(v) || v < 0)
        return gw_csv_fail(&r->csv, column, r->e, GW_ECONFIG, "%s is no number of 0 or more: \"%.*s\"", what,
                           (int)GW_MIN(s.n, 60), s.p);
    if (v > max)
        return gw_csv_fail(&r->csv, column, r->e, GW_ECONFIG, "%s is larger than %g, which cannot be meant",
                           what, max);
    *ret = v;
    return 0;
}

/* A price in USD; *ret is left alone where the field is empty. */
static int get_price(reader *r, size_t column, gw_micro *ret)
{
    gw_str s = gw_csv_get(&r->csv, column);
    gw_micro v;
    if (s.n && s.p[0] == '$')
        s = (gw_str){s.p + 1, s.n - 1};
    if (s.n == 0)
        return 0;
    double d;
    /* other tools write small prices as 1e-05 */
    if (!gw_micro_parse(s, &v)) {
        if (!gw_parse_double(s, &d) || !isfinite(d) || fabs(d) > 1e9)
            return gw_csv_fail(&r->csv, column, r->e, GW_ECONFIG, "no price in USD: \"%.*s\"",
                               (int)GW_MIN(s.n, 60), s.p);
        v = llround(d * 1e6);
    }
    if (v < 0 || v > PRICE_MAX_HOURLY)
        return gw_csv_fail(&r->csv, column, r->e, GW_ECONFIG,
                           "a price of %.*s USD an hour cannot be meant; it must be from 0 to 1000000",
                           (int)GW_MIN(s.n, 60), s.p);
    *ret = v;
    return 0;
}

static int get_count(reader *r, size_t column, const char *what, double scale, double max, int64_t *ret)
{
    double v = -1;
    int rc = get_number(r, column, what, max, &v);
    if (!rc && v >= 0)
        *ret = llround(v * scale);
    return rc;
}

static int get_gpu(reader *r, size_t column, const char **ret)
{
    gw_str s = gw_csv_get(&r->csv, column);
    if (s.n == 0)
        return 0;
    const char *text;
    int rc = get_text(r, column, &text);
    if (!rc)
        *ret = gw_gpu_canonical(text) ? gw_gpu_canonical(text) : text;
    return rc;
}

static int get_provider(reader *r, size_t column, gw_provider *ret)
{
    gw_str s = gw_csv_get(&r->csv, column);
    if (price_provider_parse(s, ret))
        return 0;
    return gw_csv_fail(&r->csv, column, r->e, GW_ECONFIG,
                       "no provider: \"%.*s\"; aws, azure, gcp, on-premises and other are",
                       (int)GW_MIN(s.n, 60), s.p);
}

static int get_capacity(reader *r, size_t column, gw_capacity *ret)
{
    gw_str s = gw_csv_get(&r->csv, column);
    if (price_capacity_parse(s, ret))
        return 0;
    return gw_csv_fail(&r->csv, column, r->e, GW_ECONFIG,
                       "no capacity type: \"%.*s\"; on-demand, spot, reserved and any are",
                       (int)GW_MIN(s.n, 60), s.p);
}

static int get_selector(reader *r, size_t column, const gw_selector **ret)
{
    gw_str s = gw_csv_get(&r->csv, column);
    if (s.n == 0)
        return 0;
    gw_selector *sel = GW_NEW(&r->l->arena, gw_selector);
    gw_error inner;
    if (!sel)
        return gw_fail_memory(r->e);
    int rc = gw_selector_parse(s, &r->l->arena, sel, &inner);
    if (rc == GW_ENOMEM)
        return gw_fail_memory(r->e);
    if (rc)
        return gw_csv_fail(&r->csv, column, r->e, GW_ECONFIG, "%s", inner.message);
    *ret = sel;
    return 0;
}

/* "file:line", for rows that name no source. */
static int get_source(reader *r, size_t column, const char **ret)
{
    if (gw_csv_get(&r->csv, column).n)
        return get_text(r, column, ret);
    char text[512];
    int n = snprintf(text, sizeof(text), "%s:%" PRIu32, r->l->file[r->file], r->csv.field[0].line);
    gw_str s = {text, (size_t)GW_MIN(n, (int)sizeof(text) - 1)};
    return price_text(r->l, s, ret) ? 0 : gw_fail_memory(r->e);
}

/* Ours ------------------------------------------------------------------------------------------------ */

enum {
    PROVIDER,
    TYPE,
    REGION,
    ZONE,
    CAPACITY,
    GPU,
    GPUS,
    GPU_MILLI,
    GPU_MEMORY,
    VCPUS,
    MEMORY,
    HOURLY,
    GPU_HOURLY,
    NODE,
    SELECTOR,
    DISCOUNT,
    SOURCE,
    AS_OF,
    N_COLUMNS
};

static const char *const our_columns[N_COLUMNS] = {
    "provider",       "instance_type", "region",         "zone",     "capacity",   "gpu",
    "gpus",           "gpu_milli",     "gpu_memory_gib", "vcpus",    "memory_gib", "hourly_usd",
    "gpu_hourly_usd", "node",          "selector",       "discount", "source",     "as_of"};

static int our_header(reader *r, size_t column[N_COLUMNS])
{
    for (size_t i = 0; i < N_COLUMNS; i++)
        column[i] = gw_csv_find(&r->csv, our_columns[i]);
    for (size_t f = 0; f < r->csv.n; f++) {
        gw_str name = gw_csv_get(&r->csv, f);
        bool known = false;
        for (size_t i = 0; i < N_COLUMNS && !known; i++)
            known = column[i] != ABSENT && gw_str_eq(gw_csv_get(&r->csv, column[i]), name);
        if (!known)
            return gw_csv_fail(&r->csv, f, r->e, GW_ECONFIG,
                               "no column is called \"%.*s\"; docs/guide/prices.md lists them",
                               (int)GW_MIN(name.n, 60), name.p);
        for (size_t i = 0; i < N_COLUMNS; i++)
            if (column[i] != ABSENT && column[i] != f && gw_str_eq(gw_csv_get(&r->csv, column[i]), name))
                return gw_csv_fail(&r->csv, f, r->e, GW_ECONFIG, "the column \"%.*s\" is there twice",
                                   (int)GW_MIN(name.n, 60), name.p);
    }
    return 0;
}

static int our_hardware(reader *r, const size_t c[N_COLUMNS], gw_price *p)
{
    int rc = get_gpu(r, c[GPU], &p->gpu);
    if (!rc)
        rc = get_count(r, c[GPUS], "the number of GPUs", 1, PRICE_MAX_GPUS, &p->gpus);
    if (!rc)
        rc = get_count(r, c[GPU_MILLI], "gpu_milli", 1, PRICE_MAX_GPUS * 1000.0, &p->gpu_milli);
    if (!rc)
        rc = get_count(r, c[GPU_MEMORY], "the GPU memory", 1024, 1e6, &p->gpu_memory_mib);
    if (!rc)
        rc = get_count(r, c[VCPUS], "the number of vCPUs", 1000, 1e6, &p->vcpu_milli);
    return rc ? rc : get_count(r, c[MEMORY], "the memory", 1024, 1e9, &p->memory_mib);
}

static int our_row(reader *r, const size_t c[N_COLUMNS])
{
    gw_price p = price_row_empty();
    price_note note = price_note_empty(r->file, r->csv.field[0].line);
    int rc;
    if ((rc = get_provider(r, c[PROVIDER], &p.provider)) || (rc = get_text(r, c[TYPE], &p.instance_type)) ||
        (rc = get_text(r, c[REGION], &p.region)) || (rc = get_text(r, c[ZONE], &p.zone)) ||
        (rc = get_capacity(r, c[CAPACITY], &p.capacity)) || (rc = our_hardware(r, c, &p)) ||
        (rc = get_price(r, c[HOURLY], &p.hourly)) || (rc = get_price(r, c[GPU_HOURLY], &p.gpu_hourly)) ||
        (rc = get_text(r, c[NODE], &note.node)) || (rc = get_selector(r, c[SELECTOR], &note.selector)) ||
        (rc = get_number(r, c[DISCOUNT], "the discount", 1, &note.discount)) ||
        (rc = get_source(r, c[SOURCE], &p.source)) || (rc = get_text(r, c[AS_OF], &p.as_of)))
        return rc;
    if (gw_micro_known(p.hourly) == gw_micro_known(p.gpu_hourly))
        return gw_csv_fail(
            &r->csv, 0, r->e, GW_ECONFIG,
            "a row needs a price: either hourly_usd (of the node) or gpu_hourly_usd (of one GPU)");
    if (!p.instance_type && !note.node && !note.selector && !p.gpu)
        return gw_csv_fail(&r->csv, 0, r->e, GW_ECONFIG,
                           "a row needs what it prices: instance_type, node, selector, or gpu");
    if (!p.instance_type && !note.node && !note.selector && !gw_micro_known(p.gpu_hourly))
        return gw_csv_fail(&r->csv, 0, r->e, GW_ECONFIG,
                           "a price for a GPU model is by the GPU-hour: use gpu_hourly_usd");
    return price_list_add_row(r->l, &p, &note, r->e);
}

static int read_ours(reader *r)
{
    size_t column[N_COLUMNS];
    int rc = our_header(r, column);
    if (rc)
        return rc;
    while ((rc = next(r)) > 0)
        if ((rc = our_row(r, column)))
            return rc;
    return rc;
}

/* OpenCost -------------------------------------------------------------------------------------------- */

/* A selector that asks for one label's value. */
static int one_label(reader *r, const char *name, gw_str value, const gw_selector **ret)
{
    gw_arena *a = &r->l->arena;
    gw_selector *s = GW_NEW(a, gw_selector);
    gw_requirement *q = GW_NEW(a, gw_requirement);
    const char **values = GW_NEW_ARRAY(a, const char *, 1);
    if (!s || !q || !values)
        return gw_fail_memory(r->e);
    *q = (gw_requirement){.how = GW_SELECTOR_IN, .values = values, .n_values = 1};
    if (!price_text(r->l, gw_str_of(name), &q->name) || !price_text(r->l, value, &values[0]))
        return gw_fail_memory(r->e);
    *s = (gw_selector){q, 1};
    *ret = s;
    return 0;
}

typedef struct opencost {
    size_t id, region, asset, field, type, price, end;
} opencost;

/*
 * What a row is about, as OpenCost reads it: InstanceIDField says where on the node InstanceID stands, and
 * without an InstanceID the row is about the instance type.
 * https://github.com/opencost/opencost, pkg/cloud/provider/csvprovider.go and configs/pricing_schema.csv
 */
static int opencost_subject(reader *r, const opencost *c, gw_price *p, price_note *note)
{
    const char *labels = "metadata.labels.";
    gw_str id = gw_csv_get(&r->csv, c->id);
    const char *field;
    int rc = get_text(r, c->field, &field);
    if (rc)
        return rc;
    if (id.n == 0) {
        rc = get_text(r, c->type, &p->instance_type);
        if (!rc && !p->instance_type)
            rc = gw_csv_fail(&r->csv, c->id, r->e, GW_ECONFIG, "neither InstanceID nor InstanceType");
        return rc;
    }
    if (!field || strcmp(field, "metadata.name") == 0)
        return get_text(r, c->id, &note->node);
    if (strcmp(field, "spec.providerID") == 0)
        return get_text(r, c->id, &note->provider_id);
    if (gw_has_prefix(field, labels))
        return one_label(r, field + strlen(labels), id, &note->selector);
    return gw_csv_fail(&r->csv, c->field, r->e, GW_ECONFIG,
                       "gpuwise cannot look at \"%s\" of a node; metadata.name, spec.providerID and "
                       "metadata.labels.NAME can be used",
                       field);
}

static int opencost_gpu(reader *r, const opencost *c, gw_price *p, price_note *note)
{
    const char *field;
    int rc = get_text(r, c->field, &field);
    p->gpu_hourly = p->hourly;
    p->hourly = GW_MICRO_UNKNOWN;
    note->added = true;
    if (rc)
        return rc;
    return field ? one_label(r, field, gw_csv_get(&r->csv, c->id), &note->selector)
                 : get_gpu(r, c->id, &p->gpu);
}

static int opencost_row(reader *r, const opencost *c)
{
    gw_price p = price_row_empty();
    price_note note = price_note_empty(r->file, r->csv.field[0].line);
    gw_str asset = gw_csv_get(&r->csv, c->asset);
    int rc;
    if (gw_str_is(asset, "pv"))
        return 0; /* volumes are no part of what gpuwise prices */
    if (!gw_str_is(asset, "node") && !gw_str_is(asset, "gpu"))
        return gw_csv_fail(&r->csv, c->asset, r->e, GW_ECONFIG,
                           "no AssetClass: \"%.*s\"; node, gpu and pv are", (int)GW_MIN(asset.n, 60),
                           asset.p);
    gw_str end = gw_csv_get(&r->csv, c->end);
    if (end.n > 10)
        end.n = 10; /* the date of a date and time */
    if ((rc = get_price(r, c->price, &p.hourly)) || (rc = get_text(r, c->region, &p.region)) ||
        (rc = get_source(r, ABSENT, &p.source)))
        return rc;
    if (!price_text(r->l, end, &p.as_of))
        return gw_fail_memory(r->e);
    if (!gw_micro_known(p.hourly))
        return gw_csv_fail(&r->csv, c->price, r->e, GW_ECONFIG, "the price is missing");
    rc = gw_str_is(asset, "gpu") ? opencost_gpu(r, c, &p, &note) : opencost_subject(r, c, &p, &note);
    return rc ? rc : price_list_add_row(r->l, &p, &note, r->e);
}

static int read_opencost(reader *r)
{
    const opencost c = {gw_csv_find(&r->csv, "InstanceID"),   gw_csv_find(&r->csv, "Region"),
                        gw_csv_find(&r->csv, "AssetClass"),   gw_csv_find(&r->csv, "InstanceIDField"),
                        gw_csv_find(&r->csv, "InstanceType"), gw_csv_find(&r->csv, "MarketPriceHourly"),
                        gw_csv_find(&r->csv, "EndTimestamp")};
    int rc;
    while ((rc = next(r)) > 0)
        if ((rc = opencost_row(r, &c)))
            return rc;
    return rc;
}

/* SkyPilot -------------------------------------------------------------------------------------------- */

typedef struct skypilot {
    size_t type, gpu, gpus, vcpus, memory, price, spot, region, zone;
} skypilot;

/* SkyPilot's bare "A100" and "V100" are the smaller boards: the larger have their size in the name.
 * https://docs.skypilot.co, `sky show-gpus` */
static const char *skypilot_gpu(const char *name)
{
    if (name && strcmp(name, "A100") == 0)
        return "A100-40GB";
    return name && strcmp(name, "V100") == 0 ? "V100-16GB" : name;
}

/* On-demand and spot price of a row; a price of 0 or an empty one is not sold. */
static int skypilot_prices(reader *r, const skypilot *c, gw_price *p, const price_note *note)
{
    const struct {
        size_t column;
        gw_capacity capacity;
    } kind[] = {{c->price, GW_CAPACITY_ON_DEMAND}, {c->spot, GW_CAPACITY_SPOT}};
    for (size_t i = 0; i < GW_COUNT(kind); i++) {
        p->hourly = GW_MICRO_UNKNOWN;
        p->capacity = kind[i].capacity;
        int rc = get_price(r, kind[i].column, &p->hourly);
        if (rc)
            return rc;
        if (!gw_micro_known(p->hourly) || p->hourly == 0)
            continue;
        if ((rc = price_list_add_row(r->l, p, note, r->e)))
            return rc;
    }
    return 0;
}

/*
 * Rows with a GPU, rows of accelerators without a host (Google attaches them to n1 machines, and the
 * catalogue lists them with an empty InstanceType), and those n1 machines.
 */
static int skypilot_row(reader *r, const skypilot *c)
{
    gw_price p = price_row_empty();
    price_note note = price_note_empty(r->file, r->csv.field[0].line);
    double boards = 0;
    int rc;
    if ((rc = get_text(r, c->type, &p.instance_type)) || (rc = get_gpu(r, c->gpu, &p.gpu)) ||
        (rc = get_number(r, c->gpus, "AcceleratorCount", PRICE_MAX_GPUS, &boards)))
        return rc;
    bool host = p.instance_type && gw_has_prefix(p.instance_type, "n1-") && boards == 0;
    p.gpu = skypilot_gpu(p.gpu);
    if (!host && (boards == 0 || !p.gpu || gw_has_prefix(p.gpu, "tpu") || !gw_gpu_canonical(p.gpu)))
        return 0; /* no GPU: not for us */
    note.attached = !p.instance_type;
    p.gpu_milli = llround(boards * 1000);
    p.gpus = boards > 0 && boards < 1 ? 1 : llround(boards);
    if (host)
        p.gpu = NULL;
    if ((rc = get_count(r, c->vcpus, "vCPUs", 1000, 1e6, &p.vcpu_milli)) ||
        (rc = get_count(r, c->memory, "MemoryGiB", 1024, 1e9, &p.memory_mib)) ||
        (rc = get_text(r, c->region, &p.region)) || (rc = get_text(r, c->zone, &p.zone)) ||
        (rc = get_source(r, ABSENT, &p.source)))
        return rc;
    return skypilot_prices(r, c, &p, &note);
}

static int read_skypilot(reader *r)
{
    const skypilot c = {gw_csv_find(&r->csv, "InstanceType"),     gw_csv_find(&r->csv, "AcceleratorName"),
                        gw_csv_find(&r->csv, "AcceleratorCount"), gw_csv_find(&r->csv, "vCPUs"),
                        gw_csv_find(&r->csv, "MemoryGiB"),        gw_csv_find(&r->csv, "Price"),
                        gw_csv_find(&r->csv, "SpotPrice"),        gw_csv_find(&r->csv, "Region"),
                        gw_csv_find(&r->csv, "AvailabilityZone")};
    int rc;
    while ((rc = next(r)) > 0)
        if ((rc = skypilot_row(r, &c)))
            return rc;
    return rc;
}

static bool has(const reader *r, const char *name)
{
    return gw_csv_find(&r->csv, name) != ABSENT;
}

static int read_by_header(reader *r)
{
    int rc = next(r);
    if (rc < 0)
        return rc;
    if (has(r, "MarketPriceHourly") && has(r, "AssetClass") && has(r, "InstanceID"))
        return read_opencost(r);
    if (has(r, "InstanceType") && has(r, "AcceleratorName") && has(r, "Price"))
        return read_skypilot(r);
    if (has(r, "hourly_usd") || has(r, "gpu_hourly_usd"))
        return read_ours(r);
    return gw_csv_fail(&r->csv, 0, r->e, GW_ECONFIG,
                       "no header of a price file: gpuwise knows its own CSV (with a column hourly_usd or "
                       "gpu_hourly_usd), OpenCost's, SkyPilot's, and YAML; docs/guide/prices.md");
}

static int with_reader(gw_price_list *l, uint32_t file, const char *name, gw_str text, gw_error *e,
                       int (*read)(reader *r))
{
    reader *r = gw_calloc(1, sizeof(*r)); /* too large for a careful stack */
    if (!r)
        return gw_fail_memory(e);
    *r = (reader){.l = l, .file = file, .e = e};
    gw_csv_init(&r->csv, name, text);
    r->csv.comments = true;
    int rc = read(r);
    gw_csv_free(&r->csv);
    gw_free(r);
    return rc;
}

int price_read_csv(gw_price_list *l, uint32_t file, gw_str text, gw_error *e)
{
    return with_reader(l, file, l->file[file], text, e, read_by_header);
}

/* Instances ------------------------------------------------------------------------------------------- */

static int instance_row(reader *r, const size_t c[8])
{
    gw_price_list *l = r->l;
    price_instance i = {.gpus = GW_UNKNOWN_COUNT,
                        .gpu_milli = GW_UNKNOWN_COUNT,
                        .gpu_memory_mib = GW_UNKNOWN_COUNT,
                        .vcpu_milli = GW_UNKNOWN_COUNT,
                        .memory_mib = GW_UNKNOWN_COUNT};
    int rc;
    if ((rc = get_provider(r, c[0], &i.provider)) || (rc = get_text(r, c[1], &i.type)) ||
        (rc = get_gpu(r, c[2], &i.gpu)) || (rc = get_count(r, c[3], "gpus", 1, PRICE_MAX_GPUS, &i.gpus)) ||
        (rc = get_count(r, c[4], "gpu_milli", 1, 1e6, &i.gpu_milli)) ||
        (rc = get_count(r, c[5], "vcpus", 1000, 1e6, &i.vcpu_milli)) ||
        (rc = get_count(r, c[6], "memory_gib", 1024, 1e9, &i.memory_mib)) ||
        (rc = get_count(r, c[7], "gpu_memory_gib", 1024, 1e6, &i.gpu_memory_mib)))
        return rc;
    void *p = l->instances;
    if (!i.type || gw_grow(&p, &l->cap_instances, l->n_instances + 1, sizeof(i), PRICE_MAX_RULES))
        return gw_fail_memory(r->e);
    l->instances = p;
    if (gw_map_set(&l->by_type, gw_str_of(i.type), (uint32_t)l->n_instances))
        return gw_fail_memory(r->e);
    l->instances[l->n_instances++] = i;
    return 0;
}

static int read_instances(reader *r)
{
    static const char *const names[8] = {"provider",  "instance_type", "gpu",        "gpus",
                                         "gpu_milli", "vcpus",         "memory_gib", "gpu_memory_gib"};
    size_t column[8];
    int rc = next(r);
    for (size_t i = 0; i < GW_COUNT(names); i++)
        column[i] = gw_csv_find(&r->csv, names[i]);
    while (rc >= 0 && (rc = next(r)) > 0)
        if ((rc = instance_row(r, column)))
            return rc;
    return rc;
}

int price_read_instances(gw_price_list *l, gw_str text, gw_error *e)
{
    return with_reader(l, PRICE_CATALOGUE_FILE, "instances.csv", text, e, read_instances);
}
