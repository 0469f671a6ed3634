/* base/proc.h - child processes: outside programs (git, gpgv, newuidmap) and our own roles.
 *
 * A role is this very program started again from /proc/self/exe with "@name" as argv[0]; it starts
 * with fresh memory and only the descriptors it was given. */
#pragma once

#include <sys/types.h>

#include "base/str.h"
#include "base/vec.h"

#define PROC_KEEP_MAX 128 /* ulimit -n is 1024 as a rule, and a child has each twice for a moment */

struct proc_options {
    int in, out, err;  /* descriptors for 0, 1, 2; -1: in is /dev/null, out and err are inherited */
    const int *keep;   /* further descriptors, given as 3, 4, ... in this order */
    size_t keep_count; /* PROC_KEEP_MAX at most, else -E2BIG */
    char *const *environ_; /* NULL: ours */
    const char *directory; /* NULL: ours */
    int timeout_ms;        /* of proc_run(): killed after that, -ETIMEDOUT; 0: none */
};
#define PROC_OPTIONS_INIT ((struct proc_options){-1, -1, -1, NULL, 0, NULL, NULL, 0})

struct process {
    pid_t pid;
    int pidfd;
};

/* Starts argv[0] (looked up in PATH); a program that cannot be executed is reported here, -ENOENT
 * when absent. */
MUST_CHECK int proc_spawn(const char *const argv[], const struct proc_options *o,
                          struct process *ret, struct error *err);
/* Starts ourselves as a role; argv[0] is "@role". */
MUST_CHECK int proc_spawn_role(const char *const argv[], const struct proc_options *o,
                               struct process *ret, struct error *err);
/* Waits; returns the exit status 0..255, or 128 + signal. Closes the pidfd. */
int proc_wait(struct process *p);
/* Runs to the end, output (limit bytes at most) into *out when not NULL. Returns the exit
 * status. */
MUST_CHECK int proc_run(const char *const argv[], const struct proc_options *o, size_t limit,
                        struct str *out, struct error *err);
/* True when name is an executable in PATH. */
bool proc_have(const char *name);
