/* lint/format.h - findings as texts: one row a format. What a file needs is appended when its report is there, so that ten
 * thousand of them need the memory of one. */
#pragma once

#include "lint/lint.h"

/* One file and what was found in it. */
struct lint_subject {
    const char *name;   /* as reports call it */
    struct view source; /* for the line that is shown */
    const struct lint_report *report;
    bool hidden; /* its lines are not shown: there may be secrets in them */
};

struct lint_output {
    struct str text; /* the caller prints and clears it whenever it likes */
    bool color;      /* of tty */
    unsigned width;  /* of table: columns that a line may take; 0: any */
    bool brief;      /* of tty: one line a finding */
    size_t files, findings;
    bool *fired; /* by number of the row, for formats that list rules */
};

struct lint_format {
    const char *name;
    bool all;         /* for programs that know one tool's rules: what another rule covers, too */
    bool never_fails; /* hadolint's exit status with it is always 0 */
    void (*begin)(struct lint_output *o);
    void (*file)(struct lint_output *o, const struct lint_subject *s);
    void (*end)(struct lint_output *o);
};

/* NULL: none of that name. "gitlab_codeclimate" is gitlab. */
const struct lint_format *lint_format_find(const char *name);
/* "tty, json, ...": for messages. */
void lint_format_names(struct str *ret);

/* Without what a terminal obeys: names of files and bytes of Dockerfiles are anybody's. */
void format_add_clean(struct str *s, const char *text);

void lint_output_begin(struct lint_output *o, const struct lint_format *f);
void lint_output_file(struct lint_output *o, const struct lint_format *f,
                      const struct lint_subject *s);
void lint_output_end(struct lint_output *o, const struct lint_format *f);
void lint_output_done(struct lint_output *o);

/* The page of one rule for a terminal, and the whole reference as Markdown. */
void lint_explain(const struct lint_row *row, struct str *ret);
void lint_reference(struct str *ret);
