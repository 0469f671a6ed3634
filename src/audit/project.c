/* project.c - the files of a compose project beside those that were given, and files of variables. */
#include <errno.h>

#include "audit/internal.h"
#include "base/doc.h"

#define FILES_MAX 64      /* of one project */
#define VARIABLE_MAX 4096 /* bytes of a value that is put into others */
#define NOTES_MAX 50      /* files that are not read and spoken of */

/* ---- files of a list ---- */

/* More than there are: YAML knows several ends of lines. */
static uint32_t count_lines(struct view text)
{
    uint32_t lines = 2;

    for (size_t i = 0; i < text.size; i++)
        lines += text.at[i] == '\n' || text.at[i] == '\r' || (unsigned char)text.at[i] >= 0x80;
    return lines;
}

struct run_file *run_file_add(struct run_list *l, const char *name, const char *dir,
                              struct view text)
{
    struct run_file *f = arena_new_object(l->arena, struct run_file);

    *f = (struct run_file){
        .name = arena_strdup(l->arena, name),
        .dir = dir,
        .text = text,
        .lines_before = l->lines,
    };
    l->lines += count_lines(text);
    vec_push(&l->files, f);
    return f;
}

const struct run_file *run_list_file(const struct run_list *l, uint32_t line)
{
    size_t i = l->files.size;

    while (i > 1 && l->files.at[i - 1]->lines_before >= MAX(line, 1u))
        i--;
    return i > 0 ? l->files.at[i - 1] : NULL;
}

/* "compose.yml:3:5: "; nothing where nobody knows. */
static void add_place(struct run_list *l, struct run_place at, struct str *ret)
{
    const struct run_file *f = at.span.line ? run_list_file(l, at.span.line) : NULL;

    if (f)
        str_printf(ret, "%s:%u:%u: ", f->name, at.span.line - f->lines_before, at.span.column);
    else if (*at.path)
        str_printf(ret, "%s: ", at.path);
}

int run_error_at(struct reader *r, struct run_place at, int code)
{
    const struct run_file *f = at.span.line ? run_list_file(r->list, at.span.line) : NULL;

    if (!f)
        return code;
    return error_at(r->err, code, "%s:%u:%u", f->name, at.span.line - f->lines_before,
                    at.span.column);
}

static void note(struct reader *r, struct run_place at, const char *name, const char *why)
{
    STR_AUTO(text);

    if (r->list->notes.size >= NOTES_MAX)
        return;
    add_place(r->list, at, &text);
    str_printf(&text, "'%.200s' is not read: %s", name, why);
    vec_each (known, &r->list->notes)
        if (strcmp(*known, text.at) == 0)
            return;
    strings_add(&r->list->notes, text.at);
}

/* ---- names ---- */

const char *project_path(struct reader *r, const char *dir, const char *name)
{
    STR_AUTO(path);
    struct view rest, part;
    cleanup_free char *whole = xasprintf("%s/%s", dir, name);

    if (*name == '/' || *name == '~')
        return NULL;
    rest = view_of(whole);
    while (rest.at && view_cut(&rest, '/', &part)) {
        if (part.size == 0 || view_eq_text(part, "."))
            continue;
        if (view_eq_text(part, "..")) {
            const char *slash = memrchr(path.at, '/', path.size);
            if (path.size == 0)
                return NULL;
            str_truncate(&path, slash ? (size_t)(slash - path.at) : 0);
            continue;
        }
        if (path.size > 0)
            str_add_char(&path, '/');
        str_add(&path, part);
    }
    return arena_strndup(r->list->arena, path.at, path.size);
}

static struct view directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return view_make(path, slash ? (size_t)(slash - path) : 0);
}

/* As people name it: beside the first file. */
static const char *shown_name(struct reader *r, const char *path)
{
    const char *first = r->list->files.at[0]->name, *slash = strrchr(first, '/');

    return arena_printf(r->list->arena, "%.*s%s", slash ? (int)(slash - first) + 1 : 0, first,
                        path);
}

const char *project_directory(struct reader *r, struct run_place at)
{
    const struct run_file *f = run_list_file(r->list, at.span.line);

    return f ? f->dir : "";
}

/* ---- reading ---- */

/* Why the path cannot be read at all; NULL: it may be. */
static const char *obstacle(struct reader *r, const char *name, const char *path)
{
    if (!r->list->opener)
        return "no other file is opened here";
    if (strchr(name, '$'))
        return "nobody knows the variable in its name";
    if (strstr(name, "://") || strncmp(name, "git@", 4) == 0)
        return "it is not a file of the project";
    if (!path)
        return "it is outside of the project's directory";
    return *path ? NULL : "it is a directory";
}

/* 1: it is read; 0: it is not, and the list says why. */
static int read_text(struct reader *r, struct run_place at, const char *name, const char *path,
                     bool needed, struct view *ret)
{
    const struct run_opener *o = r->list->opener;
    const char *why = obstacle(r, name, path);
    STR_AUTO(text);
    ERROR_AUTO(e);

    if (why) {
        note(r, at, name, why);
        return 0;
    }
    if (r->list->files.size >= FILES_MAX)
        return error_set(r->err, -EDQUOT, "a project of more than %d files", FILES_MAX);
    const int result = o->read(o->ctx, path, YAML_SIZE_MAX, &text, &e);
    if (result < 0) {
        if (needed || result != -ENOENT)
            note(r, at, name, e.text ? e.text : "it cannot be opened");
        return 0;
    }
    *ret = view_make(arena_strndup(r->list->arena, text.at ? text.at : "", text.size), text.size);
    return 1;
}

static int read_documents(struct reader *r, struct run_file *f)
{
    f->first = r->yaml->documents.size;
    r->yaml->lines_before = f->lines_before;
    const int result = run_read_documents(r, f->text, f->name);
    f->count = r->yaml->documents.size - f->first;
    return result;
}

/* Of a file that was given: its path below the directory of the first one; NULL: it is elsewhere. */
static const char *own_path(struct reader *r, const char *name)
{
    const char *first = r->list->files.at[0]->name, *slash = strrchr(first, '/');
    const size_t size = slash ? (size_t)(slash - first) + 1 : 0;

    return strncmp(name, first, size) == 0 ? project_path(r, "", name + size) : NULL;
}

int project_take(struct reader *r, const char *name, struct view text)
{
    struct run_file *f = run_file_add(r->list, name, "", text);
    const struct view start = view_trim(text);

    /* what programs print has secrets in it, and may be one long line */
    f->hidden = start.size > 0 && (start.at[0] == '{' || start.at[0] == '[');
    const char *path = own_path(r, name);
    if (path)
        map_set(&r->loaded, view_of(path), f);
    return read_documents(r, f);
}

/* A file that is not read is not tried again. */
static struct run_file *missing_file(struct reader *r)
{
    struct run_file *f = arena_new_object(r->list->arena, struct run_file);

    f->missing = true;
    return f;
}

int project_load(struct reader *r, const char *dir, struct part name, struct run_file **ret)
{
    const char *text = part_text(r, name);
    const char *path = text ? project_path(r, dir, text) : NULL;
    struct view content;

    *ret = NULL;
    if (!text)
        return 0;
    struct run_file *f = path ? map_get(&r->loaded, view_of(path)) : NULL;
    if (f) {
        *ret = f->missing ? NULL : f;
        return 0;
    }
    int result = read_text(r, name.at, text, path, true, &content);
    if (result == 0 && path)
        map_set(&r->loaded, view_of(path), missing_file(r));
    if (result <= 0)
        return result;
    const struct view own = directory_of(path);
    f = run_file_add(r->list, shown_name(r, path), arena_strndup(r->list->arena, own.at, own.size),
                     content);
    map_set(&r->loaded, view_of(path), f);
    result = read_documents(r, f);
    if (result == 0)
        *ret = f;
    return result;
}

/* ---- variables ---- */

/* '#' begins a comment behind a blank. */
static struct view without_comment(struct view value)
{
    for (size_t i = 1; i < value.size; i++)
        if (value.at[i] == '#' && value.at[i - 1] == ' ')
            return view_trim(view_make(value.at, i));
    return value;
}

/* What stands in quotes may go on over lines. */
static struct view cut_value(struct view *rest, struct view line, size_t equals, uint32_t *lines)
{
    struct view value = view_trim(view_make(line.at + equals + 1, line.size - equals - 1));
    const char quote = value.size > 0 ? value.at[0] : '\0';

    if (quote != '"' && quote != '\'')
        return without_comment(value);
    const size_t left = rest->at ? (size_t)(rest->at + rest->size - value.at) : value.size;
    const char *end = memchr(value.at + 1, quote, left - 1);
    if (!end)
        return value;
    while (rest->at && end > line.at + line.size) {
        (void)view_cut(rest, '\n', &line);
        ++*lines;
    }
    return view_make(value.at + 1, (size_t)(end - value.at) - 1);
}

/* "export NAME": the word is no part of the name. */
static struct view name_in(struct view text)
{
    struct view name = view_trim(text);

    if (view_starts(name, "export "))
        name = view_trim(view_make(name.at + 7, name.size - 7));
    return name;
}

/* "NAME=value", "NAME"; what begins with '#' is a comment. quotes: as compose reads it; docker run takes them for the value. */
static void read_variables(struct run_list *l, struct run_file *f, bool quotes)
{
    struct view rest = f->text, line;
    uint32_t number = f->lines_before;

    while (rest.at && view_cut(&rest, '\n', &line)) {
        const char *equals = memchr(line.at, '=', line.size);
        const size_t size = equals ? (size_t)(equals - line.at) : line.size;
        struct run_env e = {.name = name_in(view_make(line.at, size))};

        number++;
        if (e.name.size == 0 || e.name.at[0] == '#')
            continue;
        const uint32_t column = (uint32_t)(e.name.at - line.at) + 1;
        e.at.span = (struct span){number, column, number, column + (uint32_t)e.name.size};
        if (equals && quotes)
            e.value = cut_value(&rest, line, size, &number);
        else if (equals)
            e.value = view_make(equals + 1, line.size - size - 1);
        if (run_list_count(l))
            vec_push(&f->env, e);
    }
}

static struct run_file *add_variables(struct run_list *l, const char *name, struct view text,
                                      bool quotes)
{
    struct run_file *f = run_file_add(l, name, "", text);

    f->hidden = true; /* values are secrets, mostly */
    read_variables(l, f, quotes);
    return f;
}

/* From the last on: it counts. What was said already is not said again. */
static void add_env(struct run_list *l, const struct run_file *file, const char *path,
                    struct run_facts *f, struct map *seen)
{
    for (size_t i = file->env.size; i-- > 0;) {
        struct run_env e = file->env.at[i];
        if (map_has(seen, e.name) || !run_list_count(l))
            continue;
        map_set(seen, e.name, f);
        l->values += strlen(path) / 16; /* it is copied for each */
        e.at.path = arena_printf(l->arena, "%s: %.*s", path, (int)MIN(e.name.size, 80u), e.name.at);
        vec_push(&f->env, e);
    }
}

int project_env(struct reader *r, struct part name, bool needed, struct run_facts *f,
                struct map *seen)
{
    const char *text = part_text(r, name);
    const char *path = text ? project_path(r, project_directory(r, name.at), text) : NULL;
    const char *key = arena_printf(r->list->arena, "env %s", path ? path : "");
    struct run_file *file = text ? map_get(&r->loaded, view_of(key)) : NULL;
    struct view content;

    if (!text)
        return 0;
    if (!file) {
        const int result = read_text(r, name.at, text, path, needed, &content);
        if (result < 0)
            return result;
        file =
            result ? add_variables(r->list, shown_name(r, path), content, true) : missing_file(r);
        map_set(&r->loaded, view_of(key), file);
    }
    add_env(r->list, file, name.at.path, f, seen);
    return 0;
}

void project_variables(struct reader *r)
{
    const struct run_opener *o = r->list->opener;
    STR_AUTO(text);

    if (!o || o->read(o->ctx, ".env", YAML_SIZE_MAX, &text, NULL) < 0)
        return;
    const char *copy = arena_strndup(r->list->arena, text.at ? text.at : "", text.size);
    const struct run_file *f =
        add_variables(r->list, shown_name(r, ".env"), view_make(copy, text.size), true);
    vec_each (e, &f->env)
        if (e->value.at && e->value.size <= VARIABLE_MAX)
            map_set(&r->env, e->name, arena_strndup(r->list->arena, e->value.at, e->value.size));
}

int run_env_file(struct run_list *l, const char *path, struct run_facts *f, struct map *seen,
                 struct error *err)
{
    STR_AUTO(text);

    if (!l->opener)
        return 0;
    if (l->files.size >= FILES_MAX)
        return error_set(err, -EDQUOT, "more than %d files of variables", FILES_MAX);
    const int result = l->opener->read(l->opener->ctx, path, YAML_SIZE_MAX, &text, err);
    if (result < 0)
        return error_wrap(err, result, "--env-file '%.200s'", path);
    const struct view own =
        view_make(arena_strndup(l->arena, text.at ? text.at : "", text.size), text.size);
    const struct run_file *file = add_variables(l, path, own, false);
    add_env(l, file, arena_printf(l->arena, "--env-file %s", path), f, seen);
    return 0;
}
