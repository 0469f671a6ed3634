#include <endian.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "build/relay.h"
#include "trees.h"

/* What is asked, by its type, and what comes back: the agent of the test answers every message with itself. */
static const struct {
    const char *name;
    unsigned char type;
    bool passes;
} cases[] = {
    {"list the keys", 11, true},
    {"sign", 13, true},
    {"list the keys of protocol 1", 1, false},
    {"add a key", 17, false},
    {"remove a key", 18, false},
    {"remove all keys", 19, false},
    {"add a key of a card", 20, false},
    {"remove a key of a card", 21, false},
    {"lock", 22, false},
    {"unlock", 23, false},
    {"add a key with limits", 25, false},
    {"add a key of a card with limits", 26, false},
    {"an extension", 27, false},
    {"nothing known", 200, false},
};

static struct sockaddr_un address(int dirfd, const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    (void)snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%s", dirfd, name);
    return a;
}

static int connected(int dirfd)
{
    const struct sockaddr_un a = address(dirfd, "relay");
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

_Noreturn static void echo(int listener)
{
    char buf[512];

    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        ssize_t n;

        while ((n = read(fd, buf, sizeof(buf))) > 0)
            if (write(fd, buf, (size_t)n) != n)
                _exit(1);
        (void)close(fd);
    }
}

struct pair {
    pid_t agent, relay;
};

static struct pair start(int dirfd)
{
    const struct sockaddr_un a = address(dirfd, "agent");
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pair p;

    assert_int_equal(bind(listener, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(listener, 4), 0);
    p.agent = fork();
    if (p.agent == 0)
        echo(listener);
    (void)close(listener);
    cleanup_close int fd = openat(dirfd, "agent", O_PATH | O_CLOEXEC);
    assert_int_equal(relay_start(dirfd, "relay", fd, &p.relay, NULL), 0);
    return p;
}

static void stop(const struct pair *p)
{
    const pid_t all[] = {p->relay, p->agent};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        (void)kill(all[i], SIGKILL);
        (void)waitpid(all[i], NULL, 0);
    }
}

static void only_lists_and_signs(void **state)
{
    (void)state;
    SCRATCH_AUTO(t);
    const struct pair p = start(t.fd);
    cleanup_close int fd = connected(t.fd);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const unsigned char ask[] = {0, 0, 0, 3, cases[i].type, 7, 8}, no[] = {0, 0, 0, 1, 5};
        unsigned char got[sizeof(ask)] = {0};
        const size_t want = cases[i].passes ? sizeof(ask) : sizeof(no);

        print_message("# %s\n", cases[i].name);
        assert_int_equal(write(fd, ask, 5), 5); /* in two pieces */
        assert_int_equal(write(fd, ask + 5, 2), 2);
        assert_int_equal(recv(fd, got, want, MSG_WAITALL), want);
        assert_memory_equal(got, cases[i].passes ? ask : no, want);
    }
    stop(&p);
}

static void what_is_no_message_ends_the_connection(void **state)
{
    (void)state;
    static const unsigned char bad[][5] = {
        {0, 0, 0, 0, 11}, {0, 4, 0, 1, 11}, {255, 255, 255, 255, 11}};
    SCRATCH_AUTO(t);
    const struct pair p = start(t.fd);

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        cleanup_close int fd = connected(t.fd);
        unsigned char byte;

        assert_int_equal(send(fd, bad[i], sizeof(bad[i]), MSG_NOSIGNAL), sizeof(bad[i]));
        assert_true(recv(fd, &byte, 1, 0) <= 0);
    }
    stop(&p);
}

UNIT_MAIN(cmocka_unit_test(only_lists_and_signs),
          cmocka_unit_test(what_is_no_message_ends_the_connection))
