/* cooper load - images out of archives and layouts. */
#include <errno.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/images.h"
#include "image/load.h"

struct options {
    const char *input, *name, *platform;
};

/* DIR:TAG where there is no such file; skopeo's names of transports may stand before it. */
static void split_tag(const char *text, char **ret_path, const char **ret_tag)
{
    static const char *const transports[] = {"oci:", "oci-archive:", "docker-archive:"};

    for (size_t i = 0; i < ARRAY_SIZE(transports) && access(text, F_OK) < 0; i++)
        if (strncmp(text, transports[i], strlen(transports[i])) == 0)
            text += strlen(transports[i]);
    const char *colon = strrchr(text, ':');
    *ret_tag = NULL;
    if (!colon || colon == text || strchr(colon, '/') || access(text, F_OK) == 0) {
        *ret_path = xstrdup(text);
        return;
    }
    *ret_path = xstrndup(text, (size_t)(colon - text));
    *ret_tag = colon + 1;
}

/* As docker: each name, and the ids of those without one. */
static void tell(const struct env *env, const struct load_result *loaded)
{
    char text[DIGEST_TEXT_MAX];

    if (!env->quiet)
        vec_each (canonical, &loaded->names) {
            cleanup_free char *name = image_name_familiar(*canonical);
            fprintf(env->out, "Loaded image: %s\n", name);
        }
    vec_each (at, loaded) {
        const struct store_image *i = &(*at)->record;
        if (env->quiet)
            fprintf(env->out, "%s\n", digest_format(&i->id, text));
        else if (!i->name)
            fprintf(env->out, "Loaded image ID: %s\n", digest_format(&i->id, text));
    }
}

static int run(const struct env *env, const void *options, char *const *arguments,
               struct error *err)
{
    const struct options *o = options;
    const char *input = o->input ? o->input : arguments[0] ? arguments[0] : "-";
    struct load_options load = {.name = o->name};
    struct platform platform;
    cleanup_free char *path = NULL;
    CLEANUP(load_result_done) struct load_result result = {0};
    IMAGE_TOOLS_AUTO(t);
    int r = o->platform ? platform_parse(o->platform, &platform, err) : 0;

    if (r == 0 && strcmp(input, "-") == 0 && isatty(0))
        r = error_hint(err, error_set(err, -EINVAL, "standard input is a terminal"),
                       "say -i FILE, or redirect an archive into it");
    if (r < 0)
        return image_exit(r);
    split_tag(input, &path, &load.tag);
    load.path = path;
    load.platform = o->platform ? &platform : NULL;
    r = image_tools_open(env, &t, err);
    if (r == 0)
        r = image_load(&t, &load, &result, err);
    tell(env, &result);
    return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static const struct option_row rows[] = {
    OPT_TEXT('i', "input", struct options, input, "FILE|DIR[:TAG]",
             "an archive or a layout directory (default: standard input)"),
    OPT_TEXT('t', "tag", struct options, name, "NAME[:TAG]", "the name it gets"),
    OPT_TEXT(0, "platform", struct options, platform, "OS/ARCH", "which image of an index"),
    OPT_END,
};

const struct command_row cmd_load = {
    .name = "load",
    .group = "look at images",
    .arguments = "[FILE]",
    .help = "bring in images of docker, podman or skopeo",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_max = 1,
    .run = run,
    .example = "docker save app:1 | cooper load",
};
