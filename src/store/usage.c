/* What is in the store, and which of it may go. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/gc.h"
#include "store/internal.h"

void usage_done(struct usage *u)
{
    vec_each (i, u) {
        free(i->name);
        vec_done(&i->needs);
    }
    vec_done(u);
}

const char *usage_kind_name(enum usage_kind kind)
{
    static const char *const names[] = {
        [USAGE_IMAGE] = "image",       [USAGE_TREE] = "layer",
        [USAGE_BLOB] = "blob",         [USAGE_CONTEXT] = "context index",
        [USAGE_MOUNT] = "cache mount", [USAGE_CACHE] = "cache database",
        [USAGE_TMP] = "temporary",     [USAGE_LOG] = "log",
    };

    return names[kind];
}

bool usage_reclaimable(const struct usage_item *i)
{
    return !i->held && !i->named && i->kind != USAGE_CACHE;
}

/* --- reading --- */

struct reading {
    struct store *s;
    struct usage *u;
    struct map places; /* "t<hex>", "b<hex>" -> place in the list + 1 */
    struct map leased;
    int64_t since_s; /* what was used since then may be needed by a process that is running */
};

/* Bytes of the regular files below; what may not be read counts nothing. Takes the descriptor. */
static uint64_t directory_size(int take_fd)
{
    uint64_t size = 0;
    DIR *dir = take_fd < 0 ? NULL : fdopendir(take_fd);

    if (!dir) {
        fd_closep(&take_fd);
        return 0;
    }
    for (const struct dirent *e; (e = readdir(dir));) {
        struct stat st;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISREG(st.st_mode))
            size += (uint64_t)st.st_size;
        else if (S_ISDIR(st.st_mode))
            size += directory_size(
                openat(dirfd(dir), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    }
    (void)closedir(dir);
    return size;
}

static struct usage_item *add_item(struct reading *r, enum usage_kind kind, const char *name,
                                   const struct stat *st)
{
    const struct usage_item item = {.kind = kind,
                                    .name = xstrdup(name),
                                    .size = (uint64_t)st->st_size,
                                    .used_s = st->st_mtim.tv_sec,
                                    .held = st->st_mtim.tv_sec >= r->since_s};

    vec_push(r->u, item);
    return vec_last(r->u);
}

/* Trees and blobs are named by their digest; anything else there is not ours to count. */
static void add_addressed(struct reading *r, enum usage_kind kind, const char *name,
                          const struct stat *st, uint64_t size)
{
    char key[DIGEST_HEX_MAX + 1];
    struct digest id;
    ERROR_AUTO(ignored);

    if (digest_parse_hex(name, &id, &ignored) < 0)
        return;
    (void)store_item_key(kind == USAGE_TREE ? 't' : 'b', &id, key);
    struct usage_item *item = add_item(r, kind, name, st);
    item->id = id;
    item->size = size;
    item->held |= map_has(&r->leased, view_of(key));
    map_set(&r->places, view_of(key), (void *)(uintptr_t)r->u->size);
}

static bool is_locked(int dirfd, const char *name)
{
    cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

static uint64_t size_below(int dirfd, const char *name, const struct stat *st)
{
    if (!S_ISDIR(st->st_mode))
        return (uint64_t)st->st_size;
    return directory_size(openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

static int read_tree(void *ctx, int dirfd, const char *name, struct error *err)
{
    struct reading *r = ctx;
    struct stamp stamp = {0};
    struct stat st;

    (void)err;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    if (store_tree_stamp(r->s, name, &stamp) < 0)
        stamp.size = 0; /* damaged */
    add_addressed(r, USAGE_TREE, name, &st, stamp.size);
    return 0;
}

static int read_blob(void *ctx, int dirfd, const char *name, struct error *err)
{
    struct stat st;

    (void)err;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        add_addressed(ctx, USAGE_BLOB, name, &st, (uint64_t)st.st_size);
    return 0;
}

static int read_context(void *ctx, int dirfd, const char *name, struct error *err)
{
    struct stat st;

    (void)err;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        (void)add_item(ctx, USAGE_CONTEXT, name, &st);
    return 0;
}

static int read_locked(struct reading *r, enum usage_kind kind, int dirfd, const char *name)
{
    struct stat st;

    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    struct usage_item *item = add_item(r, kind, name, &st);
    item->size = size_below(dirfd, name, &st);
    item->held = is_locked(dirfd, name);
    return 0;
}

static int read_mount(void *ctx, int dirfd, const char *name, struct error *err)
{
    (void)err;
    return read_locked(ctx, USAGE_MOUNT, dirfd, name);
}

static int read_log(void *ctx, int dirfd, const char *name, struct error *err)
{
    (void)err;
    return read_locked(ctx, USAGE_LOG, dirfd, name);
}

static int read_tmp(void *ctx, int dirfd, const char *name, struct error *err)
{
    (void)err;
    return read_locked(ctx, USAGE_TMP, dirfd, name);
}

static void read_database(struct reading *r)
{
    static const char *const files[] = {"cache.db", "cache.db-wal"};
    struct stat st, more;

    if (fstatat(r->s->fd, files[0], &st, 0) < 0)
        return;
    if (fstatat(r->s->fd, files[1], &more, 0) == 0)
        st.st_size += more.st_size;
    add_item(r, USAGE_CACHE, files[0], &st)->held = false;
}

/* --- images and what they need --- */

static void need(struct reading *r, struct usage_item *image, char kind, const struct digest *d)
{
    char key[DIGEST_HEX_MAX + 1];
    const uintptr_t place = (uintptr_t)map_get(&r->places, view_of(store_item_key(kind, d, key)));

    if (place == 0)
        return;
    struct usage_item *item = &r->u->at[place - 1];
    item->named |= image->named;
    item->unnamed |= image->unnamed;
    if (kind == 't')
        image->size += item->size;
    vec_push(&image->needs, place - 1);
}

static void add_image(struct reading *r, const struct store_image *image)
{
    struct usage_item item = {.kind = USAGE_IMAGE,
                              .name = image->name ? xstrdup(image->name) : NULL,
                              .used_s = image->used_s,
                              .named = image->name != NULL,
                              .unnamed = image->name == NULL,
                              .held = image->used_s >= r->since_s};

    store_image_key(image, &item.id);
    vec_each (l, &image->layers) {
        need(r, &item, 't', &l->tree);
        vec_each (b, &l->blobs)
            need(r, &item, 'b', &b->digest);
    }
    vec_push(r->u, item);
}

static int read_images(struct reading *r, struct error *err)
{
    CLEANUP(store_images_done) struct store_images images = {0};
    const int code = store_image_list(r->s, NULL, NULL, &images, err);

    if (code < 0)
        return code;
    vec_each (i, &images)
        add_image(r, i);
    return 0;
}

static int read_all(struct reading *r, struct error *err)
{
    static const struct {
        const char *path;
        int (*call)(void *ctx, int dirfd, const char *name, struct error *err);
    } parts[] = {{"trees", read_tree},
                 {"blobs/sha256", read_blob},
                 {"contexts", read_context},
                 {"mounts", read_mount},
                 {"tmp", read_tmp}};
    int code = store_lock_exclusive(r->s, err);

    if (code < 0)
        return code;
    code = store_leases_read(r->s, &r->leased, &r->since_s, err);
    store_unlock(r->s);
    for (size_t i = 0; code == 0 && i < ARRAY_SIZE(parts); i++)
        code = store_each_name(r->s->fd, parts[i].path, parts[i].call, r, err);
    if (code == 0 && faccessat(r->s->fd, "logs", F_OK, 0) == 0) /* made with the first one */
        code = store_each_name(r->s->fd, "logs", read_log, r, err);
    read_database(r);
    return code < 0 ? code : read_images(r, err);
}

int store_usage_read(struct store *s, struct usage *ret, struct error *err)
{
    CLEANUP(usage_done) struct usage u = {0};
    struct reading r = {.s = s, .u = &u, .since_s = INT64_MAX};
    const int code = read_all(&r, err);

    map_done(&r.places);
    map_done(&r.leased);
    if (code < 0)
        return error_wrap(err, code, "look through the store");
    *ret = u;
    u = (struct usage){0};
    return 0;
}

/* --- the plan --- */

static bool is_old(const struct usage_item *i, const struct prune_policy *p)
{
    return p->until_s == INT64_MAX || i->used_s < p->until_s;
}

static bool is_build_cache(const struct usage_item *i, const struct prune_policy *p)
{
    if (p->mounts_only)
        return i->kind == USAGE_MOUNT;
    return i->kind == USAGE_TREE || i->kind == USAGE_BLOB || i->kind == USAGE_CONTEXT ||
           i->kind == USAGE_MOUNT || i->kind == USAGE_LOG;
}

static int by_last_use(const void *a, const void *b)
{
    const struct usage_item *x = *(const struct usage_item *const *)a,
                            *y = *(const struct usage_item *const *)b;

    return x->used_s < y->used_s ? -1 : x->used_s > y->used_s;
}

/* Dooms unnamed images and returns, by place, what the images that stay need. */
static bool *doom_images(struct usage *u, const struct prune_policy *p)
{
    bool *needed = xcalloc(u->size + 1, sizeof(bool));

    vec_each (i, u) {
        if (i->kind != USAGE_IMAGE)
            continue;
        i->doomed = i->unnamed && !i->held && is_old(i, p) && !p->mounts_only;
        if (!i->doomed)
            vec_each (place, &i->needs)
                needed[*place] = true;
    }
    return needed;
}

uint64_t prune_plan(struct usage *u, const struct prune_policy *p)
{
    cleanup_free bool *needed = doom_images(u, p);
    VEC(struct usage_item *) candidates = {0};
    uint64_t cache = 0, freed = 0;

    vec_each (i, u) {
        i->doomed = i->kind == USAGE_IMAGE ? i->doomed : i->kind == USAGE_TMP && !i->held;
        if (i->doomed && i->kind == USAGE_TMP)
            freed += i->size;
        if (!is_build_cache(i, p) || needed[i - u->at])
            continue;
        cache += i->size;
        if (!i->held && is_old(i, p))
            vec_push(&candidates, i);
    }
    if (candidates.size > 0)
        qsort(candidates.at, candidates.size, sizeof(candidates.at[0]), by_last_use);
    for (size_t n = 0; n < candidates.size && (p->keep_storage == 0 || cache > p->keep_storage);
         n++) {
        struct usage_item *i = candidates.at[n];

        i->doomed = true;
        cache -= i->size;
        freed += i->size;
    }
    vec_done(&candidates);
    return freed;
}
