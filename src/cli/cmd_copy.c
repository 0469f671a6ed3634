/* cooper copy - an image from one registry or layout to another, beside the store. */
#include <errno.h>

#include "cli/commands.h"
#include "cli/images.h"
#include "image/copy.h"
#include "image/place.h"

struct options {
    const char *platform, *tls_verify;
    bool all_platforms, referrers;
};

static const struct option_row rows[] = {
    OPT_FLAG(0, "all-platforms", struct options, all_platforms,
             "of an index all images, not only one"),
    OPT_TEXT(0, "platform", struct options, platform, "OS/ARCH",
             "which image of an index (default: this machine's)"),
    OPT_FLAG(0, "referrers", struct options, referrers,
             "what speaks of the image too: signatures, attestations, SBOMs"),
    OPT_TLS_VERIFY(struct options),
    OPT_END,
};

int copy_images(const struct env *env, const struct copy_options *o, const char *tls_verify,
                struct error *err)
{
    enum wire_tls tls = WIRE_TLS_DEFAULT;
    char text[DIGEST_TEXT_MAX];
    struct digest d;
    int r = place_tls(tls_verify, &tls, err);

    if (r < 0)
        return image_exit(r);
    CLEANUP(wire_freep) struct wire *w = wire_new(env, tls);
    wire_keep_uploads(w, NULL);
    r = image_copy(w, o, &d, err);
    if (r < 0)
        return EXIT_FAILED;
    if (env->quiet)
        fprintf(env->out, "%s\n", digest_format(&d, text));
    else
        fprintf(env->out, "Copied %s to %s: %s\n", o->from, o->to, digest_format(&d, text));
    return EXIT_DONE;
}

static int run(const struct env *env, const void *given, char *const *arguments, struct error *err)
{
    const struct options *o = given;
    struct platform platform;
    const struct copy_options copy = {.from = arguments[0],
                                      .to = arguments[1],
                                      .all_platforms = o->all_platforms,
                                      .platform = o->platform ? &platform : NULL,
                                      .referrers = o->referrers};
    int r = o->platform ? platform_parse(o->platform, &platform, err) : 0;

    if (r == 0 && o->platform && o->all_platforms)
        r = error_set(err, -EINVAL, "--platform is one, --all-platforms are all");
    return r < 0 ? image_exit(r) : copy_images(env, &copy, o->tls_verify, err);
}

const struct command_row cmd_copy = {
    .name = "copy",
    .group = "ship and trust them",
    .arguments = "SRC DST",
    .help = "copy an image from one registry or layout to another",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run,
    .example = "cooper copy --all-platforms debian:bookworm localhost:5000/debian:bookworm",
};
