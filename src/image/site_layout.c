/* An OCI layout as a place, a directory, or read-only an archive: tags are annotations in index.json, referrers are entries that
 * have a subject. Writers take a lock on the directory, so that two signatures at once are two. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/vec.h"
#include "image/bundle.h"
#include "image/site.h"
#include "image/source_internal.h"
#include "oci/beside.h"
#include "oci/reference.h"

/* of the entries of a layout that are opened to see what they refer to */
#define OPENED_MAX ((uint64_t)256 << 20)

struct layout {
    struct site site;
    int dir;                      /* -1: an archive */
    struct image_source *archive; /* or NULL */
    char *tag;                    /* or NULL */
    struct image_index *index;
};

static struct layout *layout_of(struct site *p)
{
    return (struct layout *)p; /* its first member */
}

static int read_file(struct layout *l, const char *name, uint64_t limit, struct str *ret,
                     struct error *err)
{
    return l->archive ? source_read_file(l->archive, name, limit, ret, err)
                      : fd_read_regular(l->dir, name, limit, ret, err);
}

static int read_index(struct layout *l, struct error *err)
{
    STR_AUTO(text);
    int r = read_file(l, LAYOUT_FILE, 65536, &text, err);

    if (r == 0)
        r = layout_parse(str_view(&text), err);
    str_clear(&text);
    if (r == 0)
        r = read_file(l, "index.json", MANIFEST_SIZE_MAX, &text, err);
    if (r < 0)
        return r;
    image_index_free(steal(l->index));
    return image_index_parse(str_view(&text), &l->index, err);
}

/* ---- reading ---- */

static void blob_path(const struct digest *d, char ret[static SITE_NAME_MAX])
{
    char hex[DIGEST_HEX_MAX];

    snprintf(ret, SITE_NAME_MAX, "blobs/sha256/%s", digest_hex(d, hex));
}

static int read_blob(struct layout *l, const struct digest *d, uint64_t limit, struct str *ret,
                     struct error *err)
{
    char path[128], text[DIGEST_TEXT_MAX];
    struct digest got;

    blob_path(d, path);
    str_clear(ret);
    const int r = read_file(l, path, limit, ret, err);
    if (r < 0)
        return r;
    digest_of(str_view(ret), &got);
    if (digest_eq(&got, d))
        return 0;
    return error_set(err, -EPROTO, "blob %s is damaged", digest_format(d, text));
}

static int layout_manifest(struct site *p, const struct digest *d, struct str *ret,
                           struct error *err)
{
    return read_blob(layout_of(p), d, MANIFEST_SIZE_MAX, ret, err);
}

static int layout_blob(struct site *p, const struct descriptor *d, struct str *ret,
                       struct error *err)
{
    const int r = descriptor_need_sha256(d, err);

    return r < 0 ? r : read_blob(layout_of(p), &d->digest, d->size, ret, err);
}

/* Who names an artifact means it. Without a name, what lies beside images is not meant, unless there is nothing else. */
static int select_entry(struct layout *l, const struct descriptor **ret, struct error *err)
{
    struct image_index *x = l->index;
    size_t kept = 0;

    if ((l->tag || x->manifest_count == 1) && layout_select(x, l->tag, ret, NULL) == 0)
        return 0;
    for (size_t i = 0; i < x->manifest_count; i++)
        if (!beside_is(&x->manifests[i]))
            x->manifests[kept++] = x->manifests[i];
    x->manifest_count = kept;
    return layout_select(x, l->tag, ret, err);
}

static int layout_image(struct site *p, struct digest *ret, struct str *ret_manifest,
                        struct error *err)
{
    struct layout *l = layout_of(p);
    const struct descriptor *d = NULL;
    int r = read_index(l, err);

    if (r == 0)
        r = select_entry(l, &d, err);
    if (r == 0)
        r = descriptor_need_sha256(d, err);
    if (r == 0)
        r = read_blob(l, &d->digest, MANIFEST_SIZE_MAX, ret_manifest, err);
    if (r < 0)
        return r;
    assert(d);
    *ret = d->digest;
    return 0;
}

static const struct descriptor *find_tag(const struct layout *l, const char *tag)
{
    for (size_t i = 0; i < l->index->manifest_count; i++) {
        const char *text = descriptor_annotation(&l->index->manifests[i], ANNOTATION_REF_NAME);
        const char *colon = text ? strrchr(text, ':') : NULL;

        if (text && strcmp(colon ? colon + 1 : text, tag) == 0)
            return &l->index->manifests[i];
    }
    return NULL;
}

static int layout_tag(struct site *p, const char *tag, struct str *ret_manifest, struct error *err)
{
    struct layout *l = layout_of(p);
    int r = read_index(l, err);

    if (r < 0)
        return r;
    const struct descriptor *d = find_tag(l, tag);
    if (!d)
        return error_set(err, -ENOENT, "the layout has no '%s'", tag);
    r = descriptor_need_sha256(d, err);
    return r < 0 ? r : read_blob(l, &d->digest, MANIFEST_SIZE_MAX, ret_manifest, err);
}

/* Descriptors do not say what a manifest refers to: it is in the manifest alone. What is damaged speaks for nothing. */
static bool refers_to(struct layout *l, const struct descriptor *d, const struct digest *subject)
{
    char want[DIGEST_TEXT_MAX];
    ANY_MANIFEST_AUTO(m);
    STR_AUTO(text);

    return read_blob(l, &d->digest, MIN(d->size, (uint64_t)MANIFEST_SIZE_MAX), &text, NULL) == 0 &&
           any_manifest_parse(str_view(&text), &m, NULL) == 0 && m.subject &&
           strcmp(m.subject, digest_format(subject, want)) == 0;
}

static int layout_referrers(struct site *p, const struct digest *subject, struct digest **ret,
                            size_t *ret_count, struct error *err)
{
    struct layout *l = layout_of(p);
    VEC(struct digest) found = {0};
    uint64_t opened = 0;
    int r = read_index(l, err);

    for (size_t i = 0; r == 0 && i < l->index->manifest_count; i++) {
        const struct descriptor *d = &l->index->manifests[i];
        const enum media kind = media_of(d->media_type);

        if ((kind != MEDIA_MANIFEST && kind != MEDIA_INDEX) || descriptor_need_sha256(d, NULL) < 0)
            continue;
        opened += MIN(d->size, (uint64_t)MANIFEST_SIZE_MAX);
        if (opened > OPENED_MAX)
            r = error_set(err, -EDQUOT, "the manifests of the layout have more than %d MiB",
                          (int)(OPENED_MAX >> 20));
        else if (refers_to(l, d, subject))
            vec_push(&found, d->digest);
    }
    if (r < 0) {
        vec_done(&found);
        return r;
    }
    *ret = found.at;
    *ret_count = found.size;
    return 0;
}

/* ---- writing ---- */

static int layout_lock(struct site *p, struct error *err)
{
    int r;

    do
        r = flock(layout_of(p)->dir, LOCK_EX);
    while (r < 0 && errno == EINTR);
    return r < 0 ? error_sys(err, "lock the layout '%s'", p->name) : 0;
}

static int layout_put_blob(struct site *p, struct view bytes, struct error *err)
{
    struct layout *l = layout_of(p);
    struct digest d;
    char path[128];
    STR_AUTO(there);

    digest_of(bytes, &d);
    if (read_blob(l, &d, bytes.size, &there, NULL) == 0)
        return 0;
    blob_path(&d, path);
    const int r = bundle_make_blob_directory(l->dir, err);
    return r < 0 ? r : fd_replace_file(l->dir, path, bytes, 0644, err);
}

static int layout_put_child(struct site *p, const char *media_type, struct view bytes,
                            struct error *err)
{
    (void)media_type;
    return layout_put_blob(p, bytes, err);
}

static json_t *entry_of(const struct any_manifest *m, const char *tag)
{
    json_t *entry = descriptor_new(m->media_type, &m->digest, m->size);

    if (m->artifact_type)
        doc_set_text(entry, "artifactType", m->artifact_type);
    if (tag)
        descriptor_set_annotation(entry, ANNOTATION_REF_NAME, tag);
    return entry;
}

/* The entry takes the place of what has the same tag, or is the same. */
static void print_index(const struct layout *l, const struct any_manifest *m, const char *tag,
                        struct str *ret)
{
    const struct descriptor *old = tag ? find_tag(l, tag) : NULL;
    cleanup_doc json_t *doc = json_deep_copy(l->index->doc);
    json_t *list = json_array();

    for (size_t i = 0; i < l->index->manifest_count; i++) {
        const struct descriptor *d = &l->index->manifests[i];

        if (d != old && (tag || !digest_eq(&d->digest, &m->digest)))
            doc_push(list, json_incref(d->doc));
    }
    doc_push(list, entry_of(m, tag));
    doc_set(doc, "manifests", list);
    doc_print(doc, true, ret);
}

static int layout_put_manifest(struct site *p, const char *tag, struct view bytes,
                               struct error *err)
{
    struct layout *l = layout_of(p);
    ANY_MANIFEST_AUTO(m);
    STR_AUTO(text);
    int r = any_manifest_parse(bytes, &m, err);

    if (r == 0)
        r = layout_put_blob(p, bytes, err);
    if (r == 0)
        r = read_index(l, err);
    if (r < 0)
        return r;
    print_index(l, &m, tag, &text);
    return fd_replace_file(l->dir, "index.json", str_view(&text), 0644, err);
}

static int layout_blob_name(struct site *p, const struct digest *d, char name[static SITE_NAME_MAX])
{
    blob_path(d, name);
    return layout_of(p)->dir;
}

static int layout_blob_open(struct site *p, const struct descriptor *d, uint64_t *ret_offset,
                            struct error *err)
{
    struct layout *l = layout_of(p);
    struct image_extent x;
    char name[SITE_NAME_MAX];

    blob_path(&d->digest, name);
    *ret_offset = 0;
    if (!l->archive)
        return site_open_file(l->dir, name, d, err);
    const int r = source_extent(l->archive, name, &x, err);
    if (r == -ENOENT)
        return error_set(err, r, "blob %s is missing", d->digest_text);
    if (r < 0)
        return r;
    if (x.size != d->size)
        return error_set(err, -EPROTO,
                         "blob %s has %" PRIu64 " bytes, not %" PRIu64 " as its descriptor says",
                         d->digest_text, x.size, d->size);
    *ret_offset = x.offset;
    const int fd = fcntl(x.fd, F_DUPFD_CLOEXEC, 3);
    return fd < 0 ? error_sys(err, "read the archive") : fd;
}

static void layout_close(struct site *p)
{
    struct layout *l = layout_of(p);

    image_source_close(l->archive);

    image_index_free(l->index);
    if (l->dir >= 0)
        (void)close(l->dir);
    free(l->tag);
    free(l);
}

static const struct site_kind layout_kind = {
    .image = layout_image,
    .tag = layout_tag,
    .manifest = layout_manifest,
    .blob = layout_blob,
    .referrers = layout_referrers,
    .lock = layout_lock,
    .put_blob = layout_put_blob,
    .put_child = layout_put_child,
    .put_manifest = layout_put_manifest,
    .blob_name = layout_blob_name,
    .blob_open = layout_blob_open,
    .close = layout_close,
};

/* ---- opening ---- */

const char *site_layout_tag(struct site *p)
{
    return p->kind == &layout_kind ? layout_of(p)->tag : NULL;
}

int layout_make(const char *path, mode_t mode, struct error *err)
{
    static const char empty[] =
        "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\",\"manifests\":[]}";
    int r = fd_make_dirs(AT_FDCWD, path, mode, err);
    cleanup_close int dir = r < 0 ? r : fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);

    if (dir < 0)
        return dir;
    r = bundle_make_blob_directory(dir, err);
    if (r == 0 && faccessat(dir, LAYOUT_FILE, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        r = fd_replace_file(dir, LAYOUT_FILE, VIEW(LAYOUT_TEXT), 0644, err);
    if (r == 0 && faccessat(dir, "index.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
        r = fd_replace_file(dir, "index.json", view_of(empty), 0644, err);
    return r;
}

/* A layout has no registry: what the image is called in it, or the directory's own name. */
static void name_layout(struct layout *l, const char *path)
{
    const struct descriptor *d = NULL;
    const char *name = NULL, *slash = strrchr(path, '/');
    REFERENCE_AUTO(ref);

    if (read_index(l, NULL) == 0 && layout_select(l->index, l->tag, &d, NULL) == 0) {
        name = descriptor_annotation(d, ANNOTATION_IMAGE_NAME);
        if (!name)
            name = descriptor_annotation(d, ANNOTATION_REF_NAME);
    }
    if (name && strpbrk(name, ":/") && reference_parse(name, &ref, NULL) == 0)
        l->site.repository = reference_name(&ref);
    else
        l->site.repository = xstrdup(slash && slash[1] ? slash + 1 : path);
}

int site_open_layout(struct place *p, struct site **ret, struct error *err)
{
    struct layout *l = xcalloc(1, sizeof(*l));
    CLEANUP(site_closep) struct site *s = &l->site;

    s->kind = &layout_kind;
    l->tag = steal(p->tag);
    l->dir = fd_open(AT_FDCWD, p->path, O_RDONLY | O_DIRECTORY, 0, err);
    if (l->dir < 0)
        return l->dir;
    name_layout(l, p->path);
    *ret = steal(s);
    return 0;
}

/* Compressed ones are unpacked to a file without a name. */
int site_open_archive(struct place *p, struct site **ret, struct error *err)
{
    struct layout *l = xcalloc(1, sizeof(*l));
    CLEANUP(site_closep) struct site *s = &l->site;
    const char *dir = getenv("TMPDIR");

    s->kind = &layout_kind;
    l->tag = steal(p->tag);
    l->dir = -1;
    cleanup_close int tmp =
        fd_open(AT_FDCWD, dir && *dir ? dir : "/var/tmp", O_RDONLY | O_DIRECTORY, 0, err);
    if (tmp < 0)
        return tmp;
    const int r =
        image_source_open(p->path, &(struct image_spool){.dir_fd = tmp}, &l->archive, err);
    if (r < 0)
        return r;
    name_layout(l, p->path);
    *ret = steal(s);
    return 0;
}
