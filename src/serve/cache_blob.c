/* An answer: its bytes plain and packed, and the tag that names them. */
#include <openssl/sha.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "format/gzip.h"
#include "serve/cache.h"

#define TAG_BYTES 16 /* of the hash: 128 bits never meet by accident */

/* Beside the blob, so that who includes the header needs no atomics. */
struct gw_blob_count {
    atomic_int refs;
};

static int take_packed(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf *b = ctx;
    gw_buf_add(b, p, n);
    return gw_buf_check(b, "a packed answer", e);
}

/* Packs where that makes it smaller; without memory for it the plain bytes do. */
static gw_shared *pack(gw_str plain)
{
    gw_shared *s = NULL;
    gw_buf packed;
    gw_error ignored;
    if (plain.n < GW_GZIP_LEAST)
        return NULL;
    gw_buf_init(&packed, plain.n);
    gw_gzip *z = gw_gzip_new(GW_GZIP_LEVEL, take_packed, &packed);
    if (z && gw_gzip_write(z, plain.p, plain.n, &ignored) == 0 && gw_gzip_end(z, &ignored) == 0)
        s = gw_shared_take(&packed);
    gw_buf_free(&packed);
    gw_gzip_free(z);
    return s;
}

static void tag(gw_str plain, char *out)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)(plain.n ? plain.p : ""), plain.n, hash);
    *out++ = '"';
    for (size_t i = 0; i < TAG_BYTES; i++, out += 2)
        snprintf(out, 3, "%02x", hash[i]);
    *out++ = '"';
    *out = '\0';
}

int gw_blob_new(int status, const char *type, gw_buf *take, gw_blob **ret, gw_error *e)
{
    int rc = gw_buf_check(take, "an answer", e);
    gw_shared *plain = rc ? NULL : gw_shared_take(take);
    gw_blob *b = plain ? gw_calloc(1, sizeof(*b)) : NULL;
    if (b)
        b->count = gw_malloc(sizeof(*b->count));
    if (!b || !b->count) {
        gw_free(b);
        gw_shared_unref(plain);
        gw_buf_free(take);
        return rc ? rc : gw_fail_memory(e);
    }
    gw_str bytes = gw_shared_bytes(plain);
    atomic_init(&b->count->refs, 1);
    b->status = status;
    b->type = type;
    b->plain = plain;
    b->gzip = pack(bytes);
    b->bytes = bytes.n + (b->gzip ? gw_shared_bytes(b->gzip).n : 0);
    tag(bytes, b->etag);
    *ret = b;
    return 0;
}

gw_blob *gw_blob_hold(gw_blob *b)
{
    atomic_fetch_add(&b->count->refs, 1);
    return b;
}

void gw_blob_release(gw_blob *b)
{
    if (!b || atomic_fetch_sub(&b->count->refs, 1) != 1)
        return;
    gw_shared_unref(b->plain);
    gw_shared_unref(b->gzip);
    gw_free(b->count);
    gw_free(b);
}

const char *gw_blob_etag(const gw_blob *b, bool packed, char out[GW_ETAG_MAX])
{
    size_t n = strlen(b->etag);
    snprintf(out, GW_ETAG_MAX, "%.*s%s\"", (int)(n - 1), b->etag, packed ? "-gzip" : "");
    return out;
}

/* The tag without W/ and quotes; the packed form is the same thing. */
static gw_str opaque(gw_str tag)
{
    if (tag.n >= 2 && tag.p[0] == 'W' && tag.p[1] == '/')
        tag = (gw_str){tag.p + 2, tag.n - 2};
    if (tag.n >= 2 && tag.p[0] == '"' && tag.p[tag.n - 1] == '"')
        tag = (gw_str){tag.p + 1, tag.n - 2};
    if (tag.n > 5 && memcmp(tag.p + tag.n - 5, "-gzip", 5) == 0)
        tag.n -= 5;
    return tag;
}

bool gw_etag_matches(const char *if_none_match, const char *etag)
{
    gw_str wanted = opaque(gw_str_of(etag));
    if (!if_none_match)
        return false;
    for (const char *p = if_none_match; *p;) {
        p += strspn(p, " \t,");
        size_t n = strcspn(p, ","), trimmed = n;
        while (trimmed && (p[trimmed - 1] == ' ' || p[trimmed - 1] == '\t'))
            trimmed--;
        gw_str one = {p, trimmed};
        if (gw_str_is(one, "*") || (one.n && gw_str_eq(opaque(one), wanted)))
            return true;
        p += n;
    }
    return false;
}
