#include "serve/metrics.h"

#include <math.h>

#include "format/doc.h"

void gw_metric(gw_metrics *m, const char *name, const char *type, const char *help)
{
    m->name = name;
    m->type = type;
    m->help = help;
    m->begun = false;
}

static void put_label(gw_buf *b, const char *name, const char *value, bool first)
{
    gw_buf_printf(b, "%s%s=\"", first ? "" : ",", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            gw_buf_putc(b, '\\');
        if (*value == '\n')
            gw_buf_puts(b, "\\n");
        else
            gw_buf_putc(b, *value);
    }
    gw_buf_putc(b, '"');
}

/* "name_suffix{labels,last="…"} "; last NULL: none. */
static void put_name(gw_metrics *m, const char *suffix, const gw_metric_label *labels, size_t n,
                     const char *last, const char *last_value)
{
    if (!m->begun)
        gw_buf_printf(m->b, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
    m->begun = true;
    gw_buf_printf(m->b, "%s%s", m->name, suffix);
    if (n || last) {
        gw_buf_putc(m->b, '{');
        for (size_t i = 0; i < n; i++)
            put_label(m->b, labels[i].name, labels[i].value, i == 0);
        if (last)
            put_label(m->b, last, last_value, n == 0);
        gw_buf_putc(m->b, '}');
    }
    gw_buf_putc(m->b, ' ');
}

void gw_metric_value(gw_metrics *m, const gw_metric_label *labels, size_t n, double v)
{
    char text[GW_DECIMAL_TEXT_MAX];
    if (!isfinite(v))
        return;
    put_name(m, "", labels, n, NULL, NULL);
    gw_buf_printf(m->b, "%s\n", gw_decimal_format(v, 9, true, text));
}

void gw_metric_money(gw_metrics *m, const gw_metric_label *labels, size_t n, gw_micro v)
{
    char text[GW_MICRO_TEXT_MAX];
    if (!gw_micro_known(v))
        return;
    put_name(m, "", labels, n, NULL, NULL);
    gw_buf_printf(m->b, "%s\n", gw_micro_format(v, text));
}

void gw_metric_histogram(gw_metrics *m, const double *bounds, size_t n, const uint64_t *buckets, double sum)
{
    char text[GW_DECIMAL_TEXT_MAX];
    uint64_t all = 0;
    for (size_t i = 0; i <= n; i++) {
        all += buckets[i];
        put_name(m, "_bucket", NULL, 0, "le", i < n ? gw_decimal_format(bounds[i], 9, true, text) : "+Inf");
        gw_buf_printf(m->b, "%" PRIu64 "\n", all);
    }
    put_name(m, "_sum", NULL, 0, NULL, NULL);
    gw_buf_printf(m->b, "%s\n", gw_decimal_format(sum, 9, true, text));
    put_name(m, "_count", NULL, 0, NULL, NULL);
    gw_buf_printf(m->b, "%" PRIu64 "\n", all);
}
