/* runconfig.c - what kind of document it is; lists of run configurations. */
#include "audit/runconfig.h"

#include <errno.h>

#include "audit/internal.h"
#include "base/doc.h"

#define RUNS_MAX 10000 /* containers of one file */

void run_list_done(struct run_list *l)
{
    vec_each (f, &l->runs)
        run_facts_done(*f);
    vec_done(&l->runs);
    vec_each (file, &l->files)
        vec_done(&(*file)->env);
    vec_done(&l->files);
    strings_done(&l->notes);
    arena_free(l->arena);
    *l = (struct run_list){0};
}

int run_list_new(struct run_list *l, struct run_facts **ret, struct error *err)
{
    if (l->runs.size >= RUNS_MAX)
        return error_set(err, -EDQUOT, "more than %d containers", RUNS_MAX);
    if (!l->arena)
        l->arena = arena_new();
    *ret = arena_new_object(l->arena, struct run_facts);
    vec_push(&l->runs, *ret);
    return 0;
}

bool run_list_count(struct run_list *l)
{
    return ++l->values <= RUNCONFIG_VALUES_MAX;
}

/* ---- which reader ---- */

static int read_object(struct reader *r, struct part top)
{
    static const struct {
        const char *key;
        int (*read)(struct reader *r, struct part top);
    } kinds[] = {
        {"ociVersion", runconfig_oci},
        {"HostConfig", runconfig_inspect},
        {"kind", runconfig_kubernetes},
        {"Spec", runconfig_swarm},
    };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (json_object_get(top.value, kinds[i].key))
            return kinds[i].read(r, top);
    (void)error_set(r->err, -EINVAL, "it is no run configuration");
    return error_hint(r->err, -EINVAL,
                      "it takes what inspect prints of containers, compose files, objects of "
                      "Kubernetes and config.json of an OCI runtime");
}

/* What inspect prints is a list. */
static int read_document(struct reader *r, json_t *document)
{
    const struct part top = {document, part_place(r, document, (struct run_place){"", {0}})};

    if (!json_is_array(document))
        return read_object(r, top);
    for (size_t i = 0; i < json_array_size(document); i++) {
        json_t *item = json_array_get(document, i);
        const int result = read_object(r, (struct part){item, part_place(r, item, top.at)});
        if (result < 0)
            return result;
    }
    return 0;
}

static bool is_json(struct view text)
{
    text = view_trim(text);
    return text.size > 0 && (text.at[0] == '{' || text.at[0] == '[');
}

int run_read_documents(struct reader *r, struct view text, const char *name)
{
    return is_json(text) ? yaml_read_json(text, RUNCONFIG_SIZE_MAX, name, r->yaml, r->err)
                         : yaml_read(text, name, r->yaml, r->err);
}

/* Other documents have a key "kind", or one that is read before these. */
static bool is_compose(const json_t *document)
{
    return !json_object_get(document, "kind") && !json_object_get(document, "ociVersion") &&
           !json_object_get(document, "HostConfig") &&
           (json_object_get(document, "services") || json_object_get(document, "include"));
}

static bool has_compose(const struct reader *r)
{
    vec_each (document, &r->yaml->documents)
        if (is_compose(*document))
            return true;
    return false;
}

/* Documents that say nothing ("---" at the end of a file) are passed over. */
static int read_each(struct reader *r)
{
    size_t read = 0;
    int result = 0;

    for (size_t i = 0; result == 0 && i < r->yaml->documents.size; i++) {
        if (json_is_null(r->yaml->documents.at[i]))
            continue;
        result = read_document(r, r->yaml->documents.at[i]);
        read++;
    }
    if (result == 0 && read == 0)
        return error_set(r->err, -EINVAL, "it is empty");
    return result;
}

/* The files that were given are the first ones. */
static int read_compose(struct reader *r, size_t count)
{
    cleanup_doc json_t *model = NULL;

    r->variables = true;
    project_variables(r);
    const int result = compose_model(r, 0, count, &model);
    return result < 0 ? result : runconfig_compose(r, (struct part){model, {"", {0}}});
}

static int read_inputs(struct reader *r, const struct run_input *inputs, size_t count)
{
    int result = 0;

    for (size_t i = 0; result == 0 && i < count; i++)
        result = project_take(r, inputs[i].name, inputs[i].text);
    if (result < 0)
        return result;
    if (has_compose(r))
        return read_compose(r, count);
    if (count == 1)
        return read_each(r);
    return error_set(r->err, -EINVAL, "none of the %zu files is a compose file", count);
}

int runconfig_merged(const struct run_input *inputs, size_t count, struct run_list *ret,
                     struct error *err)
{
    YAML_STREAM_AUTO(stream);
    struct reader r = {.list = ret, .yaml = &stream, .err = err};

    if (!ret->arena)
        ret->arena = arena_new();
    const int result = read_inputs(&r, inputs, count);
    map_done(&r.loaded);
    map_done(&r.env);
    if (result == 0 && ret->values > RUNCONFIG_VALUES_MAX)
        return error_set(err, -EDQUOT, "more than %d values", RUNCONFIG_VALUES_MAX);
    return result;
}

int runconfig_parse(struct view text, const char *name, struct run_list *ret, struct error *err)
{
    return runconfig_merged(&(struct run_input){text, name}, 1, ret, err);
}
