/*
 * Replays a published order of arrival on a published cluster, and prints how full a policy gets it.
 *
 *     pack-replay --nodes CSV --pods CSV --events F --order F --typical F --policy NAME [-o csv]
 *
 * Pods come one at a time in the order of --events; none leaves, none is tried again. Demand and allocation
 * count gpu_milli * num_gpu over the cluster's capacity. Each arrival falls into the column of its arrived
 * demand in per cent, rounded half to even; a column's allocation is the mean of the allocation after its
 * arrivals, rounded to two decimals each, as published, and its fragmentation the mean of FGD's measure over
 * what is idle. Times go to stderr: placing alone, without reading and printing; one core.
 */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pack_replay_input.h"

#define COLUMNS_MAX 1001 /* per cent of arrived demand that are printed */

typedef struct settings {
    const char *nodes, *pods, *events, *order, *typical, *output;
    const gw_pack_policy *policy;
} settings;

typedef struct column {
    double allocation, fragmentation;
    size_t n;
} column;

typedef struct replay {
    gw_pack *pack;
    const input *in;
    double capacity, arrived, allocated; /* GPU milli */
    double *fragment, fragments;         /* of each node, and their sum */
    size_t placed;
    column columns[COLUMNS_MAX];
} replay;

/* Puts the fragmentation of one node into the sum again. */
static void measure(replay *r, size_t node)
{
    double f = gw_pack_fragmentation(&r->in->mix, gw_pack_node_at(r->pack, node));
    r->fragments += f - r->fragment[node];
    r->fragment[node] = f;
}

static void count(replay *r)
{
    double percent = rint(100 * r->arrived / r->capacity); /* the default rounding is half to even */
    if (percent >= COLUMNS_MAX)
        return;
    column *c = &r->columns[(size_t)percent];
    double idle = r->capacity - r->allocated;
    c->allocation += rint(1e4 * r->allocated / r->capacity) / 100;
    c->fragmentation += idle > 0 ? 100 * r->fragments / idle : 0;
    c->n++;
}

static int arrive(replay *r, const gw_pack_pod *pod, gw_error *e)
{
    gw_pack_place at;
    double milli = pod->gpus * pod->gpu_milli;
    int rc = gw_pack_place_pod(r->pack, pod, &at, e);
    if (rc < 0)
        return rc;
    r->arrived += milli;
    if (rc == 1) {
        r->allocated += milli;
        r->placed++;
        measure(r, at.node);
    }
    count(r);
    return 0;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print(const replay *r)
{
    puts("arrived_pct,allocation_pct,fragmentation_pct_of_idle");
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        const column *c = &r->columns[i];
        if (c->n)
            printf("%zu,%.4f,%.4f\n", i, c->allocation / (double)c->n, c->fragmentation / (double)c->n);
    }
}

static int run(replay *r, const settings *s, gw_error *e)
{
    double begin = seconds();
    int rc = gw_pack_new(s->policy, r->in->nodes, r->in->n_nodes, &r->in->mix, &r->pack, e);
    if (rc)
        return rc;
    r->fragment = gw_calloc(r->in->n_nodes, sizeof(*r->fragment));
    if (!r->fragment)
        return gw_fail_memory(e);
    for (size_t i = 0; i < r->in->n_nodes; i++) {
        r->capacity += gw_pack_node_at(r->pack, i)->free_total;
        measure(r, i);
    }
    if (r->capacity == 0)
        return gw_fail(e, GW_ENODATA, "%s: the nodes have no GPUs", s->nodes);
    for (size_t i = 0; rc == 0 && i < r->in->n_events; i++)
        rc = arrive(r, &r->in->pods[r->in->events[i]], e);
    double spent = seconds() - begin;
    if (rc == 0)
        fprintf(stderr, "%zu pods came, %zu placed, %.3f s of one core, %.0f pods/s\n", r->in->n_events,
                r->placed, spent, spent > 0 ? (double)r->in->n_events / spent : 0);
    return rc;
}

static int usage(const char *fault, const char *what)
{
    if (fault)
        fprintf(stderr, "pack-replay: %s%s%s\n", fault, what ? ": " : "", what ? what : "");
    fprintf(stderr,
            "usage: pack-replay --nodes CSV --pods CSV --events F --order F --typical F --policy NAME "
            "[-o csv]\npolicies:");
    for (const char *const *n = gw_pack_policy_names(); *n; n++)
        fprintf(stderr, " %s", *n);
    fputc('\n', stderr);
    return -GW_EUSAGE;
}

/* 0, or the exit code. */
static int parse(int argc, char **argv, settings *s)
{
    static const struct option options[] = {
        {"nodes", required_argument, NULL, 'n'},   {"pods", required_argument, NULL, 'p'},
        {"events", required_argument, NULL, 'e'},  {"order", required_argument, NULL, 'r'},
        {"typical", required_argument, NULL, 't'}, {"policy", required_argument, NULL, 'y'},
        {"output", required_argument, NULL, 'o'},  {NULL, 0, NULL, 0},
    };
    const char *policy = NULL;
    for (int c; (c = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        const char **to = c == 'n'   ? &s->nodes
                          : c == 'p' ? &s->pods
                          : c == 'e' ? &s->events
                          : c == 'r' ? &s->order
                          : c == 't' ? &s->typical
                          : c == 'y' ? &policy
                          : c == 'o' ? &s->output
                                     : NULL;
        if (!to)
            return usage(NULL, NULL);
        *to = optarg;
    }
    if (optind < argc)
        return usage("what is this", argv[optind]);
    if (!s->nodes || !s->pods || !s->events || !s->order || !s->typical || !policy)
        return usage("an option is missing", NULL);
    if (s->output && !gw_eq(s->output, "csv"))
        return usage("-o knows csv only", s->output);
    s->policy = gw_pack_policy_find(policy);
    return s->policy ? 0 : usage("no such policy", policy);
}

int main(int argc, char **argv)
{
    static input in;
    static replay r;
    settings s = {0};
    gw_error e;
    int rc = parse(argc, argv, &s);
    if (rc)
        return rc;
    gw_map_init(&in.models);
    rc = input_read(&in, s.nodes, s.pods, s.events, s.order, s.typical, &e);
    r.in = &in;
    if (rc == 0)
        rc = run(&r, &s, &e);
    if (rc == 0)
        print(&r);
    else
        fprintf(stderr, "pack-replay: %s\n", e.message);
    gw_pack_free(r.pack);
    gw_free(r.fragment);
    input_free(&in);
    return -rc;
}
