/*
 * Lists of slices and layouts for any board: the first byte is the board, what stands before the first line
 * feed is a layout, the rest a list of slices. Whatever is taken for one of them obeys the rules of MIG, a
 * packing holds every slice once, and the steps of a repartition can be done one after the other.
 */
#include "allocate/mig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

#define TEXT_MAX 4096

/* Adds an instance to the slots and counts of a board; it must be allowed to stand there. */
static void put(const gw_mig_board *b, const gw_mig_instance *i, unsigned *taken, gw_mig_set *count)
{
    CHECK(i->profile >= 0 && (size_t)i->profile < b->n_profiles);
    CHECK(i->start >= 0 && i->start < b->slots && (b->profiles[i->profile].starts >> i->start & 1u));
    unsigned slots = gw_mig_slots(b, i->profile, i->start);
    CHECK(!(*taken & slots) && slots < 1u << b->slots);
    *taken |= slots;
    CHECK(++count->n[i->profile] <= b->profiles[i->profile].max);
}

static void check_layout(const gw_mig_board *b, const gw_mig_layout *l)
{
    unsigned taken = 0;
    gw_mig_set count = {{0}};
    for (size_t i = 0; i < l->n; i++)
        put(b, &l->at[i], &taken, &count);
}

static void check_packing(const gw_mig_board *b, const gw_mig_set *s)
{
    gw_arena a;
    gw_mig_packing p;
    gw_mig_set left = *s;
    gw_error e = {0};
    gw_arena_init(&a, 0);
    CHECK(gw_mig_pack(b, s, &a, &p, &e) == 0);
    for (size_t i = 0; i < p.n; i++) {
        check_layout(b, &p.boards[i]);
        for (size_t k = 0; k < p.boards[i].n; k++)
            left.n[p.boards[i].at[k].profile]--;
    }
    for (size_t i = 0; i < GW_MIG_PROFILES_MAX; i++)
        CHECK(left.n[i] == 0);
    CHECK(p.lower <= p.n && (p.n <= 1) == gw_mig_fit(b, s, NULL));
    gw_arena_free(&a);
}

static void check_steps(const gw_mig_board *b, const gw_mig_layout *from, const gw_mig_set *to,
                        const gw_mig_change *c)
{
    gw_mig_layout now = *from;
    for (size_t i = 0; i < c->n_steps; i++) {
        const gw_mig_step *s = &c->steps[i];
        size_t k = 0;
        while (k < now.n && (now.at[k].profile != s->profile || now.at[k].start != s->start))
            k++;
        CHECK((k == now.n) == (s->kind == GW_MIG_CREATE));
        if (s->kind == GW_MIG_CREATE)
            now.at[now.n++] = (gw_mig_instance){s->profile, s->start, false};
        else if (s->kind == GW_MIG_DRAIN)
            now.at[k].running = false;
        else {
            CHECK(!now.at[k].running);
            now.at[k] = now.at[--now.n];
        }
        check_layout(b, &now);
    }
    gw_mig_set is = gw_mig_set_of(&now), said = gw_mig_set_of(&c->to);
    CHECK(gw_mig_set_eq(&is, to) && gw_mig_set_eq(&said, to));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char layout_text[TEXT_MAX + 1] = "", set_text[TEXT_MAX + 1] = "";
    gw_mig_layout layout;
    gw_mig_set set;
    gw_mig_change change;
    gw_error e = {0};
    if (size < 1 || size > TEXT_MAX)
        return 0;
    const gw_mig_board *b = gw_mig_board_at(data[0] % 13);
    const uint8_t *feed = memchr(data + 1, '\n', size - 1);
    size_t n = feed ? (size_t)(feed - data) - 1 : size - 1;
    memcpy(layout_text, data + 1, n);
    if (feed)
        memcpy(set_text, feed + 1, size - n - 2);
    int has_layout = gw_mig_layout_parse(b, layout_text, &layout, &e) == 0;
    CHECK(has_layout || (e.code == GW_EUSAGE && e.message[0]));
    if (has_layout)
        check_layout(b, &layout);
    if (gw_mig_set_parse(b, set_text, &set, &e)) {
        CHECK((e.code == GW_EUSAGE || e.code == GW_ELIMIT) && e.message[0]);
        return 0;
    }
    CHECK(gw_mig_set_count(&set) <= GW_MIG_SLICES_MAX);
    if (gw_mig_set_count(&set) <= 64) /* more only take longer */
        check_packing(b, &set);
    if (has_layout && gw_mig_repartition(b, &layout, &set, &change, &e) == 0)
        check_steps(b, &layout, &set, &change);
    return 0;
}
