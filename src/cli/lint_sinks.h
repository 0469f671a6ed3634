/* cli/lint_sinks.h - where findings go: several formats at once, each into a file or to standard output. */
#pragma once

#include "base/env.h"
#include "base/vec.h"
#include "lint/format.h"

struct lint_sink {
    const struct lint_format *format;
    struct lint_output out;
    const char *path; /* NULL: standard output */
    FILE *file;
    int failed; /* errno of the first write that did */
};
struct lint_sinks {
    struct lint_sink *at;
    size_t size, cap;
};

/* As hadolint pairs them: the first format goes to the first output, and so on. An output too many has the last format; behind the
 * outputs, the last format goes to standard output, "-". -EINVAL: no such format, or standard output twice. No file is opened yet. */
MUST_CHECK int lint_sinks_pair(struct lint_sinks *sinks, const struct strings *formats,
                               const struct strings *outputs, struct error *err);
MUST_CHECK int lint_sinks_begin(struct lint_sinks *sinks, const struct env *env, bool brief,
                                bool color, struct error *err);
void lint_sinks_add(struct lint_sinks *sinks, bool all, const struct lint_subject *subject);
/* Ends the documents, also after a failure, and closes the files. */
MUST_CHECK int lint_sinks_end(struct lint_sinks *sinks, struct error *err);
void lint_sinks_done(struct lint_sinks *sinks);

bool lint_sinks_want(const struct lint_sinks *sinks, bool all); /* one has such a format */
bool lint_sinks_never_fail(const struct lint_sinks *sinks);     /* none has one that fails */
