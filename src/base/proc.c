#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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
    int moved[16];

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

    if (o->keep_count > 16)
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
