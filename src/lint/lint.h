/* lint/lint.h - rules over a Dockerfile: bytes in, findings with their places out. No file is opened here.
 *
 * One linter serves any number of files: what the options say of each rule is worked out once. */
#pragma once

#include "base/map.h"
#include "dockerfile/dockerfile.h"
#include "dockerfile/ignore.h"
#include "oci/digest.h"

#define LINT_FINDINGS_MAX                                                                          \
    10000 /* of one file: nobody reads more, and a row may fire for every word */

/* In order: a threshold takes what is not below it. */
enum lint_level { LINT_IGNORE, LINT_STYLE, LINT_INFO, LINT_WARNING, LINT_ERROR };

struct image_config;
struct lint_row;
struct lint_context;
struct lint_exceptions;

/* A part of the file that is to be replaced; text is the report's. Span of no width: put in before it. */
struct lint_edit {
    struct span span;
    const char *text;
};

struct lint_finding {
    const struct lint_row *row;
    const char *code; /* what people know it by: DL3006, UndefinedVar, SC2086; else the row's id */
    enum lint_level level; /* after what the configuration says */
    struct span span;      /* exact: the word or command, not only the instruction */
    uint32_t stage;        /* from 0 on; UINT32_MAX: before the first FROM, or no stage at all */
    /* of an audit: what span cannot say, or says less well; NULL in a Dockerfile */
    const char *place;
    const char *text;
    const struct lint_edit *edits; /* how it is mended; NULL: not by a machine */
    size_t edit_count;
};

/* Sorted by line, column, code; those of audits by level (the highest first), code, line, place. Zeroed memory is an empty one. */
struct lint_report {
    struct lint_finding *at;
    size_t size, cap;
    struct dockerfile *dockerfile; /* NULL when it did not parse */
    struct arena *arena;           /* texts */
    bool cut;                      /* there were more: the last one, CP100, says so */
};
void lint_report_done(struct lint_report *r);

/* What a label has to look like: the keys of .hadolint.yaml's label-schema. */
enum lint_label {
    LABEL_TEXT = 1, /* 0 is no type: they are values of a map */
    LABEL_RFC3339,
    LABEL_SEMVER,
    LABEL_HASH,
    LABEL_URL,
    LABEL_SPDX,
    LABEL_EMAIL
};

/* A rule is switched or moved; the last entry that names it counts. */
struct lint_override {
    const char *name; /* id, alias or name of a rule; "SC2086" */
    enum lint_level level;
    bool on; /* level does not matter: as the row has it, though it is off */
};

struct lint_options {
    const struct lint_override *overrides;
    size_t override_count;
    const struct strings *trusted; /* registries, '*' at either end; NULL or empty: any */
    const struct map *labels;      /* name -> (void *)(uintptr_t)enum lint_label; NULL: none */
    bool strict_labels;            /* no others */
    bool ignore_pragmas;           /* disable-ignore-pragma: "# hadolint ignore=" does nothing */
    bool no_shellcheck;
    const char *check;           /* BUILDKIT_DOCKERFILE_CHECK, in the place of "# check="; NULL */
    const struct ignore *ignore; /* .dockerignore of the context */
    struct lint_exceptions *exceptions; /* .cooperignore: takes findings out, and notes it */
    const char *path;                /* of the file, for exceptions and bases; NULL: it has none */
    struct lint_bases *bases;        /* files that differ in tags of one are told; NULL: they may */
    bool context;                    /* there is one: its rules are asked */
    const struct lint_context *sent; /* lint/context.h; NULL: nobody looked */
    /* The configuration of an image that FROM names, as far as it is known, or NULL. NULL: none is. */
    const struct image_config *(*stored)(void *ctx, struct view image);
    /* The digest of what the name of a base stood for when it was fetched; false: nobody knows. NULL: nobody does. */
    bool (*fetched)(void *ctx, struct view image, struct digest *ret);
    void *stored_ctx;    /* of both */
    bool other_platform; /* what is built is not for this machine, or not for it alone */
    bool audit;          /* what docker-bench has is on, though it is off in Dockerfiles */
    /* keep what another rule says of the same place already: build --check, conformance */
    bool raw;
};

/* The base images of all files of one call. */
struct lint_bases;
struct lint_bases *lint_bases_new(void);
void lint_bases_free(struct lint_bases *b); /* NULL is fine */

struct linter;
/* What options point to is borrowed until linter_free(). An override that names no rule is harmless. */
struct linter *linter_new(const struct lint_options *options);
void linter_free(struct linter *l);
/* What is another with each file: options.ignore, .sent and .path. */
void linter_next(struct linter *l, const struct ignore *ignore, const struct lint_context *sent,
                 const char *path);
DEFINE_CLEANUP(struct linter *, linter_free)

/* A text that is no Dockerfile is a finding (DL1000), no failure. */
void lint_text(const struct linter *l, struct view text, const char *name, struct lint_report *ret);
/* The same for one that is parsed. *ret borrows it (ret->dockerfile stays NULL). */
void lint_dockerfile(const struct linter *l, const struct dockerfile *d, struct lint_report *ret);

/* What an audit knows of one subject; NULL: nothing of that kind. */
struct lint_facts {
    const struct image_facts *image; /* lint/facts_image.h */
    const struct run_facts *run;     /* lint/facts_run.h */
    const struct host_facts *host;   /* lint/facts_host.h */
};
/* Asks every row that has a check for them; all facts together make one report. */
void lint_audit(const struct linter *l, const struct lint_facts *facts, size_t count,
                struct lint_report *ret);

const char *lint_level_name(enum lint_level level); /* "warning" */
MUST_CHECK bool lint_level_find(struct view name, enum lint_level *ret);
