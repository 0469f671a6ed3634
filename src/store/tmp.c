/* tmp/: everything unfinished and everything on its way out, flocked by its owner, swept when the
 * owner is dead.
 *
 * A new entry is unlocked for an instant. A sweeper may take it then; its maker notices, by the
 * flock that it does not get or by the name that is gone, and makes another. So nobody needs the
 * lock of the store. */
#include <errno.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/gc.h"
#include "store/internal.h"

void store_random_name(char buf[static TMP_NAME_SIZE])
{
    uint32_t number = 0;

    if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
        number = (uint32_t)store_now_ns(); /* names only have to differ */
    snprintf(buf, TMP_NAME_SIZE, "%d-%08x", getpid(), number);
}

static int make_entry(struct store *s, bool file, const char *name)
{
    const int flags = O_CLOEXEC | O_NOFOLLOW;

    if (file)
        return openat(s->tmp_fd, name, flags | O_RDWR | O_CREAT | O_EXCL, 0600);
    if (mkdirat(s->tmp_fd, name, 0700) < 0)
        return -1;
    return openat(s->tmp_fd, name, flags | O_RDONLY | O_DIRECTORY);
}

int store_tmp_new(struct store *s, bool file, char ret_name[static TMP_NAME_SIZE],
                  struct error *err)
{
    for (int tries = 0; tries < 100; tries++) {
        struct stat st, named;

        store_random_name(ret_name);
        cleanup_close int fd = make_entry(s, file, ret_name);
        if (fd < 0 && errno != EEXIST && errno != ENOENT)
            return store_failed(err, error_sys(err, "make temporary '%s' in the store", ret_name));
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
            continue;
        if (fstat(fd, &st) == 0 && fstatat(s->tmp_fd, ret_name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_ino == named.st_ino)
            return steal_fd(fd);
    }
    return error_set(err, -EAGAIN, "temporary names of the store are taken away as they are made");
}

int store_tmp_dir(struct store *s, struct error *err)
{
    char name[TMP_NAME_SIZE];

    return store_tmp_new(s, false, name, err);
}

int store_link(int fd, int dirfd, const char *name)
{
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    return errno == ENOENT ? linkat(fd, "", dirfd, name, AT_EMPTY_PATH) : -1; /* no /proc here */
}

/* Without a name, where the file system has that: then a kill leaves nothing. */
int store_prepare_empty(struct store *s, char ret_tmp[static TMP_NAME_SIZE], struct error *err)
{
    cleanup_close int fd = openat(s->tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    ret_tmp[0] = '\0';
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
        const int named = store_tmp_new(s, true, ret_tmp, err);

        if (named < 0)
            ret_tmp[0] = '\0';
        return named;
    }
    /* its owner lives, as sweepers see it when it has its name for a moment */
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
        return error_sys(err, "make a file");
    return steal_fd(fd);
}

int store_prepare(struct store *s, struct view bytes, char ret_tmp[static TMP_NAME_SIZE],
                  struct error *err)
{
    cleanup_close int fd = store_prepare_empty(s, ret_tmp, err);

    if (fd < 0)
        return fd;
    const int r = fd_write_all(fd, bytes, err);
    if (r < 0) {
        store_forget(s, ret_tmp);
        return store_failed(err, r);
    }
    return steal_fd(fd);
}

void store_forget(struct store *s, const char *tmp)
{
    if (*tmp)
        (void)unlinkat(s->tmp_fd, tmp, 0);
}

int store_name(struct store *s, int fd, char tmp[static TMP_NAME_SIZE], int dirfd, const char *name,
               struct error *err)
{
    if (!*tmp) { /* a link replaces nothing, a rename does */
        store_random_name(tmp);
        if (store_link(fd, s->tmp_fd, tmp) < 0) {
            *tmp = '\0';
            return error_sys(err, "link");
        }
    }
    if (renameat(s->tmp_fd, tmp, dirfd, name) < 0)
        return error_sys(err, "rename");
    *tmp = '\0';
    return 0;
}

int store_replace(struct store *s, int dirfd, const char *name, struct view bytes, bool durable,
                  struct error *err)
{
    char tmp[TMP_NAME_SIZE];
    cleanup_close int fd = store_prepare(s, bytes, tmp, err);
    int r = fd < 0 ? fd : 0;

    if (r == 0 && durable && fsync(fd) < 0)
        r = error_sys(err, "sync");
    if (r == 0)
        r = store_name(s, fd, tmp, dirfd, name, err);
    if (r == 0 && durable && fsync(dirfd) < 0)
        r = error_sys(err, "sync the directory");
    if (r < 0) {
        store_forget(s, tmp);
        return store_failed(err, error_wrap(err, r, "write '%s' in the store", name));
    }
    return 0;
}

/* --- the sweep --- */

/* Somebody may come back for it. */
static bool is_young_part(int dirfd, const char *name)
{
    struct stat st;

    return (strncmp(name, PART_PREFIX, strlen(PART_PREFIX)) == 0 ||
            strncmp(name, UPLOAD_PREFIX, strlen(UPLOAD_PREFIX)) == 0) &&
           fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           time(NULL) - st.st_mtime < STORE_PART_S;
}

static int sweep_one(void *ctx, int dirfd, const char *name, struct error *err)
{
    size_t *left = ctx;

    if (is_young_part(dirfd, name))
        return 0;
    ERROR_AUTO(why);
    cleanup_close int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    (void)err;
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        return 0; /* its owner lives, or another sweeper is at it */
    if (fd_remove_tree(dirfd, name, &why) < 0)
        (*left)++;
    return 0;
}

/* Those who hold it are gone; whoever opens it now sees that it has no name any more (lock.c). */
static int sweep_key(void *ctx, int dirfd, const char *name, struct error *err)
{
    cleanup_close int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    (void)ctx, (void)err;
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)unlinkat(dirfd, name, 0);
    return 0;
}

int store_sweep_tmp(struct store *s, size_t *ret_left, struct error *err)
{
    size_t left = 0;
    const int r = store_each_name(s->fd, "tmp", sweep_one, &left, err);

    if (r == 0 && ret_left)
        *ret_left = left;
    return r;
}

int store_sweep(struct store *s, size_t *ret_left, struct error *err)
{
    const int r = store_each_name(s->fd, "keys", sweep_key, NULL, err);

    return r < 0 ? r : store_sweep_tmp(s, ret_left, err);
}
