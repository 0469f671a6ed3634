#include "sandbox/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/forward.h"
#include "sandbox/internal.h"
#include "unit.h"

/* ---- words ---- */

static const struct {
    const char *text, *want; /* want: "ADDRESS:OUTSIDE>INSIDE ..." with "/udp"; or "!complaint" */
} words[] = {
    {"80", "127.0.0.1:0>80"},
    {":80", "127.0.0.1:0>80"},
    {"8080:80", "127.0.0.1:8080>80"},
    {"8080:80/tcp", "127.0.0.1:8080>80"},
    {"5353:53/udp", "127.0.0.1:5353>53/udp"},
    {"0.0.0.0:8080:80", "0.0.0.0:8080>80"},
    {"10.1.2.3::80", "10.1.2.3:0>80"},
    {"[::1]:8080:80", "[::1]:8080>80"},
    {"[::]:65535:1", "[::]:65535>1"},
    {"8000-8002:80-82", "127.0.0.1:8000>80 127.0.0.1:8001>81 127.0.0.1:8002>82"},
    {"80-81", "127.0.0.1:0>80 127.0.0.1:0>81"},
    {"65534-65535:1-2", "127.0.0.1:65534>1 127.0.0.1:65535>2"},
    {"", "!malformed"},
    {":", "!malformed"},
    {"8080:", "!malformed"},
    {"0:80", "!malformed"},
    {"8080:0", "!malformed"},
    {"65536:80", "!malformed"},
    {"-1:80", "!malformed"},
    {"80-", "!malformed"},
    {"82-80", "!malformed"},
    {"8080:80/sctp", "!malformed"},
    {"8080:80/udp/tcp", "!malformed"},
    {"8000-8001:80", "!differ in length"},
    {"localhost:8080:80", "!no address"},
    {"::1:8080:80", "!no address"},
    {"[::1:8080:80", "!no address"},
    {"[]:8080:80", "!no address"},
    {"1.2.3:8080:80", "!no address"},
    {"1.2.3.4:5:6:7", "!no address"},
    {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0001]:1:1", "!no address"},
    {"1-257", "!more than 256"},
};

static void print(const struct ports *p, struct str *ret)
{
    vec_each (one, &p->list) {
        char text[PORT_TEXT_MAX];

        str_printf(ret, "%s%s>%u%s", ret->size ? " " : "", port_format(one, text), one->inside,
                   one->udp ? "/udp" : "");
    }
}

static void ports_are_read_as_docker_does(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        struct ports p = {0};
        STR_AUTO(got);
        ERROR_AUTO(err);
        const int r = ports_parse(words[i].text, &p, &err);

        print_message("# '%s'\n", words[i].text);
        if (words[i].want[0] == '!') {
            assert_true(r < 0);
            assert_non_null(strstr(err.text, words[i].want + 1));
        } else {
            assert_int_equal(r, 0);
            print(&p, &got);
            assert_string_equal(got.at, words[i].want);
        }
        ports_done(&p);
    }
}

static void a_taken_port_is_said(void **state)
{
    struct port one = {.listener = -1}, two;
    struct ports p = {0};
    ERROR_AUTO(err);

    assert_int_equal(ports_parse(":80", &p, NULL), 0);
    one = p.list.at[0];
    assert_int_equal(port_listen(&one, NULL), 0);
    assert_true(port_outside(&one) != 0);
    two = one;
    two.listener = -1;
    assert_int_equal(port_listen(&two, &err), -EADDRINUSE);
    assert_non_null(strstr(err.hint, "another program"));
    (void)close(one.listener);
    ports_done(&p);
}

/* ---- forwarding: to a server of ours in the same network namespace ---- */

struct relay {
    struct port server; /* where we are the service */
    struct ports ports;
    struct port outside;
    struct forwarder forwarder;
};

/* A port where nobody listens, and that nobody else can have meanwhile. */
static void bind_only(struct port *p)
{
    struct sockaddr *a = (struct sockaddr *)&p->address;
    socklen_t size = sizeof(p->address);

    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, a, sizeof(struct sockaddr_in)), 0);
    assert_int_equal(getsockname(p->listener, a, &size), 0);
}

static void relay_open(struct relay *r, bool with_server)
{
    const struct box here = BOX_INIT;
    struct ports p = {0};

    *r = (struct relay){.forwarder = FORWARDER_INIT};
    assert_int_equal(ports_parse(":1", &p, NULL), 0);
    r->server = p.list.at[0];
    if (with_server)
        assert_int_equal(port_listen(&r->server, NULL), 0);
    else
        bind_only(&r->server);
    ports_done(&p);
    (void)fcntl(r->server.listener, F_SETFL, 0);
    assert_int_equal(ports_parse(":1", &r->ports, NULL), 0);
    r->ports.list.at[0].inside = port_outside(&r->server);
    assert_int_equal(port_listen(&r->ports.list.at[0], NULL), 0);
    r->outside = r->ports.list.at[0];
    assert_int_equal(forward_start(&r->ports, &here, &r->forwarder, NULL), 0);
    assert_true(r->ports.list.at[0].listener < 0);
}

static void relay_close(struct relay *r)
{
    forward_stop(&r->forwarder);
    ports_done(&r->ports);
    (void)close(r->server.listener);
}

static int dial(const struct relay *r)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(
        connect(fd, (const struct sockaddr *)&r->outside.address, sizeof(struct sockaddr_in)), 0);
    return fd;
}

static int answer(const struct relay *r)
{
    const int fd = accept4(r->server.listener, NULL, NULL, SOCK_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void a_half_closed_direction_leaves_the_other(void **state)
{
    struct relay r;
    char buf[16];

    relay_open(&r, true);
    const int client = dial(&r), server = answer(&r);
    assert_int_equal(write(client, "ask", 3), 3);
    (void)shutdown(client, SHUT_WR);
    assert_int_equal(recv(server, buf, 4, MSG_WAITALL), 3); /* and the end behind it */
    assert_int_equal(write(server, "answer", 6), 6);
    (void)close(server);
    assert_int_equal(recv(client, buf, 7, MSG_WAITALL), 6);
    (void)close(client);
    relay_close(&r);
}

static long cpu_ticks(pid_t pid)
{
    cleanup_free char *path = xasprintf("/proc/%d/stat", pid);
    unsigned long user = 0, kernel = 0;
    STR_AUTO(text);

    assert_int_equal(fd_read_file(AT_FDCWD, path, 4096, &text, NULL), 0);
    assert_int_equal(sscanf(strrchr(text.at, ')'),
                            ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                            &kernel),
                     2);
    return (long)(user + kernel);
}

/* It sleeps: within some of the next whiles it does nothing. What still was on its way when the machine let the sender
 * wait is moved in the first ones. */
static bool comes_to_rest(pid_t pid)
{
    for (int i = 0; i < 20; i++) {
        const long before = cpu_ticks(pid);

        (void)poll(NULL, 0, 300);
        if (cpu_ticks(pid) - before <= 1)
            return true;
    }
    return false;
}

/* The sender stops when nobody reads, the forwarder then sleeps, and nothing is lost. */
static void nobody_reads_and_nobody_works(void **state)
{
    static char chunk[65536];
    struct relay r;
    size_t sent = 0, got = 0;
    ssize_t n;

    relay_open(&r, true);
    const int client = dial(&r), server = answer(&r);
    struct pollfd p = {client, POLLOUT, 0};
    while (poll(&p, 1, 300) > 0) {
        for (size_t i = 0; i < sizeof(chunk); i++)
            chunk[i] = (char)((sent + i) % 251);
        n = send(client, chunk, sizeof(chunk), MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
    }
    print_message("# %zu bytes on their way\n", sent);
    assert_true(comes_to_rest(r.forwarder.process.pid));
    (void)close(client);
    while ((n = read(server, chunk, sizeof(chunk))) > 0) {
        for (ssize_t i = 0; i < n; i++)
            assert_int_equal((unsigned char)chunk[i], (got + (size_t)i) % 251);
        got += (size_t)n;
    }
    assert_int_equal(n, 0);
    assert_true(got == sent);
    (void)close(server);
    relay_close(&r);
}

static void nobody_listens(void **state)
{
    struct relay r;
    char byte;

    relay_open(&r, false);
    const int client = dial(&r);
    assert_int_equal(read(client, &byte, 1), -1);
    assert_int_equal(errno, ECONNRESET);
    (void)close(client);
    relay_close(&r);
}

/* More clients than are carried: the rest waits, and has its turn. */
static void too_many_clients_wait(void **state)
{
    enum { MORE = 20 };
    static int clients[FORWARD_CONNECTIONS_MAX + MORE], servers[FORWARD_CONNECTIONS_MAX + MORE];
    struct relay r;
    char byte;

    relay_open(&r, true);
    for (size_t i = 0; i < FORWARD_CONNECTIONS_MAX; i++) {
        clients[i] = dial(&r);
        servers[i] = answer(&r);
    }
    struct pollfd p = {r.server.listener, POLLIN, 0};
    for (size_t i = FORWARD_CONNECTIONS_MAX; i < ARRAY_SIZE(clients); i++)
        clients[i] = dial(&r);
    assert_int_equal(poll(&p, 1, 200), 0);
    for (size_t i = 0; i < MORE; i++) {
        (void)close(clients[i]);
        assert_int_equal(read(servers[i], &byte, 1), 0);
        (void)close(servers[i]);
    }
    for (size_t i = FORWARD_CONNECTIONS_MAX; i < ARRAY_SIZE(clients); i++) {
        servers[i] = answer(&r);
        assert_int_equal(write(servers[i], "x", 1), 1);
    }
    for (size_t i = MORE; i < ARRAY_SIZE(clients); i++) {
        if (i >= FORWARD_CONNECTIONS_MAX)
            assert_int_equal(read(clients[i], &byte, 1), 1);
        (void)close(clients[i]);
        (void)close(servers[i]);
    }
    relay_close(&r);
}

/* A service that answers and ends at once: its last words arrive, an open client is no obstacle. */
static void last_words_arrive(void **state)
{
    struct relay r;
    char buf[16];

    relay_open(&r, true);
    const int client = dial(&r), server = answer(&r);
    assert_int_equal(write(server, "bye", 3), 3);
    (void)close(server);
    relay_close(&r);
    assert_int_equal(recv(client, buf, 4, MSG_WAITALL), 3);
    (void)close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ports_are_read_as_docker_does),
        cmocka_unit_test(a_taken_port_is_said),
        cmocka_unit_test(a_half_closed_direction_leaves_the_other),
        cmocka_unit_test(nobody_reads_and_nobody_works),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(too_many_clients_wait),
        cmocka_unit_test(last_words_arrive),
    };

    /* twice as many descriptors as a forwarder has connections, and then some */
    const struct rlimit limit = {4 * FORWARD_CONNECTIONS_MAX, 4 * FORWARD_CONNECTIONS_MAX};
    (void)setrlimit(RLIMIT_NOFILE, &limit);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
