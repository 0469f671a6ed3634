#include "image/origin.h"

#include <stdlib.h>

#define FROM "from"
#define MADE "made"
#define ORIGINS_MAX 4096 /* of one record; a build has some images, not thousands */

void image_origin_done(struct image_origin *o)
{
    free(o->transport);
    free(o->name);
    free(o->tag);
}

void image_origins_done(struct image_origins *l)
{
    vec_each (o, l)
        image_origin_done(o);
    vec_done(l);
}

void image_origin_of_file(struct image_origin *o, const char *transport, const char *path,
                          const char *tag, const struct digest *d)
{
    char *whole = strcmp(path, "-") == 0 ? NULL : realpath(path, NULL);

    *o = (struct image_origin){.transport = xstrdup(transport),
                               .name = whole ? whole : xstrdup(""),
                               .tag = tag ? xstrdup(tag) : NULL,
                               .digest = *d};
}

void image_origin_of_reference(struct image_origin *o, const struct reference *asked,
                               const struct digest *d)
{
    *o = (struct image_origin){
        .transport = xstrdup("docker"), .name = reference_format(asked), .digest = *d};
}

void image_origin_set_image(struct image_origin *o, struct view manifest)
{
    if (manifest.size)
        digest_of(manifest, &o->image);
    if (digest_eq(&o->image, &o->digest))
        o->image = (struct digest){0};
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same(const struct image_origin *a, const struct image_origin *b)
{
    return same_text(a->transport, b->transport) && same_text(a->name, b->name) &&
           same_text(a->tag, b->tag) && digest_eq(&a->digest, &b->digest) &&
           digest_eq(&a->image, &b->image);
}

void image_origin_copy(const struct image_origin *o, struct image_origin *ret)
{
    *ret = (struct image_origin){.transport = xstrdup(o->transport),
                                 .name = xstrdup(o->name),
                                 .tag = o->tag ? xstrdup(o->tag) : NULL,
                                 .digest = o->digest,
                                 .image = o->image};
}

void image_origins_add(struct image_origins *l, const struct image_origin *o)
{
    vec_each (have, l)
        if (is_same(have, o))
            return;
    vec_push(l, (struct image_origin){0});
    image_origin_copy(o, vec_last(l));
}

/* ---- in a record ---- */

static bool read_one(const json_t *doc, struct image_origins *ret)
{
    const char *transport = json_string_value(json_object_get(doc, "transport"));
    const char *name = json_string_value(json_object_get(doc, "name"));
    const char *digest = json_string_value(json_object_get(doc, "digest"));
    const char *image = json_string_value(json_object_get(doc, "image"));
    struct image_origin o = {0};

    if (!transport || !name || (digest && digest_parse(digest, &o.digest, NULL) < 0) ||
        (image && digest_parse(image, &o.image, NULL) < 0))
        return false;
    o.transport = (char *)(uintptr_t)transport;
    o.name = (char *)(uintptr_t)name;
    o.tag = (char *)(uintptr_t)json_string_value(json_object_get(doc, "tag"));
    image_origins_add(ret, &o);
    return true;
}

void image_origins_read(const struct store_image *record, struct image_origins *ret)
{
    const json_t *list = json_object_get(record->extra, FROM);
    const size_t count = json_array_size(list);

    ret->made = json_is_true(json_object_get(record->extra, MADE));
    ret->known = (ret->made || count > 0) && count <= ORIGINS_MAX;
    for (size_t i = 0; ret->known && i < count; i++)
        ret->known = read_one(json_array_get(list, i), ret);
}

static json_t *describe(const struct image_origin *o)
{
    json_t *doc = json_object();
    char text[DIGEST_TEXT_MAX];

    doc_set_text(doc, "transport", o->transport);
    doc_set_text(doc, "name", o->name);
    if (o->tag)
        doc_set_text(doc, "tag", o->tag);
    if (!digest_is_zero(&o->digest))
        doc_set_text(doc, "digest", digest_format(&o->digest, text));
    if (!digest_is_zero(&o->image))
        doc_set_text(doc, "image", digest_format(&o->image, text));
    return doc;
}

void image_origins_set(struct store_image *record, const struct image_origins *l)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->size; i++)
        doc_push(list, describe(&l->at[i]));
    if (!record->extra)
        record->extra = json_object();
    doc_set(record->extra, FROM, list);
    if (l->made)
        doc_set_bool(record->extra, MADE, true);
    else
        (void)json_object_del(record->extra, MADE);
}
