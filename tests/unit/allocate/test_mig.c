#include "gw_test.h"

#include <stdio.h>

#include "allocate/mig.h"
#include "allocate/mig_weights.h"
#include "fleet/fleet.h"
#include "format/csv.h"
#include "mig_naive.h"

#define EACH_BOARD(b) (size_t i_ = 0; ((b) = gw_mig_board_at(i_)) != NULL; i_++)

static const gw_mig_board *board(const char *name)
{
    const gw_mig_board *b = NULL;
    gw_error e = {0};
    if (gw_mig_board_find(name, -1, &b, &e))
        fail_msg("%s", e.message);
    return b;
}

static gw_mig_set set_of(const gw_mig_board *b, const char *text)
{
    gw_mig_set s = {{0}};
    gw_error e = {0};
    if (gw_mig_set_parse(b, text, &s, &e))
        fail_msg("%s", e.message);
    return s;
}

static gw_mig_layout layout_of(const gw_mig_board *b, const char *text)
{
    gw_mig_layout l = {.n = 0};
    gw_error e = {0};
    if (gw_mig_layout_parse(b, text, &l, &e))
        fail_msg("%s", e.message);
    return l;
}

static bool fits(const gw_mig_board *b, const char *text)
{
    gw_mig_set s = set_of(b, text);
    return gw_mig_fit(b, &s, NULL);
}

/* ---- the table ---- */

static char *read_shared(const char *file)
{
    char path[1024];
    const char *folder = getenv("GW_SHARED") ? getenv("GW_SHARED") : "../shared";
    snprintf(path, sizeof(path), "%s/data/%s", folder, file);
    FILE *f = fopen(path, "rb");
    if (!f) {
        print_message("SKIPPED: %s is not there; set GW_SHARED to the folder that has data/\n", path);
        return NULL;
    }
    char *text = gw_calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, f) < (1 << 20) - 1);
    fclose(f);
    return text;
}

static void compare_row(gw_csv *csv)
{
    static const gw_mig_board *last;
    static size_t at;
    char name[64];
    snprintf(name, sizeof(name), "%.*s", GW_STR_ARG(csv->field[0].value));
    const gw_mig_board *b = board(name);
    assert_string_equal(b->name, name);
    at = b == last ? at + 1 : 0; /* the same profiles in the same order */
    last = b;
    assert_true(at < b->n_profiles);
    const gw_mig_profile *p = &b->profiles[at];
    char text[128], starts[64] = "";
    size_t n = 0;
    for (int s = 0; s < 32; s++)
        if (p->starts >> s & 1u)
            n += (size_t)snprintf(starts + n, sizeof(starts) - n, "%s%d", n ? ";" : "", s);
    /* profile, compute and memory slices, GB, starts, size, greatest number */
    snprintf(text, sizeof(text), "%s,%d,%d,%d,%s,%d,%d", p->name, p->compute, p->size, p->memory_gb, starts,
             p->size, p->max);
    char want[256];
    n = 0;
    for (size_t i = 1; i <= 7; i++)
        n += (size_t)snprintf(want + n, sizeof(want) - n, "%s%.*s", i > 1 ? "," : "",
                              GW_STR_ARG(csv->field[i].value));
    assert_string_equal(text, want);
}

static void table_is_the_published_one(void **state)
{
    GW_UNUSED(state);
    static gw_csv csv;
    gw_error e = {0};
    char *text = read_shared("mig/mig_profiles.csv");
    size_t rows = 0, ours = 0;
    const gw_mig_board *b;
    if (!text)
        skip();
    gw_csv_init(&csv, "mig_profiles.csv", gw_str_of(text));
    assert_int_equal(gw_csv_next(&csv, &e), 1);
    for (; gw_csv_next(&csv, &e) == 1; rows++)
        compare_row(&csv);
    for
        EACH_BOARD(b)
    ours += b->n_profiles;
    assert_int_equal(rows, ours);
    gw_csv_free(&csv);
    gw_free(text);
}

static void table_holds_together(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b;
    size_t n = 0;
    for
        EACH_BOARD(b)
        {
            n++;
            assert_true(b->n_profiles <= GW_MIG_PROFILES_MAX && b->slots <= GW_MIG_SLOTS_MAX);
            for (size_t i = 0; i < b->n_profiles; i++) {
                const gw_mig_profile *p = &b->profiles[i];
                char want[64];
                assert_int_equal(gw_mig_profile_find(b, gw_str_of(p->name)), i);
                snprintf(want, sizeof(want), "%dg.%dgb", p->compute, p->memory_gb);
                assert_memory_equal(p->name, want, strlen(want));
                /* what fleet/ says of the same name */
                assert_true(gw_mig_weight(b->name, p->name) == (double)p->compute / (double)b->compute);
                assert_int_equal(gw_mig_memory_mib(p->name), p->memory_gb * 1024);
                /* the driver never gives more than the name, nor less than its reserve takes */
                assert_in_range(p->memory_mib, p->memory_gb * 1024 * 85 / 100, p->memory_gb * 1024);
                for (int s = 0; s < 32; s++)
                    assert_true(!(p->starts >> s & 1u) || s + p->size <= b->slots);
            }
        }
    assert_int_equal(n, 13);
}

static void sums_never_exceed_the_board(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b;
    for
        EACH_BOARD(b)
        {
            size_t n = gw_mig_sets(b, (1u << b->n_profiles) - 1u, true, NULL, 0);
            gw_mig_set *sets = gw_calloc(n, sizeof(*sets));
            assert_non_null(sets);
            assert_int_equal(gw_mig_sets(b, (1u << b->n_profiles) - 1u, true, sets, n), n);
            for (size_t i = 0; i < n; i++) {
                int64_t memory = 0;
                assert_true(gw_mig_set_compute(b, &sets[i]) <= b->compute);
                for (size_t p = 0; p < b->n_profiles; p++)
                    memory += sets[i].n[p] * b->profiles[p].memory_mib;
                assert_true(memory <= b->profiles[b->n_profiles - 1].memory_gb * 1024);
            }
            gw_free(sets);
        }
}

static void boards_by_any_spelling(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *name;
        int64_t memory_mib;
        const char *want;
    } cases[] = {
        {"a100-80gb", -1, "A100-80GB"},
        {"A100-SXM4-80GB", -1, "A100-80GB"},
        {"NVIDIA A100-SXM4-40GB", -1, "A100-40GB"},
        {"NVIDIA-A100-80GB-PCIe-MIG-1g.10gb", -1, "A100-80GB"},
        {"NVIDIA A100-SXM4", 81920, "A100-80GB"},
        {"NVIDIA H100 80GB HBM3", -1, "H100-80GB"},
        {"NVIDIA H100 PCIe", -1, "H100-80GB"},
        {"NVIDIA H100 NVL", -1, "H100-94GB"},
        {"H100-96GB(GH200)", -1, "H100-96GB(GH200)"},
        {"NVIDIA GH200 480GB", -1, "H100-96GB(GH200)"},
        {"NVIDIA GH200 144G HBM3e", -1, "GH200-144GB"},
        {"GH200", 97871, "H100-96GB(GH200)"},
        {"NVIDIA H200", -1, "H200-141GB"},
        {"NVIDIA B200", -1, "B200-180GB"},
        {"NVIDIA GB200", -1, "GB200-186GB"},
        {"B300", -1, "B300-269GB"},
        {"GB300", -1, "GB300-278GB"},
        {"NVIDIA A30", -1, "A30-24GB"},
        {"NVIDIA RTX PRO 6000 Blackwell Server Edition", -1, "RTX-PRO-6000-Blackwell-96GB"},
    };
    static const struct {
        const char *name;
        int code;
        const char *part;
    } bad[] = {{"A100", GW_EUSAGE, "A100-40GB, A100-80GB"},
               {"H100", GW_EUSAGE, "H100-94GB"},
               {"GH200", GW_EUSAGE, "GH200-144GB"},
               {"T4", GW_ENOTFOUND, "H100-80GB"},
               {"", GW_ENOTFOUND, "A30-24GB"},
               {"A300", GW_ENOTFOUND, "A30-24GB"}};
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        const gw_mig_board *b = NULL;
        gw_error e = {0};
        if (gw_mig_board_find(cases[i].name, cases[i].memory_mib, &b, &e))
            fail_msg("%s", e.message);
        assert_string_equal(b->name, cases[i].want);
    }
    for (size_t i = 0; i < GW_COUNT(bad); i++) {
        const gw_mig_board *b = NULL;
        gw_error e = {0};
        assert_int_equal(gw_mig_board_find(bad[i].name, -1, &b, &e), bad[i].code);
        assert_null(b);
        assert_non_null(strstr(e.message, bad[i].part));
    }
}

static void profiles_as_kubernetes_spells_them(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b = board("A100-40GB"), *r = board("RTX PRO 6000");
    assert_int_equal(gw_mig_profile_find(b, gw_str_of("1g.5gb.me")), 1);
    assert_int_equal(gw_mig_profile_find(b, gw_str_of("nvidia.com/mig-1G.10GB")), 2);
    assert_int_equal(gw_mig_profile_find(b, gw_str_of("MIG 7g.40gb")), 6);
    assert_int_equal(gw_mig_profile_find(r, gw_str_of("1g.24gb.me.all")), 3);
    assert_int_equal(gw_mig_profile_find(r, gw_str_of("1g.24gb-me")), 4);
    static const char *const none[] = {"", "1g", "1g.5gb+", "1g.5gb+me2", "1g.20gb", "1g+5gb", "mig-"};
    for (size_t i = 0; i < GW_COUNT(none); i++)
        assert_int_equal(gw_mig_profile_find(b, gw_str_of(none[i])), GW_MIG_NONE);
}

/*
 * Needs in SMs of an H100's 132: 0.12 is 15.8 (1g has 16), 0.13 is 17.2 (1g.20gb has 26 and takes two slots
 * as 2g with 32 does), 0.2 is 26.4, 0.25 is 33 (3g 60), 0.46 is 60.7 (4g 64), 0.49 is 64.7 (7g).
 */
static void smallest_slice(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *board;
        double share;
        int64_t mib;
        const char *want;
    } cases[] = {
        {"H100-80GB", 0, 0, "1g.10gb"},
        {"H100-80GB", 0.12, 9984, "1g.10gb"},
        {"H100-80GB", 0.13, 9984, "1g.20gb"},
        {"H100-80GB", 0.12, 9985, "1g.20gb"}, /* 10 GB in the name are 9.75 GiB in the driver */
        {"H100-80GB", 0.2, 100, "2g.20gb"},
        {"H100-80GB", 0.25, 100, "3g.40gb"},
        {"H100-80GB", 0.1, 30000, "3g.40gb"},
        {"H100-80GB", 0.46, 100, "4g.40gb"},
        {"H100-80GB", 0.49, 100, "7g.80gb"},
        {"H100-80GB", 1, 81152, "7g.80gb"},
        {"H100-80GB", 0.1, 81153, NULL},
        {"H100-80GB", 1.01, 100, NULL},
        {"H100-80GB", -1, 100, NULL}, /* unknown is not little */
        {"H100-80GB", 0.1, GW_UNKNOWN_COUNT, NULL},
        {"A100-80GB", 0.9, 100, "7g.80gb"},    /* 97.2 of 108; a 7g has 98 */
        {"A100-80GB", 0.91, 100, NULL},        /* 98.3: only with MIG off */
        {"A100-40GB", 0.13, 100, "2g.10gb"},   /* 14.04 SMs, and 1g.10gb has 14 as 1g.5gb has */
        {"H200-141GB", 0.1, 17000, "1g.35gb"}, /* 1g.18gb has 16.00 GiB */
        {"A30-24GB", 0.3, 6000, "2g.12gb"},
        {"RTX-PRO-6000-Blackwell-96GB", 0.3, 100, "2g.48gb"},
        {"B300-269GB", 0.118, 100, "1g.34gb"}, /* nobody published its SMs */
        {"B300-269GB", 0.12, 100, "2g.67gb"},
        {"B300-269GB", 0.5, 100, "7g.269gb"},
        {"B300-269GB", 0.1, 34 * 1024 * 85 / 100 + 1, "1g.67gb"},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        const gw_mig_profile *p = gw_mig_smallest_for(board(cases[i].board), cases[i].share, cases[i].mib);
        if (!cases[i].want)
            assert_null(p);
        else if (!p || strcmp(p->name, cases[i].want) != 0)
            fail_msg("case %zu: %s, not %s", i, p ? p->name : "none", cases[i].want);
    }
}

/* ---- one board ---- */

/*
 * A layout, here, is what stands on one board without regard to where: a multiset of the six geometries 1g,
 * 1g with double memory, 2g, 3g, 4g and 7g (+me is a 1g), the empty board included. There are 78, and 28 of
 * them are maximal: no slice can be added however the others are placed. With places there are 723, 78 of
 * which admit no other slice, and 19 where double memory is left out: NVIDIA's figure of the A100 shows
 * those 19.
 */
static void known_counts(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b;
    for
        EACH_BOARD(b)
        {
            if (b->slots != 8)
                continue;
            unsigned plain = 0;
            for (size_t p = 0; p < b->n_profiles; p++)
                plain |= gw_mig_is_variant(&b->profiles[p]) ? 0 : 1u << p;
            assert_int_equal(gw_mig_sets(b, plain, false, NULL, 0), 78);
            assert_int_equal(gw_mig_sets(b, plain, true, NULL, 0), 28);
        }
    /* four equal slices, two pairs or the whole: by hand, of (4g), (2g 2g), (2g, up to 2 of 1g), (up to 4 of
     * 1g): 1 + 1 + 3 + 5 = 10, of which 4g; 2g 2g; 2g 1g 1g; 4 of 1g are maximal */
    assert_int_equal(gw_mig_sets(board("A30"), 0x15, false, NULL, 0), 10);
    assert_int_equal(gw_mig_sets(board("A30"), 0x15, true, NULL, 0), 4);
}

typedef struct places {
    size_t all, maximal;
} places;

static void count_places(naive *k, const int *of, size_t n, int from, places *ret)
{
    bool maximal = true;
    ret->all++;
    for (size_t i = 0; i < n; i++) {
        const gw_mig_profile *p = &k->b->profiles[of[i]];
        for (int start = 0; start < k->b->slots; start++) {
            if (!(p->starts & 1u << start) || !naive_put(k, 0, p, start, 1))
                continue;
            maximal = false;
            if ((int)(i * 16) + start > from) /* each combination in one order */
                count_places(k, of, n, (int)(i * 16) + start, ret);
            naive_put(k, 0, p, start, 0);
        }
    }
    ret->maximal += maximal;
}

static void known_counts_with_places(void **state)
{
    GW_UNUSED(state);
    static const int six[] = {0, 2, 3, 4, 5, 6}, five[] = {0, 3, 4, 5, 6};
    naive k = {.b = board("A100-80GB")};
    places with = {0}, without = {0};
    count_places(&k, six, 6, -1, &with);
    count_places(&k, five, 5, -1, &without);
    assert_int_equal(with.all, 723);
    assert_int_equal(with.maximal, 78);
    assert_int_equal(without.maximal, 19);
}

static void compare_fit(const gw_mig_board *b, const gw_mig_set *s)
{
    gw_mig_layout l;
    bool fit = gw_mig_fit(b, s, &l);
    if (fit != naive_fits(b, s, 1)) {
        for (size_t p = 0; p < b->n_profiles; p++)
            if (s->n[p])
                print_message("%dx%s ", s->n[p], b->profiles[p].name);
        fail_msg("on a %s: we say %s", b->name, fit ? "yes" : "no");
    }
    if (fit) {
        check_layout(b, &l);
        gw_mig_set is = gw_mig_set_of(&l);
        assert_true(gw_mig_set_eq(&is, s));
    }
}

static size_t each_set(const gw_mig_board *b, size_t p, int left, gw_mig_set *s)
{
    if (p == b->n_profiles) {
        compare_fit(b, s);
        return 1;
    }
    size_t n = 0;
    for (s->n[p] = 0; s->n[p] <= left; s->n[p]++)
        n += each_set(b, p + 1, left - s->n[p], s);
    s->n[p] = 0;
    return n;
}

/* Every multiset of up to 7 slices of all profiles, on every board. There are C(7 + profiles, 7) of them. */
static void fit_is_exhaustive_search(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b;
    for
        EACH_BOARD(b)
        {
            gw_mig_set s = {{0}};
            size_t want = b->n_profiles == 5 ? 792 : b->n_profiles == 7 ? 3432 : 31824;
            assert_int_equal(each_set(b, 0, 7, &s), want);
        }
}

static void fit_by_hand(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b = board("H100-80GB");
    assert_true(fits(b, ""));
    assert_true(fits(b, "7x1g.10gb"));
    assert_true(fits(b, "3g.40gb,4g.40gb"));
    assert_true(fits(b, "3x2g.20gb,1g.10gb"));
    assert_true(fits(b, "3x1g.20gb,1g.10gb+me"));
    assert_false(fits(b, "4x1g.20gb,3x1g.10gb")); /* 7 compute slices, and 11 memory slots */
    assert_false(fits(b, "2x4g.40gb"));
    assert_false(fits(b, "2x3g.40gb,1g.10gb")); /* 7 compute slices, no slot left */
    assert_false(fits(b, "2x1g.10gb+me"));
    assert_false(fits(b, "3x2g.20gb,1g.20gb,1g.10gb"));
    gw_mig_set below = {{-1}};
    assert_false(gw_mig_fit(b, &below, NULL));
    /* as far to the right as it goes */
    gw_mig_layout l;
    gw_mig_set s = set_of(b, "3g.40gb,1g.10gb");
    assert_true(gw_mig_fit(b, &s, &l));
    assert_int_equal(l.at[0].start, 3);
    assert_int_equal(l.at[1].start, 4);
}

static void engines_are_counted(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b = board("RTX PRO 6000"), *h = board("H100-80GB");
    gw_mig_set all = set_of(b, "1g.24gb+me.all,1g.24gb"), none = set_of(b, "1g.24gb+me.all,3x1g.24gb-me");
    gw_mig_set hopper = set_of(h, "7x1g.10gb");
    assert_int_equal(gw_mig_engines_short(b, &all), 1);
    assert_int_equal(gw_mig_engines_short(b, &none), 0);
    assert_int_equal(gw_mig_engines_short(h, &hopper), 0);
}

/* ---- several boards ---- */

static gw_mig_packing packing_of(const gw_mig_board *b, const gw_mig_set *s, gw_arena *a)
{
    gw_mig_packing p;
    gw_error e = {0};
    gw_mig_set sum = {{0}};
    if (gw_mig_pack(b, s, a, &p, &e))
        fail_msg("%s", e.message);
    for (size_t i = 0; i < p.n; i++) {
        check_layout(b, &p.boards[i]);
        assert_true(p.boards[i].n > 0);
        for (size_t k = 0; k < p.boards[i].n; k++)
            sum.n[p.boards[i].at[k].profile]++;
    }
    assert_true(gw_mig_set_eq(&sum, s));
    assert_true(p.lower <= p.n && (!p.exact || p.lower == p.n));
    return p;
}

static void boards_by_hand(void **state)
{
    GW_UNUSED(state);
    static const struct {
        const char *board, *list;
        size_t boards;
    } cases[] = {
        {"H100-80GB", "", 0},
        {"H100-80GB", "1g.10gb", 1},
        {"H100-80GB", "4x1g.20gb,3x1g.10gb", 2},
        {"H100-80GB", "5x1g.10gb+me", 5},
        {"H100-80GB", "8x3g.40gb", 4},
        {"H100-80GB", "3x4g.40gb,3x3g.40gb", 3},
        {"H100-80GB", "2x4g.40gb,4x3g.40gb", 3},
        {"H100-80GB", "100x2g.20gb", 34},           /* 3 on a board */
        {"H100-80GB", "9x2g.20gb,3x1g.10gb+me", 3}, /* slot 6 is for 1g */
        {"H100-80GB", "512x1g.10gb", 74},           /* 7 on a board: 73.14 */
        {"H100-80GB", "10x3g.40gb,20x2g.20gb", 10}, /* 3g and 2g 2g on each */
        {"H100-80GB", "10x3g.40gb,20x2g.20gb,1g.10gb", 11},
        {"A30-24GB", "5x1g.6gb,2x2g.12gb", 3}, /* 9 slots of 4 */
        {"A30-24GB", "3x2g.12gb+me", 3},
        {"RTX-PRO-6000-Blackwell-96GB", "4g.96gb,2g.48gb,3x1g.24gb", 3},
    };
    for (size_t i = 0; i < GW_COUNT(cases); i++) {
        const gw_mig_board *b = board(cases[i].board);
        gw_mig_set s = set_of(b, cases[i].list);
        gw_arena a;
        gw_arena_init(&a, 0);
        gw_mig_packing p = packing_of(b, &s, &a);
        if (!p.exact || p.n != cases[i].boards)
            fail_msg("%s: %zu boards, not %zu", cases[i].list, p.n, cases[i].boards);
        gw_arena_free(&a);
    }
}

static void boards_are_the_fewest(void **state)
{
    GW_UNUSED(state);
    static const char *const names[] = {"H100-80GB", "A30-24GB", "RTX-PRO-6000-Blackwell-96GB"};
    uint64_t seed = 7;
    for (int round = 0; round < 600; round++) {
        const gw_mig_board *b = board(names[round % 3]);
        gw_mig_set s = {{0}};
        int n = 1 + (int)naive_random(&seed, 7);
        for (int i = 0; i < n; i++)
            s.n[naive_random(&seed, (uint32_t)b->n_profiles)]++;
        gw_arena a;
        gw_arena_init(&a, 0);
        gw_mig_packing p = packing_of(b, &s, &a);
        assert_true(p.exact);
        assert_int_equal(p.n, naive_boards(b, &s));
        gw_arena_free(&a);
    }
}

/* size, starts, greatest number, and how many are wanted */
typedef struct made_up {
    int slots;
    int profile[6][4];
} made_up;

static void check_made_up(const made_up *m)
{
    gw_mig_profile profiles[6] = {{0}};
    gw_mig_board b = {.name = "made up", .slots = m->slots, .compute = m->slots, .profiles = profiles};
    gw_mig_set s = {{0}};
    for (size_t i = 0; i < 6 && m->profile[i][0]; i++) {
        const int *p = m->profile[i];
        profiles[i] = (gw_mig_profile){
            .name = "made up", .compute = p[0], .size = p[0], .starts = (unsigned)p[1], .max = p[2]};
        s.n[i] = p[3];
        b.n_profiles = i + 1;
    }
    gw_arena a;
    gw_arena_init(&a, 0);
    gw_mig_packing p = packing_of(&b, &s, &a);
    assert_true(p.exact);
    assert_int_equal(p.n, naive_boards(&b, &s));
    gw_arena_free(&a);
}

/* On real boards the bound is always met. Boards with any sizes, starts and counts are harder: there the
 * search has to find, or to prove that there is nothing to find, as on the first three. */
static void boards_that_nobody_makes(void **state)
{
    GW_UNUSED(state);
    static const made_up hard[] = {
        {12, {{6, 0x7d, 1, 1}, {3, 0x19, 2, 1}, {1, 0xc0, 2, 2}, {7, 0x1, 1, 1}, {3, 0x21a, 1, 1}}},
        {9, {{3, 0x59, 1, 1}, {4, 0x1, 2, 1}, {1, 0x71, 2, 1}, {1, 0x186, 2, 1}}},
        {10,
         {{3, 0x48, 2, 2},
          {2, 0x15, 3, 1},
          {2, 0x148, 2, 2},
          {4, 0x2, 2, 2},
          {2, 0x9, 1, 1},
          {2, 0x1e9, 1, 1}}},
    };
    for (size_t i = 0; i < GW_COUNT(hard); i++)
        check_made_up(&hard[i]);
    uint64_t seed = 21;
    for (int round = 0; round < 1000; round++) {
        made_up m = {.slots = 4 + (int)naive_random(&seed, 9)};
        uint32_t n = 2 + naive_random(&seed, 5);
        for (uint32_t i = 0; i < n; i++) {
            int size = 1 + (int)naive_random(&seed, (uint32_t)m.slots * 2 / 3);
            unsigned starts = 1 + naive_random(&seed, (1u << (m.slots - size + 1)) - 1);
            int p[] = {size, (int)starts, 1 + (int)naive_random(&seed, 3),
                       i < 3 ? 1 + (int)naive_random(&seed, 2) : 1};
            memcpy(m.profile[i], p, sizeof(p));
        }
        check_made_up(&m);
    }
}

/* Sets that fill boards to the last slot, so that any board too many shows: n boards' layouts thrown
 * together. */
static void full_boards_are_found_again(void **state)
{
    GW_UNUSED(state);
    uint64_t seed = 11;
    for (int round = 0; round < 200; round++) {
        const gw_mig_board *b = gw_mig_board_at(naive_random(&seed, 13));
        gw_mig_set sets[1024], s = {{0}};
        size_t n_sets = gw_mig_sets(b, (1u << b->n_profiles) - 1u, true, sets, GW_COUNT(sets));
        assert_true(n_sets <= GW_COUNT(sets));
        size_t boards = 1 + naive_random(&seed, 20);
        for (size_t i = 0; i < boards; i++) {
            size_t k = naive_random(&seed, (uint32_t)n_sets);
            for (size_t p = 0; p < b->n_profiles; p++)
                s.n[p] += sets[k].n[p];
        }
        gw_arena a;
        gw_arena_init(&a, 0);
        gw_mig_packing p = packing_of(b, &s, &a);
        assert_true(p.n <= boards);
        assert_true(p.exact);
        gw_arena_free(&a);
    }
}

/* So many slices that greed is far from the minimum (248 boards for 203, for one). */
static void hundreds_of_slices_are_proven(void **state)
{
    GW_UNUSED(state);
    uint64_t seed = 13;
    for (int round = 0; round < 100; round++) {
        const gw_mig_board *b = gw_mig_board_at(naive_random(&seed, 13));
        gw_mig_set s = {{0}};
        uint32_t favourite = naive_random(&seed, (uint32_t)b->n_profiles), n = 60 + naive_random(&seed, 453);
        for (uint32_t i = 0; i < n; i++)
            s.n[naive_random(&seed, 3) ? naive_random(&seed, (uint32_t)b->n_profiles) : favourite]++;
        gw_arena a;
        gw_arena_init(&a, 0);
        gw_mig_packing p = packing_of(b, &s, &a);
        assert_true(p.exact);
        gw_arena_free(&a);
    }
}

/* By compute slices of 7: 7 need one board, 8 two. By slots of 8 as well, of which 1g leaves one unused. */
static void bounds_are_rounded_up(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b = board("H100-80GB");
    gw_mig_set seven = set_of(b, "7x1g.10gb"), eight = set_of(b, "8x1g.10gb"),
               halves = set_of(b, "3x3g.40gb");
    gw_mig_patterns patterns;
    gw_mig_weights compute, slots;
    gw_arena a;
    gw_error e = {0};
    gw_arena_init(&a, 0);
    assert_int_equal(gw_mig_patterns_of(b, 0x7f, &a, &patterns, &e), 0);
    gw_mig_weights_init(&patterns, &compute, GW_MIG_BY_COMPUTE);
    gw_mig_weights_init(&patterns, &slots, GW_MIG_BY_SLOTS);
    assert_int_equal(gw_mig_weights_bound(&compute, &seven), 1);
    assert_int_equal(gw_mig_weights_bound(&compute, &eight), 2);
    assert_int_equal(gw_mig_weights_bound(&slots, &eight), 1);
    assert_int_equal(gw_mig_weights_bound(&slots, &halves), 2);
    gw_arena_free(&a);
}

/* A bound by weights is no bound if some board can hold more than `most`. */
static void weights_bound_every_board(void **state)
{
    GW_UNUSED(state);
    uint64_t seed = 3;
    const gw_mig_board *b;
    for
        EACH_BOARD(b)
        {
            unsigned of = (1u << b->n_profiles) - 1u;
            size_t n = gw_mig_sets(b, of, false, NULL, 0);
            gw_mig_set *sets = gw_calloc(n, sizeof(*sets));
            assert_non_null(sets);
            gw_mig_sets(b, of, false, sets, n);
            for (int round = 0; round < 20; round++) {
                gw_mig_patterns patterns;
                gw_mig_weights w;
                gw_mig_set demand = {{0}};
                gw_arena a;
                gw_error e = {0};
                for (size_t p = 0; p < b->n_profiles; p++)
                    demand.n[p] = (int)naive_random(&seed, 30);
                gw_arena_init(&a, 0);
                assert_int_equal(gw_mig_patterns_of(b, of, &a, &patterns, &e), 0);
                assert_int_equal(gw_mig_weights_dual(&patterns, &demand, &a, &w, NULL, &e), 0);
                for (size_t i = 0; i < n; i++)
                    assert_true(gw_mig_weight_of(&w, &sets[i]) <= w.most);
                gw_arena_free(&a);
            }
            gw_free(sets);
        }
}

/* ---- from layout to layout ---- */

typedef struct brute {
    const gw_mig_board *b;
    const gw_mig_layout *from;
    gw_mig_layout to;
    int best[5];
} brute;

static const gw_mig_instance *at_start(const gw_mig_layout *l, int profile, int start)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i].start == start && l->at[i].profile == profile)
            return &l->at[i];
    return NULL;
}

static bool overlap(const gw_mig_board *b, const gw_mig_instance *x, const gw_mig_instance *y)
{
    return x->start < y->start + b->profiles[y->profile].size &&
           y->start < x->start + b->profiles[x->profile].size;
}

/* As much of everything, and the same extension if the work's profile has one. */
static bool hosts(const gw_mig_board *b, int host, int work)
{
    const gw_mig_profile *h = &b->profiles[host], *w = &b->profiles[work];
    if (gw_mig_is_variant(w) && !gw_eq(strpbrk(h->name, "+-"), strpbrk(w->name, "+-")))
        return false;
    return h->compute >= w->compute && h->memory_mib >= w->memory_mib && h->sms >= w->sms;
}

#define ONE_WAITS 1000

/* The fewest works that find no place (in thousands, and their compute slices), over all orders of draining
 * and all choices of a place. drained: bits of from; used: bits of to. A new instance exists as soon as
 * nothing that is still there overlaps it. */
static int fewest_waiting(const brute *k, unsigned drained, unsigned used)
{
    int best = 100 * ONE_WAITS;
    bool any = false;
    for (size_t i = 0; i < k->from->n; i++) {
        const gw_mig_instance *w = &k->from->at[i];
        if (!w->running || (drained >> i & 1u) || at_start(&k->to, w->profile, w->start))
            continue;
        any = true;
        best = GW_MIN(best, ONE_WAITS + k->b->profiles[w->profile].compute +
                                fewest_waiting(k, drained | 1u << i, used));
        for (size_t j = 0; j < k->to.n; j++) {
            const gw_mig_instance *place = &k->to.at[j],
                                  *was = at_start(k->from, place->profile, place->start);
            bool there = was ? !was->running : true;
            int same = 0;
            for (size_t o = 0; o < k->from->n && !was; o++) {
                const gw_mig_instance *old = &k->from->at[o];
                bool gone =
                    (!old->running && !at_start(&k->to, old->profile, old->start)) || (drained >> o & 1u);
                there &= gone || !overlap(k->b, old, place);
                same += !gone && old->profile == place->profile;
            }
            /* the greatest number of a profile counts what is still there as well */
            for (size_t o = 0; o < k->to.n && !was; o++)
                same += k->to.at[o].profile == place->profile &&
                        !at_start(k->from, place->profile, k->to.at[o].start);
            there &= was || same <= k->b->profiles[place->profile].max;
            if (there && !(used >> j & 1u) && hosts(k->b, place->profile, w->profile))
                best = GW_MIN(best, fewest_waiting(k, drained | 1u << i, used | 1u << j));
        }
    }
    return any ? best : 0;
}

static void brute_judge(brute *k)
{
    int cost[5] = {0};
    for (size_t i = 0; i < k->from->n; i++) {
        const gw_mig_instance *old = &k->from->at[i];
        if (at_start(&k->to, old->profile, old->start))
            continue;
        cost[0] += old->running;
        cost[1] += old->running ? k->b->profiles[old->profile].compute : 0;
        cost[2]++;
    }
    int waiting = fewest_waiting(k, 0, 0);
    cost[3] = waiting / ONE_WAITS;
    cost[4] = waiting % ONE_WAITS;
    for (int i = 0; i < 5; i++) {
        if (cost[i] > k->best[i])
            return;
        if (cost[i] < k->best[i]) {
            memcpy(k->best, cost, sizeof(cost));
            return;
        }
    }
}

static void brute_place(brute *k, const gw_mig_set *left)
{
    bool any = false;
    for (int p = 0; p < (int)k->b->n_profiles && !any; p++) {
        if (left->n[p] == 0)
            continue;
        any = true;
        gw_mig_set rest = *left;
        rest.n[p]--;
        for (int start = 0; start < k->b->slots; start++) {
            gw_mig_instance i = {p, start, false};
            bool free = k->b->profiles[p].starts >> start & 1u;
            for (size_t o = 0; o < k->to.n; o++)
                free &= !overlap(k->b, &k->to.at[o], &i);
            if (!free)
                continue;
            k->to.at[k->to.n++] = i;
            brute_place(k, &rest);
            k->to.n--;
        }
    }
    if (!any)
        brute_judge(k);
}

/* Does what the steps say, one after the other, and fails where one cannot be done. The compute slices of the
 * work that finds no place. */
static int replay(const gw_mig_board *b, const gw_mig_layout *from, const gw_mig_set *to,
                  const gw_mig_change *c)
{
    gw_mig_layout now = *from;
    int drained = 0, destroyed = 0, waiting = 0, compute = 0, waiting_compute = 0;
    unsigned reserved = 0;
    for (size_t i = 0; i < c->n_steps; i++) {
        const gw_mig_step *s = &c->steps[i];
        const gw_mig_instance *at = at_start(&now, s->profile, s->start);
        if (s->kind == GW_MIG_CREATE) {
            gw_mig_instance new = {s->profile, s->start, false};
            gw_mig_set have = gw_mig_set_of(&now);
            for (size_t o = 0; o < now.n; o++)
                assert_false(overlap(b, &now.at[o], &new));
            assert_true(b->profiles[s->profile].starts >> s->start & 1u);
            assert_true(have.n[s->profile] < b->profiles[s->profile].max);
            now.at[now.n++] = new;
            continue;
        }
        assert_non_null(at);
        size_t index = (size_t)(at - now.at);
        if (s->kind == GW_MIG_DRAIN) {
            assert_true(at->running);
            now.at[index].running = false;
            drained++;
            compute += b->profiles[s->profile].compute;
            waiting += s->move_to == GW_MIG_NONE;
            waiting_compute += s->move_to == GW_MIG_NONE ? b->profiles[s->profile].compute : 0;
            bool found = s->move_to == GW_MIG_NONE;
            for (size_t o = 0; o < now.n && !found; o++) {
                found = now.at[o].start == s->move_to && o != index && !now.at[o].running &&
                        hosts(b, now.at[o].profile, s->profile) && !(reserved >> s->move_to & 1u);
            }
            assert_true(found);
            reserved |= s->move_to == GW_MIG_NONE ? 0 : 1u << s->move_to;
        } else {
            assert_false(at->running);
            assert_false(reserved >> at->start & 1u);
            now.at[index] = now.at[--now.n];
            destroyed++;
        }
    }
    gw_mig_set is = gw_mig_set_of(&now);
    assert_true(gw_mig_set_eq(&is, to));
    check_layout(b, &c->to);
    assert_int_equal(c->to.n, now.n);
    for (size_t i = 0; i < now.n; i++) {
        const gw_mig_instance *said = at_start(&c->to, now.at[i].profile, now.at[i].start);
        assert_true(said && said->running == now.at[i].running);
    }
    assert_int_equal(c->drained, drained);
    assert_int_equal(c->drained_compute, compute);
    assert_int_equal(c->destroyed, destroyed);
    assert_int_equal(c->waiting, waiting);
    return waiting_compute;
}

static gw_mig_change change_of(const gw_mig_board *b, const char *from, const char *to)
{
    gw_mig_layout l = layout_of(b, from);
    gw_mig_set s = set_of(b, to);
    gw_mig_change c;
    gw_error e = {0};
    if (gw_mig_repartition(b, &l, &s, &c, &e))
        fail_msg("%s", e.message);
    replay(b, &l, &s, &c);
    return c;
}

static void repartition_by_hand(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b = board("A100-80GB");
    /* the idle half is cut up, the running one stays */
    gw_mig_change c = change_of(b, "3g.40gb@0*,3g.40gb@4", "3g.40gb,2g.20gb,1g.10gb");
    assert_int_equal(c.drained, 0);
    assert_int_equal(c.destroyed, 1);
    assert_int_equal(c.n_steps, 3);
    /* 4g can stand at 0 only, where work runs; the right half is free, so its 3g is made first and takes it
     */
    c = change_of(b, "3g.40gb@0*", "4g.40gb,3g.40gb");
    assert_int_equal(c.drained, 1);
    assert_int_equal(c.waiting, 0);
    assert_int_equal(c.steps[0].kind, GW_MIG_CREATE);
    assert_int_equal(c.steps[1].kind, GW_MIG_DRAIN);
    assert_int_equal(c.steps[1].move_to, 4);
    assert_int_equal(c.steps[2].kind, GW_MIG_DESTROY);
    assert_int_equal(c.steps[3].kind, GW_MIG_CREATE);
    /* two small works against one: the one on slots 4-7 goes, since fewer are drained */
    c = change_of(b, "1g.10gb@0*,1g.10gb@1*,1g.10gb@4*", "2x1g.10gb,3g.40gb");
    assert_int_equal(c.drained, 1);
    assert_int_equal(c.steps[0].start, 4);
    assert_int_equal(c.waiting, 1); /* both places that stay are taken */
    /* as it is */
    c = change_of(b, "2g.20gb@2*,1g.10gb@6", "1g.10gb,2g.20gb");
    assert_int_equal(c.n_steps, 0);
    assert_true(c.to.at[0].running && !c.to.at[1].running);
    /* away with everything, and from nothing */
    c = change_of(b, "7g.80gb@0*", "");
    assert_int_equal(c.drained, 1);
    assert_int_equal(c.waiting, 1);
    c = change_of(b, "", "7x1g.10gb");
    assert_int_equal(c.n_steps, 7);
    /* the one +me must go before the other can be: the work cannot move from one to the other */
    c = change_of(b, "1g.10gb+me@0*", "4g.40gb,1g.10gb+me");
    assert_int_equal(c.drained, 1);
    assert_int_equal(c.waiting, 1);
    gw_mig_layout none = {.n = 0};
    gw_mig_set too_much = set_of(b, "2x4g.40gb");
    gw_error e = {0};
    assert_int_equal(gw_mig_repartition(b, &none, &too_much, &c, &e), GW_ENOTFOUND);
}

static void random_layout(const gw_mig_board *b, uint64_t *seed, gw_mig_layout *ret)
{
    naive k = {.b = b};
    *ret = (gw_mig_layout){.n = 0};
    for (int i = 0; i < 12; i++) {
        int p = (int)naive_random(seed, (uint32_t)b->n_profiles),
            start = (int)naive_random(seed, (uint32_t)b->slots);
        const gw_mig_profile *q = &b->profiles[p];
        if (!(q->starts >> start & 1u) || k.count[0][p] == q->max || !naive_put(&k, 0, q, start, 1))
            continue;
        k.count[0][p]++;
        ret->at[ret->n++] = (gw_mig_instance){p, start, naive_random(seed, 2)};
    }
}

static void repartition_disturbs_the_least(void **state)
{
    GW_UNUSED(state);
    static const char *const names[] = {"A100-80GB", "H100-80GB", "A30-24GB", "RTX-PRO-6000-Blackwell-96GB"};
    uint64_t seed = 5;
    for (int round = 0; round < 3000; round++) {
        const gw_mig_board *b = board(names[round % 4]);
        gw_mig_layout from, other;
        gw_mig_change c;
        gw_error e = {0};
        random_layout(b, &seed, &from);
        random_layout(b, &seed, &other);
        gw_mig_set to = gw_mig_set_of(&other);
        assert_int_equal(gw_mig_repartition(b, &from, &to, &c, &e), 0);
        int waiting_compute = replay(b, &from, &to, &c);
        brute k = {.b = b, .from = &from, .best = {100, 100, 100, 100, 100}};
        brute_place(&k, &to);
        assert_int_equal(c.drained, k.best[0]);
        assert_int_equal(c.drained_compute, k.best[1]);
        assert_int_equal(c.destroyed, k.best[2]);
        assert_int_equal(c.waiting, k.best[3]);
        assert_int_equal(waiting_compute, k.best[4]);
    }
}

/* ---- text ---- */

static void lists_that_are_none(void **state)
{
    GW_UNUSED(state);
    static const char *const sets[] = {
        "x",        "1x",         "0x1g.10gb",   "-1x1g.10gb", "1g.10gb,",
        ",",        "1g.10gb 2",  "1.5x1g.10gb", "1g",         "99999999999999999999x1g.10gb",
        "1g.10gb;", "1g.10gb,,x", "x1g.10gb"};
    static const char *const layouts[] = {"3g.40gb",
                                          "3g.40gb@",
                                          "3g.40gb@1",
                                          "@0",
                                          "3g.40gb@-1",
                                          "3g.40gb@8",
                                          "3g.40gb@0**",
                                          "1g.10gb@7",
                                          "2x1g.10gb@0",
                                          "3g.40gb@0,1g.10gb@3",
                                          "1g.10gb+me@0,1g.10gb+me@1",
                                          "1g.10gb@0,1g.10gb@0",
                                          "*",
                                          "1g.10gb@0,,",
                                          "9g.90gb@0"};
    const gw_mig_board *b = board("A100-80GB");
    for (size_t i = 0; i < GW_COUNT(sets); i++) {
        gw_mig_set s = {{-7}}, was = s;
        gw_error e = {0};
        if (gw_mig_set_parse(b, sets[i], &s, &e) != GW_EUSAGE && e.code != GW_ELIMIT)
            fail_msg("'%s' is taken for a list", sets[i]);
        assert_true(e.message[0] && gw_mig_set_eq(&s, &was));
    }
    for (size_t i = 0; i < GW_COUNT(layouts); i++) {
        gw_mig_layout l = {.n = 99};
        gw_error e = {0};
        if (gw_mig_layout_parse(b, layouts[i], &l, &e) != GW_EUSAGE)
            fail_msg("'%s' is taken for a layout", layouts[i]);
        assert_int_equal(l.n, 99);
    }
    gw_mig_set s;
    gw_error e = {0};
    assert_int_equal(gw_mig_set_parse(b, "512x1g.10gb,1g.10gb", &s, &e), GW_ELIMIT);
    assert_int_equal(gw_mig_set_parse(b, "5g.50gb", &s, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "7g.80gb")); /* the message lists what there is */
    assert_int_equal(gw_mig_layout_parse(b, "2g.20gb@6", &(gw_mig_layout){0}, &e), GW_EUSAGE);
    assert_non_null(strstr(e.message, "0, 2, 4"));
}

static void lists_that_are(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b = board("A100-80GB");
    gw_mig_set s = set_of(b, " 2x1g.10gb ,1G.10GB, 3X nvidia.com/mig-2g.20gb,1g.10gb.me ");
    assert_int_equal(s.n[0], 3);
    assert_int_equal(s.n[1], 1);
    assert_int_equal(s.n[3], 3);
    gw_mig_layout l = layout_of(b, "1g.10gb@6 * , 3g.40gb@0");
    assert_int_equal(l.n, 2);
    assert_int_equal(l.at[0].profile, 4);
    assert_false(l.at[0].running);
    assert_true(l.at[1].running);
    assert_int_equal(layout_of(b, "  ").n, 0);
}

static void memory_runs_out(void **state)
{
    GW_UNUSED(state);
    const gw_mig_board *b = board("H100-80GB");
    gw_mig_set s = set_of(b, "3x4g.40gb,5x3g.40gb,7x2g.20gb,9x1g.20gb,11x1g.10gb,2x1g.10gb+me");
    int64_t live = gw_mem_live();
    int rc = GW_ENOMEM;
    for (uint64_t n = 1; rc; n++) {
        gw_mig_packing p = {.n = 99};
        gw_arena a;
        gw_error e = {0};
        gw_arena_init(&a, 0);
        gw_mem_fail_at(n);
        rc = gw_mig_pack(b, &s, &a, &p, &e);
        gw_mem_fail_at(0);
        assert_true(rc == 0 || (rc == GW_ENOMEM && e.code == rc && p.n == 99));
        gw_arena_free(&a);
        assert_true(n < 1000);
    }
    assert_int_equal(gw_mem_live(), live);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_the_published_one),
        cmocka_unit_test(table_holds_together),
        cmocka_unit_test(sums_never_exceed_the_board),
        cmocka_unit_test(boards_by_any_spelling),
        cmocka_unit_test(profiles_as_kubernetes_spells_them),
        cmocka_unit_test(smallest_slice),
        cmocka_unit_test(known_counts),
        cmocka_unit_test(known_counts_with_places),
        cmocka_unit_test(fit_is_exhaustive_search),
        cmocka_unit_test(fit_by_hand),
        cmocka_unit_test(engines_are_counted),
        cmocka_unit_test(boards_by_hand),
        cmocka_unit_test(boards_are_the_fewest),
        cmocka_unit_test(boards_that_nobody_makes),
        cmocka_unit_test(full_boards_are_found_again),
        cmocka_unit_test(hundreds_of_slices_are_proven),
        cmocka_unit_test(bounds_are_rounded_up),
        cmocka_unit_test(weights_bound_every_board),
        cmocka_unit_test(repartition_by_hand),
        cmocka_unit_test(repartition_disturbs_the_least),
        cmocka_unit_test(lists_that_are_none),
        cmocka_unit_test(lists_that_are),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
