#include "store/leaves.h"

#include "base/mem.h"
#include "base/time.h"

/* A text is most often the very one of a leaf nearby, by its address: this saves looking it up by its bytes.
 */
#define SEEN_SLOTS 4096

typedef struct seen {
    const char *text;
    uint32_t id;
} seen;

static int check(const gw_hour *h, gw_error *e)
{
    if (!h->cluster || !h->cluster[0] || strlen(h->cluster) > GW_CLUSTER_BYTES_MAX)
        return gw_fail(e, GW_EUSAGE, "an hour without the name of its cluster (1 to %zu bytes)",
                       GW_CLUSTER_BYTES_MAX);
    if (h->start_ms < 0 || h->start_ms % GW_HOUR_MS != 0)
        return gw_fail(e, GW_EUSAGE, "cluster %s: %" PRId64 " ms is not the start of an hour", h->cluster,
                       h->start_ms);
    if (h->n_leaves > GW_HOUR_LEAVES_MAX)
        return gw_fail(e, GW_ELIMIT, "cluster %s: an hour of %zu leaves; the store takes %zu", h->cluster,
                       h->n_leaves, GW_HOUR_LEAVES_MAX);
    for (size_t i = 0; i < h->n_leaves; i++)
        if ((unsigned)h->leaves[i].kind > GW_LEAF_OVERHEAD)
            return gw_fail(e, GW_EUSAGE, "cluster %s: leaf %zu is of no kind that there is", h->cluster, i);
    return 0;
}

int gw_leaf_texts_make(const gw_hour *h, gw_leaf_texts *ret, gw_error *e)
{
    gw_leaf_texts t = {.n = h->n_leaves};
    int rc = check(h, e);
    if (rc)
        return rc;
    seen *cache = gw_calloc(SEEN_SLOTS, sizeof(*cache));
    t.ids = gw_malloc(GW_N_TEXT_DIMS * GW_MAX(t.n, (size_t)1) * sizeof(*t.ids));
    gw_texts_init(&t.texts);
    if (!cache || !t.ids)
        rc = gw_fail_memory(e);
    for (size_t d = 0; rc == 0 && d < GW_N_TEXT_DIMS; d++) {
        uint32_t *id = t.ids + d * t.n;
        for (size_t i = 0; rc == 0 && i < t.n; i++) {
            const char *text = h->leaves[i].dim[d + 1];
            text = text ? text : "";
            seen *s = &cache[((uintptr_t)text >> 3 ^ (uintptr_t)text >> 15) % SEEN_SLOTS];
            if (s->text != text) {
                rc = gw_texts_add(&t.texts, gw_str_of(text), &s->id, e);
                s->text = rc ? NULL : text;
            }
            id[i] = s->id;
        }
    }
    gw_free(cache);
    if (rc)
        gw_leaf_texts_free(&t);
    else
        *ret = t;
    return rc;
}

void gw_leaf_texts_free(gw_leaf_texts *t)
{
    gw_texts_free(&t->texts);
    gw_free(t->ids);
    *t = (gw_leaf_texts){0};
}

/* ---- the digest ---- */

typedef unsigned __int128 u128;

/* A round of multiply and fold; the constants are odd numbers without a pattern (digits of the golden ratio
 * and of pi). */
static u128 mix(u128 h, uint64_t v)
{
    uint64_t lo = (uint64_t)h ^ v, hi = (uint64_t)(h >> 64);
    u128 a = (u128)lo * UINT64_C(0x9e3779b97f4a7c15), b = (u128)(hi + v) * UINT64_C(0x243f6a8885a308d3);
    return ((u128)((uint64_t)(a >> 64) ^ (uint64_t)b) << 64 | ((uint64_t)a ^ (uint64_t)(b >> 64))) +
           UINT64_C(0x13198a2e03707345);
}

static u128 mix_text(u128 h, gw_str s)
{
    h = mix(h, s.n);
    for (size_t at = 0; at < s.n; at += 8) {
        uint64_t v = 0;
        for (size_t i = 0; i < 8 && at + i < s.n; i++)
            v |= (uint64_t)(uint8_t)s.p[at + i] << 8 * i;
        h = mix(h, v);
    }
    return h;
}

int gw_hour_digest(const gw_hour *h, const gw_leaf_texts *t, uint8_t ret[GW_DIGEST_BYTES], gw_error *e)
{
    size_t n_texts = gw_texts_n(&t->texts);
    u128 *text =
        gw_malloc(GW_MAX(n_texts, (size_t)1) * sizeof(*text)); /* digests of the texts, each made once */
    if (!text)
        return gw_fail_memory(e);
    for (uint32_t i = 0; i < n_texts; i++)
        text[i] = mix_text(0, gw_texts_at(&t->texts, i));
    u128 all = mix_text(0, gw_str_of(h->cluster)), sum = 0;
    all = mix(all, (uint64_t)h->start_ms);
    all = mix(all, (uint64_t)h->observed.start_ms);
    all = mix(all, (uint64_t)h->observed.end_ms);
    for (size_t i = 0; i < t->n; i++) {
        const gw_hour_leaf *l = &h->leaves[i];
        u128 one = mix(0, (uint64_t)l->kind);
        for (size_t d = 0; d < GW_N_TEXT_DIMS; d++) {
            u128 s = text[t->ids[d * t->n + i]];
            one = mix(one ^ (s >> 64) << 64, (uint64_t)s);
        }
        one = mix(one, (uint64_t)l->node_hourly);
        for (size_t c = 0; c < GW_N_MEASURES; c++) {
            int64_t v = gw_measure_of(&l->m, c);
            /* one unknown is as another */
            one = mix(one, (uint64_t)(v == GW_MICRO_UNKNOWN ? GW_UNKNOWN_COUNT : v));
        }
        sum += mix(one, t->n);
    }
    gw_free(text);
    all = mix(mix(all, (uint64_t)sum), (uint64_t)(sum >> 64));
    for (int i = 0; i < GW_DIGEST_BYTES; i++)
        ret[i] = (uint8_t)(all >> 8 * i);
    return 0;
}
