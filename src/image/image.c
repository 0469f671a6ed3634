#include "image/image.h"

#include <errno.h>
#include <unistd.h>

#include "image/internal.h"
#include "image/origin.h"
#include "image/queue.h"
#include "oci/media.h"

void image_free(struct image *i)
{
    if (!i)
        return;
    store_image_done(&i->record);
    config_done(&i->config);
    free(i);
}

int image_name_canonical(const char *name, char **ret, struct error *err)
{
    REFERENCE_AUTO(ref);
    const int r = reference_parse(name, &ref, err);

    if (r < 0)
        return r;
    if (ref.has_digest)
        return error_set(err, -EINVAL, "'%.120s' names a digest; an image is named by a tag", name);
    *ret = reference_format(&ref);
    return 0;
}

char *image_name_familiar(const char *canonical)
{
    REFERENCE_AUTO(ref);

    return reference_parse(canonical, &ref, NULL) < 0 ? xstrdup(canonical)
                                                      : reference_familiar(&ref);
}

static bool has_digest(const struct store_image *record, const struct digest *d)
{
    const char *manifest = json_string_value(json_object_get(record->extra, "manifest"));
    CLEANUP(image_origins_done) struct image_origins from = {0};
    struct digest is;

    if (manifest) {
        digest_of(view_of(manifest), &is);
        if (digest_eq(&is, d))
            return true;
    }
    image_origins_read(record, &from);
    return !from.made && from.size == 1 && digest_eq(&from.at[0].digest, d);
}

/* By the digest of its manifest, or of the index that it was chosen from: wherever it came from, it is
 * the same. */
static int find_digest(struct store *s, const struct digest *d, struct store_image *ret,
                       struct error *err)
{
    struct store_images all = {0};
    const struct store_image *found = NULL;
    char id[DIGEST_TEXT_MAX];
    int r = store_image_list(s, NULL, NULL, &all, err);

    vec_each (record, &all)
        if (!found && has_digest(record, d))
            found = record;
    if (r == 0 && !found)
        r = error_set(err, -ENOENT, "no image has the digest %s", digest_format(d, id));
    else if (r == 0 && found->name)
        r = store_image_get(s, found->name, ret, err);
    else if (r == 0)
        r = store_image_find(s, digest_format(&found->id, id), ret, err);
    store_images_done(&all);
    return r;
}

/* A name first, then an id; both may be meant by "beef". */
static int find_record(struct store *s, const char *name, struct store_image *ret,
                       struct error *err)
{
    REFERENCE_AUTO(ref);
    ERROR_AUTO(why);
    int r = reference_parse(name, &ref, &why);

    if (r == 0) {
        cleanup_free char *full = reference_format(&ref);
        r = ref.has_digest ? find_digest(s, &ref.digest, ret, &why)
                           : store_image_get(s, full, ret, &why);
    }
    if (r == 0 || (r != -ENOENT && r != -EINVAL))
        return r < 0 ? error_move(err, &why) : 0;
    if (!reference_is_id(name))
        return error_move(err, &why);
    error_done(&why);
    return store_image_find(s, name, ret, err);
}

int image_open(struct image_tools *t, const char *name, struct image **ret, struct error *err)
{
    CLEANUP(image_freep) struct image *i = xcalloc(1, sizeof(*i));
    ERROR_AUTO(why);
    int r = find_record(t->store, name, &i->record, &why);

    if (r == -ENOENT)
        return error_hint(
            err, error_set(err, r, "there is no image '%.120s'", name),
            "'cooper images' lists them; 'cooper pull' and 'cooper load' bring one in");
    if (r < 0)
        return error_move(err, &why);
    r = config_parse(str_view(&i->record.config), &i->config, err);
    if (r < 0)
        return error_wrap(err, r, "image '%.120s'", name);
    *ret = steal(i);
    return 0;
}

int image_open_record(struct image_tools *t, const char *name, struct image **ret,
                      struct error *err)
{
    CLEANUP(image_freep) struct image *i = xcalloc(1, sizeof(*i));
    int r = store_image_get(t->store, name, &i->record, err);

    if (r == 0)
        r = config_parse(str_view(&i->record.config), &i->config, err);
    if (r < 0)
        return error_wrap(err, r, "image '%.120s'", name);
    *ret = steal(i);
    return 0;
}

/* Brings config bytes, diff ids and id into line with the layers. */
static void refresh(struct image *i)
{
    bool all = true;

    vec_done(&i->config.diff_ids);
    vec_each (layer, &i->record.layers) {
        all = all && !digest_is_zero(&layer->diff_id);
    }
    if (all)
        vec_each (layer, &i->record.layers) {
            config_add_diff_id(&i->config, &layer->diff_id);
        }
    str_clear(&i->record.config);
    config_print(&i->config, &i->record.config);
    i->record.id = (struct digest){0};
    if (all)
        digest_of(str_view(&i->record.config), &i->record.id);
}

void image_add_blob(struct store_layer *l, const struct digest *digest, uint64_t size,
                    const char *media_type)
{
    struct store_blob blob = {*digest, size, xstrdup(media_type)};

    vec_push(&l->blobs, blob);
}

int image_find_blob(struct image_tools *t, struct store_layer *l, struct error *err)
{
    static const struct {
        const char *form, *media_type;
    } forms[] = {{"gzip", MEDIA_OCI_LAYER_GZIP},
                 {"zstd", MEDIA_OCI_LAYER_ZSTD},
                 {"none", MEDIA_OCI_LAYER_TAR}};
    struct digest blob;
    uint64_t size;

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        const int r = cache_blob_get(t->cache, &l->diff_id, forms[i].form, &blob, &size, err);

        if (r > 0)
            image_add_blob(l, &blob, size, forms[i].media_type);
        if (r != 0)
            return r;
    }
    return 0;
}

void image_archive_key(const struct store_layer *l, struct digest *ret)
{
    struct hash h;

    *ret = l->tree;
    if (l->times.mode == LAYER_TIMES_KEEP)
        return;
    hash_init(&h);
    hash_add_field(&h, VIEW("archive with other times"));
    hash_add(&h, l->tree.sha256, sizeof(l->tree.sha256));
    hash_add_u64(&h, l->times.mode);
    hash_add_u64(&h, (uint64_t)l->times.epoch_s);
    hash_done(&h, ret->sha256);
}

/* What the record of another image says of the layer, with the blobs that are there still: 1. */
static int take_old(struct image_tools *t, struct store_layer *l, const struct store_layer *old)
{
    if (!old || digest_is_zero(&old->diff_id))
        return 0;
    vec_each (b, &old->blobs) {
        if (store_blob_hold(t->store, &b->digest, NULL) == 0)
            image_add_blob(l, &b->digest, b->size, b->media_type);
    }
    if (l->blobs.size) {
        l->diff_id = old->diff_id;
        l->foreign = json_incref(old->foreign);
    }
    return l->blobs.size > 0;
}

/* A layer that was loaded stays what it was, byte for byte, while its blob is there; one that is known by its tree
 * alone has the diff id of the archive that the tree makes. */
static int know_layer(struct image_tools *t, struct store_layer *l, const struct store_layer *old,
                      const struct digest *loaded_as, struct error *err)
{
    if (take_old(t, l, old) > 0)
        return 0;
    if (loaded_as) {
        l->diff_id = *loaded_as;
        const int r = image_find_blob(t, l, err);

        if (r != 0)
            return MIN(r, 0);
        l->diff_id = (struct digest){0};
    }
    struct digest archive;
    image_archive_key(l, &archive);
    const int got = cache_link_get(t->cache, CACHE_TREE_DIFF, &archive, &l->diff_id, err);

    return MIN(got, 0);
}

int image_new(struct image_tools *t, const struct image_config *config,
              const struct image_layer *layers, size_t layer_count, struct image **ret,
              struct error *err)
{
    CLEANUP(image_freep) struct image *i = xcalloc(1, sizeof(*i));

    i->record.config = STR_INIT;
    i->record.created_s = t->env->now_s;
    config_clone(config, &i->config);
    for (size_t n = 0; n < layer_count; n++) {
        vec_push(&i->record.layers,
                 (struct store_layer){.tree = layers[n].tree, .times = layers[n].times});
        const int r = know_layer(t, vec_last(&i->record.layers), layers[n].old,
                                 n < config->diff_ids.size ? &config->diff_ids.at[n] : NULL, err);

        if (r < 0)
            return r;
    }
    refresh(i);
    image_origins_set(&i->record, &(struct image_origins){.made = true});
    *ret = steal(i);
    return 0;
}

int image_save(struct image_tools *t, struct image *i, const char *name, struct error *err)
{
    cleanup_free char *canonical = NULL;
    int r = name ? image_name_canonical(name, &canonical, err) : 0;

    if (r < 0)
        return r;
    free(i->record.name);
    i->record.name = steal(canonical);
    if (!name && digest_is_zero(&i->record.id)) {
        r = image_finish(t, i, err); /* without a name, the id is all that it is known by */
        if (r < 0)
            return r;
    }
    if (name)
        r = image_forget_others(t, i->record.name, json_object_get(i->record.extra, "platforms"),
                                err);
    return r < 0 ? r : store_image_put(t->store, &i->record, err);
}

void image_put_times(struct layer_times times, json_t *request)
{
    static const char *const keys[] = {[LAYER_TIMES_CLAMP] = "clamp", [LAYER_TIMES_SET] = "set"};

    if (times.mode != LAYER_TIMES_KEEP)
        doc_set_int(request, keys[times.mode], times.epoch_s);
}

void image_pack_tree(const struct store_layer *l, json_t *request)
{
    char hex[DIGEST_HEX_MAX];

    doc_set_text(request, "tree", digest_hex(&l->tree, hex));
    image_put_times(l->times, request);
}

static json_t *pack_request(const struct store_layer *l)
{
    json_t *doc = json_object();

    image_pack_tree(l, doc);
    doc_set_text(doc, "codec", "none");
    return doc;
}

int image_take_diff_id(struct image_tools *t, struct store_layer *layer,
                       const struct digest *diff_id, struct error *err)
{
    char have[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];
    struct digest archive;
    int r;

    if (layer->blobs.size || !digest_is_zero(&layer->diff_id)) {
        if (digest_eq(&layer->diff_id, diff_id))
            return 0;
        return error_set(err, -EPROTO, "layer %s comes out of the store as %s",
                         digest_format(&layer->diff_id, have), digest_format(diff_id, got));
    }
    layer->diff_id = *diff_id;
    image_archive_key(layer, &archive);
    r = cache_link_put(t->cache, CACHE_TREE_DIFF, &archive, diff_id, err);
    return r < 0 ? r : cache_link_put(t->cache, CACHE_DIFF_TREE, diff_id, &layer->tree, err);
}

static int take_answer(struct image_tools *t, struct store_layer *layer, const json_t *answer,
                       struct error *err)
{
    const char *text;
    struct digest diff_id;
    int r = doc_need_text(answer, "diff_id", &text, err);

    if (r == 0)
        r = digest_parse(text, &diff_id, err);
    return r < 0 ? r : image_take_diff_id(t, layer, &diff_id, err);
}

int image_finish(struct image_tools *t, struct image *i, struct error *err)
{
    const size_t count = i->record.layers.size;
    cleanup_free struct queue_item *items = xcalloc(count + 1, sizeof(*items));
    cleanup_free struct store_layer **layers = xcalloc(count + 1, sizeof(struct store_layer *));
    size_t wanted = 0;
    int r;

    if (!digest_is_zero(&i->record.id))
        return 0;
    vec_each (layer, &i->record.layers) {
        if (!digest_is_zero(&layer->diff_id))
            continue;
        layers[wanted] = layer;
        items[wanted++] =
            (struct queue_item){.job = "layer-pack", .request = pack_request(layer), .fd = -1};
    }
    r = queue_run(t, items, wanted, err);
    for (size_t n = 0; r == 0 && n < wanted; n++)
        r = take_answer(t, layers[n], items[n].answer, err);
    queue_items_done(items, wanted);
    if (r < 0)
        return error_wrap(err, r, "compute the image id");
    refresh(i);
    return i->record.name ? store_image_put(t->store, &i->record, err) : 0;
}
