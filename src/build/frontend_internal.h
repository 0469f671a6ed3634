/* build/frontend_internal.h - between the files of the front end: what a stage is made of while its instructions
 * are gone through. */
#pragma once

#include "base/map.h"
#include "build/frontend.h"
#include "oci/config.h"

#define FRONTEND_ENV_MAX (256u << 20) /* bytes: 10,000 steps with 25 KiB each */

/* An instruction of the stage, or a trigger of its base. */
struct fe_command {
    const struct instruction *in;
    bool trigger; /* then places are those of the FROM that fired it */
};
struct fe_commands {
    struct fe_command *at;
    size_t size, cap;
};

/* ARG, in the order of the file; value NULL: declared, but nobody set it. */
struct fe_arg {
    const char *name, *value;
};
struct fe_args {
    struct fe_arg *at;
    size_t size, cap;
};

struct fe_stage {
    const struct instruction *from;
    uint32_t index;
    const char *name;  /* lower case, "" without */
    const char *label; /* of titles: the name or "stage-1" */
    const char *base_name;
    struct fe_stage *base; /* an earlier stage; NULL: an image or scratch */
    bool scratch;
    bool replaced; /* --build-context has its name: its instructions do not count */
    bool platform_set;
    struct platform platform;
    const struct fe_source *source; /* of base, when it is an image */

    struct fe_commands commands;
    bool needed;
    bool no_cache; /* --no-cache-filter names it */

    /* from here on: the state behind the last instruction */
    struct op_ref root;
    struct image_config *config;
    struct pairs vars; /* what $name is: the image's Env and the ARGs, the later wins */
    struct fe_args args;
    bool cmd_set; /* by CMD in this stage */
    unsigned step, step_count;
};

/* What the resolver said of a name, asked once. */
struct fe_source {
    struct source source;
    struct op_ref root;
};

struct frontend {
    const struct dockerfile *d;
    const struct frontend_options *o;
    const struct source_resolver *sources;
    struct graph *g;
    struct arena *arena; /* g's */

    struct pairs build_args; /* --build-arg, those that have a value */
    struct map used_args;    /* names that an ARG asked for */
    struct pairs header;     /* platform arguments and ARG before the first FROM */
    struct pairs
        bare; /* those ARGs that nobody set: "" where the header and FROM expand them, unset in stages */
    struct fe_stage **stages;
    size_t stage_count;
    struct fe_stage *target;
    const char *
        undeclared; /* what is to be said of a variable in the word of FROM that was expanded last; or NULL */
    struct map named;          /* "platform name" -> fe_source */
    struct fe_source *context; /* asked for when the first COPY needs it */
    VEC(struct dockerfile *) triggers;
    const char *const *secret_env; /* NAME=value of proxies that were asked for */
    size_t secret_env_count;
    size_t env_bytes; /* of all RUN steps so far */
};

/* ---- variables (frontend_vars.c) ---- */

int fe_read_build_args(struct frontend *fe, struct error *err);
int fe_read_header(struct frontend *fe, struct error *err);
/* A variable of the caller, or NULL. */
const char *fe_environ(const struct frontend *fe, struct view name);
/* SOURCE_DATE_EPOCH (frontend_epoch.c): what the caller gave, before the header is read; then what the header says, or
 * what --reproducible alone means. Its value is a number behind it, for every ARG of that name. */
int fe_read_epoch(struct frontend *fe, struct error *err);
int fe_read_header_epoch(struct frontend *fe, struct error *err);
void fe_read_proxies(struct frontend *fe);
/* Expands the word with the stage's variables; *ret lives in the arena. Unset names become warnings. */
int fe_expand(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
              const struct word *w, const char **ret, struct error *err);
/* The same with those of the header: FROM. */
int fe_expand_header(struct frontend *fe, const struct instruction *in, const struct word *w,
                     const char **ret, struct error *err);
/* A flag's value, expanded; "" when it is absent. */
int fe_expand_flag(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                   const char *name, const char **ret, struct error *err);
/* The value of --mount, its parts expanded. */
int fe_parse_mount(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                   const struct flag *f, struct mount_spec *ret, struct error *err);
/* Cut at blanks (EXPOSE). */
int fe_split(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
             const struct word *w, struct strings *ret, struct error *err);
/* The body of a heredoc. */
int fe_expand_heredoc(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                      const struct heredoc *h, struct view *ret, struct error *err);

/* ---- places and words for people (frontend_vars.c) ---- */

/* Where to point for a part of c: what ONBUILD brought stands in no file, then at FROM. */
struct span fe_span(const struct fe_stage *s, const struct fe_command *c, struct span span);
/* Sets where; returns code. */
int fe_at(const struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
          struct span span, int code, struct error *err);
void fe_warn(struct frontend *fe, struct span span, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Of the flag, or of the instruction when it has none of that name. */
struct span fe_flag_span(const struct instruction *in, const char *name);
/* title, where, line, stage of an op that the instruction made. */
void fe_describe(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                 struct op *op);
/* The same for an op that an instruction needs beside its own; it has no number. */
void fe_describe_aside(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                       struct op *op, const char *what);
void fe_history(struct fe_stage *s, bool layer, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* ---- what it offers (frontend_outline.c) ---- */

json_t *fe_outline(const struct frontend *fe);

/* ---- stages (frontend_stage.c) ---- */

int fe_read_stages(struct frontend *fe, struct error *err);
int fe_pick_target(struct frontend *fe, struct error *err);
/* Marks the stages that the target needs, from the last to the first, resolving the images on the way, for their
 * triggers may name further stages. */
int fe_mark_needed(struct frontend *fe, struct error *err);
/* Sets up the stage from its base. */
int fe_begin_stage(struct frontend *fe, struct fe_stage *s, struct error *err);
/* Of a stage that has begun: its programs have another shell, and PATH is the system's affair. */
bool fe_is_windows(const struct fe_stage *s);
/* The stage that --from names (an earlier one of s), or NULL; -EINVAL for itself and later ones. */
int fe_find_from(const struct frontend *fe, const struct fe_stage *s, struct view name,
                 struct fe_stage **ret, struct error *err);
/* An image or named context, by name. */
int fe_resolve(struct frontend *fe, const char *name, const struct platform *p,
               struct fe_source **ret, struct error *err);
/* The build context. */
int fe_context(struct frontend *fe, struct fe_source **ret, struct error *err);
void fe_free_stage(struct fe_stage *s);
/* The op of a remote source, made once. */
struct op *fe_remote_op(struct frontend *fe, const char *name, const struct source *source);

/* ---- instructions: one function each ---- */

typedef int (*fe_instruction)(struct frontend *fe, struct fe_stage *s, const struct fe_command *c,
                              struct error *err);
int fe_copy(struct frontend *fe, struct fe_stage *s, const struct fe_command *c, struct error *err);
int fe_run(struct frontend *fe, struct fe_stage *s, const struct fe_command *c, struct error *err);
/* All that change the configuration only, WORKDIR with its directory too; NULL for other kinds. */
fe_instruction fe_metadata(enum instruction_kind kind);

/* The words that run: SHELL and one text, or the JSON form as it is. */
void fe_command_words(const struct fe_stage *s, const struct instruction *in,
                      const struct word *words, size_t count, struct strings *ret);
/* --reproducible: what comes from a directory of the user has modes that no umask shows in. */
void fe_set_portable(const struct frontend *fe, struct file_action *a);
/* The root behind --from or from=; "" is the build context. op NULL: scratch. */
int fe_root_of(struct frontend *fe, const struct fe_stage *s, struct view name, struct op_ref *ret,
               struct error *err);

/* ---- RUN --mount (frontend_mount.c) ---- */

struct fe_mounts {
    struct exec_mount *at;
    struct op_ref *roots; /* by mount: what it shows; op NULL: nothing of the build */
    size_t count;
};
/* Adds the ops that they need; the RUN's own comes behind these. */
int fe_read_mounts(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                   struct fe_mounts *ret, struct error *err);
void fe_add_mounts(struct frontend *fe, const struct fe_mounts *mounts, struct op *op);
/* Marks the stages that the instruction's mounts show as needed. */
int fe_mark_mounts(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                   struct error *err);

/* ---- sources of ADD that are remote (frontend_remote.c) ---- */

/* What a source of COPY or ADD comes from. */
struct fe_from {
    struct op_ref root;
    const char *path; /* below it, a pattern where it has one */
    bool is_remote, is_file;
};
/* 1: text is remote, *ret is set; 0: it is a path. */
int fe_add_remote(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                  const struct word *w, const char *text, struct fe_from *ret, struct error *err);
/* --checksum, expanded, is for one remote source. */
int fe_check_checksum(struct frontend *fe, const struct fe_stage *s, const struct fe_command *c,
                      const struct fe_from *sources, size_t count, struct error *err);

/* What ONBUILD keeps: the rest of the line, heredocs and their ends. */
void fe_trigger_text(const struct instruction *in, struct str *ret);
/* "a/b" below directory, cleaned; absolute stays so. */
void fe_join_path(const char *directory, const char *path, struct str *ret);
