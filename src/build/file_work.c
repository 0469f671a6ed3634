#include "build/file_work.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "build/file_job.h"

void file_work_done(struct file_work *w)
{
    copy_free(w->copy);
    vec_each (ix, &w->archives)
        index_free(*ix);
    vec_done(&w->archives);
    for (size_t i = 0; i < w->input_count; i++) {
        ignore_free(w->inputs[i].ignore);
        context_check_free(w->inputs[i].check);
        image_view_done(&w->inputs[i].image);
    }
    free(w->inputs);
    index_free(w->before);
    fd_closep(&w->before_fs);
    image_view_done(&w->below);
    free(w->chain);
    store_tree_abort(w->tree);
    store_close(w->store);
    if (w->data.size)
        (void)munmap((void *)(uintptr_t)w->data.at, w->data.size);
}

static int take_fd(const struct file_work *w, const json_t *obj, const char *key, int *ret,
                   struct error *err)
{
    int64_t number = -1;
    const int r = doc_int(obj, key, &number, err);

    if (r < 0)
        return r;
    if (number >= (int64_t)w->fd_count)
        return error_set(err, -EINVAL, "there is no descriptor %lld", (long long)number);
    *ret = number < 0 ? -1 : w->fds[number];
    return 0;
}

static int open_view(struct file_work *w, const json_t *obj, struct image_view *ret,
                     struct error *err)
{
    cleanup_free struct digest *layers = NULL;
    size_t count = 0;
    int r = job_layers(obj, &layers, &count, err);

    if (r >= 0)
        r = image_view_open(w->store, layers, count, true, ret, err);
    return r;
}

static int open_input(struct file_work *w, const json_t *obj, struct file_input *in,
                      struct error *err)
{
    const char *ignore = NULL;
    int64_t gitmode = 0;
    int walked = -1, r;

    in->dir = -1;
    if (!json_is_object(obj))
        return 0;
    if (json_object_get(obj, "layers"))
        return open_view(w, obj, &in->image, err);
    r = take_fd(w, obj, "fd", &in->dir, err);
    if (r >= 0)
        r = take_fd(w, obj, "walked", &walked, err);
    if (r >= 0)
        r = doc_text(obj, "ignore", &ignore, err);
    if (r >= 0)
        r = doc_int(obj, "gitmode", &gitmode, err);
    in->gitmode = (mode_t)gitmode & 01777;
    if (r >= 0 && ignore)
        r = ignore_parse(view_of(ignore), ".dockerignore", &in->ignore, err);
    return r < 0 ? r : context_check_open(walked, &in->check, err);
}

static int read_chain(struct file_work *w, struct error *err)
{
    int fd = -1;
    struct stat st;
    const int r = take_fd(w, w->request, "chain", &fd, err);

    if (r < 0 || fd < 0)
        return r;
    if (fstat(fd, &st) < 0)
        return error_sys(err, "read the layers below");
    w->chain = xmalloc((size_t)st.st_size + 1);
    w->chain_size = (size_t)st.st_size / sizeof(*w->chain);
    return fd_pread_all(fd, w->chain, w->chain_size * sizeof(*w->chain), 0, err);
}

static int open_below(struct file_work *w, struct error *err)
{
    int fd = -1;
    int r = take_fd(w, w->request, "below", &fd, err);

    if (r < 0)
        return r;
    if (fd < 0) {
        r = job_layers(w->request, &w->chain, &w->chain_size, err);
        return r < 0 ? r : image_view_open(w->store, w->chain, w->chain_size, true, &w->below, err);
    }
    r = read_chain(w, err);
    if (r < 0)
        return r;
    w->below.indexes = xcalloc(1, sizeof(struct index *));
    r = index_load(fd, &w->below.indexes[0], err);
    if (r < 0)
        return r;
    w->below.count = 1;
    w->below.merge = merge_new((const struct index *const *)w->below.indexes, 1);
    return 0;
}

static int open_inputs(struct file_work *w, struct error *err)
{
    json_t *list = NULL;
    int r = doc_need_array(w->request, "inputs", &list, err);

    if (r < 0)
        return r;
    w->inputs = xcalloc(json_array_size(list) + 1, sizeof(*w->inputs));
    w->input_count = json_array_size(list);
    for (size_t i = 0; r >= 0 && i < w->input_count; i++)
        r = open_input(w, json_array_get(list, i), &w->inputs[i], err);
    return r;
}

/* It only saves work: what is wrong with it is no failure. */
static int open_before(struct file_work *w, struct error *err)
{
    const char *hex = NULL;
    struct digest tree;
    int r = doc_text(w->request, "before", &hex, err);

    if (r < 0 || !hex)
        return r;
    r = digest_parse_hex(hex, &tree, err);
    if (r < 0)
        return r;
    cleanup_close int dir = store_tree_open(w->store, &tree, NULL);
    if (dir < 0)
        return 0;
    w->before_fs = fd_open(dir, "fs", O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
    if (w->before_fs >= 0)
        (void)!index_load_at(dir, "index", &w->before, NULL);
    return 0;
}

static int map_data(struct file_work *w, struct error *err)
{
    struct stat st;
    int fd = -1;
    const int r = take_fd(w, w->request, "data", &fd, err);

    if (r < 0 || fd < 0)
        return r;
    if (fstat(fd, &st) < 0)
        return error_sys(err, "read file data");
    if (st.st_size == 0)
        return 0;
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return error_sys(err, "map file data");
    w->data = view_make(map, (size_t)st.st_size);
    return 0;
}

int file_work_open(struct file_work *w, struct error *err)
{
    int r = store_attach(w->ctx->store_fd, &w->store, err);

    w->owner = w->ctx->ids.kind == IDENTITY_SINGLE ? OWNER_RECORDED : OWNER_REAL;
    if (r >= 0)
        r = open_below(w, err);
    if (r >= 0)
        r = open_inputs(w, err);
    if (r >= 0)
        r = open_before(w, err);
    return r < 0 ? r : map_data(w, err);
}
