/* rules_context.c - what the build context has that COPY takes along. */
#include "lint/context.h"
#include "lint/facts_image.h"
#include "lint/run.h"

#define ASKED_MAX 1000000u /* names that a Dockerfile's sources are held against */
#define NEEDS_ASKED_MAX                                                                            \
    20000u /* sources that files of requirements are held against: each is a pattern */

struct found {
    const char *path;
    const char *what; /* of ballast; NULL: a secret */
};

/* A file of requirements. */
struct needs {
    const char *path;
    struct view text;
};

struct lint_context {
    VEC(struct found) found;
    VEC(struct needs) needs;
    struct map locks; /* paths of lock files */
    char *directory, *ignore_name;
    size_t patterns;
    bool whole; /* the file system, or somebody's home directory */
    struct arena *arena;
};

struct lint_context *lint_context_new(const char *directory, const char *home,
                                      const char *ignore_name, size_t patterns)
{
    struct lint_context *c = xcalloc(1, sizeof(*c));

    c->arena = arena_new();
    c->directory = arena_strdup(c->arena, directory);
    c->ignore_name = ignore_name ? arena_strdup(c->arena, ignore_name) : NULL;
    c->patterns = patterns;
    c->whole = strcmp(directory, "/") == 0 || (home && strcmp(directory, home) == 0);
    return c;
}

void lint_context_free(struct lint_context *c)
{
    if (!c)
        return;
    vec_done(&c->found);
    vec_done(&c->needs);
    map_done(&c->locks);
    arena_free(c->arena);
    free(c);
}

/* What it is of names that are in every project and of no use in an image; NULL: it may be. */
static const char *ballast(struct view path, bool directory, uint64_t size)
{
    const struct view name = lint_base_name(path);
    const bool top = name.size == path.size;

    if (directory && lint_in_list(name, ".git .hg .svn"))
        return "the history of the sources";
    if (directory &&
        lint_in_list(name, "node_modules .venv __pycache__ .tox .gradle .m2 .npm .cache"))
        return "what the build makes itself";
    if (directory && lint_in_list(name, ".idea .vscode"))
        return "an editor's files";
    if (lint_in_list(name, ".DS_Store Thumbs.db"))
        return "a file manager's";
    if (top && !directory &&
        lint_in_list(name, "Dockerfile Containerfile .dockerignore compose.yaml compose.yml "
                           "docker-compose.yaml docker-compose.yml"))
        return "how it is built";
    return size >= CONTEXT_LARGE_MIN ? "a large file" : NULL;
}

bool lint_context_add(struct lint_context *c, struct view path, bool directory, uint64_t size)
{
    const bool secret = image_name_is_secret(path);
    const char *what = secret ? NULL : ballast(path, directory, size);

    if (!directory && c->locks.size < CONTEXT_FOUND_MAX && requirements_is_lock(path))
        map_set(&c->locks, path, c);
    if (!secret && !what)
        return false;
    if (c->found.size < CONTEXT_FOUND_MAX) {
        const struct found f = {arena_strndup(c->arena, path.at, path.size), what};
        vec_push(&c->found, f);
    }
    return true;
}

bool lint_context_wants(const struct lint_context *c, struct view path)
{
    return c->needs.size < CONTEXT_TEXTS_MAX && requirements_is(path) &&
           !image_name_is_sample(path);
}

void lint_context_text(struct lint_context *c, struct view path, struct view text)
{
    const struct needs n = {arena_strndup(c->arena, path.at, path.size),
                            view_make(arena_strndup(c->arena, text.at, text.size), text.size)};

    vec_push(&c->needs, n);
}

static int compare(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return strcmp(x->path, y->path);
}

static int compare_needs(const void *a, const void *b)
{
    const struct needs *x = a, *y = b;

    return strcmp(x->path, y->path);
}

void lint_context_sort(struct lint_context *c)
{
    if (c->needs.size > 0)
        qsort(c->needs.at, c->needs.size, sizeof(*c->needs.at), compare_needs);
    if (c->found.size > 0)
        qsort(c->found.at, c->found.size, sizeof(*c->found.at), compare);
}

/* ---- the whole of it ---- */

static bool takes_context(const struct instruction *in)
{
    if ((in->kind != INSTRUCTION_COPY && in->kind != INSTRUCTION_ADD) ||
        instruction_flag(in, "from").at)
        return false;
    for (size_t i = 0; i + 1 < in->word_count; i++)
        if (lint_from_context(in, &in->words[i]))
            return true;
    return false;
}

/* What is said once for a file stands at the first instruction that needs the context. */
static const struct instruction *first_of(const struct lint *l)
{
    for (size_t i = 0; l->options->sent && i < l->d->instruction_count; i++)
        if (takes_context(&l->d->instructions[i]))
            return &l->d->instructions[i];
    return NULL;
}

static void check_no_ignore(struct lint *l)
{
    const struct instruction *in = first_of(l);

    if (in && !l->options->sent->ignore_name)
        lint_add(l, in->keyword_span, "the build context has no .dockerignore");
}

static void check_empty_ignore(struct lint *l)
{
    const struct instruction *in = first_of(l);

    if (in && l->options->sent->ignore_name && l->options->sent->patterns == 0)
        lint_add(l, in->keyword_span, "'%.200s' has no pattern", l->options->sent->ignore_name);
}

static void check_whole(struct lint *l)
{
    const struct instruction *in = first_of(l);

    if (in && l->options->sent->whole)
        lint_add(l, in->keyword_span, "the build context is '%.200s', all of it",
                 l->options->sent->directory);
}

/* ---- what a COPY takes ---- */

static struct ignore *patterns_of(const struct lint *l, const struct view *texts, size_t count)
{
    const char **list = arena_alloc(l->arena, (count + 1) * sizeof(*list));
    struct ignore *ret = NULL;

    for (size_t i = 0; i < count; i++)
        list[i] = arena_strndup(l->arena, texts[i].at, texts[i].size);
    return ignore_new(list, count, &ret, NULL) == 0 ? ret : NULL;
}

/* --exclude of COPY, against what lies below the source. */
static struct ignore *excludes_of(const struct lint *l, const struct instruction *in)
{
    struct view *texts = arena_alloc(l->arena, (in->flag_count + 1) * sizeof(*texts));
    size_t count = 0;

    for (size_t i = 0; i < in->flag_count; i++)
        if (view_eq_text(in->flags[i].name, "exclude"))
            texts[count++] = lint_unquote(in->flags[i].value);
    return count > 0 ? patterns_of(l, texts, count) : NULL;
}

struct source {
    struct view path;       /* size 0: all */
    struct ignore *pattern; /* that matches as COPY does: what is below a match is taken, too */
    struct ignore *excludes;
};

static bool is_taken(const struct source *s, const char *path)
{
    const struct view v = view_of(path);
    struct view below = v;

    if (view_eq(v, s->path)) /* it is asked for by name */
        return false;
    if (s->path.size > 0 && !ignore_match(s->pattern, v))
        return false;
    if (s->path.size > 0 && lint_path_below(v, s->path))
        below = view_make(v.at + s->path.size + 1, v.size - s->path.size - 1);
    return !s->excludes || !ignore_match(s->excludes, below);
}

#define NAMES_SHOWN 3

static void tell(struct lint *l, const struct word *w, const struct source *s, bool secrets)
{
    STR_AUTO(names);
    size_t count = 0;

    vec_each (f, &l->options->sent->found) {
        if ((f->what == NULL) != secrets || !is_taken(s, f->path))
            continue;
        if (count++ < NAMES_SHOWN)
            str_printf(&names, "%s'%.200s'%s%s%s", count > 1 ? ", " : "", f->path,
                       f->what ? " (" : "", f->what ? f->what : "", f->what ? ")" : "");
    }
    if (count > NAMES_SHOWN)
        str_printf(&names, " and %zu more", count - NAMES_SHOWN);
    if (count > 0)
        lint_add(l, w->span, "'%.*s' takes %s along", LINT_CUT(w->text), names.at);
}

static void look_at(struct lint *l, const struct instruction *in, bool secrets, size_t *left)
{
    struct ignore *excludes = excludes_of(l, in);

    for (size_t i = 0; i + 1 < in->word_count && *left > 0; i++) {
        struct source s = {lint_clean_source(in->words[i].text), NULL, excludes};

        if (!lint_from_context(in, &in->words[i]) || lint_has_variable(s.path) ||
            view_starts(s.path, "!"))
            continue;
        s.pattern = s.path.size > 0 ? patterns_of(l, &s.path, 1) : NULL;
        if (s.path.size == 0 || s.pattern)
            tell(l, &in->words[i], &s, secrets);
        ignore_free(s.pattern);
        *left -= MIN(*left, l->options->sent->found.size);
    }
    ignore_free(excludes);
}

/* ---- what it takes that needs more ---- */

/* By name or in a directory. */
static bool takes(const struct lint *l, const struct instruction *in, const struct word *w,
                  const char *path)
{
    struct source s = {lint_clean_source(w->text), NULL, NULL};
    bool taken = view_eq_text(s.path, path);

    if (!lint_from_context(in, w) || lint_has_variable(s.path) || view_starts(s.path, "!"))
        return false;
    if (!taken) {
        s.pattern = s.path.size > 0 ? patterns_of(l, &s.path, 1) : NULL;
        s.excludes = excludes_of(l, in);
        taken = (s.path.size == 0 || s.pattern) && is_taken(&s, path);
        ignore_free(s.pattern);
        ignore_free(s.excludes);
    }
    return taken;
}

/* The first source of a stage that is built; NULL: nothing takes it. */
static const struct word *taker_of(const struct lint *l, const char *path, size_t *left)
{
    for (size_t i = 0; i < l->stage_count; i++)
        for (size_t k = 0; l->stages[i].used && k < l->stages[i].count; k++) {
            const struct instruction *in = &l->stages[i].at[k];
            if ((in->kind != INSTRUCTION_COPY && in->kind != INSTRUCTION_ADD) ||
                instruction_flag(in, "from").at)
                continue;
            for (size_t w = 0; w + 1 < in->word_count && *left > 0; w++, --*left)
                if (takes(l, in, &in->words[w], path))
                    return &in->words[w];
        }
    return NULL;
}

static void check_needs(struct lint *l)
{
    size_t left = NEEDS_ASKED_MAX;

    for (size_t i = 0; l->options->sent && i < l->options->sent->needs.size; i++) {
        const struct needs *n = &l->options->sent->needs.at[i];
        STR_AUTO(first);
        const size_t open =
            requirements_open(view_of(n->path), n->text, &l->options->sent->locks, &first);
        const struct word *w = open > 0 ? taker_of(l, n->path, &left) : NULL;

        if (!w)
            continue;
        if (view_ends(view_of(n->path), "go.mod"))
            lint_add(l, w->span, "'%.200s' comes without go.sum: nobody checks what it names",
                     n->path);
        else if (open > 1)
            lint_add(l, w->span, "'%.200s' leaves versions open: '%.*s' and %zu more", n->path,
                     LINT_CUT(str_view(&first)), open - 1);
        else
            lint_add(l, w->span, "'%.200s' leaves the version open of '%.*s'", n->path,
                     LINT_CUT(str_view(&first)));
    }
}

/* Every source of every COPY that is built is held against every name. */
static void look_at_all(struct lint *l, bool secrets)
{
    size_t left = ASKED_MAX;

    for (size_t i = 0; l->options->sent && i < l->stage_count; i++) {
        const struct lint_stage *s = &l->stages[i];
        for (size_t k = 0; s->used && k < s->count; k++)
            if (s->at[k].kind == INSTRUCTION_COPY || s->at[k].kind == INSTRUCTION_ADD)
                look_at(l, &s->at[k], secrets, &left);
    }
}

static void check_secrets(struct lint *l)
{
    look_at_all(l, true);
}

static void check_ballast(struct lint *l)
{
    look_at_all(l, false);
}

static const struct lint_row rows[] = {
    {
        .id = "CP171",
        .name = "no-dockerignore",
        .aliases = {NULL, "ID.10001"},
        .title = "the build context has no .dockerignore",
        .level = LINT_WARNING,
        .where = LINT_CONTEXT,
        .why = "Whatever lies in the directory is sent to the builder, and a COPY of a directory "
               "takes it along: histories, logs, keys of whoever builds.",
        .fix = "Write a .dockerignore that lists what no build needs; or '*' and what it needs "
               "with '!'.",
        .bad = "FROM debian:12.5\nCOPY src /src\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY <<EOF /etc/a.conf\na=1\nEOF\nUSER 1001\n",
        .sent = "src/\n",
        .file = check_no_ignore,
    },
    {
        .id = "CP172",
        .name = "dockerignore-empty",
        .aliases = {NULL, "ID.10002"},
        .title = "the .dockerignore has no pattern",
        .level = LINT_WARNING,
        .where = LINT_CONTEXT,
        .why = "It looks as if something were left out of the build context, and nothing is.",
        .fix = "List what no build needs: .git, node_modules, .env.",
        .bad = "FROM debian:12.5\nCOPY src /src\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY <<EOF /etc/a.conf\na=1\nEOF\nUSER 1001\n",
        .ignore = "# nothing\n",
        .sent = "src/\n",
        .file = check_empty_ignore,
    },
    {
        .id = "CP173",
        .name = "context-secret",
        .aliases = {NULL},
        .title = "COPY of a directory takes a file along that looks like a secret",
        .level = LINT_WARNING,
        .where = LINT_CONTEXT,
        .why = "Nobody wrote its name, so nobody sees it: the key or password is in the layer, and "
               "stays there when a later step deletes it.",
        .fix = "Put it into .dockerignore; hand secrets over with RUN --mount=type=secret.",
        .bad = "FROM debian:12.5\nCOPY app /app\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY app/src /app\nUSER 1001\n",
        .ignore = ".git\n",
        .sent = "app/.env\napp/src/main.c\n",
        .file = check_secrets,
    },
    {
        .id = "CP174",
        .name = "context-ballast",
        .aliases = {NULL},
        .title = "COPY of a directory takes along what no image needs",
        .level = LINT_INFO,
        .where = LINT_CONTEXT,
        .why = "Histories, caches and editors' files change all the time, so the step and all "
               "below it run again; and they ship, with whatever was ever committed.",
        .fix = "Put them into .dockerignore, or copy what is needed by name.",
        .bad = "FROM debian:12.5\nCOPY . /app\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY src /app\nUSER 1001\n",
        .ignore = "*.log\n",
        .sent = ".git/\nsrc/main.c\n",
        .file = check_ballast,
    },
    {
        .id = "CP175",
        .name = "context-whole",
        .aliases = {NULL},
        .title = "the build context is the whole file system, or a home directory",
        .level = LINT_WARNING,
        .where = LINT_CONTEXT,
        .why = "The builder is handed every key, history and database that is there. One wide COPY "
               "puts them into an image.",
        .fix = "Build in a directory of its own.",
        .bad = "FROM debian:12.5\nCOPY etc/motd /etc/\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY <<EOF /etc/motd\nhello\nEOF\nUSER 1001\n",
        .ignore = "*.log\n",
        .sent = "/\n",
        .file = check_whole,
    },
    {
        .id = "CP176",
        .name = "requirements-open",
        .aliases = {NULL},
        .title = "a file of requirements leaves versions open",
        .level = LINT_INFO,
        .where = LINT_CONTEXT,
        .why = "What is installed depends on the day of the build: a release that breaks the "
               "program, or "
               "one that was taken over, comes in unseen.",
        .fix = "requirements.txt with == and hashes (pip-compile, uv export); the lock file of the "
               "package manager beside package.json and Gemfile; go.sum.",
        .bad = "FROM debian:12.5\nCOPY requirements.txt /app/\nUSER 1001\n",
        .good = "FROM debian:12.5\nCOPY requirements.in /app/\nUSER 1001\n",
        .ignore = ".git\n",
        .sent = "requirements.in\nrequirements.txt\tflask>=3\n",
        .file = check_needs,
    },
};

const struct lint_table lint_contexts = {rows, ARRAY_SIZE(rows)};
