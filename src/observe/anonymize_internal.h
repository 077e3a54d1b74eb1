/* Between the files of the anonymiser. */
#ifndef GW_OBSERVE_ANONYMIZE_INTERNAL_H
#define GW_OBSERVE_ANONYMIZE_INTERNAL_H

#include "observe/anonymize.h"

const char *const *gw_anon_keep(const gw_anon *a);
/* A copy that lives as long as the gw_anon. NULL: out of memory. */
const char *gw_anon_keep_text(gw_anon *a, gw_str s);
bool gw_anon_is_common_word(gw_str s);

#endif
