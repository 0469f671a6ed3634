/* heredoc.c - <<EOF: which words open one, and the lines that belong to it. */
#include <ctype.h>

#include "dockerfile/internal.h"

/* The next word of a line, cut at blanks outside quotes, quotes and escapes left in it (the escape
 * is always '\' here, BuildKit). 0 at the end, -1 for an unclosed quote. */
static int next_word(struct view *rest, struct view *ret)
{
    char quote = '\0';
    size_t n = 0;

    *rest = trim_blanks(*rest);
    while (n < rest->size && (quote || !is_blank(rest->at[n]))) {
        const char c = rest->at[n++];

        if (quote && c == quote)
            quote = '\0';
        else if (!quote && (c == '"' || c == '\''))
            quote = c;
        else if (c == '\\' && quote != '\'' && n < rest->size)
            n++;
    }
    *ret = view_make(rest->at, n);
    *rest = view_make(rest->at + n, rest->size - n);
    return quote ? -1 : n > 0;
}

/* Removes quotes and escapes. */
static void unquote(struct view text, struct str *ret, bool *ret_quoted)
{
    char quote = '\0';

    for (size_t i = 0; i < text.size; i++) {
        const char c = text.at[i], next = i + 1 < text.size ? text.at[i + 1] : '\0';

        if (quote ? c == quote : c == '"' || c == '\'') {
            quote = quote ? '\0' : c;
            *ret_quoted = true;
        } else if (c == '\\' && (!quote || (quote == '"' && next && strchr("\"$\\", next)))) {
            if (next)
                str_add_char(ret, next);
            i++;
        } else {
            str_add_char(ret, c);
        }
    }
}

/* <<NAME; with an empty name when nothing follows the '<<' or '<<-'. */
static bool read_opener(struct arena *arena, struct view word, struct heredoc *ret)
{
    struct view rest = word;
    uint64_t fd = 0;
    bool quoted = false;
    STR_AUTO(name);

    while (rest.size > 0 && isdigit((unsigned char)rest.at[0]))
        rest = view_make(rest.at + 1, rest.size - 1);
    if (!view_starts(rest, "<<"))
        return false;
    if (rest.at > word.at && !view_to_u64(view_make(word.at, (size_t)(rest.at - word.at)), &fd))
        fd = 0;
    rest = view_make(rest.at + 2, rest.size - 2);
    const bool chomp = rest.size > 0 && rest.at[0] == '-';
    if (chomp)
        rest = view_make(rest.at + 1, rest.size - 1);
    if (rest.size > 0 && memchr(rest.at, '<', rest.size))
        return false;
    unquote(rest, &name, &quoted);
    if (name.size == 0 && rest.size > 0)
        return false;
    *ret = (struct heredoc){.opener = word, .fd = (unsigned)fd, .expand = !quoted, .chomp = chomp};
    ret->name = view_make(arena_strndup(arena, name.at, name.size), name.size);
    return true;
}

/* The line that ends the body, from r->next on; line_count when there is none. */
static size_t find_end(const struct reader *r, const struct heredoc *h)
{
    for (size_t i = r->next; i < r->line_count; i++) {
        struct view line = reader_line(r, i);

        while (h->chomp && line.size > 0 && line.at[0] == '\t')
            line = view_make(line.at + 1, line.size - 1);
        if (view_eq(line, h->name))
            return i;
    }
    return r->line_count;
}

static struct view cut_tabs(struct arena *arena, struct view raw)
{
    STR_AUTO(text);

    for (size_t i = 0; i < raw.size;) {
        while (i < raw.size && raw.at[i] == '\t')
            i++;
        const char *newline = memchr(raw.at + i, '\n', raw.size - i);
        const size_t end = newline ? (size_t)(newline - raw.at) + 1 : raw.size;
        str_add(&text, view_make(raw.at + i, end - i));
        i = end;
    }
    return view_make(arena_strndup(arena, text.at, text.size), text.size);
}

static int read_body(struct reader *r, const struct logical *l, struct heredoc *h,
                     struct error *err)
{
    const size_t end = find_end(r, h), begin_at = r->line_at[r->next];

    if (end == r->line_count)
        return fail_at(r, logical_span(l, h->opener), err,
                       "unterminated heredoc: no line is '%.80s'", h->name.at);
    h->raw = view_make(r->source.at + begin_at, r->line_at[end] - begin_at);
    h->content = h->chomp ? cut_tabs(r->arena, h->raw) : h->raw;
    h->span = reader_span(r, begin_at, r->line_at[end]);
    r->next = end + 1;
    return 0;
}

/* "<< EOF", with blanks between, is an opener only if a line ends it: else "1 << x" of arithmetic
 * would be one. */
static bool join_name(const struct reader *r, struct view *rest, struct heredoc *h)
{
    struct view name;
    struct view after = *rest;

    if (next_word(&after, &name) <= 0)
        return false;
    struct heredoc joined = *h;
    STR_AUTO(text);
    str_add(&text, h->opener);
    str_add(&text, name);
    if (!read_opener(r->arena, str_view(&text), &joined) || joined.name.size == 0 ||
        find_end(r, &joined) == r->line_count)
        return false;
    joined.opener = view_make(h->opener.at, (size_t)(name.at + name.size - h->opener.at));
    *h = joined;
    *rest = after;
    return true;
}

int heredocs_read(struct reader *r, struct logical *l, struct instruction *in, struct error *err)
{
    VEC(struct heredoc) found = {0};
    struct view rest = in->rest, word;
    int r2 = 0, more;

    while (r2 == 0 && (more = next_word(&rest, &word)) != 0) {
        struct heredoc h;

        if (more < 0) { /* an unclosed quote: then nothing on the line is an opener (BuildKit) */
            found.size = 0;
            break;
        }
        if (!read_opener(r->arena, word, &h) || (h.name.size == 0 && !join_name(r, &rest, &h)))
            continue;
        vec_push(&found, h);
    }
    for (size_t i = 0; r2 == 0 && i < found.size; i++)
        r2 = read_body(r, l, &found.at[i], err);
    if (r2 == 0 && found.size > 0) {
        in->heredocs = arena_alloc(r->arena, found.size * sizeof(struct heredoc));
        memcpy(in->heredocs, found.at, found.size * sizeof(struct heredoc));
        in->heredoc_count = found.size;
        l->last_line = (uint32_t)r->next;
    }
    vec_done(&found);
    return r2;
}
