#include "act/export_internal.h"
#include "base/utf8.h"

#define SLUG_MAX 80

int gw_act_add(gw_act *a, const char *path, gw_buf *b, gw_error *e)
{
    gw_files *f = a->files;
    int rc = gw_buf_check(b, path, e);
    if (rc)
        return rc;
    if (f->n == GW_EXPORT_FILES_MAX)
        return gw_fail(e, GW_ELIMIT,
                       "%s would be more than %d files: export fewer actions at once, with --only",
                       a->action->id, GW_EXPORT_FILES_MAX);
    if (f->n == f->cap) { /* the arena frees the outgrown array with the rest */
        size_t cap = f->cap ? 2 * f->cap : 16;
        gw_file *items = GW_NEW_ARRAY(f->arena, gw_file, cap);
        if (!items)
            return gw_fail_memory(e);
        if (f->n)
            memcpy(items, f->items, f->n * sizeof(*items));
        f->items = items;
        f->cap = cap;
    }
    gw_file *file = &f->items[f->n];
    file->path = gw_arena_strdup(f->arena, path);
    file->text = gw_arena_strndup(f->arena, b->data ? b->data : "", b->len);
    file->n = b->len;
    if (!file->path || !file->text)
        return gw_fail_memory(e);
    f->n++;
    gw_buf_clear(b);
    return 0;
}

bool gw_act_has(const gw_act *a, const char *prefix)
{
    for (size_t i = 0; i < a->files->n; i++) {
        if (gw_has_prefix(a->files->items[i].path, prefix))
            return true;
    }
    return false;
}

int gw_act_caution(gw_act *a, gw_error *e, const char *format, ...)
{
    if (a->n_cautions == a->cap_cautions) {
        size_t cap = a->cap_cautions ? 2 * a->cap_cautions : 16;
        if (cap > GW_ACT_CAUTIONS_MAX)
            return 0; /* the first ten thousand say enough */
        const char **items = GW_NEW_ARRAY(a->arena, const char *, cap);
        if (!items)
            return gw_fail_memory(e);
        if (a->n_cautions)
            memcpy(items, a->cautions, a->n_cautions * sizeof(*items));
        a->cautions = items;
        a->cap_cautions = cap;
    }
    va_list ap, again;
    va_start(ap, format);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, format, ap);
    char *text = n < 0 ? NULL : gw_arena_alloc(a->arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    va_end(ap);
    if (!text)
        return gw_fail_memory(e);
    a->cautions[a->n_cautions++] = text;
    return 0;
}

/* ---- texts ---- */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

char *gw_act_slug(gw_arena *arena, const char *text)
{
    char out[SLUG_MAX + 1];
    size_t n = 0, length = strlen(text);
    bool lost = false;
    for (size_t i = 0; i < length && n < SLUG_MAX; i++) {
        char c = text[i];
        /* no "..", and no dot at the head of a part */
        bool keep = is_name_byte(c) && !(c == '.' && (n == 0 || out[n - 1] == '.' || out[n - 1] == '-'));
        lost |= !keep && c != '/' && c != ' ';
        c = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : keep ? c : '-';
        if (c != '-' || (n > 0 && out[n - 1] != '-'))
            out[n++] = c;
    }
    while (n > 0 && (out[n - 1] == '-' || out[n - 1] == '.'))
        n--;
    lost |= n == 0 || length > SLUG_MAX;
    out[n] = '\0';
    if (!lost)
        return gw_arena_strdup(arena, out);
    int most = GW_MIN((int)n, SLUG_MAX - 9);
    return gw_arena_printf(arena, "%.*s%s%08" PRIx32, most, out, n ? "-" : "",
                           (uint32_t)gw_hash(text, length));
}

char *gw_act_lower(gw_arena *arena, const char *text)
{
    char *out = gw_arena_strdup(arena, text);
    for (char *p = out; p && *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
    return out;
}

void gw_act_put_count(gw_buf *b, int64_t n, const char *one, const char *many)
{
    gw_buf_printf(b, "%" PRId64 " %s", n, n == 1 ? one : many);
}

static void put_character(gw_buf *b, uint32_t c)
{
    char bytes[4];
    gw_buf_add(b, bytes, gw_utf8_put(gw_utf8_is_control(c) ? GW_UTF8_REPLACEMENT : c, bytes));
}

static bool is_shell_safe(const char *s)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:=@%+,-";
    return *s && s[strspn(s, safe)] == '\0';
}

void gw_act_shell(gw_buf *b, const char *text)
{
    if (!text)
        return;
    if (is_shell_safe(text)) {
        gw_buf_puts(b, text);
        return;
    }
    gw_buf_putc(b, '\'');
    for (size_t at = 0, n = strlen(text); at < n;) {
        uint32_t c = gw_utf8_next((gw_str){text, n}, &at);
        if (c == '\'')
            gw_buf_puts(b, "'\\''");
        else
            put_character(b, c);
    }
    gw_buf_putc(b, '\'');
}

void gw_act_shell_of(gw_buf *b, const char *kind, const char *name)
{
    /* with the kind before it, no name is taken for an option */
    gw_buf word;
    gw_buf_init(&word, 4096);
    gw_buf_printf(&word, "%s/%s", kind, name);
    if (word.failed)
        b->failed = b->failed ? b->failed : word.failed;
    else
        gw_act_shell(b, word.data);
    gw_buf_free(&word);
}

void gw_act_prose(gw_buf *b, const char *text)
{
    for (size_t at = 0, n = text ? strlen(text) : 0; at < n;) {
        uint32_t c = gw_utf8_next((gw_str){text, n}, &at);
        if (c == '<')
            gw_buf_puts(b, "&lt;");
        else if (c < 0x80 && c && strchr("\\`*[]|", (int)c))
            gw_buf_printf(b, "\\%c", (char)c);
        else
            put_character(b, c);
    }
}

void gw_act_url(gw_buf *b, const char *text)
{
    for (const char *p = text; *p; p++) {
        bool plain = is_name_byte(*p) || (*p >= 'A' && *p <= 'Z') || *p == '_' || *p == '~';
        if (plain)
            gw_buf_putc(b, *p);
        else
            gw_buf_printf(b, "%%%02X", (unsigned)(unsigned char)*p);
    }
}

void gw_act_indent(gw_buf *b, const char *text, int indent)
{
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        gw_buf_printf(b, "%*s%.*s\n", n ? indent : 0, "", (int)n, line);
        line += n + (line[n] == '\n');
    }
}

void gw_act_object(gw_doc *d, const char *version, const char *kind, const char *ns, const char *name)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "apiVersion", version);
    gw_doc_text(d, "kind", kind);
    gw_doc_object(d, "metadata");
    gw_doc_text(d, "name", name);
    if (ns)
        gw_doc_text(d, "namespace", ns);
    gw_doc_object(d, "labels");
    gw_doc_text(d, "app.kubernetes.io/managed-by", GW_ACT_MANAGER);
    gw_doc_end(d);
    gw_doc_end(d);
}

/* ---- nodes ---- */

uint32_t gw_act_node_of(const gw_fleet *f, uint32_t gpu)
{
    if (gpu == GW_NONE)
        return GW_NONE;
    if (gpu & GW_HIRED)
        return GW_HIRED_NODE((gpu & ~GW_HIRED) >> 8);
    return gpu < f->n_gpus ? f->gpus[gpu].node : GW_NONE;
}

const char *gw_act_node_name(const gw_act *a, uint32_t node)
{
    if (node == GW_NONE)
        return "an unknown node";
    if (!(node & GW_HIRED))
        return node < a->fleet->n_nodes ? a->fleet->nodes[node].name : "an unknown node";
    const gw_change *c = &a->action->change;
    uint32_t k = node & ~GW_HIRED;
    const char *type = k < c->n_hires ? c->hires[k].instance_type : NULL;
    const char *name = type ? gw_arena_printf(a->arena, "a new %s", type) : NULL;
    return name ? name : "a new node";
}
