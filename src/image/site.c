#include "image/site.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/fd.h"

#define DEPTH_MAX 4 /* indexes in indexes */

void site_close(struct site *s)
{
    if (!s)
        return;
    free(s->name);
    free(s->repository);
    s->kind->close(s);
}

int site_open(struct wire *w, const char *text, bool write, struct site **ret, struct error *err)
{
    PLACE_AUTO(place);
    int r = place_parse(text, &place, err);

    if (r < 0)
        return r;
    if (place.kind == PLACE_REGISTRY)
        r = site_open_registry(w, &place.reference, write, ret, err);
    else if (place.kind == PLACE_OCI)
        r = site_open_layout(&place, ret, err);
    else if (place.kind == PLACE_DIR)
        r = site_open_dir(&place, ret, err);
    else if (place.kind == PLACE_OCI_ARCHIVE && !write)
        r = site_open_archive(&place, ret, err);
    else
        r = error_hint(err,
                       error_set(err, -ENOTSUP, "nothing can lie beside an image in an archive"),
                       "a registry or a layout directory (oci:DIR) has room for signatures");
    if (r == 0 && !(*ret)->name)
        (*ret)->name = xstrdup(text);
    return r;
}

int site_open_file(int dir, const char *name, const struct descriptor *d, struct error *err)
{
    struct stat st;
    cleanup_close int fd = fd_open_beneath(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);

    if (fd < 0)
        return error_wrap(err, fd, "blob %s", d->digest_text);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != d->size)
        return error_set(err, -EPROTO,
                         "blob %s is no file of %" PRIu64 " bytes, as its descriptor says",
                         d->digest_text, d->size);
    return steal_fd(fd);
}

int site_choose(struct site *s, const struct platform *p, struct digest *d, struct str *bytes,
                struct error *err)
{
    for (unsigned depth = 0; depth <= DEPTH_MAX; depth++) {
        CLEANUP(image_index_freep) struct image_index *x = NULL;
        const struct descriptor *chosen;
        enum media kind;
        int r = manifest_kind(str_view(bytes), &kind, err);

        if (r < 0 || kind == MEDIA_MANIFEST)
            return r;
        r = image_index_parse(str_view(bytes), &x, err);
        if (r == 0)
            r = image_index_select(x, p, &chosen, err);
        if (r == 0)
            r = descriptor_need_sha256(chosen, err);
        if (r == 0)
            r = s->kind->manifest(s, &chosen->digest, bytes, err);
        if (r < 0)
            return r;
        *d = chosen->digest;
    }
    return error_set(err, -ELOOP, "indexes are nested deeper than %d", DEPTH_MAX);
}
