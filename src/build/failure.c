/* A step that failed: its last words, its root for those who want to look into it, a shell there. */
#include <errno.h>
#include <unistd.h>

#include "base/doc.h"
#include "base/fd.h"
#include "build/internal.h"
#include "image/image.h"

#define TAIL_LINES 12    /* of its output, in the error */
#define ID_SHOWN_SIZE 12 /* hexadecimal digits, as docker shows ids */

/* ---- the error ---- */

/* The last whole lines. */
static struct view last_lines(const struct str *tail)
{
    size_t from = tail->size, lines = 0;

    while (from > 0 && tail->at[from - 1] == '\n')
        from--;
    const size_t end = from;
    while (from > 0) {
        if (tail->at[from - 1] == '\n' && ++lines == TAIL_LINES)
            break;
        from--;
    }
    return view_make(tail->at + from, end - from);
}

static void add_lines(struct str *text, struct view lines)
{
    struct view line;

    while (lines.size && view_cut(&lines, '\n', &line)) {
        str_add_text(text, "  | ");
        for (size_t i = 0; i < line.size; i++)
            str_add_char(text,
                         (unsigned char)line.at[i] < ' ' && line.at[i] != '\t' ? '?' : line.at[i]);
        str_add_char(text, '\n');
    }
}

/* Its program could not be started. */
static void say_foreign(const struct op *op, const char *platform, struct error *err)
{
    char text[PLATFORM_TEXT_MAX];
    const struct platform host = platform_host();

    (void)error_wrap(err, -ECHILD, "stage %s is for %s, and this machine runs programs for %s",
                     op->stage, platform, platform_format(&host, text));
    (void)error_hint(err, -ECHILD,
                     "register an emulator with binfmt_misc (flag F, as Debian's qemu-user-binfmt "
                     "does), or run this stage here: FROM --platform=$BUILDPLATFORM");
}

int failure_error(struct step *s, int status, struct error *err)
{
    STR_AUTO(text);

    const char *foreign = s->op->kind == OP_EXEC && status == 126 ? s->op->u.exec.foreign : NULL;

    (void)error_set(err, -ECHILD, "step '%s' failed, exit code: %d", s->op->title, status);
    if (foreign)
        say_foreign(s->op, foreign, err);
    log_end(&s->log);
    add_lines(&text, last_lines(&s->tail));
    if (s->log.path)
        str_printf(&text, "  %s: %s\n",
                   s->log.cut ? "output, up to where it could not be written" : "full output",
                   s->log.path);
    if (text.size)
        (void)error_excerpt(err, -ECHILD, text.at);
    return build_error_at(s->build, err, -ECHILD, s->op);
}

/* ---- what is kept ---- */

void failure_note(struct step *s, const json_t *answer)
{
    struct failed_step *f = &s->build->failed_step;
    const char *hex = NULL, *why = NULL;

    if (f->op || s->build->failed.code)
        return; /* the first failure counts */
    f->op = s->op;
    if (doc_text(answer, "tree", &hex, NULL) == 0 && hex &&
        digest_parse_hex(hex, &f->tree, NULL) == 0)
        f->has_tree = store_tree_hold(s->build->tools.store, &f->tree, NULL) == 0;
    if (!f->has_tree && doc_text(answer, "not_kept", &why, NULL) == 0 && why)
        f->not_kept = xstrdup(why);
}

static void make_config(struct build *b, const struct op *op, struct image_config *ret)
{
    const struct op_exec *e = &op->u.exec;
    const struct op *base = solver_base(b->solver, op->inputs[0]);
    const struct platform host = platform_host();

    config_init(ret, base ? &base->u.image.image->config->platform : &host);
    build_base_diff_ids(b, op->inputs[0], ret);
    config_set_list(&ret->env, e->env, e->env_count);
    config_set_text(&ret->workdir, e->cwd);
    config_set_text(&ret->user, e->user);
    config_set_list(&ret->cmd, &e->shell, 1);
    ret->cmd_set = true;
}

/* An image without a name: a prune takes it. */
static int save_root(struct build *b, char ret_id[static ID_SHOWN_SIZE + 1], struct error *err)
{
    const struct failed_step *f = &b->failed_step;
    CLEANUP(image_freep) struct image *image = NULL;
    cleanup_free struct image_layer *layers = NULL;
    CONFIG_AUTO(config);
    struct digest key;
    char hex[DIGEST_HEX_MAX];
    size_t count = 0;
    int r = build_layers(b, f->op->inputs[0], &layers, &count, err);

    if (r < 0)
        return r;
    layers = xrealloc(layers, (count + 1) * sizeof(*layers));
    layers[count++] = (struct image_layer){.tree = f->tree};
    make_config(b, f->op, &config);
    r = image_new(&b->tools, &config, layers, count, &image, err);
    if (r >= 0)
        build_note_origins(b, (struct op_ref){b->graph->ops.at[f->op->id], 0}, image);
    if (r >= 0)
        r = image_save(&b->tools, image, NULL, err);
    if (r < 0)
        return r;
    store_image_key(&image->record, &key);
    (void)snprintf(ret_id, ID_SHOWN_SIZE + 1, "%s", digest_hex(&key, hex));
    return 0;
}

static int keep_root(struct build *b, int code, struct error *err)
{
    char id[ID_SHOWN_SIZE + 1];
    ERROR_AUTO(why);

    if (save_root(b, id, &why) < 0) {
        env_warn(b->env, "the root of the failed step is not kept: %s", why.text);
        return code;
    }
    return error_hint(err, code,
                      "its root is kept: 'cooper run -it %s' opens it, 'cooper unpack %s DIR' "
                      "copies it, 'cooper prune' removes it",
                      id, id);
}

/* ---- a shell ---- */

struct shell {
    struct build *build;
    const struct op *op;
};

static int begin_shell(void *ctx, const struct spawn_plan *plan, struct job **ret,
                       struct error *err)
{
    const struct shell *sh = ctx;
    struct build *b = sh->build;
    struct holder *holder = NULL;
    EXEC_REQUEST_AUTO(q);
    char hex[DIGEST_HEX_MAX];
    json_t *layers = NULL;
    int r = exec_request_make(b, sh->op, plan, "never", &q, err);

    if (r >= 0)
        r = doc_need_array(q.doc, "layers", &layers, err);
    if (r >= 0)
        doc_push(layers, doc_new_text(digest_hex(&b->failed_step.tree, hex)));
    if (r >= 0)
        r = image_holder(&b->tools, &holder, err);
    return r < 0 ? r
                 : holder_submit(holder, "build-exec-alone", q.doc, q.fds, q.fd_count, ret, err);
}

/* In the root as the step left it, with its environment, user, directory, network and mounts. */
static int run_shell(struct build *b, struct error *err)
{
    struct shell sh = {b, b->failed_step.op};
    const struct op_exec *e = &sh.op->u.exec;
    struct spawn_plan plan;

    spawn_plan_init(&plan);
    exec_plan_fill(b, e, &plan);
    strings_done(&plan.argv);
    strings_add(&plan.argv, e->shell);
    plan.init = true; /* people leave zombies */
    plan.tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    int r = mounts_plan_add(b, e, &plan, err);
    if (r >= 0)
        r = b->options->attach(b->env, &plan, begin_shell, &sh, NULL, err);
    spawn_plan_done(&plan);
    return r;
}

static int open_shell(struct build *b, int code, struct error *err)
{
    const struct op *op = b->failed_step.op;
    ERROR_AUTO(why);

    b->options->show(b->env, err);
    env_note(b->env, "%s where %s failed; nothing that is done there is kept", op->u.exec.shell,
             op->where ? op->where : "it");
    if (run_shell(b, &why) < 0)
        env_warn(b->env, "there is no shell: %s%s%s", why.text, why.hint ? "; " : "",
                 why.hint ? why.hint : "");
    error_done(err);
    (void)error_set(err, code, "the step failed");
    return op->where ? error_at(err, code, "%s", op->where) : code;
}

int failure_end(struct build *b, int code, struct error *err)
{
    const struct failed_step *f = &b->failed_step;

    progress_hide(b->env->progress);
    if (b->options->on_error == BUILD_ON_ERROR_STOP)
        code = error_hint(err, code,
                          "--on-error=shell opens a shell where it failed, --on-error=keep keeps "
                          "its root");
    else if (!f->has_tree)
        env_warn(b->env, "the root of the failed step is not kept: %s",
                 f->not_kept ? f->not_kept : "it has none");
    else if (b->options->on_error == BUILD_ON_ERROR_KEEP)
        code = keep_root(b, code, err);
    else
        code = open_shell(b, code, err);
    progress_show(b->env->progress);
    return code;
}

int failure_parse(const char *text, enum build_on_error *ret, struct error *err)
{
    static const char *const words[] = {[BUILD_ON_ERROR_STOP] = "stop",
                                        [BUILD_ON_ERROR_SHELL] = "shell",
                                        [BUILD_ON_ERROR_KEEP] = "keep"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(text, words[i]) == 0) {
            *ret = (enum build_on_error)i;
            return 0;
        }
    (void)error_set(err, -EINVAL, "--on-error '%.40s' is not known", text);
    return error_hint(err, -EINVAL, "it is one of stop, shell, keep");
}
