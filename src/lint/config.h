/* lint/config.h - what decides how rules apply: .hadolint.yaml, HADOLINT_* variables, options of the command line.
 *
 * They are read in that order: environment, file, command line. Lists add up, of scalars the last counts (hadolint). */
#pragma once

#include "lint/lint.h"

struct lint_config {
    struct {
        struct lint_override *at;
        size_t size, cap;
    } overrides;
    struct strings names; /* of overrides */
    struct strings trusted, formats;
    struct map labels;
    bool strict_labels, ignore_pragmas, no_fail, no_color, verbose;
    enum lint_level threshold;
};
void lint_config_init(struct lint_config *c); /* threshold info */
void lint_config_done(struct lint_config *c);

/* -EINVAL: no YAML, a value of the wrong type, no such level or type of a label. Unknown keys are passed over, as in hadolint. */
MUST_CHECK int lint_config_yaml(struct lint_config *c, struct view text, const char *name,
                                struct error *err);
/* get: getenv. Values that say nothing are passed over, as in hadolint. */
void lint_config_environ(struct lint_config *c, const char *(*get)(const char *name));

void lint_config_set(struct lint_config *c, const char *rule, enum lint_level level);
void lint_config_enable(struct lint_config *c, const char *rule);
/* "name:type". */
MUST_CHECK int lint_config_label(struct lint_config *c, struct view text, struct error *err);
/* A level or "none", which takes every finding. */
MUST_CHECK int lint_config_threshold(struct lint_config *c, const char *word, struct error *err);

/* What a linter is made of; it borrows c. */
struct lint_options lint_config_options(const struct lint_config *c);
