/* cooper rmi - take names away from images, and images out of the store; tags out of registries. */
#include <errno.h>

#include "cli/access.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "image/place.h"
#include "image/retract.h"

#define REGISTRY "docker://"

struct options {
    bool force;
    struct access_words access;
};

/* The names of the image with this id; how many there are. */
static int names_of(struct image_tools *t, const struct digest *id, struct strings *ret,
                    struct error *err)
{
    CLEANUP(store_images_done) struct store_images records = {0};
    const int r = store_image_list(t->store, NULL, NULL, &records, err);

    vec_each (record, &records) {
        if (r == 0 && record->name && digest_eq(&record->id, id))
            strings_add(ret, record->name);
    }
    return r;
}

/* The name, and the records of other platforms that belong to it. */
static int untag(struct image_tools *t, const char *name, struct error *err)
{
    cleanup_free char *familiar = image_name_familiar(name);
    CLEANUP(strings_done) struct strings others = {0};
    struct store_image record = {0};

    if (store_image_get(t->store, name, &record, NULL) == 0)
        image_other_names(&record, &others);
    store_image_done(&record);
    const int r = store_image_remove(t->store, name, NULL, err);
    for (size_t i = 0; r == 0 && i < others.size; i++)
        (void)!store_image_remove(t->store, others.at[i], NULL, NULL); /* gone already is fine */
    if (r == 0)
        fprintf(t->env->out, "Untagged: %s\n", familiar);
    return r;
}

static void tell_deleted(struct image_tools *t, const struct digest *id)
{
    char text[DIGEST_TEXT_MAX];

    if (!digest_is_zero(id))
        fprintf(t->env->out, "Deleted: %s\n", digest_format(id, text));
}

/* By name: that name goes. By id: all names go, which docker wants to be told twice. */
static int remove_image(struct image_tools *t, const struct options *o, const char *text,
                        struct error *err)
{
    CLEANUP(image_freep) struct image *i = NULL;
    CLEANUP(strings_done) struct strings names = {0};
    cleanup_free char *canonical = NULL;
    int r = image_open(t, text, &i, err);

    if (r == 0)
        r = names_of(t, &i->record.id, &names, err);
    if (r < 0)
        return r;
    if (i->record.name && image_name_canonical(text, &canonical, NULL) == 0 &&
        strcmp(canonical, i->record.name) == 0) {
        r = untag(t, canonical, err);
        if (r == 0 && names.size <= 1)
            tell_deleted(t, &i->record.id);
        return r;
    }
    if (names.size > 1 && !o->force)
        return error_hint(err,
                          error_set(err, -EBUSY, "image '%.80s' has %zu names", text, names.size),
                          "remove them by name, or all at once with --force");
    vec_each (name, &names) {
        if (r == 0)
            r = untag(t, *name, err);
    }
    if (r == 0 && names.size == 0)
        r = store_image_remove(t->store, NULL, &i->record.id, err);
    if (r == 0)
        tell_deleted(t, &i->record.id);
    return r;
}

static bool is_remote(const char *text)
{
    return strncmp(text, REGISTRY, strlen(REGISTRY)) == 0;
}

static int remove_remote(struct image_tools *t, const char *text, struct error *err)
{
    REFERENCE_AUTO(ref);
    int r = reference_parse(text + strlen(REGISTRY), &ref, err);

    if (r == 0)
        r = image_retract(image_wire(t), &ref, err);
    if (r < 0)
        return r;
    cleanup_free char *name = reference_familiar(&ref);
    fprintf(t->env->out, "%s: %s\n", ref.has_digest ? "Deleted" : "Untagged", name);
    return 0;
}

/* All are tried; every failure is told, the last one in err. */
static int remove_all(struct image_tools *t, const struct options *o, char *const *names,
                      struct error *err)
{
    int failed = 0;

    for (; *names; names++) {
        ERROR_AUTO(why);
        const int r =
            is_remote(*names) ? remove_remote(t, *names, &why) : remove_image(t, o, *names, &why);

        if (r == 0 || (r == -ENOENT && o->force))
            continue;
        if (failed < 0)
            cli_show_error(t->env, err);
        error_done(err);
        failed = error_move(err, &why);
    }
    return failed;
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    CLEANUP(wire_access_done) struct wire_access access = {0};
    bool local = false;
    IMAGE_TOOLS_AUTO(t);
    int r = 0;

    for (char *const *name = arguments; *name; name++)
        local = local || !is_remote(*name);
    if (local)
        r = image_tools_open(env, &t, err);
    t.env = env;
    t.access = &access;
    if (r == 0)
        r = access_read(&o->access, &access, err);
    if (r == 0)
        r = remove_all(&t, o, arguments, err);
    return image_exit(r);
}

static const struct option_row rows[] = {
    OPT_FLAG('f', "force", struct options, force,
             "remove all names of an id; images that are not there are no error"),
    OPT_REGISTRY(struct options, access),
    OPT_END,
};

const struct command_row cmd_rmi = {
    .name = "rmi",
    .group = "look at images",
    .arguments = "IMAGE|docker://REF...",
    .help = "remove images, or tags of registries",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 1,
    .arguments_max = -1,
    .run = run,
    .example = "cooper rmi app:1",
};
