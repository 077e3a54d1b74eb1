/*
 * A price file of any format, and a fleet priced with whatever it says. Whatever the text: no price that is
 * negative or that nobody gave, parts that add up, and a sentence wherever a price is unknown.
 */
#include "format/csv.h"
#include "price/price.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

static void add_nodes(gw_fleet *f)
{
    static const struct {
        const char *name, *type, *region, *product;
        gw_capacity capacity;
        int64_t gpus;
    } nodes[] = {
        {"gpu-node-1", "g6e.48xlarge", "us-east-1", "NVIDIA-L40S", GW_CAPACITY_ON_DEMAND, 8},
        {"gpu-node-2", "n1-standard-8", "us-central1", "nvidia-tesla-t4", GW_CAPACITY_SPOT, 2},
        {"cellar", NULL, NULL, "NVIDIA H100 80GB HBM3", GW_CAPACITY_UNKNOWN, GW_UNKNOWN_COUNT},
    };
    for (size_t i = 0; i < GW_COUNT(nodes); i++) {
        uint32_t n = gw_fleet_node(f, gw_str_of(nodes[i].name), NULL);
        f->nodes[n].instance_type = nodes[i].type;
        f->nodes[n].region = nodes[i].region;
        f->nodes[n].gpu_product = nodes[i].product;
        f->nodes[n].capacity = nodes[i].capacity;
        f->nodes[n].gpu_count = nodes[i].gpus;
        f->nodes[n].managed_control_plane = true;
        f->nodes[n].provider = GW_PROVIDER_AWS;
        gw_fleet_label(f, &f->nodes[n].labels, gw_str_of("pool"), gw_str_of("train"), true);
    }
}

static void check_book(const gw_price_book *b)
{
    CHECK(b->control_plane_hourly >= 0);
    for (size_t i = 0; i < b->n_nodes; i++) {
        const gw_node_price *p = &b->nodes[i];
        bool known = gw_micro_known(p->hourly);
        CHECK(known || !gw_micro_known(p->gpu_hourly));
        CHECK(known == (p->formula != NULL));
        CHECK((p->why_unknown != NULL) == !gw_micro_known(p->gpu_hourly));
        if (!known)
            continue;
        CHECK(p->hourly >= 0 && p->overhead_hourly >= 0 && p->overhead_hourly <= p->hourly);
        /* the GPU-hours of the node are its price without the overhead, but for rounding each to a
         * micro-dollar */
        if (gw_micro_known(p->gpu_hourly)) {
            gw_micro off = p->gpu_hourly * p->gpus + p->overhead_hourly - p->hourly;
            CHECK(off <= p->gpus && off >= -p->gpus);
        }
    }
}

static void use(gw_price_list *l)
{
    gw_fleet f;
    gw_price_book b;
    gw_price_comparison c;
    gw_arena a;
    gw_price_query everything = {.each_region = true};
    gw_fleet_init(&f);
    gw_price_book_init(&b);
    gw_arena_init(&a, 0);
    add_nodes(&f);
    CHECK(gw_price_fleet(l, &f, NULL, &b, NULL) == 0);
    check_book(&b);
    if (gw_price_compare(l, &everything, &a, &c, NULL) == 0)
        CHECK(c.n_offers > 0);
    gw_arena_free(&a);
    gw_price_book_free(&b);
    gw_fleet_free(&f);
}

/* What is written is read back the same. */
static void check_csv(gw_str text)
{
    static gw_csv csv;
    gw_buf b;
    gw_buf_init(&b, (size_t)1 << 20);
    gw_csv_write_field(&b, text, false);
    gw_buf_puts(&b, ",end");
    CHECK(!b.failed);
    gw_csv_init(&csv, "fuzz", (gw_str){b.data, b.len});
    int r = gw_csv_next(&csv, NULL);
    bool has_nul = text.n && memchr(text.p, 0, text.n);
    /* a byte-order mark at the start of a file is not part of its first field */
    bool has_mark = text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0;
    if (!has_nul && !has_mark)
        CHECK(r == 1 && csv.n == 2 && gw_str_eq(csv.field[0].value, text));
    gw_csv_free(&csv);
    gw_buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const gw_price_options options = {.no_catalogue = true,
                                             .discount = 0.15,
                                             .spot_discount = 0.5,
                                             .split = true,
                                             .control_plane_hourly = GW_MICRO_UNKNOWN,
                                             .default_region = "us-east-1"};
    gw_price_list *l;
    if (size > 65536)
        return 0;
    CHECK(gw_price_list_new(&options, &l, NULL) == 0);
    gw_error e = {0};
    int r = gw_price_list_add_text(l, "fuzz", (gw_str){(const char *)data, size}, &e);
    CHECK(r == 0 || (r == e.code && e.message[0]));
    use(l);
    gw_price_list_free(l);
    check_csv((gw_str){(const char *)data, size});
    return 0;
}
