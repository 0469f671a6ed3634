#include "distro/deb.h"

#include <errno.h>
#include <unistd.h>

#include "base/hash.h"
#include "layer/ar.h"
#include "layer/tar.h"

#define VERSION_MAX 64

void deb_done(struct deb *d)
{
    str_done(&d->control);
    vec_each (f, &d->files) {
        free(f->name);
        str_done(&f->data);
    }
    vec_done(&d->files);
    *d = (struct deb){.control = STR_INIT};
}

const struct deb_file *deb_find(const struct deb *d, const char *name)
{
    vec_each (f, &d->files) {
        if (strcmp(f->name, name) == 0)
            return f;
    }
    return NULL;
}

/* ---- control.tar ---- */

/* Names become info/<package>.<name>. */
static bool name_good(const char *name)
{
    return *name && strlen(name) < 64 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(name);
}

static int read_member(struct tar_reader *tar, const struct entry *e, size_t *left, struct str *ret,
                       struct error *err)
{
    struct view piece;
    int r;

    if (e->size > *left)
        return error_set(err, -EDQUOT, "control.tar has more than %u bytes", DEB_CONTROL_MAX);
    *left -= e->size;
    while ((r = tar_data(tar, &piece, err)) > 0) {
        if (!piece.at)
            return error_set(err, -EINVAL, "control.tar has a sparse file");
        str_add(ret, piece);
    }
    return r;
}

static int take_member(struct tar_reader *tar, const struct entry *e, size_t *left, struct deb *ret,
                       struct error *err)
{
    if (strcmp(e->path, "control") == 0) {
        str_clear(&ret->control);
        return read_member(tar, e, left, &ret->control, err);
    }
    if (!name_good(e->path))
        return error_set(err, -EINVAL, "control.tar has a file '%.60s'", e->path);
    if (ret->files.size >= DEB_CONTROL_FILES_MAX)
        return error_set(err, -EDQUOT, "control.tar has more than %d files", DEB_CONTROL_FILES_MAX);
    vec_push(&ret->files, (struct deb_file){.name = xstrdup(e->path),
                                            .data = STR_INIT,
                                            .executable = (e->mode & 0100) != 0});
    return read_member(tar, e, left, &vec_last(&ret->files)->data, err);
}

int deb_read_control(struct codec_reader *in, struct deb *ret, struct error *err)
{
    CLEANUP(tar_reader_freep) struct tar_reader *tar = tar_reader_new(in);
    const struct entry *e;
    size_t left = DEB_CONTROL_MAX;
    int r;

    while ((r = tar_next(tar, &e, err)) > 0) {
        if (e->type == ENTRY_DIR)
            continue;
        if (e->type != ENTRY_FILE)
            return error_set(err, -EINVAL, "control.tar: '%.60s' is no plain file", e->path);
        r = take_member(tar, e, &left, ret, err);
        if (r < 0)
            return r;
    }
    if (r == 0 && ret->control.size == 0)
        return error_set(err, -EINVAL, "control.tar has no control file");
    return r;
}

/* ---- the archive ---- */

struct source { /* counts every byte of the file into the digest */
    int fd;
    struct hash hash;
};

static int source_read(void *ctx, void *buf, size_t size, struct error *err)
{
    struct source *s = ctx;
    const ssize_t n = read(s->fd, buf, MIN(size, 1u << 20));

    if (n < 0)
        return error_sys(err, "read package");
    hash_add(&s->hash, buf, (size_t)n);
    return (int)n;
}

static int check_version(struct ar_reader *ar, const struct ar_member *m, struct error *err)
{
    char text[VERSION_MAX + 1] = "";
    size_t size = 0;
    int r = 1;

    if (strcmp(m->name, "debian-binary") != 0 || m->size > VERSION_MAX)
        return error_set(err, -EINVAL, "it does not begin with debian-binary");
    while (size < m->size && (r = ar_read(ar, text + size, VERSION_MAX - size, err)) > 0)
        size += (size_t)r;
    if (r < 0)
        return r;
    return strncmp(text, "2.", 2) == 0 ? 0
                                       : error_set(err, -EINVAL, "package format '%.20s'", text);
}

/* control.tar must come before data.tar; names that begin with '_' are for others (deb(5)). */
static int take_archive_member(struct ar_reader *ar, const struct ar_member *m, struct unpack *u,
                               struct deb *ret, struct error *err)
{
    const bool control = strncmp(m->name, "control.tar", 11) == 0;
    const bool data = strncmp(m->name, "data.tar", 8) == 0;
    struct codec_sums sums;

    if (m->name[0] == '_')
        return 0;
    if (!control && !data)
        return error_set(err, -EINVAL, "it has a member '%s'", m->name);
    if (control == (ret->control.size > 0))
        return error_set(err, -EINVAL, "its members come in the wrong order");
    if (data && !u)
        return 0;
    CLEANUP(codec_closep)
    struct codec_reader *in =
        codec_open_source(ar_read, ar, data && m->size > 65536 ? CODEC_AHEAD : 0, NULL);
    int r = control ? deb_read_control(in, ret, err) : unpack_tar(u, in, err);
    if (r >= 0)
        r = codec_drain(in, &sums, err);
    return r < 0 ? error_wrap(err, r, "%s", m->name) : 0;
}

static int drain(struct source *s, struct error *err)
{
    char buf[16384];
    int r;

    while ((r = source_read(s, buf, sizeof(buf), err)) > 0)
        ;
    return r;
}

static int read_members(struct ar_reader *ar, struct unpack *u, struct deb *ret, struct error *err)
{
    struct ar_member m;
    int r = ar_next(ar, &m, err);

    if (r == 0)
        return error_set(err, -EINVAL, "it is empty");
    if (r > 0)
        r = check_version(ar, &m, err);
    while (r >= 0 && (r = ar_next(ar, &m, err)) > 0) {
        r = take_archive_member(ar, &m, u, ret, err);
        if (r < 0)
            return r;
    }
    if (r == 0 && ret->control.size == 0)
        return error_set(err, -EINVAL, "it has no control.tar");
    return r;
}

int deb_read(int fd, const struct digest *want, struct unpack *u, struct deb *ret,
             struct error *err)
{
    struct source s = {.fd = fd};
    struct deb d = {.control = STR_INIT};
    struct ar_reader ar;
    struct digest have;

    hash_init(&s.hash);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return error_sys(err, "seek in package");
    ar_init_source(&ar, source_read, &s);
    int r = read_members(&ar, u, &d, err);
    if (r >= 0)
        r = drain(&s, err);
    if (r >= 0) {
        hash_done(&s.hash, have.sha256);
        if (!digest_eq(&have, want))
            r = error_set(err, -EPROTO, "its bytes do not match its SHA256");
    }
    if (r < 0) {
        deb_done(&d);
        return r;
    }
    *ret = d;
    return 0;
}
