/* The small PID 1: starts the program, forwards signals to it, reaps whatever is left behind, ends
 * with its status. It sleeps in sigwaitinfo(): no wake-ups while nothing happens. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/internal.h"

/* Signals that are about ourselves: children, our own faults, terminal writes of a background
 * group. */
static bool is_forwarded(int signo)
{
    static const int own[] = {SIGCHLD, SIGTTIN, SIGTTOU, SIGTSTP, SIGFPE, SIGILL,
                              SIGSEGV, SIGBUS,  SIGABRT, SIGTRAP, SIGSYS};

    for (size_t i = 0; i < ARRAY_SIZE(own); i++)
        if (own[i] == signo)
            return false;
    return true;
}

static void reap(pid_t program)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == program)
            _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

#define PROGRAM_STACK (64u << 10)

struct start {
    bool tty;
    sigset_t before;
    void (*run)(void *ctx);
    void *ctx;
};

/* In our memory, while we wait for its exec (CLONE_VM | CLONE_VFORK): no page is copied for it. */
static int program_main(void *arg)
{
    const struct start *s = arg;

    (void)setpgid(0, 0);
    if (s->tty)
        (void)tcsetpgrp(STDIN_FILENO, getpid()); /* SIGTTOU is still blocked */
    (void)sigprocmask(SIG_SETMASK, &s->before, NULL);
    s->run(s->ctx);
    _exit(127);
}

_Noreturn void init_run(bool tty, void (*run)(void *ctx), void *ctx)
{
    struct start start = {.tty = tty, .run = run, .ctx = ctx};
    char *stack = xmalloc(PROGRAM_STACK);
    sigset_t all;
    siginfo_t info;

    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &start.before);
    const pid_t program =
        clone(program_main, stack + PROGRAM_STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, &start);
    if (program < 0)
        _exit(126);
    (void)syscall(SYS_close_range, 0u, ~0u, 0u); /* pipes must end with the program */
    for (;;) {
        const int signo = sigwaitinfo(&all, &info);

        if (signo == SIGCHLD)
            reap(program);
        else if (signo > 0 && is_forwarded(signo))
            (void)kill(program, signo);
    }
}
