/*
 * Command-line options. One table of gw_option drives parsing, defaults, --help, shell completion and the
 * manual page, so that they cannot disagree.
 *
 * What is understood is what kubectl's users type: "--name value", "--name=value", "-o json", "-o=json",
 * "-ojson", bundled letters ("-Ao json"), options after operands, and "--" which ends the options. Flags take
 * "=true" and "=false". A value's sources, later ones winning: the table's `initial`, the environment
 * variable `env`, the command line. Nothing is allocated: texts point into argv and the environment.
 */
#ifndef GW_BASE_OPTION_H
#define GW_BASE_OPTION_H

#include "base/buf.h"

#define GW_OPTION_LIST_MAX 64 /* the most times a repeatable option may be given */

typedef struct gw_option_list {
    const char *items[GW_OPTION_LIST_MAX + 1]; /* NULL-terminated */
    size_t n;
} gw_option_list;

/* What an option takes, and the type of its field in the values. */
typedef enum gw_option_kind {
    GW_OPTION_FLAG,     /* bool */
    GW_OPTION_TEXT,     /* const char *; NULL where it was not given */
    GW_OPTION_LIST,     /* gw_option_list: repeatable; the environment gives one item */
    GW_OPTION_CHOICE,   /* int: index into `choices` */
    GW_OPTION_INT,      /* int64_t, min..max */
    GW_OPTION_NUMBER,   /* double, min..max */
    GW_OPTION_SHARE,    /* double 0..1: "0.25" or "25%" */
    GW_OPTION_PERCENT,  /* double 0..1: "25" or "25%"; above 0 and below "1" only with the sign */
    GW_OPTION_DURATION, /* int64_t milliseconds: "24h" */
    GW_OPTION_MONEY,    /* gw_micro: "0.10" dollars */
} gw_option_kind;

typedef struct gw_option {
    const char *name; /* without "--"; NULL ends a table */
    char letter;      /* 0: none */
    gw_option_kind kind;
    size_t offset;       /* of the field in the values */
    const char *value;   /* what help calls the value: "URL"; NULL for a flag */
    const char *help;    /* one sentence without the full stop */
    const char *initial; /* as it would be typed; NULL: the field is left as the caller made it */
    const char *env;     /* environment variable; NULL: none. An empty variable counts as unset */
    /* At most one option of the same tag may be on the command line, and then the environment of the others
     * is not looked at: `--snapshot DIR` wins over an exported URL. NULL: none */
    const char *exclusive;
    const char *const *choices; /* GW_OPTION_CHOICE: NULL-terminated */
    const char *complete;       /* for shells: "file", "dir", or words parted by blanks; NULL: nothing */
    double min, max;            /* of GW_OPTION_INT and _NUMBER */
    /* Why the command does not take it, though people will type it, and what to do instead: the message. Such
     * an option is in no help. NULL: it is taken */
    const char *refused;
} gw_option;

typedef struct gw_option_group {
    const char *title;        /* "Source" */
    const gw_option *options; /* ends with name NULL; all of them are refused, or none */
} gw_option_group;

typedef struct gw_command {
    const char *name, *summary; /* "report", "What the GPUs cost, who spends it, and how much is wasted" */
    const char *operands;       /* "SUBJECT"; NULL: none */
    int min_operands, max_operands;
    const char *operand_words;            /* for shells: words parted by blanks, or "dir"; NULL */
    const char *text;                     /* paragraphs for --help, wrapped already to 80 columns; NULL */
    const char *examples;                 /* lines without the program's name; NULL */
    const gw_option_group *const *groups; /* NULL-terminated */
} gw_command;

#define GW_OPERANDS_MAX 8

typedef struct gw_operands {
    const char *items[GW_OPERANDS_MAX];
    int n;
    bool help; /* -h or --help was seen: nothing else was checked */
} gw_operands;

typedef const char *(*gw_getenv)(void *ctx, const char *name);

/*
 * Parses argv[0..argc), which starts behind the command's name. program: for messages ("gpuwise" or "kubectl
 * gpuwise"). values: the struct that offsets point into. GW_EUSAGE with a message that names the option, and
 * for an unknown one the nearest there is. On failure *values is half filled and must not be used.
 */
int gw_options_parse(const gw_command *c, const char *program, int argc, char *const *argv, gw_getenv env,
                     void *env_ctx, void *values, gw_operands *ret, gw_error *e);

#define GW_HELP_COLUMNS 80
/* Appends the help page of a command, at most GW_HELP_COLUMNS wide. */
void gw_options_help(const gw_command *c, const char *program, gw_buf *b);

/* The word of the list (NULL-terminated) nearest to `word`: at most a third of its letters wrong, missing,
 * added or swapped; else the first that begins with it; NULL where none is near. */
const char *gw_nearest(const char *word, const char *const *list);

#endif
