#include "cli/cli.h"

#include <errno.h>

#include "format/table.h"

#define PROGRESS_AFTER_MS ((int64_t)500)
#define PROGRESS_EVERY_MS ((int64_t)100)
#define PROGRESS_COLUMNS  79

int gw_cli_write(const gw_buf *b, gw_error *e)
{
    errno = 0;
    if ((b->len == 0 || fwrite(b->data, 1, b->len, stdout) == b->len) && fflush(stdout) == 0)
        return 0;
    if (errno == EPIPE)
        return 0;
    return gw_fail(e, GW_EIO, "cannot write to standard output: %s", strerror(errno));
}

void gw_cli_note(const gw_cli *cli, const char *format, ...)
{
    char text[GW_ERROR_MESSAGE_MAX];
    gw_buf b;
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    /* names from outside may stand in the text */
    gw_buf_init(&b, sizeof(text) * 4);
    gw_text_write(&b, gw_str_of(text), 0);
    fprintf(stderr, "%s: %s\n", cli->program, b.data && !b.failed ? b.data : "out of memory");
    gw_buf_free(&b);
}

void gw_cli_progress_begin(gw_cli_progress *p, const gw_cli *cli)
{
    *p = (gw_cli_progress){.cli = cli, .start_ms = gw_clock_monotonic(NULL)};
}

void gw_cli_progress_show(void *ctx, double share, const char *doing)
{
    gw_cli_progress *p = ctx;
    int64_t now = gw_clock_monotonic(NULL);
    char text[160];
    gw_buf b;
    if (!p->cli->terminal || now - p->start_ms < PROGRESS_AFTER_MS || now - p->shown_ms < PROGRESS_EVERY_MS)
        return;
    if (share >= 0)
        snprintf(text, sizeof(text), "%3.0f %%  %s", 100 * GW_MIN(share, 1.0), doing ? doing : "");
    else
        snprintf(text, sizeof(text), "       %s", doing ? doing : "");
    gw_buf_init(&b, 4096);
    gw_text_write(&b, gw_str_of(text), PROGRESS_COLUMNS);
    if (b.data && !b.failed)
        fprintf(stderr, "\r\033[K%s", b.data);
    gw_buf_free(&b);
    fflush(stderr);
    p->shown = true;
    p->shown_ms = now;
}

void gw_cli_progress_end(gw_cli_progress *p)
{
    if (p->shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    p->shown = false;
}
