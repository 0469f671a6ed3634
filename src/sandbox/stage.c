/* The child, from clone3() to execve(); the steps are numbered in docs/security.md. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <linux/keyctl.h>

#include "base/fd.h"
#include "sandbox/filter.h"
#include "sandbox/internal.h"
#include "sandbox/message.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

void stage_send(const struct launch *l, enum stage_message kind, const char *text, int fd)
{
    const char head = (char)kind;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec parts[2] = {{(void *)(uintptr_t)&head, 1},
                             {(void *)(uintptr_t)text, MIN(strlen(text), STAGE_MESSAGE_MAX - 2)}};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2};

    if (fd >= 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(int));
    }
    (void)sendmsg(l->sync, &m, MSG_NOSIGNAL);
}

_Noreturn static void fail(const struct launch *l, const struct error *error)
{
    cleanup_doc json_t *message = message_of_error(error);
    STR_AUTO(text);

    doc_print(message, true, &text);
    stage_send(l, STAGE_ERROR, text.at, -1);
    _exit(125);
}

/* ---- stdio ---- */

static int open_terminal(const struct launch *l, const struct passwd_user *u, struct error *err)
{
    int zero = 0;
    char byte = 't';
    struct launch to = *l;
    cleanup_close int master = fd_open(AT_FDCWD, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, err);

    if (master < 0)
        return master;
    if (ioctl(master, TIOCSPTLCK, &zero) < 0)
        return error_sys(err, "unlock the terminal");
    cleanup_close int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0)
        return error_sys(err, "open the terminal");
    to.sync = l->plan->console_fd;
    stage_send(&to, (enum stage_message)byte, "", master);
    if (l->ctx->ids.kind != IDENTITY_SINGLE && fchown(slave, u->uid, (gid_t)-1) < 0)
        return error_sys(err, "give the terminal to user %u", u->uid);
    cleanup_close int console = open("/dev/console", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char path[32];
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", slave);
    if (console < 0 || mount(path, "/dev/console", NULL, MS_BIND, NULL) < 0)
        return error_sys(err, "make /dev/console");
    return steal_fd(slave);
}

static int empty_input(struct error *err)
{
    int ends[2];
    const int r = fd_pipe(ends, err);

    if (r < 0)
        return r;
    (void)close(ends[1]);
    return ends[0];
}

static int open_stdio(const struct launch *l, const struct passwd_user *u, int fds[3],
                      struct error *err)
{
    const struct spawn_plan *p = l->plan;

    if (p->tty) {
        fds[0] = open_terminal(l, u, err);
        fds[1] = fds[2] = fds[0];
        return MIN(fds[0], 0);
    }
    fds[0] = p->stdio_fds[0] >= 0 ? p->stdio_fds[0] : empty_input(err);
    if (fds[0] < 0)
        return fds[0];
    for (int i = 1; i < 3; i++) {
        fds[i] = p->stdio_fds[i] >= 0 ? p->stdio_fds[i]
                                      : fd_open(AT_FDCWD, "/dev/null", O_WRONLY, 0, err);
        if (fds[i] < 0)
            return fds[i];
    }
    return 0;
}

static int place_stdio(const struct launch *l, const struct passwd_user *u, struct error *err)
{
    int fds[3], r = open_stdio(l, u, fds, err);

    if (r < 0)
        return r;
    for (int i = 0; i < 3; i++)
        if ((fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3)) < 0)
            return error_sys(err, "arrange descriptors");
    for (int i = 0; i < 3; i++)
        if (dup2(fds[i], i) < 0)
            return error_sys(err, "arrange descriptors");
    if (setsid() < 0 && errno != EPERM)
        return error_sys(err, "begin a session");
    if (l->plan->tty && ioctl(0, TIOCSCTTY, 0) < 0)
        return error_sys(err, "take the terminal");
    return 0;
}

/* ---- environment ---- */

static const char *env_value(const struct strings *env, const char *name)
{
    const size_t size = strlen(name);

    for (size_t i = env->size; i-- > 0;)
        if (strncmp(env->at[i], name, size) == 0 && env->at[i][size] == '=')
            return env->at[i] + size + 1;
    return NULL;
}

static void env_default(struct strings *env, const char *name, const char *value)
{
    const char *now = env_value(env, name);

    if (!now)
        strings_take(env, xasprintf("%s=%s", name, value));
}

static void make_env(const struct spawn_plan *p, const struct passwd_user *u, struct strings *ret)
{
    const char *home = env_value(&p->env, "HOME");
    const bool home_empty = home && !*home;

    for (size_t i = 0; i < p->env.size; i++)
        if (!(home_empty && strncmp(p->env.at[i], "HOME=", 5) == 0))
            strings_add(ret, p->env.at[i]);
    env_default(ret, "PATH", DEFAULT_PATH);
    if (!p->keep_hostname)
        env_default(ret, "HOSTNAME", p->hostname ? p->hostname : SPAWN_HOSTNAME);
    if (p->tty)
        env_default(ret, "TERM", "xterm");
    env_default(ret, "HOME", u->home);
}

/* ---- the program ---- */

struct program {
    const struct launch *l;
    char **argv, **env;
    const char *path; /* $PATH */
};

_Noreturn static void cannot_run(const struct program *p, int status, const char *why)
{
    cleanup_free char *text = xasprintf("exec '%.200s': %s", p->argv[0], why);

    (void)dprintf(STDERR_FILENO, "cooper: %s\n", text);
    stage_send(p->l, STAGE_NOTE, text, -1);
    _exit(status);
}

/* What execve() meant; a script's or a binary's interpreter may be what is missing. */
_Noreturn static void explain_exec(const struct program *p, const char *path, int cause)
{
    if (cause == ENOENT && access(path, F_OK) == 0)
        cannot_run(p, 127, "its interpreter (first line, or dynamic loader) is not in the image");
    if (cause == ENOENT || cause == ENOTDIR)
        cannot_run(p, 127, "no such file in the image");
    if (cause == ENOEXEC)
        cannot_run(p, 126, "neither a program for this machine nor a script with a first line #!");
    cannot_run(p, 126, strerror(cause));
}

static void run_program(void *ctx)
{
    const struct program *p = ctx;
    struct view rest = view_of(p->path), dir;
    bool denied = false;
    const char *limit = NULL;
    const int cause = spawn_ulimit_apply(&p->l->plan->ulimits, &limit);

    if (cause < 0) {
        cleanup_free char *why = xasprintf("limit '%s' cannot be set: %s", limit, strerror(-cause));
        cannot_run(p, 126, why);
    }
    if (strchr(p->argv[0], '/')) {
        (void)execve(p->argv[0], p->argv, p->env);
        explain_exec(p, p->argv[0], errno);
    }
    while (p->argv[0][0] && view_cut(&rest, ':', &dir)) {
        cleanup_free char *path =
            xasprintf("%.*s/%s", dir.size ? (int)dir.size : 1, dir.size ? dir.at : ".", p->argv[0]);

        (void)execve(path, p->argv, p->env);
        if (errno == EACCES)
            denied = true;
        else if (errno != ENOENT && errno != ENOTDIR)
            explain_exec(p, path, errno);
        else if (errno == ENOENT && access(path, F_OK) == 0)
            explain_exec(p, path, ENOENT);
    }
    cannot_run(p, denied ? 126 : 127,
               denied ? "permission denied" : "no such program in $PATH of the image");
}

static void reset_signals(void)
{
    sigset_t none;

    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- steps ---- */

static int pivot(struct launch *l, struct error *err)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

    if (l->plan->read_only && mount_setattr(l->root_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
        return error_sys(err, "make the root read-only");
    if (fchdir(l->root_fd) < 0)
        return error_sys(err, "go to the root");
    if (syscall(SYS_pivot_root, ".", ".") < 0) {
        const int r = error_sys(err, "change the root");

        /* docker's filter lets CAP_SYS_ADMIN mount, and nobody do this */
        return r == -EPERM ? identity_filtered(r, err) : r;
    }
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return error_sys(err, "leave the old root");
    return 0;
}

static int make_root(struct launch *l, struct error *err)
{
    int r;

    if ((r = mounts_root(l, err)) < 0 || (r = mounts_system(l, err)) < 0 ||
        (r = mounts_plan(l, err)) < 0 || (!l->plan->unmasked && (r = mounts_masks(l, err)) < 0))
        return r;
    return pivot(l, err);
}

static int name_host(const struct launch *l, struct error *err)
{
    const char *name = l->plan->hostname ? l->plan->hostname : SPAWN_HOSTNAME;

    if (sethostname(name, strlen(name)) == 0)
        return 0;
    if (errno != EPERM && errno != ENOSYS)
        return error_sys(err, "set host name '%.80s'", name);
    /* podman's filter takes this call, and only this one of ours, from containers without CAP_SYS_ADMIN */
    stage_send(l, STAGE_NOTE,
               "the host name is that of the container around us: its seccomp filter lets nobody "
               "set another",
               -1);
    return 0;
}

static int make_directory(const struct launch *l, const struct passwd_user *u, const char *path,
                          struct error *err)
{
    if (mkdir(path, 0755) < 0)
        return errno == EEXIST ? 0 : error_sys(err, "make working directory '%.200s'", path);
    /* a single id has nobody to give it to */
    if (l->ctx->ids.kind != IDENTITY_SINGLE && chown(path, u->uid, u->gid) < 0)
        return error_sys(err, "give working directory '%.200s' to its user", path);
    return 0;
}

/* Where the image has none (a base whose WorkingDir is missing, a step that removed it). The root is "/" by now, so links
 * on the way lead nowhere else. */
static int make_cwd(const struct launch *l, const struct passwd_user *u, struct error *err)
{
    const struct spawn_plan *p = l->plan;
    int r = 0;

    if (!p->make_cwd || !p->cwd || access(p->cwd, F_OK) == 0 || errno != ENOENT)
        return 0;
    cleanup_free char *path = xstrdup(p->cwd);
    for (char *slash = path; r == 0 && (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = '\0';
        r = make_directory(l, u, path, err);
        *slash = '/';
    }
    return r < 0 ? r : make_directory(l, u, path, err);
}

/* Tried with and without the user's rights: a directory of the user's on a share may be closed to
 * root. The kernel writes "(unreachable)" before a directory outside of the root
 * (CVE-2024-21626). */
static int enter_cwd(const char *cwd, bool last_try, bool *done, struct error *err)
{
    char path[4096];

    if (*done)
        return 0;
    if (chdir(cwd ? cwd : "/") < 0) {
        if (errno == EACCES && !last_try)
            return 0;
        const int r = error_sys(err, "enter working directory '%.200s'", cwd);
        return r == -ENOENT ? error_hint(err, r, "WORKDIR makes one") : r;
    }
    if (!getcwd(path, sizeof(path)) || path[0] != '/')
        return error_set(err, -EPERM, "working directory '%.200s' is outside of the root", cwd);
    *done = true;
    return 0;
}

/* Devices cannot be recorded inside of something that supervises us: only one can. */
static int install_device_listener(const struct launch *l, struct error *err)
{
    ERROR_AUTO(why);
    cleanup_close int listener = filter_install_listener(launch_supervises(l), &why);

    if (listener >= 0)
        stage_send(l, STAGE_LISTENER, "", listener);
    return listener >= 0 || listener == -EBUSY ? 0 : error_move(err, &why);
}

/* The supervisor tells the program that it is u. */
static int install_listener(const struct launch *l, const struct passwd_user *u, struct error *err)
{
    cleanup_close int listener = filter_install_listener(SUPERVISE_ONE_ID, err);
    STR_AUTO(ids);

    if (listener < 0)
        return listener;
    str_printf(&ids, "%u %u", u->uid, u->gid);
    for (size_t i = 0; i < u->group_count; i++)
        str_printf(&ids, " %u", u->groups[i]);
    stage_send(l, STAGE_LISTENER, ids.at, listener);
    return 0;
}

static int install_filters(const struct launch *l, const struct passwd_user *u, struct error *err)
{
    const enum supervise_kind kind = launch_supervises(l);
    int r = 0;

    if (kind != SUPERVISE_NOTHING)
        r = kind == SUPERVISE_ONE_ID ? install_listener(l, u, err)
                                     : install_device_listener(l, err);
    if (r < 0)
        return r;
    return l->plan->seccomp ? filter_install(err) : 0;
}

/* With no_new_privs the filter comes last; without it it needs CAP_SYS_ADMIN and comes before
 * capabilities go. With one id it comes before in any case: its listener needs the job's answer. */
static int restrict_self(const struct launch *l, const struct passwd_user *u, struct error *err)
{
    const struct spawn_plan *p = l->plan;
    int r;

    if (!p->no_new_privs && (r = install_filters(l, u, err)) < 0)
        return r;
    if ((r = creds_apply(l, u, err)) < 0)
        return r;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) /* cleared by the change of ids */
        return error_sys(err, "tie the container to its parent");
    if (p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return error_sys(err, "set no_new_privs");
    return p->no_new_privs ? install_filters(l, u, err) : 0;
}

static int settle(struct launch *l, struct passwd_user *u, struct error *err)
{
    const struct spawn_plan *p = l->plan;
    bool entered = false;
    int r;

    if ((r = name_host(l, err)) < 0 || (r = creds_lookup(p->user, u, err)) < 0 ||
        (r = place_stdio(l, u, err)) < 0)
        return r;
    (void)umask(0022);
    (void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
    if (syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC */) < 0)
        return error_sys(err, "close descriptors");
    if ((r = make_cwd(l, u, err)) < 0 || (r = enter_cwd(p->cwd, false, &entered, err)) < 0 ||
        (r = restrict_self(l, u, err)) < 0)
        return r;
    return enter_cwd(p->cwd, true, &entered, err);
}

_Noreturn void stage_main(struct launch *l)
{
    ERROR_AUTO(err);
    struct passwd_user user = {0};
    struct strings env = {0}, argv = l->plan->argv;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
        fail(l, (error_sys(&err, "protect the container's first process"), &err));
    if (argv.size == 0)
        fail(l, (error_set(&err, -EINVAL, "there is no program to run"), &err));
    if (make_root(l, &err) < 0 || settle(l, &user, &err) < 0)
        fail(l, &err);
    make_env(l->plan, &user, &env);
    struct program program = {l, strings_argv(&argv), strings_argv(&env), env_value(&env, "PATH")};
    reset_signals();
    if (l->plan->init)
        init_run(l->plan->tty, run_program, &program);
    run_program(&program);
    _exit(127);
}
