/* Archives of `docker save`, `podman save` and skopeo: manifest.json names a config and layers for
 * each image. Layers are members in any compression, or links to members; only their diff ids are
 * known. */
#include <errno.h>

#include "image/source_internal.h"

static int open_archive(struct image_source *s, struct error *err)
{
    STR_AUTO(text);
    int r = source_read_file(s, "manifest.json", MANIFEST_SIZE_MAX, &text, err);

    if (r == 0)
        r = doc_parse(str_view(&text), MANIFEST_SIZE_MAX, "manifest.json", &s->manifest, err);
    if (r < 0)
        return r;
    if (!json_is_array(s->manifest))
        return error_set(err, -EINVAL, "manifest.json is not a list of images");
    if (json_array_size(s->manifest) > SOURCE_IMAGES_MAX)
        return error_set(err, -EDQUOT, "manifest.json lists %zu images, more than %d",
                         json_array_size(s->manifest), SOURCE_IMAGES_MAX);
    return 0;
}

static size_t count(const struct image_source *s)
{
    return json_array_size(s->manifest);
}

static void names(const struct image_source *s, size_t i, struct strings *ret)
{
    json_t *tags = json_object_get(json_array_get(s->manifest, i), "RepoTags"), *tag;
    size_t n;

    json_array_foreach(tags, n, tag)
    {
        if (json_is_string(tag))
            strings_add(ret, json_string_value(tag));
    }
}

static int take_layer(struct image_source *s, const json_t *item, struct image_source_layer *ret,
                      struct error *err)
{
    const char *name = json_string_value(item);
    int r;

    if (!name)
        return error_set(err, -EINVAL, "a layer's name is not a text");
    r = source_extent(s, name, &ret->extent, err);
    if (r == -ENOENT)
        return error_set(err, -EINVAL, "layer '%.120s' is not in the archive", name);
    return r;
}

static int take_layers(struct image_source *s, const json_t *entry, struct image_source_image *ret,
                       struct error *err)
{
    json_t *layers = NULL, *item;
    size_t i;
    int r = doc_array(entry, "Layers", &layers, err);

    if (r < 0)
        return r;
    if (json_array_size(layers) > MANIFEST_LAYERS_MAX)
        return error_set(err, -EDQUOT, "%zu layers are more than %d", json_array_size(layers),
                         MANIFEST_LAYERS_MAX);
    ret->layer_count = json_array_size(layers);
    ret->layers = xcalloc(ret->layer_count + 1, sizeof(*ret->layers));
    json_array_foreach(layers, i, item)
    {
        r = take_layer(s, item, &ret->layers[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_image(struct image_source *s, size_t i, const struct platform *p,
                      struct image_source_image *ret, struct error *err)
{
    const json_t *entry = json_array_get(s->manifest, i);
    const char *config;
    int r;

    (void)p; /* such archives have one platform only */
    if (!json_is_object(entry))
        return error_set(err, -EINVAL, "manifest.json[%zu] is not an object", i);
    r = doc_need_text(entry, "Config", &config, err);
    if (r == 0)
        r = source_read_file(s, config, CONFIG_SIZE_MAX, &ret->config, err);
    if (r == 0)
        r = take_layers(s, entry, ret, err);
    if (r == 0)
        r = source_take_config(ret, err);
    return r < 0 ? error_wrap(err, r == -ENOENT ? -EINVAL : r, "manifest.json[%zu]", i) : 0;
}

const struct source_form source_docker_archive = {
    .name = "docker-archive",
    .help = "an archive of docker save, podman save or skopeo",
    .archive = true,
    .marker = "manifest.json",
    .open = open_archive,
    .count = count,
    .read = read_image,
    .names = names,
};
