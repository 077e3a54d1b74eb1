#include "serve/config.h"

#include "operate/budget.h"
#include "serve/config_internal.h"

#define CONFIG_ARGUMENTS_MAX 4096
#define CONFIG_API           "gpuwise.dev/v1"

void gw_serve_config_init(gw_serve_config *c)
{
    *c = (gw_serve_config){.retention = {35, 100, 1100},
                           .anomaly_minimum = 50 * INT64_C(1000000),
                           .spot_training = 0.60,
                           .spot_inference = 0.40};
    gw_options_init(&c->options);
    gw_arena_init(&c->arena, 0);
}

void gw_serve_config_free(gw_serve_config *c)
{
    gw_arena_free(&c->arena);
    *c = (gw_serve_config){0};
}

/* ---- options as settings ------------------------------------------------------------------------------- */

static const gw_option *find_option(const gw_option_group *const *groups, const char *name)
{
    for (; *groups; groups++) {
        for (const gw_option *o = (*groups)->options; o->name; o++) {
            if (strcmp(o->name, name) == 0 && !o->refused)
                return o;
        }
    }
    return NULL;
}

bool gw_serve_config_gives(const char *name, int argc, char *const *argv)
{
    size_t n = strlen(name);
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *a = argv[i];
        if (gw_has_prefix(a, "--") && strncmp(a + 2, name, n) == 0 && (a[n + 2] == '\0' || a[n + 2] == '='))
            return true;
    }
    return false;
}

/* Whether the command line names an option that this one cannot stand beside. */
static bool is_excluded(const gw_option_group *const *groups, const gw_option *x, int argc, char *const *argv)
{
    for (; x->exclusive && *groups; groups++) {
        for (const gw_option *o = (*groups)->options; o->name; o++) {
            if (o->exclusive && strcmp(o->exclusive, x->exclusive) == 0 &&
                gw_serve_config_gives(o->name, argc, argv))
                return true;
        }
    }
    return false;
}

typedef struct arguments {
    char **items;
    int n;
} arguments;

static int add_argument(gw_serve_config *c, arguments *a, const gw_option *o, const gw_yaml *value,
                        gw_error *e)
{
    const char *text;
    int rc = gw_yaml_scalar(value, &text, e);
    if (rc)
        return rc;
    if (a->n == CONFIG_ARGUMENTS_MAX)
        return gw_yaml_fail(value, e, GW_ELIMIT, "more than %d settings", CONFIG_ARGUMENTS_MAX);
    a->items[a->n] = (char *)(uintptr_t)gw_arena_printf(&c->arena, "--%s=%s", o->name, text);
    return a->items[a->n++] ? 0 : gw_fail_memory(e);
}

static int add_option(gw_serve_config *c, arguments *a, const gw_option *o, const gw_yaml *value, gw_error *e)
{
    if (value->kind == GW_YAML_NULL)
        return 0;
    if (value->kind != GW_YAML_LIST)
        return add_argument(c, a, o, value, e);
    if (o->kind != GW_OPTION_LIST)
        return gw_yaml_fail(value, e, GW_ECONFIG, "'%s' takes one value, not a list", o->name);
    int rc = 0;
    for (uint32_t i = 0; i < value->n && !rc; i++)
        rc = add_argument(c, a, o, value->items[i], e);
    return rc;
}

/* ---- sections ------------------------------------------------------------------------------------------ */

static int expect_keys(const gw_yaml *map, const char *const *known, gw_error *e)
{
    int rc = gw_yaml_expect(map, GW_YAML_MAP, e);
    return rc ? rc : gw_yaml_expect_keys(map, known, e);
}

/* Texts outlive the tree, which is in the same arena. */
static int read_texts(const gw_yaml *map, const char *key, const char **list, size_t max, size_t *ret_n,
                      gw_error *e)
{
    const gw_yaml *y = NULL;
    int rc = gw_yaml_read_list(map, key, &y, e);
    if (rc || !y)
        return rc;
    if (y->n > max)
        return gw_yaml_fail(y, e, GW_ELIMIT, "at most %zu of '%s'", max, key);
    for (uint32_t i = 0; i < y->n && !rc; i++)
        rc = gw_yaml_scalar(y->items[i], &list[i], e);
    if (!rc)
        *ret_n = y->n;
    return rc;
}

static int read_role(const gw_yaml *y, gw_role *ret, gw_error *e)
{
    const char *text = "read";
    int rc = gw_yaml_read_text(y, "role", &text, e);
    if (rc)
        return rc;
    if (strcmp(text, "read") != 0 && strcmp(text, "admin") != 0)
        return gw_yaml_fail(y, e, GW_ECONFIG, "role '%.40s' is neither read nor admin", text);
    *ret = *text == 'a' ? GW_ROLE_ADMIN : GW_ROLE_READ;
    return 0;
}

static int read_token(const gw_yaml *y, gw_config_token *t, gw_error *e)
{
    static const char *const keys[] = {"name", "role", "tokenFile", NULL};
    int rc = expect_keys(y, keys, e);
    rc = rc ? rc : gw_yaml_read_text(y, "name", &t->name, e);
    rc = rc ? rc : gw_yaml_read_text(y, "tokenFile", &t->token_file, e);
    rc = rc ? rc : read_role(y, &t->role, e);
    if (rc == 0 && (!t->name || !t->token_file))
        rc = gw_yaml_fail(y, e, GW_ECONFIG, "a token has a name and a tokenFile");
    return rc;
}

static int read_auth(gw_serve_config *c, const gw_yaml *y, gw_error *e)
{
    static const char *const keys[] = {"tokens", "tokenReview", NULL};
    static const char *const review_keys[] = {"adminGroups", "readGroups", NULL};
    const gw_yaml *tokens = NULL, *review = NULL;
    int rc = expect_keys(y, keys, e);
    rc = rc ? rc : gw_yaml_read_list(y, "tokens", &tokens, e);
    rc = rc ? rc : gw_yaml_read_map(y, "tokenReview", &review, e);
    if (rc == 0 && tokens && tokens->n > GW_CONFIG_TOKENS_MAX)
        rc = gw_yaml_fail(tokens, e, GW_ELIMIT, "at most %d tokens", GW_CONFIG_TOKENS_MAX);
    for (uint32_t i = 0; tokens && i < tokens->n && !rc; i++)
        rc = read_token(tokens->items[i], &c->tokens[c->n_tokens++], e);
    if (rc || !review)
        return rc;
    c->token_review = true;
    rc = gw_yaml_expect_keys(review, review_keys, e);
    rc = rc ? rc
            : read_texts(review, "adminGroups", c->admin_groups, GW_CONFIG_GROUPS_MAX, &c->n_admin_groups, e);
    return rc ? rc
              : read_texts(review, "readGroups", c->read_groups, GW_CONFIG_GROUPS_MAX, &c->n_read_groups, e);
}

static int read_days(const gw_yaml *map, const char *key, int *ret, gw_error *e)
{
    int64_t days = *ret;
    int rc = gw_yaml_read_int64(map, key, &days, e);
    if (rc == 0 && (days < 0 || days > 36500))
        rc = gw_yaml_fail(gw_yaml_get(map, key), e, GW_ECONFIG, "%s is 0 (for ever) to 36500 days", key);
    if (rc == 0)
        *ret = (int)days;
    return rc;
}

static int read_retention(gw_serve_config *c, const gw_yaml *y, gw_error *e)
{
    static const char *const keys[] = {"detailDays", "hourDays", "dayDays", NULL};
    int rc = expect_keys(y, keys, e);
    rc = rc ? rc : read_days(y, "detailDays", &c->retention.detail_days, e);
    rc = rc ? rc : read_days(y, "hourDays", &c->retention.hour_days, e);
    return rc ? rc : read_days(y, "dayDays", &c->retention.day_days, e);
}

static int read_tls(gw_serve_config *c, const gw_yaml *y, gw_error *e)
{
    static const char *const keys[] = {"cert", "key", NULL};
    int rc = expect_keys(y, keys, e);
    rc = rc ? rc : gw_yaml_read_text(y, "cert", &c->tls_cert, e);
    return rc ? rc : gw_yaml_read_text(y, "key", &c->tls_key, e);
}

static int read_share(const gw_yaml *map, const char *key, double *ret, gw_error *e)
{
    double share = *ret;
    int rc = gw_yaml_read_double(map, key, &share, e);
    if (rc == 0 && !(share >= 0 && share <= 1))
        rc = gw_yaml_fail(gw_yaml_get(map, key), e, GW_ECONFIG, "%s is a share from 0 to 1", key);
    if (rc == 0)
        *ret = share;
    return rc;
}

static int read_spot(gw_serve_config *c, const gw_yaml *y, gw_error *e)
{
    static const char *const keys[] = {"training", "inference", NULL};
    int rc = expect_keys(y, keys, e);
    rc = rc ? rc : read_share(y, "training", &c->spot_training, e);
    return rc ? rc : read_share(y, "inference", &c->spot_inference, e);
}

static int read_budgets(gw_serve_config *c, const gw_yaml *y, gw_error *e)
{
    int rc = gw_yaml_expect(y, GW_YAML_LIST, e);
    if (rc)
        return rc;
    if (y->n > GW_CONFIG_BUDGETS_MAX)
        return gw_yaml_fail(y, e, GW_ELIMIT, "at most %d budgets", GW_CONFIG_BUDGETS_MAX);
    c->budgets = GW_NEW_ARRAY(&c->arena, gw_budget_rule, y->n + 1);
    if (!c->budgets)
        return gw_fail_memory(e);
    for (uint32_t i = 0; i < y->n && !rc; i++)
        rc = gw_config_budget(c, y->items[i], &c->budgets[c->n_budgets++], e);
    gw_error why;
    if (rc == 0 && gw_budget_rules_check(c->budgets, c->n_budgets, &why))
        rc = gw_yaml_fail(y, e, GW_ECONFIG, "%s", why.message);
    return rc;
}

/* ---- the file ------------------------------------------------------------------------------------------ */

static const struct {
    const char *key;
    int (*read)(gw_serve_config *c, const gw_yaml *y, gw_error *e);
} sections[] = {{"auth", read_auth},           {"tls", read_tls},
                {"retention", read_retention}, {"budgets", read_budgets},
                {"alerts", gw_config_alerts},  {"spotTargets", read_spot}};

static int fail_key(const gw_yaml *y, const gw_option_group *const *groups, gw_error *e)
{
    const char *names[512];
    size_t n = 0;
    for (size_t i = 0; i < GW_COUNT(sections); i++)
        names[n++] = sections[i].key;
    for (; *groups; groups++) {
        for (const gw_option *o = (*groups)->options; o->name && n < GW_COUNT(names) - 1; o++)
            names[n++] = o->name;
    }
    names[n] = NULL;
    const char *nearest = gw_nearest(y->key, names);
    return gw_yaml_fail(y, e, GW_ECONFIG, "there is no setting '%.60s'%s%s%s", y->key,
                        nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
}

static int check_header(const gw_yaml *root, gw_error *e)
{
    const char *api = CONFIG_API, *kind = "Config";
    int rc = gw_yaml_read_text(root, "apiVersion", &api, e);
    rc = rc ? rc : gw_yaml_read_text(root, "kind", &kind, e);
    if (rc == 0 && (strcmp(api, CONFIG_API) != 0 || strcmp(kind, "Config") != 0))
        rc = gw_yaml_fail(root, e, GW_ECONFIG, "this is %.60s %.60s, not " CONFIG_API " Config", api, kind);
    return rc;
}

static int read_entry(gw_serve_config *c, const gw_yaml *y, const gw_option_group *const *groups, int argc,
                      char *const *argv, arguments *a, gw_error *e)
{
    if (strcmp(y->key, "apiVersion") == 0 || strcmp(y->key, "kind") == 0)
        return 0;
    for (size_t i = 0; i < GW_COUNT(sections); i++) {
        if (strcmp(y->key, sections[i].key) == 0)
            return y->kind == GW_YAML_NULL ? 0 : sections[i].read(c, y, e);
    }
    const gw_option *o = find_option(groups, y->key);
    if (!o || strcmp(y->key, "config") == 0)
        return fail_key(y, groups, e);
    return is_excluded(groups, o, argc, argv) ? 0 : add_option(c, a, o, y, e);
}

int gw_serve_config_read(gw_serve_config *c, const char *path, const gw_option_group *const *groups, int argc,
                         char *const *argv, char ***ret, int *ret_argc, gw_error *e)
{
    const gw_yaml *root;
    arguments a = {GW_NEW_ARRAY(&c->arena, char *, (size_t)CONFIG_ARGUMENTS_MAX + (size_t)argc + 1), 0};
    if (!a.items)
        return gw_fail_memory(e);
    int rc = gw_yaml_load(&c->arena, path, &root, e);
    if (rc == 0 && root->kind != GW_YAML_NULL)
        rc = gw_yaml_expect(root, GW_YAML_MAP, e);
    if (rc == 0)
        rc = check_header(root, e);
    for (uint32_t i = 0; i < root->n && !rc; i++)
        rc = read_entry(c, root->items[i], groups, argc, argv, &a, e);
    if (rc)
        return rc;
    for (int i = 0; i < argc; i++)
        a.items[a.n++] = argv[i];
    *ret = a.items;
    *ret_argc = a.n;
    return 0;
}

int gw_serve_config_settle(gw_serve_config *c, bool store_given, gw_error *e)
{
    const gw_options *o = &c->options;
    c->cluster = o->cluster;
    c->listen = o->listen;
    c->store = o->store;
    c->store_is_temporary = !store_given && (o->demo || o->snapshot);
    if (!o->window_ms && !o->from && !o->demo && !o->snapshot)
        c->options.window_ms = GW_SERVE_WINDOW_MS;
    c->threads = (int)o->threads;
    c->turn_ms = o->turn_ms;
    c->tls_cert = o->tls_cert ? o->tls_cert : c->tls_cert;
    c->tls_key = o->tls_key ? o->tls_key : c->tls_key;
    c->alerts.cluster = o->cluster;
    c->alerts.external_url = o->external_url;
    if (!strchr(c->listen, ':'))
        return gw_fail(e, GW_EUSAGE, "--listen '%.60s': write ADDRESS:PORT, as in 127.0.0.1:9797", c->listen);
    if (!c->tls_cert != !c->tls_key)
        return gw_fail(e, GW_ECONFIG,
                       "TLS wants both a certificate and its key: give --tls-cert and --tls-key");
    if (o->as_of && gw_time_parse(o->as_of, gw_clock_system(NULL), &c->as_of_ms, e)) {
        gw_error_prefix(e, "--as-of");
        return e->code;
    }
    if (!*c->cluster || strlen(c->cluster) > 253)
        return gw_fail(e, GW_EUSAGE, "--cluster: a name of 1 to 253 characters");
    return gw_alert_config_check(&c->alerts, e);
}
