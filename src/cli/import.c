/* gpuwise import: a backup, as gpuwise export history writes it, into a store. */
#include <errno.h>

#include "cli/cli.h"
#include "store/store.h"

/* An hour of half a million leaves, more than the reader of JSON takes values; a line beyond is no backup. */
#define GW_IMPORT_LINE_MAX   ((size_t)256 << 20)
#define GW_IMPORT_CHUNK_SIZE ((size_t)64 << 10)

/* ---- lines --------------------------------------------------------------------------------------------- */

typedef struct lines {
    FILE *file;
    const char *name;
    char chunk[GW_IMPORT_CHUNK_SIZE];
    size_t at, n;  /* what of the chunk is still to be read */
    gw_buf line;   /* the last one, without its end */
    uint64_t read; /* lines that were handed out */
    uint64_t hours;
} lines;

static int lines_open(lines *l, const char *path, gw_error *e)
{
    bool in = strcmp(path, "-") == 0;
    l->name = in ? "standard input" : path;
    l->file = in ? stdin : fopen(path, "rbe");
    if (!l->file)
        return gw_fail(e, GW_EIO, "cannot read %s: %s", path, strerror(errno));
    gw_buf_init(&l->line, GW_IMPORT_LINE_MAX);
    return 0;
}

static void lines_close(lines *l)
{
    if (l->file && l->file != stdin)
        fclose(l->file);
    gw_buf_free(&l->line);
}

/* *ret false: nothing is left. */
static int fill(lines *l, bool *ret, gw_error *e)
{
    l->at = 0;
    l->n = fread(l->chunk, 1, sizeof(l->chunk), l->file);
    if (ferror(l->file))
        return gw_fail(e, GW_EIO, "line %" PRIu64 ": cannot read on: %s", l->read + 1, strerror(errno));
    *ret = l->n > 0;
    return 0;
}

static bool is_hour(const gw_buf *line)
{
    static const char *const begins[] = {"{\"hour\":", "{\"sums\":", "{\"closed\":"};
    for (size_t i = 0; i < GW_COUNT(begins); i++)
        if (line->len >= strlen(begins[i]) && memcmp(line->data, begins[i], strlen(begins[i])) == 0)
            return true;
    return false;
}

/* gw_store_import asks for a line once it has put the one before, so that one counts now. */
static int next_line(void *ctx, gw_str *ret, gw_error *e)
{
    lines *l = ctx;
    bool more = true;
    l->hours += l->read && is_hour(&l->line);
    gw_buf_clear(&l->line);
    while (more) {
        int rc = l->at < l->n ? 0 : fill(l, &more, e);
        if (rc)
            return rc;
        const char *from = l->chunk + l->at, *end = memchr(from, '\n', l->n - l->at);
        size_t n = end ? (size_t)(end - from) : l->n - l->at;
        gw_buf_add(&l->line, from, n);
        l->at += n + (end != NULL);
        if (l->line.failed == GW_ELIMIT)
            return gw_fail(e, GW_ELIMIT, "line %" PRIu64 ": longer than %zu bytes: this is no backup",
                           l->read + 1, GW_IMPORT_LINE_MAX);
        if (l->line.failed)
            return gw_fail_memory(e);
        if (end || (!more && l->line.len)) {
            *ret = (gw_str){l->line.data ? l->line.data : "", l->line.len};
            l->read++;
            return 0;
        }
    }
    return 0;
}

/* ---- the verb ------------------------------------------------------------------------------------------ */

/* How many hours the store has now: whoever restores wants to see that. */
static int count_hours(gw_store *s, uint64_t *ret, size_t *ret_clusters, gw_error *e)
{
    gw_arena a;
    const char **names = NULL;
    uint64_t sum = 0;
    gw_arena_init(&a, 0);
    int rc = gw_store_clusters(s, &a, &names, ret_clusters, e);
    for (size_t i = 0; rc == 0 && i < *ret_clusters; i++) {
        gw_interval all;
        int64_t *starts;
        size_t n = 0;
        rc = gw_store_extent(s, names[i], &all, e);
        rc = rc ? rc : gw_store_closed(s, names[i], all, &a, &starts, &n, e);
        sum += n;
    }
    gw_arena_free(&a);
    if (rc == 0)
        *ret = sum;
    return rc;
}

static int import(gw_cli *cli, gw_store *s, lines *l, gw_error *e)
{
    uint64_t hours = 0;
    size_t clusters = 0;
    int rc = gw_store_import(s, next_line, l, cli->options.overwrite, e);
    if (rc && l->hours)
        gw_cli_note(cli,
                    "%" PRIu64 " hours came in before the error and stay: what is imported again is the same",
                    l->hours);
    rc = rc ? rc : count_hours(s, &hours, &clusters, e);
    if (rc == 0)
        gw_cli_note(cli, "%" PRIu64 " hours came in from %s; %s has %" PRIu64 " hours of %zu cluster%s now",
                    l->hours, l->name, gw_store_describe(s), hours, clusters, clusters == 1 ? "" : "s");
    return rc;
}

static int run(gw_cli *cli, gw_error *e)
{
    const gw_store_options so = {.url = cli->options.store};
    gw_store *s = NULL;
    lines *l = gw_calloc(1, sizeof(*l));
    if (!l)
        return gw_fail_memory(e);
    /* first the file: a name that is mistyped makes no empty store */
    int rc = lines_open(l, cli->operands.items[0], e);
    rc = rc ? rc : gw_store_open(&so, &s, e);
    if (rc == 0) {
        rc = import(cli, s, l, e);
        if (rc && e)
            gw_error_prefix(e, "%s", l->name);
    }
    gw_store_free(s);
    lines_close(l);
    gw_free(l);
    return rc;
}

#define AT(field) offsetof(gw_options, field)

static const gw_option options[] = {
    {.name = "store",
     .kind = GW_OPTION_TEXT,
     .offset = AT(store),
     .value = "URL",
     .help = "Where history is kept: sqlite:FILE or postgres://USER@HOST/DB",
     .initial = "sqlite:gpuwise.db",
     .env = "GPUWISE_STORE"},
    {.name = "replace",
     .kind = GW_OPTION_FLAG,
     .offset = AT(overwrite),
     .help = "Where an hour or day is there with other numbers, take those of FILE"},
    {0}};
static const gw_option_group group = {"History", options};
static const gw_option_group *const groups[] = {&group, NULL};

const gw_verb gw_verb_import = {
    {.name = "import",
     .summary = "Put a backup of the history (export history) into a store",
     .operands = "FILE",
     .min_operands = 1,
     .max_operands = 1,
     .operand_words = "file",
     .text = "FILE is what `gpuwise export history` wrote; - is standard input. It goes into\n"
             "an empty store, which is made, or beside what is there: of SQLite into\n"
             "PostgreSQL, two stores into one. What is there already is left as it is; an\n"
             "hour that is there with other numbers is an error unless --replace is given.\n"
             "Each line is a transaction: after an error, mend it and import again.",
     .examples = "import backup.jsonl --store sqlite:restored.db\n"
                 "export history --store sqlite:gpuwise.db | gpuwise import - --store "
                 "postgres://gpuwise@db/costs",
     .groups = groups},
    run};
