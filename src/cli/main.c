/* The front door: finds the verb, parses, runs, and turns the outcome into an exit code. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/number.h"
#include "cli/cli.h"

#define COLUMNS_MAX 10000

static const char *environment(void *unused, const char *name)
{
    GW_UNUSED(unused);
    return getenv(name);
}

/* kubectl runs its plugins as kubectl-gpuwise, or kubectl_gpuwise where a dash stands in the name. */
static const char *program_of(const char *argv0)
{
    const char *slash = strrchr(argv0, '/'), *name = slash ? slash + 1 : argv0;
    if (gw_has_prefix(name, "kubectl-gpuwise") || gw_has_prefix(name, "kubectl_gpuwise"))
        return "kubectl gpuwise";
    return "gpuwise";
}

/* https://no-color.org: any value that is not empty. */
static bool wants_colour(const gw_cli *cli)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    if (cli->options.no_color || (no && *no) || (term && strcmp(term, "dumb") == 0))
        return false;
    return isatty(STDOUT_FILENO) == 1;
}

/* What the user says counts for more than what the terminal does. */
static size_t columns_of_output(void)
{
    const char *said = getenv("COLUMNS");
    struct winsize size = {0};
    int64_t n;
    if (said && gw_parse_int64(gw_str_of(said), &n) && n > 0 && n <= COLUMNS_MAX)
        return (size_t)n;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static int fail_verb(const gw_cli *cli, const char *given, gw_error *e)
{
    const char *names[16];
    size_t n = 0;
    for (const gw_verb *const *v = gw_verbs; *v && n < GW_COUNT(names) - 1; v++)
        names[n++] = (*v)->command.name;
    names[n] = NULL;
    const char *nearest = gw_nearest(given, names);
    return gw_fail(e, GW_EUSAGE, "there is no verb '%.60s'%s%s%s; '%s help' lists them", given,
                   nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "",
                   cli->program);
}

static int print_help(const gw_cli *cli, const gw_verb *v, gw_error *e)
{
    gw_buf b;
    gw_buf_init(&b, (size_t)1 << 20);
    if (v)
        gw_options_help(&v->command, cli->program, &b);
    else
        gw_cli_short_help(cli, &b);
    int rc = gw_buf_check(&b, "the help page", e);
    if (rc == 0)
        rc = gw_cli_write(&b, e);
    gw_buf_free(&b);
    return rc;
}

static int run(gw_cli *cli, int argc, char **argv, gw_error *e)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return print_help(cli, NULL, e);
    if (strcmp(name, "--version") == 0)
        name = "version";
    const gw_verb *v = gw_verb_find(name);
    if (!v)
        return fail_verb(cli, name, e);
    cli->argc = argc > 2 ? argc - 2 : 0;
    cli->argv = argv + GW_MIN(argc, 2);
    int rc = gw_options_parse(&v->command, cli->program, cli->argc, cli->argv, cli->env, cli->env_ctx,
                              &cli->options, &cli->operands, e);
    if (rc)
        return rc;
    if (cli->operands.help)
        return print_help(cli, v, e);
    cli->colour = wants_colour(cli);
    cli->columns = columns_of_output();
    return v->run(cli, e);
}

/*
 * A stream that is closed when we start would be the next file or socket that we open, and what is meant for
 * the user would be written there. Something that fails to read or write takes its place.
 */
static void fill_closed_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        /* the lowest number that is free is the one that open() takes */
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) == -1)
            return;
    }
}

int main(int argc, char **argv)
{
    fill_closed_streams();
    gw_cli cli = {.env = environment, .clock = gw_clock_system};
    gw_error e = {0};
    /* a reader that goes away shows as EPIPE, which is told apart from a full disk */
    signal(SIGPIPE, SIG_IGN);
    cli.program = program_of(argc > 0 ? argv[0] : "");
    cli.terminal = isatty(STDERR_FILENO) == 1;
    gw_options_init(&cli.options);
    int rc = run(&cli, argc, argv, &e);
    if (rc)
        gw_cli_note(&cli, "%s",
                    e.message[0] ? e.message : "failed without saying why; this is a bug, please report it");
    return -rc;
}
