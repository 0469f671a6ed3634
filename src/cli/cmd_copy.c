/* cooper copy - an image from one place to another, beside the store where the store is none of them. */
#include <errno.h>

#include "cli/access.h"
#include "cli/commands.h"
#include "cli/images.h"
#include "cli/transfer.h"

struct options {
    const char *platform, *multi_arch, *form, *compression, *level, *digest_file;
    struct access_words both, from, to;
    bool all_platforms, all, referrers, foreign, immutable, preserve;
};

static const struct option_row rows[] = {
    OPT_FLAG(0, "all-platforms", struct options, all_platforms,
             "of an index all images, not only one"),
    OPT_FLAG('a', "all", struct options, all, "the same, by skopeo's name"),
    OPT_TEXT(0, "multi-arch", struct options, multi_arch, "system|all|index-only",
             "of an index one image, all, or nothing but itself"),
    OPT_TEXT(0, "platform", struct options, platform, "OS/ARCH[,OS/ARCH...]",
             "which image of an index (default: this machine's), or a shorter index"),
    OPT_TEXT('f', "format", struct options, form, "oci|v2s2",
             "the form of manifests (default: as they are)"),
    OPT_TEXT(0, "dest-compress-format", struct options, compression,
             "gzip|zstd|zstd:chunked|estargz|uncompressed", "layers are packed anew"),
    OPT_TEXT(0, "dest-compress-level", struct options, level, "N|max", "how hard"),
    OPT_FLAG(0, "preserve-digests", struct options, preserve,
             "fail where a digest would be another one"),
    OPT_FLAG(0, "referrers", struct options, referrers,
             "what speaks of the image too: signatures, attestations, SBOMs"),
    OPT_FLAG(0, "allow-nondistributable-artifacts", struct options, foreign,
             "send layers that are not to be passed on, too"),
    OPT_FLAG(0, "immutable", struct options, immutable,
             "refuse when the tag is there and has another image"),
    OPT_TEXT(0, "digestfile", struct options, digest_file, "FILE", "write the digest there"),
    OPT_AUTH_FILE(struct options, both),
    OPT_TLS_VERIFY(struct options, both),
    OPT_REGISTRY_OF("src-", "the source", struct options, from),
    OPT_REGISTRY_OF("dest-", "the destination", struct options, to),
    OPT_END,
};

static int write_digest(const char *file, const struct digest *d, struct error *err)
{
    char text[DIGEST_TEXT_MAX];

    return file ? fd_replace_file(AT_FDCWD, file, view_of(digest_format(d, text)), 0644, err) : 0;
}

static void tell(const struct env *env, const char *from, const char *to, const struct digest *d)
{
    char text[DIGEST_TEXT_MAX];

    if (strcmp(to, "docker-archive:-") == 0 || strcmp(to, "oci-archive:-") == 0)
        return;
    if (env->quiet)
        fprintf(env->out, "%s\n", digest_format(d, text));
    else
        fprintf(env->out, "Copied %s to %s: %s\n", from, to, digest_format(d, text));
}

struct sides {
    struct wire_access from, to;
};

static void sides_done(struct sides *s)
{
    wire_access_done(&s->from);
    wire_access_done(&s->to);
}

static int copy(const struct env *env, const struct copy_options *o, const struct wire_access *from,
                const struct wire_access *to, struct digest *ret, struct error *err)
{
    CLEANUP(wire_freep) struct wire *w = wire_new(env, from, to);

    wire_keep_uploads(w, NULL);
    const int r = image_copy(w, o, ret, err);
    if (r == 0)
        tell(env, o->from, o->to, ret);
    return r == -EINVAL ? -EIO : r; /* no fault of the command line */
}

int copy_images(const struct env *env, const struct copy_options *o,
                const struct wire_access *access, struct error *err)
{
    struct digest d;

    return image_exit(copy(env, o, access, access, &d, err));
}

/* ---- by way of the store ---- */

/* Its own images, and what has to be packed anew or is docker's archive. */
static bool needs_store(const struct place *from, const struct place *to, const struct transfer *x)
{
    return x->compression || from->kind == PLACE_STORE || to->kind == PLACE_STORE ||
           from->kind == PLACE_DOCKER_ARCHIVE || to->kind == PLACE_DOCKER_ARCHIVE;
}

static int check_store(const struct copy_options *o, struct error *err)
{
    if (o->referrers)
        return error_set(err, -EINVAL,
                         "--referrers is for registries and layouts, and for layers as they are");
    if (o->preserve)
        return error_set(
            err, -EINVAL,
            "--preserve-digests is for registries and layouts, and for layers as they are");
    if (o->index_only)
        return error_set(err, -EINVAL, "--multi-arch index-only is for registries and layouts");
    return 0;
}

static int open_own(struct image_tools *t, const struct transfer *x, const char *name,
                    struct load_result *ret, struct error *err)
{
    const struct copy_options *o = &x->choice;
    struct image **all = NULL, *one = NULL;
    size_t count = 0;
    int r = 0;

    if (o->all_platforms) {
        r = image_open_all(t, name, &all, &count, err);
        for (size_t i = 0; i < count; i++)
            vec_push(ret, all[i]);
        free(all);
        return r;
    }
    for (size_t i = 0; r == 0 && i < MAX(o->platform_count, (size_t)1); i++) {
        r = image_open_for(t, name, o->platform_count ? &o->platforms[i] : NULL, &one, err);
        if (r == 0)
            vec_push(ret, one);
    }
    return r;
}

static int through_store(const struct env *env, struct transfer *x, const struct sides *sides,
                         const struct place *from, const struct place *to, struct digest *ret,
                         struct error *err)
{
    CLEANUP(load_result_done) struct load_result images = {0};
    CLEANUP(transfer_index_done) struct transfer_index index = {0};
    IMAGE_TOOLS_AUTO(t);
    int r = image_tools_open(env, &t, err);

    x->index = x->compression ? &index : NULL;
    t.access = &sides->from;
    t.write = &sides->to;
    if (r == 0)
        r = from->kind == PLACE_STORE
                ? open_own(&t, x, from->path, &images, err)
                : transfer_in(&t, x->choice.from, x, NULL, true, &images, err);
    if (r == 0 && images.size == 0)
        r = error_set(err, -ENOENT, "there is no image");
    if (r == 0 && images.size > 1 && !x->choice.all_platforms && x->choice.platform_count < 2)
        r = error_set(err, -ENOTUNIQ, "the archive has %zu images: name one", images.size);
    if (r == 0)
        r = transfer_out(&t, images.at, images.size, x, to, ret, err);
    if (r == 0)
        tell(env, x->choice.from, x->choice.to, ret);
    if (r < 0)
        r = error_wrap(err, r, "copy %s to %s", x->choice.from, x->choice.to);
    return r == -EINVAL ? -EIO : r; /* no fault of the command line */
}

/* ---- the command ---- */

static int read_options(const struct options *o, struct platforms *platforms, struct transfer *ret,
                        struct error *err)
{
    struct copy_options *c = &ret->choice;
    int r = transfer_platforms(o->platform, platforms, err);

    *ret = (struct transfer){.compression = o->compression,
                             .level = o->level,
                             .form = o->form,
                             .immutable = o->immutable};
    c->all_platforms = o->all_platforms || o->all;
    c->platforms = platforms->at;
    c->platform_count = platforms->size;
    c->referrers = o->referrers;
    c->foreign = o->foreign;
    c->immutable = o->immutable;
    c->preserve = o->preserve;
    if (r == 0)
        r = transfer_multi_arch(o->multi_arch, c, err);
    if (r == 0)
        r = transfer_form(o->form, &c->form, err);
    if (r == 0 && o->platform && (c->all_platforms || c->index_only))
        r = error_set(err, -EINVAL, "--platform is one, --all-platforms are all");
    if (r == 0 && o->level && !o->compression)
        r = error_set(err, -EINVAL, "--dest-compress-level wants a --dest-compress-format");
    return r < 0 ? r : transfer_check(ret, err);
}

/* What is said of both holds where nothing is said of one. */
static int read_side(const struct options *o, const struct access_words *own,
                     struct wire_access *ret, struct error *err)
{
    struct access_words words = *own;

    if (!words.auth_file)
        words.auth_file = o->both.auth_file;
    if (!words.tls_verify)
        words.tls_verify = o->both.tls_verify;
    return access_read(&words, ret, err);
}

static int run(const struct env *env, const void *given, char *const *arguments, struct error *err)
{
    const struct options *o = given;
    struct transfer x;
    struct digest d;
    CLEANUP(sides_done) struct sides sides = {0};
    PLATFORMS_AUTO(platforms);
    PLACE_AUTO(from);
    PLACE_AUTO(to);
    int r = read_options(o, &platforms, &x, err);

    x.choice.from = arguments[0];
    x.choice.to = arguments[1];
    if (r == 0)
        r = place_parse(arguments[0], &from, err);
    if (r == 0)
        r = place_parse(arguments[1], &to, err);
    if (r == 0)
        r = read_side(o, &o->from, &sides.from, err);
    if (r == 0)
        r = read_side(o, &o->to, &sides.to, err);
    if (r < 0)
        return image_exit(r);
    if (needs_store(&from, &to, &x)) {
        r = check_store(&x.choice, err);
        if (r == 0)
            r = through_store(env, &x, &sides, &from, &to, &d, err);
    } else {
        r = copy(env, &x.choice, &sides.from, &sides.to, &d, err);
    }
    if (r == 0)
        r = write_digest(o->digest_file, &d, err);
    return image_exit(r);
}

const struct command_row cmd_copy = {
    .name = "copy",
    .group = "ship and trust them",
    .arguments = "SRC DST",
    .help = "copy an image from one place to another",
    .options = rows,
    .options_size = sizeof(struct options),
    .arguments_min = 2,
    .arguments_max = 2,
    .run = run,
    .example = "cooper copy --all-platforms debian:bookworm localhost:5000/debian:bookworm",
};
