#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/bundle.h"
#include "image/copy_internal.h"
#include "image/place.h"

static int add_file(struct bundle *b, int dir, const char *name, struct error *err)
{
    STR_AUTO(text);
    const int r = fd_read_regular(dir, name, MANIFEST_SIZE_MAX, &text, err);

    return r < 0 ? r : bundle_add(b, name, str_view(&text), err);
}

/* What was checked on its way into the layout is not checked again. */
static int add_blob(struct bundle *b, int blobs, const char *hex, struct error *err)
{
    struct bundle_blob blob;
    struct digest d;
    struct stat st;
    int r = digest_parse_hex(hex, &d, err);

    if (r < 0)
        return r;
    cleanup_close int fd = fd_open_beneath(blobs, hex, O_RDONLY | O_NOFOLLOW, 0, err);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return error_sys(err, "read blob %s", hex);
    r = bundle_blob_begin(b, &d, steal_fd(fd), (uint64_t)st.st_size, false, &blob, err);
    if (r < 0)
        return r;
    while ((r = bundle_blob_step(&blob, err)) > 0)
        ;
    bundle_blob_done(&blob);
    return r;
}

static int is_name(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* In the order of their names, so that the same image is the same archive. */
static int add_blobs(struct bundle *b, int dir, struct error *err)
{
    cleanup_close int blobs = fd_open(dir, "blobs/sha256", O_RDONLY | O_DIRECTORY, 0, err);
    struct dirent **names = NULL;
    int r = blobs < 0 ? blobs : 0;
    const int count = r < 0 ? 0 : scandirat(blobs, ".", &names, is_name, alphasort);

    if (count < 0)
        return error_sys(err, "read the layout");
    for (int i = 0; i < count; i++) {
        if (r == 0)
            r = add_blob(b, blobs, names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    return r;
}

static int write_archive(const char *layout, const char *path, struct error *err)
{
    struct bundle b;
    int r = bundle_open_archive(path, &b, err);
    cleanup_close int dir = r < 0 ? r : fd_open(AT_FDCWD, layout, O_RDONLY | O_DIRECTORY, 0, err);

    if (r == 0 && dir < 0)
        r = dir;
    if (r == 0)
        r = add_blobs(&b, dir, err);
    if (r == 0)
        r = add_file(&b, dir, LAYOUT_FILE, err);
    if (r == 0)
        r = add_file(&b, dir, "index.json", err);
    if (r == 0)
        r = bundle_finish(&b, err);
    bundle_done(&b);
    return r;
}

int copy_to_archive(struct wire *w, const struct copy_options *o, const struct place *to,
                    struct digest *ret, struct error *err)
{
    cleanup_free char *layout = xasprintf("%s.XXXXXX", to->path);
    struct copy_options into = *o;

    if (!mkdtemp(layout))
        return error_sys(err, "make a directory beside '%s'", to->path);
    cleanup_free char *place =
        xasprintf("oci:%s%s%s", layout, to->tag ? ":" : "", to->tag ? to->tag : "");
    into.to = place;
    int r = image_copy(w, &into, ret, err);
    if (r == 0)
        r = write_archive(layout, to->path, err);
    ERROR_AUTO(ignored);
    (void)!fd_remove_tree(AT_FDCWD, layout, &ignored); /* it says nothing that the copy did not */
    return r;
}
