/* lint/exceptions.h - .cooperignore: findings that somebody has looked at and takes as they are.
 *
 * A line is "RULE [PATH] [exp:YYYY-MM-DD] [# why]": any name of the rule (CP201, base-no-tag, DL3006, SC2086), a pattern of paths as in
 * .dockerignore, and the day (UTC) from which on the line says nothing any more. Rules that nobody knows are harmless: the file is
 * read by other commands, too. */
#pragma once

#include "base/error.h"
#include "base/str.h"

struct lint_finding;

#define EXCEPTIONS_SIZE_MAX (1u << 20) /* bytes of a file */
#define EXCEPTIONS_MAX 10000           /* lines: each is asked for every finding of its rule */

struct lint_exceptions;

/* now_s: seconds since 1970. -EINVAL, with err->where: a date that is none, a word too many, a malformed pattern, a NUL. */
MUST_CHECK int lint_exceptions_parse(struct view text, const char *name, int64_t now_s,
                                     struct lint_exceptions **ret, struct error *err);
void lint_exceptions_free(struct lint_exceptions *e); /* NULL is fine */
DEFINE_CLEANUP(struct lint_exceptions *, lint_exceptions_free)

/* True when a line takes the finding in the file at path; it is remembered. */
bool lint_exceptions_take(struct lint_exceptions *e, struct view path,
                          const struct lint_finding *f);

/* The lines in order, after all files: what it says and whether it was of use. False behind the last. */
struct lint_exception {
    unsigned line;
    const char *rule;
    bool expired, used;
};
bool lint_exceptions_at(const struct lint_exceptions *e, size_t i, struct lint_exception *ret);
