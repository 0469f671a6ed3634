/* run.c - from an instruction to the programs it calls. */
#include "lint/run.h"
#include <assert.h>

#include "dockerfile/errexit.h"

/* Asked hundreds of times for each command: no calls in it. */
bool lint_in_list(struct view word, const char *list)
{
    if (word.size == 0)
        return false;
    for (const char *item = list; *item; item++) {
        size_t n = 0;

        while (n < word.size && item[n] == word.at[n] && item[n] != ' ' && item[n])
            n++;
        if (n == word.size && (item[n] == ' ' || !item[n]))
            return true;
        for (item += n; *item && *item != ' ';)
            item++;
        if (!*item)
            break;
    }
    return false;
}

struct view lint_base_name(struct view path)
{
    size_t begin = path.size;

    if (path.size == 0)
        return VIEW("");
    while (begin > 0 && path.at[begin - 1] != '/' && path.at[begin - 1] != '\\')
        begin--;
    return view_make(path.at + begin, path.size - begin);
}

/* ---- places ---- */

/* Of a word of the JSON form, whose bytes are no longer those of the file. */
static struct span word_span(const struct instruction *in, const char *at)
{
    for (size_t i = 0; at && i < in->word_count; i++)
        if (at >= in->words[i].text.at && at <= in->words[i].text.at + in->words[i].text.size)
            return in->words[i].span;
    return in->keyword_span;
}

struct span lint_place(const struct lint *l, const struct lint_run *run, struct view bytes)
{
    const ssize_t begin = bytes.at ? instruction_offset(l->d, run->in, bytes.at) : -1;

    if (begin < 0)
        return word_span(run->in, bytes.at);
    if (bytes.size == 0)
        return dockerfile_span(l->d, (size_t)begin, (size_t)begin);
    const ssize_t last = instruction_offset(l->d, run->in, bytes.at + bytes.size - 1);
    return dockerfile_span(l->d, (size_t)begin, last < begin ? (size_t)begin : (size_t)last + 1);
}

struct span lint_call_span(const struct lint *l, const struct lint_run *run,
                           const struct lint_call *c)
{
    return lint_place(l, run, c->bytes);
}

struct span lint_arg_span(const struct lint *l, const struct lint_run *run,
                          const struct lint_call *c, const struct lint_arg *a)
{
    if (a->word)
        return lint_place(l, run, a->word->raw);
    return a->text.at && !c->node ? lint_place(l, run, a->text) : lint_call_span(l, run, c);
}

struct span lint_span_behind(struct span s)
{
    return (struct span){s.end_line, s.end_column, s.end_line, s.end_column};
}

bool lint_run_end(const struct lint *l, const struct lint_run *run, const struct lint_call *c,
                  struct span *ret)
{
    for (size_t i = 0; c->node && !run->detached && i < run->script_count; i++) {
        const struct sh_script *s = run->scripts[i];
        const struct sh_node *last = s->root->first;

        if (c->bytes.at < s->text.at || c->bytes.at >= s->text.at + s->text.size)
            continue;
        while (last && last->next)
            last = last->next;
        if (!last || last->op == SH_OP_BACKGROUND || s->error_count > 0 || last->end <= last->begin)
            return false;
        *ret = lint_span_behind(
            lint_place(l, run, view_make(s->text.at + last->begin, last->end - last->begin)));
        return true;
    }
    return false;
}

/* ---- calls out of a script ---- */

struct reading {
    struct lint *l;
    struct lint_run *run;
    VEC(struct lint_call) calls;
    VEC(const struct sh_script *) scripts;
};

static struct lint_arg make_arg(struct view text, const struct sh_word *word)
{
    const bool dash = text.size > 1 && text.at[0] == '-' && !view_eq_text(text, "--");

    return (struct lint_arg){text, word, dash};
}

/* The word that names the program: behind exec, command, builtin and their flags. */
static const struct sh_word *name_word(const struct sh_word *first)
{
    while (first && first->literal && lint_in_list(first->text, "exec command builtin")) {
        const bool exec = view_eq_text(first->text, "exec");

        for (first = first->next; first && view_starts(first->text, "-"); first = first->next)
            if (exec && view_eq_text(first->text, "-a") && first->next)
                first = first->next;
    }
    return first;
}

static void add_call(struct reading *r, const struct sh_script *s, const struct sh_node *node)
{
    const struct sh_word *name = name_word(node->words), *w;
    struct lint_call c = {.name = VIEW(""), .node = node};
    size_t count = 0;

    for (w = name ? name->next : NULL; w; w = w->next)
        count++;
    struct lint_arg *args = arena_alloc(r->l->arena, (count + 1) * sizeof(*args));
    for (w = name ? name->next : NULL; w; w = w->next)
        args[c.arg_count++] = make_arg(w->text, w);
    if (name && name->literal)
        c.name = name->text;
    c.args = args;
    c.bytes = view_make(s->text.at + node->begin, node->end - node->begin);
    vec_push(&r->calls, c);
}

static const struct sh_script *read_script(struct reading *r, struct view text)
{
    const struct sh_script *s = sh_parse(r->l->arena, text);

    vec_push(&r->scripts, s);
    for (size_t i = 0; i < s->command_count; i++)
        add_call(r, s, s->commands[i]);
    return s;
}

/* ---- heredocs ---- */

/* "#!/usr/bin/env python3" is not for us. */
static bool is_shell_script(struct view text)
{
    struct view line, word;

    if (!view_starts(text, "#!"))
        return true;
    (void)view_cut(&text, '\n', &line);
    line = view_trim(view_make(line.at + 2, line.size - 2));
    while (line.at && view_cut(&line, ' ', &word))
        if (errexit_is_shell(word))
            return true;
    return false;
}

/* A shell that reads its script from the heredoc: no operand names a file. */
static bool reads_script(const struct lint_call *c)
{
    size_t at = 0;

    return errexit_is_shell(c->name) && !call_flag(c, "c") && !call_operand(c, &at, "o O");
}

static bool has_redirect(const struct sh_node *node, const struct sh_redirect *want)
{
    for (const struct sh_redirect *r = node->redirects; r; r = r->next)
        if (r == want)
            return true;
    return false;
}

/* The bodies of the line's heredocs stand behind it, in its own order. */
static void read_heredocs(struct reading *r, const struct sh_script *line)
{
    const struct instruction *in = r->run->in;
    const size_t calls = r->calls.size, count = MIN(line->heredoc_count, in->heredoc_count);

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < calls; j++)
            if (has_redirect(r->calls.at[j].node, line->heredocs[i]) &&
                reads_script(&r->calls.at[j])) {
                (void)read_script(r, in->heredocs[i].raw);
                break;
            }
}

static void read_shell_form(struct reading *r)
{
    const struct instruction *in = r->run->in;

    if (in->heredoc_count == 1 && view_eq(view_trim(in->rest), in->heredocs[0].opener)) {
        if (is_shell_script(in->heredocs[0].raw))
            (void)read_script(r, in->heredocs[0].raw);
        return;
    }
    struct view text = in->rest;
    if (in->kind == INSTRUCTION_HEALTHCHECK) {
        if (in->word_count < 2)
            return;
        text = in->words[1].text;
    }
    const struct sh_script *line = read_script(r, text);
    if (in->heredoc_count > 0)
        read_heredocs(r, line);
}

/* ["sh", "-c", "..."] is read, too. */
static void read_json_form(struct reading *r)
{
    const struct instruction *in = r->run->in;
    const size_t first = in->kind == INSTRUCTION_HEALTHCHECK ? 1 : 0;
    struct lint_call c = {0};

    if (in->word_count <= first)
        return;
    struct lint_arg *args = arena_alloc(r->l->arena, in->word_count * sizeof(*args));
    c.name = in->words[first].text;
    for (size_t i = first + 1; i < in->word_count; i++)
        args[c.arg_count++] = make_arg(in->words[i].text, NULL);
    c.args = args;
    vec_push(&r->calls, c);
    if (!errexit_is_shell(c.name) || !call_flag(&c, "c"))
        return;
    for (size_t i = 0; i < c.arg_count; i++)
        if (!args[i].flag) {
            r->run->detached = true;
            (void)read_script(r, args[i].text);
            return;
        }
}

/* Without SHELL, RUN is read by cmd there. */
static bool is_windows_base(const struct lint *l, const struct lint_stage *s)
{
    static const char *const names[] = {"windows/", "nanoserver", "servercore"};

    while (s->parent)
        s = s->parent;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (s->image.size > 0 && memmem(s->image.at, s->image.size, names[i], strlen(names[i])))
            return true;
    return l->d->escape == '`';
}

static bool is_windows(const struct lint *l, const struct lint_stage *s)
{
    static const char *const names[] = {"pwsh", "powershell", "cmd"};
    const struct lint_scope *scope = &s->scope;
    const struct instruction *shell = scope->shell;
    const struct view name = scope->pragma_shell.size > 0     ? scope->pragma_shell
                             : shell && shell->word_count > 0 ? shell->words[0].text
                                                              : VIEW("");
    const struct view base = lint_base_name(name);

    if (name.size == 0)
        return is_windows_base(l, s);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (base.size >= strlen(names[i]) &&
            view_eq_nocase(view_make(base.at, strlen(names[i])), names[i]))
            return true;
    return false;
}

static const void *keep(struct arena *arena, const void *items, size_t size)
{
    void *copy = arena_alloc(arena, size + 1);

    if (size > 0)
        memcpy(copy, items, size);
    return copy;
}

static struct lint_run *read_run(struct lint *l, const struct lint_stage *s,
                                 const struct instruction *outer)
{
    struct lint_run *run = arena_new_object(l->arena, struct lint_run);
    struct reading r = {.l = l, .run = run};

    run->in = outer->trigger ? outer->trigger : outer;
    run->trigger = outer->trigger != NULL;
    run->stage = s;
    run->windows = is_windows(l, s);
    run->mounts = lint_mounts(l, run->in, &run->mount_count);
    if (run->in->json)
        read_json_form(&r);
    else
        read_shell_form(&r);
    run->calls = keep(l->arena, r.calls.at, r.calls.size * sizeof(*r.calls.at));
    run->call_count = r.calls.size;
    run->scripts = keep(l->arena, r.scripts.at, r.scripts.size * sizeof(*r.scripts.at));
    run->script_count = r.scripts.size;
    vec_done(&r.calls);
    vec_done(&r.scripts);
    return run;
}

const struct lint_run *lint_run_get(struct lint *l, const struct lint_stage *s,
                                    const struct instruction *outer)
{
    const unsigned kinds =
        LINT_KIND(RUN) | LINT_KIND(CMD) | LINT_KIND(ENTRYPOINT) | LINT_KIND(HEALTHCHECK);
    const struct instruction *in = outer->trigger ? outer->trigger : outer;
    const size_t at = (size_t)(outer - l->d->instructions);

    assert(at < l->d->instruction_count); /* no trigger itself */
    if (!(1u << in->kind & kinds))
        return NULL;
    if (!l->run_cache)
        l->run_cache =
            arena_alloc(l->arena, l->d->instruction_count * sizeof(const struct lint_run *));
    if (!l->run_cache[at])
        l->run_cache[at] = read_run(l, s, outer);
    return l->run_cache[at];
}
