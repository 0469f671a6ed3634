/* Manifests: by tag or digest, their bytes kept as they are. */
#include <errno.h>

#include "oci/manifest.h"
#include "registry/internal.h"

#define ACCEPT                                                                                     \
    "Accept: " MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_LIST                      \
    ", " MEDIA_DOCKER_MANIFEST ", */*;q=0.1"

static void begin(struct registry_call *c, const char *method)
{
    struct exchange *x = call_begin(c, method, call_path(c, "manifests/%s", c->name), "pull");

    strings_add(&x->headers, ACCEPT);
    x->body_max = MANIFEST_SIZE_MAX;
}

static struct view plain_type(const struct registry_answer *a)
{
    struct view rest = head_get(&a->headers, "Content-Type"), type = {"", 0};

    (void)view_cut(&rest, ';', &type);
    return view_trim(type);
}

static bool is_manifest_type(struct view type)
{
    static const char *const types[] = {MEDIA_OCI_INDEX, MEDIA_OCI_MANIFEST, MEDIA_DOCKER_LIST,
                                        MEDIA_DOCKER_MANIFEST};

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (view_eq_nocase(type, types[i]))
            return true;
    return false;
}

/* What was sent as one kind must not be read as another (CVE-2021-41190). */
static int take_type(struct registry_call *c, struct view sent, struct error *err)
{
    cleanup_doc json_t *doc = NULL;
    const char *stated = NULL;
    enum media kind;
    int r;

    if (view_starts(sent, "application/vnd.docker.distribution.manifest.v1"))
        return error_hint(err,
                          error_set(err, -ENOTSUP, "it has a manifest of docker's schema 1 only"),
                          "a registry or image this old has to be pushed again by a newer docker");
    r = doc_parse(str_view(&c->result.body), MANIFEST_SIZE_MAX, "manifest", &doc, err);
    if (r == 0)
        r = doc_text(doc, "mediaType", &stated, err);
    if (r == 0)
        r = manifest_kind(str_view(&c->result.body), &kind, err);
    if (r < 0)
        return r;
    if (stated && is_manifest_type(sent) && !view_eq_nocase(sent, stated))
        return error_set(err, -EPROTO, "it calls itself '%.80s', but was sent as '%.*s'", stated,
                         (int)MIN(sent.size, 80), sent.at);
    free(c->result.media_type);
    c->result.media_type =
        stated ? xstrdup(stated)
        : is_manifest_type(sent)
            ? view_dup(sent)
            : xstrdup(kind == MEDIA_INDEX ? MEDIA_OCI_INDEX : MEDIA_OCI_MANIFEST);
    return 0;
}

/* The digest of the bytes decides; what the head says must agree. */
static int check_digest(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    const struct view said = head_get(&a->headers, "Docker-Content-Digest");
    cleanup_free char *text = said.at ? view_dup(said) : NULL;
    char is[DIGEST_TEXT_MAX];
    struct digest d;

    digest_of(str_view(&c->result.body), &c->result.digest);
    digest_format(&c->result.digest, is);
    if (c->has_digest && !digest_eq(&c->digest, &c->result.digest))
        return error_set(err, -EPROTO, "what came has the digest %s", is);
    if (text && digest_parse(text, &d, NULL) == 0 && !digest_eq(&d, &c->result.digest))
        return error_set(err, -EPROTO, "it was sent as %s, but has the digest %s", text, is);
    return 0;
}

static int take_body(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    str_clear(&c->result.body);
    str_add(&c->result.body, str_view(&a->body));
    c->result.size = a->body.size;
    int r = check_digest(c, a, err);
    if (r == 0)
        r = take_type(c, plain_type(a), err);
    return r < 0 ? error_wrap(err, r, "%s: manifest '%s' of %s", c->s->host, c->name, c->repository)
                 : 1;
}

static int take_get(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    return call_ok(a) ? take_body(c, a, err) : call_problem(c, a, err);
}

static int take_head(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    const struct view digest = head_get(&a->headers, "Docker-Content-Digest");
    const struct view size = head_get(&a->headers, "Content-Length");
    cleanup_free char *text = digest.at ? view_dup(digest) : NULL;

    if (a->status == 404) {
        c->result.absent = true;
        return 1;
    }
    if (c->second)
        return take_get(c, a, err);
    if (call_ok(a) && text && digest_parse(text, &c->result.digest, NULL) == 0 && size.at &&
        view_to_u64(size, &c->result.size)) {
        c->result.media_type = view_dup(plain_type(a));
        return 1;
    }
    if (!call_ok(a) && a->status != 405)
        return call_problem(c, a, err);
    c->second = true;
    begin(c, "GET");
    return 0;
}

static int take_put(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    const struct view said = head_get(&a->headers, "Docker-Content-Digest");
    cleanup_free char *text = said.at ? view_dup(said) : NULL;
    struct digest d;

    if (!call_ok(a))
        return call_problem(c, a, err);
    if (text && digest_parse(text, &d, NULL) == 0 && !digest_eq(&d, &c->result.digest))
        return error_set(err, -EPROTO, "%s: manifest '%s' of %s: it was kept as %s", c->s->host,
                         c->name, c->repository, text);
    c->result.has_subject = head_get(&a->headers, "OCI-Subject").at != NULL;
    return 1;
}

/* 400, 405: not by tag, or not at all; 404 for a tag is said by both, so that one has to look. */
static int take_delete(struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    c->result.absent = a->status == 404;
    c->result.refused = a->status == 400 || a->status == 405 || a->status == 501;
    return call_ok(a) || c->result.absent || c->result.refused ? 1 : call_problem(c, a, err);
}

static const struct call_row row_get = {"manifest", take_get}, row_head = {"manifest", take_head},
                             row_put = {"manifest", take_put},
                             row_delete = {"manifest", take_delete};

static struct registry_call *named(const struct call_row *row, struct registry_session *s,
                                   const char *repository, const char *tag,
                                   const struct digest *digest)
{
    struct registry_call *c = call_new(row, s, repository);
    char text[DIGEST_TEXT_MAX];

    c->has_digest = digest != NULL;
    if (digest)
        c->digest = *digest;
    c->name = xstrdup(digest ? digest_format(digest, text) : tag);
    return c;
}

struct registry_call *registry_manifest_get(struct registry_session *s, const char *repository,
                                            const char *tag, const struct digest *digest)
{
    struct registry_call *c = named(&row_get, s, repository, tag, digest);

    begin(c, "GET");
    return c;
}

struct registry_call *registry_manifest_head(struct registry_session *s, const char *repository,
                                             const char *tag, const struct digest *digest)
{
    struct registry_call *c = named(&row_head, s, repository, tag, digest);

    begin(c, "HEAD");
    return c;
}

struct registry_call *registry_manifest_put(struct registry_session *s, const char *repository,
                                            const char *tag, const char *media_type,
                                            struct view bytes)
{
    struct digest d;

    digest_of(bytes, &d);
    struct registry_call *c = named(&row_put, s, repository, tag, tag ? NULL : &d);
    struct exchange *x = call_begin(c, "PUT", call_path(c, "manifests/%s", c->name), "pull,push");
    c->result.digest = d;
    c->result.size = bytes.size;
    strings_take(&x->headers, xasprintf("Content-Type: %s", media_type));
    str_add(&x->body, bytes);
    x->has_body = true;
    return c;
}

struct registry_call *registry_manifest_delete(struct registry_session *s, const char *repository,
                                               const char *tag, const struct digest *digest)
{
    struct registry_call *c = named(&row_delete, s, repository, tag, digest);

    (void)call_begin(c, "DELETE", call_path(c, "manifests/%s", c->name), "pull,push,delete");
    return c;
}
