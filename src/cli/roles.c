#include "cli/roles.h"

#include <stdio.h>
#include <string.h>

#include "audit/jobs.h"
#include "base/vec.h"
#include "build/agent.h"
#include "build/jobs.h"
#include "distro/jobs.h"
#include "image/jobs.h"
#include "net/fetch.h"
#include "net/git.h"
#include "run/run.h"
#include "sandbox/holder.h"

/* The jobs that a holder can do: each module brings its rows. */
static const struct {
    const struct job_row *rows;
    const size_t *count;
} jobs[] = {
    {image_jobs, &image_job_count},   {build_jobs, &build_job_count},
    {distro_jobs, &distro_job_count}, {run_jobs, &run_job_count},
    {audit_jobs, &audit_job_count},
};

static int holder(int argc, char **argv)
{
    VEC(struct job_row) all = {0};

    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        for (size_t k = 0; k < *jobs[i].count; k++)
            vec_push(&all, jobs[i].rows[k]);
    const int status = holder_main(argc, argv, all.at, all.size);
    vec_done(&all);
    return status;
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} roles[] = {
    {"@holder", holder},
    {"@net", fetch_role_main},
    {"@git", git_role_main},
    {"@agent", agent_role_main},
};

int role_main(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
        if (strcmp(argv[0], roles[i].name) == 0)
            return roles[i].run(argc, argv);
    fprintf(stderr, "cooper: there is no role '%s'\n", argv[0]);
    return 125;
}
