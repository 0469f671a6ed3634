/* Taking things out of the store. */
#include "store/gc.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/internal.h"

struct removal {
    struct store *s;
    int trash_fd;      /* a directory in tmp/ that the next sweep deletes */
    struct map needed; /* by a lease or a record: "t<hex>", "b<hex>" */
    int64_t since_s;
};

static bool used_meanwhile(const struct removal *r, int dirfd, const char *path)
{
    struct stat st;

    return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_mtim.tv_sec >= r->since_s;
}

/* Unnamed records first: what they need is free only when they are gone. */
static int remove_images(struct removal *r, struct usage *u, struct error *err)
{
    cleanup_close int dir = fd_open(r->s->fd, "images", O_RDONLY | O_DIRECTORY, 0, err);

    if (dir < 0)
        return dir;
    vec_each (i, u) {
        char file[DIGEST_HEX_MAX + 1];

        if (i->kind != USAGE_IMAGE || !i->doomed)
            continue;
        (void)store_item_key('@', &i->id, file);
        i->doomed = !used_meanwhile(r, dir, file) && unlinkat(dir, file, 0) == 0;
    }
    return 0;
}

static int read_needs(struct removal *r, struct error *err)
{
    CLEANUP(store_images_done) struct store_images images = {0};
    char key[DIGEST_HEX_MAX + 1];
    const int code = store_image_list(r->s, NULL, NULL, &images, err);

    if (code < 0)
        return code;
    vec_each (i, &images)
        vec_each (l, &i->layers) {
            map_set(&r->needed, view_of(store_item_key('t', &l->tree, key)), r);
            vec_each (b, &l->blobs)
                map_set(&r->needed, view_of(store_item_key('b', &b->digest, key)), r);
        }
    return 0;
}

static bool to_trash(const struct removal *r, int dirfd, const char *name, char kind)
{
    char target[DIGEST_HEX_MAX + 8];

    snprintf(target, sizeof(target), "%c%.64s", kind, name);
    return renameat(dirfd, name, r->trash_fd, target) == 0;
}

static bool remove_addressed(const struct removal *r, const struct usage_item *i)
{
    const bool tree = i->kind == USAGE_TREE;
    const int dirfd = tree ? r->s->trees_fd : r->s->blobs_fd;
    char key[DIGEST_HEX_MAX + 1];

    (void)store_item_key(tree ? 't' : 'b', &i->id, key);
    if (map_has(&r->needed, view_of(key)) || used_meanwhile(r, dirfd, key + 1))
        return false;
    return to_trash(r, dirfd, key + 1, key[0]);
}

static bool remove_plain(const struct removal *r, const char *below, const struct usage_item *i)
{
    ERROR_AUTO(ignored);
    cleanup_close int dir = fd_open(r->s->fd, below, O_RDONLY | O_DIRECTORY, 0, &ignored);
    cleanup_close int fd = -1;

    if (dir < 0)
        return false;
    if (i->kind == USAGE_CONTEXT)
        return !used_meanwhile(r, dir, i->name) && to_trash(r, dir, i->name, 'c');
    fd = openat(dir, i->name,
                O_RDONLY | O_NOFOLLOW |
                    O_CLOEXEC); /* locked until it has no name: store_mount_open() */
    return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
           to_trash(r, dir, i->name, i->kind == USAGE_MOUNT ? 'm' : 'l');
}

static bool remove_item(const struct removal *r, const struct usage_item *i)
{
    switch (i->kind) {
    case USAGE_TREE:
    case USAGE_BLOB:
        return remove_addressed(r, i);
    case USAGE_CONTEXT:
        return remove_plain(r, "contexts", i);
    case USAGE_MOUNT:
        return remove_plain(r, "mounts", i);
    case USAGE_LOG:
        return remove_plain(r, "logs", i);
    case USAGE_IMAGE: /* already done */
    case USAGE_TMP:   /* by the sweep */
    case USAGE_CACHE: /* by cache_clean() */
        break;
    }
    return i->doomed;
}

static int remove_locked(struct removal *r, struct usage *u, struct error *err)
{
    int code = store_leases_read(r->s, &r->needed, &r->since_s, err);

    if (code == 0)
        code = remove_images(r, u, err);
    if (code == 0)
        code = read_needs(r, err);
    if (code < 0)
        return code;
    vec_each (i, u)
        if (i->doomed)
            i->doomed = remove_item(r, i);
    return 0;
}

int store_remove(struct store *s, struct usage *u, struct error *err)
{
    struct removal r = {.s = s, .since_s = INT64_MAX};
    char name[TMP_NAME_SIZE];
    cleanup_close int trash = store_tmp_new(s, false, name, err);

    if (trash < 0)
        return trash;
    r.trash_fd = trash;
    /* what goes now is what a power cut would give back for what is new */
    int code = store_sync(s, err);
    if (code == 0)
        code = store_lock_exclusive(s, err);
    if (code == 0) {
        code = remove_locked(&r, u, err);
        store_unlock(s);
    }
    map_done(&r.needed);
    return code < 0 ? store_failed(err, error_wrap(err, code, "prune the store")) : 0;
}
