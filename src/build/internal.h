/* build/internal.h - one running build: what the rows of ops, the driver and the export share. */
#pragma once

#include "base/frame.h"
#include "base/loop.h"
#include "base/progress.h"
#include "build/build.h"
#include "build/check.h"
#include "build/file_plan.h"
#include "build/frontend.h"
#include "build/log.h"
#include "build/remote.h"
#include "build/roots.h"
#include "build/secrets.h"
#include "build/solver.h"
#include "build/sources.h"
#include "image/image.h"
#include "image/output.h"
#include "sandbox/spawn.h"

#define STEP_TAIL_SIZE 8192 /* bytes of a step's output that are kept for its error */

/* A context that a step reads. */
struct step_context {
    struct step_context *next;
    struct local_context *context;
    int walked; /* context_save_all(), in which the job notes the digests of what it reads */
};

/* A step whose job runs. */
struct step {
    struct build *build;
    const struct op *op;
    struct job *job;
    struct remote_work *remote; /* or this */
    struct loop_watch *watch, *output_watch;
    int output;      /* read end of the step's stdout and stderr, or -1 */
    struct str tail; /* the last bytes of it */
    struct step_log log;
    struct step_context *contexts;
    struct progress_step *shown;
    bool ended; /* the job answered; its output may still be read */
};

/* The first step whose program failed. */
struct failed_step {
    const struct op *op; /* NULL: none has */
    struct digest tree;  /* what it had written */
    bool has_tree;
    char *not_kept; /* why there is no tree, or NULL */
};

struct platforms {
    struct platform *at;
    size_t size, cap;
};
/* options.c: --network; --allow into the fields that it sets. */
MUST_CHECK int build_network(const char *text, enum exec_network *ret, struct error *err);
MUST_CHECK int build_allow(const struct strings *texts, struct frontend_options *ret,
                           struct error *err);
/* --platform: each once, in the order given. -EINVAL. */
MUST_CHECK int build_platforms(const struct strings *texts, struct platforms *ret,
                               struct error *err);

struct build {
    const struct env *env;
    const struct build_options *options;
    struct image_tools tools;
    struct sources *sources;
    struct secrets *secrets;
    struct outputs outputs; /* as the options say; none: the store */
    struct dockerfile *dockerfile;
    struct check check;
    struct platforms platforms; /* --platform; none: this machine's */
    struct graph *graph;
    struct solver *solver;
    struct roots *roots;
    struct cache_imports *imports; /* NULL: none */
    struct loop *loop;
    struct step **steps; /* those that run */
    size_t step_count;
    size_t slots;
    struct store_key **locks; /* by op id */
    char **parts;             /* by op id: of its key, until it has run; or NULL */
    bool *was_shown;          /* by op id: on the screen */
    char *degraded;           /* what the identity cannot do, for the keys of RUN */
    char *identity;           /* of this file and context, for the memory of why steps missed */
    struct strings notes;     /* said to people already */
    struct error failed;      /* the first failure of a step */
    struct failed_step failed_step;
    int log_dir; /* of this build in the store; -1: no step has printed anything yet */
    size_t cached_count, run_count; /* steps, for the last line */
    int interrupted;                /* signal number, or 0 */
    bool listening;                 /* signals are caught: from the first step that runs */
    bool timer_fired;
};

/* ops.c */
extern const struct op_row build_rows[OP_KIND_COUNT];
/* The trees of root, bottom first: the image's and those of the steps since. Caller frees. */
MUST_CHECK int build_trees(struct build *b, struct op_ref root, struct digest **ret,
                           size_t *ret_count, struct error *err);

/* emulator.c: warns where a RUN that is to come cannot start its programs. */
void emulators_check(struct build *b);

/* run.c: begins the jobs. */
MUST_CHECK int run_exec(struct build *b, const struct op *op, struct error *err);
MUST_CHECK int run_file(struct build *b, const struct op *op, struct error *err);
/* A step that is shown, holds a slot, and has neither job nor anything else yet. */
struct step *step_new(struct build *b, const struct op *op);
/* Ends it: why is set where code is negative, else layer is what it made. */
void step_finish(struct step *s, int code, const struct result_layer *layer, struct error *why);
void step_free(struct step *s);
void step_contexts_free(struct step_context *c);
/* A step with its job. */
MUST_CHECK int step_start(struct build *b, const struct op *op, const char *job,
                          const json_t *request, const int *fds, size_t fd_count, int take_output,
                          struct step_context *take_contexts, struct error *err);
/* Trees as requests have them, and those of a root under "layers". */
json_t *build_layers_doc(const struct digest *trees, size_t count);
MUST_CHECK int build_root_doc(struct build *b, struct op_ref root, json_t *obj, struct error *err);
/* remote_step.c */
MUST_CHECK int run_remote(struct build *b, const struct op *op, struct error *err);
/* Finds out what the sources are that keys of the target's steps are made of. */
MUST_CHECK int build_resolve_remotes(struct build *b, struct error *err);
/* Makes the plan of a FILE op whose inputs are done; seen as in file_plan_make(). */
MUST_CHECK int build_file_plan(struct build *b, const struct op *op, struct file_plan *ret,
                               struct key *seen, struct error *err);
/* The plan of a RUN but its streams and mounts; the array has room for the step's mounts. */
void exec_plan_fill(struct build *b, const struct op_exec *e, struct spawn_plan *plan);
/* What the job of a RUN is sent. */
struct exec_request {
    json_t *doc;
    int fds[FRAME_FDS_MAX];
    size_t fd_count, borrowed; /* those behind the borrowed ones are ours */
};
#define EXEC_REQUEST_AUTO(name) CLEANUP(exec_request_done) struct exec_request name = {0}
void exec_request_done(struct exec_request *q);
/* commit: when what the program wrote becomes a tree: "good" (it ended with 0), "always", "never". */
MUST_CHECK int exec_request_make(struct build *b, const struct op *op,
                                 const struct spawn_plan *plan, const char *commit,
                                 struct exec_request *ret, struct error *err);
/* Kills what runs. */
void steps_cancel(struct build *b);

/* mounts.c: RUN --mount. What counts of the mounts, in either key. */
MUST_CHECK int mounts_key(const struct build *b, const struct op_exec *e, struct key *k,
                          struct error *err);
/* And what is in those that show other stages or images. */
MUST_CHECK int mounts_content_key(struct build *b, const struct op *op, struct key *k,
                                  struct error *err);
/* Those that need no job: tmpfs, secrets. The array of plan has room for all. */
MUST_CHECK int mounts_plan_add(struct build *b, const struct op_exec *e, struct spawn_plan *plan,
                               struct error *err);
/* The others, as the job reads them (mount_job.h); sockets of agents are appended to fds and to be
 * closed by the caller from *fd_count on. */
MUST_CHECK int mounts_pack(struct build *b, const struct op *op, json_t *request, int *fds,
                           size_t *fd_count, struct error *err);
/* What a cache mount is called in the store; false: it is none, or lies over a stage. */
bool mounts_cache_id(const struct exec_mount *m, struct digest *ret);
bool mounts_cache_exists(const struct build *b, const struct digest *id);
/* ops.c: user and group numbers of USER's text in root's passwd. */
MUST_CHECK int build_user(struct build *b, struct op_ref root, const char *user, uint32_t *ret_uid,
                          uint32_t *ret_gid, struct error *err);
/* build.c: adds the place in the Dockerfile, its line, and the stage. */
int build_error_at(const struct build *b, struct error *err, int code, const struct op *op);

/* failure.c: the error of a program that ended with this status. */
int failure_error(struct step *s, int status, struct error *err);
/* Keeps what the job answered about a failed program. */
void failure_note(struct step *s, const json_t *answer);
/* What --on-error wants, when nothing runs any more; err is the failure. Returns its code. */
int failure_end(struct build *b, int code, struct error *err);

/* explain.c: why steps run. definition: NULL while it is not known. */
void explain_miss(struct build *b, const struct op *op, const struct key *definition);
/* The key of a step that ran, or will: it is held against the next one's. */
void explain_keyed(struct build *b, const struct op *op, const struct key *definition);
/* What it made the last time: false when that is not known, or gone. */
bool explain_last_tree(struct build *b, const struct op *op, struct digest *ret);
/* What it made, once it ran: what failed has not been built. */
MUST_CHECK int explain_remember(struct build *b, const struct op *op, const struct digest *tree,
                                struct error *err);

/* cache_in.c: --cache-from. What cannot be read is a warning: the first build of all has nothing to take. */
struct cache_imports;
MUST_CHECK int cache_imports_open(struct build *b, struct error *err);
void cache_imports_free(struct cache_imports *c);
/* 1: a step with this key is in one of them, and its layer is in the store now. */
MUST_CHECK int cache_imports_find(struct build *b, const struct digest *key, struct result *ret,
                                  struct error *err);
/* Gives a cache mount that is not there yet what one of them has for it; mount: as mount_job.h wants it. */
MUST_CHECK int cache_imports_fill(struct build *b, const struct digest *id, const json_t *mount,
                                  struct error *err);
/* cache_out.c: --cache-to. Inline: puts what made the layers of the image that root is, of which `below` are the base's, into its
 * configuration; takes out what a base had there. */
MUST_CHECK int cache_inline(struct build *b, struct op_ref root, size_t below,
                            struct image_config *c, struct error *err);
MUST_CHECK int cache_write(struct build *b, struct error *err);

/* export.c */
/* The diff ids of the image that root began with. */
void build_base_diff_ids(const struct build *b, struct op_ref root, struct image_config *c);
/* The layers of root for image_new(), with the times that those of its image have. Caller frees. */
/* Writes down which images the steps to root read: FROM, COPY --from, RUN --mount. */
void build_note_origins(const struct build *b, struct op_ref root, struct image *image);
MUST_CHECK int build_layers(struct build *b, struct op_ref root, struct image_layer **ret,
                            size_t *ret_count, struct error *err);
/* Removes what an earlier build wrote to --iidfile or --metadata-file; NULL is fine, a link or device stays. */
void build_forget_file(const char *path);
/* What the options say about outputs. -EINVAL. */
MUST_CHECK int build_outputs(const struct build_options *o, struct outputs *ret, struct error *err);
/* What of them cannot end well, before any work. */
MUST_CHECK int build_check_outputs(const struct build_options *o, const struct outputs *outputs,
                                   struct error *err);
MUST_CHECK int build_export(struct build *b, struct error *err);
/* What --check, outline or targets found, into --metadata-file, if there is one. */
MUST_CHECK int build_write_result(const struct build *b, json_t *result, struct error *err);
