/* --cache-to: what the steps made, for other machines and stores. */
#include "build/internal.h"

#include <dirent.h>
#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/map.h"
#include "build/cache_doc.h"
#include "build/cache_spec.h"
#include "image/export.h"
#include "oci/manifest.h"

/* ---- which steps ---- */

/* 1: it was added; its layer is for the caller to number. */
static int add_step(struct build *b, const struct op *op, struct cache_doc *ret, struct error *err)
{
    const struct digest *content = solver_content_key(b->solver, op);
    const int r = solver_recall(b->solver, op, err);

    if (r <= 0)
        return r;
    struct cache_step step = {.definition = *solver_key(b->solver, op)};
    if (content)
        step.result.content = *content;
    step.result.layer = *solver_layer(b->solver, op);
    if (op->input_count)
        step.result.below = solver_chain(b->solver, op->inputs[0]);
    vec_push(&ret->steps, step);
    return 1;
}

/* Those of the result, bottom first. */
static int result_steps(struct build *b, struct op_ref root, size_t first_layer,
                        struct cache_doc *ret, struct error *err)
{
    VEC(const struct op *) chain = {0};
    int r = 0;

    for (const struct op *op = solver_step(b->solver, root); op;
         op = op->input_count ? solver_step(b->solver, op->inputs[0]) : NULL)
        vec_push(&chain, op);
    for (size_t i = chain.size; r >= 0 && i-- > 0;) {
        r = add_step(b, chain.at[i], ret, err);
        if (r > 0)
            vec_last(&ret->steps)->layer = (uint32_t)(first_layer + chain.size - 1 - i);
    }
    vec_done(&chain);
    return r < 0 ? r : 0;
}

/* By any of the images that are built. */
static void mark_needed(const struct build *b, bool *ret)
{
    vec_each (target, &b->graph->targets) {
        graph_needed(b->graph, b->graph->stages.at[*target].root, ret);
    }
}

static int all_steps(struct build *b, struct cache_doc *ret, struct error *err)
{
    cleanup_free bool *needed = xcalloc(b->graph->ops.size + 1, sizeof(*needed));
    int r = 0;

    mark_needed(b, needed);
    for (size_t i = 0; r >= 0 && i < b->graph->ops.size; i++)
        if (needed[i] && !build_rows[b->graph->ops.at[i]->kind].is_source)
            r = add_step(b, b->graph->ops.at[i], ret, err);
    return r < 0 ? r : 0;
}

/* What is in the cache mounts of the steps, as trees: those that nobody uses just now. */
static int keep_mount(struct build *b, const struct digest *id, struct cache_doc *ret,
                      struct error *err)
{
    cleanup_doc json_t *request = json_object(), *answer = NULL;
    struct cache_mount mount = {.id = *id};
    struct holder *h = NULL;
    const char *tree = NULL;
    char hex[DIGEST_HEX_MAX];
    ERROR_AUTO(why);
    int r = image_holder(&b->tools, &h, err);

    if (r < 0)
        return r;
    doc_set_text(request, "cache", digest_hex(id, hex));
    r = holder_call(h, "build-mount-keep", request, NULL, 0, &answer, &why);
    if (r >= 0)
        r = doc_text(answer, "tree", &tree, &why);
    if (r >= 0 && tree)
        r = digest_parse_hex(tree, &mount.tree, &why);
    if (r < 0)
        env_warn(b->env, "a cache mount is left out of the cache: %s", why.text);
    else if (tree)
        vec_push(&ret->mounts, mount);
    return 0;
}

static bool has_mount(const struct cache_doc *d, const struct digest *id)
{
    vec_each (mount, &d->mounts)
        if (digest_eq(&mount->id, id))
            return true;
    return false;
}

static int keep_mounts(struct build *b, struct cache_doc *ret, struct error *err)
{
    cleanup_free bool *needed = xcalloc(b->graph->ops.size + 1, sizeof(*needed));
    int r = 0;

    mark_needed(b, needed);
    for (size_t i = 0; i < b->graph->ops.size; i++) {
        const struct op *op = b->graph->ops.at[i];
        for (size_t n = 0; needed[i] && op->kind == OP_EXEC && n < op->u.exec.mount_count; n++) {
            struct digest id;
            if (r >= 0 && mounts_cache_id(&op->u.exec.mounts[n], &id) &&
                mounts_cache_exists(b, &id) && !has_mount(ret, &id))
                r = keep_mount(b, &id, ret, err);
        }
    }
    return r;
}

struct layering {
    struct image_layer *layers;
    size_t count;
    struct map seen;
};

/* Many steps make nothing, or the same: one layer for all of them. */
static uint32_t layer_number(struct layering *l, const struct digest *tree)
{
    const struct view name = view_make(tree->sha256, sizeof(tree->sha256));
    size_t number = (size_t)(uintptr_t)map_get(&l->seen, name);

    if (!number) {
        l->layers[l->count].tree = *tree;
        number = ++l->count;
        map_set(&l->seen, name, (void *)(uintptr_t)number);
    }
    return (uint32_t)(number - 1);
}

static struct image_layer *layers_of(struct cache_doc *d, size_t *ret_count)
{
    struct layering l = {.layers = xcalloc(d->steps.size + d->mounts.size + 1, sizeof(*l.layers))};

    vec_each (step, &d->steps)
        step->layer = layer_number(&l, &step->result.layer.tree);
    vec_each (mount, &d->mounts)
        mount->layer = layer_number(&l, &mount->tree);
    map_done(&l.seen);
    *ret_count = l.count;
    return l.layers;
}

/* ---- inline ---- */

static void put_doc(struct image_config *c, const struct cache_doc *s)
{
    json_t *doc = c->doc ? json_copy(c->doc) : json_object();

    if (s)
        doc_set(doc, CACHE_DOC_KEY, cache_doc_new(s));
    else
        json_object_del(doc, CACHE_DOC_KEY);
    doc_unref(c->doc);
    c->doc = doc;
}

static int wants_inline(const struct build *b, bool *ret, struct error *err)
{
    int r = 0;

    *ret = build_arg_is_true(b->options, "BUILDKIT_INLINE_CACHE"); /* of old */
    for (size_t i = 0; r >= 0 && i < b->options->cache_to.size; i++) {
        CLEANUP(cache_spec_done) struct cache_spec spec = {0};
        r = cache_to_parse(b->options->cache_to.at[i], &spec, err);
        *ret |= r >= 0 && spec.type == CACHE_INLINE;
    }
    return r;
}

int cache_inline(struct build *b, struct op_ref root, size_t below, struct image_config *c,
                 struct error *err)
{
    CLEANUP(cache_doc_done) struct cache_doc steps = {0};
    bool wanted = false;
    int r = wants_inline(b, &wanted, err);

    if (r >= 0 && !wanted && c->doc && json_object_get(c->doc, CACHE_DOC_KEY))
        put_doc(c, NULL);
    if (r < 0 || !wanted)
        return r;
    if (below == SIZE_MAX) {
        env_warn(b->env, "an inline cache names the layers of steps; --squash leaves none");
        return 0;
    }
    r = result_steps(b, root, below, &steps, err);
    if (r >= 0)
        put_doc(c, &steps);
    return r;
}

/* ---- a layout ---- */

static int make_cache_image(struct build *b, const struct cache_spec *spec, struct image **ret,
                            struct error *err)
{
    const struct stage *first = &b->graph->stages.at[b->graph->targets.at[0]];
    CLEANUP(cache_doc_done) struct cache_doc steps = {0};
    CONFIG_AUTO(config);
    size_t count = 0;
    int r = spec->max ? all_steps(b, &steps, err) : 0;

    for (size_t i = 0; !spec->max && r >= 0 && i < b->graph->targets.size; i++)
        r = result_steps(b, b->graph->stages.at[b->graph->targets.at[i]].root, 0, &steps, err);
    if (r >= 0 && spec->mounts)
        r = keep_mounts(b, &steps, err);
    if (r < 0)
        return r;
    config_init(&config, &first->config->platform);
    cleanup_free struct image_layer *layers = layers_of(&steps, &count);
    put_doc(&config, &steps);
    return image_new(&b->tools, &config, layers, count, ret, err);
}

static void note_manifest(int dir, const struct digest *digest, struct map *used, bool *ret_clear)
{
    CLEANUP(manifest_freep) struct manifest *m = NULL;
    char hex[DIGEST_HEX_MAX];
    STR_AUTO(text);

    map_set(used, view_of(digest_hex(digest, hex)), used);
    if (fd_read_regular(dir, hex, MANIFEST_SIZE_MAX, &text, NULL) < 0 ||
        manifest_parse(str_view(&text), &m, NULL) < 0) {
        *ret_clear = false; /* an index in an index, or none of ours: then nothing is garbage */
        return;
    }
    map_set(used, view_of(digest_hex(&m->config.digest, hex)), used);
    for (size_t i = 0; i < m->layer_count; i++)
        map_set(used, view_of(digest_hex(&m->layers[i].digest, hex)), used);
}

static void remove_unused(int dir, const struct map *used)
{
    DIR *list = fdopendir(dup(dir));

    for (struct dirent *e; list && (e = readdir(list));)
        if (strlen(e->d_name) == 64 && !map_has(used, view_of(e->d_name)))
            (void)unlinkat(dir, e->d_name, 0);
    if (list)
        (void)closedir(list);
}

/* What the layout's index no longer leads to: a cache is written again and again, and would only grow. */
static void sweep_layout(const char *path)
{
    CLEANUP(image_index_freep) struct image_index *index = NULL;
    cleanup_close int dir = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, NULL);
    struct map used = {0};
    bool clear = true;
    STR_AUTO(text);

    if (dir >= 0)
        (void)flock(dir, LOCK_EX); /* blobs of who is writing are in no index yet */
    if (dir < 0 || fd_read_regular(dir, "index.json", MANIFEST_SIZE_MAX, &text, NULL) < 0 ||
        image_index_parse(str_view(&text), &index, NULL) < 0)
        return;
    cleanup_close int blobs =
        fd_open_beneath(dir, "blobs/sha256", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
    for (size_t i = 0; blobs >= 0 && i < index->manifest_count; i++)
        note_manifest(blobs, &index->manifests[i].digest, &used, &clear);
    if (blobs >= 0 && clear)
        remove_unused(blobs, &used);
    map_done(&used);
}

static int export_cache(struct build *b, const struct cache_spec *spec, const struct output *o,
                        char *name, struct error *err)
{
    CLEANUP(image_freep) struct image *image = NULL;
    char *one[] = {name};
    const struct strings names = {one, 1, 1};
    int r = make_cache_image(b, spec, &image, err);

    if (r >= 0)
        r = image_finish(&b->tools, image, err);
    if (r >= 0)
        r = image_export(&b->tools, image, o, name ? &names : NULL, NULL, err);
    return r;
}

static int write_layout(struct build *b, const struct cache_spec *spec, struct error *err)
{
    CLEANUP(output_done) struct output o = {0};
    cleanup_free char *name = spec->tag ? xasprintf("cache:%s", spec->tag) : NULL;
    cleanup_free char *text =
        xasprintf("type=oci,tar=false,dest=layout%s", spec->output ? spec->output : "");
    int r = output_parse(text, &o, err);

    if (r < 0)
        return r;
    free(o.dest); /* which may have commas */
    o.dest = xstrdup(spec->place);
    r = export_cache(b, spec, &o, name, err);
    if (r >= 0)
        sweep_layout(spec->place);
    return r;
}

static int write_registry(struct build *b, const struct cache_spec *spec, struct error *err)
{
    CLEANUP(output_done) struct output o = {0};
    cleanup_free char *text = xasprintf("type=registry%s", spec->output ? spec->output : "");
    const int r = output_parse(text, &o, err);

    return r < 0 ? r : export_cache(b, spec, &o, spec->place, err);
}

static int write_one(struct build *b, const struct cache_spec *spec, const char *text,
                     struct error *err)
{
    cleanup_free char *title = xasprintf("cache to %s", spec->place);
    struct progress_step *shown = progress_begin(b->env->progress, title);
    ERROR_AUTO(why);
    int r = spec->type == CACHE_LOCAL ? write_layout(b, spec, &why) : write_registry(b, spec, &why);

    progress_finish(shown, r < 0 ? PROGRESS_FAILED : PROGRESS_DONE, NULL);
    if (r >= 0)
        return r;
    (void)error_wrap(&why, r, "write cache '%s'", text);
    if (!spec->optional)
        return error_move(err, &why);
    env_warn(b->env, "%s", why.text);
    return 0;
}

int cache_write(struct build *b, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < b->options->cache_to.size; i++) {
        const char *text = b->options->cache_to.at[i];
        CLEANUP(cache_spec_done) struct cache_spec spec = {0};
        r = cache_to_parse(text, &spec, err);
        if (r >= 0 && spec.type != CACHE_INLINE)
            r = write_one(b, &spec, text, err);
    }
    return r;
}
