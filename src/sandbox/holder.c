#include "sandbox/holder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/frame.h"
#include "base/proc.h"
#include "sandbox/message.h"

struct holder {
    int socket;
    struct process process;
    json_t *ready; /* what it said of its namespaces, once it did */
};

struct job {
    int socket;
    char *name;
    json_t *last; /* the final message, once it came */
};

int holder_start(const struct env *env, int store_fd, const struct identity_map *ids,
                 struct holder **ret, struct error *err)
{
    static const char *const argv[] = {"@holder", NULL};
    struct proc_options o = PROC_OPTIONS_INIT;
    struct process process;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_sys(err, "make a socket pair");
    cleanup_close int ours = pair[0], theirs = pair[1];
    const int keep[] = {theirs, store_fd};
    cleanup_doc json_t *hello = message_of_ids(ids);

    o.keep = keep;
    o.keep_count = ARRAY_SIZE(keep);
    int r = proc_spawn_role(argv, &o, &process, err);
    if (r < 0)
        return error_wrap(err, r, "start the holder");
    struct holder *h = xcalloc(1, sizeof(*h));
    *h = (struct holder){.socket = steal_fd(ours), .process = process};
    r = message_send(h->socket, hello, NULL, 0, err);
    if (r < 0) {
        holder_stop(h);
        return error_wrap(err, r, "start the holder");
    }
    *ret = h;
    (void)env;
    return 0;
}

void holder_stop(struct holder *h)
{
    if (!h)
        return;
    (void)close(h->socket);
    (void)proc_wait(&h->process);
    json_decref(h->ready);
    free(h);
}

/* The holder says once that its namespaces stand, or why they do not; not everybody who hears it can make it an error. */
static int wait_ready(struct holder *h, struct error *err)
{
    if (!h->ready) {
        const int r = message_receive(h->socket, &h->ready, err);

        if (r == 0)
            return error_set(err, -ECHILD, "the holder ended before it was ready");
        if (r < 0)
            return error_wrap(err, r, "start the holder");
    }
    return message_take_error(h->ready, err);
}

int holder_submit(struct holder *h, const char *name, const json_t *request, const int *fds,
                  size_t fd_count, struct job **ret, struct error *err)
{
    int pair[2], all[FRAME_FDS_MAX], r = wait_ready(h, err);

    if (r < 0)
        return r;
    if (fd_count >= FRAME_FDS_MAX)
        return error_set(err, -EDQUOT, "job '%s' is given %zu descriptors", name, fd_count);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_sys(err, "make a socket pair");
    cleanup_close int ours = pair[0], theirs = pair[1];
    cleanup_doc json_t *message = json_object();

    all[0] = theirs;
    if (fd_count > 0)
        memcpy(all + 1, fds, fd_count * sizeof(int));
    doc_set_text(message, "job", name);
    if (request)
        doc_set(message, "request", json_incref((json_t *)(uintptr_t)request)); /* only printed */
    r = message_send(h->socket, message, all, fd_count + 1, err);
    if (r < 0)
        return error_wrap(err, r, "start job '%s'", name);
    struct job *j = xcalloc(1, sizeof(*j));
    *j = (struct job){.socket = steal_fd(ours), .name = xstrdup(name)};
    *ret = j;
    return 0;
}

int job_fd(const struct job *j)
{
    return j->socket;
}

int job_step(struct job *j, void (*progress)(void *ctx, const json_t *message), void *ctx,
             struct error *err)
{
    cleanup_doc json_t *message = NULL;
    json_t *told = NULL;

    if (j->last)
        return 1;
    int r = message_receive(j->socket, &message, err);
    if (r == 0)
        r = error_set(err, -ECHILD, "job '%s' ended without an answer", j->name);
    if (r > 0)
        r = doc_object(message, "progress", &told, err);
    if (r < 0)
        return error_wrap(err, r, "job '%s'", j->name);
    if (told) {
        if (progress)
            progress(ctx, told);
        return 0;
    }
    j->last = steal(message);
    return 1;
}

void job_signal(struct job *j, int signo)
{
    cleanup_doc json_t *message = json_object();

    doc_set_int(message, "signal", signo);
    (void)!message_send(j->socket, message, NULL, 0, NULL); /* it may have ended: fine */
}

void job_cancel(struct job *j)
{
    if (!j)
        return;
    (void)close(j->socket);
    free(j->name);
    doc_unref(j->last);
    free(j);
}

int job_finish(struct job *j, json_t **ret, struct error *err)
{
    CLEANUP(job_cancelp) struct job *end = j;
    json_t *answer = NULL;
    int r;

    do
        r = job_step(j, NULL, NULL, err);
    while (r == 0);
    if (r < 0)
        return r;
    r = message_take_error(j->last, err);
    if (r == 0)
        r = doc_object(j->last, "answer", &answer, err);
    if (r == 0 && ret)
        *ret = json_incref(answer);
    return r;
}

int holder_call(struct holder *h, const char *name, const json_t *request, const int *fds,
                size_t fd_count, json_t **ret, struct error *err)
{
    struct job *j;
    const int r = holder_submit(h, name, request, fds, fd_count, &j, err);

    return r < 0 ? r : job_finish(j, ret, err);
}
