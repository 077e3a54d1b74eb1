/* Price files that are tables: ours here, others by their headers; and the table of instance types in the
 * binary. */
#include "price/fields.h"

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

static int our_header(field_reader *r, size_t column[N_COLUMNS])
{
    for (size_t i = 0; i < N_COLUMNS; i++)
        column[i] = gw_csv_find(&r->csv, our_columns[i]);
    for (size_t f = 0; f < r->csv.n; f++) {
        gw_str name = gw_csv_get(&r->csv, f);
        bool known = false;
        for (size_t i = 0; i < N_COLUMNS && !known; i++)
            known = column[i] != FIELD_ABSENT && gw_str_eq(gw_csv_get(&r->csv, column[i]), name);
        if (!known)
            return gw_csv_fail(&r->csv, f, r->e, GW_ECONFIG,
                               "no column is called \"%.*s\"; docs/guide/prices.md lists them",
                               (int)GW_MIN(name.n, 60), name.p);
        for (size_t i = 0; i < N_COLUMNS; i++)
            if (column[i] != FIELD_ABSENT && column[i] != f &&
                gw_str_eq(gw_csv_get(&r->csv, column[i]), name))
                return gw_csv_fail(&r->csv, f, r->e, GW_ECONFIG, "the column \"%.*s\" is there twice",
                                   (int)GW_MIN(name.n, 60), name.p);
    }
    return 0;
}

static int our_hardware(field_reader *r, const size_t c[N_COLUMNS], gw_price *p)
{
    int rc = field_gpu(r, c[GPU], &p->gpu);
    if (!rc)
        rc = field_count(r, c[GPUS], "the number of GPUs", 1, PRICE_MAX_GPUS, &p->gpus);
    if (!rc)
        rc = field_count(r, c[GPU_MILLI], "gpu_milli", 1, PRICE_MAX_GPUS * 1000.0, &p->gpu_milli);
    if (!rc)
        rc = field_count(r, c[GPU_MEMORY], "the GPU memory", 1024, 1e6, &p->gpu_memory_mib);
    if (!rc)
        rc = field_count(r, c[VCPUS], "the number of vCPUs", 1000, 1e6, &p->vcpu_milli);
    return rc ? rc : field_count(r, c[MEMORY], "the memory", 1024, 1e9, &p->memory_mib);
}

static int our_row(field_reader *r, const size_t c[N_COLUMNS])
{
    gw_price p = price_row_empty();
    price_note note = price_note_empty(r->file, r->csv.field[0].line);
    int rc;
    if ((rc = field_provider(r, c[PROVIDER], &p.provider)) ||
        (rc = field_text(r, c[TYPE], &p.instance_type)) || (rc = field_text(r, c[REGION], &p.region)) ||
        (rc = field_text(r, c[ZONE], &p.zone)) || (rc = field_capacity(r, c[CAPACITY], &p.capacity)) ||
        (rc = our_hardware(r, c, &p)) || (rc = field_price(r, c[HOURLY], &p.hourly)) ||
        (rc = field_price(r, c[GPU_HOURLY], &p.gpu_hourly)) || (rc = field_text(r, c[NODE], &note.node)) ||
        (rc = field_selector(r, c[SELECTOR], &note.selector)) ||
        (rc = field_number(r, c[DISCOUNT], "the discount", 1, &note.discount)) ||
        (rc = field_source(r, c[SOURCE], &p.source)) || (rc = field_text(r, c[AS_OF], &p.as_of)))
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

static int read_ours(field_reader *r)
{
    size_t column[N_COLUMNS];
    int rc = our_header(r, column);
    if (rc)
        return rc;
    while ((rc = field_next(r)) > 0)
        if ((rc = our_row(r, column)))
            return rc;
    return rc;
}

static bool has(const field_reader *r, const char *name)
{
    return gw_csv_find(&r->csv, name) != FIELD_ABSENT;
}

static int read_by_header(field_reader *r)
{
    int rc = field_next(r);
    if (rc < 0)
        return rc;
    if (has(r, "MarketPriceHourly") && has(r, "AssetClass") && has(r, "InstanceID"))
        return price_read_opencost(r);
    if (has(r, "InstanceType") && has(r, "AcceleratorName") && has(r, "Price"))
        return price_read_skypilot(r);
    if (has(r, "hourly_usd") || has(r, "gpu_hourly_usd"))
        return read_ours(r);
    return gw_csv_fail(&r->csv, 0, r->e, GW_ECONFIG,
                       "no header of a price file: gpuwise knows its own CSV (with a column hourly_usd or "
                       "gpu_hourly_usd), OpenCost's, SkyPilot's, and YAML; docs/guide/prices.md");
}

static int with_reader(gw_price_list *l, uint32_t file, const char *name, gw_str text, gw_error *e,
                       int (*read)(field_reader *r))
{
    field_reader *r = gw_calloc(1, sizeof(*r)); /* too large for a careful stack */
    if (!r)
        return gw_fail_memory(e);
    *r = (field_reader){.l = l, .file = file, .e = e};
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

static int instance_row(field_reader *r, const size_t c[8])
{
    gw_price_list *l = r->l;
    price_instance i = {.gpus = GW_UNKNOWN_COUNT,
                        .gpu_milli = GW_UNKNOWN_COUNT,
                        .gpu_memory_mib = GW_UNKNOWN_COUNT,
                        .vcpu_milli = GW_UNKNOWN_COUNT,
                        .memory_mib = GW_UNKNOWN_COUNT};
    int rc;
    if ((rc = field_provider(r, c[0], &i.provider)) || (rc = field_text(r, c[1], &i.type)) ||
        (rc = field_gpu(r, c[2], &i.gpu)) ||
        (rc = field_count(r, c[3], "gpus", 1, PRICE_MAX_GPUS, &i.gpus)) ||
        (rc = field_count(r, c[4], "gpu_milli", 1, 1e6, &i.gpu_milli)) ||
        (rc = field_count(r, c[5], "vcpus", 1000, 1e6, &i.vcpu_milli)) ||
        (rc = field_count(r, c[6], "memory_gib", 1024, 1e9, &i.memory_mib)) ||
        (rc = field_count(r, c[7], "gpu_memory_gib", 1024, 1e6, &i.gpu_memory_mib)))
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

static int read_instances(field_reader *r)
{
    static const char *const names[8] = {"provider",  "instance_type", "gpu",        "gpus",
                                         "gpu_milli", "vcpus",         "memory_gib", "gpu_memory_gib"};
    size_t column[8];
    int rc = field_next(r);
    for (size_t i = 0; i < GW_COUNT(names); i++)
        column[i] = gw_csv_find(&r->csv, names[i]);
    while (rc >= 0 && (rc = field_next(r)) > 0)
        if ((rc = instance_row(r, column)))
            return rc;
    return rc;
}

int price_read_instances(gw_price_list *l, gw_str text, gw_error *e)
{
    return with_reader(l, PRICE_CATALOGUE_FILE, "instances.csv", text, e, read_instances);
}
