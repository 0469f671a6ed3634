/* recipe.c - an image as the Dockerfile it could have come from: its settings and the history of its own layers, for the
 * rules of Dockerfiles that hold of images too (LINT_IMAGE without a check of their own). */
#include "lint/recipe.h"

#include "base/doc.h"
#include "lint/internal.h"

#define STEP_MAX 65536        /* bytes of one step of the history: a heredoc of a thousand lines */
#define RECIPE_MAX (8u << 20) /* and of all */

struct recipe {
    const struct image_facts *f;
    struct str text;
    struct strings places; /* by line, from 1 on */
    struct map arguments;  /* names of build arguments that were met */
};

/* ---- writing ---- */

/* "<<" in a text would begin a heredoc, if the parser were to look for one. */
static void add_json(struct recipe *r, json_t *take_array)
{
    STR_AUTO(text);

    doc_print(take_array, true, &text);
    doc_unref(take_array);
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] == '\n')
            continue;
        if (text.at[i] == '<' && text.at[i + 1] == '<')
            str_add_text(&r->text, "\\u003c");
        else
            str_add_char(&r->text, text.at[i]);
    }
}

/* In quotes, with nothing that would be replaced in it. */
static void add_quoted(struct recipe *r, const char *text)
{
    str_add_char(&r->text, '"');
    for (; *text; text++) {
        if (*text == '\n' || *text == '\r') {
            str_add_char(&r->text, ' ');
            continue;
        }
        if (strchr("\"\\$", *text))
            str_add_char(&r->text, '\\');
        str_add_char(&r->text, *text);
    }
    str_add_char(&r->text, '"');
}

static void end_line(struct recipe *r, const char *place)
{
    str_add_char(&r->text, '\n');
    strings_add(&r->places, place);
}

static bool is_name(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (!(v.at[i] == '_' || (v.at[i] >= 'A' && v.at[i] <= 'Z') ||
              (v.at[i] >= 'a' && v.at[i] <= 'z') || (i > 0 && v.at[i] >= '0' && v.at[i] <= '9')))
            return false;
    return v.size > 0 && v.size < 200;
}

static void add_variable(struct recipe *r, const char *keyword, const char *pair, const char *place)
{
    struct view value = view_of(pair), name;

    if (!view_cut(&value, '=', &name) || !value.at || !is_name(name))
        return;
    str_printf(&r->text, "%s %.*s=", keyword, VIEW_ARG(name));
    add_quoted(r, value.at);
    end_line(r, place);
}

/* ---- history ---- */

static struct view strip(const char *created_by)
{
    struct view v = view_trim(view_of(created_by ? created_by : ""));

    if (view_ends(v, "# buildkit"))
        v = view_trim(view_make(v.at, v.size - strlen("# buildkit")));
    return v;
}

/* "|2 A=b C=d e /bin/sh -c ...": values may have blanks, so a name is what stands before '=' where a word begins. */
static struct view add_arguments(struct recipe *r, struct view v, const char *place)
{
    const char *shell = v.size ? memmem(v.at, v.size, " /bin/", 6) : NULL;

    if (!view_starts(v, "|") || !shell)
        return v;
    struct view rest = view_make(v.at, (size_t)(shell - v.at)), word;
    while (rest.at && view_cut(&rest, ' ', &word)) {
        struct view value = word, name;
        cleanup_free char *pair = view_dup(word);
        if (!view_cut(&value, '=', &name) || map_has(&r->arguments, name))
            continue; /* each RUN behind it has it again */
        map_set(&r->arguments, name, r);
        add_variable(r, "ARG", pair, place);
    }
    return view_make(shell + 1, (size_t)(v.at + v.size - shell - 1));
}

static void add_run(struct recipe *r, struct view v, const char *place)
{
    v = add_arguments(r, v, place);
    const char *option = v.size && v.at[0] == '/' ? memmem(v.at, v.size, " -c ", 4) : NULL;
    json_t *words = json_array();

    if (option && option - v.at < 80) {
        struct view shell = view_make(v.at, (size_t)(option - v.at)), word;
        while (shell.at && view_cut(&shell, ' ', &word)) {
            cleanup_free char *text = view_dup(word);
            doc_push(words, doc_new_text(text));
        }
        v = view_make(option + 4, (size_t)(v.at + v.size - option - 4));
    } else {
        doc_push(words, doc_new_text("/bin/sh"));
    }
    cleanup_free char *script = xstrndup(v.at, MIN(v.size, STEP_MAX));
    doc_push(words, doc_new_text("-c"));
    doc_push(words, doc_new_text(script));
    str_add_text(&r->text, "RUN ");
    add_json(r, words);
    end_line(r, place);
}

/* What a base is unpacked from is no choice of anybody. */
static void add_add(struct recipe *r, struct view v, const char *place)
{
    struct view words = v, word;
    size_t count = 0;

    if (view_starts(v, "ADD file:") || view_starts(v, "ADD dir:") || view_starts(v, "ADD multi:") ||
        memchr(v.at, '\n', v.size) || memmem(v.at, v.size, "<<", 2))
        return;
    while (words.at && view_cut(&words, ' ', &word))
        count += word.size > 0;
    if (count < 3)
        return;
    str_add(&r->text, v);
    end_line(r, place);
}

/* A value that a later step hid is in the history for ever. */
static void add_old_variable(struct recipe *r, struct view v, const char *place)
{
    struct view value = view_make(v.at + 4, v.size - 4), name;

    if (!view_cut(&value, '=', &name) || !value.at || !is_name(name))
        return;
    cleanup_free char *key = view_dup(name), *text = view_dup(value);
    if (config_get_env(r->f->config, key))
        return;
    cleanup_free char *pair = xasprintf("%s=%s", key, text);
    add_variable(r, "ENV", pair, place);
}

static void add_step(struct recipe *r, struct view v, const char *place)
{
    static const char nop[] = "/bin/sh -c #(nop)";

    if (view_starts(v, nop))
        v = view_trim(view_make(v.at + strlen(nop), v.size - strlen(nop)));
    if (view_starts(v, "RUN "))
        add_run(r, view_trim(view_make(v.at + 4, v.size - 4)), place);
    else if (view_starts(v, "/bin/") || view_starts(v, "|"))
        add_run(r, v, place);
    else if (view_starts(v, "ADD "))
        add_add(r, v, place);
    else if (view_starts(v, "ENV "))
        add_old_variable(r, v, place);
}

/* Without the values of build arguments, which may be secrets: "history 3: apt-get update". */
static char *place_of(size_t number, struct view v)
{
    const char *shell = v.size ? memmem(v.at, v.size, " -c ", 4) : NULL;

    if (shell)
        v = view_make(shell + 4, (size_t)(v.at + v.size - shell - 4));
    else if (view_starts(v, "RUN |") || view_starts(v, "|"))
        v.size = 0;
    const char *end = v.size ? memchr(v.at, '\n', v.size) : NULL;
    if (end)
        v.size = (size_t)(end - v.at);
    return xasprintf("history %zu: %.*s%s", number, (int)MIN(v.size, 50u), v.at ? v.at : "",
                     v.size > 50 ? "..." : "");
}

/* Those of the layers above the base; without layers too, since values may be in them. */
static void add_history(struct recipe *r)
{
    const struct histories *h = &r->f->config->history;
    uint32_t layers = 0;

    for (size_t i = 0; i < h->size && r->text.size < RECIPE_MAX; i++) {
        const struct view v = strip(h->at[i].created_by);
        cleanup_free char *place = place_of(i + 1, v);

        layers += !h->at[i].empty_layer;
        if (v.size > 0 && (layers > r->f->base_layers || r->f->base_layers == 0))
            add_step(r, v, place);
    }
}

/* ---- settings ---- */

static json_t *array_of(const struct strings *s)
{
    json_t *array = json_array();

    vec_each (text, s)
        doc_push(array, doc_new_text(*text));
    return array;
}

static void add_list(struct recipe *r, const char *keyword, const struct strings *s,
                     const char *place)
{
    if (s->size == 0)
        return;
    str_add_text(&r->text, keyword);
    add_json(r, array_of(s));
    end_line(r, place);
}

static void add_text(struct recipe *r, const char *keyword, const char *text, const char *place)
{
    if (!text || !text[0] || strpbrk(text, "\n\r$\"\\ "))
        return;
    str_printf(&r->text, "%s %s", keyword, text);
    end_line(r, place);
}

static void add_health(struct recipe *r, const struct healthcheck *h)
{
    if (!h->set || h->test.size == 0)
        return;
    if (strcmp(h->test.at[0], "NONE") == 0)
        str_add_text(&r->text, "HEALTHCHECK NONE");
    else
        str_add_text(&r->text, "HEALTHCHECK CMD [\"/bin/true\"]");
    end_line(r, "config: Healthcheck");
}

/* A script that starts is looked at as `sh -c` of its text would be: the same is true of both. */
static bool add_script(struct recipe *r)
{
    const struct view s = r->f->script;
    const char *end = s.size ? memchr(s.at, '\n', s.size) : NULL;
    const struct view first = view_make(s.at, end ? (size_t)(end - s.at) : s.size);

    if (r->f->has_init || !end || !memmem(first.at, first.size, "sh", 2) ||
        memchr(s.at, '\0', s.size))
        return false;
    json_t *words = json_array();
    cleanup_free char *text = view_dup(s);
    cleanup_free char *place = xasprintf("%s, which starts", r->f->program_path);
    doc_push(words, doc_new_text("/bin/sh"));
    doc_push(words, doc_new_text("-c"));
    doc_push(words, doc_new_text(text));
    str_add_text(&r->text, "ENTRYPOINT ");
    add_json(r, words);
    end_line(r, place);
    return true;
}

static void add_settings(struct recipe *r)
{
    const struct image_config *c = r->f->config;

    vec_each (pair, &c->env)
        add_variable(r, "ENV", *pair, "config: Env");
    vec_each (label, &c->labels) {
        str_add_text(&r->text, "LABEL ");
        add_quoted(r, label->key);
        str_add_char(&r->text, '=');
        add_quoted(r, label->value ? label->value : "");
        end_line(r, "config: Labels");
    }
    vec_each (port, &c->ports)
        add_text(r, "EXPOSE", *port, "config: ExposedPorts");
    add_list(r, "VOLUME ", &c->volumes, "config: Volumes");
    add_text(r, "STOPSIGNAL", c->stop_signal, "config: StopSignal");
    add_text(r, "USER", c->user, "config: User");
    add_health(r, &c->healthcheck);
    if (add_script(r))
        return;
    add_list(r, "ENTRYPOINT ", &c->entrypoint, "config: Entrypoint");
    add_list(r, "CMD ", &c->cmd, "config: Cmd");
}

/* ---- asking ---- */

static void ask(const struct linter *linter, struct lint *to, const struct dockerfile *d,
                const struct recipe *r)
{
    CLEANUP(lint_report_done) struct lint_report report = {.arena = arena_new()};
    cleanup_free enum lint_level *levels = xcalloc(lint_row_count(), sizeof(*levels));
    struct lint walk = {.d = d,
                        .options = to->options,
                        .arena = report.arena,
                        .levels = levels,
                        .unit = to->unit,
                        .report = &report};
    const struct lint_row *row;

    for (size_t i = 0; (row = lint_row_at(i)); i++)
        levels[i] = (row->where & LINT_IMAGE) && !row->image ? to->levels[i] : LINT_IGNORE;
    lint_walk(&walk, linter);
    vec_each (f, &report) {
        const size_t line = f->span.line - 1u;
        if (line >= r->places.size)
            continue;
        to->row = f->row;
        /* of a secret the number of the step is enough: reports go far */
        const char *place = r->places.at[line];
        const bool secret = strncmp(f->row->id, "CP6", 3) == 0 && strncmp(place, "history", 7) == 0;
        cleanup_free char *shown = xstrndup(place, secret ? strcspn(place, ":") : strlen(place));
        lint_add_place(to, shown, LINT_NOWHERE, "%s", f->text);
    }
}

void lint_recipe(struct lint *l, const struct linter *linter, const struct image_facts *f)
{
    struct recipe r = {.f = f, .text = STR_INIT};
    struct dockerfile *d = NULL;

    str_add_text(&r.text, "FROM base:1");
    end_line(&r, "config");
    add_history(&r);
    add_settings(&r);
    if (dockerfile_parse(str_view(&r.text), "image", &d, NULL) == 0)
        ask(linter, l, d, &r);
    dockerfile_free(d);
    str_done(&r.text);
    strings_done(&r.places);
    map_done(&r.arguments);
}
