#include "dockerfile/source.h"

#include <ctype.h>
#include <errno.h>

#include "base/text.h"

#define EXCERPT_WIDTH 120 /* columns of a source line that are shown */

static struct view find_line(struct view source, uint32_t number)
{
    struct view line = {0};

    for (uint32_t i = 0; i < number; i++)
        if (!source.at || !view_cut(&source, '\n', &line))
            return (struct view){0};
    return line;
}

static void add_visible(struct str *ret, struct view v)
{
    for (size_t i = 0, size; i < v.size; i += MAX(size, (size_t)1)) {
        size = text_control(view_make(v.at + i, v.size - i));
        str_add_char(ret, size > 0 ? '?' : v.at[i] == '\t' ? ' ' : v.at[i]);
    }
}

void source_excerpt(struct view source, struct span span, struct str *ret)
{
    struct view line = span.line > 0 ? find_line(source, span.line) : (struct view){0};
    size_t begin = span.column > 0 ? span.column - 1 : 0, end;

    if (!line.at)
        return;
    while (line.size > 0 && line.at[line.size - 1] == '\r')
        line.size--;
    begin = MIN(begin, line.size);
    if (span.end_line > span.line)
        end = line.size;
    else if (span.end_column > span.column)
        end = span.end_column - 1;
    else /* a point: the word that begins there */
        for (end = begin; end < line.size && line.at[end] != ' ' && line.at[end] != '\t';)
            end++;
    end = MAX(MIN(end, line.size), begin);
    const size_t cut =
        begin > EXCERPT_WIDTH / 2 && line.size > EXCERPT_WIDTH ? begin - EXCERPT_WIDTH / 2 : 0;
    const struct view shown = view_make(line.at + cut, MIN(line.size - cut, EXCERPT_WIDTH));
    end = MIN(end, cut + shown.size);

    str_printf(ret, "%6u | %s", span.line, cut > 0 ? "..." : "");
    add_visible(ret, shown);
    str_printf(ret, "%s\n       | %s", cut + shown.size < line.size ? "..." : "",
               cut > 0 ? "   " : "");
    for (size_t i = text_columns(view_make(line.at + cut, begin - cut)); i > 0; i--)
        str_add_char(ret, ' ');
    str_add_char(ret, '^');
    for (size_t i = text_columns(view_make(line.at + begin, end - begin)); i > 1; i--)
        str_add_char(ret, '~');
    str_add_char(ret, '\n');
}

bool source_where(const char *where, const char *name, struct span *ret)
{
    const size_t size = strlen(name);
    uint64_t line = 0, column = 1;
    struct view rest, part;

    if (!where || strncmp(where, name, size) != 0 || where[size] != ':')
        return false;
    rest = view_of(where + size + 1);
    if (!view_cut(&rest, ':', &part) || !view_to_u64(part, &line) || line == 0 || line > UINT32_MAX)
        return false;
    if (rest.at &&
        (!view_cut(&rest, ':', &part) || !view_to_u64(part, &column) || column > UINT32_MAX))
        return false;
    *ret = (struct span){(uint32_t)line, (uint32_t)column, (uint32_t)line, (uint32_t)column};
    return true;
}

int source_error_at(struct error *err, int code, const char *name, struct span span)
{
    if (span.line == 0)
        return code;
    return error_at(err, code, "%s:%u:%u", name, span.line, span.column);
}

/* Levenshtein's distance, ASCII case ignored; limit + 1 stands for anything above limit. */
static size_t distance(struct view a, struct view b, size_t limit)
{
    size_t row[64];

    if (a.size >= ARRAY_SIZE(row) || b.size >= ARRAY_SIZE(row))
        return limit + 1;
    for (size_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            const bool same =
                tolower((unsigned char)a.at[i - 1]) == tolower((unsigned char)b.at[j - 1]);
            const size_t swap = diagonal + !same;

            diagonal = row[j];
            row[j] = MIN(swap, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return MIN(row[b.size], limit + 1);
}

const char *source_nearest(struct view word, const char *const candidates[], size_t count)
{
    const size_t limit = word.size < 3 ? 1 : word.size < 8 ? 2 : 3;
    const char *best = NULL;
    size_t least = limit + 1;

    for (size_t i = 0; i < count; i++) {
        const size_t d = distance(word, view_of(candidates[i]), limit);

        if (d < least && d < word.size) {
            least = d;
            best = candidates[i];
        }
    }
    return best;
}
