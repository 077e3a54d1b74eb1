/*
 * Kubernetes label selectors: "a=b,c!=d,e in (x,y),f notin (z),g,!h". All requirements must hold. As in
 * kubectl, != and notin also hold where there is no such label.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
 */
#ifndef GW_FLEET_SELECTOR_H
#define GW_FLEET_SELECTOR_H

#include "fleet/fleet.h"

#define GW_SELECTOR_MAX_REQUIREMENTS 64
#define GW_SELECTOR_MAX_VALUES       256 /* in one in (…) */

typedef enum gw_selector_how {
    GW_SELECTOR_IN, /* =, == and in */
    GW_SELECTOR_NOT_IN,
    GW_SELECTOR_EXISTS,
    GW_SELECTOR_MISSING,
} gw_selector_how;

typedef struct gw_requirement {
    const char *name;
    gw_selector_how how;
    const char **values;
    uint32_t n_values;
} gw_requirement;

typedef struct gw_selector {
    const gw_requirement *requirements; /* in the arena */
    uint32_t n;                         /* 0: everything matches */
} gw_selector;

/* Parses text into *ret. GW_EUSAGE with the place in the text, GW_ELIMIT, GW_ENOMEM. Empty text matches all.
 */
int gw_selector_parse(gw_str text, gw_arena *arena, gw_selector *ret, gw_error *e);

bool gw_selector_matches(const gw_selector *s, const gw_labels *labels);

/* The same where a label's value comes from somewhere else: get returns NULL where there is none. */
bool gw_selector_matches_with(const gw_selector *s, const char *(*get)(void *ctx, const char *name),
                              void *ctx);

#endif
