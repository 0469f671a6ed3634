/* skopeo's "dir:" as a place: one image, its manifest in manifest.json, blobs in files called by their digits, manifests of
 * an index in DIGITS.manifest.json. Nothing can lie beside it. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/site.h"

#define VERSION_FILE "version"
#define VERSION_TEXT "Directory Transport Version: 1.1\n"

struct dir {
    struct site site;
    int fd;
    bool has_image; /* that was asked for, or put there: what comes then is something beside it */
};

static struct dir *dir_of(struct site *p)
{
    return (struct dir *)p; /* its first member */
}

/* ---- reading ---- */

static int dir_image(struct site *p, struct digest *ret, struct str *ret_manifest,
                     struct error *err)
{
    str_clear(ret_manifest);
    const int r =
        fd_read_regular(dir_of(p)->fd, "manifest.json", MANIFEST_SIZE_MAX, ret_manifest, err);

    if (r == 0)
        digest_of(str_view(ret_manifest), ret);
    dir_of(p)->has_image = dir_of(p)->has_image || r == 0;
    return r;
}

static int dir_tag(struct site *p, const char *tag, struct str *ret_manifest, struct error *err)
{
    (void)p, (void)ret_manifest;
    return error_set(err, -ENOENT, "such a directory has no '%s'", tag);
}

static int read_checked(struct dir *d, const char *name, const struct digest *want, uint64_t limit,
                        struct str *ret, struct error *err)
{
    char text[DIGEST_TEXT_MAX];
    struct digest got;

    str_clear(ret);
    const int r = fd_read_regular(d->fd, name, limit, ret, err);
    if (r < 0)
        return r;
    digest_of(str_view(ret), &got);
    return digest_eq(&got, want) ? 0
                                 : error_set(err, -EPROTO, "'%s' is damaged: its digest is %s",
                                             name, digest_format(&got, text));
}

static int dir_manifest(struct site *p, const struct digest *want, struct str *ret,
                        struct error *err)
{
    char hex[DIGEST_HEX_MAX], name[SITE_NAME_MAX];
    struct digest root;

    if (dir_image(p, &root, ret, NULL) == 0 && digest_eq(&root, want))
        return 0;
    snprintf(name, sizeof(name), "%s.manifest.json", digest_hex(want, hex));
    return read_checked(dir_of(p), name, want, MANIFEST_SIZE_MAX, ret, err);
}

static int dir_blob(struct site *p, const struct descriptor *d, struct str *ret, struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    const int r = descriptor_need_sha256(d, err);

    return r < 0 ? r
                 : read_checked(dir_of(p), digest_hex(&d->digest, hex), &d->digest, d->size, ret,
                                err);
}

static int dir_referrers(struct site *p, const struct digest *subject, struct digest **ret,
                         size_t *ret_count, struct error *err)
{
    (void)p, (void)subject, (void)err;
    *ret = NULL;
    *ret_count = 0;
    return 0;
}

/* ---- writing ---- */

static int dir_lock(struct site *p, struct error *err)
{
    (void)p, (void)err;
    return 0;
}

static int put(struct dir *d, const char *name, struct view bytes, struct error *err)
{
    return fd_replace_file(d->fd, name, bytes, 0644, err);
}

static int dir_put_blob(struct site *p, struct view bytes, struct error *err)
{
    char hex[DIGEST_HEX_MAX];
    struct digest d;

    digest_of(bytes, &d);
    return put(dir_of(p), digest_hex(&d, hex), bytes, err);
}

static int dir_put_child(struct site *p, const char *media_type, struct view bytes,
                         struct error *err)
{
    char hex[DIGEST_HEX_MAX], name[SITE_NAME_MAX];
    struct digest d;

    (void)media_type;
    digest_of(bytes, &d);
    snprintf(name, sizeof(name), "%s.manifest.json", digest_hex(&d, hex));
    return put(dir_of(p), name, bytes, err);
}

static int dir_put_manifest(struct site *p, const char *tag, struct view bytes, struct error *err)
{
    if (tag || dir_of(p)->has_image)
        return error_set(err, -ENOTSUP, "nothing can lie beside the image in 'dir:'");
    dir_of(p)->has_image = true;
    return put(dir_of(p), "manifest.json", bytes, err);
}

static int dir_blob_name(struct site *p, const struct digest *d, char name[static SITE_NAME_MAX])
{
    digest_hex(d, name);
    return dir_of(p)->fd;
}

static int dir_blob_open(struct site *p, const struct descriptor *d, uint64_t *ret_offset,
                         struct error *err)
{
    char hex[DIGEST_HEX_MAX];

    *ret_offset = 0;
    return site_open_file(dir_of(p)->fd, digest_hex(&d->digest, hex), d, err);
}

static void dir_close(struct site *p)
{
    if (dir_of(p)->fd >= 0)
        (void)close(dir_of(p)->fd);
    free(p);
}

static const struct site_kind dir_kind = {
    .image = dir_image,
    .tag = dir_tag,
    .manifest = dir_manifest,
    .blob = dir_blob,
    .referrers = dir_referrers,
    .lock = dir_lock,
    .put_blob = dir_put_blob,
    .put_child = dir_put_child,
    .put_manifest = dir_put_manifest,
    .blob_name = dir_blob_name,
    .blob_open = dir_blob_open,
    .close = dir_close,
};

int site_open_dir(struct place *p, struct site **ret, struct error *err)
{
    struct dir *d = xcalloc(1, sizeof(*d));
    const char *slash = strrchr(p->path, '/');
    CLEANUP(site_closep) struct site *s = &d->site;

    s->kind = &dir_kind;
    s->repository = xstrdup(slash && slash[1] ? slash + 1 : p->path);
    d->fd = fd_open(AT_FDCWD, p->path, O_RDONLY | O_DIRECTORY, 0, err);
    if (d->fd < 0)
        return d->fd;
    *ret = steal(s);
    return 0;
}

int site_make_dir(const char *path, struct error *err)
{
    int r = fd_make_dirs(AT_FDCWD, path, 0755, err);
    cleanup_close int fd = r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);

    if (fd < 0)
        return fd;
    /* what is there and not of this form is somebody's */
    r = fd_is_empty(fd, err);
    if (r == 0 && faccessat(fd, VERSION_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        return error_set(err, -ENOTEMPTY, "'%s' has files, and no '%s' that says it is a 'dir:'",
                         path, VERSION_FILE);
    return r < 0 ? r : fd_replace_file(fd, VERSION_FILE, VIEW(VERSION_TEXT), 0644, err);
}
