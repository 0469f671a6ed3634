/* Jobs on one layer: a blob becomes a tree, a tree becomes a blob. */
#include "image/job_layer.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/follow.h"
#include "layer/unpack.h"
#include "layer/write.h"
#include "oci/media.h"

#define COPY_STEP (8u << 20) /* bytes between two words about progress */

struct load {
    const struct job_context *ctx;
    struct store *store;
    uint64_t offset, size;
    struct digest blob, diff_id; /* zero: not known */
    bool unpack, keep, first;
    bool own;               /* the file is main's, which keeps it: it need not be copied */
    struct digests below;   /* bottom first; empty: not looked at */
    struct image_view view; /* of below */
    struct follow follow;   /* own: it may still be on its way */
};

static int read_load(const json_t *request, struct load *l, struct error *err)
{
    int64_t offset = 0, size = 0;
    int r = doc_need_int(request, "offset", &offset, err);

    if (r == 0)
        r = doc_need_int(request, "size", &size, err);
    if (r == 0)
        r = job_digest(request, "blob", &l->blob, err);
    if (r == 0)
        r = job_digest(request, "diff_id", &l->diff_id, err);
    if (r == 0)
        r = doc_bool(request, "unpack", &l->unpack, err);
    if (r == 0)
        r = doc_bool(request, "keep", &l->keep, err);
    if (r == 0)
        r = doc_bool(request, "first", &l->first, err);
    if (r == 0)
        r = doc_bool(request, "own", &l->own, err);
    if (r == 0)
        r = job_trees(request, "below", &l->below, err);
    if (r == 0 && (offset < 0 || size < 0))
        r = error_set(err, -EINVAL, "layer-load: negative place");
    l->offset = (uint64_t)offset;
    l->size = (uint64_t)size;
    return r;
}

static void tell(const struct load *l, uint64_t done)
{
    json_t *message = json_object();

    doc_set_int(message, "done", (int64_t)done);
    doc_set_int(message, "total", (int64_t)l->size);
    job_progress(l->ctx, message);
}

/* From the caller's file, whose offset several jobs share, into ours: by reference where the file
 * system can. */
static int copy_in(const struct load *l, int from, int to, struct error *err)
{
    loff_t at = (loff_t)l->offset;
    uint64_t left = l->size;

    while (left > 0) {
        const size_t step = (size_t)MIN(left, COPY_STEP);
        ssize_t n = copy_file_range(from, &at, to, NULL, step, 0);

        if (n < 0 &&
            (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
            static char buf[1 << 17];

            n = pread(from, buf, MIN(step, sizeof(buf)), at);
            if (n > 0) {
                const int r = fd_write_all(to, view_make(buf, (size_t)n), err);
                if (r < 0)
                    return r;
                at += n;
            }
        }
        if (n < 0)
            return error_sys(err, "read layer");
        if (n == 0)
            return error_set(err, -EPROTO,
                             "layer is cut short: %" PRIu64 " of %" PRIu64 " bytes are there",
                             l->size - left, l->size);
        left -= (uint64_t)n;
        tell(l, l->size - left);
    }
    return 0;
}

static struct unpack_options unpack_options_of(const struct load *l, int fs)
{
    struct unpack_options o = {
        .root_fd = fs,
        .owner = job_owner_mode(l->ctx),
        .below = l->first ? UNPACK_BELOW_NOTHING : UNPACK_BELOW_UNKNOWN,
    };

    if (l->view.merge) {
        o.below = UNPACK_BELOW_VIEW;
        o.view = l->view.merge;
        o.view_fs = l->view.fs;
    }
    return o;
}

int job_save_index(struct store_tree *tree, const struct index *index, struct error *err)
{
    cleanup_close int fd = fd_open(store_tree_dir_fd(tree), "index",
                                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0644, err);

    return fd < 0 ? fd : index_save(index, fd, err);
}

static const struct digest *known(const struct digest *d)
{
    return digest_is_zero(d) ? NULL : d;
}

/* The blob in fd becomes a tree. */
static int unpack(struct load *l, int fd, struct codec_sums *ret_sums, json_t *answer,
                  struct error *err)
{
    CLEANUP(store_tree_abortp) struct store_tree *tree = NULL;
    struct unpack_result result = {0};
    struct digest id;
    char hex[DIGEST_HEX_MAX];
    int r = store_tree_begin(l->store, &tree, err);

    image_view_done(&l->view);
    if (r == 0 && l->below.size)
        r = image_view_open(l->store, l->below.at, l->below.size, true, &l->view, err);
    if (r < 0)
        return r;
    const struct unpack_options o = unpack_options_of(l, store_tree_fs_fd(tree));
    ERROR_AUTO(why);
    r = unpack_layer_followed(fd, &l->follow, &o, known(&l->blob), known(&l->diff_id), &result,
                              ret_sums, &why);
    if ((r == -ENOENT || r == -EINVAL) && o.below == UNPACK_BELOW_UNKNOWN) {
        doc_set_bool(answer, "wants_below", true); /* a hard link to a file below, perhaps */
        return 0;
    }
    if (r < 0)
        return error_move(err, &why);
    CLEANUP(index_freep) struct index *index = result.index;
    doc_set_bool(answer, "used_below", result.used_below);
    if (result.wants_below && !l->view.merge) {
        doc_set_bool(answer, "wants_below", true); /* asked again with them */
        return 0;
    }
    r = job_save_index(tree, index, err);
    if (r < 0)
        return r;
    index_tree_id(index, &id);
    r = store_tree_commit(l->store, steal(tree), &id, index_size(index), err);
    if (r < 0)
        return r;
    doc_set_text(answer, "tree", digest_hex(&id, hex));
    return 0;
}

static int verify(struct load *l, int fd, struct codec_sums *ret_sums, struct error *err)
{
    CLEANUP(codec_closep)
    struct codec_reader *in =
        codec_open_fd(fd, CODEC_AHEAD | CODEC_HASH_PLAIN | CODEC_HASH_PACKED, NULL);
    char text[DIGEST_TEXT_MAX];

    codec_follow(in, &l->follow);
    const int r = codec_drain(in, ret_sums, err);
    if (r < 0)
        return r;
    if (known(&l->blob) && !digest_eq(&l->blob, &ret_sums->packed))
        return error_set(err, -EPROTO, "its digest is %s", digest_format(&ret_sums->packed, text));
    if (known(&l->diff_id) && !digest_eq(&l->diff_id, &ret_sums->plain))
        return error_set(err, -EPROTO, "its diff id is %s", digest_format(&ret_sums->plain, text));
    return 0;
}

/* Once more from the beginning when the file began anew, whatever came of it until then. What it failed for is believed when
 * all is there, as whoever fetches it may find that it was sent the wrong part, and ask again. */
static int read_layer(struct load *l, int fd, struct codec_sums *ret_sums, json_t *answer,
                      struct error *err)
{
    for (;;) {
        ERROR_AUTO(why);

        l->follow.again = false;
        json_object_clear(answer);
        if (lseek(fd, 0, SEEK_SET) < 0)
            return error_sys(err, "read layer");
        const int r =
            l->unpack ? unpack(l, fd, ret_sums, answer, &why) : verify(l, fd, ret_sums, &why);
        const int waited = r < 0 ? follow_wait(&l->follow, NULL) : 0;
        follow_take(&l->follow);
        if (waited < 0 || !l->follow.again)
            return r < 0 ? error_move(err, &why) : r;
    }
}

static const char *media_of_codec(enum codec_id id)
{
    return id == CODEC_GZIP   ? MEDIA_OCI_LAYER_GZIP
           : id == CODEC_ZSTD ? MEDIA_OCI_LAYER_ZSTD
           : id == CODEC_NONE ? MEDIA_OCI_LAYER_TAR
                              : NULL; /* xz and bzip2 have no media type: not kept */
}

static int load(struct load *l, int from, json_t *answer, struct error *err)
{
    CLEANUP(store_blob_abortp) struct store_blob_writer *w = NULL;
    struct codec_sums sums = {0};
    char text[DIGEST_TEXT_MAX];
    int r = l->own ? 0 : store_blob_begin(l->store, &w, err);

    if (r < 0)
        return r;
    const int fd = w ? store_blob_writer_fd(w) : from;
    r = w ? copy_in(l, from, fd, err) : 0;
    if (r < 0)
        return r;
    r = read_layer(l, fd, &sums, answer, err);
    if (r < 0 || json_is_true(json_object_get(answer, "wants_below")))
        return r;
    doc_set_text(answer, "diff_id", digest_format(&sums.plain, text));
    const char *media = media_of_codec(sums.id);
    if (!l->keep || !media)
        return 0;
    if (w) {
        store_blob_vouch(w); /* all of it was read and hashed just now */
        r = store_blob_commit(l->store, steal(w), &sums.packed, l->size, NULL, NULL, err);
    }
    doc_set_text(answer, "blob", digest_format(&sums.packed, text));
    doc_set_int(answer, "size", (int64_t)l->size);
    doc_set_text(answer, "media_type", media);
    return r;
}

int job_layer_load(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err)
{
    struct load l = {.ctx = ctx, .follow = {.fd = fd_count == 2 ? fds[1] : -1}};
    cleanup_doc json_t *answer = json_object();
    char text[DIGEST_TEXT_MAX];
    int r = read_load(request, &l, err);

    if (r == 0 && fd_count != 1 && (fd_count != 2 || !l.own))
        r = error_set(err, -EINVAL, "layer-load wants a file, and what says how it grows");
    if (r == 0)
        r = store_attach(ctx->store_fd, &l.store, err);
    if (r == 0)
        r = load(&l, fds[0], answer, err);
    if (r < 0)
        r = error_wrap(err, r, "layer %s",
                       digest_format(known(&l.blob) ? &l.blob : &l.diff_id, text));
    image_view_done(&l.view);
    vec_done(&l.below);
    store_close(l.store);
    if (r == 0)
        *ret = steal(answer);
    return r;
}

/* ---- packing ---- */

struct pack {
    struct store *store;
    const struct codec *codec;
    int64_t level;
    struct write_options options;
    int to;           /* -1: only the sums are wanted */
    uint64_t written; /* to it */
    struct codec_writer *writer;
    struct write_toc toc;
};

#define FLUSH_SIZE (8u << 20) /* bytes after which the disk may begin to write */

static int to_blob(void *ctx, struct view packed, struct error *err)
{
    struct pack *p = ctx;
    const int r = p->to < 0 ? 0 : fd_write_all(p->to, packed, err);

    if (r < 0)
        return error_wrap(err, r, "write a blob of the store");
    /* the sync of who takes it into the store then finds little left */
    if (p->to >= 0 && (p->written + packed.size) / FLUSH_SIZE != p->written / FLUSH_SIZE)
        (void)sync_file_range(p->to, 0, 0, SYNC_FILE_RANGE_WRITE);
    p->written += packed.size;
    return 0;
}

static int pack_tree(struct pack *p, const struct digest *tree, struct error *err)
{
    CLEANUP(index_freep) struct index *index = NULL;
    cleanup_close int dir = store_tree_open(p->store, tree, err), fs = -1;
    int r = dir < 0 ? dir : index_load_at(dir, "index", &index, err);

    if (r < 0)
        return r;
    fs = fd_open(dir, "fs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    if (fs < 0)
        return fs;
    struct stat st;
    if (fstatat(dir, "stamp", &st, AT_SYMLINK_NOFOLLOW) == 0)
        p->options.made = st.st_ctim;
    return write_layer(index, fs, &p->options, p->writer, &p->toc, err);
}

static int pack_blob(struct pack *p, const struct digest *blob, struct error *err)
{
    cleanup_close int fd = store_blob_open(p->store, blob, NULL, err);
    struct view piece;
    int r;

    if (fd < 0)
        return fd;
    CLEANUP(codec_closep)
    struct codec_reader *in = codec_open_fd(fd, CODEC_AHEAD | CODEC_HASH_PACKED, NULL);
    while ((r = codec_next(in, &piece, err)) > 0) {
        r = codec_write(p->writer, piece, err);
        if (r < 0)
            return r;
    }
    struct codec_sums sums;
    if (r == 0)
        r = codec_drain(in, &sums, err);
    if (r == 0 && !digest_eq(&sums.packed, blob))
        return error_set(err, -EPROTO, "the blob in the store is damaged");
    return r;
}

static const struct {
    const char *key;
    size_t offset;
} toc_numbers[] = {
    {"toc_at", offsetof(struct write_toc, at)},
    {"toc_size", offsetof(struct write_toc, size)},
    {"toc_plain_size", offsetof(struct write_toc, plain_size)},
    {"split_at", offsetof(struct write_toc, split_at)},
    {"split_size", offsetof(struct write_toc, split_size)},
    {"split_plain_size", offsetof(struct write_toc, split_plain_size)},
};

static void put_toc(const struct write_toc *toc, json_t *answer)
{
    char text[DIGEST_TEXT_MAX];

    doc_set_text(answer, "toc", digest_format(&toc->digest, text));
    for (size_t i = 0; i < ARRAY_SIZE(toc_numbers); i++) {
        uint64_t number;
        memcpy(&number, (const char *)toc + toc_numbers[i].offset, sizeof(number));
        doc_set_int(answer, toc_numbers[i].key, (int64_t)number);
    }
}

int job_read_toc(const json_t *answer, struct write_toc *ret, struct error *err)
{
    struct write_toc toc = {0};
    int r = job_digest(answer, "toc", &toc.digest, err);

    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(toc_numbers); i++) {
        int64_t number = 0;
        r = doc_int(answer, toc_numbers[i].key, &number, err);
        memcpy((char *)&toc + toc_numbers[i].offset, &number, sizeof(number));
    }
    if (r == 0)
        *ret = toc;
    return r;
}

static int finish_pack(struct pack *p, json_t *answer, struct error *err)
{
    struct codec_sums sums;
    char text[DIGEST_TEXT_MAX];
    int r = codec_finish(p->writer, &sums, err);

    if (r < 0)
        return r;
    doc_set_text(answer, "diff_id", digest_format(&sums.plain, text));
    if (!digest_is_zero(&p->toc.digest))
        put_toc(&p->toc, answer);
    doc_set_int(answer, "plain_size", (int64_t)sums.plain_size);
    if (p->to < 0)
        return 0;
    doc_set_text(answer, "blob", digest_format(&sums.packed, text));
    doc_set_int(answer, "size", (int64_t)sums.packed_size);
    return r;
}

int job_times(const json_t *request, struct layer_times *ret, struct error *err)
{
    const bool set = json_object_get(request, "set");

    *ret = (struct layer_times){0};
    if (!set && !json_object_get(request, "clamp"))
        return 0;
    ret->mode = set ? LAYER_TIMES_SET : LAYER_TIMES_CLAMP;
    return doc_need_int(request, set ? "set" : "clamp", &ret->epoch_s, err);
}

static int read_times(const json_t *request, struct write_options *ret, struct error *err)
{
    static const enum write_times modes[] = {[LAYER_TIMES_KEEP] = WRITE_TIMES_KEEP,
                                             [LAYER_TIMES_CLAMP] = WRITE_TIMES_CLAMP,
                                             [LAYER_TIMES_SET] = WRITE_TIMES_SET};
    struct layer_times times = {0};
    const int r = job_times(request, &times, err);

    *ret =
        (struct write_options){.check = true, .times = modes[times.mode], .epoch_s = times.epoch_s};
    return r;
}

static int read_pack(const json_t *request, struct pack *p, struct digest *tree,
                     struct digest *blob, struct error *err)
{
    const char *codec = "none";
    int r = doc_text(request, "codec", &codec, err);

    p->level = CODEC_LEVEL_DEFAULT;
    if (r == 0)
        r = doc_int(request, "level", &p->level, err);
    if (r == 0)
        r = read_times(request, &p->options, err);
    if (r == 0)
        r = job_digest(request, "tree", tree, err);
    if (r == 0)
        r = job_digest(request, "blob", blob, err);
    if (r < 0)
        return r;
    p->codec = codec_by_name(codec);
    return p->codec ? 0 : error_set(err, -EINVAL, "there is no codec '%.40s'", codec);
}

int job_layer_pack(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err)
{
    struct pack p = {0};
    struct digest tree, blob;
    cleanup_doc json_t *answer = json_object();
    int r = read_pack(request, &p, &tree, &blob, err);

    p.to = fd_count == 1 ? fds[0] : -1;
    if (r == 0)
        r = store_attach(ctx->store_fd, &p.store, err);
    if (r == 0)
        r = codec_writer_new(p.codec, (int)p.level, 0, to_blob, &p, &p.writer, err);
    if (r == 0)
        r = digest_is_zero(&tree) ? pack_blob(&p, &blob, err) : pack_tree(&p, &tree, err);
    if (r == 0)
        r = finish_pack(&p, answer, err);
    codec_writer_free(p.writer);
    store_close(p.store);
    if (r < 0)
        return error_wrap(err, r, "write layer");
    *ret = steal(answer);
    return 0;
}
