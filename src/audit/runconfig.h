/* audit/runconfig.h - run configurations as facts for the rules: docker's options, and (by their content) the documents of
 * inspect, compose, Kubernetes and OCI runtimes. Bytes in, facts out: other files of a compose project, and files of variables, are
 * asked of the caller's run_opener.
 *
 * All files of a list are one text for its places: a file's lines are numbered behind those of the file before it, and
 * run_list_file() says which one a line is of. */
#pragma once

#include "audit/docker_options.h"
#include "lint/facts_run.h"

#define RUNCONFIG_SIZE_MAX (16u << 20) /* bytes of JSON; of YAML it is YAML_SIZE_MAX */

struct run_file {
    const char *name;        /* for people */
    const char *dir;         /* below the project's, plain: where its names lead; "" is that */
    struct view text;        /* borrowed */
    uint32_t lines_before;   /* in lines of places: its first is the one behind */
    bool hidden;             /* its lines are not to be shown */
    bool missing;            /* it is not read, and no file of the list */
    size_t first, count;     /* its documents */
    VEC(struct run_env) env; /* of a file of variables */
};

/* Opens what a configuration names; path is plain, below the project's directory. A failure is noted, and the file not read. */
struct run_opener {
    int (*read)(void *ctx, const char *path, size_t limit, struct str *ret, struct error *err);
    void *ctx;
};

struct run_list {
    struct arena *arena; /* of all texts */
    VEC(struct run_facts *) runs;
    size_t values;                   /* of all their lists: a limit holds for them */
    const struct run_opener *opener; /* NULL: nothing is opened */
    const char *title;               /* of what stands in no file: "run app:1"; or NULL */
    VEC(struct run_file *) files;
    uint32_t lines;
    /* which files were not read, and why: "compose.yml:3:5: '/x.yml' is not read: ..." */
    struct strings notes;
};
void run_list_done(struct run_list *l);
#define RUN_LIST_AUTO(name) CLEANUP(run_list_done) struct run_list name = {0}

/* Words that docker would refuse are -EINVAL. */
MUST_CHECK int runconfig_options(const struct docker_options *o, struct run_list *ret,
                                 struct error *err);
/* JSON or YAML: what docker and podman inspect print, a compose file, objects of Kubernetes, config.json of an OCI runtime. What is
 * none of them, or broken, is -EINVAL with err->where "name:line:column" where it has a place; beyond a limit -EDQUOT. */
MUST_CHECK int runconfig_parse(struct view text, const char *name, struct run_list *ret,
                               struct error *err);
/* Compose files, each written over those before it (docker compose -f A -f B). */
struct run_input {
    struct view text;
    const char *name;
};
MUST_CHECK int runconfig_merged(const struct run_input *inputs, size_t count, struct run_list *ret,
                                struct error *err);
/* The file in which a line of a place stands; NULL: there are none. */
const struct run_file *run_list_file(const struct run_list *l, uint32_t line);

struct image_config;
/* What the image of a container says, where the configuration says nothing. */
void runconfig_join(struct run_list *l, struct run_facts *f, const struct image_config *image);
