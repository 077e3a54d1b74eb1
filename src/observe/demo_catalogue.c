/*
 * Who exists: a company that sells things online, makes pictures and runs a plant. Four clusters behind one
 * Thanos, which is how AWS, GCP, Azure and a machine of one's own come to be in one Prometheus.
 * docs/guide/demo.md says which rows show what; keep it true.
 */
#include "observe/demo_fleet.h"

#define U(i)    (1u << (i))
#define U2(i)   (U(i) | U((i) + 1))
#define U4(i)   (U2(i) | U2((i) + 2))
#define FOREVER DEMO_BEFORE, DEMO_AFTER

const demo_cluster demo_clusters[DEMO_N_CLUSTERS] = {
    {.name = "prod-use1",
     .region = "us-east-1",
     .zone = "us-east-1a",
     .provider = GW_PROVIDER_AWS,
     .prometheis = 1,
     .pod_cgroups = true,
     .gap_from = 0.35,
     .gap_to = 0.3512},
    {.name = "research-usc1",
     .region = "us-central1",
     .zone = "us-central1-a",
     .provider = GW_PROVIDER_GCP,
     .prometheis = 1,
     .exported_labels = true,
     .container_ids = true},
    {.name = "prod-weu",
     .region = "westeurope",
     .zone = "westeurope-1",
     .provider = GW_PROVIDER_AZURE,
     .prometheis = 2,
     .new_exporter = true},
    {.name = "plant7", .provider = GW_PROVIDER_ON_PREM, .prometheis = 1, .container_disk = true},
};

enum {
    P5,
    P4D,
    G6E,
    G5,
    G6,
    A2_ULTRA,
    A2_HIGH,
    G2,
    ND96,
    NC64_T4,
    NC24_A100,
    PLANT,
    M6I,
    G6E_48,
    G2_4,
    G2_16
};

/* Framebuffer as nvidia-smi reports it on these boards. */
const demo_machine demo_machines[] = {
    [P5] = {"p5.48xlarge", "NVIDIA-H100-80GB-HBM3", "NVIDIA H100 80GB HBM3", 8, 81559, 551, 192, 2048, 70,
            700},
    [P4D] = {"p4d.24xlarge", "NVIDIA-A100-SXM4-40GB", "NVIDIA A100-SXM4-40GB", 8, 40960, 424, 96, 1152, 50,
             400},
    [G6E] = {"g6e.12xlarge", "NVIDIA-L40S", "NVIDIA L40S", 4, 46068, 512, 48, 384, 35, 350},
    [G5] = {"g5.12xlarge", "NVIDIA-A10G", "NVIDIA A10G", 4, 23028, 305, 48, 192, 20, 300},
    [G6] = {"g6.12xlarge", "NVIDIA-L4", "NVIDIA L4", 4, 23034, 437, 48, 192, 16, 72},
    [A2_ULTRA] = {"a2-ultragpu-4g", "NVIDIA-A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB", 4, 81920, 617, 48, 680,
                  55, 400},
    [A2_HIGH] = {"a2-highgpu-8g", "NVIDIA-A100-SXM4-40GB", "NVIDIA A100-SXM4-40GB", 8, 40960, 424, 96, 680,
                 50, 400},
    [G2] = {"g2-standard-48", "NVIDIA-L4", "NVIDIA L4", 4, 23034, 437, 48, 192, 16, 72},
    [ND96] = {"Standard_ND96isr_H100_v5", "NVIDIA-H100-80GB-HBM3", "NVIDIA H100 80GB HBM3", 8, 81559, 551, 96,
              1900, 70, 700},
    [NC64_T4] = {"Standard_NC64as_T4_v3", "Tesla-T4", "Tesla T4", 4, 15360, 438, 64, 440, 10, 70},
    [NC24_A100] = {"Standard_NC24ads_A100_v4", "NVIDIA-A100-80GB-PCIe", "NVIDIA A100 80GB PCIe", 1, 81920,
                   617, 24, 220, 45, 300},
    [PLANT] = {"rke2", "NVIDIA-RTX-6000-Ada-Generation", "NVIDIA RTX 6000 Ada Generation", 4, 49140, 632, 64,
               512, 22, 300},
    [M6I] = {"m6i.4xlarge", NULL, NULL, 0, 0, 0, 16, 64, 0, 0},
    [G6E_48] = {"g6e.48xlarge", "NVIDIA-L40S", "NVIDIA L40S", 8, 46068, 512, 192, 1536, 35, 350},
    [G2_4] = {"g2-standard-4", "NVIDIA-L4", "NVIDIA L4", 1, 23034, 437, 4, 16, 16, 72},
    [G2_16] = {"g2-standard-16", "NVIDIA-L4", "NVIDIA L4", 1, 23034, 437, 16, 64, 16, 72},
};

/*
 * GPU 0 is cut into seven; GPU 1 leaves two of its seven compute slices uncut; GPU 2 holds two halves; GPU 3
 * is not partitioned at all.
 */
static const demo_mig mixed_mig[] = {
    {0, "1g.10gb", "7", 9728},  {0, "1g.10gb", "8", 9728},  {0, "1g.10gb", "9", 9728},
    {0, "1g.10gb", "10", 9728}, {0, "1g.10gb", "11", 9728}, {0, "1g.10gb", "12", 9728},
    {0, "1g.10gb", "13", 9728}, {1, "3g.40gb", "2", 40192}, {1, "2g.20gb", "3", 19968},
    {2, "3g.40gb", "1", 40192}, {2, "3g.40gb", "2", 40192}, {3, NULL, NULL, 0},
};

enum {
    N_P5,
    N_P4D,
    N_SPOT,
    N_AFTER_SPOT,
    N_SLICED,
    N_DARK,
    N_MIG,
    N_A2,
    N_MPS,
    N_ND96,
    N_T4,
    N_A100,
    N_PLANT,
    N_CRON,
    N_IDLE,
    N_HELD,
    N_LAB,
    N_LAB_2,
    N_LAB_3,
    N_CPU
};

#define OD         GW_CAPACITY_ON_DEMAND
#define SPOT       GW_CAPACITY_SPOT
#define NOT_SHARED GW_SHARING_NONE, 1

const demo_node_row demo_node_rows[] = {
    [N_P5] = {"ip-10-0-11-21.ec2.internal", 0, P5, OD, NOT_SHARED, DEMO_NODE_SM_ACTIVE | DEMO_NODE_EKS_LABELS,
              FOREVER},
    [N_P4D] = {"ip-10-0-12-44.ec2.internal", 0, P4D, OD, NOT_SHARED, DEMO_NODE_EKS_LABELS, FOREVER},
    [N_SPOT] = {"ip-10-0-13-7.ec2.internal", 0, G6E, SPOT, NOT_SHARED, 0, DEMO_BEFORE, 0.60},
    [N_AFTER_SPOT] = {"ip-10-0-13-91.ec2.internal", 0, G6E, OD, NOT_SHARED, 0, 0.6004, DEMO_AFTER},
    [N_SLICED] = {"ip-10-0-14-3.ec2.internal", 0, G5, OD, GW_SHARING_TIME_SLICING, 4,
                  DEMO_NODE_NAME_ONE | DEMO_NODE_RENAMED, FOREVER},
    [N_DARK] = {"ip-10-0-16-88.ec2.internal", 0, G6, OD, NOT_SHARED, DEMO_NODE_NO_EXPORTER, FOREVER},
    [N_MIG] = {"gke-research-mig-7c1e2f9a-x1zq", 1, A2_ULTRA, OD, NOT_SHARED, 0, FOREVER, .mig = mixed_mig,
               .n_mig = (int)GW_COUNT(mixed_mig)},
    [N_A2] = {"gke-research-a100-5b0d7c34-m8kt", 1, A2_HIGH, SPOT, NOT_SHARED, 0, FOREVER},
    [N_MPS] = {"gke-research-l4-91ac66d2-q4vj", 1, G2, OD, GW_SHARING_MPS, 4, DEMO_NODE_NAME_ALL, FOREVER},
    [N_ND96] = {"aks-h100pool-31870214-vmss000000", 2, ND96, OD, NOT_SHARED, DEMO_NODE_SM_ACTIVE, FOREVER},
    [N_T4] = {"aks-t4pool-31870214-vmss000002", 2, NC64_T4, OD, NOT_SHARED, DEMO_NODE_NO_PROF, FOREVER},
    [N_A100] = {"aks-a100spot-31870214-vmss000005", 2, NC24_A100, SPOT, NOT_SHARED, 0, FOREVER},
    [N_PLANT] = {"plant7-gpu-01", 3, PLANT, GW_CAPACITY_UNKNOWN, NOT_SHARED, DEMO_NODE_SENTINELS, FOREVER,
                 .outage_from = 0.40, .outage_to = 0.43, .prof_stop = 0.57, .restart = 0.70},
    [N_CRON] = {"ip-10-0-15-60.ec2.internal", 0, G6E, OD, NOT_SHARED, DEMO_NODE_TWO_JOBS, FOREVER},
    [N_IDLE] = {"gke-research-l4-small-2d81c0b5-h6rw", 1, G2_4, OD, NOT_SHARED, 0, FOREVER},
    [N_HELD] = {"gke-research-l4-small-2d81c0b5-p9tk", 1, G2_4, OD, NOT_SHARED, 0, FOREVER},
    [N_LAB] = {"gke-research-l4-lab-6f3a90e4-b7dn", 1, G2_16, OD, NOT_SHARED, 0, FOREVER},
    [N_LAB_2] = {"gke-research-l4-lab-6f3a90e4-k2sx", 1, G2_16, OD, NOT_SHARED, 0, FOREVER},
    [N_LAB_3] = {"gke-research-l4-lab-6f3a90e4-w9fc", 1, G2_16, OD, NOT_SHARED, 0, FOREVER},
    [N_CPU] = {"ip-10-0-20-5.ec2.internal", 0, M6I, OD, NOT_SHARED,
               DEMO_NODE_EKS_LABELS | DEMO_NODE_NO_EXPORTER, FOREVER},
};
const size_t demo_n_node_rows = GW_COUNT(demo_node_rows);

/*                       level  gr    util  dram  tensor  memory */
#define CHAT_70B                                                                                             \
    {                                                                                                        \
        DEMO_SERVING, 0.038, 1.05, 2.60, 3.00, 0.50, 36480                                                   \
    }
#define CHAT_8B                                                                                              \
    {                                                                                                        \
        DEMO_SERVING, 0.14, 1.10, 2.40, 2.20, 0.60, 72000                                                    \
    }
#define DECODE                                                                                               \
    {                                                                                                        \
        DEMO_SERVING, 0.20, 1.10, 4.20, 3.90, 0.30, 37500                                                    \
    }
#define TRAIN(level, mib)                                                                                    \
    {                                                                                                        \
        DEMO_TRAINING, level, 1.08, 1.14, 0.62, 0.55, mib                                                    \
    }
#define BATCH(level, mib)                                                                                    \
    {                                                                                                        \
        DEMO_BATCH, level, 1.06, 1.12, 0.55, 0.40, mib                                                       \
    }
#define RHYTHM(level, mib)                                                                                   \
    {                                                                                                        \
        DEMO_RHYTHM, level, 1.10, 1.60, 0.70, 0.45, mib                                                      \
    }
#define PULSE(mib)                                                                                           \
    {                                                                                                        \
        DEMO_PULSE, 0.95, 1.02, 1.04, 0.50, 0.60, mib                                                        \
    }
#define STEADY(level, mib)                                                                                   \
    {                                                                                                        \
        DEMO_CONSTANT, level, 1, 1, 0.40, 0.30, mib                                                          \
    }
#define SILENT(mib)                                                                                          \
    {                                                                                                        \
        DEMO_SILENT, 0, 1, 1, 0, 0, mib                                                                      \
    }
#define NO_GPU                                                                                               \
    {                                                                                                        \
        DEMO_SILENT, 0, 1, 1, 0, 0, 0                                                                        \
    }
#define NOTEBOOK(who, level, mib)                                                                            \
    {                                                                                                        \
        .ns = "notebooks", .name = "jupyter-" who, .kind = DEMO_STATEFULSET, .team = "data-science",         \
        .environment = "development", .type = "notebook", .cpu = 2, .cpu_used = 0.9, .ram_gib = 12,          \
        .ram_used_gib = 6.5, .load = {                                                                       \
            DEMO_NOTEBOOK,                                                                                   \
            level,                                                                                           \
            1.10,                                                                                            \
            1.40,                                                                                            \
            0.60,                                                                                            \
            0.20,                                                                                            \
            mib                                                                                              \
        }                                                                                                    \
    }

const demo_work demo_works[] = {
    {"assistant", "llama-3-70b-chat", DEMO_DEPLOYMENT, "assistant", "shop-chat", "production", "llama-3-70b",
     "instruct-4", "inference", "cc-220", "gold", "awq-int4", 82, 5, 400, 84, CHAT_70B},
    {"assistant", "mixtral-8x7b-decode", DEMO_STATEFULSET, "assistant", "shop-chat", "production",
     "mixtral-8x7b", "v0.1", "inference", "cc-220", "gold", "fp16", 12, 6.5, 128, 88, DECODE},
    {"assistant", "llama-3-8b-chat", DEMO_DEPLOYMENT, "assistant", "shop-chat", "production", "llama-3-8b",
     "instruct-2", "inference", "cc-220", "silver", "fp8", 8, 4.6, 64, 41, CHAT_8B},
    {"assistant", "llama-3-8b-chat-eu", DEMO_DEPLOYMENT, "assistant", "shop-chat", "production", "llama-3-8b",
     "instruct-2", "inference", "cc-220", "silver", "fp8", 8, 4.6, 64, 41, CHAT_8B},
    {"assistant",
     "llama-3-70b-chat-eu",
     DEMO_DEPLOYMENT,
     "assistant",
     "shop-chat",
     "production",
     "llama-3-70b",
     "instruct-4",
     "inference",
     "cc-220",
     "gold",
     "fp16",
     24,
     5,
     320,
     90,
     {DEMO_SERVING, 0.06, 1.05, 2.60, 3.00, 0.50, 71000}},
    {"assistant", "guardrail-small", DEMO_DEPLOYMENT, "assistant", "shop-chat", "production",
     "guardrail-small", "v3", "inference", "cc-220", "gold", "none", 4, 2.4, 16, 10, RHYTHM(0.12, 6144)},
    {"research", "llama-3-70b-sft", DEMO_PYTORCHJOB, "research", "assistant-tuning", "development",
     "llama-3-70b", "sft-7", "training", "cc-410", "best-effort", "fsdp-bf16", 160, 96, 1600, 1180,
     TRAIN(0.86, 74000)},
    {"research", "eval-harness", DEMO_JOB, "research", "assistant-tuning", "development", "llama-3-70b",
     "sft-7", "batch", "cc-410", "best-effort", NULL, 8, 5, 96, 70, BATCH(0.45, 61000)},
    {"research", "qwen-lora-dev", DEMO_DEPLOYMENT, "research", "style-lab", "development", "qwen2-7b",
     "exp-3", NULL, "cc-410", NULL, NULL, 8, 0.05, 64, 2, SILENT(0)},
    {"research", "qwen2-72b-eval", DEMO_DEPLOYMENT, "research", "style-lab", "development", "qwen2-72b",
     "base", NULL, "cc-410", NULL, NULL, 8, 0.05, 96, 3, SILENT(420)},
    {"research", "raycluster-llm-dpo", DEMO_RAYCLUSTER, "research", "assistant-tuning", "development",
     "llama-3-8b", "dpo-2", "training", "cc-410", "best-effort", "deepspeed-zero3", 22, 14, 400, 290,
     TRAIN(0.88, 70500)},
    {"research", "vit-pretrain", DEMO_JOB, "research", "catalog-vision", "development", "vit-l-16", "run-31",
     "training", "cc-410", "best-effort", "bf16", 20, 12, 120, 84, TRAIN(0.84, 36500)},
    {"research", "phi-3-distill", DEMO_JOB, "research", "edge-models", "development", "phi-3-mini",
     "distill-5", "training", "cc-410", "best-effort", "bf16", 16, 9.5, 128, 88, TRAIN(0.87, 68000)},
    {"research", "tabular-sweep", DEMO_JOB, "research", "demand-forecast", "development", "tabnet",
     "sweep-12", "batch", "cc-410", "best-effort", NULL, 6, 4, 48, 33, BATCH(0.62, 21000)},
    {"research", "mixtral-dpo", DEMO_JOB, "research", "assistant-tuning", "development", "mixtral-8x7b",
     "dpo-1", "training", "cc-410", "best-effort", "bf16", 40, 0, 400, 0, TRAIN(0.85, 37000)},
    {"research", "llama-3-405b-sft", DEMO_JOB, "research", "assistant-tuning", "development", "llama-3-405b",
     "sft-1", "training", "cc-410", "best-effort", "fp8", 160, 0, 1600, 0, TRAIN(0.85, 74000)},
    {"creative", "sdxl-serve", DEMO_ROLLOUT, "creative", "canvas", "production", "sdxl", "1.0-turbo",
     "inference", "cc-305", "silver", "tensorrt", 6, 3.4, 48, 30, PULSE(14200)},
    {"creative", "sdxl-lora-train", DEMO_CRONJOB, "creative", "canvas", "production", "sdxl", "lora-nightly",
     "training", "cc-305", "best-effort", NULL, 16, 10, 128, 80, BATCH(0.80, 31000)},
    {"vision", "ocr-detector", DEMO_DEPLOYMENT, "vision", "doc-intake", "production", "trocr", "v5",
     "inference", "cc-318", "silver", "int8", 6, 3.7, 32, 21, STEADY(0.60, 12000)},
    {"vision", "video-caption", DEMO_DEPLOYMENT, "vision", "catalog-video", "staging", "llava-next", "v2",
     "inference", "cc-318", "bronze", NULL, 8, 4.5, 64, 44, RHYTHM(0.35, 31500)},
    {"vision",
     "qwen2-vl-14b",
     DEMO_DEPLOYMENT,
     "vision",
     "catalog-video",
     "staging",
     "qwen2-vl-14b",
     "v1",
     "inference",
     "cc-318",
     "bronze",
     NULL,
     8,
     4.6,
     72,
     50,
     {DEMO_SERVING, 0.05, 1.05, 2.60, 3.00, 0.50, 36200}},
    {"vision", "moderation", DEMO_DEPLOYMENT, "vision", "trust", "production", "nsfw-vit", "v9", "inference",
     "cc-318", "gold", "int8", 4, 2.4, 16, 10, PULSE(5200)},
    {"search", "embedder", DEMO_DEPLOYMENT, "search", "shop-search", "production", "e5-large", "v2",
     "inference", "cc-230", "gold", "fp16", 4, 2.5, 16, 10, RHYTHM(0.40, 7200)},
    {"search", "reranker-bge", DEMO_DEPLOYMENT, "search", "shop-search", "production", "bge-reranker",
     "v2-m3", "inference", "cc-230", "gold", "fp16", 2, 1.2, 8, 5, RHYTHM(0.13, 3600)},
    {"search", "query-embed", DEMO_DEPLOYMENT, "search", "shop-search", "production", "e5-base", "v2",
     "inference", "cc-230", "gold", "fp16", 2, 1.2, 8, 5, RHYTHM(0.10, 2400)},
    {"search", "reranker-minilm", DEMO_DEPLOYMENT, "search", "shop-search", "production", "minilm-l12", "v1",
     "inference", "cc-230", "silver", "int8", 4, 2.4, 16, 10, RHYTHM(0.30, 4800)},
    {"search", "colbert", DEMO_DEPLOYMENT, "search", "shop-search", "staging", "colbert-v2", "v2",
     "inference", "cc-230", "bronze", NULL, 2, 1.2, 12, 8, RHYTHM(0.25, 6100)},
    {"search", "ann-index-build", DEMO_JOB, "search", "shop-search", "production", NULL, NULL, "batch",
     "cc-230", "best-effort", NULL, 8, 5, 96, 66, BATCH(0.30, 22000)},
    /* no team on the pods: the namespace says it */
    {"speech", "whisper-large-v3", DEMO_DEPLOYMENT, NULL, "call-notes", "production", "whisper", "large-v3",
     "inference", NULL, "silver", NULL, 4, 2.4, 24, 16, RHYTHM(0.45, 11200)},
    {"speech", "whisper-small", DEMO_DEPLOYMENT, NULL, "voice-search", "production", "whisper", "small",
     "inference", NULL, "gold", NULL, 2, 1.2, 8, 5, RHYTHM(0.12, 2900)},
    {"speech", "tts-vits", DEMO_DEPLOYMENT, NULL, "call-notes", "production", "vits", "en-3", "inference",
     NULL, "silver", NULL, 4, 2.3, 16, 10, RHYTHM(0.50, 3900)},
    {"fraud", "fraud-scorer", DEMO_DEPLOYMENT, NULL, NULL, "production", "fraud-gbdt", "2026-07", "inference",
     NULL, "gold", NULL, 2, 1.2, 12, 8, RHYTHM(0.40, 5200)},
    {"fraud", "fraud-gnn", DEMO_DEPLOYMENT, NULL, NULL, "production", "fraud-gnn", "2026-08", "inference",
     NULL, "gold", NULL, 4, 2.4, 32, 20, STEADY(0.50, 9000)},
    {"data-platform", "catalog-embed", DEMO_CRONJOB, "data-platform", "catalog", "production", "e5-large",
     "v2", "batch", "cc-120", "best-effort", NULL, 24, 15, 160, 110, BATCH(0.75, 30500)},
    {"manufacturing", "defect-detector", DEMO_STATEFULSET, NULL, "line-7", "production", "yolo-v9",
     "line7-12", "inference", NULL, "gold", "tensorrt", 8, 4.8, 32, 20, STEADY(0.35, 9800)},
    {"lab", "gromacs-md", DEMO_BARE, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 8, 5, 32, 20,
     STEADY(0.95, 11500)},
    /* nobody labelled these */
    {"sandbox", "tmp-gpu-test", DEMO_BARE, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 4, 0.02, 16,
     0.5, SILENT(0)},
    {"default", "demo-endpoint", DEMO_DEPLOYMENT, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 8,
     4.6, 64, 42, RHYTHM(0.22, 17500)},
    NOTEBOOK("alice", 0.30, 4100),
    NOTEBOOK("bob", 0.20, 6800),
    NOTEBOOK("chen", 0.18, 5200),
    NOTEBOOK("dana", 0.25, 2900),
    NOTEBOOK("emil", 0.40, 7400),
    NOTEBOOK("fatima", 0.45, 3600),
    NOTEBOOK("goro", 0.25, 4700),
    NOTEBOOK("hana", 0.35, 5900),
    NOTEBOOK("ivan", 0.30, 3300),
    {"research",
     "style-notebook",
     DEMO_STATEFULSET,
     "research",
     "style-lab",
     "development",
     "qwen2-7b",
     "exp-3",
     "notebook",
     "cc-410",
     "best-effort",
     NULL,
     4.5,
     2.2,
     18,
     12,
     {DEMO_NOTEBOOK, 0.18, 1.10, 1.40, 0.60, 0.20, 4900}},
    {"research", "model-registry", DEMO_DEPLOYMENT, "research", NULL, "development", NULL, NULL, NULL,
     "cc-410", NULL, NULL, 2, 0.9, 6, 3.5, NO_GPU},
    {"monitoring", "prometheus-k8s", DEMO_STATEFULSET, "platform", NULL, "production", NULL, NULL, NULL, NULL,
     NULL, NULL, 4, 2.2, 24, 17, NO_GPU},
    {"gpu-operator", "nvidia-dcgm-exporter", DEMO_DAEMONSET, "platform", NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, 0.1, 0, 0.25, 0, NO_GPU},
};
const size_t demo_n_works = GW_COUNT(demo_works);

const demo_place demo_places[] = {
    /* p5: a training run over all eight GPUs ends, they stand idle for a day and a half, then small things
       move in */
    {"llama-3-70b-sft", N_P5, U4(0) | U4(4), DEMO_BEFORE, 0.45, .linger_minutes = 30},
    {"llama-3-8b-chat", N_P5, U(0), 0.66, DEMO_AFTER},
    {"llama-3-8b-chat", N_P5, U(1), 0.66, DEMO_AFTER, .flags = DEMO_PLACE_RESTARTED},
    {"llama-3-8b-chat", N_P5, U(2), 0.67, DEMO_AFTER},
    {"eval-harness", N_P5, U(3), 0.68, DEMO_AFTER},
    {"qwen-lora-dev", N_P5, U(4), 0.70, DEMO_AFTER},
    /* p4d: reserved memory and hardly any compute; memory-bound decoding; two GPUs free all week */
    {"llama-3-70b-chat", N_P4D, U4(0), FOREVER, .flags = DEMO_PLACE_RESTARTED},
    {"mixtral-8x7b-decode", N_P4D, U2(4), FOREVER},
    /* spot L40S: the node is taken away, and Karpenter falls back to an on-demand one */
    {"sdxl-serve", N_SPOT, U(0), DEMO_BEFORE, 0.5999},
    {"sdxl-serve", N_SPOT, U(1), DEMO_BEFORE, 0.5999},
    {"sdxl-serve", N_SPOT, U(2), DEMO_BEFORE, 0.5999},
    {"sdxl-serve", N_AFTER_SPOT, U(0), 0.6010, DEMO_AFTER},
    {"sdxl-serve", N_AFTER_SPOT, U(1), 0.6012, DEMO_AFTER},
    {"sdxl-serve", N_AFTER_SPOT, U(2), 0.6014, DEMO_AFTER},
    /* A10G, four time slices each; the exporter knows one notebook of each GPU */
    {"jupyter-alice", N_SLICED, U(0), FOREVER, .flags = DEMO_PLACE_NAMED},
    {"jupyter-bob", N_SLICED, U(0), FOREVER},
    {"jupyter-chen", N_SLICED, U(0), 0.20, DEMO_AFTER},
    {"jupyter-dana", N_SLICED, U(1), FOREVER, .flags = DEMO_PLACE_NAMED},
    {"jupyter-emil", N_SLICED, U(1), DEMO_BEFORE, 0.80},
    {"jupyter-fatima", N_SLICED, U(2), FOREVER, .flags = DEMO_PLACE_NAMED},
    {"jupyter-goro", N_SLICED, U(2), FOREVER},
    {"jupyter-hana", N_SLICED, U(3), FOREVER, .flags = DEMO_PLACE_NAMED},
    {"jupyter-ivan", N_SLICED, U(3), FOREVER},
    /* L4 without an exporter */
    {"whisper-large-v3", N_DARK, U(0), FOREVER},
    {"whisper-large-v3", N_DARK, U(1), 0.15, DEMO_AFTER},
    {"embedder", N_DARK, U(2), FOREVER},
    /* MIG */
    {"fraud-scorer", N_MIG, U(0), FOREVER},
    {"fraud-scorer", N_MIG, U(1), FOREVER},
    {"fraud-scorer", N_MIG, U(2), FOREVER},
    {"fraud-scorer", N_MIG, U(3), 0.25, DEMO_AFTER},
    {"colbert", N_MIG, U(4), FOREVER},
    {"qwen2-vl-14b", N_MIG, U(7), FOREVER},
    {"fraud-gnn", N_MIG, U(8), FOREVER},
    {"tabular-sweep", N_MIG, U(9), 0.30, 0.80, .linger_minutes = 30},
    {"qwen2-72b-eval", N_MIG, U(11), 0.10, DEMO_AFTER},
    /* A100 40 GB spot: nightly batch; a GPU falls off the bus under a training job */
    {"catalog-embed", N_A2, U2(0), FOREVER, .cron_hour = 1, .cron_minutes = 210, .linger_minutes = 12},
    {"demo-endpoint", N_A2, U(2), FOREVER},
    {"video-caption", N_A2, U(3), FOREVER, .flags = DEMO_PLACE_RESTARTED | DEMO_PLACE_OOM_KILLED},
    {"vit-pretrain", N_A2, U2(6), DEMO_BEFORE, 0.4502, .flags = DEMO_PLACE_FAILED, .linger_minutes = 30},
    {"vit-pretrain", N_A2, U2(4), 0.46, DEMO_AFTER},
    {"ann-index-build", N_A2, U(7), 0.50, DEMO_AFTER},
    /* L4, MPS: four to a GPU, each of them on every metric */
    {"reranker-bge", N_MPS, U(0), FOREVER},
    {"reranker-bge", N_MPS, U(0), FOREVER},
    {"query-embed", N_MPS, U(0), FOREVER},
    {"whisper-small", N_MPS, U(0), FOREVER},
    {"reranker-bge", N_MPS, U(1), FOREVER},
    {"reranker-bge", N_MPS, U(1), 0.12, DEMO_AFTER},
    {"query-embed", N_MPS, U(1), FOREVER},
    {"whisper-small", N_MPS, U(1), FOREVER},
    {"reranker-bge", N_MPS, U(2), FOREVER},
    {"reranker-bge", N_MPS, U(2), DEMO_BEFORE, 0.73},
    {"query-embed", N_MPS, U(2), FOREVER},
    {"whisper-small", N_MPS, U(2), FOREVER},
    {"reranker-bge", N_MPS, U(3), FOREVER},
    {"reranker-bge", N_MPS, U(3), FOREVER},
    {"query-embed", N_MPS, U(3), FOREVER},
    /* H100 on Azure, read by two Prometheis: a Ray cluster that nobody shut down; a small model on 80 GB */
    {"raycluster-llm-dpo", N_ND96, U2(0), 0.20, DEMO_AFTER, .busy_to = 0.75},
    {"raycluster-llm-dpo", N_ND96, U2(2), 0.20, DEMO_AFTER, .busy_to = 0.75},
    {"guardrail-small", N_ND96, U(4), FOREVER},
    {"llama-3-8b-chat-eu", N_ND96, U(5), FOREVER},
    {"llama-3-70b-chat-eu", N_ND96, U2(6), FOREVER},
    /* T4: only GPU_UTIL */
    {"reranker-minilm", N_T4, U(0), FOREVER},
    {"tts-vits", N_T4, U(1), FOREVER},
    {"moderation", N_T4, U(2), FOREVER},
    {"phi-3-distill", N_A100, U(0), 0.10, 0.85},
    /* the plant's own machine, with an old exporter and a pod that kube-state-metrics does not watch */
    {"defect-detector", N_PLANT, U(0), FOREVER, .ordinal = 0},
    {"defect-detector", N_PLANT, U(1), FOREVER, .ordinal = 1},
    {"gromacs-md", N_PLANT, U(2), FOREVER, .flags = DEMO_PLACE_NO_STATE},
    {"sdxl-lora-train", N_CRON, U2(0), FOREVER, .cron_hour = 2, .cron_minutes = 180, .linger_minutes = 12},
    {"ocr-detector", N_CRON, U(2), FOREVER},
    {"tmp-gpu-test", N_CRON, U(3), FOREVER},
    {"prometheus-k8s", N_CPU, 0, FOREVER},
    /* no GPU, and never two on a host: one of them is all that runs on a GPU node */
    {"model-registry", N_HELD, 0, FOREVER},
    {"model-registry", N_A2, 0, FOREVER},
    /* three people of one team, and a GPU each for what one GPU does in turn */
    {"style-notebook", N_LAB, U(0), FOREVER, .ordinal = 0},
    {"style-notebook", N_LAB_2, U(0), FOREVER, .ordinal = 1},
    {"style-notebook", N_LAB_3, U(0), FOREVER, .ordinal = 2},
    /* wait for GPUs that are free, but never enough on one node */
    {"mixtral-dpo", GW_NONE, U4(0), 0.70, DEMO_AFTER},
    {"llama-3-405b-sft", GW_NONE, U4(0) | U4(4), 0.75, DEMO_AFTER},
};
const size_t demo_n_places = GW_COUNT(demo_places);

const demo_event demo_events[] = {
    {N_P5, 3, 0.30, 94, false}, /* contained memory error: the run went on */
    {N_A2, 6, 0.45, 79, true},  /* the GPU has fallen off the bus */
    {N_T4, 0, 0.62, 31, false}, /* a page fault of the application's own making */
};
const size_t demo_n_events = GW_COUNT(demo_events);

const demo_ns_row demo_ns_rows[] = {
    {"assistant", "assistant", "cc-220", "production"},
    {"research", "research", "cc-410", "development"},
    {"creative", "creative", "cc-305", "production"},
    {"vision", NULL, NULL, NULL},
    {"search", NULL, NULL, NULL},
    {"speech", "speech", "cc-251", "production"},
    {"fraud", "risk", "cc-270", NULL},
    {"data-platform", NULL, NULL, NULL},
    {"manufacturing", "plant-systems", "cc-700", "production"},
    {"notebooks", NULL, "cc-410", NULL},
    {"sandbox", NULL, NULL, NULL},
    {"default", NULL, NULL, NULL},
    {"monitoring", "platform", NULL, NULL},
    {"gpu-operator", "platform", NULL, NULL},
};
const size_t demo_n_ns_rows = GW_COUNT(demo_ns_rows);

const demo_node_row demo_more_nodes[] = {
    {"ip-10-1-", 0, P4D, OD, NOT_SHARED, DEMO_NODE_SM_ACTIVE, FOREVER},
    {"gke-research-more-", 1, A2_HIGH, SPOT, NOT_SHARED, DEMO_NODE_SM_ACTIVE, FOREVER},
    {"aks-more-", 2, ND96, OD, NOT_SHARED, DEMO_NODE_SM_ACTIVE, FOREVER},
    {"ip-10-2-", 0, G6E_48, SPOT, NOT_SHARED, DEMO_NODE_SM_ACTIVE, FOREVER},
};
const size_t demo_n_more_nodes = GW_COUNT(demo_more_nodes);

const demo_work demo_more_works[] = {
    {"research", "train", DEMO_PYTORCHJOB, "research", "sweep", "development", "vit-l-16", "run", "training",
     "cc-410", "best-effort", "bf16", 32, 20, 256, 180, TRAIN(0.82, 33000)},
    {"assistant",
     "serve",
     DEMO_DEPLOYMENT,
     "assistant",
     "shop-chat",
     "production",
     "llama-3-8b",
     "instruct-2",
     "inference",
     "cc-220",
     "silver",
     "fp8",
     8,
     4.6,
     64,
     41,
     {DEMO_SERVING, 0.10, 1.10, 2.40, 2.20, 0.60, 34000}},
    {"search", "embed", DEMO_DEPLOYMENT, "search", "shop-search", "production", "e5-large", "v2", "inference",
     "cc-230", "gold", "fp16", 4, 2.5, 16, 10, RHYTHM(0.40, 7200)},
    {.ns = NULL},
};

const demo_place demo_more_places[] = {
    {"train", 0, U4(0), 0.05, 0.70},
    {"serve", 0, U(4), FOREVER},
    {"serve", 0, U(5), FOREVER},
    {"embed", 0, U(6), FOREVER},
};
const size_t demo_n_more_places = GW_COUNT(demo_more_places);
