/* lint/rule.h - the row of a rule, and what its check sees.
 *
 * A rule is one row in the table of its topic (rules_<topic>.c; table.c lists the tables). One walk over the syntax
 * tree calls the checks of all rows: file() once, stage() when a stage ends, instruction() for the kinds the row asks
 * for, run() for every RUN (run.h). What more than one rule asks (which stage FROM names, whose variables are
 * known, last USER) is derived once, here, and only looked at in checks. A check keeps no state: it sees all stages.
 *
 * Audits ask the same rows: image(), runtime() and host() look at facts that src/audit gathered (facts_*.h), not at a Dockerfile.
 * A practice that holds in several places is one row with several checks.
 *
 * Numbers: CP1xx structure, 2xx base image, 3xx packages, 4xx shell and RUN, 5xx metadata, 6xx security, 7xx files of images,
 * 8xx run configurations, 9xx hosts. */
#pragma once

#include "dockerfile/mount.h"
#include "lint/lint.h"

/* Where a rule can be decided. */
enum lint_where {
    LINT_DOCKERFILE = 1,
    LINT_CONTEXT = 2,
    LINT_IMAGE = 4,
    LINT_RUNCONFIG = 8,
    LINT_HOST = 16,
    LINT_EXEC = 32, /* a program that is started in a running container: runtime() is asked, too */
};

struct lint;
struct image_facts;
struct run_facts;
struct host_facts;
struct lint_stage;
struct lint_run;
struct lint_script;

#define LINT_KIND(k) (1u << INSTRUCTION_##k)

struct lint_row {
    const char *id;   /* "CP206": never given to another rule */
    const char *name; /* "base-floating-tag" */
    const char *aliases
        [17]; /* other tools' ids of the same rule; the first, unless NULL, is the code of its findings */
    const char *title;
    enum lint_level level;
    bool off;       /* unless it is switched on */
    unsigned where; /* of enum lint_where */
    const char *why, *fix;
    const char *bad,
        *good; /* examples, and the first tests: bad fires, good is clean of all warnings of all rules.
                  A Dockerfile where the row has a check for one, else docker run's options; rows of images
                  and hosts alone have theirs as prose, and tests of their own */
    const char *config; /* what .hadolint.yaml has to say for the examples; or NULL */
    const char *ignore; /* what .dockerignore has to say for them; or NULL */
    const char *
        sent; /* what the build context has for them, a name a line, a text behind a tab; "/" alone: it is that; or NULL */
    const char *beside; /* another Dockerfile of the same call, for them; or NULL */
    /* ids of the rules that say the same better: where one of them fires in the stage, it alone is shown */
    const char *covered_by[4];
    unsigned kinds; /* LINT_KIND(RUN) | ...: for instruction(), ONBUILD's triggers too */
    void (*file)(struct lint *l);
    void (*stage)(struct lint *l, const struct lint_stage *s);
    void (*instruction)(struct lint *l, const struct lint_stage *s, const struct instruction *in);
    void (*run)(struct lint *l, const struct lint_run *run);
    void (*image)(struct lint *l, const struct image_facts *f);
    void (*runtime)(struct lint *l, const struct run_facts *f);
    void (*host)(struct lint *l, const struct host_facts *f);
};

struct lint_table {
    const struct lint_row *rows;
    size_t count;
};
size_t lint_row_count(void);
const struct lint_row *lint_row_at(size_t i); /* in the order of tables */
/* By id, name or alias, case ignored; several rows may know one alias: the first. NULL: none. */
const struct lint_row *lint_row_find(struct view name);
/* What its findings are known by: hadolint's or BuildKit's name, else the id. */
const char *lint_row_code(const struct lint_row *row);
bool lint_is_buildkit(const char *alias); /* "StageNameCasing" */
bool lint_row_named(const struct lint_row *row, struct view name);
bool lint_row_is_dockerfile(const struct lint_row *row); /* it has a check for one */

/* Tables, one a file. */
extern const struct lint_table lint_pins, lint_packages, lint_caches, lint_shell, lint_layers,
    lint_deps, lint_tools, lint_contexts, lint_start, lint_trust, lint_shellcheck;
extern const struct lint_table lint_structure, lint_stages, lint_copy, lint_variables, lint_base,
    lint_variants, lint_metadata, lint_labels, lint_command, lint_security;
extern const struct lint_table lint_runtime, lint_reach, lint_limits, lint_images, lint_image_files,
    lint_hosts, lint_daemon;

/* ---- what checks see ---- */

/* A variable that ARG or ENV declared. */
struct lint_var {
    struct view name, value; /* value as written; at NULL: ARG without default */
    const struct instruction *in;
    bool arg; /* else ENV */
    const struct lint_var *before;
};

/* What holds at one place of a stage, inherited over FROM <stage>. A plain value. */
struct lint_scope {
    const struct lint_var *vars;       /* the latest first */
    const struct instruction *workdir; /* the last, or NULL */
    bool workdir_absolute;             /* one of them was */
    const struct instruction *user;    /* the last of this file; `FROM stage` hands it on */
    const struct instruction *shell;
    struct view pragma_shell; /* "# hadolint shell=": size 0 when there is none */
};

struct lint_stage {
    size_t index;                    /* SIZE_MAX: what stands before the first FROM */
    const struct instruction *from;  /* NULL there */
    struct view image;               /* as written */
    struct view name;                /* behind AS; size 0: none */
    const struct lint_stage *parent; /* the stage that image names, or NULL */
    const struct instruction *at;    /* the instructions behind FROM */
    size_t count;
    bool final;    /* the last of the file */
    bool used;     /* final, or a used later stage starts with it, copies or mounts from it */
    bool extended; /* some later stage starts with it */
    const struct lint_stage *namesake; /* the one above of the same name */
    /* while it is walked: before the instruction; in stage(): at its end */
    struct lint_scope scope;
    /* the last of the stage itself, not inherited; NULL: none */
    const struct instruction *cmd, *entrypoint, *health;
};

struct lint {
    const struct dockerfile *d;
    const struct linter *linter;
    const struct lint_options *options;
    struct lint_stage *stages; /* in order */
    size_t stage_count;
    struct lint_stage *preamble;   /* always there */
    struct map names;              /* of stages, in lower case: the last of that name */
    const enum lint_level *levels; /* by number of the row */
    struct arena *arena;           /* for as long as the report */
    struct map args;               /* of rules_pins.c */
    bool args_read;
    const struct lint_run **run_cache; /* by number of the instruction; for lint_run_get() */
    struct lint_script *scripts, **scripts_tail; /* for ShellCheck */
    /* for lint_add() */
    const struct lint_row *row;
    const struct lint_stage *stage;
    uint32_t
        unit; /* of the facts that are audited: findings of one are kept apart from the next's */
    struct lint_report *report;
};

/* A finding of the row whose check runs. Users' texts belong in quotes and cut: "'%.*s'", LINT_CUT(v). */
void lint_add(struct lint *l, struct span span, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* With how it is mended: one replacement; text is copied. */
void lint_add_edit(struct lint *l, struct span span, struct span replace, const char *text,
                   const char *fmt, ...) PRINTF_LIKE(5, 6);
/* With a code and level of its own: ShellCheck's. */
void lint_add_code(struct lint *l, struct span span, const char *code, enum lint_level level,
                   const char *fmt, ...) PRINTF_LIKE(5, 6);
/* In what is no Dockerfile: place says where ("layer 3: /usr/bin/passwd", "services.web.privileged"), span where it stands in the
 * file, if that is a text for people: else LINT_NOWHERE. place is copied. */
void lint_add_place(struct lint *l, const char *place, struct span span, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
#define LINT_NOWHERE ((struct span){0})
#define LINT_CUT(v) (int)MIN((v).size, 80u), (v).at

/* ---- helpers for checks ---- */

/* The variable as it is known at this place, or NULL. */
const struct lint_var *lint_var_find(const struct lint_scope *scope, struct view name);
/* The configuration of the image that the stage, or those it is made of, was started from: NULL when nobody knows it. */
const struct image_config *lint_stored_base(const struct lint *l, const struct lint_stage *s);
/* A number below stage_count, or a name (case ignored) of a stage; NULL: none. before: only stages above it. */
const struct lint_stage *lint_stage_find(const struct lint *l, struct view name, size_t before);
/* The word without the quotes around it. */
struct view lint_unquote(struct view v);
/* Sources of COPY and ADD: out of the context (no heredoc, no address); as a path of it, size 0: all. */
bool lint_from_context(const struct instruction *in, const struct word *w);
struct view lint_clean_source(struct view v);
/* BuildKit's list: a word between '_' is a secret's, unless another says that it is none. */
bool lint_secret_name(struct view name);
const char *lint_secret_in(struct view v); /* what a key or token in it is called, or NULL */
bool lint_has_variable(struct view v);     /* a '$' */
bool lint_path_is_absolute(
    struct view path); /* of Windows too; "$x..." counts, quotes are passed over */
/* The mounts of a RUN that can be read, in order; the report's arena's. */
const struct mount_spec *lint_mounts(const struct lint *l, const struct instruction *in,
                                     size_t *ret_count);
bool lint_view_in(struct view v, const char *const *names); /* names end with NULL; case ignored */
/* ret[i]: stage i has it, or a stage that it starts with, or one that is made of it. */
void lint_stages_with(const struct lint *l,
                      bool (*has)(const struct lint_stage *s, const void *ctx), const void *ctx,
                      bool *ret);
struct span lint_flag_span(const struct instruction *in,
                           const char *name); /* of the flag; else of the keyword */
