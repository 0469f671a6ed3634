#include "build/relay.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

/* Through /proc: a socket's path has room for 107 bytes only. */
static void set_path(struct sockaddr_un *a, int fd, const char *name)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d%s%s", fd, *name ? "/" : "",
                   name);
}

/* False when one side has ended. */
static bool hand_on(int from, int to)
{
    char buf[16384];
    const ssize_t n = read(from, buf, sizeof(buf));

    if (n < 0)
        return errno == EINTR;
    return n > 0 && fd_write_all(to, view_make(buf, (size_t)n), NULL) == 0;
}

_Noreturn static void serve(int client, int agent_fd)
{
    struct sockaddr_un a;
    const int agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    set_path(&a, agent_fd, "");
    if (agent < 0 || connect(agent, (const struct sockaddr *)&a, sizeof(a)) < 0)
        _exit(1);
    struct pollfd polls[] = {{client, POLLIN, 0}, {agent, POLLIN, 0}};
    for (;;) {
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            _exit(1);
        if ((polls[0].revents && !hand_on(client, agent)) ||
            (polls[1].revents && !hand_on(agent, client)))
            _exit(0);
    }
}

_Noreturn static void listen_for_ever(int listener, int agent_fd)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_IGN); /* no zombies */
    (void)signal(SIGPIPE, SIG_IGN);
    for (;;) {
        const int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (client < 0 && errno != EINTR && errno != ECONNABORTED)
            _exit(1);
        if (client >= 0 && fork() == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            serve(client, agent_fd);
        }
        if (client >= 0)
            (void)close(client);
    }
}

int relay_start(int dirfd, const char *name, int agent_fd, pid_t *ret, struct error *err)
{
    cleanup_close int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un a;

    set_path(&a, dirfd, name);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&a, sizeof(a)) < 0 ||
        listen(listener, 16) < 0)
        return error_sys(err, "listen for the agent's clients");
    const pid_t pid = fork();
    if (pid < 0)
        return error_sys(err, "start the agent's relay");
    if (pid == 0)
        listen_for_ever(listener, agent_fd);
    *ret = pid;
    return 0;
}
