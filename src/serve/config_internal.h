/* Sections of the configuration that have a file of their own. */
#ifndef GW_SERVE_CONFIG_INTERNAL_H
#define GW_SERVE_CONFIG_INTERNAL_H

#include "format/yaml.h"
#include "serve/config.h"

/* config_alerts.c: "alerts" */
int gw_config_alerts(gw_serve_config *c, const gw_yaml *y, gw_error *e);
/* config_budgets.c: one of "budgets" */
int gw_config_budget(gw_serve_config *c, const gw_yaml *y, gw_budget_rule *ret, gw_error *e);
/* Dollars as money: "12000", "0.5". Absent: *ret is left alone. */
int gw_config_money(const gw_yaml *map, const char *key, gw_micro *ret, gw_error *e);
/* "1h"; absent: *ret is left alone. */
int gw_config_duration(const gw_yaml *map, const char *key, int64_t *ret, gw_error *e);
/* A NULL-terminated list of texts in c's arena; NULL where there is none. */
int gw_config_list(gw_serve_config *c, const gw_yaml *map, const char *key, const char *const **ret,
                   gw_error *e);

#endif
