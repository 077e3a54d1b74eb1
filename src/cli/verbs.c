#include "cli/cli.h"

const gw_verb *const gw_verbs[] = {
    &gw_verb_report, &gw_verb_plan,    &gw_verb_serve,      &gw_verb_explain, &gw_verb_price,
    &gw_verb_mig,    &gw_verb_record,  &gw_verb_review,     &gw_verb_export,  &gw_verb_import,
    &gw_verb_demo,   &gw_verb_version, &gw_verb_completion, &gw_verb_help,    NULL};

const gw_verb *gw_verb_find(const char *name)
{
    for (const gw_verb *const *v = gw_verbs; *v; v++) {
        if (strcmp((*v)->command.name, name) == 0)
            return *v;
    }
    /* another name of `export history`, and so in no list */
    return strcmp(name, gw_verb_export_history.command.name) == 0 ? &gw_verb_export_history : NULL;
}
