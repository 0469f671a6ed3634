#include "image/load.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/follow.h"
#include "image/guard.h"
#include "image/internal.h"
#include "image/over.h"
#include "image/queue.h"
#include "layer/codec.h"

/* What is known of a layer while its image is loaded. */
struct state {
    struct store_layer layer;
    struct digest chain;
    struct queue_item *item; /* of this round, or NULL */
    size_t same; /* an earlier layer with the same diff id does the work; else its own number */
    bool has_tree, has_blob, wants_below, used_below;
    struct store_blob_writer *writer; /* what is fetched from a registry goes here */
    struct image_fetch fetch;         /* of it; told_fd 0: there is none */
    int fd;                           /* of a blob of the store; 0: none */
};

struct loading {
    struct image_tools *tools;
    struct image_source *source; /* where layers can be fetched from, or NULL */
    struct image_source_image *from;
    struct state *states;
    size_t count;
};

/* A blob that is in the store and known to hold this layer. */
static int find_blob(struct loading *l, struct state *s, const struct image_source_layer *from,
                     struct error *err)
{
    struct digest got;
    int r;

    if (!digest_is_zero(&from->digest)) {
        r = cache_link_get(l->tools->cache, CACHE_BLOB_DIFF, &from->digest, &got, err);
        if (r <= 0 || !digest_eq(&got, &s->layer.diff_id))
            return MIN(r, 0);
        if (store_blob_hold(l->tools->store, &from->digest, NULL) < 0)
            return 0;
        image_add_blob(&s->layer, &from->digest, from->extent.size, from->media_type);
        s->has_blob = true;
        return 0;
    }
    r = image_find_blob(l->tools, &s->layer, err);
    s->has_blob = r > 0;
    return MIN(r, 0);
}

/* A tree of ours: by the chain of layers, or by the layer alone where that is enough. The first
 * layer's whiteouts hide nothing and are left out, so it is looked up as a chain only. */
static int find_tree(struct loading *l, struct state *s, bool first, struct error *err)
{
    struct cache *c = l->tools->cache;
    struct digest diff;
    int r = cache_link_get(c, CACHE_CHAIN_TREE, &s->chain, &s->layer.tree, err);

    if (r == 0 && !first)
        r = cache_link_get(c, CACHE_DIFF_TREE, &s->layer.diff_id, &s->layer.tree, err);
    if (r <= 0)
        return r;
    s->has_tree = true;
    /* a tree that gives this archive at any time needs no blob beside it */
    r = cache_link_get(c, CACHE_TREE_DIFF, &s->layer.tree, &diff, err);
    if (r > 0 && digest_eq(&diff, &s->layer.diff_id))
        s->has_blob = true;
    return MIN(r, 0);
}

static int look_up(struct loading *l, struct error *err)
{
    const struct digests *ids = &l->from->parsed.diff_ids;

    for (size_t i = 0; i < l->count; i++) {
        struct state *s = &l->states[i];

        s->layer.diff_id = ids->at[i];
        if (i == 0)
            s->chain = ids->at[0];
        else
            chain_id_next(&l->states[i - 1].chain, &ids->at[i], &s->chain);
        s->same = i;
        for (size_t j = 1; j < i && s->same == i; j++)
            if (digest_eq(&ids->at[j], &ids->at[i]))
                s->same = j;
        int r = find_tree(l, s, i == 0, err);
        if (r == 0)
            r = find_blob(l, s, &l->from->layers[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

static json_t *load_request(const struct loading *l, size_t i, bool with_below)
{
    const struct state *s = &l->states[i];
    const struct image_source_layer *from = &l->from->layers[i];
    char text[DIGEST_TEXT_MAX], hex[DIGEST_HEX_MAX];
    json_t *doc = json_object(), *below = json_array();

    doc_set_int(doc, "offset", (int64_t)from->extent.offset);
    doc_set_int(doc, "size", (int64_t)from->extent.size);
    if (!digest_is_zero(&from->digest))
        doc_set_text(doc, "blob", digest_format(&from->digest, text));
    doc_set_text(doc, "diff_id", digest_format(&s->layer.diff_id, text));
    doc_set_bool(doc, "unpack", !s->has_tree);
    doc_set_bool(doc, "keep", !s->has_blob);
    doc_set_bool(doc, "first", i == 0);
    doc_set_bool(doc, "own", s->writer != NULL);
    for (size_t n = 0; with_below && n < i; n++)
        doc_push(below, doc_new_text(digest_hex(&l->states[n].layer.tree, hex)));
    doc_set(doc, "below", below);
    return doc;
}

/* The job has hashed what was fetched. */
static int keep_fetched(struct loading *l, struct state *s, const struct digest *digest,
                        uint64_t size, struct error *err)
{
    if (!s->writer)
        return 0;
    store_blob_vouch(s->writer);
    return store_blob_commit(l->tools->store, steal(s->writer), digest, size, NULL, NULL, err);
}

static int take_answer(struct loading *l, struct state *s, const json_t *answer, struct error *err)
{
    const char *blob = NULL, *media = NULL, *tree = NULL;
    int64_t size = 0;
    struct digest digest;
    int r;

    s->wants_below = s->used_below = false; /* absent: no */
    r = doc_bool(answer, "wants_below", &s->wants_below, err);

    if (r < 0 || s->wants_below)
        return r;
    r = doc_text(answer, "tree", &tree, err);
    if (r == 0 && tree) {
        r = digest_parse_hex(tree, &s->layer.tree, err);
        s->has_tree = r == 0;
    }
    if (r == 0)
        r = doc_bool(answer, "used_below", &s->used_below, err);
    if (r == 0)
        r = doc_text(answer, "blob", &blob, err);
    if (r == 0)
        r = doc_text(answer, "media_type", &media, err);
    if (r == 0)
        r = doc_int(answer, "size", &size, err);
    if (r < 0 || !blob || !media)
        return r;
    r = digest_parse(blob, &digest, err);
    if (r == 0)
        r = keep_fetched(l, s, &digest, (uint64_t)size, err);
    if (r == 0)
        image_add_blob(&s->layer, &digest, (uint64_t)size, media);
    s->has_blob = r == 0;
    return r;
}

static void set_item(const struct loading *l, size_t i, bool with_below, struct queue_item *ret)
{
    const struct state *s = &l->states[i];
    char text[DIGEST_TEXT_MAX];

    digest_format(&s->layer.diff_id, text);
    *ret = (struct queue_item){.job = "layer-load",
                               .title = xasprintf("load layer %.19s", text),
                               .request = load_request(l, i, with_below),
                               .fd = l->from->layers[i].extent.fd};
    if (!s->writer)
        return;
    ret->ready = &s->fetch.ready;
    ret->early = !s->fetch.ready;
    ret->also = &s->fetch.told_fd;
    ret->also_count = ret->early;
}

static void items_done(struct queue_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_freep(&items[i].title);
    queue_items_done(items, count);
}

/* ---- layers that are elsewhere ---- */

/* A blob that the store has, though nobody remembers what is in it, is not fetched again. */
static int fetch(struct loading *l, size_t i, struct error *err)
{
    struct state *s = &l->states[i];
    struct image_source_layer *from = &l->from->layers[i];

    if (from->extent.fd >= 0 || !l->source)
        return 0;
    if (store_blob_has(l->tools->store, &from->digest)) {
        s->fd = from->extent.fd = store_blob_open(l->tools->store, &from->digest, NULL, err);
        return MIN(s->fd, 0);
    }
    uint64_t have = 0;
    const int r = store_blob_begin_part(l->tools->store, &from->digest, &s->writer, &have, err);
    if (r < 0)
        return r;
    from->extent.fd = store_blob_writer_fd(s->writer);
    s->fetch.ready = have == from->extent.size; /* whoever unpacks it looks what it is */
    if (s->fetch.ready)
        return 0;
    const int told = follow_open(err);
    if (told < 0)
        return told;
    s->fetch.told_fd = told;
    image_source_fetch(l->source, from, from->extent.fd, have, &s->fetch);
    return 0;
}

static int run_items(struct loading *l, struct queue_item *items, size_t count, struct error *err)
{
    if (!l->source)
        return queue_run(l->tools, items, count, err);
    struct wire *w = image_wire(l->tools);
    const struct queue_idle idle = queue_idle_wire(w);
    const int r = queue_run_beside(l->tools, items, count, &idle, err);
    if (r < 0)
        wire_cancel(w);
    /* What is not what it should be is not kept for the next time, which would only fail like this one: that the bytes are
     * somebody else's may show as anything, before all are there to be hashed. */
    const bool ours = r == -ENOSPC || r == -ENOMEM;
    for (size_t i = 0; r < 0 && !ours && i < l->count; i++) {
        struct state *s = &l->states[i];

        if ((r == -EPROTO && s->fetch.ready) || (s->item && s->item->failed))
            store_blob_discard(steal(s->writer));
    }
    return r;
}

/* All layers at once, as far as they can be understood alone. */
static int load_alone(struct loading *l, struct error *err)
{
    cleanup_free struct queue_item *items = xcalloc(l->count + 1, sizeof(*items));
    size_t wanted = 0;
    int r = 0;

    for (size_t i = 0; r == 0 && i < l->count; i++) {
        struct state *s = &l->states[i];

        if ((s->has_tree && s->has_blob) || s->same != i)
            continue;
        r = fetch(l, i, err);
        if (r < 0)
            break;
        s->item = &items[wanted];
        set_item(l, i, false, &items[wanted++]);
    }
    if (r == 0)
        r = run_items(l, items, wanted, err);
    for (size_t i = 0; r == 0 && i < l->count; i++)
        if (l->states[i].item)
            r = take_answer(l, &l->states[i], l->states[i].item->answer, err);
    for (size_t i = 0; i < l->count; i++)
        l->states[i].item = NULL;
    items_done(items, wanted);
    return r;
}

/* The others from below to above. */
static int load_above(struct loading *l, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < l->count; i++) {
        struct state *s = &l->states[i], *twin = &l->states[s->same];
        struct queue_item item;

        if (s->same != i && !twin->wants_below && !twin->used_below) {
            if (!s->has_tree)
                s->layer.tree = twin->layer.tree;
            if (!s->has_blob)
                vec_each (b, &twin->layer.blobs) {
                    image_add_blob(&s->layer, &b->digest, b->size, b->media_type);
                }
            s->has_tree = s->has_blob = true;
        }
        if (s->has_tree && s->has_blob && !s->wants_below)
            continue;
        if (l->from->layers[i].extent.fd < 0) /* the same bytes, once unpacked */
            l->from->layers[i].extent = l->from->layers[s->same].extent;
        if (l->from->layers[i].extent.fd < 0)
            r = fetch(l, i, err);
        if (r < 0)
            break;
        set_item(l, i, true, &item);
        s->item = &item;
        r = run_items(l, &item, 1, err);
        s->item = NULL;
        if (r == 0)
            r = take_answer(l, s, item.answer, err);
        if (r == 0 && s->wants_below)
            r = error_set(err, -EPROTO, "layer %zu cannot be unpacked", i);
        items_done(&item, 1);
    }
    return r;
}

static int remember(struct loading *l, struct error *err)
{
    struct cache *c = l->tools->cache;
    int r = 0;

    for (size_t i = 0; r == 0 && i < l->count; i++) {
        const struct state *s = &l->states[i];
        const enum cache_link kind = i == 0 || s->used_below ? CACHE_CHAIN_TREE : CACHE_DIFF_TREE;

        r = cache_link_put(c, kind, kind == CACHE_CHAIN_TREE ? &s->chain : &s->layer.diff_id,
                           &s->layer.tree, err);
        vec_each (b, &s->layer.blobs) {
            const struct codec *codec = codec_by_media_type(b->media_type);

            if (r == 0)
                r = cache_link_put(c, CACHE_BLOB_DIFF, &b->digest, &s->layer.diff_id, err);
            if (r == 0 && codec)
                r = cache_blob_put(c, &s->layer.diff_id, codec->name, &b->digest, b->size, err);
        }
    }
    return r;
}

static void state_done(struct state *s)
{
    vec_each (b, &s->layer.blobs) {
        free(b->media_type);
    }
    vec_done(&s->layer.blobs);
    store_blob_abort(s->writer);
    if (s->fd > 0)
        (void)close(s->fd);
    if (s->fetch.told_fd > 0)
        (void)close(s->fetch.told_fd);
}

/* Layer 1 of 2: the first of an image has nothing to hide, so its whiteouts would be left out. */
int image_load_layer(struct image_tools *t, struct image_source *source,
                     const struct image_source_layer *from, const struct digest *diff_id,
                     struct digest *ret_tree, struct error *err)
{
    struct image_source_layer layers[2] = {[1] = *from};
    struct image_source_image image = {.layers = layers, .layer_count = 2};
    struct state states[2] = {
        [0] = {.has_tree = true, .has_blob = true}, [1] = {.layer.diff_id = *diff_id, .same = 1}};
    struct loading l = {.tools = t, .source = source, .from = &image, .states = states, .count = 2};
    struct state *s = &states[1];
    int r = cache_link_get(t->cache, CACHE_DIFF_TREE, diff_id, &s->layer.tree, err);

    s->has_tree = r > 0;
    if (r == 0)
        r = load_alone(&l, err);
    if (r == 0 && (s->wants_below || !s->has_tree))
        r = error_set(err, -ENOTSUP, "the layer belongs to those below it");
    if (r == 0)
        r = cache_link_put(t->cache, CACHE_DIFF_TREE, diff_id, &s->layer.tree, err);
    if (r >= 0)
        *ret_tree = s->layer.tree;
    state_done(s);
    return r < 0 ? r : 0;
}

/* Who builds on such a layer has no more right to pass it on. */
static void note_foreign(struct store_image *record)
{
    CLEANUP(manifest_freep) struct manifest *m = NULL;

    if (manifest_parse(view_of(json_string_value(json_object_get(record->extra, "manifest"))), &m,
                       NULL) < 0)
        return;
    for (size_t i = 0; i < m->layer_count && i < record->layers.size; i++)
        if (media_is_foreign(m->layers[i].media_type))
            record->layers.at[i].foreign = json_deep_copy(m->layers[i].doc);
}

static void make_record(struct loading *l, struct image *image)
{
    const struct image_source_image *from = l->from;

    image->record.config = STR_INIT;
    str_add(&image->record.config, str_view(&from->config));
    digest_of(str_view(&from->config), &image->record.id);
    image->record.created_s = l->tools->env->now_s;
    config_clone(&from->parsed, &image->config);
    for (size_t i = 0; i < l->count; i++) {
        vec_push(&image->record.layers, l->states[i].layer);
        l->states[i].layer = (struct store_layer){0}; /* the record's now */
    }
    if (from->manifest.size) {
        image->record.extra = json_object();
        doc_set_text(image->record.extra, "manifest", from->manifest.at);
        note_foreign(&image->record);
    }
}

static bool has_trees(const struct loading *l)
{
    for (size_t i = 0; i < l->count; i++)
        if (!l->states[i].has_tree)
            return false;
    return true;
}

/* 1: the files are in the directory, and there is no image. */
static int load_layers(struct image_tools *t, struct image_source *source,
                       struct image_source_image *from, const char *directory, struct image **ret,
                       struct error *err)
{
    struct loading l = {.tools = t, .source = source, .from = from, .count = from->layer_count};
    CLEANUP(image_freep) struct image *image = xcalloc(1, sizeof(*image));
    int r;

    l.states = xcalloc(l.count + 1, sizeof(*l.states));
    r = look_up(&l, err);
    if (r == 0 && directory && !has_trees(&l))
        r = over_unpack(t, from, directory, err);
    if (r == 0)
        r = load_alone(&l, err);
    if (r == 0)
        r = load_above(&l, err);
    if (r == 0)
        r = remember(&l, err);
    if (r == 0)
        make_record(&l, image);
    for (size_t i = 0; i < l.count; i++)
        state_done(&l.states[i]);
    free(l.states);
    if (r == 0)
        *ret = steal(image);
    return r;
}

/* Under every name that it has; a mere tag of a layout is none. */
static int save_names(struct image_tools *t, struct image *image, const struct strings *names,
                      const char *name, struct strings *ret_saved, struct error *err)
{
    bool saved = false;
    int r = 0;

    if (name) {
        r = image_save(t, image, name, err);
        if (r == 0)
            strings_add(ret_saved, image->record.name);
        return r;
    }
    vec_each (text, names) {
        ERROR_AUTO(why);

        if (!strpbrk(*text, ":/"))
            continue;
        r = image_save(t, image, *text, &why);
        if (r == -EINVAL) {
            env_warn(t->env, "%s", why.text);
            continue;
        }
        if (r < 0)
            return error_move(err, &why);
        saved = true;
        strings_add(ret_saved, image->record.name);
    }
    return saved ? 0 : image_save(t, image, NULL, err);
}

static void find_origin(const struct load_options *o, const struct image_source *s,
                        const struct image_source_image *from, struct image_origin *ret)
{
    if (o->origin) {
        image_origin_copy(o->origin, ret);
        return;
    }
    if (o->dir)
        image_origin_of_file(ret, "dir", o->dir, NULL, &from->root);
    else if (!o->reference)
        image_origin_of_file(ret, image_source_form(s), o->path, o->tag, &from->root);
    else
        image_origin_of_reference(ret, o->reference, &from->root);
    image_origin_set_image(ret, str_view(&from->manifest));
}

/* Before its layers are touched. */
static int ask_policy(struct image_tools *t, const struct load_options *o,
                      const struct image_source_image *from, const struct image_origin *origin,
                      bool named, struct error *err)
{
    CLEANUP(strings_done) struct strings names = {0};

    if (named && o->name)
        strings_add(&names, o->name);
    vec_each (text, &from->names)
        if (!(named && o->name) && !o->unnamed && strpbrk(*text, ":/"))
            strings_add(&names, *text);
    return guard_arriving(t->env, origin, o->reference || o->dir, &names, err);
}

static int load_one(struct image_tools *t, const struct load_options *o, struct image_source *s,
                    size_t i, bool named, struct load_result *ret, struct error *err)
{
    const struct platform host = platform_host();
    struct image_source_image from;
    CLEANUP(image_freep) struct image *image = NULL;
    IMAGE_ORIGIN_AUTO(origin);
    int r = image_source_read(s, i, o->platform ? o->platform : &host, &from, err);

    if (r < 0)
        return r;
    find_origin(o, s, &from, &origin);
    r = ask_policy(t, o, &from, &origin, named, err);
    if (r == 0)
        r = load_layers(t, o->reference ? s : NULL, &from, o->directory, &image, err);
    if (r == 0)
        image_origins_set(&image->record, &(struct image_origins){&origin, .size = 1});
    if (r == 0 && o->unnamed && !o->unsaved)
        r = image_save(t, image, NULL, err);
    else if (r == 0 && !o->unsaved)
        r = save_names(t, image, &from.names, named ? o->name : NULL, &ret->names, err);
    image_source_image_done(&from);
    if (r == 0)
        vec_push(ret, steal(image));
    return MIN(r, 0);
}

/* A layout that holds several images is a choice; an archive is loaded as a whole, as docker
 * does. */
static int load_all(struct image_tools *t, const struct load_options *o, struct image_source *s,
                    struct load_result *ret, struct error *err)
{
    const size_t count = image_source_count(s);
    size_t only = 0;
    int r = 0;

    if (o->tag || count == 1 || count == 0 || o->name || o->directory) {
        r = image_source_find(s, o->tag, &only, err);
        return r < 0 ? r : load_one(t, o, s, only, true, ret, err);
    }
    for (size_t i = 0; r == 0 && i < count; i++)
        r = load_one(t, o, s, i, false, ret, err);
    return r;
}

static int spool_copy(void *ctx, int in, int out, struct error *err)
{
    struct image_tools *t = ctx;
    struct holder *h;
    const int fds[] = {in, out};
    cleanup_doc json_t *request = json_object();
    const int r = image_holder(t, &h, err);

    return r < 0 ? r : holder_call(h, "spool", request, fds, ARRAY_SIZE(fds), NULL, err);
}

int image_load(struct image_tools *t, const struct load_options *o, struct load_result *ret,
               struct error *err)
{
    CLEANUP(image_source_closep) struct image_source *s = NULL;
    const struct platform host = platform_host();
    const struct image_spool spool = {store_fd(t->store), spool_copy, t};
    struct load_result made = {0};
    int r = o->reference
                ? image_source_open_registry(image_wire(t), o->reference,
                                             o->platform ? o->platform : &host, o->allowed, &s, err)
                : image_source_open(o->path, &spool, &s, err);

    if (r < 0)
        return r;
    r = load_all(t, o, s, &made, err);
    if (r < 0) {
        load_result_done(&made);
        cleanup_free char *name = o->reference ? reference_familiar(o->reference) : NULL;
        if (name)
            return error_wrap(err, r, "pull %s", name);
        return error_wrap(err, r, "load %s",
                          strcmp(o->path, "-") == 0 ? "standard input" : o->path);
    }
    *ret = made;
    return 0;
}

void load_result_done(struct load_result *r)
{
    vec_each (item, r) {
        image_free(*item);
    }
    vec_done(r);
    strings_done(&r->names);
}
