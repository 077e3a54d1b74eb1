/* Which price a node gets, and the arithmetic from there to the GPU-hour. Expected amounts are worked out by
 * hand from the list prices, as the comments say. */
#include "gw_test.h"

#include "price/price.h"

typedef struct world {
    gw_fleet fleet;
    gw_price_list *list;
    gw_price_book book;
} world;

static void start(world *w, const gw_price_options *o, const char *prices)
{
    gw_error e = {0};
    gw_price_options plain = GW_PRICE_OPTIONS_DEFAULT;
    gw_fleet_init(&w->fleet);
    gw_price_book_init(&w->book);
    if (gw_price_list_new(o ? o : &plain, &w->list, &e) ||
        (prices && gw_price_list_add_text(w->list, "prices", gw_str_of(prices), &e)))
        fail_msg("%s", e.message);
}

static void stop(world *w)
{
    gw_price_book_free(&w->book);
    gw_price_list_free(w->list);
    gw_fleet_free(&w->fleet);
}

/* The node to change before the next call; pointers into the fleet do not survive an add. */
static gw_node *node(world *w, const char *name, const char *type, const char *region, gw_capacity capacity,
                     int64_t gpus)
{
    uint32_t i = gw_fleet_node(&w->fleet, gw_str_of(name), NULL);
    assert_true(i != GW_NONE);
    gw_node *n = &w->fleet.nodes[i];
    n->instance_type = type;
    n->region = region;
    n->capacity = capacity;
    n->gpu_count = gpus;
    return n;
}

static const gw_node_price *price(world *w, const gw_usage *u)
{
    gw_error e = {0};
    if (gw_price_fleet(w->list, &w->fleet, u, &w->book, &e))
        fail_msg("%s", e.message);
    assert_int_equal(w->book.n_nodes, w->fleet.n_nodes);
    return w->book.nodes;
}

static void label(world *w, const char *name, const char *key, const char *value)
{
    uint32_t i = gw_fleet_find_node(&w->fleet, gw_str_of(name));
    assert_int_equal(
        gw_fleet_label(&w->fleet, &w->fleet.nodes[i].labels, gw_str_of(key), gw_str_of(value), true), 0);
}

static void assert_has(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text ? text : "(nothing)");
}

/* One node against a price text; the price of the node. */
static gw_node_price one(const gw_price_options *o, const char *prices, const char *type, const char *region,
                         gw_capacity c, int64_t gpus)
{
    static world w;
    static bool used;
    if (used)
        stop(&w); /* the texts of the last price live until here */
    used = true;
    start(&w, o, prices);
    node(&w, "node-1", type, region, c, gpus);
    return price(&w, NULL)[0];
}

#define ON_DEMAND GW_CAPACITY_ON_DEMAND
#define SPOT      GW_CAPACITY_SPOT

static void the_catalogue_prices_a_node(void **state)
{
    GW_UNUSED(state);
    gw_node_price p = one(NULL, NULL, "g6e.48xlarge", "us-east-1", ON_DEMAND, 8);
    assert_int_equal(p.hourly, 30131180);
    assert_int_equal(p.gpu_hourly, 3766398); /* 30.131180 / 8 = 3.7663975, half up */
    assert_int_equal(p.overhead_hourly, 0);
    assert_int_equal(p.gpus, 8);
    assert_null(p.why_unknown);
    assert_string_equal(p.as_of, "2026-07-20");
    assert_has(p.source, "aws list");
    assert_has(p.formula, "g6e.48xlarge, us-east-1, on-demand $30.131180/h");
    assert_has(p.formula, "/ 8 GPUs = $3.766398 a GPU-hour");
    /* the count of the instance type where the node does not say */
    p = one(NULL, NULL, "p5.48xlarge", "us-east-1", ON_DEMAND, GW_UNKNOWN_COUNT);
    assert_int_equal(p.hourly, 55040000);
    assert_int_equal(p.gpu_hourly, 6880000);
    p = one(NULL, NULL, "a2-highgpu-8g", "us-central1", SPOT, 8);
    assert_int_equal(p.hourly, 15424200);
    assert_int_equal(p.capacity, SPOT);
    /* a node whose labels do not say is on-demand, and says so */
    p = one(NULL, NULL, "g6e.48xlarge", "us-east-1", GW_CAPACITY_UNKNOWN, 8);
    assert_int_equal(p.hourly, 30131180);
    assert_int_equal(p.capacity, ON_DEMAND);
    assert_has(p.formula, "no label says spot");
}

static void what_no_list_has_is_unknown(void **state)
{
    GW_UNUSED(state);
    const struct {
        const char *type, *region;
        gw_capacity capacity;
        int64_t gpus;
        const char *why;
    } cases[] = {
        {"g6e.48xlarge", "eu-west-1", ON_DEMAND, 8,
         "no price list has g6e.48xlarge in eu-west-1 (they have it "
         "in us-east-1)"},
        {"g6e.48xlarge", NULL, ON_DEMAND, 8, "the node names none"},
        {"g6e.48xlarge", "us-east-1", SPOT, 8, "(on-demand it is $30.131180/h)"},
        {"x9.mega", "us-east-1", ON_DEMAND, 8, "no price list knows the instance type x9.mega"},
        {NULL, "us-east-1", ON_DEMAND, 4, "names no instance type"},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_node_price p = one(NULL, NULL, cases[i].type, cases[i].region, cases[i].capacity, cases[i].gpus);
        assert_true(p.hourly == GW_MICRO_UNKNOWN);
        assert_true(p.gpu_hourly == GW_MICRO_UNKNOWN);
        assert_null(p.formula);
        assert_has(p.why_unknown, cases[i].why);
    }
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.no_catalogue = true;
    assert_has(one(&o, NULL, "g6e.48xlarge", "us-east-1", ON_DEMAND, 8).why_unknown, "no price list knows");
}

static void nodes_without_gpus_are_not_priced(void **state)
{
    GW_UNUSED(state);
    gw_node_price p = one(NULL, NULL, "m5.large", "us-east-1", ON_DEMAND, 0);
    assert_true(p.hourly == GW_MICRO_UNKNOWN);
    assert_null(p.why_unknown);
}

static void the_user_may_choose_another_price(void **state)
{
    GW_UNUSED(state);
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.default_region = "us-east-1";
    gw_node_price p = one(&o, NULL, "g6e.48xlarge", NULL, ON_DEMAND, 8);
    assert_int_equal(p.hourly, 30131180);
    assert_has(p.formula, "the default one");
    /* only for a node that names none */
    assert_has(one(&o, NULL, "g6e.48xlarge", "eu-west-1", ON_DEMAND, 8).why_unknown, "eu-west-1");
    p = one(NULL, "regions: {eu-west-1: us-east-1}\n", "g6e.48xlarge", "eu-west-1", ON_DEMAND, 8);
    assert_int_equal(p.hourly, 30131180);
    assert_has(p.formula, "to hold in eu-west-1");
    /* 60 % off the on-demand price: 30.131180 × 0.4 = 12.052472 */
    o = GW_PRICE_OPTIONS_DEFAULT;
    o.spot_discount = 0.6;
    p = one(&o, NULL, "g6e.48xlarge", "us-east-1", SPOT, 8);
    assert_int_equal(p.hourly, 12052472);
    assert_has(p.formula, "60 % spot discount");
    p = one(NULL, "spot:\n- discount: 60%\n- {instance_family: p5, discount: 0.5}\n", "g6e.48xlarge",
            "us-east-1", SPOT, 8);
    assert_int_equal(p.hourly, 12052472);
    p = one(NULL, "spot:\n- discount: 60%\n- {instance_family: p5, discount: 0.5}\n", "p5.48xlarge",
            "us-east-1", SPOT, 8);
    assert_int_equal(p.hourly, 27520000);
}

static void reservations_cost_the_on_demand_price(void **state)
{
    GW_UNUSED(state);
    gw_node_price p = one(NULL, NULL, "p5.48xlarge", "us-east-1", GW_CAPACITY_RESERVED, 8);
    assert_int_equal(p.hourly, 55040000);
    assert_has(p.formula, "a reservation costs the on-demand price");
    world w;
    start(&w, NULL, NULL);
    node(&w, "block", "p5.48xlarge", "us-east-1", GW_CAPACITY_RESERVED, 8);
    label(&w, "block", "eks.amazonaws.com/capacityType", "CAPACITY_BLOCK");
    const gw_node_price *n = price(&w, NULL);
    assert_true(n[0].hourly == GW_MICRO_UNKNOWN);
    assert_has(n[0].why_unknown, "prepaid");
    stop(&w);
}

/* With a selector or a name, a GPU is a condition: half of a pool may have other boards. */
static void a_gpu_narrows_a_selector(void **state)
{
    GW_UNUSED(state);
    world w;
    start(&w, NULL, "selector,gpu,gpu_hourly_usd\npool=train,,1\npool=train,H100,2\n");
    node(&w, "a", NULL, NULL, ON_DEMAND, 2)->gpu_product = "NVIDIA-H100-NVL";
    node(&w, "b", NULL, NULL, ON_DEMAND, 2)->gpu_product = "NVIDIA-L4";
    label(&w, "a", "pool", "train");
    label(&w, "b", "pool", "train");
    const gw_node_price *p = price(&w, NULL);
    assert_int_equal(p[0].hourly, 4 * GW_USD);
    assert_int_equal(p[1].hourly, 2 * GW_USD);
    stop(&w);
}

/* Every way to price one node at once; each row is dropped in turn, and the next best must take over. */
static void the_most_specific_row_wins(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *row; /* instance_type,region,capacity,gpu,hourly,gpu_hourly,node,selector */
        gw_micro hourly;
    } rows[] = {
        {",,,,1,,gpu-node-1,", 1000000},
        {",,,,2,,gpu-*,", 2000000},
        {",,,,3,,,pool=train", 3000000},
        {"g6e.48xlarge,us-east-1,on-demand,,4,,,", 4000000},
        {"g6e.48xlarge,us-east-1,,,5,,,", 5000000},
        {"g6e.48xlarge,,on-demand,,6,,,", 6000000},
        {"g6e.48xlarge,,,,7,,,", 7000000},
        {",us-east-1,on-demand,L40S,,1.25,,", 10000000}, /* 1.25 × 8 */
        {",,,L40S,,1.5,,", 12000000},
    };
    for (size_t first = 0; first <= GW_COUNT(rows); first++) {
        char text[2048];
        int at = snprintf(text, sizeof(text),
                          "instance_type,region,capacity,gpu,hourly_usd,gpu_hourly_usd,node,selector\n");
        /* in reverse, so that the order in the file does not give the same answer */
        for (size_t i = GW_COUNT(rows); i-- > first;)
            at += snprintf(text + at, sizeof(text) - (size_t)at, "%s\n", rows[i].row);
        world w;
        start(&w, NULL, text);
        node(&w, "gpu-node-1", "g6e.48xlarge", "us-east-1", ON_DEMAND, 8)->gpu_product = "NVIDIA-L40S";
        label(&w, "gpu-node-1", "pool", "train");
        assert_int_equal(price(&w, NULL)[0].hourly, first < GW_COUNT(rows) ? rows[first].hourly : 30131180);
        stop(&w);
    }
}

static void the_later_row_wins_between_equals(void **state)
{
    GW_UNUSED(state);
    world w;
    gw_error e = {0};
    start(&w, NULL, "instance_type,hourly_usd\ng6e.48xlarge,5\ng6e.48xlarge,6\n");
    node(&w, "n", "g6e.48xlarge", "us-east-1", ON_DEMAND, 8);
    assert_int_equal(price(&w, NULL)[0].hourly, 6 * GW_USD);
    assert_int_equal(gw_price_list_add_text(w.list, "later.csv",
                                            gw_str_of("instance_type,hourly_usd\ng6e.48xlarge,4\n"), &e),
                     0);
    const gw_node_price *p = price(&w, NULL);
    assert_int_equal(p[0].hourly, 4 * GW_USD);
    assert_string_equal(p[0].source, "later.csv:2");
    stop(&w);
}

static void a_row_holds_only_for_what_it_says(void **state)
{
    GW_UNUSED(state);
    const char *csv = "instance_type,region,zone,capacity,gpu,hourly_usd,gpu_hourly_usd,provider\n"
                      "x1,r1,,spot,,3,,\n"
                      "x2,r1,z1,spot,,2,,\n"
                      "x2,r1,z2,spot,,4,,\n"
                      ",,,,H100,,2.5,\n"
                      "x3,r1,,,,9,,azure\n";
    assert_int_equal(one(NULL, csv, "x1", "r1", SPOT, 1).hourly, 3 * GW_USD);
    assert_has(one(NULL, csv, "x1", "r1", ON_DEMAND, 1).why_unknown, "but not as on-demand");
    assert_has(one(NULL, csv, "x1", "r2", SPOT, 1).why_unknown, "they have it in r1");
    /* zones: the node's own, else the mean of those there are: (2 + 4) / 2 */
    world w;
    start(&w, NULL, csv);
    node(&w, "own", "x2", "r1", SPOT, 1)->zone = "z2";
    node(&w, "other", "x2", "r1", SPOT, 1)->zone = "use1-az1";
    node(&w, "none", "x2", "r1", SPOT, 1);
    node(&w, "h100", "x9", "r1", ON_DEMAND, 4)->gpu_product = "NVIDIA-H100-80GB-HBM3";
    node(&w, "aws", "x3", "r1", ON_DEMAND, 1)->provider = GW_PROVIDER_AWS;
    const gw_node_price *p = price(&w, NULL);
    assert_int_equal(p[0].hourly, 4 * GW_USD);
    assert_int_equal(p[1].hourly, 3 * GW_USD);
    assert_has(p[1].formula, "mean over 2 zones");
    assert_int_equal(p[2].hourly, 3 * GW_USD);
    assert_int_equal(p[3].hourly, 10 * GW_USD); /* the family H100 takes the 80 GB board */
    assert_true(p[4].hourly == GW_MICRO_UNKNOWN);
    stop(&w);
}

static void discounts_come_off_list_prices(void **state)
{
    GW_UNUSED(state);
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.discount = 0.1;
    /* 30.131180 × 0.9 = 27.118062 */
    gw_node_price p = one(&o, NULL, "g6e.48xlarge", "us-east-1", ON_DEMAND, 8);
    assert_int_equal(p.hourly, 27118062);
    assert_has(p.formula, "× (1 − 10 % negotiated discount) = $27.118062/h");
    /* never off spot, which nobody negotiates, unless a rule says so */
    assert_int_equal(one(&o, NULL, "a2-highgpu-8g", "us-central1", SPOT, 8).hourly, 15424200);
    const char *rules = "discounts:\n"
                        "- {provider: gcp, capacity: spot, discount: 0.5}\n"
                        "- {provider: aws, discount: 0.2}\n"
                        "- {provider: aws, instance_family: p5, discount: 0.25}\n"
                        "- {instance_type: 'g6e.*', region: us-west-2, discount: 0.9}\n";
    assert_int_equal(one(&o, rules, "a2-highgpu-8g", "us-central1", SPOT, 8).hourly, 7712100);
    assert_int_equal(one(&o, rules, "a2-highgpu-8g", "us-central1", ON_DEMAND, 8).hourly,
                     26448390); /* −10 % */
    assert_int_equal(one(&o, rules, "g6e.48xlarge", "us-east-1", ON_DEMAND, 8).hourly, 24104944);
    assert_int_equal(one(&o, rules, "p5.48xlarge", "us-east-1", ON_DEMAND, 8).hourly, 41280000);
    /* a row for an instance type is a list price, unless it says what comes off; one for a node is paid */
    assert_int_equal(one(&o, "instance_type,hourly_usd\nx,10\n", "x", NULL, ON_DEMAND, 1).hourly, 9 * GW_USD);
    assert_int_equal(one(&o, "instance_type,hourly_usd,discount\nx,10,0\n", "x", NULL, ON_DEMAND, 1).hourly,
                     10 * GW_USD);
    assert_int_equal(one(&o, "node,hourly_usd\nnode-*,10\n", "x", NULL, ON_DEMAND, 1).hourly, 10 * GW_USD);
}

static void parts_of_a_gpu_have_their_price(void **state)
{
    GW_UNUSED(state);
    /* g6f.large shows its node one virtual GPU, an eighth of an L4: the node's price is that GPU's */
    gw_node_price p = one(NULL, NULL, "g6f.large", "us-east-1", ON_DEMAND, 1);
    assert_int_equal(p.hourly, 202000);
    assert_int_equal(p.gpu_hourly, 202000);
    assert_int_equal(p.gpus, 1);
    /* by the GPU-hour of a whole L4 at $0.80, an eighth costs $0.10 */
    p = one(NULL, "gpu,gpu_hourly_usd\nL4,0.80\n", "g6f.large", "us-east-1", ON_DEMAND, 1);
    assert_int_equal(p.hourly, 100000);
    assert_int_equal(p.gpu_hourly, 100000);
}

static void a_split_adds_up(void **state)
{
    GW_UNUSED(state);
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.split = true;
    /* OpenCost: ram$ per GiB = 30.131180 / (8·0.95/0.004237 + 192·0.031611/0.004237 + 1536) = 0.0063271861,
     * so RAM costs ×1536 = 9.718558 and CPU ×192·0.031611/0.004237 = 9.063410, together 18.781967(3); the
     * GPUs the rest, 11.349213, and one of them 1.418652. */
    gw_node_price p = one(&o, NULL, "g6e.48xlarge", "us-east-1", ON_DEMAND, 8);
    assert_int_equal(p.hourly, 30131180);
    assert_in_range(p.overhead_hourly, 18781966, 18781969);
    assert_in_range(p.gpu_hourly, 1418651, 1418652);
    assert_has(p.formula, "split 8 GPUs × 0.95 : 192 vCPU × 0.031611 : 1536 GiB × 0.004237");
    /* equal shares by a ratio of one's own: 8 GPUs × 192 : 192 vCPU × 8 : 1536 GiB × 1 */
    p = one(&o, "split: {gpu_usd_per_hour: 192, cpu_usd_per_hour: 8, ram_usd_per_gib_hour: 1}\n",
            "g6e.48xlarge", "us-east-1", ON_DEMAND, 8);
    assert_in_range(p.overhead_hourly, 20087452, 20087455); /* two thirds of 30.131180 */
    /* without CPUs and memory nothing is split, and that is said */
    p = one(&o, "node,hourly_usd\nnode-1,8\n", "x", NULL, ON_DEMAND, 4);
    assert_int_equal(p.overhead_hourly, 0);
    assert_int_equal(p.gpu_hourly, 2 * GW_USD);
    assert_has(p.formula, "not split");
}

static void counts_gpus_where_it_must(void **state)
{
    GW_UNUSED(state);
    world w;
    start(&w, NULL, "node,hourly_usd\n*,12\n");
    node(&w, "seen", NULL, NULL, ON_DEMAND, GW_UNKNOWN_COUNT);
    node(&w, "unobserved", NULL, NULL, ON_DEMAND, GW_UNKNOWN_COUNT);
    node(&w, "hidden", NULL, NULL, ON_DEMAND, GW_UNKNOWN_COUNT)->gpu_product = "NVIDIA-L4";
    node(&w, "more", "g6e.xlarge", NULL, ON_DEMAND, GW_UNKNOWN_COUNT);
    for (char c = 'a'; c < 'd'; c++) {
        uint32_t g = gw_fleet_gpu(&w.fleet, (gw_str){&c, 1}, NULL);
        w.fleet.gpus[g].node = 0;
        assert_true(gw_fleet_unit(&w.fleet, g, 0, gw_str_of(""), gw_str_of(""), NULL) != GW_NONE);
    }
    uint32_t u = gw_fleet_unit(&w.fleet, GW_NONE, 1, gw_str_of(""), gw_str_of(""), NULL);
    w.fleet.units[u].weight = 2;
    /* two GPUs seen where the type has one: what was seen is there */
    for (char c = 'x'; c < 'z'; c++) {
        uint32_t g = gw_fleet_gpu(&w.fleet, (gw_str){&c, 1}, NULL);
        w.fleet.gpus[g].node = 3;
    }
    const gw_node_price *p = price(&w, NULL);
    assert_int_equal(p[0].gpus, 3);
    assert_int_equal(p[0].gpu_hourly, 4 * GW_USD);
    assert_int_equal(p[1].gpus, 2);
    assert_int_equal(p[1].gpu_hourly, 6 * GW_USD);
    /* a GPU node of which nobody says how many: the node has a price, its GPU-hour has none */
    assert_int_equal(p[2].hourly, 12 * GW_USD);
    assert_true(p[2].gpu_hourly == GW_MICRO_UNKNOWN);
    assert_has(p[2].why_unknown, "how many GPUs");
    assert_int_equal(p[3].gpus, 2);
    stop(&w);
}

static const char *on_premises =
    "on_premises:\n"
    "- name: dgx\n"
    "  selector: room=cellar\n"
    "  capital_usd: 300000\n"
    "  residual_usd: 30000\n"
    "  years: 5\n"
    "  other_usd_per_year: 12000\n"
    "  power: {usd_per_kwh: 0.12, pue: 1.3, rated_watts: 10200, base_watts: 2500}\n";

static void watts(gw_quantity *q, double mean, double ms)
{
    *q = (gw_quantity){mean * ms, ms, mean};
}

static void on_premises_nodes_are_amortised(void **state)
{
    GW_UNUSED(state);
    world w;
    gw_usage u;
    start(&w, NULL, on_premises);
    node(&w, "cellar-1", NULL, NULL, GW_CAPACITY_UNKNOWN, 4);
    label(&w, "cellar-1", "room", "cellar");
    /* (300000 − 30000) / (5 × 8766) = 6.160164; 12000 / 8766 = 1.368925; rated 10.2 kW × 1.3 × 0.12 = 1.5912
     */
    const gw_node_price *p = price(&w, NULL);
    assert_int_equal(p[0].hourly, 9120290);
    assert_has(p[0].formula, "10200 W rated");
    assert_string_equal(p[0].source, "prices");

    /* Two of four GPUs report power. One draws 300 W held and 100 W idle, each as long: 200 W. The other has
     * two MIG instances, each of which reports the board's 300 W: 300 W, not 600. 500 W on 2 is 1000 W on 4,
     * with the rest of the node 3500 W: 3.5 × 1.3 × 0.12 = 0.546, together 8.075090. */
    gw_usage_init(&u, (gw_interval){0, GW_HOUR_MS}, GW_STATE_POLICY_DEFAULT);
    uint32_t g0 = gw_fleet_gpu(&w.fleet, gw_str_of("g0"), NULL),
             g1 = gw_fleet_gpu(&w.fleet, gw_str_of("g1"), NULL);
    w.fleet.gpus[g0].node = w.fleet.gpus[g1].node = 0;
    uint32_t u0 = gw_fleet_unit(&w.fleet, g0, 0, gw_str_of(""), gw_str_of(""), NULL);
    uint32_t u1 = gw_fleet_unit(&w.fleet, g1, 0, gw_str_of("1g.10gb"), gw_str_of("1"), NULL);
    uint32_t u2 = gw_fleet_unit(&w.fleet, g1, 0, gw_str_of("1g.10gb"), gw_str_of("2"), NULL);
    assert_int_equal(gw_usage_fit(&u, &w.fleet), 0);
    uint32_t hold = gw_usage_hold(&u, u0, 0);
    watts(&u.holds[hold].stats.power_watts, 300, 1000);
    watts(&u.units[u0].idle.power_watts, 100, 1000);
    watts(&u.units[u1].idle.power_watts, 300, 700);
    watts(&u.units[u2].idle.power_watts, 300, 500);
    p = price(&w, &u);
    assert_int_equal(p[0].hourly, 8075090);
    assert_int_equal(p[0].gpu_hourly, 2018773); /* 8.075090 / 4 = 2.0187725, half up */
    assert_has(p[0].formula, "1000 W measured on 2 of 4 GPUs + 2500 W for the rest of the node");
    gw_usage_free(&u);
    stop(&w);
}

static void power_that_nobody_knows_is_not_zero(void **state)
{
    GW_UNUSED(state);
    gw_node_price p =
        one(NULL,
            "on_premises:\n- {node: 'node-*', capital_usd: 1000, years: 1, power: {usd_per_kwh: "
            "0.2}}\n",
            NULL, NULL, GW_CAPACITY_UNKNOWN, 1);
    assert_true(p.hourly == GW_MICRO_UNKNOWN);
    assert_has(p.why_unknown, "rated_watts");
    /* without a power section the user has left power out: 8766 / 8766 h = $1 */
    p = one(NULL, "on_premises:\n- {node: 'node-*', capital_usd: 8766, years: 1}\n", NULL, NULL,
            GW_CAPACITY_UNKNOWN, 1);
    assert_int_equal(p.hourly, GW_USD);
}

static void opencost_prices_nodes_as_opencost_does(void **state)
{
    GW_UNUSED(state);
    world w;
    start(&w, NULL,
          "EndTimestamp,InstanceID,Region,AssetClass,InstanceIDField,InstanceType,MarketPriceHourly,Version\n"
          "2026-01-01 00:00:00 UTC,Worker-A,,node,metadata.name,,2.40,v1\n"
          ",aws:///us-east-1a/i-1,,node,spec.providerID,,3,v1\n"
          ",train,,node,metadata.labels.pool,,4,v1\n"
          ",i-0abc,,node,spec.providerID,,6,v1\n"
          ",,eu-west-1,node,,g6e.xlarge,5,v1\n"
          ",NVIDIA-T4,,gpu,nvidia.com/gpu.product,,0.25,v1\n"
          ",fast,,pv,spec.storageClassName,,0.0001,v1\n");
    node(&w, "worker-a", NULL, NULL, ON_DEMAND, 2); /* names are compared without letter case */
    node(&w, "b", NULL, NULL, ON_DEMAND, 1)->provider_id = "aws:///us-east-1a/i-1";
    node(&w, "c", NULL, NULL, ON_DEMAND, 1);
    node(&w, "d", "g6e.xlarge", "eu-west-1", ON_DEMAND, 1);
    node(&w, "e", NULL, NULL, ON_DEMAND, 4);
    node(&w, "f", NULL, NULL, ON_DEMAND, 1)->provider_id = "aws:///us-east-1b/i-0abc";
    label(&w, "c", "pool", "train");
    label(&w, "worker-a", "nvidia.com/gpu.product", "NVIDIA-T4");
    label(&w, "e", "nvidia.com/gpu.product", "NVIDIA-T4");
    const gw_node_price *p = price(&w, NULL);
    assert_int_equal(p[0].hourly, 2900000); /* 2.40 and two GPUs at 0.25 on top */
    assert_string_equal(p[0].as_of, "2026-01-01");
    assert_int_equal(p[1].hourly, 3 * GW_USD);
    assert_int_equal(p[2].hourly, 4 * GW_USD);
    assert_int_equal(p[3].hourly, 5 * GW_USD);
    assert_int_equal(p[4].hourly, 1 * GW_USD); /* the GPUs alone */
    assert_int_equal(p[5].hourly, 6 * GW_USD); /* by the machine's ID alone, as OpenCost does on AWS */
    stop(&w);
}

static void skypilot_prices_instances_and_attached_gpus(void **state)
{
    GW_UNUSED(state);
    world w;
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.no_catalogue = true;
    start(&w, &o,
          "InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,GpuInfo,Price,SpotPrice,Region,"
          "AvailabilityZone\n"
          "gpu_8x_a100,A100,8,124,1800,\"{'Gpus': [{'Name': 'A100', 'Count': 8}]}\",10.32,,us-east-1,\n"
          "n1-standard-8,,,8,30,,0.38,0.08,us-central1,us-central1-a\n"
          ",T4,1,,,,0.35,0.11,us-central1,us-central1-a\n"
          ",V100,4,,,,9.92,2.96,us-central1,us-central1-a\n"
          "e2-medium,,,2,4,,0.03,0.01,us-central1,us-central1-a\n"
          ",tpu-v4-8,1,,,tpu-v4-8,12.88,3.86,us-central2,us-central2-b\n");
    node(&w, "lambda", "gpu_8x_a100", "us-east-1", ON_DEMAND, GW_UNKNOWN_COUNT);
    node(&w, "t4", "n1-standard-8", "us-central1", ON_DEMAND, 2)->gpu_product = "nvidia-tesla-t4";
    node(&w, "v100", "n1-standard-8", "us-central1", SPOT, 4)->gpu_product = "nvidia-tesla-v100";
    node(&w, "p100", "n1-standard-8", "us-central1", ON_DEMAND, 1)->gpu_product = "nvidia-tesla-p100";
    const gw_node_price *p = price(&w, NULL);
    assert_int_equal(p[0].hourly, 10320000);
    assert_int_equal(p[0].gpus, 8);
    assert_int_equal(p[0].gpu_hourly, 1290000);
    if (p[1].why_unknown)
        fail_msg("%s", p[1].why_unknown);
    assert_int_equal(p[1].hourly, 1080000); /* 0.38 + 2 × 0.35 */
    assert_int_equal(p[2].hourly, 3040000); /* 0.08 + 2.96 */
    assert_true(p[3].hourly == GW_MICRO_UNKNOWN);
    assert_has(p[3].why_unknown, "not the GPUs attached");
    size_t rows;
    gw_price_rows(w.list, &rows);
    assert_int_equal(rows, 7); /* 1 + 2 + 2 + 2: an empty price is no row; no CPU-only type, no TPU */
    stop(&w);
}

static void control_planes_cost_by_provider(void **state)
{
    GW_UNUSED(state);
    world w;
    start(&w, NULL, NULL);
    node(&w, "own", NULL, NULL, ON_DEMAND, 0)->provider = GW_PROVIDER_AWS;
    price(&w, NULL);
    assert_int_equal(w.book.control_plane_hourly, 0); /* nobody's managed control plane */
    assert_null(w.book.control_plane_source);
    gw_node *n = node(&w, "eks", NULL, NULL, ON_DEMAND, 0);
    n->provider = GW_PROVIDER_AWS;
    n->managed_control_plane = true;
    price(&w, NULL);
    assert_int_equal(w.book.control_plane_hourly, 100000);
    assert_string_equal(w.book.control_plane_source, "EKS $0.10/h");
    n = node(&w, "aks", NULL, NULL, ON_DEMAND, 0);
    n->provider = GW_PROVIDER_AZURE;
    n->managed_control_plane = true;
    n = node(&w, "gke", NULL, NULL, ON_DEMAND, 0);
    n->provider = GW_PROVIDER_GCP;
    n->managed_control_plane = true;
    price(&w, NULL);
    assert_int_equal(w.book.control_plane_hourly, 200000);
    assert_int_equal(
        gw_price_list_add_text(w.list, "p.yaml", gw_str_of("control_plane_hourly_usd: {azure: 0.6}\n"), NULL),
        0);
    price(&w, NULL);
    assert_int_equal(w.book.control_plane_hourly, 800000);
    stop(&w);
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.control_plane_hourly = 250000;
    start(&w, &o, NULL);
    price(&w, NULL);
    assert_int_equal(w.book.control_plane_hourly, 250000);
    stop(&w);
}

static void options_are_checked(void **state)
{
    GW_UNUSED(state);
    gw_price_list *l = NULL;
    gw_error e;
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.discount = 15; /* per cent, where a share is wanted */
    assert_int_equal(gw_price_list_new(&o, &l, &e), GW_EUSAGE);
    o.discount = 0;
    o.spot_discount = -0.1;
    assert_int_equal(gw_price_list_new(&o, &l, &e), GW_EUSAGE);
    assert_null(l);
    gw_price_list_free(NULL);
}

/* Every allocation of the whole way fails once; nothing leaks (ASan) and the book is untouched. */
static void survives_want_of_memory(void **state)
{
    GW_UNUSED(state);
    world w;
    gw_price_options o = GW_PRICE_OPTIONS_DEFAULT;
    o.split = true;
    start(&w, &o, on_premises);
    node(&w, "a", "g6e.48xlarge", "us-east-1", ON_DEMAND, 8);
    node(&w, "b", "g6e.48xlarge", "nowhere", ON_DEMAND, 8)->managed_control_plane = true;
    w.fleet.nodes[1].provider = GW_PROVIDER_AWS;
    node(&w, "c", NULL, NULL, ON_DEMAND, 4);
    label(&w, "c", "room", "cellar");
    for (uint64_t n = 1;; n++) {
        gw_error e = {0};
        gw_mem_fail_at(n);
        int r = gw_price_fleet(w.list, &w.fleet, NULL, &w.book, &e);
        bool done = gw_mem_count() < n;
        gw_mem_fail_at(0);
        if (done) {
            assert_int_equal(r, 0);
            assert_true(n > 5);
            break;
        }
        assert_int_equal(r, GW_ENOMEM);
        assert_null(w.book.nodes);
    }
    assert_int_equal(w.book.nodes[0].hourly, 30131180);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_catalogue_prices_a_node),
        cmocka_unit_test(what_no_list_has_is_unknown),
        cmocka_unit_test(nodes_without_gpus_are_not_priced),
        cmocka_unit_test(the_user_may_choose_another_price),
        cmocka_unit_test(reservations_cost_the_on_demand_price),
        cmocka_unit_test(a_gpu_narrows_a_selector),
        cmocka_unit_test(the_most_specific_row_wins),
        cmocka_unit_test(the_later_row_wins_between_equals),
        cmocka_unit_test(a_row_holds_only_for_what_it_says),
        cmocka_unit_test(discounts_come_off_list_prices),
        cmocka_unit_test(parts_of_a_gpu_have_their_price),
        cmocka_unit_test(a_split_adds_up),
        cmocka_unit_test(counts_gpus_where_it_must),
        cmocka_unit_test(on_premises_nodes_are_amortised),
        cmocka_unit_test(power_that_nobody_knows_is_not_zero),
        cmocka_unit_test(opencost_prices_nodes_as_opencost_does),
        cmocka_unit_test(skypilot_prices_instances_and_attached_gpus),
        cmocka_unit_test(control_planes_cost_by_provider),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests_name("price a fleet", tests, NULL, NULL);
}
