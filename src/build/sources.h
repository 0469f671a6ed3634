/* build/sources.h - the program's source_resolver: local images, named contexts, directories of the user. */
#pragma once

#include "build/build.h"
#include "build/local.h"
#include "build/source.h"

/* What the build context is: a directory, a tree of the store (an archive, a repository), or
 * nothing. */
struct main_context {
    const char *directory;
    const char *dockerfile; /* path of the file, whose own .dockerignore is looked for, or NULL */
    const struct digest *tree;
    const char *shown; /* for people */
};

struct sources;

/* -EINVAL where it is not NAME[::PLATFORM]=WHAT; what is not there is found later. */
MUST_CHECK int named_context_check(const char *text, struct error *err);
/* build_contexts: "NAME[::PLATFORM]=WHAT". tools and main are borrowed. */
MUST_CHECK int sources_open(struct image_tools *tools, const struct main_context *main,
                            const struct strings *build_contexts, enum build_pull pull,
                            struct sources **ret, struct error *err);
void sources_close(struct sources *s);
DEFINE_CLEANUP(struct sources *, sources_close)
struct source_resolver sources_resolver(struct sources *s);

/* The context behind an op of this kind. */
struct local_context *sources_local(struct sources *s, const struct op *op);
struct local_context *sources_main_context(struct sources *s);   /* NULL when there is none */
const struct digest *sources_main_tree(const struct sources *s); /* NULL when it is no tree */
/* Writes the stat caches that have something new. */
MUST_CHECK int sources_save(struct sources *s, struct error *err);

/* True where a directory is or lies in a checkout of git. */
bool checkout_has_git(const char *path);
/* Runs git there with these arguments (ten at most) and this more of environment (or NULL); its words
 * for people are dropped. Returns its exit status. Only for what starts no program out of the
 * configuration of the checkout, which may be a stranger's. */
MUST_CHECK int checkout_git(const char *path, const char *const args[],
                            const struct strings *environment, size_t limit, struct str *ret,
                            struct error *err);
/* When the files of a directory were committed, as git says: 1; 0: it is no checkout, or there is no git. */
MUST_CHECK int checkout_epoch(const char *path, int64_t *ret, struct error *err);
