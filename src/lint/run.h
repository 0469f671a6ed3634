/* lint/run.h - what a RUN (or CMD, ENTRYPOINT, HEALTHCHECK) calls: programs with their arguments, in the order of the
 * text, out of shell form, JSON form and the scripts that heredocs hand to a shell.
 *
 * Lists of names below are one text with blanks between: "apt-get apt aptitude". */
#pragma once

#include "lint/rule.h"
#include "lint/sh.h"

struct lint_arg {
    struct view text;           /* quotes removed; SH_EXPANSION for what is not known */
    const struct sh_word *word; /* NULL: of a JSON form */
    bool flag;                  /* begins with '-', and more than "-" and "--" */
};

struct lint_call {
    struct view name; /* as written; behind exec, command and builtin; size 0: not known */
    const struct lint_arg *args;
    size_t arg_count;
    const struct sh_node *node; /* NULL: of a JSON form */
    struct view bytes;          /* where it stands; at NULL: the whole instruction */
};

struct lint_run {
    const struct instruction *in; /* of ONBUILD its trigger */
    const struct lint_stage *stage;
    bool trigger;  /* of ONBUILD */
    bool windows;  /* PowerShell or cmd reads it */
    bool detached; /* positions in the script are not those of the file: JSON form of `sh -c` */
    const struct lint_call *calls;
    size_t call_count;
    const struct sh_script *const
        *scripts; /* more than one: bodies of heredocs that a shell reads */
    size_t script_count;
    const struct mount_spec *mounts;
    size_t mount_count;
};

/* Read once for each instruction of a stage (ONBUILD's trigger is looked into); NULL for kinds without a program. */
const struct lint_run *lint_run_get(struct lint *l, const struct lint_stage *s,
                                    const struct instruction *outer);

/* Places, exact in continued lines and heredocs. */
struct span lint_place(const struct lint *l, const struct lint_run *run, struct view bytes);
struct span lint_call_span(const struct lint *l, const struct lint_run *run,
                           const struct lint_call *c);
struct span lint_arg_span(const struct lint *l, const struct lint_run *run,
                          const struct lint_call *c, const struct lint_arg *a);

/* No bytes, at the end of it: where an edit puts something in. */
struct span lint_span_behind(struct span s);
/* Where one more command may be joined with && to the script that the call stands in; false: nowhere. */
bool lint_run_end(const struct lint *l, const struct lint_run *run, const struct lint_call *c,
                  struct span *ret);

/* Is path the same as root, or below it? */
bool lint_path_below(struct view path, struct view root);
bool lint_in_list(struct view word, const char *list);
struct view lint_base_name(struct view path);

bool call_is(const struct lint_call *c, const char *names);
const struct lint_arg *call_has(const struct lint_call *c, const char *words); /* any argument */
/* Any of the flags: one letter in a cluster ("-yq"), more letters behind "--", with "=value" or not. */
const struct lint_arg *call_flag(const struct lint_call *c, const char *flags);
unsigned call_flag_count(const struct lint_call *c, const char *flags);
/* What -u VALUE, -uVALUE, --uid VALUE or --uid=VALUE says; {NULL, 0}: not given. */
struct view call_flag_value(const struct lint_call *c, const char *flags);
/* The next argument that is no flag and no value of one of `valued`; *at begins at 0. NULL at the end, which "--" is
 * not: it is passed over. */
const struct lint_arg *call_operand(const struct lint_call *c, size_t *at, const char *valued);
/* pip install, python -m pip install, pipx and pipenv install. */
bool call_is_pip_install(const struct lint_call *c);

/* The next package that apt, apk, yum, dnf or zypper is asked to install; name is without its version. *at begins at
 * 0. NULL at the end, and at once for other calls. */
const struct lint_arg *call_package(const struct lint_call *c, size_t *at, struct view *name);

/* A cache or tmpfs mount at one of the paths or above it. */
bool run_has_mount(const struct lint_run *run, const char *paths);
/* rm of one of the paths or of what is below them, by a call behind `from`; "~" and "$HOME" are /root. */
bool run_removes(const struct lint_run *run, size_t from, const char *paths);
/* The value of NAME=value before the call, of an export in the same RUN, or of ENV and ARG; false: not set. */
bool run_variable(const struct lint_run *run, const struct lint_call *c, const char *name,
                  struct view *ret);
