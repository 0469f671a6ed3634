/* The container's first process: made, listened to, waited for. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"
#include "sandbox/internal.h"
#include "sandbox/message.h"
#include "sandbox/supervise.h"

#define MIDDLE_STACK (64u << 10)

/* ---- namespaces ---- */

/* Runs in the job's memory while the job waits (CLONE_VM | CLONE_VFORK | CLONE_FILES), with
 * credentials and
 * namespaces of its own: enters the box, then makes the container's first process, a child of the
 * job (CLONE_PARENT) whose new namespaces belong to the box's user namespace. */
static int middle(void *arg)
{
    struct launch *l = arg;
    const struct {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.flags = CLONE_PARENT | CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                       CLONE_NEWUTS | CLONE_NEWCGROUP,
              .pidfd = (uint64_t)(uintptr_t)&l->pidfd};

    spawn_ulimit_raise(&l->plan->ulimits); /* ours alone, and only outside of the box */
    if ((l->failed = -box_enter(&l->box)) != 0)
        return 1;
    const pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0)
        stage_main(l);
    l->failed = pid < 0 ? errno : 0;
    l->pid = pid;
    return 0;
}

static int start_child(struct launch *l, int child_sync, struct error *err)
{
    cleanup_free char *stack = xmalloc(MIDDLE_STACK);
    const int job_sync = l->sync;
    int status;

    l->sync = child_sync;
    const pid_t pid =
        clone(middle, stack + MIDDLE_STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, l);
    l->sync = job_sync;
    if (pid < 0)
        return error_sys(err, "start the container");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (l->failed == 0)
        return 0;
    errno = l->failed;
    return error_sys(err, "make the container's namespaces");
}

/* ---- waiting ---- */

struct watched {
    struct launch *l;
    struct spawn_result *result;
    struct strings stubs;
    struct process supervisor;
    bool supervised, failed;
    int listener; /* whose supervisor is started by the first call that it hands over; -1 */
};

enum supervise_kind launch_supervises(const struct launch *l)
{
    if (l->ctx->ids.kind == IDENTITY_SINGLE)
        return SUPERVISE_ONE_ID;
    switch (l->plan->devices) {
    case SPAWN_DEVICES_RECORDED:
        return SUPERVISE_DEVICES;
    case SPAWN_DEVICES_SHOWN:
        return SUPERVISE_DEVICES_SHOWN;
    case SPAWN_DEVICES_REFUSED:
        break;
    }
    return SUPERVISE_NOTHING;
}

/* text: what STAGE_LISTENER says. */
static int start_supervisor(struct watched *w, struct view text, int take_listener,
                            struct error *err)
{
    const struct spawn_plan *p = w->l->plan;
    struct supervise_options o = {.kind = SUPERVISE_ONE_ID,
                                  .user_fd = -1,
                                  .links_fd = p->links_fd,
                                  .upper_fd = p->rootfs_fd >= 0 ? p->rootfs_fd : p->upper_fd,
                                  .no_new_privs = p->no_new_privs};
    uint64_t ids[2 + PASSWD_GROUPS_MAX];
    gid_t groups[PASSWD_GROUPS_MAX];
    struct view word;
    size_t count = 0;

    while (count < ARRAY_SIZE(ids) && view_cut(&text, ' ', &word) && view_to_u64(word, &ids[count]))
        count++;
    if (count < 2) {
        (void)close(take_listener);
        return error_set(err, -EPROTO, "the container did not say who it is");
    }
    o.uid = (uint32_t)ids[0];
    o.gid = (uint32_t)ids[1];
    for (size_t i = 2; i < count; i++)
        groups[o.group_count++] = (gid_t)ids[i];
    o.groups = groups;
    const int r = supervise_start(take_listener, &o, &w->supervisor, err);
    w->supervised = r == 0;
    return r;
}

/* Most steps make no device, and then nobody has to be there for them. */
static int hear_listener(struct watched *w, short revents, struct error *err)
{
    const struct supervise_options o = {.kind = launch_supervises(w->l),
                                        .user_fd = w->l->box.user_fd,
                                        .links_fd = -1,
                                        .upper_fd = -1};
    const int listener = steal_fd(w->listener);
    int r = 0;

    if (revents & POLLIN) {
        r = supervise_start(listener, &o, &w->supervisor, err);
        w->supervised = r == 0;
    } else {
        (void)close(listener); /* the last task under the filter is gone */
    }
    return r;
}

static int take_listener(struct watched *w, struct view text, int take_fd, struct error *err)
{
    if (launch_supervises(w->l) == SUPERVISE_ONE_ID)
        return start_supervisor(w, text, take_fd, err);
    w->listener = take_fd;
    return 0;
}

static int child_said(struct watched *w, const char *text, size_t size, int fd, struct error *err)
{
    cleanup_close int passed = fd;
    cleanup_doc json_t *message = NULL;
    int r;

    switch (text[0]) {
    case STAGE_NOTE:
        strings_take(&w->result->notes, view_dup(view_make(text + 1, size - 1)));
        return 0;
    case STAGE_STUB:
        strings_take(&w->stubs, view_dup(view_make(text + 1, size - 1)));
        return 0;
    case STAGE_LISTENER:
        return take_listener(w, view_make(text + 1, size - 1), steal_fd(passed), err);
    default:
        w->failed = true;
        r = doc_parse(view_make(text + 1, size - 1), STAGE_MESSAGE_MAX, "message", &message, err);
        return r < 0 ? r : message_take_error(message, err);
    }
}

/* 1 after a message, 0 when the child has closed its side. */
static int hear_child(struct watched *w, struct error *err)
{
    char text[STAGE_MESSAGE_MAX];
    int fd;
    const ssize_t n = fd_receive(w->l->sync, text, sizeof(text), &fd);

    if (n < 0 && errno == EINTR)
        return 1;
    if (n <= 0)
        return 0;
    const int r = child_said(w, text, (size_t)n, fd, err);
    return r < 0 ? r : 1;
}

/* main asks for a signal, or has gone: then the container goes too. */
static bool hear_main(const struct launch *l)
{
    cleanup_doc json_t *message = NULL;
    int64_t signo = 0;

    if (message_receive(l->ctx->progress_fd, &message, NULL) <= 0) {
        (void)kill(l->pid, SIGKILL);
        return false;
    }
    if (doc_int(message, "signal", &signo, NULL) == 0 && signo > 0 && signo < NSIG)
        (void)kill(l->pid, (int)signo);
    return true;
}

static int watch(struct watched *w, struct error *err)
{
    struct launch *l = w->l;
    struct pollfd polls[] = {{l->pidfd, POLLIN, 0},
                             {l->sync, POLLIN, 0},
                             {l->ctx->progress_fd, POLLIN, 0},
                             {-1, POLLIN, 0}};
    int r;

    for (;;) {
        polls[3].fd = w->listener;
        if (poll(polls, ARRAY_SIZE(polls), -1) < 0 && errno != EINTR)
            return error_sys(err, "wait for the container");
        if (polls[1].revents) {
            r = hear_child(w, err);
            if (r < 0)
                return r;
            if (r == 0)
                polls[1].fd = -1;
            continue; /* what it said comes before that it ended */
        }
        if (polls[3].revents && (r = hear_listener(w, polls[3].revents, err)) < 0)
            return r;
        if (polls[2].revents && !hear_main(l))
            polls[2].fd = -1;
        if (polls[0].revents)
            return 0;
    }
}

static void collect(struct watched *w)
{
    struct spawn_result *result = w->result;
    struct rusage usage = {0};
    int status = 0;

    while (wait4(w->l->pid, &status, __WALL, &usage) < 0 && errno == EINTR)
        ;
    result->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    result->cpu_us = (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
                     (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    result->memory_peak = (uint64_t)usage.ru_maxrss * 1024;
    if (w->supervised)
        (void)proc_wait(&w->supervisor);
}

static void take_stubs_away(const struct watched *w)
{
    const struct spawn_plan *p = w->l->plan;
    const int root = p->rootfs_fd >= 0 ? p->rootfs_fd : p->upper_fd;

    for (size_t i = w->stubs.size; root >= 0 && i-- > 0;)
        stub_remove(root, w->stubs.at[i]);
}

int watch_child(struct launch *l, struct spawn_result *result, struct error *err)
{
    struct watched w = {.l = l, .result = result, .listener = -1};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return error_sys(err, "make a socket pair");
    l->sync = pair[0];
    /* The holder's way to end a job; ours is hear_main(), which still takes mount points away. */
    (void)signal(SIGTERM, SIG_IGN);
    int r = start_child(l, pair[1], err);
    (void)close(pair[1]);
    if (r < 0)
        return r;
    r = watch(&w, err);
    if (r < 0)
        (void)kill(l->pid, SIGKILL);
    fd_closep(&w.listener);
    collect(&w);
    take_stubs_away(&w);
    strings_done(&w.stubs);
    return r;
}
