#include "trust/simple.h"

#include <errno.h>

#define TYPE "cosign container image signature"

/* "critical", "image" and "identity" have these keys and no others. */
static int need_keys(const json_t *doc, size_t count, const char *what, struct error *err)
{
    if (json_object_size(doc) != count)
        return error_set(err, -EINVAL, "%s has %zu keys, not %zu", what, json_object_size(doc),
                         count);
    return 0;
}

static int read_critical(json_t *critical, struct simple *ret, struct error *err)
{
    const char *type = NULL, *digest = NULL;
    json_t *image = NULL, *identity = NULL;
    int r = need_keys(critical, 3, "critical", err);

    if (r == 0)
        r = doc_need_text(critical, "type", &type, err);
    if (r == 0 && strcmp(type, TYPE) != 0)
        r = error_set(err, -EINVAL, "it is of the type '%.80s'", type);
    if (r == 0)
        r = doc_need_object(critical, "image", &image, err);
    if (r == 0)
        r = doc_need_object(critical, "identity", &identity, err);
    if (r == 0)
        r = need_keys(image, 1, "image", err);
    if (r == 0)
        r = need_keys(identity, 1, "identity", err);
    if (r == 0)
        r = doc_need_text(image, "docker-manifest-digest", &digest, err);
    if (r == 0)
        r = doc_need_text(identity, "docker-reference", &ret->reference, err);
    return r < 0 ? r : digest_parse(digest, &ret->digest, err);
}

static int read_optional(const json_t *optional, struct simple *ret, struct error *err)
{
    const json_t *time = json_object_get(optional, "timestamp");

    if (!time)
        return 0;
    if (!json_is_integer(time))
        return error_set(err, -EINVAL, "timestamp is no whole number");
    ret->has_time = true;
    ret->time_s = json_integer_value(time);
    return 0;
}

int simple_read(struct view payload, struct simple *ret, struct error *err)
{
    struct simple s = {0};
    json_t *critical = NULL, *optional = NULL;
    int r = doc_parse(payload, SIMPLE_SIZE_MAX, "payload", &s.doc, err);

    if (r < 0)
        return r;
    r = need_keys(s.doc, 2, "payload", err);
    if (r == 0)
        r = doc_need_object(s.doc, "critical", &critical, err);
    if (r == 0)
        r = doc_object(s.doc, "optional", &optional, err);
    if (r == 0)
        r = read_critical(critical, &s, err);
    if (r == 0 && optional)
        r = read_optional(optional, &s, err);
    if (r < 0) {
        simple_done(&s);
        return r == -ENOENT ? -EINVAL : r;
    }
    *ret = s;
    return 0;
}

void simple_done(struct simple *s)
{
    doc_unref(s->doc);
    *s = (struct simple){0};
}

void simple_print(const char *reference, const struct digest *digest, json_t *take_optional,
                  struct str *ret)
{
    cleanup_doc json_t *doc = json_object();
    json_t *critical = json_object(), *identity = json_object(), *image = json_object();
    char text[DIGEST_TEXT_MAX];

    doc_set_text(identity, "docker-reference", reference);
    doc_set_text(image, "docker-manifest-digest", digest_format(digest, text));
    doc_set(critical, "identity", identity);
    doc_set(critical, "image", image);
    doc_set_text(critical, "type", TYPE);
    doc_set(doc, "critical", critical);
    doc_set(doc, "optional", take_optional ? take_optional : json_null());
    doc_print(doc, true, ret);
}
