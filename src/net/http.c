/* The loop: which request runs in which place, when the next try starts, what comes out. */
#include "base/buf.h"
#include "net/http_client.h"

#define POLL_MAX_MS 1000

typedef struct run {
    gw_http *http;
    gw_http_request *requests;
    size_t n, next; /* requests[next..n) have not been started */
    size_t failed;  /* lowest index that failed; n = none */
    bool stop_on_error;
} run;

/* ---- the end of a request ---- */

static void finish(run *w, gw_http_slot *s, int code, const gw_error *why)
{
    gw_http_request *r = s->request;
    size_t index = (size_t)(r - w->requests);
    r->result = code;
    r->error = code ? *why : (gw_error){0};
    if (code && index < w->failed)
        w->failed = index;
    s->state = HTTP_SLOT_FREE;
    s->request = NULL;
}

static void abandon(gw_http_request *r, const gw_error *why)
{
    r->error = *why;
    r->result = r->error.code;
    gw_error_prefix(&r->error, "not done, because another request failed");
}

/* Ends everything that has not ended yet, for the reason of the request that failed. */
static void abandon_rest(run *w)
{
    const gw_error why = w->requests[w->failed].error;
    for (int i = 0; i < w->http->o.max_concurrency; i++) {
        gw_http_slot *s = &w->http->slots[i];
        if (s->state == HTTP_SLOT_FREE)
            continue;
        gw_http_try_stop(s);
        abandon(s->request, &why);
        s->state = HTTP_SLOT_FREE;
        s->request = NULL;
    }
    for (; w->next < w->n; w->next++)
        abandon(&w->requests[w->next], &why);
}

/* ---- another try ---- */

/* A whole number below n from the seed, the request and the try: Vigna's splitmix64 of their mixture. */
static uint64_t jitter(const gw_http_slot *s, uint64_t n)
{
    uint64_t z = s->http->o.seed ^ (s->serial * 0xd1342543de82ef95u) ^ ((uint64_t)s->tries << 56);
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % n;
}

/* Between half and the whole of backoff * 2^(tries - 1): those that failed together do not come back
 * together. */
static int64_t pause_ms(const gw_http_slot *s, int64_t asked_ms)
{
    int64_t full = s->http->o.backoff_ms;
    for (int i = 1; i < s->tries && full < HTTP_BACKOFF_MAX_MS; i++)
        full *= 2;
    full = GW_MIN(full, HTTP_BACKOFF_MAX_MS);
    int64_t pause = full - (int64_t)jitter(s, (uint64_t)full / 2 + 1);
    return GW_MAX(pause, asked_ms);
}

/* New credentials after a 401. False where there are none that this try did not have. */
static bool renew(gw_http_slot *s)
{
    gw_http *h = s->http;
    /* of several requests that met the 401 together, the first renews for all */
    if (h->token_generation != s->token_generation || gw_http_token_reread(h, true))
        return true;
    const char *token = h->token;
    if (!h->o.refresh_token || !h->o.refresh_token(h->o.refresh_ctx, &token))
        return false;
    return !token || gw_http_token_set(h, gw_str_of(token), NULL) == 0;
}

static void count_tries(const gw_http_slot *s, gw_error *e)
{
    size_t n = strlen(e->message);
    if (s->tries > 1 && n + 24 < sizeof(e->message))
        snprintf(e->message + n, sizeof(e->message) - n, " (%d tries)", s->tries);
}

/* Schedules the next try, or finishes the request with what the last one came to. */
static void decide(run *w, gw_http_slot *s, const gw_http_verdict *v, gw_error *why)
{
    gw_http_request *r = s->request;
    bool again = false;
    int64_t wait_ms = 0;
    if (r->idempotent_retry != 0) {
        again = false;
    } else if (v->unauthorized && !s->renewed) {
        s->renewed = true;
        again = renew(s);
    } else if (v->retry && s->tries <= w->http->o.max_retries) {
        again = true;
        wait_ms = pause_ms(s, v->wait_ms);
        s->tries++;
    }
    gw_error unused = {0};
    if (again && r->on_retry && r->on_retry(r->ctx, &unused)) {
        finish(w, s, v->code, why);
        return;
    }
    if (!again) {
        count_tries(s, why);
        finish(w, s, v->code, why);
        return;
    }
    r->retries++;
    s->redirects = 0;
    s->foreign = false;
    s->location[0] = '\0';
    s->state = HTTP_SLOT_WAITING;
    s->due_ms = gw_clock_monotonic(NULL) + wait_ms;
}

static void start_try(run *w, gw_http_slot *s)
{
    gw_error why = {0};
    int code = gw_http_try_start(s, &why);
    s->state = HTTP_SLOT_RUNNING;
    if (code)
        finish(w, s, code, &why);
}

/* A clean 2xx: the consumer has the last word. */
static void take_end(gw_http_slot *s, gw_http_verdict *v, gw_error *why)
{
    gw_http_request *r = s->request;
    v->code = gw_http_try_begin(s);
    if (!v->code && r->on_end) {
        v->code = r->on_end(r->ctx, &r->error);
        v->retry = v->code == GW_ETIMEOUT;
    }
    if (v->code && r->error.code != v->code)
        gw_fail(&r->error, v->code, "the reply of %s was not taken", s->http->what);
    if (v->code) {
        gw_http_name_place(s, &r->error);
        *why = r->error;
    }
}

static void conclude(run *w, gw_http_slot *s, CURLcode rc, bool stalled)
{
    gw_http_request *r = s->request;
    gw_error why = {0};
    long status = 0;
    curl_off_t bytes = 0, after = 0;
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(s->easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
    curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &after);
    r->status = (int)status;
    r->retry_after_ms = after > 0 ? GW_MIN((int64_t)after, GW_DAY_MS / GW_SECOND_MS) * GW_SECOND_MS : 0;
    r->bytes += bytes > 0 ? (uint64_t)bytes : 0;
    gw_http_verdict v = gw_http_judge(s, rc, stalled, &why);
    if (v.code == 0)
        take_end(s, &v, &why);
    gw_http_try_stop(s);
    if (v.redirect) {
        v.code = gw_http_try_redirect(s, &why);
        if (v.code == 0) {
            start_try(w, s);
            return;
        }
    }
    if (v.code)
        decide(w, s, &v, &why);
    else
        finish(w, s, 0, NULL);
}

/* ---- the loop ---- */

static void start_request(run *w, gw_http_slot *s)
{
    gw_http_request *r = &w->requests[w->next++];
    s->request = r;
    s->serial = w->http->n_requests++;
    s->tries = 1;
    s->renewed = s->foreign = false;
    s->redirects = 0;
    s->location[0] = '\0';
    start_try(w, s);
}

/* Fills the free places and starts the tries that are due. Returns how many places are taken. */
static int fill(run *w)
{
    int taken = 0;
    for (int i = 0; i < w->http->o.max_concurrency; i++) {
        gw_http_slot *s = &w->http->slots[i];
        if (s->state == HTTP_SLOT_WAITING && s->due_ms <= gw_clock_monotonic(NULL))
            start_try(w, s);
        /* a request that cannot even start frees its place at once */
        while (s->state == HTTP_SLOT_FREE && w->next < w->n && !(w->stop_on_error && w->failed < w->n))
            start_request(w, s);
        taken += s->state != HTTP_SLOT_FREE;
    }
    return taken;
}

/* Notes a sign of life. The connection's own time is bounded by libcurl, so the stall's begins after it. */
static void note_activity(gw_http_slot *s, int64_t now_ms)
{
    curl_off_t connected = 0, down = 0, up = 0;
    curl_easy_getinfo(s->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected <= 0)
        return;
    curl_easy_getinfo(s->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(s->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    uint64_t moved = (uint64_t)down + (uint64_t)up + s->body_bytes + s->header_bytes;
    if (s->active_ms == 0 || moved != s->moved)
        s->active_ms = now_ms;
    s->moved = moved;
    if (s->pace_ms == 0 || moved - s->pace_moved >= HTTP_PACE_BYTES) {
        s->pace_ms = now_ms;
        s->pace_moved = moved;
    }
}

static void end_stalled(run *w, int64_t now_ms)
{
    for (int i = 0; i < w->http->o.max_concurrency; i++) {
        gw_http_slot *s = &w->http->slots[i];
        if (s->state != HTTP_SLOT_RUNNING)
            continue;
        note_activity(s, now_ms);
        int64_t patience_ms = w->http->o.stall_timeout_ms;
        if (s->active_ms &&
            (now_ms - s->active_ms >= patience_ms || now_ms - s->pace_ms >= HTTP_PACE_TIMEOUTS * patience_ms))
            conclude(w, s, CURLE_OPERATION_TIMEDOUT, true);
    }
}

static void take_finished(run *w)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(w->http->multi, &left));) {
        gw_http_slot *s = NULL;
        CURLcode rc = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &s);
        conclude(w, s, rc, false);
    }
}

static int poll_ms(const run *w, int64_t now_ms)
{
    int64_t until = now_ms + POLL_MAX_MS;
    for (int i = 0; i < w->http->o.max_concurrency; i++) {
        const gw_http_slot *s = &w->http->slots[i];
        if (s->state == HTTP_SLOT_WAITING)
            until = GW_MIN(until, s->due_ms);
        else if (s->state == HTTP_SLOT_RUNNING && s->active_ms)
            until = GW_MIN(until, s->active_ms + w->http->o.stall_timeout_ms);
    }
    return (int)GW_MAX(until - now_ms, (int64_t)0);
}

static void fail_running(run *w, CURLMcode mc)
{
    gw_error why = {0};
    int code = mc == CURLM_OUT_OF_MEMORY
                   ? gw_fail_memory(&why)
                   : gw_fail(&why, GW_EINTERNAL, "libcurl fails: %s", curl_multi_strerror(mc));
    for (int i = 0; i < w->http->o.max_concurrency; i++) {
        gw_http_slot *s = &w->http->slots[i];
        if (s->state == HTTP_SLOT_FREE)
            continue;
        gw_http_try_stop(s);
        finish(w, s, code, &why);
    }
}

static void loop(run *w)
{
    int running;
    while (fill(w)) {
        if (w->stop_on_error && w->failed < w->n)
            break;
        /* taken before the work: the time that a slow consumer spends is not the server's silence */
        int64_t now_ms = gw_clock_monotonic(NULL);
        CURLMcode mc = curl_multi_perform(w->http->multi, &running);
        if (!mc) {
            take_finished(w);
            end_stalled(w, now_ms);
            int ms = poll_ms(w, gw_clock_monotonic(NULL));
            bool any = false;
            for (int i = 0; i < w->http->o.max_concurrency; i++)
                any |= w->http->slots[i].state != HTTP_SLOT_FREE;
            if (any)
                mc = curl_multi_poll(w->http->multi, NULL, 0, ms, NULL);
        }
        if (mc)
            fail_running(w, mc);
    }
}

int gw_http_perform(gw_http *h, gw_http_request *requests, size_t n, bool stop_on_error, gw_error *e)
{
    if (h->busy)
        return gw_fail(e, GW_EINTERNAL, "a callback of %s asked its own client for more", h->what);
    run w = {.http = h, .requests = requests, .n = n, .failed = n, .stop_on_error = stop_on_error};
    for (size_t i = 0; i < n; i++) {
        gw_http_request *r = &requests[i];
        r->result = r->status = r->retries = 0;
        r->bytes = 0;
        r->error = (gw_error){0};
    }
    sigset_t before;
    bool pending = gw_http_sigpipe_block(&before);
    h->busy = true;
    loop(&w);
    if (w.failed < n)
        abandon_rest(&w);
    h->busy = false;
    gw_http_memory_failed(); /* has been told, and is not the next call's */
    gw_http_sigpipe_restore(&before, pending);
    if (w.failed == n)
        return 0;
    if (e)
        *e = requests[w.failed].error;
    return requests[w.failed].result;
}

/* ---- one small reply ---- */

static int collect(void *ctx, const char *p, size_t n, gw_error *e)
{
    gw_buf *b = ctx;
    gw_buf_add(b, p, n);
    return gw_buf_check(b, "the reply", e);
}

static int collect_again(void *ctx, gw_error *e)
{
    GW_UNUSED(e);
    gw_buf_clear(ctx);
    return 0;
}

int gw_http_get(gw_http *h, const char *path, size_t max_bytes, char **ret_body, size_t *ret_len, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, GW_MIN(max_bytes, SIZE_MAX / 4));
    gw_http_request r = {
        .method = "GET", .path = path, .ctx = &b, .on_data = collect, .on_retry = collect_again};
    int rc = gw_http_perform(h, &r, 1, true, e);
    char *body = b.data;
    if (!rc && !body && !(body = gw_strdup("")))
        rc = gw_fail_memory(e);
    if (rc) {
        gw_buf_free(&b);
        return rc;
    }
    *ret_body = body;
    if (ret_len)
        *ret_len = b.len;
    return 0;
}
