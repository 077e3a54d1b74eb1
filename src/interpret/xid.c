#include "interpret/xid.h"

#define RESET  "drain the node and reset the GPU; if it comes back, have the hardware looked at"
#define REBOOT "drain the node and power-cycle it; if it comes back, replace the GPU"
#define DEBUG                                                                                                \
    "have its owner debug it, with Compute Sanitizer's memcheck for one; the GPU is healthy as a rule"
#define RESTART "restart the program; if it comes back with other programs, ask NVIDIA's support"
#define LINK    "check the links (nvidia-smi nvlink), drain the node and reset its GPUs"
#define WATCH   "no action now; count how often it comes"

static const gw_xid_meaning TABLE[] = {
    {8, 8, GW_XID_APPLICATION, GW_SEVERITY_LOW, "the GPU stopped processing a program's work", RESTART},
    {11, 11, GW_XID_APPLICATION, GW_SEVERITY_LOW, "a corrupted command stream", DEBUG},
    {13, 13, GW_XID_APPLICATION, GW_SEVERITY_LOW,
     "a compute engine exception, mostly an access out of bounds", DEBUG},
    {14, 14, GW_XID_NOTE, GW_SEVERITY_INFO, "an injected test error", WATCH},
    {25, 25, GW_XID_APPLICATION, GW_SEVERITY_LOW, "an illegal command stream", DEBUG},
    {31, 31, GW_XID_APPLICATION, GW_SEVERITY_LOW, "a GPU memory page fault, mostly an illegal address",
     DEBUG},
    {32, 32, GW_XID_DRIVER, GW_SEVERITY_MEDIUM, "a corrupted command stream between driver and GPU",
     "restart the program, and check the quality of the PCIe link"},
    {37, 38, GW_XID_DRIVER, GW_SEVERITY_LOW, "a driver firmware error", WATCH},
    {39, 41, GW_XID_DRIVER, GW_SEVERITY_LOW, "a copy engine exception", RESTART},
    {43, 43, GW_XID_APPLICATION, GW_SEVERITY_LOW, "a program's channel was reset after its own fault", DEBUG},
    {44, 44, GW_XID_DRIVER, GW_SEVERITY_LOW, "a fault during a context switch", WATCH},
    {45, 45, GW_XID_NOTE, GW_SEVERITY_INFO, "a program's work was removed after it ended or was killed",
     "no action by itself: look for another code at the same time"},
    {46, 46, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "the GPU stopped processing", RESET},
    {48, 48, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "an uncorrectable (double-bit) memory error", RESET},
    {54, 54, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "auxiliary power is not connected to the board",
     "drain the node and check its cables"},
    {60, 60, GW_XID_DRIVER, GW_SEVERITY_LOW, "a video processor exception", RESTART},
    {61, 61, GW_XID_HARDWARE, GW_SEVERITY_HIGH,
     "a breakpoint of the power management controller (older GPUs)", RESET},
    {62, 62, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "an internal micro-controller halted", RESET},
    {63, 63, GW_XID_HARDWARE, GW_SEVERITY_LOW, "a faulty memory row or page was set aside",
     "no action now: it takes effect at the next GPU reset; replace the board if more follow"},
    {64, 64, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "a faulty memory row or page could not be set aside", RESET},
    {66, 67, GW_XID_DRIVER, GW_SEVERITY_LOW, "an illegal access by the driver", WATCH},
    {68, 68, GW_XID_DRIVER, GW_SEVERITY_LOW, "a video decoder exception", RESTART},
    {69, 69, GW_XID_APPLICATION, GW_SEVERITY_LOW, "a compute class error", DEBUG},
    {70, 72, GW_XID_DRIVER, GW_SEVERITY_LOW, "a copy engine exception", RESTART},
    {74, 74, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "an NVLink error, here or at the other end of the link",
     LINK},
    {75, 77, GW_XID_DRIVER, GW_SEVERITY_LOW, "a copy engine exception", RESTART},
    {78, 78, GW_XID_DRIVER, GW_SEVERITY_MEDIUM, "a virtual GPU could not start",
     "update the driver and the vGPU software"},
    {79, 79, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "the GPU has fallen off the bus", REBOOT},
    {80, 80, GW_XID_DRIVER, GW_SEVERITY_MEDIUM, "corrupted data was sent to the GPU", RESTART},
    {82, 86, GW_XID_DRIVER, GW_SEVERITY_LOW, "an image, video or copy engine exception", RESTART},
    {88, 89, GW_XID_DRIVER, GW_SEVERITY_LOW, "a video decoder exception", RESTART},
    {92, 92, GW_XID_HARDWARE, GW_SEVERITY_LOW, "a high rate of corrected memory errors", WATCH},
    {93, 93, GW_XID_NOTE, GW_SEVERITY_INFO, "the InfoROM's wear limit was reached", WATCH},
    {94, 94, GW_XID_HARDWARE, GW_SEVERITY_MEDIUM, "a memory error contained to one program",
     "restart that program, and reset the GPU when convenient"},
    {95, 95, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "a memory error that reached several programs", RESET},
    {96, 105, GW_XID_DRIVER, GW_SEVERITY_LOW, "a video or image decoder exception", RESTART},
    {106, 107, GW_XID_NOTE, GW_SEVERITY_INFO, "a test message", WATCH},
    {109, 109, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "a context switch timed out", RESET},
    {110, 110, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "a security fault", REBOOT},
    {119, 120, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "the GPU's system processor (GSP) failed or did not answer",
     RESET},
    {121, 121, GW_XID_NOTE, GW_SEVERITY_INFO, "corrected errors on the link to the CPU",
     "no action now: reset the GPU in a maintenance window"},
    {126, 135, GW_XID_DRIVER, GW_SEVERITY_LOW, "a copy engine exception", RESTART},
    {136, 136, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "an NVLink link could not be trained", LINK},
    {137, 137, GW_XID_APPLICATION, GW_SEVERITY_LOW, "an illegal access to another GPU over NVLink", DEBUG},
    {139, 139, GW_XID_DRIVER, GW_SEVERITY_LOW, "an optical flow engine exception", RESTART},
    {140, 140, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "an uncorrectable memory error that could not be set aside",
     RESET},
    {141, 141, GW_XID_DRIVER, GW_SEVERITY_LOW, "a CUDA fast path error", WATCH},
    {143, 143, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "the GPU could not be initialised", RESET},
    {144, 150, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "an NVLink error", LINK},
    {151, 151, GW_XID_DRIVER, GW_SEVERITY_MEDIUM, "a key rotation error of confidential computing",
     "restart the virtual machine"},
    {154, 154, GW_XID_NOTE, GW_SEVERITY_MEDIUM, "the driver changed its recovery advice for the GPU",
     "read the advice in the kernel log: it sums up what the other codes need"},
    {155, 155, GW_XID_HARDWARE, GW_SEVERITY_MEDIUM, "an NVLink link went down on purpose or by software",
     LINK},
    {156, 156, GW_XID_HARDWARE, GW_SEVERITY_MEDIUM, "a faulty part of the GPU was set aside",
     "reset the GPU when convenient"},
    {157, 157, GW_XID_HARDWARE, GW_SEVERITY_MEDIUM, "a faulty part of the GPU could not be set aside",
     "work may go on and fail again: have the hardware looked at"},
    {158, 158, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "the GPU timed out fatally", RESET},
    {160, 161, GW_XID_DRIVER, GW_SEVERITY_LOW, "a memory channel was set aside, or could not be", WATCH},
    {167, 167, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "a fatal PCIe timeout", REBOOT},
    {171, 172, GW_XID_HARDWARE, GW_SEVERITY_HIGH, "an uncorrectable memory error", RESET},
};

const char *gw_xid_cause_name(gw_xid_cause c)
{
    static const char *const names[] = {"hardware", "driver", "application", "note", "unlisted"};
    return (unsigned)c < GW_COUNT(names) ? names[c] : "unlisted";
}

const gw_xid_meaning *gw_xid_look_up(int32_t code)
{
    static const gw_xid_meaning unlisted = {0,
                                            0,
                                            GW_XID_UNLISTED,
                                            GW_SEVERITY_MEDIUM,
                                            "a code that gpuwise has no entry for",
                                            "look it up at https://docs.nvidia.com/deploy/xid-errors/"};
    size_t low = 0, high = GW_COUNT(TABLE); /* sorted by code */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (code > TABLE[mid].last)
            low = mid + 1;
        else if (code < TABLE[mid].first)
            high = mid;
        else
            return &TABLE[mid];
    }
    return &unlisted;
}
