/*
 * The samples of one family group and slice, held compactly until they can be written one series after the
 * other: sources deliver series in any order and in several runs, OpenMetrics wants each once. An unchanged
 * value at an unchanged interval costs nothing, a changed one about four bytes.
 */
#ifndef GW_OBSERVE_RECORD_STORE_H
#define GW_OBSERVE_RECORD_STORE_H

#include "format/gzip.h"
#include "format/series.h"
#include "observe/anonymize.h"

#define GW_RECORD_STORE_MAX ((size_t)512 << 20) /* bytes that one store holds at most */

typedef struct gw_record_store gw_record_store;

/* max_bytes: GW_RECORD_STORE_MAX, or less in tests. anon: NULL, or what replaces names; not owned. */
gw_record_store *gw_record_store_new(size_t max_bytes, gw_anon *anon);
void gw_record_store_free(gw_record_store *s);

/* Forgets everything and takes samples of [range) from now on; others are dropped. */
void gw_record_store_begin(gw_record_store *s, gw_interval range);
/* Its samples() and series() return GW_ELIMIT when the store is full; gw_record_store_full tells that from
 * the source's own limits. Samples at or before the last one of their series are dropped. */
const gw_series_sink *gw_record_store_sink(const gw_record_store *s);
bool gw_record_store_full(const gw_record_store *s);

uint64_t gw_record_store_series(const gw_record_store *s); /* that have samples */
uint64_t gw_record_store_samples(const gw_record_store *s);

/*
 * Writes all as OpenMetrics without `# EOF`: families in the order of `families` (ends with NULL), others
 * behind them by name; each with its TYPE line; series in the order of their text. *lines grows by the number
 * of lines.
 */
int gw_record_store_write(gw_record_store *s, const char *const *families, gw_bytes_fn out, void *ctx,
                          uint64_t *lines, gw_error *e);

#endif
