/* Every route, what it may be asked, and who may ask. docs/api/openapi.json says the same; a test compares.
 */
#include "serve/api_internal.h"

#define WINDOW "window", "from", "to"

static const char *const none[] = {NULL};
static const char *const report[] = {WINDOW, "by", "namespace", "selector", "sortBy", "format", NULL};
static const char *const window_only[] = {WINDOW, NULL};
static const char *const window_format[] = {WINDOW, "format", NULL};
static const char *const manifests[] = {WINDOW, "action", NULL};
static const char *const explain[] = {WINDOW, "subject", NULL};
static const char *const fleet[] = {WINDOW, "node", NULL};
static const char *const history[] = {WINDOW,         "step",  "by",         "cluster",     "namespace",
                                      "workload",     "team",  "project",    "environment", "model",
                                      "modelVersion", "class", "costCenter", "gpuModel",    "capacity",
                                      "format",       NULL};
static const char *const format_only[] = {"format", NULL};
static const char *const spot[] = {WINDOW, "cluster", "format", NULL};

const gw_route gw_api_routes[] = {
    {"GET", "/api/v1/status", none, GW_ROLE_READ, GW_API_INSTANT, .make = gw_api_make_status},
    {"GET", "/api/v1/report", report, GW_ROLE_READ, GW_API_KEEP, .csv = true, .make = gw_api_make_report},
    {"GET", "/api/v1/plan", window_only, GW_ROLE_READ, GW_API_KEEP, .make = gw_api_make_plan},
    {"GET", "/api/v1/plan/manifests", manifests, GW_ROLE_READ, GW_API_KEEP, .make = gw_api_make_manifests},
    {"GET", "/api/v1/explain", explain, GW_ROLE_READ, GW_API_KEEP, .make = gw_api_make_explain},
    {"GET", "/api/v1/prices", window_format, GW_ROLE_READ, GW_API_KEEP, .csv = true,
     .make = gw_api_make_prices},
    {"GET", "/api/v1/fleet", fleet, GW_ROLE_READ, GW_API_KEEP, .make = gw_api_make_fleet},
    {"GET", "/api/v1/history", history, GW_ROLE_READ, GW_API_STORE, .csv = true, .make = gw_api_make_history},
    {"GET", "/api/v1/budgets", format_only, GW_ROLE_READ, GW_API_STORE, .csv = true,
     .make = gw_api_make_budgets},
    {"GET", "/api/v1/anomalies", window_format, GW_ROLE_READ, GW_API_STORE, .csv = true,
     .make = gw_api_make_anomalies},
    {"GET", "/api/v1/actions", format_only, GW_ROLE_READ, GW_API_FRESH, .csv = true,
     .make = gw_api_make_actions},
    {"POST", "/api/v1/actions", none, GW_ROLE_ADMIN, GW_API_NEVER, .make = gw_api_make_accept},
    {"DELETE", "/api/v1/actions/", none, GW_ROLE_ADMIN, GW_API_NEVER, .make = gw_api_make_drop},
    {"GET", "/api/v1/spot", spot, GW_ROLE_READ, GW_API_STORE, .csv = true, .make = gw_api_make_spot},
    {"GET", "/api/v1/openapi.json", none, GW_ROLE_NONE, GW_API_KEEP, .make = gw_api_make_openapi},
    {"GET", "/metrics", none, GW_ROLE_READ, GW_API_BRIEF, .type = "text/plain; version=0.0.4; charset=utf-8",
     .make = gw_api_make_metrics},
    {"GET", "/healthz", none, GW_ROLE_NONE, GW_API_INSTANT, .make = gw_api_make_healthz},
    {"GET", "/readyz", none, GW_ROLE_NONE, GW_API_INSTANT, .make = gw_api_make_readyz},
    {"GET", "/allocation", gw_oc_allocation_params, GW_ROLE_READ, GW_API_KEEP, .opencost = true,
     .make = gw_api_make_allocation},
    {"GET", "/allocation/compute", gw_oc_allocation_params, GW_ROLE_READ, GW_API_KEEP, .opencost = true,
     .make = gw_api_make_allocation},
    {"GET", "/assets", gw_oc_asset_params, GW_ROLE_READ, GW_API_KEEP, .opencost = true,
     .make = gw_api_make_assets},
};
const size_t gw_n_api_routes = GW_COUNT(gw_api_routes);
