/* The options that were given, as a command line that gives them again. */
#include "present/options.h"

#include "net/url.h"

void gw_shell_quote(gw_buf *b, const char *s)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,";
    if (*s && strspn(s, plain) == strlen(s)) {
        gw_buf_puts(b, s);
        return;
    }
    gw_buf_putc(b, '\'');
    for (; *s; s++) {
        if (*s == '\'')
            gw_buf_puts(b, "'\\'");
        gw_buf_putc(b, *s);
    }
    gw_buf_putc(b, '\'');
}

static void put_name(gw_buf *b, const gw_option *o)
{
    gw_buf_printf(b, "%s--%s", b->len ? " " : "", o->name);
}

static void put_text(gw_buf *b, const gw_option *o, const char *value)
{
    put_name(b, o);
    gw_buf_putc(b, ' ');
    gw_shell_quote(b, value);
}

/* Exactly: gw_duration_format keeps the largest units only. */
static void put_duration(gw_buf *b, const gw_option *o, int64_t ms)
{
    char text[GW_TIME_TEXT_MAX], exact[GW_TIME_TEXT_MAX];
    int64_t again;
    snprintf(exact, sizeof(exact), "%" PRId64 "ms", ms);
    gw_duration_format(ms, text);
    put_text(b, o, gw_duration_parse(text, &again, NULL) == 0 && again == ms ? text : exact);
}

static void put_value(gw_buf *b, const gw_option *o, const void *field)
{
    char text[GW_URL_SHOWN_MAX];
    const char *s = NULL;
    double d;
    int choice;
    int64_t i;
    switch (o->kind) {
    case GW_OPTION_FLAG:
        put_name(b, o);
        return;
    case GW_OPTION_TEXT:
        memcpy(&s, field, sizeof(s));
        /* a password in a URL is not repeated: whoever runs the command gives it again */
        put_text(b, o, strstr(s, "://") && strchr(s, '@') ? gw_url_shown(s, text) : s);
        return;
    case GW_OPTION_LIST:
        for (const char *const *item = ((const gw_option_list *)field)->items; *item; item++)
            put_text(b, o, *item);
        return;
    case GW_OPTION_CHOICE:
        memcpy(&choice, field, sizeof(choice));
        put_text(b, o, o->choices[choice]);
        return;
    case GW_OPTION_INT:
        memcpy(&i, field, sizeof(i));
        snprintf(text, sizeof(text), "%" PRId64, i);
        break;
    case GW_OPTION_DURATION:
        memcpy(&i, field, sizeof(i));
        put_duration(b, o, i);
        return;
    case GW_OPTION_MONEY:
        memcpy(&i, field, sizeof(i));
        gw_micro_format(i, text);
        break;
    default:
        memcpy(&d, field, sizeof(d));
        snprintf(text, sizeof(text), "%.12g%s", o->kind == GW_OPTION_PERCENT ? 100 * d : d,
                 o->kind == GW_OPTION_PERCENT ? "%" : "");
        break;
    }
    put_text(b, o, text);
}

static bool is_default(const gw_option *o, const void *field, const void *initial)
{
    const char *a, *b;
    switch (o->kind) {
    case GW_OPTION_FLAG:
        return *(const bool *)field == *(const bool *)initial;
    case GW_OPTION_TEXT:
        memcpy(&a, field, sizeof(a));
        memcpy(&b, initial, sizeof(b));
        return gw_eq(a, b);
    case GW_OPTION_LIST:
        return ((const gw_option_list *)field)->n == 0;
    case GW_OPTION_CHOICE:
        return memcmp(field, initial, sizeof(int)) == 0;
    default:
        return memcmp(field, initial, sizeof(int64_t)) == 0;
    }
}

/* Secrets are given again by whoever runs the command; of the sources, only what the one that is read takes.
 */
static bool is_told(const gw_options *o, const gw_option_group *g, const gw_option *option)
{
    bool live = o->prometheus && !o->snapshot;
    if (option->offset == offsetof(gw_options, token) || option->offset == offsetof(gw_options, headers))
        return false;
    if (option->offset == offsetof(gw_options, snapshot))
        return true;
    if (option->offset == offsetof(gw_options, demo) || g == &gw_options_demo)
        return !o->snapshot && !o->prometheus;
    return g != &gw_options_source || live;
}

static const char *no_environment(void *unused, const char *name)
{
    GW_UNUSED(unused);
    GW_UNUSED(name);
    return NULL;
}

int gw_options_flags(const gw_options *o, const gw_option_group *const *groups, gw_arena *arena,
                     const char **ret, gw_error *e)
{
    const gw_command nothing = {.name = "", .groups = groups};
    gw_options initial;
    gw_operands none;
    gw_buf b;
    gw_options_init(&initial);
    int rc = gw_options_parse(&nothing, "", 0, NULL, no_environment, NULL, &initial, &none, e);
    if (rc)
        return rc;
    gw_buf_init(&b, GW_FLAGS_MAX);
    for (; *groups; groups++) {
        for (const gw_option *option = (*groups)->options; option->name; option++) {
            const void *field = (const char *)o + option->offset;
            if (is_told(o, *groups, option) &&
                !is_default(option, field, (const char *)&initial + option->offset))
                put_value(&b, option, field);
        }
    }
    rc = gw_buf_check(&b, "the command to read the same again", e);
    const char *text = rc ? NULL : gw_arena_strndup(arena, b.data ? b.data : "", b.len);
    gw_buf_free(&b);
    if (rc == 0 && !text)
        return gw_fail_memory(e);
    if (rc == 0)
        *ret = text;
    return rc;
}
