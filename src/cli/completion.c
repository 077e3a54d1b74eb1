/*
 * gpuwise completion bash|zsh|fish: scripts made from the verbs' option tables. The scripts hold words only;
 * nothing of gpuwise runs while completing.
 */
#include "cli/cli.h"

/* The words that an option's value may be, or "file", "dir"; NULL: nothing is known. */
static const char *value_words(const gw_option *o, char *out, size_t size)
{
    size_t n = 0;
    if (o->kind != GW_OPTION_CHOICE)
        return o->complete;
    out[0] = '\0';
    for (size_t i = 0; o->choices[i] && n < size; i++)
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? " " : "", o->choices[i]);
    return out;
}

typedef void (*option_writer)(gw_buf *b, const gw_command *c, const gw_option *o);

static void each_option(gw_buf *b, const gw_command *c, option_writer write)
{
    for (const gw_option_group *const *g = c->groups; g && *g; g++) {
        for (const gw_option *o = (*g)->options; o->name && !o->refused; o++)
            write(b, c, o);
    }
}

/* ---- bash ---------------------------------------------------------------------------------------------- */

static void bash_word(gw_buf *b, const gw_command *c, const gw_option *o)
{
    GW_UNUSED(c);
    gw_buf_printf(b, " --%s", o->name);
    if (o->letter)
        gw_buf_printf(b, " -%c", o->letter);
}

static void bash_value(gw_buf *b, const gw_command *c, const gw_option *o)
{
    char words[512];
    const char *w = value_words(o, words, sizeof(words));
    if (o->kind == GW_OPTION_FLAG)
        return;
    gw_buf_printf(b, "    %s:--%s", c->name, o->name);
    if (o->letter)
        gw_buf_printf(b, "|%s:-%c", c->name, o->letter);
    if (!w)
        gw_buf_puts(b, ") return ;;\n");
    else if (strcmp(w, "file") == 0)
        gw_buf_puts(b,
                    ") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n");
    else if (strcmp(w, "dir") == 0)
        gw_buf_puts(b,
                    ") compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); return ;;\n");
    else
        gw_buf_printf(b, ") mapfile -t COMPREPLY < <(compgen -W '%s' -- \"$cur\"); return ;;\n", w);
}

static void bash_write(gw_buf *b)
{
    gw_buf_puts(b, "# bash completion for gpuwise; load it with: source <(gpuwise completion bash)\n"
                   "_gpuwise() {\n"
                   "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= words= i\n"
                   "  COMPREPLY=()\n"
                   "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                   "    case ${COMP_WORDS[i]} in -*) ;; gpuwise) ;; *) verb=${COMP_WORDS[i]}; break ;; esac\n"
                   "  done\n"
                   "  if [[ -z $verb ]]; then\n"
                   "    mapfile -t COMPREPLY < <(compgen -W '");
    for (const gw_verb *const *v = gw_verbs; *v; v++)
        gw_buf_printf(b, "%s%s", v == gw_verbs ? "" : " ", (*v)->command.name);
    gw_buf_puts(b, "' -- \"$cur\")\n    return\n  fi\n  case $verb:$prev in\n");
    for (const gw_verb *const *v = gw_verbs; *v; v++)
        each_option(b, &(*v)->command, bash_value);
    gw_buf_puts(b, "    -) ;;\n  esac\n  case $verb in\n");
    for (const gw_verb *const *v = gw_verbs; *v; v++) {
        const gw_command *c = &(*v)->command;
        const char *operands = c->operand_words ? c->operand_words : "";
        bool dirs = strcmp(operands, "dir") == 0;
        gw_buf_printf(b, "    %s)\n      words='--help", c->name);
        each_option(b, c, bash_word);
        gw_buf_puts(b, "'\n");
        if (dirs)
            gw_buf_puts(b, "      [[ $cur == -* ]] || { compopt -o filenames; mapfile -t COMPREPLY < "
                           "<(compgen -d -- \"$cur\"); return; }\n");
        else if (*operands)
            gw_buf_printf(b, "      [[ $cur == -* ]] || words='%s'\n", operands);
        gw_buf_puts(b, "      ;;\n");
    }
    gw_buf_puts(b, "  esac\n  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n"
                   "complete -F _gpuwise gpuwise\n");
}

/* ---- zsh ----------------------------------------------------------------------------------------------- */

/* Text inside '…[…]' of a zsh option specification. */
static void zsh_text(gw_buf *b, const char *s)
{
    for (; *s; s++) {
        if (*s == '\'')
            gw_buf_puts(b, "'\\''");
        else if (strchr("[]:\\", *s))
            gw_buf_printf(b, "\\%c", *s);
        else
            gw_buf_putc(b, *s);
    }
}

static void zsh_spec(gw_buf *b, const char *spelling, const gw_option *o)
{
    char words[512];
    const char *w = value_words(o, words, sizeof(words));
    gw_buf_printf(b, "        '%s%s%s[", o->kind == GW_OPTION_LIST ? "*" : "", spelling,
                  o->kind == GW_OPTION_FLAG || spelling[1] != '-' ? "" : "=");
    zsh_text(b, o->help);
    gw_buf_putc(b, ']');
    if (o->kind != GW_OPTION_FLAG) {
        gw_buf_putc(b, ':');
        zsh_text(b, o->value);
        if (!w)
            gw_buf_puts(b, ": ");
        else if (strcmp(w, "file") == 0)
            gw_buf_puts(b, ":_files");
        else if (strcmp(w, "dir") == 0)
            gw_buf_puts(b, ":_files -/");
        else {
            gw_buf_puts(b, ":(");
            zsh_text(b, w);
            gw_buf_putc(b, ')');
        }
    }
    gw_buf_puts(b, "' \\\n");
}

static void zsh_option(gw_buf *b, const gw_command *c, const gw_option *o)
{
    char spelling[80];
    GW_UNUSED(c);
    snprintf(spelling, sizeof(spelling), "--%s", o->name);
    zsh_spec(b, spelling, o);
    if (o->letter) {
        snprintf(spelling, sizeof(spelling), "-%c", o->letter);
        zsh_spec(b, spelling, o);
    }
}

static void zsh_operands(gw_buf *b, const gw_command *c)
{
    const char *w = c->operand_words;
    if (!c->max_operands) {
        gw_buf_puts(b, "        && return 0\n");
        return;
    }
    gw_buf_puts(b, "        '1:");
    zsh_text(b, c->operands ? c->operands : "operand");
    if (!w)
        gw_buf_puts(b, ": ");
    else if (strcmp(w, "dir") == 0)
        gw_buf_puts(b, ":_files -/");
    else
        gw_buf_printf(b, ":(%s)", w);
    gw_buf_puts(b, "' && return 0\n");
}

static void zsh_write(gw_buf *b)
{
    gw_buf_puts(
        b, "#compdef gpuwise\n# zsh completion for gpuwise; put it into a directory of $fpath as _gpuwise\n"
           "_gpuwise() {\n  local -a verbs\n  verbs=(\n");
    for (const gw_verb *const *v = gw_verbs; *v; v++) {
        gw_buf_printf(b, "    '%s:", (*v)->command.name);
        zsh_text(b, (*v)->command.summary);
        gw_buf_puts(b, "'\n");
    }
    gw_buf_puts(b, "  )\n  if (( CURRENT == 2 )); then\n    _describe verb verbs\n    return\n  fi\n"
                   "  local verb=${words[2]}\n  shift words\n  (( CURRENT-- ))\n  case $verb in\n");
    for (const gw_verb *const *v = gw_verbs; *v; v++) {
        gw_buf_printf(b, "    %s)\n      _arguments -S \\\n        '--help[Show help]' \\\n",
                      (*v)->command.name);
        each_option(b, &(*v)->command, zsh_option);
        zsh_operands(b, &(*v)->command);
        gw_buf_puts(b, "      ;;\n");
    }
    gw_buf_puts(b, "  esac\n}\nif [[ ${funcstack[1]} == _gpuwise ]]; then\n  _gpuwise \"$@\"\nelse\n  "
                   "compdef _gpuwise gpuwise\nfi\n");
}

/* ---- fish ---------------------------------------------------------------------------------------------- */

static void fish_text(gw_buf *b, const char *s)
{
    gw_buf_putc(b, '\'');
    for (; *s; s++) {
        if (*s == '\'' || *s == '\\')
            gw_buf_putc(b, '\\');
        gw_buf_putc(b, *s);
    }
    gw_buf_putc(b, '\'');
}

static void fish_option(gw_buf *b, const gw_command *c, const gw_option *o)
{
    char words[512];
    const char *w = value_words(o, words, sizeof(words));
    gw_buf_printf(b, "complete -c gpuwise -n '__fish_seen_subcommand_from %s' -l %s", c->name, o->name);
    if (o->letter)
        gw_buf_printf(b, " -s %c", o->letter);
    if (o->kind != GW_OPTION_FLAG) {
        if (w && strcmp(w, "file") == 0)
            gw_buf_puts(b, " -r -F");
        else if (w && strcmp(w, "dir") == 0)
            gw_buf_puts(b, " -x -a '(__fish_complete_directories)'");
        else if (w)
            gw_buf_printf(b, " -x -a '%s'", w);
        else
            gw_buf_puts(b, " -x");
    }
    gw_buf_puts(b, " -d ");
    fish_text(b, o->help);
    gw_buf_putc(b, '\n');
}

static void fish_write(gw_buf *b)
{
    gw_buf_puts(b, "# fish completion for gpuwise; load it with: gpuwise completion fish | source\n"
                   "complete -c gpuwise -f\n");
    for (const gw_verb *const *v = gw_verbs; *v; v++) {
        const gw_command *c = &(*v)->command;
        gw_buf_printf(b, "complete -c gpuwise -n __fish_use_subcommand -a %s -d ", c->name);
        fish_text(b, c->summary);
        gw_buf_putc(b, '\n');
        if (c->operand_words && strcmp(c->operand_words, "dir") == 0)
            gw_buf_printf(b,
                          "complete -c gpuwise -n '__fish_seen_subcommand_from %s' -a "
                          "'(__fish_complete_directories)'\n",
                          c->name);
        else if (c->operand_words)
            gw_buf_printf(b, "complete -c gpuwise -n '__fish_seen_subcommand_from %s' -a '%s'\n", c->name,
                          c->operand_words);
        each_option(b, c, fish_option);
    }
}

/* ---- the verb ------------------------------------------------------------------------------------------ */

bool gw_completion_write(const char *shell, gw_buf *b)
{
    static const struct {
        const char *shell;
        void (*write)(gw_buf *b);
    } shells[] = {{"bash", bash_write}, {"zsh", zsh_write}, {"fish", fish_write}};
    for (size_t i = 0; i < GW_COUNT(shells); i++) {
        if (strcmp(shells[i].shell, shell) == 0) {
            shells[i].write(b);
            return true;
        }
    }
    return false;
}

static int run(gw_cli *cli, gw_error *e)
{
    gw_buf b;
    const char *shell = cli->operands.items[0];
    gw_buf_init(&b, (size_t)1 << 22);
    int rc = gw_completion_write(shell, &b)
                 ? gw_buf_check(&b, "the script", e)
                 : gw_fail(e, GW_EUSAGE, "there is no completion for '%.40s': give bash, zsh or fish", shell);
    if (rc == 0)
        rc = gw_cli_write(&b, e);
    gw_buf_free(&b);
    return rc;
}

const gw_verb gw_verb_completion = {{.name = "completion",
                                     .summary = "Print a completion script for a shell",
                                     .operands = "bash|zsh|fish",
                                     .min_operands = 1,
                                     .max_operands = 1,
                                     .operand_words = "bash zsh fish",
                                     .text = "bash: source <(gpuwise completion bash)\n"
                                             "zsh:  gpuwise completion zsh > \"${fpath[1]}/_gpuwise\"\n"
                                             "fish: gpuwise completion fish | source",
                                     .examples = "completion bash"},
                                    run};
