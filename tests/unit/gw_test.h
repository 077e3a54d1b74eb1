/* What every unit test includes: cmocka with the headers it wants first. */
#ifndef GW_TESTS_UNIT_GW_TEST_H
#define GW_TESTS_UNIT_GW_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base.h"

#endif
