#include "sandbox/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "sandbox/filter.h"
#include "sandbox/internal.h"

#define EVENTS_MAX 64
#define RETRY_MS 100 /* after the machine had no descriptor or memory for a new connection */

enum side { CLIENT, INSIDE };

/* Bytes from one side to the other. */
struct flow {
    char *held; /* FORWARD_CHUNK bytes, once there was something to hold */
    size_t at, size;
    bool ended; /* nothing more will be read, and the other side was told */
};

struct connection {
    int fds[2];           /* by side */
    uint32_t interest[2]; /* what epoll knows; 0: the descriptor is not in it */
    struct flow flows[2]; /* by the side that they come from */
    uint16_t port;
    bool connecting, second_try;
};

struct carrier {
    int epoll, life;
    struct ports *ports;
    struct connection *connections[FORWARD_CONNECTIONS_MAX];
    size_t count;
    bool listening, starved, draining;
    int64_t deadline_ms;
    char chunk[FORWARD_CHUNK];
};

/* What an event is about: the life pipe, a listener, or a side of a connection. */
#define KEY_LIFE UINT64_MAX
#define KEY_LISTENER (UINT64_C(1) << 32)

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- listeners ---- */

static void listen_to(struct carrier *c, bool on)
{
    if (c->listening == on)
        return;
    for (size_t i = 0; i < c->ports->list.size; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u64 = KEY_LISTENER | i};
        const int fd = c->ports->list.at[i].listener;

        if (fd >= 0)
            (void)epoll_ctl(c->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &e);
    }
    c->listening = on;
}

/* ---- connections ---- */

static void watch_side(struct carrier *c, size_t slot, enum side side, uint32_t want)
{
    struct connection *k = c->connections[slot];
    struct epoll_event e = {.events = want, .data.u64 = slot << 1 | side};

    if (k->fds[side] < 0 || k->interest[side] == want)
        return;
    /* Out of the set while nothing is wanted: a hang-up is reported without being asked for. */
    (void)epoll_ctl(c->epoll,
                    want == 0                ? EPOLL_CTL_DEL
                    : k->interest[side] == 0 ? EPOLL_CTL_ADD
                                             : EPOLL_CTL_MOD,
                    k->fds[side], &e);
    k->interest[side] = want;
}

static void drop(struct carrier *c, size_t slot)
{
    struct connection *k = c->connections[slot];

    for (int side = CLIENT; side <= INSIDE; side++) {
        if (k->fds[side] >= 0)
            (void)close(k->fds[side]);
        free(k->flows[side].held);
    }
    free(k);
    c->connections[slot] = NULL;
    c->count--;
    c->starved = false;
}

/* The client sees a reset instead of an empty answer: nobody listens inside. */
static void refuse(struct carrier *c, size_t slot)
{
    const struct linger hard = {1, 0};

    (void)setsockopt(c->connections[slot]->fds[CLIENT], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    drop(c, slot);
}

static void end_flow(struct connection *k, enum side from)
{
    struct flow *f = &k->flows[from];

    f->ended = true;
    f->size = 0;
    free(f->held);
    f->held = NULL;
    (void)shutdown(k->fds[!from], SHUT_WR);
}

static bool is_temporary(int cause)
{
    return cause == EAGAIN || cause == EINTR;
}

/* Hands on what is held; false while some is left. A side that takes no more ends the flow. */
static bool flush(struct connection *k, enum side from)
{
    struct flow *f = &k->flows[from];

    while (f->size > 0) {
        const ssize_t n = send(k->fds[!from], f->held + f->at, f->size, MSG_NOSIGNAL);

        if (n < 0 && is_temporary(errno))
            return false;
        if (n < 0) {
            end_flow(k, from);
            return true;
        }
        f->at += (size_t)n;
        f->size -= (size_t)n;
    }
    return true;
}

/* One chunk at most, so that no connection keeps the others waiting. */
static void move(struct carrier *c, struct connection *k, enum side from)
{
    struct flow *f = &k->flows[from];

    if (!flush(k, from) || f->ended)
        return;
    const ssize_t n = recv(k->fds[from], c->chunk, sizeof(c->chunk), 0);
    if (n < 0 && is_temporary(errno))
        return;
    if (n <= 0) {
        end_flow(k, from);
        return;
    }
    ssize_t sent = send(k->fds[!from], c->chunk, (size_t)n, MSG_NOSIGNAL);
    if (sent < 0 && !is_temporary(errno)) {
        end_flow(k, from);
        return;
    }
    sent = MAX(sent, 0);
    if (sent < n) {
        if (!f->held)
            f->held = xmalloc(FORWARD_CHUNK);
        f->at = 0;
        f->size = (size_t)(n - sent);
        memcpy(f->held, c->chunk + sent, f->size);
    }
}

/* ---- the side inside ---- */

static void prepare_socket(int fd)
{
    const int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* the sender has thought */
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)); /* the dead make room */
}

/* 127.0.0.1, the second time ::1. */
static bool dial(struct connection *k)
{
    const struct sockaddr_in four = {.sin_family = AF_INET,
                                     .sin_port = htons(k->port),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(k->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    const int fd =
        socket(k->second_try ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return false;
    prepare_socket(fd);
    k->fds[INSIDE] = fd;
    k->interest[INSIDE] = 0;
    const int r = k->second_try ? connect(fd, (const struct sockaddr *)&six, sizeof(six))
                                : connect(fd, (const struct sockaddr *)&four, sizeof(four));
    k->connecting = r < 0 && errno == EINPROGRESS;
    return r == 0 || k->connecting;
}

static bool dial_again(struct connection *k)
{
    if (k->fds[INSIDE] >= 0)
        (void)close(k->fds[INSIDE]);
    k->fds[INSIDE] = -1;
    if (k->second_try)
        return false;
    k->second_try = true;
    return dial(k);
}

static bool is_connected(struct connection *k)
{
    int cause = 0;
    socklen_t size = sizeof(cause);

    if (getsockopt(k->fds[INSIDE], SOL_SOCKET, SO_ERROR, &cause, &size) < 0 || cause != 0)
        return false;
    k->connecting = false;
    return true;
}

/* ---- events ---- */

static void set_interest(struct carrier *c, size_t slot)
{
    const struct connection *k = c->connections[slot];

    for (int side = CLIENT; side <= INSIDE; side++) {
        const struct flow *from = &k->flows[side], *to = &k->flows[!side];
        uint32_t want =
            (from->size == 0 && !from->ended ? EPOLLIN : 0u) | (to->size > 0 ? EPOLLOUT : 0u);

        if (k->connecting)
            want = side == INSIDE ? EPOLLOUT : 0u;
        watch_side(c, slot, (enum side)side, want);
    }
}

/* When the container has ended only its last words matter. */
static bool is_over(const struct carrier *c, const struct connection *k)
{
    const struct flow *answer = &k->flows[INSIDE];

    return answer->ended && (k->flows[CLIENT].ended || c->draining);
}

static void serve(struct carrier *c, size_t slot)
{
    struct connection *k = c->connections[slot];

    if (k->connecting) {
        if (!is_connected(k) && (c->draining || !dial_again(k))) {
            refuse(c, slot);
            return;
        }
    } else {
        move(c, k, CLIENT);
        move(c, k, INSIDE);
    }
    if (is_over(c, k))
        drop(c, slot);
    else
        set_interest(c, slot);
}

static void add(struct carrier *c, int take_fd, uint16_t port)
{
    struct connection *k = xcalloc(1, sizeof(*k));
    size_t slot = 0;

    *k = (struct connection){.fds = {take_fd, -1}, .port = port};
    while (c->connections[slot])
        slot++;
    c->connections[slot] = k;
    c->count++;
    prepare_socket(take_fd);
    if (!dial(k) && !dial_again(k))
        refuse(c, slot);
    else
        set_interest(c, slot);
}

static void accept_some(struct carrier *c, const struct port *port)
{
    while (c->count < FORWARD_CONNECTIONS_MAX) {
        const int fd = accept4(port->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            c->starved = errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS;
            return;
        }
        add(c, fd, port->inside);
    }
}

static void begin_to_drain(struct carrier *c)
{
    struct epoll_event none = {0};

    (void)epoll_ctl(c->epoll, EPOLL_CTL_DEL, c->life, &none);
    ports_close(c->ports); /* the next client is refused at once */
    c->listening = false;
    c->draining = true;
    c->deadline_ms = now_ms() + FORWARD_DRAIN_MS;
    for (size_t i = 0; i < FORWARD_CONNECTIONS_MAX; i++)
        if (c->connections[i])
            serve(c, i);
}

static void handle(struct carrier *c, uint64_t key)
{
    if (key == KEY_LIFE)
        begin_to_drain(c);
    else if (key & KEY_LISTENER)
        accept_some(c, &c->ports->list.at[key & ~KEY_LISTENER]);
    else if (c->connections[key >> 1]) /* one may have ended in this very round */
        serve(c, key >> 1);
}

static int wait_ms(struct carrier *c)
{
    if (c->draining)
        return (int)MAX(c->deadline_ms - now_ms(), 0);
    return c->starved ? RETRY_MS : -1;
}

static int carry(struct carrier *c)
{
    struct epoll_event events[EVENTS_MAX], life = {.events = 0, .data.u64 = KEY_LIFE};

    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (c->epoll < 0 || epoll_ctl(c->epoll, EPOLL_CTL_ADD, c->life, &life) < 0)
        return 1;
    while (!c->draining || (c->count > 0 && now_ms() < c->deadline_ms)) {
        listen_to(c, !c->draining && !c->starved && c->count < FORWARD_CONNECTIONS_MAX);
        const int n = epoll_wait(c->epoll, events, EVENTS_MAX, wait_ms(c));

        if (n < 0 && errno != EINTR)
            return 1;
        c->starved = c->starved && n != 0;
        for (int i = 0; i < n; i++)
            handle(c, events[i].data.u64);
    }
    return 0;
}

/* ---- the process ---- */

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* The sockets and the pipe stay; terminals, layers, secrets of the plan do not. */
static void close_others(const struct carrier *c)
{
    int keep[PORTS_MAX + 1];
    size_t count = 0;
    unsigned next = 0;

    keep[count++] = c->life;
    for (size_t i = 0; i < c->ports->list.size; i++)
        if (c->ports->list.at[i].listener >= 0)
            keep[count++] = c->ports->list.at[i].listener;
    qsort(keep, count, sizeof(int), by_number);
    for (size_t i = 0; i < count; next = (unsigned)keep[i++] + 1)
        if ((unsigned)keep[i] > next)
            (void)syscall(SYS_close_range, next, (unsigned)keep[i] - 1, 0u);
    (void)syscall(SYS_close_range, next, ~0u, 0u);
}

static bool allow_descriptors(void)
{
    const rlim_t want = 2 * FORWARD_CONNECTIONS_MAX + PORTS_MAX + 16;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return false;
    if (limit.rlim_cur < want) /* with fewer it carries fewer at once */
        limit.rlim_cur = MIN(want, limit.rlim_max);
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static bool restrict_self(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct none[2] = {0};

    return prctl(PR_SET_DUMPABLE, 0) == 0 && syscall(SYS_capset, &header, none) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && filter_install(NULL) == 0;
}

_Noreturn static void forward_main(struct ports *ports, const struct box *b, int life)
{
    struct carrier *c = xcalloc(1, sizeof(*c));

    *c = (struct carrier){.ports = ports, .life = life};
    if (box_enter(b) < 0 || !allow_descriptors())
        _exit(1);
    close_others(c);
    _exit(restrict_self() ? carry(c) : 1);
}

static bool any_listener(const struct ports *ports)
{
    for (size_t i = 0; i < ports->list.size; i++)
        if (ports->list.at[i].listener >= 0)
            return true;
    return false;
}

int forward_start(struct ports *ports, const struct box *b, struct forwarder *ret,
                  struct error *err)
{
    int life[2], r;

    if (!any_listener(ports))
        return 0;
    if ((r = fd_pipe(life, err)) < 0)
        return r;
    const pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        forward_main(ports, b, life[0]);
    }
    const int cause = errno;
    (void)close(life[0]);
    ports_close(ports);
    if (pid < 0) {
        errno = cause;
        r = error_sys(err, "start the port forwarder");
        (void)close(life[1]);
        return r;
    }
    *ret = (struct forwarder){{pid, (int)syscall(SYS_pidfd_open, pid, 0)}, life[1]};
    return 0;
}

void forward_stop(struct forwarder *f)
{
    if (f->life_fd < 0)
        return;
    (void)close(f->life_fd);
    (void)proc_wait(&f->process);
    *f = FORWARDER_INIT;
}
