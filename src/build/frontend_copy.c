/* frontend_copy.c - COPY and ADD: sources, destination, flags. */
#include <ctype.h>
#include <errno.h>

#include "build/frontend_internal.h"
#include "dockerfile/ignore.h"
#include "layer/chmod.h"
#include "net/url.h"

struct copy {
    struct frontend *fe;
    struct fe_stage *s;
    const struct fe_command *c;
    bool add;
    const char *owner, *mode; /* expanded; "" */
    const char **excludes;
    size_t exclude_count;
    struct op_ref from;
    bool has_from, keep_owner; /* has_from: asked for, known by now */
    struct fe_from *sources;   /* by word */
    const char *dest;          /* as written, expanded */
    struct str path;           /* absolute, cleaned */
    bool dest_is_dir;
    struct error *err;
};

/* ---- --chmod ---- */

static bool is_octal(const char *text)
{
    return *text && strspn(text, "01234567") == strlen(text);
}

/* "u=rwX,go-w": who, what, which; several of them. */
static bool is_symbolic(const char *text)
{
    struct view rest = view_of(text), part;

    while (rest.at && view_cut(&rest, ',', &part)) {
        size_t i = 0;
        bool any = false;

        while (i < part.size && part.at[i] && strchr("ugoa", part.at[i]))
            i++;
        while (i < part.size && part.at[i] && strchr("+-=", part.at[i])) {
            any = true;
            for (i++; i < part.size && part.at[i] && strchr("rwxXstugo", part.at[i]);)
                i++;
        }
        if (!any || i < part.size)
            return false;
    }
    return true;
}

static int check_mode(const struct copy *p)
{
    if (!*p->mode || (is_octal(p->mode) ? strtoul(p->mode, NULL, 8) <= 07777 && strlen(p->mode) <= 8
                                        : is_symbolic(p->mode)))
        return 0;
    error_set(p->err, -EINVAL, "invalid chmod parameter: '%.80s'", p->mode);
    error_hint(p->err, -EINVAL, "it should be an octal number up to 07777, or like u=rwX,go=rX");
    return fe_at(p->fe, p->s, p->c, p->c->in->keyword_span, -EINVAL, p->err);
}

void fe_set_portable(const struct frontend *fe, struct file_action *a)
{
    if (!fe->g->reproducible || is_octal(a->mode))
        return;
    a->portable = true;
    a->mode = arena_printf(fe->arena, CHMOD_PORTABLE "%s%s", *a->mode ? "," : "", a->mode);
}

/* ---- what comes later ---- */

/* Patterns, which take no variables, as they stand. */
static int read_excludes(struct copy *p)
{
    CLEANUP(strings_done) struct strings patterns = {0};

    for (size_t i = 0; i < p->c->in->flag_count; i++) {
        const struct flag *f = &p->c->in->flags[i];
        CLEANUP(ignore_freep) struct ignore *check = NULL;

        if (!view_eq_text(f->name, "exclude"))
            continue;
        strings_take(&patterns, view_dup(f->value));
        const char *last = patterns.at[patterns.size - 1];
        const int r = ignore_new(&last, 1, &check, p->err);
        if (r < 0)
            return fe_at(p->fe, p->s, p->c, f->span, error_wrap(p->err, r, "--exclude"), p->err);
    }
    p->excludes = graph_texts(p->fe->g, &patterns, &p->exclude_count);
    return 0;
}

/* ---- sources ---- */

/* --from, or the build context; asked for when a source needs it, so that a COPY of heredocs needs none. */
static int find_source(struct copy *p)
{
    const struct view name = instruction_flag(p->c->in, "from");

    if (p->has_from)
        return 0;
    const int r = fe_root_of(p->fe, p->s, name, &p->from, p->err);
    if (r < 0)
        return fe_at(p->fe, p->s, p->c, fe_flag_span(p->c->in, "from"), r, p->err);
    p->has_from = true;
    /* files of the user are root's, in a named context too; one that came as an archive has owners */
    p->keep_owner = !p->from.op || p->from.op->kind != OP_SOURCE_LOCAL;
    return 0;
}

static const struct heredoc *heredoc_of(const struct instruction *in, const struct word *w)
{
    for (size_t i = 0; i < in->heredoc_count; i++)
        if (in->heredocs[i].opener.at == w->text.at)
            return &in->heredocs[i];
    return NULL;
}

static void fill_action(const struct copy *p, struct file_action *a)
{
    a->dest = arena_strdup(p->fe->arena, p->path.at);
    a->dest_is_dir = p->dest_is_dir;
    a->owner = p->owner;
    a->mode = p->mode;
}

static int add_heredoc(struct copy *p, struct op *op, const struct word *w, const struct heredoc *h,
                       struct str *history)
{
    struct view data;
    const int r = fe_expand_heredoc(p->fe, p->s, p->c, h, &data, p->err);

    if (r < 0)
        return r;
    if (memchr(h->name.at, '/', h->name.size) || view_eq_text(h->name, ".") ||
        view_eq_text(h->name, "..")) {
        (void)error_set(p->err, -EINVAL, "a heredoc of COPY is a file, and '%.*s' names none",
                        VIEW_ARG(h->name));
        return fe_at(p->fe, p->s, p->c, w->span, -EINVAL, p->err);
    }
    struct file_action *a = graph_add_action(p->fe->g, op, FILE_WRITE);
    fill_action(p, a);
    a->source = arena_strndup(p->fe->arena, h->name.at, h->name.size);
    a->data = data;
    a->write_mode = 0644;
    str_printf(history, " <<%s", a->source);
    return 0;
}

/* Below the root of where it is read: a leading '/' and ".." lead nowhere else. */
static const char *clean_source(struct arena *arena, const char *source)
{
    STR_AUTO(path);

    fe_join_path("/", source, &path);
    return arena_strdup(arena, path.at + 1);
}

/* COPY --parents keeps the directories behind "/./", or all. Returns what the action reads. */
static const char *set_parents(const struct copy *p, struct file_action *a, const char *source)
{
    const char *pivot = strstr(source, "/./");

    if (!instruction_flag_set(p->c->in, "parents"))
        return clean_source(p->fe->arena, source);
    a->parents = true;
    a->dest_is_dir = true;
    a->include = clean_source(p->fe->arena, pivot ? pivot + 3 : source);
    return clean_source(p->fe->arena,
                        pivot ? arena_strndup(p->fe->arena, source, (size_t)(pivot - source)) : "");
}

/* Archives of the user are unpacked unless that is switched off, files of URLs where it is on. */
static bool unpacks(const struct copy *p, const struct fe_from *from)
{
    const struct view unpack = instruction_flag(p->c->in, "unpack");

    if (from->is_remote)
        return from->is_file && instruction_flag_set(p->c->in, "unpack");
    return p->add && !(unpack.at && view_eq_nocase(unpack, "false"));
}

static void add_source(struct copy *p, struct op *op, const struct word *w, const char *source,
                       const struct fe_from *from)
{
    const uint32_t input = graph_add_input(p->fe->g, op, from->root);
    struct file_action *a = graph_add_action(p->fe->g, op, FILE_COPY);
    const struct span span = fe_span(p->s, p->c, w->span);

    fill_action(p, a);
    a->input = input;
    a->source = from->is_remote ? from->path : set_parents(p, a, source);
    a->where = arena_printf(p->fe->arena, "%s:%u:%u", p->fe->d->name, span.line, span.column);
    a->wildcards = !from->is_remote && strpbrk(a->source, "*?[\\");
    a->unpack = unpacks(p, from);
    a->keep_owner = from->is_remote || p->keep_owner;
    if (!a->keep_owner)
        fe_set_portable(p->fe, a);
    a->excludes = p->excludes;
    a->exclude_count = p->exclude_count;
}

/* ---- the instruction ---- */

static int find_word(struct copy *p, const struct word *w, const char *text, struct fe_from *ret)
{
    int r = fe_add_remote(p->fe, p->s, p->c, w, text, ret, p->err);

    if (r != 0)
        return r < 0 ? r : 0;
    r = find_source(p);
    *ret = (struct fe_from){.root = p->from};
    return r;
}

static int expand_words(struct copy *p, const char **ret_words)
{
    const struct instruction *in = p->c->in;

    for (size_t i = 0; i < in->word_count; i++) {
        if (heredoc_of(in, &in->words[i])) {
            ret_words[i] = NULL;
            continue;
        }
        int r = fe_expand(p->fe, p->s, p->c, &in->words[i], &ret_words[i], p->err);
        if (r == 0 && i + 1 < in->word_count)
            r = find_word(p, &in->words[i], ret_words[i], &p->sources[i]);
        if (r < 0)
            return r;
    }
    p->dest = ret_words[in->word_count - 1];
    return 0;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static void set_dest(struct copy *p)
{
    const char *workdir =
        p->s->config->workdir && *p->s->config->workdir ? p->s->config->workdir : "/";

    fe_join_path(workdir, p->dest, &p->path);
    p->dest_is_dir = !*p->dest || strcmp(p->dest, ".") == 0 || ends_with(p->dest, "/") ||
                     ends_with(p->dest, "/.");
}

/* A mode undoes --link, as in BuildKit: files that are made executable go to /bin and the like, and that may be a
 * link of the base. */
static bool is_linked(const struct copy *p)
{
    return instruction_flag_set(p->c->in, "link") && !*p->mode;
}

static int check_link(const struct copy *p)
{
    if (!is_linked(p) || !p->owner[strspn(p->owner, "0123456789:")])
        return 0;
    (void)error_set(p->err, -EINVAL, "--link sees no files of the stage, so '%.80s' has no number",
                    p->owner);
    (void)error_hint(p->err, -EINVAL,
                     "write numbers, as in --chown=1000:1000, or leave --link away");
    return fe_at(p->fe, p->s, p->c, fe_flag_span(p->c->in, "chown"), -EINVAL, p->err);
}

static int make_op(struct copy *p, const char *const *words, struct str *history)
{
    const struct instruction *in = p->c->in;
    struct op *op = graph_add(p->fe->g, OP_FILE);

    (void)graph_add_input(p->fe->g, op, p->s->root);
    op->linked = is_linked(p);
    for (int heredocs = 0; heredocs <= 1; heredocs++) { /* BuildKit copies them behind the others */
        for (size_t i = 0; i + 1 < in->word_count; i++) {
            const struct heredoc *h = heredoc_of(in, &in->words[i]);

            if (h && heredocs) {
                const int r = add_heredoc(p, op, &in->words[i], h, history);
                if (r < 0)
                    return r;
            } else if (!h && !heredocs) {
                add_source(p, op, &in->words[i], words[i], &p->sources[i]);
                cleanup_free char *shown = url_public_text(words[i]);
                str_printf(history, " %s", shown);
            }
        }
    }
    fe_describe(p->fe, p->s, p->c, op);
    p->s->root = (struct op_ref){op, 0};
    return 0;
}

static int copy(struct copy *p)
{
    const struct instruction *in = p->c->in;
    const char **words = arena_alloc(p->fe->arena, in->word_count * sizeof(*words));
    STR_AUTO(history);

    p->sources = arena_alloc(p->fe->arena, in->word_count * sizeof(*p->sources));
    memset(p->sources, 0, in->word_count * sizeof(*p->sources));
    int r = read_excludes(p);
    if (r == 0)
        r = fe_expand_flag(p->fe, p->s, p->c, "chown", &p->owner, p->err);
    if (r == 0)
        r = fe_expand_flag(p->fe, p->s, p->c, "chmod", &p->mode, p->err);
    if (r == 0)
        r = check_mode(p);
    if (r == 0)
        r = check_link(p);
    if (r == 0)
        r = expand_words(p, words);
    if (r == 0)
        r = fe_check_checksum(p->fe, p->s, p->c, p->sources, in->word_count - 1, p->err);
    if (r < 0)
        return r;
    set_dest(p);
    str_add_text(&history, p->add ? "ADD" : "COPY");
    if (instruction_flag_set(in, "parents"))
        str_add_text(&history, " --parents");
    if (*p->owner)
        str_printf(&history, " --chown=%s", p->owner);
    if (*p->mode)
        str_printf(&history, " --chmod=%s", p->mode);
    r = make_op(p, words, &history);
    if (r == 0)
        fe_history(p->s, true, "%s %s # buildkit", history.at, p->dest);
    return r;
}

int fe_copy(struct frontend *fe, struct fe_stage *s, const struct fe_command *c, struct error *err)
{
    struct copy p = {.fe = fe,
                     .s = s,
                     .c = c,
                     .add = c->in->kind == INSTRUCTION_ADD,
                     .owner = "",
                     .mode = "",
                     .path = STR_INIT,
                     .err = err};
    const int r = copy(&p);

    str_done(&p.path);
    return r;
}
