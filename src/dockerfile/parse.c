/* parse.c - logical lines to instructions. */
#include <ctype.h>
#include <errno.h>

#include "dockerfile/internal.h"

#define NESTING_MAX 4 /* ONBUILD ONBUILD ...: refused later, but parsed by calls */

static struct word *keep_words(struct arena *arena, const struct word_list *list)
{
    struct word *copy = arena_alloc(arena, (list->size + 1) * sizeof(*copy));

    if (list->size > 0)
        memcpy(copy, list->at, list->size * sizeof(*copy));
    return copy;
}

static void set_words(struct instruction *in, const struct logical *l, struct word_list *list)
{
    in->words = keep_words(l->reader->arena, list);
    in->word_count = list->size;
    vec_done(list);
}

static void add_word(struct word_list *list, const struct logical *l, struct view text)
{
    vec_push(list, (struct word){text, logical_span(l, text)});
}

/* ---- flags ---- */

/* One word that begins with "--"; quotes and escapes are taken out ('\' always, whatever the escape
 * directive says: BuildKit). Returns its size in the line. */
static size_t read_flag(struct view line, struct str *ret)
{
    char quote = '\0';
    size_t i = 0;

    for (; i < line.size && (quote || !is_blank(line.at[i])); i++) {
        const char c = line.at[i];

        if (quote ? c == quote : c == '"' || c == '\'')
            quote = quote ? '\0' : c;
        else if (c != '\\')
            str_add_char(ret, c);
        else if (++i < line.size)
            str_add_char(ret, line.at[i]);
    }
    return MIN(i, line.size);
}

static struct flag make_flag(const struct logical *l, const struct str *text, struct view place)
{
    struct flag f = {
        .text = view_make(arena_strndup(l->reader->arena, text->at, text->size), text->size)};
    const char *equals = memchr(f.text.at, '=', f.text.size);
    const size_t name_end = equals ? (size_t)(equals - f.text.at) : f.text.size;

    f.name = view_make(f.text.at + 2, name_end - 2);
    f.has_value = equals != NULL;
    f.value = equals ? view_make(equals + 1, f.text.size - name_end - 1) : VIEW("");
    f.span = logical_span(l, place);
    return f;
}

/* Words that begin with "--", up to the first that does not; a "--" alone is dropped and ends
 * them. */
static void read_flags(const struct logical *l, struct instruction *in, struct view *rest)
{
    VEC(struct flag) flags = {0};

    for (;;) {
        STR_AUTO(text);

        *rest = trim_blanks(*rest);
        if (!view_starts(*rest, "--"))
            break;
        const size_t size = read_flag(*rest, &text);
        const struct view place = view_make(rest->at, size);
        *rest = view_make(rest->at + size, rest->size - size);
        if (view_eq_text(str_view(&text), "--"))
            break;
        vec_push(&flags, make_flag(l, &text, place));
    }
    *rest = trim_blanks(*rest);
    in->flags = arena_alloc(l->reader->arena, (flags.size + 1) * sizeof(struct flag));
    if (flags.size > 0)
        memcpy(in->flags, flags.at, flags.size * sizeof(struct flag));
    in->flag_count = flags.size;
    vec_done(&flags);
}

/* ---- words ---- */

/* The next word, cut at blanks outside quotes; quotes and escapes stay in it. An escape character
 * at the very end is dropped. */
static bool quoted_word(const struct reader *r, struct view *rest, struct view *ret)
{
    char quote = '\0';
    size_t n = 0;

    *rest = trim_blanks(*rest);
    while (n < rest->size && (quote || !is_blank(rest->at[n]))) {
        const char c = rest->at[n];

        if (c == r->escape && quote != '\'') {
            if (n + 1 == rest->size)
                break;
            n += 2;
            continue;
        }
        if (quote ? c == quote : c == '"' || c == '\'')
            quote = quote ? '\0' : c;
        n++;
    }
    *ret = view_make(rest->at, MIN(n, rest->size));
    const size_t taken = n + 1 == rest->size && rest->at[n] == r->escape ? rest->size : ret->size;
    *rest = view_make(rest->at + taken, rest->size - taken);
    return ret->size > 0;
}

static void read_quoted(const struct logical *l, struct instruction *in, struct view rest)
{
    struct word_list list = {0};
    struct view word;

    while (quoted_word(l->reader, &rest, &word))
        add_word(&list, l, word);
    set_words(in, l, &list);
}

/* An opener of a heredoc is one word, blanks in quotes and all. */
static const struct heredoc *opener_at(const struct instruction *in, const char *at)
{
    for (size_t i = 0; i < in->heredoc_count; i++)
        if (in->heredocs[i].opener.at == at)
            return &in->heredocs[i];
    return NULL;
}

static void read_words(const struct logical *l, struct instruction *in, struct view rest)
{
    struct word_list list = {0};

    rest = trim_blanks(rest);
    while (rest.size > 0) {
        const struct heredoc *h = opener_at(in, rest.at);
        struct view word = h ? h->opener : cut_word(&rest);

        if (h)
            rest = trim_blanks(view_make(rest.at + word.size, rest.size - word.size));
        add_word(&list, l, word);
    }
    set_words(in, l, &list);
}

static void read_text(const struct logical *l, struct instruction *in, struct view rest)
{
    struct word_list list = {0};

    if (rest.size > 0)
        add_word(&list, l, rest);
    set_words(in, l, &list);
}

static void add_pair(struct word_list *list, const struct logical *l, struct view name,
                     struct view value, const char *separator)
{
    add_word(list, l, name);
    add_word(list, l, value);
    vec_push(list, (struct word){view_of(separator), logical_span(l, view_make(value.at, 0))});
}

/* NAME VALUE, the old form: the rest of the line is the value. */
static int read_old_pair(const struct logical *l, struct instruction *in, struct view rest,
                         struct error *err)
{
    struct word_list list = {0};
    const struct view name = cut_word(&rest);

    if (rest.size == 0) {
        cleanup_free char *keyword = view_dup(in->keyword);
        for (char *c = keyword; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        fail_at(l->reader, logical_span(l, name), err, "%s must have two arguments", keyword);
        return error_hint(err, -EINVAL, "write %s %.*s=VALUE", keyword, (int)MIN(name.size, 80u),
                          name.at);
    }
    add_pair(&list, l, name, rest, "");
    set_words(in, l, &list);
    return 0;
}

/* Whether the first word has a '=' decides for all. */
static int read_pairs(const struct logical *l, struct instruction *in, struct view rest,
                      struct error *err)
{
    struct word_list list = {0};
    struct view all = rest, word;
    int r = 0;

    while (quoted_word(l->reader, &all, &word)) {
        const char *equals = memchr(word.at, '=', word.size);

        if (!equals && list.size == 0)
            return read_old_pair(l, in, rest, err);
        if (!equals) {
            r = fail_at(l->reader, logical_span(l, word), err,
                        "no '=' in '%.*s': must be of the form name=value",
                        (int)MIN(word.size, 80u), word.at);
            error_hint(err, r, "put a value with blanks in quotes: name=\"a b\"");
            break;
        }
        const size_t name_size = (size_t)(equals - word.at);
        add_pair(&list, l, view_make(word.at, name_size),
                 view_make(equals + 1, word.size - name_size - 1), "=");
    }
    set_words(in, l, &list);
    return r;
}

/* ["a", "b"], or what the instruction makes of other text. */
static int read_json_or(const struct logical *l, struct instruction *in, struct view rest,
                        void (*other)(const struct logical *, struct instruction *, struct view),
                        struct error *err)
{
    switch (json_list(l, rest, &in->words, &in->word_count)) {
    case JSON_LIST:
        in->json = true;
        return 0;
    case JSON_OTHER_ELEMENTS:
        return fail_at(l->reader, logical_span(l, rest), err,
                       "when using JSON array syntax, arrays must be comprised of strings only");
    case JSON_NOT_LIST:
        break;
    }
    other(l, in, rest);
    return 0;
}

/* HEALTHCHECK: the type, then a command. */
static int read_health(const struct logical *l, struct instruction *in, struct view rest,
                       struct error *err)
{
    struct word_list list = {0};

    if (rest.size == 0)
        return 0;
    const struct view type = cut_word(&rest);
    if (rest.size > 0) {
        const int r = read_json_or(l, in, rest, read_text, err);
        if (r < 0)
            return r;
    }
    add_word(&list, l, type);
    for (size_t i = 0; i < in->word_count; i++)
        vec_push(&list, in->words[i]);
    set_words(in, l, &list);
    return 0;
}

static int read_instruction(struct reader *r, struct logical *l, struct view text, int depth,
                            struct instruction *in, struct error *err);

static int read_nested(struct reader *r, struct logical *l, struct instruction *in,
                       struct view rest, int depth, struct error *err)
{
    if (rest.size == 0)
        return 0;
    if (depth >= NESTING_MAX)
        return fail_at(r, in->keyword_span, err, "ONBUILD is nested more than %d deep",
                       NESTING_MAX);
    struct instruction *trigger = arena_new_object(r->arena, struct instruction);
    in->trigger = trigger;
    rest.size = in->line.size - (size_t)(rest.at - in->line.at); /* blanks at its end are kept */
    const int result = read_instruction(r, l, rest, depth + 1, trigger, err);
    in->heredocs = trigger->heredocs;
    in->heredoc_count = trigger->heredoc_count;
    return result;
}

/* Heredocs come before words: an opener may hold blanks. In JSON form there are none. */
static int read_heredocs(struct reader *r, struct logical *l, struct instruction *in,
                         struct error *err)
{
    struct word *words;
    size_t count;

    if (!in->row->heredocs || !memmem(in->rest.at, in->rest.size, "<<", 2) ||
        json_list(l, in->rest, &words, &count) != JSON_NOT_LIST)
        return 0;
    return heredocs_read(r, l, in, err);
}

static int read_arguments(struct reader *r, struct logical *l, struct instruction *in, int depth,
                          struct error *err)
{
    const struct view rest = in->rest;
    int result = read_heredocs(r, l, in, err);

    if (result < 0)
        return result;
    switch (in->row->form) {
    case ARGUMENTS_TEXT:
    case ARGUMENTS_WORDS: {
        void (*const other)(const struct logical *, struct instruction *, struct view) =
            in->row->form == ARGUMENTS_TEXT ? read_text : read_words;
        if (in->row->json)
            return read_json_or(l, in, rest, other, err);
        other(l, in, rest);
        return 0;
    }
    case ARGUMENTS_QUOTED:
        read_quoted(l, in, rest);
        return 0;
    case ARGUMENTS_PAIRS:
        return read_pairs(l, in, rest, err);
    case ARGUMENTS_HEALTH:
        return read_health(l, in, rest, err);
    case ARGUMENTS_NESTED:
        return read_nested(r, l, in, rest, depth, err);
    }
    return 0;
}

static int read_instruction(struct reader *r, struct logical *l, struct view text, int depth,
                            struct instruction *in, struct error *err)
{
    struct view rest = trim_blanks(text);
    int result = 0;

    in->line = view_make(rest.at, text.size - (size_t)(rest.at - text.at));
    in->joined = l->text;
    in->segments = l->segments;
    in->segment_count = l->segment_count;
    in->keyword = cut_word(&rest);
    in->keyword_span = logical_span(l, in->keyword);
    in->row = instruction_row_find(in->keyword);
    in->kind = in->row ? in->row->kind : INSTRUCTION_UNKNOWN;
    read_flags(l, in, &rest);
    in->rest = rest;
    if (in->row)
        result = read_arguments(r, l, in, depth, err);
    const struct span first = logical_span(l, in->keyword);
    const struct view last = reader_line(r, l->last_line - 1);
    in->span = (struct span){first.line, first.column, l->last_line, (uint32_t)last.size + 1};
    return result;
}

/* ---- directives ---- */

static const char *const directive_names[] = {"check", "escape", "syntax"};

/* name = value, behind the '#'. */
static bool read_directive(struct view text, struct view *name, struct view *value)
{
    size_t n = 0;

    text = trim_blanks(text);
    while (n < text.size && isalnum((unsigned char)text.at[n]))
        n++;
    if (n == 0 || !isalpha((unsigned char)text.at[0]))
        return false;
    *name = view_make(text.at, n);
    const struct view rest = trim_blanks(view_make(text.at + n, text.size - n));
    if (rest.size == 0 || rest.at[0] != '=')
        return false;
    *value = trim_blanks(view_make(rest.at + 1, rest.size - 1));
    return value->size > 0;
}

static const char *known_directive(struct view name)
{
    for (size_t i = 0; i < ARRAY_SIZE(directive_names); i++)
        if (view_eq_nocase(name, directive_names[i]))
            return directive_names[i];
    return NULL;
}

struct directive_list {
    struct directive *at;
    size_t size, cap;
};

static int add_directive(struct reader *r, struct directive_list *list, const char *name,
                         struct view value, struct span span, struct error *err)
{
    vec_each (d, list)
        if (view_eq_text(d->name, name))
            return fail_at(r, span, err, "only one %s parser directive can be used", name);
    if (strcmp(name, "escape") == 0) {
        if (value.size != 1 || !strchr("\\`", value.at[0]))
            return fail_at(r, span, err, "invalid escape token '%.*s': must be \\ or `",
                           (int)MIN(value.size, 20u), value.at);
        r->escape = value.at[0];
    }
    vec_push(list, (struct directive){view_of(name), value, span});
    return 0;
}

/* The lines at the top: they end with the first that is none. A "#!" line before them is passed
 * over, but "escape" then is an ordinary comment: as in BuildKit, which reads it with the lines. */
static int read_directives(struct reader *r, struct directive_list *list, struct error *err)
{
    const bool shebang = r->line_count && view_starts(trim_blanks(reader_line(r, 0)), "#!");

    for (size_t i = 0; i < r->line_count; i++) {
        const struct view line = trim_blanks(reader_line(r, i));
        struct view name, value;

        if (i == 0 && shebang) {
            r->next = 1;
            continue;
        }
        if (line.size == 0 || line.at[0] != '#' ||
            !read_directive(view_make(line.at + 1, line.size - 1), &name, &value) ||
            !known_directive(name))
            break;
        r->next = i + 1;
        if (shebang && strcmp(known_directive(name), "escape") == 0)
            continue;
        const size_t begin = (size_t)(line.at - r->source.at);
        const int result = add_directive(r, list, known_directive(name), value,
                                         reader_span(r, begin, begin + line.size), err);
        if (result < 0)
            return result;
    }
    return 0;
}

/* ---- the file ---- */

static int index_lines(struct reader *r, struct error *err)
{
    size_t count = 0;
    const char *at = r->source.at, *end = at + r->source.size;

    for (const char *c = at; c < end; count++) {
        const char *newline = memchr(c, '\n', (size_t)(end - c));
        c = newline ? newline + 1 : end;
    }
    r->line_at = arena_alloc(r->arena, (count + 2) * sizeof(size_t));
    for (const char *c = at; c < end;) {
        const char *newline = memchr(c, '\n', (size_t)(end - c));
        const char *stop = newline ? newline : end;

        r->line_at[r->line_count++] = (size_t)(c - at);
        if (stop - c > DOCKERFILE_LINE_MAX) {
            error_set(err, -EDQUOT, "a line is longer than %d bytes", DOCKERFILE_LINE_MAX);
            return error_at(err, -EDQUOT, "%s:%zu:1", r->name, r->line_count);
        }
        if (memchr(c, '\0', (size_t)(stop - c))) {
            error_set(err, -EINVAL, "a zero byte in the line: this is not a text in UTF-8");
            return error_at(err, -EINVAL, "%s:%zu:1", r->name, r->line_count);
        }
        c = newline ? newline + 1 : end;
    }
    r->line_at[r->line_count] = r->source.size;
    return 0;
}

struct instruction_list {
    struct instruction *at;
    size_t size, cap;
};

static int read_all(struct reader *r, struct instruction_list *list, struct error *err)
{
    struct logical *l = arena_new_object(r->arena, struct logical);
    const struct word *comments;
    size_t comment_count;
    int result;

    while ((result = reader_next(r, l, &comments, &comment_count, err)) > 0) {
        struct instruction in = {.comments = comments, .comment_count = comment_count};

        if (list->size >= DOCKERFILE_INSTRUCTIONS_MAX)
            return error_set(err, -EDQUOT, "%s has more than %d instructions", r->name,
                             DOCKERFILE_INSTRUCTIONS_MAX);
        result = read_instruction(r, l, l->text, 0, &in, err);
        if (result < 0)
            return result;
        vec_push(list, in);
    }
    return result;
}

#define KEEP(arena, list)                                                                          \
    ({                                                                                             \
        __typeof__((list)->at) keep_copy =                                                         \
            arena_alloc(arena, ((list)->size + 1) * sizeof(*(list)->at));                          \
        if ((list)->size > 0)                                                                      \
            memcpy(keep_copy, (list)->at, (list)->size * sizeof(*(list)->at));                     \
        keep_copy;                                                                                 \
    })

static void keep_lists(struct dockerfile *d, const struct reader *r,
                       const struct instruction_list *instructions,
                       const struct directive_list *directives)
{
    d->line_at = r->line_at;
    d->line_count = r->line_count;
    d->escape = r->escape;
    d->directives = KEEP(d->arena, directives);
    d->directive_count = directives->size;
    d->instructions = KEEP(d->arena, instructions);
    d->instruction_count = instructions->size;
    d->comments = KEEP(d->arena, &r->comments);
    d->comment_count = r->comments.size;
    d->warnings = KEEP(d->arena, &r->warnings);
    d->warning_count = r->warnings.size;
    if (d->instruction_count > 0) {
        const struct span first = d->instructions[0].span,
                          last = d->instructions[d->instruction_count - 1].span;
        d->span = (struct span){first.line, first.column, last.end_line, last.end_column};
    }
}

static int parse_source(struct dockerfile *d, struct error *err)
{
    struct reader r = {.name = d->name, .source = d->source, .arena = d->arena, .escape = '\\'};
    struct instruction_list instructions = {0};
    struct directive_list directives = {0};

    int result = index_lines(&r, err);
    if (result == 0)
        result = read_directives(&r, &directives, err);
    if (result == 0)
        result = read_all(&r, &instructions, err);
    if (result == 0 && instructions.size == 0)
        result = error_set(err, -EINVAL, "%s has no instructions", d->name);
    if (result == 0)
        keep_lists(d, &r, &instructions, &directives);
    vec_done(&instructions);
    vec_done(&directives);
    vec_done(&r.comments);
    vec_done(&r.warnings);
    return result;
}

int dockerfile_parse(struct view text, const char *name, struct dockerfile **ret, struct error *err)
{
    if (text.size > DOCKERFILE_SIZE_MAX)
        return error_set(err, -EDQUOT, "%s is larger than %u bytes", name, DOCKERFILE_SIZE_MAX);
    if (view_starts(text, "\xef\xbb\xbf"))
        text = view_make(text.at + 3, text.size - 3);
    struct arena *arena = arena_new();
    CLEANUP(dockerfile_freep) struct dockerfile *d = arena_new_object(arena, struct dockerfile);
    d->arena = arena;
    d->name = arena_strdup(arena, name);
    d->source = view_make(arena_strndup(arena, text.at ? text.at : "", text.size), text.size);
    const int r = parse_source(d, err);
    if (r < 0)
        return r;
    *ret = steal(d);
    return 0;
}

void dockerfile_free(struct dockerfile *d)
{
    if (d)
        arena_free(d->arena);
}

struct view dockerfile_line(const struct dockerfile *d, uint32_t line)
{
    if (line == 0 || line > d->line_count)
        return (struct view){0};
    return view_make(d->source.at + d->line_at[line - 1], d->line_at[line] - d->line_at[line - 1]);
}

struct view instruction_flag(const struct instruction *in, const char *name)
{
    for (size_t i = in->flag_count; i-- > 0;)
        if (view_eq_text(in->flags[i].name, name))
            return in->flags[i].has_value ? in->flags[i].value : VIEW("true");
    return (struct view){0};
}

bool instruction_flag_set(const struct instruction *in, const char *name)
{
    const struct view v = instruction_flag(in, name);

    return v.at && !view_eq_nocase(v, "false");
}
