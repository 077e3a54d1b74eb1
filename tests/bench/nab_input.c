#include "nab_input.h"

#include "base/buf.h"
#include "base/number.h"
#include "base/time.h"
#include "format/csv.h"
#include "format/json_tree.h"

#define FILE_BYTES_MAX ((size_t)16 << 20)

static int file_read(const char *path, gw_buf *b, gw_error *e)
{
    char piece[1 << 16];
    size_t n;
    FILE *f = fopen(path, "rb");

    if (!f)
        return gw_fail(e, GW_EIO, "%s cannot be opened", path);
    while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
        gw_buf_add(b, piece, n);
    bool bad = ferror(f);
    fclose(f);
    return bad ? gw_fail(e, GW_EIO, "%s cannot be read", path) : gw_buf_check(b, path, e);
}

/* "2014-02-26 13:45:00" with or without a fraction: RFC 3339 but for the blank. */
static int instant(gw_str text, int64_t *ret, gw_error *e)
{
    char t[GW_TIME_TEXT_MAX];
    if (text.n >= sizeof(t))
        return gw_fail(e, GW_ECORRUPT, "\"%.*s\" is no time", GW_STR_ARG(text));
    memcpy(t, text.p, text.n);
    t[text.n] = '\0';
    if (text.n > 10 && t[10] == ' ')
        t[10] = 'T';
    return gw_time_parse(t, 0, ret, e);
}

static int rows_read(const char *path, gw_arena *a, nab_series *s, gw_error *e)
{
    gw_buf text;
    static gw_csv c;
    int r;

    gw_buf_init(&text, FILE_BYTES_MAX);
    if ((r = file_read(path, &text, e))) {
        gw_buf_free(&text);
        return r;
    }
    s->at_ms = GW_NEW_ARRAY(a, int64_t, NAB_ROWS_MAX);
    s->value = GW_NEW_ARRAY(a, double, NAB_ROWS_MAX);
    gw_csv_init(&c, path, (gw_str){text.data, text.len});
    r = s->at_ms && s->value ? gw_csv_next(&c, e) : gw_fail_memory(e); /* the header */
    while (r >= 0 && (r = gw_csv_next(&c, e)) > 0) {
        if (s->n == NAB_ROWS_MAX)
            r = gw_fail(e, GW_ELIMIT, "%s has more than %d rows", path, NAB_ROWS_MAX);
        else if (!gw_parse_double(gw_csv_get(&c, 1), &s->value[s->n]))
            r = gw_csv_fail(&c, 1, e, GW_ECORRUPT, "no number");
        else if ((r = instant(gw_csv_get(&c, 0), &s->at_ms[s->n], e)) == 0)
            s->n++;
    }
    gw_csv_free(&c);
    gw_buf_free(&text);
    return r;
}

static int windows_read(json_t *list, nab_series *s, gw_error *e)
{
    size_t i;
    json_t *pair;
    json_array_foreach(list, i, pair)
    {
        const char *from = json_string_value(json_array_get(pair, 0)),
                   *to = json_string_value(json_array_get(pair, 1));
        int r;
        if (!from || !to || s->n_windows == NAB_WINDOWS_MAX)
            return gw_fail(e, GW_ECORRUPT, "the windows of %s are not pairs of times", s->name);
        if ((r = instant(gw_str_of(from), &s->window[s->n_windows].from_ms, e)) ||
            (r = instant(gw_str_of(to), &s->window[s->n_windows].to_ms, e)))
            return r;
        s->n_windows++;
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const nab_series *)a)->name, ((const nab_series *)b)->name);
}

static int series_read(const char *folder, json_t *windows, gw_arena *a, nab_series **ret, size_t *ret_n,
                       gw_error *e)
{
    nab_series *all = GW_NEW_ARRAY(a, nab_series, NAB_SERIES_MAX);
    size_t n = 0;
    const char *name;
    json_t *list;

    if (!all)
        return gw_fail_memory(e);
    json_object_foreach(windows, name, list)
    {
        if (n == NAB_SERIES_MAX)
            return gw_fail(e, GW_ELIMIT, "more than %d series", NAB_SERIES_MAX);
        const char *path = gw_arena_printf(a, "%s/%s", folder, name);
        snprintf(all[n].name, sizeof(all[n].name), "%s", strrchr(name, '/') ? strrchr(name, '/') + 1 : name);
        int r;
        if (!path)
            return gw_fail_memory(e);
        if ((r = rows_read(path, a, &all[n], e)) || (r = windows_read(list, &all[n], e)))
            return r;
        n++;
    }
    qsort(all, n, sizeof(*all), by_name);
    *ret = all;
    *ret_n = n;
    return 0;
}

int nab_load(const char *folder, gw_arena *a, nab_series **ret, size_t *ret_n, gw_error *e)
{
    gw_buf text;
    json_t *windows = NULL;
    const char *path = gw_arena_printf(a, "%s/realAWSCloudwatch_windows.json", folder);
    if (!path)
        return gw_fail_memory(e);
    gw_buf_init(&text, FILE_BYTES_MAX);
    int r = file_read(path, &text, e);
    if (!r)
        r = gw_json_tree_parse((gw_str){text.data, text.len}, &windows, e);
    if (!r)
        r = series_read(folder, windows, a, ret, ret_n, e);
    json_decref(windows);
    gw_buf_free(&text);
    return r;
}
