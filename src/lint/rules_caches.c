/* rules_caches.c - what package managers leave in the layer: indexes, lists, downloads. */
#include "lint/image.h"
#include "lint/run.h"

/* ---- caches: DL3019, DL3032, DL3036, DL3040, DL3060 ---- */

struct cache_rule {
    const char *programs, *verbs, *clean, *paths, *mounts;
    const char *how; /* the command that cleans, behind the program's name */
};

static bool call_removes(const struct lint_run *run, size_t i, const char *paths)
{
    const struct lint_run one = {.calls = &run->calls[i], .call_count = 1};

    return run_removes(&one, 0, paths);
}

#define NAMES_MAX 4 /* programs of one rule */

/* From the end, so that what cleans has been seen before what it cleans: each call is looked at once. */
static const struct lint_call *find_uncleaned(const struct lint_run *run,
                                              const struct cache_rule *rule)
{
    struct view cleaned[NAMES_MAX];
    size_t count = 0;

    if (run_has_mount(run, rule->mounts))
        return NULL;
    for (size_t i = run->call_count; i-- > 0;) {
        const struct lint_call *c = &run->calls[i];
        bool clean = false;

        if (call_removes(run, i, rule->paths))
            return NULL;
        for (size_t j = 0; j < count; j++)
            clean |= view_eq(cleaned[j], c->name);
        if (clean || !call_is(c, rule->programs))
            continue;
        if (call_has(c, rule->verbs))
            return c;
        if (call_has(c, rule->clean) && count < NAMES_MAX)
            cleaned[count++] = c->name;
    }
    return NULL;
}

/* The RUN has to end with one more command; mend: nothing behind it is hurt by that. */
static void add_suffix(struct lint *l, const struct lint_run *run, const struct lint_call *c,
                       const char *command, const char *what, bool mend)
{
    const struct span span = lint_call_span(l, run, c);
    struct span end;
    static const char text[] = "%s of %.*s stays in the layer: end the RUN with '%s', or mount a "
                               "cache";

    if (mend && lint_run_end(l, run, c, &end))
        lint_add_edit(l, span, end, arena_printf(l->arena, " && %s", command), text, what,
                      VIEW_ARG(c->name), command);
    else
        lint_add(l, span, text, what, VIEW_ARG(c->name), command);
}

static void check_cache(struct lint *l, const struct lint_run *run, const struct cache_rule *rule)
{
    const struct lint_call *c = find_uncleaned(run, rule);

    if (c)
        add_suffix(l, run, c, arena_printf(l->arena, "%.*s %s", VIEW_ARG(c->name), rule->how),
                   "the cache", true);
}

static void check_yum_cache(struct lint *l, const struct lint_run *run)
{
    static const struct cache_rule rule = {
        "yum",
        "install",
        "clean",
        "/var/cache/yum /var/cache/dnf",
        "/var/cache/yum /var/cache/dnf /var/cache/libdnf5",
        "clean all",
    };
    check_cache(l, run, &rule);
}

static void check_zypper_cache(struct lint *l, const struct lint_run *run)
{
    static const struct cache_rule rule = {
        "zypper", "install in", "clean cc", "/var/cache/zypp", "/var/cache/zypp", "clean",
    };
    check_cache(l, run, &rule);
}

static void check_dnf_cache(struct lint *l, const struct lint_run *run)
{
    static const struct cache_rule rule = {
        "dnf microdnf",
        "install in",
        "clean",
        "/var/cache/yum /var/cache/dnf /var/cache/libdnf5",
        "/var/cache/yum /var/cache/dnf /var/cache/libdnf5",
        "clean all",
    };
    check_cache(l, run, &rule);
}

/* The layers of a stage that nothing is built on are thrown away; those of a trigger are somebody else's. */
static bool layers_ship(const struct lint_run *run)
{
    return run->trigger || run->stage->final || run->stage->extended;
}

static void check_yarn_cache(struct lint *l, const struct lint_run *run)
{
    static const struct cache_rule rule = {
        "yarn",
        "install",
        "clean",
        "/usr/local/share/.cache /root/.cache /root/.yarn",
        "/root/.cache/yarn /usr/local/share/.cache/yarn /root/.yarn/berry /root/.yarn",
        "cache clean",
    };
    if (layers_ship(run))
        check_cache(l, run, &rule);
}

static void check_apk_cache(struct lint *l, const struct lint_run *run)
{
    if (run_has_mount(run, "/var/cache/apk"))
        return;
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];
        const struct lint_arg *verb = call_is(c, "apk") ? call_has(c, "add") : NULL;

        if (!verb || call_flag(c, "no-cache"))
            continue;
        const struct span span = lint_arg_span(l, run, c, verb);
        static const char text[] = "apk add without --no-cache: the index stays in the layer";
        if (verb->word && !run->detached)
            lint_add_edit(l, span, lint_span_behind(span), " --no-cache", "%s", text);
        else
            lint_add(l, span, "%s", text);
        return;
    }
}

/* ---- DL3042 ---- */

static bool is_true(struct view v)
{
    static const char *const values[] = {"1", "on", "yes", "true", NULL};

    return lint_view_in(v, values);
}

static bool is_wrapper(const struct lint_call *c)
{
    const struct view name = lint_base_name(c->name);

    if (view_starts(name, "pipx") || view_starts(name, "pipenv"))
        return true;
    return view_starts(name, "python") && call_has(c, "pipx pipenv");
}

static void check_pip_cache(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];
        struct view value;

        if (!call_is_pip_install(c) || is_wrapper(c) || call_flag(c, "no-cache-dir") ||
            run_has_mount(run, "/root/.cache/pip"))
            continue;
        if (run_variable(run, c, "PIP_NO_CACHE_DIR", &value) && is_true(value))
            continue;
        const struct lint_arg *verb = call_has(c, "install");
        const struct span span = lint_call_span(l, run, c);
        static const char text[] =
            "pip install without --no-cache-dir: its cache stays in the layer";
        if (verb->word && !run->detached)
            lint_add_edit(l, span, lint_span_behind(lint_arg_span(l, run, c, verb)),
                          " --no-cache-dir", "%s", text);
        else
            lint_add(l, span, "%s", text);
        return;
    }
}

/* ---- DL3009 ---- */

static const char apt_lists[] = "/var/lib/apt/lists /var/lib/apt";

static const char docker_clean[] = "/etc/apt/apt.conf.d/docker-clean";

/* From the end, as above. */
static const struct lint_call *find_update(const struct lint_run *run)
{
    for (size_t i = run->call_count; i-- > 0;) {
        const struct lint_call *c = &run->calls[i];

        if (call_removes(run, i, apt_lists))
            return NULL;
        if (!call_is(c, "apt-get apt aptitude"))
            continue;
        if (call_has(c, "dist-clean distclean"))
            return NULL;
        if (call_has(c, "update"))
            return c;
    }
    return NULL;
}

/* Does it want lists that an earlier RUN fetched? */
static bool leans_on_lists(const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];

        if (!call_is(c, "apt-get apt aptitude"))
            continue;
        if (call_has(c, "update"))
            return false;
        if (!call_has(c, "remove purge autoremove clean autoclean"))
            return true;
    }
    return false;
}

static bool installs(const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++)
        if (call_is(&run->calls[i], "apt-get apt aptitude") &&
            call_has(&run->calls[i], "install upgrade dist-upgrade full-upgrade build-dep"))
            return true;
    return false;
}

static const struct lint_run *run_at(struct lint *l, const struct lint_stage *s, size_t i)
{
    const struct instruction *in = s->at[i].trigger ? s->at[i].trigger : &s->at[i];

    return in->kind == INSTRUCTION_RUN ? lint_run_get(l, s, &s->at[i]) : NULL;
}

/* From here on no RUN needs the lists of one before; a stage built on this one may. */
static size_t lists_needed_until(struct lint *l, const struct lint_stage *s)
{
    if (s->extended)
        return s->count;
    for (size_t i = s->count; i-- > 0;) {
        const struct lint_run *run = run_at(l, s, i);
        if (run && leans_on_lists(run))
            return i;
    }
    return 0;
}

/* Debian's images delete downloaded packages by themselves, until docker-clean is gone. */
static void check_apt_lists(struct lint *l, const struct lint_stage *s)
{
    const size_t needed = lists_needed_until(l, s);
    bool keeps_archives = false;

    for (size_t i = 0; i < s->count; i++) {
        const struct lint_run *run = run_at(l, s, i);

        if (!run)
            continue;
        keeps_archives |= run_removes(run, 0, docker_clean);
        const struct lint_call *c = layers_ship(run) ? find_update(run) : NULL;
        if (c && !(run_has_mount(run, "/var/lib/apt/lists") &&
                   (run_has_mount(run, "/var/cache/apt") || !keeps_archives)))
            add_suffix(l, run, c, "rm -rf /var/lib/apt/lists/*", "the package lists",
                       i >= needed && installs(run));
    }
}

#define CACHE_WHY                                                                                  \
    "What the package manager keeps for next time is never used again in an image, yet it is "     \
    "stored, pushed and pulled with the layer. A later RUN that deletes it makes nothing smaller."

static const struct lint_row rows[] = {
    {
        .id = "CP331",
        .name = "apt-lists-kept",
        .aliases = {"DL3009", "DKL-DI-0005"},
        .title = "package lists of apt stay in the layer",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = CACHE_WHY,
        .fix = "End the same RUN with rm -rf /var/lib/apt/lists/*, or mount caches at /var/lib/apt "
               "and /var/cache/apt.",
        .bad = "FROM debian:12.5\nRUN apt-get update && apt-get install -y "
               "--no-install-recommends curl=7.*\n",
        .good = "FROM debian:12.5\nRUN apt-get update && apt-get install -y "
                "--no-install-recommends curl=7.* && rm -rf /var/lib/apt/lists/*\nUSER 1001\n",
        .stage = check_apt_lists,
        .image = lint_image_apt,
    },
    {
        .id = "CP332",
        .name = "apk-cache-kept",
        .aliases = {"DL3019", "DKL-DI-0004"},
        .title = "apk add without --no-cache",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = CACHE_WHY,
        .fix = "Write apk add --no-cache, or mount a cache at /var/cache/apk.",
        .bad = "FROM alpine:3.20.1\nRUN apk add curl=8.9.0-r0\n",
        .good = "FROM alpine:3.20.1\nRUN apk add --no-cache curl=8.9.0-r0\nUSER 1001\n",
        .run = check_apk_cache,
        .image = lint_image_apk,
    },
    {
        .id = "CP333",
        .name = "yum-cache-kept",
        .aliases = {"DL3032"},
        .title = "yum install without yum clean all",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = CACHE_WHY,
        .fix = "End the same RUN with yum clean all, or mount a cache at /var/cache/yum.",
        .bad = "FROM rockylinux:9.3\nRUN yum install -y httpd-2.4.57\n",
        .good = "FROM rockylinux:9.3\nRUN yum install -y httpd-2.4.57 && yum clean all\n"
                "USER 1001\n",
        .run = check_yum_cache,
        .image = lint_image_yum,
    },
    {
        .id = "CP334",
        .name = "zypper-cache-kept",
        .aliases = {"DL3036"},
        .title = "zypper install without zypper clean",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = CACHE_WHY,
        .fix = "End the same RUN with zypper clean, or mount a cache at /var/cache/zypp.",
        .bad = "FROM opensuse/leap:15.5\nRUN zypper install -y httpd=2.4\n",
        .good = "FROM opensuse/leap:15.5\nRUN zypper install -y httpd=2.4 && zypper clean\n"
                "USER 1001\n",
        .run = check_zypper_cache,
        .image = lint_image_zypper,
    },
    {
        .id = "CP335",
        .name = "dnf-cache-kept",
        .aliases = {"DL3040"},
        .title = "dnf or microdnf install without clean all",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = CACHE_WHY,
        .fix = "End the same RUN with dnf clean all, or mount a cache at /var/cache/libdnf5.",
        .bad = "FROM fedora:40\nRUN dnf install -y httpd-2.4.59\n",
        .good = "FROM fedora:40\nRUN dnf install -y httpd-2.4.59 && dnf clean all\nUSER 1001\n",
        .run = check_dnf_cache,
        .image = lint_image_dnf,
    },
    {
        .id = "CP336",
        .name = "pip-cache-kept",
        .aliases = {"DL3042"},
        .title = "pip install without --no-cache-dir",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = CACHE_WHY,
        .fix = "Write pip install --no-cache-dir, set PIP_NO_CACHE_DIR=1, or mount a cache at "
               "/root/.cache/pip.",
        .bad = "FROM python:3.12.4\nRUN pip install flask==3.0.3\n",
        .good = "FROM python:3.12.4\nRUN pip install --no-cache-dir flask==3.0.3\nUSER 1001\n",
        .run = check_pip_cache,
        .image = lint_image_pip,
    },
    {
        .id = "CP337",
        .name = "yarn-cache-kept",
        .aliases = {"DL3060"},
        .title = "yarn install without yarn cache clean",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = CACHE_WHY,
        .fix = "End the same RUN with yarn cache clean, or mount a cache at "
               "/usr/local/share/.cache/yarn.",
        .bad = "FROM node:20.11.1\nRUN yarn install --frozen-lockfile\n",
        .good = "FROM node:20.11.1\nRUN yarn install --frozen-lockfile && yarn cache clean\n"
                "USER 1001\n",
        .run = check_yarn_cache,
        .image = lint_image_yarn,
    },
};

const struct lint_table lint_caches = {rows, ARRAY_SIZE(rows)};
