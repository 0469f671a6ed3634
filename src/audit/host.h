/* audit/host.h - gathers what lint's rules ask of a host, below one root directory: files and /proc are read, nothing is run and
 * no daemon asked. Whatever lies there may have been written by anybody: reads are bounded, no FIFO is waited for, no
 * symbolic link leads out of the root. */
#pragma once

#include "base/env.h"
#include "lint/facts_host.h"

#define HOST_FILE_MAX (1u << 20)      /* of configuration */
#define HOST_NUMBER_MAX 64            /* of a file of /proc/sys */
#define HOST_ACCOUNTS_MAX (16u << 20) /* of /etc/passwd, /etc/group */
#define HOST_LOG_MAX                                                                               \
    (16u << 20) /* of a file of the audit log, the end of it: twice what auditd keeps in one */
#define HOST_LOGS_MAX 10
#define HOST_EXECS_MAX 1000
#define HOST_PROCESSES_MAX 1000000
#define HOST_ENTRIES_MAX 4096 /* of a directory of drop-ins, rules or certificates */
#define HOST_WATCHES_MAX 16384

struct host_options {
    const char *root;              /* "/": this machine */
    const struct strings *trusted; /* users who may control the engine; NULL: none */
};

/* What cannot be read is a fact, too: only a root that is no directory is an error. */
MUST_CHECK int host_gather(const struct env *env, const struct host_options *o,
                           struct host_facts **ret, struct error *err);
void host_facts_free(struct host_facts *f);
DEFINE_CLEANUP(struct host_facts *, host_facts_free)
