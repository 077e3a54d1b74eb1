/* Lists of slices and layouts as people write them. */
#include "allocate/mig.h"
#include "base/number.h"

#define SHOWN 60 /* bytes of somebody's text in a message */

static gw_str trim(gw_str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (gw_str){s.p + 1, s.n - 1};
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* The item up to the next comma; *text moves behind that, and is NULL after the last. */
static gw_str next_item(const char **text)
{
    size_t n = strcspn(*text, ",");
    gw_str item = trim((gw_str){*text, n});
    *text = (*text)[n] == ',' ? *text + n + 1 : NULL;
    return item;
}

static int shown(gw_str s)
{
    return (int)GW_MIN(s.n, (size_t)SHOWN);
}

static int fail_profile(const gw_mig_board *b, gw_str name, gw_error *e)
{
    char list[400];
    size_t n = 0;
    for (size_t i = 0; i < b->n_profiles && n < sizeof(list); i++)
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ", " : "", b->profiles[i].name);
    return gw_fail(e, GW_EUSAGE, "%s has no MIG profile '%.*s'; it has %s", b->name, shown(name), name.p,
                   list);
}

/* "4x1g.20gb", "1g.20gb": how many, and the rest. Names begin with a digit too, so the x decides. */
static bool split_count(gw_str *item, int64_t *count)
{
    size_t n = 0;
    *count = 1;
    while (n < item->n && item->p[n] >= '0' && item->p[n] <= '9')
        n++;
    if (n == item->n || (item->p[n] != 'x' && item->p[n] != 'X'))
        return true;
    if (n == 0 || !gw_parse_int64((gw_str){item->p, n}, count))
        return false;
    *item = trim((gw_str){item->p + n + 1, item->n - n - 1});
    return true;
}

int gw_mig_set_parse(const gw_mig_board *b, const char *text, gw_mig_set *ret, gw_error *e)
{
    gw_mig_set set = {{0}};
    int64_t total = 0;
    if (trim(gw_str_of(text)).n == 0)
        text = NULL;
    while (text) {
        gw_str item = next_item(&text), whole = item;
        int64_t count;
        if (!item.n || !split_count(&item, &count) || count < 1)
            return gw_fail(e, GW_EUSAGE,
                           "'%.*s' in the list of slices is not [COUNTx]PROFILE, as in 2x1g.10gb",
                           shown(whole), whole.p);
        int p = gw_mig_profile_find(b, item);
        if (p == GW_MIG_NONE)
            return fail_profile(b, item, e);
        if (count > GW_MIG_SLICES_MAX || (total += count) > GW_MIG_SLICES_MAX)
            return gw_fail(e, GW_ELIMIT, "more than %d slices in one list; give them in parts",
                           GW_MIG_SLICES_MAX);
        set.n[p] += (int)count;
    }
    *ret = set;
    return 0;
}

/* "3g.40gb@0*" */
static int parse_instance(const gw_mig_board *b, gw_str item, gw_mig_instance *ret, gw_error *e)
{
    gw_str whole = item, slot;
    int64_t start;
    bool running = item.n && item.p[item.n - 1] == '*';
    if (running)
        item = trim((gw_str){item.p, item.n - 1});
    const char *at = item.n ? memchr(item.p, '@', item.n) : NULL;
    if (!at)
        return gw_fail(e, GW_EUSAGE,
                       "'%.*s' in the layout is not PROFILE@SLOT[*], as in 3g.40gb@0* or 1g.10gb@4",
                       shown(whole), whole.p);
    slot = trim((gw_str){at + 1, item.n - (size_t)(at + 1 - item.p)});
    item = trim((gw_str){item.p, (size_t)(at - item.p)});
    int p = gw_mig_profile_find(b, item);
    if (p == GW_MIG_NONE)
        return fail_profile(b, item, e);
    if (!gw_parse_int64(slot, &start) || start < 0 || start >= b->slots ||
        !(b->profiles[p].starts >> start & 1u)) {
        char list[64];
        size_t n = 0;
        for (int s = 0; s < b->slots && n < sizeof(list); s++) {
            if (b->profiles[p].starts >> s & 1u)
                n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%d", n ? ", " : "", s);
        }
        return gw_fail(e, GW_EUSAGE, "%s cannot start at slot '%.*s' of a %s; it can at %s",
                       b->profiles[p].name, shown(slot), slot.p, b->name, list);
    }
    *ret = (gw_mig_instance){p, (int)start, running};
    return 0;
}

/* Puts an instance where its start belongs. */
static void insert_sorted(gw_mig_layout *l, gw_mig_instance i)
{
    size_t at = l->n++;
    for (; at > 0 && l->at[at - 1].start > i.start; at--)
        l->at[at] = l->at[at - 1];
    l->at[at] = i;
}

int gw_mig_layout_parse(const gw_mig_board *b, const char *text, gw_mig_layout *ret, gw_error *e)
{
    gw_mig_layout l = {.n = 0};
    gw_mig_set count = {{0}};
    unsigned taken = 0;
    if (trim(gw_str_of(text)).n == 0)
        text = NULL;
    while (text) {
        gw_mig_instance i = {0};
        gw_str item = next_item(&text);
        int rc = parse_instance(b, item, &i, e);
        if (rc)
            return rc;
        unsigned slots = gw_mig_slots(b, i.profile, i.start);
        if (taken & slots)
            return gw_fail(e, GW_EUSAGE, "'%.*s' lies on a slot that another instance has", shown(item),
                           item.p);
        taken |= slots;
        if (++count.n[i.profile] > b->profiles[i.profile].max)
            return gw_fail(e, GW_EUSAGE, "a %s holds at most %d of %s", b->name, b->profiles[i.profile].max,
                           b->profiles[i.profile].name);
        insert_sorted(&l, i); /* each takes a slot of its own, so that there is room */
    }
    *ret = l;
    return 0;
}
