/* gpuwise price: the same GPU across clouds, cheapest first, with the spread. */
#include "price/price.h"

#include "cli/cli.h"
#include "format/table.h"
#include "present/pipeline.h"
#include "present/render.h"

#define OFFERS_SHOWN 40 /* of -o table */

static const char *or_dash(const char *s)
{
    return s ? s : "–";
}

static void count_cell(gw_table *t, int64_t n, int64_t per)
{
    char text[GW_DECIMAL_TEXT_MAX];
    if (n == GW_UNKNOWN_COUNT)
        gw_table_cell_add(t, GW_STYLE_PLAIN, "–");
    else
        gw_table_cell_add(t, GW_STYLE_PLAIN, gw_decimal_format((double)n / (double)per, 3, true, text));
}

/* Hourly prices are shown to a hundredth of a cent: spot prices differ there. */
static void hourly_cell(gw_table *t, gw_micro m)
{
    char text[GW_DECIMAL_TEXT_MAX];
    if (!gw_micro_known(m))
        gw_table_cell_add(t, GW_STYLE_YELLOW, "–");
    else
        gw_table_cell_add(t, GW_STYLE_PLAIN, gw_decimal_format((double)m / (double)GW_USD, 4, false, text));
}

static void put_columns(gw_table *t, bool wide)
{
    static const gw_table_column columns[] = {
        {"GPU", false, 0, 0},       {"GPUS", true, 0, 0},           {"PROVIDER", false, 0, 4},
        {"INSTANCE", false, 12, 0}, {"CAPACITY", false, 0, 0},      {"CHEAPEST REGION", false, 10, 0},
        {"$ GPU h", true, 0, 0},    {"MEDIAN $ GPU h", true, 0, 2}, {"MAX $ GPU h", true, 0, 3},
        {"$ h", true, 0, 1},
    };
    static const gw_table_column more[] = {
        {"REGIONS", true, 0, 0}, {"GPU MEM GiB", true, 0, 0}, {"VCPUS", true, 0, 0},
        {"MEM GiB", true, 0, 0}, {"AS OF", false, 0, 0},      {"SOURCE", false, 0, 0},
    };
    for (size_t i = 0; i < GW_COUNT(columns); i++)
        gw_table_column_add(t, columns[i]);
    for (size_t i = 0; wide && i < GW_COUNT(more); i++)
        gw_table_column_add(t, more[i]);
}

static void put_offer(gw_table *t, const gw_price_offer *o, bool wide)
{
    const gw_price *p = o->price;
    gw_style s = o->asked ? GW_STYLE_BOLD : GW_STYLE_PLAIN;
    gw_table_cell_add(t, s, or_dash(p->gpu));
    count_cell(t, p->gpu_milli != GW_UNKNOWN_COUNT ? p->gpu_milli : p->gpus,
               p->gpu_milli != GW_UNKNOWN_COUNT ? 1000 : 1);
    gw_table_cell_add(t, s, p->provider == GW_PROVIDER_UNKNOWN ? "–" : gw_provider_name(p->provider));
    gw_table_cell_add(t, s, or_dash(p->instance_type));
    gw_table_cell_add(t, s, p->capacity == GW_CAPACITY_UNKNOWN ? "any" : gw_capacity_name(p->capacity));
    gw_table_cell_add(t, s, p->zone ? p->zone : p->region ? p->region : "any");
    hourly_cell(t, o->gpu_hourly);
    hourly_cell(t, o->regions.median);
    hourly_cell(t, o->regions.max);
    hourly_cell(t, p->hourly);
    if (!wide)
        return;
    gw_table_cellf(t, GW_STYLE_PLAIN, "%zu", o->regions.n);
    count_cell(t, p->gpu_memory_mib, 1024);
    count_cell(t, p->vcpu_milli, 1000);
    count_cell(t, p->memory_mib, 1024);
    gw_table_cell_add(t, GW_STYLE_PLAIN, or_dash(p->as_of));
    gw_table_cell_add(t, GW_STYLE_PLAIN, or_dash(p->source));
}

static void put_spread(gw_buf *b, const char *name, const gw_price_spread *s)
{
    char text[3][GW_DECIMAL_TEXT_MAX];
    if (s->n == 0)
        return;
    double min = (double)s->min / (double)GW_USD, median = (double)s->median / (double)GW_USD,
           max = (double)s->max / (double)GW_USD;
    gw_buf_printf(b, "%-10s $%s to $%s a GPU hour", name, gw_decimal_format(min, 4, false, text[0]),
                  gw_decimal_format(max, 4, false, text[1]));
    if (min > 0)
        gw_buf_printf(b, " (%.1f times)", max / min);
    gw_buf_printf(b, ", median $%s, %zu prices\n", gw_decimal_format(median, 4, false, text[2]), s->n);
}

static int write_table(const gw_cli *cli, const gw_price_comparison *c, gw_buf *b, gw_error *e)
{
    bool wide = cli->options.output == GW_OUTPUT_WIDE;
    size_t shown = wide ? c->n_offers : GW_MIN(c->n_offers, (size_t)OFFERS_SHOWN);
    gw_table t;
    put_spread(b, "on-demand", &c->on_demand);
    put_spread(b, "spot", &c->spot);
    gw_buf_putc(b, '\n');
    gw_table_init(&t);
    put_columns(&t, wide);
    for (size_t i = 0; i < shown; i++)
        put_offer(&t, &c->offers[i], wide);
    int rc = gw_table_write(&t, b, wide ? 0 : GW_TABLE_WIDTH, 0, cli->colour, e);
    gw_table_free(&t);
    if (c->n_offers > shown)
        gw_buf_printf(b, "%zu more, dearer: -o wide lists them all\n", c->n_offers - shown);
    return rc;
}

/* ---- documents ----------------------------------------------------------------------------------------- */

static void doc_count(gw_doc *d, const char *key, int64_t n, int64_t per)
{
    if (n == GW_UNKNOWN_COUNT)
        gw_doc_null(d, key);
    else
        gw_doc_number(d, key, (double)n / (double)per, 3);
}

static void doc_spread(gw_doc *d, const char *key, const gw_price_spread *s)
{
    gw_doc_object(d, key);
    gw_doc_money(d, "min", s->min);
    gw_doc_money(d, "median", s->median);
    gw_doc_money(d, "max", s->max);
    gw_doc_int(d, "prices", (int64_t)s->n);
    gw_doc_end(d);
}

static void doc_offer(gw_doc *d, const gw_price_offer *o)
{
    const gw_price *p = o->price;
    gw_doc_object(d, NULL);
    gw_doc_text(d, "gpu", p->gpu);
    doc_count(d, "gpus", p->gpu_milli != GW_UNKNOWN_COUNT ? p->gpu_milli : p->gpus,
              p->gpu_milli != GW_UNKNOWN_COUNT ? 1000 : 1);
    doc_count(d, "gpuMemoryGiB", p->gpu_memory_mib, 1024);
    gw_doc_text(d, "provider", p->provider == GW_PROVIDER_UNKNOWN ? NULL : gw_provider_name(p->provider));
    gw_doc_text(d, "instanceType", p->instance_type);
    gw_doc_text(d, "capacity", p->capacity == GW_CAPACITY_UNKNOWN ? NULL : gw_capacity_name(p->capacity));
    gw_doc_text(d, "region", p->region);
    gw_doc_text(d, "zone", p->zone);
    doc_count(d, "vcpus", p->vcpu_milli, 1000);
    doc_count(d, "memoryGiB", p->memory_mib, 1024);
    gw_doc_money(d, "hourly", p->hourly);
    gw_doc_money(d, "gpuHourly", o->gpu_hourly);
    doc_spread(d, "regions", &o->regions);
    gw_doc_text(d, "source", p->source);
    gw_doc_text(d, "asOf", p->as_of);
    gw_doc_end(d);
}

static int write_doc(gw_doc_format format, const gw_price_comparison *c, gw_buf *b, gw_error *e)
{
    gw_doc d;
    gw_doc_init(&d, format, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "gpuwise/v1");
    gw_doc_text(&d, "kind", "PriceComparison");
    gw_doc_text(&d, "currency", "USD");
    gw_doc_text(&d, "gpu", c->gpu);
    doc_spread(&d, "onDemand", &c->on_demand);
    doc_spread(&d, "spot", &c->spot);
    gw_doc_array(&d, "offers");
    for (size_t i = 0; i < c->n_offers; i++)
        doc_offer(&d, &c->offers[i]);
    gw_doc_end(&d);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

/* The catalogue's texts hold no comma or quote; a user's might. */
static void csv_text(gw_buf *b, const char *s)
{
    if (s && strpbrk(s, ",\"\r\n")) {
        gw_buf_putc(b, '"');
        for (; *s; s++) {
            if (*s == '"')
                gw_buf_putc(b, '"');
            gw_buf_putc(b, *s);
        }
        gw_buf_putc(b, '"');
    } else if (s) {
        gw_buf_puts(b, s);
    }
    gw_buf_putc(b, ',');
}

static void csv_money(gw_buf *b, gw_micro m)
{
    char text[GW_MICRO_TEXT_MAX];
    gw_buf_puts(b, gw_micro_known(m) ? gw_micro_format(m, text) : "");
    gw_buf_putc(b, ',');
}

static int write_csv(const gw_price_comparison *c, gw_buf *b, gw_error *e)
{
    gw_buf_puts(b, "gpu,provider,instance_type,capacity,region,zone,source,as_of,hourly_usd,gpu_hourly_usd,"
                   "median_gpu_hourly_usd,max_gpu_hourly_usd,gpus\n");
    for (size_t i = 0; i < c->n_offers; i++) {
        const gw_price_offer *o = &c->offers[i];
        const gw_price *p = o->price;
        char text[GW_DECIMAL_TEXT_MAX];
        csv_text(b, p->gpu);
        csv_text(b, p->provider == GW_PROVIDER_UNKNOWN ? NULL : gw_provider_name(p->provider));
        csv_text(b, p->instance_type);
        csv_text(b, p->capacity == GW_CAPACITY_UNKNOWN ? NULL : gw_capacity_name(p->capacity));
        csv_text(b, p->region);
        csv_text(b, p->zone);
        csv_text(b, p->source);
        csv_text(b, p->as_of);
        csv_money(b, p->hourly);
        csv_money(b, o->gpu_hourly);
        csv_money(b, o->regions.median);
        csv_money(b, o->regions.max);
        if (p->gpu_milli != GW_UNKNOWN_COUNT)
            gw_buf_puts(b, gw_decimal_format((double)p->gpu_milli / 1000, 3, true, text));
        else if (p->gpus != GW_UNKNOWN_COUNT)
            gw_buf_printf(b, "%" PRId64, p->gpus);
        gw_buf_putc(b, '\n');
    }
    return gw_buf_check(b, "the output", e);
}

static int write_comparison(const gw_cli *cli, const gw_price_comparison *c, gw_error *e)
{
    gw_buf b;
    int rc;
    gw_buf_init(&b, GW_ANSWER_BYTES_MAX);
    switch (cli->options.output) {
    case GW_OUTPUT_JSON:
    case GW_OUTPUT_YAML:
        rc = write_doc(cli->options.output == GW_OUTPUT_JSON ? GW_DOC_JSON : GW_DOC_YAML, c, &b, e);
        break;
    case GW_OUTPUT_CSV:
        rc = write_csv(c, &b, e);
        break;
    default:
        rc = write_table(cli, c, &b, e);
        break;
    }
    if (rc == 0)
        rc = gw_buf_check(&b, "the output", e);
    if (rc == 0)
        rc = gw_cli_write(&b, e);
    gw_buf_free(&b);
    return rc;
}

static int run(gw_cli *cli, gw_error *e)
{
    const gw_options *o = &cli->options;
    gw_price_query q = {.what = cli->operands.n ? cli->operands.items[0] : NULL,
                        .provider = (gw_provider)o->provider,
                        .capacity = (gw_capacity)o->capacity,
                        .region = o->region,
                        .each_region = o->each_region};
    gw_price_list *l = NULL;
    gw_price_comparison c;
    gw_arena arena;
    int rc = gw_price_list_open(o, &l, e);
    if (rc)
        return rc;
    gw_arena_init(&arena, 0);
    rc = gw_price_compare(l, &q, &arena, &c, e);
    if (rc == 0)
        rc = write_comparison(cli, &c, e);
    gw_arena_free(&arena);
    gw_price_list_free(l);
    return rc;
}

static const gw_option files[] = {
    {.name = "prices",
     .kind = GW_OPTION_LIST,
     .offset = offsetof(gw_options, prices),
     .value = "FILE",
     .help = "Price list, CSV or YAML; later files win over earlier ones, files over the catalogue",
     .env = "GPUWISE_PRICES",
     .complete = "file"},
    {.name = "no-catalogue",
     .kind = GW_OPTION_FLAG,
     .offset = offsetof(gw_options, no_catalogue),
     .help = "Take prices from --prices only"},
    {0}};
static const gw_option_group files_group = {"Prices", files};
static const gw_option_group *const groups[] = {&gw_options_price, &files_group, &gw_options_output_price,
                                                NULL};

const gw_verb gw_verb_price = {
    {.name = "price",
     .summary = "The same GPU across clouds, cheapest first, with the spread",
     .operands = "[GPU|INSTANCE]",
     .max_operands = 1,
     .operand_words = "H100 H200 A100 L40S L4 A10G T4 V100",
     .text = "GPU in any spelling (h100, A100-80GB), or an instance type, which is then shown\n"
             "among the offers of its GPU. List prices, before any discount; instances with\n"
             "a part of a board are compared by the whole board.",
     .examples =
         "price H100\nprice g6e.48xlarge --provider aws --each-region\nprice L40S --capacity spot -o json",
     .groups = groups},
    run};
