/*
 * The alert engine with its real delivery and a real store, driven line by line from standard input; answers
 * each line with one line.
 *
 *     alerts STORE-URL [key=value …] …     one argument a route: type=slack,url=http://…,secretFile=…
 *     event KEY KIND SEVERITY firing|resolved TEXT    take (details: team=nlp)
 *     many N SEVERITY                                 N events at once
 *     turn                                            one turn
 *     drain                                           turns, asleep between them, until nothing is queued
 *     skip MS                                         the clock is set ahead
 *     status                                          a JSON array
 */
#include "operate/alert_shelf.h"
#include "operate/deliver.h"

#include "base/number.h"
#include "format/doc.h"

#define LINE_MAX_BYTES 4096
#define DRAIN_MAX_MS   30000
#define TO_MAX         4

static int64_t skipped_ms;

static int64_t clock_of(void *unused)
{
    return gw_clock_system(unused) + skipped_ms;
}

static int die(const gw_error *e)
{
    printf("error %d %s\n", -e->code, e->message);
    fflush(stdout);
    return 1;
}

static bool set(gw_alert_route *r, const char **to, const char *key, const char *value)
{
    int64_t n = 0;
    gw_parse_int64(gw_str_of(value), &n);
    if (strcmp(key, "type") == 0)
        r->type = gw_alert_type_find(gw_str_of(value));
    else if (strcmp(key, "name") == 0)
        r->name = value;
    else if (strcmp(key, "url") == 0)
        r->url = value;
    else if (strcmp(key, "secretFile") == 0)
        r->secret_file = value;
    else if (strcmp(key, "secretEnv") == 0)
        r->secret_env = value;
    else if (strcmp(key, "username") == 0)
        r->username = value;
    else if (strcmp(key, "caFile") == 0)
        r->ca_file = value;
    else if (strcmp(key, "from") == 0)
        r->from = value;
    else if (strcmp(key, "to") == 0) {
        size_t k = 0;
        while (to[k])
            k++;
        if (k < TO_MAX)
            to[k] = value;
        r->to = to;
    } else if (strcmp(key, "tls") == 0)
        r->tls = strcmp(value, "none") == 0 ? GW_MAIL_TLS_NONE : GW_MAIL_TLS_REQUIRED;
    else if (strcmp(key, "digestMs") == 0)
        r->digest_ms = n;
    else if (strcmp(key, "minimum") == 0)
        r->minimum = gw_event_severity_find(gw_str_of(value));
    else
        return false;
    return true;
}

/* "key=value,key=value", cut in place. */
static bool read_route(char *text, gw_alert_route *r, const char **to)
{
    for (char *rest = text, *pair; (pair = strsep(&rest, ",")) != NULL;) {
        char *value = strchr(pair, '=');
        if (!value)
            return false;
        *value++ = '\0';
        if (!set(r, to, pair, value))
            return false;
    }
    return true;
}

static void answer(int rc, const gw_error *e)
{
    if (rc)
        printf("error %d %s\n", -rc, e->message);
    else
        puts("ok");
}

static void take_line(gw_alerts *a, const gw_alert_shelf *shelf, char *line)
{
    static const gw_event_detail details[] = {{"team", "nlp"}, {"spent", "9,600.12 USD"}};
    gw_error e = {0};
    char *key = strsep(&line, " "), *kind = strsep(&line, " "), *severity = strsep(&line, " "),
         *word = strsep(&line, " ");
    if (!word) {
        puts("what?");
        return;
    }
    gw_event ev = {.kind = kind,
                   .dedup_key = key,
                   .severity = gw_event_severity_find(gw_str_of(severity)),
                   .summary = line ? line : "",
                   .details = details,
                   .n_details = GW_COUNT(details),
                   .at_ms = clock_of(NULL),
                   .resolved = strcmp(word, "resolved") == 0};
    answer(gw_alerts_take(a, shelf, &ev, 1, &e), &e);
}

static void take_many(gw_alerts *a, const gw_alert_shelf *shelf, char *line)
{
    gw_error e = {0};
    gw_events l;
    int64_t n = 0;
    char key[32];
    char *count = strsep(&line, " ");
    gw_parse_int64(gw_str_of(count), &n);
    gw_events_init(&l);
    int rc = 0;
    for (int64_t i = 0; i < n && !rc; i++) {
        snprintf(key, sizeof(key), "many/%" PRId64, i);
        gw_event ev = {.kind = "anomaly-cost",
                       .dedup_key = key,
                       .severity = gw_event_severity_find(gw_str_of(line ? line : "warning")),
                       .summary = key,
                       .at_ms = clock_of(NULL)};
        rc = gw_events_add(&l, &ev, &e);
    }
    if (!rc)
        rc = gw_alerts_take(a, shelf, l.items, l.n, &e);
    gw_events_free(&l);
    answer(rc, &e);
}

static void put_status(gw_alerts *a)
{
    gw_alert_status s[GW_ALERT_ROUTES_MAX];
    gw_buf b;
    gw_doc d;
    gw_error e = {0};
    size_t n = gw_alerts_status(a, s);
    gw_buf_init(&b, 1 << 20);
    gw_doc_init(&d, GW_DOC_JSON, &b);
    gw_doc_array(&d, NULL);
    for (size_t i = 0; i < n; i++) {
        gw_doc_object(&d, NULL);
        gw_doc_text(&d, "name", s[i].name);
        gw_doc_text(&d, "health", gw_alert_health_name(s[i].health));
        gw_doc_int(&d, "sent", (int64_t)s[i].sent);
        gw_doc_int(&d, "failed", (int64_t)s[i].failed);
        gw_doc_int(&d, "dropped", (int64_t)s[i].dropped);
        gw_doc_int(&d, "queued", (int64_t)s[i].queued);
        gw_doc_int(&d, "open", (int64_t)s[i].open);
        gw_doc_int(&d, "waitMs", s[i].next_try_ms ? s[i].next_try_ms - clock_of(NULL) : 0);
        gw_doc_text(&d, "why", s[i].why);
        gw_doc_end(&d);
    }
    gw_doc_end(&d);
    if (gw_doc_finish(&d, &e) == 0)
        for (size_t i = 0; i + 1 < b.len; i++)
            putchar(b.data[i] == '\n' ? ' ' : b.data[i]);
    putchar('\n');
    gw_buf_free(&b);
}

static bool is_queued(gw_alerts *a)
{
    gw_alert_status s[GW_ALERT_ROUTES_MAX];
    size_t n = gw_alerts_status(a, s), queued = 0;
    for (size_t i = 0; i < n; i++)
        queued += s[i].queued;
    return queued > 0;
}

static void drain(gw_alerts *a, const gw_alert_shelf *shelf)
{
    gw_error e = {0};
    int64_t deadline = gw_clock_monotonic(NULL) + DRAIN_MAX_MS;
    int rc = gw_alerts_turn(a, shelf, &e);
    while (!rc && is_queued(a) && gw_clock_monotonic(NULL) < deadline) {
        int64_t wait = GW_MIN(gw_alerts_due(a) - clock_of(NULL), 200);
        if (wait > 0)
            nanosleep(&(struct timespec){.tv_nsec = wait * 1000000}, NULL);
        rc = gw_alerts_turn(a, shelf, &e);
    }
    answer(rc, &e);
}

static void obey(gw_alerts *a, const gw_alert_shelf *shelf, char *line)
{
    gw_error e = {0};
    char *verb = strsep(&line, " ");
    int64_t ms = 0;
    if (strcmp(verb, "event") == 0) {
        take_line(a, shelf, line);
    } else if (strcmp(verb, "many") == 0 && line) {
        take_many(a, shelf, line);
    } else if (strcmp(verb, "turn") == 0) {
        answer(gw_alerts_turn(a, shelf, &e), &e);
    } else if (strcmp(verb, "drain") == 0) {
        drain(a, shelf);
    } else if (strcmp(verb, "skip") == 0 && line && gw_parse_int64(gw_str_of(line), &ms)) {
        skipped_ms += ms;
        puts("ok");
    } else if (strcmp(verb, "status") == 0) {
        put_status(a);
    } else {
        puts("what?");
    }
}

int main(int argc, char **argv)
{
    static const char *to[GW_ALERT_ROUTES_MAX][TO_MAX + 1];
    gw_alert_route routes[GW_ALERT_ROUTES_MAX] = {0};
    gw_error e = {0};
    gw_store *store = NULL;
    gw_deliver *deliver = NULL;
    gw_alerts *alerts = NULL;
    char line[LINE_MAX_BYTES];
    size_t n = 0;
    for (int i = 2; i < argc && n < GW_ALERT_ROUTES_MAX; i++, n++)
        if (!read_route(argv[i], &routes[n], to[n]))
            return 2;
    const gw_alert_config c = {.routes = routes,
                               .n_routes = n,
                               .cluster = "prod-eu",
                               .external_url = "http://127.0.0.1:9797/",
                               .timeout_ms = 2000};
    gw_alert_options o = {.config = c, .send = gw_deliver_send, .clock = clock_of, .seed = 1};
    int rc = argc < 2 ? gw_fail(&e, GW_EUSAGE, "which store?") : 0;
    rc = rc ? rc : gw_store_open(&(gw_store_options){.url = argv[1]}, &store, &e);
    rc = rc ? rc : gw_deliver_new(&c, &deliver, &e);
    o.send_ctx = deliver;
    rc = rc ? rc : gw_alerts_new(&o, &alerts, &e);
    if (rc) {
        gw_deliver_free(deliver);
        if (store)
            gw_store_free(store);
        return die(&e);
    }
    gw_alert_shelf shelf = gw_alert_shelf_of(store);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        line[strcspn(line, "\n")] = '\0';
        obey(alerts, &shelf, line);
        fflush(stdout);
    }
    gw_alerts_free(alerts);
    gw_deliver_free(deliver);
    gw_store_free(store);
    return 0;
}
