/*
 * What the name of a MIG profile says. "1g.10gb" = 1 compute slice and 10 GB; "+me" (media extensions) and
 * the like change neither. Board sizes: NVIDIA Multi-Instance GPU User Guide, "Supported MIG Profiles": 7
 * compute slices on A100, H100, H200, B200 and their kin; 4 on A30 and RTX PRO 6000.
 */
#include "base/number.h"
#include "fleet/fleet.h"

static bool compute_slices(const char *profile, int64_t *ret)
{
    size_t n = strspn(profile, "0123456789");
    return n > 0 && n < 3 && profile[n] == 'g' && gw_parse_int64((gw_str){profile, n}, ret);
}

double gw_mig_weight(const char *model, const char *profile)
{
    int64_t slices;
    if (!profile || !compute_slices(profile, &slices))
        return 0;
    bool small =
        model && (strstr(model, "A30") || strstr(model, "RTX PRO 6000") || strstr(model, "RTX-PRO-6000"));
    double w = (double)slices / (small ? 4.0 : 7.0);
    return GW_MIN(w, 1.0);
}

int64_t gw_mig_memory_mib(const char *profile)
{
    const char *dot = profile ? strchr(profile, '.') : NULL;
    if (!dot)
        return GW_UNKNOWN_COUNT;
    size_t n = strspn(dot + 1, "0123456789");
    int64_t gb;
    if (n == 0 || n > 4 || strncmp(dot + 1 + n, "gb", 2) != 0 || !gw_parse_int64((gw_str){dot + 1, n}, &gb))
        return GW_UNKNOWN_COUNT;
    return gb * 1024;
}
