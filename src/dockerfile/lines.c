/* lines.c - physical lines to logical ones: directives, comments, continuations. */
#include <ctype.h>
#include <errno.h>

#include "dockerfile/internal.h"

bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct view trim_blanks(struct view v)
{
    while (v.size > 0 && is_blank(v.at[0]))
        v = view_make(v.at + 1, v.size - 1);
    while (v.size > 0 && is_blank(v.at[v.size - 1]))
        v.size--;
    return v;
}

static struct view trim_left(struct view v)
{
    while (v.size > 0 && is_blank(v.at[0]))
        v = view_make(v.at + 1, v.size - 1);
    return v;
}

struct view cut_word(struct view *rest)
{
    size_t size = 0;

    while (size < rest->size && !is_blank(rest->at[size]))
        size++;
    const struct view word = view_make(rest->at, size);
    *rest = trim_left(view_make(rest->at + size, rest->size - size));
    return word;
}

struct view reader_raw_line(const struct reader *r, size_t line)
{
    return view_make(r->source.at + r->line_at[line], r->line_at[line + 1] - r->line_at[line]);
}

struct view reader_line(const struct reader *r, size_t line)
{
    struct view v = reader_raw_line(r, line);

    while (v.size > 0 && (v.at[v.size - 1] == '\n' || v.at[v.size - 1] == '\r'))
        v.size--;
    return v;
}

static void place(const size_t *line_at, size_t line_count, size_t offset, uint32_t *ret_line,
                  uint32_t *ret_column)
{
    size_t low = 0, high = line_count;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (line_at[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    *ret_line = (uint32_t)low + 1;
    *ret_column = (uint32_t)(offset - line_at[low]) + 1;
}

static struct span make_span(const size_t *line_at, size_t line_count, size_t begin, size_t end)
{
    struct span s = {0};

    place(line_at, line_count, begin, &s.line, &s.column);
    if (end > begin) {
        place(line_at, line_count, end - 1, &s.end_line, &s.end_column);
        s.end_column++;
    } else {
        s.end_line = s.line;
        s.end_column = s.column;
    }
    return s;
}

struct span reader_span(const struct reader *r, size_t begin, size_t end)
{
    return make_span(r->line_at, r->line_count, begin, end);
}

struct span dockerfile_span(const struct dockerfile *d, size_t begin, size_t end)
{
    return make_span(d->line_at, d->line_count, begin, end);
}

static size_t find_segment(const struct segment *segments, size_t count, size_t at)
{
    size_t low = 0, high = count;

    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (segments[middle].at <= at)
            low = middle;
        else
            high = middle;
    }
    return segments[low].source + (at - segments[low].at);
}

static size_t to_source(const struct logical *l, size_t at)
{
    return find_segment(l->segments, l->segment_count, at);
}

ssize_t instruction_offset(const struct dockerfile *d, const struct instruction *in, const char *at)
{
    if (at >= in->joined.at && at <= in->joined.at + in->joined.size)
        return (ssize_t)find_segment(in->segments, in->segment_count, (size_t)(at - in->joined.at));
    if (at >= d->source.at && at <= d->source.at + d->source.size)
        return at - d->source.at;
    return -1;
}

struct span logical_span(const struct logical *l, struct view part)
{
    const size_t begin = (size_t)(part.at - l->text.at);

    if (part.size == 0) {
        const size_t at = to_source(l, begin);
        return reader_span(l->reader, at, at);
    }
    return reader_span(l->reader, to_source(l, begin), to_source(l, begin + part.size - 1) + 1);
}

int fail_at(const struct reader *r, struct span span, struct error *err, const char *fmt, ...)
{
    STR_AUTO(text);
    va_list ap;

    va_start(ap, fmt);
    str_vprintf(&text, fmt, ap);
    va_end(ap);
    error_set(err, -EINVAL, "%s", text.at);
    return source_error_at(err, -EINVAL, r->name, span);
}

/* A lone escape character at the end of a line, blanks behind it or not, joins it to the next; two
 * of them do not (BuildKit). */
static bool cut_continuation(const struct reader *r, struct view *line)
{
    size_t size = line->size;

    while (size > 0 && (line->at[size - 1] == ' ' || line->at[size - 1] == '\t'))
        size--;
    if (size == 0 || line->at[size - 1] != r->escape ||
        (size > 1 && line->at[size - 2] == r->escape))
        return false;
    line->size = size - 1;
    return true;
}

static bool is_comment(struct view line)
{
    const struct view v = trim_left(line);

    return v.size > 0 && v.at[0] == '#';
}

static struct word make_comment(struct reader *r, struct view line)
{
    const struct view v = trim_left(line);
    const size_t begin = (size_t)(v.at - r->source.at);
    const struct word comment = {trim_blanks(view_make(v.at + 1, v.size - 1)),
                                 reader_span(r, begin, begin + v.size)};

    vec_push(&r->comments, comment);
    return comment;
}

static void warn_empty_continuation(struct reader *r, size_t line)
{
    const struct dockerfile_warning w = {
        "NoEmptyContinuation",
        arena_strdup(r->arena, "empty line inside an instruction that goes on"),
        reader_span(r, r->line_at[line], r->line_at[line])};

    vec_push(&r->warnings, w);
}

struct joined {
    struct str text;
    VEC(struct segment) segments;
};

static void joined_done(struct joined *j)
{
    str_done(&j->text);
    vec_done(&j->segments);
}

static void join(const struct reader *r, struct joined *j, struct view part)
{
    vec_push(&j->segments, (struct segment){j->text.size, (size_t)(part.at - r->source.at)});
    str_add(&j->text, part);
}

/* The lines behind a continuation: comments are dropped, empty ones too, with a warning. */
static void join_following(struct reader *r, struct joined *j)
{
    bool warned = false;

    for (bool more = true; more && r->next < r->line_count;) {
        struct view line = reader_line(r, r->next++);

        if (is_comment(line)) {
            make_comment(r, line);
        } else if (trim_left(line).size == 0) {
            if (!warned)
                warn_empty_continuation(r, r->next - 1);
            warned = true;
        } else {
            more = cut_continuation(r, &line);
            join(r, j, line);
        }
    }
}

static void keep_comments(struct reader *r, const struct word_list *list, const struct word **ret,
                          size_t *ret_count)
{
    struct word *copy = arena_alloc(r->arena, (list->size + 1) * sizeof(*copy));

    if (list->size > 0)
        memcpy(copy, list->at, list->size * sizeof(*copy));
    *ret = copy;
    *ret_count = list->size;
}

static void finish(struct reader *r, const struct joined *j, size_t first, struct logical *ret)
{
    struct segment *segments = arena_alloc(r->arena, j->segments.size * sizeof(*segments));

    memcpy(segments, j->segments.at, j->segments.size * sizeof(*segments));
    *ret =
        (struct logical){r,
                         view_make(arena_strndup(r->arena, j->text.at, j->text.size), j->text.size),
                         segments,
                         j->segments.size,
                         (uint32_t)first + 1,
                         (uint32_t)r->next};
}

int reader_next(struct reader *r, struct logical *ret, const struct word **ret_comments,
                size_t *ret_comment_count, struct error *err)
{
    struct word_list comments = {0};
    int found = 0;

    while (found == 0 && r->next < r->line_count) {
        const size_t first = r->next++;
        struct view line = trim_left(reader_line(r, first));
        CLEANUP(joined_done) struct joined j = {STR_INIT, {0}};

        if (is_comment(line)) {
            const struct word comment = make_comment(r, line);
            if (comment.text.size > 0)
                vec_push(&comments, comment);
            else
                comments.size = 0;
            continue;
        }
        const bool more = cut_continuation(r, &line);
        if (!more && line.size == 0)
            continue;
        join(r, &j, line);
        if (more)
            join_following(r, &j);
        if (trim_blanks(str_view(&j.text)).size == 0)
            continue;
        finish(r, &j, first, ret);
        found = 1;
    }
    (void)err;
    keep_comments(r, &comments, ret_comments, ret_comment_count);
    vec_done(&comments);
    return found;
}
