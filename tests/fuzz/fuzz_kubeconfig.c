/* Any bytes as a kubeconfig, and as what an exec plugin prints: refused with a message, or complete. */
#include <sys/mman.h>
#include <unistd.h>

#include "observe/kube_exec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int r, const gw_error *e)
{
    if (r == GW_EINTERNAL || (r && (e->code != r || !e->message[0])))
        abort();
}

static void load(const char *path, const char *context)
{
    gw_arena a;
    gw_error e = {0};
    gw_kube_access access = {0};
    bool found = false;
    gw_arena_init(&a, (size_t)64 << 20);
    int r = gw_kubeconfig_load(&a, &(gw_kubeconfig_options){.list = path, .context = context}, &access,
                               &found, &e);
    check(r, &e);
    if (r && (found || access.server))
        abort();
    if (found && (!access.server || !strstr(access.server, "://") || !access.context))
        abort();
    if (found && access.exec &&
        (!access.exec->command || !access.exec->args || !access.exec->env || !access.exec->exec_info))
        abort();
    gw_arena_free(&a);
}

static void credential(const uint8_t *data, size_t size)
{
    static const gw_kube_exec x = {
        .where = "k:1:1", .command = "p", .api_version = "client.authentication.k8s.io/v1"};
    gw_arena a;
    gw_error e = {0};
    gw_kube_credential c = {0};
    gw_arena_init(&a, (size_t)64 << 20);
    int r = gw_kube_credential_parse(&a, &x, (gw_str){(const char *)data, size}, &c, &e);
    check(r, &e);
    if (!r && !c.token && !c.cert_data.n)
        abort();
    gw_arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("kubeconfig", MFD_CLOEXEC);
        if (fd < 0)
            abort();
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    load(path, NULL);
    load(path, "c");
    credential(data, size);
    return 0;
}
