#include "image/over.h"

#include "image/target.h"

#define FILES_MAX 48 /* with layers, in one frame beside the directory (base/frame.h) */

struct files {
    int fds[FILES_MAX];
    size_t count;
};

/* Its number among the descriptors of the job, behind the directory; 0: there is no room. */
static size_t file_number(struct files *f, int fd)
{
    size_t i = 0;

    while (i < f->count && f->fds[i] != fd)
        i++;
    if (i == FILES_MAX)
        return 0;
    if (i == f->count)
        f->fds[f->count++] = fd;
    return i + 1;
}

static json_t *layer_doc(const struct image_source_layer *layer, const struct digest *diff_id,
                         size_t number)
{
    json_t *doc = json_object();
    char text[DIGEST_TEXT_MAX];

    doc_set_int(doc, "fd", (int64_t)number);
    doc_set_int(doc, "offset", (int64_t)layer->extent.offset);
    doc_set_int(doc, "size", (int64_t)layer->extent.size);
    if (!digest_is_zero(&layer->digest))
        doc_set_text(doc, "blob", digest_format(&layer->digest, text));
    doc_set_text(doc, "diff_id", digest_format(diff_id, text));
    return doc;
}

/* NULL: this is not for us. */
static json_t *request_of(const struct image_source_image *from, struct files *files)
{
    cleanup_doc json_t *layers = json_array();
    uint64_t total = 0;

    for (size_t i = 0; i < from->layer_count; i++) {
        const struct image_source_layer *layer = &from->layers[i];
        const size_t number = layer->extent.fd < 0 ? 0 : file_number(files, layer->extent.fd);

        if (number == 0)
            return NULL;
        total += layer->extent.size;
        doc_push(layers, layer_doc(layer, &from->parsed.diff_ids.at[i], number));
    }
    json_t *doc = json_object();
    doc_set_int(doc, "total", (int64_t)total);
    doc_set(doc, "layers", steal(layers));
    return doc;
}

int over_unpack(struct image_tools *t, const struct image_source_image *from, const char *directory,
                struct error *err)
{
    struct files files = {.count = 0};
    struct queue_item item = {
        .job = "image-over", .title = "unpack layers", .request = request_of(from, &files)};

    if (!item.request)
        return 0;
    item.also = files.fds;
    item.also_count = files.count;
    const int r = target_unpack(t, directory, &item, err);
    queue_items_done(&item, 1);
    return r < 0 ? r : 1;
}
