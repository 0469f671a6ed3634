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
        {"services", runconfig_compose},
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
    const struct part top = {document, {"", {0}}};

    if (!json_is_array(document))
        return read_object(r, top);
    for (size_t i = 0; i < json_array_size(document); i++) {
        const int result = read_object(r, (struct part){json_array_get(document, i), top.at});
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

static int parse_json(struct view text, const char *name, struct run_list *ret, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    struct reader r = {.list = ret, .err = err};
    const int result = doc_parse(text, RUNCONFIG_SIZE_MAX, name, &doc, err);

    return result < 0 ? result : read_document(&r, doc);
}

/* Documents that say nothing ("---" at the end of a file) are passed over. */
static int parse_yaml(struct view text, const char *name, struct run_list *ret, struct error *err)
{
    YAML_STREAM_AUTO(stream);
    struct reader r = {.list = ret, .yaml = &stream, .err = err};
    size_t read = 0;
    int result = yaml_read(text, name, &stream, err);

    for (size_t i = 0; result == 0 && i < stream.documents.size; i++) {
        if (json_is_null(stream.documents.at[i]))
            continue;
        result = read_document(&r, stream.documents.at[i]);
        read++;
    }
    if (result == 0 && read == 0)
        return error_set(err, -EINVAL, "it is empty");
    return result;
}

int runconfig_parse(struct view text, const char *name, struct run_list *ret, struct error *err)
{
    if (!ret->arena)
        ret->arena = arena_new();
    const int result =
        is_json(text) ? parse_json(text, name, ret, err) : parse_yaml(text, name, ret, err);
    if (result == 0 && ret->values > RUNCONFIG_VALUES_MAX)
        return error_set(err, -EDQUOT, "more than %d values", RUNCONFIG_VALUES_MAX);
    return result;
}
