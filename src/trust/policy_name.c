/* Names in signatures against names that were asked for: containers-policy.json(5), signedIdentity. */
#include "trust/policy_internal.h"

/* A name without tag and digest has none: "latest" is not meant by it. */
struct name {
    char *repository; /* "docker.io/library/debian" */
    char *whole;      /* with tag or digest, or NULL */
};

static void name_done(struct name *n)
{
    free(n->repository);
    free(n->whole);
}

static bool has_tag_or_digest(const char *text)
{
    const char *slash = strrchr(text, '/');

    return strchr(slash ? slash : text, ':') || strchr(text, '@');
}

static bool read_name(const char *text, struct name *ret)
{
    REFERENCE_AUTO(ref);

    if (!text || reference_parse(text, &ref, NULL) < 0)
        return false;
    ret->repository = reference_name(&ref);
    ret->whole = has_tag_or_digest(text) ? reference_format(&ref) : NULL;
    return true;
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* The prefix of what was asked for, whole parts of the path only (a host without its port is another), replaced by the one
 * in signatures. name_size: of asked without tag and digest. Caller frees. */
static char *remap(const struct requirement *q, const char *asked, size_t name_size)
{
    const size_t size = strlen(q->prefix);

    if (strncmp(asked, q->prefix, size) != 0 || size > name_size ||
        (size < name_size && asked[size] != '/'))
        return xstrdup(asked);
    return xasprintf("%s%s", q->signed_prefix, asked + size);
}

static bool fits_exactly(const struct name *asked, const struct name *is, bool by_digest,
                         bool digest_will_do)
{
    if (digest_will_do && by_digest)
        return is->whole && same(asked->repository, is->repository);
    return same(asked->whole, is->whole);
}

static bool fits(const struct requirement *q, const struct name *asked, const struct name *is,
                 bool by_digest)
{
    switch (q->name) {
    case NAME_ANY:
        return true;
    case NAME_EXACT:
    case NAME_GIVEN_REFERENCE:
        return fits_exactly(asked, is, by_digest, false);
    case NAME_REPOSITORY_DIGEST_OR_EXACT:
    case NAME_REMAPPED:
        return fits_exactly(asked, is, by_digest, true);
    case NAME_REPOSITORY:
    case NAME_GIVEN_REPOSITORY:
        return same(asked->repository, is->repository);
    }
    return false;
}

bool requirement_name_fits(const struct requirement *q, const struct reference *asked,
                           const char *signed_name)
{
    CLEANUP(name_done) struct name want = {0}, is = {0};
    cleanup_free char *text = NULL;

    if (q->name == NAME_ANY)
        return true;
    if (q->given) {
        text = xstrdup(q->given);
    } else if (asked) {
        struct reference one = *asked;
        if (one.has_digest)
            one.tag = NULL;
        text = reference_format(&one);
    }
    if (text && q->name == NAME_REMAPPED) {
        cleanup_free char *name = reference_name(asked);
        char *mapped = remap(q, text, strlen(name));
        free(text);
        text = mapped;
    }
    const bool by_digest = !q->given && asked && asked->has_digest;
    return read_name(text, &want) && read_name(signed_name, &is) && fits(q, &want, &is, by_digest);
}
