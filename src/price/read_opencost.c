/* OpenCost's pricing CSV. */
#include "price/fields.h"

/* A selector that asks for one label's value. */
static int one_label(field_reader *r, const char *name, gw_str value, const gw_selector **ret)
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
static int opencost_subject(field_reader *r, const opencost *c, gw_price *p, price_note *note)
{
    const char *labels = "metadata.labels.";
    gw_str id = gw_csv_get(&r->csv, c->id);
    const char *field;
    int rc = field_text(r, c->field, &field);
    if (rc)
        return rc;
    if (id.n == 0) {
        rc = field_text(r, c->type, &p->instance_type);
        if (!rc && !p->instance_type)
            rc = gw_csv_fail(&r->csv, c->id, r->e, GW_ECONFIG, "neither InstanceID nor InstanceType");
        return rc;
    }
    if (!field || strcmp(field, "metadata.name") == 0)
        return field_text(r, c->id, &note->node);
    if (strcmp(field, "spec.providerID") == 0)
        return field_text(r, c->id, &note->provider_id);
    if (gw_has_prefix(field, labels))
        return one_label(r, field + strlen(labels), id, &note->selector);
    return gw_csv_fail(&r->csv, c->field, r->e, GW_ECONFIG,
                       "gpuwise cannot look at \"%s\" of a node; metadata.name, spec.providerID and "
                       "metadata.labels.NAME can be used",
                       field);
}

static int opencost_gpu(field_reader *r, const opencost *c, gw_price *p, price_note *note)
{
    const char *field;
    int rc = field_text(r, c->field, &field);
    p->gpu_hourly = p->hourly;
    p->hourly = GW_MICRO_UNKNOWN;
    note->added = true;
    if (rc)
        return rc;
    return field ? one_label(r, field, gw_csv_get(&r->csv, c->id), &note->selector)
                 : field_gpu(r, c->id, &p->gpu);
}

static int opencost_row(field_reader *r, const opencost *c)
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
    if ((rc = field_price(r, c->price, &p.hourly)) || (rc = field_text(r, c->region, &p.region)) ||
        (rc = field_source(r, FIELD_ABSENT, &p.source)))
        return rc;
    if (!price_text(r->l, end, &p.as_of))
        return gw_fail_memory(r->e);
    if (!gw_micro_known(p.hourly))
        return gw_csv_fail(&r->csv, c->price, r->e, GW_ECONFIG, "the price is missing");
    rc = gw_str_is(asset, "gpu") ? opencost_gpu(r, c, &p, &note) : opencost_subject(r, c, &p, &note);
    return rc ? rc : price_list_add_row(r->l, &p, &note, r->e);
}

int price_read_opencost(field_reader *r)
{
    const opencost c = {gw_csv_find(&r->csv, "InstanceID"),   gw_csv_find(&r->csv, "Region"),
                        gw_csv_find(&r->csv, "AssetClass"),   gw_csv_find(&r->csv, "InstanceIDField"),
                        gw_csv_find(&r->csv, "InstanceType"), gw_csv_find(&r->csv, "MarketPriceHourly"),
                        gw_csv_find(&r->csv, "EndTimestamp")};
    int rc;
    while ((rc = field_next(r)) > 0)
        if ((rc = opencost_row(r, &c)))
            return rc;
    return rc;
}
