/* One charge as a record. The order of the columns is that of the table below, and nothing else knows it. */
#include <math.h>

#include "base/utf8.h"
#include "format/csv.h"
#include "format/doc.h"
#include "operate/focus_internal.h"
#include "operate/review_numbers.h"
#include "operate/review_period.h"

#define CELL_MAX ((size_t)64 << 10)

typedef struct row {
    gw_buf *out;
    const gw_focus_options *o;
    const focus_charge *c;
    gw_buf cell; /* of composed texts */
} row;

typedef void (*writer)(row *r, int arg);

static void put(row *r, const char *text)
{
    gw_csv_write_field(r->out, gw_str_of(text), true);
}

/* Nothing between two commas is FOCUS's null. */
static void put_or_null(row *r, const char *text)
{
    put(r, text && *text ? text : "");
}

static void put_cell(row *r)
{
    if (r->cell.failed)
        r->out->failed = r->out->failed ? r->out->failed : r->cell.failed;
    gw_csv_write_field(r->out, (gw_str){r->cell.data ? r->cell.data : "", r->cell.len}, true);
    gw_buf_clear(&r->cell);
}

static void null(row *r, int arg)
{
    GW_UNUSED(arg);
    put(r, "");
}

static void dimension(row *r, int dim)
{
    const char *text = r->c->dim[dim];
    put_or_null(r, gw_is_nobody(text) ? NULL : text);
}

static void put_money(row *r, gw_micro m)
{
    char text[GW_MICRO_TEXT_MAX];
    put(r, gw_micro_format(m, text));
}

static void cost(row *r, int field)
{
    put_money(r, *(const gw_micro *)(const void *)((const char *)r->c + field));
}

static void put_number(row *r, double v)
{
    char text[GW_DECIMAL_TEXT_MAX];
    put(r, gw_decimal_format(v, 12, true, text));
}

static void hours(row *r, int field)
{
    put_number(r, (double)*(const int64_t *)(const void *)((const char *)r->c + field) / (double)GW_HOUR_MS);
}

/* ---- who bills ----------------------------------------------------------------------------------------- */

static const char *provider_of(const row *r)
{
    const char *known = gw_focus_provider(r->c->dim[GW_DIM_INSTANCE_TYPE]);
    return known ? known : r->o->provider ? r->o->provider : "Unknown";
}

static void provider(row *r, int arg)
{
    GW_UNUSED(arg);
    put(r, provider_of(r));
}

static void account(row *r, int name)
{
    const char *id = r->o->account_id ? r->o->account_id : "gpuwise";
    put(r, !name ? id : r->o->account_name ? r->o->account_name : "gpuwise books");
}

static void text(row *r, int which)
{
    static const char *const texts[] = {"USD", "Usage", "Compute", "Usage-Based", "Kubernetes cluster"};
    put(r, texts[which]);
}
enum { TEXT_USD, TEXT_USAGE, TEXT_COMPUTE, TEXT_USAGE_BASED, TEXT_CLUSTER };

/* ---- when ---------------------------------------------------------------------------------------------- */

static void billing_period(row *r, int end)
{
    char out[GW_TIME_TEXT_MAX];
    put(r, gw_time_format(gw_period_month(r->c->billed_ms, end), out));
}

static void charge_period(row *r, int end)
{
    char out[GW_TIME_TEXT_MAX];
    put(r, gw_time_format(end ? r->c->when.end_ms : r->c->when.start_ms, out));
}

/* ---- what ---------------------------------------------------------------------------------------------- */

static bool is_control_plane(const focus_charge *c)
{
    return c->kind == GW_LEAF_OVERHEAD && !*c->dim[GW_DIM_NODE] && !c->correction;
}

static void charge_class(row *r, int arg)
{
    GW_UNUSED(arg);
    put(r, r->c->correction ? "Correction" : "");
}

static void describe_correction(row *r)
{
    const focus_charge *c = r->c;
    gw_buf_printf(&r->cell, "Correction (%s) of %s%s%s", c->correction,
                  gw_is_shared_namespace(c->dim[GW_DIM_NAMESPACE]) ? "what no pod held"
                                                                   : c->dim[GW_DIM_NAMESPACE],
                  *c->dim[GW_DIM_WORKLOAD] ? "/" : "", c->dim[GW_DIM_WORKLOAD]);
}

static void description(row *r, int arg)
{
    GW_UNUSED(arg);
    const focus_charge *c = r->c;
    const char *model = *c->dim[GW_DIM_GPU_MODEL] ? c->dim[GW_DIM_GPU_MODEL] : "a GPU";
    if (c->correction)
        describe_correction(r);
    else if (c->kind == GW_LEAF_HELD)
        gw_buf_printf(&r->cell, "GPU time held by pod %s/%s on %s", c->dim[GW_DIM_NAMESPACE],
                      c->dim[GW_DIM_POD], model);
    else if (c->kind == GW_LEAF_IDLE)
        gw_buf_printf(&r->cell, "GPU time that no pod held on %s of node %s", model, c->dim[GW_DIM_NODE]);
    else if (is_control_plane(c))
        gw_buf_printf(&r->cell, "Control plane of cluster %s", c->dim[GW_DIM_CLUSTER]);
    else if (c->paid_ms > 0)
        gw_buf_printf(&r->cell, "GPU time of node %s that nothing reports", c->dim[GW_DIM_NODE]);
    else
        gw_buf_printf(&r->cell, "Part of node %s that is not GPU", c->dim[GW_DIM_NODE]);
    put_cell(r);
}

static void service(row *r, int subcategory)
{
    bool plane = is_control_plane(r->c);
    if (subcategory)
        put(r, plane ? "Containers" : "Virtual Machines");
    else
        put(r, plane ? "Kubernetes control plane" : "Kubernetes GPU nodes");
}

static void pricing_category(row *r, int arg)
{
    GW_UNUSED(arg);
    const char *capacity = r->c->dim[GW_DIM_CAPACITY];
    put(r, is_control_plane(r->c) || gw_eq(capacity, gw_capacity_name(GW_CAPACITY_ON_DEMAND)) ? "Standard"
           : gw_eq(capacity, gw_capacity_name(GW_CAPACITY_SPOT))                              ? "Dynamic"
                                                                                              : "Other");
}

/* Milliseconds that the quantity is of; 0: a correction that changed no GPU time has none. */
static int64_t quantity_ms(const focus_charge *c)
{
    return c->paid_ms || c->correction ? c->paid_ms : c->hours_ms;
}

static void quantity(row *r, int arg)
{
    GW_UNUSED(arg);
    int64_t ms = quantity_ms(r->c);
    if (ms)
        put_number(r, (double)ms / (double)GW_HOUR_MS);
    else
        put(r, "");
}

static void unit(row *r, int arg)
{
    GW_UNUSED(arg);
    put(r, !quantity_ms(r->c) ? "" : r->c->paid_ms ? "GPU-Hours" : "Hours");
}

static void unit_price(row *r, int arg)
{
    GW_UNUSED(arg);
    int64_t ms = quantity_ms(r->c);
    if (ms > 0 && !r->c->correction) /* µ$ / ms = 3.6 $ / h */
        put_number(r, (double)r->c->bill * 3.6 / (double)ms);
    else
        put(r, "");
}

static void sku(row *r, int price)
{
    const focus_charge *c = r->c;
    const char *type = c->dim[GW_DIM_INSTANCE_TYPE], *model = c->dim[GW_DIM_GPU_MODEL];
    if (c->correction) {
        put(r, "correction"); /* may be null in 1.2, must not in 1.0 */
        return;
    }
    gw_buf_puts(&r->cell, is_control_plane(c) ? "control-plane"
                          : *type             ? type
                          : *model            ? model
                                              : "unknown-node");
    if (price)
        gw_buf_printf(&r->cell, "/%s/%s", *c->dim[GW_DIM_REGION] ? c->dim[GW_DIM_REGION] : "unknown-region",
                      *c->dim[GW_DIM_CAPACITY] ? c->dim[GW_DIM_CAPACITY] : "unknown");
    put_cell(r);
}

static void resource(row *r, int what)
{
    enum { ID, NAME };
    const focus_charge *c = r->c;
    const char *node = c->dim[GW_DIM_NODE], *gpu = c->dim[GW_DIM_GPU];
    if (c->correction) {
        put(r, "");
        return;
    }
    if (what == ID) {
        gw_buf_puts(&r->cell, c->dim[GW_DIM_CLUSTER]);
        if (*node)
            gw_buf_printf(&r->cell, "/%s", node);
        if (*gpu)
            gw_buf_printf(&r->cell, "/%s", gpu);
        if (*c->dim[GW_DIM_PROFILE])
            gw_buf_printf(&r->cell, "/%s", c->dim[GW_DIM_PROFILE]);
        put_cell(r);
    } else if (what == NAME) {
        put(r, *gpu ? gpu : *node ? node : c->dim[GW_DIM_CLUSTER]);
    } else {
        put(r, is_control_plane(c)           ? "Control plane"
               : *c->dim[GW_DIM_PROFILE]     ? "MIG instance"
               : c->kind == GW_LEAF_OVERHEAD ? "Node"
                                             : "GPU");
    }
}

/* A JSON text; what is no UTF-8 becomes U+FFFD. */
static void put_json(gw_buf *b, const char *s)
{
    gw_str in = gw_str_of(s);
    gw_buf_putc(b, '"');
    for (size_t at = 0; at < in.n;) {
        char bytes[4];
        uint32_t c = gw_utf8_next(in, &at);
        if (c == '"' || c == '\\')
            gw_buf_printf(b, "\\%c", (char)c);
        else if (c < 0x20)
            gw_buf_printf(b, "\\u%04x", (unsigned)c);
        else
            gw_buf_add(b, bytes, gw_utf8_put(c, bytes));
    }
    gw_buf_putc(b, '"');
}

static void tags(row *r, int arg)
{
    static const gw_dim fields[] = {GW_DIM_TEAM,  GW_DIM_PROJECT,       GW_DIM_ENVIRONMENT,
                                    GW_DIM_MODEL, GW_DIM_MODEL_VERSION, GW_DIM_COST_CENTER};
    GW_UNUSED(arg);
    bool any = false;
    gw_buf_putc(&r->cell, '{');
    for (size_t i = 0; i < GW_COUNT(fields); i++) {
        const char *value = r->c->dim[fields[i]];
        if (gw_is_nobody(value))
            continue;
        gw_buf_puts(&r->cell, any ? ", " : "");
        put_json(&r->cell, gw_dim_name(fields[i]));
        gw_buf_puts(&r->cell, ": ");
        put_json(&r->cell, value);
        any = true;
    }
    gw_buf_putc(&r->cell, '}');
    put_cell(r);
}

static void leaf_kind(row *r, int arg)
{
    GW_UNUSED(arg);
    static const char *const kinds[] = {
        [GW_LEAF_HELD] = "held", [GW_LEAF_IDLE] = "idle", [GW_LEAF_OVERHEAD] = "overhead"};
    put(r, kinds[r->c->kind]);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

#define FIELD(f) ((int)offsetof(focus_charge, f))

/* name, how it is written, with what */
#define COLUMNS(X)                                                                                           \
    X("BilledCost", cost, FIELD(bill))                                                                       \
    X("BillingAccountId", account, 0)                                                                        \
    X("BillingAccountName", account, 1)                                                                      \
    X("BillingCurrency", text, TEXT_USD)                                                                     \
    X("BillingPeriodEnd", billing_period, 1)                                                                 \
    X("BillingPeriodStart", billing_period, 0)                                                               \
    X("ChargeCategory", text, TEXT_USAGE)                                                                    \
    X("ChargeClass", charge_class, 0)                                                                        \
    X("ChargeDescription", description, 0)                                                                   \
    X("ChargeFrequency", text, TEXT_USAGE_BASED)                                                             \
    X("ChargePeriodEnd", charge_period, 1)                                                                   \
    X("ChargePeriodStart", charge_period, 0)                                                                 \
    X("CommitmentDiscountCategory", null, 0)                                                                 \
    X("CommitmentDiscountId", null, 0)                                                                       \
    X("CommitmentDiscountName", null, 0)                                                                     \
    X("CommitmentDiscountStatus", null, 0)                                                                   \
    X("CommitmentDiscountType", null, 0)                                                                     \
    X("ConsumedQuantity", quantity, 0)                                                                       \
    X("ConsumedUnit", unit, 0)                                                                               \
    X("ContractedCost", cost, FIELD(bill))                                                                   \
    X("ContractedUnitPrice", unit_price, 0)                                                                  \
    X("EffectiveCost", cost, FIELD(bill))                                                                    \
    X("InvoiceIssuerName", provider, 0)                                                                      \
    X("ListCost", cost, FIELD(bill))                                                                         \
    X("ListUnitPrice", unit_price, 0)                                                                        \
    X("PricingCategory", pricing_category, 0)                                                                \
    X("PricingQuantity", quantity, 0)                                                                        \
    X("PricingUnit", unit, 0)                                                                                \
    X("ProviderName", provider, 0)                                                                           \
    X("PublisherName", provider, 0)                                                                          \
    X("RegionId", dimension, GW_DIM_REGION)                                                                  \
    X("RegionName", dimension, GW_DIM_REGION)                                                                \
    X("ResourceId", resource, 0)                                                                             \
    X("ResourceName", resource, 1)                                                                           \
    X("ResourceType", resource, 2)                                                                           \
    X("ServiceCategory", text, TEXT_COMPUTE)                                                                 \
    X("ServiceName", service, 0)                                                                             \
    X("ServiceSubcategory", service, 1)                                                                      \
    X("SkuId", sku, 0)                                                                                       \
    X("SkuPriceId", sku, 1)                                                                                  \
    X("SubAccountId", dimension, GW_DIM_CLUSTER)                                                             \
    X("SubAccountName", dimension, GW_DIM_CLUSTER)                                                           \
    X("SubAccountType", text, TEXT_CLUSTER)                                                                  \
    X("Tags", tags, 0)                                                                                       \
    X("x_LeafKind", leaf_kind, 0)                                                                            \
    X("x_Cluster", dimension, GW_DIM_CLUSTER)                                                                \
    X("x_Namespace", dimension, GW_DIM_NAMESPACE)                                                            \
    X("x_Workload", dimension, GW_DIM_WORKLOAD)                                                              \
    X("x_WorkloadKind", dimension, GW_DIM_WORKLOAD_KIND)                                                     \
    X("x_Pod", dimension, GW_DIM_POD)                                                                        \
    X("x_Team", dimension, GW_DIM_TEAM)                                                                      \
    X("x_Project", dimension, GW_DIM_PROJECT)                                                                \
    X("x_Environment", dimension, GW_DIM_ENVIRONMENT)                                                        \
    X("x_Model", dimension, GW_DIM_MODEL)                                                                    \
    X("x_ModelVersion", dimension, GW_DIM_MODEL_VERSION)                                                     \
    X("x_CostCenter", dimension, GW_DIM_COST_CENTER)                                                         \
    X("x_WorkloadClass", dimension, GW_DIM_CLASS)                                                            \
    X("x_Node", dimension, GW_DIM_NODE)                                                                      \
    X("x_InstanceType", dimension, GW_DIM_INSTANCE_TYPE)                                                     \
    X("x_Capacity", dimension, GW_DIM_CAPACITY)                                                              \
    X("x_GpuModel", dimension, GW_DIM_GPU_MODEL)                                                             \
    X("x_GpuUuid", dimension, GW_DIM_GPU)                                                                    \
    X("x_MigProfile", dimension, GW_DIM_PROFILE)                                                             \
    X("x_UsedCost", cost, FIELD(used))                                                                       \
    X("x_WastedCost", cost, FIELD(wasted))                                                                   \
    X("x_ReclaimableCost", cost, FIELD(reclaimable))                                                         \
    X("x_IdleCost", cost, FIELD(idle))                                                                       \
    X("x_UnknownCost", cost, FIELD(unknown))                                                                 \
    X("x_OverheadCost", cost, FIELD(overhead))                                                               \
    X("x_AllocatedGpuHours", hours, FIELD(allocated_ms))                                                     \
    X("x_KnownGpuHours", hours, FIELD(known_ms))                                                             \
    X("x_UsedGpuHours", hours, FIELD(used_ms))

#define NAME(name, how, arg) name,
const char *const focus_columns[] = {COLUMNS(NAME)};
const size_t focus_n_columns = GW_COUNT(focus_columns);

static const struct {
    writer write;
    int arg;
} writers[] = {
#define HOW(name, how, arg) {how, arg},
    COLUMNS(HOW)};

void focus_row_write(gw_buf *b, const gw_focus_options *o, const focus_charge *c)
{
    row r = {.out = b, .o = o, .c = c};
    gw_buf_init(&r.cell, CELL_MAX);
    for (size_t i = 0; i < GW_COUNT(writers); i++) {
        if (i)
            gw_buf_putc(b, ',');
        writers[i].write(&r, writers[i].arg);
    }
    gw_buf_putc(b, '\n');
    gw_buf_free(&r.cell);
}

/* ---- the provider -------------------------------------------------------------------------------------- */

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "p4d.24xlarge", "g6e.xlarge", "trn1.32xlarge", "g5.metal": letters, a generation, letters, a dot, a size.
 */
static bool is_aws(const char *s)
{
    const char *at = s;
    while (is_lower(*at))
        at++;
    if (at == s || !is_digit(*at))
        return false;
    while (is_digit(*at) || is_lower(*at) || *at == '-')
        at++;
    if (*at++ != '.')
        return false;
    size_t n = strlen(at);
    return gw_has_prefix(at, "metal") || (n >= 5 && strcmp(at + n - 5, "large") == 0) ||
           strcmp(at, "medium") == 0;
}

/* "a2-highgpu-1g", "n1-standard-8", "g2-standard-4": a letter, a generation, a family, a size. */
static bool is_gcp(const char *s)
{
    static const char *const families[] = {"-standard-", "-highmem-", "-highcpu-", "-highgpu-",
                                           "-ultragpu-", "-megagpu-", "-edgegpu-", "-custom-"};
    if (!is_lower(s[0]) || !is_digit(s[1]))
        return false;
    const char *dash = strchr(s, '-');
    for (size_t i = 0; dash && i < GW_COUNT(families); i++)
        if (gw_has_prefix(dash, families[i]))
            return true;
    return false;
}

const char *gw_focus_provider(const char *instance_type)
{
    if (!instance_type || !*instance_type)
        return NULL;
    if (gw_has_prefix(instance_type, "Standard_"))
        return "Microsoft Azure";
    return is_aws(instance_type) ? "Amazon Web Services" : is_gcp(instance_type) ? "Google Cloud" : NULL;
}
