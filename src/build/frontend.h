/* build/frontend.h - from a Dockerfile's syntax tree to a graph: variables, stages, what each
 * instruction means. */
#pragma once

#include "build/source.h"
#include "dockerfile/dockerfile.h"
#include "oci/platform.h"

struct frontend_options {
    const char *target;               /* --target: a stage's name or number; NULL: the last stage */
    const struct strings *build_args; /* "NAME=value", or "NAME": from environ_ */
    const struct strings *proxies;   /* "HTTP_PROXY=value": build arguments that nobody asked for */
    const struct strings *labels;    /* "K=V": win over LABEL */
    const struct strings *add_hosts; /* "name:address" for every RUN */
    enum exec_network network;       /* of RUN without --network */
    bool allow_host, allow_insecure; /* RUN --network=host, --security=insecure */
    struct platform platform;        /* that is built for */
    const struct platform *platforms; /* several: instead of it; NULL: one */
    size_t platform_count;
    const char *reproducible; /* NULL: not wanted; "": as SOURCE_DATE_EPOCH says; "git"; a number */
    bool looks; /* nothing will run: missing secrets do not matter; graph.outline is wanted */
    bool no_cache;
    bool errexit; /* scripts of RUN heredocs begin with `set -e` */
    /* names or numbers of stages, "a,b" too: the same for these */
    const struct strings *no_cache_stages;
    const struct strings *secrets, *ssh; /* names of what --secret and --ssh gave */
    /* of the caller, for build_args without a value and the proxy variables */
    char *const *environ_;
};

/* -EINVAL where a build argument has no name. */
MUST_CHECK int build_arg_check(const char *text, struct error *err);
/* Only what the target needs is resolved. Errors carry the place of the word that is wrong. */
MUST_CHECK int frontend_plan(const struct dockerfile *d, const struct frontend_options *o,
                             const struct source_resolver *sources, struct graph **ret,
                             struct error *err);
