/* The table of boards, and finding one. */
#include <strings.h>

#include "allocate/mig.h"
#include "fleet/fleet.h"
#include "price/gpu.h"

/*
 * Boards with 8 memory slots and 7 compute slices have one geometry; they differ in names, memory and SMs.
 *   g1 g2 g3 g7   the GB in the names of slices of one, two, four and eight slots
 *   m1 m2 m3 m7   their MiB, e1 e2 e3 e7 whether that is an estimate
 *   s1 s1d s2 s3 s4 s7   SMs of 1g, 1g with double memory, 2g, 3g, 4g, 7g
 */
#define AT_0_TO_6  0x7fu
#define AT_0_2_4_6 0x55u
#define AT_0_2_4   0x15u
#define AT_0_4     0x11u
#define AT_0       0x01u

/* once more around, so that lists like AMPERE_SMS are taken apart first */
#define EIGHT_SLOTS(...) EIGHT_SLOTS_(__VA_ARGS__)
#define EIGHT_SLOTS_(g1, g2, g3, g7, m1, e1, m2, e2, m3, e3, m7, e7, s1, s1d, s2, s3, s4, s7)                \
    {                                                                                                        \
        {"1g." #g1 "gb", 1, 1, AT_0_TO_6, 7, g1, m1, e1, s1, 0},                                             \
            {"1g." #g1 "gb+me", 1, 1, AT_0_TO_6, 1, g1, m1, e1, s1, 0},                                      \
            {"1g." #g2 "gb", 1, 2, AT_0_2_4_6, 4, g2, m2, e2, s1d, 0},                                       \
            {"2g." #g2 "gb", 2, 2, AT_0_2_4, 3, g2, m2, e2, s2, 0},                                          \
            {"3g." #g3 "gb", 3, 4, AT_0_4, 2, g3, m3, e3, s3, 0},                                            \
            {"4g." #g3 "gb", 4, 4, AT_0, 1, g3, m3, e3, s4, 0},                                              \
            {"7g." #g7 "gb", 7, 8, AT_0, 1, g7, m7, e7, s7, 0},                                              \
    }

#define AMPERE_SMS  14, 14, 28, 42, 56, 98
#define HOPPER_SMS  16, 26, 32, 60, 64, 132
#define UNKNOWN_SMS GW_MIG_NONE, GW_MIG_NONE, GW_MIG_NONE, GW_MIG_NONE, GW_MIG_NONE, GW_MIG_NONE
/* 85 % of the GB in the name: the least share that a published slice has is 87 % (20.00 of 23 GB on a GB200).
 */
#define OF_NAME(gb) ((gb)*1024 * 85 / 100), true

/* SMs of a compute slice over those of the board, the least that was published: 18 of 152 on a GB200. */
#define LEAST_SHARE_OF_SLICE 0.118

/* Memory as nvidia-smi printed it, in MiB; where drivers differ the least of them. The sources by board are
 * in docs/internals/mig.md. */
static const gw_mig_profile a100_40[] =
    EIGHT_SLOTS(5, 10, 20, 40, 4864, false, 9856, false, 19968, false, 40192, false, AMPERE_SMS);
static const gw_mig_profile a100_80[] =
    EIGHT_SLOTS(10, 20, 40, 80, 9728, false, 19968, false, 40192, false, 80640, false, AMPERE_SMS);
static const gw_mig_profile h100_80[] =
    EIGHT_SLOTS(10, 20, 40, 80, 9984, false, 20096, false, 40448, false, 81152, false, HOPPER_SMS);
static const gw_mig_profile h100_94[] =
    EIGHT_SLOTS(12, 24, 47, 94, 10880, false, 22016, false, 47232, false, 94848, false, HOPPER_SMS);
static const gw_mig_profile h100_96[] =
    EIGHT_SLOTS(12, 24, 48, 96, 11264, false, 23552, false, 47616, false, 95232, false, HOPPER_SMS);
static const gw_mig_profile gh200_144[] =
    EIGHT_SLOTS(18, 36, 72, 144, 17920, false, 36096, false, 2 * 36096, true, 4 * 36096, true, HOPPER_SMS);
static const gw_mig_profile h200_141[] =
    EIGHT_SLOTS(18, 35, 71, 141, 16384, false, 33024, false, 71168, false, 2 * 71168, true, HOPPER_SMS);
static const gw_mig_profile b200_180[] =
    EIGHT_SLOTS(23, 45, 90, 180, 20992, false, 45312, false, 2 * 45312, true, 4 * 45312, true, 18, 30, 36,
                GW_MIG_NONE, GW_MIG_NONE, GW_MIG_NONE);
static const gw_mig_profile gb200_186[] =
    EIGHT_SLOTS(23, 47, 93, 186, 20480, false, 46592, false, 2 * 46592, true, 4 * 46592, true, 18, 32, 38,
                GW_MIG_NONE, GW_MIG_NONE, GW_MIG_NONE);
static const gw_mig_profile gb300_278[] =
    EIGHT_SLOTS(35, 70, 139, 278, OF_NAME(35), OF_NAME(70), OF_NAME(139), OF_NAME(278), UNKNOWN_SMS);
static const gw_mig_profile b300_269[] =
    EIGHT_SLOTS(34, 67, 135, 269, OF_NAME(34), OF_NAME(67), OF_NAME(135), OF_NAME(269), UNKNOWN_SMS);

static const gw_mig_profile a30[] = {
    {"1g.6gb", 1, 1, 0x0f, 4, 6, 5952, false, 14, 0},
    {"1g.6gb+me", 1, 1, 0x0f, 1, 6, 5952, false, 14, 0},
    {"2g.12gb", 2, 2, 0x05, 2, 12, 11968, false, 28, 0},
    {"2g.12gb+me", 2, 2, 0x05, 1, 12, 11968, false, 28, 0},
    {"4g.24gb", 4, 4, 0x01, 1, 24, 24000, false, 56, 0},
};

/* 12 slots: a quarter is three of them. */
#define QUARTER 1, 3, 0x249
#define HALF    2, 6, 0x041
#define WHOLE   4, 12, 0x001
static const gw_mig_profile rtx_pro_6000[] = {
    {"1g.24gb", QUARTER, 4, 24, 23680, false, 46, 1},
    {"1g.24gb+me", QUARTER, 1, 24, 23680, false, 46, 1},
    {"1g.24gb+gfx", QUARTER, 4, 24, 23680, false, 46, 1},
    {"1g.24gb+me.all", QUARTER, 1, 24, 23680, false, 46, 4},
    {"1g.24gb-me", QUARTER, 4, 24, 23680, false, 46, 0},
    {"2g.48gb", HALF, 2, 48, 47616, false, 94, 2},
    {"2g.48gb+gfx", HALF, 2, 48, 47616, false, 94, 2},
    {"2g.48gb+me.all", HALF, 1, 48, 47616, false, 94, 4},
    {"2g.48gb-me", HALF, 2, 48, 47616, false, 94, 0},
    {"4g.96gb", WHOLE, 1, 96, 95616, false, 188, 4},
    {"4g.96gb+gfx", WHOLE, 1, 96, 95616, false, 188, 4},
};

#define PROFILES(p) GW_COUNT(p), p

static const gw_mig_board boards[] = {
    {"A30-24GB", 4, 4, 56, 0, false, PROFILES(a30)},
    {"A100-40GB", 8, 7, 108, 0, false, PROFILES(a100_40)},
    {"A100-80GB", 8, 7, 108, 0, false, PROFILES(a100_80)},
    {"H100-80GB", 8, 7, 132, 0, false, PROFILES(h100_80)},
    {"H100-94GB", 8, 7, 132, 0, false, PROFILES(h100_94)},
    {"H100-96GB(GH200)", 8, 7, 132, 0, true, PROFILES(h100_96)},
    {"GH200-144GB", 8, 7, 132, 0, true, PROFILES(gh200_144)},
    {"H200-141GB", 8, 7, 132, 0, true, PROFILES(h200_141)},
    {"B200-180GB", 8, 7, 148, 0, true, PROFILES(b200_180)},
    {"GB200-186GB", 8, 7, 152, 0, true, PROFILES(gb200_186)},
    {"GB300-278GB", 8, 7, GW_MIG_NONE, 0, true, PROFILES(gb300_278)},
    {"B300-269GB", 8, 7, GW_MIG_NONE, 0, true, PROFILES(b300_269)},
    {"RTX-PRO-6000-Blackwell-96GB", 12, 4, 188, 4, false, PROFILES(rtx_pro_6000)},
};

/* What price/gpu.h calls a board. Two rows with one name differ in memory, in GiB, which a word of the
 * spelling tells: GH200's own names give the memory of its CPU (480 GB) instead. */
static const struct {
    const char *gpu;
    int board;
    int64_t gib;
    const char *word;
} names[] = {
    {"A30", 0, 24, NULL},       {"A100-40GB", 1, 40, NULL},     {"A100-80GB", 2, 80, NULL},
    {"H100-80GB", 3, 80, NULL}, {"H100-94GB", 4, 94, NULL},     {"GH200", 5, 96, "480"},
    {"GH200", 5, 96, "96"},     {"GH200", 6, 144, "144"},       {"H200", 7, 141, NULL},
    {"B200", 8, 180, NULL},     {"GB200", 9, 186, NULL},        {"GB300", 10, 278, NULL},
    {"B300", 11, 269, NULL},    {"RTX-PRO-6000", 12, 96, NULL},
};

const gw_mig_board *gw_mig_board_at(size_t i)
{
    return i < GW_COUNT(boards) ? &boards[i] : NULL;
}

/* Whether the digits stand in the name as a number of their own: "144" in "GH200 144G HBM3e". */
static bool has_number(const char *name, const char *digits)
{
    size_t n = strlen(digits);
    for (const char *p = strstr(name, digits); p; p = strstr(p + 1, digits)) {
        bool before = p > name && p[-1] >= '0' && p[-1] <= '9', after = p[n] >= '0' && p[n] <= '9';
        if (!before && !after)
            return true;
    }
    return false;
}

/* The board of a canonical name; several rows may have it. -1: none; -2: it could be several. */
static int board_of(const char *gpu, const char *name, int64_t memory_mib)
{
    int found = -1;
    gpu = gw_gpu_sized(gpu, memory_mib);
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        if (strcmp(names[i].gpu, gpu) != 0)
            continue;
        if (!names[i].word || has_number(name, names[i].word))
            return names[i].board;
        /* a driver reports up to 6 % less than the data sheet, and never more */
        if (memory_mib > 0 && memory_mib <= names[i].gib * 1024 &&
            memory_mib >= names[i].gib * 1024 * 93 / 100)
            return names[i].board;
        found = -2;
    }
    return found;
}

static int fail_board(const char *name, const char *family, gw_error *e)
{
    char list[320];
    size_t n = 0;
    list[0] = '\0';
    for (size_t i = 0; i < GW_COUNT(boards) && n < sizeof(list); i++) {
        if (!family || strstr(boards[i].name, family))
            n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", boards[i].name);
    }
    if (family)
        return gw_fail(e, GW_EUSAGE, "'%.80s' could be several boards; name one of %s", name, list);
    return gw_fail(e, GW_ENOTFOUND, "'%.80s' is no board with MIG that is known here; known are %s", name,
                   list);
}

int gw_mig_board_find(const char *name, int64_t memory_mib, const gw_mig_board **ret, gw_error *e)
{
    for (size_t i = 0; i < GW_COUNT(boards); i++) {
        if (strcasecmp(boards[i].name, name) == 0) {
            *ret = &boards[i];
            return 0;
        }
    }
    const char *gpu = gw_gpu_canonical(name);
    int found = gpu ? board_of(gpu, name, memory_mib) : -1;
    if (found >= 0) {
        *ret = &boards[found];
        return 0;
    }
    /* a family whose members carry their memory in the name */
    const char *family = gpu ? gw_gpu_family(gpu) : NULL;
    bool several = found == -2 || (family && strcmp(family, gpu) == 0 &&
                                   (strcmp(family, "A100") == 0 || strcmp(family, "H100") == 0));
    return fail_board(name, several ? family : NULL, e);
}

bool gw_mig_is_variant(const gw_mig_profile *p)
{
    return strpbrk(p->name, "+-") != NULL;
}

int gw_mig_profile_find(const gw_mig_board *b, gw_str name)
{
    static const char *const prefixes[] = {"nvidia.com/", "mig-", "MIG "};
    for (size_t i = 0; i < GW_COUNT(prefixes); i++) {
        size_t n = strlen(prefixes[i]);
        if (name.n > n && strncasecmp(name.p, prefixes[i], n) == 0)
            name = (gw_str){name.p + n, name.n - n};
    }
    for (size_t i = 0; i < b->n_profiles; i++) {
        const char *p = b->profiles[i].name;
        size_t k = 0;
        while (k < name.n && p[k] &&
               (strncasecmp(&name.p[k], &p[k], 1) == 0 || (p[k] == '+' && name.p[k] == '.')))
            k++;
        if (k == name.n && !p[k])
            return (int)i;
    }
    return GW_MIG_NONE;
}

double gw_mig_compute_share(const gw_mig_board *b, const gw_mig_profile *p)
{
    if (p->sms != GW_MIG_NONE && b->sms != GW_MIG_NONE)
        return (double)p->sms / (double)b->sms;
    return p->compute == b->compute ? 1.0 : LEAST_SHARE_OF_SLICE * (double)p->compute;
}

const gw_mig_profile *gw_mig_smallest_for(const gw_mig_board *b, double compute_share, int64_t memory_mib)
{
    const gw_mig_profile *best = NULL;
    if (!(compute_share >= 0) || memory_mib < 0)
        return NULL;
    for (size_t i = 0; i < b->n_profiles; i++) {
        const gw_mig_profile *p = &b->profiles[i];
        double share = gw_mig_compute_share(b, p);
        if (gw_mig_is_variant(p) || share < compute_share || p->memory_mib < memory_mib)
            continue;
        if (!best || p->size < best->size || (p->size == best->size && share < gw_mig_compute_share(b, best)))
            best = p;
    }
    return best;
}

int gw_mig_engines_short(const gw_mig_board *b, const gw_mig_set *s)
{
    int sum = 0;
    for (size_t i = 0; i < b->n_profiles; i++)
        sum += s->n[i] * b->profiles[i].engines;
    return b->engines && sum > b->engines ? sum - b->engines : 0;
}
