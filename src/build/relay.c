#include "build/relay.h"

#include <endian.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"

#define MESSAGE_MAX (256u << 10) /* as OpenSSH has it */
enum { FAILURE = 5, REQUEST_IDENTITIES = 11, SIGN_REQUEST = 13 };

/* Through /proc: a socket's path has room for 107 bytes only. */
static void set_path(struct sockaddr_un *a, int fd, const char *name)
{
    *a = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d%s%s", fd, *name ? "/" : "",
                   name);
}

/* ---- one client: requests and answers by turns, each a length of 4 bytes, a type and the rest ---- */

struct message {
    unsigned char bytes[4 + MESSAGE_MAX];
    size_t size; /* the length included */
};

static bool read_whole(int fd, unsigned char *at, size_t size)
{
    while (size > 0) {
        const ssize_t n = read(fd, at, size);

        if (n == 0 || (n < 0 && errno != EINTR))
            return false;
        at += MAX(n, 0);
        size -= (size_t)MAX(n, 0);
    }
    return true;
}

/* False at the end, or where no message is. */
static bool read_message(int fd, struct message *m)
{
    uint32_t size;

    if (!read_whole(fd, m->bytes, 4))
        return false;
    memcpy(&size, m->bytes, 4);
    size = be32toh(size);
    m->size = 4 + (size_t)size;
    return size > 0 && size <= MESSAGE_MAX && read_whole(fd, m->bytes + 4, size);
}

static bool write_message(int fd, const struct message *m)
{
    return fd_write_all(fd, view_make(m->bytes, m->size), NULL) == 0;
}

static bool may_ask(const struct message *m)
{
    return m->bytes[4] == REQUEST_IDENTITIES || m->bytes[4] == SIGN_REQUEST;
}

static void refuse(struct message *m)
{
    const unsigned char failure[] = {0, 0, 0, 1, FAILURE};

    memcpy(m->bytes, failure, sizeof(failure));
    m->size = sizeof(failure);
}

static int connect_to(int agent_fd)
{
    struct sockaddr_un a;
    const int agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    set_path(&a, agent_fd, "");
    return agent >= 0 && connect(agent, (const struct sockaddr *)&a, sizeof(a)) == 0 ? agent : -1;
}

_Noreturn static void serve(int client, int agent_fd)
{
    static struct message m; /* of this process: it has one client */
    const int agent = connect_to(agent_fd);

    while (agent >= 0 && read_message(client, &m)) {
        if (!may_ask(&m))
            refuse(&m);
        else if (!write_message(agent, &m) || !read_message(agent, &m))
            break;
        if (!write_message(client, &m))
            break;
    }
    _exit(0);
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
