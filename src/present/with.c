/* report --with DIR: the world as an export of a plan would leave it. */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "act/change.h"
#include "base/number.h"
#include "present/pipeline.h"

#define ACTION_FILE "action.json"
#define FOLDERS_MAX 100000

/* The folder of one action in an export: "07-mig-gpu-2". */
typedef struct folder {
    const char *name;
    int64_t number;
} folder;

typedef struct folders {
    folder *items;
    size_t n, cap;
} folders;

static int by_number(const void *a, const void *b)
{
    const folder *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int add_folder(folders *list, const char *name, gw_arena *arena, gw_error *e)
{
    size_t digits = strspn(name, "0123456789");
    void *items = list->items;
    folder f = {0};
    if (digits < 2 || name[digits] != '-' || !gw_parse_int64((gw_str){name, digits}, &f.number))
        return 0;
    int rc = gw_grow(&items, &list->cap, list->n + 1, sizeof(*list->items), FOLDERS_MAX);
    list->items = items;
    if (rc == GW_ELIMIT)
        return gw_fail(e, rc, "it holds more than %d actions", FOLDERS_MAX);
    f.name = rc ? NULL : gw_arena_strdup(arena, name);
    if (!f.name)
        return gw_fail_memory(e);
    list->items[list->n++] = f;
    return 0;
}

static int list_folders(const char *dir, gw_arena *arena, folders *ret, gw_error *e)
{
    const struct dirent *d;
    int rc = 0;
    DIR *open = opendir(dir);
    if (!open)
        return gw_fail(e, GW_EIO, "cannot read the folder: %s", strerror(errno));
    while (rc == 0 && (errno = 0, d = readdir(open)) != NULL)
        rc = add_folder(ret, d->d_name, arena, e);
    if (rc == 0 && errno)
        rc = gw_fail(e, GW_EIO, "cannot read the folder: %s", strerror(errno));
    closedir(open);
    if (ret->n)
        qsort(ret->items, ret->n, sizeof(*ret->items), by_number);
    return rc;
}

typedef struct changes {
    const gw_change **items; /* in the arena */
    size_t n;
} changes;

static int read_change(gw_pipeline *p, const char *path, changes *c, gw_error *e)
{
    gw_change *one = path ? GW_NEW(&p->arena, gw_change) : NULL;
    if (!one)
        return gw_fail_memory(e);
    int rc = gw_change_read(path, &p->fleet, &p->arena, one, e);
    if (rc == 0)
        c->items[c->n++] = one;
    return rc;
}

static int read_changes(gw_pipeline *p, const char *dir, changes *ret, gw_error *e)
{
    struct stat st;
    folders list = {0};
    const char *single = gw_arena_printf(&p->arena, "%s/" ACTION_FILE, dir);
    if (!single)
        return gw_fail_memory(e);
    bool alone = stat(single, &st) == 0;
    int rc = alone ? 0 : list_folders(dir, &p->arena, &list, e);
    if (rc == 0 && !alone && list.n == 0)
        rc = gw_fail(e, GW_ENOTFOUND,
                     "it holds no action, neither " ACTION_FILE " nor folders such as 01-…; 'plan --export "
                     "DIR' writes them");
    if (rc == 0 && !(ret->items = GW_NEW_ARRAY(&p->arena, const gw_change *, list.n + 1)))
        rc = gw_fail_memory(e);
    if (rc == 0 && alone)
        rc = read_change(p, single, ret, e);
    for (size_t i = 0; rc == 0 && i < list.n; i++)
        rc =
            read_change(p, gw_arena_printf(&p->arena, "%s/%s/" ACTION_FILE, dir, list.items[i].name), ret, e);
    gw_free(list.items);
    return rc;
}

static void swap(gw_pipeline *p, gw_after *w)
{
    gw_after was = {.fleet = p->fleet, .usage = p->usage, .book = p->book, .ledger = p->ledger};
    p->fleet = w->fleet;
    p->usage = w->usage;
    p->book = w->book;
    p->ledger = w->ledger;
    *w = was;
}

int gw_pipeline_with(gw_pipeline *p, const gw_options *o, const char *dir, size_t *ret_n, gw_error *e)
{
    changes c = {0};
    gw_after world;
    gw_findings findings;
    int rc = read_changes(p, dir, &c, e);
    if (rc == 0)
        rc = gw_after_build(&p->fleet, &p->usage, p->prices, c.items, c.n, &world, e);
    if (rc) {
        gw_error_prefix(e, "--with %s", dir);
        return rc;
    }
    swap(p, &world);
    gw_findings_init(&findings);
    rc = gw_pipeline_judge(p, o, &findings, e);
    if (rc) {
        gw_findings_free(&findings);
        swap(p, &world);
        gw_after_free(&world);
        return rc;
    }
    gw_findings_free(&p->findings);
    p->findings = findings;
    p->present = world;
    p->has_present = true;
    *ret_n = c.n;
    return 0;
}
