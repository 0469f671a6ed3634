#include "audit/layers.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "audit/jobs.h"
#include "layer/unpack.h"

void audit_layers_done(struct audit_layers *l)
{
    image_view_done(&l->view);
    picks_done(&l->picks);
}

uint32_t audit_layer_number(const struct audit_layers *l, size_t of_view)
{
    return (uint32_t)(l->view.count - 1 - of_view);
}

static int too_large(struct error *err)
{
    return error_set(err, -EDQUOT, "the image is too large to be audited: more than %d files",
                     AUDIT_ENTRIES_MAX);
}

static int count_index(struct audit_layers *l, const struct index *ix, struct error *err)
{
    l->entries += index_count(ix);
    if (l->entries > AUDIT_ENTRIES_MAX)
        return too_large(err);
    for (size_t i = 0; i < index_count(ix); i++)
        l->names += strlen(index_at(ix, i)->path);
    if (l->names > AUDIT_NAMES_MAX)
        return error_set(err, -EDQUOT,
                         "the image is too large to be audited: its paths have more than %" PRIu64
                         " bytes",
                         AUDIT_NAMES_MAX);
    return 0;
}

/* ---- of the store ---- */

static json_t *picks_request(const struct audit_layers *l, const struct digests *trees)
{
    json_t *request = json_object(), *list = json_array(), *programs = json_array();
    char hex[DIGEST_HEX_MAX];

    vec_each (tree, trees)
        doc_push(list, doc_new_text(digest_hex(tree, hex)));
    vec_each (name, &l->picks.programs)
        doc_push(programs, doc_new_text(*name));
    doc_set(request, "trees", list);
    doc_set(request, "programs", programs);
    return request;
}

static int read_picks(struct image_tools *t, const struct digests *trees, struct audit_layers *l,
                      struct error *err)
{
    cleanup_doc json_t *request = picks_request(l, trees), *answer = NULL;
    struct holder *h;
    int r = image_holder(t, &h, err);

    if (r == 0)
        r = holder_call(h, AUDIT_PICKS_JOB, request, NULL, 0, &answer, err);
    return r < 0 ? r : picks_parse(answer, &l->picks, err);
}

int audit_layers_of_image(struct image_tools *t, const struct image *i, struct audit_layers *ret,
                          struct error *err)
{
    struct digests trees = {0};
    struct strings command = {0};

    image_holder_ahead(t);
    config_command(&i->config, &command);
    picks_name_programs(&ret->picks, &command);
    vec_done(&command);
    vec_each (layer, &i->record.layers)
        vec_push(&trees, layer->tree);
    int r = image_view_open(t->store, trees.at, trees.size, false, &ret->view, err);
    for (size_t n = 0; r == 0 && n < ret->view.count; n++)
        r = count_index(ret, ret->view.indexes[n], err);
    if (r == 0 && trees.size > 0)
        r = read_picks(t, &trees, ret, err);
    vec_done(&trees);
    return r;
}

/* ---- of an archive ---- */

struct reading {
    struct audit_layers *layers;
    uint64_t entries;
    char buf[PICK_PACKAGES_MAX];
};

/* Directories that no entry names are not met here, and are known at the end. */
static int on_entry(void *ctx, const struct entry *e, struct error *err)
{
    struct reading *r = ctx;

    (void)e;
    return ++r->entries + r->layers->entries > AUDIT_ENTRIES_MAX ? too_large(err) : 1;
}

static int on_data(void *ctx, const struct entry *e, struct tar_reader *r, struct error *err)
{
    struct reading *reading = ctx;
    struct picks *picks = &reading->layers->picks;
    const size_t want = picks_want(picks, view_of(e->path), e->mode, e->size);
    size_t have = 0;

    while (have < want) {
        const int n = tar_read(r, reading->buf + have, want - have, err);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    if (want > 0)
        picks_take(picks, (uint32_t)reading->layers->view.count, view_of(e->path), e->mode, e->size,
                   view_make(reading->buf, have));
    return 0;
}

/* The new layer is the top: first in the list. */
static void push_layer(struct image_view *v, struct index *take_index)
{
    v->indexes = xrealloc(v->indexes, (v->count + 1) * sizeof(struct index *));
    memmove(v->indexes + 1, v->indexes, v->count * sizeof(struct index *));
    v->indexes[0] = take_index;
    v->count++;
    merge_free(v->merge);
    v->merge = merge_new((const struct index *const *)v->indexes, v->count);
}

int audit_layers_add(struct audit_layers *l, struct codec_reader *in, struct error *err)
{
    cleanup_free struct reading *reading = xmalloc(sizeof(*reading));
    CLEANUP(unpack_freep) struct unpack *u = NULL;
    struct unpack_result result = {0};
    const struct unpack_options o = {
        .root_fd = -1,
        .below = l->view.merge ? UNPACK_BELOW_VIEW : UNPACK_BELOW_NOTHING,
        .view = l->view.merge,
        .names_max = AUDIT_NAMES_MAX + 1 - l->names,
        .filter = on_entry,
        .data = on_data,
        .ctx = reading,
    };

    reading->layers = l;
    reading->entries = 0;
    int r = unpack_new(&o, &u, err);
    if (r == 0)
        r = unpack_tar(u, in, err);
    if (r == 0)
        r = unpack_finish(u, &result, err);
    if (r < 0)
        return r;
    push_layer(&l->view, result.index);
    return count_index(l, result.index, err);
}

/* A part of a file that others may read too. */
struct part {
    int fd;
    uint64_t at, left;
};

static int part_read(void *ctx, void *buf, size_t size, struct error *err)
{
    struct part *p = ctx;
    const size_t want = (size_t)MIN(p->left, MIN(size, 1u << 30));
    const ssize_t n = want ? pread(p->fd, buf, want, (off_t)p->at) : 0;

    if (n < 0)
        return error_sys(err, "read layer");
    if (n == 0 && want > 0)
        return error_set(err, -EPROTO, "layer is cut short");
    p->at += (uint64_t)n;
    p->left -= (uint64_t)n;
    return (int)n;
}

static int check_sums(const struct image_source_layer *layer, const struct digest *diff_id,
                      const struct codec_sums *sums, struct error *err)
{
    char text[DIGEST_TEXT_MAX];

    if (!digest_is_zero(&layer->digest) && !digest_eq(&layer->digest, &sums->packed))
        return error_set(err, -EPROTO, "layer %s has other bytes than its digest says",
                         digest_format(&layer->digest, text));
    if (!digest_eq(diff_id, &sums->plain))
        return error_set(err, -EPROTO, "layer with diff id %s has other bytes",
                         digest_format(diff_id, text));
    return 0;
}

/* A layer of a registry: a descriptor of the caller's. */
static int fetch(struct image_tools *t, struct image_source *s,
                 const struct image_source_layer *layer, int *ret_fd, struct error *err)
{
    struct image_fetch f = {.told_fd = -1};

    if (store_blob_has(t->store, &layer->digest)) {
        *ret_fd = store_blob_open(t->store, &layer->digest, NULL, err);
        return MIN(*ret_fd, 0);
    }
    cleanup_close int fd = fd_open_unnamed(store_fd(t->store), "tmp", 0, err);
    if (fd < 0)
        return fd;
    image_source_fetch(s, layer, fd, 0, &f);
    const int r = wire_run(image_wire(t), err);
    if (r < 0)
        return r;
    *ret_fd = steal_fd(fd);
    return 0;
}

static int add_source_layer(struct audit_layers *l, const struct image_source_layer *layer, int fd,
                            const struct digest *diff_id, struct error *err)
{
    struct part part = {fd, layer->extent.offset, layer->extent.size};
    struct codec_sums sums;

    CLEANUP(codec_closep)
    struct codec_reader *in = codec_open_source(
        part_read, &part, CODEC_AHEAD | CODEC_HASH_PLAIN | CODEC_HASH_PACKED, NULL);
    int r = audit_layers_add(l, in, err);
    if (r == 0)
        r = codec_drain(in, &sums, err);
    return r < 0 ? r : check_sums(layer, diff_id, &sums, err);
}

static int add_any_layer(struct image_tools *t, struct image_source *s,
                         const struct image_source_image *i, size_t n, struct audit_layers *l,
                         struct error *err)
{
    const struct image_source_layer *layer = &i->layers[n];
    cleanup_close int fetched = -1;
    const int r = layer->extent.fd < 0 ? fetch(t, s, layer, &fetched, err) : 0;

    if (r < 0)
        return r;
    return add_source_layer(l, layer, fetched >= 0 ? fetched : layer->extent.fd,
                            &i->parsed.diff_ids.at[n], err);
}

int audit_layers_of_source(struct image_tools *t, struct image_source *s,
                           const struct image_source_image *i, struct audit_layers *ret,
                           struct error *err)
{
    struct strings command = {0};
    int r = 0;

    config_command(&i->parsed, &command);
    picks_name_programs(&ret->picks, &command);
    vec_done(&command);
    for (size_t n = 0; r == 0 && n < i->layer_count; n++) {
        r = add_any_layer(t, s, i, n, ret, err);
        if (r < 0)
            return error_wrap(err, r, "read layer %zu of %zu", n + 1, i->layer_count);
    }
    if (!ret->view.merge)
        ret->view.merge = merge_new(NULL, 0);
    return r;
}

/* ---- files ---- */

/* A pick has the name that the archive gave the file; the index may call it by another of its links. */
static const struct pick *find_pick(const struct audit_layers *l, const struct merge_file *f)
{
    const struct index *ix = l->view.indexes[f->layer];

    vec_each (pick, &l->picks) {
        if (pick->layer != audit_layer_number(l, f->layer) || pick->key)
            continue;
        const struct entry *e = index_find(ix, view_of(pick->path));
        if (e && index_file(ix, e) == f->entry)
            return pick;
    }
    return NULL;
}

const struct pick *audit_layers_file(const struct audit_layers *l, const char *path,
                                     struct merge_file *ret_file)
{
    struct merge_file file = {0};
    STR_AUTO(real);

    if (merge_resolve(l->view.merge, view_of(path), 0, &real, &file, NULL) < 0)
        file = (struct merge_file){0};
    if (ret_file)
        *ret_file = file;
    return file.entry && file.entry->type == ENTRY_FILE ? find_pick(l, &file) : NULL;
}
