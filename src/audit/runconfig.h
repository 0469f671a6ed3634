/* audit/runconfig.h - run configurations as facts for the rules: docker's options, and (by their content) the documents of
 * inspect, compose, Kubernetes and OCI runtimes. Bytes in, facts out: no file is opened here. */
#pragma once

#include "audit/docker_options.h"
#include "lint/facts_run.h"

#define RUNCONFIG_SIZE_MAX (16u << 20) /* bytes of JSON; of YAML it is YAML_SIZE_MAX */

struct run_list {
    struct arena *arena; /* of all texts */
    VEC(struct run_facts *) runs;
    size_t values; /* of all their lists: a limit holds for them */
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

struct image_config;
/* What the image of a container says, where the configuration says nothing. */
void runconfig_join(struct run_list *l, struct run_facts *f, const struct image_config *image);
