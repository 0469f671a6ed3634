/* sandbox/forward.h - carries connections from ports of the host into a container's network.
 *
 * A listening socket belongs to the network namespace that it was made in, wherever its descriptor
 * is used. So one process is enough: it has entered the container's network namespace, accepts on
 * sockets of the host's, and connects to 127.0.0.1 (else ::1) of the container. It has no other
 * descriptors, no capabilities, the containers' seccomp filter, and is in no PID namespace that the
 * container could see it from.
 *
 * Back-pressure: of each direction at most FORWARD_CHUNK bytes are held; while they are, nothing
 * more is read. A half-closed direction is closed on the other side, the other one goes on. */
#pragma once

#include "base/proc.h"
#include "sandbox/ports.h"

#define FORWARD_CONNECTIONS_MAX                                                                    \
    512 /* at once; further clients wait in the kernel's queue. With
                                       FORWARD_CHUNK this is 64 MiB when nobody reads */
#define FORWARD_CHUNK (64u << 10)
#define FORWARD_DRAIN_MS 2000 /* for what the container had sent when it ended */

struct box;

struct forwarder {
    struct process process;
    int life_fd; /* closed: it hands on what is left, and ends */
};
#define FORWARDER_INIT ((struct forwarder){{-1, -1}, -1})

/* Starts it for the ports that have listeners, which are then its alone; with none there is no
 * process. */
MUST_CHECK int forward_start(struct ports *ports, const struct box *b, struct forwarder *ret,
                             struct error *err);
void forward_stop(struct forwarder *f);
