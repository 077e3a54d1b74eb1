/* gpuwise serve: the report and the plan kept current, with a history, an API and a dashboard. */
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "serve/api.h"

static const gw_option_group *const groups[] = {&gw_options_serve,      &gw_options_store,
                                                &gw_options_source,     &gw_options_kubernetes,
                                                &gw_options_window,     &gw_options_prices,
                                                &gw_options_thresholds, &gw_options_plan,
                                                &gw_options_demo,       NULL};

/* ---- configuration ------------------------------------------------------------------------------------- */

/* The options once more, those of the file before those of the command line. */
static int read_config(gw_cli *cli, gw_serve_config *c, gw_error *e)
{
    gw_operands operands = {0};
    char **argv = NULL;
    int argc = 0;
    int rc = gw_serve_config_read(c, cli->options.config_file, groups, cli->argc, cli->argv, &argv, &argc, e);
    if (rc)
        return rc;
    gw_options_init(&c->options);
    rc = gw_options_parse(&gw_verb_serve.command, cli->program, argc, argv, cli->env, cli->env_ctx,
                          &c->options, &operands, e);
    if (rc)
        gw_error_prefix(e, "%s", cli->options.config_file);
    cli->argc = argc;
    cli->argv = argv;
    return rc;
}

/* A folder for a history that nobody asked to keep. */
typedef struct scratch {
    char dir[64], file[96], url[112];
} scratch;

static int make_scratch(scratch *s, gw_serve_config *c, gw_error *e)
{
    snprintf(s->dir, sizeof(s->dir), "/tmp/gpuwise-XXXXXX");
    if (!mkdtemp(s->dir)) {
        int err = errno;
        s->dir[0] = '\0';
        return gw_fail(e, GW_EIO,
                       "cannot make a folder in /tmp: %s; say where to keep history: --store sqlite:FILE",
                       strerror(err));
    }
    snprintf(s->file, sizeof(s->file), "%s/history.db", s->dir);
    snprintf(s->url, sizeof(s->url), "sqlite:%s", s->file);
    c->store = s->url;
    return 0;
}

static void drop_scratch(const scratch *s)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char path[sizeof(s->file) + 16];
    if (!s->dir[0])
        return;
    for (size_t i = 0; i < GW_COUNT(ends); i++) {
        snprintf(path, sizeof(path), "%s%s", s->file, ends[i]);
        unlink(path);
    }
    rmdir(s->dir);
}

static bool is_given(const gw_cli *cli, const char *option, const char *variable)
{
    const char *value = cli->env(cli->env_ctx, variable);
    return gw_serve_config_gives(option, cli->argc, cli->argv) || (value && *value);
}

/* What the daemon has to say: that it is unwell, or well again. */
static void say(void *ctx, const char *line)
{
    gw_cli_note(ctx, "%s", line);
}

/* ---- serving ------------------------------------------------------------------------------------------- */

/* Until somebody says stop; SIGHUP reads prices and certificates anew. */
static void wait_for_signals(gw_cli *cli, gw_daemon *d, gw_server *server, const sigset_t *set)
{
    for (;;) {
        int got = 0;
        gw_error e = {0};
        if (sigwait(set, &got) || got != SIGHUP)
            return;
        gw_daemon_nudge(d);
        if (gw_server_tls_reload(server, &e))
            gw_cli_note(cli, "%s; the old certificate stays", e.message);
    }
}

static int announce(gw_cli *cli, const gw_serve_config *c, const gw_server *server, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, 65536);
    gw_buf_printf(&b, "%s  dashboard, API and /metrics\n", gw_server_url(server));
    int rc = gw_cli_write(&b, e);
    gw_buf_free(&b);
    if (rc == 0 && c->store_is_temporary)
        gw_cli_note(cli, "history is in %s until this ends; --store keeps it", c->store);
    if (rc == 0 && c->options.demo)
        gw_cli_note(cli, "this is the sample fleet, not yours; Ctrl-C stops it");
    return rc;
}

/* What answers: who may ask, the routes, and the server in front of them. */
typedef struct front {
    gw_reviewer *reviewer;
    gw_auth *auth;
    gw_api *api;
    gw_server *server;
} front;

static int open_auth(const gw_serve_config *c, front *f, gw_error *e)
{
    gw_auth_options ao = {.tokens = c->tokens,
                          .n_tokens = c->n_tokens,
                          .admin_groups = c->admin_groups,
                          .read_groups = c->read_groups,
                          .n_admin_groups = c->n_admin_groups,
                          .n_read_groups = c->n_read_groups,
                          .token_review = c->token_review,
                          .post_review = gw_reviewer_post};
    int rc = c->token_review ? gw_reviewer_new(c, &f->reviewer, e) : 0;
    ao.post_ctx = f->reviewer;
    rc = rc ? rc : gw_auth_new(&ao, &f->auth, e);
    return rc ? rc : gw_auth_check_listen(c->listen, gw_auth_required(f->auth), e);
}

static int open_server(const gw_serve_config *c, bool listen_given, front *f, gw_error *e)
{
    gw_server_options so = {
        .listen = c->listen,
        .threads = c->threads,
        .limits = {.body_bytes = 65536, .body_ms = 5 * GW_SECOND_MS}, /* bodies are small */
        .tls = {c->tls_cert, c->tls_key},
        .handler = gw_api_handle,
        .ctx = f->api,
        .name = "gpuwise"};
    int rc = gw_server_new(&so, &f->server, e);
    if (rc == GW_ECONNECT && c->options.demo && !listen_given) {
        so.listen = "127.0.0.1:0"; /* a demonstration need not have the usual port */
        rc = gw_server_new(&so, &f->server, e);
    }
    return rc;
}

static int open_front(const gw_cli *cli, const gw_serve_config *c, gw_daemon *d, front *f, gw_error *e)
{
    int rc = open_auth(c, f, e);
    if (rc == 0) {
        const gw_api_options ao = {.daemon = d, .auth = f->auth};
        rc = gw_api_new(&ao, &f->api, e);
    }
    if (rc == 0)
        rc = open_server(c, is_given(cli, "listen", "GPUWISE_LISTEN"), f, e);
    if (rc == 0)
        gw_api_set_server(f->api, f->server);
    return rc;
}

static void close_front(front *f)
{
    if (f->server)
        gw_server_stop(f->server);
    if (f->api)
        gw_api_free(f->api);
    gw_server_free(f->server);
    if (f->auth)
        gw_auth_free(f->auth);
    if (f->reviewer)
        gw_reviewer_free(f->reviewer);
}

static int serve(gw_cli *cli, const gw_serve_config *c, gw_daemon *d, const sigset_t *set, gw_error *e)
{
    front f = {0};
    int rc = open_front(cli, c, d, &f, e);
    if (rc == 0)
        rc = gw_daemon_start(d, e);
    if (rc == 0)
        rc = gw_server_start(f.server, e);
    if (rc == 0)
        rc = announce(cli, c, f.server, e);
    if (rc == 0)
        wait_for_signals(cli, d, f.server, set);
    gw_daemon_stop(d); /* before its caches, which it fills */
    close_front(&f);
    return rc;
}

static int run_with(gw_cli *cli, gw_serve_config *c, gw_error *e)
{
    const gw_pipeline_env env = {
        .env = cli->env, .env_ctx = cli->env_ctx, .clock = cli->clock, .rules = true};
    bool store_given = is_given(cli, "store", "GPUWISE_STORE");
    scratch s = {{0}, {0}, {0}};
    gw_daemon *d = NULL;
    sigset_t set;
    int rc = gw_ask_check(&c->options, e);
    rc = rc ? rc : gw_serve_config_settle(c, store_given, e);
    if (rc == 0 && c->store_is_temporary)
        rc = make_scratch(&s, c, e);
    /* before the first thread, which inherits it */
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (rc == 0)
        rc = gw_daemon_new(c, &env, &d, e);
    if (rc == 0)
        rc = serve(cli, c, d, &set, e);
    gw_daemon_free(d);
    drop_scratch(&s);
    return rc;
}

static int run(gw_cli *cli, gw_error *e)
{
    gw_serve_config *c = gw_calloc(1, sizeof(*c));
    if (!c)
        return gw_fail_memory(e);
    gw_serve_config_init(c);
    c->options = cli->options;
    c->say = say;
    c->say_ctx = cli;
    int rc = cli->options.config_file ? read_config(cli, c, e) : 0;
    if (rc == 0 && c->options.demo && !cli->options.config_file)
        rc = gw_serve_config_sample(c, e);
    if (rc == 0)
        rc = run_with(cli, c, e);
    gw_serve_config_free(c);
    gw_free(c);
    return rc;
}

const gw_verb gw_verb_serve = {
    {.name = "serve",
     .summary = "Report and plan kept current, with history, API and dashboard",
     .text = "Observes in turns, closes the books by the hour, and shows them at --listen:\n"
             "a dashboard at /, the API under /api/v1, OpenCost's shapes under /allocation\n"
             "and /assets, /metrics for Prometheus. Reads from Prometheus and Kubernetes,\n"
             "and writes to neither. Every long option may stand in the file of --config,\n"
             "beside budgets, alerts, tokens and retention (docs/guide/serve.md).\n"
             "--window says how much is held in memory (7d); older hours are in the store.",
     .examples = "serve --demo\n"
                 "serve --prometheus http://localhost:9090 --store sqlite:gpuwise.db\n"
                 "serve --config gpuwise.yaml --listen 0.0.0.0:9797\n"
                 "serve --snapshot ./snapshot --listen 127.0.0.1:0",
     .groups = groups},
    run};
