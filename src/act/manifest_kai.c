/*
 * KAI's annotations on the pod template: gpu-fraction or gpu-memory (MiB), never both, so the one that is not
 * meant is taken away. The label kai.scheduler/queue and schedulerName stay as they are.
 * https://github.com/NVIDIA/KAI-Scheduler (docs/gpu-sharing)
 */
#include "act/export_internal.h"

static void put_annotations(gw_doc *d, const gw_act_ask *ask)
{
    char text[GW_DECIMAL_TEXT_MAX];
    const char *fraction = NULL, *memory = NULL;
    char number[24];
    if (ask->fraction_milli != GW_UNKNOWN_COUNT) {
        fraction = gw_decimal_format((double)ask->fraction_milli / 1000, 3, true, text);
    } else if (ask->memory_mib != GW_UNKNOWN_COUNT) {
        snprintf(number, sizeof(number), "%" PRId64, ask->memory_mib);
        memory = number;
    }
    gw_doc_object(d, "annotations");
    gw_doc_text(d, "gpu-fraction", fraction);
    gw_doc_text(d, "gpu-memory", memory);
    gw_doc_end(d);
}

static int write_note(gw_act *a, const gw_act_target *t, const gw_act_ask *ask, const char *path, gw_error *e)
{
    const gw_act_kind *k = t->info;
    const char *version = *k->group ? gw_arena_printf(a->arena, "%s/%s", k->group, k->version) : k->version;
    size_t depth = 0;
    gw_buf b;
    gw_doc d;
    if (!version || !path)
        return gw_fail_memory(e);
    gw_buf_init(&b, GW_EXPORT_FILE_MAX);
    gw_doc_init(&d, GW_DOC_YAML, &b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", version);
    gw_doc_text(&d, "kind", k->kind);
    gw_doc_object(&d, "metadata");
    gw_doc_text(&d, "name", t->name);
    gw_doc_text(&d, "namespace", t->ns);
    gw_doc_end(&d);
    for (; depth < GW_COUNT(k->template) && k->template[depth]; depth++)
        gw_doc_object(&d, k->template[depth]);
    gw_doc_object(&d, "metadata");
    put_annotations(&d, ask);
    gw_doc_end(&d);
    for (; depth > 0; depth--)
        gw_doc_end(&d);
    gw_doc_end(&d);
    int rc = gw_doc_finish(&d, e);
    if (rc == 0)
        rc = gw_act_add(a, path, &b, e);
    gw_buf_free(&b);
    return rc;
}

int gw_act_write_kai(gw_act *a, gw_act_target *t, gw_error *e)
{
    if (t->was.fraction_milli == t->to.fraction_milli && t->was.memory_mib == t->to.memory_mib)
        return 0;
    const char *path = gw_arena_printf(a->arena, "workloads/%s.annotations.yaml", t->stem);
    int rc = write_note(a, t, &t->to, path, e);
    t->note_patch = path;
    return rc ? rc
              : write_note(a, t, &t->was,
                           gw_arena_printf(a->arena, "back/workloads/%s.annotations.yaml", t->stem), e);
}
