/* Jobs on the merged files of an image: as an archive, as a directory. */
#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/map.h"
#include "image/interim.h"
#include "image/job_layer.h"
#include "layer/tar.h"

/* The names of files that have several: entry of the first name -> path that was written first. */
struct links {
    struct map firsts;
};

static struct view link_key(const struct entry *const *e)
{
    return view_make(e, sizeof(*e));
}

static void links_done(struct links *l)
{
    map_each (item, &l->firsts) {
        free(item->value);
    }
    map_done(&l->firsts);
}

/* A first walk finds the files that have a second name. */
static int links_find(const struct merge *m, struct links *ret, struct error *err)
{
    CLEANUP(merge_walk_freep) struct merge_walk *w = NULL;
    struct merge_file f;
    const char *path;
    int r = merge_walk_begin(m, view_of(""), &w);

    while (r >= 0 && (r = merge_walk_next(w, &path, &f)) > 0)
        if (f.is_link)
            map_set(&ret->firsts, link_key(&f.entry), NULL);
    return r < 0 ? error_set(err, r, "walk the image's files") : 0;
}

/* True when e was written before under *ret_first; else, where e has more names, notes this one. */
static bool links_seen(struct links *l, const struct entry *e, const char *path,
                       const char **ret_first)
{
    if (!map_has(&l->firsts, link_key(&e)))
        return false;
    *ret_first = map_get(&l->firsts, link_key(&e));
    if (*ret_first)
        return true;
    map_set(&l->firsts, link_key(&e), xstrdup(path));
    return false;
}

struct files {
    const struct job_context *ctx;
    struct store *store;
    struct digests trees;
    struct image_view view;
    struct links links;
    const char *prefix;        /* of the names in an archive, or NULL */
    bool more;                 /* another image is put behind it: the archive does not end here */
    struct layer_times *times; /* by layer of the view: top first */
};

static int read_times(const json_t *request, struct files *f, struct error *err)
{
    const size_t count = f->trees.size;
    json_t *list = NULL;
    int r = doc_need_array(request, "times", &list, err);

    f->times = xcalloc(count + 1, sizeof(*f->times));
    for (size_t i = 0; r == 0 && i < count; i++)
        r = job_times(json_array_get(list, i), &f->times[count - 1 - i], err);
    return r;
}

static int files_open(const struct job_context *ctx, const json_t *request, size_t fd_count,
                      struct files *f, struct error *err)
{
    int r = job_trees(request, "trees", &f->trees, err);

    f->ctx = ctx;
    if (r == 0)
        r = doc_text(request, "prefix", &f->prefix, err);
    if (r == 0)
        r = doc_bool(request, "more", &f->more, err);
    if (r == 0)
        r = read_times(request, f, err);
    if (r == 0 && fd_count != 1)
        r = error_set(err, -EINVAL, "one descriptor is wanted");
    if (r == 0)
        r = store_attach(ctx->store_fd, &f->store, err);
    if (r == 0)
        r = image_view_open(f->store, f->trees.at, f->trees.size, true, &f->view, err);
    return r < 0 ? r : links_find(f->view.merge, &f->links, err);
}

static void files_done(struct files *f)
{
    links_done(&f->links);
    image_view_done(&f->view);
    vec_done(&f->trees);
    free(f->times);
    store_close(f->store);
}

static void set_time(const struct files *f, size_t layer, struct entry *e)
{
    const struct layer_times *t = &f->times[layer < f->trees.size ? layer : f->trees.size];

    if (t->mode == LAYER_TIMES_KEEP || (t->mode == LAYER_TIMES_CLAMP && e->mtime_s < t->epoch_s))
        return;
    e->mtime_s = t->epoch_s;
    e->mtime_ns = 0;
}

/* Opens the content of a merged file. */
static int open_content(const struct files *f, const struct merge_file *file, const char *path,
                        struct error *err)
{
    struct stat st;
    const int fd =
        fd_open_beneath(f->view.fs[file->layer], path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);

    if (fd >= 0 &&
        (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != file->entry->size)) {
        close(fd);
        return error_set(err, -EPROTO, "'%s' in the store is not as its index says", path);
    }
    return fd;
}

/* ---- archive ---- */

static int fd_sink(void *ctx, struct view data, struct error *err)
{
    return fd_write_all(*(int *)ctx, data, err);
}

static int put_content(const struct files *f, const struct merge_file *file, const char *path,
                       struct tar_writer *w, char *buf, size_t buf_size, struct error *err)
{
    cleanup_close int fd = open_content(f, file, path, err);
    uint64_t left = file->entry->size;

    if (fd < 0)
        return fd;
    while (left > 0) {
        const ssize_t n = read(fd, buf, (size_t)MIN(left, buf_size));

        if (n < 0)
            return error_sys(err, "read '%s'", path);
        if (n == 0)
            return error_set(err, -EPROTO, "'%s' in the store became shorter", path);
        const int r = tar_put_data(w, view_make(buf, (size_t)n), err);
        if (r < 0)
            return r;
        left -= (uint64_t)n;
    }
    return 0;
}

static char *name_in(const struct files *f, const char *path)
{
    return f->prefix ? xasprintf("%s%s%s", f->prefix, *path ? "/" : "", path) : xstrdup(path);
}

static int put_file(struct files *f, const struct merge_file *file, const char *path,
                    struct tar_writer *w, struct error *err)
{
    static char buf[1 << 18];
    struct entry e = *file->entry;
    cleanup_free char *name = name_in(f, path), *target = NULL;
    const char *first;
    int r;

    e.path = name;
    e.opaque = false;
    set_time(f, file->layer, &e);
    if (links_seen(&f->links, file->entry, path, &first)) {
        e.type = ENTRY_HARDLINK;
        e.link = target = name_in(f, first);
        e.size = 0;
        return tar_put(w, &e, err);
    }
    r = tar_put(w, &e, err);
    if (r < 0 || e.type != ENTRY_FILE || e.size == 0)
        return r;
    return put_content(f, file, path, w, buf, sizeof(buf), err);
}

int job_image_tar(const struct job_context *ctx, const json_t *request, const int *fds,
                  size_t fd_count, json_t **ret, struct error *err)
{
    struct files f = {0};
    CLEANUP(merge_walk_freep) struct merge_walk *walk = NULL;
    struct merge_file file;
    const char *path;
    int r = files_open(ctx, request, fd_count, &f, err);
    int out = fd_count ? fds[0] : -1;
    struct tar_writer w = TAR_WRITER_INIT(fd_sink, &out);

    if (r == 0)
        r = merge_walk_begin(f.view.merge, view_of(""), &walk);
    while (r >= 0 && (r = merge_walk_next(walk, &path, &file)) > 0)
        if (*path || f.prefix)
            r = put_file(&f, &file, path, &w, err);
    if (r == 0 && !f.more)
        r = tar_finish(&w, err);
    tar_writer_done(&w);
    files_done(&f);
    if (r < 0)
        return error_wrap(err, r, "write archive");
    *ret = json_object();
    return 0;
}

/* ---- directory ---- */

struct tree_out {
    struct files files;
    int root;
    bool owners, delete;
    bool merge;    /* into what is there; else into a directory of our own */
    int parent_fd; /* of the last path, kept: siblings come one after the other */
    char *parent;
    VEC(char *) dirs; /* their attributes are set at the end, children first */
    uint64_t skipped; /* devices that we may not make */
    size_t lost;      /* extended attributes that could not be set */
};

static int parent_of(struct tree_out *t, const char *path, const char **ret_name, struct error *err)
{
    const char *slash = strrchr(path, '/');
    cleanup_free char *parent = xstrndup(path, slash ? (size_t)(slash - path) : 0);

    *ret_name = slash ? slash + 1 : path;
    if (t->parent && strcmp(t->parent, parent) == 0)
        return 0;
    const int fd = *parent ? fd_open_beneath(t->root, parent, O_RDONLY | O_DIRECTORY, 0, err)
                           : fd_open(t->root, ".", O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return fd;
    if (t->parent_fd >= 0)
        close(t->parent_fd);
    t->parent_fd = fd;
    free(t->parent);
    t->parent = steal(parent);
    return 0;
}

static int copy_content(const struct tree_out *t, const struct merge_file *file, const char *path,
                        int to, struct error *err)
{
    cleanup_close int from = open_content(&t->files, file, path, err);
    uint64_t left = file->entry->size;

    if (from < 0)
        return from;
    while (left > 0) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)MIN(left, 1u << 30), 0);

        if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP)) {
            static char buf[1 << 17];

            n = read(from, buf, MIN(left, sizeof(buf)));
            const int r = n > 0 ? fd_write_all(to, view_make(buf, (size_t)n), err) : 0;
            if (r < 0)
                return r;
        }
        if (n < 0)
            return error_sys(err, "copy '%s'", path);
        if (n == 0)
            return error_set(err, -EPROTO, "'%s' in the store became shorter", path);
        left -= (uint64_t)n;
    }
    return 0;
}

static struct entry owned_entry(const struct tree_out *t, const struct merge_file *file,
                                const char *path)
{
    struct entry n = *file->entry;

    n.path = path;
    n.opaque = false;
    set_time(&t->files, file->layer, &n);
    if (!t->owners)
        n.uid = n.gid = 0; /* in the holder's namespace that is whoever started us */
    return n;
}

static int make_file(struct tree_out *t, const struct merge_file *file, const char *path,
                     const char *name, struct error *err)
{
    const struct entry e = owned_entry(t, file, path);
    cleanup_close int fd =
        fd_open(t->parent_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, err);
    int r = fd < 0 ? fd : copy_content(t, file, path, fd, err);

    if (r == 0)
        r = meta_set(t->parent_fd, name, fd, &e, OWNER_PLAIN, &t->lost, err);
    if (r == 0)
        r = meta_set_time(t->parent_fd, name, fd, &e, err);
    return r;
}

static int make_other(struct tree_out *t, const struct entry *e, const char *name,
                      struct error *err)
{
    ERROR_AUTO(why);
    int r = meta_make(t->parent_fd, name, e, OWNER_PLAIN, &why);

    if (r == -EPERM && (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK)) {
        t->skipped++;
        return 0;
    }
    if (r < 0)
        return error_move(err, &why);
    if (e->type == ENTRY_DIR) {
        vec_push(&t->dirs, xstrdup(e->path));
        return 0;
    }
    r = meta_set(t->parent_fd, name, -1, e, OWNER_PLAIN, &t->lost, err);
    return r < 0 ? r : meta_set_time(t->parent_fd, name, -1, e, err);
}

static int make_link(struct tree_out *t, const struct entry *e, const char *first, const char *name,
                     struct error *err)
{
    if (linkat(t->root, first, t->parent_fd, name, 0) == 0)
        return 0;
    if (errno != ENOENT || (e->type != ENTRY_CHAR && e->type != ENTRY_BLOCK))
        return error_sys(err, "link '%s'", first);
    t->skipped++; /* as the first one */
    return 0;
}

/* What is in a directory that is written over goes, but for directories where we bring one. */
static int make_room(struct tree_out *t, const struct entry *e, const char *name, struct error *err)
{
    struct stat st;

    if (!t->merge || fstatat(t->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (S_ISDIR(st.st_mode) && e->type == ENTRY_DIR)
        return 1;
    if (S_ISDIR(st.st_mode) && t->delete)
        return fd_remove_tree(t->parent_fd, name, err);
    if (S_ISDIR(st.st_mode))
        return error_set(err, -EISDIR, "'%s' is a directory", e->path);
    if (unlinkat(t->parent_fd, name, 0) < 0)
        return error_sys(err, "replace '%s'", e->path);
    return 0;
}

static int make_entry(struct tree_out *t, const struct merge_file *file, const char *path,
                      struct error *err)
{
    const char *name, *first;
    int r = parent_of(t, path, &name, err);

    if (r == 0)
        r = make_room(t, file->entry, name, err);
    if (r > 0) {
        vec_push(&t->dirs, xstrdup(path));
        return 0;
    }
    if (r < 0)
        return r;
    if (links_seen(&t->files.links, file->entry, path, &first))
        return make_link(t, file->entry, first, name, err);
    if (file->entry->type == ENTRY_FILE)
        return make_file(t, file, path, name, err);
    const struct entry e = owned_entry(t, file, path);
    return make_other(t, &e, name, err);
}

static int remove_others(struct tree_out *t, int fd, const char *path, struct error *err);

/* One name of a directory that the image has: stays, or goes with all that is below. */
static int keep_or_remove(struct tree_out *t, int dir, const char *parent, const char *name,
                          struct error *err)
{
    cleanup_free char *path = xasprintf("%s%s%s", parent, *parent ? "/" : "", name);
    struct merge_file file;

    if (merge_lookup(t->files.view.merge, view_of(path), &file) < 0)
        return fd_remove_tree(dir, name, err);
    if (file.entry->type != ENTRY_DIR)
        return 0;
    cleanup_close int fd = fd_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    return fd < 0 ? fd : remove_others(t, fd, path, err);
}

/* What the image has not. A directory that the image has is one here by now. */
static int remove_others(struct tree_out *t, int fd, const char *path, struct error *err)
{
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    int r = 0;

    if (!dir) {
        if (copy >= 0)
            close(copy);
        return error_sys(err, "read '%s'", path);
    }
    for (const struct dirent *e; r == 0 && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            r = keep_or_remove(t, fd, path, e->d_name, err);
    closedir(dir);
    return r;
}

static int finish_dirs(struct tree_out *t, struct error *err)
{
    for (size_t i = t->dirs.size; i > 0; i--) {
        const char *path = t->dirs.at[i - 1], *name;
        struct merge_file file;
        int r = merge_lookup(t->files.view.merge, view_of(path), &file);

        if (r < 0)
            return error_set(err, r, "look '%s' up", path);
        const struct entry e = owned_entry(t, &file, path);
        r = parent_of(t, path, &name, err);
        if (r == 0)
            r = meta_set(t->parent_fd, name, -1, &e, OWNER_PLAIN, &t->lost, err);
        if (r == 0)
            r = meta_set_time(t->parent_fd, name, -1, &e, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int make_tree(struct tree_out *t, struct error *err)
{
    CLEANUP(merge_walk_freep) struct merge_walk *walk = NULL;
    struct merge_file file;
    const char *path;
    int r = merge_walk_begin(t->files.view.merge, view_of(""), &walk);

    if (r < 0)
        return error_set(err, r, "walk the image's files");
    while ((r = merge_walk_next(walk, &path, &file)) > 0) {
        r = *path ? make_entry(t, &file, path, err) : 0;
        if (r < 0)
            return r;
    }
    if (r == 0 && t->delete)
        r = remove_others(t, t->root, "", err);
    return r < 0 ? r : finish_dirs(t, err);
}

static int make_in(struct tree_out *t, int directory, const json_t *request, json_t *answer,
                   struct error *err)
{
    struct merge_file root = {0};

    t->root = directory;
    if (t->merge)
        return make_tree(t, err);
    cleanup_close int work = interim_begin(directory, request, err);
    if (work < 0)
        return work;
    t->root = work;
    int r = make_tree(t, err);
    if (r == 0)
        r = merge_lookup(t->files.view.merge, view_of(""), &root);
    if (r < 0)
        return r;
    const struct entry e = owned_entry(t, &root, "");
    return interim_end(directory, work, request, e.implied ? NULL : &e, answer, err);
}

int job_image_tree(const struct job_context *ctx, const json_t *request, const int *fds,
                   size_t fd_count, json_t **ret, struct error *err)
{
    struct tree_out t = {.parent_fd = -1};
    cleanup_doc json_t *answer = json_object();
    int r = files_open(ctx, request, fd_count, &t.files, err);

    if (r == 0)
        r = doc_bool(request, "owners", &t.owners, err);
    if (r == 0)
        r = doc_bool(request, "delete", &t.delete, err);
    t.merge = !json_object_get(request, "interim");
    if (r == 0)
        r = make_in(&t, fds[0], request, answer, err);
    vec_each (item, &t.dirs) {
        free(*item);
    }
    vec_done(&t.dirs);
    if (t.parent_fd >= 0)
        close(t.parent_fd);
    free(t.parent);
    files_done(&t.files);
    if (r < 0)
        return error_wrap(err, r, "write files");
    doc_set_int(answer, "skipped", (int64_t)t.skipped);
    doc_set_int(answer, "lost", (int64_t)t.lost);
    *ret = steal(answer);
    return 0;
}
