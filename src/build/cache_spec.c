#include "build/cache_spec.h"

#include <errno.h>

#include "base/str.h"
#include "oci/digest.h"
#include "oci/reference.h"

void cache_spec_done(struct cache_spec *s)
{
    free(s->place);
    free(s->tag);
    free(s->output);
    *s = (struct cache_spec){0};
}

struct fields {
    char *type, *place, *tag, *digest, *mode, *mounts, *optional, *manifest;
    struct str output;
};

static void fields_done(struct fields *f)
{
    free(f->type);
    free(f->place);
    free(f->tag);
    free(f->digest);
    free(f->mode);
    free(f->mounts);
    free(f->optional);
    free(f->manifest);
    str_done(&f->output);
}

static int not_yet(const char *type, struct error *err)
{
    (void)error_set(err, -ENOTSUP,
                    "type '%.40s' needs a service on the network, which is not spoken to yet",
                    type);
    return error_hint(err, -ENOTSUP,
                      "type=registry is an image of a registry, type=local a directory that can be "
                      "carried along, type=inline puts the cache into the image");
}

/* Before the keys, which are these services' own. */
static int check_service(struct view fields, struct error *err)
{
    static const char *const services[] = {"gha", "s3", "azblob"};
    struct view field, key;

    while (view_cut(&fields, ',', &field)) {
        if (!view_cut(&field, '=', &key) || !view_eq_text(key, "type"))
            continue;
        for (size_t i = 0; field.at && i < ARRAY_SIZE(services); i++)
            if (view_eq_text(field, services[i]))
                return not_yet(services[i], err);
    }
    return 0;
}

/* How blobs are packed is the affair of --output. */
static bool is_packing(struct view key)
{
    static const char *const keys[] = {"compression", "compression-level", "force-compression",
                                       "oci-mediatypes"};

    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (view_eq_text(key, keys[i]))
            return true;
    return false;
}

static int take_field(struct fields *f, bool to, const char *place, struct view field,
                      struct error *err)
{
    struct view value = field, key;

    if (!view_cut(&value, '=', &key) || !value.at)
        return error_set(err, -EINVAL, "'%.*s' is not key=value", VIEW_ARG(field));
    const struct {
        const char *key;
        char **text;
        bool to, from;
    } keys[] = {{"type", &f->type, true, true},
                {place, &f->place, true, true},
                {"ref", &f->place, true, true},
                {"tag", &f->tag, true, true},
                {"digest", &f->digest, false, true},
                {"mode", &f->mode, true, false},
                {"mounts", &f->mounts, true, false},
                {"ignore-error", &f->optional, true, false},
                {"image-manifest", &f->manifest, true, false}};
    char **text = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (view_eq_text(key, keys[i].key) && (to ? keys[i].to : keys[i].from))
            text = keys[i].text;
    if (text) {
        free(*text);
        *text = view_dup(value);
    } else if (to && is_packing(key)) {
        str_printf(&f->output, ",%.*s", VIEW_ARG(field));
    } else {
        return error_set(err, -EINVAL, "key '%.*s' is not known", VIEW_ARG(key));
    }
    return 0;
}

static int take_mode(const struct fields *f, struct cache_spec *ret, struct error *err)
{
    if (!f->mode || strcmp(f->mode, "min") == 0)
        return 0;
    ret->max = strcmp(f->mode, "max") == 0;
    return ret->max ? 0 : error_set(err, -EINVAL, "mode '%.40s' is neither min nor max", f->mode);
}

static int take_truth(const char *key, const char *text, bool *ret, struct error *err)
{
    *ret = text && strcmp(text, "true") == 0;
    return !text || *ret || strcmp(text, "false") == 0
               ? 0
               : error_set(err, -EINVAL, "%s is true or false, not '%.40s'", key, text);
}

/* A cache is an image always: whether it looks like one is no question here. */
static int take_truths(const struct fields *f, struct cache_spec *ret, struct error *err)
{
    bool ignored;
    int r = take_truth("mounts", f->mounts, &ret->mounts, err);

    if (r == 0)
        r = take_truth("ignore-error", f->optional, &ret->optional, err);
    return r == 0 ? take_truth("image-manifest", f->manifest, &ignored, err) : r;
}

static int take_reference(const struct fields *f, struct cache_spec *ret, struct error *err)
{
    REFERENCE_AUTO(ref);

    ret->type = CACHE_REGISTRY;
    if (!f->place || !*f->place)
        return error_set(err, -EINVAL, "there is no ref=HOST/NAME:TAG");
    if (f->tag)
        return error_set(err, -EINVAL, "the tag belongs to ref: ref=HOST/NAME:TAG");
    if (f->digest)
        return error_set(err, -EINVAL, "the digest belongs to ref: ref=HOST/NAME@DIGEST");
    return reference_parse(f->place, &ref, err);
}

static int take_type(struct fields *f, bool to, const char *place, struct cache_spec *ret,
                     struct error *err)
{
    if (!f->type)
        return error_set(err, -EINVAL, "there is no type");
    if (to && strcmp(f->type, "inline") == 0) {
        ret->type = CACHE_INLINE;
        return f->place || ret->mounts
                   ? error_set(err, -EINVAL, "an inline cache has no place and no mounts")
                   : 0;
    }
    if (strcmp(f->type, "registry") == 0)
        return take_reference(f, ret, err);
    if (strcmp(f->type, "local") != 0)
        return error_hint(err, error_set(err, -EINVAL, "type '%.40s' is not known", f->type),
                          "types: local, registry%s", to ? ", inline" : "");
    if (!f->place || !*f->place)
        return error_set(err, -EINVAL, "there is no %s=DIRECTORY", place);
    ret->type = CACHE_LOCAL;
    struct digest ignored;
    return f->digest ? digest_parse(f->digest, &ignored, err) : 0;
}

static int parse(const char *text, bool to, struct cache_spec *ret, struct error *err)
{
    CLEANUP(fields_done) struct fields f = {.output = STR_INIT};
    struct cache_spec spec = {0};
    const char *place = to ? "dest" : "src";
    struct view rest = view_of(text), field;
    int r = check_service(rest, err);

    while (r >= 0 && view_cut(&rest, ',', &field))
        r = take_field(&f, to, place, field, err);
    if (r >= 0)
        r = take_mode(&f, &spec, err);
    if (r >= 0)
        r = take_truths(&f, &spec, err);
    if (r >= 0)
        r = take_type(&f, to, place, &spec, err);
    if (r < 0)
        return error_wrap(err, r, "--cache-%s '%.200s'", to ? "to" : "from", text);
    spec.place = steal(f.place);
    spec.tag = f.digest ? steal(f.digest) : steal(f.tag);
    if (f.output.size)
        spec.output = str_take(&f.output);
    *ret = spec;
    return 0;
}

int cache_to_parse(const char *text, struct cache_spec *ret, struct error *err)
{
    REFERENCE_AUTO(ref);

    if (strchr(text, '='))
        return parse(text, true, ret, err);
    const int r = reference_parse(text, &ref, err);
    if (r < 0)
        return error_wrap(err, r, "--cache-to");
    *ret = (struct cache_spec){.type = CACHE_REGISTRY, .place = xstrdup(text)};
    return 0;
}

int cache_from_parse(const char *text, struct cache_spec *ret, struct error *err)
{
    if (strchr(text, '='))
        return parse(text, false, ret, err);
    *ret = (struct cache_spec){.type = CACHE_IMAGE, .place = xstrdup(text)};
    return 0;
}
