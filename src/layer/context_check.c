#include "layer/context_check.h"

#include <errno.h>

#include "layer/context_internal.h"

struct context_check {
    struct context_cache *expected;
    bool *met; /* by record; each thread sets those of its own files */
};

int context_check_open(int fd, struct context_check **ret, struct error *err)
{
    struct context_check *c = xcalloc(1, sizeof(*c));

    c->expected = cache_share(fd);
    c->met = calloc(c->expected->count + 1, sizeof(*c->met));
    if (!c->met) {
        context_check_free(c);
        return error_set(err, -ENOMEM, "no memory for the names of the build context");
    }
    *ret = c;
    return 0;
}

void context_check_free(struct context_check *c)
{
    if (!c)
        return;
    context_cache_free(c->expected);
    free(c->met);
    free(c);
}

static bool same(const uint8_t expected[32], const struct digest *d)
{
    return memcmp(expected, d->sha256, sizeof(d->sha256)) == 0;
}

/* Of an entry that was listed or not: the index of its record, or -1. */
static ssize_t find_record(const struct context_check *c, const char *path, size_t number)
{
    return number > 0 ? (ssize_t)number - 1 : cache_search(c->expected, path);
}

bool context_check_known(struct context_check *c, const char *path, size_t number,
                         const struct stat *st, struct digest *ret, bool *ret_plain)
{
    const struct context_entry e = {.dev = st->st_dev,
                                    .ino = st->st_ino,
                                    .size = (uint64_t)st->st_size,
                                    .mode = st->st_mode,
                                    .mtime = st->st_mtim,
                                    .ctime = st->st_ctim};
    const ssize_t i = find_record(c, path, number);

    if (i < 0 || !cache_fits(&c->expected->records[i], &e))
        return false;
    memcpy(ret->sha256, c->expected->records[i].content, sizeof(ret->sha256));
    *ret_plain = same(c->expected->records[i].xattrs, &(struct digest){0});
    c->met[i] = true;
    return true;
}

static int changed(const char *path, const char *how, struct error *err)
{
    error_set(err, -EAGAIN, "'%.200s' of the build context %s during the build", path, how);
    return error_hint(err, -EAGAIN,
                      "build again when nothing writes there, or add it to .dockerignore");
}

/* Nobody asked for it before: what is copied is what it is. Two names of one entry are told once; the
 * other stays unread. */
static void learn(const struct context_check *c, size_t i, const struct copy_seen *s)
{
    /* of the shared map, and no other thread's */
    struct cache_record *r = (struct cache_record *)(uintptr_t)&c->expected->records[i];

    if (s->again)
        return;
    if (s->content)
        memcpy(r->content, s->content->sha256, sizeof(r->content));
    memcpy(r->xattrs, s->xattrs.sha256, sizeof(r->xattrs));
    r->unread = false;
}

int context_check_seen(struct context_check *c, const struct copy_seen *s, struct error *err)
{
    const ssize_t i = find_record(c, s->path, s->number);

    if (i < 0)
        return changed(s->path, "appeared", err);
    const struct cache_record *r = &c->expected->records[i];
    if (r->mode != s->mode || (!r->unread && ((s->content && !same(r->content, s->content)) ||
                                              (!s->again && !same(r->xattrs, &s->xattrs)))))
        return changed(s->path, "changed", err);
    if (r->unread)
        learn(c, (size_t)i, s);
    c->met[i] = true;
    return 0;
}

size_t context_check_find(const struct context_check *c, const char *path)
{
    return cache_lower_bound(c->expected, path);
}

bool context_check_at(const struct context_check *c, size_t i, struct copy_listed *ret)
{
    if (i >= c->expected->count)
        return false;
    const struct cache_record *r = &c->expected->records[i];
    const struct stat st = {.st_dev = r->dev,
                            .st_ino = r->ino,
                            .st_mode = r->mode,
                            .st_nlink = r->linked ? 2 : 1,
                            .st_size = (off_t)r->size,
                            .st_mtim = {r->mtime_s, r->mtime_ns},
                            .st_ctim = {r->ctime_s, r->ctime_ns}};
    ret->path = cache_path(c->expected, i);
    ret->st = st;
    ret->plain = !r->unread && same(r->xattrs, &(struct digest){0});
    memcpy(ret->content.sha256, r->content, sizeof(r->content));
    return true;
}

void context_check_taken(struct context_check *c, size_t i)
{
    c->met[i] = true;
}

/* path is directory or below it. */
static bool is_below(const char *path, const char *directory)
{
    const size_t size = strlen(directory);

    return size == 0 || (strncmp(path, directory, size) == 0 && (path[size] == '/' || !path[size]));
}

int context_check_end(const struct context_check *c, const char *path,
                      bool (*skip)(void *ctx, const char *rel, bool is_dir, bool *prune), void *ctx,
                      struct error *err)
{
    const struct context_cache *all = c->expected;
    const size_t prefix = *path ? strlen(path) + 1 : 0;
    const char *skipped = NULL;

    for (size_t i = cache_lower_bound(all, path); i < all->count; i++) {
        const char *at = cache_path(all, i);
        const bool is_dir = S_ISDIR(all->records[i].mode);
        bool prune = true;

        if (!is_below(at, path))
            break;
        if (strcmp(at, path) == 0 && is_dir)
            continue;
        if (skipped && is_below(at, skipped))
            continue;
        skipped = NULL;
        if (skip && strlen(at) > prefix && skip(ctx, at + prefix, is_dir, &prune))
            skipped = prune ? at : NULL;
        else if (!c->met[i])
            return changed(at, "vanished", err);
    }
    return 0;
}
