#include "build/local.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "base/fd.h"
#include "dockerfile/ignore.h"
#include "layer/gitmode.h"

void local_free(struct local_context *c)
{
    if (!c)
        return;
    context_free(c->walked);
    context_cache_free(c->cache);
    ignore_free(c->ignore);
    str_done(&c->ignore_text);
    fd_closep(&c->fd);
    free(c->name);
    free(c->path);
    free(c->ignore_name);
    free(c);
}

static int read_ignore(struct local_context *c, int dirfd, const char *file, const char *name,
                       struct error *err)
{
    ERROR_AUTO(why);
    int r = fd_read_regular(dirfd, file, IGNORE_SIZE_MAX, &c->ignore_text, &why);

    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    if (r < 0)
        return error_move(err, &why);
    r = ignore_parse(str_view(&c->ignore_text), name, &c->ignore, err);
    if (r < 0)
        return r;
    c->ignore_name = xstrdup(name);
    return 1;
}

/* <dockerfile>.dockerignore beside the file wins over .dockerignore at the context's root. */
static int find_ignore(struct local_context *c, const char *dockerfile, struct error *err)
{
    int r = 0;

    if (dockerfile) {
        cleanup_free char *own = xasprintf("%s.dockerignore", dockerfile);
        const char *slash = strrchr(own, '/');
        r = read_ignore(c, AT_FDCWD, own, slash ? slash + 1 : own, err);
    }
    if (r == 0)
        r = read_ignore(c, c->fd, ".dockerignore", ".dockerignore", err);
    return r < 0 ? r : 0;
}

int local_open(const char *name, const char *path, const char *dockerfile,
               struct local_context **ret, struct error *err)
{
    CLEANUP(local_freep) struct local_context *c = xcalloc(1, sizeof(*c));
    cleanup_free char *real = realpath(path, NULL);

    c->fd = -1;
    c->ignore_text = STR_INIT;
    c->name = xstrdup(name);
    c->path = xstrdup(path);
    if (!real)
        return error_sys(err, "open build context '%s'", path);
    c->fd = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
    if (c->fd < 0)
        return error_wrap(err, c->fd, "open build context");
    int r = find_ignore(c, dockerfile, err);
    if (r < 0)
        return r;
    digest_of(view_of(real), &c->id);
    *ret = steal(c);
    return 0;
}

static enum context_verdict exclude(void *ctx, const char *path, bool is_dir)
{
    const struct local_context *c = ctx;

    if (!ignore_match(c->ignore, view_of(path)))
        return CONTEXT_KEEP;
    return is_dir && ignore_may_reach_below(c->ignore, view_of(path)) ? CONTEXT_DROP
                                                                      : CONTEXT_PRUNE;
}

int local_walk(struct local_context *c, struct image_tools *tools, struct error *err)
{
    if (c->walked)
        return 0;
    cleanup_close int fd = store_context_open(tools->store, &c->id, NULL);
    c->cache = context_cache_load(fd);
    c->gitmode = gitmode_of(c->fd);
    const struct context_options o = {
        .exclude = c->ignore ? exclude : NULL, .ctx = c, .cache = c->cache, .gitmode = c->gitmode};
    const int r = context_open(c->fd, &o, &c->walked, err);
    return r < 0 ? error_wrap(err, r, "read build context '%s'", c->path) : 0;
}

static int save_walked(void *ctx, int fd, struct error *err)
{
    return context_save(ctx, fd, err);
}

int local_save(struct local_context *c, struct image_tools *tools, struct error *err)
{
    if (!c->walked || !context_changed(c->walked))
        return 0;
    return store_context_replace(tools->store, &c->id, save_walked, c->walked, err);
}
