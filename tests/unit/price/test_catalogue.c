/* The catalogue that is built in: complete, plausible, and the same as the public lists it was made from. */
#include "gw_test.h"

#include <ctype.h>

#include "base/mem.h"
#include "format/csv.h"
#include "price/list.h"

static gw_price_list *list;

static int setup(void **state)
{
    GW_UNUSED(state);
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    gw_error e = {0};
    if (gw_price_list_new(&o, &list, &e))
        fail_msg("%s", e.message);
    return 0;
}

static int teardown(void **state)
{
    GW_UNUSED(state);
    gw_price_list_free(list);
    return 0;
}

static const gw_price *find(const char *type, const char *region, gw_capacity capacity)
{
    size_t n;
    const gw_price *r = gw_price_rows(list, &n);
    for (size_t i = 0; i < n; i++)
        if (gw_eq(r[i].instance_type, type) && gw_eq(r[i].region, region) && r[i].capacity == capacity)
            return &r[i];
    return NULL;
}

static bool is_date(const char *s)
{
    const char *form = "dddd-dd-dd";
    for (; *form && *s; form++, s++)
        if (*form == 'd' ? !isdigit((unsigned char)*s) : *s != *form)
            return false;
    return !*form && !*s;
}

static void every_row_is_whole(void **state)
{
    GW_UNUSED(state);
    size_t n;
    const gw_price *r = gw_price_rows(list, &n);
    assert_in_range(n, 2000, 100000);
    for (size_t i = 0; i < n; i++) {
        const gw_price *p = &r[i];
        bool whole = p->hourly > 0 && p->hourly < 1000 * GW_USD && p->instance_type && p->region && p->gpu &&
                     (p->provider == GW_PROVIDER_AWS || p->provider == GW_PROVIDER_AZURE ||
                      p->provider == GW_PROVIDER_GCP) &&
                     (p->capacity == GW_CAPACITY_ON_DEMAND || p->capacity == GW_CAPACITY_SPOT) && p->source &&
                     p->as_of && is_date(p->as_of);
        if (!whole)
            fail_msg("row %zu: %s", i, p->instance_type ? p->instance_type : "without a type");
    }
}

/* A board-hour of a data-centre GPU costs between 5 cents and 60 dollars (GB200 in Brazil is 54.08); anything
 * else is a wrong GPU count.
 */
static void board_hours_are_plausible(void **state)
{
    GW_UNUSED(state);
    size_t n, known = 0;
    const gw_price *r = gw_price_rows(list, &n);
    for (size_t i = 0; i < n; i++) {
        if (r[i].gpu_milli <= 0)
            continue;
        known++;
        gw_micro board = r[i].hourly * 1000 / r[i].gpu_milli;
        if (board < 50000 || board > 60 * GW_USD)
            fail_msg("%s in %s: %" PRId64 " micro-dollars a board-hour", r[i].instance_type, r[i].region,
                     board);
    }
    assert_true(known * 100 >= n * 85);
}

static void known_prices_are_there(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(find("g6e.48xlarge", "us-east-1", GW_CAPACITY_ON_DEMAND)->hourly, 30131180);
    assert_int_equal(find("p5.48xlarge", "us-east-1", GW_CAPACITY_ON_DEMAND)->hourly, 55040000);
    assert_null(find("inf2.xlarge", "us-east-1", GW_CAPACITY_ON_DEMAND)); /* no GPU */
    assert_null(find("g6e.48xlarge", "us-east-1", GW_CAPACITY_SPOT));
}

static void every_instance_is_whole(void **state)
{
    GW_UNUSED(state);
    assert_true(list->n_instances > 200);
    for (size_t i = 0; i < list->n_instances; i++) {
        const price_instance *t = &list->instances[i];
        const char *name = gw_gpu_canonical(t->gpu);
        if (!name || strcmp(name, t->gpu) != 0)
            fail_msg("%s: the GPU %s is no canonical name", t->type, t->gpu);
        if (t->gpu_milli != GW_UNKNOWN_COUNT && (t->gpus < 1 || t->gpu_milli > 1000 * t->gpus))
            fail_msg("%s: %" PRId64 "/1000 boards on %" PRId64 " GPUs", t->type, t->gpu_milli, t->gpus);
        if (t->gpu_milli > 0 && t->gpu_milli < 1000 && t->gpus != 1)
            fail_msg("%s: a part of a GPU is one virtual GPU", t->type);
        /* the memory of whole GPUs is the model's, but for GB200, whose part differs between clouds */
        if (t->gpu_milli == 1000 * t->gpus && t->gpu_memory_mib > 0 && strcmp(t->gpu, "GB200") != 0)
            assert_int_equal(t->gpu_memory_mib, gw_gpu_memory_mib(t->gpu));
        if (price_instance_of(list, t->type) != t)
            fail_msg("%s is there twice", t->type);
    }
}

static void hardware_of_a_few_by_hand(void **state)
{
    GW_UNUSED(state);
    const struct {
        const char *type, *gpu;
        int64_t gpus, gpu_milli, vcpus, memory_gib;
    } want[] = {
        {"g6e.48xlarge", "L40S", 8, 8000, 192, 1536},
        {"p4d.24xlarge", "A100-40GB", 8, 8000, 96, 1152},
        {"g6f.2xlarge", "L4", 1, 250, 8, 32},
        {"Standard_NV6ads_A10_v5", "A10", 1, 167, 6, 55},
        {"Standard_NC80adis_H100_v5", "H100-94GB", 2, 2000, 80, 640},
        {"a3-highgpu-8g", "H100-80GB", 8, 8000, 208, 1872},
        {"g2-standard-48", "L4", 4, 4000, 48, 192},
    };
    for (size_t i = 0; i < GW_COUNT(want); i++) {
        const price_instance *t = price_instance_of(list, want[i].type);
        assert_non_null(t);
        assert_string_equal(t->gpu, want[i].gpu);
        assert_int_equal(t->gpus, want[i].gpus);
        assert_int_equal(t->gpu_milli, want[i].gpu_milli);
        assert_int_equal(t->vcpu_milli, want[i].vcpus * 1000);
        assert_int_equal(t->memory_mib, want[i].memory_gib * 1024);
    }
}

static char *read_whole(const char *folder, const char *name, size_t *ret_n)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/data/prices/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    const size_t max = (size_t)1 << 20;
    char *text = gw_malloc(max);
    assert_non_null(text);
    *ret_n = fread(text, 1, max, f);
    fclose(f);
    return text;
}

/* Row by row against the lists themselves, where they are at hand; read here with another column order and
 * none of the tool's code. */
static void is_the_same_as_the_public_lists(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *file, *type, *region; /* region: the column, or where there is none the region itself */
        size_t least;
    } lists[] = {
        {"aws_gpu_ondemand_us-east-1_2026-07-20.csv", "instance_type", "us-east-1", 70},
        {"azure_gpu_ondemand_prices.csv", "vm_size", "region", 1300},
        {"gcp_gpu_prices.csv", "machine_type", "region", 700},
    };
    const char *folder = getenv("GW_SHARED") ? getenv("GW_SHARED") : "../shared";
    size_t total = 0;
    for (size_t i = 0; i < GW_COUNT(lists); i++) {
        size_t size = 0, compared = 0;
        char *text = read_whole(folder, lists[i].file, &size);
        if (!text) {
            print_message(
                "SKIPPED: %s/data/prices/%s is not there; set GW_SHARED to the folder that has it\n", folder,
                lists[i].file);
            skip();
        }
        gw_csv *csv = gw_malloc(sizeof(*csv));
        gw_error e = {0};
        gw_csv_init(csv, lists[i].file, (gw_str){text, size});
        assert_int_equal(gw_csv_next(csv, &e), 1);
        size_t type = gw_csv_find(csv, lists[i].type), region = gw_csv_find(csv, lists[i].region);
        size_t kind = gw_csv_find(csv, "kind"), usd = gw_csv_find(csv, "usd_per_hour");
        while (gw_csv_next(csv, &e) > 0) {
            char t[128], r[128];
            gw_micro want;
            gw_str in = region == SIZE_MAX ? gw_str_of(lists[i].region) : gw_csv_get(csv, region);
            snprintf(t, sizeof(t), "%.*s", GW_STR_ARG(gw_csv_get(csv, type)));
            snprintf(r, sizeof(r), "%.*s", GW_STR_ARG(in));
            if (gw_has_prefix(t, "inf") || gw_has_prefix(t, "trn") || gw_has_prefix(t, "dl1"))
                continue; /* no GPUs */
            bool spot = gw_str_is(gw_csv_get(csv, kind), "spot");
            const gw_price *p = find(t, r, spot ? GW_CAPACITY_SPOT : GW_CAPACITY_ON_DEMAND);
            assert_true(gw_micro_parse(gw_csv_get(csv, usd), &want));
            if (!p || p->hourly != want)
                fail_msg("%s in %s: %" PRId64 " in the list, %" PRId64 " in the catalogue", t, r, want,
                         p ? p->hourly : -1);
            compared++;
        }
        assert_true(compared >= lists[i].least);
        total += compared;
        gw_csv_free(csv);
        gw_free(csv);
        gw_free(text);
    }
    size_t n;
    gw_price_rows(list, &n);
    assert_int_equal(total, n); /* and the catalogue has nothing else */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole),        cmocka_unit_test(board_hours_are_plausible),
        cmocka_unit_test(known_prices_are_there),    cmocka_unit_test(every_instance_is_whole),
        cmocka_unit_test(hardware_of_a_few_by_hand), cmocka_unit_test(is_the_same_as_the_public_lists),
    };
    return cmocka_run_group_tests_name("catalogue", tests, setup, teardown);
}
