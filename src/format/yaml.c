#include "format/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/number.h"
#include "base/utf8.h"

/* Above this many entries a map's keys are sorted to find duplicates, below they are compared pairwise. */
#define SMALL_MAP 16

#define MAX_ANCHORS 1000

typedef struct anchor {
    const char *name;
    gw_yaml *node;
    uint32_t weight; /* nodes of the tree below it, aliases expanded */
    uint32_t height; /* levels below it */
} anchor;

/* A map or list that is still open. */
typedef struct frame {
    gw_yaml *node;
    const char *anchor; /* its anchor, known when it closes */
    gw_yaml **items;
    size_t n, cap;
    gw_yaml **merges; /* maps named by "<<" */
    size_t n_merges, cap_merges;
    const char *key; /* of a map: the key that waits for its value */
    bool merge;      /* that key is "<<" */
    uint32_t key_line, key_column;
    uint32_t nodes_before; /* builder.nodes when it opened */
    uint32_t height;
} frame;

typedef struct builder {
    gw_arena *arena;
    const char *file;
    gw_error *e;
    gw_str text; /* all of it */
    frame stack[GW_YAML_MAX_DEPTH];
    size_t depth;
    uint32_t nodes;
    anchor *anchors;
    size_t n_anchors, cap_anchors;
    gw_yaml *root;
    int documents;
} builder;

/* ---- messages ---- */

const char *gw_yaml_kind_name(const gw_yaml *y)
{
    double number;
    if (!y || y->kind == GW_YAML_NULL)
        return "nothing";
    if (y->kind == GW_YAML_LIST)
        return "a list";
    if (y->kind == GW_YAML_MAP)
        return "a map";
    if (y->plain && (gw_str_is(y->text, "true") || gw_str_is(y->text, "false")))
        return "true or false";
    return y->plain && gw_parse_double(y->text, &number) ? "a number" : "text";
}

int gw_yaml_fail(const gw_yaml *y, gw_error *e, int code, const char *format, ...)
{
    char message[GW_ERROR_MESSAGE_MAX];
    va_list ap;
    va_start(ap, format);
    vsnprintf(message, sizeof(message), format, ap);
    va_end(ap);
    return gw_fail(e, code, "%s:%" PRIu32 ":%" PRIu32 ": %s", y->file, y->line, y->column, message);
}

/* ---- building ---- */

static int count_nodes(builder *b, const gw_yaml *at, uint32_t n)
{
    if (n > GW_YAML_MAX_NODES - b->nodes)
        return gw_yaml_fail(at, b->e, GW_ELIMIT, "more than %d values, aliases expanded; split the file",
                            GW_YAML_MAX_NODES);
    b->nodes += n;
    return 0;
}

static gw_yaml *new_node(builder *b, gw_yaml_kind kind, uint32_t line, uint32_t column)
{
    gw_yaml *y = GW_NEW(b->arena, gw_yaml);
    if (!y) {
        gw_fail_memory(b->e);
        return NULL;
    }
    *y = (gw_yaml){.kind = kind, .file = b->file, .line = line, .column = column};
    return y;
}

static int set_anchor(builder *b, const char *name, gw_yaml *node, uint32_t weight, uint32_t height)
{
    if (!name)
        return 0;
    void *p = b->anchors;
    int r = gw_grow(&p, &b->cap_anchors, b->n_anchors + 1, sizeof(*b->anchors), MAX_ANCHORS);
    b->anchors = p;
    if (r == GW_ELIMIT)
        return gw_yaml_fail(node, b->e, r, "more than %d anchors; split the file", MAX_ANCHORS);
    if (r)
        return gw_fail_memory(b->e);
    b->anchors[b->n_anchors++] = (anchor){name, node, weight, height};
    return 0;
}

/* The newest anchor of that name wins, as YAML has it. */
static const anchor *find_anchor(const builder *b, gw_str name)
{
    for (size_t i = b->n_anchors; i-- > 0;)
        if (gw_str_is(name, b->anchors[i].name))
            return &b->anchors[i];
    return NULL;
}

static int push_item(builder *b, gw_yaml ***items, size_t *n, size_t *cap, gw_yaml *y)
{
    void *p = *items;
    int r = gw_grow(&p, cap, *n + 1, sizeof(**items), GW_YAML_MAX_NODES);
    *items = p;
    if (r)
        return gw_fail_memory(b->e);
    (*items)[(*n)++] = y;
    return 0;
}

static int merge_value(builder *b, frame *f, gw_yaml *y)
{
    if (y->kind == GW_YAML_MAP)
        return push_item(b, &f->merges, &f->n_merges, &f->cap_merges, y);
    if (y->kind != GW_YAML_LIST)
        return gw_yaml_fail(y, b->e, GW_ECONFIG, "\"<<\" takes a map or a list of maps, not %s",
                            gw_yaml_kind_name(y));
    for (uint32_t i = 0; i < y->n; i++) {
        int r = gw_yaml_expect(y->items[i], GW_YAML_MAP, b->e);
        if (!r)
            r = push_item(b, &f->merges, &f->n_merges, &f->cap_merges, y->items[i]);
        if (r)
            return r;
    }
    return 0;
}

/* Hands a finished node (height levels below it) to the map or list that is open, or makes it the root. */
static int place(builder *b, gw_yaml *y, uint32_t height)
{
    if (b->depth == 0) {
        b->root = y;
        return 0;
    }
    frame *f = &b->stack[b->depth - 1];
    f->height = GW_MAX(f->height, height + 1);
    if (f->node->kind == GW_YAML_LIST)
        return push_item(b, &f->items, &f->n, &f->cap, y);
    const char *key = f->key;
    f->key = NULL;
    if (f->merge) {
        f->merge = false;
        return merge_value(b, f, y);
    }
    if (y->line == 0) { /* a value that is not there stands where its key does */
        y->line = f->key_line;
        y->column = f->key_column;
    }
    y->key = key;
    return push_item(b, &f->items, &f->n, &f->cap, y);
}

static bool waits_for_key(const builder *b)
{
    return b->depth && b->stack[b->depth - 1].node->kind == GW_YAML_MAP && !b->stack[b->depth - 1].key;
}

static int take_key(builder *b, gw_yaml *y)
{
    frame *f = &b->stack[b->depth - 1];
    if (y->kind == GW_YAML_LIST || y->kind == GW_YAML_MAP)
        return gw_yaml_fail(y, b->e, GW_ECONFIG, "%s cannot be a key; write a name", gw_yaml_kind_name(y));
    if (memchr(y->text.p, '\0', y->text.n))
        return gw_yaml_fail(y, b->e, GW_ECONFIG, "a key holds a NUL byte");
    f->key = y->text.p;
    f->key_line = y->line;
    f->key_column = y->column;
    f->merge = y->plain && gw_str_is(y->text, "<<");
    return 0;
}

static bool is_null_text(gw_str s)
{
    return s.n == 0 || gw_str_is(s, "~") || gw_str_is(s, "null") || gw_str_is(s, "Null") ||
           gw_str_is(s, "NULL");
}

/* Takes note of a tag: only those of YAML's own schema that change nothing but "this is text". */
static int read_tag(builder *b, struct fy_event *ev, gw_yaml *y)
{
    static const char *const known[] = {"int", "float", "bool", "map", "seq", "null", "timestamp"};
    struct fy_token *token = fy_event_get_tag_token(ev);
    if (!token)
        return 0;
    gw_str tag = {.n = 0};
    tag.p = fy_token_get_text(token, &tag.n);
    static const char prefix[] = "tag:yaml.org,2002:";
    size_t skip = sizeof(prefix) - 1;
    if (tag.p && tag.n > skip && memcmp(tag.p, prefix, skip) == 0) {
        gw_str name = {tag.p + skip, tag.n - skip};
        if (gw_str_is(name, "str")) {
            y->plain = false;
            return 0;
        }
        for (size_t i = 0; i < GW_COUNT(known); i++)
            if (gw_str_is(name, known[i]))
                return 0;
    }
    return gw_yaml_fail(y, b->e, GW_ECONFIG, "the tag \"%.*s\" is not understood; leave it out",
                        (int)GW_MIN(tag.n, (size_t)80), tag.p ? tag.p : "");
}

static int read_anchor(builder *b, struct fy_event *ev, const char **ret)
{
    struct fy_token *token = fy_event_get_anchor_token(ev);
    if (!token)
        return 0;
    size_t n = 0;
    const char *p = fy_token_get_text(token, &n);
    *ret = p ? gw_arena_strndup(b->arena, p, n) : NULL;
    return *ret ? 0 : gw_fail_memory(b->e);
}

/* "it''s" → "it's": single quotes on one line; n is the length of the result. */
static void unquote(gw_str raw, char *out, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < raw.n; i++) {
        out[(*n)++] = raw.p[i];
        if (raw.p[i] == '\'' && i + 1 < raw.n && raw.p[i + 1] == '\'')
            i++;
    }
}

/* The source of a single-quoted scalar that stands on one line; false for anything else. */
static bool single_quoted(const builder *b, struct fy_token *token, gw_str *ret)
{
    const struct fy_mark *from = fy_token_start_mark(token), *to = fy_token_end_mark(token);
    if (fy_token_scalar_style(token) != FYSS_SINGLE_QUOTED || !from || !to || from->line != to->line ||
        from->input_pos > to->input_pos || to->input_pos > b->text.n)
        return false;
    *ret = (gw_str){b->text.p + from->input_pos, to->input_pos - from->input_pos};
    return true;
}

/* The chunks that a token's text consists of, into out where that is not NULL. SIZE_MAX when memory is
 * exhausted. */
static size_t copy_chunks(struct fy_token *token, char *out)
{
    const struct fy_iter_chunk *chunk = NULL;
    size_t n = 0;
    int failed = 0;
    struct fy_token_iter *it = fy_token_iter_create(token);
    if (!it)
        return SIZE_MAX;
    while ((chunk = fy_token_iter_chunk_next(it, chunk, &failed))) {
        if (out && chunk->len)
            memcpy(out + n, chunk->str, chunk->len);
        n += chunk->len;
    }
    fy_token_iter_destroy(it);
    return failed ? SIZE_MAX : n;
}

/*
 * The text of a scalar, copied. Not by fy_token_get_text, which in 0.7.12 leaks where a text has many chunks
 * (long block scalars, many escapes), and takes two escaped single quotes in a row for three quotes.
 */
static int scalar_text(builder *b, struct fy_token *token, gw_str *ret)
{
    gw_str raw = {"", 0};
    bool quoted = token && single_quoted(b, token, &raw);
    size_t n = quoted ? raw.n : token ? copy_chunks(token, NULL) : 0;
    char *copy = n < SIZE_MAX ? gw_arena_alloc(b->arena, n + 1) : NULL;
    if (!copy)
        return gw_fail_memory(b->e);
    if (quoted)
        unquote(raw, copy, &n);
    else if (token && copy_chunks(token, copy) != n)
        return gw_fail_memory(b->e);
    copy[n] = '\0';
    *ret = (gw_str){copy, n};
    return 0;
}

static int on_scalar(builder *b, struct fy_event *ev, uint32_t line, uint32_t column)
{
    struct fy_token *token = fy_event_get_token(ev);
    gw_yaml *y = new_node(b, GW_YAML_SCALAR, line, column);
    if (!y)
        return GW_ENOMEM;
    int r = scalar_text(b, token, &y->text);
    if (r)
        return r;
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    y->plain = style == FYSS_PLAIN;
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && column > 1)
        y->column--; /* the mark stands behind the quote */
    const char *name = NULL;
    r = read_tag(b, ev, y);
    if (!r)
        r = read_anchor(b, ev, &name);
    if (!r)
        r = count_nodes(b, y, 1);
    if (r)
        return r;
    if (waits_for_key(b))
        return take_key(b, y);
    if (y->plain && is_null_text(y->text))
        y->kind = GW_YAML_NULL;
    r = set_anchor(b, name, y, 1, 0);
    return r ? r : place(b, y, 0);
}

static int on_alias(builder *b, struct fy_event *ev, uint32_t line, uint32_t column)
{
    gw_yaml *y =
        new_node(b, GW_YAML_NULL, line, column > 1 ? column - 1 : column); /* the mark skips the "*" */
    if (!y)
        return GW_ENOMEM;
    gw_str name = {.n = 0};
    struct fy_token *token = fy_event_get_token(ev);
    name.p = token ? fy_token_get_text(token, &name.n) : "";
    const anchor *a = name.p ? find_anchor(b, name) : NULL;
    if (!a)
        return gw_yaml_fail(y, b->e, GW_ECONFIG, "no anchor \"&%.*s\" stands before this alias",
                            (int)GW_MIN(name.n, (size_t)80), name.p ? name.p : "");
    if (waits_for_key(b))
        return take_key(b, a->node);
    int r = count_nodes(b, y, a->weight);
    if (r)
        return r;
    if (b->depth + a->height > GW_YAML_MAX_DEPTH)
        return gw_yaml_fail(y, b->e, GW_ELIMIT, "nested deeper than %d levels", GW_YAML_MAX_DEPTH);
    /* The items are shared; only the node itself is copied, because its key is another one here. */
    uint32_t height = a->height;
    *y = *a->node;
    y->key = NULL;
    return place(b, y, height);
}

static int on_open(builder *b, struct fy_event *ev, gw_yaml_kind kind, uint32_t line, uint32_t column)
{
    gw_yaml *y = new_node(b, kind, line, column);
    if (!y)
        return GW_ENOMEM;
    if (waits_for_key(b))
        return take_key(b, y);
    if (b->depth == GW_YAML_MAX_DEPTH)
        return gw_yaml_fail(y, b->e, GW_ELIMIT, "nested deeper than %d levels", GW_YAML_MAX_DEPTH);
    uint32_t before = b->nodes;
    const char *name = NULL;
    int r = count_nodes(b, y, 1);
    if (!r)
        r = read_tag(b, ev, y);
    if (!r)
        r = read_anchor(b, ev, &name);
    if (r)
        return r;
    b->stack[b->depth++] = (frame){.node = y, .anchor = name, .nodes_before = before};
    return 0;
}

static void free_frame(frame *f)
{
    gw_free(f->items);
    gw_free(f->merges);
    f->items = f->merges = NULL;
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(gw_yaml *const *)a)->key, (*(gw_yaml *const *)b)->key);
}

static int fail_twice(builder *b, const gw_yaml *one, const gw_yaml *other)
{
    const gw_yaml *first = one->line < other->line ? one : other, *second = first == one ? other : one;
    return gw_yaml_fail(second, b->e, GW_ECONFIG, "\"%.80s\" is given twice, first in line %" PRIu32,
                        second->key, first->line);
}

static int refuse_duplicates(builder *b, const frame *f)
{
    if (f->n <= SMALL_MAP) {
        for (size_t i = 1; i < f->n; i++)
            for (size_t k = 0; k < i; k++)
                if (by_key(&f->items[i], &f->items[k]) == 0)
                    return fail_twice(b, f->items[i], f->items[k]);
        return 0;
    }
    gw_yaml **sorted = gw_malloc(f->n * sizeof(*sorted));
    if (!sorted)
        return gw_fail_memory(b->e);
    memcpy(sorted, f->items, f->n * sizeof(*sorted));
    qsort(sorted, f->n, sizeof(*sorted), by_key);
    int r = 0;
    for (size_t i = 1; i < f->n && !r; i++)
        if (by_key(&sorted[i], &sorted[i - 1]) == 0)
            r = fail_twice(b, sorted[i], sorted[i - 1]);
    gw_free(sorted);
    return r;
}

/* The entries of merged maps come after the map's own, where it has no such key; earlier merges win. */
static int apply_merges(builder *b, frame *f)
{
    gw_map seen;
    gw_map_init(&seen);
    int r = 0;
    for (size_t i = 0; i < f->n && f->n_merges && !r; i++)
        r = gw_map_set(&seen, gw_str_of(f->items[i]->key), 1);
    for (size_t m = 0; m < f->n_merges && !r; m++) {
        const gw_yaml *from = f->merges[m];
        for (uint32_t i = 0; i < from->n && !r; i++) {
            gw_str key = gw_str_of(from->items[i]->key);
            if (gw_map_get(&seen, key) != GW_NONE)
                continue;
            r = gw_map_set(&seen, key, 1);
            if (!r)
                r = push_item(b, &f->items, &f->n, &f->cap, from->items[i]);
        }
    }
    gw_map_free(&seen);
    return r ? gw_fail_memory(b->e) : 0;
}

static int on_close(builder *b)
{
    if (b->depth == 0)
        return gw_fail(b->e, GW_EINTERNAL, "%s: the YAML reader lost count of its brackets", b->file);
    frame *f = &b->stack[b->depth - 1];
    int r = 0;
    if (f->node->kind == GW_YAML_MAP) {
        r = refuse_duplicates(b, f);
        if (!r)
            r = apply_merges(b, f);
    }
    if (!r && f->n) {
        f->node->items = GW_NEW_ARRAY(b->arena, gw_yaml *, f->n);
        if (!f->node->items)
            r = gw_fail_memory(b->e);
        else
            memcpy(f->node->items, f->items, f->n * sizeof(*f->items));
    }
    if (r)
        return r;
    gw_yaml *y = f->node;
    y->n = (uint32_t)f->n;
    const char *name = f->anchor;
    uint32_t weight = b->nodes - f->nodes_before, height = f->height;
    free_frame(f);
    b->depth--;
    r = set_anchor(b, name, y, weight, height);
    return r ? r : place(b, y, height);
}

static int on_event(builder *b, struct fy_event *ev)
{
    const struct fy_mark *mark = fy_event_start_mark(ev);
    uint32_t line = mark ? (uint32_t)mark->line + 1 : 0, column = mark ? (uint32_t)mark->column + 1 : 0;
    bool content = ev->type == FYET_SCALAR || ev->type == FYET_ALIAS || ev->type == FYET_MAPPING_START ||
                   ev->type == FYET_SEQUENCE_START;
    if (content && b->documents > 1 && b->depth == 0) {
        if (ev->type == FYET_SCALAR && !mark)
            return 0; /* the nothing after a closing "---" */
        return gw_fail(b->e, GW_ECONFIG, "%s:%" PRIu32 ": a second document starts here; keep one a file",
                       b->file, line);
    }
    switch (ev->type) {
    case FYET_DOCUMENT_START:
        b->documents++;
        return 0;
    case FYET_SCALAR:
        return on_scalar(b, ev, line, column);
    case FYET_ALIAS:
        return on_alias(b, ev, line, column);
    case FYET_SEQUENCE_START:
        return on_open(b, ev, GW_YAML_LIST, line, column);
    case FYET_MAPPING_START:
        return on_open(b, ev, GW_YAML_MAP, line, column);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        return on_close(b);
    default:
        return 0;
    }
}

/* ---- driving libfyaml ---- */

static int fail_syntax(builder *b, struct fy_diag *diag)
{
    void *at = NULL;
    const struct fy_diag_error *err = fy_diag_errors_iterate(diag, &at);
    if (!err)
        return gw_fail(b->e, GW_ECONFIG, "%s: this is no YAML and no JSON", b->file);
    return gw_fail(b->e, GW_ECONFIG, "%s:%d:%d: %s", b->file, err->line, err->column,
                   err->msg ? err->msg : "this is no YAML and no JSON");
}

static int run_parser(builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
    struct fy_event *ev;
    int r = 0;
    while (!r && (ev = fy_parser_parse(parser))) {
        r = on_event(b, ev);
        fy_parser_event_free(parser, ev);
    }
    if (!r && fy_parser_get_stream_error(parser))
        r = fail_syntax(b, diag);
    return r;
}

static int parse_with(builder *b, gw_str text, struct fy_diag *diag)
{
    struct fy_parse_cfg cfg = {
        .flags = (enum fy_parse_cfg_flags)(FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_SLOPPY_FLOW_INDENTATION |
                                           FYPCF_JSON_NONE),
        .diag = diag,
    };
    struct fy_parser *parser = fy_parser_create(&cfg);
    if (!parser)
        return gw_fail_memory(b->e);
    int r = fy_parser_set_string(parser, text.p, text.n) ? gw_fail_memory(b->e) : run_parser(b, parser, diag);
    fy_parser_destroy(parser);
    return r;
}

/*
 * YAML is printable UTF-8 (YAML 1.2.2, section 5.1). Checked before libfyaml sees it, because libfyaml 0.7.12
 * spins for ever on some texts that are not.
 */
static int check_characters(const char *name, gw_str text, gw_error *e)
{
    uint32_t line = 1;
    for (size_t at = 0; at < text.n;) {
        size_t from = at;
        uint32_t c = gw_utf8_next(text, &at);
        bool bad = (c == GW_UTF8_REPLACEMENT && at - from == 1) || (c < 0x20 && !strchr("\t\n\r", (int)c)) ||
                   c == 0 || c == 0x7f;
        if (bad)
            return gw_fail(e, GW_ECONFIG,
                           "%s:%" PRIu32 ": the byte 0x%02x is no UTF-8 text; is this a text file?", name,
                           line, (unsigned char)text.p[from]);
        line += c == '\n';
    }
    return 0;
}

int gw_yaml_parse(gw_arena *a, const char *name, gw_str text, const gw_yaml **ret, gw_error *e)
{
    if (text.n > GW_YAML_MAX_BYTES)
        return gw_fail(e, GW_ELIMIT, "%s: %zu bytes, more than the %zu that are read", name, text.n,
                       GW_YAML_MAX_BYTES);
    int r = check_characters(name, text, e);
    if (r)
        return r;
    builder b = {.arena = a, .e = e, .text = text, .file = gw_arena_strdup(a, name)};
    if (!b.file)
        return gw_fail_memory(e);
    struct fy_diag_cfg dc;
    fy_diag_cfg_default(&dc);
    dc.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&dc);
    if (!diag)
        return gw_fail_memory(e);
    fy_diag_set_collect_errors(diag, true);
    if (text.n)
        r = parse_with(&b, text, diag);
    fy_diag_destroy(diag);
    while (b.depth)
        free_frame(&b.stack[--b.depth]);
    gw_free(b.anchors);
    if (!r && !b.root) {
        b.root = new_node(&b, GW_YAML_NULL, 1, 1);
        r = b.root ? 0 : GW_ENOMEM;
    }
    if (!r) {
        if (b.root->line == 0)
            b.root->line = b.root->column = 1;
        *ret = b.root;
    }
    return r;
}

static int read_all(int fd, const char *path, gw_buf *buf, gw_error *e)
{
    char piece[16384];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return gw_fail(e, GW_EIO, "%s: %s", path, strerror(errno));
        if (n == 0)
            return gw_buf_check(buf, path, e);
        gw_buf_add(buf, piece, (size_t)n);
        if (buf->failed)
            return gw_buf_check(buf, path, e);
    }
}

int gw_yaml_load(gw_arena *a, const char *path, const gw_yaml **ret, gw_error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return gw_fail(e, GW_EIO, "%s: %s", path, strerror(errno));
    gw_buf buf;
    gw_buf_init(&buf, GW_YAML_MAX_BYTES);
    int r = read_all(fd, path, &buf, e);
    close(fd);
    if (!r)
        r = gw_yaml_parse(a, path, (gw_str){buf.data ? buf.data : "", buf.len}, ret, e);
    gw_buf_free(&buf);
    return r;
}

/* ---- reading ---- */

const gw_yaml *gw_yaml_get(const gw_yaml *map, const char *key)
{
    if (!map || map->kind != GW_YAML_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->n; i++)
        if (strcmp(map->items[i]->key, key) == 0)
            return map->items[i];
    return NULL;
}

static int fail_type(const gw_yaml *y, const char *wanted, gw_error *e)
{
    if (y->key)
        return gw_yaml_fail(y, e, GW_ECONFIG, "\"%.80s\" must be %s, and is %s", y->key, wanted,
                            gw_yaml_kind_name(y));
    return gw_yaml_fail(y, e, GW_ECONFIG, "%s is wanted here, and this is %s", wanted, gw_yaml_kind_name(y));
}

int gw_yaml_expect(const gw_yaml *y, gw_yaml_kind kind, gw_error *e)
{
    static const char *const wanted[] = {"nothing", "text", "a list", "a map"};
    return y->kind == kind ? 0 : fail_type(y, wanted[kind], e);
}

int gw_yaml_scalar(const gw_yaml *y, const char **ret, gw_error *e)
{
    if (y->kind != GW_YAML_SCALAR)
        return fail_type(y, "text", e);
    if (memchr(y->text.p, '\0', y->text.n))
        return gw_yaml_fail(y, e, GW_ECONFIG, "this text holds a NUL byte");
    *ret = y->text.p;
    return 0;
}

int gw_yaml_text(const gw_yaml *y, const char **ret, gw_error *e)
{
    double number;
    if (y->kind == GW_YAML_SCALAR && y->plain &&
        (gw_str_is(y->text, "true") || gw_str_is(y->text, "false") || gw_parse_double(y->text, &number)))
        return fail_type(y, "text (put it in quotes)", e);
    return gw_yaml_scalar(y, ret, e);
}

int gw_yaml_bool(const gw_yaml *y, bool *ret, gw_error *e)
{
    /* YAML 1.1's words, which kubectl's reader takes as well */
    static const char *const words[2][10] = {
        {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n"},
        {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y"},
    };
    for (int value = 0; value < 2 && y->kind == GW_YAML_SCALAR && y->plain; value++) {
        for (size_t i = 0; i < GW_COUNT(words[value]); i++) {
            if (gw_str_is(y->text, words[value][i])) {
                *ret = value;
                return 0;
            }
        }
    }
    return fail_type(y, "true or false", e);
}

int gw_yaml_int64(const gw_yaml *y, int64_t *ret, gw_error *e)
{
    if (y->kind == GW_YAML_SCALAR && gw_parse_int64(y->text, ret))
        return 0;
    return fail_type(y, "a whole number", e);
}

int gw_yaml_double(const gw_yaml *y, double *ret, gw_error *e)
{
    double v;
    if (y->kind != GW_YAML_SCALAR || !gw_parse_double(y->text, &v) || !isfinite(v))
        return fail_type(y, "a number", e);
    *ret = v;
    return 0;
}

static const gw_yaml *present(const gw_yaml *map, const char *key)
{
    const gw_yaml *y = gw_yaml_get(map, key);
    return y && y->kind != GW_YAML_NULL ? y : NULL;
}

int gw_yaml_read_text(const gw_yaml *map, const char *key, const char **ret, gw_error *e)
{
    const gw_yaml *y = present(map, key);
    return y ? gw_yaml_text(y, ret, e) : 0;
}

int gw_yaml_read_scalar(const gw_yaml *map, const char *key, const char **ret, gw_error *e)
{
    const gw_yaml *y = present(map, key);
    return y ? gw_yaml_scalar(y, ret, e) : 0;
}

int gw_yaml_read_bool(const gw_yaml *map, const char *key, bool *ret, gw_error *e)
{
    const gw_yaml *y = present(map, key);
    return y ? gw_yaml_bool(y, ret, e) : 0;
}

int gw_yaml_read_int64(const gw_yaml *map, const char *key, int64_t *ret, gw_error *e)
{
    const gw_yaml *y = present(map, key);
    return y ? gw_yaml_int64(y, ret, e) : 0;
}

int gw_yaml_read_double(const gw_yaml *map, const char *key, double *ret, gw_error *e)
{
    const gw_yaml *y = present(map, key);
    return y ? gw_yaml_double(y, ret, e) : 0;
}

static int read_kind(const gw_yaml *map, const char *key, gw_yaml_kind kind, const gw_yaml **ret, gw_error *e)
{
    const gw_yaml *y = present(map, key);
    int r = y ? gw_yaml_expect(y, kind, e) : 0;
    if (y && !r)
        *ret = y;
    return r;
}

int gw_yaml_read_list(const gw_yaml *map, const char *key, const gw_yaml **ret, gw_error *e)
{
    return read_kind(map, key, GW_YAML_LIST, ret, e);
}

int gw_yaml_read_map(const gw_yaml *map, const char *key, const gw_yaml **ret, gw_error *e)
{
    return read_kind(map, key, GW_YAML_MAP, ret, e);
}

int gw_yaml_expect_keys(const gw_yaml *map, const char *const *known, gw_error *e)
{
    int r = gw_yaml_expect(map, GW_YAML_MAP, e);
    for (uint32_t i = 0; !r && i < map->n; i++) {
        bool found = false;
        for (const char *const *k = known; *k && !found; k++)
            found = strcmp(*k, map->items[i]->key) == 0;
        if (!found)
            r = gw_yaml_fail(map->items[i], e, GW_ECONFIG, "\"%.80s\" is no field here", map->items[i]->key);
    }
    return r;
}
