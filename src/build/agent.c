#include "build/agent.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/proc.h"

#define SOCKET_NAME "agent"
#define DIRECTORY_MAX 80 /* a socket's path has room for 107 bytes */
#define OUTPUT_MAX 4096
#define KEY_TIMEOUT_MS 30000 /* a key on a stick may take its time; nobody is asked anything */

struct agent {
    struct process keeper;
    int life_fd; /* the keeper's standard input */
    char *directory, *socket;
};

/* ---- the role ---- */

/* It went into the background when it could be asked: "SSH_AGENT_PID=12; export SSH_AGENT_PID;". */
static pid_t start_program(const char *socket)
{
    STR_AUTO(out);
    long pid = -1;
    const int status = proc_run((const char *[]){"ssh-agent", "-s", "-a", socket, NULL},
                                &PROC_OPTIONS_INIT, OUTPUT_MAX, &out, NULL);
    const char *at = status == 0 ? strstr(out.at, "SSH_AGENT_PID=") : NULL;

    return at && sscanf(at, "SSH_AGENT_PID=%ld", &pid) == 1 && pid > 1 ? (pid_t)pid : -1;
}

static void wait_for_end(void)
{
    char byte;

    while (read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR)
        errno = 0;
}

int agent_role_main(int argc, char **argv)
{
    char socket[PATH_MAX];

    if (argc != 2)
        return 125;
    /* it is for the one who started us to end us, and to say how */
    for (const int *s = (const int[]){SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, 0}; *s; s++)
        (void)signal(*s, SIG_IGN);
    (void)snprintf(socket, sizeof(socket), "%s/" SOCKET_NAME, argv[1]);
    /* what it leaves is ours to end: its number can then be nobody else's */
    const pid_t pid = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 ? start_program(socket) : -1;
    if (pid > 0 && write(STDOUT_FILENO, "+", 1) == 1)
        wait_for_end();
    if (pid > 0 && kill(pid, SIGKILL) == 0)
        (void)waitpid(pid, NULL, 0);
    (void)unlink(socket);
    (void)rmdir(argv[1]);
    return pid > 0 ? 0 : 1;
}

/* ---- the keys ---- */

static int explain(const char *path, struct view said, struct error *err)
{
    struct view line = {0};

    if (said.size > 0 && !memmem(said.at, said.size, "passphrase", strlen("passphrase"))) {
        (void)view_cut(&said, '\n', &line);
        (void)error_set(err, -EINVAL, "key '%.200s' cannot be used: %.*s", path, VIEW_ARG(line));
        return error_hint(err, -EINVAL, "it is to be a private key, or the socket of an agent");
    }
    (void)error_set(err, -EACCES, "key '%.200s' is protected by a passphrase", path);
    return error_hint(err, -EACCES,
                      "add it to an agent with ssh-add, and give the agent's socket instead");
}

static int open_key(const char *path, struct error *err)
{
    struct stat st;
    cleanup_close int fd = fd_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0, err);

    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return error_set(err, -EINVAL, "'%.200s' is neither a key file nor a socket", path);
    return steal_fd(fd);
}

/* Its exit status, and what it said. It asks nobody for a passphrase. */
static int run_ssh_add(const struct agent *a, int key_fd, struct str *said, struct error *err)
{
    static const char *const texts[] = {"LC_ALL=C", "SSH_ASKPASS=/bin/false",
                                        "SSH_ASKPASS_REQUIRE=force"};
    struct strings environment = {0};
    struct proc_options o = PROC_OPTIONS_INIT;
    int ends[2], r = fd_pipe(ends, err);

    if (r < 0)
        return r;
    cleanup_close int from = ends[0], to = ends[1];
    strings_take(&environment, xasprintf("SSH_AUTH_SOCK=%s", a->socket));
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        strings_add(&environment, texts[i]);
    o.in = key_fd;
    o.err = to;
    o.environ_ = strings_argv(&environment);
    o.timeout_ms = KEY_TIMEOUT_MS;
    r = proc_run((const char *[]){"ssh-add", "-q", "-", NULL}, &o, 0, NULL, err);
    strings_done(&environment);
    (void)close(steal_fd(to));
    return r <= 0 ? r : MAX(r, fd_read_all(from, OUTPUT_MAX, said, NULL));
}

/* Through standard input: the mode of the file is its owner's affair, and nothing opens another one by this name. */
static int add_key(const struct agent *a, const char *path, struct error *err)
{
    STR_AUTO(said);
    cleanup_close int fd = open_key(path, err);

    if (fd < 0)
        return fd;
    const int r = run_ssh_add(a, fd, &said, err);
    return r <= 0 ? r : explain(path, str_view(&said), err);
}

/* ---- beginning and end ---- */

static const char *directory_for(char *const *environ_)
{
    for (; environ_ && *environ_; environ_++)
        if (strncmp(*environ_, "TMPDIR=/", 8) == 0 && strlen(*environ_) < DIRECTORY_MAX)
            return *environ_ + 7;
    return "/tmp";
}

static int start_keeper(struct agent *a, struct error *err)
{
    struct proc_options o = PROC_OPTIONS_INIT;
    int in[2], out[2], r = fd_pipe(in, err);
    char byte;

    if (r < 0)
        return r;
    cleanup_close int life = in[0];
    a->life_fd = in[1];
    if ((r = fd_pipe(out, err)) < 0)
        return r;
    cleanup_close int hear = out[0], tell = out[1];
    o.in = life;
    o.out = tell;
    r = proc_spawn_role((const char *[]){"@agent", a->directory, NULL}, &o, &a->keeper, err);
    if (r < 0)
        return r;
    (void)close(steal_fd(tell));
    return read(hear, &byte, 1) == 1 ? 0 : error_set(err, -ECHILD, "ssh-agent did not start");
}

int agent_start(const struct strings *keys, char *const *environ_, struct agent **ret,
                struct error *err)
{
    if (!proc_have("ssh-agent") || !proc_have("ssh-add")) {
        (void)error_set(err, -ENOENT, "key files need the programs ssh-agent and ssh-add");
        return error_hint(err, -ENOENT,
                          "install them (package openssh-client), or give an agent's socket");
    }
    CLEANUP(agent_stopp) struct agent *a = xcalloc(1, sizeof(*a));
    *a = (struct agent){.keeper = {-1, -1}, .life_fd = -1};
    a->directory = xasprintf("%s/cooper-ssh.XXXXXX", directory_for(environ_));
    if (!mkdtemp(a->directory))
        return error_sys(err, "make directory '%.200s'", a->directory);
    a->socket = xasprintf("%s/" SOCKET_NAME, a->directory);
    int r = start_keeper(a, err);
    for (size_t i = 0; r >= 0 && i < keys->size; i++)
        r = add_key(a, keys->at[i], err);
    if (r < 0)
        return r;
    *ret = steal(a);
    return 0;
}

const char *agent_socket(const struct agent *a)
{
    return a->socket;
}

void agent_stop(struct agent *a)
{
    if (!a)
        return;
    fd_closep(&a->life_fd);
    if (a->keeper.pid > 0)
        (void)proc_wait(&a->keeper);
    else
        (void)rmdir(a->directory);
    free(a->directory);
    free(a->socket);
    free(a);
}
