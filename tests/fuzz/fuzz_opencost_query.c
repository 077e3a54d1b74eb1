/*
 * Parameters of OpenCost's API as "name=value&name=value", read and carried out on a few leaves. Whatever
 * they say: an error has a message; spans follow each other and cover the window; and without a filter, with
 * idle included, the set's money is that of all leaves, shared or not.
 */
#include "serve/opencost.h"
#include "serve/window_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
    do {                                                                                                     \
        if (!(x))                                                                                            \
            abort();                                                                                         \
    } while (0)

#define NOW        ((int64_t)1795274177000)
#define PARAMS_MAX 16

static const char *label(const gw_oc_leaf *x, const char *name)
{
    return x->pod && strlen(name) % 2 ? name : NULL;
}

static const gw_oc_leaf leaves[] = {
    {.kind = GW_LEAF_HELD,
     .cluster = "c",
     .node = "n1",
     .ns = "nlp",
     .pod = "chat-0",
     .controller_kind = "Deployment",
     .controller = "chat",
     .team = "nlp",
     .label = label,
     .bill = 40000001,
     .gpu_ms = 7e7,
     .used_ms = 1e7,
     .known_ms = 2e7},
    {.kind = GW_LEAF_HELD,
     .cluster = "d",
     .node = "n2",
     .ns = "cv",
     .pod = "train",
     .bill = 3,
     .gpu_ms = 1,
     .cpu_core_ms = -1},
    {.kind = GW_LEAF_IDLE, .cluster = "c", .node = "n1", .bill = 20000000, .gpu_ms = 1e7},
    {.kind = GW_LEAF_IDLE, .cluster = "e", .node = "n3", .bill = 7, .unpriced_ms = 1e7, .gpu_ms = 1e7},
    {.kind = GW_LEAF_OVERHEAD, .cluster = "c", .bill = 100},
};

/* Takes the text apart in place. */
static size_t take_apart(char *text, gw_oc_param params[PARAMS_MAX])
{
    size_t n = 0;
    for (char *next = text; next && n < PARAMS_MAX;) {
        char *pair = next, *equals = strchr(pair, '=');
        next = strchr(pair, '&');
        if (next)
            *next++ = '\0';
        if (equals && (!next || equals < next)) {
            *equals = '\0';
            params[n++] = (gw_oc_param){pair, equals + 1};
        }
    }
    return n;
}

static void carry_out(const gw_oc_query *q, gw_interval window)
{
    gw_oc_set s;
    gw_buf b;
    gw_doc d;
    gw_error e = {0};
    gw_micro all = 0;
    gw_oc_set_init(&s, q, window);
    gw_buf_init(&b, 1 << 20);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    for (size_t i = 0; i < GW_COUNT(leaves); i++) {
        all += leaves[i].bill;
        CHECK(gw_oc_set_add(&s, &leaves[i], &e) == 0);
    }
    CHECK(gw_oc_set_finish(&s, &e) == 0);
    if (q->n_terms == 0 && (q->include_idle || q->share_idle))
        CHECK(gw_oc_set_total(&s) == all);
    CHECK(gw_oc_set_total(&s) >= 0 && gw_oc_set_total(&s) <= all);
    CHECK(gw_oc_set_write(&s, &d, &e) == 0 && gw_doc_finish(&d, &e) == 0);
    gw_buf_free(&b);
    gw_oc_set_free(&s);
}

static void check_spans(const gw_oc_query *q, gw_arena *arena)
{
    gw_interval *w = NULL;
    size_t n = 0;
    gw_error e = {0};
    int rc = gw_oc_spans(q, arena, &w, &n, &e);
    CHECK(rc == 0 || (rc == GW_ELIMIT && e.message[0]));
    if (rc)
        return;
    CHECK(n >= 1 && n <= GW_OC_SETS_MAX);
    CHECK(w[0].start_ms <= q->window.start_ms && w[n - 1].end_ms >= q->window.end_ms);
    for (size_t i = 0; i < n; i++)
        CHECK(w[i].start_ms < w[i].end_ms && (i == 0 || w[i].start_ms == w[i - 1].end_ms));
    carry_out(q, w[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_oc_param params[PARAMS_MAX];
    gw_arena arena;
    gw_error e = {0};
    if (size > 65536)
        return 0;
    gw_arena_init(&arena, 0);
    char *text = gw_arena_strndup(&arena, (const char *)data, size);
    gw_oc_query *q = GW_NEW(&arena, gw_oc_query);
    CHECK(text && q);
    size_t n = take_apart(text, params);
    int rc = gw_oc_query_read(params, n, NOW, &arena, q, &e);
    CHECK(rc == 0 || (rc == e.code && e.message[0]));
    if (rc == 0)
        check_spans(q, &arena);
    for (size_t i = 0; i < n; i++) {
        gw_interval w;
        if (gw_window_words_parse(params[i].value, GW_WINDOW_WORDS_OURS, NOW, &w, &e) == 0)
            CHECK(w.end_ms > w.start_ms);
    }
    gw_arena_free(&arena);
    return 0;
}
