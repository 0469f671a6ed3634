#include "lint/exceptions.h"

#include <ctype.h>
#include <errno.h>

#include "base/map.h"
#include "base/moment.h"
#include "base/vec.h"
#include "dockerfile/ignore.h"
#include "lint/internal.h"

#define NAME_SIZE 80 /* no rule has a longer one */

struct entry {
    struct lint_exception says;
    struct ignore *paths; /* NULL: all */
    struct entry *next;   /* of the same rule */
};

struct lint_exceptions {
    VEC(struct entry *) entries;
    struct map rules; /* in lower case -> the latest entry */
    struct arena *arena;
};

void lint_exceptions_free(struct lint_exceptions *e)
{
    if (!e)
        return;
    vec_each (entry, &e->entries)
        ignore_free((*entry)->paths);
    vec_done(&e->entries);
    map_done(&e->rules);
    arena_free(e->arena);
    free(e);
}

/* ---- reading ---- */

static bool read_number(struct view v, int *ret)
{
    uint64_t n;

    if (!view_to_u64(v, &n) || n > 9999)
        return false;
    *ret = (int)n;
    return true;
}

/* "2027-01-01": the second in which that day begins. */
static bool read_day(struct view v, int64_t *ret)
{
    int year, month, day;

    if (v.size != 10 || v.at[4] != '-' || v.at[7] != '-' ||
        !read_number(view_make(v.at, 4), &year) || !read_number(view_make(v.at + 5, 2), &month) ||
        !read_number(view_make(v.at + 8, 2), &day))
        return false;
    return moment_make(year, month, day, 0, 0, 0, ret);
}

static bool cut_word(struct view *rest, struct view *ret)
{
    *rest = view_trim(*rest);
    if (rest->size == 0 || rest->at[0] == '#')
        return false;
    size_t n = 0;
    while (n < rest->size && rest->at[n] != ' ' && rest->at[n] != '\t')
        n++;
    *ret = view_make(rest->at, n);
    *rest = view_make(rest->at + n, rest->size - n);
    return true;
}

static int read_word(struct entry *e, struct view word, int64_t now_s, struct error *err)
{
    cleanup_free char *text = view_dup(word);
    int64_t day;

    if (view_starts(word, "exp:")) {
        if (!read_day(view_make(word.at + 4, word.size - 4), &day))
            return error_set(err, -EINVAL, "'%.40s' is not exp:YYYY-MM-DD", text);
        e->says.expired = now_s >= day;
        return 0;
    }
    if (e->paths)
        return error_set(err, -EINVAL,
                         "a line is RULE [PATH] [exp:YYYY-MM-DD] [# why]; '%.40s' is "
                         "too much",
                         text);
    return ignore_new((const char *const[]){text}, 1, &e->paths, err);
}

static char *lower(struct arena *arena, struct view v)
{
    char *text = arena_strndup(arena, v.at, v.size);

    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return text;
}

static int read_line(struct lint_exceptions *x, struct view line, unsigned number, int64_t now_s,
                     struct error *err)
{
    struct view word;

    if (line.size > 0 && memchr(line.at, '\0', line.size))
        return error_set(err, -EINVAL, "it is no text: a NUL byte");
    if (!cut_word(&line, &word))
        return 0;
    if (x->entries.size >= EXCEPTIONS_MAX)
        return error_set(err, -EINVAL, "more than %d exceptions", EXCEPTIONS_MAX);
    struct entry *e = arena_new_object(x->arena, struct entry);
    const struct view key = view_of(lower(x->arena, word));
    *e = (struct entry){
        .says = {.line = number, .rule = arena_strndup(x->arena, word.at, word.size)},
        .next = map_get(&x->rules, key),
    };
    vec_push(&x->entries, e);
    map_set(&x->rules, key, e);
    while (cut_word(&line, &word)) {
        const int r = read_word(e, word, now_s, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int lint_exceptions_parse(struct view text, const char *name, int64_t now_s,
                          struct lint_exceptions **ret, struct error *err)
{
    CLEANUP(lint_exceptions_freep) struct lint_exceptions *x = xcalloc(1, sizeof(*x));
    struct view line;

    x->arena = arena_new();
    if (view_starts(text, "\xef\xbb\xbf"))
        text = view_make(text.at + 3, text.size - 3);
    for (unsigned number = 1; text.at && view_cut(&text, '\n', &line); number++) {
        const int r = read_line(x, line, number, now_s, err);
        if (r < 0)
            return error_at(err, r, "%s:%u:1", name, number);
    }
    *ret = steal(x);
    return 0;
}

/* ---- asking ---- */

static struct view plain_path(struct view path)
{
    while (view_starts(path, "./") || view_starts(path, "/"))
        path = view_make(path.at + (path.at[0] == '/' ? 1 : 2),
                         path.size - (path.at[0] == '/' ? 1 : 2));
    return path;
}

/* Each line that fits is of use, so that none of two is said to be in vain. */
static bool takes(struct lint_exceptions *x, const char *name, struct view path)
{
    char key[NAME_SIZE];
    bool found = false;
    size_t n = 0;

    for (; name[n] && n < sizeof(key); n++)
        key[n] = (char)tolower((unsigned char)name[n]);
    for (struct entry *e = map_get(&x->rules, view_make(key, n)); e; e = e->next) {
        if (e->says.expired || (e->paths && !ignore_match(e->paths, plain_path(path))))
            continue;
        e->says.used = true;
        found = true;
    }
    return found;
}

static bool takes_row(struct lint_exceptions *x, const struct lint_row *row, struct view path)
{
    bool found = takes(x, row->id, path) | takes(x, row->name, path);

    for (size_t i = 0; i < ARRAY_SIZE(row->aliases); i++)
        found |= row->aliases[i] && takes(x, row->aliases[i], path);
    return found;
}

bool lint_exceptions_take(struct lint_exceptions *x, struct view path, const struct lint_finding *f)
{
    const struct lint_row *cover = lint_row_cover(f->row);

    if (x->rules.size == 0)
        return false;
    return takes_row(x, f->row, path) | takes(x, f->code, path) |
           (cover && takes_row(x, cover, path));
}

bool lint_exceptions_at(const struct lint_exceptions *x, size_t i, struct lint_exception *ret)
{
    if (i >= x->entries.size)
        return false;
    *ret = x->entries.at[i]->says;
    return true;
}
