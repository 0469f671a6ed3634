#include "layer/unpack.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "layer/hashfile.h"
#include "layer/unpack_internal.h"

void unpack_warn(struct unpack *u, const char *fmt, ...)
{
    va_list ap;
    STR_AUTO(text);

    if (!u->o.warn || ++u->warnings > UNPACK_WARN_MAX)
        return;
    va_start(ap, fmt);
    str_vprintf(&text, fmt, ap);
    va_end(ap);
    u->o.warn(u->o.ctx, text.at);
}

int unpack_new(const struct unpack_options *o, struct unpack **ret, struct error *err)
{
    CLEANUP(unpack_freep) struct unpack *u = xcalloc(1, sizeof(*u));
    cleanup_walk struct walk w = WALK_INIT;

    u->o = *o;
    nodes_init(&u->nodes, o->root_fd);
    u->base = u->nodes.root;
    if (o->prefix && o->prefix[0]) {
        const int r = unpack_walk(u, u->nodes.root, o->prefix, WALK_CREATE, &w, err);
        if (r < 0)
            return r;
        if (w.last.size > 0)
            return error_set(err, -ENOTDIR, "'%s' is not a directory", o->prefix);
        u->base = w.dir;
    }
    *ret = steal(u);
    return 0;
}

void unpack_free(struct unpack *u)
{
    if (!u)
        return;
    nodes_done(&u->nodes);
    strings_done(&u->whiteouts);
    free(u);
}

/* ---- making one file ---- */

/* h NULL: nobody wants the digest. */
static int write_hole(int fd, size_t size, struct hash *h, struct error *err)
{
    static char zeros[65536]; /* not const: in .bss they are no bytes of the program */

    if (lseek(fd, (off_t)size, SEEK_CUR) < 0)
        return error_sys(err, "skip a hole");
    for (; h && size > 0; size -= MIN(size, sizeof(zeros)))
        hash_add(h, zeros, MIN(size, sizeof(zeros)));
    return 0;
}

static int write_data(struct unpack *u, int fd, struct tar_reader *r, struct entry *e,
                      struct error *err)
{
    struct view data;
    struct hash h, *content = u->o.flat ? NULL : &h; /* for the index */
    bool ends_in_hole = false;
    int c;

    hash_init(&h);
    while ((c = tar_data(r, &data, err)) > 0) {
        ends_in_hole = data.at == NULL;
        if (data.at) {
            if (content)
                hash_add(content, data.at, data.size);
            c = fd_write_all(fd, data, err);
        } else if ((u->holes += data.size) > HASH_HOLES_MAX) {
            c = error_set(err, -EDQUOT, "sparse files with more than %llu GiB of holes",
                          (unsigned long long)(HASH_HOLES_MAX >> 30));
        } else {
            c = write_hole(fd, data.size, content, err);
        }
        if (c < 0)
            return c;
    }
    if (c == 0 && ends_in_hole && ftruncate(fd, (off_t)e->size) < 0)
        c = error_sys(err, "extend a sparse file");
    if (content)
        hash_done(content, e->content.sha256);
    return c;
}

static int set_all(struct unpack *u, int dirfd, const char *name, int fd, const struct entry *e,
                   struct error *err)
{
    size_t lost = 0;
    int c = meta_set(dirfd, name, fd, e, u->o.owner, &lost, err);

    if (c == 0)
        c = meta_set_time(dirfd, name, fd, e, err);
    u->lost += lost;
    if (c == 0 && lost > 0)
        unpack_warn(u, "'%s': %zu extended attributes could not be set", e->path, lost);
    return c;
}

static int make_file(struct unpack *u, int dirfd, const char *name, struct entry *e,
                     struct tar_reader *r, struct error *err)
{
    cleanup_close int fd =
        openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return error_sys(err, "create");
    const int c = r ? write_data(u, fd, r, e, err) : 0;
    return c < 0 ? c : set_all(u, dirfd, name, fd, e, err);
}

static int remove_from_disk(struct unpack *u, struct node *node, struct error *err)
{
    const int dirfd = node->file->absent ? 0 : node_fd(&u->nodes, node->parent, err);

    if (dirfd < 0 || node->file->absent)
        return dirfd;
    if (node->file->entry.type == ENTRY_DIR)
        return fd_remove_tree(dirfd, node->name, err);
    return unlinkat(dirfd, node->name, 0) < 0 ? error_sys(err, "replace") : 0;
}

int unpack_remove(struct unpack *u, struct node *node, struct error *err)
{
    const int r = u->o.data ? 0 : remove_from_disk(u, node, err);

    if (r < 0)
        return r;
    /* the directory that o.prefix named may go with it */
    for (const struct node *n = u->base; n; n = n->parent)
        if (n == node)
            return error_set(err, -EINVAL, "the directory that is unpacked to would be replaced");
    node_remove(&u->nodes, node);
    return 0;
}

static int make_other(struct unpack *u, int dirfd, struct node *node, struct error *err)
{
    const struct entry *e = &node->file->entry;
    ERROR_AUTO(why);
    const int c = meta_make(dirfd, node->name, e, u->o.owner, &why);

    if (c == -EPERM && u->o.owner == OWNER_PLAIN &&
        (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK)) {
        u->left_out++;
        node->file->absent = true;
        return 0;
    }
    if (c < 0)
        return error_move(err, &why);
    /* the attributes of directories come last: they would be in the way, and times would change */
    if (e->type == ENTRY_DIR || e->type == ENTRY_WHITEOUT)
        return c;
    return set_all(u, dirfd, node->name, -1, e, err);
}

static int make_on_disk(struct unpack *u, struct node *node, struct tar_reader *r,
                        struct error *err)
{
    const int dirfd = node_fd(&u->nodes, node->parent, err);
    struct entry *e = &node->file->entry;

    if (dirfd < 0)
        return dirfd;
    return e->type == ENTRY_FILE ? make_file(u, dirfd, node->name, e, r, err)
                                 : make_other(u, dirfd, node, err);
}

static int make_in_index(struct unpack *u, struct node *node, struct tar_reader *r,
                         struct error *err)
{
    const struct entry *e = &node->file->entry;

    if (e->type == ENTRY_CHAR && e->major == 0 && e->minor == 0)
        return error_set(err, -EINVAL, "device 0:0 '%.200s' would be a whiteout", e->path);
    return r && e->type == ENTRY_FILE ? u->o.data(u->o.ctx, e, r, err) : 0;
}

int unpack_make(struct unpack *u, struct node *dir, struct view name, const struct entry *e,
                struct tar_reader *r, struct node **ret, struct error *err)
{
    struct node *node = node_find(&u->nodes, dir, name);
    int c = node ? unpack_remove(u, node, err) : 0;

    if (c < 0)
        return c;
    struct file *f = file_new(e);
    f->entry.path = e->path ? e->path : ""; /* for messages, until this returns */
    c = node_add(&u->nodes, dir, name, f, &node, err);
    if (c < 0) {
        file_free(f);
        return c;
    }
    u->names += node->path_size;
    if (u->o.names_max > 0 && u->names > u->o.names_max)
        return error_set(err, -EDQUOT, "all paths have more than %" PRIu64 " bytes",
                         u->o.names_max);
    node->layer = u->layer;
    c = u->o.data ? make_in_index(u, node, r, err) : make_on_disk(u, node, r, err);
    f->entry.path = "";
    *ret = node;
    return c;
}

/* ---- directories ---- */

static void replace_file(struct node *dir, const struct entry *e)
{
    struct file *f = file_new(e);

    f->links = dir->file->links; /* one: directories have no hard links */
    file_free(dir->file);
    dir->file = f;
    dir->implied = false;
}

static int put_root(struct unpack *u, const struct entry *e, struct error *err)
{
    if (e->type != ENTRY_DIR)
        return error_set(err, -EINVAL, "the root cannot be replaced by something else");
    /* ADD leaves the directory it unpacks to as it is, as docker does */
    if (!u->o.plain)
        replace_file(u->base, e);
    return 0;
}

const struct entry *unpack_root(const struct unpack *u)
{
    return u->nodes.root->implied ? NULL : &u->nodes.root->file->entry;
}

static bool links_to_directory(struct unpack *u, struct node *link)
{
    cleanup_walk struct walk w = WALK_INIT;

    return unpack_walk(u, link->parent, link->name, 0, &w, NULL) == 0 && w.last.size == 0;
}

static int put_directory(struct unpack *u, struct node *dir, struct view name,
                         const struct entry *e, struct error *err)
{
    struct node *node = node_find(&u->nodes, dir, name);

    if (node && node->file->entry.type == ENTRY_DIR) {
        replace_file(node, e);
        node->layer = u->layer;
        return 0;
    }
    if (node && u->o.keep_links && node->file->entry.type == ENTRY_SYMLINK &&
        links_to_directory(u, node))
        return 0;
    return unpack_make(u, dir, name, e, NULL, &node, err);
}

/* ---- hard links ---- */

/* The bytes of a file below into a new one of ours. */
static int copy_bytes(struct unpack *u, const struct merge_file *below, const char *path, int to,
                      struct error *err)
{
    cleanup_close int from = fd_open_beneath(u->o.view_fs[below->layer], path, O_RDONLY, 0, err);

    if (from < 0)
        return from;
    for (;;) {
        const ssize_t n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
        if (n == 0)
            return 0;
        if (n > 0)
            continue;
        if (errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS)
            return error_sys(err, "copy '%.200s' of the layers below", path);
        break;
    }
    char buf[65536];
    for (ssize_t n; (n = read(from, buf, sizeof(buf))) != 0;) {
        if (n < 0)
            return error_sys(err, "read '%.200s' of the layers below", path);
        const int r = fd_write_all(to, view_make(buf, (size_t)n), err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int fill_from_below(struct unpack *u, struct node *node, const struct merge_file *below,
                           struct error *err)
{
    if (u->o.data)
        return 0;
    const int dirfd = node_fd(&u->nodes, node->parent, err);

    if (dirfd < 0)
        return dirfd;
    cleanup_close int fd = openat(dirfd, node->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return error_sys(err, "open");
    const int r = copy_bytes(u, below, below->entry->path, fd, err);
    return r < 0 ? r : set_all(u, dirfd, node->name, fd, &node->file->entry, err);
}

/* layer-cases h02: the layer gets the file itself, as an overlay's copy-up would. */
static int copy_below(struct unpack *u, const struct walk *target, struct node *dir,
                      struct view name, const struct entry *e, struct error *err)
{
    struct merge_file below = {0};
    STR_AUTO(path);
    STR_AUTO(found);

    node_path(target->dir, &path);
    if (path.size > 0)
        str_add_char(&path, '/');
    str_add(&path, str_view(target->rest.size ? &target->rest : &target->last));
    int r = u->o.below == UNPACK_BELOW_VIEW
                ? merge_resolve(u->o.view, str_view(&path), MERGE_NOFOLLOW, &found, &below, NULL)
                : -ENOENT;
    if (r < 0 || !below.entry || below.entry->type == ENTRY_DIR)
        return error_set(err, -ENOENT, "hard link to '%s', which is not there", e->link);
    u->used_below = true;
    struct entry copy = *below.entry;
    struct node *node;
    copy.path = e->path;
    r = unpack_make(u, dir, name, &copy, NULL, &node, err);
    if (r == 0 && copy.type == ENTRY_FILE)
        r = fill_from_below(u, node, &below, err);
    return r;
}

static int link_on_disk(struct unpack *u, struct node *target, struct node *dir, const char *name,
                        struct error *err)
{
    if (target->file->absent) {
        u->left_out++;
        return 0;
    }
    const int from = node_fd(&u->nodes, target->parent, err);
    const int to = from < 0 ? from : node_fd(&u->nodes, dir, err);

    if (to < 0)
        return to;
    if (linkat(from, target->name, to, name, 0) < 0)
        return error_sys(err, "link to '%s'", target->name);
    return 0;
}

static int put_link(struct unpack *u, struct node *dir, struct view name, const struct entry *e,
                    struct error *err)
{
    cleanup_walk struct walk w = WALK_INIT;
    struct node *old, *node;
    int r = unpack_walk(u, u->base, e->link, WALK_NOFOLLOW, &w, err);

    if (r < 0)
        return r;
    if (!w.node)
        return copy_below(u, &w, dir, name, e, err);
    if (w.node->file->entry.type == ENTRY_DIR)
        return error_set(err, -EINVAL, "hard link to the directory '%s'", e->link);
    old = node_find(&u->nodes, dir, name);
    if (old && old->file == w.node->file) {
        old->layer = u->layer;
        return 0;
    }
    for (const struct node *n = w.node; old && n; n = n->parent)
        if (n == old)
            return error_set(err, -EINVAL, "hard link to '%s' in the directory that it replaces",
                             e->link);
    if (old && (r = unpack_remove(u, old, err)) < 0)
        return r;
    r = node_add(&u->nodes, dir, name, w.node->file, &node, err);
    if (r == 0)
        node->layer = u->layer;
    return r < 0 || u->o.data ? r : link_on_disk(u, w.node, dir, node->name, err);
}

/* ---- whiteouts ---- */

/* What a name with the prefix means. 1: it was dealt with. */
static int put_whiteout(struct unpack *u, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    STR_AUTO(at);
    cleanup_walk struct walk w = WALK_INIT;

    /* below a whiteout, or one of aufs' own files: never made (w12, w14) */
    for (const char *p = path; p < name; p = strchr(p, '/') + 1)
        if (strncmp(p, WHITEOUT, 4) == 0)
            return 1;
    if (strncmp(name, WHITEOUT, 4) != 0)
        return 0;
    str_add(&at, view_make(path, (size_t)(name - path)));
    if (strcmp(name, WHITEOUT_OPAQUE) == 0) {
        const int r = unpack_walk(u, u->base, at.at, WALK_CREATE, &w, err);
        if (r < 0)
            return r;
        if (w.last.size > 0)
            return error_set(err, -ENOTDIR, "opaque marker in what is not a directory");
        w.dir->opaque = u->has_opaque = true;
        return 1;
    }
    if (strncmp(name, WHITEOUT_META, strlen(WHITEOUT_META)) == 0)
        return 1;
    name += strlen(WHITEOUT);
    if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return error_set(err, -EINVAL, "whiteout of no plain name");
    if (u->o.below == UNPACK_BELOW_NOTHING)
        return 1;
    str_add_text(&at, name);
    strings_add(&u->whiteouts, at.at);
    return 1;
}

/* ---- one entry ---- */

static int put_at(struct unpack *u, const struct walk *w, const struct entry *e,
                  struct tar_reader *r, struct error *err)
{
    const struct view name = str_view(&w->last);
    struct node *node;

    if (name.size == 0) /* "link/.." and the like lead to a directory that is there */
        return error_set(err, -EINVAL, "name without a last part");
    switch (e->type) {
    case ENTRY_DIR:
        return put_directory(u, w->dir, name, e, err);
    case ENTRY_HARDLINK:
        return put_link(u, w->dir, name, e, err);
    case ENTRY_FILE:
    case ENTRY_SYMLINK:
    case ENTRY_CHAR:
    case ENTRY_BLOCK:
    case ENTRY_FIFO:
    case ENTRY_WHITEOUT:
        break;
    }
    return unpack_make(u, w->dir, name, e, r, &node, err);
}

static int put(struct unpack *u, const struct entry *e, struct tar_reader *r, struct error *err)
{
    cleanup_walk struct walk w = WALK_INIT;

    if (!u->o.plain) {
        const int c = put_whiteout(u, e->path, err);
        if (c != 0)
            return c < 0 ? c : 0;
    }
    if (e->path[0] == '\0')
        return put_root(u, e, err);
    if (u->o.skip_devices && (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK)) {
        unpack_warn(u, "'%s': device left out", e->path);
        return 0;
    }
    const int c = unpack_walk(u, u->base, e->path, WALK_CREATE | WALK_NOFOLLOW, &w, err);
    return c < 0 ? c : put_at(u, &w, e, r, err);
}

/* Attributes that layers do not carry are dropped, forged ones refused. */
static int keep_xattrs(struct entry *e, struct error *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < e->xattr_count; i++) {
        switch (meta_xattr_rule(e->xattrs[i].name)) {
        case META_XATTR_KEEP:
            e->xattrs[kept++] = e->xattrs[i];
            break;
        case META_XATTR_IGNORE:
            break;
        case META_XATTR_REFUSE:
            return error_set(err, -EINVAL, "extended attribute '%.100s' is reserved",
                             e->xattrs[i].name);
        }
    }
    e->xattr_count = kept;
    return 0;
}

static void bound_time(struct entry *e)
{
    const bool may_be = e->type == ENTRY_DIR || e->type == ENTRY_SYMLINK;

    if (e->mtime_s > INT64_MAX / 1000000000 || (e->mtime_s < 0 && !may_be)) {
        e->mtime_s = 0;
        e->mtime_ns = 0;
    }
}

static int take_entry(struct unpack *u, const struct entry *from, struct tar_reader *r,
                      struct error *err)
{
    struct entry e = *from;
    int c = u->o.filter ? u->o.filter(u->o.ctx, from, err) : 1;

    if (c <= 0)
        return c;
    if (u->o.chown) {
        e.uid = u->o.uid;
        e.gid = u->o.gid;
    }
    if (u->o.like_docker)
        bound_time(&e);
    if (tar_has_acl(r))
        unpack_warn(u, "'%s': access control list left out", e.path);
    c = keep_xattrs(&e, err);
    if (c == 0)
        c = put(u, &e, r, err);
    return c < 0 ? error_wrap(err, c, "unpack '%.300s'", e.path) : 0;
}

int unpack_tar(struct unpack *u, struct codec_reader *in, struct error *err)
{
    CLEANUP(tar_reader_freep) struct tar_reader *r = tar_reader_new(in);
    const struct entry *e;
    int c;

    assert(!u->finished);
    while ((c = tar_next(r, &e, err)) > 0) {
        c = take_entry(u, e, r, err);
        if (c < 0)
            return c;
        if (u->entries + tar_entries(r) > TAR_ENTRY_MAX)
            return error_set(err, -EDQUOT, "archives of more than %d entries", TAR_ENTRY_MAX);
    }
    if (tar_skipped(r) > 0)
        unpack_warn(u, "%llu entries of unknown type left out", (unsigned long long)tar_skipped(r));
    u->entries += tar_entries(r);
    return c;
}

/* ---- a layer ---- */

static int check_sum(const char *what, const struct digest *want, const struct digest *have,
                     struct error *err)
{
    char w[DIGEST_TEXT_MAX], h[DIGEST_TEXT_MAX];

    if (!want || digest_eq(want, have))
        return 0;
    return error_set(err, -EPROTO, "%s is %s, expected %s", what, digest_format(have, h),
                     digest_format(want, w));
}

int unpack_check_sums(const struct codec_sums *sums, const struct digest *blob,
                      const struct digest *diff_id, struct error *err)
{
    const int r = check_sum("digest of the layer's blob", blob, &sums->packed, err);

    return r < 0 ? r : check_sum("digest of the uncompressed layer", diff_id, &sums->plain, err);
}

int unpack_layer_followed(int fd, struct follow *f, const struct unpack_options *o,
                          const struct digest *blob, const struct digest *diff_id,
                          struct unpack_result *ret, struct codec_sums *ret_sums, struct error *err)
{
    CLEANUP(codec_closep)
    struct codec_reader *in = codec_open_fd(
        fd, CODEC_AHEAD | CODEC_HASH_PLAIN | CODEC_HASH_PACKED | (o->like_docker ? CODEC_TAIL : 0u),
        NULL);
    CLEANUP(unpack_freep) struct unpack *u = NULL;
    struct codec_sums sums;
    int r = unpack_new(o, &u, err);

    codec_follow(in, f);
    if (r == 0)
        r = unpack_tar(u, in, err);
    if (r == 0)
        r = codec_drain(in, &sums, err);
    if (r == 0)
        r = unpack_check_sums(&sums, blob, diff_id, err);
    if (r == 0)
        r = unpack_finish(u, ret, err);
    if (r == 0)
        *ret_sums = sums;
    return r;
}

int unpack_layer(int fd, const struct unpack_options *o, const struct digest *blob,
                 const struct digest *diff_id, struct unpack_result *ret,
                 struct codec_sums *ret_sums, struct error *err)
{
    return unpack_layer_followed(fd, NULL, o, blob, diff_id, ret, ret_sums, err);
}
