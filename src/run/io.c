#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/loop.h"
#include "run/internal.h"

/* A terminal is not given to the container as it is: it could type into it (CVE-2017-5226). Nor is a
 * file: a user of the container could not open it again as /dev/stdout. A pipe is, and we copy. */
static int relay_for(int fd, int *given, int *relay, int *pass, struct error *err)
{
    struct stat st;
    int ends[2], r;

    *pass = fd;
    if (fstat(fd, &st) < 0 || S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && !isatty(fd)))
        return 0;
    if ((r = fd_pipe(ends, err)) < 0)
        return r;
    *relay = ends[0];
    *given = *pass = ends[1];
    return 0;
}

/* One place for both keeps the order of what is written. */
static bool same_place(int a, int b)
{
    struct stat one, other;

    return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

int run_io_open(bool tty, bool interactive, struct run_io *ret, struct error *err)
{
    struct run_io io = {-1, -1, -1, -1, -1, {-1, -1}, {-1, -1}};
    int pair[2], r = 0;

    if (tty) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
            return error_sys(err, "make a socket pair");
        io.console = pair[0];
        io.console_other = pair[1];
    } else {
        io.in = interactive ? STDIN_FILENO : -1;
        r = relay_for(STDOUT_FILENO, &io.given[0], &io.relays[0], &io.out, err);
        if (r == 0 && io.relays[0] >= 0 && same_place(STDOUT_FILENO, STDERR_FILENO))
            io.err = io.out;
        else if (r == 0)
            r = relay_for(STDERR_FILENO, &io.given[1], &io.relays[1], &io.err, err);
    }
    if (r < 0)
        run_io_close(&io);
    else
        *ret = io;
    return r;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void run_io_sent(struct run_io *io)
{
    close_one(&io->console_other);
    close_one(&io->given[0]);
    close_one(&io->given[1]);
}

void run_io_close(struct run_io *io)
{
    run_io_sent(io);
    close_one(&io->console);
    close_one(&io->relays[0]);
    close_one(&io->relays[1]);
}

/* ---- the loop ---- */

struct pump {
    const struct env *env;
    struct loop *loop;
    struct run_io *io;
    struct job *job;
    int master; /* of the container's terminal, once it came */
    bool interactive, raw, ended;
    struct termios before;
    struct loop_watch *watches[4]; /* console, stdin, stdout's relay, stderr's relay */
    struct error *err;
    int failed;
};

/* False at the end. */
static bool copy_some(int from, int to)
{
    char buf[16384];
    const ssize_t n = read(from, buf, sizeof(buf));

    if (n <= 0)
        return n < 0 && errno == EINTR;
    return fd_write_all(to, view_make(buf, (size_t)n), NULL) == 0;
}

static void drop(struct pump *p, size_t i)
{
    if (p->watches[i])
        loop_remove(p->loop, p->watches[i]);
    p->watches[i] = NULL;
}

static void relay_out(void *ctx, short revents)
{
    struct pump *p = ctx;

    if (!copy_some(p->io->relays[0], STDOUT_FILENO))
        drop(p, 2);
}

static void relay_err(void *ctx, short revents)
{
    struct pump *p = ctx;

    if (!copy_some(p->io->relays[1], STDERR_FILENO))
        drop(p, 3);
}

static void from_master(void *ctx, short revents)
{
    struct pump *p = ctx;

    if (!copy_some(p->master, STDOUT_FILENO)) /* EIO: the last process has closed it */
        drop(p, 0);
}

static void to_master(void *ctx, short revents)
{
    static const char end_of_file[] = {4}; /* ctrl-D */
    struct pump *p = ctx;

    if (!copy_some(STDIN_FILENO, p->master)) {
        (void)!write(p->master, end_of_file, 1);
        drop(p, 1);
    }
}

static void set_window(const struct pump *p)
{
    struct winsize size;

    if (p->master >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
        (void)ioctl(p->master, TIOCSWINSZ, &size);
}

static void make_raw(struct pump *p)
{
    struct termios raw;

    if (!p->interactive || tcgetattr(STDIN_FILENO, &p->before) < 0)
        return;
    raw = p->before;
    cfmakeraw(&raw);
    p->raw = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static void console_came(void *ctx, short revents)
{
    struct pump *p = ctx;
    char text[8];

    drop(p, 0);
    if (fd_receive(p->io->console, text, sizeof(text), &p->master) < 0 || p->master < 0)
        return;
    set_window(p);
    make_raw(p);
    p->watches[0] = loop_add_fd(p->loop, p->master, POLLIN, from_master, p);
    if (p->interactive)
        p->watches[1] = loop_add_fd(p->loop, STDIN_FILENO, POLLIN, to_master, p);
}

static void on_signal(void *ctx, int signo)
{
    struct pump *p = ctx;

    if (signo == SIGWINCH)
        set_window(p);
    else
        job_signal(p->job, signo);
}

static void on_progress(void *ctx, const json_t *message)
{
    const struct pump *p = ctx;
    const char *text = NULL;

    if (doc_text(message, "warning", &text, NULL) == 0 && text)
        env_warn(p->env, "%s", text);
    else if (doc_text(message, "note", &text, NULL) == 0 && text)
        env_note(p->env, "%s", text);
}

static void on_job(void *ctx, short revents)
{
    struct pump *p = ctx;
    const int r = job_step(p->job, on_progress, p, p->err);

    if (r == 0)
        return;
    p->failed = MIN(r, 0);
    p->ended = true;
    loop_stop(p->loop);
}

/* What the container wrote before it ended is still in the pipes; a process that was left behind
 * cannot hold them open, it is gone too. */
static void drain(struct pump *p)
{
    while (p->watches[2] && copy_some(p->io->relays[0], STDOUT_FILENO))
        ;
    while (p->watches[3] && copy_some(p->io->relays[1], STDERR_FILENO))
        ;
    while (p->master >= 0 && p->watches[0] && copy_some(p->master, STDOUT_FILENO))
        ;
}

static int add_signals(struct pump *p, struct error *err)
{
    static const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};

    for (size_t i = 0; i < ARRAY_SIZE(forwarded); i++) {
        const int r = loop_add_signal(p->loop, forwarded[i], on_signal, p, err);

        if (r < 0)
            return r;
    }
    return 0;
}

static int pump(struct pump *p, struct error *err)
{
    int r = add_signals(p, err);

    if (r < 0)
        return r;
    (void)loop_add_fd(p->loop, job_fd(p->job), POLLIN, on_job, p);
    if (p->io->console >= 0)
        p->watches[0] = loop_add_fd(p->loop, p->io->console, POLLIN, console_came, p);
    if (p->io->relays[0] >= 0)
        p->watches[2] = loop_add_fd(p->loop, p->io->relays[0], POLLIN, relay_out, p);
    if (p->io->relays[1] >= 0)
        p->watches[3] = loop_add_fd(p->loop, p->io->relays[1], POLLIN, relay_err, p);
    r = loop_run(p->loop, err);
    drain(p);
    return r < 0 ? r : p->failed;
}

int run_io_loop(const struct env *env, struct run_io *io, struct job *j, struct error *err)
{
    struct pump p = {.env = env, .loop = loop_new(), .io = io, .job = j, .master = -1, .err = err};

    p.interactive = isatty(STDIN_FILENO) || io->console >= 0;
    const int r = pump(&p, err);
    if (p.raw)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &p.before);
    if (p.master >= 0)
        (void)close(p.master);
    loop_free(p.loop);
    return r;
}
