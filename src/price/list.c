#include "price/list.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"

gw_price price_row_empty(void)
{
    return (gw_price){
        .gpus = GW_UNKNOWN_COUNT,
        .gpu_milli = GW_UNKNOWN_COUNT,
        .gpu_memory_mib = GW_UNKNOWN_COUNT,
        .vcpu_milli = GW_UNKNOWN_COUNT,
        .memory_mib = GW_UNKNOWN_COUNT,
        .hourly = GW_MICRO_UNKNOWN,
        .gpu_hourly = GW_MICRO_UNKNOWN,
    };
}

price_note price_note_empty(uint32_t file, uint32_t line)
{
    return (price_note){.file = file, .line = line, .discount = -1};
}

bool price_text(gw_price_list *l, gw_str s, const char **ret)
{
    *ret = s.n ? gw_intern(&l->pool, s) : NULL;
    return s.n == 0 || *ret;
}

const price_instance *price_instance_of(const gw_price_list *l, const char *type)
{
    uint32_t i = type ? gw_map_get(&l->by_type, gw_str_of(type)) : GW_NONE;
    return i == GW_NONE ? NULL : &l->instances[i];
}

static void fill(int64_t *count, int64_t from)
{
    if (*count == GW_UNKNOWN_COUNT)
        *count = from;
}

static void fill_hardware(const gw_price_list *l, gw_price *row)
{
    const price_instance *i = price_instance_of(l, row->instance_type);
    /* a row that says otherwise is about another thing, and nothing else of the table is true of it then */
    if (i && (row->gpus == GW_UNKNOWN_COUNT || row->gpus == i->gpus)) {
        if (row->provider == GW_PROVIDER_UNKNOWN)
            row->provider = i->provider;
        if (!row->gpu || strcmp(row->gpu, gw_gpu_family(i->gpu)) == 0)
            row->gpu = i->gpu;
        fill(&row->gpus, i->gpus);
        fill(&row->gpu_milli, i->gpu_milli);
        fill(&row->gpu_memory_mib, i->gpu_memory_mib);
        fill(&row->vcpu_milli, i->vcpu_milli);
        fill(&row->memory_mib, i->memory_mib);
    } else if (row->gpus > 0) {
        fill(&row->gpu_milli, row->gpus * 1000);
    }
}

int price_list_add_row(gw_price_list *l, const gw_price *row, const price_note *note, gw_error *e)
{
    void *rows = l->rows, *notes = l->notes;
    int r = gw_grow(&rows, &l->cap_rows, l->n_rows + 1, sizeof(*l->rows), GW_PRICE_MAX_ROWS);
    l->rows = rows;
    if (!r)
        r = gw_grow(&notes, &l->cap_notes, l->n_rows + 1, sizeof(*l->notes), GW_PRICE_MAX_ROWS);
    l->notes = notes;
    if (r == GW_ELIMIT)
        return gw_fail(e, r, "%s: more than %d prices in all: give only the ones of your instance types",
                       l->file[note->file], GW_PRICE_MAX_ROWS);
    if (r)
        return gw_fail_memory(e);
    l->rows[l->n_rows] = *row;
    l->notes[l->n_rows] = *note;
    fill_hardware(l, &l->rows[l->n_rows]);
    l->n_rows++;
    return 0;
}

bool price_provider_parse(gw_str s, gw_provider *ret)
{
    static const struct {
        const char *word;
        gw_provider provider;
    } words[] = {{"", GW_PROVIDER_UNKNOWN},        {"aws", GW_PROVIDER_AWS},
                 {"azure", GW_PROVIDER_AZURE},     {"gcp", GW_PROVIDER_GCP},
                 {"gce", GW_PROVIDER_GCP},         {"on-premises", GW_PROVIDER_ON_PREM},
                 {"on-prem", GW_PROVIDER_ON_PREM}, {"other", GW_PROVIDER_UNKNOWN}};
    for (size_t i = 0; i < GW_COUNT(words); i++) {
        if (s.n == strlen(words[i].word) && strncasecmp(s.p, words[i].word, s.n) == 0) {
            *ret = words[i].provider;
            return true;
        }
    }
    return false;
}

bool price_capacity_parse(gw_str s, gw_capacity *ret)
{
    static const struct {
        const char *word;
        gw_capacity capacity;
    } words[] = {{"", GW_CAPACITY_UNKNOWN},
                 {"any", GW_CAPACITY_UNKNOWN},
                 {"on-demand", GW_CAPACITY_ON_DEMAND},
                 {"on_demand", GW_CAPACITY_ON_DEMAND},
                 {"ondemand", GW_CAPACITY_ON_DEMAND},
                 {"spot", GW_CAPACITY_SPOT},
                 {"reserved", GW_CAPACITY_RESERVED}};
    for (size_t i = 0; i < GW_COUNT(words); i++) {
        if (s.n == strlen(words[i].word) && strncasecmp(s.p, words[i].word, s.n) == 0) {
            *ret = words[i].capacity;
            return true;
        }
    }
    return false;
}

bool price_is_pattern(const char *s)
{
    return strpbrk(s, "*?") != NULL;
}

static int lower(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

bool price_matches(const char *pattern, const char *text)
{
    /* one place to come back to is enough: a later star never needs an earlier one to take more */
    const char *star = NULL, *from = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            from = text;
        } else if (*pattern == '?' || (*pattern && lower(*pattern) == lower(*text))) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

const char *price_family(const char *type, size_t *n)
{
    const char *azure = "Standard_";
    if (strncasecmp(type, azure, strlen(azure)) == 0) {
        type += strlen(azure);
        *n = 0;
        while ((type[*n] >= 'A' && type[*n] <= 'Z') || (type[*n] >= 'a' && type[*n] <= 'z'))
            ++*n;
        return type;
    }
    *n = strcspn(type, ".-");
    if (type[*n] == '\0')
        *n = 0;
    return type;
}

void gw_price_list_free(gw_price_list *l)
{
    if (!l)
        return;
    gw_pool_free(&l->pool);
    gw_arena_free(&l->arena);
    gw_map_free(&l->by_type);
    gw_free(l->rows);
    gw_free(l->notes);
    gw_free(l->discounts);
    gw_free(l->spots);
    gw_free(l->classes);
    gw_free(l->regions);
    gw_free(l->instances);
    gw_free(l);
}

static int check_share(double share, const char *what, gw_error *e)
{
    if (share >= 0 && share <= 1)
        return 0;
    return gw_fail(e, GW_EUSAGE, "%s must be between 0 and 1 (0 %% and 100 %%)", what);
}

int gw_price_list_new(const gw_price_options *o, gw_price_list **ret, gw_error *e)
{
    int r = check_share(o->discount, "the negotiated discount", e);
    if (!r)
        r = check_share(o->spot_discount, "the spot discount", e);
    if (r)
        return r;
    gw_price_list *l = gw_calloc(1, sizeof(*l));
    if (!l)
        return gw_fail_memory(e);
    l->o = *o;
    gw_pool_init(&l->pool);
    gw_arena_init(&l->arena, GW_PRICE_FILE_MAX);
    gw_map_init(&l->by_type);
    l->ratio = GW_PRICE_RATIO_DEFAULT;
    for (size_t i = 0; i < PRICE_PROVIDERS; i++)
        l->control_plane[i] = GW_MICRO_UNKNOWN;
    l->file[l->n_files++] = "catalogue";
    if (!price_text(l, gw_str_of(o->default_region), &l->o.default_region))
        r = gw_fail_memory(e);
    if (!r)
        r = price_read_instances(l, (gw_str){price_instances_csv, price_instances_csv_size}, e);
    if (!r && !o->no_catalogue)
        r = price_read_csv(l, PRICE_CATALOGUE_FILE, (gw_str){price_catalogue_csv, price_catalogue_csv_size},
                           e);
    if (r) {
        gw_price_list_free(l);
        return r;
    }
    *ret = l;
    return 0;
}

const gw_price *gw_price_rows(const gw_price_list *l, size_t *ret_n)
{
    *ret_n = l->n_rows;
    return l->rows;
}

/* The first line that says something: no blanks, comment or document start. */
static gw_str first_line(gw_str t)
{
    if (t.n >= 3 && memcmp(t.p, "\xef\xbb\xbf", 3) == 0)
        t = (gw_str){t.p + 3, t.n - 3};
    while (t.n) {
        size_t n = 0;
        while (n < t.n && t.p[n] != '\n' && t.p[n] != '\r')
            n++;
        gw_str line = {t.p, n};
        while (line.n && (line.p[0] == ' ' || line.p[0] == '\t'))
            line = (gw_str){line.p + 1, line.n - 1};
        if (line.n && line.p[0] != '#' && !(line.n >= 3 && memcmp(line.p, "---", 3) == 0))
            return line;
        n += n < t.n;
        t = (gw_str){t.p + n, t.n - n};
    }
    return (gw_str){"", 0};
}

/* No header that is known has a colon or a brace in it; YAML and JSON have one in the first line. */
static bool is_yaml(gw_str text)
{
    gw_str line = first_line(text);
    for (size_t i = 0; i < line.n && line.p[i] != ','; i++)
        if (line.p[i] == ':' || line.p[i] == '{')
            return true;
    return false;
}

int gw_price_list_add_text(gw_price_list *l, const char *name, gw_str text, gw_error *e)
{
    if (text.n > GW_PRICE_FILE_MAX)
        return gw_fail(e, GW_ELIMIT, "%s is larger than %zu MiB, the most that gpuwise takes", name,
                       GW_PRICE_FILE_MAX >> 20);
    if (l->n_files > GW_PRICE_MAX_FILES)
        return gw_fail(e, GW_ELIMIT, "%s: more than %d price files", name, GW_PRICE_MAX_FILES);
    if (first_line(text).n == 0)
        return gw_fail(e, GW_ECONFIG, "%s: the file is empty; docs/guide/prices.md has the formats", name);
    gw_price_list before = *l;
    uint32_t file = l->n_files;
    if (!price_text(l, gw_str_of(name), &l->file[file]) || !l->file[file])
        return gw_fail_memory(e);
    l->n_files++;
    int r = is_yaml(text) ? price_read_yaml(l, file, text, e) : price_read_csv(l, file, text, e);
    if (r) {
        /* counts and settings go back; arrays may have moved, and what was interned stays until the end */
        l->n_rows = before.n_rows;
        l->n_discounts = before.n_discounts;
        l->n_spots = before.n_spots;
        l->n_classes = before.n_classes;
        l->n_regions = before.n_regions;
        l->n_files = before.n_files;
        l->ratio = before.ratio;
        memcpy(l->control_plane, before.control_plane, sizeof(before.control_plane));
        memcpy(l->control_plane_source, before.control_plane_source, sizeof(before.control_plane_source));
    }
    return r;
}

static int read_all(int fd, const char *path, gw_buf *b, gw_error *e)
{
    char chunk[65536];
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return gw_fail(e, GW_EIO, "cannot read the price file %s: %s", path, strerror(errno));
        if (n == 0)
            return gw_buf_check(b, path, e);
        gw_buf_add(b, chunk, (size_t)n);
        if (b->failed)
            return gw_buf_check(b, path, e);
    }
}

int gw_price_list_add_file(gw_price_list *l, const char *path, gw_error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return gw_fail(e, GW_EIO, "cannot open the price file %s: %s", path, strerror(errno));
    gw_buf b;
    gw_buf_init(&b, GW_PRICE_FILE_MAX);
    int r = read_all(fd, path, &b, e);
    close(fd);
    if (!r)
        r = gw_price_list_add_text(l, path, (gw_str){b.data ? b.data : "", b.len}, e);
    gw_buf_free(&b);
    return r;
}
