/* net/git_ref.h - what names a git repository, and what of it: "URL[?QUERY][#REF[:DIRECTORY]]".
 *
 * As BuildKit reads it (util/gitutil, frontend/dockerfile/dfgitutil): http:// and https:// whose path
 * ends in ".git", git://, ssh://, and "user@host:path". The query has ref, tag, branch, subdir,
 * checksum or commit, keep-git-dir, submodules, mtime, fetch-by-commit. Bytes in, values out; what
 * comes out may be given to git: no part of it looks like an option, no ref like a pattern. */
#pragma once

#include <stdbool.h>

#include "base/error.h"

#define GIT_REF_MAX 4096  /* bytes of the whole */
#define GIT_COMMIT_HEX 40 /* of a commit's name */

enum git_choice { GIT_UNSAID, GIT_YES, GIT_NO };

struct git_ref {
    char *remote;   /* for git, without query and fragment */
    char *ref;      /* branch, tag, "refs/..." or commit; NULL: what HEAD is */
    char *subdir;   /* plain: no "." nor ".." in it; NULL: all */
    char *checksum; /* how the commit begins, lower case; NULL */
    enum git_choice keep_git_dir, submodules;
    bool checkout_time;   /* files bear the time of the checkout, not of the commit */
    bool fetch_by_commit; /* ref only says where checksum is looked for */
};
#define GIT_REF_AUTO(name) CLEANUP(git_ref_done) struct git_ref name = {0}
void git_ref_done(struct git_ref *g);

/* 1: a repository; 0: something else (a file, a directory, another URL); -EINVAL: a repository, but
 * wrong. context: "github.com/OWNER/NAME" is one too. */
MUST_CHECK int git_ref_parse(const char *text, bool context, struct git_ref *ret,
                             struct error *err);
/* Sets the checksum (of --checksum): -EINVAL where it is none, or another than the URL has. */
MUST_CHECK int git_ref_set_checksum(struct git_ref *g, const char *text, struct error *err);
/* The whole name of a commit. */
bool git_is_commit(const char *text);
