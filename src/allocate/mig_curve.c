/* Measured curves from CSV. */
#include "allocate/mig_plan.h"
#include "base/number.h"
#include "format/csv.h"

enum { SIZE, BATCH, PROCESSES, THROUGHPUT, LATENCY, N_COLUMNS };

static const char *const titles[N_COLUMNS] = {"MIG instance", "Batch size", "Workload number", "Throughput",
                                              "Latency"};
/* no measured combination is beyond these */
static const double greatest[N_COLUMNS] = {8, 1e6, 1000, 1e9, 1e6};

static int find_columns(gw_csv *csv, size_t column[N_COLUMNS], gw_error *e)
{
    int rc = gw_csv_next(csv, e);
    if (rc < 0)
        return rc;
    for (int i = 0; i < N_COLUMNS; i++) {
        column[i] = rc == 0 ? SIZE_MAX : gw_csv_find(csv, titles[i]);
        if (column[i] == SIZE_MAX)
            return gw_fail(e, GW_ECONFIG, "%s: there is no column '%s'; a curve of measured slices has one",
                           csv->name, titles[i]);
    }
    return 0;
}

static int read_row(gw_csv *csv, const size_t column[N_COLUMNS], double v[N_COLUMNS], gw_error *e)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        gw_str s = gw_csv_get(csv, column[i]);
        bool whole = i < THROUGHPUT;
        if (!gw_parse_double(s, &v[i]) || !(v[i] >= 0) || v[i] > greatest[i] ||
            (whole && (v[i] < 1 || v[i] != (double)(int)v[i])))
            return gw_csv_fail(csv, column[i], e, GW_ECONFIG, "'%.*s' is no %s", (int)GW_MIN(s.n, (size_t)40),
                               s.p, titles[i]);
    }
    return 0;
}

static int read_points(gw_csv *csv, gw_mig_point **points, size_t *n, gw_error *e)
{
    size_t column[N_COLUMNS], cap = 0;
    double v[N_COLUMNS];
    int rc = find_columns(csv, column, e);
    if (rc)
        return rc;
    while ((rc = gw_csv_next(csv, e)) > 0) {
        rc = read_row(csv, column, v, e);
        if (rc)
            return rc;
        if (v[THROUGHPUT] == 0 || v[LATENCY] == 0)
            continue;
        rc = gw_grow((void **)points, &cap, *n + 1, sizeof(**points), GW_MIG_POINTS_MAX);
        if (rc)
            return rc == GW_ELIMIT
                       ? gw_fail(e, rc, "%s: more than %d points in one curve", csv->name, GW_MIG_POINTS_MAX)
                       : gw_fail_memory(e);
        (*points)[(*n)++] = (gw_mig_point){(int)v[SIZE], (int)v[BATCH], (int)v[PROCESSES],
                                           v[THROUGHPUT] * v[PROCESSES], v[LATENCY]};
    }
    return rc;
}

int gw_mig_curve_read(const char *name, gw_str text, gw_arena *a, gw_mig_curve *ret, gw_error *e)
{
    gw_mig_point *points = NULL;
    size_t n = 0;
    gw_csv *csv = gw_malloc(sizeof(*csv));
    if (!csv)
        return gw_fail_memory(e);
    gw_csv_init(csv, name, text);
    int rc = read_points(csv, &points, &n, e);
    if (rc == 0) {
        gw_mig_point *kept = GW_NEW_ARRAY(a, gw_mig_point, GW_MAX(n, (size_t)1));
        if (!kept) {
            rc = gw_fail_memory(e);
        } else {
            if (n)
                memcpy(kept, points, n * sizeof(*points));
            *ret = (gw_mig_curve){kept, n};
        }
    }
    gw_free(points);
    gw_csv_free(csv);
    gw_free(csv);
    return rc;
}
