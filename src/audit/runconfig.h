/* audit/runconfig.h - run configurations as facts for the rules: docker's options, and (by their content) the documents of
 * inspect, compose, Kubernetes and OCI runtimes. Bytes in, facts out: no file is opened here. */
#pragma once

#include "audit/docker_options.h"
#include "lint/facts_run.h"

struct run_list {
    struct arena *arena; /* of all texts */
    VEC(struct run_facts *) runs;
};
void run_list_done(struct run_list *l);
#define RUN_LIST_AUTO(name) CLEANUP(run_list_done) struct run_list name = {0}

/* Words that docker would refuse are -EINVAL. */
MUST_CHECK int runconfig_options(const struct docker_options *o, struct run_list *ret,
                                 struct error *err);
