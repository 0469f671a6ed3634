/* rules_layers.c - files that one layer makes and a later one deletes or changes: both ship. Files that are writable
 * where they must not be. */
#include <ctype.h>

#include "lint/image.h"
#include "lint/run.h"

#define MADE_MAX 2000   /* files of one stage that are remembered */
#define CALLS_AHEAD 500 /* where a scratch directory is deleted again */
#define VOLUMES_MAX 64
#define ASKED_MAX 2000 /* arguments of one stage that are compared with them */

/* A path that an instruction of the stage made. */
struct made {
    struct view path;
    const struct instruction *by;
    bool plain; /* COPY or ADD without --chown and --chmod */
};

struct traces {
    VEC(struct made) made;
    struct arena *arena;
    size_t asked;
};

static void add_made(struct traces *h, struct view path, const struct instruction *by, bool plain)
{
    while (path.size > 1 && path.at[path.size - 1] == '/')
        path.size--;
    if (path.size == 0 || path.at[0] == '-' || memchr(path.at, '$', path.size) ||
        view_eq_text(path, "/") || view_eq_text(path, ".") || h->made.size >= MADE_MAX)
        return;
    vec_push(&h->made, (struct made){path, by, plain});
}

/* What a path of a RUN has to do with one that was made before: it, below it, or above it. */
static const struct made *find_made(struct traces *h, struct view path)
{
    if (view_ends(path, "/*"))
        path.size -= 2;
    if (path.size < 2 || path.at[0] == '-' || h->asked++ >= ASKED_MAX)
        return NULL;
    vec_each (m, &h->made)
        if (lint_path_below(path, m->path) || lint_path_below(m->path, path))
            return m;
    return NULL;
}

static void made_by_copy(struct traces *h, const struct instruction *in)
{
    const bool plain = !instruction_flag(in, "chown").at && !instruction_flag(in, "chmod").at;
    const struct view target = lint_unquote(in->words[in->word_count - 1].text);

    if (!view_ends(target, "/")) {
        add_made(h, target, in, plain);
        return;
    }
    for (size_t i = 0; i + 1 < in->word_count; i++) {
        const struct view base = lint_base_name(lint_unquote(in->words[i].text));
        if (base.size == 0 || memchr(base.at, '*', base.size))
            continue;
        const char *path = arena_printf(h->arena, "%.*s%.*s", VIEW_ARG(target), VIEW_ARG(base));
        add_made(h, view_of(path), in, plain);
    }
}

static const char apt_lists[] = "/var/lib/apt/lists";

static void made_by_call(struct traces *h, const struct lint_run *run, size_t i)
{
    const struct lint_call *c = &run->calls[i];

    if (call_is(c, "curl"))
        add_made(h, call_flag_value(c, "o output"), run->in, false);
    if (call_is(c, "wget"))
        add_made(h, call_flag_value(c, "O output-document"), run->in, false);
    if (call_is(c, "apt-get apt aptitude") && call_has(c, "update") &&
        !run_removes(run, i + 1, "/var/lib/apt/lists") && !run_has_mount(run, apt_lists))
        add_made(h, view_of(apt_lists), run->in, false);
}

static bool ships(const struct lint_stage *s)
{
    return s->final || s->extended;
}

/* Calls look() for every call of every RUN with what was made before that RUN. */
static void walk_history(struct lint *l, const struct lint_stage *s,
                         bool (*look)(struct lint *, const struct lint_run *,
                                      const struct lint_call *, struct traces *))
{
    struct traces h = {.arena = l->arena};

    for (size_t i = 0; ships(s) && i < s->count; i++) {
        const struct instruction *in = &s->at[i];
        bool told = false;

        if ((in->kind == INSTRUCTION_COPY || in->kind == INSTRUCTION_ADD) && in->word_count >= 2)
            made_by_copy(&h, in);
        if (in->kind != INSTRUCTION_RUN)
            continue;
        const struct lint_run *run = lint_run_get(l, s, in);
        for (size_t j = 0; j < run->call_count && !told; j++)
            told = look(l, run, &run->calls[j], &h);
        for (size_t j = 0; j < run->call_count; j++)
            made_by_call(&h, run, j);
    }
    vec_done(&h.made);
}

/* ---- rm-in-later-layer ---- */

static bool look_at_rm(struct lint *l, const struct lint_run *run, const struct lint_call *c,
                       struct traces *h)
{
    if (!call_is(c, "rm unlink"))
        return false;
    for (size_t i = 0; i < c->arg_count; i++) {
        const struct made *m = c->args[i].flag ? NULL : find_made(h, c->args[i].text);

        if (!m)
            continue;
        lint_add(l, lint_arg_span(l, run, c, &c->args[i]),
                 "'%.*s' comes from line %u: its bytes stay in that layer and ship",
                 LINT_CUT(c->args[i].text), m->by->keyword_span.line);
        return true;
    }
    return false;
}

static void check_rm(struct lint *l, const struct lint_stage *s)
{
    walk_history(l, s, look_at_rm);
}

/* ---- chown-after-copy ---- */

static bool look_at_chown(struct lint *l, const struct lint_run *run, const struct lint_call *c,
                          struct traces *h)
{
    size_t at = 0;
    const struct lint_arg *a;

    if (!call_is(c, "chown chmod chgrp") || !call_operand(c, &at, "")) /* the owner or mode */
        return false;
    while ((a = call_operand(c, &at, ""))) {
        const struct made *m = find_made(h, a->text);

        if (!m || !m->plain || instruction_flag(m->by, "from").at)
            continue;
        lint_add(l, lint_arg_span(l, run, c, a),
                 "%.*s stores '%.*s' of line %u a second time: give COPY --ch%s", VIEW_ARG(c->name),
                 LINT_CUT(a->text), m->by->keyword_span.line, call_is(c, "chmod") ? "mod" : "own");
        return true;
    }
    return false;
}

static void check_chown(struct lint *l, const struct lint_stage *s)
{
    walk_history(l, s, look_at_chown);
}

/* ---- volume-then-write ---- */

struct volumes {
    struct view at[VOLUMES_MAX];
    size_t count;
    size_t asked;
};

static void add_volumes(struct volumes *v, const struct instruction *in)
{
    for (size_t i = 0; i < in->word_count && v->count < VOLUMES_MAX; i++) {
        const struct view path = lint_unquote(in->words[i].text);
        if (path.size > 1)
            v->at[v->count++] = path;
    }
}

static bool is_volume(struct volumes *v, struct view path)
{
    for (size_t i = 0; i < v->count && v->asked < ASKED_MAX; i++)
        if (lint_path_below(path, v->at[i]))
            return true;
    v->asked++;
    return false;
}

static struct view written_below(struct volumes *v, const struct lint_call *c)
{
    for (const struct sh_redirect *r = c->node ? c->node->redirects : NULL; r; r = r->next)
        if (view_starts(r->op, ">") && is_volume(v, r->target->text))
            return r->target->raw;
    if (!call_is(c, "touch mkdir cp mv ln install tee chown chmod chgrp tar unzip rm"))
        return (struct view){0};
    for (size_t i = 0; i < c->arg_count; i++)
        if (!c->args[i].flag && c->args[i].word && is_volume(v, c->args[i].text))
            return c->args[i].word->raw;
    return (struct view){0};
}

static void check_volume(struct lint *l, const struct lint_stage *s)
{
    struct volumes v = {0};

    for (size_t i = 0; i < s->count; i++) {
        if (s->at[i].kind == INSTRUCTION_VOLUME)
            add_volumes(&v, &s->at[i]);
        if (v.count == 0 || s->at[i].kind != INSTRUCTION_RUN)
            continue;
        const struct lint_run *run = lint_run_get(l, s, &s->at[i]);
        for (size_t j = 0; j < run->call_count; j++) {
            const struct view bytes = written_below(&v, &run->calls[j]);
            if (!bytes.at)
                continue;
            lint_add(l, lint_place(l, run, bytes),
                     "'%.*s' is in a VOLUME: other builders than BuildKit throw away what is "
                     "written there",
                     LINT_CUT(bytes));
            break;
        }
    }
}

/* ---- writable-exec ---- */

/* 777, 0666, a+w, o+rw; not 1777, where nobody deletes what is another's. */
static bool opens_to_all(struct view mode)
{
    struct view clause;

    if (mode.size > 0 && isdigit((unsigned char)mode.at[0]))
        return mode.size >= 3 && strchr("2367", mode.at[mode.size - 1]) &&
               (mode.size == 3 || !strchr("1357", mode.at[mode.size - 4]));
    if (mode.size > 0 && memchr(mode.at, 't', mode.size))
        return false;
    while (mode.at && view_cut(&mode, ',', &clause)) {
        size_t n = 0;
        bool all = false;

        while (n < clause.size && strchr("ugoa", clause.at[n]))
            all |= clause.at[n] == 'a' || clause.at[n] == 'o', n++;
        if (all && n < clause.size && strchr("+=", clause.at[n]) &&
            memchr(clause.at + n, 'w', clause.size - n))
            return true;
    }
    return false;
}

/* A scratch directory that the RUN deletes again. */
static bool is_removed(const struct lint_run *run, size_t i, struct view path)
{
    for (size_t j = i + 1; j < MIN(run->call_count, i + CALLS_AHEAD); j++)
        for (size_t k = 0; call_is(&run->calls[j], "rm") && k < run->calls[j].arg_count; k++)
            if (view_eq(run->calls[j].args[k].text, path))
                return true;
    return false;
}

static void check_chmod(struct lint *l, const struct lint_run *run)
{
    for (size_t i = 0; i < run->call_count; i++) {
        const struct lint_call *c = &run->calls[i];
        size_t at = 0;
        const struct lint_arg *mode = call_is(c, "chmod") ? call_operand(c, &at, "") : NULL;

        if (!mode || !opens_to_all(mode->text))
            continue;
        const struct lint_arg *path = call_operand(c, &at, "");
        if (path && (lint_in_list(path->text, "/tmp /var/tmp /run/lock /dev/shm") ||
                     is_removed(run, i, path->text)))
            continue;
        lint_add(l, lint_arg_span(l, run, c, mode), "mode '%.*s' lets everybody write",
                 LINT_CUT(mode->text));
        return;
    }
}

static bool is_root(struct view owner)
{
    struct view user;

    (void)view_cut(&owner, ':', &user);
    return user.size == 0 || lint_in_list(user, "root 0");
}

/* The file that the container starts. */
static struct view started(const struct lint_stage *s)
{
    const struct instruction *in = s->entrypoint ? s->entrypoint : s->cmd;

    return in && in->json && in->word_count > 0 ? in->words[0].text : VIEW("");
}

static bool copies_to(const struct instruction *in, struct view path)
{
    const struct view target = lint_unquote(in->words[in->word_count - 1].text);

    if (view_eq(target, path))
        return true;
    for (size_t i = 0; view_ends(target, "/") && i + 1 < in->word_count; i++) {
        const struct view base = lint_base_name(lint_unquote(in->words[i].text));
        if (path.size == target.size + base.size && memcmp(path.at, target.at, target.size) == 0 &&
            memcmp(path.at + target.size, base.at, base.size) == 0)
            return true;
    }
    return false;
}

static void check_owner(struct lint *l, const struct lint_stage *s)
{
    const struct view program = started(s);

    for (size_t i = 0; i < s->count; i++) {
        const struct instruction *in = &s->at[i];
        const struct view owner = instruction_flag(in, "chown");
        const struct view mode = instruction_flag(in, "chmod");

        if ((in->kind != INSTRUCTION_COPY && in->kind != INSTRUCTION_ADD) || in->word_count < 2)
            continue;
        if (mode.at && opens_to_all(mode))
            lint_add(l, lint_flag_span(in, "chmod"), "mode '%.*s' lets everybody write",
                     LINT_CUT(mode));
        else if (owner.at && !is_root(owner) && program.size > 0 && copies_to(in, program))
            lint_add(l, lint_flag_span(in, "chown"),
                     "'%.*s', which the container starts, belongs to '%.*s': the running program "
                     "can replace it",
                     LINT_CUT(program), LINT_CUT(owner));
    }
}

/* ---- too many layers ---- */

#define STEPS_MAX 100 /* engines mount 127 layers at most, and the base has some */

static size_t steps_of(const struct lint_stage *s, const struct instruction **ret_over)
{
    size_t count = s->parent ? steps_of(s->parent, ret_over) : 0;

    *ret_over = NULL;
    for (size_t i = 0; i < s->count; i++) {
        const enum instruction_kind kind = s->at[i].kind;
        const bool layer =
            kind == INSTRUCTION_RUN || kind == INSTRUCTION_COPY || kind == INSTRUCTION_ADD;
        count += layer;
        if (layer && count == STEPS_MAX + 1)
            *ret_over = &s->at[i];
    }
    return count;
}

static void check_steps(struct lint *l, const struct lint_stage *s)
{
    const struct instruction *over;
    const size_t count = steps_of(s, &over);

    if (over)
        lint_add(l, over->keyword_span, "%zu steps make a layer each; engines mount 127 at most",
                 count);
}

static void check_layer_count(struct lint *l, const struct image_facts *f)
{
    if (f->layer_count > STEPS_MAX)
        lint_add_place(l, "layers", LINT_NOWHERE, "%u layers; engines mount 127 at most",
                       f->layer_count);
}

#define RUN_10(text) text text text text text text text text text text

static const struct lint_row rows[] = {
    {
        .id = "CP360",
        .name = "rm-in-later-layer",
        .aliases = {NULL, "ID.20021"},
        .title = "a file is deleted in a later layer than the one that made it",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Layers add up: a deleted file is hidden, not gone. It costs its bytes at each "
               "pull, and a secret in it can be read by everybody.",
        .fix = "Delete it in the RUN that made it; mount it (RUN --mount=type=bind or secret) "
               "rather than COPY it.",
        .bad = "FROM debian:12.5\nRUN curl -o /t.tgz https://h.example/t\nRUN tar xf /t.tgz && rm "
               "/t.tgz\n",
        .good = "FROM debian:12.5\nRUN curl -o /t.tgz https://h.example/t && tar xf /t.tgz && rm "
                "/t.tgz\nUSER 1001\n",
        .stage = check_rm,
        .image = lint_image_hidden,
    },
    {
        .id = "CP361",
        .name = "chown-after-copy",
        .aliases = {NULL},
        .title = "owner or mode are changed after COPY",
        .level = LINT_INFO,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "A changed owner or mode stores the whole file again in the new layer.",
        .fix = "Write COPY --chown= or --chmod=.",
        .bad = "FROM debian:12.5\nCOPY a /a\nRUN chown -R app /a\n",
        .good = "FROM debian:12.5\nCOPY --chown=app a /a\nUSER 1001\n",
        .stage = check_chown,
        .image = lint_image_changed,
    },
    {
        .id = "CP362",
        .name = "volume-then-write",
        .aliases = {NULL},
        .title = "a RUN writes into a VOLUME",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "Builders differ: BuildKit keeps what is written behind VOLUME, the classic "
               "builder and others throw it away.",
        .fix = "Move VOLUME behind the last write, or leave it out and mount at the start.",
        .bad = "FROM debian:12.5\nVOLUME /d\nRUN touch /d/x\n",
        .good = "FROM debian:12.5\nRUN touch /d/x\nVOLUME /d\nUSER 1001\n",
        .stage = check_volume,
    },
    {
        .id = "CP363",
        .name = "writable-exec",
        .aliases = {NULL},
        .title = "files that everybody, or the program itself, may write",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why = "Whoever takes over the program can replace it by another, which then starts with "
               "each container. Files that run belong to root and are writable for nobody else.",
        .fix = "COPY --chmod=755 without --chown for what runs; chown only the directories that "
               "are written to.",
        .bad = "FROM debian:12.5\nRUN chmod -R 777 /app\n",
        .good = "FROM debian:12.5\nCOPY --chmod=755 run.sh /run.sh\nUSER 1001\nENTRYPOINT "
                "[\"/run.sh\"]\n",
        .run = check_chmod,
        .stage = check_owner,
        .image = lint_image_writable,
    },
    {
        .id = "CP364",
        .name = "too-many-layers",
        .aliases = {NULL, "ID.20020"},
        .title = "more than 100 layers",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE | LINT_IMAGE,
        .why =
            "Engines stack 127 layers at most, the base's among them: beyond, the image does not "
            "start. Each layer is a request more when it is pulled.",
        .fix = "Put steps that belong together into one RUN, or use a heredoc.",
        .bad = "FROM debian:12.5\nUSER 1001\n" RUN_10(RUN_10("COPY a /a\n")) "COPY b /b\n",
        .good = "FROM debian:12.5\nUSER 1001\n" RUN_10("COPY a /a\n"),
        .stage = check_steps,
        .image = check_layer_count,
    },
};

const struct lint_table lint_layers = {rows, ARRAY_SIZE(rows)};
