/* net/git.h - repositories, by the program git in a process of its own.
 *
 * git runs as the user and outside of every namespace, so that ssh finds the agent and the known
 * hosts; but nothing of the user's or the system's git configuration counts, no hook and no filter
 * runs, nobody is asked for a password, and only http, https, ssh and git are spoken, by submodules
 * too. What comes out is a directory tree: files 0644 or 0755, directories 0755. */
#pragma once

#include <stdint.h>

#include "base/env.h"
#include "base/str.h"
#include "net/git_ref.h"

struct git_request {
    const struct git_ref *ref;
    const char *commit; /* when it is known, else NULL */
    bool only_commit;   /* what the ref stands for, nothing else: one question to the server */
    bool keep_git_dir;
    int tree_fd; /* an empty directory that gets the files: borrowed */
    int work_fd; /* another for what is thrown away: borrowed */
    /* "Authorization: ..." for the repository's own server, or NULL; kept out of every command line */
    const char *header;
    const char *ssh_socket; /* of the agent; NULL: $SSH_AUTH_SOCK */
};

struct git_work;
/* Starts it: -ENOENT where there is no git. */
MUST_CHECK int git_begin(const struct git_request *q, struct git_work **ret, struct error *err);
int git_fd(const struct git_work *g);
/* To be called when the descriptor is readable: 1 when it is done. */
MUST_CHECK int git_step(struct git_work *g, struct error *err);
/* The commit, once it is done. */
const char *git_commit(const struct git_work *g);
/* Ends git and all that it started; NULL is fine. */
void git_end(struct git_work *g);
DEFINE_CLEANUP(struct git_work *, git_end)

/* The commit that ref stands for in what `git ls-remote` printed; false: none. NULL is HEAD. */
bool git_pick(struct view listing, const char *ref, char ret[static GIT_COMMIT_HEX + 1]);

/* The role "@git". */
int git_role_main(int argc, char **argv);
