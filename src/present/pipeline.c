#include "present/pipeline.h"

#include <errno.h>

#include "attribute/ledger.h"
#include "fleet/rules.h"
#include "observe/demo.h"
#include "observe/fold.h"
#include "observe/prometheus.h"
#include "observe/snapshot.h"

#define SECRET_FILE_MAX    65536
#define CONNECT_TIMEOUT_MS (10 * GW_SECOND_MS)
#define EARLIEST_MS        INT64_C(946684800000) /* 2000-01-01: a clock that was never set is older */
#define CLOCK_SKEW_MS      GW_HOUR_MS

void gw_pipeline_init(gw_pipeline *p)
{
    *p = (gw_pipeline){0};
    gw_fleet_init(&p->fleet);
    gw_usage_init(&p->usage, (gw_interval){0, 0}, GW_STATE_POLICY_DEFAULT);
    gw_price_book_init(&p->book);
    gw_ledger_init(&p->ledger);
    gw_findings_init(&p->findings);
    gw_arena_init(&p->arena, 0);
}

void gw_pipeline_free(gw_pipeline *p)
{
    gw_findings_free(&p->findings);
    gw_ledger_free(&p->ledger);
    gw_price_book_free(&p->book);
    if (p->prices && !p->borrows_prices)
        gw_price_list_free(p->prices);
    gw_usage_free(&p->usage);
    gw_fleet_free(&p->fleet);
    if (p->has_present) /* last: what would be points into what is */
        gw_after_free(&p->present);
    if (p->kube)
        gw_kube_free(p->kube);
    void (*close_source)(void *) = p->has_source ? p->source.free : NULL;
    if (close_source)
        close_source(p->source.self);
    gw_arena_free(&p->arena);
    gw_pipeline_init(p);
}

static void note(gw_pipeline *p, const char *text)
{
    if (text && p->n_notes < GW_PIPELINE_NOTES)
        p->notes[p->n_notes++] = text;
}

/* ---- opening ------------------------------------------------------------------------------------------- */

/* The first line of a small file, without the end of line. */
static int read_secret(const char *path, const char *option, gw_arena *arena, const char **ret, gw_error *e)
{
    FILE *f = fopen(path, "re");
    char *text = gw_arena_alloc(arena, SECRET_FILE_MAX);
    if (!text) {
        if (f)
            fclose(f);
        return gw_fail_memory(e);
    }
    size_t n = f ? fread(text, 1, SECRET_FILE_MAX - 1, f) : 0;
    bool failed = !f || ferror(f);
    int err = errno;
    if (f)
        fclose(f);
    if (failed)
        return gw_fail(e, GW_EIO, "--%s: cannot read '%s': %s", option, path, strerror(err));
    if (n == SECRET_FILE_MAX - 1)
        return gw_fail(e, GW_ELIMIT, "--%s: '%s' is larger than %d bytes: is it the right file?", option,
                       path, SECRET_FILE_MAX - 2);
    text[n] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    *ret = text;
    return 0;
}

static int collect_headers(gw_pipeline *p, const gw_options *o, const char *const **ret, gw_error *e)
{
    const char **list = GW_NEW_ARRAY(&p->arena, const char *, o->headers.n + 2);
    size_t n = 0;
    if (!list)
        return gw_fail_memory(e);
    for (size_t i = 0; i < o->headers.n; i++) {
        const char *h = o->headers.items[i];
        if (!strchr(h, ':') || h[0] == ':' || strpbrk(h, "\r\n"))
            return gw_fail(e, GW_EUSAGE, "--prometheus-header: write 'NAME: VALUE' on one line");
        list[n++] = h;
    }
    if (o->tenant) {
        list[n] = gw_arena_printf(&p->arena, "X-Scope-OrgID: %s", o->tenant);
        if (!list[n++])
            return gw_fail_memory(e);
        if (strpbrk(o->tenant, "\r\n"))
            return gw_fail(e, GW_EUSAGE, "--tenant must be one line");
    }
    *ret = n ? list : NULL;
    return 0;
}

static const gw_http_settings prometheus_settings = {.ca = "--prometheus-ca",
                                                     .cert = "--prometheus-cert and --prometheus-key",
                                                     .insecure = "--prometheus-insecure",
                                                     .timeout = "--timeout"};

static int open_prometheus(gw_pipeline *p, const gw_options *o, const gw_pipeline_env *env, gw_error *e)
{
    gw_prom_options po = {
        .mode = (gw_prom_mode)o->mode,
        .query_budget = (uint64_t)o->query_budget,
        .extra_matchers = o->matcher,
        .http = {.base_url = o->prometheus,
                 .bearer_token = o->token,
                 .bearer_token_file = o->token_file,
                 .username = o->user,
                 .ca_file = o->ca_file,
                 .cert_file = o->cert_file,
                 .key_file = o->key_file,
                 .insecure = o->insecure,
                 .max_concurrency = (int)o->concurrency,
                 .max_retries = (int)o->retries,
                 .connect_timeout_ms = GW_MIN(o->timeout_ms, CONNECT_TIMEOUT_MS),
                 .stall_timeout_ms = o->timeout_ms,
                 .seed = (uint64_t)gw_clock_monotonic(NULL),
                 .settings = &prometheus_settings,
                 .what = "Prometheus"},
    };
    if (o->password_file &&
        read_secret(o->password_file, "prometheus-password-file", &p->arena, &po.http.password, e))
        return e->code;
    if (!po.http.password)
        po.http.password = env->env ? env->env(env->env_ctx, "GPUWISE_PROMETHEUS_PASSWORD") : NULL;
    if (o->user && !po.http.password)
        return gw_fail(e, GW_EUSAGE,
                       "--prometheus-user wants a password: set GPUWISE_PROMETHEUS_PASSWORD or give "
                       "--prometheus-password-file");
    if (collect_headers(p, o, &po.http.headers, e))
        return e->code;
    return gw_prom_open(&po, &p->source, e);
}

static int open_demo(gw_pipeline *p, const gw_options *o, gw_error *e)
{
    gw_demo_options d;
    gw_demo_defaults(&d);
    d.seed = (uint64_t)o->seed;
    if (o->nodes)
        d.nodes = (int)o->nodes;
    return gw_demo_open(&d, &p->source, e);
}

/* What to type to read the same again, and to price and judge it the same. */
static int note_flags(gw_pipeline *p, const gw_options *o, gw_error *e)
{
    static const gw_option_group *const groups[] = {&gw_options_source,
                                                    &gw_options_kubernetes,
                                                    &gw_options_demo,
                                                    &gw_options_window,
                                                    &gw_options_prices,
                                                    &gw_options_thresholds,
                                                    NULL};
    return gw_options_flags(o, groups, &p->arena, &p->source_flags, e);
}

static int open_source(gw_pipeline *p, const gw_options *o, const gw_pipeline_env *env, gw_error *e)
{
    int rc;
    if (o->snapshot)
        rc = gw_snapshot_open(o->snapshot, &p->source, e);
    else if (o->prometheus)
        rc = open_prometheus(p, o, env, e);
    else if (o->demo)
        rc = open_demo(p, o, e);
    else
        return gw_fail(e, GW_EUSAGE,
                       "say where to read from: --prometheus URL (or GPUWISE_PROMETHEUS_URL), --snapshot "
                       "DIR, or --demo for the sample fleet");
    if (rc)
        return rc;
    p->has_source = true;
    return note_flags(p, o, e);
}

/*
 * Kubernetes is asked where the user named it, and besides a live Prometheus where a kubeconfig or a service
 * account is found. A snapshot has its own objects.
 */
static int open_kubernetes(gw_pipeline *p, const gw_options *o, const gw_pipeline_env *env, gw_error *e)
{
    bool named = o->kubeconfig || o->context;
    gw_error inner = {0};
    if (o->no_kubernetes || (!named && !o->prometheus))
        return 0;
    gw_kube_options k = {.kubeconfig = o->kubeconfig,
                         .context = o->context,
                         .timeout_ms = o->timeout_ms,
                         .max_retries = o->retries ? (int)o->retries : -1,
                         .rules = env->rules,
                         .optional = !named};
    if (gw_kube_open(&k, &p->kube, &inner) == 0)
        return 0;
    p->kube = NULL;
    if (named || inner.code == GW_ENOMEM) {
        if (e)
            *e = inner;
        return inner.code;
    }
    p->partial = true;
    p->kube_failure = gw_arena_printf(&p->arena, "%s", inner.message);
    note(p, gw_arena_printf(&p->arena, "going on without Kubernetes: %s (--no-kubernetes leaves it out)",
                            inner.message));
    return p->kube_failure ? 0 : gw_fail_memory(e);
}

/* A recording whose times cannot be: it can be read, but what it says of days and months is in doubt. */
static int doubt_times(gw_pipeline *p, gw_interval extent, int64_t now_ms, gw_error *e)
{
    char from[GW_TIME_TEXT_MAX], to[GW_TIME_TEXT_MAX];
    const char *when = extent.start_ms < EARLIEST_MS            ? "before there were GPU metrics"
                       : extent.end_ms > now_ms + CLOCK_SKEW_MS ? "in the future"
                                                                : NULL;
    if (!when)
        return 0;
    p->partial = true;
    p->doubt =
        gw_arena_printf(&p->arena,
                        "they are dated %s to %s, %s: set the clock of the machine that took them, or "
                        "this one's, and record again",
                        gw_time_format(extent.start_ms, from), gw_time_format(extent.end_ms, to), when);
    note(p,
         gw_arena_printf(&p->arena, "the times of the samples are in doubt: %s", p->doubt ? p->doubt : ""));
    return p->doubt ? 0 : gw_fail_memory(e);
}

int gw_pipeline_open(gw_pipeline *p, const gw_options *o, const gw_pipeline_env *env, gw_error *e)
{
    gw_interval extent = {0, 0};
    int64_t now_ms = env->clock(env->clock_ctx) / GW_SECOND_MS * GW_SECOND_MS;
    int rc = open_source(p, o, env, e);
    if (rc == 0 && p->source.extent)
        rc = p->source.extent(p->source.self, &extent, e);
    if (rc == 0 && o->snapshot)
        rc = doubt_times(p, extent, now_ms, e);
    if (rc == 0)
        rc = gw_window_choose(o, extent, now_ms, &p->window, e);
    if (rc == 0)
        rc = open_kubernetes(p, o, env, e);
    return rc;
}

/* ---- running ------------------------------------------------------------------------------------------- */

int gw_pipeline_take_warnings(gw_pipeline *p, gw_error *e)
{
    const char *text = p->source.warnings ? p->source.warnings(p->source.self) : NULL;
    while (text && *text) {
        size_t n = strcspn(text, "\n");
        const char *line = gw_arena_strndup(&p->arena, text, n);
        if (!line || gw_usage_note_unknown(&p->usage, &p->fleet, -1, "a part of the source", line))
            return gw_fail_memory(e);
        note(p, line);
        p->partial = true;
        text += n + (text[n] == '\n');
    }
    return 0;
}

static int observe(gw_pipeline *p, const gw_options *o, const gw_pipeline_env *env, gw_error *e)
{
    gw_observe_options oo = {.window = p->window,
                             .policy = o->policy,
                             .progress = env->progress,
                             .progress_ctx = env->progress_ctx};
    int64_t start = gw_clock_monotonic(NULL);
    gw_usage_free(&p->usage);
    gw_usage_init(&p->usage, p->window, o->policy);
    int rc = gw_observe(&p->source, &oo, &p->fleet, &p->usage, e);
    p->wall_ms = gw_clock_monotonic(NULL) - start;
    if (p->source.stats)
        p->source.stats(p->source.self, &p->stats);
    /* what could not be read may be why nothing was found */
    const char *left_out = p->source.warnings ? p->source.warnings(p->source.self) : NULL;
    if (rc == GW_ENODATA && left_out)
        gw_error_prefix(e, "%.*s", (int)GW_MIN(strcspn(left_out, "\n"), (size_t)400), left_out);
    if (rc == 0 && p->doubt &&
        gw_usage_note_unknown(&p->usage, &p->fleet, -1, "the times of the samples", p->doubt))
        rc = gw_fail_memory(e);
    return rc ? rc : gw_pipeline_take_warnings(p, e);
}

int gw_pipeline_lack_objects(gw_pipeline *p, const char *why, gw_error *e)
{
    p->partial = true;
    if (gw_usage_note_unknown(&p->usage, &p->fleet, -1, "objects of the Kubernetes API", why))
        return gw_fail_memory(e);
    return 0;
}

/* What the API says exists now. Without it the answer stands, and says what it lacks. */
static int ask_kubernetes(gw_pipeline *p, const gw_pipeline_env *env, gw_error *e)
{
    gw_error inner = {0};
    const char *missing = NULL;
    if (p->kube_failure)
        return gw_pipeline_lack_objects(p, p->kube_failure, e);
    if (!p->kube)
        return 0;
    if (env->progress)
        env->progress(env->progress_ctx, -1, "listing Kubernetes objects");
    int rc = gw_kube_objects(p->kube, &p->fleet, &missing, &inner);
    if (rc == GW_ENOMEM) {
        if (e)
            *e = inner;
        return rc;
    }
    if (rc) {
        note(p,
             gw_arena_printf(&p->arena, "going on without Kubernetes, or a part of it: %s", inner.message));
        return gw_pipeline_lack_objects(p, inner.message, e);
    }
    if (missing && *missing) {
        note(p, gw_arena_printf(&p->arena, "Kubernetes did not show everything: %s", missing));
        return gw_pipeline_lack_objects(p, missing, e);
    }
    return 0;
}

int gw_price_list_open(const gw_options *o, gw_price_list **ret, gw_error *e)
{
    gw_price_options po = {.no_catalogue = o->no_catalogue,
                           .discount = o->discount,
                           .spot_discount = o->spot_discount,
                           .split = o->split,
                           .control_plane_hourly = o->control_plane,
                           .default_region = o->default_region};
    gw_price_list *l = NULL;
    int rc = gw_price_list_new(&po, &l, e);
    for (size_t i = 0; rc == 0 && i < o->prices.n; i++)
        rc = gw_price_list_add_file(l, o->prices.items[i], e);
    if (rc) {
        if (l)
            gw_price_list_free(l);
        return rc;
    }
    *ret = l;
    return 0;
}

int gw_pipeline_judge(const gw_pipeline *p, const gw_options *o, gw_findings *ret, gw_error *e)
{
    gw_judge_input in = {.fleet = &p->fleet,
                         .usage = &p->usage,
                         .ledger = &p->ledger,
                         .prices = &p->book,
                         .ownership = &p->ownership,
                         .pod_class = p->pod_class,
                         .thresholds = &o->thresholds};
    return gw_interpret(&in, ret, e);
}

static int judge(gw_pipeline *p, const gw_options *o, gw_error *e)
{
    int rc =
        gw_classify(&p->fleet, &p->usage, &p->ownership, &p->arena, &p->pod_class, &p->pod_class_reason, e);
    return rc ? rc : gw_pipeline_judge(p, o, &p->findings, e);
}

static int describe(gw_pipeline *p, gw_error *e)
{
    const char *source = p->source_name, *kube = p->kube_name;
    p->source_line =
        gw_arena_printf(&p->arena, "%s, %" PRIu64 " samples%s%s", source ? source : "unnamed source",
                        p->usage.samples_total, kube ? "; Kubernetes " : "", kube ? kube : "");
    return p->source_line ? 0 : gw_fail_memory(e);
}

int gw_pipeline_prepare(gw_pipeline *p, const gw_options *o, gw_error *e)
{
    gw_ownership_defaults(&p->ownership);
    for (size_t i = 0; i < o->owner_labels.n; i++) {
        if (gw_ownership_map(&p->ownership, o->owner_labels.items[i], &p->arena, e))
            return e->code;
    }
    return p->prices ? 0 : gw_price_list_open(o, &p->prices, e);
}

int gw_pipeline_settle(gw_pipeline *p, const gw_options *o, gw_error *e)
{
    int rc = gw_fleet_resolve_owners(&p->fleet) ? gw_fail_memory(e) : 0;
    if (rc == 0)
        rc = gw_fleet_resolve_rules(&p->fleet, e);
    if (rc == 0)
        rc = gw_price_fleet(p->prices, &p->fleet, &p->usage, &p->book, e);
    if (rc == 0)
        rc = gw_ledger_book(&p->ledger, &p->fleet, &p->usage, &p->book, e);
    if (rc == 0)
        rc = judge(p, o, e);
    if (rc == 0)
        rc = describe(p, e);
    if (rc == 0 && p->ledger.total.unpriced_ms > 0)
        p->partial = true;
    return rc;
}

int gw_pipeline_run(gw_pipeline *p, const gw_options *o, const gw_pipeline_env *env, gw_error *e)
{
    /* a mistake in a price file is told before minutes of reading */
    int rc = gw_pipeline_prepare(p, o, e);
    if (rc == 0)
        rc = observe(p, o, env, e);
    if (rc == 0)
        rc = ask_kubernetes(p, env, e);
    if (rc)
        return rc;
    p->source_name = p->source.describe ? p->source.describe(p->source.self) : NULL;
    p->kube_name = p->kube ? gw_kube_describe(p->kube) : NULL;
    return gw_pipeline_settle(p, o, e);
}

/* ---- reporting ----------------------------------------------------------------------------------------- */

static int build(gw_pipeline *p, const gw_options *o, const char *by, gw_report *r, gw_error *e)
{
    gw_report_options ro = {
        .filter = {.ns = o->ns, .selector = o->selector}, .sort_by = o->sort_by, .ownership = &p->ownership};
    *r = (gw_report){.fleet = &p->fleet,
                     .usage = &p->usage,
                     .ledger = &p->ledger,
                     .prices = &p->book,
                     .findings = &p->findings,
                     .pod_class = p->pod_class,
                     .pod_class_reason = p->pod_class_reason,
                     .window = p->window,
                     .source = p->source_line,
                     .partial = p->partial};
    int rc = gw_by_parse(by, &p->arena, ro.by, &ro.n_by, e);
    return rc ? rc : gw_report_build(r, &ro, e);
}

/* Whether the finding's subject is the workload of a row grouped by namespace and workload. Two workloads of
 * one name in two namespaces are told apart in the row's key by "namespace/name". */
static bool is_about(const gw_finding *f, const gw_row *row, bool whole_namespace)
{
    const char *ns = gw_finding_subject_of(f, "namespace"), *name = gw_finding_subject_of(f, "workload");
    if (!ns || !gw_eq(ns, row->key[0]))
        return false;
    if (!name)
        name = gw_finding_subject_of(f, "pod");
    if (!name)
        return whole_namespace;
    const char *key = row->key[1], *slash = strchr(key, '/');
    return gw_eq(name, key) || (slash && gw_eq(name, slash + 1));
}

static int filter_findings(gw_pipeline *p, const gw_options *o, gw_report *r, gw_error *e)
{
    gw_report about;
    if (!o->ns && !o->selector)
        return 0;
    int rc = build(p, o, "namespace,workload", &about, e);
    if (rc)
        return rc;
    p->shown = (gw_findings){.items = GW_NEW_ARRAY(&p->arena, gw_finding, p->findings.n + 1)};
    for (size_t i = 0; p->shown.items && i < p->findings.n; i++) {
        bool keep = false;
        for (size_t k = 0; k < about.n_rows && !keep; k++)
            keep = is_about(&p->findings.items[i], &about.rows[k], o->selector == NULL);
        if (keep)
            p->shown.items[p->shown.n++] = p->findings.items[i];
    }
    gw_report_free(&about);
    r->findings = &p->shown;
    return p->shown.items ? 0 : gw_fail_memory(e);
}

int gw_pipeline_report(gw_pipeline *p, const gw_options *o, const char *by, gw_report *r, gw_error *e)
{
    int rc = build(p, o, by, r, e);
    if (rc)
        return rc;
    rc = filter_findings(p, o, r, e);
    if (rc)
        gw_report_free(r);
    return rc;
}
