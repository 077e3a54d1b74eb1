/* The dashboard's files. They are linked in packed; the rare client that does not take gzip gets them
 * unpacked. */
#include "format/gzip.h"
#include "serve/api_internal.h"
#include "serve/assets.h"

#define UNPACKED_MAX ((size_t)32 << 20) /* of one file */

static const gw_asset *find(const char *path)
{
    size_t low = 0, high = gw_n_assets;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strcmp(gw_assets[mid].path, path);
        if (order == 0)
            return &gw_assets[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static int take(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf_add(ctx, p, n);
    return gw_buf_check(ctx, "the file", e);
}

static gw_shared *unpack(const gw_asset *a)
{
    gw_shared *s = NULL;
    gw_buf b;
    gw_error e;
    gw_buf_init(&b, UNPACKED_MAX);
    gw_gunzip *z = gw_gunzip_new(UNPACKED_MAX, take, &b);
    if (z && gw_gunzip_feed(z, (const char *)a->gzip, a->gzip_len, &e) == 0 && gw_gunzip_finish(z, &e) == 0)
        s = gw_shared_take(&b);
    gw_gunzip_free(z);
    gw_buf_free(&b);
    return s;
}

static void send(const gw_asset *a, bool packed, gw_reply *r)
{
    gw_shared *body = packed ? gw_shared_static(a->gzip, a->gzip_len) : unpack(a);
    if (!body) {
        gw_reply_error(r, 503, "unavailable", "out of memory");
        return;
    }
    if (packed)
        gw_reply_header(r, "Content-Encoding", "gzip");
    gw_reply_shared(r, 200, a->content_type, body);
    gw_shared_unref(body);
}

bool gw_static_reply(const gw_server_request *q, gw_reply *r)
{
    const gw_asset *a = find(strcmp(q->path, "/") == 0 ? "/index.html" : q->path);
    if (!a)
        return false;
    bool packed = gw_server_accepts_gzip(q);
    char etag[GW_ETAG_MAX * 2];
    snprintf(etag, sizeof(etag), "%.*s%s\"", (int)strlen(a->etag) - 1, a->etag, packed ? "-gzip" : "");
    gw_reply_header(r, "ETag", etag);
    gw_reply_header(r, "Cache-Control", a->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    gw_reply_header(r, "Vary", "Accept-Encoding");
    if (gw_etag_matches(gw_server_header_get(q, "If-None-Match"), a->etag))
        gw_reply_bytes(r, 304, NULL, NULL, 0);
    else
        send(a, packed, r);
    return true;
}
