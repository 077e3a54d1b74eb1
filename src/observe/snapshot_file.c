#include "observe/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "format/json_tree.h"

#define PIECE_BYTES    ((size_t)256 * 1024)
#define DUMP_BYTES     ((size_t)16 * 1024)
#define TEMP_SUFFIX    ".tmp"
#define PATH_MAX_BYTES 4096

static const char *const json_names[] = {"meta",
                                         "nodes",
                                         "pods",
                                         "namespaces",
                                         "workloads",
                                         "poddisruptionbudgets",
                                         "persistentvolumes",
                                         "persistentvolumeclaims"};

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool gw_snapshot_is_metrics(const char *name, bool *ret_gz)
{
    *ret_gz = has_suffix(name, ".om.gz");
    return strlen(name) < GW_SNAPSHOT_NAME_MAX && gw_has_prefix(name, "metrics") &&
           (*ret_gz || has_suffix(name, ".om"));
}

bool gw_snapshot_is_ours(const char *name)
{
    char plain[GW_SNAPSHOT_NAME_MAX + sizeof(TEMP_SUFFIX)];
    bool gz;
    size_t n = strlen(name);
    if (n >= sizeof(plain))
        return false;
    memcpy(plain, name, n + 1);
    if (has_suffix(plain, TEMP_SUFFIX))
        plain[n - strlen(TEMP_SUFFIX)] = '\0';
    if (gw_snapshot_is_metrics(plain, &gz))
        return true;
    for (size_t i = 0; i < GW_COUNT(json_names); i++) {
        size_t m = strlen(json_names[i]);
        if (gw_has_prefix(plain, json_names[i]) &&
            (strcmp(plain + m, ".json") == 0 || strcmp(plain + m, ".json.gz") == 0))
            return true;
    }
    return false;
}

static bool path_of(char path[PATH_MAX_BYTES], const char *dir, const char *name, const char *suffix)
{
    int n = snprintf(path, PATH_MAX_BYTES, "%s/%s%s", dir, name, suffix);
    return n > 0 && n < PATH_MAX_BYTES;
}

static int too_long(const char *dir, gw_error *e)
{
    return gw_fail(e, GW_EIO, "the path of the directory %.100s… is too long", dir);
}

int gw_snapshot_file_open(const char *dir, const char *name, int *ret_fd, uint64_t *ret_size, gw_error *e)
{
    char path[PATH_MAX_BYTES];
    if (!path_of(path, dir, name, ""))
        return too_long(dir, e);
    /* O_NONBLOCK: opening a named pipe must not wait for a writer */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return gw_fail(e, errno == ENOENT ? GW_ENOTFOUND : GW_EIO, "cannot open %s: %s", path,
                       strerror(errno));
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return gw_fail(e, GW_EIO, "%s is not a regular file", path);
    }
    *ret_fd = fd;
    *ret_size = (uint64_t)st.st_size;
    return 0;
}

static int read_error(gw_error *e)
{
    return gw_fail(e, GW_EIO, "cannot read: %s", strerror(errno));
}

typedef struct stream {
    gw_gunzip *gunzip; /* NULL: not packed */
    gw_bytes_fn out;
    void *ctx;
} stream;

static int push(stream *s, const char *p, size_t n, gw_error *e)
{
    return s->gunzip ? gw_gunzip_feed(s->gunzip, p, n, e) : s->out(s->ctx, p, n, e);
}

static int pump(int fd, stream *s, char *buf, uint64_t offset, uint64_t bytes, uint64_t *read_bytes,
                gw_error *e)
{
    for (uint64_t left = bytes; left > 0;) {
        ssize_t n = pread(fd, buf, (size_t)GW_MIN(left, PIECE_BYTES), (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return read_error(e);
        if (n == 0) {
            if (bytes == UINT64_MAX)
                break;
            return gw_fail(e, GW_ECORRUPT, "cut off: the file ends at byte %" PRIu64 "; copy it again",
                           offset);
        }
        *read_bytes += (uint64_t)n;
        offset += (uint64_t)n;
        if (bytes != UINT64_MAX)
            left -= (uint64_t)n;
        int rc = push(s, buf, (size_t)n, e);
        if (rc)
            return rc;
    }
    return s->gunzip ? gw_gunzip_finish(s->gunzip, e) : 0;
}

int gw_snapshot_file_stream(int fd, bool gz, uint64_t offset, uint64_t bytes, uint64_t max_out,
                            gw_bytes_fn out, void *ctx, uint64_t *read, gw_error *e)
{
    stream s = {NULL, out, ctx};
    char *buf = gw_malloc(PIECE_BYTES);
    if (gz)
        s.gunzip = gw_gunzip_new(max_out, out, ctx);
    int rc = buf && (s.gunzip || !gz) ? pump(fd, &s, buf, offset, bytes, read, e) : gw_fail_memory(e);
    gw_gunzip_free(s.gunzip);
    gw_free(buf);
    return rc;
}

/* ---- JSON ---- */

/* What nothing here reads, and what makes most of an object's bytes. */
static const char *const skipped_keys[] = {"managedFields", "env",          "envFrom",    "args",
                                           "command",       "volumeMounts", "conditions", NULL};

typedef struct lines {
    gw_json_tree tree;
    uint64_t line;
} lines;

/* Line by line, so that an error knows its line. */
static int feed_lines(void *ctx, const char *p, size_t n, gw_error *e)
{
    lines *l = ctx;
    while (n > 0) {
        const char *end = memchr(p, '\n', n);
        size_t k = end ? (size_t)(end - p) + 1 : n;
        int rc = gw_json_tree_feed(&l->tree, p, k, e);
        if (rc)
            return rc;
        l->line += end != NULL;
        p += k;
        n -= k;
    }
    return 0;
}

static int load_from(int fd, bool gz, json_t **ret, uint64_t *read, gw_error *e)
{
    lines l = {.line = 1};
    gw_error own;
    gw_json_tree_init(&l.tree, skipped_keys);
    int rc = gw_snapshot_file_stream(fd, gz, 0, UINT64_MAX, GW_SNAPSHOT_JSON_MAX, feed_lines, &l, read, &own);
    if (rc == 0)
        rc = gw_json_tree_finish(&l.tree, ret, &own);
    gw_json_tree_free(&l.tree);
    if (rc == GW_ETIMEOUT || rc == GW_ECORRUPT)
        return gw_fail(e, GW_ECORRUPT, "line %" PRIu64 ": %s; copy it again, or record it again", l.line,
                       own.message);
    return rc ? gw_fail(e, rc, "%s", own.message) : 0;
}

static int load(const char *dir, const char *name, json_t **ret, uint64_t *read, gw_error *e)
{
    int fd;
    uint64_t size;
    int rc = gw_snapshot_file_open(dir, name, &fd, &size, e);
    if (rc)
        return rc;
    rc = load_from(fd, has_suffix(name, ".gz"), ret, read, e);
    close(fd);
    return rc ? gw_error_prefix(e, "%s/%s", dir, name) : 0;
}

int gw_snapshot_json_load(const char *dir, const char *name, json_t **ret, uint64_t *read, gw_error *e)
{
    char file[GW_SNAPSHOT_NAME_MAX];
    gw_error own = {0};
    if (!e)
        e = &own;
    *ret = NULL;
    snprintf(file, sizeof(file), "%s.json", name);
    int rc = load(dir, file, ret, read, e);
    if (rc == GW_ENOTFOUND) {
        snprintf(file, sizeof(file), "%s.json.gz", name);
        rc = load(dir, file, ret, read, e);
    }
    return rc == GW_ENOTFOUND ? 0 : rc;
}

/* ---- writing ---- */

static int write_error(const gw_snapshot_out *o, int error, gw_error *e)
{
    bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    return gw_fail(e, GW_EIO, "cannot write %s/%s: %s%s", o->dir, o->name, strerror(error),
                   full ? "; free some space, pick another directory, or record a shorter --window" : "");
}

int gw_snapshot_out_open(gw_snapshot_out *o, const char *dir, const char *name, gw_error *e)
{
    char path[PATH_MAX_BYTES];
    *o = (gw_snapshot_out){.dir = dir, .fd = -1};
    snprintf(o->name, sizeof(o->name), "%s", name);
    if (!path_of(path, dir, name, TEMP_SUFFIX))
        return too_long(dir, e);
    o->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return o->fd < 0 ? write_error(o, errno, e) : 0;
}

int gw_snapshot_out_write(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_snapshot_out *o = ctx;
    while (n > 0) {
        ssize_t done = write(o->fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return write_error(o, errno, e);
        p += done;
        n -= (size_t)done;
        o->bytes += (uint64_t)done;
    }
    return 0;
}

void gw_snapshot_out_abort(gw_snapshot_out *o)
{
    char path[PATH_MAX_BYTES];
    if (o->fd < 0)
        return;
    close(o->fd);
    o->fd = -1;
    if (path_of(path, o->dir, o->name, TEMP_SUFFIX))
        unlink(path);
}

/* Makes the new name itself last. Some filesystems cannot sync a directory: not our failure. */
static void sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

int gw_snapshot_out_commit(gw_snapshot_out *o, gw_error *e)
{
    char from[PATH_MAX_BYTES], to[PATH_MAX_BYTES];
    if (!path_of(from, o->dir, o->name, TEMP_SUFFIX) || !path_of(to, o->dir, o->name, ""))
        return too_long(o->dir, e);
    if (fsync(o->fd) || rename(from, to)) {
        int rc = write_error(o, errno, e);
        gw_snapshot_out_abort(o);
        return rc;
    }
    close(o->fd);
    o->fd = -1;
    sync_dir(o->dir);
    return 0;
}

/* jansson hands out a few bytes at a time. */
typedef struct dump {
    gw_snapshot_out *out;
    gw_error *e;
    int rc;
    size_t n;
    char held[DUMP_BYTES];
} dump;

static int dump_flush(dump *d)
{
    if (d->rc == 0)
        d->rc = gw_snapshot_out_write(d->out, d->held, d->n, d->e);
    d->n = 0;
    return d->rc;
}

static int dump_piece(const char *p, size_t n, void *ctx)
{
    dump *d = ctx;
    while (n > 0) {
        if (d->n == DUMP_BYTES && dump_flush(d))
            return -1;
        size_t k = GW_MIN(n, DUMP_BYTES - d->n);
        memcpy(d->held + d->n, p, k);
        d->n += k;
        p += k;
        n -= k;
    }
    return 0;
}

int gw_snapshot_json_save(const char *dir, const char *name, const json_t *value, gw_error *e)
{
    gw_snapshot_out o;
    int rc = gw_snapshot_out_open(&o, dir, name, e);
    if (rc)
        return rc;
    dump d = {.out = &o, .e = e};
    int dumped = json_dump_callback(value, dump_piece, &d, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    if (dumped == 0)
        dump_piece("\n", 1, &d);
    rc = dumped && !d.rc ? gw_fail_memory(e) : dump_flush(&d);
    if (rc == 0)
        rc = gw_snapshot_out_commit(&o, e);
    gw_snapshot_out_abort(&o);
    return rc;
}
