#include "image/source.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/guard.h"
#include "image/source_internal.h"
#include "layer/codec.h"

/* An archive that docker 25 or cooper wrote is both: manifest.json, which names things exactly,
 * comes first. */
static const struct source_form *const forms[] = {&source_oci_directory, &source_docker_archive,
                                                  &source_oci_archive};

static int extent_of_fd(int fd, struct image_extent *ret)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    *ret = (struct image_extent){fd, 0, (uint64_t)st.st_size};
    return 0;
}

int source_extent(struct image_source *s, const char *name, struct image_extent *ret,
                  struct error *err)
{
    if (s->dir < 0) {
        const struct member *m = members_find(&s->members, name);

        if (!m)
            return -ENOENT;
        *ret = (struct image_extent){s->archive, m->offset, m->size};
        return 0;
    }
    ERROR_AUTO(why);
    const int fd = fd_open_in_root(s->dir, name, O_RDONLY | O_NONBLOCK, 0, &why);
    if (fd < 0)
        return fd == -ENOENT ? fd : error_move(err, &why);
    vec_push(&s->files, fd);
    if (extent_of_fd(fd, ret) < 0)
        return error_set(err, -EINVAL, "'%.120s' is not a plain file", name);
    return 0;
}

int extent_read(const struct image_extent *x, size_t limit, struct str *ret, struct error *err)
{
    if (x->size > limit)
        return error_set(err, -EDQUOT, "%" PRIu64 " bytes are more than the limit of %zu", x->size,
                         limit);
    str_clear(ret);
    str_reserve(ret, (size_t)x->size);
    const int r = fd_pread_all(x->fd, ret->at, (size_t)x->size, x->offset, err);
    if (r < 0)
        return r;
    ret->size = (size_t)x->size;
    ret->at[ret->size] = '\0';
    return 0;
}

int source_read_file(struct image_source *s, const char *name, size_t limit, struct str *ret,
                     struct error *err)
{
    struct image_extent x;
    int r = source_extent(s, name, &x, err);

    if (r == -ENOENT)
        return error_set(err, r, "'%.120s' is missing", name);
    if (r == 0)
        r = extent_read(&x, limit, ret, err);
    return r < 0 ? error_wrap(err, r, "read '%.120s'", name) : 0;
}

int source_take_config(struct image_source_image *image, struct error *err)
{
    const int r = config_parse(str_view(&image->config), &image->parsed, err);

    if (r < 0)
        return r;
    if (image->parsed.diff_ids.size != image->layer_count)
        return error_set(err, -EINVAL, "the config has %zu diff ids, the manifest %zu layers",
                         image->parsed.diff_ids.size, image->layer_count);
    return 0;
}

static int copy_plain(int in, int out, struct error *err)
{
    CLEANUP(codec_closep) struct codec_reader *r = codec_open_fd(in, CODEC_AHEAD, NULL);
    struct view piece;
    int got;

    while ((got = codec_next(r, &piece, err)) > 0) {
        const int put = fd_write_all(out, piece, err);
        if (put < 0)
            return put;
    }
    return got;
}

static int spool_archive(const struct image_spool *spool, int in, struct error *err)
{
    cleanup_close int out = fd_open_unnamed(spool->dir_fd, ".", 0, err);
    int r = out;

    if (r >= 0)
        r = spool->copy ? spool->copy(spool->ctx, in, out, err) : copy_plain(in, out, err);
    return r < 0 ? error_wrap(err, r, "spool archive") : steal_fd(out);
}

static bool is_plain(int fd)
{
    static const struct {
        const char *bytes;
        size_t size;
    } packed[] = {{"\x1f\x8b", 2},
                  {"\x28\xb5\x2f\xfd", 4},
                  {"\xfd"
                   "7zXZ",
                   5},
                  {"BZh", 3}};
    char head[8] = {0};
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_CUR) != 0 ||
        pread(fd, head, sizeof(head), 0) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(packed); i++)
        if (memcmp(head, packed[i].bytes, packed[i].size) == 0)
            return false;
    return true;
}

static int open_path(const char *path, struct image_source *s, const struct image_spool *spool,
                     struct error *err)
{
    struct stat st;
    cleanup_close int fd = strcmp(path, "-") == 0
                               ? fcntl(0, F_DUPFD_CLOEXEC, 3)
                               : fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, err);

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return error_sys(err, "read '%s'", path);
    if (S_ISDIR(st.st_mode)) {
        s->dir = steal_fd(fd);
        return 0;
    }
    s->archive = is_plain(fd) ? steal_fd(fd) : spool_archive(spool, fd, err);
    return s->archive < 0 ? s->archive
                          : members_read(s->archive, SOURCE_MEMBERS_MAX, &s->members, err);
}

static int recognise(struct image_source *s, struct error *err)
{
    struct image_extent x;

    for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
        if (forms[i]->archive != (s->dir < 0))
            continue;
        const int r = source_extent(s, forms[i]->marker, &x, err);
        if (r < 0 && r != -ENOENT)
            return r;
        if (r == 0) {
            s->form = forms[i];
            return s->form->open(s, err);
        }
    }
    if (s->dir >= 0)
        return error_set(err, -EINVAL, "there is no 'index.json': not an OCI layout");
    if (source_extent(s, "repositories", &x, NULL) == 0)
        return error_hint(err, error_set(err, -EINVAL, "the archive is of docker before 1.10"),
                          "load it into a newer docker and save it again");
    return error_hint(
        err, error_set(err, -EINVAL, "there is neither 'manifest.json' nor 'index.json' in it"),
        "images come as 'docker save', 'podman save', 'skopeo copy' or 'cooper export' write them");
}

/* What the policy of this machine refuses is not fetched; what it looked at is what is fetched. */
int image_source_open_registry(struct wire *w, const struct reference *ref,
                               const struct platform *platform, bool allowed,
                               struct image_source **ret, struct error *err)
{
    CLEANUP(image_source_closep) struct image_source *s = xcalloc(1, sizeof(*s));
    int r = 0;

    assert(!allowed || ref->has_digest);
    if (allowed)
        reference_copy(ref, &s->ref);
    else
        r = guard_reference(wire_env(w), w, ref, platform, true, &s->ref, err);
    s->dir = s->archive = -1;
    s->form = &source_registry;
    s->wire = w;
    if (r == 0)
        r = wire_places(w, &s->ref, false, &s->places, err);
    if (r < 0)
        return r;
    *ret = steal(s);
    return 0;
}

int image_source_open(const char *path, const struct image_spool *spool, struct image_source **ret,
                      struct error *err)
{
    CLEANUP(image_source_closep) struct image_source *s = xcalloc(1, sizeof(*s));
    int r;

    s->dir = s->archive = -1;
    r = open_path(path, s, spool, err);
    if (r < 0)
        return r;
    r = recognise(s, err);
    if (r < 0)
        return error_wrap(err, r, "%s", strcmp(path, "-") == 0 ? "standard input" : path);
    *ret = steal(s);
    return 0;
}

void image_source_close(struct image_source *s)
{
    if (!s)
        return;
    if (s->dir >= 0)
        close(s->dir);
    if (s->archive >= 0)
        close(s->archive);
    vec_each (fd, &s->files) {
        close(*fd);
    }
    vec_done(&s->files);
    members_done(&s->members);
    image_index_free(s->index);
    doc_unref(s->manifest);
    reference_done(&s->ref);
    registry_endpoints_done(&s->places);
    free(s);
}

const char *image_source_form(const struct image_source *s)
{
    return s->form->name;
}

size_t image_source_count(const struct image_source *s)
{
    return s->form->count(s);
}

int image_source_read(struct image_source *s, size_t i, const struct platform *p,
                      struct image_source_image *ret, struct error *err)
{
    struct image_source_image image = {.config = STR_INIT, .manifest = STR_INIT};
    const int r = s->form->read(s, i, p, &image, err);

    if (r < 0) {
        image_source_image_done(&image);
        return r;
    }
    s->form->names(s, i, &image.names);
    *ret = image;
    return 0;
}

static void image_source_layer_done(struct image_source_layer *l)
{
    mem_freep(&l->media_type);
    strings_done(&l->urls);
}

void image_source_image_done(struct image_source_image *i)
{
    strings_done(&i->names);
    str_done(&i->config);
    str_done(&i->manifest);
    config_done(&i->parsed);
    for (size_t n = 0; i->layers && n < i->layer_count; n++)
        image_source_layer_done(&i->layers[n]);
    free(i->layers);
    *i = (struct image_source_image){0};
}

static bool is_named(const char *have, const char *want)
{
    REFERENCE_AUTO(a);
    REFERENCE_AUTO(b);

    if (strcmp(have, want) == 0)
        return true;
    if (reference_parse(have, &a, NULL) < 0 || !a.tag)
        return false;
    if (strcmp(a.tag, want) == 0)
        return true;
    if (reference_parse(want, &b, NULL) < 0)
        return false;
    cleanup_free char *x = reference_format(&a), *y = reference_format(&b);
    return strcmp(x, y) == 0;
}

/* "@1": by its number, as skopeo names images of archives that have no names. */
static bool is_numbered(const char *tag, size_t i)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "@%zu", i);
    return tag && strcmp(tag, text) == 0;
}

int image_source_find(struct image_source *s, const char *tag, size_t *ret, struct error *err)
{
    const size_t count = image_source_count(s);
    STR_AUTO(have);
    int r;

    if (!tag && count == 1) {
        *ret = 0;
        return 0;
    }
    if (tag && s->form->find_digest && (r = s->form->find_digest(s, tag, ret, err)) != -ENOENT)
        return r;
    for (size_t i = 0; i < count; i++) {
        struct strings names = {0};
        bool found = is_numbered(tag, i);

        s->form->names(s, i, &names);
        vec_each (name, &names) {
            found = found || (tag && is_named(*name, tag));
            if (have.size < 400)
                str_printf(&have, "%s%.120s", have.size ? ", " : "", *name);
        }
        strings_done(&names);
        if (found) {
            *ret = i;
            return 0;
        }
    }
    if (count == 0)
        return error_set(err, -ENOENT, "it holds no image");
    if (!tag)
        return error_hint(err, error_set(err, -ENOTUNIQ, "it holds %zu images", count),
                          "name one of: %s", have.size ? have.at : "(they have no names)");
    return error_hint(err, error_set(err, -ENOENT, "it has no image '%.120s'", tag), "it has: %s",
                      have.size ? have.at : "(no names)");
}
