/*
 * What every verb is handed, and how it speaks: data on stdout, everything else on stderr, each message one
 * line that begins with the program's name.
 */
#ifndef GW_CLI_CLI_H
#define GW_CLI_CLI_H

#include "base/time.h"
#include "observe/source.h"
#include "present/answer.h"
#include "present/options.h"

typedef struct gw_cli {
    const char *program; /* "gpuwise", or "kubectl gpuwise" when run as kubectl's plugin */
    gw_options options;
    int argc; /* what stands behind the verb, for one that parses it again */
    char *const *argv;
    gw_operands operands;
    gw_getenv env;
    void *env_ctx;
    gw_clock clock;
    bool colour;    /* stdout is a terminal, and nobody said no */
    bool terminal;  /* stderr is a terminal: progress may be shown */
    size_t columns; /* of the terminal that is stdout, or as COLUMNS says; 0: not known */
} gw_cli;

typedef struct gw_verb {
    gw_command command;
    /* 0, or a negative code with the message in *e. */
    int (*run)(gw_cli *cli, gw_error *e);
} gw_verb;

extern const gw_verb gw_verb_report, gw_verb_plan, gw_verb_explain, gw_verb_price, gw_verb_mig,
    gw_verb_record, gw_verb_demo, gw_verb_serve, gw_verb_version, gw_verb_completion, gw_verb_help,
    gw_verb_review, gw_verb_export, gw_verb_export_history, gw_verb_import;

/* All verbs in the order of the help page, NULL-terminated. */
extern const gw_verb *const gw_verbs[];
const gw_verb *gw_verb_find(const char *name);

/* Writes the buffer to stdout. A reader that went away (EPIPE) is no error. GW_EIO for a full disk. */
int gw_cli_write(const gw_buf *b, gw_error *e);
/* "gpuwise: …" on stderr. */
void gw_cli_note(const gw_cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Progress: one line on stderr that replaces itself, only on a terminal, and only after half a second. */
typedef struct gw_cli_progress {
    const gw_cli *cli;
    int64_t start_ms, shown_ms;
    bool shown;
} gw_cli_progress;
void gw_cli_progress_begin(gw_cli_progress *p, const gw_cli *cli);
/* A gw_progress; ctx is the gw_cli_progress. */
void gw_cli_progress_show(void *ctx, double share, const char *doing);
/* Takes the line away. */
void gw_cli_progress_end(gw_cli_progress *p);

/* The report, and below it the plan in short. banner: a line for people. */
int gw_cli_demo(gw_cli *cli, const char *banner, gw_error *e);
/* Records what the options name into dir. */
int gw_cli_record(gw_cli *cli, const char *dir, gw_error *e);
/* Opens and runs a pipeline with progress, and prints its notes. *p is initialised by this; on failure there
 * is nothing to free. */
int gw_cli_pipeline(gw_cli *cli, gw_pipeline *p, gw_error *e);

/* What the command line asks of a pipeline. */
static inline gw_ask gw_cli_ask(const gw_cli *cli)
{
    return (gw_ask){&cli->options, cli->program, cli->colour, cli->columns};
}

/* The short help of a bare command, at most 25 lines. */
void gw_cli_short_help(const gw_cli *cli, gw_buf *b);
/* The manual page (roff, man macros) made from the verbs' tables. */
void gw_manual_write(gw_buf *b);
/* The completion script; shell: "bash", "zsh" or "fish". False for another. */
bool gw_completion_write(const char *shell, gw_buf *b);

#endif
