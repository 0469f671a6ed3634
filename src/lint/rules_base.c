/* rules_base.c - what FROM (and --from of COPY and RUN) builds on. */
#include <ctype.h>

#include "lint/base.h"
#include "lint/facts_run.h"
#include "lint/image.h"
#include "lint/rule.h"
#include "oci/platform.h"

struct image_name lint_image_cut(struct view text)
{
    struct image_name n = {0};
    const char *at = text.size ? memchr(text.at, '@', text.size) : NULL;

    n.has_digest = at != NULL;
    if (at)
        text.size = (size_t)(at - text.at);
    const char *slash = text.size ? memchr(text.at, '/', text.size) : NULL;
    const struct view first = view_make(text.at, slash ? (size_t)(slash - text.at) : 0);
    if (first.size > 0 && (memchr(first.at, '.', first.size) || memchr(first.at, ':', first.size) ||
                           view_eq_text(first, "localhost"))) {
        n.registry = first;
        text = view_make(slash + 1, text.size - first.size - 1);
    }
    const char *colon = text.size ? memrchr(text.at, ':', text.size) : NULL;
    n.has_tag = colon != NULL;
    n.path = view_make(text.at, colon ? (size_t)(colon - text.at) : text.size);
    if (colon)
        n.tag = view_make(colon + 1, text.size - n.path.size - 1);
    return n;
}

bool lint_is_base(const struct lint_stage *s)
{
    return s->from && !s->parent && s->image.size > 0 && !view_eq_text(s->image, "scratch") &&
           !lint_has_variable(s->image);
}

struct span lint_image_span(const struct lint_stage *s)
{
    return s->from->words[0].span;
}

struct view lint_image_short(struct view image, struct view path)
{
    static const char *const prefixes[] = {"docker.io/", "index.docker.io/", "library/"};
    struct view name = view_make(image.at, (size_t)(path.at - image.at) + path.size);

    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (view_starts(name, prefixes[i]))
            name = view_make(name.at + strlen(prefixes[i]), name.size - strlen(prefixes[i]));
    return name;
}

/* ---- tags ---- */

static void check_untagged(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    const struct image_name n = lint_image_cut(s->image);

    (void)in;
    if (lint_is_base(s) && !n.has_tag && !n.has_digest)
        lint_add(l, lint_image_span(s),
                 "'%.*s' has no tag: the newest image is taken, whatever it is",
                 LINT_CUT(s->image));
}

static void check_latest(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    const struct image_name n = lint_image_cut(s->image);

    (void)in;
    if (lint_is_base(s) && view_eq_text(n.tag, "latest") && !n.has_digest)
        lint_add(l, lint_image_span(s), "'%.*s' is whatever was pushed last", LINT_CUT(s->image));
}

/* An id ("sha256:...", hexadecimal digits) is no name. */
static bool is_id(struct view name)
{
    size_t digits = 0;

    while (digits < name.size && isxdigit((unsigned char)name.at[digits]))
        digits++;
    return view_starts(name, "sha256:") || (digits == name.size && digits >= 12);
}

static void check_run_latest(struct lint *l, const struct run_facts *f)
{
    if (f->image.said != RUN_YES || is_id(view_of(f->image.text)))
        return;
    const struct view image = view_of(f->image.text);
    const struct image_name n = lint_image_cut(image);
    if (!n.has_digest && (n.tag.size == 0 || view_eq_text(n.tag, "latest")))
        lint_add_place(l, f->image.at.path, f->image.at.span, "'%.*s' is whatever was pushed last",
                       LINT_CUT(image));
}

/* "3", "v2", "3-slim": the minor version changes below it. */
static bool is_major_only(struct view tag)
{
    size_t n = 0;

    if (tag.size > 0 && tag.at[0] == 'v')
        tag = view_make(tag.at + 1, tag.size - 1);
    while (n < tag.size && isdigit((unsigned char)tag.at[n]))
        n++;
    return n > 0 && n <= 3 && (n == tag.size || tag.at[n] == '-');
}

static void check_floating(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    static const char *const words[] = {"lts",     "stable",   "edge", "current",  "nightly",
                                        "main",    "master",   "dev",  "devel",    "rolling",
                                        "testing", "unstable", "sid",  "mainline", "rawhide",
                                        "beta",    "alpha",    NULL};
    const struct image_name n = lint_image_cut(s->image);
    struct view rest = n.tag, first = VIEW("");

    (void)in;
    if (!lint_is_base(s) || n.has_digest || !n.has_tag)
        return;
    (void)view_cut(&rest, '-', &first);
    if (lint_view_in(first, words) || is_major_only(n.tag))
        lint_add(l, lint_image_span(s),
                 "tag '%.*s' moves: the same line gives another image next month", LINT_CUT(n.tag));
}

/* A digest freezes a base until somebody raises it: it is written into a file only where --enable asked for that by name. */
static bool is_asked_for(const struct lint *l)
{
    for (size_t i = l->options->override_count; i-- > 0;)
        if (lint_row_named(l->row, view_of(l->options->overrides[i].name)))
            return l->options->overrides[i].on;
    return false;
}

static const char *pinned(struct lint *l, const struct lint_stage *s)
{
    struct digest d;
    char text[DIGEST_TEXT_MAX];

    if (!l->options->fetched || !is_asked_for(l) || !lint_image_cut(s->image).has_tag ||
        s->from->words[0].text.size != s->image.size ||
        !l->options->fetched(l->options->stored_ctx, s->image, &d))
        return NULL;
    return arena_printf(l->arena, "%.*s@%s", VIEW_ARG(s->image), digest_format(&d, text));
}

static void check_digest(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    (void)in;
    if (!lint_is_base(s) || lint_image_cut(s->image).has_digest)
        return;
    const char *text = pinned(l, s);
    if (text)
        lint_add_edit(l, lint_image_span(s), lint_image_span(s), text,
                      "'%.*s' is not pinned by a digest", LINT_CUT(s->image));
    else
        lint_add(l, lint_image_span(s), "'%.*s' is not pinned by a digest", LINT_CUT(s->image));
}

/* What COPY takes out of an image, and what reads the file: '/' or ':' make a name that of an image. */
static void check_copy_digest(struct lint *l, const struct lint_stage *s,
                              const struct instruction *in)
{
    const struct view from = instruction_flag(in, "from");

    if (in->kind == INSTRUCTION_FROM) {
        check_digest(l, s, in);
        return;
    }
    if (from.size > 0 && !lint_has_variable(from) && !lint_image_cut(from).has_digest &&
        (memchr(from.at, ':', from.size) || memchr(from.at, '/', from.size)) &&
        !lint_stage_find(l, from, s->from ? s->index : 0))
        lint_add(l, lint_flag_span(in, "from"), "'%.*s' is not pinned by a digest", LINT_CUT(from));
}

static void check_syntax_digest(struct lint *l)
{
    for (size_t i = 0; i < l->d->directive_count; i++) {
        const struct directive *d = &l->d->directives[i];
        if (view_eq_text(d->name, "syntax") && !lint_image_cut(d->value).has_digest)
            lint_add(l, d->span, "the front end '%.*s' is not pinned by a digest",
                     LINT_CUT(d->value));
    }
}

/* ---- registries ---- */

static bool pattern_matches(struct view pattern, struct view name)
{
    if (view_eq_text(pattern, "*"))
        return true;
    if (view_starts(pattern, "*"))
        return name.size >= pattern.size - 1 && memcmp(name.at + name.size - (pattern.size - 1),
                                                       pattern.at + 1, pattern.size - 1) == 0;
    if (view_ends(pattern, "*"))
        return name.size >= pattern.size - 1 && memcmp(name.at, pattern.at, pattern.size - 1) == 0;
    return view_eq(pattern, name);
}

static bool is_trusted(const struct lint *l, struct view image)
{
    struct view registry = lint_image_cut(image).registry;

    if (registry.size == 0)
        registry = VIEW("docker.io");
    for (size_t i = 0; i < l->options->trusted->size; i++) {
        struct view pattern = view_of(l->options->trusted->at[i]);
        if (view_eq_text(pattern, "hub.docker.com") || view_eq_text(pattern, "index.docker.io"))
            pattern = VIEW("docker.io");
        if (pattern_matches(pattern, registry))
            return true;
    }
    return false;
}

static void check_image_trusted(struct lint *l, const struct lint_stage *s, struct view image,
                                struct span span)
{
    if (image.size == 0 || view_eq_text(image, "scratch") || lint_has_variable(image) ||
        lint_stage_find(l, image, s->from ? s->index : 0) || is_trusted(l, image))
        return;
    lint_add(l, span, "the registry of '%.*s' is not among those that are trusted",
             LINT_CUT(image));
}

static void check_trusted(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    size_t count = 0;

    if (!l->options->trusted || l->options->trusted->size == 0)
        return;
    if (in->kind == INSTRUCTION_FROM) {
        if (lint_is_base(s))
            check_image_trusted(l, s, s->image, lint_image_span(s));
        return;
    }
    if (in->kind == INSTRUCTION_COPY) {
        const struct view from = instruction_flag(in, "from");
        check_image_trusted(l, s, from.at ? from : VIEW(""), lint_flag_span(in, "from"));
        return;
    }
    const struct mount_spec *mounts = in->flag_count ? lint_mounts(l, in, &count) : NULL;
    for (size_t i = 0; i < count; i++)
        check_image_trusted(l, s, view_of(mounts[i].from), lint_flag_span(in, "mount"));
}

/* ---- platform ---- */

static bool names_platform(struct view v)
{
    return v.size && (memmem(v.at, v.size, "BUILDPLATFORM", 13) ||
                      memmem(v.at, v.size, "TARGETPLATFORM", 14));
}

static void check_platform(struct lint *l, const struct lint_stage *s, const struct instruction *in)
{
    const struct view platform = instruction_flag(in, "platform");

    (void)s;
    if (platform.size > 0 && !names_platform(platform))
        lint_add(l, lint_flag_span(in, "platform"),
                 "--platform=%.*s binds the stage to one platform", LINT_CUT(platform));
}

/* "my_amd64_stage" of linux/amd64 says what it is. */
static bool name_says_platform(struct view platform, struct view name)
{
    struct view part;

    while (platform.at && view_cut(&platform, '/', &part))
        if (part.size > 0 && name.size >= part.size &&
            memmem(name.at, name.size, part.at, part.size))
            return true;
    return false;
}

static void check_platform_constant(struct lint *l, const struct lint_stage *s,
                                    const struct instruction *in)
{
    const struct view platform = instruction_flag(in, "platform");

    if (platform.size > 0 && !lint_has_variable(platform) && !name_says_platform(platform, s->name))
        lint_add(l, lint_flag_span(in, "platform"),
                 "FROM --platform flag should not use constant value \"%.*s\"", LINT_CUT(platform));
}

static void check_platform_redundant(struct lint *l, const struct lint_stage *s,
                                     const struct instruction *in)
{
    const struct view platform = instruction_flag(in, "platform");

    (void)s;
    if (view_eq_text(platform, "$TARGETPLATFORM") || view_eq_text(platform, "${TARGETPLATFORM}"))
        lint_add(l, lint_flag_span(in, "platform"),
                 "Setting platform to predefined %.*s in FROM is redundant as this is the default "
                 "behavior",
                 LINT_CUT(platform));
}

/* What the build would start from is in the store, and for another machine. Only what is built for this one is asked: the
 * store may have more than the one that has the name. */
static void check_base_platform(struct lint *l, const struct lint_stage *s,
                                const struct instruction *in)
{
    const struct view flag = instruction_flag(in, "platform");
    const struct image_config *base = lint_is_base(s) ? lint_stored_base(l, s) : NULL;
    const struct platform want = platform_host();
    char have_text[PLATFORM_TEXT_MAX], want_text[PLATFORM_TEXT_MAX];

    if (base && !l->options->other_platform && (flag.size == 0 || names_platform(flag)) &&
        platform_rank(&want, &base->platform) < 0)
        lint_add(l, lint_image_span(s),
                 "Base image %.*s was pulled with platform \"%s\", expected \"%s\" for current "
                 "build",
                 LINT_CUT(s->image), platform_format(&base->platform, have_text),
                 platform_format(&want, want_text));
}

#define DIGEST "@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* What the image was started from, as far as the store knows it. */
static void check_base_trusted(struct lint *l, const struct image_facts *f)
{
    if (l->options->trusted && l->options->trusted->size > 0 && f->base &&
        !is_trusted(l, view_of(f->base)))
        lint_add_place(l, "base", LINT_NOWHERE,
                       "the registry of '%.80s' is not among those that are trusted", f->base);
}

static const struct lint_row rows[] = {
    {
        .id = "CP201",
        .name = "base-no-tag",
        .aliases = {"DL3006", "ID.20006"},
        .title = "FROM without a tag",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Without a tag the newest image is taken. A build that worked yesterday then fails, "
               "or works with other programs.",
        .fix = "Write the version: FROM debian:12.5.",
        .bad = "FROM debian\nUSER 1001\n",
        .good = "FROM debian:12.5\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_untagged,
    },
    {
        .id = "CP202",
        .name = "base-latest",
        .aliases = {"DL3007", "ID.20006", "CKV_DOCKER_7", "DKL-DI-0006", "DB-5.28", "CIS-5.28",
                    "image-latest"},
        .title = "the tag latest",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE | LINT_RUNCONFIG,
        .why = "`latest` is a name like any other, and moves with every push. It says nothing of "
               "what is in the image.",
        .fix = "Write the version: FROM debian:12.5.",
        .bad = "FROM debian:latest\nUSER 1001\n",
        .good = "FROM debian:12.5\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_latest,
        .image = lint_image_latest,
        .runtime = check_run_latest,
    },
    {
        .id = "CP203",
        .name = "base-floating-tag",
        .aliases = {NULL},
        .title = "the tag of the base image moves",
        .level = LINT_STYLE,
        .where = LINT_DOCKERFILE,
        .why = "`lts`, `stable` or a major version alone stand for another image from time to "
               "time. Two builds of one commit then differ.",
        .fix = "Name the full version, and let a bot raise it.",
        .bad = "FROM node:lts\nUSER 1001\n",
        .good = "FROM node:22.11.0\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_floating,
    },
    {
        .id = "CP204",
        .name = "base-no-digest",
        .aliases = {NULL},
        .title = "the base image is not pinned by its digest",
        .level = LINT_STYLE,
        .where = LINT_DOCKERFILE,
        .why = "A tag can be pushed again, by accident or by an attacker. A digest is the content "
               "itself.",
        .fix =
            "FROM debian:12.5@sha256:<digest>; `cooper inspect` shows it, and `lint --fix --enable "
            "base-no-digest` writes that of a base that was pulled.",
        .bad = "FROM debian:12.5\nUSER 1001\n",
        .good = "FROM debian:12.5" DIGEST "\nUSER 1001\n",
        .kinds = LINT_KIND(FROM) | LINT_KIND(COPY),
        .instruction = check_copy_digest,
        .file = check_syntax_digest,
    },
    {
        .id = "CP205",
        .name = "registry-not-trusted",
        .aliases = {"DL3026", "DB-4.2"},
        .title = "an image of a registry that is not trusted",
        .level = LINT_ERROR,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "The list of trusted registries (--trusted-registry, trustedRegistries) is what "
               "your house has agreed on. FROM, COPY "
               "--from and RUN --mount=from bring in everything of the image they name.",
        .fix = "Take the image from a trusted registry, or mirror it there.",
        .bad = "FROM bad.example/x:1.2\nUSER 1001\n",
        .good = "FROM ok.example/x:1.2\nUSER 1001\n",
        .config = "{\"trustedRegistries\": [\"ok.example\"]}",
        .kinds = LINT_KIND(FROM) | LINT_KIND(COPY) | LINT_KIND(RUN),
        .instruction = check_trusted,
        .image = check_base_trusted,
    },
    {
        .id = "CP206",
        .name = "platform-fixed",
        .aliases = {"DL3029"},
        .title = "FROM --platform with a fixed platform",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "The stage is then of that platform wherever it is built. On others it runs "
               "emulated, or not at all.",
        .fix = "Leave it out, or write $BUILDPLATFORM for a stage that cross-compiles.",
        .bad = "FROM --platform=linux/arm64 debian:12.5\nUSER 1001\n",
        .good = "FROM --platform=$BUILDPLATFORM debian:12.5\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_platform,
    },
    {
        .id = "CP207",
        .name = "platform-constant",
        .aliases = {"FromPlatformFlagConstDisallowed"},
        .title = "FROM --platform with a constant",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "A constant makes the stage one of a single platform. BuildKit accepts it where the "
               "stage's name says so.",
        .fix = "Leave it out, or write $BUILDPLATFORM.",
        .bad = "FROM --platform=linux/arm64 debian:12.5\nUSER 1001\n",
        .good = "FROM debian:12.5\nUSER 1001\n",
        .covered_by = {"CP206"},
        .kinds = LINT_KIND(FROM),
        .instruction = check_platform_constant,
    },
    {
        .id = "CP208",
        .name = "platform-redundant",
        .aliases = {"DL3065", "RedundantTargetPlatform"},
        .title = "FROM --platform=$TARGETPLATFORM",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "The target platform is what FROM takes anyway. The flag hides that nothing special "
               "happens.",
        .fix = "Leave it out.",
        .bad = "FROM --platform=$TARGETPLATFORM debian:12.5\nUSER 1001\n",
        .good = "FROM debian:12.5\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_platform_redundant,
    },
    {
        .id = "CP210",
        .name = "base-platform",
        .aliases = {"InvalidBaseImagePlatform"},
        .title = "the base image is for another platform",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why =
            "The programs of the base do not start here, or only emulated; and the image says it "
            "were of a platform that it is not.",
        .fix = "Name an image that has this platform; `cooper pull` fetches it. Decided for "
               "images that are in the store.",
        .bad = "FROM s390x/debian:12.5\nUSER 1001\n",
        .good = "FROM debian:12.5\nUSER 1001\n",
        .kinds = LINT_KIND(FROM),
        .instruction = check_base_platform,
    },
};

const struct lint_table lint_base = {rows, ARRAY_SIZE(rows)};
