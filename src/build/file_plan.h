/* build/file_plan.h - what a FILE op comes down to once its inputs are known: wildcards are
 * matched, links followed, names of owners looked up; each step is one call of layer/copy.h. Data,
 * so that it goes to a job.
 *
 * Pure: reads views and indexes. The rules are in reference/dockerfile.md, "COPY and ADD". */
#pragma once

#include "build/graph.h"
#include "build/key.h"
#include "build/view.h"

struct file_step {
    enum file_action_kind kind;
    uint32_t input;    /* COPY */
    char *source;      /* COPY: plain, resolved */
    char *dest;        /* plain, resolved; of an archive: when it turns out to be none */
    char *unpack_dest; /* ADD of a file that may be an archive: where its entries go; else NULL */
    struct strings skips; /* COPY: names below source that other steps copy */
    /* COPY with --parents, --exclude: the action, borrowed; else NULL */
    const struct file_action *filtering;
    size_t filter_base; /* length of the path in the source that its patterns are relative to */
    bool lazy;          /* COPY: a directory that appears when something in it does */
    bool whole;         /* COPY: of a directory its own mode too */
    bool replace;       /* COPY of what an archive held: copy_source.replace */
    bool keep_owner;    /* COPY: owners of the source stay */
    bool has_owner;     /* uid and gid are asked for */
    uint32_t uid, gid;  /* else 0:0 */
    const char *mode;   /* --chmod, borrowed from the action; "" */
    uint32_t make_mode; /* MKDIR, WRITE */
    struct view data;   /* WRITE, borrowed */
};

struct file_plan {
    VEC(struct file_step) steps;
    /* gets what the root below has where the steps write, and the directories above; NULL: not wanted. What an
     * archive has is not known yet, and so not what it may meet. */
    struct index_builder *below;
};
#define FILE_PLAN_AUTO(name) CLEANUP(file_plan_done) struct file_plan name = {0}
void file_plan_done(struct file_plan *p);

/* A source of a COPY that matched: for the keys, and one by one for the plan. */
struct file_match {
    char *path; /* plain, links followed */
    char *name; /* what it is called at the destination: the last part of what was written */
    enum entry_type type;
};
struct file_matches {
    VEC(struct file_match) list;
};
#define FILE_MATCHES_AUTO(name) CLEANUP(file_matches_done) struct file_matches name = {0}
void file_matches_done(struct file_matches *m);

/* What the action's source stands for in v. A literal name that is not there is -ENOENT, one that
 * .dockerignore left out -EACCES; patterns match nothing without complaint. */
MUST_CHECK int file_match(const struct tree_view *v, const struct file_action *a,
                          struct file_matches *ret, struct error *err);

struct file_plan_input {
    const struct merge *below;      /* inputs[0] */
    const struct tree_view *inputs; /* by input number; [0] is not used */
    /* Numbers of an owner text ("name", "1:2", "name:group") in the root below. */
    int (*owner)(void *ctx, const char *text, uint32_t *ret_uid, uint32_t *ret_gid,
                 struct error *err);
    void *ctx;
};

/* seen (may be NULL) gets what the plan depends on below: the resolved destinations, their parents
 * and links. */
MUST_CHECK int file_plan_make(const struct op *op, const struct file_plan_input *in,
                              struct file_plan *ret, struct key *seen, struct error *err);
/* The steps of one directory onto dest (plain): follows links to directories that are below it. filter: like's, or
 * NULL. */
MUST_CHECK int file_plan_directory(const struct tree_view *v, const struct merge *below,
                                   const struct file_step *like, const struct file_filter *filter,
                                   const char *source, const char *dest, struct file_plan *ret,
                                   struct key *seen, struct error *err);
