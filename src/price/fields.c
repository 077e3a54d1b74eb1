#include "price/fields.h"

#include <math.h>

#include "base/number.h"

/* The CSV reader speaks of corrupt bytes; in a price file that is a wrong configuration. */
int field_next(field_reader *r)
{
    int found = gw_csv_next(&r->csv, r->e);
    if (found == GW_ECORRUPT && r->e)
        r->e->code = GW_ECONFIG;
    if (found == GW_ECORRUPT)
        return GW_ECONFIG;
    if (r->columns == 0)
        r->columns = r->csv.n;
    for (size_t i = r->columns; found > 0 && i < r->csv.n; i++) {
        /* 1,200.50 without quotes would be read as 1 */
        if (gw_csv_get(&r->csv, i).n)
            return gw_csv_fail(
                &r->csv, i, r->e, GW_ECONFIG,
                "this row has more fields than the header has columns; a value with a comma in it "
                "wants quotes");
    }
    return found;
}

int field_text(field_reader *r, size_t column, const char **ret)
{
    return price_text(r->l, gw_csv_get(&r->csv, column), ret) ? 0 : gw_fail_memory(r->e);
}

int field_number(field_reader *r, size_t column, const char *what, double max, double *ret)
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
int field_price(field_reader *r, size_t column, gw_micro *ret)
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

int field_count(field_reader *r, size_t column, const char *what, double scale, double max, int64_t *ret)
{
    double v = -1;
    int rc = field_number(r, column, what, max, &v);
    if (!rc && v >= 0)
        *ret = llround(v * scale);
    return rc;
}

int field_gpu(field_reader *r, size_t column, const char **ret)
{
    gw_str s = gw_csv_get(&r->csv, column);
    if (s.n == 0)
        return 0;
    const char *text;
    int rc = field_text(r, column, &text);
    if (!rc)
        *ret = gw_gpu_canonical(text) ? gw_gpu_canonical(text) : text;
    return rc;
}

int field_provider(field_reader *r, size_t column, gw_provider *ret)
{
    gw_str s = gw_csv_get(&r->csv, column);
    if (price_provider_parse(s, ret))
        return 0;
    return gw_csv_fail(&r->csv, column, r->e, GW_ECONFIG,
                       "no provider: \"%.*s\"; aws, azure, gcp, on-premises and other are",
                       (int)GW_MIN(s.n, 60), s.p);
}

int field_capacity(field_reader *r, size_t column, gw_capacity *ret)
{
    gw_str s = gw_csv_get(&r->csv, column);
    if (price_capacity_parse(s, ret))
        return 0;
    return gw_csv_fail(&r->csv, column, r->e, GW_ECONFIG,
                       "no capacity type: \"%.*s\"; on-demand, spot, reserved and any are",
                       (int)GW_MIN(s.n, 60), s.p);
}

int field_selector(field_reader *r, size_t column, const gw_selector **ret)
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
int field_source(field_reader *r, size_t column, const char **ret)
{
    if (gw_csv_get(&r->csv, column).n)
        return field_text(r, column, ret);
    char text[512];
    int n = snprintf(text, sizeof(text), "%s:%" PRIu32, r->l->file[r->file], r->csv.field[0].line);
    gw_str s = {text, (size_t)GW_MIN(n, (int)sizeof(text) - 1)};
    return price_text(r->l, s, ret) ? 0 : gw_fail_memory(r->e);
}
