/* Reading price files: every format, told apart by header, and errors that say where. */
#include "gw_test.h"

#include <unistd.h>

#include "price/price.h"

static gw_price_list *empty_list(void)
{
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    gw_price_list *l;
    o.no_catalogue = true;
    assert_int_equal(gw_price_list_new(&o, &l, NULL), 0);
    return l;
}

static const gw_price *rows(gw_price_list *l, const char *text, size_t n)
{
    gw_error e = {0};
    size_t got;
    if (gw_price_list_add_text(l, "p", gw_str_of(text), &e))
        fail_msg("%s", e.message);
    const gw_price *r = gw_price_rows(l, &got);
    assert_int_equal(got, n);
    return r;
}

static void reads_our_csv(void **state)
{
    GW_UNUSED(state);
    gw_price_list *l = empty_list();
    const gw_price *r =
        rows(l,
             "\xef\xbb\xbf# what we pay\r\n"
             "provider,instance_type,region,capacity,gpu,gpus,hourly_usd,as_of,source,vcpus,memory_gib,"
             "gpu_memory_gib\r\n"
             "aws,g6e.xlarge,us-east-1,on-demand,,,$1.861,2026-07-01,\"contract, 4711\",,,\r\n"
             "other,big-box,,,NVIDIA H100 80GB HBM3,8,20.5,,,64,512.5,80\r\n",
             2);
    assert_int_equal(r[0].provider, GW_PROVIDER_AWS);
    assert_int_equal(r[0].capacity, GW_CAPACITY_ON_DEMAND);
    assert_string_equal(r[0].instance_type, "g6e.xlarge");
    assert_string_equal(r[0].region, "us-east-1");
    assert_int_equal(r[0].hourly, 1861000);
    assert_string_equal(r[0].source, "contract, 4711");
    assert_string_equal(r[0].as_of, "2026-07-01");
    /* what the file leaves out is known of the instance type: g6e.xlarge has one L40S, 4 vCPUs, 32 GiB */
    assert_string_equal(r[0].gpu, "L40S");
    assert_int_equal(r[0].gpus, 1);
    assert_int_equal(r[0].gpu_milli, 1000);
    assert_int_equal(r[0].vcpu_milli, 4000);
    assert_int_equal(r[0].memory_mib, 32 * 1024);
    assert_string_equal(r[1].gpu, "H100-80GB");
    assert_int_equal(r[1].gpu_milli, 8000);
    assert_int_equal(r[1].memory_mib, 524800); /* 512.5 × 1024 */
    assert_int_equal(r[1].gpu_memory_mib, 80 * 1024);
    assert_null(r[1].region);
    assert_null(r[1].as_of);
    assert_string_equal(r[1].source, "p:4");
    assert_true(r[1].gpu_hourly == GW_MICRO_UNKNOWN);
    gw_price_list_free(l);
}

static void reads_our_yaml(void **state)
{
    GW_UNUSED(state);
    gw_price_list *l = empty_list();
    const gw_price *r = rows(l,
                             "# our contract\n"
                             "apiVersion: gpuwise/v1\n"
                             "kind: Prices\n"
                             "currency: USD\n"
                             "source: contract 4711\n"
                             "as_of: 2026-08-01\n"
                             "prices:\n"
                             "- {provider: azure, instance_type: Standard_ND96isr_H100_v5, region: eastus,\n"
                             "   capacity: spot, hourly_usd: 40.000001}\n"
                             "- gpu: a100-80gb\n"
                             "  gpu_hourly_usd: 1.5\n"
                             "  source: broker\n"
                             "  as_of: 2026-09-01\n",
                             2);
    assert_int_equal(r[0].provider, GW_PROVIDER_AZURE);
    assert_int_equal(r[0].capacity, GW_CAPACITY_SPOT);
    assert_int_equal(r[0].hourly, 40000001);
    assert_int_equal(r[0].gpus, 8);
    assert_string_equal(r[0].source, "contract 4711");
    assert_string_equal(r[0].as_of, "2026-08-01");
    assert_string_equal(r[1].gpu, "A100-80GB");
    assert_int_equal(r[1].gpu_hourly, 1500000);
    assert_true(r[1].hourly == GW_MICRO_UNKNOWN);
    assert_string_equal(r[1].source, "broker");
    assert_string_equal(r[1].as_of, "2026-09-01");
    /* JSON is YAML */
    rows(l, "{\"prices\": [{\"instance_type\": \"x\", \"hourly_usd\": \"1.25\"}]}", 3);
    gw_price_list_free(l);
}

/* Every mistake is found, at its place, and the list is as it was. */
static void mistakes_are_said_where_they_are(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "p: the file is empty"},
        {"\n# nothing\n", "p: the file is empty"},
        {"a,b\n1,2\n", "p:1:1: no header of a price file"},
        {"instance_type,hourly_usd,hourli\nx,1,2\n", "p:1:26: no column is called \"hourli\""},
        {"instance_type,hourly_usd,hourly_usd\nx,1,2\n", "p:1:26: the column \"hourly_usd\" is there twice"},
        {"instance_type,hourly_usd\nx,1\ny,abc\n", "p:3:3: no price in USD: \"abc\""},
        {"instance_type,hourly_usd\nx,-1\n", "p:2:3: a price of -1 USD"},
        {"instance_type,hourly_usd\nx,1e300\n", "p:2:3: no price in USD"},
        {"instance_type,hourly_usd\nx,2000000\n", "p:2:3: a price of 2000000 USD"},
        {"instance_type,hourly_usd\nx,\n", "p:2:1: a row needs a price"},
        {"instance_type,hourly_usd,gpu_hourly_usd\nx,1,1\n", "p:2:1: a row needs a price: either"},
        {"region,hourly_usd\neu,1\n", "p:2:1: a row needs what it prices"},
        {"gpu,hourly_usd\nL4,1\n", "p:2:1: a price for a GPU model is by the GPU-hour"},
        {"instance_type,capacity,hourly_usd\nx,cheap,1\n", "p:2:3: no capacity type: \"cheap\""},
        {"provider,instance_type,hourly_usd\nibm,x,1\n", "p:2:1: no provider: \"ibm\""},
        {"instance_type,gpus,hourly_usd\nx,many,1\n", "p:2:3: the number of GPUs is no number"},
        {"instance_type,discount,hourly_usd\nx,15,1\n", "p:2:3: the discount is larger than 1"},
        {"selector,hourly_usd\n\"a in (b\",1\n", "p:2:1: label selector"},
        {"instance_type,hourly_usd\n\"x,1\n", "p:2:1: this quote is never closed"},
        {"prices:\n- {instance_type: x, hourly_usd: y}\n", "p:2:"},
        {"prices:\n- {instance_type: x, hourly: 1}\n", "p:2:"},
        {"prices: 3\n", "p:1:9"},
        {"price: []\n", "p:1:"},
        {"currency: EUR\n", "p:1:11: only USD"},
        {"kind: Report\n", "p:1:7: kind must be Prices"},
        {"prices:\n- {instance_type: x}\n", "p:2:3: needs a price"},
        {"prices:\n- {hourly_usd: 1}\n", "p:2:3: needs what it prices"},
        {"discounts:\n- {provider: aws}\n", "p:2:3: discount is missing"},
        {"discounts:\n- {discount: 15}\n", "p:2:14: discount must be a share"},
        {"spot:\n- {discount: 0.5, capacity: on-demand}\n", "p:2:3: capacity means nothing under spot"},
        {"on_premises:\n- {capital_usd: 1, years: 1}\n", "p:2:3: says of no node"},
        {"on_premises:\n- {node: a, years: 1}\n", "p:2:3: capital_usd and years"},
        {"on_premises:\n- {node: a, capital_usd: 1, years: 0}\n", "p:2:36: years must be from 0.1"},
        {"on_premises:\n- {node: a, capital_usd: 1, residual_usd: 2, years: 1}\n", "p:2:43: residual_usd"},
        {"on_premises:\n- {node: a, capital_usd: 1, years: 1, power: {pue: 1.2}}\n", "p:2:46: usd_per_kwh"},
        {"on_premises:\n- {node: a, capital_usd: 1, years: 1, power: {usd_per_kwh: 1, pue: 0.5}}\n",
         "p:2:68: pue must be from 1"},
        {"regions: {a: [b]}\n", "p:1:14"},
        {"split: {gpu_usd_per_hour: 0}\n", "p:1:27: gpu_usd_per_hour must be"},
        {"control_plane_hourly_usd: {ibm: 1}\n", "p:1:"},
        {"prices:\n- {instance_type: x, hourly_usd: 1}\n  bad\n", "p:"},
        {"EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n"
         ",a,,vm,metadata.name,,1,\n",
         "p:2:5: no AssetClass: \"vm\""},
        {"EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n"
         ",a,,node,metadata.annotations.x,,1,\n",
         "p:2:10: gpuwise cannot look at \"metadata.annotations.x\""},
        {"EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n"
         ",a,,node,metadata.name,,,\n",
         "p:2:25: the price is missing"},
        {"EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n"
         ",,,node,metadata.name,,1,\n",
         "p:2:2: neither InstanceID nor InstanceType"},
        {"InstanceType,AcceleratorName,AcceleratorCount,Price,SpotPrice,Region\nx,T4,one,1,,r\n",
         "p:2:6: AcceleratorCount is no number"},
    };
    gw_price_list *l = empty_list();
    rows(l, "instance_type,hourly_usd\nkept,7\n", 1);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_error e = {0};
        size_t n;
        int r = gw_price_list_add_text(l, "p", gw_str_of(cases[i].text), &e);
        if (r != GW_ECONFIG || e.code != r ||
            strncmp(e.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s: %d, %s", cases[i].text, r, e.message);
        assert_string_equal(gw_price_rows(l, &n)[0].instance_type, "kept");
        assert_int_equal(n, 1);
    }
    gw_price_list_free(l);
}

static void a_broken_file_leaves_no_rule(void **state)
{
    GW_UNUSED(state);
    gw_price_list *l = empty_list();
    gw_error e;
    rows(l, "instance_type,hourly_usd\ng6e.xlarge,10\n", 1);
    /* the discount and the ratio come before the mistake */
    assert_int_equal(gw_price_list_add_text(l, "p",
                                            gw_str_of("discounts:\n- {discount: 0.5}\n"
                                                      "control_plane_hourly_usd: {aws: 5}\n"
                                                      "split: {cpu_usd_per_hour: x}\n"),
                                            &e),
                     GW_ECONFIG);
    gw_fleet f;
    gw_price_book b;
    gw_fleet_init(&f);
    gw_price_book_init(&b);
    uint32_t n = gw_fleet_node(&f, gw_str_of("n"), NULL);
    f.nodes[n].instance_type = "g6e.xlarge";
    f.nodes[n].provider = GW_PROVIDER_AWS;
    f.nodes[n].managed_control_plane = true;
    assert_int_equal(gw_price_fleet(l, &f, NULL, &b, &e), 0);
    assert_int_equal(b.nodes[0].hourly, 10 * GW_USD);
    assert_int_equal(b.control_plane_hourly, 100000);
    gw_price_book_free(&b);
    gw_fleet_free(&f);
    gw_price_list_free(l);
}

static void files_are_bounded_and_must_be_there(void **state)
{
    GW_UNUSED(state);
    gw_price_list *l = empty_list();
    gw_error e;
    assert_int_equal(gw_price_list_add_file(l, "/nonexistent/prices.csv", &e), GW_EIO);
    assert_non_null(strstr(e.message, "/nonexistent/prices.csv"));
    assert_int_equal(gw_price_list_add_file(l, "/", &e), GW_EIO); /* a directory */
    assert_int_equal(gw_price_list_add_text(l, "p", (gw_str){"", GW_PRICE_FILE_MAX + 1}, &e), GW_ELIMIT);
    for (int i = 0; i < GW_PRICE_MAX_FILES; i++)
        assert_int_equal(gw_price_list_add_text(l, "p", gw_str_of("instance_type,hourly_usd\nx,1\n"), &e), 0);
    assert_int_equal(gw_price_list_add_text(l, "p", gw_str_of("instance_type,hourly_usd\nx,1\n"), &e),
                     GW_ELIMIT);
    char path[] = "/tmp/gpuwise-test-prices-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "instance_type,hourly_usd\nx,1\n", 29), 29);
    close(fd);
    gw_price_list_free(l);
    l = empty_list();
    assert_int_equal(gw_price_list_add_file(l, path, &e), 0);
    unlink(path);
    gw_price_list_free(l);
}

static const char *const every_format[] = {
    "provider,instance_type,region,capacity,hourly_usd,selector\naws,x,r,spot,1,\n,,,,2,\"a=b,c in (d,e)\"\n",
    "EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n"
    "2026-01-01,\"node-1\",,node,metadata.labels.x,,1,\n,T4,,gpu,nvidia.com/gpu.product,,1,\n",
    "InstanceType,AcceleratorName,AcceleratorCount,Price,SpotPrice,Region\nx,T4,1,1,0.5,r\n",
    "prices: [{instance_type: x, hourly_usd: 1, selector: a=b}]\ndiscounts: [{discount: 0.1}]\n"
    "spot: [{discount: 0.5}]\nregions: {a: b}\non_premises: [{node: n, capital_usd: 1, years: 1}]\n",
};

static void survives_want_of_memory(void **state)
{
    GW_UNUSED(state);
    for (size_t f = 0; f <= GW_COUNT(every_format); f++) {
        for (uint64_t n = 1;; n++) {
            gw_price_list *l = NULL;
            gw_error e = {0};
            gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
            o.no_catalogue = f < GW_COUNT(every_format); /* and the catalogue, last */
            int r = 0;
            if (f < GW_COUNT(every_format))
                assert_int_equal(gw_price_list_new(&o, &l, &e), 0);
            gw_mem_fail_at(n);
            r = l ? gw_price_list_add_text(l, "p", gw_str_of(every_format[f]), &e)
                  : gw_price_list_new(&o, &l, &e);
            bool done = gw_mem_count() < n;
            gw_mem_fail_at(0);
            gw_price_list_free(l);
            if (done) {
                if (r)
                    fail_msg("format %zu: %s", f, e.message);
                assert_true(n > 3);
                break;
            }
            if (r != GW_ENOMEM)
                fail_msg("format %zu, allocation %d: %d %s", f, (int)n, r, e.message);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_our_csv),
        cmocka_unit_test(reads_our_yaml),
        cmocka_unit_test(mistakes_are_said_where_they_are),
        cmocka_unit_test(a_broken_file_leaves_no_rule),
        cmocka_unit_test(files_are_bounded_and_must_be_there),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests_name("price files", tests, NULL, NULL);
}
