#include "observe/kubernetes_internal.h"

#include "format/json_tree.h"
#include "net/url.h"

#define SERVICE_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"
#define MAX_PAGE_BYTES      ((size_t)512 << 20) /* of one reply; objects are at most 1.5 MB each */
#define MAX_MISSING_BYTES   ((size_t)4096)
#define TIMEOUT_MS          (60 * GW_SECOND_MS)
#define CONNECT_TIMEOUT_MS  (10 * GW_SECOND_MS)
#define REFRESH_PAUSE_MS    (10 * GW_SECOND_MS) /* a plugin is not run again so soon after a 401 */

/* ---- connecting ---- */

static int64_t now_ms(const gw_kube *k)
{
    return k->clock(k->clock_ctx);
}

static bool expired(const gw_kube *k)
{
    return k->access.exec && (!k->has_given || (k->given.expires_ms && now_ms(k) >= k->given.expires_ms));
}

static int run_plugin(gw_kube *k, gw_error *e)
{
    int r = gw_kube_exec_run(&k->secrets, k->access.exec, k->timeout_ms, &k->given, e);
    k->has_given = r == 0;
    k->given_ms = now_ms(k);
    return r;
}

/* After a 401: a plugin may hand out a new token. A new certificate would need a new client: not here. */
static bool refresh(void *ctx, const char **ret_token)
{
    gw_kube *k = ctx;
    if (!k->access.exec || now_ms(k) - k->given_ms < REFRESH_PAUSE_MS)
        return false;
    gw_error ignored;
    if (run_plugin(k, &ignored) || !k->given.token)
        return false;
    *ret_token = k->given.token;
    return true;
}

static const gw_http_settings settings = {.ca = "certificate-authority in the kubeconfig",
                                          .cert = "client-certificate and client-key in the kubeconfig",
                                          .insecure = "insecure-skip-tls-verify",
                                          .server_name = "tls-server-name in the kubeconfig",
                                          .timeout = "--timeout"};

/* Makes the client with what the configuration says and the plugin has given. */
static int make_client(gw_kube *k, gw_error *e)
{
    const gw_kube_access *a = &k->access;
    gw_http_options o = {
        .base_url = a->server,
        .bearer_token = a->token,
        .bearer_token_file = a->token_file,
        .username = a->username,
        .password = a->password,
        .ca_file = a->ca_file,
        .ca_data = a->ca_data,
        .cert_file = a->cert_file,
        .key_file = a->key_file,
        .cert_data = a->cert_data,
        .key_data = a->key_data,
        .server_name = a->tls_server_name,
        .insecure = a->insecure,
        .proxy = a->proxy_url,
        .headers = a->headers,
        .max_retries = k->max_retries == 0 ? -1 : GW_MAX(k->max_retries, 0),
        .connect_timeout_ms = GW_MIN(k->timeout_ms, CONNECT_TIMEOUT_MS),
        .stall_timeout_ms = k->timeout_ms,
        .max_reply_bytes = MAX_PAGE_BYTES,
        .what = "Kubernetes API",
        .settings = &settings,
        .refresh_token = refresh,
        .refresh_ctx = k,
    };
    if (k->has_given && k->given.token)
        o.bearer_token = k->given.token;
    if (k->has_given && k->given.cert_data.n) {
        o.cert_data = k->given.cert_data;
        o.key_data = k->given.key_data;
    }
    int r = gw_http_new(&o, &k->http, e);
    if (!r || r == GW_ENOMEM)
        return r;
    if (a->context)
        gw_error_prefix(e, "kubeconfig, context \"%.80s\"", a->context);
    else
        gw_error_prefix(e, "the pod's service account");
    if (r != GW_EUSAGE)
        return r;
    if (e)
        e->code = GW_ECONFIG; /* nobody typed it */
    return GW_ECONFIG;
}

int gw_kube_connect(gw_kube *k, gw_error *e)
{
    if (expired(k)) {
        gw_http_free(k->http);
        k->http = NULL;
        gw_arena_free(&k->secrets);
        int r = run_plugin(k, e);
        if (r)
            return r;
    }
    return k->http ? 0 : make_client(k, e);
}

/* Tells what is wrong in the configuration before anything is read. What a plugin gives comes later. */
static int check_access(gw_kube *k, gw_error *e)
{
    int r = make_client(k, e);
    if (!r && k->access.exec) {
        gw_http_free(k->http);
        k->http = NULL;
    }
    return r;
}

/* What nobody reads of a page, and what may hold secrets: most of its bytes. */
static const char *const unread[] = {
    "managedFields",
    "env",
    "envFrom",
    "args",
    "command",
    "volumeMounts",
    "volumeDevices",
    "conditions",
    "images",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "securityContext",
    "containerStatuses",
    "initContainerStatuses",
    NULL,
};

/* A reply on its way. */
typedef struct reply {
    gw_json_tree tree;
    json_t *json;
} reply;

static int on_data(void *ctx, const char *p, size_t n, gw_error *e)
{
    int r = gw_json_tree_feed(&((reply *)ctx)->tree, p, n, e);
    if (r == GW_ECORRUPT)
        gw_error_prefix(e, "this is no Kubernetes API server, but perhaps the login page of a proxy");
    return r;
}

static int on_retry(void *ctx, gw_error *e)
{
    GW_UNUSED(e);
    gw_json_tree_reset(&((reply *)ctx)->tree);
    return 0;
}

static int on_end(void *ctx, gw_error *e)
{
    reply *y = ctx;
    json_decref(y->json);
    y->json = NULL;
    int r = gw_json_tree_finish(&y->tree, &y->json, e);
    if (r || json_is_object(y->json))
        return r;
    return gw_fail(e, GW_ECORRUPT,
                   "the reply is no JSON object; check that the URL is that of a Kubernetes API server");
}

int gw_kube_get(gw_kube *k, const char *path, json_t **ret, int *ret_status, gw_error *e)
{
    static const char *const headers[] = {"Accept: application/json", NULL};
    *ret_status = 0;
    int r = gw_kube_connect(k, e);
    if (r)
        return r;
    reply y = {.json = NULL};
    gw_json_tree_init(&y.tree, unread);
    gw_http_request q = {
        .method = "GET",
        .path = path,
        .headers = headers,
        .accept_encoding = k->access.disable_compression ? NULL : "gzip",
        .ctx = &y,
        .on_data = on_data,
        .on_retry = on_retry,
        .on_end = on_end,
    };
    r = gw_http_perform(k->http, &q, 1, false, e);
    *ret_status = q.status;
    gw_json_tree_free(&y.tree);
    if (!r)
        *ret = y.json;
    else
        json_decref(y.json);
    if (r && q.status == 401)
        gw_error_prefix(e, "user \"%.60s\" is not accepted; check with: kubectl get nodes",
                        k->access.user ? k->access.user : "");
    return r;
}

/* ---- what could not be seen ---- */

void gw_kube_note_missing(gw_kube *k, const char *what, const char *why)
{
    /* a full or failed buffer only shortens the note */
    gw_buf_printf(&k->missing, "%s%s (%s)", k->missing.len ? "; " : "", what, why);
}

const char *gw_kube_missing(const gw_kube *k)
{
    return k->missing.len ? k->missing.data : NULL;
}

/* ---- opening ---- */

static int find_access(gw_kube *k, const gw_kube_options *o, bool *found, gw_error *e)
{
    gw_kubeconfig_options c = {
        .file = o->kubeconfig && *o->kubeconfig ? o->kubeconfig : NULL,
        .context = o->context && *o->context ? o->context : NULL,
        .list = o->environ_kubeconfig ? *o->environ_kubeconfig : getenv("KUBECONFIG"),
        .home = getenv("HOME"),
    };
    int r = gw_kubeconfig_load(&k->arena, &c, &k->access, found, e);
    if (r || *found)
        return r;
    return gw_kube_in_cluster(&k->arena, o->in_cluster_dir ? o->in_cluster_dir : SERVICE_ACCOUNT_DIR,
                              getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT"),
                              &k->access, found, e);
}

static int describe(gw_kube *k, const gw_kube_options *o)
{
    char shown[GW_URL_SHOWN_MAX];
    gw_url_shown(k->access.server, shown);
    if (k->access.context)
        k->describe = gw_arena_printf(&k->arena, "%s (context %s)", shown, k->access.context);
    else
        k->describe = gw_arena_printf(&k->arena, "%s (in-cluster service account)", shown);
    k->ns = o->ns && *o->ns ? gw_arena_strdup(&k->arena, o->ns) : NULL;
    return k->describe && (k->ns || !o->ns || !*o->ns) ? 0 : GW_ENOMEM;
}

int gw_kube_open(const gw_kube_options *o, gw_kube **ret, gw_error *e)
{
    bool found = false;
    gw_json_use_own_memory();
    gw_kube *k = gw_calloc(1, sizeof(*k));
    if (!k)
        return gw_fail_memory(e);
    gw_arena_init(&k->arena, 0);
    gw_arena_init(&k->secrets, 0);
    gw_buf_init(&k->missing, MAX_MISSING_BYTES);
    k->page_items = o->page_items > 0 ? o->page_items : GW_KUBE_PAGE_ITEMS;
    k->timeout_ms = o->timeout_ms > 0 ? o->timeout_ms : TIMEOUT_MS;
    k->max_retries = o->max_retries;
    k->rules = o->rules;
    k->clock = o->clock ? o->clock : gw_clock_system;
    k->clock_ctx = o->clock_ctx;
    int r = find_access(k, o, &found, e);
    if (!r && !found && !o->optional)
        r = gw_fail(e, GW_ECONFIG,
                    "no Kubernetes configuration: give --kubeconfig, set $KUBECONFIG, write ~/.kube/config, "
                    "or run in "
                    "a cluster");
    if (!r && found && describe(k, o))
        r = gw_fail_memory(e);
    if (!r && found)
        r = check_access(k, e);
    if (r || !found) {
        gw_kube_free(k);
        k = NULL;
    }
    if (!r)
        *ret = k;
    return r;
}

const char *gw_kube_describe(const gw_kube *k)
{
    return k->describe;
}

void gw_kube_free(gw_kube *k)
{
    if (!k)
        return;
    gw_http_free(k->http);
    gw_arena_free(&k->secrets);
    gw_arena_free(&k->arena);
    gw_buf_free(&k->missing);
    gw_free(k);
}
