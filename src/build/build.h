/* build/build.h - `cooper build` as a call: a Dockerfile and a context become an image of the store. */
#pragma once

#include "base/env.h"
#include "base/vec.h"

enum build_print { BUILD_PRINT_NOTHING, BUILD_PRINT_AST, BUILD_PRINT_PLAN, BUILD_PRINT_CONTEXT };

/* Texts are the user's, as given. */
struct build_options {
    const char *context; /* a directory; "-": a tar or a Dockerfile on standard input */
    const char *file;    /* NULL: found in the context; "-": standard input */
    const char *target;
    const char *network; /* NULL, "default", "private", "host", "none" */
    const char *iidfile, *metadata_file;
    struct strings tags, build_args, build_contexts, labels, add_hosts, outputs;
    int64_t jobs; /* 0: as many as processors */
    struct strings secrets, ssh, no_cache_filter;
    bool no_cache, explain;
    enum build_print print;
};

/* What is wrong with the options alone, before any work: -EINVAL. build_run() looks too. */
MUST_CHECK int build_check_options(const struct build_options *o, struct error *err);
MUST_CHECK int build_run(const struct env *env, const struct build_options *o, struct error *err);
