#include "base/option.h"

#include <math.h>

#include "base/money.h"
#include "base/number.h"
#include "base/time.h"

#define WORD_MAX      48  /* longer words are not compared for a suggestion */
#define OPTIONS_MAX   160 /* options of one command */
#define EXCLUSIVE_MAX 16

/* ---- the nearest word ---------------------------------------------------------------------------------- */

/* Optimal string alignment: edits (wrong, missing, added, two swapped) from a to b. */
static int edits(const char *a, const char *b)
{
    int n = (int)strlen(a), m = (int)strlen(b);
    int row[3][WORD_MAX + 1];
    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (int j = 0; j <= m; j++)
        row[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = GW_MIN(best, GW_MIN(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = GW_MIN(best, before[j - 2] + 1);
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

const char *gw_nearest(const char *word, const char *const *list)
{
    const char *found = NULL, *longer = NULL;
    int best = (int)strlen(word) / 3 + 1;
    for (; *list; list++) {
        int d = edits(word, *list);
        if (d < best) {
            best = d;
            found = *list;
        }
        if (!longer && strlen(word) >= 3 && gw_has_prefix(*list, word))
            longer = *list;
    }
    return found ? found : longer;
}

/* ---- parsing ------------------------------------------------------------------------------------------- */

typedef struct parser {
    const gw_command *command;
    const char *program;
    void *values;
    gw_error *e;
    bool given[OPTIONS_MAX]; /* on the command line, by the option's number */
} parser;

/* Walks all options of a command; *number counts them from 0. NULL at the end. */
static const gw_option *option_at(const gw_command *c, size_t number)
{
    for (const gw_option_group *const *g = c->groups; g && *g; g++) {
        for (const gw_option *o = (*g)->options; o->name; o++) {
            if (number-- == 0)
                return o;
        }
    }
    return NULL;
}

static size_t option_find(const gw_command *c, gw_str name, char letter)
{
    const gw_option *o;
    for (size_t i = 0; i < OPTIONS_MAX && (o = option_at(c, i)) != NULL; i++) {
        if (letter ? o->letter == letter : gw_str_is(name, o->name))
            return i;
    }
    return OPTIONS_MAX;
}

static int fail_value(parser *p, const gw_option *o, const char *from, const char *value, const char *wanted)
{
    return gw_fail(p->e, GW_EUSAGE, "%s%s: '%s' is not %s", from ? from : "--", from ? "" : o->name, value,
                   wanted);
}

static int set_choice(parser *p, const gw_option *o, const char *from, const char *value)
{
    int *field = (int *)(void *)((char *)p->values + o->offset);
    char wanted[256] = "one of ";
    size_t n = strlen(wanted);
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], value) == 0) {
            *field = i;
            return 0;
        }
        if (n < sizeof(wanted))
            n += (size_t)snprintf(wanted + n, sizeof(wanted) - n, "%s%s", i ? ", " : "", o->choices[i]);
    }
    return fail_value(p, o, from, value, wanted);
}

static bool parse_share(const char *value, bool percent, double *ret)
{
    gw_str s = gw_str_of(value);
    bool sign = s.n && s.p[s.n - 1] == '%';
    double v;
    s.n -= sign;
    if (!gw_parse_double(s, &v) || !isfinite(v))
        return false;
    if (percent || sign)
        v /= 100;
    if (v < 0 || v > 1)
        return false;
    *ret = v;
    return true;
}

/* A percentage of 0.15 is 15 % to whoever wrote it, far more often than 0.15 %; "0.15%" says which. */
static bool looks_like_share(const char *value, double parsed)
{
    return parsed > 0 && parsed < 0.01 && !strchr(value, '%');
}

static int set_number(parser *p, const gw_option *o, const char *from, const char *value)
{
    char *field = (char *)p->values + o->offset, wanted[96];
    int64_t i;
    double d;
    gw_micro m;
    switch (o->kind) {
    case GW_OPTION_INT:
        if (gw_parse_int64(gw_str_of(value), &i) && (double)i >= o->min && (double)i <= o->max) {
            memcpy(field, &i, sizeof(i));
            return 0;
        }
        snprintf(wanted, sizeof(wanted), "a whole number from %.0f to %.0f", o->min, o->max);
        return fail_value(p, o, from, value, wanted);
    case GW_OPTION_NUMBER:
        if (gw_parse_double(gw_str_of(value), &d) && d >= o->min && d <= o->max) {
            memcpy(field, &d, sizeof(d));
            return 0;
        }
        snprintf(wanted, sizeof(wanted), "a number from %g to %g", o->min, o->max);
        return fail_value(p, o, from, value, wanted);
    case GW_OPTION_MONEY:
        if (gw_micro_parse(gw_str_of(value), &m) && m >= 0) {
            memcpy(field, &m, sizeof(m));
            return 0;
        }
        return fail_value(p, o, from, value, "an amount of dollars such as 0.10");
    default:
        if (parse_share(value, o->kind == GW_OPTION_PERCENT, &d)) {
            if (o->kind == GW_OPTION_PERCENT && looks_like_share(value, d))
                return gw_fail(p->e, GW_EUSAGE,
                               "%s%s: '%s' would be less than one percent: write %g for %g %%, or '%s%%' if "
                               "so little is meant",
                               from ? from : "--", from ? "" : o->name, value, 1e4 * d, 1e4 * d, value);
            memcpy(field, &d, sizeof(d));
            return 0;
        }
        return fail_value(p, o, from, value,
                          o->kind == GW_OPTION_PERCENT ? "a percentage from 0 to 100"
                                                       : "a share from 0 to 1, such as 0.25 or 25%");
    }
}

static int set_flag(parser *p, const gw_option *o, const char *from, const char *value)
{
    bool *field = (bool *)((char *)p->values + o->offset);
    if (strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
        *field = true;
    else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
        *field = false;
    else
        return fail_value(p, o, from, value, "true or false");
    return 0;
}

static int set_list(parser *p, const gw_option *o, const char *value)
{
    gw_option_list *l = (gw_option_list *)(void *)((char *)p->values + o->offset);
    if (l->n == GW_OPTION_LIST_MAX)
        return gw_fail(p->e, GW_EUSAGE, "--%s is given more than %d times", o->name, GW_OPTION_LIST_MAX);
    l->items[l->n++] = value;
    l->items[l->n] = NULL;
    return 0;
}

/* Converts and stores. from: the environment variable's name, NULL for the command line. */
static int set(parser *p, const gw_option *o, const char *from, const char *value)
{
    char *field = (char *)p->values + o->offset;
    gw_error inner;
    switch (o->kind) {
    case GW_OPTION_FLAG:
        return set_flag(p, o, from, value);
    case GW_OPTION_TEXT:
        memcpy(field, &value, sizeof(value));
        return 0;
    case GW_OPTION_LIST:
        return set_list(p, o, value);
    case GW_OPTION_CHOICE:
        return set_choice(p, o, from, value);
    case GW_OPTION_DURATION: {
        int64_t ms;
        if (gw_duration_parse(value, &ms, &inner))
            return gw_fail(p->e, GW_EUSAGE, "%s%s: %s", from ? from : "--", from ? "" : o->name,
                           inner.message);
        memcpy(field, &ms, sizeof(ms));
        return 0;
    }
    default:
        return set_number(p, o, from, value);
    }
}

static int fail_unknown(parser *p, gw_str given)
{
    const char *names[OPTIONS_MAX + 2], *nearest;
    char word[WORD_MAX + 1];
    const gw_option *o;
    size_t n = 0;
    for (size_t i = 0; i < OPTIONS_MAX && (o = option_at(p->command, i)) != NULL; i++) {
        if (!o->refused)
            names[n++] = o->name;
    }
    names[n++] = "help";
    names[n] = NULL;
    snprintf(word, sizeof(word), "%.*s", GW_STR_ARG(given));
    nearest = given.n < sizeof(word) ? gw_nearest(word, names) : NULL;
    return gw_fail(p->e, GW_EUSAGE, "unknown option '--%.*s'%s%s%s; see '%s %s --help'",
                   (int)GW_MIN(given.n, (size_t)200), given.p, nearest ? ", did you mean '--" : "",
                   nearest ? nearest : "", nearest ? "'?" : "", p->program, p->command->name);
}

/* Marks the option as given, and checks that it is one to give and none of the same tag was before. */
static int note_given(parser *p, size_t number)
{
    const gw_option *o = option_at(p->command, number), *other;
    for (size_t i = 0; o->exclusive && i < OPTIONS_MAX && (other = option_at(p->command, i)) != NULL; i++) {
        if (i != number && p->given[i] && gw_eq(other->exclusive, o->exclusive))
            return gw_fail(p->e, GW_EUSAGE, "give either --%s or --%s, not both", other->name, o->name);
    }
    if (o->refused)
        return gw_fail(p->e, GW_EUSAGE, "'%s %s' takes no --%s: %s", p->program, p->command->name, o->name,
                       o->refused);
    p->given[number] = true;
    return 0;
}

/* "--name[=value]" at argv[*at]. */
static int parse_long(parser *p, int argc, char *const *argv, int *at)
{
    const char *text = argv[*at] + 2, *equals = strchr(text, '=');
    gw_str name = {text, equals ? (size_t)(equals - text) : strlen(text)};
    size_t number = option_find(p->command, name, 0);
    if (number == OPTIONS_MAX)
        return fail_unknown(p, name);
    const gw_option *o = option_at(p->command, number);
    if (note_given(p, number))
        return GW_EUSAGE;
    if (equals)
        return set(p, o, NULL, equals + 1);
    if (o->kind == GW_OPTION_FLAG)
        return set(p, o, NULL, "true");
    if (*at + 1 >= argc)
        return gw_fail(p->e, GW_EUSAGE, "--%s wants %s; see '%s %s --help'", o->name, o->value, p->program,
                       p->command->name);
    return set(p, o, NULL, argv[++*at]);
}

/* "-o json", "-ojson", "-o=json", "-Ao json" at argv[*at]. */
static int parse_short(parser *p, int argc, char *const *argv, int *at, bool *help)
{
    for (const char *s = argv[*at] + 1; *s; s++) {
        size_t number = option_find(p->command, (gw_str){0}, *s);
        if (number == OPTIONS_MAX && *s == 'h') {
            *help = true;
            return 0;
        }
        if (number == OPTIONS_MAX)
            return gw_fail(p->e, GW_EUSAGE, "unknown option '-%c'; see '%s %s --help'", *s, p->program,
                           p->command->name);
        const gw_option *o = option_at(p->command, number);
        if (note_given(p, number))
            return GW_EUSAGE;
        if (o->kind == GW_OPTION_FLAG) {
            if (set(p, o, NULL, "true"))
                return GW_EUSAGE;
            continue;
        }
        if (s[1])
            return set(p, o, NULL, s + 1 + (s[1] == '='));
        if (*at + 1 >= argc)
            return gw_fail(p->e, GW_EUSAGE, "-%c wants %s; see '%s %s --help'", *s, o->value, p->program,
                           p->command->name);
        return set(p, o, NULL, argv[++*at]);
    }
    return 0;
}

static int apply_defaults(parser *p)
{
    const gw_option *o;
    for (size_t i = 0; i < OPTIONS_MAX && (o = option_at(p->command, i)) != NULL; i++) {
        if (o->initial && set(p, o, NULL, o->initial))
            return p->e ? p->e->code : GW_EUSAGE;
    }
    return 0;
}

static bool tag_given(const parser *p, const char *tag)
{
    const gw_option *o;
    for (size_t i = 0; tag && i < OPTIONS_MAX && (o = option_at(p->command, i)) != NULL; i++) {
        if (p->given[i] && gw_eq(o->exclusive, tag))
            return true;
    }
    return false;
}

/* The environment, for what the command line left open; of one tag the first variable that is set counts. */
static int apply_environment(parser *p, gw_getenv env, void *ctx)
{
    const char *tags[EXCLUSIVE_MAX];
    size_t n_tags = 0;
    const gw_option *o;
    for (size_t i = 0; i < OPTIONS_MAX && (o = option_at(p->command, i)) != NULL; i++) {
        const char *value = o->env && !o->refused ? env(ctx, o->env) : NULL;
        bool taken = p->given[i] || tag_given(p, o->exclusive);
        for (size_t t = 0; t < n_tags; t++)
            taken = taken || gw_eq(tags[t], o->exclusive);
        if (!value || !*value || taken)
            continue;
        if (set(p, o, o->env, value))
            return GW_EUSAGE;
        if (o->exclusive && n_tags < EXCLUSIVE_MAX)
            tags[n_tags++] = o->exclusive;
    }
    return 0;
}

static int check_operands(const parser *p, const gw_operands *ret)
{
    const gw_command *c = p->command;
    if (ret->n < c->min_operands)
        return gw_fail(p->e, GW_EUSAGE, "'%s %s' wants %s; see '%s %s --help'", p->program, c->name,
                       c->operands ? c->operands : "an operand", p->program, c->name);
    if (ret->n > c->max_operands)
        return gw_fail(p->e, GW_EUSAGE, "'%s %s' takes no operand '%s'; see '%s %s --help'", p->program,
                       c->name, ret->items[c->max_operands], p->program, c->name);
    return 0;
}

int gw_options_parse(const gw_command *c, const char *program, int argc, char *const *argv, gw_getenv env,
                     void *env_ctx, void *values, gw_operands *ret, gw_error *e)
{
    parser p = {.command = c, .program = program, .values = values, .e = e};
    gw_operands out = {0};
    bool ended = false;
    if (apply_defaults(&p))
        return GW_EUSAGE;
    for (int i = 0; i < argc; i++) {
        if (!ended && strcmp(argv[i], "--") == 0) {
            ended = true;
        } else if (!ended && strcmp(argv[i], "--help") == 0) {
            out.help = true;
        } else if (!ended && argv[i][0] == '-' && argv[i][1] == '-') {
            if (parse_long(&p, argc, argv, &i))
                return GW_EUSAGE;
        } else if (!ended && argv[i][0] == '-' && argv[i][1]) {
            if (parse_short(&p, argc, argv, &i, &out.help))
                return GW_EUSAGE;
        } else if (out.n == GW_OPERANDS_MAX) {
            return gw_fail(e, GW_EUSAGE, "more than %d operands", GW_OPERANDS_MAX);
        } else {
            out.items[out.n++] = argv[i];
        }
        if (out.help) {
            *ret = out;
            return 0;
        }
    }
    if (apply_environment(&p, env, env_ctx) || check_operands(&p, &out))
        return GW_EUSAGE;
    *ret = out;
    return 0;
}

/* ---- help ---------------------------------------------------------------------------------------------- */

#define HELP_INDENT 28 /* where the sentences start */

/* Appends words, wrapped between `indent` and the page's width; the cursor stands at `column`. */
static void wrap(gw_buf *b, const char *text, size_t indent, size_t column)
{
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > indent && column + 1 + n > GW_HELP_COLUMNS) {
            gw_buf_printf(b, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            gw_buf_putc(b, ' ');
            column++;
        }
        gw_buf_add(b, text, n);
        column += n;
        text += n + strspn(text + n, " ");
    }
    gw_buf_putc(b, '\n');
}

static void help_option(const gw_option *o, gw_buf *b)
{
    char head[96], tail[512];
    int n = snprintf(head, sizeof(head), "  %c%c%s--%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                     o->letter ? ", " : "  ", o->name);
    if (o->value && n < (int)sizeof(head))
        n += snprintf(head + n, sizeof(head) - (size_t)n, " %s", o->value);
    gw_buf_puts(b, head);
    size_t column = (size_t)n;
    if (column + 2 > HELP_INDENT) {
        gw_buf_putc(b, '\n');
        column = 0;
    }
    gw_buf_printf(b, "%*s", (int)(HELP_INDENT - column), "");
    n = snprintf(tail, sizeof(tail), "%s", o->help);
    if (o->kind == GW_OPTION_LIST && n < (int)sizeof(tail))
        n += snprintf(tail + n, sizeof(tail) - (size_t)n, "; may be repeated");
    if (o->initial && n < (int)sizeof(tail))
        n += snprintf(tail + n, sizeof(tail) - (size_t)n, " (default %s)", o->initial);
    if (o->env && n < (int)sizeof(tail))
        snprintf(tail + n, sizeof(tail) - (size_t)n, " [$%s]", o->env);
    wrap(b, tail, HELP_INDENT, HELP_INDENT);
}

void gw_options_help(const gw_command *c, const char *program, gw_buf *b)
{
    gw_buf_printf(b, "Usage: %s %s%s%s%s\n\n", program, c->name, c->operands ? " " : "",
                  c->operands ? c->operands : "", c->groups && *c->groups ? " [options]" : "");
    gw_buf_printf(b, "%s.\n", c->summary);
    if (c->text)
        gw_buf_printf(b, "\n%s\n", c->text);
    for (const gw_option_group *const *g = c->groups; g && *g; g++) {
        if ((*g)->options->refused)
            continue;
        gw_buf_printf(b, "\n%s:\n", (*g)->title);
        for (const gw_option *o = (*g)->options; o->name; o++)
            help_option(o, b);
    }
    if (!c->examples)
        return;
    gw_buf_puts(b, "\nExamples:\n");
    for (const char *s = c->examples; *s;) {
        size_t n = strcspn(s, "\n");
        gw_buf_printf(b, "  %s %.*s\n", program, (int)n, s);
        s += n + (s[n] == '\n');
    }
}
