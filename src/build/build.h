/* build/build.h - `cooper build` as a call: a Dockerfile and a context become an image of the store. */
#pragma once

#include <jansson.h>

#include "base/env.h"
#include "base/vec.h"
#include "build/provenance.h"
#include "dockerfile/dockerfile.h"
#include "image/wire.h"

struct ignore;     /* dockerfile/ignore.h */
struct job;        /* sandbox/holder.h */
struct spawn_plan; /* sandbox/spawn.h */

/* When a registry is asked for an image of FROM or --from. */
enum build_pull {
    BUILD_PULL_MISSING, /* what the store has not */
    BUILD_PULL_ALWAYS,
    BUILD_PULL_NEVER,
};
/* --squash: the layers of this build become one, or all of the image. */
enum build_squash { BUILD_SQUASH_NOTHING, BUILD_SQUASH_NEW, BUILD_SQUASH_ALL };
enum build_print {
    BUILD_PRINT_NOTHING,
    BUILD_PRINT_AST,
    BUILD_PRINT_PLAN,
    BUILD_PRINT_CONTEXT,
    BUILD_PRINT_OUTLINE,
    BUILD_PRINT_TARGETS,
    BUILD_PRINT_CHECK
};

/* What becomes of a RUN step whose program failed. */
enum build_on_error { BUILD_ON_ERROR_STOP, BUILD_ON_ERROR_SHELL, BUILD_ON_ERROR_KEEP };
/* "stop", "shell", "keep". */
MUST_CHECK int failure_parse(const char *text, enum build_on_error *ret, struct error *err);

enum build_lint_mode { BUILD_LINT_NOTHING, BUILD_LINT_WARN, BUILD_LINT_ERROR };

/* What a rule engine is asked; it calls add() for each finding. */
struct build_lint {
    const struct dockerfile *dockerfile;
    const struct ignore *ignore; /* of the context; NULL: none */
    const char *check;           /* BUILDKIT_DOCKERFILE_CHECK; NULL: not given */
    bool full;                   /* every rule; else those that BuildKit checks */
    bool platforms;              /* --platform was given */
    /* fails: --lint=error stops at it */
    void (*add)(void *ctx, const char *rule, struct span span, const char *text, bool fails);
    void *ctx;
};

/* Texts are the user's, as given. */
struct build_options {
    const char *context; /* a directory; "-": a tar or a Dockerfile on standard input */
    const char *file;    /* NULL: found in the context; "-": standard input */
    const char *target;
    const char *network; /* NULL, "default", "private", "host", "none" */
    const char *iidfile, *metadata_file;
    const char *reproducible; /* NULL; "": as SOURCE_DATE_EPOCH says; "git"; seconds since 1970 */
    struct strings tags, build_args, build_contexts, labels, add_hosts, outputs, annotations;
    struct strings ulimits, allow; /* allow: network.host, security.insecure */
    uint64_t shm_size;             /* of RUN; 0: the default */
    int64_t jobs;                  /* 0: as many as processors */
    struct strings secrets, ssh, no_cache_filter, cache_from, cache_to;
    bool errexit; /* RUN heredocs end at their first error */
    enum provenance provenance;
    struct strings platforms; /* "linux/amd64,linux/arm64"; none: that of this machine */
    bool no_cache, explain;
    enum build_pull pull;
    const struct wire_access *access; /* of registries; NULL: nothing was said */
    bool push;                        /* a further output: type=registry */
    bool load;                        /* into the store too, whatever the outputs are */
    bool immutable;                   /* tags that name another image are not moved */
    enum build_squash squash;
    enum build_print print;
    bool print_json; /* of outline, targets and check */
    enum build_on_error on_error;
    /* SHELL: run_attached() of the module run, and how an error is shown; the caller's, since run is a neighbour. */
    int (*attach)(const struct env *env, struct spawn_plan *p,
                  int (*begin)(void *ctx, const struct spawn_plan *p, struct job **ret,
                               struct error *err),
                  void *ctx, json_t **ret_answer, struct error *err);
    void (*show)(const struct env *env, const struct error *err);
    enum build_lint_mode lint_mode;
    /* The rule engine, a neighbour likewise; NULL: none. */
    int (*lint)(const struct env *env, const struct build_lint *ask, struct error *err);
};

/* What is wrong with the options alone, before any work: -EINVAL. build_run() looks too. */
MUST_CHECK int build_check_options(const struct build_options *o, struct error *err);
/* True when the last --build-arg of the name is a word for true, as Go reads it. */
bool build_arg_is_true(const struct build_options *o, const char *name);
MUST_CHECK int build_run(const struct env *env, const struct build_options *o, struct error *err);
