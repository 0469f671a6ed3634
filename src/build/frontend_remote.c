/* frontend_remote.c - ADD of URLs and repositories. */
#include <assert.h>
#include <errno.h>

#include "build/frontend_internal.h"
#include "build/remote.h"

/* A name that is meant as it stands. */
static const char *escape_name(struct arena *arena, const char *name)
{
    STR_AUTO(text);

    for (; *name; name++) {
        if (strchr("*?[\\", *name))
            str_add_char(&text, '\\');
        str_add_char(&text, *name);
    }
    return arena_strdup(arena, text.at);
}

static int refuse_copy(const struct frontend *fe, const struct fe_stage *s,
                       const struct fe_command *c, const struct word *w,
                       const struct remote *remote, struct error *err)
{
    error_set(err, -EINVAL, "source can't be a %s for COPY",
              remote->kind == REMOTE_GIT ? "git ref" : "URL");
    error_hint(err, -EINVAL, "ADD takes remote sources");
    return fe_at(fe, s, c, w->span, -EINVAL, err);
}

int fe_add_remote(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                  const struct word *w, const char *text, struct fe_from *ret, struct error *err)
{
    bool in_checksum = false;
    struct source_remote_request q = {.text = text,
                                      .ret_in_checksum = &in_checksum,
                                      .keep_git_dir = instruction_flag_set(c->in, "keep-git-dir"),
                                      .has_keep_git_dir =
                                          instruction_flag(c->in, "keep-git-dir").at != NULL ||
                                          instruction_flag_set(c->in, "keep-git-dir")};
    struct source source = {0};
    int r = fe_expand_flag(fe, s, c, "checksum", &q.checksum, err);

    if (r == 0 && fe->sources->remote)
        r = fe->sources->remote(fe->sources->ctx, &q, &source, err);
    if (r < 0)
        return fe_at(fe, s, c, in_checksum ? fe_flag_span(c->in, "checksum") : w->span, r, err);
    if (r == 0)
        return 0;
    const struct remote *remote = source.remote;
    assert(remote);
    if (c->in->kind != INSTRUCTION_ADD)
        return refuse_copy(fe, s, c, w, remote, err);
    struct op *op = fe_remote_op(fe, source.name, &source);
    if (!op->where)
        fe_describe_aside(fe, s, c, op, op->title);
    *ret = (struct fe_from){
        .root = {op, 0},
        .path = remote->kind == REMOTE_GIT ? "" : escape_name(fe->arena, remote->name),
        .is_remote = true,
        .is_file = remote->kind == REMOTE_URL};
    return 1;
}

int fe_check_checksum(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                      const struct fe_from *sources, size_t count, struct error *err)
{
    if (instruction_flag(c->in, "checksum").size == 0 || (count == 1 && sources[0].is_remote))
        return 0;
    error_set(err, -EINVAL,
              count > 1 ? "checksum can't be specified for multiple sources"
                        : "checksum requires HTTP(S) or Git sources");
    return fe_at(fe, s, c, fe_flag_span(c->in, "checksum"), -EINVAL, err);
}
