#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <unistd.h>

#include "act/change.h"
#include "format/json_tree.h"

#define PIECE_BYTES  ((size_t)64 * 1024) /* read at once */
#define PLACE_MAX    160                 /* of "change.moves[3].seats[0].to.gpu" in a message */
#define UNIT_KEY_MAX 1024

/* Where in the document: a chain on the stack, spelt out only when something is wrong there. */
typedef struct place {
    const struct place *up;
    const char *key; /* NULL: an item of a list */
    size_t index;
} place;

typedef struct reader {
    const char *name; /* of the file */
    const gw_fleet *f;
    gw_arena *arena;
    gw_map units; /* by unit_key; filled when the first one is looked up */
    bool have_units;
    const gw_hire *hires;
    size_t n_hires;
    gw_error *e;
} reader;

static void spell(const place *at, gw_buf *b)
{
    if (!at)
        return;
    spell(at->up, b);
    if (!at->key)
        gw_buf_printf(b, "[%zu]", at->index);
    else
        gw_buf_printf(b, "%s%s", b->len ? "." : "", at->key);
}

__attribute__((format(printf, 4, 5))) static int fail(const reader *r, const place *at, int code,
                                                      const char *format, ...)
{
    char what[GW_ERROR_MESSAGE_MAX / 2];
    gw_buf b;
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof(what), format, ap);
    va_end(ap);
    gw_buf_init(&b, PLACE_MAX);
    spell(at, &b);
    gw_fail(r->e, code, "%s: %s: %s", r->name, b.data ? b.data : "the document", what);
    gw_buf_free(&b);
    return code;
}

static int no_memory(const reader *r)
{
    return gw_fail_memory(r->e);
}

static const char *type_name(const json_t *v)
{
    switch (v ? json_typeof(v) : JSON_NULL) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    default:
        return v ? "null" : "not there";
    }
}

/* ---- members ---- */

/* Members beside the known ones are wrong: one that is misspelt must not be lost. known ends with NULL. */
static int expect_object(const reader *r, const place *at, const json_t *v, const char *const *known)
{
    const char *key;
    json_t *member;
    if (!json_is_object(v))
        return fail(r, at, GW_ECONFIG, "is %s, and wants to be an object", type_name(v));
    json_object_foreach((json_t *)v, key, member)
    {
        size_t i = 0;
        while (known[i] && strcmp(known[i], key) != 0)
            i++;
        if (!known[i])
            return fail(r, at, GW_ECONFIG, "has the member \"%.60s\", which nobody knows", key);
    }
    return 0;
}

#define KNOWN(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Absent and null are NULL where `optional`. The text is copied into the arena. */
static int read_text(const reader *r, const place *up, const json_t *o, const char *key, bool optional,
                     const char **ret)
{
    const json_t *v = json_object_get(o, key);
    place at = {up, key, 0};
    *ret = NULL;
    if (optional && (!v || json_is_null(v)))
        return 0;
    if (!json_is_string(v))
        return fail(r, &at, GW_ECONFIG, "is %s, and wants to be a text", type_name(v));
    *ret = gw_arena_strndup(r->arena, json_string_value(v), json_string_length(v));
    return *ret ? 0 : no_memory(r);
}

/* A count from `min` to `max`; null is GW_UNKNOWN_COUNT where `optional`. */
static int take_count(const reader *r, const place *at, const json_t *v, bool optional, int64_t min,
                      int64_t max, int64_t *ret)
{
    if (optional && (!v || json_is_null(v))) {
        *ret = GW_UNKNOWN_COUNT;
        return 0;
    }
    if (!json_is_integer(v))
        return fail(r, at, GW_ECONFIG, "is %s, and wants to be a whole number%s",
                    json_is_real(v) ? "a fraction" : type_name(v), optional ? " or null" : "");
    if (json_integer_value(v) < min || json_integer_value(v) > max)
        return fail(r, at, GW_ECONFIG, "is %" PRId64 ", and wants to be from %" PRId64 " to %" PRId64,
                    (int64_t)json_integer_value(v), min, max);
    *ret = json_integer_value(v);
    return 0;
}

static int read_count(const reader *r, const place *up, const json_t *o, const char *key, bool optional,
                      int64_t min, int64_t max, int64_t *ret)
{
    place at = {up, key, 0};
    return take_count(r, &at, json_object_get(o, key), optional, min, max, ret);
}

static int read_bool(const reader *r, const place *up, const json_t *o, const char *key, bool *ret)
{
    const json_t *v = json_object_get(o, key);
    place at = {up, key, 0};
    if (!json_is_boolean(v))
        return fail(r, &at, GW_ECONFIG, "is %s, and wants to be true or false", type_name(v));
    *ret = json_is_true(v);
    return 0;
}

static int read_money(const reader *r, const place *up, const json_t *o, const char *key, gw_micro *ret)
{
    const json_t *v = json_object_get(o, key);
    place at = {up, key, 0};
    *ret = GW_MICRO_UNKNOWN;
    if (!v || json_is_null(v))
        return 0;
    double usd = json_is_number(v) ? json_number_value(v) : -1;
    if (!(usd >= 0 && usd <= 1e9))
        return fail(r, &at, GW_ECONFIG, "wants to be an amount from 0 to 1,000,000,000 dollars, or null");
    *ret = llround(usd * (double)GW_USD);
    return 0;
}

/* One of the names that name_of gives for 0..n-1. */
static int read_word(const reader *r, const place *up, const json_t *o, const char *key,
                     const char *(*name_of)(int), int n, int *ret)
{
    const json_t *v = json_object_get(o, key);
    place at = {up, key, 0};
    if (!json_is_string(v))
        return fail(r, &at, GW_ECONFIG, "is %s, and wants to be a text", type_name(v));
    for (*ret = 0; *ret < n; ++*ret) {
        if (strcmp(json_string_value(v), name_of(*ret)) == 0)
            return 0;
    }
    return fail(r, &at, GW_ECONFIG, "is \"%.40s\"; known are \"%s\" to \"%s\"", json_string_value(v),
                name_of(0), name_of(n - 1));
}

static const char *form_name(int i)
{
    return gw_form_name((gw_form)i);
}

static const char *via_name(int i)
{
    return gw_via_name((gw_via)i);
}

static const char *provider_name(int i)
{
    return gw_provider_name((gw_provider)i);
}

static const char *capacity_name(int i)
{
    return gw_capacity_name((gw_capacity)i);
}

typedef int (*item_fn)(reader *r, const place *at, const json_t *v, void *item);

/* A list as an array in the arena; absent is empty. *n is its length. */
static int read_list(reader *r, const place *up, const json_t *o, const char *key, size_t size, size_t max,
                     item_fn take, void **ret, size_t *n)
{
    const json_t *list = json_object_get(o, key);
    place at = {up, key, 0};
    *ret = NULL;
    *n = 0;
    if (!list)
        return 0;
    if (!json_is_array(list))
        return fail(r, &at, GW_ECONFIG, "is %s, and wants to be a list", type_name(list));
    size_t length = json_array_size(list);
    if (length > max)
        return fail(r, &at, GW_ELIMIT, "has %zu entries; at most %zu are read", length, max);
    char *items = length ? gw_arena_alloc(r->arena, length * size) : NULL;
    if (length && !items)
        return no_memory(r);
    for (size_t i = 0; i < length; i++) {
        place item = {&at, NULL, i};
        int rc = take(r, &item, json_array_get(list, i), items + i * size);
        if (rc)
            return rc;
    }
    *ret = items;
    *n = length;
    return 0;
}

/* ---- names ---- */

static int find_hire(const reader *r, const place *at, const json_t *v, int64_t *ret)
{
    if (r->n_hires == 0)
        return fail(r, at, GW_ECONFIG, "names a hire, and there are none");
    return read_count(r, at, v, "hire", false, 0, (int64_t)r->n_hires - 1, ret);
}

static int take_node(reader *r, const place *at, const json_t *v, void *item)
{
    uint32_t *ret = item;
    const char *name, *cluster;
    int64_t hire = 0;
    int rc = expect_object(r, at, v, KNOWN("name", "cluster", "hire"));
    if (rc == 0 && json_object_get(v, "hire")) {
        rc = find_hire(r, at, v, &hire);
        if (rc == 0)
            *ret = GW_HIRED_NODE(hire);
        return rc;
    }
    if (rc == 0)
        rc = read_text(r, at, v, "name", false, &name);
    if (rc == 0)
        rc = read_text(r, at, v, "cluster", true, &cluster);
    if (rc)
        return rc;
    *ret = gw_fleet_find_node_in(r->f, gw_str_of(cluster), gw_str_of(name));
    return *ret != GW_NONE ? 0 : fail(r, at, GW_ECONFIG, "there is no node \"%.253s\" now", name);
}

static int read_node(reader *r, const place *up, const json_t *o, const char *key, uint32_t *ret)
{
    const json_t *v = json_object_get(o, key);
    place at = {up, key, 0};
    if (json_is_null(v)) {
        *ret = GW_NONE;
        return 0;
    }
    return take_node(r, &at, v, ret);
}

static int find_gpu(const reader *r, const place *at, const char *uuid, uint32_t *ret)
{
    *ret = gw_map_get(&r->f->by_uuid, gw_str_of(uuid));
    return *ret != GW_NONE ? 0 : fail(r, at, GW_ECONFIG, "there is no GPU \"%.80s\" now", uuid);
}

static int read_gpu(const reader *r, const place *up, const json_t *o, const char *key, bool optional,
                    uint32_t *ret)
{
    const json_t *v = json_object_get(o, key);
    place at = {up, key, 0};
    const char *uuid;
    int64_t hire = 0, board = 0;
    if (optional && json_is_null(v)) {
        *ret = GW_NONE;
        return 0;
    }
    int rc = expect_object(r, &at, v, KNOWN("uuid", "hire", "board"));
    if (rc == 0 && json_object_get(v, "hire")) {
        rc = find_hire(r, &at, v, &hire);
        if (rc == 0)
            rc = read_count(r, &at, v, "board", false, 0, GW_CHANGE_BOARDS_MAX - 1, &board);
        if (rc == 0)
            *ret = GW_HIRED_GPU(hire, board);
        return rc;
    }
    if (rc == 0)
        rc = read_text(r, &at, v, "uuid", false, &uuid);
    return rc ? rc : find_gpu(r, &at, uuid, ret);
}

static int read_pod(const reader *r, const place *up, const json_t *o, uint32_t *ret)
{
    const json_t *v = json_object_get(o, "pod");
    place at = {up, "pod", 0};
    const char *ns, *name, *cluster;
    *ret = GW_NONE;
    if (json_is_null(v))
        return 0;
    int rc = expect_object(r, &at, v, KNOWN("namespace", "name", "cluster"));
    if (rc == 0)
        rc = read_text(r, &at, v, "namespace", false, &ns);
    if (rc == 0)
        rc = read_text(r, &at, v, "name", false, &name);
    if (rc == 0)
        rc = read_text(r, &at, v, "cluster", true, &cluster);
    if (rc)
        return rc;
    *ret = gw_fleet_find_pod_in(r->f, gw_str_of(cluster), gw_str_of(ns), gw_str_of(name));
    if (*ret != GW_NONE)
        return 0;
    return fail(r, &at, GW_ECONFIG, "there is no pod \"%.63s/%.253s\" now; make the plan again", ns, name);
}

/* A unit's name as one key; false where it is too long for any of the fleet's. */
static bool unit_key(char out[UNIT_KEY_MAX], uint32_t gpu, uint32_t node, const char *profile,
                     const char *instance)
{
    int n = snprintf(out, UNIT_KEY_MAX, "%" PRIu32 "/%" PRIu32 "/%s/%s", gpu, gpu == GW_NONE ? node : 0,
                     profile ? profile : "", instance ? instance : "");
    return n > 0 && n < UNIT_KEY_MAX;
}

static int index_units(reader *r)
{
    char key[UNIT_KEY_MAX];
    for (uint32_t i = 0; i < r->f->n_units && !r->have_units; i++) {
        const gw_unit *u = &r->f->units[i];
        if (unit_key(key, u->gpu, u->node, u->mig_profile, u->mig_id) &&
            gw_map_set(&r->units, gw_str_of(key), i))
            return no_memory(r);
    }
    r->have_units = true;
    return 0;
}

static int read_unit(reader *r, const place *up, const json_t *o, uint32_t *ret)
{
    const json_t *v = json_object_get(o, "unit");
    place at = {up, "unit", 0};
    const char *uuid = NULL, *profile = NULL, *instance = NULL;
    uint32_t gpu = GW_NONE, node = GW_NONE;
    char key[UNIT_KEY_MAX];
    int rc = expect_object(r, &at, v, KNOWN("uuid", "profile", "instance", "node"));
    if (rc == 0 && json_object_get(v, "node")) {
        rc = read_node(r, &at, v, "node", &node);
    } else if (rc == 0) {
        rc = read_text(r, &at, v, "uuid", false, &uuid);
        if (rc == 0)
            rc = find_gpu(r, &at, uuid, &gpu);
        if (rc == 0)
            rc = read_text(r, &at, v, "profile", true, &profile);
        if (rc == 0)
            rc = read_text(r, &at, v, "instance", true, &instance);
    }
    if (rc == 0)
        rc = index_units(r);
    if (rc)
        return rc;
    *ret = unit_key(key, gpu, node, profile, instance) ? gw_map_get(&r->units, gw_str_of(key)) : GW_NONE;
    if (*ret == GW_NONE)
        return fail(r, &at, GW_ECONFIG, "%s is not handed out now",
                    profile ? "this MIG instance" : "this GPU");
    return 0;
}

/* ---- the parts of a change ---- */

static int take_hire(reader *r, const place *at, const json_t *v, void *item)
{
    gw_hire *h = item;
    int provider = 0, capacity = 0;
    const int64_t max = INT64_C(1) << 40;
    int rc = expect_object(r, at, v,
                           KNOWN("instanceType", "region", "zone", "provider", "capacity", "hourlyUsd", "gpu",
                                 "like", "gpus", "gpuMemoryMib", "cpuMilli", "memoryMib"));
    const struct {
        const char *key;
        const char **to;
    } texts[] = {{"instanceType", &h->instance_type},
                 {"region", &h->region},
                 {"zone", &h->zone},
                 {"gpu", &h->gpu},
                 {"like", &h->like}};
    for (size_t i = 0; rc == 0 && i < GW_COUNT(texts); i++)
        rc = read_text(r, at, v, texts[i].key, true, texts[i].to);
    const struct {
        const char *key;
        int64_t max, *to;
    } counts[] = {{"gpus", GW_CHANGE_BOARDS_MAX, &h->gpus},
                  {"gpuMemoryMib", max, &h->gpu_memory_mib},
                  {"cpuMilli", max, &h->cpu_milli},
                  {"memoryMib", max, &h->memory_mib}};
    for (size_t i = 0; rc == 0 && i < GW_COUNT(counts); i++)
        rc = read_count(r, at, v, counts[i].key, true, 0, counts[i].max, counts[i].to);
    if (rc == 0)
        rc = read_word(r, at, v, "provider", provider_name, GW_PROVIDER_ON_PREM + 1, &provider);
    if (rc == 0)
        rc = read_word(r, at, v, "capacity", capacity_name, GW_CAPACITY_RESERVED + 1, &capacity);
    if (rc == 0)
        rc = read_money(r, at, v, "hourlyUsd", &h->hourly);
    h->provider = (gw_provider)provider;
    h->capacity = (gw_capacity)capacity;
    return rc;
}

/* "parts" must suit the form, as gw_seat and gw_cut have it. */
static int read_parts(const reader *r, const place *at, const json_t *v, gw_form form, int *ret)
{
    bool many = form == GW_FORM_MPS || form == GW_FORM_TIME_SLICE;
    int64_t parts = 1;
    int rc = read_count(r, at, v, "parts", false, many ? 2 : 1, many ? GW_PLAN_PARTS_MAX : 1, &parts);
    *ret = (int)parts;
    return rc;
}

static int take_cut(reader *r, const place *at, const json_t *v, void *item)
{
    gw_cut *c = item;
    int form = 0, via = 0;
    int rc = expect_object(r, at, v, KNOWN("gpu", "form", "via", "parts", "layout", "wasLayout"));
    if (rc == 0)
        rc = read_gpu(r, at, v, "gpu", false, &c->gpu);
    if (rc == 0)
        rc = read_word(r, at, v, "form", form_name, GW_FORM_TIME_SLICE + 1, &form);
    if (rc == 0)
        rc = read_word(r, at, v, "via", via_name, GW_VIA_HAMI + 1, &via);
    c->form = (gw_form)form;
    c->via = (gw_via)via;
    if (rc == 0)
        rc = read_parts(r, at, v, c->form, &c->parts);
    if (rc == 0)
        rc = read_text(r, at, v, "layout", c->form != GW_FORM_MIG, &c->layout);
    return rc ? rc : read_text(r, at, v, "wasLayout", true, &c->was_layout);
}

static int read_pair(const reader *r, const place *up, const json_t *o, const char *key, int64_t ret[2])
{
    const json_t *v = json_object_get(o, key);
    place at = {up, key, 0};
    if (!json_is_array(v) || json_array_size(v) != 2)
        return fail(r, &at, GW_ECONFIG, "wants to be a list of two: what is, what should be");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        place side = {&at, NULL, i};
        rc = take_count(r, &side, json_array_get(v, i), true, 0, INT64_C(1) << 40, &ret[i]);
    }
    return rc;
}

static int take_resize(reader *r, const place *at, const json_t *v, void *item)
{
    gw_resize *z = item;
    int64_t pods = 0;
    int rc = expect_object(
        r, at, v, KNOWN("namespace", "kind", "name", "pods", "cpuMilli", "memoryMib", "ephemeralMib"));
    if (rc == 0)
        rc = read_text(r, at, v, "namespace", false, &z->ns);
    if (rc == 0)
        rc = read_text(r, at, v, "kind", false, &z->kind);
    if (rc == 0)
        rc = read_text(r, at, v, "name", false, &z->name);
    if (rc == 0)
        rc = read_count(r, at, v, "pods", false, 0, GW_FLEET_MAX_PODS, &pods);
    if (rc == 0)
        rc = read_pair(r, at, v, "cpuMilli", z->cpu_milli);
    if (rc == 0)
        rc = read_pair(r, at, v, "memoryMib", z->memory_mib);
    if (rc == 0)
        rc = read_pair(r, at, v, "ephemeralMib", z->ephemeral_mib);
    z->pods = (uint32_t)pods;
    return rc;
}

/* The share follows from the form; a profile that no board has would have none. */
static int share_of(const reader *r, const place *at, gw_seat *s)
{
    s->share = 1.0 / s->parts;
    if (s->form != GW_FORM_MIG)
        return 0;
    const char *model = s->gpu == GW_NONE   ? NULL
                        : s->gpu & GW_HIRED ? r->hires[(s->gpu & ~GW_HIRED) >> 8].gpu
                                            : r->f->gpus[s->gpu].model;
    s->share = gw_mig_weight(model, s->profile);
    return s->share > 0 ? 0 : fail(r, at, GW_ECONFIG, "\"%.40s\" is no MIG profile", s->profile);
}

static int read_seat(const reader *r, const place *up, const json_t *o, const char *key, gw_seat *s)
{
    const json_t *v = json_object_get(o, key);
    place at = {up, key, 0};
    int form = 0;
    int64_t start = -1;
    int rc =
        expect_object(r, &at, v, KNOWN("gpu", "form", "parts", "profile", "start", "share", "memoryMib"));
    if (rc == 0)
        rc = read_gpu(r, &at, v, "gpu", true, &s->gpu);
    if (rc == 0)
        rc = read_word(r, &at, v, "form", form_name, GW_FORM_TIME_SLICE + 1, &form);
    s->form = (gw_form)form;
    if (rc == 0)
        rc = read_parts(r, &at, v, s->form, &s->parts);
    if (rc == 0)
        rc = read_text(r, &at, v, "profile", s->form != GW_FORM_MIG, &s->profile);
    if (rc == 0)
        rc = read_count(r, &at, v, "start", true, 0, 31, &start);
    if (rc == 0)
        rc = read_count(r, &at, v, "memoryMib", true, 0, INT64_C(1) << 40, &s->memory_mib);
    s->start = (int)start;
    return rc ? rc : share_of(r, &at, s);
}

typedef struct seat_row {
    uint32_t unit;
    gw_seat was, to;
} seat_row;

static int take_seat_row(reader *r, const place *at, const json_t *v, void *item)
{
    seat_row *s = item;
    int rc = expect_object(r, at, v, KNOWN("unit", "was", "to"));
    if (rc == 0)
        rc = read_unit(r, at, v, &s->unit);
    if (rc == 0)
        rc = read_seat(r, at, v, "was", &s->was);
    return rc ? rc : read_seat(r, at, v, "to", &s->to);
}

/* From rows, as the file has them, to the columns of gw_move. */
static int spread_rows(const reader *r, const seat_row *rows, size_t n, gw_move *m)
{
    uint32_t *units = GW_NEW_ARRAY(r->arena, uint32_t, n);
    gw_seat *was = GW_NEW_ARRAY(r->arena, gw_seat, n), *to = GW_NEW_ARRAY(r->arena, gw_seat, n);
    if (!units || !was || !to)
        return no_memory(r);
    for (size_t i = 0; i < n; i++) {
        units[i] = rows[i].unit;
        was[i] = rows[i].was;
        to[i] = rows[i].to;
    }
    m->units = units;
    m->was = was;
    m->to = to;
    m->n_units = (uint32_t)n;
    return 0;
}

static int take_move(reader *r, const place *at, const json_t *v, void *item)
{
    gw_move *m = item;
    void *rows = NULL;
    size_t n = 0;
    int rc = expect_object(r, at, v, KNOWN("pod", "from", "node", "restarts", "seats"));
    if (rc == 0)
        rc = read_pod(r, at, v, &m->pod);
    if (rc == 0)
        rc = read_node(r, at, v, "from", &m->from);
    if (rc == 0)
        rc = read_node(r, at, v, "node", &m->node);
    if (rc == 0)
        rc = read_bool(r, at, v, "restarts", &m->restarts);
    if (rc == 0)
        rc = read_list(r, at, v, "seats", sizeof(seat_row), GW_CHANGE_PARTS_MAX, take_seat_row, &rows, &n);
    return rc || n == 0 ? rc : spread_rows(r, rows, n, m);
}

static int read_change(reader *r, const json_t *v, gw_change *c)
{
    static const char *const known[] = {"hires", "cuts", "resizes", "moves", "releases", NULL};
    const place at = {NULL, "change", 0};
    void *items = NULL;
    int rc = expect_object(r, &at, v, known);
    if (rc == 0)
        rc = read_list(r, &at, v, "hires", sizeof(gw_hire), GW_HIRES_MAX, take_hire, &items, &c->n_hires);
    c->hires = r->hires = items;
    r->n_hires = c->n_hires;
    if (rc == 0)
        rc = read_list(r, &at, v, "cuts", sizeof(gw_cut), GW_CHANGE_PARTS_MAX, take_cut, &items, &c->n_cuts);
    c->cuts = items;
    if (rc == 0)
        rc = read_list(r, &at, v, "resizes", sizeof(gw_resize), GW_CHANGE_PARTS_MAX, take_resize, &items,
                       &c->n_resizes);
    c->resizes = items;
    if (rc == 0)
        rc = read_list(r, &at, v, "moves", sizeof(gw_move), GW_CHANGE_PARTS_MAX, take_move, &items,
                       &c->n_moves);
    c->moves = items;
    if (rc == 0)
        rc = read_list(r, &at, v, "releases", sizeof(uint32_t), GW_CHANGE_PARTS_MAX, take_node, &items,
                       &c->n_released);
    c->released = items;
    return rc;
}

static int read_document(reader *r, const json_t *root, gw_change *c)
{
    const char *version, *kind;
    int64_t schema = 0;
    if (!json_is_object(root))
        return fail(r, NULL, GW_ECONFIG, "is %s, and no action.json", type_name(root));
    int rc = read_text(r, NULL, root, "apiVersion", true, &version);
    if (rc == 0)
        rc = read_text(r, NULL, root, "kind", true, &kind);
    if (rc)
        return rc;
    if (!gw_eq(version, "gpuwise/v1") || !gw_eq(kind, "Action"))
        return fail(r, NULL, GW_ECONFIG,
                    "is no action: apiVersion wants to be gpuwise/v1 and kind Action; give the action.json "
                    "that 'plan --export' wrote");
    rc = read_count(r, NULL, root, "schemaVersion", false, GW_CHANGE_SCHEMA, GW_CHANGE_SCHEMA, &schema);
    return rc ? rc : read_change(r, json_object_get(root, "change"), c);
}

static int take_document(const char *name, const json_t *root, const gw_fleet *f, gw_arena *arena,
                         gw_change *ret, gw_error *e)
{
    reader r = {.name = name, .f = f, .arena = arena, .e = e};
    gw_change c = {0};
    gw_map_init(&r.units);
    int rc = read_document(&r, root, &c);
    gw_map_free(&r.units);
    if (rc == 0)
        *ret = c;
    return rc;
}

int gw_change_parse(const char *name, gw_str text, const gw_fleet *f, gw_arena *arena, gw_change *ret,
                    gw_error *e)
{
    json_t *root = NULL;
    int rc = gw_json_tree_parse(text, &root, e);
    if (rc)
        return gw_error_prefix(e, "%s", name), rc;
    rc = take_document(name, root, f, arena, ret, e);
    json_decref(root);
    return rc;
}

/* ---- the file ---- */

static int feed_file(int fd, const char *path, gw_json_tree *t, gw_error *e)
{
    char *piece = gw_malloc(PIECE_BYTES);
    size_t total = 0;
    int rc = piece ? 0 : gw_fail_memory(e);
    while (rc == 0) {
        ssize_t n = read(fd, piece, PIECE_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            rc = n < 0 ? gw_fail(e, GW_EIO, "cannot read %s: %s", path, strerror(errno)) : 0;
            break;
        }
        total += (size_t)n;
        if (total > GW_CHANGE_BYTES_MAX) {
            rc = gw_fail(e, GW_ELIMIT, "%s: is larger than %zu MiB", path, GW_CHANGE_BYTES_MAX >> 20);
        } else {
            rc = gw_json_tree_feed(t, piece, (size_t)n, e);
            if (rc)
                gw_error_prefix(e, "%s", path);
        }
    }
    gw_free(piece);
    return rc;
}

int gw_change_read(const char *path, const gw_fleet *f, gw_arena *arena, gw_change *ret, gw_error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return gw_fail(e, GW_EIO, "cannot open %s: %s", path, strerror(errno));
    gw_json_tree t;
    json_t *root = NULL;
    gw_json_tree_init(&t, NULL);
    int rc = feed_file(fd, path, &t, e);
    close(fd);
    if (rc == 0) {
        rc = gw_json_tree_finish(&t, &root, e);
        if (rc == GW_ETIMEOUT)
            rc = gw_fail(e, GW_ECORRUPT, "%s: the JSON text is cut off", path);
        else if (rc)
            gw_error_prefix(e, "%s", path);
    }
    gw_json_tree_free(&t);
    if (rc == 0)
        rc = take_document(path, root, f, arena, ret, e);
    json_decref(root);
    return rc;
}
