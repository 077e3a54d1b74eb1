/*
 * What a server's own words may look like in our messages: one line, bounded, nothing that a terminal would
 * obey.
 */
#ifndef GW_NET_REPLY_TEXT_H
#define GW_NET_REPLY_TEXT_H

#include "base/base.h"

/*
 * Copies s into out as one line of valid UTF-8: runs of blanks, line ends and control characters (also the C1
 * set and the bidirectional overrides) become one space, broken UTF-8 becomes '?'; cut with "..." where out
 * is full. out is always NUL-terminated. Returns the number of '?' put for broken bytes.
 */
size_t gw_text_line(gw_str s, char *out, size_t cap);

/*
 * The reason that a server gives in the body of an error reply, as a line: the string "error", "message" or
 * "Message" of a JSON object (Prometheus; a Kubernetes Status; also {"error":{"message":…}}), the title of an
 * HTML page, or the text itself. The body may be cut anywhere. "" where there is nothing to show.
 */
void gw_reply_reason(gw_str body, char *out, size_t cap);

#endif
