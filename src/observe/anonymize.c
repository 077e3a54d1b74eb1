#include "observe/anonymize_internal.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/mem.h"

#define NAME_MAX_BYTES ((size_t)1 << 20)
#define NAMES_MAX      ((size_t)1 << 28)
#define PIECE_CHARS    6  /* of a pseudonym that is no suffix: a vowel and five of SUFFIX_ALPHABET */
#define SUFFIX_MIN     5  /* the shortest generated suffix: a pod's */
#define SUFFIX_MAX     10 /* the longest: a ReplicaSet's template hash */
#define UUID_CHARS     36

/* Kubernetes' generated suffixes: apimachinery pkg/util/rand. */
static const char suffix_alphabet[] = "bcdfghjklmnpqrstvwxz2456789";
static const char vowels[] = "aeiou";

/* What workloads are, in names. Nothing here tells whose they are. */
static const char *const common_words[] = {
    "vllm",       "sglang",   "tgi",     "tei",        "triton",      "ollama",     "nim",    "inference",
    "serving",    "serve",    "server",  "predictor",  "notebook",    "jupyter",    "batch",  "notebooks",
    "train",      "training", "trainer", "jupyterlab", "jupyterhub",  "offline",    "etl",    "finetune",
    "finetuning", "tuning",   "online",  "realtime",   "interactive", "singleuser", "worker", NULL};

struct gw_anon {
    uint64_t key[2];
    const char *const *keep;
    gw_map names;  /* original -> index into texts */
    gw_map pieces; /* original up to and including a piece -> index into texts: the piece's pseudonym */
    gw_map taken;  /* what stands before a piece, NUL, its pseudonym */
    gw_pool pool;
    const char **texts;
    size_t n_texts, cap_texts;
};

int gw_anon_random_key(uint8_t key[GW_ANON_KEY_BYTES], gw_error *e)
{
    ssize_t n;
    do
        n = getrandom(key, GW_ANON_KEY_BYTES, 0);
    while (n < 0 && errno == EINTR);
    if (n != GW_ANON_KEY_BYTES)
        return gw_fail(e, GW_EIO, "the system gives no random numbers: %s", strerror(errno));
    return 0;
}

gw_anon *gw_anon_new(const uint8_t key[GW_ANON_KEY_BYTES], const char *const *keep)
{
    gw_anon *a = gw_calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    memcpy(a->key, key, GW_ANON_KEY_BYTES);
    a->keep = keep;
    gw_map_init(&a->names);
    gw_map_init(&a->pieces);
    gw_map_init(&a->taken);
    gw_pool_init(&a->pool);
    return a;
}

void gw_anon_free(gw_anon *a)
{
    if (!a)
        return;
    gw_map_free(&a->names);
    gw_map_free(&a->pieces);
    gw_map_free(&a->taken);
    gw_pool_free(&a->pool);
    gw_free(a->texts);
    explicit_bzero(a->key, sizeof(a->key));
    gw_free(a);
}

/* ---- the keyed hash: SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein, 2012) ---- */

typedef struct sip {
    uint64_t v0, v1, v2, v3;
} sip;

static uint64_t rotate(uint64_t x, int n)
{
    return x << n | x >> (64 - n);
}

static void sip_rounds(sip *s, int n)
{
    while (n--) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 = rotate(s->v2, 32);
    }
}

static void sip_word(sip *s, uint64_t m)
{
    s->v3 ^= m;
    sip_rounds(s, 2);
    s->v0 ^= m;
}

/* Of the text and a number: `salt` tells apart the draws that one text needs. */
static uint64_t keyed_hash(const gw_anon *a, gw_str text, uint64_t salt)
{
    sip s = {a->key[0] ^ UINT64_C(0x736f6d6570736575), a->key[1] ^ UINT64_C(0x646f72616e646f6d),
             a->key[0] ^ UINT64_C(0x6c7967656e657261), a->key[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t m;
    size_t i = 0;
    sip_word(&s, salt);
    for (; i + 8 <= text.n; i += 8) {
        memcpy(&m, text.p + i, 8);
        sip_word(&s, m);
    }
    m = (uint64_t)(text.n + 8) << 56;
    for (size_t k = 0; i + k < text.n; k++)
        m |= (uint64_t)(unsigned char)text.p[i + k] << (8 * k);
    sip_word(&s, m);
    s.v2 ^= 0xff;
    sip_rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

const char *const *gw_anon_keep(const gw_anon *a)
{
    return a->keep;
}

const char *gw_anon_keep_text(gw_anon *a, gw_str s)
{
    return gw_intern(&a->pool, s);
}

/* ---- remembering ---- */

static const char *recall(const gw_anon *a, const gw_map *m, gw_str key)
{
    uint32_t i = gw_map_get(m, key);
    return i == GW_NONE ? NULL : a->texts[i];
}

/* Enters the text under the key; returns the text that is kept, NULL when memory is exhausted. */
static const char *remember(gw_anon *a, gw_map *m, gw_str key, gw_str text)
{
    const char *kept = gw_intern(&a->pool, text);
    void *p = a->texts;
    if (!kept || gw_grow(&p, &a->cap_texts, a->n_texts + 1, sizeof(*a->texts), NAMES_MAX))
        return NULL;
    a->texts = p;
    a->texts[a->n_texts] = kept;
    if (gw_map_set(m, key, (uint32_t)a->n_texts))
        return NULL;
    a->n_texts++;
    return kept;
}

/*
 * Whether nobody else has this pseudonym behind these pieces; it is taken then. Two names must never become
 * one: two pods would be counted as one.
 */
static int take(gw_anon *a, gw_str before, gw_str pseudonym, bool *ret_new)
{
    char small[512], *key = small;
    size_t n = before.n + 1 + pseudonym.n;
    if (n > sizeof(small) && !(key = gw_malloc(n)))
        return GW_ENOMEM;
    memcpy(key, before.p, before.n);
    key[before.n] = '\0';
    memcpy(key + before.n + 1, pseudonym.p, pseudonym.n);
    *ret_new = gw_map_get(&a->taken, (gw_str){key, n}) == GW_NONE;
    int rc = *ret_new ? gw_map_set(&a->taken, (gw_str){key, n}, 0) : 0;
    if (key != small)
        gw_free(key);
    return rc;
}

/* ---- pieces of names ---- */

static bool is_suffix(gw_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\0' || !strchr(suffix_alphabet, s.p[i]))
            return false;
    }
    return s.n >= SUFFIX_MIN && s.n <= SUFFIX_MAX;
}

bool gw_anon_is_common_word(gw_str s)
{
    for (const char *const *w = common_words; *w; w++) {
        if (strlen(*w) == s.n && strncasecmp(*w, s.p, s.n) == 0)
            return true;
    }
    return false;
}

static bool all_digits(gw_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!isdigit((unsigned char)s.p[i]))
            return false;
    }
    return s.n > 0;
}

static size_t spell(char *out, size_t n, uint64_t h, bool vowel_first)
{
    for (size_t i = 0; i < n; i++) {
        const char *from = i == 0 && vowel_first ? vowels : suffix_alphabet;
        size_t letters = i == 0 && vowel_first ? sizeof(vowels) - 1 : sizeof(suffix_alphabet) - 1;
        out[i] = from[h % letters];
        h /= letters;
    }
    return n;
}

/* The pseudonym of the piece that ends `upto`, which starts the component at `start`. */
static const char *piece_pseudonym(gw_anon *a, gw_str upto, size_t start)
{
    const char *known = recall(a, &a->pieces, upto);
    gw_str piece = {upto.p + start, upto.n - start}, before = {upto.p, start};
    bool port = start > 0 && upto.p[start - 1] == ':' && piece.n <= 5 && all_digits(piece);
    if (known)
        return known;
    if (port || (start > 0 && gw_anon_is_common_word(piece)))
        return remember(a, &a->pieces, upto, piece);
    bool suffix = is_suffix(piece);
    char text[SUFFIX_MAX];
    for (uint64_t draw = 0;; draw++) {
        bool is_new;
        size_t n = spell(text, suffix ? piece.n : PIECE_CHARS, keyed_hash(a, upto, draw), !suffix);
        if (take(a, before, (gw_str){text, n}, &is_new))
            return NULL;
        if (is_new)
            return remember(a, &a->pieces, upto, (gw_str){text, n});
    }
}

static bool is_joint(char c)
{
    return c == '-' || c == '.' || c == '_' || c == ':';
}

static int add_pieces(gw_anon *a, gw_buf *out, gw_str s)
{
    for (size_t i = 0; i < s.n;) {
        if (is_joint(s.p[i])) {
            gw_buf_putc(out, s.p[i++]);
            continue;
        }
        size_t start = i;
        while (i < s.n && !is_joint(s.p[i]))
            i++;
        const char *p = piece_pseudonym(a, (gw_str){s.p, i}, start);
        if (!p)
            return GW_ENOMEM;
        gw_buf_puts(out, p);
    }
    return 0;
}

/* ---- things with a form of their own ---- */

static bool is_uuid(gw_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.p[i] != '-' : !isxdigit((unsigned char)s.p[i]))
            return false;
    }
    return s.n == UUID_CHARS;
}

static void add_uuid(const gw_anon *a, gw_buf *out, gw_str s)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t h[2] = {keyed_hash(a, s, UINT64_MAX), keyed_hash(a, s, UINT64_MAX - 1)};
    for (size_t i = 0, k = 0; i < s.n; i++) {
        if (s.p[i] == '-') {
            gw_buf_putc(out, '-');
            continue;
        }
        gw_buf_putc(out, hex[h[k / 16] >> (k % 16 * 4) & 15]);
        k++;
    }
}

/* The length of the dotted quad that s starts with; 0: none. */
static size_t ipv4_length(gw_str s)
{
    size_t i = 0;
    for (int part = 0; part < 4; part++) {
        if (part && (i >= s.n || s.p[i++] != '.'))
            return 0;
        size_t from = i;
        int v = 0;
        while (i < s.n && i < from + 3 && isdigit((unsigned char)s.p[i]))
            v = v * 10 + (s.p[i++] - '0');
        if (i == from || v > 255)
            return 0;
    }
    return i;
}

static bool is_ipv6(gw_str s)
{
    size_t colons = 0;
    for (size_t i = 0; i < s.n; i++) {
        colons += s.p[i] == ':';
        if (s.p[i] != ':' && !isxdigit((unsigned char)s.p[i]))
            return false;
    }
    return colons >= 2 && s.n <= 39;
}

static int add_address(gw_anon *a, gw_buf *out, gw_str s, bool v6)
{
    const char *known = recall(a, &a->names, s);
    char text[48];
    bool is_new = false;
    for (uint64_t draw = 0; !known && !is_new; draw++) {
        uint64_t h = keyed_hash(a, s, draw);
        unsigned w[4] = {h & 0xffff, h >> 16 & 0xffff, h >> 32 & 0xffff, h >> 48 & 0xffff};
        if (v6)
            snprintf(text, sizeof(text), "fd00::%x:%x:%x:%x", w[0], w[1], w[2], w[3]);
        else
            snprintf(text, sizeof(text), "10.%u.%u.%u", w[0] & 255, w[1] & 255, w[2] & 255);
        if (take(a, gw_str_of(v6 ? "IPv6" : "IPv4"), gw_str_of(text), &is_new))
            return GW_ENOMEM;
    }
    if (!known)
        known = remember(a, &a->names, s, gw_str_of(text));
    if (!known)
        return GW_ENOMEM;
    gw_buf_puts(out, known);
    return 0;
}

/* What stands between two bytes that no name contains: '/', '@', blanks … */
static int add_component(gw_anon *a, gw_buf *out, gw_str s)
{
    static const char *const prefixes[] = {"GPU-", "MIG-GPU-", "MIG-"};
    for (size_t i = 0; i < GW_COUNT(prefixes); i++) {
        size_t n = strlen(prefixes[i]);
        if (s.n == n + UUID_CHARS && memcmp(s.p, prefixes[i], n) == 0 &&
            is_uuid((gw_str){s.p + n, UUID_CHARS})) {
            gw_buf_puts(out, prefixes[i]);
            s = (gw_str){s.p + n, UUID_CHARS};
        }
    }
    if (is_uuid(s)) {
        add_uuid(a, out, s);
        return 0;
    }
    if (is_ipv6(s))
        return add_address(a, out, s, true);
    size_t ip = ipv4_length(s);
    if (ip && (ip == s.n || s.p[ip] == ':')) {
        int rc = add_address(a, out, (gw_str){s.p, ip}, false);
        if (rc == 0)
            gw_buf_add(out, s.p + ip, s.n - ip); /* the port */
        return rc;
    }
    return add_pieces(a, out, s);
}

static bool in_component(char c)
{
    return isalnum((unsigned char)c) || is_joint(c) || (unsigned char)c >= 0x80;
}

static int add_name(gw_anon *a, gw_buf *out, gw_str s)
{
    for (size_t i = 0; i < s.n;) {
        if (!in_component(s.p[i])) {
            gw_buf_putc(out, s.p[i++]);
            continue;
        }
        size_t start = i;
        while (i < s.n && in_component(s.p[i]))
            i++;
        if (add_component(a, out, (gw_str){s.p + start, i - start}))
            return GW_ENOMEM;
    }
    return 0;
}

const char *gw_anon_name(gw_anon *a, gw_str name)
{
    const char *known = name.n ? recall(a, &a->names, name) : "";
    if (known)
        return known;
    gw_buf b;
    gw_buf_init(&b, NAME_MAX_BYTES * PIECE_CHARS);
    if (add_name(a, &b, name) == 0 && !b.failed)
        known = remember(a, &a->names, name, (gw_str){b.data, b.len});
    gw_buf_free(&b);
    return known;
}

const char *gw_anon_provider_id(gw_anon *a, gw_str id)
{
    static const char aws[] = "aws:///";
    const char *colon = memchr(id.p, ':', id.n);
    size_t keep = 0;
    if (colon && id.n >= (size_t)(colon - id.p) + 3 && memcmp(colon, "://", 3) == 0)
        keep = (size_t)(colon - id.p) + 3;
    if (id.n >= sizeof(aws) - 1 && memcmp(id.p, aws, sizeof(aws) - 1) == 0) {
        const char *zone_end = memchr(id.p + sizeof(aws) - 1, '/', id.n - (sizeof(aws) - 1));
        keep = zone_end ? (size_t)(zone_end - id.p) : keep;
    }
    gw_buf b;
    const char *ret = NULL;
    gw_buf_init(&b, NAME_MAX_BYTES * PIECE_CHARS);
    gw_buf_add(&b, id.p, keep);
    if (add_name(a, &b, (gw_str){id.p + keep, id.n - keep}) == 0 && !b.failed)
        ret = gw_intern(&a->pool, (gw_str){b.data, b.len});
    gw_buf_free(&b);
    return ret;
}
