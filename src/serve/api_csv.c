/* Tables as CSV, made from the JSON that says the same: one place decides what a table holds. */
#include "format/csv.h"
#include "format/json_tree.h"
#include "serve/api_internal.h"

#define PATH_DEPTH_MAX 8
#define DECIMALS       6

/* The value of "a.b" or "a.0" below v; NULL where there is none. */
static const json_t *value_at(const json_t *v, const char *path)
{
    for (int depth = 0; v && *path && depth < PATH_DEPTH_MAX; depth++) {
        size_t n = strcspn(path, ".");
        char name[64];
        if (n >= sizeof(name))
            return NULL;
        snprintf(name, sizeof(name), "%.*s", (int)n, path);
        v = json_is_array(v) ? json_array_get(v, (size_t)strtoul(name, NULL, 10)) : json_object_get(v, name);
        path += n + (path[n] == '.');
    }
    return v;
}

/* Empty where it is not known; lists and objects are no cells. */
static void put_cell(gw_buf *b, const json_t *v)
{
    char text[GW_DECIMAL_TEXT_MAX];
    if (json_is_string(v))
        gw_csv_write_field(b, (gw_str){json_string_value(v), json_string_length(v)}, true);
    else if (json_is_integer(v))
        gw_buf_printf(b, "%" PRId64, (int64_t)json_integer_value(v));
    else if (json_is_real(v))
        gw_buf_puts(b, gw_decimal_format(json_real_value(v), DECIMALS, true, text));
    else if (json_is_boolean(v))
        gw_buf_puts(b, json_is_true(v) ? "true" : "false");
}

static void put_row(gw_buf *b, const json_t *row, const json_t *around, const gw_csv_column *columns,
                    size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *path = columns[i].path;
        if (i)
            gw_buf_putc(b, ',');
        put_cell(b, *path == '^' ? value_at(around, path + 1) : value_at(row, path));
    }
    gw_buf_putc(b, '\n');
}

int gw_api_csv(gw_str json, const char *outer, const char *inner, const gw_csv_column *columns, size_t n,
               gw_buf *b, gw_error *e)
{
    json_t *root = NULL;
    int rc = gw_json_tree_parse(json, &root, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) {
        if (i)
            gw_buf_putc(b, ',');
        gw_csv_write_field(b, gw_str_of(columns[i].title), true);
    }
    gw_buf_putc(b, '\n');
    const json_t *items = json_object_get(root, outer);
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i), *rows = inner ? json_object_get(item, inner) : NULL;
        if (!inner)
            put_row(b, item, root, columns, n);
        for (size_t r = 0; r < json_array_size(rows); r++)
            put_row(b, json_array_get(rows, r), item, columns, n);
    }
    json_decref(root);
    return gw_buf_check(b, "the table", e);
}

int gw_api_table(gw_api_call *c, int (*json)(gw_api_call *c, gw_buf *b, gw_error *e), const char *outer,
                 const char *inner, const gw_csv_column *columns, size_t n, gw_buf *b, gw_error *e)
{
    gw_buf text;
    if (!c->csv)
        return json(c, b, e);
    gw_buf_init(&text, GW_BLOB_MAX);
    int rc = json(c, &text, e);
    if (rc == 0)
        rc = gw_api_csv((gw_str){text.data, text.len}, outer, inner, columns, n, b, e);
    gw_buf_free(&text);
    return rc;
}
