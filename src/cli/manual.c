/* The manual page, from the same tables as everything else. docs/man/gpuwise.1 is what this prints. */
#include "cli/cli.h"

/* Text for roff: dashes that are typed stay dashes, and no line begins a request. */
static void put_text(gw_buf *b, const char *s)
{
    bool start = true;
    for (; *s; s++) {
        if (start && (*s == '.' || *s == '\''))
            gw_buf_puts(b, "\\&");
        start = *s == '\n';
        if (*s == '-')
            gw_buf_puts(b, "\\-");
        else if (*s == '\\')
            gw_buf_puts(b, "\\e");
        else
            gw_buf_putc(b, *s);
    }
}

static void put_option(gw_buf *b, const gw_option *o)
{
    gw_buf_puts(b, ".TP\n");
    if (o->letter)
        gw_buf_printf(b, "\\fB\\-%c\\fR, ", o->letter);
    gw_buf_puts(b, "\\fB\\-\\-");
    put_text(b, o->name);
    gw_buf_puts(b, "\\fR");
    if (o->value) {
        gw_buf_puts(b, " \\fI");
        put_text(b, o->value);
        gw_buf_puts(b, "\\fR");
    }
    gw_buf_putc(b, '\n');
    put_text(b, o->help);
    if (o->kind == GW_OPTION_LIST)
        gw_buf_puts(b, "; may be repeated");
    gw_buf_putc(b, '.');
    if (o->initial) {
        gw_buf_puts(b, " Default: ");
        put_text(b, o->initial);
        gw_buf_putc(b, '.');
    }
    if (o->env)
        gw_buf_printf(b, " Environment: \\fB%s\\fR.", o->env);
    gw_buf_putc(b, '\n');
}

static void put_verb(gw_buf *b, const gw_command *c)
{
    gw_buf_printf(b, ".SS gpuwise %s%s", c->name, c->operands ? " " : "");
    put_text(b, c->operands ? c->operands : "");
    gw_buf_putc(b, '\n');
    put_text(b, c->summary);
    gw_buf_puts(b, ".\n");
    if (c->text) {
        gw_buf_puts(b, ".PP\n");
        put_text(b, c->text);
        gw_buf_putc(b, '\n');
    }
    for (const gw_option_group *const *g = c->groups; g && *g; g++) {
        if ((*g)->options->refused)
            continue;
        gw_buf_puts(b, ".PP\n\\fI");
        put_text(b, (*g)->title);
        gw_buf_puts(b, "\\fR\n");
        for (const gw_option *o = (*g)->options; o->name; o++)
            put_option(b, o);
    }
    if (!c->examples)
        return;
    gw_buf_puts(b, ".PP\n\\fIExamples\\fR\n.PP\n.nf\n");
    for (const char *s = c->examples; *s;) {
        char line[256];
        size_t n = strcspn(s, "\n");
        snprintf(line, sizeof(line), "    gpuwise %.*s\n", (int)n, s);
        put_text(b, line);
        s += n + (s[n] == '\n');
    }
    gw_buf_puts(b, ".fi\n");
}

typedef struct exit_code {
    int code;
    const char *meaning;
} exit_code;

static const exit_code exit_codes[] = {
    {0, "success"},
    {-GW_EINTERNAL, "a bug of gpuwise; please report it"},
    {-GW_EUSAGE, "the command line is wrong"},
    {-GW_ECONNECT, "no connection: name, port, refused, proxy"},
    {-GW_ETLS, "the TLS handshake or a certificate failed"},
    {-GW_EAUTH, "401 or 403: the server does not let us in"},
    {-GW_EQUERY, "the server rejects the query: 400, 404, 422"},
    {-GW_ESERVER, "the server is unwell: 429 or 5xx after every retry"},
    {-GW_ETIMEOUT, "too slow, or cut off before the end"},
    {-GW_ECORRUPT, "bytes that are not what they say: checksum, truncation, syntax"},
    {-GW_ENODATA, "no GPU metrics in the window"},
    {-GW_EWINDOW, "the window is empty, in the future, or outside of what the source holds"},
    {-GW_ECONFIG, "a kubeconfig, price file or other configuration is wrong"},
    {-GW_EPARTIAL, "with --strict: a part of the answer is missing"},
    {-GW_ENOMEM, "out of memory"},
    {-GW_ELIMIT, "a bound was reached: query budget, size"},
    {-GW_EIO, "a file cannot be read or written"},
    {-GW_ENOTFOUND, "the named thing does not exist in the window"},
};

void gw_manual_write(gw_buf *b)
{
    gw_buf_puts(b,
                ".\\\" Made from the option tables by 'gpuwise help --man'; tools/make-man writes it here.\n"
                ".TH GPUWISE 1 \"2026-11-21\" \"gpuwise " GW_VERSION "\" \"User Commands\"\n.SH NAME\n"
                "gpuwise \\- what a GPU fleet on Kubernetes costs, and how much of it is waste\n"
                ".SH SYNOPSIS\n.B gpuwise\n.I VERB\n[options]\n.br\n.B kubectl gpuwise\n.I VERB\n[options]\n"
                ".SH DESCRIPTION\n"
                "Reads GPU telemetry from Prometheus or from a recorded directory, and what exists from the "
                "Kubernetes API, and tells what the GPUs cost, who spends it, how much is held and not used, "
                "why, and what is not known. It writes to neither. Unknown is never zero: it is a dash for "
                "people and null for programs.\n.PP\n"
                "Data goes to standard output, messages to standard error.\n.SH VERBS\n");
    for (const gw_verb *const *v = gw_verbs; *v; v++)
        put_verb(b, &(*v)->command);
    gw_buf_puts(
        b,
        ".SH ENVIRONMENT\nEach option above names its variable, if it has one. The command line wins. "
        "Besides:\n.TP\n.B GPUWISE_PROMETHEUS_PASSWORD\nThe password for basic authentication.\n"
        ".TP\n.B KUBECONFIG\nA list of kubeconfig files, merged as kubectl does.\n"
        ".TP\n.B HTTP_PROXY, HTTPS_PROXY, NO_PROXY\nProxies.\n"
        ".TP\n.B NO_COLOR\nNo colours when set to anything.\n"
        ".TP\n.B COLUMNS\nWidth that the sentences of \\-o wide are wrapped to, instead of the terminal's.\n"
        ".SH EXIT STATUS\n");
    for (size_t i = 0; i < GW_COUNT(exit_codes); i++) {
        gw_buf_printf(b, ".TP\n.B %d\n", exit_codes[i].code);
        put_text(b, exit_codes[i].meaning);
        gw_buf_putc(b, '\n');
    }
    gw_buf_puts(b, ".SH SEE ALSO\n.BR kubectl (1)\n");
}
