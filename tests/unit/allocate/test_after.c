/* What a change comes to, with fleets so small that every number is worked out by hand beside it. */
#include "after_world.h"

/* ---- nodes that go ---- */

static void an_idle_node_takes_its_bill_along(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 2, 0, 24), b = add_node(&w, "b", 7, 1, 0, 24);
    uint32_t p = add_pod(&w, "p", a);
    hold(&w, p, whole(&w, board(&w, a, 0)), 0, 24, 1, 1, 0.5, 1000);
    world_close(&w);
    /* (10 + 7) x 24 */
    assert_int_equal(w.ledger.total.bill, 408 * GW_USD);
    say_release(&s, b);
    gw_after x = run(&w, &s.c, NULL);
    assert_int_equal(w.ledger.total.bill - x.ledger.total.bill, w.ledger.node_bill[b]);
    assert_int_equal(w.ledger.node_bill[b], 168 * GW_USD);
    assert_int_equal(x.ledger.node_bill[a], w.ledger.node_bill[a]);
    assert_int_equal(x.ledger.node_bill[b], 0);
    assert_near(x.ledger.time.paid, 48 * H);
    assert_near(used_ms(&x), 12 * H);
    for (size_t i = 0; i < x.ledger.n_leaves; i++)
        assert_int_equal(x.ledger.leaves[i].node, a);
    gw_after_free(&x);
    world_free(&w);
}

static void nothing_changed_is_the_present(void **state)
{
    GW_UNUSED(state);
    world w;
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 2, 3, 20);
    hold(&w, add_pod(&w, "p", a), whole(&w, board(&w, a, 1)), 5, 9, 1, 0.5, 0.5, 1000);
    world_close(&w);
    gw_after x = run(&w, NULL, NULL);
    assert_true(same_ledger(&w.ledger, &x.ledger));
    gw_after_free(&x);
    world_free(&w);
}

/* The cluster is there for the whole day, though the only node that was there from its start goes. */
static void the_control_plane_stays(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    gw_error e = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 7, 1, 12, 24);
    for (uint32_t i = a; i <= b; i++) {
        w.fleet.nodes[i].provider = GW_PROVIDER_AWS;
        w.fleet.nodes[i].managed_control_plane = true;
    }
    world_close(&w);
    /* 10 x 24 + 7 x 12 + 0.10 x 24 */
    assert_int_equal(w.ledger.total.bill, 326400000);
    say_release(&s, a);
    const gw_change *list[] = {&s.c};
    gw_after x;
    assert_int_equal(gw_after_build(&w.fleet, &w.usage, w.prices, list, 1, &x, &e), 0);
    assert_int_equal(x.ledger.total.bill, 86400000);
    gw_after_free(&x);
    world_free(&w);
}

static void a_pod_moves_and_its_node_goes(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 20, 2, 0, 24);
    uint32_t p = add_pod(&w, "p", a), from = board(&w, a, 0), to = board(&w, b, 1);
    uint32_t h = hold(&w, p, whole(&w, from), 0, 24, 1, 0.75, 0.5, 1000);
    world_close(&w);
    say_move(&s, p, a, b);
    say_seat(&s, whole(&w, from), seat_whole(from), seat_whole(to));
    say_release(&s, a);
    gw_after x = run(&w, &s.c, NULL);
    assert_int_equal(x.ledger.total.bill, 480 * GW_USD);
    assert_int_equal(x.ledger.node_bill[a], 0);
    /* 24 h x 0.75 x 0.5 */
    assert_near(w.ledger.time.used, 9 * H);
    assert_near(x.ledger.time.used, 9 * H);
    assert_near(w.ledger.time.idle, 48 * H);
    assert_near(x.ledger.time.idle, 24 * H);
    assert_near(x.ledger.time.unknown, 6 * H);
    assert_int_equal(x.fleet.pods[p].node, b);
    assert_int_equal(x.usage.holds[h].unit, whole(&w, to));
    assert_int_equal(find_hold(&x.usage, whole(&w, to), p), h);
    assert_int_equal(find_hold(&x.usage, whole(&w, from), p), GW_NONE);
    /* one GPU of two for 24 h at 20: used 9 / 48, not used but known 9 / 48, unknown 6 / 48, idle 24 / 48 */
    assert_int_equal(x.ledger.total.used, 90 * GW_USD);
    assert_int_equal(x.ledger.total.wasted, 90 * GW_USD);
    assert_int_equal(x.ledger.total.unknown, 60 * GW_USD);
    assert_int_equal(x.ledger.total.idle, 240 * GW_USD);
    /* the seat is as large as the old one: not a number of it is touched, and the histograms are borrowed */
    assert_ptr_equal(x.usage.holds[h].stats.compute_hist, w.usage.holds[h].stats.compute_hist);
    gw_after_free(&x);
    world_free(&w);
}

static void what_nobody_knows_stays_with_the_board(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 10, 1, 0, 24);
    uint32_t p = add_pod(&w, "p", a), from = board(&w, a, 0), to = board(&w, b, 0);
    hold(&w, p, whole(&w, from), 0, 10, 1, 1, 0.5, 1000);
    for (uint32_t g = from; g <= to; g++) { /* 4 h of each are unknown, not idle */
        idle_on(&w, whole(&w, g), -4 * H);
        w.usage.units[whole(&w, g)].unknown = 4 * H;
        w.usage.units[whole(&w, g)].paid += 4 * H;
    }
    world_close(&w);
    say_move(&s, p, a, b);
    say_seat(&s, whole(&w, from), seat_whole(from), seat_whole(to));
    gw_after x = run(&w, &s.c, NULL);
    /* a: 4 unknown, 20 idle. b: 10 held, 4 unknown, 10 idle */
    assert_near(x.usage.units[whole(&w, from)].unknown, 4 * H);
    assert_near(x.usage.units[whole(&w, from)].idle.allocated, 20 * H);
    assert_near(x.usage.units[whole(&w, to)].unknown, 4 * H);
    assert_near(x.usage.units[whole(&w, to)].idle.allocated, 10 * H);
    gw_after_free(&x);
    say_release(&s, a);
    x = run(&w, &s.c, NULL);
    assert_near(x.ledger.time.unknown, 4 * H);
    gw_after_free(&x);
    world_free(&w);
}

/* ---- seats of another size ---- */

static void a_part_of_a_board_is_held_for_less(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), g = board(&w, a, 0), u = whole(&w, g);
    uint32_t p = add_pod(&w, "p", a), h = hold(&w, p, u, 0, 24, 1, 0.75, 0.1, 10240);
    world_close(&w);
    say_cut(&s, g, GW_FORM_TIME_SLICE, 4, NULL);
    say_move(&s, p, a, a);
    say_seat(&s, u, seat_whole(g), seat_part(g, GW_FORM_TIME_SLICE, 4));
    gw_after x = run(&w, &s.c, NULL);
    const gw_stats *st = &x.usage.holds[h].stats;
    assert_int_equal(x.ledger.total.bill, w.ledger.total.bill);
    assert_near(st->allocated, 6 * H);
    assert_near(st->known, 4.5 * H);
    assert_near(st->used, 1.8 * H); /* 24 x 0.75 x 0.1, as before */
    assert_near(st->by_signal[GW_SIGNAL_GPU_UTIL], 4.5 * H);
    assert_near(st->states[GW_STATE_LOW_LOW], 4.5 * H);
    assert_near(st->states[GW_STATE_UNKNOWN], 1.5 * H);
    /* a tenth of the board is 0.4 of a quarter */
    assert_near(gw_quantity_mean(&st->compute), 0.4);
    assert_near(st->compute.peak, 0.4);
    assert_near(st->window_mean_max, 0.4);
    assert_near(gw_hist_quantile(st->compute_hist, 0.95), 0.4);
    assert_near(gw_quantity_mean(&st->dram), 0.2);
    /* 10 of 80 GiB are half of 20 */
    assert_near(gw_quantity_mean(&st->memory), 0.5);
    assert_near(st->memory.peak, 0.5);
    assert_near(gw_hist_quantile(st->memory_hist, 0.5), 0.5);
    assert_near(st->memory_mib.peak, 10240);
    assert_near(gw_quantity_mean(&st->memory_mib), 10240);
    assert_near(gw_quantity_mean(&st->power_watts), 200);
    assert_near(st->power_watts.known, 4.5 * H);
    assert_int_equal(st->first_ms, START);
    assert_int_equal(st->samples, 100);
    assert_true(x.usage.holds[h].shared);
    assert_near(x.usage.units[u].idle.allocated, 18 * H);
    assert_int_equal(x.fleet.nodes[a].replicas, 4);
    assert_int_equal(x.fleet.nodes[a].sharing, GW_SHARING_TIME_SLICING);
    /* the original is as it was */
    assert_near(gw_hist_quantile(w.usage.holds[h].stats.compute_hist, 0.95), 0.1);
    gw_after_free(&x);
    world_free(&w);
}

static void work_beyond_the_seat_is_cut_to_it(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0}, back = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), g = board(&w, a, 0), u = whole(&w, g);
    uint32_t p = add_pod(&w, "p", a), h = hold(&w, p, u, 0, 24, 1, 1, 0.5, 10240);
    world_close(&w);
    say_cut(&s, g, GW_FORM_MPS, 4, NULL);
    say_move(&s, p, a, a);
    say_seat(&s, u, seat_whole(g), seat_part(g, GW_FORM_MPS, 4));
    gw_after x = run(&w, &s.c, NULL);
    const gw_stats *st = &x.usage.holds[h].stats;
    /* 12 h of work in 6 h */
    assert_near(st->used, 6 * H);
    assert_near(gw_quantity_mean(&st->compute), 1);
    assert_near(gw_hist_quantile(st->compute_hist, 0.5), 1);
    assert_near(st->window_mean_max, 1);
    gw_after_free(&x);
    /* nothing is lost for a seat that it gets after that */
    say_cut(&back, g, GW_FORM_WHOLE, 1, NULL);
    say_move(&back, p, a, a);
    say_seat(&back, u, seat_part(g, GW_FORM_MPS, 4), seat_whole(g));
    x = run(&w, &s.c, &back.c);
    assert_true(same_ledger(&w.ledger, &x.ledger));
    gw_after_free(&x);
    world_free(&w);
}

/* From a quarter to the whole: the times are four times as long, the shares a quarter. */
static void a_tenant_may_get_more_than_it_had(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 10, 1, 0, 24);
    w.fleet.nodes[a].replicas = 4;
    uint32_t g = board(&w, a, 0), u = whole(&w, g), to = board(&w, b, 0);
    uint32_t p = add_pod(&w, "p", a), h = hold(&w, p, u, 0, 12, 0.25, 1, 0.8, 10240);
    world_close(&w);
    say_move(&s, p, a, b);
    say_seat(&s, u, seat_part(g, GW_FORM_TIME_SLICE, 4), seat_whole(to));
    gw_after x = run(&w, &s.c, NULL);
    const gw_stats *st = &x.usage.holds[h].stats;
    assert_near(st->allocated, 12 * H);
    assert_near(st->used, 2.4 * H);
    assert_near(gw_quantity_mean(&st->compute), 0.2);
    assert_near(gw_hist_quantile(st->compute_hist, 0.95), 0.2);
    /* measured on the whole board before, too */
    assert_near(st->memory.peak, 0.125);
    assert_near(x.usage.units[u].idle.allocated, 24 * H);
    assert_near(x.usage.units[whole(&w, to)].idle.allocated, 12 * H);
    gw_after_free(&x);
    world_free(&w);
}

static void memory_of_unknown_size_is_unknown(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 10, 1, 0, 24);
    uint32_t g = board(&w, a, 0), to = board(&w, b, 0);
    w.fleet.gpus[to].memory_mib = GW_UNKNOWN_COUNT;
    w.fleet.gpus[to].model = "another";
    uint32_t p = add_pod(&w, "p", a), h = hold(&w, p, whole(&w, g), 0, 24, 1, 1, 0.5, 10240);
    world_close(&w);
    say_move(&s, p, a, b);
    say_seat(&s, whole(&w, g), seat_whole(g), seat_whole(to));
    gw_after x = run(&w, &s.c, NULL);
    assert_true(gw_quantity_mean(&x.usage.holds[h].stats.memory) < 0);
    assert_true(x.usage.holds[h].stats.memory.peak < 0);
    assert_null(x.usage.holds[h].stats.memory_hist);
    assert_near(x.usage.holds[h].stats.memory_mib.peak, 10240);
    gw_after_free(&x);
    world_free(&w);
}

/* Of one model, a quarter of the memory is a quarter, however much that is. */
static void parts_of_unknown_memory_are_parts(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), g = board(&w, a, 0), u = whole(&w, g);
    uint32_t p = add_pod(&w, "p", a), h = hold(&w, p, u, 0, 24, 1, 1, 0.1, 10240);
    w.fleet.gpus[g].memory_mib = GW_UNKNOWN_COUNT;
    world_close(&w);
    say_cut(&s, g, GW_FORM_MPS, 4, NULL);
    say_move(&s, p, a, a);
    say_seat(&s, u, seat_whole(g), seat_part(g, GW_FORM_MPS, 4));
    gw_after x = run(&w, &s.c, NULL);
    assert_near(x.usage.holds[h].stats.memory.peak, 0.5);
    gw_after_free(&x);
    world_free(&w);
}

static void idle_windows_stay_idle(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), g = board(&w, a, 0), u = whole(&w, g);
    uint32_t p = add_pod(&w, "p", a), h = hold(&w, p, u, 0, 24, 1, 1, 0, 1024);
    world_close(&w);
    say_cut(&s, g, GW_FORM_TIME_SLICE, 8, NULL);
    say_move(&s, p, a, a);
    say_seat(&s, u, seat_whole(g), seat_part(g, GW_FORM_TIME_SLICE, 8));
    gw_after x = run(&w, &s.c, NULL);
    assert_true(gw_hist_quantile(x.usage.holds[h].stats.compute_hist, 0.95) == 0);
    gw_after_free(&x);
    world_free(&w);
}

/* What a shared board was measured at is all its tenants': no reason to refuse one of them a like seat. */
static void a_shared_memory_peak_is_nobodys(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 10, 1, 0, 24);
    w.fleet.nodes[a].replicas = w.fleet.nodes[b].replicas = 2;
    uint32_t g = board(&w, a, 0), to = board(&w, b, 0), p = add_pod(&w, "p", a);
    uint32_t h = hold(&w, p, whole(&w, g), 0, 24, 0.5, 1, 0.5, 70000);
    world_close(&w);
    say_move(&s, p, a, b);
    say_seat(&s, whole(&w, g), seat_part(g, GW_FORM_TIME_SLICE, 2), seat_part(to, GW_FORM_TIME_SLICE, 2));
    gw_after x = run(&w, &s.c, NULL);
    /* the same part of the same model: the same numbers */
    assert_near(x.usage.holds[h].stats.allocated, 12 * H);
    assert_near(x.usage.holds[h].stats.memory.peak, 70000.0 / 81920);
    gw_after_free(&x);
    world_free(&w);
}

/* ---- MIG ---- */

static void a_board_is_cut_in_instances(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 2, 0, 24), g = board(&w, a, 0), other = board(&w, a, 1);
    uint32_t p = add_pod(&w, "p", a), q = add_pod(&w, "q", a);
    uint32_t h = hold(&w, p, whole(&w, g), 0, 24, 1, 1, 0.3, 10000);
    uint32_t k = hold(&w, q, whole(&w, other), 0, 12, 1, 1, 0.1, 5000);
    world_close(&w);
    say_cut(&s, g, GW_FORM_MIG, 1, "1g.10gb@0,3g.40gb@4");
    say_move(&s, p, a, a);
    say_seat(&s, whole(&w, g), seat_whole(g), seat_mig(g, "3g.40gb", 4));
    say_move(&s, q, a, a);
    say_seat(&s, whole(&w, other), seat_whole(other), seat_mig(g, "1g.10gb", -1));
    gw_after x = run(&w, &s.c, NULL);
    uint32_t large = unit_of(&x.fleet, g, "3g.40gb", "@4"), small = unit_of(&x.fleet, g, "1g.10gb", "@0");
    assert_int_equal(x.usage.holds[h].unit, large);
    assert_int_equal(x.usage.holds[k].unit, small);
    assert_near(x.fleet.units[large].weight, 3.0 / 7);
    assert_near(x.fleet.units[small].weight, 1.0 / 7);
    assert_near(x.usage.holds[h].stats.allocated, 24 * H * 3 / 7);
    assert_near(x.usage.holds[k].stats.allocated, 12 * H / 7);
    assert_near(x.usage.holds[h].stats.used, 7.2 * H); /* 24 x 0.3 */
    assert_near(gw_quantity_mean(&x.usage.holds[h].stats.compute), 0.7);
    assert_near(x.usage.holds[h].stats.memory.peak, 10000.0 / (double)x.fleet.units[large].memory_mib);
    /* the rest of the board: 24 x 7 / 7 - 24 x 3 / 7 - 12 / 7 */
    assert_near(x.usage.units[whole(&w, g)].idle.allocated, (168 - 72 - 12) * H / 7);
    assert_near(x.usage.units[small].idle.allocated, 0);
    assert_near(x.usage.units[whole(&w, other)].idle.allocated, 24 * H);
    assert_true(x.fleet.gpus[g].mig);
    assert_false(x.usage.holds[h].shared);
    assert_int_equal(x.ledger.total.bill, 240 * GW_USD);
    gw_after_free(&x);
    world_free(&w);
}

/* Two instances of the present, one idle. `start` of a seat there means nothing: no exporter says it. */
static void an_idle_instance_takes_a_tenant(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    gw_error e = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 10, 1, 0, 24);
    uint32_t g = board(&w, a, 0), from = board(&w, b, 0);
    w.fleet.gpus[g].mig = true;
    uint32_t one = gw_fleet_unit(&w.fleet, g, a, gw_str_of("3g.40gb"), gw_str_of("1"), &e);
    uint32_t two = gw_fleet_unit(&w.fleet, g, a, gw_str_of("3g.40gb"), gw_str_of("2"), &e);
    idle_on(&w, whole(&w, g), -24 * H * 6 / 7);
    idle_on(&w, one, 24 * H * 3 / 7);
    idle_on(&w, two, 24 * H * 3 / 7);
    uint32_t p = add_pod(&w, "p", a), q = add_pod(&w, "q", b);
    hold(&w, p, one, 0, 24, 1, 1, 0.3, 10000);
    uint32_t k = hold(&w, q, whole(&w, from), 6, 24, 1, 1, 0.1, 5000);
    world_close(&w);
    say_move(&s, q, b, a);
    say_seat(&s, whole(&w, from), seat_whole(from), seat_mig(g, "3g.40gb", 0));
    gw_after x = run(&w, &s.c, NULL);
    assert_int_equal(x.usage.holds[k].unit, two);
    assert_near(x.usage.holds[k].stats.allocated, 18 * H * 3 / 7);
    assert_near(x.usage.units[two].idle.allocated, 6 * H * 3 / 7);
    assert_near(x.usage.units[whole(&w, g)].idle.allocated, 24 * H / 7);
    gw_after_free(&x);
    /* a third one has no place, and the first one's is free once its tenant has gone to the other node */
    uint32_t c = board(&w, b, 0);
    script t = {0};
    say_move(&t, p, a, b);
    say_seat(&t, one, seat_mig(g, "3g.40gb", -1), seat_whole(c));
    say_move(&t, q, b, a);
    say_seat(&t, whole(&w, from), seat_whole(from), seat_mig(g, "3g.40gb", -1));
    x = run(&w, &t.c, NULL);
    assert_int_equal(x.usage.holds[k].unit, one);
    assert_near(x.usage.units[one].idle.allocated, 6 * H * 3 / 7);
    gw_after_free(&x);
    world_free(&w);
}

/* An instance that was there for an hour, before the board was cut anew, is not where a tenant goes; and one
 * that was there for half the day takes the rest from what the board has left. The board is the node's
 * second: the first one's time is its own. */
static void instances_come_and_go(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    gw_error e = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 2, 0, 24), b = add_node(&w, "b", 10, 1, 0, 24);
    uint32_t g = board(&w, a, 1), from = board(&w, b, 0);
    w.fleet.gpus[g].mig = true;
    uint32_t old = gw_fleet_unit(&w.fleet, g, a, gw_str_of("3g.40gb"), gw_str_of("7"), &e);
    uint32_t now = gw_fleet_unit(&w.fleet, g, a, gw_str_of("3g.40gb"), gw_str_of("8"), &e);
    idle_on(&w, whole(&w, g), -13 * H * 3 / 7);
    idle_on(&w, old, 1 * H * 3 / 7);
    idle_on(&w, now, 12 * H * 3 / 7);
    uint32_t q = add_pod(&w, "q", b), k = hold(&w, q, whole(&w, from), 0, 24, 1, 1, 0.1, 5000);
    world_close(&w);
    say_move(&s, q, b, a);
    say_seat(&s, whole(&w, from), seat_whole(from), seat_mig(g, "3g.40gb", -1));
    gw_after x = run(&w, &s.c, NULL);
    assert_int_equal(x.usage.holds[k].unit, now);
    assert_near(x.usage.units[now].idle.allocated, 0);
    assert_near(x.usage.units[old].idle.allocated, 1 * H * 3 / 7);
    /* 24 - 13 x 3 / 7 - 12 x 3 / 7 */
    assert_near(x.usage.units[whole(&w, g)].idle.allocated, (168 - 39 - 36) * H / 7);
    assert_near(x.usage.units[whole(&w, board(&w, a, 0))].idle.allocated, 24 * H);
    gw_after_free(&x);
    /* cut anew, all of it is the board's own again */
    script t = {0};
    say_cut(&t, g, GW_FORM_MIG, 1, "1g.10gb@0");
    x = run(&w, &t.c, NULL);
    assert_near(x.usage.units[whole(&w, g)].idle.allocated, 24 * H);
    assert_near(x.usage.units[now].idle.allocated, 0);
    assert_near(x.usage.units[old].paid, 0);
    gw_after_free(&x);
    world_free(&w);
}

/* A later change cuts one instance more; where the first one begins is another slot then, and its tenant
 * stays on what it has. */
static void a_board_is_cut_further(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0}, t = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 3, 0, 24), g = board(&w, a, 0);
    uint32_t p = add_pod(&w, "p", a), q = add_pod(&w, "q", a);
    uint32_t h = hold(&w, p, whole(&w, g), 0, 24, 1, 1, 0.1, 5000);
    uint32_t k = hold(&w, q, whole(&w, board(&w, a, 1)), 0, 24, 1, 1, 0.1, 5000);
    world_close(&w);
    say_cut(&s, g, GW_FORM_MIG, 1, "1g.10gb@6");
    say_move(&s, p, a, a);
    say_seat(&s, whole(&w, g), seat_whole(g), seat_mig(g, "1g.10gb", 6));
    say_cut(&t, g, GW_FORM_MIG, 1, "1g.10gb@5,1g.10gb@6");
    say_move(&t, q, a, a);
    say_seat(&t, whole(&w, board(&w, a, 1)), seat_whole(board(&w, a, 1)), seat_mig(g, "1g.10gb", 6));
    gw_after x = run(&w, &s.c, &t.c);
    assert_int_not_equal(x.usage.holds[h].unit, x.usage.holds[k].unit);
    assert_near(x.usage.holds[h].stats.allocated, 24 * H / 7);
    assert_near(x.usage.holds[k].stats.allocated, 24 * H / 7);
    assert_near(x.usage.units[whole(&w, g)].idle.allocated, 24 * H * 5 / 7);
    gw_after_free(&x);
    world_free(&w);
}

/* ---- time ---- */

static void an_older_tenant_keeps_a_node_for_longer(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 8, 1, 0, 24), b = add_node(&w, "b", 10, 2, 12, 24);
    uint32_t g = board(&w, a, 0), to = board(&w, b, 0), beside = board(&w, b, 1);
    uint32_t p = add_pod(&w, "p", a);
    hold(&w, p, whole(&w, g), 4, 24, 1, 1, 0.5, 1000);
    world_close(&w);
    assert_int_equal(w.ledger.total.bill, (192 + 120) * GW_USD);
    say_move(&s, p, a, b);
    say_seat(&s, whole(&w, g), seat_whole(g), seat_whole(to));
    say_release(&s, a);
    gw_after x = run(&w, &s.c, NULL);
    /* from hour 4 on: 20 x 10, so that the 192 of a are not what is saved */
    assert_int_equal(x.ledger.total.bill, 200 * GW_USD);
    assert_int_equal(x.fleet.nodes[b].seen.start_ms, AT(4));
    assert_near(x.usage.units[whole(&w, to)].idle.allocated, 0);
    assert_near(x.usage.units[whole(&w, beside)].idle.allocated, 20 * H);
    gw_after_free(&x);
    world_free(&w);
}

static void a_node_is_away_for_no_longer_than_its_tenants_allow(void **state)
{
    GW_UNUSED(state);
    const struct {
        double from, to; /* of the tenant */
        int64_t away;    /* hours, of 6 */
    } cases[] = {{0, 24, 0}, {0, 20, 4}, {2, 6, 6}};
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        world w;
        script s = {0};
        world_start(&w);
        uint32_t a = add_node(&w, "a", 8, 1, 0, 24), b = add_node(&w, "b", 10, 1, 0, 24);
        uint32_t g = board(&w, a, 0), to = board(&w, b, 0), p = add_pod(&w, "p", a);
        assert_int_equal(gw_usage_fit_nodes(&w.usage, &w.fleet), 0);
        w.usage.node_ms[b] -= 6 * GW_HOUR_MS;
        idle_on(&w, whole(&w, to), -6 * H);
        hold(&w, p, whole(&w, g), cases[i].from, cases[i].to, 1, 1, 0.5, 1000);
        world_close(&w);
        say_move(&s, p, a, b);
        say_seat(&s, whole(&w, g), seat_whole(g), seat_whole(to));
        gw_after x = run(&w, &s.c, NULL);
        assert_true(llabs((24 - cases[i].away) * GW_HOUR_MS - x.usage.node_ms[b]) <= 1);
        assert_near((double)x.ledger.node_bill[b] / DOLLARS, 10 * (24 - (double)cases[i].away));
        gw_after_free(&x);
        world_free(&w);
    }
}

/* The exporter saw b's first board for the last 12 h only; the fold put the time before, and all of the other
 * GPU, down as unknown on the node's own unit: 12 + 24 h. */
static void unobserved_time_gives_way(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    gw_error e = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 8, 1, 0, 24), b = add_node(&w, "b", 10, 1, 0, 24);
    uint32_t g = board(&w, a, 0), to = board(&w, b, 0), p = add_pod(&w, "p", a);
    w.fleet.nodes[b].gpu_count = 2;
    idle_on(&w, whole(&w, to), -12 * H);
    uint32_t dark = gw_fleet_unit(&w.fleet, GW_NONE, b, gw_str_of(""), gw_str_of(""), &e);
    idle_on(&w, dark, 0);
    w.usage.units[dark].unknown = w.usage.units[dark].paid = 36 * H;
    hold(&w, p, whole(&w, g), 0, 20, 1, 1, 0.5, 1000);
    world_close(&w);
    say_move(&s, p, a, b);
    say_seat(&s, whole(&w, g), seat_whole(g), seat_whole(to));
    gw_after x = run(&w, &s.c, NULL);
    /* 20 h are held of a board that was reported for 12: 8 fewer are unknown */
    assert_near(x.usage.units[whole(&w, to)].idle.allocated, 0);
    assert_near(x.usage.units[dark].unknown, 28 * H);
    assert_near(x.usage.units[dark].paid, 28 * H);
    gw_after_free(&x);
    world_free(&w);
}

/* A node that is there for longer has the GPUs that nobody reports for longer, too. */
static void unobserved_gpus_are_there_for_longer(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    gw_error e = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 8, 1, 0, 24), b = add_node(&w, "b", 10, 1, 12, 24);
    uint32_t g = board(&w, a, 0), to = board(&w, b, 0), p = add_pod(&w, "p", a);
    w.fleet.nodes[b].gpu_count = 2;
    uint32_t dark = gw_fleet_unit(&w.fleet, GW_NONE, b, gw_str_of(""), gw_str_of(""), &e);
    idle_on(&w, dark, 0);
    w.usage.units[dark].unknown = w.usage.units[dark].paid = 12 * H;
    hold(&w, p, whole(&w, g), 0, 24, 1, 1, 0.5, 1000);
    world_close(&w);
    say_move(&s, p, a, b);
    say_seat(&s, whole(&w, g), seat_whole(g), seat_whole(to));
    gw_after x = run(&w, &s.c, NULL);
    assert_near(x.usage.units[dark].unknown, 24 * H);
    assert_int_equal(x.ledger.node_bill[b], 240 * GW_USD);
    gw_after_free(&x);
    world_free(&w);
}

/* ---- hires ---- */

static void a_hired_node_is_there_for_its_tenants(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    gw_error e = {0};
    static const gw_taint taint = {"gpu", "yes", GW_TAINT_NO_SCHEDULE};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 50, 1, 0, 24), g = board(&w, a, 0), p = add_pod(&w, "p", a);
    gw_node *n = &w.fleet.nodes[a];
    assert_int_equal(gw_fleet_label(&w.fleet, &n->labels, gw_str_of("pool"), gw_str_of("x"), true), 0);
    assert_int_equal(
        gw_fleet_label(&w.fleet, &n->labels, gw_str_of("kubernetes.io/hostname"), gw_str_of("a"), true), 0);
    assert_int_equal(
        gw_fleet_label(&w.fleet, &n->labels, gw_str_of("nvidia_com_gpu_replicas"), gw_str_of("4"), true), 0);
    assert_int_equal(gw_fleet_label(&w.fleet, &n->labels, gw_str_of("eks.amazonaws.com/capacityType"),
                                    gw_str_of("SPOT"), true),
                     0);
    n->taints = gw_arena_alloc(&w.fleet.rule_parts, sizeof(taint));
    *n->taints = taint;
    n->n_taints = 1;
    n->rules_known = true;
    hold(&w, p, whole(&w, g), 2, 12, 1, 1, 0.5, 1000);
    assert_true(gw_fleet_gpu(&w.fleet, gw_str_of("hired-0-3"), &e) != GW_NONE); /* somebody else's */
    assert_int_equal(gw_usage_fit(&w.usage, &w.fleet), 0);
    world_close(&w);
    say_hire(&s, 8)->like = "a";
    say_move(&s, p, a, GW_HIRED_NODE(0));
    say_seat(&s, whole(&w, g), seat_whole(g), seat_whole(GW_HIRED_GPU(0, 3)));
    say_release(&s, a);
    gw_after x = run(&w, &s.c, NULL);
    /* 10 h at 16, whatever the hire says */
    assert_int_equal(x.ledger.total.bill, 160 * GW_USD);
    assert_int_equal(x.fleet.n_nodes, w.fleet.n_nodes + 1);
    const gw_node *hired = &x.fleet.nodes[w.fleet.n_nodes];
    assert_string_equal(hired->name, "hired-1"); /* a GPU is called hired-0-3 */
    assert_string_equal(x.fleet.gpus[w.fleet.n_gpus].uuid, "hired-1-0");
    assert_int_equal(hired->seen.start_ms, AT(2));
    assert_int_equal(hired->seen.end_ms, AT(12));
    assert_string_equal(gw_labels_get(&hired->labels, "pool"), "x");
    assert_string_equal(gw_labels_get(&hired->labels, "kubernetes.io/hostname"), "hired-1");
    assert_string_equal(gw_labels_get(&hired->labels, "node.kubernetes.io/instance-type"), "big.8");
    assert_null(gw_labels_get(&hired->labels, "nvidia.com/gpu.replicas"));
    assert_null(gw_labels_get(&hired->labels, "eks.amazonaws.com/capacityType"));
    assert_int_equal(hired->capacity, GW_CAPACITY_ON_DEMAND);
    assert_int_equal(hired->replicas, 1);
    assert_int_equal(hired->n_taints, 1);
    assert_true(hired->rules_known);
    /* 10 h of 8 boards, one of them held */
    assert_near(x.ledger.time.paid, 80 * H);
    assert_near(x.ledger.time.idle, 70 * H);
    assert_near(x.ledger.time.used, 5 * H);
    assert_int_equal(x.fleet.pods[p].node, w.fleet.n_nodes);
    gw_after_free(&x);
    world_free(&w);
}

static void a_hired_node_without_tenants_is_there_all_along(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    add_node(&w, "a", 5, 1, 0, 24);
    w.usage.observed = (gw_interval){AT(4), AT(24)};
    world_close(&w);
    say_hire(&s, 8)->capacity = GW_CAPACITY_SPOT;
    gw_after x = run(&w, &s.c, NULL);
    assert_int_equal(x.ledger.total.bill - w.ledger.total.bill, 80 * GW_USD); /* 20 h at 4 */
    assert_near(x.ledger.time.idle, (24 + 160) * H);
    gw_after_free(&x);
    world_free(&w);
}

/* ---- bundles, several units, several changes ---- */

static void a_bundle_is_what_else_was_there(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 10, 2, 0, 24);
    uint32_t g = board(&w, a, 0), u = whole(&w, g), x0 = board(&w, b, 0), x1 = board(&w, b, 1);
    uint32_t e1 = add_pod(&w, "e1", a), e2 = add_pod(&w, "e2", a), p = add_pod(&w, "p", a);
    end_pod(&w, e1);
    end_pod(&w, e2);
    uint32_t h1 = hold(&w, e1, u, 0, 4, 1, 1, 0.5, 1000), h2 = hold(&w, e2, u, 6, 10, 1, 1, 0.5, 1000);
    uint32_t h = hold(&w, p, u, 12, 24, 1, 1, 0.5, 1000);
    world_close(&w);
    /* beside each other */
    say_move(&s, p, a, b);
    say_seat(&s, u, seat_whole(g), seat_whole(x0));
    say_move(&s, GW_NONE, a, b);
    say_seat(&s, u, seat_whole(g), seat_whole(x1));
    gw_after x = run(&w, &s.c, NULL);
    assert_int_equal(x.usage.holds[h].unit, whole(&w, x0));
    assert_int_equal(x.usage.holds[h1].unit, whole(&w, x1));
    assert_int_equal(x.usage.holds[h2].unit, whole(&w, x1));
    assert_near(x.usage.units[whole(&w, x0)].idle.allocated, 12 * H);
    assert_near(x.usage.units[whole(&w, x1)].idle.allocated, 16 * H);
    assert_int_equal(x.fleet.pods[e1].node, a);
    gw_after_free(&x);
    /* on one board, as they were */
    s.to[1][0] = seat_whole(x0);
    x = run(&w, &s.c, NULL);
    assert_int_equal(x.usage.holds[h].unit, whole(&w, x0));
    assert_int_equal(x.usage.holds[h2].unit, whole(&w, x0));
    assert_near(x.usage.units[whole(&w, x0)].idle.allocated, 4 * H);
    assert_near(x.usage.units[whole(&w, x1)].idle.allocated, 24 * H);
    gw_after_free(&x);
    world_free(&w);
}

static void units_and_seats_go_in_pairs(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 2, 0, 24), b = add_node(&w, "b", 10, 2, 0, 24);
    uint32_t g[] = {board(&w, a, 0), board(&w, a, 1), board(&w, b, 0), board(&w, b, 1)};
    uint32_t p = add_pod(&w, "p", a);
    uint32_t low = hold(&w, p, whole(&w, g[0]), 0, 24, 1, 1, 0.2, 1000);
    uint32_t high = hold(&w, p, whole(&w, g[1]), 0, 24, 1, 1, 0.6, 1000);
    world_close(&w);
    say_move(&s, p, a, b);
    say_seat(&s, whole(&w, g[1]), seat_whole(g[1]), seat_whole(g[2]));
    say_seat(&s, whole(&w, g[0]), seat_whole(g[0]), seat_whole(g[3]));
    gw_after x = run(&w, &s.c, NULL);
    assert_int_equal(x.usage.holds[high].unit, whole(&w, g[2]));
    assert_int_equal(x.usage.holds[low].unit, whole(&w, g[3]));
    gw_after_free(&x);
    /* one for the other, on its own node: nobody is in the way of itself */
    script t = {0};
    say_move(&t, p, a, a);
    say_seat(&t, whole(&w, g[0]), seat_whole(g[0]), seat_whole(g[1]));
    say_seat(&t, whole(&w, g[1]), seat_whole(g[1]), seat_whole(g[0]));
    x = run(&w, &t.c, NULL);
    assert_int_equal(find_hold(&x.usage, whole(&w, g[1]), p), low);
    assert_int_equal(find_hold(&x.usage, whole(&w, g[0]), p), high);
    assert_int_equal(x.ledger.total.used, w.ledger.total.used);
    gw_after_free(&x);
    world_free(&w);
}

/* A pod that was on one board and then on another, and gets the first back: one hold, of both times. */
static void a_tenant_that_comes_back_has_one_hold(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 2, 0, 24), g = board(&w, a, 0), k = board(&w, a, 1);
    uint32_t p = add_pod(&w, "p", a);
    uint32_t first = hold(&w, p, whole(&w, g), 0, 8, 1, 1, 0.5, 1000);
    uint32_t then = hold(&w, p, whole(&w, k), 8, 24, 1, 1, 0.25, 2000);
    world_close(&w);
    say_move(&s, p, a, a);
    say_seat(&s, whole(&w, k), seat_whole(k), seat_whole(g));
    gw_after x = run(&w, &s.c, NULL);
    assert_int_equal(find_hold(&x.usage, whole(&w, g), p), first);
    assert_near(x.usage.holds[first].stats.allocated, 24 * H);
    assert_near(x.usage.holds[first].stats.used, 8 * H); /* 4 + 4 */
    assert_near(x.usage.holds[first].stats.memory_mib.peak, 2000);
    assert_near(gw_hist_quantile(x.usage.holds[first].stats.compute_hist, 0.5), 0.25);
    assert_near(x.usage.holds[then].stats.allocated, 0);
    assert_near(x.usage.units[whole(&w, g)].idle.allocated, 0);
    assert_near(x.usage.units[whole(&w, k)].idle.allocated, 24 * H);
    /* the present's histogram was borrowed, and is as it was */
    assert_near(gw_hist_quantile(w.usage.holds[first].stats.compute_hist, 0.5), 0.5);
    gw_after_free(&x);
    world_free(&w);
}

static void changes_rest_on_those_before(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0}, t = {0};
    gw_error e = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 10, 1, 0, 24),
             c = add_node(&w, "c", 10, 1, 0, 24);
    uint32_t g = board(&w, a, 0), p = add_pod(&w, "p", a), q = add_pod(&w, "q", a);
    end_pod(&w, q);
    uint32_t h = hold(&w, p, whole(&w, g), 12, 24, 1, 1, 0.5, 1000);
    uint32_t k = hold(&w, q, whole(&w, g), 0, 6, 1, 1, 0.5, 1000);
    world_close(&w);
    say_move(&s, p, a, b);
    say_seat(&s, whole(&w, g), seat_whole(g), seat_whole(board(&w, b, 0)));
    say_move(&s, GW_NONE, a, b);
    say_seat(&s, whole(&w, g), seat_whole(g), seat_whole(board(&w, b, 0)));
    say_release(&s, a);
    /* the bundle stays on b: what was moved as a pod's is no part of it, nor the other way round */
    say_move(&t, p, b, c);
    say_seat(&t, whole(&w, g), seat_whole(board(&w, b, 0)), seat_whole(board(&w, c, 0)));
    gw_after x = run(&w, &s.c, &t.c);
    assert_int_equal(x.usage.holds[h].unit, whole(&w, board(&w, c, 0)));
    assert_int_equal(x.usage.holds[k].unit, whole(&w, board(&w, b, 0)));
    assert_int_equal(x.ledger.total.bill, 480 * GW_USD);
    gw_after_free(&x);
    say_move(&t, GW_NONE, b, c);
    say_seat(&t, whole(&w, g), seat_whole(board(&w, b, 0)), seat_whole(board(&w, c, 0)));
    say_release(&t, b);
    x = run(&w, &s.c, &t.c);
    assert_int_equal(x.usage.holds[k].unit, whole(&w, board(&w, c, 0)));
    assert_int_equal(x.ledger.total.bill, 240 * GW_USD);
    gw_after_free(&x);
    /* the second alone takes it from where it is not */
    const gw_change *list[] = {&t.c};
    assert_int_equal(gw_after_build(&w.fleet, &w.usage, w.prices, list, 1, &x, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "not where the move takes it from"));
    world_free(&w);
}

/* What went its own way in one change is no part of what is left behind, in the next. */
static void a_bundle_leaves_those_alone_that_left_it(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0}, t = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 10, 2, 0, 24);
    uint32_t g = board(&w, a, 0), p = add_pod(&w, "p", a), q = add_pod(&w, "q", a);
    end_pod(&w, q);
    uint32_t h = hold(&w, p, whole(&w, g), 12, 24, 1, 1, 0.5, 1000);
    uint32_t k = hold(&w, q, whole(&w, g), 0, 6, 1, 1, 0.5, 1000);
    world_close(&w);
    say_move(&s, p, a, b);
    say_seat(&s, whole(&w, g), seat_whole(g), seat_whole(board(&w, b, 0)));
    say_move(&t, GW_NONE, a, b);
    say_seat(&t, whole(&w, g), seat_whole(g), seat_whole(board(&w, b, 1)));
    gw_after x = run(&w, &s.c, &t.c);
    assert_int_equal(x.usage.holds[h].unit, whole(&w, board(&w, b, 0)));
    assert_int_equal(x.usage.holds[k].unit, whole(&w, board(&w, b, 1)));
    gw_after_free(&x);
    world_free(&w);
}

static void requests_are_changed_with_the_workload(void **state)
{
    GW_UNUSED(state);
    world w;
    script s = {0};
    world_start(&w);
    uint32_t a = add_node(&w, "a", 10, 1, 0, 24), b = add_node(&w, "b", 10, 1, 0, 24);
    uint32_t p = add_pod(&w, "p", a), q = add_pod(&w, "q", b);
    w.fleet.pods[p].workload_kind = "Deployment";
    w.fleet.pods[p].workload_name = "chat";
    w.fleet.pods[p].cpu_request_milli = 30000;
    w.fleet.pods[q].cpu_request_milli = 20000;
    hold(&w, q, whole(&w, board(&w, b, 0)), 0, 24, 1, 1, 0.5, 1000);
    world_close(&w);
    s.resizes[0] = (gw_resize){.ns = "ml",
                               .kind = "Deployment",
                               .name = "chat",
                               .cpu_milli = {30000, 12000},
                               .memory_mib = {8192, 8192},
                               .ephemeral_mib = {GW_UNKNOWN_COUNT, GW_UNKNOWN_COUNT}};
    s.resizes[1] = (gw_resize){.ns = "ml", .kind = "Pod", .name = "q", .memory_mib = {8192, 9000}};
    s.c.resizes = s.resizes;
    s.c.n_resizes = 2;
    /* without GPUs: 12 + 20 of 32 CPUs */
    say_move(&s, p, a, b);
    say_release(&s, a);
    gw_after x = run(&w, &s.c, NULL);
    assert_int_equal(x.fleet.pods[p].cpu_request_milli, 12000);
    assert_int_equal(x.fleet.pods[p].memory_request_mib, 8192);
    assert_int_equal(x.fleet.pods[p].ephemeral_request_mib, GW_UNKNOWN_COUNT);
    assert_int_equal(x.fleet.pods[q].memory_request_mib, 9000);
    assert_int_equal(x.fleet.pods[p].node, b);
    assert_int_equal(x.ledger.total.bill, 240 * GW_USD);
    assert_int_equal(w.fleet.pods[p].cpu_request_milli, 30000);
    gw_after_free(&x);
    world_free(&w);
}

/* ---- refusals ---- */

/* a: pod p on its one board all day. b: two boards; q on the first from hour 6. c: one idle board, gone by
 * then where a case says so. d: without a price; e: its board is handed out in 2 time slices, t on one of
 * them. */
typedef struct refusals {
    world w;
    uint32_t a, b, c, e, p, q, t, ga, gb, gb1, gc, ge;
    script s[2];
} refusals;

static void open_refusals(refusals *r)
{
    memset(r, 0, sizeof(*r));
    world_start(&r->w);
    r->a = add_node(&r->w, "a", 10, 1, 0, 24);
    r->b = add_node(&r->w, "b", 10, 2, 0, 24);
    r->c = add_node(&r->w, "c", 10, 1, 0, 24);
    r->e = add_node(&r->w, "e", 10, 1, 0, 24);
    r->w.fleet.nodes[r->e].replicas = 2;
    r->ga = board(&r->w, r->a, 0);
    r->gb = board(&r->w, r->b, 0);
    r->gb1 = board(&r->w, r->b, 1);
    r->gc = board(&r->w, r->c, 0);
    r->ge = board(&r->w, r->e, 0);
    r->p = add_pod(&r->w, "p", r->a);
    r->q = add_pod(&r->w, "q", r->b);
    r->t = add_pod(&r->w, "t", r->e);
    hold(&r->w, r->p, whole(&r->w, r->ga), 0, 24, 1, 1, 0.1, 15000);
    hold(&r->w, r->q, whole(&r->w, r->gb), 6, 24, 1, 1, 0.1, 15000);
    hold(&r->w, r->t, whole(&r->w, r->ge), 0, 24, 0.5, 1, 0.1, 15000);
}

/* p to a seat on board `gpu` of `node`. */
static void move_p(refusals *r, script *s, uint32_t node, gw_seat to)
{
    say_move(s, r->p, r->a, node);
    say_seat(s, whole(&r->w, r->ga), seat_whole(r->ga), to);
}

static void close_refusals(refusals *r, const char *why)
{
    gw_error e = {0};
    gw_after a;
    memset(&a, 0x5a, sizeof(a));
    const gw_after was = a;
    const gw_change *list[] = {&r->s[0].c, &r->s[1].c};
    world_close(&r->w);
    int64_t live = gw_mem_live();
    int rc = gw_after_build(&r->w.fleet, &r->w.usage, r->w.prices, list, 2, &a, &e);
    if (rc != GW_EUSAGE || !strstr(e.message, why))
        fail_msg("%d, \"%s\": not \"%s\"", rc, e.message, why);
    assert_memory_equal(&a, &was, sizeof(a)); /* untouched */
    assert_int_equal(gw_mem_live(), live);
    world_free(&r->w);
}

#define REFUSED(why, ...)                                                                                    \
    do {                                                                                                     \
        refusals r_, *r = &r_;                                                                               \
        open_refusals(r);                                                                                    \
        script *s = r->s, *s2 = r->s + 1;                                                                    \
        GW_UNUSED(s2);                                                                                       \
        __VA_ARGS__;                                                                                         \
        GW_UNUSED(s);                                                                                        \
        close_refusals(r, why);                                                                              \
    } while (0)

static void what_has_no_index_is_refused(void **state)
{
    GW_UNUSED(state);
    REFUSED("change 1, release 1: there is no node", say_release(s, 99));
    REFUSED("change 1, release 1: there is no node", say_release(s, GW_HIRED_NODE(0)));
    REFUSED("release 2: node c was released before", say_release(s, r->c); say_release(s, r->c));
    REFUSED("change 2, release 1: node c was released before", say_release(s, r->c); say_release(s2, r->c));
    REFUSED("move 1 (pod ml/p): there is no node", move_p(r, s, 99, seat_whole(r->gc)));
    REFUSED("there is no node of index", move_p(r, s, GW_NONE, seat_whole(r->gc)));
    REFUSED("there is no GPU", move_p(r, s, r->c, seat_whole(99)));
    REFUSED("there is no GPU", move_p(r, s, r->c, seat_whole(GW_NONE)));
    REFUSED("there is no GPU", move_p(r, s, r->c, seat_whole(GW_HIRED_GPU(0, 0))));
    REFUSED("there is no pod of index 99", say_move(s, 99, r->a, r->b));
    REFUSED("there is no unit of index 77", say_move(s, r->p, r->a, r->c);
            say_seat(s, 77, seat_whole(r->ga), seat_whole(r->gc)));
    REFUSED("neither a pod nor units", say_move(s, GW_NONE, r->a, r->b));
    REFUSED("cut 1: there is no GPU", say_cut(s, 99, GW_FORM_WHOLE, 1, NULL));
    REFUSED("resize 1: there is no pod of Deployment ml/none",
            s->resizes[0] = ((gw_resize){.ns = "ml", .kind = "Deployment", .name = "none"});
            s->c.resizes = s->resizes; s->c.n_resizes = 1);
    REFUSED("it does not hold unit", say_move(s, r->p, r->b, r->c);
            say_seat(s, whole(&r->w, r->gb), seat_whole(r->gb), seat_whole(r->gc)));
}

static void two_tenants_in_one_seat_are_refused(void **state)
{
    GW_UNUSED(state);
    REFUSED("gets a seat that ml/q has at the same time", move_p(r, s, r->b, seat_whole(r->gb)));
    /* both are new */
    REFUSED("gets a seat that", move_p(r, s, r->c, seat_whole(r->gc)); say_move(s, r->q, r->b, r->c);
            say_seat(s, whole(&r->w, r->gb), seat_whole(r->gb), seat_whole(r->gc)));
    /* in two changes */
    REFUSED("change 2", move_p(r, s, r->c, seat_whole(r->gc)); say_move(s2, r->q, r->b, r->c);
            say_seat(s2, whole(&r->w, r->gb), seat_whole(r->gb), seat_whole(r->gc)));
    /* e has two parts: t and one more */
    REFUSED("it has room for 2", move_p(r, s, r->e, seat_part(r->ge, GW_FORM_TIME_SLICE, 2));
            say_move(s, r->q, r->b, r->e);
            say_seat(s, whole(&r->w, r->gb), seat_whole(r->gb), seat_part(r->ge, GW_FORM_TIME_SLICE, 2)));
    REFUSED("has at the same time", say_cut(s, r->gc, GW_FORM_MIG, 1, "3g.40gb@0,3g.40gb@4");
            move_p(r, s, r->c, seat_mig(r->gc, "3g.40gb", 4)); say_move(s, r->q, r->b, r->c);
            say_seat(s, whole(&r->w, r->gb), seat_whole(r->gb), seat_mig(r->gc, "3g.40gb", 4)));
}

/* Nobody says when: all the time, then. */
static void times_that_nobody_says_are_all_of_it(void **state)
{
    GW_UNUSED(state);
    REFUSED("gets a seat that ml/early has at the same time", uint32_t x = add_pod(&r->w, "early", r->c);
            uint32_t h = hold(&r->w, x, whole(&r->w, r->gc), 0, 1, 1, 1, 0.1, 1000);
            r->w.usage.holds[h].stats.first_ms = r->w.usage.holds[h].stats.end_ms = 0;
            say_move(s, r->q, r->b, r->c);
            say_seat(s, whole(&r->w, r->gb), seat_whole(r->gb), seat_whole(r->gc)));
}

/* A board was whole until hour 6, and is partitioned since. */
static void what_had_the_whole_board_had_its_instances(void **state)
{
    GW_UNUSED(state);
    for (int from = 0; from <= 6; from += 6) {
        refusals r;
        gw_error e = {0};
        gw_after a;
        open_refusals(&r);
        uint32_t x = add_pod(&r.w, "early", r.c), g = r.gc;
        end_pod(&r.w, x);
        hold(&r.w, x, whole(&r.w, g), 0, 6, 1, 1, 0.1, 1000);
        r.w.fleet.gpus[g].mig = true;
        uint32_t u = gw_fleet_unit(&r.w.fleet, g, r.c, gw_str_of("3g.40gb"), gw_str_of("1"), &e);
        idle_on(&r.w, whole(&r.w, g), -18 * H * 3 / 7);
        idle_on(&r.w, u, 18 * H * 3 / 7);
        uint32_t pod = from ? r.q : r.p, gpu = from ? r.gb : r.ga;
        say_move(&r.s[0], pod, from ? r.b : r.a, r.c);
        say_seat(&r.s[0], whole(&r.w, gpu), seat_whole(gpu), seat_mig(g, "3g.40gb", -1));
        world_close(&r.w);
        const gw_change *list[] = {&r.s[0].c};
        int rc = gw_after_build(&r.w.fleet, &r.w.usage, r.w.prices, list, 1, &a, &e);
        assert_int_equal(rc, from ? 0 : GW_EUSAGE);
        if (rc)
            assert_non_null(strstr(e.message, "gets a seat that ml/early has at the same time"));
        else
            gw_after_free(&a);
        world_free(&r.w);
    }
}

/* Three were on two parts in the morning, as exporters go on naming pods that have ended. */
static void the_present_is_not_the_changes_fault(void **state)
{
    GW_UNUSED(state);
    refusals r;
    open_refusals(&r);
    for (int i = 0; i < 2; i++) {
        uint32_t x = add_pod(&r.w, i ? "x1" : "x0", r.e);
        end_pod(&r.w, x);
        hold(&r.w, x, whole(&r.w, r.ge), 0, 4, 0.25, 1, 0.1, 1000);
    }
    say_move(&r.s[0], r.q, r.b, r.e);
    say_seat(&r.s[0], whole(&r.w, r.gb), seat_whole(r.gb), seat_part(r.ge, GW_FORM_TIME_SLICE, 2));
    world_close(&r.w);
    gw_after x = run(&r.w, &r.s[0].c, NULL);
    assert_int_equal(x.fleet.pods[r.q].node, r.e);
    gw_after_free(&x);
    world_free(&r.w);
}

/* Who is there at another time is not in the way. */
static void one_after_the_other_may_share_a_seat(void **state)
{
    GW_UNUSED(state);
    refusals r;
    open_refusals(&r);
    uint32_t early = add_pod(&r.w, "early", r.c);
    end_pod(&r.w, early);
    uint32_t h = hold(&r.w, early, whole(&r.w, r.gc), 0, 6, 1, 1, 0.1, 1000);
    say_move(&r.s[0], r.q, r.b, r.c);
    say_seat(&r.s[0], whole(&r.w, r.gb), seat_whole(r.gb), seat_whole(r.gc));
    world_close(&r.w);
    gw_after x = run(&r.w, &r.s[0].c, NULL);
    assert_near(x.usage.units[whole(&r.w, r.gc)].idle.allocated, 0);
    assert_int_equal(x.usage.holds[h].unit, whole(&r.w, r.gc));
    gw_after_free(&x);
    world_free(&r.w);
}

static void two_forms_of_one_board_are_refused(void **state)
{
    GW_UNUSED(state);
    REFUSED("parts of a board in two forms", move_p(r, s, r->c, seat_part(r->gc, GW_FORM_MPS, 2)));
    REFUSED("parts of a board in two forms", move_p(r, s, r->e, seat_whole(r->ge)));
    REFUSED("one of 3 parts of GPU e-0, which is handed out in 2",
            move_p(r, s, r->e, seat_part(r->ge, GW_FORM_TIME_SLICE, 3)));
    REFUSED("parts of a board in two forms", say_cut(s, r->gc, GW_FORM_MPS, 2, NULL);
            move_p(r, s, r->c, seat_part(r->gc, GW_FORM_TIME_SLICE, 2)));
    /* q stays as it is on a board that is cut */
    REFUSED("ml/q keeps a dedicated seat", say_cut(s, r->gb, GW_FORM_TIME_SLICE, 4, NULL));
    REFUSED("ml/q keeps a dedicated seat", say_cut(s, r->gb, GW_FORM_MIG, 1, "1g.10gb@0"));
    REFUSED("ml/t keeps a time-slicing seat", say_cut(s, r->ge, GW_FORM_TIME_SLICE, 4, NULL));
    /* a seat of the first change is not in the cut of the second */
    REFUSED("the instance that ml/p stays on is not in it", say_cut(s, r->gc, GW_FORM_MIG, 1, "3g.40gb@0");
            move_p(r, s, r->c, seat_mig(r->gc, "3g.40gb", 0));
            say_cut(s2, r->gc, GW_FORM_MIG, 1, "1g.10gb@0"));
}

static void more_than_a_board_has_is_refused(void **state)
{
    GW_UNUSED(state);
    REFUSED("cannot start at slot '1'", say_cut(s, r->gc, GW_FORM_MIG, 1, "3g.40gb@1"));
    REFUSED("cut 1: GPU c-0", say_cut(s, r->gc, GW_FORM_MIG, 1, "3g.40gb@0,4g.40gb@0"));
    REFUSED("MIG without a layout", say_cut(s, r->gc, GW_FORM_MIG, 1, NULL));
    REFUSED("cut twice in one change", say_cut(s, r->gc, GW_FORM_MPS, 2, NULL);
            say_cut(s, r->gc, GW_FORM_WHOLE, 1, NULL));
    REFUSED("in 1 parts by mps", say_cut(s, r->gc, GW_FORM_MPS, 1, NULL));
    REFUSED("in 49 parts by time-slicing", say_cut(s, r->gc, GW_FORM_TIME_SLICE, 49, NULL));
    REFUSED("has no instance 2g.20gb at slot 2", say_cut(s, r->gc, GW_FORM_MIG, 1, "3g.40gb@0,2g.20gb@4");
            move_p(r, s, r->c, seat_mig(r->gc, "2g.20gb", 2)));
    REFUSED("has no instance 1g.10gb that nobody is on", say_cut(s, r->gc, GW_FORM_MIG, 1, "3g.40gb@0");
            move_p(r, s, r->c, seat_mig(r->gc, "1g.10gb", -1)));
    REFUSED("without a profile", say_cut(s, r->gc, GW_FORM_MIG, 1, "3g.40gb@0");
            move_p(r, s, r->c, seat_mig(r->gc, NULL, -1)));
    REFUSED("has no instance 3g.40gb that nobody is on", r->w.fleet.gpus[r->gc].mig = true;
            move_p(r, s, r->c, seat_mig(r->gc, "3g.40gb", -1)));
    REFUSED("the model of GPU c-0 is not known", r->w.fleet.gpus[r->gc].model = NULL;
            say_cut(s, r->gc, GW_FORM_MIG, 1, "1g.10gb@0"));
    REFUSED("cut 1: GPU c-0", r->w.fleet.gpus[r->gc].model = "Tesla T4";
            say_cut(s, r->gc, GW_FORM_MIG, 1, "1g.10gb@0"));
    /* 15,000 MiB were recorded; a fifth of 81,920 is 16,384, a sixth 13,653 */
    REFUSED("15000 MiB of GPU memory were recorded of it, and the seat on GPU c-0 has 13653",
            say_cut(s, r->gc, GW_FORM_MPS, 6, NULL);
            move_p(r, s, r->c, seat_part(r->gc, GW_FORM_MPS, 6)));
}

static void a_released_node_is_empty(void **state)
{
    GW_UNUSED(state);
    REFUSED("node a is released, and ml/p still has a seat on it", say_release(s, r->a));
    REFUSED("node c is released, and ml/p still has a seat", move_p(r, s, r->c, seat_whole(r->gc));
            say_release(s, r->c));
    REFUSED("change 2, move 1 (pod ml/p): node c was released", say_release(s, r->c);
            move_p(r, s2, r->c, seat_whole(r->gc)));
    REFUSED("is on node c, which was released", say_release(s, r->c);
            say_cut(s2, r->gc, GW_FORM_MPS, 2, NULL));
    REFUSED("pod ml/web still runs on it", add_pod(&r->w, "web", r->c); say_release(s, r->c));
    /* an ended pod left work there */
    REFUSED("ml/ended still has a seat", uint32_t x = add_pod(&r->w, "ended", r->c); end_pod(&r->w, x);
            hold(&r->w, x, whole(&r->w, r->gc), 0, 1, 1, 1, 0.1, 1); say_release(s, r->c));
}

static void what_comes_and_goes_with_a_node_is_not_left_behind(void **state)
{
    GW_UNUSED(state);
    refusals r;
    open_refusals(&r);
    uint32_t d = add_pod(&r.w, "d", r.c), done = add_pod(&r.w, "done", r.c), old = add_pod(&r.w, "old", r.c);
    r.w.fleet.pods[d].owner_kind = "DaemonSet";
    end_pod(&r.w, done);
    r.w.fleet.pods[old].active.end_ms = AT(20);
    say_release(&r.s[0], r.c);
    world_close(&r.w);
    gw_after x = run(&r.w, &r.s[0].c, NULL);
    assert_int_equal(x.ledger.node_bill[r.c], 0);
    gw_after_free(&x);
    world_free(&r.w);
}

static void moves_that_contradict_themselves_are_refused(void **state)
{
    GW_UNUSED(state);
    REFUSED("it is moved twice in one change", move_p(r, s, r->c, seat_whole(r->gc));
            move_p(r, s, r->b, seat_whole(r->gb1)));
    REFUSED("the hold of ml/p is moved twice", move_p(r, s, r->b, seat_whole(r->gc));
            say_seat(s, whole(&r->w, r->ga), seat_whole(r->ga), seat_whole(r->gb1)));
    REFUSED("GPU c-0 is on node c, and the move goes to b", move_p(r, s, r->b, seat_whole(r->gc)));
    REFUSED("the hold of ml/p is on node a, and not where", say_move(s, r->p, r->b, r->c);
            say_seat(s, whole(&r->w, r->ga), seat_whole(r->ga), seat_whole(r->gc)));
    REFUSED("the pod is on node a, and not where", say_move(s, r->p, r->b, r->c));
    REFUSED("was mig, and its unit is none of MIG's", say_move(s, r->p, r->a, r->c);
            say_seat(s, whole(&r->w, r->ga), seat_mig(r->ga, "1g.10gb", 0), seat_whole(r->gc)));
    REFUSED("was dedicated, and its board is handed out in 2 parts", say_move(s, r->t, r->e, r->c);
            say_seat(s, whole(&r->w, r->ge), seat_whole(r->ge), seat_whole(r->gc)));
    REFUSED("units without seats", say_move(s, r->p, r->a, r->c)->n_units = 1; s->moves[0].was = NULL);
    /* it says that it had a quarter, and it had the board: 96 h on it would not fit in 24 */
    REFUSED("they did not have the share", say_move(s, r->p, r->a, r->c);
            say_seat(s, whole(&r->w, r->ga), seat_part(r->ga, GW_FORM_TIME_SLICE, 4), seat_whole(r->gc)));
    REFUSED(
        "they did not have the share", say_cut(s, r->gc, GW_FORM_MPS, 4, NULL); say_move(s, r->p, r->a, r->c);
        say_seat(s, whole(&r->w, r->ga), seat_part(r->ga, GW_FORM_MPS, 4), seat_part(r->gc, GW_FORM_MPS, 4)));
    REFUSED("no exporter reports the GPU", gw_error e = {0};
            uint32_t dark = gw_fleet_unit(&r->w.fleet, GW_NONE, r->a, gw_str_of(""), gw_str_of(""), &e);
            idle_on(&r->w, dark, 0); hold(&r->w, r->p, dark, 0, 1, 1, 0, 0, 0); say_move(s, r->p, r->a, r->c);
            say_seat(s, dark, seat_whole(GW_NONE), seat_whole(r->gc)));
}

static void hires_that_cannot_be_booked_are_refused(void **state)
{
    GW_UNUSED(state);
    REFUSED("hire 1 (big.8): a node is hired for its GPUs", say_hire(s, 0));
    REFUSED("a node is hired for its GPUs", say_hire(s, (int)GW_UNKNOWN_COUNT));
    REFUSED("1 to 256", say_hire(s, 257));
    REFUSED("there is no node gone to take labels", say_hire(s, 1)->like = "gone");
    REFUSED("no price is known for a hired odd.9", say_hire(s, 1)->instance_type = "odd.9");
    REFUSED("no price is known for a hired big.8", say_hire(s, 1)->region = "there");
    REFUSED("there is no GPU", say_hire(s, 2);
            move_p(r, s, GW_HIRED_NODE(0), seat_whole(GW_HIRED_GPU(0, 2))));
    /* what the first change hired is nothing to the second */
    REFUSED("change 2, move 1 (pod ml/p): there is no node", say_hire(s, 2);
            move_p(r, s2, GW_HIRED_NODE(0), seat_whole(GW_HIRED_GPU(0, 0))));
    REFUSED("change 2, move 1 (pod ml/p): there is no node", say_hire(s, 2);
            move_p(r, s2, (uint32_t)r->w.fleet.n_nodes, seat_whole((uint32_t)r->w.fleet.n_gpus)));
    REFUSED("is on a node that another change hired", say_hire(s, 2);
            move_p(r, s, GW_HIRED_NODE(0), seat_whole(GW_HIRED_GPU(0, 0)));
            move_p(r, s2, r->c, seat_whole(r->gc)));
}

static void more_than_a_node_has_is_refused(void **state)
{
    GW_UNUSED(state);
    REFUSED("pods on node c request 40000 milli-CPU, and it has 32000",
            r->w.fleet.pods[r->p].cpu_request_milli = 40000;
            move_p(r, s, r->c, seat_whole(r->gc)));
    /* a pod that was last seen at hour 20 is not known to run; the adviser moves it, so it does */
    REFUSED("pods on node c request 40000 milli-CPU", r->w.fleet.pods[r->p].cpu_request_milli = 40000;
            r->w.fleet.pods[r->p].active.end_ms = AT(20); move_p(r, s, r->c, seat_whole(r->gc)));
    REFUSED("pods on node b request 131073 MiB of memory, and it has 131072",
            r->w.fleet.pods[r->p].memory_request_mib = 131073 - 8192;
            move_p(r, s, r->b, seat_whole(r->gb1)));
    REFUSED("pods on node a request 33000 milli-CPU",
            s->resizes[0] = ((gw_resize){.ns = "ml", .kind = "Pod", .name = "p", .cpu_milli = {4000, 33000}});
            s->c.resizes = s->resizes; s->c.n_resizes = 1);
}

/* What is not known is no contradiction, and what was too much before is not the change's fault. */
static void only_what_is_known_is_held_against_a_node(void **state)
{
    GW_UNUSED(state);
    refusals r;
    open_refusals(&r);
    r.w.fleet.nodes[r.c].cpu_milli = GW_UNKNOWN_COUNT;
    r.w.fleet.pods[r.p].cpu_request_milli = 40000; /* more than a has, too */
    r.w.fleet.pods[r.q].cpu_request_milli = 50000; /* more than b has, and it stays */
    move_p(&r, &r.s[0], r.c, seat_whole(r.gc));
    world_close(&r.w);
    gw_after x = run(&r.w, &r.s[0].c, NULL);
    assert_int_equal(x.fleet.pods[r.p].node, r.c);
    gw_after_free(&x);
    world_free(&r.w);
}

/* ---- copies ---- */

static void copies_stand_on_their_own(void **state)
{
    GW_UNUSED(state);
    refusals r;
    gw_fleet f;
    gw_usage u;
    gw_error e = {0};
    open_refusals(&r);
    gw_pod *pod = &r.w.fleet.pods[r.p];
    assert_int_equal(gw_fleet_label(&r.w.fleet, &pod->labels, gw_str_of("app"), gw_str_of("x"), true), 0);
    assert_true(gw_fleet_namespace(&r.w.fleet, gw_str_of("ml"), &e) != GW_NONE);
    assert_int_equal(
        gw_fleet_label(&r.w.fleet, &r.w.fleet.ns_labels[0], gw_str_of("team"), gw_str_of("y"), true), 0);
    assert_int_equal(gw_fleet_copy(&f, &r.w.fleet, &e), 0);
    assert_int_equal(gw_usage_copy(&u, &r.w.usage, &e), 0);
    /* everything is found, and found at its old place */
    assert_int_equal(gw_fleet_find_node(&f, gw_str_of("c")), r.c);
    assert_int_equal(gw_fleet_find_pod(&f, gw_str_of("ml"), gw_str_of("q")), r.q);
    assert_int_equal(gw_fleet_gpu(&f, gw_str_of("b-1"), &e), r.gb1);
    assert_int_equal(gw_fleet_unit(&f, r.gb1, r.b, gw_str_of(""), gw_str_of(""), &e), whole(&r.w, r.gb1));
    assert_int_equal(gw_fleet_namespace(&f, gw_str_of("ml"), &e), 0);
    assert_string_equal(gw_labels_get(&f.ns_labels[0], "team"), "y");
    assert_int_equal(find_hold(&u, whole(&r.w, r.ga), r.p), 0);
    /* what is added or changed in the copy is in the copy only */
    size_t nodes = r.w.fleet.n_nodes, holds = r.w.usage.n_holds;
    assert_int_equal(gw_fleet_node(&f, gw_str_of("new"), &e), nodes);
    assert_int_equal(gw_fleet_find_node(&r.w.fleet, gw_str_of("new")), GW_NONE);
    assert_int_equal(gw_fleet_label(&f, &f.pods[r.p].labels, gw_str_of("app"), gw_str_of("z"), true), 0);
    assert_string_equal(gw_labels_get(&r.w.fleet.pods[r.p].labels, "app"), "x");
    assert_int_equal(gw_usage_hold(&u, whole(&r.w, r.gb1), r.p), holds);
    assert_int_equal(find_hold(&r.w.usage, whole(&r.w, r.gb1), r.p), GW_NONE);
    assert_int_equal(gw_stats_merge(&u.holds[0].stats, &r.w.usage.holds[1].stats), 0);
    assert_near(u.holds[0].stats.allocated, 42 * H);
    float sum[2] = {0};
    for (int i = 0; i < GW_HIST_BINS; i++) {
        sum[0] += u.holds[0].stats.compute_hist->bin[i];
        sum[1] += r.w.usage.holds[0].stats.compute_hist->bin[i];
    }
    assert_near((double)sum[0], 42 * H);
    assert_near((double)sum[1], 24 * H);
    gw_usage_free(&u);
    gw_fleet_free(&f);
    world_close(&r.w);
    world_free(&r.w);
}

/* ---- memory ---- */

/* A bit of everything: hires, cuts of both kinds, resizes, moves of pods and bundles, a merge, releases. */
static void make_all(refusals *r)
{
    script *s = &r->s[0], *t = &r->s[1];
    uint32_t ended = add_pod(&r->w, "ended", r->c);
    end_pod(&r->w, ended);
    hold(&r->w, ended, whole(&r->w, r->gc), 0, 5, 1, 1, 0.1, 1000);
    gw_error e = {0};
    assert_int_equal(
        gw_fleet_label(&r->w.fleet, &r->w.fleet.nodes[r->a].labels, gw_str_of("pool"), gw_str_of("x"), true),
        0);
    assert_true(gw_fleet_namespace(&r->w.fleet, gw_str_of("ml"), &e) != GW_NONE);
    say_hire(s, 2)->like = "a";
    say_cut(s, GW_HIRED_GPU(0, 1), GW_FORM_MPS, 3, NULL);
    say_cut(s, r->gb1, GW_FORM_MIG, 1, "3g.40gb@0,3g.40gb@4");
    move_p(r, s, GW_HIRED_NODE(0), seat_part(GW_HIRED_GPU(0, 1), GW_FORM_MPS, 3));
    say_move(s, r->q, r->b, r->b);
    say_seat(s, whole(&r->w, r->gb), seat_whole(r->gb), seat_mig(r->gb1, "3g.40gb", -1));
    say_release(s, r->a);
    say_move(t, GW_NONE, r->c, r->b);
    say_seat(t, whole(&r->w, r->gc), seat_whole(r->gc), seat_whole(r->gb));
    say_release(t, r->c);
    t->resizes[0] = (gw_resize){.ns = "ml", .kind = "Pod", .name = "t", .cpu_milli = {4000, 100}};
    t->c.resizes = t->resizes;
    t->c.n_resizes = 1;
}

static void no_memory_leaks_nothing(void **state)
{
    GW_UNUSED(state);
    refusals r;
    open_refusals(&r);
    make_all(&r);
    world_close(&r.w);
    gw_after x = run(&r.w, &r.s[0].c, &r.s[1].c);
    gw_micro bill = x.ledger.total.bill;
    gw_after_free(&x);
    const gw_change *list[] = {&r.s[0].c, &r.s[1].c};
    int64_t live = gw_mem_live();
    uint64_t failed = 0;
    for (uint64_t n = 1;; n++) {
        gw_error e = {0};
        gw_mem_fail_at(n);
        int rc = gw_after_build(&r.w.fleet, &r.w.usage, r.w.prices, list, 2, &x, &e);
        gw_mem_fail_at(0);
        if (rc == 0)
            break;
        assert_int_equal(rc, GW_ENOMEM);
        assert_int_equal(e.code, GW_ENOMEM);
        assert_int_equal(gw_mem_live(), live);
        failed++;
    }
    assert_true(failed > 60);
    assert_int_equal(x.ledger.total.bill, bill);
    gw_after_free(&x);
    assert_int_equal(gw_mem_live(), live);
    world_free(&r.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_idle_node_takes_its_bill_along),
        cmocka_unit_test(nothing_changed_is_the_present),
        cmocka_unit_test(the_control_plane_stays),
        cmocka_unit_test(a_pod_moves_and_its_node_goes),
        cmocka_unit_test(what_nobody_knows_stays_with_the_board),
        cmocka_unit_test(a_part_of_a_board_is_held_for_less),
        cmocka_unit_test(work_beyond_the_seat_is_cut_to_it),
        cmocka_unit_test(a_tenant_may_get_more_than_it_had),
        cmocka_unit_test(memory_of_unknown_size_is_unknown),
        cmocka_unit_test(parts_of_unknown_memory_are_parts),
        cmocka_unit_test(idle_windows_stay_idle),
        cmocka_unit_test(a_shared_memory_peak_is_nobodys),
        cmocka_unit_test(a_board_is_cut_in_instances),
        cmocka_unit_test(an_idle_instance_takes_a_tenant),
        cmocka_unit_test(instances_come_and_go),
        cmocka_unit_test(a_board_is_cut_further),
        cmocka_unit_test(an_older_tenant_keeps_a_node_for_longer),
        cmocka_unit_test(a_node_is_away_for_no_longer_than_its_tenants_allow),
        cmocka_unit_test(unobserved_time_gives_way),
        cmocka_unit_test(unobserved_gpus_are_there_for_longer),
        cmocka_unit_test(a_hired_node_is_there_for_its_tenants),
        cmocka_unit_test(a_hired_node_without_tenants_is_there_all_along),
        cmocka_unit_test(a_bundle_is_what_else_was_there),
        cmocka_unit_test(units_and_seats_go_in_pairs),
        cmocka_unit_test(a_tenant_that_comes_back_has_one_hold),
        cmocka_unit_test(changes_rest_on_those_before),
        cmocka_unit_test(a_bundle_leaves_those_alone_that_left_it),
        cmocka_unit_test(requests_are_changed_with_the_workload),
        cmocka_unit_test(what_has_no_index_is_refused),
        cmocka_unit_test(two_tenants_in_one_seat_are_refused),
        cmocka_unit_test(times_that_nobody_says_are_all_of_it),
        cmocka_unit_test(what_had_the_whole_board_had_its_instances),
        cmocka_unit_test(the_present_is_not_the_changes_fault),
        cmocka_unit_test(one_after_the_other_may_share_a_seat),
        cmocka_unit_test(two_forms_of_one_board_are_refused),
        cmocka_unit_test(more_than_a_board_has_is_refused),
        cmocka_unit_test(a_released_node_is_empty),
        cmocka_unit_test(what_comes_and_goes_with_a_node_is_not_left_behind),
        cmocka_unit_test(moves_that_contradict_themselves_are_refused),
        cmocka_unit_test(hires_that_cannot_be_booked_are_refused),
        cmocka_unit_test(more_than_a_node_has_is_refused),
        cmocka_unit_test(only_what_is_known_is_held_against_a_node),
        cmocka_unit_test(copies_stand_on_their_own),
        cmocka_unit_test(no_memory_leaks_nothing),
    };
    return cmocka_run_group_tests_name("after", tests, NULL, NULL);
}
