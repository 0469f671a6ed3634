/* shellcheck.c - ShellCheck over every RUN of a file, through its program, when there is one.
 *
 * Each RUN in shell form becomes a script: "#!" and the shell of the stage, an export of every ARG and ENV that is
 * known there and of the variables that every builder hands over, then the text. All scripts of a file go to one
 * process, as files in memory; the places of its findings are led back to the bytes of the Dockerfile. */
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "base/proc.h"
#include "dockerfile/errexit.h"
#include "lint/run.h"

#define SCRIPTS_MAX PROC_KEEP_MAX /* of one process: each is a descriptor */
#define VARIABLES_MAX 1000        /* of one script: nobody declares more */
#define OUTPUT_MAX (16u << 20)    /* bytes of its JSON */
#define TIMEOUT_MS 60000          /* of one process: a file takes it some tenths of a second */

struct lint_script {
    const struct lint_run *run;
    struct view body;   /* of the Dockerfile */
    struct view header; /* the lines before it */
    size_t header_lines;
    struct lint_script *next;
};

/* The builder sets them for every RUN (Dockerfile reference, "Predefined ARGs"). */
static const char *const predefined[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                         "FTP_PROXY",  "ftp_proxy",  "NO_PROXY",    "no_proxy"};

static void export(struct str *s, struct map *seen, struct view name)
{
    if (!sh_is_name(name) || map_has(seen, name))
        return;
    map_set(seen, name, seen);
    str_printf(s, "export %.*s=1\n", VIEW_ARG(name));
}

/* A trigger runs in another build, whose variables nobody knows. */
static void export_all(struct str *s, const struct lint_run *run)
{
    CLEANUP(map_done) struct map seen = {0};
    const struct lint_var *v = run->trigger ? NULL : run->stage->scope.vars;

    for (size_t i = 0; i < ARRAY_SIZE(predefined); i++)
        export(s, &seen, view_of(predefined[i]));
    for (; v && seen.size < VARIABLES_MAX; v = v->before)
        export(s, &seen, v->name);
}

static struct view shell_of(const struct lint_run *run)
{
    const struct lint_scope *scope = &run->stage->scope;

    if (scope->pragma_shell.size > 0)
        return scope->pragma_shell;
    return scope->shell && scope->shell->word_count > 0 ? scope->shell->words[0].text
                                                        : VIEW("/bin/sh");
}

static void add_script(struct lint *l, const struct lint_run *run, struct view body)
{
    struct lint_script *script = arena_new_object(l->arena, struct lint_script);
    struct view shell = shell_of(run), first;
    STR_AUTO(header);

    if (view_starts(body, "#!")) { /* its own; what is left of the line stays empty */
        struct view rest = body;
        (void)view_cut(&rest, '\n', &first);
        shell = view_trim(view_make(first.at + 2, first.size - 2));
        body = view_make(first.at + first.size, body.size - first.size);
    }
    (void)view_cut(&shell, '\n', &first);
    str_printf(&header, "#!%.*s\n", VIEW_ARG(first));
    export_all(&header, run);
    for (size_t i = 0; i < header.size; i++)
        script->header_lines += header.at[i] == '\n';
    script->header = view_make(arena_strndup(l->arena, header.at, header.size), header.size);
    script->run = run;
    script->body = body;
    *(l->scripts_tail ? l->scripts_tail : &l->scripts) = script;
    l->scripts_tail = &script->next;
}

static void collect(struct lint *l, const struct lint_run *run)
{
    if (l->options->no_shellcheck || run->windows || run->in->json)
        return;
    for (size_t i = 0; i < run->script_count; i++)
        if (run->scripts[i]->root->first)
            add_script(l, run, run->scripts[i]->text);
}

/* ---- places ---- */

/* The byte at a line and column (characters) of the body. */
static const char *find_byte(struct view body, int64_t line, int64_t column)
{
    const char *end = body.at + body.size, *at = body.at;

    for (; line > 1 && at < end; line--) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline ? newline + 1 : end;
    }
    for (; column > 1 && at < end && *at != '\n'; column--)
        do
            at++;
        while (at < end && (*at & 0xc0) == 0x80);
    return at;
}

/* In a heredoc behind the line, which is data. */
static bool is_behind(const struct lint_script *s, const json_t *comment)
{
    int64_t line = 0, lines = 1 + (int64_t)s->header_lines;

    for (size_t i = 0; i < s->body.size; i++)
        lines += s->body.at[i] == '\n';
    return doc_int(comment, "line", &line, NULL) >= 0 && line > lines;
}

static struct view find_bytes(const struct lint_script *s, const json_t *comment)
{
    int64_t line = 0, end_line = 0, column = 0, end_column = 0;

    if (doc_int(comment, "line", &line, NULL) < 0 ||
        doc_int(comment, "column", &column, NULL) < 0 ||
        doc_int(comment, "endLine", &end_line, NULL) < 0 ||
        doc_int(comment, "endColumn", &end_column, NULL) < 0)
        return (struct view){0};
    const int64_t skip = (int64_t)s->header_lines;
    if (line <= skip)
        return (struct view){0};
    const char *begin = find_byte(s->body, line - skip, column);
    const char *end = end_line > skip ? find_byte(s->body, end_line - skip, end_column) : begin;
    return view_make(begin, end > begin ? (size_t)(end - begin) : 0);
}

/* ---- the program ---- */

static void take_comment(struct lint *l, struct lint_script *const *scripts, size_t count,
                         const json_t *comment)
{
    const char *file = NULL, *level = NULL, *message = NULL;
    enum lint_level severity;
    int64_t code = 0;
    uint64_t number;

    if (doc_need_text(comment, "file", &file, NULL) < 0 ||
        doc_need_text(comment, "level", &level, NULL) < 0 ||
        doc_need_text(comment, "message", &message, NULL) < 0 ||
        doc_need_int(comment, "code", &code, NULL) < 0 ||
        !lint_level_find(view_of(level), &severity) || strncmp(file, "/dev/fd/", 8) != 0 ||
        !view_to_u64(view_of(file + 8), &number) || number < 3 || number - 3 >= count)
        return;
    const struct lint_script *s = scripts[number - 3];
    if (is_behind(s, comment))
        return;
    cleanup_free char *name = xasprintf("SC%lld", (long long)code);
    l->stage = s->run->stage;
    lint_add_code(l, lint_place(l, s->run, find_bytes(s, comment)), name, severity, "%s", message);
    l->stage = NULL;
}

static void take_output(struct lint *l, struct lint_script *const *scripts, size_t count,
                        struct view text)
{
    cleanup_doc json_t *doc = NULL;
    json_t *comments = NULL, *comment;
    size_t i;

    if (doc_parse(text, OUTPUT_MAX, "shellcheck", &doc, NULL) < 0 ||
        doc_need_array(doc, "comments", &comments, NULL) < 0)
        return;
    json_array_foreach(comments, i, comment) take_comment(l, scripts, count, comment);
}

/* Bodies of the heredocs that the line opens: without them it does not parse. */
static void add_heredocs(struct str *text, const struct lint_script *s)
{
    for (size_t i = 0; i < s->run->in->heredoc_count; i++) {
        const struct heredoc *h = &s->run->in->heredocs[i];

        if (h->opener.at < s->body.at || h->opener.at >= s->body.at + s->body.size)
            continue;
        str_add(text, h->raw);
        str_add(text, h->name);
        str_add_char(text, '\n');
    }
}

/* Descriptors that the child has from 3 on; -1 in the list where memory is short. */
static size_t open_scripts(struct lint_script *const *scripts, size_t count, int *fds)
{
    for (size_t i = 0; i < count; i++) {
        STR_AUTO(text);

        str_add(&text, scripts[i]->header);
        str_add(&text, scripts[i]->body);
        str_add_char(&text, '\n');
        add_heredocs(&text, scripts[i]);
        fds[i] = fd_of_bytes("script", str_view(&text), NULL);
        if (fds[i] < 0)
            return i;
    }
    return count;
}

static void run_program(struct lint *l, struct lint_script *const *scripts, size_t count)
{
    static const char *const fixed[] = {"shellcheck", "--norc", "-f", "json1",
                                        "-S",         "style",  "-e", "SC1090,SC1091,SC2187"};
    CLEANUP(strings_done) struct strings argv = {0};
    cleanup_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int fds[SCRIPTS_MAX];
    STR_AUTO(out);

    count = open_scripts(scripts, count, fds);
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
        strings_add(&argv, fixed[i]);
    for (size_t i = 0; i < count; i++)
        strings_take(&argv, xasprintf("/dev/fd/%zu", i + 3));
    struct proc_options o = PROC_OPTIONS_INIT;
    o.err = null;
    o.keep = fds;
    o.keep_count = count;
    o.timeout_ms = TIMEOUT_MS;
    /* 1: there are findings. Without the program, or when it fails, there are none. */
    if (count > 0 &&
        proc_run((const char *const *)strings_argv(&argv), &o, OUTPUT_MAX, &out, NULL) >= 0)
        take_output(l, scripts, count, str_view(&out));
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

static void check_scripts(struct lint *l)
{
    struct lint_script *batch[SCRIPTS_MAX];
    size_t count = 0;

    for (struct lint_script *s = l->scripts; s; s = s->next) {
        batch[count++] = s;
        if (count == SCRIPTS_MAX || !s->next) {
            run_program(l, batch, count);
            count = 0;
        }
    }
}

static const struct lint_row rows[] = {
    {
        .id = "CP450",
        .name = "shellcheck",
        .aliases = {NULL},
        .title = "what ShellCheck finds in RUN",
        .level = LINT_WARNING,
        .where = LINT_DOCKERFILE,
        .why = "A RUN is a shell script, and most of what goes wrong in scripts is known: "
               "unquoted variables, commands of another shell, failures nobody looks at.",
        .fix = "The code (SC2086) names a page of the ShellCheck wiki that says how.",
        .bad = "FROM debian:12.5\nRUN rm -r $DIR/x\n",
        .good = "FROM debian:12.5\nRUN rm -r \"$(cat f)/x\"\nUSER 1001\n",
        .run = collect,
        .file = check_scripts,
    },
};

const struct lint_table lint_shellcheck = {rows, ARRAY_SIZE(rows)};
