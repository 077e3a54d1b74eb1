/* Any bytes as an action.json over a small fleet: refused with a message that names the file, or a change
 * that is the same when it is written and read again. */
#include "../unit/act/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_NAME "action.json"

static int parse(const sample *s, gw_str text, gw_arena *a, gw_change *c)
{
    gw_error e = {0};
    int rc = gw_change_parse(FILE_NAME, text, &s->fleet, a, c, &e);
    if (rc == GW_EINTERNAL || (rc && (e.code != rc || !strstr(e.message, FILE_NAME))))
        abort();
    return rc;
}

static void write_text(const sample *s, const gw_change *c, gw_buf *b)
{
    gw_doc d;
    gw_error e;
    gw_doc_init(&d, GW_DOC_JSON, b);
    gw_doc_object(&d, NULL);
    gw_doc_text(&d, "apiVersion", "gpuwise/v1");
    gw_doc_text(&d, "kind", "Action");
    gw_doc_int(&d, "schemaVersion", GW_CHANGE_SCHEMA);
    gw_change_write(&d, "change", &s->fleet, c);
    gw_doc_end(&d);
    if (gw_doc_finish(&d, &e))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sample s;
    static bool made;
    gw_arena a;
    gw_change c, again;
    gw_buf first, second;
    if (!made)
        sample_init(&s);
    made = true;
    gw_arena_init(&a, (size_t)256 << 20);
    gw_buf_init(&first, (size_t)64 << 20);
    gw_buf_init(&second, (size_t)64 << 20);
    if (parse(&s, (gw_str){(const char *)data, size}, &a, &c) == 0) {
        write_text(&s, &c, &first);
        if (parse(&s, (gw_str){first.data, first.len}, &a, &again))
            abort();
        write_text(&s, &again, &second);
        if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
            abort();
    }
    gw_buf_free(&first);
    gw_buf_free(&second);
    gw_arena_free(&a);
    return 0;
}
