#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

static int pidfd_of(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* In the child, between vfork() and exec: only plain calls. Descriptors are first moved out of the
 * way, so that none of them is overwritten before it was used. */
static void place_descriptors(const struct proc_options *o, int null_fd)
{
    const int base = 3 + (int)o->keep_count;
    int std[3] = {o->in >= 0 ? o->in : null_fd, o->out, o->err};
    int moved[PROC_KEEP_MAX];

    for (int i = 0; i < 3; i++)
        if (std[i] >= 0)
            std[i] = fcntl(std[i], F_DUPFD_CLOEXEC, base);
    for (size_t i = 0; i < o->keep_count; i++)
        moved[i] = fcntl(o->keep[i], F_DUPFD_CLOEXEC, base);
    for (int i = 0; i < 3; i++)
        if (std[i] >= 0 && dup2(std[i], i) < 0)
            _exit(127);
    for (size_t i = 0; i < o->keep_count; i++)
        if (dup2(moved[i], 3 + (int)i) < 0)
            _exit(127);
}

static void child(const char *path, const char *const argv[], const struct proc_options *o,
                  int null_fd, volatile int *failed)
{
    sigset_t none;

    place_descriptors(o, null_fd);
    (void)syscall(SYS_close_range, 3 + (unsigned)o->keep_count, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL); /* the loop's blocked signals are ours alone */
    (void)signal(SIGPIPE, SIG_DFL);              /* ignored here; pasta refuses to start so */
    if (!o->directory || chdir(o->directory) == 0) {
        char *const *args = (char *const *)(uintptr_t)argv;

        execvpe(path, args, o->environ_ ? o->environ_ : environ);
    }
    *failed = errno;
    _exit(127);
}

static int spawn(const char *path, const char *const argv[], const struct proc_options *o,
                 struct process *ret, struct error *err)
{
    volatile int failed = 0;
    cleanup_close int null_fd = -1;

    if (o->keep_count > PROC_KEEP_MAX)
        return error_set(err, -E2BIG, "too many descriptors for '%s'", argv[0]);
    if (o->in < 0 && (null_fd = fd_open(AT_FDCWD, "/dev/null", O_RDONLY, 0, err)) < 0)
        return null_fd;
    const pid_t pid = vfork();
    if (pid == 0)
        child(path, argv, o, null_fd, &failed);
    if (pid < 0)
        return error_sys(err, "start '%s'", argv[0]);
    if (failed) {
        (void)waitpid(pid, NULL, 0);
        errno = failed;
        return error_sys(err, "start '%s'", argv[0]);
    }
    *ret = (struct process){pid, pidfd_of(pid)};
    return 0;
}

int proc_spawn(const char *const argv[], const struct proc_options *o, struct process *ret,
               struct error *err)
{
    return spawn(argv[0], argv, o, ret, err);
}

int proc_spawn_role(const char *const argv[], const struct proc_options *o, struct process *ret,
                    struct error *err)
{
    return spawn("/proc/self/exe", argv, o, ret, err);
}

int proc_wait(struct process *p)
{
    int status = 0;

    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (p->pidfd >= 0)
        (void)close(p->pidfd);
    p->pidfd = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until fd can be read, or was left by its writers. */
static int wait_until(int fd, int64_t until_ms, int timeout_ms, struct error *err)
{
    struct pollfd p = {fd, POLLIN, 0};

    for (;;) {
        const int n = poll(&p, 1, (int)MAX(until_ms - now_ms(), 0));

        if (n > 0)
            return 0;
        if (n == 0)
            return error_set(err, -ETIMEDOUT, "no end after %.1f s", (double)timeout_ms / 1000);
        if (errno != EINTR)
            return error_sys(err, "poll");
    }
}

/* The output and then the end of a process that may take its time, but not for ever. */
static int read_in_time(const struct process *p, int fd, size_t limit, int timeout_ms,
                        struct str *out, struct error *err)
{
    const int64_t until = now_ms() + timeout_ms;

    for (ssize_t n = fd < 0 ? 0 : 1; n != 0;) {
        char buf[4096];
        const int r = wait_until(fd, until, timeout_ms, err);

        if (r < 0)
            return r;
        n = read(fd, buf, sizeof(buf));
        if (n < 0 && errno != EINTR)
            return error_sys(err, "read");
        if (n > 0)
            str_add(out, view_make(buf, (size_t)n));
        explicit_bzero(buf, sizeof(buf)); /* helpers answer with secrets */
        if (out && out->size > limit)
            return error_set(err, -EDQUOT, "more than %zu bytes", limit);
    }
    return p->pidfd < 0 ? 0 : wait_until(p->pidfd, until, timeout_ms, err);
}

int proc_run(const char *const argv[], const struct proc_options *o, size_t limit, struct str *out,
             struct error *err)
{
    struct proc_options with_pipe = *o;
    struct process p;
    int ends[2] = {-1, -1}, r;

    if (out && (r = fd_pipe(ends, err)) < 0)
        return r;
    cleanup_close int reader = ends[0];
    {
        cleanup_close int writer = ends[1];

        if (out)
            with_pipe.out = writer;
        r = proc_spawn(argv, &with_pipe, &p, err);
        if (r < 0)
            return r;
    }
    if (o->timeout_ms > 0)
        r = read_in_time(&p, reader, limit, o->timeout_ms, out, err);
    else
        r = out ? fd_read_all(reader, limit, out, err) : 0;
    if (r < 0)
        (void)kill(p.pid, SIGKILL); /* it would write to nobody */
    const int status = proc_wait(&p);
    return r < 0 ? error_wrap(err, r, "output of '%s'", argv[0]) : status;
}

bool proc_have(const char *name)
{
    const char *path = getenv("PATH");
    struct view rest = view_of(path ? path : "/usr/bin:/bin"), dir;

    while (view_cut(&rest, ':', &dir)) {
        cleanup_free char *file = xasprintf("%.*s/%s", VIEW_ARG(dir), name);

        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}
