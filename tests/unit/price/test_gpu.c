#include "gw_test.h"

#include "price/gpu.h"

static void one_name_for_every_spelling(void **state)
{
    GW_UNUSED(state);
    /* As they are seen: DCGM's modelName, gpu-feature-discovery's label (blanks become dashes), nodes of EKS,
     * Karpenter, GKE and AKS, EC2's and SkyPilot's catalogues. */
    static const char *const names[][2] = {
        {"NVIDIA A100-SXM4-40GB", "A100-40GB"},
        {"NVIDIA-A100-SXM4-40GB", "A100-40GB"},
        {"A100-SXM4-80GB", "A100-80GB"},
        {"NVIDIA A100 80GB PCIe", "A100-80GB"},
        {"NVIDIA A100-PCIE-40GB", "A100-40GB"},
        {"NVIDIA-A100-SXM4-80GB-MIG-1g.10gb", "A100-80GB"},
        {"NVIDIA A100-SXM4-40GB MIG 3g.20gb", "A100-40GB"},
        {"NVIDIA-A100-SXM4-80GB-SHARED", "A100-80GB"},
        {"nvidia-tesla-a100", "A100-40GB"}, /* GKE's exact name */
        {"nvidia-a100-80gb", "A100-80GB"},
        {"a100", "A100"}, /* Karpenter says it for both sizes */
        {"GRID A100-10C", "A100"},
        {"NVIDIA H100 80GB HBM3", "H100-80GB"},
        {"NVIDIA-H100-80GB-HBM3", "H100-80GB"},
        {"NVIDIA H100 PCIe", "H100-80GB"},
        {"nvidia-h100-80gb", "H100-80GB"},
        {"nvidia-h100-mega-80gb", "H100-80GB"},
        {"H100-MEGA", "H100-80GB"},
        {"NVIDIA H100 NVL", "H100-94GB"},
        {"NVIDIA H100 96GB HBM3", "H100"}, /* a size that is not listed is not guessed away */
        {"h100", "H100"},
        {"NVIDIA H200", "H200"},
        {"NVIDIA H200 NVL", "H200"},
        {"nvidia-h200-141gb", "H200"},
        {"NVIDIA B200", "B200"},
        {"nvidia-b200", "B200"},
        {"NVIDIA B300 SXM6 AC", "B300"},
        {"NVIDIA GB200", "GB200"},
        {"NVIDIA GH200 480GB", "GH200"}, /* 480 GB is Grace's memory */
        {"NVIDIA L4", "L4"},
        {"NVIDIA-L4-SHARED", "L4"},
        {"NVIDIA L4-3Q", "L4"},
        {"l4", "L4"},
        {"NVIDIA L40", "L40"},
        {"NVIDIA L40S", "L40S"},
        {"NVIDIA-L40S", "L40S"},
        {"Tesla T4", "T4"},
        {"nvidia-tesla-t4", "T4"},
        {"NVIDIA T4G", "T4G"},
        {"T4g", "T4G"},
        {"Tesla V100-SXM2-16GB", "V100-16GB"},
        {"Tesla-V100-SXM3-32GB", "V100-32GB"},
        {"V100-32GB", "V100-32GB"},
        {"Tesla V100S-PCIE-32GB", "V100-32GB"},
        {"nvidia-tesla-v100", "V100-16GB"},
        {"v100", "V100"},
        {"Tesla P100-PCIE-16GB", "P100-16GB"},
        {"nvidia-tesla-p100", "P100"},
        {"Tesla P4", "P4"},
        {"Tesla K80", "K80"},
        {"Tesla M60", "M60"},
        {"NVIDIA A10", "A10"},
        {"NVIDIA A10-8Q", "A10"},
        {"NVIDIA A10G", "A10G"},
        {"a10g", "A10G"},
        {"NVIDIA A30", "A30"},
        {"NVIDIA A40", "A40"},
        {"NVIDIA A16", "A16"},
        {"NVIDIA RTX PRO 6000 Blackwell Server Edition", "RTX-PRO-6000"},
        {"nvidia-rtx-pro-6000", "RTX-PRO-6000"},
        {"rtx-pro-server-6000", "RTX-PRO-6000"},
        {"RTXPRO6000", "RTX-PRO-6000"},
        {"NVIDIA RTX PRO 4500 Blackwell", "RTX-PRO-4500"},
        {"NVIDIA RTX 6000 Ada Generation", "RTX-6000-Ada"},
        {"NVIDIA RTX A6000", "RTX-A6000"},
        {"Quadro RTX 6000", "Quadro-RTX-6000"},
        {"NVIDIA GeForce RTX 4090", "RTX-4090"},
        {"Radeon Pro V520", "Radeon-Pro-V520"},
        {"radeon-pro-v520", "Radeon-Pro-V520"},
        {"AMD Radeon PRO V710 MxGPU", "Radeon-Pro-V710"},
        {"AMD Instinct MI300X", "MI300X"},
    };
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        const char *got = gw_gpu_canonical(names[i][0]);
        if (!got || strcmp(got, names[i][1]) != 0)
            fail_msg("%s: %s, not %s", names[i][0], got ? got : "unknown", names[i][1]);
    }
}

static void unknown_stays_unknown(void **state)
{
    GW_UNUSED(state);
    static const char *const names[] = {"",        "NVIDIA", "NVIDIA RTX 6000", "A1000", "Inferentia",
                                        "tpu-v5e", "MIG",    "a2-highgpu",      "80GB",  "-----",
                                        "L",       "xL4"};
    assert_null(gw_gpu_canonical(NULL));
    for (size_t i = 0; i < GW_COUNT(names); i++) {
        /* the last but for "a2-highgpu", where A2 is a GPU's name as well: that is a machine type, not a GPU
         */
        if (strcmp(names[i], "a2-highgpu") != 0 && gw_gpu_canonical(names[i]))
            fail_msg("%s: %s", names[i], gw_gpu_canonical(names[i]));
    }
}

static void canonical_names_are_fixed_points(void **state)
{
    GW_UNUSED(state);
    for (size_t i = 0; gw_gpu_name_at(i); i++) {
        const char *name = gw_gpu_name_at(i);
        const char *again = gw_gpu_canonical(name);
        if (!again || strcmp(again, name) != 0)
            fail_msg("%s: %s", name, again ? again : "unknown");
        assert_true(gw_gpu_is(name, gw_gpu_family(name)));
        /* a family of several sizes has no memory of its own, everything else has */
        bool variants = false;
        for (size_t k = 0; gw_gpu_name_at(k); k++)
            variants |= k != i && strcmp(gw_gpu_family(gw_gpu_name_at(k)), name) == 0;
        if (variants)
            assert_int_equal(gw_gpu_memory_mib(name), -1);
    }
}

static void memory_is_the_data_sheets(void **state)
{
    GW_UNUSED(state);
    assert_int_equal(gw_gpu_memory_mib("L40S"), 48 * 1024);
    assert_int_equal(gw_gpu_memory_mib("H100-80GB"), 80 * 1024);
    assert_int_equal(gw_gpu_memory_mib("T4"), 16 * 1024);
    assert_int_equal(gw_gpu_memory_mib("A100"), -1);
    assert_int_equal(gw_gpu_memory_mib("nonsense"), -1);
    assert_int_equal(gw_gpu_memory_mib(NULL), -1);
}

static void families_take_their_variants(void **state)
{
    GW_UNUSED(state);
    assert_true(gw_gpu_is("A100-80GB", "A100"));
    assert_true(gw_gpu_is("A100-80GB", "A100-80GB"));
    assert_false(gw_gpu_is("A100", "A100-80GB"));
    assert_false(gw_gpu_is("A100-40GB", "A100-80GB"));
    assert_false(gw_gpu_is("L40S", "L40"));
    assert_false(gw_gpu_is(NULL, "L40"));
    /* what drivers report: A100-SXM4-80GB 81920 MiB, H100 80GB HBM3 81559, H100 NVL 95830, V100 16160 */
    assert_string_equal(gw_gpu_sized("A100", 81920), "A100-80GB");
    assert_string_equal(gw_gpu_sized("H100", 81559), "H100-80GB");
    assert_string_equal(gw_gpu_sized("H100", 95830), "H100-94GB");
    assert_string_equal(gw_gpu_sized("V100", 16160), "V100-16GB");
    assert_string_equal(gw_gpu_sized("A100", -1), "A100");
    assert_string_equal(gw_gpu_sized("L4", 23034), "L4");
    assert_null(gw_gpu_sized(NULL, 23034));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_name_for_every_spelling),      cmocka_unit_test(unknown_stays_unknown),
        cmocka_unit_test(canonical_names_are_fixed_points), cmocka_unit_test(memory_is_the_data_sheets),
        cmocka_unit_test(families_take_their_variants),
    };
    return cmocka_run_group_tests_name("gpu", tests, NULL, NULL);
}
