/*
 * Replaces the names in a recording, so that it can be handed to strangers and still be analysed.
 *
 * The same name gives the same pseudonym wherever it stands, in metrics and in Kubernetes objects, within one
 * recording; another recording has another key and other pseudonyms. The key is never written. What holds in
 * the original holds in the replacement:
 *
 *  - A name is replaced piece by piece, at '-', '.', '_' and ':', and a piece's pseudonym depends on all
 * pieces before it: "api-7d9f8c" and "api-7d9f8c-x2x4z" begin alike, as "api" does, and two pods that merely
 * end alike do not. So ReplicaSets still lead to Deployments and host names to nodes.
 *  - A piece in the alphabet of Kubernetes' generated suffixes becomes one of the same length and alphabet;
 * any other piece starts with a vowel, which that alphabet lacks, so that none is taken for a suffix.
 *  - UUIDs become UUIDs ("GPU-" and "MIG-" stay), IPv4 addresses addresses of 10.0.0.0/8, IPv6 those of
 * fd00::/8; ports stay.
 *  - A piece that is a common word for what a workload is ("vllm", "notebook") stays where it is not the
 * first one: the class of a workload is read from it.
 *
 * Label values are replaced unless the label is technical (GPU model, instance type, region, zone, capacity
 * type, resource, unit, phase, kind, MIG profile …) or the value is a truth value or a number below 1000.
 * Names of labels stay where they are well known (Kubernetes' own, NVIDIA's, clouds', ownership's); others
 * are replaced, alike in "acme.com/team" and "label_acme_com_team".
 */
#ifndef GW_OBSERVE_ANONYMIZE_H
#define GW_OBSERVE_ANONYMIZE_H

#include <jansson.h>

#include "base/map.h"
#include "format/series.h"

#define GW_ANON_KEY_BYTES 16

typedef struct gw_anon gw_anon;

/* Draws a key from the system. */
int gw_anon_random_key(uint8_t key[GW_ANON_KEY_BYTES], gw_error *e);

/* keep: names of labels whose values stay, besides the technical ones; ends with NULL, NULL = none; must
 * outlive the gw_anon. NULL: out of memory. */
gw_anon *gw_anon_new(const uint8_t key[GW_ANON_KEY_BYTES], const char *const *keep);
void gw_anon_free(gw_anon *a);

/* The pseudonym of a name, an id, an address, an image or a path; lives as long as the gw_anon. NULL: out of
 * memory. */
const char *gw_anon_name(gw_anon *a, gw_str name);
/* "aws:///us-east-1a/i-0abc": the scheme and AWS's zone stay. */
const char *gw_anon_provider_id(gw_anon *a, gw_str id);
/* Of a label of an object, as Kubernetes spells it or with '_' as Prometheus does. */
const char *gw_anon_label_name(gw_anon *a, gw_str name);
const char *gw_anon_label_value(gw_anon *a, gw_str name, gw_str value);

/* Replaces the labels of a series in place ("label_team" is the label "team" of an object); the new texts
 * live as long as the gw_anon. */
int gw_anon_labels(gw_anon *a, gw_label *labels, size_t n, gw_error *e);

/*
 * A copy of a Kubernetes object with its names replaced. Only fields that are known to be safe are copied
 * (anonymize_objects.c has the list): what is not known may hold a name. NULL: out of memory.
 */
json_t *gw_anon_object(gw_anon *a, const json_t *object);

#endif
