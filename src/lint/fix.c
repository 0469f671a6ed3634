#include "lint/fix.h"

#define AROUND 3 /* lines, as diff -u has it */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

struct piece {
    size_t begin, end;
    const char *text;
};
struct pieces {
    struct piece *at;
    size_t size, cap;
};

static int compare(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static bool offset_of(const struct dockerfile *d, uint32_t line, uint32_t column, size_t *ret)
{
    if (line == 0 || line > d->line_count || column == 0)
        return false;
    *ret = d->line_at[line - 1] + column - 1;
    return *ret <= d->source.size;
}

/* All of a finding's edits, or none. */
static void collect(const struct dockerfile *d, const struct lint_finding *f, struct pieces *ret)
{
    const size_t before = ret->size;

    for (size_t i = 0; i < f->edit_count; i++) {
        const struct span s = f->edits[i].span;
        struct piece p = {.text = f->edits[i].text};

        if (!offset_of(d, s.line, s.column, &p.begin) ||
            !offset_of(d, s.end_line, s.end_column, &p.end) || p.end < p.begin) {
            ret->size = before;
            return;
        }
        vec_push(ret, p);
    }
}

/* What overlaps with an edit before it waits for the next pass. */
static size_t apply(const struct dockerfile *d, struct pieces *list, struct str *ret)
{
    size_t at = 0, made = 0;

    if (list->size > 0)
        qsort(list->at, list->size, sizeof(*list->at), compare);
    vec_each (p, list) {
        if (p->begin < at || (made > 0 && p->begin == at))
            continue;
        str_add(ret, view_make(d->source.at + at, p->begin - at));
        str_add_text(ret, p->text);
        at = p->end;
        made++;
    }
    str_add(ret, view_make(d->source.at + at, d->source.size - at));
    return made;
}

/* One pass; 0: nothing to do. */
static size_t pass(const struct linter *l, struct view text, const char *name, struct str *ret)
{
    CLEANUP(lint_report_done) struct lint_report report = {0}, check = {0};
    struct pieces list = {0};
    size_t made;

    lint_text(l, text, name, &report);
    if (!report.dockerfile)
        return 0;
    vec_each (f, &report)
        collect(report.dockerfile, f, &list);
    if (view_starts(text, BYTE_ORDER_MARK)) /* the parser's text begins behind it */
        str_add_text(ret, BYTE_ORDER_MARK);
    made = apply(report.dockerfile, &list, ret);
    vec_done(&list);
    if (made == 0)
        return 0;
    lint_text(l, str_view(ret), name, &check);
    return check.dockerfile ? made : 0;
}

size_t lint_fix(const struct linter *l, struct view text, const char *name, struct str *ret)
{
    size_t total = 0;

    str_clear(ret);
    str_add(ret, text);
    for (unsigned i = 0; i < LINT_FIX_PASSES; i++) {
        STR_AUTO(next);
        const size_t made = pass(l, str_view(ret), name, &next);

        if (made == 0 || view_eq(str_view(&next), str_view(ret)))
            break;
        total += made;
        str_clear(ret);
        str_add(ret, str_view(&next));
    }
    return total;
}

/* ---- the diff: one hunk, from the first line that differs to the last ---- */

struct line_list {
    struct view *at;
    size_t size, cap;
};

static void cut_lines(struct view text, struct line_list *ret)
{
    while (text.size > 0) {
        const char *newline = memchr(text.at, '\n', text.size);
        const size_t size = newline ? (size_t)(newline - text.at) + 1 : text.size;
        vec_push(ret, view_make(text.at, size));
        text = view_make(text.at + size, text.size - size);
    }
}

static void add_line(struct str *s, char sign, struct view line)
{
    str_add_char(s, sign);
    str_add(s, line);
    if (!view_ends(line, "\n"))
        str_add_text(s, "\n\\ No newline at end of file\n");
}

void lint_fix_diff(struct view before, struct view after, const char *name, struct str *ret)
{
    struct line_list a = {0}, b = {0};
    size_t same = 0, tail = 0;

    cut_lines(before, &a);
    cut_lines(after, &b);
    while (same < a.size && same < b.size && view_eq(a.at[same], b.at[same]))
        same++;
    while (tail < a.size - same && tail < b.size - same &&
           view_eq(a.at[a.size - 1 - tail], b.at[b.size - 1 - tail]))
        tail++;
    if (same < a.size || same < b.size) {
        const size_t begin = same > AROUND ? same - AROUND : 0, more = MIN(tail, (size_t)AROUND);
        const size_t a_end = a.size - tail, b_end = b.size - tail;

        str_printf(ret, "--- %s\n+++ %s\n@@ -%zu,%zu +%zu,%zu @@\n", name, name, begin + 1,
                   a_end + more - begin, begin + 1, b_end + more - begin);
        for (size_t i = begin; i < same; i++)
            add_line(ret, ' ', a.at[i]);
        for (size_t i = same; i < a_end; i++)
            add_line(ret, '-', a.at[i]);
        for (size_t i = same; i < b_end; i++)
            add_line(ret, '+', b.at[i]);
        for (size_t i = a_end; i < a_end + more; i++)
            add_line(ret, ' ', a.at[i]);
    }
    vec_done(&a);
    vec_done(&b);
}
