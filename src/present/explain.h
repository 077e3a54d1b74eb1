/*
 * An explanation: how the numbers about one thing came about, as sections of facts. Each fact says what it is
 * called, what it comes to, and how that was worked out, so that a person can do the sum again.
 */
#ifndef GW_PRESENT_EXPLAIN_H
#define GW_PRESENT_EXPLAIN_H

#include "present/pipeline.h"
#include "present/render.h"

#define GW_SECTIONS_MAX ((size_t)4096)
#define GW_FACTS_MAX    ((size_t)65536)

typedef struct gw_fact {
    const char *name, *value, *how; /* how: NULL where the value says it all */
} gw_fact;

typedef struct gw_section {
    const char *title;
    size_t first, n; /* in explanation->facts */
} gw_section;

typedef struct gw_explanation {
    const char *kind, *name; /* "pod", "avatar/chat-0" */
    gw_section *sections;
    size_t n_sections, cap_sections;
    gw_fact *facts;
    size_t n_facts, cap_facts;
    gw_arena arena;
    int failed; /* sticky: GW_ENOMEM, GW_ELIMIT */
} gw_explanation;

void gw_explanation_init(gw_explanation *x);
void gw_explanation_free(gw_explanation *x);
void gw_explain_section(gw_explanation *x, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* name is borrowed; how may be NULL. */
void gw_explain_fact(gw_explanation *x, const char *name, const char *how, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A text in the explanation's arena; "" when memory is exhausted, which then shows in `failed`. */
const char *gw_explain_text(gw_explanation *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Finds what the subject names and explains it. The subject is "pod/NS/NAME", "node/NAME", "gpu/UUID",
 * "workload/NS/NAME", "namespace/NAME" or "finding/RULE"; without the kind it is looked for in this order:
 * rule, NS/NAME of a pod or workload, pod, node, GPU (a beginning of its UUID), workload, namespace.
 * GW_ENOTFOUND, with the nearest name; GW_EUSAGE where several are meant.
 */
int gw_explain(const gw_pipeline *p, const char *subject, gw_explanation *x, gw_error *e);
/* Whether it names anything: 0, or what gw_explain would say. */
int gw_explain_find(const gw_pipeline *p, const char *subject, gw_error *e);

/* What gw_explain puts together; explain_hold.c and explain_group.c. */
void gw_explain_hold(gw_explanation *x, const gw_pipeline *p, uint32_t hold);
void gw_explain_pod(gw_explanation *x, const gw_pipeline *p, uint32_t pod);
void gw_explain_node(gw_explanation *x, const gw_pipeline *p, uint32_t node);
void gw_explain_gpu(gw_explanation *x, const gw_pipeline *p, uint32_t gpu);
/* Pods of one namespace, and of one workload of it where name is not NULL. */
void gw_explain_pods(gw_explanation *x, const gw_pipeline *p, const char *ns, const char *workload);
void gw_explain_rule(gw_explanation *x, const gw_pipeline *p, const char *rule);

int gw_explanation_write(const gw_explanation *x, const gw_pipeline *p, gw_output output, bool colour,
                         gw_buf *b, gw_error *e);

#endif
