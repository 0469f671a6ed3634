/* cli/audit.h - between the files of `cooper audit`: one for each kind of subject. */
#pragma once

#include "audit/runconfig.h"
#include "base/env.h"
#include "cli/access.h"
#include "cli/docker_options.h"
#include "cli/lint_settings.h"
#include "cli/lint_sinks.h"
#include "lint/config.h"

struct audit_options {
    const char *config, *threshold, *explain, *ignore_file, *exit_code;
    const char *platform; /* of images */
    struct access_words access;
    const char *host; /* NULL: not asked for; "": this one, else where its root directory is */
    struct strings trusted, files;
    struct strings formats, outputs;
    struct lint_choices choices;
    bool no_fail, brief, all;
    struct docker_options run;
};

struct audit_work {
    const struct env *env;
    const struct audit_options *o;
    struct lint_config config;
    struct lint_exceptions *exceptions;
    struct linter *linters[2]; /* [1]: with what another rule covers, for formats that want it */
    struct lint_sinks sinks;
    bool failed; /* a finding at or above the threshold */
};

/* Asks the rules and prints what they found. name: of the subject in reports; source: the text in which findings with a line
 * stand, or nothing. */
void audit_judge(struct audit_work *w, const char *name, struct view source,
                 const struct lint_facts *facts, size_t count);
/* The same of run configurations: a finding is reported in the file of the list in which it stands. */
void audit_judge_runs(struct audit_work *w, const char *name, const struct run_list *list);

/* Words that begin with a whole command line ("docker run ...", "sudo podman container exec ..."; or that as one word, quotes and all)
 * as what stands behind the engine's name, from "run" or "exec" on. 0: they do not; -EINVAL: there is no such command. *ret is the
 * caller's. */
MUST_CHECK int audit_line(char *const *words, struct strings *ret, struct error *err);
/* docker run's or exec's options, with the image's facts where the store has it. */
MUST_CHECK int audit_run(struct audit_work *w, const struct docker_options *o, struct error *err);
/* An image of the store; or oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, docker://NAME, read where it is. */
MUST_CHECK int audit_image(struct audit_work *w, const char *name, struct error *err);
/* A file, or "-": compose, inspect, pods, config.json of a runtime, by its content. */
MUST_CHECK int audit_file(struct audit_work *w, const char *path, struct error *err);
/* Compose files, each written over those before it. */
MUST_CHECK int audit_merged(struct audit_work *w, const struct strings *paths, struct error *err);
/* The host of --host: its findings, or with --all the list of its checks. */
MUST_CHECK int audit_host(struct audit_work *w, struct error *err);
