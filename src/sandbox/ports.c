#include "sandbox/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#define BACKLOG 128

void ports_close(struct ports *p)
{
    vec_each (one, &p->list) {
        if (one->listener >= 0)
            (void)close(one->listener);
        one->listener = -1;
    }
}

void ports_done(struct ports *p)
{
    ports_close(p);
    vec_done(&p->list);
}

/* ---- words ---- */

struct range {
    uint16_t first, last;
};

static bool parse_number(struct view v, uint16_t *ret)
{
    uint64_t n;

    if (!view_to_u64(v, &n) || n == 0 || n > UINT16_MAX)
        return false;
    *ret = (uint16_t)n;
    return true;
}

static bool parse_range(struct view v, struct range *ret)
{
    struct view first = {0};

    if (!view_cut(&v, '-', &first) || !parse_number(first, &ret->first))
        return false;
    ret->last = ret->first;
    return !v.at || (parse_number(v, &ret->last) && ret->last >= ret->first);
}

static bool parse_address(struct view v, struct sockaddr_storage *ret)
{
    const bool brackets = v.size > 2 && v.at[0] == '[' && v.at[v.size - 1] == ']';
    char text[INET6_ADDRSTRLEN] = "";
    struct sockaddr_in *four = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;

    if (brackets)
        v = view_make(v.at + 1, v.size - 2);
    if (v.size >= sizeof(text))
        return false;
    memcpy(text, v.at, v.size);
    ret->ss_family = brackets ? AF_INET6 : AF_INET;
    return inet_pton(ret->ss_family, text,
                     brackets ? (void *)&six->sin6_addr : (void *)&four->sin_addr) == 1;
}

static void set_outside(struct port *p, uint16_t outside)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&p->address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&p->address;

    *(p->address.ss_family == AF_INET6 ? &six->sin6_port : &four->sin_port) = htons(outside);
}

/* Cuts the part behind the last colon that is not in brackets. False: there is none. */
static bool cut_last(struct view *rest, struct view *ret)
{
    size_t i = rest->size;

    while (i > 0 && rest->at[i - 1] != ':' && rest->at[i - 1] != ']')
        i--;
    if (i == 0 || rest->at[i - 1] != ':')
        return false;
    *ret = view_make(rest->at + i, rest->size - i);
    rest->size = i - 1;
    return true;
}

static int malformed(const char *text, struct error *err)
{
    const int r = error_set(err, -EINVAL, "port '%.80s' is malformed", text);

    return error_hint(err, r,
                      "[ADDRESS:][HOST:]CONTAINER[/tcp|/udp], such as 8080:80 or 0.0.0.0:8080:80");
}

static int add_range(struct ports *to, struct port one, struct range outside, struct range inside,
                     const char *text, struct error *err)
{
    for (unsigned i = 0; i <= (unsigned)(inside.last - inside.first); i++) {
        if (to->list.size == PORTS_MAX)
            return error_set(err, -EDQUOT, "port '%.80s': more than %d ports", text, PORTS_MAX);
        one.inside = (uint16_t)(inside.first + i);
        if (outside.first)
            set_outside(&one, (uint16_t)(outside.first + i));
        vec_push(&to->list, one);
    }
    return 0;
}

int ports_parse(const char *text, struct ports *ret, struct error *err)
{
    struct port one = {.listener = -1};
    struct sockaddr_in *four = (struct sockaddr_in *)&one.address;
    struct range inside, outside = {0};
    struct view rest = view_of(text), last, middle = {0};

    one.udp = view_ends(rest, "/udp");
    if (one.udp || view_ends(rest, "/tcp"))
        rest.size -= 4;
    four->sin_family = AF_INET;
    four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (!cut_last(&rest, &last))
        return parse_range(rest, &inside) ? add_range(ret, one, outside, inside, text, err)
                                          : malformed(text, err);
    const bool has_address = cut_last(&rest, &middle);
    if (!has_address)
        middle = rest;
    if (!parse_range(last, &inside) || (middle.size > 0 && !parse_range(middle, &outside)))
        return malformed(text, err);
    if (has_address && !parse_address(rest, &one.address)) {
        const int r = error_set(err, -EINVAL, "'%.*s' in port '%.80s' is no address",
                                (int)MIN(rest.size, 80u), rest.at, text);
        return error_hint(err, r, "an IPv4 address, or an IPv6 address in brackets");
    }
    if (outside.first && outside.last - outside.first != inside.last - inside.first)
        return error_set(err, -EINVAL, "port '%.80s': the ranges differ in length", text);
    return add_range(ret, one, outside, inside, text, err);
}

/* ---- sockets ---- */

bool port_is_loopback(const struct port *p)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)&p->address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&p->address;

    return p->address.ss_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)
                                            : ntohl(four->sin_addr.s_addr) >> 24 == 127;
}

uint16_t port_outside(const struct port *p)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)&p->address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&p->address;

    return ntohs(p->address.ss_family == AF_INET6 ? six->sin6_port : four->sin_port);
}

char *port_address(const struct port *p, char buf[static PORT_TEXT_MAX])
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)&p->address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&p->address;

    buf[0] = '\0';
    (void)inet_ntop(p->address.ss_family,
                    p->address.ss_family == AF_INET6 ? (const void *)&six->sin6_addr
                                                     : (const void *)&four->sin_addr,
                    buf, PORT_TEXT_MAX);
    return buf;
}

char *port_format(const struct port *p, char buf[static PORT_TEXT_MAX])
{
    char address[PORT_TEXT_MAX];

    (void)snprintf(buf, PORT_TEXT_MAX, p->address.ss_family == AF_INET6 ? "[%.45s]:%u" : "%.45s:%u",
                   port_address(p, address), port_outside(p));
    return buf;
}

static int explain_listen(int r, struct error *err)
{
    if (r == -EADDRINUSE)
        return error_hint(
            err, r,
            "another program listens there: choose another port of the host, or leave "
            "it out (:CONTAINER) for any free one");
    if (r == -EACCES)
        return error_hint(err, r,
                          "ports below net.ipv4.ip_unprivileged_port_start (1024) are root's: "
                          "choose a higher one of the host");
    return r == -EADDRNOTAVAIL ? error_hint(err, r, "no network device has that address") : r;
}

int port_listen(struct port *p, struct error *err)
{
    const int family = p->address.ss_family, on = 1;
    socklen_t size = family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    char text[PORT_TEXT_MAX];
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return error_sys(err, "make a socket for %s", port_format(p, text));
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&p->address, size) < 0 || listen(fd, BACKLOG) < 0) {
        const int r = error_sys(err, "listen on %s", port_format(p, text));

        (void)close(fd);
        return explain_listen(r, err);
    }
    (void)getsockname(fd, (struct sockaddr *)&p->address, &size);
    p->listener = fd;
    return 0;
}
