/*
 * UTF-8 as it comes from outside: possibly wrong, possibly hostile. One decoder that never reads past the end
 * and never fails, and the width of a character on a terminal.
 */
#ifndef GW_BASE_UTF8_H
#define GW_BASE_UTF8_H

#include "base/base.h"

#define GW_UTF8_REPLACEMENT 0xFFFDu

/*
 * The character at s.p[*at], and *at moved behind it; s.n > *at. A byte that starts no well-formed character
 * (overlong, surrogate, beyond U+10FFFF, cut off) is GW_UTF8_REPLACEMENT and moves by one byte.
 */
uint32_t gw_utf8_next(gw_str s, size_t *at);

/*
 * Columns that a character takes on a terminal: 0 for combining marks and the like, 2 for East Asian wide
 * characters and emoji (Unicode Standard Annex #11, classes W and F, in whole blocks), else 1.
 */
int gw_utf8_width(uint32_t c);

/* Control characters and the marks that turn the direction of text: what no terminal should be sent from
 * somebody's label, since it could hide or move what stands next to it. */
bool gw_utf8_is_control(uint32_t c);

/* Columns of a whole text; a control character counts as the one column of its replacement. */
size_t gw_text_width(gw_str s);

/* Writes the character's bytes; returns how many (1..4). c must be a character. */
size_t gw_utf8_put(uint32_t c, char out[4]);

#endif
