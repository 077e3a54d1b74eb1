/*
 * The FOCUS export: worked examples, and properties over random pages. The rules of columns are those of the
 * FOCUS 1.2 specification (specification/columns/ of github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec);
 * the file is read back with the CSV reader and jansson, and sums are added up here, not taken from the
 * writer.
 */
#include "gw_test.h"

#include <jansson.h>
#include <math.h>

#include "base/buf.h"
#include "base/number.h"
#include "format/csv.h"
#include "operate/focus.h"

#define DAY   1793577600000 /* 2026-11-02T00:00:00Z: 20759 days of 86,400 s */
#define NOV_1 1793491200000
#define H     GW_HOUR_MS

static const char *const mandatory[] = {
    "BilledCost",         "BillingAccountId",  "BillingAccountName", "BillingCurrency",   "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory",    "ChargeClass",        "ChargeDescription", "ChargePeriodEnd",
    "ChargePeriodStart",  "ContractedCost",    "EffectiveCost",      "InvoiceIssuerName", "ListCost",
    "PricingQuantity",    "PricingUnit",       "ProviderName",       "PublisherName",     "ServiceCategory",
    "ServiceName",        "ServiceSubcategory"};

static int to_buf(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf_add(ctx, p, n);
    return gw_buf_check(ctx, "the test's file", e);
}

static gw_hour_leaf leaf(gw_leaf_kind kind)
{
    gw_hour_leaf l = {.kind = kind, .node_hourly = GW_MICRO_UNKNOWN};
    for (int d = 0; d < GW_N_LEAF_DIMS; d++)
        l.dim[d] = "";
    l.dim[GW_DIM_CLUSTER] = "prod";
    l.dim[GW_DIM_NAMESPACE] = kind == GW_LEAF_IDLE       ? GW_KEY_IDLE
                              : kind == GW_LEAF_OVERHEAD ? GW_KEY_OVERHEAD
                                                         : "ads";
    return l;
}

/* A pod that held a GPU of a p4d for a whole hour at $4.10, and used a quarter of it. */
static gw_hour_leaf held(void)
{
    gw_hour_leaf l = leaf(GW_LEAF_HELD);
    l.dim[GW_DIM_WORKLOAD] = "ranker";
    l.dim[GW_DIM_WORKLOAD_KIND] = "Deployment";
    l.dim[GW_DIM_POD] = "ranker-7c9-x2";
    l.dim[GW_DIM_TEAM] = "growth";
    l.dim[GW_DIM_MODEL] = "a \"quoted\", model";
    l.dim[GW_DIM_NODE] = "n1";
    l.dim[GW_DIM_INSTANCE_TYPE] = "p4d.24xlarge";
    l.dim[GW_DIM_REGION] = "us-east-1";
    l.dim[GW_DIM_GPU] = "GPU-1";
    l.dim[GW_DIM_GPU_MODEL] = "NVIDIA A100";
    l.dim[GW_DIM_CAPACITY] = "spot";
    l.m = (gw_measures){.bill = 4100000,
                        .used = 1025000,
                        .wasted = 3075000,
                        .paid_ms = H,
                        .allocated_ms = H,
                        .used_ms = H / 4,
                        .known_ms = H};
    return l;
}

static gw_hour_leaf control_plane(void)
{
    gw_hour_leaf l = leaf(GW_LEAF_OVERHEAD);
    l.m = (gw_measures){.bill = 100000, .overhead = 100000};
    return l;
}

/* The records of a file, read back. */
typedef struct table {
    gw_buf file;
    char *cell[4096][80]; /* [0] is the header */
    size_t rows, columns;
} table;

static void read_back(table *t)
{
    static gw_csv c;
    gw_error e;
    int rc;
    gw_csv_init(&c, "focus.csv", (gw_str){t->file.data, t->file.len});
    t->rows = 0;
    while ((rc = gw_csv_next(&c, &e)) == 1) {
        if (t->rows == 0)
            t->columns = c.n;
        assert_int_equal(c.n, t->columns);
        assert_true(t->rows < GW_COUNT(t->cell) && c.n <= GW_COUNT(t->cell[0]));
        for (size_t i = 0; i < c.n; i++) {
            char *copy = gw_malloc(c.field[i].value.n + 1);
            assert_non_null(copy);
            memcpy(copy, c.field[i].value.p, c.field[i].value.n);
            copy[c.field[i].value.n] = '\0';
            t->cell[t->rows][i] = copy;
        }
        t->rows++;
    }
    assert_int_equal(rc, 0);
    gw_csv_free(&c);
}

static void table_free(table *t)
{
    for (size_t r = 0; r < t->rows; r++)
        for (size_t i = 0; i < t->columns; i++)
            gw_free(t->cell[r][i]);
    gw_buf_free(&t->file);
}

static const char *at(const table *t, size_t row, const char *column)
{
    for (size_t i = 0; i < t->columns; i++)
        if (strcmp(t->cell[0][i], column) == 0)
            return t->cell[row][i];
    fail_msg("there is no column %s", column);
    return NULL;
}

static gw_micro money(const table *t, size_t row, const char *column)
{
    gw_micro m = 0;
    const char *text = at(t, row, column);
    if (!gw_micro_parse(gw_str_of(text), &m))
        fail_msg("%s of row %zu is no amount: '%s'", column, row, text);
    return m;
}

/* Writes hours and corrections into a table; fails the test on any error. */
static table *export(const gw_focus_options *o, const gw_hour *hours, size_t n, const gw_correction *c,
                     size_t n_c, gw_focus_stats *stats)
{
    static table t;
    gw_error e;
    gw_focus *f = NULL;
    memset(&t, 0, sizeof(t));
    gw_buf_init(&t.file, (size_t)1 << 28);
    assert_int_equal(gw_focus_open(o, to_buf, &t.file, &f, &e), 0);
    for (size_t i = 0; i < n_c; i++)
        assert_int_equal(gw_focus_correction(f, &c[i], &e), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(gw_focus_hour(f, &hours[i], &e), 0);
    assert_int_equal(gw_focus_finish(f, stats, &e), 0);
    gw_focus_free(f);
    read_back(&t);
    return &t;
}

static void test_worked_example(void **state)
{
    GW_UNUSED(state);
    gw_hour_leaf leaves[] = {held(), control_plane()};
    gw_hour hour = {.cluster = "prod", .start_ms = DAY + 5 * H, .leaves = leaves, .n_leaves = 2};
    gw_focus_options o = {.when = {DAY, DAY + GW_DAY_MS}};
    gw_focus_stats s;
    table *t = export(&o, &hour, 1, NULL, 0, &s);
    assert_int_equal(t->rows, 3);
    for (size_t i = 0; i < GW_COUNT(mandatory); i++)
        assert_non_null(at(t, 0, mandatory[i]));
    const char *costs[] = {"BilledCost", "EffectiveCost", "ListCost", "ContractedCost"};
    for (size_t i = 0; i < GW_COUNT(costs); i++)
        assert_string_equal(at(t, 1, costs[i]), "4.100000");
    assert_string_equal(at(t, 1, "BillingCurrency"), "USD");
    assert_string_equal(at(t, 1, "BillingPeriodStart"), "2026-11-01T00:00:00Z");
    assert_string_equal(at(t, 1, "BillingPeriodEnd"), "2026-12-01T00:00:00Z");
    assert_string_equal(at(t, 1, "ChargePeriodStart"), "2026-11-02T05:00:00Z");
    assert_string_equal(at(t, 1, "ChargePeriodEnd"), "2026-11-02T06:00:00Z");
    assert_string_equal(at(t, 1, "ChargeCategory"), "Usage");
    assert_string_equal(at(t, 1, "ChargeClass"), "");
    assert_string_equal(at(t, 1, "PricingQuantity"), "1");
    assert_string_equal(at(t, 1, "PricingUnit"), "GPU-Hours");
    assert_string_equal(at(t, 1, "ListUnitPrice"), "4.1");
    assert_string_equal(at(t, 1, "PricingCategory"), "Dynamic"); /* spot */
    assert_string_equal(at(t, 1, "ProviderName"), "Amazon Web Services");
    assert_string_equal(at(t, 1, "ServiceCategory"), "Compute");
    assert_string_equal(at(t, 1, "ServiceSubcategory"), "Virtual Machines");
    assert_string_equal(at(t, 1, "ResourceId"), "prod/n1/GPU-1");
    assert_string_equal(at(t, 1, "ResourceType"), "GPU");
    assert_string_equal(at(t, 1, "SkuPriceId"), "p4d.24xlarge/us-east-1/spot");
    assert_string_equal(at(t, 1, "x_UsedCost"), "1.025000");
    assert_string_equal(at(t, 1, "x_WastedCost"), "3.075000");
    assert_string_equal(at(t, 1, "x_UsedGpuHours"), "0.25");
    assert_string_equal(at(t, 1, "x_Model"), "a \"quoted\", model");
    assert_string_equal(at(t, 1, "Tags"), "{\"team\": \"growth\", \"model\": \"a \\\"quoted\\\", model\"}");
    /* the control plane is priced by its hour, and belongs to no provider that its instance type would name
     */
    assert_string_equal(at(t, 2, "BilledCost"), "0.100000");
    assert_string_equal(at(t, 2, "PricingQuantity"), "1");
    assert_string_equal(at(t, 2, "PricingUnit"), "Hours");
    assert_string_equal(at(t, 2, "ProviderName"), "Unknown");
    assert_string_equal(at(t, 2, "ResourceType"), "Control plane");
    assert_string_equal(at(t, 2, "Tags"), "{}");
    assert_string_equal(at(t, 2, "RegionId"), "");
    assert_int_equal(s.billed, 4200000);
    assert_int_equal(s.rows, 2);
    table_free(t);
}

/* Two hours of one day, one of the next: two charges a day for the first, one for the second. */
static void test_days(void **state)
{
    GW_UNUSED(state);
    gw_hour_leaf leaves[] = {held(), control_plane()};
    gw_hour hours[] = {{.cluster = "prod", .start_ms = DAY + 1 * H, .leaves = leaves, .n_leaves = 2},
                       {.cluster = "prod", .start_ms = DAY + 7 * H, .leaves = leaves, .n_leaves = 2},
                       {.cluster = "prod", .start_ms = DAY + 24 * H, .leaves = leaves, .n_leaves = 1}};
    gw_focus_options o = {.when = {DAY, DAY + 2 * GW_DAY_MS}, .daily = true};
    gw_focus_stats s;
    table *t = export(&o, hours, 3, NULL, 0, &s);
    assert_int_equal(t->rows, 4);
    assert_string_equal(at(t, 1, "BilledCost"), "8.200000");
    assert_string_equal(at(t, 1, "PricingQuantity"), "2");
    assert_string_equal(at(t, 1, "ListUnitPrice"), "4.1");
    assert_string_equal(at(t, 1, "ChargePeriodStart"), "2026-11-02T00:00:00Z");
    assert_string_equal(at(t, 1, "ChargePeriodEnd"), "2026-11-03T00:00:00Z");
    /* two hours of control plane in that day: $0.20 over 2 Hours */
    assert_string_equal(at(t, 2, "PricingQuantity"), "2");
    assert_string_equal(at(t, 2, "ListUnitPrice"), "0.1");
    assert_string_equal(at(t, 3, "ChargePeriodStart"), "2026-11-03T00:00:00Z");
    assert_string_equal(at(t, 3, "BilledCost"), "4.100000");
    assert_int_equal(s.billed, 2 * 4200000 + 4100000);
    table_free(t);
}

static void test_no_price_has_no_row(void **state)
{
    GW_UNUSED(state);
    gw_hour_leaf leaves[] = {held(), held()};
    leaves[1].m = (gw_measures){.paid_ms = H, .allocated_ms = H, .unpriced_ms = H};
    gw_hour hour = {.cluster = "prod", .start_ms = DAY, .leaves = leaves, .n_leaves = 2};
    gw_focus_options o = {.when = {DAY, DAY + H}};
    gw_focus_stats s;
    table *t = export(&o, &hour, 1, NULL, 0, &s);
    assert_int_equal(t->rows, 2);
    assert_int_equal(s.unpriced_leaves, 1);
    assert_int_equal(s.unpriced_ms, H);
    table_free(t);
}

/* An hour of October that was found on 2 November to have cost $1.10 less and half a GPU-hour less. */
static void test_correction(void **state)
{
    GW_UNUSED(state);
    gw_correction c = {
        .at_ms = DAY,
        .hour_ms = NOV_1 - 3 * H,
        .cluster = "prod",
        .ns = "ads",
        .workload = "ranker",
        .reason = "prices changed",
        .before = {.bill = 4100000, .wasted = 4100000, .paid_ms = H, .allocated_ms = H},
        .after = {.bill = 3000000, .wasted = 3000000, .paid_ms = H / 2, .allocated_ms = H / 2}};
    gw_correction same = c;
    same.after = same.before; /* of names only */
    gw_correction both[] = {c, same};
    gw_focus_options o = {.when = {NOV_1, DAY}, .corrections_since_ms = NOV_1};
    gw_focus_stats s;
    table *t = export(&o, NULL, 0, both, 2, &s);
    assert_int_equal(t->rows, 2);
    assert_string_equal(at(t, 1, "ChargeClass"), "Correction");
    assert_string_equal(at(t, 1, "BilledCost"), "-1.100000");
    assert_string_equal(at(t, 1, "x_WastedCost"), "-1.100000");
    assert_string_equal(at(t, 1, "PricingQuantity"), "-0.5");
    assert_string_equal(at(t, 1, "ListUnitPrice"), "");
    assert_string_equal(at(t, 1, "ChargePeriodStart"), "2026-10-31T21:00:00Z");
    assert_string_equal(at(t, 1, "BillingPeriodStart"), "2026-11-01T00:00:00Z"); /* of when it was found */
    assert_int_equal(s.corrected, -1100000);
    assert_int_equal(s.billed, 0);
    table_free(t);
}

static void test_nothing_is_a_header(void **state)
{
    GW_UNUSED(state);
    gw_focus_options o = {.when = {DAY, DAY + H}};
    table *t = export(&o, NULL, 0, NULL, 0, NULL);
    assert_int_equal(t->rows, 1);
    table_free(t);
}

/* ---- random pages -------------------------------------------------------------------------------------- */

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    /* splitmix64 (Steele, Lea, Flood 2014) */
    uint64_t z = (rng += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) % n);
}

static const char *const names[] = {"a",
                                    "b-1",
                                    "with, comma",
                                    "with \"quotes\"",
                                    "two\nlines",
                                    "=1+1",
                                    "@cmd",
                                    "-x",
                                    "ünïcode",
                                    "",
                                    "",
                                    "__unallocated__",
                                    ("bad\xff"
                                     "byte"),
                                    "back\\slash"};

static gw_hour_leaf random_leaf(void)
{
    gw_hour_leaf l = leaf((gw_leaf_kind)below(3));
    for (int d = GW_DIM_WORKLOAD; d < GW_N_LEAF_DIMS; d++)
        l.dim[d] = names[below(GW_COUNT(names))];
    l.dim[GW_DIM_CAPACITY] = gw_capacity_name((gw_capacity)below(4));
    int64_t paid = l.kind == GW_LEAF_OVERHEAD && below(2) ? 0 : (int64_t)below((uint32_t)H);
    l.m.paid_ms = paid;
    if (below(8) == 0 && paid) {
        l.m.unpriced_ms = paid;
        return l;
    }
    gw_micro *parts[] = {&l.m.used, &l.m.wasted, &l.m.idle, &l.m.unknown, &l.m.overhead};
    for (size_t i = 0; i < GW_COUNT(parts); i++) {
        *parts[i] = below(3) ? 0 : (gw_micro)below(5000000);
        l.m.bill += *parts[i];
    }
    l.m.allocated_ms = l.kind == GW_LEAF_HELD ? paid : 0;
    l.m.known_ms = l.m.allocated_ms / 2;
    l.m.used_ms = l.m.known_ms / 3;
    return l;
}

static bool is_one_of(const char *s, const char *const *set, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, set[i]) == 0)
            return true;
    return false;
}

static void check_types(const table *t, size_t row)
{
    static const char *const not_null[] = {"BilledCost",
                                           "BillingAccountId",
                                           "BillingCurrency",
                                           "BillingPeriodEnd",
                                           "BillingPeriodStart",
                                           "ChargeCategory",
                                           "ChargePeriodEnd",
                                           "ChargePeriodStart",
                                           "ContractedCost",
                                           "EffectiveCost",
                                           "InvoiceIssuerName",
                                           "ListCost",
                                           "ProviderName",
                                           "PublisherName",
                                           "ServiceCategory",
                                           "ServiceSubcategory",
                                           "ServiceName",
                                           "PricingQuantity",
                                           "PricingUnit",
                                           "ConsumedQuantity",
                                           "SubAccountId",
                                           "ChargeDescription",
                                           "ResourceId",
                                           "ResourceType",
                                           "SkuId",
                                           "SkuPriceId",
                                           "ListUnitPrice",
                                           "ContractedUnitPrice"};
    static const char *const times[] = {"BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd",
                                        "ChargePeriodStart"};
    static const char *const categories[] = {"Standard", "Dynamic", "Committed", "Other"};
    static const char *const subcategories[] = {"Containers", "Virtual Machines"};
    for (size_t i = 0; i < GW_COUNT(not_null); i++)
        if (!*at(t, row, not_null[i]))
            fail_msg("%s of row %zu is null", not_null[i], row);
    for (size_t i = 0; i < GW_COUNT(times); i++) {
        int64_t ms;
        const char *text = at(t, row, times[i]);
        assert_int_equal(strlen(text), strlen("2026-11-02T00:00:00Z"));
        assert_int_equal(gw_time_parse(text, 0, &ms, NULL), 0);
    }
    assert_true(is_one_of(at(t, row, "PricingCategory"), categories, GW_COUNT(categories)));
    assert_true(is_one_of(at(t, row, "ServiceSubcategory"), subcategories, GW_COUNT(subcategories)));
    assert_string_equal(at(t, row, "ChargeClass"), "");
    /* both or neither, as the specification has it for names and identifiers of one thing */
    assert_int_equal(!*at(t, row, "RegionId"), !*at(t, row, "RegionName"));
    /* a list unit price times the quantity is the list cost: within what twelve decimals lose */
    double price, quantity;
    assert_true(gw_parse_double(gw_str_of(at(t, row, "ListUnitPrice")), &price));
    assert_true(gw_parse_double(gw_str_of(at(t, row, "PricingQuantity")), &quantity));
    assert_true(fabs(price * quantity * 1e6 - (double)money(t, row, "ListCost")) < 0.5);
    json_t *tags = json_loads(at(t, row, "Tags"), 0, NULL);
    assert_true(json_is_object(tags));
    json_decref(tags);
    /* no spreadsheet runs a name */
    const char *pod = at(t, row, "x_Pod");
    assert_true(*pod == '\0' || !strchr("=+-@", *pod));
}

static void check_random(bool daily)
{
    static gw_hour_leaf leaves[30][20];
    gw_hour hours[30];
    gw_micro want = 0;
    for (size_t i = 0; i < GW_COUNT(hours); i++) {
        hours[i] = (gw_hour){.cluster = "prod",
                             .start_ms = DAY + (int64_t)i * 2 * H,
                             .leaves = leaves[i],
                             .n_leaves = below(GW_COUNT(leaves[i]) + 1)};
        for (size_t k = 0; k < hours[i].n_leaves; k++) {
            leaves[i][k] = random_leaf();
            want += leaves[i][k].m.bill;
        }
    }
    gw_focus_options o = {.when = {DAY, DAY + 3 * GW_DAY_MS}, .daily = daily};
    gw_focus_stats s;
    table *t = export(&o, hours, GW_COUNT(hours), NULL, 0, &s);
    gw_micro sums[4] = {0};
    for (size_t r = 1; r < t->rows; r++) {
        check_types(t, r);
        gw_micro parts = money(t, r, "x_UsedCost") + money(t, r, "x_WastedCost") + money(t, r, "x_IdleCost") +
                         money(t, r, "x_UnknownCost") + money(t, r, "x_OverheadCost");
        assert_int_equal(parts, money(t, r, "BilledCost"));
        sums[0] += money(t, r, "BilledCost");
        sums[1] += money(t, r, "EffectiveCost");
        sums[2] += money(t, r, "ListCost");
        sums[3] += money(t, r, "ContractedCost");
    }
    for (size_t i = 0; i < GW_COUNT(sums); i++)
        assert_int_equal(sums[i], want);
    assert_int_equal(s.billed, want);
    assert_int_equal(s.rows, t->rows - 1);
    table_free(t);
}

static void test_random(void **state)
{
    GW_UNUSED(state);
    for (rng = 1; rng < 25;) {
        uint64_t seed = rng;
        check_random(seed % 2 == 0);
        rng = seed + 1;
    }
}

/* ---- failures ------------------------------------------------------------------------------------------ */

static int full_disk(void *ctx, const char *p, size_t n, gw_error *e)
{
    GW_UNUSED(ctx);
    GW_UNUSED(p);
    GW_UNUSED(n);
    return gw_fail(e, GW_EIO, "the disk is full");
}

static void test_errors(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    gw_focus *f = NULL;
    gw_focus_options o = {.when = {DAY, DAY}};
    assert_int_equal(gw_focus_open(&o, to_buf, NULL, &f, &e), GW_EWINDOW);
    o.when = (gw_interval){DAY, DAY + H + 1};
    assert_int_equal(gw_focus_open(&o, to_buf, NULL, &f, &e), GW_EWINDOW);
    o.when = (gw_interval){DAY, DAY + H};
    o.daily = true;
    assert_int_equal(gw_focus_open(&o, to_buf, NULL, &f, &e), GW_EWINDOW);
    assert_null(f);
    o.daily = false;
    gw_hour_leaf l = held();
    gw_hour hour = {.cluster = "prod", .start_ms = DAY + H, .leaves = &l, .n_leaves = 1};
    assert_int_equal(gw_focus_open(&o, full_disk, NULL, &f, &e), 0);
    assert_int_equal(gw_focus_hour(f, &hour, &e), 0);
    assert_int_equal(gw_focus_finish(f, NULL, &e), GW_EIO);
    assert_string_equal(e.message, "the disk is full");
    gw_focus_free(f);
    /* hours that go back would break the days */
    gw_hour before = hour;
    before.start_ms = DAY;
    gw_buf b;
    gw_buf_init(&b, 1 << 20);
    assert_int_equal(gw_focus_open(&o, to_buf, &b, &f, &e), 0);
    assert_int_equal(gw_focus_hour(f, &hour, &e), 0);
    assert_int_equal(gw_focus_hour(f, &before, &e), GW_EINTERNAL);
    gw_focus_free(f);
    gw_buf_free(&b);
}

static int write_days(gw_buf *b, gw_error *e)
{
    gw_hour_leaf leaves[] = {held(), control_plane()};
    gw_hour hours[] = {{.cluster = "prod", .start_ms = DAY, .leaves = leaves, .n_leaves = 2},
                       {.cluster = "prod", .start_ms = DAY + 24 * H, .leaves = leaves, .n_leaves = 2}};
    gw_focus_options o = {.when = {DAY, DAY + 2 * GW_DAY_MS}, .daily = true};
    gw_focus *f = NULL;
    int rc = gw_focus_open(&o, to_buf, b, &f, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < GW_COUNT(hours) && rc == 0; i++)
        rc = gw_focus_hour(f, &hours[i], e);
    if (rc == 0)
        rc = gw_focus_finish(f, NULL, e);
    gw_focus_free(f);
    return rc;
}

static void test_no_memory(void **state)
{
    GW_UNUSED(state);
    gw_error e;
    int rc = GW_ENOMEM;
    uint64_t n = 1;
    for (; rc; n++) {
        gw_buf b;
        gw_buf_init(&b, 1 << 20);
        int64_t live = gw_mem_live();
        gw_mem_fail_at(n);
        rc = write_days(&b, &e);
        gw_mem_fail_at(0);
        assert_true(rc == 0 || rc == GW_ENOMEM);
        gw_buf_free(&b);
        assert_int_equal(gw_mem_live(), live);
        assert_true(n < 1000);
    }
    assert_true(n > 5);
}

static void test_provider(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *type, *provider;
    } cases[] = {{"p4d.24xlarge", "Amazon Web Services"},
                 {"g6e.xlarge", "Amazon Web Services"},
                 {"g5g.metal", "Amazon Web Services"},
                 {"u-6tb1.metal", NULL}, /* no GPUs there: not worth a rule */
                 {"p6-b200.48xlarge", "Amazon Web Services"},
                 {"a2-highgpu-1g", "Google Cloud"},
                 {"g2-standard-4", "Google Cloud"},
                 {"a3-megagpu-8g", "Google Cloud"},
                 {"Standard_NC24ads_A100_v4", "Microsoft Azure"},
                 {"dgx-a100", NULL},
                 {"box.home", NULL},
                 {"", NULL},
                 {NULL, NULL}};
    for (size_t i = 0; i < GW_COUNT(cases); i++)
        if (!gw_eq(gw_focus_provider(cases[i].type), cases[i].provider))
            fail_msg("%s is of %s", cases[i].type, gw_focus_provider(cases[i].type));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_example),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_no_price_has_no_row),
        cmocka_unit_test(test_correction),
        cmocka_unit_test(test_nothing_is_a_header),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_provider),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
