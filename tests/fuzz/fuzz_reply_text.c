/* Whatever a server sends as the body of an error: one bounded line of printable UTF-8 comes out. */
#include "base/base.h"
#include "net/reply_text.h"
#include "net/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *line, size_t cap)
{
    size_t n = strlen(line);
    if (n >= cap || (n && (line[0] == ' ' || line[n - 1] == ' ')))
        abort();
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            abort();
    /* a line stays what it is */
    char again[512];
    if (gw_text_line((gw_str){line, n}, again, sizeof(again)) || strcmp(again, line) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[256], small[9], shown[GW_URL_SHOWN_MAX], text[300];
    gw_str body = {(const char *)data, size};
    gw_reply_reason(body, line, sizeof(line));
    check(line, sizeof(line));
    gw_reply_reason(body, small, sizeof(small));
    check(small, sizeof(small));
    size_t n = GW_MIN(size, sizeof(text) - 1);
    if (n)
        memcpy(text, data, n);
    text[n] = '\0';
    gw_url_shown(text, shown);
    return 0;
}
