/* The labelled series, as they lie in a folder: FOLDER/realAWSCloudwatch/NAME.csv and
 * FOLDER/realAWSCloudwatch_windows.json. */
#ifndef GW_TESTS_BENCH_NAB_INPUT_H
#define GW_TESTS_BENCH_NAB_INPUT_H

#include "nab_score.h"

#include "base/mem.h"

#define NAB_SERIES_MAX 64
#define NAB_ROWS_MAX   50000

/* By name. GW_EIO, GW_ECORRUPT, GW_ELIMIT. Everything lies in the arena. */
int nab_load(const char *folder, gw_arena *a, nab_series **ret, size_t *ret_n, gw_error *e);

#endif
