#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/hash.h"
#include "image/copy_internal.h"

#define PIECE (256u << 10)
#define BLOBS_AT_ONCE 128 /* each may have a file open, of 1024 that there are by default */
#define PART_NAME_MAX (SITE_NAME_MAX + 8)

struct blob {
    struct copy *copy;
    struct digest digest;
    uint64_t size;
    int fd; /* of the file in between; the copy's */
    char *title;
    struct strings urls; /* where it is, too */
};

static void blob_free(struct blob *b)
{
    vec_each (other, &b->copy->moving)
        if (*other == b) {
            *other = *vec_last(&b->copy->moving);
            b->copy->moving.size--;
            break;
        }
    free(b->title);
    strings_done(&b->urls);
    free(b);
}

static struct blob *blob_new(struct copy *c, const struct descriptor *d)
{
    struct blob *b = xcalloc(1, sizeof(*b));

    *b = (struct blob){c, d->digest, d->size, -1, xasprintf("copy blob %.19s", d->digest_text)};
    vec_push(&c->moving, b);
    return b;
}

/* What broke off was told of nothing. */
void copy_blobs_done(struct copy *c)
{
    while (c->moving.size > 0)
        blob_free(c->moving.at[0]);
    vec_done(&c->moving);
}

static int keep_open(struct copy *c, int fd)
{
    vec_push(&c->files, fd);
    return fd;
}

/* Each is closed as soon as its bytes are over: an index has thousands. */
static void close_file(struct blob *b)
{
    vec_each (fd, &b->copy->files)
        if (*fd == b->fd)
            *fd = -1;
    (void)close(b->fd);
}

/* ---- out of and into plain files ---- */

static bool is_here(struct site *to, const struct digest *d, uint64_t size)
{
    char name[SITE_NAME_MAX];
    const int dir = to->kind->blob_name(to, d, name);
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == size;
}

/* Beside it, what is there of it until all is: another process goes on with that. */
static int part_name(struct site *to, const struct digest *d, char ret[static PART_NAME_MAX])
{
    char name[SITE_NAME_MAX];
    const int dir = to->kind->blob_name(to, d, name);
    const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;

    snprintf(ret, PART_NAME_MAX, "%.*s.part-%s", (int)(last - name), name, last);
    return dir;
}

static int open_part(struct site *to, const struct digest *d, uint64_t *ret_have, struct error *err)
{
    char name[PART_NAME_MAX];
    const int dir = part_name(to, d, name);
    cleanup_close int fd = fd_open(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0644, err);
    struct stat st, named;

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return error_set(err, -EINVAL, "'%s' is no file", name);
    /* whoever wrote it may have finished meanwhile: then it is the blob */
    if (!fd_take_over(fd) || fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
        named.st_ino != st.st_ino || fstat(fd, &st) < 0)
        return error_set(err, -EBUSY, "another process is writing '%s'", name);
    *ret_have = (uint64_t)st.st_size;
    return steal_fd(fd);
}

static void drop_part(struct site *to, const struct digest *d)
{
    char name[PART_NAME_MAX];
    const int dir = part_name(to, d, name);

    (void)unlinkat(dir, name, 0);
}

static int name_it(struct site *to, const struct digest *d, struct error *err)
{
    char name[SITE_NAME_MAX], part[PART_NAME_MAX];
    const int dir = to->kind->blob_name(to, d, name);

    (void)part_name(to, d, part);
    return renameat(dir, part, dir, name) < 0 ? error_sys(err, "name a blob") : 0;
}

static int on_fetched(void *ctx, struct registry_call *call, struct error *err)
{
    struct blob *b = ctx;
    const int r = name_it(b->copy->to, &b->digest, err);

    (void)call;
    close_file(b);
    blob_free(b);
    return r;
}

static struct registry_call *get_blob(const struct blob *b, struct registry_session *s,
                                      const char *repository, uint64_t have)
{
    struct registry_call *c =
        registry_blob_get(s, repository, &b->digest, b->size, b->fd, have, true);

    registry_blob_get_also(c, &b->urls);
    return c;
}

static int fetch(struct copy *c, const struct descriptor *d, struct registry_session *s,
                 const char *repository, struct error *err)
{
    if (is_here(c->to, &d->digest, d->size))
        return 0;
    uint64_t have = 0;
    const int fd = open_part(c->to, &d->digest, &have, err);
    if (fd < 0)
        return fd;
    struct blob *b = blob_new(c, d);
    b->fd = keep_open(c, fd);
    descriptor_urls(d, &b->urls);
    wire_add(c->wire, get_blob(b, s, repository, have), b->title, d->size, on_fetched, b);
    return 0;
}

static int on_sent(void *ctx, struct registry_call *call, struct error *err)
{
    struct blob *b = ctx;

    (void)call, (void)err;
    close_file(b);
    blob_free(b);
    return 0;
}

static int send(struct copy *c, const struct descriptor *d, struct registry_session *s,
                const char *repository, struct error *err)
{
    uint64_t offset;
    const int fd = c->from->kind->blob_open(c->from, d, &offset, err);

    if (fd < 0)
        return fd;
    struct blob *b = blob_new(c, d);
    b->fd = keep_open(c, fd);
    wire_put_blob(
        c->wire, s, repository,
        &(struct registry_blob){.digest = d->digest, .size = d->size, .fd = fd, .offset = offset},
        b->title, on_sent, b);
    return 0;
}

/* ---- between registries ---- */

static int on_between(void *ctx, struct registry_call *call, struct error *err)
{
    struct blob *b = ctx;
    struct registry_session *s;
    const char *repository;

    (void)call, (void)err;
    (void)site_is_registry(b->copy->to, &s, &repository);
    wire_put_blob(b->copy->wire, s, repository,
                  &(struct registry_blob){.digest = b->digest, .size = b->size, .fd = b->fd}, NULL,
                  on_sent, b);
    return 0;
}

static int temporary(struct error *err)
{
    const char *dir = getenv("TMPDIR");

    return fd_open_unnamed(AT_FDCWD, dir && *dir ? dir : "/var/tmp", 0, err);
}

static int on_probed(void *ctx, struct registry_call *call, struct error *err)
{
    struct blob *b = ctx;
    struct registry_session *s;
    const char *repository;

    if (!registry_call_result(call)->absent) {
        blob_free(b);
        return 0;
    }
    const int fd = temporary(err);
    if (fd < 0)
        return fd;
    b->fd = keep_open(b->copy, fd);
    (void)site_is_registry(b->copy->from, &s, &repository);
    wire_add(b->copy->wire, get_blob(b, s, repository, 0), b->title, b->size, on_between, b);
    return 0;
}

static void ask(struct copy *c, const struct descriptor *d)
{
    struct registry_session *from, *to;
    const char *there, *here;

    (void)site_is_registry(c->from, &from, &there);
    (void)site_is_registry(c->to, &to, &here);
    struct blob *b = blob_new(c, d);
    descriptor_urls(d, &b->urls);
    const bool same = strcmp(registry_session_host(from), registry_session_host(to)) == 0;
    wire_add(c->wire,
             registry_blob_probe(
                 to, here,
                 &(struct registry_blob){
                     .digest = d->digest, .size = d->size, .fd = -1, .from = same ? there : NULL}),
             NULL, 0, on_probed, b);
}

/* ---- between plain files ---- */

static int pour(int from, uint64_t offset, int to, const struct descriptor *d, struct error *err)
{
    cleanup_free char *buf = xmalloc(PIECE);
    struct digest got;
    struct hash hash;
    int r = 0;

    hash_init(&hash);
    for (uint64_t done = 0; r == 0 && done < d->size;) {
        const size_t n = (size_t)MIN(d->size - done, (uint64_t)PIECE);

        r = fd_pread_all(from, buf, n, offset + done, err);
        if (r == 0)
            r = fd_write_all(to, view_make(buf, n), err);
        hash_add(&hash, buf, n);
        done += n;
    }
    hash_done(&hash, got.sha256);
    if (r < 0)
        return error_wrap(err, r, "copy blob %s", d->digest_text);
    return digest_eq(&got, &d->digest)
               ? 0
               : error_set(err, -EPROTO, "blob %s is damaged", d->digest_text);
}

static int duplicate(struct copy *c, const struct descriptor *d, struct error *err)
{
    uint64_t offset = 0, have = 0;

    if (is_here(c->to, &d->digest, d->size))
        return 0;
    cleanup_close int from = c->from->kind->blob_open(c->from, d, &offset, err);
    cleanup_close int to = from < 0 ? from : open_part(c->to, &d->digest, &have, err);
    int r = to;

    if (r >= 0)
        r = ftruncate(to, 0) < 0 ? error_sys(err, "empty a file") : pour(from, offset, to, d, err);
    if (r == 0)
        return name_it(c->to, &d->digest, err);
    if (to >= 0)
        drop_part(c->to, &d->digest); /* the source is here: nothing is gained by keeping it */
    return r;
}

int copy_blob(struct copy *c, const struct descriptor *d, struct error *err)
{
    struct registry_session *from, *to;
    const char *there, *here;
    const bool remote_from = site_is_registry(c->from, &from, &there);
    const bool remote_to = site_is_registry(c->to, &to, &here);
    const int r = ++c->blobs % BLOBS_AT_ONCE == 0 ? wire_run(c->wire, err) : 0;

    if (r < 0)
        return r;
    if (remote_from && remote_to) {
        ask(c, d);
        return 0;
    }
    if (remote_from)
        return fetch(c, d, from, there, err);
    return remote_to ? send(c, d, to, here, err) : duplicate(c, d, err);
}
