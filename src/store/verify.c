/* Looks at everything in the store again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "store/gc.h"
#include "store/internal.h"

struct check {
    struct store *s;
    const struct verify *v;
    bool restarted; /* another boot went before: what it lost, others may stand in for */
    const struct stamp *durable; /* only what it does not cover; NULL: everything */
    int trash_fd; /* -1 until something is discarded: a full disk has no room for it */
    int findings;
    bool begun;
    bool again;  /* a record came into the place of one that was lost */
    int lacking; /* why a record could not be looked at; 0: each could */
};

/* Says nothing about what was to be read: it must not be discarded. */
static bool is_our_lack(int r)
{
    return r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -EINTR;
}

static void found(struct check *c, const char *item, const struct error *what)
{
    c->findings++;
    if (c->v->found)
        c->v->found(c->v->ctx, item, what);
}

static void tell_beginning(struct check *c)
{
    if (c->v->begin && !c->begun)
        c->v->begin(c->v->ctx);
    c->begun = true;
}

static int open_trash(struct check *c, struct error *err)
{
    char name[TMP_NAME_SIZE];

    if (c->trash_fd < 0)
        c->trash_fd = store_tmp_new(c->s, false, name, err);
    return c->trash_fd < 0 ? c->trash_fd : 0;
}

/* Out of the store with what is damaged; under the lock, so that no lease is being taken on it just
 * now. */
static int discard(struct check *c, int dirfd, const char *name, struct error *err)
{
    char target[TMP_NAME_SIZE];

    if (!c->v->repair)
        return 0;
    int r = open_trash(c, err);
    if (r == 0)
        r = store_lock_exclusive(c->s, err);
    if (r < 0)
        return r;
    /* a number: blobs and trees may have strangers of one name among them */
    snprintf(target, sizeof(target), "%d", c->findings);
    if (renameat(dirfd, name, c->trash_fd, target) < 0 && errno != ENOENT)
        r = error_sys(err, "remove damaged '%.80s'", name);
    store_unlock(c->s);
    return r;
}

/* --- blobs --- */

static int hash_blob(int fd, const struct digest *want, struct error *err)
{
    char is[DIGEST_TEXT_MAX], buf[65536];
    struct digest digest;
    struct hash h;
    ssize_t n;

    hash_init(&h);
    while ((n = read(fd, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
        hash_add(&h, buf, n > 0 ? (size_t)n : 0);
    if (n < 0)
        return error_sys(err, "read");
    hash_done(&h, digest.sha256);
    if (!digest_eq(&digest, want))
        return error_set(err, -EPROTO, "content has digest %s", digest_format(&digest, is));
    return 0;
}

static int blob_fault(int dirfd, const char *name, struct error *err)
{
    struct digest id;
    int r = digest_parse_hex(name, &id, err);

    if (r < 0)
        return r;
    cleanup_close int fd = fd_open(dirfd, name, O_RDONLY | O_NOFOLLOW, 0, err);
    return fd < 0 ? fd : hash_blob(fd, &id, err);
}

static bool is_proven_blob(const struct check *c, int dirfd, const char *name)
{
    struct stat st;

    return c->durable && fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           !store_blob_is_uncovered(&st);
}

static int verify_blob(void *ctx, int dirfd, const char *name, struct error *err)
{
    struct check *c = ctx;
    ERROR_AUTO(why);

    if (is_proven_blob(c, dirfd, name))
        return 0;
    tell_beginning(c);
    const int r = blob_fault(dirfd, name, &why);
    if (r == 0 || r == -ENOENT) /* pruned meanwhile */
        return 0;
    if (is_our_lack(r)) {
        error_move(err, &why);
        return error_wrap(err, r, "blob %.80s", name);
    }
    cleanup_free char *item = xasprintf("blob %.80s", name);
    found(c, item, &why);
    return discard(c, dirfd, name, err);
}

/* --- trees --- */

static int tree_fault(struct check *c, int dirfd, const char *name, struct error *err)
{
    struct digest id;
    struct stamp stamp;
    struct stat st;
    int r = digest_parse_hex(name, &id, err);

    if (r < 0)
        return r;
    cleanup_close int fd = fd_open(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    if (store_tree_stamp(c->s, name, &stamp) < 0)
        return error_set(err, -EPROTO, "has no stamp");
    if (fstatat(fd, "fs", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
        return error_set(err, -EPROTO, "has no directory 'fs'");
    if (fstatat(fd, "index", &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return error_set(err, -EPROTO, "has no file 'index'");
    return c->v->tree ? c->v->tree(c->v->ctx, fd, &id, err) : 0;
}

static bool is_proven_tree(const struct check *c, const char *name)
{
    struct stamp stamp;

    return c->durable && store_tree_stamp(c->s, name, &stamp) == 0 &&
           (strcmp(stamp.boot, c->durable->boot) != 0 || stamp.ns <= c->durable->ns);
}

static int verify_tree(void *ctx, int dirfd, const char *name, struct error *err)
{
    struct check *c = ctx;
    ERROR_AUTO(why);

    if (is_proven_tree(c, name))
        return 0;
    tell_beginning(c);
    const int r = tree_fault(c, dirfd, name, &why);
    if (r == 0 || faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0) /* pruned meanwhile */
        return 0;
    if (r != -EPROTO && r != -EINVAL && r != -ENOTDIR && r != -ELOOP) {
        error_move(err, &why); /* nothing is known about the tree: it must not be discarded */
        return error_wrap(err, r, "layer %.80s", name);
    }
    cleanup_free char *item = xasprintf("layer %.80s", name);
    found(c, item, &why);
    return discard(c, dirfd, name, err);
}

/* --- records --- */

static int blob_reference_fault(struct check *c, const struct store_blob *b, struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    struct stat st;

    if (fstatat(c->s->blobs_fd, digest_hex(&b->digest, hex), &st, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(err, -ENOENT, "blob %s is missing", hex);
    if ((uint64_t)st.st_size != b->size)
        return error_set(err, -EPROTO, "blob %s has %" PRIu64 " bytes, the record says %" PRIu64,
                         hex, (uint64_t)st.st_size, b->size);
    return 0;
}

/* Without a tree the image is lost. Without a compressed form it is not: the form is forgotten
 * (*ret_forgot). */
static int image_fault(struct check *c, struct store_image *image, bool *ret_forgot,
                       struct error *err)
{
    char hex[DIGEST_HEX_MAX];

    vec_each (l, &image->layers)
        if (!store_tree_has(c->s, &l->tree))
            return error_set(err, -ENOENT, "layer %s is missing", digest_hex(&l->tree, hex));
    vec_each (l, &image->layers)
        for (size_t i = 0; i < l->blobs.size; i++) {
            ERROR_AUTO(why);

            if (blob_reference_fault(c, &l->blobs.at[i], &why) == 0)
                continue;
            if (!*ret_forgot)
                error_move(err, &why);
            *ret_forgot = true;
            free(l->blobs.at[i].media_type);
            l->blobs.at[i--] = l->blobs.at[--l->blobs.size];
        }
    return 0;
}

/* What a power cut took is not what the image was before: that had reached the disk, and is looked at once more. */
static int give_back(struct check *c, const char *file, struct error *err)
{
    const int r = c->restarted ? store_image_give_back(c->s, file, err) : 0;

    c->again |= r > 0;
    return r < 0 ? r : 0;
}

static int verify_image(struct check *c, struct store_image *image, struct error *err)
{
    struct digest key;
    char hex[DIGEST_HEX_MAX];
    bool forgot = false;
    ERROR_AUTO(why);
    const int r = image_fault(c, image, &forgot, &why);

    if (r == 0 && !forgot)
        return 0;
    store_image_key(image, &key);
    cleanup_free char *item =
        xasprintf("image %s", image->name ? image->name : digest_hex(&key, hex));
    found(c, item, &why);
    if (!c->v->repair)
        return 0;
    if (r == 0)
        return store_image_put(c->s, image, err);
    const int removed = store_image_remove(c->s, image->name, &key, err);
    if (removed < 0 || !image->name)
        return removed;
    char file[RECORD_FILE_SIZE];
    store_image_file(image->name, file);
    return give_back(c, file, err);
}

static void verify_damaged(void *ctx, const char *file, const struct error *why)
{
    struct check *c = ctx;
    cleanup_free char *item = xasprintf("record %s", file), *path = xasprintf("images/%s", file);
    ERROR_AUTO(ignored);

    if (is_our_lack(why->code)) {
        c->lacking = why->code;
        return;
    }
    found(c, item, why);
    if (!c->v->repair)
        return;
    (void)unlinkat(c->s->fd, path, 0);
    (void)give_back(c, file, &ignored); /* then it stays as it is: without a name */
}

static int verify_images(struct check *c, struct error *err)
{
    CLEANUP(store_images_done) struct store_images images = {0};

    c->again = false;
    int r = store_image_list(c->s, verify_damaged, c, &images, err);

    if (r == 0 && c->lacking)
        r = error_set(err, c->lacking, "an image record cannot be read now");
    for (size_t i = 0; r == 0 && i < images.size; i++)
        r = verify_image(c, &images.at[i], err);
    return r;
}

static int verify_all(struct check *c, struct error *err)
{
    int r = store_each_name(c->s->fd, "blobs/sha256", verify_blob, c, err);

    if (r == 0)
        r = store_each_name(c->s->fd, "trees", verify_tree, c, err);
    do {
        if (r == 0)
            r = verify_images(c, err);
    } while (r == 0 && c->again);
    fd_closep(&c->trash_fd);
    return r;
}

int store_verify(struct store *s, const struct verify *v, struct error *err)
{
    struct check c = {.s = s, .v = v, .trash_fd = -1};
    const int r = verify_all(&c, err);

    return r < 0 ? store_failed(err, error_wrap(err, r, "verify the store")) : c.findings;
}

/* --- the first command of another boot --- */

static int prove(struct check *c, struct error *err)
{
    int r = verify_all(c, err);

    if (r == 0)
        r = store_sync_all(c->s, err);
    return r < 0 ? r : store_durable_write(c->s, 0, err);
}

/* 1 when there is nothing to prove; *ret_known: `durable` can be read. */
static int is_proven(struct store *s, struct stamp *ret, bool *ret_known, struct error *err)
{
    ERROR_AUTO(why);
    const int r = store_durable_read(s, ret, &why);

    *ret_known = r == 0;
    if (r == 0)
        return strcmp(ret->boot, s->boot) == 0;
    return r == -ENOENT || r == -EINVAL ? 0 : error_move(err, &why);
}

/* One proves, the others wait. What is locked is there already: the disk may be full, and 'cooper prune' must get by. */
static int lock_proof(struct store *s, struct error *err)
{
    cleanup_close int fd = fd_open(s->fd, "durable", O_RDWR | O_CREAT, 0600, err);

    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX) < 0)
        return error_sys(err, "wait for another cooper");
    return steal_fd(fd);
}

int store_prove(struct store *s, const struct verify *v, struct error *err)
{
    struct stamp durable;
    bool known;
    int r = is_proven(s, &durable, &known, err);

    if (r != 0)
        return r < 0 ? r : 0;
    cleanup_close int lock = lock_proof(s, err);
    r = lock < 0 ? store_failed(err, lock) : is_proven(s, &durable, &known, err);
    if (r != 0)
        return r < 0 ? r : 0; /* another process was faster */
    struct check c = {
        .s = s, .v = v, .restarted = true, .durable = known ? &durable : NULL, .trash_fd = -1};
    r = prove(&c, err);
    return r < 0 ? store_failed(err, error_wrap(err, r, "look at the store after a restart"))
                 : c.findings;
}
