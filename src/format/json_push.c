#include "format/json_push.h"

#include "base/mem.h"

/* Where the next byte falls. */
enum { BETWEEN, IN_STRING, IN_ESCAPE, IN_HEX, IN_WORD };

/* What may come next between tokens. */
enum { VALUE, VALUE_OR_END, KEY, KEY_OR_END, COLON, COMMA_OR_END, NOTHING };

/* What a byte is inside a string and inside a word (a number or literal). */
enum { STRING_SPECIAL = 1, WORD_PART = 2, BLANK = 4 };

static const uint8_t byte_class[256] = {
    [0 ... 8] = STRING_SPECIAL,
    ['\t'] = STRING_SPECIAL | BLANK,
    ['\n'] = STRING_SPECIAL | BLANK,
    [11 ... 12] = STRING_SPECIAL,
    ['\r'] = STRING_SPECIAL | BLANK,
    [14 ... 31] = STRING_SPECIAL,
    [' '] = BLANK,
    ['"'] = STRING_SPECIAL,
    ['\\'] = STRING_SPECIAL,
    ['+'] = WORD_PART,
    ['-'] = WORD_PART,
    ['.'] = WORD_PART,
    ['0' ... '9'] = WORD_PART,
    ['A' ... 'Z'] = WORD_PART,
    ['a' ... 'z'] = WORD_PART,
};

void gw_json_push_init(gw_json_push *j, gw_json_token_fn fn, void *ctx)
{
    *j = (gw_json_push){.fn = fn, .ctx = ctx};
    gw_buf_init(&j->text, GW_JSON_PUSH_MAX_TEXT);
}

void gw_json_push_free(gw_json_push *j)
{
    gw_buf_free(&j->text);
}

void gw_json_push_reset(gw_json_push *j)
{
    gw_buf text = j->text;
    gw_buf_clear(&text);
    *j = (gw_json_push){.fn = j->fn, .ctx = j->ctx, .text = text};
}

static bool in_object(const gw_json_push *j)
{
    return j->depth > 0 && j->objects >> (j->depth - 1) & 1;
}

static void value_ended(gw_json_push *j)
{
    j->expect = j->depth == 0 ? NOTHING : COMMA_OR_END;
}

static int unexpected(const gw_json_push *j, unsigned char c, uint64_t at, gw_error *e)
{
    static const char *const wanted[] = {
        [VALUE] = "a value",        [VALUE_OR_END] = "a value or ]",
        [KEY] = "a quoted name",    [KEY_OR_END] = "a quoted name or }",
        [COLON] = "a colon",        [COMMA_OR_END] = "a comma or the end of what is open",
        [NOTHING] = "nothing more",
    };
    char shown[8];
    snprintf(shown, sizeof(shown), c > ' ' && c < 0x7f ? "'%c'" : "0x%02x", c);
    return gw_fail(e, GW_ECORRUPT, "not JSON: %s stands at byte %" PRIu64 " where %s is expected", shown,
                   at + 1, wanted[j->expect]);
}

static int open_container(gw_json_push *j, bool object, gw_error *e)
{
    if (j->depth == GW_JSON_PUSH_MAX_DEPTH)
        return gw_fail(e, GW_ELIMIT, "JSON is nested more than %d deep", GW_JSON_PUSH_MAX_DEPTH);
    uint64_t bit = UINT64_C(1) << j->depth++;
    j->objects = object ? j->objects | bit : j->objects & ~bit;
    j->expect = object ? KEY_OR_END : VALUE_OR_END;
    return j->fn(j->ctx, object ? GW_JSON_OBJECT_BEGIN : GW_JSON_ARRAY_BEGIN, (gw_str){"", 0}, e);
}

static int close_container(gw_json_push *j, bool object, gw_error *e)
{
    j->depth--;
    value_ended(j);
    return j->fn(j->ctx, object ? GW_JSON_OBJECT_END : GW_JSON_ARRAY_END, (gw_str){"", 0}, e);
}

/* A byte between tokens that is no blank. Strings and words only change the state here. */
static int between(gw_json_push *j, unsigned char c, uint64_t at, gw_error *e)
{
    bool value = j->expect == VALUE || j->expect == VALUE_OR_END;
    switch (c) {
    case '"':
        if (!value && j->expect != KEY && j->expect != KEY_OR_END)
            break;
        j->state = IN_STRING;
        return 0;
    case '{':
    case '[':
        if (!value)
            break;
        return open_container(j, c == '{', e);
    case '}':
        if (!in_object(j) || (j->expect != COMMA_OR_END && j->expect != KEY_OR_END))
            break;
        return close_container(j, true, e);
    case ']':
        if (j->depth == 0 || in_object(j) || (j->expect != COMMA_OR_END && j->expect != VALUE_OR_END))
            break;
        return close_container(j, false, e);
    case ',':
        if (j->expect != COMMA_OR_END)
            break;
        j->expect = in_object(j) ? KEY : VALUE;
        return 0;
    case ':':
        if (j->expect != COLON)
            break;
        j->expect = VALUE;
        return 0;
    default:
        if (!value || !(byte_class[c] & WORD_PART))
            break;
        j->state = IN_WORD;
        return 0;
    }
    return unexpected(j, c, at, e);
}

static int text_check(const gw_json_push *j, gw_error *e)
{
    return gw_buf_check(&j->text, "a string in the JSON", e);
}

/* The whole text of a token that may have begun in the buffer; the buffer is cleared once the token is handed
 * on. */
static int gather(gw_json_push *j, const char *p, size_t n, gw_str *ret, gw_error *e)
{
    *ret = (gw_str){p, n};
    if (j->text.len == 0)
        return text_check(j, e);
    gw_buf_add(&j->text, p, n);
    *ret = (gw_str){j->text.data, j->text.len};
    return text_check(j, e);
}

static void add_code_point(gw_json_push *j, uint32_t c)
{
    char out[4];
    size_t n = 0;
    if (c < 0x80) {
        out[n++] = (char)c;
    } else if (c < 0x800) {
        out[n++] = (char)(0xc0 | c >> 6);
        out[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        out[n++] = (char)(0xe0 | c >> 12);
        out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        out[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        out[n++] = (char)(0xf0 | c >> 18);
        out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        out[n++] = (char)(0x80 | (c & 0x3f));
    }
    gw_buf_add(&j->text, out, n);
}

#define REPLACEMENT 0xfffd

/* A high surrogate whose low one did not come. */
static void drop_lone_high(gw_json_push *j)
{
    if (j->high) {
        j->high = 0;
        add_code_point(j, REPLACEMENT);
    }
}

static int string_ended(gw_json_push *j, const char *p, size_t n, gw_error *e)
{
    gw_str text;
    drop_lone_high(j);
    int rc = gather(j, p, n, &text, e);
    if (rc)
        return rc;
    bool key = j->expect == KEY || j->expect == KEY_OR_END;
    j->state = BETWEEN;
    if (key)
        j->expect = COLON;
    else
        value_ended(j);
    rc = j->fn(j->ctx, key ? GW_JSON_KEY : GW_JSON_STRING, text, e);
    gw_buf_clear(&j->text);
    return rc;
}

/* Takes from *s what belongs to the string; ends at its quote, at an escape, or with the piece. */
static int in_string(gw_json_push *j, const char **s, const char *end, const char *piece, gw_error *e)
{
    const char *p = *s, *q = p;
    while (q < end && !(byte_class[(unsigned char)*q] & STRING_SPECIAL))
        q++;
    size_t n = (size_t)(q - p);
    *s = q < end ? q + 1 : q;
    if (q < end && *q == '"')
        return string_ended(j, p, n, e);
    if (n > 0)
        drop_lone_high(j);
    gw_buf_add(&j->text, p, n);
    if (q == end)
        return text_check(j, e);
    if (*q != '\\')
        return gw_fail(e, GW_ECORRUPT, "not JSON: a control character 0x%02x in a string at byte %" PRIu64,
                       (unsigned char)*q, j->offset + (uint64_t)(q - piece) + 1);
    j->state = IN_ESCAPE;
    return text_check(j, e);
}

static int in_escape(gw_json_push *j, char c, uint64_t at, gw_error *e)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (c == 'u') {
        j->state = IN_HEX;
        j->hex_left = 4;
        j->hex = 0;
        return 0;
    }
    const char *known = c ? strchr(from, c) : NULL;
    if (!known)
        return gw_fail(e, GW_ECORRUPT, "not JSON: an unknown escape at byte %" PRIu64, at + 1);
    drop_lone_high(j);
    gw_buf_putc(&j->text, to[known - from]);
    j->state = IN_STRING;
    return 0;
}

static int in_hex(gw_json_push *j, char c, uint64_t at, gw_error *e)
{
    static const char digits[] = "0123456789abcdef";
    const char *digit = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    if (!digit)
        return gw_fail(e, GW_ECORRUPT, "not JSON: an unknown \\u escape at byte %" PRIu64, at + 1);
    j->hex = j->hex << 4 | (uint32_t)(digit - digits);
    if (--j->hex_left > 0)
        return 0;
    j->state = IN_STRING;
    uint32_t c16 = j->hex;
    if (j->high && c16 >= 0xdc00 && c16 <= 0xdfff) {
        add_code_point(j, 0x10000 + ((j->high - 0xd800) << 10) + (c16 - 0xdc00));
        j->high = 0;
        return 0;
    }
    drop_lone_high(j);
    if (c16 >= 0xd800 && c16 <= 0xdbff)
        j->high = c16;
    else
        add_code_point(j, c16 >= 0xdc00 && c16 <= 0xdfff ? REPLACEMENT : c16);
    return 0;
}

static size_t count_digits(gw_str s, size_t from)
{
    size_t i = from;
    while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
        i++;
    return i - from;
}

/* number = [-] int [. digits] [e [+-] digits], int without leading zeros */
static bool is_number(gw_str s)
{
    size_t i = s.n > 0 && s.p[0] == '-', n = count_digits(s, i);
    if (n == 0 || (n > 1 && s.p[i] == '0'))
        return false;
    i += n;
    if (i < s.n && s.p[i] == '.') {
        n = count_digits(s, i + 1);
        if (n == 0)
            return false;
        i += 1 + n;
    }
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
        n = count_digits(s, i);
        if (n == 0)
            return false;
        i += n;
    }
    return i == s.n;
}

static int word_ended(gw_json_push *j, const char *p, size_t n, uint64_t at, gw_error *e)
{
    gw_str text;
    int rc = gather(j, p, n, &text, e);
    if (rc)
        return rc;
    gw_json_token token = GW_JSON_NUMBER;
    if (gw_str_is(text, "true"))
        token = GW_JSON_TRUE;
    else if (gw_str_is(text, "false"))
        token = GW_JSON_FALSE;
    else if (gw_str_is(text, "null"))
        token = GW_JSON_NULL;
    else if (!is_number(text))
        return gw_fail(e, GW_ECORRUPT,
                       "not JSON: '%.*s' before byte %" PRIu64 " is neither a number nor a literal",
                       (int)GW_MIN(text.n, 40), text.p, at + 1);
    j->state = BETWEEN;
    value_ended(j);
    rc = j->fn(j->ctx, token, text, e);
    gw_buf_clear(&j->text);
    return rc;
}

static int in_word(gw_json_push *j, const char **s, const char *end, const char *piece, gw_error *e)
{
    const char *p = *s, *q = p;
    while (q < end && byte_class[(unsigned char)*q] & WORD_PART)
        q++;
    *s = q;
    if (q < end)
        return word_ended(j, p, (size_t)(q - p), j->offset + (uint64_t)(q - piece), e);
    gw_buf_add(&j->text, p, (size_t)(q - p));
    return text_check(j, e);
}

int gw_json_push_feed(gw_json_push *j, const char *piece, size_t n, gw_error *e)
{
    const char *s = piece, *end = piece + n;
    while (s < end) {
        int rc = 0;
        uint64_t at = j->offset + (uint64_t)(s - piece);
        switch (j->state) {
        case BETWEEN:
            if (byte_class[(unsigned char)*s] & BLANK) {
                s++;
                break;
            }
            rc = between(j, (unsigned char)*s, at, e);
            s += j->state != IN_WORD; /* a word's first byte is part of it */
            break;
        case IN_STRING:
            rc = in_string(j, &s, end, piece, e);
            break;
        case IN_ESCAPE:
            rc = in_escape(j, *s++, at, e);
            break;
        case IN_HEX:
            rc = in_hex(j, *s++, at, e);
            break;
        case IN_WORD:
            rc = in_word(j, &s, end, piece, e);
            break;
        }
        if (rc)
            return rc;
    }
    j->offset += n;
    return 0;
}

int gw_json_push_finish(gw_json_push *j, gw_error *e)
{
    if (j->state == IN_WORD && j->depth == 0) { /* only there does the end of the text end a word */
        int rc = word_ended(j, "", 0, j->offset, e);
        if (rc)
            return rc;
    }
    if (j->state != BETWEEN || j->expect != NOTHING)
        return j->offset ? gw_fail(e, GW_ETIMEOUT, "JSON is cut off after %" PRIu64 " bytes", j->offset)
                         : gw_fail(e, GW_ETIMEOUT, "JSON is cut off: there is not one byte");
    return 0;
}
