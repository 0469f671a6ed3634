/* build/graph.h - what a build will do, as data: ops, their inputs, and what each stage is made of.
 *
 * The front end writes a graph, the solver reads it, `--print plan` prints it. Everything in it
 * lives in one arena and is freed at once; texts that go in are the arena's (arena_strdup) or
 * constants. An op never refers to a later one, so the array is in topological order and there are
 * no cycles by construction.
 *
 * Values are final here: variables are expanded, WORKDIR is applied, stage names are resolved. What
 * only the image can say (names in --chown, links on the way to a destination, wildcards) stays
 * text. */
#pragma once

#include <jansson.h>

#include "base/vec.h"
#include "build/outline.h"
#include "dockerfile/mount.h"
#include "oci/digest.h"

struct ignore;       /* dockerfile/ignore.h */
struct image_config; /* oci/config.h */
struct source_image; /* build/source.h */
struct remote;       /* build/remote.h */

enum op_kind {
    OP_SOURCE_IMAGE, /* the layers of an image */
    OP_SOURCE_LOCAL, /* a directory of the user: the build context or a named one */
    OP_SOURCE_REMOTE, /* what a URL or a repository gives, or an archive on standard input: one layer */
    OP_EXEC,          /* RUN: one program over a root, one new layer */
    OP_FILE,          /* COPY, ADD, WORKDIR, heredocs: file actions on a root, one new layer */
};
#define OP_KIND_COUNT 5

struct op;

/* One output of an op. op NULL is the empty root, `scratch`. Every kind has one output today: 0. */
struct op_ref {
    struct op *op;
    uint32_t output;
};

struct op_source_image {
    const char *name; /* as written, after named contexts were looked up: for people */
    const struct source_image *image; /* resolved: digest, config, layers (build/source.h) */
};

struct op_source_local {
    const char *name;            /* "context", or the name of the named context: for people */
    const char *path;            /* of the user, as main sees it */
    const struct ignore *ignore; /* NULL: everything is seen */
    const char *ignore_name;     /* ".dockerignore": for messages */
};

/* Either remote, or a tree that is in the store already. */
struct op_source_remote {
    const char *name; /* "context", or what was asked for, without password: for people */
    struct remote *remote;
    const struct digest *tree;
};

enum exec_network { EXEC_NETWORK_DEFAULT, EXEC_NETWORK_NONE, EXEC_NETWORK_HOST };

/* A small file that exists, read-only, while the step runs (RUN <<EOF with #! on its first
 * line). */
struct exec_file {
    const char *path; /* absolute */
    struct view data;
    uint32_t mode;
};

/* What lies at a path while the step runs. */
struct exec_mount {
    struct mount_spec spec;
    const char *target; /* absolute, cleaned; "": a secret that is only in the environment */
    uint32_t input;     /* index into inputs: what is mounted; 0: nothing of the build */
    const char *source; /* of input: plain path below its root; "" is all of it */
    const char *id;     /* CACHE: with its name space; SECRET, SSH: the name they were given by */
    bool given;         /* SECRET, SSH */
};

/* inputs[0] is the root. */
struct op_exec {
    const char **argv; /* shell form: SHELL words and one argument */
    size_t argc;
    const char **env; /* NAME=value, the image's Env first, then the ARGs in scope */
    size_t env_count;
    const char **args; /* names in env that ARG brought: for people */
    size_t arg_count;
    const char **secret_env; /* NAME=value that must not be in the key: proxy settings */
    size_t secret_env_count;
    const char *cwd;   /* absolute */
    const char *user;  /* "" or as USER has it */
    const char *shell; /* SHELL's program: for those who look into a step that failed */
    enum exec_network network;
    const char *foreign;    /* "linux/arm64", when that is none of this machine; or NULL */
    bool insecure;          /* all capabilities of its user namespace, no filter, no masks */
    const char *hostname;   /* NULL: the default */
    const char **add_hosts; /* "name:address" */
    size_t add_host_count;
    const struct exec_file *files;
    size_t file_count;
    const struct exec_mount *mounts;
    size_t mount_count;
};

enum file_action_kind {
    FILE_COPY,  /* from inputs[input] */
    FILE_MKDIR, /* with parents; no error when it exists */
    FILE_WRITE, /* one file out of `data` */
    FILE_REMOVE,
};

struct file_action {
    enum file_action_kind kind;
    uint32_t input;     /* COPY: index into inputs of what is read */
    const char *source; /* COPY: path or pattern below the input's root, as written after expansion;
                           "" is the root. WRITE: the file's name, used when dest is a directory */
    const char *dest;   /* absolute, cleaned; links on the way are followed inside the root */
    bool dest_is_dir;   /* dest was written with a trailing '/' or as ".": files go inside */
    bool wildcards; /* source is a pattern; false for heredocs, mounts, URLs and literal names */
    bool unpack;    /* ADD: a source that is an archive by content is extracted into dest */
    bool portable; /* COPY of the context: of its modes only who may execute counts; mode says so */
    bool whole;    /* COPY of one directory: dest, which is new, gets its mode too */
    bool keep_owner;     /* COPY --from: owners stay unless `owner` is given; else 0:0 */
    const char *owner;   /* --chown, USER for WORKDIR: "", "name", "1:2", "name:group" */
    const char *mode;    /* --chmod: "", "755", "u=rwX,go=rX" */
    bool parents;        /* COPY --parents: source is a directory, of which ... */
    const char *include; /* ... this pattern is copied, with the directories on the way; "": all */
    const char **excludes; /* COPY: patterns of what stays behind, relative to the source */
    size_t exclude_count;
    const char *where;   /* COPY: "Dockerfile:12:6" of the source, or NULL: for errors only */
    struct view data;    /* WRITE */
    uint32_t write_mode; /* WRITE: 0644; MKDIR: 0755 */
};

/* inputs[0] is the root that is changed (or put upon: linked), the others are only read. */
struct op_file {
    struct file_action *actions;
    size_t action_count;
};

struct op {
    enum op_kind kind;
    uint32_t id; /* index in graph.ops */
    struct op_ref *inputs;
    size_t input_count;
    const char *title; /* "[build 2/5] RUN make": for progress */
    const char *where; /* "Dockerfile:12", or NULL */
    const char *line;  /* the instruction's first source line, for errors; or NULL */
    const char *stage; /* name or number of its stage; NULL for sources that stages share */
    bool no_cache;     /* --no-cache: never looked up, still recorded */
    bool linked; /* FILE, COPY --link: made above an empty root; inputs[0] is only what its layer
                          is put upon */
    union {
        struct op_source_image image;
        struct op_source_local local;
        struct op_source_remote remote;
        struct op_exec exec;
        struct op_file file;
    } u;
};

struct stage {
    const char *name; /* lower case; "" when it has none */
    uint32_t index;   /* in the file */
    struct op_ref root;
    /* The image's configuration without rootfs and times. Its history has one entry for every
     * instruction since FROM (behind the base's own); export pairs those that are not empty_layer
     * with the layers of root, in order. */
    struct image_config *config;
};

struct graph {
    struct arena *arena;
    VEC(struct op *) ops;
    VEC(struct stage)
    stages; /* in the file's order, those that the target needs; config of the others is NULL */
    VEC(uint32_t) targets; /* indexes into stages: one for each platform that is built for */
    bool has_epoch;        /* SOURCE_DATE_EPOCH was given: */
    int64_t epoch_s;       /* what takes the place of now */
    bool reproducible;
    struct findings findings; /* unused build arguments and the like, for people */
    json_t *outline;          /* frontend_options.outline: what the target offers */
};

struct graph *graph_new(void);
void graph_free(struct graph *g);
DEFINE_CLEANUP(struct graph *, graph_free)

/* A zeroed op at the end of g->ops. title, where, line and stage are set by the caller. */
struct op *graph_add(struct graph *g, enum op_kind kind);
/* Appends an input and returns its index; one that is there already is found again. */
uint32_t graph_add_input(struct graph *g, struct op *op, struct op_ref input);
/* Appends a zeroed action to a FILE op. The pointer lives until the next call for this op. */
struct file_action *graph_add_action(struct graph *g, struct op *op, enum file_action_kind kind);
/* Copies a list of texts into the arena. */
const char **graph_texts(struct graph *g, const struct strings *texts, size_t *ret_count);

/* What a FILE op sees of the image that it changes: inputs[0], or nothing when it is linked. */
struct op_ref op_file_root(const struct op *op);
const char *op_kind_name(enum op_kind kind); /* "source-image", "exec" */
/* {"target", "stages": [...], "ops": [...]} of the ops that the target needs; stable, golden tests
 * hold it. */
json_t *graph_print(const struct graph *g);
/* One of them. */
json_t *graph_print_op(const struct op *op);
/* Of ops that are equal in all but their titles only the first is used from here on: stages that are
 * the same for all platforms (FROM --platform=$BUILDPLATFORM) run once, also without the cache. */
void graph_merge(struct graph *g);
/* Marks (true) the ops that root needs, by id, and adds to the marks of others; ret has room for g->ops.size. */
void graph_needed(const struct graph *g, struct op_ref root, bool *ret);
