/* Trees: made in tmp/, stamped, renamed into place, never changed. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/gc.h"
#include "store/internal.h"

struct store_tree {
    int tmp_fd;                         /* of the store, our own copy */
    int own_fd, dir_fd, fs_fd, work_fd; /* tmp/<name>, its tree/, tree/fs/ and work/ */
    char name[TMP_NAME_SIZE];
};

static void tree_free(struct store_tree *t)
{
    fd_closep(&t->work_fd);
    fd_closep(&t->fs_fd);
    fd_closep(&t->dir_fd);
    fd_closep(&t->own_fd);
    fd_closep(&t->tmp_fd);
    free(t);
}

static int make_dir(int dirfd, const char *name, mode_t mode, struct error *err)
{
    if (mkdirat(dirfd, name, mode) < 0)
        return error_sys(err, "make directory '%s'", name);
    const int fd = fd_open(dirfd, name, O_RDONLY | O_DIRECTORY, 0, err);
    if (fd >= 0)
        (void)fchmod(fd, mode); /* whatever the umask */
    return fd;
}

static int tree_make(struct store *s, struct store_tree *t, struct error *err)
{
    t->tmp_fd = fcntl(s->tmp_fd, F_DUPFD_CLOEXEC, 0);
    if (t->tmp_fd < 0)
        return error_sys(err, "copy descriptor");
    if ((t->own_fd = store_tmp_new(s, false, t->name, err)) < 0)
        return t->own_fd;
    if ((t->dir_fd = make_dir(t->own_fd, "tree", 0700, err)) < 0)
        return t->dir_fd;
    if ((t->fs_fd = make_dir(t->dir_fd, "fs", 0755, err)) < 0)
        return t->fs_fd;
    t->work_fd = make_dir(t->own_fd, "work", 0700, err);
    return t->work_fd < 0 ? t->work_fd : 0;
}

int store_tree_begin(struct store *s, struct store_tree **ret, struct error *err)
{
    struct store_tree *t = xcalloc(1, sizeof(*t));

    if (!s->swept) { /* what the dead left may be what fills the disk */
        ERROR_AUTO(ignored);

        s->swept = store_sweep_tmp(s, NULL, &ignored) == 0;
    }
    t->tmp_fd = t->own_fd = t->dir_fd = t->fs_fd = t->work_fd = -1;
    const int r = tree_make(s, t, err);
    if (r < 0) {
        store_tree_abort(t);
        return store_failed(err, error_wrap(err, r, "begin a tree in the store"));
    }
    *ret = t;
    return 0;
}

int store_tree_dir_fd(const struct store_tree *t)
{
    return t->dir_fd;
}

int store_tree_fs_fd(const struct store_tree *t)
{
    return t->fs_fd;
}

int store_tree_work_fd(const struct store_tree *t)
{
    return t->work_fd;
}

void store_tree_abort(struct store_tree *t)
{
    ERROR_AUTO(ignored);

    if (!t)
        return;
    if (t->own_fd >= 0 && fd_remove_tree(t->tmp_fd, t->name, &ignored) < 0)
        error_done(&ignored); /* what stays is swept later */
    tree_free(t);
}

static int commit(struct store *s, struct store_tree *t, const char *hex, uint64_t size,
                  struct error *err)
{
    char stamp[STAMP_SIZE_MAX];

    /* the moment first, everything of the tree is written by now: a sync that began later covers
     * it */
    snprintf(stamp, sizeof(stamp), "%s %016" PRIx64 " %" PRIx64, s->boot, store_now_ns(), size);
    if (symlinkat(stamp, t->dir_fd, "stamp") < 0)
        return error_sys(err, "stamp");
    if (renameat(t->own_fd, "tree", s->trees_fd, hex) == 0)
        return 0;
    if (errno != EEXIST && errno != ENOTEMPTY)
        return error_sys(err, "rename");
    (void)utimensat(s->trees_fd, hex, NULL,
                    AT_SYMLINK_NOFOLLOW); /* in use since now: store.h, invariant 7 */
    return 0;
}

int store_tree_commit(struct store *s, struct store_tree *take_t, const struct digest *tree,
                      uint64_t size, struct error *err)
{
    CLEANUP(store_tree_abortp) struct store_tree *t = take_t;
    char hex[DIGEST_HEX_MAX];
    int r = store_lease_add(s, 't', tree, err);

    if (r == 0)
        r = commit(s, t, digest_hex(tree, hex), size, err);
    return r < 0 ? store_failed(err, error_wrap(err, r, "commit tree %.12s", digest_hex(tree, hex)))
                 : 0;
}

bool store_tree_has(struct store *s, const struct digest *tree)
{
    char hex[DIGEST_HEX_MAX];

    return faccessat(s->trees_fd, digest_hex(tree, hex), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int store_tree_open(struct store *s, const struct digest *tree, struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    const int r = store_tree_hold(s, tree, err);

    if (r == -ENOENT)
        return error_set(err, r, "tree %s is not in the store", digest_hex(tree, hex));
    if (r < 0)
        return r;
    return fd_open(s->trees_fd, digest_hex(tree, hex), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
}

/* --- stamps --- */

static bool parse_hex(struct view v, uint64_t *ret)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t n = 0;

    if (v.size == 0 || v.size > 16)
        return false;
    for (size_t i = 0; i < v.size; i++) {
        const char *digit = memchr(digits, v.at[i], sizeof(digits) - 1);

        if (!digit)
            return false;
        n = n << 4 | (uint64_t)(digit - digits);
    }
    *ret = n;
    return true;
}

int stamp_parse(const char *text, struct stamp *ret)
{
    struct view rest = view_of(text), boot, ns, size;
    struct stamp s = {0};

    if (!view_cut(&rest, ' ', &boot) || !view_cut(&rest, ' ', &ns) ||
        !view_cut(&rest, ' ', &size) || rest.at || boot.size != BOOT_SIZE - 1 ||
        !parse_hex(ns, &s.ns) || !parse_hex(size, &s.size))
        return -EINVAL;
    memcpy(s.boot, boot.at, boot.size);
    *ret = s;
    return 0;
}

int store_tree_stamp(struct store *s, const char *hex, struct stamp *ret)
{
    char path[DIGEST_HEX_MAX + 8], text[STAMP_SIZE_MAX + 1];

    if (strlen(hex) != DIGEST_HEX_MAX - 1)
        return -EINVAL;
    snprintf(path, sizeof(path), "%s/stamp", hex);
    const ssize_t n = readlinkat(s->trees_fd, path, text, sizeof(text) - 1);
    if (n < 0)
        return -errno;
    text[n] = '\0';
    return stamp_parse(text, ret);
}

int store_tree_size(struct store *s, const struct digest *tree, uint64_t *ret, struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    struct stamp stamp = {0};
    const int r = store_tree_stamp(s, digest_hex(tree, hex), &stamp);

    if (r < 0)
        return error_set(err, r, "tree %s is not in the store", hex);
    *ret = stamp.size;
    return 0;
}
