/*
 * Pages, blocks of sums and lists of texts on any bytes. The first byte says which, and whether the rest is
 * taken as it is or as a body, around which an envelope with the right checksum is put here, so that what
 * lies behind the checksum is reached. Checked: what is read is written again and read the same.
 */
#include "base/mem.h"
#include "store/leaves.h"
#include "store/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void page(const char *p, size_t n)
{
    gw_error e = {0};
    gw_arena a;
    gw_hour h, back;
    gw_buf again;
    gw_arena_init(&a, (size_t)512 << 20);
    gw_buf_init(&again, GW_PAGE_BYTES_MAX);
    int rc = gw_page_read(p, n, &a, &h, &e);
    if (rc == GW_EINTERNAL || (rc && e.code != rc))
        abort();
    /* texts that are no UTF-8 are mended when they are written, and some of what is read is no hour */
    if (rc == 0 && gw_page_write(&h, &again, &e) == 0) {
        if (gw_page_read(again.data, again.len, &a, &back, &e) || back.n_leaves != h.n_leaves)
            abort();
        for (size_t i = 0; i < h.n_leaves; i++)
            if (memcmp(&back.leaves[i].m, &h.leaves[i].m, sizeof(h.leaves[i].m)) != 0)
                abort();
    }
    gw_buf_free(&again);
    gw_arena_free(&a);
}

static void rows(const char *p, size_t n)
{
    gw_error e = {0};
    gw_rows r, back;
    gw_buf again;
    if (gw_rows_read(p, n, &r, &e))
        return;
    gw_buf_init(&again, GW_PAGE_BYTES_MAX);
    if (gw_rows_write(&r, &again, &e) || gw_rows_read(again.data, again.len, &back, &e) || back.n != r.n ||
        (r.n && memcmp(back.rows, r.rows, r.n * sizeof(*r.rows)) != 0))
        abort();
    gw_rows_free(&r);
    gw_rows_free(&back);
    gw_buf_free(&again);
}

static void texts(const char *p, size_t n)
{
    gw_error e = {0};
    gw_texts t, back;
    gw_buf again;
    if (gw_texts_read(p, n, &t, &e))
        return;
    gw_buf_init(&again, GW_PAGE_BYTES_MAX);
    if (gw_texts_write(&t, &again, &e) || gw_texts_read(again.data, again.len, &back, &e) ||
        gw_texts_n(&back) != gw_texts_n(&t))
        abort();
    gw_texts_free(&t);
    gw_texts_free(&back);
    gw_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const gw_pack_kind kinds[] = {{.magic = "GWPG", .what = "page", .version = 1, .deflated = true},
                                         {.magic = "GWRW", .what = "rows", .version = 1, .deflated = false},
                                         {.magic = "GWTX", .what = "texts", .version = 1, .deflated = true}};
    static void (*const readers[])(const char *p, size_t n) = {page, rows, texts};
    if (size == 0)
        return 0;
    unsigned which = data[0] % 3;
    gw_buf body, wrapped;
    gw_error e;
    gw_buf_init(&body, GW_PACK_BODY_MAX);
    gw_buf_init(&wrapped, GW_PAGE_BYTES_MAX);
    gw_buf_add(&body, data + 1, size - 1);
    if (data[0] & 0x80)
        readers[which](body.data ? body.data : "", body.len);
    else if (gw_pack(&kinds[which], &body, 0, &wrapped, &e) == 0)
        readers[which](wrapped.data, wrapped.len);
    gw_buf_free(&body);
    gw_buf_free(&wrapped);
    return 0;
}
