/* gpuwise mig: whether slices fit on a board, and the way from one layout to another. */
#include "allocate/mig.h"

#include "cli/cli.h"
#include "format/doc.h"

/*
 * "No" is an answer and no failure, so it has the exit code that diff and grep give it. GW_EINTERNAL has the
 * same number: a script that must tell them apart reads "fits" of -o json, which is written in either case.
 */
#define ANSWER_NO GW_EINTERNAL

#define BOARDS_DRAWN 16 /* of -o table */

static void put_set(gw_buf *out, const gw_mig_board *b, const gw_mig_set *s)
{
    const char *comma = "";
    for (size_t p = 0; p < b->n_profiles; p++) {
        if (s->n[p] > 1)
            gw_buf_printf(out, "%s%dx%s", comma, s->n[p], b->profiles[p].name);
        else if (s->n[p] == 1)
            gw_buf_printf(out, "%s%s", comma, b->profiles[p].name);
        comma = s->n[p] ? "," : comma;
    }
    if (!*comma)
        gw_buf_puts(out, "no slices");
}

/* ---- drawings ---- */

/* Columns of a slot: each instance's name, its star and a bar fit into its slots. */
static int slot_columns(const gw_mig_board *b, const gw_mig_layout *layouts, size_t n)
{
    int columns = 4;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < layouts[i].n; k++) {
            const gw_mig_instance *at = &layouts[i].at[k];
            int size = b->profiles[at->profile].size;
            int width = (int)strlen(b->profiles[at->profile].name) + at->running + 1;
            columns = GW_MAX(columns, (width + size - 1) / size);
        }
    }
    return columns;
}

static void put_cell(gw_buf *out, const char *text, bool star, char fill, int columns)
{
    gw_buf_printf(out, "|%s%s", text, star ? "*" : "");
    for (int i = (int)strlen(text) + star + 1; i < columns; i++)
        gw_buf_putc(out, fill);
}

static void draw(gw_buf *out, const gw_mig_board *b, const gw_mig_layout *l, int columns)
{
    size_t next = 0;
    gw_buf_puts(out, "  ");
    for (int s = 0; s < b->slots; s++)
        gw_buf_printf(out, "%-*d", s + 1 < b->slots ? columns : 1, s);
    gw_buf_puts(out, "\n  ");
    for (int s = 0; s < b->slots;) {
        if (next < l->n && l->at[next].start == s) {
            const gw_mig_profile *p = &b->profiles[l->at[next].profile];
            put_cell(out, p->name, l->at[next].running, ' ', p->size * columns);
            s += p->size;
            next++;
        } else {
            put_cell(out, "", false, '.', columns);
            s++;
        }
    }
    gw_buf_puts(out, "|\n");
}

/* ---- notes ---- */

typedef struct notes {
    char engines[200];
    const char *items[3];
    size_t n;
} notes;

static void note_board(notes *n, const gw_mig_board *b, const gw_mig_set *s, size_t boards)
{
    int lacking = boards == 1 ? gw_mig_engines_short(b, s) : 0;
    if (lacking) {
        snprintf(n->engines, sizeof(n->engines),
                 "these slices want %d sets of media engines and the board has %d; the driver may refuse",
                 lacking + b->engines, b->engines);
        n->items[n->n++] = n->engines;
    }
    if (b->derived)
        n->items[n->n++] = "nobody has published this board's start slots; these are those of its die's kin";
}

static void put_notes(gw_buf *out, const notes *n)
{
    for (size_t i = 0; i < n->n; i++)
        gw_buf_printf(out, "%snote: %s\n", i ? "" : "\n", n->items[i]);
}

static void doc_notes(gw_doc *d, const notes *n)
{
    gw_doc_array(d, "notes");
    for (size_t i = 0; i < n->n; i++)
        gw_doc_text(d, NULL, n->items[i]);
    gw_doc_end(d);
}

/* ---- documents ---- */

static void doc_begin(gw_doc *d, const char *kind, const gw_mig_board *b)
{
    gw_doc_object(d, NULL);
    gw_doc_text(d, "apiVersion", "gpuwise/v1");
    gw_doc_text(d, "kind", kind);
    gw_doc_text(d, "board", b->name);
}

static void doc_set(gw_doc *d, const char *key, const gw_mig_board *b, const gw_mig_set *s)
{
    gw_doc_array(d, key);
    for (size_t p = 0; p < b->n_profiles; p++) {
        if (s->n[p] == 0)
            continue;
        gw_doc_object(d, NULL);
        gw_doc_text(d, "profile", b->profiles[p].name);
        gw_doc_int(d, "count", s->n[p]);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static void doc_layout(gw_doc *d, const char *key, const gw_mig_board *b, const gw_mig_layout *l,
                       bool running)
{
    gw_doc_array(d, key);
    for (size_t i = 0; i < l->n; i++) {
        gw_doc_object(d, NULL);
        gw_doc_text(d, "profile", b->profiles[l->at[i].profile].name);
        gw_doc_int(d, "start", l->at[i].start);
        gw_doc_int(d, "size", b->profiles[l->at[i].profile].size);
        if (running)
            gw_doc_bool(d, "running", l->at[i].running);
        gw_doc_end(d);
    }
    gw_doc_end(d);
}

static bool is_doc(const gw_cli *cli)
{
    return cli->options.output == GW_OUTPUT_JSON || cli->options.output == GW_OUTPUT_YAML;
}

static void doc_init(gw_doc *d, const gw_cli *cli, gw_buf *out)
{
    gw_doc_init(d, cli->options.output == GW_OUTPUT_JSON ? GW_DOC_JSON : GW_DOC_YAML, out);
}

/* ---- mig fit ---- */

static void fit_text(const gw_cli *cli, const gw_mig_board *b, const gw_mig_set *s, const gw_mig_packing *p,
                     const notes *n, gw_buf *out)
{
    size_t drawn = cli->options.output == GW_OUTPUT_WIDE ? p->n : GW_MIN(p->n, (size_t)BOARDS_DRAWN);
    int columns = slot_columns(b, p->boards, p->n), slots = 0;
    for (size_t i = 0; i < b->n_profiles; i++)
        slots += s->n[i] * b->profiles[i].size;
    gw_buf_puts(out, p->n <= 1 ? "yes: " : "no: ");
    put_set(out, b, s);
    if (p->n <= 1)
        gw_buf_printf(out, " fit on one %s\n", b->name);
    else if (p->exact)
        gw_buf_printf(out, " do not fit on one %s; they fit on %zu, and on no fewer\n", b->name, p->n);
    else
        gw_buf_printf(out, " do not fit on one %s; they fit on %zu, and need at least %zu\n", b->name, p->n,
                      p->lower);
    size_t boards = GW_MAX(p->n, (size_t)1);
    gw_buf_printf(out, "%d of %zu compute slices, %d of %zu memory slots\n", gw_mig_set_compute(b, s),
                  boards * (size_t)b->compute, slots, boards * (size_t)b->slots);
    for (size_t i = 0; i < drawn; i++) {
        gw_buf_putc(out, '\n');
        if (p->n > 1)
            gw_buf_printf(out, "board %zu\n", i + 1);
        draw(out, b, &p->boards[i], columns);
    }
    if (drawn < p->n)
        gw_buf_printf(out, "\n%zu more boards: -o wide draws them all\n", p->n - drawn);
    put_notes(out, n);
}

static int fit_doc(const gw_cli *cli, const gw_mig_board *b, const gw_mig_set *s, const gw_mig_packing *p,
                   const notes *n, gw_buf *out, gw_error *e)
{
    gw_doc d;
    doc_init(&d, cli, out);
    doc_begin(&d, "MigFit", b);
    doc_set(&d, "slices", b, s);
    gw_doc_bool(&d, "fits", p->n <= 1);
    gw_doc_int(&d, "boards", (int64_t)p->n);
    gw_doc_int(&d, "lowerBound", (int64_t)p->lower);
    gw_doc_array(&d, "layouts");
    for (size_t i = 0; i < p->n; i++)
        doc_layout(&d, NULL, b, &p->boards[i], false);
    gw_doc_end(&d);
    doc_notes(&d, n);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

static int fail_no(const gw_mig_board *b, const gw_mig_packing *p, gw_error *e)
{
    return gw_fail(e, ANSWER_NO, "no: these slices do not fit on one %s; they fit on %zu", b->name, p->n);
}

static int fit(const gw_cli *cli, const gw_mig_board *b, const char *list, gw_arena *a, gw_buf *out,
               gw_error *e)
{
    gw_mig_set s;
    gw_mig_packing p;
    notes n = {.n = 0};
    int rc = gw_mig_set_parse(b, list, &s, e);
    if (rc == 0)
        rc = gw_mig_pack(b, &s, a, &p, e);
    if (rc)
        return rc;
    note_board(&n, b, &s, p.n);
    if (is_doc(cli))
        rc = fit_doc(cli, b, &s, &p, &n, out, e);
    else
        fit_text(cli, b, &s, &p, &n, out);
    if (rc == 0)
        rc = gw_buf_check(out, "the output", e);
    if (rc == 0)
        rc = gw_cli_write(out, e);
    return rc == 0 && p.n > 1 ? fail_no(b, &p, e) : rc;
}

/* ---- mig repartition ---- */

static const char *const actions[] = {"drain", "destroy", "create"};

static int running_in(const gw_mig_layout *l)
{
    int n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += l->at[i].running;
    return n;
}

static int created_by(const gw_mig_change *c)
{
    int n = 0;
    for (size_t i = 0; i < c->n_steps; i++)
        n += c->steps[i].kind == GW_MIG_CREATE;
    return n;
}

static void put_step(gw_buf *out, const gw_mig_board *b, size_t number, const gw_mig_step *s)
{
    gw_buf_printf(out, "%3zu  %-8s %s at slot %d", number, actions[s->kind], b->profiles[s->profile].name,
                  s->start);
    if (s->kind == GW_MIG_DRAIN && s->move_to == GW_MIG_NONE)
        gw_buf_puts(out, "; no free slice is large enough: its work waits, or goes to another board");
    else if (s->kind == GW_MIG_DRAIN)
        gw_buf_printf(out, "; its work can restart at slot %d", s->move_to);
    gw_buf_putc(out, '\n');
}

static void change_text(const gw_mig_board *b, const gw_mig_layout *from, const gw_mig_change *c,
                        const notes *n, gw_buf *out)
{
    gw_mig_layout both[2] = {*from, c->to};
    int columns = slot_columns(b, both, 2), running = running_in(from);
    gw_buf_printf(out, "%s, today\n", b->name);
    draw(out, b, from, columns);
    gw_buf_puts(out, "then\n");
    draw(out, b, &c->to, columns);
    if (c->n_steps == 0) {
        gw_buf_puts(out, "\nnothing to do: the board has these slices already\n");
        return;
    }
    gw_buf_printf(out, "\nDrains %d of %d running instances, destroys %d of %zu, creates %d.\n\n", c->drained,
                  running, c->destroyed, from->n, created_by(c));
    for (size_t i = 0; i < c->n_steps; i++)
        put_step(out, b, i + 1, &c->steps[i]);
    put_notes(out, n);
}

static int change_doc(const gw_cli *cli, const gw_mig_board *b, const gw_mig_layout *from,
                      const gw_mig_change *c, const notes *n, gw_buf *out, gw_error *e)
{
    gw_doc d;
    doc_init(&d, cli, out);
    doc_begin(&d, "MigRepartition", b);
    doc_layout(&d, "from", b, from, true);
    doc_layout(&d, "to", b, &c->to, true);
    gw_doc_int(&d, "running", running_in(from));
    gw_doc_int(&d, "drained", c->drained);
    gw_doc_int(&d, "drainedComputeSlices", c->drained_compute);
    gw_doc_int(&d, "drainedWithoutPlace", c->waiting);
    gw_doc_int(&d, "destroyed", c->destroyed);
    gw_doc_int(&d, "created", created_by(c));
    gw_doc_array(&d, "steps");
    for (size_t i = 0; i < c->n_steps; i++) {
        const gw_mig_step *s = &c->steps[i];
        gw_doc_object(&d, NULL);
        gw_doc_text(&d, "action", actions[s->kind]);
        gw_doc_text(&d, "profile", b->profiles[s->profile].name);
        gw_doc_int(&d, "start", s->start);
        if (s->kind == GW_MIG_DRAIN && s->move_to == GW_MIG_NONE)
            gw_doc_null(&d, "moveTo");
        else if (s->kind == GW_MIG_DRAIN)
            gw_doc_int(&d, "moveTo", s->move_to);
        gw_doc_end(&d);
    }
    gw_doc_end(&d);
    doc_notes(&d, n);
    gw_doc_end(&d);
    return gw_doc_finish(&d, e);
}

static int repartition(const gw_cli *cli, const gw_mig_board *b, gw_arena *a, gw_buf *out, gw_error *e)
{
    gw_mig_layout from;
    gw_mig_set to;
    gw_mig_packing p;
    gw_mig_change c;
    notes n = {.n = 0};
    if (!cli->options.from || !cli->options.to)
        return gw_fail(e, GW_EUSAGE,
                       "'mig repartition' wants --from LAYOUT and --to SLICES; an empty text is an empty "
                       "board");
    int rc = gw_mig_layout_parse(b, cli->options.from, &from, e);
    if (rc == 0)
        rc = gw_mig_set_parse(b, cli->options.to, &to, e);
    if (rc == 0)
        rc = gw_mig_pack(b, &to, a, &p, e);
    if (rc)
        return rc;
    if (p.n > 1)
        return fail_no(b, &p, e);
    rc = gw_mig_repartition(b, &from, &to, &c, e);
    if (rc)
        return rc;
    note_board(&n, b, &to, 1);
    if (running_in(&from) > c.drained && c.n_steps)
        n.items[n.n++] = "NVIDIA's mig-manager clears the whole board; with it, drain all that runs there";
    if (is_doc(cli))
        rc = change_doc(cli, b, &from, &c, &n, out, e);
    else
        change_text(b, &from, &c, &n, out);
    if (rc == 0)
        rc = gw_buf_check(out, "the output", e);
    return rc ? rc : gw_cli_write(out, e);
}

static int run(gw_cli *cli, gw_error *e)
{
    const char *what = cli->operands.items[0];
    const gw_mig_board *b;
    bool fits = strcmp(what, "fit") == 0;
    gw_arena a;
    gw_buf out;
    if (!fits && strcmp(what, "repartition") != 0)
        return gw_fail(e, GW_EUSAGE, "'mig %.40s' is neither 'mig fit' nor 'mig repartition'", what);
    if (cli->operands.n != (fits ? 3 : 2))
        return gw_fail(e, GW_EUSAGE,
                       fits ? "'mig fit' wants BOARD and SLICES, as in H100-80GB 3x2g.20gb,1g.10gb"
                            : "'mig repartition' wants BOARD, and the slices as --from and --to");
    int rc = gw_mig_board_find(cli->operands.items[1], -1, &b, e);
    if (rc)
        return rc;
    gw_arena_init(&a, 0);
    gw_buf_init(&out, (size_t)1 << 24);
    rc = fits ? fit(cli, b, cli->operands.items[2], &a, &out, e) : repartition(cli, b, &a, &out, e);
    gw_buf_free(&out);
    gw_arena_free(&a);
    return rc;
}

static const gw_option layouts[] = {
    {.name = "from",
     .kind = GW_OPTION_TEXT,
     .offset = offsetof(gw_options, from),
     .value = "LAYOUT",
     .help = "Today's instances: PROFILE@SLOT, with * where something runs, as in 3g.40gb@0*,1g.10gb@4"},
    {.name = "to",
     .kind = GW_OPTION_TEXT,
     .offset = offsetof(gw_options, to),
     .value = "SLICES",
     .help = "The slices wanted: [COUNTx]PROFILE, as in 2x2g.20gb,3g.40gb"},
    {0}};
static const gw_option_group layouts_group = {"Repartition", layouts};
static const gw_option_group *const groups[] = {&layouts_group, &gw_options_output_version, NULL};

const gw_verb gw_verb_mig = {
    {.name = "mig",
     .summary = "Do MIG slices fit on a board, and how to get to another layout",
     .operands = "fit|repartition BOARD [SLICES]",
     .min_operands = 2,
     .max_operands = 3,
     .operand_words = "fit repartition",
     .text = "fit draws SLICES on a BOARD and says yes, or no and on how many boards they\n"
             "would fit; the exit code is 0 for yes and 1 for no. repartition finds the order\n"
             "of steps from --from to --to that disturbs the least running work.\n"
             "BOARD is a name such as H100-80GB or what nvidia-smi calls it.",
     .examples = "mig fit H100-80GB 3x2g.20gb,1g.10gb\n"
                 "mig repartition A30 --from '2g.12gb@0*,2g.12gb@2' --to 2g.12gb,1g.6gb",
     .groups = groups},
    run};
