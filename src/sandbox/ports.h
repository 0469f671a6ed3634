/* sandbox/ports.h - ports of a container that are published on the host, in docker's words. */
#pragma once

#include <sys/socket.h>

#include "base/str.h"
#include "base/vec.h"

#define PORTS_MAX 256 /* a range of ports counts each of them; every one is a listening socket */

/* One port. The address is 127.0.0.1 unless one was written: who wants the network in says so. */
struct port {
    struct sockaddr_storage address; /* with the port outside; 0 until one was chosen */
    uint16_t inside;
    bool udp;
    int listener; /* -1 */
};
struct ports {
    VEC(struct port) list;
    bool gateway; /* pasta answers for this machine at the gateway's address */
};

/* Appends what "[[ADDRESS:]HOST:]PORT[/tcp|/udp]" says; HOST and PORT may be ranges of one length,
 * an IPv6 address is in brackets, without HOST the kernel chooses one. */
MUST_CHECK int ports_parse(const char *text, struct ports *ret, struct error *err);
void ports_close(struct ports *p); /* listeners only */
void ports_done(struct ports *p);

bool port_is_loopback(const struct port *p);
/* "127.0.0.1:8080", "[::1]:80"; buf is returned. */
#define PORT_TEXT_MAX 64
char *port_address(const struct port *p, char buf[static PORT_TEXT_MAX]); /* "127.0.0.1", "::1" */
uint16_t port_outside(const struct port *p);
char *port_format(const struct port *p, char buf[static PORT_TEXT_MAX]);

/* Listens in our network namespace. */
MUST_CHECK int port_listen(struct port *p, struct error *err);
