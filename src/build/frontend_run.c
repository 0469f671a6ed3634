/* frontend_run.c - RUN: what is executed, with what around it. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>

#include "build/frontend_internal.h"
#include "dockerfile/errexit.h"

#define PIPES "/dev/pipes/" /* where BuildKit puts a heredoc that begins with #! */

/* The program that reads the script: the line behind "#!", or the words of SHELL. */
static void script_program(const struct fe_stage *s, struct view script, struct str *ret)
{
    struct view line;

    if (view_starts(script, "#!")) {
        (void)view_cut(&script, '\n', &line);
        str_add(ret, view_make(line.at + 2, line.size - 2));
        return;
    }
    for (size_t i = 0; i < s->config->shell.size; i++)
        str_printf(ret, "%s ", s->config->shell.at[i]);
    if (s->config->shell.size == 0)
        str_add_text(ret, "/bin/sh");
}

/* True for a script of a shell that would go on after an error. */
static bool goes_on(const struct fe_stage *s, struct view script)
{
    struct view rest, word;
    bool shell = false;
    STR_AUTO(program);

    script_program(s, script, &program);
    rest = str_view(&program);
    if (errexit_in_words(rest))
        return false;
    while (rest.at && view_cut(&rest, ' ', &word))
        shell |= errexit_is_shell(word);
    return shell && errexit_is_missing(script);
}

/* The body of a heredoc that is the whole command, with `set -e` where --errexit asks for it. */
static void add_script(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                       struct str *ret)
{
    const struct view script = c->in->heredocs[0].content;
    struct view rest = script, line;

    if (!goes_on(s, script)) {
        str_add(ret, script);
        return;
    }
    if (!fe->o->errexit) {
        fe_warn(fe, fe_span(s, c, c->in->span),
                "heredoc-no-errexit: this script goes on after a command that fails: begin it with "
                "'set -e', or build "
                "with --errexit");
        str_add(ret, script);
        return;
    }
    if (view_starts(script, "#!")) {
        (void)view_cut(&rest, '\n', &line);
        str_printf(ret, "%.*s\n", VIEW_ARG(line));
    }
    str_add_text(ret, "set -e\n");
    str_add(ret, rest);
}

/* A heredoc alone is the shell's text, or a program of its own; a heredoc in a command goes to the shell as it
 * was written. Nothing is expanded. */
static void read_heredocs(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                          struct op_exec *e, struct strings *argv)
{
    const struct instruction *in = c->in;
    const struct heredoc *first = &in->heredocs[0];
    STR_AUTO(text);

    if (view_eq(in->rest, first->opener)) {
        add_script(fe, s, c, &text);
    } else {
        str_add(&text, in->rest);
        for (size_t i = 0; i < in->heredoc_count; i++) {
            str_add_char(&text, '\n');
            str_add(&text, in->heredocs[i].raw);
            str_add(&text, in->heredocs[i].name);
        }
    }
    if (view_eq(in->rest, first->opener) && view_starts(first->content, "#!")) {
        struct exec_file *file = arena_new_object(fe->arena, struct exec_file);

        file->path = arena_printf(fe->arena, PIPES "%.*s", VIEW_ARG(first->name));
        file->data = view_make(arena_strndup(fe->arena, text.at, text.size), text.size);
        file->mode = 0755;
        e->files = file;
        e->file_count = 1;
        str_clear(&text);
        str_add_text(&text, file->path);
    }
    const struct word word = {str_view(&text), in->span};
    fe_command_words(s, in, &word, 1, argv);
}

/* Every step holds its own list: a stranger's thousands of ENV and RUN lines would fill the memory. */
static int take_env_bytes(struct frontend *fe, const struct fe_stage *s, struct error *err)
{
    vec_each (var, &s->vars)
        fe->env_bytes += strlen(var->key) + strlen(var->value) + 2 + sizeof(char *);
    if (fe->env_bytes > FRONTEND_ENV_MAX)
        return error_set(err, -EDQUOT, "the variables of all RUN steps take more than %u bytes",
                         FRONTEND_ENV_MAX);
    return 0;
}

static int set_env(struct frontend *fe, const struct fe_stage *s, struct op_exec *e,
                   struct error *err)
{
    CLEANUP(strings_done) struct strings env = {0}, secret = {0}, args = {0};
    const int r = take_env_bytes(fe, s, err);

    if (r < 0)
        return r;
    vec_each (var, &s->vars)
        strings_take(&env, xasprintf("%s=%s", var->key, var->value));
    if (fe->g->reproducible && !pairs_get(&s->vars, "SOURCE_DATE_EPOCH"))
        strings_take(&env, xasprintf("SOURCE_DATE_EPOCH=%" PRId64, fe->g->epoch_s));
    for (size_t i = 0; i < fe->secret_env_count; i++) {
        struct view rest = view_of(fe->secret_env[i]), name;
        cleanup_free char *key = view_cut(&rest, '=', &name) ? view_dup(name) : NULL;

        if (key && !pairs_get(&s->vars, key))
            strings_add(&secret, fe->secret_env[i]);
    }
    vec_each (arg, &s->args)
        strings_add(&args, arg->name);
    e->args = graph_texts(fe->g, &args, &e->arg_count);
    e->env = graph_texts(fe->g, &env, &e->env_count);
    e->secret_env = graph_texts(fe->g, &secret, &e->secret_env_count);
    return 0;
}

static void set_network(const struct frontend *fe, const struct instruction *in, struct op_exec *e)
{
    const struct view network = instruction_flag(in, "network");

    e->network = fe->o->network;
    if (view_eq_text(network, "none"))
        e->network = EXEC_NETWORK_NONE;
    else if (view_eq_text(network, "host"))
        e->network = EXEC_NETWORK_HOST;
}

/* "NAME[,required[=true]]", with "name=" as in BuildKit: the first field that is no key is the name. */
static int read_device(struct view text, struct view *ret_name, bool *ret_required,
                       struct error *err)
{
    struct view rest = text, field;

    *ret_name = (struct view){0};
    *ret_required = false;
    while (rest.at && view_cut(&rest, ',', &field)) {
        struct view value = field, key;
        (void)view_cut(&value, '=', &key);

        if (view_eq_nocase(key, "required") &&
            (!value.at || view_eq_nocase(value, "true") || view_eq_text(value, "1")))
            *ret_required = true;
        else if (view_eq_nocase(key, "required") &&
                 (view_eq_nocase(value, "false") || view_eq_text(value, "0")))
            *ret_required = false;
        else if (!ret_name->at && view_eq_nocase(key, "name") && value.at)
            *ret_name = value;
        else if (!ret_name->at && !view_eq_nocase(key, "required"))
            *ret_name = field;
        else
            return error_set(err, -EINVAL, "RUN --device has no field '%.*s'", VIEW_ARG(field));
    }
    return 0;
}

/* No device is ever there, which is an error where it is required only. Returns 0 then, having warned. */
static int refuse_device(struct frontend *fe, const struct flag *f, struct error *err)
{
    struct view name;
    bool required;
    const int r = read_device(f->value, &name, &required, err);

    if (r < 0)
        return r;
    if (required)
        return error_hint(
            err, error_set(err, -ENOTSUP, "RUN --device: steps are given no devices of the host"),
            "without 'required' the step runs without it");
    fe_warn(fe, f->span,
            "RUN --device: steps are given no devices of the host; '%.*s' is not required",
            VIEW_ARG(name));
    return 0;
}

/* What a Dockerfile may not decide by itself is granted by who builds it. */
static int refuse_flags(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                        struct error *err)
{
    for (size_t i = 0; i < c->in->flag_count && !fe->o->looks; i++) {
        const struct flag *f = &c->in->flags[i];

        if (view_eq_text(f->name, "device")) {
            const int r = refuse_device(fe, f, err);
            if (r == 0)
                continue;
        } else if (view_eq_text(f->name, "security") && view_eq_text(f->value, "insecure") &&
                   !fe->o->allow_insecure) {
            error_set(err, -EPERM, "RUN --security=insecure: security.insecure is not allowed");
            error_hint(err, -EPERM,
                       "'cooper build --allow security.insecure' allows it; without it root of the "
                       "step has docker's capabilities");
        } else if (view_eq_text(f->name, "network") && view_eq_text(f->value, "host") &&
                   !fe->o->allow_host && fe->o->network != EXEC_NETWORK_HOST) {
            error_set(err, -EPERM, "RUN --network=host: network.host is not allowed");
            error_hint(err, -EPERM, "'cooper build --allow network.host' allows it");
        } else {
            continue;
        }
        return fe_at(fe, s, c, f->span, err ? err->code : -ENOTSUP, err);
    }
    return 0;
}

/* "|2 a=1 b=2 /bin/sh -c make": the ARGs in scope, each once, with the value that it has now. */
static void add_history(struct fe_stage *s, const struct strings *argv)
{
    struct map seen = {0};
    STR_AUTO(args);
    STR_AUTO(command);

    vec_each (arg, &s->args) {
        const char *value = pairs_get(&s->vars, arg->name);

        if (map_has(&seen, view_of(arg->name)))
            continue;
        map_set(&seen, view_of(arg->name), s);
        str_printf(&args, "%s=%s ", arg->name, value ? value : arg->value ? arg->value : "");
    }
    for (size_t i = 0; i < argv->size; i++)
        str_printf(&command, "%s%s", i > 0 ? " " : "", argv->at[i]);
    if (seen.size > 0)
        fe_history(s, true, "RUN |%zu %s%s # buildkit", seen.size, args.at, command.at);
    else
        fe_history(s, true, "RUN %s # buildkit", command.at);
    map_done(&seen);
}

/* It is started all the same: binfmt_misc, or programs of this machine in an image that says otherwise. */
static void set_foreign(const struct frontend *fe, const struct fe_stage *s, struct op_exec *e)
{
    const struct platform host = platform_host(), *p = &s->config->platform;
    char text[PLATFORM_TEXT_MAX];

    if (*p->architecture && platform_rank(&host, p) < 0)
        e->foreign = arena_strdup(fe->arena, platform_format(p, text));
}

static int set_hostname(struct frontend *fe, struct op_exec *e, struct error *err)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    const char *name = pairs_get(&fe->build_args, "BUILDKIT_SANDBOX_HOSTNAME");

    if (!name || !*name)
        return 0;
    if (strlen(name) > HOST_NAME_MAX || strspn(name, good) != strlen(name)) {
        (void)error_set(err, -EINVAL, "BUILDKIT_SANDBOX_HOSTNAME '%.80s' is no host name", name);
        return error_hint(err, -EINVAL, "at most %d letters, digits, '.' and '-'", HOST_NAME_MAX);
    }
    e->hostname = arena_strdup(fe->arena, name);
    return 0;
}

int fe_run(struct frontend *fe, struct fe_stage *s, const struct fe_command *c, struct error *err)
{
    CLEANUP(strings_done) struct strings argv = {0};
    const struct image_config *config = s->config;
    struct fe_mounts mounts = {0};
    int r = refuse_flags(fe, s, c, err);

    if (r == 0)
        r = fe_read_mounts(fe, s, c, &mounts, err);
    if (r < 0)
        return r;
    struct op *op = graph_add(fe->g, OP_EXEC);
    struct op_exec *e = &op->u.exec;
    (void)graph_add_input(fe->g, op, s->root);
    fe_add_mounts(fe, &mounts, op);
    if (c->in->heredoc_count > 0)
        read_heredocs(fe, s, c, e, &argv);
    else
        fe_command_words(s, c->in, c->in->words, c->in->word_count, &argv);
    e->argv = graph_texts(fe->g, &argv, &e->argc);
    r = set_env(fe, s, e, err);
    if (r < 0)
        return fe_at(fe, s, c, c->in->keyword_span, r, err);
    STR_AUTO(cwd);
    fe_join_path("/", config->workdir ? config->workdir : "", &cwd);
    e->cwd = arena_strdup(fe->arena, cwd.at);
    e->user = config->user ? arena_strdup(fe->arena, config->user) : "";
    e->shell = config->shell.size ? arena_strdup(fe->arena, config->shell.at[0]) : "/bin/sh";
    set_network(fe, c->in, e);
    set_foreign(fe, s, e);
    e->insecure = view_eq_text(instruction_flag(c->in, "security"), "insecure");
    r = set_hostname(fe, e, err);
    if (r < 0)
        return r;
    if (fe->o->add_hosts)
        e->add_hosts = graph_texts(fe->g, fe->o->add_hosts, &e->add_host_count);
    fe_describe(fe, s, c, op);
    s->root = (struct op_ref){op, 0};
    add_history(s, &argv);
    return 0;
}
