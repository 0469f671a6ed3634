/* cooper inspect - everything about an image, in docker's words. */
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/template.h"

struct options {
    const char *format, *platform;
};

static json_t *config_doc(const struct image *i)
{
    return config_runtime_doc(&i->config);
}

static json_t *rootfs_doc(const struct image *i)
{
    json_t *doc = json_object(), *layers = json_array();
    char text[DIGEST_TEXT_MAX];

    vec_each (layer, &i->record.layers)
        doc_push(layers, doc_new_text(digest_format(&layer->diff_id, text)));
    doc_set_text(doc, "Type", "layers");
    doc_set(doc, "Layers", layers);
    return doc;
}

/* Blobs and trees: what only cooper knows. */
static json_t *layers_doc(const struct image *i)
{
    json_t *all = json_array();
    char text[DIGEST_TEXT_MAX], hex[DIGEST_HEX_MAX];

    vec_each (layer, &i->record.layers) {
        json_t *doc = json_object(), *blobs = json_array();

        doc_set_text(doc, "Tree", digest_hex(&layer->tree, hex));
        doc_set_text(doc, "DiffID", digest_format(&layer->diff_id, text));
        vec_each (b, &layer->blobs) {
            json_t *blob = json_object();

            doc_set_text(blob, "MediaType", b->media_type);
            doc_set_text(blob, "Digest", digest_format(&b->digest, text));
            doc_set_int(blob, "Size", (int64_t)b->size);
            doc_push(blobs, blob);
        }
        doc_set(doc, "Blobs", blobs);
        doc_push(all, doc);
    }
    return all;
}

/* Every name that the same image has. */
static int tags_doc(struct image_tools *t, const struct image *i, json_t **ret, struct error *err)
{
    CLEANUP(store_images_done) struct store_images records = {0};
    const int r = store_image_list(t->store, NULL, NULL, &records, err);

    if (r < 0)
        return r;
    *ret = json_array();
    vec_each (record, &records) {
        if (!record->name || !digest_eq(&record->id, &i->record.id))
            continue;
        cleanup_free char *name = image_name_familiar(record->name);
        doc_push(*ret, doc_new_text(name));
    }
    return 0;
}

static int image_doc(struct image_tools *t, const struct image *i, json_t **ret, struct error *err)
{
    json_t *tags = NULL;
    uint64_t size = 0;
    char text[DIGEST_TEXT_MAX];
    int r = image_size(t, i, &size, err);

    if (r == 0)
        r = tags_doc(t, i, &tags, err);
    if (r < 0)
        return r;
    json_t *doc = json_object();
    doc_set_text(doc, "Id", digest_format(&i->record.id, text));
    doc_set(doc, "RepoTags", tags);
    doc_set_text(doc, "Created", i->config.created);
    doc_set_text(doc, "Author", i->config.author ? i->config.author : "");
    doc_set_text(doc, "Architecture", i->config.platform.architecture);
    if (*i->config.platform.variant)
        doc_set_text(doc, "Variant", i->config.platform.variant);
    doc_set_text(doc, "Os", i->config.platform.os);
    doc_set_int(doc, "Size", (int64_t)size);
    doc_set(doc, "Config", config_doc(i));
    doc_set(doc, "RootFS", rootfs_doc(i));
    doc_set(doc, "Layers", layers_doc(i));
    *ret = doc;
    return 0;
}

static int inspect(struct image_tools *t, const struct options *o, const char *name, json_t *all,
                   struct error *err)
{
    CLEANUP(image_freep) struct image *i = NULL;
    json_t *doc = NULL;
    int r = image_open_platform(t, name, o->platform, &i, err);

    if (r == 0)
        r = image_finish(t, i, err);
    if (r == 0)
        r = image_doc(t, i, &doc, err);
    if (r == 0)
        doc_push(all, doc);
    return r;
}

static int print(const struct env *env, const struct options *o, const json_t *all,
                 struct error *err)
{
    json_t *doc;
    size_t i;

    if (!o->format || strcmp(o->format, "json") == 0) {
        image_print_doc(env, all);
        return 0;
    }
    json_array_foreach(all, i, doc)
    {
        STR_AUTO(text);
        const int r = template_print(o->format, doc, &text, err);

        if (r < 0)
            return r;
        fprintf(env->out, "%s\n", text.at);
    }
    return 0;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    IMAGE_TOOLS_AUTO(t);
    cleanup_doc json_t *all = json_array();
    int r = image_tools_open(env, &t, err);

    for (char *const *name = arguments; r == 0 && *name; name++)
        r = inspect(&t, options, *name, all, err);
    if (r == 0)
        r = print(env, options, all, err);
    return image_exit(r);
}

static const struct option_row rows[] = {
    OPT_TEXT(0, "platform", struct options, platform, "PLATFORM",
             "of an image of several platforms, such as linux/arm64"),
    OPT_TEXT('f', "format", struct options, format, "FORMAT",
             "json, or a template such as '{{.Config.User}}' or '{{json .Config.Env}}'"),
    OPT_END,
};

const struct command_row cmd_inspect = {
    .name = "inspect",
    .group = "look at images",
    .arguments = "IMAGE...",
    .help = "print everything about images as JSON",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = -1,
    .run = run,
    .example = "cooper inspect -f '{{json .Config.Env}}' app:1",
};
