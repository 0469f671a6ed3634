/* Which blob each layer goes out as: one that is there, or a new one. */
#include <errno.h>

#include "base/hash.h"
#include "image/export_internal.h"
#include "image/internal.h"
#include "image/job_layer.h"
#include "image/queue.h"

static const struct codec *new_codec(const struct exporting *x)
{
    return x->output->codec ? x->output->codec : codec_by_name("gzip");
}

static bool is_wanted(const struct exporting *x, const struct codec *codec)
{
    const struct output *o = x->output;

    if (o->codec && o->force)
        return codec == o->codec;
    /* plain archives are worth packing once; everything packed is good enough */
    return o->codec ? codec == o->codec || codec->id != CODEC_NONE : codec->id != CODEC_NONE;
}

static void form_of(const struct exporting *x, struct str *ret)
{
    str_clear(ret);
    str_add_text(ret, new_codec(x)->name);
    if (x->output->level != CODEC_LEVEL_DEFAULT)
        str_printf(ret, "-%d", x->output->level);
}

/* What packing a layer came to; of what can be fetched file by file this is kept whole: it has a table, and an archive of
 * its own, whose diff id may be another one. */
struct packed_blob {
    struct digest blob, diff_id;
    struct write_toc toc;
    uint64_t size, plain_size;
};

static void indexed_key(const struct exporting *x, size_t i, struct digest *ret)
{
    struct digest archive;
    struct hash h;
    STR_AUTO(form);

    image_archive_key(&x->image->record.layers.at[i], &archive);
    form_of(x, &form);
    hash_init(&h);
    hash_add_field(&h, VIEW("indexed blob 3"));
    hash_add_field(&h, str_view(&form));
    hash_add(&h, archive.sha256, sizeof(archive.sha256));
    hash_done(&h, ret->sha256);
}

static void take_indexed(struct exporting *x, size_t i, const struct packed_blob *e)
{
    x->layers[i] = (struct export_layer){.codec = x->output->codec,
                                         .digest = e->blob,
                                         .size = e->size,
                                         .toc = e->toc,
                                         .diff_id = e->diff_id,
                                         .plain_size = e->plain_size};
}

static int find_indexed(struct exporting *x, size_t i, struct error *err)
{
    struct packed_blob e;
    struct digest key;
    STR_AUTO(value);

    indexed_key(x, i, &key);
    const int r = cache_get(x->tools->cache, &key, &value, err);
    if (r <= 0 || value.size != sizeof(e))
        return MIN(r, 0);
    memcpy(&e, value.at, sizeof(e));
    if (store_blob_hold(x->tools->store, &e.blob, NULL) < 0)
        return 0;
    take_indexed(x, i, &e);
    return 1;
}

static int keep_indexed(struct exporting *x, size_t i, const struct packed_blob *e,
                        struct error *err)
{
    struct store_layer *layer = &x->image->record.layers.at[i];
    struct digest key;

    /* the archive of zstd:chunked is that of the tree */
    if (new_codec(x)->id == CODEC_ZSTD_CHUNKED && digest_is_zero(&layer->diff_id)) {
        const int r = image_take_diff_id(x->tools, layer, &e->diff_id, err);
        if (r < 0)
            return r;
    }
    take_indexed(x, i, e);
    x->layers[i].fresh = true;
    indexed_key(x, i, &key);
    return cache_put(x->tools->cache, &key, view_make(e, sizeof(*e)), &layer->tree, 1, err);
}

/* ---- what is there ---- */

static bool is_foreign_blob(const struct store_layer *layer, const struct digest *blob)
{
    const char *text = json_string_value(json_object_get(layer->foreign, "digest"));
    struct digest d;

    return text && digest_parse(text, &d, NULL) == 0 && digest_eq(&d, blob);
}

bool export_is_foreign(const struct exporting *x, size_t i)
{
    return is_foreign_blob(&x->image->record.layers.at[i], &x->layers[i].digest);
}

/* Blobs of the record first, then packed forms of other times; of a foreign layer its own alone. */
static int find_blob(struct exporting *x, size_t i, struct error *err)
{
    const struct store_layer *layer = &x->image->record.layers.at[i];
    struct export_layer *out = &x->layers[i];
    STR_AUTO(form);

    if (layer->foreign || x->output->level == CODEC_LEVEL_DEFAULT || !x->output->force)
        vec_each (b, &layer->blobs) {
            const struct codec *codec = codec_by_media_type(b->media_type);

            if (codec &&
                (layer->foreign ? is_foreign_blob(layer, &b->digest) : is_wanted(x, codec)) &&
                store_blob_hold(x->tools->store, &b->digest, NULL) == 0) {
                *out = (struct export_layer){.codec = codec, .digest = b->digest, .size = b->size};
                return 1;
            }
        }
    if (codec_is_indexed(new_codec(x)))
        return find_indexed(x, i, err);
    if (digest_is_zero(&layer->diff_id))
        return 0;
    form_of(x, &form);
    const int r =
        cache_blob_get(x->tools->cache, &layer->diff_id, form.at, &out->digest, &out->size, err);
    if (r > 0)
        out->codec = new_codec(x);
    return r;
}

int export_find_blobs(struct exporting *x, struct error *err)
{
    int r = 0;

    for (size_t i = 0; i < x->image->record.layers.size && r >= 0; i++)
        r = find_blob(x, i, err);
    return MIN(r, 0);
}

/* ---- what is not ---- */

/* From the plain bytes that were loaded, where there are such: others may not come out of the tree the same. */
static json_t *pack_request(const struct exporting *x, const struct store_layer *layer)
{
    char hex[DIGEST_HEX_MAX];
    json_t *doc = json_object();

    if (layer->blobs.size && !codec_is_indexed(new_codec(x)))
        doc_set_text(doc, "blob", digest_hex(&layer->blobs.at[0].digest, hex));
    else
        image_pack_tree(layer, doc);
    doc_set_text(doc, "codec", new_codec(x)->name);
    doc_set_int(doc, "level", x->output->level);
    return doc;
}

static int need_digest(const json_t *doc, const char *key, struct digest *ret, struct error *err)
{
    const char *text;
    const int r = doc_need_text(doc, key, &text, err);

    return r < 0 ? r : digest_parse(text, ret, err);
}

static int keep_plain(struct exporting *x, size_t i, const struct packed_blob *e, struct error *err)
{
    struct cache *c = x->tools->cache;
    STR_AUTO(form);
    int r = image_take_diff_id(x->tools, &x->image->record.layers.at[i], &e->diff_id, err);

    if (r < 0)
        return r;
    x->layers[i] = (struct export_layer){
        .codec = new_codec(x), .digest = e->blob, .size = e->size, .fresh = true};
    form_of(x, &form);
    r = cache_blob_put(c, &e->diff_id, form.at, &e->blob, e->size, err);
    return r < 0 ? r : cache_link_put(c, CACHE_BLOB_DIFF, &e->blob, &e->diff_id, err);
}

/* The job has hashed what it wrote. */
static int commit_blob(struct exporting *x, size_t i, const struct packed_blob *e,
                       struct error *err)
{
    struct store_blob_writer *w = x->layers[i].writer;

    x->layers[i].writer = NULL;
    store_blob_vouch(w);
    return store_blob_commit(x->tools->store, w, &e->blob, e->size, NULL, NULL, err);
}

static int take_packed(struct exporting *x, size_t i, const json_t *answer, struct error *err)
{
    const bool indexed = codec_is_indexed(new_codec(x));
    struct packed_blob e = {0};
    int64_t size = 0, plain_size = 0;
    int r = need_digest(answer, "diff_id", &e.diff_id, err);

    if (r == 0)
        r = need_digest(answer, "blob", &e.blob, err);
    if (r == 0)
        r = doc_need_int(answer, "size", &size, err);
    if (r == 0)
        r = doc_need_int(answer, "plain_size", &plain_size, err);
    if (r == 0 && indexed)
        r = job_read_toc(answer, &e.toc, err);
    if (r < 0)
        return r;
    e.size = (uint64_t)size;
    e.plain_size = (uint64_t)plain_size;
    r = commit_blob(x, i, &e, err);
    if (r < 0)
        return r;
    return indexed ? keep_indexed(x, i, &e, err) : keep_plain(x, i, &e, err);
}

#define PACK_MAX 16 /* at a time: each has two descriptors */

struct packing {
    struct exporting *x;
    const struct queue_idle *idle; /* or NULL */
    struct queue_item items[PACK_MAX];
    size_t numbers[PACK_MAX], count; /* numbers: of the layers */
};

/* What is packed counts at once: who writes the layers in order waits for no other one. */
static int take_answers(struct packing *p, struct error *err)
{
    int r = 0;

    for (size_t n = 0; r == 0 && n < p->count; n++)
        if (p->items[n].answer && !p->x->layers[p->numbers[n]].codec)
            r = take_packed(p->x, p->numbers[n], p->items[n].answer, err);
    return r;
}

static int pack_step(void *ctx, struct error *err)
{
    struct packing *p = ctx;
    const int r = take_answers(p, err);

    return r < 0 || !p->idle ? r : p->idle->step(p->idle->ctx, err);
}

static int pack_fd(void *ctx)
{
    const struct packing *p = ctx;

    return p->idle && p->idle->fd ? p->idle->fd(p->idle->ctx) : -1;
}

/* Of the layers from *at on, as far as PACK_MAX goes. */
static int pack_some(struct exporting *x, const struct queue_idle *idle, size_t *at,
                     struct error *err)
{
    const size_t count = x->image->record.layers.size;
    struct packing p = {.x = x, .idle = idle};
    int r = 0;

    for (; *at < count && p.count < PACK_MAX && r == 0; ++*at) {
        const size_t i = *at;

        if (x->layers[i].codec)
            continue;
        r = store_blob_begin(x->tools->store, &x->layers[i].writer, err);
        if (r < 0)
            break;
        p.numbers[p.count] = i;
        p.items[p.count++] = (struct queue_item){
            .job = "layer-pack",
            .title = xasprintf("pack layer %zu of %zu", i + 1, count),
            .request = pack_request(x, &x->image->record.layers.at[i]),
            .fd = store_blob_writer_fd(x->layers[i].writer),
        };
    }
    const struct queue_idle beside = {pack_step, &p, pack_fd};
    r = r < 0 ? r : queue_run_beside(x->tools, p.items, p.count, &beside, err);
    if (r == 0)
        r = take_answers(&p, err);
    for (size_t n = 0; n < p.count; n++)
        mem_freep(&p.items[n].title);
    queue_items_done(p.items, p.count);
    return r;
}

int export_pack_blobs(struct exporting *x, const struct queue_idle *idle, struct error *err)
{
    size_t at = 0;
    int r = 0;

    while (r == 0 && at < x->image->record.layers.size)
        r = pack_some(x, idle, &at, err);
    return r;
}
