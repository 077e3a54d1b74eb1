/* Which boards can be shared in which form: by compute capability. */
#include "allocate/sharing.h"
#include "price/gpu.h"

/* By family; a test holds that every NVIDIA model of price/gpu.h is here. */
static const struct {
    const char *family;
    int capability;
} boards[] = {
    {"K80", 37},
    {"M60", 52},
    {"P100", 60},
    {"P4", 61},
    {"P40", 61},
    {"V100", 70},
    {"T4", 75},
    {"T4G", 75},
    {"Quadro-RTX-6000", 75},
    {"Quadro-RTX-8000", 75},
    {"A100", 80},
    {"A800", 80},
    {"A30", 80},
    {"A2", 86},
    {"A10", 86},
    {"A10G", 86},
    {"A16", 86},
    {"A40", 86},
    {"RTX-A4000", 86},
    {"RTX-A5000", 86},
    {"RTX-A6000", 86},
    {"RTX-3090", 86},
    {"L4", 89},
    {"L20", 89},
    {"L40", 89},
    {"L40S", 89},
    {"RTX-4090", 89},
    {"RTX-6000-Ada", 89},
    {"H20", 90},
    {"H100", 90},
    {"H200", 90},
    {"H800", 90},
    {"GH200", 90},
    {"B200", 100},
    {"GB200", 100},
    {"B300", 103},
    {"GB300", 103},
    {"RTX-5090", 120},
    {"RTX-PRO-4500", 120},
    {"RTX-PRO-5000", 120},
    {"RTX-PRO-6000", 120},
};

int gw_share_capability(const char *canonical)
{
    const char *family = gw_gpu_family(canonical);
    for (size_t i = 0; family && i < GW_COUNT(boards); i++)
        if (strcmp(boards[i].family, family) == 0)
            return boards[i].capability;
    return 0;
}
