#include "gw_test.h"

#include "price/price.h"

static gw_price_list *list;
static gw_arena arena;

static void start(bool no_catalogue, const char *prices)
{
    gw_error e = {0};
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.no_catalogue = no_catalogue;
    gw_arena_init(&arena, 0);
    if (gw_price_list_new(&o, &list, &e) ||
        (prices && gw_price_list_add_text(list, "p", gw_str_of(prices), &e)))
        fail_msg("%s", e.message);
}

static void stop(void)
{
    gw_price_list_free(list);
    gw_arena_free(&arena);
}

static gw_price_comparison compare(gw_price_query q)
{
    gw_price_comparison c;
    gw_error e = {0};
    if (gw_price_compare(list, &q, &arena, &c, &e))
        fail_msg("%s", e.message);
    return c;
}

/* Three instance types of one GPU, by the board-hour: big 8/8 = 1.00 in r1 and 16/8 = 2.00 in r2, small 1.5,
 * part 0.5 for an eighth = 4.00; spot 0.6. */
static const char *table = "provider,instance_type,region,capacity,gpu,gpus,gpu_milli,hourly_usd\n"
                           "aws,big,r1,on-demand,L4,8,,8\n"
                           "aws,big,r2,on-demand,L4,8,,16\n"
                           "aws,big,r1,spot,L4,8,,4.8\n"
                           "gcp,small,r1,on-demand,L4,1,,1.5\n"
                           "azure,part,r1,on-demand,L4,1,125,0.5\n"
                           "azure,odd,r1,on-demand,L4,,,0.1\n"
                           "aws,other,r1,on-demand,T4,1,,0.2\n";

static void cheapest_board_hour_first(void **state)
{
    GW_UNUSED(state);
    start(true, table);
    gw_price_comparison c = compare((gw_price_query){.what = "NVIDIA L4"});
    assert_string_equal(c.gpu, "L4");
    assert_int_equal(c.n_offers, 5);
    const struct {
        const char *type;
        gw_micro board;
        size_t regions;
    } want[] = {{"big", 600000, 1},
                {"big", 1000000, 2},
                {"small", 1500000, 1},
                {"part", 4000000, 1},
                {"odd", GW_MICRO_UNKNOWN, 0}}; /* of unknown part: last, not free */
    for (size_t i = 0; i < GW_COUNT(want); i++) {
        assert_string_equal(c.offers[i].price->instance_type, want[i].type);
        assert_true(c.offers[i].gpu_hourly == want[i].board);
        assert_int_equal(c.offers[i].regions.n, want[i].regions);
        assert_false(c.offers[i].asked);
    }
    assert_string_equal(c.offers[1].price->region, "r1"); /* the cheapest region stands for all */
    assert_int_equal(c.offers[1].regions.max, 2000000);
    /* on demand: 1.00 1.50 2.00 4.00; the median of four is the second */
    assert_int_equal(c.on_demand.n, 4);
    assert_int_equal(c.on_demand.min, 1000000);
    assert_int_equal(c.on_demand.median, 1500000);
    assert_int_equal(c.on_demand.max, 4000000);
    assert_int_equal(c.spot.n, 1);
    assert_int_equal(c.spot.median, 600000);
    stop();
}

static void narrows_and_widens(void **state)
{
    GW_UNUSED(state);
    start(true, table);
    assert_int_equal(compare((gw_price_query){.what = "l4", .each_region = true}).n_offers, 6);
    assert_int_equal(compare((gw_price_query){.what = "l4", .region = "r2"}).n_offers, 1);
    assert_int_equal(compare((gw_price_query){.what = "l4", .provider = GW_PROVIDER_AWS}).n_offers, 2);
    assert_int_equal(compare((gw_price_query){.what = "l4", .capacity = GW_CAPACITY_SPOT}).n_offers, 1);
    assert_int_equal(compare((gw_price_query){0}).n_offers, 6);             /* everything */
    assert_int_equal(compare((gw_price_query){.what = "*o*"}).n_offers, 2); /* odd, other */
    /* an instance type brings every offer of its GPU, and is marked */
    gw_price_comparison c = compare((gw_price_query){.what = "SMALL"});
    assert_string_equal(c.gpu, "L4");
    assert_int_equal(c.n_offers, 5);
    assert_true(c.offers[2].asked);
    assert_false(c.offers[1].asked);
    gw_error e;
    gw_price_query q = {.what = "H100"};
    assert_int_equal(gw_price_compare(list, &q, &arena, &c, &e), GW_ENOTFOUND);
    assert_non_null(strstr(e.message, "T4, ") ? strstr(e.message, "L4") : strstr(e.message, "L4, "));
    q = (gw_price_query){.what = "L4", .region = "r9"};
    assert_int_equal(gw_price_compare(list, &q, &arena, &c, &e), GW_ENOTFOUND);
    assert_non_null(strstr(e.message, "r9"));
    stop();
}

static void a_later_row_hides_the_same_row(void **state)
{
    GW_UNUSED(state);
    start(false,
          "provider,instance_type,region,capacity,hourly_usd\naws,p5.48xlarge,us-east-1,on-demand,40\n");
    gw_price_comparison c =
        compare((gw_price_query){.what = "p5.48xlarge", .provider = GW_PROVIDER_AWS, .region = "us-east-1"});
    size_t seen = 0;
    for (size_t i = 0; i < c.n_offers; i++) {
        if (!c.offers[i].asked)
            continue;
        seen++;
        assert_int_equal(c.offers[i].price->hourly, 40 * GW_USD);
        assert_int_equal(c.offers[i].gpu_hourly, 5 * GW_USD);
    }
    assert_int_equal(seen, 1);
    stop();
}

static void compares_across_clouds(void **state)
{
    GW_UNUSED(state);
    start(false, NULL);
    gw_price_comparison c = compare((gw_price_query){.what = "H100"});
    bool provider[5] = {false};
    for (size_t i = 0; i < c.n_offers; i++) {
        provider[c.offers[i].price->provider] = true;
        assert_string_equal(gw_gpu_family(c.offers[i].price->gpu), "H100");
        if (i && gw_micro_known(c.offers[i].gpu_hourly))
            assert_true(c.offers[i].gpu_hourly >= c.offers[i - 1].gpu_hourly);
    }
    assert_true(provider[GW_PROVIDER_AWS] && provider[GW_PROVIDER_AZURE] && provider[GW_PROVIDER_GCP]);
    assert_true(c.on_demand.min <= c.on_demand.median && c.on_demand.median <= c.on_demand.max);
    /* the p5 is $55.04 / 8 = $6.88 */
    assert_true(c.on_demand.min <= 6880000 && c.on_demand.max >= 6880000);
    stop();
}

static void survives_want_of_memory(void **state)
{
    GW_UNUSED(state);
    start(false, NULL);
    for (uint64_t n = 1;; n++) {
        gw_price_comparison c;
        gw_error e;
        gw_price_query q = {.what = "L4"};
        gw_arena_free(&arena);
        gw_mem_fail_at(n);
        int r = gw_price_compare(list, &q, &arena, &c, &e);
        bool done = gw_mem_count() < n;
        gw_mem_fail_at(0);
        if (done) {
            assert_int_equal(r, 0);
            assert_true(n > 1);
            break;
        }
        assert_int_equal(r, GW_ENOMEM);
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cheapest_board_hour_first),      cmocka_unit_test(narrows_and_widens),
        cmocka_unit_test(a_later_row_hides_the_same_row), cmocka_unit_test(compares_across_clouds),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests_name("compare prices", tests, NULL, NULL);
}
