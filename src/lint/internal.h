/* lint/internal.h - between the files of the engine. */
#pragma once

#include "lint/rule.h"

/* Which of the overrides say something of a name; each is 1 + its number, 0: none. */
struct pick {
    size_t last;  /* of all */
    size_t off;   /* that switches it off */
    size_t level; /* that gives it a level */
};

struct linter {
    struct lint_options options;
    enum lint_level *levels; /* by number of the row; LINT_IGNORE: off */
    struct map named;        /* by overrides, in lower case -> struct pick */
    struct row_list {
        const struct lint_row **at;
        size_t size, cap;
    } files, stages, instructions, runs;
};

size_t lint_row_number(const struct lint_row *row);
/* Whoever silences that rule silences this one, too: the only one that covers it; or NULL. */
const struct lint_row *lint_row_cover(const struct lint_row *row);

/* Derives the stages and calls every check. */
void lint_walk(struct lint *l, const struct linter *linter);
/* The checks of one RUN, which ONBUILD may hold. */
void lint_walk_run(struct lint *l, const struct linter *linter, const struct lint_stage *s,
                   const struct instruction *in);

/* What comments of the file say of its findings: takes out, and sets experimental rules free. */
struct pragmas;
struct pragmas *pragmas_read(const struct dockerfile *d, const struct lint_options *o,
                             struct arena *arena);
/* experimental=NAME: a rule that is off is on for this file. */
bool pragmas_switch_on(const struct pragmas *p, const struct lint_row *row);
bool pragmas_ignore(struct pragmas *p, const struct lint_finding *f);
/* "# hadolint shell=" above the instruction, or size 0. */
struct view pragmas_shell(const struct instruction *in);
