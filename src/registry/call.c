/* What all calls have in common. */
#include <assert.h>
#include <errno.h>

#include "registry/internal.h"

struct registry_call *call_new(const struct call_row *row, struct registry_session *s,
                               const char *repository)
{
    struct registry_call *c = xcalloc(1, sizeof(*c));

    assert(!repository || registry_repository_valid(repository));
    c->row = row;
    c->s = s;
    c->repository = repository ? xstrdup(repository) : NULL;
    c->fd = -1;
    c->bytes = STR_INIT;
    c->result.body = STR_INIT;
    return c;
}

void registry_call_free(struct registry_call *c)
{
    if (!c)
        return;
    exchange_done(&c->x);
    free(c->repository);
    free(c->name);
    free(c->media_type);
    free(c->from);
    registry_upload_done(&c->upload);
    str_done(&c->bytes);
    doc_unref(c->list);
    strings_done(&c->urls);
    str_done(&c->result.body);
    free(c->result.media_type);
    strings_done(&c->result.tags);
    free(c);
}

struct registry_result *registry_call_result(struct registry_call *c)
{
    return &c->result;
}

const struct registry_session *registry_call_session(const struct registry_call *c)
{
    return c->s;
}

char *call_path(const struct registry_call *c, const char *fmt, ...)
{
    STR_AUTO(path);
    va_list ap;

    str_printf(&path, "/v2/%s/", c->repository);
    va_start(ap, fmt);
    str_vprintf(&path, fmt, ap);
    va_end(ap);
    return str_take(&path);
}

struct exchange *call_begin(struct registry_call *c, const char *method, char *take_url,
                            const char *actions)
{
    exchange_done(&c->x);
    exchange_init(&c->x, c->s, method, take_url);
    c->x.scopes =
        c->from ? xasprintf("repository:%s:%s repository:%s:pull", c->repository, actions, c->from)
                : xasprintf("repository:%s:%s", c->repository, actions);
    return &c->x;
}

bool call_ok(const struct registry_answer *a)
{
    return a->failure == REGISTRY_ANSWERED && a->status / 100 == 2;
}

int call_problem(const struct registry_call *c, const struct registry_answer *a, struct error *err)
{
    cleanup_free char *what =
        xasprintf("%s '%.120s'%s%.255s", c->row->name, c->name ? c->name : c->repository,
                  c->name ? " of " : "", c->name ? c->repository : "");

    return problem_set(c->s, what, a, err);
}

int registry_call_next(struct registry_call *c, int64_t now_ms, enum registry_next *ret,
                       struct registry_request *ret_request, int64_t *ret_wait_ms,
                       struct error *err)
{
    *ret_wait_ms = -1;
    *ret = REGISTRY_DONE;
    return c->done ? 0 : exchange_next(&c->x, now_ms, ret, ret_request, ret_wait_ms, err);
}

int registry_call_take(struct registry_call *c, int64_t now_ms, int64_t unix_s,
                       struct registry_answer *take_a, struct error *err)
{
    c->now_ms = now_ms;
    int r = exchange_take(&c->x, now_ms, unix_s, take_a, err);

    if (r == 1) {
        /* the next exchange may begin within: this one's answer outlives it */
        struct registry_answer a = c->x.answer;
        c->x.answer = (struct registry_answer){.body = STR_INIT};
        r = c->row->take(c, &a, err);
        registry_answer_done(&a);
        c->done = r == 1;
    }
    if (r == -EINVAL) { /* of what a registry says, no word of ours is wrong */
        r = -EPROTO;
        if (err)
            err->code = r;
    }
    return r < 0 ? r : 0;
}
