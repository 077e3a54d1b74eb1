/*
 * The JSON of a snapshot: meta.json, and objects on their way into a recording, cut down and anonymized. What
 * comes out must be JSON that the fleet takes or refuses, and the same object must come out the same way
 * twice.
 */
#include "base/mem.h"
#include "format/json_tree.h"
#include "observe/anonymize.h"
#include "observe/kube_objects.h"
#include "observe/kube_slim.h"
#include "observe/snapshot_meta.h"

static const uint8_t key[GW_ANON_KEY_BYTES] = "fuzz fuzz fuzz!";

static void try_meta(const json_t *v)
{
    gw_snapshot_meta m;
    gw_snapshot_meta_init(&m);
    if (gw_snapshot_meta_read(&m, v, NULL) == 0) {
        for (size_t i = 0; i < m.n_slices; i++) {
            const gw_snapshot_slice *s = &m.slices[i];
            if (strchr(s->file, '/') || s->interval.start_ms >= s->interval.end_ms ||
                s->n_parts > GW_N_FAMILY_GROUPS)
                abort();
        }
    }
    gw_snapshot_meta_free(&m);
}

static void try_object(const json_t *v)
{
    json_t *slim = gw_kube_slim(v, NULL, "Pod");
    gw_anon *a = gw_anon_new(key, NULL);
    if (!slim || !a)
        abort();
    json_t *once = gw_anon_object(a, slim), *twice = gw_anon_object(a, slim);
    if (!once || !twice || !json_equal(once, twice))
        abort();
    gw_fleet f;
    gw_fleet_init(&f);
    gw_kube_add_list(&f, once, "Pod", NULL);
    gw_fleet_free(&f);
    json_decref(once);
    json_decref(twice);
    json_decref(slim);
    gw_anon_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *v;
    if (gw_json_tree_parse((gw_str){(const char *)data, size}, &v, NULL))
        return 0;
    try_meta(v);
    if (json_is_object(v))
        try_object(v);
    json_decref(v);
    return 0;
}
