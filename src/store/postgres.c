#include "store/engine.h"

int gw_engine_postgres(const gw_store_options *o, gw_engine **ret, gw_error *e)
{
    GW_UNUSED(o);
    GW_UNUSED(ret);
    return gw_fail(e, GW_ECONFIG, "--store postgres:// is not there yet");
}
