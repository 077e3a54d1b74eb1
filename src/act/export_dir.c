/*
 * An export on disk. It is written into a directory beside the one that is asked for, and takes its place by
 * one rename, or by one exchange where an earlier export is there; so a reader sees the old one or the new
 * one and a failure leaves what was. Every step goes by directory descriptors with O_NOFOLLOW, so that a link
 * that somebody puts into the way is an error and never followed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/export_internal.h"

#define MARK       "<!-- gpuwise plan export 1 -->" /* the first line of our README.md */
#define DEPTH_MAX  8                                /* of a tree that is removed; ours have four levels */
#define TRIES_MAX  100                              /* names that are tried for the temporary directory */
#define NAME_BYTES 256
#define PATH_BYTES 4096

typedef struct place {
    const char *dir;       /* as the caller wrote it, for messages */
    int parent;            /* descriptor of the directory it lies in */
    char name[NAME_BYTES]; /* in there */
    char tmp[NAME_BYTES];
} place;

static int fail_io(gw_error *e, const char *verb, const char *dir, const char *path)
{
    return gw_fail(e, GW_EIO, "cannot %s %s%s%s: %s", verb, dir, *path ? "/" : "", path, strerror(errno));
}

/* ---- removing ---- */

/* A tree below a directory, links removed and not followed. Goes on after a failure, to remove what it can.
 */
static void remove_tree(int at, const char *name, int depth)
{
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 || depth == DEPTH_MAX ? NULL : fdopendir(fd);
    if (!d && fd >= 0)
        close(fd);
    for (struct dirent *entry; d && (entry = readdir(d));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(d), entry->d_name, 0) && (errno == EISDIR || errno == EPERM))
            remove_tree(dirfd(d), entry->d_name, depth + 1);
    }
    if (d)
        closedir(d);
    unlinkat(at, name, AT_REMOVEDIR);
}

/* ---- writing ---- */

static int write_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return -1;
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

static int write_file(const place *p, int at, const char *path, const char *name, const char *text, size_t n,
                      gw_error *e)
{
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0)
        return fail_io(e, "create", p->dir, path);
    int failed = write_all(fd, text, n);
    int saved = errno;
    if (close(fd) && !failed) {
        failed = 1;
        saved = errno;
    }
    errno = saved;
    return failed ? fail_io(e, "write", p->dir, path) : 0;
}

/* The directory `name` in `at`, made where it is not there yet; -1 with errno. */
static int open_dir(int at, const char *name)
{
    if (mkdirat(at, name, 0777) && errno != EEXIST)
        return -1;
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* path: "workloads/deployment-ml-chat.yaml", with directories made on the way. */
static int write_below(const place *p, int at, const char *path, const char *text, size_t n, gw_error *e)
{
    char part[NAME_BYTES];
    int fd = dup(at);
    const char *rest = path;
    if (fd < 0)
        return fail_io(e, "open", p->dir, "");
    for (const char *slash; (slash = strchr(rest, '/')); rest = slash + 1) {
        int length = snprintf(part, sizeof(part), "%.*s", (int)(slash - rest), rest);
        int next = length > 0 && (size_t)length < sizeof(part) ? open_dir(fd, part) : -1;
        int saved = errno;
        close(fd);
        errno = saved;
        if (next < 0)
            return fail_io(e, "create", p->dir, path);
        fd = next;
    }
    int rc = write_file(p, fd, path, rest, text, n, e);
    close(fd);
    return rc;
}

static int write_action(const gw_export *x, const place *p, int tmp, uint32_t i, const char *folder,
                        gw_error *e)
{
    gw_arena arena;
    gw_files files;
    gw_arena_init(&arena, 0);
    int rc = gw_export_action(x, i, &arena, &files, e);
    int fd = rc ? -1 : open_dir(tmp, folder);
    if (rc == 0 && fd < 0)
        rc = fail_io(e, "create", p->dir, folder);
    for (size_t k = 0; rc == 0 && k < files.n; k++)
        rc = write_below(p, fd, files.items[k].path, files.items[k].text, files.items[k].n, e);
    if (fd >= 0)
        close(fd);
    gw_arena_free(&arena);
    return rc;
}

/* ---- the page over all ---- */

static size_t count_chosen(const gw_plan *p)
{
    size_t n = 0;
    while (n < p->n_actions && p->actions[n].chosen)
        n++;
    return n;
}

/* "01-release-node-gpu-7"; the numbers have as many digits as the last one needs, so that names sort. */
static const char *folder_name(gw_arena *arena, size_t i, size_t n, const char *id)
{
    int digits = 2;
    for (size_t most = 99; n > most; most = most * 10 + 9)
        digits++;
    const char *slug = gw_act_slug(arena, id ? id : "action");
    return slug ? gw_arena_printf(arena, "%0*zu-%s", digits, i + 1, slug) : NULL;
}

static void put_total(gw_buf *b, const char *what, gw_micro m)
{
    gw_buf_printf(b, "| %s | ", what);
    gw_act_put_money(b, m);
    gw_buf_puts(b, " |\n");
}

static void put_totals(const gw_export *x, gw_buf *b)
{
    const gw_plan *p = x->plan;
    char start[GW_TIME_TEXT_MAX], end[GW_TIME_TEXT_MAX];
    gw_buf_printf(b, "\n| %s to %s | |\n|---|---|\n", gw_time_format(p->window.start_ms, start),
                  gw_time_format(p->window.end_ms, end));
    put_total(b, "the bill as it was", p->before.priced ? p->before.bill : GW_MICRO_UNKNOWN);
    put_total(b, "the bill that it would have been", p->after.priced ? p->after.bill : GW_MICRO_UNKNOWN);
    put_total(b, "saved a month, at least", p->saving.low);
    put_total(b, "saved a month, at most", p->saving.high);
}

static int put_page(const gw_export *x, const char *const *folders, size_t n, gw_buf *b, gw_error *e)
{
    const gw_plan *p = x->plan;
    gw_buf_puts(b, MARK "\n\n# The plan\n");
    put_totals(x, b);
    gw_buf_puts(
        b, "\nThe actions in their order. Savings are within the plan: what each adds to those before it.\n\n"
           "| | action | is | should be | saves a month | risk |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        const gw_action *a = &p->actions[i];
        gw_buf_printf(b, "| %zu | [%s](%s/README.md) | ", i + 1, gw_action_kind_name(a->kind), folders[i]);
        gw_act_prose(b, a->is);
        gw_buf_puts(b, " | ");
        gw_act_prose(b, a->should);
        gw_buf_puts(b, " | ");
        gw_act_put_money(b, a->share.low);
        gw_buf_puts(b, " to ");
        gw_act_put_money(b, a->share.high);
        gw_buf_printf(b, " | %s |\n", gw_risk_name(a->risk));
    }
    if (n == 0)
        gw_buf_puts(b, "\nThe plan has no actions.\n");
    if (p->n_notes)
        gw_buf_puts(b, "\n## What was not considered\n\n");
    for (size_t i = 0; i < p->n_notes; i++) {
        gw_buf_puts(b, "- ");
        gw_act_prose(b, p->notes[i]);
        gw_buf_putc(b, '\n');
    }
    gw_buf_puts(b, "\nMade by ");
    gw_act_prose(b, x->product);
    gw_buf_puts(b, x->command ? ":\n\n```sh\n" : ".\n");
    if (x->command)
        gw_buf_printf(b, "%s\n```\n", x->command);
    return gw_buf_check(b, "README.md", e);
}

static int write_tree(const gw_export *x, const place *p, int tmp, gw_error *e)
{
    size_t n = count_chosen(x->plan);
    gw_arena arena;
    gw_buf b;
    gw_arena_init(&arena, 0);
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    const char **folders = GW_NEW_ARRAY(&arena, const char *, n + 1);
    int rc = folders ? 0 : gw_fail_memory(e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        folders[i] = folder_name(&arena, i, n, x->plan->actions[i].id);
        rc = folders[i] ? write_action(x, p, tmp, (uint32_t)i, folders[i], e) : gw_fail_memory(e);
    }
    if (rc == 0)
        rc = put_page(x, folders, n, &b, e);
    if (rc == 0)
        rc = write_file(p, tmp, "README.md", "README.md", b.data, b.len, e);
    gw_buf_free(&b);
    gw_arena_free(&arena);
    return rc;
}

/* ---- what is there ---- */

static bool has_mark(int dir)
{
    char head[sizeof(MARK)] = "";
    int fd = openat(dir, "README.md", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head) - 1);
    if (fd >= 0)
        close(fd);
    return n == (ssize_t)sizeof(head) - 1 && memcmp(head, MARK, sizeof(head) - 1) == 0;
}

static bool is_ours(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return strcmp(name, "README.md") == 0 || (digits >= 2 && name[digits] == '-');
}

/* *full: an earlier export is there; what else there is must not be lost. */
static int check_contents(const place *p, DIR *d, bool *full, gw_error *e)
{
    bool mark = has_mark(dirfd(d));
    *full = false;
    for (struct dirent *entry; (entry = readdir(d));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!mark)
            return gw_fail(
                e, GW_EUSAGE,
                "%s is not empty and holds no earlier export (%.100s is there): name another directory",
                p->dir, entry->d_name);
        if (!is_ours(entry->d_name))
            return gw_fail(
                e, GW_EUSAGE,
                "%s holds %.100s beside an earlier export, and would lose it: move it away, or name "
                "another directory",
                p->dir, entry->d_name);
        *full = true;
    }
    return 0;
}

/* *there: something must be replaced. */
static int check_target(const place *p, bool *there, bool *full, gw_error *e)
{
    struct stat st;
    *there = *full = false;
    if (fstatat(p->parent, p->name, &st, AT_SYMLINK_NOFOLLOW))
        return errno == ENOENT ? 0 : fail_io(e, "look at", p->dir, "");
    *there = true;
    if (S_ISLNK(st.st_mode))
        return gw_fail(e, GW_EUSAGE, "%s is a symbolic link: name the directory that it points to", p->dir);
    if (!S_ISDIR(st.st_mode))
        return gw_fail(e, GW_EUSAGE, "%s is there and is no directory", p->dir);
    int fd = openat(p->parent, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        if (fd >= 0)
            close(fd);
        return fail_io(e, "read", p->dir, "");
    }
    int rc = check_contents(p, d, full, e);
    closedir(d);
    return rc;
}

/* ---- the whole ---- */

/* Splits "a/b/" into the open directory a and the name b. */
static int open_parent(const char *dir, place *p, gw_error *e)
{
    char path[PATH_BYTES];
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    size_t head = n;
    while (head > 0 && dir[head - 1] != '/')
        head--;
    gw_str name = {dir + head, n - head};
    if (name.n == 0 || gw_str_is(name, ".") || gw_str_is(name, ".."))
        return gw_fail(e, GW_EUSAGE, "'%s' cannot be replaced as a whole: name a directory of its own", dir);
    if (name.n > NAME_BYTES - 40 || head >= sizeof(path))
        return gw_fail(e, GW_EUSAGE, "the name of the directory is too long: %.80s…", dir);
    snprintf(p->name, sizeof(p->name), "%.*s", GW_STR_ARG(name));
    snprintf(path, sizeof(path), "%.*s", head ? (int)head : 1, head ? dir : ".");
    p->dir = dir;
    p->parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return p->parent < 0 ? fail_io(e, "open", path, "") : 0;
}

static int make_tmp(place *p, gw_error *e)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        snprintf(p->tmp, sizeof(p->tmp), ".%.210s.%ld-%d.tmp", p->name, (long)getpid(), i);
        if (mkdirat(p->parent, p->tmp, 0777) == 0)
            return 0;
        if (errno != EEXIST)
            break;
    }
    return fail_io(e, "make a directory beside", p->dir, "");
}

/* The new tree takes the place; what was there is then under the temporary name, and goes. */
static int put_in_place(const place *p, bool full, gw_error *e)
{
    if (!full) /* nothing there, or an empty directory, which a rename replaces */
        return renameat(p->parent, p->tmp, p->parent, p->name) ? fail_io(e, "make", p->dir, "") : 0;
    if (renameat2(p->parent, p->tmp, p->parent, p->name, RENAME_EXCHANGE) == 0) {
        remove_tree(p->parent, p->tmp, 0);
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS)
        return fail_io(e, "replace", p->dir, "");
    /* a file system without exchange: for a moment there is neither */
    char old[NAME_BYTES];
    snprintf(old, sizeof(old), "%.250s.old", p->tmp);
    if (renameat(p->parent, p->name, p->parent, old))
        return fail_io(e, "replace", p->dir, "");
    if (renameat(p->parent, p->tmp, p->parent, p->name)) {
        int rc = fail_io(e, "replace", p->dir, "");
        if (renameat(p->parent, old, p->parent, p->name))
            gw_error_prefix(e, "the earlier export is now called %s", old);
        return rc;
    }
    remove_tree(p->parent, old, 0);
    return 0;
}

int gw_export_write(const gw_export *x, const char *dir, gw_error *e)
{
    place p;
    bool there, full;
    int rc = open_parent(dir, &p, e);
    if (rc)
        return rc;
    rc = check_target(&p, &there, &full, e);
    if (rc == 0)
        rc = make_tmp(&p, e);
    if (rc) {
        close(p.parent);
        return rc;
    }
    int tmp = openat(p.parent, p.tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    rc = tmp < 0 ? fail_io(e, "open", p.dir, "") : write_tree(x, &p, tmp, e);
    if (tmp >= 0)
        close(tmp);
    if (rc == 0)
        rc = put_in_place(&p, full, e);
    if (rc)
        remove_tree(p.parent, p.tmp, 0);
    close(p.parent);
    return rc;
}
