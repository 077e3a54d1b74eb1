/*
 * GPU models by one canonical name, whatever an exporter, a node label, a cloud or a catalogue calls them.
 *
 * The rule. A spelling is cut into words at everything that is no letter or digit, letter case aside; what
 * stands from "MIG" on is left out. The model is the longest run of words in the table, so that "RTX PRO 6000
 * Blackwell Server Edition" is not an "RTX 6000". Words that are neither a model nor a size ("NVIDIA",
 * "Tesla", "SXM4", "PCIE", "HBM3", "SHARED", the "24Q" of a virtual GPU) say nothing. Models that are sold
 * with several memory sizes (A100, V100, H100 and their kin) carry it in their name: the first word "80GB" or
 * "80G" decides, else NVL, PCIe or SXM5 where only one size exists in that form. Where none says, the name is
 * the family alone ("A100"), and its memory is unknown: nothing is guessed. Two of Google's node labels are
 * exact names instead: nvidia-tesla-a100 is the 40 GB board and nvidia-tesla-v100 the 16 GB one.
 *
 *     "NVIDIA A100-SXM4-80GB", "nvidia-a100-80gb"   A100-80GB       "Tesla T4", "nvidia-tesla-t4"   T4
 *     "NVIDIA H100 NVL"                             H100-94GB       "a10g", "NVIDIA A10G"           A10G
 *     "NVIDIA-L4-SHARED", "NVIDIA L4-3Q"            L4              "a100"                          A100
 */
#ifndef GW_PRICE_GPU_H
#define GW_PRICE_GPU_H

#include "base/base.h"

/* The canonical name, a constant; NULL where the model is not known (or name is NULL). */
const char *gw_gpu_canonical(const char *name);

/* The family of a canonical name: "A100" of "A100-80GB"; other names are their own family. NULL for NULL. */
const char *gw_gpu_family(const char *canonical);

/* The variant of a family with about that memory (a driver reports up to 6 % less than the data sheet):
 * "A100" with 81920 MiB is "A100-80GB". Anything else comes back as it is, also NULL. */
const char *gw_gpu_sized(const char *canonical, int64_t memory_mib);

/* Whether a canonical name is what was asked for: equal, or `wanted` is its family. */
bool gw_gpu_is(const char *canonical, const char *wanted);

/*
 * Framebuffer of one whole GPU in MiB, by canonical name: the vendor's data sheet, its "80 GB" taken as 80
 * GiB as the clouds' own tables do. Drivers report 0 to 6 % less (ECC, firmware). GW_UNKNOWN_COUNT (-1) for
 * families of several sizes and unknown names.
 */
int64_t gw_gpu_memory_mib(const char *canonical);

/* Canonical names in the table's order, for completion and messages; NULL past the end. */
const char *gw_gpu_name_at(size_t i);

#endif
