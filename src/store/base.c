/*
 * Lists of texts that pages share. From one hour to the next most pods and GPUs are the same, and their names
 * are what packs worst: a page names them by their numbers in a list that the hour before used, too.
 */
#include "base/mem.h"
#include "format/crc32c.h"
#include "store/internal.h"

#define WORTH_BYTES ((size_t)4096) /* what a page may hold of its own before a new list is worth it */

void gw_base_forget(gw_store *s)
{
    gw_texts_free(&s->base);
    s->base_cluster = s->base_id = 0;
}

/* The number by which a page knows its list again. */
static uint32_t number_of(const gw_buf *body)
{
    uint32_t n = gw_crc32c(0, body->data, body->len);
    return n ? n : 1;
}

int gw_base_load(gw_store *s, int64_t cluster, int64_t id, gw_error *e)
{
    gw_buf body;
    bool found = false;
    gw_sql_value args[] = {gw_sql_int(cluster), gw_sql_int(id)};
    if (s->base_cluster == cluster && s->base_id == id)
        return 0;
    gw_base_forget(s);
    gw_buf_init(&body, GW_PACK_BODY_MAX);
    int rc = gw_store_blob(s, "SELECT body FROM gw_texts WHERE cluster = $1 AND id = $2", args, 2, &body,
                           &found, e);
    if (rc == 0 && !found)
        rc = gw_fail(e, GW_ECORRUPT, "list of texts %" PRId64 " is missing; import a backup", id);
    rc = rc ? rc : gw_texts_read(body.data, body.len, &s->base, e);
    if (rc == 0) {
        s->base_cluster = cluster;
        s->base_id = id;
        s->base_number = number_of(&body);
    }
    gw_buf_free(&body);
    return rc;
}

/* Whether the hour has much that the list lacks, or the list much that the hour has not. */
static bool is_worth_a_new_one(const gw_texts *base, const gw_texts *hour)
{
    size_t missing = 0;
    uint32_t near = 0;
    for (uint32_t i = 0; i < gw_texts_n(hour); i++) {
        gw_str s = gw_texts_at(hour, i);
        if (gw_texts_find(base, s, &near) == GW_NONE)
            missing += s.n;
    }
    return missing > WORTH_BYTES + base->bytes / 8 || base->bytes > 16 * WORTH_BYTES + 4 * hour->bytes;
}

static int make(gw_store *s, int64_t cluster, int64_t id, const gw_texts *hour, gw_error *e)
{
    gw_buf body;
    gw_base_forget(s);
    gw_buf_init(&body, GW_PACK_BODY_MAX);
    int rc = gw_texts_write(hour, &body, e);
    rc = rc ? rc : gw_texts_read(body.data, body.len, &s->base, e);
    if (rc == 0) {
        gw_sql_value args[] = {gw_sql_int(cluster), gw_sql_int(id), gw_sql_blob(body.data, body.len)};
        rc = gw_store_run(s, "INSERT INTO gw_texts (cluster, id, body) VALUES ($1, $2, $3)", args, 3, NULL,
                          NULL, e);
    }
    if (rc == 0) {
        s->base_cluster = cluster;
        s->base_id = id;
        s->base_number = number_of(&body);
    }
    gw_buf_free(&body);
    return rc;
}

int gw_base_for(gw_store *s, int64_t cluster, const gw_leaf_texts *t, gw_error *e)
{
    int64_t id = 0;
    gw_sql_value args[] = {gw_sql_int(cluster)};
    int rc = gw_store_int(s, "SELECT max(id) FROM gw_texts WHERE cluster = $1", args, 1, 0, &id, e);
    if (rc == 0 && id)
        rc = gw_base_load(s, cluster, id, e);
    if (rc == 0 && (!id || is_worth_a_new_one(&s->base, &t->texts)))
        rc = make(s, cluster, id + 1, &t->texts, e);
    return rc;
}
