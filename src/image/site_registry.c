/* A repository of a registry as a site: what speaks for an image is behind tags and in the list of
 * referrers, which the client keeps where the registry does not. */
#include <errno.h>

#include "image/site.h"
#include "oci/beside.h"

#define OVERTAKEN_MAX 5 /* tries, while others change the same tag */

struct remote {
    struct site site;
    struct reference reference;
    struct wire *wire;
    struct registry_endpoints places; /* the registry itself is the last */
    size_t place;
    struct registry_session *session; /* with places.at[place] */
    bool own;                         /* the wire */
};

static struct remote *remote_of(struct site *s)
{
    return (struct remote *)s; /* its first member */
}

static const char *repository_of(const struct remote *x)
{
    return x->places.at[x->place].repository;
}

/* Runs the call, which is freed, and takes what it read. */
static int read_by(struct remote *x, struct registry_call *take_call, struct str *ret,
                   struct error *err)
{
    CLEANUP(registry_call_freep) struct registry_call *c = take_call;
    const int r = wire_call(x->wire, c, err);
    const struct registry_result *result = registry_call_result(c);

    if (r < 0)
        return r;
    if (result->absent)
        return error_set(err, -ENOENT, "the registry has none");
    str_clear(ret);
    str_add(ret, str_view(&result->body));
    return 0;
}

static int get(struct remote *x, const char *tag, const struct digest *d, struct str *ret,
               struct error *err)
{
    return read_by(x, registry_manifest_get(x->session, repository_of(x), tag, d), ret, err);
}

/* ---- reading ---- */

static int get_image(struct remote *x, struct str *ret, struct error *err)
{
    const struct reference *ref = &x->reference;
    const int r = wire_session(x->wire, &x->places.at[x->place], &x->session, err);

    return r < 0 ? r : get(x, ref->tag, ref->has_digest ? &ref->digest : NULL, ret, err);
}

/* A mirror that lacks the image, or is away, is passed over; what has it is asked for all else. */
static int remote_image(struct site *s, struct digest *ret, struct str *ret_manifest,
                        struct error *err)
{
    struct remote *x = remote_of(s);

    for (x->place = 0;; x->place++) {
        ERROR_AUTO(own);

        if (get_image(x, ret_manifest, &own) == 0)
            break;
        if (!x->places.at[x->place].mirror)
            return error_move(err, &own);
    }
    digest_of(str_view(ret_manifest), ret);
    if (x->reference.has_digest && !digest_eq(ret, &x->reference.digest))
        return error_set(err, -EPROTO, "the registry gave another manifest than was asked for");
    return 0;
}

static int remote_tag(struct site *s, const char *tag, struct str *ret_manifest, struct error *err)
{
    return get(remote_of(s), tag, NULL, ret_manifest, err);
}

static int remote_manifest(struct site *s, const struct digest *d, struct str *ret,
                           struct error *err)
{
    return get(remote_of(s), NULL, d, ret, err);
}

static int remote_blob(struct site *s, const struct descriptor *d, struct str *ret,
                       struct error *err)
{
    struct remote *x = remote_of(s);
    const int r = descriptor_need_sha256(d, err);

    return r < 0 ? r
                 : read_by(x,
                           registry_blob_read(x->session, repository_of(x), &d->digest, d->size,
                                              d->size),
                           ret, err);
}

static int remote_referrers(struct site *s, const struct digest *subject, struct digest **ret,
                            size_t *ret_count, struct error *err)
{
    struct remote *x = remote_of(s);
    CLEANUP(image_index_freep) struct image_index *index = NULL;
    VEC(struct digest) found = {0};
    STR_AUTO(text);
    ERROR_AUTO(absent);
    int r = read_by(x, registry_referrers(x->session, repository_of(x), subject), &text, &absent);

    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return error_move(err, &absent);
    r = image_index_parse(str_view(&text), &index, err);
    if (r == -EINVAL)
        r = error_wrap(err, -EPROTO, "the registry's list of referrers");
    for (size_t i = 0; r == 0 && i < index->manifest_count; i++)
        if (descriptor_need_sha256(&index->manifests[i], NULL) == 0)
            vec_push(&found, index->manifests[i].digest);
    *ret = found.at;
    *ret_count = found.size;
    return r;
}

/* ---- writing ---- */

static int remote_lock(struct site *s, struct error *err)
{
    (void)s, (void)err;
    return 0;
}

static int remote_put_blob(struct site *s, struct view bytes, struct error *err)
{
    struct remote *x = remote_of(s);
    struct registry_blob blob = {.size = bytes.size, .fd = -1, .bytes = bytes};

    digest_of(bytes, &blob.digest);
    CLEANUP(registry_call_freep)
    struct registry_call *c = registry_blob_put(x->session, repository_of(x), &blob);
    return wire_call(x->wire, c, err);
}

static int put(struct remote *x, const char *tag, const char *media_type, struct view bytes,
               bool *ret_has_subject, struct error *err)
{
    CLEANUP(registry_call_freep)
    struct registry_call *c =
        registry_manifest_put(x->session, repository_of(x), tag, media_type, bytes);
    const int r = wire_call(x->wire, c, err);

    if (r == 0)
        *ret_has_subject = registry_call_result(c)->has_subject;
    return r;
}

/* The list behind the tag, with the one that refers in it; *ret_there: it was there already. */
static int list_with(struct remote *x, const char *tag, const struct any_manifest *m,
                     struct str *ret, bool *ret_there, struct error *err)
{
    CLEANUP(image_index_freep) struct image_index *old = NULL;
    json_t *list = json_array();
    STR_AUTO(text);
    ERROR_AUTO(absent);
    int r = get(x, tag, NULL, &text, &absent);

    if (r == 0)
        r = image_index_parse(str_view(&text), &old, err);
    else
        r = r == -ENOENT ? 0 : error_move(err, &absent);
    for (size_t i = 0; old && i < old->manifest_count; i++) {
        *ret_there = *ret_there || digest_eq(&old->manifests[i].digest, &m->digest);
        doc_push(list, json_incref(old->manifests[i].doc));
    }
    doc_push(list, beside_entry(m));
    image_index_print(false, list, NULL, ret);
    return r;
}

/* Referrers Tag Schema: read, append, write; and look whether somebody wrote in between. */
static int note_referrer(struct remote *x, const struct any_manifest *m, struct error *err)
{
    char tag[BESIDE_TAG_MAX];
    bool there = false, ignored;

    beside_tag(m->subject, "", tag);
    for (size_t i = 0; i < OVERTAKEN_MAX; i++) {
        STR_AUTO(list);
        int r = list_with(x, tag, m, &list, &there, err);

        if (r == 0 && !there)
            r = put(x, tag, MEDIA_OCI_INDEX, str_view(&list), &ignored, err);
        if (r < 0 || there)
            return r;
    }
    return error_set(err, -EAGAIN, "others change the list of referrers all the time");
}

/* Whatever has a subject is one of its referrers, by whatever name it is put: the registry says so, or the list is ours.
 * media_type: what an index calls it; NULL: as it says itself. */
static int put_noted(struct remote *x, const char *tag, const char *media_type, struct view bytes,
                     struct error *err)
{
    ANY_MANIFEST_AUTO(m);
    bool noted = false;
    int r = any_manifest_parse(bytes, &m, err);

    if (r == 0)
        r = put(x, tag, media_type ? media_type : m.media_type, bytes, &noted, err);
    return r < 0 || noted || !m.subject ? r : note_referrer(x, &m, err);
}

static int remote_put_child(struct site *s, const char *media_type, struct view bytes,
                            struct error *err)
{
    return put_noted(remote_of(s), NULL, media_type, bytes, err);
}

static int remote_put_manifest(struct site *s, const char *tag, struct view bytes,
                               struct error *err)
{
    return put_noted(remote_of(s), tag, NULL, bytes, err);
}

static void remote_close(struct site *s)
{
    struct remote *x = remote_of(s);

    registry_endpoints_done(&x->places);
    reference_done(&x->reference);
    free(x);
}

static const struct site_kind registry_kind = {
    .image = remote_image,
    .tag = remote_tag,
    .manifest = remote_manifest,
    .blob = remote_blob,
    .referrers = remote_referrers,
    .lock = remote_lock,
    .put_blob = remote_put_blob,
    .put_child = remote_put_child,
    .put_manifest = remote_put_manifest,
    .close = remote_close,
};

bool site_is_registry(struct site *p, struct registry_session **ret, const char **ret_repository)
{
    struct remote *x = remote_of(p);

    if (p->kind != &registry_kind)
        return false;
    *ret = x->session;
    *ret_repository = repository_of(x);
    return true;
}

const char *site_tag(struct site *p)
{
    return p->kind == &registry_kind ? remote_of(p)->reference.tag : site_layout_tag(p);
}

const struct digest *site_digest(struct site *p)
{
    const struct remote *x = p->kind == &registry_kind ? remote_of(p) : NULL;

    return x && x->reference.has_digest ? &x->reference.digest : NULL;
}

int site_open_registry(struct wire *w, const struct reference *ref, bool write, struct site **ret,
                       struct error *err)
{
    struct remote *x = xcalloc(1, sizeof(*x));
    CLEANUP(site_closep) struct site *s = &x->site;

    s->kind = &registry_kind;
    reference_copy(ref, &x->reference);
    s->repository = reference_name(ref);
    s->name = reference_familiar(ref);
    x->wire = w;
    int r = wire_places(w, ref, write, &x->places, err);
    if (r == 0 && write)
        r = wire_session(w, &x->places.at[0], &x->session, err);
    if (r < 0)
        return r;
    *ret = steal(s);
    return 0;
}
