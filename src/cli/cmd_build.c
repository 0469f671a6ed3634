#include <errno.h>

#include "build/build.h"
#include "build/tags.h"
#include "cli/access.h"
#include "cli/commands.h"
#include "cli/lint_build.h"
#include "image/place.h"
#include "oci/reference.h"
#include "run/run.h"

struct build_command {
    struct strings tags, build_args, build_contexts, labels, add_hosts, outputs;
    struct strings ulimits, allow;
    uint64_t shm_size;
    const char *file, *target, *network, *iidfile, *metadata_file, *print, *on_error, *reproducible;
    const char *format, *call, *provenance, *pull, *lint;
    struct access_words access;
    struct strings annotations, attests;
    const char *squash;
    int64_t jobs;
    struct strings secrets, ssh, no_cache_filter, cache_from, cache_to, platforms;
    bool no_cache, errexit, explain, check, load, push, immutable;
};

static const struct option_row options[] = {
    OPT_TEXTS(
        't', "tag", struct build_command, tags, "NAME[:TAG]",
        "name the image; may be given again; {semver} in it is the version that git tags say, "
        "{git} the commit"),
    OPT_FLAG(0, "immutable", struct build_command, immutable,
             "fail where a tag names another image already, instead of moving it"),
    OPT_TEXT('f', "file", struct build_command, file, "FILE|URL|-",
             "the Dockerfile (default: Dockerfile, dockerfile or Containerfile in the context)"),
    OPT_TEXT(0, "target", struct build_command, target, "STAGE", "build this stage, not the last"),
    OPT_TEXTS(0, "build-arg", struct build_command, build_args, "NAME[=VALUE]",
              "value of an ARG; without one it comes from the environment"),
    OPT_TEXTS(0, "build-context", struct build_command, build_contexts, "NAME=WHAT",
              "what NAME in FROM and --from means: a directory, URL, git repository, "
              "oci-layout://DIR[:TAG|@DIGEST], docker-image://NAME or target:STAGE"),
    OPT_TEXTS(0, "secret", struct build_command, secrets, "id=ID[,src=FILE|,env=VARIABLE]",
              "what RUN --mount=type=secret,id=ID shows"),
    OPT_TEXTS(0, "ssh", struct build_command, ssh, "ID[=SOCKET|KEY]",
              "the agent behind RUN --mount=type=ssh; default is $SSH_AUTH_SOCK"),
    OPT_TEXTS(0, "label", struct build_command, labels, "NAME=VALUE", "set a label"),
    OPT_TEXTS(0, "add-host", struct build_command, add_hosts, "NAME:ADDRESS|NAME:host-gateway",
              "a line of /etc/hosts during RUN; host-gateway is this machine"),
    OPT_TEXTS(0, "ulimit", struct build_command, ulimits, "NAME=SOFT[:HARD]",
              "a limit of the processes of RUN, such as nofile=1024"),
    OPT_SIZE(0, "shm-size", struct build_command, shm_size, "BYTES",
             "of /dev/shm during RUN (default 64m)"),
    OPT_TEXTS(0, "allow", struct build_command, allow, "network.host|security.insecure",
              "let the Dockerfile use RUN --network=host, RUN --security=insecure"),
    OPT_TEXT(0, "network", struct build_command, network, "default|private|host|none",
             "network of RUN"),
    OPT_TEXTS(
        'o', "output", struct build_command, outputs, "type=T,dest=D,...",
        "where the result goes: image (the store), oci, oci-archive, docker-archive, tar, local, "
        "registry, cacheonly; may be given again"),
    OPT_FLAG(0, "push", struct build_command, push, "push the image: as --output type=registry"),
    OPT_FLAG(0, "load", struct build_command, load,
             "save the image in the store too, whatever --output says"),
    OPT_TEXTS(0, "annotation", struct build_command, annotations, "[PLACE:]KEY=VALUE",
              "annotate the manifest, or what PLACE says: manifest-descriptor, index, "
              "index-descriptor"),
    OPT_MAYBE(0, "squash", struct build_command, squash, "new|all",
              "make one layer of those of this build, or of all with the base's"),
    OPT_MAYBE(0, "reproducible", struct build_command, reproducible, "git|SECONDS",
              "the same bytes wherever and whenever it is built: all times are SOURCE_DATE_EPOCH, "
              "the commit's or SECONDS since 1970"),
    OPT_FLAG(0, "errexit", struct build_command, errexit,
             "end a RUN of a heredoc at its first error, as with set -e"),
    OPT_WORD(0, "provenance", struct build_command, provenance,
             "min|max|mode=min|mode=max|true|false",
             "write beside the image how it came to be, as SLSA provenance"),
    OPT_TEXTS(0, "attest", struct build_command, attests, "type=provenance[,mode=max]",
              "buildx's word for --provenance"),
    OPT_TEXTS(0, "platform", struct build_command, platforms, "PLATFORM[,PLATFORM]",
              "build for these, such as linux/arm64; several make an index"),
    OPT_WORD(0, "pull", struct build_command, pull, "always|missing|never",
             "when registries are asked for images: always (also without a word), for what the "
             "store has not (the default), never"),
    OPT_REGISTRIES(struct build_command, access),
    OPT_FLAG(0, "no-cache", struct build_command, no_cache, "run every step"),
    OPT_TEXTS(0, "no-cache-filter", struct build_command, no_cache_filter, "STAGE",
              "run every step of this stage"),
    OPT_TEXTS(
        0, "cache-from", struct build_command, cache_from,
        "type=local,src=DIR|type=registry,ref=NAME|NAME",
        "take steps from a cache that --cache-to wrote, or from an image with an inline cache"),
    OPT_TEXTS(0, "cache-to", struct build_command, cache_to,
              "type=local,dest=DIR|type=registry,ref=NAME[,mode=max][,mounts=true]|type=inline",
              "write what the steps made to a directory or registry, or into the image"),
    OPT_INT('j', "jobs", struct build_command, jobs, "N", "steps that run at the same time"),
    OPT_FLAG(0, "explain", struct build_command, explain,
             "say why each step that runs was not in the cache"),
    OPT_TEXT(0, "on-error", struct build_command, on_error, "stop|shell|keep",
             "when a RUN step fails: stop; open a shell in its root; keep its root as an image"),
    OPT_TEXT(0, "print", struct build_command, print, "ast|plan|context|outline|targets",
             "print this instead of building"),
    OPT_FLAG(0, "check", struct build_command, check,
             "say what is wrong with the Dockerfile instead of building"),
    OPT_WORD(
        0, "lint", struct build_command, lint, "warn|error",
        "hold the Dockerfile against all rules of 'cooper lint' first; error: stop at a warning"),
    OPT_TEXT(0, "call", struct build_command, call, "build|check|outline|targets",
             "buildx's word for --check and --print; may be followed by ',format=json'"),
    OPT_TEXT(0, "format", struct build_command, format, "table|json",
             "form of outline, targets and check"),
    OPT_TEXT(0, "iidfile", struct build_command, iidfile, "FILE", "write the image id to FILE"),
    OPT_TEXT(0, "metadata-file", struct build_command, metadata_file, "FILE",
             "write digests and names as JSON to FILE"),
    OPT_END,
};

#define NO_LIMITS                                                                                  \
    "a RUN has the limits that cooper was started with, and --ulimit; 'systemd-run --user "        \
    "--scope "                                                                                     \
    "-p MemoryMax=2G cooper build ...' sets others"

static const struct foreign_option foreign[] = {
    {0, "rm", true, false, NULL},
    {0, "force-rm", true, false, NULL},
    {0, "compress", true, false, NULL},
    {0, "disable-content-trust", true, false, NULL},
    {'D', "debug", true, false, NULL},
    {'m', "memory", false, false, NO_LIMITS},
    {0, "memory-swap", false, false, NO_LIMITS},
    {'c', "cpu-shares", false, false, NO_LIMITS},
    {0, "cpu-period", false, false, NO_LIMITS},
    {0, "cpu-quota", false, false, NO_LIMITS},
    {0, "cpuset-cpus", false, false, NO_LIMITS},
    {0, "cpuset-mems", false, false, NO_LIMITS},
    {0, "cgroup-parent", false, false,
     "a RUN is in the cgroup that cooper was started in; 'systemd-run --slice=NAME --scope cooper "
     "build ...' starts it in another"},
    {0, "isolation", false, false, "there is one kind of isolation"},
    {0, "security-opt", false, false, "what lifts the limits of a step is RUN --security=insecure"},
    {0, "builder", false, false, "there are no builders, the build is done here"},
    /* buildah's and kaniko's */
    {0, "layers", true, false, NULL},
    {0, "cache", true, false, NULL},
    {0, "skip-unused-stages", true, false, NULL},
    {0, "squash-all", true, true, "--squash=all does it"},
    {0, "single-snapshot", true, true, "--squash does it"},
    {0, "pull-always", true, true, "--pull=always does it"},
    {0, "pull-never", true, true, "--pull=never does it"},
    {0, "timestamp", false, true, "--reproducible=SECONDS does it"},
    {0, "source-date-epoch", false, true, "--build-arg SOURCE_DATE_EPOCH=SECONDS does it"},
    {0, "rewrite-timestamp", true, true, "-o type=image,rewrite-timestamp=true does it"},
    {0, "ignorefile", false, true, "it is FILE.dockerignore beside the FILE of -f"},
    {0, "volume", false, true, "RUN --mount shows directories, those of --build-context too"},
    {0, "env", false, true, "ENV in the Dockerfile does it, or ARG and --build-arg"},
    {0, "manifest", false, true, "several --platform make an index of the name of -t"},
    {0, "creds", false, true,
     "a build may ask several registries: 'cooper login' does it, or --authfile"},
    {0, "logfile", false, true, "'--progress plain 2>FILE' does it"},
    {0, "cap-add", false, true, "what lifts the limits of a step is RUN --security=insecure"},
    {0, "context", false, true, "the context is the last word: cooper build [OPTIONS] CONTEXT"},
    {0, "dockerfile", false, true, "-f FILE does it"},
    {0, "destination", false, true, "'-t NAME --push' does it"},
    {0, "tar-path", false, true, "-o type=docker,dest=FILE does it"},
    {0, "cache-repo", false, true, "--cache-to and --cache-from type=registry,ref=NAME do it"},
    {0, "sbom", true, true,
     "no bill of materials is made here; 'cooper attest' puts one of a scanner's beside the image"},
    {0, NULL, false, false, NULL},
};

static int parse_squash(const char *text, enum build_squash *ret, struct error *err)
{
    *ret = BUILD_SQUASH_NOTHING;
    if (!text || strcmp(text, "false") == 0)
        return 0;
    *ret = strcmp(text, "all") == 0 ? BUILD_SQUASH_ALL : BUILD_SQUASH_NEW;
    if (*ret == BUILD_SQUASH_ALL || !*text || strcmp(text, "new") == 0 || strcmp(text, "true") == 0)
        return 0;
    return error_hint(err, error_set(err, -EINVAL, "--squash '%.40s' is not known", text),
                      "it is new (also without a word) or all");
}

static int parse_print(const char *text, enum build_print *ret, struct error *err)
{
    static const char *const names[] = {
        [BUILD_PRINT_AST] = "ast",         [BUILD_PRINT_PLAN] = "plan",
        [BUILD_PRINT_CONTEXT] = "context", [BUILD_PRINT_OUTLINE] = "outline",
        [BUILD_PRINT_TARGETS] = "targets", [BUILD_PRINT_CHECK] = "check"};

    *ret = BUILD_PRINT_NOTHING;
    if (!text)
        return 0;
    for (size_t i = BUILD_PRINT_AST; i < ARRAY_SIZE(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret = (enum build_print)i;
            return 0;
        }
    (void)error_set(err, -EINVAL, "--print '%s' is not known", text);
    return error_hint(err, -EINVAL, "it is one of ast, plan, context, outline, targets, check");
}

/* "outline,format=json", also behind --print, as buildx had it first; so was "lint" for check. */
static int parse_call(const char *text, const char *option, struct build_options *o,
                      struct error *err)
{
    struct view rest = view_of(text), name, part;

    (void)view_cut(&rest, ',', &name);
    while (rest.at && view_cut(&rest, ',', &part)) {
        o->print_json = view_eq_text(part, "format=json");
        if (!o->print_json && !view_eq_text(part, "format=text"))
            return error_set(err, -EINVAL, "--%s '%.80s' is not known", option, text);
    }
    cleanup_free char *what = view_dup(name);
    if (strcmp(what, "build") == 0 && strcmp(option, "call") == 0)
        return 0;
    return parse_print(strcmp(what, "lint") == 0 ? "check" : what, &o->print, err);
}

/* Without a word it is docker's flag. */
static int parse_pull(const char *text, enum build_pull *ret, struct error *err)
{
    static const struct {
        const char *word;
        enum build_pull pull;
    } words[] = {{"", BUILD_PULL_ALWAYS},       {"always", BUILD_PULL_ALWAYS},
                 {"true", BUILD_PULL_ALWAYS},   {"missing", BUILD_PULL_MISSING},
                 {"false", BUILD_PULL_MISSING}, {"never", BUILD_PULL_NEVER}};

    for (size_t i = 0; text && i < ARRAY_SIZE(words); i++)
        if (strcmp(text, words[i].word) == 0) {
            *ret = words[i].pull;
            return 0;
        }
    return text ? error_set(err, -EINVAL, "--pull is always, missing or never, not '%.40s'", text)
                : 0;
}

static int parse_printing(const struct build_command *c, struct build_options *o, struct error *err)
{
    int r = c->print ? parse_call(c->print, "print", o, err) : 0;

    if (r >= 0 && c->call)
        r = parse_call(c->call, "call", o, err);
    if (c->check)
        o->print = BUILD_PRINT_CHECK;
    if (r < 0 || !c->format)
        return r;
    o->print_json = strcmp(c->format, "json") == 0;
    if (!o->print_json && strcmp(c->format, "table") != 0)
        return error_hint(
            err, error_set(err, -EINVAL, "--format is table or json, not '%.40s'", c->format),
            "buildah's --format docker is -o type=image,oci-mediatypes=false");
    return 0;
}

static int parse_lint(const char *word, enum build_lint_mode *ret, struct error *err)
{
    if (!word)
        return 0;
    if (strcmp(word, "error") == 0)
        *ret = BUILD_LINT_ERROR;
    else if (*word == '\0' || strcmp(word, "warn") == 0)
        *ret = BUILD_LINT_WARN;
    else
        return error_set(err, -EINVAL, "--lint is warn or error, not '%.40s'", word);
    return 0;
}

/* A shell reads what is typed. */
static int parse_on_error(const struct build_command *c, struct build_options *o, struct error *err)
{
    const int r = c->on_error ? failure_parse(c->on_error, &o->on_error, err) : 0;

    if (r == 0 && o->on_error == BUILD_ON_ERROR_SHELL &&
        ((o->context && strcmp(o->context, "-") == 0) || (o->file && strcmp(o->file, "-") == 0)))
        return error_set(err, -EINVAL,
                         "--on-error=shell wants standard input, which is read by the build");
    return r;
}

/* What should never move had better have a name that nobody wants to move. */
static void warn_of_moving_tags(const struct env *env, const struct strings *tags)
{
    for (size_t i = 0; i < tags->size; i++) {
        REFERENCE_AUTO(ref);

        if (reference_parse(tags->at[i], &ref, NULL) == 0 && ref.tag &&
            !tag_is_fixed(view_of(ref.tag)))
            env_warn(env, "--immutable: the tag '%s' is neither a version nor a commit", ref.tag);
    }
}

/* docker's users have it in their environment. */
static void take_default_platform(struct build_options *o, struct strings *ret)
{
    const char *word = getenv("DOCKER_DEFAULT_PLATFORM");

    if (o->platforms.size > 0 || !word || !*word)
        return;
    strings_add(ret, word);
    o->platforms = *ret;
}

static int parse_words(const struct build_command *c, struct build_options *o,
                       struct wire_access *access, struct error *err)
{
    int r = parse_printing(c, o, err);

    if (r >= 0)
        r = parse_lint(c->lint, &o->lint_mode, err);
    if (r >= 0)
        r = parse_pull(c->pull, &o->pull, err);
    if (r >= 0)
        r = access_read(&c->access, access, err);
    if (r >= 0)
        r = provenance_parse(c->provenance, &c->attests, &o->provenance, err);
    if (r >= 0)
        r = parse_squash(c->squash, &o->squash, err);
    return r < 0 ? r : parse_on_error(c, o, err);
}

/* The lists are lent, not copied: both live until the command ends. */
static int run(const struct env *env, const void *given, char *const *arguments, struct error *err)
{
    const struct build_command *c = given;
    struct build_options o = {
        .context = arguments[0],
        .file = c->file,
        .target = c->target,
        .network = c->network,
        .iidfile = c->iidfile,
        .metadata_file = c->metadata_file,
        .reproducible = c->reproducible,
        .load = c->load,
        .push = c->push,
        .immutable = c->immutable,
        .platforms = c->platforms,
        .build_args = c->build_args,
        .build_contexts = c->build_contexts,
        .labels = c->labels,
        .add_hosts = c->add_hosts,
        .ulimits = c->ulimits,
        .allow = c->allow,
        .shm_size = c->shm_size,
        .outputs = c->outputs,
        .annotations = c->annotations,
        .jobs = c->jobs,
        .secrets = c->secrets,
        .ssh = c->ssh,
        .no_cache_filter = c->no_cache_filter,
        .cache_from = c->cache_from,
        .cache_to = c->cache_to,
        .errexit = c->errexit,
        .no_cache = c->no_cache,
        .explain = c->explain,
        .attach = run_attached,
        .show = cli_show_error,
        .lint = lint_for_build,
    };

    if (!o.context) {
        (void)error_set(err, -EINVAL, "'cooper build' wants the directory of the build context");
        (void)error_hint(err, -EINVAL, "'cooper build .' takes the directory where you are");
        return EXIT_USAGE;
    }
    CLEANUP(strings_done) struct strings tags = {0}, platforms = {0};
    CLEANUP(wire_access_done) struct wire_access access = {0};
    o.access = &access;
    take_default_platform(&o, &platforms);
    if (tags_expand(&c->tags, o.context, &tags, err) < 0)
        return EXIT_USAGE;
    o.tags = tags;
    if (c->immutable)
        warn_of_moving_tags(env, &tags);
    if (parse_words(c, &o, &access, err) < 0 || build_check_options(&o, err) < 0)
        return EXIT_USAGE;
    return build_run(env, &o, err) < 0 ? EXIT_FAILED : EXIT_DONE;
}

const struct command_row cmd_build = {
    .name = "build",
    .group = "make images",
    .arguments = "CONTEXT",
    .help = "make an image out of a Dockerfile",
    .options = options,
    .foreign = foreign,
    .options_size = sizeof(struct build_command),
    .arguments_max = 1,
    .run = run,
    .example = "cooper build -t app:1.0 .",
};
