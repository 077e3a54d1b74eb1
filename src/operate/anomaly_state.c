/* The detector's state as text. Only the slots are kept: what is sorted is sorted again. */
#include "format/json_tree.h"
#include "operate/anomaly_internal.h"

#define VERSION 1

/* The columns of a slot, by name. */
static const struct {
    const char *name;
    size_t offset;
} columns[] = {
    {"value", offsetof(gw_anomaly_slot, value)},   {"level", offsetof(gw_anomaly_slot, level)},
    {"error", offsetof(gw_anomaly_slot, error)},   {"shape", offsetof(gw_anomaly_slot, shape)},
    {"season", offsetof(gw_anomaly_slot, season)},
};

static float *cell(gw_anomaly_slot *s, size_t column)
{
    return (float *)(void *)((char *)s + columns[column].offset);
}

static gw_anomaly_slot *slot_at(gw_anomaly *d, size_t i) /* 0 = the oldest */
{
    return &d->slot[(size_t)(d->last - (int64_t)(d->n - 1 - i) - d->base) % GW_ANOMALY_HISTORY];
}

int gw_anomaly_write(const gw_anomaly *d, gw_buf *b, gw_error *e)
{
    gw_anomaly *w = (gw_anomaly *)(uintptr_t)d; /* slot_at serves both ways; nothing is changed here */

    gw_buf_printf(
        b, "{\"version\":%d,\"stepMs\":%" PRId64 ",\"tail\":%.17g,\"last\":%" PRId64 ",\"record\":%.17g",
        VERSION, d->step_ms, d->tail, d->n ? d->last : 0, d->record);
    for (size_t c = 0; c < GW_COUNT(columns); c++) {
        gw_buf_printf(b, ",\"%s\":[", columns[c].name);
        for (size_t i = 0; i < d->n; i++) {
            double x = (double)*cell(slot_at(w, i), c);
            if (i)
                gw_buf_putc(b, ',');
            if (isnan(x))
                gw_buf_puts(b, "null");
            else
                gw_buf_printf(b, "%.9g", x); /* nine digits give a float back exactly */
        }
        gw_buf_putc(b, ']');
    }
    gw_buf_putc(b, '}');
    return gw_buf_check(b, "state of a detector", e);
}

static int broken(gw_error *e, const char *what)
{
    return gw_fail(e, GW_ECORRUPT,
                   "the state of a detector of anomalies has no valid \"%s\"; forget it and start anew",
                   what);
}

static int column_read(json_t *root, size_t c, gw_anomaly *d, gw_error *e)
{
    json_t *list = json_object_get(root, columns[c].name), *item;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) != d->n)
        return broken(e, columns[c].name);
    json_array_foreach(list, i, item)
    {
        double x = json_is_null(item) ? (double)NAN : json_number_value(item);
        if (!json_is_null(item) && (!json_is_number(item) || !(fabs(x) <= 4 * GW_ANOMALY_VALUE_MAX)))
            return broken(e, columns[c].name);
        *cell(slot_at(d, i), c) = (float)x;
    }
    return 0;
}

static void rank(gw_ranks *r, float x)
{
    if (!isnan(x))
        gw_ranks_insert(r, x);
}

static void ranks_again(gw_anomaly *d)
{
    for (size_t i = 0; i < d->n; i++) {
        const gw_anomaly_slot *s = slot_at(d, i);
        d->known += !isnan(s->value);
        rank(&d->shapes, s->shape);
        rank(&d->seasons, s->season);
        rank(&d->errors, s->error);
    }
}

static int state_read(json_t *root, gw_anomaly **ret, gw_error *e)
{
    json_t *version = json_object_get(root, "version"), *record = json_object_get(root, "record"),
           *last = json_object_get(root, "last");
    gw_anomaly_options o = {.step_ms = json_integer_value(json_object_get(root, "stepMs")),
                            .tail = json_number_value(json_object_get(root, "tail"))};
    size_t n = json_array_size(json_object_get(root, "value"));
    gw_anomaly *d;
    int r;

    if (!json_is_integer(version))
        return broken(e, "version");
    if (json_integer_value(version) > VERSION)
        return gw_fail(
            e, GW_ECONFIG,
            "the state of a detector of anomalies is of version %lld, newer than this program's %d",
            (long long)json_integer_value(version), VERSION);
    if (o.step_ms <= 0 || !(o.tail > 0 && o.tail < 1))
        return broken(e, "stepMs\" or \"tail");
    if (!json_is_number(record) || !(json_number_value(record) >= 0))
        return broken(e, "record");
    if (!json_is_integer(last) || llabs(json_integer_value(last)) > (INT64_C(1) << 60) ||
        n > GW_ANOMALY_HISTORY)
        return broken(e, "last\" or \"value");
    if ((r = gw_anomaly_new(&o, &d, e)))
        return r;
    d->record = json_number_value(record);
    d->n = n;
    if (n) {
        d->last = json_integer_value(last);
        d->base = d->last - GW_ANOMALY_HISTORY;
    }
    for (size_t c = 0; c < GW_COUNT(columns) && !r; c++)
        r = column_read(root, c, d, e);
    if (r) {
        gw_anomaly_free(d);
        return r;
    }
    ranks_again(d);
    *ret = d;
    return 0;
}

int gw_anomaly_read(gw_str text, gw_anomaly **ret, gw_error *e)
{
    json_t *root = NULL;
    int r = gw_json_tree_parse(text, &root, e);
    if (!r)
        r = state_read(root, ret, e);
    json_decref(root);
    return r;
}
