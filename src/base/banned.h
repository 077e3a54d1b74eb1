/*
 * Functions that have no safe use here. Included through base/base.h by every file, so that a call to one
 * of them does not compile. The replacements: gw_buf or snprintf for text, gw_parse_* for numbers.
 */
#ifndef GW_BASE_BANNED_H
#define GW_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strncpy strcat strncat sprintf vsprintf gets strtok atoi atol atoll atof
#pragma GCC poison gmtime localtime ctime asctime

#endif
