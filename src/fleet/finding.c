#include "fleet/finding.h"

#include <math.h>

const char *gw_severity_name(gw_severity s)
{
    static const char *const names[] = {"info", "low", "medium", "high"};
    return (size_t)s < GW_COUNT(names) ? names[s] : "info";
}

void gw_findings_init(gw_findings *f)
{
    *f = (gw_findings){0};
    gw_arena_init(&f->arena, 0);
}

void gw_findings_free(gw_findings *f)
{
    gw_free(f->items);
    gw_arena_free(&f->arena);
    gw_findings_init(f);
}

int gw_findings_add(gw_findings *f, const char *rule, gw_severity severity, gw_finding **ret, gw_error *e)
{
    int rc = gw_grow((void **)&f->items, &f->cap, f->n + 1, sizeof(*f->items), GW_FINDINGS_MAX);
    if (rc == GW_ELIMIT)
        return gw_fail(
            e, GW_ELIMIT,
            "more than %zu findings: report on one namespace at a time (-n), or a shorter --window",
            GW_FINDINGS_MAX);
    if (rc)
        return gw_fail_memory(e);
    f->items[f->n] =
        (gw_finding){.rule = rule, .severity = severity, .monthly = GW_MICRO_UNKNOWN, .text = ""};
    *ret = &f->items[f->n++];
    return 0;
}

void gw_finding_subject(gw_finding *f, const char *name, const char *value)
{
    if (!value || f->n_subject == GW_SUBJECT_MAX)
        return;
    f->subject[f->n_subject].name = name;
    f->subject[f->n_subject++].value = value;
}

static void evidence_add(gw_finding *f, gw_evidence v)
{
    if (f->n_evidence < GW_EVIDENCE_MAX)
        f->evidence[f->n_evidence++] = v;
}

void gw_finding_number(gw_finding *f, const char *name, double value)
{
    if (isfinite(value))
        evidence_add(f, (gw_evidence){.name = name, .kind = GW_EVIDENCE_NUMBER, .number = value});
    else
        gw_finding_unknown(f, name);
}

void gw_finding_text(gw_finding *f, const char *name, const char *value)
{
    if (value)
        evidence_add(f, (gw_evidence){.name = name, .kind = GW_EVIDENCE_TEXT, .text = value});
    else
        gw_finding_unknown(f, name);
}

void gw_finding_unknown(gw_finding *f, const char *name)
{
    evidence_add(f, (gw_evidence){.name = name, .kind = GW_EVIDENCE_UNKNOWN});
}

void gw_finding_measure(gw_finding *f, const char *name, double value)
{
    if (value >= 0)
        gw_finding_number(f, name, value);
    else
        gw_finding_unknown(f, name);
}

const char *gw_finding_subject_of(const gw_finding *f, const char *name)
{
    for (size_t i = 0; i < f->n_subject; i++) {
        if (strcmp(f->subject[i].name, name) == 0)
            return f->subject[i].value;
    }
    return NULL;
}

const gw_evidence *gw_finding_evidence_of(const gw_finding *f, const char *name)
{
    for (size_t i = 0; i < f->n_evidence; i++) {
        if (strcmp(f->evidence[i].name, name) == 0)
            return &f->evidence[i];
    }
    return NULL;
}

static int text_compare(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

int gw_finding_compare(const gw_finding *a, const gw_finding *b)
{
    if (a->monthly != b->monthly) /* unknown is INT64_MIN, which puts it last */
        return a->monthly > b->monthly ? -1 : 1;
    int c = text_compare(a->rule, b->rule);
    for (size_t i = 0; !c && i < GW_MAX(a->n_subject, b->n_subject); i++) {
        if (i >= a->n_subject || i >= b->n_subject)
            return a->n_subject < b->n_subject ? -1 : 1;
        c = text_compare(a->subject[i].name, b->subject[i].name);
        if (!c)
            c = text_compare(a->subject[i].value, b->subject[i].value);
    }
    return c ? c : text_compare(a->text, b->text);
}

static int by_report_order(const void *a, const void *b)
{
    return gw_finding_compare(a, b);
}

void gw_findings_sort(gw_findings *f)
{
    if (f->n > 1)
        qsort(f->items, f->n, sizeof(*f->items), by_report_order);
}
