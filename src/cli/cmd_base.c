/* cooper base - a base image straight from the distribution's signed packages. */
#include <errno.h>

#include "cli/commands.h"
#include "distro/base.h"
#include "image/export.h"

struct options {
    const char *name, *variant, *from, *keyring, *lock, *user;
    struct strings include, mirrors, outputs;
    bool no_cache;
};

static const struct option_row options[] = {
    OPT_TEXT('t', "tag", struct options, name, "NAME[:TAG]",
             "name of the image (default debian:SUITE-VARIANT)"),
    OPT_TEXTS(0, "include", struct options, include, "PKG[,PKG]...", "further packages"),
    OPT_TEXT(0, "variant", struct options, variant, "minbase|distroless|static|cc|python3",
             "what it holds (default minbase)"),
    OPT_TEXT(0, "from", struct options, from, "debian:SUITE",
             "distribution and release (default debian:bookworm)"),
    OPT_TEXTS(0, "mirror", struct options, mirrors, "URL",
              "instead of the machine's apt sources: a URL or a line of sources.list"),
    OPT_TEXT(0, "keyring", struct options, keyring, "FILE",
             "keys that must have signed the release"),
    OPT_TEXT(0, "lock", struct options, lock, "FILE",
             "packages with versions and digests: written when absent, else reproduced"),
    OPT_TEXT('u', "user", struct options, user, "USER", "user of the image, such as nonroot"),
    OPT_TEXTS('o', "output", struct options, outputs, "type=T,dest=D",
              "write it there: oci, oci-archive, docker-archive, tar, local"),
    OPT_FLAG(0, "no-cache", struct options, no_cache, "choose and make anew, whatever is known"),
    OPT_END,
};

static int parse_variant(const char *text, enum variant *ret, struct error *err)
{
    const struct variant_row *row = variant_by_name(text ? text : "minbase");
    STR_AUTO(known);

    if (row) {
        *ret = row->variant;
        return 0;
    }
    for (size_t i = 0; i < variant_count; i++)
        str_printf(&known, "%s%s", i ? ", " : "", variant_rows[i].name);
    error_set(err, -EINVAL, "variant '%s' is not known", text);
    return error_hint(err, -EINVAL, "there are %s", known.at);
}

/* Part of URLs and of the image's name. */
static int parse_from(const char *text, const char **ret, struct error *err)
{
    static const char prefix[] = "debian:";
    const char *suite = text ? text : "debian:bookworm";

    if (strncmp(suite, prefix, strlen(prefix)) != 0) {
        error_set(err, -EINVAL, "distribution '%s' is not known", suite);
        return error_hint(err, -EINVAL, "write debian:SUITE, such as debian:bookworm");
    }
    suite += strlen(prefix);
    if (!*suite || strlen(suite) > 60 ||
        strspn(suite, "abcdefghijklmnopqrstuvwxyz0123456789-.") != strlen(suite))
        return error_set(err, -EINVAL, "suite '%s' is none", suite);
    *ret = suite;
    return 0;
}

static void split_names(const struct strings *from, struct strings *ret)
{
    vec_each (item, from) {
        struct view rest = view_of(*item), name;

        while (view_cut(&rest, ',', &name))
            if (view_trim(name).size > 0)
                strings_take(ret, view_dup(view_trim(name)));
    }
}

static int put_outputs(struct image_tools *t, struct image *i, const struct strings *texts,
                       const char *name, struct error *err)
{
    CLEANUP(outputs_done) struct outputs outputs = {0};
    int r = outputs_parse(texts, &outputs, err);

    for (size_t n = 0; r >= 0 && n < outputs.size; n++) {
        CLEANUP(strings_done) struct strings names = {0};

        if (outputs.at[n].names.size == 0)
            strings_add(&names, name);
        r = image_export(t, i, &outputs.at[n], &names, NULL, err);
    }
    return r;
}

/* With --output the store gets it only when -t says so, as `cooper build` has it. */
static int finish(struct image_tools *t, struct image *i, const struct options *o, const char *name,
                  struct error *err)
{
    char text[DIGEST_TEXT_MAX];
    int r = image_finish(t, i, err);

    if (r >= 0 && (o->name || o->outputs.size == 0))
        r = image_save(t, i, name, err);
    if (r >= 0)
        r = put_outputs(t, i, &o->outputs, name, err);
    if (r >= 0 && o->outputs.size == 0)
        fprintf(t->env->out, "%s\n", digest_format(&i->record.id, text));
    return r;
}

static int run(const struct env *env, const void *ctx, char *const *arguments, struct error *err)
{
    const struct options *o = ctx;
    CLEANUP(strings_done) struct strings include = {0};
    CLEANUP(image_freep) struct image *image = NULL;
    IMAGE_TOOLS_AUTO(tools);
    struct base_options b = {.apt_root = "/",
                             .keyring = o->keyring,
                             .lock = o->lock,
                             .user = o->user,
                             .mirrors = &o->mirrors,
                             .include = &include,
                             .no_cache = o->no_cache};

    (void)arguments;
    if (parse_variant(o->variant, &b.variant, err) < 0 || parse_from(o->from, &b.suite, err) < 0)
        return EXIT_USAGE;
    split_names(&o->include, &include);
    cleanup_free char *name =
        o->name ? xstrdup(o->name)
                : xasprintf("debian:%s-%s", b.suite, o->variant ? o->variant : "minbase");
    int r = image_tools_open(env, &tools, err);
    if (r >= 0)
        r = base_make(&tools, &b, &image, err);
    if (r >= 0)
        r = finish(&tools, image, o, name, err);
    return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

const struct command_row cmd_base = {
    .name = "base",
    .group = "make images",
    .arguments = "",
    .help = "a base image straight from the distribution's signed packages",
    .options = options,
    .options_size = sizeof(struct options),
    .run = run,
    .example = "cooper base -t base --variant cc --from debian:bookworm",
};
