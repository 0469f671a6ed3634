/* base/loop.h - one poll() loop for the main program: descriptors, timers, signals.
 * Single-threaded. */
#pragma once

#include <signal.h>
#include <stdint.h>

#include "base/error.h"

struct loop;
struct loop_watch;

struct loop *loop_new(void);
void loop_free(struct loop *l);
/* events: POLLIN, POLLOUT. The callback may remove any watch, its own included. */
struct loop_watch *loop_add_fd(struct loop *l, int fd, short events,
                               void (*call)(void *ctx, short revents), void *ctx);
/* Calls once after delay_ms. */
struct loop_watch *loop_add_timer(struct loop *l, int64_t delay_ms, void (*call)(void *ctx),
                                  void *ctx);
/* Blocks the signal and calls for each delivery (signalfd). */
MUST_CHECK int loop_add_signal(struct loop *l, int signo, void (*call)(void *ctx, int signo),
                               void *ctx, struct error *err);
void loop_remove(struct loop *l, struct loop_watch *w);
/* Runs until loop_stop() or until nothing is watched (signals do not count). */
MUST_CHECK int loop_run(struct loop *l, struct error *err);
void loop_stop(struct loop *l);
