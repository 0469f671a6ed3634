#include "image/copy.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/copy_internal.h"
#include "image/guard.h"
#include "oci/beside.h"
#include "oci/manifest.h"

#define BESIDE_MAX 4096 /* manifests that speak of an image: a registry may make up more and more */
#define DEPTH_MAX 4     /* indexes in indexes; referrers of referrers */
#define DOCUMENTS_MAX (64u << 20) /* bytes of the manifests of one image */

/* What a manifest belongs to comes before what names it. */
struct document {
    struct str bytes;
    char *media_type;
    struct digest digest;
};
struct documents {
    struct document *at;
    size_t size, cap;
    uint64_t bytes;
};

static void documents_done(struct documents *l)
{
    vec_each (d, l) {
        str_done(&d->bytes);
        free(d->media_type);
    }
    vec_done(l);
}

bool copy_is_new(struct copy *c, const struct digest *d)
{
    char hex[DIGEST_HEX_MAX];
    const struct view key = view_of(digest_hex(d, hex));

    if (map_has(&c->seen, key))
        return false;
    map_set(&c->seen, key, c);
    return true;
}

/* ---- what the policy says ---- */

/* An index stays one. */
static bool is_whole(const struct copy_options *o)
{
    return o->all_platforms || o->index_only || o->platform_count > 1;
}

/* Not about what is ours, in between. manifest: what is used of the root. */
static int ask_about_file(const struct copy *c, const struct digest *root, struct view manifest,
                          struct error *err)
{
    const struct strings no_names = {0};
    IMAGE_ORIGIN_AUTO(origin);
    PLACE_AUTO(place);
    const int r = place_parse(c->options->from, &place, err);

    if (r < 0 || c->options->own || place.kind == PLACE_REGISTRY)
        return r;
    image_origin_of_file(&origin, place_transport(&place), place.path, place.tag, root);
    image_origin_set_image(&origin, manifest);
    origin.whole = is_whole(c->options);
    return guard_arriving(wire_env(c->wire), &origin, false, &no_names, err);
}

/* Each image of an index that is copied, after the index. */
static int ask_about_part(const struct copy *c, const struct digest *part, struct view manifest,
                          struct error *err)
{
    PLACE_AUTO(place);
    const int r = place_parse(c->options->from, &place, err);

    return r < 0 || c->options->own
               ? r
               : guard_part(wire_env(c->wire), c->from, &place, part, manifest, err);
}

/* ---- what there is ---- */

static int keep(struct documents *l, struct view bytes, const char *media_type, struct error *err)
{
    struct document d = {.bytes = STR_INIT, .media_type = xstrdup(media_type)};

    str_add(&d.bytes, bytes);
    digest_of(bytes, &d.digest);
    vec_push(l, d);
    l->bytes += bytes.size;
    return l->bytes > DOCUMENTS_MAX
               ? error_set(err, -EDQUOT, "its manifests have more than %u bytes", DOCUMENTS_MAX)
               : 0;
}

/* What may not be passed on stays where it is, but for what is kept here, and for who may. */
static bool is_passed_on(const struct copy *c, const struct descriptor *d)
{
    struct registry_session *s;
    const char *repository;

    return !media_is_foreign(d->media_type) || c->options->foreign ||
           !site_is_registry(c->to, &s, &repository);
}

static int take_blob(struct copy *c, const struct descriptor *d, struct error *err)
{
    int r = descriptor_need_sha256(d, err);

    if (r < 0 || !is_passed_on(c, d) || !copy_is_new(c, &d->digest))
        return r;
    return copy_blob(c, d, err);
}

static int take_manifest(struct copy *c, struct view bytes, struct documents *ret,
                         struct error *err)
{
    CLEANUP(manifest_freep) struct manifest *m = NULL;
    bool changed = false;
    STR_AUTO(other);
    int r = manifest_parse(bytes, &m, err);

    if (r == 0)
        r = copy_form_manifest(c, m, &other, &changed, err);
    if (r == 0)
        r = take_blob(c, &m->config, err);
    for (size_t i = 0; r == 0 && i < m->layer_count; i++)
        r = take_blob(c, &m->layers[i], err);
    if (r < 0)
        return r;
    return changed ? keep(ret, str_view(&other),
                          m->docker ? MEDIA_OCI_MANIFEST : MEDIA_DOCKER_MANIFEST, err)
                   : keep(ret, bytes, m->media_type, err);
}

static int take(struct copy *c, struct view bytes, unsigned depth, struct documents *ret,
                struct error *err);

static int take_index(struct copy *c, struct view bytes, unsigned depth, struct documents *ret,
                      struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *x = NULL;
    STR_AUTO(other);
    int r = image_index_parse(bytes, &x, err);

    for (size_t i = 0; r == 0 && !c->options->index_only && i < x->manifest_count; i++) {
        const struct descriptor *d = &x->manifests[i];
        STR_AUTO(child);

        r = descriptor_need_sha256(d, err);
        if (r == 0 && copy_is_new(c, &d->digest)) {
            r = c->from->kind->manifest(c->from, &d->digest, &child, err);
            if (r == 0)
                r = ask_about_part(c, &d->digest, str_view(&child), err);
            if (r == 0)
                r = take(c, str_view(&child), depth + 1, ret, err);
        }
    }
    if (r < 0)
        return r;
    return copy_form_index(c, x, &other)
               ? keep(ret, str_view(&other), x->docker ? MEDIA_OCI_INDEX : MEDIA_DOCKER_LIST, err)
               : keep(ret, bytes, x->media_type, err);
}

static int take(struct copy *c, struct view bytes, unsigned depth, struct documents *ret,
                struct error *err)
{
    enum media kind;
    const int r = manifest_kind(bytes, &kind, err);

    if (r < 0)
        return r;
    if (depth > DEPTH_MAX)
        return error_set(err, -ELOOP, "indexes are nested deeper than %d", DEPTH_MAX);
    return kind == MEDIA_INDEX ? take_index(c, bytes, depth, ret, err)
                               : take_manifest(c, bytes, ret, err);
}

/* ---- where it goes ---- */

/* All but the last are named by it. */
static int put_all(struct copy *c, const struct documents *l, const char *tag, struct error *err)
{
    int r = wire_run(c->wire, err);

    for (size_t i = 0; r == 0 && i + 1 < l->size; i++)
        r = c->to->kind->put_child(c->to, l->at[i].media_type, str_view(&l->at[i].bytes), err);
    return r < 0 ? r
                 : c->to->kind->put_manifest(c->to, tag, str_view(&l->at[l->size - 1].bytes), err);
}

static int copy_beside(struct copy *c, const struct digest *subject, unsigned depth,
                       struct error *err);

static int copy_referrer(struct copy *c, const struct digest *d, unsigned depth, struct error *err)
{
    CLEANUP(documents_done) struct documents l = {0};
    STR_AUTO(bytes);
    ERROR_AUTO(why);
    int r;

    if (!copy_is_new(c, d))
        return 0;
    if (++c->beside > BESIDE_MAX)
        return error_set(err, -EDQUOT, "more than %d manifests speak of it", BESIDE_MAX);
    r = c->from->kind->manifest(c->from, d, &bytes, &why);
    if (r == -ENOENT) { /* a list may outlive what it lists */
        env_warn(wire_env(c->wire), "what is listed beside the image is not there: %s", why.text);
        return 0;
    }
    if (r < 0)
        return error_move(err, &why);
    r = take(c, str_view(&bytes), 0, &l, err);
    if (r == 0)
        r = put_all(c, &l, NULL, err);
    return r < 0 ? r : copy_beside(c, d, depth + 1, err);
}

/* Signatures and the like of older tools are behind tags. */
static int copy_tag(struct copy *c, const struct digest *subject, const char *suffix,
                    struct error *err)
{
    char text[DIGEST_TEXT_MAX], tag[BESIDE_TAG_MAX];
    CLEANUP(documents_done) struct documents l = {0};
    STR_AUTO(bytes);
    ERROR_AUTO(why);

    beside_tag(digest_format(subject, text), suffix, tag);
    int r = c->from->kind->tag(c->from, tag, &bytes, &why);
    if (r < 0)
        return r == -ENOENT ? 0 : error_move(err, &why);
    r = take(c, str_view(&bytes), 0, &l, err);
    return r < 0 ? r : put_all(c, &l, tag, err);
}

static int copy_beside(struct copy *c, const struct digest *subject, unsigned depth,
                       struct error *err)
{
    static const char *const suffixes[] = {".sig", ".att", ".sbom"};
    cleanup_free struct digest *list = NULL;
    size_t count = 0;
    int r = depth > DEPTH_MAX ? 0 : c->from->kind->referrers(c->from, subject, &list, &count, err);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = copy_referrer(c, &list[i], depth, err);
    for (size_t i = 0; r == 0 && depth == 0 && i < ARRAY_SIZE(suffixes); i++)
        r = copy_tag(c, subject, suffixes[i], err);
    return r;
}

/* Made where it is not there yet: not before it is known that something will come into it. */
static int open_to(struct copy *c, const struct place *place, struct error *err)
{
    int r = 0;

    if (place->kind == PLACE_DIR)
        r = site_make_dir(place->path, err);
    else if (place->kind == PLACE_OCI)
        r = layout_make(place->path, 0755, err);
    if (r == 0)
        r = site_open(c->wire, c->options->to, true, &c->to, err);
    return r < 0 ? r : c->to->kind->lock(c->to, err);
}

/* A name with a digest is for what has it. */
static int check_name(const struct copy *c, const struct documents *l, struct error *err)
{
    const struct digest *want = site_digest(c->to), *is = &l->at[l->size - 1].digest;
    char text[DIGEST_TEXT_MAX];

    return !want || digest_eq(want, is)
               ? 0
               : error_set(err, -EINVAL, "its digest is %s", digest_format(is, text));
}

/* Of an index what is wanted of it. */
static int narrow(struct copy *c, struct str *bytes, struct error *err)
{
    const struct copy_options *o = c->options;
    const struct platform host = platform_host();
    CLEANUP(image_index_freep) struct image_index *x = NULL;
    struct digest ignored;
    STR_AUTO(shorter);
    enum media kind;

    if (o->all_platforms || o->index_only)
        return 0;
    if (o->platform_count < 2)
        return site_choose(c->from, o->platform_count ? &o->platforms[0] : &host, &ignored, bytes,
                           err);
    int r = manifest_kind(str_view(bytes), &kind, err);
    if (r == 0 && kind != MEDIA_INDEX)
        return error_set(err, -ENOENT, "it is an image of one platform");
    if (r == 0)
        r = image_index_parse(str_view(bytes), &x, err);
    if (r == 0)
        r = copy_subset(x, o, &shorter, err);
    str_clear(bytes);
    str_add(bytes, str_view(&shorter));
    return r;
}

static int check_tag(struct copy *c, const struct documents *l, struct error *err)
{
    const char *tag = site_tag(c->to);
    char text[DIGEST_TEXT_MAX];
    struct digest d;
    STR_AUTO(there);
    ERROR_AUTO(why);

    if (!c->options->immutable || !tag)
        return 0;
    const int r = c->to->kind->tag(c->to, tag, &there, &why);
    if (r < 0)
        return r == -ENOENT ? 0 : error_move(err, &why);
    digest_of(str_view(&there), &d);
    return digest_eq(&d, &l->at[l->size - 1].digest)
               ? 0
               : error_hint(err,
                            error_set(err, -EEXIST, "tag '%.128s' has another image: %s", tag,
                                      digest_format(&d, text)),
                            "--immutable moves no name");
}

/* What speaks of a digest does not speak of another. */
static int check_digests(const struct copy *c, struct error *err)
{
    if (c->options->preserve && (c->made.size > 0 || c->options->platform_count > 1))
        return error_hint(err, error_set(err, -EINVAL, "it would have another digest"),
                          "--preserve-digests allows no other form and no shorter index");
    return !c->options->referrers || c->made.size == 0
               ? 0
               : error_set(err, -EINVAL,
                           "what speaks of it would speak of nothing: in another form it has "
                           "another digest");
}

static int run(struct copy *c, const struct place *to, struct documents *l, struct error *err)
{
    const struct copy_options *o = c->options;
    struct digest root;
    STR_AUTO(bytes);
    int r = c->from->kind->image(c->from, &root, &bytes, err);

    if (r == 0 && is_whole(o))
        r = ask_about_file(c, &root, VIEW(""), err);
    if (r == 0)
        r = narrow(c, &bytes, err);
    if (r == 0 && !is_whole(o))
        r = ask_about_file(c, &root, str_view(&bytes), err);
    if (r == 0)
        r = open_to(c, to, err);
    if (r == 0)
        r = take(c, str_view(&bytes), 0, l, err);
    if (r == 0)
        r = check_name(c, l, err);
    if (r == 0)
        r = check_digests(c, err);
    if (r == 0)
        r = check_tag(c, l, err);
    if (r == 0)
        r = put_all(c, l, site_tag(c->to), err);
    for (size_t i = 0; r == 0 && o->referrers && i < l->size; i++)
        r = copy_beside(c, &l->at[i].digest, 0, err);
    return r;
}

/* An image goes nowhere when the policy refuses it: one of a registry is asked about here, one of a
 * layout when its digest is known. */
static int open_from(struct wire *w, const struct copy_options *o, struct site **ret,
                     struct error *err)
{
    const struct platform host = platform_host(), *platform = &host;
    REFERENCE_AUTO(allowed);
    PLACE_AUTO(place);
    int r = place_parse(o->from, &place, err);

    if (r < 0 || place.kind != PLACE_REGISTRY)
        return r < 0 ? r : site_open(w, o->from, false, ret, err);
    if (o->platform_count)
        platform = &o->platforms[0];
    r = guard_reference(wire_env(w), w, &place.reference, is_whole(o) ? NULL : platform, false,
                        &allowed, err);
    return r < 0 ? r : site_open_registry(w, &allowed, false, ret, err);
}

int image_copy(struct wire *w, const struct copy_options *o, struct digest *ret, struct error *err)
{
    CLEANUP(documents_done) struct documents l = {0};
    struct copy c = {.wire = w, .options = o};
    PLACE_AUTO(place);
    int r = place_parse(o->to, &place, err);

    if (r == 0 && place.kind == PLACE_OCI_ARCHIVE)
        return copy_to_archive(w, o, &place, ret, err);
    if (r == 0)
        r = open_from(w, o, &c.from, err);
    if (r == 0)
        r = run(&c, &place, &l, err);
    if (r < 0)
        wire_cancel(w);
    else
        *ret = l.at[l.size - 1].digest;
    copy_blobs_done(&c);
    map_done(&c.seen);
    copy_made_done(&c);
    vec_each (fd, &c.files)
        if (*fd >= 0)
            (void)close(*fd);
    vec_done(&c.files);
    site_close(c.from);
    site_close(c.to);
    return r < 0 ? error_wrap(err, r, "copy %s to %s", o->from_name ? o->from_name : o->from,
                              o->to_name ? o->to_name : o->to)
                 : 0;
}
