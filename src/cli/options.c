#include "cli/options.h"

#include <errno.h>
#include <strings.h>

#include "base/text.h"

const struct option_row global_rows[] = {
    OPT_TEXT(0, "root", struct global_options, root, "DIR",
             "where images and caches are kept ($COOPER_ROOT)"),
    OPT_FLAG('q', "quiet", struct global_options, quiet, "print results only"),
    OPT_FLAG('v', "verbose", struct global_options, verbose, "say more about what is done and why"),
    OPT_TEXT(0, "color", struct global_options, color, "auto|always|never",
             "colour (NO_COLOR is honoured)"),
    OPT_TEXT(0, "progress", struct global_options, progress, "auto|tty|plain|json|none",
             "how long work is shown"),
    OPT_FLAG('h', "help", struct global_options, help, "show this help"),
    OPT_END,
};

struct parser {
    const struct command_row *command;
    void *options;
    struct global_options *globals;
    char *const *argv;
    int argc, at;
};

/* A command's own row beats a global one of the same name or letter. *ret_base is the struct it
 * writes to. */
static const struct option_row *row_find(const struct parser *p, struct view name, char letter,
                                         char **ret_base)
{
    const struct option_row *const lists[] = {p->command ? p->command->options : NULL, global_rows};
    void *const bases[] = {p->options, p->globals};

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        for (const struct option_row *row = lists[i]; row && row->name; row++)
            if (letter ? row->letter == letter : view_eq_text(name, row->name)) {
                *ret_base = bases[i];
                return row;
            }
    return NULL;
}

static int unknown(const struct parser *p, struct view word, struct view name, struct error *err)
{
    const int r = error_set(err, -EINVAL, "unknown option '%.*s'", VIEW_ARG(word));
    const struct option_row *const lists[] = {p->command ? p->command->options : NULL, global_rows};
    struct text_nearest nearest = text_nearest_to(name);

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        for (const struct option_row *row = lists[i]; row && row->name; row++)
            text_nearest_try(&nearest, row->name);
    if (name.size > 1 && nearest.best)
        return error_hint(err, r, "did you mean --%s?", nearest.best);
    return error_hint(err, r, "'cooper %s%s--help' lists them", p->command ? p->command->name : "",
                      p->command ? " " : "");
}

int size_parse(const char *text, uint64_t *ret, struct error *err)
{
    static const char units[] = "bkmgt";
    struct view number = view_of(text);
    unsigned power = 0;

    if (number.size > 1 && (number.at[number.size - 1] | 0x20) == 'b' &&
        strchr("kmgtKMGT", number.at[number.size - 2]))
        number.size--; /* "10MB" */
    if (number.size > 0 && number.at[number.size - 1] > '9') {
        const char *unit = strchr(units, number.at[--number.size] | 0x20);

        power = unit ? (unsigned)(unit - units) : 0;
        if (!unit)
            number.size = 0;
    }
    if (!view_to_u64(number, ret) || mul_overflow(*ret, (uint64_t)1 << 10 * power, ret))
        return error_hint(err, error_set(err, -EINVAL, "'%s' is not a size", text),
                          "write 512k, 64m or 2g");
    return 0;
}

/* The words that docker takes. */
static int set_flag(bool *field, struct view name, const char *value, struct error *err)
{
    static const char *const words[] = {"0",     "1",    "f",     "t",    "F",     "T",
                                        "false", "true", "False", "True", "FALSE", "TRUE"};
    size_t i = 0;

    while (value && i < ARRAY_SIZE(words) && strcmp(value, words[i]) != 0)
        i++;
    if (!value || i < ARRAY_SIZE(words))
        *field = !value || i % 2;
    else
        return error_set(err, -EINVAL, "--%.*s is true or false, not '%s'", VIEW_ARG(name), value);
    return 0;
}

static int set_size(uint64_t *field, struct view name, const char *value, struct error *err)
{
    const int r = size_parse(value, field, err);

    return r < 0 ? error_wrap(err, r, "--%.*s", VIEW_ARG(name)) : 0;
}

static int set_int(int64_t *field, struct view name, const char *value, struct error *err)
{
    char *end;

    errno = 0;
    *field = strtoll(value, &end, 10);
    if (errno || end == value || *end)
        return error_set(err, -EINVAL, "--%.*s wants a number, not '%s'", VIEW_ARG(name), value);
    return 0;
}

/* Stores value (NULL only where none is needed) in the field of row. */
static int set(const struct option_row *row, char *base, const char *value, struct error *err)
{
    const struct view name = view_of(row->name);
    void *field = base + row->offset;

    switch (row->kind) {
    case OPTION_FLAG:
        return set_flag(field, name, value, err);
    case OPTION_TEXT:
        *(const char **)field = value;
        return 0;
    case OPTION_TEXTS:
        strings_add(field, value);
        return 0;
    case OPTION_SIZE:
        return set_size(field, name, value, err);
    case OPTION_INT:
        return set_int(field, name, value, err);
    case OPTION_MAYBE:
    case OPTION_WORD:
        *(const char **)field = value ? value : "";
        return 0;
    }
    return 0;
}

/* word, or its first field, is one of "a|b|c". */
static bool is_alternative(const char *alternatives, const char *word)
{
    struct view rest = view_of(alternatives), fields = view_of(word), one, first;

    (void)view_cut(&fields, ',', &first);
    while (rest.at && view_cut(&rest, '|', &one))
        if (view_eq(one, first))
            return true;
    return false;
}

/* ---- options of other programs ---- */

static const struct foreign_option *foreign_find(const struct parser *p, struct view name,
                                                 char letter)
{
    const struct foreign_option *f = p->command ? p->command->foreign : NULL;

    for (; f && f->name; f++)
        if (letter ? f->letter == letter : view_eq_text(name, f->name))
            return f;
    return NULL;
}

static int pass_over(struct parser *p, const struct foreign_option *f, const char *attached,
                     struct error *err)
{
    if (!attached && !f->flag && p->at >= p->argc)
        return error_set(err, -EINVAL, "--%s wants a value", f->name);
    const char *value = attached || f->flag ? attached : p->argv[p->at++];
    if (!f->why || (value && strcmp(value, "false") == 0))
        return 0;
    if (f->refused)
        return error_hint(err, error_set(err, -EOPNOTSUPP, "--%s cannot be had", f->name), "%s",
                          f->why);
    strings_take(&p->globals->warnings, xasprintf("--%s does nothing: %s", f->name, f->why));
    return 0;
}

/* ---- rows ---- */

/* The value of a row that wants one: what is attached, else the next word. */
static int value_of(struct parser *p, const struct option_row *row, const char *attached,
                    const char **ret, struct error *err)
{
    if (row->kind == OPTION_FLAG || row->kind == OPTION_MAYBE || attached) {
        *ret = attached;
        return 0;
    }
    if (row->kind == OPTION_WORD) {
        const bool next = p->at < p->argc && is_alternative(row->value, p->argv[p->at]);
        *ret = next ? p->argv[p->at++] : NULL;
        return 0;
    }
    if (p->at >= p->argc)
        return error_set(err, -EINVAL, "--%s wants a value: %s", row->name, row->value);
    *ret = p->argv[p->at++];
    return 0;
}

static int long_option(struct parser *p, const char *word, struct error *err)
{
    const char *equals = strchr(word, '=');
    const struct view name = {word + 2, equals ? (size_t)(equals - word) - 2 : strlen(word) - 2};
    const char *value = NULL;
    char *base = NULL;
    const struct option_row *row = row_find(p, name, 0, &base);

    if (!row && view_starts(name, "no-") && !equals) {
        row = row_find(p, (struct view){name.at + 3, name.size - 3}, 0, &base);
        if (row && row->kind == OPTION_FLAG)
            return set(row, base, "false", err);
        if (row && (row->kind == OPTION_MAYBE || row->kind == OPTION_WORD)) {
            *(const char **)(void *)(base + row->offset) = NULL;
            return 0;
        }
        row = NULL;
    }
    const struct foreign_option *foreign = row ? NULL : foreign_find(p, name, 0);
    if (foreign)
        return pass_over(p, foreign, equals ? equals + 1 : NULL, err);
    if (!row)
        return unknown(p, view_of(word), name, err);
    const int r = value_of(p, row, equals ? equals + 1 : NULL, &value, err);
    return r < 0 ? r : set(row, base, value, err);
}

static int short_options(struct parser *p, const char *word, struct error *err)
{
    for (const char *c = word + 1; *c; c++) {
        const char *value = NULL;
        char *base = NULL;
        const struct option_row *row = row_find(p, (struct view){0}, *c, &base);
        const struct foreign_option *foreign = row ? NULL : foreign_find(p, (struct view){0}, *c);

        if (!row && !foreign)
            return unknown(p, view_of(word), view_make(c, 1), err);
        const bool flag = foreign ? foreign->flag : row->kind == OPTION_FLAG;
        const char *attached = c[1] && !flag ? c + 1 + (c[1] == '=') : NULL;
        int r = foreign ? pass_over(p, foreign, attached, err)
                        : value_of(p, row, attached, &value, err);

        if (r == 0 && row)
            r = set(row, base, value, err);
        if (r < 0 || !flag)
            return r;
    }
    return 0;
}

int options_parse(const struct command_row *command, char *const *argv, int argc, void *options,
                  struct global_options *globals, struct strings *ret_arguments, struct error *err)
{
    struct parser p = {command, options, globals, argv, argc, 0};
    bool ended = false;
    int r = 0;

    while (r == 0 && p.at < argc) {
        const char *word = argv[p.at];

        if (ended || word[0] != '-' || word[1] == '\0') {
            if (!command)
                break; /* the command's name */
            ended = ended || command->stop_at_first;
            strings_add(ret_arguments, word);
            p.at++;
            continue;
        }
        p.at++;
        if (strcmp(word, "--") == 0)
            ended = true;
        else
            r = word[1] == '-' ? long_option(&p, word, err) : short_options(&p, word, err);
    }
    for (; !command && r == 0 && p.at < argc; p.at++)
        strings_add(ret_arguments, argv[p.at]);
    return r;
}

void options_copy(const struct command_row *command, const void *options, void *ret)
{
    memcpy(ret, options, command->options_size);
    for (const struct option_row *row = command->options; row && row->name; row++) {
        const struct strings *from =
            (const struct strings *)(const void *)((const char *)options + row->offset);
        struct strings list = {0};

        if (row->kind != OPTION_TEXTS)
            continue;
        vec_each (text, from)
            strings_add(&list, *text);
        memcpy((char *)ret + row->offset, &list, sizeof(list));
    }
}

void options_done(const struct command_row *command, void *options)
{
    for (const struct option_row *row = command->options; row && row->name; row++)
        if (row->kind == OPTION_TEXTS)
            strings_done((struct strings *)(void *)((char *)options + row->offset));
}
