/* rules_deps.c - dependencies of programs: lock files, caches of languages' package managers, the order of ARG, COPY
 * and install. */
#include <ctype.h>

#include "lint/image.h"
#include "lint/run.h"

static const struct lint_run *run_at(struct lint *l, const struct lint_stage *s, size_t i)
{
    return s->at[i].kind == INSTRUCTION_RUN ? lint_run_get(l, s, &s->at[i]) : NULL;
}

/* Its layers end up in the image, or in one that is built on it. */
static bool ships(const struct lint_stage *s)
{
    return s->final || s->extended;
}

/* The first operand, with flags' values passed over. */
static struct view verb_of(const struct lint_call *c)
{
    size_t at = 0;
    const struct lint_arg *a = call_operand(c, &at, "prefix C cwd dir registry f file s");

    return a ? a->text : VIEW("");
}

/* ---- no-lockfile-install ---- */

static bool names_packages(const struct lint_call *c)
{
    size_t at = 0;

    (void)call_operand(c, &at, "registry prefix loglevel omit include cache");
    return call_operand(c, &at, "registry prefix loglevel omit include cache") != NULL;
}

static bool ignores_lock(const struct lint_call *c)
{
    const struct view verb = verb_of(c);

    if (call_is(c, "npm"))
        return lint_in_list(verb, "install i") && !names_packages(c) && !call_flag(c, "g global");
    if (call_is(c, "yarn"))
        return (verb.size == 0 ? c->arg_count == 0 : view_eq_text(verb, "install")) &&
               !call_flag(c, "frozen-lockfile immutable immutable-cache");
    return call_is(c, "pnpm") && lint_in_list(verb, "install i") && !names_packages(c) &&
           !call_flag(c, "frozen-lockfile g global");
}

static void check_lockfile(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];

        if (!ignores_lock(c))
            continue;
        lint_add(l, lint_call_span(l, run, c),
                 "%.*s installs what is newest, not what the lock "
                 "file says: use %s",
                 VIEW_ARG(c->name), call_is(c, "npm") ? "npm ci" : "--frozen-lockfile");
        return;
    }
}

/* ---- pkg-cache-kept, copy-before-deps ---- */

struct manager {
    const char *programs;
    const char *verbs;    /* that install; "" for any */
    const char *cleaners; /* arguments of a later call of it; "" for none */
    const char *no_cache; /* flags */
    const char *paths;    /* of the cache */
    bool deps;            /* installs what a manifest of the sources names */
};

static const struct manager managers[] = {
    {"npm", "install ci i", "cache", "", "/root/.npm /root/.cache", true},
    {"pnpm", "install i", "prune", "",
     "/root/.local/share/pnpm/store /pnpm/store /root/.pnpm-store /root/.cache", true},
    {"yarn", "install", "clean", "", "/usr/local/share/.cache/yarn /root/.cache/yarn /root/.yarn",
     true},
    {"cargo", "install build fetch chef", "", "",
     "/usr/local/cargo/registry /root/.cargo/registry /usr/local/cargo /root/.cargo", true},
    {"go", "mod install build get", "clean", "",
     "/go/pkg/mod /go/pkg /root/go/pkg/mod /root/.cache", true},
    {"composer", "install require update", "clear-cache clearcache cc", "no-cache",
     "/root/.composer /root/.cache/composer /tmp/cache", true},
    {"microdnf dnf", "install in", "clean", "", "/var/cache/yum /var/cache/dnf /var/cache/libdnf5",
     false},
    {"conda mamba micromamba", "install create update", "clean", "",
     "/opt/conda/pkgs /root/miniconda3/pkgs", false},
    {"gem", "install i", "", "", "/root/.gem /usr/local/bundle/cache /usr/lib/ruby/gems", false},
    {"bundle bundler", "install", "clean", "", "/usr/local/bundle/cache /root/.bundle", true},
    {"mvn", "", "", "", "/root/.m2", true},
    {"gradle gradlew ./gradlew", "", "", "", "/root/.gradle /home/gradle/.gradle", true},
    {"dotnet", "restore build publish", "clear", "", "/root/.nuget", true},
    {"poetry", "install", "cache", "no-cache", "/root/.cache/pypoetry /root/.cache", true},
    {"uv", "sync pip install", "cache", "no-cache n", "/root/.cache/uv /root/.cache", true},
    {"pip pip3", "install", "", "", "/root/.cache/pip", true},
};

static const struct manager *manager_of(const struct lint_call *c)
{
    for (size_t i = 0; i < ARRAY_SIZE(managers); i++) {
        const struct manager *m = &managers[i];

        if (!call_is(c, m->programs))
            continue;
        if (call_is(c, "mvn gradle gradlew ./gradlew"))
            return c->arg_count > 0 && !call_has(c, "-v --version") ? m : NULL;
        if (call_is(c, "go") && lint_in_list(verb_of(c), "mod"))
            return call_has(c, "download") ? m : NULL;
        if (call_is(c, "cargo") && lint_in_list(verb_of(c), "chef"))
            return call_has(c, "cook") ? m : NULL;
        return lint_in_list(verb_of(c), m->verbs) ? m : NULL;
    }
    return NULL;
}

/* Marks the managers whose cache the call takes away. */
static void mark_cleaned(const struct lint_run *run, size_t i, bool *cleaned)
{
    const struct lint_call *c = &run->calls[i];
    const struct lint_run one = {.calls = c, .call_count = 1};

    for (size_t j = 0; j < ARRAY_SIZE(managers); j++)
        cleaned[j] |= (call_is(c, managers[j].programs) && call_has(c, managers[j].cleaners)) ||
                      run_removes(&one, 0, managers[j].paths);
}

/* From the end, so that each call is looked at once. */
static void check_kept(struct lint *l, const struct lint_run *run)
{
    bool cleaned[ARRAY_SIZE(managers)] = {0};

    if (!ships(run->stage) || run->trigger)
        return;
    for (size_t i = run->call_count; i-- > 0;) {
        const struct lint_call *c = &run->calls[i];
        const struct manager *m = manager_of(c);

        mark_cleaned(run, i, cleaned);
        if (!m || cleaned[m - managers] || call_is(c, "pip pip3 yarn") ||
            call_flag(c, m->no_cache) || run_has_mount(run, m->paths))
            continue;
        lint_add(l, lint_call_span(l, run, c),
                 "what %.*s downloaded stays in the layer beside what it installed",
                 VIEW_ARG(c->name));
        return;
    }
}

/* COPY or ADD out of the context. */
static bool copies_context(const struct instruction *in)
{
    return (in->kind == INSTRUCTION_COPY || in->kind == INSTRUCTION_ADD) && in->word_count >= 2 &&
           in->heredoc_count == 0 && !instruction_flag(in, "from").at;
}

static bool copies_all(const struct instruction *in)
{
    for (size_t i = 0; i + 1 < in->word_count; i++)
        if (lint_in_list(lint_unquote(in->words[i].text), ". ./ * ./* /"))
            return true;
    return false;
}

/* ENV GOFLAGS=-mod=vendor, or the flag: nothing is downloaded. */
static bool is_vendored(const struct lint_run *run, const struct lint_call *c)
{
    const struct lint_var *v = lint_var_find(&run->stage->scope, VIEW("GOFLAGS"));
    static const char vendor[] = "-mod=vendor";

    if (!call_is(c, "go"))
        return false;
    for (size_t i = 0; i < c->arg_count; i++)
        if (view_eq_text(c->args[i].text, vendor))
            return true;
    return v && v->value.at && memmem(v->value.at, v->value.size, vendor, strlen(vendor));
}

/* The first call that installs what a manifest names, and can be cached on its own. */
static const struct lint_call *find_deps(const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];
        const struct manager *m = manager_of(c);

        if (m && m->deps && !run_has_mount(run, m->paths) && !call_flag(c, "g global") &&
            !is_vendored(run, c))
            return c;
    }
    return NULL;
}

static void check_copy_first(struct lint *l, const struct lint_stage *s)
{
    const struct instruction *copy = NULL;

    for (size_t i = 0; i < s->count; i++) {
        if (!copy && copies_context(&s->at[i]) && copies_all(&s->at[i]))
            copy = &s->at[i];
        const struct lint_run *run = run_at(l, s, i);
        const struct lint_call *deps = run ? find_deps(run) : NULL;
        if (!deps)
            continue;
        if (copy)
            lint_add(l, copy->words[0].span,
                     "all sources are copied before '%.*s' of line %u: each change of them "
                     "downloads all dependencies again",
                     VIEW_ARG(deps->name), lint_call_span(l, run, deps).line);
        return; /* once they were installed from their manifest, the order is right */
    }
}

/* ---- packages-after-sources ---- */

static bool helps_install(const struct instruction *in)
{
    static const char *const endings[] = {".deb",     ".rpm", ".apk",  ".list", ".repo",
                                          ".sources", ".gpg", ".asc",  ".pub",  ".key",
                                          ".crt",     ".pem", ".conf", ".txt"};
    const struct view target = lint_unquote(in->words[in->word_count - 1].text);

    if (lint_path_below(target, VIEW("/etc")) || lint_path_below(target, VIEW("/usr/share")) ||
        lint_path_below(target, VIEW("/tmp")))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
        if (view_ends(lint_unquote(in->words[0].text), endings[i]))
            return true;
    return false;
}

static void check_packages_late(struct lint *l, const struct lint_stage *s)
{
    const struct instruction *copy = NULL;

    for (size_t i = 0; i < s->count; i++) {
        if (!copy && copies_context(&s->at[i]) && !helps_install(&s->at[i]))
            copy = &s->at[i];
        const struct lint_run *run = copy ? run_at(l, s, i) : NULL;
        for (size_t j = 0; run && j < run->call_count; j++) {
            struct view name;
            size_t at = 0;

            if (!call_package(&run->calls[j], &at, &name))
                continue;
            lint_add(l, lint_call_span(l, run, &run->calls[j]),
                     "packages of the distribution are installed behind the COPY of line %u: each "
                     "change of the sources installs them again",
                     copy->keyword_span.line);
            return;
        }
    }
}

/* ---- arg-before-install ---- */

#define ARGS_MAX 16 /* of a stage that are followed */

/* What a build server hands in, another value each time. With a default that says something it is a pin. */
static bool changes_often(struct view word)
{
    static const char names[] =
        "VERSION APP_VERSION BUILD_VERSION RELEASE RELEASE_VERSION COMMIT COMMIT_SHA COMMIT_HASH "
        "GIT_COMMIT GIT_SHA GIT_HASH GIT_REV GIT_REVISION GIT_REF GIT_BRANCH GIT_TAG GIT_VERSION "
        "VCS_REF VCS_REVISION REVISION SHA BUILD_DATE BUILD_TIME BUILDTIME BUILD_TIMESTAMP "
        "BUILD_NUMBER BUILD_NUM BUILD_ID BUILD_REV BUILD_SHA BUILD_COMMIT DATE TIMESTAMP CREATED "
        "CI_COMMIT_SHA CI_COMMIT_SHORT_SHA CI_COMMIT_TAG GITHUB_SHA GITHUB_REF GITHUB_RUN_ID "
        "GITHUB_RUN_NUMBER";
    static const char *const none[] = {"",     "unknown", "dev",      "devel", "development",
                                       "none", "n/a",     "snapshot", "local", "undefined",
                                       "0",    "0.0.0",   "latest",   "dirty", NULL};
    struct view value = word, name;
    char upper[40];
    size_t n = 0;

    (void)view_cut(&value, '=', &name);
    for (; n < name.size && n < sizeof(upper); n++)
        upper[n] = (char)toupper((unsigned char)name.at[n]);
    return n > 0 && lint_in_list(view_make(upper, n), names) &&
           (!value.at || lint_view_in(lint_unquote(value), none));
}

struct often {
    const struct word *at[ARGS_MAX]; /* NULL: told, or used */
    size_t count;
};

static void add_args(struct often *args, const struct instruction *in)
{
    for (size_t i = 0; i < in->word_count && args->count < ARGS_MAX; i++)
        if (changes_often(in->words[i].text))
            args->at[args->count++] = &in->words[i];
}

static struct view arg_name(const struct word *w)
{
    struct view rest = w->text, name;

    (void)view_cut(&rest, '=', &name);
    return name;
}

static bool mentions(const struct lint *l, const struct instruction *in, struct view name)
{
    const size_t begin = l->d->line_at[in->span.line - 1],
                 end = l->d->line_at[MIN(in->span.end_line, l->d->line_count)];

    return memmem(l->d->source.at + begin, end - begin, name.at, name.size);
}

static const struct lint_call *find_install(const struct lint_run *run)
{
    for (size_t i = 0; run && i < run->call_count; i++) {
        struct view name;
        size_t at = 0;

        if (call_package(&run->calls[i], &at, &name) || manager_of(&run->calls[i]))
            return &run->calls[i];
    }
    return NULL;
}

/* BuildKit's key of a RUN has every ARG above it, whether it is used or not. */
static void check_arg_early(struct lint *l, const struct lint_stage *s)
{
    struct often args = {0};

    for (size_t i = 0; s->from && i < s->count; i++) {
        const struct instruction *in = &s->at[i];
        const struct lint_run *run = args.count > 0 ? run_at(l, s, i) : NULL;
        const struct lint_call *install = find_install(run);

        if (in->kind == INSTRUCTION_ARG)
            add_args(&args, in);
        if (!run && in->kind != INSTRUCTION_COPY && in->kind != INSTRUCTION_ADD)
            continue;
        for (size_t k = 0; k < args.count; k++) {
            const struct view name = args.at[k] ? arg_name(args.at[k]) : VIEW("");
            if (!args.at[k] || (!install && !mentions(l, in, name)))
                continue;
            if (!mentions(l, in, name))
                lint_add(l, args.at[k]->span,
                         "each new '%.*s' runs '%.*s' of line %u again, which does not use it",
                         LINT_CUT(name), LINT_CUT(install->name),
                         lint_call_span(l, run, install).line);
            args.at[k] = NULL;
        }
    }
}

/* ---- no-cache-mount ---- */

static const char *cache_of(const struct lint_call *c)
{
    const struct manager *m = manager_of(c);
    struct view name;
    size_t at = 0;

    if (call_is_pip_install(c))
        return "/root/.cache/pip";
    if (m)
        return m->paths;
    if (!call_package(c, &at, &name))
        return NULL;
    if (call_is(c, "apk"))
        return "/var/cache/apk /etc/apk/cache";
    if (call_is(c, "zypper"))
        return "/var/cache/zypp";
    return call_is(c, "apt-get apt aptitude") ? "/var/cache/apt"
                                              : "/var/cache/yum /var/cache/dnf /var/cache/libdnf5";
}

static void check_cache_mount(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];
        const char *paths = cache_of(c);

        if (!paths || run_has_mount(run, paths))
            continue;
        lint_add(l, lint_call_span(l, run, c),
                 "what %.*s downloads is downloaded again whenever the step runs: mount a cache at "
                 "%.*s",
                 LINT_CUT(c->name), (int)strcspn(paths, " "), paths);
        return;
    }
}

static const struct lint_row rows[] = {
    {
        .id = "CP350",
        .name = "no-lockfile-install",
        .aliases = {NULL},
        .title = "dependencies are installed past the lock file",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "npm install takes what fits package.json that day and writes the lock file anew. "
               "What was tested is not what ships.",
        .fix = "Write npm ci, yarn install --frozen-lockfile or pnpm install --frozen-lockfile.",
        .bad = "FROM node:20.11.1\nRUN npm install\n",
        .good = "FROM node:20.11.1\nRUN npm ci && npm cache clean --force\nUSER 1001\n",
        .run = check_lockfile,
    },
    {
        .id = "CP351",
        .name = "pkg-cache-kept",
        .aliases = {NULL},
        .title = "the downloads of a package manager stay in the layer",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Caches of npm, cargo, go, composer, conda and the like are used by the next "
               "build, and no build comes after this one in an image.",
        .fix = "Mount a cache (RUN --mount=type=cache,target=...), or clean it in the same RUN.",
        .bad = "FROM node:20.11.1\nRUN npm ci\n",
        .good = "FROM node:20.11.1\nRUN --mount=type=cache,target=/root/.npm npm ci\nUSER 1001\n",
        .covered_by = {"CP335"},
        .run = check_kept,
        .image = lint_image_caches,
    },
    {
        .id = "CP352",
        .name = "copy-before-deps",
        .aliases = {NULL},
        .title = "all sources are copied before dependencies are installed",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE,
        .why = "The cached layer of the install holds as long as what was copied before it does. "
               "Sources change each time, manifests seldom.",
        .fix = "COPY the manifest and its lock file, install, then COPY the rest; or mount a "
               "cache.",
        .bad = "FROM node:20.11.1\nWORKDIR /a\nCOPY . .\nRUN npm ci\n",
        .good = "FROM node:20.11.1\nWORKDIR /a\nCOPY package.json package-lock.json ./\nRUN "
                "--mount=type=cache,target=/root/.npm npm ci\nCOPY src ./src\nUSER 1001\n",
        .stage = check_copy_first,
    },
    {
        .id = "CP353",
        .name = "packages-after-sources",
        .aliases = {NULL},
        .title = "the distribution's packages are installed behind the sources",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE,
        .why = "Each change of a source file makes a new layer of the packages as well: they are "
               "downloaded, installed, pushed and pulled again.",
        .fix = "Install packages first, copy sources last.",
        .bad = "FROM alpine:3.20.1\nCOPY src /a\nRUN apk add --no-cache curl=8.9.0-r0\n",
        .good = "FROM alpine:3.20.1\nRUN apk add --no-cache curl=8.9.0-r0\nCOPY src /a\n"
                "USER 1001\n",
        .stage = check_packages_late,
    },
    {
        .id = "CP356",
        .name = "arg-before-install",
        .aliases = {NULL},
        .title = "an argument that changes often stands above an install that does not use it",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE,
        .why = "Every RUN below an ARG has its value in its environment and its cache key. With a "
               "new commit or version all packages are downloaded and installed again.",
        .fix = "Declare the ARG right above the step that uses it.",
        .bad = "FROM alpine:3.20.1\nARG COMMIT\nRUN apk add --no-cache curl=8.9.0-r0\n"
               "LABEL org.opencontainers.image.revision=$COMMIT\nUSER 1001\n",
        .good = "FROM alpine:3.20.1\nRUN apk add --no-cache curl=8.9.0-r0\nARG COMMIT\n"
                "LABEL org.opencontainers.image.revision=$COMMIT\nUSER 1001\n",
        .stage = check_arg_early,
    },
    {
        .id = "CP357",
        .name = "no-cache-mount",
        .aliases = {NULL},
        .title = "an install without a cache mount",
        .level = LINT_INFO,
        .off = true,
        .where = LINT_DOCKERFILE,
        .why = "When a step runs again it starts from nothing, and downloads what it has had "
               "before. A cache mount keeps it beside the image, and no layer grows.",
        .fix = "RUN --mount=type=cache,target=... with the directory of the package manager.",
        .bad = "FROM node:20.11.1\nRUN npm ci && npm cache clean --force\nUSER 1001\n",
        .good = "FROM node:20.11.1\nRUN --mount=type=cache,target=/root/.npm npm ci\nUSER 1001\n",
        .run = check_cache_mount,
    },
};

const struct lint_table lint_deps = {rows, ARRAY_SIZE(rows)};
