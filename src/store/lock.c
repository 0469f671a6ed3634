/* The lock of the store, leases, and key locks: all of them flocks, which the kernel drops with
 * their process. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/internal.h"

static int lock(struct store *s, int how, struct error *err)
{
    int r;

    do /* held for microseconds, except while prune renames: nothing to interrupt */
        r = flock(s->lock_fd, how);
    while (r < 0 && errno == EINTR);
    return r < 0 ? error_sys(err, "lock the store") : 0;
}

int store_lock_shared(struct store *s, struct error *err)
{
    return lock(s, LOCK_SH, err);
}

int store_lock_exclusive(struct store *s, struct error *err)
{
    return lock(s, LOCK_EX, err);
}

void store_unlock(struct store *s)
{
    (void)flock(s->lock_fd, LOCK_UN);
}

/* --- leases --- */

static int lease_create(struct store *s, struct error *err)
{
    char line[32];
    struct timespec now;
    cleanup_close int dir = fd_open(s->fd, "leases", O_RDONLY | O_DIRECTORY, 0, err);

    if (dir < 0)
        return dir;
    store_random_name(s->lease_name);
    cleanup_close int fd =
        fd_open(dir, s->lease_name, O_RDWR | O_CREAT | O_EXCL | O_APPEND, 0600, err);
    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return error_sys(err, "lock lease '%s'", s->lease_name);
    /* the clock that the kernel stamps files with */
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    s->lease_size = (size_t)snprintf(line, sizeof(line), "s%" PRId64 "\n", (int64_t)now.tv_sec);
    const int r = fd_write_all(fd, view_make(line, s->lease_size), err);
    if (r < 0) {
        (void)unlinkat(dir, s->lease_name, 0);
        return r;
    }
    s->lease_fd = steal_fd(fd);
    return 0;
}

int store_lease(struct store *s, struct error *err)
{
    if (s->lease_fd >= 0 || s->attached)
        return 0;
    int r = store_lock_shared(s, err); /* between the file and its flock it would look dead */
    if (r < 0)
        return r;
    r = lease_create(s, err);
    store_unlock(s);
    return r < 0 ? store_failed(err, error_wrap(err, r, "begin a lease")) : 0;
}

void store_lease_drop(struct store *s)
{
    if (s->lease_fd < 0)
        return;
    cleanup_free char *path = xasprintf("leases/%s", s->lease_name);
    (void)unlinkat(s->fd, path, 0);
    fd_closep(&s->lease_fd);
    s->lease_fd = -1;
}

const char *store_item_key(char kind, const struct digest *d, char buf[static DIGEST_HEX_MAX + 1])
{
    buf[0] = kind;
    (void)digest_hex(d, buf + 1);
    return buf;
}

int store_lease_add(struct store *s, char kind, const struct digest *d, struct error *err)
{
    char line[DIGEST_HEX_MAX + 2];
    int r;

    (void)store_item_key(kind, d, line);
    const struct view key = view_of(line);
    if (s->attached || map_has(&s->held, key))
        return 0;
    if ((r = store_lease(s, err)) < 0 || (r = store_lock_shared(s, err)) < 0)
        return r;
    line[key.size] = '\n';
    r = fd_write_all(s->lease_fd, view_make(line, key.size + 1), err);
    line[key.size] = '\0';
    if (r < 0 &&
        ftruncate(s->lease_fd, (off_t)s->lease_size) < 0) /* half a line would hide the next */
        (void)error_wrap(err, r, "cut");
    if (r == 0)
        s->lease_size += key.size + 1;
    store_unlock(s);
    if (r < 0)
        return store_failed(err, error_wrap(err, r, "write lease '%s'", s->lease_name));
    map_set(&s->held, key, s);
    return 0;
}

static int hold(struct store *s, char kind, int dirfd, const struct digest *d, struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    struct stat st;
    struct timespec now;
    const int r = store_lease_add(s, kind, d, err);

    if (r < 0)
        return r;
    /* on the lease, so it cannot go away from here on: either it is there now or it is not */
    if (fstatat(dirfd, digest_hex(d, hex), &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? -ENOENT : error_sys(err, "look for %s", hex);
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec - st.st_mtim.tv_sec >= TOUCH_INTERVAL_S)
        (void)utimensat(dirfd, hex, NULL, AT_SYMLINK_NOFOLLOW); /* advice for prune only */
    return 0;
}

int store_tree_hold(struct store *s, const struct digest *tree, struct error *err)
{
    return hold(s, 't', s->trees_fd, tree, err);
}

int store_blob_hold(struct store *s, const struct digest *blob, struct error *err)
{
    return hold(s, 'b', s->blobs_fd, blob, err);
}

struct leases {
    struct store *s;
    struct map *named;
    int64_t since_s;
};

static void lease_parse(struct view text, bool ours, struct leases *l)
{
    struct view line;
    uint64_t since = 0;

    while (view_cut(&text, '\n', &line))
        if (line.size == DIGEST_HEX_MAX)
            map_set(l->named, line, l->named);
        else if (!ours && view_starts(line, "s") &&
                 view_to_u64(view_make(line.at + 1, line.size - 1), &since))
            l->since_s = MIN(l->since_s, (int64_t)since);
}

static int lease_read(void *ctx, int dirfd, const char *name, struct error *err)
{
    struct leases *l = ctx;
    STR_AUTO(text);
    cleanup_close int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT ? 0 : error_sys(err, "open lease '%s'", name);
    const bool ours = l->s->lease_fd >= 0 && strcmp(name, l->s->lease_name) == 0;
    if (!ours && flock(fd, LOCK_EX | LOCK_NB) == 0) {
        (void)unlinkat(dirfd, name, 0);
        return 0;
    }
    const int r = fd_read_all(fd, SIZE_MAX / 2, &text, err);
    if (r < 0)
        return error_wrap(err, r, "read lease '%s'", name);
    lease_parse(str_view(&text), ours, l);
    return 0;
}

int store_leases_read(struct store *s, struct map *ret, int64_t *ret_since_s, struct error *err)
{
    struct leases l = {s, ret, INT64_MAX};
    const int r = store_each_name(s->fd, "leases", lease_read, &l, err);

    if (r == 0)
        *ret_since_s = l.since_s;
    return r;
}

/* --- key locks --- */

struct store_key {
    int keys_fd, fd;
    char hex[DIGEST_HEX_MAX];
};

/* 1: locked; 0: the file was unlinked meanwhile by the one who had it, try again. */
static int key_try(struct store_key *k, bool wait, struct error *err)
{
    struct stat ours, named;

    k->fd = fd_open(k->keys_fd, k->hex, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, err);
    if (k->fd < 0)
        return k->fd;
    if (flock(k->fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return -EAGAIN;
        return error_sys(err, "wait for another cooper");
    }
    if (fstat(k->fd, &ours) == 0 && fstatat(k->keys_fd, k->hex, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
        ours.st_ino == named.st_ino)
        return 1;
    fd_closep(&k->fd);
    k->fd = -1;
    return 0;
}

static void key_free(struct store_key *k)
{
    fd_closep(&k->fd);
    fd_closep(&k->keys_fd);
    free(k);
}

int store_key_lock(struct store *s, const struct digest *key, bool wait, struct store_key **ret,
                   struct error *err)
{
    int r = store_lease(s, err);

    if (r < 0)
        return r;
    struct store_key *k = xcalloc(1, sizeof(*k));
    k->fd = -1;
    (void)digest_hex(key, k->hex);
    k->keys_fd = fd_open(s->fd, "keys", O_RDONLY | O_DIRECTORY, 0, err);
    for (r = k->keys_fd < 0 ? k->keys_fd : 0; r == 0;)
        r = key_try(k, wait, err);
    if (r < 0) {
        key_free(k);
        return r == -EAGAIN ? r : store_failed(err, r);
    }
    *ret = k;
    return 0;
}

void store_key_unlock(struct store_key *k)
{
    if (!k)
        return;
    (void)unlinkat(k->keys_fd, k->hex,
                   0); /* while we hold it: whoever waits on this inode sees that it has no name */
    key_free(k);
}
