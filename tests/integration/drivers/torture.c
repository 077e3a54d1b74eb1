/*
 * Runs one gpuwise command again and again in one process, failing its allocation number 1, 2, 3, ... in turn
 * (or every STEPth). Each run must either write exactly what an undisturbed run writes, or write nothing and
 * report GW_ENOMEM; and nothing may leak (under a build with AddressSanitizer each run is followed by a leak
 * check).
 *
 * usage: torture STEP VERB ARGUMENTS...
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/cli.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#define LEAKS() __lsan_do_recoverable_leak_check()
#else
#define LEAKS() 0
#endif

#define RUNS_MAX UINT64_C(10000000)

static const char *no_environment(void *unused, const char *name)
{
    GW_UNUSED(unused);
    GW_UNUSED(name);
    return NULL;
}

/* The clock stands still, so that two runs can write the same. */
static int64_t still(void *unused)
{
    GW_UNUSED(unused);
    return INT64_C(1790000000000);
}

static int run_once(int argc, char **argv, gw_error *e)
{
    gw_cli cli = {.program = "gpuwise", .env = no_environment, .clock = still};
    gw_options_init(&cli.options);
    const gw_verb *v = gw_verb_find(argv[0]);
    if (!v)
        return gw_fail(e, GW_EUSAGE, "no verb %s", argv[0]);
    int rc = gw_options_parse(&v->command, cli.program, argc - 1, argv + 1, cli.env, NULL, &cli.options,
                              &cli.operands, e);
    return rc ? rc : v->run(&cli, e);
}

static size_t size_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? (size_t)st.st_size : 0;
}

/* Empties the file behind stdout. */
static void rewind_output(void)
{
    fflush(stdout);
    if (ftruncate(STDOUT_FILENO, 0) == 0)
        lseek(STDOUT_FILENO, 0, SEEK_SET);
}

static char *slurp(int fd, size_t n)
{
    char *text = malloc(n + 1);
    ssize_t got = text ? pread(fd, text, n, 0) : -1;
    if (got != (ssize_t)n) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    return text;
}

int main(int argc, char **argv)
{
    int64_t step;
    if (argc < 3 || !gw_parse_int64(gw_str_of(argv[1]), &step) || step < 1) {
        fputs("usage: torture STEP VERB ARGUMENTS...\n", stderr);
        return 2;
    }
    int out = memfd_create("stdout", 0);
    if (out < 0 || dup2(out, STDOUT_FILENO) < 0)
        return 2;
    gw_error e = {0};
    /* the first run also makes what lives as long as the process */
    for (int i = 0; i < 2; i++) {
        rewind_output();
        gw_mem_fail_at(0);
        if (run_once(argc - 2, argv + 2, &e)) {
            fprintf(stderr, "not ok - undisturbed: %s\n", e.message);
            return 1;
        }
    }
    fflush(stdout);
    uint64_t allocations = gw_mem_count();
    size_t n = size_of(out);
    char *want = slurp(out, n);
    uint64_t survived = 0, refused = 0;
    int64_t live = gw_mem_live();
    for (uint64_t at = 1; at <= allocations && at < RUNS_MAX; at += (uint64_t)step) {
        rewind_output();
        e = (gw_error){0};
        gw_mem_fail_at(at);
        int rc = run_once(argc - 2, argv + 2, &e);
        gw_mem_fail_at(0);
        fflush(stdout);
        size_t wrote = size_of(out);
        const char *wrong = NULL;
        char *text = slurp(out, wrote);
        if (rc == 0 && (wrote != n || !text || memcmp(text, want, n) != 0))
            wrong = "reports success and writes something else";
        else if (rc != 0 && rc != GW_ENOMEM)
            wrong = "fails with another error";
        else if (rc == GW_ENOMEM && wrote != 0)
            wrong = "fails and has written";
        else if (gw_mem_live() != live || LEAKS())
            wrong = "leaks";
        free(text);
        if (wrong) {
            fprintf(stderr, "not ok - allocation %" PRIu64 " of %" PRIu64 ": %s (%d: %s)\n", at, allocations,
                    wrong, rc, e.message);
            return 1;
        }
        survived += rc == 0;
        refused += rc != 0;
    }
    free(want);
    fprintf(stderr,
            "ok - %s: %" PRIu64 " allocations, every %" PRId64 ". failed: %" PRIu64 " refused, %" PRIu64
            " did without\n",
            argv[2], allocations, step, refused, survived);
    return 0;
}
