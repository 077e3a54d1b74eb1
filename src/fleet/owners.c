#include "fleet/fleet.h"

#define OWNER_DEPTH_MAX                                                                                      \
    8 /* Pod → Job → CronJob → custom controller … : real chains have three or four links */

/* The alphabet of Kubernetes' generated suffixes: apimachinery pkg/util/rand, no vowels and no 0, 1, 3. */
static bool is_template_hash(const char *s, size_t n)
{
    if (n < 5 || n > 10)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!strchr("bcdfghjklmnpqrstvwxz2456789", s[i]))
            return false;
    }
    return true;
}

/* "sdxl-serve-6c9f7d5b8" → "sdxl-serve"; empty where the name has no such suffix. */
static gw_str deployment_of(const char *replicaset)
{
    const char *dash = strrchr(replicaset, '-');
    if (!dash || !is_template_hash(dash + 1, strlen(dash + 1)))
        return (gw_str){"", 0};
    return (gw_str){replicaset, (size_t)(dash - replicaset)};
}

int gw_fleet_resolve_owners(gw_fleet *f)
{
    for (size_t i = 0; i < f->n_pods; i++) {
        gw_pod *p = &f->pods[i];
        const char *kind = p->owner_kind, *name = p->owner_name;
        if (!kind || !name)
            continue;
        for (int depth = 0; depth < OWNER_DEPTH_MAX; depth++) {
            uint32_t o = gw_fleet_find_owner(f, gw_str_of(p->ns), gw_str_of(kind), gw_str_of(name));
            if (o != GW_NONE && f->owners[o].owner_kind && f->owners[o].owner_name) {
                kind = f->owners[o].owner_kind;
                name = f->owners[o].owner_name;
                continue;
            }
            /* a known ReplicaSet without owner is a bare one; only an unknown one is guessed by its name */
            gw_str guess =
                o == GW_NONE && strcmp(kind, "ReplicaSet") == 0 ? deployment_of(name) : (gw_str){"", 0};
            if (guess.n) {
                kind = "Deployment";
                name = gw_fleet_intern(f, guess);
            }
            if (!name)
                return GW_ENOMEM;
            break;
        }
        p->workload_kind = kind;
        p->workload_name = name;
    }
    return 0;
}
