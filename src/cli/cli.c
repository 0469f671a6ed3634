#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/roles.h"

#define COMMAND_ROW(name) &cmd_##name,
const struct command_row *const commands[] = {COMMANDS(COMMAND_ROW) NULL};
#undef COMMAND_ROW

const struct command_row *command_find(const char *name)
{
    for (const struct command_row *const *c = commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

/* What docker, podman, buildah, skopeo and crane call it. Without a command: containers that go on by themselves. */
static const struct foreign_word {
    const char *word, *command;
} foreign_words[] = {
    {"attach", NULL},    {"bake", "build"},  {"bud", "build"},    {"builder", "prune"},
    {"buildx", "build"}, {"cp", "copy"},     {"create", "run"},   {"delete", "rmi"},
    {"df", "du"},        {"exec", NULL},     {"image", "images"}, {"import", "load"},
    {"kill", NULL},      {"list", "images"}, {"logs", NULL},      {"ls", "images"},
    {"pause", NULL},     {"ps", NULL},       {"restart", NULL},   {"rm", NULL},
    {"save", "export"},  {"start", "run"},   {"stats", NULL},     {"stop", NULL},
    {"system", "prune"}, {"top", NULL},      {"untag", "rmi"},    {"wait", NULL},
};

static int hint_foreign(const struct foreign_word *w, struct error *err)
{
    if (w->command)
        return error_hint(err, -EINVAL, "what others call '%s' is 'cooper %s' here", w->word,
                          w->command);
    return error_hint(err, -EINVAL,
                      "there is no daemon: a container is its 'cooper run', which shows what it "
                      "prints, takes signals for it and ends with it");
}

int command_unknown(const char *name, struct error *err)
{
    struct text_nearest nearest = text_nearest_to(view_of(name));

    (void)error_set(err, -EINVAL, "there is no command '%s'", name);
    for (size_t i = 0; i < ARRAY_SIZE(foreign_words); i++)
        if (strcmp(foreign_words[i].word, name) == 0) {
            (void)hint_foreign(&foreign_words[i], err);
            return EXIT_USAGE;
        }
    for (const struct command_row *const *c = commands; *c; c++)
        text_nearest_try(&nearest, (*c)->name);
    if (nearest.best)
        (void)error_hint(err, -EINVAL, "did you mean 'cooper %s'?", nearest.best);
    else
        (void)error_hint(err, -EINVAL, "'cooper help' lists all commands");
    return EXIT_USAGE;
}

/* With --progress json every line of standard error is a document. */
static void print_error_json(const struct env *env, const struct error *err)
{
    cleanup_doc json_t *doc = json_object();
    STR_AUTO(text);

    doc_set_text(doc, "event", "error");
    doc_set_text(doc, "text", err->text);
    if (err->where)
        doc_set_text(doc, "where", err->where);
    if (err->excerpt)
        doc_set_text(doc, "excerpt", err->excerpt);
    if (err->hint)
        doc_set_text(doc, "hint", err->hint);
    doc_print(doc, true, &text);
    fprintf(env->err, "%s\n", text.at);
}

/* Names out of archives and files may hold what a terminal obeys. */
static void print_clean(FILE *out, const char *text)
{
    STR_AUTO(clean);

    text_add_visible(&clean, view_of(text));
    fputs(clean.at, out);
}

static void print_error(const struct env *env, const struct error *err)
{
    const char *red = env->color ? "\033[31m" : "", *bold = env->color ? "\033[1m" : "",
               *plain = env->color ? "\033[0m" : "";

    fprintf(env->err, "%scooper:%s ", red, plain);
    if (err->where)
        fprintf(env->err, "%s%s:%s ", bold, err->where, plain);
    print_clean(env->err, err->text);
    putc('\n', env->err);
    if (err->excerpt)
        print_clean(env->err, err->excerpt);
    if (!err->hint)
        return;
    fprintf(env->err, "%shint:%s ", bold, plain);
    print_clean(env->err, err->hint);
    putc('\n', env->err);
}

void cli_show_error(const struct env *env, const struct error *err)
{
    if (env->progress && progress_is_json(env->progress))
        print_error_json(env, err);
    else
        print_error(env, err);
    (void)fflush(env->err);
}

/* "auto" asks the stream; $NO_COLOR and TERM=dumb are honoured by auto only. */
static int choose_color(const char *word, bool *ret, struct error *err)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    if (!word || strcmp(word, "auto") == 0)
        *ret = isatty(2) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
    else if (strcmp(word, "always") == 0 || strcmp(word, "never") == 0)
        *ret = *word == 'a';
    else
        return error_set(err, -EINVAL, "--color is auto, always or never, not '%s'", word);
    return 0;
}

/* The option, or what a builder's users have in their environment. */
static int choose_progress(const struct global_options *g, enum progress_mode *ret,
                           struct error *err)
{
    static const struct {
        const char *word;
        enum progress_mode mode;
    } modes[] = {{"none", PROGRESS_NONE},   {"quiet", PROGRESS_NONE}, {"tty", PROGRESS_TTY},
                 {"plain", PROGRESS_PLAIN}, {"json", PROGRESS_JSON},  {"rawjson", PROGRESS_JSON}};
    const char *term = getenv("TERM");
    const char *word = g->progress ? g->progress : getenv("BUILDKIT_PROGRESS");

    *ret = isatty(2) && !(term && strcmp(term, "dumb") == 0) ? PROGRESS_TTY : PROGRESS_PLAIN;
    if (g->quiet)
        *ret = PROGRESS_NONE;
    if (!word || !*word || strcmp(word, "auto") == 0 || (g->quiet && !g->progress))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        if (strcmp(word, modes[i].word) == 0) {
            *ret = modes[i].mode;
            return 0;
        }
    return error_set(err, -EINVAL, "%s is auto, tty, plain, json or none, not '%.40s'",
                     g->progress ? "--progress" : "BUILDKIT_PROGRESS", word);
}

/* Where this user's images are kept. Caller frees. */
static char *default_root(const char *home)
{
    const char *asked = getenv("COOPER_ROOT"), *data = getenv("XDG_DATA_HOME");

    if (asked && *asked)
        return xstrdup(asked);
    if (geteuid() == 0)
        return xstrdup("/var/lib/cooper");
    if (data && *data == '/')
        return xasprintf("%s/cooper", data);
    return xasprintf("%s/.local/share/cooper", home ? home : "");
}

static char *default_runtime(const char *root)
{
    const char *dir = getenv("XDG_RUNTIME_DIR");

    if (geteuid() == 0)
        return xstrdup("/run/cooper");
    return dir && *dir == '/' ? xasprintf("%s/cooper", dir) : xasprintf("%s/tmp/run", root);
}

/* The environment of one command, owned by its texts. */
struct world {
    struct env env;
    char *root, *runtime;
    bool json; /* --progress json: errors too */
};

static int world_init(struct world *w, const struct global_options *g, struct error *err)
{
    enum progress_mode mode = PROGRESS_NONE;
    int r = choose_color(g->color, &w->env.color, err);

    if (r == 0)
        r = choose_progress(g, &mode, err);
    if (r < 0)
        return r;
    const char *home = getenv("HOME");
    w->root = g->root ? xstrdup(g->root) : default_root(home);
    w->runtime = default_runtime(w->root);
    w->env.home = home;
    w->env.store_root = w->root;
    w->env.runtime_dir = w->runtime;
    w->env.now_s = (int64_t)time(NULL);
    w->env.quiet = g->quiet;
    w->env.verbose = g->verbose;
    w->json = mode == PROGRESS_JSON;
    w->env.progress = progress_new(mode, stderr, w->env.color);
    return 0;
}

static void world_done(struct world *w)
{
    progress_free(w->env.progress);
    w->env.progress = NULL;
    free(w->root);
    free(w->runtime);
}

static int check_arguments(const struct command_row *c, const struct strings *arguments,
                           struct error *err)
{
    const int count = (int)arguments->size;
    STR_AUTO(usage);
    int r = 0;

    if (count < c->arguments_min)
        r = error_set(err, -EINVAL, "'cooper %s' wants %s", c->name, c->arguments);
    else if (c->arguments_max >= 0 && count > c->arguments_max)
        r = error_set(err, -EINVAL, "'cooper %s' does not know what to do with '%s'", c->name,
                      arguments->at[c->arguments_max]);
    if (r == 0)
        return 0;
    help_usage_text(&usage, c);
    return error_hint(err, r, "%s", usage.at);
}

/* A result that could not be written is a failure: a full disk must not look like success. */
static int flush_results(int status, struct error *err)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (!err->text)
        (void)error_set(err, -EIO, "the result could not be written to standard output");
    return status == EXIT_DONE ? EXIT_FAILED : status;
}

static int run_command(const struct command_row *c, struct world *w, struct global_options *g,
                       char **argv, int argc, struct error *err)
{
    cleanup_free void *options = xcalloc(1, MAX(c->options_size, (size_t)1));
    CLEANUP(strings_done) struct strings arguments = {0};
    int status = EXIT_USAGE;

    if (options_parse(c, argv, argc, options, g, &arguments, err) == 0) {
        if (g->help) {
            help_command(stdout, c);
            status = EXIT_DONE;
        } else if (check_arguments(c, &arguments, err) == 0 && world_init(w, g, err) == 0) {
            for (size_t i = 0; i < g->warnings.size; i++)
                env_warn(&w->env, "%s", g->warnings.at[i]);
            status = c->run(&w->env, options, strings_argv(&arguments), err);
            if (status < 0 || (status == EXIT_DONE && err->text))
                status = EXIT_FAILED;
        }
    }
    options_done(c, options);
    strings_done(&g->warnings);
    return flush_results(status, err);
}

static int run_words(int argc, char **argv, struct world *w, struct error *err)
{
    CLEANUP(strings_done) struct strings words = {0};
    struct global_options g = {0};

    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return cmd_version.run(&w->env, NULL, NULL, err);
    if (options_parse(NULL, argv + 1, argc - 1, NULL, &g, &words, err) < 0)
        return EXIT_USAGE;
    if (words.size == 0) {
        help_all(g.help ? stdout : stderr);
        return g.help ? EXIT_DONE : EXIT_USAGE;
    }
    const struct command_row *c = command_find(words.at[0]);
    if (!c)
        return command_unknown(words.at[0], err);
    return run_command(c, w, &g, words.at + 1, (int)words.size - 1, err);
}

int cli_main(int argc, char **argv)
{
    struct world w = {.env = {.out = stdout, .err = stderr}};
    ERROR_AUTO(err);

    if (argc > 0 && argv[0][0] == '@')
        return role_main(argc, argv);
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that went away is a write error, said once */
    w.env.color = isatty(2);
    const int status = run_words(argc, argv, &w, &err);
    world_done(&w);
    if (err.text && err.code == -ENOSPC && !err.hint)
        (void)error_hint(&err, err.code,
                         "free space on that disk; 'cooper prune' removes old build results");
    if (err.text)
        (w.json ? print_error_json : print_error)(&w.env, &err);
    (void)fflush(stderr);
    return status;
}
