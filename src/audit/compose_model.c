/* compose_model.c - compose files put together: extends, include and files that override others (compose-spec, 13-merge.md,
 * 14-include.md, 05-services.md). Values stay shared, so that their places are known. */
#include <errno.h>

#include "audit/internal.h"
#include "base/doc.h"

#define EXTENDS_MAX 16  /* services that build on each other */
#define INCLUDES_MAX 16 /* files that include each other */
#define JOINED_MAX 32   /* levels */

/* ---- joining ---- */

/* Where in a file a mapping stands: some keys of it are joined in their own way. */
enum level { OF_FILE, OF_SERVICES, OF_SERVICE, OF_HEALTH, OF_OTHERS };

static enum level below(enum level level, const char *key)
{
    if (level == OF_FILE && strcmp(key, "services") == 0)
        return OF_SERVICES;
    if (level == OF_SERVICES)
        return OF_SERVICE;
    return level == OF_SERVICE && strcmp(key, "healthcheck") == 0 ? OF_HEALTH : OF_OTHERS;
}

/* A command is not made longer. */
static bool is_command(enum level level, const char *key)
{
    return (level == OF_SERVICE &&
            (strcmp(key, "command") == 0 || strcmp(key, "entrypoint") == 0)) ||
           (level == OF_HEALTH && strcmp(key, "test") == 0);
}

/* A list or mapping of names. */
static bool is_named(enum level level, const char *key)
{
    return level == OF_SERVICE && (strcmp(key, "environment") == 0 || strcmp(key, "networks") == 0);
}

/* One, or a list of them. */
static bool is_listed(enum level level, const char *key)
{
    return level == OF_SERVICE && strcmp(key, "env_file") == 0;
}

static const struct yaml_place *place_of(const struct reader *r, const json_t *value)
{
    return yaml_place(r->yaml, value);
}

static bool stays(const struct reader *r, const json_t *value)
{
    const struct yaml_place *place = place_of(r, value);

    return place && (place->overrides || place->resets);
}

/* "- NAME=value" as "NAME: value"; the caller's. */
static json_t *as_mapping(struct reader *r, json_t *value)
{
    json_t *object, *item;
    size_t i;

    if (!json_is_array(value))
        return json_is_object(value) ? json_incref(value) : json_object();
    object = json_object();
    json_array_foreach(value, i, item)
    {
        const struct view text = view_of(json_is_string(item) ? json_string_value(item) : "");
        const char *equals = memchr(text.at, '=', text.size);
        cleanup_free char *name =
            view_dup(equals ? view_make(text.at, (size_t)(equals - text.at)) : text);
        json_t *own = equals ? doc_new_text(equals + 1) : json_null();

        if (run_list_count(r->list))
            yaml_note(r->yaml, own, place_of(r, item));
        (void)json_object_set_new(object, name, own);
    }
    yaml_note(r->yaml, object, place_of(r, value));
    return object;
}

static json_t *as_list(json_t *value)
{
    json_t *list = json_array();

    if (json_is_array(value))
        (void)json_array_extend(list, value);
    else
        (void)json_array_append(list, value);
    return list;
}

static void join(struct reader *r, json_t *to, const json_t *base, enum level level,
                 unsigned depth);

static json_t *join_mappings(struct reader *r, json_t *own, json_t *base, enum level level,
                             unsigned depth)
{
    json_t *copy = json_copy(own);

    r->list->values += json_object_size(own) + json_object_size(base);
    join(r, copy, base, level, depth + 1);
    return copy;
}

static json_t *join_lists(struct reader *r, json_t *own, json_t *base)
{
    json_t *copy = json_copy(base);

    r->list->values += json_array_size(base) + json_array_size(own);
    (void)json_array_extend(copy, own);
    return copy;
}

/* own over base; the caller's. */
static json_t *join_values(struct reader *r, json_t *own, json_t *base, enum level level,
                           const char *key, unsigned depth)
{
    if (json_is_null(own)) /* said without a value: nothing is said */
        return json_incref(base);
    if (depth >= JOINED_MAX || is_command(level, key) || stays(r, own))
        return json_incref(own);
    if (is_named(level, key)) {
        cleanup_doc json_t *upper = as_mapping(r, own), *lower = as_mapping(r, base);
        return join_mappings(r, upper, lower, OF_OTHERS, depth);
    }
    if (is_listed(level, key)) {
        cleanup_doc json_t *upper = as_list(own), *lower = as_list(base);
        return join_lists(r, upper, lower);
    }
    if (json_is_object(own) && json_is_object(base))
        return join_mappings(r, own, base, below(level, key), depth);
    if (json_is_array(own) && json_is_array(base))
        return join_lists(r, own, base);
    return json_incref(own);
}

/* What the base has and to has not. */
static void join(struct reader *r, json_t *to, const json_t *base, enum level level, unsigned depth)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)base, key, value)
    {
        json_t *own = json_object_get(to, key);

        if (!run_list_count(r->list))
            return; /* too many values: the caller says so */
        if (!own) {
            (void)json_object_set(to, key, value);
            continue;
        }
        json_t *joined = join_values(r, own, value, level, key, depth);
        yaml_note(r->yaml, joined, place_of(r, own));
        (void)json_object_set_new(to, key, joined);
    }
}

/* ---- extends ---- */

/* A service, with where the names in it lead. */
struct link {
    struct part service;
    json_t *services;
    const char *dir;
};
struct chain {
    struct link at[EXTENDS_MAX + 1]; /* the deepest base last */
    size_t size;
};

/* The services of a file that was loaded for one of them: those of its last document that has some. */
static json_t *services_of(const struct reader *r, const struct run_file *f)
{
    r->list->values += f->count;
    for (size_t i = f->count; i-- > 0;) {
        json_t *services = json_object_get(r->yaml->documents.at[f->first + i], "services");
        if (json_is_object(services))
            return services;
    }
    return NULL;
}

/* What the last of the chain builds on. 1: it is in *ret; 0: nothing, or in a file that is not read. */
static int find_base(struct reader *r, const struct chain *c, struct link *ret)
{
    const struct link *last = &c->at[c->size - 1];
    const struct part extends = part_get(r, last->service, "extends"),
                      file = part_get(r, extends, "file"), named = part_get(r, extends, "service");
    const char *name = json_is_object(extends.value) ? part_text(r, named) : part_text(r, extends);
    struct run_file *f = NULL;
    int result = 0;

    if (!name)
        return 0;
    *ret = (struct link){.services = last->services, .dir = last->dir};
    if (file.value) {
        result = project_load(r, last->dir, file, &f);
        if (result < 0 || !f)
            return result;
        *ret = (struct link){.services = services_of(r, f), .dir = f->dir};
    }
    const struct part services = {ret->services, {"services", {0}}};
    ret->service = part_get(r, services, name);
    if (json_is_object(ret->service.value))
        return 1;
    (void)error_set(r->err, -EINVAL, "'%s' extends '%.80s', which is not there",
                    last->service.at.path, name);
    return run_error_at(r, extends.at, -EINVAL);
}

static int refuse_circle(struct reader *r, const struct chain *c, const struct link *base)
{
    STR_AUTO(names);

    for (size_t i = 0; i <= c->size; i++) {
        const struct link *link = i < c->size ? &c->at[i] : base;
        const struct run_file *f = run_list_file(r->list, link->service.at.span.line);
        str_printf(&names, "%s%.80s%s%.80s", i ? ", " : "", link->service.at.path, f ? " of " : "",
                   f ? f->name : "");
    }
    (void)error_set(r->err, -ELOOP, "services extend each other in a circle: %s", names.at);
    return run_error_at(r, c->at[c->size - 1].service.at, -ELOOP);
}

static int add_link(struct reader *r, struct chain *c, const struct link *base)
{
    for (size_t i = 0; i < c->size; i++)
        if (c->at[i].service.value == base->service.value)
            return refuse_circle(r, c, base);
    if (c->size > EXTENDS_MAX)
        return error_set(r->err, -EDQUOT, "'%s' extends more than %d services",
                         c->at[0].service.at.path, EXTENDS_MAX);
    c->at[c->size++] = *base;
    return 0;
}

/* From the last on: each was written over those behind it. */
static json_t *join_chain(struct reader *r, const struct chain *c)
{
    size_t i = c->size - 1;
    json_t *all = json_copy(c->at[i].service.value);

    r->list->values += json_object_size(all);
    while (i-- > 0) {
        cleanup_doc json_t *base = all;
        json_t *own = c->at[i].service.value;

        all = json_copy(own);
        r->list->values += json_object_size(all) + json_object_size(base);
        join(r, all, base, OF_SERVICE, 0);
    }
    yaml_note(r->yaml, all, place_of(r, c->at[0].service.value));
    return all;
}

/* The service with what it builds on; the caller's. */
static int extend(struct reader *r, const struct link *own, json_t **ret)
{
    struct chain c = {.at = {*own}, .size = 1};
    struct link base;
    int result;

    while ((result = find_base(r, &c, &base)) > 0) {
        result = add_link(r, &c, &base);
        if (result < 0)
            return result;
    }
    if (result == 0)
        *ret = join_chain(r, &c);
    return result;
}

/* ---- files ---- */

/* A file that is being read, below the one that includes it. */
struct frame {
    const struct frame *above;
    const struct run_file *file;
    const char *dir; /* where its names lead */
    unsigned depth;
};

static int extend_all(struct reader *r, struct part services, const struct frame *frame,
                      json_t *ret)
{
    struct part service;
    PART_EACH(each);
    int result = 0;

    if (!json_is_object(services.value))
        return error_set(r->err, -EINVAL, "services is no mapping");
    while (result == 0 && part_next(r, services, &each, &service)) {
        const struct link own = {service, services.value, frame->dir};
        json_t *all = NULL, *written = json_object_get(services.value, each.key);

        if (!service.value && stays(r, written)) { /* "!reset": the service is taken away */
            (void)json_object_set(ret, each.key, written);
            continue;
        }
        if (!json_is_object(service.value))
            return error_set(r->err, -EINVAL, "%s is no mapping", service.at.path);
        result = extend(r, &own, &all);
        if (result == 0)
            (void)json_object_set_new(ret, each.key, all);
    }
    return result;
}

static int model_of(struct reader *r, const struct frame *frame, json_t **ret);

static int refuse_inclusion(struct reader *r, const struct frame *frame, struct run_place at,
                            const struct run_file *f)
{
    STR_AUTO(names);

    for (bool more = true; more; frame = frame->above) {
        str_printf(&names, ", which %s includes", frame->file->name);
        more = frame->file != f;
    }
    (void)error_set(r->err, -ELOOP, "files include each other in a circle: %s%s", f->name,
                    names.at);
    return run_error_at(r, at, -ELOOP);
}

/* model gets what the file has and it has not. */
static int include_file(struct reader *r, const struct frame *frame, struct part path,
                        const char *dir, json_t *model)
{
    struct run_file *f = NULL;
    json_t *more = NULL;
    int result = project_load(r, frame->dir, path, &f);

    if (result < 0 || !f)
        return result;
    for (const struct frame *up = frame; up; up = up->above)
        if (up->file == f)
            return refuse_inclusion(r, frame, path.at, f);
    if (frame->depth >= INCLUDES_MAX)
        return error_set(r->err, -EDQUOT, "more than %d files that include each other",
                         INCLUDES_MAX);
    if (dir)
        f->dir = dir;
    const struct frame own = {frame, f, f->dir, frame->depth + 1};
    result = model_of(r, &own, &more);
    if (result == 0)
        join(r, model, more, OF_FILE, 0);
    doc_unref(more);
    return result;
}

/* "- file" or "- {path: file, project_directory: dir}"; of several paths the later ones are written over the first. */
static int include(struct reader *r, const struct frame *frame, struct part item, json_t *model)
{
    const struct part long_path = part_get(r, item, "path"),
                      directory = part_get(r, item, "project_directory");
    const struct part path = json_is_object(item.value) ? long_path : item;
    const char *dir = part_text(r, directory);
    int result = 0;

    if (dir)
        dir = project_path(r, frame->dir, dir);
    if (!json_is_array(path.value))
        return include_file(r, frame, path, dir, model);
    cleanup_doc json_t *paths = json_incref(path.value);
    for (size_t i = json_array_size(paths); result == 0 && i-- > 0 && run_list_count(r->list);) {
        json_t *name = json_array_get(paths, i);
        const struct part one = {name, part_place(r, name, path.at)};
        result = include_file(r, frame, one, dir, model);
    }
    return result;
}

/* One document, with what it extends and includes; the caller's. */
static int model_of_document(struct reader *r, const struct frame *frame, json_t *document,
                             json_t **ret)
{
    cleanup_doc json_t *model = json_copy(document), *all = json_object();
    const struct part top = {document, {"", {0}}}, services = part_get(r, top, "services"),
                      list = part_get(r, top, "include");
    struct part item;
    PART_EACH(each);
    int result = services.value ? extend_all(r, services, frame, all) : 0;

    yaml_note(r->yaml, all, place_of(r, services.value));
    (void)json_object_set(model, "services", all);
    (void)json_object_del(model, "include");
    while (result == 0 && json_is_array(list.value) && part_next(r, list, &each, &item))
        result = include(r, frame, item, model);
    if (result == 0)
        *ret = steal(model);
    return result;
}

/* What comes later is written over *model. */
static void write_over(struct reader *r, json_t *take_more, json_t **model)
{
    join(r, take_more, *model, OF_FILE, 0);
    doc_unref(*model);
    *model = take_more;
}

/* All documents of a file: the later ones are written over the first. */
static int model_of(struct reader *r, const struct frame *frame, json_t **ret)
{
    cleanup_doc json_t *model = json_object();
    int result = 0;

    for (size_t i = 0; result == 0 && i < frame->file->count; i++) {
        json_t *document = r->yaml->documents.at[frame->file->first + i], *more = NULL;

        r->list->values += json_object_size(document);
        if (!run_list_count(r->list)) /* it is copied as often as it is included */
            return error_set(r->err, -EDQUOT, "more than %d values", RUNCONFIG_VALUES_MAX);
        if (!json_is_object(document))
            continue;
        result = model_of_document(r, frame, document, &more);
        if (result == 0)
            write_over(r, more, &model);
    }
    if (result == 0)
        *ret = steal(model);
    return result;
}

int compose_model(struct reader *r, size_t first, size_t count, json_t **ret)
{
    cleanup_doc json_t *model = json_object();
    int result = 0;

    for (size_t i = first; result == 0 && i < first + count; i++) {
        const struct run_file *f = r->list->files.at[i];
        const struct frame frame = {NULL, f, f->dir, 0};
        json_t *more = NULL;

        result = model_of(r, &frame, &more);
        if (result == 0)
            write_over(r, more, &model);
    }
    if (result == 0)
        *ret = steal(model);
    return result;
}
