/* Image records as files: images/<name, escaped>, images/@<key> for those without a name. */
#include "store/images.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/internal.h"

#define ID_PREFIX_MIN 4

/* '/', ':' and everything unusual as %XX; what is too long for a file is "~" and its digest. The
 * record itself has the name, so nothing has to be decoded. */
void store_image_file(const char *name, char buf[static RECORD_FILE_SIZE])
{
    size_t n = 0;

    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        if (n + 4 > RECORD_FILE_SIZE - 1) {
            struct digest d;

            digest_of(view_of(name), &d);
            buf[0] = '~';
            (void)digest_hex(&d, buf + 1);
            return;
        }
        const bool plain = isalnum(*p) || *p == '-' || *p == '_' || (*p == '.' && n > 0);
        if (plain)
            buf[n++] = (char)*p;
        else
            n += (size_t)snprintf(buf + n, 4, "%%%02X", *p);
    }
    buf[n] = '\0';
}

static void unnamed_file(const struct digest *key, char buf[static RECORD_FILE_SIZE])
{
    buf[0] = '@';
    (void)digest_hex(key, buf + 1);
}

static void file_name(const struct store_image *i, char buf[static RECORD_FILE_SIZE])
{
    struct digest key;

    if (i->name) {
        store_image_file(i->name, buf);
        return;
    }
    store_image_key(i, &key);
    unnamed_file(&key, buf);
}

static int images_dir(struct store *s, struct error *err)
{
    return fd_open(s->fd, "images", O_RDONLY | O_DIRECTORY, 0, err);
}

/* The record in a file, whose name must be the one that the record asks for, or that of its image: then another took
 * the name away, and *ret_former (may be NULL) has it. -ENOENT has no text. */
static int read_file(int dirfd, const char *file, struct store_image *ret, char **ret_former,
                     struct error *err)
{
    CLEANUP(store_image_done) struct store_image image = {0};
    char should[RECORD_FILE_SIZE];
    cleanup_free char *former = NULL;
    STR_AUTO(text);
    struct stat st;
    cleanup_close int fd = openat(dirfd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return errno == ENOENT ? -ENOENT : error_sys(err, "open image record '%s'", file);
    int r = fd_read_all(fd, RECORD_SIZE_MAX, &text, err);
    if (r == 0)
        r = record_parse(str_view(&text), &image, err);
    if (r < 0)
        return error_wrap(err, r, "file 'images/%s' of the store", file);
    if (file[0] == '@') {
        former = image.name;
        image.name = NULL;
    }
    file_name(&image, should);
    if (strcmp(should, file) != 0)
        return error_set(err, -EINVAL, "file 'images/%s' of the store holds the record of '%.80s'",
                         file, image.name ? image.name : should);
    if (fstat(fd, &st) == 0)
        image.used_s = st.st_mtim.tv_sec;
    *ret = image;
    image = (struct store_image){0};
    if (ret_former)
        *ret_former = steal(former);
    return 0;
}

static int read_record(int dirfd, const char *file, struct store_image *ret, struct error *err)
{
    return read_file(dirfd, file, ret, NULL, err);
}

/* --- listing --- */

struct listing {
    void (*damaged)(void *ctx, const char *file, const struct error *why);
    void *ctx;
    struct store_images *images;
};

static int list_one(void *ctx, int dirfd, const char *name, struct error *err)
{
    struct listing *l = ctx;
    struct store_image image;
    ERROR_AUTO(why);
    const int r = read_record(dirfd, name, &image, &why);

    (void)err;
    if (r == 0)
        vec_push(l->images, image);
    else if (r != -ENOENT && l->damaged)
        l->damaged(l->ctx, name, &why);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct store_image *x = a, *y = b;
    struct digest p, q;

    if (x->name && y->name)
        return strcmp(x->name, y->name);
    if (x->name || y->name)
        return x->name ? -1 : 1;
    store_image_key(x, &p);
    store_image_key(y, &q);
    return memcmp(&p, &q, sizeof(p));
}

/* Drops unnamed records of images that have a name; l is sorted, so they come last. */
static void drop_shadowed(struct store_images *l)
{
    struct map named = {0};
    size_t kept = 0;

    for (size_t i = 0; i < l->size; i++) {
        struct digest key;

        store_image_key(&l->at[i], &key);
        const struct view bytes = view_make(key.sha256, sizeof(key.sha256));
        if (l->at[i].name || !map_has(&named, bytes)) {
            if (l->at[i].name)
                map_set(&named, bytes, l);
            l->at[kept++] = l->at[i];
        } else {
            store_image_done(&l->at[i]);
        }
    }
    l->size = kept;
    map_done(&named);
}

int store_image_list(struct store *s,
                     void (*damaged)(void *ctx, const char *file, const struct error *why),
                     void *ctx, struct store_images *ret, struct error *err)
{
    CLEANUP(store_images_done) struct store_images images = {0};
    struct listing l = {damaged, ctx, &images};
    const int r = store_each_name(s->fd, "images", list_one, &l, err);

    if (r < 0)
        return r;
    if (images.size > 0)
        qsort(images.at, images.size, sizeof(images.at[0]), by_name);
    drop_shadowed(&images);
    *ret = images;
    images = (struct store_images){0};
    return 0;
}

/* --- reading one --- */

static int hold_all(struct store *s, const struct store_image *image, struct error *err)
{
    char hex[DIGEST_HEX_MAX];

    vec_each (l, &image->layers) {
        int r = store_tree_hold(s, &l->tree, err);

        if (r == -ENOENT)
            return error_set(err, r, "layer %.12s is not in the store", digest_hex(&l->tree, hex));
        if (r < 0)
            return r;
        vec_each (b, &l->blobs) {
            r = store_blob_hold(s, &b->digest, err);
            if (r == -ENOENT)
                return error_set(err, r, "blob sha256:%s is not in the store",
                                 digest_hex(&b->digest, hex));
            if (r < 0)
                return r;
        }
    }
    return 0;
}

static int take_into_use(struct store *s, int dirfd, struct store_image *image, struct error *err)
{
    char file[RECORD_FILE_SIZE];
    int r = hold_all(s, image, err);

    if (r < 0) {
        r = r == -ENOENT ? -EUCLEAN : r; /* the image is there, but broken */
        (void)error_wrap(err, r, "image '%s'", image->name ? image->name : "without a name");
        return error_hint(err, r, "'cooper prune --damaged' removes what is broken");
    }
    file_name(image, file);
    (void)utimensat(dirfd, file, NULL, AT_SYMLINK_NOFOLLOW);
    return 0;
}

int store_image_get(struct store *s, const char *name, struct store_image *ret, struct error *err)
{
    CLEANUP(store_image_done) struct store_image image = {0};
    char file[RECORD_FILE_SIZE];
    cleanup_close int dir = images_dir(s, err);

    if (dir < 0)
        return dir;
    store_image_file(name, file);
    int r = read_record(dir, file, &image, err);
    if (r == -ENOENT)
        return error_set(err, r, "image '%.200s' is not in the store", name);
    if (r == 0)
        r = take_into_use(s, dir, &image, err);
    if (r < 0)
        return r;
    *ret = image;
    image = (struct store_image){0};
    return 0;
}

static int find_prefix(struct store_images *images, struct view prefix, struct store_image **ret)
{
    struct digest first;

    *ret = NULL;
    vec_each (i, images) {
        char hex[DIGEST_HEX_MAX];
        struct digest key;

        store_image_key(i, &key);
        if (strncmp(digest_hex(&key, hex), prefix.at, prefix.size) != 0)
            continue;
        if (*ret && !digest_eq(&first, &key))
            return -ENOTUNIQ;
        if (!*ret) {
            *ret = i;
            first = key;
        }
    }
    return *ret ? 0 : -ENOENT;
}

int store_image_find(struct store *s, const char *id_prefix, struct store_image *ret,
                     struct error *err)
{
    CLEANUP(store_images_done) struct store_images images = {0};
    struct store_image *found;
    struct view prefix = view_of(id_prefix);
    cleanup_close int dir = images_dir(s, err);

    if (dir < 0)
        return dir;
    if (view_starts(prefix, "sha256:"))
        prefix = view_make(prefix.at + 7, prefix.size - 7);
    if (prefix.size < ID_PREFIX_MIN || prefix.size >= DIGEST_HEX_MAX ||
        strspn(prefix.at, "0123456789abcdef") != prefix.size)
        return error_set(err, -ENOENT, "image '%.200s' is not in the store", id_prefix);
    int r = store_image_list(s, NULL, NULL, &images, err);
    if (r < 0)
        return r;
    r = find_prefix(&images, prefix, &found);
    if (r == -ENOTUNIQ)
        return error_set(err, r, "several images have an id that begins with '%.64s'", id_prefix);
    if (r < 0)
        return error_set(err, r, "image '%.200s' is not in the store", id_prefix);
    r = take_into_use(s, dir, found, err);
    if (r < 0)
        return r;
    *ret = *found;
    *found = (struct store_image){0};
    return 0;
}

/* --- writing --- */

/* Config bytes must come back as they are: JSON strings hold UTF-8 without NULs. */
static int check_config(const struct store_image *i, struct error *err)
{
    if (!i->config.at)
        return 0;
    json_t *text = json_stringn(i->config.at, i->config.size);
    const bool good = text && strlen(i->config.at) == i->config.size;

    json_decref(text);
    return good ? 0 : error_set(err, -EINVAL, "image configuration is not UTF-8 text");
}

static int write_record(struct store *s, int dirfd, const char *file, const struct store_image *i,
                        struct error *err)
{
    STR_AUTO(text);

    record_print(i, &text);
    if (text.size > RECORD_SIZE_MAX)
        return error_set(err, -EDQUOT, "image record has %zu bytes, at most %u are kept", text.size,
                         RECORD_SIZE_MAX);
    return store_replace(s, dirfd, file, str_view(&text), false, err);
}

/* The very file gets another name: it has reached the disk, which the one that takes its place has not. -ENOENT has a text:
 * somebody has just removed it. */
static int keep_former(struct store *s, int dirfd, const char *file, const struct digest *key,
                       struct error *err)
{
    char tmp[TMP_NAME_SIZE] = "", unnamed[RECORD_FILE_SIZE];
    cleanup_close int fd = fd_open(dirfd, file, O_RDONLY | O_NOFOLLOW, 0, err);

    if (fd < 0)
        return fd;
    if (flock(fd, LOCK_EX) < 0) /* lest it be swept while it has a name in tmp/ */
        return error_sys(err, "lock image record '%s'", file);
    unnamed_file(key, unnamed);
    const int r = store_name(s, fd, tmp, dirfd, unnamed, err);
    store_forget(s, tmp);
    return r < 0 ? error_wrap(err, r, "keep image record '%s'", file) : 0;
}

/* 1 when old says the same as i, the time of making apart. */
static bool same_record(const struct store_image *old, const struct store_image *i)
{
    struct store_image copy = *i;
    STR_AUTO(a);
    STR_AUTO(b);

    copy.created_s = old->created_s;
    record_print(old, &a);
    record_print(&copy, &b);
    return view_eq(str_view(&a), str_view(&b));
}

static int put(struct store *s, int dirfd, const char *file, const struct store_image *i,
               struct error *err)
{
    CLEANUP(store_image_done) struct store_image old = {0};
    struct digest was;
    ERROR_AUTO(unreadable); /* then it is replaced */
    const bool had = read_record(dirfd, file, &old, &unreadable) == 0;

    if (had && same_record(&old, i)) {
        (void)utimensat(dirfd, file, NULL, AT_SYMLINK_NOFOLLOW);
        return 0;
    }
    if (had && i->name) { /* of the same image too: it is listed only when the name has left it */
        ERROR_AUTO(why);

        store_image_key(&old, &was);
        const int r = keep_former(s, dirfd, file, &was, &why);

        if (r < 0 && r != -ENOENT)
            return error_move(err, &why);
    }
    return write_record(s, dirfd, file, i, err);
}

int store_image_put(struct store *s, const struct store_image *i, struct error *err)
{
    CLEANUP(store_key_unlockp) struct store_key *lock = NULL;
    struct digest key;
    char file[RECORD_FILE_SIZE];
    cleanup_close int dir = images_dir(s, err);

    if (dir < 0)
        return dir;
    file_name(i, file);
    digest_of(view_of(file), &key);
    int r = check_config(i, err);
    if (r == 0)
        r = hold_all(s, i, err);
    if (r == 0)
        r = store_key_lock(s, &key, true, &lock,
                           err); /* two that move one name: one after the other */
    if (r == 0)
        r = put(s, dir, file, i, err);
    return r < 0
               ? store_failed(err, error_wrap(err, r, "store image '%s'", i->name ? i->name : file))
               : 0;
}

/* --- after a power cut --- */

struct former {
    const char *file;
    char best[RECORD_FILE_SIZE]; /* the last that had the name of file; "": none */
    struct timespec left;        /* when it left it: its status changed then */
};

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static int find_former(void *ctx, int dirfd, const char *name, struct error *err)
{
    struct former *f = ctx;
    CLEANUP(store_image_done) struct store_image image = {0};
    cleanup_free char *had = NULL;
    char file[RECORD_FILE_SIZE];
    struct stat st;
    ERROR_AUTO(unreadable);

    (void)err;
    if (name[0] != '@' || read_file(dirfd, name, &image, &had, &unreadable) < 0 || !had)
        return 0;
    store_image_file(had, file);
    if (strcmp(file, f->file) != 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        (f->best[0] && is_before(&st.st_ctim, &f->left)))
        return 0;
    snprintf(f->best, sizeof(f->best), "%s", name);
    f->left = st.st_ctim;
    return 0;
}

int store_image_give_back(struct store *s, const char *file, struct error *err)
{
    struct former f = {.file = file};
    cleanup_close int dir = images_dir(s, err);

    if (dir < 0)
        return dir;
    const int r = store_each_name(dir, ".", find_former, &f, err);
    if (r < 0 || !f.best[0])
        return r;
    return renameat(dir, f.best, dir, file) < 0 ? error_sys(err, "name '%s' again", file) : 1;
}

/* --- removing --- */

int store_image_remove(struct store *s, const char *name, const struct digest *id,
                       struct error *err)
{
    CLEANUP(store_image_done) struct store_image image = {0};
    char file[RECORD_FILE_SIZE];
    cleanup_close int dir = images_dir(s, err);

    if (dir < 0)
        return dir;
    if (name) {
        ERROR_AUTO(unreadable);

        store_image_file(name, file);
        if (read_record(dir, file, &image, &unreadable) == 0 && image.name) {
            char unnamed[RECORD_FILE_SIZE];

            /* the image goes, not only this name of it: no unnamed record stays behind */
            free(image.name);
            image.name = NULL;
            file_name(&image, unnamed);
            (void)unlinkat(dir, unnamed, 0);
        }
    } else {
        unnamed_file(id, file);
    }
    if (unlinkat(dir, file, 0) == 0)
        return 0;
    if (errno == ENOENT)
        return error_set(err, -ENOENT, "image '%.200s' is not in the store",
                         name ? name : file + 1);
    return error_sys(err, "remove image '%.200s'", name ? name : file + 1);
}
