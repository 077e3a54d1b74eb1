/* Exports the sample plan to the directory that it is given: tests/integration/test_plan_manifests.py looks
 * at what comes out. */
#include "sample.h"

int main(int argc, char **argv)
{
    sample s;
    gw_error e = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: export_sample DIR\n");
        return 2;
    }
    sample_init(&s);
    gw_export x = sample_export(&s);
    int rc = gw_export_write(&x, argv[1], &e);
    if (rc)
        fprintf(stderr, "%s\n", e.message);
    sample_free(&s);
    return -rc;
}
