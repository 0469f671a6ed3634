/* cooper tree - an image and what speaks of it: signatures, attestations, SBOMs. */
#include <errno.h>

#include "base/text.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/table.h"
#include "image/place.h"
#include "image/tree.h"

struct options {
    const char *format;
    struct access_words access;
};

static const char *text_of(const json_t *doc, const char *key)
{
    return json_string_value(json_object_get(doc, key));
}

static void size_of(const json_t *doc, struct str *ret)
{
    const json_t *layers = json_object_get(doc, "layers"), *layer;
    json_int_t sum = json_integer_value(json_object_get(doc, "size"));
    size_t i;

    json_array_foreach(layers, i, layer)
    {
        sum += json_integer_value(json_object_get(layer, "size"));
    }
    text_size(ret, (uint64_t)sum);
}

/* What a stranger wrote goes to a terminal. */
static void add_clean(struct str *to, const char *text)
{
    for (; text && *text; text++)
        str_add_char(to, (unsigned char)*text < ' ' || *text == 127 ? '?' : *text);
}

static void print_list(const struct env *env, const json_t *doc, const char *key,
                       const char *before);

static void print_row(const struct env *env, const json_t *doc, const char *before, bool last)
{
    const char *kind = text_of(doc, "kind"), *type = text_of(doc, "predicateType");
    const char *digest = text_of(doc, "digest"), *tag = text_of(doc, "tag");
    cleanup_free char *below = xasprintf("%s%s", before, last ? "    " : "│   ");
    STR_AUTO(line);
    STR_AUTO(size);

    if (!type)
        type = text_of(doc, "artifactType");
    if (!type)
        type = text_of(doc, "platform");
    size_of(doc, &size);
    str_printf(&line, "%s%s ", before, last ? "└──" : "├──");
    if (kind)
        str_printf(&line, "%s ", kind);
    add_clean(&line, type ? type : text_of(doc, "mediaType"));
    str_printf(&line, " %s%s%s", digest ? digest : "", digest ? " " : "", size.at);
    if (tag)
        str_printf(&line, " (tag %s)", tag);
    fprintf(env->out, "%s\n", line.at);
    print_list(env, doc, "referrers", below);
}

static void print_list(const struct env *env, const json_t *doc, const char *key,
                       const char *before)
{
    const json_t *list = json_object_get(doc, key), *more = json_object_get(doc, "manifests");
    const bool is_last = strcmp(key, "referrers") != 0 || json_array_size(more) == 0;
    const json_t *item;
    size_t i;

    json_array_foreach(list, i, item)
    {
        print_row(env, item, before, is_last && i + 1 == json_array_size(list));
    }
}

static void print_tree(const struct env *env, const json_t *doc)
{
    const char *digest = text_of(doc, "digest");

    if (!digest)
        digest = text_of(doc, "id");
    fprintf(env->out, "%s%s%s\n", text_of(doc, "reference"), digest ? " " : "",
            digest ? digest : "");
    print_list(env, doc, "referrers", "");
    print_list(env, doc, "manifests", "");
}

/* "localhost:5000/app:1" is asked for where it says, "app:1" is the store's where that has it. */
static bool has_host(const char *text)
{
    const char *slash = strchr(text, '/');

    return slash &&
           (memchr(text, '.', (size_t)(slash - text)) ||
            memchr(text, ':', (size_t)(slash - text)) || strncmp(text, "localhost/", 10) == 0);
}

static int look_local(const struct env *env, const char *name, json_t **ret, struct error *err)
{
    IMAGE_TOOLS_AUTO(t);
    const int r = image_tools_open_store(env, &t, err);

    return r < 0 ? r : image_tree_local(&t, name, ret, err);
}

static int look(const struct env *env, const char *text, const struct wire_access *access,
                json_t **ret, struct error *err)
{
    CLEANUP(wire_freep) struct wire *w = wire_new(env, access, access);
    CLEANUP(site_closep) struct site *site = NULL;
    PLACE_AUTO(place);
    int r = place_parse(text, &place, err);

    if (r < 0)
        return r;
    if (place.kind == PLACE_STORE)
        return look_local(env, place.path, ret, err);
    if (!place_is_explicit(text) && !has_host(text) && look_local(env, text, ret, NULL) == 0)
        return 0;
    r = site_open(w, text, false, &site, err);
    if (r == 0)
        r = image_tree(site, ret, err);
    return r == -EINVAL ? -EIO : r; /* no fault of the command line */
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    CLEANUP(wire_access_done) struct wire_access access = {0};
    cleanup_doc json_t *doc = NULL;
    bool json;
    int r = format_is_json(o->format, &json, err);

    if (r == 0)
        r = access_read(&o->access, &access, err);
    if (r == 0)
        r = look(env, arguments[0], &access, &doc, err);
    if (r < 0)
        return image_exit(r);
    if (json)
        image_print_doc(env, doc);
    else
        print_tree(env, doc);
    return EXIT_DONE;
}

static const struct option_row rows[] = {
    OPT_TEXT(0, "format", struct options, format, "table|json",
             "how it is printed (default table)"),
    OPT_REGISTRY(struct options, access),
    OPT_END,
};

const struct command_row cmd_tree = {
    .name = "tree",
    .group = "ship and trust them",
    .arguments = "REF|oci:DIR[:TAG]|store:NAME",
    .help = "show what speaks of an image: signatures, attestations, SBOMs",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
    .example = "cooper tree localhost:5000/app:1",
};
