#include "image/retract.h"

#include <errno.h>
#include <sys/random.h>

#include "oci/config.h"
#include "oci/manifest.h"

#define DEPTH_MAX 4       /* indexes in indexes */
#define TAGS_MAX 10000    /* of a repository that are looked at: a request each */
#define INDEXES_MAX 20000 /* likewise */

struct retract {
    struct wire *wire;
    struct registry_session *session;
    const char *repository, *tag;
    struct str manifest; /* what the tag has */
    char *media_type;
    struct digest digest;
    size_t indexes; /* that were read */
};

static struct registry_result *call(struct retract *x, struct registry_call *c, struct error *err)
{
    return wire_call(x->wire, c, err) < 0 ? NULL : registry_call_result(c);
}

/* 1: done, 0: the registry does not. */
static int erase(struct retract *x, const char *tag, const struct digest *d, struct error *err)
{
    CLEANUP(registry_call_freep)
    struct registry_call *c = registry_manifest_delete(x->session, x->repository, tag, d);
    const int r = wire_call(x->wire, c, err);

    return r < 0 ? r : !registry_call_result(c)->refused && !registry_call_result(c)->absent;
}

/* may_list: it is no image for all that is known: some call everything text/plain. */
static int head(struct retract *x, const char *tag, struct digest *ret, bool *ret_may_list,
                struct error *err)
{
    CLEANUP(registry_call_freep)
    struct registry_call *c = registry_manifest_head(x->session, x->repository, tag, NULL);
    const struct registry_result *got = call(x, c, err);

    if (!got)
        return err->code;
    if (got->absent)
        return 0;
    *ret = got->digest;
    *ret_may_list = !got->media_type || media_of(got->media_type) != MEDIA_MANIFEST;
    return 1;
}

/* ---- 1 ---- */

static int delete_tag(struct retract *x, struct error *err)
{
    struct digest d;
    bool may_list;
    const int r = erase(x, x->tag, NULL, err);

    if (r <= 0)
        return r;
    const int there = head(x, x->tag, &d, &may_list, err);
    return there < 0 ? there : !there;
}

/* ---- 2: a manifest that nobody else has ---- */

struct dummy {
    struct str config, manifest;
    struct digest config_digest, digest;
};

static void dummy_done(struct dummy *d)
{
    str_done(&d->config);
    str_done(&d->manifest);
}

static int make_dummy(const struct retract *x, struct dummy *ret, struct error *err)
{
    cleanup_doc json_t *doc = json_object();
    json_t *config = json_object(), *labels = json_object(), *rootfs = json_object();
    struct digest unique;
    char hex[DIGEST_HEX_MAX];

    if (getrandom(unique.sha256, sizeof(unique.sha256), 0) != sizeof(unique.sha256))
        return error_sys(err, "get random bytes");
    doc_set_text(labels, "deleted-tag", x->tag);
    doc_set_text(labels, "unique", digest_hex(&unique, hex));
    doc_set(config, "Labels", labels);
    doc_set_text(rootfs, "type", "layers");
    doc_set(rootfs, "diff_ids", json_array());
    doc_set_text(doc, "architecture", "amd64");
    doc_set_text(doc, "os", "linux");
    doc_set(doc, "config", config);
    doc_set(doc, "rootfs", rootfs);
    doc_print(doc, true, &ret->config);
    digest_of(str_view(&ret->config), &ret->config_digest);
    manifest_print(
        media_is_docker(x->media_type),
        descriptor_new(media_is_docker(x->media_type) ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG,
                       &ret->config_digest, ret->config.size),
        json_array(), NULL, &ret->manifest);
    digest_of(str_view(&ret->manifest), &ret->digest);
    return 0;
}

static int put(struct retract *x, const char *type, struct view bytes, struct error *err)
{
    CLEANUP(registry_call_freep)
    struct registry_call *c = registry_manifest_put(x->session, x->repository, x->tag, type, bytes);

    return wire_call(x->wire, c, err);
}

static int put_dummy(struct retract *x, const struct dummy *d, struct error *err)
{
    const struct registry_blob blob = {.digest = d->config_digest,
                                       .size = d->config.size,
                                       .fd = -1,
                                       .bytes = str_view(&d->config)};
    CLEANUP(registry_call_freep)
    struct registry_call *c = registry_blob_put(x->session, x->repository, &blob);
    const int r = wire_call(x->wire, c, err);

    return r < 0
               ? r
               : put(x, media_is_docker(x->media_type) ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST,
                     str_view(&d->manifest), err);
}

/* A put may arrive, and its answer not. */
static bool has_tag(struct retract *x, const struct digest *d)
{
    struct digest is;
    bool may_list;
    ERROR_AUTO(ignored);

    return head(x, x->tag, &is, &may_list, &ignored) > 0 && digest_eq(&is, d);
}

/* The tag gets back what it had: it is not ours to leave it anywhere else. */
static int put_back(struct retract *x, struct error *err)
{
    const int r = put(x, x->media_type, str_view(&x->manifest), err);

    return r < 0 ? error_wrap(err, r, "give tag '%s' its manifest back", x->tag) : 0;
}

/* 1: gone. A registry that deletes says of a digest that is not there that it is not there. */
static int by_dummy(struct retract *x, struct error *err)
{
    CLEANUP(dummy_done) struct dummy d = {.config = STR_INIT, .manifest = STR_INIT};
    struct digest left;
    bool may_list;
    ERROR_AUTO(why);
    ERROR_AUTO(put_why);
    int r = make_dummy(x, &d, err);

    if (r < 0)
        return r;
    CLEANUP(registry_call_freep)
    struct registry_call *c = registry_manifest_delete(x->session, x->repository, NULL, &d.digest);
    const struct registry_result *got = call(x, c, &why);
    if (!got || got->refused)
        return error_hint(err,
                          error_set(err, -ENOTSUP, "the registry deletes nothing%s%s",
                                    got ? "" : ": ", got ? "" : why.text),
                          "its owner has to allow it (docker's registry: "
                          "REGISTRY_STORAGE_DELETE_ENABLED=true)");
    if (put_dummy(x, &d, &put_why) < 0 && !has_tag(x, &d.digest))
        return 0;
    r = erase(x, NULL, &d.digest, &why);
    if (r > 0)
        r = head(x, x->tag, &left, &may_list, &why) == 0;
    if (r > 0)
        return 1;
    const int back = put_back(x, err);
    return r == 0 || back < 0 ? back : error_move(err, &why);
}

/* ---- 3: who else leads to it ---- */

static int index_has(struct retract *x, const struct digest *index, unsigned depth,
                     struct error *err)
{
    if (depth > DEPTH_MAX || ++x->indexes > INDEXES_MAX)
        return error_set(err, -EDQUOT, "its indexes are too many or too deep to look into each");
    CLEANUP(registry_call_freep)
    struct registry_call *c = registry_manifest_get(x->session, x->repository, NULL, index);
    CLEANUP(image_index_freep) struct image_index *list = NULL;
    ERROR_AUTO(why);
    const struct registry_result *got = call(x, c, &why);

    if (!got) /* what is listed need not be there; the index of a tag is */
        return why.code == -ENOENT && depth > 0 ? 0 : error_move(err, &why);
    if (media_of(got->media_type) != MEDIA_INDEX)
        return 0;
    int r = image_index_parse(str_view(&got->body), &list, err);
    for (size_t i = 0; r == 0 && i < list->manifest_count; i++) {
        const struct descriptor *d = &list->manifests[i];

        r = digest_eq(&d->digest, &x->digest);
        if (r == 0 && media_of(d->media_type) == MEDIA_INDEX && !digest_is_zero(&d->digest))
            r = index_has(x, &d->digest, depth + 1, err);
    }
    return r;
}

static int leads_to(struct retract *x, const char *tag, struct error *err)
{
    struct digest d;
    bool may_list = false;
    const int r = head(x, tag, &d, &may_list, err);

    if (r <= 0)
        return r;
    if (digest_eq(&d, &x->digest))
        return 1;
    return may_list ? index_has(x, &d, 0, err) : 0;
}

static int check_alone(struct retract *x, struct error *err)
{
    CLEANUP(registry_call_freep)
    struct registry_call *c = registry_tags(x->session, x->repository);
    const struct registry_result *got = call(x, c, err);

    if (!got)
        return err->code;
    if (got->tags.size > TAGS_MAX)
        return error_set(err, -EDQUOT, "%zu tags are too many to look at each", got->tags.size);
    vec_each (tag, &got->tags) {
        if (x->tag && strcmp(*tag, x->tag) == 0)
            continue;
        const int r = leads_to(x, *tag, err);
        if (r < 0)
            return r;
        if (r > 0)
            return error_set(err, -EBUSY, "tag '%.128s' has this digest too", *tag);
    }
    return 0;
}

static int by_digest(struct retract *x, struct error *err)
{
    int r = check_alone(x, err);

    if (r == 0)
        r = erase(x, NULL, &x->digest, err);
    if (r == 0)
        r = error_set(err, -ENOTSUP, "the registry deletes nothing");
    return MIN(r, 0);
}

/* ---- all of it ---- */

static int look(struct retract *x, const struct reference *ref, struct error *err)
{
    CLEANUP(registry_call_freep)
    struct registry_call *c = registry_manifest_get(x->session, x->repository, x->tag,
                                                    ref->has_digest ? &ref->digest : NULL);
    const struct registry_result *got = call(x, c, err);

    if (!got)
        return err->code;
    str_add(&x->manifest, str_view(&got->body));
    x->media_type = xstrdup(got->media_type);
    x->digest = got->digest;
    return 0;
}

static int retract(struct retract *x, const struct reference *ref, struct error *err)
{
    int r = look(x, ref, err);

    if (r < 0)
        return r;
    if (ref->has_digest)
        return by_digest(x, err);
    r = delete_tag(x, err);
    if (r == 0)
        r = by_dummy(x, err);
    if (r == 0)
        return by_digest(x, err);
    return MIN(r, 0);
}

int image_retract(struct wire *w, const struct reference *ref, struct error *err)
{
    CLEANUP(registry_endpoints_done) struct registry_endpoints places = {0};
    struct retract x = {.wire = w, .tag = ref->has_digest ? NULL : ref->tag, .manifest = STR_INIT};
    ERROR_AUTO(own); /* codes are read from it: the caller may want none */
    int r = wire_places(w, ref, true, &places, &own);

    if (r == 0)
        r = wire_session(w, &places.at[0], &x.session, &own);
    if (r == 0) {
        x.repository = places.at[0].repository;
        r = retract(&x, ref, &own);
    }
    str_done(&x.manifest);
    free(x.media_type);
    if (r == 0)
        return 0;
    cleanup_free char *name = reference_familiar(ref);
    return error_wrap(err, error_move(err, &own), "delete %s", name);
}
