/*
 * Fields of Kubernetes objects, read with a message that names the object. An absent field and a null are the
 * same; a field of another type than it should have is GW_ECORRUPT.
 */
#ifndef GW_OBSERVE_KUBE_FIELDS_H
#define GW_OBSERVE_KUBE_FIELDS_H

#include <jansson.h>

#include "base/mem.h"
#include "base/time.h"

/* Which item of a list is being read. */
typedef struct gw_kube_place {
    size_t index;
    const char *kind, *ns, *name; /* kind NULL: it says none; ns "": it is in none */
    const char *version;          /* apiVersion, of the item or of its list; NULL: neither says */
    gw_arena *scratch;            /* for what lives as long as this item is being read */
    gw_error *e;
} gw_kube_place;

/* GW_ECORRUPT: "item 3, Pod a/b: FIELD must be WANTED". */
int gw_kube_fail_field(const gw_kube_place *at, const char *field, const char *wanted);

/* *ret is NULL where there is nothing. Of texts also where it is empty; they belong to the JSON. */
int gw_kube_get_object(const gw_kube_place *at, const json_t *from, const char *key, const json_t **ret);
int gw_kube_get_array(const gw_kube_place *at, const json_t *from, const char *key, const json_t **ret);
int gw_kube_get_text(const gw_kube_place *at, const json_t *from, const char *key, const char **ret);
/* *ret_ms is left alone where there is none. */
int gw_kube_get_time(const gw_kube_place *at, const json_t *from, const char *key, int64_t *ret_ms);
/* A whole number; *ret is left alone where there is none. */
int gw_kube_get_int(const gw_kube_place *at, const json_t *from, const char *key, int64_t *ret);

#endif
