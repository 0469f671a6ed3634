/* The holder's side of holder.h. Two processes: the outer one keeps the caller's ids and namespaces
 * and writes the id maps; the inner one is PID 1 of its namespaces, serves and reaps. */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/frame.h"
#include "base/proc.h"
#include "sandbox/holder.h"
#include "sandbox/internal.h"
#include "sandbox/message.h"

enum { SOCKET_FD = 3, STORE_FD = 4 };
#define RETRY_WITHOUT_PIDS 42 /* exit status of the inner process */

/* A process that runs a job, or that did and waits for the next one (job_row.stays). */
struct running {
    pid_t pid;
    int socket; /* of its job: a copy, to see main's end closed; -1 once it was, and between jobs */
    int requests; /* one that stays: gets its further jobs here and writes a byte after each; or -1 */
    bool idle;
};

struct serving {
    struct job_context context;
    const struct job_row *rows;
    size_t row_count;
    bool own_pids; /* the inner process is PID 1 of a namespace: nothing can outlive it */
    int signal_fd;
    struct box boxes[SPAWN_NETWORKS]; /* in the process of a job */
    VEC(struct running) jobs;
};

static void drop(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* ---- jobs ---- */

/* By the beginning of the text, as message_send() writes it: the request is the job's to parse. */
static const struct job_row *row_named(const struct serving *s, struct view text)
{
    struct view rest = text, name;

    if (!view_starts(text, "{\"job\":\""))
        return NULL;
    for (int quotes = 0; quotes < 4; quotes++)
        (void)view_cut(&rest, '"', &name);
    for (size_t i = 0; i < s->row_count; i++)
        if (view_eq_text(name, s->rows[i].name))
            return &s->rows[i];
    return NULL;
}

static int call_row(const struct serving *s, struct view text, const int *fds, size_t fd_count,
                    json_t **ret, struct error *err)
{
    const struct job_row *row = row_named(s, text);
    cleanup_doc json_t *message = NULL;
    json_t *request = NULL;
    int r;

    if (!row)
        return error_set(err, -ENOSYS, "there is no such job: %.*s", (int)MIN(text.size, 40),
                         text.at);
    if ((r = doc_parse(text, FRAME_SIZE_MAX, "request", &message, err)) < 0 ||
        (r = doc_object(message, "request", &request, err)) < 0)
        return r;
    return row->run(&s->context, request, fds, fd_count, ret, err);
}

static void answer(int socket, json_t *take_result, const struct error *error)
{
    cleanup_doc json_t *message = NULL;

    if (error->code < 0) {
        message = message_of_error(error);
        doc_unref(take_result);
    } else {
        message = json_object();
        if (take_result)
            doc_set(message, "answer", take_result);
    }
    (void)!message_send(socket, message, NULL, 0, NULL); /* main may be gone */
}

/* One request, in the process of a job. Who has the other end of idle hears of the end before main does: an idle
 * process is not taken for an abandoned one when main closes its side. */
static void do_job(struct serving *s, struct view text, const int *fds, size_t fd_count, int idle)
{
    ERROR_AUTO(err);
    json_t *result = NULL;

    (void)signal(SIGTERM, SIG_DFL); /* cancel_abandoned() */
    s->context.progress_fd = fds[0];
    const int r = call_row(s, text, fds + 1, fd_count - 1, &result, &err);
    if (r < 0 && err.code == 0)
        (void)error_set(&err, r, "%s", strerror(-r));
    if (idle >= 0 && write(idle, "", 1) != 1)
        _exit(1); /* the holder has gone */
    answer(fds[0], result, &err);
}

_Noreturn static void job_main(struct serving *s, struct view text, const int *fds, size_t fd_count,
                               int requests)
{
    STR_AUTO(next);
    int next_fds[FRAME_FDS_MAX];
    sigset_t none;

    vec_each (j, &s->jobs) {
        drop(&j->socket);
        drop(&j->requests);
    }
    (void)close(SOCKET_FD);
    (void)close(s->signal_fd);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(s->boxes); i++)
        s->boxes[i] = BOX_INIT;
    s->context.boxes = s->boxes;
    do_job(s, text, fds, fd_count, requests);
    while (requests >= 0) {
        for (size_t i = 0; i < fd_count; i++)
            (void)close(fds[i]);
        while (waitpid(-1, NULL, WNOHANG) > 0) /* what kept boxes that were not kept */
            ;
        if (frame_recv(requests, &next, next_fds, &fd_count, NULL) <= 0)
            break;
        fds = next_fds;
        do_job(s, str_view(&next), fds, fd_count, requests);
    }
    _exit(0);
}

/* Its process ends with it, or stays for the next job when it has a socket for requests. */
static pid_t fork_job(struct serving *s, struct view text, const int *fds, size_t fd_count,
                      bool stays)
{
    int pair[2] = {-1, -1};

    if (stays && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    cleanup_close int ours = pair[0], theirs = pair[1];
    const pid_t pid = fork();
    if (pid == 0) {
        (void)setpgid(0, 0);
        drop(&ours);
        job_main(s, text, fds, fd_count, theirs);
    }
    if (pid > 0) {
        (void)setpgid(pid, pid);
        vec_push(&s->jobs, (struct running){pid, fds[0], steal_fd(ours), false});
    }
    return pid;
}

/* True once one that stays has ended its job. */
static bool is_idle(struct running *j)
{
    char byte;

    if (j->requests >= 0 && !j->idle && recv(j->requests, &byte, 1, MSG_DONTWAIT) == 1) {
        drop(&j->socket);
        j->idle = true;
    }
    return j->idle;
}

/* True when a process that waits has taken the job. */
static bool pass_on(struct serving *s, struct view text, const int *fds, size_t fd_count)
{
    vec_each (j, &s->jobs)
        if (is_idle(j) && frame_send(j->requests, text, fds, fd_count, NULL) == 0) {
            j->idle = false;
            j->socket = fds[0];
            return true;
        }
    return false;
}

static void start_job(struct serving *s, struct view text, const int *fds, size_t fd_count)
{
    if (fd_count == 0)
        return;
    const struct job_row *row = row_named(s, text);
    const bool stays = row && row->stays;
    if (!(stays && pass_on(s, text, fds, fd_count)) &&
        fork_job(s, text, fds, fd_count, stays) < 0) {
        ERROR_AUTO(err);

        (void)error_sys(&err, "start a job");
        answer(fds[0], NULL, &err);
        (void)close(fds[0]);
    }
    for (size_t i = 1; i < fd_count; i++)
        (void)close(fds[i]);
}

/* ---- serving ---- */

static bool receive_request(struct serving *s)
{
    STR_AUTO(text);
    int fds[FRAME_FDS_MAX];
    size_t count = 0;

    if (frame_recv(SOCKET_FD, &text, fds, &count, NULL) <= 0)
        return false;
    start_job(s, str_view(&text), fds, count);
    return true;
}

static void job_ended(struct serving *s, size_t i, int status)
{
    struct running *j = &s->jobs.at[i];

    if (j->socket >= 0 && WIFSIGNALED(status)) {
        ERROR_AUTO(err);

        (void)error_set(&err, -ECHILD, "a job was killed by signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
        answer(j->socket, NULL, &err);
    }
    drop(&j->socket);
    drop(&j->requests);
    *j = *vec_last(&s->jobs);
    s->jobs.size--;
}

static void reap(struct serving *s)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    (void)!read(s->signal_fd, &info, sizeof(info));
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < s->jobs.size; i++)
            if (s->jobs.at[i].pid == pid) {
                job_ended(s, i, status);
                break;
            }
}

/* spawn_run() looks after its container when the socket closes; everything else just ends. */
static void cancel_abandoned(struct running *j)
{
    (void)kill(-j->pid, SIGTERM);
    drop(&j->socket);
    drop(&j->requests); /* nothing more for it, should it outlive the signal */
}

/* Main closes its side of each job in the end, of one that has ended as of one given up. */
static void look_after_jobs(struct serving *s, const struct pollfd *polls)
{
    for (size_t i = 0; i < s->jobs.size; i++)
        if (polls[i].revents && !is_idle(&s->jobs.at[i]))
            cancel_abandoned(&s->jobs.at[i]);
}

static void serve(struct serving *s)
{
    VEC(struct pollfd) polls = {0};

    for (;;) {
        polls.size = 0;
        vec_each (j, &s->jobs)
            vec_push(&polls, (struct pollfd){j->socket, 0, 0});
        const size_t fixed = polls.size;
        vec_push(&polls, (struct pollfd){SOCKET_FD, POLLIN, 0});
        vec_push(&polls, (struct pollfd){s->signal_fd, POLLIN, 0});
        if (poll(polls.at, polls.size, -1) < 0 && errno != EINTR)
            break;
        look_after_jobs(s, polls.at);
        if (polls.at[fixed + 1].revents)
            reap(s);
        if (polls.at[fixed].revents && !receive_request(s))
            break;
    }
    vec_done(&polls);
}

/* Those who wait end at once. Waited for, their processor time is ours in the eyes of who measures cooper. */
static void end_idle(struct serving *s)
{
    vec_each (j, &s->jobs)
        if (is_idle(j))
            drop(&j->requests);
    vec_each (j, &s->jobs)
        while (j->idle && waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
            ;
}

/* ---- start ---- */

/* The store's descriptor came from main's mount namespace; mounts are made from our own. */
static int reopen_store(struct error *err)
{
    cleanup_free char *path = dir_path(STORE_FD);
    struct stat a, b;

    if (!path)
        return error_set(err, -ENOENT, "the store has no path");
    cleanup_close int fd = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0)
        return fd;
    if (fstat(STORE_FD, &a) < 0 || fstat(fd, &b) < 0 || a.st_dev != b.st_dev ||
        a.st_ino != b.st_ino)
        return error_set(err, -ESTALE, "the store '%s' was moved", path);
    if (dup3(fd, STORE_FD, O_CLOEXEC) < 0)
        return error_sys(err, "keep the store open");
    return 0;
}

static int become_root(const struct identity_map *ids, struct error *err)
{
    if (ids->kind == IDENTITY_ROOT)
        return 0;
    if (ids->kind == IDENTITY_SUBIDS && setgroups(0, NULL) < 0)
        return error_sys(err, "drop groups");
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return error_sys(err, "become root of the user namespace");
    /* our children's id maps and namespaces are reached through /proc */
    (void)prctl(PR_SET_DUMPABLE, 1);
    return 0;
}

static int prepare(struct serving *s, struct error *err)
{
    sigset_t chld;
    int r;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return error_sys(err, "tie the holder to its parent");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        r = error_sys(err, "make the mounts private");
        return r == -EACCES || r == -EPERM ? error_hint(err, r,
                                                        "a security module (AppArmor) "
                                                        "forbids mounts")
                                           : r;
    }
    if ((r = reopen_store(err)) < 0)
        return r;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &chld, NULL);
    s->signal_fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signal_fd < 0)
        return error_sys(err, "prepare for jobs");
    s->context.store_fd = STORE_FD;
    return 0;
}

/* /proc must have the process numbers that we see. In a container whose /proc is covered in part
 * the kernel refuses a new one. */
static bool remount_proc(void)
{
    return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;
}

_Noreturn static void inner_main(struct serving *s, int sync)
{
    cleanup_doc json_t *ready = NULL;
    ERROR_AUTO(err);
    char go;

    if (read(sync, &go, 1) != 1) /* the outer process reports what is wrong with the maps */
        _exit(1);
    (void)close(sync);
    int r = become_root(&s->context.ids, &err);
    if (r == 0)
        r = prepare(s, &err);
    if (r == 0 && s->own_pids && !remount_proc())
        _exit(RETRY_WITHOUT_PIDS);
    ready = r < 0 ? message_of_error(&err) : json_object();
    if (message_send(SOCKET_FD, ready, NULL, 0, NULL) < 0 || r < 0)
        _exit(1);
    serve(s);
    end_idle(s);
    _exit(0);
}

/* newuidmap PID inside outside count ... */
static int start_map_helper(const char *program, pid_t pid, const struct id_range *ranges,
                            size_t count, struct process *ret, struct error *err)
{
    struct proc_options o = PROC_OPTIONS_INIT;
    struct strings argv = {0};

    strings_add(&argv, program);
    strings_take(&argv, xasprintf("%d", pid));
    for (size_t i = 0; i < count; i++) {
        strings_take(&argv, xasprintf("%u", ranges[i].inside));
        strings_take(&argv, xasprintf("%u", ranges[i].outside));
        strings_take(&argv, xasprintf("%u", ranges[i].count));
    }
    const int r = proc_spawn((const char *const *)strings_argv(&argv), &o, ret, err);
    strings_done(&argv);
    return r;
}

static int map_by_helpers(pid_t pid, const struct identity_map *ids, struct error *err)
{
    struct process uids, gids;
    int r = start_map_helper("newuidmap", pid, ids->uids, ids->uid_count, &uids, err);

    if (r < 0)
        return r;
    r = start_map_helper("newgidmap", pid, ids->gids, ids->gid_count, &gids, err);
    const int failed = proc_wait(&uids);
    if (r < 0)
        return r;
    if (proc_wait(&gids) == 0 && failed == 0)
        return 0;
    r = error_set(err, -EPERM, "%s refused the ranges of /etc/%s",
                  failed ? "newuidmap" : "newgidmap", failed ? "subuid" : "subgid");
    return error_hint(err, r,
                      "newuidmap and newgidmap must be setuid root or have file "
                      "capabilities; COOPER_IDENTITY=single works without them");
}

static int write_maps(pid_t pid, const struct identity_map *ids, struct error *err)
{
    char text[16];

    if (ids->kind == IDENTITY_ROOT)
        return 0;
    if (ids->kind == IDENTITY_SUBIDS)
        return map_by_helpers(pid, ids, err);
    (void)snprintf(text, sizeof(text), "%d", pid);
    return box_write_maps(text, ids, err);
}

static pid_t start_inner(struct serving *s, int sync[2])
{
    const enum identity kind = s->context.ids.kind;
    const struct clone_args_v0 {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    } args = {.flags = CLONE_NEWNS | (s->own_pids ? CLONE_NEWPID : 0) |
                       (kind == IDENTITY_ROOT ? 0 : CLONE_NEWUSER),
              .exit_signal = SIGCHLD};
    const pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

    if (pid == 0) {
        (void)close(sync[1]);
        inner_main(s, sync[0]);
    }
    return pid;
}

static int start(struct serving *s, pid_t *pid, struct error *err)
{
    int sync[2], r = fd_pipe(sync, err);

    if (r < 0)
        return r;
    *pid = start_inner(s, sync);
    const int cause = errno;
    (void)close(sync[0]);
    if (*pid < 0)
        r = identity_explain("/proc/sys", cause, err);
    else
        r = write_maps(*pid, &s->context.ids, err);
    if (r == 0 && write(sync[1], "g", 1) != 1)
        r = error_sys(err, "start the holder");
    (void)close(sync[1]); /* without "g" it ends */
    return r;
}

static int receive_ids(struct serving *s, struct error *err)
{
    cleanup_doc json_t *hello = NULL;
    const int r = message_receive(SOCKET_FD, &hello, err);

    if (r <= 0)
        return r < 0 ? r : error_set(err, -EPROTO, "nobody there");
    return message_parse_ids(hello, &s->context.ids, err);
}

/* Starts the inner process and stays until it ends. */
static int run_inner(struct serving *s, struct error *err)
{
    pid_t pid = -1;
    int status = 0, r;

    if ((r = start(s, &pid, err)) < 0)
        return r;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int holder_main(int argc, char **argv, const struct job_row *rows, size_t row_count)
{
    struct serving s = {.context = {.progress_fd = -1}, .rows = rows, .row_count = row_count};
    ERROR_AUTO(err);
    int r;

    (void)argc;
    (void)argv;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    static const int ignored[] = {SIGPIPE, SIGINT, SIGQUIT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < ARRAY_SIZE(ignored); i++) /* sent to the whole group: main decides */
        (void)signal(ignored[i], SIG_IGN);
    for (int fd = SOCKET_FD; fd <= STORE_FD; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    r = receive_ids(&s, &err);
    s.own_pids = true;
    if (r == 0)
        r = run_inner(&s, &err);
    if (r == RETRY_WITHOUT_PIDS) {
        s.own_pids = false;
        r = run_inner(&s, &err);
    }
    if (r < 0) {
        cleanup_doc json_t *message = message_of_error(&err);

        (void)!message_send(SOCKET_FD, message, NULL, 0, NULL);
    }
    return r < 0 ? 1 : r;
}

void job_progress(const struct job_context *ctx, json_t *take_message)
{
    cleanup_doc json_t *message = json_object();
    struct pollfd p = {ctx->progress_fd, POLLOUT, 0};
    const bool log = json_object_get(take_message, "log") != NULL;

    doc_set(message, "progress", take_message);
    if (p.fd < 0 || (!log && (poll(&p, 1, 0) <= 0 || !(p.revents & POLLOUT))))
        return;
    (void)!message_send(p.fd, message, NULL, 0, NULL);
}
