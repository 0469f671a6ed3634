/* build/agent.h - an agent of our own for the key files of --ssh: the programs ssh-agent and ssh-add, at a socket in a
 * private directory. A child of ours (the role "@agent") keeps it and takes all of it away when this process has ended,
 * however that was: ssh-agent is set-group-id, which clears a parent-death signal. */
#pragma once

#include "base/vec.h"

struct agent;

/* keys: private key files without a passphrase. */
MUST_CHECK int agent_start(const struct strings *keys, char *const *environ_, struct agent **ret,
                           struct error *err);
const char *agent_socket(const struct agent *a); /* its path */
void agent_stop(struct agent *a); /* keys, process and directory are gone then; NULL is fine */
DEFINE_CLEANUP(struct agent *, agent_stop)

/* The role: "@agent DIRECTORY"; lives until its standard input ends. */
int agent_role_main(int argc, char **argv);
