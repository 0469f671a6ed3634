/* The text of an image record. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/doc.h"
#include "base/hash.h"
#include "oci/descriptor.h"
#include "store/images.h"

#define RECORD_FORMAT 1
#define RECORD_LAYERS_MAX 1000 /* overlay takes 500, registries and docker 127 */
#define RECORD_FORMS_MAX 32    /* compressed forms of one layer */

static void layer_done(struct store_layer *l)
{
    vec_each (b, &l->blobs)
        free(b->media_type);
    vec_done(&l->blobs);
    doc_unref(l->foreign);
}

void store_image_done(struct store_image *i)
{
    free(i->name);
    if (i->config.at) /* zeroed memory is an empty image */
        str_done(&i->config);
    vec_each (l, &i->layers)
        layer_done(l);
    vec_done(&i->layers);
    doc_unref(i->extra);
    *i = (struct store_image){0};
}

void store_images_done(struct store_images *l)
{
    vec_each (i, l)
        store_image_done(i);
    vec_done(l);
}

/* --- out --- */

static void set_digest(json_t *obj, const char *key, const struct digest *d)
{
    char text[DIGEST_TEXT_MAX];

    if (!digest_is_zero(d))
        doc_set_text(obj, key, digest_format(d, text));
}

static const char *const times_keys[] = {
    [LAYER_TIMES_CLAMP] = "timesClampedTo", [LAYER_TIMES_SET] = "timesSetTo"};

static json_t *print_layer(const struct store_layer *l)
{
    json_t *layer = json_object(), *blobs = json_array();

    set_digest(layer, "tree", &l->tree);
    set_digest(layer, "diffId", &l->diff_id);
    vec_each (b, &l->blobs) {
        json_t *blob = json_object();

        set_digest(blob, "digest", &b->digest);
        doc_set_int(blob, "size", (int64_t)b->size);
        doc_set_text(blob, "mediaType", b->media_type);
        doc_push(blobs, blob);
    }
    doc_set(layer, "blobs", blobs);
    if (l->foreign)
        doc_set(layer, "foreign", json_incref(l->foreign));
    if (l->times.mode != LAYER_TIMES_KEEP)
        doc_set_int(layer, times_keys[l->times.mode], l->times.epoch_s);
    return layer;
}

void record_print(const struct store_image *i, struct str *ret)
{
    cleanup_doc json_t *doc = json_object();
    json_t *layers = json_array();

    doc_set_int(doc, "format", RECORD_FORMAT);
    if (i->name)
        doc_set_text(doc, "name", i->name);
    set_digest(doc, "id", &i->id);
    doc_set_int(doc, "created", i->created_s);
    doc_set_text(doc, "config", i->config.at ? i->config.at : "");
    vec_each (l, &i->layers)
        doc_push(layers, print_layer(l));
    doc_set(doc, "layers", layers);
    if (i->extra)
        doc_set(doc, "extra", json_incref(i->extra));
    doc_print(doc, true, ret);
    str_add_char(ret, '\n');
}

void store_image_key(const struct store_image *i, struct digest *ret)
{
    struct hash h;

    *ret = i->id;
    if (!digest_is_zero(&i->id))
        return;
    hash_init(&h);
    hash_add_field(&h, i->config.at ? str_view(&i->config) : VIEW(""));
    vec_each (l, &i->layers) {
        hash_add(&h, l->tree.sha256, sizeof(l->tree.sha256));
        if (l->times.mode == LAYER_TIMES_KEEP)
            continue; /* so that records of old keep their names */
        hash_add_u64(&h, l->times.mode);
        hash_add_u64(&h, (uint64_t)l->times.epoch_s);
    }
    hash_done(&h, ret->sha256);
}

/* --- in --- */

static int get_digest(const json_t *obj, const char *key, bool needed, struct digest *ret,
                      struct error *err)
{
    const char *text = NULL;
    int r = needed ? doc_need_text(obj, key, &text, err) : doc_text(obj, key, &text, err);

    if (r < 0 || !text)
        return r;
    r = digest_parse(text, ret, err);
    return r < 0 ? error_wrap(err, r, "'%s'", key) : 0;
}

static int parse_blob(const json_t *doc, struct store_layer *l, struct error *err)
{
    struct store_blob b = {0};
    const char *media_type = NULL;
    int64_t size = -1;
    int r = get_digest(doc, "digest", true, &b.digest, err);

    if (r == 0)
        r = doc_need_int(doc, "size", &size, err);
    if (r == 0)
        r = doc_need_text(doc, "mediaType", &media_type, err);
    if (r < 0)
        return r;
    if (size < 0)
        return error_set(err, -EINVAL, "blob has size %" PRId64, size);
    b.size = (uint64_t)size;
    b.media_type = xstrdup(media_type);
    vec_push(&l->blobs, b);
    return 0;
}

static int parse_times(const json_t *doc, struct layer_times *ret, struct error *err)
{
    int r = 0;

    for (size_t i = LAYER_TIMES_CLAMP; r == 0 && i < ARRAY_SIZE(times_keys); i++) {
        if (!json_object_get(doc, times_keys[i]))
            continue;
        ret->mode = (enum layer_times_mode)i;
        r = doc_int(doc, times_keys[i], &ret->epoch_s, err);
    }
    return r;
}

static int parse_layer(const json_t *doc, struct store_layer *l, struct error *err)
{
    json_t *blobs = NULL, *foreign = NULL;
    struct descriptor d;
    int r = get_digest(doc, "tree", true, &l->tree, err);

    if (r == 0)
        r = parse_times(doc, &l->times, err);

    if (r == 0)
        r = get_digest(doc, "diffId", false, &l->diff_id, err);
    if (r == 0)
        r = doc_array(doc, "blobs", &blobs, err);
    if (r == 0)
        r = doc_object(doc, "foreign", &foreign, err);
    if (r == 0 && foreign)
        r = descriptor_read(foreign, "foreign", &d, err);
    if (r < 0)
        return r;
    if (json_array_size(blobs) > RECORD_FORMS_MAX)
        return error_set(err, -EDQUOT, "a layer has %zu blobs, at most %d are read",
                         json_array_size(blobs), RECORD_FORMS_MAX);
    l->foreign = json_incref(foreign);
    for (size_t i = 0; r == 0 && i < json_array_size(blobs); i++)
        r = parse_blob(json_array_get(blobs, i), l, err);
    return r;
}

static int parse_layers(const json_t *doc, struct store_image *image, struct error *err)
{
    json_t *layers = NULL;
    int r = doc_need_array(doc, "layers", &layers, err);

    if (r == 0 && json_array_size(layers) > RECORD_LAYERS_MAX)
        r = error_set(err, -EDQUOT, "%zu layers, at most %d are read", json_array_size(layers),
                      RECORD_LAYERS_MAX);
    for (size_t i = 0; r == 0 && i < json_array_size(layers); i++) {
        vec_push(&image->layers, (struct store_layer){0});
        r = parse_layer(json_array_get(layers, i), vec_last(&image->layers), err);
        if (r < 0)
            r = error_wrap(err, r, "layer %zu", i);
    }
    return r;
}

static int parse_document(const json_t *doc, struct store_image *image, struct error *err)
{
    const char *name = NULL, *config = NULL;
    int64_t format = 0;
    int r = doc_need_int(doc, "format", &format, err);

    if (r == 0 && format != RECORD_FORMAT)
        r = error_set(err, -EINVAL, "record has format %" PRId64 ", this cooper knows %d", format,
                      RECORD_FORMAT);
    if (r == 0)
        r = doc_text(doc, "name", &name, err);
    if (r == 0)
        r = get_digest(doc, "id", false, &image->id, err);
    if (r == 0)
        r = doc_int(doc, "created", &image->created_s, err);
    if (r == 0)
        r = doc_need_text(doc, "config", &config, err);
    if (r == 0)
        r = parse_layers(doc, image, err);
    if (r == 0)
        r = doc_object(doc, "extra", &image->extra, err);
    if (r < 0)
        return r;
    json_incref(image->extra);
    image->name = name ? xstrdup(name) : NULL;
    image->config = STR_INIT;
    str_add_text(&image->config, config);
    return 0;
}

int record_parse(struct view text, struct store_image *ret, struct error *err)
{
    struct store_image image = {0};
    cleanup_doc json_t *doc = NULL;
    int r = doc_parse(text, RECORD_SIZE_MAX, "image record", &doc, err);

    if (r < 0)
        return r;
    r = json_is_object(doc) ? parse_document(doc, &image, err)
                            : error_set(err, -EINVAL, "image record is not an object");
    if (r < 0) {
        store_image_done(&image);
        return error_wrap(err, r == -EDQUOT ? r : -EINVAL, "image record");
    }
    *ret = image;
    return 0;
}
