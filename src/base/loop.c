#include "base/loop.h"

#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/vec.h"

enum watch_kind { WATCH_FD, WATCH_TIMER, WATCH_SIGNAL };

struct loop_watch {
    enum watch_kind kind;
    bool removed; /* freed at the end of the round: callbacks may remove any watch */
    int fd;       /* of WATCH_FD, and the signalfd of WATCH_SIGNAL */
    short events;
    int signo;
    int64_t due_ms;
    void *ctx;
    union {
        void (*fd_call)(void *ctx, short revents);
        void (*timer_call)(void *ctx);
        void (*signal_call)(void *ctx, int signo);
    };
};

struct loop {
    VEC(struct loop_watch *) watches;
    VEC(struct pollfd) polls;
    sigset_t old_mask;
    bool mask_saved, stopped;
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct loop *loop_new(void)
{
    return xcalloc(1, sizeof(struct loop));
}

static void watch_free(struct loop_watch *w)
{
    if (w->kind == WATCH_SIGNAL)
        (void)close(w->fd);
    free(w);
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    vec_each (w, &l->watches)
        watch_free(*w);
    vec_done(&l->watches);
    vec_done(&l->polls);
    if (l->mask_saved)
        (void)sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
    free(l);
}

static struct loop_watch *add(struct loop *l, const struct loop_watch *w)
{
    struct loop_watch *copy = xmemdup(w, sizeof(*w));

    vec_push(&l->watches, copy);
    return copy;
}

struct loop_watch *loop_add_fd(struct loop *l, int fd, short events,
                               void (*call)(void *ctx, short revents), void *ctx)
{
    return add(l, &(struct loop_watch){
                      .kind = WATCH_FD, .fd = fd, .events = events, .ctx = ctx, .fd_call = call});
}

struct loop_watch *loop_add_timer(struct loop *l, int64_t delay_ms, void (*call)(void *ctx),
                                  void *ctx)
{
    return add(l, &(struct loop_watch){.kind = WATCH_TIMER,
                                       .fd = -1,
                                       .due_ms = now_ms() + delay_ms,
                                       .ctx = ctx,
                                       .timer_call = call});
}

int loop_add_signal(struct loop *l, int signo, void (*call)(void *ctx, int signo), void *ctx,
                    struct error *err)
{
    sigset_t one, old;

    sigemptyset(&one);
    sigaddset(&one, signo);
    (void)sigprocmask(SIG_BLOCK, &one, &old);
    if (!l->mask_saved) {
        l->old_mask = old;
        l->mask_saved = true;
    }
    const int fd = signalfd(-1, &one, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return error_sys(err, "watch signal %d", signo);
    add(l, &(struct loop_watch){.kind = WATCH_SIGNAL,
                                .fd = fd,
                                .events = POLLIN,
                                .signo = signo,
                                .ctx = ctx,
                                .signal_call = call});
    return 0;
}

void loop_remove(struct loop *l, struct loop_watch *w)
{
    (void)l;
    if (w)
        w->removed = true;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}

/* Frees what was removed; what stays is asked about in the next poll. */
static void sweep(struct loop *l)
{
    size_t kept = 0;

    l->polls.size = 0;
    vec_each (item, &l->watches) {
        struct loop_watch *w = *item;

        if (w->removed) {
            watch_free(w);
            continue;
        }
        l->watches.at[kept++] = w;
        vec_push(&l->polls, (struct pollfd){w->fd, w->events, 0});
    }
    l->watches.size = kept;
}

static int wait_ms(const struct loop *l)
{
    int64_t wait = -1;
    const int64_t now = now_ms();

    vec_each (w, &l->watches)
        if ((*w)->kind == WATCH_TIMER && (wait < 0 || (*w)->due_ms - now < wait))
            wait = MAX((*w)->due_ms - now, (int64_t)0);
    return (int)MIN(wait, (int64_t)3600000);
}

static void dispatch(struct loop_watch *w, short revents)
{
    struct signalfd_siginfo info;

    if (w->removed)
        return;
    switch (w->kind) {
    case WATCH_FD:
        if (revents)
            w->fd_call(w->ctx, revents);
        break;
    case WATCH_TIMER:
        if (now_ms() >= w->due_ms) {
            w->removed = true;
            w->timer_call(w->ctx);
        }
        break;
    case WATCH_SIGNAL:
        if (revents && read(w->fd, &info, sizeof(info)) == sizeof(info))
            w->signal_call(w->ctx, w->signo);
        break;
    }
}

static bool has_work(const struct loop *l)
{
    vec_each (w, &l->watches)
        if ((*w)->kind != WATCH_SIGNAL)
            return true;
    return false;
}

int loop_run(struct loop *l, struct error *err)
{
    l->stopped = false;
    for (;;) {
        sweep(l);
        if (l->stopped || !has_work(l))
            return 0;
        const size_t count = l->watches.size; /* callbacks may add more, for the next round */
        if (poll(l->polls.at, count, wait_ms(l)) < 0 && errno != EINTR)
            return error_sys(err, "wait for events");
        for (size_t i = 0; i < count && !l->stopped; i++)
            dispatch(l->watches.at[i], l->polls.at[i].revents);
    }
}
