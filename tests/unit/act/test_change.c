/* A change as JSON and back: the same change, or a message that names the member. */
#include "gw_test.h"

#include <unistd.h>

#include "act/change.h"
#include "act/sample.h"

/* ---- comparing ---- */

static void same_seat(const gw_seat *a, const gw_seat *b)
{
    assert_int_equal(a->gpu, b->gpu);
    assert_int_equal(a->form, b->form);
    assert_int_equal(a->parts, b->parts);
    assert_true(gw_eq(a->profile, b->profile));
    assert_int_equal(a->start, b->start);
    assert_true(a->share == b->share); /* to the bit: it is worked out again, not read */
    assert_int_equal(a->memory_mib, b->memory_mib);
}

static void same_hire(const gw_hire *a, const gw_hire *b)
{
    assert_true(gw_eq(a->instance_type, b->instance_type) && gw_eq(a->region, b->region) &&
                gw_eq(a->zone, b->zone) && gw_eq(a->gpu, b->gpu) && gw_eq(a->like, b->like));
    assert_int_equal(a->provider, b->provider);
    assert_int_equal(a->capacity, b->capacity);
    assert_true(a->hourly == b->hourly);
    assert_int_equal(a->gpus, b->gpus);
    assert_int_equal(a->gpu_memory_mib, b->gpu_memory_mib);
    assert_int_equal(a->cpu_milli, b->cpu_milli);
    assert_int_equal(a->memory_mib, b->memory_mib);
}

static void same_move(const gw_move *a, const gw_move *b)
{
    assert_int_equal(a->pod, b->pod);
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->node, b->node);
    assert_int_equal(a->restarts, b->restarts);
    assert_int_equal(a->n_units, b->n_units);
    for (uint32_t i = 0; i < a->n_units; i++) {
        assert_int_equal(a->units[i], b->units[i]);
        same_seat(&a->was[i], &b->was[i]);
        same_seat(&a->to[i], &b->to[i]);
    }
}

static void same_change(const gw_change *a, const gw_change *b)
{
    assert_int_equal(a->n_hires, b->n_hires);
    for (size_t i = 0; i < a->n_hires; i++)
        same_hire(&a->hires[i], &b->hires[i]);
    assert_int_equal(a->n_cuts, b->n_cuts);
    for (size_t i = 0; i < a->n_cuts; i++) {
        const gw_cut *x = &a->cuts[i], *y = &b->cuts[i];
        assert_true(x->gpu == y->gpu && x->form == y->form && x->via == y->via && x->parts == y->parts);
        assert_true(gw_eq(x->layout, y->layout) && gw_eq(x->was_layout, y->was_layout));
    }
    assert_int_equal(a->n_resizes, b->n_resizes);
    for (size_t i = 0; i < a->n_resizes; i++) {
        const gw_resize *x = &a->resizes[i], *y = &b->resizes[i];
        assert_true(gw_eq(x->ns, y->ns) && gw_eq(x->kind, y->kind) && gw_eq(x->name, y->name));
        assert_int_equal(x->pods, y->pods);
        assert_memory_equal(x->cpu_milli, y->cpu_milli, sizeof(x->cpu_milli));
        assert_memory_equal(x->memory_mib, y->memory_mib, sizeof(x->memory_mib));
        assert_memory_equal(x->ephemeral_mib, y->ephemeral_mib, sizeof(x->ephemeral_mib));
    }
    assert_int_equal(a->n_moves, b->n_moves);
    for (size_t i = 0; i < a->n_moves; i++)
        same_move(&a->moves[i], &b->moves[i]);
    assert_int_equal(a->n_released, b->n_released);
    for (size_t i = 0; i < a->n_released; i++)
        assert_int_equal(a->released[i], b->released[i]);
}

/* ---- texts ---- */

/* A whole action.json around the change, as gw_export_action makes it. */
static const char *text_of(const sample *s, uint32_t action, gw_arena *arena)
{
    gw_export x = sample_export(s);
    gw_files files;
    gw_error e;
    assert_int_equal(gw_export_action(&x, action, arena, &files, &e), 0);
    for (size_t i = 0; i < files.n; i++) {
        if (strcmp(files.items[i].path, "action.json") == 0)
            return files.items[i].text;
    }
    fail_msg("no action.json");
    return NULL;
}

static int parse(const gw_fleet *f, const char *text, gw_arena *arena, gw_change *ret, gw_error *e)
{
    return gw_change_parse("action.json", gw_str_of(text), f, arena, ret, e);
}

static void round_trip(void **state)
{
    sample s;
    gw_error e;
    GW_UNUSED(state);
    sample_init(&s);
    for (uint32_t i = 0; i < s.plan.n_actions; i++) {
        gw_arena arena;
        gw_change back;
        gw_arena_init(&arena, 0);
        const char *text = text_of(&s, i, &arena);
        if (parse(&s.fleet, text, &arena, &back, &e))
            fail_msg("%s: %s", s.plan.actions[i].id, e.message);
        same_change(&s.plan.actions[i].change, &back);
        gw_arena_free(&arena);
    }
    sample_free(&s);
}

/* Another run finds the same things in another order. */
static void other_run(void **state)
{
    sample s;
    gw_fleet other;
    gw_arena arena;
    gw_change back;
    gw_error e;
    GW_UNUSED(state);
    sample_init(&s);
    gw_fleet_init(&other);
    gw_arena_init(&arena, 0);
    sample_node(&other, "cpu-1", "g4dn.12xlarge", 4, "Tesla T4", 15360);
    sample_node(&other, "time-1", "g4dn.12xlarge", 2, "Tesla T4", 15360);
    uint32_t pod = sample_pod(&other, "web", "shop-1", "Deployment", "shop", "cpu-1", 0);
    assert_int_equal(parse(&other, text_of(&s, 6, &arena), &arena, &back, &e), 0);
    assert_int_equal(back.n_moves, 1);
    assert_int_equal(back.moves[0].pod, pod);
    assert_int_equal(back.moves[0].from, 0);
    assert_int_equal(back.moves[0].node, 1);
    assert_int_equal(back.released[0], 0);
    /* and says what is not there any more */
    assert_int_equal(parse(&other, text_of(&s, 5, &arena), &arena, &back, &e), GW_ECONFIG);
    assert_non_null(strstr(e.message, "change.releases[0]"));
    assert_non_null(strstr(e.message, "idle-1"));
    gw_arena_free(&arena);
    gw_fleet_free(&other);
    sample_free(&s);
}

/* Two clusters, each with a node of one name, and a pod of one name. */
static void clusters(void **state)
{
    sample s;
    gw_arena arena;
    gw_change back;
    gw_error e;
    GW_UNUSED(state);
    sample_init(&s);
    uint32_t a = gw_fleet_node_in(&s.fleet, s_("east"), s_("twin"), &e);
    uint32_t b = gw_fleet_node_in(&s.fleet, s_("west"), s_("twin"), &e);
    uint32_t p = gw_fleet_pod_in(&s.fleet, s_("east"), s_("ns"), s_("twin"), &e);
    uint32_t q = gw_fleet_pod_in(&s.fleet, s_("west"), s_("ns"), s_("twin"), &e);
    assert_true(a != b && p != q);
    gw_move moves[] = {{.pod = q, .from = b, .node = a, .restarts = true},
                       {.pod = p, .from = a, .node = GW_NONE}};
    uint32_t released[] = {b, a};
    s.plan.actions[0].change =
        (gw_change){.moves = moves, .n_moves = 2, .released = released, .n_released = 2};
    gw_arena_init(&arena, 0);
    assert_int_equal(parse(&s.fleet, text_of(&s, 0, &arena), &arena, &back, &e), 0);
    same_change(&s.plan.actions[0].change, &back);
    gw_arena_free(&arena);
    sample_free(&s);
}

/* Units of a node's GPUs that nobody reports, and seats on them. */
static void unobserved(void **state)
{
    sample s;
    gw_arena arena;
    gw_change back;
    gw_error e;
    GW_UNUSED(state);
    sample_init(&s);
    uint32_t node = gw_fleet_find_node(&s.fleet, s_("idle-1"));
    uint32_t unit = gw_fleet_unit(&s.fleet, GW_NONE, node, s_(""), s_(""), &e);
    s.fleet.units[unit].node = node;
    gw_seat seat = sample_seat(GW_NONE, GW_FORM_WHOLE, 1, NULL, -1, 1, GW_UNKNOWN_COUNT);
    gw_move moves[] = {{.pod = GW_NONE,
                        .units = &unit,
                        .n_units = 1,
                        .was = &seat,
                        .to = &seat,
                        .from = node,
                        .node = node}};
    s.plan.actions[0].change = (gw_change){.moves = moves, .n_moves = 1};
    gw_arena_init(&arena, 0);
    assert_int_equal(parse(&s.fleet, text_of(&s, 0, &arena), &arena, &back, &e), 0);
    same_change(&s.plan.actions[0].change, &back);
    gw_arena_free(&arena);
    sample_free(&s);
}

#define HEAD            "{\"apiVersion\":\"gpuwise/v1\",\"kind\":\"Action\",\"schemaVersion\":1,\"change\":"
#define SEAT(gpu, more) "{\"gpu\":" gpu ",\"form\":\"dedicated\",\"parts\":1" more "}"
#define T1              "{\"uuid\":\"GPU-time-1-1\"}"
#define MOVE(pod, unit, was, to)                                                                             \
    HEAD "{\"moves\":[{\"pod\":" pod ",\"from\":{\"name\":\"time-1\"},\"node\":{\"name\":\"time-1\"},"       \
         "\"restarts\":true,\"seats\":[{\"unit\":" unit ",\"was\":" was ",\"to\":" to "}]}]}}"
#define RESIZE(cpu)                                                                                          \
    HEAD "{\"resizes\":[{\"namespace\":\"a\",\"kind\":\"b\",\"name\":\"c\",\"pods\":1,\"cpuMilli\":" cpu     \
         ",\"memoryMib\":[1,1],\"ephemeralMib\":[null,null]}]}}"
#define HIRE(more) HEAD "{\"hires\":[{\"provider\":\"aws\",\"capacity\":\"spot\"" more "}]}}"

static void refuses(void **state)
{
    /* each text, the code, and what the message must name; the first three show that the frame itself is
     * right */
    static const struct {
        const char *text;
        int code;
        const char *part;
    } cases[] = {
        {HEAD "{}}", 0, ""},
        {MOVE("null", T1, SEAT(T1, ""), SEAT(T1, "")), 0, ""},
        {RESIZE("[1,null]"), 0, ""},
        {HIRE(",\"gpus\":1"), 0, ""},
        {"", GW_ECORRUPT, "action.json"},
        {"{", GW_ECORRUPT, "cut off"},
        {"[]", GW_ECONFIG, "a list"},
        {"{} x", GW_ECORRUPT, "action.json"},
        {"{}", GW_ECONFIG, "gpuwise/v1"},
        {"{\"apiVersion\":\"gpuwise/v1\",\"kind\":\"Report\"}", GW_ECONFIG, "kind"},
        {"{\"apiVersion\":\"gpuwise/v1\",\"kind\":\"Action\",\"change\":{}}", GW_ECONFIG, "schemaVersion"},
        {"{\"apiVersion\":\"gpuwise/v1\",\"kind\":\"Action\",\"schemaVersion\":2,\"change\":{}}", GW_ECONFIG,
         "schemaVersion: is 2"},
        {"{\"apiVersion\":\"gpuwise/v1\",\"kind\":\"Action\",\"schemaVersion\":1}", GW_ECONFIG,
         "change: is not there"},
        {HEAD "{\"move\":[]}}", GW_ECONFIG, "\"move\""},
        {HEAD "{\"moves\":{}}}", GW_ECONFIG, "change.moves: is an object"},
        {HEAD "{\"moves\":[7]}}", GW_ECONFIG, "change.moves[0]: is a number"},
        {HEAD "{\"releases\":[{\"name\":\"time-1\"},{\"name\":\"gone\"}]}}", GW_ECONFIG,
         "change.releases[1]: there is no node \"gone\""},
        {HEAD "{\"releases\":[{\"name\":7}]}}", GW_ECONFIG, "change.releases[0].name: is a number"},
        {HEAD "{\"releases\":[{\"hire\":0}]}}", GW_ECONFIG, "there are none"},
        {HEAD "{\"hires\":[],\"releases\":[{\"hire\":-1}]}}", GW_ECONFIG, "releases[0]"},
        {MOVE("{\"namespace\":\"ml\",\"name\":\"gone\"}", T1, SEAT(T1, ""), SEAT(T1, "")), GW_ECONFIG,
         "change.moves[0].pod: there is no pod \"ml/gone\""},
        {MOVE("7", T1, SEAT(T1, ""), SEAT(T1, "")), GW_ECONFIG, "moves[0].pod: is a number"},
        {MOVE("null", "{\"uuid\":\"GPU-x\"}", SEAT(T1, ""), SEAT(T1, "")), GW_ECONFIG, "seats[0].unit"},
        {MOVE("null", "{\"uuid\":\"GPU-time-1-1\",\"profile\":\"1g.5gb\",\"instance\":\"3\"}", SEAT(T1, ""),
              SEAT(T1, "")),
         GW_ECONFIG, "this MIG instance is not handed out"},
        {MOVE("null", T1, SEAT(T1, ",\"prats\":2"), SEAT(T1, "")), GW_ECONFIG, "\"prats\""},
        {MOVE("null", T1, SEAT(T1, ""), "{\"gpu\":" T1 ",\"form\":\"shared\",\"parts\":2}"), GW_ECONFIG,
         "change.moves[0].seats[0].to.form: is \"shared\""},
        {MOVE("null", T1, SEAT(T1, ""), "{\"gpu\":" T1 ",\"form\":\"mps\",\"parts\":1}"), GW_ECONFIG,
         "to.parts"},
        {MOVE("null", T1, SEAT(T1, ""), "{\"gpu\":" T1 ",\"form\":\"mps\",\"parts\":49}"), GW_ECONFIG, "48"},
        {MOVE("null", T1, SEAT(T1, ""), "{\"gpu\":" T1 ",\"form\":\"mig\",\"parts\":1}"), GW_ECONFIG,
         "to.profile"},
        {MOVE("null", T1, SEAT(T1, ""), "{\"gpu\":" T1 ",\"form\":\"mig\",\"parts\":1,\"profile\":\"xl\"}"),
         GW_ECONFIG, "\"xl\" is no MIG profile"},
        {MOVE("null", T1, SEAT(T1, ""), SEAT("{\"hire\":0,\"board\":0}", "")), GW_ECONFIG, "to.gpu"},
        {MOVE("null", T1, SEAT(T1, ",\"memoryMib\":1.5"), SEAT(T1, "")), GW_ECONFIG,
         "memoryMib: is a fraction"},
        {MOVE("null", T1, SEAT(T1, ",\"memoryMib\":-1"), SEAT(T1, "")), GW_ECONFIG, "was.memoryMib"},
        {RESIZE("[1]"), GW_ECONFIG, "resizes[0].cpuMilli: wants"},
        {RESIZE("[1,\"2\"]"), GW_ECONFIG, "resizes[0].cpuMilli[1]: is a text"},
        {RESIZE("[1,-2]"), GW_ECONFIG, "cpuMilli[1]"},
        {HIRE(",\"gpus\":257"), GW_ECONFIG, "hires[0].gpus"},
        {HIRE(",\"hourlyUsd\":-1"), GW_ECONFIG, "hires[0].hourlyUsd"},
        {HIRE(",\"hourlyUsd\":1e300"), GW_ECONFIG, "hires[0].hourlyUsd"},
        {HIRE(",\"zone\":false"), GW_ECONFIG, "hires[0].zone"},
        {HEAD "{\"hires\":[{\"provider\":\"acme\",\"capacity\":\"spot\"}]}}", GW_ECONFIG,
         "hires[0].provider"},
        {HEAD "{\"cuts\":[{\"gpu\":" T1 ",\"form\":\"mig\",\"via\":\"device-plugin\",\"parts\":1}]}}",
         GW_ECONFIG, "cuts[0].layout"},
        {HEAD "{\"cuts\":[{\"gpu\":null,\"form\":\"mps\",\"via\":\"kai\",\"parts\":2}]}}", GW_ECONFIG,
         "cuts[0].gpu"},
        {"{\"apiVersion\":\"a\xff\"}", GW_ECORRUPT, "UTF-8"},
    };
    sample s;
    GW_UNUSED(state);
    sample_init(&s);
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        gw_arena arena;
        gw_change c = {.n_moves = 77};
        gw_error e = {0};
        gw_arena_init(&arena, 0);
        int rc = parse(&s.fleet, cases[i].text, &arena, &c, &e);
        if (rc != cases[i].code || !strstr(e.message, cases[i].part))
            fail_msg("%s\n%d %s", cases[i].text, rc, e.message);
        if (rc) {
            assert_int_equal(c.n_moves, 77); /* untouched */
            assert_int_equal(e.code, rc);
        }
        gw_arena_free(&arena);
    }
    sample_free(&s);
}

static void files(void **state)
{
    sample s;
    gw_arena arena;
    gw_change c;
    gw_error e;
    char path[] = "/tmp/gw-change-XXXXXX";
    GW_UNUSED(state);
    sample_init(&s);
    gw_arena_init(&arena, 0);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    const char *text = text_of(&s, 7, &arena);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(gw_change_read(path, &s.fleet, &arena, &c, &e), 0);
    same_change(&s.plan.actions[7].change, &c);
    assert_int_equal(ftruncate(fd, (off_t)strlen(text) / 2), 0);
    assert_int_equal(gw_change_read(path, &s.fleet, &arena, &c, &e), GW_ECORRUPT);
    assert_non_null(strstr(e.message, path));
    close(fd);
    unlink(path);
    assert_int_equal(gw_change_read(path, &s.fleet, &arena, &c, &e), GW_EIO);
    assert_int_equal(gw_change_read("/", &s.fleet, &arena, &c, &e), GW_EIO);
    gw_arena_free(&arena);
    sample_free(&s);
}

/* Whichever allocation fails, reading fails with "out of memory" and keeps nothing. */
static void memory_runs_out(void **state)
{
    sample s;
    gw_arena keep;
    GW_UNUSED(state);
    sample_init(&s);
    gw_arena_init(&keep, 0);
    const char *texts[] = {text_of(&s, 0, &keep), text_of(&s, 7, &keep), text_of(&s, 8, &keep)};
    for (size_t t = 0; t < GW_COUNT(texts); t++) {
        int rc = GW_ENOMEM;
        for (uint64_t n = 1; rc; n++) {
            gw_arena arena;
            gw_change c;
            gw_error e;
            int64_t live = gw_mem_live();
            gw_arena_init(&arena, 0);
            gw_mem_fail_at(n);
            rc = parse(&s.fleet, texts[t], &arena, &c, &e);
            gw_mem_fail_at(0);
            assert_true(rc == 0 || rc == GW_ENOMEM);
            assert_true(rc == 0 || n < 100000);
            gw_arena_free(&arena);
            assert_int_equal(gw_mem_live(), live);
        }
    }
    gw_arena_free(&keep);
    sample_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),      cmocka_unit_test(other_run), cmocka_unit_test(clusters),
        cmocka_unit_test(unobserved),      cmocka_unit_test(refuses),   cmocka_unit_test(files),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
