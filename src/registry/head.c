/* What the lines of an answer's head say. Nothing here fails: a line that is not understood is as
 * good as none. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "registry/internal.h"

#define RETRY_AFTER_MAX_S 1000000000 /* only so that nothing overflows */

struct view head_get(const struct strings *headers, const char *name)
{
    vec_each (line, headers) {
        struct view value = view_of(*line), key;

        if (view_cut(&value, ':', &key) && value.at && view_eq_nocase(view_trim(key), name))
            return view_trim(value);
    }
    return (struct view){NULL, 0};
}

/* "a-b" */
static bool read_span(struct view text, uint64_t *ret_first, uint64_t *ret_last)
{
    struct view last = text, first;

    return view_cut(&last, '-', &first) && last.at && view_to_u64(view_trim(first), ret_first) &&
           view_to_u64(view_trim(last), ret_last) && *ret_first <= *ret_last;
}

bool head_content_range(struct view text, struct head_range *ret)
{
    struct view total, span;
    struct head_range r;

    if (!view_starts(text, "bytes "))
        return false;
    total = view_make(text.at + strlen("bytes "), text.size - strlen("bytes "));
    if (!view_cut(&total, '/', &span) || !total.at || !read_span(span, &r.first, &r.last))
        return false;
    total = view_trim(total);
    r.total = UINT64_MAX;
    if (!view_eq_text(total, "*") && (!view_to_u64(total, &r.total) || r.last >= r.total))
        return false;
    *ret = r;
    return true;
}

bool head_upload_range(struct view text, uint64_t *ret_last)
{
    uint64_t first;

    text = view_trim(text);
    if (view_starts(text, "bytes="))
        text = view_make(text.at + strlen("bytes="), text.size - strlen("bytes="));
    return text.at && read_span(text, &first, ret_last) && first == 0;
}

int64_t head_retry_after(struct view text, int64_t unix_s)
{
    cleanup_free char *copy = text.at ? view_dup(text) : NULL;
    struct tm tm = {0};
    uint64_t seconds;

    if (!copy)
        return -1;
    if (view_to_u64(text, &seconds))
        return (int64_t)MIN(seconds, RETRY_AFTER_MAX_S) * 1000;
    const char *end = strptime(copy, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!end || *end)
        return -1;
    const int64_t wait = (int64_t)timegm(&tm) - unix_s;
    return wait <= 0 ? 0 : MIN(wait, RETRY_AFTER_MAX_S) * 1000;
}

/* One link: "<url>; rel=next; ..." without the '<'. */
static bool is_next(struct view parameters)
{
    struct view part;

    while (view_cut(&parameters, ';', &part)) {
        struct view value = view_trim(part), key;

        if (!view_cut(&value, '=', &key) || !value.at || !view_eq_nocase(view_trim(key), "rel"))
            continue;
        value = view_trim(value);
        if (view_eq_nocase(value, "next") || view_eq_nocase(value, "\"next\""))
            return true;
    }
    return false;
}

bool head_next_link(struct view text, struct view *ret)
{
    while (text.size > 0) {
        const char *open = memchr(text.at, '<', text.size);
        const char *end = text.at + text.size;
        const char *close = open ? memchr(open, '>', (size_t)(end - open)) : NULL;

        if (!close)
            return false;
        /* what belongs to this link ends at the next one */
        const char *next = memchr(close, '<', (size_t)(end - close));
        const char *until = next ? next : end;
        const char *comma = memrchr(close, ',', (size_t)(until - close));
        const char *stop = next && comma ? comma : until;
        if (is_next(view_make(close + 1, (size_t)(stop - close - 1)))) {
            *ret = view_make(open + 1, (size_t)(close - open - 1));
            return true;
        }
        text = view_make(until, (size_t)(end - until));
    }
    return false;
}

bool head_warning(struct view text, struct str *ret)
{
    const char *open =
        text.at && view_starts(text, "299 ") ? memchr(text.at, '"', text.size) : NULL;
    const char *end = text.at + text.size;

    str_clear(ret);
    if (!open)
        return false;
    for (const char *p = open + 1; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end)
            p++;
        str_add_char(ret, *p);
    }
    return ret->size > 0;
}
