/* SkyPilot's catalogue CSV. */
#include <math.h>

#include "price/fields.h"

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
static int skypilot_prices(field_reader *r, const skypilot *c, gw_price *p, const price_note *note)
{
    const struct {
        size_t column;
        gw_capacity capacity;
    } kind[] = {{c->price, GW_CAPACITY_ON_DEMAND}, {c->spot, GW_CAPACITY_SPOT}};
    for (size_t i = 0; i < GW_COUNT(kind); i++) {
        p->hourly = GW_MICRO_UNKNOWN;
        p->capacity = kind[i].capacity;
        int rc = field_price(r, kind[i].column, &p->hourly);
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
static int skypilot_row(field_reader *r, const skypilot *c)
{
    gw_price p = price_row_empty();
    price_note note = price_note_empty(r->file, r->csv.field[0].line);
    double boards = 0;
    int rc;
    if ((rc = field_text(r, c->type, &p.instance_type)) || (rc = field_gpu(r, c->gpu, &p.gpu)) ||
        (rc = field_number(r, c->gpus, "AcceleratorCount", PRICE_MAX_GPUS, &boards)))
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
    if ((rc = field_count(r, c->vcpus, "vCPUs", 1000, 1e6, &p.vcpu_milli)) ||
        (rc = field_count(r, c->memory, "MemoryGiB", 1024, 1e9, &p.memory_mib)) ||
        (rc = field_text(r, c->region, &p.region)) || (rc = field_text(r, c->zone, &p.zone)) ||
        (rc = field_source(r, FIELD_ABSENT, &p.source)))
        return rc;
    return skypilot_prices(r, c, &p, &note);
}

int price_read_skypilot(field_reader *r)
{
    const skypilot c = {gw_csv_find(&r->csv, "InstanceType"),     gw_csv_find(&r->csv, "AcceleratorName"),
                        gw_csv_find(&r->csv, "AcceleratorCount"), gw_csv_find(&r->csv, "vCPUs"),
                        gw_csv_find(&r->csv, "MemoryGiB"),        gw_csv_find(&r->csv, "Price"),
                        gw_csv_find(&r->csv, "SpotPrice"),        gw_csv_find(&r->csv, "Region"),
                        gw_csv_find(&r->csv, "AvailabilityZone")};
    int rc;
    while ((rc = field_next(r)) > 0)
        if ((rc = skypilot_row(r, &c)))
            return rc;
    return rc;
}
