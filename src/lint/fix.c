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

/* ---- the diff ---- */

#define AHEAD_MAX                                                                                  \
    400 /* lines of both files that are looked through for where they are the same again */

struct line_list {
    struct view *at;
    size_t size, cap;
};

/* Lines [a, a_end) of the one have become [b, b_end) of the other. */
struct change {
    size_t a, a_end, b, b_end;
};
struct changes {
    struct change *at;
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

/* The nearest place behind a and b from which on a line is the same: what lies before it is the change. Edits are small, so it is
 * near; where it is not, all of the rest is one change, which is no shorter diff, but a right one. */
static struct change change_at(const struct line_list *x, const struct line_list *y, size_t a,
                               size_t b)
{
    for (size_t ahead = 1; ahead <= AHEAD_MAX; ahead++)
        for (size_t i = 0; i <= ahead; i++) {
            const size_t j = ahead - i;
            if (a + i < x->size && b + j < y->size && view_eq(x->at[a + i], y->at[b + j]))
                return (struct change){a, a + i, b, b + j};
        }
    return (struct change){a, x->size, b, y->size};
}

static void find_changes(const struct line_list *x, const struct line_list *y, struct changes *ret)
{
    size_t a = 0, b = 0;

    while (a < x->size || b < y->size) {
        if (a < x->size && b < y->size && view_eq(x->at[a], y->at[b])) {
            a++, b++;
            continue;
        }
        const struct change c = change_at(x, y, a, b);
        vec_push(ret, c);
        a = c.a_end;
        b = c.b_end;
    }
}

static void add_line(struct str *s, char sign, struct view line)
{
    str_add_char(s, sign);
    str_add(s, line);
    if (!view_ends(line, "\n"))
        str_add_text(s, "\n\\ No newline at end of file\n");
}

static void add_lines(struct str *s, char sign, const struct line_list *list, size_t begin,
                      size_t end)
{
    for (size_t i = begin; i < end; i++)
        add_line(s, sign, list->at[i]);
}

/* As diff -u counts: none begins behind the line before it, one needs no number. */
static void add_range(struct str *s, char sign, size_t begin, size_t end)
{
    str_printf(s, " %c%zu", sign, end > begin ? begin + 1 : begin);
    if (end - begin != 1)
        str_printf(s, ",%zu", end - begin);
}

/* Changes [first, end), whose surroundings touch. */
static void add_hunk(struct str *s, const struct line_list *x, const struct line_list *y,
                     const struct change *first, const struct change *end)
{
    const size_t before = MIN(first->a, (size_t)AROUND),
                 behind = MIN(x->size - end[-1].a_end, (size_t)AROUND);

    str_add_text(s, "@@");
    add_range(s, '-', first->a - before, end[-1].a_end + behind);
    add_range(s, '+', first->b - before, end[-1].b_end + behind);
    str_add_text(s, " @@\n");
    size_t at = first->a - before;
    for (const struct change *c = first; c < end; c++) {
        add_lines(s, ' ', x, at, c->a);
        add_lines(s, '-', x, c->a, c->a_end);
        add_lines(s, '+', y, c->b, c->b_end);
        at = c->a_end;
    }
    add_lines(s, ' ', x, at, at + behind);
}

void lint_fix_diff(struct view before, struct view after, const char *name, struct str *ret)
{
    struct line_list x = {0}, y = {0};
    struct changes list = {0};

    cut_lines(before, &x);
    cut_lines(after, &y);
    find_changes(&x, &y, &list);
    if (list.size > 0)
        str_printf(ret, "--- %s\n+++ %s\n", name, name);
    for (size_t i = 0, end; i < list.size; i = end) {
        for (end = i + 1; end < list.size && list.at[end].a - list.at[end - 1].a_end <= 2 * AROUND;)
            end++;
        add_hunk(ret, &x, &y, &list.at[i], list.at + end);
    }
    vec_done(&list);
    vec_done(&x);
    vec_done(&y);
}
