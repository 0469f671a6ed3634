/* frontend_outline.c - what a Dockerfile offers to its users: targets, arguments, secrets; with the comments above them.
 * The documents are those of BuildKit's subrequests "outline" and "targets". */
#include <ctype.h>
#include <stdlib.h>

#include "base/doc.h"
#include "build/frontend_internal.h"
#include "build/outline.h"

/* The first comment line above that begins with the name, without it. */
static struct view description(const struct instruction *in, struct view name)
{
    for (size_t i = 0; name.size > 0 && i < in->comment_count; i++) {
        const struct view line = in->comments[i].text;

        if (line.size > name.size && line.at[name.size] == ' ' &&
            view_eq(view_make(line.at, name.size), name))
            return view_trim(view_make(line.at + name.size, line.size - name.size));
    }
    return (struct view){0};
}

static void set_view(json_t *obj, const char *key, struct view text)
{
    cleanup_free char *copy = view_dup(text);

    if (*copy)
        doc_set_text(obj, key, copy);
}

void outline_set_location(json_t *obj, uint32_t first, uint32_t last)
{
    json_t *range = json_object(), *start = json_object(), *end = json_object(),
           *ranges = json_array(), *location = json_object();

    doc_set_int(start, "line", first);
    doc_set_int(end, "line", MAX(first, last));
    doc_set(range, "start", start);
    doc_set(range, "end", end);
    doc_push(ranges, range);
    doc_set(location, "ranges", ranges);
    doc_set(obj, "location", location);
}

static json_t *source_text(const struct dockerfile *d)
{
    STR_AUTO(text);

    str_add_base64(&text, d->source);
    return doc_new_text(text.at);
}

void outline_set_sources(json_t *doc, const struct dockerfile *d, bool with_name)
{
    json_t *list = json_array(), *info = with_name ? json_object() : source_text(d);

    if (with_name) {
        doc_set_text(info, "filename", d->name);
        doc_set_text(info, "language", "Dockerfile");
        doc_set(info, "data", source_text(d));
    }
    doc_push(list, info);
    doc_set(doc, "sources", list);
}

/* ---- targets ---- */

static struct view stage_name(const struct instruction *from)
{
    return from->word_count == 3 ? from->words[2].text : (struct view){0};
}

json_t *outline_targets(const struct dockerfile *d)
{
    json_t *doc = json_object(), *targets = json_array(), *last = NULL;

    for (size_t i = 0; i < d->instruction_count; i++) {
        const struct instruction *in = &d->instructions[i];

        if (in->kind != INSTRUCTION_FROM)
            continue;
        json_t *target = json_object();
        set_view(target, "name", stage_name(in));
        set_view(target, "description", description(in, stage_name(in)));
        set_view(target, "base", in->words[0].text);
        set_view(target, "platform", instruction_flag(in, "platform"));
        outline_set_location(target, in->span.line, in->span.line);
        doc_push(targets, target);
        last = target;
    }
    if (last)
        doc_set_bool(last, "default", true);
    doc_set(doc, "targets", targets);
    outline_set_sources(doc, d, false);
    return doc;
}

/* ---- arguments ---- */

static json_t *find_named(json_t *list, struct view name)
{
    size_t i;
    json_t *item;

    json_array_foreach(list, i, item)
    {
        if (view_eq_text(name, json_string_value(json_object_get(item, "name"))))
            return item;
    }
    return NULL;
}

/* An argument that is declared again is the last of them. */
static void add_arg(json_t *args, const struct instruction *in, struct view word, const char *value)
{
    const char *equals = memchr(word.at, '=', word.size);
    const struct view name = equals ? view_make(word.at, (size_t)(equals - word.at)) : word;
    json_t *arg = find_named(args, name);

    if (!arg) {
        arg = json_object();
        set_view(arg, "name", name);
        doc_push(args, arg);
    }
    outline_set_location(arg, in->span.line, in->span.end_line);
    (void)json_object_del(arg, "description");
    (void)json_object_del(arg, "value");
    set_view(arg, "description", description(in, name));
    if (value && *value)
        doc_set_text(arg, "value", value);
}

/* The name stands behind a '$' in the FROM line of a stage that is needed, or as a bare ARG in it. */
static bool uses_header_arg(const struct fe_stage *s, struct view name)
{
    const struct view line = s->from->line;

    for (const char *at = line.at; (at = memchr(at, '$', (size_t)(line.at + line.size - at)));) {
        at += 1 + (at[1] == '{');
        const struct view rest = view_make(at, (size_t)(line.at + line.size - at));
        if (rest.size >= name.size && memcmp(rest.at, name.at, name.size) == 0 &&
            (rest.size == name.size ||
             (!isalnum((unsigned char)rest.at[name.size]) && rest.at[name.size] != '_')))
            return true;
    }
    vec_each (c, &s->commands)
        for (size_t i = 0; c->in->kind == INSTRUCTION_ARG && i < c->in->word_count; i++)
            if (view_eq(c->in->words[i].text, name))
                return true;
    return false;
}

static void add_header_args(const struct frontend *fe, json_t *args)
{
    for (size_t i = 0; i < fe->d->instruction_count; i++) {
        const struct instruction *in = &fe->d->instructions[i];

        if (in->kind != INSTRUCTION_ARG)
            return;
        for (size_t j = 0; j < in->word_count; j++) {
            const struct view word = in->words[j].text;
            const char *equals = memchr(word.at, '=', word.size);
            cleanup_free char *name =
                view_dup(equals ? view_make(word.at, (size_t)(equals - word.at)) : word);
            bool used = false;

            for (size_t k = 0; k < fe->stage_count; k++)
                used = used ||
                       (fe->stages[k]->needed && uses_header_arg(fe->stages[k], view_of(name)));
            if (used)
                add_arg(args, in, word, pairs_get(&fe->header, name));
        }
    }
}

/* Its value is the header's: that of an ARG there, or of a platform. */
static bool is_inherited(const struct frontend *fe, struct view word)
{
    cleanup_free char *name = view_dup(word);

    return pairs_get(&fe->header, name) && !pairs_get(&fe->build_args, name);
}

static void add_stage_args(const struct frontend *fe, const struct fe_stage *s, json_t *args)
{
    size_t at = s->base ? s->base->args.size : 0; /* its own come behind those it inherits */

    vec_each (c, &s->commands)
        for (size_t i = 0; c->in->kind == INSTRUCTION_ARG && i < c->in->word_count; i++, at++)
            if (!c->trigger && at < s->args.size && !is_inherited(fe, c->in->words[i].text))
                add_arg(args, c->in, c->in->words[i].text, s->args.at[at].value);
}

static int compare_lines(const void *a, const void *b)
{
    int64_t line[2];

    for (int i = 0; i < 2; i++) {
        const json_t *item = *(json_t *const *)(i ? b : a);
        const json_t *ranges = json_object_get(json_object_get(item, "location"), "ranges");
        line[i] = json_integer_value(
            json_object_get(json_object_get(json_array_get(ranges, 0), "start"), "line"));
    }
    return line[0] < line[1] ? -1 : line[0] > line[1];
}

static json_t *sorted(json_t *take_list)
{
    const size_t count = json_array_size(take_list);
    cleanup_free json_t **items = xcalloc(count + 1, sizeof(json_t *));
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        items[i] = json_array_get(take_list, i);
    qsort(items, count, sizeof(json_t *), compare_lines);
    for (size_t i = 0; i < count; i++)
        json_array_append(list, items[i]);
    doc_unref(take_list);
    return list;
}

/* ---- what RUN mounts ---- */

static uint32_t line_of(const struct frontend *fe, const struct op *op)
{
    struct span span;

    return op->where && source_where(op->where, fe->d->name, &span) ? span.line : 0;
}

/* A cache's id has its owner and place in front. */
static const char *shown_id(const struct exec_mount *m)
{
    if (m->spec.type != MOUNT_CACHE)
        return m->id;
    return *m->spec.id ? m->spec.id : m->target;
}

static void add_mounts(const struct frontend *fe, json_t *doc)
{
    static const struct {
        enum mount_type type;
        const char *list, *name;
    } kinds[] = {{MOUNT_SECRET, "secrets", "name"},
                 {MOUNT_SSH, "ssh", "name"},
                 {MOUNT_CACHE, "cache", "ID"}};
    cleanup_free bool *needed = xcalloc(fe->g->ops.size + 1, sizeof(*needed));

    graph_needed(fe->g, fe->target->root, needed);
    for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
        json_t *list = json_array();
        for (size_t i = 0; i < fe->g->ops.size; i++) {
            const struct op *op = fe->g->ops.at[i];
            if (!needed[i] || op->kind != OP_EXEC)
                continue;
            for (size_t m = 0; m < op->u.exec.mount_count; m++) {
                const struct exec_mount *mount = &op->u.exec.mounts[m];
                if (mount->spec.type != kinds[k].type)
                    continue;
                json_t *item = json_object();
                doc_set_text(item, kinds[k].name, shown_id(mount));
                if (mount->spec.required)
                    doc_set_bool(item, "required", true);
                outline_set_location(item, line_of(fe, op), 0);
                doc_push(list, item);
            }
        }
        if (json_array_size(list))
            doc_set(doc, kinds[k].list, sorted(list));
        else
            doc_unref(list);
    }
}

json_t *fe_outline(const struct frontend *fe)
{
    json_t *doc = json_object(), *args = json_array();

    set_view(doc, "name", stage_name(fe->target->from));
    set_view(doc, "description", description(fe->target->from, stage_name(fe->target->from)));
    add_header_args(fe, args);
    for (size_t i = 0; i < fe->stage_count; i++)
        if (fe->stages[i]->needed)
            add_stage_args(fe, fe->stages[i], args);
    doc_set(doc, "args", sorted(args));
    add_mounts(fe, doc);
    outline_set_sources(doc, fe->d, false);
    return doc;
}
