#include "sandbox/spawn.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
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

    if ((l->box.user_fd >= 0 &&
         (setns(l->box.user_fd, CLONE_NEWUSER) < 0 || syscall(SYS_setgroups, 0, NULL) < 0 ||
          syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)) ||
        (l->box.net_fd >= 0 && setns(l->box.net_fd, CLONE_NEWNET) < 0)) {
        l->failed = errno;
        return 1;
    }
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

/* ---- descriptors: detached mounts, made with the job's rights, attached by the child ---- */

static int copy_mount(int dirfd, const char *path, unsigned flags, struct error *err)
{
    const int fd = open_tree(dirfd, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);

    return fd < 0 ? error_sys(err, "copy the mount of '%s'", path) : fd;
}

/* The same directory or file through our own mount namespace: descriptors that main gave us are in
 * main's, whose mounts cannot be copied here. */
static int reopen(int fd, struct error *err)
{
    cleanup_free char *path = fd_name(fd);
    struct stat a, b;

    if (!path || path[0] != '/')
        return error_set(err, -ENOENT, "descriptor %d has no path", fd);
    cleanup_close int again = fd_open(AT_FDCWD, path, O_PATH, 0, err);
    if (again < 0)
        return again;
    if (fstat(fd, &a) < 0 || fstat(again, &b) < 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
        return error_set(err, -ESTALE, "'%s' was moved", path);
    return steal_fd(again);
}

/* Ids of a mount as the container sees them. Some file systems cannot (-EINVAL): then files of
 * unknown owners are nobody's. */
static int map_ids(const struct launch *l, int mount_fd, bool recursive)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP,
                              .userns_fd = (uint64_t)(unsigned)l->box.user_fd};

    if (l->box.user_fd < 0 || l->box.id_base == 0)
        return 0;
    return mount_setattr(mount_fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
                         sizeof(attr)) < 0
               ? -errno
               : 0;
}

static int copy_mapped(struct launch *l, int dirfd, const char *path, struct error *err)
{
    cleanup_close int fd = copy_mount(dirfd, path, *path ? 0 : AT_EMPTY_PATH, err);

    if (fd < 0)
        return fd;
    if (map_ids(l, fd, false) < 0)
        return -EXDEV; /* without an error: the caller starts again */
    return steal_fd(fd);
}

static int attach_later(struct launch *l, int take_fd, struct error *err)
{
    if (l->attach_count == ATTACH_MAX) {
        (void)close(take_fd);
        return error_set(err, -E2BIG, "more than %d layers", ATTACH_MAX);
    }
    l->attach[l->attach_count++] = take_fd;
    return take_fd;
}

/* Opens fd's directory inside the copy of the store's mount (l->attach[0]); -1 when it is
 * elsewhere. */
static int open_in_store(const struct launch *l, int fd, const char *store)
{
    cleanup_free char *path = fd_name(fd);
    const size_t size = strlen(store);
    struct stat a, b;

    if (!path || strncmp(path, store, size) != 0 || path[size] != '/')
        return -1;
    cleanup_close int in =
        fd_open_beneath(l->attach[0], path + size + 1, O_PATH | O_DIRECTORY, 0, NULL);
    if (in < 0 || fstat(fd, &a) < 0 || fstat(in, &b) < 0 || a.st_ino != b.st_ino ||
        a.st_dev != b.st_dev)
        return -1;
    return steal_fd(in);
}

static int layer_fd(struct launch *l, int fd, const char *store, struct error *err)
{
    int in = l->attach_count > 0 ? open_in_store(l, fd, store) : -1;

    if (in >= 0)
        return in;
    cleanup_close int again = reopen(fd, err);
    if (again < 0)
        return again;
    in = copy_mapped(l, again, "", err);
    return in < 0 ? in : attach_later(l, in, err);
}

/* Upper and work directory have to be in one mount: that of the store, or that of their parent. */
static int upper_fds(struct launch *l, const char *store, struct error *err)
{
    const struct spawn_plan *p = l->plan;
    cleanup_free char *upper = fd_name(p->upper_fd), *work = fd_name(p->work_fd);
    char *name;

    l->upper = l->attach_count > 0 ? open_in_store(l, p->upper_fd, store) : -1;
    l->work = l->attach_count > 0 ? open_in_store(l, p->work_fd, store) : -1;
    if (l->upper >= 0 && l->work >= 0)
        return 0;
    name = upper ? strrchr(upper, '/') : NULL;
    if (!name || !work || strncmp(upper, work, (size_t)(name - upper) + 1) != 0)
        return error_set(err, -EINVAL, "upper and work directory are not beside each other");
    *name = '\0';
    int parent = copy_mapped(l, AT_FDCWD, upper, err);
    if (parent < 0 || (parent = attach_later(l, parent, err)) < 0)
        return parent;
    l->upper = fd_open_beneath(parent, name + 1, O_PATH | O_DIRECTORY, 0, err);
    if (l->upper < 0)
        return l->upper;
    l->work = fd_open_beneath(parent, work + (name - upper) + 1, O_PATH | O_DIRECTORY, 0, err);
    return MIN(l->work, 0);
}

static int prepare_layers(struct launch *l, struct error *err)
{
    const struct spawn_plan *p = l->plan;
    cleanup_free char *store = dir_path(l->ctx->store_fd);
    int r;

    if (store) {
        r = copy_mapped(l, l->ctx->store_fd, "", err);
        if (r < 0 || (r = attach_later(l, r, err)) < 0)
            return r;
    }
    l->lowers = xcalloc(p->lower_count + 1, sizeof(int));
    for (size_t i = 0; i < p->lower_count; i++)
        if ((l->lowers[i] = layer_fd(l, p->lower_fds[i], store, err)) < 0)
            return l->lowers[i];
    return p->upper_fd >= 0 ? upper_fds(l, store, err) : 0;
}

static int prepare_root(struct launch *l, struct error *err)
{
    if (l->plan->rootfs_fd < 0)
        return prepare_layers(l, err);
    cleanup_close int again = reopen(l->plan->rootfs_fd, err);
    if (again < 0)
        return again;
    l->root_mount = copy_mapped(l, again, "", err);
    return MIN(l->root_mount, 0);
}

static int prepare_sources(struct launch *l, struct error *err)
{
    const struct spawn_plan *p = l->plan;

    l->sources = xcalloc(p->mount_count + 1, sizeof(int));
    for (size_t i = 0; i < p->mount_count; i++) {
        const bool deep = p->mounts[i].recursive;

        l->sources[i] = -1;
        if (p->mounts[i].kind != SPAWN_MOUNT_BIND)
            continue;
        cleanup_close int again = reopen(p->mounts[i].source_fd, err);
        if (again < 0)
            return error_wrap(err, again, "mount '%s'", p->mounts[i].target);
        l->sources[i] = copy_mount(again, "", AT_EMPTY_PATH | (deep ? AT_RECURSIVE : 0), err);
        if (l->sources[i] < 0)
            return error_wrap(err, l->sources[i], "mount '%s'", p->mounts[i].target);
        (void)map_ids(l, l->sources[i], deep);
    }
    return 0;
}

/* Programs open /dev/stdout again; a pipe is its maker's alone, and only its holders can name
 * it. */
static void open_up_pipes(const struct spawn_plan *p)
{
    for (int i = 0; i < 3; i++) {
        struct stat st;

        if (p->stdio_fds[i] >= 0 && fstat(p->stdio_fds[i], &st) == 0 && S_ISFIFO(st.st_mode))
            (void)fchmod(p->stdio_fds[i], 0666);
    }
}

/* ---- the box ---- */

static int overlay_maps_ids(void) /* Linux 5.19 */
{
    struct utsname u;
    unsigned major = 0, minor = 0;

    return uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 19));
}

static int make_box(struct launch *l, bool private_ids, struct spawn_result *result,
                    struct error *err)
{
    ERROR_AUTO(why);
    int r = box_make(l->ctx, l->plan, private_ids, &l->box, &why);

    if (r == 0 || l->plan->network != SPAWN_NETWORK_PRIVATE || l->plan->network_required ||
        (r != -ENETUNREACH && r != -ENOENT))
        return r == 0 ? 0 : error_move(err, &why);
    struct spawn_plan with_host = *l->plan;
    with_host.network = l->network = SPAWN_NETWORK_HOST;
    strings_take(&result->notes, xasprintf("no private network, using the host's: %s", why.text));
    return box_make(l->ctx, &with_host, private_ids, &l->box, err);
}

/* Where a box of this kind is kept between containers, or NULL. */
static struct box *box_slot(const struct launch *l)
{
    return l->network == SPAWN_NETWORK_HOST || l->plan->ports.size > 0 || !l->ctx->boxes
               ? NULL
               : &l->ctx->boxes[l->network];
}

static void keep_box(struct launch *l)
{
    struct box *slot = box_slot(l);

    if (slot && slot->life_fd < 0 && box_is_clean(&l->box)) {
        *slot = l->box;
        l->box = BOX_INIT;
    }
}

static void launch_done(struct launch *l)
{
    for (size_t i = 0; i < l->attach_count; i++)
        (void)close(l->attach[i]);
    for (size_t i = 0; l->sources && i < l->plan->mount_count; i++)
        if (l->sources[i] >= 0)
            (void)close(l->sources[i]);
    const int rest[] = {l->root_mount, l->old_proc, l->old_sys, l->sync, l->pidfd};
    for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
        if (rest[i] >= 0)
            (void)close(rest[i]);
    free(l->lowers);
    free(l->sources);
    box_done(&l->box);
}

static void launch_init(struct launch *l, const struct job_context *ctx, const struct spawn_plan *p)
{
    *l = (struct launch){.ctx = ctx,
                         .plan = p,
                         .network = p->network,
                         .box = BOX_INIT,
                         .root_mount = -1,
                         .upper = -1,
                         .work = -1,
                         .old_proc = -1,
                         .old_sys = -1,
                         .sync = -1,
                         .pid = -1,
                         .pidfd = -1,
                         .root_fd = -1,
                         .scratch_fd = -1};
}

static int prepare(struct launch *l, bool private_ids, struct spawn_result *result,
                   struct error *err)
{
    int r;

    struct box *slot = box_slot(l);
    if (slot && slot->life_fd >= 0) {
        l->box = *slot;
        *slot = BOX_INIT;
    } else if ((r = make_box(l, private_ids, result, err)) < 0) {
        return r;
    }
    if ((r = prepare_root(l, err)) < 0)
        return r;
    l->old_proc = copy_mount(AT_FDCWD, "/proc", AT_RECURSIVE, NULL);
    l->old_sys = copy_mount(AT_FDCWD, "/sys", AT_RECURSIVE, NULL);
    return prepare_sources(l, err);
}

/* ---- waiting ---- */

struct watched {
    struct launch *l;
    struct spawn_result *result;
    struct strings stubs;
    struct process supervisor;
    bool supervised, failed;
};

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
        r = supervise_start(steal_fd(passed), w->l->plan->links_fd, &w->supervisor, err);
        w->supervised = r == 0;
        return r;
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
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {text, sizeof(text)};
    struct msghdr m = {.msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof(control.bytes)};
    const ssize_t n = recvmsg(w->l->sync, &m, MSG_CMSG_CLOEXEC);
    const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    int fd = -1;

    if (n < 0 && errno == EINTR)
        return 1;
    if (n <= 0)
        return 0;
    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof(int));
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
    struct pollfd polls[] = {
        {l->pidfd, POLLIN, 0}, {l->sync, POLLIN, 0}, {l->ctx->progress_fd, POLLIN, 0}};
    int r;

    for (;;) {
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

static int run_child(struct launch *l, struct spawn_result *result, struct error *err)
{
    struct watched w = {.l = l, .result = result};
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return error_sys(err, "make a socket pair");
    l->sync = pair[0];
    int r = start_child(l, pair[1], err);
    (void)close(pair[1]);
    if (r < 0)
        return r;
    r = watch(&w, err);
    if (r < 0)
        (void)kill(l->pid, SIGKILL);
    collect(&w);
    take_stubs_away(&w);
    strings_done(&w.stubs);
    return r;
}

static int run_once(const struct job_context *ctx, const struct spawn_plan *p, bool private_ids,
                    struct spawn_result *result, struct error *err)
{
    struct launch l;

    launch_init(&l, ctx, p);
    int r = prepare(&l, private_ids, result, err);
    if (r == 0) {
        open_up_pipes(p);
        r = run_child(&l, result, err);
    }
    if (r == 0)
        keep_box(&l);
    launch_done(&l);
    return r;
}

int spawn_run(const struct job_context *ctx, const struct spawn_plan *p, struct spawn_result *ret,
              struct error *err)
{
    struct spawn_result result = {0};
    const bool private_ids = ctx->ids.kind == IDENTITY_ROOT && overlay_maps_ids();
    int r = run_once(ctx, p, private_ids, &result, err);

    if (r == -EXDEV && private_ids && (!err || err->code == 0)) {
        strings_add(&result.notes, "this file system cannot map ids: root of the container has the "
                                   "id of root outside, in a user namespace of its own");
        r = run_once(ctx, p, false, &result, err);
    }
    if (r < 0)
        spawn_result_done(&result);
    else
        *ret = result;
    return r;
}
