/* build/remote.h - sources that are not on this machine: files over HTTP, git repositories.
 *
 * Each becomes one tree of the store: of a URL one file, 0600 and of the time that the server says;
 * of a repository the files of one commit. What it is must be known for the keys of what reads it:
 * the digest of the body, which is asked for again only where the server has another one than last
 * time, or the commit, which is one question. --checksum says both beforehand.
 *
 *   remote_begin() --ask--> git ls-remote ---------------------.
 *        |                                                     | whole
 *        +--fetch--> @net, @git, or what the store has --> a tree in tmp/ --adopt--> hashed by a
 *        |                                                     job, named: remote_step() is 1
 *        '--known: 1 at once */
#pragma once

#include "base/progress.h"
#include "build/secrets.h"
#include "image/tools.h"
#include "net/git_ref.h"

#define REMOTE_FILE_MAX (UINT64_C(64) << 30) /* bytes of a body: a server must end somewhere */

enum remote_kind { REMOTE_URL, REMOTE_GIT };

struct remote {
    enum remote_kind kind;
    char *text;  /* as it was written */
    char *shown; /* without password */
    /* URL */
    char *name; /* of the file in the tree */
    bool has_checksum, has_body, has_time;
    struct digest checksum, body;
    int64_t time_s; /* Last-Modified; 0 without */
    /* git */
    struct git_ref git;
    bool keep_git_dir;
    char commit[GIT_COMMIT_HEX + 1]; /* "" while it is not known */
    /* either */
    bool has_tree;
    struct digest tree;
};
void remote_free(struct remote *r);
DEFINE_CLEANUP(struct remote *, remote_free)

/* 1: text is a URL or a repository; 0: it is neither; -EINVAL: wrong. context: it stands where a
 * build context stands, so that "github.com/..." is one. */
MUST_CHECK int remote_new(const char *text, bool context, struct remote **ret, struct error *err);
/* --checksum, "sha256:..." or a commit's first digits. */
MUST_CHECK int remote_set_checksum(struct remote *r, const char *text, struct error *err);
bool remote_eq(const struct remote *a, const struct remote *b);
/* Its identity is known: the key can be made. */
bool remote_is_known(const struct remote *r);

struct remote_work;
/* Begins to find out what r is, or, with whole, to bring its tree too. 1: there is nothing to do. shown
 * may be NULL. */
MUST_CHECK int remote_begin(struct image_tools *t, const struct secrets *secrets, struct remote *r,
                            bool whole, struct progress_step *shown, struct remote_work **ret,
                            struct error *err);
/* What to wait for; another one after each step. */
int remote_fd(const struct remote_work *w);
/* 1: done. */
MUST_CHECK int remote_step(struct remote_work *w, struct error *err);
/* Ends it wherever it is; NULL is fine. */
void remote_end(struct remote_work *w);
DEFINE_CLEANUP(struct remote_work *, remote_end)

/* Last-Modified of a URL whose tree is there. */
MUST_CHECK int remote_time(struct image_tools *t, struct remote *r, int64_t *ret,
                           struct error *err);

/* All of these together, each with a line of its own on the screen. *ret_failed (may be NULL) is the
 * one that the error is of. */
MUST_CHECK int remote_resolve(struct image_tools *t, const struct secrets *secrets,
                              struct remote *const *list, size_t count, bool whole,
                              const struct remote **ret_failed, struct error *err);

/* What of git's requests needs a secret: "Authorization: ...", or NULL; caller frees. */
char *remote_git_header(const struct remote *r, const struct secrets *secrets);
